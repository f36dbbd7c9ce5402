//! Packets with a transport header and their proofs (`spec/reticulum.md` 5.4, 5.7, 5.9), row by row.

use std::time::Duration;

use super::net::*;
use super::transit::{NEXT, Transit, frame};
use crate::crypto::Ifac;
use crate::hash::{DestinationHash, IdentityHash, LinkId};
use crate::node::*;
use crate::wire::{Context, DestinationType, Packet, PacketType};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

#[test]
fn to_a_distant_destination_only_hops_and_next_hop_change() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 3);
    let mut packet = transit.addressed(Packet::single(destination, Context(0x77), &[5; 100])).with_hops(2);
    packet.header.context_flag = true;
    let sent = frame(packet);
    let passed = transit.feed(transit.near, &sent);
    let mut expected = sent.clone();
    expected[1] = 3;
    expected[2..18].copy_from_slice(NEXT.as_ref());
    assert_eq!(passed, [(transit.far, expected)], "only on the interface of the path");
}

#[test]
fn to_a_neighbour_the_header_is_the_short_one() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 1);
    let mut packet = transit.addressed(Packet::single(destination, Context(0x77), &[5; 100])).with_hops(2);
    packet.header.context_flag = true;
    let passed = transit.feed(transit.near, &frame(packet));
    let expected = frame(Packet::single(destination, Context(0x77), &[5; 100]).with_hops(3));
    assert_eq!(passed, [(transit.far, expected)], "the context flag is lost, the context is not");
}

#[test]
fn to_a_local_client_all_but_the_hops_stays() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 1);
    transit.node().transport.paths.set_hops(&destination, 0);
    let sent = frame(transit.addressed(Packet::single(destination, Context::NONE, &[5; 100])));
    let mut expected = sent.clone();
    expected[1] = 1;
    assert_eq!(transit.feed(transit.near, &sent), [(transit.far, expected)]);
}

#[test]
fn every_context_and_type_passes_byte_for_byte() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 1);
    for context in 0..=255u8 {
        for packet_type in [PacketType::Data, PacketType::Proof] {
            for destination_type in [DestinationType::Single, DestinationType::Group] {
                let data = [context, packet_type as u8, destination_type as u8, 7];
                let mut packet = transit.addressed(Packet::single(destination, Context(context), &data));
                packet.header.packet_type = packet_type;
                packet.header.destination_type = destination_type;
                let sent = frame(packet);
                let passed = transit.feed(transit.near, &sent);
                assert_eq!(passed.len(), 1, "{packet:?}");
                assert_eq!(passed[0].1[0], sent[0] & 0x0F);
                assert_eq!(passed[0].1[2..], sent[18..]);
            }
        }
    }
}

#[test]
fn without_a_path_nothing_is_forwarded() {
    let mut transit = Transit::new();
    let nowhere = DestinationHash::new([8; 16]);
    let packet = frame(transit.addressed(Packet::single(nowhere, Context::NONE, &[5; 100])));
    assert!(transit.feed(transit.near, &packet).is_empty());
    let request = frame(transit.addressed(Packet::link_request(nowhere, &[5; 67])));
    assert!(transit.feed(transit.near, &request).is_empty());
    assert_eq!((transit.counters().forward_no_path, transit.counters().forwarded), (2, 0));
}

#[test]
fn a_path_over_an_interface_that_is_down_is_none() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 1);
    let (now, far) = (transit.now(), transit.far);
    transit.node().handle_interface_down(now, far);
    let packet = frame(transit.addressed(Packet::single(destination, Context::NONE, &[5; 100])));
    assert!(transit.feed(transit.near, &packet).is_empty());
    assert_eq!(transit.counters().forward_no_path, 1);
    transit.node().handle_interface_up(now, far);
    assert_eq!(transit.feed(transit.near, &packet).len(), 1, "what was not forwarded is not remembered");
}

#[test]
fn packets_without_our_transport_id_are_not_forwarded() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 1);
    let packet = Packet::single(destination, Context::NONE, &[5; 100]);
    assert!(transit.feed(transit.near, &frame(packet)).is_empty());
    assert_eq!(transit.counters().packet_unknown_destination, 1);
    assert!(transit.feed(transit.near, &frame(packet.via(NEXT))).is_empty());
    assert_eq!(transit.counters().packet_not_ours, 1);
}

#[test]
fn an_end_point_forwards_nothing() {
    let mut transit = Transit::with(|_, config| config, [fast(), fast(), fast()]);
    let destination = transit.destination(1, 1);
    let packet = frame(transit.addressed(Packet::single(destination, Context::NONE, &[5; 100])));
    assert!(transit.feed(transit.near, &packet).is_empty());
    let request = frame(transit.addressed(Packet::link_request(destination, &[5; 67])));
    assert!(transit.feed(transit.near, &request).is_empty());
    assert_eq!(transit.counters().packet_unknown_destination, 2);
    assert_eq!(transit.counters().forwarded, 0);
}

#[test]
fn a_packet_for_us_with_our_transport_id_is_ours() {
    let mut transit = Transit::new();
    let destination = transit.node().add_destination(busy(3, "test.own")).unwrap();
    let public = identity(3);
    let sealed = public.public().seal(None, &[4; 48], b"hello");
    let packet = frame(transit.addressed(Packet::single(destination, Context::NONE, &sealed)));
    let (near, now) = (transit.near, transit.now());
    transit.node().handle_frame(now, near, &packet);
    transit.net.drain();
    assert!(matches!(&transit.net.events(0)[..], [Event::Packet { plaintext, .. }] if plaintext == b"hello"));
    assert_eq!(transit.counters().forwarded, 0);
}

#[test]
fn a_packet_is_forwarded_once_and_repeats_of_repeating_contexts_each_time() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 2);
    let once = frame(transit.addressed(Packet::single(destination, Context::NONE, &[5; 100])));
    let mut detour = once.clone();
    detour[1] = 4;
    assert_eq!(transit.feed(transit.near, &once).len(), 1);
    assert!(transit.feed(transit.near, &once).is_empty());
    assert!(transit.feed(transit.aside, &detour).is_empty(), "the same, from farther away");
    assert_eq!(transit.counters().packet_duplicate, 2);
    let repeating = frame(transit.addressed(Packet::single(destination, Context::CACHE_REQUEST, &[5; 32])));
    for _ in 0..3 {
        assert_eq!(transit.feed(transit.near, &repeating).len(), 1);
    }
}

#[test]
fn back_over_the_interface_that_it_came_from() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 2);
    let packet = frame(transit.addressed(Packet::single(destination, Context::NONE, &[5; 100])));
    assert_eq!(transit.feed(transit.far, &packet).len(), 1, "as a repeater between two valleys does");
}

#[test]
fn what_has_travelled_too_far_ends_here() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 2);
    let packet = |n, hops| {
        frame(transit.addressed(Packet::single(destination, Context::NONE, &[n; 50])).with_hops(hops))
    };
    let (farthest, too_far) = (packet(1, 126), packet(2, 127));
    let passed = transit.feed(transit.near, &farthest);
    assert_eq!(passed[0].1[1], 127);
    assert!(Packet::parse(&passed[0].1).is_ok(), "the next hop takes it");
    assert!(transit.feed(transit.near, &too_far).is_empty());
    assert_eq!(transit.counters().forward_hops, 1);
}

#[test]
fn what_the_next_medium_cannot_carry_is_dropped() {
    let radio = InterfaceConfig { hw_mtu: 508, ..InterfaceConfig::default() };
    let mut transit =
        Transit::with(|_, config| NodeConfig { transport: true, ..config }, [fast(), radio, fast()]);
    let destination = transit.destination(1, 1);
    let fits = frame(transit.addressed(Packet::single(destination, Context::NONE, &[5; 508 - 19])));
    let long = frame(transit.addressed(Packet::single(destination, Context::NONE, &[5; 509 - 19])));
    assert_eq!(transit.feed(transit.near, &fits).len(), 1);
    assert!(transit.feed(transit.near, &long).is_empty());
    assert_eq!(transit.counters().forward_too_long, 1);
}

#[test]
fn access_codes_are_of_one_hop_only() {
    let code = || Ifac::new(Some("net"), Some("secret"), 16).unwrap();
    let protected = InterfaceConfig { ifac: Some(code()), ..fast() };
    let mut transit =
        Transit::with(|_, config| NodeConfig { transport: true, ..config }, [protected, fast(), fast()]);
    let destination = transit.destination(1, 1);
    let packet = transit.addressed(Packet::single(destination, Context::NONE, &[5; 100]));
    let mut sealed = Vec::new();
    code().seal(&frame(packet), &mut sealed);
    assert!(transit.feed(transit.near, &frame(packet)).is_empty(), "no code");
    let passed = transit.feed(transit.near, &sealed);
    assert_eq!(passed[0].1, frame(Packet::single(destination, Context::NONE, &[5; 100]).with_hops(1)));

    let proof = Packet::proof(packet.hash().proof_address(), &[9; 64]);
    let (far, near, now) = (transit.far, transit.near, transit.now());
    transit.node().handle_frame(now, far, &frame(proof));
    let (mut sent, mut opened) = (Vec::new(), Vec::new());
    assert!(transit.node().poll_transmit(now, near, &mut sent));
    assert!(code().open(&sent, &mut opened).is_ok());
    assert_eq!(opened, frame(proof.with_hops(1)));
}

#[test]
fn forwarding_keeps_the_path_alive() {
    let mut transit = Transit::new();
    let (used, unused) = (transit.destination(1, 2), transit.destination(2, 2));
    transit.net.run(6 * DAY);
    let packet = frame(transit.addressed(Packet::single(used, Context::NONE, &[5; 100])));
    assert_eq!(transit.feed(transit.near, &packet).len(), 1);
    transit.net.run(2 * DAY);
    assert!(transit.node().path(&used).is_some());
    assert!(transit.node().path(&unused).is_none(), "7 days without use");
    transit.net.run(6 * DAY);
    assert!(transit.node().path(&used).is_none());
}

/// Forwards a packet from `near` to a neighbour on `far`; its proof as the destination would send it.
fn forwarded(transit: &mut Transit, destination: DestinationHash, n: u8) -> Packet<'static> {
    let packet = Packet::single(destination, Context::NONE, std::slice::from_ref(Box::leak(Box::new(n))));
    let sent = frame(transit.addressed(packet));
    assert_eq!(transit.feed(transit.near, &sent).len(), 1);
    Packet::proof(packet.hash().proof_address(), &[0x55; 64])
}

#[test]
fn a_proof_goes_back_where_its_packet_came_from_whatever_it_says() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 1);
    let proof = forwarded(&mut transit, destination, 1).with_hops(3);
    let passed = transit.feed(transit.far, &frame(proof));
    assert_eq!(passed, [(transit.near, frame(proof.with_hops(4)))]);
    assert!(transit.feed(transit.far, &frame(proof)).is_empty(), "a second proof is not routed");
    assert_eq!(transit.counters().proof_unknown, 1);
}

#[test]
fn explicit_proofs_and_those_of_any_length_go_back_too() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 1);
    for len in [1, 64, 96, 300] {
        let mut proof = forwarded(&mut transit, destination, len as u8);
        let body = vec![9; len];
        proof.data = &body;
        assert_eq!(transit.feed(transit.far, &frame(proof)), [(transit.near, frame(proof.with_hops(1)))]);
    }
}

#[test]
fn a_proof_from_the_wrong_interface_is_dropped_and_takes_the_way_back_with_it() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 1);
    let proof = frame(forwarded(&mut transit, destination, 1));
    assert!(transit.feed(transit.aside, &proof).is_empty());
    assert_eq!(transit.counters().relay_wrong_way, 1);
    assert!(transit.feed(transit.far, &proof).is_empty());
}

#[test]
fn a_way_back_ends_after_480_seconds() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 1);
    let (early, late) = (forwarded(&mut transit, destination, 1), forwarded(&mut transit, destination, 2));
    transit.net.run(secs(479));
    assert_eq!(transit.feed(transit.far, &frame(early)).len(), 1);
    transit.net.run(secs(1));
    assert!(transit.feed(transit.far, &frame(late)).is_empty());
    transit.net.run(secs(61));
    assert_eq!(transit.node().transport.reverse.len(), 0);
}

#[test]
fn a_way_back_ends_with_its_interface() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 1);
    let proof = forwarded(&mut transit, destination, 1);
    let (now, near) = (transit.now(), transit.near);
    transit.node().remove_interface(now, near);
    assert!(transit.feed(transit.far, &frame(proof)).is_empty());
    assert_eq!(transit.counters().queue_interface_down, 1);
}

#[test]
fn the_oldest_way_back_makes_room() {
    let limits = Limits { reverse: 3, ..Limits::default() };
    let config = |_, config| NodeConfig { transport: true, limits, ..config };
    let mut transit = Transit::with(config, [fast(), fast(), fast()]);
    let destination = transit.destination(1, 1);
    let proofs: Vec<_> = (1..5).map(|n| forwarded(&mut transit, destination, n)).collect();
    assert_eq!(transit.counters().reverse_evicted, 1);
    let routed = proofs.iter().map(|proof| transit.feed(transit.far, &frame(*proof)).len());
    assert_eq!(routed.collect::<Vec<_>>(), [0, 1, 1, 1]);
}

#[test]
fn our_own_packets_are_proven_beside_those_that_pass() {
    let mut net = Net::row(3);
    let destination = net.announced(2, busy(1, "test.far"));
    net.hosts[1].node.send_packet(net.now, destination, b"own".to_vec(), Priority::Message).unwrap();
    net.run(ms(100));
    assert!(net.events(1).iter().any(|event| matches!(event, Event::Delivered { .. })));
}

#[test]
fn a_packet_of_ours_that_came_back_in_a_loop_is_still_proven_to_us() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 2);
    let now = transit.now();
    transit.node().send_packet(now, destination, b"own".to_vec(), Priority::Message).unwrap();
    let sent = transit.sent().remove(0).1;
    let packet = Packet::parse(&sent).unwrap();
    let looped = frame(transit.addressed(packet));
    assert_eq!(transit.feed(transit.near, &looped).len(), 1);
    let signature = identity(1).sign(packet.hash().as_ref());
    let proof = frame(Packet::proof(packet.hash().proof_address(), &signature));
    assert_eq!(transit.feed(transit.far, &proof).len(), 1, "it goes on, too");
    assert!(transit.net.events(0).iter().any(|event| matches!(event, Event::Delivered { .. })));
}

#[test]
fn a_single_packet_and_its_proof_cross_two_transports() {
    let mut net = Net::row(4);
    let destination = teach(&mut net, 3, busy(1, "test.far"));
    net.hosts[0].node.send_packet(net.now, destination, b"hello".to_vec(), Priority::Message).unwrap();
    net.run(ms(200));
    let arrived = |event: &Event| matches!(event, Event::Packet { plaintext, .. } if plaintext == b"hello");
    assert_eq!(net.events(3).iter().filter(|event| arrived(event)).count(), 1);
    assert!(net.events(0).iter().any(|event| matches!(event, Event::Delivered { .. })));
    assert_eq!(net.hosts[1].node.counters().forwarded, 2, "there and back");
    assert_eq!(net.hosts[2].node.counters().forwarded, 2);
}

#[test]
fn a_foreign_link_id_is_no_destination() {
    let mut transit = Transit::new();
    transit.destination(1, 1);
    let packet = Packet::link(LinkId::new([3; 16]), Context::NONE, &[1; 50]);
    assert!(transit.feed(transit.near, &frame(packet)).is_empty());
    assert!(transit.feed(transit.near, &frame(transit.addressed(packet))).is_empty());
    assert_eq!(transit.counters().packet_unknown_destination, 2);
}

/// Announces a destination of the last host of a row, and lets each other host hear it from its neighbour.
pub(super) fn teach(net: &mut Net, owner: usize, config: DestinationConfig) -> DestinationHash {
    net.hosts[owner].sent.clear();
    let destination = net.announced(owner, config);
    let own =
        net.hosts[owner].sent.iter().find(|(_, frame)| frame[0] & 3 == 1).expect("it announced").1.clone();
    let announce = Packet::parse(&own).unwrap();
    for host in (0..owner.saturating_sub(1)).rev() {
        let hops = (owner - host) as u8;
        let neighbour: IdentityHash = identity(100 + host as u8 + 1).hash();
        let heard = frame(announce.via(neighbour).with_hops(hops - 1));
        // The wire to the next host is the last one that a host of a row has.
        let interface = InterfaceId(u32::from(host > 0));
        let now = net.now;
        net.hosts[host].node.handle_frame(now, interface, &heard);
        net.drain();
        assert_eq!(net.hosts[host].node.path(&destination).map(|path| path.hops), Some(hops), "host {host}");
    }
    net.run(ms(100));
    (0..net.hosts.len()).for_each(|host| drop(net.events(host)));
    destination
}
