//! How many messages one sender may send, and one link may carry, within a minute.
//!
//! A sender counts once the signature is checked: anybody could write another's address on a message. Before that the
//! link counts, so that what one link may cost is bounded whoever is named on it. What is beyond the rate is dropped
//! without a proof, and so comes again.

use std::collections::BTreeMap;
use std::time::Duration;

use reticulum::hash::DestinationHash;
use reticulum::time::Instant;

/// Senders that are followed. At the bound those make room who have sent least of late.
const SENDERS_MAX: usize = 4_096;
const PERIOD: Duration = Duration::from_secs(60);

/// A bucket that holds what may come within a minute; kept as the moment at which it will be full again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bucket(Instant);

impl Bucket {
    /// Takes one of `per_minute`; false if there is none. No rate is no limit.
    pub(super) fn take(&mut self, now: Instant, per_minute: u32) -> bool {
        if per_minute == 0 {
            return true;
        }
        let after = self.0.max(now) + PERIOD / per_minute;
        let fits = after.since(now) <= PERIOD;
        if fits {
            self.0 = after;
        }
        fits
    }
}

/// The buckets of senders.
#[derive(Debug, Default)]
pub(super) struct Rates {
    pub(super) per_minute: u32,
    senders: BTreeMap<DestinationHash, Bucket>,
}

impl Rates {
    /// Whether one more message of this sender is within the rate.
    pub(super) fn take(&mut self, now: Instant, sender: DestinationHash) -> bool {
        if self.per_minute == 0 {
            return true;
        }
        if self.senders.len() >= SENDERS_MAX && !self.senders.contains_key(&sender) {
            self.make_room(now);
        }
        self.senders.entry(sender).or_default().take(now, self.per_minute)
    }

    fn make_room(&mut self, now: Instant) {
        self.senders.retain(|_, bucket| bucket.0 > now);
        if self.senders.len() >= SENDERS_MAX
            && let Some((least, _)) = self.senders.iter().min_by_key(|(_, bucket)| **bucket)
        {
            let least = *least;
            self.senders.remove(&least);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(100 + secs)
    }

    fn sender(number: u32) -> DestinationHash {
        let mut hash = [0; 16];
        hash[..4].copy_from_slice(&number.to_be_bytes());
        DestinationHash::new(hash)
    }

    #[test]
    fn a_burst_passes_and_then_one_each_interval() {
        let mut rates = Rates { per_minute: 3, ..Rates::default() };
        assert_eq!([0; 4].map(|_| rates.take(at(0), sender(1))), [true, true, true, false]);
        assert!(rates.take(at(0), sender(2)), "each has a bucket of their own");
        assert!(!rates.take(at(19), sender(1)));
        assert!(rates.take(at(20), sender(1)) && !rates.take(at(20), sender(1)));
    }

    #[test]
    fn no_rate_is_no_limit_and_no_memory() {
        let mut rates = Rates::default();
        assert!((0..1_000).all(|number| rates.take(at(0), sender(number % 2))));
        assert!(rates.senders.is_empty());
    }

    #[test]
    fn the_table_is_bounded_and_keeps_those_who_sent_most() {
        let mut rates = Rates { per_minute: 2, ..Rates::default() };
        assert!(rates.take(at(0), sender(0)) && rates.take(at(0), sender(0)));
        assert!((1..2 * SENDERS_MAX as u32).all(|number| rates.take(at(0), sender(number))));
        assert_eq!(rates.senders.len(), SENDERS_MAX);
        assert!(!rates.take(at(0), sender(0)));
        assert!(rates.take(at(120), sender(0)));
    }
}
