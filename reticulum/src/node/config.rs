//! What a [`Node`](super::Node) is told at start: its own settings, its interfaces, its destinations, its bounds.

use std::sync::Arc;
use std::time::Duration;

use super::{Airtime, AirtimeLimits, InterfaceRules};
use crate::crypto::{Identity, Ifac, RatchetSecret};
use crate::wire;

/// Settings of a node.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Names this node as a transport; end points use a fresh one each run (`spec/reticulum.md` 2.1).
    pub identity: Arc<Identity>,
    /// Whether this node forwards for others (`spec/reticulum.md` 5.1). Its identity must then outlive the run: paths
    /// through the node name it.
    pub transport: bool,
    /// Send 64-byte implicit proofs (the field's default) instead of 96-byte explicit ones.
    pub implicit_proofs: bool,
    /// Bounds of every table and queue.
    pub limits: Limits,
}

impl NodeConfig {
    /// The usual settings for `identity`.
    pub fn new(identity: Arc<Identity>) -> Self {
        Self { identity, transport: false, implicit_proofs: true, limits: Limits::default() }
    }
}

/// Bounds of the node's tables. A remote can fill each of them, and no more than that. With the defaults all bounds
/// add up to 80 MiB, and 20 more where the node forwards for others, however many interfaces there are, beside the bytes of
/// resources under way. Measured: 30,000 announces of
/// new destinations take 7.5 MiB, 10,000 link requests 1.5 MiB more, 300,000 packets with new hashes another 6 MiB.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Packet hashes kept in each of two generations, at 17 bytes; a full generation replaces the older one.
    pub packet_hashes: usize,
    /// Path-request tags kept in each of two generations, at 17 bytes.
    pub request_tags: usize,
    /// Peers remembered, at up to 800 bytes; the one longest neither heard nor used makes room, retained ones never.
    pub peers: usize,
    /// Paths known, at up to 1 kB; the one longest neither heard nor used makes room, retained ones never.
    pub paths: usize,
    /// Path requests of our own that are unanswered, at 100 bytes; the oldest makes room.
    pub path_requests: usize,
    /// Single packets awaiting their proof, at 250 bytes; the oldest makes room and counts as timed out.
    pub receipts: usize,
    /// Announces held back on one interface while a burst lasts, at up to 700 bytes; the farthest makes room.
    pub held_announces: usize,
    /// The same on all interfaces together; each may hold its share of it.
    pub held_announces_total: usize,
    /// Tunnels of who connects to us, at 150 bytes; the one that ends first makes room.
    pub tunnels: usize,
    /// Paths whose interface is away, at 150 bytes and up to 640 more; the place that is forgotten first makes room.
    pub dormant_paths: usize,
    /// Announces that wait to be passed on, at 150 bytes; the one that is due last makes room. As many answers to path
    /// requests, at 150 bytes.
    pub rebroadcasts: usize,
    /// Announces that wait for their turn under the announce cap of one interface, at 150 bytes; the farthest makes room.
    pub capped_announces: usize,
    /// The same on all interfaces together; each may hold its share of it.
    pub capped_announces_total: usize,
    /// Paths that are looked for on behalf of others, at 200 bytes; the one whose record ends first makes room.
    pub discoveries: usize,
    /// Work handed out and not yet returned, at up to 1 kB; what a peer sends beyond it is refused. One
    /// announce for each destination of ours and what open links need come on top.
    pub work: usize,
    /// Links of any state, at about 2 kB without resources; the longest idle makes room.
    pub links: usize,
    /// Links that are being answered or not yet active, in total; the oldest makes room.
    pub half_open_links: usize,
    /// The same, for one interface.
    pub half_open_links_per_interface: usize,
    /// Bytes that are here of incoming resources and large answers, on all links together. What would not fit is rejected,
    /// and what no longer fits is given up. A promise alone takes nothing.
    pub incoming_bytes: u64,
    /// Bytes of outgoing resources, travelling and queued, on all links together; more is refused.
    pub outgoing_bytes: u64,
    /// Bytes in one interface's transmit queue; the newest of the least urgent frames makes room.
    pub queue_bytes: usize,
    /// Frames in one interface's transmit queue; the same rule.
    pub queue_frames: usize,
    /// Bytes in all transmit queues together; the same rule in the queue that holds most. So who opens many connections
    /// and reads none of them costs no more, and displaces only what waits for them.
    pub queue_bytes_total: usize,
    /// Forwarded packets whose proof may still come, at 110 bytes; the oldest makes room. Like the following bounds it
    /// counts only where the node forwards for others.
    pub reverse: usize,
    /// Links of others that pass through, at 250 bytes; one that was silent for long makes room.
    pub relays: usize,
    /// Those of them whose request is not answered yet, in total; the oldest makes room.
    pub half_open_relays: usize,
    /// The same, for one interface that requests come from.
    pub half_open_relays_per_interface: usize,
    /// Identities on the blackhole list, at up to 200 bytes; more are refused. Only the operator adds to them.
    pub blackhole: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            packet_hashes: 114_688,
            request_tags: 14_336,
            peers: 14_336,
            paths: 14_336,
            path_requests: 1_024,
            receipts: 16_384,
            held_announces: 256,
            held_announces_total: 4_096,
            tunnels: 1_024,
            dormant_paths: 8_192,
            rebroadcasts: 8_192,
            capped_announces: 4_096,
            capped_announces_total: 16_384,
            discoveries: 4_096,
            work: 8_192,
            links: 2_048,
            half_open_links: 512,
            half_open_links_per_interface: 128,
            incoming_bytes: 64 << 20,
            outgoing_bytes: 64 << 20,
            queue_bytes: 4 << 20,
            queue_frames: 16_384,
            queue_bytes_total: 16 << 20,
            reverse: 32_768,
            relays: 8_192,
            half_open_relays: 2_048,
            half_open_relays_per_interface: 512,
            blackhole: 16_384,
        }
    }
}

/// What announces an interface lets out (`spec/interfaces.md` 1.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    #[default]
    Full,
    /// Like full.
    PointToPoint,
    /// No announces out, not even our own; paths live 24 hours.
    AccessPoint,
    /// Paths live 6 hours.
    Roaming,
    /// Between networks of a different kind.
    Boundary,
    /// Like full; looks for unknown destinations on behalf of peers.
    Gateway,
    /// Within a site.
    Internal,
}

impl Mode {
    /// How long a path learned on such an interface lives without use (`spec/reticulum.md` 4.3).
    pub const fn path_lifetime(self) -> Duration {
        const HOUR_S: u64 = 3600;
        Duration::from_secs(match self {
            Self::AccessPoint => 24 * HOUR_S,
            Self::Roaming => 6 * HOUR_S,
            _ => 7 * 24 * HOUR_S,
        })
    }
}

/// An attached medium, as its driver describes it.
#[derive(Debug)]
pub struct InterfaceConfig {
    /// Name for people; a driver keeps it stable across restarts.
    pub name: String,
    /// Announce policy.
    pub mode: Mode,
    /// Bits per second, known or guessed; timeouts derive from it. Zero counts as unknown.
    pub bitrate_bps: u64,
    /// How long a frame is on the air.
    pub airtime: Airtime,
    /// How much of the time frames may be on the air; those beyond wait, by priority.
    pub airtime_limits: AirtimeLimits,
    /// Longest frame in bytes, without the access code.
    pub hw_mtu: usize,
    /// Whether links over this interface may negotiate more than 500 bytes.
    pub mtu_capable: bool,
    /// Access code, if the network is protected.
    pub ifac: Option<Ifac>,
    /// Whether others hear what one sends here (radio, UDP broadcast).
    pub shared_medium: bool,
    /// Hold back bursts of announces of unknown destinations (`spec/reticulum.md` 4.8).
    pub ingress_control: bool,
    /// Tell who we are at each connection, so that who accepted it can tell that it is ours again (`spec/reticulum.md` 5.10):
    /// for what connects by itself, over TCP or the like.
    pub tells_tunnel: bool,
    /// What goes in and out beyond the mode.
    pub rules: InterfaceRules,
    /// Whether it leads to a program on this machine that shares this node (`spec/reticulum.md` 5.11).
    pub is_local_client: bool,
    /// Whether it leads to the shared instance of this machine, whose client we are (`spec/reticulum.md` 5.11).
    pub is_shared_instance: bool,
}

impl InterfaceConfig {
    /// Whether the other end is a program on this machine that has one network with us: what passes between the two does
    /// not travel (`spec/reticulum.md` 5.11).
    pub(crate) fn is_on_this_machine(&self) -> bool {
        self.is_local_client || self.is_shared_instance
    }
}

impl Default for InterfaceConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            mode: Mode::Full,
            bitrate_bps: 10_000_000,
            airtime: Airtime::Bitrate,
            airtime_limits: AirtimeLimits::default(),
            hw_mtu: wire::MTU,
            mtu_capable: false,
            ifac: None,
            shared_medium: false,
            ingress_control: true,
            tells_tunnel: false,
            rules: InterfaceRules::default(),
            is_local_client: false,
            is_shared_instance: false,
        }
    }
}

/// Which packets a destination proves. Resources that arrive on its links are proven in any case, by the application
/// under the policy `Application` and at once otherwise: their senders fail without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProofPolicy {
    /// None.
    #[default]
    None,
    /// Each one, as soon as it is decrypted.
    All,
    /// Those that the application hands to [`Node::prove`](super::Node::prove).
    Application,
}

/// Which resources a destination's links accept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResourcePolicy {
    /// None; the sender is told so.
    #[default]
    None,
    /// Those that the application accepts when they are offered.
    Application,
    /// Each one within the size limit.
    All,
}

/// An addressable end point of our own.
#[derive(Clone, Debug)]
pub struct DestinationConfig {
    /// Whose it is.
    pub identity: Arc<Identity>,
    /// Full name, such as `lxmf.delivery`.
    pub name: String,
    /// Announced with it, and in answers to path requests.
    pub app_data: Vec<u8>,
    /// Restored ratchets, newest first, possibly none yet; absent if the destination does not use ratchets.
    pub ratchets: Option<Vec<RatchetSecret>>,
    /// Whether link requests are answered.
    pub accept_links: bool,
    /// Which packets are proven, single ones and those on its links.
    pub proofs: ProofPolicy,
    /// Which resources its links accept.
    pub resources: ResourcePolicy,
    /// Largest resource in bytes, uncompressed; larger ones are rejected.
    pub resource_size_max: u64,
    /// Largest request in bytes; larger ones are ignored (as a packet) or rejected (as a resource).
    pub request_size_max: u64,
    /// Whether channels of its links are open from the start (`spec/reticulum.md` section 9); otherwise
    /// [`Node::open_channel`](super::Node::open_channel) opens them.
    pub channels: bool,
}

impl DestinationConfig {
    /// A destination that accepts and proves nothing yet.
    pub fn new(identity: Arc<Identity>, name: &str) -> Self {
        Self {
            identity,
            name: name.to_owned(),
            app_data: Vec::new(),
            ratchets: None,
            accept_links: false,
            proofs: ProofPolicy::None,
            resources: ResourcePolicy::None,
            resource_size_max: 0,
            request_size_max: 64 << 10,
            channels: false,
        }
    }
}
