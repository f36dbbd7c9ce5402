//! The edges of the dependency graph that the design allows, between crates and within the root package; and that
//! everything from outside has a licence that `deny.toml` accepts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Each crate of the workspace, and the only ones that it may depend on.
const CRATES: [(&str, &[&str]); 7] = [
    (
        "meshgroup",
        &[
            "meshgroup-interfaces",
            "meshgroup-lora-channel",
            "meshgroup-lxmf",
            "meshgroup-proto",
            "meshgroup-reticulum",
        ],
    ),
    ("meshgroup-interfaces", &["meshgroup-lora-channel", "meshgroup-reticulum"]),
    ("meshgroup-lora-channel", &[]),
    ("meshgroup-lxmf", &["meshgroup-reticulum"]),
    ("meshgroup-proto", &[]),
    ("meshgroup-reticulum", &[]),
    ("meshgroup-virtual-radio", &["meshgroup-interfaces", "meshgroup-lora-channel"]),
];

/// The crates that do no input and output.
const CORES: [&str; 3] = ["meshgroup-reticulum", "meshgroup-lxmf", "meshgroup-lora-channel"];

/// What the cores, which do no input and output, must not depend on.
const NOT_IN_CORES: [&str; 6] = ["tokio", "socket2", "rusqlite", "prost", "getrandom", "rand"];

/// Each module of the root package but `node`, which joins them, and the only others that it may name.
const MODULES: [(&str, &[&str]); 6] = [
    ("group", &[]),
    ("store", &["group"]),
    ("config", &[]),
    ("api", &["group", "store"]),
    ("cli", &["api", "group"]),
    ("host", &["api", "group", "store"]),
];

/// What a module of the root package must not name: the crates that are another module's affair.
const NOT_IN_MODULES: [(&str, &[&str]); 6] = [
    ("group", &["tokio", "rusqlite", "prost", "proto", "interfaces"]),
    ("store", &["tokio", "prost", "proto", "interfaces"]),
    ("config", &["tokio", "rusqlite", "prost", "proto"]),
    ("api", &["rusqlite", "interfaces"]),
    ("cli", &["rusqlite", "prost", "proto", "interfaces", "lxmf"]),
    ("host", &["tokio", "rusqlite", "prost", "proto", "interfaces"]),
];

/// What cargo knows of the workspace, without asking the network: packages of other platforms need not be there.
fn metadata(arguments: &[&str]) -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn packages(metadata: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(|package| (package["name"].as_str().unwrap(), package))
}

/// Names of what a package depends on, tests left out.
fn dependencies(package: &Value) -> BTreeSet<&str> {
    let dependencies = package["dependencies"].as_array().unwrap().iter();
    dependencies.filter(|of| of["kind"] != "dev").map(|of| of["name"].as_str().unwrap()).collect()
}

#[test]
fn crates_depend_on_each_other_in_one_direction() {
    let metadata = metadata(&["--no-deps"]);
    let ours: BTreeSet<&str> = packages(&metadata).map(|(name, _)| name).collect();
    assert_eq!(ours, CRATES.iter().map(|(name, _)| *name).collect(), "a new crate needs a row");
    for (name, package) in packages(&metadata) {
        let (_, allowed) = CRATES.iter().find(|(known, _)| *known == name).unwrap();
        for dependency in dependencies(package).intersection(&ours) {
            assert!(allowed.contains(dependency), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn the_cores_do_no_input_and_output() {
    let metadata = metadata(&["--no-deps"]);
    let is_core = |name: &str| CORES.contains(&name);
    for (name, package) in packages(&metadata).filter(|(name, _)| is_core(name)) {
        for dependency in dependencies(package) {
            assert!(!NOT_IN_CORES.contains(&dependency), "{name} must not depend on {dependency}");
        }
    }
}

/// The Rust files of a module, its tests left out.
fn sources(module: &str) -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut files, mut folders) = (vec![src.join(format!("{module}.rs"))], vec![src.join(module)]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.retain(|file| {
        file.exists()
            && !file.components().any(|part| part.as_os_str().to_string_lossy().starts_with("tests"))
    });
    files
}

/// The code of a file: up to the tests at its bottom, without comments.
fn code(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// Whether `code` names a path that begins with `prefix`.
fn names(code: &str, prefix: &str) -> bool {
    code.match_indices(prefix).any(|(at, _)| {
        !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':')
    })
}

/// The modules of the root package that do no input and output. A `clippy.toml` bans calls for a whole package only.
const CORE_MODULES: [&str; 2] = ["group", "host"];

/// Clocks, threads and the system's randomness, which nobody may reach for in a core.
const NOT_IN_CORE_MODULES: [&str; 5] =
    ["Instant::now", "SystemTime", "thread::", "getrandom", "RandomState::new"];

#[test]
fn core_modules_read_no_clock_draw_no_randomness_and_spawn_nothing() {
    for file in CORE_MODULES.into_iter().flat_map(sources) {
        let code = code(&file);
        for call in NOT_IN_CORE_MODULES {
            assert!(!code.contains(call), "{} reaches for {call}", file.display());
        }
    }
}

#[test]
fn modules_of_the_root_package_keep_to_themselves() {
    for (module, allowed) in MODULES {
        for file in sources(module) {
            let code = code(&file);
            for (other, _) in MODULES {
                let foreign = other != module && !allowed.contains(&other);
                assert!(
                    !(foreign && names(&code, &format!("crate::{other}"))),
                    "{} names {other}",
                    file.display()
                );
            }
            assert!(!names(&code, "crate::node"), "{} names the event loop", file.display());
        }
    }
    for (module, foreign) in NOT_IN_MODULES {
        for file in sources(module) {
            for other in foreign {
                let found = names(&code(&file), &format!("{other}::"));
                assert!(!found, "{} names {other}", file.display());
            }
        }
    }
}

#[test]
fn every_dependency_has_a_source_and_a_licence_that_we_accept() {
    let deny = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml")).unwrap();
    let deny: toml::Table = deny.parse().unwrap();
    let accepted: Vec<&str> =
        deny["licenses"]["allow"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let accept = |licence: &str| {
        licence
            .replace('/', " OR ")
            .split(" AND ")
            .all(|part| part.split(" OR ").any(|name| accepted.contains(&name.trim_matches(['(', ')', ' ']))))
    };
    let host = Command::new("rustc").args(["--print", "host-tuple"]).output().unwrap().stdout;
    let host = String::from_utf8(host).unwrap();
    for (name, package) in packages(&metadata(&["--filter-platform", host.trim()])) {
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(accept(licence), "{name}: {licence:?}");
        let source = package["source"].as_str();
        assert!(source.is_none_or(|source| source.starts_with("registry+")), "{name}: {source:?}");
    }
}
