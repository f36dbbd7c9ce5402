//! The events of roles and of moderation as rows of the log.

use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;
use rusqlite::Row;

use super::StoreError;
use super::row::{self, Bytes, Columns, kind};
use crate::group::{CustomRole, EventKind, MemberId, Permissions, Rank};

/// How they are laid out in the log.
pub(super) fn columns(event: &EventKind) -> Columns<'_> {
    let of_member =
        |kind, member: &MemberId| Columns { kind, number: Some(member.0.into()), ..Columns::default() };
    match event {
        EventKind::Banned { identity, member, nick, reason, until } => {
            restriction(kind::BANNED, identity, *member, (nick, reason), *until)
        }
        EventKind::Muted { identity, member, nick, reason, until } => {
            restriction(kind::MUTED, identity, *member, (nick, reason), *until)
        }
        EventKind::Unmuted { identity, member, expired } => {
            lifting(kind::UNMUTED, identity, *member, *expired)
        }
        EventKind::Unbanned { identity, member, expired } => {
            lifting(kind::UNBANNED, identity, *member, *expired)
        }
        EventKind::RoleAssigned { member, role } => {
            let bytes = Some(Bytes::Made(vec![role.number()]));
            Columns { bytes, ..of_member(kind::ROLE_ASSIGNED, member) }
        }
        EventKind::PermissionsChanged { member, granted, revoked } => {
            let bytes = [granted.bits().to_be_bytes(), revoked.bits().to_be_bytes()].concat();
            Columns { bytes: Some(Bytes::Made(bytes)), ..of_member(kind::PERMISSIONS_CHANGED, member) }
        }
        EventKind::RoleDefined { number, role } => Columns {
            number: Some((*number).into()),
            text: Some(&role.name),
            bytes: Some(Bytes::Made(role_bytes(role))),
            ..Columns { kind: kind::ROLE_DEFINED, ..Columns::default() }
        },
        EventKind::Held { number, why, .. } => Columns {
            number: Some(number.0.into()),
            bytes: Some(Bytes::Made(vec![why.number()])),
            ..Columns { kind: kind::HELD, ..Columns::default() }
        },
        EventKind::Reported { post, member, reason } => Columns {
            kind: kind::REPORTED,
            number: member.map(|member| member.0.into()),
            bytes: post.map(|seq| Bytes::Made(seq.0.to_be_bytes().to_vec())),
            note: Some(reason.into()),
            ..Columns::default()
        },
        EventKind::CleanedUp { author, deleted, reason, expired } => Columns {
            kind: kind::CLEANED_UP,
            text: expired.then_some(row::EXPIRED),
            number: Some((*deleted).into()),
            bytes: author.map(|author| Bytes::Made(author.0.to_be_bytes().to_vec())),
            note: Some(reason.into()),
        },
        EventKind::Approved { number } => {
            Columns { kind: kind::APPROVED, number: Some(number.0.into()), ..Columns::default() }
        }
        EventKind::Rejected { number, reason } => Columns {
            kind: kind::REJECTED,
            number: Some(number.0.into()),
            note: Some(reason.into()),
            ..Columns::default()
        },
        EventKind::RoleDeleted { number, fallback } => Columns {
            number: Some((*number).into()),
            bytes: Some(Bytes::Made(vec![fallback.number()])),
            ..Columns { kind: kind::ROLE_DELETED, ..Columns::default() }
        },
        _ => Columns::default(),
    }
}

/// A ban or a mute: who, and behind that when it ends, if it does.
fn restriction<'a>(
    kind: i64,
    identity: &'a IdentityHash,
    member: Option<MemberId>,
    (nick, reason): (&'a str, &'a str),
    until: Option<UnixTime>,
) -> Columns<'a> {
    let bytes = match until {
        None => Bytes::Borrowed(identity.as_bytes()),
        Some(until) => {
            Bytes::Made([identity.as_bytes().as_slice(), &until.as_micros().to_be_bytes()].concat())
        }
    };
    let number = member.map(|member| member.0.into());
    Columns { kind, number, bytes: Some(bytes), text: Some(nick), note: Some(reason.into()) }
}

/// The end of a ban or a mute: whose and, behind that, their number if they ever had one.
fn lifting(kind: i64, identity: &IdentityHash, member: Option<MemberId>, expired: bool) -> Columns<'_> {
    let member = member.map(|member| member.0.to_be_bytes());
    let bytes = [identity.as_bytes().as_slice(), member.as_ref().map_or(&[], |number| number)].concat();
    Columns { kind, number: expired.then_some(1), bytes: Some(Bytes::Made(bytes)), ..Columns::default() }
}

/// The inverse of [`lifting`]. Logs of before numbers were kept have none.
pub(super) fn lifted(row: &Row<'_>) -> Result<EventKind, StoreError> {
    let bytes: Vec<u8> = row.get(5)?;
    let (identity, member) = identity_and_rest(&bytes)?;
    let member = member.try_into().ok().map(|number| MemberId(u32::from_be_bytes(number)));
    let expired = row.get::<_, Option<i64>>(4)?.is_some();
    Ok(match row.get(2)? {
        kind::UNMUTED => EventKind::Unmuted { identity, member, expired },
        _ => EventKind::Unbanned { identity, member, expired },
    })
}

/// The inverse of [`restriction`].
pub(super) fn restricted(row: &Row<'_>) -> Result<EventKind, StoreError> {
    let bytes: Vec<u8> = row.get(5)?;
    let (identity, until) = identity_and_rest(&bytes)?;
    let until = until.try_into().ok().map(|until| UnixTime::from_micros(u64::from_be_bytes(until)));
    let member = row.get::<_, Option<_>>(4)?.map(MemberId);
    let (nick, reason) = (row.get(6)?, row.get(7)?);
    Ok(match row.get(2)? {
        kind::MUTED => EventKind::Muted { identity, member, nick, reason, until },
        _ => EventKind::Banned { identity, member, nick, reason, until },
    })
}

fn identity_and_rest(bytes: &[u8]) -> Result<(IdentityHash, &[u8]), StoreError> {
    const NOBODY: StoreError = StoreError::Corrupt("a ban of nobody");
    let (identity, rest) = bytes.split_at_checked(16).ok_or(NOBODY)?;
    Ok((IdentityHash::from_slice(identity).ok_or(NOBODY)?, rest))
}

/// What a custom role is, beside its name: rank, 1 if it is quiet, and its permissions as 4 bytes.
pub(super) fn role_bytes(role: &CustomRole) -> Vec<u8> {
    let [a, b, c, d] = role.permissions.bits().to_be_bytes();
    vec![role.rank.0, role.quiet.into(), a, b, c, d]
}

/// The inverse of [`role_bytes`].
pub(super) fn custom_role(name: String, [rank, quiet, a, b, c, d]: [u8; 6]) -> CustomRole {
    let permissions = Permissions::from_bits(u32::from_be_bytes([a, b, c, d]));
    CustomRole { name, permissions, rank: Rank(rank), quiet: quiet != 0 }
}

pub(super) fn permission_changes([a, b, c, d, e, f, g, h]: [u8; 8]) -> (Permissions, Permissions) {
    let set = |bytes| Permissions::from_bits(u32::from_be_bytes(bytes));
    (set([a, b, c, d]), set([e, f, g, h]))
}
