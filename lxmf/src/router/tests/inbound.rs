//! What becomes of what arrives.

use reticulum::node::Priority;

use super::*;
use crate::message::Draft;

#[test]
fn an_announce_of_a_delivery_destination_is_heard() {
    let mut wire = Wire::new();
    wire.announce(A);
    wire.run_for(secs(1));
    let app_data = AppData { display_name: Some("Station 0".into()), stamp_cost: None, compression: true };
    assert_eq!(wire.stations[B].heard, [(wire.stations[A].address, app_data)]);
    assert!(wire.stations[B].other.is_empty());
}

#[test]
fn a_message_of_an_unknown_source_is_held_until_its_path_is_answered() {
    let mut wire = Wire::new();
    wire.announce(B);
    wire.run_for(secs(1));
    wire.send(A, b"who am I", None);
    wire.run_until("delivered", |wire| !wire.stations[A].delivered.is_empty());
    assert_eq!(wire.stations[B].received.len(), 1);
    assert_eq!(wire.stations[B].received[0].message.content, b"who am I");
    assert_eq!(wire.stations[B].router.counters().message_held, 1);
    assert_eq!(wire.count(B, Seen::PathRequest), 1);
}

#[test]
fn a_message_of_an_unknown_source_is_held_until_it_announces_itself() {
    let mut wire = Wire::new();
    wire.announce(B);
    wire.run_for(secs(1));
    wire.loses = |_, kind| kind == Seen::PathRequest;
    wire.send(A, b"who am I", None);
    wire.run_for(secs(3));
    assert!(wire.stations[B].received.is_empty());
    wire.announce(A);
    wire.run_until("delivered", |wire| !wire.stations[A].delivered.is_empty());
    assert_eq!(wire.stations[B].received.len(), 1);
}

#[test]
fn a_message_whose_source_stays_unknown_is_never_proven() {
    let mut wire = Wire::new();
    wire.announce(B);
    wire.run_for(secs(1));
    wire.loses = |from, kind| from == B && kind == Seen::PathRequest;
    let send = wire.send(A, b"nobody", None);
    wire.run_for(secs(200));
    assert_eq!(wire.stations[A].failed, [(send, Failure::NoAnswer)]);
    assert!(wire.stations[B].received.is_empty());
    let counters = wire.stations[B].router.counters();
    assert_eq!(counters.message_held, wire.count(A, Seen::Single) as u64);
    assert_eq!(counters.message_held_expired, counters.message_held);
    assert_eq!(wire.stations[B].router.poll_timeout(), None);
}

#[test]
fn what_is_no_message_is_refused_and_proven() {
    let mut wire = acquainted();
    let (now, to) = (wire.now, wire.stations[B].address);
    let node = &mut wire.stations[A].node;
    node.send_packet(now, to, vec![7; 50], Priority::Message).unwrap();
    wire.run_for(secs(1));
    assert_eq!(wire.stations[B].refused, [Refusal::Malformed(UnpackError::Truncated)]);
    assert!(matches!(wire.stations[A].other[..], [Event::Delivered { .. }]));
}

#[test]
fn a_message_that_its_source_did_not_sign_is_refused() {
    let mut wire = acquainted();
    let (now, to, source) = (wire.now, wire.stations[B].address, wire.stations[A].address);
    let forger = Identity::from_bytes(&[9; 64]);
    let fields = Fields::default();
    let draft =
        Draft { destination: to, source, timestamp: 1.0, title: b"", content: b"forged", fields: &fields };
    let body = draft.pack(&forger).opportunistic_body().to_vec();
    wire.stations[A].node.send_packet(now, to, body, Priority::Message).unwrap();
    wire.run_for(secs(1));
    assert_eq!(wire.stations[B].refused, [Refusal::BadSignature]);
    assert!(wire.stations[B].received.is_empty());
}

#[test]
fn a_message_on_a_link_for_somebody_else_is_refused() {
    let mut wire = acquainted();
    wire.send(A, b"opens a link", Some(Method::Direct));
    wire.run_until("delivered", |wire| !wire.stations[A].delivered.is_empty());
    let link = wire.stations[B].received[0].link.unwrap();
    let now = wire.now;
    let draft = Draft {
        destination: wire.stations[A].address,
        source: wire.stations[A].address,
        timestamp: 1.0,
        title: b"",
        content: b"to myself",
        fields: &Fields::default(),
    };
    let packed = draft.pack(&Identity::from_bytes(&std::array::from_fn(|i| i as u8)));
    wire.stations[A].node.send_on_link(now, link, packed.as_bytes().to_vec(), Priority::Message).unwrap();
    wire.run_for(secs(1));
    assert_eq!(wire.stations[B].refused, [Refusal::NotOurs]);
}
