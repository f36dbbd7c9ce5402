//! What the host asks of the store, as values: the event loop runs them on a reader, off its own thread.

use lxmf::propagation::node::{Answer, Ask};

use crate::group::delivery::Gap;
use crate::group::{Attachment, GroupId, Known, Listed, MemberId, Needs, Seq, Viewer};
use crate::store::{Page, PageRequest, ReadCopy, Reader, Relayed, StoreError, Stretch, StretchId};

/// A question.
#[derive(Clone, Debug)]
pub enum Query {
    /// A page of the history.
    History {
        /// Of which group.
        group: GroupId,
        /// Which page.
        page: PageRequest,
    },
    /// A stretch of the history, to be kept.
    Stretch {
        /// Of which group.
        group: GroupId,
        /// Which.
        id: StretchId,
    },
    /// What a decision needs to know of the past.
    Known {
        /// Of which group.
        group: GroupId,
        /// Who decides.
        member: Option<MemberId>,
        /// What it needs.
        needs: Box<Needs>,
    },
    /// What the propagation node asks.
    Mail(Ask),
    /// The attachments of a message, with the bytes that are still kept.
    Attached {
        /// Of which group.
        group: GroupId,
        /// Its number.
        seq: Seq,
    },
    /// An event, to tell members of it.
    Relayed {
        /// Of which group.
        group: GroupId,
        /// Its number.
        seq: Seq,
        /// Members of whom it matters by which id they know what it is about.
        members: Vec<MemberId>,
        /// Whether a post is to say what it said at first.
        as_posted: bool,
    },
    /// Several events, to tell one member of them in one message.
    RelayedTogether {
        /// Of which group.
        group: GroupId,
        /// Their numbers.
        seqs: Vec<Seq>,
        /// The member, if it matters by which ids they know what the events are about.
        member: Option<MemberId>,
    },
    /// A copy that was written down when it was first sent.
    Written {
        /// Of which group.
        group: GroupId,
        /// Whose.
        member: MemberId,
        /// The last event that it holds.
        last: Seq,
    },
    /// Who passed a post over.
    Gaps {
        /// Of which group.
        group: GroupId,
        /// Its number.
        seq: Seq,
    },
    /// What somebody was not sent and will not be.
    Missed {
        /// Of which group.
        group: GroupId,
        /// Who.
        viewer: Viewer,
        /// Numbers that the store does not know to be missed: after the first, up to the second.
        more: Option<(Seq, Seq)>,
    },
}

/// An answer.
#[derive(Clone, Debug)]
pub enum Rows {
    /// To [`Query::History`].
    History(Page),
    /// To [`Query::Stretch`]; `None` if it is too large to be kept.
    Stretch(Option<Stretch>),
    /// To [`Query::Known`].
    Known(Box<Known>),
    /// To [`Query::Relayed`]; `None` if there is nothing to tell, or no longer.
    Relayed(Option<Box<Relayed>>),
    /// To [`Query::RelayedTogether`], in the order of the numbers; without those of which there is nothing to tell.
    RelayedTogether(Vec<Relayed>),
    /// To [`Query::Written`]; `None` if it was withdrawn.
    Written(Option<Box<ReadCopy>>),
    /// To [`Query::Mail`].
    Mail(Answer),
    /// To [`Query::Gaps`].
    Gaps(Vec<Gap>),
    /// To [`Query::Missed`], the newest first.
    Missed(Vec<Listed>),
    /// To [`Query::Attached`]; none if the message has none, or is no more.
    Attached(Vec<Attachment>),
    /// The export of a group is on disk, in this file.
    Exported(String),
    /// The store could not be read, or the export not be written.
    Failed,
}

impl Query {
    /// Asks.
    pub fn run(&self, reader: &Reader) -> Result<Rows, StoreError> {
        match self {
            Self::History { group, page } => reader.history(*group, page).map(Rows::History),
            Self::Stretch { group, id } => reader.stretch(*group, *id).map(Rows::Stretch),
            Self::Known { group, member, needs } => {
                reader.known(*group, *member, needs).map(|known| Rows::Known(Box::new(known)))
            }
            Self::Mail(ask) => reader.mail(ask).map(Rows::Mail),
            Self::Attached { group, seq } => reader.attached(*group, *seq).map(Rows::Attached),
            Self::Relayed { group, seq, members, as_posted } => {
                reader.relayed(*group, *seq, members, *as_posted).map(|row| Rows::Relayed(row.map(Box::new)))
            }
            Self::RelayedTogether { group, seqs, member } => {
                let rows = seqs.iter().map(|seq| reader.relayed(*group, *seq, member.as_slice(), false));
                let rows: Result<Vec<_>, _> = rows.filter_map(Result::transpose).collect();
                rows.map(Rows::RelayedTogether)
            }
            Self::Written { group, member, last } => {
                reader.written(*group, *member, *last).map(|copy| Rows::Written(copy.map(Box::new)))
            }
            Self::Gaps { group, seq } => reader.gaps_at(*group, *seq).map(Rows::Gaps),
            Self::Missed { group, viewer, more } => reader.missed(*group, *viewer, *more).map(Rows::Missed),
        }
    }
}
