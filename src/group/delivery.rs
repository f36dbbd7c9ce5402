//! Brings every post to every other member: who has which posts, who is due, who is away.
//!
//! A member receives posts in order, one at a time, so one number says what they have: their *cursor*, which moves only
//! when a post is proven (or can never be accepted). Posts that somebody still lacks are kept once for all members. So
//! a post costs nothing durable at all, and a delivery one small write; after a restart, cursors and log give
//! everything back.
//!
//! Driven like every machine here: `on_*` tell it what happened, [`Delivery::poll`] says what to send next,
//! [`Delivery::poll_timeout`] when to call [`Delivery::handle_timeout`].

mod fate;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use reticulum::time::{Instant, TimerQueue, UnixTime};

pub use self::fate::{Fate, Gap, GapFate, Tally, Via, Why};
use super::ids::{MemberId, Seq};

/// How long a post is retried for those who are away.
pub const DELIVERY_PERIOD: Duration = Duration::from_secs(24 * 3_600);
/// Posts that somebody still lacks. At the bound the oldest expires early.
pub const WAITING_POSTS_MAX: usize = 32_768;
/// Copies that are being signed and sealed at a time, one per member at most: what a burst costs in memory.
pub const PREPARING_MAX: usize = 256;
/// Copies that were sent and wait to be proven, one per member at most. Silence costs a member nothing but their own
/// place, so that is as many as the node keeps of.
pub const AWAITING_MAX: usize = 12_288;
/// The same of those behind slow media, preparation included: what waits for a radio's turn must not grow old there.
pub const SLOW_MAX: usize = 256;
/// Waits after the first, second, ... failure in a row; the last one repeats.
const RETRY_AFTER_MIN: [u64; 6] = [1, 2, 5, 10, 20, 30];

/// What it costs to reach a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Little: an open link, or a path over media that carry a packet in a moment.
    Fast,
    /// Air time that all share. They come after the others.
    Slow,
}

/// A copy to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// To whom.
    pub member: MemberId,
    /// Which post.
    pub seq: Seq,
}

/// A cursor that moved and is to be stored. Nothing waits for that: a copy that is sent again after a crash has the
/// same message id, and the member's client drops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Whose.
    pub member: MemberId,
    /// They need nothing up to this post.
    pub through: Seq,
}

/// A post out of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedPost {
    /// Its number.
    pub seq: Seq,
    /// When it was posted.
    pub time: UnixTime,
    /// Who posted it, and so needs no copy.
    pub author: Option<MemberId>,
}

/// What became of copies since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryCounters {
    /// Proven by the member.
    pub delivered: u64,
    /// Left on a propagation node.
    pub stored: u64,
    /// Never to be accepted by the member, and skipped.
    pub refused: u64,
    /// Given up after [`DELIVERY_PERIOD`].
    pub expired: u64,
}

/// The bookkeeping of one group's fan-out.
#[derive(Debug, Default)]
pub struct Delivery {
    posts: VecDeque<WaitingPost>,
    recipients: BTreeMap<MemberId, Recipient>,
    ready: VecDeque<MemberId>,
    /// Those of them who turned out to be slow to reach: they come when `ready` is empty.
    ready_slow: VecDeque<MemberId>,
    retries: TimerQueue<MemberId>,
    under_way: UnderWay,
    /// The newest post that expired while somebody lacked it.
    expired_through: Seq,
    /// What the cursors passed over without a proof, until it is taken by [`Self::poll_gap`].
    gaps: VecDeque<Gap>,
    counters: DeliveryCounters,
}

/// Copies under way.
#[derive(Clone, Copy, Debug, Default)]
struct UnderWay {
    preparing: usize,
    awaiting: usize,
    /// Those of both that are slow to reach.
    slow: usize,
}

#[derive(Debug)]
struct WaitingPost {
    seq: Seq,
    author: Option<MemberId>,
    expires: Instant,
    /// Members who lack it.
    lacking: usize,
}

#[derive(Debug)]
struct Recipient {
    cursor: Seq,
    /// Failures since the last success or sign of life.
    failures: usize,
    /// Why the last attempt failed.
    why: Option<Why>,
    state: RecipientState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RecipientState {
    /// Lacks nothing.
    Idle,
    /// In the queue.
    Ready,
    /// A copy is under way; `heard` tells of a sign of life since it was sent.
    InFlight { seq: Seq, heard: bool, stage: Stage, reach: Reach, via: Option<Via> },
    /// Waits for a timer or a sign of life.
    Away,
}

/// How far a copy has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It takes the processor's time.
    Preparing,
    /// It waits for the member.
    Awaiting,
}

impl UnderWay {
    fn add(&mut self, stage: Stage, reach: Reach) {
        *self.of(stage) += 1;
        self.slow += usize::from(reach == Reach::Slow);
    }

    fn remove(&mut self, state: RecipientState) {
        let RecipientState::InFlight { stage, reach, .. } = state else { return };
        *self.of(stage) -= 1;
        self.slow -= usize::from(reach == Reach::Slow);
    }

    fn of(&mut self, stage: Stage) -> &mut usize {
        match stage {
            Stage::Preparing => &mut self.preparing,
            Stage::Awaiting => &mut self.awaiting,
        }
    }
}

impl Delivery {
    /// Continues after a restart: the members with their cursors, and the log's posts in order, at least those after
    /// the lowest cursor.
    pub fn restore(
        now: Instant,
        unix_now: UnixTime,
        cursors: impl IntoIterator<Item = Cursor>,
        posts: impl IntoIterator<Item = LoggedPost>,
    ) -> Self {
        let mut delivery = Self::default();
        for Cursor { member, through } in cursors {
            delivery.on_joined(member, through);
        }
        let mut cursors: Vec<Seq> = delivery.recipients.values().map(|recipient| recipient.cursor).collect();
        cursors.sort_unstable();
        for LoggedPost { seq, time, author } in posts {
            let age = unix_now.since(time);
            if age >= DELIVERY_PERIOD {
                delivery.expired_through = delivery.expired_through.max(seq);
                continue;
            }
            let behind = cursors.partition_point(|cursor| *cursor < seq);
            let author_behind = author.and_then(|author| delivery.recipients.get(&author));
            let lacking = behind - usize::from(author_behind.is_some_and(|author| author.cursor < seq));
            delivery.push_post(WaitingPost { seq, author, expires: now + (DELIVERY_PERIOD - age), lacking });
        }
        let behind = delivery.recipients.iter_mut().filter(|(_, recipient)| {
            delivery.posts.back().is_some_and(|newest| recipient.cursor < newest.seq)
        });
        for (member, recipient) in behind {
            recipient.state = RecipientState::Ready;
            delivery.ready.push_back(*member);
        }
        delivery
    }

    /// Somebody came in, and gets what is posted after `after`.
    pub fn on_joined(&mut self, member: MemberId, after: Seq) {
        self.on_removed(member);
        let state = RecipientState::Idle;
        self.recipients.insert(member, Recipient { cursor: after, failures: 0, why: None, state });
    }

    /// Whether somebody is to get posts.
    pub fn serves(&self, member: MemberId) -> bool {
        self.recipients.contains_key(&member)
    }

    /// Somebody is no longer in, and gets nothing more. A copy under way may still be proven; that is ignored.
    pub fn on_removed(&mut self, member: MemberId) {
        let Some(recipient) = self.recipients.remove(&member) else { return };
        self.retries.cancel(&member);
        match recipient.state {
            RecipientState::Ready => {
                self.ready.retain(|ready| *ready != member);
                self.ready_slow.retain(|ready| *ready != member);
            }
            state @ RecipientState::InFlight { .. } => self.under_way.remove(state),
            RecipientState::Idle | RecipientState::Away => {}
        }
        let first = self.posts.partition_point(|post| post.seq <= recipient.cursor);
        for post in self.posts.range_mut(first..).filter(|post| post.author != Some(member)) {
            post.lacking -= 1;
        }
        self.drop_settled();
    }

    /// A post was committed. Everybody but its author is to get it.
    pub fn on_posted(&mut self, now: Instant, seq: Seq, author: Option<MemberId>) {
        let mut lacking = 0;
        for (member, recipient) in &mut self.recipients {
            if Some(*member) == author || recipient.cursor >= seq {
                continue;
            }
            lacking += 1;
            if recipient.state == RecipientState::Idle {
                recipient.state = RecipientState::Ready;
                self.ready.push_back(*member);
            }
        }
        self.push_post(WaitingPost { seq, author, expires: now + DELIVERY_PERIOD, lacking });
    }

    /// The member proved a copy. Late proofs count too. Returns the cursor to store, if it moved.
    pub fn on_delivered(&mut self, member: MemberId, seq: Seq) -> Option<Cursor> {
        let cursor = self.settle(member, seq, None)?;
        self.counters.delivered += 1;
        Some(cursor)
    }

    /// The copy is on a propagation node, which is the last that is ever heard of it. Returns the cursor to store.
    pub fn on_stored(&mut self, member: MemberId, seq: Seq) -> Option<Cursor> {
        let cursor = self.settle(member, seq, Some(GapFate::Stored))?;
        self.counters.stored += 1;
        Some(cursor)
    }

    /// The member can never accept this copy, whatever the route: it is skipped. Returns the cursor to store.
    pub fn on_refused(&mut self, member: MemberId, seq: Seq) -> Option<Cursor> {
        let cursor = self.settle(member, seq, Some(GapFate::Refused))?;
        self.counters.refused += 1;
        Some(cursor)
    }

    /// The copy is not for this member, or no longer there: it is skipped. Returns the cursor to store.
    pub fn on_skipped(&mut self, member: MemberId, seq: Seq) -> Option<Cursor> {
        self.settle(member, seq, None)
    }

    /// What a cursor has passed over, to be stored with it.
    pub fn poll_gap(&mut self) -> Option<Gap> {
        self.gaps.pop_front()
    }

    /// What became of the copy of a post, as far as gaps do not tell otherwise.
    pub fn fate(&self, member: MemberId, seq: Seq) -> Fate {
        let Some(recipient) = self.recipients.get(&member) else { return Fate::NotPushed };
        match recipient.state {
            _ if seq <= recipient.cursor => Fate::Proven,
            _ if self.posts.binary_search_by_key(&seq, |post| post.seq).is_err() => {
                Fate::Gap(GapFate::Expired)
            }
            RecipientState::InFlight { seq: sent, via, .. } if sent == seq => Fate::Sent { via },
            _ => Fate::Queued { last: recipient.why },
        }
    }

    /// The numbers that a member lacks and will not be sent any more: after the first, up to the second.
    pub fn expired_of(&self, member: MemberId) -> Option<(Seq, Seq)> {
        let cursor = self.recipients.get(&member)?.cursor;
        (cursor < self.expired_through).then_some((cursor, self.expired_through))
    }

    /// A copy is on its way, or waits for the member to appear: it takes no more of the processor's time.
    pub fn on_sent(&mut self, member: MemberId, seq: Seq, route: Option<Via>) {
        let Some(recipient) = self.recipients.get_mut(&member) else { return };
        let RecipientState::InFlight { seq: sent, stage, via, .. } = &mut recipient.state else { return };
        if *sent != seq {
            return;
        }
        *via = route;
        if *stage == Stage::Preparing {
            *stage = Stage::Awaiting;
            self.under_way.preparing -= 1;
            self.under_way.awaiting += 1;
        }
    }

    /// A copy found no way: the member is away. It is tried again later, or at once if they were heard meanwhile.
    pub fn on_failed(&mut self, now: Instant, member: MemberId, seq: Seq, why: Why) {
        let Some(recipient) = self.recipients.get_mut(&member) else { return };
        let RecipientState::InFlight { seq: sent, heard, .. } = recipient.state else { return };
        if sent != seq {
            return;
        }
        self.under_way.remove(recipient.state);
        recipient.why = Some(why);
        if heard {
            recipient.state = RecipientState::Ready;
            self.ready.push_back(member);
            return;
        }
        let wait_min = RETRY_AFTER_MIN[recipient.failures.min(RETRY_AFTER_MIN.len() - 1)];
        recipient.failures += 1;
        recipient.state = RecipientState::Away;
        self.retries.set(member, now + Duration::from_secs(60 * wait_min));
    }

    /// The member gave a sign of life: an announce, a link, a message. What they lack goes out at once.
    pub fn on_heard(&mut self, member: MemberId) {
        let Some(recipient) = self.recipients.get_mut(&member) else { return };
        recipient.failures = 0;
        match &mut recipient.state {
            RecipientState::Away => {
                recipient.state = RecipientState::Ready;
                self.retries.cancel(&member);
                self.ready.push_back(member);
            }
            RecipientState::InFlight { heard, .. } => *heard = true,
            RecipientState::Idle | RecipientState::Ready => {}
        }
    }

    /// Lets posts expire and brings members back whose wait is over.
    pub fn handle_timeout(&mut self, now: Instant) {
        while self.posts.front().is_some_and(|post| post.expires <= now) {
            self.expire_oldest();
        }
        while let Some(member) = self.retries.pop_due(now) {
            if let Some(recipient) = self.recipients.get_mut(&member) {
                recipient.state = RecipientState::Ready;
                self.ready.push_back(member);
            }
        }
    }

    /// When [`Self::handle_timeout`] is to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let expiry = self.posts.front().map(|post| post.expires);
        expiry.into_iter().chain(self.retries.next_deadline()).min()
    }

    /// The next copy to send, as long as not too many are under way; those who are cheap to reach come first. Each is
    /// answered by [`Self::on_sent`], and then by [`Self::on_delivered`], [`Self::on_refused`] or [`Self::on_failed`].
    pub fn poll(&mut self, reach: impl Fn(MemberId) -> Reach) -> Option<Dispatch> {
        while self.has_room() {
            let (member, reach) = match self.ready.pop_front() {
                Some(member) => (member, reach(member)),
                None if self.under_way.slow < SLOW_MAX => (self.ready_slow.pop_front()?, Reach::Slow),
                None => return None,
            };
            let recipient = self.recipients.get_mut(&member).expect("a removed member leaves the queue");
            let Some(seq) = next_post(&self.posts, member, &mut recipient.cursor) else {
                recipient.state = RecipientState::Idle;
                continue;
            };
            if reach == Reach::Slow && (!self.ready.is_empty() || self.under_way.slow >= SLOW_MAX) {
                self.ready_slow.push_back(member);
                continue;
            }
            let stage = Stage::Preparing;
            recipient.state = RecipientState::InFlight { seq, heard: false, stage, reach, via: None };
            self.under_way.add(stage, reach);
            return Some(Dispatch { member, seq });
        }
        None
    }

    /// What became of copies since the start.
    pub fn counters(&self) -> DeliveryCounters {
        self.counters
    }

    /// Copies that are being signed and sealed.
    pub fn preparing(&self) -> usize {
        self.under_way.preparing
    }

    /// Copies that were sent and wait to be proven.
    pub fn awaiting(&self) -> usize {
        self.under_way.awaiting
    }

    /// Copies that members still lack, those under way included.
    pub fn pending(&self) -> usize {
        self.posts.iter().map(|post| post.lacking).sum()
    }

    fn has_room(&self) -> bool {
        let UnderWay { preparing, awaiting, .. } = self.under_way;
        preparing < PREPARING_MAX && preparing + awaiting < AWAITING_MAX
    }

    /// Moves the member's cursor over `seq`, if that is the post which they lack next.
    fn settle(&mut self, member: MemberId, seq: Seq, passed: Option<GapFate>) -> Option<Cursor> {
        let recipient = self.recipients.get_mut(&member)?;
        let was_sent = matches!(recipient.state, RecipientState::InFlight { seq: sent, .. } if sent == seq);
        if !was_sent && next_post(&self.posts, member, &mut recipient.cursor) != Some(seq) {
            return None;
        }
        let before = recipient.cursor;
        recipient.cursor = seq;
        recipient.failures = 0;
        recipient.why = None;
        if recipient.state != RecipientState::Ready {
            self.under_way.remove(recipient.state);
            self.retries.cancel(&member);
            recipient.state = RecipientState::Ready;
            self.ready.push_back(member);
        }
        if let Ok(index) = self.posts.binary_search_by_key(&seq, |post| post.seq) {
            self.posts[index].lacking -= 1;
        }
        self.note_gaps(member, before, seq, passed);
        self.drop_settled();
        Some(Cursor { member, through: seq })
    }

    /// Notes what expired before the post at which the cursor is now, and what became of that post.
    fn note_gaps(&mut self, member: MemberId, before: Seq, seq: Seq, passed: Option<GapFate>) {
        let expired = self.expired_through.min(Seq(seq.0 - 1)).max(before);
        let mut note = |first: Seq, last: Seq, fate| {
            self.gaps.push_back(Gap { member, first: Seq(first.0 + 1), last, fate });
        };
        if expired > before {
            note(before, expired, GapFate::Expired);
        }
        if let Some(fate) = passed {
            note(expired, seq, fate);
        }
    }

    fn push_post(&mut self, post: WaitingPost) {
        if self.posts.len() >= WAITING_POSTS_MAX {
            self.expire_oldest();
        }
        self.posts.push_back(post);
        self.drop_settled();
    }

    fn expire_oldest(&mut self) {
        if let Some(post) = self.posts.pop_front() {
            self.counters.expired += post.lacking as u64;
            if post.lacking > 0 {
                self.expired_through = post.seq;
            }
        }
        self.drop_settled();
    }

    /// Forgets the oldest posts that nobody lacks, so that nothing is kept and no timer set on their behalf.
    fn drop_settled(&mut self) {
        while self.posts.front().is_some_and(|post| post.lacking == 0) {
            self.posts.pop_front();
        }
    }
}

/// The oldest post that a member lacks. Moves the cursor over the member's own posts on the way.
fn next_post(posts: &VecDeque<WaitingPost>, member: MemberId, cursor: &mut Seq) -> Option<Seq> {
    let first = posts.partition_point(|post| post.seq <= *cursor);
    for post in posts.range(first..) {
        if post.author != Some(member) {
            return Some(post.seq);
        }
        *cursor = post.seq;
    }
    None
}

#[cfg(test)]
mod tests;
