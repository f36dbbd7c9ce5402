//! Whether something comes in bursts on an interface: its rate over the last samples, and the state that follows from it
//! (`spec/reticulum.md` 4.8 and 5.6, PR-GATE 2). What becomes of what comes during a burst is not decided here.

use std::collections::VecDeque;
use std::time::Duration;

use crate::node::IngressRules;
use crate::time::Instant;

const SAMPLES_MAX: usize = 48;
const SPAN_MAX: Duration = Duration::from_secs(10);
/// Evaluations below the threshold, beyond the hold, that end a burst of path requests.
const REQUEST_QUIET: u8 = 3;

/// How often something happens.
#[derive(Debug, Default)]
pub(crate) struct Meter(VecDeque<Instant>);

impl Meter {
    /// It happened.
    pub(crate) fn sample(&mut self, now: Instant) {
        if self.0.len() == SAMPLES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// Times a second over the samples; one more of the old samples is forgotten each time it is asked.
    pub(crate) fn rate_hz(&mut self, now: Instant) -> f64 {
        let Some(&oldest) = self.0.front() else { return 0.0 };
        if self.0.len() <= 2 {
            return 0.0;
        }
        let rate = self.0.len() as f64 / now.since(oldest).as_secs_f64().max(1e-6);
        if now.since(oldest) > SPAN_MAX {
            self.0.pop_front();
        }
        rate
    }

    /// The same, for who only looks.
    pub(super) fn seen_hz(&self, now: Instant) -> f64 {
        match self.0.front() {
            Some(oldest) if self.0.len() > 2 => {
                self.0.len() as f64 / now.since(*oldest).as_secs_f64().max(1e-6)
            }
            _ => 0.0,
        }
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// What counts as a burst.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BurstRule {
    hz: f32,
    new_hz: f32,
    new_for: Duration,
    hold: Duration,
    quiet: u8,
}

impl BurstRule {
    /// Of announces.
    pub(crate) fn announces(rules: &IngressRules) -> Self {
        let IngressRules { burst_hz: hz, burst_new_hz: new_hz, new_for, burst_hold: hold, .. } = *rules;
        Self { hz, new_hz, new_for, hold, quiet: 0 }
    }

    /// Of path requests.
    pub(crate) fn requests(rules: &IngressRules) -> Self {
        let IngressRules { request_burst_hz: hz, request_burst_new_hz: new_hz, .. } = *rules;
        Self { hz, new_hz, quiet: REQUEST_QUIET, ..Self::announces(rules) }
    }
}

#[derive(Clone, Copy, Debug)]
struct Burst {
    activated: Instant,
    sustained: Instant,
    quiet: u8,
}

/// The state of one interface.
#[derive(Debug)]
pub(crate) struct Bursts {
    born: Instant,
    meter: Meter,
    burst: Option<Burst>,
    /// When the last burst began.
    began: Option<Instant>,
    /// Bursts so far.
    count: u64,
}

impl Bursts {
    /// For an interface added at `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Self { born: now, meter: Meter::default(), burst: None, began: None, count: 0 }
    }

    /// It happened.
    pub(crate) fn sample(&mut self, now: Instant) {
        self.meter.sample(now);
    }

    /// Whether a burst lasts, and whether it begins just now.
    pub(crate) fn evaluate(&mut self, now: Instant, rule: &BurstRule) -> (bool, bool) {
        let (rate, threshold) = (self.meter.rate_hz(now), self.threshold_hz(now, rule));
        let begins = self.burst.is_none() && rate > threshold;
        self.burst = match self.burst {
            None if begins => Some(Burst { activated: now, sustained: now, quiet: 0 }),
            Some(burst) if rate >= threshold => Some(Burst { sustained: now, quiet: 0, ..burst }),
            Some(burst)
                if now.since(burst.activated) > rule.hold
                    && now.since(burst.sustained) > rule.hold
                    && self.meter.len() >= 2 =>
            {
                (burst.quiet < rule.quiet).then_some(Burst { quiet: burst.quiet + 1, ..burst })
            }
            unchanged => unchanged,
        };
        if begins {
            self.began = Some(now);
            self.count += 1;
        }
        (self.burst.is_some(), begins)
    }

    /// How often it happens, for who only looks.
    pub(super) fn seen_hz(&self, now: Instant) -> f64 {
        self.meter.seen_hz(now)
    }

    /// Whether a burst lasts, as of the last evaluation.
    pub(super) fn is_bursting(&self) -> bool {
        self.burst.is_some()
    }

    /// When the last burst began.
    pub(super) fn began(&self) -> Option<Instant> {
        self.began
    }

    /// Bursts so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Whether it happens less often than the threshold.
    pub(crate) fn is_calm(&mut self, now: Instant, rule: &BurstRule) -> bool {
        self.meter.rate_hz(now) < self.threshold_hz(now, rule)
    }

    fn threshold_hz(&self, now: Instant, rule: &BurstRule) -> f64 {
        f64::from(if now.since(self.born) < rule.new_for { rule.new_hz } else { rule.hz })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    /// Whether a burst ever begins when it happens `hz` times a second for 20 s, from `from_s` on.
    fn bursts_at(hz: u64, from_s: u64, rule: &BurstRule) -> bool {
        let mut bursts = Bursts::new(Instant::ZERO);
        (0..20 * hz).any(|n| {
            let now = at(1000 * from_s + 1000 * n / hz);
            bursts.sample(now);
            bursts.evaluate(now, rule).0
        })
    }

    #[test]
    fn thresholds_row_by_row() {
        let rules = IngressRules::default();
        let (announces, requests) = (BurstRule::announces(&rules), BurstRule::requests(&rules));
        const NEW: u64 = 10;
        const AGED: u64 = 7200;
        // With the samples of the first second, n samples span n - 1 intervals, so the rate starts above the true one.
        let rows = [
            ("announces, new, 1 Hz", &announces, NEW, 1, false),
            ("announces, new, 4 Hz", &announces, NEW, 4, true),
            ("announces, aged, 4 Hz", &announces, AGED, 4, false),
            ("announces, aged, 12 Hz", &announces, AGED, 12, true),
            ("requests, new, 4 Hz", &requests, NEW, 4, true),
            ("requests, aged, 4 Hz", &requests, AGED, 4, false),
            ("requests, aged, 9 Hz", &requests, AGED, 9, true),
        ];
        for (row, rule, from_s, hz, expected) in rows {
            assert_eq!(bursts_at(hz, from_s, rule), expected, "{row}");
        }
    }

    #[test]
    fn two_samples_are_no_rate() {
        let mut meter = Meter::default();
        meter.sample(at(0));
        meter.sample(at(1));
        assert_eq!(meter.rate_hz(at(1)), 0.0);
        meter.sample(at(2));
        assert_eq!(meter.rate_hz(at(1000)), 3.0);
    }

    #[test]
    fn only_the_last_48_samples_count_and_old_ones_go_one_an_evaluation() {
        let mut meter = Meter::default();
        (0..100).for_each(|n| meter.sample(at(n)));
        assert_eq!(meter.len(), 48);
        assert!((meter.rate_hz(at(100)) - 48.0 / 0.048).abs() < 1.0, "the oldest of them is 48 ms old");
        meter.rate_hz(at(20_000));
        meter.rate_hz(at(20_000));
        assert_eq!(meter.len(), 46);
    }

    /// A burst, then silence with an evaluation a second; how many seconds it lasts.
    fn lasts(rule: &BurstRule) -> u64 {
        let mut bursts = Bursts::new(Instant::ZERO);
        for n in 0..10 {
            bursts.sample(at(n));
        }
        assert_eq!(bursts.evaluate(at(10), rule), (true, true));
        assert_eq!(bursts.evaluate(at(11), rule), (true, false));
        (1..200).find(|s| !bursts.evaluate(at(1000 * s), rule).0).unwrap()
    }

    #[test]
    fn a_burst_holds_for_15_seconds_of_quiet_and_one_of_requests_for_three_evaluations_more() {
        let rules = IngressRules::default();
        // 10 samples are at 3 Hz and more for the first 3 s, so it is sustained until then.
        let announces = lasts(&BurstRule::announces(&rules));
        assert_eq!(announces, 3 + 16);
        // Those evaluations also forget samples, but two remain.
        let mut short = BurstRule::requests(&rules);
        assert_eq!(lasts(&short), announces + 3);
        short.hold = Duration::from_secs(5);
        assert_eq!(lasts(&short), 3 + 6 + 3);
    }
}
