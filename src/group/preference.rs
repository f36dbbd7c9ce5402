//! What each member chose for themselves: what is pushed to them, in which language they are answered, and whether
//! others see if they are there.

use super::event::EventKind;
use super::ids::MemberId;
use super::post::Audience;
use super::setting::BadValue;

/// What is pushed to a member. Everything stays in the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Push {
    /// Everything.
    #[default]
    All,
    /// Everything, but as a digest from time to time.
    Digest,
    /// What mentions them, answers them, or is addressed to them or to the staff that they belong to.
    Mentions,
    /// Nothing, until they choose otherwise.
    Nothing,
}

/// A language in which people are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its code in ISO 639-1.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }
}

/// Whether others see if a member is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visible {
    /// They do.
    #[default]
    Shown,
    /// They do not.
    Hidden,
}

/// Whether a member whose client knows no reactions is told of them in words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReactionText {
    /// They are: `Bob 👍 "first words…"`.
    #[default]
    Text,
    /// They are not.
    Nothing,
}

/// One choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preference {
    /// What is pushed.
    Push(Push),
    /// In which language; `None` is that of the group.
    Language(Option<Language>),
    /// Whether others see if they are there.
    Presence(Visible),
    /// Whether reactions are told in words.
    Reactions(ReactionText),
}

/// All choices of a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// What is pushed.
    pub push: Push,
    /// In which language; `None` is that of the group.
    pub language: Option<Language>,
    /// Whether others see if they are there.
    pub presence: Visible,
    /// Whether reactions are told in words.
    pub reactions: ReactionText,
}

impl Push {
    /// Whether an event is pushed to a member who may read it. `about` is who wrote the message that it answers or is about.
    pub fn wants(self, member: MemberId, event: &EventKind, about: Option<MemberId>) -> bool {
        match (self, event) {
            (Self::All | Self::Digest, _) | (_, EventKind::Dissolved) => true,
            (Self::Nothing, _) => false,
            (Self::Mentions, EventKind::Posted(post)) => {
                post.mentions.contains(&member)
                    || about == Some(member)
                    || post.audience != Audience::Everyone
            }
            (Self::Mentions, EventKind::Edited { mentions, .. }) => mentions.contains(&member),
            (Self::Mentions, EventKind::Reacted { .. }) => about == Some(member),
            (Self::Mentions, _) => false,
        }
    }
}

impl Preference {
    /// Every choice that there is.
    pub const ALL: [Self; 11] = [
        Self::Push(Push::All),
        Self::Push(Push::Digest),
        Self::Push(Push::Mentions),
        Self::Push(Push::Nothing),
        Self::Language(None),
        Self::Language(Some(Language::English)),
        Self::Language(Some(Language::German)),
        Self::Presence(Visible::Shown),
        Self::Presence(Visible::Hidden),
        Self::Reactions(ReactionText::Text),
        Self::Reactions(ReactionText::Nothing),
    ];

    /// What people, programs and the log call what is chosen. Names are for good.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Push(_) => "push",
            Self::Language(_) => "language",
            Self::Presence(_) => "presence",
            Self::Reactions(_) => "reactions",
        }
    }

    /// What they call the choice.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Push(Push::All) => "all",
            Self::Push(Push::Digest) => "digest",
            Self::Push(Push::Mentions) => "mentions",
            Self::Push(Push::Nothing) => "nothing",
            Self::Language(None) => "group",
            Self::Language(Some(language)) => language.code(),
            Self::Presence(Visible::Shown) => "shown",
            Self::Presence(Visible::Hidden) => "hidden",
            Self::Reactions(ReactionText::Text) => "text",
            Self::Reactions(ReactionText::Nothing) => "nothing",
        }
    }

    /// The choice of these names, in either case.
    pub fn named(key: &str, word: &str) -> Result<Self, BadValue> {
        let is_meant =
            |one: &Self| one.key().eq_ignore_ascii_case(key) && one.word().eq_ignore_ascii_case(word);
        Self::ALL.into_iter().find(is_meant).ok_or(BadValue)
    }
}

impl Preferences {
    /// Takes over one choice.
    pub fn apply(&mut self, preference: Preference) {
        match preference {
            Preference::Push(push) => self.push = push,
            Preference::Language(language) => self.language = language,
            Preference::Presence(presence) => self.presence = presence,
            Preference::Reactions(reactions) => self.reactions = reactions,
        }
    }

    /// All of them, one by one.
    pub fn iter(self) -> impl Iterator<Item = Preference> {
        let Self { push, language, presence, reactions } = self;
        [
            Preference::Push(push),
            Preference::Language(language),
            Preference::Presence(presence),
            Preference::Reactions(reactions),
        ]
        .into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{Post, Reaction, Seq};

    #[test]
    fn who_wants_mentions_gets_what_concerns_them_and_nothing_else() {
        let (me, other) = (MemberId(3), MemberId(4));
        let post = |mentions: &[MemberId], audience| {
            EventKind::Posted(Post { mentions: mentions.to_vec(), audience, ..Post::default() })
        };
        let staff = Audience::staff();
        let edited = |mentions: &[MemberId]| EventKind::Edited {
            target: Seq(1),
            text: String::new(),
            mentions: mentions.to_vec(),
        };
        let reaction = Reaction::parse("+").unwrap();
        let reacted = EventKind::Reacted { target: Seq(1), reaction };
        // what, whom it answers or is about, whether it is wanted
        let rows = [
            (post(&[], Audience::Everyone), None, false),
            (post(&[other], Audience::Everyone), Some(other), false),
            (post(&[other, me], Audience::Everyone), None, true),
            (post(&[], Audience::Everyone), Some(me), true),
            (post(&[], staff), None, true),
            (edited(&[other]), Some(me), false),
            (edited(&[me]), Some(other), true),
            (reacted.clone(), Some(me), true),
            (reacted, Some(other), false),
            (EventKind::Left { member: other }, None, false),
        ];
        for (event, about, expected) in rows {
            assert_eq!(Push::Mentions.wants(me, &event, about), expected, "{event:?} {about:?}");
            assert!(Push::All.wants(me, &event, about) && !Push::Nothing.wants(me, &event, about));
        }
    }

    #[test]
    fn every_choice_is_read_back_by_its_names_and_holds_alone() {
        for one in Preference::ALL {
            assert_eq!(Preference::named(&one.key().to_uppercase(), one.word()), Ok(one));
            let mut all = Preferences::default();
            all.apply(one);
            assert!(all.iter().any(|other| other == one));
            assert!(
                all.iter()
                    .filter(|other| other.key() != one.key())
                    .all(|other| { Preferences::default().iter().any(|usual| usual == other) })
            );
        }
        assert_eq!(Preference::named("push", "de"), Err(BadValue));
    }
}
