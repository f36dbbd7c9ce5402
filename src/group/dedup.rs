//! Recognises copies of messages that were already decided about.
//!
//! A copy is proven again but not acted upon again. The window is restored from the store, so that a restart is no way
//! around it.

use std::collections::{HashSet, VecDeque};

use super::ids::MessageId;

/// Messages that are remembered; the oldest is forgotten first.
pub const DEDUP_WINDOW: usize = 65_536;

/// The ids of the newest [`DEDUP_WINDOW`] messages, by their first 8 bytes: two messages that share them cost their
/// own author 2^32 tries, and somebody else's author 2^64.
#[derive(Debug, Default)]
pub struct Dedup {
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Dedup {
    /// The window out of the store, oldest first.
    pub fn restore(prefixes: impl IntoIterator<Item = u64>) -> Self {
        let mut window = Self::default();
        for prefix in prefixes {
            window.insert_prefix(prefix);
        }
        window
    }

    /// Remembers a message. Returns whether it is new.
    pub fn insert(&mut self, id: &MessageId) -> bool {
        self.insert_prefix(id.prefix())
    }

    /// Whether the message is remembered.
    pub fn contains(&self, id: &MessageId) -> bool {
        self.known.contains(&id.prefix())
    }

    fn insert_prefix(&mut self, prefix: u64) -> bool {
        if !self.known.insert(prefix) {
            return false;
        }
        if self.order.len() >= DEDUP_WINDOW
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(prefix);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u64) -> MessageId {
        let mut bytes = [0xee; 32];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        MessageId(bytes)
    }

    #[test]
    fn a_copy_is_recognised_until_the_window_has_moved_on() {
        let mut window = Dedup::default();
        assert!(window.insert(&id(0)));
        assert!(!window.insert(&id(0)));
        for n in 1..DEDUP_WINDOW as u64 {
            assert!(window.insert(&id(n)));
        }
        assert!(window.contains(&id(0)));
        assert!(window.insert(&id(DEDUP_WINDOW as u64)));
        assert!(!window.contains(&id(0)), "the oldest goes first");
        assert!(window.contains(&id(1)));
        assert_eq!((window.known.len(), window.order.len()), (DEDUP_WINDOW, DEDUP_WINDOW));
    }

    #[test]
    fn a_restored_window_knows_what_the_old_one_knew() {
        let window = Dedup::restore([1, 2, 3, 2]);
        assert!(window.contains(&id(2)) && !window.contains(&id(4)));
        assert_eq!(window.order, [1, 2, 3]);
    }
}
