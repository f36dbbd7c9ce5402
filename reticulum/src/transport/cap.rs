//! The announce cap of one interface (`spec/reticulum.md` 4.7): what share of its bitrate announces passed on for others
//! may take, and those that wait for their turn.
//!
//! Only names wait here; the frame is made of the newest announce of the destination when its turn comes. At most `max`,
//! one a destination, for three hours; the nearest goes first, among equals the oldest; the farthest and newest makes room.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::hash::DestinationHash;
use crate::time::Instant;

/// What waited longer is dropped.
const LIFETIME: Duration = Duration::from_secs(3 * 3600);

type Rank = (u8, u64, DestinationHash);

/// What became of an announce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// To be sent now.
    Send,
    /// It waits.
    Waits,
    /// It waits, or what waits is as new, and one had to go.
    Dropped,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    rank: Rank,
    emitted_s: u64,
    since: Instant,
}

/// The state of one interface.
#[derive(Debug, Default)]
pub(crate) struct Cap {
    allowed_at: Instant,
    waiting: HashMap<DestinationHash, Waiting>,
    ranked: BTreeSet<Rank>,
    turn: u64,
}

impl Cap {
    /// Takes an announce with its hop byte and emission time.
    pub(crate) fn offer(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        hops: u8,
        emitted_s: u64,
        max: usize,
    ) -> Offered {
        if self.is_free(now) {
            return Offered::Send;
        }
        if let Some(old) = self.waiting.get(&destination) {
            if old.emitted_s >= emitted_s {
                return Offered::Dropped;
            }
            self.ranked.remove(&old.rank);
        }
        self.turn += 1;
        let rank = (hops, self.turn, destination);
        self.waiting.insert(destination, Waiting { rank, emitted_s, since: now });
        self.ranked.insert(rank);
        let full = self.waiting.len() > max;
        while self.waiting.len() > max
            && let Some((.., farthest)) = self.ranked.pop_last()
        {
            self.waiting.remove(&farthest);
        }
        if full { Offered::Dropped } else { Offered::Waits }
    }

    /// Whether something may be sent at once: nothing waits, and no pause lasts.
    pub(crate) fn is_free(&self, now: Instant) -> bool {
        self.waiting.is_empty() && now >= self.allowed_at
    }

    /// Something is being sent that takes `airtime`; `percent` of the time is for such.
    pub(crate) fn spend(&mut self, now: Instant, airtime: Duration, percent: f32) {
        self.allowed_at = now + airtime.mul_f64(100.0 / f64::from(percent).clamp(0.01, 100.0));
    }

    /// Takes the announce whose turn it is, with its hop byte, if the pause is over; counts in `stale` those that waited
    /// too long.
    pub(crate) fn next(&mut self, now: Instant, stale: &mut u64) -> Option<(DestinationHash, u8)> {
        if now < self.allowed_at {
            return None;
        }
        while let Some((hops, _, destination)) = self.ranked.pop_first() {
            let waited = self.waiting.remove(&destination)?;
            if now.since(waited.since) <= LIFETIME {
                return Some((destination, hops));
            }
            *stale += 1;
        }
        None
    }

    /// When the next may be sent.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.allowed_at)
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Forgets what waits.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.ranked.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AIRTIME: Duration = Duration::from_secs(1);

    fn at(s: u64) -> Instant {
        Instant::from_micros(1_000_000 * s)
    }

    fn to(n: u8) -> DestinationHash {
        DestinationHash::new([n; 16])
    }

    /// A cap that has just sent something of one second: at 2 percent the pause lasts 50 s.
    fn pausing() -> Cap {
        let mut cap = Cap::default();
        cap.spend(at(0), AIRTIME, 2.0);
        cap
    }

    /// Sends all that waits as soon as it may.
    fn drain(cap: &mut Cap) -> Vec<(Instant, u8)> {
        let mut sent = Vec::new();
        while let Some(deadline) = cap.poll_timeout() {
            if let Some((destination, _)) = cap.next(deadline, &mut 0) {
                sent.push((deadline, destination.as_bytes()[0]));
                cap.spend(deadline, AIRTIME, 2.0);
            }
        }
        sent
    }

    #[test]
    fn the_first_goes_out_and_a_pause_follows() {
        let mut cap = Cap::default();
        assert_eq!(cap.offer(at(0), to(1), 1, 1, 10), Offered::Send);
        cap.spend(at(0), AIRTIME, 2.0);
        assert_eq!(cap.offer(at(49), to(2), 1, 1, 10), Offered::Waits);
        assert_eq!(cap.poll_timeout(), Some(at(50)));
        assert_eq!(cap.next(at(49), &mut 0), None);
    }

    #[test]
    fn the_pause_follows_from_the_share() {
        for (percent, pause_s) in [(100.0, 1), (50.0, 2), (2.0, 50), (1.0, 100)] {
            let mut cap = Cap::default();
            cap.spend(at(0), AIRTIME, percent);
            assert!(!cap.is_free(at(pause_s) - Duration::from_millis(1)), "{percent}");
            assert!(cap.is_free(at(pause_s) + Duration::from_millis(1)), "{percent}");
        }
    }

    #[test]
    fn while_others_wait_a_new_one_waits_too() {
        let mut cap = pausing();
        cap.offer(at(1), to(1), 9, 1, 10);
        assert_eq!(cap.offer(at(60), to(2), 1, 1, 10), Offered::Waits);
    }

    #[test]
    fn the_nearest_goes_first_and_among_equals_the_oldest() {
        let mut cap = pausing();
        for (n, hops) in [(1, 5), (2, 1), (3, 3), (4, 1), (5, 5)] {
            cap.offer(at(1), to(n), hops, 1, 10);
        }
        let order: Vec<u8> = drain(&mut cap).iter().map(|(_, n)| *n).collect();
        assert_eq!(order, [2, 4, 3, 1, 5]);
    }

    #[test]
    fn each_is_a_pause_after_the_one_before() {
        let mut cap = pausing();
        for n in 1..4 {
            cap.offer(at(1), to(n), 1, 1, 10);
        }
        let times: Vec<Instant> = drain(&mut cap).iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [at(50), at(100), at(150)]);
        assert!(cap.is_free(at(200)));
    }

    #[test]
    fn a_newer_announce_replaces_the_waiting_one_and_an_older_does_not() {
        let mut cap = pausing();
        cap.offer(at(1), to(1), 5, 100, 10);
        assert_eq!(cap.offer(at(2), to(1), 1, 100, 10), Offered::Dropped, "as old");
        assert_eq!(cap.offer(at(2), to(1), 1, 99, 10), Offered::Dropped);
        assert_eq!(cap.offer(at(2), to(1), 2, 101, 10), Offered::Waits);
        assert_eq!((cap.len(), cap.ranked.len()), (1, 1));
        assert_eq!(cap.next(at(50), &mut 0), Some((to(1), 2)));
    }

    #[test]
    fn what_waited_three_hours_is_dropped() {
        let mut cap = pausing();
        cap.offer(at(1), to(1), 1, 1, 10);
        cap.offer(at(3600), to(2), 9, 1, 10);
        let mut stale = 0;
        assert_eq!(cap.next(at(2 + 3 * 3600), &mut stale), Some((to(2), 9)));
        assert_eq!(stale, 1);
    }

    #[test]
    fn the_farthest_and_newest_makes_room() {
        let mut cap = pausing();
        for n in 0..100 {
            cap.offer(at(1), to(n), n % 5, 1, 10);
        }
        assert_eq!((cap.len(), cap.ranked.len()), (10, 10));
        let order: Vec<u8> = drain(&mut cap).iter().map(|(_, n)| *n).collect();
        assert_eq!(order, [0, 5, 10, 15, 20, 25, 30, 35, 40, 45]);
    }
}
