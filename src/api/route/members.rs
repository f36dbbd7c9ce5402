//! The calls about members.

use std::time::Duration;

use proto::v1::{self, Error};
use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

use super::{Call, answer, decide, required};
use crate::api::Plan;
use crate::api::error::{invalid, missing};
use crate::api::page::{bytes_max, fit, items_max};
use crate::api::reply::{Reply, present};
use crate::group::{Action, MemberId, Who};

pub(super) fn rename(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::DisplayNameUpdateRequest { nick } = call.read()?;
    decide(Action::Rename { nick: required("nick", nick)? }, Reply::Rename)
}

pub(super) fn members(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::MembersRequest = call.read()?;
    let roster = &call.group.state().roster;
    let after = roster.iter_from(MemberId(request.after).next()).map(present);
    let (members, more) = fit(after, items_max(request.limit), bytes_max(request.max_bytes))?;
    answer(&v1::MembersResponse { members, more, error: None })
}

pub(super) fn kick(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::KickRequest { who, reason } = call.read()?;
    decide(Action::Kick { who: person(who)?, reason }, Reply::Kick)
}

pub(super) fn ban(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::BanRequest { who, reason, lasts_s } = call.read()?;
    decide(Action::Ban { who: person(who)?, lasts: span(lasts_s), reason }, Reply::Ban)
}

pub(super) fn unban(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::UnbanRequest { who } = call.read()?;
    decide(Action::Unban { who: person(who)? }, Reply::Unban)
}

pub(super) fn mute(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::MuteRequest { who, reason, lasts_s } = call.read()?;
    decide(Action::Mute { who: person(who)?, lasts: span(lasts_s), reason }, Reply::Mute)
}

pub(super) fn unmute(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::UnmuteRequest { who } = call.read()?;
    decide(Action::Unmute { who: person(who)? }, Reply::Unmute)
}

pub(super) fn bans(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::BansRequest = call.read()?;
    let after = call.group.state().bans.iter().skip(request.skip as usize).map(|(identity, ban)| v1::Ban {
        identity_hash: identity.as_bytes().to_vec(),
        member: ban.member.map_or(0, |member| member.0),
        reason: ban.reason.clone(),
        until_s: ban.until.map_or(0, UnixTime::as_secs),
    });
    let (bans, more) = fit(after, items_max(request.limit), bytes_max(request.max_bytes))?;
    answer(&v1::BansResponse { bans, more, error: None })
}

/// A span on the wire; 0 has no end.
fn span(lasts_s: u32) -> Option<Duration> {
    (lasts_s > 0).then(|| Duration::from_secs(lasts_s.into()))
}

pub(super) fn person(who: Option<v1::Who>) -> Result<Who, Error> {
    use v1::who::Who as Wire;
    match who.and_then(|who| who.who).ok_or_else(|| missing("who"))? {
        Wire::Member(number) => Ok(Who::Member(MemberId(number))),
        Wire::IdentityHash(bytes) => IdentityHash::from_slice(&bytes)
            .map(Who::Identity)
            .ok_or_else(|| invalid("who.identity_hash", "16 bytes are expected")),
        Wire::Name(name) => Ok(Who::Text(required("who.name", name)?)),
    }
}
