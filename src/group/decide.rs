//! The decisions: may this caller do this now, and what happens if so. Here is only which decision is meant; what it
//! takes stands in the files beside this one, by area.

mod changes;
mod choosing;
mod inviting;
mod joining;
mod membership;
mod messages;
mod moderation;
mod pending;
mod reports;
mod roles;
mod settings;
mod speech;
mod updates;

use std::time::Duration;

use reticulum::time::UnixTime;

use super::{Action, Caller, CustomRole, Group, Known, Need, Outcome, Rank, Refusal};

pub use moderation::REASON_CHARS_MAX;

impl Group {
    /// Does what the caller wants, or says why not. On `Ok` the events have taken effect and must be appended. Of the
    /// past it knows what happened lately only; see [`Self::decide_knowing`].
    pub fn decide(&mut self, now: UnixTime, caller: &Caller, action: Action) -> Result<Outcome, Refusal> {
        self.decide_knowing(now, caller, action, &Known::default())
    }

    /// As [`Self::decide`], for an action that needs to know of the past: `known` is what was found by
    /// [`Action::needs`].
    pub fn decide_knowing(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        action: Action,
        known: &Known,
    ) -> Result<Outcome, Refusal> {
        self.require(caller, action.need())?;
        self.require_may_speak(now, caller, action.speech())?;
        match action {
            Action::Join { nick, pass } => self.join(now, caller, nick, &pass),
            Action::Invite { identity } => self.invite(now, caller, identity),
            Action::Uninvite { identity } => self.uninvite(now, caller, identity),
            Action::IssueCode { uses, lasts } => self.issue_code(now, caller, uses, lasts),
            Action::RevokeCode { number } => self.revoke_code(now, caller, number),
            Action::Leave => self.leave(now, caller),
            Action::Post(draft) => self.post(now, caller, draft, known),
            Action::Delete { target } => self.delete(now, caller, target, known),
            Action::Edit { target, text } => self.edit(now, caller, target, text, known),
            Action::React { target, reaction, remove } => {
                self.react(now, caller, target, &reaction, remove, known)
            }
            Action::Pin { target, remove } => self.pin(now, caller, target, remove, known),
            Action::Kick { who, reason } => self.kick(now, caller, &who, &reason),
            Action::Ban { who, lasts, reason } => self.ban(now, caller, &who, lasts, &reason),
            Action::Mute { who, lasts, reason } => self.mute(now, caller, &who, lasts, &reason),
            Action::Unmute { who } => self.unmute(now, caller, &who),
            Action::Unban { who } => self.unban(now, caller, &who),
            Action::Rename { nick } => self.rename(now, caller, &nick),
            Action::Choose { preferences } => self.choose(now, caller, preferences),
            Action::Set { settings } => self.set(now, caller, settings),
            Action::Claim { code } => self.claim(now, caller, &code),
            Action::IssueClaim { claim } => self.issue_claim(now, claim),
            Action::Report { what, reason } => self.report(now, caller, &what, &reason, known),
            Action::CleanUp { what, reason } => self.clean_up(now, caller, &what, &reason, known),
            Action::Approve { number } => self.approve(now, caller, number),
            Action::Reject { number, reason } => self.reject(now, caller, number, &reason),
            Action::AssignRole { who, role } => self.assign_role(now, caller, &who, &role),
            Action::UpdateMember { who, update } => self.update_member(now, caller, &who, update),
            Action::ChangePermissions { who, grant, revoke, reset } => {
                self.change_permissions(now, caller, &who, [grant, revoke, reset])
            }
            Action::DefineRole { role, name, permissions, rank, quiet } => {
                let name = roles::clean_role_name(&name);
                let wanted = CustomRole { name, permissions, rank: Rank(rank), quiet };
                self.define_role(now, caller, role.as_ref(), wanted)
            }
            Action::DeleteRole { role } => self.delete_role(now, caller, &role),
        }
    }

    /// Whether the caller has what an action needs at the least. The operator has all of it; what takes an identity
    /// still asks for one.
    pub fn require(&self, caller: &Caller, need: Need) -> Result<(), Refusal> {
        match (need, caller) {
            (Need::Identity, _) => self.require_identity(caller).map(|_| ()),
            (_, Caller::Operator) => Ok(()),
            (Need::Operator, _) => Err(Refusal::NoPermission),
            (Need::Membership, _) => self.require_member(caller).map(|_| ()),
            (Need::May(permission), _) => self.authorize(caller, permission),
            (Need::MayOwnOrAny(own, any), _) => {
                self.authorize(caller, own).or_else(|_| self.authorize(caller, any))
            }
        }
    }
}

pub(super) fn rate_limited(wait: Duration) -> Refusal {
    Refusal::RateLimited {
        retry_after_s: u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX),
    }
}
