//! The audit log as `/audit` tells it.

use reticulum::time::UnixTime;

use super::event::{Event, EventKind};
use super::ids::{MemberId, Seq};
use super::preference::Language;
use super::span;
use super::state::State;
use super::text::{self, REPLY_BYTES_MAX, cut, reply};

/// Acts that fit one reply at most: the shortest take some 20 bytes.
pub(super) const ACTS_TOLD_MAX: usize = 16;

/// What was done of late, the newest first, as much as fits, and how to see what was before.
pub(super) fn acts(language: Language, now: UnixTime, acts: &[Event], state: &State) -> String {
    let more = |last: Seq| format!(". {}", text::more(language, &format!("/audit {last}")));
    let more_bytes_max = more(Seq(u64::MAX)).len();
    if acts.is_empty() {
        return text::audit_empty(language);
    }
    let mut page = String::new();
    let mut last = Seq::default();
    for event in acts {
        let by =
            event.actor.map_or_else(|| text::operator(language), |actor| nick_of(language, state, actor));
        let age = span::name(now.since(event.time));
        let line = text::audit_line(language, &age, &by, &act(language, &event.kind, state));
        let gap = if page.is_empty() { "" } else { "; " };
        if !page.is_empty() && page.len() + gap.len() + line.len() + more_bytes_max > REPLY_BYTES_MAX {
            return reply(page + &more(last));
        }
        page.push_str(gap);
        page.push_str(&line);
        last = event.seq;
    }
    if acts.len() >= ACTS_TOLD_MAX { reply(page + &more(last)) } else { reply(page) }
}

/// One act in a few words, without who did it.
fn act(language: Language, kind: &EventKind, state: &State) -> String {
    let of = |member: &MemberId| nick_of(language, state, *member);
    let of_some = |member: &Option<MemberId>, nick: &str| match member {
        _ if !nick.is_empty() => nick.to_owned(),
        Some(member) => of(member),
        None => text::somebody(language),
    };
    match kind {
        EventKind::Kicked { member, reason } => text::act_kicked(language, &of(member), &for_reason(reason)),
        EventKind::Banned { member, nick, reason, .. } => {
            text::act_banned(language, &of_some(member, nick), &for_reason(reason))
        }
        EventKind::Muted { member, nick, reason, .. } => {
            text::act_muted(language, &of_some(member, nick), &for_reason(reason))
        }
        EventKind::Unbanned { identity, .. } => text::act_unbanned(language, &identity.to_string()),
        EventKind::Unmuted { identity, .. } => text::act_unmuted(language, &identity.to_string()),
        EventKind::Renamed { member, nick } => text::act_renamed(language, *member, nick),
        EventKind::RoleAssigned { member, role } => {
            text::act_role(language, &of(member), state.roles.name(*role))
        }
        EventKind::PermissionsChanged { member, .. } => text::act_permissions(language, &of(member)),
        EventKind::RoleDefined { role, .. } => text::act_role_defined(language, &role.name),
        EventKind::RoleDeleted { .. } => text::act_role_deleted(language),
        EventKind::SettingChanged(setting) => {
            text::act_set(language, setting.key().name(), cut(&setting.value().to_string(), 24))
        }
        EventKind::Deleted { target, .. } => text::act_deleted(language, *target),
        EventKind::Edited { target, .. } => text::act_edited(language, *target),
        EventKind::Pinned { target } => text::act_pinned(language, *target),
        EventKind::Unpinned { target } => text::act_unpinned(language, *target),
        EventKind::Approved { number } => text::act_approved(language, *number),
        EventKind::Rejected { number, reason } => text::act_rejected(language, *number, &for_reason(reason)),
        EventKind::Reported { post: Some(seq), reason, .. } => {
            text::act_reported(language, &seq.to_string(), &for_reason(reason))
        }
        EventKind::Reported { member, reason, .. } => {
            text::act_reported(language, &of_some(member, ""), &for_reason(reason))
        }
        EventKind::CleanedUp { deleted, reason, .. } => {
            text::act_cleaned_up(language, *deleted, &for_reason(reason))
        }
        EventKind::Created { .. } => text::act_created(language),
        EventKind::Dissolved => text::act_dissolved(language),
        EventKind::OwnerClaimed { .. } => text::act_became_owner(language),
        EventKind::ClaimIssued { .. } => text::act_claim_issued(language),
        EventKind::Invited { .. } => text::act_invited(language),
        EventKind::Uninvited { .. } => text::act_uninvited(language),
        EventKind::CodeIssued { .. } => text::act_code_issued(language),
        EventKind::CodeRevoked { .. } => text::act_code_revoked(language),
        _ => text::act_other(language),
    }
}

fn for_reason(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({})", cut(reason, 40)) }
}

fn nick_of(language: Language, state: &State, member: MemberId) -> String {
    let member = state.roster.by_id(member);
    member.map_or_else(|| text::somebody_who_left(language), |member| member.nick.clone())
}
