//! Stamps and tickets between stock LXMF clients and a group.

use std::time::{Duration, Instant};

use serde_json::json;

use super::delivery::{member, texts};
use crate::support::process::{Folder, Meshgroup};
use crate::support::python::{Medium, Peer};

const COST_8: &str = "[limits]\nstamp_cost = 8\n";

fn counter(node: &Meshgroup, name: &str) -> u64 {
    node.status()["counters"][name].as_u64().unwrap_or_else(|| panic!("{name} is counted"))
}

/// A stamp is checked after its message was proven, so the post comes a moment later.
fn wait_for_texts(node: &Meshgroup, count: usize) {
    let end = Instant::now() + Duration::from_secs(10);
    while texts(node).len() < count && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_stock_client_pays_the_first_time_and_then_writes_with_the_ticket_that_it_was_given() {
    let folder = Folder::new("stamps-paid");
    let node = Meshgroup::start(folder.path(), COST_8);
    let mut alice = Peer::start(folder.path(), "Alice", Medium::Connect(node.port));
    alice.tell(json!({"do": "announce"}));
    let group = node.group("address");
    assert_eq!(alice.deliver(&group, "opportunistic", "/join")["state"], "delivered");
    let welcome = alice.message_with("Harbour chat");
    assert_eq!(welcome["ticket"], true, "{welcome}");
    assert_eq!(counter(&node, "stamps_bad"), 0);
    let checked = counter(&node, "unpaid_held");
    assert_eq!(checked, 1, "the proof of work was held while it was checked");
    for method in ["opportunistic", "direct"] {
        let sent = alice.deliver(&group, method, &format!("by ticket, {method}"));
        assert_eq!(sent["state"], "delivered", "{sent}");
    }
    wait_for_texts(&node, 2);
    assert_eq!(texts(&node), ["by ticket, opportunistic", "by ticket, direct"]);
    assert_eq!(counter(&node, "unpaid_held"), checked, "a ticket is known at once");
}

#[test]
fn a_message_without_a_stamp_waits_and_is_posted_when_one_with_a_stamp_follows() {
    let folder = Folder::new("stamps-held");
    let mut node = Meshgroup::start(folder.path(), COST_8);
    let mut alice = Peer::start(folder.path(), "Alice", Medium::Connect(node.port));
    alice.tell(json!({"do": "announce"}));
    let group = node.group("address");
    assert_eq!(alice.deliver(&group, "opportunistic", "/join")["state"], "delivered");
    alice.message_with("Harbour chat");
    alice.tell(json!({"do": "forget_tickets"}));
    for text in ["held one", "held two"] {
        let send = json!({"do": "send", "to": group, "method": "direct", "text": text, "stamp": false});
        assert_eq!(alice.ask(send, "sent")["state"], "delivered");
    }
    alice.message_with("stamp of cost 8");
    assert!(texts(&node).is_empty());
    // What is held survives a crash: it was proven. Its sender hears again what a message costs.
    alice.take("announce");
    node.kill();
    let node = Meshgroup::restart_on(node.dir(), node.port);
    alice.wait("announce", |heard| heard["destination"] == group.as_str());
    assert!(texts(&node).is_empty());
    let sent = alice.deliver(&group, "direct", "paid");
    assert_eq!(sent["state"], "delivered", "{sent}");
    wait_for_texts(&node, 3);
    assert_eq!(texts(&node), ["held one", "held two", "paid"]);
    assert!(
        alice
            .take("message")
            .iter()
            .all(|message| !message["text"].as_str().unwrap().contains("stamp of cost"))
    );
}

#[test]
fn a_strangers_message_without_a_stamp_is_told_so_and_not_kept() {
    let folder = Folder::new("stamps-stranger");
    let node = Meshgroup::start(folder.path(), COST_8);
    let mut eve = Peer::start(folder.path(), "Eve", Medium::Connect(node.port));
    eve.tell(json!({"do": "announce"}));
    let group = node.group("address");
    let send = json!({"do": "send", "to": group, "method": "direct", "text": "/join", "stamp": false});
    assert_eq!(eve.ask(send, "sent")["state"], "delivered");
    eve.message_with("not taken");
    assert_eq!(node.json(&["member", "list", "--json"]).as_array().map(Vec::len), Some(0));
    assert_eq!(counter(&node, "unpaid_held"), 0);
}

#[test]
fn a_client_that_did_not_know_the_price_hears_it_after_its_first_message_and_pays_for_the_second() {
    let folder = Folder::new("stamps-unknown");
    let node = Meshgroup::start(folder.path(), COST_8);
    let mut eve = Peer::start(folder.path(), "Eve", Medium::Connect(node.port));
    eve.tell(json!({"do": "announce"}));
    let group = node.group("address");
    // The announce that greets a connection is of no use to a client that was not ready for it.
    eve.wait("announce", |heard| heard["destination"] == group.as_str());
    let send = json!({"do": "send", "to": group, "method": "direct", "text": "/join", "stamp": false});
    assert_eq!(eve.ask(send, "sent")["state"], "delivered");
    eve.wait("announce", |heard| heard["destination"] == group.as_str());
    assert_eq!(eve.deliver(&group, "direct", "/join")["state"], "delivered");
    eve.message_with("Harbour chat");
    assert_eq!(counter(&node, "unpaid"), 1);
}

#[test]
fn copies_for_a_member_who_asks_for_cost_12_are_paid_and_taken() {
    let folder = Folder::new("stamps-owed");
    let node = Meshgroup::start(folder.path(), "");
    let mut alice = member(&folder, &node, "Alice");
    let mut dear =
        Peer::start_with(folder.path(), "Dear", Medium::Connect(node.port), &["--stamp-cost", "12"]);
    dear.tell(json!({"do": "announce"}));
    let group = node.group("address");
    assert_eq!(dear.deliver(&group, "opportunistic", "/join")["state"], "delivered");
    assert_eq!(dear.message_with("Harbour chat")["stamp_valid"], true);
    alice.deliver(&group, "opportunistic", "is this worth it?");
    let copy = dear.message("Alice: is this worth it?");
    assert_eq!((&copy["stamp_valid"], &copy["stamp"]), (&json!(true), &json!(32)), "{copy}");
    // With a ticket of theirs no work is needed any more.
    let send =
        json!({"do": "send", "to": group, "method": "opportunistic", "text": "take this", "ticket": true});
    assert_eq!(dear.ask(send, "sent")["state"], "delivered");
    alice.message("Dear: take this");
    alice.deliver(&group, "opportunistic", "thanks");
    let copy = dear.message("Alice: thanks");
    assert_eq!((&copy["stamp_valid"], &copy["stamp"]), (&json!(true), &json!(16)), "{copy}");
}
