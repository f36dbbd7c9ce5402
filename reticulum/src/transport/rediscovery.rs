//! Path requests that we send of our own accord, because a link request through us was never answered
//! (`spec/reticulum.md` 5.6): one every half second, few waiting.

use std::collections::VecDeque;
use std::time::Duration;

use crate::hash::DestinationHash;
use crate::node::InterfaceId;
use crate::time::Instant;

const INTERVAL: Duration = Duration::from_millis(500);
/// Further ones are not sent.
const WAITING_MAX: usize = 32;

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Rediscovery {
    waiting: VecDeque<(DestinationHash, Option<InterfaceId>)>,
    next_at: Instant,
}

impl Rediscovery {
    /// Asks for the way to `destination`, on all interfaces but one, unless that waits already or too many do.
    pub(crate) fn push(&mut self, now: Instant, destination: DestinationHash, avoid: Option<InterfaceId>) {
        if self.waiting.len() < WAITING_MAX && self.waiting.iter().all(|(waiting, _)| *waiting != destination)
        {
            self.next_at = self.next_at.max(now);
            self.waiting.push_back((destination, avoid));
        }
    }

    /// The next request whose turn it is.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(DestinationHash, Option<InterfaceId>)> {
        if now < self.next_at {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.next_at = now + INTERVAL;
        Some(next)
    }

    /// When the next one's turn comes.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.next_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_spaced_bounded_and_one_a_destination() {
        let to = |n| DestinationHash::new([n; 16]);
        let start = Instant::ZERO + Duration::from_secs(9);
        let mut rediscovery = Rediscovery::default();
        assert_eq!(rediscovery.poll_timeout(), None);
        for n in 0..100 {
            rediscovery.push(start, to(n), None);
            rediscovery.push(start, to(n), Some(InterfaceId(1)));
        }
        assert_eq!(rediscovery.pop_due(start), Some((to(0), None)));
        assert_eq!(rediscovery.pop_due(start), None);
        let mut sent = 1;
        while let Some(at) = rediscovery.poll_timeout() {
            assert_eq!(at, start + INTERVAL * sent);
            assert_eq!(rediscovery.pop_due(at).map(|(to, _)| to), Some(to(sent as u8)));
            sent += 1;
        }
        assert_eq!(sent as usize, WAITING_MAX);
    }
}
