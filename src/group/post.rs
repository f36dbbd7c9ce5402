//! What a message is: its text, what it belongs to, and who may read it.

use super::attachment::Attachment;
use super::ids::{MemberId, MessageId, Seq};

/// Members that a message can be addressed to by name, its author not counted.
pub const AUDIENCE_MAX: usize = 32;
/// Members that one text mentions; further ones are not told.
pub const MENTIONS_MAX: usize = 16;
/// Longest reaction, in bytes: the longest emoji sequences in use have 35.
pub const REACTION_BYTES_MAX: usize = 36;
/// Different reactions that one message takes.
pub const REACTIONS_PER_POST_MAX: usize = 16;
/// Different reactions of one member to one message.
pub const REACTIONS_PER_MEMBER_MAX: usize = 3;
/// Bytes of a text that stand for the whole of it in a reply.
pub const QUOTE_BYTES_MAX: usize = 48;

/// A message as it was posted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Post {
    /// What it says. Empty when it is read back after the message was deleted.
    pub text: String,
    /// How it is meant.
    pub kind: PostKind,
    /// Its author's nick at that moment, so that a copy which is sent again after a rename is the same message. `None`
    /// is the operator, or a post of before this was kept.
    pub nick: Option<String>,
    /// The message that it answers.
    pub reply_to: Option<Seq>,
    /// In what way it answers.
    pub relation: Relation,
    /// The message that began the thread in which it stands.
    pub thread: Option<Seq>,
    /// Who may read it.
    pub audience: Audience,
    /// Whom it mentions, by number.
    pub mentions: Vec<MemberId>,
    /// The id of the LXMF message that brought it, if one did.
    pub message_id: Option<MessageId>,
    /// What lets a reader check the author without trusting this node, if it was kept.
    pub authorship: Option<Box<Authorship>>,
    /// The packed fields of the message that brought it, those that nothing here stands for.
    pub fields: Option<Box<[u8]>>,
    /// What is attached to it. None any more when it is read back after the message was deleted.
    pub attachments: Vec<Attachment>,
}

/// In what way a message answers another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Relation {
    /// It answers.
    #[default]
    Reply,
    /// It comments.
    Comment,
    /// It goes on.
    Continuation,
}

/// What a message that comes in says of another one, which its sender's client knows by this id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// It answers that one.
    Answer(Relation, MessageId),
    /// It is a reaction to that one.
    Reaction(MessageId, String),
}

impl Reference {
    /// Which message.
    pub fn target(&self) -> MessageId {
        match self {
            Self::Answer(_, target) | Self::Reaction(target, _) => *target,
        }
    }
}

/// How a message is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PostKind {
    /// Somebody says something.
    #[default]
    Text,
    /// Somebody does something: `/me waves`.
    Deed,
    /// The group tells its members something.
    Notice,
}

/// Who may read a message. Its author always may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// All members, those to come too.
    #[default]
    Everyone,
    /// Some of them.
    Only {
        /// Those who may hear the staff, at the moment of reading.
        staff: bool,
        /// These members, by number and in order.
        members: Box<[MemberId]>,
    },
}

impl Audience {
    /// Those who may hear the staff.
    pub fn staff() -> Self {
        Self::Only { staff: true, members: Box::default() }
    }

    /// Some members, put in order; the author need not be named.
    pub fn only(staff: bool, members: impl IntoIterator<Item = MemberId>, author: Option<MemberId>) -> Self {
        let mut members: Vec<MemberId> =
            members.into_iter().filter(|member| Some(*member) != author).collect();
        members.sort_unstable();
        members.dedup();
        Self::Only { staff, members: members.into() }
    }
}

/// The author's own signature over what they sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorship {
    /// Ed25519 signature, 64 bytes.
    pub signature: [u8; 64],
    /// The bytes that it covers.
    pub signed: Vec<u8>,
}

/// A message as somebody wants to post it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// What it says.
    pub text: String,
    /// How it is meant.
    pub kind: PostKind,
    /// The message that it answers. Who answers a message addresses those who may read that.
    pub reply_to: Option<Seq>,
    /// In what way it answers.
    pub relation: Relation,
    /// A message of the thread in which it is to stand; the one that begins a thread as soon as another refers to it.
    pub thread: Option<Seq>,
    /// Who may read it.
    pub audience: Audience,
    /// The id of the message that brings it, or one made of the client's own id.
    pub message_id: Option<MessageId>,
    /// Whether it was typed into a client for groups, and not sent as a message, which may be a document.
    pub is_typed: bool,
    /// The author's own signature, where it is to be kept.
    pub authorship: Option<Box<Authorship>>,
    /// The packed fields of the message that brings it, those that nothing here stands for.
    pub fields: Option<Box<[u8]>>,
    /// What is to be attached.
    pub attachments: Vec<Attachment>,
}

impl Draft {
    /// A text to everyone.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// What somebody shows towards a message: usually one emoji.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reaction(Box<str>);

impl Reaction {
    /// Takes what is visible, holds no blank and is at most [`REACTION_BYTES_MAX`] long.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let unfit = |c: char| c.is_whitespace() || c.is_control() || super::nick::is_directional(c);
        let fits = !text.is_empty() && text.len() <= REACTION_BYTES_MAX && !text.contains(unfit);
        fits.then(|| Self(text.into()))
    }

    /// What is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the same, but possibly for the mark with which some clients ask for a coloured picture.
    pub fn looks_like(&self, text: &str) -> bool {
        const COLOURED: char = '\u{fe0f}';
        self.0.chars().filter(|c| *c != COLOURED).eq(text.chars().filter(|c| *c != COLOURED))
    }
}

/// The beginning of a text, in one line, as it stands in a reply to it: at most [`QUOTE_BYTES_MAX`] bytes.
pub fn quote(text: &str) -> String {
    let mut quote = String::new();
    for word in text.split_whitespace() {
        let gap = usize::from(!quote.is_empty());
        if quote.len() + gap + word.len() > QUOTE_BYTES_MAX - "…".len() {
            let room = QUOTE_BYTES_MAX - "…".len() - quote.len();
            if quote.is_empty() {
                quote.push_str(&word[..word.floor_char_boundary(room)]);
            }
            quote.push('…');
            return quote;
        }
        if gap == 1 {
            quote.push(' ');
        }
        quote.push_str(word);
    }
    quote
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reaction_is_short_and_visible() {
        for fine in ["👍", "👩‍❤️‍💋‍👨", "+1", "❤️", " ok "] {
            assert_eq!(Reaction::parse(fine).as_ref().map(Reaction::as_str), Some(fine.trim()), "{fine}");
        }
        let long = "x".repeat(REACTION_BYTES_MAX + 1);
        for bad in ["", " ", "two words", "a\nb", "\u{202e}x", &long] {
            assert_eq!(Reaction::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_quote_is_one_short_line_that_ends_between_words() {
        let rows = [
            ("See you at\n the harbour", "See you at the harbour"),
            ("", ""),
            (
                "See you at the harbour at eight, and bring the ropes",
                "See you at the harbour at eight, and bring…",
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(quote(text), expected);
        }
        let long = quote(&"🌊".repeat(100));
        assert!(long.len() <= QUOTE_BYTES_MAX && long.ends_with("🌊…"), "{long}");
    }
}
