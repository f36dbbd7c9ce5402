//! The interfaces of a running node: which medium is which of the engine's interfaces, and what may be sent to it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use interfaces::{CREDITS, FrameBatch, MediumId, Properties};
use reticulum::node::{InterfaceId, InterfaceStats};
use tokio::sync::mpsc;

/// A `[[interface]]` of the configuration, as it stands.
#[derive(Debug)]
pub(crate) struct Configured {
    /// Its name.
    pub(crate) name: String,
    /// Its type, as in the configuration.
    pub(crate) kind: &'static str,
    /// How often we announce on it.
    pub(crate) announce_interval: Duration,
    /// Whether it listens, and so is online without a medium.
    pub(crate) listens: bool,
    /// Why it is not online.
    pub(crate) waiting: Option<String>,
    /// Traffic of media that are gone.
    closed: InterfaceStats,
}

impl Configured {
    pub(crate) fn new(name: String, kind: &'static str, announce_interval: Duration, listens: bool) -> Self {
        Self { name, kind, announce_interval, listens, waiting: None, closed: InterfaceStats::default() }
    }
}

#[derive(Debug)]
struct Medium {
    interface: InterfaceId,
    configured: usize,
    frames: mpsc::Sender<FrameBatch>,
    credits: usize,
    batch_bytes: usize,
    spare: Vec<FrameBatch>,
}

/// All configured interfaces and their open media.
#[derive(Debug, Default)]
pub(crate) struct Media {
    configured: Vec<Configured>,
    by_medium: HashMap<MediumId, Medium>,
    by_interface: BTreeMap<InterfaceId, MediumId>,
}

impl Media {
    pub(crate) fn new(configured: Vec<Configured>) -> Self {
        Self { configured, ..Self::default() }
    }

    pub(crate) fn opened(
        &mut self,
        medium: MediumId,
        configured: usize,
        interface: InterfaceId,
        properties: &Properties,
        frames: mpsc::Sender<FrameBatch>,
    ) {
        self.configured[configured].waiting = None;
        self.by_interface.insert(interface, medium);
        let batch_bytes = properties.batch_bytes;
        self.by_medium.insert(
            medium,
            Medium { interface, configured, frames, credits: CREDITS, batch_bytes, spare: Vec::new() },
        );
    }

    /// Forgets a medium, keeps what it carried, and returns the engine's interface that it was.
    pub(crate) fn closed(
        &mut self,
        medium: MediumId,
        stats: impl FnOnce(InterfaceId) -> Option<InterfaceStats>,
    ) -> Option<InterfaceId> {
        let gone = self.by_medium.remove(&medium)?;
        self.by_interface.remove(&gone.interface);
        if let Some(stats) = stats(gone.interface) {
            add(&mut self.configured[gone.configured].closed, &stats);
        }
        Some(gone.interface)
    }

    pub(crate) fn waiting(&mut self, configured: usize, reason: String) {
        self.configured[configured].waiting = Some(reason);
    }

    /// Takes a written batch back: one credit.
    pub(crate) fn sent(&mut self, medium: MediumId, batch: FrameBatch) {
        if let Some(medium) = self.by_medium.get_mut(&medium) {
            medium.credits += 1;
            medium.spare.push(batch);
        }
    }

    pub(crate) fn interface(&self, medium: MediumId) -> Option<InterfaceId> {
        self.by_medium.get(&medium).map(|medium| medium.interface)
    }

    /// Sends what `pull` yields for `interface` while the medium has credits. `pull` appends one frame or returns false.
    pub(crate) fn transmit(&mut self, interface: InterfaceId, mut pull: impl FnMut(&mut Vec<u8>) -> bool) {
        let Some(medium) = self.by_interface.get(&interface).and_then(|id| self.by_medium.get_mut(id)) else {
            return;
        };
        while medium.credits > 0 {
            let mut batch = medium.spare.pop().unwrap_or_default();
            while batch.byte_len() < medium.batch_bytes && batch.push_with(&mut pull) {}
            if batch.is_empty() {
                medium.spare.push(batch);
                return;
            }
            medium.credits -= 1;
            // A medium that is closing no longer reads; its `Closed` notice is on the way.
            let _ = medium.frames.try_send(batch);
        }
    }

    /// How often we announce on a configured interface.
    pub(crate) fn announce_interval(&self, configured: usize) -> Duration {
        self.configured[configured].announce_interval
    }

    /// Whether frames are still being written somewhere.
    pub(crate) fn is_busy(&self) -> bool {
        self.by_medium.values().any(|medium| medium.credits < CREDITS)
    }

    /// Each configured interface with whether it is online and all its traffic.
    pub(crate) fn report(
        &self,
        stats: impl Fn(InterfaceId) -> Option<InterfaceStats>,
    ) -> Vec<(&Configured, bool, InterfaceStats)> {
        let mut rows: Vec<_> = self
            .configured
            .iter()
            .map(|configured| {
                (configured, configured.listens && configured.waiting.is_none(), configured.closed)
            })
            .collect();
        for medium in self.by_medium.values() {
            let (_, online, total) = &mut rows[medium.configured];
            *online = true;
            if let Some(stats) = stats(medium.interface) {
                add(total, &stats);
            }
        }
        rows
    }
}

fn add(total: &mut InterfaceStats, more: &InterfaceStats) {
    total.rx_bytes += more.rx_bytes;
    total.tx_bytes += more.tx_bytes;
    total.rx_packets += more.rx_packets;
    total.tx_packets += more.tx_packets;
}
