//! What is held back of a burst of announces of unknown destinations, on one interface (`spec/reticulum.md` 4.8).
//!
//! While they come faster than a threshold they are held, at most `max` of them, one a destination; the farthest
//! makes room. Afterwards they are released one by one, the nearest first. So a flood cannot push what we know out of
//! the tables faster than the release goes.
//!
//! Signatures are a hundred times dearer than all else about an announce. Outside of a burst only announces with a good
//! one count; during a burst they are held unchecked, and checked when they are released, so that a flood costs table work
//! only. Several that wait for their check at a time are taken for a burst: they came within milliseconds.

use std::collections::{BTreeMap, BTreeSet};

use super::burst::{BurstRule, Bursts};
use crate::hash::DestinationHash;
use crate::node::IngressRules;
use crate::time::Instant;

/// Announces from farther away are not worth holding.
const HELD_HOPS_MAX: u8 = 126;
/// Signatures of unknown destinations that are checked at a time.
const CHECKING_MAX: usize = 16;

type Rank = (u8, u64, DestinationHash);

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
    bursts: Bursts,
    release_at: Instant,
    held: BTreeMap<DestinationHash, (Rank, T)>,
    /// The same, in the order of their release.
    ranked: BTreeSet<Rank>,
    checking: usize,
    turn: u64,
}

impl<T> Ingress<T> {
    /// For an interface added at `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            bursts: Bursts::new(now),
            release_at: now,
            held: BTreeMap::new(),
            ranked: BTreeSet::new(),
            checking: 0,
            turn: 0,
        }
    }

    /// Takes an announce of a destination that nobody asked for, before its signature is checked: holds it during a
    /// burst, at most `max` of them. One that is admitted comes back through [`Self::checked`].
    pub(crate) fn admit(
        &mut self,
        now: Instant,
        rules: &IngressRules,
        destination: DestinationHash,
        hops: u8,
        announce: T,
        max: usize,
    ) -> Admission<T> {
        if !self.is_bursting(now, rules) && self.checking < CHECKING_MAX {
            self.checking += 1;
            return Admission::Admitted(announce);
        }
        self.bursts.sample(now);
        self.hold(destination, hops, announce, max)
    }

    /// The signature of an admitted announce was checked. A good one counts, and is held if a burst begins with it.
    pub(crate) fn checked(
        &mut self,
        now: Instant,
        rules: &IngressRules,
        announce: Option<(DestinationHash, u8, T)>,
        max: usize,
    ) -> Option<Admission<T>> {
        self.checking = self.checking.saturating_sub(1);
        let (destination, hops, announce) = announce?;
        self.bursts.sample(now);
        Some(match self.is_bursting(now, rules) {
            true => self.hold(destination, hops, announce, max),
            false => Admission::Admitted(announce),
        })
    }

    /// Releases the nearest held announce, if it is time for one.
    pub(crate) fn release(&mut self, now: Instant, rules: &IngressRules) -> Option<T> {
        if self.held.is_empty() || now < self.release_at {
            return None;
        }
        self.is_bursting(now, rules);
        self.release_at = now + rules.release_interval;
        if !self.bursts.is_calm(now, &BurstRule::announces(rules)) {
            return None;
        }
        let nearest = *self.ranked.first()?;
        self.take(nearest)
    }

    /// When to try to release an announce.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        (!self.held.is_empty()).then_some(self.release_at)
    }

    /// What is held and how announces of unknown destinations come.
    pub(super) fn state(&self) -> (usize, &Bursts) {
        (self.held.len(), &self.bursts)
    }

    fn hold(&mut self, destination: DestinationHash, hops: u8, announce: T, max: usize) -> Admission<T> {
        if hops > HELD_HOPS_MAX {
            return Admission::Dropped;
        }
        self.turn += 1;
        let rank = (hops, self.turn, destination);
        let replaced = self.held.insert(destination, (rank, announce));
        self.ranked.insert(rank);
        if let Some((old, _)) = &replaced {
            self.ranked.remove(old);
        }
        if replaced.is_some() || self.held.len() <= max {
            return Admission::Held;
        }
        // More than one, if others came to share the bound.
        while self.held.len() > max
            && let Some(farthest) = self.ranked.last().copied()
        {
            self.take(farthest);
        }
        Admission::Dropped
    }

    fn take(&mut self, rank: Rank) -> Option<T> {
        self.ranked.remove(&rank);
        self.held.remove(&rank.2).map(|(_, announce)| announce)
    }

    fn is_bursting(&mut self, now: Instant, rules: &IngressRules) -> bool {
        let (bursting, begins) = self.bursts.evaluate(now, &BurstRule::announces(rules));
        if begins {
            self.release_at = now + rules.burst_penalty;
        }
        bursting
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    fn to(n: u16) -> DestinationHash {
        DestinationHash::of(&[&n.to_be_bytes()])
    }

    /// An announce whose signature is checked at once, and good.
    fn hear(ingress: &mut Ingress<u16>, now: Instant, n: u16, hops: u8, max: usize) -> Admission<u16> {
        let rules = IngressRules::default();
        match ingress.admit(now, &rules, to(n), hops, n, max) {
            Admission::Admitted(n) => ingress.checked(now, &rules, Some((to(n), hops, n)), max).unwrap(),
            held => held,
        }
    }

    /// Announces `count` destinations, 10 a second, from `from_ms` on; returns how many were admitted.
    fn flood(ingress: &mut Ingress<u16>, from_ms: u64, count: u16, max: usize) -> usize {
        let hear = |n| hear(ingress, at(from_ms + 100 * u64::from(n)), n, 1 + (n % 7) as u8, max);
        (0..count).map(hear).filter(|admission| matches!(admission, Admission::Admitted(_))).count()
    }

    #[test]
    fn a_slow_trickle_is_admitted() {
        let mut ingress = Ingress::new(at(0));
        for n in 0..100 {
            let admission = hear(&mut ingress, at(500 * u64::from(n)), n, 1, 10);
            assert_eq!(admission, Admission::Admitted(n));
        }
        assert_eq!(ingress.poll_timeout(), None);
    }

    #[test]
    fn a_burst_is_held_within_the_bound_and_released_nearest_first() {
        let mut ingress = Ingress::new(at(0));
        let rules = IngressRules::default();
        let admitted = flood(&mut ingress, 0, 100, 10);
        assert!(admitted <= 3, "{admitted}");
        assert_eq!(ingress.held.len(), 10);
        assert_eq!(ingress.ranked.len(), 10);
        assert!(ingress.ranked.iter().all(|(hops, ..)| *hops == 1), "the farthest made room");
        assert_eq!(ingress.release(at(10_000), &rules), None);

        let mut released = Vec::new();
        while let Some(deadline) = ingress.poll_timeout() {
            if let Some(n) = ingress.release(deadline, &rules) {
                released.push((deadline, n));
            }
        }
        assert_eq!(released.len(), 10);
        assert!(released[0].0 >= at(15_000));
        assert!(released.windows(2).all(|pair| pair[1].0 == pair[0].0 + Duration::from_secs(5)));
        assert!(released.is_sorted_by_key(|(_, n)| *n), "among equals the oldest first: {released:?}");
    }

    #[test]
    fn a_burst_ends_after_quiet() {
        let mut ingress = Ingress::new(at(0));
        flood(&mut ingress, 0, 30, 100);
        assert_eq!(hear(&mut ingress, at(10_000), 500, 1, 100), Admission::Held);
        // Samples are forgotten one an evaluation, so quiet shows after a while.
        let admitted = (0..60).find(|n| {
            let now = at(40_000 + 2_000 * n);
            matches!(hear(&mut ingress, now, 600 + *n as u16, 1, 100), Admission::Admitted(_))
        });
        assert!(admitted.is_some());
    }

    #[test]
    fn one_a_destination_is_held_the_newest_and_none_from_too_far() {
        let mut ingress = Ingress::new(at(0));
        flood(&mut ingress, 0, 20, 100);
        let held = ingress.held.len();
        assert_eq!(hear(&mut ingress, at(2_000), 19, 1, 100), Admission::Held);
        assert_eq!((ingress.held.len(), ingress.ranked.len()), (held, held));
        assert_eq!(ingress.held[&to(19)].0.0, 1, "the newest");
        assert_eq!(hear(&mut ingress, at(2_100), 700, 127, 100), Admission::Dropped);
    }

    #[test]
    fn junk_starts_no_burst() {
        let mut ingress = Ingress::<u16>::new(at(0));
        let rules = IngressRules::default();
        for n in 0..1000 {
            let admitted = ingress.admit(at(n), &rules, to(n as u16), 1, n as u16, 10);
            assert!(matches!(admitted, Admission::Admitted(_)), "{n}");
            assert!(ingress.checked(at(n), &rules, None, 10).is_none(), "a bad signature does not count");
        }
        assert_eq!(hear(&mut ingress, at(1000), 7, 1, 10), Admission::Admitted(7));
    }

    #[test]
    fn what_waits_for_its_signature_is_bounded_and_a_burst_checks_none() {
        let mut ingress = Ingress::new(at(0));
        let rules = IngressRules::default();
        let admitted = |ingress: &mut Ingress<u16>, n| {
            matches!(ingress.admit(at(n), &rules, to(n as u16), 1, 0, 100), Admission::Admitted(_))
        };
        assert_eq!((0..50).filter(|n| admitted(&mut ingress, *n)).count(), CHECKING_MAX);
        for n in 0..CHECKING_MAX as u16 {
            ingress.checked(at(60), &rules, Some((to(n), 1, n)), 100);
        }
        assert_eq!((60..100).filter(|n| admitted(&mut ingress, *n)).count(), 0, "a burst");
    }
}
