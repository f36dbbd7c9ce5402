//! How far members have read, and what messages said before they were edited.

use rusqlite::{Connection, Error, OptionalExtension, params};

use super::StoreError;
use super::message_row::audience;
use super::read::Reader;
use super::row::{self, kind, signed, unsigned};
use crate::group::{EarlierText, GroupId, MemberId, Reading, ReadingRequest, Seq, TEXTS_MAX, UNREAD_MAX};

/// Moves a mark forward.
pub(super) fn mark(db: &Connection, group: GroupId, member: MemberId, seq: Seq) -> Result<(), Error> {
    let sql = "INSERT INTO read_mark (group_id, member, seq) VALUES (?1, ?2, ?3) \
               ON CONFLICT (group_id, member) DO UPDATE SET seq = max(seq, excluded.seq)";
    db.prepare_cached(sql)?.execute(params![group.0, member.0, signed(seq.0)]).map(|_| ())
}

impl Reader {
    /// How far somebody has read, and what that leaves.
    pub(super) fn reading(&self, group: GroupId, request: &ReadingRequest) -> Result<Reading, StoreError> {
        let member = request.viewer.member.unwrap_or_default();
        let sql = "SELECT seq FROM read_mark WHERE group_id = ?1 AND member = ?2";
        let mut query = self.db.prepare_cached(sql)?;
        let stored: Option<i64> = query.query_row(params![group.0, member.0], |row| row.get(0)).optional()?;
        let through = request.at_least.max(stored.map_or(Seq(0), |seq| Seq(unsigned(seq))));
        let sql = "SELECT actor, audience FROM message JOIN event USING (group_id, seq) \
                   WHERE group_id = ?1 AND seq > ?2 AND kind = ?3 AND message.text IS NOT NULL ORDER BY seq";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query(params![group.0, signed(through.0), kind::POSTED])?;
        let mut unread = 0;
        while let (true, Some(row)) = (unread < UNREAD_MAX, rows.next()?) {
            let author = row::actor(row.get(0)?);
            let bytes = row.get_ref(1)?.as_blob_or_null().map_err(Error::from)?;
            let of_others = author != request.viewer.member || author.is_none();
            unread += u32::from(of_others && request.viewer.sees(author, &audience(bytes)?));
        }
        Ok(Reading { through, unread })
    }

    /// What a message ever said, the oldest first.
    pub(super) fn texts(&self, group: GroupId, seq: Seq) -> Result<Vec<EarlierText>, StoreError> {
        let sql = "SELECT seq, time, actor, message.text FROM message JOIN event USING (group_id, seq) \
                   WHERE group_id = ?1 AND (seq = ?2 OR edits = ?2) AND message.text IS NOT NULL \
                   ORDER BY seq DESC LIMIT ?3";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map(params![group.0, signed(seq.0), TEXTS_MAX as i64], |row| {
            Ok(EarlierText {
                seq: Seq(unsigned(row.get(0)?)),
                time: row::time(row.get(1)?),
                actor: row::actor(row.get(2)?),
                text: row.get(3)?,
            })
        })?;
        let mut texts = rows.collect::<Result<Vec<_>, _>>()?;
        texts.reverse();
        Ok(texts)
    }
}
