//! Messages by way of stock propagation nodes.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::delivery::texts;
use crate::support::process::{Folder, Meshgroup, free_port};
use crate::support::python::{Medium, Peer};

/// A stock propagation node that everybody else is connected to, and forwards for them.
fn post_office(dir: &Path) -> (Peer, u16) {
    let port = free_port();
    let node = Peer::start_with(dir, "Office", Medium::Listen(port), &["--transport", "--propagation-node"]);
    (node, port)
}

/// The node's `lxmf.propagation` address.
fn address(office: &mut Peer) -> String {
    let answer = office.ask(json!({"do": "node_address"}), "node_address");
    answer["address"].as_str().expect("an address").to_owned()
}

fn start_group(folder: &Folder, port: u16, more: &str) -> Meshgroup {
    Meshgroup::start_client_with(folder.path(), port, more)
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_member_who_is_away_gets_the_post_from_the_propagation_node() {
    let folder = Folder::new("office-out");
    let (mut office, port) = post_office(folder.path());
    let mail = address(&mut office);
    let node = start_group(&folder, port, &format!("[propagation]\nnode = \"{mail}\"\nsync_interval = 0\n"));
    office.tell(json!({"do": "announce_node"}));
    let mut alice = member_at(&folder, &node, "Alice", port);
    let mut bob = member_at(&folder, &node, "Bob", port);
    bob.tell(json!({"do": "quit"}));
    let group = node.group("address");
    assert_eq!(alice.deliver(&group, "opportunistic", "where is Bob?")["state"], "delivered");
    wait_for("the post is on the node", || office_keeps(folder.path()) > 0);
    let mut bob = Peer::start(folder.path(), "Bob", Medium::Connect(port));
    // Only from the node: the group does not hear that Bob is back.
    office.tell(json!({"do": "announce_node"}));
    bob.ask(json!({"do": "path", "to": group}), "path");
    bob.tell(json!({"do": "sync", "node": mail}));
    let copy = bob.message("Alice: where is Bob?");
    assert_eq!((&copy["method"], &copy["valid"]), (&json!("propagated"), &json!(true)), "{copy}");
}

#[test]
fn a_message_that_a_member_left_on_a_node_is_fetched_once_and_confirmed() {
    let folder = Folder::new("office-in");
    let (mut office, port) = post_office(folder.path());
    let mail = address(&mut office);
    let node = start_group(&folder, port, "[propagation]\nsync_interval = 1\n");
    let mut alice = member_at(&folder, &node, "Alice", port);
    let mut bob = member_at(&folder, &node, "Bob", port);
    let group = node.group("address");
    office.tell(json!({"do": "announce_node"}));
    let send = json!({"do": "send", "to": group, "method": "propagated", "node": mail, "text": "by post"});
    assert_eq!(alice.ask(send, "sent")["state"], "sent");
    let copy =
        bob.wait_within(Duration::from_secs(100), "message", |message| message["text"] == "Alice: by post");
    assert_eq!(copy["valid"], true);
    alice.message_with("came by a propagation node");
    assert_eq!(texts(&node), ["by post"]);
    assert_eq!(node.status()["counters"]["fetched"], 1);
    wait_for("the node deleted it", || office_keeps(folder.path()) == 0);
}

#[test]
fn the_operator_has_messages_fetched_on_demand_and_sees_which_nodes_are_used() {
    let folder = Folder::new("office-demand");
    let (mut office, port) = post_office(folder.path());
    let mail = address(&mut office);
    let node = start_group(&folder, port, &format!("[propagation]\nnode = \"{mail}\"\nsync_interval = 0\n"));
    let status = |node: &Meshgroup| node.json(&["propagation", "status", "--json"]);
    assert_eq!(
        (&status(&node)["nodes"][0]["address"], &status(&node)["served"]),
        (&json!(mail), &json!(null))
    );
    let mut alice = member_at(&folder, &node, "Alice", port);
    let group = node.group("address");
    office.tell(json!({"do": "announce_node"}));
    let send = json!({"do": "send", "to": group, "method": "propagated", "node": mail, "text": "by post"});
    assert_eq!(alice.ask(send, "sent")["state"], "sent");
    let done = node.json(&["propagation", "sync", "--json"]);
    let expected = json!({"nodes": [{"address": mail, "group_address": group, "fetched": 1, "failure": null}],
        "waiting": 0, "peers": 0});
    assert_eq!(done, expected);
    wait_for("the post", || texts(&node) == ["by post"]);
    let used = status(&node)["nodes"][0].clone();
    assert_eq!((&used["fetched"], &used["failure"], &used["hops"]), (&json!(1), &json!(null), &json!(1)));
    assert!(
        used["synced"].as_u64().is_some_and(|at| at > 1_700_000_000) && used["stamp_cost"] == 13,
        "{used}"
    );
    let unknown = "00112233445566778899aabbccddeeff";
    let done = node.json(&["propagation", "sync", unknown, "--json"]);
    assert_eq!(done["nodes"][0]["failure"], "no path to the node", "{done}");
    assert_eq!(node.json(&["propagation", "peers", "--json"]), json!([]));
}

#[test]
fn a_post_goes_out_on_paper_and_one_comes_in() {
    let folder = Folder::new("office-paper");
    let (_office, port) = post_office(folder.path());
    let node = start_group(&folder, port, "[propagation]\nsync_interval = 0\n");
    let mut alice = member_at(&folder, &node, "Alice", port);
    let mut bob = member_at(&folder, &node, "Bob", port);
    let group = node.group("address");
    let ask = json!({"do": "paper", "to": group, "text": "carried by hand"});
    let uri = alice.ask(ask, "paper")["uri"].as_str().expect("an address").to_owned();
    node.json(&["message", "import", &uri, "--json"]);
    wait_for("the post", || texts(&node) == ["carried by hand"]);
    bob.message("Alice: carried by hand");
    // The same paper once more is the same message.
    node.json(&["message", "import", &uri, "--json"]);
    wait_for("it is recognised", || node.status()["counters"]["messages_repeated"] == 1);
    assert_eq!(texts(&node).len(), 1);
    let seq = node.messages()[0]["seq"].to_string();
    // Bob's copy came over the air, so on paper he would not be shown it again; Carol has just joined.
    let mut carol = member_at(&folder, &node, "Carol", port);
    let paper = node.json(&["message", "paper", &seq, "--to", "Carol", "--json"]);
    let read = json!({"do": "read_paper", "uri": paper["uri"]});
    assert_eq!(carol.ask(read, "paper_read")["taken"], true);
    let copy = carol.message("Alice: carried by hand");
    assert_eq!(copy["valid"], true, "{copy}");
    let text = node.command(&["message", "paper", &seq, "--to", "Carol"]).stdout;
    let text = String::from_utf8(text).expect("text");
    assert!(text.contains("lxm://") && text.lines().filter(|line| line.contains('█')).count() > 20, "{text}");
    for bad in [&["message", "import", "lxm://AAAA"][..], &["message", "paper", "999", "--to", "Carol"]] {
        assert!(!node.command(bad).status.success(), "{bad:?}");
    }
}

/// How many messages the office keeps, by its files.
fn office_keeps(dir: &Path) -> usize {
    let store = dir.join("Office/lxmf/lxmf/messagestore");
    std::fs::read_dir(&store).map(Iterator::count).unwrap_or(0)
}

/// A peer behind the office that has joined.
fn member_at(folder: &Folder, node: &Meshgroup, name: &str, port: u16) -> Peer {
    let mut peer = Peer::start(folder.path(), name, Medium::Connect(port));
    peer.tell(json!({"do": "announce"}));
    let group = node.group("address");
    let sent = peer.deliver(&group, "opportunistic", "/join");
    assert_eq!(sent["state"], "delivered", "{sent}");
    peer.message_with("Harbour chat");
    peer
}
