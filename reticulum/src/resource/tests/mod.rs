//! A sender and a receiver back to back, on virtual time, over a medium that loses, reorders and repeats.
//!
//! [`Bench`] does what the link does with both, and nothing else: it encrypts, decrypts, filters duplicates, runs jobs.

mod cancel;
mod captured;
mod hostile;
mod loss;
mod transfer;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::crypto::{Rng, Token};
use crate::time::Instant;
use crate::wire::link::resource_sdu;
use crate::wire::resource::{Advertisement, HashmapUpdate, PartRequest};

const LINK: LinkId = LinkId::new([7; 16]);
/// Part length at MTU 500.
const SDU: usize = 464;
const RTT: Duration = Duration::from_millis(40);

/// A packet on the medium, as far as the resource is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    packet_type: PacketType,
    context: Context,
    data: Vec<u8>,
}

impl Frame {
    fn hash(&self) -> PacketHash {
        let packet = match self.packet_type {
            PacketType::Proof => Packet::link_proof(LINK, self.context, &self.data),
            _ => Packet::link(LINK, self.context, &self.data),
        };
        packet.hash()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Sender,
    Receiver,
}

enum Arrival {
    Frame(Frame),
    Job(JobDone),
    /// The application has stored what it received.
    Commit(Proof),
}

/// What the medium does to frames, each with a chance in a thousand.
#[derive(Clone, Copy, Default)]
struct Faults {
    loss: u64,
    repetition: u64,
    /// Frames are delayed by up to this much more than half a round trip, so they overtake each other.
    jitter: Duration,
}

/// Decides by its order of appearance whether a frame is lost: sender, frame, how many of its context came before.
type Script = Box<dyn FnMut(Side, &Frame, usize) -> bool>;

struct Bench {
    now: Instant,
    rng: Rng,
    token: Arc<Token>,
    sdu: usize,
    size_max: u64,
    prove_at_once: bool,
    faults: Faults,
    lost: Script,
    sender: Sender,
    receiver: Option<Receiver>,
    finished: Finished,
    seen: HashSet<PacketHash>,
    in_flight: BTreeMap<(Instant, u64), (Side, Arrival)>,
    counter: u64,
    /// What was given to the medium, in order.
    sent: Vec<(Instant, Side, Frame)>,
    offers: Vec<Offer>,
    sender_end: Option<Result<(), Failure>>,
    receiver_end: Option<Result<Received, Failure>>,
}

/// Bytes without structure.
fn noise(seed: u8, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Rng::from_seed([seed; 32]).fill(&mut bytes);
    bytes
}

fn content(data: Vec<u8>) -> Content {
    Content { data, metadata: None, compress: true, purpose: Purpose::Plain }
}

impl Bench {
    fn new(content: Content) -> Self {
        Self::with_sdu(content, SDU)
    }

    fn with_sdu(content: Content, sdu: usize) -> Self {
        let token = Arc::new(Token::new(&[9; 64]));
        let mut rng = Rng::from_seed([1; 32]);
        let config = SendConfig { link: LINK, token: token.clone(), sdu, rtt: RTT, timeout: None };
        let sender = Sender::new(config, content, &mut rng).unwrap();
        let mut bench = Self {
            now: Instant::from_micros(1_000_000),
            rng,
            token,
            sdu,
            size_max: 64 << 20,
            prove_at_once: false,
            faults: Faults::default(),
            lost: Box::new(|_, _, _| false),
            sender,
            receiver: None,
            finished: Finished::default(),
            seen: HashSet::new(),
            in_flight: BTreeMap::new(),
            counter: 0,
            sent: Vec::new(),
            offers: Vec::new(),
            sender_end: None,
            receiver_end: None,
        };
        bench.drain();
        bench
    }

    /// Loses what the script says.
    fn losing(mut self, script: impl FnMut(Side, &Frame, usize) -> bool + 'static) -> Self {
        self.lost = Box::new(script);
        self
    }

    /// Loses the frame of this context that comes after `nth` others of it.
    fn losing_nth(self, context: Context, nth: usize) -> Self {
        self.losing(move |_, frame, before| frame.context == context && before == nth)
    }

    /// Runs until nothing is under way and no deadline is set, at most a virtual day.
    fn run(&mut self) {
        self.run_until(|_| false);
    }

    /// Runs until `done` says so.
    fn run_until(&mut self, mut done: impl FnMut(&Self) -> bool) {
        let end = self.now + Duration::from_secs(86_400);
        while !done(self) {
            let arrival = self.in_flight.first_key_value().map(|((at, _), _)| *at);
            let receiver_timeout = self.receiver.as_ref().and_then(Receiver::poll_timeout);
            let next = [arrival, self.sender.poll_timeout(), receiver_timeout].into_iter().flatten().min();
            let Some(next) = next else { return };
            assert!(next < end, "still busy after a day");
            self.now = self.now.max(next);
            if arrival == Some(next) {
                let (_, (to, arrival)) = self.in_flight.pop_first().unwrap();
                self.arrive(to, arrival);
            } else {
                self.sender.handle_timeout(self.now);
                if let Some(receiver) = &mut self.receiver {
                    receiver.handle_timeout(self.now);
                }
            }
            self.drain();
        }
    }

    /// Frames of a context that this side gave to the medium.
    fn frames(&self, side: Side, context: Context) -> impl Iterator<Item = &Frame> {
        let of_side = self.sent.iter().filter(move |(_, from, _)| *from == side);
        of_side.map(|(_, _, frame)| frame).filter(move |frame| frame.context == context)
    }

    fn count(&self, side: Side, context: Context) -> usize {
        self.frames(side, context).count()
    }

    /// Runs to the end and returns what arrived; the sender has to know.
    fn expect_received(&mut self) -> Received {
        self.run();
        assert_eq!(self.sender_end, Some(Ok(())));
        self.receiver_end.take().unwrap().unwrap()
    }

    fn open(&self, frame: &Frame) -> Vec<u8> {
        self.token.open(&frame.data).unwrap()
    }

    fn push(&mut self, delay: Duration, to: Side, arrival: Arrival) {
        self.counter += 1;
        self.in_flight.insert((self.now + delay, self.counter), (to, arrival));
    }

    fn transmit(&mut self, from: Side, frame: Frame) {
        let before = self.count(from, frame.context);
        let to = if from == Side::Sender { Side::Receiver } else { Side::Sender };
        self.sent.push((self.now, from, frame.clone()));
        if (self.lost)(from, &frame, before) || self.rng.below(1000) < self.faults.loss {
            return;
        }
        let copies = 1 + usize::from(self.rng.below(1000) < self.faults.repetition);
        for _ in 0..copies {
            let delay = RTT / 2 + self.rng.duration_below(self.faults.jitter);
            self.push(delay, to, Arrival::Frame(frame.clone()));
        }
    }

    fn transmit_sealed(&mut self, from: Side, context: Context, plaintext: &[u8]) {
        let data = self.token.seal(self.rng.bytes(), plaintext);
        self.transmit(from, Frame { packet_type: PacketType::Data, context, data });
    }

    fn prove(&mut self, proof: Proof) {
        self.finished.insert_proof(LINK, proof);
        let data = proof.body().to_vec();
        let frame = Frame { packet_type: PacketType::Proof, context: Context::RESOURCE_PRF, data };
        self.transmit(Side::Receiver, frame);
    }

    fn drain(&mut self) {
        while let Some(output) = self.sender.poll_output() {
            self.carry_out(Side::Sender, output);
        }
        while let Some(output) = self.receiver.as_mut().and_then(Receiver::poll_output) {
            self.carry_out(Side::Receiver, output);
        }
        if self.receiver_end.is_some() {
            self.receiver = None;
        }
    }

    fn carry_out(&mut self, side: Side, output: Output) {
        match output {
            Output::Sealed { context, plaintext } => self.transmit_sealed(side, context, &plaintext),
            Output::Raw { packet_type, context, data } => {
                self.transmit(side, Frame { packet_type, context, data });
            }
            Output::Prove(proof) => self.prove(proof),
            Output::Job(job) => self.push(Duration::from_millis(3), side, Arrival::Job(job.run())),
            Output::Sent => self.sender_end = Some(Ok(())),
            Output::Received(received) => {
                self.finished.insert(received.hash);
                if let Some(proof) = received.proof {
                    self.push(Duration::from_millis(20), side, Arrival::Commit(proof));
                }
                self.receiver_end = Some(Ok(received));
            }
            Output::Failed(failure) if side == Side::Sender => self.sender_end = Some(Err(failure)),
            Output::Failed(failure) => self.receiver_end = Some(Err(failure)),
        }
    }

    fn arrive(&mut self, to: Side, arrival: Arrival) {
        match (to, arrival) {
            (_, Arrival::Commit(proof)) => self.prove(proof),
            (Side::Sender, Arrival::Job(done)) => self.sender.handle_job_done(self.now, done),
            (Side::Receiver, Arrival::Job(done)) => {
                if let Some(receiver) = &mut self.receiver {
                    receiver.handle_job_done(self.now, done);
                }
            }
            (_, Arrival::Frame(frame)) => {
                if frame.context.skips_duplicate_filter() || self.seen.insert(frame.hash()) {
                    match to {
                        Side::Sender => self.sender_hears(&frame),
                        Side::Receiver => self.receiver_hears(&frame),
                    }
                }
            }
        }
    }

    fn sender_hears(&mut self, frame: &Frame) {
        match frame.context {
            Context::RESOURCE_REQ => {
                let plaintext = self.open(frame);
                let request = PartRequest::parse(&plaintext).unwrap();
                if self.sender.hash() == Some(request.hash) {
                    self.sender.handle_part_request(self.now, frame.hash(), &request);
                }
            }
            Context::RESOURCE_PRF => {
                self.sender.handle_proof(self.now, &frame.data);
            }
            Context::RESOURCE_RCL => {
                if self.sender.hash().is_some_and(|hash| hash.as_bytes()[..] == self.open(frame)) {
                    self.sender.handle_rejection();
                }
            }
            other => panic!("unexpected {other:?}"),
        }
    }

    fn receiver_hears(&mut self, frame: &Frame) {
        match frame.context {
            Context::RESOURCE_ADV => self.receiver_hears_advertisement(&self.open(frame)),
            Context::CACHE_REQUEST => {
                let wanted = PacketHash::from_slice(&frame.data).unwrap();
                if let Some(proof) = self.finished.proof(&wanted) {
                    self.prove(proof);
                }
            }
            context => {
                let plaintext = if context == Context::RESOURCE { Vec::new() } else { self.open(frame) };
                let Some(receiver) = &mut self.receiver else { return };
                match context {
                    Context::RESOURCE => {
                        receiver.handle_part(self.now, &frame.data);
                    }
                    Context::RESOURCE_HMU => {
                        receiver.handle_hashmap_update(self.now, &HashmapUpdate::parse(&plaintext).unwrap());
                    }
                    Context::RESOURCE_ICL if plaintext == receiver.hash().as_bytes() => {
                        receiver.handle_cancel()
                    }
                    Context::RESOURCE_ICL => {}
                    other => panic!("unexpected {other:?}"),
                }
            }
        }
    }

    fn receiver_hears_advertisement(&mut self, plaintext: &[u8]) {
        let advertisement = Advertisement::parse(plaintext).unwrap();
        if self.finished.holds(&advertisement.hash) {
            return;
        }
        if let Some(receiver) = &mut self.receiver {
            assert_eq!(receiver.original(), advertisement.original_hash);
            return receiver.handle_advertisement(self.now, &advertisement);
        }
        match Offer::check(&advertisement, self.sdu, self.size_max) {
            Ok(offer) => {
                self.offers.push(offer.clone());
                self.receiver = Some(Receiver::accept(self.now, offer, self.receive_config()));
            }
            Err(_) => self.carry_out(Side::Receiver, rejection(advertisement.hash)),
        }
    }

    fn receive_config(&self) -> ReceiveConfig {
        let (token, sdu) = (self.token.clone(), self.sdu);
        ReceiveConfig { token, sdu, rtt: RTT, pace: Pace::new(100_000.0), prove_at_once: self.prove_at_once }
    }
}
