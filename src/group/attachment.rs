//! What a message brings besides words: files, a picture, a voice clip.
//!
//! What happened is that somebody attached something of a name and a size; that is part of the event, and of the log for
//! as long as the message is. The bytes only travel with the event on their way to the store, which keeps them beside the
//! log while there is room, and they are no part of the group's state.

use std::sync::Arc;

use reticulum::hash::sha256;

use super::ids::Seq;
use super::nick::clean_line;
use super::pending::PendingId;
use super::post::Post;

/// Attachments of one message; further ones are not taken.
pub const ATTACHMENTS_MAX: usize = 8;
/// Longest name of an attachment, in characters; longer ones are cut at the end.
const NAME_CHARS_MAX: usize = 64;

/// Something attached to a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// What it is.
    pub kind: AttachmentKind,
    /// Name of the file, or the format of the picture, such as "webp"; cleaned, and never a path.
    pub name: String,
    /// How long it is, in bytes.
    pub size: u32,
    /// By which the bytes are recognised; `None` of what was attached before this was kept.
    pub hash: Option<AttachmentHash>,
    /// The bytes, where they are at hand.
    pub data: Data,
}

/// What an attachment is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttachmentKind {
    /// A file.
    #[default]
    File,
    /// A picture.
    Image,
    /// A voice clip, with the number of its codec (`spec/lxmf.md` 2.2).
    Audio(u64),
}

/// The first 16 bytes of the SHA-256 of what is attached: enough to recognise it, and to see that all pieces of it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttachmentHash(pub [u8; 16]);

impl AttachmentHash {
    /// Of these bytes.
    pub fn of(data: &[u8]) -> Self {
        let mut first = [0; 16];
        first.copy_from_slice(&sha256(data)[..16]);
        Self(first)
    }
}

/// A piece of an attachment that somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PieceRequest {
    /// The event that brought it: a message, or one that waits.
    pub seq: Seq,
    /// The number under which it waits, if it does.
    pub held: Option<PendingId>,
    /// Its place among the attachments of the message, from 0.
    pub place: u8,
    /// Where the piece begins, in bytes.
    pub offset: u32,
    /// Bytes of it at most.
    pub bytes_max: u32,
}

/// A piece of an attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What it is a piece of, without the bytes.
    pub of: Attachment,
    /// The bytes; `None` if they are no longer kept.
    pub data: Option<Vec<u8>>,
}

/// Bytes that are at hand or not. Either way they do not make another event of one, so all are equal.
#[derive(Clone, Default)]
pub struct Data(pub Option<Arc<[u8]>>);

impl PartialEq for Data {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Data {}

impl std::fmt::Debug for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Data({:?} bytes)", self.0.as_ref().map(|data| data.len()))
    }
}

impl Attachment {
    /// An attachment as somebody sent it. `name` may be anything.
    pub fn new(kind: AttachmentKind, name: &str, data: &[u8]) -> Self {
        let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let name = clean_line(base, NAME_CHARS_MAX);
        let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let hash = Some(AttachmentHash::of(data));
        Self { kind, name, size, hash, data: Data(Some(data.into())) }
    }

    /// What stands for it where only words go: `photo 84 kB`.
    pub fn label(&self) -> String {
        let size = size_words(self.size);
        match self.kind {
            AttachmentKind::Image => format!("photo {size}"),
            AttachmentKind::Audio(_) => format!("voice {size}"),
            AttachmentKind::File if self.name.is_empty() => format!("file {size}"),
            AttachmentKind::File => format!("{} {size}", self.name),
        }
    }

    /// The same without its bytes.
    #[must_use]
    pub fn without_data(&self) -> Self {
        Self { data: Data(None), ..self.clone() }
    }
}

impl Post {
    /// Lets go of the bytes of all attachments.
    pub fn drop_data(&mut self) {
        self.attachments.iter_mut().for_each(|attachment| attachment.data = Data(None));
    }

    /// How long all attachments are together, in bytes.
    pub fn attached_bytes(&self) -> u64 {
        attached_bytes(&self.attachments)
    }
}

/// How long they are together, in bytes.
pub(super) fn attached_bytes(attachments: &[Attachment]) -> u64 {
    attachments.iter().map(|attachment| u64::from(attachment.size)).sum()
}

/// The words for attachments without any text: `[photo 84 kB]`.
pub fn labels(attachments: &[Attachment]) -> String {
    let labels: Vec<_> = attachments.iter().map(Attachment::label).collect();
    format!("[{}]", labels.join(", "))
}

fn size_words(bytes: u32) -> String {
    if bytes < 1_000 { format!("{bytes} B") } else { format!("{} kB", bytes.div_ceil(1_000)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attachment_is_told_by_what_it_is_and_its_size() {
        let rows = [
            (AttachmentKind::Image, "webp", 83_500, "photo 84 kB"),
            (AttachmentKind::Audio(16), "", 999, "voice 999 B"),
            (AttachmentKind::File, "../../etc/tide\ntable.pdf", 1_000, "tide table.pdf 1 kB"),
            (AttachmentKind::File, "C:\\", 5, "file 5 B"),
        ];
        for (kind, name, size, expected) in rows {
            let attachment = Attachment::new(kind, name, &vec![0; size]);
            assert_eq!(attachment.label(), expected);
        }
    }

    #[test]
    fn bytes_at_hand_make_no_other_event() {
        let attachment = Attachment::new(AttachmentKind::File, "a", b"bytes");
        assert_eq!(attachment, attachment.without_data());
        assert_ne!(attachment, Attachment::new(AttachmentKind::File, "b", b"bytes"));
    }
}
