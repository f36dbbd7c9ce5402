//! Announces that wait to be passed on, and answers to path requests that wait to be given (`spec/reticulum.md` 4.4).
//!
//! Owns when and how often; what is sent, and where, is decided when it is due, from the newest announce of the destination.
//! One entry a destination, at most `max`; the one that is due last makes room, which is most often a second
//! transmission. The same number of answers, where the newest question makes no room.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::paths::Blob;
use crate::hash::DestinationHash;
use crate::node::InterfaceId;
use crate::time::{Instant, TimerQueue};

/// The first transmission comes within this time.
pub(crate) const JITTER: Duration = Duration::from_millis(500);
/// Between the first and the second transmission.
const REPEAT_AFTER: Duration = Duration::from_millis(5500);
/// Transmissions, counting those that a source spares us.
const RETRIES_MAX: u8 = 2;
/// Others that were heard to pass the same copy on, which makes ours needless.
const SIBLINGS_MAX: u8 = 2;

/// Where an announce came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// From the network: sent twice, the first time after this jitter.
    Network(Duration),
    /// From a program on this machine: sent once, at once.
    LocalClient,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Pass the announce on, with this hop byte.
    Rebroadcast {
        /// Whose.
        destination: DestinationHash,
        /// As on the wire.
        hops: u8,
    },
    /// Answer who asked for the path on an interface.
    Answer {
        /// The path to whom.
        destination: DestinationHash,
        /// Where.
        interface: InterfaceId,
    },
}

#[derive(Debug)]
struct Entry {
    hops: u8,
    blob: Blob,
    retries: u8,
    siblings: u8,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Rebroadcasts {
    entries: HashMap<DestinationHash, Entry>,
    deadlines: TimerQueue<DestinationHash>,
    answers: BTreeMap<(DestinationHash, InterfaceId), Instant>,
    answers_due: TimerQueue<(DestinationHash, InterfaceId)>,
    max: usize,
}

impl Rebroadcasts {
    /// At most `max` entries, and as many answers.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            entries: HashMap::new(),
            deadlines: TimerQueue::default(),
            answers: BTreeMap::new(),
            answers_due: TimerQueue::default(),
            max: max.max(1),
        }
    }

    /// Takes an accepted announce with its received hop count, in place of an older one of its destination. Returns whether
    /// another had to make room.
    pub(crate) fn add(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        hops: u8,
        blob: Blob,
        source: Source,
    ) -> bool {
        let (retries, at) = match source {
            Source::Network(jitter) => (0, now + jitter),
            Source::LocalClient => (1, now),
        };
        self.entries.insert(destination, Entry { hops, blob, retries, siblings: 0 });
        self.deadlines.set(destination, at);
        if self.entries.len() <= self.max {
            return false;
        }
        if let Some(last) = self.deadlines.last() {
            self.cancel(&last);
        }
        true
    }

    /// Another transport was heard to pass on an announce, with this received hop count. Whether ours is needless.
    pub(crate) fn overheard(
        &mut self,
        now: Instant,
        destination: &DestinationHash,
        hops: u8,
        blob: &Blob,
    ) -> bool {
        let Some(entry) = self.entries.get_mut(destination).filter(|entry| entry.blob == *blob) else {
            return false;
        };
        let sent = hops.saturating_sub(1);
        let needless = if sent == entry.hops {
            entry.siblings = entry.siblings.saturating_add(1);
            entry.retries > 0 && entry.siblings >= SIBLINGS_MAX
        } else {
            let waits = self.deadlines.deadline(destination).is_some_and(|deadline| now < deadline);
            sent == entry.hops.saturating_add(1) && entry.retries > 0 && waits
        };
        if needless {
            self.cancel(destination);
        }
        needless
    }

    /// Answers a path request at `at`. False if there are too many.
    pub(crate) fn answer(
        &mut self,
        destination: DestinationHash,
        interface: InterfaceId,
        at: Instant,
    ) -> bool {
        let key = (destination, interface);
        if self.answers.contains_key(&key) {
            return true;
        }
        if self.answers.len() >= self.max {
            return false;
        }
        self.answers.insert(key, at);
        self.answers_due.set(key, at);
        true
    }

    /// Takes what is due at `now`: answers, then rebroadcasts, the nearest first.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<Due> {
        let mut due = Vec::new();
        while let Some(key) = self.answers_due.pop_due(now) {
            self.answers.remove(&key);
            due.push(Due::Answer { destination: key.0, interface: key.1 });
        }
        let first = due.len();
        while let Some(destination) = self.deadlines.pop_due(now) {
            // Parked until the answer is given.
            let until = self.answers_to(destination).max();
            if let Some(until) = until {
                self.deadlines.set(destination, until);
                continue;
            }
            let Some(entry) = self.entries.get_mut(&destination) else { continue };
            entry.retries += 1;
            due.push(Due::Rebroadcast { destination, hops: entry.hops });
            if entry.retries < RETRIES_MAX {
                self.deadlines.set(destination, now + REPEAT_AFTER);
            } else {
                self.entries.remove(&destination);
            }
        }
        due[first..].sort_by_key(|due| match due {
            Due::Rebroadcast { hops, .. } => *hops,
            Due::Answer { .. } => 0,
        });
        due
    }

    /// When something is due next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        [self.deadlines.next_deadline(), self.answers_due.next_deadline()].into_iter().flatten().min()
    }

    /// Entries and answers.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.entries.len(), self.answers.len())
    }

    fn cancel(&mut self, destination: &DestinationHash) {
        self.entries.remove(destination);
        self.deadlines.cancel(destination);
    }

    fn answers_to(&self, destination: DestinationHash) -> impl Iterator<Item = Instant> + '_ {
        let all = (destination, InterfaceId(0))..=(destination, InterfaceId(u32::MAX));
        self.answers.range(all).map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: DestinationHash = DestinationHash::new([7; 16]);
    const BLOB: Blob = [1; 10];
    const EARLY: Source = Source::Network(Duration::from_millis(300));

    fn at(ms: u64) -> Instant {
        Instant::from_micros(1_000 * ms)
    }

    fn rebroadcast(hops: u8) -> Vec<Due> {
        vec![Due::Rebroadcast { destination: TO, hops }]
    }

    fn waiting(source: Source) -> Rebroadcasts {
        let mut table = Rebroadcasts::new(10);
        table.add(at(0), TO, 3, BLOB, source);
        table
    }

    /// Runs until nothing waits; when what was sent.
    fn trace(table: &mut Rebroadcasts) -> Vec<(Instant, Due)> {
        let mut trace = Vec::new();
        while let Some(deadline) = table.poll_timeout() {
            trace.extend(table.take_due(deadline).into_iter().map(|due| (deadline, due)));
        }
        trace
    }

    #[test]
    fn network_announces_are_sent_twice_five_and_a_half_seconds_apart() {
        let due = rebroadcast(3)[0];
        assert_eq!(trace(&mut waiting(EARLY)), [(at(300), due), (at(5800), due)]);
    }

    #[test]
    fn local_client_announces_are_sent_once_and_at_once() {
        assert_eq!(trace(&mut waiting(Source::LocalClient)), [(at(0), rebroadcast(3)[0])]);
    }

    #[test]
    fn a_newer_announce_replaces_the_older() {
        let mut table = waiting(EARLY);
        assert_eq!(table.take_due(at(300)), rebroadcast(3));
        table.add(at(1000), TO, 2, [2; 10], Source::Network(Duration::ZERO));
        assert_eq!(trace(&mut table), [(at(1000), rebroadcast(2)[0]), (at(6500), rebroadcast(2)[0])]);
    }

    #[test]
    fn two_siblings_make_the_second_transmission_needless_but_never_the_first() {
        let mut table = waiting(EARLY);
        for _ in 0..5 {
            assert!(!table.overheard(at(100), &TO, 4, &BLOB), "nothing of ours was sent yet");
        }
        assert_eq!(table.take_due(at(300)), rebroadcast(3));
        assert!(table.overheard(at(400), &TO, 4, &BLOB));
        assert_eq!(table.poll_timeout(), None);

        let mut table = waiting(EARLY);
        table.take_due(at(300));
        assert!(!table.overheard(at(400), &TO, 4, &BLOB), "one is not enough");
        assert!(table.overheard(at(500), &TO, 4, &BLOB));
    }

    #[test]
    fn the_next_node_that_passes_it_on_makes_the_second_transmission_needless() {
        let mut table = waiting(EARLY);
        assert!(!table.overheard(at(100), &TO, 5, &BLOB), "that was not our copy, we sent none");
        table.take_due(at(300));
        assert!(!table.overheard(at(5800), &TO, 5, &BLOB), "not once the second is due");
        assert!(table.overheard(at(5799), &TO, 5, &BLOB));
        assert_eq!(table.poll_timeout(), None);
    }

    #[test]
    fn other_hop_counts_and_other_announces_cancel_nothing() {
        let mut table = waiting(EARLY);
        table.take_due(at(300));
        for hops in [0, 1, 2, 3, 6, 7, 128] {
            assert!(!table.overheard(at(400), &TO, hops, &BLOB), "{hops}");
        }
        for _ in 0..5 {
            assert!(!table.overheard(at(400), &TO, 5, &[9; 10]), "another announce");
            assert!(!table.overheard(at(400), &DestinationHash::new([8; 16]), 5, &BLOB));
        }
        assert_eq!(table.poll_timeout(), Some(at(5800)));
    }

    #[test]
    fn an_answer_parks_the_announce_until_it_is_given() {
        let mut table = waiting(EARLY);
        assert!(table.answer(TO, InterfaceId(2), at(400)));
        assert!(table.answer(TO, InterfaceId(2), at(900)), "asked again: one answer, at the first time");
        let answer = Due::Answer { destination: TO, interface: InterfaceId(2) };
        let due = rebroadcast(3)[0];
        assert_eq!(trace(&mut table), [(at(400), answer), (at(400), due), (at(5900), due)]);
    }

    #[test]
    fn answers_of_other_destinations_park_nothing() {
        let mut table = waiting(EARLY);
        let other = DestinationHash::new([8; 16]);
        table.answer(other, InterfaceId(2), at(400));
        assert_eq!(table.take_due(at(300)), rebroadcast(3));
    }

    #[test]
    fn what_is_due_together_goes_nearest_first() {
        let mut table = Rebroadcasts::new(10);
        for (n, hops) in [(1, 9), (2, 1), (3, 5)] {
            table.add(at(0), DestinationHash::new([n; 16]), hops, BLOB, EARLY);
        }
        let hops: Vec<u8> = table
            .take_due(at(500))
            .iter()
            .map(|due| match due {
                Due::Rebroadcast { hops, .. } => *hops,
                Due::Answer { .. } => panic!(),
            })
            .collect();
        assert_eq!(hops, [1, 5, 9]);
        assert_eq!(table.poll_timeout(), Some(at(6000)));
    }

    #[test]
    fn the_one_that_is_due_last_makes_room() {
        let mut table = Rebroadcasts::new(3);
        let to = |n| DestinationHash::new([n; 16]);
        table.add(at(0), to(1), 1, BLOB, Source::Network(Duration::ZERO));
        table.take_due(at(0));
        for n in 2..4 {
            assert!(!table.add(at(100), to(n), 1, BLOB, EARLY));
        }
        assert!(table.add(at(100), to(4), 1, BLOB, EARLY));
        assert!(!table.entries.contains_key(&to(1)), "it was sent once");
        for n in 5..100 {
            table.add(at(100), to(n), 1, BLOB, EARLY);
            table.answer(to(n), InterfaceId(1), at(500));
        }
        assert_eq!((table.entries.len(), table.deadlines.len(), table.answers.len()), (3, 3, 3));
    }
}
