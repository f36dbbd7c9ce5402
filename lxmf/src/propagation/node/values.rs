//! What goes into a propagation node and comes out of it, as values.

use std::sync::Arc;
use std::time::Duration;

use reticulum::crypto::Identity;
use reticulum::hash::{DestinationHash, IdentityHash, LinkId, RequestId};
use reticulum::node::PendingProof;
use reticulum::time::UnixTime;

use super::counters::Counters;
use super::work::Work;
use crate::propagation::{NodeInfo, TransientId};
use crate::stamp::STAMP_LEN;

/// How long a message is kept (`spec/lxmf.md` 10.2).
pub const STORED_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
/// How often old messages are looked for. Days late is nothing to them, and a wake an hour is nothing to a radio node.
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);

/// Settings of a node. The usual values are those of `spec/lxmf.md` 10.4 and 11.2.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Its own, which names it to peers.
    pub identity: Arc<Identity>,
    /// Announced as its name, at most 64 bytes.
    pub name: Option<String>,
    /// Whether messages are kept for members only, and exchanged with the named peers only.
    pub members_only: bool,
    /// What a message costs, in bits.
    pub stamp_cost: u8,
    /// By how much less a stamp may be worth.
    pub flexibility: u8,
    /// What offering us messages costs, in bits.
    pub peering_cost: u8,
    /// The most that we pay for offering messages to a peer, in bits.
    pub peering_cost_paid_max: u8,
    /// Largest message, in bytes.
    pub message_len_max: u64,
    /// Most that comes at a time, in bytes.
    pub transfer_len_max: u64,
    /// What is kept in all, in bytes; told to the operator's tools, kept by the store.
    pub stored_len_max: u64,
    /// Peers that are always synced, as `lxmf.propagation` destinations.
    pub peers: Vec<DestinationHash>,
    /// Whether nodes that announce themselves become peers.
    pub autopeer: bool,
    /// How far away those may be, in hops.
    pub autopeer_hops_max: u8,
    /// Peers at most, with those named.
    pub peers_max: usize,
    /// Who may use the operator's tools from elsewhere; the node's own identity always may.
    pub controllers: Vec<IdentityHash>,
}

/// A message as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Names it.
    pub id: TransientId,
    /// Whom it is for.
    pub destination: DestinationHash,
    /// When it came.
    pub received: UnixTime,
    /// What its stamp is worth, in bits.
    pub value: u16,
    /// Whether it is for a member: those go last where room is needed.
    pub is_preferred: bool,
    /// The peer that brought it.
    pub from: Option<DestinationHash>,
    /// All of it, its stamp behind.
    pub stamped: Vec<u8>,
}

/// What is to be remembered of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRecord {
    /// Its `lxmf.propagation` destination.
    pub destination: DestinationHash,
    /// All messages up to this number were offered, or are not for it.
    pub through: u64,
    /// The stamp that peering costs, and what it is worth.
    pub key: Option<([u8; STAMP_LEN], u16)>,
    /// When it was last heard.
    pub heard: UnixTime,
}

/// Names a question to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub(super) u64);

/// A question to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The ids of what is kept for somebody, the smallest message first.
    List {
        /// Whom.
        destination: DestinationHash,
        /// Ids at most.
        count_max: usize,
    },
    /// These messages, in this order, as far as they are for somebody and fit.
    Fetch {
        /// Whom.
        destination: DestinationHash,
        /// Which.
        ids: Vec<TransientId>,
        /// Most bytes: 24, and for each message 16 and its length with the stamp. What does not fit is left out.
        bytes_max: u64,
    },
    /// Those of these ids that were never here.
    Unknown(Vec<TransientId>),
    /// What came after some number and is worth offering to a peer, the oldest first.
    Newer {
        /// Which peer; what it brought itself is left out.
        peer: DestinationHash,
        /// The number.
        after: u64,
        /// Worth at least this many bits.
        value_min: u16,
        /// At most this long, in bytes with the stamp.
        len_max: u64,
        /// Messages at most.
        count_max: usize,
        /// Bytes at most, counted as in [`Ask::Fetch`].
        bytes_max: u64,
    },
    /// These messages with their stamps, as far as they are still here.
    Bodies(Vec<TransientId>),
    /// How much there is, and how many messages some peers have not been offered.
    Totals {
        /// The peers, and the number up to which they were offered everything.
        behind: Vec<(DestinationHash, u64)>,
    },
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages.
    pub count: u64,
    /// Bytes, with stamps.
    pub bytes: u64,
}

/// An answer of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Ask::List`] and [`Ask::Unknown`].
    Ids(Vec<TransientId>),
    /// To [`Ask::Newer`]: what to offer, and the number up to which nothing else is to be.
    Newer(Vec<TransientId>, u64),
    /// To [`Ask::Fetch`] and [`Ask::Bodies`], with stamps.
    Messages(Vec<Vec<u8>>),
    /// To [`Ask::Totals`], and for each of its peers the messages behind its number that it did not bring itself.
    Totals(Totals, Vec<u64>),
    /// The store could not be read, or is too busy.
    Failed,
}

/// What is to be made durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Messages to keep; those that were ever here before are passed over.
    Keep(Vec<Kept>),
    /// Messages that their recipient has, as far as they are for it. They are not taken again.
    Delete {
        /// The recipient.
        destination: DestinationHash,
        /// Which.
        ids: Vec<TransientId>,
    },
    /// Messages that came before some time are to go.
    Sweep {
        /// The time.
        before: UnixTime,
    },
    /// What is to be remembered of a peer, in place of what was.
    Peer(PeerRecord),
    /// A peer is none any more.
    ForgetPeer(DestinationHash),
}

/// What [`PropagationNode::poll_output`](super::PropagationNode::poll_output) yields.
#[derive(Debug)]
pub enum Output {
    /// To be made durable.
    Change(Change),
    /// To be answered through [`PropagationNode::handle_answer`](super::PropagationNode::handle_answer).
    Ask(AskId, Ask),
    /// To be sent once all changes so far are durable.
    Respond {
        /// On which link.
        link: LinkId,
        /// To which request.
        request: RequestId,
        /// One MessagePack value.
        answer: Vec<u8>,
    },
    /// To be proven once all changes so far are durable.
    Prove(PendingProof),
    /// A message for one of ours, without its stamp; proven, if that is left to us, once it is taken.
    Ours {
        /// As nodes keep it.
        stored: Vec<u8>,
        /// To be handed to the engine when what it causes is durable.
        proof: PendingProof,
    },
    /// To be run on any thread and brought back.
    Work(Work),
    /// What [`PropagationNode::ask_status`](super::PropagationNode::ask_status) asked for; `None` if the store is too busy.
    Status(StatusId, Option<Box<Status>>),
}

/// Names a question of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusId(pub u64);

/// How a node is.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Since it began.
    pub uptime: Duration,
    /// What it keeps.
    pub totals: Totals,
    /// What it did and refused since it began.
    pub counters: Counters,
    /// Its peers.
    pub peers: Vec<PeerStatus>,
}

/// How a peer is. What is counted is counted since the node began.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerStatus {
    /// Its `lxmf.propagation` destination.
    pub destination: DestinationHash,
    /// Whether it is named in the configuration.
    pub is_static: bool,
    /// Whether it is known, and the last sync with it succeeded, if there was one.
    pub is_alive: bool,
    /// Where the sync with it is, as the operator's tools number that; zero is nowhere.
    pub stage: u64,
    /// What it announced last.
    pub info: Option<NodeInfo>,
    /// How far it is, if a path is known.
    pub hops: Option<u8>,
    /// What our peering key for it is worth, in bits.
    pub key_value: Option<u16>,
    /// When it was last heard; zero if it was not.
    pub heard: UnixTime,
    /// When the last sync with it began.
    pub tried_at: Option<UnixTime>,
    /// When the next one is to begin, if that is known.
    pub next_at: Option<UnixTime>,
    /// How long it is left alone after what failed of late.
    pub backoff: Duration,
    /// How fast its last link was opened, in bits a second; zero before the first.
    pub link_rate_bps: u64,
    /// How fast the last transfer to it went, in bits a second; zero before the first.
    pub transfer_rate_bps: u64,
    /// Messages that it was offered.
    pub offered: u64,
    /// Messages that it took.
    pub outgoing: u64,
    /// Messages that it brought.
    pub incoming: u64,
    /// Messages that it has not been offered.
    pub unhandled: u64,
    /// Bytes that it brought.
    pub rx_bytes: u64,
    /// Bytes that were brought to it.
    pub tx_bytes: u64,
}

/// Where an answer goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    pub(super) link: LinkId,
    pub(super) request: RequestId,
}
