//! What can happen in a group. Everything that does is one [`Event`] with a number, and the state of a group is
//! nothing but the fold of its events.
//!
//! Kinds are only ever added: a log that was written once is read for good.

use std::sync::Arc;

use reticulum::crypto::PublicIdentity;
use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

use super::claim::ClaimHash;
use super::entry::{CodeHash, Entry};
use super::ids::{MemberId, Seq};
use super::pending::{HeldBecause, PendingId};
use super::post::{Post, Reaction};
use super::preference::Preference;
use super::role::{Permissions, Role};
use super::roles::CustomRole;
use super::setting::{Key, Setting};

/// One entry of a group's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number: one more than that of the event before it.
    pub seq: Seq,
    /// When the node took it. Strictly increasing within a group, so that order in time is order in the log even when
    /// the wall clock was set back.
    pub time: UnixTime,
    /// Who did it; `None` is the operator or the node itself.
    pub actor: Option<MemberId>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The group came into being. Always event 1.
    Created {
        /// Its name, cleaned.
        name: String,
        /// Who learns that name.
        visibility: Visibility,
        /// The hash of the code that makes somebody the owner.
        claim: Option<ClaimHash>,
    },
    /// A new claim code replaces the one before.
    ClaimIssued {
        /// The hash of the code.
        claim: ClaimHash,
    },
    /// A member became owner by the claim code, which is thereby used up.
    OwnerClaimed {
        /// The new owner.
        member: MemberId,
    },
    /// Somebody came in.
    Joined {
        /// Their number: the one that they had before, or a new one.
        member: MemberId,
        /// Who it is.
        identity: Arc<PublicIdentity>,
        /// The name in this group, unique at that moment.
        nick: String,
        /// By what right.
        entry: Entry,
    },
    /// Somebody wants to come in, and waits for somebody who may approve.
    JoinRequested {
        /// Under which number.
        number: PendingId,
        /// Who.
        identity: Arc<PublicIdentity>,
        /// What they wish to be called.
        nick: String,
    },
    /// Somebody may come in without asking.
    Invited {
        /// Who.
        identity: IdentityHash,
    },
    /// The person who was invited knows it.
    InvitationTold {
        /// Who.
        identity: IdentityHash,
    },
    /// An invitation was taken back.
    Uninvited {
        /// Whose.
        identity: IdentityHash,
    },
    /// A code lets people in. Its number is that of this event.
    CodeIssued {
        /// What is kept of it.
        hash: CodeHash,
        /// Until when; `None` is for ever.
        expires: Option<UnixTime>,
        /// How many it lets in.
        uses: u32,
    },
    /// A code lets nobody in any more.
    CodeRevoked {
        /// Which.
        number: Seq,
    },
    /// A member left by their own wish.
    Left {
        /// Who is no longer in.
        member: MemberId,
    },
    /// A message was posted by the actor.
    Posted(Post),
    /// A message was withdrawn; its text and those of its edits are erased, its number stays.
    Deleted {
        /// The number of the message.
        target: Seq,
        /// Whether it was one of many: the event of the clean-up stands before, and tells of all of them.
        in_clean_up: bool,
    },
    /// A message says something else from now on.
    Edited {
        /// The number of the message.
        target: Seq,
        /// The new text. Empty when it is read back after the message was deleted.
        text: String,
        /// Whom the new text mentions, by number.
        mentions: Vec<MemberId>,
    },
    /// A member reacted to a message.
    Reacted {
        /// The number of the message.
        target: Seq,
        /// With what.
        reaction: Reaction,
    },
    /// A member took a reaction back.
    Unreacted {
        /// The number of the message.
        target: Seq,
        /// Which.
        reaction: Reaction,
    },
    /// A message is to be kept in view.
    Pinned {
        /// The number of the message.
        target: Seq,
    },
    /// A message need not be kept in view any longer.
    Unpinned {
        /// The number of the message.
        target: Seq,
    },
    /// A member was put out, and may come back.
    Kicked {
        /// Who is no longer in.
        member: MemberId,
        /// Why, possibly empty.
        reason: String,
    },
    /// An identity was barred, and put out if it was in.
    Banned {
        /// Who is barred.
        identity: IdentityHash,
        /// Their number, if they ever had one. Whoever is in is put out.
        member: Option<MemberId>,
        /// Their last nick, empty if none is known.
        nick: String,
        /// Why, possibly empty.
        reason: String,
        /// Until when; `None` is until it is lifted.
        until: Option<UnixTime>,
    },
    /// An identity may come in again.
    Unbanned {
        /// Who was barred.
        identity: IdentityHash,
        /// Their number, if they ever had one.
        member: Option<MemberId>,
        /// Whether its time was over, and nobody did it.
        expired: bool,
    },
    /// An identity may not speak, in the group or once it comes back.
    Muted {
        /// Who may not.
        identity: IdentityHash,
        /// Their number.
        member: Option<MemberId>,
        /// Their nick at that moment.
        nick: String,
        /// Why, possibly empty.
        reason: String,
        /// Until when; `None` is until it is lifted.
        until: Option<UnixTime>,
    },
    /// An identity may speak again.
    Unmuted {
        /// Who could not.
        identity: IdentityHash,
        /// Their number.
        member: Option<MemberId>,
        /// Whether its time was over, and nobody did it.
        expired: bool,
    },
    /// A member took another nick.
    Renamed {
        /// Whose.
        member: MemberId,
        /// The new one, unique at that moment.
        nick: String,
    },
    /// A member got another role.
    RoleAssigned {
        /// Who.
        member: MemberId,
        /// Which.
        role: Role,
    },
    /// A member may do other things than their role may. What was said of them before no longer holds.
    PermissionsChanged {
        /// Who.
        member: MemberId,
        /// What they may do beside that.
        granted: Permissions,
        /// What they may not do of that.
        revoked: Permissions,
    },
    /// The group made a role, or changed one.
    RoleDefined {
        /// Its number.
        number: u8,
        /// What it is from now on.
        role: CustomRole,
    },
    /// The group gave a role up.
    RoleDeleted {
        /// Its number, which may be given again.
        number: u8,
        /// What those who had it are from now on.
        fallback: Role,
    },
    /// A member chose something for themselves.
    PreferenceChanged {
        /// Who.
        member: MemberId,
        /// What.
        preference: Preference,
    },
    /// Something was set otherwise than before.
    SettingChanged(Setting),
    /// A message of the actor waits for somebody who may let it through.
    Held {
        /// Under which number it waits.
        number: PendingId,
        /// The message. Its text is empty when it is read back after it was decided about.
        post: Box<Post>,
        /// Why.
        why: HeldBecause,
    },
    /// The actor told the staff of a message or of a member.
    Reported {
        /// The message.
        post: Option<Seq>,
        /// The member, or who wrote the message.
        member: Option<MemberId>,
        /// Why, possibly empty.
        reason: String,
    },
    /// Several messages were withdrawn at once; the events that follow say which.
    CleanedUp {
        /// Whose, if one author's were meant.
        author: Option<MemberId>,
        /// How many.
        deleted: u32,
        /// Why, possibly empty.
        reason: String,
        /// Whether the group keeps them no longer, and nobody did it.
        expired: bool,
    },
    /// The group is no more: members are told, then all of it is erased. Always the last event.
    Dissolved,
    /// What waited was let through; what that led to is the next event.
    Approved {
        /// Under which number it waited.
        number: PendingId,
    },
    /// What waited was refused; the text of a message is erased.
    Rejected {
        /// Under which number it waited.
        number: PendingId,
        /// Why, possibly empty.
        reason: String,
    },
}

/// Gives each kind its name: `Kind: "name"`.
macro_rules! names {
    ($( $kind:ident: $name:literal ),+ $(,)?) => {
        impl EventKind {
            /// What the kinds are called, each once.
            pub const NAMES: &'static [&'static str] = &[$( $name ),+];

            /// What its kind is called.
            pub fn name(&self) -> &'static str {
                match self { $( Self::$kind { .. } => $name ),+ }
            }
        }
    };
}

names! {
    Created: "created",
    ClaimIssued: "claim-issued",
    OwnerClaimed: "owner-claimed",
    Joined: "joined",
    JoinRequested: "join-requested",
    Invited: "invited",
    InvitationTold: "invitation-told",
    Uninvited: "uninvited",
    CodeIssued: "code-issued",
    CodeRevoked: "code-revoked",
    Left: "left",
    Posted: "posted",
    Deleted: "deleted",
    Edited: "edited",
    Reacted: "reacted",
    Unreacted: "unreacted",
    Pinned: "pinned",
    Unpinned: "unpinned",
    Kicked: "kicked",
    Banned: "banned",
    Unbanned: "unbanned",
    Muted: "muted",
    Unmuted: "unmuted",
    Renamed: "renamed",
    RoleAssigned: "role-assigned",
    PermissionsChanged: "permissions-changed",
    RoleDefined: "role-defined",
    RoleDeleted: "role-deleted",
    PreferenceChanged: "preference-changed",
    SettingChanged: "setting-changed",
    Held: "held",
    Reported: "reported",
    CleanedUp: "cleaned-up",
    Approved: "approved",
    Rejected: "rejected",
    Dissolved: "dissolved",
}

impl EventKind {
    /// Whether it may change when something ends by itself.
    pub fn changes_restrictions(&self) -> bool {
        matches!(
            self,
            Self::Banned { .. }
                | Self::Unbanned { .. }
                | Self::Muted { .. }
                | Self::Unmuted { .. }
                | Self::Joined { .. }
                | Self::SettingChanged(Setting::IdleDays(_))
        )
    }

    /// Whether other members may get what is posted than before.
    pub fn changes_roles(&self) -> bool {
        matches!(
            self,
            Self::RoleAssigned { .. }
                | Self::RoleDefined { .. }
                | Self::RoleDeleted { .. }
                | Self::PreferenceChanged { preference: Preference::Push(_), .. }
        )
    }

    /// Whether members find it in the history. The others are secrets, or between one person and the staff.
    pub fn is_history(&self) -> bool {
        match self {
            Self::SettingChanged(setting) => setting.key().is_history(),
            Self::OwnerClaimed { .. }
            | Self::Joined { .. }
            | Self::Left { .. }
            | Self::Posted(_)
            | Self::Deleted { .. }
            | Self::Edited { .. }
            | Self::Reacted { .. }
            | Self::Unreacted { .. }
            | Self::Pinned { .. }
            | Self::Unpinned { .. }
            | Self::Kicked { .. }
            | Self::Banned { .. }
            | Self::Unbanned { .. }
            | Self::Muted { .. }
            | Self::Unmuted { .. }
            | Self::Renamed { .. }
            | Self::RoleAssigned { .. }
            | Self::PermissionsChanged { .. }
            | Self::RoleDefined { .. }
            | Self::RoleDeleted { .. }
            | Self::Dissolved
            | Self::CleanedUp { .. } => true,
            Self::Created { .. }
            | Self::ClaimIssued { .. }
            | Self::JoinRequested { .. }
            | Self::Invited { .. }
            | Self::InvitationTold { .. }
            | Self::Uninvited { .. }
            | Self::CodeIssued { .. }
            | Self::CodeRevoked { .. }
            | Self::PreferenceChanged { .. }
            | Self::Held { .. }
            | Self::Reported { .. }
            | Self::Approved { .. }
            | Self::Rejected { .. } => false,
        }
    }

    /// Whether it tells what became of members or of the group, and of no message.
    pub fn is_system(&self) -> bool {
        self.is_history() && self.target().is_none() && !matches!(self, Self::Posted(_))
    }

    /// The message of which it tells what became.
    pub fn target(&self) -> Option<Seq> {
        match self {
            Self::Deleted { target, .. }
            | Self::Edited { target, .. }
            | Self::Reacted { target, .. }
            | Self::Unreacted { target, .. }
            | Self::Pinned { target }
            | Self::Unpinned { target } => Some(*target),
            _ => None,
        }
    }

    /// The member of whom it tells what became of them, where that is not who did it.
    pub fn subject(&self) -> Option<MemberId> {
        match self {
            Self::OwnerClaimed { member }
            | Self::Joined { member, .. }
            | Self::Left { member }
            | Self::Kicked { member, .. }
            | Self::Renamed { member, .. }
            | Self::RoleAssigned { member, .. }
            | Self::PermissionsChanged { member, .. } => Some(*member),
            Self::Banned { member, .. }
            | Self::Unbanned { member, .. }
            | Self::Muted { member, .. }
            | Self::Unmuted { member, .. } => *member,
            Self::CleanedUp { author, .. } => *author,
            _ => None,
        }
    }

    /// Whether whom it is about is told of it in private, which makes a line about themselves one too many.
    pub fn is_told_in_private(&self) -> bool {
        matches!(
            self,
            Self::RoleAssigned { .. }
                | Self::PermissionsChanged { .. }
                | Self::Muted { .. }
                | Self::Unmuted { .. }
        )
    }

    /// Bytes of text that it brings into a page.
    pub fn text_len(&self) -> usize {
        match self {
            Self::Posted(post) => post.text.len(),
            Self::Edited { text, .. } => text.len(),
            Self::SettingChanged(setting) => setting.text_len(),
            _ => 0,
        }
    }

    /// Which setting it changed, if it did.
    pub fn setting_key(&self) -> Option<Key> {
        if let Self::SettingChanged(setting) = self { Some(setting.key()) } else { None }
    }
}

/// Who learns the group's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody: it is announced.
    #[default]
    Public,
    /// Members only.
    Private,
}
