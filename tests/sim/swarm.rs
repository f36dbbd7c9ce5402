//! Runs that seeds draw, with faults. `cargo run --release --example swarm` runs more of them.

use crate::support::{assembly, swarm};

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

/// Run by every test run; a seed that found something is added.
const GROUP_SEEDS: std::ops::Range<u64> = 0..16;

#[test]
fn whatever_happens_to_a_group_every_member_has_every_post_once_and_who_is_banned_nothing_more() {
    let outcomes: Vec<_> = GROUP_SEEDS.map(assembly::run).collect();
    let at_once = outcomes.iter().filter(|outcome| outcome.healed_after.is_zero()).count();
    assert!(at_once < outcomes.len(), "some trouble mattered");
    assert_eq!(assembly::run(1).trace, outcomes[1].trace, "{:?}", outcomes[1].options);
}
