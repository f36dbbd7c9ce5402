//! What an event costs the store: 1,000 posts a commit, in a group that has a history already.
//!
//! The data folder is in memory where the system offers that (`/dev/shm`), so that the figures are processor time and
//! not the disk's. Divide by 1,000 for one event.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has to stop")]

use std::path::PathBuf;
use std::sync::{Arc, mpsc};

use divan::Bencher;
use meshgroup::group::{
    Action, Caller, Draft, Group, GroupId, MemberId, MessageId, Needs, Pass, Settings, Viewer,
};
use meshgroup::store::{Durability, Filter, Options, PageRequest, Report, Store, Ticket, Write};
use reticulum::crypto::Identity;
use reticulum::time::UnixTime;

const GROUP: GroupId = GroupId(1);
const POSTS: u64 = 1_000;

fn main() {
    divan::main();
}

fn options() -> Options {
    Options { durability: Durability::Crash, ..Options::default() }
}

struct Fixture {
    folder: PathBuf,
    /// Absent while it is closed.
    store: Option<Store>,
    reports: mpsc::Receiver<Report>,
    group: Group,
    caller: Caller,
    posted: u64,
}

impl Fixture {
    /// A group with one member and `posts` posts.
    fn new(name: &str, posts: u64) -> Self {
        let memory = PathBuf::from("/dev/shm");
        let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let folder = parent.join(format!("meshgroup-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (sender, reports) = mpsc::channel();
        let report = move |report| drop(sender.send(report));
        let (store, _) = Store::open(&folder, &options(), UnixTime::from_secs(1), report).unwrap();
        let settings = Settings { posts_per_minute: 0, ..Settings::default() };
        let (group, created) = Group::create(UnixTime::from_secs(1), &settings, None);
        let store = Some(store);
        let mut fixture = Self { folder, store, reports, group, caller: person(0), posted: 0 };
        fixture.submit(Write::Decision { group: GROUP, events: created, seen: None });
        fixture.join(0);
        for _ in 0..posts / POSTS {
            let writes = fixture.decide_posts();
            fixture.commit(writes);
        }
        fixture
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn submit(&self, write: Write) -> Ticket {
        self.store().submit(write)
    }

    fn join(&mut self, n: u32) {
        let action = Action::Join { nick: Some(format!("Somebody {n}")), pass: Pass::None };
        let events = self.group.decide(UnixTime::from_secs(2), &person(n), action).unwrap().events;
        self.submit(Write::Decision { group: GROUP, events, seen: None });
    }

    fn decide_posts(&mut self) -> Vec<Write> {
        (0..POSTS)
            .map(|_| {
                self.posted += 1;
                let mut id = [0; 32];
                id[..8].copy_from_slice(&self.posted.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
                let (id, text) =
                    (Some(MessageId(id)), "A message of the usual length, sixty characters or so. Over.");
                let action = Action::Post(Draft { message_id: id, ..Draft::text(text) });
                let outcome = self.group.decide(UnixTime::from_secs(2), &self.caller, action).unwrap();
                Write::Decision { group: GROUP, events: outcome.events, seen: id.map(Into::into) }
            })
            .collect()
    }

    /// Submits and waits until all is committed.
    fn commit(&self, writes: Vec<Write>) {
        let last = writes.into_iter().fold(Ticket(0), |_, write| self.submit(write));
        while let Ok(Report::Committed(through)) = self.reports.recv() {
            if through >= last {
                return;
            }
        }
        panic!("the writer failed");
    }
}

fn person(n: u32) -> Caller {
    let mut keys = [1; 64];
    keys[..4].copy_from_slice(&n.to_be_bytes());
    Caller::Identity {
        identity: Arc::new(Identity::from_bytes(&keys).public().clone()),
        announced_name: None,
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.store = None;
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// Deciding in memory alone.
#[divan::bench(sample_count = 50)]
fn decide_1000_posts(bencher: Bencher) {
    let mut fixture = Fixture::new("decide", 0);
    bencher.counter(POSTS).bench_local(|| fixture.decide_posts());
}

/// Appending to the log, with the message, its id and the projections, until the commit is reported.
#[divan::bench(args = [0, 100_000], sample_count = 50)]
fn commit_1000_posts(bencher: Bencher, history: u64) {
    let fixture = std::cell::RefCell::new(Fixture::new(&format!("commit-{history}"), history));
    bencher
        .counter(POSTS)
        .with_inputs(|| fixture.borrow_mut().decide_posts())
        .bench_local_values(|writes| fixture.borrow().commit(writes));
}

/// One page of history out of the middle.
#[divan::bench]
fn page_of_100_in_100_000(bencher: Bencher) {
    let fixture = Fixture::new("page", 100_000);
    let reader = fixture.store().reader().unwrap();
    let after = Some(meshgroup::group::Seq(50_000));
    let request = page_request(after, Filter::All);
    bencher.bench_local(|| reader.history(GROUP, &request).unwrap());
}

fn page_request(after: Option<meshgroup::group::Seq>, filter: Filter) -> PageRequest {
    PageRequest {
        after,
        before: None,
        filter,
        rows_max: 100,
        text_bytes_max: 1 << 20,
        with_authors: true,
        viewer: Viewer::default(),
    }
}

/// One post with its author, as the fan-out reads it.
#[divan::bench]
fn post_and_author_in_100_000(bencher: Bencher) {
    let fixture = Fixture::new("entry", 100_000);
    let reader = fixture.store().reader().unwrap();
    let mut seq = 0;
    bencher.bench_local(|| {
        seq = (seq + 7_919) % 100_000;
        let event = reader.event(GROUP, meshgroup::group::Seq(seq + 3)).unwrap();
        (event, reader.author(GROUP, MemberId(1)).unwrap())
    });
}

/// Opening a store of 10,000 members and 1,000,000 posts until the group stands, closing included.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn start_with_10_000_members_and_1_000_000_posts(bencher: Bencher) {
    let mut fixture = Fixture::new("start", 1_000_000);
    (1..10_000).for_each(|n| fixture.join(n));
    fixture.store = None;
    bencher.bench_local(|| {
        let now = UnixTime::from_secs(3);
        let (store, mut restored) = Store::open(&fixture.folder, &options(), now, |_| {}).unwrap();
        let restored = restored.groups.remove(0);
        (store, Group::restore(restored.state, restored.recent))
    });
}

/// A log of a million posts, made once and kept under `target/` for the next run.
fn large() -> &'static std::path::Path {
    static LARGE: std::sync::LazyLock<std::path::PathBuf> = std::sync::LazyLock::new(|| {
        let kept = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("store-of-1000000-posts");
        let database = kept.join("meshgroup.db");
        if !database.exists() {
            let mut fixture = Fixture::new("large", 1_000_000);
            let action = Action::Post(Draft::text("An anchor that nobody else speaks of"));
            let outcome = fixture.group.decide(UnixTime::from_secs(2), &fixture.caller, action).unwrap();
            fixture.commit(vec![Write::Decision { group: GROUP, events: outcome.events, seen: None }]);
            fixture.store = None;
            std::fs::create_dir_all(&kept).unwrap();
            std::fs::copy(fixture.folder.join("meshgroup.db"), &database).unwrap();
        }
        kept
    });
    &LARGE
}

/// The newest page, a rare word, a frequent one, and what a decision needs, in a log of a million posts.
#[divan::bench(args = ["page", "rare", "frequent", "known"], sample_count = 100, sample_size = 1)]
fn read_in_1_000_000(bencher: Bencher, what: &str) {
    let (store, _) = Store::open(large(), &options(), UnixTime::from_secs(3), |_| {}).unwrap();
    let reader = store.reader().unwrap();
    let filter = match what {
        "rare" => Filter::Words("anch".to_owned()),
        "frequent" => Filter::Words("message usual".to_owned()),
        _ => Filter::All,
    };
    let needs = Needs { posts: vec![meshgroup::group::Seq(500_000)], ..Needs::default() };
    bencher.bench_local(|| match what {
        "known" => drop(reader.known(GROUP, Some(MemberId(1)), &needs).unwrap()),
        _ => drop(reader.history(GROUP, &page_request(None, filter.clone())).unwrap()),
    });
}
