//! What passes through us on its way to others (`spec/reticulum.md` 5.4, 5.5, 5.7, 5.8), and whose traffic does not.

use super::{InterfaceId, Node};
use crate::hash::IdentityHash;
use crate::time::Instant;
use crate::transport::Received;
use crate::wire::{DestinationType, Packet, PacketType};

impl Node {
    /// Drops and counts from now on what an identity announces and what is meant for its destinations, and forgets
    /// them; or lets it again. False if the list has no room, or the identity was not on it.
    pub fn blackhole(&mut self, identity: IdentityHash, drop: bool) -> bool {
        if !drop {
            return self.transport.blackhole.remove(&identity);
        }
        let added = self.transport.blackhole.insert(identity);
        if added {
            // Without a path and keys nothing leads there, so that no packet has to be looked up in the list.
            for destination in self.transport.peers.of_identity(&identity) {
                self.transport.paths.remove(&destination);
                self.transport.peers.forget(&destination);
            }
        }
        added
    }

    /// The identities whose announces, links and packets are dropped, in order.
    pub fn blackholed(&self) -> Vec<IdentityHash> {
        self.transport.blackhole.list()
    }

    /// Whether a packet names us as the next hop to a destination that is not ours. The filter has seen to it that it
    /// names nobody else.
    pub(super) fn is_in_transport(&self, packet: &Packet<'_>) -> bool {
        let header = &packet.header;
        header.transport_id.is_some()
            && self.transport.forwards()
            && header.packet_type != PacketType::Announce
            && header.destination_type != DestinationType::Link
            && !self.destinations.contains(&header.destination_hash())
    }

    /// Forwards a packet along its path (`spec/reticulum.md` 5.4).
    pub(super) fn forward(&mut self, _now: Instant, _interface: InterfaceId, _received: Received<'_>) {
        self.counters.forward_no_path += 1;
    }

    /// Relays a packet on a link that is not ours (`spec/reticulum.md` 5.5).
    pub(super) fn relay(&mut self, _now: Instant, _interface: InterfaceId, _received: Received<'_>) {
        self.counters.packet_unknown_destination += 1;
    }

    /// Relays the proof of a packet that we forwarded (`spec/reticulum.md` 5.7). False if it is of no such packet.
    pub(super) fn relay_proof(
        &mut self,
        _now: Instant,
        _interface: InterfaceId,
        _received: Received<'_>,
    ) -> bool {
        false
    }
}
