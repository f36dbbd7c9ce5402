//! The saved paths of a node that forwards for others, as rows.
//!
//! How much is written, and how often: `docs/transport.md`.

use reticulum::hash::{DestinationHash, IdentityHash};
use reticulum::node::{PathRecord, Place};
use rusqlite::{Connection, Error, Row, params};

use super::StoreError;
use super::row::{signed, time};

const INTERFACE: u8 = 0;
const TUNNEL: u8 = 1;

/// What [`path`] reads.
pub(super) const SELECT: &str =
    "SELECT destination, place, hops, next_hop, used, expires, blobs, announce FROM path";

/// Writes a piece of a round; the first replaces the round before.
pub(super) fn save(db: &Connection, first: bool, records: &[PathRecord]) -> Result<(), Error> {
    if first {
        db.execute("DELETE FROM path", [])?;
    }
    let mut insert = db.prepare_cached(
        "INSERT OR REPLACE INTO path (destination, place, hops, next_hop, used, expires, blobs, announce) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for record in records {
        let place = match &record.place {
            Place::Interface(hash) => [&[INTERFACE][..], hash].concat(),
            Place::Tunnel(id) => [&[TUNNEL][..], id].concat(),
        };
        insert.execute(params![
            record.destination.as_bytes(),
            place,
            record.hops,
            record.next_hop.as_ref().map(IdentityHash::as_bytes),
            signed(record.used.as_micros()),
            signed(record.expires.as_micros()),
            record.blobs.as_flattened(),
            record.announce,
        ])?;
    }
    Ok(())
}

pub(super) fn path(row: &Row<'_>) -> Result<PathRecord, StoreError> {
    let place: Vec<u8> = row.get(1)?;
    let place = match place.split_first_chunk::<1>() {
        Some(([INTERFACE], hash)) => hash.try_into().map(Place::Interface),
        Some(([TUNNEL], id)) => id.try_into().map(Place::Tunnel),
        _ => return Err(StoreError::Corrupt("a path that leads nowhere")),
    };
    let blobs: Vec<u8> = row.get(6)?;
    let (blobs, rest) = blobs.as_chunks::<10>();
    if !rest.is_empty() {
        return Err(StoreError::Corrupt("a path with broken blobs"));
    }
    Ok(PathRecord {
        destination: DestinationHash::new(row.get(0)?),
        place: place.map_err(|_| StoreError::Corrupt("a path that leads nowhere"))?,
        hops: row.get(2)?,
        next_hop: row.get::<_, Option<[u8; 16]>>(3)?.map(IdentityHash::new),
        used: time(row.get(4)?),
        expires: time(row.get(5)?),
        blobs: blobs.to_vec(),
        announce: row.get(7)?,
    })
}

/// Its size in the table, roughly.
pub(super) fn weight(record: &PathRecord) -> usize {
    128 + 10 * record.blobs.len() + record.announce.len()
}
