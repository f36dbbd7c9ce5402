//! The decisions: may this caller do this now, and what happens if so.

use std::sync::Arc;
use std::time::Duration;

use reticulum::crypto::PublicIdentity;
use reticulum::time::UnixTime;

use super::claim::{ClaimCode, ClaimHash};
use super::event::{Authorship, Event, EventKind, Post};
use super::ids::{MemberId, MessageId, Seq};
use super::nick::{NICK_CHARS_MAX, clean_line, clean_name, nick_key, unique_nick};
use super::refusal::Refusal;
use super::role::Permission;
use super::who::{Who, find_banned, find_identity, find_member};
use super::{Caller, Group, text};

/// Longest name of a group, in characters; longer ones are cut.
pub const GROUP_NAME_CHARS_MAX: usize = 64;
/// Longest reason of a kick or a ban, in characters; longer ones are cut.
pub const REASON_CHARS_MAX: usize = 120;
/// Identities that can be barred at a time; then an old ban has to be lifted first.
const BANS_MAX: usize = 16_384;

/// Something that a caller wants to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Come in.
    Join {
        /// The wanted nick; without one, the announced name serves.
        nick: Option<String>,
    },
    /// Go.
    Leave,
    /// Post a message.
    Post {
        /// What it says.
        text: String,
        /// The id of the message that brings it, or one made of the client's own id.
        message_id: Option<MessageId>,
        /// The author's own signature, where it is to be kept.
        authorship: Option<Box<Authorship>>,
    },
    /// Withdraw a message.
    Delete {
        /// Its number.
        target: Seq,
        /// What the store knows of it. Posts that are still being committed need not be in it.
        stored: Option<StoredPost>,
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
}

/// A post as the store knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredPost {
    /// Who posted it.
    pub author: Option<MemberId>,
    /// Whether it was deleted since.
    pub deleted: bool,
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

    fn happened(events: Vec<Event>, reply: String) -> Self {
        Self { events, reply: Some(reply), notices: Vec::new() }
    }

    /// The number of the last event, which is what a caller wants to know of their action.
    pub fn seq(&self) -> Option<Seq> {
        self.events.last().map(|event| event.seq)
    }
}

impl Group {
    /// Does what the caller wants, or says why not. On `Ok` the events have taken effect and must be appended.
    pub fn decide(&mut self, now: UnixTime, caller: &Caller, action: Action) -> Result<Outcome, Refusal> {
        match action {
            Action::Join { nick } => self.join(now, caller, nick),
            Action::Leave => self.leave(now, caller),
            Action::Post { text, message_id, authorship } => {
                self.post(now, caller, Post { text, message_id, authorship })
            }
            Action::Delete { target, stored } => self.delete(now, caller, target, stored),
            Action::Kick { who, reason } => self.kick(now, caller, &who, &reason),
            Action::Ban { who, reason } => self.ban(now, caller, &who, &reason),
            Action::Unban { who } => self.unban(now, caller, &who),
            Action::Rename { nick } => self.rename(now, caller, &nick),
            Action::Claim { code } => self.claim(now, caller, &code),
            Action::IssueClaim { claim } => self.issue_claim(now, caller, claim),
        }
    }

    fn join(&mut self, now: UnixTime, caller: &Caller, nick: Option<String>) -> Result<Outcome, Refusal> {
        let (joined, member) = self.admit(now, caller, nick)?;
        let nick = self.state.roster.by_id(member).map_or("", |member| &member.nick);
        let reply = text::welcome(&self.state.name, nick, self.state.roster.len());
        Ok(Outcome::happened(vec![joined], reply))
    }

    /// Records the joining of the caller. Returns the event and the number that they have.
    fn admit(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        nick: Option<String>,
    ) -> Result<(Event, MemberId), Refusal> {
        let identity = self.require_identity(caller)?.clone();
        let hash = identity.hash();
        if self.member_by_identity(hash).is_some() {
            return Err(Refusal::Already);
        }
        if self.state.roster.len() >= self.limits.members_max {
            return Err(Refusal::Full { max: self.limits.members_max });
        }
        let announced = match caller {
            Caller::Identity { announced_name, .. } => announced_name.clone(),
            Caller::Operator | Caller::Unidentified => None,
        };
        let wanted = nick.or(announced).unwrap_or_default();
        self.changes.take(hash, now).map_err(rate_limited)?;
        let nick = unique_nick(&wanted, hash, |nick| self.state.roster.by_nick(nick).is_some());
        let member = self.state.former.member(hash).unwrap_or_else(|| self.state.last_member.next());
        Ok((self.record(now, Some(member), EventKind::Joined { member, identity, nick }), member))
    }

    fn leave(&mut self, now: UnixTime, caller: &Caller) -> Result<Outcome, Refusal> {
        let member = self.require_member(caller)?.id;
        let left = self.record(now, Some(member), EventKind::Left { member });
        Ok(Outcome::happened(vec![left], text::left(&self.state.name)))
    }

    fn post(&mut self, now: UnixTime, caller: &Caller, post: Post) -> Result<Outcome, Refusal> {
        self.authorize(caller, Permission::Post)?;
        let author = self.require_member(caller)?;
        let (author, identity) = (author.id, author.identity.hash());
        if post.text.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        let max = self.limits.post_chars_max;
        if post.text.len() > max && post.text.chars().count() > max {
            return Err(Refusal::TooLong { max });
        }
        self.posts.take(identity, now).map_err(rate_limited)?;
        let posted = self.record(now, Some(author), EventKind::Posted(post));
        // The proof of the message is all the answer that its author needs.
        Ok(Outcome { events: vec![posted], ..Outcome::default() })
    }

    fn delete(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        target: Seq,
        stored: Option<StoredPost>,
    ) -> Result<Outcome, Refusal> {
        self.authorize_read(caller)?;
        let recent = self.recent.post(target).map(|post| StoredPost { author: post.author, deleted: false });
        let post = stored.or(recent).ok_or(Refusal::NotFound)?;
        if post.deleted || self.recent.is_deleted(target) {
            return Err(Refusal::NotFound);
        }
        let actor = self.member_of(caller).map(|member| member.id);
        let own = actor.is_some() && actor == post.author;
        let allowed = own && self.authorize(caller, Permission::DeleteOwn).is_ok();
        if !allowed {
            self.authorize(caller, Permission::DeleteAny)?;
        }
        let deleted = self.record(now, actor, EventKind::Deleted { target });
        Ok(Outcome { events: vec![deleted], ..Outcome::default() })
    }

    fn kick(&mut self, now: UnixTime, caller: &Caller, who: &Who, reason: &str) -> Result<Outcome, Refusal> {
        self.authorize(caller, Permission::Kick)?;
        let target = find_member(&self.state.roster, who)?.clone();
        self.require_rank_above(caller, target.id)?;
        let reason = clean_line(reason, REASON_CHARS_MAX);
        let notice = text::you_were_kicked(&self.state.name, &reason);
        let reply = text::kicked(&target.nick);
        let actor = self.member_of(caller).map(|member| member.id);
        let kicked = self.record(now, actor, EventKind::Kicked { member: target.id, reason });
        let notices = vec![Notice { to: target.identity, text: notice }];
        Ok(Outcome { events: vec![kicked], reply: Some(reply), notices })
    }

    fn ban(&mut self, now: UnixTime, caller: &Caller, who: &Who, reason: &str) -> Result<Outcome, Refusal> {
        self.authorize(caller, Permission::Ban)?;
        let identity = find_identity(&self.state, who)?;
        if self.state.bans.contains_key(&identity) {
            return Err(Refusal::Already);
        }
        if self.state.bans.len() >= BANS_MAX {
            return Err(Refusal::Full { max: BANS_MAX });
        }
        let target = self.member_by_identity(identity).cloned();
        if let Some(target) = &target {
            self.require_rank_above(caller, target.id)?;
        }
        let reason = clean_line(reason, REASON_CHARS_MAX);
        let notice = text::you_were_banned(&self.state.name, &reason);
        let nick = target.as_ref().map(|target| target.nick.clone()).unwrap_or_default();
        let reply = text::banned(&nick, identity);
        let member = target.as_ref().map(|target| target.id).or_else(|| self.state.former.member(identity));
        let actor = self.member_of(caller).map(|member| member.id);
        let banned = self.record(now, actor, EventKind::Banned { identity, member, nick, reason });
        let notices = target.map(|target| Notice { to: target.identity, text: notice });
        Ok(Outcome { events: vec![banned], reply: Some(reply), notices: notices.into_iter().collect() })
    }

    fn unban(&mut self, now: UnixTime, caller: &Caller, who: &Who) -> Result<Outcome, Refusal> {
        self.authorize(caller, Permission::Ban)?;
        let identity = find_banned(&self.state, who)?;
        let nick = self.state.bans.get(&identity).map(|ban| ban.nick.clone()).unwrap_or_default();
        let actor = self.member_of(caller).map(|member| member.id);
        let unbanned = self.record(now, actor, EventKind::Unbanned { identity });
        Ok(Outcome::happened(vec![unbanned], text::unbanned(&nick, identity)))
    }

    fn rename(&mut self, now: UnixTime, caller: &Caller, nick: &str) -> Result<Outcome, Refusal> {
        let member = self.require_member(caller)?;
        let nick = clean_name(nick, NICK_CHARS_MAX);
        if nick.is_empty() {
            return Err(Refusal::Empty);
        }
        if nick == member.nick {
            return Err(Refusal::Already);
        }
        if nick_key(&nick) != nick_key(&member.nick) && self.state.roster.by_nick(&nick).is_some() {
            return Err(Refusal::NickTaken);
        }
        let (member, identity) = (member.id, member.identity.hash());
        self.changes.take(identity, now).map_err(rate_limited)?;
        let reply = text::renamed(&nick);
        let renamed = self.record(now, Some(member), EventKind::Renamed { member, nick });
        Ok(Outcome::happened(vec![renamed], reply))
    }

    fn claim(&mut self, now: UnixTime, caller: &Caller, code: &str) -> Result<Outcome, Refusal> {
        let identity = self.require_identity(caller)?.hash();
        let hash = ClaimCode::parse(code).map(|code| code.hash());
        if hash.is_none() || hash != self.state.claim {
            return Err(Refusal::BadCode);
        }
        let mut events = Vec::with_capacity(2);
        let member = match self.member_by_identity(identity) {
            Some(member) => member.id,
            None => {
                let (joined, member) = self.admit(now, caller, None)?;
                events.push(joined);
                member
            }
        };
        events.push(self.record(now, Some(member), EventKind::OwnerClaimed { member }));
        Ok(Outcome::happened(events, text::claimed(&self.state.name)))
    }

    fn issue_claim(&mut self, now: UnixTime, caller: &Caller, claim: ClaimHash) -> Result<Outcome, Refusal> {
        match caller {
            Caller::Operator => {
                let event = self.record(now, None, EventKind::ClaimIssued { claim });
                Ok(Outcome { events: vec![event], ..Outcome::default() })
            }
            _ => Err(Refusal::NoPermission),
        }
    }

    /// Nobody acts upon somebody of their own rank or above; the operator stands above all.
    fn require_rank_above(&self, caller: &Caller, target: MemberId) -> Result<(), Refusal> {
        if matches!(caller, Caller::Operator) {
            return Ok(());
        }
        let rank = self.require_member(caller)?.role;
        match self.state.roster.by_id(target) {
            Some(target) if target.role >= rank => Err(Refusal::NoPermission),
            _ => Ok(()),
        }
    }
}

fn rate_limited(wait: Duration) -> Refusal {
    Refusal::RateLimited {
        retry_after_s: u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX),
    }
}
