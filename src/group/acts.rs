//! Acts: the events that the audit log shows, and what is asked of it.

use super::event::EventKind;
use super::ids::{MemberId, Seq};
use super::who::Who;
use reticulum::time::UnixTime;

/// Acts that one look into the audit log gives at most.
pub const ACTS_MAX: usize = 1_000;
/// Messages that one clean-up deletes at most; the next goes on.
pub const CLEAN_UP_MAX: usize = 500;

/// Whether an event stands in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audited {
    /// No: members talk, come and go.
    No,
    /// Yes: somebody used what they may.
    Yes,
    /// Unless they did it to a message of their own.
    UnlessOwn(Seq),
    /// Unless they did it to themselves.
    UnlessSelf(MemberId),
}

impl EventKind {
    /// Whether it stands in the audit log.
    pub fn audited(&self) -> Audited {
        match self {
            Self::Joined { .. }
            | Self::JoinRequested { .. }
            | Self::InvitationTold { .. }
            | Self::Left { .. }
            | Self::Posted(_)
            | Self::Reacted { .. }
            | Self::Unreacted { .. }
            | Self::Held { .. }
            | Self::PreferenceChanged { .. } => Audited::No,
            Self::Renamed { member, .. } => Audited::UnlessSelf(*member),
            // The clean-up stands for all of its deletions.
            Self::Deleted { in_clean_up: true, .. } => Audited::No,
            Self::Deleted { target, .. } | Self::Edited { target, .. } => Audited::UnlessOwn(*target),
            Self::Created { .. }
            | Self::ClaimIssued { .. }
            | Self::OwnerClaimed { .. }
            | Self::Invited { .. }
            | Self::Uninvited { .. }
            | Self::CodeIssued { .. }
            | Self::CodeRevoked { .. }
            | Self::Pinned { .. }
            | Self::Unpinned { .. }
            | Self::Kicked { .. }
            | Self::Banned { .. }
            | Self::Unbanned { .. }
            | Self::Muted { .. }
            | Self::Unmuted { .. }
            | Self::RoleAssigned { .. }
            | Self::PermissionsChanged { .. }
            | Self::RoleDefined { .. }
            | Self::RoleDeleted { .. }
            | Self::SettingChanged(_)
            | Self::Approved { .. }
            | Self::Rejected { .. }
            | Self::Reported { .. }
            | Self::Dissolved
            | Self::CleanedUp { .. } => Audited::Yes,
        }
    }
}

/// Which acts are wanted: the newest first, or those that came after some number, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActsRequest {
    /// Only what came after this number; the page then begins with the first.
    pub after: Option<Seq>,
    /// Only what came before this number.
    pub before: Option<Seq>,
    /// Acts at most; [`ACTS_MAX`] is the most.
    pub acts_max: usize,
}

/// Which messages a clean-up is about: all that fit everything said here, of which something has to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CleanUp {
    /// Only this author's.
    pub author: Option<MemberId>,
    /// Only those posted before.
    pub before: Option<UnixTime>,
    /// Only those posted at this time or later.
    pub since: Option<UnixTime>,
    /// Only those with at least so many bytes of text.
    pub bytes_min: Option<u32>,
    /// Only so many of them, the oldest.
    pub oldest: Option<u32>,
    /// Only those after this number: there is nothing left up to it.
    pub after: Option<Seq>,
    /// Whether the group keeps them no longer, and nobody asked for it.
    pub expired: bool,
}

impl CleanUp {
    /// Whether nothing is said, so that it would be about everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a member reports to the staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reported {
    /// A message.
    Message(Seq),
    /// A member.
    Member(Who),
}
