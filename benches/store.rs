//! What an event costs the store: 1,000 posts a commit, in a group that has a history already.
//!
//! The data folder is in memory where the system offers that (`/dev/shm`), so that the figures are processor time and
//! not the disk's. Divide by 1,000 for one event.

use std::path::PathBuf;
use std::sync::mpsc;

use divan::Bencher;
use meshgroup::group::{Action, Caller, Group, GroupId, Limits, MemberId, MessageId, Visibility};
use meshgroup::store::{Durability, Options, PageRequest, Report, Store, Ticket, Write};
use reticulum::crypto::Identity;
use reticulum::time::UnixTime;

const GROUP: GroupId = GroupId(1);
const POSTS: u64 = 1_000;

fn main() {
    divan::main();
}

struct Fixture {
    folder: PathBuf,
    store: Store,
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
        let options = Options { durability: Durability::Crash, ..Options::default() };
        let (sender, reports) = mpsc::channel();
        let report = move |report| drop(sender.send(report));
        let (store, _) = Store::open(&folder, &options, UnixTime::from_secs(1), report).unwrap();
        let limits = Limits { posts_per_minute: 0, ..Limits::default() };
        let (group, created) = Group::create(UnixTime::from_secs(1), "Bench", Visibility::Public, None, limits);
        let identity = Identity::from_bytes(&[1; 64]).public().clone();
        let caller = Caller::Identity { identity: identity.into(), announced_name: None };
        let mut fixture = Self { folder, store, reports, group, caller, posted: 0 };
        fixture.store.submit(Write::Decision { group: GROUP, events: vec![created], seen: None });
        fixture.act(Action::Join { nick: Some("Somebody".to_owned()) }, None);
        for _ in 0..posts / POSTS {
            let writes = fixture.decide_posts();
            fixture.commit(writes);
        }
        fixture
    }

    fn act(&mut self, action: Action, seen: Option<MessageId>) -> Ticket {
        let events = self.group.decide(UnixTime::from_secs(2), &self.caller, action).unwrap().events;
        self.store.submit(Write::Decision { group: GROUP, events, seen })
    }

    fn decide_posts(&mut self) -> Vec<Write> {
        (0..POSTS)
            .map(|_| {
                self.posted += 1;
                let mut id = [0; 32];
                id[..8].copy_from_slice(&self.posted.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
                let (id, text) = (Some(MessageId(id)), "A message of the usual length, sixty characters or so. Over.");
                let action = Action::Post { text: text.to_owned(), message_id: id, authorship: None };
                let outcome = self.group.decide(UnixTime::from_secs(2), &self.caller, action).unwrap();
                Write::Decision { group: GROUP, events: outcome.events, seen: id }
            })
            .collect()
    }

    /// Submits and waits until all is committed.
    fn commit(&self, writes: Vec<Write>) {
        let last = writes.into_iter().map(|write| self.store.submit(write)).last().unwrap_or_default();
        while let Ok(Report::Committed(through)) = self.reports.recv() {
            if through >= last {
                return;
            }
        }
        panic!("the writer failed");
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
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
    let reader = fixture.store.reader().unwrap();
    let after = Some(meshgroup::group::Seq(50_000));
    let request = PageRequest { after, before: None, limit: 100, text_bytes_max: 1 << 20 };
    bencher.bench_local(|| reader.history(GROUP, &request).unwrap());
}

/// One post with its author, as the fan-out reads it.
#[divan::bench]
fn post_and_author_in_100_000(bencher: Bencher) {
    let fixture = Fixture::new("entry", 100_000);
    let reader = fixture.store.reader().unwrap();
    let mut seq = 0;
    bencher.bench_local(|| {
        seq = (seq + 7_919) % 100_000;
        let entry = reader.entry(GROUP, meshgroup::group::Seq(seq + 3)).unwrap();
        (entry, reader.author(GROUP, MemberId(1)).unwrap())
    });
}
