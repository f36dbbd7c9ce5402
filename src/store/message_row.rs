//! Messages as rows: the text of a post or of an edit, and what a post is besides its text.

use rusqlite::{Connection, Error, OptionalExtension, Row, params};

use super::row::{kind, signed, unsigned};
use super::{StoreError, attachments, outbox};
use crate::group::{
    Audience, Authorship, Event, EventKind, GroupId, MemberId, MessageId, Post, PostKind, Reaction, Relation,
    Seq,
};

/// The columns of a message, behind the eight of its event, in the order in which [`post`] and [`edit`] read them. The
/// two of the authorship come last, so that a reader can do without.
pub(super) const COLUMNS: &str = "message.text, message_id, post_kind, nick, reply_to, thread, audience, mentions, edited, reactions, relation, \
     fields, attachments";

/// Where the columns of the authorship stand, if they were selected.
const SIGNATURE: usize = 21;

/// Reads the post of a row.
pub(super) fn post(row: &Row<'_>) -> Result<Post, StoreError> {
    let authorship = match row.as_ref().column_count() > SIGNATURE {
        true => row.get::<_, Option<_>>(SIGNATURE)?.zip(row.get(SIGNATURE + 1)?),
        false => None,
    };
    let authorship = authorship.map(|(signature, signed)| Box::new(Authorship { signature, signed }));
    Ok(Post {
        text: row.get::<_, Option<String>>(8)?.unwrap_or_default(),
        message_id: row.get::<_, Option<_>>(9)?.map(MessageId),
        kind: post_kind(row.get(10)?)?,
        nick: row.get(11)?,
        reply_to: seq(row.get(12)?),
        thread: seq(row.get(13)?),
        audience: audience(row.get_ref(14)?.as_blob_or_null().map_err(Error::from)?)?,
        mentions: members(row.get_ref(15)?.as_blob_or_null().map_err(Error::from)?.unwrap_or_default())?,
        authorship,
        relation: relation(row.get(18)?)?,
        fields: row.get::<_, Option<Vec<u8>>>(19)?.map(Into::into),
        attachments: attachments::list(row.get_ref(20)?.as_blob_or_null().map_err(Error::from)?)?,
    })
}

/// Reads the text and the mentions of an edit.
pub(super) fn edit(row: &Row<'_>) -> Result<(String, Vec<MemberId>), StoreError> {
    let text = row.get::<_, Option<String>>(8)?.unwrap_or_default();
    Ok((text, members(row.get_ref(15)?.as_blob_or_null().map_err(Error::from)?.unwrap_or_default())?))
}

/// Writes a post down, to be read and to be found.
pub(super) fn insert_post(db: &Connection, group: GroupId, at: Seq, post: &Post) -> Result<(), Error> {
    insert_text(db, group, at, post)?;
    index(db, group, at, &post.text)
}

/// Writes a post down that is not posted yet.
pub(super) fn insert_text(db: &Connection, group: GroupId, at: Seq, post: &Post) -> Result<(), Error> {
    let authorship = post.authorship.as_deref();
    execute(
        db,
        "INSERT INTO message (group_id, seq, text, message_id, signature, signed, post_kind, nick, reply_to, thread, \
         audience, mentions, relation, fields, attachments) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        params![
            group.0,
            signed(at.0),
            post.text,
            post.message_id.map(|id| id.0),
            authorship.map(|authorship| authorship.signature),
            authorship.map(|authorship| &authorship.signed),
            post_kind_number(post.kind),
            post.nick,
            post.reply_to.map(|seq| signed(seq.0)),
            post.thread.map(|seq| signed(seq.0)),
            audience_bytes(&post.audience),
            member_bytes(&post.mentions),
            relation_number(post.relation),
            post.fields,
            attachments::column(&post.attachments),
        ],
    )?;
    attachments::insert(db, group, at, post)
}

/// Erases the text of a post and those of its edits, and forgets the reactions.
pub(super) fn erase_post(db: &Connection, group: GroupId, target: Seq) -> Result<(), Error> {
    unindex(db, group, target)?;
    outbox::withdraw(db, group, target)?;
    let values = params![group.0, signed(target.0)];
    let sql = "UPDATE message SET text = NULL, signature = NULL, signed = NULL, mentions = NULL, reactions = NULL, \
               fields = NULL, attachments = NULL \
               WHERE group_id = ?1 AND seq = ?2";
    execute(db, sql, values)?;
    attachments::erase(db, group, target)?;
    let sql = "UPDATE message SET text = NULL, mentions = NULL WHERE group_id = ?1 AND edits = ?2";
    execute(db, sql, values)?;
    execute(db, "DELETE FROM reaction WHERE group_id = ?1 AND target = ?2", values)?;
    unpin(db, group, target)
}

/// Notes that a post reads differently from an edit on.
pub(super) fn insert_edit(db: &Connection, group: GroupId, event: &Event) -> Result<(), Error> {
    let EventKind::Edited { target, text, mentions } = &event.kind else { return Ok(()) };
    unindex(db, group, *target)?;
    let (seq, target_seq) = (signed(event.seq.0), signed(target.0));
    let sql = "INSERT INTO message (group_id, seq, edits, text, mentions) VALUES (?1, ?2, ?3, ?4, ?5)";
    execute(db, sql, params![group.0, seq, target_seq, text, member_bytes(mentions)])?;
    let sql = "UPDATE message SET edited = ?3 WHERE group_id = ?1 AND seq = ?2";
    execute(db, sql, params![group.0, target_seq, seq])?;
    index(db, group, *target, text)
}

/// Notes a reaction, or that it was taken back.
pub(super) fn change_reaction(
    db: &Connection,
    group: GroupId,
    member: Option<MemberId>,
    target: Seq,
    reaction: &Reaction,
    removed: bool,
) -> Result<(), Error> {
    let sql = if removed {
        "DELETE FROM reaction WHERE group_id = ?1 AND target = ?2 AND reaction = ?3 AND member = ?4"
    } else {
        "INSERT OR IGNORE INTO reaction (group_id, target, reaction, member) VALUES (?1, ?2, ?3, ?4)"
    };
    let target = signed(target.0);
    let member = member.unwrap_or_default().0;
    let changed = db.prepare_cached(sql)?.execute(params![group.0, target, reaction.as_str(), member])?;
    let more = if removed { -1 } else { 1 } * i64::try_from(changed).unwrap_or(0);
    let sql = "UPDATE message SET reactions = nullif(coalesce(reactions, 0) + ?3, 0) WHERE group_id = ?1 AND seq = ?2";
    execute(db, sql, params![group.0, target, more])
}

pub(super) fn pin(db: &Connection, group: GroupId, target: Seq) -> Result<(), Error> {
    let sql = "INSERT OR IGNORE INTO pin (group_id, target) VALUES (?1, ?2)";
    execute(db, sql, params![group.0, signed(target.0)])
}

pub(super) fn unpin(db: &Connection, group: GroupId, target: Seq) -> Result<(), Error> {
    execute(db, "DELETE FROM pin WHERE group_id = ?1 AND target = ?2", params![group.0, signed(target.0)])
}

/// The row of a text in the index of words.
pub(super) fn search_row(group: GroupId, seq: Seq) -> i64 {
    (i64::from(group.0) << SEARCH_GROUP_SHIFT) + signed(seq.0)
}

/// Sequence numbers below 2^40 share the row numbers of the index with the group's number above them.
const SEARCH_GROUP_SHIFT: u32 = 40;

fn index(db: &Connection, group: GroupId, seq: Seq, text: &str) -> Result<(), Error> {
    execute(db, "INSERT INTO search (rowid, text) VALUES (?1, ?2)", params![search_row(group, seq), text])
}

/// Takes the text of a post as it reads now out of the index, which has to be told what it is.
fn unindex(db: &Connection, group: GroupId, target: Seq) -> Result<(), Error> {
    let sql = "SELECT coalesce(newest.text, post.text) FROM message AS post LEFT JOIN message AS newest \
               ON newest.group_id = post.group_id AND newest.seq = post.edited \
               WHERE post.group_id = ?1 AND post.seq = ?2";
    let mut query = db.prepare_cached(sql)?;
    let text: Option<Option<String>> =
        query.query_row(params![group.0, signed(target.0)], |row| row.get(0)).optional()?;
    let Some(text) = text.flatten() else { return Ok(()) };
    let sql = "INSERT INTO search (search, rowid, text) VALUES ('delete', ?1, ?2)";
    execute(db, sql, params![search_row(group, target), text])
}

/// Takes the texts of all posts of a group before `end` out of the index.
pub(super) fn unindex_before(db: &Connection, group: GroupId, end: i64) -> Result<(), Error> {
    let sql = "INSERT INTO search (search, rowid, text) \
               SELECT 'delete', ?4 + post.seq, coalesce(newest.text, post.text) \
               FROM message AS post JOIN event USING (group_id, seq) \
               LEFT JOIN message AS newest ON newest.group_id = post.group_id AND newest.seq = post.edited \
               WHERE post.group_id = ?1 AND post.seq < ?2 AND kind = ?3 AND post.text IS NOT NULL";
    execute(db, sql, params![group.0, end, kind::POSTED, search_row(group, Seq(0))])
}

fn execute(db: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<(), Error> {
    db.prepare_cached(sql)?.execute(values).map(|_| ())
}

fn seq(number: Option<i64>) -> Option<Seq> {
    number.map(|number| Seq(unsigned(number)))
}

fn post_kind(number: Option<i64>) -> Result<PostKind, StoreError> {
    match number {
        None => Ok(PostKind::Text),
        Some(1) => Ok(PostKind::Deed),
        Some(2) => Ok(PostKind::Notice),
        Some(_) => Err(StoreError::Corrupt("a message of an unknown kind")),
    }
}

fn post_kind_number(kind: PostKind) -> Option<i64> {
    match kind {
        PostKind::Text => None,
        PostKind::Deed => Some(1),
        PostKind::Notice => Some(2),
    }
}

fn relation(number: Option<i64>) -> Result<Relation, StoreError> {
    match number {
        None => Ok(Relation::Reply),
        Some(1) => Ok(Relation::Comment),
        Some(2) => Ok(Relation::Continuation),
        Some(_) => Err(StoreError::Corrupt("a message that answers in an unknown way")),
    }
}

fn relation_number(relation: Relation) -> Option<i64> {
    match relation {
        Relation::Reply => None,
        Relation::Comment => Some(1),
        Relation::Continuation => Some(2),
    }
}

/// Who may read a message, out of its column.
pub(super) fn audience(bytes: Option<&[u8]>) -> Result<Audience, StoreError> {
    let Some(bytes) = bytes else { return Ok(Audience::Everyone) };
    let (staff, named) = bytes.split_first().ok_or(StoreError::Corrupt("an audience without a beginning"))?;
    Ok(Audience::Only { staff: *staff == 1, members: members(named)?.into() })
}

fn audience_bytes(audience: &Audience) -> Option<Vec<u8>> {
    let Audience::Only { staff, members } = audience else { return None };
    let named = members.iter().flat_map(|member| member.0.to_be_bytes());
    Some(std::iter::once(u8::from(*staff)).chain(named).collect())
}

fn members(bytes: &[u8]) -> Result<Vec<MemberId>, StoreError> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(StoreError::Corrupt("member numbers of a wrong length"));
    }
    Ok(numbers.iter().map(|number| MemberId(u32::from_be_bytes(*number))).collect())
}

fn member_bytes(members: &[MemberId]) -> Option<Vec<u8>> {
    (!members.is_empty()).then(|| members.iter().flat_map(|member| member.0.to_be_bytes()).collect())
}
