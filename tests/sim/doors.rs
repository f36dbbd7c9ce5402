//! What staff does, by each of the three doors: a request, a command in a message, a call of the operator. Whatever the door, it
//! is the same event, by whom it was done, and the store's tables follow.

use meshgroup::group::MemberId;
use meshgroup::host::{Addresses, FIRST_GROUP};
use prost::Message;
use proto::v1::{self, invite_request::Invite};

use super::groups::{ALICE, BOB, NODE, ask, say};
use super::hostile::Raw;
use super::moderation::{joined, named, operate};
use crate::support::sim::Sim;
use crate::support::station::Participant;

/// A way to the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Request,
    Command,
    Operator,
}

/// Something that staff does: the event that it is, and what it is called at each door.
struct Deed {
    event: &'static str,
    path: &'static str,
    body: Vec<u8>,
    command: String,
}

fn deed(event: &'static str, path: &'static str, body: &impl Message, command: impl Into<String>) -> Deed {
    Deed { event, path, body: body.encode_to_vec(), command: command.into() }
}

/// Does it, and fails unless it is the newest event, done by Alice or by the operator.
fn carry_out(sim: &mut Sim<Participant>, group: Addresses, door: Door, deed: &Deed) {
    let (path, body) = (format!("/api/v1/{}", deed.path), Raw(deed.body.clone()));
    let before = sim.stations[NODE].group().log[&FIRST_GROUP].len();
    let error = match door {
        Door::Request => ask::<v1::ErrorResponse>(sim, ALICE, group, &path, &body).error,
        Door::Operator => operate::<v1::ErrorResponse>(sim, &path, &body).error,
        Door::Command => {
            say(sim, ALICE, group, &deed.command);
            None
        }
    };
    assert_eq!(error, None, "{} by {door:?}", deed.event);
    let log = &sim.stations[NODE].group().log[&FIRST_GROUP];
    let new: Vec<_> = log[before..].iter().map(|event| (event.kind.name(), event.actor)).collect();
    let actor = (door != Door::Operator).then_some(MemberId(1));
    assert!(new.contains(&(deed.event, actor)), "{} by {door:?}: {new:?}", deed.event);
}

/// What is done, and what takes it back, so that it can be done by the next door.
fn deeds(seq: u64) -> Vec<Deed> {
    let (who, reason) = (|| named("Bob"), || "loud".to_owned());
    let person = vec![7; 16];
    let hash = "07".repeat(16);
    let set = |text: &str| {
        let value = Some(v1::setting::Value::Text(text.to_owned()));
        let setting = v1::Setting { key: "topic".into(), value, ..Default::default() };
        v1::SettingsRequest { set: vec![setting], ..Default::default() }
    };
    let role = |role: v1::Role| v1::RoleAssignRequest { who: who(), role: role.into() };
    let may = |grant, reset| v1::PermissionsRequest { who: who(), grant, reset, ..Default::default() };
    let pin = vec![v1::Permission::Pin.into()];
    let helper = v1::RoleCreateRequest {
        name: "helper".into(),
        rank: 40,
        permissions: vec![v1::Permission::Post.into()],
        quiet: false,
    };
    let invite = |invite| v1::InviteRequest { invite: Some(invite) };
    let code = Invite::NewCode(v1::NewCode { uses: 3, lasts_s: 43_200 });
    let mute = v1::MuteRequest { who: who(), reason: reason(), lasts_s: 3_600 };
    let ban = v1::BanRequest { who: who(), reason: reason(), lasts_s: 3_600 };
    let kick = v1::KickRequest { who: who(), reason: reason() };
    vec![
        deed("muted", "members/mute", &mute, "/mute Bob 1h loud"),
        deed("unmuted", "members/unmute", &v1::UnmuteRequest { who: who() }, "/unmute Bob"),
        deed("role-assigned", "roles/assign", &role(v1::Role::Moderator), "/role Bob moderator"),
        deed("role-assigned", "roles/assign", &role(v1::Role::Member), "/role Bob member"),
        deed("permissions-changed", "members/permissions", &may(pin.clone(), vec![]), "/role Bob +pin"),
        deed("permissions-changed", "members/permissions", &may(vec![], pin), "/role Bob =pin"),
        deed("role-defined", "roles/create", &helper, "/role create helper 40 post"),
        deed("role-deleted", "roles/delete", &v1::RoleDeleteRequest { role: 16 }, "/role delete helper"),
        deed("setting-changed", "settings", &set("tides"), "/topic tides"),
        deed("setting-changed", "settings", &set(""), "/topic -"),
        deed("pinned", "messages/pin", &v1::PinRequest { seq, remove: false }, format!("/pin {seq}")),
        deed("unpinned", "messages/pin", &v1::PinRequest { seq, remove: true }, format!("/unpin {seq}")),
        deed(
            "invited",
            "members/invite",
            &invite(Invite::IdentityHash(person.clone())),
            format!("/invite {hash}"),
        ),
        deed("uninvited", "members/invite", &invite(Invite::Uninvite(person)), format!("/invite no {hash}")),
        deed("code-issued", "members/invite", &invite(code), "/invite code 3 12h"),
        deed("kicked", "members/kick", &kick, "/kick Bob loud"),
        deed("banned", "members/ban", &ban, "/ban Bob 1h loud"),
        deed("unbanned", "members/unban", &v1::UnbanRequest { who: who() }, "/unban Bob"),
    ]
}

#[test]
fn what_staff_does_is_the_same_by_request_by_command_and_by_the_operator() {
    let (mut sim, group) = joined();
    let owner = v1::RoleAssignRequest { who: named("Alice"), role: v1::Role::Owner.into() };
    assert_eq!(operate::<v1::RoleAssignResponse>(&mut sim, "/api/v1/roles/assign", &owner).error, None);
    say(&mut sim, BOB, group, "a message");
    let seq = sim.stations[NODE].group().log[&FIRST_GROUP].len() as u64;
    for door in [Door::Request, Door::Command, Door::Operator] {
        for deed in deeds(seq) {
            carry_out(&mut sim, group, door, &deed);
            if matches!(deed.event, "kicked" | "unbanned") {
                say(&mut sim, BOB, group, "/join Bob");
            }
        }
        assert!(sim.stations[NODE].group().findings().is_empty(), "{door:?}");
    }
}

#[test]
fn what_waits_and_what_was_said_is_decided_about_by_each_door() {
    let (mut sim, group) = joined();
    let owner = v1::RoleAssignRequest { who: named("Alice"), role: v1::Role::Owner.into() };
    assert_eq!(operate::<v1::RoleAssignResponse>(&mut sim, "/api/v1/roles/assign", &owner).error, None);
    say(&mut sim, ALICE, group, "/set hold-words rope*");
    let mut number = 0;
    for (round, door) in [Door::Request, Door::Command, Door::Operator].into_iter().enumerate() {
        for is_let_through in [true, false] {
            number += 1;
            say(&mut sim, BOB, group, &format!("who has the ropes? {number}"));
            let deed = if is_let_through {
                let body = v1::HeldApproveRequest { number };
                deed("approved", "messages/held/approve", &body, format!("/ok {number}"))
            } else {
                let body = v1::HeldRejectRequest { number, reason: "no".into() };
                deed("rejected", "messages/held/reject", &body, format!("/no {number} no"))
            };
            carry_out(&mut sim, group, door, &deed);
        }
        say(&mut sim, BOB, group, &format!("said {round}"));
        let seq = sim.stations[NODE].group().number_of(&format!("said {round}"));
        let deletion =
            deed("deleted", "messages/delete", &v1::DeleteRequest { seq }, format!("/delete {seq}"));
        carry_out(&mut sim, group, door, &deletion);
        let what = v1::CleanupRequest { author: named("Bob"), ..Default::default() };
        carry_out(&mut sim, group, door, &deed("cleaned-up", "messages/cleanup", &what, "/cleanup Bob"));
        assert!(sim.stations[NODE].group().findings().is_empty(), "{door:?}");
    }
}
