//! Keys on disk, each in the field's 64-byte format: `DIR/identity` of the first group, `DIR/groups/N/identity` of each
//! further one, `DIR/transport_identity` of the node on the network, and `DIR/propagation_identity` of the propagation node.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reticulum::crypto::{Identity, Rng};
use zeroize::Zeroizing;

use crate::group::GroupId;
use crate::host::FIRST_GROUP;

/// Name of a group's file.
const GROUP: &str = "identity";
/// Folder of what the groups after the first have in files.
const GROUPS: &str = "groups";
/// Name of the node's file: paths through a node that forwards for others name it, so it outlives the run.
pub(super) const TRANSPORT: &str = "transport_identity";
/// Name of the file of the propagation node: peers and clients know it by its address.
pub(super) const PROPAGATION: &str = "propagation_identity";

/// Why the identity cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be read or written.
    #[error("{}: {error}\n  remedy: make it readable and its folder writable for the user that runs the node", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The operating system's word.
        error: io::Error,
    },
    /// The database knows the group, and its file is gone. With a new identity it would be another group.
    #[error("{}: is not there, but the database has its group\n  remedy: put it there from a backup", file.display())]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// The file is no identity. It is left alone: a group without its identity is another group.
    #[error("{}: {length} bytes, but an identity has 64\n  remedy: put it there from a backup", file.display())]
    NotAnIdentity {
        /// The file.
        file: PathBuf,
        /// Its length.
        length: usize,
    },
}

/// The identities of these groups; of the first group, if there are none yet.
pub(super) fn of_groups(
    folder: &Path,
    groups: impl Iterator<Item = GroupId>,
    rng: &mut Rng,
) -> Result<BTreeMap<GroupId, Arc<Identity>>, IdentityError> {
    let mut identities = BTreeMap::new();
    for group in groups {
        let file = place(folder, group).join(GROUP);
        let identity = read(&file)?.ok_or(IdentityError::Missing { file })?;
        identities.insert(group, Arc::new(identity));
    }
    if identities.is_empty() {
        identities.insert(FIRST_GROUP, Arc::new(load_or_create(folder, GROUP, rng)?));
    }
    Ok(identities)
}

/// Puts the identity of a new group where [`of_groups`] finds it, for good.
pub(super) fn keep(folder: &Path, group: GroupId, identity: &Identity) -> Result<(), IdentityError> {
    let place = place(folder, group);
    let file = place.join(GROUP);
    let kept = || {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&place)?;
        write(&place, &file, identity.to_bytes().as_slice())?;
        // The folders may be new, too.
        File::open(folder.join(GROUPS))?.sync_all()?;
        File::open(folder)?.sync_all()
    };
    kept().map_err(|error| IdentityError::Io { file: file.clone(), error })
}

/// Erases the identity of a group that is no more, if it is still there.
pub(super) fn erase(folder: &Path, group: GroupId) -> Result<(), IdentityError> {
    let place = place(folder, group);
    let file = place.join(GROUP);
    let erased = || -> io::Result<()> {
        // On most disks this overwrites the keys; a flash disk may keep the old block for a while.
        let mut open = OpenOptions::new().write(true).open(&file)?;
        open.write_all(&[0; 64])?;
        open.sync_all()?;
        fs::remove_file(&file)?;
        if group != FIRST_GROUP {
            fs::remove_dir(&place)?;
        }
        Ok(())
    };
    match erased() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(IdentityError::Io { file, error }),
        _ => Ok(()),
    }
}

/// The folder of what a group has in files.
fn place(folder: &Path, group: GroupId) -> PathBuf {
    match group {
        FIRST_GROUP => folder.to_owned(),
        group => folder.join(GROUPS).join(group.0.to_string()),
    }
}

/// Reads the identity in the file `name`, or makes one at a first run.
pub(super) fn load_or_create(folder: &Path, name: &str, rng: &mut Rng) -> Result<Identity, IdentityError> {
    let file = folder.join(name);
    if let Some(identity) = read(&file)? {
        return Ok(identity);
    }
    let identity = Identity::generate(rng);
    let written = write(folder, &file, identity.to_bytes().as_slice());
    written.map_err(|error| IdentityError::Io { file, error })?;
    Ok(identity)
}

/// The identity in a file, if there is one.
fn read(file: &Path) -> Result<Option<Identity>, IdentityError> {
    let failed = |error| IdentityError::Io { file: file.to_owned(), error };
    let mut open = match File::open(file) {
        Ok(open) => open,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Zeroizing::new(Vec::new());
    open.read_to_end(&mut bytes).map_err(failed)?;
    let length = bytes.len();
    let keys: &[u8; 64] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| IdentityError::NotAnIdentity { file: file.to_owned(), length })?;
    Ok(Some(Identity::from_bytes(keys)))
}

/// Writes a file that is there whole or not at all, also after a power cut.
fn write(folder: &Path, file: &Path, bytes: &[u8]) -> io::Result<()> {
    let unready = file.with_extension("new");
    match fs::remove_file(&unready) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unready)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(&unready, file)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_identity_is_made_once_kept_to_its_owner_and_never_overwritten() {
        let folder = std::env::temp_dir().join(format!("meshgroup-identity-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(GROUP);
        let first = load_or_create(&folder, GROUP, &mut Rng::from_seed([1; 32])).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read(&file).unwrap(), first.to_bytes().as_slice());
        let again = load_or_create(&folder, GROUP, &mut Rng::from_seed([2; 32])).unwrap();
        assert_eq!(again.hash(), first.hash());
        fs::write(&file, b"short").unwrap();
        let refused = load_or_create(&folder, GROUP, &mut Rng::from_seed([3; 32])).unwrap_err();
        assert!(refused.to_string().contains("5 bytes"), "{refused}");
        assert_eq!(fs::read(&file).unwrap(), b"short");
        let transport = load_or_create(&folder, TRANSPORT, &mut Rng::from_seed([4; 32])).unwrap();
        assert_eq!(fs::read(folder.join("transport_identity")).unwrap(), transport.to_bytes().as_slice());
        fs::remove_dir_all(&folder).unwrap();
    }
}
