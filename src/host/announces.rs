//! When the groups are announced, and on which interface.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use reticulum::node::InterfaceId;
use reticulum::time::{Instant, TimerQueue};

use super::Host;
use super::hosted::Hosted;
use super::record::stamp_cost;
use crate::api;
use crate::group::GroupId;

/// Shortest time between announces of a group that are made because what it announces has changed.
const CHANGES_APART: Duration = Duration::from_secs(120);

/// What is to be announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Due {
    /// All groups, on this interface.
    Interface(InterfaceId),
    /// This group, wherever announces may go.
    Group(GroupId),
}

/// One timer per interface, and one per group with news.
#[derive(Debug, Default)]
pub(super) struct Announces {
    intervals: BTreeMap<InterfaceId, Duration>,
    timers: TimerQueue<Due>,
    /// When groups were last announced because of news; one entry per group at most.
    news_at: HashMap<GroupId, Instant>,
}

impl Announces {
    /// Announces on `interface` now and then every `interval`; a zero interval announces only now.
    pub(super) fn start(&mut self, now: Instant, interface: InterfaceId, interval: Duration) {
        self.intervals.insert(interface, interval);
        self.timers.set(Due::Interface(interface), now);
    }

    pub(super) fn stop(&mut self, interface: InterfaceId) {
        self.intervals.remove(&interface);
        self.timers.cancel(&Due::Interface(interface));
    }

    /// There is news about `group`: announces it now, or as soon as [`CHANGES_APART`] lets it.
    pub(super) fn news(&mut self, now: Instant, group: GroupId) {
        let earliest = self.news_at.get(&group).map_or(now, |last| now.max(*last + CHANGES_APART));
        self.timers.set(Due::Group(group), earliest);
    }

    /// There is no such group any more.
    pub(super) fn forget(&mut self, group: GroupId) {
        self.news_at.remove(&group);
        self.timers.cancel(&Due::Group(group));
    }

    /// What is to be announced now.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Due> {
        let due = self.timers.pop_due(now)?;
        match due {
            Due::Interface(interface) => {
                let repeated = self.intervals.get(&interface).filter(|interval| !interval.is_zero());
                if let Some(interval) = repeated {
                    self.timers.set(due, now + *interval);
                }
            }
            Due::Group(group) => drop(self.news_at.insert(group, now)),
        }
        Some(due)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }
}

impl Host {
    /// What a group announces has changed, and that is durable: the announce is made anew and goes out soon. The one
    /// place for this; a decision comes here by [`After::Announce`](super::After::Announce).
    pub(super) fn renew_announce(&mut self, now: Instant, group: GroupId) {
        let Some(hosted) = self.groups.get(group) else { return };
        let (state, addresses) = (hosted.group.state(), hosted.addresses);
        // Both are ours and what they announce is bounded, so neither can fail.
        let _ = self.router.set_display_name(&mut self.engine, &addresses.lxmf, api::public_name(state));
        let _ = self.router.set_stamp_cost(&mut self.engine, &addresses.lxmf, stamp_cost(&state.settings));
        let _ = self.engine.set_app_data(&addresses.api, api::announce(state));
        if state.settings.announced {
            self.announces.news(now, group);
        }
    }

    /// Makes the announces whose time has come.
    pub(super) fn announce_due(&mut self, now: Instant) {
        while let Some(due) = self.announces.pop_due(now) {
            let (of, on) = match due {
                Due::Interface(interface) => (None, Some(interface)),
                Due::Group(group) => (Some(group), None),
            };
            let meant =
                |hosted: &&Hosted| hosted.group.settings().announced && of.is_none_or(|of| of == hosted.id);
            for hosted in self.groups.iter().filter(meant) {
                for destination in [hosted.addresses.lxmf, hosted.addresses.api] {
                    let _ = self.engine.announce(now, destination, on);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_goes_out_at_once_and_more_of_it_together_and_later() {
        let at = |s| Instant::ZERO + Duration::from_secs(s);
        let mut announces = Announces::default();
        let group = Due::Group(GroupId(3));
        announces.news(at(10), GroupId(3));
        assert_eq!((announces.pop_due(at(10)), announces.pop_due(at(10))), (Some(group), None));
        announces.news(at(11), GroupId(3));
        announces.news(at(20), GroupId(3));
        assert_eq!((announces.pop_due(at(129)), announces.poll_timeout()), (None, Some(at(130))));
        assert_eq!((announces.pop_due(at(130)), announces.pop_due(at(500))), (Some(group), None));
    }
}
