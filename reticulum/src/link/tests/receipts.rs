//! Proofs of packets between two links (`spec/reticulum.md` 3.5, 6.8).

use super::*;
use crate::link::receipts::RECEIPTS_MAX;

fn send(pair: &mut Pair, side: Side, data: &[u8]) -> PacketHash {
    pair.command(side, |link, now, rng| link.send(now, rng, data, Priority::Message)).unwrap()
}

/// Proves everything that `side` received, as its application would.
fn prove_all(pair: &mut Pair, side: Side) {
    for event in pair.events(side) {
        if let LinkEvent::Data { hash, .. } = event {
            pair.command(side, |link, _, _| link.prove(hash));
        }
    }
}

#[test]
fn data_arrives_and_its_proof_comes_back_in_both_directions() {
    for side in [Initiator, Responder] {
        let mut pair = Pair::open();
        let hash = send(&mut pair, side, b"hello");
        pair.advance(DELAY);
        let events = pair.end(side.other()).events.iter();
        assert!(events.into_iter().any(|event| matches!(
            event,
            LinkEvent::Data { plaintext, hash: of } if plaintext == b"hello" && *of == hash
        )));
        prove_all(&mut pair, side.other());
        pair.advance(DELAY);
        assert!(matches!(pair.events(side)[..], [LinkEvent::Delivered { hash: of }] if of == hash));
        let proof = pair.sent.iter().find(|sent| sent.packet_type == PacketType::Proof).unwrap();
        assert_eq!((proof.context, proof.data.len(), proof.priority), (Context::NONE, 96, Priority::Link));
        assert_eq!(&proof.data[..32], hash.as_ref());
    }
}

#[test]
fn an_unproven_packet_times_out_after_six_round_trips() {
    let mut pair = Pair::open();
    let hash = send(&mut pair, Initiator, b"hello");
    let deadline = pair.now + ms(120);
    assert_eq!(pair.link(Initiator).poll_timeout(), Some(deadline));
    pair.run_until(deadline - ms(1));
    assert!(pair.events(Initiator).is_empty());
    pair.run_until(deadline);
    assert!(matches!(pair.events(Initiator)[..], [LinkEvent::Undelivered { hash: of }] if of == hash));
    prove_all(&mut pair, Responder);
    pair.advance(DELAY);
    assert!(pair.events(Initiator).is_empty());
    assert_eq!(pair.refusals(Initiator), [Refusal::ProofUnknown]);
}

#[test]
fn a_proof_is_waited_for_at_least_five_milliseconds() {
    let mut pair = Pair::new();
    pair.fate = Box::new(|_| Some(Duration::from_micros(50)));
    pair.answer(500, Duration::ZERO);
    pair.advance(ms(1));
    assert_eq!(pair.status(), [LinkStatus::Active; 2]);
    send(&mut pair, Initiator, b"hello");
    assert_eq!(pair.link(Initiator).poll_timeout(), Some(pair.now + ms(5)));
}

#[test]
fn a_proof_in_time_counts_though_its_verification_ends_late() {
    let mut pair = Pair::open();
    let hash = send(&mut pair, Initiator, b"hello");
    pair.advance(DELAY);
    prove_all(&mut pair, Responder);
    pair.advance(DELAY / 2);
    pair.job_time = secs(1);
    pair.advance(secs(2));
    assert!(matches!(pair.events(Initiator)[..], [LinkEvent::Delivered { hash: of }] if of == hash));
}

#[test]
fn a_forged_proof_is_refused_and_the_true_one_still_counts() {
    let mut pair = Pair::open();
    let hash = send(&mut pair, Initiator, b"hello");
    pair.deliver(Initiator, PacketType::Proof, Context::NONE, &[hash.as_ref(), &[7; 64]].concat());
    pair.deliver(Initiator, PacketType::Proof, Context::NONE, &[hash.as_ref(), &[8; 64]].concat());
    pair.advance(DELAY);
    assert_eq!(pair.refusals(Initiator), [Refusal::ProofUnknown, Refusal::ProofForged]);
    prove_all(&mut pair, Responder);
    pair.advance(DELAY);
    assert!(matches!(pair.events(Initiator)[..], [LinkEvent::Delivered { .. }]));
}

#[test]
fn proofs_are_signed_by_the_right_key_only() {
    // The destination's identity signs at the responder's end; the initiator's own key would not do there.
    let mut pair = Pair::open();
    let hash = send(&mut pair, Initiator, b"hello");
    let foreign = Identity::generate(&mut Rng::from_seed([5; 32]));
    let signature = foreign.sign(hash.as_ref());
    pair.deliver(Initiator, PacketType::Proof, Context::NONE, &[hash.as_ref(), &signature].concat());
    pair.advance(ms(1));
    assert_eq!(pair.refusals(Initiator), [Refusal::ProofForged]);
    let signature = pair.identity.sign(hash.as_ref());
    pair.deliver(Initiator, PacketType::Proof, Context::NONE, &[hash.as_ref(), &signature].concat());
    pair.advance(ms(1));
    assert!(matches!(pair.events(Initiator)[..], [LinkEvent::Delivered { .. }]));
}

#[test]
fn an_implicit_proof_is_none_on_a_link() {
    let mut pair = Pair::open();
    let hash = send(&mut pair, Initiator, b"hello");
    let signature = pair.identity.sign(hash.as_ref());
    pair.deliver(Initiator, PacketType::Proof, Context::NONE, &signature);
    assert_eq!(pair.refusals(Initiator), [Refusal::ProofMalformed]);
}

#[test]
fn the_oldest_receipt_makes_room() {
    let mut pair = Pair::open();
    pair.fate = Box::new(|_| None);
    let hashes: Vec<_> = (0..RECEIPTS_MAX + 2).map(|_| send(&mut pair, Initiator, b"hello")).collect();
    let evicted: Vec<_> = pair
        .events(Initiator)
        .into_iter()
        .map(|event| match event {
            LinkEvent::Undelivered { hash } => hash,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(evicted.len(), 2);
    assert!(evicted.iter().all(|hash| hashes.contains(hash)));
    pair.advance(ms(120));
    assert_eq!(pair.events(Initiator).len(), RECEIPTS_MAX);
}

#[test]
fn a_packet_holds_the_mdu_and_no_more() {
    let mut pair = Pair::open();
    let mdu = pair.link(Initiator).info().mdu;
    assert_eq!(mdu, 431);
    send(&mut pair, Initiator, &vec![0; mdu]);
    assert!(19 + pair.sent.last().unwrap().data.len() <= 500);
    let result =
        pair.command(Initiator, |link, now, rng| link.send(now, rng, &vec![0; mdu + 1], Priority::Message));
    assert_eq!(result, Err(LinkError::TooLong { max: mdu }));
}

#[test]
fn what_waits_ends_with_the_link() {
    let mut pair = Pair::open();
    let hash = send(&mut pair, Initiator, b"hello");
    pair.command(Initiator, |link, _, _| link.end(CloseReason::InterfaceLost));
    assert!(matches!(
        pair.events(Initiator)[..],
        [
            LinkEvent::Undelivered { hash: of },
            LinkEvent::Closed { reason: CloseReason::InterfaceLost, ever_active: true }
        ] if of == hash
    ));
    assert_eq!(pair.contexts(Initiator), [Context::NONE], "no word without an interface");
}
