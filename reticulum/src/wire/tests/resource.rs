//! Bodies of resource packets.

use crate::hash::{RequestId, ResourceHash};
use crate::vectors::hex;
use crate::wire::msgpack::{self, ReadError};
use crate::wire::resource::{
    Advertisement, Flags, HashmapUpdate, METADATA_MAX, PartRequest, ResourceError, ResourceProof,
    TRANSFER_SIZE_MAX, map_hashes, metadata_prefix, split_metadata,
};

fn advertisement() -> Advertisement<'static> {
    Advertisement {
        transfer_size: 1000,
        data_size: 70_000,
        parts: 3,
        hash: ResourceHash::new([1; 32]),
        random: [2; 4],
        original_hash: ResourceHash::new([3; 32]),
        segment: 1,
        segments: 1,
        request: Some(RequestId::new([4; 16])),
        flags: Flags::ENCRYPTED.with(Flags::COMPRESSED),
        map_hashes: &[5; 12],
    }
}

fn emitted(advertisement: &Advertisement<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    advertisement.emit(&mut out);
    out
}

#[test]
fn an_advertisement_has_eleven_keys_in_order() {
    let expected = [
        "8b a174 cd03e8 a164 ce00011170 a16e 03",
        &format!("a168 c420{} a172 c404{} a16f c420{}", "01".repeat(32), "02".repeat(4), "03".repeat(32)),
        &format!("a169 01 a16c 01 a171 c410{} a166 03 a16d c40c{}", "04".repeat(16), "05".repeat(12)),
    ];
    let bytes = emitted(&advertisement());
    assert_eq!(bytes, hex(&expected.concat().replace(' ', "")));
    assert_eq!(Advertisement::parse(&bytes), Ok(advertisement()));
    let without_request = Advertisement { request: None, ..advertisement() };
    assert_eq!(Advertisement::parse(&emitted(&without_request)), Ok(without_request));
}

#[test]
fn keys_come_in_any_order_and_unknown_ones_are_passed_over() {
    let bytes = emitted(&advertisement());
    let first_pair = 1..6;
    let reordered = [
        &[0x8D][..],
        &bytes[first_pair.end..],
        &bytes[first_pair],
        &hex("a3666f6f93010281c0c3"), // "foo": [1, 2, {nil: true}]
        &hex("07a0"),                 // 7: ""
    ]
    .concat();
    assert_eq!(Advertisement::parse(&reordered), Ok(advertisement()));
}

#[test]
fn a_missing_key_is_an_error_each() {
    let bytes = emitted(&advertisement());
    let mut reader = msgpack::Reader::new(&bytes);
    let len = reader.read_map_len().unwrap();
    let pairs: Vec<Vec<u8>> =
        (0..len).map(|_| [reader.raw().unwrap(), reader.raw().unwrap()].concat()).collect();
    for missing in 0..len {
        let mut shorter = pairs.clone();
        shorter.remove(missing);
        let bytes = [vec![0x8A], shorter.concat()].concat();
        assert_eq!(Advertisement::parse(&bytes), Err(ResourceError::MissingKey), "key {missing}");
    }
}

#[test]
fn sizes_beyond_the_protocol_are_refused() {
    let refused =
        |advertisement: Advertisement<'_>| Advertisement::parse(&emitted(&advertisement)).unwrap_err();
    let base = advertisement();
    assert_eq!(refused(Advertisement { transfer_size: TRANSFER_SIZE_MAX + 1, ..base }), ResourceError::Range);
    assert_eq!(refused(Advertisement { segment: 0, ..base }), ResourceError::Range);
    assert_eq!(refused(Advertisement { segment: 2, ..base }), ResourceError::Range);
    assert_eq!(refused(Advertisement { map_hashes: &[0; 75 * 4], ..base }), ResourceError::Range);
    assert_eq!(refused(Advertisement { map_hashes: &[0; 7], ..base }), ResourceError::Length);
    assert!(Advertisement::parse(&emitted(&Advertisement { map_hashes: &[0; 74 * 4], ..base })).is_ok());
    let wrong_type = hex("81a174c401ff");
    assert_eq!(Advertisement::parse(&wrong_type), Err(ResourceError::MessagePack(ReadError::Type)));
}

#[test]
fn flags_are_the_bits_of_the_table() {
    let flags = Flags::ENCRYPTED.with(Flags::RESPONSE).with(Flags::METADATA);
    assert_eq!(flags, Flags(0b11_0001));
    assert!(flags.has(Flags::RESPONSE) && flags.has(Flags::METADATA.with(Flags::ENCRYPTED)));
    assert!(!flags.has(Flags::REQUEST) && !flags.has(Flags::SPLIT) && !flags.has(Flags::COMPRESSED));
}

#[test]
fn part_requests_have_two_forms() {
    let hash = ResourceHash::new([1; 32]);
    let normal = PartRequest { exhausted: None, hash, map_hashes: &[1, 2, 3, 4, 5, 6, 7, 8] };
    let exhausted = PartRequest { exhausted: Some([9; 4]), hash, map_hashes: &[] };
    for (request, expected) in [
        (normal, [&[0x00][..], &[1; 32], &[1, 2, 3, 4, 5, 6, 7, 8]].concat()),
        (exhausted, [&[0xFF][..], &[9; 4], &[1; 32]].concat()),
    ] {
        let mut bytes = Vec::new();
        request.emit(&mut bytes);
        assert_eq!(bytes, expected);
        assert_eq!(PartRequest::parse(&bytes), Ok(request));
        assert_eq!(PartRequest::parse(&[&bytes[..], &[0]].concat()), Err(ResourceError::Length));
        assert_eq!(PartRequest::parse(&bytes[..32]), Err(ResourceError::Length));
    }
    assert_eq!(map_hashes(normal.map_hashes).collect::<Vec<_>>(), [[1, 2, 3, 4], [5, 6, 7, 8]]);
}

#[test]
fn hashmap_updates_round_trip() {
    let update = HashmapUpdate { hash: ResourceHash::new([1; 32]), index: 2, map_hashes: &[7; 8] };
    let mut bytes = Vec::new();
    update.emit(&mut bytes);
    assert_eq!(bytes, [&[1; 32][..], &[0x92, 0x02, 0xC4, 0x08], &[7; 8]].concat());
    assert_eq!(HashmapUpdate::parse(&bytes), Ok(update));
    assert!(HashmapUpdate::parse(&bytes[..31]).is_err());
    assert!(HashmapUpdate::parse(&[&[1; 32][..], &[0x91, 0x02]].concat()).is_err());
}

#[test]
fn proofs_are_64_bytes() {
    let proof = ResourceProof { hash: ResourceHash::new([1; 32]), proof: [2; 32] };
    let mut bytes = Vec::new();
    proof.emit(&mut bytes);
    assert_eq!(ResourceProof::parse(&bytes), Some(proof));
    assert_eq!(ResourceProof::parse(&bytes[..63]), None);
    assert_eq!(ResourceProof::parse(&[0; 65]), None);
}

#[test]
fn metadata_is_split_off_by_its_length() {
    let prefix = metadata_prefix(4).unwrap();
    assert_eq!(prefix, [0, 0, 4]);
    let body = [&prefix[..], b"metadata"].concat();
    assert_eq!(split_metadata(&body), Some((&b"meta"[..], &b"data"[..])));
    assert_eq!(split_metadata(&body[..6]), None);
    assert_eq!(split_metadata(&[0]), None);
    assert_eq!(metadata_prefix(METADATA_MAX), Some([0xFF; 3]));
    assert_eq!(metadata_prefix(METADATA_MAX + 1), None);
}
