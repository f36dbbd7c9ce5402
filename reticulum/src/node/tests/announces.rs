use std::time::Duration;

use super::net::*;
use crate::crypto::{Identity, RatchetSecret, Rng};
use crate::hash::{DestinationHash, IdentityHash, NameHash};
use crate::node::*;
use crate::time::{Instant, UnixTime};
use crate::wire::{self, Announce, Context, Packet, PacketType};

fn announces(host: &Host) -> Vec<(InterfaceId, Context)> {
    let announce = |(interface, frame): &(InterfaceId, Vec<u8>)| {
        let header = Packet::parse(frame).unwrap().header;
        (header.packet_type == PacketType::Announce).then_some((*interface, header.context))
    };
    host.sent.iter().filter_map(announce).collect()
}

/// An announce of somebody's `test.other`, as a frame.
fn foreign(
    identity: &Identity,
    emitted_s: u64,
    hops: u8,
    via: Option<IdentityHash>,
) -> (DestinationHash, Vec<u8>) {
    let name = NameHash::of_name("test.other");
    let destination = DestinationHash::of_single(name, identity.hash());
    let blob = wire::random_blob([emitted_s as u8; 5], UnixTime::from_secs(emitted_s));
    let data = Announce::build(identity, destination, name, blob, None, format!("at {emitted_s}").as_bytes());
    let packet = Packet::announce(destination, Context::NONE, false, &data).with_hops(hops);
    let mut frame = Vec::new();
    via.map_or(packet, |id| packet.via(id)).emit(&mut frame);
    (destination, frame)
}

#[test]
fn an_announce_teaches_keys_path_and_app_data() {
    let mut net = Net::pair();
    let destination = net.announced(0, busy(1, "test.group"));
    let events = net.events(1);
    let [Event::Announce { name_hash, hops: 1, path_response: false, ratchet: None, .. }] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!(*name_hash, NameHash::of_name("test.group"));
    let peer = net.hosts[1].node.peer(&destination).unwrap();
    assert_eq!(peer.identity.to_bytes(), identity(1).public().to_bytes());
    assert_eq!(peer.app_data.as_deref(), Some(&b"app 1"[..]));
    assert_eq!(net.hosts[1].node.path(&destination).unwrap().hops, 1);
}

#[test]
fn announces_are_a_second_apart_and_none_is_lost() {
    let mut net = Net::pair();
    let destination = net.announced(0, busy(1, "test.group"));
    net.hosts[0].node.set_app_data(&destination, b"second".to_vec()).unwrap();
    for _ in 0..5 {
        net.hosts[0].node.announce(net.now, destination, None).unwrap();
        net.run(ms(100));
    }
    assert_eq!(announces(&net.hosts[0]).len(), 1);
    net.run(ms(600));
    assert_eq!(announces(&net.hosts[0]).len(), 2, "those of the first second became one");
    assert_eq!(net.hosts[1].node.peer(&destination).unwrap().app_data.as_deref(), Some(&b"second"[..]));
    assert_eq!(net.events(1).len(), 2, "the receiver took both");
    net.run(Duration::from_secs(60));
    assert_eq!(announces(&net.hosts[0]).len(), 2);
}

#[test]
fn an_announce_waits_until_its_new_ratchet_is_durable() {
    let mut net = Net::pair();
    net.hosts[0].persists_at_once = false;
    let restored = vec![RatchetSecret::from_bytes([5; 32])];
    let config = DestinationConfig { ratchets: Some(restored), ..busy(1, "test.group") };
    let destination = net.announced(0, config);
    assert!(net.hosts[0].sent.is_empty());
    let Some(Persist::Ratchets { id, secrets, .. }) = net.hosts[0].persists.pop() else { panic!() };
    assert_eq!(secrets.len(), 2);

    net.hosts[0].node.handle_persisted(net.now, id);
    net.run(ms(100));
    let peer = net.hosts[1].node.peer(&destination).unwrap();
    assert_eq!(peer.ratchet.unwrap().0, secrets[0].public());

    net.run(Duration::from_secs(2));
    net.hosts[0].node.announce(net.now, destination, None).unwrap();
    net.run(ms(100));
    assert!(net.hosts[0].persists.is_empty(), "no rotation within half an hour");
    assert_eq!(announces(&net.hosts[0]).len(), 2);
}

#[test]
fn a_path_request_is_answered_at_once_and_only_where_it_was_asked() {
    let mut net = Net::new(3);
    net.wire(0, 1, fast);
    net.wire(0, 2, fast);
    let destination = net.hosts[0].node.add_destination(busy(1, "test.group")).unwrap();
    net.hosts[1].node.request_path(net.now, destination);
    net.run(ms(30));
    assert_eq!(announces(&net.hosts[0]), [(InterfaceId(0), Context::PATH_RESPONSE)]);
    let events = net.events(1);
    let [Event::PathFound { hops: 1, .. }, Event::Announce { path_response: true, .. }] = &events[..] else {
        panic!("{events:?}");
    };
    assert!(net.events(2).is_empty());
}

#[test]
fn asking_often_costs_one_signature_a_second() {
    let mut net = Net::new(2);
    let (end, _) = net.wire(0, 1, fast);
    let destination = net.hosts[0].node.add_destination(busy(1, "test.group")).unwrap();
    let ask = |net: &mut Net, tag: u8| {
        let body = [destination.as_ref(), &[tag; 16]].concat();
        let mut frame = Vec::new();
        Packet::plain(crate::transport::path_request_destination(), Context::NONE, &body).emit(&mut frame);
        net.hosts[0].node.handle_frame(net.now, end, &frame);
    };
    net.hosts[0].works_at_once = false;
    ask(&mut net, 1);
    net.drain();
    assert_eq!(net.hosts[0].work.len(), 1);
    let now = net.now;
    net.hosts[0].work(now);
    for tag in 2..50 {
        ask(&mut net, tag);
    }
    net.drain();
    assert!(net.hosts[0].work.is_empty());
    assert_eq!(announces(&net.hosts[0]).len(), 1, "those that wait to be sent are merged");
    ask(&mut net, 2);
    assert_eq!(net.hosts[0].node.counters().path_request_duplicate, 1);
    net.run(ms(1000));
    ask(&mut net, 99);
    net.drain();
    assert_eq!(net.hosts[0].work.len(), 1);
}

#[test]
fn an_answer_that_only_confirms_the_path_is_still_an_answer() {
    let mut net = Net::pair();
    let destination = net.announced(0, busy(1, "test.group"));
    net.events(1);
    net.hosts[1].node.request_path(net.now, destination);
    net.run(ms(50));
    let events = net.events(1);
    assert!(matches!(events[..], [Event::PathFound { hops: 1, .. }]), "{events:?}");
}

#[test]
fn path_requests_of_ours_are_spaced() {
    let mut net = Net::pair();
    let unknown = DestinationHash::new([9; 16]);
    for _ in 0..30 {
        net.hosts[0].node.request_path(net.now, unknown);
        net.run(Duration::from_secs(1));
    }
    assert_eq!(net.hosts[0].sent.len(), 2);
    assert_eq!(net.hosts[0].node.counters().path_request_gated, 28);
    assert_eq!(net.hosts[1].node.counters().path_request_unknown, 2);
}

#[test]
fn an_access_point_lets_only_what_was_asked_for_out() {
    let mut net = Net::new(2);
    let (end, _) = net.wire(0, 1, || InterfaceConfig { mode: Mode::AccessPoint, ..fast() });
    let destination = net.announced(0, busy(1, "test.group"));
    assert!(announces(&net.hosts[0]).is_empty());
    net.hosts[0].node.announce(net.now, destination, Some(end)).unwrap();
    net.run(ms(2000));
    assert!(announces(&net.hosts[0]).is_empty(), "nor what is meant for this interface");
    net.hosts[1].node.request_path(net.now, destination);
    net.run(ms(2000));
    assert_eq!(announces(&net.hosts[0]), [(end, Context::PATH_RESPONSE)]);
}

#[test]
fn a_clock_set_back_does_not_make_us_unreachable() {
    let mut net = Net::pair();
    let destination = net.announced(0, busy(1, "test.group"));
    net.run(ms(2000));
    net.hosts[0].node.set_unix_time(net.now, UnixTime::from_secs(1_000_000));
    net.hosts[0].node.set_app_data(&destination, b"later".to_vec()).unwrap();
    net.hosts[0].node.announce(net.now, destination, None).unwrap();
    net.run(ms(100));
    assert_eq!(net.hosts[1].node.peer(&destination).unwrap().app_data.as_deref(), Some(&b"later"[..]));
}

#[test]
fn replays_cost_no_signature_and_change_nothing() {
    let mut net = Net::pair();
    let (_, old) = foreign(&identity(9), 1000, 1, None);
    let (destination, new) = foreign(&identity(9), 2000, 1, None);
    let feed = |net: &mut Net, frame: &[u8]| {
        net.hosts[0].node.handle_frame(net.now, InterfaceId(0), frame);
        net.drain();
        net.events(0).len()
    };
    assert_eq!(feed(&mut net, &old), 1);
    assert_eq!(feed(&mut net, &new), 1);
    net.hosts[0].works_at_once = false;
    for frame in [&old, &new] {
        assert_eq!(feed(&mut net, frame), 0);
    }
    assert!(net.hosts[0].work.is_empty());
    assert_eq!(net.hosts[0].node.counters().announce_repeated, 2);
    assert_eq!(net.hosts[0].node.peer(&destination).unwrap().app_data.as_deref(), Some(&b"at 2000"[..]));
}

#[test]
fn an_older_announce_over_a_new_path_rolls_nothing_back() {
    let mut net = Net::pair();
    let (destination, new) = foreign(&identity(9), 2000, 1, None);
    let (_, old) = foreign(&identity(9), 1000, 5, Some(IdentityHash::new([3; 16])));
    net.hosts[0].node.handle_frame(net.now, InterfaceId(0), &new);
    net.drain();
    net.events(0);
    // Once the path expired, even an older announce may lead to the destination (spec 4.3).
    net.now = Instant::ZERO + Duration::from_secs(8 * 24 * 3600);
    net.hosts[0].node.handle_frame(net.now, InterfaceId(0), &old);
    net.drain();
    let events = net.events(0);
    let [Event::Announce { app_data, hops: 6, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(app_data.as_deref(), Some(&b"at 2000"[..]));
    assert_eq!(net.hosts[0].node.counters().announce_older, 1);
    assert_eq!(net.hosts[0].node.path(&destination).unwrap().hops, 6);
}

#[test]
fn bad_announces_are_refused_by_name() {
    let mut net = Net::pair();
    let own = net.announced(0, busy(1, "test.group"));
    let echo = net.hosts[0].sent[0].1.clone();
    let (_, good) = foreign(&identity(9), 1000, 0, None);
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    let mut elsewhere = good.clone();
    elsewhere[2] ^= 1;
    let mut short = good.clone();
    short.truncate(160);
    let mut long = good.clone();
    long.resize(501, 0);
    let mut plain = good.clone();
    plain[0] = 0x09;
    for frame in [&echo, &forged, &elsewhere, &short, &long, &plain] {
        net.hosts[0].node.handle_frame(net.now, InterfaceId(0), frame);
        net.drain();
    }
    let counters = net.hosts[0].node.counters();
    assert_eq!(counters.announce_own, 1);
    assert_eq!(counters.announce_bad_signature, 1);
    assert_eq!(counters.announce_wrong_destination, 1);
    assert_eq!(counters.announce_malformed, 2);
    assert_eq!(counters.packet_plain_scope, 1);
    assert!(net.hosts[0].node.peer(&own).is_none());
    assert!(net.events(0).is_empty());
}

#[test]
fn what_changes_of_a_retained_peer_is_persisted() {
    let mut net = Net::pair();
    let (destination, first) = foreign(&identity(9), 1000, 1, None);
    net.hosts[0].node.retain_peer(destination, true);
    net.hosts[0].node.handle_frame(net.now, InterfaceId(0), &first);
    net.drain();
    let Some(Persist::Peer(record)) = net.hosts[0].persists.pop() else { panic!() };
    assert_eq!((record.emitted_s, record.app_data.as_deref()), (1000, Some(&b"at 1000"[..])));

    let mut restarted = Net::pair();
    assert!(restarted.hosts[0].node.add_peer(record));
    assert!(restarted.hosts[0].node.peer(&destination).is_some());
    restarted.hosts[0].node.handle_frame(net.now, InterfaceId(0), &foreign(&identity(8), 1, 1, None).1);
    restarted.drain();
    assert!(restarted.hosts[0].persists.is_empty(), "nobody asked for this one");
}

#[test]
fn a_burst_of_unknown_announces_is_held_and_released() {
    let mut net = Net::pair();
    for n in 0..30 {
        let identity = Identity::generate(&mut Rng::from_seed([n; 32]));
        net.hosts[0].node.handle_frame(net.now, InterfaceId(0), &foreign(&identity, 1000, 1, None).1);
        net.run(ms(10));
    }
    let heard = net.events(0).len();
    assert!(heard < 5, "{heard}");
    let wanted = identity(60);
    let (destination, frame) = foreign(&wanted, 1000, 1, None);
    net.hosts[0].node.request_path(net.now, destination);
    net.hosts[0].node.handle_frame(net.now, InterfaceId(0), &frame);
    net.drain();
    assert_eq!(net.events(0).len(), 2, "one that was asked for passes");
    net.run(Duration::from_secs(15 + 31 * 5));
    assert_eq!(net.events(0).len(), 30 - heard);
}
