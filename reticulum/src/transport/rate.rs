//! How often the announces of one destination are passed on (`spec/reticulum.md` 4.6). It stands in the destination's path,
//! which it never changes: what is refused here is only not passed on.

use std::time::Duration;

use crate::node::AnnounceRate;
use crate::time::Instant;

/// Announces whose time is kept, for people to look at.
const HEARD_MAX: usize = 6;

/// The record of one destination.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rate {
    /// The last announce that counted; meaningless before the first.
    last: Instant,
    violations: u32,
    /// Whether there was a first.
    begun: bool,
    /// Whether all are refused until target and penalty are over.
    blocked: bool,
    /// When the newest were heard, in seconds, oldest first behind zeros that are none.
    heard_s: [u32; HEARD_MAX],
    heard: u8,
}

impl Rate {
    /// Takes an accepted announce; whether it may be passed on.
    pub(crate) fn admit(&mut self, now: Instant, rule: &AnnounceRate) -> bool {
        self.note(now);
        if !self.begun {
            (self.last, self.begun) = (now, true);
            return true;
        }
        if self.blocked && now <= self.last + rule.target + rule.penalty {
            return false;
        }
        if now.since(self.last) < rule.target {
            self.violations = self.violations.saturating_add(1);
        } else {
            self.violations = self.violations.saturating_sub(1);
        }
        self.blocked = self.violations > rule.grace;
        if !self.blocked {
            self.last = now;
        }
        !self.blocked
    }

    /// The last announce that counted, if there was any.
    pub(crate) fn last(&self) -> Option<Instant> {
        self.begun.then_some(self.last)
    }

    /// How often announces came too soon.
    pub(crate) fn violations(&self) -> u32 {
        self.violations
    }

    /// Until when announces are refused.
    pub(crate) fn blocked_until(&self, rule: &AnnounceRate) -> Option<Instant> {
        self.blocked.then(|| self.last + rule.target + rule.penalty)
    }

    /// When the newest announces were heard, oldest first.
    pub(crate) fn heard(&self) -> impl Iterator<Item = Instant> {
        let heard = &self.heard_s[HEARD_MAX - usize::from(self.heard)..];
        heard.iter().map(|s| Instant::ZERO + Duration::from_secs(u64::from(*s)))
    }

    fn note(&mut self, now: Instant) {
        self.heard_s.rotate_left(1);
        self.heard_s[HEARD_MAX - 1] = u32::try_from(now.since(Instant::ZERO).as_secs()).unwrap_or(u32::MAX);
        self.heard = (self.heard + 1).min(HEARD_MAX as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(s: u64) -> Instant {
        Instant::from_micros(s * 1_000_000)
    }

    const RULE: AnnounceRate =
        AnnounceRate { target: Duration::from_secs(100), grace: 2, penalty: Duration::from_secs(50) };

    /// Admits at each of these times, and tells which passed.
    fn admitted(rate: &mut Rate, times: &[u64]) -> Vec<bool> {
        times.iter().map(|s| rate.admit(at(*s), &RULE)).collect()
    }

    #[test]
    fn the_first_announce_passes_even_at_the_very_start() {
        assert!(Rate::default().admit(Instant::ZERO, &RULE));
    }

    #[test]
    fn announces_at_the_target_never_violate() {
        assert_eq!(admitted(&mut Rate::default(), &[10, 110, 210, 310, 410]), [true; 5]);
    }

    #[test]
    fn grace_is_spent_then_the_destination_waits_for_target_and_penalty_after_the_last_that_passed() {
        let mut rate = Rate::default();
        assert_eq!(admitted(&mut rate, &[1000, 1010, 1020, 1030]), [true, true, true, false]);
        // Blocked until 1020 + 100 + 50; what comes meanwhile does not even count.
        assert_eq!(admitted(&mut rate, &[1031, 1100, 1170]), [false; 3]);
        assert_eq!(rate.violations, 3);
        assert_eq!(
            admitted(&mut rate, &[1171]),
            [true],
            "151 s after the last that passed: one violation less"
        );
        assert_eq!(rate.violations, 2);
    }

    #[test]
    fn patience_is_paid_back_one_violation_an_announce() {
        let mut rate = Rate::default();
        admitted(&mut rate, &[1000, 1010, 1020]);
        assert_eq!(rate.violations, 2);
        assert_eq!(admitted(&mut rate, &[1120, 1220, 1320]), [true; 3]);
        assert_eq!(rate.violations, 0);
    }

    #[test]
    fn without_grace_and_penalty_it_passes_once_a_target() {
        let rule = AnnounceRate { grace: 0, penalty: Duration::ZERO, ..RULE };
        let mut rate = Rate::default();
        let passed: Vec<u64> = (0..400).step_by(10).filter(|s| rate.admit(at(*s), &rule)).collect();
        // Not at the target itself: the block includes its end.
        assert_eq!(passed, [0, 110, 220, 330]);
    }

    #[test]
    fn a_block_may_leave_a_violation_behind() {
        // A destination that keeps announcing too often passes once a target only, as the field sees it.
        let rule = AnnounceRate::default();
        let mut rate = Rate::default();
        let passed = (0..24 * 60).filter(|minute| rate.admit(at(minute * 60), &rule)).count();
        assert!((24..=24 + 6).contains(&passed), "{passed}");
    }
}
