//! Use of the air by one radio, over the two windows that RNodes report and limit: 15 seconds and an hour.

use std::time::Duration;

const SHORT: Duration = Duration::from_secs(15);
const LONG: Duration = Duration::from_secs(3600);
const BINS: usize = 60;

/// What a radio may send at most, as shares in percent of the last 15 seconds and of the last hour. What is not between
/// 0 and 100 limits nothing (interfaces.md section 10.2).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AirtimeLimits {
    /// Of 15 seconds.
    pub short_percent: Option<f64>,
    /// Of an hour.
    pub long_percent: Option<f64>,
}

/// Use of the channel as one radio sees it. Shares in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Its own sending, in the last 15 seconds.
    pub airtime_short_percent: f64,
    /// Its own sending, in the last hour.
    pub airtime_long_percent: f64,
    /// Everybody's that it hears, in the last 15 seconds.
    pub load_short_percent: f64,
    /// Everybody's that it hears, in the last hour.
    pub load_long_percent: f64,
}

/// A sum over a sliding window, in bins of a sixtieth of it: constant memory, and never off by more than a bin.
#[derive(Clone, Debug)]
struct Window {
    bin: Duration,
    sums: [Duration; BINS],
    /// Number of the newest bin, counted from the beginning of time.
    newest: u64,
}

/// Both windows of sending and hearing.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    sent: [Window; 2],
    load: [Window; 2],
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let windows = || [SHORT, LONG].map(Window::new);
        Self { sent: windows(), load: windows() }
    }

    pub(crate) fn sent(&mut self, now: Duration, airtime: Duration) {
        self.sent.iter_mut().chain(&mut self.load).for_each(|window| window.add(now, airtime));
    }

    pub(crate) fn heard(&mut self, now: Duration, airtime: Duration) {
        self.load.iter_mut().for_each(|window| window.add(now, airtime));
    }

    pub(crate) fn usage(&self, now: Duration) -> Usage {
        let [airtime_short_percent, airtime_long_percent] = [0, 1].map(|index| self.sent[index].percent(now));
        let [load_short_percent, load_long_percent] = [0, 1].map(|index| self.load[index].percent(now));
        Usage { airtime_short_percent, airtime_long_percent, load_short_percent, load_long_percent }
    }

    /// When `limits` may next allow a packet of this length: now, or the next time that a bin leaves a full window.
    pub(crate) fn allowed_at(&self, now: Duration, airtime: Duration, limits: AirtimeLimits) -> Duration {
        let limits = [limits.short_percent, limits.long_percent];
        let waits = self.sent.iter().zip(limits).map(|(window, limit)| match limit {
            Some(percent) if percent > 0.0 && percent < 100.0 => window.room_at(now, airtime, percent),
            _ => now,
        });
        waits.max().unwrap_or(now)
    }
}

impl Window {
    fn new(length: Duration) -> Self {
        Self { bin: length / BINS as u32, sums: [Duration::ZERO; BINS], newest: 0 }
    }

    fn add(&mut self, now: Duration, amount: Duration) {
        let number = self.number(now);
        for passed in (self.newest + 1..=number).take(BINS) {
            // Of a longer gap every bin is emptied, in whatever order.
            self.sums[(passed % BINS as u64) as usize] = Duration::ZERO;
        }
        self.newest = self.newest.max(number);
        self.sums[(number % BINS as u64) as usize] += amount;
    }

    fn percent(&self, now: Duration) -> f64 {
        100.0 * self.sum(now).as_secs_f64() / self.length().as_secs_f64()
    }

    fn sum(&self, now: Duration) -> Duration {
        let oldest = (self.number(now) + 1).saturating_sub(BINS as u64);
        (oldest..=self.newest).map(|number| self.sums[(number % BINS as u64) as usize]).sum()
    }

    /// An empty window takes any packet, or a limit below one packet's air time would silence the radio for ever.
    fn room_at(&self, now: Duration, airtime: Duration, percent: f64) -> Duration {
        let sum = self.sum(now);
        if sum.is_zero() || sum + airtime <= self.length().mul_f64(percent / 100.0) {
            return now;
        }
        Duration::from_nanos(self.bin.as_nanos() as u64 * (self.number(now) + 1))
    }

    fn length(&self) -> Duration {
        self.bin * BINS as u32
    }

    fn number(&self, now: Duration) -> u64 {
        (now.as_nanos() / self.bin.as_nanos()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn use_is_counted_over_both_windows_and_forgotten_after_them() {
        let mut ledger = Ledger::new();
        ledger.sent(seconds(1), Duration::from_millis(1500));
        ledger.heard(seconds(2), Duration::from_millis(1500));
        let usage = ledger.usage(seconds(3));
        assert!((usage.airtime_short_percent - 10.0).abs() < 1e-9);
        assert!((usage.load_short_percent - 20.0).abs() < 1e-9);
        assert!((usage.airtime_long_percent - 1.5 / 36.0).abs() < 1e-9);
        assert_eq!(ledger.usage(seconds(17)).airtime_short_percent, 0.0);
        assert!(ledger.usage(seconds(3599)).airtime_long_percent > 0.0);
        assert_eq!(ledger.usage(seconds(3700)), Usage::default());
    }

    #[test]
    fn old_bins_are_emptied_when_the_ring_comes_round() {
        for gap in [14, 15, 16, 100, 10_000] {
            let mut window = Window::new(SHORT);
            window.add(seconds(0), seconds(1));
            window.add(seconds(gap), seconds(2));
            let expected = if gap < 15 { 3 } else { 2 };
            assert_eq!(window.sum(seconds(gap)), seconds(expected), "{gap}");
        }
    }

    #[test]
    fn a_limit_waits_for_room_and_an_empty_window_takes_any_packet() {
        let limits = AirtimeLimits { short_percent: Some(10.0), long_percent: None };
        let mut ledger = Ledger::new();
        assert_eq!(ledger.allowed_at(seconds(1), seconds(3), limits), seconds(1));
        ledger.sent(seconds(1), seconds(1));
        assert_eq!(ledger.allowed_at(seconds(2), Duration::from_millis(500), limits), seconds(2));
        let mut now = seconds(2);
        while ledger.allowed_at(now, seconds(1), limits) > now {
            now = ledger.allowed_at(now, seconds(1), limits);
        }
        assert_eq!(now, seconds(16), "when the window has moved past what was sent");
        let none = AirtimeLimits { short_percent: Some(100.0), long_percent: Some(0.0) };
        assert_eq!(ledger.allowed_at(seconds(2), seconds(1), none), seconds(2));
    }
}
