//! Path requests: those of our own that wait for an answer, and the tags of those heard (`spec/reticulum.md` 5.6).
//!
//! The discovery on behalf of others, and the gate that goes with it, are in `discovery`.

use std::time::Duration;

use super::seen::Seen;
use crate::hash::{DestinationHash, IdentityHash, sha256_of};
use crate::time::{Instant, TimerQueue};

/// How long a request of ours counts as unanswered.
const REQUEST_LIFETIME: Duration = Duration::from_secs(45);
/// A request for the same destination is not repeated sooner.
const REQUEST_INTERVAL: Duration = Duration::from_secs(20);
/// Longest tag that counts.
const TAG_MAX: usize = 16;

/// A path request as it is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PathRequest<'a> {
    /// Whose path is asked for.
    pub(crate) destination: DestinationHash,
    /// The transport that asks; none for an end point.
    pub(crate) requester: Option<IdentityHash>,
    /// Distinguishes requests.
    pub(crate) tag: &'a [u8],
}

impl<'a> PathRequest<'a> {
    /// Parses the body of a path request; none without a tag.
    pub(crate) fn parse(body: &'a [u8]) -> Option<Self> {
        let (destination, rest) = body.split_first_chunk::<16>()?;
        // More than 32 bytes: the requester is a transport, and its identity hash is in between.
        let (requester, tag) = match rest.split_first_chunk::<16>() {
            Some((requester, tag)) if !tag.is_empty() => (Some(IdentityHash::new(*requester)), tag),
            _ => (None, rest),
        };
        let tag = &tag[..tag.len().min(TAG_MAX)];
        (!tag.is_empty()).then_some(Self { destination: DestinationHash::new(*destination), requester, tag })
    }

    /// The body, as a transport of this identity or an end point sends it.
    pub(crate) fn body(&self) -> Vec<u8> {
        let requester = self.requester.as_ref().map_or(&[][..], |id| id.as_ref());
        [self.destination.as_ref(), requester, self.tag].concat()
    }

    fn key(&self) -> [u8; 16] {
        let hash = sha256_of(&[self.destination.as_ref(), self.tag]);
        *hash.first_chunk().expect("32 is more than 16")
    }
}

/// Path requests in both directions.
#[derive(Debug)]
pub(crate) struct PathRequests {
    tags: Seen,
    /// Each of ours, until its record ends.
    sent: TimerQueue<DestinationHash>,
    max: usize,
}

impl PathRequests {
    /// Remembers twice `tags_max` tags and `max` requests of ours; the oldest makes room.
    pub(crate) fn new(tags_max: usize, max: usize) -> Self {
        Self { tags: Seen::new(tags_max), sent: TimerQueue::default(), max: max.max(1) }
    }

    /// Remembers the tag of a request; false if it was known.
    pub(crate) fn is_new(&mut self, request: &PathRequest<'_>) -> bool {
        self.tags.insert(request.key())
    }

    /// Records a request of ours; false if one for the same destination was sent a moment ago.
    pub(crate) fn begin(&mut self, now: Instant, destination: DestinationHash) -> bool {
        self.handle_timeout(now);
        let until = self.sent.deadline(&destination);
        if until.is_some_and(|until| now + REQUEST_LIFETIME < until + REQUEST_INTERVAL) {
            return false;
        }
        if until.is_none() && self.sent.len() >= self.max {
            self.sent.pop_due(Instant::from_micros(u64::MAX));
        }
        self.sent.set(destination, now + REQUEST_LIFETIME);
        true
    }

    /// Whether a request for `destination` is unanswered.
    pub(crate) fn is_waiting(&self, destination: &DestinationHash) -> bool {
        self.sent.deadline(destination).is_some()
    }

    /// Ends the record of a request that was answered; whether there was one.
    pub(crate) fn finish(&mut self, destination: &DestinationHash) -> bool {
        let waiting = self.is_waiting(destination);
        self.sent.cancel(destination);
        waiting
    }

    /// Ends records that are too old.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while self.sent.pop_due(now).is_some() {}
    }

    /// When the next record ends.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.sent.next_deadline()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: DestinationHash = DestinationHash::new([1; 16]);

    #[test]
    fn the_tag_is_found_in_every_form() {
        let body = |len: usize| (0..len).map(|n| if n < 16 { 1 } else { n as u8 }).collect::<Vec<u8>>();
        let tag =
            |len| PathRequest::parse(&body(len)).map(|request| (request.destination, request.tag.to_vec()));
        assert_eq!(tag(15), None);
        assert_eq!(tag(16), None);
        assert_eq!(tag(17), Some((WANTED, vec![16])));
        assert_eq!(tag(32), Some((WANTED, (16..32).collect())));
        assert_eq!(tag(33), Some((WANTED, vec![32])), "a transport's: its identity, then the tag");
        assert_eq!(tag(48), Some((WANTED, (32..48).collect())));
        assert_eq!(tag(60), Some((WANTED, (32..48).collect())), "a long tag is cut");
        let requester = |len| PathRequest::parse(&body(len)).unwrap().requester;
        assert_eq!(requester(32), None);
        assert_eq!(requester(48), Some(IdentityHash::new(std::array::from_fn(|n| 16 + n as u8))));
        for len in [17, 32, 33, 48] {
            assert_eq!(PathRequest::parse(&body(len)).unwrap().body(), body(len));
        }
    }

    #[test]
    fn a_tag_counts_once_per_destination() {
        let mut requests = PathRequests::new(10, 10);
        let request = PathRequest { destination: WANTED, requester: None, tag: &[5; 16] };
        assert!(requests.is_new(&request));
        assert!(!requests.is_new(&request));
        assert!(requests.is_new(&PathRequest { destination: DestinationHash::new([2; 16]), ..request }));
    }

    #[test]
    fn requests_of_ours_are_spaced_and_end() {
        let mut requests = PathRequests::new(10, 2);
        let at = |s| Instant::ZERO + Duration::from_secs(s);
        assert!(requests.begin(at(0), WANTED));
        assert!(!requests.begin(at(19), WANTED));
        assert!(requests.begin(at(20), WANTED));
        assert!(requests.is_waiting(&WANTED));
        assert_eq!(requests.poll_timeout(), Some(at(65)));
        requests.handle_timeout(at(65));
        assert!(!requests.is_waiting(&WANTED));
        assert!(requests.begin(at(66), WANTED));
        assert!(requests.finish(&WANTED));
        assert!(!requests.finish(&WANTED));
    }

    #[test]
    fn the_oldest_request_makes_room() {
        let mut requests = PathRequests::new(10, 2);
        for n in 1..4 {
            requests.begin(Instant::from_micros(n), DestinationHash::new([n as u8; 16]));
        }
        assert!(!requests.is_waiting(&WANTED));
        assert_eq!(requests.sent.len(), 2);
    }
}
