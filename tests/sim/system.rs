//! What becomes of members and of the group: it stands in the history for everybody, and plain clients are sent a line of
//! it, unless the group has switched that off.

use meshgroup::host::Addresses;
use proto::v1::{self, System, SystemKind, history_event::Body};

use super::PATIENCE;
use super::groups::{ALICE, BOB, NODE, ask, say};
use super::moderation::{heard, joined, named, operate};
use crate::support::sim::Sim;
use crate::support::station::Participant;

/// Alice owns the group, Bob is a member; `tell-roles`, which is off at first, is on.
fn owned() -> (Sim<Participant>, Addresses) {
    let (mut sim, group) = joined();
    let owner = v1::RoleAssignRequest { who: named("Alice"), role: v1::Role::Owner.into() };
    assert_eq!(operate::<v1::RoleAssignResponse>(&mut sim, "/api/v1/roles/assign", &owner).error, None);
    say(&mut sim, ALICE, group, "/set tell-roles on");
    (sim, group)
}

/// What Bob finds in the history that is about no message, after a number; and the number of the newest event.
fn told_in_history(sim: &mut Sim<Participant>, group: Addresses, after: u64) -> (Vec<System>, u64) {
    let request = v1::MessagesRequest { after: Some(after), ..Default::default() };
    let page: v1::MessagesResponse = ask(sim, BOB, group, "/api/v1/messages", &request);
    assert_eq!((page.error, page.more), (None, false));
    let system = |event: v1::HistoryEvent| match event.body {
        Some(Body::System(system)) => Some(system),
        _ => None,
    };
    (page.events.into_iter().filter_map(system).collect(), page.head)
}

fn system(kind: SystemKind, member: u32) -> System {
    System { kind: kind.into(), member, ..System::default() }
}

fn set(key: &str, value: v1::setting::Value) -> System {
    let setting = v1::Setting { key: key.into(), value: Some(value), ..v1::Setting::default() };
    System { setting: Some(setting), ..system(SystemKind::Setting, 0) }
}

#[test]
fn what_is_done_to_members_and_to_the_group_stands_in_the_history_and_is_told_in_a_line() {
    use v1::setting::Value::{Number, On, Text};
    let (mut sim, group) = owned();
    let bob = 2;
    let role = |role: v1::Role| System { role: role.into(), ..system(SystemKind::Role, bob) };
    let may = System { granted: vec![v1::Permission::Mute.into()], ..system(SystemKind::Permissions, bob) };
    let text = |key, text: &str| set(key, Text(text.to_owned()));
    // What Alice types, what Bob finds of it, and what Bob is sent last.
    let rows = [
        (
            "/mute Bob",
            system(SystemKind::Muted, bob),
            "You were muted in Harbour chat (group): you read, and cannot post.",
        ),
        ("/unmute Bob", system(SystemKind::Unmuted, bob), "You may post in Harbour chat (group) again."),
        (
            "/role Bob moderator",
            role(v1::Role::Moderator),
            "You are moderator in Harbour chat (group) now. /help shows what you can do.",
        ),
        (
            "/role Bob member",
            role(v1::Role::Member),
            "You are member in Harbour chat (group) now. /help shows what you can do.",
        ),
        (
            "/role Bob +mute",
            may,
            "In Harbour chat (group) you may now: post, attach, react, edit-own, delete-own, mute.",
        ),
        ("/topic tides", text("topic", "tides"), "* Alice set topic: tides"),
        ("/topic -", text("topic", ""), "* Alice removed topic"),
        ("/set rules be kind", text("rules", "be kind"), "* Alice set rules: be kind"),
        ("/set description ropes", text("description", "ropes"), "* Alice set description: ropes"),
        ("/rename Quay", text("name", "Quay"), "* Alice set name: Quay"),
        ("/slow 90", set("slow-mode", Number(90)), "* Slow mode: a message each 90s"),
        ("/slow off", set("slow-mode", Number(0)), "* Slow mode is over"),
        ("/readonly on", set("read-only", On(true)), "* Only the staff posts now"),
        ("/readonly off", set("read-only", On(false)), "* Everybody may post again"),
        ("/set keep-days 30", set("keep-days", Number(30)), "* Alice set keep-days: 30"),
    ];
    let (_, mut head) = told_in_history(&mut sim, group, 0);
    for (command, expected, line) in rows {
        say(&mut sim, ALICE, group, command);
        let (found, newest) = told_in_history(&mut sim, group, head);
        assert_eq!(found, [expected], "{command}");
        sim.run_until(PATIENCE, command, |stations| {
            stations[BOB].person().heard_from(group.lxmf).last().is_some_and(|last| *last == line)
        });
        assert!(sim.stations[NODE].group().findings().is_empty(), "{command}");
        head = newest;
    }
    // What members do not see stays with the staff, and each line can be switched off.
    for quiet in ["/set hold-words rope", "/set tell-settings off"] {
        say(&mut sim, ALICE, group, quiet);
        assert_eq!(told_in_history(&mut sim, group, head).0, [], "{quiet}");
    }
    let lines = heard(&mut sim, BOB, group).len();
    say(&mut sim, ALICE, group, "/topic ropes");
    assert_eq!(told_in_history(&mut sim, group, head).0, [text("topic", "ropes")]);
    assert_eq!(heard(&mut sim, BOB, group).len(), lines, "nothing is sent of it");
}

#[test]
fn who_removes_what_others_wrote_is_told_and_who_takes_back_their_own_words_is_not() {
    let (mut sim, group) = owned();
    for text in ["spam one", "spam two", "spam three", "a word"] {
        say(&mut sim, BOB, group, text);
    }
    say(&mut sim, ALICE, group, "hello");
    let request = v1::MessagesRequest { limit: 5, ..Default::default() };
    let page: v1::MessagesResponse = ask(&mut sim, BOB, group, "/api/v1/messages", &request);
    let first = page.first_seq;
    let told = |sim: &mut Sim<Participant>, who| {
        let lines = heard(sim, who, group).into_iter().filter(|line| line.contains("removed"));
        lines.collect::<Vec<_>>()
    };
    say(&mut sim, BOB, group, &format!("/delete {}", first + 3));
    assert_eq!((told(&mut sim, ALICE), told(&mut sim, BOB)), (vec![], vec![]), "one's own");
    say(&mut sim, ALICE, group, &format!("/delete {first}"));
    say(&mut sim, ALICE, group, "/cleanup Bob");
    let lines = ["* Alice removed a message of Bob", "* Alice removed 2 messages of Bob"];
    assert_eq!(told(&mut sim, BOB), lines, "one line for all of a clean-up");
    let (found, head) = told_in_history(&mut sim, group, first);
    assert_eq!(found, [System { deleted: 2, ..system(SystemKind::CleanedUp, 2) }]);
    let request = v1::MessagesRequest { after: Some(0), ..Default::default() };
    let page: v1::MessagesResponse = ask(&mut sim, BOB, group, "/api/v1/messages", &request);
    let count =
        |is: fn(&Body) -> bool| page.events.iter().filter_map(|e| e.body.as_ref()).filter(|b| is(b)).count();
    let (tombstones, emptied) =
        (count(|body| matches!(body, Body::Deletes(_))), count(|body| matches!(body, Body::Deleted(_))));
    assert_eq!((tombstones, emptied), (4, 4), "none is silent: {head}");
}
