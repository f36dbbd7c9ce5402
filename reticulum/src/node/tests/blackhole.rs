//! Identities whose traffic the operator does not want.

use super::net::*;
use super::transit::{Transit, frame};
use crate::hash::IdentityHash;
use crate::node::*;
use crate::wire::{Context, Packet};

#[test]
fn announces_of_a_blackholed_identity_are_dropped_and_counted_until_it_is_let_again() {
    let mut net = Net::pair();
    let unwanted = identity(1).hash();
    let now = net.now;
    assert!(net.hosts[1].node.blackhole(now, unwanted));
    assert_eq!(net.hosts[1].node.blackholed(), [unwanted]);
    let destination = net.announced(0, busy(1, "test.unwanted"));
    let wanted = net.announced(0, busy(2, "test.wanted"));
    assert!(net.hosts[1].node.peer(&destination).is_none() && net.hosts[1].node.path(&destination).is_none());
    assert!(net.hosts[1].node.peer(&wanted).is_some());
    assert_eq!(net.hosts[1].node.counters().blackholed, 1);

    assert!(net.hosts[1].node.unblackhole(&unwanted) && !net.hosts[1].node.unblackhole(&unwanted));
    net.run(ms(2000));
    net.hosts[0].node.announce(net.now, destination, None).unwrap();
    net.run(ms(100));
    assert!(net.hosts[1].node.path(&destination).is_some());
}

#[test]
fn packets_and_links_to_a_blackholed_identity_no_longer_pass() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 1);
    let packet = |n| Packet::single(destination, Context::NONE, [&[1u8; 50][..], &[2; 50]][n]);
    let first = frame(transit.addressed(packet(0)));
    assert_eq!(transit.feed(transit.near, &first).len(), 1);
    let now = transit.now();
    transit.node().blackhole(now, identity(1).hash());
    let second = frame(transit.addressed(packet(1)));
    assert!(transit.feed(transit.near, &second).is_empty());
    assert_eq!(transit.counters().forward_no_path, 1);
}

#[test]
fn a_blackholed_identity_has_no_link_to_us_neither_before_nor_after() {
    let mut net = Net::pair();
    let destination = net.announced(0, busy(1, "test.link"));
    let links: Vec<_> = (0..2).map(|_| net.hosts[1].node.open_link(net.now, destination).unwrap()).collect();
    net.run(ms(200));
    let unwanted = identity(9);
    net.hosts[1].node.identify(net.now, links[0], &unwanted).unwrap();
    net.run(ms(100));
    net.events(0);
    let now = net.now;
    net.hosts[0].node.blackhole(now, unwanted.hash());
    net.run(ms(100));
    let closed = |event: &Event| matches!(event, Event::LinkClosed { link, .. } if *link == links[0]);
    assert!(net.events(0).iter().any(closed));
    assert!(net.hosts[1].node.link(links[0]).is_none(), "its other end is told");

    net.hosts[1].node.identify(net.now, links[1], &unwanted).unwrap();
    net.run(ms(100));
    let events = net.events(0);
    assert!(matches!(events[..], [Event::LinkClosed { .. }]), "{events:?}");
    assert_eq!(net.hosts[0].node.counters().blackholed, 1);
}

#[test]
fn the_list_is_bounded() {
    let limits = Limits { blackhole: 2, ..Limits::default() };
    let mut net = Net::with_limits(1, limits);
    let now = net.now;
    let added: Vec<_> =
        (0..3).map(|n| net.hosts[0].node.blackhole(now, IdentityHash::new([n; 16]))).collect();
    assert_eq!(added, [true, true, false]);
}
