//! The calls about messages.

use proto::v1::{self, Error};
use reticulum::hash::sha256_of;

use super::{Call, decide, required};
use crate::api::Plan;
use crate::api::error::{invalid, missing};
use crate::api::page::{bytes_max, items_max};
use crate::api::reply::{Reply, held_before, sent_before};
use crate::group::{Action, MessageId, Seq};
use crate::store::PageRequest;

/// The longest id that a client may choose for a post.
const CLIENT_ID_BYTES_MAX: usize = 32;

/// Keeps the ids that clients choose from being ids of LXMF messages.
const CLIENT_ID_DOMAIN: &[u8] = b"meshgroup client id";

pub(super) fn messages(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::MessagesRequest = call.read()?;
    Ok(Plan::Read(PageRequest {
        after: request.after.map(Seq),
        before: request.before.map(Seq),
        rows_max: items_max(request.limit) + 1,
        text_bytes_max: bytes_max(request.max_bytes),
        with_authors: request.with_authors,
    }))
}

pub(super) fn send(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::SendRequest { text, client_id } = call.read()?;
    let text = required("text", text)?;
    if client_id.len() > CLIENT_ID_BYTES_MAX {
        return Err(invalid("client_id", "longer than 32 bytes"));
    }
    let member = call.group.member_of(call.caller).filter(|_| !client_id.is_empty());
    let message_id = member.map(|member| {
        // Under the author's identity, so that nobody can answer for another.
        MessageId(sha256_of(&[CLIENT_ID_DOMAIN, member.identity.hash().as_ref(), &client_id]))
    });
    if let Some((number, held)) =
        message_id.as_ref().and_then(|id| call.group.state().pending.post_with_id(id))
    {
        return Ok(Plan::Answer(held_before(number, held)));
    }
    match message_id.as_ref().and_then(|id| call.group.posted_as(id)) {
        Some(post) => Ok(Plan::Answer(sent_before(post))),
        None => decide(Action::Post { text, message_id, authorship: None }, Reply::Send),
    }
}

pub(super) fn delete(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::DeleteRequest { seq } = call.read()?;
    if seq == 0 {
        return Err(missing("seq"));
    }
    decide(Action::Delete { target: Seq(seq), stored: None }, Reply::Delete)
}
