//! The queue between those who submit and the one thread that writes.
//!
//! The writer takes all that waits, up to a bound, into one transaction: while a commit is under way the next group
//! gathers, so a slow disk makes larger groups instead of a longer line.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::write::{Ticket, Write};

/// Writes in one transaction at most.
pub const GROUP_WRITES_MAX: usize = 4_096;
/// Bytes in one transaction, roughly; the write that passes the bound is still taken.
pub const GROUP_BYTES_MAX: usize = 1 << 20;
/// Writes that wait at most. At the bound, submitting waits; see [`super::Store::backlog`] for how not to get there.
pub const WAITING_WRITES_MAX: usize = 8_192;
/// Bytes that wait at most, roughly.
pub const WAITING_BYTES_MAX: usize = 8 << 20;

/// Whatever is still being committed must be remembered by the group itself.
const _: () = assert!(WAITING_WRITES_MAX + GROUP_WRITES_MAX <= crate::group::RECENT_MAX);

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    drained: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    writes: VecDeque<Write>,
    bytes: usize,
    submitted: u64,
    taken: u64,
    closed: bool,
}

impl Queue {
    /// Appends a write; waits while the queue is full. After [`Self::close`] it is dropped and its ticket never
    /// commits.
    pub(super) fn push(&self, write: Write) -> Ticket {
        let mut waiting = self.lock();
        while !waiting.closed
            && (waiting.writes.len() >= WAITING_WRITES_MAX || waiting.bytes >= WAITING_BYTES_MAX)
        {
            waiting = self.drained.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.submitted += 1;
        if !waiting.closed {
            waiting.bytes += write.weight();
            waiting.writes.push_back(write);
            self.filled.notify_one();
        }
        Ticket(waiting.submitted)
    }

    /// Moves the next group of writes into `group`, which is empty; waits for one. `None` once the queue is closed and empty, else the
    /// ticket of the last.
    ///
    /// Where `at_once` is set it does not wait: then `group` may stay empty.
    pub(super) fn take(&self, group: &mut Vec<Write>, at_once: bool) -> Option<Ticket> {
        let mut waiting = self.lock();
        while waiting.writes.is_empty() {
            if waiting.closed {
                return None;
            }
            if at_once {
                return Some(Ticket(waiting.taken));
            }
            waiting = self.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let mut bytes = 0;
        while group.len() < GROUP_WRITES_MAX && bytes < GROUP_BYTES_MAX {
            let Some(write) = waiting.writes.pop_front() else { break };
            bytes += write.weight();
            group.push(write);
        }
        waiting.bytes -= bytes;
        waiting.taken += group.len() as u64;
        self.drained.notify_all();
        Some(Ticket(waiting.taken))
    }

    /// Lets the writer finish what waits and then end.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.drained.notify_all();
    }

    /// Drops what waits: the writer has failed.
    pub(super) fn abandon(&self) {
        let mut waiting = self.lock();
        waiting.writes = VecDeque::new();
        waiting.bytes = 0;
        drop(waiting);
        self.close();
    }

    pub(super) fn len(&self) -> usize {
        self.lock().writes.len()
    }

    pub(super) fn submitted(&self) -> Ticket {
        Ticket(self.lock().submitted)
    }

    /// A panic in another thread leaves the queue as it was: each change is one push or one pop.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
