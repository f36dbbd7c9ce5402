//! One radio: its queue, and where it stands in contending for the air. What is on the air is the channel's matter.

use std::collections::VecDeque;
use std::time::Duration;

use super::Tuning;
use crate::framing::Joiner;
use crate::ledger::{AirtimeLimits, Ledger};

/// A radio queues at most this many packets; one more is refused (interfaces.md section 10.5: 24 to 200).
pub const RADIO_QUEUE_PACKETS_MAX: usize = 24;

/// A radio queues at most this many bytes; a packet that does not fit is refused (interfaces.md section 10.5: 5 to 6 KiB).
pub const RADIO_QUEUE_BYTES_MAX: usize = 6 * 1024;

#[derive(Debug)]
pub(super) struct Radio {
    pub(super) tuning: Option<Tuning>,
    pub(super) tuned_at: Duration,
    pub(super) limits: AirtimeLimits,
    pub(super) ledger: Ledger,
    pub(super) joiner: Joiner,
    pub(super) queue: VecDeque<Vec<u8>>,
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    Idle,
    /// With something to send: `slots` are left to count, while it is quiet.
    Waiting {
        slots: u32,
        quiet_since: Option<Duration>,
        not_before: Duration,
    },
    Sending {
        airtime: Duration,
        until: Duration,
    },
}

impl Radio {
    pub(super) fn new() -> Self {
        Self {
            tuning: None,
            tuned_at: Duration::ZERO,
            limits: AirtimeLimits::default(),
            ledger: Ledger::new(),
            joiner: Joiner::default(),
            queue: VecDeque::new(),
            state: State::Idle,
        }
    }

    pub(super) fn retune(&mut self, now: Duration, tuning: Option<Tuning>) {
        self.tuning = tuning;
        self.tuned_at = now;
        self.joiner.clear();
        if tuning.is_none() {
            self.queue.clear();
            if let State::Waiting { .. } = self.state {
                self.state = State::Idle;
            }
        }
    }

    pub(super) fn has_room(&self, packet_len: usize) -> bool {
        let queued: usize = self.queue.iter().map(Vec::len).sum();
        self.queue.len() < RADIO_QUEUE_PACKETS_MAX && queued + packet_len <= RADIO_QUEUE_BYTES_MAX
    }

    /// When its state changes next, if nobody else does anything.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match (self.state, self.tuning) {
            (State::Sending { until, .. }, _) => Some(until),
            (State::Waiting { slots, quiet_since: Some(since), not_before }, Some(tuning)) => {
                let modulation = tuning.modulation;
                Some((since + modulation.difs() + modulation.csma_slot() * slots).max(not_before))
            }
            _ => None,
        }
    }

    /// Somebody sends: the slots that have passed are counted, the rest waits.
    pub(super) fn stop_counting(&mut self, now: Duration) {
        let Some(modulation) = self.tuning.map(|tuning| tuning.modulation) else { return };
        if let State::Waiting { slots, quiet_since, .. } = &mut self.state
            && let Some(since) = quiet_since.take()
        {
            let counted = now.saturating_sub(since + modulation.difs());
            let passed = counted.as_nanos() / modulation.csma_slot().as_nanos();
            *slots = slots.saturating_sub(u32::try_from(passed).unwrap_or(u32::MAX));
        }
    }

    pub(super) fn fell_quiet(&mut self, now: Duration) {
        if let State::Waiting { quiet_since, .. } = &mut self.state {
            *quiet_since = Some(now);
        }
    }
}
