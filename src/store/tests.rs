//! Opening, committing, crashing, and that the projections equal the log.

mod kinds;
mod messages;

use std::fs;
use std::sync::atomic::AtomicU32;
use std::sync::mpsc;

use proptest::prelude::*;
use reticulum::crypto::{Identity, PublicIdentity, RatchetSecret};
use reticulum::hash::{DestinationHash, IdentityHash};
use reticulum::node::{AirtimeRecord, Blackholed, PathRecord, PeerRecord, Place};

use super::*;
use crate::group::delivery::{Cursor, Gap, GapFate};
use crate::group::{
    Action, ActsRequest, Caller, CleanUp, Dedup, Draft, Event, EventKind, Group, GroupId, JoinPolicy,
    MemberId, MessageId, Needs, Outcome, Pass, PendingId, Permissions, Post, Preference, Role, RoleRef, Seq,
    Setting, Settings, State, Viewer, Who,
};

const GROUP: GroupId = GroupId(1);

/// A data folder that is removed when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("meshgroup-store-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The files as they are at this moment: what a crash would leave.
    fn crash_image(&self) -> Self {
        let image = Self::new();
        // No test that calls this writes enough for the log to move into the database between the two copies.
        for file in ["meshgroup.db-wal", "meshgroup.db"] {
            fs::copy(self.0.join(file), image.0.join(file)).unwrap();
        }
        image
    }

    fn open(&self) -> (Store, Restored) {
        Store::open(&self.0, &options(), at(0), |_| {}).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn options() -> Options {
    Options { durability: Durability::Crash, commit_delay: Duration::ZERO, mail_bytes_max: 10_000 }
}

fn slow(ms: u64) -> Options {
    Options { commit_delay: Duration::from_millis(ms), ..options() }
}

fn at(s: u64) -> UnixTime {
    UnixTime::from_secs(1_000_000 + s)
}

fn identity(n: u8) -> Arc<PublicIdentity> {
    Arc::new(Identity::from_bytes(&[n; 64]).public().clone())
}

fn person(n: u8) -> Caller {
    Caller::Identity { identity: identity(n), announced_name: Some(format!("P{n}")) }
}

fn id(n: u64) -> MessageId {
    let mut bytes = [0xab; 32];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    MessageId(bytes)
}

fn decision(events: Vec<Event>, seen: Option<MessageId>) -> Write {
    Write::Decision { group: GROUP, events, seen: seen.map(Into::into) }
}

fn create() -> (Group, Write) {
    let (group, created) = Group::create(at(0), &Settings::default(), None);
    (group, decision(created, None))
}

/// Event `seq` as a post of member 1.
fn posted(seq: u64, text: &str) -> Event {
    let post = Post { text: text.to_owned(), message_id: Some(id(seq)), ..Post::default() };
    Event { seq: Seq(seq), time: at(seq), actor: Some(MemberId(1)), kind: EventKind::Posted(post) }
}

fn post_write(seq: u64) -> Write {
    decision(vec![posted(seq, &format!("text {seq}"))], Some(id(seq)))
}

/// A group with member 1, and `posts` posts of theirs, from event 3 on.
fn filled(folder: &Folder, posts: u64) -> Store {
    let (store, _) = folder.open();
    let (mut group, created) = create();
    store.submit(created);
    let joined = group.decide(at(0), &person(1), Action::Join { nick: None, pass: Pass::None }).unwrap();
    store.submit(decision(joined.events, None));
    for seq in 3..3 + posts {
        store.submit(post_write(seq));
    }
    store
}

fn log(reader: &Reader) -> Vec<Event> {
    reader.events(GROUP, Seq(0), usize::MAX).unwrap()
}

/// Reopens after the writer has finished.
fn reopened(folder: &Folder, store: Store) -> (Store, Restored) {
    drop(store);
    folder.open()
}

#[test]
fn an_empty_store_restores_to_nothing_and_a_second_process_is_refused() {
    let folder = Folder::new();
    let (store, restored) = folder.open();
    assert!(restored.groups.is_empty() && restored.seen.is_empty() && restored.peers.is_empty());
    let second = Store::open(&folder.0, &options(), at(0), |_| {});
    assert!(matches!(second, Err(OpenError::Locked(path)) if path == folder.0));
    drop(store);
    folder.open();
    let missing = Store::open(&folder.0.join("missing"), &options(), at(0), |_| {});
    assert!(matches!(missing, Err(OpenError::Io { .. })));
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_the_database() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let _store = filled(&folder, 1);
    for file in ["meshgroup.db", "meshgroup.db-wal"] {
        assert_eq!(fs::metadata(folder.0.join(file)).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
}

#[test]
fn a_slow_disk_makes_larger_groups_and_shows_in_the_commit_time() {
    let folder = Folder::new();
    let (reports, committed) = mpsc::channel();
    let report = move |report| drop(reports.send(report));
    let (store, _) = Store::open(&folder.0, &slow(50), at(0), report).unwrap();
    assert_eq!(store.recent_commit_time(), Duration::ZERO);
    for n in 0..1_000 {
        store.submit(decision(Vec::new(), Some(id(n))));
    }
    let last = store.last_ticket();
    assert_eq!(last, Ticket(1_000));
    let mut through = Ticket(0);
    while through < last {
        let Ok(Report::Committed(ticket)) = committed.recv() else { panic!("the writer ended") };
        assert!(ticket > through, "tickets are reported in order");
        through = ticket;
    }
    assert_eq!(through, last);
    assert!(store.commits() <= 4, "{} commits for 1,000 writes", store.commits());
    assert!(store.recent_commit_time() >= Duration::from_millis(50));
    assert_eq!(store.backlog(), 0);
}

#[test]
fn a_full_queue_makes_the_submitter_wait_and_loses_nothing() {
    let folder = Folder::new();
    let (store, _) = Store::open(&folder.0, &slow(5), at(0), |_| {}).unwrap();
    for n in 0..2 * WAITING_WRITES_MAX as u64 {
        store.submit(decision(Vec::new(), Some(id(n))));
        assert!(store.backlog() <= WAITING_WRITES_MAX);
    }
    let (_store, restored) = reopened(&folder, store);
    assert_eq!(restored.seen.len(), 2 * WAITING_WRITES_MAX);
}

#[test]
fn a_failed_commit_is_reported_and_nothing_after_it_is() {
    let folder = Folder::new();
    drop(filled(&folder, 1));
    let (reports, committed) = mpsc::channel();
    let (store, _) =
        Store::open(&folder.0, &options(), at(0), move |report| drop(reports.send(report))).unwrap();
    // Number 3 is taken: memory and disk disagree, as after a bug or on a damaged disk.
    store.submit(post_write(3));
    assert!(matches!(committed.recv(), Ok(Report::Failed(StoreError::Sqlite(_)))));
    store.submit(post_write(4));
    let (store, restored) = reopened(&folder, store);
    assert!(committed.recv().is_err());
    assert_eq!(restored.groups[0].state.head, Seq(3));
    assert_eq!(log(&store.reader().unwrap()).len(), 3);
}

#[test]
fn a_decision_is_there_wholly_or_not_at_all_after_a_crash_in_its_transaction() {
    let folder = Folder::new();
    drop(filled(&folder, 2));
    let mut db = Connection::open(folder.0.join(DATABASE_FILE)).unwrap();
    let mut ledger = Ledger::read(&db).unwrap();
    let transaction = db.transaction().unwrap();
    for seq in 5..10 {
        ledger.apply(&transaction, &post_write(seq)).unwrap();
    }
    ledger.finish(&transaction).unwrap();
    drop(transaction);
    drop(db);
    let (store, restored) = folder.open();
    assert_eq!((restored.groups[0].state.head, restored.groups[0].state.messages), (Seq(4), 2));
    assert_eq!(restored.seen, [3, 4]);
    assert_eq!(store.reader().unwrap().integrity_check().unwrap(), Vec::<String>::new());
}

#[test]
fn whatever_was_reported_is_in_every_later_crash_image() {
    let folder = Folder::new();
    drop(filled(&folder, 0));
    let (reports, committed) = mpsc::channel();
    let (store, _) =
        Store::open(&folder.0, &slow(1), at(0), move |report| drop(reports.send(report))).unwrap();
    let mut next = 3;
    for burst in [1, 50, 7, 300, 2, 900] {
        for seq in next..next + burst {
            store.submit(post_write(seq));
        }
        next += burst;
        let Ok(Report::Committed(Ticket(through))) = committed.recv() else { panic!("the writer ended") };
        let image = folder.crash_image();
        let (survivor, restored) = image.open();
        let reader = survivor.reader().unwrap();
        let state = &restored.groups[0].state;
        assert!(state.head.0 >= through + 2, "{} of {through}", state.head);
        assert_eq!(State::replay(&log(&reader)), *state);
        assert_eq!(restored.seen.len() as u64, state.head.0 - 2);
        assert_eq!(reader.integrity_check().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn copies_are_recognised_across_a_restart_and_the_ring_is_bounded() {
    let folder = Folder::new();
    let (store, _) = folder.open();
    let count = crate::group::DEDUP_WINDOW as u64 + 10;
    for n in 0..count {
        store.submit(decision(Vec::new(), Some(id(n))));
    }
    let (store, restored) = reopened(&folder, store);
    assert!(restored.seen.iter().copied().eq(10..count));
    let window = Dedup::restore(restored.seen);
    assert!(window.contains(&id(10)) && !window.contains(&id(9)));
    store.submit(decision(Vec::new(), Some(id(count))));
    let (_store, restored) = reopened(&folder, store);
    assert!(restored.seen.iter().copied().eq(11..=count), "the ring goes on where it stood");
}

#[test]
fn peers_ratchets_and_settings_come_back_as_they_were() {
    let folder = Folder::new();
    let (store, _) = folder.open();
    let peer = |n: u8, ratchet| PeerRecord {
        destination: DestinationHash::new([n; 16]),
        identity: identity(n).to_bytes(),
        app_data: (n > 1).then(|| vec![n; 5]),
        ratchet,
        heard: at(u64::from(n)),
        emitted_s: u64::from(n),
    };
    store.submit(Write::Peer(peer(1, None)));
    store.submit(Write::Peer(peer(2, None)));
    store.submit(Write::Peer(peer(3, None)));
    store.submit(Write::Peer(peer(2, Some(([9; 32], at(5))))));
    store.submit(Write::ForgetPeer(DestinationHash::new([3; 16])));
    let destination = DestinationHash::new([7; 16]);
    for n in [1, 2] {
        let secrets = (0..n).map(|k| RatchetSecret::from_bytes([k; 32])).collect();
        store.submit(Write::Ratchets { destination, secrets });
    }
    for (group, value) in [(None, b"a"), (Some(GROUP), b"b"), (None, b"c")] {
        store.submit(Write::Setting { group, key: "k".to_owned(), value: value.to_vec() });
    }
    let (_store, restored) = reopened(&folder, store);
    assert_eq!(restored.peers, [peer(1, None), peer(2, Some(([9; 32], at(5))))]);
    let [(found, secrets)] = restored.ratchets.as_slice() else { panic!("one destination") };
    assert_eq!(*found, destination);
    assert_eq!(secrets.iter().map(|secret| secret.as_bytes()[0]).collect::<Vec<_>>(), [0, 1]);
    let key = || "k".to_owned();
    assert_eq!(restored.settings, [(None, key(), b"c".to_vec()), (Some(GROUP), key(), b"b".to_vec())]);
}

#[test]
fn a_round_of_paths_replaces_the_one_before() {
    let folder = Folder::new();
    let (store, _) = folder.open();
    let path = |n: u8| PathRecord {
        destination: DestinationHash::new([n; 16]),
        place: if n < 3 { Place::Interface([n; 32]) } else { Place::Tunnel([n; 32]) },
        hops: n,
        next_hop: (n > 1).then_some(IdentityHash::new([8; 16])),
        used: at(u64::from(n)),
        expires: at(100),
        blobs: vec![[n; 10]; n.into()],
        announce: vec![n; 200],
    };
    for (first, paths) in [(true, [1, 9]), (true, [2, 3]), (false, [3, 4])] {
        store.submit(Write::Paths { first, records: paths.map(path).to_vec() });
    }
    let (_store, restored) = reopened(&folder, store);
    assert_eq!(restored.paths, [path(2), path(3), path(4)]);
}

#[test]
fn used_air_time_and_who_is_blackholed_are_replaced_and_read_back() {
    let folder = Folder::new();
    let (store, _) = folder.open();
    let used = |interface: &str, hour: u64, us: u32| AirtimeRecord {
        interface: interface.to_owned(),
        at: at(3600 * hour),
        used_us: vec![us, 0, u32::MAX],
        reserved: Duration::from_micros(7),
    };
    for record in [used("gone", 1, 1), used("radio", 4, 2), used("radio", 5, 3), used("other", 5, 4)] {
        store.submit(Write::Airtime(record));
    }
    let entry = |n: u8, until: Option<u64>| Blackholed {
        identity: IdentityHash::new([n; 16]),
        until: until.map(at),
        reason: until.is_some().then(|| "floods".to_owned()),
    };
    for entry in [entry(1, None), entry(2, None), entry(1, Some(9)), entry(3, None)] {
        store.submit(Write::Blackholed(entry));
    }
    store.submit(Write::Unblackholed(IdentityHash::new([2; 16])));
    let (_store, restored) = reopened(&folder, store);
    assert_eq!(restored.airtime, [used("other", 5, 4), used("radio", 5, 3)], "what is long past is gone");
    assert_eq!(restored.blackholed, [entry(1, Some(9)), entry(3, None)]);
}

#[test]
fn peers_are_bounded_and_those_heard_least_recently_go_first() {
    let folder = Folder::new();
    let (store, _) = folder.open();
    let count = PEERS_MAX + 100;
    for n in 0..count {
        let mut destination = [0; 16];
        destination[..4].copy_from_slice(&n.to_be_bytes());
        store.submit(Write::Peer(PeerRecord {
            destination: DestinationHash::new(destination),
            identity: [1; 64],
            app_data: None,
            ratchet: None,
            heard: at(u64::from(n)),
            emitted_s: 0,
        }));
    }
    let (_store, restored) = reopened(&folder, store);
    assert!(restored.peers.len() <= PEERS_MAX as usize && restored.peers.len() > PEERS_MAX as usize / 2);
    assert!(restored.peers.iter().any(|peer| peer.heard == at(u64::from(count) - 1)));
    assert!(restored.peers.iter().all(|peer| peer.heard > at(50)));
}

#[test]
fn the_history_comes_in_pages_from_either_end() {
    let folder = Folder::new();
    let store = filled(&folder, 5);
    let deleted = Event {
        seq: Seq(8),
        time: at(8),
        actor: None,
        kind: EventKind::Deleted { target: Seq(4), in_clean_up: false },
    };
    store.submit(decision(vec![deleted], None));
    let (store, _) = reopened(&folder, store);
    let reader = store.reader().unwrap();
    let page = |after: Option<u64>, before: Option<u64>, rows_max, text_bytes_max| {
        let (after, before) = (after.map(Seq), before.map(Seq));
        let request = PageRequest {
            after,
            before,
            filter: Filter::All,
            rows_max,
            text_bytes_max,
            with_authors: true,
            viewer: Viewer::OPERATOR,
        };
        let page = reader.history(GROUP, &request).unwrap();
        assert_eq!(page.head, Seq(8));
        let has_author = page.entries.iter().any(|entry| entry.event.actor == Some(MemberId(1)));
        assert_eq!(page.authors.len(), usize::from(has_author));
        page.entries.iter().map(|entry| entry.event.seq.0).collect::<Vec<_>>()
    };
    let no_bound = usize::MAX;
    assert_eq!(page(Some(0), None, 100, no_bound), [2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(page(Some(3), None, 2, no_bound), [4, 5]);
    assert_eq!(page(Some(3), Some(5), 100, no_bound), [4]);
    assert_eq!(page(None, None, 2, no_bound), [7, 8]);
    assert_eq!(page(None, Some(7), 2, no_bound), [5, 6]);
    assert!(page(None, Some(2), 2, no_bound).is_empty());
    assert!(page(Some(8), None, 2, no_bound).is_empty());
    assert_eq!(page(Some(2), None, 100, 0), [3], "at least one");
    let event = |seq| reader.event(GROUP, Seq(seq)).unwrap();
    assert_eq!(event(3), Some(posted(3, "text 3")));
    assert_eq!(event(4), Some(posted(4, "")), "the text is gone, that there was one is not");
    assert_eq!(event(8).unwrap().kind, EventKind::Deleted { target: Seq(4), in_clean_up: false });
    assert_eq!(event(9), None);
    let stored = |seq| reader.stored_post(GROUP, None, Seq(seq)).unwrap();
    assert_eq!(stored(3).map(|post| (post.author, post.deleted)), Some((Some(MemberId(1)), false)));
    assert_eq!(stored(4).map(|post| post.deleted), Some(true));
    assert_eq!(stored(2), None);
}

#[test]
fn a_deleted_text_is_erased_from_the_disk() {
    let folder = Folder::new();
    let store = filled(&folder, 3);
    store.submit(decision(vec![posted(6, "the secret that was said")], None));
    let kind = EventKind::Deleted { target: Seq(6), in_clean_up: false };
    store.submit(decision(vec![Event { seq: Seq(7), time: at(7), actor: None, kind }], None));
    drop(store);
    let file = fs::read(folder.0.join(DATABASE_FILE)).unwrap();
    assert!(!file.windows(10).any(|window| window == b"the secret"));
    assert!(file.windows(6).any(|window| window == b"text 3"));
    assert!(!folder.0.join("meshgroup.db-wal").exists());
}

#[test]
fn a_former_member_is_still_the_author_of_their_messages() {
    let folder = Folder::new();
    let (store, _) = folder.open();
    let (mut group, created) = create();
    store.submit(created);
    for action in [Action::Join { nick: Some("Bob".to_owned()), pass: Pass::None }, Action::Leave] {
        store.submit(decision(group.decide(at(0), &person(4), action).unwrap().events, None));
    }
    let (store, _) = reopened(&folder, store);
    let author = store.reader().unwrap().author(GROUP, MemberId(1)).unwrap().unwrap();
    assert_eq!((author.member, author.nick.as_str(), author.former), (MemberId(1), "Bob", true));
    assert_eq!(author.identity, identity(4).hash());
}

#[test]
fn deliveries_go_on_from_the_stored_cursors() {
    let folder = Folder::new();
    let store = filled(&folder, 4);
    let cursor = |through| Cursor { member: MemberId(1), through: Seq(through) };
    for through in [4, 5, 4] {
        store.submit(Write::Delivered {
            group: GROUP,
            cursor: cursor(through),
            copy: None,
            row: OutboxRow::None,
        });
    }
    store.submit(Write::Delivered {
        group: GROUP,
        cursor: Cursor { member: MemberId(9), through: Seq(4) },
        copy: None,
        row: OutboxRow::None,
    });
    let (store, restored) = reopened(&folder, store);
    assert_eq!(restored.groups[0].delivery.cursors, [cursor(5)]);
    assert_eq!(restored.groups[0].delivery.waiting.iter().map(|post| post.seq.0).collect::<Vec<_>>(), [6]);
    let recent = &restored.groups[0].recent;
    assert_eq!(recent.iter().map(|post| post.seq.0).collect::<Vec<_>>(), [3, 4, 5, 6]);
    assert_eq!(recent[0].id_prefix, Some(3));
    drop(store);
    let (_, restored) = Store::open(&folder.0, &options(), at(6 + 24 * 3_600), |_| {}).unwrap();
    let waiting = &restored.groups[0].delivery.waiting;
    assert_eq!(waiting.iter().map(|post| post.seq.0).collect::<Vec<_>>(), [6], "how far they are too old");
}

#[test]
fn the_audit_log_holds_acts_and_nobodys_own_deletions_and_a_clean_up_finds_what_fits() {
    let folder = Folder::new();
    let store = filled(&folder, 3);
    let event = |seq, actor, kind| Event { seq: Seq(seq), time: at(seq), actor, kind };
    let (author, operator) = (Some(MemberId(1)), None);
    let acts = vec![
        event(6, author, EventKind::Deleted { target: Seq(3), in_clean_up: false }),
        event(7, operator, EventKind::Deleted { target: Seq(4), in_clean_up: false }),
        event(8, operator, EventKind::Reported { post: Some(Seq(5)), member: author, reason: "x".into() }),
        event(
            9,
            operator,
            EventKind::CleanedUp { author, deleted: 2, reason: String::new(), expired: false },
        ),
    ];
    store.submit(decision(acts.clone(), None));
    let (store, _) = reopened(&folder, store);
    let reader = store.reader().unwrap();
    let known = |needs| reader.known(GROUP, None, &needs).unwrap();
    let page = |after: Option<u64>, before: Option<u64>, acts_max| {
        let request = ActsRequest { after: after.map(Seq), before: before.map(Seq), acts_max };
        let acts = known(Needs { acts: Some(request), ..Needs::default() }).acts;
        acts.iter().map(|event| event.seq.0).collect::<Vec<_>>()
    };
    assert_eq!(page(None, None, 100), [9, 8, 7, 1], "what one deletes of one's own is nobody's business");
    assert_eq!((page(None, Some(8), 1), page(Some(1), None, 2)), (vec![7], vec![7, 8]));
    let request = ActsRequest { after: Some(Seq(7)), before: None, acts_max: 9 };
    assert_eq!(known(Needs { acts: Some(request), ..Needs::default() }).acts, acts[2..]);
    let found = |what: CleanUp| {
        let matching = known(Needs { matching: Some(what), ..Needs::default() }).matching;
        matching.into_iter().map(|(seq, _)| seq.0).collect::<Vec<_>>()
    };
    assert_eq!(found(CleanUp { author, ..CleanUp::default() }), [5], "what is deleted is not found again");
    assert_eq!(found(CleanUp { author: Some(MemberId(2)), ..CleanUp::default() }), [0; 0]);
    assert_eq!(found(CleanUp { before: Some(at(5)), ..CleanUp::default() }), [0; 0]);
    assert_eq!(found(CleanUp { since: Some(at(5)), bytes_min: Some(6), ..CleanUp::default() }), [5]);
    assert_eq!(found(CleanUp { bytes_min: Some(7), ..CleanUp::default() }), [0; 0]);
    assert_eq!(found(CleanUp { oldest: Some(1), ..CleanUp::default() }), [5]);
    assert_eq!(found(CleanUp { oldest: Some(1), after: Some(Seq(5)), ..CleanUp::default() }), [0; 0]);
}

/// Whoever acted on somebody stood above them, and gave nothing that they did not have.
fn nobody_acted_above_their_rank(before: &State, after: &State, events: &[Event]) {
    for event in events {
        let target = match &event.kind {
            EventKind::Kicked { member, .. }
            | EventKind::Banned { member: Some(member), .. }
            | EventKind::Muted { member: Some(member), .. }
            | EventKind::RoleAssigned { member, .. }
            | EventKind::PermissionsChanged { member, .. } => *member,
            _ => continue,
        };
        let Some(actor) = event.actor.and_then(|actor| before.roster.by_id(actor)) else { continue };
        let Some(target) = before.roster.by_id(target) else { continue };
        if actor.id != target.id {
            assert!(before.roles.rank(target.role) < before.roles.rank(actor.role), "{event:?}");
        }
        let Some(now) = after.roster.by_id(target.id) else { continue };
        let gained = after.roles.permissions_of(now).without(before.roles.permissions_of(target));
        assert!(before.roles.permissions_of(actor).includes(gained), "{event:?}");
        assert!(after.roles.rank(now.role) <= before.roles.rank(actor.role), "{event:?}");
    }
}

/// One step of somebody or the operator. Most are refused at one time or another; that is part of the test.
fn step() -> impl Strategy<Value = (Option<u8>, Action)> {
    let who = || {
        prop_oneof![
            (0u32..6).prop_map(|n| Who::Member(MemberId(n))),
            (0u8..6).prop_map(|n| Who::Identity(identity(n).hash())),
        ]
    };
    let nick = || prop_oneof![Just("Bob".to_owned()), "[a-c]{0,2}"];
    let reason = || "[x-z]{0,3}";
    let span = || proptest::option::of((1u64..40).prop_map(Duration::from_secs));
    let number = || prop_oneof![0u8..5, 16u8..19];
    let role = || number().prop_map(|n| RoleRef::Role(Role::from_number(n).unwrap()));
    let set = || any::<u32>().prop_map(Permissions::from_bits);
    let post = |text| Action::Post(Draft { text, message_id: Some(id(7)), ..Draft::default() });
    let action = prop_oneof![
        3 => proptest::option::of(nick()).prop_map(|nick| Action::Join { nick, pass: Pass::None }),
        1 => Just(Action::Leave),
        2 => (1u64..30, "[a-z]{1,9}").prop_map(|(target, text)| Action::Edit { target: Seq(target), text }),
        3 => (1u64..30, "[👍❤+]", proptest::bool::ANY)
            .prop_map(|(target, reaction, remove)| Action::React { target: Seq(target), reaction, remove }),
        2 => (1u64..30, proptest::bool::ANY).prop_map(|(target, remove)| Action::Pin { target: Seq(target), remove }),

        4 => "[a-z]{0,9}".prop_map(post),
        2 => (1u64..30).prop_map(|target| Action::Delete { target: Seq(target) }),
        1 => (who(), reason()).prop_map(|(who, reason)| Action::Kick { who, reason }),
        1 => (who(), span(), reason()).prop_map(|(who, lasts, reason)| Action::Ban { who, lasts, reason }),
        2 => (who(), span(), reason()).prop_map(|(who, lasts, reason)| Action::Mute { who, lasts, reason }),
        1 => who().prop_map(|who| Action::Unmute { who }),
        2 => (1u32..6).prop_map(|number| Action::Approve { number: PendingId(number) }),
        1 => (1u32..6, reason()).prop_map(|(n, reason)| Action::Reject { number: PendingId(n), reason }),
        1 => (0u32..3, any::<bool>()).prop_map(|(first, on)| Action::Set {
            settings: vec![Setting::HoldFirst(first), Setting::HoldLinks(on), Setting::ReadOnly(on)],
        }),
        1 => who().prop_map(|who| Action::Unban { who }),
        1 => (0..Preference::ALL.len()).prop_map(|n| Action::Choose { preferences: vec![Preference::ALL[n]] }),
        1 => (0u8..6).prop_map(|n| Action::Invite { identity: identity(n).hash() }),
        1 => (0u8..6).prop_map(|n| Action::Uninvite { identity: identity(n).hash() }),
        1 => (1u32..3).prop_map(|uses| Action::IssueCode { uses, lasts: None }),
        1 => (1u64..30).prop_map(|number| Action::RevokeCode { number: Seq(number) }),
        1 => (0u8..1).prop_map(|_| Action::Set { settings: vec![Setting::Join(JoinPolicy::Approval)] }),
        2 => setting().prop_map(|setting| Action::Set { settings: vec![setting] }),
        2 => nick().prop_map(|nick| Action::Rename { nick }),
        1 => (0u8..3).prop_map(|n| Action::Claim { code: claim_code(n).to_string() }),
        1 => (0u8..3).prop_map(|n| Action::IssueClaim { claim: claim_code(n).hash() }),
        3 => (who(), role()).prop_map(|(who, role)| Action::AssignRole { who, role }),
        2 => (who(), set(), set()).prop_map(|(who, grant, revoke)| {
            Action::ChangePermissions { who, grant, revoke, reset: Permissions::NONE }
        }),
        2 => (proptest::option::of(role()), "[r-t]{1,2}", set(), 0u8..110, any::<bool>()).prop_map(
            |(role, name, permissions, rank, quiet)| Action::DefineRole { role, name, permissions, rank, quiet }
        ),
        1 => role().prop_map(|role| Action::DeleteRole { role }),
    ];
    (proptest::option::of(0u8..5), action)
}

/// Settings of every type.
fn setting() -> impl Strategy<Value = Setting> {
    prop_oneof![
        "[a-c]{1,3}".prop_map(Setting::Name),
        "[a-c\n]{0,3}".prop_map(Setting::Rules),
        (1u32..4).prop_map(Setting::Capacity),
        any::<bool>().prop_map(Setting::Announced),
        prop_oneof![Just(JoinPolicy::Open), Just(JoinPolicy::Closed)].prop_map(Setting::Join),
    ]
}

fn claim_code(n: u8) -> crate::group::ClaimCode {
    crate::group::ClaimCode::from_random([n; 10])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn projections_equal_the_replay_of_the_log_whatever_happened(
        steps in proptest::collection::vec(step(), 0..80),
        restart_after in 0usize..80,
    ) {
        let folder = Folder::new();
        let (mut store, _) = folder.open();
        let (mut group, created) = create();
        store.submit(created);
        for (index, (who, action)) in steps.into_iter().enumerate() {
            let caller = who.map_or(Caller::Operator, person);
            let over = group.handle_timeout(at(index as u64));
            store.submit(decision(over.events, None));
            let before = group.state().clone();
            let Outcome { events, .. } = group.decide(at(index as u64), &caller, action).unwrap_or_default();
            nobody_acted_above_their_rank(&before, group.state(), &events);
            store.submit(decision(events, None));
            if index == restart_after {
                let (again, mut restored) = reopened(&folder, store);
                store = again;
                let restored = restored.groups.remove(0);
                prop_assert_eq!(&restored.state, group.state());
                group = Group::restore(restored.state, restored.recent);
            }
        }
        let (store, restored) = reopened(&folder, store);
        let log = log(&store.reader().unwrap());
        prop_assert_eq!(&restored.groups[0].state, group.state());
        prop_assert_eq!(&State::replay(&log), group.state());
        let members: Vec<_> = group.state().roster.iter().map(|member| member.id).collect();
        let cursors: Vec<_> = restored.groups[0].delivery.cursors.iter().map(|cursor| cursor.member).collect();
        prop_assert_eq!(cursors, members, "exactly those who are in have a cursor");
        let checked = check(&folder.0).unwrap();
        prop_assert_eq!((checked.events, checked.findings), (group.state().head.0, Vec::new()));
    }
}

#[test]
fn a_check_finds_every_row_that_the_log_does_not_give_while_a_node_writes() {
    let folder = Folder::new();
    let store = filled(&folder, 50);
    drop(store);
    let (store, _) = folder.open();
    assert_eq!(check(&folder.0).unwrap().findings, Vec::<String>::new());
    let db = Connection::open(folder.0.join(DATABASE_FILE)).unwrap();
    let rows = [
        ("UPDATE member SET nick = 'Mallory' WHERE member = 1", 2),
        ("DELETE FROM message WHERE seq = 20", 1),
        ("INSERT INTO pin (group_id, target) VALUES (1, 30)", 2),
        ("UPDATE \"group\" SET messages = messages + 1", 2),
        ("INSERT INTO search (rowid, text) VALUES ((1 << 40) + 900, 'nowhere')", 1),
    ];
    for (sql, findings_min) in rows {
        db.execute_batch(&format!("SAVEPOINT before; {sql}; RELEASE before")).unwrap();
        let found = check(&folder.0).unwrap().findings;
        assert!(found.len() >= findings_min, "{sql}: {found:?}");
        assert!(found.iter().all(|finding| !finding.contains("Mallory")), "texts are not told: {found:?}");
    }
    drop(store);
}

#[test]
fn a_deleted_group_is_gone_at_once_and_erased_step_by_step_also_after_a_crash() {
    let folder = Folder::new();
    let store = filled(&folder, 1_200);
    let (other, created) = Group::create(at(0), &Settings::default(), None);
    store.submit(Write::Decision { group: GroupId(2), events: created, seen: None });
    let delivery = DestinationHash::new([7; 16]);
    store
        .submit(Write::Ratchets { destination: delivery, secrets: vec![RatchetSecret::from_bytes([1; 32])] });
    drop(store);
    let mut text = Vec::new();
    let (store, _) = folder.open();
    let rows = store.reader().unwrap().export(GROUP, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(text.lines().count() as u64, rows + 1);
    assert!(text.contains("\"text\":\"text 1202\"") && !text.contains("null"), "every post is there");
    drop(store);

    // One step, then a crash: the writer's own connection in the place of the store.
    let open = || {
        let mut db = Connection::open(folder.0.join(DATABASE_FILE)).unwrap();
        schema::prepare_writer(&mut db, Durability::Crash).unwrap();
        let ledger = Ledger::read(&db).unwrap();
        (db, ledger)
    };
    let (db, mut ledger) = open();
    ledger.apply(&db, &Write::DeleteGroup { group: GROUP, delivery }).unwrap();
    ledger.do_chore(&db).unwrap();
    drop(db);
    let (store, restored) = folder.open();
    assert_eq!(restored.groups.iter().map(|group| group.id).collect::<Vec<_>>(), [GroupId(2)]);
    assert_eq!((restored.deleted, restored.ratchets.len()), (vec![GROUP], 0));
    drop(store);
    let (db, mut ledger) = open();
    let mut steps = 0;
    while ledger.has_chores() {
        ledger.do_chore(&db).unwrap();
        steps += 1;
        assert!(steps < 20, "it ends");
    }
    let found: i64 = db.query_row("SELECT count(*) FROM search", [], |row| row.get(0)).unwrap();
    assert_eq!(found, 0, "the words are forgotten, too");
    drop(db);
    let (store, _) = folder.open();
    let reader = store.reader().unwrap();
    assert_eq!(reader.export(GROUP, &mut Vec::new()).unwrap(), 0);
    assert_eq!(reader.events(GroupId(2), Seq(0), 10).unwrap().len() as u64, other.state().head.0);
}

#[test]
fn gaps_grow_together_and_tell_who_passed_a_post_over() {
    let folder = Folder::new();
    let store = filled(&folder, 6);
    let gap = |member, first, last, fate| Write::Gap {
        group: GROUP,
        gap: Gap { member: MemberId(member), first: Seq(first), last: Seq(last), fate },
    };
    store.submit(gap(2, 1, 3, GapFate::Expired));
    store.submit(gap(2, 4, 4, GapFate::Expired));
    store.submit(gap(2, 5, 5, GapFate::Stored));
    store.submit(gap(3, 4, 5, GapFate::Refused));
    drop(store);
    let (store, _) = folder.open();
    let reader = store.reader().unwrap();
    let at = |seq| -> Vec<_> {
        let gaps = reader.gaps_at(GROUP, Seq(seq)).unwrap();
        gaps.iter().map(|gap| (gap.member.0, gap.first.0, gap.last.0, gap.fate)).collect()
    };
    assert_eq!(at(4), [(2, 1, 4, GapFate::Expired), (3, 4, 5, GapFate::Refused)]);
    assert_eq!(at(5), [(2, 5, 5, GapFate::Stored), (3, 4, 5, GapFate::Refused)]);
    assert_eq!(at(6), []);
    let missed = |member, more| -> Vec<u64> {
        let viewer = Viewer { member: Some(MemberId(member)), ..Viewer::default() };
        reader.missed(GROUP, viewer, more).unwrap().iter().map(|one| one.seq.0).collect()
    };
    assert_eq!(missed(2, None), [4, 3], "what is on a propagation node is not missed");
    assert_eq!(missed(2, Some((Seq(6), Seq(8)))), [8, 7, 4, 3]);
    assert_eq!(missed(1, Some((Seq(0), Seq(8)))), Vec::<u64>::new(), "their own");
    for n in 0..100 {
        store.submit(gap(4, 10 + 2 * n, 10 + 2 * n, GapFate::Expired));
    }
    drop(reader);
    drop(store);
    let (store, _) = folder.open();
    let reader = store.reader().unwrap();
    let kept = |n: u64| reader.gaps_at(GROUP, Seq(10 + 2 * n)).unwrap().len();
    assert_eq!((kept(99), kept(36), kept(35)), (1, 1, 0), "the oldest goes first");
}
