//! Single packets in both directions, with their proofs (`spec/reticulum.md` 2.5, 3.4 to 3.6).

use std::sync::Arc;
use std::time::Duration;

use super::events::{PendingProof, ProofSubject, SendError, Sending};
use super::ids::{InterfaceId, Priority, ReceiptId};
use super::work::{Job, OpenDone, OpenJob, ProveJob, SealDone, SealJob};
use super::{Event, Node, ProofPolicy};
use crate::crypto::OpenError;
use crate::hash::{DestinationHash, PacketHash, ProofAddress};
use crate::time::Instant;
use crate::transport::{PER_HOP_TIMEOUT, ProofRefusal, Receipt, Received};
use crate::wire::{self, Context, Packet};

/// Packets are tried with all of a destination's ratchets no more often than this, in the long run.
const OLD_RATCHETS_INTERVAL: Duration = Duration::from_millis(200);
/// How far that may be exceeded for a moment.
const OLD_RATCHETS_BURST: Duration = Duration::from_secs(2);
/// Over a slow medium a receipt waits so many times as long, from when its packet left: a proof that comes late, after
/// the queues on its way, saves another copy (`spec/lxmf.md` 8.1).
const SLOW_PATIENCE: u32 = 4;

impl Node {
    /// Sends a single packet of at most 383 bytes to a destination whose announce was heard, along its path or, if
    /// none is known, on every interface. What becomes of it is told by [`Event::Delivered`] or [`Event::TimedOut`].
    pub fn send_packet(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        plaintext: Vec<u8>,
        priority: Priority,
    ) -> Result<ReceiptId, SendError> {
        let peer = self.transport.peers.peer(&destination).ok_or(SendError::UnknownPeer)?;
        if plaintext.len() > wire::ENCRYPTED_MDU {
            return Err(SendError::TooLong { max: wire::ENCRYPTED_MDU });
        }
        if self.outstanding >= self.transport.limits().work {
            return Err(SendError::Busy);
        }
        let ratchet = peer.ratchet_at(self.unix_time(now));
        let recipient = Arc::clone(&peer.identity);
        let receipt = self.next_receipt();
        let entropy = self.rng.bytes();
        let job = SealJob { destination, receipt, priority, recipient, ratchet, entropy, plaintext };
        self.submit(Job::Seal(job));
        Ok(receipt)
    }

    /// Proves to its sender that a packet or resource arrived; call it once what it carried is durable.
    pub fn prove(&mut self, now: Instant, proof: PendingProof) {
        match proof.0 {
            ProofSubject::None => {}
            ProofSubject::Single { identity, interface, hash } => {
                self.submit(Job::Prove(ProveJob { identity, interface, hash }));
            }
            ProofSubject::Link { link, hash } => self.prove_on_link(now, link, hash),
            ProofSubject::Resource { link, proof } => self.prove_resource(now, link, *proof),
        }
    }

    /// A packet of ours is sealed: its hash is known now, so its receipt starts to wait.
    pub(super) fn finish_seal(&mut self, now: Instant, sealed: SealDone) {
        let SealDone { destination, receipt: id, priority, recipient, payload } = sealed;
        let packet = Packet::single(destination, Context::NONE, &payload);
        let route = self.transport.route(&destination);
        let (first_hop, hops) =
            route.map_or((PER_HOP_TIMEOUT, wire::HOPS_MAX), |route| (route.first_hop_timeout, route.hops));
        let patience = first_hop + PER_HOP_TIMEOUT * u32::from(hops);
        let receipt = Receipt { id, hash: packet.hash(), signer: recipient };
        let slow = route.filter(|route| route.slow);
        let evicted = match slow {
            Some(_) => self.receipts.insert_queued(now, patience * SLOW_PATIENCE, receipt),
            None => self.receipts.insert(now + patience, receipt),
        };
        if let Some(receipt) = evicted {
            self.counters.receipt_evicted += 1;
            self.event(Event::TimedOut { receipt });
        }
        match slow {
            Some(route) => {
                self.transport.transmit_proven(now, &route, packet, priority, &mut self.counters);
                self.note_left(now, route.interface);
            }
            None => self.transport.transmit(now, route.as_ref(), packet, priority, &mut self.counters),
        }
    }

    /// Takes note of what left the queue of a slow medium, so that its proof is waited for from now on.
    pub(super) fn note_left(&mut self, now: Instant, interface: InterfaceId) {
        for left in self.transport.interfaces.take_left(interface) {
            self.receipts.handle_left(now, left);
        }
    }

    /// How far a packet of ours has come that goes over a slow medium; none once its proof came or is given up.
    pub fn sending(&self, receipt: ReceiptId) -> Option<Sending> {
        self.receipts.sending(receipt)
    }

    /// A packet for one of our destinations.
    pub(super) fn receive_single(&mut self, id: InterfaceId, packet: &Packet<'_>) {
        let destination = packet.header.destination_hash();
        let Some(entry) = self.destinations.of(&destination) else {
            self.counters.packet_unknown_destination += 1;
            return;
        };
        let hash = packet.hash();
        // Contexts that may repeat are those of links: a single packet is taken once whatever it carries.
        if !self.transport.is_new(id, &hash, &mut self.counters) {
            return;
        }
        let job = OpenJob {
            destination,
            interface: id,
            hash,
            identity: Arc::clone(&entry.config.identity),
            ratchets: entry
                .ratchets
                .as_ref()
                .map_or_else(|| Arc::new([]) as Arc<[_]>, |ratchets| ratchets.first()),
            all: false,
            payload: packet.data.to_vec(),
        };
        self.submit(Job::Open(job));
    }

    /// A packet for us was opened, or not.
    pub(super) fn finish_open(&mut self, now: Instant, opened: OpenDone) {
        let OpenDone { destination, interface, hash, result, useful, payload } = opened;
        let Some(entry) = self.destinations.of_mut(&destination) else { return };
        let opened = match (result, payload) {
            (Ok(opened), _) => opened,
            (Err(OpenError::NoKey), Some(payload)) => {
                return self.try_old_ratchets(now, destination, interface, hash, payload);
            }
            _ => {
                self.counters.packet_undecryptable += 1;
                return;
            }
        };
        if let Some((ratchets, secret)) = entry.ratchets.as_mut().zip(useful) {
            ratchets.was_useful(secret);
        }
        let proof = ProofSubject::Single { identity: Arc::clone(&entry.config.identity), interface, hash };
        let proof = self.by_policy(now, destination, PendingProof(proof));
        let (plaintext, ratchet) = (opened.plaintext, opened.ratchet);
        self.event(Event::Packet { destination, plaintext, hash, ratchet, interface, proof });
    }

    /// The proof of a single packet: of one that we forwarded, or of ours.
    pub(super) fn receive_proof(&mut self, now: Instant, interface: InterfaceId, received: Received<'_>) {
        // Both, should a packet of ours have come back to us in a loop.
        let relayed = self.relay_proof(now, interface, received);
        let packet = &received.packet;
        let refused = match self.receipts.check(packet.header.proof_address(), packet.data) {
            Err(ProofRefusal::Unknown) if relayed => return,
            Ok(proof) => {
                self.transport.interfaces.handle_proof(interface, &proof.address);
                return self.submit(Job::Verify(proof));
            }
            Err(ProofRefusal::Unknown | ProofRefusal::Busy) => &mut self.counters.proof_unknown,
            Err(ProofRefusal::Malformed) => &mut self.counters.proof_malformed,
        };
        *refused += 1;
    }

    /// The proof of one of our packets was verified.
    pub(super) fn finish_verify(&mut self, address: &ProofAddress, valid: bool) {
        self.counters.proof_bad_signature += u64::from(!valid);
        if let Some(receipt) = self.receipts.finish(address, valid) {
            self.event(Event::Delivered { receipt });
        }
    }

    /// The proof of a packet that we received is signed.
    pub(super) fn finish_prove(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        hash: PacketHash,
        signature: [u8; 64],
    ) {
        let proof = if self.implicit_proofs {
            wire::Proof::Implicit { signature: &signature }
        } else {
            wire::Proof::Explicit { hash, signature: &signature }
        };
        let mut body = Vec::new();
        proof.emit(&mut body);
        let packet = Packet::proof(hash.proof_address(), &body);
        self.transport.transmit_on(now, interface, packet, Priority::Link, &mut self.counters);
    }

    /// What the application gets to decide about a packet's proof.
    pub(super) fn by_policy(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        proof: PendingProof,
    ) -> PendingProof {
        match self.proof_policy(&destination) {
            ProofPolicy::None => return PendingProof::none(),
            ProofPolicy::All => self.prove(now, proof),
            ProofPolicy::Application => return proof,
        }
        PendingProof::none()
    }

    /// The same for a resource, whose sender fails without its proof whatever the policy on packets is.
    pub(super) fn resource_by_policy(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        proof: PendingProof,
    ) -> PendingProof {
        match self.proof_policy(&destination) {
            ProofPolicy::Application => return proof,
            ProofPolicy::None | ProofPolicy::All => self.prove(now, proof),
        }
        PendingProof::none()
    }

    /// On a link that we opened the destination is not ours, and the application proves what it wants.
    fn proof_policy(&self, destination: &DestinationHash) -> ProofPolicy {
        self.destinations.of(destination).map_or(ProofPolicy::Application, |entry| entry.config.proofs)
    }

    fn try_old_ratchets(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        interface: InterfaceId,
        hash: PacketHash,
        payload: Vec<u8>,
    ) {
        let Some(entry) = self.destinations.of(&destination) else { return };
        let Some(ratchets) = entry.ratchets.as_ref().and_then(super::ratchets::Ratchets::all) else {
            self.counters.packet_undecryptable += 1;
            return;
        };
        let allowed_at = self.old_ratchets_at.max(now);
        if allowed_at.since(now) > OLD_RATCHETS_BURST {
            self.counters.packet_old_ratchet_limited += 1;
            return;
        }
        self.old_ratchets_at = allowed_at + OLD_RATCHETS_INTERVAL;
        let identity = Arc::clone(&entry.config.identity);
        self.submit(Job::Open(OpenJob {
            destination,
            interface,
            hash,
            identity,
            ratchets,
            all: true,
            payload,
        }));
    }
}
