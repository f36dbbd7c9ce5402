//! Texts that a group keeps for so many days, or so many of, and no longer: the old ones are withdrawn, a bounded number at a
//! time, by the same act with which staff cleans up. Each leaves its tombstone, so numbers and copies of members agree; what
//! was found by its words or came with attachments is erased with it.

use std::collections::HashMap;
use std::time::Duration;

use reticulum::time::{Instant, TimerQueue, UnixTime};

use super::{Asked, Host, Query, Rows};
use crate::group::{Action, CLEAN_UP_MAX, Caller, CleanUp, EventKind, GroupId, Seq};

/// How often a group looks for texts that are too old.
const PERIOD: Duration = Duration::from_secs(3_600);
/// How long a group that has too many texts waits for more: each withdrawal is an act in the audit log.
const GATHER: Duration = Duration::from_secs(60);
/// The pause between two batches.
const PAUSE: Duration = Duration::from_secs(2);
/// A day.
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// When each group that forgets looks next, and up to where it found nothing more to forget. Bounded as the groups are.
#[derive(Debug, Default)]
pub(super) struct Retention {
    due: TimerQueue<GroupId>,
    done: HashMap<GroupId, Seq>,
}

impl Retention {
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.due.next_deadline()
    }

    /// A group is no more.
    pub(super) fn forget(&mut self, group: GroupId) {
        self.due.cancel(&group);
        self.done.remove(&group);
    }
}

impl Host {
    /// Looks soon, if the group forgets at all. To be called at the start and when that was set.
    pub(super) fn arm_retention(&mut self, now: Instant, group: GroupId) {
        match self.groups.get(group).map(|hosted| hosted.group.settings()) {
            Some(settings) if settings.keep_days > 0 || settings.keep_messages > 0 => {
                self.retention.due.set(group, now + PAUSE);
            }
            _ => self.retention.due.cancel(&group),
        }
    }

    /// Looks within a minute, if there are more texts now than the group keeps.
    pub(super) fn note_growth(&mut self, now: Instant, group: GroupId) {
        let soon = now + GATHER;
        let is_later = self.retention.due.deadline(&group).is_none_or(|due| due > soon);
        if is_later && self.excess(group) > 0 {
            self.retention.due.set(group, soon);
        }
    }

    /// Asks for what is too old, or too much, in groups whose time has come.
    pub(super) fn expire_texts(&mut self, now: Instant) {
        while let Some(group) = self.retention.due.pop_due(now) {
            let Some(what) = self.forgettable(now, group) else { continue };
            self.retention.due.set(group, now + PERIOD);
            let is_asked = |asked: &Asked| matches!(asked, Asked::Expired(of, _) if *of == group);
            if self.asked.values().any(is_asked) {
                continue;
            }
            let action = Action::CleanUp { what, reason: String::from("kept for long enough") };
            let needs = action.needs();
            self.query(
                Query::Known { group, member: None, needs: Box::new(needs) },
                Asked::Expired(group, Box::new(action)),
            );
        }
    }

    /// The store told what is too old.
    pub(super) fn texts_expired(&mut self, now: Instant, group: GroupId, action: Action, rows: Rows) {
        let Rows::Known(known) = rows else { return };
        let unix = self.engine.unix_time(now);
        let Some(hosted) = self.groups.get_mut(group).filter(|hosted| !hosted.is_closed) else { return };
        // Refused where nothing is too old.
        let Ok(outcome) = hosted.group.decide_knowing(unix, &Caller::Operator, action, &known) else {
            return;
        };
        let deleted = outcome.events.iter().filter_map(|event| match event.kind {
            EventKind::Deleted { target, .. } => Some(target),
            _ => None,
        });
        let deleted: Vec<Seq> = deleted.collect();
        if let Some(last) = deleted.last() {
            self.retention.done.insert(group, *last);
        }
        self.record(now, group, outcome.events, None);
        if deleted.len() >= CLEAN_UP_MAX || self.excess(group) > 0 {
            self.retention.due.set(group, now + PAUSE);
        }
    }

    /// What is to be withdrawn next: what is too much first, then what is too old.
    fn forgettable(&self, now: Instant, group: GroupId) -> Option<CleanUp> {
        let days = self.groups.get(group)?.group.settings().keep_days;
        let (excess, after) = (self.excess(group), self.retention.done.get(&group).copied());
        if excess > 0 {
            return Some(CleanUp { oldest: Some(excess), after, expired: true, ..CleanUp::default() });
        }
        let before = self.engine.unix_time(now).as_secs().saturating_sub((DAY * days).as_secs());
        let before = Some(UnixTime::from_secs(before));
        (days > 0).then_some(CleanUp { before, after, expired: true, ..CleanUp::default() })
    }

    /// Texts more than a group keeps.
    fn excess(&self, group: GroupId) -> u32 {
        let Some(hosted) = self.groups.get(group) else { return 0 };
        let state = hosted.group.state();
        let kept = u64::from(state.settings.keep_messages);
        if kept == 0 { 0 } else { u32::try_from(state.messages.saturating_sub(kept)).unwrap_or(u32::MAX) }
    }
}
