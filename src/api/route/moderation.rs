//! The calls of those who keep order.

use proto::v1::{self, Error};

use super::members::person;
use super::{Call, answer, decide};
use crate::api::Plan;
use crate::api::attachment::told;
use crate::api::error::{missing, of_refusal};
use crate::api::page::{bytes_max, fit, items_max};
use crate::api::reply::Reply;
use crate::group::{Action, ActsRequest, CleanUp, MemberId, PendingId, Reported, Seq, Waiting, Who};
use reticulum::time::UnixTime;

pub(super) fn held(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::HeldRequest = call.read()?;
    let pending = call.group.state().pending.iter_after(PendingId(request.after));
    let messages = pending.filter_map(|(number, pending)| match &pending.what {
        Waiting::Post { author, post, why } => Some(v1::HeldMessage {
            number: number.0,
            author: author.0,
            time_s: pending.since.as_secs(),
            text: post.text.clone(),
            why: why.number().into(),
            attachments: told(&post.attachments, 0),
        }),
        Waiting::Join { .. } => None,
    });
    let (messages, more) = fit(messages, items_max(request.limit), bytes_max(request.max_bytes))?;
    answer(&v1::HeldResponse { messages, more, error: None })
}

pub(super) fn approve(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::HeldApproveRequest { number } = call.read()?;
    decide(Action::Approve { number: pending(number)? }, Reply::HeldApprove)
}

pub(super) fn reject(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::HeldRejectRequest { number, reason } = call.read()?;
    decide(Action::Reject { number: pending(number)?, reason }, Reply::HeldReject)
}

pub(super) fn pending(number: u32) -> Result<PendingId, Error> {
    if number == 0 { Err(missing("number")) } else { Ok(PendingId(number)) }
}

pub(super) fn cleanup(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::CleanupRequest { author, before_s, since_s, bytes_min, reason } = call.read()?;
    let author = author.map(|author| member(call, Some(author))).transpose()?;
    let time = |s: u64| (s > 0).then(|| UnixTime::from_secs(s));
    let bytes_min = (bytes_min > 0).then_some(bytes_min);
    let what =
        CleanUp { author, before: time(before_s), since: time(since_s), bytes_min, ..CleanUp::default() };
    if what.is_empty() {
        return Err(missing("author"));
    }
    decide(Action::CleanUp { what, reason }, Reply::Cleanup)
}

pub(super) fn report(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::ReportRequest { seq, who, reason } = call.read()?;
    let what = if seq > 0 { Reported::Message(Seq(seq)) } else { Reported::Member(person(who)?) };
    decide(Action::Report { what, reason }, Reply::Report)
}

pub(super) fn audit(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::AuditRequest = call.read()?;
    let seq = |number: u64| (number > 0).then_some(Seq(number));
    let (after, before) = (seq(request.after), seq(request.before));
    let acts_max = items_max(request.limit) + 1;
    Ok(Plan::Acts {
        request: ActsRequest { after, before, acts_max },
        bytes_max: bytes_max(request.max_bytes),
    })
}

/// The number of a member, present or, by number, former.
pub(super) fn member(call: &Call<'_>, who: Option<v1::Who>) -> Result<MemberId, Error> {
    match person(who)? {
        Who::Member(number) => Ok(number),
        who => call.group.find(&who).map(|member| member.id).map_err(|refusal| of_refusal(&refusal)),
    }
}
