//! Attachments: their list as a column of the message, and their bytes beside it, as long as there is room.

use rusqlite::{Connection, Error, OptionalExtension, params};

use super::apply::execute;
use super::row::{signed, unsigned};
use super::{Reader, StoreError};
use crate::group::{
    Attachment, AttachmentHash, AttachmentKind, Data, EventKind, GroupId, Key, Piece, PieceRequest, Post,
    Seq, Settings,
};

/// Attachments of which a group keeps the bytes; beyond that the oldest go first, as with too many bytes.
const KEPT_MAX: u64 = 16_384;

/// Added to the number of a kind where the hash follows it.
const HASHED: u8 = 16;

/// The list as it is kept with a message; `None` if there is none.
pub(super) fn column(attachments: &[Attachment]) -> Option<Vec<u8>> {
    if attachments.is_empty() {
        return None;
    }
    let mut out = Vec::new();
    for attachment in attachments {
        let hashed = if attachment.hash.is_some() { HASHED } else { 0 };
        match attachment.kind {
            AttachmentKind::File => out.push(hashed),
            AttachmentKind::Image => out.push(1 + hashed),
            AttachmentKind::Audio(mode) => {
                out.push(2 + hashed);
                out.extend_from_slice(&mode.to_be_bytes());
            }
        }
        if let Some(AttachmentHash(hash)) = &attachment.hash {
            out.extend_from_slice(hash);
        }
        out.extend_from_slice(&attachment.size.to_be_bytes());
        let len = u16::try_from(attachment.name.len()).unwrap_or(0);
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(&attachment.name.as_bytes()[..usize::from(len)]);
    }
    Some(out)
}

/// The inverse of [`column`].
pub(super) fn list(column: Option<&[u8]>) -> Result<Vec<Attachment>, StoreError> {
    let mut rest = column.unwrap_or_default();
    let mut list = Vec::new();
    while !rest.is_empty() {
        let (attachment, after) =
            one(rest).ok_or(StoreError::Corrupt("a list of attachments that is none"))?;
        list.push(attachment);
        rest = after;
    }
    Ok(list)
}

fn one(bytes: &[u8]) -> Option<(Attachment, &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let is_hashed = *kind >= HASHED;
    let (kind, rest) = match if is_hashed { kind - HASHED } else { *kind } {
        0 => (AttachmentKind::File, rest),
        1 => (AttachmentKind::Image, rest),
        2 => {
            let (mode, rest) = rest.split_first_chunk()?;
            (AttachmentKind::Audio(u64::from_be_bytes(*mode)), rest)
        }
        _ => return None,
    };
    let (hash, rest) = match rest.split_first_chunk() {
        Some((hash, rest)) if is_hashed => (Some(AttachmentHash(*hash)), rest),
        _ if is_hashed => return None,
        _ => (None, rest),
    };
    let (size, rest) = rest.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let (name, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    let name = std::str::from_utf8(name).ok()?.to_owned();
    Some((Attachment { kind, name, size: u32::from_be_bytes(*size), hash, data: Data::default() }, rest))
}

/// Keeps the bytes of a post, and erases the oldest where they are too many.
pub(super) fn insert(db: &Connection, group: GroupId, at: Seq, post: &Post) -> Result<(), Error> {
    let mut kept = false;
    for (place, attachment) in post.attachments.iter().enumerate() {
        let Data(Some(data)) = &attachment.data else { continue };
        kept = true;
        let sql = "INSERT OR REPLACE INTO attachment (group_id, seq, place, size, bytes) VALUES (?1, ?2, ?3, ?4, ?5)";
        execute(db, sql, params![group.0, signed(at.0), place as i64, data.len() as i64, &data[..]])?;
    }
    if kept { evict(db, group) } else { Ok(()) }
}

fn evict(db: &Connection, group: GroupId) -> Result<(), Error> {
    let sql = "SELECT coalesce((SELECT CAST(value AS INTEGER) FROM group_setting WHERE group_id = ?1 AND key = ?2), ?3)";
    let usual = Settings::default().attachments_mb_max;
    let values = params![group.0, Key::AttachmentsMbMax.name(), usual];
    let mb_max: u32 = db.prepare_cached(sql)?.query_row(values, |row| row.get(0))?;
    let bytes_max = u64::from(mb_max) * 1_000_000;
    let sql = "SELECT count(*), coalesce(sum(size), 0) FROM attachment WHERE group_id = ?1";
    let read = |row: &rusqlite::Row<'_>| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?)));
    let (mut count, mut bytes) = db.prepare_cached(sql)?.query_row([group.0], read)?;
    while count > 0 && (bytes > bytes_max || count > KEPT_MAX) {
        let sql = "SELECT seq, count(*), sum(size) FROM attachment WHERE group_id = ?1 GROUP BY seq ORDER BY seq LIMIT 1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, unsigned(row.get(1)?), unsigned(row.get(2)?)));
        let (oldest, pieces, size): (i64, u64, u64) = db.prepare_cached(sql)?.query_row([group.0], read)?;
        erase(db, group, Seq(unsigned(oldest)))?;
        count -= pieces;
        bytes -= size;
    }
    Ok(())
}

/// Erases the bytes of a post.
pub(super) fn erase(db: &Connection, group: GroupId, at: Seq) -> Result<(), Error> {
    execute(db, "DELETE FROM attachment WHERE group_id = ?1 AND seq = ?2", params![group.0, signed(at.0)])
}

/// What waited under a number in the queue is posted by the event `to`.
pub(super) fn let_through(db: &Connection, group: GroupId, number: u32, to: Seq) -> Result<(), Error> {
    let sql = "UPDATE attachment SET seq = ?3 WHERE group_id = ?1 \
               AND seq = (SELECT seq FROM pending WHERE group_id = ?1 AND number = ?2)";
    execute(db, sql, params![group.0, number, signed(to.0)])
}

impl Reader {
    /// The attachments of a message, with the bytes that are still kept; none if there is no such message any more.
    pub fn attached(&self, group: GroupId, at: Seq) -> Result<Vec<Attachment>, StoreError> {
        let _snapshot = self.db().unchecked_transaction()?;
        let Some(entry) = self.entry_at(group, at)? else { return Ok(Vec::new()) };
        let EventKind::Posted(mut post) = entry.event.kind else { return Ok(Vec::new()) };
        self.fill_attachments(group, at, &mut post, u64::MAX)?;
        Ok(post.attachments)
    }

    /// A piece of an attachment of a message, posted or waiting; `None` if there is no such attachment.
    pub(super) fn piece(&self, group: GroupId, request: &PieceRequest) -> Result<Option<Piece>, StoreError> {
        let Some(entry) = self.entry_at(group, request.seq)? else { return Ok(None) };
        let mut attachments = match entry.event.kind {
            EventKind::Posted(post) => post.attachments,
            EventKind::Held { post, .. } => post.attachments,
            _ => return Ok(None),
        };
        let place = usize::from(request.place);
        if place >= attachments.len() {
            return Ok(None);
        }
        let of = attachments.swap_remove(place);
        let sql =
            "SELECT substr(bytes, ?4, ?5) FROM attachment WHERE group_id = ?1 AND seq = ?2 AND place = ?3";
        let first = i64::from(request.offset) + 1;
        let values = params![group.0, signed(request.seq.0), request.place, first, request.bytes_max];
        let data = self.db().prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
        Ok(Some(Piece { of, data }))
    }

    /// Which attachments of a message are no longer kept: a bit for each place.
    pub(super) fn attachments_gone(
        &self,
        group: GroupId,
        at: Seq,
        attachments: &[Attachment],
    ) -> Result<u8, StoreError> {
        if attachments.is_empty() {
            return Ok(0);
        }
        let sql = "SELECT place FROM attachment WHERE group_id = ?1 AND seq = ?2";
        let mut query = self.db().prepare_cached(sql)?;
        let mut rows = query.query(params![group.0, signed(at.0)])?;
        let bit = |place: usize| u8::try_from(1_u32 << place.min(8)).unwrap_or(0);
        let mut gone = (0..attachments.len()).fold(0, |gone, place| gone | bit(place));
        while let Some(row) = rows.next()? {
            gone &= !bit(usize::from(row.get::<_, u8>(0)?));
        }
        Ok(gone)
    }

    /// Fills in the bytes of those attachments of a post that are still kept, up to `bytes_max` together.
    pub fn fill_attachments(
        &self,
        group: GroupId,
        at: Seq,
        post: &mut Post,
        bytes_max: u64,
    ) -> Result<(), StoreError> {
        let mut left = bytes_max;
        for (place, attachment) in post.attachments.iter_mut().enumerate() {
            let Some(rest) = left.checked_sub(attachment.size.into()) else { continue };
            let sql = "SELECT bytes FROM attachment WHERE group_id = ?1 AND seq = ?2 AND place = ?3";
            let mut query = self.db().prepare_cached(sql)?;
            let mut rows = query.query(params![group.0, signed(at.0), place as i64])?;
            let Some(row) = rows.next()? else { continue };
            let bytes = row.get_ref(0)?.as_blob().map_err(Error::from)?;
            attachment.data = Data(Some(bytes.into()));
            left = rest;
        }
        Ok(())
    }
}
