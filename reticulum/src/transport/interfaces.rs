//! The attached interfaces: their settings, state, traffic counts, transmit queues and ingress control.

use std::collections::{BTreeMap, BTreeSet};

use super::Held;
use super::burst::{Bursts, Meter};
use super::cap::Cap;
use super::ingress::Ingress;
use super::queue::{AnnounceKey, Queue, Queued};
use crate::node::{Counters, InterfaceConfig, InterfaceId, Limits, Priority};
use crate::time::Instant;
use crate::wire::link::{MTU_MAX, MTU_UNSIGNALLED};

/// What an interface carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceStats {
    /// Bytes received, with access codes.
    pub rx_bytes: u64,
    /// Bytes handed out to transmit, with access codes.
    pub tx_bytes: u64,
    /// Frames received.
    pub rx_packets: u64,
    /// Frames handed out to transmit.
    pub tx_packets: u64,
    /// Frames that wait to be transmitted.
    pub queue_len: usize,
    /// Whether it is up.
    pub up: bool,
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
    stats: InterfaceStats,
    queue: Queue,
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
        self.config.hw_mtu + self.config.ifac.as_ref().map_or(0, crate::crypto::Ifac::size)
    }

    /// Counts a frame that came in.
    pub(crate) fn count_received(&mut self, len: usize) {
        self.stats.rx_bytes += len as u64;
        self.stats.rx_packets += 1;
    }
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
    next: u32,
}

impl Interfaces {
    /// An empty table.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            interfaces: BTreeMap::new(),
            queued_bytes: 0,
            queued_bytes_max: limits.queue_bytes_total,
            pending: BTreeSet::new(),
            next: 0,
        }
    }

    /// Adds an interface, which is up.
    pub(crate) fn add(&mut self, now: Instant, config: InterfaceConfig, limits: &Limits) -> InterfaceId {
        let id = InterfaceId(self.next);
        self.next += 1;
        let interface = Interface {
            config,
            ingress: Ingress::new(now),
            cap: Cap::default(),
            asked: Bursts::new(now),
            asking: Meter::default(),
            stats: InterfaceStats { up: true, ..InterfaceStats::default() },
            queue: Queue::new(limits.queue_frames, limits.queue_bytes),
        };
        self.interfaces.insert(id, interface);
        id
    }

    /// Removes an interface.
    pub(crate) fn remove(&mut self, id: InterfaceId) {
        if let Some(interface) = self.interfaces.remove(&id) {
            self.queued_bytes -= interface.queue.byte_len();
        }
        self.pending.remove(&id);
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

    /// Queues a packet.
    pub(crate) fn push(
        &mut self,
        now: Instant,
        id: InterfaceId,
        packet: Vec<u8>,
        priority: Priority,
        counters: &mut Counters,
    ) {
        self.enqueue(id, counters, |queue| queue.push(now, packet, priority));
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
        self.enqueue(id, counters, |queue| queue.push_announce(now, packet, key));
    }

    /// Those with something to transmit.
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
        let packet = interface.queue.pop(now, &mut counters.queue_stale);
        self.queued_bytes -= queued_bytes - interface.queue.byte_len();
        if interface.queue.len() == 0 {
            self.pending.remove(&id);
        }
        let Some(packet) = packet else { return false };
        let start = out.len();
        match &interface.config.ifac {
            Some(ifac) => ifac.seal(&packet, out),
            None => out.extend_from_slice(&packet),
        }
        interface.stats.tx_bytes += (out.len() - start) as u64;
        interface.stats.tx_packets += 1;
        true
    }

    /// What an interface carried.
    pub(crate) fn stats(&self, id: InterfaceId) -> Option<InterfaceStats> {
        let interface = self.interfaces.get(&id)?;
        Some(InterfaceStats { queue_len: interface.queue.len(), ..interface.stats })
    }

    fn enqueue(&mut self, id: InterfaceId, counters: &mut Counters, push: impl FnOnce(&mut Queue) -> Queued) {
        let Some(interface) = self.interfaces.get_mut(&id).filter(|interface| interface.stats.up) else {
            counters.queue_interface_down += 1;
            return;
        };
        self.queued_bytes -= interface.queue.byte_len();
        match push(&mut interface.queue) {
            Queued::Yes | Queued::Replacing => {}
            Queued::Dropping(dropped) => counters.queue_full += u64::from(dropped),
            Queued::No => counters.queue_full += 1,
        }
        self.queued_bytes += interface.queue.byte_len();
        if interface.queue.len() > 0 {
            self.pending.insert(id);
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
