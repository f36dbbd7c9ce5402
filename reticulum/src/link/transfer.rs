//! The resources of a link: which are accepted, which one travels, what each comes to (`spec/reticulum.md` section 8).
//!
//! Owns policy, queue and bounds, and who hears of the end. What happens within one resource is [`crate::resource`]'s.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::Link;
use super::budget::Reserved;
use super::job::LinkJob;
use super::types::{LinkEvent, LinkOutput, Refusal};
use crate::crypto::Rng;
use crate::hash::{PacketHash, ResourceHash};
use crate::node::{
    CloseReason, LinkError, Priority, RequestFailure, ResourceFailure, ResourceId, ResourceOptions,
    ResourcePolicy,
};
use crate::resource::{
    Content, Failure, Finished, JobDone, METADATA_LEN_MAX, Offer, Output, Pace, Proof, Purpose,
    ReceiveConfig, Received, Receiver, SendConfig, Sender, rejection,
};
use crate::time::Instant;
use crate::wire::link::resource_sdu;
use crate::wire::resource::{Advertisement, HashmapUpdate, PartRequest};
use crate::wire::{Context, PacketType};

/// Resources received at a time on one link; a further one is rejected.
pub(super) const INCOMING_MAX: usize = 8;
/// Resources that wait for the application's decision on one link; the oldest makes room and is rejected.
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
    _reserved: Reserved,
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
        let reserved = self.room_for(self.transfers.offers[index].1.size()).map_err(|_| LinkError::Busy)?;
        let (_, offer) = self.transfers.offers.remove(index).expect("an index just found");
        self.receive(now, rng, id, offer, reserved);
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
        let sender =
            Sender::new(config, content, rng).map_err(|_| LinkError::TooLong { max: METADATA_LEN_MAX })?;
        let id = self.transfers.new_id();
        self.transfers.outgoing.push_back(Outgoing { id, purpose, sender, _reserved: reserved });
        self.drive_sender(now, rng);
        Ok(id)
    }
}

/// What arrives.
impl Link {
    pub(super) fn handle_advertisement(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        plaintext: &[u8],
    ) -> Result<(), Refusal> {
        let Ok(advertisement) = Advertisement::parse(plaintext) else {
            self.close(now, rng, CloseReason::Protocol);
            return Err(Refusal::AdvertisementMalformed);
        };
        if let Some((id, receiver)) = self.transfers.receiver_of(&advertisement.original_hash) {
            receiver.handle_advertisement(now, &advertisement);
            return self.drive_receiver(now, rng, id);
        }
        if self.transfers.knows(&advertisement.hash) {
            return Err(Refusal::AdvertisementRepeated);
        }
        // The limit depends on the purpose, which `admit` looks at.
        let Ok(offer) = Offer::check(&advertisement, resource_sdu(self.mtu), u64::MAX) else {
            self.reject(now, rng, advertisement.hash);
            return Err(Refusal::AdvertisementInconsistent);
        };
        let (hash, purpose) = (offer.hash(), offer.purpose());
        self.admit(now, rng, offer).inspect_err(|refusal| {
            self.reject(now, rng, hash);
            if let Purpose::Response(id) = purpose
                && self.requests.expects(&id)
            {
                let too_large = *refusal == Refusal::ResponseTooLarge;
                let reason = if too_large { RequestFailure::TooLarge } else { RequestFailure::Transfer };
                self.fail_request(id, reason);
            }
        })
    }

    /// Accepts or offers what is wanted and finds room (section 8.3). Everything else is rejected aloud: silence would
    /// have the sender repeat itself.
    fn admit(&mut self, now: Instant, rng: &mut Rng, offer: Offer) -> Result<(), Refusal> {
        let size = offer.size();
        let config = &self.config;
        match offer.purpose() {
            Purpose::Request(_) if config.request_size_max == 0 => return Err(Refusal::RequestsNotServed),
            Purpose::Request(_) if size > config.request_size_max => return Err(Refusal::RequestTooLarge),
            Purpose::Response(id) if !self.requests.expects(&id) => return Err(Refusal::ResponseUnknown),
            Purpose::Response(_) if size > config.response_size_max => return Err(Refusal::ResponseTooLarge),
            Purpose::Plain if config.resources == ResourcePolicy::None => {
                return Err(Refusal::ResourceNotWanted);
            }
            Purpose::Plain if size > config.resource_size_max => return Err(Refusal::ResourceTooLarge),
            Purpose::Plain if config.resources == ResourcePolicy::Application => {
                self.offer_to_application(now, rng, offer);
                return Ok(());
            }
            _ => {}
        }
        let reserved = self.room_for(size)?;
        if let Purpose::Response(id) = offer.purpose() {
            self.requests.start_receiving(&id);
        }
        let id = self.transfers.new_id();
        self.receive(now, rng, id, offer, reserved);
        Ok(())
    }

    fn offer_to_application(&mut self, now: Instant, rng: &mut Rng, offer: Offer) {
        if self.transfers.offers.len() >= OFFERS_MAX
            && let Some((id, oldest)) = self.transfers.offers.pop_front()
        {
            self.reject(now, rng, oldest.hash());
            self.event(LinkEvent::ResourceFailed { id, reason: ResourceFailure::Cancelled });
        }
        let id = self.transfers.new_id();
        let (size, segments) = (offer.size(), offer.segments());
        self.transfers.offers.push_back((id, offer));
        self.event(LinkEvent::ResourceOffered { id, size, segments });
    }

    fn room_for(&self, bytes: u64) -> Result<Reserved, Refusal> {
        if self.transfers.incoming.len() >= INCOMING_MAX {
            return Err(Refusal::ResourcesFull);
        }
        self.config.incoming.reserve(bytes).ok_or(Refusal::BudgetSpent)
    }

    fn receive(&mut self, now: Instant, rng: &mut Rng, id: ResourceId, offer: Offer, reserved: Reserved) {
        let Ok(token) = self.open_token().cloned() else { return };
        let config = ReceiveConfig {
            token,
            sdu: resource_sdu(self.mtu),
            rtt: self.rtt,
            pace: self
                .transfers
                .pace
                .unwrap_or_else(|| Pace::new(8.0 * HANDSHAKE_LEN / self.rtt.max(RTT_MIN).as_secs_f64())),
            prove_at_once: offer.purpose() != Purpose::Plain,
        };
        let receiver = Receiver::accept(now, offer, config);
        self.transfers.incoming.insert(id, Incoming { receiver, _reserved: reserved });
        let _ = self.drive_receiver(now, rng, id);
    }

    fn reject(&mut self, now: Instant, rng: &mut Rng, hash: ResourceHash) {
        self.perform(now, rng, ResourceId(0), Purpose::Plain, rejection(hash));
    }

    pub(super) fn handle_part(&mut self, now: Instant, rng: &mut Rng, data: &[u8]) -> Result<(), Refusal> {
        let mut incoming = self.transfers.incoming.iter_mut();
        let wanted =
            incoming.find_map(|(id, incoming)| incoming.receiver.handle_part(now, data).then_some(*id));
        self.drive_receiver(now, rng, wanted.ok_or(Refusal::PartUnwanted)?)
    }

    pub(super) fn handle_part_request(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        plaintext: &[u8],
        packet: PacketHash,
    ) -> Result<(), Refusal> {
        let request = PartRequest::parse(plaintext).map_err(|_| Refusal::Malformed)?;
        let sender = self.transfers.sender_at(&request.hash).ok_or(Refusal::ResourceUnknown)?;
        sender.handle_part_request(now, packet, &request);
        self.drive_sender(now, rng);
        Ok(())
    }

    pub(super) fn handle_hashmap_update(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        plaintext: &[u8],
    ) -> Result<(), Refusal> {
        let update = HashmapUpdate::parse(plaintext).map_err(|_| Refusal::Malformed)?;
        let (id, receiver) = self.transfers.receiver_at(&update.hash).ok_or(Refusal::ResourceUnknown)?;
        receiver.handle_hashmap_update(now, &update);
        self.drive_receiver(now, rng, id)
    }

    /// The sender gives up.
    pub(super) fn handle_sender_cancel(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        plaintext: &[u8],
    ) -> Result<(), Refusal> {
        let hash = ResourceHash::from_slice(plaintext).ok_or(Refusal::Malformed)?;
        if let Some((id, receiver)) = self.transfers.receiver_at(&hash) {
            receiver.handle_cancel();
            return self.drive_receiver(now, rng, id);
        }
        let offers = &mut self.transfers.offers;
        let index =
            offers.iter().position(|(_, offer)| offer.hash() == hash).ok_or(Refusal::ResourceUnknown)?;
        let (id, _) = offers.remove(index).expect("an index just found");
        self.event(LinkEvent::ResourceFailed { id, reason: ResourceFailure::Cancelled });
        Ok(())
    }

    /// The receiver does not want it, or gives up.
    pub(super) fn handle_rejection(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        plaintext: &[u8],
    ) -> Result<(), Refusal> {
        let hash = ResourceHash::from_slice(plaintext).ok_or(Refusal::Malformed)?;
        self.transfers.sender_at(&hash).ok_or(Refusal::ResourceUnknown)?.handle_rejection();
        self.drive_sender(now, rng);
        Ok(())
    }

    pub(super) fn handle_resource_proof(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        data: &[u8],
    ) -> Result<(), Refusal> {
        let travelling = self.transfers.outgoing.front_mut();
        if !travelling.is_some_and(|outgoing| outgoing.sender.handle_proof(now, data)) {
            return Err(Refusal::ResourceUnknown);
        }
        self.drive_sender(now, rng);
        Ok(())
    }

    /// The sender asks for a proof of ours that it missed (section 8.10).
    pub(super) fn handle_cache_request(&mut self, now: Instant, data: &[u8]) -> Result<(), Refusal> {
        let packet = PacketHash::from_slice(data).ok_or(Refusal::Malformed)?;
        let proof = self.transfers.finished.proof(&packet).ok_or(Refusal::CacheMiss)?;
        self.prove_resource(now, proof);
        Ok(())
    }

    pub(super) fn handle_resource_job(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        id: ResourceId,
        done: JobDone,
    ) -> Result<(), Refusal> {
        if let Some(incoming) = self.transfers.incoming.get_mut(&id) {
            incoming.receiver.handle_job_done(now, done);
            return self.drive_receiver(now, rng, id);
        }
        if let Some(outgoing) = self.transfers.outgoing.front_mut().filter(|outgoing| outgoing.id == id) {
            outgoing.sender.handle_job_done(now, done);
            self.drive_sender(now, rng);
        }
        Ok(())
    }

    pub(super) fn expire_transfers(&mut self, now: Instant, rng: &mut Rng) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| now >= at);
        if let Some(outgoing) =
            self.transfers.outgoing.front_mut().filter(|o| is_due(o.sender.poll_timeout()))
        {
            outgoing.sender.handle_timeout(now);
            self.drive_sender(now, rng);
        }
        let incoming = self.transfers.incoming.iter();
        let due: Vec<ResourceId> =
            incoming.filter(|(_, i)| is_due(i.receiver.poll_timeout())).map(|(id, _)| *id).collect();
        for id in due {
            if let Some(incoming) = self.transfers.incoming.get_mut(&id) {
                incoming.receiver.handle_timeout(now);
                let _ = self.drive_receiver(now, rng, id);
            }
        }
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

    /// Takes what a receiver wants.
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
                    self.receive_failed(now, rng, id, purpose, failure);
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
            Output::Job(job) => self.outputs.push_back(LinkOutput::Job(LinkJob::Resource(id, job))),
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
    ) {
        match purpose {
            Purpose::Plain => self.event(LinkEvent::ResourceFailed { id, reason: reason_of(failure) }),
            Purpose::Request(_) => {}
            Purpose::Response(request) => self.fail_request(request, RequestFailure::Transfer),
        }
        if failure == Failure::Bomb {
            self.close(now, rng, CloseReason::Protocol);
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
