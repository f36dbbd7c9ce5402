//! Who becomes a peer and who stays one, by the rows of `spec/lxmf.md` 10.1 and 11.2.

use super::*;
use crate::propagation::bodies::{Code, OfferAnswer};

/// A node and `others` stations beside it.
fn office(others: usize, change: impl FnOnce(&mut NodeConfig)) -> Net {
    let mut net = Net::new(1 + others);
    net.serve(0, change);
    net.announce(0);
    net
}

fn peers(net: &mut Net) -> Vec<DestinationHash> {
    net.status(0).peers.iter().map(|peer| peer.destination).collect()
}

#[test]
fn a_node_that_suits_becomes_a_peer_by_its_announce() {
    type Row = (&'static str, fn(&mut NodeConfig), fn(&mut NodeInfo), bool);
    let rows: [Row; 7] = [
        ("it suits", |_| {}, |_| {}, true),
        ("no peers by themselves", |config| config.autopeer = false, |_| {}, false),
        ("for members only", |config| config.members_only = true, |_| {}, false),
        ("out of order", |_| {}, |info| info.enabled = false, false),
        ("at the price that we pay", |_| {}, |info| info.peering_cost = 8, true),
        ("too dear", |_| {}, |info| info.peering_cost = 9, false),
        ("too far", |config| config.autopeer_hops_max = 0, |_| {}, false),
    ];
    for (what, config, info, expected) in rows {
        let mut net = office(1, config);
        let peer = net.mimic(1, info);
        assert_eq!(peers(&mut net), if expected { vec![peer] } else { vec![] }, "{what}");
        assert_eq!(net.stations[0].shelf.peers.contains_key(&peer), expected, "{what}");
    }
}

#[test]
fn the_answer_to_a_path_request_makes_nobody_a_peer() {
    let mut net = office(1, |_| {});
    net.stations[0].is_away = true;
    let peer = net.mimic(1, |_| {});
    net.stations[0].is_away = false;
    net.stations[0].node.request_path(net.now, peer);
    net.run_for(secs(5));
    assert!(net.stations[0].node.path(&peer).is_some());
    assert_eq!(peers(&mut net), []);
    net.mimic(1, |_| {});
    assert_eq!(peers(&mut net), [peer]);
}

#[test]
fn who_brings_messages_becomes_a_peer() {
    let mut net = office(1, |_| {});
    net.stations[0].is_away = true;
    let peer = net.mimic(1, |_| {});
    net.stations[0].is_away = false;
    net.stations[0].node.request_path(net.now, peer);
    net.run_for(secs(5));
    let key =
        key_worth(net.stations[0].identity.hash(), net.stations[1].identity.hash(), PEERING_COST.into());
    let link = net.known_link(1, 0);
    let message = paid(DestinationHash::new([5; 16]), 1);
    net.ask(1, link, OFFER_PATH, &offer(key, &[id_of(&message)]));
    let transfer = crate::propagation::container(
        reticulum::time::UnixTime::from_secs(1_760_000_000),
        &message[..200],
        message[200..].try_into().unwrap(),
    );
    assert!(net.upload_resource(1, link, transfer).is_proven);
    assert_eq!(peers(&mut net), [peer]);
    // What came before it was one counts among the rest.
    let counters = *net.mail(0).counters();
    assert_eq!((counters.from_peers, counters.unpeered), (1, 1));
}

#[test]
fn a_node_that_says_it_is_out_of_order_is_none_any_more_unless_it_is_named() {
    let mut net = office(1, |_| {});
    net.mimic(1, |_| {});
    net.mimic(1, |info| info.enabled = false);
    assert_eq!((peers(&mut net), net.stations[0].shelf.peers.len()), (vec![], 0));
    let named = Net::new(2).address(1);
    let mut net = office(1, |config| config.peers = vec![named]);
    net.mimic(1, |info| info.enabled = false);
    assert_eq!(peers(&mut net), [named]);
}

#[test]
fn a_peer_that_is_silent_for_two_weeks_is_none_any_more() {
    const DAY: Duration = secs(24 * 3_600);
    let mut net = office(1, |_| {});
    let peer = net.mimic(1, |_| {});
    net.run_for(10 * DAY);
    net.mimic(1, |_| {});
    net.run_for(13 * DAY);
    assert_eq!(peers(&mut net), [peer]);
    net.run_for(DAY + secs(2 * 3_600));
    assert_eq!((peers(&mut net), net.stations[0].shelf.peers.len()), (vec![], 0));
}

#[test]
fn when_there_are_enough_a_newcomer_takes_the_place_of_one_that_is_of_no_use() {
    let mut net = office(6, |_| {});
    let first: Vec<DestinationHash> = (1..=3).map(|who| net.mimic(who, |_| {})).collect();
    net.run_for(secs(30));
    // All of them are of use, as far as is known.
    net.mimic(4, |_| {});
    assert_eq!(peers(&mut net).len(), 3);
    assert!(first.iter().all(|peer| peers(&mut net).contains(peer)));
    // One takes all, one takes nothing, one does not answer.
    net.stations[1].answers.push_back(Some(OfferAnswer::All.encode()));
    net.stations[2].answers.push_back(Some(OfferAnswer::Nothing.encode()));
    net.stations[3].answers.push_back(Some(Code::InvalidData.answer()));
    net.keep(0, &[paid(DestinationHash::new([5; 16]), 1)]);
    net.run_for(secs(120));
    net.stations[4].answers.push_back(Some(OfferAnswer::All.encode()));
    let fourth = net.mimic(4, |_| {});
    let expected = |mut all: Vec<DestinationHash>| {
        all.sort_unstable();
        all
    };
    assert_eq!(
        peers(&mut net),
        expected(vec![first[0], first[1], fourth]),
        "the one that does not answer went"
    );
    let fifth = net.mimic(5, |_| {});
    assert!(!peers(&mut net).contains(&fifth), "one at a time");
    net.run_for(secs(56 * 24));
    net.mimic(5, |_| {});
    assert_eq!(peers(&mut net), expected(vec![first[0], fourth, fifth]), "the one that takes nothing went");
}

#[test]
fn a_node_announces_what_others_have_to_know_and_its_tools_door_if_somebody_may_use_it() {
    let net = office(1, |_| {});
    let heard = |net: &Net| -> Vec<(DestinationHash, Vec<u8>)> {
        let announce = |event: &Event| match event {
            Event::Announce { destination, app_data, .. } => {
                Some((*destination, app_data.clone().unwrap_or_default()))
            }
            _ => None,
        };
        net.stations[1].events.iter().filter_map(announce).collect()
    };
    let all = heard(&net);
    assert_eq!((all.len(), all[0].0), (1, net.address(0)));
    let info = NodeInfo::parse(&all[0].1).unwrap();
    assert_eq!((info.enabled, info.stamp_cost, info.flexibility), (true, COST, FLEXIBILITY));
    assert_eq!((info.peering_cost, info.name.as_deref()), (PEERING_COST, Some("Harbour")));
    assert_eq!((info.message_len_max, info.transfer_len_max), (MESSAGE_LEN_MAX, TRANSFER_LEN_MAX));
    assert_eq!(info.timebase, 1_760_000_000);
    // Whether it takes messages is told by the third element; the first one is false for old readers.
    assert_eq!(all[0].1[..2], [0x97, 0xc2]);
    let controller = net.stations[1].identity.hash();
    let mut net = office(1, |config| config.controllers = vec![controller]);
    let control = net.mail(0).control_address();
    assert!(heard(&net).iter().any(|(destination, _)| *destination == control));
}
