//! Paths that outlive their interface or the process.

use std::time::Duration;

use super::net::*;
use crate::hash::DestinationHash;
use crate::node::*;
use crate::time::Instant;
use crate::wire::{Context, Packet, PacketType};

const QUARTER: Duration = Duration::from_secs(15 * 60);
const HOUR: Duration = Duration::from_secs(3600);

fn named(name: &str) -> InterfaceConfig {
    InterfaceConfig { name: name.to_owned(), ..fast() }
}

/// A transport, host 1, between two end points; 0 is announced.
fn between() -> (Net, DestinationHash) {
    let mut net = Net::with_transports(3, |n| n == 1);
    net.wire(0, 1, || named("left"));
    net.wire(1, 2, || named("right"));
    let destination = net.announced(0, busy(1, "test.group"));
    (net, destination)
}

fn saved(host: &mut Host) -> Vec<(bool, Vec<PathRecord>)> {
    let paths = |persist| match persist {
        Persist::Paths { first, records } => Some((first, records)),
        _ => None,
    };
    std::mem::take(&mut host.persists).into_iter().filter_map(paths).collect()
}

#[test]
fn paths_are_saved_a_quarter_of_an_hour_after_the_first_and_then_every_six_hours_at_most() {
    let (mut net, destination) = between();
    net.run(QUARTER - Duration::from_secs(1));
    assert!(saved(&mut net.hosts[1]).is_empty());
    net.run(Duration::from_secs(2));
    let pieces = saved(&mut net.hosts[1]);
    assert_eq!(pieces.len(), 1);
    assert!(pieces[0].0);
    assert_eq!(pieces[0].1.iter().map(|record| record.destination).collect::<Vec<_>>(), [destination]);

    // One announce a minute, for a day.
    for _ in 0..24 * 60 {
        net.hosts[0].node.announce(net.now, destination, None).unwrap();
        net.run(Duration::from_secs(60));
    }
    assert_eq!(saved(&mut net.hosts[1]).len(), 4);
    assert!(
        saved(&mut net.hosts[0]).is_empty() && saved(&mut net.hosts[2]).is_empty(),
        "end points save none"
    );
    net.run(24 * HOUR);
    assert!(saved(&mut net.hosts[1]).len() <= 1, "nothing changed");
}

#[test]
fn of_many_blobs_the_newest_32_are_saved() {
    let (mut net, destination) = between();
    for _ in 0..50 {
        net.run(Duration::from_secs(2));
        net.hosts[0].node.announce(net.now, destination, None).unwrap();
    }
    net.run(Duration::from_secs(2));
    let now = net.now;
    net.hosts[1].node.save_paths(now);
    net.drain();
    let record = saved(&mut net.hosts[1]).pop().unwrap().1.pop().unwrap();
    let emitted: Vec<u64> = record.blobs.iter().map(crate::wire::emission_secs).collect();
    assert_eq!(emitted.len(), 32);
    assert!(emitted.is_sorted());
    assert_eq!(emitted.last().copied(), net.hosts[1].node.peer(&destination).map(|peer| peer.emitted_s));
}

#[test]
fn the_table_of_paths_is_told_in_order() {
    let (mut net, first) = between();
    let second = net.announced(2, busy(2, "test.group"));
    let now = net.now;
    let paths = net.hosts[1].node.paths(now);
    let mut expected = [(first, InterfaceId(0)), (second, InterfaceId(1))];
    expected.sort();
    assert_eq!(paths.iter().map(|path| (path.destination, path.interface)).collect::<Vec<_>>(), expected);
    assert!(paths.iter().all(|path| path.hops == 1 && path.next_hop.is_none()));
    assert!(paths.iter().all(|path| path.expires > path.used && path.used >= EPOCH));
}

#[test]
fn a_restarted_transport_forwards_and_answers_at_once() {
    let (mut net, destination) = between();
    net.run(HOUR);
    let now = net.now;
    net.hosts[1].node.save_paths(now);
    net.drain();
    let records = saved(&mut net.hosts[1]).pop().unwrap().1;

    let config = NodeConfig { transport: true, ..NodeConfig::new(identity(101)) };
    let mut node = Node::new(config, [9; 32], Instant::ZERO, net.hosts[1].node.unix_time(now));
    for record in records {
        assert!(node.add_path(Instant::ZERO, record));
    }
    assert!(node.path(&destination).is_none(), "its interface is not there yet");
    let right = node.add_interface(Instant::ZERO, named("right"));
    assert!(node.path(&destination).is_none());
    let left = node.add_interface(Instant::ZERO, named("left"));
    assert_eq!(node.path(&destination).unwrap(), PathInfo { hops: 1, interface: left });

    let body = [destination.as_ref(), &[1; 16]].concat();
    let mut frame = Vec::new();
    Packet::plain(crate::transport::path_request_destination(), Context::NONE, &body).emit(&mut frame);
    node.handle_frame(Instant::ZERO, right, &frame);
    node.handle_timeout(Instant::ZERO + ms(400));
    let mut answer = Vec::new();
    assert!(node.poll_transmit(Instant::ZERO + ms(400), right, &mut answer));
    let answer = Packet::parse(&answer).unwrap();
    assert_eq!(
        (answer.header.packet_type, answer.header.context),
        (PacketType::Announce, Context::PATH_RESPONSE)
    );
    let original = net.hosts[0].sent[0].1.clone();
    assert_eq!(answer.data, Packet::parse(&original).unwrap().data, "the announce as it was signed");
    // What it heard before the restart is still no news.
    node.handle_frame(Instant::ZERO, left, &original);
    assert_eq!(node.counters().announce_repeated, 1);
}

#[test]
fn what_is_not_as_it_was_saved_is_not_restored() {
    let (mut net, destination) = between();
    let now = net.now;
    net.hosts[1].node.save_paths(now);
    net.drain();
    let record = saved(&mut net.hosts[1]).pop().unwrap().1.pop().unwrap();
    let node = |transport| {
        let config = NodeConfig { transport, ..NodeConfig::new(identity(101)) };
        Node::new(config, [9; 32], Instant::ZERO, EPOCH + Duration::from_secs(30 * 86_400))
    };
    let fresh = PathRecord { used: EPOCH + Duration::from_secs(29 * 86_400), ..record.clone() };
    assert!(node(true).add_path(Instant::ZERO, fresh.clone()));
    assert!(!node(true).add_path(Instant::ZERO, record), "not used for a month");
    let other = PathRecord { destination: DestinationHash::new([1; 16]), ..fresh.clone() };
    assert!(!node(true).add_path(Instant::ZERO, other), "another announce");
    assert!(!node(true).add_path(Instant::ZERO, PathRecord { announce: vec![1; 40], ..fresh.clone() }));
    assert!(!node(true).add_path(Instant::ZERO, PathRecord { blobs: Vec::new(), ..fresh.clone() }));
    let mut blackholing = node(true);
    blackholing
        .blackhole(Instant::ZERO, &Blackholed { identity: identity(1).hash(), until: None, reason: None });
    assert!(!blackholing.add_path(Instant::ZERO, fresh.clone()));
    let mut own = node(true);
    assert_eq!(own.add_destination(busy(1, "test.group")).unwrap(), destination);
    assert!(!own.add_path(Instant::ZERO, fresh));
}

#[test]
fn paths_come_back_with_an_interface_of_the_same_name() {
    let (mut net, destination) = between();
    let now = net.now;
    net.hosts[1].node.remove_interface(now, InterfaceId(0));
    assert!(net.hosts[1].node.path(&destination).is_none());
    net.run(HOUR);
    let now = net.now;
    net.hosts[1].node.add_interface(now, named("other"));
    assert!(net.hosts[1].node.path(&destination).is_none());
    let id = net.hosts[1].node.add_interface(now, named("left"));
    assert_eq!(net.hosts[1].node.path(&destination).unwrap(), PathInfo { hops: 1, interface: id });
}

#[test]
fn a_place_that_stays_away_for_8_hours_is_forgotten() {
    let (mut net, destination) = between();
    let now = net.now;
    net.hosts[1].node.remove_interface(now, InterfaceId(0));
    net.run(8 * HOUR + Duration::from_secs(1));
    let now = net.now;
    net.hosts[1].node.add_interface(now, named("left"));
    assert!(net.hosts[1].node.path(&destination).is_none());
}

/// Host 0 connects to host 1, a transport, which names each connection anew.
fn connect(net: &mut Net, nth: u8) -> (InterfaceId, InterfaceId) {
    let now = net.now;
    let client = InterfaceConfig { tells_tunnel: true, ..named("uplink") };
    let at_client = net.hosts[0].node.add_interface(now, client);
    let at_server = net.hosts[1].node.add_interface(now, named(&format!("connection {nth}")));
    net.join((0, at_client), (1, at_server));
    net.run(ms(100));
    (at_client, at_server)
}

#[test]
fn paths_through_a_tunnel_come_back_when_it_connects_again() {
    let mut net = Net::with_transports(2, |n| n == 1);
    let (client, server) = connect(&mut net, 1);
    let told = Packet::parse(&net.hosts[0].sent[0].1).unwrap();
    assert_eq!((told.header.flags(), told.header.hops, told.data.len()), (0x08, 0, 176));
    let destination = net.announced(0, busy(1, "test.group"));
    assert_eq!(net.hosts[1].node.path(&destination).unwrap().interface, server);

    let now = net.now;
    net.hosts[0].node.remove_interface(now, client);
    net.hosts[1].node.remove_interface(now, server);
    net.run(HOUR);
    assert!(net.hosts[1].node.path(&destination).is_none());
    let (_, again) = connect(&mut net, 2);
    assert_eq!(net.hosts[1].node.path(&destination).unwrap().interface, again);
}

#[test]
fn a_tunnel_takes_its_paths_along_also_before_the_old_connection_is_known_to_be_dead() {
    let mut net = Net::with_transports(2, |n| n == 1);
    let (client, _) = connect(&mut net, 1);
    let destination = net.announced(0, busy(1, "test.group"));
    let now = net.now;
    net.hosts[0].node.remove_interface(now, client);
    let (_, second) = connect(&mut net, 2);
    assert_eq!(net.hosts[1].node.path(&destination).unwrap().interface, second);
}

#[test]
fn tunnels_that_are_forged_or_of_no_use_are_counted() {
    let mut net = Net::with_transports(2, |n| n == 1);
    connect(&mut net, 1);
    let mut forged = net.hosts[0].sent[0].1.clone();
    *forged.last_mut().unwrap() ^= 1;
    let now = net.now;
    net.hosts[1].node.handle_frame(now, InterfaceId(0), &forged);
    net.drain();
    assert_eq!(net.hosts[1].node.counters().tunnel_forged, 1);
    let good = net.hosts[0].sent[0].1.clone();
    net.hosts[0].node.handle_frame(now, InterfaceId(0), &good);
    assert_eq!(net.hosts[0].node.counters().tunnel_ignored, 1);
}

#[test]
fn a_tunnel_is_told_at_each_connection() {
    let mut net = Net::with_transports(2, |n| n == 1);
    let (client, _) = connect(&mut net, 1);
    let now = net.now;
    net.hosts[0].node.handle_interface_down(now, client);
    net.hosts[0].node.handle_interface_up(now, client);
    net.run(ms(100));
    assert_eq!(net.hosts[0].sent.len(), 2);
    assert_ne!(net.hosts[0].sent[0].1, net.hosts[0].sent[1].1, "never the same bytes");
}
