//! Keeping a medium open: when it ends or cannot be opened, wait and try again. For TCP clients, serial devices, pipes.
//!
//! The wait is the configured interval (5 s as everywhere in this field, so that a restarted server or a re-plugged
//! radio is soon back), plus up to a tenth of it at random, so that the clients of a restarted server do not all come
//! in the same instant. After every twelve failures in a row (a minute) it grows by one interval, to six of them: what
//! is gone for days costs two attempts a minute.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::Notice;
use crate::stream::NodeGone;

/// interfaces.md sections 4, 7 and 10.3.
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);

/// The wait grows by an interval after this many failures in a row, to at most `WAIT_INTERVALS_MAX` intervals.
const FAILURES_PER_STEP: u32 = 12;
const WAIT_INTERVALS_MAX: u32 = 6;

/// How a session with a medium ended, with the reason for people.
pub(crate) enum Ended {
    /// It could not be opened.
    NotOpened(String),
    /// It was open.
    Closed(String),
}

/// What opens a medium and carries its frames.
pub(crate) trait Session {
    /// What it connects to, for people.
    fn target(&self) -> &str;

    /// Opens the medium and carries its frames until it ends.
    async fn run(&mut self, notices: &mpsc::Sender<Notice>) -> Result<Ended, NodeGone>;
}

/// Runs one session after the other until the node is gone.
pub(crate) async fn keep_open(
    interface: usize,
    interval: Duration,
    mut session: impl Session,
    notices: mpsc::Sender<Notice>,
) {
    let mut failures = 0;
    loop {
        let reason = match session.run(&notices).await {
            Ok(Ended::NotOpened(reason)) => {
                failures += 1;
                reason
            }
            Ok(Ended::Closed(reason)) => {
                failures = 0;
                reason
            }
            Err(NodeGone) => return,
        };
        let wait = wait(interval, failures);
        let reason = format!("{}: {reason}; next attempt in {} s", session.target(), wait.as_secs());
        if notices.send(Notice::Waiting { interface, reason }).await.is_err() {
            return;
        }
        sleep(wait + jitter(interval / 10)).await;
    }
}

fn wait(interval: Duration, failures: u32) -> Duration {
    interval * (1 + failures / FAILURES_PER_STEP).min(WAIT_INTERVALS_MAX)
}

/// Below `max`, from the randomness that the standard library seeds its hash maps with.
pub(crate) fn jitter(max: Duration) -> Duration {
    let random = RandomState::new().hash_one(0_u8) as u32;
    max.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_once_a_minute_and_stays_bounded() {
        let rows = [(0, 5), (1, 5), (11, 5), (12, 10), (24, 15), (60, 30), (1000, 30), (u32::MAX, 30)];
        for (failures, wait_s) in rows {
            assert_eq!(wait(INTERVAL, failures).as_secs(), wait_s, "{failures} failures");
        }
        assert!((0..100).all(|_| jitter(INTERVAL) <= INTERVAL));
    }
}
