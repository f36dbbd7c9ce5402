//! The resources of a link: which are accepted, which one travels, what each comes to (`spec/reticulum.md` section 8).
//!
//! Owns policy, queue and bounds, and who hears of the end. What happens within one resource is [`crate::resource`]'s.

mod intake;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::Link;
use super::budget::Reserved;
use super::job::LinkJob;
use super::types::{LinkEvent, LinkOutput, Refusal};
use crate::crypto::Rng;
use crate::hash::ResourceHash;
use crate::node::{
    CloseReason, LinkError, Priority, RequestFailure, ResourceFailure, ResourceId, ResourceOptions,
};
use crate::resource::{
    Content, Failure, Finished, METADATA_LEN_MAX, Offer, Output, Pace, Proof, Purpose, Received, Receiver,
    SendConfig, Sender,
};
use crate::time::Instant;
use crate::wire::link::resource_sdu;
use crate::wire::{Context, PacketType};

/// Resources received at a time on one link; a further one is rejected.
pub(super) const INCOMING_MAX: usize = 8;
/// Resources that wait for the application's decision on one link; a further one is rejected.
pub(super) const OFFERS_MAX: usize = 8;
/// Resources of ours on one link, the travelling one included; a further one is refused.
pub(super) const OUTGOING_MAX: usize = 64;
/// Bytes of a handshake: 86 + 118 + 99 (sections 6.1, 6.4), the first measure of a link's rate (section 8.7).
const HANDSHAKE_LEN: f64 = 303.0;
/// Below this a round trip says nothing about a rate.
const RTT_MIN: Duration = Duration::from_micros(100);

/// The resources of one link.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    last_id: u64,
    /// The first one travels.
    outgoing: VecDeque<Outgoing>,
    incoming: BTreeMap<ResourceId, Incoming>,
    offers: VecDeque<(ResourceId, Offer)>,
    finished: Finished,
    /// Where the last incoming resource left off.
    pace: Option<Pace>,
}

#[derive(Debug)]
struct Outgoing {
    id: ResourceId,
    purpose: Purpose,
    sender: Sender,
    _reserved: Reserved,
}

#[derive(Debug)]
struct Incoming {
    receiver: Receiver,
    /// What the receiver holds now: a promise costs nothing, or a few promises would keep everybody else out.
    reserved: Reserved,
}

impl Transfers {
    fn new_id(&mut self) -> ResourceId {
        self.last_id += 1;
        ResourceId(self.last_id)
    }

    /// The receiver of the resource whose first segment has this hash.
    fn receiver_of(&mut self, original: &ResourceHash) -> Option<(ResourceId, &mut Receiver)> {
        let mut receivers = self.incoming.iter_mut().map(|(id, incoming)| (*id, &mut incoming.receiver));
        receivers.find(|(_, receiver)| receiver.original() == *original)
    }

    /// The receiver whose present segment has this hash.
    fn receiver_at(&mut self, segment: &ResourceHash) -> Option<(ResourceId, &mut Receiver)> {
        let mut receivers = self.incoming.iter_mut().map(|(id, incoming)| (*id, &mut incoming.receiver));
        receivers.find(|(_, receiver)| receiver.hash() == *segment)
    }

    /// The travelling sender, if its present segment has this hash.
    fn sender_at(&mut self, segment: &ResourceHash) -> Option<&mut Sender> {
        self.outgoing.front_mut().map(|outgoing| &mut outgoing.sender).filter(|s| s.hash() == Some(*segment))
    }

    /// Whether an advertisement of this segment is a late repetition.
    fn knows(&self, segment: &ResourceHash) -> bool {
        self.finished.holds(segment) || self.offers.iter().any(|(_, offer)| offer.hash() == *segment)
    }

    #[cfg(test)]
    pub(super) fn incoming_len(&self) -> usize {
        self.incoming.len()
    }

    #[cfg(test)]
    pub(super) fn offers_len(&self) -> usize {
        self.offers.len()
    }

    /// Resources that travel or wait, in both directions.
    pub(super) fn under_way(&self) -> usize {
        self.outgoing.len() + self.incoming.len() + self.offers.len()
    }

    /// When [`Link::expire_transfers`] is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let sender = self.outgoing.front().and_then(|outgoing| outgoing.sender.poll_timeout());
        let receivers = self.incoming.values().filter_map(|incoming| incoming.receiver.poll_timeout());
        receivers.chain(sender).min()
    }
}

/// Commands.
impl Link {
    /// Sends a resource of the application's, after those that wait already.
    pub(crate) fn send_resource(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        data: Vec<u8>,
        options: ResourceOptions,
    ) -> Result<ResourceId, LinkError> {
        let ResourceOptions { metadata, compress } = options;
        self.enqueue(now, rng, Content { data, metadata, compress, purpose: Purpose::Plain })
    }

    /// Accepts what was offered. `Busy` leaves the offer as it was.
    pub(crate) fn accept_resource(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        id: ResourceId,
    ) -> Result<(), LinkError> {
        let offers = &mut self.transfers.offers;
        let index = offers.iter().position(|(offered, _)| *offered == id).ok_or(LinkError::Unknown)?;
        let room = self.room_for(self.transfers.offers[index].1.size()).map_err(|_| LinkError::Busy)?;
        let (_, offer) = self.transfers.offers.remove(index).expect("an index just found");
        self.receive(now, rng, id, offer, room);
        Ok(())
    }

    /// Rejects what was offered.
    pub(crate) fn reject_resource(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        id: ResourceId,
    ) -> Result<(), LinkError> {
        let offers = &mut self.transfers.offers;
        let index = offers.iter().position(|(offered, _)| *offered == id).ok_or(LinkError::Unknown)?;
        let (_, offer) = offers.remove(index).expect("an index just found");
        self.reject(now, rng, offer.hash());
        Ok(())
    }

    /// Gives up a resource in either direction; it ends with the event of a failed one.
    pub(crate) fn cancel_resource(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        id: ResourceId,
    ) -> Result<(), LinkError> {
        if let Some(incoming) = self.transfers.incoming.get_mut(&id) {
            incoming.receiver.cancel();
            let _ = self.drive_receiver(now, rng, id);
            return Ok(());
        }
        let outgoing = &mut self.transfers.outgoing;
        match outgoing.iter().position(|outgoing| outgoing.id == id).ok_or(LinkError::Unknown)? {
            0 => {
                outgoing[0].sender.cancel();
                self.drive_sender(now, rng);
            }
            waiting => {
                let outgoing = outgoing.remove(waiting).expect("an index just found");
                self.send_failed(id, outgoing.purpose, Failure::Cancelled);
            }
        }
        Ok(())
    }

    /// Sends the proof that came with a received resource: its content is safe.
    pub(crate) fn prove_resource(&mut self, now: Instant, proof: Proof) {
        if self.open_token().is_ok() {
            self.transfers.finished.insert_proof(self.id, proof);
            let body = proof.body().to_vec();
            self.transmit(now, PacketType::Proof, Context::RESOURCE_PRF, body, Priority::Link);
        }
    }

    /// Whether another resource of ours finds room is decided here, for requests and responses too.
    pub(super) fn enqueue(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        content: Content,
    ) -> Result<ResourceId, LinkError> {
        let token = self.open_token()?.clone();
        let metadata_len = content.metadata.as_ref().map_or(0, Vec::len);
        if self.transfers.outgoing.len() >= OUTGOING_MAX {
            return Err(LinkError::Busy);
        }
        let bytes = (content.data.len() + metadata_len) as u64;
        let reserved = self.config.outgoing.reserve(bytes).ok_or(LinkError::Busy)?;
        let config =
            SendConfig { link: self.id, token, sdu: resource_sdu(self.mtu), rtt: self.rtt, timeout: None };
        let purpose = content.purpose;
        let content = Content { compress: content.compress && !self.is_faster_than_compression(), ..content };
        let sender =
            Sender::new(config, content, rng).map_err(|_| LinkError::TooLong { max: METADATA_LEN_MAX })?;
        let id = self.transfers.new_id();
        self.transfers.outgoing.push_back(Outgoing { id, purpose, sender, _reserved: reserved });
        self.drive_sender(now, rng);
        Ok(id)
    }
}

impl Link {
    /// Compression takes in 5 to 10 MB a second. A link of such a packet size has no interface below 5 Mbit/s on its way,
    /// and one that answers so soon is a cable or a loop: it carries the plain bytes sooner, and spares a small machine
    /// the work.
    pub(super) fn is_faster_than_compression(&self) -> bool {
        const MTU: u32 = 8_192;
        const ROUND_TRIP: Duration = Duration::from_millis(10);
        self.mtu >= MTU && self.rtt < ROUND_TRIP
    }
}

/// What comes of it.
impl Link {
    /// Takes what the travelling sender wants, and when it is finished starts the next.
    fn drive_sender(&mut self, now: Instant, rng: &mut Rng) {
        while let Some(outgoing) = self.transfers.outgoing.front_mut() {
            let (id, purpose) = (outgoing.id, outgoing.purpose);
            match outgoing.sender.poll_output() {
                None => return,
                Some(Output::Sent) => {
                    self.transfers.outgoing.pop_front();
                    match purpose {
                        Purpose::Plain => self.event(LinkEvent::ResourceSent { id }),
                        Purpose::Request(request) => self.request_sent(now, request),
                        Purpose::Response(_) => {}
                    }
                }
                Some(Output::Failed(failure)) => {
                    self.transfers.outgoing.pop_front();
                    self.send_failed(id, purpose, failure);
                }
                Some(output) => self.perform(now, rng, id, purpose, output),
            }
        }
    }

    /// Takes what a receiver wants. The error is that of a resource that is not what was advertised, or of a request that
    /// arrived whole and is none; so there is none where nothing has come in.
    fn drive_receiver(&mut self, now: Instant, rng: &mut Rng, id: ResourceId) -> Result<(), Refusal> {
        while let Some(incoming) = self.transfers.incoming.get_mut(&id) {
            let purpose = incoming.receiver.purpose();
            let Some(output) = incoming.receiver.poll_output() else { break };
            match output {
                Output::Received(received) => {
                    self.forget_incoming(&id);
                    self.transfers.finished.insert(received.hash);
                    return self.received(id, purpose, received);
                }
                Output::Failed(failure) => {
                    self.forget_incoming(&id);
                    return self.receive_failed(now, rng, id, purpose, failure);
                }
                output => self.perform(now, rng, id, purpose, output),
            }
        }
        Ok(())
    }

    fn forget_incoming(&mut self, id: &ResourceId) {
        if let Some(incoming) = self.transfers.incoming.remove(id) {
            self.transfers.pace = Some(incoming.receiver.pace());
        }
    }

    fn perform(&mut self, now: Instant, rng: &mut Rng, id: ResourceId, purpose: Purpose, output: Output) {
        match output {
            Output::Sealed { context, plaintext } => {
                self.transmit_sealed(now, rng, context, &plaintext, Priority::Link);
            }
            Output::Raw { packet_type, context, data } => {
                let bulk = context == Context::RESOURCE;
                let priority = if bulk { bulk_priority(purpose) } else { Priority::Link };
                self.transmit(now, packet_type, context, data, priority);
            }
            Output::Prove(proof) => self.prove_resource(now, proof),
            Output::Job(job) => self.outputs.push_back(LinkOutput::Job(LinkJob::Resource(id, Box::new(job)))),
            Output::Sent | Output::Received(_) | Output::Failed(_) => {}
        }
    }

    fn received(&mut self, id: ResourceId, purpose: Purpose, received: Received) -> Result<(), Refusal> {
        match purpose {
            Purpose::Plain => {
                let Received { data, metadata, proof, .. } = received;
                self.event(LinkEvent::ResourceReceived { id, data, metadata, proof });
            }
            Purpose::Request(request) => self.deliver_request(request, &received.data)?,
            Purpose::Response(request) => self.deliver_response(request, received),
        }
        Ok(())
    }

    fn receive_failed(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        id: ResourceId,
        purpose: Purpose,
        failure: Failure,
    ) -> Result<(), Refusal> {
        match purpose {
            Purpose::Plain => self.event(LinkEvent::ResourceFailed { id, reason: reason_of(failure) }),
            Purpose::Request(_) => {}
            Purpose::Response(request) => self.fail_request(request, RequestFailure::Transfer),
        }
        match failure {
            Failure::Bomb => {
                self.close(now, rng, CloseReason::Protocol);
                Err(Refusal::ResourceBomb)
            }
            Failure::Corrupt => Err(Refusal::ResourceCorrupt),
            Failure::Protocol => Err(Refusal::ResourceBroken),
            Failure::TimedOut | Failure::Rejected | Failure::Cancelled => Ok(()),
        }
    }

    fn send_failed(&mut self, id: ResourceId, purpose: Purpose, failure: Failure) {
        match purpose {
            Purpose::Plain if failure == Failure::Rejected => self.event(LinkEvent::ResourceRejected { id }),
            Purpose::Plain => self.event(LinkEvent::ResourceFailed { id, reason: reason_of(failure) }),
            Purpose::Request(request) => self.fail_request(request, RequestFailure::Transfer),
            Purpose::Response(_) => {}
        }
    }

    /// The link ends, and all its resources with it.
    pub(super) fn end_transfers(&mut self) {
        let transfers = std::mem::take(&mut self.transfers);
        let outgoing = transfers.outgoing.iter().map(|outgoing| (outgoing.id, outgoing.purpose));
        let incoming = transfers.incoming.iter().map(|(id, incoming)| (*id, incoming.receiver.purpose()));
        let offers = transfers.offers.iter().map(|(id, offer)| (*id, offer.purpose()));
        for (id, purpose) in outgoing.chain(incoming).chain(offers) {
            if purpose == Purpose::Plain {
                self.event(LinkEvent::ResourceFailed { id, reason: ResourceFailure::LinkClosed });
            }
        }
    }
}

/// A person waits for a message or for a request to get through; what answers a request in bulk is history.
fn bulk_priority(purpose: Purpose) -> Priority {
    match purpose {
        Purpose::Plain => Priority::Message,
        Purpose::Request(_) => Priority::Reply,
        Purpose::Response(_) => Priority::History,
    }
}

fn reason_of(failure: Failure) -> ResourceFailure {
    match failure {
        Failure::TimedOut => ResourceFailure::Timeout,
        Failure::Rejected | Failure::Cancelled => ResourceFailure::Cancelled,
        Failure::Corrupt => ResourceFailure::Corrupt,
        Failure::Bomb | Failure::Protocol => ResourceFailure::Protocol,
    }
}
