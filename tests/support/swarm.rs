//! Runs drawn from a seed: a mesh of nodes that forward, over wires or over the air, with people who write to each other,
//! while loss comes in bursts, the mesh is parted, nodes crash and start again from their disks, and clocks step. Then all
//! heals, and everything that was written must arrive within a bound.

use std::time::Duration;

use lora_channel::Bursts;
use reticulum::crypto::Rng;
use reticulum::node::{AirtimeLimits, InterfaceConfig, Limits};
use reticulum::time::Instant;

use super::air::{Air, modulation, radio_config, terrain};
use super::mesh::MeshNode;
use super::sim::{Port, Sim, Wire};

/// Within which all must have arrived when nothing hinders any more. Retries back off to minutes, and the paths are to be
/// found again.
const HEALED_WITHIN: Duration = Duration::from_secs(4 * 3600);
/// How far a clock is set wrong at most.
const CLOCK_STEP_S: u64 = 120;
/// A node that wakes more often than this for each frame that it sends or hears, and for each minute, is in a loop.
const WAKES_PER_FRAME_MAX: u64 = 20;

/// What a seed draws.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    nodes: usize,
    people: usize,
    /// The spreading factor of the air, or wires if there is none.
    spreading_factor: Option<u8>,
    loss_permille: u64,
    jitter: Duration,
    bursts: bool,
    part: bool,
    crashes: usize,
    clock_steps: usize,
    /// Whether tables are so small that they overflow.
    small_tables: bool,
    airtime_limit_percent: Option<f32>,
    messages: usize,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What was drawn.
    #[expect(dead_code, reason = "it is printed")]
    options: Options,
    /// Everything that happened.
    pub(crate) trace: [u8; 32],
    /// How long it took to heal.
    pub(crate) healed_after: Duration,
    /// Frames that were sent.
    pub(crate) frames: u64,
}

impl Options {
    fn draw(rng: &mut Rng) -> Self {
        let radio = rng.below(2) == 0;
        let nodes = 3 + rng.below(if radio { 6 } else { 10 }) as usize;
        let often = |rng: &mut Rng| rng.below(3) > 0;
        Self {
            nodes,
            people: (2 + rng.below(4) as usize).min(nodes),
            spreading_factor: radio.then(|| 7 + rng.below(3) as u8),
            loss_permille: rng.below(100),
            jitter: Duration::from_millis(rng.below(200)),
            bursts: often(rng),
            part: often(rng),
            crashes: rng.below(4) as usize,
            clock_steps: rng.below(3) as usize,
            small_tables: rng.below(4) == 0,
            airtime_limit_percent: (radio && often(rng)).then_some(10.0),
            messages: 3 + rng.below(6) as usize,
        }
    }

    fn limits(&self) -> Limits {
        let usual = Limits::default();
        if self.small_tables {
            Limits { packet_hashes: 512, request_tags: 64, peers: 16, paths: 16, queue_frames: 32, ..usual }
        } else {
            usual
        }
    }

    fn airtime_limits(&self) -> AirtimeLimits {
        AirtimeLimits { short_percent: None, long_percent: self.airtime_limit_percent }
    }
}

/// A mesh in the making: places of nodes, near enough to their neighbours.
struct Plan {
    options: Options,
    rng: Rng,
}

/// Runs what `seed` draws; panics, naming the seed, if anything is as it must not be.
pub(crate) fn run(seed: u64) -> Outcome {
    let mut bytes = [0x5e; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let mut rng = Rng::from_seed(bytes);
    let options = Options::draw(&mut rng);
    let mut plan = Plan { options, rng };
    let mut sim = plan.build(seed);
    plan.announce(&mut sim);
    plan.trouble(&mut sim);
    let healed_after = plan.heal(&mut sim, seed);
    check(&mut sim, seed, &plan.options);
    Outcome { options: plan.options, trace: sim.trace(), healed_after, frames: sim.frames }
}

impl Plan {
    fn build(&mut self, seed: u64) -> Sim<MeshNode> {
        let Options { nodes, people, spreading_factor, loss_permille, jitter, .. } = self.options;
        let now = Instant::from_micros(1_000_000);
        let (limits, airtime) = (self.options.limits(), self.options.airtime_limits());
        let mut wires = Vec::new();
        let mut ports = vec![0; nodes];
        if spreading_factor.is_none() {
            let mut joined: Vec<(usize, usize)> =
                (1..nodes).map(|n| (n, self.rng.below(n as u64) as usize)).collect();
            joined.extend((0..nodes / 3).map(|_| {
                let a = self.rng.below(nodes as u64) as usize;
                (a, (a + 1 + self.rng.below(nodes as u64 - 1) as usize) % nodes)
            }));
            for (a, b) in joined {
                let (end_a, end_b): (Port, Port) = ((a, ports[a]), (b, ports[b]));
                ports[a] += 1;
                ports[b] += 1;
                let latency = Duration::from_millis(5 + self.rng.below(50));
                wires.push(Wire { a: end_a, b: end_b, latency, jitter, loss_permille });
            }
        }
        let station = |index: usize| {
            let (talks, count) = (index < people, ports[index]);
            let seed = (seed as u32).wrapping_mul(1000).wrapping_add(index as u32);
            MeshNode::new(seed, now, limits, talks, move || match spreading_factor {
                Some(factor) => vec![radio_config(modulation(factor), airtime)],
                None => (0..count).map(wire_config).collect(),
            })
        };
        let mut sim = Sim::new(seed, now, (0..nodes).map(station).collect(), wires);
        if let Some(factor) = spreading_factor {
            // A row with jitter, so that the ends do not hear each other.
            let place = |n| (n as f64 * 0.7, self.rng.below(1000) as f64 / 2000.0);
            let places: Vec<_> = (0..nodes).map(place).collect();
            let terrain = terrain(&places, 1.0, loss_permille as u16, modulation(factor));
            let ports = (0..nodes).map(|node| (node, 0)).collect();
            sim.air = Some(Air::new(terrain, ports, modulation(factor), seed));
        }
        sim
    }

    /// People announce themselves twice, some time apart.
    fn announce(&mut self, sim: &mut Sim<MeshNode>) {
        for _ in 0..2 {
            for person in 0..self.options.people {
                let now = sim.now();
                sim.stations[person].announce(now);
                sim.run_for(Duration::from_secs(20 + self.rng.below(60)));
            }
        }
        sim.run_for(Duration::from_secs(300));
    }

    fn trouble(&mut self, sim: &mut Sim<MeshNode>) {
        let nodes = self.options.nodes;
        if self.options.bursts {
            self.set_bursts(sim, true);
        }
        if self.options.part {
            self.part(sim, true);
        }
        for n in 0..self.options.messages {
            self.write(sim, n);
            if n < self.options.crashes {
                let (node, now) = (self.rng.below(nodes as u64) as usize, sim.now());
                if self.rng.below(2) == 0 {
                    sim.stations[node].save(now);
                }
                sim.stations[node].crash();
                switch(sim, node, false);
                sim.run_for(Duration::from_secs(self.rng.below(400)));
                switch(sim, node, true);
                let now = sim.now();
                sim.stations[node].start(now);
            }
            if n < self.options.clock_steps {
                let (node, now) = (self.rng.below(nodes as u64) as usize, sim.now());
                let ahead = self.rng.below(2 * CLOCK_STEP_S) as i64 - CLOCK_STEP_S as i64;
                sim.stations[node].set_clock_ahead(now, ahead);
            }
            sim.run_for(Duration::from_secs(30 + self.rng.below(120)));
            check_bounds(sim);
        }
    }

    fn write(&mut self, sim: &mut Sim<MeshNode>, n: usize) {
        let people = self.options.people as u64;
        let from = self.rng.below(people);
        let to = (from + 1 + self.rng.below(people - 1)) % people;
        let now = sim.now();
        let Some(address) = sim.stations[to as usize].address() else { return };
        sim.stations[from as usize].write(now, address, &format!("{from} to {to}, {n}"));
    }

    /// Ends all trouble, and waits until all is well; returns how long that took.
    fn heal(&mut self, sim: &mut Sim<MeshNode>, seed: u64) -> Duration {
        self.set_bursts(sim, false);
        if self.options.part {
            self.part(sim, false);
        }
        let began = sim.now();
        for node in 0..self.options.nodes {
            sim.stations[node].start(began);
            sim.stations[node].set_clock_ahead(began, 0);
        }
        while sim.stations.iter().any(|station| station.unproven() > 0) {
            let healing = sim.now().since(began);
            assert!(
                healing < HEALED_WITHIN,
                "seed {seed}: not healed after {healing:?}: {:?}, unproven {:?}",
                self.options,
                sim.stations.iter().map(MeshNode::unproven).collect::<Vec<_>>(),
            );
            // People announce themselves again from time to time, as programs do.
            let person = (healing.as_secs() / 300) as usize % self.options.people;
            let now = sim.now();
            sim.stations[person].announce(now);
            sim.run_for(Duration::from_secs(300));
            check_bounds(sim);
        }
        sim.now().since(began)
    }

    fn set_bursts(&mut self, sim: &mut Sim<MeshNode>, on: bool) {
        if let Some(air) = &mut sim.air {
            let bursts = Bursts { begin_permille: 30, end_permille: 200, loss_permille: 900 };
            air.set_bursts(on.then_some(bursts));
        }
        for wire in &mut sim.wires {
            wire.loss_permille = self.options.loss_permille + if on { self.rng.below(300) } else { 0 };
        }
    }

    /// Parts the first half of the nodes from the second, or joins them again.
    fn part(&mut self, sim: &mut Sim<MeshNode>, apart: bool) {
        let half = self.options.nodes / 2;
        let sides: Vec<bool> = (0..self.options.nodes).map(|node| node < half).collect();
        let now = sim.now();
        if let Some(air) = &mut sim.air {
            air.part(now, apart.then_some(&sides));
        }
        let whole = self.options.loss_permille;
        for wire in &mut sim.wires {
            if sides[wire.a.0] != sides[wire.b.0] {
                wire.loss_permille = if apart { 1000 } else { whole };
            }
        }
    }
}

fn wire_config(port: usize) -> InterfaceConfig {
    InterfaceConfig { name: format!("wire {port}"), ..InterfaceConfig::default() }
}

fn switch(sim: &mut Sim<MeshNode>, node: usize, on: bool) {
    let now = sim.now();
    if let Some(air) = &mut sim.air {
        air.switch(now, node, on);
    }
}

fn check_bounds(sim: &mut Sim<MeshNode>) {
    let now = sim.now();
    sim.stations.iter_mut().for_each(|station| station.check_bounds(now));
}

/// Nothing that was proven is lost, nothing came twice, no budget was exceeded, nothing loops.
fn check(sim: &mut Sim<MeshNode>, seed: u64, options: &Options) {
    let violations: Vec<_> = sim.stations.iter().flat_map(|station| station.violations.clone()).collect();
    assert!(violations.is_empty(), "seed {seed}: {violations:?} {options:?}");
    for text in sim.stations.iter().flat_map(|station| station.proven()) {
        let there = sim.stations.iter().filter(|station| station.has(text)).count();
        assert_eq!(there, 1, "seed {seed}: {text:?} was proven, and is at so many. {options:?}");
    }
    let hour = Duration::from_secs(3600);
    if let (Some(air), Some(percent)) = (&sim.air, options.airtime_limit_percent) {
        // A node that crashed has forgotten what it sent, as any device that is switched off and on.
        let budgets = 1 + options.crashes as u32;
        let (most, limit) = (air.airtime_max(hour), hour.mul_f32(percent / 100.0) * budgets);
        assert!(most <= limit, "seed {seed}: {most:?} of air within an hour. {options:?}");
    }
    let minutes = sim.now().since(Instant::ZERO).as_secs() / 60 * options.nodes as u64;
    let wakes_max = WAKES_PER_FRAME_MAX * (sim.frames + minutes);
    assert!(sim.wakes <= wakes_max, "seed {seed}: {} wakes, {} frames. {options:?}", sim.wakes, sim.frames);
}
