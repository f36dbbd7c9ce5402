//! What happens to messages after they were posted: withdrawn, changed, reacted to, pinned.

use reticulum::time::UnixTime;

use crate::group::mention::mentions;
use crate::group::post::{REACTIONS_PER_MEMBER_MAX, REACTIONS_PER_POST_MAX};
use crate::group::{
    Caller, EventKind, Group, Known, MemberId, Outcome, Permission, Reaction, Refusal, Seq, StoredPost,
};

/// Messages that can be pinned at a time.
pub(in crate::group) const PINS_MAX: usize = 32;

impl Group {
    pub(super) fn delete(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        target: Seq,
        known: &Known,
    ) -> Result<Outcome, Refusal> {
        let post = self.readable(caller, target, known)?;
        self.authorize_change(caller, &post, Permission::DeleteOwn, Permission::DeleteAny)?;
        Ok(self.change(now, caller, EventKind::Deleted { target, in_clean_up: false }))
    }

    pub(super) fn edit(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        target: Seq,
        text: String,
        known: &Known,
    ) -> Result<Outcome, Refusal> {
        let post = self.readable(caller, target, known)?;
        self.authorize_change(caller, &post, Permission::EditOwn, Permission::EditAny)?;
        self.check_text(&text)?;
        self.require_may_stand(caller, &text)?;
        self.take_turn(now, caller)?;
        let mentions = mentions(&self.state.roster, &text);
        Ok(self.change(now, caller, EventKind::Edited { target, text, mentions }))
    }

    pub(super) fn react(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        target: Seq,
        reaction: &str,
        remove: bool,
        known: &Known,
    ) -> Result<Outcome, Refusal> {
        let member = Some(self.require_member(caller)?.id);
        self.authorize(caller, Permission::React)?;
        let mut post = self.readable(caller, target, known)?;
        let reaction = Reaction::parse(reaction).ok_or(Refusal::BadReaction)?;
        let taken = &self.state.settings.reactions;
        if !remove && !taken.is_empty() && !taken.split(' ').any(|one| reaction.looks_like(one)) {
            return Err(Refusal::BadReaction);
        }
        self.recent.complete_reactions(target, member, &mut post);
        let has = post.own_reactions.contains(&reaction);
        if remove {
            if !has {
                return Err(Refusal::NotFound);
            }
            self.take_turn(now, caller)?;
            return Ok(self.change(now, caller, EventKind::Unreacted { target, reaction }));
        }
        if has {
            return Err(Refusal::Already);
        }
        if post.own_reactions.len() >= REACTIONS_PER_MEMBER_MAX {
            return Err(Refusal::Full { max: REACTIONS_PER_MEMBER_MAX });
        }
        if post.reactions.len() >= REACTIONS_PER_POST_MAX && !post.reactions.contains(&reaction) {
            return Err(Refusal::Full { max: REACTIONS_PER_POST_MAX });
        }
        self.take_turn(now, caller)?;
        Ok(self.change(now, caller, EventKind::Reacted { target, reaction }))
    }

    pub(super) fn pin(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        target: Seq,
        remove: bool,
        known: &Known,
    ) -> Result<Outcome, Refusal> {
        self.authorize(caller, Permission::Pin)?;
        self.readable(caller, target, known)?;
        if self.state.pins.contains(&target) != remove {
            return Err(if remove { Refusal::NotFound } else { Refusal::Already });
        }
        if remove {
            return Ok(self.change(now, caller, EventKind::Unpinned { target }));
        }
        if self.state.pins.len() >= PINS_MAX {
            return Err(Refusal::Full { max: PINS_MAX });
        }
        Ok(self.change(now, caller, EventKind::Pinned { target }))
    }

    /// Whether the caller may read what a message said before it was edited: its author, and those who may edit any.
    pub fn authorize_earlier_texts(&self, caller: &Caller, seq: Seq, known: &Known) -> Result<(), Refusal> {
        let post = self.readable(caller, seq, known)?;
        let actor = self.actor(caller);
        if actor.is_some() && actor == post.author {
            return Ok(());
        }
        self.authorize(caller, Permission::EditAny)
    }

    /// The message of which the caller may know who has it: its author, and those who read the audit log.
    pub fn authorize_delivery(
        &self,
        caller: &Caller,
        seq: Seq,
        known: &Known,
    ) -> Result<StoredPost, Refusal> {
        let post = self.readable(caller, seq, known)?;
        let actor = self.actor(caller);
        if actor.is_none() || actor != post.author {
            self.authorize(caller, Permission::ReadAudit)?;
        }
        Ok(post)
    }

    /// A message that the caller may read, and that is still there.
    pub(in crate::group) fn readable(
        &self,
        caller: &Caller,
        seq: Seq,
        known: &Known,
    ) -> Result<StoredPost, Refusal> {
        self.authorize_read(caller)?;
        let recent = || self.recent.post(seq).map(StoredPost::from);
        let post = known.posts.get(&seq).cloned().or_else(recent).ok_or(Refusal::NotFound)?;
        let gone = post.deleted || self.recent.is_deleted(seq);
        if gone || !self.viewer(caller).sees(post.author, &post.audience) {
            return Err(Refusal::NotFound);
        }
        Ok(post)
    }

    /// Whoever may do it to their own messages may, to theirs; others need the permission for anybody's, and stand above
    /// the author.
    fn authorize_change(
        &self,
        caller: &Caller,
        post: &StoredPost,
        own: Permission,
        any: Permission,
    ) -> Result<(), Refusal> {
        let actor = self.actor(caller);
        let is_own = actor.is_some() && actor == post.author;
        if is_own && self.authorize(caller, own).is_ok() {
            return Ok(());
        }
        self.authorize(caller, any)?;
        match post.author {
            Some(author) if !is_own => self.require_rank_above(caller, author),
            _ => Ok(()),
        }
    }

    fn change(&mut self, now: UnixTime, caller: &Caller, kind: EventKind) -> Outcome {
        let actor = self.actor(caller);
        Outcome { events: vec![self.record(now, actor, kind)], ..Outcome::default() }
    }

    fn actor(&self, caller: &Caller) -> Option<MemberId> {
        self.member_of(caller).map(|member| member.id)
    }
}
