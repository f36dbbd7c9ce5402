//! What waits for a commit: proofs, answers, fan-out. Nothing leaves the node before what it promises is durable.

use std::collections::VecDeque;

/// Numbers writes in the order in which they go to the store, and holds back what depends on them.
#[derive(Debug)]
pub(super) struct Gate<T> {
    submitted: u64,
    committed: u64,
    waiting: VecDeque<(u64, T)>,
}

impl<T> Default for Gate<T> {
    fn default() -> Self {
        Self { submitted: 0, committed: 0, waiting: VecDeque::new() }
    }
}

impl<T> Gate<T> {
    /// Counts one more write.
    pub(super) fn submit(&mut self) {
        self.submitted += 1;
    }

    /// Holds `what` back until all writes so far are durable. Gives it back if they are.
    #[must_use]
    pub(super) fn hold(&mut self, what: T) -> Option<T> {
        if self.committed == self.submitted {
            return Some(what);
        }
        self.waiting.push_back((self.submitted, what));
        None
    }

    /// Notes that the first `writes` writes are durable.
    pub(super) fn commit(&mut self, writes: u64) {
        debug_assert!(self.committed <= writes && writes <= self.submitted, "commits come in order");
        self.committed = writes;
    }

    /// The next thing that nothing holds back any more, oldest first.
    pub(super) fn release(&mut self) -> Option<T> {
        let &(after, _) = self.waiting.front()?;
        if after > self.committed {
            return None;
        }
        self.waiting.pop_front().map(|(_, what)| what)
    }

    /// How much is held back.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether everything submitted is durable.
    pub(super) fn is_settled(&self) -> bool {
        self.committed == self.submitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_passes_before_the_writes_in_front_of_it_and_everything_in_order() {
        let mut gate = Gate::default();
        assert_eq!(gate.hold("nothing to wait for"), Some("nothing to wait for"));
        gate.submit();
        assert_eq!(gate.hold("after 1"), None);
        gate.submit();
        assert_eq!(gate.hold("after 2"), None);
        assert_eq!(gate.hold("also after 2"), None);
        assert_eq!(gate.release(), None);
        gate.commit(1);
        assert_eq!(gate.release(), Some("after 1"));
        assert_eq!(gate.release(), None);
        assert!(!gate.is_settled());
        gate.commit(2);
        assert_eq!(
            (gate.release(), gate.release(), gate.release()),
            (Some("after 2"), Some("also after 2"), None)
        );
        assert!(gate.is_settled());
    }
}
