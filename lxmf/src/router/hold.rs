//! Messages whose source is not known yet: kept until its announce comes, or for a while.
//!
//! Owns the bounds and the restraint in asking for paths: anybody can make up sources.

use std::collections::VecDeque;
use std::time::Duration;

use reticulum::hash::DestinationHash;
use reticulum::time::Instant;

use super::inbound::Arrival;

/// Messages held in total; the oldest makes room.
const HELD_MAX: usize = 256;
/// Bytes held in total; the oldest makes room.
const HELD_BYTES_MAX: usize = 4 << 20;
/// Messages held of one source; its oldest makes room. A sender repeats a message five times within a minute.
const HELD_PER_SOURCE_MAX: usize = 16;
/// A message is held this long: as long as a sender with a silent receiver goes on (`spec/lxmf.md` 8.3).
const HELD_FOR: Duration = Duration::from_secs(60);
/// A source is asked for again no sooner than this, the path request wait of `spec/lxmf.md` 8.1.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(7);
/// Unknown sources asked for at once, and from then on one each [`ASK_INTERVAL`].
const ASK_BURST: u32 = 16;
/// See [`ASK_BURST`].
const ASK_INTERVAL: Duration = Duration::from_secs(1);

/// Held messages, oldest first. As all are held for the same time, they expire in this order too.
#[derive(Debug, Default)]
pub(super) struct Hold {
    held: VecDeque<Held>,
    bytes: usize,
    /// Every request moves it on by one interval; it never lags behind the present.
    asked_until: Instant,
}

#[derive(Debug)]
struct Held {
    arrival: Arrival,
    source: DestinationHash,
    until: Instant,
    /// When the source was last asked for, as of this message.
    asked_at: Option<Instant>,
}

/// What to do about the source of a message that was just held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Ask for its path.
    Now,
    /// Others were asked for too often lately.
    Limited,
    /// It was asked for a moment ago.
    Waiting,
}

impl Hold {
    /// Keeps a message; also tells how many others made room for it.
    pub(super) fn push(&mut self, now: Instant, source: DestinationHash, arrival: Arrival) -> (Ask, u64) {
        let asked_at =
            self.held.iter().rev().find(|held| held.source == source).and_then(|held| held.asked_at);
        let ask = self.ask(now, asked_at);
        let asked_at = if ask == Ask::Now { Some(now) } else { asked_at };
        let before = self.held.len();
        if self.held.iter().filter(|held| held.source == source).count() >= HELD_PER_SOURCE_MAX {
            let oldest = self.held.iter().position(|held| held.source == source);
            self.remove(oldest.expect("at least one is of this source"));
        }
        self.bytes += arrival.len();
        self.held.push_back(Held { arrival, source, until: now + HELD_FOR, asked_at });
        while self.held.len() > HELD_MAX || self.bytes > HELD_BYTES_MAX {
            self.remove(0);
        }
        (ask, (before + 1 - self.held.len()) as u64)
    }

    /// Takes out what came from `source`, oldest first.
    pub(super) fn take(&mut self, source: &DestinationHash) -> Vec<Arrival> {
        let mut taken = Vec::new();
        while let Some(at) = self.held.iter().position(|held| held.source == *source) {
            taken.extend(self.remove(at));
        }
        taken
    }

    /// Drops what was held for long enough; returns how many.
    pub(super) fn expire(&mut self, now: Instant) -> u64 {
        let before = self.held.len();
        while self.held.front().is_some_and(|held| held.until <= now) {
            self.remove(0);
        }
        (before - self.held.len()) as u64
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.held.front().map(|held| held.until)
    }

    fn ask(&mut self, now: Instant, asked_at: Option<Instant>) -> Ask {
        if asked_at.is_some_and(|at| now.since(at) < ASK_AGAIN_AFTER) {
            return Ask::Waiting;
        }
        let ahead = self.asked_until.max(now);
        if ahead.since(now) >= ASK_INTERVAL * ASK_BURST {
            return Ask::Limited;
        }
        self.asked_until = ahead + ASK_INTERVAL;
        Ask::Now
    }

    fn remove(&mut self, at: usize) -> Option<Arrival> {
        let held = self.held.remove(at)?;
        self.bytes -= held.arrival.len();
        Some(held.arrival)
    }
}

#[cfg(test)]
mod tests {
    use reticulum::node::PendingProof;

    use super::*;

    fn source(number: u16) -> DestinationHash {
        DestinationHash::of(&[&number.to_be_bytes()])
    }

    fn arrival(len: usize) -> Arrival {
        Arrival::packet(source(0), vec![0; len], PendingProof::none())
    }

    fn at(secs: u64) -> Instant {
        Instant::from_micros(1_000_000 * secs)
    }

    #[test]
    fn a_source_is_asked_for_once_and_again_after_a_wait() {
        let mut hold = Hold::default();
        assert_eq!(hold.push(at(0), source(1), arrival(1)), (Ask::Now, 0));
        assert_eq!(hold.push(at(1), source(1), arrival(1)), (Ask::Waiting, 0));
        assert_eq!(hold.push(at(1), source(2), arrival(1)), (Ask::Now, 0));
        assert_eq!(hold.push(at(7), source(1), arrival(1)), (Ask::Now, 0));
    }

    #[test]
    fn made_up_sources_cannot_make_us_flood_the_network_with_requests() {
        let mut hold = Hold::default();
        let mut asked = |secs| {
            (0..1000)
                .filter(|&n| hold.push(at(secs), source(n + 1000 * secs as u16), arrival(1)).0 == Ask::Now)
                .count()
        };
        assert_eq!(asked(10), 16);
        assert_eq!(asked(11), 1);
        assert_eq!(asked(60), 16);
    }

    #[test]
    fn number_and_bytes_are_bounded_and_the_oldest_makes_room() {
        let mut hold = Hold::default();
        let evicted: u64 = (0..300).map(|n| hold.push(at(0), source(n), arrival(1)).1).sum();
        assert_eq!(evicted, 300 - HELD_MAX as u64);
        assert!(hold.take(&source(43)).is_empty());
        assert_eq!(hold.take(&source(44)).len(), 1);

        let mut hold = Hold::default();
        for n in 0..5 {
            hold.push(at(0), source(n), arrival(1 << 20));
        }
        assert!(hold.take(&source(0)).is_empty());
        assert_eq!(hold.take(&source(1)).len(), 1);
        assert_eq!(hold.bytes, 3 << 20);
        assert_eq!(hold.push(at(0), source(9), arrival(5 << 20)).1, 4, "more than fits is not kept at all");
        assert_eq!((hold.bytes, hold.held.len()), (0, 0));
    }

    #[test]
    fn one_source_does_not_push_out_the_others() {
        let mut hold = Hold::default();
        hold.push(at(0), source(1), arrival(1));
        let evicted: u64 = (0..300).map(|_| hold.push(at(0), source(2), arrival(1)).1).sum();
        assert_eq!(evicted, 300 - HELD_PER_SOURCE_MAX as u64);
        assert_eq!(hold.take(&source(1)).len(), 1);
        assert_eq!(hold.take(&source(2)).len(), HELD_PER_SOURCE_MAX);
        assert_eq!(hold.bytes, 0);
    }

    #[test]
    fn messages_expire_in_their_order() {
        let mut hold = Hold::default();
        hold.push(at(0), source(1), arrival(1));
        hold.push(at(5), source(2), arrival(1));
        assert_eq!(hold.poll_timeout(), Some(at(60)));
        assert_eq!(hold.expire(at(59)), 0);
        assert_eq!(hold.expire(at(60)), 1);
        assert_eq!(hold.poll_timeout(), Some(at(65)));
        assert_eq!(hold.take(&source(2)).len(), 1);
        assert_eq!(hold.poll_timeout(), None);
    }
}
