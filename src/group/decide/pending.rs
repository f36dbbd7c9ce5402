//! Holding messages back, and deciding about what waits.

use reticulum::time::UnixTime;

use super::moderation::REASON_CHARS_MAX;
use crate::group::nick::clean_line;
use crate::group::pending::{HeldBecause, PENDING_MAX, PendingId, Waiting};
use crate::group::{
    Caller, EventKind, Group, Language, MemberId, Notice, Outcome, Permission, Post, Refusal, text,
};

/// Members who are told of something in private at most; the others see it when they look.
const TOLD_MAX: usize = 16;

impl Group {
    /// Takes a message in that is not to be posted yet, and tells those who may let it through.
    pub(super) fn hold(
        &mut self,
        now: UnixTime,
        author: MemberId,
        post: Post,
        why: HeldBecause,
    ) -> Result<Outcome, Refusal> {
        let number = self.state.pending.room_for(author, post.text.len());
        let number = number.ok_or(Refusal::Full { max: PENDING_MAX })?;
        let nick = self.state.roster.by_id(author).map_or("", |member| &member.nick);
        let notices = self.notices_to(Permission::Approve, |language| {
            text::held_notice(language, number, nick, &post.text, why)
        });
        let held = self.record(now, Some(author), EventKind::Held { number, post: Box::new(post), why });
        let reply = text::held(self.language_of_member(author), number);
        Ok(Outcome { notices, ..Outcome::happened(vec![held], reply) })
    }

    pub(super) fn approve(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        number: PendingId,
    ) -> Result<Outcome, Refusal> {
        let pending = self.state.pending.entry(number).ok_or(Refusal::NotFound)?;
        let actor = self.member_of(caller).map(|member| member.id);
        match pending.what.clone() {
            Waiting::Join { identity, nick } => self.approve_join(now, caller, number, identity, &nick),
            Waiting::Post { author, post, .. } => {
                let approved = self.record(now, actor, EventKind::Approved { number });
                let posted = self.record(now, Some(author), EventKind::Posted(*post));
                Ok(Outcome::happened(
                    vec![approved, posted],
                    text::approved(self.language_of(caller), number),
                ))
            }
        }
    }

    pub(super) fn reject(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        number: PendingId,
        reason: &str,
    ) -> Result<Outcome, Refusal> {
        let pending = self.state.pending.entry(number).ok_or(Refusal::NotFound)?;
        let reason = clean_line(reason, REASON_CHARS_MAX);
        let notice = match &pending.what {
            Waiting::Post { author, .. } => self.state.roster.by_id(*author).map(|member| Notice {
                to: member.identity.clone(),
                text: text::you_were_rejected(self.language_for(member.identity.hash()), number, &reason),
            }),
            Waiting::Join { identity, .. } => Some(Notice {
                to: identity.clone(),
                text: text::you_may_not_join(
                    self.state.settings.language,
                    self.state.settings.stranger_name(),
                    &reason,
                ),
            }),
        };
        let notices = notice.into_iter().collect();
        let actor = self.member_of(caller).map(|member| member.id);
        let rejected = self.record(now, actor, EventKind::Rejected { number, reason });
        Ok(Outcome {
            notices,
            ..Outcome::happened(vec![rejected], text::rejected(self.language_of(caller), number))
        })
    }

    fn language_of_member(&self, member: MemberId) -> Language {
        let chosen = self.state.roster.by_id(member).and_then(|member| member.preferences.language);
        chosen.unwrap_or(self.state.settings.language)
    }

    /// Private messages, to each in their language, to those who have a permission and are pushed to, the highest first.
    pub(in crate::group) fn notices_to(
        &self,
        permission: Permission,
        text: impl Fn(Language) -> String,
    ) -> Vec<Notice> {
        let roles = &self.state.roles;
        let mut told: Vec<_> = self
            .state
            .roster
            .iter()
            .filter(|member| {
                !roles.is_quiet(member.role) && self.state.permissions_of(member).contains(permission)
            })
            .collect();
        told.sort_by_key(|member| std::cmp::Reverse(self.rank_of(member)));
        let notice = |member: &crate::group::Member| {
            let language = member.preferences.language.unwrap_or(self.state.settings.language);
            Notice { to: member.identity.clone(), text: text(language) }
        };
        told.into_iter().take(TOLD_MAX).map(notice).collect()
    }
}
