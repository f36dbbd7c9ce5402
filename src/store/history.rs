//! Reading the history for somebody: pages of what happened, with what became of each message, and without what is
//! addressed to others.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use rusqlite::{OptionalExtension, Row, params};

use super::message_row::{self, COLUMNS, audience, search_row};
use super::page::{Details, Entry, Filter, Page, PageRequest, Quote, ReactionCount};
use super::read::Reader;
use super::row::{self, kind, signed, unsigned};
use super::{StoreError, search};
use crate::group::{
    Audience, EventKind, GroupId, Key, Known, LISTED_MAX, ListRequest, Listed, MemberId, Needs,
    REACTIONS_PER_POST_MAX, Reaction, Seq, StoredPost, Viewer, quote,
};

/// The kinds of events that make up the history, as [`EventKind::is_history`] says; of the changes of settings only some do.
const KINDS: [i64; 22] = [
    kind::OWNER_CLAIMED,
    kind::JOINED,
    kind::LEFT,
    kind::POSTED,
    kind::DELETED,
    kind::KICKED,
    kind::BANNED,
    kind::RENAMED,
    kind::EDITED,
    kind::REACTED,
    kind::UNREACTED,
    kind::PINNED,
    kind::UNPINNED,
    kind::UNBANNED,
    kind::MUTED,
    kind::UNMUTED,
    kind::ROLE_ASSIGNED,
    kind::PERMISSIONS_CHANGED,
    kind::ROLE_DEFINED,
    kind::ROLE_DELETED,
    kind::CLEANED_UP,
    kind::DISSOLVED,
];

/// What a row of the log has to be to stand in the history.
fn is_history() -> String {
    let kinds = KINDS.map(|kind| kind.to_string()).join(",");
    let keys: Vec<_> = Key::ALL.iter().filter(|key| key.is_history()).map(|key| key.name()).collect();
    let keys = keys.join("','");
    format!("(kind IN ({kinds}) OR kind = {} AND event.text IN ('{keys}'))", kind::SETTING_CHANGED)
}

/// The statements that read a page, by what it is made of, forward and backward.
pub(super) struct Statements {
    pub(super) all: [String; 2],
    thread: [String; 2],
    pinned: [String; 2],
    messages: [String; 2],
    one: String,
}

pub(super) static STATEMENTS: LazyLock<Statements> = LazyLock::new(|| {
    let both = |from: &str, and: &str| {
        ["", " DESC"].map(|order| {
            format!(
                "SELECT seq, time, kind, actor, number, bytes, event.text, note, {COLUMNS} FROM {from} \
                 WHERE group_id = ?1 AND seq > ?2 AND seq < ?3 {and} ORDER BY seq{order}"
            )
        })
    };
    let log = "event LEFT JOIN message USING (group_id, seq)";
    let messages = "message JOIN event USING (group_id, seq)";
    Statements {
        all: both(log, &format!("AND {}", is_history())),
        thread: both(messages, "AND thread = ?4"),
        pinned: both(messages, "AND seq IN (SELECT target FROM pin WHERE pin.group_id = ?1)"),
        messages: both(messages, &format!("AND message.text IS NOT NULL AND kind = {}", kind::POSTED)),
        one: both(log, "").into_iter().next().unwrap_or_default(),
    }
});

/// The columns behind those of a message, see [`COLUMNS`].
const EDITED: usize = 16;
const REACTIONS: usize = 17;

/// A message to which another event refers.
struct Target {
    author: Option<MemberId>,
    audience: Audience,
    /// As it reads now; `None` if it was deleted.
    text: Option<String>,
    edited: Option<Seq>,
}

/// Bytes of text that are read for a list.
const LISTED_TEXT_BYTES_MAX: usize = 16 << 10;

/// What a page still takes.
struct Room {
    rows: usize,
    text_bytes: usize,
    text_bytes_max: usize,
}

impl Reader {
    /// A page of what happened.
    pub fn history(&self, group: GroupId, request: &PageRequest) -> Result<Page, StoreError> {
        // Head, rows and authors have to be of one moment.
        let _snapshot = self.db.unchecked_transaction()?;
        let mut entries = match &request.filter {
            Filter::Words(words) => self.found(group, request, words)?,
            _ => self.entries(group, request)?,
        };
        if request.after.is_none() {
            entries.reverse();
        }
        let mut page = Page { entries, authors: Vec::new(), head: self.head(group)? };
        if request.with_authors {
            let members: BTreeSet<_> = page.entries.iter().filter_map(|entry| entry.event.actor).collect();
            for member in members {
                page.authors.extend(self.author(group, member)?);
            }
        }
        Ok(page)
    }

    /// One event as the operator may read it, if it is there.
    pub fn entry_at(&self, group: GroupId, seq: Seq) -> Result<Option<Entry>, StoreError> {
        let mut query = self.db.prepare_cached(&STATEMENTS.one)?;
        let at = signed(seq.0);
        let mut rows = query.query(params![group.0, at - 1, at + 1])?;
        rows.next()?.map_or(Ok(None), |row| self.entry(group, &Viewer::OPERATOR, row))
    }

    /// What a decision needs to know of the past. `member` is who decides.
    pub fn known(
        &self,
        group: GroupId,
        member: Option<MemberId>,
        needs: &Needs,
    ) -> Result<Known, StoreError> {
        let _snapshot = self.db.unchecked_transaction()?;
        let mut known = Known::default();
        if let Some(id) = &needs.reference {
            known.reference =
                member.map(|member| self.message_named(group, member, id)).transpose()?.flatten();
        }
        if let Some(request) = &needs.reading {
            known.reading = self.reading(group, request)?;
        }
        if let Some(seq) = needs.texts {
            known.texts = self.texts(group, seq)?;
        }
        for seq in needs.posts.iter().filter(|_| needs.gaps) {
            known.gaps.extend(self.gaps_at(group, *seq)?);
        }
        if let Some(request) = &needs.piece {
            known.piece = self.piece(group, request)?;
        }
        if let Some(request) = &needs.list {
            known.list = self.list(group, request)?;
        }
        for seq in needs.posts.iter().copied().chain(known.reference) {
            if let Some(post) = self.stored_post(group, member, seq)? {
                known.posts.insert(seq, post);
            }
        }
        if let Some(what) = &needs.matching {
            known.matching = self.matching(group, what)?;
        }
        if let Some(request) = &needs.acts {
            known.acts = self.acts(group, request)?;
        }
        Ok(known)
    }

    /// The newest messages that somebody wants to be told of, the newest first.
    fn list(&self, group: GroupId, request: &ListRequest) -> Result<Vec<Listed>, StoreError> {
        let page = PageRequest {
            after: None,
            before: request.before,
            filter: request.words.clone().map_or(Filter::Messages, Filter::Words),
            rows_max: LISTED_MAX,
            text_bytes_max: LISTED_TEXT_BYTES_MAX,
            with_authors: false,
            viewer: request.viewer,
        };
        let entries = match &page.filter {
            Filter::Words(words) => self.found(group, &page, words)?,
            _ => self.entries(group, &page)?,
        };
        self.listed(group, entries)
    }

    /// The newest messages of others between two numbers, the newest first.
    pub(super) fn list_between(
        &self,
        group: GroupId,
        viewer: Viewer,
        after: Seq,
        before: Seq,
    ) -> Result<Vec<Listed>, StoreError> {
        let page = PageRequest {
            after: None,
            before: Some(before),
            filter: Filter::Messages,
            rows_max: LISTED_MAX,
            text_bytes_max: LISTED_TEXT_BYTES_MAX,
            with_authors: false,
            viewer,
        };
        let mut entries = self.entries(group, &page)?;
        entries.retain(|entry| entry.event.seq > after && entry.event.actor != viewer.member);
        self.listed(group, entries)
    }

    fn listed(&self, group: GroupId, entries: Vec<Entry>) -> Result<Vec<Listed>, StoreError> {
        let mut list = Vec::with_capacity(entries.len());
        for Entry { event, .. } in entries {
            let EventKind::Posted(post) = event.kind else { continue };
            let nick = match &post.nick {
                Some(nick) => Some(nick.clone()),
                None => self.nick(group, event.actor)?,
            };
            list.push(Listed { seq: event.seq, time: event.time, nick, post });
        }
        Ok(list)
    }

    /// What a decision about a message needs to know of it.
    pub fn stored_post(
        &self,
        group: GroupId,
        member: Option<MemberId>,
        seq: Seq,
    ) -> Result<Option<StoredPost>, StoreError> {
        let Some(target) = self.target(group, seq)? else { return Ok(None) };
        let sql = "SELECT thread FROM message WHERE group_id = ?1 AND seq = ?2";
        let mut query = self.db.prepare_cached(sql)?;
        let thread: Option<i64> = query.query_row(params![group.0, signed(seq.0)], |row| row.get(0))?;
        let reactions = self.reactions(group, member, seq)?;
        let own = reactions.iter().filter(|reaction| reaction.own);
        Ok(Some(StoredPost {
            author: target.author,
            deleted: target.text.is_none(),
            thread: thread.map(|seq| Seq(unsigned(seq))),
            audience: target.audience,
            own_reactions: own.map(|reaction| reaction.reaction.clone()).collect(),
            reactions: reactions.into_iter().map(|reaction| reaction.reaction).collect(),
        }))
    }

    /// In the direction of reading.
    fn entries(&self, group: GroupId, request: &PageRequest) -> Result<Vec<Entry>, StoreError> {
        let after = request.after.map_or(0, |after| signed(after.0));
        let before = request.before.map_or(i64::MAX, |before| signed(before.0));
        let backward = usize::from(request.after.is_none());
        let mut room = Room::new(request);
        let mut entries = Vec::new();
        let mut take = |row: &Row<'_>| -> Result<bool, StoreError> {
            entries.extend(self.entry(group, &request.viewer, row)?.filter(|entry| room.take(entry)));
            Ok(room.is_left())
        };
        let statements = &*STATEMENTS;
        let mut query = self.db.prepare_cached(match request.filter {
            Filter::Thread(_) => &statements.thread[backward],
            Filter::Pinned => &statements.pinned[backward],
            Filter::Messages => &statements.messages[backward],
            Filter::All | Filter::Words(_) => &statements.all[backward],
        })?;
        let mut rows = match request.filter {
            Filter::Thread(root) => query.query(params![group.0, after, before, signed(root.0)])?,
            _ => query.query(params![group.0, after, before])?,
        };
        while let Some(row) = rows.next()? {
            if !take(row)? {
                break;
            }
        }
        Ok(entries)
    }

    /// Messages with these words, in the direction of reading.
    fn found(&self, group: GroupId, request: &PageRequest, words: &str) -> Result<Vec<Entry>, StoreError> {
        let Some(query) = search::query(words) else { return Ok(Vec::new()) };
        let order = if request.after.is_some() { "" } else { " DESC" };
        let sql = format!(
            "SELECT rowid FROM search WHERE search MATCH ?1 AND rowid > ?2 AND rowid < ?3 ORDER BY rowid{order}"
        );
        let first = search_row(group, request.after.unwrap_or_default());
        let last = match request.before {
            Some(before) => search_row(group, before),
            None => search_row(GroupId(group.0 + 1), Seq(0)),
        };
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut rows = statement.query(params![query, first, last])?;
        let mut one = self.db.prepare_cached(&STATEMENTS.one)?;
        let mut room = Room::new(request);
        let mut entries = Vec::new();
        while room.is_left() {
            let Some(row) = rows.next()? else { break };
            let seq = row.get::<_, i64>(0)? - search_row(group, Seq(0));
            let mut found = one.query(params![group.0, seq - 1, seq + 1])?;
            if let Some(row) = found.next()? {
                entries.extend(self.entry(group, &request.viewer, row)?.filter(|entry| room.take(entry)));
            }
        }
        Ok(entries)
    }

    /// A row as the viewer may read it, if they may.
    pub(super) fn entry(
        &self,
        group: GroupId,
        viewer: &Viewer,
        row: &Row<'_>,
    ) -> Result<Option<Entry>, StoreError> {
        let mut event = row::event(row)?;
        let mut details = Details::default();
        match &mut event.kind {
            EventKind::Posted(post) => {
                if !viewer.sees(event.actor, &post.audience) {
                    return Ok(None);
                }
                if let (Some(edit), false) = (row.get::<_, Option<i64>>(EDITED)?, post.text.is_empty()) {
                    (post.text, post.mentions) = self.edit(group, edit)?;
                    details.edited = true;
                }
                if let Some(target) = post.reply_to {
                    details.quote = self.target(group, target)?.map(Target::into_quote);
                }
                details.attachments_gone = self.attachments_gone(group, event.seq, &post.attachments)?;
                if row.get::<_, Option<i64>>(REACTIONS)?.is_some() {
                    details.reactions = self.reactions(group, viewer.member, event.seq)?;
                }
            }
            EventKind::Edited { target, text, .. } => {
                let Some(target) = self.visible(group, viewer, *target)? else { return Ok(None) };
                if target.text.is_none() || target.edited != Some(event.seq) {
                    details.superseded = true;
                    text.clear();
                }
            }
            EventKind::Deleted { target, .. }
            | EventKind::Reacted { target, .. }
            | EventKind::Unreacted { target, .. }
            | EventKind::Pinned { target }
            | EventKind::Unpinned { target }
                if self.visible(group, viewer, *target)?.is_none() =>
            {
                return Ok(None);
            }
            _ => {}
        }
        let details = (details != Details::default()).then(|| Box::new(details));
        Ok(Some(Entry { event, details }))
    }

    fn visible(&self, group: GroupId, viewer: &Viewer, seq: Seq) -> Result<Option<Target>, StoreError> {
        Ok(self.target(group, seq)?.filter(|target| viewer.sees(target.author, &target.audience)))
    }

    fn target(&self, group: GroupId, seq: Seq) -> Result<Option<Target>, StoreError> {
        let sql = "SELECT actor, post.audience, coalesce(newest.text, post.text), post.edited \
                   FROM message AS post JOIN event USING (group_id, seq) LEFT JOIN message AS newest \
                   ON newest.group_id = post.group_id AND newest.seq = post.edited \
                   WHERE post.group_id = ?1 AND post.seq = ?2 AND post.edits IS NULL AND event.kind = ?3";
        let mut query = self.db.prepare_cached(sql)?;
        // What waits is no message yet, whatever number somebody guesses.
        let mut rows = query.query(params![group.0, signed(seq.0), kind::POSTED])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let bytes = row.get_ref(1)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
        Ok(Some(Target {
            author: row::actor(row.get(0)?),
            audience: audience(bytes)?,
            text: row.get(2)?,
            edited: row.get::<_, Option<i64>>(3)?.map(|seq| Seq(unsigned(seq))),
        }))
    }

    fn edit(&self, group: GroupId, seq: i64) -> Result<(String, Vec<MemberId>), StoreError> {
        let mut query = self.db.prepare_cached(&STATEMENTS.one)?;
        let mut rows = query.query(params![group.0, seq - 1, seq + 1])?;
        let row = rows.next()?.ok_or(StoreError::Corrupt("an edited message without its edit"))?;
        message_row::edit(row)
    }

    fn reactions(
        &self,
        group: GroupId,
        member: Option<MemberId>,
        target: Seq,
    ) -> Result<Vec<ReactionCount>, StoreError> {
        let sql = "SELECT reaction, count(*), max(member = ?3) FROM reaction \
                   WHERE group_id = ?1 AND target = ?2 GROUP BY reaction ORDER BY count(*) DESC, reaction LIMIT ?4";
        let mut query = self.db.prepare_cached(sql)?;
        let limit = REACTIONS_PER_POST_MAX as i64;
        let values = params![group.0, signed(target.0), member.map(|member| member.0), limit];
        let rows = query.query_and_then(values, |row| {
            let reaction = Reaction::parse(&row.get::<_, String>(0)?);
            let reaction = reaction.ok_or(StoreError::Corrupt("a reaction that is none"))?;
            let own = row.get::<_, Option<bool>>(2)?.unwrap_or_default();
            Ok(ReactionCount { reaction, count: row.get(1)?, own })
        })?;
        rows.collect()
    }

    pub(super) fn head(&self, group: GroupId) -> Result<Seq, StoreError> {
        let mut query = self.db.prepare_cached("SELECT max(seq) FROM event WHERE group_id = ?1")?;
        let head: Option<Option<i64>> = query.query_row([group.0], |row| row.get(0)).optional()?;
        Ok(head.flatten().map_or(Seq(0), |head| Seq(unsigned(head))))
    }
}

impl Target {
    fn into_quote(self) -> Quote {
        Quote { author: self.author, text: self.text.as_deref().map(quote).unwrap_or_default() }
    }
}

impl Room {
    fn new(request: &PageRequest) -> Self {
        Self { rows: request.rows_max, text_bytes: 0, text_bytes_max: request.text_bytes_max }
    }

    fn is_left(&self) -> bool {
        self.rows > 0 && self.text_bytes <= self.text_bytes_max
    }

    /// Counts an entry. Always true, so that it can stand in a filter.
    fn take(&mut self, entry: &Entry) -> bool {
        self.rows = self.rows.saturating_sub(1);
        self.text_bytes += entry.event.kind.text_len();
        true
    }
}
