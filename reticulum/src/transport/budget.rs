//! The air time of one interface: what it used, and when its limits let the next frame go.
//!
//! Two windows slide, of 15 seconds and of an hour, in bins of a sixtieth. A bin counts until the last of what is in it
//! has left the window, so that no stretch of time of a window's length ever holds more than the limit. An empty window
//! takes any frame, or a limit below one frame's air time would silence the interface for ever.
//!
//! What is less urgent may not use all: the rest is kept for what is more urgent, or a burst of announces would make a
//! person's message wait for the better part of an hour.

use std::time::Duration;

use crate::node::{AirtimeLimits, Priority};
use crate::time::Instant;

const SHORT: Duration = Duration::from_secs(15);
const LONG: Duration = Duration::from_secs(3600);
/// Bins of a window; one more is kept, for the part of the oldest that is still within.
const BINS: u64 = 60;
const KEPT: usize = BINS as usize + 1;

/// What part of the budget each priority may use up, in percent of it.
const fn share_percent(priority: Priority) -> u64 {
    match priority {
        Priority::Link | Priority::Message => 100,
        Priority::Reply => 90,
        Priority::History => 75,
        Priority::Announce => 50,
    }
}

/// Both windows.
#[derive(Debug)]
pub(crate) struct Budget {
    windows: [Window; 2],
}

/// A sum over a sliding window.
#[derive(Debug)]
struct Window {
    length: Duration,
    /// Most that may be in it.
    limit_us: Option<u64>,
    sums_us: [u64; KEPT],
    /// Number of the newest bin that has something, counted from the beginning of time.
    newest: u64,
}

impl Budget {
    /// Nothing used yet.
    pub(crate) fn new(limits: AirtimeLimits) -> Self {
        Self { windows: [Window::new(SHORT, limits.short_percent), Window::new(LONG, limits.long_percent)] }
    }

    /// Other limits from now on, for what was used as well.
    pub(crate) fn limit(&mut self, limits: AirtimeLimits) {
        for (window, percent) in self.windows.iter_mut().zip([limits.short_percent, limits.long_percent]) {
            window.limit_us = window.limit_of(percent);
        }
    }

    /// When a frame that takes `airtime` may go: now, or as soon as enough has left each window, if nothing else goes.
    pub(crate) fn allowed_at(&self, now: Instant, airtime: Duration, priority: Priority) -> Instant {
        let share = share_percent(priority);
        self.windows.iter().map(|window| window.room_at(now, airtime, share)).max().unwrap_or(now)
    }

    /// Something goes.
    pub(crate) fn spend(&mut self, now: Instant, airtime: Duration) {
        self.windows.iter_mut().for_each(|window| window.add(now, airtime));
    }

    /// Shares of the last 15 seconds and of the last hour, in percent.
    pub(crate) fn used_percent(&self, now: Instant) -> [f32; 2] {
        [0, 1].map(|index| {
            let window = &self.windows[index];
            100.0 * window.sum_us(window.number(now)) as f32 / window.length.as_micros() as f32
        })
    }
}

impl Window {
    fn new(length: Duration, limit_percent: Option<f32>) -> Self {
        let empty = Self { length, limit_us: None, sums_us: [0; KEPT], newest: 0 };
        Self { limit_us: empty.limit_of(limit_percent), ..empty }
    }

    fn limit_of(&self, percent: Option<f32>) -> Option<u64> {
        let percent = percent.filter(|percent| *percent > 0.0 && *percent < 100.0)?;
        Some(self.length.mul_f64(f64::from(percent) / 100.0).as_micros() as u64)
    }

    fn add(&mut self, now: Instant, amount: Duration) {
        let number = self.number(now);
        for passed in (self.newest + 1..=number).take(KEPT) {
            // Of a longer gap every bin is emptied, in whatever order.
            *self.bin(passed) = 0;
        }
        self.newest = self.newest.max(number);
        *self.bin(number) += amount.as_micros() as u64;
    }

    fn room_at(&self, now: Instant, amount: Duration, share_percent: u64) -> Instant {
        let Some(limit_us) = self.limit_us.map(|limit| limit * share_percent / 100) else { return now };
        let amount_us = amount.as_micros() as u64;
        let newest = self.number(now);
        let mut sum_us = self.sum_us(newest);
        let mut at = now;
        let mut oldest = newest.saturating_sub(BINS);
        while sum_us > 0 && sum_us + amount_us > limit_us {
            sum_us -= self.sums_us[oldest as usize % KEPT];
            at = Instant::from_micros((oldest + BINS + 1) * self.bin_us());
            oldest += 1;
        }
        at
    }

    /// What is in the window while bin `number` lasts.
    fn sum_us(&self, number: u64) -> u64 {
        (number.saturating_sub(BINS)..=self.newest).map(|bin| self.sums_us[bin as usize % KEPT]).sum()
    }

    fn bin(&mut self, number: u64) -> &mut u64 {
        &mut self.sums_us[number as usize % KEPT]
    }

    fn number(&self, now: Instant) -> u64 {
        now.as_micros() / self.bin_us()
    }

    fn bin_us(&self) -> u64 {
        self.length.as_micros() as u64 / BINS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Rng;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    fn budget(short: f32, long: f32) -> Budget {
        Budget::new(AirtimeLimits { short_percent: Some(short), long_percent: Some(long) })
    }

    #[test]
    fn no_stretch_of_time_holds_more_than_the_limit() {
        let (short, long) = (20.0, 1.0);
        let mut budget = budget(short, long);
        let mut rng = Rng::from_seed([5; 32]);
        let (mut now, mut sent) = (at(0), Vec::new());
        while now < at(3 * 3_600_000) {
            let airtime = ms(50 + rng.below(1000));
            let allowed = budget.allowed_at(now, airtime, Priority::Message);
            if allowed > now {
                assert_eq!(budget.allowed_at(allowed, airtime, Priority::Message), allowed, "exact");
                let before = Instant::from_micros(allowed.as_micros() - 1);
                assert!(budget.allowed_at(before, airtime, Priority::Message) > before, "and no sooner");
                now = allowed;
            }
            budget.spend(now, airtime);
            sent.push((now, airtime));
            now = now + ms(rng.below(300));
        }
        assert!(sent.len() > 100);
        for (window, percent) in [(SHORT, short), (LONG, long)] {
            for (index, (from, _)) in sent.iter().enumerate() {
                let within = sent[index..].iter().take_while(|(when, _)| when.since(*from) < window);
                let sum: Duration = within.map(|(_, airtime)| *airtime).sum();
                assert!(sum <= window.mul_f32(percent / 100.0), "{sum:?} within {window:?} from {from:?}");
            }
        }
    }

    #[test]
    fn what_is_less_urgent_leaves_a_rest_for_what_is_more() {
        let mut budget = budget(10.0, 100.0);
        let (step, mut used) = (ms(75), Duration::ZERO);
        let mut reached = Vec::new();
        for priority in [Priority::Announce, Priority::History, Priority::Reply, Priority::Message] {
            while budget.allowed_at(at(1000), step, priority) == at(1000) {
                budget.spend(at(1000), step);
                used += step;
            }
            reached.push(used.as_millis());
        }
        assert_eq!(reached, [750, 1125, 1350, 1500], "of 1.5 s in 15");
    }

    #[test]
    fn an_empty_window_takes_any_frame() {
        let mut budget = budget(1.0, 50.0);
        assert_eq!(budget.allowed_at(at(20), ms(9000), Priority::Announce), at(20));
        budget.spend(at(20), ms(9000));
        let next = budget.allowed_at(at(500), ms(100), Priority::Link);
        assert_eq!(next, at(15_250), "when the bin of the first has left the window");
        assert_eq!(budget.allowed_at(at(100_000), ms(9000), Priority::Link), at(100_000));
    }

    #[test]
    fn use_is_told_with_or_without_limits() {
        let mut budget = Budget::new(AirtimeLimits::default());
        (0..10).for_each(|_| budget.spend(at(1000), ms(150)));
        assert_eq!(budget.allowed_at(at(1000), ms(15_000), Priority::Announce), at(1000));
        assert_eq!(budget.used_percent(at(1000)), [10.0, 1500.0 / 36_000.0]);
        assert_eq!(budget.used_percent(at(30_000))[0], 0.0);
        assert_eq!(budget.used_percent(at(4_000_000)), [0.0, 0.0]);
    }
}
