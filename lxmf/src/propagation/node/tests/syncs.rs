//! What a node offers its peers and brings them, by the rows of `spec/lxmf.md` 11.1 and 11.2.

use super::*;
use crate::propagation::bodies::{self, Code, OfferAnswer};

const SOMEBODY: DestinationHash = DestinationHash::new([0x5b; 16]);
/// From a message to its offer, and some time for the rest.
const SYNCED_AFTER: Duration = secs(30);

/// A node, a peer of it that a test made up, and a client that has heard of the node.
fn office(answers: &[Option<Vec<u8>>]) -> (Net, DestinationHash) {
    let mut net = Net::new(3);
    net.serve(0, |_| {});
    net.announce(0);
    let peer = net.mimic(1, |_| {});
    net.stations[1].answers.extend(answers.iter().cloned());
    // Its first sync finds nothing.
    net.run_for(SYNCED_AFTER);
    (net, peer)
}

/// What station 1 was offered, round by round.
fn offered(net: &Net) -> Vec<Vec<TransientId>> {
    net.stations[1].asked.iter().map(|body| OfferBody::parse(body).unwrap().ids).collect()
}

/// What was brought to station 1, transfer by transfer.
fn brought(net: &Net) -> Vec<Vec<Vec<u8>>> {
    let transfers = net.stations[1].brought.iter();
    transfers
        .map(|body| bodies::parse_transfer(body).unwrap().into_iter().map(<[u8]>::to_vec).collect())
        .collect()
}

fn messages(marks: std::ops::RangeInclusive<u8>) -> (Vec<Vec<u8>>, Vec<TransientId>) {
    let all: Vec<Vec<u8>> = marks.map(|mark| paid(SOMEBODY, mark)).collect();
    let ids = all.iter().map(|stamped| id_of(stamped)).collect();
    (all, ids)
}

fn peer_status(net: &mut Net) -> PeerStatus {
    net.status(0).peers.remove(0)
}

#[test]
fn two_of_our_nodes_bring_each_other_what_they_lack_and_nothing_back() {
    let mut net = Net::new(3);
    let (one, other) = (net.serve(0, |_| {}), net.serve(1, |_| {}));
    net.announce(0);
    net.announce(1);
    let (all, ids) = messages(1..=4);
    net.keep(0, &all[..3]);
    net.keep(1, &all[3..]);
    net.run_for(secs(120));
    let kept = |net: &Net, who: usize| net.stations[who].shelf.ids().into_iter().collect::<BTreeSet<_>>();
    let everything: BTreeSet<_> = ids.iter().copied().collect();
    assert_eq!((kept(&net, 0), kept(&net, 1)), (everything.clone(), everything));
    let counters = |net: &mut Net, who: usize| {
        let counters = *net.mail(who).counters();
        (counters.to_peers, counters.from_peers, counters.sync_failed, counters.unpeered)
    };
    assert_eq!((counters(&mut net, 0), counters(&mut net, 1)), ((3, 1, 0, 0), (1, 3, 0, 0)));
    let status = net.status(0);
    let peer = &status.peers[0];
    assert_eq!((peer.destination, peer.offered, peer.outgoing, peer.incoming), (other, 3, 3, 1));
    assert_eq!((peer.unhandled, peer.stage, peer.is_alive, peer.key_value.is_some()), (0, 0, true, true));
    assert!(
        peer.link_rate_bps > 0 && peer.transfer_rate_bps > 0 && peer.tx_bytes > 600 && peer.rx_bytes > 200
    );
    assert_eq!(net.status(1).peers[0].destination, one);
    // What a recipient fetched on one of them is not brought there again.
    net.stations[1].shelf.apply(Change::Delete { destination: SOMEBODY, ids: ids[..1].to_vec() });
    let now = net.now;
    net.mail(0).sync_peers(now, None);
    net.run_for(secs(120));
    assert_eq!(net.stations[1].shelf.kept.len(), 3);
}

#[test]
fn each_answer_to_an_offer_is_followed() {
    let (all, ids) = messages(1..=3);
    let some = OfferAnswer::Some(vec![ids[2], ids[0], TransientId::new([9; 32])]);
    type Row = (Option<Vec<u8>>, &'static [usize], bool);
    let rows: [Row; 9] = [
        (Some(OfferAnswer::All.encode()), &[0, 1, 2], true),
        (Some(OfferAnswer::Nothing.encode()), &[], true),
        (Some(some.encode()), &[2, 0], true),
        (Some(OfferAnswer::Some(vec![]).encode()), &[], true),
        (Some(Code::InvalidKey.answer()), &[], false),
        (Some(Code::InvalidData.answer()), &[], false),
        (Some(Code::Throttled.answer()), &[], false),
        (Some(vec![0xc0]), &[], false),
        (None, &[], false),
    ];
    for (answer, expected, is_done) in rows {
        let (mut net, _) = office(std::slice::from_ref(&answer));
        net.keep(0, &all);
        net.run_for(secs(150));
        assert_eq!(offered(&net), std::slice::from_ref(&ids), "{answer:02x?}");
        let expected: Vec<Vec<u8>> = expected.iter().map(|index| all[*index].clone()).collect();
        let expected = if expected.is_empty() { vec![] } else { vec![expected] };
        assert_eq!(brought(&net), expected, "{answer:02x?}");
        let status = peer_status(&mut net);
        assert_eq!(status.unhandled, if is_done { 0 } else { 3 }, "{answer:02x?}");
        assert_eq!(net.mail(0).counters().sync_failed, u64::from(!is_done), "{answer:02x?}");
        assert_eq!(status.outgoing, expected.first().map_or(0, |transfer| transfer.len() as u64));
        // Nothing is offered twice of what was answered for.
        let more = paid(SOMEBODY, 9);
        net.stations[1].answers.push_back(Some(OfferAnswer::All.encode()));
        net.keep(0, std::slice::from_ref(&more));
        net.run_for(secs(15 * 60));
        let expected = if is_done { vec![id_of(&more)] } else { [&ids[..], &[id_of(&more)]].concat() };
        assert_eq!(offered(&net)[1], expected, "{answer:02x?}");
    }
}

#[test]
fn a_peer_that_does_not_know_us_is_told_once_more_who_we_are() {
    let unknown = Some(Code::NotIdentified.answer());
    let (mut net, _) = office(&[unknown.clone(), Some(OfferAnswer::All.encode())]);
    let (all, ids) = messages(1..=1);
    net.keep(0, &all);
    net.run_for(SYNCED_AFTER);
    assert_eq!(offered(&net), [ids.clone(), ids]);
    assert_eq!(brought(&net).len(), 1);
    let (mut net, _) = office(&[unknown.clone(), unknown]);
    net.keep(0, &all);
    net.run_for(SYNCED_AFTER);
    assert_eq!((offered(&net).len(), net.mail(0).counters().sync_failed), (2, 1));
}

#[test]
fn who_denies_us_access_is_no_peer_any_more_unless_it_is_named() {
    let (all, _) = messages(1..=1);
    let denied = Some(Code::NoAccess.answer());
    let (mut net, peer) = office(std::slice::from_ref(&denied));
    assert!(net.stations[0].shelf.peers.contains_key(&peer));
    net.keep(0, &all);
    net.run_for(SYNCED_AFTER);
    assert_eq!((net.mail(0).peer_count(), net.stations[0].shelf.peers.len()), (0, 0));
    let mut net = Net::new(3);
    let named = net.address(1);
    net.serve(0, |config| config.peers = vec![named]);
    net.announce(0);
    net.mimic(1, |_| {});
    net.stations[1].answers.push_back(denied);
    net.keep(0, &all);
    net.run_for(SYNCED_AFTER);
    assert_eq!((net.mail(0).peer_count(), peer_status(&mut net).backoff), (1, secs(12 * 60)));
}

#[test]
fn who_is_throttled_comes_back_after_three_minutes_without_a_reproach() {
    let (mut net, _) = office(&[Some(Code::Throttled.answer()), Some(OfferAnswer::All.encode())]);
    net.keep(0, &messages(1..=1).0);
    net.run_for(SYNCED_AFTER);
    assert_eq!((offered(&net).len(), peer_status(&mut net).is_alive), (1, true));
    net.run_for(secs(160));
    assert_eq!(offered(&net).len(), 1);
    net.run_for(secs(20));
    assert_eq!((offered(&net).len(), brought(&net).len()), (2, 1));
}

#[test]
fn a_failure_costs_twelve_minutes_more_each_time_and_a_success_ends_that() {
    let (mut net, _) = office(&[]);
    net.keep(0, &messages(1..=1).0);
    net.stations[1].is_away = true;
    let mut starts = Vec::new();
    for _ in 0..4 {
        let tried = net.status(0).peers[0].tried_at;
        while peer_status(&mut net).tried_at == tried {
            net.run_for(secs(1));
        }
        starts.push(net.now);
        while peer_status(&mut net).stage != 0 {
            net.run_for(secs(1));
        }
        let waits = peer_status(&mut net).backoff;
        assert_eq!(waits, secs(12 * 60) * starts.len() as u32);
    }
    let gaps: Vec<u64> = starts.windows(2).map(|pair| pair[1].since(pair[0]).as_secs() / 60).collect();
    assert!(gaps[0] >= 12 && gaps[1] >= 24 && gaps[2] >= 36 && gaps[2] < 40, "{gaps:?}");
    // When it is heard again, what it lacks does not wait for the end of that.
    net.stations[1].is_away = false;
    net.stations[1].answers.push_back(Some(OfferAnswer::All.encode()));
    net.mimic(1, |_| {});
    net.run_for(SYNCED_AFTER);
    assert_eq!(brought(&net).len(), 1);
    assert_eq!((peer_status(&mut net).backoff, peer_status(&mut net).is_alive), (Duration::ZERO, true));
}

#[test]
fn a_peer_is_offered_what_it_takes_in_rounds_that_it_takes() {
    let mut net = Net::new(3);
    net.serve(0, |_| {});
    net.announce(0);
    net.mimic(1, |info| {
        (info.message_len_max, info.transfer_len_max) = (1_000, 1_000);
        (info.stamp_cost, info.flexibility) = (9, 2);
    });
    net.stations[1].answers.extend(vec![Some(OfferAnswer::All.encode()); 3]);
    let rows = [
        worth(SOMEBODY, 1, 368, 7),
        worth(SOMEBODY, 2, 368, 6),
        worth(SOMEBODY, 3, 1_000 - STAMP_LEN + 1, 9),
        worth(SOMEBODY, 4, 368, 9),
        worth(SOMEBODY, 5, 368, 9),
        worth(SOMEBODY, 6, 1_000 - STAMP_LEN, 9),
    ];
    net.keep(0, &rows);
    net.run_for(secs(60));
    // 24 and 16 + 400 for each: two fit a round of 1,000, and the large one goes alone.
    let id = |index: usize| id_of(&rows[index]);
    assert_eq!(offered(&net), [vec![id(0), id(3)], vec![id(4)], vec![id(5)]]);
    assert_eq!((peer_status(&mut net).unhandled, brought(&net).len()), (0, 3));
}

#[test]
fn what_a_peer_brought_is_not_offered_to_it() {
    let (mut net, _) = office(&[Some(OfferAnswer::All.encode())]);
    let (all, ids) = messages(1..=2);
    let link = net.known_link(1, 0);
    let key =
        key_worth(net.stations[0].identity.hash(), net.stations[1].identity.hash(), PEERING_COST.into());
    net.ask(1, link, OFFER_PATH, &offer(key, &ids[..1]));
    let transfer = bodies::transfer(reticulum::time::UnixTime::from_secs(1_760_000_000), &all[..1]);
    assert!(net.upload_resource(1, link, transfer).is_proven);
    net.keep(0, &all[1..]);
    net.run_for(SYNCED_AFTER);
    assert_eq!(offered(&net), [ids[1..].to_vec()]);
    assert_eq!((peer_status(&mut net).incoming, peer_status(&mut net).offered), (1, 1));
}

#[test]
fn a_key_is_searched_once_and_again_when_its_price_rises() {
    let (mut net, peer) = office(&vec![Some(OfferAnswer::All.encode()); 3]);
    let key = |net: &Net| net.stations[0].shelf.peers[&peer].key;
    net.keep(0, &messages(1..=1).0);
    net.run_for(SYNCED_AFTER);
    let first = key(&net).expect("it was needed");
    let block = Workblock::new(
        Purpose::Peering,
        &work::key_material(net.stations[1].identity.hash(), net.stations[0].identity.hash()),
    );
    assert!(block.is_valid(&first.0, PEERING_COST));
    net.keep(0, &messages(2..=2).0);
    net.run_for(SYNCED_AFTER);
    assert_eq!(key(&net), Some(first));
    net.mimic(1, |info| info.peering_cost = 8);
    net.keep(0, &messages(3..=3).0);
    net.run_for(SYNCED_AFTER);
    assert!(block.is_valid(&key(&net).unwrap().0, 8) && brought(&net).len() == 3);
    // More than we pay is no peering.
    net.mimic(1, |info| info.peering_cost = 9);
    net.keep(0, &messages(4..=4).0);
    net.run_for(SYNCED_AFTER);
    assert_eq!((brought(&net).len(), net.mail(0).counters().sync_failed), (3, 1));
}

#[test]
fn how_far_a_peer_is_survives_a_restart() {
    let (mut net, peer) = office(&vec![Some(OfferAnswer::All.encode()); 2]);
    net.keep(0, &messages(1..=2).0);
    net.run_for(SYNCED_AFTER);
    let record = net.stations[0].shelf.peers[&peer].clone();
    assert_eq!(record.through, 2);
    let address = net.address(0);
    net.stations[0].node.remove_destination(&address);
    let control = net.mail(0).control_address();
    net.stations[0].node.remove_destination(&control);
    net.serve(0, |_| {});
    net.announce(0);
    net.run_for(SYNCED_AFTER);
    assert_eq!((offered(&net).len(), net.mail(0).peer_count()), (1, 1));
    let (more, ids) = messages(3..=3);
    net.keep(0, &more);
    net.run_for(SYNCED_AFTER);
    assert_eq!(offered(&net)[1], ids);
    assert_eq!(net.stations[0].shelf.peers[&peer].key, record.key);
}
