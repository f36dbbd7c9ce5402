//! The way back for proofs: which interface each forwarded packet came from (`spec/reticulum.md` 5.4, 5.7, 5.9).
//!
//! An entry serves one proof and lives 480 s. At most `max` are kept, about 110 bytes each; the oldest makes room, so
//! that a flood of packets which nobody proves only shortens the time that proofs have.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::hash::ProofAddress;
use crate::node::InterfaceId;
use crate::time::Instant;

/// `spec/reticulum.md` 1.3.
const LIFETIME: Duration = Duration::from_secs(480);
/// Entries that have ended are cleared away this much later, all at once: nobody finds them meanwhile, and a node that
/// was busy once does not wake for each of them.
const CLEARED_AFTER: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Where the packet came from, and its proof goes.
    back: InterfaceId,
    /// Where it went, and its proof must come from.
    ahead: InterfaceId,
    turn: u64,
}

/// What the table says of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WayBack {
    /// No packet of that name was forwarded lately.
    Unknown,
    /// One was, but not over the interface that the proof came from.
    WrongInterface,
    /// Its proof goes there.
    To(InterfaceId),
}

/// The reverse table.
#[derive(Debug)]
pub(crate) struct Reverse {
    entries: HashMap<ProofAddress, Entry>,
    /// In order of age.
    by_turn: BTreeMap<u64, (Instant, ProofAddress)>,
    turn: u64,
    max: usize,
}

impl Reverse {
    /// A table of at most `max` entries.
    pub(crate) fn new(max: usize) -> Self {
        Self { entries: HashMap::new(), by_turn: BTreeMap::new(), turn: 0, max: max.max(1) }
    }

    /// Notes that a packet was forwarded. Returns whether another one's entry made room.
    pub(crate) fn insert(
        &mut self,
        now: Instant,
        packet: ProofAddress,
        back: InterfaceId,
        ahead: InterfaceId,
    ) -> bool {
        self.turn += 1;
        if let Some(old) = self.entries.insert(packet, Entry { back, ahead, turn: self.turn }) {
            self.by_turn.remove(&old.turn);
        }
        self.by_turn.insert(self.turn, (now, packet));
        let evict = self.entries.len() > self.max;
        if evict && let Some((_, (_, oldest))) = self.by_turn.pop_first() {
            self.entries.remove(&oldest);
        }
        evict
    }

    /// Takes the entry of the packet whose proof came in on `interface`: it is gone, also if that was the wrong one.
    pub(crate) fn take(&mut self, now: Instant, packet: &ProofAddress, interface: InterfaceId) -> WayBack {
        let Some(entry) = self.entries.remove(packet) else { return WayBack::Unknown };
        let made_at = self.by_turn.remove(&entry.turn).map(|(made_at, _)| made_at);
        if made_at.is_none_or(|made_at| now.since(made_at) >= LIFETIME) {
            WayBack::Unknown
        } else if entry.ahead != interface {
            WayBack::WrongInterface
        } else {
            WayBack::To(entry.back)
        }
    }

    /// Clears away what has ended.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(oldest) = self.by_turn.first_entry() {
            let (made_at, packet) = *oldest.get();
            if now.since(made_at) < LIFETIME {
                return;
            }
            oldest.remove();
            self.entries.remove(&packet);
        }
    }

    /// When to clear away.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.by_turn.first_key_value().map(|(_, (made_at, _))| *made_at + LIFETIME + CLEARED_AFTER)
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACK: InterfaceId = InterfaceId(1);
    const AHEAD: InterfaceId = InterfaceId(2);

    fn at(s: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(s)
    }

    fn packet(n: u8) -> ProofAddress {
        ProofAddress::new([n; 16])
    }

    #[test]
    fn an_entry_serves_one_proof_from_where_its_packet_went() {
        let mut reverse = Reverse::new(10);
        reverse.insert(at(0), packet(1), BACK, AHEAD);
        reverse.insert(at(0), packet(2), BACK, AHEAD);
        assert_eq!(reverse.take(at(1), &packet(3), AHEAD), WayBack::Unknown);
        assert_eq!(reverse.take(at(1), &packet(1), AHEAD), WayBack::To(BACK));
        assert_eq!(reverse.take(at(1), &packet(1), AHEAD), WayBack::Unknown, "a second proof");
        assert_eq!(reverse.take(at(1), &packet(2), BACK), WayBack::WrongInterface);
        assert_eq!(reverse.take(at(1), &packet(2), AHEAD), WayBack::Unknown, "consumed by the wrong one");
    }

    #[test]
    fn an_entry_ends_after_480_seconds_and_is_cleared_away_a_minute_later() {
        let mut reverse = Reverse::new(10);
        for s in 0..4 {
            reverse.insert(at(s), packet(s as u8), BACK, AHEAD);
        }
        assert_eq!(reverse.take(at(479), &packet(0), AHEAD), WayBack::To(BACK));
        assert_eq!(reverse.take(at(481), &packet(1), AHEAD), WayBack::Unknown);
        assert_eq!(reverse.poll_timeout(), Some(at(542)));
        reverse.handle_timeout(at(542));
        assert_eq!((reverse.len(), reverse.poll_timeout()), (0, None));
    }

    #[test]
    fn the_oldest_makes_room_and_a_repeated_packet_counts_once() {
        let mut reverse = Reverse::new(2);
        assert!(!reverse.insert(at(0), packet(1), BACK, AHEAD));
        assert!(!reverse.insert(at(1), packet(2), BACK, AHEAD));
        assert!(!reverse.insert(at(2), packet(1), BACK, AHEAD), "the same again, now the youngest");
        assert!(reverse.insert(at(3), packet(3), BACK, AHEAD));
        assert_eq!((reverse.len(), reverse.by_turn.len()), (2, 2));
        assert_eq!(reverse.take(at(3), &packet(2), AHEAD), WayBack::Unknown);
        assert_eq!(reverse.take(at(3), &packet(1), AHEAD), WayBack::To(BACK));
    }
}
