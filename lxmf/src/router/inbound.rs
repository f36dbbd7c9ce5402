//! From the arrival of bytes to a verified message.
//!
//! Owns what is on hold. A packet or resource that came is parsed here, which takes well below a microsecond; its
//! signature is checked elsewhere.

use std::sync::Arc;

use reticulum::crypto::PublicIdentity;
use reticulum::hash::{DestinationHash, LinkId};
use reticulum::node::{LinkError, PendingProof, ResourceId};
use reticulum::time::Instant;

use super::hold::{Ask, Hold};
use super::work::{Verified, VerifyJob, Work};
use super::{Ack, Context, Output, RawMessage, Received, Refusal, Stamped};
use crate::message::{Message, Method, UnpackError, Unverified};
use crate::stamp::STAMP_LEN;
use crate::ticket::Ticket;

/// What came, before anything is known about it.
#[derive(Debug)]
pub(super) struct Arrival {
    bytes: Vec<u8>,
    /// Where a single packet was addressed to; on a link the message says it itself.
    destination: Option<DestinationHash>,
    link: Option<LinkId>,
    method: Method,
    ack: Ack,
}

impl Arrival {
    /// A single packet for one of ours.
    pub(super) fn packet(destination: DestinationHash, bytes: Vec<u8>, proof: PendingProof) -> Self {
        let method = Method::Opportunistic;
        Self { bytes, destination: Some(destination), link: None, method, ack: Ack::of_proof(proof) }
    }

    /// What was sealed for one of ours and came from a node or on paper.
    pub(super) fn opened(destination: DestinationHash, bytes: Vec<u8>, method: Method, ack: Ack) -> Self {
        Self { bytes, destination: Some(destination), link: None, method, ack }
    }

    /// A packet or resource on a link.
    pub(super) fn link(link: LinkId, bytes: Vec<u8>, proof: PendingProof) -> Self {
        let (method, ack) = (Method::Direct, Ack::of_proof(proof));
        Self { bytes, destination: None, link: Some(link), method, ack }
    }

    pub(super) fn parse(&self) -> Result<Unverified<'_>, UnpackError> {
        match self.destination {
            Some(destination) => Unverified::parse_body(destination, &self.bytes),
            None => Unverified::parse(&self.bytes),
        }
    }

    /// In memory, in bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.capacity()
    }
}

/// Messages on their way in.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    hold: Hold,
}

impl Inbound {
    pub(super) fn handle_arrival(&mut self, cx: &mut Context<'_>, arrival: Arrival) {
        if let Some(link) = arrival.link {
            cx.links.touch(cx.now, link);
            if !cx.links.admit(cx.now, link, cx.rates.per_minute) {
                cx.counters.message_rate_limited += 1;
                return;
            }
        }
        let (source, destination) = match arrival.parse() {
            Ok(message) => (message.source(), message.destination()),
            Err(error) => return refuse(cx, Refusal::Malformed(error), arrival.ack),
        };
        if !cx.deliveries.contains_key(&destination) {
            return refuse(cx, Refusal::NotOurs, arrival.ack);
        }
        if cx.ignored.contains(&source) {
            return refuse(cx, Refusal::Ignored, arrival.ack);
        }
        match identity_of(cx, &source, arrival.link) {
            Some(identity) => cx.work(Work::verify(VerifyJob { arrival, identity })),
            None => self.hold(cx, source, arrival),
        }
    }

    /// A source is known now: what it sent before can be verified.
    pub(super) fn handle_identity(
        &mut self,
        cx: &mut Context<'_>,
        source: DestinationHash,
        identity: &Arc<PublicIdentity>,
    ) {
        for arrival in self.hold.take(&source) {
            cx.work(Work::verify(VerifyJob { arrival, identity: identity.clone() }));
        }
    }

    /// Passes a verified message on; its source if it is one.
    pub(super) fn handle_verified(
        &mut self,
        cx: &mut Context<'_>,
        verified: Verified,
    ) -> Option<DestinationHash> {
        let Verified { message, job: VerifyJob { arrival, identity } } = verified;
        let Some(message) = message else {
            refuse(cx, Refusal::BadSignature, arrival.ack);
            return None;
        };
        let source = message.source;
        // What lay on a node, or on paper, does not say that its author is there.
        let is_there = !matches!(arrival.method, Method::Propagated | Method::Paper);
        if !cx.rates.take(cx.now, source) {
            cx.counters.message_rate_limited += 1;
            return None;
        }
        cx.outputs.push_back(Output::Received(Box::new(Received {
            stamped: stamped(cx, &message, arrival.method),
            ticket: Ticket::offered(&message.fields, cx.node.unix_time(cx.now)),
            message,
            method: arrival.method,
            link: arrival.link,
            identity,
            ack: arrival.ack,
            raw: RawMessage { destination: arrival.destination, bytes: arrival.bytes },
        })));
        is_there.then_some(source)
    }

    pub(super) fn handle_offer(
        &mut self,
        cx: &mut Context<'_>,
        link: LinkId,
        resource: ResourceId,
        size: u64,
    ) {
        let delivery = cx.links.local(link).and_then(|local| cx.deliveries.get(&local));
        // Whether it still exists is the node's business. What is refused is refused aloud, or its sender waits.
        let refused = if delivery.is_none_or(|delivery| size > delivery.resource_size_max) {
            &mut cx.counters.resource_too_large
        } else if cx.node.accept_resource(cx.now, link, resource) == Err(LinkError::Busy) {
            &mut cx.counters.resource_no_room
        } else {
            return;
        };
        *refused += 1;
        let _ = cx.node.reject_resource(cx.now, link, resource);
    }

    pub(super) fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        cx.counters.message_held_expired += self.hold.expire(cx.now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.hold.poll_timeout()
    }

    fn hold(&mut self, cx: &mut Context<'_>, source: DestinationHash, arrival: Arrival) {
        let (ask, evicted) = self.hold.push(cx.now, source, arrival);
        cx.counters.message_held += 1;
        cx.counters.message_held_evicted += evicted;
        match ask {
            Ask::Now => cx.node.request_path(cx.now, source),
            Ask::Limited => cx.counters.source_request_limited += 1,
            Ask::Waiting => {}
        }
    }
}

/// The keys of `source`: one of ours, one that announced itself, or who identified on the link.
fn identity_of(
    cx: &Context<'_>,
    source: &DestinationHash,
    link: Option<LinkId>,
) -> Option<Arc<PublicIdentity>> {
    let announced = cx.node.peer(source).map(|peer| &peer.identity);
    announced
        .or_else(|| cx.links.identity(link?, source))
        .or_else(|| cx.deliveries.get(source).map(|delivery| &delivery.public))
        .cloned()
}

/// What can be told of a stamp at once. A ticket goes before proof of work (`spec/lxmf.md` 6).
fn stamped(cx: &Context<'_>, message: &Message, method: Method) -> Stamped {
    // Paper was carried by a person, who had better things to do than to compute (`spec/lxmf.md` 14).
    if method == Method::Paper {
        return Stamped::Free;
    }
    let delivery = cx.deliveries.get(&message.destination);
    let Some((delivery, cost)) = delivery.and_then(|delivery| Some((delivery, delivery.stamp_cost?))) else {
        return Stamped::Free;
    };
    match message.stamp.as_deref() {
        Some(stamp) if stamp.len() == STAMP_LEN => Stamped::Unchecked { cost },
        Some(stamp) => {
            let now = cx.node.unix_time(cx.now);
            let accepted = delivery.tickets.accepts(&message.source, &message.id, stamp, now);
            if accepted { Stamped::Ticket } else { Stamped::Missing { cost } }
        }
        None => Stamped::Missing { cost },
    }
}

fn refuse(cx: &mut Context<'_>, reason: Refusal, ack: Ack) {
    match reason {
        Refusal::Malformed(_) => cx.counters.message_malformed += 1,
        Refusal::NotOurs => cx.counters.message_not_ours += 1,
        Refusal::BadSignature => cx.counters.message_bad_signature += 1,
        Refusal::Ignored => cx.counters.message_ignored += 1,
    }
    cx.outputs.push_back(Output::Refused { reason, ack });
}
