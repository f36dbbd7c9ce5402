//! The node as a propagation node, with stock clients and stock propagation nodes around it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::delivery::member;
use crate::support::process::{Folder, Meshgroup};
use crate::support::python::{Medium, Peer, interpreter};

/// A propagation node that its clients reach each other through. Stock clients make stamps slowly.
const OFFICE: &str = "[node]\ntransport = true\n[propagation]\nserve = true\nstamp_cost = 4\nstamp_flexibility = 0\n\
                      peering_cost = 4\nsync_interval = 0\ndiscover = false\nannounce_interval = 0\n";

fn address(node: &Meshgroup) -> String {
    let text = node.status()["propagation_address"].as_str().expect("it is a propagation node").to_owned();
    assert_eq!(text.len(), 32);
    text
}

fn counter(node: &Meshgroup, name: &str) -> u64 {
    node.status()["counters"][name].as_u64().expect("a counter")
}

fn wait_for(node: &Meshgroup, name: &str, count: u64) {
    let end = Instant::now() + Duration::from_secs(60);
    while counter(node, name) != count {
        assert!(Instant::now() < end, "{name} is {}, not {count}", counter(node, name));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Makes an upload and returns its final state.
fn post(from: &mut Peer, to: &Peer, mail: &str, text: &str) -> Value {
    from.ask(json!({"do": "path", "to": mail}), "path");
    from.ask(json!({"do": "path", "to": to.delivery}), "path");
    let send = json!({"do": "send", "to": to.delivery, "method": "propagated", "node": mail, "text": text});
    from.ask(send, "sent")["state"].clone()
}

#[test]
fn stock_clients_upload_fetch_and_purge_and_nothing_acknowledged_is_lost_in_a_kill() {
    let folder = Folder::new("office-serves");
    let mut node = Meshgroup::start(folder.path(), OFFICE);
    let mail = address(&node);
    let mut alice = member(&folder, &node, "Alice");
    let mut bob = member(&folder, &node, "Bob");
    // Bob can check a signature only if he has heard of Alice.
    let heard = bob.ask(json!({"do": "path", "to": alice.delivery, "within": 30}), "path");
    assert_eq!(heard["found"], true, "{heard}");
    assert_eq!(post(&mut alice, &bob, &mail, "short"), "sent");
    let long = "long ".repeat(2_000);
    assert_eq!(post(&mut alice, &bob, &mail, &long), "sent");
    // An upload is proven once it is durable, so what follows needs no waiting.
    assert_eq!(counter(&node, "mail_kept"), 2);
    node.kill();
    let node = Meshgroup::restart_on(node.dir(), node.port);
    assert_eq!((address(&node), counter(&node, "mail_kept")), (mail.clone(), 2));
    bob.ask(json!({"do": "path", "to": mail, "forget": true, "within": 30}), "path");
    bob.tell(json!({"do": "sync", "node": mail}));
    for text in ["short", &long] {
        let message = bob.message(text);
        assert_eq!((&message["method"], &message["valid"]), (&json!("propagated"), &json!(true)));
    }
    wait_for(&node, "mail_kept", 0);
    assert_eq!((counter(&node, "mail_served"), counter(&node, "mail_purged")), (2, 2));
}

#[test]
fn strangers_are_not_served_and_bad_stamps_are_turned_away() {
    let folder = Folder::new("office-refuses");
    let node = Meshgroup::start(folder.path(), OFFICE);
    let mail = address(&node);
    let mut alice = member(&folder, &node, "Alice");
    let mut stranger = Peer::start(folder.path(), "Stranger", Medium::Connect(node.port));
    stranger.tell(json!({"do": "announce"}));
    assert_eq!(post(&mut alice, &stranger, &mail, "to a stranger"), "rejected");
    assert_eq!(counter(&node, "mail_not_served"), 1);
    let link = alice.ask(json!({"do": "link", "to": mail, "name": "lxmf.propagation"}), "link");
    // [time, [a message to Alice, its stamp worth nothing]].
    let body = format!("92cb000000000000000091c496{}{}", alice.delivery, "00".repeat(134));
    let upload = json!({"do": "link_packet", "link": link["link"], "data": body});
    alice.ask(upload, "unproven");
    assert_eq!((counter(&node, "mail_bad_stamp"), counter(&node, "mail_kept")), (1, 0));
}

fn run_lxmd(dir: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let lxmd = interpreter().with_file_name("lxmd");
    let output = Command::new(lxmd)
        .arg("--config")
        .arg(dir.join("lxmd"))
        .arg("--rnsconfig")
        .arg(dir.join("rns"))
        .args(arguments)
        .output()
        .expect("lxmd is installed beside the interpreter");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

/// The folders of an `lxmd` that is connected to a port.
fn lxmd_folders(dir: &Path, port: u16, propagation: &str) {
    for folder in ["lxmd", "rns"] {
        std::fs::create_dir_all(dir.join(folder)).expect("target/ is writable");
    }
    let rns = format!(
        "[reticulum]\n  enable_transport = No\n  share_instance = No\n[logging]\n  loglevel = 1\n[interfaces]\n  \
         [[office]]\n    type = TCPClientInterface\n    enabled = Yes\n    target_host = 127.0.0.1\n    target_port = {port}\n"
    );
    std::fs::write(dir.join("rns/config"), rns).expect("target/ is writable");
    let lxmd =
        format!("[propagation]\n{propagation}\n[lxmf]\ndisplay_name = Clerk\n[logging]\nloglevel = 6\n");
    std::fs::write(dir.join("lxmd/config"), lxmd).expect("target/ is writable");
}

#[test]
fn lxmd_shows_the_status_of_the_node() {
    let folder = Folder::new("office-status");
    let node = Meshgroup::start(folder.path(), OFFICE);
    lxmd_folders(folder.path(), node.port, "enable_node = no");
    let identity = node.dir().join("propagation_identity");
    let identity = identity.to_str().expect("a plain path");
    let arguments =
        ["--status", "--peers", "--remote", &address(&node), "--identity", identity, "--timeout", "20"];
    let (code, text) = run_lxmd(folder.path(), &arguments);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains(&address(&node)) && text.contains("Required propagation stamp cost is 4"),
        "{text}"
    );
}

/// A stock `lxmd` that runs until it is dropped.
struct Lxmd(Child);

impl Lxmd {
    fn start(dir: &Path) -> Self {
        let log = std::fs::File::create(dir.join("lxmd.log")).expect("target/ is writable");
        let child = Command::new(interpreter().with_file_name("lxmd"))
            .arg("--config")
            .arg(dir.join("lxmd"))
            .arg("--rnsconfig")
            .arg(dir.join("rns"))
            .args(["--propagation-node", "-v"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn();
        Self(child.expect("lxmd is installed beside the interpreter"))
    }
}

impl Drop for Lxmd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many messages `lxmd` keeps, by its files.
fn lxmd_keeps(dir: &Path) -> usize {
    let store = dir.join("lxmd/storage/lxmf/messagestore");
    std::fs::read_dir(&store).map(Iterator::count).unwrap_or(0)
}

/// Waits until something is so, for as long as a stock node takes that looks at its peers twice a minute, on a busy machine.
fn wait_until(what: &str, is_so: impl Fn() -> bool, state: impl Fn() -> String) {
    let end = Instant::now() + Duration::from_secs(300);
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}\n{}", state());
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_stock_node_and_ours_bring_each_other_what_they_lack() {
    let folder = Folder::new("office-peers");
    let key: [u8; 64] = std::array::from_fn(|i| i as u8 ^ 0x5a);
    let theirs = reticulum::crypto::Identity::from_bytes(&key).hash();
    let theirs =
        reticulum::hash::DestinationHash::of_single(*lxmf::propagation::PROPAGATION_NAME_HASH, theirs)
            .to_string();
    // A stock node offers what it has to nodes whose announce it heard, and crashes over a `static_peers` that it has not:
    // so it is left to find us by our announce, which comes when it connects, and every minute in case it missed that.
    let office = OFFICE
        .replace("\nstamp_cost = 4", "\nmembers_only = false\nstamp_cost = 13")
        .replace("announce_interval = 0", "announce_interval = 1");
    let node = Meshgroup::start(folder.path(), &office);
    let ours = address(&node);
    let propagation = "enable_node = yes\nannounce_at_start = yes\nautopeer = yes\npeering_cost = 4\n\
         propagation_stamp_cost_target = 13\npropagation_stamp_cost_flexibility = 0\n";
    lxmd_folders(folder.path(), node.port, propagation);
    std::fs::write(folder.path().join("lxmd/identity"), key).expect("target/ is writable");
    let _lxmd = Lxmd::start(folder.path());
    let mut alice = member(&folder, &node, "Alice");
    let mut bob = member(&folder, &node, "Bob");
    let heard = bob.ask(json!({"do": "path", "to": alice.delivery, "within": 45}), "path");
    assert_eq!(heard["found"], true, "{heard}");
    assert_eq!(post(&mut alice, &bob, &ours, "by ours"), "sent");
    assert_eq!(post(&mut alice, &bob, &theirs, "by theirs"), "sent");
    let log = || std::fs::read_to_string(folder.path().join("lxmd.log")).unwrap_or_default();
    let state = || format!("{}\n{}", node.status(), log());
    wait_until("theirs came to us", || counter(&node, "mail_from_peers") == 1, state);
    wait_until("ours came to theirs", || lxmd_keeps(folder.path()) == 2, state);
    wait_for(&node, "mail_to_peers", 1);
    assert_eq!(counter(&node, "mail_kept"), 2);
    // As their operator's tool shows it.
    let identity = node.dir().join("propagation_identity");
    let identity = identity.to_str().expect("a plain path");
    let arguments = ["--status", "--peers", "--remote", &ours, "--identity", identity, "--timeout", "45"];
    let (code, text) = run_lxmd(folder.path(), &arguments);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&theirs), "{text}");

    bob.ask(json!({"do": "path", "to": ours, "within": 45}), "path");
    bob.tell(json!({"do": "sync", "node": ours}));
    for text in ["by ours", "by theirs"] {
        let message = bob.message(text);
        assert_eq!((&message["method"], &message["valid"]), (&json!("propagated"), &json!(true)));
    }
}
