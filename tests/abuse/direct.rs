//! A whole node without sockets, disk and clock at the other end of the wire: what takes hours or must be exact.

use std::collections::VecDeque;
use std::time::Duration;

use meshgroup::host::Host;
use reticulum::time::Instant;

use super::attacker::Wire;
use crate::support::sim::Station;
use crate::support::station::{GroupStation, Participant};

/// How long a node may take, of virtual time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The node and its time.
pub(crate) struct Direct {
    station: Participant,
    now: Instant,
    sent: VecDeque<Vec<u8>>,
}

impl Direct {
    /// A new group.
    pub(crate) fn start(seed: u8) -> Self {
        let now = Instant::from_micros(1_000_000_000);
        let station = Participant::Group(Box::new(GroupStation::new(seed, now)));
        Self { station, now, sent: VecDeque::new() }
    }

    /// The node.
    pub(crate) fn host(&mut self) -> &mut Host {
        &mut self.station.group().host
    }

    /// One of its counters.
    pub(crate) fn counter(&mut self, name: &str) -> u64 {
        self.host().counters()[name]
    }

    /// Lets time pass.
    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.step(end) {}
        self.now = end;
    }

    /// Does what is due next, unless that is later than `end`.
    fn step(&mut self, end: Instant) -> bool {
        self.collect();
        let Some(next) = self.station.poll_timeout().filter(|next| *next <= end) else { return false };
        self.now = self.now.max(next);
        self.station.handle_timeout(self.now);
        self.collect();
        true
    }

    fn collect(&mut self) {
        while let Some((_, frame)) = self.station.poll_transmit(self.now, &|_| true) {
            self.sent.push_back(frame);
        }
    }
}

impl Wire for Direct {
    fn send(&mut self, frame: &[u8]) {
        self.station.handle_frame(self.now, 0, frame);
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        let end = self.now + PATIENCE;
        self.collect();
        while self.sent.is_empty() && self.step(end) {}
        self.sent.pop_front()
    }
}
