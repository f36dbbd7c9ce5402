//! Typing: told at once to those who asked, over fast media only, and kept nowhere.

use std::time::Duration;

use meshgroup::group::FoundingRules;
use meshgroup::host::Addresses;
use prost::Message;
use proto::v1::push::What;
use proto::v1::{self, ErrorCode, TypingState};
use reticulum::node::InterfaceConfig;

use super::groups::{ALICE, BOB, NODE, ask, say, start};
use super::moderation::{joined, operate};
use crate::support::sim::{Sim, Wire};
use crate::support::station::{GroupStation, Participant, Person};

const TYPING: &str = "/api/v1/typing";

fn tell(state: TypingState) -> v1::TypingRequest {
    v1::TypingRequest { state: state.into(), ..Default::default() }
}

fn hear() -> v1::TypingRequest {
    v1::TypingRequest { hear: Some(true), ..Default::default() }
}

/// What came as packets since it was last asked: who, and whether they stopped.
fn pushed(sim: &mut Sim<Participant>, who: usize) -> Vec<(u32, bool)> {
    sim.run_for(Duration::from_secs(1));
    let packets = std::mem::take(&mut sim.stations[who].person().pushed);
    let read = |packet: Vec<u8>| match v1::Push::decode(&packet[..]).expect("a push").what {
        Some(What::Typing(notice)) => (notice.member, notice.stopped),
        None => panic!("nothing in it"),
    };
    packets.into_iter().map(read).collect()
}

fn typing(
    sim: &mut Sim<Participant>,
    who: usize,
    group: Addresses,
    request: &v1::TypingRequest,
) -> v1::TypingResponse {
    ask(sim, who, group, TYPING, request)
}

#[test]
fn who_asked_is_told_that_somebody_types_until_they_stop_or_post() {
    let (mut sim, group) = joined();
    let before = sim.stations[NODE].group().host.group().state().head;
    assert_eq!(typing(&mut sim, BOB, group, &hear()), v1::TypingResponse::default());
    assert_eq!(typing(&mut sim, ALICE, group, &tell(TypingState::Started)).error, None);
    assert_eq!(pushed(&mut sim, BOB), [(1, false)]);
    assert_eq!(pushed(&mut sim, ALICE), [], "Alice did not ask");
    assert_eq!(typing(&mut sim, BOB, group, &tell(TypingState::Unspecified)).members, [1]);
    let again = typing(&mut sim, ALICE, group, &tell(TypingState::Stopped));
    assert_eq!((again.error, pushed(&mut sim, BOB)), (None, vec![(1, true)]));
    assert!(typing(&mut sim, BOB, group, &tell(TypingState::Unspecified)).members.is_empty());

    sim.run_for(Duration::from_secs(2));
    typing(&mut sim, ALICE, group, &tell(TypingState::Started));
    let limited = typing(&mut sim, ALICE, group, &tell(TypingState::Started)).error.expect("too soon");
    assert_eq!((limited.code(), limited.retry_after_s), (ErrorCode::RateLimited, 2));
    assert_eq!(pushed(&mut sim, BOB), [(1, false)]);
    sim.run_for(Duration::from_secs(10));
    assert!(typing(&mut sim, BOB, group, &tell(TypingState::Unspecified)).members.is_empty(), "it expires");
    assert_eq!(sim.stations[NODE].group().host.group().state().head, before, "no event came of it");

    let silent = v1::TypingRequest { hear: Some(false), ..Default::default() };
    // Each call of these tests is on a link of its own; Bob heard on the first.
    let now = sim.now();
    let first = sim.stations[BOB].person().links.remove(0);
    sim.stations[BOB].person().links.push(first);
    sim.stations[BOB].person().ask(now, TYPING, &silent.encode_to_vec());
    sim.run_for(Duration::from_secs(1));
    typing(&mut sim, ALICE, group, &tell(TypingState::Started));
    assert_eq!(pushed(&mut sim, BOB), []);
}

#[test]
fn typing_needs_what_posting_needs_and_the_hidden_are_not_told_of() {
    let (mut sim, group) = joined();
    typing(&mut sim, BOB, group, &hear());
    let staff = v1::TypingRequest { staff: true, ..tell(TypingState::Started) };
    assert_eq!(typing(&mut sim, ALICE, group, &staff).error, None);
    assert_eq!(pushed(&mut sim, BOB), [], "Bob is not of the staff");
    sim.run_for(Duration::from_secs(3));
    let hidden = v1::Preference { key: "presence".into(), value: "hidden".into() };
    let hide = v1::PreferencesRequest { set: vec![hidden] };
    ask::<v1::PreferencesResponse>(&mut sim, ALICE, group, "/api/v1/preferences", &hide);
    assert_eq!(typing(&mut sim, ALICE, group, &tell(TypingState::Started)).error, None);
    assert_eq!(pushed(&mut sim, BOB), []);
    let who = Some(v1::Who { who: Some(v1::who::Who::Name("Alice".into())) });
    let mute = v1::MuteRequest { who, ..Default::default() };
    operate::<v1::MuteResponse>(&mut sim, "/api/v1/members/mute", &mute);
    let refused = typing(&mut sim, ALICE, group, &staff).error.map(|error| error.code());
    assert_eq!(refused, Some(ErrorCode::Muted));
    say(&mut sim, BOB, group, "/leave");
    let refused = typing(&mut sim, BOB, group, &hear()).error.map(|error| error.code());
    assert_eq!(refused, Some(ErrorCode::NotMember));
    let operator: v1::TypingResponse = operate(&mut sim, TYPING, &tell(TypingState::Started));
    assert_eq!(operator.error.map(|error| error.code()), Some(ErrorCode::NotIdentified));
}

#[test]
fn nothing_is_told_or_taken_over_a_slow_medium() {
    const CAROL: usize = 3;
    let now = start();
    let radio = || InterfaceConfig { bitrate_bps: 21_875, ..InterfaceConfig::default() };
    let node = GroupStation::with(1, now, 2, FoundingRules::default()).and_radio(now, radio);
    let person = |seed, name| Participant::Person(Box::new(Person::new(seed, name, now)));
    let carol = Participant::Person(Box::new(Person::on(4, "Carol", now, radio())));
    let stations = vec![Participant::Group(Box::new(node)), person(2, "Alice"), person(3, "Bob"), carol];
    let (latency, jitter) = (Duration::from_millis(20), Duration::ZERO);
    let wire = |port, station| Wire { a: (NODE, port), b: (station, 0), latency, jitter, loss_permille: 0 };
    let mut sim = Sim::new(7, now, stations, vec![wire(0, ALICE), wire(1, BOB), wire(2, CAROL)]);
    let group = sim.stations[NODE].group().host.addresses();
    for (who, join) in [(ALICE, "/join Alice"), (CAROL, "/join Carol")] {
        say(&mut sim, who, group, join);
    }
    let slow = typing(&mut sim, CAROL, group, &hear()).error.map(|error| error.code());
    assert_eq!(slow, Some(ErrorCode::TooSlow));
    assert_eq!(typing(&mut sim, ALICE, group, &tell(TypingState::Started)).error, None);
    assert_eq!(pushed(&mut sim, CAROL), []);
    let slow = typing(&mut sim, CAROL, group, &tell(TypingState::Started)).error.map(|error| error.code());
    assert_eq!(slow, Some(ErrorCode::TooSlow));
}
