//! A number of bytes that all links of a node share, so that many links cannot hold more than few.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A shared allowance. Clones draw on the same one.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<AtomicU64>);

/// Part of a [`Budget`], given back on drop.
#[derive(Debug)]
pub(crate) struct Reserved {
    budget: Budget,
    bytes: u64,
}

impl Budget {
    /// An allowance of `bytes`.
    pub(crate) fn new(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    /// Takes `bytes`, if that much is left.
    pub(crate) fn reserve(&self, bytes: u64) -> Option<Reserved> {
        self.take(bytes).then(|| Reserved { budget: self.clone(), bytes })
    }

    /// Bytes that can be taken.
    pub(crate) fn left(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }
}

impl Reserved {
    /// Makes it `bytes`; `false`, and it stays as it is, if that much is not left.
    pub(crate) fn resize(&mut self, bytes: u64) -> bool {
        let fits = bytes <= self.bytes || self.budget.take(bytes - self.bytes);
        if fits {
            self.budget.0.fetch_add(self.bytes.saturating_sub(bytes), Ordering::Relaxed);
            self.bytes = bytes;
        }
        fits
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.budget.0.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_is_lacking_until_dropped() {
        let budget = Budget::new(10);
        let seven = budget.reserve(7).unwrap();
        assert!(budget.clone().reserve(4).is_none());
        let three = budget.reserve(3).unwrap();
        drop(seven);
        assert!(budget.reserve(8).is_none());
        assert!(budget.reserve(7).is_some());
        drop(three);
        assert!(budget.reserve(10).is_some());
    }

    #[test]
    fn what_is_reserved_grows_while_there_is_room_and_shrinks() {
        let budget = Budget::new(10);
        let other = budget.reserve(4).unwrap();
        let mut reserved = budget.reserve(1).unwrap();
        assert!(reserved.resize(6));
        assert_eq!(budget.left(), 0);
        assert!(!reserved.resize(7));
        drop(other);
        assert!(reserved.resize(7) && reserved.resize(2));
        assert_eq!(budget.left(), 8);
        drop(reserved);
        assert_eq!(budget.left(), 10);
    }
}
