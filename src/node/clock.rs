//! The only place of the node that reads a clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reticulum::time::{Instant, UnixTime};

/// The engine's epoch lies this long before the process started, so that no subtraction reaches its zero.
const EPOCH_BEFORE_START: Duration = Duration::from_secs(7 * 24 * 3600);

/// Monotonic time for the engine, and the wall clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: std::time::Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: std::time::Instant::now() }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::ZERO + EPOCH_BEFORE_START + self.started.elapsed()
    }

    /// The wall clock. A clock before 1970 reads as 1970: a Pi without a battery starts there.
    pub(crate) fn unix(&self) -> UnixTime {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixTime::from_micros(since_1970.as_micros() as u64)
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// When a deadline of the engine falls on the system's monotonic clock.
    pub(crate) fn system(&self, deadline: Instant) -> std::time::Instant {
        self.started + deadline.since(Instant::ZERO + EPOCH_BEFORE_START)
    }
}
