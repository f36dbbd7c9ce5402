//! What callers may want, and what a decision led to.

use std::sync::Arc;
use std::time::Duration;

use reticulum::crypto::PublicIdentity;
use reticulum::hash::{DestinationHash, IdentityHash};

use super::acts::{CleanUp, Reported};
use super::claim::ClaimHash;
use super::entry::{InviteCode, Pass};
use super::event::Event;
use super::ids::{MemberId, Seq};
use super::known::Needs;
use super::pending::PendingId;
use super::post::{Draft, PostKind};
use super::preference::Preference;
use super::recent::RecentPost;
use super::role::{Permission, Permissions, Role};
use super::setting::Setting;
use super::who::Who;

/// Something that a caller wants to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Come in.
    Join {
        /// The wanted nick; without one, the announced name serves.
        nick: Option<String>,
        /// What is shown to be let in.
        pass: Pass,
    },
    /// Let a person in who is not there yet.
    Invite {
        /// Whom.
        identity: IdentityHash,
    },
    /// Take an invitation back.
    Uninvite {
        /// Whose.
        identity: IdentityHash,
    },
    /// Make a code that lets people in. The outcome holds it, once.
    IssueCode {
        /// For how many.
        uses: u32,
        /// For how long; `None` is for ever.
        lasts: Option<Duration>,
    },
    /// Take an invite code back.
    RevokeCode {
        /// Its number.
        number: Seq,
    },
    /// Go.
    Leave,
    /// Post a message.
    Post(Draft),
    /// Withdraw a message.
    Delete {
        /// Its number.
        target: Seq,
    },
    /// Say something else instead.
    Edit {
        /// The number of the message.
        target: Seq,
        /// The new text.
        text: String,
    },
    /// React to a message, or take that back.
    React {
        /// Its number.
        target: Seq,
        /// With what, as it was typed.
        reaction: String,
        /// Whether it is taken back.
        remove: bool,
    },
    /// Keep a message in view, or no longer.
    Pin {
        /// Its number.
        target: Seq,
        /// Whether it is no longer to be.
        remove: bool,
    },
    /// Put a member out.
    Kick {
        /// Whom.
        who: Who,
        /// Why.
        reason: String,
    },
    /// Bar an identity, and put it out.
    Ban {
        /// Whom.
        who: Who,
        /// For how long; without it until it is lifted.
        lasts: Option<Duration>,
        /// Why.
        reason: String,
    },
    /// Lift a ban.
    Unban {
        /// Whose.
        who: Who,
    },
    /// Take another nick.
    Rename {
        /// Which. Cleaned and cut like any nick.
        nick: String,
    },
    /// Choose something for oneself.
    Choose {
        /// What.
        preferences: Vec<Preference>,
    },
    /// Set something otherwise; several settings change together or not at all.
    Set {
        /// What, each at most once.
        settings: Vec<Setting>,
    },
    /// Become the owner, and a member if one is not yet.
    Claim {
        /// The code as it was typed.
        code: String,
    },
    /// Replace the claim code. For the operator.
    IssueClaim {
        /// The hash of the new code.
        claim: ClaimHash,
    },
    /// Give a member another role.
    AssignRole {
        /// Whom.
        who: Who,
        /// Which.
        role: RoleRef,
    },
    /// Change several things of a member at once, all of them or none. For oneself [`Self::Rename`] and [`Self::AssignRole`]
    /// serve.
    UpdateMember {
        /// Whose.
        who: Who,
        /// What.
        update: MemberUpdate,
    },
    /// Change what one member may do beside their role. Where a permission stands in several of the lists, the last
    /// one counts.
    ChangePermissions {
        /// Whose.
        who: Who,
        /// To be granted beside the role.
        grant: Permissions,
        /// To be taken although the role has them.
        revoke: Permissions,
        /// To be as the role has them again.
        reset: Permissions,
    },
    /// Make a role, or change one.
    DefineRole {
        /// Which one to change; without it a new one is made.
        role: Option<RoleRef>,
        /// Its name. Cleaned, cut, and blanks become dashes.
        name: String,
        /// What it may do.
        permissions: Permissions,
        /// How high it stands, above 0 and below the caller.
        rank: u8,
        /// Whether those who have it get nothing pushed.
        quiet: bool,
    },
    /// Silence a member.
    Mute {
        /// Whom.
        who: Who,
        /// For how long; without it until it is lifted.
        lasts: Option<Duration>,
        /// Why.
        reason: String,
    },
    /// Let somebody speak again.
    Unmute {
        /// Whom.
        who: Who,
    },
    /// Tell the staff of a message or of a member.
    Report {
        /// Of what.
        what: Reported,
        /// Why.
        reason: String,
    },
    /// Delete many messages at once.
    CleanUp {
        /// Which.
        what: CleanUp,
        /// Why.
        reason: String,
    },
    /// Let through what waits.
    Approve {
        /// Its number in the queue.
        number: PendingId,
    },
    /// Refuse what waits.
    Reject {
        /// Its number in the queue.
        number: PendingId,
        /// Why; whoever asked is told.
        reason: String,
    },
    /// Give up a role that the group made. Who had it becomes a member, or a reader where the role stood below that.
    DeleteRole {
        /// Which.
        role: RoleRef,
    },
}

/// What an action takes to be considered at all. What it does may need more: rank, authorship, a free place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Somebody who said who they are and is not banned.
    Identity,
    /// A member, whatever their role.
    Membership,
    /// A member with this permission.
    May(Permission),
    /// A member with one of these: the first serves for what is one's own, the second for all.
    MayOwnOrAny(Permission, Permission),
    /// The operator.
    Operator,
}

impl Action {
    /// What the action needs. Asked before anything else, for every door.
    pub fn need(&self) -> Need {
        match self {
            Self::Join { .. } | Self::Claim { .. } => Need::Identity,
            Self::Choose { .. } | Self::Leave | Self::Rename { .. } | Self::Report { .. } => Need::Membership,
            Self::CleanUp { .. } => Need::May(Permission::DeleteAny),
            Self::Post(draft) if draft.kind == PostKind::Notice => Need::May(Permission::Pin),
            Self::Post(_) => Need::May(Permission::Post),
            Self::React { .. } => Need::May(Permission::React),
            Self::Edit { .. } => Need::MayOwnOrAny(Permission::EditOwn, Permission::EditAny),
            Self::Pin { .. } => Need::May(Permission::Pin),
            Self::Delete { .. } => Need::MayOwnOrAny(Permission::DeleteOwn, Permission::DeleteAny),
            Self::Kick { .. } => Need::May(Permission::Kick),
            Self::Ban { .. } | Self::Unban { .. } => Need::May(Permission::Ban),
            // Each setting says who may change it; the first one stands for all, `set` asks for the others.
            Self::Invite { .. }
            | Self::Uninvite { .. }
            | Self::IssueCode { .. }
            | Self::RevokeCode { .. } => Need::May(Permission::Invite),
            Self::Set { settings } => {
                settings.first().map_or(Need::Membership, |first| Need::May(first.key().permission()))
            }
            Self::Mute { .. } | Self::Unmute { .. } => Need::May(Permission::Mute),
            Self::Approve { .. } | Self::Reject { .. } => Need::May(Permission::Approve),
            // Whoever stands above nobody may still step down.
            Self::AssignRole { .. } => Need::Membership,
            // Who also changes more needs more, which is asked before anything happens.
            Self::UpdateMember { update, .. } if update.nick.is_some() => Need::May(Permission::Kick),
            Self::UpdateMember { .. }
            | Self::ChangePermissions { .. }
            | Self::DefineRole { .. }
            | Self::DeleteRole { .. } => Need::May(Permission::ManageRoles),
            Self::IssueClaim { .. } => Need::Operator,
        }
    }
}

/// How an action is heard by others: what silence and slowness keep from happening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// Not at all.
    None,
    /// As a change of what is there: not for who is muted, nor while the group is read-only.
    Change,
    /// As a new message: slow mode counts them too.
    Message,
}

impl Action {
    /// How others hear it. Asked before anything is decided, for every door.
    pub fn speech(&self) -> Speech {
        match self {
            Self::Post(_) => Speech::Message,
            Self::Edit { .. } | Self::React { .. } => Speech::Change,
            Self::Pin { .. }
            | Self::Join { .. }
            | Self::Claim { .. }
            | Self::Leave
            | Self::Rename { .. }
            | Self::Delete { .. }
            | Self::Kick { .. }
            | Self::Ban { .. }
            | Self::Unban { .. }
            | Self::Mute { .. }
            | Self::Report { .. }
            | Self::CleanUp { .. }
            | Self::Unmute { .. }
            | Self::Set { .. }
            | Self::Choose { .. }
            | Self::Invite { .. }
            | Self::Uninvite { .. }
            | Self::IssueCode { .. }
            | Self::RevokeCode { .. }
            | Self::Approve { .. }
            | Self::Reject { .. }
            | Self::AssignRole { .. }
            | Self::UpdateMember { .. }
            | Self::ChangePermissions { .. }
            | Self::DefineRole { .. }
            | Self::DeleteRole { .. }
            | Self::IssueClaim { .. } => Speech::None,
        }
    }
}

/// What is to be otherwise with a member; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberUpdate {
    /// What they are called. Cleaned and cut like any nick.
    pub nick: Option<String>,
    /// Their role.
    pub role: Option<RoleRef>,
    /// To be granted beside the role.
    pub grant: Permissions,
    /// To be taken although the role has them.
    pub revoke: Permissions,
    /// To be as the role has them again.
    pub reset: Permissions,
}

impl MemberUpdate {
    /// Whether it changes what they may do beside their role.
    pub fn changes_permissions(&self) -> bool {
        [self.grant, self.revoke, self.reset].iter().any(|some| *some != Permissions::NONE)
    }
}

/// Names a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleRef {
    /// By number.
    Role(Role),
    /// By name, in either case.
    Name(String),
}

impl Action {
    /// What has to be looked up before this can be decided.
    pub fn needs(&self) -> Needs {
        let posts = match self {
            Self::Post(draft) => draft.reply_to.into_iter().chain(draft.thread).collect(),
            Self::Delete { target }
            | Self::Edit { target, .. }
            | Self::React { target, .. }
            | Self::Pin { target, .. }
            | Self::Report { what: Reported::Message(target), .. } => vec![*target],
            _ => Vec::new(),
        };
        let matching = match self {
            Self::CleanUp { what, .. } if !what.is_empty() => Some(what.clone()),
            _ => None,
        };
        Needs { posts, matching, ..Needs::default() }
    }
}

/// What a decision led to. The events have taken effect in memory; they, in this order, and nothing else need to be
/// durable before anything else of this value leaves the node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What happened, possibly nothing.
    pub events: Vec<Event>,
    /// What the caller is told in words, where the door to the group is text. At most
    /// [`REPLY_BYTES_MAX`](super::REPLY_BYTES_MAX) bytes.
    pub reply: Option<String>,
    /// What others are told.
    pub notices: Vec<Notice>,
    /// The invite code that was made. It is shown once, and kept nowhere.
    pub code: Option<InviteCode>,
    /// Attachments that the caller is to be sent.
    pub fetch: Option<Fetch>,
    /// The propagation node that the caller named for themselves, or that they have none.
    pub node: Option<Option<DestinationHash>>,
    /// What the caller wants to know, or to have done, that only the node can.
    pub asks: Option<Asks>,
}

/// What only the node can do or tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Who has this post.
    Delivery(Box<RecentPost>),
    /// What the caller was not sent.
    Missed,
    /// Let the group be announced.
    Announce,
    /// How the node reaches this member.
    Path(MemberId),
}

/// Attachments that somebody wants, and may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Of which message.
    pub seq: Seq,
    /// Which one, counted from 1; all without it.
    pub number: Option<u8>,
}

/// A private message to somebody who is possibly no longer a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// To whom.
    pub to: Arc<PublicIdentity>,
    /// What it says. At most [`REPLY_BYTES_MAX`](super::REPLY_BYTES_MAX) bytes.
    pub text: String,
}

impl Outcome {
    pub(super) fn told(reply: String) -> Self {
        Self { reply: Some(reply), ..Self::default() }
    }

    pub(super) fn happened(events: Vec<Event>, reply: String) -> Self {
        Self { events, reply: Some(reply), ..Self::default() }
    }

    /// The number of the last event, which is what a caller wants to know of their action.
    pub fn seq(&self) -> Option<Seq> {
        self.events.last().map(|event| event.seq)
    }
}
