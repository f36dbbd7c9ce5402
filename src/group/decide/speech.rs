//! Who may speak now, and whether what they say is looked at first.

use std::time::Duration;

use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

use super::rate_limited;
use crate::group::{Caller, Group, HeldBecause, Member, MemberId, Permission, Refusal, Speech};

/// The name under which the posts of all members are counted together.
const EVERYBODY: IdentityHash = IdentityHash::new([0; 16]);

impl Group {
    /// Whether the caller may be heard now: not muted, and the group neither read-only nor too slow for them.
    pub(in crate::group) fn require_may_speak(
        &self,
        now: UnixTime,
        caller: &Caller,
        speech: Speech,
    ) -> Result<(), Refusal> {
        let (Some(member), true) = (self.member_of(caller), speech != Speech::None) else { return Ok(()) };
        if let Some(mute) = self.state.mutes.get(&member.identity.hash()) {
            let left = mute.until.map(|until| seconds(until.since(now)));
            // The timer may be about to say so.
            if left != Some(0) {
                return Err(Refusal::Muted { reason: mute.reason.clone(), retry_after_s: left });
            }
        }
        if self.is_staff(member) {
            return Ok(());
        }
        if self.state.settings.read_only {
            return Err(Refusal::ReadOnly);
        }
        let slow_mode = Duration::from_secs(self.state.settings.slow_mode_s.into());
        if speech == Speech::Message && !slow_mode.is_zero() {
            let last = self.recent.last_of(member.id, now - slow_mode);
            let wait = last.map_or(Duration::ZERO, |last| (last + slow_mode).since(now).min(slow_mode));
            if !wait.is_zero() {
                return Err(rate_limited(wait));
            }
        }
        Ok(())
    }

    /// Takes one from what a member, and all together, may post. Changes count as posts do: each is an event that the
    /// log keeps, and that members are told.
    pub(in crate::group) fn take_turn(&mut self, now: UnixTime, caller: &Caller) -> Result<(), Refusal> {
        let Some(identity) = self.member_of(caller).map(|member| member.identity.hash()) else {
            return Ok(());
        };
        self.posts.take(identity, now).map_err(rate_limited)?;
        self.all_posts.take(EVERYBODY, now).map_err(rate_limited)
    }

    /// Whether a text may take the place of another without being looked at first.
    pub(super) fn require_may_stand(&self, caller: &Caller, text: &str) -> Result<(), Refusal> {
        match self.member_of(caller) {
            Some(member) if !self.is_staff(member) && self.filter.find(text).is_some() => {
                Err(Refusal::MustWait)
            }
            _ => Ok(()),
        }
    }

    /// Whether a text has to be looked at before it is posted, and why.
    pub(super) fn must_wait(&self, author: MemberId, text: &str) -> Option<HeldBecause> {
        let settings = &self.state.settings;
        if settings.hold_first == 0 && self.filter.is_empty() {
            return None;
        }
        let member = self.state.roster.by_id(author).filter(|member| !self.is_staff(member))?;
        if u32::from(member.posts) < settings.hold_first {
            return Some(HeldBecause::Newcomer);
        }
        self.filter.find(text)
    }

    /// Whether slow mode, read-only mode and filters are not for this member.
    fn is_staff(&self, member: &Member) -> bool {
        self.permissions_of(member).contains(Permission::HearStaff)
    }
}

fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
}
