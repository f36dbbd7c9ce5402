//! The air time of one interface: what it used, and when its limits let the next frame go.
//!
//! Two windows slide, of 15 seconds and of an hour, in bins of a sixtieth. A bin counts until the last of what is in it
//! has left the window, so that no stretch of time of a window's length ever holds more than the limit. An empty window
//! takes any frame, or a limit below one frame's air time would silence the interface for ever.
//!
//! What was used of the hour outlives the process: before frames go, air time for them is reserved durably, and after a
//! restart all that was reserved counts as used. A reservation is a twentieth of the limit, so that a crash costs no more
//! than that, and a radio that uses all of its time writes twenty times an hour.
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

/// A reservation is this part of the limit of the hour, or what two frames of the length at hand take.
const RESERVED_PART: u64 = 20;

/// Both windows.
#[derive(Debug)]
pub(crate) struct Budget {
    windows: [Window; 2],
    reserved: Reserved,
}

/// What may be used of the hour without writing first.
#[derive(Debug, Default)]
struct Reserved {
    left_us: u64,
    /// Being written, in place of the one before; and what was used of that meanwhile.
    asked: Option<(u64, u64)>,
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
        let windows = [Window::new(SHORT, limits.short_percent), Window::new(LONG, limits.long_percent)];
        Self { windows, reserved: Reserved::default() }
    }

    /// What was used before a restart, `age` ago. Each minute's use counts from the end of that minute, and what was
    /// reserved from now; the short window counts as full, for nobody knows what was sent just before.
    pub(crate) fn restore(now: Instant, age: Duration, used_us: &[u32], reserved: Duration) -> Self {
        let mut budget = Self::new(AirtimeLimits::default());
        let [short, long] = &mut budget.windows;
        short.add(now, SHORT);
        for (minutes, used_us) in used_us.iter().enumerate().take(KEPT).rev() {
            let end = now - age - LONG / BINS as u32 * minutes.saturating_sub(1) as u32;
            long.add_past(now, end, Duration::from_micros((*used_us).into()));
        }
        long.add(now, reserved);
        budget
    }

    /// Used by now in each minute of the hour before, in microseconds, the running minute first.
    pub(crate) fn used_us(&self, now: Instant) -> Vec<u32> {
        let long = &self.windows[1];
        let newest = long.number(now);
        let sum = |back| newest.checked_sub(back).map_or(0, |number| long.bin_sum(number));
        let mut used: Vec<u32> =
            (0..=BINS).map(|back| u32::try_from(sum(back)).unwrap_or(u32::MAX)).collect();
        used.truncate(used.iter().rposition(|used| *used > 0).map_or(0, |last| last + 1));
        used
    }

    /// Whether frames may go without writing first.
    pub(crate) fn has_reserved(&self, airtime: Duration) -> bool {
        self.windows[1].limit_us.is_none() || self.reserved.left_us >= micros(airtime)
    }

    /// Whether it is time to reserve more, before what is left is used up.
    pub(crate) fn wants_reserve(&self, airtime: Duration) -> bool {
        let enough = (self.reserve_len_us(airtime) / 2).max(micros(airtime));
        self.windows[1].limit_us.is_some() && self.reserved.asked.is_none() && self.reserved.left_us < enough
    }

    /// Begins to reserve for frames that take `airtime`: how much.
    pub(crate) fn begin_reserve(&mut self, airtime: Duration) -> Duration {
        let len_us = self.reserve_len_us(airtime);
        self.reserved.asked = Some((len_us, 0));
        Duration::from_micros(len_us)
    }

    /// What was reserved is durable.
    pub(crate) fn finish_reserve(&mut self) {
        if let Some((len_us, used_us)) = self.reserved.asked.take() {
            self.reserved.left_us = len_us.saturating_sub(used_us);
        }
    }

    /// Nobody will tell whether what was asked became durable; what was reserved before still is, or more.
    pub(crate) fn give_up_reserve(&mut self) {
        self.reserved.asked = None;
    }

    fn reserve_len_us(&self, airtime: Duration) -> u64 {
        (self.windows[1].limit_us.unwrap_or(0) / RESERVED_PART).max(2 * micros(airtime))
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
        self.reserved.left_us = self.reserved.left_us.saturating_sub(micros(airtime));
        if let Some((_, used_us)) = &mut self.reserved.asked {
            *used_us += micros(airtime);
        }
    }

    /// Shares of the last 15 seconds and of the last hour, in percent.
    pub(crate) fn used_percent(&self, now: Instant) -> [f32; 2] {
        [0, 1].map(|index| {
            let window = &self.windows[index];
            100.0 * window.sum_us(window.number(now)) as f32 / window.length.as_micros() as f32
        })
    }
}

fn micros(duration: Duration) -> u64 {
    duration.as_micros() as u64
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

    /// What was used at `then`, if that is still within the window at `now`. Not after something newer was added.
    fn add_past(&mut self, now: Instant, then: Instant, amount: Duration) {
        if self.number(then) + BINS >= self.number(now) {
            self.add(then, amount);
        }
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

    /// What is in one bin, which may be empty or gone.
    fn bin_sum(&self, number: u64) -> u64 {
        let kept = number <= self.newest && number + BINS >= self.newest;
        if kept { self.sums_us[number as usize % KEPT] } else { 0 }
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
    fn what_was_used_before_a_restart_counts_after_it_and_never_less() {
        let mut rng = Rng::from_seed([6; 32]);
        for age_ms in [0, 1_000, 59_000, 61_000, 1_800_000, 3_599_000, 3_700_000] {
            let (mut before, mut sent, mut now) = (budget(50.0, 10.0), Vec::new(), at(0));
            while now < at(2 * 3_600_000) {
                let airtime = ms(100 + rng.below(900));
                before.spend(now, airtime);
                sent.push((now, airtime));
                now = now + ms(rng.below(60_000));
            }
            let restart = now + ms(age_ms);
            let after = Budget::restore(restart, ms(age_ms), &before.used_us(now), ms(0));
            let within = |from: Instant| -> Duration {
                let sent = sent.iter().filter(|(when, _)| *when + LONG > from);
                sent.map(|(_, airtime)| *airtime).sum()
            };
            for later_ms in [0, 30_000, 90_000, 600_000, 3_000_000, 3_600_000] {
                let then = restart + ms(later_ms);
                let known = Duration::from_micros(after.windows[1].sum_us(after.windows[1].number(then)));
                assert!(known >= within(then), "{known:?} of {:?}, {age_ms} and {later_ms} ms", within(then));
                assert!(known <= within(then - ms(180_000)), "{known:?}: little more");
            }
        }
    }

    #[test]
    fn what_was_reserved_counts_as_used_after_a_restart_and_the_short_window_as_full() {
        let limits = AirtimeLimits { short_percent: Some(20.0), long_percent: Some(1.0) };
        let mut budget = Budget::restore(at(1000), ms(5000), &[1_000_000], ms(2000));
        budget.limit(limits);
        assert_eq!(budget.used_percent(at(1000))[1], 300.0 / 3600.0);
        assert_eq!(budget.allowed_at(at(1000), ms(100), Priority::Link), at(16_250));
    }

    #[test]
    fn frames_go_only_with_what_is_reserved_and_more_is_asked_for_ahead() {
        let mut budget = budget(100.0, 1.0);
        assert!(!budget.has_reserved(ms(1)) && budget.wants_reserve(ms(1)));
        assert_eq!(budget.begin_reserve(ms(100)), ms(1800), "a twentieth of 36 s");
        assert!(!budget.has_reserved(ms(1)) && !budget.wants_reserve(ms(1)), "it is asked for");
        budget.finish_reserve();
        budget.spend(at(0), ms(850));
        assert!(budget.has_reserved(ms(950)) && !budget.wants_reserve(ms(100)));
        budget.spend(at(0), ms(100));
        assert!(budget.has_reserved(ms(850)) && budget.wants_reserve(ms(100)), "half is gone");
        budget.begin_reserve(ms(100));
        budget.spend(at(0), ms(800));
        budget.finish_reserve();
        assert!(budget.has_reserved(ms(1000)) && !budget.has_reserved(ms(1001)), "less what went meanwhile");
        assert_eq!(budget.begin_reserve(ms(2000)), ms(4000), "long frames need more");
        budget.give_up_reserve();
        assert!(budget.has_reserved(ms(1000)) && budget.wants_reserve(ms(1001)));
        let unlimited = Budget::new(AirtimeLimits::default());
        assert!(unlimited.has_reserved(ms(9999)) && !unlimited.wants_reserve(ms(9999)));
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
