//! The harness: stations, the wire between them, and what was seen on it.

use std::collections::VecDeque;

use reticulum::node::{InterfaceId, NodeConfig, Output as NodeOutput, Priority};
use reticulum::time::UnixTime;
use reticulum::wire::{Context as PacketContext, DestinationType, Packet, PacketType};

use super::mailbox::Mailbox;
use super::*;

/// One way.
const LATENCY: Duration = Duration::from_millis(10);
/// When the wire's clock starts, unix seconds.
const START_S: u64 = 1_760_000_000;

/// What kind of frame passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Announce,
    PathRequest,
    /// A single packet for a delivery destination.
    Single,
    LinkRequest,
    /// Application data on a link.
    LinkPacket,
    /// A part of a resource.
    Part,
    Identify,
    /// A proof of a packet, on a link or not.
    Proof,
    Other,
}

pub(super) struct Station {
    pub(super) node: Node,
    pub(super) router: Router,
    pub(super) address: DestinationHash,
    interface: InterfaceId,
    /// Whether it proves what it receives.
    pub(super) proves: bool,
    pub(super) received: Vec<Received>,
    pub(super) refused: Vec<Refusal>,
    pub(super) delivered: Vec<(SendId, MessageId)>,
    pub(super) routes: Vec<Route>,
    pub(super) failed: Vec<(SendId, Failure)>,
    /// Whose stamps were checked, and whether they were good.
    pub(super) checked: Vec<(MessageId, bool)>,
    pub(super) terms: Vec<Terms>,
    /// It is a propagation node too.
    pub(super) mailbox: Option<Mailbox>,
    /// Whether what it receives is durable at once.
    pub(super) acknowledges: bool,
    pub(super) stored: Vec<(SendId, DestinationHash)>,
    pub(super) synced: Vec<Synced>,
    pub(super) papers: Vec<String>,
    pub(super) heard: Vec<(DestinationHash, AppData)>,
    /// When what failed did.
    pub(super) failed_at: Vec<Instant>,
    /// Events of the node that are not LXMF's.
    pub(super) other: Vec<Event>,
}

pub(super) struct Wire {
    pub(super) now: Instant,
    pub(super) stations: [Station; 2],
    under_way: VecDeque<(Instant, usize, Vec<u8>)>,
    /// Every frame that was sent, lost or not.
    pub(super) seen: Vec<(Instant, usize, Seen)>,
    /// Frames of this sender and kind are lost.
    pub(super) loses: fn(usize, Seen) -> bool,
}

impl Wire {
    pub(super) fn new() -> Self {
        Self::over(|_| InterfaceConfig::default())
    }

    pub(super) fn over(medium: fn(usize) -> InterfaceConfig) -> Self {
        let now = Instant::from_micros(1);
        Self {
            now,
            stations: [Station::new(now, 0x00, medium(A)), Station::new(now, 0x40, medium(B))],
            under_way: VecDeque::new(),
            seen: Vec::new(),
            loses: |_, _| false,
        }
    }

    pub(super) fn announce(&mut self, who: usize) {
        let station = &mut self.stations[who];
        station.node.announce(self.now, station.address, None).unwrap();
    }

    /// What a message to this station costs from its next announce on.
    pub(super) fn set_cost(&mut self, who: usize, cost: Option<u8>) {
        let station = &mut self.stations[who];
        station.router.set_stamp_cost(&mut station.node, &station.address, cost).unwrap();
    }

    pub(super) fn outgoing(&self, from: usize, content: &[u8]) -> Outgoing {
        Outgoing {
            from: self.stations[from].address,
            to: self.stations[1 - from].address,
            timestamp: UnixTime::from_secs(START_S) + self.now.since(Instant::ZERO),
            title: Vec::new(),
            content: content.to_vec(),
            fields: Fields::default(),
            method: None,
            priority: Priority::Message,
            ticket: false,
            fallback: false,
        }
    }

    pub(super) fn send(&mut self, from: usize, content: &[u8], method: Option<Method>) -> SendId {
        self.send_outgoing(from, Outgoing { method, ..self.outgoing(from, content) })
    }

    pub(super) fn send_outgoing(&mut self, from: usize, outgoing: Outgoing) -> SendId {
        let station = &mut self.stations[from];
        station.router.send(self.now, &mut station.node, outgoing).unwrap()
    }

    /// Runs until nothing is due within `time`, and sets the clock there.
    pub(super) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        self.drain();
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
    }

    /// Runs until `done`, which must be within ten minutes.
    pub(super) fn run_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = self.now + secs(600);
        self.drain();
        while !done(self) {
            let next = self.next().filter(|next| *next <= end);
            self.now = self.now.max(next.unwrap_or_else(|| panic!("never: {what}")));
            self.step();
        }
    }

    /// Forgets what was seen and heard so far.
    pub(super) fn forget(&mut self) {
        self.seen.clear();
        for station in &mut self.stations {
            station.heard.clear();
            station.other.clear();
        }
    }

    /// How many frames of this kind a station sent.
    pub(super) fn count(&self, who: usize, kind: Seen) -> usize {
        self.seen.iter().filter(|(_, from, seen)| (*from, *seen) == (who, kind)).count()
    }

    /// When a station sent frames of this kind, in milliseconds after `start`.
    pub(super) fn times_ms(&self, who: usize, kind: Seen, start: Instant) -> Vec<u128> {
        let of_kind = self.seen.iter().filter(|(_, from, seen)| (*from, *seen) == (who, kind));
        of_kind.map(|(at, ..)| at.since(start).as_millis()).collect()
    }

    fn next(&self) -> Option<Instant> {
        let arrival = self.under_way.front().map(|(at, ..)| *at);
        let timers = self.stations.iter().flat_map(|s| [s.node.poll_timeout(), s.router.poll_timeout()]);
        timers.chain([arrival]).flatten().min()
    }

    fn step(&mut self) {
        let now = self.now;
        while self.under_way.front().is_some_and(|(at, ..)| *at <= now) {
            let (_, to, frame) = self.under_way.pop_front().unwrap();
            let station = &mut self.stations[to];
            station.node.handle_frame(now, station.interface, &frame);
        }
        for station in &mut self.stations {
            station.node.handle_timeout(now);
            station.router.handle_timeout(now, &mut station.node);
        }
        self.drain();
    }

    fn drain(&mut self) {
        for who in [A, B] {
            self.stations[who].drain(self.now);
            for frame in self.stations[who].frames(self.now) {
                let kind = kind_of(&frame);
                self.seen.push((self.now, who, kind));
                if !(self.loses)(who, kind) {
                    self.under_way.push_back((self.now + LATENCY, 1 - who, frame));
                }
            }
        }
    }
}

impl Station {
    fn new(now: Instant, keys_from: u8, medium: InterfaceConfig) -> Self {
        let identity = Arc::new(Identity::from_bytes(&std::array::from_fn(|i| keys_from + i as u8)));
        let unix = UnixTime::from_secs(START_S);
        let transport = Arc::new(Identity::from_bytes(&[keys_from + 1; 64]));
        let mut node = Node::new(NodeConfig::new(transport), [keys_from; 32], now, unix);
        let interface = node.add_interface(now, medium);
        node.handle_interface_up(now, interface);
        let mut router = Router::new();
        let config = DeliveryConfig {
            identity,
            display_name: format!("Station {keys_from}"),
            stamp_cost: None,
            ratchets: Vec::new(),
            resource_size_max: RESOURCE_SIZE_MAX,
        };
        let address = router.add_delivery(&mut node, config).unwrap();
        Self {
            node,
            router,
            address,
            interface,
            proves: true,
            received: Vec::new(),
            refused: Vec::new(),
            delivered: Vec::new(),
            routes: Vec::new(),
            checked: Vec::new(),
            terms: Vec::new(),
            mailbox: None,
            acknowledges: true,
            stored: Vec::new(),
            synced: Vec::new(),
            papers: Vec::new(),
            failed: Vec::new(),
            heard: Vec::new(),
            failed_at: Vec::new(),
            other: Vec::new(),
        }
    }

    fn drain(&mut self, now: Instant) {
        loop {
            if let Some(output) = self.node.poll_output() {
                match output {
                    NodeOutput::Event(event) => {
                        let event = self.router.handle_event(now, &mut self.node, event);
                        let mailbox = self.mailbox.as_mut();
                        let event = match (event, mailbox) {
                            (Some(event), Some(mailbox)) => mailbox.handle(now, &mut self.node, event),
                            (event, _) => event,
                        };
                        self.other.extend(event);
                    }
                    NodeOutput::Work(work) => self.node.handle_work_done(now, work.run()),
                    NodeOutput::Persist(persist) => {
                        persist.id().into_iter().for_each(|id| self.node.handle_persisted(now, id));
                    }
                }
            } else if let Some(output) = self.router.poll_output() {
                self.handle(now, output);
            } else {
                return;
            }
        }
    }

    fn handle(&mut self, now: Instant, output: Output) {
        match output {
            Output::Work(work) => self.router.handle_work_done(now, &mut self.node, work.run()),
            Output::Received(received) => {
                if self.proves && self.acknowledges {
                    self.router.acknowledge(now, &mut self.node, received.ack.clone());
                }
                self.received.push(*received);
            }
            Output::Refused { reason, ack } => {
                self.router.acknowledge(now, &mut self.node, ack);
                self.refused.push(reason);
            }
            Output::Delivered { send, message, route } => {
                self.delivered.push((send, message));
                self.routes.push(route);
            }
            Output::StampChecked { message, valid, .. } => self.checked.push((message, valid)),
            Output::Terms(terms) => self.terms.push(terms),
            Output::NodeHeard { .. } | Output::Attempted { .. } => {}
            Output::Stored { send, node, .. } => self.stored.push((send, node)),
            Output::Synced(synced) => self.synced.push(synced),
            Output::Paper { uri, .. } => self.papers.push(uri),
            Output::Failed { send, reason } => {
                self.failed.push((send, reason));
                self.failed_at.push(now);
            }
            Output::Heard { destination, app_data, .. } => self.heard.push((destination, app_data)),
        }
    }

    fn frames(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let pending: Vec<InterfaceId> = self.node.transmit_pending().collect();
        let mut frames = Vec::new();
        for interface in pending {
            let mut frame = Vec::new();
            while self.node.poll_transmit(now, interface, &mut frame) {
                frames.push(std::mem::take(&mut frame));
            }
        }
        frames
    }
}

fn kind_of(frame: &[u8]) -> Seen {
    let header = Packet::parse(frame).expect("nodes send packets").header;
    match (header.packet_type, header.destination_type, header.context) {
        (PacketType::Announce, ..) => Seen::Announce,
        (PacketType::LinkRequest, ..) => Seen::LinkRequest,
        (PacketType::Proof, _, PacketContext::NONE) => Seen::Proof,
        (PacketType::Data, DestinationType::Plain, _) => Seen::PathRequest,
        (PacketType::Data, DestinationType::Single, PacketContext::NONE) => Seen::Single,
        (PacketType::Data, DestinationType::Link, PacketContext::NONE) => Seen::LinkPacket,
        (PacketType::Data, _, PacketContext::RESOURCE) => Seen::Part,
        (PacketType::Data, _, PacketContext::LINK_IDENTIFY) => Seen::Identify,
        _ => Seen::Other,
    }
}
