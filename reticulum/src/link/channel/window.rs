//! How many messages may be under way, and how long each is waited for (`spec/reticulum.md` 9.3).

use std::time::Duration;

/// From this round-trip time on a link is so slow that one message at a time is enough.
const SLOW_RTT: Duration = Duration::from_millis(1_450);
/// Up to this round-trip time a link that keeps proving gets the widest window.
const FAST_RTT: Duration = Duration::from_millis(180);
/// Up to this one it gets a wider one.
const MEDIUM_RTT: Duration = Duration::from_millis(750);
/// Proofs in a row after which the window's bounds grow.
const PROOFS_TO_GROW: u32 = 10;
/// Messages that a receiver takes ahead of the one it waits for (section 9.2), which is also the widest window.
pub(crate) const WINDOW_MAX: u16 = 48;
/// Transmissions of one message, after which the link is given up.
pub(crate) const TRIES_MAX: u32 = 5;
/// The largest window stays at least this much above the smallest.
const FLEXIBILITY: u16 = 4;
/// The same on a slow link.
const FLEXIBILITY_SLOW: u16 = 1;
/// A message is waited for at least this long, before it is multiplied.
const WAIT_MIN: Duration = Duration::from_millis(25);

/// The window of one channel.
#[derive(Debug)]
pub(crate) struct Window {
    size: u16,
    min: u16,
    max: u16,
    flexibility: u16,
    proofs: u32,
}

impl Window {
    /// A window for a link with this round-trip time.
    pub(crate) fn new(rtt: Duration) -> Self {
        if rtt > SLOW_RTT {
            return Self { size: 1, min: 1, max: 1, flexibility: FLEXIBILITY_SLOW, proofs: 0 };
        }
        Self { size: 2, min: 2, max: 5, flexibility: FLEXIBILITY, proofs: 0 }
    }

    /// Messages that may be under way.
    pub(crate) fn size(&self) -> u16 {
        self.size
    }

    /// A message was proven.
    pub(crate) fn proven(&mut self, rtt: Duration) {
        self.proofs += 1;
        if self.proofs == PROOFS_TO_GROW {
            self.proofs = 0;
            if rtt <= FAST_RTT {
                (self.min, self.max) = (16, WINDOW_MAX);
            } else if rtt <= MEDIUM_RTT && self.max < 12 {
                (self.min, self.max) = (5, 12);
            }
        }
        self.size = (self.size + 1).clamp(self.min, self.max);
    }

    /// A message was not proven in time.
    pub(crate) fn timed_out(&mut self) {
        self.proofs = 0;
        self.size = (self.size - 1).max(self.min);
        if self.max > self.min + self.flexibility {
            self.max -= 1;
            self.size = self.size.min(self.max);
        }
    }
}

/// How long a message is waited for: the `tries`th transmission of it (from 1), with `in_flight` messages under way, this
/// one included.
pub(crate) fn wait(tries: u32, rtt: Duration, in_flight: usize) -> Duration {
    let base = (rtt * 5 / 2).max(WAIT_MIN);
    let backoff = 1.5_f64.powi(tries.saturating_sub(1).min(TRIES_MAX) as i32);
    base.mul_f64(backoff * (in_flight as f64 + 1.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn bounds(window: &Window) -> [u16; 3] {
        [window.size, window.min, window.max]
    }

    #[test]
    fn a_window_starts_by_the_round_trip_time() {
        for (rtt, expected) in [(0, [2, 2, 5]), (1_450, [2, 2, 5]), (1_451, [1, 1, 1]), (9_000, [1, 1, 1])] {
            assert_eq!(bounds(&Window::new(ms(rtt))), expected, "{rtt} ms");
        }
    }

    #[test]
    fn a_proof_opens_the_window_up_to_its_bound() {
        let mut window = Window::new(ms(1_000));
        for expected in [3, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5] {
            window.proven(ms(1_000));
            assert_eq!(bounds(&window), [expected, 2, 5]);
        }
    }

    #[test]
    fn ten_proofs_in_a_row_raise_the_bounds_by_the_round_trip_time() {
        for (rtt, expected) in [(0, [16, 48]), (180, [16, 48]), (181, [5, 12]), (750, [5, 12]), (751, [2, 5])]
        {
            let mut window = Window::new(ms(rtt));
            (0..9).for_each(|_| window.proven(ms(rtt)));
            assert_eq!(bounds(&window)[1..], [2, 5], "{rtt} ms");
            window.proven(ms(rtt));
            assert_eq!(bounds(&window)[1..], expected, "{rtt} ms");
            assert!(window.size >= window.min);
        }
    }

    #[test]
    fn a_time_out_starts_the_count_of_proofs_anew() {
        let mut window = Window::new(ms(10));
        (0..9).for_each(|_| window.proven(ms(10)));
        window.timed_out();
        (0..9).for_each(|_| window.proven(ms(10)));
        assert_eq!(window.min, 2);
        window.proven(ms(10));
        assert_eq!(window.min, 16);
    }

    #[test]
    fn a_time_out_narrows_the_window_and_its_upper_bound_but_not_below_the_lower() {
        let mut window = Window::new(ms(10));
        (0..20).for_each(|_| window.proven(ms(10)));
        assert_eq!(bounds(&window), [26, 16, 48]);
        window.timed_out();
        assert_eq!(bounds(&window), [25, 16, 47]);
        (0..100).for_each(|_| window.timed_out());
        assert_eq!(bounds(&window), [16, 16, 20], "four above the lower bound");

        let mut window = Window::new(ms(1_000));
        (0..9).for_each(|_| window.timed_out());
        assert_eq!(bounds(&window), [2, 2, 5], "5 is not more than four above 2");

        let mut slow = Window::new(ms(2_000));
        slow.timed_out();
        slow.proven(ms(2_000));
        assert_eq!(bounds(&slow), [1, 1, 1]);
    }

    #[test]
    fn the_wait_grows_with_tries_and_with_messages_under_way() {
        for (tries, rtt, in_flight, expected_us) in [
            (1, 405, 1, 2_531_250), // the first retry that was observed, after 2.6 s
            (1, 0, 1, 62_500),
            (1, 10, 2, 87_500),
            (2, 100, 1, 937_500),
            (3, 100, 1, 1_406_250),
            (5, 100, 5, 8_226_562),
        ] {
            let wait = wait(tries, ms(rtt), in_flight);
            assert_eq!(wait.as_micros(), expected_us, "try {tries}, {rtt} ms, {in_flight} under way");
        }
    }
}
