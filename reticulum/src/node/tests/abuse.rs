use std::time::Duration;

use super::net::*;
use crate::crypto::{Identity, Rng};
use crate::hash::{DestinationHash, NameHash};
use crate::node::*;
use crate::time::UnixTime;
use crate::wire::link::{LinkRequest, Signalling};
use crate::wire::{self, Announce, Context, Packet};

fn link_request(destination: DestinationHash, n: u32) -> Vec<u8> {
    let mut key = [9; 32];
    key[..4].copy_from_slice(&n.to_be_bytes());
    let mut body = Vec::new();
    LinkRequest { x25519: key, ed25519: key, signalling: Some(Signalling { mode: 1, mtu: 500 }) }
        .emit(&mut body);
    let mut frame = Vec::new();
    Packet::link_request(destination, &body).emit(&mut frame);
    frame
}

#[test]
fn ten_thousand_link_requests_displace_only_each_other() {
    let limits = Limits { half_open_links: 40, half_open_links_per_interface: 25, ..Limits::default() };
    let mut net = Net::with_limits(2, limits);
    net.wire(0, 1, fast);
    let destination = net.announced(0, busy(1, "test.group"));
    let honest = net.hosts[1].node.open_link(net.now, destination).unwrap();
    net.run(ms(100));
    net.events(0);

    let flooded = net.hosts[0].node.add_interface(net.now, fast());
    let flooded_too = net.hosts[0].node.add_interface(net.now, fast());
    for n in 0..10_000 {
        let interface = if n % 2 == 0 { flooded } else { flooded_too };
        net.hosts[0].node.handle_frame(net.now, interface, &link_request(destination, n));
        if n % 16 == 0 {
            net.hosts[0].drain(net.now);
        }
    }
    net.drain();
    let node = &net.hosts[0].node;
    assert_eq!(node.link_count(), 41);
    assert_eq!(node.counters().link_half_open_evicted, 10_000 - 40);
    assert!(node.link(honest).is_some());
    assert!(net.events(0).is_empty(), "the application hears of none");

    // A new peer still gets through, and what was never confirmed goes away.
    let late = net.hosts[1].node.open_link(net.now, destination).unwrap();
    net.run(ms(100));
    assert_eq!(net.hosts[1].node.link(late).unwrap().status, LinkStatus::Active);
    net.run(Duration::from_secs(400));
    assert_eq!(net.hosts[0].node.link_count(), 2);
}

#[test]
fn the_link_idle_for_longest_makes_room() {
    let mut net = Net::with_limits(2, Limits { links: 3, ..Limits::default() });
    net.wire(0, 1, fast);
    let destination = net.announced(0, busy(1, "test.group"));
    let links: Vec<_> = (0..3)
        .map(|_| {
            let link = net.hosts[1].node.open_link(net.now, destination).unwrap();
            net.run(ms(100));
            link
        })
        .collect();
    net.hosts[1].node.send_on_link(net.now, links[0], vec![1], Priority::Message).unwrap();
    net.run(ms(100));
    net.events(0);
    net.hosts[0].node.handle_frame(net.now, InterfaceId(0), &link_request(destination, 1));
    net.run(ms(100));
    assert!(net.hosts[0].node.link(links[1]).is_none());
    assert!(net.hosts[0].node.link(links[0]).is_some());
    let events = net.events(0);
    assert!(matches!(events[..], [Event::LinkClosed { reason: CloseReason::Evicted, .. }]), "{events:?}");
    let events = net.events(1);
    let closed = |event: &Event| matches!(event, Event::LinkClosed { reason: CloseReason::Remote, .. });
    assert!(events.iter().any(closed), "its peer is told: {events:?}");
}

#[test]
fn a_flood_of_announces_leaves_the_tables_bounded() {
    let limits = Limits { peers: 50, paths: 40, held_announces: 20, ..Limits::default() };
    let mut net = Net::with_limits(1, limits);
    let controlled = net.hosts[0].node.add_interface(net.now, fast());
    let open = net.hosts[0].node.add_interface(net.now, InterfaceConfig { ingress_control: false, ..fast() });
    let retained = announce(u32::MAX);
    net.hosts[0].node.retain_peer(retained.0, true);
    net.hosts[0].node.handle_frame(net.now, open, &retained.1);
    net.drain();
    for n in 0..2_000 {
        let interface = if n % 2 == 0 { controlled } else { open };
        net.hosts[0].node.handle_frame(net.now, interface, &announce(n).1);
        net.hosts[0].drain(net.now);
        net.now = net.now + ms(1);
    }
    let node = &net.hosts[0].node;
    let counters = node.counters();
    assert!(node.peer(&retained.0).is_some());
    assert!(node.path(&retained.0).is_some());
    // 40 paths and 50 peers remain, and the retained one is beside the 50.
    assert_eq!(counters.path_evicted, counters.peer_evicted + 11);
    assert!(counters.peer_evicted >= 950, "{counters:?}");
    assert!(counters.announce_held + counters.announce_held_dropped >= 990, "{counters:?}");
}

#[test]
fn many_interfaces_that_take_nothing_share_the_bounds_of_one() {
    let limits = Limits {
        queue_bytes: 20_000,
        queue_bytes_total: 50_000,
        held_announces: 20,
        held_announces_total: 60,
        ..Limits::default()
    };
    let mut net = Net::with_limits(2, limits);
    net.wire(0, 1, fast);
    let destination = net.announced(0, busy(1, "test.group"));
    let interfaces: Vec<_> = (0..10).map(|_| net.hosts[0].node.add_interface(net.now, fast())).collect();
    let node = &mut net.hosts[0].node;
    for n in 0..2_000 {
        let interface = interfaces[n as usize % interfaces.len()];
        // Each is answered with a proof, which nobody takes.
        node.handle_frame(net.now, interface, &link_request(destination, n));
        node.handle_frame(net.now, interface, &announce(n).1);
        while let Some(output) = node.poll_output() {
            if let Output::Work(work) = output {
                node.handle_work_done(net.now, work.run());
            }
        }
    }
    let waiting: usize =
        interfaces.iter().map(|id| node.interface_stats(net.now, *id).unwrap().queue_len).sum();
    let proof_len = 118;
    assert!((40_000..=50_000).contains(&(waiting * proof_len)), "{waiting} frames wait");
    assert_eq!(node.counters().queue_full, 2_000 - waiting as u64);
    let counters = node.counters();
    let held = counters.announce_held;
    assert!((30..=60).contains(&held), "{held} announces are held: {counters:?}");

    // Whoever reads still gets an answer.
    let late = net.hosts[1].node.open_link(net.now, destination).unwrap();
    net.run(ms(100));
    assert_eq!(net.hosts[1].node.link(late).unwrap().status, LinkStatus::Active);
}

fn announce(n: u32) -> (DestinationHash, Vec<u8>) {
    let mut seed = [8; 32];
    seed[..4].copy_from_slice(&n.to_be_bytes());
    let identity = Identity::generate(&mut Rng::from_seed(seed));
    let name = NameHash::of_name("test.flood");
    let destination = DestinationHash::of_single(name, identity.hash());
    let blob = wire::random_blob([1; 5], UnixTime::from_secs(1000));
    let data = Announce::build(&identity, destination, name, blob, None, b"flood");
    let mut frame = Vec::new();
    Packet::announce(destination, Context::NONE, false, &data).emit(&mut frame);
    (destination, frame)
}

#[test]
fn bit_flips_truncations_and_replays_break_nothing() {
    let mut net = Net::pair();
    let config = DestinationConfig { ratchets: Some(Vec::new()), ..busy(1, "test.group") };
    let destination = net.announced(0, config);
    let link = net.hosts[1].node.open_link(net.now, destination).unwrap();
    net.run(ms(100));
    net.hosts[1].node.identify(net.now, link, &identity(60)).unwrap();
    net.hosts[1].node.request(net.now, link, "/x", &[0xc0], None).unwrap();
    net.hosts[1].node.send_on_link(net.now, link, vec![1; 50], Priority::Message).unwrap();
    net.hosts[1].node.send_packet(net.now, destination, vec![2; 50], Priority::Message).unwrap();
    net.hosts[1].node.send_resource(net.now, link, vec![3; 5_000], ResourceOptions::default()).unwrap();
    net.hosts[1].node.request_path(net.now, destination);
    net.run(ms(500));

    let frames: Vec<Vec<u8>> =
        net.hosts.iter().flat_map(|host| &host.sent).map(|(_, frame)| frame.clone()).collect();
    let mut rng = Rng::from_seed([1; 32]);
    for round in 0..3_000 {
        let mut frame = frames[rng.below(frames.len() as u64) as usize].clone();
        match round % 3 {
            0 => frame.truncate(rng.below(frame.len() as u64) as usize),
            1 => (0..3).for_each(|_| {
                let bit = rng.below(8 * frame.len() as u64) as usize;
                frame[bit / 8] ^= 1 << (bit % 8);
            }),
            _ => {}
        }
        for host in 0..2 {
            net.hosts[host].node.handle_frame(net.now, InterfaceId(0), &frame);
        }
        net.run(ms(1));
    }
    assert!(net.hosts[0].node.counters().iter().map(|(_, count)| count).sum::<u64>() > 2_000);
    net.hosts[0].node.set_app_data(&destination, b"still here".to_vec()).unwrap();
    net.hosts[0].node.announce(net.now, destination, None).unwrap();
    net.run(Duration::from_secs(2));
    net.events(0);
    net.hosts[1].node.send_packet(net.now, destination, b"still here".to_vec(), Priority::Message).unwrap();
    net.run(ms(100));
    assert!(net.events(0).iter().any(|event| matches!(event, Event::Packet { .. })));
    assert_eq!(net.hosts[1].node.peer(&destination).unwrap().app_data.as_deref(), Some(&b"still here"[..]));
}

/// Announces, path requests and tunnels in any number, on interfaces that come and go: what waits stays within the bounds,
/// and so does the work of the timers.
#[test]
fn a_transport_under_every_flood_keeps_its_bounds() {
    const BOUND: usize = 30;
    const BOUNDS: [usize; 7] = [BOUND, BOUND, BOUND, BOUND, BOUND, 3, BOUND];
    let limits = Limits {
        peers: 60,
        paths: 60,
        rebroadcasts: BOUND,
        capped_announces: BOUND,
        capped_announces_total: BOUND,
        discoveries: BOUND,
        // An interface has one, and there are four.
        tunnels: 3,
        dormant_paths: BOUND,
        ..Limits::default()
    };
    let mut net = Net::with_limits(1, limits);
    let config = NodeConfig { transport: true, limits, ..NodeConfig::new(identity(100)) };
    net.hosts[0].node = Node::new(config, [1; 32], net.now, EPOCH);
    let slow = |n: u32| InterfaceConfig {
        name: format!("connection {n}"),
        mode: Mode::Gateway,
        bitrate_bps: 1200,
        ingress_control: false,
        ..fast()
    };
    let mut ids: Vec<InterfaceId> =
        (0..4).map(|n| net.hosts[0].node.add_interface(net.now, slow(n))).collect();
    let mut peak = [0; 7];
    for n in 0..1_500u32 {
        let at = ids[n as usize % 4];
        let (destination, heard) = announce(n);
        let who = Identity::generate(&mut Rng::from_seed([n as u8; 32]));
        let tunnel = crate::transport::tell_tunnel(&who, &[(n >> 8) as u8; 32], &[0; 16]);
        let known = [destination.as_ref(), &n.to_be_bytes()].concat();
        let unknown = [&[n as u8; 12][..], &n.to_be_bytes(), &n.to_be_bytes()].concat();
        let asks = crate::transport::path_request_destination();
        let mut frames = vec![heard];
        for (to, body) in
            [(asks, &known), (asks, &unknown), (crate::transport::tunnel_destination(), &tunnel)]
        {
            let mut frame = Vec::new();
            Packet::plain(to, Context::NONE, body).emit(&mut frame);
            frames.push(frame);
        }
        for frame in &frames {
            net.hosts[0].node.handle_frame(net.now, at, frame);
            net.hosts[0].drain(net.now);
        }
        if n % 50 == 0 {
            let gone = ids.remove(0);
            net.hosts[0].node.remove_interface(net.now, gone);
            ids.push(net.hosts[0].node.add_interface(net.now, slow(n + 100)));
        }
        net.run(ms(20));
        let waiting = net.hosts[0].node.transport.waiting();
        peak = std::array::from_fn(|k| peak[k].max(waiting[k]));
        assert!(waiting.iter().zip(BOUNDS).all(|(len, bound)| *len <= bound), "step {n}: {waiting:?}");
    }
    assert!(
        peak.iter().zip(BOUNDS).all(|(len, bound)| *len >= bound / 2),
        "each of them was under pressure: {peak:?}"
    );
    net.run(Duration::from_secs(12 * 3600));
    let waiting = net.hosts[0].node.transport.waiting();
    assert_eq!(waiting, [0; 7], "all of it ends");
}
