//! What a start needs, read from the projections: its cost depends on members and peers, not on the length of the log.

use std::sync::Arc;

use lxmf::propagation::node::PeerRecord as MailPeer;
use lxmf::router::{Offer, Terms};
use lxmf::ticket::Ticket;
use reticulum::crypto::{PublicIdentity, RatchetSecret};
use reticulum::hash::{DestinationHash, IdentityHash};
use reticulum::node::{AirtimeRecord, Blackholed, PathRecord, PeerRecord};
use reticulum::time::UnixTime;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::entry;
use super::message_row;
use super::read::NEWEST;
use super::row::{self, kind};
use super::rules;
use super::write::HeldMessage;
use super::{StoreError, mail, network_row, outbox, path_row};
use crate::group::delivery::{Cursor, DELIVERY_PERIOD, LoggedPost, SavedDelivery, WAITING_POSTS_MAX};
use crate::group::{
    CONTENTS_MAX, ClaimHash, Content, Event, FORMER_MEMBERS_MAX, GroupId, Key, Member, MemberId, MessageId,
    PendingId, PendingQueue, Permissions, RecentPost, Restriction, Seq, Settings, State,
};

/// Newest posts that are read back, so that a request repeated over a restart is recognised.
const RECENT_POSTS: i64 = 1_024;

/// Newest events that are read back, so that the first requests after a start find in memory what most ask for: a page of
/// the usual size, and some more.
const NEWEST_EVENTS: i64 = 128;
/// Bytes of their texts; the event that passes the bound is the last one read.
const NEWEST_TEXT_BYTES: usize = 32 << 10;

/// What the store held when it was opened.
#[derive(Debug, Default)]
pub struct Restored {
    /// The groups, by number.
    pub groups: Vec<RestoredGroup>,
    /// Groups that were deleted: their numbers are taken for good.
    pub deleted: Vec<GroupId>,
    /// First 8 bytes of the newest message ids, oldest first.
    pub seen: Vec<u64>,
    /// What the newest of them said that became posts, and when, oldest first.
    pub contents: Vec<(Content, UnixTime)>,
    /// The peers.
    pub peers: Vec<PeerRecord>,
    /// Paths of a node that forwards for others.
    pub paths: Vec<PathRecord>,
    /// Air time that interfaces used.
    pub airtime: Vec<AirtimeRecord>,
    /// Identities whose traffic is dropped, beside those of the configuration.
    pub blackholed: Vec<Blackholed>,
    /// The ratchets of our own destinations, newest first.
    pub ratchets: Vec<(DestinationHash, Vec<RatchetSecret>)>,
    /// Messages that have not paid for themselves yet, oldest first.
    pub held: Vec<HeldMessage>,
    /// What is agreed with single peers.
    pub terms: Vec<Terms>,
    /// Peers of the propagation node.
    pub mail_peers: Vec<MailPeer>,
    /// The settings: whose (`None` is the node), name, value.
    pub settings: Vec<(Option<GroupId>, String, Vec<u8>)>,
}

/// One group.
#[derive(Debug)]
pub struct RestoredGroup {
    /// Its number.
    pub id: GroupId,
    /// Its durable state.
    pub state: State,
    /// Its newest posts, oldest first.
    pub recent: Vec<RecentPost>,
    /// Its newest events of any kind, oldest first, as the log has them.
    pub newest: Vec<Event>,
    /// What its members have received, and what they lack.
    pub delivery: SavedDelivery,
    /// The members whose clients know replies and reactions.
    pub understanding: Vec<MemberId>,
    /// When members were last heard, give or take an hour.
    pub heard: Vec<(MemberId, UnixTime)>,
}

/// Reads everything. `now` tells which posts are too old to be delivered.
pub(super) fn restore(db: &Connection, now: UnixTime) -> Result<Restored, StoreError> {
    let ids = all(db, "SELECT group_id FROM \"group\" ORDER BY group_id", |row| Ok(GroupId(row.get(0)?)))?;
    Ok(Restored {
        groups: ids.into_iter().map(|id| group(db, id, now)).collect::<Result<_, _>>()?,
        deleted: all(db, "SELECT group_id FROM deleted_group", |row| Ok(GroupId(row.get(0)?)))?,
        seen: all(db, "SELECT prefix FROM seen ORDER BY number", |row| Ok(row::unsigned(row.get(0)?)))?,
        contents: contents(db)?,
        peers: all(
            db,
            "SELECT destination, identity, app_data, ratchet, ratchet_heard, heard, emitted_s FROM peer",
            peer,
        )?,
        paths: all(db, path_row::SELECT, path_row::path)?,
        airtime: all(db, network_row::SELECT_AIRTIME, network_row::airtime)?,
        blackholed: all(db, network_row::SELECT_BLACKHOLED, network_row::blackholed)?,
        ratchets: all(db, "SELECT destination, secrets FROM ratchet", ratchets)?,
        held: all(
            db,
            "SELECT message_id, group_id, received, identity, packed FROM held ORDER BY received, message_id",
            held,
        )?,
        terms: all(
            db,
            "SELECT local, remote, ticket, ticket_expires, offered_message, offered_at, node FROM terms",
            terms,
        )?,
        mail_peers: all(db, mail::SELECT_PEERS, mail::peer)?,
        settings: all(db, "SELECT group_id, key, value FROM setting ORDER BY group_id, key", |row| {
            let group: u32 = row.get(0)?;
            Ok(((group != 0).then_some(GroupId(group)), row.get(1)?, row.get(2)?))
        })?,
    })
}

fn group(db: &Connection, id: GroupId, now: UnixTime) -> Result<RestoredGroup, StoreError> {
    let state = state(db, id)?;
    let sql = "SELECT member, through FROM delivery WHERE group_id = ?1";
    let cursors = each(db, sql, [id.0], |row| {
        Ok(Cursor { member: MemberId(row.get(0)?), through: Seq(row::unsigned(row.get(1)?)) })
    })?;
    let lowest = cursors.iter().map(|cursor| cursor.through).min();
    let told = told_rows(&state.settings);
    let waiting = lowest.map_or(Ok(Vec::new()), |lowest| waiting(db, id, lowest, &told, now))?;
    let sql = "SELECT member FROM client WHERE group_id = ?1";
    let understanding = each(db, sql, [id.0], |row| Ok(MemberId(row.get(0)?)))?;
    let (recent, newest) = (recent(db, id)?, newest(db, id)?);
    let sql = "SELECT member, heard FROM activity WHERE group_id = ?1";
    let heard = each(db, sql, [id.0], |row| Ok((MemberId(row.get(0)?), row::time(row.get(1)?))))?;
    let (tried, stored) = outbox::restore(db, id)?;
    let delivery = SavedDelivery { cursors, waiting, tried, stored };
    Ok(RestoredGroup { id, state, recent, newest, delivery, understanding, heard })
}

fn contents(db: &Connection) -> Result<Vec<(Content, UnixTime)>, StoreError> {
    let sql = "SELECT content, time FROM seen WHERE content IS NOT NULL ORDER BY number DESC LIMIT ?1";
    let mut contents = each(db, sql, [CONTENTS_MAX as i64], |row| {
        Ok((Content { prefix: row::unsigned(row.get(0)?) }, row::time(row.get(1)?)))
    })?;
    contents.reverse();
    Ok(contents)
}

/// What a row of the log has to be for members to be told of it in messages; see [`crate::group::is_told`].
fn told_rows(settings: &Settings) -> String {
    let kinds = [
        (kind::POSTED, true),
        (kind::DISSOLVED, true),
        (kind::EDITED, settings.tell_edits),
        (kind::REACTED, settings.tell_reactions),
        (kind::JOINED, settings.tell_joined),
        (kind::LEFT, settings.tell_left),
        (kind::RENAMED, settings.tell_renamed),
        (kind::KICKED, settings.tell_removed),
        (kind::BANNED, settings.tell_removed),
        (kind::MUTED, settings.tell_muted),
        (kind::UNMUTED, settings.tell_muted),
        (kind::CLEANED_UP, settings.tell_deleted),
        (kind::OWNER_CLAIMED, settings.tell_roles),
        (kind::ROLE_ASSIGNED, settings.tell_roles),
        (kind::PERMISSIONS_CHANGED, settings.tell_roles),
    ];
    let kinds: Vec<_> =
        kinds.iter().filter(|(_, is_told)| *is_told).map(|(kind, _)| kind.to_string()).collect();
    let mut told = format!("kind IN ({})", kinds.join(","));
    if settings.tell_deleted {
        // One of many is told of by the clean-up.
        told += &format!(" OR kind = {} AND text IS NULL", kind::DELETED);
    }
    if settings.tell_settings {
        let keys: Vec<_> = Key::ALL.iter().filter(|key| key.is_told()).map(|key| key.name()).collect();
        told += &format!(" OR kind = {} AND text IN ('{}')", kind::SETTING_CHANGED, keys.join("','"));
    }
    told
}

/// Reads from the end backwards until there is enough, so that a few long posts do not fill the memory.
fn newest(db: &Connection, id: GroupId) -> Result<Vec<Event>, StoreError> {
    let mut query = db.prepare(&NEWEST)?;
    let (mut events, mut text_bytes) = (Vec::new(), 0);
    for event in query.query_and_then(params![id.0, NEWEST_EVENTS], row::event)? {
        let event = event?;
        text_bytes += event.kind.text_len();
        events.push(event);
        if text_bytes > NEWEST_TEXT_BYTES {
            break;
        }
    }
    events.reverse();
    Ok(events)
}

pub(super) fn state(db: &Connection, id: GroupId) -> Result<State, StoreError> {
    let sql = "SELECT claim, messages FROM \"group\" WHERE group_id = ?1";
    let mut state = db.prepare(sql)?.query_and_then([id.0], group_row)?.next().unwrap_or(Err(MISSING))?;
    let sql = "SELECT key, value FROM group_setting WHERE group_id = ?1";
    let setting = |row: &Row<'_>| row::setting(&row.get::<_, String>(0)?, &row.get::<_, String>(1)?);
    each(db, sql, [id.0], setting)?.iter().for_each(|setting| state.settings.apply(setting));
    let sql = "SELECT seq, time, kind FROM event WHERE group_id = ?1 ORDER BY seq DESC LIMIT 1";
    let head = db.query_row(sql, [id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    let (seq, time, newest): (_, _, i64) = head.ok_or(MISSING)?;
    // Nothing happens after that.
    state.dissolved = newest == kind::DISSOLVED;
    (state.head, state.head_time) = (Seq(row::unsigned(seq)), row::time(time));
    let sql = "SELECT max(member) FROM member WHERE group_id = ?1";
    let last_member: Option<u32> = db.query_row(sql, [id.0], |row| row.get(0))?;
    state.last_member = MemberId(last_member.unwrap_or_default());

    let sql = "SELECT member, identity, nick, role, joined, joined_seq, granted, revoked, invited_by, posts FROM member \
               WHERE group_id = ?1 AND left_seq IS NULL";
    each(db, sql, [id.0], member)?.into_iter().for_each(|member| state.roster.insert(member));
    let sql = "SELECT member, identity, left_seq FROM member WHERE group_id = ?1 AND left_seq IS NOT NULL \
               ORDER BY left_seq DESC LIMIT ?2";
    for (member, identity, left) in each(db, sql, params![id.0, FORMER_MEMBERS_MAX as i64], former)? {
        state.former.insert(identity.hash(), member, left);
    }
    let sql = "SELECT identity, member, nick, reason, by, since, until FROM ban WHERE group_id = ?1";
    state.bans.extend(each(db, sql, [id.0], restriction)?);
    let sql = "SELECT identity, member, nick, reason, by, since, until FROM mute WHERE group_id = ?1";
    state.mutes.extend(each(db, sql, [id.0], restriction)?);
    pending(db, id, &mut state)?;
    let sql = "SELECT role, name, what FROM role WHERE group_id = ?1";
    for (number, role) in
        each(db, sql, [id.0], |row| Ok((row.get(0)?, rules::custom_role(row.get(1)?, row.get(2)?))))?
    {
        state.roles.define(number, role);
    }
    let sql = "SELECT target FROM pin WHERE group_id = ?1";
    state.pins.extend(each(db, sql, [id.0], |row| Ok(Seq(row::unsigned(row.get(0)?))))?);
    let sql = "SELECT member, key, value FROM preference WHERE group_id = ?1";
    let preference = |row: &Row<'_>| {
        let (key, word): (String, String) = (row.get(1)?, row.get(2)?);
        Ok((MemberId(row.get(0)?), row::preference(&key, &word)?))
    };
    for (member, preference) in each(db, sql, [id.0], preference)? {
        state.roster.choose(member, preference);
    }
    state.invitations = entry::restore(db, id)?;
    Ok(state)
}

/// What waits is read from the events by which it came.
fn pending(db: &Connection, id: GroupId, state: &mut State) -> Result<(), StoreError> {
    let sql = "SELECT last_pending FROM \"group\" WHERE group_id = ?1";
    let last = db.query_row(sql, [id.0], |row| row.get(0))?;
    state.pending = PendingQueue::after(PendingId(last));
    for event in each(db, &super::read::WAITING, [id.0], row::event)? {
        state.take_pending(&event);
    }
    Ok(())
}

/// A group whose log or whose own row is not there.
const MISSING: StoreError = StoreError::Corrupt("a group without a beginning");

fn group_row(row: &Row<'_>) -> Result<State, StoreError> {
    Ok(State {
        claim: row.get::<_, Option<_>>(0)?.map(ClaimHash),
        messages: row::unsigned(row.get(1)?),
        ..State::default()
    })
}

fn member(row: &Row<'_>) -> Result<Member, StoreError> {
    let (id, identity) = (MemberId(row.get(0)?), row::identity(&row.get(1)?)?);
    let (joined, joined_seq) = (row::time(row.get(4)?), Seq(row::unsigned(row.get(5)?)));
    let member = Member::new(id, identity, row.get(2)?, joined, joined_seq);
    let invited_by = row::actor(row.get(8)?);
    let (granted, revoked) = (Permissions::from_bits(row.get(6)?), Permissions::from_bits(row.get(7)?));
    Ok(Member { invited_by, role: row::role(row.get(3)?)?, granted, revoked, posts: row.get(9)?, ..member })
}

fn held(row: &Row<'_>) -> Result<HeldMessage, StoreError> {
    Ok(HeldMessage {
        message: MessageId(row.get(0)?),
        group: GroupId(row.get(1)?),
        received: row::time(row.get(2)?),
        identity: row::identity(&row.get(3)?)?,
        packed: row.get(4)?,
    })
}

fn terms(row: &Row<'_>) -> Result<Terms, StoreError> {
    let ticket = row.get::<_, Option<_>>(2)?.zip(row.get::<_, Option<i64>>(3)?);
    let offered = row.get::<_, Option<i64>>(4)?.zip(row.get::<_, Option<i64>>(5)?);
    Ok(Terms {
        local: DestinationHash::new(row.get(0)?),
        remote: DestinationHash::new(row.get(1)?),
        ticket: ticket.map(|(secret, expires)| Ticket { secret, expires: row::time(expires) }),
        offered: offered.map(|(message, at)| Offer { message: row::time(message), at: row::time(at) }),
        node: row.get::<_, Option<_>>(6)?.map(DestinationHash::new),
    })
}

fn former(row: &Row<'_>) -> Result<(MemberId, Arc<PublicIdentity>, Seq), StoreError> {
    Ok((MemberId(row.get(0)?), row::identity(&row.get(1)?)?, Seq(row::unsigned(row.get(2)?))))
}

fn restriction(row: &Row<'_>) -> Result<(IdentityHash, Restriction), StoreError> {
    let restriction = Restriction {
        member: row.get::<_, Option<_>>(1)?.map(MemberId),
        nick: row.get(2)?,
        reason: row.get(3)?,
        by: row::actor(row.get(4)?),
        since: row::time(row.get(5)?),
        until: row.get::<_, Option<_>>(6)?.map(row::time),
    };
    Ok((IdentityHash::new(row.get(0)?), restriction))
}

/// Reads from the newest backwards and stops with the first that is too old, which tells how far they are: time follows the numbers, so no index is needed.
fn waiting(
    db: &Connection,
    id: GroupId,
    after: Seq,
    told: &str,
    now: UnixTime,
) -> Result<Vec<LoggedPost>, StoreError> {
    let mut rows = db.prepare(&format!(
        "SELECT seq, time, actor FROM event WHERE group_id = ?1 AND seq > ?2 AND ({told}) \
         ORDER BY seq DESC LIMIT ?3"
    ))?;
    let values = params![id.0, row::signed(after.0), WAITING_POSTS_MAX as i64];
    let mut posts = Vec::new();
    for post in rows.query_and_then(values, logged_post)? {
        let post = post?;
        let is_too_old = now.since(post.time) >= DELIVERY_PERIOD;
        posts.push(post);
        if is_too_old {
            break;
        }
    }
    posts.reverse();
    Ok(posts)
}

fn logged_post(row: &Row<'_>) -> Result<LoggedPost, StoreError> {
    let author = row::actor(row.get(2)?);
    Ok(LoggedPost { seq: Seq(row::unsigned(row.get(0)?)), time: row::time(row.get(1)?), author })
}

fn recent(db: &Connection, id: GroupId) -> Result<Vec<RecentPost>, StoreError> {
    let sql = "SELECT event.seq, time, actor, message_id, thread, audience \
               FROM message JOIN event USING (group_id, seq) \
               WHERE group_id = ?1 AND kind = ?3 ORDER BY message.seq DESC LIMIT ?2";
    let mut posts = each(db, sql, params![id.0, RECENT_POSTS, kind::POSTED], |row| {
        let message_id = row.get::<_, Option<_>>(3)?.map(MessageId);
        Ok(RecentPost {
            seq: Seq(row::unsigned(row.get(0)?)),
            time: row::time(row.get(1)?),
            author: row::actor(row.get(2)?),
            id_prefix: message_id.map(|id| id.prefix()),
            thread: row.get::<_, Option<i64>>(4)?.map(|seq| Seq(row::unsigned(seq))),
            audience: message_row::audience(
                row.get_ref(5)?.as_blob_or_null().map_err(rusqlite::Error::from)?,
            )?,
        })
    })?;
    posts.reverse();
    Ok(posts)
}

fn peer(row: &Row<'_>) -> Result<PeerRecord, StoreError> {
    let ratchet: Option<[u8; 32]> = row.get(3)?;
    let ratchet_heard: Option<i64> = row.get(4)?;
    Ok(PeerRecord {
        destination: DestinationHash::new(row.get(0)?),
        identity: row.get(1)?,
        app_data: row.get(2)?,
        ratchet: ratchet.zip(ratchet_heard.map(row::time)),
        heard: row::time(row.get(5)?),
        emitted_s: row::unsigned(row.get(6)?),
    })
}

fn ratchets(row: &Row<'_>) -> Result<(DestinationHash, Vec<RatchetSecret>), StoreError> {
    let secrets: Vec<u8> = row.get(1)?;
    let (secrets, rest) = secrets.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(StoreError::Corrupt("ratchets of a wrong length"));
    }
    let secrets = secrets.iter().copied().map(RatchetSecret::from_bytes).collect();
    Ok((DestinationHash::new(row.get(0)?), secrets))
}

fn all<T>(
    db: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    each(db, sql, [], read)
}

fn each<T>(
    db: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    db.prepare(sql)?.query_and_then(values, read)?.collect()
}
