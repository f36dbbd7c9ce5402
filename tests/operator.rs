//! What the operator does in a group from the command line, and the JSON that scripts read.

use serde_json::{Value, json};

use crate::interop::delivery::member;
use crate::support::process::{Folder, Meshgroup};

fn complaint(node: &Meshgroup, arguments: &[&str]) -> String {
    let output = node.command(arguments);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    String::from_utf8(output.stderr).expect("text")
}

/// Does something, and returns the number of its event.
fn done(node: &Meshgroup, arguments: &[&str]) -> u64 {
    let done = node.json(&[arguments, &["--json"]].concat());
    done["seq"].as_u64().unwrap_or_else(|| panic!("{arguments:?}: {done}"))
}

/// What a command prints for people.
fn told(node: &Meshgroup, arguments: &[&str]) -> String {
    let output = node.command(arguments);
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn the_operator_writes_looks_and_sets_without_being_a_member() {
    let folder = Folder::new("operator");
    let node = Meshgroup::start(folder.path(), "");
    let first = done(&node, &["message", "send", "Welcome at the quay"]);
    let second = done(&node, &["message", "send", "A mistake"]);
    done(&node, &["message", "edit", &first.to_string(), "Welcome at the harbour"]);
    done(&node, &["message", "pin", &first.to_string()]);
    done(&node, &["message", "delete", &second.to_string()]);
    let found = node.json(&["message", "search", "harb", "--json"]);
    assert_eq!(
        found,
        json!([{"seq": first, "time": found[0]["time"], "text": "Welcome at the harbour", "author": null}])
    );
    assert_eq!(
        told(&node, &["message", "search", "harb"]).trim(),
        format!("{first}  operator: Welcome at the harbour")
    );
    assert_eq!(node.json(&["message", "held", "--json"]), json!([]));
    assert_eq!(node.json(&["member", "requests", "--json"]), json!([]));

    done(&node, &["group", "set", "topic", "Low tide"]);
    let settings = node.json(&["group", "settings", "--json"]);
    let topic =
        settings.as_array().expect("a list").iter().find(|one| one["key"] == "topic").expect("it is one");
    assert_eq!(
        topic,
        &json!({"key": "topic", "value": "Low tide", "takes": "a line of at most 160 characters"})
    );
    assert!(
        complaint(&node, &["group", "set", "join-cost", "99"])
            .contains("join-cost takes a number from 0 to 24")
    );
    assert!(complaint(&node, &["group", "set", "colour", "red"]).contains("no setting \"colour\""));

    let code = node.json(&["member", "invite", "--uses", "2", "--for", "1d", "--json"]);
    assert!(code["code"].as_str().is_some_and(|code| code.contains('-')), "{code}");
    let stranger = "3f".repeat(16);
    done(&node, &["member", "ban", &stranger, "spam", "--for", "2h"]);
    let bans = node.json(&["ban", "list", "--json"]);
    assert_eq!(
        (&bans[0]["identity_hash"], &bans[0]["reason"], &bans[0]["member"]),
        (&json!(stranger), &json!("spam"), &json!(null))
    );
    assert!(bans[0]["until"].is_u64());
    done(&node, &["member", "unban", &stranger]);
    assert_eq!(node.json(&["ban", "list", "--json"]), json!([]));

    let audit = node.json(&["audit", "--limit", "2", "--json"]);
    let kinds: Vec<_> = audit.as_array().expect("a list").iter().map(|act| &act["kind"]).collect();
    assert_eq!(kinds, ["unbanned", "banned"]);
    let mut expected =
        ["seq", "time", "by", "kind", "member", "number", "text", "reason", "until", "expired"];
    expected.sort_unstable();
    let mut found = keys(&audit[0]);
    found.sort_unstable();
    assert_eq!(found, expected);
    assert!(complaint(&node, &["message", "cleanup"]).contains("--older"), "something has to be said");
    assert_eq!(node.json(&["message", "cleanup", "--newer", "1h", "--json"]), json!({"deleted": 1}));
}

#[test]
fn the_operator_gives_roles_and_moderates_and_members_are_listed_with_the_names_of_their_roles() {
    let folder = Folder::new("operator-members");
    let node = Meshgroup::start(folder.path(), "");
    let mut bob = member(&folder, &node, "Bob");
    done(&node, &["role", "create", "night-watch", "--rank", "40", "post", "mute"]);
    done(&node, &["member", "role", "Bob", "Night-Watch"]);
    let listed = node.json(&["member", "list", "--json"]);
    assert_eq!((listed[0]["nick"].as_str(), listed[0]["role"].as_str()), (Some("Bob"), Some("night-watch")));
    done(&node, &["member", "rename", "Bob", "Bobby"]);
    bob.message_with("calls you Bobby from now on");
    assert!(complaint(&node, &["member", "rename", "Bobby", "Bobby"]).contains("so already"));
    done(&node, &["member", "rename", "#1", "Bob"]);
    done(&node, &["member", "grant", "Bob", "kick"]);
    done(&node, &["member", "revoke", "#1", "mute"]);
    let shown = node.json(&["member", "show", "bob", "--json"]);
    assert_eq!(
        shown,
        json!({
            "member": 1, "nick": "Bob", "identity_hash": listed[0]["identity_hash"], "role": "night-watch",
            "permissions": ["post", "kick"], "granted": ["kick"], "revoked": ["mute"],
        })
    );
    let roles = node.json(&["role", "list", "--json"]);
    let own =
        roles.as_array().expect("a list").iter().find(|role| role["name"] == "night-watch").expect("made");
    assert_eq!(
        own,
        &json!({"role": 16, "name": "night-watch", "rank": 40, "permissions": ["post", "mute"], "quiet": false, "members": 1})
    );
    done(&node, &["role", "delete", "night-watch"]);
    assert!(complaint(&node, &["member", "role", "Bob", "night-watch"]).contains("no role \"night-watch\""));
    assert!(complaint(&node, &["member", "kick", "Nobody"]).contains("Nothing found"));
    done(&node, &["member", "mute", "Bob", "loud", "--for", "2h"]);
    bob.message_with("You were muted");
    done(&node, &["member", "unmute", "Bob"]);
    done(&node, &["member", "kick", "Bob", "enough"]);
    bob.message_with("Reason: enough.");
    assert_eq!(node.json(&["member", "list", "--json"]), json!([]));
}

#[test]
fn the_operator_attaches_files_and_saves_what_is_attached() {
    let folder = Folder::new("operator-files");
    let node = Meshgroup::start(folder.path(), "");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let map: Vec<u8> =
        (0..300_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).take(300_000).collect();
    std::fs::write(path("map.png"), &map).expect("a folder of ours");
    std::fs::write(path("tide table.txt"), "high at nine").expect("a folder of ours");
    let send =
        ["message", "send", "See the map", "--attach", &path("map.png"), "--attach", &path("tide table.txt")];
    let seq = done(&node, &send).to_string();
    let listed = node.json(&["message", "list", "--json"]);
    let attached = &listed[0]["attachments"];
    assert_eq!(
        attached[1],
        json!({"index": 2, "kind": "file", "name": "tide table.txt", "size": 12,
            "hash": attached[1]["hash"], "kept": true})
    );
    assert_eq!((&attached[0]["kind"], &attached[0]["name"]), (&json!("image"), &json!("png")));
    assert!(told(&node, &["message", "list"]).contains("See the map [photo 300 kB, tide table.txt 12 B]"));
    let saved = node.json(&["message", "attachment", &seq, "-o", &path("saved"), "--json"]);
    assert_eq!(saved, json!({"bytes": 300_000}));
    assert!(std::fs::read(path("saved")).expect("it was saved") == map);
    assert_eq!(told(&node, &["message", "attachment", &seq, "--index", "2", "-o", "-"]), "high at nine");
    let wrong = complaint(&node, &["message", "attachment", &seq, "--index", "3", "-o", &path("none")]);
    assert!(wrong.contains("Nothing found") && !folder.path().join("none").exists(), "{wrong}");
    done(&node, &["group", "set", "attachment-kb", "100"]);
    let refused = complaint(&node, &send);
    assert!(refused.contains("100 kB together"), "{refused}");
}
