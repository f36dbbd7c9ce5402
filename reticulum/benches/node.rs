//! What a node costs beside the cryptography. Each bench runs twice: `work` runs the public-key work inline, so that
//! the difference to `tables` is the bare cryptography; `tables` is everything else and should stay below 10 µs.
//!
//! `cargo bench -p meshgroup-reticulum --bench node`

use std::sync::Arc;

use divan::{Bencher, counter::ItemsCount};
use reticulum::crypto::{Identity, Rng};
use reticulum::hash::{DestinationHash, LinkId, NameHash};
use reticulum::node::{
    DestinationConfig, Event, InterfaceConfig, InterfaceId, Limits, Node, NodeConfig, Output, Priority,
    ProofPolicy, Work,
};
use reticulum::time::{Instant, UnixTime};
use reticulum::wire::{self, Announce, Context, Packet};

/// Frames an iteration: enough that setting the nodes up does not show.
const BATCH: usize = 500;
const NOW: Instant = Instant::from_micros(1_000_000);

fn main() {
    divan::main();
}

fn identity(n: u8) -> Arc<Identity> {
    Arc::new(Identity::generate(&mut Rng::from_seed([n; 32])))
}

fn node(n: u8) -> (Node, InterfaceId) {
    let limits = Limits { peers: 2 * BATCH, paths: 2 * BATCH, ..Limits::default() };
    let config = NodeConfig { limits, ..NodeConfig::new(identity(n)) };
    let mut node = Node::new(config, [n; 32], NOW, UnixTime::from_secs(1_700_000_000));
    let ethernet = InterfaceConfig {
        hw_mtu: 16384,
        mtu_capable: true,
        ingress_control: false,
        ..InterfaceConfig::default()
    };
    let interface = node.add_interface(NOW, ethernet);
    (node, interface)
}

/// Runs a node's work until there is none, and returns its events.
fn settle(node: &mut Node) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(output) = node.poll_output() {
        match output {
            Output::Work(work) => node.handle_work_done(NOW, work.run()),
            Output::Event(event) => events.push(event),
            Output::Persist(_) => {}
        }
    }
    events
}

/// Takes a node's work without running it, and drops its events.
fn gather(node: &mut Node, work: &mut Vec<Work>) {
    while let Some(output) = node.poll_output() {
        if let Output::Work(todo) = output {
            work.push(todo);
        }
    }
}

fn frames(node: &mut Node, interface: InterfaceId) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut frame = Vec::new();
    while node.poll_transmit(NOW, interface, &mut frame) {
        frames.push(std::mem::take(&mut frame));
    }
    frames
}

/// Two nodes that heard of each other: the second knows a destination of the first.
struct Pair {
    server: Node,
    client: Node,
    interface: InterfaceId,
    destination: DestinationHash,
}

impl Pair {
    fn new() -> Self {
        let ((mut server, interface), (mut client, _)) = (node(1), node(2));
        let config = DestinationConfig {
            accept_links: true,
            proofs: ProofPolicy::All,
            ..DestinationConfig::new(identity(3), "bench.node")
        };
        let destination = server.add_destination(config).expect("new");
        server.announce(NOW, destination, None).expect("just added");
        settle(&mut server);
        for frame in frames(&mut server, interface) {
            client.handle_frame(NOW, interface, &frame);
        }
        settle(&mut client);
        Self { server, client, interface, destination }
    }

    fn exchange(&mut self) {
        for _ in 0..4 {
            settle(&mut self.client);
            for frame in frames(&mut self.client, self.interface) {
                self.server.handle_frame(NOW, self.interface, &frame);
            }
            settle(&mut self.server);
            for frame in frames(&mut self.server, self.interface) {
                self.client.handle_frame(NOW, self.interface, &frame);
            }
        }
    }

    fn linked() -> (Self, LinkId) {
        let mut pair = Self::new();
        let link = pair.client.open_link(NOW, pair.destination).expect("a path is known");
        pair.exchange();
        (pair, link)
    }

    fn packets(mut self) -> (Node, InterfaceId, Vec<Vec<u8>>) {
        for _ in 0..BATCH {
            self.client.send_packet(NOW, self.destination, vec![7; 150], Priority::Message).expect("known");
        }
        settle(&mut self.client);
        (self.server, self.interface, frames(&mut self.client, self.interface))
    }
}

/// Opportunistic packets of 150 bytes: opened, delivered, proven.
#[divan::bench(sample_count = 20)]
fn single_in_work(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(|| Pair::new().packets()).bench_local_values(
        |(mut server, interface, packets)| {
            for packet in packets {
                server.handle_frame(NOW, interface, &packet);
                divan::black_box(settle(&mut server));
            }
            frames(&mut server, interface)
        },
    );
}

/// The same up to the point where the work leaves.
#[divan::bench(sample_count = 20)]
fn single_in_tables(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(|| Pair::new().packets()).bench_local_values(
        |(mut server, interface, packets)| {
            let mut work = Vec::with_capacity(BATCH);
            for packet in packets {
                server.handle_frame(NOW, interface, &packet);
                gather(&mut server, &mut work);
            }
            (server, work)
        },
    );
}

/// The other half: results come back, packets are delivered, proofs asked for.
#[divan::bench(sample_count = 20)]
fn single_in_results(bencher: Bencher<'_, '_>) {
    let opened = || {
        let (mut server, interface, packets) = Pair::new().packets();
        let mut work = Vec::new();
        for packet in packets {
            server.handle_frame(NOW, interface, &packet);
        }
        gather(&mut server, &mut work);
        let done: Vec<_> = work.into_iter().map(Work::run).collect();
        (server, done)
    };
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(opened).bench_local_values(|(mut server, done)| {
        let mut work = Vec::with_capacity(BATCH);
        for done in done {
            server.handle_work_done(NOW, done);
            gather(&mut server, &mut work);
        }
        (server, work)
    });
}

fn announces() -> (Node, InterfaceId, Vec<Vec<u8>>) {
    let (node, interface) = node(1);
    let name = NameHash::of_name("bench.node");
    let frame = |n: usize| {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&n.to_be_bytes());
        let identity = Identity::generate(&mut Rng::from_seed(seed));
        let destination = DestinationHash::of_single(name, identity.hash());
        let blob = wire::random_blob([1; 5], UnixTime::from_secs(1_700_000_000));
        let data = Announce::build(&identity, destination, name, blob, None, &[0; 50]);
        let mut frame = Vec::new();
        Packet::announce(destination, Context::NONE, false, &data).emit(&mut frame);
        frame
    };
    (node, interface, (0..BATCH).map(frame).collect())
}

/// Announces of new destinations: verified, remembered, told.
#[divan::bench(sample_count = 20)]
fn announce_learned_work(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(announces).bench_local_values(
        |(mut node, interface, frames)| {
            for frame in frames {
                node.handle_frame(NOW, interface, &frame);
                divan::black_box(settle(&mut node));
            }
            node
        },
    );
}

/// The same without verification.
#[divan::bench(sample_count = 20)]
fn announce_learned_tables(bencher: Bencher<'_, '_>) {
    let verified = || {
        let (mut node, interface, frames) = announces();
        let mut work = Vec::new();
        for frame in frames {
            node.handle_frame(NOW, interface, &frame);
        }
        gather(&mut node, &mut work);
        (node, work.into_iter().map(Work::run).collect::<Vec<_>>())
    };
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(verified).bench_local_values(|(mut node, done)| {
        for done in done {
            node.handle_work_done(NOW, done);
            divan::black_box(settle(&mut node));
        }
        node
    });
}

/// Packets of 150 bytes on a link, sealed and queued: all symmetric.
#[divan::bench(sample_count = 20)]
fn link_out(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(Pair::linked).bench_local_values(
        |(mut pair, link)| {
            for _ in 0..BATCH {
                pair.client.send_on_link(NOW, link, vec![7; 150], Priority::Message).expect("active");
            }
            let sent = frames(&mut pair.client, pair.interface);
            (pair, sent)
        },
    );
}

/// Packets of 150 bytes on a link, opened and delivered; their proofs leave as work that is not run.
#[divan::bench(sample_count = 20)]
fn link_in_tables(bencher: Bencher<'_, '_>) {
    let sent = || {
        let (mut pair, link) = Pair::linked();
        for _ in 0..BATCH {
            pair.client.send_on_link(NOW, link, vec![7; 150], Priority::Message).expect("active");
        }
        let sent = frames(&mut pair.client, pair.interface);
        (pair, sent)
    };
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(sent).bench_local_values(|(mut pair, sent)| {
        let mut work = Vec::with_capacity(BATCH);
        for frame in sent {
            pair.server.handle_frame(NOW, pair.interface, &frame);
            gather(&mut pair.server, &mut work);
        }
        (pair, work)
    });
}
