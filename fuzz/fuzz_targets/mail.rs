//! Any bytes as a ticket, as the announce of a propagation node, as its answers to `/get`, as what a node is asked, and as paper.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lxmf::fields::{Fields, key};
use lxmf::paper;
use lxmf::propagation::bodies::{self, GetBody, OfferAnswer, OfferBody};
use lxmf::propagation::{self, LISTED_MAX, NodeInfo, TransientId};
use lxmf::ticket::Ticket;
use reticulum::time::UnixTime;

fuzz_target!(|input: &[u8]| {
    let now = UnixTime::from_secs(1_760_000_000);
    if let Some(ticket) = Ticket::offered(&Fields::from_entries(&[(key::TICKET, input)]), now) {
        assert!(ticket.expires > now);
        let again = Fields::from_entries(&[(key::TICKET, &ticket.to_field())]);
        assert_eq!(Ticket::offered(&again, now).map(|again| again.secret), Some(ticket.secret));
    }
    let _ = (propagation::is_stamp_refusal(input), propagation::split_stored(input));
    if let Ok(info) = NodeInfo::parse(input) {
        let again = NodeInfo::parse(&info.encode()).expect("what is announced is read");
        assert_eq!((again.stamp_cost, again.peering_cost, &again.name), (info.stamp_cost, info.peering_cost, &info.name));
    }
    if let Ok(ids) = propagation::parse_list(input) {
        assert!(ids.len() <= LISTED_MAX && 32 * ids.len() <= input.len());
        assert!(!propagation::fetch_request(&ids, &[], 1_000).is_empty());
    }
    if let Ok(messages) = propagation::parse_messages(input) {
        assert!(messages.iter().map(|message| message.len()).sum::<usize>() <= input.len());
        let _: Vec<TransientId> = messages.iter().map(|message| TransientId::of(message)).collect();
    }
    if let Ok(GetBody::Fetch { wants, haves, .. }) = GetBody::parse(input) {
        assert!(32 * (wants.len() + haves.len()) <= input.len());
    }
    if let Ok(offer) = OfferBody::parse(input) {
        assert!(32 * (offer.ids.len() + 1) <= input.len());
        assert_eq!(OfferBody::parse(&offer.encode()), Ok(offer));
    }
    if let Ok(answer) = OfferAnswer::parse(input) {
        assert_eq!(OfferAnswer::parse(&answer.encode()), Ok(answer));
    }
    if let Ok(messages) = bodies::parse_transfer(input) {
        assert!(messages.iter().map(|message| message.len()).sum::<usize>() <= input.len());
        let _: Vec<_> = messages.iter().map(|message| bodies::split_stamp(message)).collect();
    }
    let container = propagation::container(now, input, &[0; 32]);
    assert!(container.len() >= input.len() + 32);
    if let Some(uri) = paper::encode(input).filter(|_| input.len() > 16) {
        let (to, sealed) = paper::decode(&uri).expect("what was encoded is decoded");
        assert_eq!([to.as_ref(), &sealed].concat(), input);
    }
    let _ = std::str::from_utf8(input).map(paper::decode);
});
