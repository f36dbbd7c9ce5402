//! I2P (interfaces.md section 14): HDLC frames over streams of the I2P network, which a router on this machine carries.
//! The router is spoken to through its SAM bridge, version 3.1.
//!
//! One session serves both roles: with `connectable` others may connect to our destination, whose key is kept in a file;
//! and to each of `peers` we keep one stream. When the router is not there the interface waits and tries again.
//!
//! | file | owns |
//! |---|---|
//! | here | settings, and a session from its start to its end |
//! | `sam` | what is said to the bridge: commands, replies |
//! | `carry` | one stream at work: keepalives, silence |

mod carry;
mod sam;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::sam::{Control, SamError};
use crate::retry::{Ended, Session, jitter, keep_open};
use crate::stream::NodeGone;
use crate::{InterfaceHandle, Notice, StartError};

/// Where a router listens unless told otherwise (interfaces.md section 14).
const BRIDGE: &str = "127.0.0.1:7656";
/// The ecosystem's way to tell otherwise.
const BRIDGE_VARIABLE: &str = "I2P_SAM_ADDRESS";
/// Between two attempts (interfaces.md section 14).
const RETRY_INTERVAL: Duration = Duration::from_secs(15);
/// Streams of others at a time; while there are so many, no more are accepted.
const ACCEPTED_MAX: usize = 64;

/// Settings of an I2P interface (interfaces.md sections 2.4 and 14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct I2pSettings {
    /// Destinations to connect to: `….b32.i2p`, a name in the router's address book, or base64.
    pub peers: Vec<String>,
    /// Whether others may connect to us.
    pub connectable: bool,
    /// `host:port` of the router's SAM bridge, if not the usual one.
    pub bridge: Option<String>,
    /// Where the key of our destination is kept. Without it a connectable interface has a new address at every start.
    pub key_file: Option<PathBuf>,
    /// Time between attempts; longer after a while of failures.
    pub retry_interval: Duration,
}

impl I2pSettings {
    /// The usual settings.
    pub fn new(peers: Vec<String>, connectable: bool) -> Self {
        Self { peers, connectable, bridge: None, key_file: None, retry_interval: RETRY_INTERVAL }
    }

    /// Whether there is anything to do, and nothing but destinations among the peers.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        if self.peers.is_empty() && !self.connectable {
            return Err(StartError::OutOfRange {
                setting: "peers",
                value: "[]".to_owned(),
                range: "needs `peers`, or `connectable = true`",
            });
        }
        match self.peers.iter().find(|peer| !sam::is_destination(peer)) {
            None => Ok(()),
            Some(peer) => Err(StartError::BadAddress {
                address: peer.clone(),
                reason: "it is neither a name that ends in .i2p nor a destination in base64".to_owned(),
            }),
        }
    }

    fn bridge(&self) -> String {
        let told = || std::env::var(BRIDGE_VARIABLE).ok();
        self.bridge.clone().or_else(told).unwrap_or_else(|| BRIDGE.to_owned())
    }
}

/// Keeps a session with the router until the handle is dropped.
pub(crate) fn start(
    interface: usize,
    settings: I2pSettings,
    notices: mpsc::Sender<Notice>,
) -> Result<InterfaceHandle, StartError> {
    settings.check()?;
    let interval = settings.retry_interval;
    let router = Router { interface, target: format!("I2P router at {}", settings.bridge()), settings };
    Ok(InterfaceHandle::new(tokio::spawn(keep_open(interface, interval, router, notices)).abort_handle()))
}

struct Router {
    interface: usize,
    target: String,
    settings: I2pSettings,
}

impl Session for Router {
    fn target(&self) -> &str {
        &self.target
    }

    async fn run(&mut self, notices: &mpsc::Sender<Notice>) -> Result<Ended, NodeGone> {
        let mut control = match self.open().await {
            Ok(control) => control,
            Err(error) => return Ok(Ended::NotOpened(error.to_string())),
        };
        notices.send(Notice::Ready { interface: self.interface }).await?;
        let (over, ends) = watch::channel(());
        let mut streams = JoinSet::new();
        let link = |peer: Option<&String>| Link {
            interface: self.interface,
            bridge: self.settings.bridge(),
            session: control.session().to_owned(),
            peer: peer.cloned(),
            // Where others may connect, the interface works whether or not we reach anybody.
            tells_failures: !self.settings.connectable,
            retry_interval: self.settings.retry_interval,
            over: ends.clone(),
            notices: notices.clone(),
        };
        for peer in &self.settings.peers {
            streams.spawn(link(Some(peer)).keep_connected());
        }
        if self.settings.connectable {
            streams.spawn(link(None).accept_all());
        }
        let reason = tokio::select! {
            reason = control.ended() => reason,
            () = notices.closed() => return Err(NodeGone),
        };
        // Every stream tells the node of its end before the next session begins.
        drop(over);
        while streams.join_next().await.is_some() {}
        Ok(Ended::Closed(reason))
    }
}

impl Router {
    async fn open(&self) -> Result<Control, SamError> {
        let key_file = self.settings.key_file.as_deref().filter(|_| self.settings.connectable);
        let key = match key_file.map(fs::read_to_string) {
            Some(Ok(key)) => Some(key.trim().to_owned()),
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => None,
        };
        let control = Control::open(&self.settings.bridge(), key.as_deref()).await?;
        if let (Some(file), None) = (key_file, &key) {
            keep_key(file, control.key())?;
        }
        if self.settings.connectable {
            tracing::info!(address = control.address(), "others on I2P reach this node here");
        }
        Ok(control)
    }
}

/// Writes the key of our destination where nobody else reads it.
fn keep_key(file: &Path, key: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut written = options.open(file)?;
    written.write_all(key.as_bytes())?;
    written.sync_all()
}

/// What one stream of a session needs to know, or the task that accepts them.
#[derive(Clone)]
struct Link {
    interface: usize,
    bridge: String,
    session: String,
    /// Whom to connect to; none where others connect to us.
    peer: Option<String>,
    tells_failures: bool,
    retry_interval: Duration,
    /// Changes when the session is over.
    over: watch::Receiver<()>,
    notices: mpsc::Sender<Notice>,
}

impl Link {
    /// Keeps a stream to one peer until the session is over.
    async fn keep_connected(self) {
        let peer = self.peer.clone().expect("made for a peer");
        let mut over = self.over.clone();
        loop {
            let opened = tokio::select! {
                opened = sam::connect(&self.bridge, &self.session, &peer) => opened,
                _ = over.changed() => return,
            };
            match opened {
                Ok(stream) => {
                    if self.carry(stream, peer.clone()).await.is_err() {
                        return;
                    }
                }
                Err(error) if self.tells_failures => {
                    let wait = self.retry_interval.as_secs();
                    let reason = format!("{peer}: {error}; next attempt in {wait} s");
                    let notice = Notice::Waiting { interface: self.interface, reason };
                    if self.notices.send(notice).await.is_err() {
                        return;
                    }
                }
                Err(error) => tracing::debug!(%error, peer, "no stream"),
            }
            tokio::select! {
                () = sleep(self.retry_interval + jitter(self.retry_interval / 10)) => {}
                _ = over.changed() => return,
            }
        }
    }

    /// Accepts streams until the session is over.
    async fn accept_all(self) {
        let mut over = self.over.clone();
        let mut streams = JoinSet::new();
        loop {
            let accepting = async {
                match sam::accept(&self.bridge, &self.session).await {
                    Ok(accepted) => Some(accepted),
                    Err(error) => {
                        tracing::debug!(%error, "no stream was accepted");
                        sleep(self.retry_interval).await;
                        None
                    }
                }
            };
            tokio::select! {
                accepted = accepting, if streams.len() < ACCEPTED_MAX => if let Some((stream, from)) = accepted {
                    let link = self.clone();
                    streams.spawn(async move { _ = link.carry(stream, from).await });
                },
                Some(_) = streams.join_next() => {}
                _ = over.changed() => break,
            }
        }
        while streams.join_next().await.is_some() {}
    }

    async fn carry(&self, stream: TcpStream, label: String) -> Result<(), NodeGone> {
        let mut over = self.over.clone();
        let stop = async move {
            _ = over.changed().await;
            "the session with the I2P router is over".to_owned()
        };
        carry::carry(stream, self.interface, label, stop, &self.notices).await.map(drop)
    }
}
