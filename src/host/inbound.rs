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

    use super::*;

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
}
