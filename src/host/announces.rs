//! When the groups are announced, and on which interface.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use reticulum::hash::DestinationHash;
use reticulum::node::{InterfaceId, PathInfo};
use reticulum::time::{Instant, TimerQueue};

use super::Host;
use super::hosted::Hosted;
use super::record::stamp_cost;
use crate::api;
use crate::group::GroupId;

/// From an interface's coming up to the first announces on it. A stock program connects before it is ready: a frame that
/// comes in between makes it drop the connection for five seconds, with all that it has to say, and an announce that its
/// router does not hear yet leaves it without our price (`docs/protocol-notes.md`).
pub(super) const FIRST_AFTER: Duration = Duration::from_secs(2);
/// From a message that was not paid to the announce that tells its price: by then it is another announce than any that its
/// sender may have heard, which they would take for a repetition.
const PRICE_AFTER: Duration = Duration::from_secs(1);
/// Shortest time between announces to people who did not know what a message costs, on one interface: to direct neighbours,
/// whom nobody else hears, and to those farther away, which the whole network passes on.
const PRICE_APART: Duration = Duration::from_secs(10);
/// See [`PRICE_APART`].
const PRICE_APART_FAR: Duration = Duration::from_secs(600);
/// Shortest time between announces of a group that are made because what it announces has changed.
const CHANGES_APART: Duration = Duration::from_secs(120);

/// What is to be announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Due {
    /// All groups, on this interface.
    Interface(InterfaceId),
    /// The propagation node that we are, on this interface, once; it has an interval of its own.
    Node(InterfaceId),
    /// This group, on this interface: to direct neighbours, or to all beyond it.
    Price { group: GroupId, on: InterfaceId, far: bool },
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
    /// When a price was last told, or will be: two entries at most for a group and an interface that is up.
    prices_at: BTreeMap<Due, Instant>,
}

impl Announces {
    /// Announces on `interface` in a moment and then every `interval`; a zero interval announces only once.
    pub(super) fn start(&mut self, now: Instant, interface: InterfaceId, interval: Duration) {
        self.intervals.insert(interface, interval);
        for due in [Due::Interface(interface), Due::Node(interface)] {
            self.timers.set(due, now + FIRST_AFTER);
        }
    }

    pub(super) fn stop(&mut self, interface: InterfaceId) {
        self.intervals.remove(&interface);
        for due in [Due::Interface(interface), Due::Node(interface)] {
            self.timers.cancel(&due);
        }
        self.forget_prices(|due| matches!(due, Due::Price { on, .. } if *on == interface));
    }

    /// Somebody at the end of this path does not know what a message to `group` costs: announces it to them in a moment, or as
    /// soon as the last time is long enough ago.
    pub(super) fn price_unknown(&mut self, now: Instant, group: GroupId, path: PathInfo) {
        let far = path.hops > 1;
        let due = Due::Price { group, on: path.interface, far };
        let apart = if far { PRICE_APART_FAR } else { PRICE_APART };
        let soon = now + PRICE_AFTER;
        let earliest = self.prices_at.get(&due).map_or(soon, |last| soon.max(*last + apart));
        if self.prices_at.get(&due).is_none_or(|last| *last <= now) {
            self.prices_at.insert(due, earliest);
            self.timers.set(due, earliest);
        }
    }

    fn forget_prices(&mut self, gone: impl Fn(&Due) -> bool) {
        let timers = &mut self.timers;
        self.prices_at.retain(|due, _| {
            let stays = !gone(due);
            if !stays {
                timers.cancel(due);
            }
            stays
        });
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
        self.forget_prices(|due| matches!(due, Due::Price { group: of, .. } if *of == group));
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
            Due::Node(_) | Due::Price { .. } => {}
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

    /// Somebody sent a message without what it costs, most likely for want of our announce: it goes to where they are.
    pub(super) fn tell_price(&mut self, now: Instant, group: GroupId, to: &DestinationHash) {
        if let Some(path) = self.engine.path(to) {
            self.announces.price_unknown(now, group, path);
        }
    }

    /// Direct neighbours are answered as if they had asked for the path, which nobody passes on. Those farther away only hear
    /// what may be announced.
    fn announce_price(&mut self, now: Instant, group: GroupId, on: InterfaceId, far: bool) {
        let Some(hosted) = self.groups.get(group) else { return };
        let address = hosted.addresses.lxmf;
        // It is ours, so neither can fail.
        if !far {
            let _ = self.engine.announce_to(now, address, on);
        } else if hosted.group.settings().announced {
            let _ = self.engine.announce(now, address, Some(on));
        }
    }

    /// Makes the announces whose time has come.
    pub(super) fn announce_due(&mut self, now: Instant) {
        while let Some(due) = self.announces.pop_due(now) {
            let (of, on) = match due {
                Due::Interface(interface) => (None, Some(interface)),
                Due::Node(interface) => {
                    self.announce_propagation(now, interface);
                    continue;
                }
                Due::Price { group, on, far } => {
                    self.announce_price(now, group, on, far);
                    continue;
                }
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
    use std::sync::Arc;

    use reticulum::crypto::Identity;
    use reticulum::node::{InterfaceConfig, Node, NodeConfig};
    use reticulum::time::UnixTime;

    use super::*;

    /// Only a node names interfaces.
    fn interface() -> InterfaceId {
        let identity = Arc::new(Identity::from_bytes(&[1; 64]));
        let mut node = Node::new(NodeConfig::new(identity), [0; 32], Instant::ZERO, UnixTime::default());
        node.add_interface(Instant::ZERO, InterfaceConfig::default())
    }

    #[test]
    fn an_interface_that_came_up_hears_of_us_once_its_other_end_is_ready_and_then_at_intervals() {
        let at = |s| Instant::ZERO + Duration::from_secs(s);
        let mut announces = Announces::default();
        let port = interface();
        announces.start(at(10), port, Duration::from_secs(60));
        assert_eq!((announces.pop_due(at(11)), announces.poll_timeout()), (None, Some(at(12))));
        let popped: Vec<Due> = std::iter::from_fn(|| announces.pop_due(at(12))).collect();
        assert_eq!(popped, [Due::Interface(port), Due::Node(port)]);
        assert_eq!(
            (announces.pop_due(at(72)), announces.pop_due(at(72))),
            (Some(Due::Interface(port)), None)
        );
        announces.stop(port);
        assert_eq!(announces.poll_timeout(), None);
    }

    #[test]
    fn the_price_is_told_in_a_moment_and_again_only_after_a_while_which_is_longer_for_those_far_away() {
        let at = |s| Instant::ZERO + Duration::from_secs(s);
        let mut announces = Announces::default();
        let on = interface();
        for (hops, apart) in [(1, 10), (3, 600)] {
            let due = Due::Price { group: GroupId(3), on, far: hops > 1 };
            let path = || PathInfo { hops, interface: on };
            announces.price_unknown(at(10), GroupId(3), path());
            assert_eq!((announces.pop_due(at(10)), announces.pop_due(at(11))), (None, Some(due)));
            (11..15).for_each(|s| announces.price_unknown(at(s), GroupId(3), path()));
            assert_eq!(announces.poll_timeout(), Some(at(11 + apart)));
            assert_eq!((announces.pop_due(at(11 + apart)), announces.poll_timeout()), (Some(due), None));
        }
    }

    #[test]
    fn no_price_is_told_where_nobody_hears_it_any_more() {
        let at = |s| Instant::ZERO + Duration::from_secs(s);
        let mut announces = Announces::default();
        let on = interface();
        let unknown = |announces: &mut Announces, s| {
            announces.price_unknown(at(s), GroupId(3), PathInfo { hops: 1, interface: on });
        };
        unknown(&mut announces, 1);
        announces.stop(on);
        assert_eq!((announces.poll_timeout(), announces.prices_at.len()), (None, 0));
        unknown(&mut announces, 2);
        announces.forget(GroupId(3));
        assert_eq!((announces.poll_timeout(), announces.prices_at.len()), (None, 0));
    }

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
