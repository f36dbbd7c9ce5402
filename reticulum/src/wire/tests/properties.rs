//! What holds for all bytes: no parser panics, and what one accepts is emitted as it came.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::wire::link::{Identify, LinkProof, LinkRequest, decode_rtt};
use crate::wire::request::{Request, Response};
use crate::wire::resource::{Advertisement, HashmapUpdate, PartRequest, ResourceProof, split_metadata};
use crate::wire::{Announce, Packet, Proof};

/// Emits with `emit` what `parse` accepted.
macro_rules! assert_round_trip {
    ($parsed:expr, $bytes:expr) => {
        if let Some(parsed) = $parsed {
            let mut emitted = Vec::new();
            parsed.emit(&mut emitted);
            prop_assert_eq!(&emitted, $bytes);
        }
    };
}

/// Emits canonically what `parse` accepted, which must then read the same.
macro_rules! assert_stable {
    ($type:ident, $bytes:expr) => {
        if let Ok(parsed) = $type::parse($bytes) {
            let mut emitted = Vec::new();
            parsed.emit(&mut emitted);
            prop_assert_eq!($type::parse(&emitted), Ok(parsed));
        }
    };
}

/// Bytes of which many are the start of something in MessagePack.
fn message_pack() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![any::<u8>(), 0x80..=0x9Fu8, 0xC0..=0xDFu8, 0xA1..=0xA1u8, b'a'..=b't'];
    vec(byte, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn frames(bytes in vec(any::<u8>(), 0..120)) {
        assert_round_trip!(Packet::parse(&bytes).ok(), &bytes);
    }

    #[test]
    fn announces(data in vec(any::<u8>(), 1..480), flag in any::<bool>()) {
        let packet = Packet::announce(crate::hash::DestinationHash::new([1; 16]), crate::wire::Context::NONE, flag, &data);
        if let Ok(announce) = Announce::parse(&packet) {
            prop_assert_eq!(&announce.data(), &data);
            prop_assert!(announce.verify().is_err());
        }
    }

    #[test]
    fn bodies_of_fixed_layout(bytes in prop_oneof![vec(any::<u8>(), 0..130), vec(any::<u8>(), 64), vec(any::<u8>(), 99)]) {
        assert_round_trip!(LinkRequest::parse(&bytes), &bytes);
        assert_round_trip!(LinkProof::parse(&bytes), &bytes);
        assert_round_trip!(ResourceProof::parse(&bytes), &bytes);
        assert_round_trip!(Proof::parse(&bytes), &bytes);
        if let Some(identify) = Identify::parse(&bytes) {
            prop_assert_eq!(identify.verify(crate::hash::LinkId::new([1; 16])), None);
        }
        if let Some((metadata, data)) = split_metadata(&bytes) {
            prop_assert_eq!(metadata.len() + data.len() + 3, bytes.len());
        }
    }

    #[test]
    fn part_requests(mut bytes in vec(any::<u8>(), 1..100), exhausted in any::<bool>()) {
        bytes[0] = if exhausted { 0xFF } else { 0x00 };
        assert_round_trip!(PartRequest::parse(&bytes).ok(), &bytes);
    }

    #[test]
    fn bodies_in_message_pack(bytes in message_pack()) {
        let _ = decode_rtt(&bytes);
        assert_stable!(Advertisement, &bytes);
        assert_stable!(Response, &bytes);
        let _ = Request::parse(&bytes);
        let update = [&[1; 32][..], &bytes].concat();
        assert_stable!(HashmapUpdate, &update);
    }

    #[test]
    fn requests(at in any::<f64>().prop_filter("a number", |at| !at.is_nan()), path in any::<[u8; 16]>()) {
        let request = Request { requested_at_secs: at, path: crate::hash::PathHash::new(path), data: &[0xC0] };
        let mut packed = Vec::new();
        request.emit(&mut packed);
        prop_assert_eq!(Request::parse(&packed), Ok(request));
    }
}
