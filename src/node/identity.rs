//! `DIR/identity`, the group's keys, and `DIR/transport_identity`, those of the node on the network; both in the field's
//! 64-byte format.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use reticulum::crypto::{Identity, Rng};
use zeroize::Zeroizing;

/// Name of the group's file within the data folder.
pub(super) const GROUP: &str = "identity";
/// Name of the node's file: paths through a node that forwards for others name it, so it outlives the run.
pub(super) const TRANSPORT: &str = "transport_identity";

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
    /// The file is no identity. It is left alone: a group without its identity is another group.
    #[error("{}: {length} bytes, but an identity has 64\n  remedy: put it there from a backup", file.display())]
    NotAnIdentity {
        /// The file.
        file: PathBuf,
        /// Its length.
        length: usize,
    },
}

/// Reads the identity in the file `name`, or makes one at a first run.
pub(super) fn load_or_create(folder: &Path, name: &str, rng: &mut Rng) -> Result<Identity, IdentityError> {
    let file = folder.join(name);
    let failed = |error| IdentityError::Io { file: file.clone(), error };
    match File::open(&file) {
        Ok(mut open) => {
            let mut bytes = Zeroizing::new(Vec::new());
            open.read_to_end(&mut bytes).map_err(failed)?;
            let length = bytes.len();
            let keys: &[u8; 64] = bytes
                .as_slice()
                .try_into()
                .map_err(|_| IdentityError::NotAnIdentity { file: file.clone(), length })?;
            Ok(Identity::from_bytes(keys))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let identity = Identity::generate(rng);
            write(folder, &file, identity.to_bytes().as_slice()).map_err(failed)?;
            Ok(identity)
        }
        Err(error) => Err(failed(error)),
    }
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
