//! Proofs of packets on a link, in both directions (`spec/reticulum.md` 3.5, 6.8).
//!
//! Owns which packets of ours wait for a proof, and until when. A proof is always explicit: hash (32) ‖ signature (64).
//! Verifying and signing leave as jobs.

use std::collections::HashMap;
use std::time::Duration;

use super::job::{LinkJob, SignJob, VerifyJob};
use super::types::{LinkEvent, LinkOutput, Refusal};
use super::{Link, State};
use crate::crypto::Rng;
use crate::hash::PacketHash;
use crate::node::Priority;
use crate::time::{Instant, TimerQueue};
use crate::wire::{Context, PacketType, Proof};

/// Packets of one link that wait for their proof; the oldest makes room and counts as undelivered (section 1.3).
pub(super) const RECEIPTS_MAX: usize = 1024;
/// A proof is waited for this many round trips (section 3.5).
const PROOF_RTTS: u32 = 6;
/// But no less than this, unless the application knows that the peer takes its time.
pub(super) const PROOF_WAIT_MIN: Duration = Duration::from_millis(5);

/// Packets that wait for their proof.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    waiting: HashMap<PacketHash, Receipt>,
    /// Deadlines of those whose proof is not being verified. They share one timeout, so the first is also the oldest.
    timers: TimerQueue<PacketHash>,
}

#[derive(Debug)]
struct Receipt {
    deadline: Instant,
    verifying: bool,
}

impl Receipts {
    /// Starts to wait. Returns the oldest if it had to make room.
    fn insert(&mut self, hash: PacketHash, deadline: Instant) -> Option<PacketHash> {
        let evicted = if self.waiting.len() >= RECEIPTS_MAX { self.take_oldest() } else { None };
        self.waiting.insert(hash, Receipt { deadline, verifying: false });
        self.timers.set(hash, deadline);
        evicted
    }

    /// Whether there is room, or one that can make room: what is being verified cannot.
    fn has_room(&self) -> bool {
        self.waiting.len() < RECEIPTS_MAX || !self.timers.is_empty()
    }

    /// A proof arrived in time: stops the clock while it is verified. `false` if none is awaited.
    fn start_verifying(&mut self, hash: &PacketHash) -> bool {
        match self.waiting.get_mut(hash) {
            Some(receipt) if !receipt.verifying => {
                receipt.verifying = true;
                self.timers.cancel(hash);
                true
            }
            _ => false,
        }
    }

    /// The proof was good.
    fn remove(&mut self, hash: &PacketHash) -> bool {
        self.waiting.remove(hash).is_some()
    }

    /// The proof was bad: the right one may still come.
    fn resume(&mut self, hash: &PacketHash) {
        if let Some(receipt) = self.waiting.get_mut(hash) {
            receipt.verifying = false;
            self.timers.set(*hash, receipt.deadline);
        }
    }

    fn pop_due(&mut self, now: Instant) -> Option<PacketHash> {
        let hash = self.timers.pop_due(now)?;
        self.waiting.remove(&hash);
        Some(hash)
    }

    fn take_oldest(&mut self) -> Option<PacketHash> {
        self.pop_due(Instant::from_micros(u64::MAX))
    }

    /// When [`Link::expire_receipts`] is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// Ends all waiting, oldest first; those whose proof is being verified last.
    pub(super) fn drain(&mut self) -> Vec<PacketHash> {
        let mut hashes: Vec<PacketHash> = std::iter::from_fn(|| self.take_oldest()).collect();
        let mut verifying: Vec<PacketHash> = self.waiting.drain().map(|(hash, _)| hash).collect();
        verifying.sort_unstable();
        hashes.append(&mut verifying);
        hashes
    }
}

impl Link {
    /// Sends the proof of a packet that arrived on this link. Does nothing on a link that is closed.
    pub(crate) fn prove(&mut self, hash: PacketHash) {
        if matches!(self.state, State::Open(_) | State::Answered(_)) {
            let job = SignJob { signer: self.signer.clone(), hash };
            self.outputs.push_back(LinkOutput::Job(LinkJob::Sign(job)));
        }
    }

    /// Whether one more packet may wait for its proof.
    pub(super) fn has_receipt_room(&self) -> bool {
        self.receipts.has_room()
    }

    /// Sets how long proofs of what is sent from now on are waited for at least.
    pub(crate) fn set_proof_wait(&mut self, min: Duration) {
        self.proof_wait_min = min;
    }

    /// Waits for the proof of a packet that is being sent.
    pub(super) fn await_proof(&mut self, now: Instant, hash: PacketHash) {
        let deadline = now + (self.rtt * PROOF_RTTS).max(self.proof_wait_min);
        if let Some(hash) = self.receipts.insert(hash, deadline) {
            self.event(LinkEvent::Undelivered { hash });
        }
    }

    pub(super) fn handle_packet_proof(&mut self, data: &[u8]) -> Result<(), Refusal> {
        let Some(Proof::Explicit { hash, signature }) = Proof::parse(data) else {
            return Err(Refusal::ProofMalformed);
        };
        if !self.receipts.start_verifying(&hash) && !self.channel_awaits(&hash) {
            return Err(Refusal::ProofUnknown);
        }
        let job = VerifyJob { key: self.peer_key, hash, signature: *signature };
        self.outputs.push_back(LinkOutput::Job(LinkJob::Verify(job)));
        Ok(())
    }

    pub(super) fn handle_verified(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        hash: PacketHash,
        valid: bool,
    ) -> Result<(), Refusal> {
        self.message_verified(now, rng, &hash, valid);
        if !valid {
            self.receipts.resume(&hash);
            return Err(Refusal::ProofForged);
        }
        if self.receipts.remove(&hash) {
            self.event(LinkEvent::Delivered { hash });
        }
        Ok(())
    }

    pub(super) fn handle_signed(&mut self, now: Instant, hash: PacketHash, signature: &[u8; 64]) {
        let mut data = Vec::new();
        Proof::Explicit { hash, signature }.emit(&mut data);
        self.transmit(now, PacketType::Proof, Context::NONE, data, Priority::Link);
    }

    pub(super) fn expire_receipts(&mut self, now: Instant) {
        while let Some(hash) = self.receipts.pop_due(now) {
            self.event(LinkEvent::Undelivered { hash });
        }
    }
}
