//! An event as it is told to members in messages: with who did it, what it is about, and by which ids they know that.

use std::collections::BTreeMap;

use rusqlite::params;

use super::StoreError;
use super::page::{Details, Entry};
use super::read::Reader;
use super::row::signed;
use crate::group::{
    Audience, Event, EventKind, GroupId, MemberId, MessageId, PUSH_KB_MAX, Seq, Viewer, quote,
};

/// An event to be told to members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// What happened. A post says what it says now.
    pub event: Event,
    /// The nick of who did it, at that moment where it was kept; `None` is the operator.
    pub nick: Option<String>,
    /// The nick of the member whom it concerns.
    pub subject: Option<String>,
    /// Their number.
    pub subject_id: Option<MemberId>,
    /// The message that it is about, or that it answers.
    pub target: Option<Target>,
    /// By which id members know the target: those who were asked for.
    pub ids: BTreeMap<MemberId, MessageId>,
    /// Whether a copy says nothing but what the log tells for ever: it need not be written down.
    pub is_as_posted: bool,
}

/// A message to which an event refers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Who wrote it.
    pub author: Option<MemberId>,
    /// Their nick; `None` is the operator.
    pub nick: Option<String>,
    /// Who may read it.
    pub audience: Audience,
    /// How it begins; empty if it was deleted.
    pub quote: String,
}

impl Relayed {
    /// An event that refers to nothing.
    pub fn plain(event: Event, nick: Option<String>) -> Self {
        Self {
            event,
            nick,
            subject: None,
            subject_id: None,
            target: None,
            ids: BTreeMap::new(),
            is_as_posted: false,
        }
    }

    /// A post that refers to nothing, as it was posted, with the nick that stands with it.
    pub fn as_posted(event: Event, nick: Option<String>) -> Self {
        Self { is_as_posted: true, ..Self::plain(event, nick) }
    }

    /// Whether somebody is to be told.
    pub fn is_for(&self, viewer: &Viewer) -> bool {
        let target = self.target.as_ref().is_none_or(|target| viewer.sees(target.author, &target.audience));
        target
            && match &self.event.kind {
                EventKind::Posted(post) => viewer.sees(self.event.actor, &post.audience),
                _ => true,
            }
    }
}

impl Reader {
    /// An event to be told; `None` if there is nothing to tell any more. `members` are those of whom it matters by which
    /// id they know what it is about. With `as_posted` a post says what it said at first.
    pub fn relayed(
        &self,
        group: GroupId,
        seq: Seq,
        members: &[MemberId],
        as_posted: bool,
    ) -> Result<Option<Relayed>, StoreError> {
        let Some(Entry { mut event, details }) = self.entry_at(group, seq)? else { return Ok(None) };
        let is_edited = details.as_ref().is_some_and(|details| details.edited);
        let mut is_as_posted = false;
        if let EventKind::Posted(post) = &mut event.kind {
            if is_edited && as_posted {
                post.text = self.first_text(group, seq)?;
            }
            let has_nick = event.actor.is_none() || post.nick.is_some();
            let refers = post.reply_to.is_some() || !post.attachments.is_empty();
            is_as_posted = has_nick && !refers && (as_posted || !is_edited);
            self.fill_attachments(group, seq, post, u64::from(PUSH_KB_MAX) * 1_000)?;
        }
        let (target, subject, kept) = match &event.kind {
            EventKind::Posted(post) if post.text.is_empty() => return Ok(None),
            EventKind::Posted(post) => (post.reply_to, None, post.nick.clone()),
            EventKind::Edited { .. } if is_superseded(details.as_deref()) => return Ok(None),
            kind => (kind.target(), kind.subject(), None),
        };
        let nick = match kept {
            Some(nick) => Some(nick),
            None => self.nick(group, event.actor)?,
        };
        let mut relayed = Relayed {
            subject: self.nick(group, subject)?,
            subject_id: subject,
            is_as_posted,
            ..Relayed::plain(event, nick)
        };
        let Some(target) = target else { return Ok(Some(relayed)) };
        relayed.target = self.relayed_target(group, target)?;
        if let (EventKind::Deleted { .. }, Some(target)) = (&relayed.event.kind, &relayed.target) {
            (relayed.subject, relayed.subject_id) = (target.nick.clone(), target.author);
        }
        for member in members {
            relayed.ids.extend(self.copy_of(group, *member, target)?.map(|id| (*member, id)));
        }
        Ok(Some(relayed))
    }

    fn first_text(&self, group: GroupId, seq: Seq) -> Result<String, StoreError> {
        let sql = "SELECT coalesce(text, '') FROM message WHERE group_id = ?1 AND seq = ?2";
        let mut query = self.db.prepare_cached(sql)?;
        Ok(query.query_row(params![group.0, signed(seq.0)], |row| row.get(0))?)
    }

    fn relayed_target(&self, group: GroupId, seq: Seq) -> Result<Option<Target>, StoreError> {
        let Some(Entry { event, .. }) = self.entry_at(group, seq)? else { return Ok(None) };
        let EventKind::Posted(post) = event.kind else { return Ok(None) };
        let nick = match post.nick {
            Some(nick) => Some(nick),
            None => self.nick(group, event.actor)?,
        };
        Ok(Some(Target { author: event.actor, nick, audience: post.audience, quote: quote(&post.text) }))
    }

    pub(super) fn nick(
        &self,
        group: GroupId,
        member: Option<MemberId>,
    ) -> Result<Option<String>, StoreError> {
        let author = member.map(|member| self.author(group, member)).transpose()?.flatten();
        Ok(author.map(|author| author.nick))
    }
}

fn is_superseded(details: Option<&Details>) -> bool {
    details.is_some_and(|details| details.superseded)
}
