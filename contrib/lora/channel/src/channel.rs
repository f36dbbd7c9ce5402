//! The channel: radios that contend for the air, and what each of them hears. It owns all of their state; what a radio
//! says to its host is not its matter.
//!
//! Everything happens at exact instants. A carrier is noticed only after [`SENSE_SYMBOLS`], so two radios that draw the
//! same slot collide, as on the air.

mod radio;

use std::collections::VecDeque;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

pub use self::radio::{RADIO_QUEUE_BYTES_MAX, RADIO_QUEUE_PACKETS_MAX};
use self::radio::{Radio, State};
use crate::framing::frames_of;
use crate::ledger::{AirtimeLimits, Usage};
use crate::modulation::{Modulation, PACKET_LEN_MAX, PREAMBLE_SYMBOLS};
use crate::terrain::{Bursts, Signal, Terrain};

/// A frame survives another that is weaker by so much, in decibel.
const CAPTURE_DB: i16 = 6;

/// Back-off is drawn from this many slots. Firmware adapts its window to the load of the channel; the model does not.
const CONTENTION_SLOTS: u64 = 15;

/// Detecting a carrier takes about so long.
const SENSE_SYMBOLS: u32 = 2;

/// A receiver needs only the last symbols of a preamble, so what disturbs the ones before does no harm.
const PREAMBLE_SYMBOLS_NEEDED: u32 = 5;

/// Where a radio listens and sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Middle of the channel.
    pub frequency_hz: u32,
    /// How symbols are made.
    pub modulation: Modulation,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A radio received a packet.
    Received {
        /// The receiver.
        radio: usize,
        /// The packet, its halves joined.
        packet: Vec<u8>,
        /// Strength of its last frame.
        rssi_dbm: i16,
        /// Signal over noise of its last frame.
        snr_db: f64,
    },
    /// A radio did not receive a frame that was strong enough to be read.
    Missed {
        /// The receiver.
        radio: usize,
        /// The sender.
        from: usize,
        /// Why.
        why: Miss,
    },
    /// A packet has left a radio.
    Sent {
        /// The sender.
        radio: usize,
        /// Time that it was on the air.
        airtime: Duration,
    },
}

/// Why a frame was not received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// The receiver was sending.
    HalfDuplex,
    /// Another frame was on the air, and not 6 dB weaker.
    Collision,
    /// Chance, by the matrix or in a burst.
    Loss,
}

/// Why a radio does not take a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The radio is off.
    #[error("the radio is off")]
    Off,
    /// The packet is empty or longer than [`PACKET_LEN_MAX`].
    #[error("a packet has 1 to {PACKET_LEN_MAX} bytes")]
    Length,
    /// The queue is full.
    #[error("the queue of the radio is full")]
    QueueFull,
}

/// Radios on one channel.
#[derive(Debug)]
pub struct Channel {
    terrain: Terrain,
    bursts: Option<Bursts>,
    rng: ChaCha20Rng,
    radios: Vec<Radio>,
    /// Frames on the air or about to be, and those that ended while others that they met were still on the air.
    air: Vec<Emission>,
    events: VecDeque<Event>,
    now: Duration,
}

/// One LoRa frame.
#[derive(Debug)]
struct Emission {
    from: usize,
    tuning: Tuning,
    frame: Vec<u8>,
    start: Duration,
    /// What disturbs it from here on destroys it.
    critical_at: Duration,
    /// Others notice it from here on.
    sensed_at: Duration,
    end: Duration,
    sensed: bool,
    ended: bool,
}

impl Channel {
    /// A channel at time zero, with one radio, switched off, for each row of the matrix.
    pub fn new(terrain: Terrain, seed: u64) -> Self {
        let radios = (0..terrain.radios()).map(|_| Radio::new()).collect();
        Self {
            terrain,
            bursts: None,
            rng: ChaCha20Rng::seed_from_u64(seed),
            radios,
            air: Vec::new(),
            events: VecDeque::new(),
            now: Duration::ZERO,
        }
    }

    /// Loss in bursts between all pairs from now on, or no more of it.
    pub fn set_bursts(&mut self, bursts: Option<Bursts>) {
        self.bursts = bursts;
    }

    /// Changes how `to` hears `from`, for frames that end after `now`.
    pub fn set_signal(&mut self, now: Duration, from: usize, to: usize, signal: Option<Signal>) {
        self.handle_timeout(now);
        self.terrain.set(from, to, signal);
    }

    /// Switches a radio on, to another tuning, or off, which forgets its queue. What is on the air stays there.
    pub fn tune(&mut self, now: Duration, radio: usize, tuning: Option<Tuning>) {
        self.handle_timeout(now);
        if self.radios[radio].tuning == tuning {
            return;
        }
        self.radios[radio].retune(self.now, tuning);
        if let State::Waiting { .. } = self.radios[radio].state {
            self.contend(radio);
        }
    }

    /// Sets what a radio may send at most.
    pub fn limit(&mut self, now: Duration, radio: usize, limits: AirtimeLimits) {
        self.handle_timeout(now);
        self.radios[radio].limits = limits;
    }

    /// Gives a radio a packet to send.
    pub fn transmit(&mut self, now: Duration, radio: usize, packet: &[u8]) -> Result<(), Refused> {
        self.handle_timeout(now);
        let sender = &mut self.radios[radio];
        if sender.tuning.is_none() {
            return Err(Refused::Off);
        }
        if !(1..=PACKET_LEN_MAX).contains(&packet.len()) {
            return Err(Refused::Length);
        }
        if !sender.has_room(packet.len()) {
            return Err(Refused::QueueFull);
        }
        sender.queue.push_back(packet.to_vec());
        if let State::Idle = sender.state {
            self.contend(radio);
        }
        Ok(())
    }

    /// Lets everything happen that is due, each thing at its own instant, however late this is called.
    pub fn handle_timeout(&mut self, now: Duration) {
        while let Some(at) = self.poll_timeout().filter(|at| *at <= now) {
            self.now = self.now.max(at);
            self.end_emissions();
            self.end_packets();
            self.sense_emissions();
            self.begin_packets();
            self.forget_emissions();
        }
        self.now = self.now.max(now);
    }

    /// The next event. Drain them after every call that takes the time.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Channel::handle_timeout`] is due next.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let frames = self.air.iter().filter(|emission| !emission.ended);
        let frames = frames.map(|emission| if emission.sensed { emission.end } else { emission.sensed_at });
        let radios = self.radios.iter().filter_map(Radio::deadline);
        frames.chain(radios).min()
    }

    /// Whether the queue of a radio takes another packet of any length.
    pub fn has_room(&self, radio: usize) -> bool {
        self.radios[radio].has_room(PACKET_LEN_MAX)
    }

    /// Use of the channel as a radio sees it.
    pub fn usage(&self, now: Duration, radio: usize) -> Usage {
        self.radios[radio].ledger.usage(now.max(self.now))
    }

    /// Draws a back-off, and begins to count it if it is quiet.
    fn contend(&mut self, radio: usize) {
        let slots = below(&mut self.rng, CONTENTION_SLOTS) as u32;
        let quiet_since = (!self.is_busy(radio)).then_some(self.now);
        self.radios[radio].state = State::Waiting { slots, quiet_since, not_before: self.now };
    }

    fn is_busy(&self, radio: usize) -> bool {
        self.air.iter().any(|emission| {
            emission.sensed_at <= self.now && self.now < emission.end && self.is_audible(emission, radio)
        })
    }

    /// Whether a radio would read this frame if nothing else happened.
    fn is_audible(&self, emission: &Emission, radio: usize) -> bool {
        let tuned = self.radios[radio].tuning.is_some_and(|tuning| tuning.meets(&emission.tuning));
        let signal = self.terrain.signal(emission.from, radio);
        tuned
            && signal.is_some_and(|signal| {
                snr_db(signal, &emission.tuning) >= emission.tuning.modulation.snr_min_db()
            })
    }

    fn end_emissions(&mut self) {
        for index in 0..self.air.len() {
            if !self.air[index].ended && self.air[index].end <= self.now {
                self.air[index].ended = true;
                self.air[index].sensed = true;
                (0..self.radios.len()).for_each(|radio| self.hear(index, radio));
            }
        }
        for radio in 0..self.radios.len() {
            let waits = matches!(self.radios[radio].state, State::Waiting { quiet_since: None, .. });
            if waits && !self.is_busy(radio) {
                self.radios[radio].fell_quiet(self.now);
            }
        }
    }

    /// Decides what one radio makes of a frame that has just ended.
    fn hear(&mut self, index: usize, radio: usize) {
        let emission = &self.air[index];
        let Some(signal) = self.terrain.signal(emission.from, radio) else { return };
        if !self.is_audible(emission, radio) {
            return;
        }
        let from = emission.from;
        self.radios[radio].ledger.heard(self.now, emission.end - emission.start);
        if self.radios[radio].tuned_at > emission.start {
            return;
        }
        let why = self
            .disturbance(emission, radio, signal)
            .or_else(|| self.terrain.loses(from, radio, self.bursts, &mut self.rng).then_some(Miss::Loss));
        if let Some(why) = why {
            self.events.push_back(Event::Missed { radio, from, why });
        } else if let Some(packet) = self.radios[radio].joiner.take(&emission.frame) {
            let snr_db = snr_db(signal, &emission.tuning);
            self.events.push_back(Event::Received { radio, packet, rssi_dbm: signal.rssi_dbm, snr_db });
        }
    }

    /// What other frames did to this one at a receiver.
    fn disturbance(&self, emission: &Emission, radio: usize, signal: Signal) -> Option<Miss> {
        let mut others = self.air.iter().filter(|other| !std::ptr::eq(*other, emission));
        let overlap = |other: &Emission, from| other.start < emission.end && from < other.end;
        if others.clone().any(|other| other.from == radio && overlap(other, emission.start)) {
            return Some(Miss::HalfDuplex);
        }
        let drowns = |other: &Emission| {
            other.tuning.meets(&emission.tuning)
                && overlap(other, emission.critical_at)
                && self
                    .terrain
                    .signal(other.from, radio)
                    .is_some_and(|noise| signal.rssi_dbm - noise.rssi_dbm < CAPTURE_DB)
        };
        others.any(drowns).then_some(Miss::Collision)
    }

    fn end_packets(&mut self) {
        for radio in 0..self.radios.len() {
            let State::Sending { airtime, until } = self.radios[radio].state else { continue };
            if until <= self.now {
                self.events.push_back(Event::Sent { radio, airtime });
                self.radios[radio].state = State::Idle;
                if !self.radios[radio].queue.is_empty() {
                    self.contend(radio);
                }
            }
        }
    }

    fn sense_emissions(&mut self) {
        for index in 0..self.air.len() {
            if self.air[index].sensed || self.air[index].sensed_at > self.now {
                continue;
            }
            self.air[index].sensed = true;
            for radio in 0..self.radios.len() {
                if self.is_audible(&self.air[index], radio) {
                    self.radios[radio].stop_counting(self.now);
                }
            }
        }
    }

    fn begin_packets(&mut self) {
        for radio in 0..self.radios.len() {
            let due = self.radios[radio].deadline().is_some_and(|at| at <= self.now);
            if due && matches!(self.radios[radio].state, State::Waiting { .. }) {
                self.begin_packet(radio);
            }
        }
    }

    fn begin_packet(&mut self, radio: usize) {
        let sender = &mut self.radios[radio];
        let (Some(tuning), Some(packet)) = (sender.tuning, sender.queue.front()) else { return };
        let airtime = tuning.modulation.packet_airtime(packet.len(), PREAMBLE_SYMBOLS);
        let allowed_at = sender.ledger.allowed_at(self.now, airtime, sender.limits);
        if let State::Waiting { not_before, .. } = &mut sender.state
            && allowed_at > self.now
        {
            *not_before = allowed_at;
            return;
        }
        let sequence = self.rng.next_u32() as u8;
        let mut start = self.now;
        for frame in frames_of(packet, sequence) {
            let emission = Emission::new(radio, tuning, frame, start);
            start = emission.end;
            self.air.push(emission);
        }
        sender.queue.pop_front();
        sender.ledger.sent(self.now, airtime);
        sender.state = State::Sending { airtime, until: start };
    }

    /// A frame that has ended still matters to those that it met.
    fn forget_emissions(&mut self) {
        let first_start = self.air.iter().filter(|emission| !emission.ended).map(|emission| emission.start);
        let first_start = first_start.min().unwrap_or(Duration::MAX);
        self.air.retain(|emission| !emission.ended || emission.end > first_start);
    }
}

impl Tuning {
    /// Whether frames of one are heard, or drowned, by the other.
    fn meets(&self, other: &Self) -> bool {
        self.frequency_hz == other.frequency_hz
            && self.modulation.spreading_factor == other.modulation.spreading_factor
            && self.modulation.bandwidth_hz == other.modulation.bandwidth_hz
    }
}

impl Emission {
    fn new(from: usize, tuning: Tuning, frame: Vec<u8>, start: Duration) -> Self {
        let modulation = tuning.modulation;
        Self {
            from,
            tuning,
            start,
            critical_at: start
                + modulation.symbol() * (u32::from(PREAMBLE_SYMBOLS) - PREAMBLE_SYMBOLS_NEEDED),
            sensed_at: start + modulation.symbol() * SENSE_SYMBOLS,
            end: start + modulation.frame_airtime(frame.len(), PREAMBLE_SYMBOLS),
            frame,
            sensed: false,
            ended: false,
        }
    }
}

fn snr_db(signal: Signal, tuning: &Tuning) -> f64 {
    f64::from(signal.rssi_dbm) - tuning.modulation.noise_floor_dbm()
}

/// Uniform in `0..n`.
fn below(rng: &mut ChaCha20Rng, n: u64) -> u64 {
    ((u128::from(rng.next_u64()) * u128::from(n)) >> 64) as u64
}

/// True `permille` times of 1,000.
pub(crate) fn chance(rng: &mut ChaCha20Rng, permille: u16) -> bool {
    permille > 0 && below(rng, 1000) < u64::from(permille)
}

#[cfg(test)]
mod tests;
