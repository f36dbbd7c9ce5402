//! What the host asks of the store, as values: the event loop runs them on a reader, off its own thread.

use reticulum::time::UnixTime;

use crate::group::{EventKind, GroupId, Known, MemberId, Needs, Post, Seq};
use crate::store::{Entry, Page, PageRequest, Reader, StoreError};

/// A question.
#[derive(Clone, Debug)]
pub enum Query {
    /// A page of the history.
    History {
        /// Of which group.
        group: GroupId,
        /// Which page.
        page: PageRequest,
    },
    /// What a decision needs to know of the past.
    Known {
        /// Of which group.
        group: GroupId,
        /// Who decides.
        member: Option<MemberId>,
        /// What it needs.
        needs: Needs,
    },
    /// A post with its text, to send it to somebody who was away.
    Post {
        /// Of which group.
        group: GroupId,
        /// Its number.
        seq: Seq,
    },
}

/// An answer.
#[derive(Clone, Debug)]
pub enum Rows {
    /// To [`Query::History`].
    History(Page),
    /// To [`Query::Known`].
    Known(Known),
    /// To [`Query::Post`]; `None` if there is no such post, or no longer.
    Post(Option<PostRow>),
    /// The export of a group is on disk, in this file.
    Exported(String),
    /// The store could not be read, or the export not be written.
    Failed,
}

impl Query {
    /// Asks.
    pub fn run(&self, reader: &Reader) -> Result<Rows, StoreError> {
        match self {
            Self::History { group, page } => reader.history(*group, page).map(Rows::History),
            Self::Known { group, member, needs } => reader.known(*group, *member, needs).map(Rows::Known),
            Self::Post { group, seq } => post(reader, *group, *seq).map(Rows::Post),
        }
    }
}

fn post(reader: &Reader, group: GroupId, seq: Seq) -> Result<Option<PostRow>, StoreError> {
    let Some(Entry { event, details }) = reader.entry_at(group, seq)? else { return Ok(None) };
    let EventKind::Posted(mut post) = event.kind else { return Ok(None) };
    if post.text.is_empty() {
        return Ok(None); // deleted since
    }
    let nick_of = |member: Option<MemberId>| {
        let author = member.map(|member| reader.author(group, member)).transpose()?.flatten();
        Ok::<_, StoreError>(author.map(|author| author.nick))
    };
    if post.nick.is_none() {
        // It was posted before the nick was kept, or by the operator.
        post.nick = nick_of(event.actor)?;
    }
    let quote = match details.and_then(|details| details.quote).filter(|quote| !quote.text.is_empty()) {
        Some(quote) => nick_of(quote.author)?.map(|nick| Quoted { nick, text: quote.text }),
        None => None,
    };
    Ok(Some(PostRow { time: event.time, author: event.actor, post, quote }))
}

/// A post as it is sent to members, with its author's nick.
#[derive(Clone, Debug)]
pub struct PostRow {
    /// When it was posted.
    pub time: UnixTime,
    /// Who posted it; `None` is the operator.
    pub author: Option<MemberId>,
    /// The post, as it reads now.
    pub post: Post,
    /// What it answers.
    pub quote: Option<Quoted>,
}

/// The beginning of another post.
#[derive(Clone, Debug)]
pub struct Quoted {
    /// Its author's nick.
    pub nick: String,
    /// How it begins.
    pub text: String,
}
