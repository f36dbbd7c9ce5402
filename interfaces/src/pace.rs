//! Pacing of radios: a modem takes bytes far faster than it sends them, and what is in its queue can no longer be
//! re-ordered or dropped. So the driver keeps a frame back until the one before it is off the air.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

#[derive(Debug)]
pub(crate) struct Pace {
    bitrate_bps: u64,
    free_at: Instant,
}

impl Pace {
    pub(crate) fn new(bitrate_bps: u64) -> Self {
        Self { bitrate_bps: bitrate_bps.max(1), free_at: Instant::now() }
    }

    /// Waits until everything given to the modem is off the air, by its bitrate.
    pub(crate) async fn clear(&self) {
        sleep_until(self.free_at).await;
    }

    /// Counts a frame that was just given to the modem.
    pub(crate) fn sent(&mut self, bytes: usize) {
        let airtime = Duration::from_micros((bytes as u64).saturating_mul(8_000_000) / self.bitrate_bps);
        self.free_at = self.free_at.max(Instant::now()) + airtime;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn frames_wait_for_the_air_time_of_those_before() {
        let start = Instant::now();
        let mut pace = Pace::new(1200);
        pace.clear().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        pace.sent(150);
        pace.sent(300);
        pace.clear().await;
        assert_eq!(start.elapsed().as_millis(), 3000);
    }
}
