use std::sync::LazyLock;

use proptest::prelude::*;
use reticulum::crypto::Identity;
use reticulum::hash::{DestinationHash, NameHash};

use super::*;
use crate::fields::key;

fn identity(first: u8) -> Identity {
    Identity::from_bytes(&std::array::from_fn(|i| first + i as u8))
}

fn delivery(identity: &Identity) -> DestinationHash {
    DestinationHash::of_single(NameHash::of_name("lxmf.delivery"), identity.hash())
}

static A: LazyLock<Identity> = LazyLock::new(|| identity(0x00));
static B: LazyLock<Identity> = LazyLock::new(|| identity(0x40));

fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn draft<'a>(timestamp: f64, title: &'a [u8], content: &'a [u8], fields: &'a Fields) -> Draft<'a> {
    Draft { destination: delivery(&A), source: delivery(&B), timestamp, title, content, fields }
}

/// B signs `payload` to A over exactly `hashed`.
fn signed_over(payload: &[u8], hashed: &[u8]) -> Vec<u8> {
    let mut signed = [delivery(&A).as_ref(), delivery(&B).as_ref(), hashed].concat();
    let id = reticulum::hash::sha256(&signed);
    signed.extend_from_slice(&id);
    [delivery(&A).as_ref(), delivery(&B).as_ref(), B.sign(&signed).as_slice(), payload].concat()
}

fn signed(payload: &[u8]) -> Vec<u8> {
    signed_over(payload, payload)
}

fn read(packed: &[u8]) -> Option<Message> {
    Unverified::parse(packed).unwrap().verify(B.public())
}

const VECTOR_1_ID: &str = "08bb1693ef0ffac4e4be8e865d2df61152d3ba9d50751b62dd015d2adc483bd8";
const VECTOR_1: &str = "fae321c442e3c9bdcd7a3e79d850e03c cf0b2a4a8d2a0b6978b71290da7cc80e
    c9035554f89392a868479f05c66fe939e9f9fd243efba5ad8e3625445f101e0f
    fe1947f3eb20fdc8d1024d82d72a4e45fcc857ab821a2f89f31bc1e3f472b701
    94cb41d954fc40100000c4024869c40548656c6c6f8130c420
    0000000000000000000000000000000000000000000000000000000000000000";

fn vector_1_fields() -> Fields {
    Fields::from_entries(&[(key::REPLY_TO, &[&[0xc4, 0x20][..], &[0; 32]].concat())])
}

#[test]
fn vector_1_packs_to_the_published_bytes() {
    assert_eq!(A.hash().to_string(), "aca31af0441d81dbec71e82da0b4b5f5");
    assert_eq!(delivery(&B).to_string(), "cf0b2a4a8d2a0b6978b71290da7cc80e");
    let fields = vector_1_fields();
    let packed = draft(1_700_000_000.25, b"Hi", b"Hello", &fields).pack(&B);
    assert_eq!(packed.as_bytes(), unhex(VECTOR_1));
    assert_eq!(packed.id().to_string(), VECTOR_1_ID);
}

#[test]
fn vector_1_reads_back_and_another_signer_does_not() {
    let packed = unhex(VECTOR_1);
    let message = read(&packed).unwrap();
    assert_eq!(message.id.to_string(), VECTOR_1_ID);
    assert_eq!((message.destination, message.source), (delivery(&A), delivery(&B)));
    assert_eq!((message.title.as_slice(), message.content.as_slice()), (&b"Hi"[..], &b"Hello"[..]));
    assert_eq!((message.timestamp, message.stamp), (1_700_000_000.25, None));
    assert_eq!(message.fields, vector_1_fields());
    assert_eq!(Unverified::parse(&packed).unwrap().verify(A.public()), None);
    let body = Unverified::parse_body(delivery(&A), &packed[16..]).unwrap();
    assert_eq!(body.verify(B.public()).unwrap().id.to_string(), VECTOR_1_ID);
    assert_eq!(Unverified::parse_body(delivery(&B), &packed[16..]).unwrap().verify(B.public()), None);
}

#[test]
fn vector_2_the_empty_message_is_111_bytes() {
    let packed = draft(1_700_000_000.0, b"", b"", &Fields::default()).pack(&B);
    assert_eq!(packed.as_bytes()[HEADER_LEN..], unhex("94cb41d954fc40000000c400c40080"));
    assert_eq!(packed.as_bytes().len(), MESSAGE_LEN_MIN);
    let message = read(&signed(&unhex("94ce6553f100c400c40080"))).unwrap();
    assert_eq!(message.timestamp, 1_700_000_000.0);
}

#[test]
fn a_stamp_changes_neither_id_nor_signature() {
    for stamp in [vec![7; 32], vec![7; 16]] {
        let plain = draft(1.5, b"t", b"c", &vector_1_fields()).pack(&B);
        let mut stamped = plain.clone();
        stamped.add_stamp(&stamp);
        assert_eq!(stamped.payload_len(), plain.payload_len() + 2 + stamp.len());
        let (plain, stamped) = (read(plain.as_bytes()).unwrap(), read(stamped.as_bytes()).unwrap());
        assert_eq!(stamped.stamp.as_ref(), Some(&stamp));
        assert_eq!(Message { stamp: None, ..stamped }, plain);
    }
}

/// `spec/lxmf.md` 1.4, row by row. The one row that is not kept: a ticket with a non-numeric expiry costs its sender
/// the whole message there, and here only the ticket.
#[test]
fn the_parser_tolerates_what_the_field_tolerates() {
    let error = |payload: &str| Unverified::parse(&signed(&unhex(payload))).err();
    assert_eq!(error("93 cb41d954fc40000000 c400 c400"), Some(UnpackError::Payload), "3 elements");
    assert_eq!(error("94 cb41d954fc40000000 c400 c400 90"), Some(UnpackError::Fields), "fields not a map");
    assert_eq!(error("94 c0 c400 c400 80"), Some(UnpackError::Timestamp), "no number");
    assert_eq!(error("94 01 c400 90 80"), Some(UnpackError::Text), "content not text");
    assert_eq!(error("94 01 c400 c400"), Some(UnpackError::Payload), "cut off");
    assert_eq!(error("80"), Some(UnpackError::Payload), "no array");

    let four = "cb41d954fc40000000 c40161 c40162 80";
    let hashed = unhex(&format!("94 {four}"));
    let six = read(&signed_over(&unhex(&format!("96 {four} c403010203 c0")), &hashed)).unwrap();
    assert_eq!(six.stamp.as_deref(), Some(&[1, 2, 3][..]), "6 elements");
    let nil = read(&signed_over(&unhex(&format!("95 {four} c0")), &hashed)).unwrap();
    assert_eq!((nil.stamp, nil.id), (None, six.id), "nil stamp");

    let ok = |payload: &str| read(&signed(&unhex(payload))).unwrap();
    assert_eq!(ok("94 ce6553f100 c400 c400 80").timestamp, 1_700_000_000.0, "integer timestamp");
    assert_eq!(ok("94 ca3fc00000 c400 c400 80").timestamp, 1.5, "float32 timestamp");
    let text = ok("94 01 a161 d90162 80");
    assert_eq!((text.title.as_slice(), text.content.as_slice()), (&b"a"[..], &b"b"[..]), "str");
    assert!(ok("94 01 c0 c400 80").title.is_empty(), "nil title");
    assert_eq!(ok("94 01 c400 c400 c0").fields, Fields::default(), "nil fields");
    assert_eq!(ok("94 01 c400 c400 81a16101").fields.as_raw(), unhex("81a16101"), "string keys");
    assert!(ok("94 01 c400 c400 810c92a178c400").fields.has_ticket(), "bad ticket");
}

#[test]
fn input_shorter_than_the_header_is_refused() {
    let packed = unhex(VECTOR_1);
    for len in 0..HEADER_LEN {
        assert_eq!(Unverified::parse(&packed[..len]).err(), Some(UnpackError::Truncated));
    }
    assert_eq!(Unverified::parse(&packed[..HEADER_LEN]).err(), Some(UnpackError::Payload));
}

#[test]
fn a_stamped_message_verifies_over_either_form_that_its_signer_may_have_hashed() {
    let canonical = unhex("94 cb3ff8000000000000 c40161 c40162 8130c400");
    let wide = unhex("94 ca3fc00000 c40161 c40162 81cc30c400");
    let stamped = |payload: &[u8]| [&[0x95], &payload[1..], &[0xc4, 1, 9]].concat();
    let id = |packed: &[u8]| read(packed).map(|message| *message.id.as_bytes());
    let of = |hashed: &[u8]| {
        Some(reticulum::hash::sha256_of(&[delivery(&A).as_ref(), delivery(&B).as_ref(), hashed]))
    };
    assert_eq!(id(&signed_over(&stamped(&wide), &canonical)), of(&canonical), "as the reference hashes it");
    assert_eq!(id(&signed_over(&stamped(&wide), &wide)), of(&wide), "as it was sent");
    assert_eq!(id(&signed(&wide)), of(&wide), "not canonical, no stamp");
    assert_eq!(id(&signed_over(&wide, &canonical)), None, "without a stamp only the bytes count");
}

#[test]
fn deep_nesting_is_refused() {
    let mut payload = unhex("94 01 c400 c400 8101");
    payload.extend(std::iter::repeat_n(0x91, 10_000));
    payload.push(0xc0);
    assert_eq!(Unverified::parse(&signed(&payload)).err(), Some(UnpackError::Payload));
}

#[test]
fn sizes_choose_the_packet_at_the_boundaries_of_the_field() {
    let sized = |payload_len: usize| {
        // 17 bytes: 94, cb and 8 bytes, an empty title, a content header of two or three bytes, an empty map.
        let header = if payload_len > 270 { 16 } else { 15 };
        let packed = draft(1.0, b"", &vec![b'x'; payload_len - header], &Fields::default()).pack(&B);
        assert_eq!(packed.payload_len(), payload_len);
        packed
    };
    assert!(sized(303).fits_opportunistic());
    assert!(!sized(304).fits_opportunistic());
    assert!(sized(335).fits_link_packet());
    assert!(!sized(336).fits_link_packet());
    assert_eq!(sized(303).opportunistic_body().len(), 383);
    assert_eq!(sized(335).as_bytes().len(), 431);
    let mut stamped = sized(303 - 34);
    stamped.add_stamp(&[0; 32]);
    assert!(stamped.fits_opportunistic());
    let mut stamped = sized(303 - 33);
    stamped.add_stamp(&[0; 32]);
    assert!(!stamped.fits_opportunistic());
}

proptest! {
    #[test]
    fn any_bytes_parse_or_are_refused(
        source in any::<[u8; 16]>(),
        payload in proptest::collection::vec(any::<u8>(), 0..128),
    ) {
        let packed = [&[0; 16], source.as_slice(), &[0; 64], &payload].concat();
        let _ = Unverified::parse(&packed);
        let _ = Unverified::parse(&payload);
    }

    #[test]
    fn parsing_inverts_packing(
        timestamp in proptest::num::f64::NORMAL,
        title in proptest::collection::vec(any::<u8>(), 0..300),
        content in (any::<u8>(), 0..70_000_usize).prop_map(|(byte, len)| vec![byte; len]),
        values in proptest::collection::vec(any::<u8>(), 0..20),
        stamp in proptest::option::of(any::<[u8; 32]>()),
    ) {
        let entries: Vec<(u64, Vec<u8>)> =
            values.iter().map(|&value| (u64::from(value) << 4, vec![0xcc, value.max(0x80)])).collect();
        let entries: Vec<(u64, &[u8])> = entries.iter().map(|(key, raw)| (*key, raw.as_slice())).collect();
        let fields = Fields::from_entries(&entries);
        let mut packed = draft(timestamp, &title, &content, &fields).pack(&B);
        if let Some(stamp) = &stamp {
            packed.add_stamp(stamp);
        }
        let message = read(packed.as_bytes()).unwrap();
        prop_assert_eq!(message.id, packed.id());
        prop_assert_eq!(message.timestamp, timestamp);
        prop_assert_eq!(message.title, title);
        prop_assert_eq!(message.content, content);
        prop_assert_eq!(message.fields, fields);
        prop_assert_eq!(message.stamp, stamp.map(Vec::from));
    }

    #[test]
    fn a_flipped_bit_never_verifies(bit in 0..unhex(VECTOR_1).len() * 8) {
        let mut packed = unhex(VECTOR_1);
        packed[bit / 8] ^= 1 << (bit % 8);
        let verified = Unverified::parse(&packed).ok().and_then(|message| message.verify(B.public()));
        prop_assert_eq!(verified, None);
    }
}
