//! The simulator as a command: `--seed N` runs what a seed draws, `--count N` or `--hours H` searches (from `--seed` on) and
//! prints the seeds that find something; with `--of groups` of groups instead of meshes. `--meshes` and `--circle` measure, and write the committed tables; `--census SEED`
//! tells what is on the air of the latter, by kind.
//!
//! ```sh
//! cargo run --release --example swarm -- --seed 76
//! cargo run --profile search --example swarm -- --hours 8
//! ```

#![allow(dead_code, reason = "the tests use the rest")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "it is a test")]

use std::time::{Duration, Instant};

#[path = "../tests/support/air.rs"]
mod air;
#[path = "../tests/support/assembly.rs"]
mod assembly;
#[path = "../tests/support/circle.rs"]
mod circle;
#[path = "../tests/support/disk.rs"]
mod disk;
#[path = "../tests/support/folder.rs"]
mod folder;
#[path = "../tests/support/mesh.rs"]
mod mesh;
#[path = "../tests/support/meshes.rs"]
mod meshes;
#[path = "../tests/support/sim.rs"]
mod sim;
#[path = "../tests/support/station.rs"]
mod station;
#[path = "../tests/support/swarm.rs"]
mod swarm;

const USAGE: &str = "usage: swarm [--of meshes|groups] [--seed N] [--count N] [--hours H] [--meshes FILE] [--circle FILE] [--census SEED]";

fn main() {
    let (mut seed, mut hours, mut count, mut of) = (0_u64, None, None, run_mesh as fn(u64));
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().expect(USAGE);
        match word.as_str() {
            "--seed" => seed = value.parse().expect(USAGE),
            "--census" => return tell_circle(value.parse().expect(USAGE)),
            "--circle" => return write_circles(&value),
            "--meshes" => return write_meshes(&value),
            "--of" if value == "groups" => of = run_group,
            "--of" if value == "meshes" => of = run_mesh,
            "--count" => count = Some(value.parse::<u64>().expect(USAGE)),
            "--hours" => hours = Some(value.parse::<f64>().expect(USAGE)),
            _ => panic!("{USAGE}"),
        }
    }
    match (hours, count) {
        (None, None) => of(seed),
        (hours, count) => {
            let patience = hours.map_or(Duration::MAX, |hours| Duration::from_secs_f64(hours * 3600.0));
            search(of, seed, count.unwrap_or(u64::MAX), patience);
        }
    }
}

fn run_mesh(seed: u64) {
    println!("{seed}: {:?}", swarm::run(seed));
}

fn run_group(seed: u64) {
    println!("{seed}: {:?}", assembly::run(seed));
}

/// Measures all meshes and writes the table.
fn write_meshes(path: &str) {
    let mut table = format!("{}\n{}\n", meshes::TITLE, meshes::HEAD);
    for mesh in meshes::meshes() {
        let row = meshes::measure_all(mesh, meshes::SEEDS);
        println!("{row}");
        table.push_str(&format!("{row}\n"));
        std::fs::write(path, &table).unwrap();
    }
}

/// Runs so many seeds, or for so long. A panic tells what was found; it does not end the search.
fn search(of: fn(u64), first: u64, count: u64, patience: Duration) {
    let (began, mut failed) = (Instant::now(), Vec::new());
    let mut seed = first;
    while began.elapsed() < patience && seed - first < count {
        if std::panic::catch_unwind(|| of(seed)).is_err() {
            println!("seed {seed} found something: swarm --seed {seed}");
            failed.push(seed);
        }
        seed += 1;
    }
    println!("{} seeds from {first} on; these found something: {failed:?}", seed - first);
    assert!(failed.is_empty());
}

/// Measures the groups on one channel and writes their table.
fn write_circles(path: &str) {
    let mut table = format!("{}\n{}\n", circle::TITLE, circle::HEAD);
    for circle in circle::circles() {
        let line = circle::Line::measure(circle, circle::SEEDS);
        println!("{line}");
        table.push_str(&format!("{line}\n"));
    }
    std::fs::write(path, &table).unwrap();
}

/// Tells of one group on one channel what was on the air.
fn tell_circle(seed: u64) {
    for circle in circle::circles() {
        let measured = circle.measure(seed);
        println!("{circle:?}: {:.1} % arrived, {:?} of air", measured.arrived_percent(), measured.airtime);
        for (kind, share) in &measured.census {
            println!("    {kind}: {} packets, {:?}", share.packets, share.airtime);
        }
    }
}
