//! What goes into a link at its start and what comes out of it: plain values, no behaviour.

use std::sync::Arc;
use std::time::Duration;

use super::budget::Budget;
use super::job::LinkJob;
use crate::crypto::PublicIdentity;
use crate::hash::{PacketHash, PathHash, RequestId};
use crate::node::{
    ChannelMessageId, CloseReason, Priority, RequestFailure, ResourceFailure, ResourceId, ResourcePolicy,
};
use crate::resource::Proof;
use crate::time::UnixTime;
use crate::wire::{Context, PacketType};

/// What a link accepts from its peer.
#[derive(Clone, Debug)]
pub(crate) struct LinkConfig {
    /// Which of the application's resources.
    pub(crate) resources: ResourcePolicy,
    /// Largest resource in bytes, uncompressed, with metadata.
    pub(crate) resource_size_max: u64,
    /// Largest request in bytes. Zero: no requests are served, and what asks is ignored.
    pub(crate) request_size_max: u64,
    /// Largest response in bytes.
    pub(crate) response_size_max: u64,
    /// Bytes of incoming resources, shared by all links of the node.
    pub(crate) incoming: Budget,
    /// Bytes of outgoing resources, travelling and queued, shared by all links of the node.
    pub(crate) outgoing: Budget,
    /// Whether its channel opens by itself.
    pub(crate) channels: bool,
}

/// What a link wants done.
#[derive(Debug)]
pub(crate) enum LinkOutput {
    /// Send a packet addressed to the link, on its interface, as it is.
    Transmit {
        /// Data or proof.
        packet_type: PacketType,
        /// Context byte.
        context: Context,
        /// Packet data, encrypted where its context wants that.
        data: Vec<u8>,
        /// Its place in the interface's queue.
        priority: Priority,
    },
    /// Something happened.
    Event(LinkEvent),
    /// Run elsewhere, hand the result to `Link::handle_job_done`.
    Job(LinkJob),
}

/// Something happened on a link.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// It is active.
    Opened {
        /// Round-trip time.
        rtt: Duration,
    },
    /// The initiator told who it is.
    Identified {
        /// Who.
        identity: Arc<PublicIdentity>,
    },
    /// Application data.
    Data {
        /// Decrypted.
        plaintext: Vec<u8>,
        /// What `Link::prove` proves.
        hash: PacketHash,
    },
    /// A packet of ours was proven.
    Delivered {
        /// Which.
        hash: PacketHash,
    },
    /// No proof of a packet of ours came in time.
    Undelivered {
        /// Which.
        hash: PacketHash,
    },
    /// A request; `Link::respond` answers it.
    Request {
        /// Names it.
        id: RequestId,
        /// Hash of its path.
        path: PathHash,
        /// One MessagePack value.
        data: Vec<u8>,
        /// The requester's clock.
        requested_at: UnixTime,
    },
    /// The answer to a request of ours.
    Response {
        /// Names the request.
        id: RequestId,
        /// One MessagePack value, or raw file content if there is metadata.
        value: Vec<u8>,
        /// One MessagePack value.
        metadata: Option<Vec<u8>>,
    },
    /// A request of ours will not be answered.
    RequestFailed {
        /// Names it.
        id: RequestId,
        /// Why.
        reason: RequestFailure,
    },
    /// The peer wants to send a resource: accept or reject it.
    ResourceOffered {
        /// Names it.
        id: ResourceId,
        /// Bytes, uncompressed, with metadata.
        size: u64,
        /// Number of segments.
        segments: u32,
    },
    /// A resource arrived whole.
    ResourceReceived {
        /// Names it.
        id: ResourceId,
        /// Its content.
        data: Vec<u8>,
        /// One MessagePack value.
        metadata: Option<Vec<u8>>,
        /// What `Link::prove_resource` sends.
        proof: Option<Proof>,
    },
    /// A resource in either direction ended without success.
    ResourceFailed {
        /// Names it.
        id: ResourceId,
        /// Why.
        reason: ResourceFailure,
    },
    /// A resource of ours arrived whole.
    ResourceSent {
        /// Names it.
        id: ResourceId,
    },
    /// The peer did not want a resource of ours.
    ResourceRejected {
        /// Names it.
        id: ResourceId,
    },
    /// A message of the channel, in order.
    Message {
        /// Its type.
        kind: u16,
        /// What it says.
        payload: Vec<u8>,
    },
    /// The next bytes of a stream of the channel.
    Stream {
        /// Which.
        stream: u16,
        /// The bytes.
        data: Vec<u8>,
        /// Nothing follows.
        end: bool,
    },
    /// A message of ours was proven.
    MessageDelivered {
        /// Which.
        id: ChannelMessageId,
    },
    /// The link ended before a message of ours was proven.
    MessageFailed {
        /// Which.
        id: ChannelMessageId,
    },
    /// The channel has room again for what it refused.
    ChannelReady,
    /// The link is gone, and everything on it has ended with an event before this one. The last output.
    Closed {
        /// Why.
        reason: CloseReason,
        /// Whether it had been active.
        ever_active: bool,
    },
}

/// Why something that arrived was refused. Each is one of the node's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The link is closed.
    Closed,
    /// The link has no keys yet.
    NotOpen,
    /// A context or packet type that links do not carry.
    UnknownContext,
    /// A channel message, and no channel is open here. It is not proven (section 9.2).
    NoChannel,
    /// A channel message neither behind nor within the window. It is not proven.
    ChannelSequence,
    /// A channel message of a type of the system's that is not known.
    ChannelTypeUnknown,
    /// A piece of a stream that does not inflate within its bound: the link was closed for it.
    StreamCorrupt,
    /// Does not open under the session key.
    Undecryptable,
    /// Opens, but its content has not the shape that its context demands.
    Malformed,
    /// Only the other end of a link may send it.
    WrongRole,
    /// A link proof that nobody waits for, or while another is being verified.
    LinkProofUnexpected,
    /// A link proof with a bad signature or key.
    LinkProofForged,
    /// The round-trip time was told already.
    RttRepeated,
    /// The initiator identified already.
    IdentityRepeated,
    /// An identification with a bad signature or key.
    IdentityForged,
    /// A close that does not name this link.
    CloseForged,
    /// A proof of nothing that waits, or while another proof of it is being verified.
    ProofUnknown,
    /// A proof of a wrong length.
    ProofMalformed,
    /// A proof with a bad signature.
    ProofForged,
    /// A request, and none are served.
    RequestsNotServed,
    /// A request above the limit.
    RequestTooLarge,
    /// A response to nothing that waits.
    ResponseUnknown,
    /// A response above the limit.
    ResponseTooLarge,
    /// An advertisement that does not parse: the link was closed for it.
    AdvertisementMalformed,
    /// An advertisement that contradicts itself, or starts in the middle.
    AdvertisementInconsistent,
    /// An advertisement of what was received or offered already.
    AdvertisementRepeated,
    /// An application's resource, and the policy is to accept none.
    ResourceNotWanted,
    /// A resource above the limit.
    ResourceTooLarge,
    /// The link receives as many resources as it may.
    ResourcesFull,
    /// All links together receive as many bytes as they may.
    BudgetSpent,
    /// A resource message that names no resource that is under way.
    ResourceUnknown,
    /// A part that nobody asked for.
    PartUnwanted,
    /// A resource that inflates to more than was advertised.
    ResourceBomb,
    /// A resource that came whole and is not what was advertised.
    ResourceCorrupt,
    /// A resource whose sender broke the rules of its map of hashes or of its segments.
    ResourceBroken,
    /// A request for a proof that is not kept.
    CacheMiss,
}
