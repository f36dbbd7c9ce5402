//! Peers who were not reached, and whose messages therefore go by a propagation node at once.
//!
//! To find out that somebody is away takes most of a minute. Who is only ever there by way of their node would otherwise
//! cost that, and the packets into the void, with every message.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use reticulum::time::Instant;

use crate::router::links::Pair;

/// After so long without a sign of life the direct way is tried again.
const AWAY_FOR: Duration = Duration::from_secs(30 * 60);
/// Peers, at about 100 bytes; who was noted first makes room.
const AWAY_MAX: usize = 16_384;

/// Who was not reached.
#[derive(Debug, Default)]
pub(super) struct Away {
    by_pair: HashMap<Pair, u64>,
    /// In the order in which they were noted.
    by_age: BTreeMap<u64, (Pair, Instant)>,
    noted: u64,
}

impl Away {
    /// A message goes by a node because the peer was not reached.
    pub(super) fn note(&mut self, now: Instant, pair: Pair) {
        self.forget(&pair);
        if self.by_pair.len() >= AWAY_MAX
            && let Some((_, (oldest, _))) = self.by_age.pop_first()
        {
            self.by_pair.remove(&oldest);
        }
        self.noted += 1;
        self.by_pair.insert(pair, self.noted);
        self.by_age.insert(self.noted, (pair, now));
    }

    /// The peer is there, or the other way does not work.
    pub(super) fn forget(&mut self, pair: &Pair) {
        if let Some(number) = self.by_pair.remove(pair) {
            self.by_age.remove(&number);
        }
    }

    /// Whether the peer was not reached a while ago, and was not heard since.
    pub(super) fn contains(&self, now: Instant, pair: &Pair) -> bool {
        let noted = self.by_pair.get(pair).and_then(|number| self.by_age.get(number));
        noted.is_some_and(|(_, at)| now.since(*at) < AWAY_FOR)
    }
}

#[cfg(test)]
mod tests {
    use reticulum::hash::DestinationHash;

    use super::*;

    #[test]
    fn the_table_is_bounded_and_who_was_noted_first_makes_room() {
        let mut away = Away::default();
        let now = Instant::from_micros(1);
        let pair = |number: usize| {
            let mut remote = [0; 16];
            remote[..8].copy_from_slice(&number.to_be_bytes());
            Pair { local: DestinationHash::new([1; 16]), remote: DestinationHash::new(remote) }
        };
        (0..AWAY_MAX).for_each(|number| away.note(now, pair(number)));
        away.note(now, pair(0));
        away.note(now, pair(AWAY_MAX));
        assert_eq!((away.by_pair.len(), away.by_age.len()), (AWAY_MAX, AWAY_MAX));
        assert!(away.contains(now, &pair(0)) && !away.contains(now, &pair(1)));
        assert!(!away.contains(now + AWAY_FOR, &pair(0)));
    }
}
