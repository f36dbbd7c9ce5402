//! Stamps and tickets between two routers (`spec/lxmf.md` 5.4, 6, 7).

use reticulum::node::Priority;
use reticulum::time::UnixTime;

use super::*;
use crate::fields::key;
use crate::message::Draft;
use crate::stamp::{Purpose, Search, Searched, Workblock};
use crate::ticket::{Issuer, Ticket};

/// Both know each other, and B asks for `cost`.
fn acquainted_at(cost: u8) -> Wire {
    let mut wire = Wire::new();
    wire.set_cost(B, Some(cost));
    wire.announce(A);
    wire.announce(B);
    wire.run_for(secs(1));
    wire.forget();
    wire
}

/// A message from A to B with this stamp, past A's router.
fn send_stamped(wire: &mut Wire, content: &[u8], stamp: impl Fn(&MessageId) -> Option<Vec<u8>>) -> MessageId {
    let (now, to, source) = (wire.now, wire.stations[B].address, wire.stations[A].address);
    let fields = Fields::default();
    let draft = Draft { destination: to, source, timestamp: 1.0, title: b"", content, fields: &fields };
    let mut packed = draft.pack(&Identity::from_bytes(&std::array::from_fn(|i| i as u8)));
    if let Some(stamp) = stamp(&packed.id()) {
        packed.add_stamp(&stamp);
    }
    let body = packed.opportunistic_body().to_vec();
    wire.stations[A].node.send_packet(now, to, body, Priority::Message).unwrap();
    wire.run_for(secs(1));
    packed.id()
}

fn find(id: &MessageId, cost: u8) -> Vec<u8> {
    match Search::new(Purpose::Message, *id.as_bytes(), cost).run() {
        Searched::Found { stamp, .. } => stamp.to_vec(),
        Searched::NotYet(_) => panic!("a cheap one"),
    }
}

fn last(wire: &Wire) -> Stamped {
    wire.stations[B].received.last().expect("it arrived").stamped
}

/// Has B check the stamp of what it received last.
fn check(wire: &mut Wire) -> bool {
    let received = wire.stations[B].received.last().expect("it arrived");
    let (id, stamp) = (received.message.id, received.message.stamp.clone().unwrap());
    let Stamped::Unchecked { cost } = received.stamped else { panic!("{:?}", received.stamped) };
    let now = wire.now;
    assert!(wire.stations[B].router.check_stamp(now, id, stamp, cost));
    wire.run_for(secs(1));
    let (of, valid) = *wire.stations[B].checked.last().expect("it was checked");
    assert_eq!(of, id);
    valid
}

#[test]
fn what_an_announce_asks_for_is_paid_without_being_told() {
    let mut wire = acquainted_at(8);
    let send = wire.send(A, b"paid", None);
    wire.run_until("delivered", |wire| !wire.stations[A].delivered.is_empty());
    assert_eq!(wire.stations[A].delivered[0].0, send);
    let message = &wire.stations[B].received[0].message;
    assert!(
        Workblock::new(Purpose::Message, message.id.as_bytes()).is_valid(message.stamp.as_ref().unwrap(), 8)
    );
    assert_eq!(last(&wire), Stamped::Unchecked { cost: 8 });
    assert!(check(&mut wire));
}

#[test]
fn a_stamp_that_is_wrong_or_a_bit_short_fails_and_an_exact_one_passes() {
    let mut wire = acquainted_at(8);
    send_stamped(&mut wire, b"wrong", |_| Some(vec![0xee; 32]));
    assert!(!check(&mut wire));
    send_stamped(&mut wire, b"short", |id| {
        let block = Workblock::new(Purpose::Message, id.as_bytes());
        let stamps = (0_u64..).map(|n| [&[0; 24][..], &n.to_be_bytes()].concat());
        stamps.into_iter().find(|stamp| block.value(stamp) == 7)
    });
    assert!(!check(&mut wire));
    send_stamped(&mut wire, b"exact", |id| {
        let block = Workblock::new(Purpose::Message, id.as_bytes());
        (0_u64..).map(|n| [&[0; 24][..], &n.to_be_bytes()].concat()).find(|stamp| block.value(stamp) == 8)
    });
    assert!(check(&mut wire));
}

#[test]
fn the_stamp_of_another_message_is_worth_nothing() {
    let mut wire = acquainted_at(8);
    let first = send_stamped(&mut wire, b"one", |id| Some(find(id, 8)));
    assert!(check(&mut wire));
    send_stamped(&mut wire, b"two", |_| Some(find(&first, 8)));
    assert!(!check(&mut wire));
}

#[test]
fn each_kind_of_stamp_and_ticket_is_judged() {
    const COST: u8 = 8;
    /// What is told at once, or after a check.
    #[derive(Debug, PartialEq)]
    enum Verdict {
        Stamp(bool),
        Ticket,
        Missing,
    }
    let worth = |id: &MessageId, bits: u32| {
        let block = Workblock::new(Purpose::Message, id.as_bytes());
        let stamps = (0_u64..).map(|n| [&[0; 24][..], &n.to_be_bytes()].concat());
        stamps.into_iter().find(|stamp| block.value(stamp) == bits)
    };
    let ours = Issuer::new(&Identity::from_bytes(&std::array::from_fn(|i| 0x40 + i as u8)));
    let wire = acquainted_at(COST);
    let (now, writer) = (wire.stations[B].node.unix_time(wire.now), wire.stations[A].address);
    let another = DestinationHash::new([7; 16]);
    let ticket = |ticket: Ticket| move |id: &MessageId| Some(ticket.stamp(id).to_vec());
    let of_before = MessageId::new([9; 32]);
    type Made<'a> = Box<dyn Fn(&MessageId) -> Option<Vec<u8>> + 'a>;
    let rows: [(&str, Made<'_>, Verdict); 13] = [
        ("none", Box::new(|_| None), Verdict::Missing),
        ("wrong", Box::new(|_| Some(vec![0xee; 32])), Verdict::Stamp(false)),
        ("one bit short", Box::new(|id| worth(id, 7)), Verdict::Stamp(false)),
        ("exact", Box::new(|id| worth(id, 8)), Verdict::Stamp(true)),
        ("more than needed", Box::new(|id| worth(id, 11)), Verdict::Stamp(true)),
        ("that of another message", Box::new(|_| worth(&of_before, 12)), Verdict::Stamp(false)),
        ("a ticket", Box::new(ticket(ours.issue(&writer, now))), Verdict::Ticket),
        (
            "one of two weeks ago",
            Box::new(ticket(ours.issue(&writer, now - secs(13 * 86_400)))),
            Verdict::Ticket,
        ),
        ("an expired one", Box::new(ticket(ours.issue(&writer, now - secs(22 * 86_400)))), Verdict::Missing),
        ("that of another member", Box::new(ticket(ours.issue(&another, now))), Verdict::Missing),
        ("one made up", Box::new(ticket(Ticket { expires: now, secret: [3; 16] })), Verdict::Missing),
        (
            "a ticket on another message",
            Box::new(|_| Some(ours.issue(&writer, now).stamp(&of_before).to_vec())),
            Verdict::Missing,
        ),
        ("the ticket itself", Box::new(|_| Some(ours.issue(&writer, now).secret.to_vec())), Verdict::Missing),
    ];
    for (what, stamp, expected) in rows {
        let mut wire = acquainted_at(COST);
        send_stamped(&mut wire, what.as_bytes(), stamp);
        let verdict = match last(&wire) {
            Stamped::Unchecked { .. } => Verdict::Stamp(check(&mut wire)),
            Stamped::Ticket => Verdict::Ticket,
            Stamped::Missing { .. } => Verdict::Missing,
            Stamped::Free => panic!("it costs something"),
        };
        assert_eq!(verdict, expected, "{what}");
    }
}

#[test]
fn what_cannot_be_a_stamp_costs_no_check() {
    let mut wire = acquainted_at(8);
    for stamp in [None, Some(vec![]), Some(vec![1; 16]), Some(vec![1; 31]), Some(vec![1; 200])] {
        send_stamped(&mut wire, &[stamp.as_ref().map_or(99, Vec::len) as u8], |_| stamp.clone());
        assert_eq!(last(&wire), Stamped::Missing { cost: 8 });
    }
}

#[test]
fn without_a_price_nothing_is_looked_at() {
    let mut wire = acquainted();
    send_stamped(&mut wire, b"free", |_| Some(vec![1; 32]));
    assert_eq!(last(&wire), Stamped::Free);
}

#[test]
fn a_price_that_rises_is_paid_from_the_next_announce_on() {
    let mut wire = acquainted();
    wire.send(A, b"free", None);
    wire.run_for(secs(1));
    assert_eq!(wire.stations[B].received[0].message.stamp, None);
    wire.set_cost(B, Some(9));
    wire.announce(B);
    wire.run_for(secs(1));
    wire.send(A, b"paid", None);
    wire.run_for(secs(1));
    assert!(check(&mut wire));
    wire.set_cost(B, None);
    wire.announce(B);
    wire.run_for(secs(1));
    wire.send(A, b"free again", None);
    wire.run_for(secs(1));
    assert_eq!(wire.stations[B].received[2].message.stamp, None);
}

#[test]
fn a_price_above_the_policy_is_told_to_the_caller_and_holds_nobody_else_up() {
    let mut wire = acquainted_at(30);
    let send = wire.send(A, b"too dear", None);
    wire.run_for(secs(1));
    assert_eq!(wire.stations[A].failed, [(send, Failure::StampTooDear { cost: 30 })]);
    assert_eq!(wire.stations[A].router.counters().send_stamp_refused, 1);
    assert!(wire.stations[A].router.outbound.is_idle());
}

#[test]
fn a_cancelled_send_is_not_searched_for_any_longer() {
    let mut wire = acquainted_at(24);
    let policy = StampPolicy { cost_max: 24, trials_per_s: 1 };
    wire.stations[A].router.set_stamp_policy(policy);
    // One slice spends the budget of days.
    let send = wire.send(A, b"longer than a slice", None);
    wire.run_for(secs(1));
    assert!(wire.stations[A].failed.is_empty() && wire.stations[A].router.outbound.wants_stamp(send));
    let now = wire.now;
    let station = &mut wire.stations[A];
    station.router.cancel(now, &mut station.node, send);
    wire.run_for(secs(600));
    assert!(wire.stations[A].router.outbound.is_idle());
    assert_eq!(wire.stations[A].router.work_outstanding(), 0);
}

#[test]
fn a_message_that_no_longer_fits_a_packet_with_its_stamp_takes_a_link() {
    let mut wire = acquainted_at(4);
    let content = [b'x'; crate::message::OPPORTUNISTIC_PAYLOAD_MAX - 16 - 20];
    wire.send(A, &content, None);
    wire.run_until("delivered", |wire| !wire.stations[A].delivered.is_empty());
    assert_eq!(wire.stations[A].routes, [Route::LinkPacket]);
}

/// A message of A's that offers a ticket, and B's router takes it.
fn give_ticket(wire: &mut Wire, content: &[u8]) -> Option<Ticket> {
    let outgoing = Outgoing { ticket: true, ..wire.outgoing(A, content) };
    let before = wire.stations[B].received.len();
    wire.send_outgoing(A, outgoing);
    wire.run_until("received", |wire| wire.stations[B].received.len() > before);
    let ticket = wire.stations[B].received.last()?.ticket?;
    let (local, remote) = (wire.stations[B].address, wire.stations[A].address);
    wire.stations[B].router.accept_ticket(local, remote, ticket);
    wire.run_for(secs(1));
    Some(ticket)
}

#[test]
fn a_ticket_goes_before_a_stamp_and_is_accepted_until_it_expires() {
    let mut wire = Wire::new();
    wire.set_cost(A, Some(8));
    wire.announce(A);
    wire.announce(B);
    wire.run_for(secs(1));
    let ticket = give_ticket(&mut wire, b"here is a ticket").expect("a ticket is due");
    assert_eq!(wire.stations[B].terms.last().unwrap().ticket, Some(ticket));
    wire.send(B, b"with a ticket", None);
    wire.run_for(secs(1));
    let received = &wire.stations[A].received[0];
    assert_eq!(received.message.stamp.as_ref().unwrap().len(), 16);
    assert_eq!(received.stamped, Stamped::Ticket);
    // When it has expired its holder pays again.
    wire.run_for(secs(22 * 86_400));
    wire.announce(A);
    wire.announce(B);
    wire.run_for(secs(1));
    wire.send(B, b"with a stamp", None);
    wire.run_for(secs(1));
    let received = &wire.stations[A].received[1];
    assert_eq!(received.message.stamp.as_ref().unwrap().len(), 32);
    assert_eq!(received.stamped, Stamped::Unchecked { cost: 8 });
}

#[test]
fn tickets_are_offered_once_a_day_by_the_same_message_each_time_and_survive_a_restart() {
    let mut wire = Wire::new();
    wire.set_cost(A, Some(8));
    wire.announce(A);
    wire.announce(B);
    wire.run_for(secs(1));
    let outgoing = Outgoing { ticket: true, ..wire.outgoing(A, b"first") };
    wire.send_outgoing(A, outgoing.clone());
    wire.run_for(secs(1));
    assert!(wire.stations[B].received[0].ticket.is_some());
    assert_eq!(give_ticket(&mut wire, b"second"), None);
    // A restart: what was persisted comes back, and the first message is still the same message.
    let terms = *wire.stations[A].terms.last().unwrap();
    wire.stations[A].router.terms = AllTerms::default();
    wire.stations[A].router.restore_terms(terms);
    wire.send_outgoing(A, outgoing);
    wire.run_for(secs(1));
    let received = &wire.stations[B].received;
    assert_eq!(received[2].message.id, received[0].message.id);
    assert_eq!(give_ticket(&mut wire, b"third"), None);
    wire.run_for(secs(86_400));
    assert!(give_ticket(&mut wire, b"the next day").is_some());
}

#[test]
fn who_asks_for_no_stamps_offers_no_tickets() {
    let mut wire = acquainted();
    assert_eq!(give_ticket(&mut wire, b"nothing to save"), None);
    assert_eq!(wire.stations[B].received[0].message.fields.value(key::TICKET), None);
}

#[test]
fn a_ticket_for_somebody_who_asks_for_nothing_is_used_nevertheless() {
    let mut wire = acquainted();
    let (local, remote) = (wire.stations[A].address, wire.stations[B].address);
    let ticket = Ticket { expires: UnixTime::from_secs(4_000_000_000), secret: [5; 16] };
    wire.stations[A].router.accept_ticket(local, remote, ticket);
    wire.send(A, b"hello", None);
    wire.run_for(secs(1));
    let message = &wire.stations[B].received[0].message;
    assert_eq!(message.stamp.as_deref(), Some(&ticket.stamp(&message.id)[..]));
}
