//! Two links back to back on virtual time, over a wire that delays, drops and reorders as a test says.

mod channel;
mod garbage;
mod handshake;
mod liveness;
mod receipts;
mod requests;
mod transfers;

use std::collections::{BTreeMap, HashSet};

use super::*;
use crate::crypto::Identity;
use crate::node::{ResourceId, ResourcePolicy};
use crate::time::UnixTime;
use crate::wire::link::LinkRequest;

/// Time that a packet takes, unless a test says otherwise.
const DELAY: Duration = ms(10);
/// Bytes that each end may have coming in, and going out.
const BUDGET: u64 = 64 << 20;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Initiator,
    Responder,
}
use Side::{Initiator, Responder};

impl Side {
    fn other(self) -> Self {
        match self {
            Initiator => Responder,
            Responder => Initiator,
        }
    }
}

/// What one end put on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    at: Instant,
    from: Side,
    packet_type: PacketType,
    context: Context,
    data: Vec<u8>,
    priority: Priority,
}

enum Arriving {
    Packet(Side, PacketType, Context, Vec<u8>),
    Job(Side, LinkJob),
}

struct End {
    link: Option<Link>,
    rng: Rng,
    config: LinkConfig,
    events: Vec<LinkEvent>,
    refusals: Vec<Refusal>,
    seen: HashSet<PacketHash>,
}

/// Decides how long a packet takes; `None` loses it.
type Fate = Box<dyn FnMut(&Sent) -> Option<Duration>>;

struct Pair {
    now: Instant,
    initiator: End,
    responder: End,
    identity: Arc<Identity>,
    destination: DestinationHash,
    request: Vec<u8>,
    arriving: BTreeMap<(Instant, u64), Arriving>,
    arrivals: u64,
    sent: Vec<Sent>,
    fate: Fate,
    /// How long a job takes.
    job_time: Duration,
}

fn config() -> LinkConfig {
    LinkConfig {
        resources: ResourcePolicy::All,
        resource_size_max: 16 << 20,
        request_size_max: 1 << 20,
        response_size_max: 16 << 20,
        incoming: Budget::new(BUDGET),
        outgoing: Budget::new(BUDGET),
        channels: false,
    }
}

impl End {
    fn new(seed: u8) -> Self {
        Self {
            link: None,
            rng: Rng::from_seed([seed; 32]),
            config: config(),
            events: Vec::new(),
            refusals: Vec::new(),
            seen: HashSet::new(),
        }
    }
}

impl Pair {
    /// The link is requested, nothing has travelled.
    fn new() -> Self {
        Self::with_mtu(500)
    }

    fn with_mtu(mtu: u32) -> Self {
        let mut pair = Self {
            now: Instant::from_micros(1_000_000_000),
            initiator: End::new(1),
            responder: End::new(2),
            identity: Arc::new(Identity::generate(&mut Rng::from_seed([3; 32]))),
            destination: DestinationHash::new([4; 16]),
            request: Vec::new(),
            arriving: BTreeMap::new(),
            arrivals: 0,
            sent: Vec::new(),
            fate: Box::new(|_| Some(DELAY)),
            job_time: Duration::ZERO,
        };
        let config = InitiateConfig {
            destination: pair.destination,
            peer: Arc::new(pair.identity.public().clone()),
            mtu,
            hops: 1,
            first_hop_timeout: secs(6),
            link: pair.initiator.config.clone(),
        };
        let (link, request) = Link::initiate(pair.now, &mut pair.initiator.rng, config);
        pair.initiator.link = Some(link);
        pair.request = request;
        pair
    }

    /// The request arrives now, and its answer leaves after `answer_delay` at the soonest.
    fn answer(&mut self, mtu: u32, answer_delay: Duration) {
        let request = LinkRequest::parse(&self.request).unwrap();
        let id = self.initiator.link.as_ref().unwrap().id();
        let rng = &mut self.responder.rng;
        let job = AnswerJob::new(rng, id, self.destination, self.identity.clone(), request, mtu);
        let answer = job.run().unwrap();
        let arrival = Arrival { requested_at: self.now, not_before: self.now + answer_delay, hops: 1 };
        self.responder.link =
            Some(Link::from_answer(self.now, answer, arrival, self.responder.config.clone()));
        self.drain(Responder);
    }

    /// An active link, both ends of it.
    fn open() -> Self {
        let mut pair = Self::new();
        pair.advance(DELAY);
        pair.answer(500, Duration::ZERO);
        pair.advance(DELAY * 2);
        assert_eq!(pair.status(), [LinkStatus::Active; 2]);
        pair.events(Initiator);
        pair.events(Responder);
        pair.sent.clear();
        pair
    }

    fn status(&self) -> [LinkStatus; 2] {
        [self.link(Initiator).info().status, self.link(Responder).info().status]
    }

    fn end(&mut self, side: Side) -> &mut End {
        match side {
            Initiator => &mut self.initiator,
            Responder => &mut self.responder,
        }
    }

    fn link(&self, side: Side) -> &Link {
        let end = match side {
            Initiator => &self.initiator,
            Responder => &self.responder,
        };
        end.link.as_ref().unwrap()
    }

    fn unix(&self) -> UnixTime {
        UnixTime::from_secs(1_700_000_000) + self.now.since(Instant::ZERO)
    }

    /// Runs a command on one end, then sends what it made.
    fn command<T>(&mut self, side: Side, command: impl FnOnce(&mut Link, Instant, &mut Rng) -> T) -> T {
        let now = self.now;
        let end = self.end(side);
        let result = command(end.link.as_mut().unwrap(), now, &mut end.rng);
        self.drain(side);
        result
    }

    fn events(&mut self, side: Side) -> Vec<LinkEvent> {
        std::mem::take(&mut self.end(side).events)
    }

    fn refusals(&mut self, side: Side) -> Vec<Refusal> {
        std::mem::take(&mut self.end(side).refusals)
    }

    /// Contexts that one end sent since it was last asked.
    fn contexts(&mut self, side: Side) -> Vec<Context> {
        let mine = |sent: &Sent| sent.from == side;
        let contexts = self.sent.iter().filter(|sent| mine(sent)).map(|sent| sent.context).collect();
        self.sent.retain(|sent| !mine(sent));
        contexts
    }

    fn advance(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// Runs until neither end has anything to do before `end`, each deadline at its exact time.
    fn run_until(&mut self, end: Instant) {
        let mut steps = 0;
        while let Some(at) = self.next_at().filter(|at| *at <= end) {
            assert!(at >= self.now || self.arriving.is_empty(), "time runs forwards");
            self.now = self.now.max(at);
            self.step();
            steps += 1;
            assert!(steps < 200_000, "a loop of timers or packets");
        }
        self.now = end;
    }

    fn next_at(&self) -> Option<Instant> {
        let timeouts = [&self.initiator, &self.responder]
            .into_iter()
            .filter_map(|end| end.link.as_ref()?.poll_timeout());
        timeouts.chain(self.arriving.keys().next().map(|(at, _)| *at)).min()
    }

    fn step(&mut self) {
        if self.arriving.keys().next().is_some_and(|(at, _)| *at <= self.now) {
            let (_, arriving) = self.arriving.pop_first().unwrap();
            match arriving {
                Arriving::Packet(to, packet_type, context, data) => {
                    self.deliver(to, packet_type, context, &data)
                }
                Arriving::Job(side, job) => self.finish(side, job),
            }
            return;
        }
        for side in [Initiator, Responder] {
            let now = self.now;
            let end = self.end(side);
            let Some(link) = &mut end.link else { continue };
            if link.poll_timeout().is_some_and(|at| at <= now) {
                link.handle_timeout(now, &mut end.rng);
                assert!(link.poll_timeout().is_none_or(|at| at > now), "a timer that is due stays due");
                self.drain(side);
            }
        }
    }

    fn deliver(&mut self, to: Side, packet_type: PacketType, context: Context, data: &[u8]) {
        let now = self.now;
        let end = self.end(to);
        let Some(link) = &mut end.link else { return };
        let packet = match packet_type {
            PacketType::Proof => Packet::link_proof(link.id(), context, data),
            _ => Packet::link(link.id(), context, data),
        };
        let hash = packet.hash();
        if !end.seen.insert(hash) && !context.skips_duplicate_filter() {
            return;
        }
        if let Err(refusal) = link.handle_packet(now, &mut end.rng, &packet, hash) {
            end.refusals.push(refusal);
        }
        self.drain(to);
    }

    fn finish(&mut self, side: Side, job: LinkJob) {
        let now = self.now;
        let end = self.end(side);
        let link = end.link.as_mut().unwrap();
        if let Err(refusal) = link.handle_job_done(now, &mut end.rng, job.run(None)) {
            end.refusals.push(refusal);
        }
        self.drain(side);
    }

    fn drain(&mut self, side: Side) {
        while let Some(output) = self.end(side).link.as_mut().and_then(Link::poll_output) {
            match output {
                LinkOutput::Event(event) => self.end(side).events.push(event),
                LinkOutput::Job(job) => self.schedule(self.now + self.job_time, Arriving::Job(side, job)),
                LinkOutput::Transmit { packet_type, context, data, priority } => {
                    let sent = Sent { at: self.now, from: side, packet_type, context, data, priority };
                    if let Some(delay) = (self.fate)(&sent) {
                        let arriving =
                            Arriving::Packet(side.other(), packet_type, context, sent.data.clone());
                        self.schedule(self.now + delay, arriving);
                    }
                    self.sent.push(sent);
                }
            }
        }
    }

    fn schedule(&mut self, at: Instant, arriving: Arriving) {
        self.arrivals += 1;
        self.arriving.insert((at, self.arrivals), arriving);
    }
}
