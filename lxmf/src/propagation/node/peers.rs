//! Who the peers are, what is remembered of them, and when each is synced (`spec/lxmf.md` 11.2).
//!
//! How far a peer is synced is one number: messages are numbered as they come, and all up to it were offered to the peer or
//! are not for it. So a peer costs one row, however much is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use reticulum::hash::DestinationHash;
use reticulum::node::Node;
use reticulum::time::{Instant, UnixTime};

use super::syncs::Stage;
use super::values::{Change, PeerRecord};
use super::{PropagationNode, Timer};
use crate::propagation::NodeInfo;

/// From the first message that a peer lacks to its sync, so that several go together (`spec/lxmf.md` 11.2).
pub(super) const SYNC_DELAY: Duration = Duration::from_secs(24);
/// A peer that was not heard for this long is none any more (`spec/lxmf.md` 11.2).
const SILENT_MAX: Duration = Duration::from_secs(14 * 24 * 3600);
/// Time more after each failure (`spec/lxmf.md` 11.2).
const BACKOFF: Duration = Duration::from_secs(12 * 60);
/// Failures that count.
const BACKOFF_STEPS_MAX: u32 = 60;
/// From one time that a peer makes room for a newcomer to the next (`spec/lxmf.md` 11.2).
const ROTATION: Duration = Duration::from_secs(56 * 24);
/// A peer that takes less than this part of what it is offered may have to make room (`spec/lxmf.md` 11.2).
const ACCEPTANCE_MIN: f64 = 0.5;
/// When a peer was heard is written down this often at most.
const HEARD_WRITTEN_EVERY: Duration = Duration::from_secs(24 * 3600);

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Peers {
    /// At most as many as the configuration says.
    pub(super) all: BTreeMap<DestinationHash, Peer>,
    /// When one made room for another.
    rotated_at: Option<Instant>,
}

/// How a node came to be heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It announced itself.
    Announce,
    /// A path to it was found.
    Path,
    /// It brought messages.
    Transfer,
}

/// A peer.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) record: PeerRecord,
    /// It is named in the configuration.
    pub(super) is_static: bool,
    pub(super) stage: Stage,
    /// There may be something that it lacks.
    pub(super) has_news: bool,
    pub(super) failures: u32,
    pub(super) tried_at: Option<UnixTime>,
    pub(super) offered: u64,
    pub(super) outgoing: u64,
    pub(super) incoming: u64,
    pub(super) rx_bytes: u64,
    pub(super) tx_bytes: u64,
    /// How fast its last link was opened, and its last transfer went, in bits a second; zero before the first.
    pub(super) link_rate_bps: u64,
    pub(super) transfer_rate_bps: u64,
}

impl Peer {
    fn new(record: PeerRecord, is_static: bool) -> Self {
        Self {
            record,
            is_static,
            stage: Stage::Idle,
            has_news: true,
            failures: 0,
            tried_at: None,
            offered: 0,
            outgoing: 0,
            incoming: 0,
            rx_bytes: 0,
            tx_bytes: 0,
            link_rate_bps: 0,
            transfer_rate_bps: 0,
        }
    }

    /// What part of what it was offered it took; nothing offered is no reproach.
    pub(super) fn acceptance(&self) -> Option<f64> {
        (self.offered > 0).then(|| self.outgoing as f64 / self.offered as f64)
    }

    /// How long it is left alone after what failed of late.
    pub(super) fn backoff(&self) -> Duration {
        BACKOFF * self.failures.min(BACKOFF_STEPS_MAX)
    }
}

impl Peers {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}

impl PropagationNode {
    /// Takes the peers of earlier runs back, and those that are named.
    pub(super) fn restore_peers(&mut self, now: Instant, node: &mut Node, records: Vec<PeerRecord>) {
        let unknown = |destination: &DestinationHash| PeerRecord {
            destination: *destination,
            through: 0,
            key: None,
            heard: UnixTime::default(),
        };
        let named = self.config.peers.clone();
        for record in named.iter().map(unknown).chain(records) {
            let is_static = named.contains(&record.destination);
            if is_static || self.config.autopeer && !self.config.members_only {
                node.retain_peer(record.destination, true);
                self.timers.set(Timer::Peer(record.destination), now + SYNC_DELAY);
                self.peers.all.insert(record.destination, Peer::new(record, is_static));
            } else {
                self.change(Change::ForgetPeer(record.destination));
            }
        }
    }

    /// A node was heard of.
    pub(super) fn peer_heard(
        &mut self,
        now: Instant,
        node: &mut Node,
        destination: DestinationHash,
        news: News,
    ) {
        let unix = node.unix_time(now);
        let Some(info) = info(node, &destination) else { return };
        let Some(peer) = self.peers.all.get_mut(&destination) else {
            if news != News::Path {
                self.consider_peer(now, node, destination, &info);
            }
            return;
        };
        if !info.enabled && !peer.is_static {
            return self.drop_peer(now, node, destination);
        }
        let is_old = unix.since(peer.record.heard) >= HEARD_WRITTEN_EVERY;
        peer.record.heard = unix;
        // It is there again: what it lacks need not wait for the end of its back-off.
        if news == News::Announce && peer.stage == Stage::Idle && peer.failures > 0 && peer.has_news {
            self.timers.set(Timer::Peer(destination), now + SYNC_DELAY);
        }
        if is_old {
            let record = peer.record.clone();
            self.change(Change::Peer(record));
        }
        self.sync_path_found(now, node, destination);
    }

    /// Makes a peer of a node that was heard, if it suits.
    fn consider_peer(
        &mut self,
        now: Instant,
        node: &mut Node,
        destination: DestinationHash,
        info: &NodeInfo,
    ) {
        let is_near = node.path(&destination).is_some_and(|path| path.hops <= self.config.autopeer_hops_max);
        let suits = self.config.autopeer
            && !self.config.members_only
            && destination != self.address
            && info.enabled
            && info.peering_cost <= self.config.peering_cost_paid_max
            && is_near;
        if !suits || self.peers.len() >= self.config.peers_max && !self.make_room_for_peer(now, node) {
            return;
        }
        let record = PeerRecord { destination, through: 0, key: None, heard: node.unix_time(now) };
        node.retain_peer(destination, true);
        self.change(Change::Peer(record.clone()));
        self.peers.all.insert(destination, Peer::new(record, false));
        self.timers.set(Timer::Peer(destination), now + SYNC_DELAY);
    }

    /// Drops the peer that is of least use: one that does not answer, else the one that takes least of what it is
    /// offered, if that is little. Once in a while only, or newcomers that are no better would take turns.
    fn make_room_for_peer(&mut self, now: Instant, node: &mut Node) -> bool {
        if self.peers.rotated_at.is_some_and(|at| now.since(at) < ROTATION) {
            return false;
        }
        let may_go = |peer: &Peer| {
            let takes_little = peer.acceptance().is_some_and(|rate| rate < ACCEPTANCE_MIN);
            !peer.is_static && peer.stage == Stage::Idle && (peer.failures > 0 || takes_little)
        };
        let worst = self.peers.all.iter().filter(|(_, peer)| may_go(peer)).min_by(|(_, one), (_, other)| {
            let rate = |peer: &Peer| peer.acceptance().unwrap_or(1.0);
            other.failures.cmp(&one.failures).then(rate(one).total_cmp(&rate(other)))
        });
        let Some(worst) = worst.map(|(destination, _)| *destination) else { return false };
        self.peers.rotated_at = Some(now);
        self.drop_peer(now, node, worst);
        true
    }

    /// No peer any more, unless it is named, and until it announces itself again.
    pub(super) fn drop_peer(&mut self, now: Instant, node: &mut Node, destination: DestinationHash) {
        self.end_sync(now, node, destination);
        self.peers.all.remove(&destination);
        self.timers.cancel(&Timer::Peer(destination));
        node.retain_peer(destination, false);
        self.change(Change::ForgetPeer(destination));
    }

    /// A node brought messages.
    pub(super) fn peer_brought(&mut self, peer: DestinationHash, messages: u64, bytes: usize) {
        match self.peers.all.get_mut(&peer) {
            Some(peer) => {
                peer.incoming += messages;
                peer.rx_bytes += bytes as u64;
            }
            None => {
                self.counters.unpeered += messages;
                self.counters.unpeered_bytes += bytes as u64;
            }
        }
    }

    /// Something is kept that peers may lack.
    pub(super) fn mail_came(&mut self, now: Instant, from: Option<DestinationHash>) {
        for (destination, peer) in &mut self.peers.all {
            if Some(*destination) == from {
                continue;
            }
            peer.has_news = true;
            let timer = Timer::Peer(*destination);
            if self.timers.deadline(&timer).is_none() {
                self.timers.set(timer, now + SYNC_DELAY.max(peer.backoff()));
            }
        }
    }

    pub(super) fn forget_silent_peers(&mut self, now: Instant, node: &mut Node) {
        let unix = node.unix_time(now);
        let is_gone = |peer: &Peer| !peer.is_static && unix.since(peer.record.heard) >= SILENT_MAX;
        let gone: Vec<_> = self
            .peers
            .all
            .iter()
            .filter(|(_, peer)| is_gone(peer))
            .map(|(destination, _)| *destination)
            .collect();
        gone.into_iter().for_each(|destination| self.drop_peer(now, node, destination));
    }
}

/// What a node announced last, if it was heard.
pub(super) fn info(node: &Node, destination: &DestinationHash) -> Option<NodeInfo> {
    NodeInfo::parse(node.peer(destination)?.app_data.as_deref()?).ok()
}
