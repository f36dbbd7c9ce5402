//! The calls about the group as a whole: what it is, coming and going.

use proto::v1::{self, Error};

use super::{Call, answer, decide, required};
use crate::api::announce::{API_VERSION, join_policy, kind, public_name, visibility};
use crate::api::error::invalid;
use crate::api::reply::{Reply, membership};
use crate::api::{Counting, Plan};
use crate::group::{Action, CAPACITY_MAX, JoinStamp, Pass, Settings, Visibility};

pub(super) fn info(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::InfoRequest { unread } = call.read()?;
    let (state, settings) = (call.group.state(), call.group.settings());
    let inside = call.group.authorize_read(call.caller).is_ok();
    let seen = inside || settings.visibility == Visibility::Public;
    let response = v1::InfoResponse {
        name: if inside { &settings.name } else { public_name(state) }.to_owned(),
        visibility: visibility(settings.visibility).into(),
        join: join_policy(settings.join).into(),
        members: if seen { u32::try_from(state.roster.len()).unwrap_or(u32::MAX) } else { 0 },
        messages: if seen { state.messages } else { 0 },
        head: if seen { state.head.0 } else { 0 },
        head_time_s: if seen { state.head_time.as_secs() } else { 0 },
        details: Some(details(settings, seen)),
        message_length_max: settings.post_chars_max.min(settings.typed_chars_max),
        posts_per_minute: settings.posts_per_minute,
        you: call.group.member_of(call.caller).map(membership),
        software: env!("CARGO_PKG_VERSION").to_owned(),
        version: API_VERSION,
        error: None,
    };
    match call.group.member_of(call.caller).filter(|_| unread) {
        Some(_) => {
            let viewer = call.group.viewer(call.caller);
            Ok(Plan::Count { viewer, into: Counting::Info(Box::new(response)) })
        }
        None => answer(&response),
    }
}

/// What the group is beside its name. Of a private one strangers learn what it takes to come in, and nothing else.
fn details(settings: &Settings, seen: bool) -> v1::GroupDetails {
    let text = |text: &str| if seen { text.to_owned() } else { String::new() };
    v1::GroupDetails {
        kind: kind(settings.kind).into(),
        description: text(&settings.description),
        topic: text(&settings.topic),
        rules: text(&settings.rules),
        disclosure: settings.disclosure.clone(),
        icon: text(&settings.icon.to_string()),
        join_cost: settings.join_cost,
        send_cost: settings.send_cost,
        capacity: if settings.capacity == CAPACITY_MAX { 0 } else { settings.capacity },
        keep_days: settings.keep_days,
        keep_messages: settings.keep_messages,
    }
}

pub(super) fn join(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::JoinRequest { nick, code, stamp, stamp_day: day } = call.read()?;
    let pass = match code.is_empty() {
        false => Pass::Code(code),
        true => shown(stamp, day)?.map_or(Pass::None, Pass::Stamp),
    };
    decide(Action::Join { nick: Some(nick).filter(|nick| !nick.is_empty()), pass }, Reply::Join)
}

/// The stamp of a request, if there is one.
pub(super) fn shown(stamp: Vec<u8>, day: u32) -> Result<Option<JoinStamp>, Error> {
    if stamp.is_empty() {
        return Ok(None);
    }
    let stamp = stamp.try_into().map_err(|_| invalid("stamp", "32 bytes are expected"))?;
    Ok(Some(JoinStamp { day, stamp }))
}

pub(super) fn leave(call: &Call<'_>) -> Result<Plan, Error> {
    call.read::<v1::LeaveRequest>()?;
    decide(Action::Leave, Reply::Leave)
}

pub(super) fn claim(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::ClaimRequest { code } = call.read()?;
    decide(Action::Claim { code: required("code", code)? }, Reply::Claim)
}
