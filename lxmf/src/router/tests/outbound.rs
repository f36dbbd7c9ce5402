//! How messages travel, and what follows when nothing comes back.

use super::*;

/// Content that no packet carries.
fn large(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * at / 7) as u8).collect()
}

fn delivered(wire: &Wire, from: usize) -> Vec<SendId> {
    wire.stations[from].delivered.iter().map(|(send, _)| *send).collect()
}

#[test]
fn a_short_message_goes_as_one_packet() {
    let mut wire = acquainted();
    let send = wire.send(A, b"hello", None);
    wire.run_for(secs(1));
    let received = &wire.stations[B].received;
    assert_eq!(received.len(), 1);
    assert_eq!((received[0].method, received[0].link), (Method::Opportunistic, None));
    assert_eq!(received[0].message.content, b"hello");
    assert_eq!(wire.stations[A].delivered, [(send, received[0].message.id)]);
    assert_eq!((wire.count(A, Seen::Single), wire.count(A, Seen::LinkRequest)), (1, 0));
    wire.run_for(secs(120));
    assert_eq!((wire.stations[B].received.len(), wire.stations[A].delivered.len()), (1, 1));
    assert!(wire.stations[A].failed.is_empty());
}

#[test]
fn direct_messages_share_one_link_that_closes_when_it_was_idle_for_long() {
    let mut wire = acquainted();
    wire.send(A, b"one", Some(Method::Direct));
    wire.run_for(secs(1));
    wire.send(A, b"two", None);
    wire.run_for(secs(1));
    let received = &wire.stations[B].received;
    assert_eq!(received.len(), 2);
    assert!(received.iter().all(|one| one.method == Method::Direct && one.link == received[0].link));
    assert_eq!((wire.count(A, Seen::LinkRequest), wire.count(A, Seen::Single)), (1, 0));
    let link = received[0].link.unwrap();
    wire.run_for(secs(590));
    assert!(wire.stations[A].node.link(link).is_some());
    wire.run_for(secs(20));
    assert!(wire.stations[A].node.link(link).is_none());
    assert!(wire.stations[B].node.link(link).is_none());
    wire.send(A, b"three", Some(Method::Direct));
    wire.run_for(secs(1));
    assert_eq!((wire.count(A, Seen::LinkRequest), wire.stations[B].received.len()), (2, 3));
}

#[test]
fn a_large_message_goes_as_a_resource() {
    let mut wire = acquainted();
    let content = large(100_000);
    let send = wire.send(A, &content, None);
    wire.run_until("delivered", |wire| !wire.stations[A].delivered.is_empty());
    assert_eq!(delivered(&wire, A), [send]);
    let received = &wire.stations[B].received[0];
    assert_eq!(received.method, Method::Direct);
    assert!(received.message.content == content);
    assert!(wire.count(A, Seen::Part) > 0);
}

#[test]
fn a_message_larger_than_the_limit_is_rejected_before_it_travels() {
    let mut wire = acquainted();
    let send = wire.send(A, &large(RESOURCE_SIZE_MAX as usize), None);
    wire.run_until("failed", |wire| !wire.stations[A].failed.is_empty());
    assert_eq!(wire.stations[A].failed, [(send, Failure::Rejected)]);
    assert_eq!(wire.count(A, Seen::Part), 0);
    assert!(wire.stations[B].received.is_empty());
}

#[test]
fn an_answer_takes_the_link_that_the_asker_opened() {
    let mut wire = acquainted();
    wire.send(A, b"question", Some(Method::Direct));
    wire.run_for(secs(1));
    assert_eq!(wire.count(A, Seen::Identify), 1);
    wire.send(B, b"answer", None);
    wire.run_for(secs(1));
    wire.send(B, &large(20_000), None);
    wire.run_for(secs(5));
    let answers = &wire.stations[A].received;
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().all(|answer| answer.link == wire.stations[B].received[0].link));
    assert_eq!(wire.stations[B].delivered.len(), 2);
    assert_eq!((wire.count(B, Seen::LinkRequest), wire.count(B, Seen::Single)), (0, 0));
}

#[test]
fn a_silent_peer_is_tried_five_times_with_a_new_path_between_the_second_and_the_third() {
    let mut wire = acquainted();
    wire.stations[B].proves = false;
    let (start, send) = (wire.now, wire.send(A, b"hello?", None));
    wire.run_until("failed", |wire| !wire.stations[A].failed.is_empty());
    assert_eq!(wire.stations[A].failed, [(send, Failure::NoAnswer)]);
    let tried = wire.times_ms(A, Seen::Single, start);
    let asked = wire.times_ms(A, Seen::PathRequest, start);
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0] >= 20_000 && tried[2] >= asked[0]);
    let found = tried[2];
    assert!(found < 22_000, "the answer to the path request is not waited out: {tried:?}");
    assert_eq!(tried, [0, 10_000, found, found + 10_000, found + 20_000]);
    assert_eq!(wire.now.since(start).as_millis(), found + 30_000);
    // All of them are the same message.
    let received = &wire.stations[B].received;
    assert_eq!(received.len(), 5);
    assert!(received.iter().all(|one| one.message == received[0].message));
}

#[test]
fn a_peer_without_a_path_is_asked_for_until_the_send_fails() {
    let mut wire = Wire::new();
    let (start, send) = (wire.now, wire.send(A, b"anybody?", None));
    wire.loses = |from, _| from == A;
    wire.run_until("failed", |wire| !wire.stations[A].failed.is_empty());
    assert_eq!(wire.stations[A].failed, [(send, Failure::NoPath)]);
    assert_eq!(wire.now.since(start).as_millis(), 49_000);
    assert_eq!(wire.count(A, Seen::Single), 0);
}

#[test]
fn a_path_that_is_found_ends_the_wait_for_it() {
    let mut wire = acquainted();
    let (now, remote) = (wire.now, wire.stations[B].address);
    wire.stations[A].node.drop_path(&remote);
    wire.loses = |_, kind| kind == Seen::PathRequest;
    wire.send(A, b"which way?", None);
    wire.run_for(secs(6));
    assert!(wire.stations[B].received.is_empty());
    // Without the announce that usually comes with it: a transport may answer with one that we have heard before.
    let found = Event::PathFound { destination: remote, hops: 1 };
    let station = &mut wire.stations[A];
    assert!(station.router.handle_event(now + secs(6), &mut station.node, found).is_some());
    wire.run_for(Duration::from_millis(500));
    assert_eq!(wire.stations[B].received.len(), 1);
}

#[test]
fn a_peer_that_is_heard_gets_what_waits_at_once() {
    let mut wire = Wire::new();
    wire.loses = |_, kind| kind == Seen::PathRequest;
    wire.send(A, b"anybody?", None);
    wire.run_for(secs(20));
    assert!(wire.stations[B].received.is_empty());
    wire.announce(A);
    wire.announce(B);
    wire.run_for(secs(1));
    assert_eq!((wire.stations[B].received.len(), wire.stations[A].delivered.len()), (1, 1));
}

#[test]
fn a_silent_peer_that_speaks_gets_what_went_unanswered_once_more() {
    let mut wire = acquainted();
    wire.loses = |from, kind| from == A && kind == Seen::Single;
    wire.send(A, b"lost", None);
    wire.run_for(secs(2));
    wire.loses = |_, _| false;
    wire.send(B, b"too soon", None);
    wire.run_for(secs(4));
    assert!(wire.stations[B].received.is_empty());
    wire.send(B, b"late enough", None);
    wire.run_for(secs(1));
    assert_eq!((wire.stations[B].received.len(), wire.stations[A].delivered.len()), (1, 1));
}

#[test]
fn links_that_are_not_answered_are_asked_for_four_times() {
    let mut wire = acquainted();
    wire.loses = |from, kind| from == A && kind == Seen::LinkRequest;
    let (start, send) = (wire.now, wire.send(A, b"direct", Some(Method::Direct)));
    wire.run_until("failed", |wire| !wire.stations[A].failed.is_empty());
    assert_eq!(wire.stations[A].failed, [(send, Failure::NoAnswer)]);
    let asked = wire.times_ms(A, Seen::LinkRequest, start);
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= 10_000), "{asked:?}");
}

#[test]
fn a_link_on_which_no_proof_comes_is_replaced() {
    let mut wire = acquainted();
    wire.send(A, b"one", Some(Method::Direct));
    wire.run_for(secs(1));
    wire.loses = |from, kind| from == B && kind == Seen::Proof;
    wire.send(A, b"two", Some(Method::Direct));
    wire.run_until("received", |wire| wire.stations[B].received.len() == 2);
    wire.run_for(Duration::from_millis(100));
    wire.loses = |_, _| false;
    wire.run_until("delivered", |wire| wire.stations[A].delivered.len() == 2);
    assert_eq!(wire.count(A, Seen::LinkRequest), 2);
    let received = &wire.stations[B].received;
    assert_eq!(received[1].message, received[2].message);
    assert_ne!(received[1].link, received[2].link);
    let old = received[1].link.unwrap();
    assert!(wire.stations.iter().all(|station| station.node.link(old).is_none()));
}

#[test]
fn a_transfer_goes_on_over_a_new_link_when_the_peer_closes_the_old_one() {
    let mut wire = acquainted();
    let send = wire.send(A, &large(100_000), None);
    wire.run_until("parts", |wire| wire.count(A, Seen::Part) > 3);
    let link = wire.stations[A]
        .router
        .links
        .active(&links::Pair { local: wire.stations[A].address, remote: wire.stations[B].address });
    let now = wire.now;
    wire.stations[B].node.close_link(now, link.unwrap());
    wire.run_until("delivered", |wire| !wire.stations[A].delivered.is_empty());
    assert_eq!(delivered(&wire, A), [send]);
    assert_eq!((wire.count(A, Seen::LinkRequest), wire.stations[B].received.len()), (2, 1));
}

#[test]
fn messages_to_one_peer_arrive_in_order() {
    for method in [None, Some(Method::Direct)] {
        let mut wire = acquainted();
        let sends: Vec<SendId> = (0..50_u8).map(|n| wire.send(A, &[n], method)).collect();
        wire.run_until("delivered", |wire| wire.stations[A].delivered.len() == 50);
        assert_eq!(delivered(&wire, A), sends);
        let contents: Vec<u8> = wire.stations[B].received.iter().map(|one| one.message.content[0]).collect();
        assert_eq!(contents, (0..50).collect::<Vec<u8>>());
        assert!(wire.stations[A].router.outbound.is_idle());
    }
}

#[test]
fn what_waits_behind_an_unanswered_message_fails_with_it() {
    let mut wire = acquainted();
    wire.loses = |from, _| from == A;
    let sends: Vec<SendId> = (0..10_u8).map(|n| wire.send(A, &[n], None)).collect();
    wire.run_until("failed", |wire| !wire.stations[A].failed.is_empty());
    let failed = &wire.stations[A].failed;
    assert_eq!(failed.iter().map(|(send, _)| *send).collect::<Vec<_>>(), sends);
    assert!(wire.stations[A].failed_at.iter().all(|at| *at == wire.now));
    assert!(wire.stations[A].router.outbound.is_idle());
}

#[test]
fn a_cancelled_send_ends_once_wherever_it_is() {
    for after_ms in [0, 5, 15, 60, 200] {
        for (content, method) in [(b"short".to_vec(), None), (large(100_000), None)] {
            let mut wire = acquainted();
            wire.stations[B].proves = false;
            let send = wire.send(A, &content, method);
            wire.run_for(Duration::from_millis(after_ms));
            let (now, station) = (wire.now, &mut wire.stations[A]);
            assert!(station.router.cancel(now, &mut station.node, send));
            assert!(!station.router.cancel(now, &mut station.node, send));
            wire.run_for(secs(100));
            assert_eq!(wire.stations[A].failed, [(send, Failure::Cancelled)], "after {after_ms} ms");
            assert!(wire.stations[A].router.outbound.is_idle());
        }
    }
}

#[test]
fn the_same_outgoing_is_the_same_message() {
    let mut wire = acquainted();
    let outgoing = wire.outgoing(A, b"again");
    wire.send_outgoing(A, outgoing.clone());
    wire.run_for(secs(5));
    wire.send_outgoing(A, Outgoing { method: Some(Method::Direct), ..outgoing });
    wire.run_for(secs(5));
    let received = &wire.stations[B].received;
    assert_eq!(received[0].message, received[1].message);
    assert_eq!(wire.stations[A].delivered[0].1, wire.stations[A].delivered[1].1);
}

#[test]
fn a_lane_takes_so_many_and_no_more() {
    let mut wire = acquainted();
    for n in 0..256_u32 {
        wire.send(A, &n.to_be_bytes(), None);
    }
    let outgoing = wire.outgoing(A, b"one too many");
    let (now, station) = (wire.now, &mut wire.stations[A]);
    let error = station.router.send(now, &mut station.node, outgoing.clone()).unwrap_err();
    assert_eq!(error, SendError::LaneFull);
    let stranger = Outgoing { from: outgoing.to, ..outgoing.clone() };
    assert_eq!(station.router.send(now, &mut station.node, stranger), Err(SendError::UnknownSender));
    let huge = Outgoing { content: vec![0; 17 << 20], ..outgoing };
    assert_eq!(station.router.send(now, &mut station.node, huge), Err(SendError::Full));
    wire.run_until("delivered", |wire| wire.stations[A].delivered.len() == 256);
}
