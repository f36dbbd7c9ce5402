//! The simulator as a command: `--seed N` runs what a seed draws, `--hours H` searches (from `--seed` on) and prints the
//! seeds that find something.
//!
//! ```sh
//! cargo run --release --example swarm -- --seed 76
//! cargo run --release --example swarm -- --hours 8
//! ```

#![allow(dead_code, reason = "the tests use the rest")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "it is a test")]

use std::time::{Duration, Instant};

#[path = "../tests/support/air.rs"]
mod air;
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

const USAGE: &str = "usage: swarm [--seed N] [--hours H] [--meshes FILE]";

fn main() {
    let (mut seed, mut hours) = (0_u64, None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().expect(USAGE);
        match word.as_str() {
            "--seed" => seed = value.parse().expect(USAGE),
            "--circle" => return measure_circle(value.parse().expect(USAGE)),
            "--meshes" => return write_meshes(&value),
            "--hours" => hours = Some(value.parse::<f64>().expect(USAGE)),
            _ => panic!("{USAGE}"),
        }
    }
    match hours {
        None => println!("{:#?}", swarm::run(seed)),
        Some(hours) => search(seed, Duration::from_secs_f64(hours * 3600.0)),
    }
}

/// Measures all meshes and writes the table.
fn write_meshes(path: &str) {
    let mut table = format!("{}\n{}\n", meshes::TITLE, meshes::HEAD);
    for mesh in meshes::meshes() {
        let row = meshes::measure(mesh);
        println!("{row}");
        table.push_str(&format!("{row}\n"));
        std::fs::write(path, &table).unwrap();
    }
}

/// Runs seed after seed for so long. A panic tells what was found; it does not end the search.
fn search(first: u64, patience: Duration) {
    let (began, mut failed) = (Instant::now(), Vec::new());
    let mut seed = first;
    while began.elapsed() < patience {
        if std::panic::catch_unwind(|| swarm::run(seed)).is_err() {
            println!("seed {seed} found something: swarm --seed {seed}");
            failed.push(seed);
        }
        seed += 1;
    }
    println!("{} seeds from {first} on; these found something: {failed:?}", seed - first);
    assert!(failed.is_empty());
}

fn measure_circle(seed: u64) {
    let circle = circle::Circle { members: 20, posts: 60, spreading_factor: 8, loss_permille: 0 };
    let measured = circle.measure(seed);
    println!("{measured} {} repeats, missed {:?}", measured.repeats, measured.missed);
    for (kind, share) in &measured.census {
        println!("{kind}: {} packets, {:?}", share.packets, share.airtime);
    }
}
