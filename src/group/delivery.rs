//! Brings every post to every other member: who has which posts, who is due, who is away.
//!
//! A member receives posts in order, one copy at a time, so one number says how far they were *served*; what was not
//! proven on the way stands in [`Gap`]s. Posts that somebody still lacks are kept once for all members. So an ordinary
//! post costs nothing durable at all, and a delivery one small write; after a restart, cursors and log give everything
//! back.
//!
//! What a copy says is fixed when it is first made. As a rule the log tells it: a post as it was posted. Everything
//! else (an answer, several posts in one message, what goes along with attachments) is written down before it leaves, and
//! read back for each further attempt ([`Form::Written`]).
//!
//! A copy on a propagation node does not hold up those behind it, and is not proven: their *cursor*,
//! [`Delivery::proven_through`], stays before it until the member is seen to have it. The same bytes are sent to them once
//! more when they are heard and easily reached; a client that has fetched the copy meanwhile knows its id and drops it, but
//! proves it.
//!
//! Driven like every machine here: `on_*` tell it what happened, [`Delivery::poll`] says what to send next,
//! [`Delivery::poll_timeout`] when to call [`Delivery::handle_timeout`].

mod copy;
mod digest;
mod fate;
mod overview;
mod posts;
mod recipient;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use reticulum::time::{Instant, TimerQueue, UnixTime};

pub use self::copy::{Cursor, Dispatch, Fixed, Form, LoggedPost, Reach, SavedDelivery, Settled, StoredCopy};
pub use self::digest::{DIGEST_FROM_AGE, DIGEST_FROM_POSTS, DIGEST_INTERVAL, DIGEST_UNTIL_POSTS};
pub use self::fate::{Fate, Gap, GapFate, Tally, Via, Why};
pub use self::overview::{Backlog, Unproven};
use self::posts::{Posts, WaitingPost};
use self::recipient::{Flight, Next, Recipient, Stage, State, UnderWay};
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
/// Those behind slow media that are being prepared. Once they wait at their medium, [`Reach::Busy`] says whether more may.
pub const SLOW_PREPARING_MAX: usize = 2;
/// Members behind slow media who are looked at for one whose medium is not busy.
const SLOW_LOOKED_AT: usize = 64;
/// Posts that one copy may hold.
pub const TOGETHER_MAX: usize = 64;
/// Waits after the first, second, ... failure in a row; the last one repeats.
const RETRY_AFTER_MIN: [u64; 6] = [1, 2, 5, 10, 20, 30];

/// What became of copies since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryCounters {
    /// Posts proven by a member.
    pub delivered: u64,
    /// Left on a propagation node.
    pub stored: u64,
    /// Never to be accepted by the member, and skipped.
    pub refused: u64,
    /// Given up after [`DELIVERY_PERIOD`].
    pub expired: u64,
}

/// How a copy ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proven {
    /// It was the next.
    Next(Settled),
    /// It was on a propagation node.
    Stored(Gap),
}

/// An attempt that failed, to be stored: the copy is to be the same next time. Nothing waits for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Whose.
    pub member: MemberId,
    /// What was sent.
    pub copy: Fixed,
    /// Why it failed.
    pub why: Why,
}

/// The bookkeeping of one group's fan-out.
#[derive(Debug, Default)]
pub struct Delivery {
    posts: Posts,
    recipients: BTreeMap<MemberId, Recipient>,
    ready: VecDeque<MemberId>,
    /// Those of them who turned out to be slow to reach: they come when `ready` is empty.
    ready_slow: VecDeque<MemberId>,
    retries: TimerQueue<MemberId>,
    under_way: UnderWay,
    /// What was passed over without a proof, until it is taken by [`Self::poll_gap`].
    gaps: VecDeque<Gap>,
    counters: DeliveryCounters,
    /// The newest instant that it was told of.
    now: Instant,
}

impl Delivery {
    /// Continues after a restart.
    pub fn restore(now: Instant, unix_now: UnixTime, saved: SavedDelivery) -> Self {
        let mut delivery = Self { now, ..Self::default() };
        for Cursor { member, through } in saved.cursors {
            delivery.on_joined(member, through);
        }
        delivery.restore_posts(now, unix_now, saved.waiting);
        for (member, copy, why) in saved.tried {
            if let Some(recipient) = delivery.recipients.get_mut(&member)
                && recipient.served < copy.last
            {
                (recipient.fixed, recipient.why) = (Some(copy), why);
            }
        }
        for StoredCopy { member, copy, time } in saved.stored {
            if let Some(recipient) = delivery.recipients.get_mut(&member) {
                recipient.store(copy, now + DELIVERY_PERIOD.saturating_sub(unix_now.since(time)));
            }
        }
        let newest = delivery.posts.newest().unwrap_or_default();
        for (member, recipient) in delivery.recipients.iter_mut() {
            if recipient.served < newest {
                recipient.may_have_left = true;
                recipient.state = State::Ready;
                delivery.ready.push_back(*member);
            }
        }
        delivery
    }

    fn restore_posts(&mut self, now: Instant, unix_now: UnixTime, posts: Vec<LoggedPost>) {
        let mut cursors: Vec<Seq> = self.recipients.values().map(|recipient| recipient.served).collect();
        cursors.sort_unstable();
        for LoggedPost { seq, time, author } in posts {
            let age = unix_now.since(time);
            if age >= DELIVERY_PERIOD {
                self.posts.expired_through = self.posts.expired_through.max(seq);
                continue;
            }
            let behind = cursors.partition_point(|cursor| *cursor < seq);
            let author_behind = author.and_then(|author| self.recipients.get(&author));
            let lacking = behind - usize::from(author_behind.is_some_and(|author| author.served < seq));
            self.posts.push(WaitingPost { seq, author, expires: now + (DELIVERY_PERIOD - age), lacking });
        }
    }

    /// Somebody came in, and gets what is posted after `after`.
    pub fn on_joined(&mut self, member: MemberId, after: Seq) {
        self.on_removed(member);
        self.recipients.insert(member, Recipient::new(after));
    }

    /// Whether somebody is to get posts.
    pub fn serves(&self, member: MemberId) -> bool {
        self.recipients.contains_key(&member)
    }

    /// Somebody is no longer in, and gets nothing more. A copy under way may still be proven; that is ignored.
    pub fn on_removed(&mut self, member: MemberId) {
        let Some(recipient) = self.recipients.remove(&member) else { return };
        self.retries.cancel(&member);
        self.under_way.remove(recipient.state);
        if recipient.state == State::Ready {
            self.ready.retain(|ready| *ready != member);
            self.ready_slow.retain(|ready| *ready != member);
        }
        self.posts.settle(member, recipient.served, Seq(u64::MAX));
    }

    /// A post was committed. Everybody but its author is to get it.
    pub fn on_posted(&mut self, now: Instant, seq: Seq, author: Option<MemberId>) {
        self.now = now;
        let mut lacking = 0;
        for (member, recipient) in &mut self.recipients {
            if Some(*member) == author || recipient.served >= seq {
                continue;
            }
            lacking += 1;
            if recipient.state == State::Idle {
                recipient.state = State::Ready;
                self.ready.push_back(*member);
            }
        }
        self.posts.push(WaitingPost { seq, author, expires: now + DELIVERY_PERIOD, lacking });
    }

    /// A copy that was not sent before was made. From now on it goes by its last post.
    pub fn on_composed(&mut self, member: MemberId, seq: Seq, copy: Fixed) {
        let Some(recipient) = self.recipients.get_mut(&member) else { return };
        if let State::InFlight(flight) = &mut recipient.state
            && flight.seq == seq
        {
            flight.seq = copy.last;
            recipient.fixed = Some(copy);
        }
    }

    /// A copy cannot be made as it was, because a text that it held was deleted: it is made anew. Returns what there was
    /// of it.
    pub fn on_withdrawn(&mut self, member: MemberId, seq: Seq) -> Option<Dispatch> {
        let recipient = self.recipients.get_mut(&member)?;
        let fixed = recipient.fixed.take_if(|fixed| fixed.last == seq)?;
        let State::InFlight(flight) = &mut recipient.state else { return None };
        flight.seq = fixed.first;
        let form = if fixed.first == fixed.last { Form::Alone } else { Form::Together };
        Some(Dispatch { member, seq: fixed.first, form, again: false })
    }

    /// Whether this copy waits to be sent, or was sent and not answered for yet.
    pub fn is_under_way(&self, member: MemberId, seq: Seq) -> bool {
        let flight = self.recipients.get(&member).and_then(Recipient::flight);
        flight.is_some_and(|flight| flight.seq == seq)
    }

    /// Whether this member lacks something, or has it and did not say so yet.
    pub fn is_behind(&self, member: MemberId) -> bool {
        self.recipients.get(&member).is_some_and(|recipient| recipient.state != State::Idle)
    }

    /// The member proved a copy. Late proofs count too.
    pub fn on_delivered(&mut self, member: MemberId, seq: Seq) -> Option<Proven> {
        if let Some(gap) = self.confirm(member, |copy| copy.last == seq) {
            self.end_offer(member, seq, true);
            return Some(Proven::Stored(gap));
        }
        let (settled, posts) = self.settle(member, seq, None)?;
        self.counters.delivered += posts;
        Some(Proven::Next(settled))
    }

    /// The copy is on a propagation node.
    pub fn on_stored(&mut self, now: Instant, member: MemberId, seq: Seq) -> Option<Settled> {
        let copy = self.copy(member, seq)?;
        let (settled, posts) = self.settle(member, seq, Some(GapFate::Stored))?;
        self.counters.stored += posts;
        self.recipients.get_mut(&member)?.store(copy, now + DELIVERY_PERIOD);
        Some(settled)
    }

    /// The member can never accept this copy, whatever the route: it is skipped.
    pub fn on_refused(&mut self, member: MemberId, seq: Seq) -> Option<Settled> {
        if self.end_offer(member, seq, false) {
            return None;
        }
        let (settled, posts) = self.settle(member, seq, Some(GapFate::Refused))?;
        self.counters.refused += posts;
        Some(settled)
    }

    /// The copy is not for this member, or no longer there: it is skipped.
    pub fn on_skipped(&mut self, member: MemberId, seq: Seq, fate: GapFate) -> Option<Settled> {
        if self.end_offer(member, seq, false) {
            return None;
        }
        self.settle(member, seq, Some(fate)).map(|(settled, _)| settled)
    }

    /// Posts that a copy of several passed over.
    pub fn note_gap(&mut self, member: MemberId, first: Seq, last: Seq, fate: GapFate) {
        self.gaps.push_back(Gap { member, first, last, fate });
    }

    /// The member is seen to have a post: they answered it, say. If it was on a propagation node, it is proven now.
    pub fn on_seen(&mut self, member: MemberId, seq: Seq) -> Option<Gap> {
        self.confirm(member, |copy| copy.holds(seq))
    }

    /// The member says that they read everything up to here. To be called until it returns `None`.
    pub fn on_read(&mut self, member: MemberId, through: Seq) -> Option<Gap> {
        self.confirm(member, |copy| copy.last <= through)
    }

    /// What was passed over, to be stored.
    pub fn poll_gap(&mut self) -> Option<Gap> {
        self.gaps.pop_front()
    }

    /// What became of the copy of a post, as far as gaps do not tell otherwise.
    pub fn fate(&self, member: MemberId, seq: Seq) -> Fate {
        let Some(recipient) = self.recipients.get(&member) else { return Fate::NotPushed };
        let holds = |fixed: Fixed| fixed.holds(seq);
        match recipient.flight() {
            _ if seq <= recipient.served => Fate::Proven,
            Some(Flight { seq: last, via, again: false, .. })
                if last == seq || recipient.fixed.is_some_and(holds) =>
            {
                Fate::Sent { via }
            }
            _ if !self.posts.contains(seq) => Fate::Gap(GapFate::Expired),
            _ => Fate::Queued { last: recipient.why },
        }
    }

    /// Everything up to here is proven, or was given up for a reason that a gap tells.
    pub fn proven_through(&self, member: MemberId) -> Option<Seq> {
        self.recipients.get(&member).map(Recipient::proven_through)
    }

    /// The numbers that a member lacks and will not be sent any more: after the first, up to the second.
    pub fn expired_of(&self, member: MemberId) -> Option<(Seq, Seq)> {
        let served = self.recipients.get(&member)?.served;
        (served < self.posts.expired_through).then_some((served, self.posts.expired_through))
    }

    /// What one copy may hold from this post on, oldest first: what the member lacks.
    pub fn candidates(&self, member: MemberId, first: Seq) -> Vec<Seq> {
        let after = Seq(first.0.saturating_sub(1));
        self.posts.lacked_by(member, after).take(TOGETHER_MAX).map(|post| post.seq).collect()
    }

    /// A copy is on its way, or waits for the member to appear: it takes no more of the processor's time.
    pub fn on_sent(&mut self, member: MemberId, seq: Seq, route: Option<Via>) {
        let Some(recipient) = self.recipients.get_mut(&member) else { return };
        let State::InFlight(flight) = &mut recipient.state else { return };
        if flight.seq == seq {
            self.under_way.remove(State::InFlight(*flight));
            (flight.via, flight.stage) = (route, Stage::Awaiting);
            self.under_way.add(*flight);
        }
    }

    /// A copy found no way: the member is away. It is tried again later, or at once if they were heard meanwhile. Returns
    /// what is to be stored of that.
    pub fn on_failed(&mut self, now: Instant, member: MemberId, seq: Seq, why: Why) -> Option<Tried> {
        if self.end_offer(member, seq, false) {
            return None;
        }
        let recipient = self.recipients.get_mut(&member)?;
        let flight = recipient.flight().filter(|flight| flight.seq == seq)?;
        self.under_way.remove(recipient.state);
        recipient.why = Some(why);
        // What the router did not take was not sent.
        let alone = Fixed { first: seq, last: seq, written: false };
        let tried = (why != Why::Busy).then(|| *recipient.fixed.get_or_insert(alone));
        if flight.heard {
            recipient.state = State::Ready;
            self.ready.push_back(member);
        } else {
            let wait_min = RETRY_AFTER_MIN[recipient.failures.min(RETRY_AFTER_MIN.len() - 1)];
            recipient.failures += 1;
            recipient.state = State::Away;
            self.retries.set(member, now + Duration::from_secs(60 * wait_min));
        }
        tried.map(|copy| Tried { member, copy, why })
    }

    /// The member gave a sign of life: an announce, a link, a message. What they lack goes out at once.
    pub fn on_heard(&mut self, now: Instant, member: MemberId) {
        self.now = now;
        let Some(recipient) = self.recipients.get_mut(&member) else { return };
        recipient.failures = 0;
        let offers = recipient.offer_again(now);
        match &mut recipient.state {
            State::Idle if !offers => {}
            State::Idle | State::Away => {
                recipient.state = State::Ready;
                self.retries.cancel(&member);
                self.ready.push_back(member);
            }
            State::InFlight(flight) => flight.heard = true,
            State::Ready => {}
        }
    }

    /// Lets posts expire and brings members back whose wait is over.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.posts.expire_due(now);
        while let Some(member) = self.retries.pop_due(now) {
            if let Some(recipient) = self.recipients.get_mut(&member) {
                recipient.state = State::Ready;
                self.ready.push_back(member);
            }
        }
    }

    /// When [`Self::handle_timeout`] is to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.posts.next_deadline().into_iter().chain(self.retries.next_deadline()).min()
    }

    /// The next copy to send, as long as not too many are under way; those who are cheap to reach come first. Each is
    /// answered by [`Self::on_sent`], and then by [`Self::on_delivered`], [`Self::on_refused`] or [`Self::on_failed`].
    pub fn poll(&mut self, reach: impl Fn(MemberId) -> Reach) -> Option<Dispatch> {
        while self.has_room() {
            let (member, reach) = self.next_ready(&reach)?;
            let recipient = self.recipients.get_mut(&member).expect("a removed member leaves the queue");
            let (again, seq, form) = match recipient.next(self.now, &self.posts, member, reach) {
                Next::Copy { again, seq, form } => (again, seq, form),
                Next::Nothing => {
                    recipient.state = State::Idle;
                    continue;
                }
                Next::At(at) => {
                    recipient.state = State::Away;
                    self.retries.set(member, at);
                    continue;
                }
            };
            let flight = Flight { seq, heard: false, again, stage: Stage::Preparing, reach, via: None };
            recipient.state = State::InFlight(flight);
            self.under_way.add(flight);
            return Some(Dispatch { member, seq, form, again });
        }
        None
    }

    /// Whether somebody waits only because their medium is busy: [`Self::poll`] may have something once it is not.
    pub fn waits_for_medium(&self) -> bool {
        !self.ready_slow.is_empty()
    }

    /// What became of copies since the start.
    pub fn counters(&self) -> DeliveryCounters {
        DeliveryCounters { expired: self.posts.expired, ..self.counters }
    }

    /// Copies that are being signed and sealed.
    pub fn preparing(&self) -> usize {
        self.under_way.preparing
    }

    /// Copies that were sent and wait to be proven.
    pub fn awaiting(&self) -> usize {
        self.under_way.awaiting
    }

    /// Posts that members still lack, those under way included.
    pub fn pending(&self) -> usize {
        self.posts.lacking()
    }

    /// Whoever waits for a timer waits no longer.
    fn wake(&mut self, member: MemberId) {
        if let Some(recipient) = self.recipients.get_mut(&member)
            && recipient.state == State::Away
        {
            recipient.state = State::Ready;
            self.retries.cancel(&member);
            self.ready.push_back(member);
        }
    }

    fn has_room(&self) -> bool {
        let UnderWay { preparing, awaiting, .. } = self.under_way;
        preparing < PREPARING_MAX && preparing + awaiting < AWAITING_MAX
    }

    /// Whose turn it is: those who are slow to reach come when nobody else waits.
    fn next_ready(&mut self, reach: impl Fn(MemberId) -> Reach) -> Option<(MemberId, Reach)> {
        while let Some(member) = self.ready.pop_front() {
            if reach(member) == Reach::Fast {
                return Some((member, Reach::Fast));
            }
            self.ready_slow.push_back(member);
        }
        let UnderWay { slow, slow_preparing, .. } = self.under_way;
        if slow >= SLOW_MAX || slow_preparing >= SLOW_PREPARING_MAX {
            return None;
        }
        let looked_at = self.ready_slow.iter().take(SLOW_LOOKED_AT).map(|member| reach(*member));
        let (index, reach) = looked_at.enumerate().find(|(_, reach)| *reach != Reach::Busy)?;
        self.ready_slow.remove(index).map(|member| (member, reach))
    }

    fn copy(&mut self, member: MemberId, last: Seq) -> Option<Fixed> {
        if self.end_offer(member, last, false) {
            return None;
        }
        self.recipients.get_mut(&member)?.copy(&self.posts, member, last)
    }

    /// Moves the member's place over the copy with the last post `seq`, if it is the one that they lack next. Returns how
    /// many posts that were, too.
    fn settle(&mut self, member: MemberId, seq: Seq, passed: Option<GapFate>) -> Option<(Settled, u64)> {
        let recipient = self.recipients.get_mut(&member)?;
        let copy = recipient.copy(&self.posts, member, seq)?;
        let before = recipient.served;
        let posts = self.posts.lacked_by(member, before).take_while(|post| post.seq <= seq).count() as u64;
        recipient.served = seq;
        recipient.failures = 0;
        recipient.why = None;
        recipient.may_have_left = false;
        recipient.digests.ended(self.now);
        let has_row = recipient.fixed.take().is_some();
        if recipient.state != State::Ready {
            self.under_way.remove(recipient.state);
            self.retries.cancel(&member);
            recipient.state = State::Ready;
            self.ready.push_back(member);
        }
        self.note_gaps(member, before, copy, passed);
        self.posts.settle(member, before, seq);
        Some((Settled { cursor: Cursor { member, through: seq }, has_row }, posts))
    }

    /// Notes what expired before a copy that was settled, and what became of it.
    fn note_gaps(&mut self, member: MemberId, before: Seq, copy: Fixed, passed: Option<GapFate>) {
        let expired = self.posts.expired_through.min(Seq(copy.first.0 - 1)).max(before);
        let mut note = |first: Seq, last: Seq, fate| {
            self.gaps.push_back(Gap { member, first: Seq(first.0 + 1), last, fate });
        };
        if expired > before {
            note(before, expired, GapFate::Expired);
        }
        if let Some(fate) = passed {
            note(expired, copy.last, fate);
        }
    }

    /// A copy that was on a propagation node is proven.
    fn confirm(&mut self, member: MemberId, is_meant: impl Fn(&Fixed) -> bool) -> Option<Gap> {
        let copy = self.recipients.get_mut(&member)?.take_stored(is_meant)?;
        self.counters.delivered += 1;
        Some(Gap { member, first: copy.first, last: copy.last, fate: GapFate::Stored })
    }

    /// A copy that is on a propagation node, too, is no longer under way. Returns whether this is one. Unless it is proven,
    /// the others are not worth another attempt either.
    fn end_offer(&mut self, member: MemberId, seq: Seq, is_proven: bool) -> bool {
        let Some(recipient) = self.recipients.get_mut(&member) else { return false };
        let Some(flight) = recipient.flight().filter(|flight| flight.again && flight.seq == seq) else {
            return false;
        };
        self.under_way.remove(State::InFlight(flight));
        if !is_proven {
            recipient.offer_no_more();
        }
        recipient.state = State::Ready;
        self.ready.push_back(member);
        true
    }
}

#[cfg(test)]
mod tests;
