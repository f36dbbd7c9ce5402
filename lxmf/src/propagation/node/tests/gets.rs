//! What clients list, fetch and delete, by the rows of `spec/lxmf.md` 9.2.

use reticulum::wire::msgpack;

use super::*;
use crate::propagation::{
    LISTED_MAX, fetch_request, list_request, parse_list, parse_messages, purge_request,
};

/// A node with three messages for station 1 of 300, 200 and 250 bytes, one for station 2, and a link of station 1 to it.
fn office() -> (Net, LinkId, Vec<TransientId>, TransientId) {
    let mut net = Net::new(3);
    net.serve(0, |_| {});
    net.announce(0);
    let mine = [(1, 300), (2, 200), (3, 250)];
    let kept: Vec<Kept> = mine
        .iter()
        .map(|(mark, len)| kept(net.delivery(1), *mark, *len))
        .chain([kept(net.delivery(2), 4, 200)])
        .collect();
    let ids: Vec<TransientId> = kept.iter().map(|kept| kept.id).collect();
    net.stations[0].shelf.apply(Change::Keep(kept));
    let link = net.known_link(1, 0);
    (net, link, ids[..3].to_vec(), ids[3])
}

/// `len` counts the stamp.
fn kept(destination: DestinationHash, mark: u8, len: usize) -> Kept {
    let stamped = stored(destination, mark, len);
    Kept {
        id: id_of(&stamped),
        destination,
        received: reticulum::time::UnixTime::from_secs(1_760_000_000),
        value: 20,
        is_preferred: false,
        from: None,
        stamped,
    }
}

fn ask(net: &mut Net, link: LinkId, body: &[u8]) -> Option<Vec<u8>> {
    net.ask(1, link, GET_PATH, body)
}

fn fetched(answer: Option<Vec<u8>>) -> Vec<TransientId> {
    let answer = answer.expect("an answer");
    parse_messages(&answer).unwrap().into_iter().map(TransientId::of).collect()
}

#[test]
fn a_listing_names_what_is_there_for_who_asks_the_smallest_first() {
    let (mut net, link, mine, _) = office();
    let listed = ask(&mut net, link, &list_request()).unwrap();
    assert_eq!(parse_list(&listed), Ok(vec![mine[1], mine[2], mine[0]]));
}

#[test]
fn who_asks_gets_what_they_want_without_stamps_and_nobody_elses() {
    let (mut net, link, mine, other) = office();
    let answer = ask(&mut net, link, &fetch_request(&[mine[0], other, mine[1]], &[], 1_000));
    let messages: Vec<usize> =
        parse_messages(answer.as_ref().unwrap()).unwrap().iter().map(|message| message.len()).collect();
    assert_eq!(messages, [300 - STAMP_LEN, 200 - STAMP_LEN]);
    assert_eq!(fetched(answer), [mine[0], mine[1]]);
    assert_eq!(net.mail(0).counters().served, 2);
    // They stay until they are deleted.
    assert_eq!(net.stations[0].shelf.kept.len(), 4);
}

#[test]
fn what_is_told_to_be_had_is_deleted_first_and_nobody_elses() {
    let (mut net, link, mine, other) = office();
    let answer = ask(&mut net, link, &fetch_request(&mine, &[mine[0], other], 1_000));
    assert_eq!(fetched(answer), [mine[1], mine[2]]);
    assert_eq!(net.stations[0].shelf.ids(), [mine[1], mine[2], other]);
    let answer = ask(&mut net, link, &purge_request(&[mine[1], other]));
    assert_eq!(answer, Some(vec![0x90]));
    assert_eq!(net.stations[0].shelf.ids(), [mine[2], other]);
}

#[test]
fn nothing_asked_is_nothing_answered() {
    let (mut net, link, mine, _) = office();
    assert_eq!(ask(&mut net, link, &[0x92, 0x90, 0x90]), Some(vec![0x90]));
    // No list of what to delete, and one of what to send.
    let wants = [&[0x92, 0x91, 0xc4, 32][..], mine[0].as_bytes(), &[0xc0]].concat();
    assert_eq!(fetched(ask(&mut net, link, &wants)), [mine[0]]);
}

#[test]
fn what_does_not_fit_the_limit_is_left_out_and_smaller_ones_behind_it_still_come() {
    let (mut net, link, mine, _) = office();
    // 24 bytes, and 16 for each beside its 300, 200 and 250.
    let rows: [(f64, &[usize]); 7] = [
        (0.0, &[]),
        (0.239, &[]),
        (0.24, &[1]),
        (0.339, &[1]),
        (0.34, &[0]),
        (0.556, &[0, 1]),
        (0.822, &[0, 1, 2]),
    ];
    for (limit_kb, expected) in rows {
        let mut body = fetch_request(&mine, &[], 0);
        body.pop();
        msgpack::write_f64(&mut body, limit_kb);
        let expected: Vec<TransientId> = expected.iter().map(|index| mine[*index]).collect();
        assert_eq!(fetched(ask(&mut net, link, &body)), expected, "{limit_kb} kB");
    }
}

#[test]
fn every_code_in_place_of_an_answer() {
    let (mut net, _, mine, _) = office();
    let link = net.link(1, 0);
    for body in [list_request(), fetch_request(&mine, &[], 1_000), purge_request(&mine), vec![0xc0]] {
        assert_eq!(ask(&mut net, link, &body), Some(vec![0xcc, 0xf0]), "{body:02x?}");
    }
    assert_eq!((net.mail(0).counters().unidentified, net.stations[0].shelf.kept.len()), (4, 4));
    // Who is no member of a node for members.
    let mut net = Net::new(2);
    net.serve(0, |config| config.members_only = true);
    net.announce(0);
    let link = net.known_link(1, 0);
    for body in [list_request(), fetch_request(&mine, &[], 1_000), vec![0xc0]] {
        assert_eq!(ask(&mut net, link, &body), Some(vec![0xcc, 0xf1]), "{body:02x?}");
    }
    let member = net.delivery(1);
    net.mail(0).add_member(member);
    assert_eq!(ask(&mut net, link, &list_request()), Some(vec![0x90]));
}

#[test]
fn what_is_malformed_gets_no_answer() {
    let (mut net, link, ..) = office();
    for body in [vec![0xc0], vec![0x90], vec![0x91, 0xc0], vec![0x92, 0x91, 0x01, 0xc0], vec![0xa1, b'x']] {
        assert_eq!(ask(&mut net, link, &body), None, "{body:02x?}");
    }
    assert_eq!(net.mail(0).counters().malformed, 5);
}

#[test]
fn a_list_is_as_long_as_we_answer_at_most_and_the_rest_is_listed_when_that_is_gone() {
    let (mut net, link, ..) = office();
    let many: Vec<Kept> = (0_u32..LISTED_MAX as u32)
        .map(|n| {
            let mut kept = kept(net.delivery(1), 9, 200);
            kept.stamped[100..104].copy_from_slice(&n.to_be_bytes());
            kept.id = id_of(&kept.stamped);
            kept
        })
        .collect();
    net.stations[0].shelf.apply(Change::Keep(many));
    let listed = parse_list(&ask(&mut net, link, &list_request()).unwrap()).unwrap();
    assert_eq!(listed.len(), LISTED_MAX);
    ask(&mut net, link, &purge_request(&listed));
    let rest = parse_list(&ask(&mut net, link, &list_request()).unwrap()).unwrap();
    assert_eq!(rest.len(), 3);
}
