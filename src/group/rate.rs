//! How often somebody may do something: a token bucket per identity, driven by the time that it is given.
//!
//! A bucket is kept as one number, the moment at which it will be full again, so a full bucket needs no entry and the
//! table holds only those who did something lately.

use std::collections::BTreeMap;
use std::time::Duration;

use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

/// Identities that one limiter follows. At the bound, the fullest eighth is dropped.
pub const LIMITER_IDENTITIES_MAX: usize = 8_192;

/// A token bucket per identity.
#[derive(Debug)]
pub struct Limiter {
    /// Time for one token to come back; zero switches the limit off.
    interval: Duration,
    /// Time for an empty bucket to become full.
    period: Duration,
    full_at: BTreeMap<IdentityHash, UnixTime>,
}

impl Limiter {
    /// `tokens` at once, and as many again per `period`. No tokens means no limit.
    pub fn new(tokens: u32, period: Duration) -> Self {
        let interval = if tokens == 0 { Duration::ZERO } else { period / tokens };
        Self { interval, period, full_at: BTreeMap::new() }
    }

    /// Takes a token of `identity`, or says how long until there is one.
    pub fn take(&mut self, identity: IdentityHash, now: UnixTime) -> Result<(), Duration> {
        if self.interval.is_zero() {
            return Ok(());
        }
        // A clock that was set back must not lock anybody out for longer than one period.
        let full_at = self.full_at.get(&identity).map_or(now, |at| (*at).clamp(now, now + self.period));
        let after = full_at + self.interval;
        let missing = after.since(now).saturating_sub(self.period);
        if !missing.is_zero() {
            return Err(missing);
        }
        if !self.full_at.contains_key(&identity) && self.full_at.len() >= LIMITER_IDENTITIES_MAX {
            self.make_room(now);
        }
        self.full_at.insert(identity, after);
        Ok(())
    }

    /// Drops an eighth of the table at a time, so that the cost of one call stays small on average.
    fn make_room(&mut self, now: UnixTime) {
        let mut moments: Vec<UnixTime> = self.full_at.values().copied().collect();
        let (_, newest_dropped, _) = moments.select_nth_unstable(LIMITER_IDENTITIES_MAX / 8);
        let newest_dropped = now.max(*newest_dropped);
        // Of those that are equally full some may stay; dropping them all would let a flood reset everybody.
        let mut spare = self.full_at.len() - LIMITER_IDENTITIES_MAX * 7 / 8;
        self.full_at.retain(|_, full_at| {
            let drop = *full_at <= now || (*full_at <= newest_dropped && spare > 0);
            spare = spare.saturating_sub(usize::from(drop));
            !drop
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn identity(n: u32) -> IdentityHash {
        IdentityHash::of(&[&n.to_be_bytes()])
    }

    #[test]
    fn a_burst_passes_then_one_per_interval() {
        let mut limiter = Limiter::new(3, MINUTE);
        let at = |s: u64| UnixTime::from_secs(1_000 + s);
        for _ in 0..3 {
            assert_eq!(limiter.take(identity(1), at(0)), Ok(()));
        }
        assert_eq!(limiter.take(identity(1), at(0)), Err(Duration::from_secs(20)));
        assert_eq!(limiter.take(identity(2), at(0)), Ok(()), "others have buckets of their own");
        assert_eq!(limiter.take(identity(1), at(19)), Err(Duration::from_secs(1)));
        assert_eq!(limiter.take(identity(1), at(20)), Ok(()));
        assert!(limiter.take(identity(1), at(20)).is_err());
        for _ in 0..3 {
            assert_eq!(
                limiter.take(identity(1), at(500)),
                Ok(()),
                "a full bucket holds no more than its size"
            );
        }
        assert!(limiter.take(identity(1), at(500)).is_err());
    }

    #[test]
    fn no_tokens_means_no_limit() {
        let mut limiter = Limiter::new(0, MINUTE);
        for _ in 0..10_000 {
            assert_eq!(limiter.take(identity(1), UnixTime::from_secs(1)), Ok(()));
        }
    }

    #[test]
    fn a_clock_set_back_costs_at_most_one_period() {
        let mut limiter = Limiter::new(1, MINUTE);
        assert_eq!(limiter.take(identity(1), UnixTime::from_secs(1_000_000)), Ok(()));
        let back = UnixTime::from_secs(1_000);
        assert_eq!(limiter.take(identity(1), back), Err(MINUTE));
    }

    #[test]
    fn the_table_is_bounded_and_keeps_those_who_are_at_their_limit() {
        let mut limiter = Limiter::new(2, MINUTE);
        let now = UnixTime::from_secs(1_000);
        assert_eq!((limiter.take(identity(0), now), limiter.take(identity(0), now)), (Ok(()), Ok(())));
        for n in 1..2 * LIMITER_IDENTITIES_MAX as u32 {
            assert_eq!(limiter.take(identity(n), now), Ok(()));
        }
        assert!(limiter.full_at.len() <= LIMITER_IDENTITIES_MAX);
        assert!(limiter.take(identity(0), now).is_err());
    }
}
