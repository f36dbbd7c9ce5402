//! Test aid: a desk with one USB port, into which a serial device (a pseudo-terminal) is plugged and pulled out again.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::fs::{Mode, OFlags, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::{FrameBatch, Notice};

const PATIENCE: Duration = Duration::from_secs(10);

/// The next notice, in time.
pub(crate) async fn next(notices: &mut mpsc::Receiver<Notice>) -> Notice {
    timeout(PATIENCE, notices.recv()).await.expect("a notice in time").unwrap()
}

/// Where frames go once the medium is open, however often it is waited for until then.
pub(crate) async fn opened(notices: &mut mpsc::Receiver<Notice>) -> mpsc::Sender<FrameBatch> {
    let opened = async {
        loop {
            match notices.recv().await.unwrap() {
                Notice::Opened { frames, .. } => return frames,
                Notice::Waiting { .. } => {}
                other => panic!("expected Opened, got {other:?}"),
            }
        }
    };
    timeout(PATIENCE, opened).await.expect("a medium in time")
}

pub(crate) struct Desk {
    port: PathBuf,
    device: Option<Device>,
    /// Keeps the terminal alive while the driver is not there.
    terminal: Option<OwnedFd>,
}

struct Device {
    reader: Receiver,
    writer: Sender,
}

impl Desk {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = std::env::temp_dir().join(format!("meshgroup-pty-{}-{number}", std::process::id()));
        Self { port, device: None, terminal: None }
    }

    /// The path of the port, whether or not a device is plugged in.
    pub(crate) fn port(&self) -> String {
        self.port.to_str().unwrap().to_owned()
    }

    pub(crate) fn plug_in(&mut self) {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap();
        let terminal =
            rustix::fs::open(&path, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let mut mode = tcgetattr(&terminal).unwrap();
        mode.make_raw();
        tcsetattr(&terminal, OptionalActions::Now, &mode).unwrap();
        fcntl_setfl(&master, OFlags::NONBLOCK).unwrap();
        std::os::unix::fs::symlink(path.to_str().unwrap(), &self.port).unwrap();
        let master = File::from(master);
        self.device = Some(Device {
            reader: Receiver::from_file_unchecked(master.try_clone().unwrap()).unwrap(),
            writer: Sender::from_file_unchecked(master).unwrap(),
        });
        self.terminal = Some(terminal);
    }

    pub(crate) fn pull_out(&mut self) {
        self.device = None;
        self.terminal = None;
        _ = std::fs::remove_file(&self.port);
    }

    /// Exactly `length` bytes that the driver wrote, in time.
    pub(crate) async fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        timeout(PATIENCE, self.device().reader.read_exact(&mut bytes)).await.expect("bytes in time").unwrap();
        bytes
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.device().writer.write_all(bytes).await.unwrap();
    }

    /// The device end of the line, for an emulator, which has to end as well when the device is pulled out.
    pub(crate) fn take(&mut self) -> impl AsyncRead + AsyncWrite + Unpin + Send + use<> {
        let device = self.device.take().expect("a device is plugged in");
        tokio::io::join(device.reader, device.writer)
    }

    fn device(&mut self) -> &mut Device {
        self.device.as_mut().expect("a device is plugged in")
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.pull_out();
    }
}
