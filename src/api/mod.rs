//! The public interface of a node: protobuf requests in, protobuf responses out. The only module that names the
//! generated types; everybody else sees the group's words.
//!
//! [`plan`] reads a call and says what has to be done for its answer: nothing more ([`Plan::Answer`]), a decision of the
//! group ([`Plan::Decide`]), or a look into the store ([`Plan::Read`]). It owns no state and waits for nothing, so the
//! event loop decides when each of these runs. An answer may rest on events that are not durable yet: it leaves the node
//! once all that were submitted before it are.
//!
//! `docs/api.md` is the contract for people, `proto/meshgroup/v1` for programs.

mod acts;
mod announce;
mod attachment;
pub mod client;
pub mod control;
mod delivery;
mod directory;
mod error;
mod happening;
mod history;
mod mail;
mod network;
mod page;
mod reading;
mod reply;
mod route;
mod status;
mod typing;
mod wire;

#[cfg(test)]
mod tests;

pub use self::acts::acts;
pub use self::announce::{ANNOUNCE_BYTES_MAX, announce, public_name};
pub use self::attachment::{attachment, attachment_file};
pub use self::delivery::{DeliveryPage, delivery};
pub use self::directory::{
    DirectoryRequest, Listing, claim_issued, directory, goes_by, group_created, group_deleted, group_found,
};
pub use self::error::{
    ambiguous_group, busy, group_is_gone, internal, last_group, malformed, no_group, not_confirmed, refused,
    too_slow,
};
pub use self::history::history;
pub use self::mail::{UsedNode, mail_status, mail_synced, not_from_paper, not_on_paper, paper, paper_taken};
pub use self::network::{announced, path};
pub use self::reading::{counted, earlier_texts, reading};
pub use self::reply::Reply;
pub use self::route::{PATHS, plan};
pub use self::status::{DeliveryStatus, GroupStatus, InterfaceStatus, NodeStatus, RadioStatus, SlowMember};
pub use self::typing::{typing_push, who_types};
pub use self::wire::{request_body, response_value};
use reticulum::hash::DestinationHash;

use crate::group::{Action, ActsRequest, JoinStamp, Kind, MemberId, PieceRequest, Seq, Viewer, Visibility};
use crate::store::PageRequest;

/// Bytes of protobuf that make a response of one packet on a link of the common MTU: 431, less 22 of MessagePack.
pub const ONE_PACKET_BYTES: usize = 409;

/// What has to be done to answer a call.
#[derive(Debug)]
pub enum Plan {
    /// Send this.
    Answer(Vec<u8>),
    /// Let the group decide, then send what [`Reply::done`] or [`refused`] makes of the decision. What
    /// [`Action::needs`] names has to be looked up first.
    Decide {
        /// What the caller wants.
        action: Action,
        /// Makes the answer.
        reply: Reply,
    },
    /// Let the store read this page, then send what [`history`](history()) makes of it.
    Read(PageRequest),
    /// Let the store read this part of the audit log, then send what [`acts`](acts()) makes of it, in so many bytes.
    Acts {
        /// Which part; one act more than the answer may hold.
        request: ActsRequest,
        /// Bytes of the answer at most.
        bytes_max: usize,
    },
    /// Let the store count what somebody has not read, then send what [`counted`] makes of that.
    Count {
        /// Who.
        viewer: Viewer,
        /// Where the count goes.
        into: Counting,
    },
    /// Note that the caller has read up to this number, then send what [`reading`](reading()) makes of how far they are.
    Mark(Seq),
    /// Send what [`earlier_texts`] makes of all that this message said, if the caller may read it.
    EarlierTexts {
        /// The message.
        seq: Seq,
        /// Bytes of the answer at most.
        bytes_max: usize,
    },
    /// Send what [`delivery`](delivery()) makes of what became of this message's copies, if the caller may know.
    Delivery {
        /// The message.
        seq: Seq,
        /// Which part of the answer.
        page: DeliveryPage,
    },
    /// Send what [`attachment`] or [`attachment_file`] makes of this piece, if the caller may have it.
    Piece {
        /// Which piece.
        request: PieceRequest,
        /// Whether it is sent as a file.
        as_file: bool,
    },
    /// Tell others that the caller types, and send what [`who_types`] makes of those who do.
    Typing(TypingCall),
    /// Let the node do what concerns the network, and send what [`announced`] or [`path`] makes of it.
    Network(NetworkCall),
    /// Let the node do what concerns more than this group.
    Node(NodeCall),
    /// Send the encoded [`NodeStatus`]. Only the operator gets here.
    Status,
}

/// An answer that lacks how far somebody has read.
#[derive(Clone, Debug, PartialEq)]
pub enum Counting {
    /// Of the group, to the one who reads.
    Info(Box<proto::v1::InfoResponse>),
    /// Of the one who reads.
    Profile(Box<proto::v1::ProfileResponse>),
}

/// What the staff asks of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkCall {
    /// Announce the group.
    Announce,
    /// Tell how this member is reached.
    Path(MemberId),
}

/// What a caller tells of their typing, and wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypingCall {
    /// They type, or no longer do: then it is true.
    pub stopped: Option<bool>,
    /// Whether their link is to be told who types from now on.
    pub hear: Option<bool>,
    /// Only those who may hear the staff are told.
    pub staff: bool,
}

/// A call that concerns the groups of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeCall {
    /// Send what [`directory`](directory()) makes of them.
    Groups(DirectoryRequest),
    /// Create one, and send what [`group_created`] makes of it.
    CreateGroup(NewGroup),
    /// Delete this group, and send what [`group_deleted`] makes of it.
    DeleteGroup {
        /// The name by which the caller confirms it.
        confirm: String,
    },
    /// Replace the claim code of this group, and send what [`claim_issued`] makes of it. Only the operator gets here.
    NewClaim,
    /// Send what [`mail_status`] makes of the propagation nodes that are used, and of our own. Only the operator gets here,
    /// as with all that follow.
    MailStatus,
    /// Look for messages now, on all nodes or on this one, and send what [`mail_synced`] makes of that.
    SyncMail(Option<DestinationHash>),
    /// Send what [`paper`] makes of a message, sealed for a member.
    Paper {
        /// Its number.
        seq: Seq,
        /// The member.
        member: MemberId,
    },
    /// Take a message in that came on paper, and send [`paper_taken`].
    ImportPaper(String),
}

/// A group that a caller wants to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGroup {
    /// Its name as it was typed, empty only for a conversation of two.
    pub name: String,
    /// What kind of conversation it is.
    pub kind: Kind,
    /// For one of two: the other one, or both where the operator asks; by identity or by where they receive.
    pub with: Vec<[u8; 16]>,
    /// Who learns that name.
    pub visibility: Visibility,
    /// The nick that the caller wishes in it.
    pub nick: Option<String>,
    /// Proof of work, where it was shown.
    pub stamp: Option<JoinStamp>,
}
