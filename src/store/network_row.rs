//! What the network's side of a node keeps as rows, beside paths: used air time, and who is blackholed.

use std::time::Duration;

use reticulum::hash::IdentityHash;
use reticulum::node::{AirtimeRecord, Blackholed};
use rusqlite::{Connection, Error, Row, params};

use super::StoreError;
use super::row::{signed, time, unsigned};

/// What [`airtime`] reads.
pub(super) const SELECT_AIRTIME: &str =
    "SELECT interface, at, used, reserved FROM airtime ORDER BY interface";
/// What [`blackholed`] reads.
pub(super) const SELECT_BLACKHOLED: &str = "SELECT identity, until, reason FROM blackhole ORDER BY identity";

/// What was used longer ago counts no more: such rows go when another is written, so that interfaces which are no longer
/// configured leave nothing.
const AIRTIME_KEPT: Duration = Duration::from_secs(2 * 3600);

/// Replaces what was said of an interface.
pub(super) fn save_airtime(db: &Connection, record: &AirtimeRecord) -> Result<(), Error> {
    let AirtimeRecord { interface, at, used_us, reserved } = record;
    let used: Vec<u8> = used_us.iter().flat_map(|us| us.to_be_bytes()).collect();
    let old = signed((*at - AIRTIME_KEPT).as_micros());
    db.prepare_cached("DELETE FROM airtime WHERE at < ?1")?.execute([old])?;
    let mut replace = db.prepare_cached(
        "INSERT OR REPLACE INTO airtime (interface, at, used, reserved) VALUES (?1, ?2, ?3, ?4)",
    )?;
    replace.execute(params![interface, signed(at.as_micros()), used, reserved.as_micros() as i64])?;
    Ok(())
}

pub(super) fn airtime(row: &Row<'_>) -> Result<AirtimeRecord, StoreError> {
    let used: Vec<u8> = row.get(2)?;
    let (used, rest) = used.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(StoreError::Corrupt("air time in broken numbers"));
    }
    Ok(AirtimeRecord {
        interface: row.get(0)?,
        at: time(row.get(1)?),
        used_us: used.iter().map(|us| u32::from_be_bytes(*us)).collect(),
        reserved: Duration::from_micros(unsigned(row.get(3)?)),
    })
}

/// Replaces what was said of an identity.
pub(super) fn save_blackholed(db: &Connection, entry: &Blackholed) -> Result<(), Error> {
    let until = entry.until.map(|until| signed(until.as_micros()));
    db.execute(
        "INSERT OR REPLACE INTO blackhole (identity, until, reason) VALUES (?1, ?2, ?3)",
        params![entry.identity.as_bytes(), until, entry.reason],
    )?;
    Ok(())
}

pub(super) fn blackholed(row: &Row<'_>) -> Result<Blackholed, StoreError> {
    Ok(Blackholed {
        identity: IdentityHash::new(row.get(0)?),
        until: row.get::<_, Option<i64>>(1)?.map(time),
        reason: row.get(2)?,
    })
}
