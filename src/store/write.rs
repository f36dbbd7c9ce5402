//! What can be written, in the domain's terms.

use std::sync::Arc;

use lxmf::propagation::node::Change;
use lxmf::router::Terms;
use reticulum::crypto::{PublicIdentity, RatchetSecret};
use reticulum::hash::{DestinationHash, IdentityHash};
use reticulum::node::{AirtimeRecord, Blackholed, PathRecord, PeerRecord};
use reticulum::time::UnixTime;

use super::outbox::WrittenCopy;
use crate::group::delivery::{Cursor, Fixed, Gap, Tried};
use crate::group::{Content, Event, EventKind, GroupId, MemberId, MessageId, Seq};

/// One thing to make durable. It is committed wholly or not at all, after everything that was submitted before.
#[derive(Debug)]
pub enum Write {
    /// What a group decided about one input: its events, and the message that is decided about from now on.
    Decision {
        /// Which group.
        group: GroupId,
        /// What happened, possibly nothing.
        events: Vec<Event>,
        /// The message that brought it.
        seen: Option<Seen>,
    },
    /// A member has received posts up to some number.
    Delivered {
        /// Which group.
        group: GroupId,
        /// Who, and how far.
        cursor: Cursor,
        /// The id by which their client knows that post, if it is one.
        copy: Option<MessageId>,
        /// What becomes of the row that there is for the copy.
        row: OutboxRow,
    },
    /// A copy is about to be sent that the log does not tell. What is sent again is to be the same.
    Outbox {
        /// Of which group.
        group: GroupId,
        /// To whom.
        member: MemberId,
        /// From which post to which.
        fixed: Fixed,
        /// What it says.
        copy: WrittenCopy,
    },
    /// A copy was sent in vain.
    Tried {
        /// Of which group.
        group: GroupId,
        /// Whose, which, why.
        tried: Tried,
    },
    /// A copy that was on a propagation node is proven.
    Confirmed {
        /// Of which group.
        group: GroupId,
        /// Whose, and which posts.
        gap: Gap,
    },
    /// A member has read up to some number.
    Read {
        /// Which group.
        group: GroupId,
        /// Who.
        member: MemberId,
        /// How far, at least.
        through: Seq,
    },
    /// A member's cursor passed posts without a proof. Written after the cursor.
    Gap {
        /// Which group.
        group: GroupId,
        /// Whose, which posts, and why.
        gap: Gap,
    },
    /// A member's client knows replies and reactions.
    Understands {
        /// Which group.
        group: GroupId,
        /// Whose client.
        member: MemberId,
    },
    /// What is known of a peer, in place of what was known before.
    Peer(PeerRecord),
    /// A peer need not be remembered any longer.
    ForgetPeer(DestinationHash),
    /// Paths of a node that forwards for others; the first piece replaces all that were there.
    Paths {
        /// Whether it is the first.
        first: bool,
        /// The paths.
        records: Vec<PathRecord>,
    },
    /// Air time that an interface used, in place of what was said before.
    Airtime(AirtimeRecord),
    /// Whose traffic is dropped from now on.
    Blackholed(Blackholed),
    /// Whose traffic no longer is.
    Unblackholed(IdentityHash),
    /// All ratchets of one of our destinations, newest first.
    Ratchets {
        /// Which.
        destination: DestinationHash,
        /// Its ratchets.
        secrets: Vec<RatchetSecret>,
    },
    /// A message that has not paid for itself yet, in place of the same one held before.
    Hold(HeldMessage),
    /// A message is not held any longer.
    DropHeld(MessageId),
    /// What is agreed with a peer, in place of what was before.
    Terms(Terms),
    /// What was agreed with a peer is to be forgotten.
    ForgetTerms {
        /// Ours.
        local: DestinationHash,
        /// The peer.
        remote: DestinationHash,
    },
    /// A group is no more; all that was written of it is erased, in time.
    DeleteGroup {
        /// Which.
        group: GroupId,
        /// Its `lxmf.delivery` destination, whose ratchets are erased too.
        delivery: DestinationHash,
    },
    /// A member gave a sign of life.
    Heard {
        /// Of which group.
        group: GroupId,
        /// Who.
        member: MemberId,
        /// When.
        at: UnixTime,
    },
    /// A change of what is kept for others as a propagation node.
    Mail(Change),
    /// A value under a name.
    Setting {
        /// Whose; `None` is the node.
        group: Option<GroupId>,
        /// The name.
        key: String,
        /// The value.
        value: Vec<u8>,
    },
}

/// What becomes of the row of a copy that was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxRow {
    /// There is none.
    None,
    /// It goes.
    Drop,
    /// It stays: the copy is on a propagation node, and may be sent once more.
    Keep,
}

/// A message that has not paid for itself yet. Its signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldMessage {
    /// Its id.
    pub message: MessageId,
    /// The group that it is for.
    pub group: GroupId,
    /// When it came.
    pub received: UnixTime,
    /// Whose signature it bears.
    pub identity: Arc<PublicIdentity>,
    /// As it travelled, with its destination in front.
    pub packed: Vec<u8>,
}

/// A message that is decided about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub message: MessageId,
    /// What it said and when, if it became a post.
    pub content: Option<(Content, UnixTime)>,
}

impl From<MessageId> for Seen {
    fn from(message: MessageId) -> Self {
        Self { message, content: None }
    }
}

/// Names a write. Tickets count up from 1, and are committed in that order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

impl Write {
    /// Its size, roughly, in bytes: what bounds a transaction and the queue.
    pub(super) fn weight(&self) -> usize {
        const ROW: usize = 64;
        ROW + match self {
            Self::Decision { events, .. } => events.iter().map(event_weight).sum(),
            Self::Peer(peer) => peer.app_data.as_ref().map_or(0, Vec::len),
            Self::Paths { records, .. } => records.iter().map(super::path_row::weight).sum(),
            Self::Ratchets { secrets, .. } => 32 * secrets.len(),
            Self::Setting { value, .. } => value.len(),
            Self::Airtime(record) => record.interface.len() + 4 * record.used_us.len(),
            Self::Blackholed(entry) => entry.reason.as_ref().map_or(0, String::len),
            Self::Hold(held) => held.packed.len(),
            Self::Mail(Change::Keep(all)) => all.iter().map(|kept| ROW + kept.stamped.len()).sum(),
            Self::Mail(Change::Delete { ids, .. }) => ROW * ids.len(),
            Self::Outbox { copy, .. } => copy.content.len() + copy.fields.as_ref().map_or(0, Vec::len),
            Self::Delivered { .. }
            | Self::Tried { .. }
            | Self::Confirmed { .. }
            | Self::Gap { .. }
            | Self::Understands { .. }
            | Self::Read { .. }
            | Self::ForgetPeer(_)
            | Self::Unblackholed(_)
            | Self::Heard { .. }
            | Self::DropHeld(_)
            | Self::Mail(_)
            | Self::Terms(_)
            | Self::ForgetTerms { .. }
            | Self::DeleteGroup { .. } => 0,
        }
    }
}

fn event_weight(event: &Event) -> usize {
    let post = match &event.kind {
        EventKind::Posted(post) => post,
        EventKind::Held { post, .. } => post.as_ref(),
        EventKind::Edited { text, .. } => return text.len(),
        _ => return 0,
    };
    let attached = usize::try_from(post.attached_bytes()).unwrap_or(usize::MAX);
    attached + post.text.len() + post.authorship.as_ref().map_or(0, |authorship| authorship.signed.len())
}
