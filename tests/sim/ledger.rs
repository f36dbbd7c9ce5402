//! The delivery ledger, as authors and members see it.

use std::time::Duration;

use meshgroup::group::FoundingRules;
use meshgroup::host::Addresses;

use super::groups::{ALICE, BOB, NODE, say, three};
use crate::support::sim::Sim;
use crate::support::station::Participant;

/// Posts are retried for so long.
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Alice and Bob are in; returns where.
fn both_in() -> (Sim<Participant>, Addresses) {
    let mut sim = three(FoundingRules::default());
    let group = sim.stations[NODE].group().host.addresses();
    say(&mut sim, ALICE, group, "/join Alice");
    say(&mut sim, BOB, group, "/join Bob");
    (sim, group)
}

/// What the group tells somebody who sends a command.
fn told(sim: &mut Sim<Participant>, who: usize, group: Addresses, command: &str) -> String {
    say(sim, who, group, command);
    let heard = sim.stations[who].person().heard_from(group.lxmf);
    heard.last().expect("an answer").to_string()
}

fn has(sim: &mut Sim<Participant>, who: usize, group: Addresses, text: &str) -> usize {
    let heard = sim.stations[who].person().heard_from(group.lxmf);
    heard.into_iter().filter(|one| *one == text).count()
}

fn cut_bob_off(sim: &mut Sim<Participant>, is_cut: bool) {
    sim.wires[1].loss_permille = if is_cut { 1_000 } else { 0 };
}

#[test]
fn an_author_learns_who_is_missing_and_why_and_who_is_heard_gets_it_at_once() {
    let (mut sim, group) = both_in();
    say(&mut sim, ALICE, group, "first");
    assert!(told(&mut sim, ALICE, group, "/delivery").ends_with(": 1 of 1 have it."));
    cut_bob_off(&mut sim, true);
    say(&mut sim, ALICE, group, "second");
    assert!(told(&mut sim, ALICE, group, "/delivery").ends_with("0 of 1 have it. Bob: sent"));
    sim.run_for(Duration::from_secs(600));
    let answer = told(&mut sim, ALICE, group, "/delivery");
    assert!(answer.contains(": 0 of 1 have it. Bob: "), "{answer}");
    assert!(
        ["does not answer", "not reachable", "looking for a way"].iter().any(|why| answer.ends_with(why)),
        "{answer}"
    );

    cut_bob_off(&mut sim, false);
    let now = sim.now();
    sim.stations[BOB].person().say(now, group.lxmf, "I am back");
    sim.run_for(Duration::from_secs(60));
    assert_eq!(has(&mut sim, BOB, group, "Alice: second"), 1, "he was heard, so it went at once");
    let answer = told(&mut sim, ALICE, group, "/delivery");
    assert!(answer.ends_with(": 1 of 1 have it."), "{answer}");
}

#[test]
fn what_expired_is_told_to_its_author_and_listed_for_who_missed_it() {
    let (mut sim, group) = both_in();
    assert_eq!(
        told(&mut sim, BOB, group, "/missed"),
        "You missed nothing: what waits for you is on its way."
    );
    cut_bob_off(&mut sim, true);
    say(&mut sim, ALICE, group, "the boat leaves at eight");
    sim.run_for(DAY + Duration::from_secs(60));
    let answer = told(&mut sim, ALICE, group, "/delivery");
    assert!(answer.ends_with(": 0 of 1 have it. Bob: away for too long"), "{answer}");

    cut_bob_off(&mut sim, false);
    let answer = told(&mut sim, BOB, group, "/missed");
    assert!(answer.ends_with("Alice: the boat leaves at eight"), "{answer}");
    // A later post is proven, and his cursor passes over the hole: that stays known.
    say(&mut sim, ALICE, group, "it has left");
    sim.run_for(Duration::from_secs(60));
    assert_eq!(has(&mut sim, BOB, group, "Alice: it has left"), 1);
    assert_eq!(sim.stations[NODE].group().gaps.len(), 1);
    let answer = told(&mut sim, BOB, group, "/missed");
    assert!(
        answer.ends_with("Alice: the boat leaves at eight") && !answer.contains("it has left"),
        "{answer}"
    );
}

#[test]
fn only_an_author_and_who_reads_the_audit_log_learn_who_has_a_post() {
    let (mut sim, group) = both_in();
    say(&mut sim, ALICE, group, "hello");
    let answer = told(&mut sim, ALICE, group, "/delivery");
    let (number, _) = answer.split_once(':').expect("a number");
    let answer = told(&mut sim, BOB, group, &format!("/delivery {number}"));
    assert_eq!(answer, "You may not do that.");
}
