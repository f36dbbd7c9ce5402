//! The segment that is being sent: its parts, which of them were requested, which are still to be sent.
//!
//! Owns no time and no policy. Answering a request costs no more than the search window (`spec/reticulum.md` 8.4), and
//! however often a peer requests, no more than that waits here.

use std::collections::VecDeque;

use crate::hash::{PacketHash, ResourceHash};
use crate::wire::resource::{HASHMAP_SEGMENT_LEN, HashmapUpdate, PartRequest};
use crate::wire::{Context, PacketType};

use super::segment::Prepared;
use super::{COLLISION_GUARD, Output};

/// How far before the highest part that a receiver knows it may still miss one: its largest window (section 8.4).
const PARTS_BEHIND: usize = 75;
/// Packet hashes of part requests that are remembered, the oldest makes room. A duplicate comes soon or not at all.
const REQUESTS_SEEN_MAX: usize = 64;

/// A part request that no honest receiver makes.
pub(super) struct BadRequest;

/// One segment on its way.
pub(super) struct Outgoing {
    pub(super) prepared: Prepared,
    /// Which parts were sent at least once, and how many were not.
    sent: Vec<bool>,
    unsent: usize,
    /// Lowest part that the receiver may still miss.
    base: usize,
    /// Parts to send, in the order of their requests, each at most once: never more than the search window.
    parts: VecDeque<usize>,
    /// The hashmap segment to send after them.
    update: Option<usize>,
    seen: VecDeque<PacketHash>,
}

impl Outgoing {
    pub(super) fn new(prepared: Prepared, sdu: usize) -> Self {
        let count = prepared.stream.len().div_ceil(sdu);
        Self {
            prepared,
            sent: vec![false; count],
            unsent: count,
            base: 0,
            parts: VecDeque::new(),
            update: None,
            seen: VecDeque::new(),
        }
    }

    pub(super) fn hash(&self) -> ResourceHash {
        self.prepared.proof.hash()
    }

    /// Whether every part was requested at least once.
    pub(super) fn all_sent(&self) -> bool {
        self.unsent == 0
    }

    /// Remembers the packet of a request; `false` if it was remembered already.
    pub(super) fn is_new(&mut self, packet: PacketHash) -> bool {
        if self.seen.contains(&packet) {
            return false;
        }
        if self.seen.len() == REQUESTS_SEEN_MAX {
            self.seen.pop_front();
        }
        self.seen.push_back(packet);
        true
    }

    /// Queues the requested parts, and the hashmap update if the receiver's map is exhausted (section 8.4).
    pub(super) fn answer(&mut self, request: &PartRequest<'_>) -> Result<(), BadRequest> {
        let (wanted, _) = request.map_hashes.as_chunks::<4>();
        let wanted = &wanted[..wanted.len().min(COLLISION_GUARD)];
        let search = self.base..(self.base + COLLISION_GUARD).min(self.sent.len());
        for index in search.clone() {
            let requested = self.prepared.hashmap.get(index).is_some_and(|hash| wanted.contains(&hash));
            if requested && !self.parts.contains(&index) {
                self.parts.push_back(index);
                self.unsent -= usize::from(!std::mem::replace(&mut self.sent[index], true));
            }
        }
        if let Some(last_known) = request.exhausted {
            // A straggler from before the base needs no answer.
            let Some(last) = self.prepared.hashmap.find(search, last_known) else { return Ok(()) };
            if (last + 1) % HASHMAP_SEGMENT_LEN != 0 || last + 1 == self.sent.len() {
                return Err(BadRequest);
            }
            self.base = self.base.max(last.saturating_sub(PARTS_BEHIND));
            self.update = Some((last + 1) / HASHMAP_SEGMENT_LEN);
        }
        Ok(())
    }

    /// The next part, or after all of them the hashmap update.
    pub(super) fn poll_output(&mut self, sdu: usize) -> Option<Output> {
        if let Some(index) = self.parts.pop_front() {
            let start = index * sdu;
            let end = (start + sdu).min(self.prepared.stream.len());
            let data = self.prepared.stream[start..end].to_vec();
            return Some(Output::Raw { packet_type: PacketType::Data, context: Context::RESOURCE, data });
        }
        let segment = self.update.take()?;
        let hashes = self.prepared.hashmap.chunk(segment);
        let mut plaintext = Vec::new();
        HashmapUpdate { hash: self.hash(), index: segment as u64, map_hashes: hashes }.emit(&mut plaintext);
        Some(Output::Sealed { context: Context::RESOURCE_HMU, plaintext })
    }
}
