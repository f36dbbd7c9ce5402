//! What the host asks of the store, as values: the event loop runs them on a reader, off its own thread.

use std::collections::BTreeSet;

use reticulum::time::UnixTime;

use crate::api::{self, HistoryPage, HistoryQuery};
use crate::group::{Event, EventKind, GroupId, Post, Seq, StoredPost};
use crate::store::{Entry, EntryBody, PageRequest, Reader, StoreError};

/// A question.
#[derive(Clone, Debug)]
pub enum Query {
    /// A page of the history.
    History {
        /// Of which group.
        group: GroupId,
        /// Which page.
        query: HistoryQuery,
    },
    /// What a post is, to decide about its deletion.
    StoredPost {
        /// Of which group.
        group: GroupId,
        /// Its number.
        seq: Seq,
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
    History(HistoryPage),
    /// To [`Query::StoredPost`]; `None` if there is no such post.
    StoredPost(Option<StoredPost>),
    /// To [`Query::Post`]; `None` if there is no such post, or no longer.
    Post(Option<PostRow>),
    /// The store could not be read.
    Failed,
}

impl Query {
    /// Asks.
    pub fn run(&self, reader: &Reader) -> Result<Rows, StoreError> {
        match self {
            Self::History { group, query } => history(reader, *group, query).map(Rows::History),
            Self::StoredPost { group, seq } => reader.stored_post(*group, *seq).map(Rows::StoredPost),
            Self::Post { group, seq } => post(reader, *group, *seq).map(Rows::Post),
        }
    }
}

/// A page without its head, which the group knows best.
fn history(reader: &Reader, group: GroupId, query: &HistoryQuery) -> Result<HistoryPage, StoreError> {
    let request = PageRequest {
        after: query.forward.then_some(query.after),
        before: query.before,
        limit: query.rows_max,
        text_bytes_max: query.bytes_max,
    };
    let entries = reader.history(group, &request)?.entries;
    let members: BTreeSet<_> = entries.iter().filter_map(|entry| entry.author).collect();
    let mut authors = Vec::new();
    for member in members.into_iter().filter(|_| query.with_authors) {
        if let Some(author) = reader.author(group, member)? {
            let (nick, identity) = (author.nick, author.identity);
            authors.push(api::Author { member, nick, identity, role: author.role, former: author.former });
        }
    }
    Ok(HistoryPage { events: entries.into_iter().map(event).collect(), authors, head: Seq::default() })
}

fn event(entry: Entry) -> Event {
    let post = |text, message_id| EventKind::Posted(Post { text, message_id, authorship: None });
    let kind = match entry.body {
        EntryBody::Posted { text, message_id } => post(text, message_id),
        EntryBody::Gone => post(String::new(), None),
        EntryBody::Deleted { target } => EventKind::Deleted { target },
    };
    Event { seq: entry.seq, time: entry.time, actor: entry.author, kind }
}

fn post(reader: &Reader, group: GroupId, seq: Seq) -> Result<Option<PostRow>, StoreError> {
    let Some(entry) = reader.entry(group, seq)? else { return Ok(None) };
    let EntryBody::Posted { text, .. } = entry.body else { return Ok(None) };
    let author = entry.author.map(|member| reader.author(group, member)).transpose()?.flatten();
    Ok(Some(PostRow { time: entry.time, nick: author.map(|author| author.nick), text }))
}

/// A post as it is sent to members.
#[derive(Clone, Debug)]
pub struct PostRow {
    /// When it was posted.
    pub time: UnixTime,
    /// Its author's nick; `None` is the operator.
    pub nick: Option<String>,
    /// Its text.
    pub text: String,
}
