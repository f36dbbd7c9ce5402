//! The simulator: stations on virtual time, joined by wires with latency, jitter (and so reordering) and loss, and by a
//! LoRa channel.
//!
//! One seed reproduces a run bit for bit: everything that happens goes into the trace, and the same seed must give the
//! same [`Sim::trace`].

use std::collections::BTreeMap;
use std::time::Duration;

use reticulum::crypto::Rng;
use reticulum::hash::sha256_of;
use reticulum::time::{Instant, TimerQueue};

use super::air::Air;

/// What the simulator drives: a whole node without sockets, clock and threads.
pub(crate) trait Station {
    /// A frame arrived on one of its ports.
    fn handle_frame(&mut self, now: Instant, port: usize, frame: &[u8]);
    /// Its deadline has come.
    fn handle_timeout(&mut self, now: Instant);
    /// Its next deadline.
    fn poll_timeout(&self) -> Option<Instant>;
    /// The next frame that it wants to send, and on which port, among those that take one now.
    fn poll_transmit(&mut self, now: Instant, takes: &dyn Fn(usize) -> bool) -> Option<(usize, Vec<u8>)>;
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
    /// The LoRa channel, if there is one.
    pub(crate) air: Option<Air>,
    /// Times that a station was woken by its own timer.
    pub(crate) wakes: u64,
    /// Frames that stations sent.
    pub(crate) frames: u64,
    now: Instant,
    rng: Rng,
    flying: BTreeMap<(Instant, u64), (Port, Vec<u8>)>,
    launched: u64,
    deadlines: TimerQueue<usize>,
    trace: [u8; 32],
}

impl<S: Station> Sim<S> {
    /// A run that starts at `now`.
    pub(crate) fn new(seed: u64, now: Instant, stations: Vec<S>, wires: Vec<Wire>) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        Self {
            stations,
            wires,
            air: None,
            wakes: 0,
            frames: 0,
            now,
            rng: Rng::from_seed(bytes),
            flying: BTreeMap::new(),
            launched: 0,
            deadlines: TimerQueue::default(),
            trace: [0; 32],
        }
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
        self.settle_all();
        while !done(&mut self.stations) {
            // What `done` looked at it may have changed.
            self.settle_all();
            let next = self.next_instant().filter(|next| *next <= end);
            self.now = next.unwrap_or_else(|| panic!("not within {patience:?} of virtual time: {what}"));
            self.step();
        }
    }

    /// Runs for `duration` of virtual time.
    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.settle_all();
        while let Some(next) = self.next_instant().filter(|next| *next <= end) {
            self.now = next;
            self.step();
        }
        self.now = end;
    }

    fn next_instant(&self) -> Option<Instant> {
        let arrivals = self.flying.keys().next().map(|(at, _)| *at);
        let air = self.air.as_ref().and_then(Air::poll_timeout);
        let all = [self.deadlines.next_deadline(), arrivals, air];
        all.into_iter().flatten().min().map(|next| next.max(self.now))
    }

    fn step(&mut self) {
        while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let ((station, port), frame) = entry.remove();
            self.arrive(station, port, &frame);
        }
        let news = self.air.as_mut().map(|air| air.advance(self.now)).unwrap_or_default();
        for ((station, port), frame) in news {
            match frame {
                Some(frame) => self.arrive(station, port, &frame),
                None => self.settle(station),
            }
        }
        let mut steps = 0;
        while let Some(station) = self.deadlines.pop_due(self.now) {
            self.stations[station].handle_timeout(self.now);
            self.wakes += 1;
            steps += 1;
            assert!(
                steps < STEPS_AT_ONE_INSTANT_MAX + self.stations.len(),
                "station {station} spins at {:?}",
                self.now
            );
            self.settle(station);
        }
    }

    fn arrive(&mut self, station: usize, port: usize, frame: &[u8]) {
        self.note(b"in", station, frame);
        self.stations[station].handle_frame(self.now, port, frame);
        self.settle(station);
    }

    fn settle_all(&mut self) {
        (0..self.stations.len()).for_each(|station| self.settle(station));
    }

    /// Launches all that a station wants to send now, and notes when it wants to be woken.
    fn settle(&mut self, station: usize) {
        loop {
            let air = self.air.as_ref();
            let takes = |port| air.and_then(|air| air.takes((station, port))).unwrap_or(true);
            let Some((port, frame)) = self.stations[station].poll_transmit(self.now, &takes) else { break };
            self.note(b"out", station, &frame);
            self.frames += 1;
            self.launch((station, port), frame);
        }
        match self.stations[station].poll_timeout() {
            Some(deadline) => self.deadlines.set(station, deadline),
            None => self.deadlines.cancel(&station),
        }
    }

    fn launch(&mut self, from: Port, frame: Vec<u8>) {
        if let Some(air) = &mut self.air
            && let Some(radio) = air.radio(from)
        {
            return air.transmit(self.now, radio, &frame);
        }
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
        let (at, station) = (self.now.as_micros().to_be_bytes(), (station as u32).to_be_bytes());
        self.trace = sha256_of(&[&self.trace, what, &at, &station, frame]);
    }
}
