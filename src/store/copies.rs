//! Which message of ours a member's client knows by which id: their own messages, and their copies of others'.

use rusqlite::{Connection, Error, OptionalExtension, params};

use super::StoreError;
use super::read::Reader;
use super::row::{signed, unsigned};
use crate::group::{GroupId, MemberId, MessageId, Seq};

/// Events for which a member's ids are kept; the oldest goes first. Whoever answers something older answers it in words.
const COPIES_PER_MEMBER: u64 = 512;

/// Notes the id by which a member's client knows a message, and forgets their oldest.
pub(super) fn insert(
    db: &Connection,
    group: GroupId,
    member: MemberId,
    seq: Seq,
    id: &MessageId,
) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO copy (group_id, member, seq, message_id) VALUES (?1, ?2, ?3, ?4)";
    db.prepare_cached(sql)?.execute(params![group.0, member.0, signed(seq.0), id.0])?;
    let oldest = signed(seq.0.saturating_sub(COPIES_PER_MEMBER));
    let sql = "DELETE FROM copy WHERE group_id = ?1 AND member = ?2 AND seq <= ?3";
    db.prepare_cached(sql)?.execute(params![group.0, member.0, oldest]).map(|_| ())
}

/// Notes that a member's client knows replies and reactions.
pub(super) fn insert_client(db: &Connection, group: GroupId, member: MemberId) -> Result<(), Error> {
    let sql = "INSERT OR IGNORE INTO client (group_id, member) VALUES (?1, ?2)";
    db.prepare_cached(sql)?.execute(params![group.0, member.0]).map(|_| ())
}

/// Forgets what was kept for a member who is no longer in.
pub(super) fn forget_member(db: &Connection, group: GroupId, member: MemberId) -> Result<(), Error> {
    for sql in [
        "DELETE FROM copy WHERE group_id = ?1 AND member = ?2",
        "DELETE FROM client WHERE group_id = ?1 AND member = ?2",
        "DELETE FROM gap WHERE group_id = ?1 AND member = ?2",
        "DELETE FROM outbox WHERE group_id = ?1 AND member = ?2",
    ] {
        db.prepare_cached(sql)?.execute(params![group.0, member.0])?;
    }
    Ok(())
}

impl Reader {
    /// The number of the message that a member's client knows by this id; of a copy of several, the newest post: that is the
    /// line which stands last in it, unless a reaction follows.
    pub fn message_named(
        &self,
        group: GroupId,
        member: MemberId,
        id: &MessageId,
    ) -> Result<Option<Seq>, StoreError> {
        let sql = "SELECT copy.seq FROM copy LEFT JOIN message USING (group_id, seq) \
                   WHERE copy.group_id = ?1 AND member = ?2 AND copy.message_id = ?3 \
                   ORDER BY message.seq IS NULL, copy.seq DESC LIMIT 1";
        let mut query = self.db.prepare_cached(sql)?;
        let seq: Option<i64> =
            query.query_row(params![group.0, member.0, id.0], |row| row.get(0)).optional()?;
        Ok(seq.map(|seq| Seq(unsigned(seq))))
    }

    /// The id by which a member's client knows a message.
    pub fn copy_of(
        &self,
        group: GroupId,
        member: MemberId,
        seq: Seq,
    ) -> Result<Option<MessageId>, StoreError> {
        let sql = "SELECT message_id FROM copy WHERE group_id = ?1 AND member = ?2 AND seq = ?3";
        let mut query = self.db.prepare_cached(sql)?;
        let id = query.query_row(params![group.0, member.0, signed(seq.0)], |row| row.get(0)).optional()?;
        Ok(id.map(MessageId))
    }
}
