//! The whole registry of fields, typed: what each value is, as far as the field agrees on it (`spec/lxmf.md` 2.1).
//!
//! A value of another shape than the registry's is [`Field::Other`], like a key that nobody knows: whoever reads
//! messages of strangers can rely on nothing.

use reticulum::hash::DestinationHash;
use reticulum::wire::msgpack::{self, Item, Reader};

use super::{Fields, Renderer, key};
use crate::message::MessageId;

/// Entries of one list that are read; further ones are left out.
const LIST_MAX: usize = 64;

/// One field, its value borrowed from the message.
#[derive(Clone, Debug, PartialEq)]
pub enum Field<'a> {
    /// Packed messages carried inside.
    Embedded(Vec<&'a [u8]>),
    /// A telemetry snapshot, packed.
    Telemetry(&'a [u8]),
    /// Telemetry of several sources: whose, when, and the packed snapshot.
    TelemetryStream(Vec<(DestinationHash, i64, &'a [u8])>),
    /// The sender's avatar: a name of an icon, and two colours as RGB.
    Icon {
        /// Name of the icon.
        name: &'a str,
        /// Its colour.
        foreground: [u8; 3],
        /// The colour behind it.
        background: [u8; 3],
    },
    /// Files.
    Attachments(Vec<Attachment<'a>>),
    /// One image.
    Image {
        /// For example "webp"; empty where the sender does not say.
        format: &'a str,
        /// The file.
        data: &'a [u8],
    },
    /// One voice clip.
    Audio {
        /// The codec, by its number in `spec/lxmf.md` 2.2.
        mode: u64,
        /// The clip.
        data: &'a [u8],
    },
    /// Id of the thread to which the message belongs.
    Thread(&'a [u8]),
    /// Commands to the receiver's program: number, and the packed argument.
    Commands(Vec<(u64, &'a [u8])>),
    /// Results of commands, packed.
    Results(&'a [u8]),
    /// Group metadata, packed.
    Group(&'a [u8]),
    /// Whoever receives it may answer with this ticket instead of a stamp.
    Ticket {
        /// Until when, in unix seconds.
        expires: f64,
        /// The ticket.
        ticket: [u8; 16],
    },
    /// An event object, packed.
    Event(&'a [u8]),
    /// References to resource-node objects, packed.
    ResourceRefs(&'a [u8]),
    /// How the content asks to be shown.
    Renderer(Renderer),
    /// The message that this one answers.
    ReplyTo(MessageId),
    /// Excerpt of the message that this one answers.
    ReplyQuote(&'a str),
    /// A reaction to a message.
    Reaction {
        /// Which message.
        target: MessageId,
        /// Usually one emoji.
        reaction: &'a str,
    },
    /// The content comments on a message.
    Comment(MessageId),
    /// The content continues a message.
    Continuation(MessageId),
    /// Type tag of a foreign payload, packed.
    CustomType(&'a [u8]),
    /// A foreign payload, packed.
    CustomData(&'a [u8]),
    /// Metadata of a foreign payload, packed.
    CustomMeta(&'a [u8]),
    /// Somebody's experiment, packed.
    NonSpecific(&'a [u8]),
    /// Somebody's debugging, packed.
    Debug(&'a [u8]),
    /// A key that the registry does not have, or a value of another shape: both packed.
    Other {
        /// The packed key.
        key: &'a [u8],
        /// The packed value.
        value: &'a [u8],
    },
}

/// One file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attachment<'a> {
    /// Its name, as the sender gave it; not to be used as a path.
    pub name: &'a str,
    /// Its bytes.
    pub data: &'a [u8],
}

impl Fields {
    /// All fields, typed, in the order of travel.
    pub fn typed(&self) -> impl Iterator<Item = Field<'_>> {
        self.iter().map(|(key, value)| read(key, value).unwrap_or(Field::Other { key, value }))
    }
}

fn read<'a>(packed_key: &[u8], raw: &'a [u8]) -> Option<Field<'a>> {
    let value = Reader::new(raw);
    Some(match Reader::new(packed_key).read_uint().ok()? {
        key::EMBEDDED => Field::Embedded(list(value, |item| item.read_bin().ok())?),
        key::TELEMETRY => Field::Telemetry(only(value, |value| value.read_bin().ok())?),
        key::TELEMETRY_STREAM => Field::TelemetryStream(list(value, telemetry)?),
        key::ICON => icon(value)?,
        key::ATTACHMENTS => Field::Attachments(list(value, attachment)?),
        key::IMAGE => image(value)?,
        key::AUDIO => audio(value)?,
        key::THREAD => Field::Thread(only(value, |value| value.read_bin().ok())?),
        key::COMMANDS => Field::Commands(commands(value)?),
        key::RESULTS => Field::Results(raw),
        key::GROUP => Field::Group(raw),
        key::TICKET => ticket(value)?,
        key::EVENT => Field::Event(raw),
        key::RESOURCE_REFS => Field::ResourceRefs(raw),
        key::RENDERER => Field::Renderer(Renderer::of_code(only(value, |value| value.read_uint().ok())?)),
        key::REPLY_TO => Field::ReplyTo(only(value, message_id)?),
        key::REPLY_QUOTE => Field::ReplyQuote(only(value, text)?),
        key::REACTION => reaction(value)?,
        key::COMMENT => Field::Comment(target(value)?),
        key::CONTINUATION => Field::Continuation(target(value)?),
        key::CUSTOM_TYPE => Field::CustomType(raw),
        key::CUSTOM_DATA => Field::CustomData(raw),
        key::CUSTOM_META => Field::CustomMeta(raw),
        key::NON_SPECIFIC => Field::NonSpecific(raw),
        key::DEBUG => Field::Debug(raw),
        _ => return None,
    })
}

/// A value with nothing behind it.
fn only<'a, T>(mut value: Reader<'a>, read: impl FnOnce(&mut Reader<'a>) -> Option<T>) -> Option<T> {
    read(&mut value)
}

/// The entries of an array. One that cannot be read makes the whole array a value of another shape.
fn list<'a, T>(mut value: Reader<'a>, mut read: impl FnMut(&mut Reader<'a>) -> Option<T>) -> Option<Vec<T>> {
    let len = value.read_array_len().ok()?;
    (0..len.min(LIST_MAX)).map(|_| read(&mut value)).collect()
}

/// Text that travelled as text or as bytes.
fn text<'a>(value: &mut Reader<'a>) -> Option<&'a str> {
    match value.read_item().ok()? {
        Item::Str(bytes) | Item::Bin(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn message_id(value: &mut Reader<'_>) -> Option<MessageId> {
    value.read_bin_array().ok().map(MessageId::new)
}

fn telemetry<'a>(value: &mut Reader<'a>) -> Option<(DestinationHash, i64, &'a [u8])> {
    let len = value.read_array_len().ok()?;
    let source = DestinationHash::new(value.read_bin_array().ok()?);
    let (time, snapshot) = (value.read_int().ok()?, value.read_bin().ok()?);
    (3..len).try_for_each(|_| value.skip()).ok()?;
    Some((source, time, snapshot))
}

fn icon(mut value: Reader<'_>) -> Option<Field<'_>> {
    (value.read_array_len().ok()? == 3).then_some(())?;
    let name = text(&mut value)?;
    let (foreground, background) = (value.read_bin_array().ok()?, value.read_bin_array().ok()?);
    Some(Field::Icon { name, foreground, background })
}

fn attachment<'a>(value: &mut Reader<'a>) -> Option<Attachment<'a>> {
    (value.read_array_len().ok()? == 2).then_some(())?;
    Some(Attachment { name: text(value)?, data: value.read_bin().ok()? })
}

fn image(mut value: Reader<'_>) -> Option<Field<'_>> {
    if let Ok(Item::Bin(data)) = value.peek() {
        return Some(Field::Image { format: "", data });
    }
    (value.read_array_len().ok()? == 2).then_some(())?;
    Some(Field::Image { format: text(&mut value)?, data: value.read_bin().ok()? })
}

fn audio(mut value: Reader<'_>) -> Option<Field<'_>> {
    (value.read_array_len().ok()? == 2).then_some(())?;
    Some(Field::Audio { mode: value.read_uint().ok()?, data: value.read_bin().ok()? })
}

fn commands(value: Reader<'_>) -> Option<Vec<(u64, &[u8])>> {
    let maps = list(value, |map| {
        let len = map.read_map_len().ok()?;
        (0..len.min(LIST_MAX))
            .map(|_| Some((map.read_uint().ok()?, map.raw().ok()?)))
            .collect::<Option<Vec<_>>>()
    })?;
    Some(maps.into_iter().flatten().take(LIST_MAX).collect())
}

fn ticket(mut value: Reader<'_>) -> Option<Field<'_>> {
    (value.read_array_len().ok()? >= 2).then_some(())?;
    let expires = value.read_f64().ok()?;
    Some(Field::Ticket { expires, ticket: value.read_bin_array().ok()? })
}

fn reaction(value: Reader<'_>) -> Option<Field<'_>> {
    let map = nested(value)?;
    let target = only(Reader::new(map[0]?), message_id)?;
    Some(Field::Reaction { target, reaction: only(Reader::new(map[1]?), text)? })
}

fn target(value: Reader<'_>) -> Option<MessageId> {
    only(Reader::new(nested(value)?[0]?), message_id)
}

/// The packed values under the keys 0 and 1 of a nested map.
fn nested(mut value: Reader<'_>) -> Option<[Option<&[u8]>; 2]> {
    let mut found = [None; 2];
    for _ in 0..value.read_map_len().ok()?.min(LIST_MAX) {
        let key = Reader::new(value.raw().ok()?).read_uint();
        let raw = value.raw().ok()?;
        if let Some(place) = key.ok().and_then(|key| found.get_mut(usize::try_from(key).ok()?)) {
            *place = Some(raw);
        }
    }
    Some(found)
}

/// Fields under construction, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub struct Builder(Vec<(u64, Vec<u8>)>);

impl Builder {
    /// Adds a packed value.
    pub fn raw(mut self, key: u64, packed: Vec<u8>) -> Self {
        self.0.push((key, packed));
        self
    }

    /// Names the message that this one answers, and how that begins.
    pub fn reply(self, target: MessageId, quote: &str) -> Self {
        let mut packed = Vec::with_capacity(34);
        msgpack::write_bin(&mut packed, target.as_bytes());
        let replies = self.raw(key::REPLY_TO, packed);
        if quote.is_empty() {
            return replies;
        }
        let mut packed = Vec::with_capacity(quote.len() + 2);
        msgpack::write_bin(&mut packed, quote.as_bytes());
        replies.raw(key::REPLY_QUOTE, packed)
    }

    /// Reacts to a message.
    pub fn reaction(self, target: MessageId, reaction: &str) -> Self {
        let mut packed = Vec::with_capacity(40 + reaction.len());
        msgpack::write_map_len(&mut packed, 2);
        msgpack::write_uint(&mut packed, 0);
        msgpack::write_bin(&mut packed, target.as_bytes());
        msgpack::write_uint(&mut packed, 1);
        msgpack::write_bin(&mut packed, reaction.as_bytes());
        self.raw(key::REACTION, packed)
    }

    /// Says of which message the content is a [`key::COMMENT`] or a [`key::CONTINUATION`].
    pub fn target(self, key: u64, target: MessageId) -> Self {
        let mut packed = Vec::with_capacity(36);
        msgpack::write_map_len(&mut packed, 1);
        msgpack::write_uint(&mut packed, 0);
        msgpack::write_bin(&mut packed, target.as_bytes());
        self.raw(key, packed)
    }

    /// Shows the sender's avatar: the name of an icon, and two colours as RGB.
    pub fn icon(self, name: &str, foreground: [u8; 3], background: [u8; 3]) -> Self {
        let mut packed = Vec::with_capacity(name.len() + 12);
        msgpack::write_array_len(&mut packed, 3);
        msgpack::write_str(&mut packed, name);
        msgpack::write_bin(&mut packed, &foreground);
        msgpack::write_bin(&mut packed, &background);
        self.raw(key::ICON, packed)
    }

    /// Tells who is the origin of what a relay sends: `originator-identity` and their `lxmf.delivery` hash.
    pub fn originator(self, address: DestinationHash) -> Self {
        let mut kind = Vec::new();
        msgpack::write_str(&mut kind, ORIGINATOR);
        let mut packed = Vec::with_capacity(18);
        msgpack::write_bin(&mut packed, address.as_ref());
        self.raw(key::CUSTOM_TYPE, kind).raw(key::CUSTOM_DATA, packed)
    }

    /// The map of all of them.
    pub fn build(&self) -> Fields {
        let entries: Vec<(u64, &[u8])> = self.0.iter().map(|(key, value)| (*key, value.as_slice())).collect();
        Fields::from_entries(&entries)
    }
}

/// Type tag of the origin of a relayed reaction (`clients.md`, "Reaction attribution").
pub const ORIGINATOR: &str = "originator-identity";

#[cfg(test)]
mod tests;
