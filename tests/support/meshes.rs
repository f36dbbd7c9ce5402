//! Meshes over the air, measured: of what some people write to each other, how much arrives, how late, and what it costs.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use reticulum::crypto::Rng;
use reticulum::hash::DestinationHash;
use reticulum::node::{AirtimeLimits, Limits};
use reticulum::time::Instant;

use super::air::{Air, modulation, radio_config, terrain};
use super::mesh::MeshNode;
use super::sim::Sim;

/// People among the nodes; all nodes forward.
const PEOPLE: usize = 6;
/// Between two announces.
const ANNOUNCE_GAP: Duration = Duration::from_secs(120);
/// Each node sends in no more than this part of an hour.
const LIMIT_PERCENT: f32 = 10.0;

/// One line of the table, before it is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mesh {
    /// Nodes, each with a radio.
    pub(crate) nodes: usize,
    /// Of the air.
    pub(crate) spreading_factor: u8,
    /// Of 1,000 frames that would be heard, so many are not.
    pub(crate) loss_permille: u16,
    /// Written by all people together.
    pub(crate) messages_per_hour: u32,
}

/// What was measured, with one seed or several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    mesh: Mesh,
    hops: (u8, u8),
    written: usize,
    /// In percent; of several seeds the least.
    pub(crate) arrived_percent: f64,
    /// Of several seeds the median, as of all that follows.
    p50: Duration,
    /// Of what arrived.
    pub(crate) p95: Duration,
    airtime_percent: f64,
    /// Of several seeds the most.
    airtime_most_percent: f64,
    collisions: u64,
    /// From the end of a partition until all that was written across had arrived; none if not within three hours. Of several
    /// seeds the longest.
    healed_after: Option<Duration>,
}

/// The lines of the committed table; those of 10 nodes are measured in the tests, too.
pub(crate) fn meshes() -> Vec<Mesh> {
    let mesh = |nodes, spreading_factor, loss_permille, messages_per_hour| Mesh {
        nodes,
        spreading_factor,
        loss_permille,
        messages_per_hour,
    };
    let mut all = Vec::new();
    for nodes in [10, 100, 300] {
        all.extend([7, 8, 9].map(|factor| mesh(nodes, factor, 0, 30)));
        all.extend([mesh(nodes, 8, 50, 30), mesh(nodes, 8, 150, 30), mesh(nodes, 8, 0, 120)]);
    }
    all
}

/// What the table is about.
pub(crate) const TITLE: &str = "\
# Meshes over the air, simulated

Written by `cargo run --profile search --example swarm -- --meshes tests/sim/snapshots/meshes.md`; the tests measure the meshes of
10 nodes again. Each line is three seeds, which draw other places, other authors and other collisions: the least that arrived, the
busiest node and the longest healing of all three, and the median of all else. Every node forwards, has one radio at 125 kHz and 4/5 on the same channel, and may send in 10 % of an hour. Six
people spread over the mesh have announced themselves twice; then they write LXMF messages to each other for an hour, and whoever
gets no proof presses *send again*. Half an hour later it is counted what arrived. At last the mesh is parted in two for ten
minutes, in which five more messages are written; *healed after* is when the last of all was proven (— if not within three
hours). In every run nothing arrived under two ids, no relay repeated a packet, and no radio exceeded its budget.
";

/// Above the lines.
pub(crate) const HEAD: &str = "\
| nodes | SF | loss | messages/h | hops | written | arrived | p50 | p95 | air time a node | busiest node | collisions | healed after |
|---|---|---|---|---|---|---|---|---|---|---|---|---|";

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mesh { nodes, spreading_factor, loss_permille, messages_per_hour } = self.mesh;
        let (loss, (near, far)) = (f64::from(loss_permille) / 10.0, self.hops);
        write!(f, "| {nodes} | {spreading_factor} | {loss} % | {messages_per_hour} | {near}–{far} ")?;
        write!(f, "| {} | {:.1} % ", self.written, self.arrived_percent)?;
        write!(f, "| {:.1} s | {:.1} s ", self.p50.as_secs_f64(), self.p95.as_secs_f64())?;
        write!(f, "| {:.2} % | {:.2} % ", self.airtime_percent, self.airtime_most_percent)?;
        let healed = self.healed_after.map_or("—".to_owned(), |after| format!("{} s", after.as_secs()));
        write!(f, "| {} | {healed} |", self.collisions)
    }
}

/// Seeds behind each line of the committed table.
pub(crate) const SEEDS: Range<u64> = 1..4;

/// Measures one line with each of these seeds.
pub(crate) fn measure_all(mesh: Mesh, seeds: Range<u64>) -> Row {
    let rows: Vec<Row> = seeds.map(|seed| measure(mesh, seed)).collect();
    let median = |of: &dyn Fn(&Row) -> Duration| {
        let mut all: Vec<Duration> = rows.iter().map(of).collect();
        all.sort_unstable();
        all[all.len() / 2]
    };
    let airtime = median(&|row| Duration::from_secs_f64(row.airtime_percent));
    let healed: Option<Vec<Duration>> = rows.iter().map(|row| row.healed_after).collect();
    Row {
        mesh,
        hops: (
            rows.iter().map(|row| row.hops.0).min().unwrap_or_default(),
            rows.iter().map(|row| row.hops.1).max().unwrap_or_default(),
        ),
        written: rows.iter().map(|row| row.written).sum(),
        arrived_percent: rows.iter().map(|row| row.arrived_percent).fold(100.0, f64::min),
        p50: median(&|row| row.p50),
        p95: median(&|row| row.p95),
        airtime_percent: airtime.as_secs_f64(),
        airtime_most_percent: rows.iter().map(|row| row.airtime_most_percent).fold(0.0, f64::max),
        collisions: median(&|row| Duration::from_secs(row.collisions)).as_secs(),
        healed_after: healed.and_then(|all| all.into_iter().max()),
    }
}

fn measure(mesh: Mesh, seed: u64) -> Row {
    let mut bytes = [mesh.nodes as u8; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let mut rng = Rng::from_seed(bytes);
    let mut sim = build(mesh, seed, &mut rng);
    let people: Vec<usize> = (0..PEOPLE).map(|person| person * (mesh.nodes - 1) / (PEOPLE - 1)).collect();
    for _ in 0..2 {
        for person in &people {
            let now = sim.now();
            sim.stations[*person].announce(now);
            sim.run_for(ANNOUNCE_GAP);
        }
    }
    let addresses: Vec<DestinationHash> =
        people.iter().map(|person| sim.stations[*person].address().expect("it talks")).collect();
    let hops: Vec<u8> = people
        .iter()
        .flat_map(|person| addresses.iter().filter_map(|to| sim.stations[*person].hops(to)))
        .collect();
    let began = (sim.now(), sim.air.as_ref().expect("it has air").airtime());
    for n in 0..mesh.messages_per_hour {
        write(&mut sim, &mut rng, &people, &addresses, n);
        sim.run_for(Duration::from_secs(3600) / mesh.messages_per_hour);
    }
    sim.run_for(Duration::from_secs(1800));
    let hours = sim.now().since(began.0).as_secs_f64();
    let air = sim.air.as_ref().expect("it has air");
    let airtime = (air.airtime() - began.1).as_secs_f64() / hours / mesh.nodes as f64;
    let hour = Duration::from_secs(3600);
    let most = air.airtime_max(hour);
    assert!(most <= hour.mul_f32(LIMIT_PERCENT / 100.0), "{mesh:?}: {most:?} of air within an hour");
    let collisions = air.missed[lora_channel::Miss::Collision as usize];
    let mut delays = delays(&sim, &people);
    delays.sort_unstable();
    let at = |percent: usize| delays.get(delays.len().saturating_sub(1) * percent / 100).copied();
    let written = mesh.messages_per_hour as usize;
    let row = Row {
        mesh,
        hops: (hops.iter().min().copied().unwrap_or(0), hops.iter().max().copied().unwrap_or(0)),
        written,
        arrived_percent: 100.0 * delays.len() as f64 / written as f64,
        p50: at(50).unwrap_or_default(),
        p95: at(95).unwrap_or_default(),
        airtime_percent: 100.0 * airtime,
        airtime_most_percent: 100.0 * most.as_secs_f64() / 3600.0,
        collisions,
        healed_after: part_and_heal(&mut sim, &mut rng, &people, &addresses),
    };
    let violations: Vec<_> = sim.stations.iter().flat_map(|station| station.violations.clone()).collect();
    assert!(violations.is_empty(), "{mesh:?}: {violations:?}");
    row
}

fn build(mesh: Mesh, seed: u64, rng: &mut Rng) -> Sim<MeshNode> {
    // Columns, rows, and how far apart, in ranges of a radio: 3 to 7 hops from end to end.
    let (columns, spacing) = match mesh.nodes {
        0..20 => (5, 0.75),
        20..200 => (10, 0.45),
        _ => (20, 0.27),
    };
    let mut jitter = || rng.below(1000) as f64 / 1000.0 * spacing * 0.4;
    let place =
        |n: usize| ((n % columns) as f64 * spacing + jitter(), (n / columns) as f64 * spacing + jitter());
    let places: Vec<_> = (0..mesh.nodes).map(place).collect();
    let lora = modulation(mesh.spreading_factor);
    let limits = AirtimeLimits { short_percent: None, long_percent: Some(LIMIT_PERCENT) };
    let now = Instant::from_micros(1_000_000);
    let talks = |n: usize| (0..PEOPLE).any(|person| person * (mesh.nodes - 1) / (PEOPLE - 1) == n);
    let station = |n: usize| {
        MeshNode::new(n as u32, now, Limits::default(), talks(n), move || vec![radio_config(lora, limits)])
    };
    let mut sim = Sim::new(seed, now, (0..mesh.nodes).map(station).collect(), Vec::new());
    let terrain = terrain(&places, 1.0, mesh.loss_permille, lora);
    sim.air = Some(Air::new(terrain, (0..mesh.nodes).map(|n| (n, 0)).collect(), lora, seed));
    sim
}

fn write(sim: &mut Sim<MeshNode>, rng: &mut Rng, people: &[usize], addresses: &[DestinationHash], n: u32) {
    let from = rng.below(PEOPLE as u64) as usize;
    let to = (from + 1 + rng.below(PEOPLE as u64 - 1) as usize) % PEOPLE;
    let now = sim.now();
    sim.stations[people[from]].write(now, addresses[to], &format!("message {n} of {from} to {to}"));
}

fn delays(sim: &Sim<MeshNode>, people: &[usize]) -> Vec<Duration> {
    let written = people.iter().flat_map(|person| &sim.stations[*person].written);
    let arrival = |text: &String| people.iter().find_map(|person| sim.stations[*person].arrived.get(text));
    written.filter_map(|(text, at)| arrival(text).map(|arrived| arrived.since(*at))).collect()
}

/// Parts the mesh in two for ten minutes, in which people write; then waits until all has arrived.
fn part_and_heal(
    sim: &mut Sim<MeshNode>,
    rng: &mut Rng,
    people: &[usize],
    addresses: &[DestinationHash],
) -> Option<Duration> {
    let nodes = sim.stations.len();
    let sides: Vec<bool> = (0..nodes).map(|n| n < nodes / 2).collect();
    let now = sim.now();
    sim.air.as_mut()?.part(now, Some(&sides));
    for n in 0..5 {
        write(sim, rng, people, addresses, 10_000 + n);
        sim.run_for(Duration::from_secs(120));
    }
    let healed = sim.now();
    sim.air.as_mut()?.part(healed, None);
    while sim.stations.iter().any(|station| station.unproven() > 0) {
        if sim.now().since(healed) > Duration::from_secs(3 * 3600) {
            return None;
        }
        sim.run_for(Duration::from_secs(10));
    }
    Some(sim.now().since(healed))
}
