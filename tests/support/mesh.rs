//! A node of a simulated mesh, which forwards for others, and may have somebody who writes messages to others; with a disk
//! that survives a crash, and clocks that step.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use lxmf::fields::Fields;
use lxmf::router::{DeliveryConfig, Outgoing, Output as RouterOutput, Router, SendId};
use reticulum::crypto::{Identity, RatchetSecret, Rng};
use reticulum::hash::{DestinationHash, PacketHash};
use reticulum::node::{
    AirtimeRecord, InterfaceConfig, InterfaceId, Limits, Node, NodeConfig, Output, PathRecord, PeerRecord,
    Persist, Priority,
};
use reticulum::time::{Instant, UnixTime};
use reticulum::wire::{Packet, PacketType};

use super::sim::Station;

/// What the wall clock shows when virtual time starts.
const START: UnixTime = UnixTime::from_secs(1_780_000_000);

/// A relay passes a packet on once; somebody who sends may do so more often, but not without end.
const SAME_PACKET_SENT_MAX: u32 = 3;

/// What a message is known by, to the checkers.
type Text = String;

/// What a node keeps across a crash.
#[derive(Default)]
struct Disk {
    ratchets: Vec<RatchetSecret>,
    peers: BTreeMap<DestinationHash, PeerRecord>,
    paths: Vec<PathRecord>,
    airtime: BTreeMap<String, AirtimeRecord>,
    /// Messages that are not proven yet, by text.
    outbox: BTreeMap<Text, Outgoing>,
    /// Messages that are proven.
    proven: BTreeSet<Text>,
    /// What came, with the ids under which it came.
    inbox: BTreeMap<Text, BTreeSet<[u8; 32]>>,
}

/// A node of the mesh.
pub(crate) struct MeshNode {
    seed: u32,
    lives: u32,
    config: Box<dyn Fn() -> Vec<InterfaceConfig>>,
    limits: Limits,
    talks: bool,
    disk: Disk,
    /// How far its wall clock is ahead (or behind, if negative), in seconds.
    clock_ahead_s: i64,
    life: Option<Life>,
    /// Data packets that it sent on each port, and how often, in this life.
    sent: HashMap<(usize, PacketHash), u32>,
    /// When each message of ours was written.
    pub(crate) written: BTreeMap<Text, Instant>,
    /// When each message came here first.
    pub(crate) arrived: BTreeMap<Text, Instant>,
    /// What must never happen, and did.
    pub(crate) violations: Vec<String>,
}

/// What ends with a crash.
struct Life {
    node: Node,
    router: Router,
    address: Option<DestinationHash>,
    ports: Vec<InterfaceId>,
    sends: HashMap<SendId, Text>,
}

impl MeshNode {
    /// A node with the interfaces that `config` makes, and a person if it `talks`.
    pub(crate) fn new(
        seed: u32,
        now: Instant,
        limits: Limits,
        talks: bool,
        config: impl Fn() -> Vec<InterfaceConfig> + 'static,
    ) -> Self {
        let mut mesh = Self {
            seed,
            lives: 0,
            config: Box::new(config),
            limits,
            talks,
            disk: Disk::default(),
            clock_ahead_s: 0,
            life: None,
            sent: HashMap::new(),
            written: BTreeMap::new(),
            arrived: BTreeMap::new(),
            violations: Vec::new(),
        };
        mesh.start(now);
        mesh
    }

    /// It is no more: all that was not on disk is lost.
    pub(crate) fn crash(&mut self) {
        self.life = None;
    }

    /// It starts with what is on disk; does nothing if it runs.
    pub(crate) fn start(&mut self, now: Instant) {
        if self.life.is_some() {
            return;
        }
        self.lives += 1;
        self.sent.clear();
        let rng = |purpose: u32| {
            let mut seed = [0; 32];
            seed[..4].copy_from_slice(&self.seed.to_be_bytes());
            seed[4..8].copy_from_slice(&purpose.to_be_bytes());
            Rng::from_seed(seed)
        };
        let identity = Arc::new(Identity::generate(&mut rng(0)));
        let config = NodeConfig { transport: true, limits: self.limits, ..NodeConfig::new(identity) };
        let mut node = Node::new(config, rng(1000 + self.lives).bytes(), now, self.wall_clock(now));
        let mut router = Router::new();
        let address = self.talks.then(|| {
            let delivery = DeliveryConfig {
                identity: Arc::new(Identity::generate(&mut rng(1))),
                display_name: format!("Person {}", self.seed),
                stamp_cost: None,
                ratchets: self.disk.ratchets.clone(),
                resource_size_max: 100_000,
            };
            router.add_delivery(&mut node, delivery).expect("the node is new")
        });
        for record in self.disk.peers.values() {
            node.add_peer(record.clone());
            node.retain_peer(record.destination, true);
        }
        for record in self.disk.airtime.values() {
            node.add_airtime(now, record.clone());
        }
        for record in &self.disk.paths {
            node.add_path(now, record.clone());
        }
        let ports = (self.config)().into_iter().map(|config| node.add_interface(now, config)).collect();
        self.life = Some(Life { node, router, address, ports, sends: HashMap::new() });
        let unsent: Vec<_> = self.disk.outbox.values().cloned().collect();
        unsent.into_iter().for_each(|outgoing| self.send(now, outgoing));
        if self.lives > 1 {
            self.announce(now);
        }
    }

    /// Announces whoever is here.
    pub(crate) fn announce(&mut self, now: Instant) {
        if let Some(Life { node, address: Some(address), .. }) = &mut self.life {
            node.announce(now, *address, None).expect("it is ours");
        }
        self.drain(now);
    }

    /// Saves the paths, as a node does now and then.
    pub(crate) fn save(&mut self, now: Instant) {
        if let Some(life) = &mut self.life {
            life.node.save_paths(now);
        }
        self.drain(now);
    }

    /// Sets the wall clock to so many seconds ahead of the true time, or behind.
    pub(crate) fn set_clock_ahead(&mut self, now: Instant, seconds: i64) {
        self.clock_ahead_s = seconds;
        let unix = self.wall_clock(now);
        if let Some(life) = &mut self.life {
            life.node.set_unix_time(now, unix);
        }
    }

    /// Whose messages come here.
    pub(crate) fn address(&self) -> Option<DestinationHash> {
        self.life.as_ref().and_then(|life| life.address)
    }

    /// Hops to `destination`, if a path is known.
    pub(crate) fn hops(&self, destination: &DestinationHash) -> Option<u8> {
        self.life.as_ref()?.node.path(destination).map(|path| path.hops)
    }

    /// Writes a message, and sends it until it is proven.
    pub(crate) fn write(&mut self, now: Instant, to: DestinationHash, text: &str) {
        let Some(Life { node, address: Some(from), .. }) = &mut self.life else { return };
        node.retain_peer(to, true);
        let outgoing = Outgoing {
            from: *from,
            to,
            timestamp: node.unix_time(now),
            title: Vec::new(),
            content: text.as_bytes().to_vec(),
            fields: Fields::default(),
            method: None,
            priority: Priority::Message,
            ticket: false,
            fallback: false,
        };
        self.written.insert(text.to_owned(), now);
        self.disk.outbox.insert(text.to_owned(), outgoing.clone());
        self.send(now, outgoing);
        self.drain(now);
    }

    /// Messages of ours that nobody proved yet.
    pub(crate) fn unproven(&self) -> usize {
        self.disk.outbox.len()
    }

    /// Messages of ours that were proven.
    pub(crate) fn proven(&self) -> &BTreeSet<Text> {
        &self.disk.proven
    }

    /// Whether a message is on the disk here, whatever happened since.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.disk.inbox.contains_key(text)
    }

    /// What is more than the limits allow.
    pub(crate) fn check_bounds(&mut self, now: Instant) {
        let Some(life) = &self.life else { return };
        let paths = life.node.paths(now).len();
        let stats = life.ports.iter().filter_map(|port| life.node.interface_stats(now, *port));
        let queued = stats.map(|stats| stats.queue_len).max().unwrap_or_default();
        let retained = self.disk.peers.len();
        if paths > self.limits.paths + retained || queued > self.limits.queue_frames {
            self.violations.push(format!("node {}: {paths} paths, {queued} frames wait", self.seed));
        }
    }

    fn wall_clock(&self, now: Instant) -> UnixTime {
        let clock = START + now.since(Instant::ZERO);
        let step = Duration::from_secs(self.clock_ahead_s.unsigned_abs());
        if self.clock_ahead_s < 0 { clock - step } else { clock + step }
    }

    fn send(&mut self, now: Instant, outgoing: Outgoing) {
        let Some(life) = &mut self.life else { return };
        let text = String::from_utf8_lossy(&outgoing.content).into_owned();
        let send = life.router.send(now, &mut life.node, outgoing).expect("there is room for it");
        life.sends.insert(send, text);
    }

    fn drain(&mut self, now: Instant) {
        while let Some(life) = &mut self.life {
            if let Some(output) = life.node.poll_output() {
                match output {
                    Output::Work(work) => life.node.handle_work_done(now, work.run()),
                    Output::Persist(persist) => self.persist(now, persist),
                    Output::Event(event) => drop(life.router.handle_event(now, &mut life.node, event)),
                }
            } else if let Some(output) = life.router.poll_output() {
                self.router_output(now, output);
            } else {
                return;
            }
        }
    }

    fn persist(&mut self, now: Instant, persist: Persist) {
        match persist {
            Persist::Ratchets { id, secrets, .. } => {
                self.disk.ratchets = secrets;
                if let Some(life) = &mut self.life {
                    life.node.handle_persisted(now, id);
                }
            }
            Persist::Peer(record) => drop(self.disk.peers.insert(record.destination, record)),
            Persist::Paths { first, records } => {
                if first {
                    self.disk.paths.clear();
                }
                self.disk.paths.extend(records);
            }
            Persist::Airtime { id, record } => {
                self.disk.airtime.insert(record.interface.clone(), record);
                if let Some(life) = &mut self.life {
                    life.node.handle_persisted(now, id);
                }
            }
            Persist::Blackholed(_) | Persist::Unblackholed(_) => {}
        }
    }

    fn router_output(&mut self, now: Instant, output: RouterOutput) {
        let Some(life) = &mut self.life else { return };
        match output {
            RouterOutput::Work(work) => life.router.handle_work_done(now, &mut life.node, work.run()),
            RouterOutput::Received(received) => {
                let text = String::from_utf8_lossy(&received.message.content).into_owned();
                let ids = self.disk.inbox.entry(text.clone()).or_default();
                ids.insert(*received.message.id.as_bytes());
                if ids.len() > 1 {
                    self.violations.push(format!("{text} came under two ids"));
                }
                self.arrived.entry(text).or_insert(now);
                life.router.acknowledge(now, &mut life.node, received.ack);
            }
            RouterOutput::Delivered { send, .. } => {
                if let Some(text) = life.sends.remove(&send) {
                    self.disk.outbox.remove(&text);
                    self.disk.proven.insert(text);
                }
            }
            // A person presses "send again": the same message once more.
            RouterOutput::Failed { send, .. } => {
                let text = life.sends.remove(&send);
                if let Some(outgoing) = text.and_then(|text| self.disk.outbox.get(&text)).cloned() {
                    self.send(now, outgoing);
                }
            }
            _ => {}
        }
    }

    /// Notes what leaves: a relay that sends the same packet again and again is in a loop.
    fn check_sent(&mut self, port: usize, frame: &[u8]) {
        let Ok(packet) = Packet::parse(frame) else { return };
        if packet.header.packet_type != PacketType::Data {
            return;
        }
        let times = self.sent.entry((port, packet.hash())).or_default();
        *times += 1;
        if *times == SAME_PACKET_SENT_MAX + 1 {
            let header = packet.header;
            self.violations.push(format!("node {} sends {header:?} again and again", self.seed));
        }
    }
}

impl Station for MeshNode {
    fn handle_frame(&mut self, now: Instant, port: usize, frame: &[u8]) {
        let Some(life) = &mut self.life else { return };
        life.node.handle_frame(now, life.ports[port], frame);
        self.drain(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        let Some(life) = &mut self.life else { return };
        life.node.handle_timeout(now);
        life.router.handle_timeout(now, &mut life.node);
        self.drain(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let life = self.life.as_ref()?;
        life.node.poll_timeout().into_iter().chain(life.router.poll_timeout()).min()
    }

    fn poll_transmit(&mut self, now: Instant, takes: &dyn Fn(usize) -> bool) -> Option<(usize, Vec<u8>)> {
        self.drain(now);
        let life = self.life.as_mut()?;
        let pending: Vec<InterfaceId> = life.node.transmit_pending().collect();
        for interface in pending {
            let port = life.ports.iter().position(|port| *port == interface)?;
            let mut frame = Vec::new();
            if takes(port) && life.node.poll_transmit(now, interface, &mut frame) {
                self.check_sent(port, &frame);
                return Some((port, frame));
            }
        }
        None
    }
}
