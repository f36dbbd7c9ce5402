//! Paths that are looked for on behalf of others (`spec/reticulum.md` 5.6, gate and recursive discovery).
//!
//! Owns who waits for which path, and how often the same path is looked for. At most `max` destinations; the one whose
//! record ends first makes room.

use std::collections::HashMap;
use std::time::Duration;

use crate::hash::DestinationHash;
use crate::node::InterfaceId;
use crate::time::{Instant, TimerQueue};

/// A path that was looked for is not looked for again sooner, unless it was found.
const GATE: Duration = Duration::from_secs(45);
/// Interfaces that are told of one path; more are not remembered, and ask again.
const ASKERS_MAX: usize = 16;

/// The table.
#[derive(Debug)]
pub(crate) struct Discoveries {
    /// Who waits.
    askers: HashMap<DestinationHash, Vec<InterfaceId>>,
    /// Until when.
    deadlines: TimerQueue<DestinationHash>,
    /// Until when a path is not looked for again.
    gates: TimerQueue<DestinationHash>,
    max: usize,
}

impl Discoveries {
    /// At most `max` destinations.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            askers: HashMap::new(),
            deadlines: TimerQueue::default(),
            gates: TimerQueue::default(),
            max: max.max(1),
        }
    }

    /// Somebody on `interface` asks for a path that we do not know. Whether to pass the question on; who asks is told
    /// within `patience` in any case, unless `limited`, that is, unless the question is one of a burst.
    pub(crate) fn ask(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        interface: InterfaceId,
        patience: Duration,
        limited: bool,
    ) -> bool {
        self.handle_timeout(now);
        if limited {
            return false;
        }
        if !self.askers.contains_key(&destination) {
            self.make_room();
            self.deadlines.set(destination, now + patience);
        }
        let askers = self.askers.entry(destination).or_default();
        if !askers.contains(&interface) && askers.len() < ASKERS_MAX {
            askers.push(interface);
        }
        if self.gates.deadline(&destination).is_some() {
            return false;
        }
        if self.gates.len() >= self.max {
            self.gates.pop_due(Instant::from_micros(u64::MAX));
        }
        self.gates.set(destination, now + GATE);
        true
    }

    /// Whether somebody waits for the path to `destination`.
    pub(crate) fn is_wanted(&self, destination: &DestinationHash) -> bool {
        self.askers.contains_key(destination)
    }

    /// The path to `destination` is known: who waited for it.
    pub(crate) fn found(&mut self, destination: &DestinationHash) -> Vec<InterfaceId> {
        self.gates.cancel(destination);
        self.deadlines.cancel(destination);
        self.askers.remove(destination).unwrap_or_default()
    }

    /// An interface is gone.
    pub(crate) fn remove_interface(&mut self, interface: InterfaceId) {
        self.askers.values_mut().for_each(|askers| askers.retain(|asker| *asker != interface));
    }

    /// Ends what is too old.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(destination) = self.deadlines.pop_due(now) {
            self.askers.remove(&destination);
        }
        while self.gates.pop_due(now).is_some() {}
    }

    /// When the next record ends.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        [self.deadlines.next_deadline(), self.gates.next_deadline()].into_iter().flatten().min()
    }

    /// Paths that are looked for, and gates.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.askers.len(), self.gates.len())
    }

    fn make_room(&mut self) {
        if self.askers.len() >= self.max
            && let Some(destination) = self.deadlines.pop_due(Instant::from_micros(u64::MAX))
        {
            self.askers.remove(&destination);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: DestinationHash = DestinationHash::new([7; 16]);
    const PATIENCE: Duration = Duration::from_secs(15);
    const FIRST: InterfaceId = InterfaceId(1);
    const SECOND: InterfaceId = InterfaceId(2);

    fn at(s: u64) -> Instant {
        Instant::from_micros(1_000_000 * s)
    }

    #[test]
    fn the_first_question_is_passed_on_and_others_join_it() {
        let mut table = Discoveries::new(10);
        assert!(table.ask(at(0), TO, FIRST, PATIENCE, false));
        assert!(!table.ask(at(1), TO, SECOND, PATIENCE, false));
        assert!(!table.ask(at(2), TO, SECOND, PATIENCE, false), "one interface is told once");
        assert!(table.is_wanted(&TO));
        assert_eq!(table.found(&TO), [FIRST, SECOND]);
        assert!(table.found(&TO).is_empty());
    }

    #[test]
    fn what_comes_in_a_burst_neither_asks_nor_joins() {
        let mut table = Discoveries::new(10);
        assert!(!table.ask(at(0), TO, FIRST, PATIENCE, true));
        assert!(!table.is_wanted(&TO));
        assert!(table.ask(at(1), TO, FIRST, PATIENCE, false));
        assert!(!table.ask(at(2), TO, SECOND, PATIENCE, true));
        assert_eq!(table.found(&TO), [FIRST]);
    }

    #[test]
    fn who_waits_is_forgotten_and_the_gate_stands_for_45_seconds() {
        let mut table = Discoveries::new(10);
        assert!(table.ask(at(0), TO, FIRST, PATIENCE, false));
        assert_eq!(table.poll_timeout(), Some(at(15)));
        table.handle_timeout(at(15));
        assert!(!table.is_wanted(&TO));
        assert!(!table.ask(at(30), TO, SECOND, PATIENCE, false), "gated");
        assert!(table.is_wanted(&TO), "but told if the path appears");
        assert!(table.ask(at(45), TO, SECOND, PATIENCE, false));
    }

    #[test]
    fn a_path_that_was_found_may_be_looked_for_again() {
        let mut table = Discoveries::new(10);
        table.ask(at(0), TO, FIRST, PATIENCE, false);
        table.found(&TO);
        assert_eq!(table.poll_timeout(), None);
        assert!(table.ask(at(1), TO, FIRST, PATIENCE, false));
    }

    #[test]
    fn an_interface_that_is_gone_is_not_told() {
        let mut table = Discoveries::new(10);
        table.ask(at(0), TO, FIRST, PATIENCE, false);
        table.ask(at(0), TO, SECOND, PATIENCE, false);
        table.remove_interface(FIRST);
        assert_eq!(table.found(&TO), [SECOND]);
    }

    #[test]
    fn tables_are_bounded() {
        let mut table = Discoveries::new(10);
        for n in 0..100 {
            table.ask(at(u64::from(n) / 10), DestinationHash::new([n; 16]), FIRST, PATIENCE, false);
        }
        assert_eq!((table.askers.len(), table.deadlines.len(), table.gates.len()), (10, 10, 10));
        for n in 0..100 {
            table.ask(at(10), TO, InterfaceId(n), PATIENCE, false);
        }
        assert_eq!(table.found(&TO).len(), ASKERS_MAX);
    }
}
