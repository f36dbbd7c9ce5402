//! The table of links, and what passes between a link and the rest of the node.
//!
//! A link knows nothing of interfaces and tables: this file finds it for a packet, routes what it sends, hands its
//! work out and turns its events into the node's. A link that is not active yet is half open; those are bounded for
//! each interface and in total, and the oldest makes room, so that a flood of requests only displaces itself. Of all
//! links the one idle for longest makes room.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::config::{Limits, ResourcePolicy};
use super::events::{CloseReason, LinkError, LinkRole, PendingProof, ProofSubject};
use super::ids::{InterfaceId, ReceiptId};
use super::work::Job;
use super::{Event, Node, Timer};
use crate::hash::{LinkId, PacketHash};
use crate::link::{Answer, AnswerJob, Arrival, Budget, Link, LinkConfig, LinkEvent, LinkJobDone, LinkOutput};
use crate::resource;
use crate::time::Instant;
use crate::transport::{HalfOpen, Received, Recency};
use crate::wire::link::{LinkRequest, MODE_AES_256_CBC, Signalling};
use crate::wire::{Context, Packet, PacketType};

/// A link with what the node knows about it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) link: Link,
    pub(super) interface: InterfaceId,
    /// What each packet that waits for its proof is called outside.
    pub(super) receipts: HashMap<PacketHash, ReceiptId>,
}

/// A link request that is being answered.
#[derive(Debug)]
struct Answering {
    arrival: Arrival,
    interface: InterfaceId,
    config: LinkConfig,
}

/// The table.
#[derive(Debug)]
pub(super) struct Links {
    pub(super) links: HashMap<LinkId, Entry>,
    answering: HashMap<LinkId, Answering>,
    /// Links that are not active yet, responders' only: those that a remote made us keep.
    half_open: HalfOpen,
    /// Active links, longest idle first.
    idle: Recency<LinkId>,
    pub(super) answer_delay: Duration,
    incoming: Budget,
    outgoing: Budget,
    max: usize,
}

impl Links {
    /// Number of links of any state.
    pub(super) fn len(&self) -> usize {
        self.links.len() + self.answering.len()
    }

    /// An empty table.
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            links: HashMap::new(),
            answering: HashMap::new(),
            half_open: HalfOpen::new(limits.half_open_links, limits.half_open_links_per_interface),
            idle: Recency::default(),
            answer_delay: Duration::ZERO,
            incoming: Budget::new(limits.incoming_bytes),
            outgoing: Budget::new(limits.outgoing_bytes),
            max: limits.links,
        }
    }

    fn contains(&self, id: &LinkId) -> bool {
        self.links.contains_key(id) || self.answering.contains_key(id)
    }

    pub(super) fn entry(&mut self, id: &LinkId) -> Result<&mut Entry, LinkError> {
        self.links.get_mut(id).ok_or(LinkError::UnknownLink)
    }

    pub(super) fn config(
        &self,
        resources: ResourcePolicy,
        resource_size_max: u64,
        request_size_max: u64,
        channels: bool,
    ) -> LinkConfig {
        LinkConfig {
            resources,
            resource_size_max,
            request_size_max,
            response_size_max: u64::MAX,
            incoming: self.incoming.clone(),
            channels,
            outgoing: self.outgoing.clone(),
        }
    }
}

impl Node {
    /// A request to open a link to one of our destinations (`spec/reticulum.md` 6.3). The answer is work.
    pub(super) fn receive_link_request(&mut self, now: Instant, id: InterfaceId, packet: &Packet<'_>) {
        let destination = packet.header.destination_hash();
        let Some(entry) = self.destinations.of(&destination) else {
            self.counters.packet_unknown_destination += 1;
            return;
        };
        let request = LinkRequest::parse(packet.data);
        let signalling = request.map(|request| request.signalling.unwrap_or(Signalling::ABSENT));
        let (Some(request), Some(Signalling { mode: MODE_AES_256_CBC, mtu }), Some(link), true) =
            (request, signalling, packet.link_id_of_request(), entry.config.accept_links)
        else {
            self.counters.link_request_refused += 1;
            return;
        };
        let Some(interface) = self.transport.interfaces.up(id) else { return };
        let mtu = mtu.min(interface.link_mtu());
        // Signalling is not part of a link's id, so a request that differs only in that is the same.
        if self.links.contains(&link) {
            self.counters.packet_duplicate += 1;
            return;
        }
        let hops = packet.header.hops.saturating_add(1);
        let arrival = Arrival { requested_at: now, not_before: now + self.links.answer_delay, hops };
        let settings = &entry.config;
        let config = self.links.config(
            settings.resources,
            settings.resource_size_max,
            settings.request_size_max,
            settings.channels,
        );
        let identity = Arc::clone(&settings.identity);
        if !self.transport.is_new(id, &packet.hash(), &mut self.counters) {
            return;
        }
        self.make_room_for_link(now);
        self.links.answering.insert(link, Answering { arrival, interface: id, config });
        if let Some(oldest) = self.links.half_open.insert(id, link) {
            self.counters.link_half_open_evicted += 1;
            self.drop_half_open(now, oldest);
        }
        let job = AnswerJob::new(&mut self.rng, link, destination, identity, request, mtu);
        self.submit(Job::Answer(link, job));
    }

    /// The answer to a link request is computed.
    pub(super) fn finish_answer(&mut self, now: Instant, id: LinkId, answer: Option<Box<Answer>>) {
        let Some(Answering { arrival, interface, config }) = self.links.answering.remove(&id) else { return };
        let Some(answer) = answer else {
            self.counters.link_request_refused += 1;
            self.links.half_open.remove(interface, &id);
            return;
        };
        let link = Link::from_answer(now, *answer, arrival, config);
        self.links.links.insert(id, Entry { link, interface, receipts: HashMap::new() });
        self.pump(now, id);
    }

    /// A packet addressed to a link.
    pub(super) fn receive_on_link(&mut self, now: Instant, interface: InterfaceId, received: Received<'_>) {
        let Received { ref packet, once, .. } = received;
        let id = packet.header.link_id();
        let Some(entry) = self.links.links.get_mut(&id) else {
            return self.relay(now, interface, received);
        };
        if entry.interface != interface {
            self.counters.link_wrong_interface += 1;
            return;
        }
        // Parts of resources are told apart by their content; hashing each of them again would be a good part of
        // what they cost.
        let is_part = packet.header.context == Context::RESOURCE;
        let hash = if is_part { PacketHash::new([0; 32]) } else { packet.hash() };
        if once && !self.transport.is_new(interface, &hash, &mut self.counters) {
            return;
        }
        if self.links.idle.contains(&id) {
            self.links.idle.touch(id);
        }
        if let Err(refusal) = entry.link.handle_packet(now, &mut self.rng, packet, hash) {
            self.counters.count_link(refusal);
        }
        self.pump(now, id);
    }

    /// Work of a link came back.
    pub(super) fn finish_link_job(&mut self, now: Instant, id: LinkId, done: LinkJobDone) {
        let Ok(entry) = self.links.entry(&id) else { return };
        if let Err(refusal) = entry.link.handle_job_done(now, &mut self.rng, done) {
            self.counters.count_link(refusal);
        }
        self.pump(now, id);
    }

    /// A link's timer is due.
    pub(super) fn handle_link_timeout(&mut self, now: Instant, id: LinkId) {
        let Ok(entry) = self.links.entry(&id) else { return };
        entry.link.handle_timeout(now, &mut self.rng);
        self.pump(now, id);
    }

    /// Ends all links on an interface that is going away.
    pub(super) fn close_links_on(&mut self, now: Instant, interface: InterfaceId) {
        let links = &mut self.links;
        let on = |entry: &Entry| entry.interface == interface;
        let mut gone: Vec<LinkId> =
            links.links.iter().filter(|(_, entry)| on(entry)).map(|(id, _)| *id).collect();
        // The map's order is random, and what is told about them must not be.
        gone.sort_unstable();
        for id in gone {
            self.end_link(now, id, CloseReason::InterfaceLost);
        }
        let half_open = &mut self.links.half_open;
        self.links.answering.retain(|id, answering| {
            let keep = answering.interface != interface;
            if !keep {
                half_open.remove(interface, id);
            }
            keep
        });
    }

    /// Proves a packet on a link.
    pub(super) fn prove_on_link(&mut self, now: Instant, id: LinkId, hash: PacketHash) {
        if let Ok(entry) = self.links.entry(&id) {
            entry.link.prove(hash);
            self.pump(now, id);
        }
    }

    /// Proves the last segment of a resource.
    pub(super) fn prove_resource(&mut self, now: Instant, id: LinkId, proof: resource::Proof) {
        if let Ok(entry) = self.links.entry(&id) {
            entry.link.prove_resource(now, proof);
            self.pump(now, id);
        }
    }

    pub(super) fn make_room_for_link(&mut self, now: Instant) {
        if self.links.links.len() + self.links.answering.len() < self.links.max {
            return;
        }
        if let Some(id) = self.links.idle.oldest() {
            self.counters.link_evicted += 1;
            self.close_link_for(now, id, CloseReason::Evicted);
        }
    }

    /// Links of any state, with those that are being answered.
    #[cfg(test)]
    pub(super) fn link_count(&self) -> usize {
        self.links.links.len() + self.links.answering.len()
    }

    fn drop_half_open(&mut self, now: Instant, id: LinkId) {
        match self.links.answering.remove(&id) {
            Some(answering) => self.links.half_open.remove(answering.interface, &id),
            None => self.end_link(now, id, CloseReason::Evicted),
        }
    }

    /// Ends a link without telling its peer.
    fn end_link(&mut self, now: Instant, id: LinkId, reason: CloseReason) {
        if let Ok(entry) = self.links.entry(&id) {
            entry.link.end(reason);
            self.pump(now, id);
        }
    }

    pub(super) fn close_link_for(&mut self, now: Instant, id: LinkId, reason: CloseReason) {
        if let Ok(entry) = self.links.entry(&id) {
            entry.link.close(now, &mut self.rng, reason);
            self.pump(now, id);
        }
    }

    /// Does what a link wants done, and sets its timer.
    pub(super) fn pump(&mut self, now: Instant, id: LinkId) {
        while let Some(entry) = self.links.links.get_mut(&id) {
            let interface = entry.interface;
            match entry.link.poll_output() {
                Some(LinkOutput::Transmit { packet_type, context, data, priority }) => {
                    let packet = match packet_type {
                        PacketType::Proof => Packet::link_proof(id, context, &data),
                        _ => Packet::link(id, context, &data),
                    };
                    self.transport.transmit_on(now, interface, packet, priority, &mut self.counters);
                }
                Some(LinkOutput::Job(job)) => self.submit(Job::Link(id, job)),
                Some(LinkOutput::Event(event)) => self.handle_link_event(now, id, event),
                None => {
                    match entry.link.poll_timeout() {
                        Some(deadline) => self.timers.set(Timer::Link(id), deadline),
                        None => self.timers.cancel(&Timer::Link(id)),
                    }
                    return;
                }
            }
        }
    }

    fn handle_link_event(&mut self, now: Instant, link: LinkId, event: LinkEvent) {
        let Some(entry) = self.links.links.get_mut(&link) else { return };
        let destination = entry.link.destination();
        let event = match event {
            LinkEvent::Opened { rtt } => {
                let role = self.link_opened(link);
                Event::LinkOpened { link, destination, role, rtt }
            }
            LinkEvent::Identified { identity } if self.transport.blackhole.contains(&identity.hash()) => {
                self.counters.blackholed += 1;
                return self.close_link_for(now, link, CloseReason::Local);
            }
            LinkEvent::Identified { identity } => {
                self.identified = Some(link);
                Event::LinkIdentified { link, identity }
            }
            LinkEvent::Data { plaintext, hash } => {
                let proof = PendingProof(ProofSubject::Link { link, hash });
                let proof = self.by_policy(now, destination, proof);
                Event::LinkPacket { link, data: plaintext, proof }
            }
            LinkEvent::Delivered { hash } => match entry.receipts.remove(&hash) {
                Some(receipt) => Event::Delivered { receipt },
                None => return,
            },
            LinkEvent::Undelivered { hash } => match entry.receipts.remove(&hash) {
                Some(receipt) => Event::TimedOut { receipt },
                None => return,
            },
            LinkEvent::Request { id: request, path, data, requested_at } => {
                let remote = entry.link.info().remote;
                Event::Request { link, destination, request, path, data, requested_at, remote }
            }
            LinkEvent::Response { id: request, value, metadata } => {
                Event::Response { link, request, value, metadata }
            }
            LinkEvent::RequestFailed { id: request, reason } => {
                Event::RequestFailed { link, request, reason }
            }
            LinkEvent::ResourceOffered { id: resource, size, segments } => {
                Event::ResourceOffered { link, resource, size, segments }
            }
            LinkEvent::ResourceReceived { id: resource, data, metadata, proof } => {
                let proof = proof.map_or(PendingProof::none(), |proof| {
                    PendingProof(ProofSubject::Resource { link, proof: Box::new(proof) })
                });
                let proof = self.resource_by_policy(now, destination, proof);
                Event::ResourceReceived { link, resource, data, metadata, proof }
            }
            LinkEvent::ResourceFailed { id: resource, reason } => {
                Event::ResourceFailed { link, resource, reason }
            }
            LinkEvent::ResourceSent { id: resource } => Event::ResourceSent { link, resource },
            LinkEvent::ResourceRejected { id: resource } => Event::ResourceRejected { link, resource },
            LinkEvent::Message { kind, payload } => Event::ChannelMessage { link, kind, data: payload },
            LinkEvent::Stream { stream, data, end } => Event::StreamData { link, stream, data, end },
            LinkEvent::MessageDelivered { id: message } => Event::ChannelDelivered { link, message },
            LinkEvent::MessageFailed { id: message } => Event::ChannelFailed { link, message },
            LinkEvent::ChannelReady => Event::ChannelReady { link },
            LinkEvent::Closed { reason, ever_active } => {
                return self.link_closed(now, link, reason, ever_active);
            }
        };
        self.event(event);
    }

    fn link_opened(&mut self, id: LinkId) -> LinkRole {
        let entry = self.links.links.get(&id).expect("the link whose event this is");
        let role = entry.link.info().role;
        self.links.half_open.remove(entry.interface, &id);
        self.links.idle.touch(id);
        if role == LinkRole::Initiator {
            // The proof tells how far it really is (spec 5.8).
            self.transport.paths.set_hops(&entry.link.destination(), entry.link.hops());
        }
        role
    }

    fn link_closed(&mut self, now: Instant, id: LinkId, reason: CloseReason, ever_active: bool) {
        let Some(entry) = self.links.links.remove(&id) else { return };
        self.links.half_open.remove(entry.interface, &id);
        self.links.idle.remove(&id);
        self.timers.cancel(&Timer::Link(id));
        if reason != CloseReason::Local {
            self.transport.interfaces.drop_link(entry.interface, &id, &mut self.counters);
        }
        let role = entry.link.info().role;
        if role == LinkRole::Initiator && !ever_active && reason == CloseReason::Timeout {
            // Nobody answered: let a longer path replace this one, and look for one (spec 5.6).
            self.transport.paths.set_unresponsive(&entry.link.destination());
            self.request_path(now, entry.link.destination());
        }
        // Of a responder's link that was never active the application has not heard.
        if role == LinkRole::Initiator || ever_active {
            self.event(Event::LinkClosed { link: id, reason, ever_active });
        }
    }
}
