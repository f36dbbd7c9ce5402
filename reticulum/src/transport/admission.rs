//! Announces between the frame and the tables: what comes in a burst waits (see `ingress`), the rest is checked and learned.

use super::ingress::Admission;
use super::{Announced, Heard, Transport};
use crate::hash::DestinationHash;
use crate::node::{Counters, InterfaceId};
use crate::time::Instant;

/// An announce whose signature was not checked yet.
#[derive(Debug)]
pub(crate) struct Unproven {
    /// The packet, which parsed once.
    pub(crate) frame: Vec<u8>,
    pub(crate) heard: Heard,
    pub(crate) path_response: bool,
}

/// An announce that is held back.
#[derive(Debug)]
pub(crate) enum Held {
    /// To be checked.
    Unproven(Unproven),
    /// To be learned: the one with which a burst began.
    Proven(Box<Announced>),
}

impl Transport {
    /// Lets an announce pass to where its signature is checked, unless it is held back during a burst. With it comes
    /// whether ingress control waits for the result, see [`Self::checked`].
    pub(crate) fn admit(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        announce: Unproven,
        counters: &mut Counters,
    ) -> Option<(Unproven, bool)> {
        let (id, hops) = (announce.heard.interface, announce.heard.hops);
        if self.is_awaited(&destination) {
            return Some((announce, false));
        }
        let share = self.held_announces_share();
        let interface = self.interfaces.up_mut(id)?;
        if !interface.config.ingress_control || interface.config.is_local_client {
            return Some((announce, false));
        }
        let rules = interface.config.rules.ingress;
        let max = rules.held_announces_max.min(share);
        let announce = Held::Unproven(announce);
        let admission = interface.ingress.admit(now, &rules, destination, hops, announce, max);
        match self.settle(id, admission, counters)? {
            Held::Unproven(announce) => Some((announce, true)),
            Held::Proven(_) => None,
        }
    }

    /// The signature of an announce for which ingress control waits was checked; lets a good one pass, unless a burst
    /// begins with it.
    pub(crate) fn checked(
        &mut self,
        now: Instant,
        id: InterfaceId,
        announced: Option<Box<Announced>>,
        counters: &mut Counters,
    ) -> Option<Box<Announced>> {
        let share = self.held_announces_share();
        let Some(interface) = self.interfaces.up_mut(id) else {
            counters.frame_interface_down += 1;
            return None;
        };
        let rules = interface.config.rules.ingress;
        let max = rules.held_announces_max.min(share);
        let announced =
            announced.map(|announced| (announced.destination, announced.heard.hops, Held::Proven(announced)));
        let admission = interface.ingress.checked(now, &rules, announced, max)?;
        match self.settle(id, admission, counters)? {
            Held::Proven(announced) => Some(announced),
            Held::Unproven(_) => None,
        }
    }

    /// The next held announce that may pass now.
    pub(crate) fn release(&mut self, now: Instant) -> Option<Held> {
        while let Some(id) = self.releases.pop_due(now) {
            let Some(interface) = self.interfaces.up_mut(id) else { continue };
            let rules = interface.config.rules.ingress;
            let released = interface.ingress.release(now, &rules);
            if let Some(at) = interface.ingress.poll_timeout() {
                self.releases.set(id, at);
            }
            if released.is_some() {
                return released;
            }
        }
        None
    }

    /// Whether an announce of `destination` is expected, so that it is not part of a burst: its path is known, or somebody
    /// asked for it.
    fn is_awaited(&self, destination: &DestinationHash) -> bool {
        self.paths.path(destination).is_some()
            || self.requests.is_waiting(destination)
            || self.discoveries.is_wanted(destination)
    }

    fn settle(
        &mut self,
        id: InterfaceId,
        admission: Admission<Held>,
        counters: &mut Counters,
    ) -> Option<Held> {
        let release_at = self.interfaces.up(id).and_then(|interface| interface.ingress.poll_timeout());
        if let Some(at) = release_at {
            self.releases.set(id, at);
        }
        match admission {
            Admission::Admitted(announce) => return Some(announce),
            Admission::Held => counters.announce_held += 1,
            Admission::Dropped => counters.announce_held_dropped += 1,
        }
        None
    }

    /// Announces that one interface may hold now: its share of all.
    fn held_announces_share(&self) -> usize {
        let share = self.limits().held_announces_total / self.interfaces.len().max(1);
        self.limits().held_announces.min(share)
    }
}
