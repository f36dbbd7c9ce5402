//! One member's place in the fan-out: how far they were served, what is under way, what lies on propagation nodes.

use std::collections::VecDeque;

use reticulum::time::Instant;

use super::copy::{Fixed, Form, Reach};
use super::digest::{Digests, Due};
use super::fate::{Via, Why};
use super::posts::Posts;
use crate::group::ids::{MemberId, Seq};

/// Copies of one member on propagation nodes that are kept in mind. The oldest is forgotten: what became of it is told by
/// its row still, but it is not sent again.
const STORED_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Recipient {
    /// Everything up to here was proven, lies on a propagation node, or was passed over.
    pub(super) served: Seq,
    /// Copies on propagation nodes, oldest first.
    stored: VecDeque<Stored>,
    /// Failures since the last success or sign of life.
    pub(super) failures: usize,
    /// Why the last attempt failed.
    pub(super) why: Option<Why>,
    /// The copy that comes next, if it was sent before.
    pub(super) fixed: Option<Fixed>,
    /// The post that comes next may have left alone before a restart, of which nothing would be written. So it goes
    /// alone: together with others it would be another message, and be there twice.
    pub(super) may_have_left: bool,
    pub(super) digests: Digests,
    pub(super) state: State,
}

/// What is to be done for a member.
pub(super) enum Next {
    /// Send this: whether it lies on a propagation node already, its number, its form.
    Copy { again: bool, seq: Seq, form: Form },
    /// Look again at this time.
    At(Instant),
    /// Nothing waits.
    Nothing,
}

/// A copy on a propagation node.
#[derive(Debug)]
struct Stored {
    copy: Fixed,
    /// Until when it is sent again if there is reason to hope.
    until: Instant,
    /// It is to be sent again now.
    due: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Lacks nothing.
    Idle,
    /// In the queue.
    Ready,
    /// A copy is under way.
    InFlight(Flight),
    /// Waits for a timer or a sign of life.
    Away,
}

/// A copy under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flight {
    /// The last post that it holds.
    pub(super) seq: Seq,
    /// There was a sign of life since it was sent.
    pub(super) heard: bool,
    /// It lies on a propagation node, too.
    pub(super) again: bool,
    pub(super) stage: Stage,
    pub(super) reach: Reach,
    pub(super) via: Option<Via>,
}

/// How far a copy has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It takes the processor's time.
    Preparing,
    /// It waits for the member.
    Awaiting,
}

/// Copies under way, of all members together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UnderWay {
    pub(super) preparing: usize,
    pub(super) awaiting: usize,
    /// Those of both that are slow to reach.
    pub(super) slow: usize,
    /// Those of them that are being prepared: they do not wait at their medium yet.
    pub(super) slow_preparing: usize,
}

impl UnderWay {
    pub(super) fn add(&mut self, flight: Flight) {
        self.count(flight, |count| *count += 1);
    }

    pub(super) fn remove(&mut self, state: State) {
        if let State::InFlight(flight) = state {
            self.count(flight, |count| *count -= 1);
        }
    }

    fn count(&mut self, flight: Flight, change: impl Fn(&mut usize)) {
        let is_slow = flight.reach != Reach::Fast;
        match flight.stage {
            Stage::Preparing => change(&mut self.preparing),
            Stage::Awaiting => change(&mut self.awaiting),
        }
        if is_slow {
            change(&mut self.slow);
        }
        if is_slow && flight.stage == Stage::Preparing {
            change(&mut self.slow_preparing);
        }
    }
}

impl Recipient {
    pub(super) fn new(served: Seq) -> Self {
        Self {
            served,
            stored: VecDeque::new(),
            failures: 0,
            why: None,
            fixed: None,
            may_have_left: false,
            digests: Digests::default(),
            state: State::Idle,
        }
    }

    /// What they are sent next.
    pub(super) fn next(&mut self, now: Instant, posts: &Posts, member: MemberId, reach: Reach) -> Next {
        if let Some(stored) = self.stored.iter_mut().find(|stored| stored.due && reach == Reach::Fast) {
            stored.due = false;
            return Next::Copy { again: true, seq: stored.copy.last, form: stored.copy.form() };
        }
        let Some(first) = posts.next_for(member, &mut self.served) else { return Next::Nothing };
        if let Some(fixed) = self.fixed.filter(|fixed| fixed.last >= first) {
            return Next::Copy { again: false, seq: fixed.last, form: fixed.form() };
        }
        if self.may_have_left {
            return Next::Copy { again: false, seq: first, form: Form::Alone };
        }
        match self.digests.due(now, posts, member, self.served, reach) {
            Due::Now(form) => Next::Copy { again: false, seq: first, form },
            Due::At(at) => Next::At(at),
        }
    }

    /// The copy with this last post, which is under way, was, or would be next.
    pub(super) fn copy(&mut self, posts: &Posts, member: MemberId, last: Seq) -> Option<Fixed> {
        let alone = Fixed { first: last, last, written: false };
        if let Some(fixed) = self.fixed.filter(|fixed| fixed.last == last) {
            return Some(fixed);
        }
        let is_under_way = self.flight().is_some_and(|flight| flight.seq == last && !flight.again);
        (is_under_way || posts.next_for(member, &mut self.served) == Some(last)).then_some(alone)
    }

    pub(super) fn flight(&self) -> Option<Flight> {
        match self.state {
            State::InFlight(flight) => Some(flight),
            _ => None,
        }
    }

    /// Everything up to here is proven.
    pub(super) fn proven_through(&self) -> Seq {
        self.stored.front().map_or(self.served, |stored| Seq(stored.copy.first.0.saturating_sub(1)))
    }

    /// Copies on propagation nodes.
    pub(super) fn stored_len(&self) -> usize {
        self.stored.len()
    }

    pub(super) fn store(&mut self, copy: Fixed, until: Instant) {
        if self.stored.len() >= STORED_MAX {
            self.stored.pop_front();
        }
        self.stored.push_back(Stored { copy, until, due: false });
    }

    /// Copies on propagation nodes are worth another attempt, as long as they are not too old.
    pub(super) fn offer_again(&mut self, now: Instant) -> bool {
        self.stored.iter_mut().for_each(|stored| stored.due = stored.until > now);
        self.stored.iter().any(|stored| stored.due)
    }

    /// They are not, after all.
    pub(super) fn offer_no_more(&mut self) {
        self.stored.iter_mut().for_each(|stored| stored.due = false);
    }

    /// Takes a copy out of those on propagation nodes.
    pub(super) fn take_stored(&mut self, is_meant: impl Fn(&Fixed) -> bool) -> Option<Fixed> {
        let index = self.stored.iter().position(|stored| is_meant(&stored.copy))?;
        self.stored.remove(index).map(|stored| stored.copy)
    }
}

impl Fixed {
    pub(super) fn form(&self) -> Form {
        if self.written { Form::Written } else { Form::AsPosted }
    }

    /// Whether it holds a post.
    pub(super) fn holds(&self, seq: Seq) -> bool {
        self.first <= seq && seq <= self.last
    }
}
