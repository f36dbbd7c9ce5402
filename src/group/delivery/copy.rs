//! Copies as values: what is to be sent to whom, in what form, and what follows from how that ends.

use reticulum::time::UnixTime;

use crate::group::ids::{MemberId, Seq};

/// What it costs to reach a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Little: an open link, or a path over media that carry a packet in a moment.
    Fast,
    /// Air time that all share. They come after the others, and get what waits for them in one message.
    Slow,
    /// No path is known, and the slow medium is among those by which they may come back: as [`Reach::Slow`], but they
    /// are away rather than behind, so what waits for them is no reason for digests.
    Unknown,
    /// As [`Reach::Slow`], and so much waits for that medium already that more would only grow old there.
    Busy,
}

/// How a copy is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// It was not sent before: one post alone.
    Alone,
    /// It was not sent before, and may hold everything that waits for the member.
    Together,
    /// It was not sent before: the newest of everything that waits, and how much that is.
    Digest {
        /// The member is to be told that they get digests from now on.
        begins: bool,
    },
    /// As [`Form::Together`], and the member is to be told that they get no more digests.
    AfterDigests,
    /// It was sent before, as the post stands in the log.
    AsPosted,
    /// It was sent before, and was written down then because the log alone does not tell what it said.
    Written,
}

/// A copy to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// To whom.
    pub member: MemberId,
    /// The last post that it holds; of one that is to hold several, the first, until
    /// [`Delivery::on_composed`](super::Delivery::on_composed) says more.
    pub seq: Seq,
    /// How it is made.
    pub form: Form,
    /// It lies on a propagation node: it is only to go to the member themselves.
    pub again: bool,
}

/// What a copy holds from now on, each time that it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The first post.
    pub first: Seq,
    /// The last post, by which the copy goes.
    pub last: Seq,
    /// Whether it was written down; otherwise it is the one post as it stands in the log.
    pub written: bool,
}

/// A copy that lies on a propagation node, from where no proof comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredCopy {
    /// Whose.
    pub member: MemberId,
    /// What it holds.
    pub copy: Fixed,
    /// When the last of its posts was posted.
    pub time: UnixTime,
}

/// How far a member was served, which is to be stored: a start goes on from there. Nothing waits for that: a copy that is
/// sent again after a crash has the same message id, and the member's client drops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Whose.
    pub member: MemberId,
    /// Up to this post nothing is to be sent: it was proven, or a [`Gap`](super::Gap) says what became of it.
    pub through: Seq,
}

/// A copy that came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// To be stored.
    pub cursor: Cursor,
    /// Whether there is a row for the copy, of no use any more unless it lies on a propagation node.
    pub has_row: bool,
}

/// A post out of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedPost {
    /// Its number.
    pub seq: Seq,
    /// When it was posted.
    pub time: UnixTime,
    /// Who posted it, and so needs no copy.
    pub author: Option<MemberId>,
}

/// What a start knows of copies.
#[derive(Clone, Debug, Default)]
pub struct SavedDelivery {
    /// How far the members were served.
    pub cursors: Vec<Cursor>,
    /// The posts after the lowest cursor that are young enough to be delivered still, oldest first, and the newest that is
    /// not.
    pub waiting: Vec<LoggedPost>,
    /// Copies that were sent without a proof, and are to be the same when they are sent again, with the reason why the last
    /// attempt failed.
    pub tried: Vec<(MemberId, Fixed, Option<super::Why>)>,
    /// Copies on propagation nodes, oldest first.
    pub stored: Vec<StoredCopy>,
}
