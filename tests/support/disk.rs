//! A real store under a node on virtual time: what is asked of the past is answered as in a running node.
//!
//! A commit takes as long as the simulation says; the simulation waits for the real one, so that a seed still gives the
//! same run each time.

use std::io::BufWriter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};

use meshgroup::group::GroupId;
use meshgroup::host::{Query, Rows};
use meshgroup::store::{Durability, Options, Reader, Report, Restored, Store, Write, check};
use reticulum::time::UnixTime;

use super::folder::Folder;
use super::station::START;

/// Stores of this process so far, so that each has a folder of its own.
static STORES: AtomicUsize = AtomicUsize::new(0);

/// A store in a folder that goes with it.
pub(crate) struct Disk {
    /// None while it is opened again.
    store: Option<Store>,
    reader: Reader,
    reports: Receiver<Report>,
    folder: Folder,
}

impl Disk {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let folder = Folder::new(&format!("sim-{}", STORES.fetch_add(1, Ordering::Relaxed)));
        let (store, reports, _) = open(&folder, START);
        let reader = store.reader().expect("it was just made");
        Self { store: Some(store), reader, reports, folder }
    }

    /// What a start after a crash finds: everything that was committed.
    pub(crate) fn restart(&mut self, now: UnixTime) -> Restored {
        // That releases the lock.
        drop(self.store.take());
        let (store, reports, restored) = open(&self.folder, now);
        self.reader = store.reader().expect("it is open");
        (self.store, self.reports) = (Some(store), reports);
        restored
    }

    /// Makes a write durable.
    pub(crate) fn commit(&self, write: Write) {
        let ticket = self.store.as_ref().expect("it is open").submit(write);
        loop {
            match self.reports.recv().expect("the writer lives") {
                Report::Committed(through) if through >= ticket => return,
                Report::Committed(_) => {}
                Report::Failed(error) => panic!("{error}"),
            }
        }
    }

    /// Answers a question.
    pub(crate) fn rows(&self, query: &Query) -> Rows {
        query.run(&self.reader).unwrap_or_else(|error| panic!("{query:?}: {error}"))
    }

    /// Writes the export of a group, and tells where.
    pub(crate) fn export(&self, group: GroupId) -> Rows {
        let path = self.folder.path().join(format!("export-{}.jsonl", group.0));
        let mut out = BufWriter::new(std::fs::File::create(&path).expect("a file"));
        self.reader.export(group, &mut out).expect("it is stored");
        Rows::Exported(path.display().to_string())
    }

    /// What is wrong with the tables: nothing, if they are what the log gives.
    pub(crate) fn findings(&self) -> Vec<String> {
        check(self.folder.path()).expect("it can be read").findings
    }
}

fn open(folder: &Folder, now: UnixTime) -> (Store, Receiver<Report>, Restored) {
    let (sender, reports) = channel();
    let options = Options { durability: Durability::Crash, ..Options::default() };
    let on_report = move |report| drop(sender.send(report));
    let (store, restored) =
        Store::open(folder.path(), &options, now, on_report).expect("a folder of its own");
    (store, reports, restored)
}
