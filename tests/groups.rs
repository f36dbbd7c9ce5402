//! Several groups in one node, as the operator meets them.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::process::{Folder, Meshgroup};

fn complaint(node: &Meshgroup, arguments: &[&str]) -> String {
    let output = node.command(arguments);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn groups_are_created_listed_named_and_there_again_after_a_restart() {
    let folder = Folder::new("groups");
    let mut node = Meshgroup::start(folder.path(), "");
    let quay = node.json(&["group", "create", "Quay", "--private", "--json"]);
    assert_eq!((&quay["name"], &quay["number"]), (&json!("Quay"), &json!(2)));
    let code = quay["claim_code"].as_str().expect("a code");
    assert_ne!(quay["address"], json!(node.group("address")));
    let identity = node.dir().join("groups/2/identity");
    let metadata = std::fs::metadata(&identity).expect("each group has its own identity");
    assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (64, 0o600));

    let groups = node.json(&["group", "list", "--json"]);
    let names: Vec<_> = groups.as_array().expect("a list").iter().map(|group| &group["name"]).collect();
    assert_eq!(names, ["Harbour chat (group)", "Quay"]);
    let status = node.status();
    assert_eq!((&status["group"], &status["groups"]), (&groups[0], &groups));

    let api_address = quay["api_address"].as_str().expect("digits");
    for name in ["Quay", "quay", &api_address[..8]] {
        assert_eq!(node.json(&["group", "show", name, "--json"]), groups[1], "{name}");
        assert_eq!(node.json(&["member", "list", "--group", name, "--json"]), json!([]));
        assert_eq!(node.json(&["message", "--group", name, "list", "--json"]), json!([]));
    }
    let refused = complaint(&node, &["member", "list", "--group", "Nowhere"]);
    assert!(refused.contains("no group \"Nowhere\""), "{refused}");
    assert!(complaint(&node, &["group", "show", "Nowhere"]).contains("no group \"Nowhere\""));
    assert!(complaint(&node, &["group", "create", "harbour CHAT (group)"]).contains("has that name"));
    assert!(complaint(&node, &["group", "create", " "]).contains("no text"));

    let claim = node.command(&["claim", "new", "--group", "Quay"]);
    let claim = String::from_utf8(claim.stdout).expect("text");
    assert!(claim.trim().len() == code.len() && claim.trim() != code, "{claim}");

    node.terminate();
    let mut node = Meshgroup::restart_on(node.dir(), node.port);
    let after = node.json(&["group", "list", "--json"]);
    assert_eq!(after[0], groups[0]);
    assert_eq!(after[1]["address"], groups[1]["address"]);
    let third = node.json(&["group", "create", "Pier", "--json"]);
    assert_eq!(third["number"], 3, "numbers go on");

    node.terminate();
    std::fs::remove_file(&identity).expect("it is there");
    let failed = node.command(&["run"]);
    let said = String::from_utf8(failed.stderr).expect("text");
    assert!(said.contains("groups/2/identity: is not there") && said.contains("remedy"), "{said}");
}

#[test]
fn the_operator_bounds_the_number_of_groups() {
    let folder = Folder::new("groups-max");
    let node = Meshgroup::start(folder.path(), "[groups]\ngroups_max = 2\n");
    node.json(&["group", "create", "Quay", "--json"]);
    let refused = complaint(&node, &["group", "create", "Pier"]);
    assert!(refused.contains("room for 2"), "{refused}");
}

#[test]
fn a_deleted_group_leaves_an_export_and_nothing_else() {
    let folder = Folder::new("groups-delete");
    let mut node = Meshgroup::start(folder.path(), "");
    let quay = node.json(&["group", "create", "Quay", "--json"]);
    let refused = complaint(&node, &["group", "delete", "Quay", "--confirm", "quay"]);
    assert!(refused.contains("not the group's name"), "{refused}");
    let deleted = node.json(&["group", "delete", "Quay", "--confirm", "Quay", "--json"]);
    let export = std::path::PathBuf::from(deleted["export"].as_str().expect("a file"));
    assert_eq!(export.parent(), Some(&*node.dir().join("exports")));
    assert_eq!(std::fs::metadata(&export).expect("it is there").permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&export).expect("text");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines[0]["group"], 2);
    let created = lines.iter().find(|line| line["table"] == "event").expect("the log");
    assert_eq!((&created["seq"], &created["text"]), (&json!(1), &json!("Quay")));

    assert_eq!(node.json(&["group", "list", "--json"]).as_array().map(Vec::len), Some(1));
    assert!(!node.dir().join("groups/2").exists());
    let refused =
        complaint(&node, &["group", "delete", "Harbour chat (group)", "--confirm", "Harbour chat (group)"]);
    assert!(refused.contains("one group at least"), "{refused}");

    node.terminate();
    let mut node = Meshgroup::restart_on(node.dir(), node.port);
    assert_eq!(node.json(&["group", "list", "--json"]).as_array().map(Vec::len), Some(1));
    let pier = node.json(&["group", "create", "Pier", "--json"]);
    assert_eq!(pier["number"], 3, "a number is not given again");
    assert_ne!(pier["address"], quay["address"]);

    // The first group is no exception.
    node.json(&["group", "delete", &node.group("address"), "--confirm", "Harbour chat (group)", "--json"]);
    assert!(!node.dir().join("identity").exists());
    assert_eq!(node.status()["group"]["name"], "Pier");
    node.terminate();
    let node = Meshgroup::restart_on(node.dir(), node.port);
    assert_eq!(
        (node.group("name"), node.group("address")),
        ("Pier".into(), pier["address"].as_str().expect("digits").into())
    );
    assert!(!node.dir().join("identity").exists(), "no group comes in the place of the first one");
}

#[test]
fn the_same_two_have_the_same_conversation_over_a_restart() {
    let folder = Folder::new("groups-direct");
    let mut node = Meshgroup::start(folder.path(), "");
    let (one, other) = ("a1".repeat(16), "B2".repeat(16));
    let pair = node.json(&["group", "create", "--direct", &one, &other, "--json"]);
    assert_eq!((&pair["name"], &pair["existed"]), (&json!("a1a1a1a1 & b2b2b2b2"), &json!(false)));
    let again = |node: &Meshgroup, one: &str, other: &str| {
        let pair = node.json(&["group", "create", "--direct", one, other, "--json"]);
        (pair["number"].clone(), pair["existed"].clone())
    };
    assert_eq!(again(&node, &other, &one), (json!(2), json!(true)));
    assert_eq!(again(&node, &one, &"c3".repeat(16)), (json!(3), json!(false)));
    complaint(&node, &["group", "create", "--direct", &one, &one]);
    assert!(!node.command(&["group", "create", "--direct", &one]).status.success());
    assert!(!node.command(&["group", "create"]).status.success());
    node.terminate();
    let node = Meshgroup::restart_on(node.dir(), node.port);
    assert_eq!(again(&node, &other, &one), (json!(2), json!(true)));
    assert_eq!(node.json(&["group", "list", "--json"]).as_array().map(Vec::len), Some(3));
}
