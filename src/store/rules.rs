//! The events of roles and of moderation as rows of the log.

use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

use super::StoreError;
use super::row::{Bytes, Columns, kind};
use crate::group::{CustomRole, EventKind, MemberId, Permissions, Rank};

/// How they are laid out in the log.
pub(super) fn columns(event: &EventKind) -> Columns<'_> {
    let of_member =
        |kind, member: &MemberId| Columns { kind, number: Some(member.0.into()), ..Columns::default() };
    let of_bytes = |kind, bytes| Columns { kind, bytes: Some(Bytes::Borrowed(bytes)), ..Columns::default() };
    match event {
        EventKind::Banned { identity, member, nick, reason, until } => {
            restriction(kind::BANNED, identity, *member, (nick, reason), *until)
        }
        EventKind::Muted { identity, member, nick, reason, until } => {
            restriction(kind::MUTED, identity, *member, (nick, reason), *until)
        }
        EventKind::Unmuted { identity, expired } => {
            Columns { number: expired.then_some(1), ..of_bytes(kind::UNMUTED, identity.as_bytes()) }
        }
        EventKind::Unbanned { identity, expired } => {
            Columns { number: expired.then_some(1), ..of_bytes(kind::UNBANNED, identity.as_bytes()) }
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
        EventKind::CleanedUp { author, deleted, reason } => Columns {
            kind: kind::CLEANED_UP,
            number: Some((*deleted).into()),
            bytes: author.map(|author| Bytes::Made(author.0.to_be_bytes().to_vec())),
            note: Some(reason.into()),
            ..Columns::default()
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

/// The inverse of what [`restriction`] puts into bytes.
pub(super) fn restricted(bytes: &[u8]) -> Result<(IdentityHash, Option<UnixTime>), StoreError> {
    let (identity, until) = bytes.split_at_checked(16).ok_or(StoreError::Corrupt("a ban of nobody"))?;
    let identity = IdentityHash::from_slice(identity).ok_or(StoreError::Corrupt("a ban of nobody"))?;
    Ok((identity, until.try_into().ok().map(|until| UnixTime::from_micros(u64::from_be_bytes(until)))))
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
