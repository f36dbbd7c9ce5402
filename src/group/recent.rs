//! The newest posts and deletions, which the store may not show to readers yet because they are still being committed.

use std::collections::VecDeque;

use reticulum::time::UnixTime;

use super::event::{Event, EventKind};
use super::ids::{MemberId, MessageId, Seq};

/// Posts and deletions that are remembered, each; the oldest is forgotten first. More than the store lets wait for a
/// commit, so whatever is forgotten here is visible there.
pub const RECENT_MAX: usize = 16_384;

/// A post that was taken lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentPost {
    /// Its number.
    pub seq: Seq,
    /// When it was taken.
    pub time: UnixTime,
    /// Who posted it.
    pub author: Option<MemberId>,
    /// The first 8 bytes of its message id, if it has one.
    pub id_prefix: Option<u64>,
}

/// The windows over the newest posts and deletions.
#[derive(Debug, Default)]
pub(super) struct Recent {
    posts: VecDeque<RecentPost>,
    deletions: VecDeque<Seq>,
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
                let post = RecentPost { seq: event.seq, time: event.time, author: event.actor, id_prefix };
                push_bounded(&mut self.posts, post);
            }
            EventKind::Deleted { target } => push_bounded(&mut self.deletions, *target),
            _ => {}
        }
    }

    pub(super) fn post(&self, seq: Seq) -> Option<&RecentPost> {
        let index = self.posts.binary_search_by_key(&seq, |post| post.seq).ok()?;
        self.posts.get(index)
    }

    pub(super) fn post_with_id(&self, id: &MessageId) -> Option<&RecentPost> {
        self.posts.iter().rev().find(|post| post.id_prefix == Some(id.prefix()))
    }

    pub(super) fn is_deleted(&self, seq: Seq) -> bool {
        self.deletions.contains(&seq)
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
        let post =
            |n| RecentPost { seq: Seq(n), time: UnixTime::from_secs(n), author: None, id_prefix: Some(n) };
        let recent = Recent::restore((1..=RECENT_MAX as u64 + 1).map(post));
        assert_eq!(recent.post(Seq(1)), None);
        assert_eq!(recent.post(Seq(2)), Some(&post(2)));
        assert_eq!(recent.posts.len(), RECENT_MAX);
    }
}
