//! Coming in: who may, by what right, and what it costs.
//!
//! What costs least is asked first: a flood of strangers is refused by a look-up or two, and only somebody whom nothing
//! else keeps out has a stamp checked.

use std::sync::Arc;

use reticulum::crypto::PublicIdentity;
use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

use super::rate_limited;
use crate::group::entry::{Entry, InviteCode, JoinStamp, Pass};
use crate::group::nick::{NICK_CHARS_MAX, clean_name, unique_nick};
use crate::group::pending::{PENDING_JOINS_MAX, PendingId};
use crate::group::setting::{JoinPolicy, Kind};
use crate::group::{Caller, Event, EventKind, Group, MemberId, Notice, Outcome, Permission, Refusal, text};

impl Group {
    pub(super) fn join(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        nick: Option<String>,
        pass: &Pass,
    ) -> Result<Outcome, Refusal> {
        let person = self.require_identity(caller)?.hash();
        self.require_place(person)?;
        let entry = self.entry_of(now, person, pass)?;
        if entry == Entry::Asked {
            self.require_work(pass)?;
        }
        let wanted = wanted_name(caller, nick).ok_or(Refusal::NameNeeded)?;
        if entry == Entry::Asked && self.state.settings.join == JoinPolicy::Approval {
            return self.request_join(now, caller, &wanted);
        }
        let (joined, member) = self.admit(now, caller, &wanted, entry)?;
        let nick = self.state.roster.by_id(member).map_or("", |member| &member.nick);
        let reply =
            text::welcome(self.language_of(caller), &self.state.settings, nick, self.state.roster.len());
        Ok(Outcome::happened(vec![joined], reply))
    }

    /// Whether a stamp that somebody shows has to be looked at before they can be let in, which takes milliseconds of a
    /// thread. Refuses everybody who would be refused with the best of stamps.
    pub fn stamp_to_check(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        stamp: &JoinStamp,
    ) -> Result<bool, Refusal> {
        let person = self.require_identity(caller)?.hash();
        self.require_place(person)?;
        if self.entry_of(now, person, &Pass::None)? != Entry::Asked || self.state.settings.join_cost == 0 {
            return Ok(false);
        }
        if !stamp.is_fresh(now) {
            return Err(Refusal::StampStale);
        }
        self.stamp_checks.take(person, now).map_err(rate_limited)?;
        Ok(true)
    }

    /// What it costs to send this text where it asks to come in and nothing else keeps the sender out: the bits that the
    /// stamp of the message has to be worth. 0 for any other text.
    pub fn join_price_of(&mut self, now: UnixTime, caller: &Caller, text: &str) -> u32 {
        if !self.is_plain_join(text) {
            return 0;
        }
        let Ok(person) = self.require_identity(caller).map(|identity| identity.hash()) else { return 0 };
        let is_asked =
            self.require_place(person).is_ok() && self.entry_of(now, person, &Pass::None) == Ok(Entry::Asked);
        if is_asked { self.state.settings.join_cost } else { 0 }
    }

    /// Lets in whoever comes in by a right of their own: a founder, or who has the claim code. Without any name they are
    /// called by a piece of their hash.
    pub(in crate::group) fn admit_named(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        nick: Option<String>,
    ) -> Result<(Event, MemberId), Refusal> {
        let wanted = wanted_name(caller, nick).unwrap_or_default();
        self.admit(now, caller, &wanted, Entry::Asked)
    }

    /// Records the joining of the caller. Returns the event and the number that they have.
    fn admit(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        wanted: &str,
        entry: Entry,
    ) -> Result<(Event, MemberId), Refusal> {
        let identity = self.require_identity(caller)?.clone();
        let hash = identity.hash();
        self.require_place(hash)?;
        self.changes.take(hash, now).map_err(rate_limited)?;
        Ok(self.enter(now, identity, wanted, entry))
    }

    /// Records that somebody is in, by whatever right.
    pub(in crate::group) fn enter(
        &mut self,
        now: UnixTime,
        identity: Arc<PublicIdentity>,
        wanted: &str,
        entry: Entry,
    ) -> (Event, MemberId) {
        let hash = identity.hash();
        let nick = unique_nick(wanted, hash, |nick| self.state.roster.by_nick(nick).is_some());
        let member = self.state.former.member(hash).unwrap_or_else(|| self.state.last_member.next());
        (self.record(now, Some(member), EventKind::Joined { member, identity, nick, entry }), member)
    }

    /// Lets somebody wait for whoever may approve, and tells those.
    fn request_join(&mut self, now: UnixTime, caller: &Caller, wanted: &str) -> Result<Outcome, Refusal> {
        let identity = self.require_identity(caller)?.clone();
        if let Some(number) = self.state.pending.join_of(identity.hash()) {
            return Err(Refusal::Waiting { number });
        }
        let number = self.state.pending.room_for_join().ok_or(Refusal::Full { max: PENDING_JOINS_MAX })?;
        self.changes.take(identity.hash(), now).map_err(rate_limited)?;
        self.requests.take(IdentityHash::new([0; 16]), now).map_err(rate_limited)?;
        let nick = clean_name(wanted, NICK_CHARS_MAX);
        let notices = self.notices_to(Permission::Approve, |language| {
            text::join_requested(language, number, &nick, identity.hash())
        });
        let requested = self.record(now, None, EventKind::JoinRequested { number, identity, nick });
        let reply = text::join_waits(self.language_of(caller), number);
        Ok(Outcome { notices, ..Outcome::happened(vec![requested], reply) })
    }

    /// Lets somebody in who waited, and tells them.
    pub(super) fn approve_join(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        number: PendingId,
        identity: Arc<PublicIdentity>,
        wanted: &str,
    ) -> Result<Outcome, Refusal> {
        self.require_place(identity.hash())?;
        let approver = self.member_of(caller).map(|member| member.id);
        let approved = self.record(now, approver, EventKind::Approved { number });
        let (joined, member) = self.enter(now, Arc::clone(&identity), wanted, Entry::Approved);
        let nick = self.state.roster.by_id(member).map_or("", |member| &member.nick);
        let text = text::welcome(
            self.language_for(identity.hash()),
            &self.state.settings,
            nick,
            self.state.roster.len(),
        );
        let notices = vec![Notice { to: identity, text }];
        Ok(Outcome {
            notices,
            ..Outcome::happened(vec![approved, joined], text::approved(self.language_of(caller), number))
        })
    }

    /// Not in yet, and there is room.
    pub(super) fn require_place(&self, person: IdentityHash) -> Result<(), Refusal> {
        if self.member_by_identity(person).is_some() {
            return Err(Refusal::Already);
        }
        let max = self.state.settings.capacity as usize;
        if self.state.roster.len() >= max { Err(Refusal::Full { max }) } else { Ok(()) }
    }

    /// By what right somebody may come in.
    fn entry_of(&mut self, now: UnixTime, person: IdentityHash, pass: &Pass) -> Result<Entry, Refusal> {
        let policy = self.state.settings.join;
        if policy == JoinPolicy::Closed {
            return Err(Refusal::Closed);
        }
        if let Pass::Code(code) = pass {
            return self.entry_by_code(now, person, code);
        }
        // A conversation of two stays that of the two, also when one of them left.
        let is_of_pair =
            self.state.settings.kind == Kind::Direct && self.state.former.member(person).is_some();
        if is_of_pair || self.state.invitations.people.contains_key(&person) {
            return Ok(Entry::Invited);
        }
        if policy == JoinPolicy::Invitation { Err(Refusal::NotInvited) } else { Ok(Entry::Asked) }
    }

    /// Guesses are counted, right or wrong.
    fn entry_by_code(&mut self, now: UnixTime, person: IdentityHash, code: &str) -> Result<Entry, Refusal> {
        self.guesses.take(person, now).map_err(rate_limited)?;
        let hash = InviteCode::parse(code).ok_or(Refusal::BadCode)?.hash();
        let (number, issued) = self.state.invitations.code(hash).ok_or(Refusal::BadCode)?;
        if issued.expires.is_some_and(|expires| expires <= now) {
            return Err(Refusal::CodeExpired);
        }
        if issued.uses_left == 0 { Err(Refusal::CodeUsedUp) } else { Ok(Entry::Code(number)) }
    }

    fn require_work(&self, pass: &Pass) -> Result<(), Refusal> {
        let needed = self.state.settings.join_cost;
        match pass {
            _ if needed == 0 => Ok(()),
            Pass::Work { bits } if *bits >= needed => Ok(()),
            Pass::Work { bits } => Err(Refusal::StampWeak { needed, found: *bits }),
            Pass::None | Pass::Code(_) | Pass::Stamp(_) => Err(Refusal::WorkNeeded { bits: needed }),
        }
    }
}

/// The name that somebody wishes or, without a wish, announces; `None` if nothing of it could be shown.
fn wanted_name(caller: &Caller, nick: Option<String>) -> Option<String> {
    let announced = match caller {
        Caller::Identity { announced_name, .. } => announced_name.clone(),
        Caller::Operator | Caller::Unidentified => None,
    };
    nick.or(announced).filter(|name| !clean_name(name, NICK_CHARS_MAX).is_empty())
}
