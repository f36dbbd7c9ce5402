//! Either side may stop a transfer at any time.

use super::*;

fn halfway() -> Bench {
    let mut bench = Bench::new(content(noise(1, 50_000)));
    bench.run_until(|bench| bench.count(Side::Sender, Context::RESOURCE) > 20);
    bench
}

#[test]
fn a_cancelling_sender_tells_the_receiver_which_answers_with_a_rejection() {
    let mut bench = halfway();
    bench.sender.cancel();
    bench.drain();
    bench.run();
    assert_eq!(bench.sender_end, Some(Err(Failure::Cancelled)));
    assert_eq!(bench.receiver_end.take().unwrap().unwrap_err(), Failure::Cancelled);
    assert_eq!(bench.count(Side::Sender, Context::RESOURCE_ICL), 1);
    assert_eq!(bench.count(Side::Receiver, Context::RESOURCE_RCL), 1);
    assert_eq!(bench.count(Side::Receiver, Context::RESOURCE_PRF), 0);
}

#[test]
fn a_cancelling_receiver_rejects() {
    let mut bench = halfway();
    bench.receiver.as_mut().unwrap().cancel();
    bench.drain();
    bench.run();
    assert_eq!(bench.sender_end, Some(Err(Failure::Rejected)));
    assert_eq!(bench.receiver_end.take().unwrap().unwrap_err(), Failure::Cancelled);
}

#[test]
fn a_cancelled_sender_that_was_never_advertised_says_nothing() {
    let mut bench = Bench::new(content(noise(1, 50_000)));
    bench.sender.cancel();
    bench.drain();
    bench.run();
    assert_eq!(bench.sender_end, Some(Err(Failure::Cancelled)));
    assert!(bench.sent.is_empty(), "the job that was under way changes nothing");
}

#[test]
fn cancelling_twice_fails_once() {
    let mut bench = halfway();
    for _ in 0..2 {
        bench.sender.cancel();
        bench.sender.handle_rejection();
    }
    let outputs: Vec<Output> = std::iter::from_fn(|| bench.sender.poll_output()).collect();
    assert_eq!(outputs.len(), 2, "the cancellation and the failure: {outputs:?}");
}

#[test]
fn what_is_above_the_limit_is_rejected() {
    let mut bench = Bench::new(content(noise(1, 50_000)));
    bench.size_max = 49_999;
    bench.run();
    assert_eq!(bench.sender_end, Some(Err(Failure::Rejected)));
    assert_eq!(bench.count(Side::Sender, Context::RESOURCE), 0);
}

#[test]
fn a_repeated_advertisement_of_what_arrived_starts_nothing() {
    let mut bench = Bench::new(content(noise(1, 1000)));
    bench.expect_received();
    let advertisement = bench.open(bench.frames(Side::Sender, Context::RESOURCE_ADV).next().unwrap());
    bench.receiver_hears_advertisement(&advertisement);
    assert!(bench.receiver.is_none());
}
