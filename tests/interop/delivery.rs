//! Messages between stock LXMF clients and a group.

use std::time::Duration;

use serde_json::json;

use crate::support::process::{Folder, Meshgroup, free_port};
use crate::support::python::{Medium, Peer};

/// A peer that has joined the group of `node` by a plain message.
pub(crate) fn member(folder: &Folder, node: &Meshgroup, name: &str) -> Peer {
    let mut peer = Peer::start(folder.path(), name, Medium::Connect(node.port));
    peer.tell(json!({"do": "announce"}));
    let group = node.group("address");
    let sent = peer.deliver(&group, "opportunistic", "/join");
    assert_eq!(sent["state"], "delivered", "{sent}");
    peer.message_with("Harbour chat");
    peer
}

/// The texts of the history, oldest first.
pub(super) fn texts(node: &Meshgroup) -> Vec<String> {
    let texts = node.messages();
    texts.iter().map(|message| message["text"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn a_member_posts_by_every_route_and_the_others_get_it_under_the_nick() {
    let folder = Folder::new("routes");
    let node = Meshgroup::start(folder.path(), "");
    let mut alice = member(&folder, &node, "Alice");
    let mut bob = member(&folder, &node, "Bob");
    let group = node.group("address");

    for method in ["opportunistic", "direct"] {
        let text = format!("good morning, {method}");
        let sent = alice.deliver(&group, method, &text);
        assert_eq!(
            (sent["state"].as_str(), sent["method"].as_str()),
            (Some("delivered"), Some(method)),
            "{sent}"
        );
        let copy = bob.message(&format!("Alice: {text}"));
        assert_eq!(copy["valid"], true);
        assert_eq!(copy["source"], group.as_str());
        assert_eq!(copy["title"], "");
    }
    let sent = bob.deliver(&group, "direct", "and back");
    assert_eq!(sent["state"], "delivered", "{sent}");
    alice.message("Bob: and back");
    assert_eq!(texts(&node), ["good morning, opportunistic", "good morning, direct", "and back"]);
    assert!(alice.take("message").is_empty(), "nobody gets their own post");
}

#[test]
fn a_message_of_100_kb_arrives_as_a_resource() {
    let folder = Folder::new("resource-message");
    let node = Meshgroup::start(folder.path(), "[limits]\nmessage_length_max = 100000\n");
    let mut alice = member(&folder, &node, "Alice");
    let group = node.group("address");
    let sent = alice
        .ask(json!({"do": "send", "to": group, "method": "direct", "text": "long", "size": 100_000}), "sent");
    assert_eq!(sent["state"], "delivered", "{sent}");
    let history = texts(&node);
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].len(), 100_000);
}

#[test]
fn a_stranger_is_told_once_how_to_join_and_is_not_posted() {
    let folder = Folder::new("stranger");
    let node = Meshgroup::start(folder.path(), "");
    let mut eve = Peer::start(folder.path(), "Eve", Medium::Connect(node.port));
    eve.tell(json!({"do": "announce"}));
    let group = node.group("address");
    for text in ["hello?", "is anybody here?"] {
        assert_eq!(eve.deliver(&group, "opportunistic", text)["state"], "delivered");
    }
    eve.message_with("/join");
    assert_eq!(eve.deliver(&group, "opportunistic", "/help")["state"], "delivered");
    assert!(texts(&node).is_empty());
}

#[test]
fn a_sender_that_never_announced_is_asked_for_its_path_and_then_heard() {
    let folder = Folder::new("unannounced");
    let node = Meshgroup::start(folder.path(), "");
    let mut quiet = Peer::start(folder.path(), "Quiet", Medium::Connect(node.port));
    let group = node.group("address");
    let sent = quiet.deliver(&group, "opportunistic", "/join");
    assert_eq!(sent["state"], "delivered", "{sent}");
    quiet.message_with("Harbour chat");
    assert_eq!(node.json(&["member", "list", "--json"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn the_claim_code_of_the_first_run_makes_its_sender_the_owner_once() {
    let folder = Folder::new("claim");
    let node = Meshgroup::start(folder.path(), "");
    let mut alice = member(&folder, &node, "Alice");
    let mut bob = member(&folder, &node, "Bob");
    let group = node.group("address");
    let claim = format!("/claim {}", node.claim_code());
    assert_eq!(alice.deliver(&group, "direct", &claim)["state"], "delivered");
    alice.message_with("owner");
    assert_eq!(bob.deliver(&group, "direct", &claim)["state"], "delivered");
    let members = node.json(&["member", "list", "--json"]);
    let roles: Vec<_> =
        members.as_array().unwrap().iter().map(|member| (&member["nick"], &member["role"])).collect();
    assert_eq!(roles, [(&json!("Alice"), &json!("owner")), (&json!("Bob"), &json!("member"))]);

    assert_eq!(alice.deliver(&group, "direct", "/ban Bob spam")["state"], "delivered");
    bob.message_with("spam");
    assert_eq!(bob.deliver(&group, "direct", "let me in")["state"], "delivered");
    assert_eq!(bob.deliver(&group, "direct", "/join")["state"], "delivered");
    assert!(texts(&node).is_empty());
    assert_eq!(node.json(&["member", "list", "--json"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn a_post_waits_for_a_member_who_is_away() {
    let folder = Folder::new("away");
    let node = Meshgroup::start(folder.path(), "");
    let mut alice = member(&folder, &node, "Alice");
    drop(member(&folder, &node, "Bob"));
    let group = node.group("address");
    assert_eq!(alice.deliver(&group, "opportunistic", "while you were out")["state"], "delivered");
    let mut bob = Peer::start(folder.path(), "Bob", Medium::Connect(node.port));
    bob.tell(json!({"do": "announce"}));
    bob.message("Alice: while you were out");
}

#[test]
fn ratchets_are_used_and_outlive_a_restart() {
    let folder = Folder::new("ratchets");
    let mut node = Meshgroup::start(folder.path(), "");
    let mut alice = member(&folder, &node, "Alice");
    let group = node.group("address");
    let ratchet = alice.ask(json!({"do": "ratchet", "of": group}), "ratchet");
    assert_eq!(ratchet["known"], true, "the announce carried no ratchet");
    assert!(node.terminate() < Duration::from_secs(2));
    let node = Meshgroup::restart_on(node.dir(), node.port);
    let sent = alice.ask(
        json!({"do": "send", "to": group, "method": "opportunistic", "text": "sealed to the old ratchet"}),
        "sent",
    );
    assert_eq!(sent["state"], "delivered", "{sent}");
    assert_eq!(texts(&node), ["sealed to the old ratchet"]);
}

#[test]
fn a_node_that_is_a_tcp_client_finds_its_server_again() {
    let folder = Folder::new("client");
    let port = free_port();
    let server = Peer::start(folder.path(), "Server", Medium::Listen(port));
    let node = Meshgroup::start_client(folder.path(), port);
    drop(server);
    let mut server = Peer::start(folder.path(), "Server", Medium::Listen(port));
    server.tell(json!({"do": "announce"}));
    let group = node.group("address");
    assert_eq!(server.deliver(&group, "direct", "/join")["state"], "delivered");
    server.message_with("Harbour chat");
    assert_eq!(node.status()["interfaces"][0]["online"], true);
}
