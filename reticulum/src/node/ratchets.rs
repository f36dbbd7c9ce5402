//! The ratchets of one of our destinations (`spec/reticulum.md` 2.7): rotated, kept, and tried in a useful order.
//!
//! Nothing in a packet says which of up to 512 keys it is sealed to, and each try costs a key agreement. So a packet
//! is first opened with the newest ratchet and a few that proved useful lately, and only then, at a limited rate, with
//! all of them: garbage must not cost a peer of ours 512 times what it costs its sender.

use std::sync::Arc;
use std::time::Duration;

use crate::crypto::{RatchetPublic, RatchetSecret, Rng};
use crate::time::Instant;

/// Ratchets kept (`spec/reticulum.md` 1.3).
const KEPT_MAX: usize = 512;
/// Shortest time between rotations (`spec/reticulum.md` 1.3).
const ROTATE_INTERVAL: Duration = Duration::from_secs(1800);
/// Newest ratchets that are tried first. Two: whoever seals just after a rotation has not heard of it yet.
const NEWEST_FIRST: usize = 2;
/// Older ones that opened a packet lately.
const USEFUL_MAX: usize = 2;

/// The ratchets of a destination.
#[derive(Debug)]
pub(super) struct Ratchets {
    /// Newest first.
    secrets: Arc<[RatchetSecret]>,
    /// Lately useful first.
    useful: Vec<RatchetSecret>,
    first: Arc<[RatchetSecret]>,
    rotated_at: Option<Instant>,
}

impl Ratchets {
    /// Takes the restored ratchets, newest first.
    pub(super) fn new(mut restored: Vec<RatchetSecret>) -> Self {
        restored.truncate(KEPT_MAX);
        let mut ratchets =
            Self { secrets: restored.into(), useful: Vec::new(), first: Arc::new([]), rotated_at: None };
        ratchets.choose_first();
        ratchets
    }

    /// Makes a new ratchet if the newest is old enough, which it is at the start of each run. Returns all, to be
    /// persisted before any announce of the new one.
    pub(super) fn rotate(&mut self, now: Instant, rng: &mut Rng) -> Option<Vec<RatchetSecret>> {
        if self.rotated_at.is_some_and(|at| now.since(at) <= ROTATE_INTERVAL) {
            return None;
        }
        self.rotated_at = Some(now);
        let newest = std::iter::once(RatchetSecret::generate(rng));
        self.secrets = newest.chain(self.secrets.iter().cloned()).take(KEPT_MAX).collect();
        self.choose_first();
        Some(self.secrets.to_vec())
    }

    /// The ratchet to announce.
    pub(super) fn newest(&self) -> Option<RatchetPublic> {
        self.secrets.first().map(RatchetSecret::public)
    }

    /// All that are kept, newest first.
    pub(super) fn secrets(&self) -> Arc<[RatchetSecret]> {
        Arc::clone(&self.secrets)
    }

    /// Those to try first.
    pub(super) fn first(&self) -> Arc<[RatchetSecret]> {
        Arc::clone(&self.first)
    }

    /// All of them, if there are more than those tried first.
    pub(super) fn all(&self) -> Option<Arc<[RatchetSecret]>> {
        (self.secrets.len() > NEWEST_FIRST).then(|| Arc::clone(&self.secrets))
    }

    /// Notes that an older ratchet opened a packet, so that the peer's next ones open at once.
    pub(super) fn was_useful(&mut self, secret: RatchetSecret) {
        self.useful.retain(|known| known.as_bytes() != secret.as_bytes());
        self.useful.insert(0, secret);
        self.useful.truncate(USEFUL_MAX);
        self.choose_first();
    }

    fn choose_first(&mut self) {
        self.first = self.secrets.iter().take(NEWEST_FIRST).chain(&self.useful).cloned().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(s)
    }

    #[test]
    fn the_first_announce_of_a_run_rotates_and_then_one_each_half_hour() {
        let mut rng = Rng::from_seed([1; 32]);
        let restored = RatchetSecret::from_bytes([9; 32]);
        let mut ratchets = Ratchets::new(vec![restored.clone()]);
        let persisted = ratchets.rotate(at(5), &mut rng).unwrap();
        assert_eq!(persisted.len(), 2);
        assert_eq!(persisted[1].as_bytes(), restored.as_bytes());
        assert_eq!(ratchets.newest(), Some(persisted[0].public()));
        assert!(ratchets.rotate(at(1805), &mut rng).is_none());
        assert!(ratchets.rotate(at(1806), &mut rng).is_some());
    }

    #[test]
    fn the_newest_512_are_kept() {
        let mut rng = Rng::from_seed([1; 32]);
        let mut ratchets = Ratchets::new(Vec::new());
        let mut last = Vec::new();
        for n in 0..520 {
            last = ratchets.rotate(at(1801 * (n + 1)), &mut rng).unwrap();
        }
        assert_eq!(last.len(), KEPT_MAX);
    }

    #[test]
    fn the_newest_and_the_useful_are_tried_first() {
        let secret = |n| RatchetSecret::from_bytes([n; 32]);
        let mut ratchets = Ratchets::new((1..10).map(secret).collect());
        let first =
            |ratchets: &Ratchets| ratchets.first().iter().map(|r| r.as_bytes()[0]).collect::<Vec<_>>();
        assert_eq!(first(&ratchets), [1, 2]);
        for n in [7, 8, 7, 9] {
            ratchets.was_useful(secret(n));
        }
        assert_eq!(first(&ratchets), [1, 2, 9, 7]);
        assert_eq!(ratchets.all().unwrap().len(), 9);
    }
}
