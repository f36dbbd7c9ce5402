//! Nothing that a sender saw delivered is lost, however the node ends and however slow its disk is.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::json;

use super::delivery::{member, texts};
use crate::support::process::{Folder, Meshgroup};

/// No rate limit: these tests send as fast as they can.
const UNLIMITED: &str = "[limits]\nposts_per_minute = 0\n";

#[test]
fn what_was_delivered_before_a_kill_is_in_the_history_exactly_once() {
    const MESSAGES: usize = 2000;
    const KILLS: usize = 5;
    let folder = Folder::new("kill");
    let mut node = Meshgroup::start(folder.path(), UNLIMITED);
    let mut alice = member(&folder, &node, "Alice");
    let group = node.group("address");
    alice.tell(json!({"do": "flood", "to": group, "count": MESSAGES, "tag": "flood"}));
    for kill in 1..=KILLS {
        let threshold = MESSAGES * kill / (KILLS + 2) + any_number_below(120);
        alice.wait_within(Duration::from_secs(400), "flood_progress", |event| {
            event["delivered"].as_u64().is_some_and(|delivered| delivered as usize >= threshold)
        });
        node.kill();
        node = Meshgroup::restart_on(node.dir(), node.port);
    }
    let outcome = alice.wait_within(Duration::from_secs(400), "flood_done", |_| true);
    let delivered = outcome["delivered"].as_array().expect("a list");
    assert!(delivered.len() > MESSAGES / 2, "only {} of {MESSAGES} were delivered", delivered.len());
    let mut times_seen: HashMap<String, usize> = HashMap::new();
    for text in texts(&node) {
        *times_seen.entry(text).or_default() += 1;
    }
    for text in delivered {
        let times = times_seen.get(text.as_str().expect("a text")).copied().unwrap_or(0);
        assert_eq!(times, 1, "{text} is in the history {times} times");
    }
    assert!(times_seen.values().all(|times| *times == 1), "a copy was posted twice");
    assert!(node.terminate() < Duration::from_secs(2));
    assert_eq!(integrity(&node), "ok");
}

/// Kills are to hit anywhere: no two runs are alike.
fn any_number_below(bound: usize) -> usize {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) as usize % bound
}

fn integrity(node: &Meshgroup) -> String {
    let database = rusqlite::Connection::open(node.dir().join("meshgroup.db")).expect("the database opens");
    database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer")
}

#[test]
fn direct_packets_are_proven_in_time_on_a_disk_that_takes_80_ms_to_commit() {
    let folder = Folder::new("slow-disk");
    let config = format!("{UNLIMITED}[store]\ncommit_delay_ms = 80\n");
    let node = Meshgroup::start(folder.path(), &config);
    let mut alice = member(&folder, &node, "Alice");
    let group = node.group("address");
    for index in 0..10 {
        let sent = alice.deliver(&group, "direct", &format!("slow {index}"));
        assert_eq!(sent["state"], "delivered", "{sent}");
        // Whether a send over a link that is open already counts as an attempt, varies.
        assert!(sent["attempts"].as_u64().is_some_and(|attempts| attempts <= 1), "{sent}");
    }
    let teardowns = alice.ask(json!({"do": "teardowns"}), "teardowns");
    assert_eq!(teardowns["count"], 0, "a proof came too late for the stock sender");
    assert_eq!(texts(&node).len(), 10);
}

#[test]
fn sigterm_ends_the_node_within_two_seconds_with_nothing_lost() {
    let folder = Folder::new("sigterm");
    let mut node = Meshgroup::start(folder.path(), "");
    let mut alice = member(&folder, &node, "Alice");
    let group = node.group("address");
    assert_eq!(alice.deliver(&group, "direct", "the last words")["state"], "delivered");
    let started = Instant::now();
    node.terminate();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let node = Meshgroup::restart_on(node.dir(), node.port);
    assert_eq!(texts(&node), ["the last words"]);
}
