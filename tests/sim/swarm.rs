//! Runs that seeds draw, with faults. `cargo run --release --example swarm` runs more of them.

use crate::support::swarm;

/// Run by every test run; a seed that found something is added.
const SEEDS: std::ops::Range<u64> = 0..40;

#[test]
fn whatever_the_seed_draws_all_that_was_written_arrives_once_it_heals() {
    let outcomes: Vec<_> = SEEDS.map(swarm::run).collect();
    assert!(outcomes.iter().all(|outcome| outcome.frames > 0));
    let at_once = outcomes.iter().filter(|outcome| outcome.healed_after.is_zero()).count();
    assert!((1..outcomes.len()).contains(&at_once), "some trouble mattered, some did not: {at_once}");
}

#[test]
fn the_same_seed_draws_and_does_the_same() {
    let [first, again, other] = [3, 3, 4].map(|seed| swarm::run(seed).trace);
    assert_eq!(first, again);
    assert_ne!(first, other);
}
