//! Posts that somebody still lacks, oldest first, each kept once for all members.

use std::collections::VecDeque;

use reticulum::time::Instant;

use super::WAITING_POSTS_MAX;
use crate::group::ids::{MemberId, Seq};

/// A post that somebody lacks.
#[derive(Debug)]
pub(super) struct WaitingPost {
    pub(super) seq: Seq,
    pub(super) author: Option<MemberId>,
    pub(super) expires: Instant,
    /// Members who lack it.
    pub(super) lacking: usize,
}

/// See the module's documentation. At [`WAITING_POSTS_MAX`] the oldest expires early.
#[derive(Debug, Default)]
pub(super) struct Posts {
    waiting: VecDeque<WaitingPost>,
    /// The newest post that expired while somebody lacked it.
    pub(super) expired_through: Seq,
    /// Copies that expired.
    pub(super) expired: u64,
}

impl Posts {
    pub(super) fn push(&mut self, post: WaitingPost) {
        if self.waiting.len() >= WAITING_POSTS_MAX {
            self.expire_oldest();
        }
        self.waiting.push_back(post);
        self.drop_settled();
    }

    pub(super) fn expire_due(&mut self, now: Instant) {
        while self.waiting.front().is_some_and(|post| post.expires <= now) {
            self.expire_oldest();
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.waiting.front().map(|post| post.expires)
    }

    pub(super) fn newest(&self) -> Option<Seq> {
        self.waiting.back().map(|post| post.seq)
    }

    /// Whether it may still be sent to those who lack it.
    pub(super) fn contains(&self, seq: Seq) -> bool {
        self.waiting.binary_search_by_key(&seq, |post| post.seq).is_ok()
    }

    /// What a member lacks of what came after a number, oldest first.
    pub(super) fn lacked_by(&self, member: MemberId, after: Seq) -> impl Iterator<Item = &WaitingPost> {
        let first = self.waiting.partition_point(|post| post.seq <= after);
        self.waiting.range(first..).filter(move |post| post.author != Some(member))
    }

    /// The oldest post that a member lacks. Moves `served` over the member's own posts on the way.
    pub(super) fn next_for(&self, member: MemberId, served: &mut Seq) -> Option<Seq> {
        let first = self.waiting.partition_point(|post| post.seq <= *served);
        for post in self.waiting.range(first..) {
            if post.author != Some(member) {
                return Some(post.seq);
            }
            *served = post.seq;
        }
        None
    }

    /// A member lacks nothing any more of what came after one number, up to another.
    pub(super) fn settle(&mut self, member: MemberId, after: Seq, through: Seq) {
        let first = self.waiting.partition_point(|post| post.seq <= after);
        let settled = self.waiting.range_mut(first..).take_while(|post| post.seq <= through);
        settled.filter(|post| post.author != Some(member)).for_each(|post| post.lacking -= 1);
        self.drop_settled();
    }

    /// Copies that members lack.
    pub(super) fn lacking(&self) -> usize {
        self.waiting.iter().map(|post| post.lacking).sum()
    }

    fn expire_oldest(&mut self) {
        if let Some(post) = self.waiting.pop_front() {
            self.expired += post.lacking as u64;
            if post.lacking > 0 {
                self.expired_through = post.seq;
            }
        }
        self.drop_settled();
    }

    /// Forgets the oldest posts that nobody lacks, so that nothing is kept and no timer set on their behalf.
    fn drop_settled(&mut self) {
        while self.waiting.front().is_some_and(|post| post.lacking == 0) {
            self.waiting.pop_front();
        }
    }
}
