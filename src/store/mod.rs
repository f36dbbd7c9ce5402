//! The store: SQLite and nothing else. It appends what the groups decided and answers questions about the past.
//!
//! - [`Store::submit`] takes [`Write`]s and gives tickets. One thread writes; it commits in groups, in order, and
//!   reports the highest [`Ticket`] that is durable. What depends on a write leaves the node after that report.
//! - [`Restored`] is what a start needs, read once from the projections of the log.
//! - [`Reader`]s answer beside the writer, each on a connection of its own.
//!
//! There is no logic here: what may happen is decided in [`crate::group`]. SQL does not leave this module, and the
//! interface is in the domain's terms, so that another store can stand behind it.
//!
//! Files in the data folder: `meshgroup.db` (with SQLite's `-wal` and `-shm` beside it) and `lock`.

mod apply;
mod attachments;
mod check;
mod copies;
mod entry;
mod erase;
mod export;
mod gaps;
mod history;
mod mail;
mod message_row;
mod network_row;
mod outbox;
mod page;
mod path_row;
mod queue;
mod read;
mod reading;
mod relayed;
mod restore;
mod row;
mod rules;
mod schema;
mod search;
mod stretch;
mod write;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use lxmf::propagation::node::Totals;
use reticulum::time::UnixTime;
use rusqlite::Connection;
use thiserror::Error;

pub use apply::PEERS_MAX;
pub use check::{Checked, check};
pub use export::ExportError;
pub use outbox::{ReadCopy, WrittenCopy};
pub use page::{Details, Entry, Filter, Page, PageRequest, Quote, ReactionCount};
pub use queue::{GROUP_BYTES_MAX, GROUP_WRITES_MAX, WAITING_BYTES_MAX, WAITING_WRITES_MAX};
pub use read::Reader;
pub use relayed::{Relayed, Target};
pub use restore::{Restored, RestoredGroup};
pub use stretch::{Stretch, StretchId, Stretched};
pub use write::{HeldMessage, OutboxRow, Seen, Ticket, Write};
pub use writer::Report;

use apply::Ledger;
use writer::{Shared, Writer};

const DATABASE_FILE: &str = "meshgroup.db";
const LOCK_FILE: &str = "lock";
/// The writing thread runs SQLite and little else.
const WRITER_STACK_BYTES: usize = 256 << 10;

/// What a commit survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The loss of power: each commit waits for the disk.
    #[default]
    PowerLoss,
    /// The end of the process, however sudden. Power loss may cost the last seconds, never the order.
    Crash,
}

/// How to open a store.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What a commit survives.
    pub durability: Durability,
    /// A test aid: every commit takes this much longer, as on a slow disk.
    pub commit_delay: Duration,
    /// Bytes of messages that are kept for others as a propagation node.
    pub mail_bytes_max: u64,
}

/// Why a store cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is in use by another meshgroup process; stop that one, or choose another folder with --data", .0.display())]
    Locked(PathBuf),
    /// The folder or a file in it cannot be used.
    #[error("cannot use {}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A newer program wrote it.
    #[error("the database has schema {found}, this program knows up to {known}; use the newer program")]
    Newer {
        /// What it has.
        found: u32,
        /// What this program knows.
        known: u32,
    },
    /// Reading or migrating it failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Why a query or a commit failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// SQLite says so: disk full, file damaged, and the like.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// What is stored is not what this program writes.
    #[error("the database holds {0}")]
    Corrupt(&'static str),
}

/// An open store. Dropping it commits what was submitted, then closes.
#[derive(Debug)]
pub struct Store {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
    database: PathBuf,
    /// Held as long as the writer may write.
    _lock: File,
}

impl Store {
    /// Opens or creates the store in `folder`, which must exist. `on_report` is called on the writing thread, after
    /// each commit; it should only pass the report on.
    pub fn open(
        folder: &Path,
        options: &Options,
        now: UnixTime,
        on_report: impl FnMut(Report) + Send + 'static,
    ) -> Result<(Self, Restored), OpenError> {
        let lock = lock(folder)?;
        let database = folder.join(DATABASE_FILE);
        create_private(&database).map_err(|error| OpenError::Io { path: database.clone(), error })?;
        let mut db = Connection::open(&database)?;
        schema::prepare_writer(&mut db, options.durability)?;
        let restored = restore::restore(&db, now)?;
        let mail = mail::Mail::read(&db, options.mail_bytes_max, now)?;
        let ledger = Ledger::read(&db)?.with_mail(mail);
        // Restoring filled the page cache with what is not needed again.
        db.execute_batch("PRAGMA shrink_memory")?;
        let shared = Arc::new(Shared::default());
        shared.note_mail(ledger.mail_totals());
        let writer = Writer {
            db,
            ledger,
            shared: shared.clone(),
            commit_delay: options.commit_delay,
            on_report: Box::new(on_report),
        };
        let thread = std::thread::Builder::new().name("store".to_owned()).stack_size(WRITER_STACK_BYTES);
        let spawned = thread.spawn(move || writer.run());
        let writer = spawned.map_err(|error| OpenError::Io { path: database.clone(), error })?;
        Ok((Self { shared, writer: Some(writer), database, _lock: lock }, restored))
    }

    /// Queues a write. Waits when [`WAITING_WRITES_MAX`] or [`WAITING_BYTES_MAX`] is reached; whoever cannot wait stops
    /// taking in work at a smaller [`Self::backlog`].
    pub fn submit(&self, write: Write) -> Ticket {
        self.shared.queue.push(write)
    }

    /// The newest ticket that was given. What must wait for everything decided so far waits for this one.
    pub fn last_ticket(&self) -> Ticket {
        self.shared.queue.submitted()
    }

    /// Writes that are waiting, without those of the commit under way.
    pub fn backlog(&self) -> usize {
        self.shared.queue.len()
    }

    /// How long a commit takes, going by the slowest of late; zero before the first. A proof may have to wait for the
    /// commit under way and then for its own.
    pub fn recent_commit_time(&self) -> Duration {
        self.shared.commit_time.recent()
    }

    /// Commits since the store was opened.
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }

    /// How much is kept for others as a propagation node.
    pub fn mail_totals(&self) -> Totals {
        self.shared.mail_totals()
    }

    /// A connection for reading.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Reader::open(&self.database)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the thread that writes the database panicked");
        }
    }
}

/// Takes the lock of a data folder, or says that somebody else has it.
fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join(LOCK_FILE);
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = open.map_err(|error| OpenError::Io { path: path.clone(), error })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(OpenError::Io { path, error }),
    }
}

/// Creates the database file, if it is not there, so that nobody else can read what people wrote. SQLite gives the files
/// beside it the same mode.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
