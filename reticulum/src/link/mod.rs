//! One link: an encrypted session with a destination (`spec/reticulum.md` sections 6, 7, 9, and 8 as far as a link drives it).
//!
//! Owns the state of one link from its request to its end, with its receipts, requests, resources and channel. Does not own: the
//! table of links, the link's interface, routing, the duplicate filter, nor what a resource does within itself
//! ([`crate::resource`]).
//!
//! The crate's usual contract: after any call drain [`Link::poll_output`] until `None`, then ask
//! [`Link::poll_timeout`]. Public-key work leaves as [`LinkJob`], except what an application commands on its own end
//! (opening, identifying) and the one verification of an identify, so that a request right behind it is known.
//!
//! | file | owns |
//! |---|---|
//! | `handshake` | request, proof, keys, rtt, identify, close |
//! | `keepalive` | probes, stale, grace |
//! | `receipts` | proofs of packets, both ways |
//! | `request` | requests and responses as packets, and who waits for what |
//! | `transfer` | resources: queue, bounds, ends; in `intake`: policy, and whose a packet is |
//! | `channel` | messages in order, both ways; in `buffer`: pieces of streams |
//! | `job`, `types`, `budget` | values |

mod budget;
mod buffer;
mod channel;
mod handshake;
mod job;
mod keepalive;
mod receipts;
mod request;
#[cfg(test)]
mod tests;
mod transfer;
mod types;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::crypto::{PublicIdentity, Rng, Token};
use crate::hash::{DestinationHash, LinkId, PacketHash};
use crate::node::{CloseReason, LinkError, LinkInfo, LinkRole, LinkStatus, Priority};
use crate::time::Instant;
use crate::wire::{self, Context, Packet, PacketType};

pub(crate) use budget::Budget;
pub(crate) use handshake::{Answer, AnswerJob, Arrival, InitiateConfig};
pub(crate) use job::{LinkJob, LinkJobDone};
pub(crate) use types::{LinkConfig, LinkEvent, LinkOutput, Refusal};

use channel::Channel;
use handshake::{Answered, Requested};
use job::Signer;
use keepalive::{Due, Liveness};
use receipts::Receipts;
use request::Requests;
use transfer::Transfers;

/// One link.
#[derive(Debug)]
pub(crate) struct Link {
    id: LinkId,
    destination: DestinationHash,
    role: LinkRole,
    config: LinkConfig,
    /// Hops from the other end, as last heard.
    hops: u8,
    mtu: u32,
    /// Zero until it is known.
    rtt: Duration,
    state: State,
    signer: Signer,
    /// Ed25519 key that verifies the peer's proofs of packets.
    peer_key: [u8; 32],
    remote: Option<Arc<PublicIdentity>>,
    receipts: Receipts,
    proof_wait_min: Duration,
    requests: Requests,
    transfers: Transfers,
    channel: Option<Box<Channel>>,
    /// The least urgent of what was sent: a close must not overtake it in an interface's queue.
    slowest: Priority,
    /// Drained after every call, so no longer than what one call makes.
    outputs: VecDeque<LinkOutput>,
}

/// Where in its life a link is, with what only that phase has.
#[derive(Debug)]
enum State {
    /// Initiator: the request is out.
    Requested(Requested),
    /// Responder: has keys, waits for the initiator to show that it has them too.
    Answered(Answered),
    /// Active or stale.
    Open(Open),
    /// Over; the keys are gone.
    Closed,
}

#[derive(Debug)]
struct Open {
    token: Arc<Token>,
    liveness: Liveness,
    /// Responder: the initiator's round-trip time has come.
    rtt_told: bool,
}

impl Link {
    /// A packet addressed to this link, which came in on the link's interface and passed the duplicate filter.
    ///
    /// At most one public-key operation. `Err` says why it was refused; the outputs must be drained in either case.
    pub(crate) fn handle_packet(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        packet: &Packet<'_>,
        hash: PacketHash,
    ) -> Result<(), Refusal> {
        if let State::Open(open) = &mut self.state {
            open.liveness.heard(now);
            self.requests.drop_repeat();
        }
        let data = packet.data;
        match (packet.header.packet_type, packet.header.context) {
            _ if matches!(self.state, State::Closed) => Err(Refusal::Closed),
            (PacketType::Proof, Context::LINK_REQUEST_PROOF) => self.handle_link_proof(now, packet),
            _ if self.token().is_none() => Err(Refusal::NotOpen),
            (PacketType::Proof, Context::NONE) => self.handle_packet_proof(data),
            (PacketType::Proof, Context::RESOURCE_PRF) => self.handle_resource_proof(now, rng, data),
            (PacketType::Data, Context::KEEPALIVE) => self.handle_keepalive(now, data),
            (PacketType::Data, Context::RESOURCE) => self.handle_part(now, rng, data),
            (PacketType::Data, Context::CACHE_REQUEST) => self.handle_cache_request(now, data),
            (PacketType::Data, Context::CHANNEL) if !self.takes_messages() => Err(Refusal::NoChannel),
            (
                PacketType::Data,
                Context::NONE
                | Context::RESOURCE_ADV
                | Context::RESOURCE_REQ
                | Context::RESOURCE_HMU
                | Context::RESOURCE_ICL
                | Context::RESOURCE_RCL
                | Context::REQUEST
                | Context::RESPONSE
                | Context::CHANNEL
                | Context::LINK_IDENTIFY
                | Context::LINK_CLOSE
                | Context::LINK_RTT,
            ) => self.handle_sealed(now, rng, packet, hash),
            _ => Err(Refusal::UnknownContext),
        }
    }

    fn handle_sealed(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        packet: &Packet<'_>,
        hash: PacketHash,
    ) -> Result<(), Refusal> {
        let token = self.token().ok_or(Refusal::NotOpen)?;
        let plaintext = token.open(packet.data).map_err(|_| Refusal::Undecryptable)?;
        if packet.header.context == Context::LINK_RTT {
            return self.handle_rtt(now, packet, &plaintext);
        }
        self.infer_open(now);
        match packet.header.context {
            Context::NONE => self.event(LinkEvent::Data { plaintext, hash }),
            Context::LINK_IDENTIFY => self.handle_identify(&plaintext)?,
            Context::LINK_CLOSE => self.handle_close(&plaintext)?,
            Context::CHANNEL => self.handle_message(&plaintext, hash)?,
            Context::REQUEST => self.handle_request(now, &plaintext, hash)?,
            Context::RESPONSE => self.handle_response(&plaintext)?,
            Context::RESOURCE_ADV => self.handle_advertisement(now, rng, &plaintext)?,
            Context::RESOURCE_REQ => self.handle_part_request(now, rng, &plaintext, hash)?,
            Context::RESOURCE_HMU => self.handle_hashmap_update(now, rng, &plaintext)?,
            Context::RESOURCE_ICL => self.handle_sender_cancel(now, rng, &plaintext)?,
            Context::RESOURCE_RCL => self.handle_rejection(now, rng, &plaintext)?,
            _ => return Err(Refusal::UnknownContext),
        }
        Ok(())
    }

    /// The result of a job that this link gave out, in any order.
    pub(crate) fn handle_job_done(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        done: LinkJobDone,
    ) -> Result<(), Refusal> {
        match done {
            _ if matches!(self.state, State::Closed) => {}
            LinkJobDone::LinkProof(done) => self.finish_link_proof(now, rng, done)?,
            LinkJobDone::Signed(hash, signature) => self.handle_signed(now, hash, &signature),
            LinkJobDone::Verified(hash, valid) => self.handle_verified(now, rng, hash, valid)?,
            LinkJobDone::Packed(packed) => self.finish_packing(now, rng, packed),
            LinkJobDone::Unpacked(data) => self.finish_unpacking(now, rng, data)?,
            LinkJobDone::Resource(id, done) => self.handle_resource_job(now, rng, id, done)?,
        }
        Ok(())
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, rng: &mut Rng) {
        self.expire_handshake(now);
        while let State::Open(open) = &mut self.state {
            match open.liveness.due(now) {
                Some(Due::Probe) => self.send_probe(now),
                Some(Due::Stale) => {}
                Some(Due::Close) => self.close(now, rng, CloseReason::Timeout),
                None => break,
            }
        }
        if let State::Open(_) = self.state {
            self.expire_receipts(now);
            self.expire_requests(now);
            self.repeat_answer(now, rng);
            self.expire_transfers(now, rng);
            self.expire_channel(now, rng);
        }
    }

    /// When [`Self::handle_timeout`] is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Requested(requested) => requested.deadline(),
            State::Answered(answered) => Some(answered.deadline()),
            State::Open(open) => [
                Some(open.liveness.deadline()),
                self.receipts.next_deadline(),
                self.requests.next_deadline(),
                self.transfers.next_deadline(),
                self.channel.as_ref().and_then(|channel| channel.next_deadline()),
            ]
            .into_iter()
            .flatten()
            .min(),
            State::Closed => None,
        }
    }

    /// What to do next.
    pub(crate) fn poll_output(&mut self) -> Option<LinkOutput> {
        self.outputs.pop_front()
    }

    /// Sends application data of at most [`LinkInfo::mdu`] bytes and waits for its proof, which the returned hash names.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        data: &[u8],
        priority: Priority,
    ) -> Result<PacketHash, LinkError> {
        let max = self.mdu();
        if data.len() > max {
            return Err(LinkError::TooLong { max });
        }
        self.open_token()?;
        if !self.has_receipt_room() {
            return Err(LinkError::Busy);
        }
        let hash = self.transmit_named(now, rng, Context::NONE, data, priority);
        self.await_proof(now, hash);
        Ok(hash)
    }

    /// Its name.
    pub(crate) fn id(&self) -> LinkId {
        self.id
    }

    /// The destination at the responder's end.
    pub(crate) fn destination(&self) -> DestinationHash {
        self.destination
    }

    /// Hops from the other end, as last heard.
    pub(crate) fn hops(&self) -> u8 {
        self.hops
    }

    /// As it stands.
    pub(crate) fn info(&self) -> LinkInfo {
        let status = match &self.state {
            State::Requested(_) => LinkStatus::Pending,
            State::Answered(_) => LinkStatus::Handshake,
            State::Open(open) if open.liveness.is_stale() => LinkStatus::Stale,
            State::Open(_) => LinkStatus::Active,
            State::Closed => LinkStatus::Closed,
        };
        LinkInfo {
            destination: self.destination,
            rtt: self.rtt,
            mtu: self.mtu,
            mdu: self.mdu(),
            status,
            remote: self.remote.clone(),
            role: self.role,
            transfers: self.transfers.under_way(),
        }
    }

    fn mdu(&self) -> usize {
        wire::link::mdu(self.mtu)
    }

    /// The session key, from the moment that this end has it.
    fn token(&self) -> Option<&Arc<Token>> {
        match &self.state {
            State::Answered(answered) => Some(answered.token()),
            State::Open(open) => Some(&open.token),
            State::Requested(_) | State::Closed => None,
        }
    }

    /// The session key of a link on which this end may speak.
    fn open_token(&self) -> Result<&Arc<Token>, LinkError> {
        match &self.state {
            State::Open(open) => Ok(&open.token),
            _ => Err(LinkError::NotActive),
        }
    }

    fn event(&mut self, event: LinkEvent) {
        self.outputs.push_back(LinkOutput::Event(event));
    }

    fn transmit(
        &mut self,
        now: Instant,
        packet_type: PacketType,
        context: Context,
        data: Vec<u8>,
        priority: Priority,
    ) {
        if let State::Open(open) = &mut self.state {
            open.liveness.sent(now);
        }
        self.slowest = self.slowest.max(priority);
        self.outputs.push_back(LinkOutput::Transmit { packet_type, context, data, priority });
    }

    /// Encrypts and transmits. Callers made sure that there is a key.
    fn transmit_sealed(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        context: Context,
        plaintext: &[u8],
        priority: Priority,
    ) {
        let data = self.seal(rng, plaintext);
        self.transmit(now, PacketType::Data, context, data, priority);
    }

    /// The same for a packet that something will refer to by the returned hash, which costs a pass over it.
    fn transmit_named(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        context: Context,
        plaintext: &[u8],
        priority: Priority,
    ) -> PacketHash {
        let data = self.seal(rng, plaintext);
        let hash = Packet::link(self.id, context, &data).hash();
        self.transmit(now, PacketType::Data, context, data, priority);
        hash
    }

    fn seal(&self, rng: &mut Rng, plaintext: &[u8]) -> Vec<u8> {
        self.token().expect("callers checked that the link has its key").seal(rng.bytes(), plaintext)
    }
}
