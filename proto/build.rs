//! Compiles `meshgroup/v1/*.proto` with protox, so that nobody needs protoc.

use std::path::PathBuf;

const FILES: [&str; 12] = [
    "control",
    "delivery",
    "error",
    "group",
    "groups",
    "members",
    "messages",
    "people",
    "moderation",
    "network",
    "roles",
    "settings",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=meshgroup");
    let files = FILES.map(|name| format!("meshgroup/v1/{name}.proto"));
    let mut set = protox::compile(files, ["."])?;
    // Maps that print and encode in one order: the same answer is always the same bytes.
    prost_build::Config::new().btree_map(["."]).compile_fds(set.clone())?;
    // Comments are most of a descriptor set, and no reader of the compiled one needs them.
    for file in &mut set.file {
        file.source_code_info = None;
    }
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("descriptor.binpb");
    std::fs::write(out, prost::Message::encode_to_vec(&set))?;
    Ok(())
}
