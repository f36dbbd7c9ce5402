//! Erasing a deleted group: at once what a start would read, and the long tables a few rows at a time, so that no other
//! group waits for it. What a crash leaves is found and erased after the next start.

use std::collections::VecDeque;

use reticulum::hash::DestinationHash;
use rusqlite::{Connection, Error, params};

use super::message_row;
use crate::group::GroupId;

/// Sequence numbers whose rows are erased at a time.
const EVENTS_AT_A_TIME: i64 = 512;
/// Members whose rows are erased at a time, in tables with many for each.
const MEMBERS_AT_A_TIME: i64 = 8;

/// Deleted groups of which something is left.
#[derive(Debug, Default)]
pub(super) struct Erasing {
    left: VecDeque<GroupId>,
}

impl Erasing {
    pub(super) fn read(db: &Connection) -> Result<Self, Error> {
        let mut query = db.prepare("SELECT group_id FROM deleted_group WHERE erased = 0")?;
        let left = query.query_map([], |row| Ok(GroupId(row.get(0)?)))?.collect::<Result<_, _>>()?;
        Ok(Self { left })
    }

    /// Deletes a group within the open transaction: nothing finds it any more.
    pub(super) fn delete(
        &mut self,
        db: &Connection,
        group: GroupId,
        delivery: DestinationHash,
    ) -> Result<(), Error> {
        db.execute("INSERT INTO deleted_group (group_id, erased) VALUES (?1, 0)", [group.0])?;
        for table in tables(db)? {
            if table.many_by.is_none() {
                db.execute(&format!("DELETE FROM \"{}\" WHERE group_id = ?1", table.name), [group.0])?;
            }
        }
        db.execute("DELETE FROM ratchet WHERE destination = ?1", [delivery.as_bytes()])?;
        db.execute("DELETE FROM terms WHERE local = ?1", [delivery.as_bytes()])?;
        self.left.push_back(group);
        Ok(())
    }

    pub(super) fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    /// Erases a few rows within the open transaction.
    pub(super) fn step(&mut self, db: &Connection) -> Result<(), Error> {
        let Some(&group) = self.left.front() else { return Ok(()) };
        let mut tables = tables(db)?;
        // The log goes last: what takes texts out of the index of words reads it.
        tables.sort_by_key(|table| table.name == "event");
        for Table { name, many_by } in tables {
            let Some(column) = many_by else { continue };
            let first = format!("SELECT min({column}) FROM \"{name}\" WHERE group_id = ?1");
            let first: Option<i64> = db.query_row(&first, [group.0], |row| row.get(0))?;
            let Some(first) = first else { continue };
            let at_a_time = if column == "member" { MEMBERS_AT_A_TIME } else { EVENTS_AT_A_TIME };
            let end = first.saturating_add(at_a_time);
            if name == "message" {
                // An edit is younger than its post, so what the post reads like is still there.
                message_row::unindex_before(db, group, end)?;
            }
            let sql = format!("DELETE FROM \"{name}\" WHERE group_id = ?1 AND {column} < ?2");
            return db.execute(&sql, params![group.0, end]).map(drop);
        }
        db.execute("UPDATE deleted_group SET erased = 1 WHERE group_id = ?1", [group.0])?;
        self.left.pop_front();
        Ok(())
    }
}

/// A table with rows of groups.
pub(super) struct Table {
    pub(super) name: String,
    /// The column by which its rows are erased a few at a time, where there can be many: the second of the primary key.
    many_by: Option<String>,
}

/// Every table that has rows of groups, so that a new one cannot be forgotten. The record of deletions is none.
pub(super) fn tables(db: &Connection) -> Result<Vec<Table>, Error> {
    let mut query = db.prepare_cached(
        "SELECT name, (SELECT name FROM pragma_table_info(sqlite_schema.name) WHERE pk = 2 AND (name IN ('seq', 'target') \
         OR name = 'member' AND EXISTS (SELECT 1 FROM pragma_table_info(sqlite_schema.name) WHERE pk = 3))) \
         FROM sqlite_schema WHERE type = 'table' AND name <> 'deleted_group' \
         AND EXISTS (SELECT 1 FROM pragma_table_info(sqlite_schema.name) WHERE name = 'group_id')",
    )?;
    query.query_map([], |row| Ok(Table { name: row.get(0)?, many_by: row.get(1)? }))?.collect()
}
