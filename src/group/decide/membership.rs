//! Going, being called something else, and owning the group.

use std::sync::Arc;

use reticulum::time::UnixTime;

use super::rate_limited;
use crate::group::claim::{ClaimCode, ClaimHash};
use crate::group::nick::{NICK_CHARS_MAX, clean_name, nick_key};
use crate::group::{Caller, Event, EventKind, Group, Member, MemberId, Notice, Outcome, Refusal, text};

impl Group {
    pub(super) fn leave(&mut self, now: UnixTime, caller: &Caller) -> Result<Outcome, Refusal> {
        let member = self.require_member(caller)?.id;
        self.require_not_last_owner(member)?;
        let language = self.language_of(caller);
        let left = self.record(now, Some(member), EventKind::Left { member });
        Ok(Outcome::happened(vec![left], text::left(language, &self.state.settings.name)))
    }

    pub(super) fn rename(&mut self, now: UnixTime, caller: &Caller, nick: &str) -> Result<Outcome, Refusal> {
        let member = self.require_member(caller)?;
        let nick = self.new_nick(member, nick)?;
        let (member, identity) = (member.id, member.identity.hash());
        self.changes.take(identity, now).map_err(rate_limited)?;
        let reply = text::renamed(self.language_of(caller), &nick);
        let renamed = self.record(now, Some(member), EventKind::Renamed { member, nick });
        Ok(Outcome::happened(vec![renamed], reply))
    }

    /// The nick that a member can have from now on, out of what was typed.
    pub(super) fn new_nick(&self, member: &Member, nick: &str) -> Result<String, Refusal> {
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
        Ok(nick)
    }

    pub(super) fn claim(&mut self, now: UnixTime, caller: &Caller, code: &str) -> Result<Outcome, Refusal> {
        let identity = self.require_identity(caller)?.hash();
        let hash = ClaimCode::parse(code).map(|code| code.hash());
        if hash.is_none() || hash != self.state.claim {
            return Err(Refusal::BadCode);
        }
        let mut events = Vec::with_capacity(2);
        let member = match self.member_by_identity(identity) {
            Some(member) => member.id,
            None => {
                let (joined, member) = self.admit_named(now, caller, None)?;
                events.push(joined);
                member
            }
        };
        events.push(self.record(now, Some(member), EventKind::OwnerClaimed { member }));
        Ok(Outcome::happened(events, text::claimed(self.language_of(caller), &self.state.settings.name)))
    }

    /// Nothing happens in the group after this. That the caller may, and means it, was found before.
    pub fn dissolve(&mut self, now: UnixTime, caller: &Caller) -> Event {
        let actor = self.member_of(caller).map(|member| member.id);
        self.record(now, actor, EventKind::Dissolved)
    }

    /// Word of that for members to whom nothing is pushed.
    pub fn farewell(&self, member: &Member, by: Option<MemberId>) -> Notice {
        let language = self.language_for(member.identity.hash());
        let operator = text::the_operator(language);
        let nick = by.and_then(|by| self.state.roster.by_id(by)).map_or(&operator, |by| &by.nick);
        Notice { to: Arc::clone(&member.identity), text: text::told_dissolved(language, nick) }
    }

    pub(super) fn issue_claim(&mut self, now: UnixTime, claim: ClaimHash) -> Result<Outcome, Refusal> {
        let event = self.record(now, None, EventKind::ClaimIssued { claim });
        Ok(Outcome { events: vec![event], ..Outcome::default() })
    }
}
