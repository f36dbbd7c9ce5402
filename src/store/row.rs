//! Events as rows of the log.

use std::borrow::Cow;
use std::sync::Arc;

use reticulum::crypto::PublicIdentity;
use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;
use rusqlite::Row;

use super::StoreError;
use super::entry;
use super::message_row;
use super::rules;
use crate::group::{
    ClaimHash, Entry, Event, EventKind, HeldBecause, MemberId, PendingId, Preference, Reaction, Role, Seq,
    Setting, Visibility,
};

/// What the column `kind` holds. Numbers are never given again.
pub(super) mod kind {
    pub(in crate::store) const CREATED: i64 = 1; // number: visibility, bytes: claim hash, text: name
    pub(in crate::store) const CLAIM_ISSUED: i64 = 2; // bytes: claim hash
    pub(in crate::store) const OWNER_CLAIMED: i64 = 3; // number: member
    pub(in crate::store) const JOINED: i64 = 4; // number: member, bytes: public keys, text: nick, note: by what right
    pub(in crate::store) const LEFT: i64 = 5; // number: member
    pub(in crate::store) const POSTED: i64 = 6; // the rest is in `message`
    pub(in crate::store) const DELETED: i64 = 7; // number: sequence number of the post, text: "clean-up" if it was one of many
    pub(in crate::store) const KICKED: i64 = 8; // number: member, note: reason
    pub(in crate::store) const BANNED: i64 = 9; // number: member, bytes: identity hash and, if it ends, when (8 bytes), text: nick, note: reason
    pub(in crate::store) const UNBANNED: i64 = 10; // number: 1 if its time was over, bytes: identity hash, and the member's number if there is one (4)
    pub(in crate::store) const RENAMED: i64 = 11; // number: member, text: nick
    pub(in crate::store) const SETTING_CHANGED: i64 = 12; // text: key, note: value
    pub(in crate::store) const JOIN_REQUESTED: i64 = 18; // number: pending number, bytes: public keys, text: nick
    pub(in crate::store) const INVITED: i64 = 13; // bytes: identity hash
    pub(in crate::store) const INVITATION_TOLD: i64 = 14; // bytes: identity hash
    pub(in crate::store) const UNINVITED: i64 = 15; // bytes: identity hash
    pub(in crate::store) const CODE_ISSUED: i64 = 16; // number: when it expires, bytes: hash (32), uses (4)
    pub(in crate::store) const CODE_REVOKED: i64 = 17; // number: sequence number of the event that issued it
    pub(in crate::store) const PREFERENCE_CHANGED: i64 = 19; // number: member, text: key, note: choice
    pub(in crate::store) const MUTED: i64 = 27; // as BANNED
    pub(in crate::store) const UNMUTED: i64 = 28; // as UNBANNED
    pub(in crate::store) const REPORTED: i64 = 29; // number: member, bytes: sequence number of the message (8), note: reason
    pub(in crate::store) const CLEANED_UP: i64 = 30; // number: how many, bytes: member (4), text: "expired" if nobody did it, note: reason
    pub(in crate::store) const ROLE_ASSIGNED: i64 = 20; // number: member, bytes: number of the role, 1 byte
    pub(in crate::store) const PERMISSIONS_CHANGED: i64 = 21; // number: member, bytes: granted, revoked, 4 bytes each
    pub(in crate::store) const ROLE_DEFINED: i64 = 22; // number: role, bytes: see `role_bytes`, text: name
    pub(in crate::store) const ROLE_DELETED: i64 = 23; // number: role, bytes: number of the fallback, 1 byte
    pub(in crate::store) const HELD: i64 = 24; // number: number in the queue, bytes: why, 1 byte; the rest is in `message`
    pub(in crate::store) const APPROVED: i64 = 25; // number: number in the queue
    pub(in crate::store) const REJECTED: i64 = 26; // number: number in the queue, note: reason
    pub(in crate::store) const DISSOLVED: i64 = 31; // nothing else
    pub(in crate::store) const EDITED: i64 = 40; // number: sequence number of the post; the rest is in `message`
    pub(in crate::store) const REACTED: i64 = 41; // number: sequence number of the post, text: reaction
    pub(in crate::store) const UNREACTED: i64 = 42; // as above
    pub(in crate::store) const PINNED: i64 = 43; // number: sequence number of the post
    pub(in crate::store) const UNPINNED: i64 = 44; // as above
}

/// What stands in `text` of a deletion that was one of many.
const IN_CLEAN_UP: &str = "clean-up";
/// What stands in `text` of a clean-up that came by itself.
pub(super) const EXPIRED: &str = "expired";

/// The columns of the log that depend on the kind.
#[derive(Debug, Default)]
pub(super) struct Columns<'a> {
    pub(super) kind: i64,
    pub(super) number: Option<i64>,
    pub(super) bytes: Option<Bytes<'a>>,
    pub(super) text: Option<&'a str>,
    pub(super) note: Option<Cow<'a, str>>,
}

/// Bytes of an event: some are at hand, public keys have to be put together.
#[derive(Debug)]
pub(super) enum Bytes<'a> {
    Borrowed(&'a [u8]),
    Keys([u8; 64]),
    Made(Vec<u8>),
}

impl AsRef<[u8]> for Bytes<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Keys(keys) => keys,
            Self::Made(bytes) => bytes,
        }
    }
}

/// How an event is laid out in the log.
pub(super) fn columns(event: &EventKind) -> Columns<'_> {
    let of_member =
        |kind, member: &MemberId| Columns { kind, number: Some(member.0.into()), ..Columns::default() };
    let of_post = |kind, target: &Seq| Columns { kind, number: Some(signed(target.0)), ..Columns::default() };
    let of_bytes = |kind, bytes| Columns { kind, bytes: Some(Bytes::Borrowed(bytes)), ..Columns::default() };
    match event {
        EventKind::Created { name, visibility, claim } => Columns {
            kind: kind::CREATED,
            number: Some(visibility_number(*visibility)),
            bytes: claim.as_ref().map(|claim| Bytes::Borrowed(&claim.0)),
            text: Some(name),
            note: None,
        },
        EventKind::ClaimIssued { claim } => of_bytes(kind::CLAIM_ISSUED, &claim.0),
        EventKind::OwnerClaimed { member } => of_member(kind::OWNER_CLAIMED, member),
        EventKind::Joined { member, identity, nick, entry } => Columns {
            note: (*entry != Entry::Asked).then(|| entry.to_string().into()),
            bytes: Some(Bytes::Keys(identity.to_bytes())),
            text: Some(nick),
            ..of_member(kind::JOINED, member)
        },
        EventKind::Left { member } => of_member(kind::LEFT, member),
        EventKind::Posted(_) => Columns { kind: kind::POSTED, ..Columns::default() },
        EventKind::Dissolved => Columns { kind: kind::DISSOLVED, ..Columns::default() },
        EventKind::Deleted { target, in_clean_up } => {
            Columns { text: in_clean_up.then_some(IN_CLEAN_UP), ..of_post(kind::DELETED, target) }
        }
        EventKind::Edited { .. }
        | EventKind::Reacted { .. }
        | EventKind::Unreacted { .. }
        | EventKind::Pinned { .. }
        | EventKind::Unpinned { .. } => changes(event),
        EventKind::Kicked { member, reason } => {
            Columns { note: Some(reason.into()), ..of_member(kind::KICKED, member) }
        }
        EventKind::Renamed { member, nick } => {
            Columns { text: Some(nick), ..of_member(kind::RENAMED, member) }
        }
        EventKind::Banned { .. }
        | EventKind::Unbanned { .. }
        | EventKind::Muted { .. }
        | EventKind::Unmuted { .. }
        | EventKind::RoleAssigned { .. }
        | EventKind::PermissionsChanged { .. }
        | EventKind::RoleDefined { .. }
        | EventKind::RoleDeleted { .. }
        | EventKind::Held { .. }
        | EventKind::Approved { .. }
        | EventKind::Rejected { .. }
        | EventKind::Reported { .. }
        | EventKind::CleanedUp { .. } => rules::columns(event),
        EventKind::JoinRequested { .. }
        | EventKind::Invited { .. }
        | EventKind::InvitationTold { .. }
        | EventKind::Uninvited { .. }
        | EventKind::CodeIssued { .. }
        | EventKind::CodeRevoked { .. } => entry::columns(event),
        EventKind::PreferenceChanged { member, preference } => Columns {
            text: Some(preference.key()),
            note: Some(preference.word().into()),
            ..of_member(kind::PREFERENCE_CHANGED, member)
        },
        EventKind::SettingChanged(setting) => Columns {
            kind: kind::SETTING_CHANGED,
            text: Some(setting.key().name()),
            note: Some(setting.value().to_string().into()),
            ..Columns::default()
        },
    }
}

/// As [`columns`], for what became of a message.
fn changes(event: &EventKind) -> Columns<'_> {
    let of_post = |kind, target: &Seq| Columns { kind, number: Some(signed(target.0)), ..Columns::default() };
    match event {
        EventKind::Edited { target, .. } => of_post(kind::EDITED, target),
        EventKind::Reacted { target, reaction } => {
            Columns { text: Some(reaction.as_str()), ..of_post(kind::REACTED, target) }
        }
        EventKind::Unreacted { target, reaction } => {
            Columns { text: Some(reaction.as_str()), ..of_post(kind::UNREACTED, target) }
        }
        EventKind::Pinned { target } => of_post(kind::PINNED, target),
        EventKind::Unpinned { target } => of_post(kind::UNPINNED, target),
        _ => Columns::default(),
    }
}

/// Reads an event out of the columns `seq, time, kind, actor, number, bytes, text, note` of the log and those of its
/// message, if it has one; see [`message_row`].
pub(super) fn event(row: &Row<'_>) -> Result<Event, StoreError> {
    let member = || row.get(4).map(MemberId);
    let text = || row.get::<_, String>(6);
    let note = || row.get::<_, String>(7);
    let target = || row.get(4).map(|seq| Seq(unsigned(seq)));
    let reaction = || Reaction::parse(&text()?).ok_or(StoreError::Corrupt("a reaction that is none"));
    let is_marked = || row.get::<_, Option<String>>(6).map(|text| text.is_some());
    let kind = match row.get(2)? {
        kind::CREATED => EventKind::Created {
            name: text()?,
            visibility: visibility(row.get(4)?)?,
            claim: row.get::<_, Option<_>>(5)?.map(ClaimHash),
        },
        kind::CLAIM_ISSUED => EventKind::ClaimIssued { claim: ClaimHash(row.get(5)?) },
        kind::OWNER_CLAIMED => EventKind::OwnerClaimed { member: member()? },
        kind::JOINED => EventKind::Joined {
            member: member()?,
            identity: identity(&row.get(5)?)?,
            nick: text()?,
            entry: entry::right(row.get(7)?)?,
        },
        kind::LEFT => EventKind::Left { member: member()? },
        kind::DISSOLVED => EventKind::Dissolved,
        kind::POSTED => EventKind::Posted(message_row::post(row)?),
        kind::DELETED => EventKind::Deleted { target: target()?, in_clean_up: is_marked()? },
        kind::EDITED => {
            let (text, mentions) = message_row::edit(row)?;
            EventKind::Edited { target: target()?, text, mentions }
        }
        kind::REACTED => EventKind::Reacted { target: target()?, reaction: reaction()? },
        kind::UNREACTED => EventKind::Unreacted { target: target()?, reaction: reaction()? },
        kind::PINNED => EventKind::Pinned { target: target()? },
        kind::UNPINNED => EventKind::Unpinned { target: target()? },
        kind::KICKED => EventKind::Kicked { member: member()?, reason: note()? },
        kind::JOIN_REQUESTED => EventKind::JoinRequested {
            number: PendingId(row.get(4)?),
            identity: identity(&row.get(5)?)?,
            nick: text()?,
        },
        kind::INVITED => EventKind::Invited { identity: IdentityHash::new(row.get(5)?) },
        kind::INVITATION_TOLD => EventKind::InvitationTold { identity: IdentityHash::new(row.get(5)?) },
        kind::UNINVITED => EventKind::Uninvited { identity: IdentityHash::new(row.get(5)?) },
        kind::CODE_ISSUED => entry::code_issued(row)?,
        kind::CODE_REVOKED => EventKind::CodeRevoked { number: Seq(unsigned(row.get(4)?)) },
        kind::BANNED | kind::MUTED => rules::restricted(row)?,
        kind::UNBANNED | kind::UNMUTED => rules::lifted(row)?,
        kind::PREFERENCE_CHANGED => {
            EventKind::PreferenceChanged { member: member()?, preference: preference(&text()?, &note()?)? }
        }
        kind::SETTING_CHANGED => EventKind::SettingChanged(setting(&text()?, &note()?)?),
        kind::RENAMED => EventKind::Renamed { member: member()?, nick: text()? },
        kind::ROLE_ASSIGNED => {
            let [number] = row.get::<_, [u8; 1]>(5)?;
            EventKind::RoleAssigned { member: member()?, role: role(number.into())? }
        }
        kind::PERMISSIONS_CHANGED => {
            let (granted, revoked) = rules::permission_changes(row.get(5)?);
            EventKind::PermissionsChanged { member: member()?, granted, revoked }
        }
        kind::ROLE_DEFINED => {
            EventKind::RoleDefined { number: row.get(4)?, role: rules::custom_role(text()?, row.get(5)?) }
        }
        kind::HELD => {
            let [why] = row.get::<_, [u8; 1]>(5)?;
            let why =
                HeldBecause::from_number(why).ok_or(StoreError::Corrupt("an unknown reason to wait"))?;
            EventKind::Held { number: PendingId(row.get(4)?), post: Box::new(message_row::post(row)?), why }
        }
        kind::REPORTED => EventKind::Reported {
            post: row.get::<_, Option<_>>(5)?.map(|seq| Seq(u64::from_be_bytes(seq))),
            member: row.get::<_, Option<_>>(4)?.map(MemberId),
            reason: note()?,
        },
        kind::CLEANED_UP => EventKind::CleanedUp {
            author: row.get::<_, Option<_>>(5)?.map(|author| MemberId(u32::from_be_bytes(author))),
            deleted: row.get(4)?,
            reason: note()?,
            expired: is_marked()?,
        },
        kind::APPROVED => EventKind::Approved { number: PendingId(row.get(4)?) },
        kind::REJECTED => EventKind::Rejected { number: PendingId(row.get(4)?), reason: note()? },
        kind::ROLE_DELETED => {
            let [fallback] = row.get::<_, [u8; 1]>(5)?;
            EventKind::RoleDeleted { number: row.get(4)?, fallback: role(fallback.into())? }
        }
        _ => return Err(StoreError::Corrupt("an event of an unknown kind")),
    };
    Ok(Event { seq: Seq(unsigned(row.get(0)?)), time: time(row.get(1)?), actor: actor(row.get(3)?), kind })
}

/// SQLite's integers are signed; what is kept here never reaches the upper half, and survives if it does.
pub(super) fn signed(number: u64) -> i64 {
    number.cast_signed()
}

/// The inverse of [`signed`].
pub(super) fn unsigned(number: i64) -> u64 {
    number.cast_unsigned()
}

pub(super) fn time(us: i64) -> UnixTime {
    UnixTime::from_micros(unsigned(us))
}

pub(super) fn actor(number: Option<u32>) -> Option<MemberId> {
    number.map(MemberId)
}

pub(super) fn identity(keys: &[u8; 64]) -> Result<Arc<PublicIdentity>, StoreError> {
    PublicIdentity::from_bytes(keys).map(Arc::new).ok_or(StoreError::Corrupt("public keys that are none"))
}

pub(super) fn preference(key: &str, word: &str) -> Result<Preference, StoreError> {
    Preference::named(key, word).map_err(|_| StoreError::Corrupt("a preference that is none"))
}

pub(super) fn setting(key: &str, value: &str) -> Result<Setting, StoreError> {
    Setting::stored(key, value).ok_or(StoreError::Corrupt("a setting that is none"))
}

pub(super) fn visibility_number(visibility: Visibility) -> i64 {
    match visibility {
        Visibility::Public => 0,
        Visibility::Private => 1,
    }
}

pub(super) fn visibility(number: i64) -> Result<Visibility, StoreError> {
    match number {
        0 => Ok(Visibility::Public),
        1 => Ok(Visibility::Private),
        _ => Err(StoreError::Corrupt("an unknown visibility")),
    }
}

pub(super) fn role_number(role: Role) -> i64 {
    role.number().into()
}

pub(super) fn role(number: i64) -> Result<Role, StoreError> {
    let role = u8::try_from(number).ok().and_then(Role::from_number);
    role.ok_or(StoreError::Corrupt("an unknown role"))
}
