//! The audit log as `/audit` tells it.

use reticulum::time::UnixTime;

use super::event::{Event, EventKind};
use super::ids::{MemberId, Seq};
use super::span;
use super::state::State;
use super::text::{REPLY_BYTES_MAX, cut, nick_or_hash, reply};

/// Acts that fit one reply at most: the shortest take some 20 bytes.
pub(super) const ACTS_TOLD_MAX: usize = 16;

/// What was done of late, the newest first, as much as fits, and how to see what was before.
pub(super) fn acts(now: UnixTime, acts: &[Event], state: &State) -> String {
    const MORE_BYTES_MAX: usize = ". More: /audit 18446744073709551615".len();
    if acts.is_empty() {
        return reply("Nothing more in the audit log.".to_owned());
    }
    let mut page = String::new();
    let mut last = Seq::default();
    for event in acts {
        let by = event.actor.map_or("operator", |actor| nick_of(state, actor));
        let line = format!("{} ago {by} {}", span::name(now.since(event.time)), act(&event.kind, state));
        let gap = if page.is_empty() { "" } else { "; " };
        if !page.is_empty() && page.len() + gap.len() + line.len() + MORE_BYTES_MAX > REPLY_BYTES_MAX {
            return reply(format!("{page}. More: /audit {last}"));
        }
        page.push_str(gap);
        page.push_str(&line);
        last = event.seq;
    }
    if acts.len() >= ACTS_TOLD_MAX { reply(format!("{page}. More: /audit {last}")) } else { reply(page) }
}

/// One act in a few words, without who did it.
fn act(kind: &EventKind, state: &State) -> String {
    let of = |member: &MemberId| nick_of(state, *member).to_owned();
    let of_some = |member: &Option<MemberId>, nick: &str| match member {
        _ if !nick.is_empty() => nick.to_owned(),
        Some(member) => of(member),
        None => "somebody".to_owned(),
    };
    match kind {
        EventKind::Kicked { member, reason } => format!("kicked {}{}", of(member), for_reason(reason)),
        EventKind::Banned { member, nick, reason, .. } => {
            format!("banned {}{}", of_some(member, nick), for_reason(reason))
        }
        EventKind::Muted { member, nick, reason, .. } => {
            format!("muted {}{}", of_some(member, nick), for_reason(reason))
        }
        EventKind::Unbanned { identity, .. } => format!("unbanned {}", nick_or_hash("", *identity)),
        EventKind::Unmuted { identity, .. } => format!("unmuted {}", nick_or_hash("", *identity)),
        EventKind::RoleAssigned { member, role } => {
            format!("made {} {}", of(member), state.roles.name(*role))
        }
        EventKind::PermissionsChanged { member, .. } => format!("changed what {} may do", of(member)),
        EventKind::RoleDefined { role, .. } => format!("defined role {}", role.name),
        EventKind::RoleDeleted { .. } => "deleted a role".to_owned(),
        EventKind::SettingChanged(setting) => {
            format!("set {}={}", setting.key().name(), cut(&setting.value().to_string(), 24))
        }
        EventKind::Deleted { target } => format!("deleted {target}"),
        EventKind::Edited { target, .. } => format!("edited {target}"),
        EventKind::Pinned { target } => format!("pinned {target}"),
        EventKind::Unpinned { target } => format!("unpinned {target}"),
        EventKind::Approved { number } => format!("approved #{number}"),
        EventKind::Rejected { number, reason } => format!("refused #{number}{}", for_reason(reason)),
        EventKind::Reported { post: Some(seq), reason, .. } => {
            format!("reported {seq}{}", for_reason(reason))
        }
        EventKind::Reported { member, reason, .. } => {
            format!("reported {}{}", of_some(member, ""), for_reason(reason))
        }
        EventKind::CleanedUp { deleted, reason, .. } => format!("deleted {deleted}{}", for_reason(reason)),
        EventKind::Created { .. } => "created the group".to_owned(),
        EventKind::OwnerClaimed { .. } => "became owner".to_owned(),
        EventKind::ClaimIssued { .. } => "issued a claim code".to_owned(),
        EventKind::Invited { .. } => "invited somebody".to_owned(),
        EventKind::Uninvited { .. } => "took an invitation back".to_owned(),
        EventKind::CodeIssued { .. } => "issued an invite code".to_owned(),
        EventKind::CodeRevoked { .. } => "revoked an invite code".to_owned(),
        _ => "did something".to_owned(),
    }
}

fn for_reason(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({})", cut(reason, 40)) }
}

fn nick_of(state: &State, member: MemberId) -> &str {
    state.roster.by_id(member).map_or("somebody who left", |member| &member.nick)
}
