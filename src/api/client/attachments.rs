//! Attachments for the command line: what is told of them, their bytes, and files that the operator attaches.

use std::io::{self, Write};
use std::path::Path;

use proto::v1;
use serde::Serialize;

use super::{Client, ClientError, accept};
use crate::group::{Attachment, AttachmentKind, Data};

/// What the files are called that are shown as pictures.
const PICTURES: [&str; 5] = ["webp", "png", "jpg", "jpeg", "gif"];

/// Something attached to a message. Field names are those of `message list --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedAttachment {
    /// Its place, from 1: what `message attachment --index` takes.
    pub index: u32,
    /// "file", "image" or "audio".
    pub kind: &'static str,
    /// Name of the file, or format of the picture.
    pub name: String,
    /// How long it is, in bytes.
    pub size: u32,
    /// The first 16 bytes of the SHA-256 of its bytes in hexadecimal digits; empty if it was not kept.
    pub hash: String,
    /// Whether its bytes are still kept.
    pub kept: bool,
}

impl ListedAttachment {
    /// What stands for it in a line: `photo 84 kB`.
    pub fn label(&self) -> String {
        let kind = match self.kind {
            "image" => AttachmentKind::Image,
            "audio" => AttachmentKind::Audio(0),
            _ => AttachmentKind::File,
        };
        let (name, size) = (self.name.clone(), self.size);
        Attachment { kind, name, size, hash: None, data: Data::default() }.label()
    }
}

pub(super) fn listed(attachments: Vec<v1::Attachment>) -> Vec<ListedAttachment> {
    let listed = |(index, one): (u32, v1::Attachment)| ListedAttachment {
        index,
        kind: match one.kind() {
            v1::AttachmentKind::File => "file",
            v1::AttachmentKind::Image => "image",
            v1::AttachmentKind::Audio => "audio",
        },
        name: one.name,
        size: one.size,
        hash: one.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        kept: !one.gone,
    };
    (1..).zip(attachments).map(listed).collect()
}

/// Reads files that are to be attached. A picture is told by its format, as members' clients send them.
pub(super) fn read(files: &[impl AsRef<Path>]) -> io::Result<Vec<v1::NewAttachment>> {
    let read = |path: &Path| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
        let (kind, name) = match PICTURES.contains(&ending.as_str()) {
            true => (v1::AttachmentKind::Image, ending),
            false => {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                (v1::AttachmentKind::File, name.unwrap_or_default())
            }
        };
        let data = std::fs::read(path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        Ok(v1::NewAttachment { kind: kind.into(), name, codec: 0, data })
    };
    files.iter().map(|path| read(path.as_ref())).collect()
}

impl Client {
    /// Writes the bytes of an attachment, by its place from 1 on, of a message or, with `held`, of one that waits under
    /// that number. Returns how many they were. Nothing is written before the node has agreed.
    pub fn attachment<W: Write>(
        &mut self,
        seq: u64,
        held: bool,
        index: u32,
        open: impl FnOnce() -> io::Result<W>,
    ) -> Result<u64, ClientError> {
        let number = u32::try_from(seq).unwrap_or(u32::MAX);
        let (seq, held) = if held { (0, number) } else { (seq, 0) };
        let index = index.saturating_sub(1);
        let (mut out, mut open, mut offset) = (None, Some(open), 0);
        loop {
            let request = v1::AttachmentRequest { seq, index, offset, held, ..Default::default() };
            let piece: v1::AttachmentResponse = self.call("/api/v1/messages/attachment", &request)?;
            accept(piece.error.as_ref())?;
            let out = match (&mut out, open.take()) {
                (None, Some(open)) => out.insert(open()?),
                (Some(out), _) => out,
                (None, None) => return Err(ClientError::Malformed),
            };
            out.write_all(&piece.data)?;
            offset = offset.saturating_add(u32::try_from(piece.data.len()).unwrap_or(u32::MAX));
            if piece.data.is_empty() || offset >= piece.size {
                out.flush()?;
                return Ok(offset.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_attached_as_pictures_and_the_rest_by_name() {
        let folder = std::env::temp_dir().join(format!("meshgroup-attach-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let paths = ["Quay.JPG", "tide table.pdf", "plain"].map(|name| folder.join(name));
        paths.iter().for_each(|path| std::fs::write(path, b"x").unwrap());
        let read = read(&paths).unwrap();
        let names: Vec<_> = read.iter().map(|one| (one.kind(), one.name.as_str())).collect();
        let (image, file) = (v1::AttachmentKind::Image, v1::AttachmentKind::File);
        assert_eq!(names, [(image, "jpg"), (file, "tide table.pdf"), (file, "plain")]);
        let error = super::read(&[folder.join("none")]).unwrap_err();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(error.to_string().contains("none: "), "{error}");
    }
}
