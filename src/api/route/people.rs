//! The calls about people: what is known of a member, who is there, and what one chose for oneself.

use prost::Message;
use proto::v1::{self, Error};

use super::members::person;
use super::{Call, Plan, answer, decide};
use crate::api::error::{invalid, of_refusal};
use crate::api::page::{bytes_max, fit, items_max};
use crate::api::reply::{Reply, role};
use crate::api::{Counting, TypingCall};
use crate::group::{Action, Member, MemberId, Permission, Preference, Preferences, Presence, Refusal};

pub(super) fn profile(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::ProfileRequest { who } = call.read()?;
    let not_found = || of_refusal(&Refusal::NotFound);
    let member = match who {
        None => call.group.member_of(call.caller).ok_or_else(not_found)?,
        who => call.group.member(&person(who)?).map_err(|refusal| of_refusal(&refusal))?,
    };
    let group = call.group;
    let is_own = group.member_of(call.caller).is_some_and(|own| own.id == member.id);
    let is_told = is_own || group.authorize(call.caller, Permission::HearStaff).is_ok();
    let mute = group.state().mutes.get(&member.identity.hash()).filter(|_| is_told);
    let response = v1::ProfileResponse {
        member: member.id.0,
        nick: member.nick.clone(),
        identity_hash: member.identity.hash().as_bytes().to_vec(),
        lxmf_address: member.address.as_bytes().to_vec(),
        role: role(member.role),
        joined_s: member.joined.as_secs(),
        invited_by: member.invited_by.map_or(0, |by| by.0),
        presence: wire(group.presence(call.now, member)).into(),
        heard_s: group.last_heard(call.now, member).map_or(0, |heard| heard.as_secs()),
        preferences: if is_own { member.preferences.iter().map(preference).collect() } else { Vec::new() },
        muted_until_s: mute.map(|mute| mute.until.map_or(0, |until| until.as_secs())),
        ..v1::ProfileResponse::default()
    };
    match is_told {
        true => {
            let viewer = group.viewer_of(member);
            Ok(Plan::Count { viewer, into: Counting::Profile(Box::new(response)) })
        }
        false => answer(&response),
    }
}

pub(super) fn presence(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::PresenceRequest = call.read()?;
    let after = call.group.state().roster.iter_from(MemberId(request.after).next());
    let there = after.filter_map(|member| listed(call, member));
    let (members, more) = fit(there, items_max(request.limit), bytes_max(request.max_bytes))?;
    answer(&v1::PresenceResponse { members, more, error: None })
}

pub(super) fn preferences(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::PreferencesRequest = call.read()?;
    if request.set.is_empty() {
        let chosen = call.group.member_of(call.caller).map(|member| member.preferences);
        return Ok(Plan::Answer(told(chosen.unwrap_or_default(), 0)));
    }
    let read = |one: v1::Preference| {
        let why = "all, digest, mentions or nothing for push, en or de for language, shown or hidden for presence, text or \
                   nothing for reactions";
        Preference::named(&one.key, &one.value).map_err(|_| invalid("set", why))
    };
    let preferences = request.set.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    decide(Action::Choose { preferences }, Reply::Preferences)
}

pub(super) fn typing(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::TypingRequest = call.read()?;
    let stopped = match request.state() {
        v1::TypingState::Unspecified => None,
        v1::TypingState::Started => Some(false),
        v1::TypingState::Stopped => Some(true),
    };
    Ok(Plan::Typing(TypingCall { stopped, hear: request.hear, staff: request.staff }))
}

/// The answer to a change: all choices of the caller.
pub(in crate::api) fn chosen(member: Option<&Member>, seq: u64) -> Vec<u8> {
    told(member.map(|member| member.preferences).unwrap_or_default(), seq)
}

fn told(preferences: Preferences, seq: u64) -> Vec<u8> {
    let preferences = preferences.iter().map(preference).collect();
    v1::PreferencesResponse { preferences, seq, error: None }.encode_to_vec()
}

fn preference(one: Preference) -> v1::Preference {
    v1::Preference { key: one.key().to_owned(), value: one.word().to_owned() }
}

/// Whoever is neither here nor was heard today is left out.
fn listed(call: &Call<'_>, member: &Member) -> Option<v1::MemberPresence> {
    let presence = call.group.presence(call.now, member);
    let is_known = matches!(presence, Presence::Online | Presence::Away);
    is_known.then(|| v1::MemberPresence { member: member.id.0, presence: wire(presence).into() })
}

fn wire(presence: Presence) -> v1::Presence {
    match presence {
        Presence::Offline => v1::Presence::Offline,
        Presence::Online => v1::Presence::Online,
        Presence::Away => v1::Presence::Away,
        Presence::Hidden => v1::Presence::Hidden,
    }
}
