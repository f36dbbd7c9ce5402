//! What announces cost a node that forwards for others: a burst of 5,000 distinct valid ones, learned whole or held back,
//! beside the bare signature check; and the memory of 10,000 paths with what it takes to pass their announces on.
//!
//! `cargo bench -p meshgroup-reticulum --bench announces` prints CPU time first, since other programs do not disturb that,
//! then wall time and allocations. Divide `memory`'s "max alloc" by 10,000 for the bytes a path.

use std::sync::OnceLock;

use divan::{AllocProfiler, Bencher, counter::ItemsCount};
use reticulum::crypto::{Identity, Rng};
use reticulum::hash::{DestinationHash, NameHash};
use reticulum::node::{InterfaceConfig, InterfaceId, Limits, Node, NodeConfig, Output};
use reticulum::time::{Instant, UnixTime};
use reticulum::wire::{self, Announce, Context, Packet};

/// Allocations are counted, which costs some nanoseconds each.
#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

const BURST: usize = 5_000;
const PATHS: usize = 10_000;
const NOW: Instant = Instant::from_micros(1_000_000);
const UNIX: UnixTime = UnixTime::from_secs(1_700_000_000);

/// Something that takes the frames of a burst.
type Burst = fn(&[Vec<u8>]);

fn main() {
    let frames = &announces()[..BURST];
    let bursts: [(&str, Burst); 3] = [
        ("check alone", check),
        ("learned whole, ingress control off", |frames| drop(learn(frames))),
        ("default limits", |frames| drop(hold_back(frames))),
    ];
    for (name, burst) in bursts {
        let best = (0..5).filter_map(|_| {
            let before = cpu_ns()?;
            burst(frames);
            Some((cpu_ns()? - before) as f64 / 1000.0 / BURST as f64)
        });
        match best.min_by(f64::total_cmp) {
            Some(us) => println!("{name:35} {us:6.2} us of CPU an announce"),
            None => println!("{name:35} CPU time is not told on this system"),
        }
    }
    divan::main();
}

/// CPU time of this thread so far.
fn cpu_ns() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

fn check(frames: &[Vec<u8>]) {
    for frame in frames {
        let packet = Packet::parse(frame).expect("a packet");
        divan::black_box(Announce::parse(&packet).expect("an announce").verify().expect("valid"));
    }
}

fn learn(frames: &[Vec<u8>]) -> Node {
    let (mut node, interface) = node(false, Limits::default());
    assert_eq!(hear(&mut node, interface, frames), frames.len());
    node
}

fn hold_back(frames: &[Vec<u8>]) -> Node {
    let (mut node, interface) = node(true, Limits::default());
    assert!(hear(&mut node, interface, frames) < 10);
    node
}

/// Announces of distinct destinations as LXMF clients make them: two hops away, with a ratchet and a name of 20 bytes.
fn announces() -> &'static [Vec<u8>] {
    static ANNOUNCES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    ANNOUNCES.get_or_init(|| {
        let mut rng = Rng::from_seed([1; 32]);
        (0..PATHS).map(|_| announce(&mut rng)).collect()
    })
}

fn announce(rng: &mut Rng) -> Vec<u8> {
    let identity = Identity::generate(rng);
    let name = NameHash::of_name("lxmf.delivery");
    let destination = DestinationHash::of_single(name, identity.hash());
    let blob = wire::random_blob(rng.bytes(), UNIX);
    let ratchet = reticulum::crypto::RatchetSecret::from_bytes(rng.bytes()).public();
    let data = Announce::build(&identity, destination, name, blob, Some(&ratchet), b"a name of 20 bytes..");
    let packet = Packet::announce(destination, Context::NONE, true, &data);
    let mut frame = Vec::new();
    packet.via(Identity::generate(rng).hash()).with_hops(1).emit(&mut frame);
    frame
}

fn node(ingress_control: bool, limits: Limits) -> (Node, InterfaceId) {
    let identity = std::sync::Arc::new(Identity::generate(&mut Rng::from_seed([2; 32])));
    let config = NodeConfig { transport: true, limits, ..NodeConfig::new(identity) };
    let mut node = Node::new(config, [3; 32], NOW, UNIX);
    let interface = node.add_interface(NOW, InterfaceConfig { ingress_control, ..Default::default() });
    (node, interface)
}

/// Hears them all, with the work that comes of it; how many were told.
fn hear(node: &mut Node, interface: InterfaceId, frames: &[Vec<u8>]) -> usize {
    let mut told = 0;
    for frame in frames {
        node.handle_frame(NOW, interface, frame);
        while let Some(output) = node.poll_output() {
            match output {
                Output::Work(work) => node.handle_work_done(NOW, work.run()),
                Output::Event(_) => told += 1,
                Output::Persist(_) => {}
            }
        }
    }
    told
}

/// The signature check alone, with parsing.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn check_alone(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(BURST))
        .with_inputs(announces)
        .bench_local_values(|frames| check(&frames[..BURST]));
}

/// Ingress control off: each is checked, learned and put in line to be passed on.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn burst_learned(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(BURST))
        .with_inputs(announces)
        .bench_local_values(|frames| learn(&frames[..BURST]));
}

/// The same, until all were passed on as far as the announce cap lets them: a minute of the node's time.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn burst_learned_and_passed_on(bencher: Bencher<'_, '_>) {
    let node = || (announces(), node(false, Limits::default()));
    bencher.counter(ItemsCount::new(BURST)).with_inputs(node).bench_local_values(
        |(frames, (mut node, interface))| {
            assert_eq!(hear(&mut node, interface, &frames[..BURST]), BURST);
            let end = NOW + std::time::Duration::from_secs(60);
            let mut frame = Vec::new();
            while let Some(at) = node.poll_timeout().filter(|at| *at <= end) {
                node.handle_timeout(at);
                frame.clear();
                while node.poll_transmit(at, interface, &mut frame) {
                    frame.clear();
                }
            }
            node
        },
    );
}

/// Default limits: a few are learned, the rest is held back or dropped.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn burst_held_back(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(BURST))
        .with_inputs(announces)
        .bench_local_values(|frames| hold_back(&frames[..BURST]));
}

/// 10,000 paths, peers and announces in a node that has passed all of them on.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn memory(bencher: Bencher<'_, '_>) {
    let limits = Limits { paths: PATHS, peers: PATHS, ..Limits::default() };
    bencher.with_inputs(announces).bench_local_values(|frames| {
        let (mut node, interface) = node(false, limits);
        // Few at a time, so that what waits to be passed on is not counted.
        for frames in frames.chunks(100) {
            hear(&mut node, interface, frames);
            node.handle_interface_down(NOW, interface);
            for _ in 0..2 {
                while let Some(at) = node.poll_timeout().filter(|at| *at < NOW + LONG) {
                    node.handle_timeout(at);
                }
            }
            node.handle_interface_up(NOW, interface);
        }
        node
    });
}

const LONG: std::time::Duration = std::time::Duration::from_secs(3600);
