//! Why something was not done. Each has a code on the API and a line of text for people ([`super::refusal_text`]).

use thiserror::Error;

use super::ids::MemberId;
use super::pending::PendingId;
use super::setting::Key;

/// Why an action or a query was refused. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The caller did not say who they are, and the action needs somebody.
    #[error("not identified")]
    NotIdentified,
    /// The caller is not a member.
    #[error("not a member")]
    NotMember,
    /// The caller is barred.
    #[error("banned")]
    Banned {
        /// What they were told when it happened.
        reason: String,
    },
    /// The caller's role does not allow it, or not towards somebody of that rank.
    #[error("no permission")]
    NoPermission,
    /// No such message, member or ban.
    #[error("not found")]
    NotFound,
    /// There is nothing to do: already a member, already banned, already called so.
    #[error("already so")]
    Already,
    /// A text is too long.
    #[error("longer than {max} characters")]
    TooLong {
        /// The bound, in characters.
        max: usize,
    },
    /// What is attached is too large.
    #[error("attachments are longer than {kb_max} kB")]
    AttachmentTooLarge {
        /// The bound for all attachments of a message together, in kB.
        kb_max: u32,
    },
    /// Too many pieces are attached.
    #[error("more than {max} attachments")]
    TooManyAttachments {
        /// How many a message takes.
        max: usize,
    },
    /// The group takes no attachments.
    #[error("no attachments are taken")]
    NoAttachments,
    /// What was attached is no longer kept.
    #[error("the attachment is no longer kept")]
    NotKept,
    /// A text or a name holds nothing that could be shown.
    #[error("empty")]
    Empty,
    /// Too many posts.
    #[error("rate limited for {retry_after_s} s")]
    RateLimited {
        /// When the next one passes, in seconds, rounded up.
        retry_after_s: u32,
    },
    /// Somebody else has that nick.
    #[error("nick taken")]
    NickTaken,
    /// Another group of this node has this name.
    #[error("a group of this node has this name already")]
    NameTaken,
    /// The group takes no more members, or no more bans.
    #[error("full")]
    Full {
        /// How many it takes.
        max: usize,
    },
    /// Not the claim code, or it was used.
    #[error("wrong code")]
    BadCode,
    /// The caller may not speak for a time, or until that is lifted.
    #[error("muted")]
    Muted {
        /// What they were told when it happened.
        reason: String,
        /// When they may speak again, in seconds; `None` is once it is lifted.
        retry_after_s: Option<u32>,
    },
    /// Only the staff speaks at present.
    #[error("read-only")]
    ReadOnly,
    /// The text would have to be looked at first, which only a new message can wait for.
    #[error("must wait")]
    MustWait,
    /// The last owner has to name another before they go or step down.
    #[error("the last owner")]
    LastOwner,
    /// The caller has asked to come in before, and waits still.
    #[error("waits as number {number}")]
    Waiting {
        /// Under which number.
        number: PendingId,
    },
    /// Nobody can come in.
    #[error("closed")]
    Closed,
    /// Only those who were invited can come in.
    #[error("not invited")]
    NotInvited,
    /// The invite code has expired.
    #[error("code expired")]
    CodeExpired,
    /// The invite code has let in as many as it could.
    #[error("code used up")]
    CodeUsedUp,
    /// Joining costs work, and none was shown.
    #[error("proof of work of {bits} bits needed")]
    WorkNeeded {
        /// How much.
        bits: u32,
    },
    /// The stamp is for another day.
    #[error("stale stamp")]
    StampStale,
    /// The stamp is worth too little, or for something else.
    #[error("stamp of {found} bits, {needed} are needed")]
    StampWeak {
        /// What it had to be worth.
        needed: u32,
        /// What it is worth.
        found: u32,
    },
    /// There is no name by which others could call the caller.
    #[error("a name is needed")]
    NameNeeded,
    /// A setting takes other values.
    #[error("{} takes {}", key.name(), key.shape())]
    BadValue {
        /// Which.
        key: Key,
    },
    /// Not in a conversation of this kind.
    #[error("not in this kind of group")]
    NotInThisKind,
    /// Not a reaction that is taken here.
    #[error("no such reaction")]
    BadReaction,
    /// Several members fit the name.
    #[error("ambiguous")]
    Ambiguous {
        /// The first of them: number and nick.
        choices: Vec<(MemberId, String)>,
    },
}
