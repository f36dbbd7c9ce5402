//! Propagation nodes, as the host uses them: when messages are fetched from them, and which member looks on which.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use lxmf::router::Synced;
use reticulum::hash::DestinationHash;
use reticulum::time::{Instant, UnixTime};

use super::messages::delivery_address;
use super::values::MailConfig;
use super::{Asker, Host};
use crate::api;
use crate::group::{Caller, GroupId};

/// After the start, so that interfaces are up and nodes may have been heard.
const FIRST_SYNC_AFTER: Duration = Duration::from_secs(10);
/// How long an operator waits for what was asked for; less than the command line waits for any answer.
const CALL_WAIT: Duration = Duration::from_secs(25);
/// Nodes of which it is remembered how the last look went; the one of longest ago is forgotten.
const LAST_MAX: usize = 32;

/// When to look for messages next.
#[derive(Debug, Default)]
pub(super) struct Mail {
    interval: Duration,
    pub(super) fallback: bool,
    next_at: Option<Instant>,
    /// Since the start, from any node.
    has_synced: bool,
    /// For whom to look where, as soon as there is room. At most one entry for each group and node.
    queue: VecDeque<Look>,
    last: BTreeMap<DestinationHash, LastLook>,
    /// Bounded as connections to the control socket are.
    calls: Vec<SyncCall>,
}

/// A group's address, and the node to look on.
type Look = (DestinationHash, DestinationHash);

/// How the last look for messages on a node went.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastLook {
    pub(super) at: UnixTime,
    pub(super) synced: Synced,
}

/// Somebody who waits for looks to be done.
#[derive(Debug)]
struct SyncCall {
    asker: Asker,
    until: Instant,
    waiting: BTreeSet<Look>,
    done: Vec<Synced>,
    peers: usize,
}

impl Mail {
    pub(super) fn new(now: Instant, config: &MailConfig) -> Self {
        let next_at = (!config.sync_interval.is_zero()).then(|| now + FIRST_SYNC_AFTER);
        Self { interval: config.sync_interval, fallback: config.fallback, next_at, ..Self::default() }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.calls.iter().map(|call| call.until).chain(self.next_at).min()
    }

    /// How the last look on a node went.
    pub(super) fn last(&self, node: &DestinationHash) -> Option<LastLook> {
        self.last.get(node).copied()
    }

    fn remember(&mut self, at: UnixTime, synced: Synced) {
        self.last.insert(synced.node, LastLook { at, synced });
        if self.last.len() > LAST_MAX
            && let Some(oldest) = self.last.iter().min_by_key(|(_, last)| last.at).map(|(node, _)| *node)
        {
            self.last.remove(&oldest);
        }
    }
}

impl Host {
    /// Fetches what propagation nodes keep for the groups, now.
    pub fn sync_mail(&mut self, now: Instant) {
        let nodes = self.router.own_nodes(&self.engine);
        self.look_on(now, &nodes);
    }

    /// Looks for messages to all groups on these nodes, and returns what will be done.
    fn look_on(&mut self, now: Instant, nodes: &[DestinationHash]) -> BTreeSet<Look> {
        let groups = self.groups.iter().map(|hosted| hosted.addresses.lxmf);
        let looks: Vec<Look> =
            groups.flat_map(|local| nodes.iter().map(move |node| (local, *node))).collect();
        for look in &looks {
            if !self.mail.queue.contains(look) {
                self.mail.queue.push_back(*look);
            }
        }
        self.look_further(now);
        let is_under_way = |(local, node): &Look| {
            self.router.is_syncing(*local, *node) || self.mail.queue.contains(&(*local, *node))
        };
        looks.into_iter().filter(is_under_way).collect()
    }

    /// Begins looks that wait, as far as there is room.
    fn look_further(&mut self, now: Instant) {
        while self.router.sync_room() > 0
            && let Some((local, node)) = self.mail.queue.pop_front()
        {
            // It may be under way already, or the group is gone.
            self.router.sync(now, &mut self.engine, local, node);
        }
    }

    pub(super) fn sync_due(&mut self, now: Instant) {
        if self.mail.next_at.is_some_and(|at| at <= now) {
            self.mail.next_at = Some(now + self.mail.interval);
            self.sync_mail(now);
        }
        while let Some(index) = self.mail.calls.iter().position(|call| call.until <= now) {
            self.answer_sync(now, index);
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

    pub(super) fn synced(&mut self, now: Instant, synced: Synced) {
        self.mail.has_synced |= synced.result.is_ok();
        self.mail.remember(self.engine.unix_time(now), synced);
        self.look_further(now);
        let look = (synced.local, synced.node);
        for call in &mut self.mail.calls {
            if call.waiting.remove(&look) {
                call.done.push(synced);
            }
        }
        while let Some(index) = self.mail.calls.iter().position(|call| call.waiting.is_empty()) {
            self.answer_sync(now, index);
        }
    }

    /// Looks for messages, and syncs the peers of our own node; the answer follows when that is done. With an `address`,
    /// only there.
    pub(super) fn sync_on_demand(&mut self, now: Instant, asker: Asker, address: Option<DestinationHash>) {
        let peers = self.sync_peers(now, address);
        let nodes = match address {
            // A peer that is not used for messages to the groups has none of them.
            Some(node) if peers > 0 && !self.router.own_nodes(&self.engine).contains(&node) => Vec::new(),
            Some(node) => vec![node],
            None => self.router.own_nodes(&self.engine),
        };
        let waiting = self.look_on(now, &nodes);
        self.mail.calls.push(SyncCall { asker, until: now + CALL_WAIT, waiting, done: Vec::new(), peers });
        if let Some(index) = self.mail.calls.iter().position(|call| call.waiting.is_empty()) {
            self.answer_sync(now, index);
        }
    }

    fn answer_sync(&mut self, now: Instant, index: usize) {
        let SyncCall { asker, waiting, done, peers, .. } = self.mail.calls.swap_remove(index);
        self.answer_after_commit(now, asker, api::mail_synced(&done, waiting.len(), peers));
    }

    /// A member says on which node they look for messages.
    pub(super) fn set_member_node(&mut self, group: GroupId, caller: &Caller, node: Option<DestinationHash>) {
        let (Caller::Identity { identity, .. }, Some(hosted)) = (caller, self.groups.get(group)) else {
            return;
        };
        self.router.set_node(hosted.addresses.lxmf, delivery_address(identity.hash()), node);
    }
}
