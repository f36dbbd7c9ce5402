//! What the host asks of the store, as values: the event loop runs them on a reader, off its own thread.

use reticulum::time::UnixTime;

use crate::group::{EventKind, GroupId, Seq, StoredPost};
use crate::store::{Page, PageRequest, Reader, StoreError};

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
    History(Page),
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
            Self::History { group, page } => reader.history(*group, page).map(Rows::History),
            Self::StoredPost { group, seq } => reader.stored_post(*group, *seq).map(Rows::StoredPost),
            Self::Post { group, seq } => post(reader, *group, *seq).map(Rows::Post),
        }
    }
}

fn post(reader: &Reader, group: GroupId, seq: Seq) -> Result<Option<PostRow>, StoreError> {
    let Some(event) = reader.event(group, seq)? else { return Ok(None) };
    let EventKind::Posted(post) = event.kind else { return Ok(None) };
    if post.text.is_empty() {
        return Ok(None); // deleted since
    }
    let author = event.actor.map(|member| reader.author(group, member)).transpose()?.flatten();
    Ok(Some(PostRow { time: event.time, nick: author.map(|author| author.nick), text: post.text }))
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
