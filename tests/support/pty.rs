//! A serial cable: two pseudo-terminals, of which each gives what the other takes.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// The cable. Drop it after the programs at its ends: its threads end when nobody has an end open.
pub(crate) struct Cable {
    /// The device paths of its ends.
    pub(crate) ends: [String; 2],
    /// Keep the terminals alive while a program has not opened them.
    _terminals: [OwnedFd; 2],
}

impl Cable {
    /// A cable with nothing at its ends.
    pub(crate) fn new() -> Self {
        let (one, other) = (terminal(), terminal());
        let copies = [(&one.master, &other.master), (&other.master, &one.master)];
        for (from, to) in copies {
            let mut from = from.try_clone().expect("a second handle");
            let mut to = to.try_clone().expect("a second handle");
            std::thread::spawn(move || {
                let mut bytes = [0; 1024];
                while let Ok(length @ 1..) = from.read(&mut bytes) {
                    if to.write_all(&bytes[..length]).is_err() {
                        return;
                    }
                }
            });
        }
        Self { ends: [one.path, other.path], _terminals: [one.device, other.device] }
    }
}

struct Terminal {
    master: File,
    device: OwnedFd,
    path: String,
}

fn terminal() -> Terminal {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("the system has pseudo-terminals");
    grantpt(&master).expect("it is ours");
    unlockpt(&master).expect("it is ours");
    let path = ptsname(&master, Vec::new()).expect("it is ours").into_string().expect("a path in ASCII");
    let device =
        rustix::fs::open(path.as_str(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())
            .expect("it is ours");
    // Before a program opens it a terminal would echo, and change line ends.
    let mut mode = tcgetattr(&device).expect("it is a terminal");
    mode.make_raw();
    tcsetattr(&device, OptionalActions::Now, &mode).expect("it is a terminal");
    Terminal { master: File::from(master), device, path }
}
