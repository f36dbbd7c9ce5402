//! Posting and withdrawing.

use reticulum::time::UnixTime;

use super::rate_limited;
use crate::group::{
    Caller, EventKind, Group, HeldBecause, MemberId, Outcome, Permission, Post, Refusal, Seq, StoredPost,
};

impl Group {
    pub(super) fn post(&mut self, now: UnixTime, caller: &Caller, post: Post) -> Result<Outcome, Refusal> {
        self.authorize(caller, Permission::Post)?;
        let author = self.require_member(caller)?;
        let (author, identity) = (author.id, author.identity.hash());
        if post.text.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        let max = self.state.settings.post_chars_max as usize;
        if post.text.len() > max && post.text.chars().count() > max {
            return Err(Refusal::TooLong { max });
        }
        self.posts.take(identity, now).map_err(rate_limited)?;
        if let Some(why) = self.must_wait(author, &post) {
            return self.hold(now, author, post, why);
        }
        let posted = self.record(now, Some(author), EventKind::Posted(post));
        // The proof of the message is all the answer that its author needs.
        Ok(Outcome { events: vec![posted], ..Outcome::default() })
    }

    /// Whether a message has to be looked at before it is posted.
    fn must_wait(&self, _author: MemberId, _post: &Post) -> Option<HeldBecause> {
        None
    }

    pub(super) fn delete(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        target: Seq,
        stored: Option<StoredPost>,
    ) -> Result<Outcome, Refusal> {
        self.authorize_read(caller)?;
        let recent = self.recent.post(target).map(|post| StoredPost { author: post.author, deleted: false });
        let post = stored.or(recent).ok_or(Refusal::NotFound)?;
        if post.deleted || self.recent.is_deleted(target) {
            return Err(Refusal::NotFound);
        }
        let actor = self.member_of(caller).map(|member| member.id);
        let own = actor.is_some() && actor == post.author;
        let allowed = own && self.authorize(caller, Permission::DeleteOwn).is_ok();
        if !allowed {
            self.authorize(caller, Permission::DeleteAny)?;
        }
        let deleted = self.record(now, actor, EventKind::Deleted { target });
        Ok(Outcome { events: vec![deleted], ..Outcome::default() })
    }
}
