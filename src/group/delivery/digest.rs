//! Digests: who falls behind on a slow medium, or wants it so, gets fewer and larger messages.

use std::time::Duration;

use reticulum::time::Instant;

use super::copy::{Form, Reach};
use super::posts::Posts;
use super::{DELIVERY_PERIOD, Delivery};
use crate::group::ids::{MemberId, Seq};

/// Posts that a member behind a slow medium may lack before they get digests.
pub const DIGEST_FROM_POSTS: usize = 24;
/// How long the oldest of them may wait, if they lack more than [`DIGEST_UNTIL_POSTS`].
pub const DIGEST_FROM_AGE: Duration = Duration::from_secs(30 * 60);
/// Whoever lacks no more than this when the next digest is due gets no more digests.
pub const DIGEST_UNTIL_POSTS: usize = 6;
/// From one digest to the next.
pub const DIGEST_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// Whether and when a member gets digests.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Digests {
    /// They want them, however fast they are reached.
    wanted: bool,
    /// They get them; the next one not before this.
    next_at: Option<Instant>,
}

/// What to do about what waits for a member.
pub(super) enum Due {
    /// Send a copy of this form.
    Now(Form),
    /// Wait for the next digest.
    At(Instant),
}

impl Digests {
    pub(super) fn get_them(&self) -> bool {
        self.next_at.is_some()
    }

    /// A digest was proven, or came to another end.
    pub(super) fn ended(&mut self, now: Instant) {
        if let Some(next_at) = &mut self.next_at {
            *next_at = (*next_at).max(now + DIGEST_INTERVAL);
        }
    }

    /// What is due, for a member who lacks something after `served`.
    pub(super) fn due(
        &mut self,
        now: Instant,
        posts: &Posts,
        member: MemberId,
        served: Seq,
        reach: Reach,
    ) -> Due {
        let plain = if reach == Reach::Fast { Form::Alone } else { Form::Together };
        if reach == Reach::Fast && !self.wanted && self.next_at.is_none() {
            return Due::Now(plain);
        }
        let mut lacked = posts.lacked_by(member, served);
        let oldest = lacked.next().map(|post| DELIVERY_PERIOD.saturating_sub(post.expires.since(now)));
        let count = 1 + lacked.take(DIGEST_FROM_POSTS).count();
        let is_old = oldest.is_some_and(|age| age >= DIGEST_FROM_AGE) && count > DIGEST_UNTIL_POSTS;
        let is_slow = matches!(reach, Reach::Slow | Reach::Busy);
        let is_behind = is_slow && (count >= DIGEST_FROM_POSTS || is_old);
        match self.next_at {
            Some(next_at) if now < next_at && (self.wanted || reach != Reach::Fast) => Due::At(next_at),
            Some(_) if self.wanted => Due::Now(Form::Digest { begins: false }),
            Some(_) if reach == Reach::Fast || count <= DIGEST_UNTIL_POSTS => {
                self.next_at = None;
                Due::Now(Form::AfterDigests)
            }
            Some(_) => Due::Now(Form::Digest { begins: false }),
            None if self.wanted => {
                self.next_at = Some(now + DIGEST_INTERVAL);
                Due::At(now + DIGEST_INTERVAL)
            }
            None if is_behind => {
                self.next_at = Some(now);
                Due::Now(Form::Digest { begins: true })
            }
            None => Due::Now(plain),
        }
    }
}

impl Delivery {
    /// A member wants digests whatever their medium, or no longer.
    pub fn prefer_digests(&mut self, member: MemberId, wanted: bool) {
        let Some(recipient) = self.recipients.get_mut(&member) else { return };
        if recipient.digests.wanted != wanted {
            recipient.digests = Digests { wanted, next_at: None };
            self.wake(member);
        }
    }

    /// Whether a member gets digests.
    pub fn gets_digests(&self, member: MemberId) -> bool {
        self.recipients.get(&member).is_some_and(|recipient| recipient.digests.get_them())
    }

    /// What a digest from this post on stands for: how many posts, and the newest of them, oldest first.
    pub fn digested(&self, member: MemberId, first: Seq, newest_max: usize) -> (usize, Vec<Seq>) {
        let after = Seq(first.0.saturating_sub(1));
        let all: Vec<Seq> = self.posts.lacked_by(member, after).map(|post| post.seq).collect();
        (all.len(), all[all.len().saturating_sub(newest_max)..].to_vec())
    }
}
