//! What is brought to a node (`spec/lxmf.md` 9.1, 10.3).

use reticulum::time::UnixTime;

use super::net::Upload;
use super::*;
use crate::propagation::bodies;

const TAKEN: Upload = Upload { is_proven: true, signal: None, is_closed: false };
const REFUSED: Upload = Upload { is_proven: false, signal: Some(0xf5), is_closed: true };
/// The bits that are needed, what flexibility leaves of the cost.
const NEEDED: u32 = (COST - FLEXIBILITY) as u32;
const SOMEBODY: DestinationHash = DestinationHash::new([0x5b; 16]);

/// A node that a client has heard of.
fn office() -> Net {
    let mut net = Net::new(2);
    net.serve(0, |_| {});
    net.announce(0);
    net
}

fn transfer(stamped: &[Vec<u8>]) -> Vec<u8> {
    bodies::transfer(UnixTime::from_secs(1_760_000_000), stamped)
}

/// Uploads on a link of its own, and says how that went.
fn upload(net: &mut Net, stamped: &[Vec<u8>], is_packet: bool) -> Upload {
    let link = net.link(1, 0);
    net.stations[1].events.clear();
    match is_packet {
        true => net.upload_packet(1, link, transfer(stamped)),
        false => net.upload_resource(1, link, transfer(stamped)),
    }
}

#[test]
fn a_stamp_counts_down_to_the_bits_that_flexibility_leaves() {
    for is_packet in [true, false] {
        let rows = [(u32::from(COST) + 1, TAKEN), (NEEDED, TAKEN), (NEEDED - 1, REFUSED), (0, REFUSED)];
        for (bits, expected) in rows {
            let mut net = office();
            let done = upload(&mut net, &[worth(SOMEBODY, 1, 200, bits)], is_packet);
            assert_eq!(done, expected, "{bits} bits, packet {is_packet}");
            assert_eq!(net.stations[0].shelf.kept.len(), usize::from(expected == TAKEN));
            assert_eq!(net.mail(0).counters().bad_stamp, u64::from(expected != TAKEN));
        }
    }
}

#[test]
fn what_is_kept_is_the_message_with_its_stamp_and_what_that_is_worth() {
    let mut net = office();
    let stamped = worth(SOMEBODY, 1, 300, 9);
    assert_eq!(upload(&mut net, std::slice::from_ref(&stamped), true), TAKEN);
    let kept = net.stations[0].shelf.kept[&1].clone();
    assert_eq!((kept.id, kept.destination, kept.value, kept.from), (id_of(&stamped), SOMEBODY, 9, None));
    assert_eq!(kept.stamped, stamped);
}

#[test]
fn the_same_again_is_proven_and_kept_once_and_what_was_fetched_does_not_come_back() {
    let mut net = office();
    let stamped = paid(SOMEBODY, 1);
    for _ in 0..2 {
        assert_eq!(upload(&mut net, std::slice::from_ref(&stamped), true), TAKEN);
        assert_eq!(net.stations[0].shelf.kept.len(), 1);
    }
    net.stations[0].shelf.apply(Change::Delete { destination: SOMEBODY, ids: vec![id_of(&stamped)] });
    assert_eq!(upload(&mut net, &[stamped], true), TAKEN);
    assert!(net.stations[0].shelf.kept.is_empty());
}

#[test]
fn a_client_brings_one_message_at_a_time() {
    let mut net = office();
    let two = [paid(SOMEBODY, 1), paid(SOMEBODY, 2)];
    let done = upload(&mut net, &two, false);
    assert!(done.is_closed && !done.is_proven, "{done:?}");
    assert!(net.stations[0].shelf.kept.is_empty());
    assert_eq!(net.mail(0).counters().unpeered_batch, 1);
}

#[test]
fn what_is_no_transfer_is_passed_over() {
    let mut net = office();
    let message = paid(SOMEBODY, 1);
    let transfer = transfer(std::slice::from_ref(&message));
    let bodies =
        [b"".to_vec(), vec![0xc0], vec![0x91, 0x01], vec![0x92, 0x01, 0xc0], transfer[..50].to_vec()];
    for body in bodies {
        let link = net.link(1, 0);
        net.stations[1].events.clear();
        let done = net.upload_packet(1, link, body.clone());
        assert_eq!((done.is_proven, done.signal), (false, None), "{body:02x?}");
    }
    assert!(net.stations[0].shelf.kept.is_empty());
    assert_eq!(net.mail(0).counters().malformed, 5);
    // One too short for a destination, a sealed message and a stamp counts as a bad stamp: the link is of no use.
    assert_eq!(upload(&mut net, &[vec![7; 144]], true), REFUSED);
    assert_eq!(upload(&mut net, &[worth(SOMEBODY, 1, 145 - STAMP_LEN, NEEDED)], true), TAKEN);
}

#[test]
fn a_client_brings_no_more_than_a_message_may_have_and_a_peer_no_more_than_a_transfer_may() {
    let mut net = office();
    let within = worth(SOMEBODY, 1, MESSAGE_LEN_MAX as usize - STAMP_LEN, NEEDED);
    assert_eq!(upload(&mut net, &[within], false), TAKEN);
    let over = vec![9; MESSAGE_LEN_MAX as usize + 100];
    assert!(!upload(&mut net, &[over], false).is_proven);
    let is_rejected = |event: &Event| matches!(event, Event::ResourceRejected { .. });
    assert!(net.stations[1].events.iter().any(is_rejected));
    assert_eq!(net.mail(0).counters().too_large, 1);
}

#[test]
fn what_is_for_our_own_is_handed_out_and_not_kept() {
    let mut net = office();
    net.mail(0).add_ours(SOMEBODY);
    let stamped = paid(SOMEBODY, 1);
    assert_eq!(upload(&mut net, std::slice::from_ref(&stamped), true), TAKEN);
    assert_eq!(net.stations[0].ours, [stamped[..200].to_vec()]);
    assert!(net.stations[0].shelf.kept.is_empty());
    net.mail(0).remove_ours(&SOMEBODY);
    assert_eq!(upload(&mut net, &[stamped], true), TAKEN);
    assert_eq!((net.stations[0].ours.len(), net.stations[0].shelf.kept.len()), (1, 1));
}

#[test]
fn a_node_for_members_keeps_nothing_for_others() {
    let mut net = Net::new(2);
    net.serve(0, |config| config.members_only = true);
    net.announce(0);
    assert_eq!(upload(&mut net, &[paid(SOMEBODY, 1)], true), REFUSED);
    net.mail(0).add_member(SOMEBODY);
    assert_eq!(upload(&mut net, &[paid(SOMEBODY, 1)], true), TAKEN);
    assert!(net.stations[0].shelf.kept[&1].is_preferred);
    net.mail(0).remove_member(&SOMEBODY);
    assert_eq!(upload(&mut net, &[paid(SOMEBODY, 2)], true), REFUSED);
    assert_eq!(net.mail(0).counters().not_served, 2);
}

#[test]
fn who_brings_a_bad_stamp_is_not_listened_to_for_three_minutes() {
    let mut net = office();
    let key = key_worth(net.stations[0].identity.hash(), net.stations[1].identity.hash(), 4);
    let ask = |net: &mut Net| {
        let link = net.known_link(1, 0);
        net.ask(1, link, OFFER_PATH, &offer(key, &[TransientId::new([1; 32])])).unwrap()
    };
    let link = net.known_link(1, 0);
    net.upload_packet(1, link, transfer(&[worth(SOMEBODY, 1, 200, 0)]));
    assert_eq!(ask(&mut net), [0xcc, 0xf6]);
    net.run_for(secs(170));
    assert_eq!(ask(&mut net), [0xcc, 0xf6]);
    net.run_for(secs(10));
    assert_eq!(ask(&mut net), [0xc3]);
}

#[test]
fn old_messages_go() {
    let mut net = office();
    upload(&mut net, &[paid(SOMEBODY, 1)], true);
    net.run_for(STORED_FOR - secs(7_200));
    assert_eq!(net.stations[0].shelf.kept.len(), 1);
    net.run_for(secs(10_800));
    assert!(net.stations[0].shelf.kept.is_empty());
}

#[test]
fn a_link_that_nobody_uses_is_closed_after_three_minutes() {
    let mut net = office();
    let is_closed = |net: &Net, link| net.stations[0].node.link(link).is_none();
    let link = net.link(1, 0);
    net.run_for(secs(100));
    assert!(net.upload_packet(1, link, transfer(&[paid(SOMEBODY, 1)])).is_proven);
    net.run_for(secs(170));
    assert!(!is_closed(&net, link));
    net.run_for(secs(10));
    assert!(is_closed(&net, link));
}
