//! Scenarios on virtual time.

mod attachments;
mod doors;
mod groups;
mod hostile;
mod ledger;
mod members;
mod meshes;
mod moderation;
mod pairs;
mod probes;
mod radio;
mod swarm;
mod system;
mod typing;

use std::time::Duration;

use prost::Message;
use proto::v1;
use reticulum::time::Instant;

use crate::support::sim::{Sim, Wire};
use crate::support::station::{GroupStation, Participant, Person};

const GROUP: usize = 0;
const ALICE: usize = 1;

/// Time enough for retries over a bad wire.
const PATIENCE: Duration = Duration::from_secs(900);

fn pair(seed: u64, loss_permille: u64) -> Sim<Participant> {
    let now = Instant::from_micros(1_000_000);
    let stations = vec![
        Participant::Group(Box::new(GroupStation::new(1, now))),
        Participant::Person(Box::new(Person::new(2, "Alice", now))),
    ];
    let wire = Wire {
        a: (GROUP, 0),
        b: (ALICE, 0),
        latency: Duration::from_millis(20),
        jitter: Duration::from_millis(60),
        loss_permille,
    };
    Sim::new(seed, now, stations, vec![wire])
}

/// Joins, posts ten times, fetches the history; returns the trace.
fn join_post_fetch(seed: u64, loss_permille: u64) -> [u8; 32] {
    let mut sim = pair(seed, loss_permille);
    let group = sim.stations[GROUP].group().host.addresses();
    let mut announced = Instant::ZERO;
    // Announces get lost too: Alice repeats hers, and a path request brings the group's.
    while !sim.stations[ALICE].person().knows(&group.lxmf) || !sim.stations[ALICE].person().knows(&group.api)
    {
        assert!(announced < Instant::ZERO + PATIENCE, "the group was never heard");
        sim.run_for(Duration::from_secs(20));
        announced = sim.now();
        sim.stations[ALICE].person().look_for(announced, &[group.lxmf, group.api]);
    }
    let now = sim.now();
    sim.stations[ALICE].person().say(now, group.lxmf, "/join Alice");
    sim.run_until(PATIENCE, "the welcome", |stations| {
        stations[ALICE].person().inbox.iter().any(|text| text.contains("Harbour chat"))
    });
    for index in 0..10 {
        let now = sim.now();
        sim.stations[ALICE].person().say(now, group.lxmf, &format!("post {index}"));
        sim.run_for(Duration::from_secs(2));
    }
    sim.run_until(PATIENCE, "ten posts and their proofs", |stations| {
        stations[ALICE].person().delivered == 11
    });
    let mut texts = sim.stations[GROUP].group().texts().into_iter().map(str::to_owned).collect::<Vec<_>>();
    texts.sort();
    let expected: Vec<_> = (0..10).map(|index| format!("post {index}")).collect();
    assert_eq!(texts, expected, "each post exactly once");

    for _ in 0..20 {
        // Identifying may be lost or overtaken by the request, which is then refused: she asks again.
        if page(&mut sim).is_some_and(|page| page.error.is_none()) {
            break;
        }
        let now = sim.now();
        if sim.stations[ALICE].person().links.is_empty() {
            sim.stations[ALICE].person().open_link(now, group.api);
        } else {
            let body = v1::MessagesRequest { after: Some(0), ..Default::default() }.encode_to_vec();
            sim.stations[ALICE].person().ask(now, "/api/v1/messages", &body);
        }
        sim.run_for(Duration::from_secs(15));
    }
    let page = page(&mut sim).expect("a page of the history");
    let is_post = |event: &&v1::HistoryEvent| matches!(event.body, Some(v1::history_event::Body::Text(_)));
    assert_eq!(page.events.iter().filter(is_post).count(), 10, "{page:?}");
    sim.trace()
}

/// The newest answer that Alice has.
fn page(sim: &mut Sim<Participant>) -> Option<v1::MessagesResponse> {
    let (_, answer) = sim.stations[ALICE].person().answers.last()?;
    let body = meshgroup::api::request_body(answer).expect("a byte string");
    Some(v1::MessagesResponse::decode(body).expect("a page"))
}

#[test]
fn a_person_joins_posts_and_fetches_over_a_lossy_reordering_wire() {
    for seed in 0..8 {
        join_post_fetch(seed, 100);
    }
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    assert_eq!(join_post_fetch(42, 150), join_post_fetch(42, 150));
    assert_ne!(join_post_fetch(42, 150), join_post_fetch(43, 150));
}
