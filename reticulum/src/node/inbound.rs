//! Frames: to whom each packet goes (`spec/reticulum.md` 5.3). Bounded table work for each, and what needs a public
//! key leaves as work.

use super::work::{AnnounceHeard, HearAnnounceJob, Job};
use super::{Event, InterfaceId, Node, Output, Persist, Signal};
use crate::hash::DestinationHash;
use crate::time::Instant;
use crate::transport::{
    Announced, Heard, Held, JITTER, Learned, PathRequest, Received, Unproven, path_request_destination,
    tunnel_destination,
};
use crate::wire::{Announce, AnnounceError, Context, DestinationType, Packet, PacketType};

impl Node {
    /// A frame came in on an interface: one packet, with its access code if the interface has one.
    pub fn handle_frame(&mut self, now: Instant, interface: InterfaceId, frame: &[u8]) {
        self.take_frame(now, interface, frame, None);
    }

    /// The same, received by radio this well. [`Node::packet_signal`] tells it for the last 512 packets.
    pub fn handle_radio_frame(&mut self, now: Instant, interface: InterfaceId, frame: &[u8], signal: Signal) {
        self.take_frame(now, interface, frame, Some(signal));
    }

    fn take_frame(&mut self, now: Instant, interface: InterfaceId, frame: &[u8], signal: Option<Signal>) {
        if self.outstanding >= self.transport.limits().work {
            self.counters.work_full += 1;
            return;
        }
        self.identified = None;
        let mut plain = std::mem::take(&mut self.plain);
        plain.clear();
        if let Some(received) = self.transport.receive(interface, frame, &mut plain, &mut self.counters) {
            if let Some(signal) = signal {
                self.transport.signals.note(received.packet.hash(), signal);
            }
            self.dispatch(now, interface, received);
        }
        self.plain = plain;
    }

    /// Ours, to forward, an announce or a path request.
    fn dispatch(&mut self, now: Instant, interface: InterfaceId, received: Received<'_>) {
        let packet = &received.packet;
        if self.is_in_transport(interface, packet) {
            return self.forward(now, interface, received);
        }
        match (packet.header.packet_type, packet.header.destination_type) {
            (PacketType::Announce, _) => self.hear_announce(now, interface, packet),
            (PacketType::Data, DestinationType::Single) => self.receive_single(interface, packet),
            (PacketType::Data, DestinationType::Plain) => self.receive_plain(now, interface, received),
            (PacketType::Data | PacketType::Proof, DestinationType::Link) => {
                self.receive_on_link(now, interface, received);
            }
            (PacketType::LinkRequest, DestinationType::Single) => {
                self.receive_link_request(now, interface, packet)
            }
            (PacketType::Proof, DestinationType::Single) => self.receive_proof(now, interface, received),
            _ => self.counters.packet_wrong_type += 1,
        }
    }

    /// Refuses what can be refused without its signature, which costs a hundred times the rest.
    fn hear_announce(&mut self, now: Instant, id: InterfaceId, packet: &Packet<'_>) {
        let Ok(announce) = Announce::parse(packet) else {
            self.counters.announce_malformed += 1;
            return;
        };
        let Some(interface) = self.transport.interfaces.up(id) else { return };
        // What a program on this machine sends has not travelled yet.
        let hops = packet.header.hops.saturating_add(u8::from(!interface.config.is_on_this_machine()));
        let (mode, gravity) = (interface.config.mode, interface.config.rules.gravity);
        self.transport.overhear(now, packet, hops, &announce.random_blob, &mut self.counters);
        let destination = &announce.destination;
        // The answer to a request of ours is worth its signature also if it only confirms what we know.
        let known = self.transport.peers.peer(destination).is_some()
            && !self.transport.requests.is_waiting(destination);
        let refused = if self.destinations.contains(destination) {
            &mut self.counters.announce_own
        } else if self.transport.peers.contradicts(destination, announce.identity) {
            &mut self.counters.announce_other_key
        } else if known && self.transport.paths.is_settled(destination, &announce.random_blob) {
            &mut self.counters.announce_repeated
        } else if self.transport.blackhole.contains_key(announce.identity) {
            &mut self.counters.blackholed
        } else if !announce.is_of_its_identity() {
            &mut self.counters.announce_wrong_destination
        } else {
            let heard = Heard {
                hops,
                interface: id,
                next_hop: packet.header.transport_id,
                blob: announce.random_blob,
                gravity,
                lifetime: mode.path_lifetime(),
            };
            let mut frame = Vec::new();
            packet.emit(&mut frame);
            let path_response = packet.header.context == Context::PATH_RESPONSE;
            let announce = Unproven { frame, heard, path_response };
            let destination = *destination;
            let admitted = self.transport.admit(now, destination, announce, &mut self.counters);
            if let Some((announce, counts)) = admitted {
                self.submit(Job::HearAnnounce(HearAnnounceJob { announce, counts }));
            }
            return;
        };
        *refused += 1;
    }

    /// An announce need not wait any longer.
    pub(super) fn hear_released(&mut self, now: Instant, held: Held) {
        match held {
            Held::Unproven(_) if self.outstanding >= self.transport.limits().work => {
                self.counters.announce_held_dropped += 1;
            }
            Held::Unproven(announce) => {
                self.submit(Job::HearAnnounce(HearAnnounceJob { announce, counts: false }));
            }
            Held::Proven(announced) => self.learn(now, *announced),
        }
    }

    /// The signature of an announce was checked.
    pub(super) fn finish_hearing(&mut self, now: Instant, done: AnnounceHeard) {
        let AnnounceHeard { interface, counts, result } = done;
        match &result {
            Ok(_) => {}
            Err(AnnounceError::Signature) => self.counters.announce_bad_signature += 1,
            Err(_) => self.counters.announce_malformed += 1,
        }
        let announced = match counts {
            true => self.transport.checked(now, interface, result.ok(), &mut self.counters),
            false => result.ok(),
        };
        if let Some(announced) = announced {
            self.learn(now, *announced);
        }
    }

    /// Takes what a valid announce says: about its destination if it is not old, about the path by the timebase rule.
    pub(super) fn learn(&mut self, now: Instant, announced: Announced) {
        let Announced { destination, name_hash, heard, introduction, path_response } = announced;
        let unix = self.unix_time(now);
        let transport = &mut self.transport;
        if self.destinations.contains(&destination) {
            self.counters.announce_own += 1;
            return;
        }
        if transport.peers.contradicts(&destination, &introduction.identity.to_bytes()) {
            self.counters.announce_other_key += 1;
            return;
        }
        let accepted = transport.paths.accepts(now, &destination, &heard);
        let ratchet = introduction.ratchet;
        match transport.peers.learn(unix, destination, introduction) {
            Learned::Yes => {}
            Learned::Evicting => self.counters.peer_evicted += 1,
            Learned::Older => self.counters.announce_older += 1,
        }
        if !accepted {
            self.counters.announce_not_better += 1;
            return self.confirm_path(destination);
        }
        let retained = transport.peers.is_retained(&destination);
        self.counters.path_evicted += u64::from(transport.paths.learn(now, destination, &heard, retained));
        let Some(peer) = transport.peers.peer(&destination) else { return };
        let (identity, app_data) = (peer.identity.clone(), peer.app_data.clone());
        transport.interfaces.drop_path_requests(&destination, &mut self.counters);
        if transport.requests.finish(&destination) {
            self.outputs.push_back(Output::Event(Event::PathFound { destination, hops: heard.hops }));
        }
        if let Some(record) = transport.peers.record(&destination) {
            self.outputs.push_back(Output::Persist(Persist::Peer(record)));
        }
        let Heard { hops, interface, .. } = heard;
        let event = Event::Announce {
            destination,
            identity,
            name_hash,
            app_data,
            ratchet,
            hops,
            interface,
            path_response,
        };
        self.outputs.push_back(Output::Event(event));
        let jitter = self.rng.duration_below(JITTER);
        self.transport.spread(now, destination, &heard, path_response, jitter, &mut self.counters);
        self.plan_saving(now);
    }

    /// A valid announce did not change the path; if we had asked for one, this is still the answer.
    fn confirm_path(&mut self, destination: DestinationHash) {
        let Some(route) = self.transport.route(&destination) else { return };
        if self.transport.requests.finish(&destination) {
            self.event(Event::PathFound { destination, hops: route.hops });
        }
    }

    fn receive_plain(&mut self, now: Instant, interface: InterfaceId, received: Received<'_>) {
        let Received { frame, ref packet, .. } = received;
        let to = packet.header.destination_hash();
        if to == tunnel_destination() {
            return self.hear_tunnel(interface, packet.data);
        }
        if to != path_request_destination() {
            let relayed = self.transport.share_plain(now, interface, frame, &mut self.counters);
            self.counters.packet_unknown_destination += u64::from(!relayed);
            return;
        }
        let Some(request) = PathRequest::parse(packet.data) else {
            self.counters.path_request_malformed += 1;
            return;
        };
        if !self.transport.requests.is_new(&request) {
            self.counters.path_request_duplicate += 1;
        } else if self.destinations.contains(&request.destination) {
            self.answer_path_request(now, request.destination, interface);
        } else {
            self.transport.path_asked(now, interface, &request, &mut self.counters);
        }
    }
}
