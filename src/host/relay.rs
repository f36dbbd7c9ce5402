//! What a member is sent of an event: words for every client, and fields for those that know them.
//!
//! A pure function of the event, of what the member's client knows, and of the id by which it knows the message that the
//! event is about. Nothing else of what an author's message held is passed on: see [`relays`].

use lxmf::fields::{Builder, Fields, key};
use reticulum::hash::DestinationHash;
use reticulum::time::UnixTime;

use super::attached::{goes_along, with_labels};
use crate::group::{EventKind, Language, MessageId, Post, Relation, Roles, post_line, quote_line, told_line};
use crate::store::{Relayed, Target};

/// A message to a member. Its time is that of the event, so that it is the same message each time it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Copy {
    pub(super) time: UnixTime,
    pub(super) content: String,
    /// Without attachments.
    pub(super) fields: Fields,
    /// Whether the attachments of the post are to go along.
    pub(super) attached: bool,
}

/// Makes the message. `id` is that of the event's target, for a client that knows references; `actor` is where the one
/// receives who did it; attachments go along up to `push_bytes_max`. `None` if there is nothing to say.
pub(super) fn copy(
    language: Language,
    row: &Relayed,
    id: Option<MessageId>,
    actor: Option<DestinationHash>,
    push_bytes_max: u64,
    roles: &Roles,
) -> Option<Copy> {
    let nick = row.nick.as_deref();
    let quote = row.target.as_ref().map_or("", |target| &target.quote);
    let id = id.map(|id| lxmf::message::MessageId::new(id.0));
    let mut attached = false;
    let (content, fields) = match (&row.event.kind, id) {
        (EventKind::Posted(post), _) => {
            let (line, fields) = posted(nick, post, row.target.as_ref(), id);
            attached = goes_along(post, push_bytes_max);
            (if attached { line } else { with_labels(line, row.event.seq, post) }, fields)
        }
        (EventKind::Reacted { reaction, .. }, Some(id)) => {
            let fields = Builder::default().reaction(id, reaction.as_str());
            let fields = match actor {
                Some(actor) => fields.originator(actor),
                None => fields,
            };
            (String::new(), fields)
        }
        (kind, _) => {
            (told_line(language, kind, nick, row.subject.as_deref(), quote, roles)?, Builder::default())
        }
    };
    Some(Copy { time: row.event.time, content, fields: fields.build(), attached })
}

fn posted(
    nick: Option<&str>,
    post: &Post,
    target: Option<&Target>,
    id: Option<lxmf::message::MessageId>,
) -> (String, Builder) {
    let line = post_line(nick, post);
    let mut fields = Builder::default();
    let kept = post.fields.as_deref().and_then(|raw| Fields::from_raw(raw).ok());
    let renderer = kept.as_ref().and_then(|kept| kept.value(key::RENDERER)).filter(|_| relays(key::RENDERER));
    if let Some(renderer) = renderer {
        fields = fields.raw(key::RENDERER, renderer.to_vec());
    }
    let Some(target) = target.filter(|target| !target.quote.is_empty()) else { return (line, fields) };
    match id {
        Some(id) => match post.relation {
            Relation::Reply => (line, fields.reply(id, &target.quote)),
            Relation::Comment => (line, fields.target(key::COMMENT, id)),
            Relation::Continuation => (line, fields.target(key::CONTINUATION, id)),
        },
        None => (format!("{}\n{line}", quote_line(target.nick.as_deref(), &target.quote)), fields),
    }
}

/// Whether a field of an author's message goes to members as it is. Most say something of the sender or to the receiver
/// and mean something else when the group sends them; references are written anew for each member; attachments are
/// fetched by those who want them; unknown ones are kept and go to nobody.
pub(super) fn relays(field: u64) -> bool {
    field == key::RENDERER
}

#[cfg(test)]
mod tests {
    use lxmf::fields::Field;

    use super::*;
    use crate::group::{Event, MemberId, Reaction, Seq};

    const ID: MessageId = MessageId([7; 32]);

    fn event(kind: EventKind) -> Event {
        Event { seq: Seq(9), time: UnixTime::from_secs(5), actor: Some(MemberId(2)), kind }
    }

    fn reply(relation: Relation, fields: Option<&Fields>) -> Relayed {
        let fields = fields.map(|fields| fields.as_raw().into());
        let post = Post { text: "yes".into(), relation, fields, ..Post::default() };
        let target = Target { nick: Some("Ann".into()), quote: "Who comes?".into(), ..Target::default() };
        Relayed { target: Some(target), ..Relayed::plain(event(EventKind::Posted(post)), Some("Bob".into())) }
    }

    #[test]
    fn a_reply_is_fields_for_a_client_that_knows_them_and_a_quote_for_the_others() {
        let id = lxmf::message::MessageId::new(ID.0);
        let rows = [
            (Relation::Reply, vec![Field::ReplyTo(id), Field::ReplyQuote("Who comes?")]),
            (Relation::Comment, vec![Field::Comment(id)]),
            (Relation::Continuation, vec![Field::Continuation(id)]),
        ];
        for (relation, expected) in rows {
            let known = copy(Language::English, &reply(relation, None), Some(ID), None, 0, &Roles::default())
                .unwrap();
            assert_eq!((known.content.as_str(), known.time), ("Bob: yes", UnixTime::from_secs(5)));
            assert_eq!(known.fields.typed().collect::<Vec<_>>(), expected);
            let plain =
                copy(Language::English, &reply(relation, None), None, None, 0, &Roles::default()).unwrap();
            assert_eq!(plain.content, "> Ann: Who comes?\nBob: yes");
            assert!(plain.fields.is_empty());
        }
    }

    #[test]
    fn a_reaction_is_a_field_with_its_originator_or_words() {
        let reaction = Reaction::parse("👍").unwrap();
        let row = Relayed {
            event: event(EventKind::Reacted { target: Seq(4), reaction }),
            ..reply(Relation::Reply, None)
        };
        let actor = DestinationHash::new([5; 16]);
        let known = copy(Language::English, &row, Some(ID), Some(actor), 0, &Roles::default()).unwrap();
        let fields: Vec<_> = known.fields.typed().collect();
        let id = lxmf::message::MessageId::new(ID.0);
        assert_eq!(fields[0], Field::Reaction { target: id, reaction: "👍" });
        assert_eq!((known.content.as_str(), fields.len()), ("", 3));
        let plain = copy(Language::English, &row, None, Some(actor), 0, &Roles::default()).unwrap();
        assert_eq!(plain.content, "Bob 👍 \"Who comes?\"");
        assert!(plain.fields.is_empty());
    }

    #[test]
    fn of_the_registry_only_the_renderer_goes_on_as_it_is() {
        let keys =
            (0x01..=0x0f).chain([0x30, 0x31, 0x40, 0x41, 0x42]).chain(0xfb..=0xff).chain([0x100, 0x7777]);
        for key in keys {
            let all = Fields::from_entries(&[(key, &[2])]);
            let sent = copy(
                Language::English,
                &reply(Relation::Reply, Some(&all)),
                None,
                None,
                0,
                &Roles::default(),
            )
            .unwrap();
            let expected = if key == 0x0f { all } else { Fields::default() };
            assert_eq!(sent.fields, expected, "{key:#04x}");
        }
    }
}
