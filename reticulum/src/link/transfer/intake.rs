//! What arrives for the resources of a link: whether it is wanted, and whose it is (`spec/reticulum.md` 8.3 to 8.10).

use crate::crypto::Rng;
use crate::hash::{PacketHash, ResourceHash};
use crate::link::Link;
use crate::link::budget::Reserved;
use crate::link::types::{LinkEvent, Refusal};
use crate::node::{CloseReason, RequestFailure, ResourceFailure, ResourceId, ResourcePolicy};
use crate::resource::{JobDone, Offer, Pace, Purpose, ReceiveConfig, Receiver, rejection};
use crate::time::Instant;
use crate::wire::link::resource_sdu;
use crate::wire::resource::{Advertisement, HashmapUpdate, PartRequest};

use super::{HANDSHAKE_LEN, INCOMING_MAX, Incoming, OFFERS_MAX, RTT_MIN};

impl Link {
    pub(in crate::link) fn handle_advertisement(
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
            let charged = self.charge(id);
            return self.drive_receiver(now, rng, id).and(charged);
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
                return self.offer_to_application(offer);
            }
            _ => {}
        }
        let room = self.room_for(size)?;
        if let Purpose::Response(id) = offer.purpose() {
            self.requests.start_receiving(&id);
        }
        let id = self.transfers.new_id();
        self.receive(now, rng, id, offer, room);
        Ok(())
    }

    fn offer_to_application(&mut self, offer: Offer) -> Result<(), Refusal> {
        if self.transfers.offers.len() >= OFFERS_MAX {
            return Err(Refusal::ResourcesFull);
        }
        let id = self.transfers.new_id();
        let (size, segments) = (offer.size(), offer.segments());
        self.transfers.offers.push_back((id, offer));
        self.event(LinkEvent::ResourceOffered { id, size, segments });
        Ok(())
    }

    /// Whether a resource of so many bytes would fit now. What it takes is charged as it arrives.
    pub(super) fn room_for(&self, bytes: u64) -> Result<Reserved, Refusal> {
        if self.transfers.incoming.len() >= INCOMING_MAX {
            return Err(Refusal::ResourcesFull);
        }
        let budget = &self.config.incoming;
        budget.reserve(0).filter(|_| bytes <= budget.left()).ok_or(Refusal::BudgetSpent)
    }

    /// Charges a resource for what it holds now, and ends it if there is no room for that any more.
    fn charge(&mut self, id: ResourceId) -> Result<(), Refusal> {
        let Some(incoming) = self.transfers.incoming.get_mut(&id) else { return Ok(()) };
        if incoming.reserved.resize(incoming.receiver.held_bytes()) {
            return Ok(());
        }
        incoming.receiver.cancel();
        Err(Refusal::BudgetSpent)
    }

    pub(super) fn receive(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        id: ResourceId,
        offer: Offer,
        room: Reserved,
    ) {
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
        self.transfers.incoming.insert(id, Incoming { receiver, reserved: room });
        let _ = self.charge(id);
        let _ = self.drive_receiver(now, rng, id);
    }

    pub(super) fn reject(&mut self, now: Instant, rng: &mut Rng, hash: ResourceHash) {
        self.perform(now, rng, ResourceId(0), Purpose::Plain, rejection(hash));
    }

    pub(in crate::link) fn handle_part(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        data: &[u8],
    ) -> Result<(), Refusal> {
        let mut incoming = self.transfers.incoming.iter_mut();
        let wanted =
            incoming.find_map(|(id, incoming)| incoming.receiver.handle_part(now, data).then_some(*id));
        let id = wanted.ok_or(Refusal::PartUnwanted)?;
        let charged = self.charge(id);
        self.drive_receiver(now, rng, id).and(charged)
    }

    pub(in crate::link) fn handle_part_request(
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

    pub(in crate::link) fn handle_hashmap_update(
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
    pub(in crate::link) fn handle_sender_cancel(
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
    pub(in crate::link) fn handle_rejection(
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

    pub(in crate::link) fn handle_resource_proof(
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
    pub(in crate::link) fn handle_cache_request(&mut self, now: Instant, data: &[u8]) -> Result<(), Refusal> {
        let packet = PacketHash::from_slice(data).ok_or(Refusal::Malformed)?;
        let proof = self.transfers.finished.proof(&packet).ok_or(Refusal::CacheMiss)?;
        self.prove_resource(now, proof);
        Ok(())
    }

    pub(in crate::link) fn handle_resource_job(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        id: ResourceId,
        done: JobDone,
    ) -> Result<(), Refusal> {
        if let Some(incoming) = self.transfers.incoming.get_mut(&id) {
            incoming.receiver.handle_job_done(now, done);
            let charged = self.charge(id);
            return self.drive_receiver(now, rng, id).and(charged);
        }
        if let Some(outgoing) = self.transfers.outgoing.front_mut().filter(|outgoing| outgoing.id == id) {
            outgoing.sender.handle_job_done(now, done);
            self.drive_sender(now, rng);
        }
        Ok(())
    }

    pub(in crate::link) fn expire_transfers(&mut self, now: Instant, rng: &mut Rng) {
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
