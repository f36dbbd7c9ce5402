//! Header, packet hash and proofs (rows 7 to 9 of spec 14.2).

use crate::hash::{DestinationHash, IdentityHash, LinkId, PacketHash, ProofAddress};
use crate::wire::{Context, DestinationType, Packet, PacketError, PacketType, Proof, TransportType};

const DESTINATION: DestinationHash = DestinationHash::new([0xD0; 16]);
const NEXT_HOP: IdentityHash = IdentityHash::new([0x1D; 16]);

fn emitted(packet: &Packet<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    packet.emit(&mut out);
    out
}

#[test]
fn every_combination_of_flags_survives() {
    for flags in 0..=0x7F {
        let header_2 = flags & 0x40 != 0;
        let addresses = if header_2 { vec![0x1D; 16] } else { vec![] };
        let frame = [&[flags, 5][..], &addresses, &[0xD0; 16], &[0x42], b"data"].concat();
        let packet = Packet::parse(&frame).unwrap();
        assert_eq!(packet.header.flags(), flags);
        assert_eq!(packet.header.transport_id, header_2.then_some(NEXT_HOP));
        assert_eq!(packet.header.context_flag, flags & 0x20 != 0);
        assert_eq!(packet.header.transport_type == TransportType::Transport, flags & 0x10 != 0);
        assert_eq!((packet.header.hops, packet.header.context), (5, Context(0x42)));
        assert_eq!((packet.header.destination_hash(), packet.data), (DESTINATION, &b"data"[..]));
        assert_eq!(emitted(&packet), frame);
        assert_eq!(packet.frame_len(), frame.len());
    }
}

#[test]
fn type_bits_are_read_as_the_specification_numbers_them() {
    use DestinationType::{Group, Link, Plain, Single};
    use PacketType::{Announce, Data, LinkRequest, Proof};
    for (d, destination_type) in [Single, Group, Plain, Link].into_iter().enumerate() {
        for (p, packet_type) in [Data, Announce, LinkRequest, Proof].into_iter().enumerate() {
            let frame = [&[(d << 2 | p) as u8, 0][..], &[0; 17], &[1]].concat();
            let header = Packet::parse(&frame).unwrap().header;
            assert_eq!((header.destination_type, header.packet_type), (destination_type, packet_type));
        }
    }
}

#[test]
fn what_we_send_has_the_observed_flags() {
    let link = LinkId::new([1; 16]);
    let address = ProofAddress::new([2; 16]);
    let announce = |ratchet| Packet::announce(DESTINATION, Context::NONE, ratchet, b"x");
    for (packet, flags) in [
        (Packet::single(DESTINATION, Context::NONE, b"x"), 0x00),
        (announce(false), 0x01),
        (announce(true), 0x21),
        (Packet::link_request(DESTINATION, b"x"), 0x02),
        (Packet::proof(address, b"x"), 0x03),
        (Packet::plain(DESTINATION, Context::NONE, b"x"), 0x08),
        (Packet::link(link, Context::NONE, b"x"), 0x0C),
        (Packet::link_proof(link, Context::LINK_REQUEST_PROOF, b"x"), 0x0F),
        (Packet::single(DESTINATION, Context::NONE, b"x").via(NEXT_HOP), 0x50),
        (Packet::link_request(DESTINATION, b"x").via(NEXT_HOP), 0x52),
        (announce(false).via(NEXT_HOP).with_hops(3), 0x51),
        (announce(true).via(NEXT_HOP).with_hops(3), 0x71),
    ] {
        assert_eq!(packet.header.flags(), flags, "{packet:?}");
        assert_eq!(Packet::parse(&emitted(&packet)), Ok(packet));
    }
}

#[test]
fn malformed_frames_are_refused() {
    for flags in [0x00, 0x40] {
        let frame = emitted(&if flags == 0 {
            Packet::single(DESTINATION, Context::NONE, b"x").with_hops(127)
        } else {
            Packet::single(DESTINATION, Context::NONE, b"x").via(NEXT_HOP).with_hops(127)
        });
        assert!(Packet::parse(&frame).is_ok(), "127 is the last hop count");
        let (header, _) = frame.split_at(frame.len() - 1);
        assert_eq!(Packet::parse(header), Err(PacketError::Empty));
        for len in 0..header.len() {
            assert_eq!(Packet::parse(&frame[..len]), Err(PacketError::Truncated), "{len} bytes");
        }
        for (index, value, error) in [(1, 128, PacketError::Hops), (0, 0x80 | flags, PacketError::AccessCode)]
        {
            let mut frame = frame.clone();
            frame[index] = value;
            assert_eq!(Packet::parse(&frame), Err(error));
        }
    }
}

#[test]
fn the_hash_is_the_same_on_every_hop_and_covers_the_rest() {
    let sent = Packet::single(DESTINATION, Context::REQUEST, b"data");
    let hash = sent.hash();
    assert_eq!(sent.via(NEXT_HOP).with_hops(7).hash(), hash);
    let mut flagged = sent;
    flagged.header.context_flag = true;
    assert_eq!(flagged.hash(), hash);

    assert_eq!(hash, PacketHash::of(&[&[0x00], &[0xD0; 16], &[0x09], b"data"]));
    assert_ne!(Packet::single(DESTINATION, Context::NONE, b"data").hash(), hash);
    assert_ne!(Packet::plain(DESTINATION, Context::REQUEST, b"data").hash(), hash);
    assert_ne!(Packet::single(DESTINATION, Context::REQUEST, b"Data").hash(), hash);
}

#[test]
fn a_proof_is_addressed_by_the_first_half_of_the_packet_hash() {
    let hash = Packet::single(DESTINATION, Context::NONE, b"data").hash();
    assert_eq!(hash.proof_address().as_bytes(), &hash.as_bytes()[..16]);
}

#[test]
fn both_forms_of_a_proof_round_trip_and_other_lengths_are_none() {
    let signature = &[7; 64];
    let implicit = Proof::Implicit { signature };
    let explicit = Proof::Explicit { hash: PacketHash::new([8; 32]), signature };
    for (proof, len) in [(implicit, 64), (explicit, 96)] {
        let mut data = Vec::new();
        proof.emit(&mut data);
        assert_eq!(data.len(), len);
        assert_eq!(Proof::parse(&data), Some(proof));
        assert_eq!(proof.signature(), signature);
    }
    for len in [0, 1, 32, 63, 65, 95, 97, 128] {
        assert_eq!(Proof::parse(&vec![0; len]), None, "{len}");
    }
}

#[test]
fn contexts_follow_the_table() {
    let known: Vec<u8> = (0..=0x0E).chain(0xFA..=0xFF).collect();
    let repeated = [0x01, 0x03, 0x05, 0x08, 0x0E, 0xFA];
    for value in 0..=0xFF {
        assert_eq!(Context(value).is_known(), known.contains(&value), "{value:#x}");
        assert_eq!(Context(value).skips_duplicate_filter(), repeated.contains(&value), "{value:#x}");
    }
    assert!(
        Context::NONE.gets_receipt() && Context::REQUEST.gets_receipt() && Context::CHANNEL.gets_receipt()
    );
    assert!(!Context::RESOURCE_ADV.gets_receipt() && !Context::LINK_CLOSE.gets_receipt());
}
