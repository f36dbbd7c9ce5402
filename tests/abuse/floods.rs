//! Too much of what is good.

use std::sync::mpsc::sync_channel;

use reticulum::crypto::{Identity, Rng};

use super::Victim;
use super::attacker::{Tcp, announce};
use crate::support::process::{Folder, Meshgroup};

fn victim(name: &str) -> (Folder, Victim) {
    let folder = Folder::new(name);
    let node = Meshgroup::start(folder.path(), "");
    (folder, Victim::new(node))
}

#[test]
fn ten_thousand_link_requests_of_one_peer_displace_only_each_other() {
    const REQUESTS: u64 = 10_000;
    let (_folder, victim) = victim("link-requests");
    let mut honest = victim.attacker(2);
    let api = honest.find(victim.api);
    let session = honest.open_link(&api, 500);
    honest.ask(&session, "/api/v1/info", &[]);

    let mut attacker = victim.attacker(1);
    let target = attacker.find(victim.lxmf);
    for _ in 0..REQUESTS {
        let (request, _, _) = attacker.link_request(&target, 500);
        attacker.wire.queue(&request);
    }
    attacker.wire.flush();
    // 128 may be half open on one connection; each further one displaces another.
    victim.await_counter("link_half_open_evicted", REQUESTS - 128);
    honest.ask(&session, "/api/v1/info", &[]);
    victim.is_well();
}

#[test]
fn a_hundred_thousand_announces_leave_the_node_serving_and_small() {
    const ANNOUNCES: u32 = 100_000;
    /// The two or so before the rate shows, and those released later.
    const HEARD_MAX: u64 = 10;
    let (_folder, victim) = victim("announces");
    let mut attacker = victim.attacker(1);
    let (sender, frames) = sync_channel(1_024);
    let making = std::thread::spawn(move || {
        for n in 0..ANNOUNCES {
            let mut seed = [77; 32];
            seed[..4].copy_from_slice(&n.to_be_bytes());
            let identity = Identity::generate(&mut Rng::from_seed(seed));
            let frame = announce(&identity, [0; 5], b"\x93\xc4\x05Crowd\xc0\x90");
            sender.send(frame).expect("the other end takes all");
        }
    });
    frames.iter().for_each(|frame| attacker.wire.queue(&frame));
    attacker.wire.flush();
    making.join().expect("announces are made");
    // The first few are heard, 256 are held, the rest is dropped; each is counted where it is not heard.
    victim.await_counter("announce_held_dropped", u64::from(ANNOUNCES) - 256 - HEARD_MAX);
    let heard =
        u64::from(ANNOUNCES) - victim.counter("announce_held_dropped") - victim.counter("announce_held");
    assert!(heard <= HEARD_MAX, "{heard} came past ingress control");
    assert_eq!(victim.counter("work_full"), 0, "a TCP peer is slowed down instead");
    victim.is_well();
}

#[test]
fn path_requests_and_their_repetitions_cost_one_announce_a_second_at_most() {
    let (_folder, victim) = victim("path-requests");
    let mut attacker = victim.attacker(1);
    let unknown = victim.counter("path_request_unknown");
    for n in 0..10_000u32 {
        let address = if n % 2 == 0 { victim.lxmf } else { reticulum::hash::DestinationHash::new([5; 16]) };
        let request = attacker.path_request(address);
        attacker.wire.queue(&request);
        attacker.wire.queue(&request);
    }
    attacker.wire.flush();
    victim.await_counter("path_request_unknown", unknown + 5_000);
    victim.await_counter("path_request_duplicate", 10_000);
    victim.is_well();
}

#[test]
fn requests_that_nobody_waits_for_leave_the_node_serving_and_small() {
    let (_folder, victim) = victim("requests");
    let mut attacker = victim.attacker(1);
    let target = attacker.find(victim.api);
    let session = attacker.open_link(&target, 500);
    let calls = victim.counter("calls");
    for n in 0..20_000u32 {
        let path = ["/api/v1/info", "/api/v1/members", "/api/v1/messages", "/nowhere"][n as usize % 4];
        let (request, _) = attacker.request(&session, path, &n.to_be_bytes());
        attacker.wire.queue(&request);
    }
    attacker.wire.flush();
    // What the commands of the tests themselves ask on the control socket counts too.
    victim.await_counter("calls", calls + 20_000);
    victim.is_well();
}

#[test]
fn a_stream_of_noise_is_counted_and_nothing_else() {
    let (_folder, victim) = victim("noise");
    let mut attacker = victim.attacker(1);
    let mut noise = vec![0; 1 << 20];
    for _ in 0..16 {
        attacker.rng.fill(&mut noise);
        attacker.wire.send_raw(&noise);
    }
    // One endless frame, and one of nothing but flags.
    attacker.wire.send_raw(&vec![0x55; 1 << 22]);
    attacker.wire.send_raw(&vec![0x7e; 1 << 22]);
    attacker.wire.send_raw(&vec![0x7d; 1 << 20]);
    victim.await_counter("frame_violations", 1_000);
    victim.is_well();
}

#[test]
fn connections_beyond_the_limit_are_refused_and_counted_and_those_before_are_served() {
    const CONNECTIONS: usize = 300;
    let (_folder, victim) = victim("connections");
    let mut early = victim.attacker(2);
    let mut crowd: Vec<_> = (0..CONNECTIONS).map(|_| Tcp::connect(victim.node.port)).collect();
    victim.await_counter("connections_refused", CONNECTIONS as u64 + 1 - 128);
    // Each asks for something and reads no answer.
    let request = early.path_request(victim.lxmf);
    crowd.iter_mut().take(100).for_each(|connection| (0..100).for_each(|_| connection.queue(&request)));
    crowd.iter_mut().take(100).for_each(Tcp::flush);
    early.is_served(victim.lxmf, victim.api);
    drop(crowd);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while victim.refuses_connections() {
        assert!(std::time::Instant::now() < end, "places are never free again");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    victim.is_well();
}
