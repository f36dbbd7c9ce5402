//! What a group is, as pure logic: callers and actions in; events, replies and refusals out.
//!
//! [`Group`] decides. A decision takes effect in memory at once and comes back as [`Event`]s, which the caller appends
//! to the store in order; whatever may leave the node because of them waits for their commit. The state of a group is
//! the fold of its events ([`State::replay`]), so a restart needs the store's projections only.
//!
//! Beside it stand two pieces that the event loop drives: [`Dedup`], which recognises copies of messages, and
//! [`Delivery`], which brings every post to every other member.
//!
//! This module knows nothing of the store, the request handlers, sockets or SQL. It reads no clock and draws no
//! randomness: both are arguments. Every table that a remote can fill has a bound beside its definition.

mod act_text;
mod action;
mod activity;
mod acts;
mod attachment;
mod claim;
mod command;
mod decide;
mod dedup;
pub mod delivery;
mod delivery_text;
mod door;
mod entry;
mod entry_command;
mod event;
mod filter;
mod fold;
mod former;
mod founding;
mod help;
mod ids;
mod known;
mod member;
mod mention;
mod message_command;
mod nick;
mod pair;
mod pending;
mod post;
mod preference;
mod probe;
mod rate;
mod recent;
mod refusal;
mod role;
mod roles;
mod setting;
mod span;
mod state;
mod text;
mod told;
mod typing;
mod who;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use reticulum::crypto::{PublicIdentity, Rng};
use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

pub use action::{Action, Asks, Fetch, MemberUpdate, Need, Notice, Outcome, RoleRef, Speech};
pub use activity::{AWAY_FOR, ONLINE_FOR, Presence};
pub use acts::{ACTS_MAX, ActsRequest, Audited, CLEAN_UP_MAX, CleanUp, Reported};
pub use attachment::{
    ATTACHMENTS_MAX, Attachment, AttachmentHash, AttachmentKind, Data, Piece, PieceRequest,
    labels as attachment_labels,
};
pub use claim::{ClaimCode, ClaimHash};
pub use decide::REASON_CHARS_MAX;
pub use dedup::{CONTENTS_MAX, Content, DEDUP_WINDOW, Dedup};
pub use delivery::Delivery;
pub use door::Incoming;
pub use entry::{
    CODE_USES_MAX, CODES_MAX, CodeHash, Entry, INVITED_MAX, Invitation, Invitations, InviteCode, IssuedCode,
    JOIN_STAMP_LEN, JoinStamp, Pass, join_day, join_material,
};
pub use event::{Event, EventKind, Visibility};
pub use former::{FORMER_MEMBERS_MAX, Former};
pub use founding::{Founders, Founding, FoundingRules};
pub use ids::{GroupId, MemberId, MessageId, Seq};
pub use known::{
    EarlierText, Known, LISTED_MAX, ListRequest, Listed, Needs, Reading, ReadingRequest, StoredPost,
    TEXTS_MAX, UNREAD_MAX, Viewer,
};
pub use member::{Author, Member, POSTS_COUNTED_MAX, Roster};
pub use nick::{NICK_CHARS_MAX, clean_name};
pub use pair::{Pair, Party};
pub use pending::{
    HeldBecause, PENDING_BYTES_MAX, PENDING_EACH_MAX, PENDING_JOINS_MAX, PENDING_MAX, Pending, PendingId,
    PendingQueue, Waiting,
};
pub use post::{
    AUDIENCE_MAX, Audience, Authorship, Draft, MENTIONS_MAX, Post, PostKind, QUOTE_BYTES_MAX,
    REACTION_BYTES_MAX, REACTIONS_PER_MEMBER_MAX, REACTIONS_PER_POST_MAX, Reaction, Reference, Relation,
    quote,
};
pub use preference::{Language, Preference, Preferences, Push, ReactionText, Visible};
pub use probe::{COMMANDS_MAX, ClientCommand, Probe, Way};
pub use rate::{LIMITER_IDENTITIES_MAX, Limiter};
pub use recent::{RECENT_MAX, RecentPost};
pub use refusal::Refusal;
pub use role::{Permission, Permissions, Rank, Role};
pub use roles::{CUSTOM_ROLES_FIRST, CUSTOM_ROLES_MAX, CustomRole, ROLE_NAME_CHARS_MAX, Roles};
pub use setting::{
    BadValue, CAPACITY_MAX, GROUP_NAME_CHARS_MAX, Icon, JoinPolicy, Key, Kind, POST_CHARS_MAX, PUSH_KB_MAX,
    Setting, Settings, Shape, Unstamped, Value,
};
pub use span::{SPAN_MAX, parse as parse_span};
pub use state::{Restriction, Restrictions, State};
pub use text::{
    REPLY_BYTES_MAX, fetched as fetched_text, not_kept as not_kept_text, receipt as receipt_text,
    refusal as refusal_text, unstamped as unstamped_text,
};
pub use told::{is_told, post_line, quote_line, told_line};
pub use typing::TYPING_FOR;
pub use who::Who;

/// How often a stranger gets the answer that says how to join.
const STRANGER_ANSWER_PERIOD: Duration = Duration::from_secs(3_600);
/// How often one person may join or be renamed within an hour. Each is an event that the log keeps for ever.
const CHANGES_PER_HOUR: u32 = 30;
/// Invite codes that one person may try within an hour.
const CODE_GUESSES: u32 = 10;
/// Stamps of one person that are looked at within an hour.
const STAMP_CHECKS: u32 = 6;
/// Requests to come in that a group takes within an hour, of all people together: each is an event, and disturbs those
/// who approve.
const JOIN_REQUESTS: u32 = 256;
/// Other answers that a stranger gets within that time, such as "wrong code".
const STRANGER_REFUSALS: u32 = 6;

/// Who asks for something.
#[derive(Clone, Debug)]
pub enum Caller {
    /// The operator of this node, who may do anything that needs no identity.
    Operator,
    /// Somebody who proved to be this identity.
    Identity {
        /// Who.
        identity: Arc<PublicIdentity>,
        /// The name in their newest announce, from which a nick can be made.
        announced_name: Option<String>,
    },
    /// Somebody on a link who did not say who they are.
    Unidentified,
}

/// One group: its durable state, and what is only kept while the node runs.
#[derive(Debug)]
pub struct Group {
    state: State,
    /// For invite codes.
    rng: Rng,
    recent: recent::Recent,
    posts: Limiter,
    /// All members' posts together.
    all_posts: Limiter,
    filter: filter::Filter,
    changes: Limiter,
    guesses: Limiter,
    stamp_checks: Limiter,
    activity: activity::Activity,
    typing: typing::Typing,
    requests: Limiter,
    stranger_answers: Limiter,
    stranger_refusals: Limiter,
}

impl Group {
    /// A new group and the events that make it what `settings` say. Values out of bounds become the default.
    pub fn create(now: UnixTime, settings: &Settings, claim: Option<ClaimHash>) -> (Self, Vec<Event>) {
        let wanted: Vec<Setting> = settings.changed().filter_map(Setting::cleaned).collect();
        let mut initial = Settings::default();
        wanted.iter().for_each(|setting| initial.apply(setting));
        let mut group = Self::restore(State::default(), []);
        let (name, visibility) = (initial.name.clone(), initial.visibility);
        let mut events = vec![group.record(now, None, EventKind::Created { name, visibility, claim })];
        for setting in
            wanted.into_iter().filter(|setting| !matches!(setting.key(), Key::Name | Key::Visibility))
        {
            events.push(group.record(now, None, EventKind::SettingChanged(setting)));
        }
        (group, events)
    }

    /// A group as the store knows it, with its newest posts, oldest first.
    pub fn restore(state: State, recent: impl IntoIterator<Item = RecentPost>) -> Self {
        Self {
            recent: recent::Recent::restore(recent),
            posts: posts_limiter(state.settings.posts_per_minute),
            all_posts: posts_limiter(state.settings.group_posts_per_minute),
            filter: filter::Filter::new(&state.settings),
            changes: Limiter::new(CHANGES_PER_HOUR, Duration::from_secs(3_600)),
            guesses: Limiter::new(CODE_GUESSES, Duration::from_secs(3_600)),
            activity: activity::Activity::default(),
            typing: typing::Typing::default(),
            stamp_checks: Limiter::new(STAMP_CHECKS, Duration::from_secs(3_600)),
            requests: Limiter::new(JOIN_REQUESTS, Duration::from_secs(3_600)),
            rng: Rng::from_seed([0; 32]),
            stranger_answers: Limiter::new(1, STRANGER_ANSWER_PERIOD),
            stranger_refusals: Limiter::new(STRANGER_REFUSALS, STRANGER_ANSWER_PERIOD),
            state,
        }
    }

    /// The same group with randomness that nobody can foresee, without which invite codes could be.
    #[must_use]
    pub fn with_seed(self, seed: [u8; 32]) -> Self {
        Self { rng: Rng::from_seed(seed), ..self }
    }

    /// Takes in an event that was decided elsewhere.
    pub fn apply(&mut self, event: &Event) {
        self.state.apply(event);
        self.recent.note(event);
        if let EventKind::Left { member }
        | EventKind::Kicked { member, .. }
        | EventKind::Banned { member: Some(member), .. } = &event.kind
        {
            self.activity.forget(*member);
            self.typing.end(*member);
        }
        if let (EventKind::Posted(_) | EventKind::Held { .. }, Some(author)) = (&event.kind, event.actor) {
            self.typing.end(author);
        }
        let settings = &self.state.settings;
        match event.kind.setting_key() {
            Some(Key::PostsPerMinute) => self.posts = posts_limiter(settings.posts_per_minute),
            Some(Key::GroupPostsPerMinute) => self.all_posts = posts_limiter(settings.group_posts_per_minute),
            Some(Key::HoldWords | Key::HoldPatterns | Key::HoldLinks) => {
                self.filter = filter::Filter::new(settings);
            }
            _ => {}
        }
    }

    /// The durable state: name, members, bans, numbers.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What is set.
    pub fn settings(&self) -> &Settings {
        &self.state.settings
    }

    /// The membership of a caller.
    pub fn member_of(&self, caller: &Caller) -> Option<&Member> {
        match caller {
            Caller::Identity { identity, .. } => self.member_by_identity(identity.hash()),
            Caller::Operator | Caller::Unidentified => None,
        }
    }

    /// The member who is meant.
    pub fn member(&self, who: &Who) -> Result<&Member, Refusal> {
        who::find_member(&self.state.roster, who)
    }

    /// The member who is this identity.
    pub fn member_by_identity(&self, identity: IdentityHash) -> Option<&Member> {
        self.state.roster.by_identity(identity)
    }

    /// Whether the caller may read the history and the member list: members and the operator may.
    pub fn authorize_read(&self, caller: &Caller) -> Result<(), Refusal> {
        match caller {
            Caller::Operator => Ok(()),
            _ => self.require_member(caller).map(|_| ()),
        }
    }

    /// Whether the caller may do what needs `permission`. The operator may do everything.
    pub fn authorize(&self, caller: &Caller, permission: Permission) -> Result<(), Refusal> {
        match caller {
            Caller::Operator => Ok(()),
            _ if self.permissions_of(self.require_member(caller)?).contains(permission) => Ok(()),
            _ => Err(Refusal::NoPermission),
        }
    }

    /// The member who is meant.
    pub fn find(&self, who: &Who) -> Result<&Member, Refusal> {
        who::find_member(&self.state.roster, who)
    }

    /// What a member may do.
    pub fn permissions_of(&self, member: &Member) -> Permissions {
        self.state.permissions_of(member)
    }

    /// What decides what the caller may read.
    pub fn viewer(&self, caller: &Caller) -> Viewer {
        match caller {
            Caller::Operator => Viewer::OPERATOR,
            _ => self.member_of(caller).map(|member| self.viewer_of(member)).unwrap_or_default(),
        }
    }

    /// What decides what a member may read.
    pub fn viewer_of(&self, member: &Member) -> Viewer {
        let staff = self.permissions_of(member).contains(Permission::HearStaff);
        Viewer { member: Some(member.id), staff, all: false }
    }

    /// What a digest says.
    pub fn digest_text(&self, language: Language, begins: bool, count: usize, lines: &[String]) -> String {
        delivery_text::digest(language, begins, count, lines)
    }

    /// What somebody is told at the end of digests.
    pub fn no_digests_text(&self, language: Language) -> String {
        text::phrases::digest_ends(language)
    }

    /// What somebody is told of the delivery of a post.
    pub fn delivery_text(&self, language: Language, seq: Seq, tally: &delivery::Tally) -> String {
        delivery_text::delivery(language, seq, tally, &self.state.roster)
    }

    /// What somebody is told who asks what they were not sent.
    pub fn missed_text(&self, language: Language, now: UnixTime, found: &[Listed]) -> String {
        delivery_text::missed(language, now, found)
    }

    /// What somebody is told who had the group announced, or why it was not.
    pub fn announced_text(&self, language: Language) -> String {
        match self.state.settings.announced {
            true => text::announced(language),
            false => text::not_announced(language),
        }
    }

    /// What the staff is told of the way to a member.
    pub fn path_text(&self, language: Language, member: MemberId, way: &Way) -> String {
        let nick = self.state.roster.by_id(member).map_or("", |member| &member.nick);
        match way.hops {
            Some(hops) => text::path(language, nick, hops, &way.interface),
            None => text::no_path(language, nick),
        }
    }

    /// The post that this message became, if that was lately: a repeated request is answered as the first one was.
    pub fn posted_as(&self, id: &MessageId) -> Option<&RecentPost> {
        self.recent.post_with_id(id)
    }

    /// Gives what happened its number and time, and lets it take effect.
    fn record(&mut self, now: UnixTime, actor: Option<MemberId>, kind: EventKind) -> Event {
        let time = now.max(self.state.head_time + Duration::from_micros(1));
        let event = Event { seq: self.state.head.next(), time, actor, kind };
        self.apply(&event);
        event
    }

    /// Counts that a person comes in or is renamed.
    fn take_change(&mut self, now: UnixTime, person: IdentityHash) -> Result<(), Refusal> {
        self.changes.take(person, now).map_err(decide::rate_limited)
    }

    /// In which language somebody is answered: their own choice or, without one, the group's.
    pub fn language_for(&self, person: IdentityHash) -> Language {
        let chosen = self.member_by_identity(person).and_then(|member| member.preferences.language);
        chosen.unwrap_or(self.state.settings.language)
    }

    /// In which language the caller is answered.
    pub fn language_of(&self, caller: &Caller) -> Language {
        match caller {
            Caller::Identity { identity, .. } => self.language_for(identity.hash()),
            Caller::Operator | Caller::Unidentified => self.state.settings.language,
        }
    }

    fn require_identity<'a>(&self, caller: &'a Caller) -> Result<&'a Arc<PublicIdentity>, Refusal> {
        let Caller::Identity { identity, .. } = caller else { return Err(Refusal::NotIdentified) };
        match self.state.bans.get(&identity.hash()) {
            Some(ban) => Err(Refusal::Banned { reason: ban.reason.clone() }),
            None => Ok(identity),
        }
    }

    fn require_member(&self, caller: &Caller) -> Result<&Member, Refusal> {
        let identity = self.require_identity(caller)?;
        self.member_by_identity(identity.hash()).ok_or(Refusal::NotMember)
    }
}

fn posts_limiter(posts_per_minute: u32) -> Limiter {
    Limiter::new(posts_per_minute, Duration::from_secs(60))
}
