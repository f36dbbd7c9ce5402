//! Announces and path requests across several nodes that forward for others.

use std::time::Duration;

use super::net::*;
use crate::hash::{DestinationHash, IdentityHash, NameHash};
use crate::node::*;
use crate::time::UnixTime;
use crate::wire::{self, Announce, Context, Packet, PacketType};

fn with_mode(mode: Mode) -> impl Fn() -> InterfaceConfig {
    move || InterfaceConfig { mode, ..fast() }
}

/// `count` nodes in a line, all but the ends forwarding.
fn line(count: u8, medium: impl Fn() -> InterfaceConfig) -> Net {
    let mut net = Net::with_transports(count, |n| n > 0 && n + 1 < count);
    for n in 1..usize::from(count) {
        net.wire(n - 1, n, &medium);
    }
    net
}

/// Announces that a host has sent so far, with interface, hop byte, next hop and context.
fn sent(host: &Host) -> Vec<(InterfaceId, u8, bool, Context)> {
    let announce = |(interface, frame): &(InterfaceId, Vec<u8>)| {
        let header = Packet::parse(frame).unwrap().header;
        (header.packet_type == PacketType::Announce).then_some((
            *interface,
            header.hops,
            header.transport_id.is_some(),
            header.context,
        ))
    };
    host.sent.iter().filter_map(announce).collect()
}

fn heard(net: &mut Net, host: usize) -> Vec<(u8, bool)> {
    let announce = |event| match event {
        Event::Announce { hops, path_response, .. } => Some((hops, path_response)),
        _ => None,
    };
    net.events(host).into_iter().filter_map(announce).collect()
}

/// An announce as somebody out there sends it.
fn foreign(n: u8, emitted_s: u64, hops: u8, via: Option<u8>, app_data: &[u8]) -> (DestinationHash, Vec<u8>) {
    let (identity, name) = (identity(n), NameHash::of_name("test.other"));
    let destination = DestinationHash::of_single(name, identity.hash());
    let blob = wire::random_blob([n; 5], UnixTime::from_secs(emitted_s));
    let data = Announce::build(&identity, destination, name, blob, None, app_data);
    let packet = Packet::announce(destination, Context::NONE, false, &data).with_hops(hops);
    let mut frame = Vec::new();
    via.map_or(packet, |via| packet.via(IdentityHash::new([via; 16]))).emit(&mut frame);
    (destination, frame)
}

/// One node that forwards, with wires that lead nowhere.
fn hub(ends: usize, medium: impl Fn() -> InterfaceConfig) -> Net {
    let mut net = Net::with_transports(1 + ends as u8, |n| n == 0);
    for end in 1..=ends {
        net.wire(0, end, &medium);
    }
    net
}

fn feed(net: &mut Net, interface: u32, frame: &[u8]) {
    net.hosts[0].node.handle_frame(net.now, InterfaceId(interface), frame);
    net.drain();
}

/// A path request as an end point or a transport sends it.
fn ask(destination: DestinationHash, requester: Option<IdentityHash>, tag: u8) -> Vec<u8> {
    let requester = requester.map_or(Vec::new(), |id| id.as_ref().to_vec());
    let body = [destination.as_ref(), &requester, &[tag; 16]].concat();
    let mut frame = Vec::new();
    Packet::plain(crate::transport::path_request_destination(), Context::NONE, &body).emit(&mut frame);
    frame
}

#[test]
fn an_announce_crosses_four_hops_and_counts_them() {
    let mut net = line(5, fast);
    let destination = net.announced(0, busy(1, "test.group"));
    net.run(Duration::from_secs(30));
    for host in 1..5 {
        assert_eq!(net.hosts[host].node.path(&destination).unwrap().hops, host as u8, "host {host}");
        assert_eq!(heard(&mut net, host), [(host as u8, false)], "told once");
        let peer = net.hosts[host].node.peer(&destination).unwrap();
        assert_eq!(peer.app_data.as_deref(), Some(&b"app 1"[..]));
    }
    assert!(sent(&net.hosts[4]).is_empty(), "an end point passes nothing on");
}

#[test]
fn an_end_point_passes_nothing_on_and_answers_for_nobody() {
    let mut net = Net::new(3);
    net.wire(0, 1, fast);
    net.wire(1, 2, with_mode(Mode::Gateway));
    let destination = net.announced(0, busy(1, "test.group"));
    net.hosts[2].node.request_path(net.now, destination);
    net.run(Duration::from_secs(30));
    assert!(net.hosts[1].sent.is_empty());
    assert!(net.hosts[2].node.path(&destination).is_none());
    assert_eq!(net.hosts[1].node.counters().path_request_unknown, 1);
}

#[test]
fn an_announce_is_sent_twice_with_our_identity_and_only_the_header_changes() {
    let mut net = hub(2, fast);
    let (_, frame) = foreign(9, 1000, 2, Some(50), b"app data");
    feed(&mut net, 0, &frame);
    net.run(Duration::from_secs(60));
    let frames: Vec<&Vec<u8>> = net.hosts[0].sent.iter().map(|(_, frame)| frame).collect();
    assert_eq!(frames.len(), 4, "two transmissions on two interfaces, also where it came from");
    let original = Packet::parse(&frame).unwrap();
    for frame in frames {
        let packet = Packet::parse(frame).unwrap();
        assert_eq!(packet.header.transport_id, Some(identity(100).hash()));
        assert_eq!(packet.header.hops, 3);
        assert_eq!(packet.header.flags(), 0x51);
        assert_eq!(packet.header.context, Context::NONE);
        assert_eq!(packet.data, original.data);
    }
}

#[test]
fn path_responses_are_learned_and_never_passed_on() {
    let mut net = hub(2, fast);
    let (destination, mut frame) = foreign(9, 1000, 2, Some(50), b"");
    frame[34] = Context::PATH_RESPONSE.0;
    feed(&mut net, 0, &frame);
    net.run(Duration::from_secs(60));
    assert!(net.hosts[0].node.path(&destination).is_some());
    assert!(net.hosts[0].sent.is_empty());
}

#[test]
fn what_would_not_fit_with_one_more_address_is_learned_and_not_passed_on() {
    let mut net = hub(2, fast);
    let (fits, frame) = foreign(9, 1000, 0, None, &[7; 317]);
    feed(&mut net, 0, &frame);
    let (long, frame) = foreign(8, 1000, 0, None, &[7; 318]);
    feed(&mut net, 0, &frame);
    net.run(Duration::from_secs(60));
    assert!(net.hosts[0].node.path(&fits).is_some() && net.hosts[0].node.path(&long).is_some());
    assert_eq!(sent(&net.hosts[0]).len(), 4);
    assert!(net.hosts[0].sent.iter().all(|(_, frame)| frame.len() == 500));
    assert!(net.hosts[0].node.counters().announce_unspreadable >= 2);
}

#[test]
fn an_announce_from_128_hops_away_ends_here() {
    let mut net = hub(2, fast);
    let (destination, frame) = foreign(9, 1000, 127, Some(50), b"");
    feed(&mut net, 0, &frame);
    net.run(Duration::from_secs(60));
    assert_eq!(net.hosts[0].node.path(&destination).unwrap().hops, 128);
    assert!(net.hosts[0].sent.is_empty());
}

#[test]
fn who_hears_enough_others_stays_silent() {
    let mut net = hub(2, fast);
    let (_, frame) = foreign(9, 1000, 2, Some(50), b"");
    feed(&mut net, 0, &frame);
    net.run(Duration::from_secs(1));
    assert_eq!(sent(&net.hosts[0]).len(), 2);
    for via in [60, 61] {
        let (_, sibling) = foreign(9, 1000, 3, Some(via), b"");
        feed(&mut net, 0, &sibling);
    }
    net.run(Duration::from_secs(60));
    assert_eq!(sent(&net.hosts[0]).len(), 2, "no second transmission");
    assert_eq!(net.hosts[0].node.counters().announce_spread_by_others, 1);
}

#[test]
fn a_ring_has_no_loop_and_the_shorter_way_wins() {
    let mut net = Net::with_transports(7, |_| true);
    for n in 0..7 {
        net.wire(n, (n + 1) % 7, fast);
    }
    let destination = net.announced(0, busy(1, "test.group"));
    net.run(Duration::from_secs(120));
    let hops: Vec<u8> = (1..7).map(|host| net.hosts[host].node.path(&destination).unwrap().hops).collect();
    assert_eq!(hops[0], 1);
    assert_eq!(hops[5], 1);
    // The jitter decides who is first on the far side; later a nearer copy of the same second is refused.
    assert!((1..7).all(|n| usize::from(hops[n - 1]) <= 6 && usize::from(hops[n - 1]) >= n.min(7 - n)));
    let total: usize = net.hosts.iter().map(|host| sent(host).len()).sum();
    assert!(total <= 2 + 6 * 4, "each sends two copies on two interfaces at most: {total}");
    let before = total;
    net.run(Duration::from_secs(3600));
    assert_eq!(net.hosts.iter().map(|host| sent(host).len()).sum::<usize>(), before, "silence");
}

#[test]
fn a_known_path_is_answered_after_the_grace_and_only_where_it_was_asked() {
    for (mode, grace_ms) in [(Mode::Full, 400), (Mode::Gateway, 400), (Mode::Roaming, 1900)] {
        let mut net = hub(2, fast);
        let end = net.hosts[0].node.add_interface(net.now, with_mode(mode)());
        let (destination, frame) = foreign(9, 1000, 2, Some(50), b"hello");
        feed(&mut net, 0, &frame);
        net.run(Duration::from_secs(60));
        net.hosts[0].sent.clear();
        net.hosts[0].node.handle_frame(net.now, end, &ask(destination, None, 1));
        net.run(ms(grace_ms - 1));
        assert!(net.hosts[0].sent.is_empty(), "{mode:?}");
        net.run(ms(2));
        assert_eq!(sent(&net.hosts[0]), [(end, 3, true, Context::PATH_RESPONSE)], "{mode:?}");
        let data = Packet::parse(&net.hosts[0].sent[0].1).unwrap().data.to_vec();
        assert_eq!(data, Packet::parse(&frame).unwrap().data);
        net.run(Duration::from_secs(60));
        assert_eq!(sent(&net.hosts[0]).len(), 1, "once");
    }
}

#[test]
fn who_is_on_the_way_itself_is_not_answered() {
    let mut net = hub(2, fast);
    let (destination, frame) = foreign(9, 1000, 2, Some(50), b"");
    feed(&mut net, 0, &frame);
    net.run(Duration::from_secs(60));
    net.hosts[0].sent.clear();
    feed(&mut net, 0, &ask(destination, Some(IdentityHash::new([50; 16])), 1));
    net.run(Duration::from_secs(5));
    assert!(net.hosts[0].sent.is_empty(), "it is our next hop");
    feed(&mut net, 0, &ask(destination, Some(IdentityHash::new([51; 16])), 2));
    net.run(Duration::from_secs(5));
    assert_eq!(sent(&net.hosts[0]).len(), 1, "another is answered");

    let mut net = hub(1, with_mode(Mode::Roaming));
    let (destination, frame) = foreign(9, 1000, 2, Some(50), b"");
    feed(&mut net, 0, &frame);
    net.run(Duration::from_secs(60));
    net.hosts[0].sent.clear();
    feed(&mut net, 0, &ask(destination, None, 3));
    net.run(Duration::from_secs(5));
    assert!(net.hosts[0].sent.is_empty(), "on a roaming interface they hear each other");
    assert_eq!(net.hosts[0].node.counters().path_request_from_the_way, 1);
}

#[test]
fn an_unknown_path_is_looked_for_only_from_the_modes_that_do() {
    for (mode, expected) in [
        (Mode::Full, 0),
        (Mode::PointToPoint, 0),
        (Mode::AccessPoint, 2),
        (Mode::Roaming, 2),
        (Mode::Gateway, 2),
        (Mode::Internal, 2),
        (Mode::Boundary, 1),
    ] {
        let mut net = hub(1, fast);
        net.hosts[0].node.add_interface(net.now, with_mode(Mode::Gateway)());
        let end = net.hosts[0].node.add_interface(net.now, with_mode(mode)());
        let wanted = DestinationHash::new([9; 16]);
        net.hosts[0].node.handle_frame(net.now, end, &ask(wanted, Some(IdentityHash::new([4; 16])), 1));
        net.drain();
        assert_eq!(net.hosts[0].sent.len(), expected, "{mode:?}");
        for (interface, frame) in &net.hosts[0].sent {
            assert_ne!(*interface, end, "{mode:?}: not back to who asks");
            let body = Packet::parse(frame).unwrap().data.to_vec();
            let own = identity(100).hash();
            assert_eq!(
                body,
                [wanted.as_ref(), own.as_ref(), &[1; 16]].concat(),
                "our identity, the same tag"
            );
        }
    }
}

#[test]
fn a_gateway_finds_a_path_for_who_asks() {
    // 0 announced before the others were there, so only 1 knows the path.
    let mut net = Net::with_transports(4, |n| n == 1 || n == 2);
    net.wire(0, 1, fast);
    let destination = net.announced(0, busy(1, "test.group"));
    net.run(Duration::from_secs(30));
    net.wire(1, 2, fast);
    net.wire(2, 3, with_mode(Mode::Gateway));
    net.hosts[3].node.request_path(net.now, destination);
    net.run(Duration::from_secs(3));
    assert_eq!(net.hosts[2].node.path(&destination).unwrap().hops, 2);
    assert_eq!(net.hosts[3].node.path(&destination).unwrap().hops, 3);
    let events = net.events(3);
    assert!(matches!(events[..], [Event::PathFound { hops: 3, .. }, Event::Announce { .. }]), "{events:?}");
    assert!(sent(&net.hosts[2]).iter().all(|(.., context)| *context == Context::PATH_RESPONSE));
}

#[test]
fn many_who_ask_for_one_path_are_all_told_by_one_search() {
    let mut net = hub(4, with_mode(Mode::Gateway));
    let (destination, frame) = foreign(9, 1000, 2, Some(50), b"");
    for (interface, tag) in [(0, 1), (1, 2), (2, 3), (1, 4)] {
        feed(&mut net, interface, &ask(destination, None, tag));
        net.run(Duration::from_secs(1));
    }
    assert_eq!(net.hosts[0].sent.len(), 3, "one search, on the three others");
    net.hosts[0].sent.clear();
    feed(&mut net, 3, &frame);
    let told: Vec<u32> = sent(&net.hosts[0]).iter().map(|(id, ..)| id.0).collect();
    assert_eq!(told, [0, 1, 2]);
}

#[test]
fn a_question_is_passed_on_once_and_never_around_a_ring() {
    let mut net = Net::with_transports(6, |_| true);
    for n in 0..5 {
        net.wire(n, (n + 1) % 5, with_mode(Mode::Gateway));
    }
    net.wire(5, 0, with_mode(Mode::Gateway));
    net.hosts[5].node.request_path(net.now, DestinationHash::new([9; 16]));
    net.run(Duration::from_secs(60));
    let total: usize = net.hosts.iter().map(|host| host.sent.len()).sum();
    assert!(total <= 12, "each node at most once on each other interface: {total}");
}

#[test]
fn questions_that_come_too_fast_are_not_passed_on() {
    let mut net = hub(2, with_mode(Mode::Gateway));
    for n in 0..50 {
        feed(&mut net, 0, &ask(DestinationHash::new([100 + n; 16]), None, n));
        net.run(ms(100));
    }
    assert!(net.hosts[0].sent.len() < 10, "{}", net.hosts[0].sent.len());
    assert!(net.hosts[0].node.counters().path_request_not_searched > 40);
}

#[test]
fn the_egress_limit_holds() {
    let rules = InterfaceRules { egress_hz: Some(1.0), ..InterfaceRules::default() };
    let limited = move || InterfaceConfig { mode: Mode::Gateway, rules, ..fast() };
    let mut net = hub(2, limited);
    for n in 0..20 {
        feed(&mut net, 0, &ask(DestinationHash::new([100 + n; 16]), None, n));
        net.run(ms(500));
    }
    let sent = net.hosts[0].sent.len();
    assert!((3..=13).contains(&sent), "{sent}");
    assert!(net.hosts[0].node.counters().path_request_egress_limited >= 7);
}

#[test]
fn a_question_waits_for_no_pause_of_the_announce_cap() {
    let slow = || InterfaceConfig { mode: Mode::Gateway, bitrate_bps: 1200, ..fast() };
    let mut net = hub(2, slow);
    for n in 0..5 {
        feed(&mut net, 0, &ask(DestinationHash::new([100 + n; 16]), None, n));
        net.run(Duration::from_secs(2));
    }
    // 67 bytes at 1200 bit/s take 447 ms, the pause 22 s.
    assert_eq!(net.hosts[0].sent.len(), 1);
    assert_eq!(net.hosts[0].node.counters().path_request_egress_limited, 4);
}

#[test]
fn announces_for_others_keep_within_two_percent_of_the_bitrate() {
    let slow = || InterfaceConfig { bitrate_bps: 10_000, ingress_control: false, ..fast() };
    let mut net = hub(1, slow);
    for n in 1..90 {
        let (_, frame) = foreign(n, 1000, n % 5, Some(50), b"");
        feed(&mut net, 0, &frame);
    }
    let hour = Duration::from_secs(3600);
    net.run(hour);
    let bytes: usize = net.hosts[0].sent.iter().map(|(_, frame)| frame.len()).sum();
    let share = bytes as f64 * 8.0 / 10_000.0 / hour.as_secs_f64();
    assert!(share <= 0.0201, "{share}");
    let hops: Vec<u8> = sent(&net.hosts[0]).iter().map(|(_, hops, ..)| *hops).collect();
    assert!(hops[1..].is_sorted(), "the nearest first: {hops:?}");
    assert_eq!(
        hops.len(),
        89 + 1,
        "all go out in the end; only the first went before its repetition was due"
    );
}

#[test]
fn own_announces_are_not_held_up_by_the_cap() {
    let slow = || InterfaceConfig { bitrate_bps: 1_000, ..fast() };
    let mut net = hub(1, slow);
    let (_, frame) = foreign(9, 1000, 1, Some(50), b"");
    feed(&mut net, 0, &frame);
    net.run(Duration::from_secs(1));
    assert_eq!(sent(&net.hosts[0]).len(), 1);
    net.announced(0, busy(1, "test.group"));
    assert_eq!(sent(&net.hosts[0])[1].1, 0);
}

#[test]
fn who_announces_too_often_is_heard_but_not_passed_on() {
    let rule = AnnounceRate { target: Duration::from_secs(100), grace: 1, penalty: Duration::ZERO };
    let rules = InterfaceRules { announce_rate: Some(rule), ..InterfaceRules::default() };
    let mut net = hub(1, move || InterfaceConfig { rules, ..fast() });
    for n in 0..5 {
        let (_, frame) = foreign(9, 1000 + n, 1, Some(50), b"");
        feed(&mut net, 0, &frame);
        net.run(Duration::from_secs(10));
    }
    assert_eq!(heard(&mut net, 0).len(), 5);
    assert_eq!(sent(&net.hosts[0]).len(), 4, "the first two, twice each");
    assert_eq!(net.hosts[0].node.counters().announce_rate_blocked, 3);
}

#[test]
fn modes_decide_where_an_announce_of_others_goes() {
    use Mode::{AccessPoint, Boundary, Full, Gateway, Internal, PointToPoint, Roaming};
    let modes = [Full, PointToPoint, AccessPoint, Roaming, Boundary, Gateway, Internal];
    let blocked = |from, to| {
        to == AccessPoint
            || matches!(
                (from, to),
                (Roaming | Boundary, Roaming) | (Roaming, Boundary) | (Boundary, Internal)
            )
    };
    for from in modes {
        let mut net = hub(0, fast);
        let ids = modes.map(|mode| net.hosts[0].node.add_interface(net.now, with_mode(mode)()));
        let at = modes.iter().position(|mode| *mode == from).unwrap();
        let (_, frame) = foreign(9, 1000, 1, Some(50), b"");
        feed(&mut net, ids[at].0, &frame);
        net.run(Duration::from_secs(2));
        let reached: Vec<InterfaceId> = sent(&net.hosts[0]).iter().map(|(id, ..)| *id).collect();
        let expected: Vec<InterfaceId> =
            ids.into_iter().zip(modes).filter(|(_, to)| !blocked(from, *to)).map(|(id, _)| id).collect();
        assert_eq!(reached, expected, "heard on {from:?}");
    }
}

#[test]
fn a_mesh_converges_after_a_partition() {
    // A line of six; the wire between 2 and 3 is cut, and mended.
    let mut net = Net::with_transports(6, |_| true);
    let mut cut = (InterfaceId(0), InterfaceId(0));
    for n in 1..6 {
        let ends = net.wire(n - 1, n, fast);
        if n == 3 {
            cut = ends;
        }
    }
    let up = |net: &mut Net, up: bool| {
        let now = net.now;
        for (host, id) in [(2, cut.0), (3, cut.1)] {
            match up {
                true => net.hosts[host].node.handle_interface_up(now, id),
                false => net.hosts[host].node.handle_interface_down(now, id),
            }
        }
    };
    up(&mut net, false);
    let left = net.announced(0, busy(1, "test.left"));
    let right = net.announced(5, busy(2, "test.right"));
    net.run(Duration::from_secs(60));
    assert!(net.hosts[5].node.path(&left).is_none() && net.hosts[0].node.path(&right).is_none());
    assert_eq!(net.hosts[2].node.path(&left).unwrap().hops, 2);

    up(&mut net, true);
    for (host, destination) in [(0, left), (5, right)] {
        net.hosts[host].node.announce(net.now, destination, None).unwrap();
    }
    net.run(Duration::from_secs(10));
    for host in 0..6u8 {
        let node = &net.hosts[usize::from(host)].node;
        assert_eq!(node.path(&left).map(|path| path.hops), (host > 0).then_some(host), "host {host}");
        assert_eq!(node.path(&right).map(|path| path.hops), (host < 5).then_some(5 - host), "host {host}");
    }
}

#[test]
fn an_idle_transport_does_not_wake() {
    let mut net = line(3, fast);
    net.announced(0, busy(1, "test.group"));
    net.run(Duration::from_secs(3600));
    assert_eq!(net.hosts[1].persists.len(), 1, "saved once");
    let next = net.hosts[1].node.poll_timeout().unwrap();
    assert!(next.since(net.now) > Duration::from_secs(6 * 24 * 3600), "only the path's expiry: {next:?}");
}

#[test]
fn a_blackholed_identity_is_neither_learned_nor_passed_on() {
    let mut net = hub(2, fast);
    let now = net.now;
    net.hosts[0].node.blackhole(now, &Blackholed { identity: identity(9).hash(), until: None, reason: None });
    let (destination, frame) = foreign(9, 1000, 1, Some(50), b"");
    feed(&mut net, 0, &frame);
    net.run(Duration::from_secs(60));
    assert!(net.hosts[0].sent.is_empty());
    assert!(net.hosts[0].node.path(&destination).is_none());
    assert_eq!(net.hosts[0].node.counters().blackholed, 1);
}

/// Twenty transports, joined at random, on a medium that reorders frames.
#[test]
fn a_random_mesh_learns_every_way_and_none_leads_in_a_circle() {
    const NODES: usize = 20;
    let mut net = Net::with_transports(NODES as u8, |_| true);
    net.medium = Medium { latency: ms(5), jitter: ms(200), loss_percent: 0 };
    let open = || InterfaceConfig { ingress_control: false, ..fast() };
    let mut rng = crate::crypto::Rng::from_seed([4; 32]);
    let mut ends = std::collections::BTreeMap::new();
    let mut join = |net: &mut Net, a: usize, b: usize| {
        let (at_a, at_b) = net.wire(a, b, open);
        ends.insert((a, at_a), b);
        ends.insert((b, at_b), a);
    };
    for n in 1..NODES {
        join(&mut net, n, rng.below(n as u64) as usize);
    }
    for _ in 0..NODES / 2 {
        let (a, b) = (rng.below(NODES as u64) as usize, rng.below(NODES as u64) as usize);
        if a != b {
            join(&mut net, a, b);
        }
    }
    let destinations: Vec<DestinationHash> = (0..NODES)
        .map(|n| {
            let destination = net.hosts[n].node.add_destination(busy(n as u8 + 1, "test.group")).unwrap();
            net.hosts[n].node.announce(net.now, destination, None).unwrap();
            destination
        })
        .collect();
    net.run(Duration::from_secs(120));
    for (owner, destination) in destinations.iter().enumerate() {
        for start in (0..NODES).filter(|start| *start != owner) {
            let (mut at, mut steps) = (start, 0);
            let promised = net.hosts[start].node.path(destination).expect("it was heard").hops;
            while at != owner {
                let path = net.hosts[at].node.path(destination).expect("so was its next hop");
                at = ends[&(at, path.interface)];
                steps += 1;
                assert!(steps <= NODES, "a circle");
            }
            assert_eq!(steps, usize::from(promised), "from {start} to {owner}");
        }
    }
    let frames: usize = net.hosts.iter().map(|host| host.sent.len()).sum();
    let wires = ends.len();
    assert!(frames <= NODES * 2 * wires, "at most two copies of each on each end of each wire: {frames}");
    net.run(Duration::from_secs(600));
    assert_eq!(net.hosts.iter().map(|host| host.sent.len()).sum::<usize>(), frames, "and then silence");
}

#[test]
fn programs_on_this_machine_are_told_at_once_and_heard_once() {
    let local = || InterfaceConfig { is_local_client: true, ..fast() };
    let mut net = hub(2, fast);
    let first = net.hosts[0].node.add_interface(net.now, local());
    let second = net.hosts[0].node.add_interface(net.now, local());

    // From the network: to both at once, and then on as ever.
    let (far, frame) = foreign(9, 1000, 2, Some(50), b"");
    feed(&mut net, 0, &frame);
    assert_eq!(
        sent(&net.hosts[0]),
        [(first, 3, true, Context::NONE), (second, 3, true, Context::NONE)],
        "with our identity and all hops, at once"
    );
    net.run(Duration::from_secs(60));
    net.hosts[0].sent.clear();

    // From a program: no hop, once, to the others at once.
    let (near, frame) = foreign(8, 1000, 0, None, b"");
    feed(&mut net, first.0, &frame);
    net.run(Duration::from_secs(60));
    assert_eq!(net.hosts[0].node.path(&near).unwrap().hops, 0);
    let told = sent(&net.hosts[0]);
    assert_eq!(told[0], (second, 0, true, Context::NONE));
    for id in [InterfaceId(0), InterfaceId(1)] {
        assert_eq!(told.iter().filter(|(to, hops, ..)| (*to, *hops) == (id, 0)).count(), 1, "{id:?}");
    }
    net.hosts[0].sent.clear();

    // Their questions, and those about them, are answered without grace.
    net.hosts[0].node.handle_frame(net.now, first, &ask(far, None, 1));
    net.hosts[0].node.handle_frame(net.now, InterfaceId(0), &ask(near, None, 2));
    let now = net.now;
    net.hosts[0].node.handle_timeout(now);
    net.drain();
    let mut answers = sent(&net.hosts[0]);
    answers.sort_by_key(|(id, ..)| *id);
    let context = Context::PATH_RESPONSE;
    assert_eq!(answers, [(InterfaceId(0), 0, true, context), (first, 3, true, context)]);
    net.hosts[0].sent.clear();

    // What nobody here knows is asked everywhere for a program, and of the programs for the network.
    let unknown = DestinationHash::new([77; 16]);
    net.hosts[0].node.handle_frame(net.now, first, &ask(unknown, None, 3));
    net.drain();
    let asked: Vec<InterfaceId> = net.hosts[0].sent.iter().map(|(id, _)| *id).collect();
    assert_eq!(asked, [InterfaceId(0), InterfaceId(1), second]);
    net.hosts[0].sent.clear();
    net.run(Duration::from_secs(60));
    net.hosts[0].node.handle_frame(net.now, InterfaceId(0), &ask(DestinationHash::new([78; 16]), None, 4));
    net.drain();
    let asked: Vec<InterfaceId> = net.hosts[0].sent.iter().map(|(id, _)| *id).collect();
    assert_eq!(asked, [first, second]);
}
