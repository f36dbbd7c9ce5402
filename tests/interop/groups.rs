//! Stock LXMF clients and links with several groups of one node.

use prost::Message;
use proto::v1;
use serde_json::Value;

use super::api::Client;
use super::delivery::member;
use crate::support::process::{Folder, Meshgroup};
use crate::support::python::{Medium, Peer};

/// The texts of a group's history, oldest first.
fn texts(node: &Meshgroup, group: &str) -> Vec<String> {
    let listed = node.json(&["message", "list", "--json", "--group", group]);
    let texts = listed.as_array().expect("a list").iter().map(|message| &message["text"]);
    texts.map(|text| text.as_str().expect("a text").to_owned()).collect()
}

fn join(peer: &mut Peer, address: &str, name: &str) {
    let sent = peer.deliver(address, "opportunistic", "/join");
    assert_eq!(sent["state"], "delivered", "{sent}");
    peer.message_with(name);
}

fn address(group: &Value) -> String {
    group["address"].as_str().expect("digits").to_owned()
}

#[test]
fn a_stock_client_in_two_groups_of_one_node_reads_and_writes_in_each_also_after_a_restart() {
    let folder = Folder::new("two-groups");
    let mut node = Meshgroup::start(folder.path(), "");
    let mut alice = member(&folder, &node, "Alice");
    let mut bob = member(&folder, &node, "Bob");
    let harbour = node.group("address");
    // Created while everybody is connected, so they hear its announce.
    let quay = address(&node.json(&["group", "create", "Quay", "--json"]));
    join(&mut alice, &quay, "Quay");
    join(&mut bob, &quay, "Quay");

    let mut round = |node: &Meshgroup, number: u32| {
        for (group, name) in [(&harbour, "harbour"), (&quay, "quay")] {
            let text = format!("{name} {number}");
            let sent = alice.deliver(group, "opportunistic", &text);
            assert_eq!(sent["state"], "delivered", "{sent}");
            let copy = bob.message(&format!("Alice: {text}"));
            assert_eq!(copy["source"], group.as_str(), "it comes from the group in which it was said");
        }
        assert_eq!(bob.take("message"), Vec::<Value>::new(), "and only once");
        let said = |name: &str| (1..=number).map(|n| format!("{name} {n}")).collect::<Vec<_>>();
        assert_eq!(texts(node, &harbour), said("harbour"));
        assert_eq!(texts(node, "Quay"), said("quay"));
    };
    round(&node, 1);
    node.kill();
    let node = Meshgroup::restart_on(node.dir(), node.port);
    round(&node, 2);

    let mut carol =
        Client::identified(Peer::start(folder.path(), "Carol", Medium::Connect(node.port)), &node);
    let all: v1::GroupsResponse = carol.call("/api/v1/groups", &v1::GroupsRequest::default());
    let names: Vec<_> = all.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["Harbour chat (group)", "Quay"]);
    assert!(all.encoded_len() < 409, "the directory of a small node fits a packet");
}
