//! When the group's destinations are announced, and on which interface.

use std::collections::BTreeMap;
use std::time::Duration;

use reticulum::node::InterfaceId;
use reticulum::time::{Instant, TimerQueue};

/// One timer per interface.
#[derive(Debug, Default)]
pub(super) struct Announces {
    intervals: BTreeMap<InterfaceId, Duration>,
    timers: TimerQueue<InterfaceId>,
}

impl Announces {
    /// Announces on `interface` now and then every `interval`; a zero interval announces only now.
    pub(super) fn start(&mut self, now: Instant, interface: InterfaceId, interval: Duration) {
        self.intervals.insert(interface, interval);
        self.timers.set(interface, now);
    }

    pub(super) fn stop(&mut self, interface: InterfaceId) {
        self.intervals.remove(&interface);
        self.timers.cancel(&interface);
    }

    /// An interface on which the group is to be announced now.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<InterfaceId> {
        let interface = self.timers.pop_due(now)?;
        if let Some(interval) = self.intervals.get(&interface).filter(|interval| !interval.is_zero()) {
            self.timers.set(interface, now + *interval);
        }
        Some(interface)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }
}
