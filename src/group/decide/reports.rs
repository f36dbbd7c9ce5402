//! Telling the staff, and cleaning up.

use reticulum::time::UnixTime;

use super::moderation::REASON_CHARS_MAX;
use super::rate_limited;
use crate::group::nick::clean_line;
use crate::group::who::find_member;
use crate::group::{
    CLEAN_UP_MAX, Caller, CleanUp, EventKind, Group, Known, MemberId, Outcome, Permission, Refusal, Reported,
    text,
};

impl Group {
    pub(super) fn report(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        what: &Reported,
        reason: &str,
        known: &Known,
    ) -> Result<Outcome, Refusal> {
        let language = self.language_of(caller);
        let reporter = self.require_member(caller)?;
        let (nick, identity) = (reporter.nick.clone(), reporter.identity.hash());
        let (post, member) = match what {
            Reported::Message(seq) => (Some(*seq), self.readable(caller, *seq, known)?.author),
            Reported::Member(who) => (None, Some(find_member(&self.state.roster, who)?.id)),
        };
        let reason = clean_line(reason, REASON_CHARS_MAX);
        self.changes.take(identity, now).map_err(rate_limited)?;
        let name =
            member.and_then(|member| self.state.roster.by_id(member)).map_or("?", |member| &member.nick);
        let notices = self.notices_to(Permission::HearStaff, |language| {
            text::report_notice(language, &nick, post, name, &reason)
        });
        let actor = self.member_of(caller).map(|member| member.id);
        let reported = self.record(now, actor, EventKind::Reported { post, member, reason });
        Ok(Outcome { notices, ..Outcome::happened(vec![reported], text::reported(language)) })
    }

    /// Deletes what was found, one event for each, so that clients delete theirs; and one that says what was meant.
    pub(super) fn clean_up(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        what: &CleanUp,
        reason: &str,
        known: &Known,
    ) -> Result<Outcome, Refusal> {
        let language = self.language_of(caller);
        if what.is_empty() {
            return Err(Refusal::Empty);
        }
        if let Some(author) = what.author {
            self.require_may_delete_of(caller, Some(author))?;
        }
        let is_due = |author: Option<MemberId>| self.require_may_delete_of(caller, author).is_ok();
        let due: Vec<_> = known
            .matching
            .iter()
            .filter(|(seq, author)| !self.recent.is_deleted(*seq) && is_due(*author))
            .map(|(seq, _)| *seq)
            .take(CLEAN_UP_MAX)
            .collect();
        if due.is_empty() {
            return Err(Refusal::NotFound);
        }
        let actor = self.member_of(caller).map(|member| member.id);
        let number = u32::try_from(due.len()).unwrap_or(u32::MAX);
        let reason = clean_line(reason, REASON_CHARS_MAX);
        let cleaned =
            EventKind::CleanedUp { author: what.author, deleted: number, reason, expired: what.expired };
        let mut events = vec![self.record(now, actor, cleaned)];
        let deleted = |target| EventKind::Deleted { target, in_clean_up: true };
        events.extend(due.into_iter().map(|target| self.record(now, actor, deleted(target))));
        Ok(Outcome::happened(events, text::cleaned_up(language, number)))
    }

    /// One's own messages, and those of whoever stands lower or is no longer in.
    fn require_may_delete_of(&self, caller: &Caller, author: Option<MemberId>) -> Result<(), Refusal> {
        let own = self.member_of(caller).map(|member| member.id);
        match author {
            Some(author) if own != Some(author) => self.require_rank_above(caller, author),
            _ => Ok(()),
        }
    }
}
