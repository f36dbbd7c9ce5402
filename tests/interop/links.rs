//! Links, requests, packets and paths between a bare node of ours and a stock Python peer.

use reticulum::hash::PathHash;
use reticulum::node::{CloseReason, Event, Priority};
use serde_json::json;

use super::pair::{Pair, our_identity};
use crate::support::python::text;

#[test]
fn a_path_request_for_our_destination_is_answered() {
    let mut pair = Pair::start("path");
    let found = pair.peer.ask(json!({"do": "path", "to": pair.ours.to_string()}), "path");
    assert_eq!((found["found"].as_bool(), found["hops"].as_u64()), (Some(true), Some(1)), "{found}");
}

#[test]
fn single_packets_are_proven_in_both_directions() {
    let mut pair = Pair::start("packets");
    let to = pair.ours.to_string();
    let sent = json!({"do": "packet", "to": to, "name": "interop.ours", "data": "68656c6c6f"});
    let tag = pair.peer.tell_tagged(sent);
    let plaintext = pair.host.wait("packet", |event| match event {
        Event::Packet { plaintext, .. } => Some(plaintext.clone()),
        _ => None,
    });
    assert_eq!(plaintext, b"hello");
    pair.peer.wait_tag("proven", tag);

    let theirs = pair.hear_service();
    let receipt = pair
        .host
        .with(move |node, now| node.send_packet(now, theirs, b"good day".to_vec(), Priority::Message))
        .expect("the keys are known");
    assert_eq!(text(&pair.peer.wait("packet", |_| true), "data"), "676f6f6420646179");
    pair.host.wait("proof", |event| match event {
        Event::Delivered { receipt: delivered } if *delivered == receipt => Some(()),
        Event::TimedOut { .. } => panic!("the proof did not count"),
        _ => None,
    });
}

#[test]
fn requests_are_answered_in_both_directions_as_packet_and_as_resource() {
    let mut pair = Pair::start("requests");
    let (link, id) = pair.inward();
    assert_eq!(link["mtu"], 16384, "both ends of a TCP link can do more than 500");
    let link = text(&link, "link");
    for size in [20, 100_000] {
        let body = "ab".repeat(size);
        let tag =
            pair.peer.tell_tagged(json!({"do": "request", "link": link, "path": "/mirror", "data": body}));
        let (request, data) = pair.host.wait("request", |event| match event {
            Event::Request { request, path, data, .. } => {
                assert_eq!(*path, PathHash::of_path("/mirror"));
                Some((*request, data.clone()))
            }
            _ => None,
        });
        pair.host.with(move |node, now| node.respond(now, id, request, &data)).expect("the link is active");
        let answer = pair.peer.wait_tag("response", tag);
        assert_eq!(text(&answer, "value"), body, "{size}");
    }

    let link = pair.outward();
    for size in [20_usize, 100_000] {
        let mut value = vec![0xc6];
        value.extend_from_slice(&u32::try_from(size).unwrap().to_be_bytes());
        value.resize(size + 5, 7);
        let sent = value.clone();
        let request = pair
            .host
            .with(move |node, now| node.request(now, link, "/echo", &sent, None))
            .expect("the link is active");
        let echoed = pair.host.wait("response", |event| match event {
            Event::Response { request: answered, value, .. } if *answered == request => Some(value.clone()),
            Event::RequestFailed { reason, .. } => panic!("{size}: {reason:?}"),
            _ => None,
        });
        assert!(echoed.ends_with(&value[5..]) && echoed.len() <= value.len(), "{size}");
    }
}

#[test]
fn identify_names_the_caller() {
    let mut pair = Pair::start("identify");
    let (link, _) = pair.inward();
    let link = text(&link, "link");
    pair.peer.ask(json!({"do": "identify", "link": link}), "identify_sent");
    let identity = pair.host.wait("identity", |event| match event {
        Event::LinkIdentified { identity, .. } => Some(identity.hash().to_string()),
        _ => None,
    });
    assert_eq!(identity, pair.peer.identity);

    let link = pair.outward();
    pair.host.with(move |node, now| {
        node.identify(now, link, &our_identity()).expect("the link is active");
    });
    let expected = our_identity().hash().to_string();
    assert_eq!(text(&pair.peer.wait("identified", |_| true), "identity"), expected);
}

#[test]
fn a_link_outlives_its_keepalive_and_closes_cleanly_from_either_side() {
    let mut pair = Pair::start("close");
    let (theirs, _) = pair.inward();
    let theirs = text(&theirs, "link");
    let ours = pair.outward();
    // On loopback the keepalive is 5 s and a link goes stale after 10: both have to be heard of for longer than that.
    let quiet_until = std::time::Instant::now() + std::time::Duration::from_secs(13);
    while let Some(rest) = quiet_until.checked_duration_since(std::time::Instant::now()) {
        std::thread::sleep(rest);
    }
    let status = pair.peer.ask(json!({"do": "link_status", "link": theirs}), "link_status");
    assert_eq!(status["status"], 2, "the link is active: {status}");
    assert!(pair.host.with(move |node, _| node.link(ours)).is_some());

    pair.peer.tell(json!({"do": "close", "link": theirs}));
    let reason = pair.host.wait("close", |event| match event {
        Event::LinkClosed { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason, CloseReason::Remote);
    pair.host.with(move |node, now| node.close_link(now, ours));
    let closed = pair.peer.wait("link_closed", |event| event["link"] == ours.to_string());
    assert_eq!(closed["reason"], 2, "closed by its initiator");
}
