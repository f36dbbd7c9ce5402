//! Offering peers what they lack, and bringing it (`spec/lxmf.md` 11).
//!
//! A sync asks the store what is new for a peer, offers it, brings what the peer wants, notes how far it got, and begins
//! again until nothing is left. It fails as a whole, and the next one offers the same again.

use std::collections::HashMap;
use std::time::Duration;

use reticulum::hash::{DestinationHash, LinkId, RequestId};
use reticulum::node::{Event, LinkRole, Node, ResourceId, ResourceOptions};
use reticulum::time::Instant;

use super::peers::{Peer, SYNC_DELAY, info};
use super::values::{Answer, Ask, Change};
use super::work::{Job, Work, key_material};
use super::{Asked, PropagationNode, Timer};
use crate::propagation::bodies::{self, OFFER_PATH, OfferAnswer, OfferBody};
use crate::propagation::{NodeInfo, TransientId};
use crate::stamp::{Purpose, Search, Searched};

/// Syncs of ours at a time; others wait for their turn.
const SYNCS_MAX: usize = 2;
/// Messages of one offer; it has to fit what others take as a request.
const OFFERED_MAX: usize = 1_024;
/// Most that one transfer brings, in bytes, however much a peer would take.
const TRANSFER_LEN_MAX: u64 = 2_000_000;
/// How long the path to a peer is waited for.
const PATH_WAIT: Duration = Duration::from_secs(20);
/// How long a link, an answer or the store may take.
const STEP_TIME: Duration = Duration::from_secs(120);
/// How long a transfer may take: on a slow radio, much.
const TRANSFER_TIME: Duration = Duration::from_secs(3_600);
/// Bytes of a handshake, the first measure of how fast a link is (`spec/reticulum.md` 8.7).
const HANDSHAKE_LEN: u64 = 303;
/// How long a peer that asks us to is left alone (`spec/lxmf.md` 11.1).
const THROTTLED_FOR: Duration = Duration::from_secs(180);

/// The links of syncs. At most [`SYNCS_MAX`].
#[derive(Debug, Default)]
pub(super) struct Syncs {
    by_link: HashMap<LinkId, DestinationHash>,
}

/// Where the sync with a peer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Idle,
    /// The peer, or the path to it, is not known.
    Path,
    /// The store looks what is new; on the link of the round before, if there was one.
    Reading(Option<LinkId>),
    /// A key is searched.
    Key(Batch, u8),
    Linking(LinkId, Batch),
    Offering(LinkId, RequestId, Batch),
    /// The store reads what the peer wants.
    Loading(LinkId, Batch),
    Sending(LinkId, ResourceId, Transfer, Batch),
}

/// A transfer under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transfer {
    begun: Instant,
    messages: u64,
    bytes: u64,
}

/// What is offered in one round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    ids: Vec<TransientId>,
    through: u64,
    /// The peer did not know us, and we told it once more who we are.
    is_second_try: bool,
}

impl Stage {
    /// As the operator's tools show it.
    pub(super) fn code(&self) -> u64 {
        match self {
            Self::Idle => 0,
            Self::Path | Self::Reading(_) | Self::Key(..) => 1,
            Self::Linking(..) => 2,
            Self::Offering(..) => 3,
            Self::Loading(..) => 4,
            Self::Sending(..) => 5,
        }
    }

    pub(super) fn link(&self) -> Option<LinkId> {
        match self {
            Self::Reading(link) => *link,
            Self::Linking(link, _)
            | Self::Offering(link, ..)
            | Self::Loading(link, _)
            | Self::Sending(link, ..) => Some(*link),
            Self::Idle | Self::Path | Self::Key(..) => None,
        }
    }
}

/// Why a sync ended early.
enum Failure {
    /// It failed; the next one waits longer.
    Failed,
    /// The peer asks to come back later.
    Throttled,
    /// It does not want us.
    NoAccess,
    /// Our key is not worth what it costs now.
    Key,
}

impl PropagationNode {
    /// It is a peer's turn, or what it was to do took too long.
    pub(super) fn peer_due(&mut self, now: Instant, node: &mut Node, destination: DestinationHash) {
        let running = self.peers.all.values().filter(|peer| peer.stage != Stage::Idle).count();
        let Some(peer) = self.peers.all.get_mut(&destination) else { return };
        if peer.stage != Stage::Idle {
            return self.fail_sync(now, node, destination, Failure::Failed);
        }
        if !peer.has_news {
            return;
        }
        if running >= SYNCS_MAX {
            return self.timers.set(Timer::Peer(destination), now + SYNC_DELAY);
        }
        peer.tried_at = Some(node.unix_time(now));
        self.read_news(now, node, destination, None);
    }

    /// Asks the store what is new for a peer.
    fn read_news(
        &mut self,
        now: Instant,
        node: &mut Node,
        destination: DestinationHash,
        link: Option<LinkId>,
    ) {
        let Some(info) = info(node, &destination) else { return self.wait_for_path(now, node, destination) };
        let Some(peer) = self.peers.all.get_mut(&destination) else { return };
        peer.has_news = false;
        let ask = Ask::Newer {
            peer: destination,
            after: peer.record.through,
            value_min: u16::from(info.stamp_cost.saturating_sub(info.flexibility)),
            len_max: info.message_len_max,
            count_max: OFFERED_MAX,
            bytes_max: info.transfer_len_max.min(TRANSFER_LEN_MAX),
        };
        self.enter(now, destination, Stage::Reading(link), STEP_TIME);
        if self.ask(ask, Asked::Sync(destination)).is_err() {
            self.fail_sync(now, node, destination, Failure::Failed);
        }
    }

    fn wait_for_path(&mut self, now: Instant, node: &mut Node, destination: DestinationHash) {
        node.request_path(now, destination);
        self.enter(now, destination, Stage::Path, PATH_WAIT);
    }

    /// The peer announced itself or a path to it was found.
    pub(super) fn sync_path_found(&mut self, now: Instant, node: &mut Node, destination: DestinationHash) {
        if self.peers.all.get(&destination).is_some_and(|peer| peer.stage == Stage::Path) {
            self.read_news(now, node, destination, None);
        }
    }

    /// The store answered.
    pub(super) fn sync_answered(
        &mut self,
        now: Instant,
        node: &mut Node,
        destination: DestinationHash,
        answer: Answer,
    ) {
        let Some(peer) = self.peers.all.get_mut(&destination) else { return };
        match (std::mem::replace(&mut peer.stage, Stage::Idle), answer) {
            (Stage::Reading(link), Answer::Newer(ids, through)) if ids.is_empty() => {
                peer.stage = Stage::Reading(link);
                self.reached(destination, through);
                self.finish_sync(now, node, destination);
            }
            (Stage::Reading(link), Answer::Newer(ids, through)) => {
                let batch = Batch { ids, through, is_second_try: false };
                match link {
                    Some(link) => self.offer(now, node, destination, link, batch),
                    None => self.approach(now, node, destination, batch),
                }
            }
            (Stage::Loading(link, batch), Answer::Messages(messages)) => {
                self.bring(now, node, destination, link, batch, &messages);
            }
            (stage, _) => {
                peer.stage = stage;
                self.fail_sync(now, node, destination, Failure::Failed);
            }
        }
    }

    /// Sees that there is a key that the peer takes, then opens a link.
    fn approach(&mut self, now: Instant, node: &mut Node, destination: DestinationHash, batch: Batch) {
        let known = info(node, &destination).zip(node.peer(&destination).map(|peer| peer.identity.hash()));
        let Some((info, receiver)) = known else { return self.wait_for_path(now, node, destination) };
        let Some(peer) = self.peers.all.get_mut(&destination) else { return };
        if peer.record.key.is_some_and(|(_, value)| value >= info.peering_cost.into()) {
            return self.link(now, node, destination, batch);
        }
        let NodeInfo { peering_cost, .. } = info;
        if peering_cost > self.config.peering_cost_paid_max {
            return self.fail_sync(now, node, destination, Failure::Failed);
        }
        let material = key_material(receiver, self.config.identity.hash());
        self.enter(now, destination, Stage::Key(batch, peering_cost), TRANSFER_TIME);
        let search = Search::new(Purpose::Peering, material, peering_cost);
        self.work(Work(Job::Search { peer: destination, search }));
    }

    /// A slice of the search for a key is done.
    pub(super) fn key_searched(
        &mut self,
        now: Instant,
        node: &mut Node,
        destination: DestinationHash,
        searched: Searched,
    ) {
        let Some(peer) = self.peers.all.get_mut(&destination) else { return };
        let Stage::Key(batch, cost) = &peer.stage else { return };
        match searched {
            Searched::NotYet(search) => self.work(Work(Job::Search { peer: destination, search })),
            Searched::Found { stamp, .. } => {
                let (batch, cost) = (batch.clone(), *cost);
                peer.record.key = Some((stamp, cost.into()));
                let record = peer.record.clone();
                self.change(Change::Peer(record));
                self.link(now, node, destination, batch);
            }
        }
    }

    fn link(&mut self, now: Instant, node: &mut Node, destination: DestinationHash, batch: Batch) {
        match node.open_link(now, destination) {
            Ok(link) => {
                self.syncs.by_link.insert(link, destination);
                self.enter(now, destination, Stage::Linking(link, batch), STEP_TIME);
            }
            Err(_) => self.wait_for_path(now, node, destination),
        }
    }

    fn offer(
        &mut self,
        now: Instant,
        node: &mut Node,
        destination: DestinationHash,
        link: LinkId,
        batch: Batch,
    ) {
        let Some(peer) = self.peers.all.get_mut(&destination) else { return };
        peer.offered += batch.ids.len() as u64;
        let key = peer.record.key.map_or([0; 32], |(key, _)| key);
        let body = OfferBody { key, ids: batch.ids.clone() }.encode();
        match node.request(now, link, OFFER_PATH, &body, Some(STEP_TIME)) {
            Ok(request) => {
                self.enter(now, destination, Stage::Offering(link, request, batch), 2 * STEP_TIME);
            }
            Err(_) => self.fail_sync(now, node, destination, Failure::Failed),
        }
    }

    /// What became of the links of syncs, and of what was sent on them.
    pub(super) fn handle_sync_event(&mut self, now: Instant, node: &mut Node, event: Event) -> Option<Event> {
        let link = match &event {
            Event::LinkOpened { link, role: LinkRole::Initiator, .. }
            | Event::Response { link, .. }
            | Event::RequestFailed { link, .. }
            | Event::ResourceSent { link, .. }
            | Event::ResourceRejected { link, .. }
            | Event::ResourceFailed { link, .. } => *link,
            _ => return Some(event),
        };
        let Some(&destination) = self.syncs.by_link.get(&link) else { return Some(event) };
        let stage = self.peers.all.get_mut(&destination).map(|peer| &mut peer.stage)?;
        match (event, std::mem::replace(stage, Stage::Reading(Some(link)))) {
            (Event::LinkOpened { rtt, .. }, Stage::Linking(_, batch)) => {
                if let Some(peer) = self.peers.all.get_mut(&destination) {
                    peer.link_rate_bps = rate_bps(HANDSHAKE_LEN, rtt);
                }
                self.identify(now, node, destination, link, batch);
            }
            (Event::Response { request, value, .. }, Stage::Offering(_, asked, batch))
                if asked == request =>
            {
                self.offer_answered(now, node, destination, link, batch, &value);
            }
            (Event::ResourceSent { resource, .. }, Stage::Sending(_, sent, transfer, batch))
                if sent == resource =>
            {
                self.brought(now, destination, transfer);
                self.round_done(now, node, destination, link, &batch);
            }
            (Event::LinkOpened { .. } | Event::Response { .. } | Event::ResourceSent { .. }, stage) => {
                if let Some(peer) = self.peers.all.get_mut(&destination) {
                    peer.stage = stage;
                }
            }
            _ => self.fail_sync(now, node, destination, Failure::Failed),
        }
        None
    }

    /// Tells the peer who we are, and offers.
    fn identify(
        &mut self,
        now: Instant,
        node: &mut Node,
        destination: DestinationHash,
        link: LinkId,
        batch: Batch,
    ) {
        match node.identify(now, link, &self.config.identity) {
            Ok(()) => self.offer(now, node, destination, link, batch),
            Err(_) => self.fail_sync(now, node, destination, Failure::Failed),
        }
    }

    fn offer_answered(
        &mut self,
        now: Instant,
        node: &mut Node,
        destination: DestinationHash,
        link: LinkId,
        batch: Batch,
        answer: &[u8],
    ) {
        let wanted = match OfferAnswer::parse(answer) {
            Ok(OfferAnswer::Nothing) => return self.round_done(now, node, destination, link, &batch),
            Ok(OfferAnswer::All) => batch.ids.clone(),
            Ok(OfferAnswer::Some(ids)) => ids.into_iter().filter(|id| batch.ids.contains(id)).collect(),
            Ok(OfferAnswer::Code(0xf0)) if !batch.is_second_try => {
                return self.identify(now, node, destination, link, Batch { is_second_try: true, ..batch });
            }
            Ok(OfferAnswer::Code(0xf1)) => {
                return self.fail_sync(now, node, destination, Failure::NoAccess);
            }
            Ok(OfferAnswer::Code(0xf3)) => return self.fail_sync(now, node, destination, Failure::Key),
            Ok(OfferAnswer::Code(0xf6)) => {
                return self.fail_sync(now, node, destination, Failure::Throttled);
            }
            Ok(OfferAnswer::Code(_)) | Err(_) => {
                return self.fail_sync(now, node, destination, Failure::Failed);
            }
        };
        let batch = Batch { ids: wanted.clone(), ..batch };
        self.enter(now, destination, Stage::Loading(link, batch), STEP_TIME);
        if self.ask(Ask::Bodies(wanted), Asked::Sync(destination)).is_err() {
            self.fail_sync(now, node, destination, Failure::Failed);
        }
    }

    fn bring(
        &mut self,
        now: Instant,
        node: &mut Node,
        destination: DestinationHash,
        link: LinkId,
        batch: Batch,
        messages: &[Vec<u8>],
    ) {
        if messages.is_empty() {
            return self.round_done(now, node, destination, link, &batch);
        }
        let transfer = bodies::transfer(node.unix_time(now), messages);
        let (messages, bytes) = (messages.len() as u64, transfer.len() as u64);
        // What is encrypted does not shrink.
        match node.send_resource(now, link, transfer, ResourceOptions::default()) {
            Ok(resource) => {
                let transfer = Transfer { begun: now, messages, bytes };
                self.enter(now, destination, Stage::Sending(link, resource, transfer, batch), TRANSFER_TIME);
            }
            Err(_) => self.fail_sync(now, node, destination, Failure::Failed),
        }
    }

    /// A transfer arrived whole.
    fn brought(&mut self, now: Instant, destination: DestinationHash, transfer: Transfer) {
        let Transfer { begun, messages, bytes } = transfer;
        self.counters.to_peers += messages;
        if let Some(peer) = self.peers.all.get_mut(&destination) {
            peer.outgoing += messages;
            peer.tx_bytes += bytes;
            peer.transfer_rate_bps = rate_bps(bytes, now.since(begun));
        }
    }

    /// The peer has what it wanted of this round; looks whether there is more.
    fn round_done(
        &mut self,
        now: Instant,
        node: &mut Node,
        destination: DestinationHash,
        link: LinkId,
        batch: &Batch,
    ) {
        self.reached(destination, batch.through);
        self.read_news(now, node, destination, Some(link));
    }

    /// Notes how far a peer has come.
    fn reached(&mut self, destination: DestinationHash, through: u64) {
        let Some(peer) = self.peers.all.get_mut(&destination) else { return };
        if through > peer.record.through {
            peer.record.through = through;
            let record = peer.record.clone();
            self.change(Change::Peer(record));
        }
    }

    fn finish_sync(&mut self, now: Instant, node: &mut Node, destination: DestinationHash) {
        self.end_sync(now, node, destination);
        let Some(peer) = self.peers.all.get_mut(&destination) else { return };
        peer.failures = 0;
        if peer.has_news {
            self.timers.set(Timer::Peer(destination), now + SYNC_DELAY);
        }
    }

    fn fail_sync(&mut self, now: Instant, node: &mut Node, destination: DestinationHash, failure: Failure) {
        self.end_sync(now, node, destination);
        self.counters.sync_failed += 1;
        let Some(peer) = self.peers.all.get_mut(&destination) else { return };
        peer.has_news = true;
        let wait = match failure {
            Failure::NoAccess if !peer.is_static => return self.drop_peer(now, node, destination),
            Failure::Throttled => THROTTLED_FOR,
            Failure::Key => {
                peer.record.key = None;
                peer.failures += 1;
                peer.backoff()
            }
            Failure::Failed | Failure::NoAccess => {
                peer.failures += 1;
                peer.backoff()
            }
        };
        self.timers.set(Timer::Peer(destination), now + wait);
    }

    /// Leaves the peer alone; what it was told stays true.
    pub(super) fn end_sync(&mut self, now: Instant, node: &mut Node, destination: DestinationHash) {
        let Some(peer) = self.peers.all.get_mut(&destination) else { return };
        let stage = std::mem::replace(&mut peer.stage, Stage::Idle);
        self.timers.cancel(&Timer::Peer(destination));
        if let Some(link) = stage.link() {
            self.syncs.by_link.remove(&link);
            node.close_link(now, link);
        }
        // An answer of the store that is still to come belongs to nobody.
        self.asked.retain(|_, asked| !matches!(asked, Asked::Sync(of) if *of == destination));
    }

    pub(super) fn sync_link_closed(&mut self, now: Instant, node: &mut Node, link: LinkId) {
        if let Some(destination) = self.syncs.by_link.remove(&link) {
            self.fail_sync(now, node, destination, Failure::Failed);
        }
    }

    fn enter(&mut self, now: Instant, destination: DestinationHash, stage: Stage, within: Duration) {
        if let Some(peer) = self.peers.all.get_mut(&destination) {
            peer.stage = stage;
            self.timers.set(Timer::Peer(destination), now + within);
        }
    }

    /// Syncs a peer now, if nothing is under way with it. False if there is no such peer.
    pub(super) fn sync_now(&mut self, now: Instant, destination: DestinationHash) -> bool {
        let Some(Peer { stage, has_news, .. }) = self.peers.all.get_mut(&destination) else { return false };
        if *stage == Stage::Idle {
            *has_news = true;
            self.timers.set(Timer::Peer(destination), now);
        }
        true
    }
}

fn rate_bps(bytes: u64, within: Duration) -> u64 {
    (8.0 * bytes as f64 / within.as_secs_f64().max(0.001)) as u64
}
