//! What can be asked, in the domain's terms. A reader has a connection of its own and sees what is committed; it never
//! waits for the writer. What somebody reads of the history stands in `history.rs`.

use std::path::Path;
use std::sync::LazyLock;

use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;
use rusqlite::{Connection, Row, params};

use super::StoreError;
use super::message_row::COLUMNS;
use super::row::{self, kind, signed, unsigned};
use super::schema;
use crate::group::{ACTS_MAX, ActsRequest, Author, CLEAN_UP_MAX, CleanUp, Event, GroupId, MemberId, Seq};

/// A reading connection. Every query that can be long takes a limit.
#[derive(Debug)]
pub struct Reader {
    pub(super) db: Connection,
}

/// Events with their messages, in the columns that [`row::event`] reads.
fn select_events(rest: &str) -> String {
    format!(
        "SELECT seq, time, kind, actor, number, bytes, event.text, note, {COLUMNS}, signature, signed \
         FROM event LEFT JOIN message USING (group_id, seq) WHERE group_id = ?1 {rest}"
    )
}

/// The log itself.
static LOG: LazyLock<String> = LazyLock::new(|| select_events("AND seq > ?2 ORDER BY seq LIMIT ?3"));
/// The log from its end.
pub(super) static NEWEST: LazyLock<String> = LazyLock::new(|| select_events("ORDER BY seq DESC LIMIT ?2"));
/// The events by which everything came that waits for somebody who may decide.
pub(super) static WAITING: LazyLock<String> = LazyLock::new(|| {
    select_events("AND seq IN (SELECT seq FROM pending WHERE pending.group_id = ?1) ORDER BY seq")
});

/// Acts, the newest first or the oldest first.
static ACTS: LazyLock<[String; 2]> = LazyLock::new(|| {
    ["DESC", ""].map(|order| {
        select_events(&format!(
            "AND seq IN (SELECT seq FROM audit WHERE audit.group_id = ?1 AND audit.seq > ?2 AND audit.seq < ?3 \
             ORDER BY seq {order} LIMIT ?4) ORDER BY seq {order}"
        ))
    })
});

impl Reader {
    pub(super) fn db(&self) -> &Connection {
        &self.db
    }

    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: schema::open_reader(path)? })
    }

    /// A part of the audit log: backwards from the newest or, with `after`, forwards.
    pub(super) fn acts(&self, group: GroupId, request: &ActsRequest) -> Result<Vec<Event>, StoreError> {
        let after = request.after.map_or(0, |after| signed(after.0));
        let before = request.before.map_or(i64::MAX, |before| signed(before.0));
        let limit = i64::try_from(request.acts_max.min(ACTS_MAX + 1)).unwrap_or(i64::MAX);
        let mut query = self.db.prepare_cached(&ACTS[usize::from(request.after.is_some())])?;
        query.query_and_then(params![group.0, after, before, limit], row::event)?.collect()
    }

    /// The messages that a clean-up is about, oldest first: number and author.
    pub(super) fn matching(
        &self,
        group: GroupId,
        what: &CleanUp,
    ) -> Result<Vec<(Seq, Option<MemberId>)>, StoreError> {
        let sql = "SELECT event.seq, actor FROM event JOIN message USING (group_id, seq) \
                   WHERE group_id = ?1 AND kind = ?2 AND message.text IS NOT NULL \
                   AND (?3 IS NULL OR actor = ?3) AND (?4 IS NULL OR time < ?4) AND (?5 IS NULL OR time >= ?5) \
                   AND (?6 IS NULL OR octet_length(message.text) >= ?6) AND event.seq > ?8 \
                   ORDER BY event.seq LIMIT ?7";
        let time = |time: Option<UnixTime>| time.map(|time| signed(time.as_micros()));
        let values = params![
            group.0,
            kind::POSTED,
            what.author.map(|author| author.0),
            time(what.before),
            time(what.since),
            what.bytes_min,
            what.oldest.map_or(CLEAN_UP_MAX as i64 + 1, i64::from).min(CLEAN_UP_MAX as i64 + 1),
            what.after.map_or(0, |after| signed(after.0)),
        ];
        let mut query = self.db.prepare_cached(sql)?;
        let rows =
            query.query_and_then(values, |row| Ok((Seq(unsigned(row.get(0)?)), row::actor(row.get(1)?))))?;
        rows.collect()
    }

    /// One event, of any kind.
    pub fn event(&self, group: GroupId, seq: Seq) -> Result<Option<Event>, StoreError> {
        Ok(self.events(group, Seq(seq.0.saturating_sub(1)), 1)?.pop().filter(|event| event.seq == seq))
    }

    /// Events of every kind after a number, oldest first: the log itself. Texts of deleted posts are empty.
    pub fn events(&self, group: GroupId, after: Seq, limit: usize) -> Result<Vec<Event>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut query = self.db.prepare_cached(&LOG)?;
        let rows = query.query_and_then(params![group.0, signed(after.0), limit], row::event)?;
        rows.collect()
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
