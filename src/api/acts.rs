//! A part of the audit log as it travels.

use prost::Message;
use proto::v1::{self, ActKind};

use super::error;
use super::page::fit;
use crate::group::{ActsRequest, Event, EventKind, MemberId, Seq};
use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

/// The encoded answer to a call whose plan was to read `request`, of which the store made `acts`. It is never longer
/// than `bytes_max`, unless it is an error.
pub fn acts(request: &ActsRequest, bytes_max: usize, acts: &[Event]) -> Vec<u8> {
    // One act more than the page may hold was asked for, by which it is seen that there are more.
    match fit(acts.iter().map(message), request.acts_max.saturating_sub(1), bytes_max) {
        Ok((acts, more)) => v1::AuditResponse { acts, more, error: None }.encode_to_vec(),
        Err(error) => error::encode(error),
    }
}

fn message(event: &Event) -> v1::Act {
    let mut act = of_kind(&event.kind);
    act.seq = event.seq.0;
    act.time_s = event.time.as_secs();
    act.by = event.actor.map_or(0, |actor| actor.0);
    act
}

fn of_kind(kind: &EventKind) -> v1::Act {
    let act = |kind: ActKind| v1::Act { kind: kind.into(), ..v1::Act::default() };
    let about = |kind, member: &MemberId| v1::Act { member: member.0, ..act(kind) };
    let on = |kind, target: &Seq| v1::Act { number: target.0, ..act(kind) };
    let text = |kind, text: String| v1::Act { text, ..act(kind) };
    match kind {
        EventKind::Created { name, .. } => text(ActKind::Created, name.clone()),
        EventKind::ClaimIssued { .. } => act(ActKind::ClaimIssued),
        EventKind::Dissolved => act(ActKind::Dissolved),
        EventKind::OwnerClaimed { member } => about(ActKind::Claimed, member),
        EventKind::Deleted { target, .. } => on(ActKind::Deleted, target),
        EventKind::Edited { target, .. } => on(ActKind::Edited, target),
        EventKind::Pinned { target } => on(ActKind::Pinned, target),
        EventKind::Unpinned { target } => on(ActKind::Unpinned, target),
        EventKind::Kicked { member, reason } => {
            v1::Act { reason: reason.clone(), ..about(ActKind::Kicked, member) }
        }
        EventKind::Banned { identity, member, nick, reason, until } => {
            restriction(ActKind::Banned, *identity, *member, nick, reason, *until)
        }
        EventKind::Muted { identity, member, nick, reason, until } => {
            restriction(ActKind::Muted, *identity, *member, nick, reason, *until)
        }
        EventKind::Unbanned { identity, member, expired } => v1::Act {
            member: member.map_or(0, |member| member.0),
            identity_hash: identity.as_bytes().to_vec(),
            expired: *expired,
            ..act(ActKind::Unbanned)
        },
        EventKind::Unmuted { identity, member, expired } => v1::Act {
            member: member.map_or(0, |member| member.0),
            identity_hash: identity.as_bytes().to_vec(),
            expired: *expired,
            ..act(ActKind::Unmuted)
        },
        EventKind::Renamed { member, nick } => {
            v1::Act { text: nick.clone(), ..about(ActKind::Renamed, member) }
        }
        EventKind::RoleAssigned { member, role } => {
            v1::Act { number: role.number().into(), ..about(ActKind::RoleAssigned, member) }
        }
        EventKind::PermissionsChanged { member, granted, revoked } => {
            let names = |sign: &'static str, set: crate::group::Permissions| {
                set.iter().map(|one| format!("{sign}{}", one.name())).collect::<Vec<_>>()
            };
            let text = [names("+", *granted), names("-", *revoked)].concat().join(" ");
            v1::Act { text, ..about(ActKind::PermissionsChanged, member) }
        }
        EventKind::RoleDefined { number, role } => {
            v1::Act { number: (*number).into(), ..text(ActKind::RoleDefined, role.name.clone()) }
        }
        EventKind::RoleDeleted { number, .. } => {
            v1::Act { number: (*number).into(), ..act(ActKind::RoleDeleted) }
        }
        EventKind::SettingChanged(setting) => {
            text(ActKind::SettingChanged, format!("{}={}", setting.key().name(), setting.value()))
        }
        EventKind::Approved { number } => v1::Act { number: number.0.into(), ..act(ActKind::Approved) },
        EventKind::Rejected { number, reason } => {
            v1::Act { number: number.0.into(), reason: reason.clone(), ..act(ActKind::Rejected) }
        }
        EventKind::Reported { post, member, reason } => v1::Act {
            number: post.map_or(0, |seq| seq.0),
            member: member.map_or(0, |member| member.0),
            reason: reason.clone(),
            ..act(ActKind::Reported)
        },
        EventKind::CleanedUp { author, deleted, reason, expired } => v1::Act {
            number: (*deleted).into(),
            expired: *expired,
            member: author.map_or(0, |author| author.0),
            reason: reason.clone(),
            ..act(ActKind::CleanedUp)
        },
        EventKind::Invited { identity } => {
            v1::Act { identity_hash: identity.as_bytes().to_vec(), ..act(ActKind::Invited) }
        }
        EventKind::Uninvited { identity } => {
            v1::Act { identity_hash: identity.as_bytes().to_vec(), ..act(ActKind::Uninvited) }
        }
        EventKind::CodeIssued { .. } => act(ActKind::CodeIssued),
        EventKind::CodeRevoked { .. } => act(ActKind::CodeRevoked),
        // None of these stands in the audit log.
        EventKind::Joined { .. }
        | EventKind::JoinRequested { .. }
        | EventKind::InvitationTold { .. }
        | EventKind::PreferenceChanged { .. }
        | EventKind::Left { .. }
        | EventKind::Posted(_)
        | EventKind::Reacted { .. }
        | EventKind::Unreacted { .. }
        | EventKind::Held { .. } => act(ActKind::Unspecified),
    }
}

fn restriction(
    kind: ActKind,
    identity: IdentityHash,
    member: Option<MemberId>,
    nick: &str,
    reason: &str,
    until: Option<UnixTime>,
) -> v1::Act {
    v1::Act {
        kind: kind.into(),
        member: member.map_or(0, |member| member.0),
        identity_hash: identity.as_bytes().to_vec(),
        text: nick.to_owned(),
        reason: reason.to_owned(),
        until_s: until.map_or(0, UnixTime::as_secs),
        ..v1::Act::default()
    }
}
