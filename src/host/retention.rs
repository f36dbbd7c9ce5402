//! Texts that a group keeps for so many days and no longer: every hour the old ones are withdrawn, a bounded number at a
//! time, by the same act with which staff cleans up. Each leaves its tombstone, so numbers and copies of members agree.

use std::time::Duration;

use reticulum::time::{Instant, TimerQueue};

use super::{Asked, Host, Query, Rows};
use crate::group::{Action, CLEAN_UP_MAX, Caller, CleanUp, EventKind, GroupId};

/// How often a group looks for texts that are too old.
const PERIOD: Duration = Duration::from_secs(3_600);
/// The pause between two batches.
const PAUSE: Duration = Duration::from_secs(2);
/// A day.
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// When each group that forgets looks next.
pub(super) type Retention = TimerQueue<GroupId>;

impl Host {
    /// Looks soon, if the group forgets at all. To be called at the start and when that was set.
    pub(super) fn arm_retention(&mut self, now: Instant, group: GroupId) {
        match self.expiry(group) {
            Some(_) => self.retention.set(group, now + PAUSE),
            None => self.retention.cancel(&group),
        }
    }

    /// Asks for what is too old in groups whose time has come.
    pub(super) fn expire_texts(&mut self, now: Instant) {
        while let Some(group) = self.retention.pop_due(now) {
            let Some(keep) = self.expiry(group) else { continue };
            self.retention.set(group, now + PERIOD);
            let before = self.engine.unix_time(now).as_secs().saturating_sub(keep.as_secs());
            let what =
                CleanUp { before: Some(reticulum::time::UnixTime::from_secs(before)), ..CleanUp::default() };
            let action = Action::CleanUp { what, reason: String::from("kept for long enough") };
            let needs = action.needs();
            self.query(Query::Known { group, member: None, needs }, Asked::Expired(group, Box::new(action)));
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
        let is_deletion = |kind: &EventKind| matches!(kind, EventKind::Deleted { .. });
        let deleted = outcome.events.iter().filter(|event| is_deletion(&event.kind)).count();
        if deleted >= CLEAN_UP_MAX {
            self.retention.set(group, now + PAUSE);
        }
        self.record(now, group, outcome.events, None);
    }

    fn expiry(&self, group: GroupId) -> Option<Duration> {
        let days = self.groups.get(group)?.group.settings().keep_days;
        (days > 0).then(|| DAY * days)
    }
}
