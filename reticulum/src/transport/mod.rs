//! The network's side of a node: interfaces, the filter in front of everything, paths, peers and what is asked for.
//!
//! One table, one file, one owner; this file only joins them. It sends and receives frames and knows the way to a
//! destination, but nothing of our own destinations, of our own links or of keys.
//!
//! | file | owns |
//! |---|---|
//! | `filter` | which packets are for us at all |
//! | `seen` | duplicates |
//! | `interfaces`, `queue`, `merging`, `traffic` | what goes out and comes in, per interface, and how much of it |
//! | `signals` | how well packets were received by radio |
//! | `admission`, `ingress`, `burst` | announces and path requests that come too fast |
//! | `waking`, `dormant`, `tunnels` | paths whose interface is away, and comes back |
//! | `sharing` | programs on this machine |
//! | `spreading` | announces passed on and paths looked for, with `rebroadcast`, `modes`, `rate`, `cap`, `discovery` |
//! | `paths` | the timebase rule, lifetimes |
//! | `peers` | keys, app_data and ratchets heard |
//! | `requests` | path requests in both directions |
//! | `receipts` | single packets that wait for a proof |
//! | `reverse` | where the proofs of forwarded packets go |
//! | `relays`, `half_open` | links of others that pass through |
//! | `rediscovery` | path requests that follow from unanswered link requests of others |
//! | `blackhole` | whose announces, links and packets are dropped |

mod admission;
mod aged;
mod blackhole;
mod budget;
mod burst;
mod cap;
mod discovery;
mod dormant;
mod filter;
mod half_open;
mod ingress;
mod interfaces;
mod merging;
mod modes;
mod paths;
mod peers;
mod queue;
mod rate;
mod rebroadcast;
mod receipts;
mod recency;
mod rediscovery;
mod relays;
mod requests;
mod reverse;
mod seen;
mod sharing;
mod signals;
mod spreading;
mod traffic;
mod tunnels;
mod waking;

use std::time::Duration;

pub(crate) use admission::{Held, Unproven};
pub(crate) use blackhole::Blackhole;
pub(crate) use budget::Budget;
pub use dormant::Place;
pub(crate) use half_open::HalfOpen;
pub use interfaces::Pressure;
pub(crate) use interfaces::{AirtimeUse, Interface, Interfaces};
pub(crate) use modes::{Origin, Outgoing, outgoing};
pub(crate) use paths::{Heard, Paths, SavedPath};
pub use peers::Peer;
pub(crate) use peers::{Introduction, Learned, Peers, Signed};
pub(crate) use queue::AnnounceKey;
pub(crate) use rate::Rate;
pub(crate) use rebroadcast::JITTER;
pub(crate) use receipts::{Proof, ProofRefusal, Receipt, Receipts};
pub(crate) use recency::Recency;
pub(crate) use rediscovery::Rediscovery;
pub(crate) use relays::{LinkWay, RelayRefusal, Relays};
pub(crate) use requests::{PathRequest, PathRequests};
pub(crate) use reverse::{Reverse, WayBack};
pub(crate) use seen::Seen;
pub use signals::Signal;
pub(crate) use signals::Signals;
pub use traffic::{Flow, InterfaceStats};
pub(crate) use tunnels::{TunnelId, tell as tell_tunnel, tunnel_destination, verify as verify_tunnel};

use crate::hash::{DestinationHash, IdentityHash, NameHash, PacketHash};
use crate::node::{Counters, InterfaceConfig, InterfaceId, Limits, Priority};
use crate::time::{Instant, TimerQueue};
use crate::wire::link::{LinkRequest, MTU_UNSIGNALLED};
use crate::wire::{self, Clamp, Context, Packet, Rewrite};
use discovery::Discoveries;
use dormant::Dormant;
use filter::{Verdict, filter};
use rebroadcast::Rebroadcasts;
use tunnels::Tunnels;

/// Time for one hop (`spec/reticulum.md` 1.3).
pub(crate) const PER_HOP_TIMEOUT: Duration = Duration::from_secs(6);

/// A frame that passed the filter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received<'a> {
    /// Without its access code.
    pub(crate) frame: &'a [u8],
    /// What it says.
    pub(crate) packet: Packet<'a>,
    /// Hops so far, the last one included; what a program on this machine sends has not travelled yet.
    pub(crate) hops: u8,
    /// Whether it may only be processed once (see [`Transport::is_new`]).
    pub(crate) once: bool,
}

/// A path as the application sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathInfo {
    /// Hops to the destination; 1 is a direct neighbour.
    pub hops: u8,
    /// The interface that leads there.
    pub interface: InterfaceId,
}

/// A valid announce.
#[derive(Clone, Debug)]
pub(crate) struct Announced {
    pub(crate) destination: DestinationHash,
    pub(crate) name_hash: NameHash,
    pub(crate) heard: Heard,
    pub(crate) introduction: Introduction,
    pub(crate) path_response: bool,
}

/// Where a packet to a destination goes (`spec/reticulum.md` 3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) interface: InterfaceId,
    pub(crate) hops: u8,
    /// The transport that forwards it; none to a direct neighbour.
    pub(crate) via: Option<IdentityHash>,
    /// The longest link MTU that the interface takes part in.
    pub(crate) link_mtu: u32,
    /// Time to get the first frame across.
    pub(crate) first_hop_timeout: Duration,
    /// Whether packets may wait for long until the medium has room.
    pub(crate) slow: bool,
}

/// Where a packet of somebody else goes (`spec/reticulum.md` 5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Onward {
    pub(crate) interface: InterfaceId,
    /// Hops from here.
    pub(crate) hops: u8,
    pub(crate) rewrite: Rewrite,
    /// Longest packet on the interface, if links negotiate there.
    mtu: Option<u32>,
    first_hop: Duration,
}

impl Onward {
    /// How long the proof of a link request may take (`spec/reticulum.md` 5.4).
    pub(crate) fn proof_timeout(&self) -> Duration {
        PER_HOP_TIMEOUT * u32::from(self.hops.max(1)) + self.first_hop
    }
}

/// The tables, joined.
#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) interfaces: Interfaces,
    pub(crate) paths: Paths,
    pub(crate) peers: Peers,
    pub(crate) requests: PathRequests,
    pub(crate) seen: Seen,
    pub(crate) blackhole: Blackhole,
    pub(crate) reverse: Reverse,
    pub(crate) relays: Relays,
    pub(crate) rediscovery: Rediscovery,
    pub(crate) signals: Signals,
    tunnels: Tunnels,
    dormant: Dormant,
    rebroadcasts: Rebroadcasts,
    discoveries: Discoveries,
    /// When the pause of each interface's announce cap is over.
    pauses: TimerQueue<InterfaceId>,
    /// When each interface may release a held announce.
    releases: TimerQueue<InterfaceId>,
    own: IdentityHash,
    /// Whether we forward for others.
    forwards: bool,
    limits: Limits,
}

impl Transport {
    /// Empty tables for the transport identity `own`, of a node that forwards for others or not.
    pub(crate) fn new(own: IdentityHash, forwards: bool, limits: Limits) -> Self {
        let mut peers = Peers::new(limits.peers);
        if forwards {
            peers.keep_announces();
        }
        Self {
            interfaces: Interfaces::new(&limits),
            paths: Paths::new(limits.paths),
            peers,
            requests: PathRequests::new(limits.request_tags, limits.path_requests),
            seen: Seen::new(limits.packet_hashes),
            rediscovery: Rediscovery::default(),
            signals: Signals::default(),
            blackhole: Blackhole::new(limits.blackhole),
            reverse: Reverse::new(limits.reverse),
            relays: Relays::new(
                limits.relays,
                limits.half_open_relays,
                limits.half_open_relays_per_interface,
            ),
            tunnels: Tunnels::new(limits.tunnels),
            dormant: Dormant::new(limits.dormant_paths),
            rebroadcasts: Rebroadcasts::new(limits.rebroadcasts),
            discoveries: Discoveries::new(limits.discoveries),
            pauses: TimerQueue::default(),
            releases: TimerQueue::default(),
            own,
            forwards,
            limits,
        }
    }

    /// Takes a frame from an interface as far as its header can be judged, using `plain` for the bytes without access
    /// code.
    pub(crate) fn receive<'a>(
        &mut self,
        id: InterfaceId,
        frame: &'a [u8],
        plain: &'a mut Vec<u8>,
        counters: &mut Counters,
    ) -> Option<Received<'a>> {
        let Some(interface) = self.interfaces.up_mut(id) else {
            counters.frame_interface_down += 1;
            return None;
        };
        let (len, len_max) = (frame.len(), interface.frame_len_max());
        let Interface { config, stats, .. } = interface;
        stats.count_received(len);
        let (refused, kind) = match &config.ifac {
            _ if len <= 2 => (&mut counters.frame_short, &mut stats.malformed),
            _ if len > len_max => (&mut counters.frame_long, &mut stats.malformed),
            Some(ifac) if ifac.open(frame, plain).is_err() => {
                (&mut counters.frame_access_code, &mut stats.access_refused)
            }
            ifac => {
                let frame = if ifac.is_some() { plain } else { frame };
                stats.count_heard(frame, len);
                return judge(frame, &self.own, config, stats, counters);
            }
        };
        *refused += 1;
        *kind += 1;
        None
    }

    /// How long a packet of full length takes over the slowest interface that is up, with a margin.
    pub(crate) fn slowest_first_hop(&self) -> Option<Duration> {
        let airtimes = self.interfaces.all_up().map(|(_, interface)| interface.airtime(wire::MTU));
        airtimes.max().map(|airtime| PER_HOP_TIMEOUT + airtime)
    }

    /// Remembers the hash of a packet that is about to be processed; false, and counted, if it was before.
    pub(crate) fn is_new(&mut self, from: InterfaceId, hash: &PacketHash, counters: &mut Counters) -> bool {
        let new = self.seen.insert(*hash.proof_address().as_bytes());
        if !new {
            counters.packet_duplicate += 1;
            if let Some(interface) = self.interfaces.up_mut(from) {
                interface.stats.filtered += 1;
            }
        }
        new
    }

    /// The way to `destination`, over an interface that is up.
    pub(crate) fn route(&self, destination: &DestinationHash) -> Option<Route> {
        let path = self.paths.path(destination)?;
        let interface = self.interfaces.up(path.interface)?;
        Some(Route {
            interface: path.interface,
            hops: path.hops,
            via: path.next_hop.filter(|_| path.hops > direct_hops_max(&interface.config)),
            link_mtu: interface.link_mtu(),
            first_hop_timeout: PER_HOP_TIMEOUT + interface.airtime(wire::MTU),
            slow: interface.is_slow(),
        })
    }

    /// Frames that are as urgent as a message or more, and wait at the interface by which `destination` is reached.
    pub(crate) fn first_hop_backlog(&self, destination: &DestinationHash) -> usize {
        let path = self.paths.path(destination);
        let interface = path.and_then(|path| self.interfaces.up(path.interface));
        interface.map_or(0, Interface::backlog)
    }

    /// The way to the `destination` of somebody else's packet, over an interface that is up.
    pub(crate) fn onward(&self, destination: &DestinationHash) -> Option<Onward> {
        let path = self.paths.path(destination)?;
        let interface = self.interfaces.up(path.interface)?;
        let rewrite = match (path.hops, path.next_hop) {
            (0, _) if !interface.config.is_shared_instance => Rewrite::Keep,
            (hops, Some(next_hop)) if hops > direct_hops_max(&interface.config) => Rewrite::Via(next_hop),
            _ => Rewrite::Strip,
        };
        Some(Onward {
            interface: path.interface,
            hops: path.hops,
            rewrite,
            mtu: interface.config.mtu_capable.then(|| interface.link_mtu()),
            first_hop: interface.airtime(wire::MTU),
        })
    }

    /// What becomes of the signalling of a link request that came in on `from` (`spec/reticulum.md` 6.6).
    pub(crate) fn clamp(&self, request: &Packet<'_>, from: InterfaceId, onward: &Onward) -> Clamp {
        let signalling = LinkRequest::parse(request.data).and_then(|request| request.signalling);
        let inbound = self.interfaces.up(from).map_or(MTU_UNSIGNALLED, Interface::mtu);
        Clamp::of(signalling, inbound, onward.mtu)
    }

    /// Notes that the way to `destination` is used.
    pub(crate) fn touch(&mut self, now: Instant, destination: &DestinationHash) {
        self.paths.touch(now, destination);
        self.peers.touch(destination);
    }

    /// Sends a packet along its route, or everywhere without one.
    pub(crate) fn transmit(
        &mut self,
        now: Instant,
        route: Option<&Route>,
        packet: Packet<'_>,
        priority: Priority,
        counters: &mut Counters,
    ) {
        let Some(route) = route else { return self.broadcast(now, packet, priority, counters) };
        self.touch(now, &packet.header.destination_hash());
        let packet = route.via.map_or(packet, |next_hop| packet.via(next_hop));
        self.transmit_on(now, route.interface, packet, priority, counters);
    }

    /// Sends a packet along its route over a slow medium, of which it is told when it leaves
    /// ([`Interfaces::take_left`]): its proof cannot come before.
    pub(crate) fn transmit_proven(
        &mut self,
        now: Instant,
        route: &Route,
        packet: Packet<'_>,
        priority: Priority,
        counters: &mut Counters,
    ) {
        self.touch(now, &packet.header.destination_hash());
        let address = packet.hash().proof_address();
        let packet = route.via.map_or(packet, |next_hop| packet.via(next_hop));
        self.interfaces.push_proven(now, route.interface, emitted(&packet), priority, address, counters);
    }

    /// Sends a packet on one interface.
    pub(crate) fn transmit_on(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        packet: Packet<'_>,
        priority: Priority,
        counters: &mut Counters,
    ) {
        self.interfaces.push(now, interface, emitted(&packet), priority, counters);
    }

    /// Sends a packet on every interface, and remembers it, so that its echo is not taken for another.
    fn broadcast(&mut self, now: Instant, packet: Packet<'_>, priority: Priority, counters: &mut Counters) {
        self.broadcast_except(now, None, packet, priority, counters);
    }

    fn broadcast_except(
        &mut self,
        now: Instant,
        except: Option<InterfaceId>,
        packet: Packet<'_>,
        priority: Priority,
        counters: &mut Counters,
    ) {
        self.seen.insert(*packet.hash().proof_address().as_bytes());
        let frame = emitted(&packet);
        let up = self.interfaces.all_up().map(|(id, _)| id);
        let up: Vec<InterfaceId> = up.filter(|id| Some(*id) != except).collect();
        for id in up {
            self.interfaces.push(now, id, frame.clone(), priority, counters);
        }
    }

    /// Asks on every interface for the way to `destination`, unless we did a moment ago.
    pub(crate) fn request_path(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        tag: [u8; 16],
        counters: &mut Counters,
    ) {
        self.request_path_except(now, destination, tag, None, counters);
    }

    /// The same on every interface but one.
    pub(crate) fn request_path_except(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        tag: [u8; 16],
        except: Option<InterfaceId>,
        counters: &mut Counters,
    ) {
        if !self.requests.begin(now, destination) {
            counters.path_request_gated += 1;
            return;
        }
        let requester = Some(self.own).filter(|_| self.forwards);
        let request = PathRequest { destination, requester, tag: &tag };
        let body = request.body();
        let packet = Packet::plain(path_request_destination(), Context::NONE, &body);
        self.requests.is_new(&request);
        self.broadcast_except(now, except, packet, Priority::Link, counters);
    }

    /// Forgets an interface. The paths over it sleep until it is there again.
    pub(crate) fn remove_interface(&mut self, now: Instant, id: InterfaceId) {
        self.put_to_sleep(now, id);
        self.interfaces.remove(id);
        self.relays.remove_interface(id);
        self.releases.cancel(&id);
        self.stop_spreading_on(id);
    }

    /// Ends what is too old, and lets go on what waited for its budget.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.interfaces.handle_timeout(now);
        self.paths.handle_timeout(now);
        self.tunnels.handle_timeout(now);
        self.dormant.handle_timeout(now);
        self.requests.handle_timeout(now);
        self.reverse.handle_timeout(now);
    }

    /// When the next entry ends or the next held announce may pass.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = [
            self.interfaces.poll_timeout(),
            self.paths.poll_timeout(),
            self.requests.poll_timeout(),
            self.releases.next_deadline(),
            self.reverse.poll_timeout(),
            self.relays.poll_timeout(),
            self.rediscovery.poll_timeout(),
            self.poll_spreading(),
            self.tunnels.poll_timeout(),
            self.dormant.poll_timeout(),
            self.blackhole.poll_timeout(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// The transport identity's hash.
    pub(crate) fn own(&self) -> &IdentityHash {
        &self.own
    }

    /// Whether we forward for others.
    pub(crate) fn forwards(&self) -> bool {
        self.forwards
    }

    /// Bounds that were given at the start.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// The plain destination to which path requests go (`spec/reticulum.md` 2.2).
pub(crate) fn path_request_destination() -> DestinationHash {
    const HASH: [u8; 16] = 0x6b9f_6601_4d98_53fa_ab22_0fba_47d0_2761_u128.to_be_bytes();
    DestinationHash::new(HASH)
}

/// Up to how many hops a destination is the next hop itself, so that no transport is named: the shared instance is named
/// also for its neighbours (`spec/reticulum.md` 3.6).
fn direct_hops_max(config: &InterfaceConfig) -> u8 {
    u8::from(!config.is_shared_instance)
}

/// Parses and filters a frame without access code. What the shared instance sends us is `local` and was filtered by it.
fn judge<'a>(
    frame: &'a [u8],
    own: &IdentityHash,
    config: &InterfaceConfig,
    stats: &mut InterfaceStats,
    counters: &mut Counters,
) -> Option<Received<'a>> {
    let (local, instance) = (config.is_on_this_machine(), config.is_shared_instance);
    let received = |packet: Packet<'a>, once| {
        let hops = packet.header.hops.saturating_add(u8::from(!local));
        Some(Received { frame, packet, hops, once })
    };
    let (refused, kind) = match Packet::parse(frame) {
        Ok(packet) if instance => return received(packet, false),
        Ok(packet) => match filter(&packet.header, own) {
            Verdict::Pass => return received(packet, false),
            Verdict::PassOnce => return received(packet, true),
            Verdict::NotOurs => (&mut counters.packet_not_ours, &mut stats.filtered),
            Verdict::OutOfScope => (&mut counters.packet_plain_scope, &mut stats.filtered),
        },
        Err(wire::PacketError::AccessCode) => (&mut counters.frame_access_code, &mut stats.access_refused),
        Err(_) => (&mut counters.frame_malformed, &mut stats.malformed),
    };
    *refused += 1;
    *kind += 1;
    None
}

fn emitted(packet: &Packet<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    packet.emit(&mut frame);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_request_destination_is_the_one_of_its_name() {
        let name = NameHash::of_name("rnstransport.path.request");
        assert_eq!(path_request_destination(), DestinationHash::of_plain(name));
    }
}
