//! The LoRa channel in the simulator: which port is which radio, one packet at a time in each, and what each was on the air.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use lora_channel::{
    Bursts, Channel, Event, Modulation, PACKET_LEN_MAX, PREAMBLE_SYMBOLS, Signal, Terrain, Tuning,
};
use reticulum::hash::{DestinationHash, NameHash};
use reticulum::node::{Airtime, AirtimeLimits, InterfaceConfig};
use reticulum::time::Instant;
use reticulum::wire::{Context, DestinationType, Packet, PacketType};

use super::sim::Port;

/// Loss over distance, as an exponent: outdoors, near the ground.
const PATH_LOSS_EXPONENT: f64 = 3.0;
/// At the edge of their range signals are so much above what a modem can read.
const EDGE_MARGIN_DB: f64 = 3.0;

/// LoRa at a spreading factor, as everybody uses it: 125 kHz and 4/5.
pub(crate) fn modulation(spreading_factor: u8) -> Modulation {
    Modulation { spreading_factor, bandwidth_hz: 125_000, coding_rate: 5 }
}

/// What a node is told of such a radio.
pub(crate) fn radio_config(modulation: Modulation, airtime_limits: AirtimeLimits) -> InterfaceConfig {
    let micros = |len| modulation.packet_airtime(len, PREAMBLE_SYMBOLS).as_micros() as u32;
    InterfaceConfig {
        name: "radio".to_owned(),
        bitrate_bps: modulation.bitrate_bps() as u64,
        airtime: Airtime::Table((0..=PACKET_LEN_MAX).map(micros).collect()),
        airtime_limits,
        hw_mtu: PACKET_LEN_MAX,
        shared_medium: true,
        ingress_control: false,
        ..InterfaceConfig::default()
    }
}

/// Who hears whom among radios at these places, if `range` is as far as one can be read; `loss_permille` is lost anyway.
/// Beyond, signals still drown others.
pub(crate) fn terrain(
    places: &[(f64, f64)],
    range: f64,
    loss_permille: u16,
    modulation: Modulation,
) -> Terrain {
    let mut terrain = Terrain::silent(places.len());
    let edge_dbm = modulation.noise_floor_dbm() + modulation.snr_min_db() + EDGE_MARGIN_DB;
    for (a, at) in places.iter().enumerate() {
        for (b, to) in places.iter().enumerate().skip(a + 1) {
            let distance = (at.0 - to.0).hypot(at.1 - to.1).max(range / 100.0);
            let rssi_dbm = edge_dbm + 10.0 * PATH_LOSS_EXPONENT * (range / distance).log10();
            let signal = Signal { rssi_dbm: rssi_dbm.round() as i16, loss_permille };
            terrain.join(a, b, (distance <= 2.0 * range).then_some(signal));
        }
    }
    terrain
}

/// Ports on one channel.
pub(crate) struct Air {
    channel: Channel,
    terrain: Terrain,
    ports: Vec<Port>,
    radios: HashMap<Port, usize>,
    /// Which radio has a packet that has not left.
    busy: Vec<bool>,
    tuning: Tuning,
    /// When each radio began to send what, and for how long.
    sent: Vec<Vec<(Duration, Duration)>>,
    /// Frames that were not heard, though strong enough, by reason.
    pub(crate) missed: [u64; 3],
    /// What was sent, by kind.
    pub(crate) census: BTreeMap<&'static str, Share>,
}

/// What packets of one kind took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    /// How many were sent.
    pub(crate) packets: u64,
    /// How long they were on the air.
    pub(crate) airtime: Duration,
}

impl Air {
    /// A radio at each port, in the order of the rows of the terrain.
    pub(crate) fn new(terrain: Terrain, ports: Vec<Port>, modulation: Modulation, seed: u64) -> Self {
        let tuning = Tuning { frequency_hz: 867_200_000, modulation };
        let mut channel = Channel::new(terrain.clone(), seed);
        for radio in 0..ports.len() {
            channel.tune(Duration::ZERO, radio, Some(tuning));
        }
        Self {
            channel,
            terrain,
            radios: ports.iter().enumerate().map(|(radio, port)| (*port, radio)).collect(),
            busy: vec![false; ports.len()],
            sent: vec![Vec::new(); ports.len()],
            ports,
            tuning,
            missed: [0; 3],
            census: BTreeMap::new(),
        }
    }

    /// The radio at a port.
    pub(crate) fn radio(&self, port: Port) -> Option<usize> {
        self.radios.get(&port).copied()
    }

    /// Whether the radio at a port takes a packet now; none without a radio.
    pub(crate) fn takes(&self, port: Port) -> Option<bool> {
        self.radio(port).map(|radio| !self.busy[radio])
    }

    /// Gives the radio at a port a packet.
    pub(crate) fn transmit(&mut self, now: Instant, radio: usize, frame: &[u8]) {
        let share = self.census.entry(kind(frame)).or_default();
        share.packets += 1;
        share.airtime += self.tuning.modulation.packet_airtime(frame.len(), PREAMBLE_SYMBOLS);
        // One that is switched off takes packets to nowhere, as a device does whose antenna fell off.
        self.busy[radio] = self.channel.transmit(since_zero(now), radio, frame).is_ok();
    }

    /// Lets everything happen that is due; tells which ports received what, and which may send again.
    pub(crate) fn advance(&mut self, now: Instant) -> Vec<(Port, Option<Vec<u8>>)> {
        let now = since_zero(now);
        self.channel.handle_timeout(now);
        let mut news = Vec::new();
        while let Some(event) = self.channel.poll_event() {
            match event {
                Event::Received { radio, packet, .. } => news.push((self.ports[radio], Some(packet))),
                Event::Sent { radio, airtime } => {
                    self.busy[radio] = false;
                    self.sent[radio].push((now.saturating_sub(airtime), airtime));
                    news.push((self.ports[radio], None));
                }
                Event::Missed { why, .. } => self.missed[why as usize] += 1,
            }
        }
        news
    }

    /// When something happens next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.channel.poll_timeout().map(|at| Instant::from_micros(at.as_nanos().div_ceil(1000) as u64))
    }

    /// Loss in bursts from now on, or no more.
    pub(crate) fn set_bursts(&mut self, bursts: Option<Bursts>) {
        self.channel.set_bursts(bursts);
    }

    /// Nobody hears anybody across from now on (`Some`: which side each radio is on), or all as before.
    pub(crate) fn part(&mut self, now: Instant, sides: Option<&[bool]>) {
        for from in 0..self.ports.len() {
            for to in 0..self.ports.len() {
                let apart = sides.is_some_and(|sides| sides[from] != sides[to]);
                let signal = self.terrain.signal(from, to).filter(|_| !apart && from != to);
                self.channel.set_signal(since_zero(now), from, to, signal);
            }
        }
    }

    /// Switches a radio off and on.
    pub(crate) fn switch(&mut self, now: Instant, radio: usize, on: bool) {
        self.channel.tune(since_zero(now), radio, on.then_some(self.tuning));
        self.busy[radio] = false;
    }

    /// How long all radios were on the air.
    pub(crate) fn airtime(&self) -> Duration {
        self.sent.iter().flatten().map(|(_, airtime)| *airtime).sum()
    }

    /// The most that one radio was on the air within any stretch of `window`.
    pub(crate) fn airtime_max(&self, window: Duration) -> Duration {
        let most = |sent: &Vec<(Duration, Duration)>| {
            let (mut first, mut sum, mut most) = (0, Duration::ZERO, Duration::ZERO);
            for (start, airtime) in sent {
                sum += *airtime;
                while sent[first].0 + window <= *start {
                    sum -= sent[first].1;
                    first += 1;
                }
                most = most.max(sum);
            }
            most
        };
        self.sent.iter().map(most).max().unwrap_or_default()
    }
}

fn since_zero(now: Instant) -> Duration {
    now.since(Instant::ZERO)
}

/// What a packet is for, as far as its header tells.
fn kind(frame: &[u8]) -> &'static str {
    let Ok(Packet { header, .. }) = Packet::parse(frame) else { return "other" };
    match (header.packet_type, header.context) {
        (PacketType::Announce, Context::PATH_RESPONSE) => "path response",
        (PacketType::Announce, _) => "announce",
        (PacketType::LinkRequest, _) => "link request",
        (PacketType::Proof, Context::LINK_REQUEST_PROOF) => "link proof",
        (PacketType::Proof, _) => "proof",
        (PacketType::Data, _) if header.destination_hash() == path_request() => "path request",
        (PacketType::Data, Context::NONE) if header.destination_type == DestinationType::Single => "message",
        (PacketType::Data, Context::RESOURCE) => "resource part",
        (PacketType::Data, _) => "on a link",
    }
}

/// Where path requests go.
fn path_request() -> DestinationHash {
    DestinationHash::of_plain(NameHash::of_name("rnstransport.path.request"))
}
