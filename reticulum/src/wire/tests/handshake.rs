//! A whole link as the reference spoke it (spec 14.1), and the layouts of its handshake.

use std::time::Duration;

use crate::crypto::{EphemeralX25519, Identity, SigningKey, Token, hkdf};
use crate::hash::{LinkId, PacketHash, PathHash, RequestId};
use crate::vectors::*;
use crate::wire::link::{
    Identify, LinkProof, LinkRequest, MTU_MAX, Signalling, decode_rtt, encode_rtt, mdu, resource_sdu,
};
use crate::wire::request::{Request, Response};
use crate::wire::{Context, Packet, PacketType, TransportType};

fn b() -> Identity {
    Identity::from_bytes(&hex_array(B_PRIVATE))
}

fn link_id() -> LinkId {
    LinkId::from_hex(LINK_ID).unwrap()
}

/// Opens a captured packet of the link, and checks that sealing it again gives the same frame.
fn plaintext(frame: &str, context: Context) -> Vec<u8> {
    let frame = hex(frame);
    let packet = Packet::parse(&frame).unwrap();
    assert_eq!((packet.header.link_id(), packet.header.context), (link_id(), context));
    let token = Token::new(&hex_array(LINK_SESSION));
    let plaintext = token.open(packet.data).unwrap();
    let sealed = token.seal(packet.data[..16].try_into().unwrap(), &plaintext);
    let mut emitted = Vec::new();
    Packet::link(link_id(), context, &sealed).with_hops(packet.header.hops).emit(&mut emitted);
    assert_eq!(emitted, frame);
    plaintext
}

#[test]
fn the_request_carries_the_initiators_keys_and_names_the_link() {
    let frame = hex(LINK_REQUEST);
    let packet = Packet::parse(&frame).unwrap();
    assert_eq!(packet.header.packet_type, PacketType::LinkRequest);
    assert_eq!(packet.header.transport_type, TransportType::Transport);
    assert_eq!(packet.header.destination_hash().to_string(), B_DESTINATION);
    assert_eq!(packet.link_id_of_request(), Some(link_id()));

    let request = LinkRequest::parse(packet.data).unwrap();
    assert_eq!(request.x25519, EphemeralX25519::from_bytes(hex_array(LINK_X25519)).public());
    assert_eq!(request.ed25519, SigningKey::from_bytes(&hex_array(LINK_ED25519)).public());
    assert_eq!(request.signalling, Some(Signalling { mode: 1, mtu: 500 }));
}

#[test]
fn the_link_id_ignores_signalling_hops_and_transport() {
    let frame = hex(LINK_REQUEST);
    let mut packet = Packet::parse(&frame).unwrap();
    packet.header.transport_id = None;
    packet.header.transport_type = TransportType::Broadcast;
    packet.header.hops = 9;
    packet.data = &packet.data[..64];
    assert_eq!(packet.link_id_of_request(), Some(link_id()));
    packet.data = &packet.data[..63];
    assert_eq!(packet.link_id_of_request(), None);
    assert_eq!(Packet::link(link_id(), Context::NONE, &[0; 64]).link_id_of_request(), None);
}

#[test]
fn the_proof_is_the_identitys_and_leads_to_the_session_key() {
    let frame = hex(LINK_PROOF);
    let packet = Packet::parse(&frame).unwrap();
    assert_eq!((packet.header.flags(), packet.header.context), (0x0F, Context::LINK_REQUEST_PROOF));
    let proof = LinkProof::parse(packet.data).unwrap();
    assert_eq!(proof.signalling, Some(Signalling { mode: 1, mtu: 500 }));
    assert!(proof.verify(b().public(), link_id()));
    assert_eq!(LinkProof::build(&b(), link_id(), proof.x25519, proof.signalling), proof);

    let shared = EphemeralX25519::from_bytes(hex_array(LINK_X25519)).shared(&proof.x25519);
    assert_eq!(shared.to_vec(), hex(LINK_SHARED));
    let mut session = [0; 64];
    hkdf(&*shared, link_id().as_ref(), &mut session);
    assert_eq!(session.to_vec(), hex(LINK_SESSION));
    let rtt = Packet::parse(&hex(LINK_RTT)).unwrap().data.to_vec();
    assert!(Token::derive(&shared, link_id().as_ref()).open(&rtt).is_ok());
}

#[test]
fn a_proof_for_another_link_key_or_signalling_is_refused() {
    let proof = LinkProof::build(&b(), link_id(), [5; 32], Some(Signalling::ABSENT));
    let a = Identity::from_bytes(&hex_array(A_PRIVATE));
    assert!(proof.verify(b().public(), link_id()));
    assert!(!proof.verify(a.public(), link_id()));
    assert!(!proof.verify(b().public(), LinkId::new([0; 16])));
    assert!(!LinkProof { x25519: [6; 32], ..proof }.verify(b().public(), link_id()));
    assert!(!LinkProof { signalling: None, ..proof }.verify(b().public(), link_id()));
    let legacy = LinkProof::build(&b(), link_id(), [5; 32], None);
    assert!(legacy.verify(b().public(), link_id()));
}

#[test]
fn the_packets_of_the_session_open() {
    let rtt = plaintext(LINK_RTT, Context::LINK_RTT);
    assert_eq!(rtt, hex("cb3f6d598000000000"));
    let secs = decode_rtt(&rtt).unwrap();
    assert_eq!(encode_rtt(secs).len(), 9);
    assert!((0.003..0.004).contains(&secs.as_secs_f64()));

    let packed = plaintext(LINK_REQUEST_ECHO, Context::REQUEST);
    let request = Request::parse(&packed).unwrap();
    assert_eq!(request.path, PathHash::of_path("/echo"));
    assert!(request.data.ends_with(b"small"));
    let mut emitted = Vec::new();
    request.emit(&mut emitted);
    assert_eq!(emitted, packed);

    let frame = hex(LINK_REQUEST_ECHO);
    let hash: PacketHash = Packet::parse(&frame).unwrap().hash();
    let id = RequestId::from_slice(&hash.as_bytes()[..16]).unwrap();
    assert_eq!(id.to_string(), "5291a01d18e479d24f02c35ccb9052ae");
    let packed = plaintext(LINK_RESPONSE_ECHO, Context::RESPONSE);
    let response = Response::parse(&packed).unwrap();
    assert_eq!(response.id, id);
    let mut emitted = Vec::new();
    response.emit(&mut emitted);
    assert_eq!(emitted, packed);

    assert_eq!(plaintext(LINK_CLOSE, Context::LINK_CLOSE), link_id().as_bytes());
}

#[test]
fn identify_names_an_identity_on_one_link() {
    let plaintext = Identify::build(&b(), link_id());
    assert_eq!(plaintext.len(), 128);
    let identify = Identify::parse(&plaintext).unwrap();
    assert_eq!(identify.verify(link_id()).as_ref(), Some(b().public()));
    assert_eq!(identify.verify(LinkId::new([0; 16])), None);
    assert_eq!(Identify::parse(&plaintext[..127]), None);
    assert_eq!(Identify::parse(&[plaintext, vec![0]].concat()), None);
}

#[test]
fn signalling_is_three_bits_and_twenty_one() {
    for (mode, mtu, bytes) in
        [(1, 500, [0x20, 0x01, 0xF4]), (1, 16384, [0x20, 0x40, 0x00]), (7, MTU_MAX, [0xFF; 3])]
    {
        let signalling = Signalling { mode, mtu };
        assert_eq!(signalling.to_bytes(), bytes);
        assert_eq!(Signalling::from_bytes(bytes), signalling);
    }
}

#[test]
fn requests_and_proofs_have_two_lengths() {
    let accepted =
        |parse: fn(&[u8]) -> bool| (0..150).filter(|len| parse(&vec![0; *len])).collect::<Vec<_>>();
    assert_eq!(accepted(|data| LinkRequest::parse(data).is_some()), [64, 67]);
    assert_eq!(accepted(|data| LinkProof::parse(data).is_some()), [96, 99]);
}

#[test]
fn sizes_follow_from_the_mtu() {
    for (mtu, link_mdu) in [(500, 431), (1196, 1119), (16384, 16303), (32768, 32687), (262_144, 262_063)] {
        assert_eq!(mdu(mtu), link_mdu, "{mtu}");
    }
    assert_eq!((resource_sdu(500), resource_sdu(16384)), (464, 16348));
    assert_eq!((mdu(0), mdu(68), resource_sdu(0)), (0, 0, 0), "absurd values stay harmless");
}

#[test]
fn round_trip_times_are_lenient_about_ints_and_strict_about_nonsense() {
    assert_eq!(decode_rtt(&[0x02]), Some(Duration::from_secs(2)));
    assert_eq!(decode_rtt(&hex("ca3f000000")), Some(Duration::from_millis(500)));
    for nonsense in ["cb7ff8000000000000", "cbbff0000000000000", "cb7ff0000000000000", "ff", "c0", ""] {
        assert_eq!(decode_rtt(&hex(nonsense)), None, "{nonsense}");
    }
}
