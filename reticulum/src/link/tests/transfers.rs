//! Resources between two links: policy, queue, bounds, loss, and how each of them ends (`spec/reticulum.md` section 8).

use super::*;
use crate::link::transfer::{INCOMING_MAX, OFFERS_MAX, OUTGOING_MAX};
use crate::node::{ResourceFailure, ResourceOptions};

fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Rng::from_seed([12; 32]).fill(&mut bytes);
    bytes
}

fn offer(pair: &mut Pair, side: Side, data: Vec<u8>) -> Result<ResourceId, LinkError> {
    let options = ResourceOptions { metadata: None, compress: true };
    pair.command(side, |link, now, rng| link.send_resource(now, rng, data, options))
}

/// An open link whose responder has this configuration.
fn open_with(change: impl FnOnce(&mut LinkConfig)) -> Pair {
    let mut pair = Pair::open();
    change(&mut pair.responder.link.as_mut().unwrap().config);
    pair
}

/// Takes what arrived and proves it, as an application whose commit is done.
fn receive(pair: &mut Pair, side: Side) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for event in pair.events(side) {
        if let LinkEvent::ResourceReceived { data, proof, .. } = event {
            all.push(data);
            pair.command(side, |link, now, _| link.prove_resource(now, proof.unwrap()));
        }
    }
    all
}

#[test]
fn resources_travel_in_both_directions_and_are_sent_once_the_application_proves_them() {
    for side in [Initiator, Responder] {
        for len in [1, 464, 35_000] {
            let mut pair = Pair::open();
            let id = offer(&mut pair, side, noise(len)).unwrap();
            pair.advance(secs(8));
            assert!(pair.events(side).is_empty(), "unproven is unsent");
            assert_eq!(receive(&mut pair, side.other()), [noise(len)]);
            pair.advance(DELAY);
            assert!(matches!(pair.events(side)[..], [LinkEvent::ResourceSent { id: of }] if of == id));
        }
    }
}

#[test]
fn a_large_resource_travels_in_segments_over_a_large_mtu() {
    let mut pair = Pair::with_mtu(16_384);
    pair.answer(16_384, Duration::ZERO);
    pair.advance(secs(1));
    pair.events(Responder);
    offer(&mut pair, Initiator, noise(2_500_000)).unwrap();
    pair.advance(secs(8));
    assert_eq!(receive(&mut pair, Responder), [noise(2_500_000)]);
}

#[test]
fn metadata_arrives_beside_the_data() {
    let mut pair = Pair::open();
    let options = ResourceOptions { metadata: Some(b"\x81\xa1n\x01".to_vec()), compress: false };
    pair.command(Initiator, |link, now, rng| link.send_resource(now, rng, noise(1_000), options)).unwrap();
    pair.advance(secs(3));
    let events = pair.events(Responder);
    assert!(matches!(
        &events[..],
        [LinkEvent::ResourceReceived { data, metadata: Some(m), .. }] if *data == noise(1_000) && m == b"\x81\xa1n\x01"
    ));
}

#[test]
fn a_resource_survives_loss_and_reordering() {
    let mut pair = Pair::open();
    let mut rng = Rng::from_seed([13; 32]);
    pair.fate = Box::new(move |_| (rng.below(100) >= 15).then(|| ms(5) + rng.duration_below(ms(60))));
    offer(&mut pair, Initiator, noise(60_000)).unwrap();
    let mut arrived = Vec::new();
    for _ in 0..1_200 {
        pair.advance(ms(100));
        arrived.append(&mut receive(&mut pair, Responder));
    }
    assert_eq!(arrived, [noise(60_000)]);
    assert!(pair.events(Initiator).iter().any(|event| matches!(event, LinkEvent::ResourceSent { .. })));
}

#[test]
fn a_lost_proof_is_asked_for_again() {
    let mut pair = Pair::open();
    let mut lost = false;
    pair.fate = Box::new(move |sent| {
        let lose = sent.context == Context::RESOURCE_PRF && !std::mem::replace(&mut lost, true);
        (!lose).then_some(DELAY)
    });
    let id = offer(&mut pair, Initiator, noise(1_000)).unwrap();
    pair.advance(secs(2));
    assert_eq!(receive(&mut pair, Responder).len(), 1);
    pair.advance(secs(30));
    assert!(pair.contexts(Initiator).contains(&Context::CACHE_REQUEST));
    assert!(matches!(pair.events(Initiator)[..], [LinkEvent::ResourceSent { id: of }] if of == id));
    assert!(pair.events(Responder).is_empty(), "delivered once");
}

#[test]
fn one_resource_travels_at_a_time_and_the_others_follow_in_order() {
    let mut pair = Pair::open();
    for len in [3_000, 2_000, 1_000] {
        offer(&mut pair, Initiator, noise(len)).unwrap();
    }
    pair.advance(ms(1));
    assert_eq!(pair.contexts(Initiator), [Context::RESOURCE_ADV]);
    let mut lens = Vec::new();
    for _ in 0..200 {
        pair.advance(ms(50));
        lens.extend(receive(&mut pair, Responder).iter().map(Vec::len));
    }
    assert_eq!(lens, [3_000, 2_000, 1_000]);
}

#[test]
fn so_many_resources_wait_and_no_more() {
    let mut pair = Pair::open();
    for _ in 0..OUTGOING_MAX {
        offer(&mut pair, Initiator, noise(100)).unwrap();
    }
    assert_eq!(offer(&mut pair, Initiator, noise(100)), Err(LinkError::Busy));
}

#[test]
fn queued_bytes_are_bounded_across_links_and_given_back() {
    let mut pair = Pair::open();
    pair.initiator.link.as_mut().unwrap().config.outgoing = Budget::new(1_000);
    offer(&mut pair, Initiator, noise(600)).unwrap();
    assert_eq!(offer(&mut pair, Initiator, noise(600)), Err(LinkError::Busy));
    pair.advance(secs(3));
    receive(&mut pair, Responder);
    pair.advance(DELAY);
    offer(&mut pair, Initiator, noise(600)).unwrap();
}

#[test]
fn unwanted_and_large_resources_are_rejected_aloud() {
    type Change = fn(&mut LinkConfig);
    let cases: [(Change, Refusal); 3] = [
        (|config| config.resources = ResourcePolicy::None, Refusal::ResourceNotWanted),
        (|config| config.resource_size_max = 999, Refusal::ResourceTooLarge),
        (|config| config.incoming = Budget::new(999), Refusal::BudgetSpent),
    ];
    for (change, refusal) in cases {
        let mut pair = open_with(change);
        let id = offer(&mut pair, Initiator, noise(1_000)).unwrap();
        pair.advance(secs(1));
        assert_eq!(pair.refusals(Responder), [refusal]);
        assert!(matches!(pair.events(Initiator)[..], [LinkEvent::ResourceRejected { id: of }] if of == id));
        assert!(pair.events(Responder).is_empty());
    }
}

#[test]
fn the_application_accepts_or_rejects_what_is_offered() {
    for accept in [true, false] {
        let mut pair = open_with(|config| config.resources = ResourcePolicy::Application);
        offer(&mut pair, Initiator, noise(1_000)).unwrap();
        pair.advance(secs(3));
        let [LinkEvent::ResourceOffered { id, size: 1_000, segments: 1 }] = pair.events(Responder)[..] else {
            panic!("no offer")
        };
        assert!(pair.refusals(Responder).iter().all(|refusal| *refusal == Refusal::AdvertisementRepeated));
        pair.command(Responder, |link, now, rng| match accept {
            true => link.accept_resource(now, rng, id),
            false => link.reject_resource(now, rng, id),
        })
        .unwrap();
        pair.advance(secs(3));
        assert_eq!(receive(&mut pair, Responder).len(), usize::from(accept));
        pair.advance(DELAY);
        match pair.events(Initiator)[..] {
            [LinkEvent::ResourceSent { .. }] => assert!(accept),
            [LinkEvent::ResourceRejected { .. }] => assert!(!accept),
            ref other => panic!("{other:?}"),
        }
        let again = pair.command(Responder, |link, now, rng| link.accept_resource(now, rng, id));
        assert_eq!(again, Err(LinkError::Unknown));
    }
}

/// Advertisements of resources that are never sent, each different.
fn advertise<'a>(pair: &mut Pair, n: u8, change: impl FnOnce(&mut crate::wire::resource::Advertisement<'a>)) {
    use crate::hash::ResourceHash;
    use crate::wire::resource::{Advertisement, Flags};
    let hash = ResourceHash::new([n; 32]);
    let mut advertisement = Advertisement {
        transfer_size: 1_056,
        data_size: 1_000,
        parts: 3,
        hash,
        random: [n; 4],
        original_hash: hash,
        segment: 1,
        segments: 1,
        request: None,
        flags: Flags::ENCRYPTED,
        map_hashes: b"aaaabbbbcccc",
    };
    change(&mut advertisement);
    let mut body = Vec::new();
    advertisement.emit(&mut body);
    let sealed = pair.link(Initiator).token().unwrap().seal([n; 16], &body);
    pair.deliver(Responder, PacketType::Data, Context::RESOURCE_ADV, &sealed);
}

#[test]
fn so_many_are_received_at_a_time_and_no_more() {
    let mut pair = Pair::open();
    for n in 0..INCOMING_MAX as u8 + 1 {
        advertise(&mut pair, n, |_| {});
    }
    assert_eq!(pair.refusals(Responder), [Refusal::ResourcesFull]);
    let contexts = pair.contexts(Responder);
    assert_eq!(contexts.iter().filter(|context| **context == Context::RESOURCE_REQ).count(), INCOMING_MAX);
    assert_eq!(contexts.last(), Some(&Context::RESOURCE_RCL));
}

#[test]
fn promises_keep_nobody_out() {
    let mut pair = open_with(|config| {
        config.resources = ResourcePolicy::All;
        config.incoming = Budget::new(40_000);
    });
    for n in 0..INCOMING_MAX as u8 - 1 {
        advertise(&mut pair, n, |advertisement| advertisement.data_size = 30_000);
    }
    assert_eq!(pair.refusals(Responder), []);
    offer(&mut pair, Initiator, noise(30_000)).unwrap();
    pair.advance(secs(3));
    assert_eq!(receive(&mut pair, Responder), [noise(30_000)]);
}

#[test]
fn what_arrives_and_no_longer_fits_is_given_up_and_counted() {
    let mut pair = open_with(|config| config.incoming = Budget::new(40_000));
    offer(&mut pair, Initiator, noise(30_000)).unwrap();
    pair.advance(DELAY);
    let others = pair.link(Responder).config.incoming.reserve(20_000).unwrap();
    pair.advance(secs(3));
    assert!(matches!(pair.events(Initiator)[..], [LinkEvent::ResourceRejected { .. }]));
    assert!(matches!(
        pair.events(Responder)[..],
        [LinkEvent::ResourceFailed { reason: ResourceFailure::Cancelled, .. }]
    ));
    let refusals = pair.refusals(Responder);
    assert_eq!(refusals[0], Refusal::BudgetSpent);
    assert!(
        refusals[1..].iter().all(|refusal| *refusal == Refusal::PartUnwanted),
        "the window: {refusals:?}"
    );
    drop(others);
    assert_eq!(pair.link(Responder).config.incoming.left(), 40_000);
}

#[test]
fn an_offer_beyond_those_that_wait_for_the_application_is_rejected() {
    let mut pair = open_with(|config| config.resources = ResourcePolicy::Application);
    for n in 0..OFFERS_MAX as u8 + 1 {
        advertise(&mut pair, n, |_| {});
    }
    assert_eq!(pair.events(Responder).len(), OFFERS_MAX);
    assert_eq!(pair.contexts(Responder), [Context::RESOURCE_RCL]);
    assert_eq!(pair.refusals(Responder), [Refusal::ResourcesFull]);
}

#[test]
fn a_promise_of_four_gigabytes_costs_nothing() {
    let mut pair = Pair::open();
    advertise(&mut pair, 1, |advertisement| {
        advertisement.data_size = 4 << 30;
        advertisement.segments = 4_097;
        advertisement.flags.0 |= 4;
    });
    assert!(matches!(
        pair.refusals(Responder)[..],
        [Refusal::ResourceTooLarge | Refusal::AdvertisementInconsistent]
    ));
    assert_eq!(pair.contexts(Responder), [Context::RESOURCE_RCL]);
    assert_eq!(pair.status(), [LinkStatus::Active; 2]);
}

#[test]
fn what_inflates_beyond_its_promise_ends_the_link() {
    use std::io::Write;
    let mut pair = Pair::open();
    let mut deflated = bzip2::write::BzEncoder::new(vec![0; 4], bzip2::Compression::best());
    deflated.write_all(&vec![0; 1 << 20]).unwrap();
    let part = pair.link(Initiator).token().unwrap().seal([9; 16], &deflated.finish().unwrap());
    let map_hash = crate::hash::sha256_of(&[&part, &[1; 4]]);
    advertise(&mut pair, 1, |advertisement| {
        advertisement.transfer_size = part.len() as u64;
        advertisement.parts = 1;
        advertisement.flags.0 |= 2;
        advertisement.map_hashes = &map_hash[..4];
    });
    pair.deliver(Responder, PacketType::Data, Context::RESOURCE, &part);
    pair.advance(ms(1));
    assert_eq!(pair.contexts(Responder), [Context::RESOURCE_REQ, Context::RESOURCE_RCL, Context::LINK_CLOSE]);
    assert!(matches!(
        pair.events(Responder)[..],
        [
            LinkEvent::ResourceFailed { reason: ResourceFailure::Protocol, .. },
            LinkEvent::Closed { reason: CloseReason::Protocol, ever_active: true }
        ]
    ));
    assert_eq!(pair.refusals(Responder), [Refusal::ResourceBomb], "and it is counted");
}

#[test]
fn an_advertisement_that_contradicts_itself_is_rejected() {
    let mut pair = Pair::open();
    advertise(&mut pair, 1, |advertisement| advertisement.segment = 2);
    advertise(&mut pair, 2, |advertisement| {
        advertisement.segment = 2;
        advertisement.segments = 2;
        advertisement.flags.0 |= 4;
    });
    // A segment beyond the last does not even parse, and what does not parse ends the link.
    assert_eq!(pair.refusals(Responder)[0], Refusal::AdvertisementMalformed);
    assert_eq!(pair.link(Responder).info().status, LinkStatus::Closed);

    let mut pair = Pair::open();
    advertise(&mut pair, 2, |advertisement| {
        advertisement.segment = 2;
        advertisement.segments = 2;
        advertisement.flags.0 |= 4;
    });
    assert_eq!(pair.refusals(Responder), [Refusal::AdvertisementInconsistent]);
    assert_eq!(pair.status(), [LinkStatus::Active; 2]);
}

#[test]
fn a_malformed_advertisement_ends_the_link() {
    for body in [&b""[..], b"\x80", &[0x91; 300], b"\x81\xa1t\xc0"] {
        let mut pair = Pair::open();
        let sealed = pair.link(Initiator).token().unwrap().seal([1; 16], body);
        pair.deliver(Responder, PacketType::Data, Context::RESOURCE_ADV, &sealed);
        assert_eq!(pair.refusals(Responder), [Refusal::AdvertisementMalformed]);
        assert_eq!(pair.contexts(Responder), [Context::LINK_CLOSE]);
        assert!(matches!(
            pair.events(Responder)[..],
            [LinkEvent::Closed { reason: CloseReason::Protocol, ever_active: true }]
        ));
        pair.advance(DELAY);
        assert_eq!(pair.status(), [LinkStatus::Closed; 2]);
    }
}

#[test]
fn resource_messages_that_name_nothing_are_refused() {
    let mut pair = Pair::open();
    let token = pair.link(Initiator).token().unwrap().clone();
    let named = [1; 32];
    let mut update = Vec::new();
    crate::wire::resource::HashmapUpdate { hash: named.into_hash(), index: 0, map_hashes: b"aaaa" }
        .emit(&mut update);
    for (context, body) in [
        (Context::RESOURCE_REQ, [&[0][..], &named, b"aaaa"].concat()),
        (Context::RESOURCE_HMU, update),
        (Context::RESOURCE_ICL, named.to_vec()),
        (Context::RESOURCE_RCL, named.to_vec()),
    ] {
        pair.deliver(Responder, PacketType::Data, context, &token.seal([1; 16], &body));
        assert_eq!(pair.refusals(Responder), [Refusal::ResourceUnknown], "{context:?}");
        pair.deliver(Responder, PacketType::Data, context, &token.seal([2; 16], &body[..7]));
        assert_eq!(pair.refusals(Responder), [Refusal::Malformed], "{context:?}");
    }
    pair.deliver(Responder, PacketType::Data, Context::RESOURCE, b"a part");
    pair.deliver(Responder, PacketType::Proof, Context::RESOURCE_PRF, &[1; 64]);
    pair.deliver(Responder, PacketType::Data, Context::CACHE_REQUEST, &named);
    pair.deliver(Responder, PacketType::Data, Context::CACHE_REQUEST, &named[..31]);
    assert_eq!(
        pair.refusals(Responder),
        [Refusal::PartUnwanted, Refusal::ResourceUnknown, Refusal::CacheMiss, Refusal::Malformed]
    );
    assert_eq!(pair.status(), [LinkStatus::Active; 2]);
}

trait IntoHash {
    fn into_hash(self) -> crate::hash::ResourceHash;
}

impl IntoHash for [u8; 32] {
    fn into_hash(self) -> crate::hash::ResourceHash {
        crate::hash::ResourceHash::new(self)
    }
}

#[test]
fn either_end_cancels() {
    for side in [Initiator, Responder] {
        let mut pair = open_with(|config| config.resources = ResourcePolicy::Application);
        let sent = offer(&mut pair, Initiator, noise(100_000)).unwrap();
        pair.advance(ms(50));
        let [LinkEvent::ResourceOffered { id: received, .. }] = pair.events(Responder)[..] else { panic!() };
        pair.command(Responder, |link, now, rng| link.accept_resource(now, rng, received)).unwrap();
        pair.advance(ms(200));
        let id = if side == Initiator { sent } else { received };
        pair.command(side, |link, now, rng| link.cancel_resource(now, rng, id)).unwrap();
        pair.advance(secs(1));
        let [at_sender, at_receiver] = [Initiator, Responder].map(|side| pair.events(side));
        match side {
            Initiator => assert!(matches!(at_sender[..], [LinkEvent::ResourceFailed { .. }])),
            Responder => assert!(matches!(at_sender[..], [LinkEvent::ResourceRejected { .. }])),
        }
        assert!(matches!(
            at_receiver[..],
            [LinkEvent::ResourceFailed { id, reason: ResourceFailure::Cancelled }] if id == received
        ));
        let again = pair.command(side, |link, now, rng| link.cancel_resource(now, rng, id));
        assert_eq!(again, Err(LinkError::Unknown));
        assert_eq!(
            pair.link(Responder).config.incoming.reserve(BUDGET).map(drop),
            Some(()),
            "all given back"
        );
    }
}

#[test]
fn a_waiting_resource_is_cancelled_in_silence() {
    let mut pair = Pair::open();
    offer(&mut pair, Initiator, noise(100)).unwrap();
    let waiting = offer(&mut pair, Initiator, noise(100)).unwrap();
    pair.command(Initiator, |link, now, rng| link.cancel_resource(now, rng, waiting)).unwrap();
    assert!(matches!(
        pair.events(Initiator)[..],
        [LinkEvent::ResourceFailed { id, reason: ResourceFailure::Cancelled }] if id == waiting
    ));
    assert!(pair.sent.is_empty());
}

#[test]
fn a_silent_receiver_fails_the_resource() {
    let mut pair = Pair::open();
    pair.fate =
        Box::new(|sent| (sent.from == Responder && sent.context == Context::KEEPALIVE).then_some(DELAY));
    let id = offer(&mut pair, Initiator, noise(1_000)).unwrap();
    pair.advance(secs(10));
    assert_eq!(pair.contexts(Initiator).iter().filter(|c| **c == Context::RESOURCE_ADV).count(), 5);
    assert!(matches!(
        pair.events(Initiator)[..],
        [LinkEvent::ResourceFailed { id: of, reason: ResourceFailure::Timeout }] if of == id
    ));
}

#[test]
fn resources_end_with_the_link() {
    let mut pair = open_with(|_| {});
    offer(&mut pair, Initiator, noise(100_000)).unwrap();
    offer(&mut pair, Initiator, noise(100)).unwrap();
    pair.advance(ms(200));
    pair.command(Responder, |link, now, rng| link.close(now, rng, CloseReason::Local));
    pair.advance(secs(1));
    for (side, ended) in [(Initiator, 2), (Responder, 1)] {
        let events = pair.events(side);
        let failed = |event: &&LinkEvent| {
            matches!(event, LinkEvent::ResourceFailed { reason: ResourceFailure::LinkClosed, .. })
        };
        assert_eq!(events.iter().filter(failed).count(), ended);
        assert!(matches!(events.last(), Some(LinkEvent::Closed { .. })));
    }
}

#[test]
fn parts_wait_behind_what_keeps_the_link_alive() {
    let mut pair = Pair::open();
    offer(&mut pair, Initiator, noise(2_000)).unwrap();
    pair.advance(secs(2));
    for sent in &pair.sent {
        let expected = if sent.context == Context::RESOURCE { Priority::Message } else { Priority::Link };
        assert_eq!(sent.priority, expected, "{:?}", sent.context);
    }
}
