//! What passes through us on its way to others: packets with their proofs, links from their request on
//! (`spec/reticulum.md` 5.4, 5.5, 5.7, 5.8).
//!
//! A frame goes on as it came, with a new header, so that what we do not know passes unchanged. Only the proof of a link
//! is verified, which leaves as work.

use std::sync::Arc;

use super::work::{Job, RelayProofDone, RelayProofJob};
use super::{InterfaceId, Mode, Node, Priority};
use crate::crypto::PublicIdentity;
use crate::hash::LinkId;
use crate::time::Instant;
use crate::transport::{LinkWay, Onward, Received, RelayRefusal, WayBack};
use crate::wire::link::LinkProof;
use crate::wire::{self, Context, DestinationType, HOPS_MAX, Header, Packet, PacketType};

impl Node {
    /// Whether a packet names us as the next hop to a destination that is not ours, or is for a program on this machine,
    /// for whom we are meant without being named (`spec/reticulum.md` 5.11). The filter has seen to it that it names
    /// nobody else.
    pub(super) fn is_in_transport(&self, interface: InterfaceId, packet: &Packet<'_>) -> bool {
        let header = &packet.header;
        let to = header.destination_hash();
        if header.packet_type == PacketType::Announce
            || header.destination_type == DestinationType::Link
            || self.destinations.contains(&to)
        {
            return false;
        }
        match header.transport_id {
            // The shared instance may name itself towards us.
            Some(id) if id != *self.transport.own() => false,
            Some(_) => {
                self.transport.forwards()
                    || self.transport.is_local_client(interface)
                    || self.transport.leads_to_local_client(&to)
            }
            None => {
                header.destination_type == DestinationType::Single
                    && header.packet_type != PacketType::Proof
                    && self.transport.leads_to_local_client(&to)
            }
        }
    }

    /// Forwards a packet along its path (`spec/reticulum.md` 5.4).
    pub(super) fn forward(&mut self, now: Instant, interface: InterfaceId, received: Received<'_>) {
        let Received { frame, packet, hops, once } = received;
        let destination = packet.header.destination_hash();
        let Some(onward) = self.transport.onward(&destination) else {
            self.counters.forward_no_path += 1;
            return;
        };
        if self.is_too_far(hops) {
            return;
        }
        if packet.header.packet_type == PacketType::LinkRequest {
            return self.forward_link_request(now, interface, received, onward);
        }
        let hash = packet.hash();
        if once && !self.transport.is_new(interface, &hash, &mut self.counters) {
            return;
        }
        let evicted = self.transport.reverse.insert(now, hash.proof_address(), interface, onward.interface);
        self.counters.reverse_evicted += u64::from(evicted);
        let frame = wire::onward(frame, hops, onward.rewrite);
        self.transport.touch(now, &destination);
        self.pass_on(now, onward.interface, frame, Priority::Message);
    }

    fn forward_link_request(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        received: Received<'_>,
        onward: Onward,
    ) {
        let Received { frame, packet, hops, once } = received;
        let Some(link) = packet.link_id_of_request() else {
            self.counters.link_request_refused += 1;
            return;
        };
        // Signalling is not part of a link's id: a request that differs only in that must not turn the link elsewhere.
        if self.transport.relays.contains(&link) {
            self.counters.packet_duplicate += 1;
            return;
        }
        let mut frame = wire::onward(frame, hops, onward.rewrite);
        if !self.transport.clamp(&packet, interface, &onward).apply(&mut frame) {
            self.counters.link_request_refused += 1;
            return;
        }
        if once && !self.transport.is_new(interface, &packet.hash(), &mut self.counters) {
            return;
        }
        let destination = packet.header.destination_hash();
        let way = LinkWay {
            destination,
            ahead: onward.interface,
            ahead_hops: onward.hops,
            back: interface,
            back_hops: hops,
            proof_until: now + onward.proof_timeout(),
        };
        self.counters.relay_evicted += u64::from(self.transport.relays.insert(link, way));
        self.transport.touch(now, &destination);
        self.pass_on(now, onward.interface, frame, Priority::Link);
    }

    /// Relays a packet on a link that is not ours (`spec/reticulum.md` 5.5).
    pub(super) fn relay(&mut self, now: Instant, interface: InterfaceId, received: Received<'_>) {
        let Received { frame, packet, hops, once } = received;
        let header = &packet.header;
        if header.packet_type == PacketType::Proof && header.context == Context::LINK_REQUEST_PROOF {
            return self.relay_link_proof(interface, received);
        }
        let link = header.link_id();
        let to = match self.transport.relays.way(&link, interface, hops) {
            Ok(to) => to,
            Err(refusal) => return self.count_relay(refusal),
        };
        // What was not relayed is not remembered: on a shared medium it may be the echo of what we are to relay.
        if once && !self.transport.is_new(interface, &packet.hash(), &mut self.counters) {
            return;
        }
        if self.is_too_far(hops) {
            return;
        }
        self.transport.relays.touch(now, &link);
        self.pass_on(now, to, wire::with_hops(frame, hops), priority(header));
    }

    /// The proof of a link request that we forwarded: relayed once it is verified (`spec/reticulum.md` 5.8).
    fn relay_link_proof(&mut self, interface: InterfaceId, received: Received<'_>) {
        let Received { frame, packet, hops, .. } = received;
        let link = packet.header.link_id();
        if !self.transport.relays.contains(&link) {
            return self.count_relay(RelayRefusal::Unknown);
        }
        let hash = packet.hash();
        let Some(proof) = LinkProof::parse(packet.data) else {
            self.counters.relay_proof_malformed += 1;
            return;
        };
        if self.transport.seen.contains(hash.proof_address().as_bytes()) {
            self.counters.packet_duplicate += 1;
            return;
        }
        if self.is_too_far(hops) {
            return;
        }
        let signer = match self.relay_signer(&link, interface, hops) {
            Ok(Some(signer)) => signer,
            Ok(None) => {
                self.counters.relay_proof_unknown_key += 1;
                return;
            }
            Err(refusal) => return self.count_relay(refusal),
        };
        let frame = wire::with_hops(frame, hops);
        let job = RelayProofJob { link, interface, hops, hash, frame, proof, signer };
        self.submit(Job::RelayProof(Box::new(job)));
    }

    /// Who must have signed a proof that is worth verifying.
    fn relay_signer(
        &mut self,
        link: &LinkId,
        interface: InterfaceId,
        hops: u8,
    ) -> Result<Option<Arc<PublicIdentity>>, RelayRefusal> {
        let destination = self.transport.relays.signer(link, interface, hops)?;
        let Some(peer) = self.transport.peers.peer(&destination) else { return Ok(None) };
        self.transport.relays.begin_proof(link)?;
        Ok(Some(Arc::clone(&peer.identity)))
    }

    /// The proof of a link request was verified, or not.
    pub(super) fn finish_relay_proof(&mut self, now: Instant, done: RelayProofDone) {
        let RelayProofDone { link, interface, hops, hash, frame, valid } = done;
        self.counters.relay_proof_forged += u64::from(!valid);
        let relays = &mut self.transport.relays;
        let Some(established) = relays.finish_proof(now, &link, interface, hops, valid) else { return };
        if !self.transport.is_new(interface, &hash, &mut self.counters) {
            return;
        }
        if let Some(destination) = established.moved
            && self.transport.paths.path(&destination).is_some_and(|path| path.interface == interface)
        {
            self.transport.paths.set_hops(&destination, hops);
        }
        self.pass_on(now, established.back, frame, Priority::Link);
    }

    /// Relays the proof of a packet that we forwarded (`spec/reticulum.md` 5.7). False if it is of no such packet.
    pub(super) fn relay_proof(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        received: Received<'_>,
    ) -> bool {
        let Received { frame, packet, hops, .. } = received;
        match self.transport.reverse.take(now, &packet.header.proof_address(), interface) {
            WayBack::Unknown => return false,
            WayBack::WrongInterface => self.counters.relay_wrong_way += 1,
            WayBack::To(back) => {
                if !self.is_too_far(hops) {
                    self.pass_on(now, back, wire::with_hops(frame, hops), Priority::Link);
                }
            }
        }
        true
    }

    /// The request of a link that we relay was never answered: looks for another way to its destination, where the
    /// reason may be on our side (`spec/reticulum.md` 5.6).
    pub(super) fn link_request_unanswered(&mut self, now: Instant, way: &LinkWay) {
        let LinkWay { destination, back, back_hops, .. } = *way;
        let avoid = match self.transport.paths.path(&destination).map(|path| path.hops) {
            None => None,
            // A program on this machine looks for the way through us.
            Some(_) if back_hops == 0 => None,
            Some(hops) if hops == 1 || back_hops == 1 => {
                let mode = self.transport.interfaces.up(back).map(|interface| interface.config.mode);
                if mode != Some(Mode::Boundary) {
                    self.transport.paths.set_unresponsive(&destination);
                }
                Some(back)
            }
            Some(_) => return,
        };
        self.transport.rediscovery.push(now, destination, avoid);
    }

    /// Sends the path requests that wait for their turn.
    pub(super) fn rediscover(&mut self, now: Instant) {
        while let Some((destination, avoid)) = self.transport.rediscovery.pop_due(now) {
            let tag = self.rng.bytes();
            self.transport.request_path_except(now, destination, tag, avoid, &mut self.counters);
        }
    }

    /// Whether nobody would take a packet that has come so many hops; it is counted.
    fn is_too_far(&mut self, hops: u8) -> bool {
        let is_too_far = hops >= HOPS_MAX;
        self.counters.forward_hops += u64::from(is_too_far);
        is_too_far
    }

    fn pass_on(&mut self, now: Instant, to: InterfaceId, frame: Vec<u8>, priority: Priority) {
        // Whoever is on the other side would drop it.
        if self.transport.interfaces.up(to).is_some_and(|interface| frame.len() > interface.config.hw_mtu) {
            self.counters.forward_too_long += 1;
            return;
        }
        self.counters.forwarded += 1;
        self.transport.interfaces.push(now, to, frame, priority, &mut self.counters);
    }

    fn count_relay(&mut self, refusal: RelayRefusal) {
        *match refusal {
            RelayRefusal::Unknown => &mut self.counters.packet_unknown_destination,
            RelayRefusal::NotEstablished => &mut self.counters.relay_not_established,
            RelayRefusal::WrongWay => &mut self.counters.relay_wrong_way,
            RelayRefusal::Busy => &mut self.counters.relay_proof_busy,
        } += 1;
    }
}

/// How urgent a packet on a link is. It must not overtake what it depends on: a close comes last.
fn priority(header: &Header) -> Priority {
    match header.context {
        _ if header.packet_type == PacketType::Proof => Priority::Link,
        Context::RESOURCE | Context::LINK_CLOSE => Priority::History,
        Context::REQUEST | Context::RESPONSE => Priority::Reply,
        Context::NONE | Context::CHANNEL => Priority::Message,
        context if context.is_known() => Priority::Link,
        _ => Priority::Message,
    }
}
