//! Coming, going, being called something else, and owning the group.

use reticulum::time::UnixTime;

use super::rate_limited;
use crate::group::claim::{ClaimCode, ClaimHash};
use crate::group::nick::{NICK_CHARS_MAX, clean_name, nick_key, unique_nick};
use crate::group::{Caller, Event, EventKind, Group, MemberId, Outcome, Refusal, text};

impl Group {
    pub(super) fn join(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        nick: Option<String>,
    ) -> Result<Outcome, Refusal> {
        let (joined, member) = self.admit(now, caller, nick)?;
        let nick = self.state.roster.by_id(member).map_or("", |member| &member.nick);
        let reply = text::welcome(&self.state.settings.name, nick, self.state.roster.len());
        Ok(Outcome::happened(vec![joined], reply))
    }

    /// Records the joining of the caller. Returns the event and the number that they have.
    pub(in crate::group) fn admit(
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
        let capacity = self.state.settings.capacity as usize;
        if self.state.roster.len() >= capacity {
            return Err(Refusal::Full { max: capacity });
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

    pub(super) fn leave(&mut self, now: UnixTime, caller: &Caller) -> Result<Outcome, Refusal> {
        let member = self.require_member(caller)?.id;
        self.require_not_last_owner(member)?;
        let left = self.record(now, Some(member), EventKind::Left { member });
        Ok(Outcome::happened(vec![left], text::left(&self.state.settings.name)))
    }

    pub(super) fn rename(&mut self, now: UnixTime, caller: &Caller, nick: &str) -> Result<Outcome, Refusal> {
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
                let (joined, member) = self.admit(now, caller, None)?;
                events.push(joined);
                member
            }
        };
        events.push(self.record(now, Some(member), EventKind::OwnerClaimed { member }));
        Ok(Outcome::happened(events, text::claimed(&self.state.settings.name)))
    }

    pub(super) fn issue_claim(&mut self, now: UnixTime, claim: ClaimHash) -> Result<Outcome, Refusal> {
        let event = self.record(now, None, EventKind::ClaimIssued { claim });
        Ok(Outcome { events: vec![event], ..Outcome::default() })
    }
}
