//! What can be written, in the domain's terms.

use reticulum::crypto::RatchetSecret;
use reticulum::hash::DestinationHash;
use reticulum::node::PeerRecord;

use crate::group::delivery::Cursor;
use crate::group::{Event, EventKind, GroupId, MessageId};

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
        seen: Option<MessageId>,
    },
    /// A member has received posts up to some number.
    Delivered {
        /// Which group.
        group: GroupId,
        /// Who, and how far.
        cursor: Cursor,
    },
    /// What is known of a peer, in place of what was known before.
    Peer(PeerRecord),
    /// A peer need not be remembered any longer.
    ForgetPeer(DestinationHash),
    /// All ratchets of one of our destinations, newest first.
    Ratchets {
        /// Which.
        destination: DestinationHash,
        /// Its ratchets.
        secrets: Vec<RatchetSecret>,
    },
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
            Self::Ratchets { secrets, .. } => 32 * secrets.len(),
            Self::Setting { value, .. } => value.len(),
            Self::Delivered { .. } | Self::ForgetPeer(_) => 0,
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
    post.text.len() + post.authorship.as_ref().map_or(0, |authorship| authorship.signed.len())
}
