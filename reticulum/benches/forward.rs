//! What a packet of somebody else costs in the engine: from a frame of one interface to a frame of another.
//!
//! Each packet is taken, filtered, looked up, rewritten, queued and handed out; work, of which there is none, and drivers
//! are not in it. The figure to keep is below 2 µs a packet.
//!
//! `cargo bench -p meshgroup-reticulum --bench forward`

use std::sync::Arc;

use divan::{Bencher, counter::ItemsCount};
use reticulum::crypto::{Identity, Rng};
use reticulum::hash::{DestinationHash, IdentityHash, LinkId, NameHash};
use reticulum::node::{InterfaceConfig, InterfaceId, Node, NodeConfig, Output};
use reticulum::time::{Instant, UnixTime};
use reticulum::wire::link::{LinkProof, Signalling};
use reticulum::wire::{self, Announce, Context, Packet};

/// Packets an iteration, which is also how many frames a queue may hold twice.
const BATCH: usize = 8_000;
/// Paths that the node knows.
const PATHS: usize = 1_000;
/// Data bytes of each packet.
const SIZE: usize = 300;
/// Frames that a driver hands over at a time.
const BURST: usize = 128;
const NOW: Instant = Instant::from_micros(1_000_000);
const EPOCH: UnixTime = UnixTime::from_secs(1_700_000_000);

fn main() {
    divan::main();
}

fn identity(n: usize) -> Identity {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&n.to_be_bytes());
    Identity::generate(&mut Rng::from_seed(seed))
}

/// A transport node between two fast interfaces.
struct Transit {
    node: Node,
    own: IdentityHash,
    near: InterfaceId,
    far: InterfaceId,
}

impl Transit {
    fn new() -> Self {
        let identity = Arc::new(identity(0));
        let own = identity.hash();
        let config = NodeConfig { transport: true, ..NodeConfig::new(identity) };
        let mut node = Node::new(config, [1; 32], NOW, EPOCH);
        let ethernet = || InterfaceConfig {
            hw_mtu: 16384,
            mtu_capable: true,
            ingress_control: false,
            ..InterfaceConfig::default()
        };
        let (near, far) = (node.add_interface(NOW, ethernet()), node.add_interface(NOW, ethernet()));
        Self { node, own, near, far }
    }

    fn feed(&mut self, interface: InterfaceId, packet: &Packet<'_>) {
        let mut frame = Vec::new();
        packet.emit(&mut frame);
        self.node.handle_frame(NOW, interface, &frame);
        while let Some(output) = self.node.poll_output() {
            if let Output::Work(work) = output {
                self.node.handle_work_done(NOW, work.run());
            }
        }
    }

    /// Lets the node hear of a destination on the far side, a neighbour or behind another transport.
    fn destination(&mut self, n: usize, hops: u8) -> DestinationHash {
        let identity = identity(n);
        let name = NameHash::of_name("bench.forward");
        let destination = DestinationHash::of_single(name, identity.hash());
        let blob = wire::random_blob([1; 5], EPOCH);
        let data = Announce::build(&identity, destination, name, blob, None, b"");
        let packet = Packet::announce(destination, Context::NONE, false, &data).with_hops(hops - 1);
        let far = self.far;
        self.feed(far, &if hops > 1 { packet.via(IdentityHash::new([7; 16])) } else { packet });
        destination
    }

    /// A link from the near to the far side, both ends neighbours.
    fn link(&mut self) -> LinkId {
        let destination = self.destination(1, 1);
        let signalling = Signalling { mode: 1, mtu: 16384 };
        let request = [&[5; 64][..], &signalling.to_bytes()].concat();
        let request = Packet::link_request(destination, &request).via(self.own);
        let link = request.link_id_of_request().expect("it has keys");
        let (near, far) = (self.near, self.far);
        self.feed(near, &request);
        let mut proof = Vec::new();
        LinkProof::build(&identity(1), link, [3; 32], Some(signalling)).emit(&mut proof);
        self.feed(far, &Packet::link_proof(link, Context::LINK_REQUEST_PROOF, &proof));
        self.drain(far);
        self.drain(near);
        link
    }

    fn drain(&mut self, interface: InterfaceId) -> usize {
        let (mut out, mut frames) = (Vec::new(), 0);
        while self.node.poll_transmit(NOW, interface, &mut out) {
            frames += 1;
        }
        frames
    }

    /// Feeds the frames in bursts, and takes what comes out on the other side after each.
    fn carry(mut self, frames: &[(InterfaceId, Vec<u8>)]) -> Self {
        let (mut out, mut passed) = (Vec::new(), 0);
        for burst in frames.chunks(BURST) {
            for (interface, frame) in burst {
                self.node.handle_frame(NOW, *interface, frame);
            }
            out.clear();
            for interface in [self.near, self.far] {
                while self.node.poll_transmit(NOW, interface, &mut out) {
                    passed += 1;
                }
            }
        }
        assert_eq!(passed, frames.len(), "each packet passes");
        self
    }
}

fn frames(packets: impl Fn(usize) -> (InterfaceId, Vec<u8>)) -> Vec<(InterfaceId, Vec<u8>)> {
    (0..BATCH).map(packets).collect()
}

fn emitted(packet: &Packet<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    packet.emit(&mut frame);
    frame
}

fn body(n: usize) -> [u8; SIZE] {
    let mut body = [0; SIZE];
    body[..8].copy_from_slice(&n.to_be_bytes());
    body
}

fn data(hops: u8) -> (Transit, Vec<(InterfaceId, Vec<u8>)>) {
    let mut transit = Transit::new();
    let known: Vec<_> = (1..=PATHS).map(|n| transit.destination(n, hops)).collect();
    for interface in [transit.near, transit.far] {
        transit.drain(interface);
    }
    let packet = |n: usize| {
        let body = body(n);
        let packet = Packet::single(known[n * 7 % PATHS], Context::NONE, &body).via(transit.own);
        (transit.near, emitted(&packet))
    };
    let frames = frames(packet);
    (transit, frames)
}

/// Data to neighbours: the header becomes the short one.
#[divan::bench(sample_count = 20)]
fn data_to_neighbours(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| data(1))
        .bench_local_values(|(transit, frames)| (transit.carry(&frames), frames));
}

/// Data to distant destinations: the next hop is replaced.
#[divan::bench(sample_count = 20)]
fn data_to_distant(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| data(4))
        .bench_local_values(|(transit, frames)| (transit.carry(&frames), frames));
}

fn proofs() -> (Transit, Vec<(InterfaceId, Vec<u8>)>) {
    let (transit, frames) = data(1);
    let transit = transit.carry(&frames);
    let proof = |(_, frame): &(InterfaceId, Vec<u8>)| {
        let hash = Packet::parse(frame).expect("ours").hash();
        (transit.far, emitted(&Packet::proof(hash.proof_address(), &[9; 64])))
    };
    let proofs = frames.iter().map(proof).collect();
    (transit, proofs)
}

/// Their proofs, on the way back.
#[divan::bench(sample_count = 20)]
fn proofs_back(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(proofs)
        .bench_local_values(|(transit, frames)| (transit.carry(&frames), frames));
}

fn link(context: Context, outward: bool) -> (Transit, Vec<(InterfaceId, Vec<u8>)>) {
    let mut transit = Transit::new();
    let link = transit.link();
    let from = if outward { transit.near } else { transit.far };
    let frames = frames(|n| (from, emitted(&Packet::link(link, context, &body(n)))));
    (transit, frames)
}

/// Packets on a relayed link, from its initiator (`true`) and to it.
#[divan::bench(sample_count = 20, args = [true, false])]
fn link_packets(bencher: Bencher<'_, '_>, outward: bool) {
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| link(Context::NONE, outward))
        .bench_local_values(|(transit, frames)| (transit.carry(&frames), frames));
}

/// Parts of resources on a relayed link, from its initiator and to it: they need no hash.
#[divan::bench(sample_count = 20, args = [true, false])]
fn link_resource_parts(bencher: Bencher<'_, '_>, outward: bool) {
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| link(Context::RESOURCE, outward))
        .bench_local_values(|(transit, frames)| (transit.carry(&frames), frames));
}
