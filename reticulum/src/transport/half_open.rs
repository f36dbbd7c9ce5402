//! Links that are not established yet, which a remote made us keep: bounded for each interface and in total.
//!
//! The oldest makes room, of its own interface first, so that a flood of requests displaces only itself.

use std::collections::BTreeMap;

use super::recency::Recency;
use crate::hash::LinkId;
use crate::node::InterfaceId;

/// The half-open links of a table.
#[derive(Debug)]
pub(crate) struct HalfOpen {
    order: Recency<LinkId>,
    on: BTreeMap<InterfaceId, Recency<LinkId>>,
    max: usize,
    max_on: usize,
}

impl HalfOpen {
    /// At most `max` links, `max_on` of them on one interface.
    pub(crate) fn new(max: usize, max_on: usize) -> Self {
        Self { order: Recency::default(), on: BTreeMap::new(), max, max_on }
    }

    /// Adds a link. Returns the one that has to make room, which the caller removes.
    pub(crate) fn insert(&mut self, interface: InterfaceId, id: LinkId) -> Option<LinkId> {
        let on = self.on.entry(interface).or_default();
        on.touch(id);
        self.order.touch(id);
        if on.len() > self.max_on {
            on.oldest()
        } else if self.order.len() > self.max {
            self.order.oldest()
        } else {
            None
        }
    }

    /// Removes a link that came in on `interface`.
    pub(crate) fn remove(&mut self, interface: InterfaceId, id: &LinkId) {
        self.order.remove(id);
        if let Some(on) = self.on.get_mut(&interface) {
            on.remove(id);
            if on.len() == 0 {
                self.on.remove(&interface);
            }
        }
    }
}
