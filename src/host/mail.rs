//! Propagation nodes, as the host uses them: when messages are fetched from them, and which member looks on which.

use std::time::Duration;

use lxmf::router::Synced;
use reticulum::hash::DestinationHash;
use reticulum::time::Instant;

use super::Host;
use super::messages::delivery_address;
use super::values::MailConfig;
use crate::group::{Caller, GroupId};

/// After the start, so that interfaces are up and nodes may have been heard.
const FIRST_SYNC_AFTER: Duration = Duration::from_secs(10);

/// When to look for messages next.
#[derive(Debug, Default)]
pub(super) struct Mail {
    interval: Duration,
    pub(super) fallback: bool,
    next_at: Option<Instant>,
    /// Since the start, from any node.
    has_synced: bool,
}

impl Mail {
    pub(super) fn new(now: Instant, config: &MailConfig) -> Self {
        let next_at = (!config.sync_interval.is_zero()).then(|| now + FIRST_SYNC_AFTER);
        Self { interval: config.sync_interval, fallback: config.fallback, next_at, has_synced: false }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.next_at
    }
}

impl Host {
    /// Fetches what propagation nodes keep for the groups, now.
    pub fn sync_mail(&mut self, now: Instant) {
        let nodes = self.router.own_nodes(&self.engine);
        let groups: Vec<DestinationHash> = self.groups.iter().map(|hosted| hosted.addresses.lxmf).collect();
        for (local, node) in groups.iter().flat_map(|local| nodes.iter().map(|node| (*local, *node))) {
            self.router.sync(now, &mut self.engine, local, node);
        }
    }

    pub(super) fn sync_due(&mut self, now: Instant) {
        if self.mail.next_at.is_some_and(|at| at <= now) {
            self.mail.next_at = Some(now + self.mail.interval);
            self.sync_mail(now);
        }
    }

    /// A node that is to be used appears: what it kept while we were away is fetched at once.
    pub(super) fn node_heard(&mut self, now: Instant, node: DestinationHash, path_response: bool) {
        self.peer_node_heard(now, node, path_response);
        let is_due = self.mail.next_at.is_some() && !self.mail.has_synced;
        if is_due && self.router.own_nodes(&self.engine).contains(&node) {
            self.sync_mail(now);
        }
    }

    pub(super) fn synced(&mut self, synced: Synced) {
        self.mail.has_synced |= synced.result.is_ok();
    }

    /// A member says on which node they look for messages.
    pub(super) fn set_member_node(&mut self, group: GroupId, caller: &Caller, node: Option<DestinationHash>) {
        let (Caller::Identity { identity, .. }, Some(hosted)) = (caller, self.groups.get(group)) else {
            return;
        };
        self.router.set_node(hosted.addresses.lxmf, delivery_address(identity.hash()), node);
    }
}
