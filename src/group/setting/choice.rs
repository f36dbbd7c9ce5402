//! Settings that are one word of several.

use crate::group::Language;
use crate::group::event::Visibility;

/// One word of several.
pub(super) trait Choice: Copy + 'static {
    /// All of them.
    const ALL: &'static [Self];
    /// How it is written.
    fn word(self) -> &'static str;
}

/// What kind of conversation a group is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Everybody posts.
    #[default]
    Group,
    /// Those with a role that says so post; the rest read.
    Channel,
    /// Exactly two people. Chosen when the group is created, and for good.
    Direct,
}

/// How one becomes a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JoinPolicy {
    /// Whoever asks and is not banned.
    #[default]
    Open,
    /// Whoever asks, once somebody who may approve has said yes.
    Approval,
    /// Whoever was invited, by name or with a code.
    Invitation,
    /// Nobody.
    Closed,
}

/// What becomes of messages without the proof of work that the group asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unstamped {
    /// They wait until their sender sends one with a stamp. Members only; those of strangers are refused.
    #[default]
    Hold,
    /// They are not taken.
    Refuse,
    /// They are taken like any other: a stamp is only asked for.
    Accept,
}

impl Choice for Unstamped {
    const ALL: &'static [Self] = &[Self::Hold, Self::Refuse, Self::Accept];

    fn word(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Refuse => "refuse",
            Self::Accept => "accept",
        }
    }
}

impl Choice for Language {
    const ALL: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.code()
    }
}

impl Choice for Kind {
    const ALL: &'static [Self] = &[Self::Group, Self::Channel, Self::Direct];

    fn word(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Channel => "channel",
            Self::Direct => "direct",
        }
    }
}

impl Choice for JoinPolicy {
    const ALL: &'static [Self] = &[Self::Open, Self::Approval, Self::Invitation, Self::Closed];

    fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approval => "approval",
            Self::Invitation => "invitation",
            Self::Closed => "closed",
        }
    }
}

impl Choice for Visibility {
    const ALL: &'static [Self] = &[Self::Public, Self::Private];

    fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}
