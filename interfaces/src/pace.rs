//! Pacing of radios: a modem takes bytes far faster than it sends them, and what is in its queue can no longer be
//! re-ordered or dropped. So the driver keeps a frame back until the one before it is off the air.

use std::time::Duration;

use tokio::time::Instant;

/// When the air is free.
#[derive(Debug)]
pub(crate) struct Pace {
    free_at: Instant,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { free_at: Instant::now() }
    }

    /// When everything given to the modem is off the air.
    pub(crate) fn free_at(&self) -> Instant {
        self.free_at
    }

    /// Counts a frame that was just given to the modem.
    pub(crate) fn sent(&mut self, airtime: Duration) {
        self.free_at = self.free_at.max(Instant::now()) + airtime;
    }
}

/// Air time where nothing is known but the bitrate.
pub(crate) fn airtime(bytes: usize, bitrate_bps: u64) -> Duration {
    Duration::from_micros((bytes as u64).saturating_mul(8_000_000) / bitrate_bps.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn frames_wait_for_the_air_time_of_those_before() {
        let start = Instant::now();
        let mut pace = Pace::new();
        assert_eq!(pace.free_at(), start);
        pace.sent(airtime(150, 1200));
        pace.sent(airtime(300, 1200));
        assert_eq!(pace.free_at() - start, Duration::from_secs(3));
        tokio::time::sleep(Duration::from_secs(10)).await;
        pace.sent(airtime(150, 1200));
        assert_eq!(pace.free_at() - start, Duration::from_secs(11));
    }
}
