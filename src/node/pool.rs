//! The threads that do what the engines hand out: public-key operations, compression, proof of work.
//!
//! Packet work comes back in the order in which it went out, so that messages keep their order; heavy work comes back
//! when it is done, and always leaves one thread to packet work. The signatures of a chunk are verified together.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use reticulum::crypto::{Claim, Vouched, verify_all};

use crate::host::{Job, JobDone};

/// Packet jobs that travel to a thread together: one wake-up for all of them, and short enough to share among threads.
const CHUNK_JOBS_MAX: usize = 32;

/// Up to this many jobs are done on the spot while nothing else is under way: waking a thread costs about as much.
const INLINE_JOBS_MAX: usize = 2;

/// Fewer signatures cost less one by one.
const CLAIMS_MIN: usize = 2;

/// After a chunk with a false signature, so many chunks are verified one by one: whoever keeps sending such costs us a batch
/// in vain in every so many chunks, and otherwise what a signature costs alone.
const WARY_CHUNKS: u32 = 16;

/// What a thread reports.
pub(crate) enum Completion {
    /// A chunk of packet work, numbered in the order of submission.
    Chunk(u64, Vec<JobDone>),
    /// One heavy job.
    Heavy(JobDone),
}

type Report = Arc<dyn Fn(Completion) + Send + Sync>;

#[derive(Default)]
struct Queues {
    chunks: VecDeque<(u64, Vec<Job>)>,
    heavy: VecDeque<Job>,
    heavy_running: usize,
    closed: bool,
}

struct Shared {
    queues: Mutex<Queues>,
    work: Condvar,
    heavy_threads_max: usize,
    wary: Wary,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        // A panic in a job ends the process (see `serve`), so a poisoned lock is still whole.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pool, as its owner sees it.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    threads: usize,
    next_chunk: u64,
    next_due: u64,
    early: BTreeMap<u64, Vec<JobDone>>,
}

impl Pool {
    /// Starts as many threads as there are cores, and at least two. They report through `report`.
    pub(crate) fn start(report: impl Fn(Completion) + Send + Sync + 'static) -> std::io::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(2, usize::from).max(2);
        let shared = Arc::new(Shared {
            queues: Mutex::default(),
            work: Condvar::new(),
            heavy_threads_max: threads - 1,
            wary: Wary::default(),
        });
        let report: Report = Arc::new(report);
        for index in 0..threads {
            let (shared, report) = (Arc::clone(&shared), Arc::clone(&report));
            std::thread::Builder::new()
                .name(format!("work-{index}"))
                .spawn(move || serve(&shared, &report))?;
        }
        Ok(Self { shared, threads, next_chunk: 0, next_due: 0, early: BTreeMap::new() })
    }

    /// Hands out packet jobs. What comes back at once was done on the spot.
    pub(crate) fn submit(&mut self, jobs: &mut Vec<Job>) -> Vec<JobDone> {
        if jobs.is_empty() {
            return Vec::new();
        }
        if jobs.len() <= INLINE_JOBS_MAX && self.next_chunk == self.next_due {
            return run(std::mem::take(jobs), &self.shared.wary);
        }
        let size = jobs.len().div_ceil(self.threads).min(CHUNK_JOBS_MAX);
        let mut queues = self.shared.lock();
        let mut rest = jobs.drain(..).peekable();
        while rest.peek().is_some() {
            queues.chunks.push_back((self.next_chunk, rest.by_ref().take(size).collect()));
            self.next_chunk += 1;
        }
        drop(queues);
        self.shared.work.notify_all();
        Vec::new()
    }

    /// Hands out one heavy job.
    pub(crate) fn submit_heavy(&self, job: Job) {
        self.shared.lock().heavy.push_back(job);
        self.shared.work.notify_one();
    }

    /// Takes a report and returns what is due by it, in order.
    pub(crate) fn complete(&mut self, completion: Completion) -> Vec<JobDone> {
        let (number, done) = match completion {
            Completion::Heavy(done) => return vec![done],
            Completion::Chunk(number, done) => (number, done),
        };
        self.early.insert(number, done);
        let mut due = Vec::new();
        while let Some(done) = self.early.remove(&self.next_due) {
            self.next_due += 1;
            due.extend(done);
        }
        due
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_all();
    }
}

enum Task {
    Chunk(u64, Vec<Job>),
    Heavy(Job),
}

fn serve(shared: &Shared, report: &Report) {
    while let Some(task) = next_task(shared) {
        match task {
            Task::Chunk(number, jobs) => {
                report(Completion::Chunk(number, run(jobs, &shared.wary)));
            }
            Task::Heavy(job) => {
                let done = job.run();
                shared.lock().heavy_running -= 1;
                shared.work.notify_one();
                report(Completion::Heavy(done));
            }
        }
    }
}

/// Runs packet jobs. Each that has a signature to verify is spared that if all of them are right, which takes less to find
/// out; if one is not, each finds out for itself, so that a false one spoils nothing for the others.
fn run(jobs: Vec<Job>, wary: &Wary) -> Vec<JobDone> {
    let claims: Vec<_> = jobs.iter().map(Job::claim).collect();
    let vouched = vouch(&claims, wary);
    jobs.into_iter()
        .zip(claims)
        .map(|(job, claim)| job.run_vouched(vouched.filter(|_| claim.is_some())))
        .collect()
}

fn vouch(claims: &[Option<Claim>], wary: &Wary) -> Option<Vouched> {
    if claims.iter().flatten().count() < CLAIMS_MIN || wary.goes_alone() {
        return None;
    }
    let vouched = verify_all(claims.iter().flatten());
    if vouched.is_none() {
        wary.disappointed();
    }
    vouched
}

/// Chunks that are still to be verified one by one.
#[derive(Default)]
struct Wary(AtomicU32);

impl Wary {
    fn goes_alone(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    fn disappointed(&self) {
        self.0.store(WARY_CHUNKS, Ordering::Relaxed);
    }
}

fn next_task(shared: &Shared) -> Option<Task> {
    let mut queues = shared.lock();
    loop {
        if queues.closed {
            return None;
        }
        if let Some((number, jobs)) = queues.chunks.pop_front() {
            return Some(Task::Chunk(number, jobs));
        }
        if queues.heavy_running < shared.heavy_threads_max
            && let Some(job) = queues.heavy.pop_front()
        {
            queues.heavy_running += 1;
            return Some(Task::Heavy(job));
        }
        queues = shared.work.wait(queues).unwrap_or_else(PoisonError::into_inner);
    }
}

#[cfg(test)]
mod tests {
    use reticulum::crypto::{Identity, Rng};
    use reticulum::hash::{DestinationHash, NameHash};
    use reticulum::node::{InterfaceConfig, Node, NodeConfig, Output};
    use reticulum::time::{Instant, UnixTime};
    use reticulum::wire::{self, Announce, Context, Packet};

    use super::*;

    const NOW: Instant = Instant::ZERO;
    const UNIX: UnixTime = UnixTime::from_secs(1_700_000_000);

    /// A node that hears announces, and what it wants done.
    struct Heard {
        node: Node,
        jobs: Vec<Job>,
    }

    impl Heard {
        /// Announces of so many identities; `forged` tells those whose signature is another's.
        fn announces(count: u8, forged: impl Fn(u8) -> bool) -> Self {
            let mut rng = Rng::from_seed([1; 32]);
            let identity = Arc::new(Identity::generate(&mut rng));
            let mut node = Node::new(NodeConfig::new(identity), [3; 32], NOW, UNIX);
            let config = InterfaceConfig { ingress_control: false, ..InterfaceConfig::default() };
            let interface = node.add_interface(NOW, config);
            for number in 0..count {
                node.handle_frame(NOW, interface, &announce(&mut rng, forged(number)));
            }
            let mut heard = Self { node, jobs: Vec::new() };
            assert_eq!((heard.outputs(), heard.jobs.len()), (0, usize::from(count)));
            heard
        }

        /// Takes the work out; how many events there were.
        fn outputs(&mut self) -> usize {
            let mut events = 0;
            while let Some(output) = self.node.poll_output() {
                match output {
                    Output::Work(work) => self.jobs.push(Job::Engine(work)),
                    Output::Event(_) => events += 1,
                    Output::Persist(_) => {}
                }
            }
            events
        }

        /// How many are believed when all are run together.
        fn believed(mut self, wary: &Wary) -> usize {
            for done in run(std::mem::take(&mut self.jobs), wary) {
                let JobDone::Engine(done) = done else { panic!("{done:?}") };
                self.node.handle_work_done(NOW, done);
            }
            self.outputs()
        }
    }

    fn announce(rng: &mut Rng, forged: bool) -> Vec<u8> {
        let (identity, name) = (Identity::generate(rng), NameHash::of_name("lxmf.delivery"));
        let destination = DestinationHash::of_single(name, identity.hash());
        let blob = wire::random_blob(rng.bytes(), UNIX);
        let mut data = Announce::build(&identity, destination, name, blob, None, b"name");
        if forged {
            // The last byte of the name, which is signed.
            *data.last_mut().unwrap() ^= 1;
        }
        let mut frame = Vec::new();
        Packet::announce(destination, Context::NONE, false, &data).emit(&mut frame);
        frame
    }

    #[test]
    fn a_false_signature_spoils_nothing_for_those_that_came_with_it() {
        let wary = Wary::default();
        assert_eq!(Heard::announces(20, |_| false).believed(&wary), 20);
        assert!(vouch(&claims(20, |_| false), &wary).is_some(), "together");
        assert_eq!(Heard::announces(20, |number| number == 7).believed(&wary), 19);
    }

    #[test]
    fn after_a_false_one_some_chunks_are_verified_alone() {
        let wary = Wary::default();
        assert!(vouch(&claims(3, |number| number == 1), &wary).is_none());
        for _ in 0..WARY_CHUNKS {
            assert!(vouch(&claims(3, |_| false), &wary).is_none());
        }
        assert!(vouch(&claims(3, |_| false), &wary).is_some());
    }

    #[test]
    fn one_signature_is_verified_alone() {
        assert!(vouch(&claims(1, |_| false), &Wary::default()).is_none());
    }

    fn claims(count: u8, forged: impl Fn(u8) -> bool) -> Vec<Option<Claim>> {
        Heard::announces(count, forged).jobs.iter().map(Job::claim).collect()
    }
}
