//! The receiving side of one resource: request parts, assemble, prove, segment by segment.
//!
//! Owns the order of these steps and their timers (`spec/reticulum.md` sections 8.2 to 8.10). Whether an advertisement
//! is credible is [`Offer::check`]'s to say; how many parts to ask for, [`super::window`]'s; a segment is assembled in
//! [`super::segment`].

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::crypto::Token;
use crate::hash::ResourceHash;
use crate::time::Instant;
use crate::wire::Context;
use crate::wire::resource::{Advertisement, HashmapUpdate};

use super::incoming::{Incoming, Part};
use super::offer::Offer;
use super::segment::{Assembled, Outcome};
use super::window::Window;
use super::{Failure, JobDone, Output, Pace, Purpose, Received, rejection};

/// Times that missing parts are requested again before the receiver gives up (section 8.7).
const RETRIES: u32 = 16;
/// How long a receiver waits for the advertisement of the next segment, beside 30 rtt: its sender repeats it five
/// times in 6 rtt + 1 s, and may have to prepare it on a slow machine first.
const NEXT_SEGMENT_GRACE: Duration = Duration::from_secs(60);

/// What a receiver knows of its link.
#[derive(Clone, Debug)]
pub(crate) struct ReceiveConfig {
    /// The session token, which jobs use on pool threads.
    pub(crate) token: Arc<Token>,
    /// Bytes of a part: `wire::link::resource_sdu(link mtu)`. The same as was given to [`Offer::check`].
    pub(crate) sdu: usize,
    /// Round trip time of the link.
    pub(crate) rtt: Duration,
    /// Where the previous resource on this link left off.
    pub(crate) pace: Pace,
    /// Prove the last segment as soon as it is assembled (requests, responses), rather than hand the proof out with
    /// [`super::Received`]. Earlier segments are always proven at once: without it the next does not come.
    pub(crate) prove_at_once: bool,
}

/// Receives one resource.
pub(crate) struct Receiver {
    config: ReceiveConfig,
    /// The advertisement of the segment that travels.
    offer: Offer,
    original: ResourceHash,
    phase: Phase,
    deadline: Option<Instant>,
    retries_left: u32,
    window: Window,
    incoming: Incoming,
    /// Data of the segments before the present one.
    data: Vec<u8>,
    /// Length of `data`, also while it is away to be assembled.
    data_len: usize,
    metadata: Option<Vec<u8>>,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Receiving,
    /// All parts are here, the job is out.
    Assembling,
    /// Proven, and more segments to come.
    AwaitingSegment,
    /// Received or failed.
    Done,
}

impl Receiver {
    /// Accepts an offer and requests its first parts.
    pub(crate) fn accept(now: Instant, offer: Offer, config: ReceiveConfig) -> Self {
        let mut receiver = Self {
            original: offer.hash(),
            incoming: Incoming::new(&offer, config.sdu),
            window: Window::new(config.pace),
            config,
            offer,
            phase: Phase::Receiving,
            deadline: None,
            retries_left: RETRIES,
            data: Vec::new(),
            data_len: 0,
            metadata: None,
            outputs: VecDeque::new(),
        };
        receiver.request_next(now);
        receiver
    }

    /// An advertisement with this receiver's [`Self::original`]: the next segment, or a repetition (ignored).
    pub(crate) fn handle_advertisement(&mut self, now: Instant, advertisement: &Advertisement<'_>) {
        let due = self.phase == Phase::AwaitingSegment;
        if !due || advertisement.segment != u64::from(self.offer.index()) + 1 {
            return;
        }
        match self.offer.check_next(advertisement, self.config.sdu) {
            Ok(offer) => {
                self.incoming = Incoming::new(&offer, self.config.sdu);
                self.offer = offer;
                self.phase = Phase::Receiving;
                self.retries_left = RETRIES;
                self.request_next(now);
            }
            Err(_) => {
                self.outputs.push_back(rejection(advertisement.hash));
                self.finish(Output::Failed(Failure::Protocol));
            }
        }
    }

    /// Data of any RESOURCE packet on the link; `true` if this receiver wanted it.
    pub(crate) fn handle_part(&mut self, now: Instant, data: &[u8]) -> bool {
        if self.phase != Phase::Receiving {
            return false;
        }
        let was_outstanding = self.incoming.outstanding();
        match self.incoming.insert(data) {
            Part::Unknown => return false,
            Part::Repeated => return true,
            Part::New => {}
        }
        self.retries_left = RETRIES;
        self.window.part_received(now, data.len());
        if self.incoming.is_complete() {
            self.window.round_completed(now);
            self.assemble();
        } else if was_outstanding > 0 && self.incoming.outstanding() == 0 {
            self.window.round_completed(now);
            self.request_unless_waiting(now);
        } else {
            self.touch(now);
        }
        true
    }

    /// A RESOURCE_HMU with this receiver's [`Self::hash`].
    pub(crate) fn handle_hashmap_update(&mut self, now: Instant, update: &HashmapUpdate<'_>) {
        if self.phase != Phase::Receiving || !self.incoming.waiting_for_hashmap() {
            return;
        }
        let segment = usize::try_from(update.index).unwrap_or(usize::MAX);
        if self.incoming.extend_hashmap(segment, update.map_hashes).is_err() {
            return self.give_up(Failure::Protocol);
        }
        self.retries_left = RETRIES;
        // Parts of the present round may still be on their way; asking now would have them sent twice.
        if self.incoming.outstanding() == 0 {
            self.request_unless_waiting(now);
        } else {
            self.touch(now);
        }
    }

    /// The result of a job that this receiver gave out.
    pub(crate) fn handle_job_done(&mut self, now: Instant, done: JobDone) {
        if self.phase != Phase::Assembling {
            return;
        }
        match done.0 {
            Outcome::Assembled(Ok(assembled)) => self.segment_assembled(now, assembled),
            Outcome::Assembled(Err(Failure::Bomb)) => self.give_up(Failure::Bomb),
            // Nothing is said to the sender: it would take it for a refusal, and not try again.
            Outcome::Assembled(Err(failure)) => self.finish(Output::Failed(failure)),
            Outcome::Prepared(_) => {}
        }
    }

    /// A RESOURCE_ICL with this receiver's [`Self::hash`].
    pub(crate) fn handle_cancel(&mut self) {
        self.give_up(Failure::Cancelled);
    }

    /// The application gives up: tells the sender (RCL) and fails with `Cancelled`.
    pub(crate) fn cancel(&mut self) {
        self.give_up(Failure::Cancelled);
    }

    /// Requests again, or gives up.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        if self.phase != Phase::Receiving || self.retries_left == 0 {
            return self.give_up(Failure::TimedOut);
        }
        self.retries_left -= 1;
        self.window.timed_out();
        self.request_next(now);
    }

    /// When to call [`Self::handle_timeout`].
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// What to do next.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Hash `h` of the segment that travels.
    pub(crate) fn hash(&self) -> ResourceHash {
        self.offer.hash()
    }

    /// Hash `o` of the first segment, which names the whole resource.
    pub(crate) fn original(&self) -> ResourceHash {
        self.original
    }

    /// What it is for.
    pub(crate) fn purpose(&self) -> Purpose {
        self.offer.purpose()
    }

    /// Bytes in memory, here or in the job that assembles them.
    pub(crate) fn held_bytes(&self) -> u64 {
        let segment = match self.phase {
            Phase::Receiving => self.incoming.held_bytes(),
            Phase::Assembling => self.offer.stream_len(),
            Phase::AwaitingSegment | Phase::Done => 0,
        };
        (self.data_len + segment) as u64
    }

    /// What the next resource on this link starts from.
    pub(crate) fn pace(&self) -> Pace {
        self.window.pace()
    }

    fn request_unless_waiting(&mut self, now: Instant) {
        if self.incoming.waiting_for_hashmap() {
            self.touch(now);
        } else {
            self.request_next(now);
        }
    }

    fn request_next(&mut self, now: Instant) {
        let request = self.incoming.request_next(self.window.size());
        self.window.round_started(now, request.len());
        self.outputs.push_back(Output::Sealed { context: Context::RESOURCE_REQ, plaintext: request });
        self.touch(now);
    }

    /// Moves the deadline: something was just sent or received.
    fn touch(&mut self, now: Instant) {
        let patience = self.window.patience(
            self.incoming.outstanding(),
            self.config.sdu,
            self.incoming.waiting_for_hashmap(),
            RETRIES - self.retries_left,
        );
        self.deadline = Some(now + patience);
    }

    fn assemble(&mut self) {
        self.phase = Phase::Assembling;
        self.deadline = None;
        let token = self.config.token.clone();
        let job = self.offer.assemble(token, self.incoming.take_stream(), std::mem::take(&mut self.data));
        self.outputs.push_back(Output::Job(job.into()));
    }

    fn segment_assembled(&mut self, now: Instant, assembled: Assembled) {
        let Assembled { data, metadata, proof } = assembled;
        let is_last = self.offer.is_last();
        if !is_last || self.config.prove_at_once {
            self.outputs.push_back(Output::Prove(proof));
        }
        self.metadata = metadata.or(self.metadata.take());
        if is_last {
            let held_back = (!self.config.prove_at_once).then_some(proof);
            let metadata = self.metadata.take();
            self.finish(Output::Received(Received { data, metadata, hash: proof.hash(), proof: held_back }));
        } else {
            (self.data_len, self.data) = (data.len(), data);
            self.phase = Phase::AwaitingSegment;
            self.deadline = Some(now + 30 * self.config.rtt + NEXT_SEGMENT_GRACE);
        }
    }

    /// Fails, and tells the sender.
    fn give_up(&mut self, failure: Failure) {
        if self.phase != Phase::Done {
            self.outputs.push_back(rejection(self.hash()));
            self.finish(Output::Failed(failure));
        }
    }

    fn finish(&mut self, output: Output) {
        self.phase = Phase::Done;
        self.deadline = None;
        self.data = Vec::new();
        self.outputs.push_back(output);
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut receiver = f.debug_struct("Receiver");
        receiver.field("hash", &self.hash()).field("phase", &self.phase).finish_non_exhaustive()
    }
}
