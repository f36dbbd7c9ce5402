//! Putting members out, barring identities, and lifting that.

use reticulum::time::UnixTime;

use crate::group::nick::clean_line;
use crate::group::who::{find_banned, find_identity, find_member};
use crate::group::{Caller, EventKind, Group, Notice, Outcome, Permission, Refusal, Who, text};

/// Longest reason of a kick or a ban, in characters; longer ones are cut.
pub const REASON_CHARS_MAX: usize = 120;
/// Identities that can be barred at a time; then an old ban has to be lifted first.
const BANS_MAX: usize = 16_384;

impl Group {
    pub(super) fn kick(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        who: &Who,
        reason: &str,
    ) -> Result<Outcome, Refusal> {
        self.authorize(caller, Permission::Kick)?;
        let target = find_member(&self.state.roster, who)?.clone();
        self.require_rank_above(caller, target.id)?;
        let reason = clean_line(reason, REASON_CHARS_MAX);
        let notice = text::you_were_kicked(&self.state.settings.name, &reason);
        let reply = text::kicked(&target.nick);
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
        reason: &str,
    ) -> Result<Outcome, Refusal> {
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
        let notice = text::you_were_banned(&self.state.settings.name, &reason);
        let nick = target.as_ref().map(|target| target.nick.clone()).unwrap_or_default();
        let reply = text::banned(&nick, identity);
        let member = target.as_ref().map(|target| target.id).or_else(|| self.state.former.member(identity));
        let actor = self.member_of(caller).map(|member| member.id);
        let banned = self.record(now, actor, EventKind::Banned { identity, member, nick, reason });
        let notices = target.map(|target| Notice { to: target.identity, text: notice });
        Ok(Outcome { notices: notices.into_iter().collect(), ..Outcome::happened(vec![banned], reply) })
    }

    pub(super) fn unban(&mut self, now: UnixTime, caller: &Caller, who: &Who) -> Result<Outcome, Refusal> {
        self.authorize(caller, Permission::Ban)?;
        let identity = find_banned(&self.state, who)?;
        let nick = self.state.bans.get(&identity).map(|ban| ban.nick.clone()).unwrap_or_default();
        let actor = self.member_of(caller).map(|member| member.id);
        let unbanned = self.record(now, actor, EventKind::Unbanned { identity });
        Ok(Outcome::happened(vec![unbanned], text::unbanned(&nick, identity)))
    }
}
