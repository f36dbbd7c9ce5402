//! Whether the other end is still there: keepalive probes, stale, grace (`spec/reticulum.md` 6.7).
//!
//! Owns the times of the last packet in each direction. Does not own the decision to close.

use std::time::Duration;

use super::types::Refusal;
use super::{Link, State};
use crate::node::{LinkRole, Priority};
use crate::time::Instant;
use crate::wire::link::{KEEPALIVE_ANSWER, KEEPALIVE_PROBE};
use crate::wire::{Context, PacketType};

/// Shortest interval between probes (section 1.3).
const INTERVAL_MIN: Duration = Duration::from_secs(5);
/// Longest interval between probes, reached at [`RTT_AT_INTERVAL_MAX`].
const INTERVAL_MAX: Duration = Duration::from_secs(360);
/// Round-trip time from which the interval is the longest (section 6.7).
const RTT_AT_INTERVAL_MAX: Duration = Duration::from_micros(1_750_000);
/// A link is stale after this many intervals of silence.
const STALE_INTERVALS: u32 = 2;
/// How long a stale link is given before it closes: min(4 · rtt + 5 s, 5 s), which is always this.
const STALE_GRACE: Duration = Duration::from_secs(5);

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Initiator: send a probe.
    Probe,
    /// The link became stale.
    Stale,
    /// The grace of a stale link is over.
    Close,
}

/// The clockwork of one open link.
#[derive(Debug)]
pub(super) struct Liveness {
    role: LinkRole,
    /// Round-trip time as the initiator sees it, from which it derives its interval.
    initiator_rtt: Duration,
    interval: Duration,
    last_in: Instant,
    last_out: Instant,
    last_probe: Option<Instant>,
    stale_since: Option<Instant>,
}

/// Interval between probes at this round-trip time.
pub(super) fn interval(rtt: Duration) -> Duration {
    let scaled_us =
        rtt.as_micros().saturating_mul(INTERVAL_MAX.as_micros()) / RTT_AT_INTERVAL_MAX.as_micros();
    Duration::from_micros(scaled_us.min(INTERVAL_MAX.as_micros()) as u64).max(INTERVAL_MIN)
}

impl Liveness {
    /// Starts at the link's activation.
    pub(super) fn new(role: LinkRole, now: Instant, rtt: Duration) -> Self {
        Self {
            role,
            initiator_rtt: rtt,
            interval: interval(rtt),
            last_in: now,
            last_out: now,
            last_probe: None,
            stale_since: None,
        }
    }

    /// Responder: learns the round-trip time of the link and the one that the initiator measured.
    pub(super) fn set_rtt(&mut self, rtt: Duration, initiator_rtt: Duration) {
        self.interval = interval(rtt);
        self.initiator_rtt = initiator_rtt;
    }

    /// A packet arrived. It revives a stale link.
    pub(super) fn heard(&mut self, now: Instant) {
        self.last_in = now;
        self.stale_since = None;
    }

    /// A packet was sent.
    pub(super) fn sent(&mut self, now: Instant) {
        self.last_out = now;
    }

    /// Whether the responder has been silent for so long that a probe needs an answer.
    ///
    /// Measured in the *initiator's* interval, or a responder that measured a longer rtt would let the initiator's
    /// link go stale; and a round trip early, or the jitter of the probes would suppress every other answer.
    pub(super) fn answers_probe(&self, now: Instant) -> bool {
        self.role == LinkRole::Responder
            && now.since(self.last_out) + self.initiator_rtt >= interval(self.initiator_rtt)
    }

    /// Takes one thing that is due; call until `None`.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        if let Some(since) = self.stale_since {
            return (now >= since + STALE_GRACE).then_some(Due::Close);
        }
        if self.probe_at().is_some_and(|at| now >= at) {
            self.last_probe = Some(now);
            return Some(Due::Probe);
        }
        (now >= self.stale_at()).then(|| {
            self.stale_since = Some(now);
            Due::Stale
        })
    }

    /// When something is due next.
    pub(super) fn deadline(&self) -> Instant {
        match (self.stale_since, self.probe_at()) {
            (Some(since), _) => since + STALE_GRACE,
            (None, Some(probe_at)) => probe_at.min(self.stale_at()),
            (None, None) => self.stale_at(),
        }
    }

    /// Whether the link is stale.
    pub(super) fn is_stale(&self) -> bool {
        self.stale_since.is_some()
    }

    fn stale_at(&self) -> Instant {
        self.last_in + self.interval * STALE_INTERVALS
    }

    fn probe_at(&self) -> Option<Instant> {
        if self.role == LinkRole::Responder {
            return None;
        }
        let idle_at = self.last_in.min(self.last_out) + self.interval;
        Some(self.last_probe.map_or(idle_at, |probed| idle_at.max(probed + self.interval)))
    }
}

impl Link {
    pub(super) fn handle_keepalive(&mut self, now: Instant, data: &[u8]) -> Result<(), Refusal> {
        match (self.role, data) {
            (LinkRole::Responder, [KEEPALIVE_PROBE]) => {
                // Before it is open here, the initiator's round-trip time was lost: it must not think us dead.
                let silent = match &self.state {
                    State::Open(open) => open.liveness.answers_probe(now),
                    _ => true,
                };
                if silent {
                    let answer = vec![KEEPALIVE_ANSWER];
                    self.transmit(now, PacketType::Data, Context::KEEPALIVE, answer, Priority::Link);
                }
                Ok(())
            }
            (LinkRole::Initiator, [KEEPALIVE_ANSWER]) => Ok(()),
            (_, [KEEPALIVE_PROBE | KEEPALIVE_ANSWER]) => Err(Refusal::WrongRole),
            _ => Err(Refusal::Malformed),
        }
    }

    pub(super) fn send_probe(&mut self, now: Instant) {
        let probe = vec![KEEPALIVE_PROBE];
        self.transmit(now, PacketType::Data, Context::KEEPALIVE, probe, Priority::Link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn interval_follows_the_round_trip_time_between_its_bounds() {
        for (rtt_ms, interval_ms) in
            [(0, 5_000), (24, 5_000), (350, 72_000), (1_750, 360_000), (9_000, 360_000)]
        {
            assert_eq!(interval(ms(rtt_ms)), ms(interval_ms), "rtt {rtt_ms} ms");
        }
    }

    #[test]
    fn initiator_probes_then_is_stale_then_closes() {
        let mut liveness = Liveness::new(LinkRole::Initiator, at(0), ms(10));
        assert_eq!(liveness.deadline(), at(5_000));
        assert_eq!(liveness.due(at(4_999)), None);
        assert_eq!(liveness.due(at(5_000)), Some(Due::Probe));
        liveness.sent(at(5_000));
        assert_eq!(liveness.due(at(5_000)), None);
        assert_eq!(liveness.deadline(), at(10_000));
        assert_eq!(liveness.due(at(10_000)), Some(Due::Probe));
        assert_eq!(liveness.due(at(10_000)), Some(Due::Stale));
        assert!(liveness.is_stale());
        assert_eq!(liveness.deadline(), at(15_000));
        assert_eq!(liveness.due(at(14_999)), None);
        assert_eq!(liveness.due(at(15_000)), Some(Due::Close));
    }

    #[test]
    fn responder_never_probes() {
        let mut liveness = Liveness::new(LinkRole::Responder, at(0), ms(10));
        assert_eq!(liveness.deadline(), at(10_000));
        assert_eq!(liveness.due(at(10_000)), Some(Due::Stale));
        assert_eq!(liveness.due(at(15_000)), Some(Due::Close));
    }

    #[test]
    fn anything_heard_revives_a_stale_link() {
        let mut liveness = Liveness::new(LinkRole::Responder, at(0), ms(10));
        assert_eq!(liveness.due(at(10_000)), Some(Due::Stale));
        liveness.heard(at(12_000));
        assert!(!liveness.is_stale());
        assert_eq!(liveness.due(at(15_000)), None);
        assert_eq!(liveness.deadline(), at(22_000));
    }

    #[test]
    fn a_talking_initiator_still_probes_a_silent_responder() {
        let mut liveness = Liveness::new(LinkRole::Initiator, at(0), ms(10));
        for second in 1..5 {
            liveness.sent(at(second * 1_000));
        }
        assert_eq!(liveness.due(at(5_000)), Some(Due::Probe));
    }

    #[test]
    fn a_talking_responder_is_still_probed_by_a_silent_initiator() {
        let mut liveness = Liveness::new(LinkRole::Initiator, at(0), ms(10));
        for second in 1..=5 {
            liveness.heard(at(second * 1_000));
        }
        assert_eq!(liveness.due(at(5_000)), Some(Due::Probe));
    }

    #[test]
    fn two_talking_ends_need_no_probe() {
        let mut liveness = Liveness::new(LinkRole::Initiator, at(0), ms(10));
        liveness.sent(at(4_000));
        liveness.heard(at(4_500));
        assert_eq!(liveness.due(at(5_000)), None);
        assert_eq!(liveness.deadline(), at(9_000));
    }

    #[test]
    fn a_probe_is_answered_only_after_an_interval_of_silence() {
        let mut liveness = Liveness::new(LinkRole::Responder, at(0), ms(10));
        assert!(!liveness.answers_probe(at(4_989)));
        assert!(liveness.answers_probe(at(4_990)));
        liveness.sent(at(5_000));
        assert!(!liveness.answers_probe(at(9_000)));
    }

    #[test]
    fn a_probe_is_answered_in_the_initiators_interval() {
        let mut liveness = Liveness::new(LinkRole::Responder, at(0), ms(350));
        liveness.set_rtt(ms(350), ms(10));
        assert!(liveness.answers_probe(at(5_000)));
        assert_eq!(liveness.deadline(), at(144_000));
    }

    #[test]
    fn an_initiator_answers_no_probe() {
        assert!(!Liveness::new(LinkRole::Initiator, at(0), ms(10)).answers_probe(at(100_000)));
    }
}
