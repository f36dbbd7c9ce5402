//! The tour of the README, command by command as it stands there: what a newcomer types must work.

use std::process::Command;

use crate::support::process::{Folder, Meshgroup};
use crate::support::python::interpreter;

const README: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));

/// What stands in the place of the shell's `py` and of `cargo run --release --`.
const PRELUDE: &str = r#"
py() { "$PYTHON" "$@" --connect "127.0.0.1:$PORT" --state "$STATE"; }
cargo() { shift 3; "$MESHGROUP" --data "$DATA" "$@"; }
"#;

/// The word that follows `label` in what the node printed.
fn printed<'a>(output: &'a str, label: &str) -> &'a str {
    let line = output.lines().find_map(|line| line.trim().strip_prefix(label));
    line.unwrap_or_else(|| panic!("no {label} in:\n{output}")).trim()
}

#[test]
fn the_commands_of_the_tour_lead_to_the_history() {
    let folder = Folder::new("tour");
    let node = Meshgroup::start(folder.path(), "");
    let output = node.output();
    let run = |line: &str| {
        let done = Command::new("bash")
            .args(["-ec", &format!("{PRELUDE}\n{line}")])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("PYTHON", interpreter())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("MESHGROUP", env!("CARGO_BIN_EXE_meshgroup"))
            .env("DATA", node.dir())
            .env("STATE", folder.path().join("tour"))
            .env("PORT", node.port.to_string())
            .env("LXMF", printed(&output, "LXMF address"))
            .env("GROUP", printed(&output, "group address"))
            .env("CODE", printed(&output, "claim code"))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{line}\n{text}{}", String::from_utf8_lossy(&done.stderr));
        (line.to_owned(), text)
    };
    let typed = |line: &&str| line.starts_with("py ") || line.starts_with("cargo run --release -- ");
    let done: Vec<_> = README.lines().filter(typed).map(run).collect();
    assert_eq!(done.len(), 17, "{done:?}");
    let outcome = |part: &str| &done.iter().find(|(line, _)| line.contains(part)).unwrap().1;
    assert!(outcome("/join").contains("Welcome to Harbour chat (group)"));
    assert!(outcome("/claim").contains("You are the owner"));
    assert!(outcome("GROUP messages").contains("Tourist: Hello from a stock client"));
    assert!(outcome("message list").contains("Hello from the interface"));
    assert!(outcome("member list").contains("owner   Tourist"));
    assert!(outcome("airtime").contains("533.0 ms"));
    assert!(outcome("group create").contains("/claim "));
    assert!(outcome("group delete").contains("exports"));
}
