//! Moderation on virtual time: what ends by itself ends at its time, through the host and for people; and what is for the
//! staff reaches the staff.

use std::time::Duration;

use meshgroup::group::FoundingRules;
use meshgroup::host::Addresses;
use prost::Message;
use proto::v1::{self, ErrorCode};

use super::PATIENCE;
use super::groups::{ALICE, BOB, NODE, ask, say, three, three_on_disk};
use crate::support::sim::Sim;
use crate::support::station::Participant;

/// The operator calls, and has the answer.
pub(super) fn operate<A: Message + Default>(
    sim: &mut Sim<Participant>,
    path: &str,
    request: &impl Message,
) -> A {
    let now = sim.now();
    sim.stations[NODE].group().call(now, "", path, &request.encode_to_vec());
    sim.run_until(PATIENCE, "the operator's answer", |stations| !stations[NODE].group().answers.is_empty());
    let answer = sim.stations[NODE].group().answers.pop().expect("it has just come");
    A::decode(&answer[..]).expect("an answer")
}

pub(super) fn named(nick: &str) -> Option<v1::Who> {
    Some(v1::Who { who: Some(v1::who::Who::Name(nick.to_owned())) })
}

pub(super) fn heard(sim: &mut Sim<Participant>, who: usize, group: Addresses) -> Vec<String> {
    sim.stations[who].person().heard_from(group.lxmf).into_iter().map(str::to_owned).collect()
}

/// Alice and Bob in the first group of a node.
pub(super) fn joined() -> (Sim<Participant>, Addresses) {
    let mut sim = three_on_disk(FoundingRules::default());
    let group = sim.stations[NODE].group().host.addresses();
    say(&mut sim, ALICE, group, "/join Alice");
    say(&mut sim, BOB, group, "/join Bob");
    (sim, group)
}

#[test]
fn a_mute_ends_at_its_time_and_the_member_is_told() {
    let (mut sim, group) = joined();
    let mute = v1::MuteRequest { who: named("Alice"), reason: "loud".into(), lasts_s: 600 };
    let muted: v1::MuteResponse = operate(&mut sim, "/api/v1/members/mute", &mute);
    assert_eq!(muted.error, None);
    say(&mut sim, ALICE, group, "am I heard?");
    let send = v1::SendRequest { text: "and here?".into(), ..Default::default() };
    let refused: v1::SendResponse = ask(&mut sim, ALICE, group, "/api/v1/messages/send", &send);
    assert_eq!(refused.error.map(|error| error.code()), Some(ErrorCode::Muted), "whatever the door");
    let again = "You may post in Harbour chat (group) again.";
    assert!(!heard(&mut sim, ALICE, group).iter().any(|text| text == again));
    sim.run_until(Duration::from_secs(601), "the end of the mute", |stations| {
        stations[ALICE].person().heard_from(group.lxmf).contains(&again)
    });
    say(&mut sim, ALICE, group, "heard at last");
    let lines: Vec<_> =
        heard(&mut sim, BOB, group).into_iter().filter(|text| text.starts_with("Alice")).collect();
    assert_eq!(lines, ["Alice: heard at last"]);
    let audit: v1::AuditResponse = operate(&mut sim, "/api/v1/audit", &v1::AuditRequest::default());
    let kinds: Vec<_> = audit.acts.iter().take(2).map(|act| (act.kind(), act.expired)).collect();
    assert_eq!(kinds, [(v1::ActKind::Unmuted, true), (v1::ActKind::Muted, false)], "the newest first");
}

#[test]
fn what_waits_is_told_to_those_who_may_decide_and_answered_by_number() {
    let (mut sim, group) = joined();
    let moderator = v1::RoleAssignRequest { who: named("Bob"), role: v1::Role::Moderator.into() };
    operate::<v1::RoleAssignResponse>(&mut sim, "/api/v1/roles/assign", &moderator);
    let hold = v1::Setting {
        key: "hold-first".into(),
        value: Some(v1::setting::Value::Number(1)),
        ..Default::default()
    };
    let set = v1::SettingsRequest { set: vec![hold], ..Default::default() };
    operate::<v1::SettingsResponse>(&mut sim, "/api/v1/settings", &set);
    say(&mut sim, ALICE, group, "my first words");
    let notice = "#1 waits (newcomer). Alice: my first words. /ok or /no with its number";
    assert!(heard(&mut sim, BOB, group).iter().any(|text| text == notice));
    assert!(sim.stations[NODE].group().texts().is_empty());
    let held: v1::HeldResponse =
        ask(&mut sim, BOB, group, "/api/v1/messages/held", &v1::HeldRequest::default());
    assert_eq!(
        held.messages.iter().map(|held| (held.number, held.text.as_str())).collect::<Vec<_>>(),
        [(1, "my first words")]
    );
    say(&mut sim, BOB, group, "/ok 1");
    assert!(heard(&mut sim, BOB, group).iter().any(|text| text == "Alice: my first words"));
}

#[test]
fn nothing_is_pushed_to_a_quiet_role_until_it_is_left() {
    let (mut sim, group) = joined();
    let quiet = v1::RoleCreateRequest {
        name: "lurker".into(),
        rank: 20,
        permissions: vec![v1::Permission::Post.into()],
        quiet: true,
    };
    let made: v1::RoleCreateResponse = operate(&mut sim, "/api/v1/roles/create", &quiet);
    let assign = |role| v1::RoleAssignRequest { who: named("Bob"), role };
    operate::<v1::RoleAssignResponse>(&mut sim, "/api/v1/roles/assign", &assign(made.role));
    say(&mut sim, ALICE, group, "unheard");
    operate::<v1::RoleAssignResponse>(&mut sim, "/api/v1/roles/assign", &assign(v1::Role::Member.into()));
    say(&mut sim, ALICE, group, "heard");
    let lines: Vec<_> =
        heard(&mut sim, BOB, group).into_iter().filter(|text| text.starts_with("Alice")).collect();
    assert_eq!(lines, ["Alice: heard"]);
}

#[test]
fn a_clean_up_takes_what_fits_and_a_report_reaches_the_audit_log() {
    let (mut sim, group) = joined();
    for text in ["short", "a rather long line of spam", "another rather long line"] {
        say(&mut sim, ALICE, group, text);
    }
    say(&mut sim, BOB, group, "/report Alice spam");
    let clean = v1::CleanupRequest {
        author: named("Alice"),
        bytes_min: 10,
        reason: "spam".into(),
        ..Default::default()
    };
    let cleaned: v1::CleanupResponse = operate(&mut sim, "/api/v1/messages/cleanup", &clean);
    assert_eq!((cleaned.deleted, cleaned.error), (2, None));
    let nothing: v1::CleanupResponse = operate(&mut sim, "/api/v1/messages/cleanup", &clean);
    assert_eq!(nothing.error.map(|error| error.code()), Some(ErrorCode::NotFound));
    let page: v1::MessagesResponse = ask(
        &mut sim,
        BOB,
        group,
        "/api/v1/messages",
        &v1::MessagesRequest { after: Some(0), ..Default::default() },
    );
    let tombstones =
        page.events.iter().filter(|event| matches!(event.body, Some(v1::history_event::Body::Deletes(_))));
    assert_eq!(tombstones.count(), 2, "that there was something stays visible");
    let request = v1::AuditRequest { limit: 2, ..Default::default() };
    let audit: v1::AuditResponse = operate(&mut sim, "/api/v1/audit", &request);
    let kinds: Vec<_> = audit.acts.iter().map(v1::Act::kind).collect();
    use v1::ActKind::{CleanedUp, Reported};
    assert_eq!((kinds, audit.more), (vec![CleanedUp, Reported], true));
    let before = audit.acts.last().map_or(0, |act| act.seq);
    let older: v1::AuditResponse =
        operate(&mut sim, "/api/v1/audit", &v1::AuditRequest { before, ..Default::default() });
    assert!(older.acts.iter().all(|act| act.seq < before) && !older.acts.is_empty() && !older.more);
}

#[test]
fn texts_are_withdrawn_when_the_group_has_kept_them_for_long_enough() {
    let (mut sim, group) = joined();
    say(&mut sim, ALICE, group, "gone tomorrow");
    let one_day = v1::Setting {
        key: "keep-days".into(),
        value: Some(v1::setting::Value::Number(1)),
        ..Default::default()
    };
    let set = v1::SettingsRequest { set: vec![one_day], ..Default::default() };
    assert_eq!(operate::<v1::SettingsResponse>(&mut sim, "/api/v1/settings", &set).error, None);
    sim.run_for(Duration::from_secs(20 * 3_600));
    let messages = |sim: &mut Sim<Participant>| {
        operate::<v1::InfoResponse>(sim, "/api/v1/info", &v1::InfoRequest::default()).messages
    };
    assert_eq!(messages(&mut sim), 1, "not before its time");
    say(&mut sim, ALICE, group, "young");
    sim.run_for(Duration::from_secs(6 * 3_600));
    assert_eq!(messages(&mut sim), 1);
}

#[test]
fn of_more_texts_than_the_group_keeps_the_oldest_are_withdrawn() {
    let (mut sim, group) = joined();
    let newest_two = v1::Setting {
        key: "keep-messages".into(),
        value: Some(v1::setting::Value::Number(2)),
        ..Default::default()
    };
    let set = v1::SettingsRequest { set: vec![newest_two], ..Default::default() };
    assert_eq!(operate::<v1::SettingsResponse>(&mut sim, "/api/v1/settings", &set).error, None);
    let texts = |sim: &mut Sim<Participant>| {
        let request = v1::MessagesRequest { after: Some(0), ..Default::default() };
        let page: v1::MessagesResponse = operate(sim, "/api/v1/messages", &request);
        let texts = page.events.into_iter().filter_map(|event| match event.body {
            Some(v1::history_event::Body::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        });
        texts.collect::<Vec<_>>()
    };
    for round in 0..2 {
        for post in ["one", "two", "three", "four"] {
            say(&mut sim, ALICE, group, &format!("{post} {round}"));
        }
        sim.run_for(Duration::from_secs(300));
        assert_eq!(texts(&mut sim), [format!("three {round}"), format!("four {round}")]);
    }
    sim.run_for(Duration::from_secs(6 * 3_600));
    assert_eq!(texts(&mut sim).len(), 2, "and no more than that");
}

#[test]
fn who_comes_in_is_shown_the_icon_once_and_who_wants_mentions_gets_those() {
    let mut sim = three(FoundingRules::default());
    let group = sim.stations[NODE].group().host.addresses();
    let icon = v1::setting::Value::Text("anchor ffffff 0055aa".into());
    let icon = v1::Setting { key: "icon".into(), value: Some(icon), ..Default::default() };
    let set = v1::SettingsRequest { set: vec![icon], ..Default::default() };
    assert_eq!(operate::<v1::SettingsResponse>(&mut sim, "/api/v1/settings", &set).error, None);
    for (who, text) in [(ALICE, "/join Alice"), (BOB, "/join Bob"), (BOB, "/mode mentions")] {
        say(&mut sim, who, group, text);
    }
    for text in ["to everybody", "to @Bob", "to @nobody"] {
        say(&mut sim, ALICE, group, text);
    }
    let posts: Vec<_> =
        heard(&mut sim, BOB, group).into_iter().filter(|text| text.starts_with("Alice: ")).collect();
    assert_eq!(posts, ["Alice: to @Bob"]);
    say(&mut sim, BOB, group, "/mode all");
    say(&mut sim, ALICE, group, "to everybody again");
    assert!(heard(&mut sim, BOB, group).contains(&"Alice: to everybody again".to_owned()));
    for who in [ALICE, BOB] {
        assert_eq!(sim.stations[who].person().icons, ["anchor"]);
    }
}
