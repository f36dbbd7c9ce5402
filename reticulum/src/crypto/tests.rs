//! Golden values of spec 14.1, and rows 1 to 5 and 26 of 14.2 as far as they need no reference at hand.

use proptest::prelude::*;

use super::hkdf::hkdf;
use super::*;
use crate::hash::{DestinationHash, IdentityHash, NameHash, sha256};
use crate::vectors::*;

fn identity(private: &str) -> Identity {
    Identity::from_bytes(&hex_array(private))
}

fn counting<const N: usize>() -> [u8; N] {
    std::array::from_fn(|i| i as u8)
}

mod identities {
    use super::*;

    #[test]
    fn private_form_gives_public_form_and_hash() {
        let a = identity(A_PRIVATE);
        assert_eq!(a.public().to_bytes().to_vec(), hex(A_PUBLIC));
        assert_eq!(a.hash().to_string(), A_HASH);
        assert_eq!(a.to_bytes().to_vec(), hex(A_PRIVATE));
        assert_eq!(PublicIdentity::from_bytes(&hex_array(A_PUBLIC)).as_ref(), Some(a.public()));
        assert_eq!(identity(B_PRIVATE).hash().to_string(), B_HASH);
    }

    #[test]
    fn names_give_destination_hashes() {
        let name = NameHash::of_name("rns_unit_tests.link.establish");
        assert_eq!(name.to_string(), "528b84ff9fa689c05795");
        let destination = DestinationHash::of_single(name, identity(A_PRIVATE).hash());
        assert_eq!(destination.to_string(), "fb48da0e82e6e01ba0c014513f74540d");
        let b = IdentityHash::from_hex(B_HASH).unwrap();
        let destination = DestinationHash::of_single(NameHash::of_name("spec.test"), b);
        assert_eq!(destination.to_string(), B_DESTINATION);
    }

    #[test]
    fn well_known_names_have_the_hashes_of_the_specification() {
        for (name, name_hash, plain) in [
            ("rnstransport.path.request", "7926bbe7dd7f9aba88b0", Some("6b9f66014d9853faab220fba47d02761")),
            (
                "rnstransport.tunnel.synthesize",
                "324e54e934712b5731af",
                Some("91bf0910267b59b0e864e0d4c91602ca"),
            ),
            ("rnstransport.probe", "fd68805f2ea383c8d6f6", None),
            ("rnstransport.remote.management", "4848a053c16415bed6c8", None),
            ("rnstransport.info.blackhole", "9e059549ef49a8c64d18", None),
            ("rnstransport.discovery.interface", "55aa39e85c3e045e9cb1", None),
            ("lxmf.delivery", "6ec60bc318e2c0f0d908", None),
            ("lxmf.propagation", "e03a09b77ac21b22258e", None),
        ] {
            let hash = NameHash::of_name(name);
            assert_eq!(hash.to_string(), name_hash, "{name}");
            if let Some(plain) = plain {
                assert_eq!(DestinationHash::of_plain(hash).to_string(), plain, "{name}");
            }
        }
    }

    #[test]
    fn signatures_verify_and_nothing_else_does() {
        let (a, b) = (identity(A_PRIVATE), identity(B_PRIVATE));
        for message in [&[][..], &[7], &[1; 1000]] {
            let signature = a.sign(message);
            assert_eq!(signature, a.sign(message), "signatures are deterministic");
            assert!(a.public().verify(message, &signature));
            assert!(!b.public().verify(message, &signature));
            let mut other = signature;
            other[40] ^= 1;
            assert!(!a.public().verify(message, &other));
            assert!(!a.public().verify(&[message, &[0]].concat(), &signature));
        }
    }

    #[test]
    fn bytes_that_are_no_point_are_no_identity() {
        let mut bytes = hex_array(A_PUBLIC);
        bytes[32..].copy_from_slice(&[2; 32]);
        assert_eq!(PublicIdentity::from_bytes(&bytes), None);
        assert!(!verify_ed25519(&[2; 32], b"", &[0; 64]));
    }

    #[test]
    fn secrets_do_not_print() {
        let a = identity(A_PRIVATE);
        assert_eq!(format!("{a:?}"), format!("Identity({A_HASH}, [redacted])"));
        let ifac = Ifac::new(Some("net"), None, 16).unwrap();
        for printed in [
            format!("{:?}", EphemeralX25519::from_bytes([1; 32])),
            format!("{:?}", SigningKey::from_bytes(&[1; 32])),
            format!("{:?}", RatchetSecret::from_bytes([1; 32])),
            format!("{:?}", Token::new(&[1; 64])),
            format!("{:?}", super::super::Rng::from_seed([1; 32])),
            format!("{ifac:?}"),
        ] {
            assert!(printed.ends_with("[redacted])"), "{printed}");
        }
    }
}

mod sealing {
    use super::*;

    fn ratchets() -> Vec<RatchetSecret> {
        (1..=3).map(|i| RatchetSecret::from_bytes([i; 32])).collect()
    }

    #[test]
    fn a_payload_to_the_identity_opens_with_its_own_key() {
        let b = identity(B_PRIVATE);
        let sealed = b.public().seal(None, &counting(), b"hello");
        assert_eq!(sealed.len(), 32 + Token::sealed_len(5));
        let opened = b.open(&ratchets(), &sealed, false).unwrap();
        assert_eq!(opened, Opened { plaintext: b"hello".to_vec(), ratchet: None });
        assert_eq!(b.open(&ratchets(), &sealed, true), Err(OpenError::NoKey), "ratchets are enforced");
        assert_eq!(identity(A_PRIVATE).open(&[], &sealed, false), Err(OpenError::NoKey));
    }

    #[test]
    fn the_ratchet_that_fits_opens_the_payload_wherever_it_stands() {
        let b = identity(B_PRIVATE);
        for ratchet in ratchets() {
            let sealed = b.public().seal(Some(&ratchet.public()), &counting(), b"hello");
            for enforce in [false, true] {
                let opened = b.open(&ratchets(), &sealed, enforce).unwrap();
                assert_eq!(opened, Opened { plaintext: b"hello".to_vec(), ratchet: Some(ratchet.id()) });
            }
            assert_eq!(b.open(&[], &sealed, false), Err(OpenError::NoKey));
        }
    }

    #[test]
    fn the_salt_is_the_identity_hash_and_the_ephemeral_key_comes_first() {
        let b = identity(B_PRIVATE);
        let ephemeral = EphemeralX25519::from_bytes(counting());
        let ratchet = RatchetSecret::from_bytes([1; 32]).public();
        let sealed = b.public().seal(Some(&ratchet), &counting(), b"hello");
        let (key, token) = sealed.split_at(32);
        assert_eq!(key, ephemeral.public());
        let token_key = Token::derive(&ephemeral.shared(ratchet.as_bytes()), b.hash().as_ref());
        assert_eq!(token_key.open(token).unwrap(), b"hello");
    }

    #[test]
    fn payloads_without_room_for_a_token_are_truncated() {
        let b = identity(B_PRIVATE);
        let sealed = b.public().seal(None, &counting(), b"");
        for len in 0..sealed.len() {
            assert_eq!(b.open(&ratchets(), &sealed[..len], false), Err(OpenError::Truncated), "{len}");
        }
        assert!(b.open(&[], &sealed, false).is_ok());
    }

    proptest! {
        #[test]
        fn no_payload_panics(payload in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(identity(B_PRIVATE).open(&ratchets()[..1], &payload, false).is_err());
        }
    }
}

mod tokens {
    use super::*;

    #[test]
    fn the_golden_token_seals_and_opens() {
        let token = Token::new(&counting());
        assert_eq!(token.seal(counting(), b"reticulum"), hex(TOKEN));
        assert_eq!(token.open(&hex(TOKEN)).unwrap(), b"reticulum");
    }

    #[test]
    fn all_lengths_round_trip_and_a_full_block_is_padded_by_another() {
        let token = Token::new(&counting());
        for (len, sealed_len) in
            [(0, 64), (1, 64), (15, 64), (16, 80), (17, 80), (383, 432), (384, 448), (4096, 4160)]
        {
            let plaintext = vec![0xA5; len];
            let sealed = token.seal([9; 16], &plaintext);
            assert_eq!((sealed.len(), Token::sealed_len(len)), (sealed_len, sealed_len));
            assert_eq!(token.open(&sealed).unwrap(), plaintext);
            let mut appended = b"before".to_vec();
            let (head, tail) = plaintext.split_at(len / 3);
            token.seal_parts_into([9; 16], &[head, tail], &mut appended);
            assert_eq!(appended, [b"before", &sealed[..]].concat());
        }
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let token = Token::new(&counting());
        let sealed = token.seal([9; 16], b"seventeen bytes!!");
        for i in 0..sealed.len() {
            let mut tampered = sealed.clone();
            tampered[i] ^= 0x10;
            assert_eq!(token.open(&tampered), Err(TokenError::Forged), "byte {i}");
        }
        assert_eq!(Token::new(&[0; 64]).open(&sealed), Err(TokenError::Forged));
    }

    #[test]
    fn lengths_that_no_token_has_are_refused() {
        let token = Token::new(&counting());
        for len in (0..64).chain([65, 79, 81]) {
            assert_eq!(token.open(&vec![0; len]), Err(TokenError::Length), "{len}");
        }
    }

    #[test]
    fn authentic_bytes_with_wrong_padding_are_refused() {
        use cbc::cipher::{BlockModeEncrypt, InnerIvInit, KeyInit, block_padding::NoPadding};
        use hmac::Mac;
        let key = counting::<64>();
        let mut sealed = vec![9; 16];
        let cipher = aes::Aes256::new_from_slice(&key[32..]).unwrap();
        let encryptor = cbc::Encryptor::inner_iv_init(cipher, &[9; 16].into());
        sealed.extend(encryptor.encrypt_padded_vec::<NoPadding>(&[0x11; 16]));
        let code = super::super::hkdf::keyed(&key[..32]).chain_update(&sealed).finalize().into_bytes();
        sealed.extend_from_slice(&code);
        assert_eq!(Token::new(&key).open(&sealed), Err(TokenError::Padding));
    }
}

mod derivation {
    use super::*;

    fn derived(len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        hkdf(&[0; 32], &counting::<16>(), &mut out);
        out
    }

    #[test]
    fn golden_value() {
        assert_eq!(derived(64), hex(HKDF_64));
    }

    #[test]
    fn rfc_5869_test_case_3_has_neither_salt_nor_info() {
        let mut out = [0; 42];
        hkdf(&[0x0b; 22], &[], &mut out);
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
        assert_eq!(out.to_vec(), hex(expected));
    }

    /// SHA-256 digests of outputs that an independent program (Python's `hmac`) computed.
    #[test]
    fn the_counter_wraps_after_255_blocks() {
        for (len, digest) in [
            (32, "91cc3922b9b1d2eabdd6475e3e8fe869bdad32366f33887ed2668ca8943f29c1"),
            (500, "a9e73c1e0603c430b3e78de51289ea94c1235d1a4c052f024c90d2dd18f9b08e"),
            (8160, "4c3ab86a1b841b8b417fdee3756235a7a2588a41ed30fdf684172b5d1a089218"),
            (8161, "2b3fe6e7beb20288a4805d17dda8fa4186ce8a9616bcc20181dbe6311e3b3f40"),
            (16384, "d873cf3da6b85c0fec2ff7642909933588c50463244e1c215770640452223db3"),
        ] {
            assert_eq!(sha256(&derived(len)).to_vec(), hex(digest), "{len}");
        }
    }
}

mod access_codes {
    use super::*;

    fn sealed(ifac: &Ifac, packet: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        ifac.seal(packet, &mut out);
        out
    }

    fn opened(ifac: &Ifac, frame: &[u8]) -> Result<Vec<u8>, IfacError> {
        let mut out = Vec::new();
        ifac.open(frame, &mut out).map(|()| out)
    }

    #[test]
    fn the_keys_follow_from_name_and_passphrase() {
        let parts = [sha256(b"testnet"), sha256(b"secretpass")].concat();
        let mut key = [0; 64];
        let salt = hex("adf54d882c9a9b80771eb4995d702d4a3e733391b2a0f53f416d9f907e55cff8");
        hkdf(&sha256(&parts), &salt, &mut key);
        assert_eq!(key.to_vec(), hex(IFAC_KEY));
    }

    #[test]
    fn golden_frames_seal_and_open() {
        let keepalive = (Ifac::new(Some("testnet"), Some("secretpass"), 16), KEEPALIVE, IFAC_KEEPALIVE);
        let short_code = (
            Ifac::new(Some("mynet"), Some("secret"), 8),
            "0800000102030405060708090a0b0c0d0e0f007061796c6f6164",
            "e1a2734fc3f67f75760407b677fc29403514786ab0f2261b880865bf828bf14ff424",
        );
        for (ifac, packet, frame) in [keepalive, short_code] {
            let ifac = ifac.unwrap();
            assert_eq!(sealed(&ifac, &hex(packet)), hex(frame));
            assert_eq!(opened(&ifac, &hex(frame)).unwrap(), hex(packet));
        }
    }

    #[test]
    fn every_key_size_and_length_round_trips() {
        for (name, passphrase) in [(Some("n"), None), (None, Some("p")), (Some("n"), Some("p"))] {
            for size in [1, 8, 16, 64] {
                let ifac = Ifac::new(name, passphrase, size).unwrap();
                for len in [2, 20, 500, 16384] {
                    let packet: Vec<u8> = (0..len).map(|i| (i % 128) as u8).collect();
                    let frame = sealed(&ifac, &packet);
                    assert_eq!(frame.len(), len + size);
                    assert_eq!(frame[0] & 0x80, 0x80);
                    // A packet of two bytes round-trips nowhere: the smallest frame is longer than its code.
                    let expected = if len > 2 { Ok(packet) } else { Err(IfacError::Truncated) };
                    assert_eq!(opened(&ifac, &frame), expected, "size {size}, length {len}");
                }
            }
        }
    }

    #[test]
    fn frames_of_other_networks_and_open_frames_are_refused() {
        let ifac = Ifac::new(Some("testnet"), Some("secretpass"), 16).unwrap();
        let frame = hex(IFAC_KEEPALIVE);
        for other in
            [(None, Some("secretpass")), (Some("testnet"), None), (Some("secretpass"), Some("testnet"))]
        {
            let other = Ifac::new(other.0, other.1, 16).unwrap();
            assert_eq!(opened(&other, &frame), Err(IfacError::Forged));
        }
        let other_size = Ifac::new(Some("testnet"), Some("secretpass"), 8).unwrap();
        assert_eq!(opened(&other_size, &frame), Err(IfacError::Forged));
        assert_eq!(opened(&ifac, &hex(KEEPALIVE)), Err(IfacError::Missing));
        assert_eq!(opened(&ifac, &[]), Err(IfacError::Missing));
        assert_eq!(opened(&ifac, &frame[..18]), Err(IfacError::Truncated));
        for i in 1..frame.len() {
            let mut tampered = frame.clone();
            tampered[i] ^= 1;
            assert_eq!(opened(&ifac, &tampered), Err(IfacError::Forged), "byte {i}");
        }
    }

    #[test]
    fn what_was_refused_leaves_no_bytes_behind() {
        let ifac = Ifac::new(Some("testnet"), None, 16).unwrap();
        let mut out = b"before".to_vec();
        assert_eq!(ifac.open(&hex(IFAC_KEEPALIVE), &mut out), Err(IfacError::Forged));
        assert_eq!(out, b"before");
    }

    #[test]
    fn without_name_and_passphrase_there_is_no_code() {
        assert!(Ifac::new(None, None, 16).is_none());
        assert!(Ifac::new(Some(""), Some("None"), 16).is_none());
        assert!(Ifac::new(Some("net"), None, 0).is_none());
        assert!(Ifac::new(Some("net"), None, 65).is_none());
        let (unset, empty) =
            (Ifac::new(Some("net"), None, 8).unwrap(), Ifac::new(Some("net"), Some(""), 8).unwrap());
        assert_eq!(sealed(&unset, &hex(KEEPALIVE)), sealed(&empty, &hex(KEEPALIVE)));
    }

    proptest! {
        #[test]
        fn no_frame_panics(mut frame in proptest::collection::vec(any::<u8>(), 1..300)) {
            frame[0] |= 0x80;
            prop_assert!(opened(&Ifac::new(Some("net"), None, 16).unwrap(), &frame).is_err());
        }
    }
}
