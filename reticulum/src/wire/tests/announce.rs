//! Announces (row 10 of spec 14.2, and the golden one of 14.1).

use crate::crypto::{Identity, RatchetPublic};
use crate::hash::{DestinationHash, NameHash};
use crate::time::UnixTime;
use crate::vectors::*;
use crate::wire::{
    APP_DATA_MAX, APP_DATA_MAX_WITH_RATCHET, Announce, AnnounceError, Context, MTU, Packet, emission_secs,
    random_blob,
};

fn b() -> Identity {
    Identity::from_bytes(&hex_array(B_PRIVATE))
}

fn destination() -> DestinationHash {
    DestinationHash::from_hex(B_DESTINATION).unwrap()
}

fn built(ratchet: Option<&RatchetPublic>, app_data: &[u8]) -> Vec<u8> {
    let blob = random_blob([1, 2, 3, 4, 5], UnixTime::from_secs(1_700_000_000));
    let data = Announce::build(&b(), destination(), NameHash::of_name("spec.test"), blob, ratchet, app_data);
    let mut frame = Vec::new();
    Packet::announce(destination(), Context::NONE, ratchet.is_some(), &data).emit(&mut frame);
    frame
}

#[test]
fn the_golden_announce_is_read_and_written() {
    let frame = hex(ANNOUNCE);
    let packet = Packet::parse(&frame).unwrap();
    let announce = Announce::parse(&packet).unwrap();
    assert_eq!(announce.destination, destination());
    assert_eq!(announce.name_hash, NameHash::of_name("spec.test"));
    assert_eq!(announce.app_data, Some(&b"hello-b"[..]));
    assert!(announce.ratchet.is_some());
    assert_eq!(announce.emission_secs(), 0x6b00_b5b5);
    assert_eq!(announce.verify().as_ref(), Ok(b().public()));

    let data = Announce::build(
        &b(),
        destination(),
        announce.name_hash,
        announce.random_blob,
        announce.ratchet.as_ref(),
        b"hello-b",
    );
    assert_eq!(data, packet.data, "signatures are deterministic, so the same fields give the same bytes");
}

#[test]
fn every_layout_round_trips() {
    let ratchet = RatchetPublic::from_bytes([9; 32]);
    for (ratchet, app_data, expected) in [
        (None, &b""[..], None),
        (None, b"name", Some(&b"name"[..])),
        (Some(&ratchet), b"", Some(b"")),
        (Some(&ratchet), b"name", Some(b"name")),
    ] {
        let frame = built(ratchet, app_data);
        let packet = Packet::parse(&frame).unwrap();
        let announce = Announce::parse(&packet).unwrap();
        assert_eq!((announce.ratchet.as_ref(), announce.app_data), (ratchet, expected));
        assert!(announce.verify().is_ok());
        assert_eq!(announce.data(), packet.data);
    }
    assert_eq!(built(None, b"").len(), 167, "the smallest announce");
}

#[test]
fn what_the_signature_covers_cannot_be_changed() {
    let frame = built(Some(&RatchetPublic::from_bytes([9; 32])), b"name");
    let data_offset = 19;
    for i in data_offset..frame.len() {
        let mut frame = frame.clone();
        frame[i] ^= 1;
        let packet = Packet::parse(&frame).unwrap();
        let in_identity_or_name = i < data_offset + 74;
        let expected =
            if in_identity_or_name { AnnounceError::Destination } else { AnnounceError::Signature };
        assert_eq!(Announce::parse(&packet).unwrap().verify(), Err(expected), "byte {i}");
    }
}

#[test]
fn an_announce_of_a_destination_that_is_not_ours_is_refused() {
    let foreign = DestinationHash::new([3; 16]);
    let data = Announce::build(&b(), foreign, NameHash::of_name("spec.test"), [0; 10], None, b"");
    let packet = Packet::announce(foreign, Context::NONE, false, &data);
    assert_eq!(Announce::parse(&packet).unwrap().verify(), Err(AnnounceError::Destination));
}

#[test]
fn a_wrong_context_flag_does_not_verify() {
    let frame = built(None, &[0; 40]);
    let mut packet = Packet::parse(&frame).unwrap();
    packet.header.context_flag = true;
    assert_eq!(Announce::parse(&packet).unwrap().verify(), Err(AnnounceError::Signature));
}

#[test]
fn announces_are_at_most_500_bytes_long() {
    for (ratchet, app_data_max) in [(None, 333), (Some(RatchetPublic::from_bytes([9; 32])), 301)] {
        let fits = built(ratchet.as_ref(), &vec![0; app_data_max]);
        assert_eq!(fits.len(), MTU);
        assert!(Announce::parse(&Packet::parse(&fits).unwrap()).is_ok());
        let exceeds = built(ratchet.as_ref(), &vec![0; app_data_max + 1]);
        assert_eq!(Announce::parse(&Packet::parse(&exceeds).unwrap()), Err(AnnounceError::Oversized));
    }
}

#[test]
fn the_advised_application_data_still_fits_in_transport() {
    let next_hop = b().hash();
    let ratchet = RatchetPublic::from_bytes([9; 32]);
    for (ratchet, len) in [(None, APP_DATA_MAX), (Some(&ratchet), APP_DATA_MAX_WITH_RATCHET)] {
        let frame = built(ratchet, &vec![0; len]);
        assert_eq!(Packet::parse(&frame).unwrap().via(next_hop).frame_len(), MTU);
    }
}

#[test]
fn other_packets_and_cut_announces_are_refused() {
    let frame = built(None, b"");
    let mut packet = Packet::parse(&frame).unwrap();
    packet.data = &packet.data[..147];
    assert_eq!(Announce::parse(&packet), Err(AnnounceError::Truncated));
    let plain = Packet::plain(destination(), Context::NONE, packet.data);
    assert_eq!(Announce::parse(&plain), Err(AnnounceError::Type));
}

#[test]
fn the_random_blob_carries_the_time_in_five_bytes() {
    let blob = random_blob([1, 2, 3, 4, 5], UnixTime::from_secs(0x01_0203_0405));
    assert_eq!(blob, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
    assert_eq!(emission_secs(&blob), 0x01_0203_0405);
}
