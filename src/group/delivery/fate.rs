//! What became of the copies of one post: a fate for each member, and their sum.
//!
//! How far a member was served tells most of it: what is before was proven, what is behind waits. [`Gap`]s are what
//! deviates: numbers which were passed without a proof. In the ordinary case a copy costs no row at all.

use crate::group::ids::{MemberId, Seq};

/// How a copy travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// As a single packet.
    Packet,
    /// As a packet on a link.
    LinkPacket,
    /// As a resource.
    Resource,
}

/// Why the last attempt to send a copy failed. It is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody knows the way to the member.
    NoPath,
    /// The member does not answer.
    NoAnswer,
    /// A message to the member costs more work than the node is willing to do.
    TooDear {
        /// In bits.
        cost: u8,
    },
    /// The node has no time left for the work that the member asks for.
    NoBudget,
    /// The node has too much to send.
    Busy,
    /// No propagation node takes it.
    NoNode,
}

/// What became of a copy that was passed over without a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapFate {
    /// It is on a propagation node. That becomes a proof if the member is seen to have it.
    Stored,
    /// The member does not want a message of this size.
    Refused,
    /// The member was away for too long.
    Expired,
    /// The member chose not to be sent such things, or may not read it.
    Unwanted,
    /// There was nothing to send any more: the text had been deleted, or another edit followed.
    Withdrawn,
    /// The member was told only that there is something, in a digest.
    Digested,
}

/// Numbers of posts which a member was not sent or did not prove, all for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Whose.
    pub member: MemberId,
    /// The first number.
    pub first: Seq,
    /// The last number.
    pub last: Seq,
    /// The reason.
    pub fate: GapFate,
}

/// What became of the copy of a post for a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It waits for its turn, or for the member to appear.
    Queued {
        /// Why it did not arrive before, if it was tried in this run of the node.
        last: Option<Why>,
    },
    /// It is on its way, or about to be.
    Sent {
        /// How; `None` while a way is looked for.
        via: Option<Via>,
    },
    /// The member proved it, or never needed it.
    Proven,
    /// It was passed over.
    Gap(GapFate),
    /// Nothing is pushed to the member, by their choice or their role's.
    NotPushed,
}

/// What became of one post, of all members who may read it and were there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The members with what became of their copies, those who were longest in the group first.
    pub copies: Vec<(MemberId, Fate)>,
}

impl Tally {
    /// Counts one more member.
    pub fn add(&mut self, member: MemberId, fate: Fate) {
        self.copies.push((member, fate));
    }

    /// Members who proved it.
    pub fn proven(&self) -> usize {
        self.copies.len() - self.others().count()
    }

    /// All other members.
    pub fn others(&self) -> impl Iterator<Item = &(MemberId, Fate)> {
        self.copies.iter().filter(|(_, fate)| *fate != Fate::Proven)
    }
}
