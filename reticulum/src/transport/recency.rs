//! Which of a table's entries was touched longest ago: the eviction rule of most tables.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Keys in order of their last touch.
#[derive(Debug)]
pub(crate) struct Recency<K> {
    by_turn: BTreeMap<u64, K>,
    turn_of: HashMap<K, u64>,
    turn: u64,
}

impl<K> Default for Recency<K> {
    fn default() -> Self {
        Self { by_turn: BTreeMap::new(), turn_of: HashMap::new(), turn: 0 }
    }
}

impl<K: Copy + Eq + Hash> Recency<K> {
    /// Makes `key` the most recent, adding it if it is new.
    pub(crate) fn touch(&mut self, key: K) {
        self.turn += 1;
        if let Some(old) = self.turn_of.insert(key, self.turn) {
            self.by_turn.remove(&old);
        }
        self.by_turn.insert(self.turn, key);
    }

    /// Forgets `key`.
    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(turn) = self.turn_of.remove(key) {
            self.by_turn.remove(&turn);
        }
    }

    /// Whether `key` is among them.
    pub(crate) fn contains(&self, key: &K) -> bool {
        self.turn_of.contains_key(key)
    }

    /// The key touched longest ago.
    pub(crate) fn oldest(&self) -> Option<K> {
        self.by_turn.first_key_value().map(|(_, key)| *key)
    }

    /// Number of keys.
    pub(crate) fn len(&self) -> usize {
        self.turn_of.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touched_key_is_no_longer_the_oldest() {
        let mut recency = Recency::default();
        for key in ['a', 'b', 'c'] {
            recency.touch(key);
        }
        recency.touch('a');
        assert_eq!(recency.oldest(), Some('b'));
        recency.remove(&'b');
        assert_eq!(recency.oldest(), Some('c'));
        assert_eq!(recency.len(), 2);
    }
}
