//! Whether a store is what it should be: the file is sound, and the tables that are made of the log are what the log gives.
//!
//! The log is replayed into an empty database by the code that writes, and every table is compared row by row; besides,
//! the state of each group that a start would read has to be the fold of its events. It reads one moment, also while a
//! node writes, and changes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::apply::Ledger;
use super::read::Reader;
use super::{DATABASE_FILE, StoreError, Write, restore, schema};
use crate::group::{GroupId, Seq, State};

/// Events that are replayed at a time.
const EVENTS_AT_A_TIME: usize = 1_000;
/// Findings that are told of one table; who has more has enough.
const FINDINGS_MAX: usize = 5;

/// The tables that are made of the log and of nothing else.
const PROJECTIONS: [&str; 14] = [
    "group",
    "group_setting",
    "message",
    "member",
    "ban",
    "mute",
    "role",
    "pending",
    "preference",
    "reaction",
    "pin",
    "audit",
    "invitation",
    "invite_code",
];

/// What a check looked at, and what it found to be wrong.
#[derive(Debug, Default)]
pub struct Checked {
    /// Groups whose log was replayed.
    pub groups: usize,
    /// Events that were replayed.
    pub events: u64,
    /// How many there are of each kind, by [`EventKind::name`](crate::group::EventKind::name).
    pub kinds: BTreeMap<&'static str, u64>,
    /// What is wrong, a line each; nothing if all is well.
    pub findings: Vec<String>,
}

/// Checks the store in a data folder, whether or not a node runs on it.
pub fn check(folder: &Path) -> Result<Checked, StoreError> {
    let kept = Reader::open(&folder.join(DATABASE_FILE))?;
    let mut checked = Checked { findings: kept.integrity_check()?, ..Checked::default() };
    let version: u32 = kept.db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version != schema::VERSION {
        checked.findings.push(format!(
            "the schema is {version}; start the node once, to bring it to {}",
            schema::VERSION
        ));
        return Ok(checked);
    }
    // One moment for all that follows.
    kept.db.execute_batch("BEGIN")?;
    // A file of its own in the folder for temporary files, where it does not fit into memory.
    let mut replayed = Connection::open("")?;
    schema::migrate_scratch(&mut replayed)?;
    let mut query = kept.db.prepare("SELECT group_id FROM \"group\" ORDER BY group_id")?;
    let groups = query.query_map([], |row| Ok(GroupId(row.get(0)?)))?.collect::<Result<Vec<_>, _>>()?;
    checked.groups = groups.len();
    replayed.execute_batch("BEGIN")?;
    for group in groups {
        let state = replay(&kept, &replayed, group, &mut checked.kinds)?;
        checked.events += state.head.0;
        if restore::state(&kept.db, group)? != state {
            checked
                .findings
                .push(format!("group {}: a start would read another state than the log gives", group.0));
        }
        for table in PROJECTIONS {
            let sql = format!("SELECT * FROM \"{table}\" WHERE group_id = ?1");
            compare(&kept.db, &replayed, table, &sql, params![group.0], &mut checked.findings)?;
        }
        let first = super::message_row::search_row(group, Seq(0));
        let sql = "SELECT id, sz FROM search_docsize WHERE id >= ?1 AND id < ?1 + (1 << 40)";
        compare(&kept.db, &replayed, "search", sql, params![first], &mut checked.findings)?;
    }
    Ok(checked)
}

/// Writes what the log says into an empty database. Returns the fold of the log.
fn replay(
    kept: &Reader,
    replayed: &Connection,
    group: GroupId,
    kinds: &mut BTreeMap<&'static str, u64>,
) -> Result<State, StoreError> {
    let (mut state, mut ledger) = (State::default(), Ledger::read(replayed)?);
    loop {
        let events = kept.events(group, state.head, EVENTS_AT_A_TIME)?;
        if events.is_empty() {
            break;
        }
        for event in &events {
            if event.seq != state.head.next() {
                return Err(StoreError::Corrupt("a log with a gap"));
            }
            state.apply(event);
            *kinds.entry(event.kind.name()).or_default() += 1;
        }
        ledger.apply(replayed, &Write::Decision { group, events, seen: None })?;
    }
    ledger.finish(replayed)?;
    Ok(state)
}

/// Compares what both databases answer, row by row, in an order that says which row is missing.
fn compare(
    kept: &Connection,
    replayed: &Connection,
    table: &str,
    sql: &str,
    values: &[&dyn rusqlite::ToSql],
    findings: &mut Vec<String>,
) -> Result<(), StoreError> {
    let columns = kept.prepare(sql)?.column_count();
    let order = (1..=columns).map(|column| column.to_string()).collect::<Vec<_>>().join(", ");
    let sql = format!("{sql} ORDER BY {order}");
    let (mut kept, mut replayed) = (kept.prepare(&sql)?, replayed.prepare(&sql)?);
    let (mut kept, mut replayed) = (kept.query(values)?, replayed.query(values)?);
    let mut told = 0;
    loop {
        let is = row(kept.next()?, columns)?;
        let should = row(replayed.next()?, columns)?;
        if is.is_none() && should.is_none() {
            return Ok(());
        }
        if is != should {
            findings.push(format!("{table}: holds {}, the log gives {}", shown(&is), shown(&should)));
            told += 1;
            if told == FINDINGS_MAX {
                return Ok(());
            }
        }
    }
}

fn row(row: Option<&rusqlite::Row<'_>>, columns: usize) -> Result<Option<Vec<Value>>, StoreError> {
    let Some(row) = row else { return Ok(None) };
    Ok(Some((0..columns).map(|column| row.get(column)).collect::<Result<_, _>>()?))
}

/// The numbers of a row, by which it is found. Texts are nobody's business here.
fn shown(row: &Option<Vec<Value>>) -> String {
    let Some(row) = row else { return "nothing".to_owned() };
    let each = row.iter().map(|value| match value {
        Value::Integer(number) => number.to_string(),
        Value::Null => "-".to_owned(),
        Value::Real(_) | Value::Text(_) | Value::Blob(_) => "..".to_owned(),
    });
    format!("({})", each.collect::<Vec<_>>().join(" "))
}
