//! Refusals as callers see them: one code each, and one short line.

use prost::Message;
use proto::v1::{Error, ErrorCode, ErrorResponse};

use crate::group::{Language, Refusal, refusal_text};

/// An error with nothing but code and text.
pub(super) fn error(code: ErrorCode, text: &str) -> Error {
    Error { code: code.into(), text: text.to_owned(), ..Error::default() }
}

/// The call lacks a field that it needs.
pub(super) fn missing(field: &str) -> Error {
    let text = format!("{field} is missing");
    Error { code: ErrorCode::MissingField.into(), text, field: field.to_owned(), ..Error::default() }
}

/// A field holds what the call cannot use.
pub(super) fn invalid(field: &str, why: &str) -> Error {
    let text = format!("{field}: {why}");
    Error { code: ErrorCode::InvalidField.into(), text, field: field.to_owned(), ..Error::default() }
}

/// A refused call's response, whatever the call was.
pub(super) fn encode(error: Error) -> Vec<u8> {
    ErrorResponse { error: Some(error) }.encode_to_vec()
}

/// The response to a call that the group refused.
pub fn refused(refusal: &Refusal) -> Vec<u8> {
    encode(of_refusal(refusal))
}

/// The response to a call that the node cannot serve now, for want of room in a queue.
pub fn busy(retry_after_s: u32) -> Vec<u8> {
    encode(Error { retry_after_s, ..error(ErrorCode::Busy, "Too much to do right now.") })
}

/// The response to a call that failed for a reason which is none of the caller's.
pub fn internal() -> Vec<u8> {
    encode(error(ErrorCode::Internal, "The node failed."))
}

/// The response to a request whose data carries no protobuf at all.
pub fn malformed() -> Vec<u8> {
    encode(error(ErrorCode::Malformed, "The request's data is no byte string."))
}

/// The response to a call that is not for slow media.
pub fn too_slow() -> Vec<u8> {
    encode(error(ErrorCode::TooSlow, "Not over a medium that is so slow."))
}

/// The response to a call for a group that this node does not have.
pub fn no_group(name: &str) -> Vec<u8> {
    encode(error(ErrorCode::NotFound, &format!("There is no group \"{name}\" on this node.")))
}

/// The response to a call for a group whose name fits several.
pub fn ambiguous_group(name: &str) -> Vec<u8> {
    encode(error(
        ErrorCode::Ambiguous,
        &format!("\"{name}\" fits several groups: name one by more digits of its address."),
    ))
}

/// The response to a call for a group that was deleted, on a link from before.
pub fn group_is_gone() -> Vec<u8> {
    encode(error(ErrorCode::NotFound, "The group was deleted."))
}

/// The response to the wish to delete the only group of a node.
pub fn last_group() -> Vec<u8> {
    encode(error(ErrorCode::NoPermission, "A node keeps one group at least: create another one first."))
}

/// The response to the wish to delete a group by another name than its own.
pub fn not_confirmed() -> Vec<u8> {
    encode(invalid("confirm", "it is not the group's name"))
}

pub(super) fn of_refusal(refusal: &Refusal) -> Error {
    let mut of = error(code(refusal), &refusal_text(Language::English, refusal));
    if *refusal == Refusal::BadReaction {
        "reaction".clone_into(&mut of.field);
    }
    match refusal {
        Refusal::AttachmentTooLarge { kb_max } => of.max = kb_max.saturating_mul(1_000),
        Refusal::TooLong { max } | Refusal::Full { max } | Refusal::TooManyAttachments { max } => {
            of.max = u32::try_from(*max).unwrap_or(u32::MAX)
        }
        Refusal::WorkNeeded { bits: needed } | Refusal::StampWeak { needed, .. } => of.max = *needed,
        Refusal::BadValue { key } => key.name().clone_into(&mut of.field),
        Refusal::RateLimited { retry_after_s } => of.retry_after_s = *retry_after_s,
        Refusal::Muted { retry_after_s, .. } => of.retry_after_s = retry_after_s.unwrap_or_default(),
        _ => {}
    }
    of
}

fn code(refusal: &Refusal) -> ErrorCode {
    match refusal {
        Refusal::NotIdentified => ErrorCode::NotIdentified,
        Refusal::NotMember => ErrorCode::NotMember,
        Refusal::Banned { .. } => ErrorCode::Banned,
        Refusal::NoPermission => ErrorCode::NoPermission,
        Refusal::NotFound => ErrorCode::NotFound,
        Refusal::Already => ErrorCode::Already,
        Refusal::TooLong { .. } => ErrorCode::TooLong,
        Refusal::AttachmentTooLarge { .. } | Refusal::NoAttachments => ErrorCode::AttachmentTooLarge,
        Refusal::TooManyAttachments { .. } => ErrorCode::TooManyAttachments,
        Refusal::NotKept => ErrorCode::NotKept,
        Refusal::Empty => ErrorCode::Empty,
        Refusal::RateLimited { .. } => ErrorCode::RateLimited,
        Refusal::NickTaken | Refusal::NameTaken => ErrorCode::NickTaken,
        Refusal::Full { .. } => ErrorCode::Full,
        Refusal::BadCode => ErrorCode::BadCode,
        Refusal::Muted { .. } => ErrorCode::Muted,
        Refusal::ReadOnly => ErrorCode::ReadOnly,
        Refusal::MustWait => ErrorCode::MustWait,
        Refusal::LastOwner => ErrorCode::LastOwner,
        Refusal::Waiting { .. } => ErrorCode::Waiting,
        Refusal::Closed => ErrorCode::Closed,
        Refusal::NotInvited => ErrorCode::NotInvited,
        Refusal::CodeExpired => ErrorCode::CodeExpired,
        Refusal::CodeUsedUp => ErrorCode::CodeUsedUp,
        Refusal::WorkNeeded { .. } => ErrorCode::WorkNeeded,
        Refusal::StampStale => ErrorCode::StampStale,
        Refusal::StampWeak { .. } => ErrorCode::StampWeak,
        Refusal::NameNeeded => ErrorCode::NameNeeded,
        Refusal::BadValue { .. } => ErrorCode::InvalidField,
        Refusal::NotInThisKind => ErrorCode::NotInThisKind,
        Refusal::BadReaction => ErrorCode::InvalidField,
        Refusal::Ambiguous { .. } => ErrorCode::Ambiguous,
    }
}
