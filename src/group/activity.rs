//! When members were last heard, and whether they are there. It is no part of the log: it changes with every packet.

use std::collections::BTreeMap;
use std::time::Duration;

use reticulum::time::UnixTime;

use super::ids::MemberId;

/// For how long somebody counts as being there after they were heard.
pub const ONLINE_FOR: Duration = Duration::from_secs(5 * 60);
/// For how long they count as being away after that.
pub const AWAY_FOR: Duration = Duration::from_secs(24 * 3_600);
/// What is stored may be behind by so much, so that not every packet is a write.
const STORED_EVERY: Duration = Duration::from_secs(3_600);

/// Whether a member is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// A link of theirs is open, or they were heard within [`ONLINE_FOR`].
    Online,
    /// Heard within [`AWAY_FOR`].
    Away,
    /// Not heard for longer.
    Offline,
    /// They do not want it known.
    Hidden,
}

#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    at: UnixTime,
    stored: UnixTime,
    links: u32,
}

/// What is known of the present members, at most one entry for each.
#[derive(Debug, Default)]
pub(super) struct Activity(BTreeMap<MemberId, Heard>);

impl Activity {
    /// What the store kept.
    pub(super) fn restore(stored: impl IntoIterator<Item = (MemberId, UnixTime)>) -> Self {
        let heard = |(member, at)| (member, Heard { at, stored: at, links: 0 });
        Self(stored.into_iter().map(heard).collect())
    }

    /// Notes a sign of life. Returns whether it is to be stored.
    pub(super) fn note(&mut self, now: UnixTime, member: MemberId) -> bool {
        let heard = self.0.entry(member).or_default();
        heard.at = now.max(heard.at);
        let is_due = heard.at.since(heard.stored) >= STORED_EVERY;
        if is_due {
            heard.stored = heard.at;
        }
        is_due
    }

    /// Counts the open links of a member.
    pub(super) fn note_link(&mut self, member: MemberId, is_open: bool) {
        let heard = self.0.entry(member).or_default();
        heard.links = if is_open { heard.links.saturating_add(1) } else { heard.links.saturating_sub(1) };
    }

    /// Forgets who is no longer in.
    pub(super) fn forget(&mut self, member: MemberId) {
        self.0.remove(&member);
    }

    /// When a member was last heard: at the latest now, if a link of theirs is open.
    pub(super) fn heard(&self, now: UnixTime, member: MemberId) -> Option<UnixTime> {
        self.0.get(&member).map(|heard| if heard.links > 0 { now } else { heard.at })
    }

    pub(super) fn presence(&self, now: UnixTime, member: MemberId) -> Presence {
        match self.heard(now, member).map(|at| now.since(at)) {
            Some(ago) if ago < ONLINE_FOR => Presence::Online,
            Some(ago) if ago < AWAY_FOR => Presence::Away,
            _ => Presence::Offline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_there_for_five_minutes_or_as_long_as_a_link_is_open() {
        let (bob, at) = (MemberId(1), |s: u64| UnixTime::from_secs(1_000_000 + s));
        let mut activity = Activity::default();
        assert_eq!(activity.presence(at(0), bob), Presence::Offline);
        activity.note(at(0), bob);
        assert_eq!(activity.presence(at(299), bob), Presence::Online);
        assert_eq!(activity.presence(at(300), bob), Presence::Away);
        assert_eq!(activity.presence(at(86_400), bob), Presence::Offline);
        activity.note_link(bob, true);
        assert_eq!(activity.presence(at(999_999), bob), Presence::Online);
        activity.note_link(bob, false);
        assert_eq!(activity.presence(at(999_999), bob), Presence::Offline);
    }

    #[test]
    fn signs_of_life_are_stored_once_an_hour() {
        let mut activity = Activity::restore([(MemberId(1), UnixTime::from_secs(1_000_000))]);
        let stored = (0..7_200).filter(|s| activity.note(UnixTime::from_secs(1_000_000 + s), MemberId(1)));
        assert_eq!(stored.collect::<Vec<_>>(), [3_600]);
    }
}
