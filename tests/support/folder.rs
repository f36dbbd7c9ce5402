//! Folders of tests.

use std::path::{Path, PathBuf};

/// A folder that is removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A fresh folder, named after the test.
    pub(crate) fn new(name: &str) -> Self {
        let path = tmp().join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("target/ is writable");
        Self(path)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// Under `target/` in tests; examples, which cargo gives no folder there, use the system's.
fn tmp() -> PathBuf {
    option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from)
}
