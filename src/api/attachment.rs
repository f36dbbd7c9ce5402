//! Attachments as they travel: what is told of them, pieces of them, and files.

use prost::Message;
use proto::v1::{self, Error};
use reticulum::wire::msgpack;

use super::error::{invalid, missing};
use super::page::PAGE_BYTES_MAX;
use crate::group::{ATTACHMENTS_MAX, Attachment, AttachmentKind};

/// What an answer holds beside the bytes of a piece, at most: the size, and the tag and length of the bytes.
const AROUND_PIECE: u32 = 10;

/// The encoded answer to a call for a piece of an attachment.
pub fn attachment(of: &Attachment, data: &[u8]) -> Vec<u8> {
    v1::AttachmentResponse { data: data.to_vec(), size: of.size, error: None }.encode_to_vec()
}

/// The metadata of an attachment that is sent as a file: a MessagePack map with its name.
pub fn attachment_file(of: &Attachment) -> Vec<u8> {
    let mut metadata = Vec::with_capacity(of.name.len() + 10);
    msgpack::write_map_len(&mut metadata, 1);
    msgpack::write_str(&mut metadata, "name");
    msgpack::write_bin(&mut metadata, of.name.as_bytes());
    metadata
}

/// Bytes of a piece whose answer takes at most so many; an error where there is no room for any.
pub(super) fn piece_len(max_bytes: u32) -> Result<u32, Error> {
    let answer = if max_bytes == 0 { PAGE_BYTES_MAX } else { max_bytes.min(PAGE_BYTES_MAX) };
    match answer.checked_sub(AROUND_PIECE) {
        None | Some(0) => Err(invalid("max_bytes", "not even one byte fits")),
        Some(bytes) => Ok(bytes),
    }
}

/// What is told of attachments; `gone` has a bit for each of which the bytes are no longer kept.
pub(super) fn told(attachments: &[Attachment], gone: u8) -> Vec<v1::Attachment> {
    let told = |(place, one): (usize, &Attachment)| {
        let (kind, codec) = match one.kind {
            AttachmentKind::File => (v1::AttachmentKind::File, 0),
            AttachmentKind::Image => (v1::AttachmentKind::Image, 0),
            AttachmentKind::Audio(codec) => (v1::AttachmentKind::Audio, u32::try_from(codec).unwrap_or(0)),
        };
        v1::Attachment {
            kind: kind.into(),
            name: one.name.clone(),
            size: one.size,
            hash: one.hash.map_or_else(Vec::new, |hash| hash.0.to_vec()),
            codec,
            gone: gone & (1 << place.min(7)) != 0,
        }
    };
    attachments.iter().enumerate().map(told).collect()
}

/// What a request attaches. One more than are taken at most is read, so that too many can be refused.
pub(super) fn attached(attachments: Vec<v1::NewAttachment>) -> Result<Vec<Attachment>, Error> {
    let read = |one: v1::NewAttachment| {
        let kind = match one.kind() {
            v1::AttachmentKind::File => AttachmentKind::File,
            v1::AttachmentKind::Image => AttachmentKind::Image,
            v1::AttachmentKind::Audio => AttachmentKind::Audio(one.codec.into()),
        };
        match one.data.is_empty() {
            true => Err(missing("attachments.data")),
            false => Ok(Attachment::new(kind, &one.name, &one.data)),
        }
    };
    attachments.into_iter().take(ATTACHMENTS_MAX + 1).map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_with_a_piece_is_as_long_as_was_asked_for_at_most() {
        let of = Attachment { size: u32::MAX, ..Attachment::default() };
        for max_bytes in [11, 50, 409, 20_000, 0] {
            let piece = piece_len(max_bytes).unwrap();
            let answer = attachment(&of, &vec![7; piece as usize]).len();
            let most = if max_bytes == 0 { PAGE_BYTES_MAX } else { max_bytes };
            assert!(answer <= most as usize, "{answer} for {max_bytes}");
            assert!(most < 20 || answer + 4 >= most as usize, "{answer} wastes room of {max_bytes}");
        }
        assert!(piece_len(10).is_err());
    }

    #[test]
    fn a_file_is_named_as_browsers_of_pages_expect() {
        let of = Attachment::new(AttachmentKind::File, "tide table.pdf", b"x");
        assert_eq!(attachment_file(&of), b"\x81\xa4name\xc4\x0etide table.pdf");
    }
}
