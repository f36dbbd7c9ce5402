//! The one thread that writes: takes what waits, makes one transaction of it, commits, reports.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lxmf::propagation::node::Totals;
use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;
use super::apply::Ledger;
use super::queue::Queue;
use super::write::{Ticket, Write};

/// Commits after which the log is moved into the database as soon as nothing waits, in small steps, so that no commit
/// has to do it for many at once.
const CHECKPOINT_COMMITS: u32 = 64;

/// What the writer reports.
#[derive(Debug)]
pub enum Report {
    /// Everything up to this ticket is durable.
    Committed(Ticket),
    /// A transaction failed; nothing after the last reported ticket is durable and nothing more will be. Memory is now
    /// ahead of the disk, so the process has to end.
    Failed(StoreError),
}

/// What writer and store share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) commit_time: CommitTime,
    pub(super) commits: AtomicU64,
    mail_count: AtomicU64,
    mail_bytes: AtomicU64,
}

impl Shared {
    pub(super) fn note_mail(&self, totals: Totals) {
        self.mail_count.store(totals.count, Ordering::Relaxed);
        self.mail_bytes.store(totals.bytes, Ordering::Relaxed);
    }

    pub(super) fn mail_totals(&self) -> Totals {
        let (count, bytes) = (&self.mail_count, &self.mail_bytes);
        Totals { count: count.load(Ordering::Relaxed), bytes: bytes.load(Ordering::Relaxed) }
    }
}

/// How long commits took lately, in microseconds: the maximum, decaying by an eighth with each commit.
#[derive(Debug, Default)]
pub(super) struct CommitTime(AtomicU64);

impl CommitTime {
    pub(super) fn recent(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }

    /// Only the writer calls this, so a load and a store do.
    fn note(&self, took: Duration) {
        let before = self.0.load(Ordering::Relaxed);
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.0.store(took.max(before - before / 8), Ordering::Relaxed);
    }
}

/// The writing end: everything that the thread owns.
pub(super) struct Writer {
    pub(super) db: Connection,
    pub(super) ledger: Ledger,
    pub(super) shared: Arc<Shared>,
    pub(super) commit_delay: Duration,
    pub(super) on_report: Box<dyn FnMut(Report) + Send>,
}

impl Writer {
    /// Writes until the queue is closed and empty, or a commit fails.
    pub(super) fn run(mut self) {
        let mut group = Vec::new();
        let mut commits_in_log = 0;
        while let Some(through) = self.shared.queue.take(&mut group, self.ledger.has_chores()) {
            let started = Instant::now();
            if let Err(error) = self.commit(&group) {
                self.shared.queue.abandon();
                (self.on_report)(Report::Failed(error.into()));
                return;
            }
            self.shared.note_mail(self.ledger.mail_totals());
            if group.is_empty() {
                continue;
            }
            group.clear();
            self.shared.commit_time.note(started.elapsed());
            self.shared.commits.fetch_add(1, Ordering::Relaxed);
            (self.on_report)(Report::Committed(through));
            commits_in_log += 1;
            if commits_in_log >= CHECKPOINT_COMMITS && self.shared.queue.len() == 0 {
                self.checkpoint();
                commits_in_log = 0;
            }
        }
    }

    /// Makes one transaction of `group`, or of a chore where it is empty.
    fn commit(&mut self, group: &[Write]) -> Result<(), rusqlite::Error> {
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for write in group {
            self.ledger.apply(&transaction, write)?;
        }
        if group.is_empty() {
            self.ledger.do_chore(&transaction)?;
        }
        self.ledger.finish(&transaction)?;
        if !self.commit_delay.is_zero() {
            std::thread::sleep(self.commit_delay);
        }
        transaction.commit()
    }

    /// Whatever arrives meanwhile waits for it, so it counts as a commit. If it fails nothing is lost: the log stays,
    /// and the next one tries again.
    fn checkpoint(&self) {
        let started = Instant::now();
        let result = self.db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = result {
            tracing::warn!(%error, "cannot move the database's log into the database");
        }
        self.shared.commit_time.note(started.elapsed());
    }
}
