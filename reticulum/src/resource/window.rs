//! How many parts a receiver has in flight, and how long it waits for them (`spec/reticulum.md` sections 8.6, 8.7).
//!
//! Owns the numbers only: which parts are missing is the receiver's business.

use std::time::Duration;

use crate::crypto::Token;
use crate::time::Instant;
use crate::wire::HEADER_MIN;

/// Window of a link's first resource (section 8.6).
const WINDOW_INITIAL: usize = 4;
/// Smallest window.
const WINDOW_MIN: usize = 2;
/// Largest window until the link has shown what it can do.
const WINDOW_MAX_INITIAL: usize = 10;
/// Largest window on a link that is fast.
const WINDOW_MAX_FAST: usize = 75;
/// Largest window on a link that is very slow.
const WINDOW_MAX_SLOW: usize = 4;
/// Lower and upper bound of the window stay within this of each other, or of the window.
const FLEXIBILITY: usize = 4;
/// Bytes per second above which a round is fast.
const FAST_RATE: f64 = 6250.0;
/// Fast rounds that open the window up to [`WINDOW_MAX_FAST`].
const FAST_ROUNDS: u32 = 4;
/// Bytes per second below which a round is very slow.
const SLOW_RATE: f64 = 250.0;
/// Very slow rounds that restrict the window to [`WINDOW_MAX_SLOW`].
const SLOW_ROUNDS: u32 = 2;

/// Grace of every deadline (section 8.7).
const DEADLINE_GRACE_S: f64 = 0.25;
/// Added to a deadline for each retry used.
const DEADLINE_PER_RETRY_S: f64 = 0.5;
/// A deadline is never further away, whatever rate a peer pretends: 10 parts at 100 bit/s are 6 minutes.
const DEADLINE_MAX_S: f64 = 1800.0;

/// What one resource on a link hands to the next: the window, and the rate to expect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pace {
    window: usize,
    rate_bps: f64,
}

impl Pace {
    /// For a link's first resource. `rate_bps` is what the handshake showed: 8 · its bytes / rtt (section 8.7).
    pub(crate) fn new(rate_bps: f64) -> Self {
        Self { window: WINDOW_INITIAL, rate_bps }
    }
}

/// The parts that were asked for with one request, and when.
#[derive(Clone, Copy, Debug)]
struct Round {
    requested_at: Instant,
    request_frame_len: usize,
    bytes: usize,
    fast: bool,
}

/// The window of one resource. A round is one request and the parts it asked for.
#[derive(Debug)]
pub(super) struct Window {
    size: usize,
    min: usize,
    max: usize,
    fast_rounds: u32,
    slow_rounds: u32,
    /// Expected in-flight rate, bit/s.
    rate_bps: f64,
    /// Whether any part has come, so that a response time is known.
    responsive: bool,
    round: Round,
}

impl Window {
    pub(super) fn new(pace: Pace) -> Self {
        let round = Round { requested_at: Instant::ZERO, request_frame_len: 0, bytes: 0, fast: false };
        Self {
            size: pace.window.clamp(1, WINDOW_MAX_FAST),
            min: WINDOW_MIN,
            max: WINDOW_MAX_INITIAL,
            fast_rounds: 0,
            slow_rounds: 0,
            rate_bps: pace.rate_bps,
            responsive: false,
            round,
        }
    }

    /// Parts to have in flight.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn pace(&self) -> Pace {
        Pace { window: self.size, rate_bps: self.rate_bps }
    }

    /// A request of this many plain bytes goes out.
    pub(super) fn round_started(&mut self, now: Instant, request_len: usize) {
        let request_frame_len = HEADER_MIN + Token::sealed_len(request_len);
        self.round = Round { requested_at: now, request_frame_len, bytes: 0, fast: false };
    }

    /// A part of `len` bytes came.
    pub(super) fn part_received(&mut self, now: Instant, len: usize) {
        if self.round.bytes == 0 {
            let frames_len = HEADER_MIN + len + self.round.request_frame_len;
            let response_rate = rate(frames_len, now.since(self.round.requested_at));
            self.round.fast = response_rate > FAST_RATE;
            self.responsive = true;
        }
        self.round.bytes += len;
    }

    /// All parts of the round are here: the window grows, and its bounds follow what the link can do.
    pub(super) fn round_completed(&mut self, now: Instant) {
        let round_rate = rate(self.round.bytes, now.since(self.round.requested_at));
        self.rate_bps = 8.0 * round_rate;
        if self.size < self.max {
            self.size += 1;
        }
        if self.size >= self.min + FLEXIBILITY {
            self.min += 1;
        }
        if self.round.fast || round_rate > FAST_RATE {
            self.fast_rounds = self.fast_rounds.saturating_add(1);
            if self.fast_rounds == FAST_ROUNDS {
                self.max = WINDOW_MAX_FAST;
            }
        } else if self.fast_rounds == 0 && round_rate < SLOW_RATE {
            self.slow_rounds = self.slow_rounds.saturating_add(1);
            if self.slow_rounds == SLOW_ROUNDS {
                self.max = WINDOW_MAX_SLOW;
            }
        }
    }

    /// Nothing came in time: the window shrinks, and its upper bound with it.
    pub(super) fn timed_out(&mut self) {
        if self.size > self.min {
            self.size -= 1;
        }
        if self.max > self.min {
            self.max -= 1;
            if self.max >= self.size + FLEXIBILITY {
                self.max -= 1;
            }
        }
    }

    /// How long after the last activity the missing parts, or the hashmap update, are late (section 8.7).
    pub(super) fn patience(
        &self,
        outstanding: usize,
        sdu: usize,
        waiting_for_hashmap: bool,
        retries_used: u32,
    ) -> Duration {
        let rate_bps = self.rate_bps.max(1.0);
        let part_bits = 8.0 * sdu as f64;
        let (in_flight_s, hashmap_s) = if self.responsive {
            let hashmap_due = waiting_for_hashmap || outstanding == 0;
            let hashmap_s = if hashmap_due { 3.5 * part_bits / rate_bps } else { 0.0 };
            (2.0 * outstanding as f64 * part_bits / rate_bps, hashmap_s)
        } else {
            (4.0 * 3.0 * sdu as f64 / rate_bps, 0.0)
        };
        let retry_s = DEADLINE_PER_RETRY_S * f64::from(retries_used);
        Duration::from_secs_f64((in_flight_s + hashmap_s + DEADLINE_GRACE_S + retry_s).min(DEADLINE_MAX_S))
    }
}

/// Bytes per second; what took no measurable time took a microsecond.
fn rate(bytes: usize, elapsed: Duration) -> f64 {
    bytes as f64 / elapsed.as_secs_f64().max(1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window whose pace says nothing, at time zero.
    fn window() -> Window {
        Window::new(Pace::new(1000.0))
    }

    /// One round whose first part is one byte and which brings `bytes` in all, after `ms`.
    fn run_round(window: &mut Window, bytes: usize, ms: u64) {
        let at = |ms: u64| Instant::from_micros(1000 * ms);
        window.round_started(at(0), 53);
        window.part_received(at(ms), 1);
        window.part_received(at(ms), bytes - 1);
        window.round_completed(at(ms));
    }

    #[test]
    fn a_first_resource_starts_with_the_initial_window() {
        let window = window();
        assert_eq!((window.size, window.min, window.max), (4, 2, 10));
    }

    #[test]
    fn a_next_resource_starts_where_the_previous_one_ended() {
        let mut first = window();
        for _ in 0..9 {
            run_round(&mut first, 10_000, 1000);
        }
        let next = Window::new(first.pace());
        assert_eq!((next.size, next.min, next.max), (13, 2, 10));
        assert_eq!(next.rate_bps, 80_000.0);
    }

    #[test]
    fn a_completed_round_grows_the_window_to_its_maximum_and_pulls_the_minimum_along() {
        let mut window = window();
        let mut seen = Vec::new();
        for _ in 0..8 {
            run_round(&mut window, 1000, 1000);
            seen.push((window.size, window.min));
        }
        assert_eq!(seen, [(5, 2), (6, 3), (7, 4), (8, 5), (9, 6), (10, 7), (10, 7), (10, 7)]);
    }

    #[test]
    fn the_fourth_fast_round_opens_the_window() {
        let mut window = window();
        for _ in 0..3 {
            run_round(&mut window, 6251, 1000);
        }
        run_round(&mut window, 6250, 1000);
        assert_eq!(window.max, WINDOW_MAX_INITIAL, "a round of exactly 6250 B/s is not fast");
        run_round(&mut window, 6251, 1000);
        assert_eq!(window.max, WINDOW_MAX_FAST);
    }

    #[test]
    fn a_fast_first_part_makes_a_fast_round() {
        let mut window = window();
        for _ in 0..4 {
            window.round_started(Instant::ZERO, 53);
            window.part_received(Instant::from_micros(90_000), 464);
            window.part_received(Instant::from_micros(1_000_000), 464);
            window.round_completed(Instant::from_micros(1_000_000));
        }
        assert_eq!(window.max, WINDOW_MAX_FAST);
    }

    #[test]
    fn the_second_very_slow_round_restricts_the_window() {
        let mut window = window();
        run_round(&mut window, 249, 1000);
        run_round(&mut window, 250, 1000);
        assert_eq!(window.max, WINDOW_MAX_INITIAL, "a round of exactly 250 B/s is not very slow");
        run_round(&mut window, 249, 1000);
        assert_eq!(window.max, WINDOW_MAX_SLOW);
    }

    #[test]
    fn a_link_that_was_fast_once_is_not_restricted_by_slow_rounds() {
        let mut window = window();
        run_round(&mut window, 7000, 1000);
        for _ in 0..5 {
            run_round(&mut window, 10, 1000);
        }
        assert_eq!(window.max, WINDOW_MAX_INITIAL);
    }

    #[test]
    fn a_timeout_shrinks_the_window_and_its_maximum_down_to_the_minimum() {
        let mut window = window();
        let mut seen = Vec::new();
        for _ in 0..6 {
            window.timed_out();
            seen.push((window.size, window.max));
        }
        assert_eq!(seen, [(3, 8), (2, 6), (2, 5), (2, 4), (2, 3), (2, 2)]);
    }

    #[test]
    fn patience_follows_the_table_of_section_8_7() {
        let secs = |window: &Window, outstanding, waiting, retries| {
            window.patience(outstanding, 464, waiting, retries).as_secs_f64()
        };
        let mut window = window();
        let close = |left: f64, right: f64| assert!((left - right).abs() < 1e-6, "{left} is not {right}");
        close(secs(&window, 4, true, 0), 4.0 * 3.0 * 464.0 / 1000.0 + 0.25);
        run_round(&mut window, 1000, 1000);
        close(secs(&window, 4, false, 0), 2.0 * 4.0 * 464.0 * 8.0 / 8000.0 + 0.25);
        close(
            secs(&window, 4, true, 0),
            2.0 * 4.0 * 464.0 * 8.0 / 8000.0 + 3.5 * 464.0 * 8.0 / 8000.0 + 0.25,
        );
        close(secs(&window, 0, false, 3), 3.5 * 464.0 * 8.0 / 8000.0 + 0.25 + 1.5);
        window.rate_bps = 0.0;
        assert_eq!(window.patience(75, 262_108, true, 16), Duration::from_secs(1800));
    }
}
