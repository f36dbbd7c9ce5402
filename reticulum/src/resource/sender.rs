//! The sending side of one resource: prepare, advertise, answer part requests, wait for the proof, segment by segment.
//!
//! Owns the order of these steps and their timers (`spec/reticulum.md` sections 8.1 to 8.5, 8.8 to 8.10). Segments are
//! prepared in [`super::segment`], the next one while the present one travels.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::crypto::{Rng, Token};
use crate::hash::{LinkId, PacketHash, ResourceHash};
use crate::time::Instant;
use crate::wire::resource::{Advertisement, Flags, PartRequest};
use crate::wire::{Context, PacketType};

use super::outgoing::Outgoing;
use super::segment::{Outcome, Prepare, Prepared, Source};
use super::{Failure, JobDone, Output, Purpose};

/// Times an advertisement is repeated (section 8.8).
const ADVERTISE_RETRIES: u32 = 4;
/// Times a lost proof is asked for (section 8.8).
const PROOF_RETRIES: u32 = 3;
/// Grace of the wait for a first part request.
const ADVERTISE_GRACE: Duration = Duration::from_secs(1);
/// Grace of the wait for the next part request.
const IDLE_GRACE: Duration = Duration::from_secs(78);
/// Grace of the wait for the proof.
const PROOF_GRACE: Duration = Duration::from_secs(10);

/// What a sender knows of its link.
#[derive(Clone, Debug)]
pub(crate) struct SendConfig {
    /// The link, for cache requests.
    pub(crate) link: LinkId,
    /// The session token, which jobs use on pool threads.
    pub(crate) token: Arc<Token>,
    /// Bytes of a part: `wire::link::resource_sdu(link mtu)`.
    pub(crate) sdu: usize,
    /// Round trip time of the link.
    pub(crate) rtt: Duration,
    /// How long an advertisement waits for the first part request; `None` = 6 · rtt (section 8.8).
    pub(crate) timeout: Option<Duration>,
}

/// What is sent.
#[derive(Debug)]
pub(crate) struct Content {
    /// The data, without a bound of its own: the receiver sets it.
    pub(crate) data: Vec<u8>,
    /// One MessagePack value, at most [`super::METADATA_LEN_MAX`] bytes.
    pub(crate) metadata: Option<Vec<u8>>,
    /// Whether to try bz2 (below [`super::COMPRESSIBLE_LEN_MAX`]).
    pub(crate) compress: bool,
    /// What it is for.
    pub(crate) purpose: Purpose,
}

/// The metadata does not fit the first segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("metadata of more than {max} bytes", max = super::METADATA_LEN_MAX)]
pub(crate) struct MetadataTooLarge;

/// Sends one resource.
pub(crate) struct Sender {
    config: SendConfig,
    purpose: Purpose,
    source: Arc<Source>,
    rng: Rng,
    phase: Phase,
    deadline: Option<Instant>,
    /// From the advertisement to the first part request of the present segment.
    rtt: Duration,
    /// The segment that travels.
    current: Option<Outgoing>,
    /// The segment after it, once prepared.
    next: Option<Prepared>,
    /// Index of the last segment that a job was given out for.
    prepared_up_to: u32,
    /// Hash of the first segment.
    original: Option<ResourceHash>,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing to advertise yet.
    Preparing,
    /// Waiting for the first part request.
    Advertised { at: Instant, retries_left: u32 },
    /// Waiting for part requests.
    Transferring,
    /// Every part was sent once.
    AwaitingProof { retries_left: u32 },
    /// Sent or failed.
    Done,
}

impl Sender {
    /// Starts with a job that prepares the first segment; its advertisement follows by itself.
    pub(crate) fn new(config: SendConfig, content: Content, rng: &mut Rng) -> Result<Self, MetadataTooLarge> {
        let Content { data, metadata, compress, purpose } = content;
        let source = Source::new(data, metadata.as_deref(), compress).ok_or(MetadataTooLarge)?;
        let mut sender = Self {
            config,
            purpose,
            source: Arc::new(source),
            rng: rng.fork(),
            phase: Phase::Preparing,
            deadline: None,
            rtt: Duration::ZERO,
            current: None,
            next: None,
            prepared_up_to: 0,
            original: None,
            outputs: VecDeque::new(),
        };
        sender.prepare_next();
        Ok(sender)
    }

    /// The result of a job that this sender gave out.
    pub(crate) fn handle_job_done(&mut self, now: Instant, done: JobDone) {
        let Outcome::Prepared(prepared) = done.0 else { return };
        match self.phase {
            Phase::Done => {}
            Phase::Preparing => self.start_segment(now, prepared),
            _ => self.next = Some(prepared),
        }
    }

    /// A RESOURCE_REQ with this sender's [`Self::hash`]; `packet` is the hash of the packet it came in.
    pub(crate) fn handle_part_request(
        &mut self,
        now: Instant,
        packet: PacketHash,
        request: &PartRequest<'_>,
    ) {
        let Some(segment) = self.current.as_mut().filter(|segment| segment.hash() == request.hash) else {
            return;
        };
        if matches!(self.phase, Phase::Preparing | Phase::Done) || !segment.is_new(packet) {
            return;
        }
        if segment.answer(request).is_err() {
            return self.give_up(Failure::Protocol);
        }
        let all_sent = segment.all_sent();
        if let Phase::Advertised { at, .. } = self.phase {
            self.rtt = now.since(at);
            self.prepare_next();
        }
        if all_sent {
            self.phase = Phase::AwaitingProof { retries_left: PROOF_RETRIES };
            self.deadline = Some(now + 3 * self.rtt + PROOF_GRACE);
        } else {
            self.phase = Phase::Transferring;
            self.deadline = Some(now + 96 * self.rtt + IDLE_GRACE);
        }
    }

    /// Data of any RESOURCE_PRF on the link; `true` if it was this sender's. A wrong one is ignored.
    pub(crate) fn handle_proof(&mut self, now: Instant, data: &[u8]) -> bool {
        let Some(segment) = self.current.as_ref().filter(|segment| segment.prepared.proof.body() == data)
        else {
            return false;
        };
        if !matches!(self.phase, Phase::Transferring | Phase::AwaitingProof { .. }) {
            return false;
        }
        if segment.prepared.index == self.source.segments() {
            self.finish(Output::Sent);
        } else {
            self.phase = Phase::Preparing;
            self.deadline = None;
            self.current = None;
            if let Some(next) = self.next.take() {
                self.start_segment(now, next);
            }
        }
        true
    }

    /// A RESOURCE_RCL with this sender's [`Self::hash`].
    pub(crate) fn handle_rejection(&mut self) {
        self.finish(Output::Failed(Failure::Rejected));
    }

    /// The application gives up: tells the receiver (ICL) and fails with `Cancelled`.
    pub(crate) fn cancel(&mut self) {
        self.give_up(Failure::Cancelled);
    }

    /// Re-advertises, asks for a lost proof, or gives up.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.phase {
            Phase::Advertised { retries_left: retries @ 1.., .. } => self.advertise(now, retries - 1),
            Phase::AwaitingProof { retries_left: retries @ 1.. } => {
                self.request_proof();
                self.phase = Phase::AwaitingProof { retries_left: retries - 1 };
                self.deadline = Some(now + 3 * self.rtt + PROOF_GRACE);
            }
            _ => self.give_up(Failure::TimedOut),
        }
    }

    /// When to call [`Self::handle_timeout`].
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// What to do next. Parts are copied out one at a time, so a link whose queue is full may leave them here: no part
    /// waits twice, however often it is requested.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front().or_else(|| self.current.as_mut()?.poll_output(self.config.sdu))
    }

    /// Hash `h` of the segment that travels; `None` before the first is prepared.
    pub(crate) fn hash(&self) -> Option<ResourceHash> {
        self.current.as_ref().map(Outgoing::hash)
    }

    /// Gives out the job for one more segment, if there is one.
    fn prepare_next(&mut self) {
        if self.prepared_up_to < self.source.segments() {
            self.prepared_up_to += 1;
            let job = Prepare {
                source: self.source.clone(),
                index: self.prepared_up_to,
                token: self.config.token.clone(),
                sdu: self.config.sdu,
                seed: self.rng.bytes(),
            };
            self.outputs.push_back(Output::Job(job.into()));
        }
    }

    fn start_segment(&mut self, now: Instant, prepared: Prepared) {
        self.original.get_or_insert(prepared.proof.hash());
        self.current = Some(Outgoing::new(prepared, self.config.sdu));
        self.advertise(now, ADVERTISE_RETRIES);
    }

    fn advertise(&mut self, now: Instant, retries_left: u32) {
        let Some(Outgoing { prepared, .. }) = &self.current else { return };
        let advertisement = Advertisement {
            transfer_size: prepared.stream.len() as u64,
            data_size: self.source.len(),
            parts: prepared.hashmap.len() as u64,
            hash: prepared.proof.hash(),
            random: prepared.random,
            original_hash: self.original.unwrap_or(prepared.proof.hash()),
            segment: u64::from(prepared.index),
            segments: u64::from(self.source.segments()),
            request: self.purpose.request(),
            flags: self.flags(prepared),
            map_hashes: prepared.hashmap.chunk(0),
        };
        let mut plaintext = Vec::new();
        advertisement.emit(&mut plaintext);
        self.outputs.push_back(Output::Sealed { context: Context::RESOURCE_ADV, plaintext });
        self.phase = Phase::Advertised { at: now, retries_left };
        let timeout = self.config.timeout.unwrap_or(6 * self.config.rtt);
        self.deadline = Some(now + timeout + ADVERTISE_GRACE);
    }

    fn flags(&self, prepared: &Prepared) -> Flags {
        let purpose = match self.purpose {
            Purpose::Plain => Flags::default(),
            Purpose::Request(_) => Flags::REQUEST,
            Purpose::Response(_) => Flags::RESPONSE,
        };
        let conditional = [
            (prepared.compressed, Flags::COMPRESSED),
            (self.source.segments() > 1, Flags::SPLIT),
            (self.source.has_metadata(), Flags::METADATA),
        ];
        let set = conditional.into_iter().filter_map(|(set, flag)| set.then_some(flag));
        set.fold(Flags::ENCRYPTED.with(purpose), Flags::with)
    }

    /// Asks whoever may have kept it for the proof packet (section 8.10).
    fn request_proof(&mut self) {
        let Some(segment) = &self.current else { return };
        let wanted = segment.prepared.proof.packet_hash(self.config.link);
        self.outputs.push_back(Output::Raw {
            packet_type: PacketType::Data,
            context: Context::CACHE_REQUEST,
            data: wanted.as_bytes().to_vec(),
        });
    }

    /// Fails, and tells the receiver if it has heard of the segment.
    fn give_up(&mut self, failure: Failure) {
        if self.phase == Phase::Done {
            return;
        }
        if let Some(hash) = self.hash() {
            let plaintext = hash.as_bytes().to_vec();
            self.outputs.push_back(Output::Sealed { context: Context::RESOURCE_ICL, plaintext });
        }
        self.finish(Output::Failed(failure));
    }

    fn finish(&mut self, output: Output) {
        if self.phase != Phase::Done {
            self.phase = Phase::Done;
            self.deadline = None;
            self.current = None;
            self.next = None;
            self.outputs.push_back(output);
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sender = f.debug_struct("Sender");
        sender.field("hash", &self.hash()).field("phase", &self.phase).finish_non_exhaustive()
    }
}
