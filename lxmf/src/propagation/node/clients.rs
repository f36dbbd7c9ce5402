//! The links to a node: who is at their other ends, and when one is of no more use.

use std::sync::Arc;
use std::time::Duration;

use reticulum::crypto::PublicIdentity;
use reticulum::hash::LinkId;
use reticulum::node::{Event, Node};
use reticulum::time::Instant;

use super::{PropagationNode, Timer};

/// A link on which nothing was said or carried for this long is closed (`spec/lxmf.md` 8.1).
const IDLE_MAX: Duration = Duration::from_secs(180);

/// A link to us.
#[derive(Debug)]
pub(super) struct ClientLink {
    pub(super) remote: Option<Arc<PublicIdentity>>,
    /// It leads to the control destination.
    pub(super) is_control: bool,
    /// Its initiator showed a peering key that is worth what it costs.
    pub(super) is_peer: bool,
    used_at: Instant,
}

impl PropagationNode {
    pub(super) fn client_came(&mut self, now: Instant, link: LinkId, is_control: bool) {
        self.links.insert(link, ClientLink { remote: None, is_control, is_peer: false, used_at: now });
        self.timers.set(Timer::Idle(link), now + IDLE_MAX);
    }

    pub(super) fn client_left(&mut self, link: LinkId) {
        self.links.remove(&link);
        self.timers.cancel(&Timer::Idle(link));
        self.uploads.transfer_failed(link);
    }

    /// Notes that a link is used, if an event is of one.
    pub(super) fn note_use(&mut self, now: Instant, event: &Event) {
        let (Event::LinkIdentified { link, .. }
        | Event::LinkPacket { link, .. }
        | Event::ResourceOffered { link, .. }
        | Event::ResourceReceived { link, .. }
        | Event::ResourceFailed { link, .. }
        | Event::Request { link, .. }) = event
        else {
            return;
        };
        if let Some(link) = self.links.get_mut(link) {
            link.used_at = now;
        }
    }

    /// A link may have been idle for long enough. What travels on it, such as the answer to a `/get`, keeps it.
    pub(super) fn client_idle(&mut self, now: Instant, node: &mut Node, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if node.link(id).is_some_and(|info| info.transfers > 0) {
            link.used_at = now;
        }
        let until = link.used_at + IDLE_MAX;
        match until <= now {
            true => node.close_link(now, id),
            false => self.timers.set(Timer::Idle(id), until),
        }
    }
}
