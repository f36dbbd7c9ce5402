//! What goes into a host and what comes out of it, as values; and what it keeps in mind of what is under way.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lxmf::propagation::node::AskId;
use lxmf::router::{Ack, NodePolicy, StampPolicy};
use reticulum::crypto::{Claim, Identity, Vouched};
use reticulum::hash::{DestinationHash, IdentityHash, LinkId, RequestId};
use reticulum::node::PersistId;

use super::calls::PendingCall;
use super::joining::{JoinWork, JoinWorkDone};
use super::messages::PendingMessage;
use super::propagation::{MailAfter, ServeConfig};
use super::queries::Query;
use super::relay::Copy;
use crate::group::delivery::Dispatch;
use crate::group::{
    Action, Caller, Fetch, FoundingRules, GroupId, Language, MemberId, Needs, RecentPost, Seq, Settings,
};
use crate::store::{StretchId, Write};

/// Settings of a host.
pub struct HostConfig {
    /// The identity of each restored group; where there is none, that of the first group, which is then created.
    pub identities: BTreeMap<GroupId, Arc<Identity>>,
    /// What is set in a group when it is created; later it is changed through the node itself.
    pub settings: Settings,
    /// Who may create groups by request.
    pub founding: FoundingRules,
    /// How the node forwards for others; it does not without.
    pub transport: Option<TransportConfig>,
    /// Whose announces, links and packets are dropped.
    pub blackhole: Vec<IdentityHash>,
    /// What the node pays for messages of its own.
    pub stamps: StampPolicy,
    /// How it uses propagation nodes.
    pub mail: MailConfig,
    /// How it is one itself; it is not without.
    pub propagation: Option<ServeConfig>,
    /// Messages that one sender may send and one link may carry in a minute; 0 is no limit.
    pub messages_per_minute: u32,
    /// The largest message, in bytes.
    pub message_size_max: u64,
    /// Whose messages are dropped, as delivery destinations.
    pub ignored: HashSet<DestinationHash>,
    /// All randomness comes from this.
    pub seed: [u8; 32],
}

/// How a host uses propagation nodes.
#[derive(Clone, Debug, Default)]
pub struct MailConfig {
    /// Which of them.
    pub nodes: NodePolicy,
    /// How often messages are fetched; zero is never.
    pub sync_interval: Duration,
    /// Whether what does not reach a person goes by a node.
    pub fallback: bool,
}

/// How a node forwards for others.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// Its identity on the network, the same in each run.
    pub identity: Arc<Identity>,
    /// Whether it answers probes.
    pub respond_to_probes: bool,
}

impl fmt::Debug for HostConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            identities,
            settings,
            founding,
            transport,
            blackhole,
            stamps,
            mail,
            propagation,
            messages_per_minute,
            message_size_max,
            ignored,
            seed: _,
        } = self;
        f.debug_struct("HostConfig")
            .field("identities", identities)
            .field("settings", settings)
            .field("founding", founding)
            .field("transport", transport)
            .field("blackhole", blackhole)
            .field("stamps", stamps)
            .field("mail", mail)
            .field("propagation", propagation)
            .field("messages_per_minute", messages_per_minute)
            .field("message_size_max", message_size_max)
            .field("ignored", ignored)
            .field("seed", &format_args!("[redacted]"))
            .finish()
    }
}

/// Work of one of the engines, to be run on any thread.
#[derive(Debug)]
pub enum Job {
    /// The protocol engine's.
    Engine(reticulum::node::Work),
    /// The router's.
    Router(lxmf::router::Work),
    /// A stamp that somebody shows to come in.
    JoinStamp(JoinWork),
    /// The propagation node's.
    Mail(lxmf::propagation::node::Work),
}

/// A finished [`Job`].
#[derive(Debug)]
pub enum JobDone {
    /// The protocol engine's.
    Engine(reticulum::node::WorkDone),
    /// The router's.
    Router(lxmf::router::WorkDone),
    /// A stamp was looked at.
    JoinStamp(JoinWorkDone),
    /// The propagation node's.
    Mail(lxmf::propagation::node::WorkDone),
}

impl Job {
    /// Runs it.
    pub fn run(self) -> JobDone {
        self.run_vouched(None)
    }

    /// What it has to verify, if that is most of it.
    pub fn claim(&self) -> Option<Claim> {
        match self {
            Self::Engine(work) => work.claim(),
            Self::Router(work) => work.claim(),
            Self::Mail(_) | Self::JoinStamp(_) => None,
        }
    }

    /// Runs it, and verifies its [`claim`](Self::claim) only if nobody vouches for that.
    pub fn run_vouched(self, vouched: Option<Vouched>) -> JobDone {
        match self {
            Self::Engine(work) => JobDone::Engine(work.run_vouched(vouched)),
            Self::Router(work) => JobDone::Router(work.run_vouched(vouched)),
            Self::Mail(work) => JobDone::Mail(work.run()),
            Self::JoinStamp(work) => JobDone::JoinStamp(work.run()),
        }
    }

    /// Whether it takes milliseconds or more. Results of the others have to come back in the order of submission.
    pub fn is_heavy(&self) -> bool {
        match self {
            Self::Engine(work) => work.class() == reticulum::node::WorkClass::Heavy,
            Self::Router(work) => work.class() == reticulum::node::WorkClass::Heavy,
            Self::JoinStamp(_) | Self::Mail(_) => true,
        }
    }
}

/// Names a query to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueryId(pub(super) u64);

/// Names a call on the control socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId(pub u64);

/// What the event loop carries out.
#[derive(Debug)]
pub enum Output {
    /// Work to run, and to bring back through [`Host::handle_job_done`](super::Host::handle_job_done).
    Job(Job),
    /// An identity to put on disk before anything is carried out that comes after it.
    KeepIdentity {
        /// Whose.
        group: GroupId,
        /// The keys.
        identity: Arc<Identity>,
    },
    /// A group is no more: its identity is to be erased.
    EraseIdentity(GroupId),
    /// A group whose export is to be put on disk, answered like a question by [`Rows::Exported`](super::Rows::Exported). It
    /// can be long, so nothing else should wait for it.
    Export(QueryId, GroupId),
    /// A change to make durable. Writes are counted: see [`Host::handle_committed`](super::Host::handle_committed).
    Write(Write),
    /// A question to the store, answered through [`Host::handle_rows`](super::Host::handle_rows).
    Query(QueryId, Query),
    /// A call on the control socket asks how the node is; the event loop knows the rest of that.
    Status(CallId),
    /// The answer to a call on the control socket.
    CallDone(CallId, Vec<u8>),
}

/// Where the answer to a call goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asker {
    Link { link: LinkId, request: RequestId },
    Control(CallId),
}

/// Who asks which group for something, and where the answer goes.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub(super) asker: Asker,
    pub(super) group: GroupId,
    pub(super) caller: Caller,
}

/// What a commit releases.
#[derive(Debug)]
pub(super) enum After {
    Prove(Ack),
    Persisted(PersistId),
    FanOut {
        group: GroupId,
        seq: Seq,
        author: Option<MemberId>,
    },
    /// A copy that was written down.
    Launch {
        group: GroupId,
        dispatch: Dispatch,
        copy: Box<Copy>,
    },
    Tell {
        from: GroupId,
        to: DestinationHash,
        text: String,
    },
    /// Everything of the group is in the store.
    Export(Asking),
    EraseIdentity(GroupId),
    /// Who the group is for strangers has changed.
    Announce(GroupId),
    /// What a message refers to is looked up in what is committed.
    Look {
        member: Option<MemberId>,
        needs: Box<Needs>,
        message: Box<PendingMessage>,
    },
    /// What the propagation node tells.
    Mail(MailAfter),
    Answer(Asker, Vec<u8>),
}

impl After {
    pub(super) fn answer_len(&self) -> usize {
        match self {
            Self::Answer(_, body) => body.len(),
            Self::Mail(after) => after.answer_len(),
            _ => 0,
        }
    }
}

/// What the answer to a query is for.
pub(super) enum Asked {
    Call(Asking, PendingCall),
    Stretch(GroupId, StretchId),
    Message(Box<PendingMessage>),
    /// A copy of one event, as it was posted or as it is now.
    Line(GroupId, Seq, bool),
    Together(GroupId, Dispatch),
    Written(GroupId, Dispatch),
    /// Attachments, for this address.
    Fetch(GroupId, DestinationHash, Language, Fetch),
    Expired(GroupId, Box<Action>),
    Export(Asking),
    Mail(AskId),
    Delivery(GroupId, DestinationHash, Box<RecentPost>),
    Missed(GroupId, DestinationHash),
    /// A message, to be put on paper for a member.
    Paper(Asker, GroupId, MemberId),
}

/// What an outgoing message is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sent {
    Copy {
        group: GroupId,
        member: MemberId,
        seq: Seq,
    },
    Reply,
    Invitation {
        group: GroupId,
        person: IdentityHash,
    },
    /// On paper, for who asked.
    Paper(Asker),
}

/// What was refused or done at this level, for `status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostCounters {
    /// Messages that became a post, a command or a refusal.
    pub messages_taken: u64,
    /// Copies of messages that were decided about before.
    pub messages_repeated: u64,
    /// Messages that the router refused.
    pub messages_refused: u64,
    /// Messages that were not taken because the store was too busy to tell what they are about.
    pub messages_busy: u64,
    /// Messages that refer to a copy which its reader has not proven since the start, and so come again.
    pub messages_early: u64,
    /// Requests and calls.
    pub calls: u64,
    /// Requests and calls that were refused.
    pub calls_refused: u64,
    /// Requests and calls that found the node busy.
    pub calls_busy: u64,
    /// Private messages that were not sent because too many are under way.
    pub replies_dropped: u64,
    /// Messages that came without the stamp that the group asks for, or with a bad one.
    pub unpaid: u64,
    /// Messages that were held, to have their stamp checked or to wait for one.
    pub unpaid_held: u64,
    /// Held messages that were taken in the end.
    pub unpaid_taken: u64,
    /// Held messages whose sender never paid.
    pub unpaid_expired: u64,
    /// Messages that were not held because too many of them wait for a check.
    pub unpaid_no_room: u64,
    /// Stamps that were not worth their price.
    pub stamps_bad: u64,
}

/// The addresses of a group.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// Its `lxmf.delivery` destination.
    pub lxmf: DestinationHash,
    /// Its `meshchat.group` destination.
    pub api: DestinationHash,
}
