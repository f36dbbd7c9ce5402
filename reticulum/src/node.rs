//! The one facade of the crate: owns the transport's tables, our destinations and the links, and connects them.
//!
//! How to drive it is told in the [crate's documentation](crate). What a node costs a remote is bounded by
//! [`Limits`]; what it refuses is counted by name in [`Counters`].
//!
//! | file | owns |
//! |---|---|
//! | `inbound` | to whom each packet goes, announces heard |
//! | `announcing`, `destinations`, `ratchets` | our destinations and what they announce |
//! | `saving`, `tunneling` | paths and air time across restarts, paths across connections |
//! | `tools` | what an operator's tools ask |
//! | `single` | single packets and their proofs |
//! | `forwarding` | packets, link requests and proofs of others that pass through |
//! | `blackholing` | identities whose traffic is not wanted |
//! | `links`, `link_commands` | the table of links, what passes between a link and the rest, and commands |
//! | `work` | public-key work as values |
//! | `config`, `airtime`, `rules`, `counters`, `events`, `ids` | values |

mod airtime;
mod announcing;
mod blackholing;
mod config;
mod counters;
mod destinations;
mod events;
mod forwarding;
mod ids;
mod inbound;
mod link_commands;
mod links;
mod ratchets;
mod rules;
mod saving;
mod single;
mod tables;
#[cfg(test)]
mod tests;
mod tools;
mod tunneling;
mod work;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

pub use airtime::{Airtime, AirtimeLimits, AirtimeRecord};
pub use blackholing::Blackholed;
pub use config::{DestinationConfig, InterfaceConfig, Limits, Mode, NodeConfig, ProofPolicy, ResourcePolicy};
pub use counters::Counters;
pub use events::{
    AddDestinationError, AnnounceError, CloseReason, Event, LinkError, LinkInfo, LinkRole, LinkStatus,
    OpenLinkError, Output, PeerRecord, PendingProof, Persist, RequestFailure, ResourceFailure,
    ResourceOptions, SendError, Sending,
};
pub use ids::{ChannelMessageId, InterfaceId, PersistId, Priority, ReceiptId, ResourceId, WorkId};
pub use rules::{AnnounceRate, IngressRules, InterfaceRules};
pub use tables::TableUse;
pub use work::{Work, WorkClass, WorkDone};

use crate::crypto::{Identity, RatchetSecret, Rng};
use crate::hash::{DestinationHash, LinkId};
use crate::time::{Instant, TimerQueue, UnixTime};
pub use crate::transport::{Flow, InterfaceStats, PathInfo, Peer, Place, Signal};
use crate::transport::{Receipts, Transport};
use destinations::Destinations;
use links::Links;
use saving::Saving;
pub use saving::{PathEntry, PathRecord};
pub use tools::{Pressure, RateEntry};
use work::{Done, Job};

/// What the node's own timers are for; tables have their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Timer {
    /// An announce that was deferred.
    Announce(DestinationHash),
    /// Whatever a link waits for.
    Link(LinkId),
    /// Paths are to be saved.
    SavePaths,
    /// The shared instance is told our destinations again.
    Register(InterfaceId),
}

/// A Reticulum node. See the [crate's documentation](crate) for how to drive it.
#[derive(Debug)]
pub struct Node {
    rng: Rng,
    /// Names us as a transport.
    identity: Arc<Identity>,
    /// The wall clock at [`Instant::ZERO`] plus `clock_at`.
    clock: UnixTime,
    clock_at: Instant,
    implicit_proofs: bool,
    counters: Counters,
    outputs: VecDeque<Output>,
    transport: Transport,
    destinations: Destinations,
    links: Links,
    receipts: Receipts,
    timers: TimerQueue<Timer>,
    /// Work handed out and not yet returned.
    outstanding: usize,
    work_id: u64,
    receipt_id: u64,
    persist_id: u64,
    saving: Saving,
    /// Interfaces whose use of air time is being made durable: at most one entry for each.
    reserving: HashMap<PersistId, InterfaceId>,
    /// When a packet may next be tried with all ratchets, were there no burst.
    old_ratchets_at: Instant,
    /// A frame without its access code; kept for its allocation.
    plain: Vec<u8>,
    /// The link whose peer the last frame identified.
    identified: Option<LinkId>,
}

impl Node {
    /// A node without interfaces and destinations. `seed` is secret and never used twice; all randomness comes from it.
    pub fn new(config: NodeConfig, seed: [u8; 32], now: Instant, unix: UnixTime) -> Self {
        let NodeConfig { identity, transport, implicit_proofs, limits } = config;
        Self {
            rng: Rng::from_seed(seed),
            identity: Arc::clone(&identity),
            clock: unix,
            clock_at: now,
            implicit_proofs,
            counters: Counters::default(),
            outputs: VecDeque::new(),
            transport: Transport::new(identity.hash(), transport, limits),
            destinations: Destinations::default(),
            links: Links::new(&limits),
            receipts: Receipts::new(limits.receipts),
            timers: TimerQueue::default(),
            outstanding: 0,
            work_id: 0,
            receipt_id: 0,
            persist_id: 0,
            saving: Saving::default(),
            reserving: HashMap::new(),
            old_ratchets_at: now,
            plain: Vec::new(),
            identified: None,
        }
    }

    /// Tells the wall clock, at the start and whenever it was set.
    pub fn set_unix_time(&mut self, now: Instant, unix: UnixTime) {
        (self.clock, self.clock_at) = (unix, now);
    }

    /// The wall clock at `now`.
    pub fn unix_time(&self, now: Instant) -> UnixTime {
        self.clock + now.since(self.clock_at)
    }

    /// Attaches an interface, which is up.
    pub fn add_interface(&mut self, now: Instant, config: InterfaceConfig) -> InterfaceId {
        let limits = *self.transport.limits();
        if config.is_local_client {
            // They are answered from what we heard, whether we forward for the network or not.
            self.transport.peers.keep_announces();
        }
        let id = self.transport.interfaces.add(now, config, &limits);
        self.transport.wake_interface(now, id);
        self.tell_tunnel(id);
        self.register_with_instance(now, id);
        id
    }

    /// Detaches an interface: its links close. The paths over it come back with the next interface of its name, or with the
    /// tunnel that led over it, if that is within 8 hours.
    pub fn remove_interface(&mut self, now: Instant, interface: InterfaceId) {
        self.close_links_on(now, interface);
        self.timers.cancel(&Timer::Register(interface));
        self.transport.interfaces.set_up(interface, false, &mut self.counters);
        self.note_left(now, interface);
        self.transport.remove_interface(now, interface);
    }

    /// An interface is up again.
    pub fn handle_interface_up(&mut self, now: Instant, interface: InterfaceId) {
        self.transport.interfaces.set_up(interface, true, &mut self.counters);
        self.tell_tunnel(interface);
        self.register_with_instance(now, interface);
    }

    /// An interface is down: its links close and what it had to transmit is dropped. The paths over it stay, for when
    /// it comes back, but are not used.
    pub fn handle_interface_down(&mut self, now: Instant, interface: InterfaceId) {
        self.close_links_on(now, interface);
        self.transport.interfaces.set_up(interface, false, &mut self.counters);
        self.note_left(now, interface);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.transport.handle_timeout(now);
        while let Some(held) = self.transport.release(now) {
            self.hear_released(now, held);
        }
        while let Some(unanswered) = self.transport.relays.handle_timeout(now) {
            self.link_request_unanswered(now, &unanswered);
        }
        self.end_blackholing(now);
        self.rediscover(now);
        self.transport.handle_spreading(now, &mut self.counters);
        while let Some(receipt) = self.receipts.handle_timeout(now) {
            self.event(Event::TimedOut { receipt });
        }
        // One that is set again to a time that is past waits for the next turn, so that none can spin.
        for _ in 0..self.timers.len() {
            let Some(timer) = self.timers.pop_due(now) else { break };
            match timer {
                Timer::Announce(destination) => self.advance_announce(now, destination),
                Timer::Link(link) => self.handle_link_timeout(now, link),
                Timer::SavePaths => self.advance_saving(now),
                Timer::Register(interface) => self.register(now, interface),
            }
        }
    }

    /// Work came back.
    pub fn handle_work_done(&mut self, now: Instant, done: WorkDone) {
        self.outstanding = self.outstanding.saturating_sub(1);
        match done.done {
            Done::AnnounceHeard(done) => self.finish_hearing(now, done),
            Done::TunnelTold(interface, body) => self.finish_tell_tunnel(now, interface, &body),
            Done::TunnelHeard(interface, tunnel) => self.finish_hear_tunnel(now, interface, tunnel),
            Done::Announced(destination, data) => self.finish_announce(now, destination, data),
            Done::Opened(opened) => self.finish_open(now, opened),
            Done::Sealed(sealed) => self.finish_seal(now, sealed),
            Done::Verified(address, valid) => self.finish_verify(&address, valid),
            Done::Proven(interface, hash, signature) => self.finish_prove(now, interface, hash, signature),
            Done::Answered(link, answer) => self.finish_answer(now, link, answer),
            Done::Link(link, done) => self.finish_link_job(now, link, done),
            Done::RelayProof(done) => self.finish_relay_proof(now, *done),
        }
    }

    /// What to tell, to persist or to compute next. Drain it after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front().or_else(|| self.reserve_airtime())
    }

    /// The interfaces that have something to transmit.
    pub fn transmit_pending(&self) -> impl Iterator<Item = InterfaceId> + '_ {
        self.transport.interfaces.transmit_pending()
    }

    /// Appends the next frame for an interface to `out`, with its access code; false if there is none. Pull only as
    /// much as the medium takes: what waits in here can still be overtaken by something more urgent.
    pub fn poll_transmit(&mut self, now: Instant, interface: InterfaceId, out: &mut Vec<u8>) -> bool {
        let sent = self.transport.interfaces.poll_transmit(now, interface, out, &mut self.counters);
        self.note_left(now, interface);
        sent
    }

    /// When to call [`Self::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let deadlines =
            [self.transport.poll_timeout(), self.receipts.poll_timeout(), self.timers.next_deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Work handed out and not yet returned. Above a bound of its own the driver stops reading frames, so that a
    /// medium with flow control pushes back; above [`Limits::work`] frames are refused.
    pub fn work_outstanding(&self) -> usize {
        self.outstanding
    }

    /// Adds a destination of ours.
    pub fn add_destination(
        &mut self,
        config: DestinationConfig,
    ) -> Result<DestinationHash, AddDestinationError> {
        self.destinations.add(config)
    }

    /// Removes a destination of ours. Its links stay until they are closed.
    pub fn remove_destination(&mut self, destination: &DestinationHash) {
        self.destinations.remove(destination);
        self.timers.cancel(&Timer::Announce(*destination));
    }

    /// What was heard of a destination.
    pub fn peer(&self, destination: &DestinationHash) -> Option<&Peer> {
        self.transport.peers.peer(destination)
    }

    /// Restores a peer from what was persisted. False if it is malformed, or contradicts or is older than what we know.
    pub fn add_peer(&mut self, record: PeerRecord) -> bool {
        self.transport.peers.restore(record)
    }

    /// Keeps a peer and its path from making room for others, and persists what changes about it; or lets it. Also
    /// good for one that is yet to be heard.
    pub fn retain_peer(&mut self, destination: DestinationHash, retain: bool) {
        self.transport.peers.retain(destination, retain);
        self.transport.paths.retain(&destination, retain);
        if let Some(record) = self.transport.peers.record(&destination) {
            self.outputs.push_back(Output::Persist(Persist::Peer(record)));
        }
    }

    /// The path to a destination, over an interface that is up.
    pub fn path(&self, destination: &DestinationHash) -> Option<PathInfo> {
        let route = self.transport.route(destination)?;
        Some(PathInfo { hops: route.hops, interface: route.interface })
    }

    /// How long a packet of full length takes over the first hop to a destination, its air time and a margin of 6 s;
    /// without a path, over the slowest interface that is up.
    pub fn first_hop_timeout(&self, destination: &DestinationHash) -> Option<std::time::Duration> {
        match self.transport.route(destination) {
            Some(route) => Some(route.first_hop_timeout),
            None => self.transport.slowest_first_hop(),
        }
    }

    /// Frames that wait at the interface by which a destination is reached, announces and what is less urgent than a
    /// message not counted; without a path, 0.
    pub fn first_hop_backlog(&self, destination: &DestinationHash) -> usize {
        self.transport.first_hop_backlog(destination)
    }

    /// Fresh randomness, for what the application seals itself.
    pub fn random_bytes<const N: usize>(&mut self) -> [u8; N] {
        self.rng.bytes()
    }

    /// All ratchets that are kept of a destination of ours, newest first, for what was sealed to it on another way than a
    /// packet. Trying them all takes tens of milliseconds.
    pub fn ratchets(&self, destination: &DestinationHash) -> Arc<[RatchetSecret]> {
        let ratchets = self.destinations.of(destination).and_then(|entry| entry.ratchets.as_ref());
        ratchets.map_or_else(|| Arc::new([]) as Arc<[_]>, ratchets::Ratchets::secrets)
    }

    /// Asks the network for the path to a destination. [`Event::PathFound`] tells the answer; nothing tells that there
    /// is none. Asking again within 20 s does nothing.
    pub fn request_path(&mut self, now: Instant, destination: DestinationHash) {
        let tag = self.rng.bytes();
        self.transport.request_path(now, destination, tag, &mut self.counters);
    }

    /// Forgets the path to a destination.
    pub fn drop_path(&mut self, destination: &DestinationHash) {
        self.transport.paths.remove(destination);
    }

    /// What was refused, and why.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What an interface carried.
    pub fn interface_stats(&self, now: Instant, interface: InterfaceId) -> Option<InterfaceStats> {
        self.transport.interfaces.stats(now, interface)
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn submit(&mut self, job: Job) {
        self.outstanding += 1;
        self.work_id += 1;
        self.outputs.push_back(Output::Work(Work { id: WorkId(self.work_id), job }));
    }

    fn next_receipt(&mut self) -> ReceiptId {
        self.receipt_id += 1;
        ReceiptId(self.receipt_id)
    }
}
