//! Attachments on their way to members: which go with the copy of a message, which are told as a line, and those that
//! somebody asked for.

use lxmf::fields::{Fields, key};
use reticulum::hash::DestinationHash;
use reticulum::time::Instant;
use reticulum::wire::msgpack;

use super::{Asked, Host, Query, Rows};
use crate::group::{
    Attachment, AttachmentKind, Data, Fetch, GroupId, Language, Post, Seq, attachment_labels, fetched_text,
    not_kept_text,
};

impl Host {
    /// Sends somebody attachments that they asked for and may have, once the store has found them.
    pub(super) fn fetch(&mut self, group: GroupId, to: DestinationHash, language: Language, fetch: Fetch) {
        self.query(Query::Attached { group, seq: fetch.seq }, Asked::Fetch(group, to, language, fetch));
    }

    /// The store has found attachments, or not.
    pub(super) fn attachments_found(
        &mut self,
        now: Instant,
        group: GroupId,
        to: DestinationHash,
        language: Language,
        Fetch { seq, number }: Fetch,
        rows: Rows,
    ) {
        let Rows::Attached(found) = rows else { return };
        let is_wanted = |place: usize| number.is_none_or(|number| usize::from(number) == place + 1);
        let wanted = found.iter().enumerate().filter(|(place, _)| is_wanted(*place));
        let wanted: Vec<&Attachment> =
            wanted.map(|(_, one)| one).filter(|one| one.data.0.is_some()).collect();
        if wanted.is_empty() {
            return self.tell(now, group, to, not_kept_text(language, seq));
        }
        let fields = attach(&Fields::default(), wanted);
        self.tell_with(now, group, to, fetched_text(language, seq), fields);
    }
}

/// Whether the attachments of a post are small enough to go along with a copy.
pub(super) fn goes_along(post: &Post, push_bytes_max: u64) -> bool {
    let all_there = post.attachments.iter().all(|attachment| attachment.data.0.is_some());
    !post.attachments.is_empty() && all_there && post.attached_bytes() <= push_bytes_max
}

/// Tells of attachments that do not go along, and how they are fetched.
pub(super) fn with_labels(line: String, seq: Seq, post: &Post) -> String {
    if post.attachments.is_empty() {
        return line;
    }
    let labels = attachment_labels(&post.attachments);
    let fetched = format!("{}, /get {seq}]", labels.trim_end_matches(']'));
    // A message without words has the labels for its text.
    match line.strip_suffix(&labels) {
        Some(before) => format!("{before}{fetched}"),
        None => format!("{line}\n{fetched}"),
    }
}

/// Adds attachments behind other fields.
pub(super) fn attach<'a>(fields: &Fields, attachments: impl IntoIterator<Item = &'a Attachment>) -> Fields {
    let attachments: Vec<_> = attachments.into_iter().collect();
    packed(&attachments).iter().fold(fields.clone(), |fields, (key, value)| fields.with(*key, value))
}

/// Attachments as fields. The registry has one image and one voice clip a message; further ones go as files.
fn packed(attachments: &[&Attachment]) -> Vec<(u64, Vec<u8>)> {
    let mut fields = Vec::new();
    let (mut has_image, mut has_audio) = (false, false);
    let mut files: Vec<(String, &[u8])> = Vec::new();
    for attachment in attachments {
        let Data(Some(data)) = &attachment.data else { continue };
        let mut packed = Vec::with_capacity(data.len() + attachment.name.len() + 16);
        msgpack::write_array_len(&mut packed, 2);
        match attachment.kind {
            AttachmentKind::Image if !has_image => {
                has_image = true;
                msgpack::write_str(&mut packed, &attachment.name);
                msgpack::write_bin(&mut packed, data);
                fields.push((key::IMAGE, packed));
            }
            AttachmentKind::Audio(mode) if !has_audio => {
                has_audio = true;
                msgpack::write_uint(&mut packed, mode);
                msgpack::write_bin(&mut packed, data);
                fields.push((key::AUDIO, packed));
            }
            AttachmentKind::Image => files.push((format!("image.{}", attachment.name), data)),
            AttachmentKind::Audio(_) => files.push(("voice".to_owned(), data)),
            AttachmentKind::File => files.push((attachment.name.clone(), data)),
        }
    }
    if files.is_empty() {
        return fields;
    }
    let mut packed = Vec::new();
    msgpack::write_array_len(&mut packed, files.len());
    for (name, data) in files {
        msgpack::write_array_len(&mut packed, 2);
        msgpack::write_str(&mut packed, &name);
        msgpack::write_bin(&mut packed, data);
    }
    fields.push((key::ATTACHMENTS, packed));
    fields
}
