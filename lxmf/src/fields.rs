//! The fields of a message: a map with integer keys that stays as it travelled (`spec/lxmf.md` 2.1).
//!
//! Owns the registry of keys and the map as it travels; `typed.rs` reads each value in its own shape. Fields that we do
//! not know are kept byte for byte; what a value of a field means is its reader's business.

mod typed;

use reticulum::wire::msgpack::{self, Reader};
use thiserror::Error;

pub use typed::{Attachment, Builder, Field, ORIGINATOR};

/// Keys of the registry. Applications without one of their own use keys above 0xff.
pub mod key {
    /// Packed messages carried inside.
    pub const EMBEDDED: u64 = 0x01;
    /// A telemetry snapshot.
    pub const TELEMETRY: u64 = 0x02;
    /// Telemetry of several sources.
    pub const TELEMETRY_STREAM: u64 = 0x03;
    /// The sender's avatar.
    pub const ICON: u64 = 0x04;
    /// Files: array of `[name, data]`.
    pub const ATTACHMENTS: u64 = 0x05;
    /// One image: `[format, data]`.
    pub const IMAGE: u64 = 0x06;
    /// One voice clip: `[mode, data]`.
    pub const AUDIO: u64 = 0x07;
    /// Thread membership.
    pub const THREAD: u64 = 0x08;
    /// Commands to the receiver's program.
    pub const COMMANDS: u64 = 0x09;
    /// Results of commands.
    pub const RESULTS: u64 = 0x0a;
    /// Group metadata.
    pub const GROUP: u64 = 0x0b;
    /// `[expires, ticket]`: the receiver may answer with this ticket instead of a stamp.
    pub const TICKET: u64 = 0x0c;
    /// An event object.
    pub const EVENT: u64 = 0x0d;
    /// References to resource-node objects.
    pub const RESOURCE_REFS: u64 = 0x0e;
    /// How to render the content; see [`Renderer`](super::Renderer).
    pub const RENDERER: u64 = 0x0f;
    /// Id of the message that this one answers.
    pub const REPLY_TO: u64 = 0x30;
    /// Excerpt of the message that this one answers.
    pub const REPLY_QUOTE: u64 = 0x31;
    /// `{0: target, 1: reaction}`.
    pub const REACTION: u64 = 0x40;
    /// `{0: target}`: the content comments on it.
    pub const COMMENT: u64 = 0x41;
    /// `{0: target}`: the content continues it.
    pub const CONTINUATION: u64 = 0x42;
    /// Type tag of a foreign payload.
    pub const CUSTOM_TYPE: u64 = 0xfb;
    /// A foreign payload.
    pub const CUSTOM_DATA: u64 = 0xfc;
    /// Metadata of a foreign payload.
    pub const CUSTOM_META: u64 = 0xfd;
    /// Somebody's experiment.
    pub const NON_SPECIFIC: u64 = 0xfe;
    /// Somebody's debugging.
    pub const DEBUG: u64 = 0xff;
}

/// How content asks to be shown (`spec/lxmf.md` 2.3). Advisory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Renderer {
    /// As it is; also what absence means.
    #[default]
    Plain,
    /// Micron markup.
    Micron,
    /// Markdown.
    Markdown,
    /// BBCode.
    BbCode,
    /// A code that the registry does not have.
    Other(u64),
}

impl Renderer {
    fn of_code(code: u64) -> Self {
        match code {
            0 => Self::Plain,
            1 => Self::Micron,
            2 => Self::Markdown,
            3 => Self::BbCode,
            other => Self::Other(other),
        }
    }
}

/// The bytes are not one MessagePack map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("fields are not one MessagePack map")]
pub struct NotAMap;

/// A map of fields: one well-formed MessagePack map, as long as the message that brought it at most.
#[derive(Clone, PartialEq, Eq)]
pub struct Fields(Vec<u8>);

impl Default for Fields {
    fn default() -> Self {
        Self(EMPTY_MAP.to_vec())
    }
}

const EMPTY_MAP: &[u8] = &[0x80];
const NIL: &[u8] = &[0xc0];

impl Fields {
    /// Takes one packed map, as it is. Nil, which old senders write, becomes the empty map.
    pub fn from_raw(raw: &[u8]) -> Result<Self, NotAMap> {
        check(raw).map(|()| Self(if raw == NIL { EMPTY_MAP } else { raw }.to_vec()))
    }

    /// Packs `(key, value)` pairs in this order; each value is one packed MessagePack value.
    pub fn from_entries(entries: &[(u64, &[u8])]) -> Self {
        let mut out = Vec::with_capacity(5 + entries.iter().map(|(_, value)| 9 + value.len()).sum::<usize>());
        msgpack::write_map_len(&mut out, entries.len());
        for (key, value) in entries {
            msgpack::write_uint(&mut out, *key);
            out.extend_from_slice(value);
        }
        Self(out)
    }

    /// The same with one more entry, at the end; `value` is one packed MessagePack value.
    #[must_use]
    pub fn with(&self, key: u64, value: &[u8]) -> Self {
        let mut reader = Reader::new(&self.0);
        let len = reader.read_map_len().unwrap_or(0);
        let mut out = Vec::with_capacity(self.0.len() + 14 + value.len());
        msgpack::write_map_len(&mut out, len + 1);
        out.extend_from_slice(reader.rest());
        msgpack::write_uint(&mut out, key);
        out.extend_from_slice(value);
        Self(out)
    }

    /// The packed map.
    pub fn as_raw(&self) -> &[u8] {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Each packed key with its packed value, in the order of travel.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut reader = Reader::new(&self.0);
        let len = reader.read_map_len().unwrap_or(0);
        (0..len).map_while(move |_| Some((reader.raw().ok()?, reader.raw().ok()?)))
    }

    /// The packed value of `key`, however wide the key was encoded.
    pub fn value(&self, key: u64) -> Option<&[u8]> {
        self.iter().find(|(raw, _)| Reader::new(raw).read_uint() == Ok(key)).map(|(_, value)| value)
    }

    /// All but those with these keys.
    pub fn without(&self, keys: &[u64]) -> Self {
        let left_out = |raw: &[u8]| Reader::new(raw).read_uint().is_ok_and(|key| keys.contains(&key));
        let kept: Vec<_> = self.iter().filter(|(raw, _)| !left_out(raw)).collect();
        let mut out = Vec::with_capacity(self.0.len());
        msgpack::write_map_len(&mut out, kept.len());
        for (key, value) in kept {
            out.extend_from_slice(key);
            out.extend_from_slice(value);
        }
        Self(out)
    }

    /// Whether the sender offers a ticket. One of a wrong shape is offered too; it is whoever reads it who minds.
    pub fn has_ticket(&self) -> bool {
        self.value(key::TICKET).is_some()
    }

    /// How the content asks to be shown.
    pub fn renderer(&self) -> Renderer {
        let code = self.value(key::RENDERER).and_then(|raw| Reader::new(raw).read_uint().ok());
        Renderer::of_code(code.unwrap_or_default())
    }
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fields({} entries, {} bytes)", self.iter().count(), self.0.len())
    }
}

/// Whether `raw` is one map or nil, and nothing behind it.
pub(crate) fn check(raw: &[u8]) -> Result<(), NotAMap> {
    if raw == NIL {
        return Ok(());
    }
    let mut whole = Reader::new(raw);
    whole.skip().map_err(|_| NotAMap)?;
    Reader::new(raw).read_map_len().map_err(|_| NotAMap)?;
    if whole.is_empty() { Ok(()) } else { Err(NotAMap) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reaction_packs_as_in_the_encoding_example() {
        let value = b"\x82\x00\xc4\x02\0\0\x01\xc4\x04\xf0\x9f\x91\x8d";
        let fields = Fields::from_entries(&[(key::REACTION, value)]);
        assert_eq!(fields.as_raw(), [b"\x81\x40".as_slice(), value].concat());
        assert_eq!(fields.value(key::REACTION), Some(value.as_slice()));
        assert_eq!(fields.value(key::COMMENT), None);
    }

    #[test]
    fn keys_above_0x7f_take_two_bytes_and_wide_keys_are_found() {
        assert_eq!(Fields::from_entries(&[(key::CUSTOM_TYPE, b"\xa1x")]).as_raw(), b"\x81\xcc\xfb\xa1x");
        let wide = Fields::from_raw(b"\x81\xcd\x00\x30\xc4\x00").unwrap();
        assert_eq!(wide.value(key::REPLY_TO), Some(b"\xc4\x00".as_slice()));
    }

    #[test]
    fn unknown_and_string_keys_are_kept_byte_for_byte() {
        let raw = b"\x83\xa1k\x01\xcd\x01\x00\x90\x0f\x02";
        let fields = Fields::from_raw(raw).unwrap();
        assert_eq!(fields.as_raw(), raw);
        assert_eq!(fields.iter().count(), 3);
        assert_eq!(fields.value(0x100), Some(b"\x90".as_slice()));
        assert_eq!(fields.renderer(), Renderer::Markdown);
    }

    #[test]
    fn every_renderer_code_is_read_and_absence_is_plain() {
        let of = |value: &[u8]| Fields::from_entries(&[(key::RENDERER, value)]).renderer();
        assert_eq!(Fields::default().renderer(), Renderer::Plain);
        assert_eq!(of(&[0]), Renderer::Plain);
        assert_eq!(of(&[1]), Renderer::Micron);
        assert_eq!(of(&[2]), Renderer::Markdown);
        assert_eq!(of(&[3]), Renderer::BbCode);
        assert_eq!(of(&[4]), Renderer::Other(4));
        assert_eq!(of(b"\xa1m"), Renderer::Plain);
    }

    #[test]
    fn a_ticket_is_seen_whatever_its_shape() {
        assert!(!Fields::default().has_ticket());
        assert!(Fields::from_entries(&[(key::TICKET, &[0xc0])]).has_ticket());
    }

    #[test]
    fn a_map_of_more_than_fifteen_entries_round_trips() {
        let entries: Vec<(u64, &[u8])> = (0..40).map(|key| (key, [0xc3].as_slice())).collect();
        let fields = Fields::from_entries(&entries);
        assert_eq!(fields.as_raw()[..3], [0xde, 0, 40]);
        assert_eq!(Fields::from_raw(fields.as_raw()), Ok(fields.clone()));
        assert_eq!(fields.iter().count(), 40);
    }

    #[test]
    fn nil_is_the_empty_map_and_anything_else_is_refused() {
        assert_eq!(Fields::from_raw(&[0xc0]), Ok(Fields::default()));
        assert!(Fields::from_raw(&[0xc0]).unwrap().is_empty());
        for bad in [&[0x90][..], &[0x81, 1], &[0x80, 0], &[], &[0x01]] {
            assert_eq!(Fields::from_raw(bad), Err(NotAMap), "{bad:02x?}");
        }
    }
}
