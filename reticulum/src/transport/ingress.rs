//! Bursts of announces of unknown destinations, on one interface (`spec/reticulum.md` 4.8).
//!
//! While they come faster than a threshold they are held, at most `max` of them, one a destination; the farthest
//! makes room. Afterwards they are released one by one, the nearest first. So a flood cannot push what we know out of
//! the tables faster than the release goes.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::hash::DestinationHash;
use crate::time::Instant;

const SAMPLES_MAX: usize = 48;
const SPAN_MAX: Duration = Duration::from_secs(10);
/// Younger interfaces get the lower threshold.
const NEW_FOR: Duration = Duration::from_secs(7200);
const NEW_HZ: f64 = 3.0;
const AGED_HZ: f64 = 10.0;
/// How long a burst lasts at least, and how long it must have been over.
const BURST_HOLD: Duration = Duration::from_secs(15);
const RELEASE_INTERVAL: Duration = Duration::from_secs(5);
/// Announces from farther away are not worth holding.
const HELD_HOPS_MAX: u8 = 126;

#[derive(Clone, Copy, Debug)]
struct Burst {
    activated: Instant,
    sustained: Instant,
}

#[derive(Debug)]
struct Held<T> {
    hops: u8,
    turn: u64,
    announce: T,
}

/// What became of an announce.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission<T> {
    /// Not held: to be processed now.
    Admitted(T),
    /// Held.
    Held,
    /// Held, and another one was dropped; or dropped itself.
    Dropped,
}

/// Ingress control of one interface, holding announces of type `T`.
#[derive(Debug)]
pub(crate) struct Ingress<T> {
    born: Instant,
    samples: VecDeque<Instant>,
    burst: Option<Burst>,
    release_at: Instant,
    held: BTreeMap<DestinationHash, Held<T>>,
    turn: u64,
}

impl<T> Ingress<T> {
    /// For an interface added at `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            born: now,
            samples: VecDeque::new(),
            burst: None,
            release_at: now,
            held: BTreeMap::new(),
            turn: 0,
        }
    }

    /// Takes a validated announce of a destination that nobody asked for, and holds it during a burst, at most `max` of
    /// them.
    pub(crate) fn admit(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        hops: u8,
        announce: T,
        max: usize,
    ) -> Admission<T> {
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(now);
        if !self.is_bursting(now) {
            return Admission::Admitted(announce);
        }
        if hops > HELD_HOPS_MAX {
            return Admission::Dropped;
        }
        self.turn += 1;
        let replaced = self.held.insert(destination, Held { hops, turn: self.turn, announce });
        if replaced.is_some() || self.held.len() <= max {
            return Admission::Held;
        }
        // More than one, if others came to share the bound.
        while self.held.len() > max {
            self.take_by(|held| (u8::MAX - held.hops, u64::MAX - held.turn));
        }
        Admission::Dropped
    }

    /// Releases the nearest held announce, if it is time for one.
    pub(crate) fn release(&mut self, now: Instant) -> Option<T> {
        if self.held.is_empty() || now < self.release_at {
            return None;
        }
        self.is_bursting(now);
        self.release_at = now + RELEASE_INTERVAL;
        if self.rate_hz(now) >= self.threshold_hz(now) {
            return None;
        }
        self.take_by(|held| (held.hops, held.turn))
    }

    /// When to try to release an announce.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        (!self.held.is_empty()).then_some(self.release_at)
    }

    fn is_bursting(&mut self, now: Instant) -> bool {
        let rate = self.rate_hz(now);
        let above = rate >= self.threshold_hz(now);
        self.burst = match self.burst {
            None if rate > self.threshold_hz(now) => {
                self.release_at = now + BURST_HOLD;
                Some(Burst { activated: now, sustained: now })
            }
            Some(burst) if above => Some(Burst { sustained: now, ..burst }),
            Some(burst)
                if now.since(burst.activated) > BURST_HOLD
                    && now.since(burst.sustained) > BURST_HOLD
                    && self.samples.len() >= 2 =>
            {
                None
            }
            unchanged => unchanged,
        };
        self.burst.is_some()
    }

    /// Announces a second over the samples; one more of the old samples is forgotten each time it is asked.
    fn rate_hz(&mut self, now: Instant) -> f64 {
        let Some(&oldest) = self.samples.front() else { return 0.0 };
        if self.samples.len() <= 2 {
            return 0.0;
        }
        let rate = self.samples.len() as f64 / now.since(oldest).as_secs_f64().max(1e-6);
        if now.since(oldest) > SPAN_MAX {
            self.samples.pop_front();
        }
        rate
    }

    fn threshold_hz(&self, now: Instant) -> f64 {
        if now.since(self.born) < NEW_FOR { NEW_HZ } else { AGED_HZ }
    }

    fn take_by<R: Ord>(&mut self, rank: impl Fn(&Held<T>) -> R) -> Option<T> {
        let (&destination, _) = self.held.iter().min_by_key(|(_, held)| rank(held))?;
        self.held.remove(&destination).map(|held| held.announce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    fn to(n: u16) -> DestinationHash {
        DestinationHash::of(&[&n.to_be_bytes()])
    }

    /// Announces `count` destinations, 10 a second, from `from_ms` on; returns how many were admitted.
    fn flood(ingress: &mut Ingress<u16>, from_ms: u64, count: u16, max: usize) -> usize {
        let hops = |n: u16| 1 + (n % 7) as u8;
        let admit = |n| ingress.admit(at(from_ms + 100 * u64::from(n)), to(n), hops(n), n, max);
        (0..count).map(admit).filter(|admission| matches!(admission, Admission::Admitted(_))).count()
    }

    #[test]
    fn a_slow_trickle_is_admitted() {
        let mut ingress = Ingress::new(at(0));
        for n in 0..100 {
            let admission = ingress.admit(at(500 * u64::from(n)), to(n), 1, n, 10);
            assert_eq!(admission, Admission::Admitted(n));
        }
        assert_eq!(ingress.poll_timeout(), None);
    }

    #[test]
    fn a_burst_is_held_within_the_bound_and_released_nearest_first() {
        let mut ingress = Ingress::new(at(0));
        let admitted = flood(&mut ingress, 0, 100, 10);
        assert!(admitted <= 3, "{admitted}");
        assert_eq!(ingress.held.len(), 10);
        assert!(ingress.held.values().all(|held| held.hops == 1), "the farthest made room");
        assert_eq!(ingress.release(at(10_000)), None);

        let mut released = Vec::new();
        while let Some(deadline) = ingress.poll_timeout() {
            if let Some(n) = ingress.release(deadline) {
                released.push((deadline, n));
            }
        }
        assert_eq!(released.len(), 10);
        assert!(released[0].0 >= at(15_000));
        assert!(released.windows(2).all(|pair| pair[1].0 == pair[0].0 + RELEASE_INTERVAL));
        assert!(released.is_sorted_by_key(|(_, n)| *n), "among equals the oldest first: {released:?}");
    }

    #[test]
    fn a_burst_ends_after_quiet() {
        let mut ingress = Ingress::new(at(0));
        flood(&mut ingress, 0, 30, 100);
        assert_eq!(ingress.admit(at(10_000), to(500), 1, 500, 100), Admission::Held);
        // Samples are forgotten one an evaluation, so quiet shows after a while.
        let admitted = (0..60).find(|n| {
            let now = at(40_000 + 2_000 * n);
            matches!(ingress.admit(now, to(600 + *n as u16), 1, 0, 100), Admission::Admitted(_))
        });
        assert!(admitted.is_some());
    }

    #[test]
    fn one_a_destination_is_held_and_none_from_too_far() {
        let mut ingress = Ingress::new(at(0));
        flood(&mut ingress, 0, 20, 100);
        let held = ingress.held.len();
        assert_eq!(ingress.admit(at(2_000), to(19), 1, 99, 100), Admission::Held);
        assert_eq!(ingress.held.len(), held);
        assert_eq!(ingress.admit(at(2_100), to(700), 127, 1, 100), Admission::Dropped);
    }
}
