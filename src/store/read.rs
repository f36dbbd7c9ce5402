//! What can be asked, in the domain's terms. A reader has a connection of its own and sees what is committed; it never
//! waits for the writer.

use std::path::Path;

use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::StoreError;
use super::row::{self, kind, signed, unsigned};
use super::schema;
use crate::group::{Event, GroupId, MemberId, MessageId, Role, Seq, StoredPost};

/// Posts with their text, and deletions, from the oldest on.
const HISTORY_FORWARD: &str = "SELECT seq, time, kind, actor, number, message.text, message_id \
     FROM event LEFT JOIN message USING (group_id, seq) \
     WHERE group_id = ?1 AND seq > ?2 AND seq < ?3 AND kind IN (?4, ?5) ORDER BY seq";
/// The same from the newest on.
const HISTORY_BACKWARD: &str = "SELECT seq, time, kind, actor, number, message.text, message_id \
     FROM event LEFT JOIN message USING (group_id, seq) \
     WHERE group_id = ?1 AND seq > ?2 AND seq < ?3 AND kind IN (?4, ?5) ORDER BY seq DESC";

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
    /// Entries at most.
    pub limit: usize,
    /// Bytes of text at most; the entry that passes the bound is the last one taken.
    pub text_bytes_max: usize,
}

/// A part of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Oldest first.
    pub entries: Vec<Entry>,
    /// Whether there are more in the direction of reading.
    pub more: bool,
    /// The newest event of any kind at the moment of reading: who has read up to the end of the page knows all up to
    /// here. The group itself may be ahead by what is not committed yet.
    pub head: Seq,
}

/// A post or a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub seq: Seq,
    /// When it happened.
    pub time: UnixTime,
    /// Who did it; `None` is the operator.
    pub author: Option<MemberId>,
    /// What it was.
    pub body: EntryBody,
}

/// What an entry of the history is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryBody {
    /// A post.
    Posted {
        /// What it says.
        text: String,
        /// The message that brought it.
        message_id: Option<MessageId>,
    },
    /// A post that was deleted since.
    Gone,
    /// The deletion of a post.
    Deleted {
        /// Its number.
        target: Seq,
    },
}

/// A member, present or former, as far as readers of old messages need them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Their number.
    pub id: MemberId,
    /// Who they are.
    pub identity: IdentityHash,
    /// Their nick, or the last one that they had.
    pub nick: String,
    /// Their role, or the last one that they had.
    pub role: Role,
    /// Whether they are no longer in.
    pub former: bool,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: schema::open_reader(path)? })
    }

    /// Posts and deletions.
    pub fn history(&self, group: GroupId, request: &PageRequest) -> Result<Page, StoreError> {
        let sql = if request.after.is_some() { HISTORY_FORWARD } else { HISTORY_BACKWARD };
        let after = request.after.map_or(0, |after| signed(after.0));
        let before = request.before.map_or(i64::MAX, |before| signed(before.0));
        // Head and rows have to be of one moment.
        let snapshot = self.db.unchecked_transaction()?;
        let mut rows = snapshot.prepare_cached(sql)?;
        let mut rows = rows.query(params![group.0, after, before, kind::POSTED, kind::DELETED])?;
        let mut page = Page { head: head(&snapshot, group)?, ..Page::default() };
        let mut text_bytes = 0;
        while let Some(row) = rows.next()? {
            if page.entries.len() >= request.limit || text_bytes > request.text_bytes_max {
                page.more = true;
                break;
            }
            let entry = entry(row)?;
            if let EntryBody::Posted { text, .. } = &entry.body {
                text_bytes += text.len();
            }
            page.entries.push(entry);
        }
        if request.after.is_none() {
            page.entries.reverse();
        }
        Ok(page)
    }

    /// One post or deletion.
    pub fn entry(&self, group: GroupId, seq: Seq) -> Result<Option<Entry>, StoreError> {
        let (after, before) = (Some(Seq(seq.0.saturating_sub(1))), Some(seq.next()));
        let request = PageRequest { after, before, limit: 1, text_bytes_max: usize::MAX };
        Ok(self.history(group, &request)?.entries.pop())
    }

    /// What a decision about deleting a post needs to know of it.
    pub fn stored_post(&self, group: GroupId, seq: Seq) -> Result<Option<StoredPost>, StoreError> {
        let sql = "SELECT actor, message.text IS NULL FROM message JOIN event USING (group_id, seq) \
                   WHERE group_id = ?1 AND seq = ?2";
        let mut query = self.db.prepare_cached(sql)?;
        let read = |row: &Row<'_>| Ok(StoredPost { author: row::actor(row.get(0)?), deleted: row.get(1)? });
        Ok(query.query_row(params![group.0, signed(seq.0)], read).optional()?)
    }

    /// A member, present or former.
    pub fn author(&self, group: GroupId, member: MemberId) -> Result<Option<Author>, StoreError> {
        let sql = "SELECT member, identity, nick, role, left_seq IS NOT NULL FROM member \
                   WHERE group_id = ?1 AND member = ?2";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query_and_then(params![group.0, member.0], author)?;
        rows.next().transpose()
    }

    /// Events of every kind after a number, oldest first: the log itself. Texts of deleted posts are empty.
    pub fn events(&self, group: GroupId, after: Seq, limit: usize) -> Result<Vec<Event>, StoreError> {
        let sql = "SELECT seq, time, kind, actor, number, bytes, event.text, note, \
                   message.text, message_id, signature, signed \
                   FROM event LEFT JOIN message USING (group_id, seq) \
                   WHERE group_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut query = self.db.prepare_cached(sql)?;
        let events = query.query_and_then(params![group.0, signed(after.0), limit], row::event)?;
        events.collect()
    }

    /// Everything that SQLite finds wrong with the file; nothing if it is sound. Reads all of it.
    pub fn integrity_check(&self) -> Result<Vec<String>, StoreError> {
        let mut check = self.db.prepare("PRAGMA integrity_check")?;
        let findings = check.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        Ok(findings.into_iter().filter(|finding| finding != "ok").collect())
    }
}

fn head(db: &Connection, group: GroupId) -> Result<Seq, StoreError> {
    let mut query = db.prepare_cached("SELECT COALESCE(MAX(seq), 0) FROM event WHERE group_id = ?1")?;
    Ok(Seq(unsigned(query.query_row(params![group.0], |row| row.get(0))?)))
}

fn entry(row: &Row<'_>) -> Result<Entry, StoreError> {
    let body = match (row.get(2)?, row.get(5)?) {
        (kind::POSTED, Some(text)) => {
            EntryBody::Posted { text, message_id: row.get::<_, Option<_>>(6)?.map(MessageId) }
        }
        (kind::POSTED, None) => EntryBody::Gone,
        _ => EntryBody::Deleted { target: Seq(unsigned(row.get(4)?)) },
    };
    let author = row::actor(row.get(3)?);
    Ok(Entry { seq: Seq(unsigned(row.get(0)?)), time: row::time(row.get(1)?), author, body })
}

fn author(row: &Row<'_>) -> Result<Author, StoreError> {
    Ok(Author {
        id: MemberId(row.get(0)?),
        identity: IdentityHash::of(&[&row.get::<_, [u8; 64]>(1)?]),
        nick: row.get(2)?,
        role: row::role(row.get(3)?)?,
        former: row.get(4)?,
    })
}
