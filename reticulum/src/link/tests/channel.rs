//! The channel: order, proofs, window, retries, streams, bounds (`spec/reticulum.md` section 9).

use super::*;
use crate::node::ChannelMessageId;
use crate::resource::compress;
use crate::wire::channel::{Envelope, STREAM, StreamPiece};

/// The wire takes 10 ms, so the round trip is 20 ms and one message is waited for 2.5 times 2.5 · 20 ms.
const FIRST_WAIT: Duration = Duration::from_micros(125_000);

impl Pair {
    /// An active link whose channel is open at both ends.
    fn with_channel() -> Self {
        let mut pair = Pair::open();
        for side in [Initiator, Responder] {
            pair.command(side, |link, _, _| link.open_channel()).unwrap();
        }
        pair
    }

    fn send(&mut self, side: Side, payload: &[u8]) -> Result<ChannelMessageId, LinkError> {
        self.command(side, |link, now, rng| link.send_message(now, rng, 0x0101, payload))
    }

    fn write(&mut self, side: Side, stream: u16, data: &[u8]) -> usize {
        self.command(side, |link, now, rng| link.write_stream(now, rng, stream, data)).unwrap()
    }

    /// One end says something that its channel would not.
    fn inject(&mut self, side: Side, body: &[u8]) {
        self.command(side, |link, now, rng| {
            link.transmit_named(now, rng, Context::CHANNEL, body, Priority::Reply);
        });
    }

    /// Texts that were delivered, and what became of what was sent.
    fn told(&mut self, side: Side) -> (Vec<Vec<u8>>, usize, usize) {
        let (mut payloads, mut delivered, mut failed) = (Vec::new(), 0, 0);
        for event in self.events(side) {
            match event {
                LinkEvent::Message { kind, payload } => {
                    assert_eq!(kind, 0x0101);
                    payloads.push(payload);
                }
                LinkEvent::MessageDelivered { .. } => delivered += 1,
                LinkEvent::MessageFailed { .. } => failed += 1,
                _ => {}
            }
        }
        (payloads, delivered, failed)
    }

    /// Packets of one end by what they are: channel packets, proofs.
    fn count(&mut self, side: Side) -> (usize, usize) {
        let mine = || self.sent.iter().filter(|sent| sent.from == side);
        let messages = mine().filter(|sent| sent.context == Context::CHANNEL).count();
        let proofs = mine().filter(|sent| sent.packet_type == PacketType::Proof).count();
        self.sent.clear();
        (messages, proofs)
    }
}

fn body(kind: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    Envelope { kind, sequence, payload }.emit(&mut body);
    body
}

fn numbered(n: u32) -> Vec<u8> {
    n.to_be_bytes().to_vec()
}

#[test]
fn messages_arrive_in_order_both_ways_and_are_proven() {
    let mut pair = Pair::with_channel();
    for n in 0..40 {
        pair.send(Initiator, &numbered(n)).unwrap();
        pair.send(Responder, &numbered(1_000 + n)).unwrap();
    }
    pair.advance(secs(2));
    let (there, back) = (pair.told(Responder), pair.told(Initiator));
    assert_eq!(there, ((0..40).map(numbered).collect(), 40, 0));
    assert_eq!(back, ((1_000..1_040).map(numbered).collect(), 40, 0));
    assert_eq!(pair.count(Initiator), (40, 40), "nothing was repeated");
}

#[test]
fn a_wire_that_loses_and_reorders_delays_but_neither_loses_nor_doubles() {
    let mut pair = Pair::with_channel();
    let mut rng = Rng::from_seed([9; 32]);
    pair.fate = Box::new(move |_| {
        let [lost, late] = rng.bytes::<2>();
        (lost > 20).then(|| ms(1 + u64::from(late) / 4))
    });
    for n in 0..250 {
        pair.send(Initiator, &numbered(n)).unwrap();
        pair.send(Responder, &numbered(n)).unwrap();
    }
    pair.advance(secs(60));
    for side in [Initiator, Responder] {
        assert_eq!(pair.told(side), ((0..250).map(numbered).collect(), 250, 0));
    }
}

#[test]
fn without_a_channel_a_message_is_refused_unproven_and_comes_again() {
    let mut pair = Pair::open();
    pair.command(Initiator, |link, _, _| link.open_channel()).unwrap();
    assert_eq!(pair.send(Responder, b"x"), Err(LinkError::NoChannel));
    pair.send(Initiator, b"hello").unwrap();
    pair.advance(ms(50));
    assert_eq!(pair.refusals(Responder), [Refusal::NoChannel]);
    assert_eq!(pair.count(Responder), (0, 0), "no proof");
    pair.command(Responder, |link, _, _| link.open_channel()).unwrap();
    pair.advance(secs(1));
    assert_eq!(pair.told(Responder).0, [b"hello"]);
    assert_eq!(pair.told(Initiator).1, 1);
}

#[test]
fn a_destination_with_channels_needs_no_opening() {
    let mut pair = Pair::new();
    pair.responder.config.channels = true;
    pair.advance(DELAY);
    pair.answer(500, Duration::ZERO);
    pair.advance(DELAY * 2);
    pair.send(Responder, b"first").unwrap();
    pair.advance(DELAY);
    assert_eq!(pair.refusals(Initiator), [Refusal::NoChannel]);
    pair.command(Initiator, |link, _, _| link.open_channel()).unwrap();
    pair.send(Initiator, b"second").unwrap();
    pair.advance(secs(1));
    assert_eq!(
        (pair.told(Responder).0, pair.told(Initiator).0),
        (vec![b"second".to_vec()], vec![b"first".to_vec()])
    );
}

#[test]
fn a_repetition_is_proven_again_and_delivered_once() {
    let mut pair = Pair::with_channel();
    for _ in 0..3 {
        pair.inject(Initiator, &body(0x0101, 0, b"once"));
    }
    pair.advance(secs(1));
    assert_eq!(pair.told(Responder).0, [b"once"]);
    assert_eq!(pair.count(Responder), (0, 3));
}

#[test]
fn what_lies_beyond_the_window_is_not_proven() {
    let mut pair = Pair::with_channel();
    pair.inject(Initiator, &body(0x0101, 49, b"early"));
    pair.advance(ms(50));
    assert_eq!(pair.refusals(Responder), [Refusal::ChannelSequence]);
    assert_eq!(pair.count(Responder), (0, 0));
}

#[test]
fn a_message_too_short_for_its_head_is_refused() {
    let mut pair = Pair::with_channel();
    pair.inject(Initiator, &[1, 1, 0, 0, 0]);
    pair.advance(ms(50));
    assert_eq!((pair.refusals(Responder), pair.count(Responder)), (vec![Refusal::Malformed], (0, 0)));
}

#[test]
fn unproven_messages_fill_the_window_of_two_and_open_it_by_one_each() {
    let mut pair = Pair::with_channel();
    for n in 0..20 {
        pair.send(Initiator, &numbered(n)).unwrap();
    }
    // Two leave at once. Proofs are back after 20 ms, each lets one more go and widens by one, up to five; and with the
    // tenth of them the window is sixteen.
    for sent in [2, 4, 5, 9, 0] {
        assert_eq!(pair.count(Initiator).0, sent);
        pair.advance(ms(20));
    }
}

#[test]
fn a_message_is_sent_five_times_at_growing_intervals_then_the_link_closes() {
    let mut pair = Pair::with_channel();
    pair.fate = Box::new(|_| None);
    let start = pair.now;
    pair.send(Initiator, b"anybody?").unwrap();
    pair.advance(secs(4));
    let tries: Vec<Duration> = pair
        .sent
        .iter()
        .filter(|sent| sent.context == Context::CHANNEL)
        .map(|sent| sent.at.since(start))
        .collect();
    let mut expected = vec![Duration::ZERO];
    for tries in 0..4 {
        let wait = FIRST_WAIT.mul_f64(1.5_f64.powi(tries));
        expected.push(*expected.last().unwrap() + wait);
    }
    assert_eq!(tries, expected);
    let distinct: HashSet<&[u8]> =
        pair.sent.iter().filter(|s| s.context == Context::CHANNEL).map(|sent| &sent.data[..]).collect();
    assert_eq!(distinct.len(), 5, "each is encrypted afresh");
    let events = pair.events(Initiator);
    assert!(
        matches!(
            events[..],
            [LinkEvent::MessageFailed { .. }, LinkEvent::Closed { reason: CloseReason::Timeout, .. }]
        ),
        "{events:?}"
    );
}

#[test]
fn the_proof_of_any_transmission_counts() {
    let mut pair = Pair::with_channel();
    let mut proofs = 0;
    pair.fate = Box::new(move |sent| {
        // The first proof takes longer than the message is waited for; those of its repetitions are lost.
        if sent.packet_type == PacketType::Proof {
            proofs += 1;
            return (proofs == 1).then_some(FIRST_WAIT + DELAY);
        }
        Some(DELAY)
    });
    pair.send(Initiator, b"late").unwrap();
    pair.advance(ms(160));
    assert_eq!(pair.told(Initiator).1, 1);
    assert_eq!(pair.count(Initiator).0, 2);
    pair.advance(secs(2));
    assert_eq!(pair.count(Initiator).0, 0, "it is not repeated after its proof");
}

#[test]
fn a_forged_proof_proves_nothing_and_keeps_no_good_one_out() {
    let mut pair = Pair::with_channel();
    let mut first = true;
    pair.fate = Box::new(move |sent| {
        let hold = sent.packet_type == PacketType::Proof && std::mem::take(&mut first);
        Some(if hold { ms(60) } else { DELAY })
    });
    pair.send(Initiator, b"x").unwrap();
    pair.advance(ms(20));
    let proof = pair.sent.iter().find(|sent| sent.packet_type == PacketType::Proof).unwrap().data.clone();
    let mut forged = proof.clone();
    forged[40] ^= 1;
    pair.deliver(Initiator, PacketType::Proof, Context::NONE, &forged);
    pair.advance(ms(10));
    assert_eq!(pair.refusals(Initiator), [Refusal::ProofForged]);
    assert_eq!(pair.told(Initiator).1, 0);
    pair.advance(ms(60));
    assert_eq!(pair.told(Initiator).1, 1);
}

#[test]
fn commands_are_bounded() {
    let mut pair = Pair::with_channel();
    let max = pair.link(Initiator).mdu() - Envelope::OVERHEAD;
    assert_eq!(pair.send(Initiator, &vec![0; max + 1]), Err(LinkError::TooLong { max }));
    let system = pair.command(Initiator, |link, now, rng| link.send_message(now, rng, 0xF000, b""));
    assert_eq!(system, Err(LinkError::OutOfRange));
    let stream = pair.command(Initiator, |link, now, rng| link.write_stream(now, rng, 0x4000, b""));
    assert_eq!(stream, Err(LinkError::OutOfRange));
    let mut sent = 0;
    while pair.send(Initiator, &vec![0; max]).is_ok() {
        sent += 1;
    }
    assert!((200..=258).contains(&sent), "{sent}");
    assert_eq!(pair.send(Initiator, b""), Err(LinkError::Busy));
    pair.advance(secs(60));
    let events = pair.events(Initiator);
    assert_eq!(events.iter().filter(|event| matches!(event, LinkEvent::ChannelReady)).count(), 1);
    pair.send(Initiator, b"").unwrap();
    assert_eq!(pair.told(Responder).0.len(), sent);
}

#[test]
fn streams_arrive_whole_beside_each_other_and_end() {
    for mtu in [500, 16_384] {
        let mut pair = Pair::with_mtu(mtu);
        pair.advance(DELAY);
        pair.answer(mtu, Duration::ZERO);
        pair.advance(DELAY * 2);
        for side in [Initiator, Responder] {
            pair.command(side, |link, _, _| link.open_channel()).unwrap();
        }
        let mut noise = vec![0; 60_000];
        Rng::from_seed([6; 32]).fill(&mut noise);
        let text = b"a net of nets, and no middle. ".repeat(3_000);
        assert_eq!(pair.write(Initiator, 1, &text), text.len());
        assert_eq!(pair.write(Initiator, 0x3FFF, &noise), noise.len());
        pair.send(Initiator, b"between").unwrap();
        for stream in [0x3FFF, 1] {
            pair.command(Initiator, |link, now, rng| link.end_stream(now, rng, stream)).unwrap();
        }
        pair.advance(secs(120));
        let mut streams = BTreeMap::<u16, (Vec<u8>, bool)>::new();
        for event in pair.events(Responder) {
            if let LinkEvent::Stream { stream, data, end } = event {
                let (bytes, ended) = streams.entry(stream).or_default();
                assert!(!*ended && data.len() <= 16_384);
                bytes.extend(data);
                *ended = end;
            }
        }
        assert!(streams[&1] == (text.clone(), true), "{mtu}");
        assert!(streams[&0x3FFF] == (noise.clone(), true), "{mtu}");
        let packets = pair.count(Initiator).0;
        assert!(packets < 170, "text travels compressed: {packets} packets at {mtu}");
    }
}

#[test]
fn a_piece_that_does_not_inflate_closes_the_link() {
    let bomb = compress([&[0; 100_000], &[]]).unwrap();
    for data in [&b"not bz2"[..], &bomb] {
        let mut pair = Pair::with_channel();
        let mut payload = Vec::new();
        StreamPiece { stream: 3, end: false, compressed: true, data }.emit(&mut payload);
        pair.inject(Initiator, &body(STREAM, 0, &payload));
        pair.advance(secs(1));
        assert_eq!(pair.refusals(Responder), [Refusal::StreamCorrupt]);
        assert_eq!(pair.status()[1], LinkStatus::Closed);
    }
}

#[test]
fn a_slow_wire_carries_one_message_at_a_time() {
    let mut pair = Pair::new();
    pair.fate = Box::new(|_| Some(ms(800)));
    pair.advance(ms(800));
    pair.answer(500, Duration::ZERO);
    pair.advance(ms(1_600));
    for side in [Initiator, Responder] {
        pair.command(side, |link, _, _| link.open_channel()).unwrap();
    }
    pair.sent.clear();
    for n in 0..5 {
        pair.send(Initiator, &numbered(n)).unwrap();
    }
    for _ in 0..5 {
        assert_eq!(pair.count(Initiator).0, 1);
        pair.advance(ms(1_600));
    }
    assert_eq!(pair.told(Responder).0.len(), 5);
}
