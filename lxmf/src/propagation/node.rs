//! Being a propagation node: keeping messages for those who are away (`spec/lxmf.md` 10 to 12).
//!
//! Sans-IO like the router, and beside it: it is handed what the router gives back of the engine's events. The store is
//! asked and told through the application, by [`Output`]s in an order that matters: what is answered or proven must not
//! leave before the [`Change`]s in front of it are durable. Each [`Output::Ask`] and each [`Output::Work`] comes back.
//!
//! | file | owns |
//! |---|---|
//! | `clients` | the links to us |
//! | `uploads` | transfers of clients and peers, until their stamps are checked |
//! | `gets` | what clients list, fetch and delete |
//! | `offers` | what peers offer us |
//! | `peers` | who the peers are, and when each is synced |
//! | `syncs` | offering them what they lack |
//! | `control` | what the operator's tools ask |
//! | `work` | checks of stamps and keys, as values |
//! | `values` | what goes in and out |

mod clients;
mod control;
mod counters;
mod gets;
mod offers;
mod peers;
mod syncs;
mod uploads;
mod values;
mod work;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use reticulum::crypto::PublicIdentity;
use reticulum::hash::{DestinationHash, IdentityHash, LinkId, PathHash};
use reticulum::node::{
    AddDestinationError, DestinationConfig, Event, LinkRole, Node, Priority, ProofPolicy, ResourcePolicy,
};
use reticulum::time::{Instant, TimerQueue};

use self::clients::ClientLink;
use self::control::Control;
use self::peers::{News, Peers};
use self::syncs::Syncs;
use self::uploads::Uploads;
use super::bodies::{Code, OFFER_PATH};
use super::{GET_PATH, NodeInfo, PROPAGATION_NAME, PROPAGATION_NAME_HASH};

pub use self::counters::Counters;
pub use self::values::{
    Answer, Ask, AskId, Change, Kept, NodeConfig, Output, PeerRecord, PeerStatus, STORED_FOR, Status,
    StatusId, Totals,
};
pub use self::work::{Work, WorkDone};

/// Full name of the destination that answers the operator's tools.
pub const CONTROL_NAME: &str = "lxmf.propagation.control";
/// Longest body of a request: an offer of some 7,500 messages.
const REQUEST_LEN_MAX: u64 = 256 << 10;
/// Questions to the store under way; who would ask one more is told to come back.
const ASKED_MAX: usize = 256;

/// What the answer to a question is for.
#[derive(Debug)]
enum Asked {
    Get(gets::Asked),
    Offer(offers::Asked),
    Stats(control::Asked),
    Sync(DestinationHash),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Timer {
    /// Old messages are to go.
    Sweep,
    /// A peer is to be synced, or its sync took too long.
    Peer(DestinationHash),
    /// Somebody's link may have been idle for too long.
    Idle(LinkId),
}

/// See the module's documentation.
#[derive(Debug)]
pub struct PropagationNode {
    config: NodeConfig,
    address: DestinationHash,
    control_address: DestinationHash,
    /// Bounded as the engine's links are.
    links: HashMap<LinkId, ClientLink>,
    /// Delivery destinations of members. Bounded by the application's own bounds.
    members: BTreeSet<DestinationHash>,
    /// Delivery destinations of ours.
    ours: BTreeSet<DestinationHash>,
    uploads: Uploads,
    peers: Peers,
    syncs: Syncs,
    control: Control,
    asked: BTreeMap<AskId, Asked>,
    next_ask: u64,
    timers: TimerQueue<Timer>,
    outputs: VecDeque<Output>,
    work_outstanding: usize,
    counters: Counters,
}

impl PropagationNode {
    /// Opens the two destinations. `peers` are those of earlier runs.
    pub fn new(
        config: NodeConfig,
        peers: Vec<PeerRecord>,
        now: Instant,
        node: &mut Node,
    ) -> Result<Self, AddDestinationError> {
        let mut destination = DestinationConfig::new(Arc::clone(&config.identity), PROPAGATION_NAME);
        destination.accept_links = true;
        destination.proofs = ProofPolicy::Application;
        destination.resources = ResourcePolicy::Application;
        destination.resource_size_max = config.transfer_len_max;
        destination.request_size_max = REQUEST_LEN_MAX;
        let address = node.add_destination(destination)?;
        let mut control = DestinationConfig::new(Arc::clone(&config.identity), CONTROL_NAME);
        control.accept_links = true;
        let control_address = node.add_destination(control)?;
        let mut this = Self {
            address,
            control_address,
            links: HashMap::new(),
            members: BTreeSet::new(),
            ours: BTreeSet::new(),
            uploads: Uploads::default(),
            peers: Peers::default(),
            syncs: Syncs::default(),
            control: Control::new(now),
            asked: BTreeMap::new(),
            next_ask: 0,
            timers: TimerQueue::default(),
            outputs: VecDeque::new(),
            work_outstanding: 0,
            counters: Counters::default(),
            config,
        };
        this.timers.set(Timer::Sweep, now);
        this.restore_peers(now, node, peers);
        Ok(this)
    }

    /// Its `lxmf.propagation` destination.
    pub fn address(&self) -> DestinationHash {
        self.address
    }

    /// Its `lxmf.propagation.control` destination.
    pub fn control_address(&self) -> DestinationHash {
        self.control_address
    }

    /// What was taken, served and refused.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Peers that messages are exchanged with.
    pub fn peer_count(&self) -> usize {
        self.peers.len()
    }

    /// Somebody's delivery destination is served from now on, and their messages go last where room is needed.
    pub fn add_member(&mut self, destination: DestinationHash) {
        self.members.insert(destination);
    }

    /// Somebody is no member any more.
    pub fn remove_member(&mut self, destination: &DestinationHash) {
        self.members.remove(destination);
    }

    /// A delivery destination of ours: what is uploaded for it is handed out by [`Output::Ours`] instead of kept.
    pub fn add_ours(&mut self, destination: DestinationHash) {
        self.ours.insert(destination);
    }

    /// A delivery destination of ours is no more.
    pub fn remove_ours(&mut self, destination: &DestinationHash) {
        self.ours.remove(destination);
    }

    /// Announces the node, on one interface or on all that let announces of ours out.
    pub fn announce(&mut self, now: Instant, node: &mut Node, on: Option<reticulum::node::InterfaceId>) {
        let info = NodeInfo {
            timebase: node.unix_time(now).as_secs(),
            enabled: true,
            message_len_max: self.config.message_len_max,
            transfer_len_max: self.config.transfer_len_max,
            stamp_cost: self.config.stamp_cost,
            flexibility: self.config.flexibility,
            peering_cost: self.config.peering_cost,
            name: self.config.name.clone(),
        };
        // Both are ours, and a name is bounded by the configuration, so neither can fail.
        let _ = node.set_app_data(&self.address, info.encode());
        let _ = node.announce(now, self.address, on);
        if !self.config.controllers.is_empty() {
            let _ = node.announce(now, self.control_address, on);
        }
    }

    /// Takes what the engine yielded and the router gave back; gives back what is not the node's, and what others may
    /// want to know too.
    pub fn handle_event(&mut self, now: Instant, node: &mut Node, event: Event) -> Option<Event> {
        self.note_use(now, &event);
        match event {
            Event::LinkOpened { link, destination, role: LinkRole::Responder, .. }
                if destination == self.address || destination == self.control_address =>
            {
                let is_control = destination == self.control_address;
                self.client_came(now, link, is_control);
            }
            Event::LinkIdentified { link, identity } => {
                if let Some(known) = self.links.get_mut(&link) {
                    known.remote = Some(Arc::clone(&identity));
                }
                return Some(Event::LinkIdentified { link, identity });
            }
            Event::LinkClosed { link, reason, ever_active } => {
                self.client_left(link);
                self.sync_link_closed(now, node, link);
                return Some(Event::LinkClosed { link, reason, ever_active });
            }
            Event::LinkPacket { link, data, proof } if self.links.contains_key(&link) => {
                self.handle_transfer(now, node, link, data, proof, true);
            }
            Event::ResourceOffered { link, resource, size, .. } if self.links.contains_key(&link) => {
                self.handle_resource_offer(now, node, link, resource, size);
            }
            Event::ResourceReceived { link, data, proof, .. } if self.links.contains_key(&link) => {
                self.handle_transfer(now, node, link, data, proof, false);
            }
            Event::ResourceFailed { link, .. } if self.links.contains_key(&link) => {
                self.uploads.transfer_failed(link);
            }
            Event::Request { link, request, path, data, remote, .. } if self.links.contains_key(&link) => {
                self.handle_request(now, node, link, request, path, &data, remote);
            }
            Event::PathFound { destination, hops } => {
                self.sync_path_found(now, node, destination);
                return Some(Event::PathFound { destination, hops });
            }
            event => return self.handle_sync_event(now, node, event),
        }
        None
    }

    /// A propagation node announced itself, or what it announced came as the answer to a path request: of such nothing
    /// becomes a peer, since somebody asked for it.
    pub fn handle_node_heard(
        &mut self,
        now: Instant,
        node: &mut Node,
        heard: DestinationHash,
        path_response: bool,
    ) {
        let news = if path_response { News::Path } else { News::Announce };
        self.peer_heard(now, node, heard, news);
    }

    /// Takes the store's answer.
    pub fn handle_answer(&mut self, now: Instant, node: &mut Node, id: AskId, answer: Answer) {
        match self.asked.remove(&id) {
            Some(Asked::Get(asked)) => self.got(asked, answer),
            Some(Asked::Offer(asked)) => self.offer_known(now, asked, answer),
            Some(Asked::Stats(asked)) => self.stats_known(now, node, asked, &answer),
            Some(Asked::Sync(peer)) => self.sync_answered(now, node, peer, answer),
            None => {}
        }
    }

    /// Takes finished work back.
    pub fn handle_work_done(&mut self, now: Instant, node: &mut Node, done: WorkDone) {
        self.work_outstanding = self.work_outstanding.saturating_sub(1);
        match done.0 {
            work::Done::Stamps(checked) => self.stamps_checked(now, node, checked),
            work::Done::Key { asked, is_valid } => self.key_checked(now, *asked, is_valid),
            work::Done::Searched { peer, searched } => self.key_searched(now, node, peer, *searched),
        }
    }

    /// To be called when [`Self::poll_timeout`] is due.
    pub fn handle_timeout(&mut self, now: Instant, node: &mut Node) {
        // What is set again to a time that is past waits for the next turn.
        for _ in 0..self.timers.len() {
            match self.timers.pop_due(now) {
                Some(Timer::Sweep) => self.sweep(now, node),
                Some(Timer::Peer(peer)) => self.peer_due(now, node, peer),
                Some(Timer::Idle(link)) => self.client_idle(now, node, link),
                None => break,
            }
        }
    }

    /// When to call [`Self::handle_timeout`] next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// The next output, if any.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Work that was handed out and has not come back.
    pub fn work_outstanding(&self) -> usize {
        self.work_outstanding
    }

    /// Whether messages to this destination are kept, and messages of its identity handed out.
    fn serves(&self, destination: &DestinationHash) -> bool {
        !self.config.members_only || self.members.contains(destination)
    }

    #[expect(clippy::too_many_arguments, reason = "they are the event's")]
    fn handle_request(
        &mut self,
        now: Instant,
        node: &mut Node,
        link: LinkId,
        request: reticulum::hash::RequestId,
        path: PathHash,
        data: &[u8],
        remote: Option<Arc<PublicIdentity>>,
    ) {
        let asker = values::Asker { link, request };
        let is_control = self.links.get(&link).is_some_and(|link| link.is_control);
        if is_control {
            return self.handle_control(now, node, asker, path, data, remote.as_deref());
        }
        let Some(remote) = remote else {
            self.counters.unidentified += 1;
            return self.refuse(asker, Code::NotIdentified);
        };
        if path == PathHash::of_path(GET_PATH) {
            self.handle_get(asker, remote.hash(), data);
        } else if path == PathHash::of_path(OFFER_PATH) {
            self.handle_offer(now, node, asker, remote.hash(), data);
        }
    }

    fn refuse(&mut self, asker: values::Asker, code: Code) {
        self.respond(asker, code.answer());
    }

    fn respond(&mut self, asker: values::Asker, answer: Vec<u8>) {
        let values::Asker { link, request } = asker;
        self.outputs.push_back(Output::Respond { link, request, answer });
    }

    /// Asks the store, if not too much is asked already.
    fn ask(&mut self, ask: Ask, asked: Asked) -> Result<(), Asked> {
        if self.asked.len() >= ASKED_MAX {
            self.counters.busy += 1;
            return Err(asked);
        }
        self.next_ask += 1;
        self.asked.insert(AskId(self.next_ask), asked);
        self.outputs.push_back(Output::Ask(AskId(self.next_ask), ask));
        Ok(())
    }

    fn change(&mut self, change: Change) {
        self.outputs.push_back(Output::Change(change));
    }

    fn work(&mut self, work: Work) {
        self.work_outstanding += 1;
        self.outputs.push_back(Output::Work(work));
    }

    /// Tells who uploads on a link that it was not taken, and closes the link (`spec/lxmf.md` 9.1).
    fn turn_away(now: Instant, node: &mut Node, link: LinkId, code: Code) {
        // With the urgency of the closing behind it, which would overtake it otherwise. The link may be gone.
        let _ = node.send_on_link(now, link, code.signal(), Priority::Link);
        node.close_link(now, link);
    }

    /// Lets go what is too old.
    fn sweep(&mut self, now: Instant, node: &mut Node) {
        let unix = node.unix_time(now);
        self.change(Change::Sweep { before: unix - STORED_FOR });
        self.forget_silent_peers(now, node);
        self.timers.set(Timer::Sweep, now + values::SWEEP_INTERVAL);
    }
}

/// The node's own destination of somebody who runs one.
fn node_address(identity: IdentityHash) -> DestinationHash {
    DestinationHash::of_single(*PROPAGATION_NAME_HASH, identity)
}

#[cfg(test)]
mod tests;
