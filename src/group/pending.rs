//! What waits for somebody who may decide: one queue with one row of numbers, so that `/ok 3` means one thing.
//!
//! Each kind of thing is a variant of [`Waiting`]. What enters does so by an event of its own, what leaves does by
//! [`Approved`](super::EventKind::Approved) or [`Rejected`](super::EventKind::Rejected), or because whoever asked is no
//! longer in. So the queue is durable like everything else.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use reticulum::crypto::PublicIdentity;
use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

use super::ids::{MemberId, MessageId, Seq};
use super::post::Post;

/// Things that wait at a time. At the bound nothing more is taken in: whoever asks is told that it is full.
pub const PENDING_MAX: usize = 256;
/// People who wait to come in at a time, so that strangers leave room for what members ask.
pub const PENDING_JOINS_MAX: usize = 128;
/// Things that wait for one person at a time, so that nobody fills the queue alone.
pub const PENDING_EACH_MAX: usize = 8;
/// Bytes of text that wait at a time.
pub const PENDING_BYTES_MAX: usize = 1 << 20;

/// Names something that waits. Numbers count up from 1 in each group and are never given again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PendingId(pub u32);

impl PendingId {
    /// The number that follows.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for PendingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The event by which it came.
    pub seq: Seq,
    /// Since when.
    pub since: UnixTime,
    /// What it is.
    pub what: Waiting,
}

/// What can wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Somebody who wants to come in.
    Join {
        /// Who.
        identity: Arc<PublicIdentity>,
        /// What they wish to be called.
        nick: String,
    },
    /// A message that is not posted yet.
    Post {
        /// Whose.
        author: MemberId,
        /// What will be posted.
        post: Box<Post>,
        /// Why it waits.
        why: HeldBecause,
    },
}

/// Why a message waits. The numbers are stored and travel: they are only added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum HeldBecause {
    /// It is one of the first of its author.
    Newcomer = 1,
    /// It holds a word that the group looks for.
    Word = 2,
    /// It fits a pattern that the group looks for.
    Pattern = 3,
    /// It holds a link.
    Link = 4,
}

impl HeldBecause {
    /// All of them, by number.
    pub const ALL: [Self; 4] = [Self::Newcomer, Self::Word, Self::Pattern, Self::Link];

    /// Its number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The reason with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.number() == number)
    }
}

impl Waiting {
    fn text_len(&self) -> usize {
        match self {
            Self::Post { post, .. } => post.text.len(),
            Self::Join { nick, .. } => nick.len(),
        }
    }

    fn is_of_person(&self, person: IdentityHash) -> bool {
        matches!(self, Self::Join { identity, .. } if identity.hash() == person)
    }

    fn is_of(&self, member: MemberId) -> bool {
        match self {
            Self::Post { author, .. } => *author == member,
            Self::Join { .. } => false,
        }
    }
}

/// Everything that waits, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingQueue {
    entries: BTreeMap<PendingId, Pending>,
    last: PendingId,
}

impl PendingQueue {
    /// A queue that goes on after `last`, the highest number given so far.
    pub fn after(last: PendingId) -> Self {
        Self { entries: BTreeMap::new(), last }
    }

    /// Takes something in under the number that its event has.
    pub fn insert(&mut self, id: PendingId, pending: Pending) {
        self.last = self.last.max(id);
        self.entries.insert(id, pending);
    }

    /// Lets go of what was decided.
    pub fn remove(&mut self, id: PendingId) {
        self.entries.remove(&id);
    }

    /// Lets go of what a member who is no longer in had asked.
    pub fn remove_member(&mut self, member: MemberId) {
        self.entries.retain(|_, pending| !pending.what.is_of(member));
    }

    /// Lets go of what somebody who is no member had asked.
    pub fn remove_person(&mut self, person: IdentityHash) {
        self.entries.retain(|_, pending| !pending.what.is_of_person(person));
    }

    /// The number under which somebody waits to come in.
    pub fn join_of(&self, person: IdentityHash) -> Option<PendingId> {
        self.entries.iter().find(|(_, pending)| pending.what.is_of_person(person)).map(|(id, _)| *id)
    }

    /// The number for one more who wants to come in; `None` if there is no room.
    pub fn room_for_join(&self) -> Option<PendingId> {
        let joins =
            self.entries.values().filter(|pending| matches!(pending.what, Waiting::Join { .. })).count();
        (joins < PENDING_JOINS_MAX && self.entries.len() < PENDING_MAX).then(|| self.last.next())
    }

    /// What waits under a number.
    pub fn entry(&self, id: PendingId) -> Option<&Pending> {
        self.entries.get(&id)
    }

    /// Everything after a number, in order.
    pub fn iter_after(&self, after: PendingId) -> impl Iterator<Item = (PendingId, &Pending)> {
        self.entries.range(after.next()..).map(|(id, pending)| (*id, pending))
    }

    /// The message that waits and has this message id.
    pub fn post_with_id(&self, message_id: &MessageId) -> Option<(PendingId, &Pending)> {
        self.iter_after(PendingId::default()).find(|(_, pending)| match &pending.what {
            Waiting::Post { post, .. } => post.message_id.as_ref() == Some(message_id),
            Waiting::Join { .. } => false,
        })
    }

    /// The number for one more of `member`'s, which brings `bytes` of text; `None` if there is no room.
    pub fn room_for(&self, member: MemberId, bytes: usize) -> Option<PendingId> {
        let theirs = self.entries.values().filter(|pending| pending.what.is_of(member)).count();
        let waiting: usize = self.entries.values().map(|pending| pending.what.text_len()).sum();
        let fits = self.entries.len() < PENDING_MAX
            && theirs < PENDING_EACH_MAX
            && (waiting + bytes <= PENDING_BYTES_MAX);
        fits.then(|| self.last.next())
    }

    /// How much waits.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(author: u32, bytes: usize) -> Pending {
        let post = Post { text: "x".repeat(bytes), ..Post::default() };
        let what = Waiting::Post { author: MemberId(author), post: Box::new(post), why: HeldBecause::Link };
        Pending { seq: Seq(1), since: UnixTime::default(), what }
    }

    #[test]
    fn numbers_are_never_given_again() {
        let mut queue = PendingQueue::default();
        let first = queue.room_for(MemberId(1), 1).unwrap();
        queue.insert(first, post(1, 1));
        queue.remove(first);
        assert_eq!((first, queue.room_for(MemberId(1), 1)), (PendingId(1), Some(PendingId(2))));
        assert_eq!(PendingQueue::after(PendingId(7)).room_for(MemberId(1), 1), Some(PendingId(8)));
    }

    #[test]
    fn nobody_fills_the_queue_and_all_together_do_not_exceed_it() {
        let mut queue = PendingQueue::default();
        let mut taken = 0;
        for member in 0..100 {
            while let Some(id) = queue.room_for(MemberId(member), 10) {
                queue.insert(id, post(member, 10));
                taken += 1;
            }
            assert!(taken <= PENDING_EACH_MAX * (member as usize + 1));
        }
        assert_eq!((taken, queue.len()), (PENDING_MAX, PENDING_MAX));
        queue.remove_member(MemberId(0));
        assert_eq!(queue.len(), PENDING_MAX - PENDING_EACH_MAX);
        assert_eq!(queue.room_for(MemberId(0), PENDING_BYTES_MAX), None, "texts are bounded too");
    }
}
