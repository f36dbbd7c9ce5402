//! Who is typing: a sign that is passed on at once, holds for some seconds and is kept nowhere.

use std::collections::BTreeMap;
use std::time::Duration;

use reticulum::time::UnixTime;

use super::decide::rate_limited;
use super::ids::MemberId;
use super::preference::Visible;
use super::{Caller, Group, Permission, Refusal, Speech};

/// For how long a sign holds: clients give one every five seconds, so that one may get lost.
pub const TYPING_FOR: Duration = Duration::from_secs(10);
/// How often one member may give a sign.
const TYPING_EVERY: Duration = Duration::from_secs(2);
/// Members whose signs are remembered in a group; the oldest goes first.
const TYPING_MAX: usize = 64;

/// The signs that may still hold.
#[derive(Debug, Default)]
pub(super) struct Typing(BTreeMap<MemberId, Sign>);

#[derive(Clone, Copy, Debug)]
struct Sign {
    at: UnixTime,
    /// Only for those who may hear the staff.
    staff: bool,
    stopped: bool,
}

impl Typing {
    /// Takes a sign in. Returns whether others are to be told.
    fn note(
        &mut self,
        now: UnixTime,
        member: MemberId,
        staff: bool,
        stopped: bool,
    ) -> Result<bool, Duration> {
        self.0.retain(|_, sign| now.since(sign.at) < TYPING_FOR);
        match self.0.get_mut(&member) {
            Some(sign) if stopped => return Ok(!std::mem::replace(&mut sign.stopped, true)),
            None if stopped => return Ok(false),
            Some(sign) if now.since(sign.at) < TYPING_EVERY => return Err(TYPING_EVERY - now.since(sign.at)),
            _ => {}
        }
        if self.0.len() >= TYPING_MAX {
            let oldest = self.0.iter().min_by_key(|(_, sign)| sign.at).map(|(member, _)| *member);
            oldest.and_then(|oldest| self.0.remove(&oldest));
        }
        self.0.insert(member, Sign { at: now, staff, stopped });
        Ok(true)
    }

    /// A member says what they were typing, or is no longer in.
    pub(super) fn end(&mut self, member: MemberId) {
        if let Some(sign) = self.0.get_mut(&member) {
            sign.stopped = true;
        }
    }

    fn holding(&self, now: UnixTime, staff: bool) -> impl Iterator<Item = MemberId> {
        let holds =
            move |sign: &Sign| !sign.stopped && now.since(sign.at) < TYPING_FOR && (staff || !sign.staff);
        self.0.iter().filter(move |(_, sign)| holds(sign)).map(|(member, _)| *member)
    }
}

impl Group {
    /// The caller types, or no longer does. Returns who that is if others are to be told: not of members who do not want
    /// it known whether they are there.
    pub fn note_typing(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        staff: bool,
        stopped: bool,
    ) -> Result<Option<MemberId>, Refusal> {
        let member = self.require_member(caller)?;
        let (id, visible) = (member.id, member.preferences.presence);
        self.authorize(caller, Permission::Post)?;
        self.require_may_speak(now, caller, Speech::Change)?;
        if visible == Visible::Hidden {
            return Ok(None);
        }
        let is_told = self.typing.note(now, id, staff, stopped).map_err(rate_limited)?;
        Ok(is_told.then_some(id))
    }

    /// The others who type at present, by number.
    pub fn who_types(&self, now: UnixTime, caller: &Caller) -> Vec<MemberId> {
        let viewer = self.viewer(caller);
        self.typing.holding(now, viewer.staff).filter(|member| Some(*member) != viewer.member).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_told_at_most_every_two_seconds_and_its_end_once() {
        let mut typing = Typing::default();
        let at = |ms: u64| UnixTime::from_micros(1_800_000_000_000_000 + ms * 1_000);
        let bob = MemberId(2);
        // when in ms, whether it is the end, what comes of it
        let rows = [
            (0, true, Ok(false)),
            (0, false, Ok(true)),
            (1_999, false, Err(Duration::from_millis(1))),
            (1_999, true, Ok(true)),
            (1_999, true, Ok(false)),
            (1_999, false, Err(Duration::from_millis(1))),
            (2_000, false, Ok(true)),
            (13_000, true, Ok(false)),
            (13_000, false, Ok(true)),
        ];
        for (ms, stopped, expected) in rows {
            assert_eq!(typing.note(at(ms), bob, false, stopped), expected, "{ms} {stopped}");
        }
        assert_eq!(typing.holding(at(22_999), false).collect::<Vec<_>>(), [bob]);
        assert_eq!(typing.holding(at(23_000), false).count(), 0);
        typing.end(bob);
        assert_eq!(typing.holding(at(13_000), false).count(), 0);
    }

    #[test]
    fn those_who_type_are_bounded_and_the_staffs_are_the_staffs() {
        let mut typing = Typing::default();
        let at = |ms: u64| UnixTime::from_micros(1_800_000_000_000_000 + ms * 1_000);
        for n in 0..=TYPING_MAX as u32 {
            assert_eq!(typing.note(at(n.into()), MemberId(n), n % 2 == 1, false), Ok(true));
        }
        let now = at(100);
        assert_eq!(typing.0.len(), TYPING_MAX);
        assert!(typing.holding(now, true).all(|member| member != MemberId(0)), "the oldest went");
        assert_eq!(typing.holding(now, false).count(), TYPING_MAX / 2);
    }
}
