//! Paths whose interface is not attached just now: it went away, or the node has just started. They come back with the
//! interface of the same name, or with the tunnel that they were heard through (`spec/reticulum.md` 5.10).
//!
//! At most `max` paths in all. A place that is not there again within 8 hours is forgotten with its paths; the one that is
//! forgotten soonest makes room. What one place remembers is bounded by the path table that it came from.

use std::collections::HashMap;
use std::time::Duration;

use super::paths::SavedPath;
use crate::hash::{DestinationHash, sha256};
use crate::time::{Instant, TimerQueue};

/// How long a place is remembered (`spec/reticulum.md` 1.3, tunnel lifetime).
const LIFETIME: Duration = Duration::from_secs(8 * 3600);

/// Where paths lead, in terms that outlive an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The interface whose name has this hash.
    Interface([u8; 32]),
    /// Who connects to us with this tunnel id.
    Tunnel([u8; 32]),
}

impl Place {
    /// That of an interface.
    pub fn of_interface(name: &str) -> Self {
        Self::Interface(sha256(name.as_bytes()))
    }
}

/// The table.
#[derive(Debug)]
pub(crate) struct Dormant {
    places: HashMap<Place, Vec<(DestinationHash, SavedPath)>>,
    ends: TimerQueue<Place>,
    len: usize,
    max: usize,
}

impl Dormant {
    /// At most `max` paths.
    pub(crate) fn new(max: usize) -> Self {
        Self { places: HashMap::new(), ends: TimerQueue::default(), len: 0, max }
    }

    /// Keeps paths of a place that is not there.
    pub(crate) fn keep(
        &mut self,
        now: Instant,
        place: Place,
        paths: impl IntoIterator<Item = (DestinationHash, SavedPath)>,
    ) {
        let mut kept = self.wake(place);
        kept.extend(paths);
        kept.truncate(self.max);
        if kept.is_empty() {
            return;
        }
        while self.len + kept.len() > self.max
            && let Some(soonest) = self.ends.pop_due(Instant::from_micros(u64::MAX))
        {
            self.forget(soonest);
        }
        self.len += kept.len();
        self.places.insert(place, kept);
        self.ends.set(place, now + LIFETIME);
    }

    /// A place is there again: its paths.
    pub(crate) fn wake(&mut self, place: Place) -> Vec<(DestinationHash, SavedPath)> {
        self.ends.cancel(&place);
        self.forget(place)
    }

    /// All that is kept, place by place in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Place, &(DestinationHash, SavedPath))> {
        let mut places: Vec<Place> = self.places.keys().copied().collect();
        places.sort_unstable();
        places.into_iter().flat_map(|place| self.places[&place].iter().map(move |path| (place, path)))
    }

    /// Forgets places that did not come back.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(place) = self.ends.pop_due(now) {
            self.forget(place);
        }
    }

    /// When the next place is forgotten.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.ends.next_deadline()
    }

    /// Number of paths.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn forget(&mut self, place: Place) -> Vec<(DestinationHash, SavedPath)> {
        let paths = self.places.remove(&place).unwrap_or_default();
        self.len -= paths.len();
        paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: Place = Place::Tunnel([1; 32]);

    fn paths(from: u8, count: u8) -> Vec<(DestinationHash, SavedPath)> {
        (from..from + count).map(|n| (DestinationHash::new([n; 16]), SavedPath::for_test(n))).collect()
    }

    fn names(paths: &[(DestinationHash, SavedPath)]) -> Vec<u8> {
        paths.iter().map(|(destination, _)| destination.as_bytes()[0]).collect()
    }

    #[test]
    fn paths_wait_for_their_place_and_only_for_it() {
        let mut dormant = Dormant::new(10);
        dormant.keep(Instant::ZERO, HOME, paths(1, 2));
        dormant.keep(Instant::ZERO, Place::Interface([1; 32]), paths(3, 1));
        assert_eq!(dormant.iter().count(), 3);
        assert_eq!(names(&dormant.wake(HOME)), [1, 2]);
        assert!(dormant.wake(HOME).is_empty());
        assert_eq!(dormant.len, 1);
    }

    #[test]
    fn a_place_that_stays_away_for_8_hours_is_forgotten() {
        let mut dormant = Dormant::new(10);
        dormant.keep(Instant::ZERO, HOME, paths(1, 2));
        assert_eq!(dormant.poll_timeout(), Some(Instant::ZERO + LIFETIME));
        dormant.handle_timeout(Instant::ZERO + LIFETIME);
        assert!(dormant.wake(HOME).is_empty());
        assert_eq!((dormant.len, dormant.poll_timeout()), (0, None));
    }

    #[test]
    fn the_table_is_bounded() {
        let mut dormant = Dormant::new(10);
        for n in 0..50 {
            dormant.keep(Instant::from_micros(n), Place::Tunnel([n as u8; 32]), paths(3 * n as u8, 3));
            assert!(dormant.len <= 10);
        }
        assert_eq!(dormant.places.len(), 3);
        dormant.keep(Instant::ZERO, HOME, paths(0, 200));
        assert_eq!(dormant.len, 10);
        dormant.keep(Instant::ZERO, HOME, Vec::new());
        assert_eq!(names(&dormant.wake(HOME)).len(), 10, "nothing new takes nothing away");
    }
}
