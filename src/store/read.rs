//! What can be asked, in the domain's terms. A reader has a connection of its own and sees what is committed; it never
//! waits for the writer.

use std::collections::BTreeSet;
use std::path::Path;

use reticulum::hash::IdentityHash;
use rusqlite::{Connection, Row, params};

use super::StoreError;
use super::row::{self, kind, signed, unsigned};
use super::schema;
use crate::group::{Author, Event, EventKind, GroupId, MemberId, Seq, StoredPost};

/// A reading connection. Every query that can be long takes a limit.
#[derive(Debug)]
pub struct Reader {
    db: Connection,
}

/// Which part of the history is wanted.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// Only what came after this number; the page then begins with the first. Without it the page ends with the newest.
    pub after: Option<Seq>,
    /// Only what came before this number.
    pub before: Option<Seq>,
    /// Events at most.
    pub rows_max: usize,
    /// Bytes of text at most; the event that passes the bound is the last one read.
    pub text_bytes_max: usize,
    /// Whether the authors are wanted too.
    pub with_authors: bool,
}

/// A part of the history, all of it of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Posts and deletions, oldest first. A post that was deleted since has no text; what its author signed is left out.
    pub events: Vec<Event>,
    /// Who did them, by number; empty if not asked for.
    pub authors: Vec<Author>,
    /// The newest event of any kind: who has read up to the end of the page knows all up to here. The group itself may
    /// be ahead by what is not committed yet.
    pub head: Seq,
}

/// Events with their messages, in the columns that [`row::event`] reads.
macro_rules! select_events {
    ($signed:literal, $rest:literal) => {
        concat!(
            "SELECT seq, time, kind, actor, number, bytes, event.text, note, message.text, message_id, ",
            $signed,
            " FROM event LEFT JOIN message USING (group_id, seq) WHERE group_id = ?1 ",
            $rest
        )
    };
}

const LOG: &str = select_events!("signature, signed", "AND seq > ?2 AND seq < ?3 ORDER BY seq LIMIT ?4");
/// The events by which everything came that waits for somebody who may decide.
pub(super) const WAITING: &str = select_events!(
    "signature, signed",
    "AND seq IN (SELECT seq FROM pending WHERE pending.group_id = ?1) ORDER BY seq"
);
const HISTORY_FORWARD: &str =
    select_events!("NULL, NULL", "AND seq > ?2 AND seq < ?3 AND kind IN (?4, ?5) ORDER BY seq");
const HISTORY_BACKWARD: &str =
    select_events!("NULL, NULL", "AND seq > ?2 AND seq < ?3 AND kind IN (?4, ?5) ORDER BY seq DESC");

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: schema::open_reader(path)? })
    }

    /// Posts and deletions.
    pub fn history(&self, group: GroupId, request: &PageRequest) -> Result<Page, StoreError> {
        // Head, rows and authors have to be of one moment.
        let _snapshot = self.db.unchecked_transaction()?;
        let mut events = self.history_events(group, request)?;
        if request.after.is_none() {
            events.reverse();
        }
        let mut page = Page { events, authors: Vec::new(), head: self.head(group)? };
        if request.with_authors {
            let members: BTreeSet<_> = page.events.iter().filter_map(|event| event.actor).collect();
            for member in members {
                page.authors.extend(self.author(group, member)?);
            }
        }
        Ok(page)
    }

    /// One event, of any kind.
    pub fn event(&self, group: GroupId, seq: Seq) -> Result<Option<Event>, StoreError> {
        Ok(self.events(group, Seq(seq.0.saturating_sub(1)), 1)?.pop().filter(|event| event.seq == seq))
    }

    /// Events of every kind after a number, oldest first: the log itself. Texts of deleted posts are empty.
    pub fn events(&self, group: GroupId, after: Seq, limit: usize) -> Result<Vec<Event>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut query = self.db.prepare_cached(LOG)?;
        let rows = query.query_and_then(params![group.0, signed(after.0), i64::MAX, limit], row::event)?;
        rows.collect()
    }

    /// What a decision about deleting a post needs to know of it.
    pub fn stored_post(&self, group: GroupId, seq: Seq) -> Result<Option<StoredPost>, StoreError> {
        Ok(self.event(group, seq)?.and_then(|event| match event.kind {
            EventKind::Posted(post) => {
                Some(StoredPost { author: event.actor, deleted: post.text.is_empty() })
            }
            _ => None,
        }))
    }

    /// A member, present or former.
    pub fn author(&self, group: GroupId, member: MemberId) -> Result<Option<Author>, StoreError> {
        let sql = "SELECT member, nick, identity, role, left_seq IS NOT NULL FROM member \
                   WHERE group_id = ?1 AND member = ?2";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query_and_then(params![group.0, member.0], author)?;
        rows.next().transpose()
    }

    /// Everything that SQLite finds wrong with the file; nothing if it is sound. Reads all of it.
    pub fn integrity_check(&self) -> Result<Vec<String>, StoreError> {
        let mut check = self.db.prepare("PRAGMA integrity_check")?;
        let findings = check.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        Ok(findings.into_iter().filter(|finding| finding != "ok").collect())
    }

    /// In the direction of reading.
    fn history_events(&self, group: GroupId, request: &PageRequest) -> Result<Vec<Event>, StoreError> {
        let sql = if request.after.is_some() { HISTORY_FORWARD } else { HISTORY_BACKWARD };
        let after = request.after.map_or(0, |after| signed(after.0));
        let before = request.before.map_or(i64::MAX, |before| signed(before.0));
        let mut query = self.db.prepare_cached(sql)?;
        let values = params![group.0, after, before, kind::POSTED, kind::DELETED];
        let mut events = Vec::new();
        let mut text_bytes = 0;
        for event in query.query_and_then(values, row::event)?.take(request.rows_max) {
            let event = event?;
            if let EventKind::Posted(post) = &event.kind {
                text_bytes += post.text.len();
            }
            events.push(event);
            if text_bytes > request.text_bytes_max {
                break;
            }
        }
        Ok(events)
    }

    fn head(&self, group: GroupId) -> Result<Seq, StoreError> {
        let mut query =
            self.db.prepare_cached("SELECT coalesce(max(seq), 0) FROM event WHERE group_id = ?1")?;
        Ok(Seq(unsigned(query.query_row([group.0], |row| row.get(0))?)))
    }
}

fn author(row: &Row<'_>) -> Result<Author, StoreError> {
    Ok(Author {
        member: MemberId(row.get(0)?),
        nick: row.get(1)?,
        identity: IdentityHash::of(&[&row.get::<_, [u8; 64]>(2)?]),
        role: row::role(row.get(3)?)?,
        former: row.get(4)?,
    })
}
