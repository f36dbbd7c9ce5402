//! Identities whose traffic the operator does not want.

use super::net::*;
use super::transit::{Transit, frame};
use crate::hash::IdentityHash;
use crate::node::*;
use crate::time::Instant;
use crate::wire::{Context, Packet};

fn for_good(identity: IdentityHash) -> Blackholed {
    Blackholed { identity, until: None, reason: None }
}

#[test]
fn announces_of_a_blackholed_identity_are_dropped_and_counted_until_it_is_let_again() {
    let mut net = Net::pair();
    let unwanted = identity(1).hash();
    let now = net.now;
    assert!(net.hosts[1].node.blackhole(now, &for_good(unwanted)));
    assert_eq!(net.hosts[1].node.blackholed(now), [for_good(unwanted)]);
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
    transit.node().blackhole(now, &for_good(identity(1).hash()));
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
    net.hosts[0].node.blackhole(now, &for_good(unwanted.hash()));
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
        (0..3).map(|n| net.hosts[0].node.blackhole(now, &for_good(IdentityHash::new([n; 16])))).collect();
    assert_eq!(added, [true, true, false]);
}

#[test]
fn who_is_blackholed_for_a_while_is_heard_again_after_it_and_both_are_persisted() {
    let mut net = Net::pair();
    let (now, unwanted) = (net.now, identity(1).hash());
    let unix = net.hosts[1].node.unix_time(now);
    let entry =
        Blackholed { identity: unwanted, until: Some(unix + ms(60_000)), reason: Some("floods".to_owned()) };
    assert!(net.hosts[1].node.blackhole_and_persist(now, entry.clone()));
    assert_eq!(net.hosts[1].node.blackholed(now), std::slice::from_ref(&entry));
    assert!(net.hosts[1].node.poll_timeout() <= Some(now + ms(60_000)));
    let destination = net.announced(0, busy(1, "test.unwanted"));
    assert!(net.hosts[1].node.path(&destination).is_none());
    net.run(ms(61_000));
    assert!(net.hosts[1].node.blackholed(net.now).is_empty());
    let persisted = |persist: &Persist| match persist {
        Persist::Blackholed(told) => Some((told.clone() == entry, true)),
        Persist::Unblackholed(identity) => Some((*identity == unwanted, false)),
        _ => None,
    };
    let told: Vec<_> = net.hosts[1].persists.iter().filter_map(persisted).collect();
    assert_eq!(told, [(true, true), (true, false)]);
    net.hosts[0].node.announce(net.now, destination, None).unwrap();
    net.run(ms(2000));
    assert!(net.hosts[1].node.path(&destination).is_some());
}

#[test]
fn a_time_that_is_over_blackholes_nobody_for_long() {
    let mut net = Net::pair();
    let gone =
        Blackholed { until: Some(crate::time::UnixTime::from_secs(1)), ..for_good(identity(1).hash()) };
    let node = &mut net.hosts[0].node;
    assert!(node.blackhole(net.now, &gone));
    node.handle_timeout(net.now);
    assert!(node.blackholed(Instant::ZERO).is_empty());
}
