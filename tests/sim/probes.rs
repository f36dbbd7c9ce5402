//! What programs ask of the group's program (LXMF field 0x09), and what the staff asks of the network, through every door.

use lxmf::fields::{Builder, Fields, key};
use meshgroup::host::Addresses;
use proto::v1::{self, ErrorCode};
use reticulum::wire::msgpack;

use super::PATIENCE;
use super::groups::{ALICE, BOB, NODE, ask, say};
use super::moderation::{joined, operate};
use crate::support::sim::Sim;
use crate::support::station::Participant;

/// A number, and an argument or `true`.
type Command<'a> = (u64, Option<&'a [u8]>);

/// Commands as Sideband packs them: a list of maps from a number to an argument.
fn commands(commands: &[Command<'_>]) -> Fields {
    let mut packed = Vec::new();
    msgpack::write_array_len(&mut packed, commands.len());
    for (number, argument) in commands {
        msgpack::write_map_len(&mut packed, 1);
        msgpack::write_uint(&mut packed, *number);
        match argument {
            Some(bytes) => msgpack::write_bin(&mut packed, bytes),
            None => msgpack::write_bool(&mut packed, true),
        }
    }
    Builder::default().raw(key::COMMANDS, packed).build()
}

/// Sends something with commands, and returns what Alice is told then.
fn answers(sim: &mut Sim<Participant>, group: Addresses, text: &str, fields: Fields) -> Vec<String> {
    let (now, before) = (sim.now(), sim.stations[ALICE].person().delivered);
    let heard = sim.stations[ALICE].person().inbox.len();
    sim.stations[ALICE].person().say_with(now, group.lxmf, text, fields);
    sim.run_until(PATIENCE, "a proof", |stations| stations[ALICE].person().delivered > before);
    sim.run_for(std::time::Duration::from_secs(5));
    sim.stations[ALICE].person().inbox[heard..].to_vec()
}

#[test]
fn a_members_program_is_answered_in_private_and_nothing_of_it_is_posted() {
    let (mut sim, group) = joined();
    // what is asked, what is answered
    let rows: [(&[Command<'_>], &[&str]); 7] = [
        (&[(2, None)], &["Ping reply"]),
        (&[(2, None)], &["Ping reply"]),
        (&[(3, Some(b"over the hill"))], &["Echo reply: over the hill"]),
        (&[(4, None)], &["Signal report: you are heard over hops 1, by ."]),
        (&[(1, None)], &[]),
        (
            &[(0, Some(b"lights on"))],
            &["This group does not know what your program asked for. /help shows what it knows."],
        ),
        (&[(2, None), (3, Some(b"\xff"))], &["Ping reply\nEcho reply: \u{fffd}"]),
    ];
    for (asked, expected) in rows {
        assert_eq!(answers(&mut sim, group, "", commands(asked)), expected, "{asked:?}");
    }
    assert!(sim.stations[NODE].group().texts().is_empty());
    let heard_by_bob = sim.stations[BOB].person().inbox.len();
    assert_eq!(answers(&mut sim, group, "with words", commands(&[(2, None)])), ["Ping reply"]);
    assert_eq!(sim.stations[NODE].group().texts(), ["with words"], "what is for people is posted");
    assert_eq!(sim.stations[BOB].person().inbox[heard_by_bob..], ["Alice: with words"]);
    assert!(sim.stations[BOB].person().fields.iter().all(|fields| fields.value(key::COMMANDS).is_none()));
    say(&mut sim, ALICE, group, "/leave");
    let stranger = answers(&mut sim, group, "", commands(&[(2, None)]));
    assert!(stranger.iter().all(|text| !text.contains("Ping")), "{stranger:?}");
}

#[test]
fn the_staff_announces_the_group_asks_for_ways_and_counts() {
    let (mut sim, group) = joined();
    let told = |sim: &mut Sim<Participant>, text: &str| answers(sim, group, text, Fields::default());
    for command in ["/announce", "/path Bob", "/stats"] {
        assert_eq!(told(&mut sim, command), ["You may not do that."], "{command}");
    }
    let path = v1::PathRequest { who: Some(v1::Who { who: Some(v1::who::Who::Name("Bob".into())) }) };
    let refused: v1::PathResponse = ask(&mut sim, ALICE, group, "/api/v1/members/path", &path);
    assert_eq!(refused.error.map(|error| error.code()), Some(ErrorCode::NoPermission));
    let who = Some(v1::Who { who: Some(v1::who::Who::Name("Alice".into())) });
    let moderator = v1::RoleAssignRequest { who, role: v1::Role::Moderator.into() };
    operate::<v1::RoleAssignResponse>(&mut sim, "/api/v1/roles/assign", &moderator);
    sim.run_for(std::time::Duration::from_secs(5));
    assert_eq!(told(&mut sim, "/announce"), ["The group is announced; at most every two minutes."]);
    assert_eq!(told(&mut sim, "/path Bob"), ["Bob: hops 1, by ."]);
    assert_eq!(told(&mut sim, "/path Nobody"), ["Nothing found by that name or number."]);
    let found: v1::PathResponse = ask(&mut sim, ALICE, group, "/api/v1/members/path", &path);
    assert_eq!((found.hops, found.error), (1, None));
    let stats: v1::StatsResponse = ask(&mut sim, ALICE, group, "/api/v1/stats", &v1::StatsRequest {});
    assert_eq!((stats.members, stats.messages), (2, 0));
    assert!((1..=2).contains(&stats.online), "Alice is on a link");
    let announced: v1::AnnounceResponse = operate(&mut sim, "/api/v1/announce", &v1::AnnounceRequest {});
    assert!(announced.announced);
    let off = v1::Setting {
        key: "announced".into(),
        value: Some(v1::setting::Value::On(false)),
        ..Default::default()
    };
    let set = v1::SettingsRequest { set: vec![off], ..Default::default() };
    operate::<v1::SettingsResponse>(&mut sim, "/api/v1/settings", &set);
    let announced: v1::AnnounceResponse = operate(&mut sim, "/api/v1/announce", &v1::AnnounceRequest {});
    assert!(!announced.announced);
    assert_eq!(told(&mut sim, "/announce"), ["This group is not announced: /set announced on changes that."]);
}
