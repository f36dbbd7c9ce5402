use std::time::Duration;

use super::net::*;
use crate::crypto::RatchetSecret;
use crate::hash::{DestinationHash, IdentityHash};
use crate::node::*;
use crate::time::{Instant, UnixTime};
use crate::wire::{self, Announce, Context, DestinationType, Packet, PacketType, TransportType};

fn delivered(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Delivered { .. })).count()
}

fn timed_out(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::TimedOut { .. })).count()
}

fn last_sent(host: &Host) -> wire::Header {
    Packet::parse(&host.sent.last().unwrap().1).unwrap().header
}

#[test]
fn a_packet_is_opened_and_its_proof_comes_back_in_either_form() {
    for implicit_proofs in [true, false] {
        let mut net = Net::pair();
        net.hosts[0].node.implicit_proofs = implicit_proofs;
        let destination = net.announced(0, busy(1, "test.group"));
        net.events(1);
        let sent = net.hosts[1]
            .node
            .send_packet(net.now, destination, b"hello".to_vec(), Priority::Message)
            .unwrap();
        net.run(ms(100));
        let events = net.events(0);
        let [Event::Packet { plaintext, ratchet: None, .. }] = &events[..] else { panic!("{events:?}") };
        assert_eq!(plaintext, b"hello");
        let events = net.events(1);
        assert!(matches!(events[..], [Event::Delivered { receipt }] if receipt == sent), "{events:?}");
        let proof = &net.hosts[0].sent.last().unwrap().1;
        assert_eq!(proof.len(), 19 + if implicit_proofs { 64 } else { 96 });
        assert_eq!(proof[0], 0x03);
    }
}

#[test]
fn a_proof_waits_for_the_application() {
    let mut net = Net::pair();
    let config = DestinationConfig { proofs: ProofPolicy::Application, ..busy(1, "test.group") };
    let destination = net.announced(0, config);
    net.hosts[1].node.send_packet(net.now, destination, b"hello".to_vec(), Priority::Message).unwrap();
    net.run(ms(5000));
    assert_eq!(delivered(&net.events(1)), 0);
    let Some(Event::Packet { proof, .. }) = net.events(0).pop() else { panic!() };
    net.hosts[0].node.prove(net.now, proof);
    net.run(ms(100));
    assert_eq!(delivered(&net.events(1)), 1);
}

#[test]
fn without_a_proof_a_receipt_times_out() {
    let mut net = Net::pair();
    let destination =
        net.announced(0, DestinationConfig { proofs: ProofPolicy::None, ..busy(1, "test.group") });
    net.events(1);
    net.hosts[1].node.send_packet(net.now, destination, b"hello".to_vec(), Priority::Message).unwrap();
    // First hop: 500 bytes at 10 Mbit/s and 6 s, then 6 s for the one hop (spec 3.5).
    net.run(Duration::from_secs(12));
    assert_eq!(timed_out(&net.events(1)), 0);
    net.run(ms(1));
    assert_eq!(timed_out(&net.events(1)), 1);
}

/// A node that knows a peer `hops` away, and has two interfaces.
fn knowing(hops: u8) -> (Net, DestinationHash) {
    let mut net = Net::new(3);
    net.wire(0, 1, fast);
    net.wire(0, 2, fast);
    let peer = identity(9);
    let name = crate::hash::NameHash::of_name("test.other");
    let destination = DestinationHash::of_single(name, peer.hash());
    let data = Announce::build(&peer, destination, name, wire::random_blob([1; 5], EPOCH), None, b"");
    let packet = Packet::announce(destination, Context::NONE, false, &data).with_hops(hops - 1);
    let mut frame = Vec::new();
    let transport = IdentityHash::new([4; 16]);
    if hops > 1 { packet.via(transport) } else { packet }.emit(&mut frame);
    net.hosts[0].node.handle_frame(net.now, InterfaceId(1), &frame);
    net.drain();
    (net, destination)
}

#[test]
fn the_header_follows_the_path() {
    // Section 3.6: more than one hop.
    let (mut net, destination) = knowing(3);
    net.hosts[0].node.send_packet(net.now, destination, vec![1], Priority::Message).unwrap();
    net.drain();
    let header = last_sent(&net.hosts[0]);
    assert_eq!(header.flags(), 0x50);
    assert_eq!((header.transport_id, header.hops), (Some(IdentityHash::new([4; 16])), 0));
    assert_eq!(net.hosts[0].sent.len(), 1);
    assert_eq!(net.hosts[0].sent[0].0, InterfaceId(1));

    net.hosts[0].node.open_link(net.now, destination).unwrap();
    net.drain();
    assert_eq!(last_sent(&net.hosts[0]).flags(), 0x52);

    // One hop.
    let (mut net, destination) = knowing(1);
    net.hosts[0].node.send_packet(net.now, destination, vec![1], Priority::Message).unwrap();
    net.drain();
    assert_eq!(last_sent(&net.hosts[0]).flags(), 0x00);
    assert_eq!(last_sent(&net.hosts[0]).transport_type, TransportType::Broadcast);
    assert_eq!(net.hosts[0].sent.len(), 1);

    // No path.
    net.hosts[0].node.drop_path(&destination);
    net.hosts[0].sent.clear();
    net.hosts[0].node.send_packet(net.now, destination, vec![1], Priority::Message).unwrap();
    net.drain();
    let on: Vec<InterfaceId> = net.hosts[0].sent.iter().map(|(interface, _)| *interface).collect();
    assert_eq!(on, [InterfaceId(0), InterfaceId(1)]);
    assert_eq!(net.hosts[0].node.open_link(net.now, destination), Err(OpenLinkError::NoPath));
    net.run(Duration::from_secs(770));
    assert_eq!(timed_out(&net.events(0)), 1, "the one that had a path");
    net.run(Duration::from_secs(5));
    assert_eq!(timed_out(&net.events(0)), 1, "128 hops and the first");
}

#[test]
fn a_path_over_an_interface_that_is_down_is_not_used() {
    let (mut net, destination) = knowing(3);
    net.hosts[0].node.handle_interface_down(net.now, InterfaceId(1));
    assert_eq!(net.hosts[0].node.path(&destination), None);
    net.hosts[0].node.send_packet(net.now, destination, vec![1], Priority::Message).unwrap();
    net.drain();
    assert_eq!(net.hosts[0].sent[0].0, InterfaceId(0));
    net.hosts[0].node.handle_interface_up(net.now, InterfaceId(1));
    assert!(net.hosts[0].node.path(&destination).is_some());
    net.hosts[0].node.remove_interface(net.now, InterfaceId(1));
    net.hosts[0].node.handle_interface_up(net.now, InterfaceId(1));
    assert_eq!(net.hosts[0].node.path(&destination), None);
}

/// Sends a packet, then catches it on its way. Works for the first packet of a net.
fn caught(net: &mut Net, destination: DestinationHash, plaintext: &[u8]) -> Vec<u8> {
    net.hosts[1].node.send_packet(net.now, destination, plaintext.to_vec(), Priority::Message).unwrap();
    net.hosts[1].drain(net.now);
    let mut frame = Vec::new();
    assert!(net.hosts[1].node.poll_transmit(net.now, InterfaceId(0), &mut frame));
    frame
}

#[test]
fn a_replayed_packet_is_taken_once() {
    let mut net = Net::pair();
    let destination = net.announced(0, busy(1, "test.group"));
    let frame = caught(&mut net, destination, b"hello");
    for _ in 0..10 {
        net.hosts[0].node.handle_frame(net.now, InterfaceId(0), &frame);
        net.drain();
    }
    assert_eq!(net.events(0).len(), 1);
    assert_eq!(net.hosts[0].node.counters().packet_duplicate, 9);
}

#[test]
fn only_packets_in_transport_to_us_are_taken() {
    let mut net = Net::pair();
    let destination = net.announced(0, busy(1, "test.group"));
    let frame = caught(&mut net, destination, b"hello");
    let via = |id| {
        let mut out = Vec::new();
        Packet::parse(&frame).unwrap().via(id).emit(&mut out);
        out
    };
    net.hosts[0].node.handle_frame(net.now, InterfaceId(0), &via(IdentityHash::new([4; 16])));
    net.drain();
    assert_eq!(net.hosts[0].node.counters().packet_not_ours, 1);
    assert!(net.events(0).is_empty());
    net.hosts[0].node.handle_frame(net.now, InterfaceId(0), &via(identity(100).hash()));
    net.drain();
    assert_eq!(net.events(0).len(), 1);
}

fn ratcheted(count: u8) -> DestinationConfig {
    let restored = (0..count).map(|n| RatchetSecret::from_bytes([n + 1; 32])).collect();
    DestinationConfig { ratchets: Some(restored), ..busy(1, "test.group") }
}

#[test]
fn packets_sealed_to_old_ratchets_open_and_soon_at_once() {
    let mut net = Net::pair();
    let destination = net.announced(0, ratcheted(100));
    let record = PeerRecord {
        destination,
        identity: identity(1).public().to_bytes(),
        app_data: None,
        ratchet: Some((*RatchetSecret::from_bytes([80; 32]).public().as_bytes(), EPOCH)),
        heard: EPOCH,
        emitted_s: u64::MAX,
    };
    assert!(net.hosts[1].node.add_peer(record));
    net.hosts[0].works_at_once = false;
    for attempts in [2, 1] {
        net.hosts[1].node.send_packet(net.now, destination, b"old".to_vec(), Priority::Message).unwrap();
        net.run(ms(30));
        for attempt in 1..=attempts {
            assert!(net.events(0).is_empty());
            let heavy = net.hosts[0].work[0].class() == WorkClass::Heavy;
            assert_eq!(heavy, attempt == 2);
            let now = net.now;
            net.hosts[0].work(now);
            net.hosts[0].drain(now);
        }
        let events = net.events(0);
        let [Event::Packet { ratchet: Some(_), .. }] = &events[..] else { panic!("{events:?}") };
        net.hosts[0].work.clear();
    }
}

#[test]
fn garbage_is_not_tried_with_all_ratchets_each_time() {
    let mut net = Net::pair();
    let destination = net.announced(0, ratcheted(100));
    let mut heavy = 0;
    net.hosts[0].works_at_once = false;
    for n in 0..1000_u16 {
        let body = [&n.to_be_bytes()[..], &[7; 206]].concat();
        let mut frame = Vec::new();
        Packet::single(destination, Context::NONE, &body).emit(&mut frame);
        net.hosts[0].node.handle_frame(net.now, InterfaceId(0), &frame);
        while !net.hosts[0].work.is_empty() || !net.hosts[0].node.outputs.is_empty() {
            let now = net.now;
            net.hosts[0].drain(now);
            heavy += net.hosts[0].work.iter().filter(|work| work.class() == WorkClass::Heavy).count();
            net.hosts[0].work(now);
        }
        net.now = net.now + ms(10);
    }
    // Ten seconds: five a second, and the burst.
    assert!((50..=62).contains(&heavy), "{heavy}");
    let counters = net.hosts[0].node.counters();
    assert_eq!(counters.packet_undecryptable + counters.packet_old_ratchet_limited, 1000);
}

#[test]
fn proofs_of_others_prove_nothing() {
    let mut net = Net::pair();
    let config = DestinationConfig { proofs: ProofPolicy::Application, ..busy(1, "test.group") };
    let destination = net.announced(0, config);
    net.hosts[1].node.send_packet(net.now, destination, b"hello".to_vec(), Priority::Message).unwrap();
    net.run(ms(30));
    let Some(Event::Packet { hash, .. }) = net.events(0).pop() else { panic!() };
    net.events(1);
    let forged = identity(50).sign(hash.as_ref());
    for body in [&forged[..], &[hash.as_ref(), &forged].concat(), &[0; 96], &[0; 10]] {
        let mut frame = Vec::new();
        Packet::proof(hash.proof_address(), body).emit(&mut frame);
        net.hosts[1].node.handle_frame(net.now, InterfaceId(0), &frame);
        net.drain();
    }
    assert!(net.events(1).is_empty());
    let counters = net.hosts[1].node.counters();
    assert_eq!((counters.proof_bad_signature, counters.proof_malformed), (2, 2));
    net.run(Duration::from_secs(60));
    assert_eq!(timed_out(&net.events(1)), 1);
}

#[test]
fn what_cannot_be_sent_is_said_so() {
    let mut net = Net::pair();
    let destination = net.announced(0, busy(1, "test.group"));
    let unknown = DestinationHash::new([1; 16]);
    let send =
        |net: &mut Net, to, len| net.hosts[1].node.send_packet(net.now, to, vec![0; len], Priority::Message);
    assert_eq!(send(&mut net, unknown, 1), Err(SendError::UnknownPeer));
    assert_eq!(send(&mut net, destination, 384), Err(SendError::TooLong { max: 383 }));
    assert!(send(&mut net, destination, 383).is_ok());
    net.run(ms(100));
    assert_eq!(net.events(0).len(), 1);
    assert_eq!(
        Node::new(NodeConfig::new(identity(1)), [0; 32], Instant::ZERO, UnixTime::default()).poll_timeout(),
        None
    );
    let kinds = (PacketType::Data, DestinationType::Single);
    let header = Packet::parse(&net.hosts[1].sent[0].1).unwrap().header;
    assert_eq!((header.packet_type, header.destination_type), kinds);
}
