//! Hashes seen lately, in two generations: the duplicate filter, and the filter of path-request tags.
//!
//! A full generation becomes the previous one, whose hashes are forgotten. So at least the last `max` hashes are
//! known, in at most `2 · max` entries of 17 bytes.

use std::collections::HashSet;

/// A bounded set of 16-byte hashes.
#[derive(Debug)]
pub(crate) struct Seen {
    current: HashSet<[u8; 16]>,
    previous: HashSet<[u8; 16]>,
    max: usize,
}

impl Seen {
    /// Remembers between `max` and `2 · max` hashes.
    pub(crate) fn new(max: usize) -> Self {
        Self { current: HashSet::new(), previous: HashSet::new(), max: max.max(1) }
    }

    /// Remembers `hash`; false if it was known.
    pub(crate) fn insert(&mut self, hash: [u8; 16]) -> bool {
        if self.contains(&hash) {
            return false;
        }
        if self.current.len() >= self.max {
            self.previous = std::mem::take(&mut self.current);
        }
        self.current.insert(hash)
    }

    /// Whether `hash` is known.
    pub(crate) fn contains(&self, hash: &[u8; 16]) -> bool {
        self.current.contains(hash) || self.previous.contains(hash)
    }

    /// Number of hashes known.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.current.len() + self.previous.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u32) -> [u8; 16] {
        let mut hash = [0; 16];
        hash[..4].copy_from_slice(&n.to_be_bytes());
        hash
    }

    #[test]
    fn the_last_generation_is_known_and_the_set_is_bounded() {
        let mut seen = Seen::new(100);
        for n in 0..1000 {
            assert!(seen.insert(hash(n)));
            assert!(!seen.insert(hash(n)));
            assert!((n.saturating_sub(99)..=n).all(|known| seen.contains(&hash(known))), "after {n}");
            assert!(seen.len() <= 200);
        }
        assert!(!seen.contains(&hash(700)));
    }
}
