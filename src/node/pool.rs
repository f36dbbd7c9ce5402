//! The threads that do what the engines hand out: public-key operations, compression, proof of work.
//!
//! Packet work comes back in the order in which it went out, so that messages keep their order; heavy work comes back
//! when it is done, and always leaves one thread to packet work.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::host::{Job, JobDone};

/// Packet jobs that travel to a thread together: one wake-up for all of them, and short enough to share among threads.
const CHUNK_JOBS_MAX: usize = 32;

/// Up to this many jobs are done on the spot while nothing else is under way: waking a thread costs about as much.
const INLINE_JOBS_MAX: usize = 2;

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
            return jobs.drain(..).map(Job::run).collect();
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
                report(Completion::Chunk(number, jobs.into_iter().map(Job::run).collect()));
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
