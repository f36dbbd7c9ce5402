//! What comes out of a [`Node`](super::Node), and the errors of its commands.

use std::sync::Arc;
use std::time::Duration;

use super::ids::{ChannelMessageId, InterfaceId, PersistId, ReceiptId, ResourceId};
use super::work::Work;
use crate::crypto::{Identity, PublicIdentity, RatchetPublic, RatchetSecret};
use crate::hash::{
    DestinationHash, IdentityHash, LinkId, NameHash, PacketHash, PathHash, RatchetId, RequestId,
};
use crate::resource;
use crate::time::{Instant, UnixTime};

/// Everything that [`Node::poll_output`](super::Node::poll_output) yields.
#[derive(Debug)]
pub enum Output {
    /// Something happened.
    Event(Event),
    /// State to make durable.
    Persist(Persist),
    /// Work to run elsewhere and bring back through [`Node::handle_work_done`](super::Node::handle_work_done).
    Work(Work),
}

/// How far a packet has come that goes over a slow medium and is to be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// It waits for its turn.
    Queued,
    /// It was handed to the medium.
    Sent {
        /// When.
        at: Instant,
    },
}

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// A valid announce that was newer or nearer than what we knew.
    Announce {
        /// Who is announced.
        destination: DestinationHash,
        /// Its keys.
        identity: Arc<PublicIdentity>,
        /// Hash of its name, to tell what it is.
        name_hash: NameHash,
        /// The application's part.
        app_data: Option<Vec<u8>>,
        /// Its newest ratchet, if this announce carried one.
        ratchet: Option<RatchetPublic>,
        /// Hops it travelled; 1 is a direct neighbour.
        hops: u8,
        /// Where it was heard.
        interface: InterfaceId,
        /// Whether it answers a path request; those are not news to a person.
        path_response: bool,
    },
    /// A single packet for one of our destinations, decrypted.
    Packet {
        /// Ours.
        destination: DestinationHash,
        /// Decrypted body.
        plaintext: Vec<u8>,
        /// Its end-to-end hash.
        hash: PacketHash,
        /// The ratchet it was sealed to, or none for the identity key.
        ratchet: Option<RatchetId>,
        /// Where it was heard.
        interface: InterfaceId,
        /// To be handed to [`Node::prove`](super::Node::prove) once what it carried is durable.
        proof: PendingProof,
    },
    /// A packet was proven by its recipient.
    Delivered {
        /// Which.
        receipt: ReceiptId,
    },
    /// No proof came in time, or the link closed before it.
    TimedOut {
        /// Which.
        receipt: ReceiptId,
    },
    /// A path that we had asked for is known now.
    PathFound {
        /// To where.
        destination: DestinationHash,
        /// How far.
        hops: u8,
    },
    /// A link is active.
    LinkOpened {
        /// Which.
        link: LinkId,
        /// The destination at its responder's end.
        destination: DestinationHash,
        /// Which end we are.
        role: LinkRole,
        /// Round-trip time.
        rtt: Duration,
    },
    /// The initiator of a link told who it is.
    LinkIdentified {
        /// Which.
        link: LinkId,
        /// Who.
        identity: Arc<PublicIdentity>,
    },
    /// Application data on a link.
    LinkPacket {
        /// Which.
        link: LinkId,
        /// Decrypted body.
        data: Vec<u8>,
        /// To be handed to [`Node::prove`](super::Node::prove).
        proof: PendingProof,
    },
    /// A link is gone.
    LinkClosed {
        /// Which.
        link: LinkId,
        /// Why.
        reason: CloseReason,
        /// Whether it had been active.
        ever_active: bool,
    },
    /// A request on a link to one of our destinations.
    Request {
        /// Which link.
        link: LinkId,
        /// Which of our destinations.
        destination: DestinationHash,
        /// Names it in [`Node::respond`](super::Node::respond).
        request: RequestId,
        /// Hash of its path.
        path: PathHash,
        /// One MessagePack value.
        data: Vec<u8>,
        /// The requester's clock.
        requested_at: UnixTime,
        /// The requester, if it identified.
        remote: Option<Arc<PublicIdentity>>,
    },
    /// The answer to a request of ours.
    Response {
        /// Which link.
        link: LinkId,
        /// Which request.
        request: RequestId,
        /// One MessagePack value, or the raw content of a file response (then there is metadata).
        value: Vec<u8>,
        /// One MessagePack value.
        metadata: Option<Vec<u8>>,
    },
    /// A request of ours will not be answered.
    RequestFailed {
        /// Which link.
        link: LinkId,
        /// Which request.
        request: RequestId,
        /// Why.
        reason: RequestFailure,
    },
    /// A peer wants to send a resource; accept or reject it (policy `Application`).
    ResourceOffered {
        /// Which link.
        link: LinkId,
        /// Which resource.
        resource: ResourceId,
        /// Uncompressed, in bytes, with metadata.
        size: u64,
        /// Number of segments.
        segments: u32,
    },
    /// A resource arrived whole.
    ResourceReceived {
        /// Which link.
        link: LinkId,
        /// Which resource.
        resource: ResourceId,
        /// Its content.
        data: Vec<u8>,
        /// One MessagePack value.
        metadata: Option<Vec<u8>>,
        /// Proof of the last segment, which tells the sender that all of it arrived.
        proof: PendingProof,
    },
    /// A resource in either direction ended without success.
    ResourceFailed {
        /// Which link.
        link: LinkId,
        /// Which resource.
        resource: ResourceId,
        /// Why.
        reason: ResourceFailure,
    },
    /// A resource of ours arrived whole.
    ResourceSent {
        /// Which link.
        link: LinkId,
        /// Which resource.
        resource: ResourceId,
    },
    /// The peer did not want a resource of ours.
    ResourceRejected {
        /// Which link.
        link: LinkId,
        /// Which resource.
        resource: ResourceId,
    },
    /// A message came over the channel of a link, in order. It was proven.
    ChannelMessage {
        /// Which link.
        link: LinkId,
        /// Its type, below 0xF000.
        kind: u16,
        /// What it says.
        data: Vec<u8>,
    },
    /// The next bytes of a stream came over the channel of a link.
    StreamData {
        /// Which link.
        link: LinkId,
        /// Which stream.
        stream: u16,
        /// The bytes, at most 16384; none only with `end`.
        data: Vec<u8>,
        /// Nothing follows.
        end: bool,
    },
    /// A message of ours reached the other end of its channel.
    ChannelDelivered {
        /// Which link.
        link: LinkId,
        /// Which message.
        message: ChannelMessageId,
    },
    /// The link ended before a message of ours was proven; it may have arrived all the same.
    ChannelFailed {
        /// Which link.
        link: LinkId,
        /// Which message.
        message: ChannelMessageId,
    },
    /// The channel has room again, after it refused a message or took only part of a write.
    ChannelReady {
        /// Which link.
        link: LinkId,
    },
}

/// State that must outlive the process.
#[derive(Debug)]
pub enum Persist {
    /// A destination rotated its ratchets; its announce waits for
    /// [`Node::handle_persisted`](super::Node::handle_persisted).
    Ratchets {
        /// Names it.
        id: PersistId,
        /// Ours.
        destination: DestinationHash,
        /// All that are kept, newest first.
        secrets: Vec<RatchetSecret>,
    },
    /// What we know of a retained peer changed. Nothing waits for it.
    Peer(PeerRecord),
    /// Paths to have again after a restart, see [`Node::add_path`](super::Node::add_path). Nothing waits for it. Comes
    /// at most every 6 hours, in pieces of up to 256.
    Paths {
        /// Whether this is the first piece, which replaces all that was saved before.
        first: bool,
        /// The paths.
        records: Vec<super::PathRecord>,
    },
    /// Who is blackholed from now on, in place of what was said of them before. Nothing waits for it.
    Blackholed(super::Blackholed),
    /// Who no longer is.
    Unblackholed(IdentityHash),
    /// Air time that an interface used and is about to use, in place of what was said of it before; what it sends next
    /// waits for [`Node::handle_persisted`](super::Node::handle_persisted). See [`Node::add_airtime`](super::Node::add_airtime).
    Airtime {
        /// Names it.
        id: PersistId,
        /// What was used.
        record: super::AirtimeRecord,
    },
}

impl Persist {
    /// The id, if something waits for [`Node::handle_persisted`](super::Node::handle_persisted).
    pub const fn id(&self) -> Option<PersistId> {
        match self {
            Self::Ratchets { id, .. } | Self::Airtime { id, .. } => Some(*id),
            Self::Peer(_) | Self::Paths { .. } | Self::Blackholed(_) | Self::Unblackholed(_) => None,
        }
    }
}

/// What is worth keeping of a peer across restarts; see [`Node::add_peer`](super::Node::add_peer).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRecord {
    /// Who.
    pub destination: DestinationHash,
    /// Its public key, 64 bytes.
    pub identity: [u8; 64],
    /// The application's part of its newest announce.
    pub app_data: Option<Vec<u8>>,
    /// Its newest ratchet, and when we heard it.
    pub ratchet: Option<([u8; 32], UnixTime)>,
    /// When it was last heard.
    pub heard: UnixTime,
    /// Emission time of its newest announce, unix seconds of its clock.
    pub emitted_s: u64,
}

/// Which end of a link we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRole {
    /// We asked for it.
    Initiator,
    /// We own its destination.
    Responder,
}

/// Where in its life a link is (`spec/reticulum.md` 6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkStatus {
    /// Asked for.
    Pending,
    /// Answered, not yet confirmed.
    Handshake,
    /// In use.
    Active,
    /// Silent for too long; about to close.
    Stale,
    /// Gone.
    Closed,
}

/// A link as it stands.
#[derive(Clone, Debug)]
pub struct LinkInfo {
    /// The destination of the responder.
    pub destination: DestinationHash,
    /// Round-trip time; zero until it is known.
    pub rtt: Duration,
    /// Longest frame in bytes.
    pub mtu: u32,
    /// Most bytes of application data in one packet.
    pub mdu: usize,
    /// Where in its life it is.
    pub status: LinkStatus,
    /// The other end, if known.
    pub remote: Option<Arc<PublicIdentity>>,
    /// Which end we are.
    pub role: LinkRole,
    /// Resources that travel or wait on it, in both directions, answers to requests included.
    pub transfers: usize,
}

/// Why a link closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// No answer, or silence for too long.
    Timeout,
    /// The peer closed it.
    Remote,
    /// We closed it.
    Local,
    /// Its interface went away.
    InterfaceLost,
    /// It made room for another.
    Evicted,
    /// The peer broke the protocol.
    Protocol,
}

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestFailure {
    /// No answer in time.
    Timeout,
    /// The link closed.
    LinkClosed,
    /// The resource that carried the request or its answer failed.
    Transfer,
    /// The answer exceeds our limit.
    TooLarge,
}

/// Why a resource failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceFailure {
    /// The peer fell silent.
    Timeout,
    /// The peer cancelled it.
    Cancelled,
    /// The link closed.
    LinkClosed,
    /// What arrived is not what was promised.
    Corrupt,
    /// The peer broke the protocol.
    Protocol,
}

/// How to send a resource.
#[derive(Clone, Debug, Default)]
pub struct ResourceOptions {
    /// One MessagePack value that travels in front of the data.
    pub metadata: Option<Vec<u8>>,
    /// Compress where that pays: neither what does not shrink, nor on a link that is faster than compression.
    pub compress: bool,
}

/// The right to prove one packet or resource. Dropping it means that it is never proven.
#[derive(Clone)]
pub struct PendingProof(pub(crate) ProofSubject);

impl PendingProof {
    /// Proves nothing; what events carry where the destination's policy leaves the application no say.
    pub const fn none() -> Self {
        Self(ProofSubject::None)
    }
}

impl std::fmt::Debug for PendingProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            ProofSubject::None => f.write_str("PendingProof(none)"),
            ProofSubject::Single { hash, .. } | ProofSubject::Link { hash, .. } => {
                write!(f, "PendingProof({hash})")
            }
            ProofSubject::Resource { link, .. } => write!(f, "PendingProof(a resource on {link})"),
        }
    }
}

/// What a [`PendingProof`] proves.
#[derive(Clone)]
pub(crate) enum ProofSubject {
    /// Nothing.
    None,
    /// A single packet, signed by its destination's identity, sent where the packet came from.
    Single { identity: Arc<Identity>, interface: InterfaceId, hash: PacketHash },
    /// A packet on a link.
    Link { link: LinkId, hash: PacketHash },
    /// The last segment of a resource.
    Resource { link: LinkId, proof: Box<resource::Proof> },
}

/// Why a destination cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddDestinationError {
    /// Announces of it would be lost at the first transport.
    #[error("app_data is longer than {max} bytes")]
    AppDataTooLong {
        /// In bytes.
        max: usize,
    },
    /// It exists.
    #[error("the destination exists already")]
    Exists,
}

/// Why something cannot be announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnnounceError {
    /// Not one of ours.
    #[error("no such destination")]
    UnknownDestination,
    /// It would be lost at the first transport.
    #[error("app_data is longer than {max} bytes")]
    AppDataTooLong {
        /// In bytes.
        max: usize,
    },
}

/// Why a single packet cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Its keys are not known: no announce of it was heard.
    #[error("the destination's keys are not known")]
    UnknownPeer,
    /// It does not fit one packet.
    #[error("the packet is longer than {max} bytes")]
    TooLong {
        /// In bytes.
        max: usize,
    },
    /// Too much work is outstanding; try again after some of it has come back.
    #[error("too much work is outstanding")]
    Busy,
}

/// Why a link cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenLinkError {
    /// Its keys are not known: no announce of it was heard.
    #[error("the destination's keys are not known")]
    UnknownPeer,
    /// No path over an interface that is up; request one first.
    #[error("no path to the destination")]
    NoPath,
}

/// Why a command on a link was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No such link.
    #[error("no such link")]
    UnknownLink,
    /// The link is not active.
    #[error("the link is not active")]
    NotActive,
    /// It does not fit.
    #[error("longer than {max} bytes")]
    TooLong {
        /// In bytes.
        max: usize,
    },
    /// The link has as much under way as it may.
    #[error("too much is under way on the link")]
    Busy,
    /// Its channel is not open.
    #[error("the link has no open channel")]
    NoChannel,
    /// A message type of the system's, or a stream id above 16383.
    #[error("the message type or stream id is out of range")]
    OutOfRange,
    /// No such request or resource.
    #[error("no such request or resource")]
    Unknown,
    /// Not one MessagePack value.
    #[error("the data is not one MessagePack value")]
    NotMessagePack,
}
