//! Bad input: whatever a peer sends, the node keeps serving, its memory stays bounded, and `status` counts each refusal.
//!
//! | file | scenarios |
//! |---|---|
//! | `frames.rs` | truncated, oversize, replayed and bit-flipped frames of every packet type |
//! | `payloads.rs` | what opens under the right key, and is bad nevertheless |
//! | `floods.rs` | too much of what is good |
//! | `growth.rs` | what could grow for as long as somebody goes on |
//! | `joining.rs` | crowds that would come in without the work that it costs |
//! | `kill.rs` | the node is killed at any moment |
//! | `secrets.rs` | what must not be shown |
//!
//! `attacker.rs` speaks the protocol by hand; `direct.rs` is a node in this process, on virtual time.
//!
//! The bound on memory: under each of these attacks resident memory grows by less than [`GROWTH_MAX`]. Measured, from
//! 14 MiB of an idle node in a debug build: 14 MiB for bombs, 20 or 100 of them, which is what inflating on two threads
//! takes; 4 MiB for 20,000 requests; 2.2 MiB for 100,000 announces; 1.7 MiB for 10,000 link requests; less for the rest.
//! The tables have bounds of their own (`reticulum::node::Limits`), to which legitimate peers can drive them too.

mod attacker;
mod direct;
mod floods;
mod frames;
mod growth;
mod joining;
mod kill;
mod payloads;
mod secrets;

use crate::support::process::Meshgroup;
use attacker::{Attacker, Tcp};
use reticulum::hash::DestinationHash;

/// How much resident memory an attack of this module may cost a node, in bytes.
const GROWTH_MAX: u64 = 24 << 20;

/// A node process under attack, with what it was like before.
struct Victim {
    node: Meshgroup,
    lxmf: DestinationHash,
    api: DestinationHash,
    rss_before: u64,
}

impl Victim {
    /// Takes a node that has done everything once, so that what grows from then on is the attack's.
    fn new(node: Meshgroup) -> Self {
        let (lxmf, api) = (address(&node, "address"), address(&node, "api_address"));
        let mut victim = Self { node, lxmf, api, rss_before: 0 };
        victim.attacker(251).is_served(lxmf, api);
        victim.rss_before = victim.rss();
        victim
    }

    fn attacker(&self, seed: u8) -> Attacker<Tcp> {
        Attacker::new(Tcp::connect(self.node.port), seed)
    }

    fn rss(&self) -> u64 {
        self.node.status()["rss_bytes"].as_u64().expect("a number")
    }

    fn counter(&self, name: &str) -> u64 {
        self.node.status()["counters"][name].as_u64().unwrap_or_else(|| panic!("no counter {name}"))
    }

    /// Whether all places for connections are taken: tries one.
    fn refuses_connections(&self) -> bool {
        let before = self.counter("connections_refused");
        let _probe = Tcp::connect(self.node.port);
        std::thread::sleep(std::time::Duration::from_millis(50));
        self.counter("connections_refused") > before
    }

    /// Waits until a counter has reached `at_least`: frames take a moment to arrive.
    fn await_counter(&self, name: &str, at_least: u64) {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while self.counter(name) < at_least {
            assert!(std::time::Instant::now() < end, "{name}: {} of {at_least}", self.counter(name));
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// Fails unless the node still serves, has not grown by more than [`GROWTH_MAX`], and has nothing to tell its
    /// operator: a remote can never cause a line above `debug`.
    fn is_well(&self) {
        self.attacker(252).is_served(self.lxmf, self.api);
        let rss = self.rss();
        println!("rss: {} KiB before, {} KiB after", self.rss_before >> 10, rss >> 10);
        assert!(rss < self.rss_before + GROWTH_MAX, "{} B before, {rss} B after", self.rss_before);
        let output = self.node.output();
        for level in ["ERROR", "WARN", "INFO", "panicked"] {
            assert!(!output.contains(level), "{output}");
        }
    }
}

fn address(node: &Meshgroup, field: &str) -> DestinationHash {
    let hex = node.group(field);
    let bytes: Vec<u8> = (0..hex.len() / 2)
        .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hexadecimal"))
        .collect();
    DestinationHash::from_slice(&bytes).expect("16 bytes")
}
