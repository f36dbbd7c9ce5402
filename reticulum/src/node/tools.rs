//! What an operator's tools ask of the network, and the few things that they do to it (`spec/interfaces.md` 13.2). Nothing
//! of it is on the way of a packet, so that scans of tables do not matter.

use std::time::Duration;

use super::{InterfaceConfig, InterfaceId, Node, Signal};
use crate::hash::{DestinationHash, IdentityHash, PacketHash};
use crate::time::{Instant, UnixTime};
pub use crate::transport::Pressure;

/// How often a destination announces itself, where that is limited (`spec/reticulum.md` 4.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateEntry {
    /// Whose announces.
    pub destination: DestinationHash,
    /// The last one that counted.
    pub last: UnixTime,
    /// How often it came too soon, less how often it did not.
    pub violations: u32,
    /// Until when its announces are not passed on.
    pub blocked_until: Option<UnixTime>,
    /// When the newest announces were heard, oldest first, at least one.
    pub heard: Vec<UnixTime>,
}

impl Node {
    /// The settings of an interface.
    pub fn interface_config(&self, interface: InterfaceId) -> Option<&InterfaceConfig> {
        self.transport.interfaces.interface(interface).map(|interface| &interface.config)
    }

    /// How much comes in and waits on an interface.
    pub fn pressure(&self, now: Instant, interface: InterfaceId) -> Option<Pressure> {
        self.transport.interfaces.interface(interface).map(|interface| interface.pressure(now))
    }

    /// How well a packet was received by radio, if it is one of the last 512 that were.
    pub fn packet_signal(&self, packet: &PacketHash) -> Option<Signal> {
        self.transport.signals.of(packet)
    }

    /// The driver of an interface refused so many frames, which are counted with those that are no packets.
    pub fn count_malformed(&mut self, interface: InterfaceId, frames: u32) {
        if let Some(interface) = self.transport.interfaces.up_mut(interface) {
            interface.stats.malformed += u64::from(frames);
        }
    }

    /// The destinations whose announces are limited, in order.
    pub fn announce_rates(&self, now: Instant) -> Vec<RateEntry> {
        let unix = self.unix_time(now);
        let at = |then: Instant| unix - now.since(then);
        let entry =
            |(destination, interface, rate): (DestinationHash, InterfaceId, crate::transport::Rate)| {
                let rule = self.interface_config(interface).and_then(|config| config.rules.announce_rate);
                let blocked_until =
                    rule.and_then(|rule| rate.blocked_until(&rule)).filter(|until| *until > now);
                Some(RateEntry {
                    destination,
                    last: at(rate.last()?),
                    violations: rate.violations(),
                    blocked_until: blocked_until.map(|until| unix + until.since(now)),
                    heard: rate.heard().map(at).collect(),
                })
            };
        let mut rates: Vec<RateEntry> = self.transport.paths.rates().filter_map(entry).collect();
        rates.sort_unstable_by_key(|rate| rate.destination);
        rates
    }

    /// The transport in between on the way to a destination; to a direct neighbour, the destination itself.
    pub fn next_hop(&self, destination: &DestinationHash) -> Option<[u8; 16]> {
        let path = self.transport.paths.path(destination)?;
        Some(path.next_hop.map_or(*destination.as_bytes(), |next_hop| *next_hop.as_bytes()))
    }

    /// How long a question and its answer take over the slowest interface (`spec/reticulum.md` 5.6).
    pub fn medium_timeout(&self) -> Duration {
        self.transport.medium_timeout()
    }

    /// Whether this node forwards for others.
    pub fn forwards(&self) -> bool {
        self.transport.forwards()
    }

    /// Who this node is on the network.
    pub fn transport_id(&self) -> IdentityHash {
        *self.transport.own()
    }

    /// Links of others that pass through, and how many of them are established.
    pub fn relayed_links(&self) -> (usize, usize) {
        (self.transport.relays.len(), self.transport.relays.established())
    }

    /// Forgets all paths whose [next hop](Node::next_hop) is this one; how many there were.
    pub fn drop_paths_via(&mut self, next_hop: &[u8; 16]) -> usize {
        let destinations = self.transport.paths.saved().map(|(destination, ..)| destination);
        let gone: Vec<DestinationHash> = destinations
            .filter(|destination| self.next_hop(destination).as_ref() == Some(next_hop))
            .collect();
        gone.iter().for_each(|destination| self.transport.paths.remove(destination));
        gone.len()
    }

    /// Forgets the announces of others that wait for the cap of their interface; how many there were.
    pub fn drop_capped_announces(&mut self) -> usize {
        self.transport.drop_capped()
    }
}
