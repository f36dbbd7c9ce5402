//! The calls of the staff about the network, and how much of what there is.

use proto::v1::{self, Error};

use super::members::person;
use super::{Call, answer};
use crate::api::error::of_refusal;
use crate::api::{NetworkCall, Plan};
use crate::group::Presence;

pub(super) fn announce(call: &Call<'_>) -> Result<Plan, Error> {
    call.read::<v1::AnnounceRequest>()?;
    Ok(Plan::Network(NetworkCall::Announce))
}

pub(super) fn path(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::PathRequest { who } = call.read()?;
    let member = call.group.find(&person(who)?).map_err(|refusal| of_refusal(&refusal))?;
    Ok(Plan::Network(NetworkCall::Path(member.id)))
}

pub(super) fn stats(call: &Call<'_>) -> Result<Plan, Error> {
    call.read::<v1::StatsRequest>()?;
    let state = call.group.state();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let there = |wanted| {
        let members = state.roster.iter();
        count(members.filter(|member| call.group.presence(call.now, member) == wanted).count())
    };
    answer(&v1::StatsResponse {
        members: count(state.roster.len()),
        online: there(Presence::Online),
        away: there(Presence::Away),
        messages: state.messages,
        waiting: count(state.pending.len()),
        banned: count(state.bans.len()),
        muted: count(state.mutes.len()),
        head: state.head.0,
        error: None,
    })
}
