//! Pseudo-terminals: a device's end for us, and a path for whoever opens it as a serial port.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, QueueSelector, ioctl_tiocnxcl, tcflush, tcgetattr, tcsetattr};
use tokio::net::unix::pipe::{Receiver, Sender};

/// One pseudo-terminal in raw mode. Dropping it hangs up, and removes the name that it had.
#[derive(Debug)]
pub(crate) struct Terminal {
    device: File,
    /// The host's end, kept open so that hosts may come and go without a hang-up on ours.
    host: OwnedFd,
    path: PathBuf,
    named: bool,
}

impl Terminal {
    /// Opens one, under a name of its own (a symbolic link) if there is `name`.
    pub(crate) fn open(name: Option<&Path>) -> io::Result<Self> {
        let device = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&device)?;
        unlockpt(&device)?;
        let path = ptsname(&device, Vec::new())?;
        let host = rustix::fs::open(&path, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
        let mut mode = tcgetattr(&host)?;
        mode.make_raw();
        tcsetattr(&host, OptionalActions::Now, &mode)?;
        fcntl_setfl(&device, OFlags::NONBLOCK)?;
        let path = PathBuf::from(path.to_string_lossy().into_owned());
        if let Some(name) = name {
            // One of an earlier run that was killed would be in the way.
            if name.is_symlink() {
                std::fs::remove_file(name)?;
            }
            symlink(&path, name)?;
        }
        let named = name.is_some();
        let path = name.map_or(path, Path::to_path_buf);
        Ok(Self { device: File::from(device), host, path, named })
    }

    /// What a host opens.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The device's end, to read and to write. Needs a tokio runtime.
    pub(crate) fn split(&self) -> io::Result<(Receiver, Sender)> {
        let reader = Receiver::from_file_unchecked(self.device.try_clone()?)?;
        Ok((reader, Sender::from_file_unchecked(self.device.try_clone()?)?))
    }

    /// Throws away what the last host has not read.
    pub(crate) fn forget_unread(&self) {
        _ = tcflush(&self.host, QueueSelector::IFlush);
    }

    /// Lets the next host in. A host that was killed cannot give back its exclusive use, which would last because we keep
    /// the terminal open.
    pub(crate) fn admit(&self) {
        _ = ioctl_tiocnxcl(&self.host);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.named {
            _ = std::fs::remove_file(&self.path);
        }
    }
}
