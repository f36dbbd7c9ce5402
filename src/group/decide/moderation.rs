//! Putting members out, barring identities, silencing members, and lifting that; by hand or when its time is over.

use std::time::Duration;

use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

use crate::group::nick::clean_line;
use crate::group::span::SPAN_MAX;
use crate::group::who::{find_barred, find_identity, find_member};
use crate::group::{
    Caller, Event, EventKind, Group, Member, MemberId, Notice, Outcome, Refusal, Restriction, Restrictions,
    Who, text,
};

/// Longest reason of a kick, a ban or a mute, in characters; longer ones are cut.
pub const REASON_CHARS_MAX: usize = 120;
/// Identities that can be barred, and that can be silenced, at a time; then an old one has to be lifted first.
const RESTRICTIONS_MAX: usize = 16_384;

impl Group {
    pub(super) fn kick(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        who: &Who,
        reason: &str,
    ) -> Result<Outcome, Refusal> {
        let target = find_member(&self.state.roster, who)?.clone();
        self.require_rank_above(caller, target.id)?;
        let reason = clean_line(reason, REASON_CHARS_MAX);
        let notice = text::you_were_kicked(
            self.language_for(target.identity.hash()),
            &self.state.settings.name,
            &reason,
        );
        let reply = text::kicked(self.language_of(caller), &target.nick);
        let actor = self.member_of(caller).map(|member| member.id);
        let kicked = self.record(now, actor, EventKind::Kicked { member: target.id, reason });
        let notices = vec![Notice { to: target.identity, text: notice }];
        Ok(Outcome { events: vec![kicked], reply: Some(reply), notices, ..Outcome::default() })
    }

    pub(super) fn ban(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        who: &Who,
        lasts: Option<Duration>,
        reason: &str,
    ) -> Result<Outcome, Refusal> {
        let identity = find_identity(&self.state, who)?;
        let target = self.member_by_identity(identity).cloned();
        self.require_may_restrict(caller, identity, target.as_ref(), &self.state.bans)?;
        let Terms { member, nick, reason, until } = self.terms(now, identity, target.as_ref(), lasts, reason);
        let notice =
            text::you_were_banned(self.language_for(identity), &self.state.settings.name, lasts, &reason);
        let reply = text::banned(self.language_of(caller), &nick, identity, lasts);
        let actor = self.member_of(caller).map(|member| member.id);
        let banned = self.record(now, actor, EventKind::Banned { identity, member, nick, reason, until });
        let notices = target.map(|target| Notice { to: target.identity, text: notice });
        Ok(Outcome { notices: notices.into_iter().collect(), ..Outcome::happened(vec![banned], reply) })
    }

    pub(super) fn unban(&mut self, now: UnixTime, caller: &Caller, who: &Who) -> Result<Outcome, Refusal> {
        let identity = find_barred(&self.state.bans, who)?;
        let ban = self.state.bans.get(&identity);
        let (nick, member) = ban.map(|ban| (ban.nick.clone(), ban.member)).unwrap_or_default();
        let actor = self.member_of(caller).map(|member| member.id);
        let unbanned = self.record(now, actor, EventKind::Unbanned { identity, member, expired: false });
        Ok(Outcome::happened(vec![unbanned], text::unbanned(self.language_of(caller), &nick, identity)))
    }

    pub(super) fn mute(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        who: &Who,
        lasts: Option<Duration>,
        reason: &str,
    ) -> Result<Outcome, Refusal> {
        let target = find_member(&self.state.roster, who)?.clone();
        let identity = target.identity.hash();
        self.require_may_restrict(caller, identity, Some(&target), &self.state.mutes)?;
        let Terms { member, nick, reason, until } = self.terms(now, identity, Some(&target), lasts, reason);
        let notice =
            text::you_were_muted(self.language_for(identity), &self.state.settings.name, lasts, &reason);
        let actor = self.member_of(caller).map(|member| member.id);
        let muted = self.record(now, actor, EventKind::Muted { identity, member, nick, reason, until });
        let notices = vec![Notice { to: target.identity, text: notice }];
        Ok(Outcome {
            events: vec![muted],
            reply: Some(text::muted(self.language_of(caller), &target.nick, lasts)),
            notices,
            ..Outcome::default()
        })
    }

    pub(super) fn unmute(&mut self, now: UnixTime, caller: &Caller, who: &Who) -> Result<Outcome, Refusal> {
        let identity = find_barred(&self.state.mutes, who)?;
        let target = self.member_by_identity(identity).cloned();
        if let Some(target) = &target {
            self.require_rank_above(caller, target.id)?;
        }
        let mute = self.state.mutes.get(&identity);
        let (nick, member) = mute.map(|mute| (mute.nick.clone(), mute.member)).unwrap_or_default();
        let actor = self.member_of(caller).map(|member| member.id);
        let unmuted = self.record(now, actor, EventKind::Unmuted { identity, member, expired: false });
        let notice = |target: Member| Notice {
            to: target.identity,
            text: text::you_may_speak(self.language_for(identity), &self.state.settings.name),
        };
        let notices = target.map(notice).into_iter().collect();
        Ok(Outcome {
            events: vec![unmuted],
            reply: Some(text::unmuted(self.language_of(caller), &nick, identity)),
            notices,
            ..Outcome::default()
        })
    }

    /// When [`Self::handle_timeout`] is to be called next.
    pub fn poll_timeout(&self) -> Option<UnixTime> {
        let restrictions = self.state.bans.values().chain(self.state.mutes.values());
        restrictions.filter_map(|restriction| restriction.until).chain(self.next_idle()).min()
    }

    /// Lets end what ends by itself: bans and mutes whose time is over, and memberships of those who were silent for long.
    pub fn handle_timeout(&mut self, now: UnixTime) -> Outcome {
        let over = |restrictions: &Restrictions| {
            let is_over = |restriction: &Restriction| restriction.until.is_some_and(|until| until <= now);
            let over = restrictions.iter().filter(|(_, restriction)| is_over(restriction));
            over.map(|(identity, restriction)| (*identity, restriction.member)).collect::<Vec<_>>()
        };
        let (bans, mutes) = (over(&self.state.bans), over(&self.state.mutes));
        let expired = true;
        let unbanned =
            bans.into_iter().map(|(identity, member)| EventKind::Unbanned { identity, member, expired });
        let unmuted =
            mutes.into_iter().map(|(identity, member)| EventKind::Unmuted { identity, member, expired });
        let mut events: Vec<Event> =
            unbanned.chain(unmuted).map(|kind| self.record(now, None, kind)).collect();
        let mut notices: Vec<Notice> =
            events.iter().filter_map(|event| self.may_speak_again(event)).collect();
        let (pruned, told) = self.prune(now);
        events.extend(pruned);
        notices.extend(told);
        Outcome { events, notices, ..Outcome::default() }
    }

    /// Word to somebody who was silent until now.
    fn may_speak_again(&self, event: &Event) -> Option<Notice> {
        let EventKind::Unmuted { identity, .. } = event.kind else { return None };
        let member = self.member_by_identity(identity)?;
        Some(Notice {
            to: member.identity.clone(),
            text: text::you_may_speak(self.language_for(identity), &self.state.settings.name),
        })
    }

    /// Whether the caller may restrict somebody, who is not restricted in this way yet.
    fn require_may_restrict(
        &self,
        caller: &Caller,
        identity: IdentityHash,
        target: Option<&Member>,
        others: &Restrictions,
    ) -> Result<(), Refusal> {
        if let Some(target) = target {
            self.require_rank_above(caller, target.id)?;
        }
        if others.contains_key(&identity) {
            return Err(Refusal::Already);
        }
        if others.len() >= RESTRICTIONS_MAX {
            return Err(Refusal::Full { max: RESTRICTIONS_MAX });
        }
        Ok(())
    }

    fn terms(
        &self,
        now: UnixTime,
        identity: IdentityHash,
        target: Option<&Member>,
        lasts: Option<Duration>,
        reason: &str,
    ) -> Terms {
        Terms {
            member: target.map(|target| target.id).or_else(|| self.state.former.member(identity)),
            nick: target.map(|target| target.nick.clone()).unwrap_or_default(),
            reason: clean_line(reason, REASON_CHARS_MAX),
            until: lasts.map(|lasts| now + lasts.min(SPAN_MAX)),
        }
    }
}

/// How somebody is restricted, as the event says it.
struct Terms {
    member: Option<MemberId>,
    nick: String,
    reason: String,
    until: Option<UnixTime>,
}
