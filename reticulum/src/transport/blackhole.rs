//! Whose announces, links and packets are dropped: the identities that the operator named.
//!
//! At most `max`; more are refused, since forgetting one would let its traffic through again.

use std::collections::HashSet;

use crate::hash::IdentityHash;

/// The list.
#[derive(Debug)]
pub(crate) struct Blackhole {
    identities: HashSet<IdentityHash>,
    max: usize,
}

impl Blackhole {
    /// An empty list of at most `max` identities.
    pub(crate) fn new(max: usize) -> Self {
        Self { identities: HashSet::new(), max }
    }

    /// Adds an identity. False if there is no room for it.
    pub(crate) fn insert(&mut self, identity: IdentityHash) -> bool {
        let fits = self.identities.len() < self.max || self.contains(&identity);
        if fits {
            self.identities.insert(identity);
        }
        fits
    }

    /// Takes an identity off the list; whether it was on it.
    pub(crate) fn remove(&mut self, identity: &IdentityHash) -> bool {
        self.identities.remove(identity)
    }

    /// Whether an identity is on the list.
    pub(crate) fn contains(&self, identity: &IdentityHash) -> bool {
        self.identities.contains(identity)
    }

    /// Whether the identity with this public form is on the list; costs a hash if there is one.
    pub(crate) fn contains_key(&self, public: &[u8; 64]) -> bool {
        !self.identities.is_empty() && self.contains(&IdentityHash::of(&[public]))
    }

    /// The identities on the list, in order.
    pub(crate) fn list(&self) -> Vec<IdentityHash> {
        let mut identities: Vec<_> = self.identities.iter().copied().collect();
        identities.sort_unstable();
        identities
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_bounded_and_forgets_nobody_by_itself() {
        let identity = |n| IdentityHash::new([n; 16]);
        let mut blackhole = Blackhole::new(2);
        assert!(blackhole.insert(identity(2)) && blackhole.insert(identity(1)));
        assert!(blackhole.insert(identity(2)), "again");
        assert!(!blackhole.insert(identity(3)));
        assert_eq!(blackhole.list(), [identity(1), identity(2)]);
        assert!(blackhole.remove(&identity(1)) && !blackhole.remove(&identity(1)));
        assert!(blackhole.insert(identity(3)) && !blackhole.contains(&identity(1)));
    }
}
