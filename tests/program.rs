//! The program as its operator meets it: first run, commands, mistakes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::support::process::{Folder, Meshgroup, free_port};

/// Runs a command that must end by itself.
fn meshgroup(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshgroup"));
    command.arg("--data").arg(dir).args(arguments).stdin(Stdio::null());
    command.output().expect("the binary under test runs")
}

/// What a failing command says.
fn complaint(dir: &Path, arguments: &[&str]) -> String {
    let output = meshgroup(dir, arguments);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    String::from_utf8(output.stderr).expect("text")
}

fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

#[test]
fn a_first_run_writes_its_files_for_its_owner_only_and_prints_what_one_needs() {
    let folder = Folder::new("first-run");
    let mut node = Meshgroup::start(folder.path(), "");
    let mode = |name: &str| {
        let metadata =
            std::fs::metadata(node.dir().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        metadata.permissions().mode() & 0o777
    };
    for name in ["identity", "meshgroup.db", "control.sock"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    assert_eq!(std::fs::metadata(node.dir().join("identity")).unwrap().len(), 64);
    let (address, output) = (node.group("address"), node.output());
    assert_says(&output, &["Harbour chat (group)", &address, &node.group("api_address"), "/claim ", "█"]);
    assert_says(&output, &[&format!("lxma://{address}")]);
    let code = node.claim_code();

    assert!(node.terminate() < Duration::from_secs(2));
    let node = Meshgroup::restart_on(node.dir(), node.port);
    assert_eq!(node.group("address"), address, "a node keeps its identity");
    assert_eq!(node.output().matches(&code).count(), output.matches(&code).count(), "the code is shown once");
}

#[test]
fn an_existing_configuration_is_imported_and_what_cannot_be_read_is_told() {
    let folder = Folder::new("import");
    let file = folder.path().join("config");
    let import = ["interfaces", "import", file.to_str().unwrap()];
    assert_says(&complaint(folder.path(), &import), &["cannot be read", "remedy: "]);

    std::fs::write(&file, "[interfaces]\n[[Home]]\ntype = TCPClientInterface\ntarget_host\n").unwrap();
    assert_says(&complaint(folder.path(), &import), &["config: line 4: neither a [section]", "remedy: "]);

    let target = free_port();
    let text = format!(
        "[interfaces]\n  [[Home]]\n    type = TCPClientInterface\n    enabled = yes\n    target_host = 127.0.0.1\n    \
         target_port = {target}\n    network_name = harbour # by the sea\n"
    );
    std::fs::write(&file, text).unwrap();
    let output = meshgroup(folder.path(), &import);
    assert!(output.status.success());
    let node = Meshgroup::start(folder.path(), &String::from_utf8(output.stdout).unwrap());
    assert_eq!(node.status()["interfaces"][0]["name"], "Home");
}

#[test]
fn status_has_every_field_that_a_supervisor_reads() {
    let folder = Folder::new("status");
    let node = Meshgroup::start(folder.path(), "");
    let status = node.status();
    assert!(status["version"].is_string() && status["uptime_s"].is_u64() && status["ready"] == true);
    assert!(status["rss_bytes"].as_u64().unwrap() > 1 << 20);
    for field in ["name", "address", "api_address", "identity_hash"] {
        assert!(status["group"][field].is_string(), "{field}");
    }
    for field in ["members", "messages", "last_event"] {
        assert!(status["group"][field].is_u64(), "{field}");
    }
    let interface = &status["interfaces"][0];
    assert_eq!((&interface["name"], &interface["type"]), (&"local".into(), &"tcp-server".into()));
    for field in ["rx_bytes", "tx_bytes", "rx_packets", "tx_packets"] {
        assert!(interface[field].is_u64(), "{field}");
    }
    assert_eq!(node.json(&["message", "list", "--json"]), serde_json::json!([]));
    assert_eq!(node.json(&["member", "list", "--json"]), serde_json::json!([]));
}

#[test]
fn a_mistake_in_the_configuration_is_named_with_file_key_and_remedy() {
    let folder = Folder::new("mistakes");
    let file = folder.path().join("meshgroup.toml");
    let rows = [
        ("[group]\ncolour = \"blue\"\n", "colour"),
        ("[limits]\nposts_per_minute = -1\n", "posts_per_minute"),
        ("[store]\ndurability = \"maybe\"\n", "durability"),
        ("[group]\nvisibility = 3\n", "visibility"),
        ("[[interface]]\nname = \"a\"\ntype = \"pigeon\"\n", "type"),
        ("[[interface]]\nname = \"a\"\ntype = \"tcp-server\"\nlisten = \"nowhere\"\n", "listen"),
        ("not toml", "meshgroup.toml"),
    ];
    for (config, key) in rows {
        std::fs::write(&file, config).unwrap();
        assert_says(&complaint(folder.path(), &["run"]), &["meshgroup.toml", key, "remedy"]);
    }
}

#[test]
fn a_port_in_use_is_named_with_its_interface() {
    let folder = Folder::new("port");
    let port = free_port();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let config =
        format!("[[interface]]\nname = \"quay\"\ntype = \"tcp-server\"\nlisten = \"127.0.0.1:{port}\"\n");
    std::fs::write(folder.path().join("meshgroup.toml"), config).unwrap();
    assert_says(&complaint(folder.path(), &["run"]), &["quay", &port.to_string(), "in use", "remedy"]);
}

#[test]
fn a_second_process_on_the_same_folder_is_refused_and_harms_nothing() {
    let folder = Folder::new("second");
    let node = Meshgroup::start(folder.path(), "");
    assert_says(&complaint(node.dir(), &["run"]), &["in use"]);
    assert_eq!(node.status()["ready"], true);
}

#[test]
fn a_folder_can_be_named_by_the_environment_and_commands_without_a_node_say_so() {
    let folder = Folder::new("environment");
    let output = Command::new(env!("CARGO_BIN_EXE_meshgroup"))
        .arg("status")
        .env("MESHGROUP_DATA", folder.path())
        .output()
        .expect("the binary under test runs");
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_says(&text, &[folder.path().to_str().unwrap(), "meshgroup run"]);
}

/// What each kind of node waits for when nothing happens: nothing, or at most once a second.
#[test]
#[cfg(target_os = "linux")]
fn an_idle_node_wakes_at_most_once_a_second() {
    const LOOK_S: u64 = 10;
    let instance =
        format!("[node]\nshare_instance = true\ninstance_name = \"meshgroup-idle-{}\"\n", std::process::id());
    let folders = ["idle-usual", "idle-transport", "idle-instance"].map(Folder::new);
    let usual = Meshgroup::start(folders[0].path(), "");
    let up = format!(
        "[node]\ntransport = true\n[[interface]]\nname = \"up\"\ntype = \"tcp-client\"\ntarget = \"127.0.0.1:{}\"\n",
        usual.port
    );
    let transport = Meshgroup::start(folders[1].path(), &up);
    let shared = Meshgroup::start(folders[2].path(), &instance);
    let nodes = [&usual, &transport, &shared];
    // It announces itself first, and a transport passes that on after a while.
    let end = std::time::Instant::now() + Duration::from_secs(120);
    loop {
        let before = nodes.map(Meshgroup::waits);
        std::thread::sleep(Duration::from_secs(LOOK_S));
        let after = nodes.map(Meshgroup::waits);
        let grown: Vec<u64> = before.iter().zip(after).map(|(before, after)| after - before).collect();
        if grown.iter().all(|grown| *grown <= LOOK_S) {
            return;
        }
        assert!(std::time::Instant::now() < end, "in {LOOK_S} s they waited {grown:?} times");
    }
}
