//! The newest posts, deletions and reactions, which the store may not show to readers yet because they are still being committed.

use std::collections::VecDeque;

use reticulum::time::UnixTime;

use super::event::{Event, EventKind};
use super::ids::{MemberId, MessageId, Seq};
use super::known::StoredPost;
use super::post::{Audience, Reaction};

/// Posts, deletions and reactions that are remembered, each; the oldest is forgotten first. More than the store lets wait for a
/// commit, so whatever is forgotten here is visible there.
pub const RECENT_MAX: usize = 16_384;

/// A post that was taken lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentPost {
    /// Its number.
    pub seq: Seq,
    /// When it was taken.
    pub time: UnixTime,
    /// Who posted it.
    pub author: Option<MemberId>,
    /// The first 8 bytes of its message id, if it has one.
    pub id_prefix: Option<u64>,
    /// The message that began its thread.
    pub thread: Option<Seq>,
    /// Who may read it.
    pub audience: Audience,
}

/// The windows over the newest posts and deletions.
#[derive(Debug, Default)]
pub(super) struct Recent {
    posts: VecDeque<RecentPost>,
    deletions: VecDeque<Seq>,
    reactions: VecDeque<RecentReaction>,
}

/// A reaction that was shown or taken back lately.
#[derive(Debug)]
struct RecentReaction {
    target: Seq,
    member: Option<MemberId>,
    reaction: Reaction,
    removed: bool,
}

impl Recent {
    pub(super) fn restore(posts: impl IntoIterator<Item = RecentPost>) -> Self {
        let mut recent = Self::default();
        posts.into_iter().for_each(|post| push_bounded(&mut recent.posts, post));
        recent
    }

    pub(super) fn note(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Posted(post) => {
                let id_prefix = post.message_id.as_ref().map(MessageId::prefix);
                let (thread, audience) = (post.thread, post.audience.clone());
                let (seq, time, author) = (event.seq, event.time, event.actor);
                let post = RecentPost { seq, time, author, id_prefix, thread, audience };
                push_bounded(&mut self.posts, post);
            }
            EventKind::Reacted { target, reaction } => self.note_reaction(event, *target, reaction, false),
            EventKind::Unreacted { target, reaction } => self.note_reaction(event, *target, reaction, true),
            EventKind::Deleted { target, .. } => push_bounded(&mut self.deletions, *target),
            _ => {}
        }
    }

    pub(super) fn post(&self, seq: Seq) -> Option<&RecentPost> {
        let index = self.posts.binary_search_by_key(&seq, |post| post.seq).ok()?;
        self.posts.get(index)
    }

    /// When a member last posted, if that was after `after`.
    pub(super) fn last_of(&self, member: MemberId, after: UnixTime) -> Option<UnixTime> {
        let late = self.posts.iter().rev().take_while(|post| post.time > after);
        late.filter(|post| post.author == Some(member)).map(|post| post.time).next()
    }

    pub(super) fn post_with_id(&self, id: &MessageId) -> Option<&RecentPost> {
        self.posts.iter().rev().find(|post| post.id_prefix == Some(id.prefix()))
    }

    pub(super) fn is_deleted(&self, seq: Seq) -> bool {
        self.deletions.contains(&seq)
    }

    /// The newest posts first.
    pub(super) fn newest(&self) -> impl Iterator<Item = &RecentPost> {
        self.posts.iter().rev()
    }

    /// Adds to what the store knows of the reactions to a post what it may not know yet. `member` is whose reactions
    /// are told apart from the others'.
    pub(super) fn complete_reactions(&self, target: Seq, member: Option<MemberId>, post: &mut StoredPost) {
        let mut decided = Vec::new();
        for change in self.reactions.iter().rev().filter(|change| change.target == target) {
            let of = (change.member, &change.reaction);
            if decided.contains(&of) {
                continue;
            }
            decided.push(of);
            let own = change.member == member;
            if own {
                post.own_reactions.retain(|reaction| *reaction != change.reaction);
            }
            if !change.removed {
                if own {
                    post.own_reactions.push(change.reaction.clone());
                }
                if !post.reactions.contains(&change.reaction) {
                    post.reactions.push(change.reaction.clone());
                }
            }
        }
    }

    fn note_reaction(&mut self, event: &Event, target: Seq, reaction: &Reaction, removed: bool) {
        let (member, reaction) = (event.actor, reaction.clone());
        push_bounded(&mut self.reactions, RecentReaction { target, member, reaction, removed });
    }
}

fn push_bounded<T>(window: &mut VecDeque<T>, item: T) {
    if window.len() >= RECENT_MAX {
        window.pop_front();
    }
    window.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_bounded_and_forgets_the_oldest_post_first() {
        let post = |n| RecentPost {
            seq: Seq(n),
            time: UnixTime::from_secs(n),
            author: None,
            id_prefix: Some(n),
            thread: None,
            audience: Audience::Everyone,
        };
        let recent = Recent::restore((1..=RECENT_MAX as u64 + 1).map(post));
        assert_eq!(recent.post(Seq(1)), None);
        assert_eq!(recent.post(Seq(2)), Some(&post(2)));
        assert_eq!(recent.posts.len(), RECENT_MAX);
    }
}
