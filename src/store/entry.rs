//! Invitations and invite codes in the store: written as events come, read at a start. Equals
//! [`crate::group::Invitations`].

use reticulum::hash::IdentityHash;
use rusqlite::{Connection, Error, OptionalExtension, Row, params};

use super::StoreError;
use super::apply::execute;
use super::row::{self, Bytes, Columns, kind, signed, unsigned};
use crate::group::{CodeHash, Entry, Event, EventKind, GroupId, Invitation, Invitations, IssuedCode, Seq};

/// How the events about them are laid out in the log.
pub(super) fn columns(event: &EventKind) -> Columns<'_> {
    let of_bytes = |kind, bytes| Columns { kind, bytes: Some(Bytes::Borrowed(bytes)), ..Columns::default() };
    match event {
        EventKind::JoinRequested { number, identity, nick } => Columns {
            number: Some(number.0.into()),
            bytes: Some(Bytes::Keys(identity.to_bytes())),
            text: Some(nick),
            ..Columns { kind: kind::JOIN_REQUESTED, ..Columns::default() }
        },
        EventKind::Invited { identity } => of_bytes(kind::INVITED, identity.as_bytes()),
        EventKind::InvitationTold { identity } => of_bytes(kind::INVITATION_TOLD, identity.as_bytes()),
        EventKind::Uninvited { identity } => of_bytes(kind::UNINVITED, identity.as_bytes()),
        EventKind::CodeIssued { hash, expires, uses } => Columns {
            kind: kind::CODE_ISSUED,
            number: expires.map(|expires| signed(expires.as_micros())),
            bytes: Some(Bytes::Made([&hash.0[..], &uses.to_be_bytes()].concat())),
            ..Columns::default()
        },
        EventKind::CodeRevoked { number } => {
            Columns { kind: kind::CODE_REVOKED, number: Some(signed(number.0)), ..Columns::default() }
        }
        _ => Columns::default(),
    }
}

/// Logs that were written before one could be invited say nothing.
pub(super) fn right(note: Option<String>) -> Result<Entry, StoreError> {
    let parsed = note.map_or(Ok(Entry::Asked), |note| note.parse());
    parsed.map_err(|_| StoreError::Corrupt("an unknown right to join"))
}

pub(super) fn code_issued(row: &Row<'_>) -> Result<EventKind, StoreError> {
    let bytes: [u8; 36] = row.get(5)?;
    let (hash, uses) = bytes.split_first_chunk::<32>().ok_or(MALFORMED)?;
    let uses = uses.try_into().map(u32::from_be_bytes).map_err(|_| MALFORMED)?;
    let expires = row.get::<_, Option<_>>(4)?.map(row::time);
    Ok(EventKind::CodeIssued { hash: CodeHash(*hash), expires, uses })
}

const MALFORMED: StoreError = StoreError::Corrupt("an invite code of a wrong length");

/// Lets an event about them take effect.
pub(super) fn project(db: &Connection, group: GroupId, event: &Event) -> Result<(), Error> {
    let by = event.actor.map(|actor| actor.0);
    match &event.kind {
        EventKind::Invited { identity } => execute(
            db,
            "INSERT OR REPLACE INTO invitation (group_id, identity, by, since, told) VALUES (?1, ?2, ?3, ?4, 0)",
            params![group.0, identity.as_bytes(), by, signed(event.time.as_micros())],
        ),
        EventKind::InvitationTold { identity } => {
            let sql = "UPDATE invitation SET told = 1 WHERE group_id = ?1 AND identity = ?2";
            execute(db, sql, params![group.0, identity.as_bytes()])
        }
        EventKind::Uninvited { identity } => uninvite(db, group, *identity),
        EventKind::CodeIssued { hash, expires, uses } => execute(
            db,
            "INSERT INTO invite_code (group_id, number, hash, by, expires, uses_left) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                group.0,
                signed(event.seq.0),
                hash.0,
                by,
                expires.map(|expires| signed(expires.as_micros())),
                uses
            ],
        ),
        EventKind::CodeRevoked { number } => {
            let sql = "DELETE FROM invite_code WHERE group_id = ?1 AND number = ?2";
            execute(db, sql, params![group.0, signed(number.0)])
        }
        _ => Ok(()),
    }
}

/// Uses up what somebody came in with. Returns the number of the member who invited them.
pub(super) fn take(
    db: &Connection,
    group: GroupId,
    identity: IdentityHash,
    entry: Entry,
) -> Result<Option<u32>, Error> {
    let by = match entry {
        Entry::Code(number) => {
            let code = params![group.0, signed(number.0)];
            let sql = "UPDATE invite_code SET uses_left = max(uses_left - 1, 0) WHERE group_id = ?1 AND number = ?2";
            execute(db, sql, code)?;
            let sql = "SELECT by FROM invite_code WHERE group_id = ?1 AND number = ?2";
            db.prepare_cached(sql)?.query_row(code, |row| row.get(0)).optional()?.flatten()
        }
        Entry::Invited => {
            let sql = "SELECT by FROM invitation WHERE group_id = ?1 AND identity = ?2";
            let invitation = params![group.0, identity.as_bytes()];
            db.prepare_cached(sql)?.query_row(invitation, |row| row.get(0)).optional()?.flatten()
        }
        Entry::Asked | Entry::Approved => None,
    };
    uninvite(db, group, identity)?;
    Ok(by)
}

/// All of them, as a start needs them.
pub(super) fn restore(db: &Connection, group: GroupId) -> Result<Invitations, StoreError> {
    let mut people = db.prepare("SELECT identity, by, since, told FROM invitation WHERE group_id = ?1")?;
    let people = people.query_and_then([group.0], invitation)?.collect::<Result<_, _>>()?;
    let mut codes =
        db.prepare("SELECT number, hash, by, expires, uses_left FROM invite_code WHERE group_id = ?1")?;
    let codes = codes.query_and_then([group.0], code)?.collect::<Result<_, _>>()?;
    Ok(Invitations { people, codes })
}

fn uninvite(db: &Connection, group: GroupId, identity: IdentityHash) -> Result<(), Error> {
    let sql = "DELETE FROM invitation WHERE group_id = ?1 AND identity = ?2";
    execute(db, sql, params![group.0, identity.as_bytes()])
}

fn invitation(row: &Row<'_>) -> Result<(IdentityHash, Invitation), StoreError> {
    let invitation =
        Invitation { by: row::actor(row.get(1)?), since: row::time(row.get(2)?), told: row.get(3)? };
    Ok((IdentityHash::new(row.get(0)?), invitation))
}

fn code(row: &Row<'_>) -> Result<(Seq, IssuedCode), StoreError> {
    let code = IssuedCode {
        hash: CodeHash(row.get(1)?),
        by: row::actor(row.get(2)?),
        expires: row.get::<_, Option<_>>(3)?.map(row::time),
        uses_left: row.get(4)?,
    };
    Ok((Seq(unsigned(row.get(0)?)), code))
}
