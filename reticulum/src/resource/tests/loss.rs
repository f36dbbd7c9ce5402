//! What is lost is asked for again: the script of `spec/reticulum.md` 14.2, row 23, and media that lose at random.

use super::*;

/// 150 parts: two hashmap updates.
fn three_hashmaps() -> Vec<u8> {
    noise(2, 149 * SDU)
}

#[test]
fn a_lost_part_is_requested_again_and_resent_byte_by_byte() {
    for nth in [0, 3, 80, 149] {
        let mut bench = Bench::new(content(three_hashmaps())).losing_nth(Context::RESOURCE, nth);
        assert_eq!(bench.expect_received().data, three_hashmaps());
        let parts: Vec<&Frame> = bench.frames(Side::Sender, Context::RESOURCE).collect();
        let repeated = parts.iter().filter(|part| parts.iter().filter(|other| other == part).count() == 2);
        assert_eq!((parts.len(), repeated.count()), (151, 2));
    }
}

#[test]
fn a_lost_hashmap_update_is_requested_again() {
    for nth in [0, 1] {
        let mut bench = Bench::new(content(three_hashmaps())).losing_nth(Context::RESOURCE_HMU, nth);
        assert_eq!(bench.expect_received().data, three_hashmaps());
        assert_eq!(bench.count(Side::Sender, Context::RESOURCE_HMU), 3);
        assert_eq!(bench.count(Side::Sender, Context::RESOURCE), 150, "no part is sent twice for it");
    }
}

#[test]
fn a_lost_request_is_repeated_in_another_packet() {
    let mut bench = Bench::new(content(three_hashmaps())).losing_nth(Context::RESOURCE_REQ, 2);
    assert_eq!(bench.expect_received().data, three_hashmaps());
    let requests: HashSet<PacketHash> =
        bench.frames(Side::Receiver, Context::RESOURCE_REQ).map(Frame::hash).collect();
    assert_eq!(requests.len(), bench.count(Side::Receiver, Context::RESOURCE_REQ));
}

#[test]
fn a_lost_advertisement_is_repeated_after_six_round_trips_and_a_second() {
    let mut bench = Bench::new(content(noise(1, 1000))).losing_nth(Context::RESOURCE_ADV, 0);
    bench.expect_received();
    let mut times = bench.sent.iter().filter(|(_, _, frame)| frame.context == Context::RESOURCE_ADV);
    let first = times.next().unwrap().0;
    assert_eq!(times.next().unwrap().0.since(first), 6 * RTT + Duration::from_secs(1));
}

#[test]
fn a_lost_proof_is_fetched_by_its_packet_hash() {
    for nth in [0, 1] {
        let data = noise(5, SEGMENT_MAX + 1);
        let mut bench = Bench::with_sdu(content(data.clone()), resource_sdu(16_384))
            .losing_nth(Context::RESOURCE_PRF, nth);
        assert!(bench.expect_received().data == data);
        assert_eq!(bench.count(Side::Sender, Context::CACHE_REQUEST), 1);
        assert_eq!(bench.count(Side::Receiver, Context::RESOURCE_PRF), 3);
    }
}

#[test]
fn a_sender_that_gets_no_proof_asks_three_times_and_fails() {
    let mut bench =
        Bench::new(content(noise(1, 1000))).losing(|_, frame, _| frame.context == Context::RESOURCE_PRF);
    bench.run();
    assert_eq!(bench.sender_end, Some(Err(Failure::TimedOut)));
    assert_eq!(bench.count(Side::Sender, Context::CACHE_REQUEST), 3);
    assert_eq!(bench.count(Side::Sender, Context::RESOURCE_ICL), 1);
}

#[test]
fn a_sender_that_nobody_answers_advertises_five_times_and_fails() {
    let mut bench = Bench::new(content(noise(1, 1000))).losing(|_, _, _| true);
    let start = bench.now;
    bench.run();
    assert_eq!(bench.sender_end, Some(Err(Failure::TimedOut)));
    assert_eq!(bench.count(Side::Sender, Context::RESOURCE_ADV), 5);
    let prepared_in = Duration::from_millis(3);
    assert_eq!(bench.now.since(start), prepared_in + 5 * (6 * RTT + Duration::from_secs(1)));
}

#[test]
fn a_sender_whose_receiver_goes_away_fails_after_96_round_trips_and_78_seconds() {
    let mut bench = Bench::new(content(three_hashmaps())).losing(|side, frame, before| {
        side == Side::Receiver && (before > 0 || frame.context != Context::RESOURCE_REQ)
    });
    bench.run_until(|bench| bench.sender_end.is_some());
    assert_eq!(bench.sender_end, Some(Err(Failure::TimedOut)));
    let mut requests = bench.sent.iter().filter(|(_, _, frame)| frame.context == Context::RESOURCE_REQ);
    let answered = requests.next().unwrap().0 + RTT / 2;
    assert_eq!(bench.now.since(answered), 96 * RTT + Duration::from_secs(78));
}

#[test]
fn a_receiver_whose_sender_goes_away_asks_16_times_more_and_rejects() {
    let mut bench =
        Bench::new(content(three_hashmaps())).losing(|_, frame, _| frame.context == Context::RESOURCE);
    bench.run_until(|bench| bench.receiver_end.is_some());
    assert_eq!(bench.receiver_end.take().unwrap().unwrap_err(), Failure::TimedOut);
    assert_eq!(bench.count(Side::Receiver, Context::RESOURCE_REQ), 17);
    bench.run();
    assert_eq!(bench.sender_end, Some(Err(Failure::Rejected)));
}

#[test]
fn a_receiver_whose_next_segment_never_comes_gives_up() {
    let data = noise(5, SEGMENT_MAX + 1);
    let mut bench = Bench::with_sdu(content(data), resource_sdu(16_384))
        .losing(|_, frame, before| frame.context == Context::RESOURCE_ADV && before > 0);
    bench.run();
    assert_eq!(bench.receiver_end.take().unwrap().unwrap_err(), Failure::TimedOut);
    assert_eq!(bench.sender_end, Some(Err(Failure::TimedOut)));
}

#[test]
fn a_repeated_request_packet_is_answered_once() {
    let mut bench = Bench::new(content(three_hashmaps()));
    bench.faults.repetition = 1000;
    assert_eq!(bench.expect_received().data, three_hashmaps());
    assert_eq!(bench.count(Side::Sender, Context::RESOURCE), 150);
    assert_eq!(bench.count(Side::Sender, Context::RESOURCE_HMU), 2);
}

#[test]
fn whatever_is_lost_repeated_and_overtaken_the_content_arrives_whole() {
    for seed in 0..12 {
        let len = 30_000 + 10_000 * usize::from(seed);
        let mut bench = Bench::new(content(noise(seed, len)));
        bench.rng = Rng::from_seed([seed; 32]);
        bench.faults = Faults { loss: 100, repetition: 100, jitter: 4 * RTT };
        bench.run();
        let received = bench.receiver_end.take().unwrap().unwrap();
        assert!(received.data == noise(seed, len), "seed {seed}");
        assert_eq!(bench.sender_end, Some(Ok(())), "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let trace = || {
        let mut bench = Bench::new(content(three_hashmaps()));
        bench.faults = Faults { loss: 150, repetition: 150, jitter: 4 * RTT };
        bench.run();
        bench.sent
    };
    assert!(trace() == trace());
}
