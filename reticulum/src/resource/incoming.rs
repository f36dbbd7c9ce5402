//! The parts of the segment that is being received: which are here, which are asked for, which to ask for next.
//!
//! Owns no time and no policy. Every operation costs O(window), whatever the number of parts, beside the copy and the
//! hash of a part itself.

use crate::hash::ResourceHash;
use crate::wire::resource::PartRequest;

use super::hashmap::{BadUpdate, Hashmap, map_hash};
use super::offer::Offer;

/// Bytes of a part request before its map hashes.
const REQUEST_HEAD_MAX: usize = 1 + 4 + ResourceHash::LEN;

/// What came of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It was missing, and is kept.
    New,
    /// It was asked for, and is here already.
    Repeated,
    /// None of what was asked for.
    Unknown,
}

/// The parts of one segment.
pub(super) struct Incoming {
    hash: ResourceHash,
    random: [u8; 4],
    sdu: usize,
    stream_len: usize,
    hashmap: Hashmap,
    /// Parts at their place, as far as the highest that came. So memory follows what was received, to within a window.
    stream: Vec<u8>,
    received: Vec<bool>,
    missing: usize,
    /// All parts below are here.
    first_missing: usize,
    /// Parts from here on were never asked for.
    requested_end: usize,
    /// Parts from here on were not asked for in the present round.
    round_end: usize,
    /// Missing parts of the present round.
    outstanding: usize,
    waiting_for_hashmap: bool,
}

impl Incoming {
    pub(super) fn new(offer: &Offer, sdu: usize) -> Self {
        Self {
            hash: offer.hash(),
            random: offer.random(),
            sdu,
            stream_len: offer.stream_len(),
            hashmap: offer.hashmap().clone(),
            stream: Vec::new(),
            received: vec![false; offer.parts()],
            missing: offer.parts(),
            first_missing: 0,
            requested_end: 0,
            round_end: 0,
            outstanding: 0,
            waiting_for_hashmap: false,
        }
    }

    /// Keeps a part if its map hash is that of one that was asked for.
    pub(super) fn insert(&mut self, data: &[u8]) -> Part {
        let last_len = self.stream_len - (self.received.len() - 1) * self.sdu;
        if data.len() != self.sdu && data.len() != last_len {
            return Part::Unknown;
        }
        let hash = map_hash(data, &self.random);
        // A repetition of a part below the first missing one is unknown, and costs no more than that.
        let Some(index) = self.hashmap.find(self.first_missing..self.requested_end, hash) else {
            return Part::Unknown;
        };
        let start = index * self.sdu;
        let end = (start + self.sdu).min(self.stream_len);
        if self.received[index] {
            return Part::Repeated;
        }
        if data.len() != end - start {
            return Part::Unknown;
        }
        self.write(start, data);
        self.received[index] = true;
        self.missing -= 1;
        self.outstanding -= usize::from(index < self.round_end);
        let here = self.received[self.first_missing..].iter().take_while(|received| **received);
        self.first_missing += here.count();
        Part::New
    }

    /// Starts a round: a RESOURCE_REQ for the missing parts among the next `window`, as far as their hashes are known,
    /// and for more hashes if they are not (section 8.4).
    pub(super) fn request_next(&mut self, window: usize) -> Vec<u8> {
        let window_end = (self.first_missing + window).min(self.received.len());
        self.round_end = window_end.min(self.hashmap.len());
        self.waiting_for_hashmap = self.round_end < window_end;
        self.requested_end = self.requested_end.max(self.round_end);
        let hashes: Vec<u8> = (self.first_missing..self.round_end)
            .filter(|index| !self.received[*index])
            .filter_map(|index| self.hashmap.get(index))
            .flatten()
            .collect();
        self.outstanding = hashes.len() / 4;
        let last_known = self.hashmap.last().filter(|_| self.waiting_for_hashmap);
        let mut request = Vec::with_capacity(REQUEST_HEAD_MAX + hashes.len());
        PartRequest { exhausted: last_known, hash: self.hash, map_hashes: &hashes }.emit(&mut request);
        request
    }

    /// Applies a hashmap update. A repetition of an earlier one leaves the receiver waiting.
    pub(super) fn extend_hashmap(&mut self, segment: usize, hashes: &[u8]) -> Result<(), BadUpdate> {
        let known = self.hashmap.len();
        self.hashmap.extend(segment, hashes, self.received.len())?;
        self.waiting_for_hashmap &= self.hashmap.len() == known;
        Ok(())
    }

    /// Bytes in memory: the stream as far as it came, and what is known of each part.
    pub(super) fn held_bytes(&self) -> usize {
        self.stream.len() + self.received.len() + 4 * self.hashmap.len()
    }

    /// The whole stream, once [`Self::is_complete`].
    pub(super) fn take_stream(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.stream)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.missing == 0
    }

    /// Parts of the present round that did not come yet.
    pub(super) fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Whether the present round asked for map hashes that did not come yet.
    pub(super) fn waiting_for_hashmap(&self) -> bool {
        self.waiting_for_hashmap
    }

    /// Bytes held for parts and about parts.
    #[cfg(test)]
    pub(super) fn reserved(&self) -> usize {
        self.stream.capacity() + self.received.capacity()
    }

    fn write(&mut self, start: usize, part: &[u8]) {
        let end = start + part.len();
        if self.stream.len() <= start {
            self.stream.resize(start, 0);
            self.stream.extend_from_slice(part);
        } else {
            self.stream[start..end].copy_from_slice(part);
        }
    }
}
