//! Air time as a budget, on virtual time.

use super::net::*;
use crate::hash::DestinationHash;
use crate::node::*;
use crate::time::Instant;

/// A medium on which each byte takes 10 ms, and that may send in so many percent of 15 s, and in 5 % of an hour.
fn radio(short_percent: f32) -> InterfaceConfig {
    InterfaceConfig {
        bitrate_bps: 800,
        airtime: Airtime::Table((0..=500).map(|len| len * 10_000).collect()),
        airtime_limits: AirtimeLimits { short_percent: Some(short_percent), long_percent: Some(5.0) },
        ..InterfaceConfig::default()
    }
}

fn at(s: u64) -> Instant {
    Instant::from_micros(1_000_000 * s)
}

/// One node with one radio, and a destination at its far end that somebody announced.
fn sender(short_percent: f32) -> (Net, DestinationHash, InterfaceId) {
    let mut net = Net::new(2);
    let (radio, _) = net.wire(0, 1, || radio(short_percent));
    let destination = net.announced(1, busy(1, "test.group"));
    (net, destination, radio)
}

fn pull(net: &mut Net, interface: InterfaceId) -> Option<usize> {
    let mut frame = Vec::new();
    let node = &mut net.hosts[0].node;
    let pending = node.transmit_pending().any(|id| id == interface);
    let sent = node.poll_transmit(net.now, interface, &mut frame);
    assert!(pending || !sent, "what may be sent is told");
    sent.then_some(frame.len())
}

#[test]
fn frames_wait_for_the_budget_and_the_timer_tells_exactly_when_it_has_room() {
    let (mut net, destination, radio) = sender(10.0);
    net.now = at(100);
    for _ in 0..3 {
        net.hosts[0]
            .node
            .send_packet(net.now, destination, b"some words".to_vec(), Priority::Message)
            .unwrap();
    }
    net.hosts[0].drain(net.now);
    let len = pull(&mut net, radio).expect("the first fits");
    assert!((80..150).contains(&len), "two do not fit into 1.5 s: {len}");
    assert_eq!(pull(&mut net, radio), None);
    assert_eq!(net.hosts[0].node.transmit_pending().count(), 0, "nobody asks in vain");
    let refill = net.hosts[0].node.poll_timeout().expect("it waits");
    assert_eq!(refill, at(100) + ms(15_250), "when the first is older than 15 s, with its bin");
    net.now = refill;
    net.hosts[0].node.handle_timeout(refill);
    assert_eq!(pull(&mut net, radio), Some(len));
    assert_eq!(net.hosts[0].node.counters().queue_airtime_waits, 1, "it was asked once");

    let stats = net.hosts[0].node.interface_stats(refill + ms(500), radio).unwrap();
    assert_eq!((stats.queue_len, stats.queue_delay), (1, ms(15_750)));
    let [short, long] = stats.airtime_used_percent.unwrap();
    assert!((short - len as f32 / 15.0).abs() < 0.01, "{short}");
    assert!((long - 2.0 * len as f32 / 3600.0).abs() < 0.01, "{long}");
}

#[test]
fn what_is_urgent_uses_the_rest_of_the_budget_at_once() {
    let (mut net, destination, radio) = sender(12.0);
    net.now = at(100);
    // Bulk may have 1.35 of 1.8 s, in which two messages of more than a second do not fit.
    net.hosts[0].node.send_packet(net.now, destination, b"1".to_vec(), Priority::History).unwrap();
    net.hosts[0].node.send_packet(net.now, destination, b"2".to_vec(), Priority::History).unwrap();
    net.hosts[0].drain(net.now);
    assert!(pull(&mut net, radio).is_some());
    assert_eq!(pull(&mut net, radio), None);
    net.hosts[0].node.request_path(net.now, DestinationHash::new([9; 16]));
    assert_eq!(pull(&mut net, radio), Some(51), "a path request of 0.51 s goes");
    assert_eq!(pull(&mut net, radio), None);
}

#[test]
fn the_budget_holds_for_any_load_and_nothing_wakes_the_node_in_between() {
    let (mut net, destination, radio) = sender(10.0);
    net.now = at(100);
    for index in 0..200_u8 {
        net.hosts[0].node.send_packet(net.now, destination, vec![index], Priority::Message).unwrap();
    }
    net.hosts[0].drain(net.now);
    let (mut sent, mut wakes) = (Vec::new(), 0);
    while net.now < at(100 + 3600) {
        while let Some(len) = pull(&mut net, radio) {
            sent.push((net.now, ms(10 * len as u64)));
        }
        let Some(next) = net.hosts[0].node.poll_timeout() else { break };
        net.now = next;
        net.hosts[0].node.handle_timeout(next);
        net.hosts[0].drain(next);
        assert_ne!(net.hosts[0].node.poll_timeout(), Some(next), "it does not spin");
        wakes += 1;
    }
    assert!(sent.len() > 20, "{}", sent.len());
    // One when there is room for a frame, one when its proof did not come.
    assert!(wakes <= 2 * sent.len() + 20, "{wakes} wakes for {} frames", sent.len());
    for (index, (from, _)) in sent.iter().enumerate() {
        let within = sent[index..].iter().take_while(|(when, _)| when.since(*from) < ms(15_000));
        let sum: std::time::Duration = within.map(|(_, airtime)| *airtime).sum();
        assert!(sum <= ms(1500), "{sum:?} in 15 s");
    }
    let all: std::time::Duration = sent.iter().map(|(_, airtime)| *airtime).sum();
    assert!(all <= ms(180_000), "{all:?} in the hour");
}

#[test]
fn a_proof_is_waited_for_from_when_its_packet_leaves() {
    let (mut net, destination, radio) = sender(10.0);
    net.now = at(100);
    let mut send = |text: &[u8]| {
        net.hosts[0].node.send_packet(net.now, destination, text.to_vec(), Priority::Message).unwrap()
    };
    let [first, second] = [send(b"one"), send(b"two")];
    net.hosts[0].drain(net.now);
    assert_eq!(net.hosts[0].node.sending(first), Some(Sending::Queued));
    assert!(pull(&mut net, radio).is_some() && pull(&mut net, radio).is_none());
    assert_eq!(net.hosts[0].node.sending(first), Some(Sending::Sent { at: at(100) }));
    assert_eq!(net.hosts[0].node.sending(second), Some(Sending::Queued));
    net.hosts[0].node.handle_timeout(at(200));
    net.hosts[0].drain(at(200));
    let timed_out = |event: &Event, of| matches!(event, Event::TimedOut { receipt } if *receipt == of);
    let events = net.events(0);
    assert!(events.iter().any(|event| timed_out(event, first)), "(6 s + 5 s of air + 6 s) four times");
    assert!(!events.iter().any(|event| timed_out(event, second)));
    net.hosts[0].node.handle_interface_down(at(200), radio);
    net.hosts[0].node.handle_timeout(at(200));
    net.hosts[0].drain(at(200));
    assert!(net.events(0).iter().any(|event| timed_out(event, second)), "it will not leave any more");
    assert_eq!(net.hosts[0].node.sending(second), None);
}

#[test]
fn after_a_packet_a_radio_leaves_the_air_to_its_proof() {
    let (mut net, destination, radio) = sender(100.0);
    net.now = at(100);
    for text in [b"one", b"two"] {
        net.hosts[0].node.send_packet(net.now, destination, text.to_vec(), Priority::Message).unwrap();
    }
    net.hosts[0].drain(net.now);
    let len = pull(&mut net, radio).expect("the air is free");
    assert_eq!(pull(&mut net, radio), None, "its proof comes first");
    assert_eq!(net.hosts[0].node.counters().queue_airtime_waits, 0, "that is no matter of the budget");
    net.hosts[0].node.request_path(net.now, DestinationHash::new([9; 16]));
    assert!(pull(&mut net, radio).is_some(), "others may wait for what is urgent");
    assert_eq!(pull(&mut net, radio), None);
    // Each byte takes 10 ms, and a proof has 83 of them.
    let until = at(100) + ms(10 * len as u64 + 4 * 830);
    assert_eq!(net.hosts[0].node.poll_timeout(), Some(until));
    net.hosts[0].node.handle_timeout(until);
    net.now = until;
    assert_eq!(pull(&mut net, radio), Some(len), "nobody proves it");
}

#[test]
fn a_proof_that_comes_ends_the_silence() {
    let (mut net, destination, radio) = sender(100.0);
    net.now = at(100);
    for text in [b"one", b"two"] {
        net.hosts[0].node.send_packet(net.now, destination, text.to_vec(), Priority::Message).unwrap();
    }
    // On the wire of these tests everything takes 10 ms.
    net.run(ms(100));
    assert_eq!(net.hosts[0].sent.iter().filter(|(on, _)| *on == radio).count(), 2);
    let delivered = |event: &&Event| matches!(event, Event::Delivered { .. });
    assert_eq!(net.events(0).iter().filter(delivered).count(), 2);
}

#[test]
fn an_interface_that_goes_down_forgets_what_waited_for_its_budget() {
    let (mut net, destination, radio) = sender(10.0);
    net.now = at(100);
    for _ in 0..3 {
        net.hosts[0].node.send_packet(net.now, destination, b"x".to_vec(), Priority::Message).unwrap();
    }
    net.hosts[0].drain(net.now);
    while pull(&mut net, radio).is_some() {}
    let refill = net.hosts[0].node.poll_timeout();
    net.hosts[0].node.handle_interface_down(net.now, radio);
    assert_ne!(net.hosts[0].node.poll_timeout(), refill);
    assert_eq!(net.hosts[0].node.transmit_pending().count(), 0);
}

#[test]
fn a_radio_that_is_plugged_in_again_has_no_new_budget() {
    let (mut net, destination, first) = sender(10.0);
    net.now = at(100);
    net.hosts[0].node.send_packet(net.now, destination, b"x".to_vec(), Priority::Message).unwrap();
    net.hosts[0].drain(net.now);
    assert!(pull(&mut net, first).is_some());
    net.hosts[0].node.remove_interface(net.now, first);
    let again = net.hosts[0].node.add_interface(net.now, radio(10.0));
    net.hosts[0].node.send_packet(net.now, destination, b"y".to_vec(), Priority::Message).unwrap();
    net.hosts[0].drain(net.now);
    assert_eq!(pull(&mut net, again), None);
    net.now = net.hosts[0].node.poll_timeout().expect("the budget refills");
    net.hosts[0].node.handle_timeout(net.now);
    assert!(pull(&mut net, again).is_some());
}

/// The newest record of air time that a host asked to persist.
fn written(net: &Net) -> AirtimeRecord {
    let record = |persist: &Persist| match persist {
        Persist::Airtime { record, .. } => Some(record.clone()),
        _ => None,
    };
    net.hosts[0].persists.iter().rev().find_map(record).expect("it was written before the first frame")
}

#[test]
fn nothing_goes_before_air_time_for_it_is_durable() {
    let (mut net, destination, radio) = sender(10.0);
    net.now = at(100);
    net.hosts[0].persists_at_once = false;
    let written_before = net.hosts[0].persists.len();
    for _ in 0..40 {
        net.hosts[0].node.send_packet(net.now, destination, b"x".to_vec(), Priority::Message).unwrap();
    }
    net.hosts[0].drain(net.now);
    let mut sent = 0;
    while net.now < at(400) {
        while let Some(len) = pull(&mut net, radio) {
            sent += len;
        }
        let next = net.hosts[0].node.poll_timeout().expect("the path ends some day");
        net.now = next.clamp(net.now + ms(1), at(400));
        net.hosts[0].node.handle_timeout(net.now);
        net.hosts[0].drain(net.now);
    }
    let asked: Vec<_> =
        net.hosts[0].persists[written_before..].iter().filter_map(|persist| persist.id()).collect();
    assert_eq!(asked.len(), 1, "asked once: it waits for the answer and does not spin");
    assert!(sent < 900, "what was reserved before goes, 9 s at 10 ms a byte: {sent}");
    net.hosts[0].node.handle_persisted(net.now, asked[0]);
    assert!(pull(&mut net, radio).is_some());
}

#[test]
fn a_node_that_crashes_and_starts_again_stays_within_the_hour() {
    let (mut all, mut now, mut record): (Vec<_>, _, Option<AirtimeRecord>) = (Vec::new(), at(100), None);
    for run in 0..6 {
        let mut net = Net::new(2);
        net.now = now;
        if let Some(record) = record {
            net.hosts[0].node.add_airtime(now, record);
        }
        let named = || InterfaceConfig { name: "radio".to_owned(), ..radio(99.0) };
        let (radio, _) = net.wire(0, 1, named);
        let destination = net.announced(1, busy(1, "test.group"));
        let end = now + ms(400_000);
        while net.now < end {
            // It gathers too much, and crashes whenever it does.
            let _ = net.hosts[0].node.send_packet(net.now, destination, vec![run; 9], Priority::Message);
            net.hosts[0].drain(net.now);
            while let Some(len) = pull(&mut net, radio) {
                all.push((net.now, ms(10 * len as u64)));
            }
            net.now = net.now + ms(500);
            net.hosts[0].node.handle_timeout(net.now);
        }
        (now, record) = (net.now, Some(written(&net)));
    }
    for (index, (from, _)) in all.iter().enumerate() {
        let within = all[index..].iter().take_while(|(when, _)| when.since(*from) < ms(3_600_000));
        let sum: std::time::Duration = within.map(|(_, airtime)| *airtime).sum();
        assert!(sum <= ms(180_000), "{sum:?} in an hour, from {from:?}");
    }
    let sum: std::time::Duration = all.iter().map(|(_, airtime)| *airtime).sum();
    assert!(sum > ms(100_000), "and restarts do not silence it: {sum:?}");
}

#[test]
fn a_path_request_that_waits_goes_when_the_path_is_found_on_another_way() {
    let (mut net, destination, radio) = sender(10.0);
    net.wire(0, 1, fast);
    net.now = at(100);
    net.hosts[0].node.send_packet(net.now, destination, b"x".to_vec(), Priority::Message).unwrap();
    net.hosts[0].drain(net.now);
    assert!(pull(&mut net, radio) > Some(99), "the budget of 1.5 s has no room for half a second more");
    let other = net.hosts[1].node.add_destination(busy(2, "test.other")).unwrap();
    net.hosts[0].node.request_path(net.now, other);
    net.run(ms(5000));
    assert!(net.hosts[0].node.path(&other).is_some());
    assert_eq!(net.hosts[0].node.counters().queue_pointless, 1);
    assert_eq!(net.hosts[0].node.interface_stats(net.now, radio).unwrap().queue_len, 0);
}

#[test]
fn what_waits_of_a_link_goes_when_its_other_end_closes_it() {
    let (mut net, destination, radio) = sender(30.0);
    net.now = at(100);
    let link = net.hosts[0].node.open_link(net.now, destination).unwrap();
    net.run(ms(60_000));
    assert!(net.hosts[1].node.link(link).is_some(), "it is open at both ends");
    for n in 0..10_u8 {
        net.hosts[0].node.send_on_link(net.now, link, vec![n; 200], Priority::Message).unwrap();
    }
    net.hosts[0].drain(net.now);
    net.hosts[1].node.close_link(net.now, link);
    net.run(ms(20_000));
    assert!(net.hosts[0].node.link(link).is_none());
    assert!(net.hosts[0].node.counters().queue_pointless >= 5);
    assert_eq!(net.hosts[0].node.interface_stats(net.now, radio).unwrap().queue_len, 0);
}
