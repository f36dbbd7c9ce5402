//! Opening, identifying and closing (`spec/reticulum.md` 6.1 to 6.8), and the vectors of 14.1.

use super::*;
use crate::crypto::{EphemeralX25519, SigningKey, TokenError};
use crate::hash::RequestId;
use crate::wire::link::{LinkProof, Signalling};
use crate::wire::request::{Request, Response};

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap()
}

const REQUEST_DATA: &str = "b02bdd25fe6554bc1d7ce32a586a00ba4140398109d1bbe2fedd7d540dc93759f9294f40bc4f44914c8fa30e7a133eda69afd631ec70993817f463f30936536e2001f4";
const PROOF: &str = "0f01c88a4faa2d48b6ae8f0448db9300702dff234771fd9a119bc89ed430e1146c531a337bb04fa43886c7e8dc25763f1b4396c9578b6aa792e03a8e609c9d5aecca9b6c7cc76b6eed622639d38e8604fe250cb2a99c8ac38b12b8282071ce10be468a7739f818c14028869198e312dd422e012001f4";
const RTT: &str = "0c00c88a4faa2d48b6ae8f0448db9300702dfedbec592167dec806e8225ffc30b897c3b66827b24e8ecd677e791a9aecb0c5a5fa127b1337a6f738b48690cdd7735557051f560fb28671156be12e8fbe5c670a";
const REQUEST: &str = "0c00c88a4faa2d48b6ae8f0448db9300702d097b4d1f19f600ff56c2ed13a5537446efdf63571d56a09a71a8b0d5f14bc04cf9520bb1f70e065d1790ff15bdd0c8e76d1035cb37cc55f7c85f2b3a1a080478317c4c0e2bb7b0b0b80d8d0ec3baac4435346b8e97e67cd16755639cf612ad4452";
const RESPONSE: &str = "0c01c88a4faa2d48b6ae8f0448db9300702d0aadd050a020cfd4264120fc60b74c1c97e595d653147356036c9eb3f6052fb6e4159faa2fe83b98533b516f10bbd119d7fa237a2e6e1be4c20fb48e41c8e84eeb856e346b1f3f0e91976620699059d449";
const CLOSE: &str = "0c00c88a4faa2d48b6ae8f0448db9300702dfc83726c2aaff6015394362b6f745a05ec0a53f6c4ce25e13c712a979092eeabefc812b535846d2130c41e8429ec3b20aeca9567f9ac3e103a1a92405e658c1eb99de4756f59afee1faa30ca598b041c42";

/// The initiator of the vectors, its request made.
fn golden() -> (Link, Vec<u8>, Rng) {
    let identity = Identity::from_bytes(&array(
        "d85d036245436a3c33d3228affae06721f8203bc364ee0ee7556368ac62add650ebf8f926abf628da9d92baaa12db89bd6516ee92ec29765f3afafcb8622d697",
    ));
    let config = InitiateConfig {
        destination: DestinationHash::new(array("d82d56fe224dd8d729d93e15f94eb2da")),
        peer: Arc::new(identity.public().clone()),
        mtu: 500,
        hops: 2,
        first_hop_timeout: secs(6),
        link: config(),
    };
    let ephemeral = EphemeralX25519::from_bytes(array(
        "b85a0e39d035a6089b303ebb294e42bb00f722b5716b5cf96ddb611dc6f45a57",
    ));
    let signing =
        SigningKey::from_bytes(&array("756af5541cec5c4bd2b8a78eb6d97eb5e9e16f292606cc8373d5341d4feebc55"));
    let (link, request) = Link::initiate_with(Instant::ZERO, config, ephemeral, signing);
    (link, request, Rng::from_seed([9; 32]))
}

/// The same, active.
fn golden_open() -> (Link, Rng) {
    let (mut link, _, mut rng) = golden();
    take(&mut link, &mut rng, PROOF).unwrap();
    let Some(LinkOutput::Job(job)) = link.poll_output() else { panic!("no job") };
    link.handle_job_done(Instant::ZERO + ms(3), &mut rng, job.run(None)).unwrap();
    (link, rng)
}

fn take(link: &mut Link, rng: &mut Rng, frame: &str) -> Result<(), Refusal> {
    let frame = hex(frame);
    let packet = Packet::parse(&frame).unwrap();
    link.handle_packet(Instant::ZERO + ms(2), rng, &packet, packet.hash())
}

#[test]
fn the_vectors_request_and_link_id_come_out() {
    let (link, request, _) = golden();
    assert_eq!(request, hex(REQUEST_DATA));
    assert_eq!(link.id(), LinkId::new(array("c88a4faa2d48b6ae8f0448db9300702d")));
}

#[test]
fn the_vectors_proof_opens_the_link_with_the_vectors_key() {
    let (link, _) = golden_open();
    let info = link.info();
    assert_eq!((info.status, info.mtu, info.rtt), (LinkStatus::Active, 500, ms(2)));
    assert_eq!(link.hops(), 2);
    let token = link.token().unwrap();
    for (frame, plaintext) in
        [(RTT, hex("cb3f6d598000000000")), (CLOSE, hex("c88a4faa2d48b6ae8f0448db9300702d"))]
    {
        let frame = hex(frame);
        let data = &frame[19..];
        assert_eq!(token.open(data).unwrap(), plaintext);
        assert_eq!(token.seal(data[..16].try_into().unwrap(), &plaintext), data);
    }
}

#[test]
fn the_vectors_request_and_response_share_their_id() {
    let (link, _) = golden_open();
    let token = link.token().unwrap();
    let id = RequestId::new(array("5291a01d18e479d24f02c35ccb9052ae"));
    let (request, response) = (hex(REQUEST), hex(RESPONSE));
    let (request, response) = (Packet::parse(&request).unwrap(), Packet::parse(&response).unwrap());
    assert_eq!(request.hash().proof_address().as_bytes(), id.as_bytes());
    let opened = token.open(request.data).unwrap();
    assert_eq!(Request::parse(&opened).unwrap().data, b"\xc4\x05small");
    assert_eq!(Response::parse(&token.open(response.data).unwrap()).unwrap().id, id);
}

#[test]
fn the_vectors_close_closes() {
    let (mut link, mut rng) = golden_open();
    take(&mut link, &mut rng, CLOSE).unwrap();
    assert_eq!(link.info().status, LinkStatus::Closed);
    assert!(link.token().is_none(), "the key is gone");
}

#[test]
fn both_ends_open_and_agree_on_the_round_trip_time() {
    let mut pair = Pair::new();
    pair.advance(DELAY);
    pair.answer(500, Duration::ZERO);
    assert_eq!(pair.status(), [LinkStatus::Pending, LinkStatus::Handshake]);
    pair.advance(DELAY);
    assert_eq!(pair.status(), [LinkStatus::Active, LinkStatus::Handshake]);
    assert!(matches!(pair.events(Initiator)[..], [LinkEvent::Opened { rtt }] if rtt == ms(20)));
    pair.advance(DELAY);
    assert_eq!(pair.status(), [LinkStatus::Active, LinkStatus::Active]);
    assert!(matches!(pair.events(Responder)[..], [LinkEvent::Opened { rtt }] if rtt == ms(20)));
    assert_eq!(pair.contexts(Responder), [Context::LINK_REQUEST_PROOF]);
    assert_eq!(pair.contexts(Initiator), [Context::LINK_RTT]);
    assert!(pair.link(Initiator).info().remote.is_some());
    assert!(pair.link(Responder).info().remote.is_none());
}

#[test]
fn the_responder_takes_the_longer_of_both_round_trip_times() {
    let mut pair = Pair::new();
    pair.advance(ms(100));
    pair.answer(500, Duration::ZERO);
    pair.advance(DELAY * 2);
    assert_eq!(pair.link(Initiator).info().rtt, ms(110));
    assert_eq!(pair.link(Responder).info().rtt, ms(110));
}

#[test]
fn the_round_trip_time_runs_to_the_arrival_not_to_the_end_of_the_job() {
    let mut pair = Pair::new();
    pair.job_time = ms(500);
    pair.advance(DELAY);
    pair.answer(500, Duration::ZERO);
    pair.advance(secs(1));
    assert_eq!(pair.link(Initiator).info().rtt, ms(20));
}

#[test]
fn the_proof_is_held_back_until_its_time_and_the_round_trip_time_carries_that() {
    let mut pair = Pair::new();
    pair.advance(DELAY);
    pair.answer(500, ms(13));
    assert_eq!(pair.link(Responder).poll_timeout(), Some(pair.now + ms(13)));
    let due = pair.now + ms(13);
    pair.advance(secs(1));
    assert_eq!(pair.sent[0].at, due);
    assert_eq!(pair.link(Initiator).info().rtt, ms(33));
    assert_eq!(pair.link(Responder).info().rtt, ms(33));
}

#[test]
fn the_smaller_mtu_is_confirmed() {
    for (asked, confirmed, mtu) in
        [(16_384, 16_384, 16_384), (16_384, 1_196, 1_196), (500, 500, 500), (0, 0, 500)]
    {
        let mut pair = Pair::with_mtu(asked);
        pair.answer(confirmed, Duration::ZERO);
        pair.advance(DELAY * 2);
        for side in [Initiator, Responder] {
            let info = pair.link(side).info();
            assert_eq!((info.mtu, info.mdu), (mtu, wire::link::mdu(mtu)));
        }
    }
}

#[test]
fn a_responder_cannot_raise_the_mtu() {
    let mut pair = Pair::with_mtu(500);
    pair.answer(16_384, Duration::ZERO);
    pair.advance(DELAY * 2);
    assert_eq!(pair.link(Initiator).info().mtu, 500);
}

#[test]
fn an_unanswered_request_times_out_exactly() {
    let mut pair = Pair::new();
    let deadline = pair.now + secs(6) + secs(6);
    assert_eq!(pair.link(Initiator).poll_timeout(), Some(deadline));
    pair.run_until(deadline - ms(1));
    assert!(pair.events(Initiator).is_empty());
    pair.run_until(deadline);
    assert!(matches!(
        pair.events(Initiator)[..],
        [LinkEvent::Closed { reason: CloseReason::Timeout, ever_active: false }]
    ));
    assert!(pair.sent.is_empty(), "a pending link is closed without a word");
    assert_eq!(pair.link(Initiator).poll_timeout(), None);
}

#[test]
fn a_proof_in_time_counts_though_its_job_ends_late() {
    let mut pair = Pair::new();
    pair.job_time = secs(5);
    pair.advance(secs(11));
    pair.answer(500, Duration::ZERO);
    pair.advance(secs(10));
    assert_eq!(pair.link(Initiator).info().status, LinkStatus::Active);
}

#[test]
fn an_unconfirmed_answer_times_out_exactly() {
    let mut pair = Pair::new();
    pair.fate = Box::new(|_| None);
    pair.answer(500, Duration::ZERO);
    let deadline = pair.now + secs(366);
    assert_eq!(pair.link(Responder).poll_timeout(), Some(deadline));
    pair.run_until(deadline);
    assert!(matches!(
        pair.events(Responder)[..],
        [LinkEvent::Closed { reason: CloseReason::Timeout, ever_active: false }]
    ));
}

#[test]
fn a_forged_proof_is_ignored_and_the_true_one_still_counts() {
    let mut pair = Pair::new();
    pair.answer(500, Duration::ZERO);
    let mut forged = pair.sent[0].data.clone();
    forged[70] ^= 1;
    pair.deliver(Initiator, PacketType::Proof, Context::LINK_REQUEST_PROOF, &forged);
    let true_one = pair.sent[0].data.clone();
    pair.deliver(Initiator, PacketType::Proof, Context::LINK_REQUEST_PROOF, &true_one[..98]);
    pair.advance(secs(1));
    assert_eq!(pair.refusals(Initiator), [Refusal::LinkProofUnexpected, Refusal::LinkProofForged]);
    assert_eq!(pair.status(), [LinkStatus::Active; 2]);
    pair.end(Initiator).seen.clear();
    pair.deliver(Initiator, PacketType::Proof, Context::LINK_REQUEST_PROOF, &true_one);
    assert_eq!(pair.refusals(Initiator), [Refusal::LinkProofUnexpected]);
}

#[test]
fn a_malformed_proof_is_ignored() {
    let mut pair = Pair::new();
    pair.deliver(Initiator, PacketType::Proof, Context::LINK_REQUEST_PROOF, &[0; 97]);
    assert_eq!(pair.refusals(Initiator), [Refusal::Malformed]);
    assert_eq!(pair.link(Initiator).info().status, LinkStatus::Pending);
}

#[test]
fn a_signed_proof_of_another_mode_closes() {
    let mut pair = Pair::new();
    let id = pair.link(Initiator).id();
    let mut proof = Vec::new();
    let signalling = Some(Signalling { mode: 2, mtu: 500 });
    let public = EphemeralX25519::from_bytes([7; 32]).public();
    LinkProof::build(&pair.identity, id, public, signalling).emit(&mut proof);
    pair.deliver(Initiator, PacketType::Proof, Context::LINK_REQUEST_PROOF, &proof);
    pair.advance(ms(1));
    assert!(matches!(
        pair.events(Initiator)[..],
        [LinkEvent::Closed { reason: CloseReason::Protocol, ever_active: false }]
    ));
}

#[test]
fn a_proof_without_signalling_means_the_base_mtu() {
    let mut pair = Pair::with_mtu(16_384);
    let id = pair.link(Initiator).id();
    let mut proof = Vec::new();
    let public = EphemeralX25519::from_bytes([7; 32]).public();
    LinkProof::build(&pair.identity, id, public, None).emit(&mut proof);
    pair.deliver(Initiator, PacketType::Proof, Context::LINK_REQUEST_PROOF, &proof);
    pair.advance(ms(1));
    assert_eq!(pair.link(Initiator).info().mtu, 500);
}

#[test]
fn a_key_that_everybody_shares_a_secret_with_is_refused_at_both_ends() {
    let mut pair = Pair::new();
    let id = pair.link(Initiator).id();
    let mut proof = Vec::new();
    LinkProof::build(&pair.identity, id, [0; 32], None).emit(&mut proof);
    pair.deliver(Initiator, PacketType::Proof, Context::LINK_REQUEST_PROOF, &proof);
    pair.advance(ms(1));
    assert_eq!(pair.refusals(Initiator), [Refusal::LinkProofForged]);

    let request = LinkRequest { x25519: [0; 32], ed25519: [1; 32], signalling: None };
    let rng = &mut pair.responder.rng;
    let job = AnswerJob::new(rng, id, pair.destination, pair.identity.clone(), request, 500);
    assert!(job.run().is_none());
}

#[test]
fn a_lost_round_trip_time_does_not_cost_the_link() {
    let mut pair = Pair::new();
    pair.fate = Box::new(|sent| (sent.context != Context::LINK_RTT).then_some(DELAY));
    pair.answer(500, Duration::ZERO);
    pair.advance(secs(60));
    assert_eq!(pair.status(), [LinkStatus::Active, LinkStatus::Handshake], "alive on probes");
    pair.command(Initiator, |link, now, rng| link.send(now, rng, b"hello", Priority::Message)).unwrap();
    pair.advance(DELAY);
    let events = pair.events(Responder);
    assert!(
        matches!(&events[..], [LinkEvent::Opened { .. }, LinkEvent::Data { plaintext, .. }] if plaintext == b"hello")
    );
    assert_eq!(
        pair.link(Responder).info().rtt,
        secs(6),
        "a minute is no round trip: one hop may take six seconds"
    );
    pair.advance(secs(600));
    assert_eq!(pair.status(), [LinkStatus::Active; 2]);
}

#[test]
fn an_overtaken_round_trip_time_still_counts_once() {
    let mut pair = Pair::new();
    pair.fate = Box::new(|sent| Some(if sent.context == Context::LINK_RTT { ms(300) } else { DELAY }));
    pair.answer(500, Duration::ZERO);
    pair.advance(DELAY);
    pair.command(Initiator, |link, now, rng| link.send(now, rng, b"hello", Priority::Message)).unwrap();
    pair.advance(secs(1));
    let opened = pair.events(Responder).iter().filter(|e| matches!(e, LinkEvent::Opened { .. })).count();
    assert_eq!(opened, 1);
    assert!(pair.refusals(Responder).is_empty());
    let told = pair.sent.iter().find(|sent| sent.context == Context::LINK_RTT).unwrap().data.clone();
    pair.end(Responder).seen.clear();
    pair.deliver(Responder, PacketType::Data, Context::LINK_RTT, &told);
    assert_eq!(pair.refusals(Responder), [Refusal::RttRepeated]);
}

#[test]
fn a_round_trip_time_that_is_none_is_refused() {
    for body in [&b"\xa3abc"[..], &hex("cb7ff8000000000000"), &hex("cbbff0000000000000"), b"\xc0"] {
        let mut pair = Pair::new();
        pair.fate = Box::new(|sent| (sent.context != Context::LINK_RTT).then_some(DELAY));
        pair.answer(500, Duration::ZERO);
        pair.advance(DELAY);
        let sealed = pair.link(Initiator).token().unwrap().seal([0; 16], body);
        pair.deliver(Responder, PacketType::Data, Context::LINK_RTT, &sealed);
        assert_eq!(pair.refusals(Responder), [Refusal::Malformed], "{body:?}");
    }
}

#[test]
fn a_round_trip_time_beyond_all_handshakes_is_not_believed() {
    let mut pair = Pair::new();
    pair.fate = Box::new(|sent| (sent.context != Context::LINK_RTT).then_some(DELAY));
    pair.answer(500, Duration::ZERO);
    pair.advance(DELAY);
    let sealed = pair.link(Initiator).token().unwrap().seal([0; 16], &hex("cb41cdcd6500000000"));
    pair.deliver(Responder, PacketType::Data, Context::LINK_RTT, &sealed);
    assert_eq!(pair.link(Responder).info().rtt, secs(360));
}

#[test]
fn an_initiator_takes_no_round_trip_time() {
    let mut pair = Pair::open();
    let sealed = pair.link(Initiator).token().unwrap().seal([0; 16], &hex("cb3f6d598000000000"));
    pair.deliver(Initiator, PacketType::Data, Context::LINK_RTT, &sealed);
    assert_eq!(pair.refusals(Initiator), [Refusal::WrongRole]);
}

#[test]
fn the_initiator_identifies_and_only_the_first_time_sticks() {
    let mut pair = Pair::open();
    let [first, second] = [5, 6].map(|seed| Identity::generate(&mut Rng::from_seed([seed; 32])));
    pair.command(Initiator, |link, now, rng| link.identify(now, rng, &first)).unwrap();
    pair.command(Initiator, |link, now, rng| link.identify(now, rng, &second)).unwrap();
    pair.advance(DELAY);
    let events = pair.events(Responder);
    assert!(matches!(&events[..], [LinkEvent::Identified { identity }] if identity.hash() == first.hash()));
    assert_eq!(pair.refusals(Responder), [Refusal::IdentityRepeated]);
    assert_eq!(pair.link(Responder).info().remote.unwrap().hash(), first.hash());
}

#[test]
fn only_an_initiator_of_an_active_link_identifies() {
    let identity = Identity::generate(&mut Rng::from_seed([5; 32]));
    let mut pair = Pair::open();
    assert!(pair.command(Responder, |link, now, rng| link.identify(now, rng, &identity)).is_err());
    let mut pair = Pair::new();
    assert_eq!(
        pair.command(Initiator, |link, now, rng| link.identify(now, rng, &identity)),
        Err(LinkError::NotActive)
    );
}

#[test]
fn an_identity_for_another_link_or_cut_short_is_refused() {
    let mut pair = Pair::open();
    let identity = Identity::generate(&mut Rng::from_seed([5; 32]));
    let token = pair.link(Initiator).token().unwrap().clone();
    let foreign = wire::link::Identify::build(&identity, LinkId::new([1; 16]));
    let right = wire::link::Identify::build(&identity, pair.link(Initiator).id());
    for (iv, body, refusal) in
        [(1, &foreign[..], Refusal::IdentityForged), (2, &right[..127], Refusal::Malformed)]
    {
        pair.deliver(Responder, PacketType::Data, Context::LINK_IDENTIFY, &token.seal([iv; 16], body));
        assert_eq!(pair.refusals(Responder), [refusal]);
    }
    pair.deliver(Responder, PacketType::Data, Context::LINK_IDENTIFY, &token.seal([3; 16], &right));
    assert!(pair.link(Responder).info().remote.is_some());
}

#[test]
fn either_end_closes_both() {
    for side in [Initiator, Responder] {
        let mut pair = Pair::open();
        pair.command(side, |link, now, rng| link.close(now, rng, CloseReason::Local));
        assert_eq!(pair.contexts(side), [Context::LINK_CLOSE]);
        pair.advance(DELAY);
        assert_eq!(pair.status(), [LinkStatus::Closed; 2]);
        for (end, reason) in [(side, CloseReason::Local), (side.other(), CloseReason::Remote)] {
            assert!(matches!(
                pair.events(end)[..],
                [LinkEvent::Closed { reason: was, ever_active: true }] if was == reason
            ));
            assert!(pair.link(end).token().is_none(), "the key is gone");
            assert_eq!(pair.link(end).poll_timeout(), None);
        }
        assert!(pair.contexts(side.other()).is_empty(), "a close is not answered");
        pair.command(side, |link, now, rng| link.close(now, rng, CloseReason::Local));
        assert!(pair.events(side).is_empty(), "a link closes once");
    }
}

#[test]
fn a_close_waits_behind_what_was_sent_before_it() {
    for priority in [Priority::Link, Priority::Message, Priority::History] {
        let mut pair = Pair::open();
        pair.command(Initiator, |link, now, rng| link.send(now, rng, b"last words", priority)).unwrap();
        pair.command(Initiator, |link, now, rng| link.close(now, rng, CloseReason::Local));
        assert_eq!(
            pair.sent.last().map(|sent| (sent.context, sent.priority)),
            Some((Context::LINK_CLOSE, priority))
        );
    }
}

#[test]
fn a_close_that_does_not_name_the_link_is_refused() {
    let mut pair = Pair::open();
    let token = pair.link(Initiator).token().unwrap().clone();
    for (iv, body) in [(1, &[0; 16][..]), (2, pair.link(Initiator).id().as_ref().split_at(15).0)] {
        pair.deliver(Responder, PacketType::Data, Context::LINK_CLOSE, &token.seal([iv; 16], body));
        assert_eq!(pair.refusals(Responder), [Refusal::CloseForged]);
    }
    assert_eq!(pair.status(), [LinkStatus::Active; 2]);
}

#[test]
fn a_responder_in_its_handshake_closes_aloud_once_its_proof_is_out() {
    let mut pair = Pair::new();
    pair.answer(500, ms(100));
    pair.command(Responder, |link, now, rng| link.close(now, rng, CloseReason::Evicted));
    assert!(pair.contexts(Responder).is_empty(), "nobody knows this link yet");

    let mut pair = Pair::new();
    pair.answer(500, Duration::ZERO);
    pair.command(Responder, |link, now, rng| link.close(now, rng, CloseReason::Evicted));
    assert_eq!(pair.contexts(Responder), [Context::LINK_REQUEST_PROOF, Context::LINK_CLOSE]);
}

#[test]
fn what_a_link_does_not_carry_is_refused_and_counted() {
    let mut pair = Pair::open();
    let sealed = pair.link(Initiator).token().unwrap().seal([0; 16], b"x");
    for (packet_type, context, data, refusal) in [
        (PacketType::Data, Context(0x42), &sealed[..], Refusal::UnknownContext),
        (PacketType::Proof, Context(0x42), &sealed[..], Refusal::UnknownContext),
        (PacketType::Announce, Context::NONE, &sealed[..], Refusal::UnknownContext),
        (PacketType::Data, Context::CHANNEL, &sealed[..], Refusal::NoChannel),
        (PacketType::Data, Context::NONE, &sealed[..63], Refusal::Undecryptable),
        (PacketType::Data, Context::KEEPALIVE, &[0x00], Refusal::Malformed),
        (PacketType::Data, Context::KEEPALIVE, &[0xff, 0xff], Refusal::Malformed),
        (PacketType::Data, Context::KEEPALIVE, &[0xfe], Refusal::WrongRole),
    ] {
        let id = pair.link(Responder).id();
        let mut packet = Packet::link(id, context, data);
        packet.header.packet_type = packet_type;
        let now = pair.now;
        let end = pair.end(Responder);
        let hash = packet.hash();
        let result = end.link.as_mut().unwrap().handle_packet(now, &mut end.rng, &packet, hash);
        assert_eq!(result, Err(refusal));
    }
    pair.drain(Responder);
    assert!(pair.events(Responder).is_empty());
    assert!(pair.contexts(Responder).is_empty(), "not even a proof");
}

#[test]
fn packets_before_the_keys_and_after_the_end_are_refused() {
    let mut pair = Pair::new();
    pair.deliver(Initiator, PacketType::Data, Context::NONE, &[0; 64]);
    assert_eq!(pair.refusals(Initiator), [Refusal::NotOpen]);
    let mut pair = Pair::open();
    pair.command(Initiator, |link, now, rng| link.close(now, rng, CloseReason::Local));
    pair.deliver(Initiator, PacketType::Data, Context::NONE, &[0; 64]);
    assert_eq!(pair.refusals(Initiator), [Refusal::Closed]);
}

#[test]
fn commands_want_an_active_link() {
    let mut pair = Pair::new();
    let unix = pair.unix();
    let path = crate::hash::PathHash::of_path("/x");
    for closed in [false, true] {
        if closed {
            pair.command(Initiator, |link, now, rng| link.close(now, rng, CloseReason::Local));
        }
        let sent = pair.command(Initiator, |link, now, rng| link.send(now, rng, b"x", Priority::Message));
        assert_eq!(sent, Err(LinkError::NotActive));
        let asked =
            pair.command(Initiator, |link, now, rng| link.request(now, unix, rng, path, b"\xc0", None));
        assert_eq!(asked, Err(LinkError::NotActive));
        let options = crate::node::ResourceOptions::default();
        let offered =
            pair.command(Initiator, |link, now, rng| link.send_resource(now, rng, vec![0; 9], options));
        assert_eq!(offered, Err(LinkError::NotActive));
    }
}

#[test]
fn both_ends_have_one_key_and_links_differ() {
    let [a, b] = [Pair::open(), Pair::open()];
    let sealed = a.link(Initiator).token().unwrap().seal([0; 16], b"x");
    assert_eq!(a.link(Responder).token().unwrap().open(&sealed).unwrap(), b"x");
    assert_eq!(b.link(Responder).token().unwrap().open(&sealed).unwrap(), b"x", "same seed, same link");
    let (golden, _) = golden_open();
    assert_eq!(golden.token().unwrap().open(&sealed), Err(TokenError::Forged));
}

#[test]
fn debug_shows_no_secret() {
    let mut pair = Pair::new();
    let pending = format!("{:?}", pair.link(Initiator));
    pair.answer(500, Duration::ZERO);
    let answered = format!("{:?}", pair.link(Responder));
    assert!(pending.contains("Signer([redacted])") && answered.contains("Signer([redacted])"));
}
