//! What members choose for themselves, who is there, and who is removed because they were not heard for long.

use std::time::Duration;

use reticulum::time::UnixTime;

use crate::group::activity::{Activity, Presence};
use crate::group::preference::{Preference, Visible};
use crate::group::{Caller, Event, EventKind, Group, Member, MemberId, Notice, Outcome, Refusal, Role, text};

/// Seconds of a day.
const DAY_S: u64 = 24 * 3_600;

impl Group {
    /// Takes over what a member chose. What is so already makes no event.
    pub(super) fn choose(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        preferences: Vec<Preference>,
    ) -> Result<Outcome, Refusal> {
        let member = self.require_member(caller)?;
        let (id, mut chosen) = (member.id, member.preferences);
        let mut events = Vec::new();
        for preference in preferences {
            let before = chosen;
            chosen.apply(preference);
            if chosen != before {
                events.push(self.record(
                    now,
                    Some(id),
                    EventKind::PreferenceChanged { member: id, preference },
                ));
            }
        }
        if events.is_empty() {
            Err(Refusal::Already)
        } else {
            Ok(Outcome::happened(events, text::chosen(self.language_of(caller), chosen)))
        }
    }

    /// Goes on with when members were last heard.
    #[must_use]
    pub fn with_activity(self, heard: impl IntoIterator<Item = (MemberId, UnixTime)>) -> Self {
        Self { activity: Activity::restore(heard), ..self }
    }

    /// Notes a sign of life of a member. Returns whether it is to be stored.
    pub fn note_heard(&mut self, now: UnixTime, member: MemberId) -> bool {
        self.state.roster.by_id(member).is_some() && self.activity.note(now, member)
    }

    /// Notes that a member opened or closed a link.
    pub fn note_link(&mut self, member: MemberId, is_open: bool) {
        if self.state.roster.by_id(member).is_some() {
            self.activity.note_link(member, is_open);
        }
    }

    /// Whether a member is there, as others may know it.
    pub fn presence(&self, now: UnixTime, member: &Member) -> Presence {
        match member.preferences.presence {
            Visible::Hidden => Presence::Hidden,
            Visible::Shown => self.activity.presence(now, member.id),
        }
    }

    /// When a member was last heard, as others may know it; they were at the latest when they joined.
    pub fn last_heard(&self, now: UnixTime, member: &Member) -> Option<UnixTime> {
        let is_shown = member.preferences.presence == Visible::Shown;
        is_shown.then(|| self.heard_or_joined(now, member))
    }

    /// When the next member will have been silent for too long.
    pub(in crate::group) fn next_idle(&self) -> Option<UnixTime> {
        let idle = self.idle_after()?;
        let kept = self.state.roster.iter().filter(|member| self.can_be_pruned(member));
        kept.map(|member| self.heard_or_joined(UnixTime::default(), member) + idle).min()
    }

    /// Removes those who were not heard for as long as the group is patient, and tells them.
    pub(in crate::group) fn prune(&mut self, now: UnixTime) -> (Vec<Event>, Vec<Notice>) {
        let Some(idle) = self.idle_after() else { return Default::default() };
        let roster = self.state.roster.iter().filter(|member| self.can_be_pruned(member));
        let silent = |member: &&Member| now.since(self.heard_or_joined(now, member)) >= idle;
        let gone: Vec<Member> = roster.filter(silent).cloned().collect();
        let reason = text::idle_reason(self.state.settings.language, self.state.settings.idle_days);
        let kicked = |member: Member| {
            let language = self.language_for(member.identity.hash());
            let own_reason = text::idle_reason(language, self.state.settings.idle_days);
            let text = text::you_were_kicked(language, &self.state.settings.name, &own_reason);
            let event =
                self.record(now, None, EventKind::Kicked { member: member.id, reason: reason.clone() });
            (event, Notice { to: member.identity, text })
        };
        gone.into_iter().map(kicked).unzip()
    }

    fn idle_after(&self) -> Option<Duration> {
        let days = u64::from(self.state.settings.idle_days);
        (days > 0).then(|| Duration::from_secs(days * DAY_S))
    }

    /// Who runs the group stays, however silent.
    fn can_be_pruned(&self, member: &Member) -> bool {
        self.rank_of(member) <= self.state.roles.rank(Role::Member)
    }

    fn heard_or_joined(&self, now: UnixTime, member: &Member) -> UnixTime {
        self.activity.heard(now, member.id).unwrap_or_default().max(member.joined)
    }
}
