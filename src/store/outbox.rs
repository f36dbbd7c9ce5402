//! Copies that were sent and not proven, as far as the log does not tell what they say: what is sent again is to be the same
//! message, also after a restart. In the ordinary case there is none.

use reticulum::time::UnixTime;
use rusqlite::{Connection, Error, Row, params};

use super::apply::execute;
use super::read::Reader;
use super::row::{self, signed, unsigned};
use super::{StoreError, copies};
use crate::group::delivery::{Fixed, StoredCopy, Tried, Why};
use crate::group::{Attachment, GroupId, MemberId, MessageId, Seq};

/// A copy as it was written down before it left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenCopy {
    /// The posts that it holds, oldest first; those between the first and the last that are not among them were passed over.
    pub parts: Vec<Seq>,
    /// The time of the message.
    pub time: UnixTime,
    /// Its text.
    pub content: String,
    /// Its fields, packed, without attachments; `None` if there are none.
    pub fields: Option<Vec<u8>>,
    /// Whether all attachments of the last post go along.
    pub attached: bool,
}

/// A copy that was written down, with the attachments that go along.
#[derive(Clone, Debug)]
pub struct ReadCopy {
    /// What was written.
    pub copy: WrittenCopy,
    /// None, or all of the last post, with those bytes that are kept still.
    pub attachments: Vec<Attachment>,
}

/// Writes a copy down, in place of what was before.
pub(super) fn insert(
    db: &Connection,
    group: GroupId,
    member: MemberId,
    fixed: Fixed,
    copy: &WrittenCopy,
) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO outbox (group_id, member, last, first, content, time, fields, attached, parts, stored) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)";
    let parts: Vec<u8> = copy.parts.iter().flat_map(|seq| seq.0.to_be_bytes()).collect();
    let values = params![
        group.0,
        member.0,
        signed(fixed.last.0),
        signed(fixed.first.0),
        copy.content,
        signed(copy.time.as_micros()),
        copy.fields,
        copy.attached,
        (copy.parts != [fixed.last]).then_some(parts),
    ];
    execute(db, sql, values)
}

/// Notes that a copy was sent in vain.
pub(super) fn tried(db: &Connection, group: GroupId, tried: &Tried) -> Result<(), Error> {
    let (why, cost) = why_numbers(tried.why);
    let sql = "INSERT INTO outbox (group_id, member, last, first, stored, why, cost) VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6) \
               ON CONFLICT (group_id, member, last) DO UPDATE SET why = excluded.why, cost = excluded.cost";
    let Fixed { first, last, .. } = tried.copy;
    execute(db, sql, params![group.0, tried.member.0, signed(last.0), signed(first.0), why, cost])
}

/// A member knows a copy by this id; it is written for each post that the copy holds. What was written down of it goes,
/// unless it is to be sent once more.
pub(super) fn settle(
    db: &Connection,
    group: GroupId,
    member: MemberId,
    last: Seq,
    id: Option<&MessageId>,
    stored: bool,
) -> Result<(), Error> {
    let at = params![group.0, member.0, signed(last.0)];
    let sql = "SELECT parts FROM outbox WHERE group_id = ?1 AND member = ?2 AND last = ?3";
    let mut query = db.prepare_cached(sql)?;
    let mut rows = query.query(at)?;
    let parts = rows.next()?.map(|row| row.get::<_, Option<Vec<u8>>>(0)).transpose()?.flatten();
    drop(rows);
    for part in numbers(parts.as_deref().unwrap_or_default()) {
        id.map_or(Ok(()), |id| copies::insert(db, group, member, part, id))?;
    }
    if stored {
        let sql = "UPDATE outbox SET stored = 1 WHERE group_id = ?1 AND member = ?2 AND last = ?3";
        execute(db, sql, at)?;
    }
    // Those before it were given up.
    let sql = "DELETE FROM outbox WHERE group_id = ?1 AND member = ?2 AND last <= ?3 AND stored = 0";
    execute(db, sql, at)
}

/// A copy on a propagation node need not be sent again.
pub(super) fn forget(db: &Connection, group: GroupId, member: MemberId, last: Seq) -> Result<(), Error> {
    let sql = "DELETE FROM outbox WHERE group_id = ?1 AND member = ?2 AND last = ?3";
    execute(db, sql, params![group.0, member.0, signed(last.0)])
}

/// A text is deleted: no copy may say it any more.
pub(super) fn withdraw(db: &Connection, group: GroupId, seq: Seq) -> Result<(), Error> {
    let sql = "DELETE FROM outbox WHERE group_id = ?1 AND last >= ?2 AND first <= ?2";
    execute(db, sql, params![group.0, signed(seq.0)])
}

/// What a start knows of copies without a proof.
pub(super) type Saved = (Vec<(MemberId, Fixed, Option<Why>)>, Vec<StoredCopy>);

/// Reads what a start needs.
pub(super) fn restore(db: &Connection, group: GroupId) -> Result<Saved, StoreError> {
    let sql = "SELECT member, first, last, content IS NOT NULL, why, cost FROM outbox WHERE group_id = ?1 AND stored = 0";
    let mut query = db.prepare(sql)?;
    let tried = query.query_and_then([group.0], |row| {
        let why = row.get::<_, Option<i64>>(4)?;
        Ok((MemberId(row.get(0)?), fixed(row)?, why.map(|why| read_why(why, row.get(5))).transpose()?))
    })?;
    let tried = tried.collect::<Result<_, StoreError>>()?;
    let sql = "SELECT gap.member, coalesce(outbox.first, gap.last), gap.last, outbox.content IS NOT NULL, event.time FROM gap \
               JOIN event ON event.group_id = gap.group_id AND event.seq = gap.last LEFT JOIN outbox \
               ON outbox.group_id = gap.group_id AND outbox.member = gap.member AND outbox.last = gap.last \
               WHERE gap.group_id = ?1 AND gap.fate = 1 ORDER BY gap.member, gap.last";
    let mut query = db.prepare(sql)?;
    let stored = query.query_and_then([group.0], |row| {
        Ok(StoredCopy { member: MemberId(row.get(0)?), copy: fixed(row)?, time: row::time(row.get(4)?) })
    })?;
    Ok((tried, stored.collect::<Result<_, StoreError>>()?))
}

impl Reader {
    /// A copy that was written down, if it is there still.
    pub fn written(
        &self,
        group: GroupId,
        member: MemberId,
        last: Seq,
    ) -> Result<Option<ReadCopy>, StoreError> {
        let sql = "SELECT content, time, fields, attached, parts FROM outbox \
                   WHERE group_id = ?1 AND member = ?2 AND last = ?3 AND content IS NOT NULL";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query(params![group.0, member.0, signed(last.0)])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let parts: Option<Vec<u8>> = row.get(4)?;
        let copy = WrittenCopy {
            parts: parts.map_or(vec![last], |parts| numbers(&parts).collect()),
            time: row::time(row.get(1)?),
            content: row.get(0)?,
            fields: row.get(2)?,
            attached: row.get(3)?,
        };
        drop(rows);
        let attachments = if copy.attached { self.attached(group, last)? } else { Vec::new() };
        Ok(Some(ReadCopy { copy, attachments }))
    }
}

fn fixed(row: &Row<'_>) -> Result<Fixed, Error> {
    Ok(Fixed { first: Seq(unsigned(row.get(1)?)), last: Seq(unsigned(row.get(2)?)), written: row.get(3)? })
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = Seq> {
    let (chunks, _) = bytes.as_chunks::<8>();
    chunks.iter().map(|chunk| Seq(u64::from_be_bytes(*chunk)))
}

fn why_numbers(why: Why) -> (i64, Option<u8>) {
    match why {
        Why::NoPath => (1, None),
        Why::NoAnswer => (2, None),
        Why::TooDear { cost } => (3, Some(cost)),
        Why::NoBudget => (4, None),
        Why::Busy => (5, None),
        Why::NoNode => (6, None),
    }
}

fn read_why(number: i64, cost: Result<Option<u8>, Error>) -> Result<Why, StoreError> {
    Ok(match number {
        1 => Why::NoPath,
        2 => Why::NoAnswer,
        3 => Why::TooDear { cost: cost?.unwrap_or_default() },
        4 => Why::NoBudget,
        5 => Why::Busy,
        6 => Why::NoNode,
        _ => return Err(StoreError::Corrupt("an unknown reason of a failed delivery")),
    })
}
