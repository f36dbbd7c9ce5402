//! The calls of those who keep order.

use proto::v1::{self, Error};

use super::{Call, answer, decide};
use crate::api::Plan;
use crate::api::error::missing;
use crate::api::page::{bytes_max, fit, items_max};
use crate::api::reply::Reply;
use crate::group::{Action, PendingId, Waiting};

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
