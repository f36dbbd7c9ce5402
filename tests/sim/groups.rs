//! Several groups in one node, and people who are in more than one of them.

use std::time::Duration;

use lxmf::stamp::{Purpose, Workblock};
use meshgroup::group::{Founders, FoundingRules, join_day, join_material};
use meshgroup::host::Addresses;
use prost::Message;
use proto::v1::{self, ErrorCode};
use reticulum::hash::DestinationHash;
use reticulum::node::InterfaceConfig;
use reticulum::time::Instant;

use super::PATIENCE;
use crate::support::sim::{Sim, Wire};
use crate::support::station::{GroupStation, Participant, Person, START};

pub(super) const NODE: usize = 0;
pub(super) const ALICE: usize = 1;
pub(super) const BOB: usize = 2;

pub(super) fn start() -> Instant {
    Instant::from_micros(1_000_000)
}

/// A node, and Alice and Bob at a port of it each.
pub(super) fn three(founding: FoundingRules) -> Sim<Participant> {
    around(GroupStation::with(1, start(), 2, founding))
}

/// The same with a real store.
pub(super) fn three_on_disk(founding: FoundingRules) -> Sim<Participant> {
    around(GroupStation::with(1, start(), 2, founding).on_disk())
}

/// The same, and Bob's port is slow.
pub(super) fn three_with_slow_bob() -> Sim<Participant> {
    let slow = || InterfaceConfig { bitrate_bps: 1_200, ..InterfaceConfig::default() };
    around(GroupStation::with(1, start(), 1, FoundingRules::default()).and_radio(start(), slow).on_disk())
}

fn around(node: GroupStation) -> Sim<Participant> {
    let now = start();
    let person = |seed, name| Participant::Person(Box::new(Person::new(seed, name, now)));
    let node = Participant::Group(Box::new(node));
    // Nothing overtakes: a request would be refused that came before its sender said who they are.
    let (latency, jitter) = (Duration::from_millis(20), Duration::ZERO);
    let wire = |port, station| Wire { a: (NODE, port), b: (station, 0), latency, jitter, loss_permille: 0 };
    let stations = vec![node, person(2, "Alice"), person(3, "Bob")];
    Sim::new(7, now, stations, vec![wire(0, ALICE), wire(1, BOB)])
}

/// The operator creates a group.
fn create(sim: &mut Sim<Participant>, name: &str) -> Addresses {
    let request = v1::CreateGroupRequest { name: name.to_owned(), ..Default::default() };
    let now = sim.now();
    sim.stations[NODE].group().call(now, "", "/api/v1/groups/create", &request.encode_to_vec());
    sim.run_until(PATIENCE, "the operator's answer", |stations| !stations[NODE].group().answers.is_empty());
    let answer = sim.stations[NODE].group().answers.pop().expect("it has just come");
    let created = v1::CreateGroupResponse::decode(&answer[..]).expect("an answer");
    assert_eq!((created.error, created.claim_code.is_empty()), (None, false));
    addresses(&created.group.expect("a group"))
}

pub(super) fn addresses(group: &v1::GroupEntry) -> Addresses {
    let hash = |bytes| DestinationHash::from_slice(bytes).expect("16 bytes");
    Addresses { lxmf: hash(&group.address), api: hash(&group.api_address) }
}

/// Somebody says something to a group, once they know it, and has it proven.
pub(super) fn say(sim: &mut Sim<Participant>, who: usize, to: Addresses, text: &str) {
    sim.run_until(PATIENCE, "the group is known", |stations| {
        [to.lxmf, to.api].iter().all(|address| stations[who].person().knows(address))
    });
    let (now, before) = (sim.now(), sim.stations[who].person().delivered);
    sim.stations[who].person().say(now, to.lxmf, text);
    sim.run_until(PATIENCE, "a proof", |stations| stations[who].person().delivered > before);
    sim.run_for(Duration::from_secs(5));
}

/// Asks on a link of its own, which stays open, and returns the answer.
pub(super) fn ask<A: Message + Default>(
    sim: &mut Sim<Participant>,
    who: usize,
    to: Addresses,
    path: &str,
    request: &impl Message,
) -> A {
    let (now, links) = (sim.now(), sim.stations[who].person().links.len());
    sim.stations[who].person().open_link(now, to.api);
    sim.run_until(PATIENCE, "a link", |stations| stations[who].person().links.len() > links);
    let now = sim.now();
    let asked = sim.stations[who].person().ask(now, path, &request.encode_to_vec());
    let answer = |stations: &mut [Participant]| {
        let answers = &stations[who].person().answers;
        answers.iter().find(|(request, _)| *request == asked).map(|(_, value)| value.clone())
    };
    sim.run_until(PATIENCE, "an answer", |stations| answer(stations).is_some());
    let value = answer(&mut sim.stations).expect("it has just come");
    A::decode(meshgroup::api::request_body(&value).expect("a byte string")).expect("an answer")
}

#[test]
fn people_who_are_in_two_groups_get_what_is_said_in_each_and_nothing_else() {
    let mut sim = three(FoundingRules::default());
    let harbour = sim.stations[NODE].group().host.addresses();
    let quay = create(&mut sim, "Quay");
    for group in [harbour, quay] {
        say(&mut sim, ALICE, group, "/join Alice");
        say(&mut sim, BOB, group, "/join Bob");
    }
    say(&mut sim, ALICE, harbour, "to the harbour");
    say(&mut sim, ALICE, quay, "to the quay");
    say(&mut sim, BOB, quay, "/leave");
    say(&mut sim, ALICE, quay, "to the quay without Bob");
    say(&mut sim, ALICE, harbour, "to the harbour still");

    let posts = |sim: &mut Sim<Participant>, group: Addresses| {
        let heard = sim.stations[BOB].person().heard_from(group.lxmf).into_iter();
        heard.filter(|text| text.starts_with("Alice: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(posts(&mut sim, harbour), ["Alice: to the harbour", "Alice: to the harbour still"]);
    assert_eq!(posts(&mut sim, quay), ["Alice: to the quay"]);

    // Each group answers for the node: who is where depends on the caller, not on the group that is asked.
    let mine = v1::GroupsRequest { mine: true, ..Default::default() };
    let names = |page: v1::GroupsResponse| {
        assert_eq!(page.error, None);
        page.groups.into_iter().map(|group| (group.name, group.you.is_some())).collect::<Vec<_>>()
    };
    let (first, second) = (("Harbour chat (group)".to_owned(), true), ("Quay".to_owned(), true));
    assert_eq!(names(ask(&mut sim, ALICE, harbour, "/api/v1/groups", &mine)), [first.clone(), second]);
    assert_eq!(names(ask(&mut sim, BOB, quay, "/api/v1/groups", &mine)), [first]);
    let search = v1::GroupsRequest { search: "qUA".to_owned(), ..Default::default() };
    let found = names(ask(&mut sim, BOB, harbour, "/api/v1/groups", &search));
    assert_eq!(found, [("Quay".to_owned(), false)]);
}

#[test]
fn whom_the_operator_lets_founds_a_group_by_request_and_deletes_it_again() {
    let alice = Person::new(2, "Alice", start()).identity_hash();
    let founders = Founders::Listed(vec![alice]);
    let mut sim = three_on_disk(FoundingRules { founders, ..FoundingRules::default() });
    let harbour = sim.stations[NODE].group().host.addresses();
    for who in [ALICE, BOB] {
        sim.run_until(PATIENCE, "the node is known", |stations| stations[who].person().knows(&harbour.api));
    }
    let request = v1::CreateGroupRequest { name: "Pier".to_owned(), ..Default::default() };
    let refused: v1::CreateGroupResponse = ask(&mut sim, BOB, harbour, "/api/v1/groups/create", &request);
    assert_eq!(refused.error.map(|error| error.code()), Some(ErrorCode::NoPermission));
    let created: v1::CreateGroupResponse = ask(&mut sim, ALICE, harbour, "/api/v1/groups/create", &request);
    let group = created.group.expect("a group");
    assert_eq!((created.claim_code.as_str(), group.members), ("", 1));
    let pier = addresses(&group);

    // It is announced, so Bob finds it; Alice is in it from the beginning.
    say(&mut sim, BOB, pier, "/join Bob");
    say(&mut sim, BOB, pier, "ahoy");
    assert!(sim.stations[ALICE].person().heard_from(pier.lxmf).contains(&"Bob: ahoy"));

    let delete = |confirm: &str| v1::DeleteGroupRequest { confirm: confirm.to_owned() };
    let path = "/api/v1/groups/delete";
    let code = |answer: v1::DeleteGroupResponse| answer.error.map(|error| error.code());
    let refused = ask(&mut sim, BOB, pier, path, &delete("Pier"));
    assert_eq!(code(refused), Some(ErrorCode::NoPermission));
    let refused = ask(&mut sim, ALICE, pier, path, &delete("pier"));
    assert_eq!(code(refused), Some(ErrorCode::InvalidField));
    let deleted: v1::DeleteGroupResponse = ask(&mut sim, ALICE, pier, path, &delete("Pier"));
    assert_eq!((deleted.error, deleted.export.as_str()), (None, ""));
    sim.run_for(Duration::from_secs(5));
    let farewell = "* Alice deleted this group. Nothing is read here any more, and what it kept is erased.";
    assert_eq!(sim.stations[BOB].person().heard_from(pier.lxmf).last(), Some(&farewell));
    assert_ne!(sim.stations[ALICE].person().heard_from(pier.lxmf).last(), Some(&farewell), "she knows");

    let (now, before) = (sim.now(), sim.stations[BOB].person().delivered);
    sim.stations[BOB].person().say(now, pier.lxmf, "is anybody there?");
    sim.run_for(Duration::from_secs(120));
    assert_eq!(sim.stations[BOB].person().delivered, before, "nobody answers there");
    let all: v1::GroupsResponse =
        ask(&mut sim, BOB, harbour, "/api/v1/groups", &v1::GroupsRequest::default());
    assert_eq!(all.groups.len(), 1);
    let pending = sim.stations[NODE].group().host.counters()["copies_pending"];
    assert_eq!(pending, 0, "nothing is kept for a group that is gone");
}

#[test]
fn that_a_group_is_no_more_is_told_over_a_restart_also_to_whom_nothing_is_pushed() {
    let mut sim = three_on_disk(FoundingRules::default());
    let quay = create(&mut sim, "Quay");
    say(&mut sim, ALICE, quay, "/join Alice");
    say(&mut sim, BOB, quay, "/join Bob");
    say(&mut sim, BOB, quay, "/pause");
    let farewell =
        "* The operator deleted this group. Nothing is read here any more, and what it kept is erased.";
    let knows = |sim: &mut Sim<Participant>, who: usize| {
        sim.stations[who].person().heard_from(quay.lxmf).contains(&farewell)
    };
    let delete = v1::DeleteGroupRequest { confirm: "Quay".to_owned() };
    let now = sim.now();
    sim.stations[NODE].group().call(now, "Quay", "/api/v1/groups/delete", &delete.encode_to_vec());
    sim.run_until(PATIENCE, "the answer", |stations| !stations[NODE].group().answers.is_empty());
    let answer = sim.stations[NODE].group().answers.pop().expect("it has just come");
    let deleted = v1::DeleteGroupResponse::decode(&answer[..]).expect("an answer");
    assert!(deleted.error.is_none());
    let export = std::fs::read_to_string(&deleted.export).expect("the export");
    assert!(export.lines().any(|line| line.contains("\"Alice\"")), "{export}");
    // The answer is the promise: whatever happens now, the group is gone and its members hear of it.
    let now = sim.now();
    sim.stations[NODE].group().crash(now, START + now.since(start()));
    assert!(!knows(&mut sim, ALICE));
    assert_eq!(sim.stations[NODE].group().host.groups().count(), 1, "it is in no list any more");
    sim.run_until(Duration::from_secs(60), "the farewell", |stations| {
        stations[ALICE].person().heard_from(quay.lxmf).contains(&farewell)
    });
    sim.run_for(Duration::from_secs(601));
    assert!(sim.stations[NODE].group().findings().is_empty());
    let gone = sim.stations[NODE].group().host.counters()["copies_pending"];
    assert_eq!((gone, sim.stations[NODE].group().identities.len()), (0, 1), "and nothing of it is left");
}

#[test]
fn who_paused_is_told_that_the_group_is_no_more_and_who_is_away_does_not_hold_it_up() {
    let mut sim = three_on_disk(FoundingRules::default());
    let quay = create(&mut sim, "Quay");
    say(&mut sim, ALICE, quay, "/join Alice");
    say(&mut sim, BOB, quay, "/join Bob");
    say(&mut sim, BOB, quay, "/pause");
    sim.stations[ALICE].person().is_away = true;
    let delete = v1::DeleteGroupRequest { confirm: "Quay".to_owned() };
    let now = sim.now();
    sim.stations[NODE].group().call(now, "Quay", "/api/v1/groups/delete", &delete.encode_to_vec());
    sim.run_for(Duration::from_secs(60));
    let told = |sim: &mut Sim<Participant>, who: usize| {
        let heard = sim.stations[who].person().heard_from(quay.lxmf);
        heard.iter().any(|text| text.starts_with("* The operator deleted this group."))
    };
    assert!(told(&mut sim, BOB) && !told(&mut sim, ALICE));
    assert_eq!(sim.stations[NODE].group().identities.len(), 2, "Alice may still come");
    sim.run_for(Duration::from_secs(600));
    assert_eq!(sim.stations[NODE].group().identities.len(), 1);
}

#[test]
fn where_anyone_may_found_a_group_they_show_work_for_it() {
    const COST: u8 = 4;
    let rules = FoundingRules { founders: Founders::Anyone, stamp_cost: COST, ..FoundingRules::default() };
    let mut sim = three(rules);
    let harbour = sim.stations[NODE].group().host.addresses();
    sim.run_until(PATIENCE, "the node is known", |stations| stations[BOB].person().knows(&harbour.api));
    let bob = sim.stations[BOB].person().identity_hash();
    let request = |stamp: Option<(u32, [u8; 32])>| {
        let (stamp_day, stamp) = stamp.map_or((0, Vec::new()), |(day, stamp)| (day, stamp.to_vec()));
        v1::CreateGroupRequest { name: "Pier".to_owned(), stamp, stamp_day, ..Default::default() }
    };
    let found = |sim: &mut Sim<Participant>, stamp| -> Option<ErrorCode> {
        let path = "/api/v1/groups/create";
        let answer: v1::CreateGroupResponse = ask(sim, BOB, harbour, path, &request(stamp));
        answer.error.map(|error| error.code())
    };
    assert_eq!(found(&mut sim, None), Some(ErrorCode::WorkNeeded));
    let today = join_day(START);
    let block = Workblock::new(Purpose::Propagation, &join_material(harbour.api, bob, today));
    let stamps = || (0..=u8::MAX).map(|byte| [byte; 32]);
    let good = stamps().find(|stamp| block.is_valid(stamp, COST)).expect("one in sixteen");
    let weak = stamps().find(|stamp| !block.is_valid(stamp, COST)).expect("most are");
    assert_eq!(found(&mut sim, Some((today, weak))), Some(ErrorCode::StampWeak));
    assert_eq!(found(&mut sim, Some((today - 2, good))), Some(ErrorCode::StampStale));
    assert_eq!(found(&mut sim, Some((today, good))), None);
    assert_eq!(sim.stations[NODE].group().host.groups().count(), 2);
}
