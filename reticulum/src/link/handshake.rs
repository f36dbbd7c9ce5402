//! How a link comes to be and how it ends: request, proof, keys, round-trip time, identify, close
//! (`spec/reticulum.md` 6.1 to 6.8).
//!
//! Round-trip times run to the arrival of a frame, never to the end of the work on it, or a busy pool would look like
//! a slow network.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::job::{LinkJob, Signer};
use super::keepalive::Liveness;
use super::receipts::{PROOF_WAIT_MIN, Receipts};
use super::request::NEAR_ROUND_TRIP;
use super::request::Requests;
use super::transfer::Transfers;
use super::types::{LinkConfig, LinkEvent, LinkOutput, Refusal};
use super::{Link, Open, State};
use crate::crypto::{EphemeralX25519, Identity, PublicIdentity, Rng, SigningKey, Token};
use crate::hash::{DestinationHash, LinkId};
use crate::node::{CloseReason, LinkError, LinkRole, Priority};
use crate::time::Instant;
use crate::wire::link::{
    Identify, LinkProof, LinkRequest, MODE_AES_256_CBC, MTU_UNSIGNALLED, Signalling, decode_rtt, encode_rtt,
};
use crate::wire::{Context, Packet, PacketType};

/// Establishment waits this long for every hop (section 1.3).
const PER_HOP_TIMEOUT: Duration = Duration::from_secs(6);
/// The responder waits this much longer (section 6.3).
const CONFIRMATION_WAIT: Duration = Duration::from_secs(360);

/// A link to open.
#[derive(Debug)]
pub(crate) struct InitiateConfig {
    /// To whom.
    pub(crate) destination: DestinationHash,
    /// Its keys.
    pub(crate) peer: Arc<PublicIdentity>,
    /// Longest frame of the next-hop interface if that is capable of more than the base MTU, else the base MTU.
    pub(crate) mtu: u32,
    /// Hops to the destination.
    pub(crate) hops: u8,
    /// Time to get the first frame across (section 1.3).
    pub(crate) first_hop_timeout: Duration,
    /// What is accepted on it.
    pub(crate) link: LinkConfig,
}

/// When and from where a link request came that is being answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// When its frame came in.
    pub(crate) requested_at: Instant,
    /// The proof leaves no sooner than this, so that the initiator's round-trip time carries what our proofs of its
    /// messages will wait for.
    pub(crate) not_before: Instant,
    /// Hops that it travelled.
    pub(crate) hops: u8,
}

/// State of an initiator whose request is out.
pub(super) struct Requested {
    requested_at: Instant,
    deadline: Instant,
    ephemeral: Arc<EphemeralX25519>,
    peer: Arc<PublicIdentity>,
    /// A proof is with a job. It came in time, so the deadline is suspended.
    verifying: bool,
}

/// State of a responder that has keys.
#[derive(Debug)]
pub(super) struct Answered {
    token: Arc<Token>,
    requested_at: Instant,
    deadline: Instant,
    /// Body of the proof, until it leaves.
    held: Option<(Instant, Vec<u8>)>,
    /// When it left.
    proven_at: Option<Instant>,
}

/// Responder: the public-key half of answering a link request.
pub(crate) struct AnswerJob {
    id: LinkId,
    destination: DestinationHash,
    identity: Arc<Identity>,
    ephemeral: EphemeralX25519,
    request: LinkRequest,
    mtu: u32,
}

/// What an [`AnswerJob`] came to.
#[derive(Debug)]
pub(crate) struct Answer {
    id: LinkId,
    destination: DestinationHash,
    signer: Signer,
    peer_key: [u8; 32],
    token: Arc<Token>,
    mtu: u32,
    proof: Vec<u8>,
}

/// Initiator: the public-key half of accepting a link proof.
pub(crate) struct LinkProofJob {
    id: LinkId,
    ephemeral: Arc<EphemeralX25519>,
    peer: Arc<PublicIdentity>,
    proof: LinkProof,
    rtt: Duration,
    hops: u8,
}

/// What a [`LinkProofJob`] came to.
#[derive(Debug)]
pub(crate) struct LinkProofDone {
    /// Absent if the proof is forged.
    token: Option<Arc<Token>>,
    confirmed: Signalling,
    rtt: Duration,
    hops: u8,
}

impl AnswerJob {
    /// Prepares the answer to `request`, whose mode the node has checked. `mtu` is the signalled one, clamped to what
    /// the receiving interface takes.
    pub(crate) fn new(
        rng: &mut Rng,
        id: LinkId,
        destination: DestinationHash,
        identity: Arc<Identity>,
        request: LinkRequest,
        mtu: u32,
    ) -> Self {
        let ephemeral = EphemeralX25519::from_bytes(rng.bytes());
        let mtu = mtu.max(MTU_UNSIGNALLED);
        Self { id, destination, identity, ephemeral, request, mtu }
    }

    /// Makes keys and signs. `None` if the initiator's key is one to which no secret can be shared.
    pub(crate) fn run(self) -> Option<Answer> {
        let token = session_token(&self.ephemeral, &self.request.x25519, self.id)?;
        let signalling = Some(Signalling { mode: MODE_AES_256_CBC, mtu: self.mtu });
        let mut proof = Vec::new();
        LinkProof::build(&self.identity, self.id, self.ephemeral.public(), signalling).emit(&mut proof);
        Some(Answer {
            id: self.id,
            destination: self.destination,
            signer: Signer::Identity(self.identity),
            peer_key: self.request.ed25519,
            token,
            mtu: self.mtu,
            proof,
        })
    }
}

impl LinkProofJob {
    pub(super) fn run(self) -> LinkProofDone {
        let valid = self.proof.verify(&self.peer, self.id);
        let token = valid.then(|| session_token(&self.ephemeral, &self.proof.x25519, self.id)).flatten();
        let confirmed = self.proof.signalling.unwrap_or(Signalling::ABSENT);
        LinkProofDone { token, confirmed, rtt: self.rtt, hops: self.hops }
    }
}

/// The session key (section 6.5); `None` for a key of small order, to which everybody knows the secret.
fn session_token(ephemeral: &EphemeralX25519, peer: &[u8; 32], id: LinkId) -> Option<Arc<Token>> {
    let secret = ephemeral.shared(peer);
    (*secret != [0; 32]).then(|| Arc::new(Token::derive(&secret, id.as_ref())))
}

fn per_hop(hops: u8) -> Duration {
    PER_HOP_TIMEOUT * u32::from(hops.max(1))
}

impl Requested {
    pub(super) fn deadline(&self) -> Option<Instant> {
        (!self.verifying).then_some(self.deadline)
    }
}

impl Answered {
    pub(super) fn token(&self) -> &Arc<Token> {
        &self.token
    }

    pub(super) fn deadline(&self) -> Instant {
        self.held.as_ref().map_or(self.deadline, |(at, _)| *at)
    }
}

impl Link {
    /// Opens a link. Returns it with the body of the link request to send to the destination.
    pub(crate) fn initiate(now: Instant, rng: &mut Rng, config: InitiateConfig) -> (Self, Vec<u8>) {
        let ephemeral = EphemeralX25519::from_bytes(rng.bytes());
        let signing = SigningKey::from_bytes(&rng.bytes());
        Self::initiate_with(now, config, ephemeral, signing)
    }

    pub(super) fn initiate_with(
        now: Instant,
        config: InitiateConfig,
        ephemeral: EphemeralX25519,
        signing: SigningKey,
    ) -> (Self, Vec<u8>) {
        let mtu = config.mtu.max(MTU_UNSIGNALLED);
        let mut request = Vec::new();
        LinkRequest {
            x25519: ephemeral.public(),
            ed25519: signing.public(),
            signalling: Some(Signalling { mode: MODE_AES_256_CBC, mtu }),
        }
        .emit(&mut request);
        let id = Packet::link_request(config.destination, &request)
            .link_id_of_request()
            .expect("a link request with both keys");
        let state = State::Requested(Requested {
            requested_at: now,
            deadline: now + config.first_hop_timeout + per_hop(config.hops),
            ephemeral: Arc::new(ephemeral),
            peer: config.peer.clone(),
            verifying: false,
        });
        let link = Self {
            id,
            destination: config.destination,
            role: LinkRole::Initiator,
            config: config.link,
            hops: config.hops,
            mtu,
            rtt: Duration::ZERO,
            state,
            signer: Signer::Ephemeral(Arc::new(signing)),
            peer_key: *config.peer.ed25519(),
            remote: Some(config.peer),
            receipts: Receipts::default(),
            proof_wait_min: PROOF_WAIT_MIN,
            requests: Requests::default(),
            transfers: Transfers::default(),
            channel: None,
            slowest: Priority::Link,
            outputs: VecDeque::new(),
        };
        (link, request)
    }

    /// The responder's end. Its proof is among the outputs from `not_before` on.
    pub(crate) fn from_answer(now: Instant, answer: Answer, arrival: Arrival, config: LinkConfig) -> Self {
        let state = State::Answered(Answered {
            token: answer.token,
            requested_at: arrival.requested_at,
            deadline: arrival.requested_at + per_hop(arrival.hops) + CONFIRMATION_WAIT,
            held: Some((arrival.not_before, answer.proof)),
            proven_at: None,
        });
        let mut link = Self {
            id: answer.id,
            destination: answer.destination,
            role: LinkRole::Responder,
            config,
            hops: arrival.hops,
            mtu: answer.mtu,
            rtt: Duration::ZERO,
            state,
            signer: answer.signer,
            peer_key: answer.peer_key,
            remote: None,
            receipts: Receipts::default(),
            proof_wait_min: PROOF_WAIT_MIN,
            requests: Requests::default(),
            transfers: Transfers::default(),
            channel: None,
            slowest: Priority::Link,
            outputs: VecDeque::new(),
        };
        link.expire_handshake(now);
        link
    }

    /// Initiator: tells the responder who we are.
    pub(crate) fn identify(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        identity: &Identity,
    ) -> Result<(), LinkError> {
        self.open_token()?;
        if self.role == LinkRole::Responder {
            return Err(LinkError::NotActive);
        }
        let body = Identify::build(identity, self.id);
        self.transmit_sealed(now, rng, Context::LINK_IDENTIFY, &body, Priority::Link);
        Ok(())
    }

    /// Ends the link for `reason`, and tells the peer if it can know the link.
    pub(crate) fn close(&mut self, now: Instant, rng: &mut Rng, reason: CloseReason) {
        let unsent = matches!(&self.state, State::Answered(answered) if answered.held.is_some());
        if self.token().is_some() && !unsent {
            let body = *self.id.as_bytes();
            self.transmit_sealed(now, rng, Context::LINK_CLOSE, &body, self.slowest);
        }
        self.end(reason);
    }

    /// Ends the link without a word: it has no interface any more, or the peer closed it.
    pub(crate) fn end(&mut self, reason: CloseReason) {
        if matches!(self.state, State::Closed) {
            return;
        }
        let ever_active = matches!(self.state, State::Open(_));
        self.end_transfers();
        self.end_requests();
        self.end_channel();
        for hash in self.receipts.drain() {
            self.event(LinkEvent::Undelivered { hash });
        }
        self.state = State::Closed;
        self.event(LinkEvent::Closed { reason, ever_active });
    }

    pub(super) fn handle_link_proof(&mut self, now: Instant, packet: &Packet<'_>) -> Result<(), Refusal> {
        let State::Requested(requested) = &mut self.state else { return Err(Refusal::LinkProofUnexpected) };
        if requested.verifying {
            return Err(Refusal::LinkProofUnexpected);
        }
        let proof = LinkProof::parse(packet.data).ok_or(Refusal::Malformed)?;
        requested.verifying = true;
        let job = LinkProofJob {
            id: self.id,
            ephemeral: requested.ephemeral.clone(),
            peer: requested.peer.clone(),
            proof,
            rtt: now.since(requested.requested_at),
            hops: packet.header.hops.saturating_add(1),
        };
        self.outputs.push_back(LinkOutput::Job(LinkJob::LinkProof(Box::new(job))));
        Ok(())
    }

    pub(super) fn finish_link_proof(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        done: LinkProofDone,
    ) -> Result<(), Refusal> {
        let State::Requested(requested) = &mut self.state else { return Err(Refusal::LinkProofUnexpected) };
        requested.verifying = false;
        let token = done.token.ok_or(Refusal::LinkProofForged)?;
        // Only a signed mismatch ends the link: one that anybody could forge must not.
        if done.confirmed.mode != MODE_AES_256_CBC {
            self.end(CloseReason::Protocol);
            return Err(Refusal::Malformed);
        }
        self.mtu = done.confirmed.mtu.clamp(MTU_UNSIGNALLED, self.mtu);
        self.rtt = done.rtt;
        self.hops = done.hops;
        let liveness = Liveness::new(self.role, now, self.rtt);
        self.state = State::Open(Open { token, liveness, rtt_told: true });
        let body = encode_rtt(self.rtt);
        self.transmit_sealed(now, rng, Context::LINK_RTT, &body, Priority::Link);
        self.event(LinkEvent::Opened { rtt: self.rtt });
        Ok(())
    }

    /// Responder: the initiator tells the round-trip time that it measured.
    pub(super) fn handle_rtt(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        plaintext: &[u8],
    ) -> Result<(), Refusal> {
        if self.role == LinkRole::Initiator {
            return Err(Refusal::WrongRole);
        }
        if matches!(&self.state, State::Open(open) if open.rtt_told) {
            return Err(Refusal::RttRepeated);
        }
        let told = decode_rtt(plaintext).ok_or(Refusal::Malformed)?;
        // What is told beyond the longest handshake is not true, and receipts would wait for it.
        let told = told.min(CONFIRMATION_WAIT);
        self.hops = packet.header.hops.saturating_add(1);
        if let State::Answered(answered) = &self.state {
            let measured = now.since(answered.requested_at);
            self.open_as_responder(now, measured.max(told));
        }
        self.rtt = self.rtt.max(told);
        if let State::Open(open) = &mut self.state {
            open.rtt_told = true;
            open.liveness.set_rtt(self.rtt, told);
        }
        Ok(())
    }

    /// Responder: the initiator speaks under the session key, so it has our proof, and the round-trip time that it told
    /// was lost or overtaken. Without this the link would serve no request in its whole life.
    pub(super) fn infer_open(&mut self, now: Instant) {
        if let State::Answered(answered) = &self.state {
            let measured = now.since(answered.requested_at).min(per_hop(self.hops));
            self.open_as_responder(now, measured);
        }
    }

    fn open_as_responder(&mut self, now: Instant, rtt: Duration) {
        let State::Answered(answered) = &self.state else { return };
        let token = answered.token.clone();
        // Its own round-trip time says little: it has in it how long the proof was held back.
        self.requests
            .set_near(answered.proven_at.is_some_and(|proven_at| now.since(proven_at) < NEAR_ROUND_TRIP));
        self.rtt = rtt;
        let mut liveness = Liveness::new(self.role, now, rtt);
        // Until the initiator tells its interval, the shortest is assumed: an answer too many does no harm.
        liveness.set_rtt(rtt, Duration::ZERO);
        self.state = State::Open(Open { token, liveness, rtt_told: false });
        self.event(LinkEvent::Opened { rtt });
    }

    /// Responder: the initiator says who it is. Only the first time counts (section 6.8).
    pub(super) fn handle_identify(&mut self, plaintext: &[u8]) -> Result<(), Refusal> {
        if self.role == LinkRole::Initiator {
            return Err(Refusal::WrongRole);
        }
        if self.remote.is_some() {
            return Err(Refusal::IdentityRepeated);
        }
        let identify = Identify::parse(plaintext).ok_or(Refusal::Malformed)?;
        let identity = identify.verify(self.id).ok_or(Refusal::IdentityForged)?;
        let identity = Arc::new(identity);
        self.remote = Some(identity.clone());
        self.event(LinkEvent::Identified { identity });
        Ok(())
    }

    pub(super) fn handle_close(&mut self, plaintext: &[u8]) -> Result<(), Refusal> {
        if plaintext != self.id.as_ref() {
            return Err(Refusal::CloseForged);
        }
        self.end(CloseReason::Remote);
        Ok(())
    }

    /// Lets a held proof go, or gives up.
    pub(super) fn expire_handshake(&mut self, now: Instant) {
        match &mut self.state {
            State::Requested(requested) if requested.deadline().is_some_and(|at| now >= at) => {
                self.end(CloseReason::Timeout);
            }
            State::Answered(answered) if now >= answered.deadline() => match answered.held.take() {
                Some((_, proof)) => {
                    answered.proven_at = Some(now);
                    self.transmit(now, PacketType::Proof, Context::LINK_REQUEST_PROOF, proof, Priority::Link);
                }
                None => self.end(CloseReason::Timeout),
            },
            _ => {}
        }
    }
}

impl fmt::Debug for Requested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Requested(until {:?})", self.deadline)
    }
}

impl fmt::Debug for AnswerJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnswerJob({})", self.id)
    }
}

impl fmt::Debug for LinkProofJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkProofJob({})", self.id)
    }
}
