//! The attached interfaces: their settings, state, traffic counts, transmit queues and ingress control.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::Held;
use super::budget::Budget;
use super::burst::{Bursts, Meter};
use super::cap::Cap;
use super::ingress::Ingress;
use super::queue::{AnnounceKey, Left, Queue, Queued};
use super::traffic::InterfaceStats;
use crate::hash::{DestinationHash, LinkId, ProofAddress};
use crate::node::{Airtime, AirtimeLimits, Counters, InterfaceConfig, InterfaceId, Limits, Priority};
use crate::time::{Instant, TimerQueue};
use crate::wire::link::{MTU_MAX, MTU_UNSIGNALLED};
use crate::wire::{self, HEADER_MIN};

/// Slower media keep count of their air time even without limits.
const SLOW_BPS: u64 = 100_000;

/// How long a radio listens after a packet that its neighbour is to prove, in air times of a proof: its own back-off and the
/// neighbour's take about as long as two, at any spreading factor.
const LISTEN_PROOFS: u32 = 4;
/// A proof on the air: header and signature.
const PROOF_LEN: usize = HEADER_MIN + 64;

/// Budgets of interfaces that are gone, the oldest makes room. Only limits in the configuration make one.
const RESTING_BUDGETS_MAX: usize = 64;

/// How much comes in and waits on an interface, for people to look at. Announces are those of destinations that were not
/// known, which is what a burst is made of; rates are over the last samples, at most 48.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pressure {
    /// Announces heard a second.
    pub announces_in_hz: f64,
    /// Announces sent a second, ours and others'.
    pub announces_out_hz: f64,
    /// Path requests heard a second.
    pub requests_in_hz: f64,
    /// Path requests of others passed on a second.
    pub requests_out_hz: f64,
    /// Announces that ingress control holds back.
    pub announces_held: usize,
    /// Whether announces come in a burst.
    pub announces_burst: bool,
    /// Whether path requests do.
    pub requests_burst: bool,
    /// When the last burst of announces began.
    pub announces_burst_began: Option<Instant>,
    /// The same of path requests.
    pub requests_burst_began: Option<Instant>,
    /// Bursts of announces so far.
    pub announces_bursts: u64,
    /// The same of path requests.
    pub requests_bursts: u64,
    /// Announces that wait for the cap.
    pub announces_capped: usize,
}

/// One interface.
#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) config: InterfaceConfig,
    pub(crate) ingress: Ingress<Held>,
    /// Announces passed on for others.
    pub(crate) cap: Cap,
    /// Path requests heard.
    pub(crate) asked: Bursts,
    /// Path requests passed on for others.
    pub(crate) asking: Meter,
    /// Announces sent.
    announced: Meter,
    pub(crate) stats: InterfaceStats,
    queue: Queue,
    /// Of a slow medium, or one with a limit.
    budget: Option<Box<Budget>>,
    /// The proof that a radio listens for, and until when.
    listening: Option<(ProofAddress, Instant)>,
}

impl Interface {
    /// The largest link MTU that this interface takes part in (`spec/reticulum.md` 6.6).
    pub(crate) fn link_mtu(&self) -> u32 {
        if self.config.mtu_capable { self.mtu() } else { MTU_UNSIGNALLED }
    }

    /// The longest packet, as signalling tells it.
    pub(crate) fn mtu(&self) -> u32 {
        u32::try_from(self.config.hw_mtu).map_or(MTU_MAX, |mtu| mtu.min(MTU_MAX))
    }

    /// Longest frame, with its access code.
    pub(crate) fn frame_len_max(&self) -> usize {
        self.config.hw_mtu + self.access_code_len()
    }

    fn access_code_len(&self) -> usize {
        self.config.ifac.as_ref().map_or(0, crate::crypto::Ifac::size)
    }

    /// Frames that wait and are as urgent as a message or more, counted up to a few.
    pub(crate) fn backlog(&self) -> usize {
        self.queue.urgent_len()
    }

    /// Time on the air of a packet of `len` bytes.
    pub(crate) fn airtime(&self, len: usize) -> Duration {
        self.config.airtime.of(len + self.access_code_len(), self.config.bitrate_bps)
    }

    /// When the packet may go that is next: when the budget lets it, and what it would disturb is over.
    fn allowed_at(&mut self, now: Instant, counters: &mut Counters) -> Instant {
        let Some(budget) = &self.budget else { return now };
        let Some((priority, len)) = self.queue.next(now, &mut counters.queue_stale) else { return now };
        let allowed_at = budget.allowed_at(now, self.airtime(len), priority);
        counters.queue_airtime_waits += u64::from(allowed_at > now);
        let listening = self.listening.filter(|_| priority > Priority::Link);
        listening.map_or(allowed_at, |(_, until)| allowed_at.max(until))
    }

    /// After a packet that a neighbour is to prove, a radio leaves the air to the proof: one that is drowned costs the
    /// whole packet once more. Only of a radio is it known that all share its air.
    fn listen(&mut self, now: Instant, packet: &[u8], proof: ProofAddress) {
        let is_radio = matches!(self.config.airtime, Airtime::Table(_));
        let is_for_neighbour =
            wire::Packet::parse(packet).is_ok_and(|packet| packet.header.transport_id.is_none());
        if is_radio && is_for_neighbour {
            let until = now + self.airtime(packet.len()) + LISTEN_PROOFS * self.airtime(PROOF_LEN);
            self.listening = Some((proof, until));
        }
    }

    /// Time on the air of the packet that is next.
    fn next_airtime(&self) -> Duration {
        self.queue.first_len().map(|len| self.airtime(len)).unwrap_or_default()
    }

    /// Whether the packet that is next has to wait until air time is reserved for it, and whether to reserve now.
    fn reserve_state(&self) -> (bool, bool) {
        let Some(budget) = &self.budget else { return (false, false) };
        let airtime = self.next_airtime();
        (!budget.has_reserved(airtime), budget.wants_reserve(airtime))
    }

    /// Whether what is to be sent may wait for long.
    pub(crate) fn is_slow(&self) -> bool {
        self.budget.is_some()
    }

    /// How much comes in and waits.
    pub(crate) fn pressure(&self, now: Instant) -> Pressure {
        let (announces_held, announces) = self.ingress.state();
        Pressure {
            announces_in_hz: announces.seen_hz(now),
            announces_out_hz: self.announced.seen_hz(now),
            requests_in_hz: self.asked.seen_hz(now),
            requests_out_hz: self.asking.seen_hz(now),
            announces_held,
            announces_burst: announces.is_bursting(),
            requests_burst: self.asked.is_bursting(),
            announces_burst_began: announces.began(),
            requests_burst_began: self.asked.began(),
            announces_bursts: announces.count(),
            requests_bursts: self.asked.count(),
            announces_capped: self.cap.len(),
        }
    }
}

/// What an interface used of its air time, and what it is about to use.
#[derive(Debug)]
pub(crate) struct AirtimeUse<'a> {
    pub(crate) name: &'a str,
    /// In each minute of the hour before, the running minute first.
    pub(crate) used_us: Vec<u32>,
    pub(crate) reserved: Duration,
}

/// The table of interfaces.
#[derive(Debug)]
pub(crate) struct Interfaces {
    interfaces: BTreeMap<InterfaceId, Interface>,
    /// Bytes in all transmit queues.
    queued_bytes: usize,
    queued_bytes_max: usize,
    /// Those with something to transmit, so that finding them does not cost a scan of all.
    pending: BTreeSet<InterfaceId>,
    /// When the budget of each that has used it up lets the next packet go.
    refills: TimerQueue<InterfaceId>,
    /// Limited budgets of interfaces that are gone, by name: a radio that is plugged in again has not earned another
    /// hour's air.
    resting: VecDeque<(String, Box<Budget>)>,
    /// Those whose frames wait for long.
    slow: BTreeSet<InterfaceId>,
    /// Those that want to reserve air time, since when.
    reserves: BTreeMap<InterfaceId, Instant>,
    next: u32,
    /// Those that lead to programs on this machine.
    local_clients: usize,
}

impl Interfaces {
    /// Bytes in all transmit queues.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// An empty table.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            interfaces: BTreeMap::new(),
            queued_bytes: 0,
            queued_bytes_max: limits.queue_bytes_total,
            pending: BTreeSet::new(),
            refills: TimerQueue::default(),
            resting: VecDeque::new(),
            slow: BTreeSet::new(),
            reserves: BTreeMap::new(),
            next: 0,
            local_clients: 0,
        }
    }

    /// Adds an interface, which is up.
    pub(crate) fn add(&mut self, now: Instant, config: InterfaceConfig, limits: &Limits) -> InterfaceId {
        let id = InterfaceId(self.next);
        self.next += 1;
        self.local_clients += usize::from(config.is_local_client);
        let budget = self.budget(&config);
        if budget.is_some() {
            self.slow.insert(id);
        }
        let is_slow = budget.is_some();
        let interface = Interface {
            budget,
            config,
            ingress: Ingress::new(now),
            cap: Cap::default(),
            asked: Bursts::new(now),
            asking: Meter::default(),
            announced: Meter::default(),
            stats: InterfaceStats { up: true, ..InterfaceStats::default() },
            listening: None,
            queue: Queue::new(limits.queue_frames, limits.queue_bytes, is_slow),
        };
        self.interfaces.insert(id, interface);
        id
    }

    /// Removes an interface.
    pub(crate) fn remove(&mut self, id: InterfaceId) {
        if let Some(interface) = self.interfaces.remove(&id) {
            self.queued_bytes -= interface.queue.byte_len();
            self.local_clients -= usize::from(interface.config.is_local_client);
            let limited = interface.config.airtime_limits != AirtimeLimits::default();
            if let Some(mut budget) = interface.budget.filter(|_| limited) {
                budget.give_up_reserve();
                self.rest(interface.config.name, budget);
            }
        }
        self.pending.remove(&id);
        self.refills.cancel(&id);
        self.reserves.remove(&id);
        self.slow.remove(&id);
    }

    /// Keeps the budget of an interface that is not there, until it is.
    pub(crate) fn rest(&mut self, name: String, budget: Box<Budget>) {
        self.resting.truncate(RESTING_BUDGETS_MAX - 1);
        self.resting.push_front((name, budget));
    }

    /// The next interface that wants to reserve air time: what is to be durable first, and for what moment that is.
    pub(crate) fn begin_reserve(&mut self) -> Option<(InterfaceId, Instant, AirtimeUse<'_>)> {
        let (id, since) = self.reserves.pop_first()?;
        let interface = self.interfaces.get_mut(&id)?;
        let airtime = interface.next_airtime();
        let budget = interface.budget.as_mut()?;
        let used_us = budget.used_us(since);
        let reserved = budget.begin_reserve(airtime);
        Some((id, since, AirtimeUse { name: &interface.config.name, used_us, reserved }))
    }

    /// What an interface reserved is durable: what waits may go.
    pub(crate) fn finish_reserve(&mut self, id: InterfaceId) {
        let Some(interface) = self.interfaces.get_mut(&id) else { return };
        if let Some(budget) = &mut interface.budget {
            budget.finish_reserve();
        }
        if interface.queue.len() > 0 && interface.stats.up {
            self.pending.insert(id);
        }
    }

    /// Brings an interface up or down; what it had to transmit is dropped when it goes down.
    pub(crate) fn set_up(&mut self, id: InterfaceId, up: bool, counters: &mut Counters) {
        let Some(interface) = self.interfaces.get_mut(&id) else { return };
        interface.stats.up = up;
        if !up {
            self.queued_bytes -= interface.queue.byte_len();
            counters.queue_interface_down += interface.queue.clear() as u64;
            interface.cap.clear();
            self.pending.remove(&id);
            self.refills.cancel(&id);
        }
    }

    /// The interface, up or down.
    pub(crate) fn interface(&self, id: InterfaceId) -> Option<&Interface> {
        self.interfaces.get(&id)
    }

    /// The interface, if it is up.
    pub(crate) fn up(&self, id: InterfaceId) -> Option<&Interface> {
        self.interfaces.get(&id).filter(|interface| interface.stats.up)
    }

    /// The interface, if it is up.
    pub(crate) fn up_mut(&mut self, id: InterfaceId) -> Option<&mut Interface> {
        self.interfaces.get_mut(&id).filter(|interface| interface.stats.up)
    }

    /// Those that are up, in order.
    pub(crate) fn all_up(&self) -> impl Iterator<Item = (InterfaceId, &Interface)> {
        self.interfaces
            .iter()
            .filter(|(_, interface)| interface.stats.up)
            .map(|(id, interface)| (*id, interface))
    }

    /// How many there are, up or down.
    pub(crate) fn len(&self) -> usize {
        self.interfaces.len()
    }

    /// Whether any leads to a program on this machine.
    pub(crate) fn has_local_clients(&self) -> bool {
        self.local_clients > 0
    }

    /// Queues a packet.
    pub(crate) fn push(
        &mut self,
        now: Instant,
        id: InterfaceId,
        packet: Vec<u8>,
        priority: Priority,
        counters: &mut Counters,
    ) {
        self.enqueue(now, id, counters, |queue| queue.push(now, packet, priority));
    }

    /// Queues a packet that waits for a proof; [`Self::take_left`] tells when it leaves.
    pub(crate) fn push_proven(
        &mut self,
        now: Instant,
        id: InterfaceId,
        packet: Vec<u8>,
        priority: Priority,
        address: ProofAddress,
        counters: &mut Counters,
    ) {
        self.enqueue(now, id, counters, |queue| queue.push_proven(now, packet, priority, address));
    }

    /// Takes what left the queue of an interface since the last call, of what waits for proofs.
    pub(crate) fn take_left(&mut self, id: InterfaceId) -> Vec<Left> {
        self.interfaces
            .get_mut(&id)
            .map(|interface| interface.queue.take_left().collect())
            .unwrap_or_default()
    }

    /// Queues an announce in place of an older one of its kind.
    pub(crate) fn push_announce(
        &mut self,
        now: Instant,
        id: InterfaceId,
        packet: Vec<u8>,
        key: AnnounceKey,
        counters: &mut Counters,
    ) {
        if let Some(interface) = self.up_mut(id) {
            interface.announced.sample(now);
        }
        self.enqueue(now, id, counters, |queue| queue.push_announce(now, packet, key));
    }

    /// A link over an interface is no more: what waits of it is pointless.
    pub(crate) fn drop_link(&mut self, id: InterfaceId, link: &LinkId, counters: &mut Counters) {
        self.drop_waiting(id, counters, |queue| queue.drop_link(link));
    }

    /// A path is known: nobody needs to be asked for it any more. Looks only where frames wait for long.
    pub(crate) fn drop_path_requests(&mut self, destination: &DestinationHash, counters: &mut Counters) {
        for id in self.slow.clone() {
            self.drop_waiting(id, counters, |queue| usize::from(queue.drop_path_request(destination)));
        }
    }

    fn drop_waiting(
        &mut self,
        id: InterfaceId,
        counters: &mut Counters,
        drop: impl FnOnce(&mut Queue) -> usize,
    ) {
        let Some(interface) = self.interfaces.get_mut(&id) else { return };
        let before = interface.queue.byte_len();
        counters.queue_pointless += drop(&mut interface.queue) as u64;
        self.queued_bytes -= before - interface.queue.byte_len();
        if interface.queue.len() == 0 {
            self.pending.remove(&id);
            self.refills.cancel(&id);
        }
    }

    /// Lets go on whose budget has room again.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(id) = self.refills.pop_due(now) {
            self.pending.insert(id);
        }
    }

    /// When the next budget has room again.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.refills.next_deadline()
    }

    /// Those with something to transmit that they may.
    pub(crate) fn transmit_pending(&self) -> impl Iterator<Item = InterfaceId> + '_ {
        self.pending.iter().copied()
    }

    /// Appends the next frame of an interface, with its access code; false if there is none.
    pub(crate) fn poll_transmit(
        &mut self,
        now: Instant,
        id: InterfaceId,
        out: &mut Vec<u8>,
        counters: &mut Counters,
    ) -> bool {
        let Some(interface) = self.interfaces.get_mut(&id) else { return false };
        let queued_bytes = interface.queue.byte_len();
        let allowed_at = interface.allowed_at(now, counters);
        let is_in_time = allowed_at <= now;
        let (unreserved, wants_reserve) = interface.reserve_state();
        let is_allowed = is_in_time && !unreserved;
        if is_in_time && wants_reserve {
            self.reserves.entry(id).or_insert(now);
        }
        let packet = is_allowed.then(|| interface.queue.pop(now, &mut counters.queue_stale)).flatten();
        self.queued_bytes -= queued_bytes - interface.queue.byte_len();
        if !is_in_time {
            self.refills.set(id, allowed_at);
        } else if unreserved && wants_reserve {
            // What is asked for here goes out with the next turn, which must come.
            self.refills.set(id, now);
        }
        if !is_allowed || interface.queue.len() == 0 {
            self.pending.remove(&id);
        }
        let Some(packet) = packet else { return false };
        if let Some(proof) = interface.queue.sent_now() {
            interface.listen(now, &packet, proof);
        }
        let airtime = interface.airtime(packet.len());
        if let Some(budget) = &mut interface.budget {
            budget.spend(now, airtime);
        }
        let start = out.len();
        match &interface.config.ifac {
            Some(ifac) => ifac.seal(&packet, out),
            None => out.extend_from_slice(&packet),
        }
        interface.stats.count_sent(&packet, out.len() - start);
        true
    }

    /// A proof came: who listened for it may speak again.
    pub(crate) fn handle_proof(&mut self, id: InterfaceId, proof: &ProofAddress) {
        let Some(interface) = self.interfaces.get_mut(&id) else { return };
        let was_heard = interface.listening.take_if(|(awaited, _)| awaited == proof).is_some();
        if was_heard && interface.queue.len() > 0 {
            self.refills.cancel(&id);
            self.pending.insert(id);
        }
    }

    /// What an interface carried.
    pub(crate) fn stats(&self, now: Instant, id: InterfaceId) -> Option<InterfaceStats> {
        let interface = self.interfaces.get(&id)?;
        let queue_delay = interface.queue.oldest_since().map(|since| now.since(since)).unwrap_or_default();
        Some(InterfaceStats {
            queue_len: interface.queue.len(),
            queue_bytes: interface.queue.byte_len(),
            dropped_packets: interface.queue.lost().0,
            dropped_bytes: interface.queue.lost().1,
            queue_delay,
            airtime_used_percent: interface.budget.as_ref().map(|budget| budget.used_percent(now)),
            ..interface.stats
        })
    }

    /// The budget of a new interface: the one that it had before, if it was here.
    fn budget(&mut self, config: &InterfaceConfig) -> Option<Box<Budget>> {
        let limited = config.airtime_limits != AirtimeLimits::default();
        if let Some(before) = self.resting.iter().position(|(name, _)| *name == config.name && limited) {
            let (_, mut budget) = self.resting.remove(before)?;
            budget.limit(config.airtime_limits);
            return Some(budget);
        }
        let is_slow = config.bitrate_bps > 0 && config.bitrate_bps < SLOW_BPS;
        (limited || is_slow).then(|| Box::new(Budget::new(config.airtime_limits)))
    }

    fn enqueue(
        &mut self,
        now: Instant,
        id: InterfaceId,
        counters: &mut Counters,
        push: impl FnOnce(&mut Queue) -> Queued,
    ) {
        let Some(interface) = self.interfaces.get_mut(&id).filter(|interface| interface.stats.up) else {
            counters.queue_interface_down += 1;
            return;
        };
        self.queued_bytes -= interface.queue.byte_len();
        match push(&mut interface.queue) {
            Queued::Yes | Queued::Replacing => {}
            Queued::Merged => counters.queue_merged += 1,
            Queued::Dropping(dropped) => counters.queue_full += u64::from(dropped),
            Queued::No => counters.queue_full += 1,
        }
        self.queued_bytes += interface.queue.byte_len();
        if interface.queue.len() > 0 {
            self.pending.insert(id);
            if interface.reserve_state().1 {
                self.reserves.entry(id).or_insert(now);
            }
        }
        while self.queued_bytes > self.queued_bytes_max {
            self.drop_from_largest(counters);
        }
    }

    /// Whoever does not read what waits for them makes room. A scan of all queues, but only while all are full.
    fn drop_from_largest(&mut self, counters: &mut Counters) {
        let queues = self.interfaces.iter_mut().map(|(id, interface)| (*id, &mut interface.queue));
        let Some((id, queue)) = queues.max_by_key(|(_, queue)| queue.byte_len()) else { return };
        let before = queue.byte_len();
        counters.queue_full += u64::from(queue.drop_last());
        self.queued_bytes -= before - queue.byte_len();
        if queue.len() == 0 {
            self.pending.remove(&id);
        }
    }
}
