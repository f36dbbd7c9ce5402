//! Over a medium on which packets wait for their turn, waits begin when they leave.

use reticulum::node::{Airtime, AirtimeLimits, Priority};

use super::*;

/// A packet takes half a second, and A may send no more than two in 15 s.
fn radio(who: usize) -> InterfaceConfig {
    let short_percent = (who == A).then_some(8.0);
    InterfaceConfig {
        bitrate_bps: 8_000,
        airtime: Airtime::Table(vec![500_000; 501].into()),
        airtime_limits: AirtimeLimits { short_percent, long_percent: None },
        ..InterfaceConfig::default()
    }
}

/// So many packets of others wait before a message that A writes now. The budget of 15 s is used up.
fn behind(wire: &mut Wire, packets: usize) -> SendId {
    wire.run_for(secs(60));
    wire.forget();
    let (now, to) = (wire.now, wire.stations[B].address);
    for n in 0..packets {
        wire.stations[A].node.send_packet(now, to, vec![n as u8; 20], Priority::Message).unwrap();
    }
    wire.send(A, b"in its turn", None)
}

#[test]
fn a_message_that_waits_for_its_turn_is_not_sent_again() {
    let mut wire = acquainted_over(radio);
    let (start, send) = (wire.now, behind(&mut wire, 8));
    wire.run_until("delivered", |wire| !wire.stations[A].delivered.is_empty());
    assert!(wire.now.since(start) > secs(60 + 45), "four turns of two");
    assert_eq!(wire.stations[A].delivered[0].0, send);
    wire.run_for(secs(120));
    assert_eq!(wire.count(A, Seen::Single), 8 + 1);
    assert_eq!(wire.stations[B].received.len(), 1);
}

#[test]
fn hearing_the_peer_does_not_repeat_what_waits_for_its_turn() {
    let mut wire = acquainted_over(radio);
    behind(&mut wire, 8);
    wire.run_for(secs(20));
    wire.send(B, b"I am here", None);
    wire.run_for(secs(20));
    wire.announce(B);
    wire.run_until("delivered", |wire| !wire.stations[A].delivered.is_empty());
    wire.run_for(secs(120));
    assert_eq!(wire.count(A, Seen::Single), 8 + 1);
}

#[test]
fn what_goes_unanswered_is_sent_again_when_its_proof_is_due_after_it_left() {
    let mut wire = acquainted_over(radio);
    behind(&mut wire, 8);
    wire.loses = |from, kind| from == B && kind == Seen::Proof;
    wire.run_until("it left", |wire| wire.count(A, Seen::Single) == 9);
    let left = wire.now;
    wire.run_until("it went again", |wire| wire.count(A, Seen::Single) == 10);
    let waited = wire.now.since(left);
    assert!(waited >= secs(10) && waited <= secs(30), "{waited:?}");
    wire.loses = |_, _| false;
    wire.run_until("delivered", |wire| !wire.stations[A].delivered.is_empty());
    let received = &wire.stations[B].received;
    assert!(received.iter().all(|one| one.message == received[0].message));
}

#[test]
fn a_proof_that_comes_late_counts() {
    let mut wire = acquainted_over(radio);
    wire.stations[B].acknowledges = false;
    wire.run_for(secs(60));
    wire.send(A, b"take your time", None);
    wire.run_for(secs(35));
    assert!(wire.stations[A].delivered.is_empty());
    let (now, station) = (wire.now, &mut wire.stations[B]);
    let first = station.received[0].ack.clone();
    station.router.acknowledge(now, &mut station.node, first);
    wire.run_for(secs(1));
    assert_eq!(wire.stations[A].delivered.len(), 1);
}
