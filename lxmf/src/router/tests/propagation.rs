//! By way of a propagation node, in both directions (`spec/lxmf.md` 3.3, 8.5, 9), and on paper (14).

use super::mailbox::Mailbox;
use super::wire::Station;
use super::*;
use crate::message::Draft;
use crate::paper;
use crate::propagation::GetError;

/// Both know each other, and B keeps a mailbox whose stamps cost little.
fn with_mailbox(cost: u8) -> Wire {
    let mut wire = acquainted();
    let station = &mut wire.stations[B];
    let mailbox = Mailbox::open(&mut station.node, cost, 256);
    let address = mailbox.address;
    station.mailbox = Some(mailbox);
    station.node.announce(wire.now, address, None).unwrap();
    wire.run_for(secs(1));
    let policy = NodePolicy { pinned: vec![address], discover: false };
    wire.stations[A].router.set_node_policy(policy);
    wire.forget();
    wire
}

fn mailbox(wire: &mut Wire) -> &mut Mailbox {
    wire.stations[B].mailbox.as_mut().unwrap()
}

/// A message of B's to A, as nodes keep it.
fn stored_for_a(wire: &Wire, content: &[u8]) -> Vec<u8> {
    let (destination, source) = (wire.stations[A].address, wire.stations[B].address);
    let fields = Fields::default();
    let draft = Draft { destination, source, timestamp: 1.0, title: b"", content, fields: &fields };
    let packed = draft.pack(&Identity::from_bytes(&std::array::from_fn(|i| 0x40 + i as u8)));
    let peer = wire.stations[B].node.peer(&destination).unwrap();
    let ratchet = peer.ratchet.map(|(ratchet, _)| ratchet);
    let sealed = peer.identity.seal(ratchet.as_ref(), &[9; 48], packed.opportunistic_body());
    [destination.as_ref(), &sealed].concat()
}

fn sync(wire: &mut Wire) -> Synced {
    let node = mailbox(wire).address;
    let (now, station) = (wire.now, &mut wire.stations[A]);
    assert!(station.router.sync(now, &mut station.node, station.address, node));
    assert!(!station.router.sync(now, &mut station.node, station.address, node), "one at a time");
    let before = wire.stations[A].synced.len();
    wire.run_until("synced", |wire| wire.stations[A].synced.len() > before);
    *wire.stations[A].synced.last().unwrap()
}

#[test]
fn a_propagated_message_is_paid_for_stored_and_opens_for_its_recipient() {
    for (size, kind) in [(20, Seen::LinkPacket), (5_000, Seen::Part)] {
        let mut wire = with_mailbox(6);
        let content = vec![b'x'; size];
        let send = wire.send(A, &content, Some(Method::Propagated));
        wire.run_until("stored", |wire| !wire.stations[A].stored.is_empty());
        let node = mailbox(&mut wire).address;
        assert_eq!(wire.stations[A].stored, [(send, node)]);
        assert!(
            wire.count(A, kind) > 0 && wire.count(A, Seen::Single) == 0 && wire.count(A, Seen::Identify) == 0
        );
        let stored = mailbox(&mut wire).stored[0].clone();
        let now = wire.now;
        // Its recipient opens it as it opens paper.
        let station = &mut wire.stations[B];
        station.router.handle_paper(&mut station.node, &paper::encode(&stored[..]).unwrap_or_default()).ok();
        wire.run_for(secs(1));
        if stored.len() <= paper::PAPER_LEN_MAX {
            assert_eq!(wire.stations[B].received[0].message.content, content);
        }
        assert!(wire.stations[A].router.outbound.is_idle(), "{now:?}");
    }
}

#[test]
fn a_peer_that_does_not_answer_gets_its_messages_by_its_node_and_in_order() {
    let mut wire = with_mailbox(4);
    wire.loses = |from, kind| from == A && kind == Seen::Single;
    let sends: Vec<SendId> = (0..3_u8)
        .map(|n| {
            let outgoing = Outgoing { fallback: true, ..wire.outgoing(A, &[n]) };
            wire.send_outgoing(A, outgoing)
        })
        .collect();
    wire.run_until("stored", |wire| wire.stations[A].stored.len() == 3);
    assert_eq!(wire.stations[A].stored.iter().map(|(send, _)| *send).collect::<Vec<_>>(), sends);
    assert!(wire.stations[A].failed.is_empty() && wire.stations[A].router.outbound.is_idle());
    assert_eq!(mailbox(&mut wire).stored.len(), 3);
}

#[test]
fn what_follows_for_a_peer_who_was_not_reached_goes_to_the_node_at_once_until_they_are_heard() {
    let mut wire = with_mailbox(4);
    let send = |wire: &mut Wire, content: &[u8]| {
        let outgoing = Outgoing { fallback: true, ..wire.outgoing(A, content) };
        wire.send_outgoing(A, outgoing)
    };
    wire.loses = |from, kind| from == A && kind == Seen::Single;
    send(&mut wire, b"first");
    wire.run_until("stored", |wire| wire.stations[A].stored.len() == 1);
    let tried = wire.count(A, Seen::Single);
    send(&mut wire, b"second");
    wire.run_for(secs(5));
    assert_eq!((wire.stations[A].stored.len(), wire.count(A, Seen::Single)), (2, tried));
    // Half an hour later the direct way may be there again.
    wire.run_for(secs(30 * 60));
    send(&mut wire, b"third");
    wire.run_until("stored", |wire| wire.stations[A].stored.len() == 3);
    assert!(wire.count(A, Seen::Single) > tried);
    wire.loses = |_, _| false;
    wire.announce(B);
    wire.run_for(secs(1));
    let last = send(&mut wire, b"fourth");
    wire.run_for(secs(5));
    assert_eq!(wire.stations[A].stored.len(), 3);
    assert!(wire.stations[A].delivered.iter().any(|(send, ..)| *send == last));
}

#[test]
fn without_a_node_the_first_reason_stands() {
    let mut wire = acquainted();
    wire.loses = |from, kind| from == A && kind == Seen::Single;
    let outgoing = Outgoing { fallback: true, ..wire.outgoing(A, b"nobody") };
    let send = wire.send_outgoing(A, outgoing);
    wire.run_until("failed", |wire| !wire.stations[A].failed.is_empty());
    assert_eq!(wire.stations[A].failed, [(send, Failure::NoAnswer)]);
    let send = wire.send(A, b"nowhere", Some(Method::Propagated));
    wire.run_for(secs(1));
    assert_eq!(wire.stations[A].failed[1], (send, Failure::NoNode));
}

#[test]
fn the_node_that_a_peer_named_is_tried_first_and_the_pinned_one_after_it() {
    let mut wire = with_mailbox(4);
    let (local, remote) = (wire.stations[A].address, wire.stations[B].address);
    let unknown = DestinationHash::new([0x55; 16]);
    wire.stations[A].router.set_node(local, remote, Some(unknown));
    let pinned = mailbox(&mut wire).address;
    let station = &wire.stations[A];
    assert_eq!(station.router.nodes_for(&station.node, local, remote), [unknown, pinned]);
    let start = wire.now;
    let send = wire.send(A, b"either", Some(Method::Propagated));
    wire.run_until("stored", |wire| !wire.stations[A].stored.is_empty());
    assert_eq!(wire.stations[A].stored, [(send, pinned)]);
    assert!(wire.now.since(start) >= secs(7), "the first was waited for");
}

#[test]
fn a_node_that_was_heard_is_used_where_that_is_allowed() {
    let mut wire = with_mailbox(4);
    let node = mailbox(&mut wire).address;
    let station = &mut wire.stations[A];
    station.router.set_node_policy(NodePolicy::default());
    assert_eq!(station.router.own_nodes(&station.node), []);
    station.router.set_node_policy(NodePolicy { pinned: Vec::new(), discover: true });
    assert_eq!(station.router.own_nodes(&station.node), [node]);
}

#[test]
fn what_a_node_refuses_is_told() {
    let mut wire = with_mailbox(4);
    mailbox(&mut wire).refuses = true;
    let send = wire.send(A, b"refused", Some(Method::Propagated));
    wire.run_until("failed", |wire| !wire.stations[A].failed.is_empty());
    assert_eq!(wire.stations[A].failed, [(send, Failure::StampRefused)]);
    assert_eq!(wire.stations[A].router.counters().upload_refused, 1);
    let send = wire.send(A, &vec![1; 300_000], Some(Method::Propagated));
    wire.run_until("failed", |wire| wire.stations[A].failed.len() == 2);
    assert_eq!(wire.stations[A].failed[1], (send, Failure::TooLarge));
    let mut wire = with_mailbox(100);
    let send = wire.send(A, b"too dear", Some(Method::Propagated));
    wire.run_until("failed", |wire| !wire.stations[A].failed.is_empty());
    assert_eq!(wire.stations[A].failed, [(send, Failure::StampTooDear { cost: 100 })]);
}

#[test]
fn a_node_may_take_its_time_to_judge_a_stamp() {
    for refuses in [false, true] {
        let mut wire = with_mailbox(4);
        mailbox(&mut wire).slow = Some(Vec::new());
        mailbox(&mut wire).refuses = refuses;
        let send = wire.send(A, b"judge me", Some(Method::Propagated));
        wire.run_for(secs(10));
        let waiting = mailbox(&mut wire).slow.take().unwrap();
        assert_eq!(waiting.len(), 1, "it is not uploaded again meanwhile");
        let (now, station) = (wire.now, &mut wire.stations[B]);
        let Station { node, mailbox, .. } = station;
        for (link, data, proof) in waiting {
            mailbox.as_mut().unwrap().judge(now, node, link, &data, proof);
        }
        wire.run_for(secs(1));
        let station = &wire.stations[A];
        let ended =
            (station.stored.iter().map(|(send, _)| *send).collect::<Vec<_>>(), station.failed.clone());
        let expected = match refuses {
            false => (vec![send], vec![]),
            true => (vec![], vec![(send, Failure::StampRefused)]),
        };
        assert_eq!(ended, expected);
    }
}

#[test]
fn a_sync_takes_what_is_there_once_and_deletes_it_when_it_is_durable() {
    let mut wire = with_mailbox(4);
    for n in 0..3 {
        let stored = stored_for_a(&wire, &[n; 10]);
        mailbox(&mut wire).stored.push(stored);
    }
    let synced = sync(&mut wire);
    assert_eq!((synced.fetched, synced.result), (3, Ok(())));
    let received = &wire.stations[A].received;
    assert!(received.len() == 3 && received.iter().all(|one| one.method == Method::Propagated));
    assert_eq!(wire.stations[A].router.counters().fetched, 3);
    assert!(mailbox(&mut wire).stored.is_empty());
    assert_eq!(mailbox(&mut wire).asked, [(3, 0), (0, 3)]);
    assert_eq!(sync(&mut wire).fetched, 0);
}

#[test]
fn what_is_not_durable_stays_on_the_node() {
    let mut wire = with_mailbox(4);
    let stored = stored_for_a(&wire, b"precious");
    mailbox(&mut wire).stored.push(stored);
    wire.stations[A].acknowledges = false;
    assert_eq!(sync(&mut wire).fetched, 1);
    assert_eq!(mailbox(&mut wire).stored.len(), 1);
    wire.stations[A].acknowledges = true;
    assert_eq!(sync(&mut wire).fetched, 1);
    assert!(mailbox(&mut wire).stored.is_empty());
}

#[test]
fn what_was_taken_from_one_node_is_deleted_on_another_without_being_fetched() {
    let mut wire = with_mailbox(4);
    let stored = stored_for_a(&wire, b"twice");
    mailbox(&mut wire).stored.push(stored.clone());
    sync(&mut wire);
    mailbox(&mut wire).stored.push(stored);
    assert_eq!(sync(&mut wire).fetched, 0);
    assert!(mailbox(&mut wire).stored.is_empty());
    assert_eq!(wire.stations[A].received.len(), 1);
    assert_eq!(mailbox(&mut wire).asked.last(), Some(&(0, 1)));
}

#[test]
fn garbage_that_is_addressed_to_us_is_deleted_too() {
    let mut wire = with_mailbox(4);
    let garbage = [wire.stations[A].address.as_ref(), &[0xaa; 200]].concat();
    let short = [wire.stations[A].address.as_ref(), &[0xbb; 20]].concat();
    mailbox(&mut wire).stored.extend([garbage, short]);
    let synced = sync(&mut wire);
    assert_eq!((synced.fetched, synced.result), (2, Ok(())));
    assert!(mailbox(&mut wire).stored.is_empty() && wire.stations[A].received.is_empty());
    assert_eq!(wire.stations[A].router.counters().fetched_undecryptable, 2);
}

#[test]
fn every_way_in_which_a_sync_fails_is_told() {
    for (code, error) in [
        (0xf0, GetError::NotIdentified),
        (0xf1, GetError::NoAccess),
        (0xf6, GetError::Throttled),
        (0xfd, GetError::Code(0xfd)),
    ] {
        let mut wire = with_mailbox(4);
        mailbox(&mut wire).code = Some(code);
        assert_eq!(sync(&mut wire).result, Err(SyncFailure::Refused(error)));
    }
    let mut wire = with_mailbox(4);
    mailbox(&mut wire).mute = true;
    assert_eq!(sync(&mut wire).result, Err(SyncFailure::Transfer));
    let mut wire = with_mailbox(4);
    wire.loses = |_, kind| kind == Seen::LinkRequest;
    assert_eq!(sync(&mut wire).result, Err(SyncFailure::NoLink));
    let mut wire = with_mailbox(4);
    let node = mailbox(&mut wire).address;
    wire.stations[A].node.drop_path(&node);
    wire.loses = |_, kind| kind == Seen::PathRequest;
    assert_eq!(sync(&mut wire).result, Err(SyncFailure::NoPath));
    assert_eq!(wire.stations[A].router.counters().sync_failed, 1);
    assert_eq!(wire.stations[A].router.poll_timeout(), None);
}

#[test]
fn a_message_on_paper_costs_no_stamp_and_comes_like_any_other() {
    let mut wire = acquainted();
    wire.set_cost(B, Some(8));
    wire.announce(B);
    wire.run_for(secs(1));
    wire.send(A, b"on paper", Some(Method::Paper));
    wire.run_for(secs(1));
    let uri = wire.stations[A].papers[0].clone();
    let station = &mut wire.stations[B];
    station.router.handle_paper(&mut station.node, &uri).unwrap();
    wire.run_for(secs(1));
    let received = &wire.stations[B].received[0];
    assert_eq!((&received.message.content[..], received.method), (&b"on paper"[..], Method::Paper));
    assert_eq!(received.stamped, Stamped::Free);
    let station = &mut wire.stations[A];
    let error = station.router.handle_paper(&mut station.node, &uri).unwrap_err();
    assert_eq!(error, paper::PaperError::NotOurs);
    let send = wire.send(A, &[b'x'; 2_100], Some(Method::Paper));
    wire.run_for(secs(1));
    assert_eq!(wire.stations[A].failed, [(send, Failure::TooLarge)]);
}

#[test]
fn who_is_ignored_is_proven_and_not_heard() {
    let mut wire = acquainted();
    let source = wire.stations[A].address;
    wire.stations[B].router.set_ignored([source].into());
    wire.send(A, b"hello?", None);
    wire.run_for(secs(1));
    assert_eq!(wire.stations[A].delivered.len(), 1);
    assert!(wire.stations[B].received.is_empty());
    assert_eq!(wire.stations[B].refused, [Refusal::Ignored]);
    assert_eq!(wire.stations[B].router.counters().message_ignored, 1);
}

#[test]
fn what_is_beyond_the_rate_of_a_sender_or_a_link_is_dropped_unproven() {
    for method in [Method::Opportunistic, Method::Direct] {
        let mut wire = acquainted();
        wire.stations[B].router.set_rate(3);
        for n in 0..5_u8 {
            wire.send(A, &[n], Some(method));
        }
        wire.run_for(secs(9));
        assert_eq!((wire.stations[B].received.len(), wire.stations[A].delivered.len()), (3, 3), "{method:?}");
        assert!(wire.stations[B].router.counters().message_rate_limited > 0);
        let ended = |wire: &Wire| wire.stations[A].delivered.len() + wire.stations[A].failed.len();
        wire.run_until("all have ended", |wire| ended(wire) == 5);
        // A sender of packets goes on for long enough; one on links gives up sooner, and its application tries again.
        assert!(method == Method::Direct || wire.stations[B].received.len() >= 4);
    }
}
