//! Requests and responses between two links (`spec/reticulum.md` section 7).

use super::*;
use crate::hash::{PathHash, RequestId};
use crate::link::request::REQUESTS_MAX;
use crate::node::RequestFailure;
use crate::resource::{Content, Purpose};
use crate::wire::msgpack;

fn ask(pair: &mut Pair, data: &[u8]) -> RequestId {
    let (unix, path) = (pair.unix(), PathHash::of_path("/echo"));
    pair.command(Initiator, |link, now, rng| link.request(now, unix, rng, path, data, None)).unwrap()
}

fn respond(pair: &mut Pair, id: RequestId, value: &[u8]) {
    pair.command(Responder, |link, now, rng| link.respond(now, rng, id, value)).unwrap();
}

fn bin(len: usize) -> Vec<u8> {
    let mut rng = Rng::from_seed([11; 32]);
    let mut bytes = vec![0; len];
    rng.fill(&mut bytes);
    let mut out = Vec::new();
    msgpack::write_bin(&mut out, &bytes);
    out
}

fn map() -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::write_map_len(&mut out, 1);
    msgpack::write_str(&mut out, "after");
    msgpack::write_uint(&mut out, 300);
    out
}

/// The one request that arrived.
fn arrived(pair: &mut Pair) -> (RequestId, Vec<u8>) {
    let mut events = pair.events(Responder);
    match events.pop() {
        Some(LinkEvent::Request { id, path, data, .. }) if events.is_empty() => {
            assert_eq!(path, PathHash::of_path("/echo"));
            (id, data)
        }
        other => panic!("{other:?} after {events:?}"),
    }
}

#[test]
fn values_of_any_shape_and_size_are_echoed() {
    // nil, bytes and a map in a packet, and what only a resource can hold.
    for value in [vec![0xc0], bin(16), map(), bin(300), bin(500), bin(60_000)] {
        let mut pair = Pair::open();
        let id = ask(&mut pair, &value);
        pair.advance(secs(5));
        let (asked, data) = arrived(&mut pair);
        assert_eq!((asked, &data), (id, &value));
        respond(&mut pair, id, &value);
        pair.advance(secs(5));
        let events = pair.events(Initiator);
        assert!(
            matches!(&events[..], [LinkEvent::Response { id: of, value: v, metadata: None }] if *of == id && *v == value),
            "{} bytes: {events:?}",
            value.len()
        );
        assert!(pair.refusals(Initiator).is_empty() && pair.refusals(Responder).is_empty());
        assert_eq!(pair.status(), [LinkStatus::Active; 2]);
    }
}

#[test]
fn an_answer_that_may_be_too_early_is_repeated_once_unless_the_peer_speaks() {
    let answers =
        |pair: &mut Pair| pair.contexts(Responder).iter().filter(|sent| **sent == Context::RESPONSE).count();
    for (wait_ms, speaks, expected) in [(0, false, 2), (0, true, 1), (6, false, 1)] {
        let mut pair = Pair::open();
        let id = ask(&mut pair, &[0xc0]);
        pair.advance(DELAY + ms(wait_ms));
        respond(&mut pair, id, &[0xc0]);
        if speaks {
            ask(&mut pair, &[0xc0]);
        }
        pair.advance(secs(1));
        assert_eq!(answers(&mut pair), expected, "answered after {wait_ms} ms, spoke: {speaks}");
        let responses =
            pair.events(Initiator).into_iter().filter(|event| matches!(event, LinkEvent::Response { .. }));
        assert_eq!(responses.count(), 1, "the repeated answer counts once");
    }
    let mut far = Pair::new();
    far.advance(DELAY);
    far.fate = Box::new(|_| Some(ms(100)));
    far.answer(500, Duration::ZERO);
    far.advance(secs(1));
    far.events(Responder);
    let id = ask(&mut far, &[0xc0]);
    far.advance(ms(100));
    respond(&mut far, id, &[0xc0]);
    far.advance(secs(1));
    assert_eq!(answers(&mut far), 1, "a slow link never carries an answer twice");
}

#[test]
fn what_fits_one_packet_travels_in_one() {
    let mut pair = Pair::open();
    // [time, path, data] packs to 28 bytes around the data; a bin8 has a header of two.
    let fits = bin(431 - 28 - 3);
    let id = ask(&mut pair, &fits);
    assert_eq!(pair.contexts(Initiator), [Context::REQUEST]);
    pair.advance(DELAY);
    respond(&mut pair, id, &bin(431 - 19 - 3));
    assert_eq!(pair.contexts(Responder), [Context::RESPONSE]);
    ask(&mut pair, &bin(431 - 28 - 2));
    pair.advance(ms(1));
    assert_eq!(pair.contexts(Initiator), [Context::RESOURCE_ADV]);
}

#[test]
fn the_request_carries_the_requesters_clock() {
    let mut pair = Pair::open();
    let unix = pair.unix();
    ask(&mut pair, b"\xc0");
    pair.advance(DELAY);
    assert!(matches!(
        pair.events(Responder)[..],
        [LinkEvent::Request { requested_at, .. }] if requested_at == unix
    ));
}

#[test]
fn an_identify_right_before_a_request_is_known_with_it() {
    let mut pair = Pair::open();
    pair.job_time = ms(100);
    let identity = Identity::generate(&mut Rng::from_seed([5; 32]));
    pair.command(Initiator, |link, now, rng| link.identify(now, rng, &identity)).unwrap();
    ask(&mut pair, b"\xc0");
    pair.advance(DELAY);
    assert!(matches!(pair.events(Responder)[..], [LinkEvent::Identified { .. }, LinkEvent::Request { .. }]));
}

#[test]
fn an_unanswered_request_fails_exactly_in_time() {
    let mut pair = Pair::open();
    let id = ask(&mut pair, b"\xc0");
    let deadline = pair.now + ms(6 * 20 + 11_250);
    pair.run_until(deadline - ms(1));
    assert!(pair.events(Initiator).is_empty());
    pair.run_until(deadline);
    assert!(matches!(
        pair.events(Initiator)[..],
        [LinkEvent::RequestFailed { id: of, reason: RequestFailure::Timeout }] if of == id
    ));
    respond(&mut pair, id, b"\xc0");
    pair.advance(DELAY);
    assert!(pair.events(Initiator).is_empty());
    assert_eq!(pair.refusals(Initiator), [Refusal::ResponseUnknown]);
}

#[test]
fn a_request_may_have_its_own_timeout() {
    let mut pair = Pair::open();
    let (unix, path) = (pair.unix(), PathHash::of_path("/slow"));
    pair.command(Initiator, |link, now, rng| link.request(now, unix, rng, path, b"\xc0", Some(secs(60))))
        .unwrap();
    pair.advance(secs(60) - ms(1));
    assert!(pair.events(Initiator).is_empty());
    pair.advance(ms(1));
    assert!(matches!(pair.events(Initiator)[..], [LinkEvent::RequestFailed { .. }]));
}

#[test]
fn the_clock_of_a_request_in_a_resource_starts_at_its_proof() {
    let mut pair = Pair::open();
    let id = ask(&mut pair, &bin(5_000));
    pair.advance(secs(5));
    let proven = pair.sent.iter().find(|sent| sent.context == Context::RESOURCE_PRF).unwrap().at + DELAY;
    pair.run_until(proven + ms(6 * 20 + 11_249));
    assert!(pair.events(Initiator).is_empty());
    pair.advance(ms(1));
    assert!(matches!(
        pair.events(Initiator)[..],
        [LinkEvent::RequestFailed { id: of, reason: RequestFailure::Timeout }] if of == id
    ));
}

#[test]
fn a_response_that_is_under_way_outlives_the_requests_clock() {
    let mut pair = Pair::open();
    let id = ask(&mut pair, b"\xc0");
    pair.advance(DELAY);
    pair.fate = Box::new(|sent| Some(if sent.context == Context::RESOURCE { secs(3) } else { DELAY }));
    let value = bin(20_000);
    respond(&mut pair, id, &value);
    pair.advance(secs(300));
    let events = pair.events(Initiator);
    assert!(matches!(&events[..], [LinkEvent::Response { value: v, .. }] if *v == value), "{events:?}");
    let done = pair.sent.iter().rfind(|sent| sent.context == Context::RESOURCE_PRF).unwrap().at;
    assert!(done.since(pair.sent[0].at) > ms(11_370));
}

#[test]
fn a_file_comes_with_its_metadata() {
    let mut pair = Pair::open();
    let id = ask(&mut pair, b"\xc0");
    pair.advance(DELAY);
    let file = bin(3_000);
    let purpose = Purpose::Response(id);
    let content = Content { data: file.clone(), metadata: Some(map()), compress: true, purpose };
    pair.command(Responder, |link, now, rng| link.enqueue(now, rng, content)).unwrap();
    pair.advance(secs(5));
    let events = pair.events(Initiator);
    assert!(matches!(
        &events[..],
        [LinkEvent::Response { id: of, value, metadata: Some(m) }] if *of == id && *value == file && *m == map()
    ));
}

#[test]
fn large_requests_are_refused_by_what_they_travel_in() {
    let mut pair = Pair::new();
    pair.responder.config.request_size_max = 100;
    pair.answer(500, Duration::ZERO);
    pair.advance(secs(1));
    ask(&mut pair, &bin(60));
    ask(&mut pair, &bin(100));
    let id = ask(&mut pair, &bin(1_000));
    pair.events(Initiator);
    pair.events(Responder);
    pair.advance(secs(1));
    assert!(
        matches!(pair.events(Responder)[..], [LinkEvent::Request { .. }]),
        "the first is 90 bytes when packed"
    );
    assert!(matches!(
        pair.events(Initiator)[..],
        [LinkEvent::RequestFailed { id: of, reason: RequestFailure::Transfer }] if of == id
    ));
    assert_eq!(pair.refusals(Responder), [Refusal::RequestTooLarge, Refusal::RequestTooLarge]);
}

#[test]
fn an_end_that_serves_none_refuses_all() {
    let mut pair = Pair::new();
    pair.responder.config.request_size_max = 0;
    pair.answer(500, Duration::ZERO);
    pair.advance(secs(1));
    ask(&mut pair, b"\xc0");
    ask(&mut pair, &bin(1_000));
    pair.advance(secs(1));
    assert_eq!(pair.refusals(Responder), [Refusal::RequestsNotServed, Refusal::RequestsNotServed]);
    assert!(
        pair.contexts(Responder).contains(&Context::RESOURCE_RCL),
        "told, so that it does not repeat itself"
    );
}

#[test]
fn a_large_response_fails_the_request() {
    for (value, packet) in [(bin(100), true), (bin(5_000), false)] {
        let mut pair = Pair::new();
        pair.initiator.link.as_mut().unwrap().config.response_size_max = 64;
        pair.answer(500, Duration::ZERO);
        pair.advance(secs(1));
        pair.events(Initiator);
        let id = ask(&mut pair, b"\xc0");
        respond(&mut pair, id, &value);
        pair.advance(secs(1));
        assert!(matches!(
            pair.events(Initiator)[..],
            [LinkEvent::RequestFailed { id: of, reason: RequestFailure::TooLarge }] if of == id
        ));
        assert_eq!(pair.refusals(Initiator), [Refusal::ResponseTooLarge]);
        assert_eq!(pair.contexts(Initiator).contains(&Context::RESOURCE_RCL), !packet);
    }
}

#[test]
fn a_response_to_nothing_is_refused() {
    let mut pair = Pair::open();
    for value in [bin(10), bin(5_000)] {
        respond(&mut pair, RequestId::new([1; 16]), &value);
        pair.advance(secs(1));
        assert_eq!(pair.refusals(Initiator), [Refusal::ResponseUnknown]);
    }
    assert!(pair.events(Initiator).is_empty());
}

#[test]
fn a_response_counts_once() {
    let mut pair = Pair::open();
    let id = ask(&mut pair, b"\xc0");
    respond(&mut pair, id, b"\x01");
    respond(&mut pair, id, b"\x02");
    pair.advance(DELAY);
    assert!(matches!(&pair.events(Initiator)[..], [LinkEvent::Response { value, .. }] if value == b"\x01"));
    assert_eq!(pair.refusals(Initiator), [Refusal::ResponseUnknown]);
}

#[test]
fn only_one_whole_value_is_sent() {
    let mut pair = Pair::open();
    let (unix, path) = (pair.unix(), PathHash::of_path("/echo"));
    for data in [&b""[..], b"\xc0\xc0", b"\xc4\x05a", &[0x91; 10_000]] {
        let asked = pair.command(Initiator, |link, now, rng| link.request(now, unix, rng, path, data, None));
        assert_eq!(asked, Err(LinkError::NotMessagePack));
        let id = RequestId::new([1; 16]);
        let answered = pair.command(Responder, |link, now, rng| link.respond(now, rng, id, data));
        assert_eq!(answered, Err(LinkError::NotMessagePack));
    }
    assert!(pair.sent.is_empty());
}

#[test]
fn malformed_requests_and_responses_are_refused() {
    let mut pair = Pair::open();
    let token = pair.link(Initiator).token().unwrap().clone();
    let bodies: [&[u8]; 4] = [b"", b"\xc0", b"\x93\x01\x02\x03", &[0x91; 400]];
    for (iv, body) in bodies.iter().enumerate() {
        let sealed = token.seal([iv as u8; 16], body);
        pair.deliver(Responder, PacketType::Data, Context::REQUEST, &sealed);
        pair.deliver(Initiator, PacketType::Data, Context::RESPONSE, &sealed);
    }
    assert_eq!(pair.refusals(Responder), [Refusal::Malformed; 4]);
    assert_eq!(pair.refusals(Initiator), [Refusal::Malformed; 4]);
    assert_eq!(pair.status(), [LinkStatus::Active; 2]);
}

#[test]
fn so_many_requests_wait_and_no_more() {
    let mut pair = Pair::open();
    let (unix, path) = (pair.unix(), PathHash::of_path("/echo"));
    for _ in 0..REQUESTS_MAX {
        ask(&mut pair, b"\xc0");
    }
    let asked = pair.command(Initiator, |link, now, rng| link.request(now, unix, rng, path, b"\xc0", None));
    assert_eq!(asked, Err(LinkError::Busy));
    pair.command(Initiator, |link, now, rng| link.close(now, rng, CloseReason::Local));
    let events = pair.events(Initiator);
    let failed =
        |e: &&LinkEvent| matches!(e, LinkEvent::RequestFailed { reason: RequestFailure::LinkClosed, .. });
    assert_eq!(events.iter().filter(failed).count(), REQUESTS_MAX);
}
