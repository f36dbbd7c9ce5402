//! A part of the history, as somebody reads it: what is asked for, and what comes of it.

use crate::group::{Author, Event, MemberId, Reaction, Seq, Viewer};

/// Which part of the history is wanted, and for whom.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// Only what came after this number; the page then begins with the first. Without it the page ends with the newest.
    pub after: Option<Seq>,
    /// Only what came before this number.
    pub before: Option<Seq>,
    /// Which events at all.
    pub filter: Filter,
    /// Events at most.
    pub rows_max: usize,
    /// Bytes of text at most; the event that passes the bound is the last one read.
    pub text_bytes_max: usize,
    /// Whether the authors are wanted too.
    pub with_authors: bool,
    /// Who reads.
    pub viewer: Viewer,
}

/// Which events a page is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// All that make up the history.
    #[default]
    All,
    /// The messages of a thread, without the one that began it.
    Thread(Seq),
    /// The pinned messages.
    Pinned,
    /// All messages that were not deleted.
    Messages,
    /// The messages that hold these words.
    Words(String),
}

/// A part of the history, all of it of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// What happened, oldest first.
    pub entries: Vec<Entry>,
    /// Who did it, by number; empty if not asked for.
    pub authors: Vec<Author>,
    /// The newest event of any kind: who has read up to the end of the page knows all up to here. The group itself may
    /// be ahead by what is not committed yet.
    pub head: Seq,
}

/// An event as it stands in a page. A post says what it says now; one that was deleted has no text. What an author
/// signed is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// What else there is to know of it: mostly nothing.
    pub details: Option<Box<Details>>,
}

/// What became of a message, and what it refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Of a post: whether it was changed since.
    pub edited: bool,
    /// Of an edit: whether another followed, or the post was deleted. Its text is left out.
    pub superseded: bool,
    /// Of a reply: what it answers.
    pub quote: Option<Quote>,
    /// Of a post: the reactions to it.
    pub reactions: Vec<ReactionCount>,
    /// Of a post: which of its attachments are no longer kept, a bit for each place from the lowest on.
    pub attachments_gone: u8,
}

/// The beginning of the message that another one answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    /// Who wrote it.
    pub author: Option<MemberId>,
    /// How it begins; empty if it was deleted.
    pub text: String,
}

/// How often one reaction was shown to one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReactionCount {
    /// Which.
    pub reaction: Reaction,
    /// By how many members.
    pub count: u32,
    /// Whether the reader is one of them.
    pub own: bool,
}

impl From<Event> for Entry {
    fn from(event: Event) -> Self {
        Self { event, details: None }
    }
}
