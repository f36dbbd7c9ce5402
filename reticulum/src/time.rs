//! Time as the cores see it: an argument, never a call.
//!
//! [`Instant`] is monotonic and counts from an epoch that the driver chose; [`UnixTime`] is the wall clock, which
//! only announces, request timestamps and messages need. [`TimerQueue`] holds exact deadlines.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A point in monotonic time, in microseconds since an epoch chosen by the driver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The driver's epoch.
    pub const ZERO: Self = Self(0);

    /// A point `us` microseconds after the epoch.
    pub const fn from_micros(us: u64) -> Self {
        Self(us)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time since `earlier`, zero if that lies in the future.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_micros().min(u128::from(u64::MAX)) as u64))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_micros().min(u128::from(u64::MAX)) as u64))
    }
}

/// Wall clock, in microseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(u64);

impl UnixTime {
    /// Microseconds since 1970.
    pub const fn from_micros(us: u64) -> Self {
        Self(us)
    }

    /// Whole seconds since 1970.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Seconds since 1970 as they travel in messages; not-a-number and negative values become 1970.
    pub fn from_secs_f64(secs: f64) -> Self {
        Self((secs * 1e6).round() as u64)
    }

    /// Microseconds since 1970.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole seconds since 1970.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Seconds since 1970 as they travel in messages.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Time since `earlier`, zero if that lies in the future.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for UnixTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_micros().min(u128::from(u64::MAX)) as u64))
    }
}

impl Sub<Duration> for UnixTime {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_micros().min(u128::from(u64::MAX)) as u64))
    }
}

/// Exact deadlines, one per key. All operations are logarithmic in the number of timers.
#[derive(Debug)]
pub struct TimerQueue<K> {
    by_deadline: BTreeSet<(Instant, K)>,
    by_key: HashMap<K, Instant>,
}

impl<K> Default for TimerQueue<K> {
    fn default() -> Self {
        Self { by_deadline: BTreeSet::new(), by_key: HashMap::new() }
    }
}

impl<K: Copy + Ord + Hash> TimerQueue<K> {
    /// Sets or moves the timer of `key`.
    pub fn set(&mut self, key: K, deadline: Instant) {
        self.cancel(&key);
        self.by_key.insert(key, deadline);
        self.by_deadline.insert((deadline, key));
    }

    /// Forgets the timer of `key`.
    pub fn cancel(&mut self, key: &K) {
        if let Some(deadline) = self.by_key.remove(key) {
            self.by_deadline.remove(&(deadline, *key));
        }
    }

    /// Takes the earliest timer that is due at `now`.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        let &(deadline, key) = self.by_deadline.first().filter(|(deadline, _)| *deadline <= now)?;
        self.by_deadline.remove(&(deadline, key));
        self.by_key.remove(&key);
        Some(key)
    }

    /// The timer that is due last.
    pub fn last(&self) -> Option<K> {
        self.by_deadline.last().map(|(_, key)| *key)
    }

    /// The deadline of `key`'s timer, if it is set.
    pub fn deadline(&self, key: &K) -> Option<Instant> {
        self.by_key.get(key).copied()
    }

    /// The earliest deadline.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.by_deadline.first().map(|(deadline, _)| *deadline)
    }

    /// Number of timers that are set.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether no timer is set.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_out_in_order_and_a_moved_timer_fires_once() {
        let at = Instant::from_micros;
        let mut timers = TimerQueue::default();
        timers.set('a', at(30));
        timers.set('b', at(20));
        timers.set('a', at(10));
        assert_eq!(timers.next_deadline(), Some(at(10)));
        assert_eq!(timers.pop_due(at(9)), None);
        assert_eq!(timers.pop_due(at(25)), Some('a'));
        assert_eq!(timers.pop_due(at(25)), Some('b'));
        assert_eq!(timers.pop_due(at(100)), None);
        assert!(timers.is_empty());
    }

    #[test]
    fn absurd_times_saturate() {
        for (secs, micros) in [(f64::NAN, 0), (-5.0, 0), (f64::INFINITY, u64::MAX), (1.5, 1_500_000)] {
            assert_eq!(UnixTime::from_secs_f64(secs).as_micros(), micros);
        }
        assert_eq!(Instant::ZERO - Duration::from_secs(1), Instant::ZERO);
        assert_eq!((Instant::ZERO + Duration::MAX).as_micros(), u64::MAX);
        assert_eq!(Instant::ZERO.since(Instant::from_micros(5)), Duration::ZERO);
    }
}
