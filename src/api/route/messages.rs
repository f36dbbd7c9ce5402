//! The calls about messages.

use proto::v1::{self, Error};
use reticulum::hash::sha256_of;

use super::{Call, decide, required};
use crate::api::attachment::{attached, piece_len};
use crate::api::error::{invalid, missing, of_refusal};
use crate::api::page::{bytes_max, items_max};
use crate::api::reply::{Reply, held_before, sent_before};
use crate::api::{DeliveryPage, Plan};
use crate::group::{
    Action, Audience, Caller, Draft, MemberId, MessageId, PendingId, Permission, PieceRequest, PostKind,
    Refusal, Seq,
};
use crate::store::{Filter, PageRequest};

/// The longest id that a client may choose for a post.
const CLIENT_ID_BYTES_MAX: usize = 32;

/// Keeps the ids that clients choose from being ids of LXMF messages.
const CLIENT_ID_DOMAIN: &[u8] = b"meshgroup client id";

pub(super) fn messages(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::MessagesRequest = call.read()?;
    let filter = match request {
        v1::MessagesRequest { pinned: true, .. } => Filter::Pinned,
        v1::MessagesRequest { thread: 0, .. } => Filter::All,
        v1::MessagesRequest { thread, .. } => Filter::Thread(Seq(thread)),
    };
    Ok(Plan::Read(PageRequest {
        after: request.after.map(Seq),
        before: request.before.map(Seq),
        filter,
        rows_max: items_max(request.limit) + 1,
        text_bytes_max: bytes_max(request.max_bytes),
        with_authors: request.with_authors,
        viewer: call.group.viewer(call.caller),
    }))
}

pub(super) fn search(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::SearchRequest = call.read()?;
    // The answer is that of a page: both messages have the same fields.
    Ok(Plan::Read(PageRequest {
        after: None,
        before: request.before.map(Seq),
        filter: Filter::Words(required("query", request.query)?),
        rows_max: items_max(request.limit) + 1,
        text_bytes_max: bytes_max(request.max_bytes),
        with_authors: request.with_authors,
        viewer: call.group.viewer(call.caller),
    }))
}

pub(super) fn send(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::SendRequest = call.read()?;
    let kind = match request.kind() {
        v1::MessageKind::Text => PostKind::Text,
        v1::MessageKind::Deed => PostKind::Deed,
        v1::MessageKind::Notice => PostKind::Notice,
    };
    let v1::SendRequest { text, client_id, reply_to, thread, staff, only, attachments, .. } = request;
    let attachments = attached(attachments)?;
    let text = if attachments.is_empty() { required("text", text)? } else { text };
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
    if let Some(post) = message_id.as_ref().and_then(|id| call.group.posted_as(id)) {
        return Ok(Plan::Answer(sent_before(post)));
    }
    let audience = match staff || !only.is_empty() {
        true => Audience::Only { staff, members: only.into_iter().map(MemberId).collect() },
        false => Audience::Everyone,
    };
    let (reply_to, thread) = (number(reply_to), number(thread));
    let is_typed = true;
    let draft = Draft {
        text,
        kind,
        reply_to,
        thread,
        audience,
        message_id,
        is_typed,
        attachments,
        ..Draft::default()
    };
    decide(Action::Post(draft), Reply::Send)
}

pub(super) fn attachment(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::AttachmentRequest { seq, index, offset, max_bytes, file: as_file, held } = call.read()?;
    let not_found = || of_refusal(&Refusal::NotFound);
    let held = (held > 0).then_some(PendingId(held));
    let seq = match held {
        // Whether the caller may look at it is asked before they learn whether there is such a thing.
        Some(number) => {
            let may = call.group.authorize(call.caller, Permission::Approve);
            may.map_err(|refusal| of_refusal(&refusal))?;
            call.group.state().pending.entry(number).ok_or_else(not_found)?.seq
        }
        None => target(seq)?,
    };
    let place = u8::try_from(index).map_err(|_| not_found())?;
    if as_file && matches!(call.caller, Caller::Operator) {
        return Err(invalid("file", "not on this socket"));
    }
    let bytes_max = if as_file { u32::MAX } else { piece_len(max_bytes)? };
    Ok(Plan::Piece { request: PieceRequest { seq, held, place, offset, bytes_max }, as_file })
}

pub(super) fn delivery(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::DeliveryRequest { seq, after, max_bytes, missing } = call.read()?;
    let page = DeliveryPage { after: MemberId(after), missing, bytes_max: bytes_max(max_bytes) };
    Ok(Plan::Delivery { seq: target(seq)?, page })
}

pub(super) fn delete(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::DeleteRequest { seq } = call.read()?;
    decide(Action::Delete { target: target(seq)? }, Reply::Delete)
}

pub(super) fn edit(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::EditRequest { seq, text } = call.read()?;
    decide(Action::Edit { target: target(seq)?, text: required("text", text)? }, Reply::Edit)
}

pub(super) fn react(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::ReactRequest { seq, reaction, remove } = call.read()?;
    let reaction = required("reaction", reaction)?;
    decide(Action::React { target: target(seq)?, reaction, remove }, Reply::React)
}

pub(super) fn pin(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::PinRequest { seq, remove } = call.read()?;
    decide(Action::Pin { target: target(seq)?, remove }, Reply::Pin)
}

pub(super) fn read(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::ReadRequest { seq } = call.read()?;
    Ok(Plan::Mark(Seq(seq).min(call.group.state().head)))
}

pub(super) fn edits(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::EditsRequest { seq, max_bytes } = call.read()?;
    Ok(Plan::EarlierTexts { seq: target(seq)?, bytes_max: bytes_max(max_bytes) })
}

/// The message that a call is about.
fn target(seq: u64) -> Result<Seq, Error> {
    number(seq).ok_or_else(|| missing("seq"))
}

fn number(seq: u64) -> Option<Seq> {
    (seq != 0).then_some(Seq(seq))
}
