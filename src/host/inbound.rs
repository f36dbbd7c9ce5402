//! What a message brings besides its text, in the group's terms.

use lxmf::fields::{Field, Fields, key};
use lxmf::message::Message;
use reticulum::wire::msgpack::{Item, Reader};

use crate::group::{
    ATTACHMENTS_MAX, Attachment, AttachmentKind, COMMANDS_MAX, ClientCommand, Content, MessageId, Reference,
    Relation,
};

/// Bytes of other fields that are kept with a message; more are not kept at all.
const FIELDS_BYTES_MAX: usize = 2_048;

/// What a message brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Brought {
    pub(super) text: String,
    /// What it says of another message.
    pub(super) reference: Option<Reference>,
    /// The fields that nothing else stands for.
    pub(super) fields: Option<Vec<u8>>,
    /// What is attached.
    pub(super) attachments: Vec<Attachment>,
    /// What the sender's program asks.
    pub(super) commands: Vec<ClientCommand>,
    /// By which the same message is recognised when it comes under another id.
    pub(super) content: Content,
}

impl Brought {
    /// Whether the sender's client knows replies and reactions.
    pub(super) fn is_of_knowing_client(&self) -> bool {
        self.reference.is_some()
    }
}

/// Reads a message. Where several fields refer to another message, a reaction counts first, then an answer.
pub(super) fn read(message: &Message) -> Brought {
    let text = if message.content.is_empty() { &message.title } else { &message.content };
    let mut answer = None;
    let mut reaction = None;
    for field in message.fields.typed() {
        let of = |relation, target: lxmf::message::MessageId| {
            Some(Reference::Answer(relation, MessageId(*target.as_bytes())))
        };
        match field {
            Field::ReplyTo(target) => answer = of(Relation::Reply, target),
            Field::Comment(target) => answer = answer.or(of(Relation::Comment, target)),
            Field::Continuation(target) => answer = answer.or(of(Relation::Continuation, target)),
            Field::Reaction { target, reaction: what } => {
                reaction = Some(Reference::Reaction(MessageId(*target.as_bytes()), what.to_owned()));
            }
            _ => {}
        }
    }
    Brought {
        text: String::from_utf8_lossy(text).into_owned(),
        reference: reaction.or(answer),
        fields: other_fields(&message.fields),
        attachments: attachments(&message.fields),
        commands: commands(&message.fields),
        content: content(message),
    }
}

/// What the sender's program asks (`spec/lxmf.md` 2.4).
fn commands(fields: &Fields) -> Vec<ClientCommand> {
    let mut found = Vec::new();
    for field in fields.typed() {
        let Field::Commands(commands) = field else { continue };
        found.extend(commands.into_iter().take(COMMANDS_MAX).map(|(number, argument)| match number {
            1 => ClientCommand::Telemetry,
            2 => ClientCommand::Ping,
            3 => match Reader::new(argument).read_item() {
                Ok(Item::Bin(said) | Item::Str(said)) => {
                    ClientCommand::Echo(String::from_utf8_lossy(said).into_owned())
                }
                _ => ClientCommand::Other,
            },
            4 => ClientCommand::SignalReport,
            _ => ClientCommand::Other,
        }));
    }
    found.truncate(COMMANDS_MAX);
    found
}

/// One more than are taken at most, so that too many can be refused.
fn attachments(fields: &Fields) -> Vec<Attachment> {
    let mut found = Vec::new();
    for field in fields.typed() {
        match field {
            Field::Attachments(files) => {
                let files = files.iter().take(ATTACHMENTS_MAX + 1);
                found.extend(files.map(|file| Attachment::new(AttachmentKind::File, file.name, file.data)));
            }
            Field::Image { format, data } => found.push(Attachment::new(AttachmentKind::Image, format, data)),
            Field::Audio { mode, data } => found.push(Attachment::new(AttachmentKind::Audio(mode), "", data)),
            _ => {}
        }
    }
    found.truncate(ATTACHMENTS_MAX + 1);
    found
}

/// The fields that are kept as they are: what is not read here, is no attachment and no ticket.
fn other_fields(fields: &Fields) -> Option<Vec<u8>> {
    const READ: [u64; 10] = [
        key::COMMANDS,
        key::ATTACHMENTS,
        key::IMAGE,
        key::AUDIO,
        key::TICKET,
        key::REPLY_TO,
        key::REPLY_QUOTE,
        key::REACTION,
        key::COMMENT,
        key::CONTINUATION,
    ];
    let kept = fields.without(&READ);
    (!kept.is_empty() && kept.as_raw().len() <= FIELDS_BYTES_MAX).then(|| kept.as_raw().to_vec())
}

/// A ticket is renewed from time to time, so it does not make another message.
fn content(message: &Message) -> Content {
    let fields = message.fields.without(&[key::TICKET]);
    let (source, destination) = (message.source.as_ref(), message.destination.as_ref());
    Content::of(source, destination, &message.title, &message.content, fields.as_raw())
}

#[cfg(test)]
mod tests {
    use lxmf::fields::Builder;
    use reticulum::hash::DestinationHash;
    use reticulum::time::UnixTime;

    use super::super::relay;
    use super::*;
    use crate::group::{Event, EventKind, Language, MemberId, Post, Roles, Seq};
    use crate::store::Relayed;

    fn message(content: &[u8], fields: Fields) -> Message {
        Message {
            id: lxmf::message::MessageId::new([1; 32]),
            destination: DestinationHash::new([2; 16]),
            source: DestinationHash::new([3; 16]),
            signature: [0; 64],
            timestamp: 1.0,
            title: Vec::new(),
            content: content.to_vec(),
            fields,
            stamp: None,
        }
    }

    #[test]
    fn references_are_read_and_the_rest_is_kept() {
        let target = lxmf::message::MessageId::new([7; 32]);
        let id = MessageId([7; 32]);
        let rows = [
            (Builder::default(), None),
            (Builder::default().reply(target, "q"), Some(Reference::Answer(Relation::Reply, id))),
            (Builder::default().target(key::COMMENT, target), Some(Reference::Answer(Relation::Comment, id))),
            (
                Builder::default().target(key::CONTINUATION, target),
                Some(Reference::Answer(Relation::Continuation, id)),
            ),
            (Builder::default().reaction(target, "👍"), Some(Reference::Reaction(id, "👍".into()))),
        ];
        for (builder, expected) in rows {
            let brought = read(&message(b"x", builder.raw(0x100, vec![0xc3]).build()));
            assert_eq!(brought.reference, expected);
            let kept = Fields::from_raw(&brought.fields.unwrap()).unwrap();
            assert_eq!(kept, Builder::default().raw(0x100, vec![0xc3]).build());
        }
        assert_eq!(read(&message(b"x", Fields::default())).fields, None);
    }

    #[test]
    fn the_same_message_under_another_id_has_the_same_content() {
        let first = message(b"see you", Fields::default());
        let again = Message { id: lxmf::message::MessageId::new([9; 32]), timestamp: 9.0, ..first.clone() };
        let ticket = Builder::default().raw(key::TICKET, vec![0xc0]).build();
        let other = Message { content: b"see me".to_vec(), ..first.clone() };
        let content = |message: &Message| read(message).content;
        assert_eq!(content(&again), content(&first));
        assert_eq!(content(&message(b"see you", ticket)), content(&first));
        assert_ne!(content(&other), content(&first));
    }

    /// What becomes of a field.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Fate {
        /// It stays with the stored message, and goes to nobody.
        Kept,
        /// It stays, and goes to members as it is.
        Relayed,
        /// It becomes an attachment: kept as one, and sent as one where it is small.
        Attached,
        /// It names another message: read, and written anew for each member.
        Rewritten,
        /// It is for us.
        Taken,
    }

    #[test]
    fn each_field_of_the_registry_is_kept_relayed_or_rewritten_as_the_rules_say() {
        const BIN: &[u8] = &[0xc4, 2, 7, 7];
        let target = [&[0xc4, 32][..], &[7; 32]].concat();
        let of_target = [&[0x81, 0x00][..], &target].concat();
        let reaction = [&[0x82, 0x00][..], &target, b"\x01\xc4\x04\xf0\x9f\x91\x8d"].concat();
        let ticket = [&[0x92, 0xcb, 0x41, 0xd9, 0x54, 0xfc, 0x40, 0, 0, 0, 0xc4, 16][..], &[5; 16]].concat();
        let rows: [(u64, &[u8], Fate); 27] = [
            (key::EMBEDDED, &[0x91, 0xc4, 1, 7], Fate::Kept),
            (key::TELEMETRY, BIN, Fate::Kept),
            (key::TELEMETRY_STREAM, &[0x90], Fate::Kept),
            (key::ICON, b"\x93\xa1x\xc4\x03abc\xc4\x03def", Fate::Kept),
            (key::ATTACHMENTS, b"\x91\x92\xa5a.txt\xc4\x01!", Fate::Attached),
            (key::IMAGE, b"\x92\xa3png\xc4\x01!", Fate::Attached),
            (key::AUDIO, &[0x92, 16, 0xc4, 1, 7], Fate::Attached),
            (key::THREAD, BIN, Fate::Kept),
            (key::COMMANDS, &[0x91, 0x81, 0x03, 0xc4, 1, 7], Fate::Taken),
            (key::RESULTS, BIN, Fate::Kept),
            (key::GROUP, BIN, Fate::Kept),
            (key::TICKET, &ticket, Fate::Taken),
            (key::EVENT, BIN, Fate::Kept),
            (key::RESOURCE_REFS, BIN, Fate::Kept),
            (key::RENDERER, &[2], Fate::Relayed),
            (key::REPLY_TO, &target, Fate::Rewritten),
            (key::REPLY_QUOTE, BIN, Fate::Rewritten),
            (key::REACTION, &reaction, Fate::Rewritten),
            (key::COMMENT, &of_target, Fate::Rewritten),
            (key::CONTINUATION, &of_target, Fate::Rewritten),
            (key::CUSTOM_TYPE, b"\xa1x", Fate::Kept),
            (key::CUSTOM_DATA, BIN, Fate::Kept),
            (key::CUSTOM_META, BIN, Fate::Kept),
            (key::NON_SPECIFIC, BIN, Fate::Kept),
            (key::DEBUG, BIN, Fate::Kept),
            (0x50, BIN, Fate::Kept),
            (0x1234, &[0x81, 0xa1, b'k', 0x93, 1, 2, 3], Fate::Kept),
        ];
        for (key, value, fate) in rows {
            let fields = Fields::from_entries(&[(key, value)]);
            let brought = read(&message(b"x", fields.clone()));
            let stays = matches!(fate, Fate::Kept | Fate::Relayed);
            assert_eq!(
                brought.fields.as_deref(),
                stays.then_some(fields.as_raw()),
                "{key:#x}: whole, or not at all"
            );
            assert_eq!(brought.attachments.len(), usize::from(fate == Fate::Attached), "{key:#x}");
            let post = Post {
                text: brought.text,
                fields: brought.fields.map(Into::into),
                attachments: brought.attachments,
                ..Post::default()
            };
            let event = Event {
                seq: Seq(9),
                time: UnixTime::from_secs(5),
                actor: Some(MemberId(2)),
                kind: EventKind::Posted(post),
            };
            let row = Relayed::plain(event, Some("Bob".into()));
            let sent = |push_bytes_max| {
                relay::copy(Language::English, &row, None, None, push_bytes_max, &Roles::default()).unwrap()
            };
            let goes = if fate == Fate::Relayed { fields.clone() } else { Fields::default() };
            let small = sent(1_000);
            assert_eq!((small.fields, small.attached), (goes.clone(), fate == Fate::Attached), "{key:#x}");
            // What is not small is told, and fetched by who wants it.
            let told = sent(0);
            assert_eq!((told.fields, told.attached), (goes, false), "{key:#x}");
            assert_eq!(told.content.contains("/get 9"), fate == Fate::Attached, "{key:#x}: {}", told.content);
        }
    }
}
