//! Whose announces, links and packets are dropped: the identities that the operator named, for a while or for good.
//!
//! At most `max`; more are refused, since forgetting one would let its traffic through again.

use std::collections::HashMap;

use crate::hash::IdentityHash;
use crate::time::{Instant, TimerQueue};

/// The longest reason in bytes; what is longer is cut.
const REASON_BYTES_MAX: usize = 128;

/// What is known of one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    until: Option<Instant>,
    reason: Option<Box<str>>,
}

/// The list.
#[derive(Debug)]
pub(crate) struct Blackhole {
    identities: HashMap<IdentityHash, Entry>,
    ends: TimerQueue<IdentityHash>,
    max: usize,
}

impl Blackhole {
    /// An empty list of at most `max` identities.
    pub(crate) fn new(max: usize) -> Self {
        Self { identities: HashMap::new(), ends: TimerQueue::default(), max }
    }

    /// Adds an identity, in place of what was said of it before. False if there is no room for it.
    pub(crate) fn insert(
        &mut self,
        identity: IdentityHash,
        until: Option<Instant>,
        reason: Option<&str>,
    ) -> bool {
        if self.identities.len() >= self.max && !self.contains(&identity) {
            return false;
        }
        let reason = reason.map(|reason| reason[..reason.floor_char_boundary(REASON_BYTES_MAX)].into());
        self.identities.insert(identity, Entry { until, reason });
        match until {
            Some(until) => self.ends.set(identity, until),
            None => self.ends.cancel(&identity),
        }
        true
    }

    /// Takes an identity off the list; whether it was on it.
    pub(crate) fn remove(&mut self, identity: &IdentityHash) -> bool {
        self.ends.cancel(identity);
        self.identities.remove(identity).is_some()
    }

    /// The next whose time on the list is over, no longer on it.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<IdentityHash> {
        let identity = self.ends.pop_due(now)?;
        self.identities.remove(&identity);
        Some(identity)
    }

    /// When the next one's time is over.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.ends.next_deadline()
    }

    /// Whether an identity is on the list.
    pub(crate) fn contains(&self, identity: &IdentityHash) -> bool {
        self.identities.contains_key(identity)
    }

    /// Whether the identity with this public form is on the list; costs a hash if there is one.
    pub(crate) fn contains_key(&self, public: &[u8; 64]) -> bool {
        !self.identities.is_empty() && self.contains(&IdentityHash::of(&[public]))
    }

    /// The identities on the list in order, each with its end and why.
    pub(crate) fn list(&self) -> Vec<(IdentityHash, Option<Instant>, Option<&str>)> {
        let row = |(identity, entry): (&IdentityHash, &'_ Entry)| (*identity, entry.until);
        let mut rows: Vec<_> = self.identities.iter().map(row).collect();
        rows.sort_unstable_by_key(|(identity, _)| *identity);
        let reason = |identity| self.identities[&identity].reason.as_deref();
        rows.into_iter().map(|(identity, until)| (identity, until, reason(identity))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn identity(n: u8) -> IdentityHash {
        IdentityHash::new([n; 16])
    }

    fn names(blackhole: &Blackhole) -> Vec<IdentityHash> {
        blackhole.list().into_iter().map(|(identity, ..)| identity).collect()
    }

    #[test]
    fn the_list_is_bounded_and_forgets_nobody_by_itself() {
        let mut blackhole = Blackhole::new(2);
        let mut insert = |n| blackhole.insert(identity(n), None, None);
        assert!(insert(2) && insert(1));
        assert!(insert(2), "again");
        assert!(!insert(3));
        assert_eq!(names(&blackhole), [identity(1), identity(2)]);
        assert!(blackhole.remove(&identity(1)) && !blackhole.remove(&identity(1)));
        assert!(blackhole.insert(identity(3), None, None) && !blackhole.contains(&identity(1)));
        assert_eq!(blackhole.handle_timeout(Instant::from_micros(u64::MAX)), None);
    }

    #[test]
    fn who_is_on_it_for_a_while_is_off_it_when_that_is_over() {
        let end = Instant::ZERO + Duration::from_secs(60);
        let mut blackhole = Blackhole::new(8);
        blackhole.insert(identity(1), Some(end), Some("floods"));
        blackhole.insert(identity(2), Some(end), None);
        blackhole.insert(identity(2), None, Some("for good after all"));
        let listed =
            [(identity(1), Some(end), Some("floods")), (identity(2), None, Some("for good after all"))];
        assert_eq!(blackhole.list(), listed);
        assert_eq!(blackhole.poll_timeout(), Some(end));
        assert_eq!(blackhole.handle_timeout(end), Some(identity(1)));
        assert_eq!(blackhole.handle_timeout(end), None);
        assert_eq!((names(&blackhole), blackhole.poll_timeout()), (vec![identity(2)], None));
    }

    #[test]
    fn a_long_reason_is_cut_between_letters() {
        let mut blackhole = Blackhole::new(8);
        blackhole.insert(identity(1), None, Some(&"ü".repeat(REASON_BYTES_MAX)));
        let rows = blackhole.list();
        assert_eq!(rows[0].2.map(str::len), Some(REASON_BYTES_MAX));
    }
}
