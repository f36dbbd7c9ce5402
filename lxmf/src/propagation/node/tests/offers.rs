//! What peers offer a node and bring to it, by the rows of `spec/lxmf.md` 11.1.

use reticulum::time::UnixTime;

use super::*;
use crate::propagation::bodies::{self, OfferAnswer};

const SOMEBODY: DestinationHash = DestinationHash::new([0x5b; 16]);

/// A node, and others that heard it.
fn office(others: usize) -> Net {
    let mut net = Net::new(1 + others);
    net.serve(0, |_| {});
    net.announce(0);
    net
}

/// The key that station `from` shows.
fn key(net: &Net, from: usize, bits: u32) -> [u8; STAMP_LEN] {
    key_worth(net.stations[0].identity.hash(), net.stations[from].identity.hash(), bits)
}

fn ask(net: &mut Net, from: usize, link: LinkId, ids: &[TransientId]) -> Option<OfferAnswer> {
    let key = key(net, from, PEERING_COST.into());
    let answer = net.ask(from, link, OFFER_PATH, &offer(key, ids))?;
    Some(OfferAnswer::parse(&answer).unwrap())
}

fn transfer(stamped: &[Vec<u8>]) -> Vec<u8> {
    bodies::transfer(UnixTime::from_secs(1_760_000_000), stamped)
}

#[test]
fn the_answer_names_what_was_never_here() {
    let mut net = office(1);
    let all: Vec<Vec<u8>> = (1..=3).map(|mark| paid(SOMEBODY, mark)).collect();
    let ids: Vec<TransientId> = all.iter().map(|stamped| id_of(stamped)).collect();
    let link = net.known_link(1, 0);
    assert_eq!(ask(&mut net, 1, link, &ids), Some(OfferAnswer::All));
    assert!(net.upload_resource(1, link, transfer(&all[..2])).is_proven);
    assert_eq!(net.stations[0].shelf.ids(), ids[..2]);
    let from = net.address(1);
    assert!(net.stations[0].shelf.kept.values().all(|kept| kept.from == Some(from)));
    assert_eq!(ask(&mut net, 1, link, &ids), Some(OfferAnswer::Some(vec![ids[2]])));
    // What was fetched and deleted is not wanted again.
    net.stations[0].shelf.apply(Change::Delete { destination: SOMEBODY, ids: vec![ids[0]] });
    assert_eq!(ask(&mut net, 1, link, &ids[..2]), Some(OfferAnswer::Nothing));
    assert_eq!(ask(&mut net, 1, link, &[]), Some(OfferAnswer::Nothing));
    assert_eq!(net.mail(0).counters().from_peers, 2);
}

#[test]
fn every_code_in_place_of_an_answer() {
    let mut net = office(1);
    let ids = [TransientId::new([1; 32])];
    let good = offer(key(&net, 1, PEERING_COST.into()), &ids);
    let short = offer(key(&net, 1, u32::from(PEERING_COST) - 1), &ids);
    let others = key_worth(net.stations[1].identity.hash(), net.stations[0].identity.hash(), 0);
    let link = net.link(1, 0);
    assert_eq!(net.ask(1, link, OFFER_PATH, &good), Some(vec![0xcc, 0xf0]), "not identified");
    net.identify(1, link);
    let rows: [(&[u8], u8, &str); 6] = [
        (&short, 0xf3, "a key that is one bit short"),
        (&offer(others, &ids), 0xf3, "a key on the identities in the other order"),
        (&[0xc0], 0xf4, "nil"),
        (&[0x91, 0xc0], 0xf4, "one element"),
        (&[0x92, 0xc0, 0x90], 0xf4, "no key"),
        (&[0x92, 0xc4, 1, 7, 0x90], 0xf4, "a key that is too short"),
    ];
    for (body, code, what) in rows {
        assert_eq!(net.ask(1, link, OFFER_PATH, body), Some(vec![0xcc, code]), "{what}");
    }
    let counters = *net.mail(0).counters();
    assert_eq!((counters.unidentified, counters.bad_key, counters.malformed), (1, 2, 4));
    assert_eq!(
        net.ask(1, link, OFFER_PATH, &good),
        Some(vec![0xc3]),
        "and the same link may still do better"
    );
    // A path that is not served gets no answer.
    assert_eq!(net.ask(1, link, "/nothing", &good), None);
}

#[test]
fn a_node_for_members_takes_offers_of_the_peers_that_are_named_only() {
    let mut net = Net::new(3);
    let named = net.address(1);
    net.serve(0, |config| {
        config.members_only = true;
        config.peers = vec![named];
    });
    net.mail(0).add_member(SOMEBODY);
    net.announce(0);
    let ids = [TransientId::new([1; 32])];
    let link = net.known_link(2, 0);
    assert_eq!(ask(&mut net, 2, link, &ids), Some(OfferAnswer::Code(0xf1)));
    let link = net.known_link(1, 0);
    assert_eq!(ask(&mut net, 1, link, &ids), Some(OfferAnswer::All));
    // Of what it brings, what is for members is kept.
    let both = [paid(SOMEBODY, 1), paid(DestinationHash::new([0x77; 16]), 2)];
    assert!(net.upload_resource(1, link, transfer(&both)).is_proven);
    assert_eq!(net.stations[0].shelf.ids(), [id_of(&both[0])]);
}

#[test]
fn three_peers_may_bring_at_a_time_and_a_place_is_free_when_one_is_done() {
    let mut net = office(4);
    let ids = |mark: u8| [id_of(&paid(SOMEBODY, mark))];
    let links: Vec<LinkId> = (1..=4).map(|from| net.known_link(from, 0)).collect();
    for from in 1..=3 {
        assert_eq!(ask(&mut net, from, links[from - 1], &ids(from as u8)), Some(OfferAnswer::All));
    }
    assert_eq!(ask(&mut net, 4, links[3], &ids(4)), Some(OfferAnswer::Code(0xf6)));
    assert!(net.upload_resource(2, links[1], transfer(&[paid(SOMEBODY, 2)])).is_proven);
    assert_eq!(ask(&mut net, 4, links[3], &ids(4)), Some(OfferAnswer::All));
    // Who goes away without having brought anything holds no place, and an offer of nothing new takes none.
    net.stations[1].node.close_link(net.now, links[0]);
    net.run_for(secs(1));
    assert_eq!(ask(&mut net, 2, links[1], &ids(2)), Some(OfferAnswer::Nothing));
    let link = net.known_link(1, 0);
    assert_eq!(ask(&mut net, 1, link, &ids(1)), Some(OfferAnswer::All));
}

#[test]
fn of_a_mixed_batch_the_good_are_kept_and_its_bringer_is_throttled() {
    let mut net = office(1);
    let good = paid(SOMEBODY, 1);
    let bad = worth(SOMEBODY, 2, 200, u32::from(COST - FLEXIBILITY) - 1);
    let ids = [id_of(&good), id_of(&bad)];
    let link = net.known_link(1, 0);
    assert_eq!(ask(&mut net, 1, link, &ids), Some(OfferAnswer::All));
    let done = net.upload_resource(1, link, transfer(&[good, bad]));
    assert!(done.is_proven, "{done:?}");
    assert_eq!(net.stations[0].shelf.ids(), ids[..1]);
    let link = net.known_link(1, 0);
    assert_eq!(ask(&mut net, 1, link, &ids), Some(OfferAnswer::Code(0xf6)));
    net.run_for(secs(181));
    let link = net.known_link(1, 0);
    assert_eq!(ask(&mut net, 1, link, &ids), Some(OfferAnswer::Some(vec![ids[1]])));
}

#[test]
fn a_key_is_good_for_the_link_that_it_was_shown_on() {
    let mut net = office(1);
    let two = [paid(SOMEBODY, 1), paid(SOMEBODY, 2)];
    let link = net.known_link(1, 0);
    assert_eq!(ask(&mut net, 1, link, &[id_of(&two[0]), id_of(&two[1])]), Some(OfferAnswer::All));
    let other = net.known_link(1, 0);
    assert!(!net.upload_resource(1, other, transfer(&two)).is_proven);
    assert!(net.stations[0].shelf.kept.is_empty());
    assert!(net.upload_resource(1, link, transfer(&two)).is_proven);
    assert_eq!(net.stations[0].shelf.kept.len(), 2);
}

#[test]
fn a_transfer_of_a_peer_may_be_as_large_as_is_announced() {
    let mut net = office(1);
    let link = net.known_link(1, 0);
    let ids = [TransientId::new([1; 32])];
    assert_eq!(ask(&mut net, 1, link, &ids), Some(OfferAnswer::All));
    let large: Vec<Vec<u8>> = (1..=5).map(|mark| worth(SOMEBODY, mark, 9_000, COST.into())).collect();
    assert!(net.upload_resource(1, link, transfer(&large)).is_proven);
    assert_eq!(net.stations[0].shelf.kept.len(), 5);
    let over = vec![7; TRANSFER_LEN_MAX as usize + 1];
    assert!(!net.upload_resource(1, link, over).is_proven);
    let is_rejected = |event: &Event| matches!(event, Event::ResourceRejected { .. });
    assert!(net.stations[1].events.iter().any(is_rejected));
}
