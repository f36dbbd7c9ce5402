//! What a node pays for a packet: `cargo bench -p meshgroup-reticulum`.
//!
//! Public-key operations are tens of microseconds and run on a pool; the symmetric ones run in the engine, so the
//! throughput of a link is what `token` says.
#![allow(clippy::unwrap_used)]

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use reticulum::crypto::{
    EphemeralX25519, Identity, Ifac, RatchetSecret, Rng, SigningKey, Token, hkdf, verify_ed25519,
};
use reticulum::hash::{DestinationHash, NameHash, sha256};
use reticulum::time::UnixTime;
use reticulum::wire::{Announce, Context, Packet, msgpack, random_blob};

fn main() {
    divan::main();
}

fn identity() -> Identity {
    Identity::generate(&mut Rng::from_seed([7; 32]))
}

const SIZES: [usize; 3] = [100, 64_000, 1 << 20];

mod token {
    use super::*;

    #[divan::bench]
    fn new(bencher: Bencher<'_, '_>) {
        bencher.bench_local(|| Token::new(black_box(&[7; 64])));
    }

    #[divan::bench(args = SIZES)]
    fn seal(bencher: Bencher<'_, '_>, len: usize) {
        let (token, plaintext) = (Token::new(&[7; 64]), vec![1; len]);
        let mut out = Vec::with_capacity(Token::sealed_len(len));
        bencher.counter(BytesCount::new(len)).bench_local(|| {
            out.clear();
            token.seal_into([2; 16], black_box(&plaintext), &mut out);
        });
    }

    #[divan::bench(args = SIZES)]
    fn open(bencher: Bencher<'_, '_>, len: usize) {
        let token = Token::new(&[7; 64]);
        let sealed = token.seal([2; 16], &vec![1; len]);
        bencher.counter(BytesCount::new(len)).bench_local(|| token.open(black_box(&sealed)));
    }
}

mod keys {
    use super::*;

    #[divan::bench]
    fn x25519_public(bencher: Bencher<'_, '_>) {
        bencher.bench_local(|| EphemeralX25519::from_bytes(black_box([7; 32])).public());
    }

    #[divan::bench]
    fn x25519_shared(bencher: Bencher<'_, '_>) {
        let key = EphemeralX25519::from_bytes([7; 32]);
        let peer = EphemeralX25519::from_bytes([8; 32]).public();
        bencher.bench_local(|| key.shared(black_box(&peer)));
    }

    #[divan::bench]
    fn ed25519_expand(bencher: Bencher<'_, '_>) {
        bencher.bench_local(|| SigningKey::from_bytes(black_box(&[7; 32])));
    }

    #[divan::bench]
    fn ed25519_sign_100(bencher: Bencher<'_, '_>) {
        let key = SigningKey::from_bytes(&[7; 32]);
        bencher.bench_local(|| key.sign(black_box(&[1; 100])));
    }

    #[divan::bench]
    fn ed25519_verify_100(bencher: Bencher<'_, '_>) {
        let key = SigningKey::from_bytes(&[7; 32]);
        let (public, signature) = (key.public(), key.sign(&[1; 100]));
        bencher.bench_local(|| assert!(verify_ed25519(black_box(&public), &[1; 100], &signature)));
    }
}

mod sealed_packet {
    use super::*;

    #[divan::bench]
    fn seal_300(bencher: Bencher<'_, '_>) {
        let identity = identity();
        bencher.bench_local(|| identity.public().seal(None, black_box(&[3; 48]), &[1; 300]));
    }

    #[divan::bench(args = [0, 1, 8])]
    fn open_300(bencher: Bencher<'_, '_>, ratchets_in_vain: u8) {
        let identity = identity();
        let sealed = identity.public().seal(None, &[3; 48], &[1; 300]);
        let ratchets: Vec<_> = (0..ratchets_in_vain).map(|i| RatchetSecret::from_bytes([i; 32])).collect();
        bencher.bench_local(|| identity.open(&ratchets, black_box(&sealed), false).unwrap());
    }
}

mod wire {
    use super::*;

    fn announce_frame() -> Vec<u8> {
        let (identity, name) = (identity(), NameHash::of_name("lxmf.delivery"));
        let destination = DestinationHash::of_single(name, identity.hash());
        let blob = random_blob([1; 5], UnixTime::from_secs(1_700_000_000));
        let data = Announce::build(&identity, destination, name, blob, None, b"a name of some length");
        let mut frame = Vec::new();
        Packet::announce(destination, Context::NONE, false, &data).emit(&mut frame);
        frame
    }

    #[divan::bench]
    fn packet_parse(bencher: Bencher<'_, '_>) {
        let frame = announce_frame();
        bencher.bench_local(|| Packet::parse(black_box(&frame)).map(|packet| packet.header.hops));
    }

    #[divan::bench]
    fn packet_hash_500(bencher: Bencher<'_, '_>) {
        let packet = Packet::plain(DestinationHash::new([1; 16]), Context::NONE, &[1; 481]);
        bencher.bench_local(|| black_box(&packet).hash());
    }

    #[divan::bench]
    fn announce_verify(bencher: Bencher<'_, '_>) {
        let frame = announce_frame();
        let announce = Announce::parse(&Packet::parse(&frame).unwrap()).unwrap();
        bencher.bench_local(|| black_box(&announce).verify().unwrap());
    }

    #[divan::bench]
    fn announce_refuse_wrong_destination(bencher: Bencher<'_, '_>) {
        let frame = announce_frame();
        let mut packet = Packet::parse(&frame).unwrap();
        packet.header.destination = [0; 16];
        let announce = Announce::parse(&packet).unwrap();
        bencher.bench_local(|| black_box(&announce).verify().unwrap_err());
    }

    #[divan::bench]
    fn msgpack_skip_1000_values(bencher: Bencher<'_, '_>) {
        let mut bytes = Vec::new();
        msgpack::write_array_len(&mut bytes, 1000);
        (0..1000).for_each(|i| msgpack::write_uint(&mut bytes, i));
        bencher.bench_local(|| msgpack::Reader::new(black_box(&bytes)).skip());
    }
}

mod access_code {
    use super::*;

    const LENGTHS: [usize; 3] = [20, 500, 16_384];

    #[divan::bench(args = LENGTHS)]
    fn seal(bencher: Bencher<'_, '_>, len: usize) {
        let (ifac, packet) = (Ifac::new(Some("net"), None, 16).unwrap(), vec![0; len]);
        let mut out = Vec::with_capacity(len + 16);
        bencher.counter(BytesCount::new(len)).bench_local(|| {
            out.clear();
            ifac.seal(black_box(&packet), &mut out);
        });
    }

    #[divan::bench(args = LENGTHS)]
    fn open(bencher: Bencher<'_, '_>, len: usize) {
        let ifac = Ifac::new(Some("net"), None, 16).unwrap();
        let (mut frame, mut out) = (Vec::new(), Vec::with_capacity(len + 16));
        ifac.seal(&vec![0; len], &mut frame);
        bencher.counter(BytesCount::new(len)).bench_local(|| {
            out.clear();
            ifac.open(black_box(&frame), &mut out)
        });
    }
}

mod hashing {
    use super::*;

    #[divan::bench(args = SIZES)]
    fn sha_256(bencher: Bencher<'_, '_>, len: usize) {
        let data = vec![1; len];
        bencher.counter(BytesCount::new(len)).bench_local(|| sha256(black_box(&data)));
    }

    #[divan::bench]
    fn hkdf_64(bencher: Bencher<'_, '_>) {
        bencher.bench_local(|| {
            let mut out = [0; 64];
            hkdf(black_box(&[1; 32]), &[2; 16], &mut out);
            out
        });
    }
}
