//! What can be set in a group: every setting with its name, type, bounds, default, and who may change it.
//!
//! A new setting is one line of [`settings!`]; everything follows from it: the field of [`Settings`] that decisions read,
//! the typed [`Setting`] of the event, its row in the store, its place in `/api/v1/settings` and in `/set`.

mod choice;
mod icon;
mod value;

pub use choice::{JoinPolicy, Kind, Unstamped};
pub use icon::Icon;
pub use value::{BadValue, Shape, Value};

use super::event::Visibility;
use super::member::POSTS_COUNTED_MAX;
use super::preference::Language;
use super::role::Permission;
use value::Typed;

/// Longest name of a group, in characters.
pub const GROUP_NAME_CHARS_MAX: usize = 64;
/// Members that a group can be set to take.
pub const CAPACITY_MAX: u32 = 16_384;
/// Longest message that can be allowed, in characters.
pub const POST_CHARS_MAX: u32 = 200_000;
/// Attachments of one message that can be allowed, in kB.
const ATTACHMENT_KB_MAX: u32 = 16_000;
/// Attachments that can be sent to everybody with a message, in kB.
pub const PUSH_KB_MAX: u32 = 64;
/// The most bits of work that can be asked for: a stamp of 24 takes a phone most of an hour.
const COST_MAX: u32 = 24;

/// Declares the settings: `field: Variant(Type) = default, "key", shape, permission;`. Keys are for good: logs hold them.
macro_rules! settings {
    ($(
        $(#[doc = $doc:literal])+
        $field:ident: $variant:ident($type:ty) = $default:expr, $key:literal, $shape:expr, $permission:ident;
    )+) => {
        /// Names a setting.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Key {
            $( $(#[doc = $doc])+ $variant, )+
        }

        /// A setting with its value.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Setting {
            $( $(#[doc = $doc])+ $variant($type), )+
        }

        /// All settings of a group.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Settings {
            $( $(#[doc = $doc])+ pub $field: $type, )+
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $( $field: $default, )+ }
            }
        }

        impl Key {
            /// All of them, in the order in which they are listed.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// What people, programs and the log call it.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $key, )+ }
            }

            /// What values it takes.
            pub const fn shape(self) -> Shape {
                match self { $( Self::$variant => $shape, )+ }
            }

            /// Who may change it.
            pub const fn permission(self) -> Permission {
                match self { $( Self::$variant => Permission::$permission, )+ }
            }

            fn typed(self, value: Value) -> Result<Setting, BadValue> {
                Ok(match self { $( Self::$variant => Setting::$variant(Typed::from_value(value)?), )+ })
            }
        }

        impl Setting {
            /// Its name.
            pub const fn key(&self) -> Key {
                match self { $( Self::$variant(_) => Key::$variant, )+ }
            }

            /// Its value.
            pub fn value(&self) -> Value {
                match self { $( Self::$variant(value) => Typed::to_value(value), )+ }
            }
        }

        impl Settings {
            /// Takes over one setting.
            pub fn apply(&mut self, setting: &Setting) {
                match setting { $( Setting::$variant(value) => self.$field.clone_from(value), )+ }
            }

            /// One setting as it is.
            pub fn setting(&self, key: Key) -> Setting {
                match key { $( Key::$variant => Setting::$variant(self.$field.clone()), )+ }
            }
        }
    };
}

settings! {
    /// The group's name, which members see, and everybody where the group is public.
    name: Name(String) = "Meshgroup (group)".to_owned(), "name",
        Shape::Line { min: 1, max: GROUP_NAME_CHARS_MAX }, ChangeName;
    /// What kind of conversation it is.
    kind: Kind(Kind) = Kind::Group, "kind", Shape::Choice(&["group", "channel"]), ChangeSettings;
    /// Who learns the name, the description and who is in.
    visibility: Visibility(Visibility) = Visibility::Public, "visibility",
        Shape::Choice(&["public", "private"]), ChangeSettings;
    /// The name of a private group for strangers; empty is "Private Group".
    public_name: PublicName(String) = String::new(), "public-name",
        Shape::Line { min: 0, max: GROUP_NAME_CHARS_MAX }, ChangeName;
    /// Whether the group announces itself. Whoever knows its address finds it all the same.
    announced: Announced(bool) = true, "announced", Shape::Switch, ChangeSettings;
    /// What the group is about.
    description: Description(String) = String::new(), "description", Shape::Text { max: 500 }, ChangeName;
    /// What is talked about at present.
    topic: Topic(String) = String::new(), "topic", Shape::Line { min: 0, max: 160 }, ChangeName;
    /// What is asked of members.
    rules: Rules(String) = String::new(), "rules", Shape::Text { max: 2_000 }, ChangeName;
    /// What members are told of where their words go: who runs the node, what it keeps.
    disclosure: Disclosure(String) = String::new(), "disclosure", Shape::Text { max: 160 }, ChangeName;
    /// The group's picture, in clients that show one.
    icon: Icon(Icon) = Icon::default(), "icon", Shape::Icon, ChangeName;
    /// How one becomes a member.
    join: Join(JoinPolicy) = JoinPolicy::Open, "join",
        Shape::Choice(&["open", "approval", "invitation", "closed"]), ChangeSettings;
    /// Bits of proof of work that joining costs; 0 is none.
    join_cost: JoinCost(u32) = 0, "join-cost", Shape::Number { min: 0, max: COST_MAX }, ChangeSettings;
    /// Bits of proof of work that each LXMF message to the group costs; 0 is none.
    send_cost: SendCost(u32) = 0, "send-cost", Shape::Number { min: 0, max: COST_MAX }, ChangeSettings;
    /// What becomes of messages that cost something and come without a stamp.
    unstamped: Unstamped(Unstamped) = Unstamped::Hold, "unstamped",
        Shape::Choice(&["hold", "refuse", "accept"]), ChangeSettings;
    /// How many members the group takes.
    capacity: Capacity(u32) = CAPACITY_MAX, "capacity",
        Shape::Number { min: 1, max: CAPACITY_MAX }, ChangeSettings;
    /// Days after which a member who was not heard is removed; 0 is never.
    idle_days: IdleDays(u32) = 0, "idle-days", Shape::Number { min: 0, max: 3_650 }, ChangeSettings;
    /// Days for which the texts of messages are kept; 0 is for ever.
    keep_days: KeepDays(u32) = 0, "keep-days", Shape::Number { min: 0, max: 36_500 }, ChangeSettings;
    /// How many messages the texts are kept of, the newest; 0 is all.
    keep_messages: KeepMessages(u32) = 0, "keep-messages", Shape::Number { min: 0, max: 10_000_000 }, ChangeSettings;
    /// Messages that one member may post in a minute, some of them at once; 0 is no limit.
    posts_per_minute: PostsPerMinute(u32) = 60, "posts-per-minute",
        Shape::Number { min: 0, max: 6_000 }, ChangeSettings;
    /// Messages that all members together may post in a minute; 0 is no limit.
    group_posts_per_minute: GroupPostsPerMinute(u32) = 0, "group-posts-per-minute",
        Shape::Number { min: 0, max: 60_000 }, ChangeSettings;
    /// Seconds between two messages of one member; 0 is none. The staff is exempt.
    slow_mode_s: SlowMode(u32) = 0, "slow-mode", Shape::Number { min: 0, max: 86_400 }, Mute;
    /// Whether only the staff speaks.
    read_only: ReadOnly(bool) = false, "read-only", Shape::Switch, Mute;
    /// How many of the first messages of a newcomer wait for somebody who lets them through.
    hold_first: HoldFirst(u32) = 0, "hold-first",
        Shape::Number { min: 0, max: POSTS_COUNTED_MAX as u32 }, ChangeSettings;
    /// Whether messages with links wait.
    hold_links: HoldLinks(bool) = false, "hold-links", Shape::Switch, ChangeSettings;
    /// Words for which a message waits, with blanks between them; `*` at the end of one stands for any ending.
    hold_words: HoldWords(String) = String::new(), "hold-words", Shape::Text { max: 1_000 }, ChangeSettings;
    /// Regular expressions for which a message waits, one on each line.
    hold_patterns: HoldPatterns(String) = String::new(), "hold-patterns",
        Shape::Patterns { max: 1_000 }, ChangeSettings;
    /// The reactions that are taken, with blanks between them; empty is any.
    reactions: Reactions(String) = String::new(), "reactions", Shape::Line { min: 0, max: 400 }, ChangeSettings;
    /// Whether members are told of reactions in messages.
    tell_reactions: TellReactions(bool) = true, "tell-reactions", Shape::Switch, ChangeSettings;
    /// Whether members are told of edits in messages.
    tell_edits: TellEdits(bool) = true, "tell-edits", Shape::Switch, ChangeSettings;
    /// Whether members are told in messages who joined.
    tell_joined: TellJoined(bool) = false, "tell-joined", Shape::Switch, ChangeSettings;
    /// Whether members are told in messages who left.
    tell_left: TellLeft(bool) = false, "tell-left", Shape::Switch, ChangeSettings;
    /// Whether members are told in messages who has another nick.
    tell_renamed: TellRenamed(bool) = false, "tell-renamed", Shape::Switch, ChangeSettings;
    /// Whether members are told in messages who was removed or banned.
    tell_removed: TellRemoved(bool) = true, "tell-removed", Shape::Switch, ChangeSettings;
    /// Whether members are told in messages who was muted, and may post again.
    tell_muted: TellMuted(bool) = true, "tell-muted", Shape::Switch, ChangeSettings;
    /// Whether members are told in messages that somebody removed what others wrote.
    tell_deleted: TellDeleted(bool) = true, "tell-deleted", Shape::Switch, ChangeSettings;
    /// Whether members are told in messages who has another role, and who may do other things than it says.
    tell_roles: TellRoles(bool) = false, "tell-roles", Shape::Switch, ChangeSettings;
    /// Whether members are told in messages of another name, topic or description, other rules, and who may post now.
    tell_settings: TellSettings(bool) = true, "tell-settings", Shape::Switch, ChangeSettings;
    /// The longest text of a message that comes by request, where people type it, in characters; `message-length` bounds
    /// it too.
    typed_chars_max: TypedCharsMax(u32) = 4_000, "typed-length",
        Shape::Number { min: 1, max: POST_CHARS_MAX }, ChangeSettings;
    /// How large all attachments of a message may be together, in kB.
    attachment_kb_max: AttachmentKbMax(u32) = 512, "attachment-kb",
        Shape::Number { min: 0, max: ATTACHMENT_KB_MAX }, ChangeSettings;
    /// How large all attachments of the group may be together, in MB; the oldest bytes are erased first.
    attachments_mb_max: AttachmentsMbMax(u32) = 64, "attachments-mb",
        Shape::Number { min: 0, max: 65_536 }, ChangeSettings;
    /// Attachments of a message that are sent with it, to those who are fast to reach, up to so many kB together; larger
    /// ones are fetched by whoever wants them.
    push_kb_max: PushKbMax(u32) = 16, "push-kb", Shape::Number { min: 0, max: PUSH_KB_MAX }, ChangeSettings;
    /// The longest text of any message, in characters, also of LXMF messages, which carry whole documents.
    post_chars_max: PostCharsMax(u32) = 131_072, "message-length",
        Shape::Number { min: 1, max: POST_CHARS_MAX }, ChangeSettings;
    /// In which language people are answered who did not choose one.
    language: Language(Language) = Language::English, "language", Shape::Choice(&["en", "de"]), ChangeSettings;
}

impl Key {
    /// Whether strangers learn of it by the group's announces.
    pub const fn is_announced(self) -> bool {
        use Key::{Announced, Join, JoinCost, Name, PublicName, SendCost, Visibility};
        matches!(self, Name | PublicName | Visibility | Announced | Join | JoinCost | SendCost)
    }

    /// Whether members find a change of it in the history: what the group is, what is asked of its members, what
    /// becomes of their words, and who may speak or come in.
    pub const fn is_history(self) -> bool {
        use Key::{Description, Disclosure, Icon, Join, KeepDays, KeepMessages, Kind, Name};
        use Key::{ReadOnly, Rules, SlowMode, Topic, Visibility};
        matches!(
            self,
            Name | Kind
                | Visibility
                | Description
                | Topic
                | Rules
                | Disclosure
                | Icon
                | Join
                | KeepDays
                | KeepMessages
                | SlowMode
                | ReadOnly
        )
    }

    /// Whether members can be told of a change of it in messages: what they would want to know at once.
    pub const fn is_told(self) -> bool {
        use Key::{
            Description, Disclosure, KeepDays, KeepMessages, Kind, Name, ReadOnly, Rules, SlowMode, Topic,
        };
        matches!(
            self,
            Name | Kind
                | Description
                | Topic
                | Rules
                | Disclosure
                | KeepDays
                | KeepMessages
                | SlowMode
                | ReadOnly
        )
    }

    /// The setting of this name, in either case; `_` serves as `-`.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.to_lowercase().replace('_', "-");
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }
}

impl Setting {
    /// Bytes of its value where that is a text.
    pub fn text_len(&self) -> usize {
        if let Value::Text(text) = self.value() { text.len() } else { 0 }
    }

    /// A setting that somebody wants: the value is cleaned and has to keep the bounds.
    pub fn new(key: Key, value: Value) -> Result<Self, BadValue> {
        key.typed(key.shape().check(value)?)
    }

    /// The setting within its bounds, or nothing.
    pub fn cleaned(self) -> Option<Self> {
        Self::new(self.key(), self.value()).ok()
    }

    /// A setting as a person writes it.
    pub fn parse(key: Key, text: &str) -> Result<Self, BadValue> {
        Self::new(key, key.shape().read(text)?)
    }

    /// A setting as the log keeps it, whatever its bounds are today.
    pub fn stored(name: &str, text: &str) -> Option<Self> {
        let key = Key::ALL.iter().copied().find(|key| key.name() == name)?;
        let value = match key.shape() {
            Shape::Number { .. } | Shape::Switch => key.shape().read(text).ok()?,
            _ => Value::Text(text.to_owned()),
        };
        key.typed(value).ok()
    }
}

impl Settings {
    /// What differs from the defaults.
    pub fn changed(&self) -> impl Iterator<Item = Setting> + '_ {
        let usual = Self::default();
        Key::ALL.iter().map(|key| self.setting(*key)).filter(move |now| usual.setting(now.key()) != *now)
    }

    /// The name under which strangers know the group.
    pub fn stranger_name(&self) -> &str {
        match self.visibility {
            Visibility::Public => &self.name,
            Visibility::Private if self.public_name.is_empty() => PRIVATE_NAME,
            Visibility::Private => &self.public_name,
        }
    }
}

/// The name of a private group for strangers, where it has no other.
const PRIVATE_NAME: &str = "Private Group";

#[cfg(test)]
mod tests;
