//! Resources alone, without link and medium: what preparing and assembling a segment costs, and a whole transfer.
//!
//! The module is private to the crate, so it is compiled into this benchmark rather than opened for its sake.

use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use divan::counter::BytesCount;
use reticulum::{crypto, hash, time, wire};

#[path = "../src/resource/mod.rs"]
#[allow(dead_code, unused_imports, missing_docs)]
mod resource;

/// What the module's tests use; `cargo clippy --all-targets` compiles them here too.
#[cfg(test)]
#[path = "../src/vectors.rs"]
#[allow(dead_code)]
mod vectors;

use crypto::{Rng, Token};
use hash::{LinkId, PacketHash};
use resource::{
    Content, Job, JobDone, Offer, Output, Pace, Purpose, ReceiveConfig, Receiver, SendConfig, Sender,
};
use time::Instant;
use wire::Context;
use wire::link::resource_sdu;
use wire::resource::{Advertisement, HashmapUpdate, PartRequest};

const MIB: usize = (1 << 20) - 1;
const MTUS: [u32; 2] = [500, 16_384];

fn main() {
    divan::main();
}

fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Rng::from_seed([1; 32]).fill(&mut bytes);
    bytes
}

/// About as compressible as prose: made-up words, the first ones of the vocabulary the most frequent.
fn text(len: usize) -> Vec<u8> {
    let letters = noise(6 * 4096);
    let words: Vec<Vec<u8>> = letters
        .chunks(6)
        .map(|word| {
            word.iter()
                .take(2 + usize::from(word[0] % 5))
                .map(|letter| b'a' + letter % 26)
                .chain([b' '])
                .collect()
        })
        .collect();
    let mut rng = Rng::from_seed([3; 32]);
    let picks = std::iter::repeat_with(move || (rng.below(64) * rng.below(64)) as usize);
    picks.flat_map(|pick| words[pick].clone()).take(len).collect()
}

fn token() -> Arc<Token> {
    Arc::new(Token::new(&[9; 64]))
}

fn sender(data: Vec<u8>, mtu: u32) -> Sender {
    let (sdu, rtt) = (resource_sdu(mtu), Duration::from_millis(1));
    let config = SendConfig { link: LinkId::new([7; 16]), token: token(), sdu, rtt, timeout: None };
    let content = Content { data, metadata: None, compress: true, purpose: Purpose::Plain };
    Sender::new(config, content, &mut Rng::from_seed([2; 32])).expect("no metadata")
}

fn job(output: Option<Output>) -> Job {
    match output {
        Some(Output::Job(job)) => job,
        other => panic!("no job but {other:?}"),
    }
}

/// Carries outputs between both, without encryption, until the receiver has a job; returns that.
struct Transfer {
    sender: Sender,
    receiver: Option<Receiver>,
    sdu: usize,
    requests: u64,
    complete: bool,
}

impl Transfer {
    fn new(data: Vec<u8>, mtu: u32) -> Self {
        Self {
            sender: sender(data, mtu),
            receiver: None,
            sdu: resource_sdu(mtu),
            requests: 0,
            complete: false,
        }
    }

    /// Until a job comes that `keep` wants, or nothing is left to do.
    fn run(&mut self, keep: impl Fn(&JobOf) -> bool) -> Option<Job> {
        loop {
            let from_sender = self.sender.poll_output();
            let of_sender = from_sender.is_some();
            let output = from_sender.or_else(|| self.receiver.as_mut()?.poll_output());
            let owner = if of_sender { JobOf::Sender } else { JobOf::Receiver };
            match output? {
                Output::Job(job) if keep(&owner) => return Some(job),
                Output::Job(job) => self.job_done(&owner, job.run()),
                Output::Sealed { context, plaintext: data } | Output::Raw { context, data, .. } => {
                    self.carry(context, &data);
                }
                Output::Prove(proof) => self.carry(Context::RESOURCE_PRF, &proof.body()),
                Output::Sent => self.complete = true,
                Output::Received(_) => {}
                Output::Failed(failure) => panic!("{failure}"),
            }
        }
    }

    fn job_done(&mut self, owner: &JobOf, done: JobDone) {
        match owner {
            JobOf::Sender => self.sender.handle_job_done(Instant::ZERO, done),
            JobOf::Receiver => self.receiver.as_mut().expect("its job").handle_job_done(Instant::ZERO, done),
        }
    }

    fn carry(&mut self, context: Context, data: &[u8]) {
        let now = Instant::ZERO;
        match (context, &mut self.receiver) {
            (Context::RESOURCE, Some(receiver)) => assert!(receiver.handle_part(now, data)),
            (Context::RESOURCE_HMU, Some(receiver)) => {
                receiver.handle_hashmap_update(now, &HashmapUpdate::parse(data).expect("ours"));
            }
            (Context::RESOURCE_REQ, _) => {
                self.requests += 1;
                let mut packet = [0; 32];
                packet[..8].copy_from_slice(&self.requests.to_be_bytes());
                let request = PartRequest::parse(data).expect("ours");
                self.sender.handle_part_request(now, PacketHash::new(packet), &request);
            }
            (Context::RESOURCE_PRF, _) => assert!(self.sender.handle_proof(now, data)),
            (Context::RESOURCE_ADV, receiver) => {
                let advertisement = Advertisement::parse(data).expect("ours");
                if let Some(receiver) = receiver {
                    return receiver.handle_advertisement(now, &advertisement);
                }
                let offer = Offer::check(&advertisement, self.sdu, u64::MAX).expect("ours");
                let (rtt, pace) = (Duration::from_millis(1), Pace::new(1e8));
                let config = ReceiveConfig { token: token(), sdu: self.sdu, rtt, pace, prove_at_once: true };
                *receiver = Some(Receiver::accept(now, offer, config));
            }
            (other, _) => panic!("unexpected {other:?}"),
        }
    }
}

enum JobOf {
    Sender,
    Receiver,
}

fn prepare(bencher: Bencher, data: &[u8], mtu: u32) {
    bencher
        .counter(BytesCount::new(data.len()))
        .with_inputs(|| job(sender(data.to_vec(), mtu).poll_output()))
        .bench_values(Job::run);
}

fn assemble(bencher: Bencher, data: &[u8], mtu: u32) {
    bencher
        .counter(BytesCount::new(data.len()))
        .with_inputs(|| {
            let mut transfer = Transfer::new(data.to_vec(), mtu);
            transfer.run(|owner| matches!(owner, JobOf::Receiver)).expect("a segment to assemble")
        })
        .bench_values(Job::run);
}

#[divan::bench(args = MTUS)]
fn prepare_noise(bencher: Bencher, mtu: u32) {
    prepare(bencher, &noise(MIB), mtu);
}

#[divan::bench(args = MTUS, sample_count = 10)]
fn prepare_text(bencher: Bencher, mtu: u32) {
    prepare(bencher, &text(MIB), mtu);
}

#[divan::bench(args = MTUS)]
fn assemble_noise(bencher: Bencher, mtu: u32) {
    assemble(bencher, &noise(MIB), mtu);
}

#[divan::bench(args = MTUS, sample_count = 10)]
fn assemble_text(bencher: Bencher, mtu: u32) {
    assemble(bencher, &text(MIB), mtu);
}

/// Both ends of 10 MB on one thread: advertise, request, hash each part, assemble, prove.
#[divan::bench(args = MTUS, sample_count = 10)]
fn transfer_10_mb_of_noise(bencher: Bencher, mtu: u32) {
    let data = noise(10_000_000);
    bencher
        .counter(BytesCount::new(data.len()))
        .with_inputs(|| Transfer::new(data.clone(), mtu))
        .bench_local_values(|mut transfer| {
            assert!(transfer.run(|_| false).is_none() && transfer.complete);
        });
}
