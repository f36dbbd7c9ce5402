//! How somebody comes in: what they show for it, who was invited, and the codes that let others in.

mod code;
mod work;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

use super::ids::{MemberId, Seq};

pub use code::{CodeHash, InviteCode};
pub use work::{JOIN_STAMP_LEN, JoinStamp, join_day, join_material};

/// People who are invited at a time. At the bound nobody more is, until one comes in or is disinvited.
pub const INVITED_MAX: usize = 256;
/// Invite codes at a time. At the bound, those that let nobody in any more make room.
pub const CODES_MAX: usize = 64;
/// Most people that one code lets in.
pub const CODE_USES_MAX: u32 = 10_000;

/// What somebody shows to be let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pass {
    /// Nothing.
    #[default]
    None,
    /// An invite code, as it was typed.
    Code(String),
    /// Proof of work for this group and person, which was not looked at yet.
    Stamp(JoinStamp),
    /// Proof of work that was checked.
    Work {
        /// What it is worth, in bits.
        bits: u32,
    },
}

/// By what right somebody came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Entry {
    /// They asked, and that was enough.
    #[default]
    Asked,
    /// They asked, and somebody who may approve said yes.
    Approved,
    /// They were invited.
    Invited,
    /// With the invite code of this number.
    Code(Seq),
}

/// An invitation of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Who invites; `None` is the operator.
    pub by: Option<MemberId>,
    /// Since when.
    pub since: UnixTime,
    /// Whether the person knows.
    pub told: bool,
}

/// A code that lets people in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuedCode {
    /// What is kept of it.
    pub hash: CodeHash,
    /// Who issued it; `None` is the operator.
    pub by: Option<MemberId>,
    /// Until when it lets anybody in; `None` is for ever.
    pub expires: Option<UnixTime>,
    /// How many it still lets in.
    pub uses_left: u32,
}

/// Everybody who may come in without asking anybody. A code has the number of the event that issued it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invitations {
    /// Those who are invited by name.
    pub people: BTreeMap<IdentityHash, Invitation>,
    /// The codes.
    pub codes: BTreeMap<Seq, IssuedCode>,
}

impl IssuedCode {
    /// Whether it lets nobody in any more.
    pub fn is_spent(&self, now: UnixTime) -> bool {
        self.uses_left == 0 || self.expires.is_some_and(|expires| expires <= now)
    }
}

impl Invitations {
    /// Uses up what somebody came in with. Returns who invited them.
    pub fn take(&mut self, identity: IdentityHash, entry: Entry) -> Option<MemberId> {
        let invitation = self.people.remove(&identity);
        match entry {
            Entry::Code(number) => {
                let code = self.codes.get_mut(&number)?;
                code.uses_left = code.uses_left.saturating_sub(1);
                code.by
            }
            Entry::Invited => invitation?.by,
            Entry::Asked | Entry::Approved => None,
        }
    }

    /// The code with this hash.
    pub fn code(&self, hash: CodeHash) -> Option<(Seq, &IssuedCode)> {
        self.codes.iter().find(|(_, code)| code.hash == hash).map(|(number, code)| (*number, code))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("asked"),
            Self::Approved => f.write_str("approved"),
            Self::Invited => f.write_str("invited"),
            Self::Code(number) => write!(f, "code {number}"),
        }
    }
}

/// A text is no [`Entry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadEntry;

impl FromStr for Entry {
    type Err = BadEntry;

    fn from_str(text: &str) -> Result<Self, BadEntry> {
        match text {
            "asked" => Ok(Self::Asked),
            "approved" => Ok(Self::Approved),
            "invited" => Ok(Self::Invited),
            _ => {
                let number = text.strip_prefix("code ").and_then(|number| number.parse().ok());
                number.map(|number| Self::Code(Seq(number))).ok_or(BadEntry)
            }
        }
    }
}
