//! The simulator: stations on virtual time, joined by wires with latency, jitter (and so reordering) and loss.
//!
//! One seed reproduces a run bit for bit: everything that happens goes into the trace, and the same seed must give the
//! same [`Sim::trace`].

use std::collections::BTreeMap;
use std::time::Duration;

use reticulum::crypto::Rng;
use reticulum::hash::sha256_of;
use reticulum::time::Instant;

/// What the simulator drives: a whole node without sockets, clock and threads.
pub(crate) trait Station {
    /// A frame arrived on one of its ports.
    fn handle_frame(&mut self, now: Instant, port: usize, frame: &[u8]);
    /// Its deadline has come.
    fn handle_timeout(&mut self, now: Instant);
    /// Its next deadline.
    fn poll_timeout(&self) -> Option<Instant>;
    /// The next frame that it wants to send, and on which port.
    fn poll_transmit(&mut self, now: Instant) -> Option<(usize, Vec<u8>)>;
}

/// A port of a station.
pub(crate) type Port = (usize, usize);

/// What joins two ports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire {
    /// One end.
    pub(crate) a: Port,
    /// The other.
    pub(crate) b: Port,
    /// The least time that a frame takes.
    pub(crate) latency: Duration,
    /// Up to so much more, drawn for each frame: frames overtake each other.
    pub(crate) jitter: Duration,
    /// Of 1,000 frames, so many are lost.
    pub(crate) loss_permille: u64,
}

/// Steps that a station may take at one instant before it counts as spinning.
const STEPS_AT_ONE_INSTANT_MAX: usize = 10_000;

/// Stations, wires and virtual time.
pub(crate) struct Sim<S> {
    /// The stations.
    pub(crate) stations: Vec<S>,
    /// The wires; a test may change or cut them between runs.
    pub(crate) wires: Vec<Wire>,
    now: Instant,
    rng: Rng,
    flying: BTreeMap<(Instant, u64), (Port, Vec<u8>)>,
    launched: u64,
    trace: [u8; 32],
}

impl<S: Station> Sim<S> {
    /// A run that starts at `now`.
    pub(crate) fn new(seed: u64, now: Instant, stations: Vec<S>, wires: Vec<Wire>) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let rng = Rng::from_seed(bytes);
        Self { stations, wires, now, rng, flying: BTreeMap::new(), launched: 0, trace: [0; 32] }
    }

    /// Virtual time.
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// A hash of everything that happened so far.
    pub(crate) fn trace(&self) -> [u8; 32] {
        self.trace
    }

    /// Runs until `done` holds, and fails at the latest after `patience` of virtual time.
    pub(crate) fn run_until(
        &mut self,
        patience: Duration,
        what: &str,
        mut done: impl FnMut(&mut [S]) -> bool,
    ) {
        let end = self.now + patience;
        loop {
            self.settle();
            if done(&mut self.stations) {
                return;
            }
            let next = self.next_instant().filter(|next| *next <= end);
            self.now = next.unwrap_or_else(|| panic!("not within {patience:?} of virtual time: {what}"));
            self.step();
        }
    }

    /// Runs for `duration` of virtual time.
    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.settle();
        while let Some(next) = self.next_instant().filter(|next| *next <= end) {
            self.now = next;
            self.step();
            self.settle();
        }
        self.now = end;
    }

    fn next_instant(&self) -> Option<Instant> {
        let timers = self.stations.iter().filter_map(Station::poll_timeout);
        let arrivals = self.flying.keys().next().map(|(at, _)| *at);
        timers.chain(arrivals).min().map(|next| next.max(self.now))
    }

    fn step(&mut self) {
        while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let ((station, port), frame) = entry.remove();
            self.note(b"in", station, &frame);
            self.stations[station].handle_frame(self.now, port, &frame);
        }
        for station in 0..self.stations.len() {
            let mut steps = 0;
            while self.stations[station].poll_timeout().is_some_and(|deadline| deadline <= self.now) {
                self.stations[station].handle_timeout(self.now);
                steps += 1;
                assert!(steps < STEPS_AT_ONE_INSTANT_MAX, "station {station} spins at {:?}", self.now);
            }
        }
    }

    /// Launches all that the stations want to send now.
    fn settle(&mut self) {
        for station in 0..self.stations.len() {
            while let Some((port, frame)) = self.stations[station].poll_transmit(self.now) {
                self.note(b"out", station, &frame);
                self.launch((station, port), frame);
            }
        }
    }

    fn launch(&mut self, from: Port, frame: Vec<u8>) {
        for index in 0..self.wires.len() {
            let wire = self.wires[index];
            let to = match from {
                port if port == wire.a => wire.b,
                port if port == wire.b => wire.a,
                _ => continue,
            };
            if self.rng.below(1000) < wire.loss_permille {
                self.note(b"lost", to.0, &frame);
                continue;
            }
            let jitter =
                if wire.jitter.is_zero() { wire.jitter } else { self.rng.duration_below(wire.jitter) };
            let at = self.now + wire.latency + jitter;
            self.launched += 1;
            self.flying.insert((at, self.launched), (to, frame.clone()));
        }
    }

    fn note(&mut self, what: &[u8], station: usize, frame: &[u8]) {
        let at = self.now.as_micros().to_be_bytes();
        self.trace = sha256_of(&[&self.trace, what, &at, &[station as u8], frame]);
    }
}
