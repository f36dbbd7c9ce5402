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
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).ok()?;
        Some(Reserved { budget: self.clone(), bytes })
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
}
