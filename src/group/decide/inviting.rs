//! Inviting: people by name, and codes that let others in.

use std::sync::Arc;
use std::time::Duration;

use reticulum::crypto::PublicIdentity;
use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

use crate::group::entry::{CODE_USES_MAX, CODES_MAX, INVITED_MAX, InviteCode};
use crate::group::setting::Kind;
use crate::group::{Caller, Event, EventKind, Group, Notice, Outcome, Refusal, Seq, text};

impl Group {
    pub(super) fn invite(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        identity: IdentityHash,
    ) -> Result<Outcome, Refusal> {
        self.require_invitable()?;
        if let Some(ban) = self.state.bans.get(&identity) {
            return Err(Refusal::Banned { reason: ban.reason.clone() });
        }
        let invited = &self.state.invitations.people;
        if self.member_by_identity(identity).is_some() || invited.contains_key(&identity) {
            return Err(Refusal::Already);
        }
        if invited.len() >= INVITED_MAX {
            return Err(Refusal::Full { max: INVITED_MAX });
        }
        let actor = self.member_of(caller).map(|member| member.id);
        let invited = self.record(now, actor, EventKind::Invited { identity });
        Ok(Outcome::happened(vec![invited], text::invited(self.language_of(caller), &identity.to_string())))
    }

    pub(super) fn uninvite(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        identity: IdentityHash,
    ) -> Result<Outcome, Refusal> {
        self.require_invitable()?;
        if !self.state.invitations.people.contains_key(&identity) {
            return Err(Refusal::NotFound);
        }
        let actor = self.member_of(caller).map(|member| member.id);
        let taken_back = self.record(now, actor, EventKind::Uninvited { identity });
        Ok(Outcome::happened(
            vec![taken_back],
            text::uninvited(self.language_of(caller), &identity.to_string()),
        ))
    }

    /// Makes a code. Where there are too many, those that let nobody in any more go first.
    pub(super) fn issue_code(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        uses: u32,
        lasts: Option<Duration>,
    ) -> Result<Outcome, Refusal> {
        self.require_invitable()?;
        let actor = self.member_of(caller).map(|member| member.id);
        let mut events = Vec::new();
        if self.state.invitations.codes.len() >= CODES_MAX {
            let codes = self.state.invitations.codes.iter();
            let spent: Vec<Seq> = codes.filter(|(_, code)| code.is_spent(now)).map(|(seq, _)| *seq).collect();
            if spent.is_empty() {
                return Err(Refusal::Full { max: CODES_MAX });
            }
            for number in spent {
                events.push(self.record(now, None, EventKind::CodeRevoked { number }));
            }
        }
        let code = InviteCode::from_random(self.rng.bytes());
        let (uses, expires) = (uses.clamp(1, CODE_USES_MAX), lasts.map(|lasts| now + lasts));
        events.push(self.record(now, actor, EventKind::CodeIssued { hash: code.hash(), expires, uses }));
        let reply = text::code_issued(self.language_of(caller), &code, uses, lasts);
        Ok(Outcome { code: Some(code), ..Outcome::happened(events, reply) })
    }

    pub(super) fn revoke_code(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        number: Seq,
    ) -> Result<Outcome, Refusal> {
        if !self.state.invitations.codes.contains_key(&number) {
            return Err(Refusal::NotFound);
        }
        let actor = self.member_of(caller).map(|member| member.id);
        let revoked = self.record(now, actor, EventKind::CodeRevoked { number });
        Ok(Outcome::happened(vec![revoked], text::code_revoked(self.language_of(caller), number)))
    }

    /// What a person who was invited is to be told, as soon as they are heard; `None` if they know, or were not invited.
    pub fn invitation_for(&self, person: &Arc<PublicIdentity>) -> Option<Notice> {
        let invitation = self.state.invitations.people.get(&person.hash()).filter(|one| !one.told)?;
        let by = invitation.by.and_then(|by| self.state.roster.by_id(by)).map(|by| by.nick.as_str());
        let text = text::you_are_invited(
            self.state.settings.language,
            &self.state.settings.name,
            by,
            self.state.settings.kind,
        );
        Some(Notice { to: Arc::clone(person), text })
    }

    /// Notes that the person has their invitation. An event where that is news.
    pub fn note_invitation_told(&mut self, now: UnixTime, identity: IdentityHash) -> Option<Event> {
        let is_news = self.state.invitations.people.get(&identity).is_some_and(|one| !one.told);
        is_news.then(|| self.record(now, None, EventKind::InvitationTold { identity }))
    }

    /// Two people who talk directly stay two.
    fn require_invitable(&self) -> Result<(), Refusal> {
        if self.state.settings.kind == Kind::Direct { Err(Refusal::NotInThisKind) } else { Ok(()) }
    }
}
