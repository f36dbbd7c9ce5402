//! Keepalive, stale and grace between two links (`spec/reticulum.md` 6.7). The clockwork alone is tested in `keepalive`.

use super::*;

/// Probes and answers with their times since `start`.
fn keepalives(pair: &mut Pair, start: Instant) -> Vec<(u64, Side, u8)> {
    let sent = std::mem::take(&mut pair.sent);
    let keepalives = sent.into_iter().filter(|sent| sent.context == Context::KEEPALIVE);
    keepalives.map(|sent| (sent.at.since(start).as_millis() as u64, sent.from, sent.data[0])).collect()
}

#[test]
fn an_idle_link_lives_on_probes() {
    let mut pair = Pair::open();
    let start = pair.now - DELAY;
    pair.advance(secs(3600));
    assert_eq!(pair.status(), [LinkStatus::Active; 2]);
    let probes = keepalives(&mut pair, start);
    assert_eq!(
        probes[..4],
        [
            (5_000, Initiator, 0xff),
            (5_010, Responder, 0xfe),
            (10_000, Initiator, 0xff),
            (10_010, Responder, 0xfe),
        ]
    );
    assert_eq!(probes.len(), 2 * 720);
}

#[test]
fn answers_alternate_where_probes_jitter_by_more_than_the_round_trip() {
    let mut pair = Pair::open();
    let mut count = 0;
    pair.fate = Box::new(move |sent| {
        count += u64::from(sent.from == Initiator);
        Some(ms(if sent.from == Initiator && count % 2 == 1 { 300 } else { 10 }))
    });
    let start = pair.now - DELAY;
    pair.advance(secs(21));
    let answers: Vec<_> = keepalives(&mut pair, start).into_iter().filter(|k| k.1 == Responder).collect();
    assert_eq!(answers, [(5_300, Responder, 0xfe), (15_300, Responder, 0xfe)]);
    assert_eq!(pair.status(), [LinkStatus::Active; 2]);
}

#[test]
fn no_answer_where_the_responder_spoke_anyway() {
    let mut pair = Pair::open();
    let start = pair.now - DELAY;
    pair.advance(secs(3));
    pair.command(Responder, |link, now, rng| link.send(now, rng, b"spoken", Priority::Message)).unwrap();
    pair.advance(secs(4));
    assert_eq!(keepalives(&mut pair, start), [(5_000, Initiator, 0xff)]);
    assert_eq!(pair.status(), [LinkStatus::Active; 2]);
}

#[test]
fn no_probe_where_both_speak() {
    let mut pair = Pair::open();
    let start = pair.now;
    for _ in 0..10 {
        pair.advance(secs(2));
        for side in [Initiator, Responder] {
            pair.command(side, |link, now, rng| link.send(now, rng, b"spoken", Priority::Message)).unwrap();
        }
    }
    assert!(keepalives(&mut pair, start).is_empty());
}

#[test]
fn a_dead_wire_makes_both_ends_stale_then_closed_exactly() {
    let mut pair = Pair::open();
    pair.fate = Box::new(|_| None);
    let [initiator_open, responder_open] = [pair.now - DELAY, pair.now];
    pair.run_until(initiator_open + secs(10) - ms(1));
    assert_eq!(pair.status(), [LinkStatus::Active; 2]);
    pair.run_until(initiator_open + secs(10));
    assert_eq!(pair.status(), [LinkStatus::Stale, LinkStatus::Active]);
    pair.run_until(responder_open + secs(10));
    assert_eq!(pair.status(), [LinkStatus::Stale; 2]);
    assert_eq!(keepalives(&mut pair, initiator_open), [(5_000, Initiator, 0xff), (10_000, Initiator, 0xff)]);
    pair.run_until(initiator_open + secs(15) - ms(1));
    assert_eq!(pair.status(), [LinkStatus::Stale; 2]);
    pair.run_until(responder_open + secs(15));
    for (side, open) in [(Initiator, initiator_open), (Responder, responder_open)] {
        let closes: Vec<_> = pair.sent.iter().filter(|sent| sent.from == side).collect();
        assert!(
            matches!(&closes[..], [close] if close.context == Context::LINK_CLOSE && close.at == open + secs(15))
        );
        assert!(matches!(
            pair.events(side)[..],
            [LinkEvent::Closed { reason: CloseReason::Timeout, ever_active: true }]
        ));
    }
}

#[test]
fn a_packet_within_the_grace_revives_a_stale_link() {
    let mut pair = Pair::open();
    pair.fate = Box::new(|_| None);
    pair.advance(secs(12));
    assert_eq!(pair.status(), [LinkStatus::Stale; 2]);
    pair.fate = Box::new(|_| Some(DELAY));
    pair.command(Initiator, |link, now, rng| link.send(now, rng, b"still here", Priority::Message)).unwrap();
    pair.advance(DELAY);
    assert_eq!(pair.status(), [LinkStatus::Stale, LinkStatus::Active]);
    pair.command(Responder, |link, now, rng| link.send(now, rng, b"me too", Priority::Message)).unwrap();
    pair.advance(secs(60));
    assert_eq!(pair.status(), [LinkStatus::Active; 2]);
}

#[test]
fn a_slow_link_is_probed_every_six_minutes() {
    let mut pair = Pair::new();
    pair.fate = Box::new(|_| Some(secs(2)));
    pair.advance(secs(2));
    pair.answer(500, Duration::ZERO);
    pair.advance(secs(4));
    let start = pair.now - secs(2);
    pair.sent.clear();
    pair.advance(secs(3600));
    let probes = keepalives(&mut pair, start);
    assert_eq!(probes[0], (360_000, Initiator, 0xff));
    assert_eq!(probes.iter().filter(|probe| probe.1 == Initiator).count(), 10);
    assert_eq!(pair.status(), [LinkStatus::Active; 2]);
}

#[test]
fn an_interval_that_the_responder_sees_longer_does_not_let_the_link_go_stale() {
    let mut pair = Pair::new();
    // The initiator measures 20 ms and probes every 5 s; the responder sees 1.5 s, which would be 308 s.
    pair.fate = Box::new(|sent| Some(if sent.context == Context::LINK_RTT { ms(1_490) } else { DELAY }));
    pair.advance(DELAY);
    pair.answer(500, Duration::ZERO);
    for _ in 0..600 {
        pair.advance(secs(1));
        assert_ne!(pair.link(Initiator).info().status, LinkStatus::Stale);
    }
    assert_eq!(pair.link(Responder).info().rtt, ms(1_500));
    assert_eq!(pair.status(), [LinkStatus::Active; 2]);
}
