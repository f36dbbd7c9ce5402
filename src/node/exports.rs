//! `DIR/exports`: what a deleted group leaves behind.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use reticulum::time::UnixTime;

use crate::group::GroupId;
use crate::store::{ExportError, Reader};

/// Folder of the exports within the data folder.
const FOLDER: &str = "exports";

/// Writes all of a group into a file, which is there whole or not at all, also after a power cut. Returns its path.
pub(super) fn export(
    folder: &Path,
    reader: &Reader,
    group: GroupId,
    now: UnixTime,
) -> Result<PathBuf, ExportError> {
    let exports = folder.join(FOLDER);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&exports)?;
    let file = exports.join(format!("group-{}-{}.jsonl", group.0, now.as_secs()));
    let unready = file.with_extension("new");
    let out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unready)?;
    let mut out = BufWriter::new(out);
    reader.export(group, &mut out)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    fs::rename(&unready, &file)?;
    File::open(&exports)?.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}
