//! The delivery ledger, as authors and members see it.

use std::time::Duration;

use lxmf::fields::{Builder, Fields, key};
use lxmf::message::MessageId;
use meshgroup::group::FoundingRules;
use meshgroup::host::Addresses;
use prost::Message;
use proto::v1;
use reticulum::wire::msgpack;

use super::PATIENCE;
use super::groups::{ALICE, BOB, NODE, ask, say, start, three, three_on_disk, three_with_slow_bob};
use crate::support::sim::Sim;
use crate::support::station::{Participant, START};

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

/// Bob is behind a slow medium.
fn both_in_and_bob_slow() -> (Sim<Participant>, Addresses) {
    let mut sim = three_with_slow_bob();
    let group = sim.stations[NODE].group().host.addresses();
    say(&mut sim, ALICE, group, "/join Alice");
    say(&mut sim, BOB, group, "/join Bob");
    (sim, group)
}

/// The same on a real store, so that the node can be killed.
fn both_in_on_disk() -> (Sim<Participant>, Addresses) {
    let mut sim = three_on_disk(FoundingRules::default());
    let group = sim.stations[NODE].group().host.addresses();
    say(&mut sim, ALICE, group, "/join Alice");
    say(&mut sim, BOB, group, "/join Bob");
    (sim, group)
}

fn kill(sim: &mut Sim<Participant>) {
    let now = sim.now();
    let unix = START + now.since(start());
    sim.stations[NODE].group().crash(now, unix);
}

/// Alice's newest message came to Bob, who proves nothing; the node is killed and `change`s something that copies are made
/// of; it tries again until he proves it. Returns how often he got it, and under how many ids.
fn repeated(
    sim: &mut Sim<Participant>,
    group: Addresses,
    text: &str,
    change: impl FnOnce(&mut Sim<Participant>),
) -> (usize, usize) {
    let times = |sim: &mut Sim<Participant>| sim.stations[BOB].person().copies_of(text);
    assert!(times(sim).0 > 0, "{:?}", sim.stations[BOB].person().heard_from(group.lxmf));
    kill(sim);
    change(sim);
    sim.run_for(Duration::from_secs(120));
    kill(sim);
    sim.stations[BOB].person().is_mute = false;
    let now = sim.now();
    sim.stations[BOB].person().say(now, group.lxmf, "/help");
    sim.run_for(Duration::from_secs(120));
    let pending = sim.stations[NODE].group().host.counters()["copies_pending"];
    assert_eq!(pending, 0, "he proved it");
    times(sim)
}

#[test]
fn a_copy_is_the_same_message_each_time_it_is_sent_also_after_a_crash_and_an_edit() {
    let (mut sim, group) = both_in_on_disk();
    sim.stations[BOB].person().is_mute = true;
    say(&mut sim, ALICE, group, "see you at eight");
    let edit = |sim: &mut Sim<Participant>| say(sim, ALICE, group, "/edit see you at nine");
    let (times, ids) = repeated(&mut sim, group, "Alice: see you at eight", edit);
    assert!(times > 1 && ids == 1, "{times} times under {ids} ids");
    // What it says now is told apart.
    assert_eq!(sim.stations[BOB].person().copies_of("Alice: see you at nine"), (0, 0));
}

#[test]
fn who_refers_to_a_copy_that_we_lost_sight_of_in_a_crash_is_heard_once_it_is_proven_again() {
    let (mut sim, group) = both_in_on_disk();
    sim.stations[BOB].person().is_mute = true;
    say(&mut sim, ALICE, group, "see you at eight");
    let copy = MessageId::new(sim.stations[BOB].person().id_of("Alice: see you at eight"));
    kill(&mut sim);
    // Bob's word is there before his proof of the copy, which comes a minute after the start at the latest.
    let (now, fields) = (sim.now(), Builder::default().reaction(copy, "👍").build());
    sim.stations[BOB].person().say_with(now, group.lxmf, "", fields);
    sim.run_for(Duration::from_secs(5));
    let early = sim.stations[NODE].group().host.counters()["messages_early"];
    assert!(early > 0, "he was put off");
    sim.stations[BOB].person().is_mute = false;
    sim.run_for(Duration::from_secs(120));
    assert!(sim.stations[ALICE].person().heard_from(group.lxmf).contains(&"Bob 👍 \"see you at eight\""));
}

#[test]
fn who_refers_to_a_copy_the_moment_it_comes_is_understood() {
    let (mut sim, group) = both_in_on_disk();
    let (now, text) = (sim.now(), "Alice: see you at eight");
    sim.stations[ALICE].person().say(now, group.lxmf, "see you at eight");
    while sim.stations[BOB].person().copies_of(text).0 == 0 {
        sim.run_for(Duration::from_micros(100));
    }
    let copy = MessageId::new(sim.stations[BOB].person().id_of(text));
    let (now, fields) = (sim.now(), Builder::default().reaction(copy, "👍").build());
    sim.stations[BOB].person().say_with(now, group.lxmf, "", fields);
    sim.run_for(Duration::from_secs(60));
    assert!(sim.stations[ALICE].person().heard_from(group.lxmf).contains(&"Bob 👍 \"see you at eight\""));
}

#[test]
fn an_answer_stays_the_same_message_when_what_it_answers_is_edited() {
    let (mut sim, group) = both_in_on_disk();
    say(&mut sim, ALICE, group, "who comes?");
    sim.stations[BOB].person().is_mute = true;
    say(&mut sim, ALICE, group, "/reply Alice I do");
    let said = "> Alice: who comes?\nAlice: I do";
    let number = sim.stations[NODE].group().number_of("who comes?");
    let edit = |sim: &mut Sim<Participant>| say(sim, ALICE, group, &format!("/edit {number} who goes?"));
    let (times, ids) = repeated(&mut sim, group, said, edit);
    assert!(times > 1 && ids == 1, "{times} times under {ids} ids");
    let quotes = |text: &&str| text.contains("I do");
    let all = sim.stations[BOB].person().heard_from(group.lxmf).into_iter().filter(quotes).count();
    assert_eq!(all, times, "there is no other form of it");
}

#[test]
fn what_went_along_with_a_copy_goes_along_each_time() {
    let (mut sim, group) = both_in_on_disk();
    sim.stations[BOB].person().is_mute = true;
    let mut image = Vec::new();
    msgpack::write_array_len(&mut image, 2);
    msgpack::write_str(&mut image, "webp");
    msgpack::write_bin(&mut image, &[7; 150]);
    let fields = Fields::from_entries(&[(key::IMAGE, &image)]);
    let now = sim.now();
    sim.stations[ALICE].person().say_with(now, group.lxmf, "the new pier", fields);
    sim.run_for(Duration::from_secs(20));
    let stop = |sim: &mut Sim<Participant>| {
        let value = Some(v1::setting::Value::Number(0));
        let setting = v1::Setting { key: "push-kb".to_owned(), value, ..Default::default() };
        let request = v1::SettingsRequest { set: vec![setting], ..Default::default() };
        let now = sim.now();
        sim.stations[NODE].group().call(now, "", "/api/v1/settings", &request.encode_to_vec());
    };
    let (times, ids) = repeated(&mut sim, group, "Alice: the new pier", stop);
    assert!(times > 1 && ids == 1, "{times} times under {ids} ids");
    let heard = sim.stations[BOB].person().heard_from(group.lxmf).join("\n");
    assert!(!heard.contains("/get"), "{heard}");
    let push_kb_max = sim.stations[NODE].group().host.group().settings().push_kb_max;
    assert_eq!(push_kb_max, 0, "it was set meanwhile");
}

/// What the author of a post is told of its copies.
fn copies(sim: &mut Sim<Participant>, group: Addresses, text: &str) -> v1::DeliveryResponse {
    let seq = sim.stations[NODE].group().number_of(text);
    ask(sim, ALICE, group, "/api/v1/delivery", &v1::DeliveryRequest { seq, ..Default::default() })
}

fn states(response: &v1::DeliveryResponse) -> Vec<v1::DeliveryState> {
    response.copies.iter().map(v1::DeliveryCopy::state).collect()
}

#[test]
fn what_waits_for_a_slow_member_travels_as_one_message_and_each_line_can_be_answered() {
    let (mut sim, group) = both_in_and_bob_slow();
    sim.stations[BOB].person().is_mute = true;
    for text in ["one", "two", "three", "four"] {
        say(&mut sim, ALICE, group, text);
    }
    assert_eq!(states(&copies(&mut sim, group, "one")), [v1::DeliveryState::Sent]);
    assert_eq!(states(&copies(&mut sim, group, "two")), [v1::DeliveryState::Queued]);
    sim.stations[BOB].person().is_mute = false;
    sim.run_for(Duration::from_secs(120));
    let together = "Alice: two\nAlice: three\nAlice: four";
    assert_eq!(sim.stations[BOB].person().copies_of(together), (1, 1));
    assert_eq!(sim.stations[BOB].person().copies_of("Alice: one").1, 1);
    for text in ["one", "two", "three", "four"] {
        assert_eq!(states(&copies(&mut sim, group, text)), [v1::DeliveryState::Proven], "{text}");
    }

    // He answers it, by the one id that it has for him: the last line is meant.
    let id = sim.stations[BOB].person().id_of(together);
    let fields = Builder::default().reply(MessageId::new(id), "").build();
    let now = sim.now();
    sim.stations[BOB].person().say_with(now, group.lxmf, "yes", fields);
    sim.run_for(Duration::from_secs(60));
    let heard = sim.stations[ALICE].person().heard_from(group.lxmf);
    assert_eq!(heard.last(), Some(&"> Alice: four\nBob: yes"));
}

#[test]
fn several_posts_in_one_message_stay_one_message_over_a_crash_and_on_a_faster_way() {
    let (mut sim, group) = both_in_and_bob_slow();
    sim.stations[BOB].person().is_mute = true;
    ["one", "two", "three"].iter().for_each(|text| say(&mut sim, ALICE, group, text));
    let before = sim.stations[BOB].person().copies_of("Alice: one").0;
    sim.stations[BOB].person().is_mute = false;
    sim.run_until(PATIENCE, "the first is proven", |stations| {
        stations[BOB].person().copies_of("Alice: one").0 > before
    });
    sim.stations[BOB].person().is_mute = true;
    sim.run_for(Duration::from_secs(5));
    let together = "Alice: two\nAlice: three";
    // The simulator brings the interfaces up anew as fast ones.
    let post = |sim: &mut Sim<Participant>| say(sim, ALICE, group, "four");
    let (times, ids) = repeated(&mut sim, group, together, post);
    assert!(times > 1 && ids == 1, "{times} times under {ids} ids");
    assert_eq!(sim.stations[BOB].person().copies_of("Alice: four"), (1, 1));
    assert_eq!(has(&mut sim, BOB, group, "Alice: two"), 0);
}

#[test]
fn only_an_author_and_staff_are_answered_about_copies() {
    let (mut sim, group) = both_in();
    say(&mut sim, ALICE, group, "hello");
    let seq = sim.stations[NODE].group().number_of("hello");
    let request = v1::DeliveryRequest { seq, ..Default::default() };
    let refused: v1::DeliveryResponse = ask(&mut sim, BOB, group, "/api/v1/delivery", &request);
    assert_eq!(refused.error.map(|error| error.code()), Some(v1::ErrorCode::NoPermission));
    let now = sim.now();
    sim.stations[NODE].group().call(now, "", "/api/v1/delivery", &request.encode_to_vec());
    sim.run_for(Duration::from_secs(5));
    let answer = sim.stations[NODE].group().answers.pop().expect("an answer");
    let answer = v1::DeliveryResponse::decode(&answer[..]).expect("a response");
    assert_eq!((answer.error.as_ref(), states(&answer)), (None, vec![v1::DeliveryState::Proven]));
}

/// Bob lacks a post, which then is on its way to him as soon as `sign` shows that he is there.
fn drains(sign: impl FnOnce(&mut Sim<Participant>, Addresses)) {
    let (mut sim, group) = both_in();
    cut_bob_off(&mut sim, true);
    say(&mut sim, ALICE, group, "where are you?");
    sim.run_for(Duration::from_secs(3_600));
    cut_bob_off(&mut sim, false);
    sim.run_for(Duration::from_secs(1));
    assert_eq!(has(&mut sim, BOB, group, "Alice: where are you?"), 0, "the next attempt is minutes away");
    sign(&mut sim, group);
    sim.run_for(Duration::from_secs(10));
    assert_eq!(has(&mut sim, BOB, group, "Alice: where are you?"), 1);
}

#[test]
fn who_announces_gets_what_waits_at_once() {
    drains(|sim, _| {
        let now = sim.now();
        sim.stations[BOB].person().look_for(now, &[]);
    });
}

#[test]
fn who_writes_gets_what_waits_at_once() {
    drains(|sim, group| {
        let now = sim.now();
        sim.stations[BOB].person().say(now, group.lxmf, "here");
    });
}

#[test]
fn who_identifies_on_a_link_gets_what_waits_at_once() {
    drains(|sim, group| {
        let _: v1::InfoResponse = ask(sim, BOB, group, "/api/v1/info", &v1::InfoRequest::default());
    });
}

#[test]
fn who_falls_behind_on_a_radio_gets_a_digest_is_told_so_and_finds_the_rest() {
    let (mut sim, group) = both_in_and_bob_slow();
    sim.stations[BOB].person().is_mute = true;
    (1..=30).for_each(|n| say(&mut sim, ALICE, group, &format!("{n}: {}", "the tide is high. ".repeat(4))));
    sim.stations[BOB].person().is_mute = false;
    let now = sim.now();
    sim.stations[BOB].person().say(now, group.lxmf, "/help");
    sim.run_for(Duration::from_secs(120));
    let all = sim.stations[BOB].person().heard_from(group.lxmf);
    let digests: Vec<&str> = all.iter().filter(|text| text.contains("Digest: 29 new.")).copied().collect();
    assert_eq!(digests.len(), 1, "{all:?}");
    let lines: Vec<&str> = digests[0].lines().collect();
    assert_eq!(lines[0], "You are behind on a slow link, so you get digests now.");
    let shown = lines.iter().filter(|line| line.starts_with("Alice: ")).count();
    assert!(shown >= 5 && lines[lines.len() - 2].starts_with("Alice: 30: "), "{lines:?}");
    assert_eq!(lines.last(), Some(&format!("{} more: /missed", 29 - shown).as_str()));
    let text = |n: usize| format!("{n}: {}", "the tide is high. ".repeat(4));
    assert_eq!(states(&copies(&mut sim, group, &text(30))), [v1::DeliveryState::Proven]);
    assert_eq!(states(&copies(&mut sim, group, &text(3))), [v1::DeliveryState::Digested]);
    let missed = told(&mut sim, BOB, group, "/missed");
    assert!(missed.contains(&format!("Alice: {}:", 30 - shown)), "{missed}");

    // The next waits for its time, and then it is over.
    say(&mut sim, ALICE, group, "one more");
    assert_eq!(has(&mut sim, BOB, group, "Alice: one more"), 0);
    sim.run_for(Duration::from_secs(16 * 60));
    let end = "You have caught up: no more digests.\nAlice: one more";
    assert_eq!(sim.stations[BOB].person().copies_of(end), (1, 1));
    say(&mut sim, ALICE, group, "and now?");
    assert_eq!(has(&mut sim, BOB, group, "Alice: and now?"), 1);
}

#[test]
fn who_wants_digests_gets_them_on_any_medium() {
    let (mut sim, group) = both_in();
    assert!(told(&mut sim, BOB, group, "/mode digest").contains("digest"));
    say(&mut sim, ALICE, group, "one");
    say(&mut sim, ALICE, group, "two");
    assert_eq!(has(&mut sim, BOB, group, "Alice: one"), 0);
    sim.run_for(Duration::from_secs(16 * 60));
    assert_eq!(has(&mut sim, BOB, group, "Digest: 2 new.\nAlice: one\nAlice: two"), 1);
    told(&mut sim, BOB, group, "/mode all");
    say(&mut sim, ALICE, group, "three");
    assert_eq!(has(&mut sim, BOB, group, "Alice: three"), 1);
}
