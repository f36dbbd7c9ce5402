//! A whole node that forwards for others: bytes as a schedule of frames, time-outs, connections that come and go, and work
//! that comes back late. It neither panics nor spins, every table keeps its bound, what it sends are packets, and in the
//! end it is still itself: asked for the path to its own destination, it answers.
//!
//! Input: steps of what happens, a number, and the length of what follows.
#![no_main]

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use reticulum::crypto::{Identity, Rng};
use reticulum::hash::{DestinationHash, NameHash};
use reticulum::node::{
    DestinationConfig, Event, InterfaceConfig, InterfaceId, Limits, Mode, Node, NodeConfig, Output, Persist, Work,
};
use reticulum::time::{Instant, UnixTime};
use reticulum::wire::{Announce, Context, Packet, random_blob};

/// Outputs or time-outs that one step may cause; more is a loop.
const TURNS_MAX: usize = 4_000;
/// Small bounds are reached sooner.
const BOUND: usize = 8;
const WALL: u64 = 1_800_000_000;

static IDENTITIES: LazyLock<Vec<Arc<Identity>>> = LazyLock::new(|| {
    let mut rng = Rng::from_seed([1; 32]);
    (0..12).map(|_| Arc::new(Identity::generate(&mut rng))).collect()
});

/// True announces of the other identities, which cost too much to make for each input.
static ANNOUNCES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let name = NameHash::of_name("fuzz.other");
    IDENTITIES[1..]
        .iter()
        .map(|identity| {
            let destination = DestinationHash::of_single(name, identity.hash());
            let blob = random_blob([3; 5], UnixTime::from_secs(WALL));
            let body = Announce::build(identity, destination, name, blob, None, b"fuzz");
            emitted(&Packet::announce(destination, Context::NONE, false, &body))
        })
        .collect()
});

struct World {
    node: Node,
    now: Instant,
    interfaces: Vec<InterfaceId>,
    attached: u32,
    work: VecDeque<Work>,
    own: DestinationHash,
}

fuzz_target!(|input: &[u8]| {
    let mut world = World::new();
    let mut input = input;
    while let [what, number, length, rest @ ..] = input {
        let (said, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        input = rest;
        world.step(*what, *number, said);
        world.drain();
        world.keeps_its_bounds();
    }
    world.is_still_itself();
});

impl World {
    fn new() -> Self {
        let limits = Limits {
            peers: BOUND,
            paths: BOUND,
            path_requests: BOUND,
            receipts: BOUND,
            held_announces: BOUND,
            held_announces_total: BOUND,
            tunnels: BOUND,
            dormant_paths: BOUND,
            rebroadcasts: BOUND,
            capped_announces: BOUND,
            capped_announces_total: BOUND,
            discoveries: BOUND,
            work: BOUND,
            links: BOUND,
            half_open_links: BOUND,
            queue_bytes: 4_000,
            queue_frames: BOUND,
            queue_bytes_total: 8_000,
            reverse: BOUND,
            relays: BOUND,
            half_open_relays: BOUND,
            ..Limits::default()
        };
        let now = Instant::from_micros(1_000_000_000);
        let config = NodeConfig { transport: true, limits, ..NodeConfig::new(Arc::clone(&IDENTITIES[0])) };
        let mut node = Node::new(config, [2; 32], now, UnixTime::from_secs(WALL));
        let destination = DestinationConfig {
            accept_links: true,
            ..DestinationConfig::new(Arc::clone(&IDENTITIES[0]), "fuzz.node")
        };
        let own = node.add_destination(destination).expect("a first destination");
        let mut world = Self { node, now, interfaces: Vec::new(), attached: 0, work: VecDeque::new(), own };
        (0..3).for_each(|mode| world.attach(mode));
        world
    }

    fn attach(&mut self, number: u8) {
        const MODES: [Mode; 7] = [
            Mode::Full,
            Mode::Gateway,
            Mode::Roaming,
            Mode::Boundary,
            Mode::AccessPoint,
            Mode::PointToPoint,
            Mode::Internal,
        ];
        self.attached += 1;
        let config = InterfaceConfig {
            name: format!("way {}", number % 5),
            mode: MODES[usize::from(number) % MODES.len()],
            bitrate_bps: if number & 8 == 0 { 1_200 } else { 10_000_000 },
            ingress_control: number & 16 == 0,
            is_local_client: number & 32 != 0,
            ..InterfaceConfig::default()
        };
        let id = self.node.add_interface(self.now, config);
        self.node.handle_interface_up(self.now, id);
        self.interfaces.push(id);
    }

    fn step(&mut self, what: u8, number: u8, said: &[u8]) {
        let now = self.now;
        let at = self.interfaces.get(usize::from(number) % self.interfaces.len().max(1)).copied();
        match (what % 12, at) {
            (0 | 1, Some(at)) => self.node.handle_frame(now, at, said),
            (2 | 3, Some(at)) => {
                let announces = &*ANNOUNCES;
                let mut frame = announces[usize::from(number >> 2) % announces.len()].clone();
                // As from some hops away, and sometimes spoilt.
                frame[1] = said.first().copied().unwrap_or(0) % 130;
                if let [_, place, flip, ..] = said {
                    let place = usize::from(*place) % frame.len();
                    frame[place] ^= *flip;
                }
                self.node.handle_frame(now, at, &frame);
            }
            (4, Some(at)) => {
                let asked = [self.known(number).as_ref(), said].concat();
                let to = DestinationHash::of_plain(NameHash::of_name("rnstransport.path.request"));
                self.node.handle_frame(now, at, &emitted(&Packet::plain(to, Context::NONE, &asked)));
            }
            (5, Some(at)) => {
                let to = self.known(number);
                self.node.handle_frame(now, at, &emitted(&Packet::link_request(to, said)));
            }
            (6, Some(at)) => {
                let packet = Packet::link_request(self.known(number), said).via(IDENTITIES[0].hash());
                self.node.handle_frame(now, at, &emitted(&packet));
            }
            (7, _) => self.wait(Duration::from_millis(1 << (number % 28))),
            (8, Some(at)) => {
                self.node.remove_interface(now, at);
                self.interfaces.retain(|id| *id != at);
            }
            (9, _) if self.interfaces.len() < 6 => self.attach(number),
            (10, _) => self.finish_work(usize::from(number)),
            (11, _) => {
                let _ = self.node.announce(now, self.own, at);
            }
            _ => {}
        }
    }

    /// Somebody who announces, or we.
    fn known(&self, number: u8) -> DestinationHash {
        let place = usize::from(number >> 2) % IDENTITIES.len();
        if place == 0 {
            return self.own;
        }
        DestinationHash::of_single(NameHash::of_name("fuzz.other"), IDENTITIES[place].hash())
    }

    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut turns = 0;
        while let Some(next) = self.node.poll_timeout().filter(|next| *next <= end) {
            assert!(next > self.now || turns < TURNS_MAX, "a timer spins");
            turns = if next > self.now { 0 } else { turns + 1 };
            self.now = self.now.max(next);
            self.node.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn finish_work(&mut self, many: usize) {
        for _ in 0..=many {
            let Some(work) = self.work.pop_front() else { return };
            self.node.handle_work_done(self.now, work.run());
            self.drain();
        }
    }

    fn drain(&mut self) {
        let mut turns = 0;
        while let Some(output) = self.node.poll_output() {
            turns += 1;
            assert!(turns < TURNS_MAX, "one step causes {turns} outputs");
            match output {
                Output::Work(work) => self.work.push_back(work),
                Output::Persist(persist) => {
                    persist.id().into_iter().for_each(|id| self.node.handle_persisted(self.now, id));
                }
                Output::Event(Event::LinkPacket { proof, .. }) => self.node.prove(self.now, proof),
                Output::Event(_) => {}
            }
        }
        let mut frame = Vec::new();
        for id in self.interfaces.clone() {
            while self.node.poll_transmit(self.now, id, &mut frame) {
                turns += 1;
                assert!(turns < TURNS_MAX, "one step causes {turns} frames");
                assert!(Packet::parse(&frame).is_ok(), "the node sent no packet: {frame:02x?}");
                frame.clear();
            }
        }
    }

    fn keeps_its_bounds(&self) {
        for table in self.node.tables() {
            assert!(table.used <= table.bound, "{table:?}");
        }
    }

    fn is_still_itself(&mut self) {
        self.finish_work(usize::MAX);
        self.interfaces.clear();
        self.attach(8 | 16);
        let at = self.interfaces[0];
        let body = [self.own.as_ref(), &[0xaa; 16]].concat();
        let to = DestinationHash::of_plain(NameHash::of_name("rnstransport.path.request"));
        self.node.handle_frame(self.now, at, &emitted(&Packet::plain(to, Context::NONE, &body)));
        let end = self.now + Duration::from_secs(60);
        while self.now < end {
            self.finish_work_only();
            let mut frame = Vec::new();
            while self.node.poll_transmit(self.now, at, &mut frame) {
                let packet = Packet::parse(&frame).expect("the node sends packets");
                if packet.header.destination_hash() == self.own {
                    return;
                }
                frame.clear();
            }
            let Some(next) = self.node.poll_timeout() else { break };
            self.now = self.now.max(next);
            self.node.handle_timeout(self.now);
        }
        panic!("it no longer tells the way to itself");
    }

    /// Outputs and work, but nothing is sent.
    fn finish_work_only(&mut self) {
        loop {
            while let Some(output) = self.node.poll_output() {
                match output {
                    Output::Work(work) => self.work.push_back(work),
                    Output::Persist(Persist::Ratchets { id, .. }) => self.node.handle_persisted(self.now, id),
                    _ => {}
                }
            }
            let Some(work) = self.work.pop_front() else { return };
            self.node.handle_work_done(self.now, work.run());
        }
    }
}

fn emitted(packet: &Packet<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    packet.emit(&mut frame);
    frame
}
