//! Changing several things of a member at once, by those who keep order.

use std::sync::Arc;

use reticulum::time::UnixTime;

use super::rate_limited;
use crate::group::who::find_member;
use crate::group::{Caller, EventKind, Group, MemberUpdate, Notice, Outcome, Permission, Refusal, Who, text};

impl Group {
    /// Everything is asked before anything happens, so that all of it does or nothing.
    pub(super) fn update_member(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        who: &Who,
        update: MemberUpdate,
    ) -> Result<Outcome, Refusal> {
        let target = find_member(&self.state.roster, who)?;
        let (member, identity) = (target.id, Arc::clone(&target.identity));
        let nick = match &update.nick {
            Some(nick) => {
                self.authorize(caller, Permission::Kick)?;
                self.require_rank_above(caller, member)?;
                Some(self.new_nick(target, nick)?)
            }
            None => None,
        };
        let role = update.role.as_ref().map(|role| self.new_role(caller, target, role)).transpose()?;
        let changes = [update.grant, update.revoke, update.reset];
        let changed = update
            .changes_permissions()
            .then(|| self.new_permissions(caller, target, changes))
            .transpose()?;
        if nick.is_some() {
            // Counted as a change of theirs: a name that changes all the time is nobody's, whoever does it.
            self.changes.take(identity.hash(), now).map_err(rate_limited)?;
        }
        let actor = self.member_of(caller).map(|member| member.id);
        let (mut events, mut notices) = (Vec::new(), Vec::new());
        if let Some(nick) = nick {
            let language = self.language_for(identity.hash());
            let text = text::you_were_renamed(language, &self.state.settings.name, &nick);
            notices.push(Notice { to: identity, text });
            events.push(self.record(now, actor, EventKind::Renamed { member, nick }));
        }
        if let Some(role) = role {
            events.push(self.record(now, actor, EventKind::RoleAssigned { member, role }));
            notices.extend(self.told_of_role(member));
        }
        if let Some([granted, revoked]) = changed {
            events.push(self.record(now, actor, EventKind::PermissionsChanged { member, granted, revoked }));
            notices.extend(self.told_of_permissions(member));
        }
        let nick = self.state.roster.by_id(member).map_or("", |member| &member.nick);
        let reply = text::member_updated(self.language_of(caller), member, nick);
        Ok(Outcome { notices, ..Outcome::happened(events, reply) })
    }
}
