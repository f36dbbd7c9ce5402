//! Requests and responses (`spec/reticulum.md` section 7): as packets where they fit, else as resources.
//!
//! Owns which requests of ours wait for what. Of the peer's requests nothing is kept: whoever answers brings the id back,
//! so a flood of requests costs the link no memory.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Link;
use super::types::{LinkEvent, Refusal};
use crate::crypto::Rng;
use crate::hash::{PacketHash, PathHash, RequestId};
use crate::node::{LinkError, Priority, RequestFailure};
use crate::resource::{Content, Purpose, Received};
use crate::time::{Instant, TimerQueue, UnixTime};
use crate::wire::Context;
use crate::wire::msgpack::Reader;
use crate::wire::request::{Request, Response};

/// Requests of ours that may wait on one link; a further one is refused.
pub(super) const REQUESTS_MAX: usize = 256;
/// A response is waited for this many round trips (section 7.4) …
const RESPONSE_RTTS: u32 = 6;
/// … and this much longer.
const RESPONSE_WAIT: Duration = Duration::from_millis(11_250);

/// A peer whose first word came back this soon after our proof is near.
pub(super) const NEAR_ROUND_TRIP: Duration = Duration::from_millis(60);
/// An answer that leaves this soon after its request may be too early for its requester.
const EARLY: Duration = Duration::from_millis(5);
/// An early answer is repeated after this time, unless the peer is heard of meanwhile.
const REPEAT_AFTER: Duration = Duration::from_millis(30);

/// Our requests on one link, and the last answer of ours that may have come too early.
///
/// The stock client loses about one in a hundred answers that reach it within a millisecond: it notes that it waits for
/// one only after its request has left (docs/protocol-notes.md). It then says nothing for twelve seconds. So an answer to
/// somebody near is repeated once, unless they speak first. Nobody has to wait for it, and no slow link carries it.
#[derive(Debug, Default)]
pub(super) struct Requests {
    waiting: BTreeMap<RequestId, Waiting>,
    timers: TimerQueue<RequestId>,
    /// The peer is near enough to be answered too early.
    near: bool,
    /// When the last request came.
    asked_at: Option<Instant>,
    /// When to repeat which answer.
    repeat: Option<(Instant, Vec<u8>)>,
}

#[derive(Debug)]
struct Waiting {
    timeout: Duration,
    /// The response is coming in as a resource: its timers rule.
    receiving: bool,
}

impl Requests {
    /// Starts the clock of a request: it is on its way, or the resource that carried it is proven.
    fn start(&mut self, now: Instant, id: RequestId) {
        if let Some(waiting) = self.waiting.get(&id).filter(|waiting| !waiting.receiving) {
            self.timers.set(id, now + waiting.timeout);
        }
    }

    /// Forgets a request; `false` if there was none.
    fn remove(&mut self, id: &RequestId) -> bool {
        self.timers.cancel(id);
        self.waiting.remove(id).is_some()
    }

    /// Whether a response to this request may come as a new resource.
    pub(super) fn expects(&self, id: &RequestId) -> bool {
        self.waiting.get(id).is_some_and(|waiting| !waiting.receiving)
    }

    /// The response is coming in: the request's own clock stops.
    pub(super) fn start_receiving(&mut self, id: &RequestId) {
        if let Some(waiting) = self.waiting.get_mut(id) {
            waiting.receiving = true;
            self.timers.cancel(id);
        }
    }

    /// When [`Link::expire_requests`] or [`Link::repeat_answer`] is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let repeat = self.repeat.as_ref().map(|(at, _)| *at);
        self.timers.next_deadline().into_iter().chain(repeat).min()
    }

    pub(super) fn set_near(&mut self, near: bool) {
        self.near = near;
    }

    /// The peer is heard of, so it does not wait in vain.
    pub(super) fn drop_repeat(&mut self) {
        self.repeat = None;
    }

    /// Keeps an answer that may come too early.
    fn answered(&mut self, now: Instant, packed: Vec<u8>) {
        if self.near && self.asked_at.is_some_and(|asked_at| now.since(asked_at) < EARLY) {
            self.repeat = Some((now + REPEAT_AFTER, packed));
        }
    }
}

impl Link {
    /// Asks the peer. `data` is one MessagePack value; the id names the request in the event that ends it. The timeout is
    /// by default that of section 7.4.
    pub(crate) fn request(
        &mut self,
        now: Instant,
        unix: UnixTime,
        rng: &mut Rng,
        path: PathHash,
        data: &[u8],
        timeout: Option<Duration>,
    ) -> Result<RequestId, LinkError> {
        self.open_token()?;
        check_one_value(data)?;
        if self.requests.waiting.len() >= REQUESTS_MAX {
            return Err(LinkError::Busy);
        }
        let mut packed = Vec::new();
        Request { requested_at_secs: unix.as_secs_f64(), path, data }.emit(&mut packed);
        let timeout = timeout.unwrap_or(self.rtt * RESPONSE_RTTS + RESPONSE_WAIT);
        let waiting = Waiting { timeout, receiving: false };
        if packed.len() <= self.mdu() {
            let hash = self.transmit_named(now, rng, Context::REQUEST, &packed, Priority::Reply);
            let id = id_of_packet(hash);
            self.requests.waiting.insert(id, waiting);
            self.requests.start(now, id);
            return Ok(id);
        }
        let id = Request::id_as_resource(&packed);
        if self.requests.waiting.contains_key(&id) {
            return Err(LinkError::Busy);
        }
        let content = Content { data: packed, metadata: None, compress: true, purpose: Purpose::Request(id) };
        self.enqueue(now, rng, content)?;
        self.requests.waiting.insert(id, waiting);
        Ok(id)
    }

    /// Bounds the requests that the peer may send from now on.
    pub(crate) fn set_request_size_max(&mut self, bytes: u64) {
        self.config.request_size_max = bytes;
    }

    /// Answers a request of the peer with one MessagePack value.
    pub(crate) fn respond(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        id: RequestId,
        value: &[u8],
    ) -> Result<(), LinkError> {
        self.open_token()?;
        check_one_value(value)?;
        let mut packed = Vec::new();
        Response { id, value }.emit(&mut packed);
        if packed.len() <= self.mdu() {
            self.transmit_sealed(now, rng, Context::RESPONSE, &packed, Priority::Reply);
            self.requests.answered(now, packed);
            return Ok(());
        }
        let content =
            Content { data: packed, metadata: None, compress: true, purpose: Purpose::Response(id) };
        self.enqueue(now, rng, content).map(drop)
    }

    /// Answers a request of the peer with a file.
    pub(crate) fn respond_with_file(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        id: RequestId,
        data: Vec<u8>,
        metadata: Vec<u8>,
    ) -> Result<(), LinkError> {
        self.open_token()?;
        check_one_value(&metadata)?;
        let purpose = Purpose::Response(id);
        let content = Content { data, metadata: Some(metadata), compress: true, purpose };
        self.enqueue(now, rng, content).map(drop)
    }

    /// Sends an answer once more that may have come too early.
    pub(super) fn repeat_answer(&mut self, now: Instant, rng: &mut Rng) {
        if let Some((_, packed)) = self.requests.repeat.take_if(|(at, _)| now >= *at) {
            self.transmit_sealed(now, rng, Context::RESPONSE, &packed, Priority::Reply);
        }
    }

    pub(super) fn handle_request(
        &mut self,
        now: Instant,
        packed: &[u8],
        hash: PacketHash,
    ) -> Result<(), Refusal> {
        self.requests.asked_at = Some(now);
        match self.config.request_size_max {
            0 => Err(Refusal::RequestsNotServed),
            max if packed.len() as u64 > max => Err(Refusal::RequestTooLarge),
            _ => self.deliver_request(id_of_packet(hash), packed),
        }
    }

    /// A request, in whatever way it came.
    pub(super) fn deliver_request(&mut self, id: RequestId, packed: &[u8]) -> Result<(), Refusal> {
        let request = Request::parse(packed).map_err(|_| Refusal::Malformed)?;
        let requested_at = UnixTime::from_secs_f64(request.requested_at_secs);
        let data = request.data.to_vec();
        self.event(LinkEvent::Request { id, path: request.path, data, requested_at });
        Ok(())
    }

    pub(super) fn handle_response(&mut self, packed: &[u8]) -> Result<(), Refusal> {
        let response = Response::parse(packed).map_err(|_| Refusal::Malformed)?;
        let id = response.id;
        if !self.requests.expects(&id) {
            return Err(Refusal::ResponseUnknown);
        }
        self.requests.remove(&id);
        if response.value.len() as u64 > self.config.response_size_max {
            self.event(LinkEvent::RequestFailed { id, reason: RequestFailure::TooLarge });
            return Err(Refusal::ResponseTooLarge);
        }
        self.event(LinkEvent::Response { id, value: response.value.to_vec(), metadata: None });
        Ok(())
    }

    /// A response that came as a resource: a file if it has metadata (section 7.3).
    pub(super) fn deliver_response(&mut self, id: RequestId, received: Received) {
        if !self.requests.remove(&id) {
            return;
        }
        let Received { data, metadata, .. } = received;
        if metadata.is_some() {
            return self.event(LinkEvent::Response { id, value: data, metadata });
        }
        match Response::parse(&data) {
            Ok(response) if response.id == id => {
                self.event(LinkEvent::Response { id, value: response.value.to_vec(), metadata: None });
            }
            _ => self.event(LinkEvent::RequestFailed { id, reason: RequestFailure::Transfer }),
        }
    }

    /// The resource that carried a request arrived.
    pub(super) fn request_sent(&mut self, now: Instant, id: RequestId) {
        self.requests.start(now, id);
    }

    /// The request cannot be answered any more.
    pub(super) fn fail_request(&mut self, id: RequestId, reason: RequestFailure) {
        if self.requests.remove(&id) {
            self.event(LinkEvent::RequestFailed { id, reason });
        }
    }

    pub(super) fn expire_requests(&mut self, now: Instant) {
        while let Some(id) = self.requests.timers.pop_due(now) {
            self.fail_request(id, RequestFailure::Timeout);
        }
    }

    pub(super) fn end_requests(&mut self) {
        while let Some((&id, _)) = self.requests.waiting.first_key_value() {
            self.fail_request(id, RequestFailure::LinkClosed);
        }
    }
}

/// The id of a request in a packet, over its ciphertext (section 7.1).
fn id_of_packet(hash: PacketHash) -> RequestId {
    RequestId::new(*hash.proof_address().as_bytes())
}

fn check_one_value(data: &[u8]) -> Result<(), LinkError> {
    let mut reader = Reader::new(data);
    match reader.skip() {
        Ok(()) if reader.is_empty() => Ok(()),
        _ => Err(LinkError::NotMessagePack),
    }
}
