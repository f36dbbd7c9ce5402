//! The shared instance of a machine (interfaces.md section 13.1): programs that have one network together through one of
//! them. Both ends are here: the instance, which has a medium for each program, and one such program. What passes is
//! packets in HDLC frames without access code; that they do not travel by it is the engine's matter.
//!
//! The place is a socket in Linux's abstract namespace, which has no permissions: every program of the machine may come,
//! as everywhere in this field.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::framing::hdlc;
use crate::retry::{Ended, Session, keep_open};
use crate::stream::{self, Medium, NodeGone, StreamWriter};
use crate::{FRAME_BATCH_BYTES, InterfaceHandle, Notice, Properties, StartError};

/// interfaces.md section 1.2.
const BITRATE_BPS: u64 = 1_000_000_000;
/// interfaces.md section 1.2.
const HW_MTU: usize = 262_144;
const IFAC_SIZE: usize = 16;

/// Programs served at a time; a further one is closed, and comes again after its own pause.
const PROGRAMS_MAX: usize = 128;
/// After this, a program that connects is taken for hung.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two attempts to reach the instance (interfaces.md section 13.1).
const RECONNECT_INTERVAL: Duration = Duration::from_secs(8);
/// An instance that was not there before is left alone for so long, as its programs do: it accepts connections before it
/// has set up what it needs to take packets (interfaces.md section 13.1).
const SETTLE_TIME: Duration = Duration::from_secs(10);
/// After an error of `accept`, which is most often a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The name of the instance that programs look for unless they are told another.
pub const INSTANCE_NAME_DEFAULT: &str = "default";
/// The port of instances that use TCP (interfaces.md section 2.2).
pub const INSTANCE_PORT_DEFAULT: u16 = 37428;
/// The port of the RPC of instances that use TCP.
pub const CONTROL_PORT_DEFAULT: u16 = 37429;

/// Where a shared instance is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalPlace {
    /// A socket of this name in the abstract namespace, which only Linux has.
    Abstract(String),
    /// A port of the loopback interface.
    Port(u16),
}

impl LocalPlace {
    /// The packets of the instance of this name.
    pub fn instance(name: &str) -> Self {
        Self::Abstract(format!("rns/{name}"))
    }

    /// Its RPC.
    pub fn control(name: &str) -> Self {
        Self::Abstract(format!("rns/{name}/rpc"))
    }

    /// Where programs look for packets if they are told nothing.
    pub fn usual() -> Self {
        match cfg!(target_os = "linux") {
            true => Self::instance(INSTANCE_NAME_DEFAULT),
            false => Self::Port(INSTANCE_PORT_DEFAULT),
        }
    }

    /// Whether an instance answers there now.
    pub async fn is_taken(&self) -> bool {
        self.connect().await.is_ok()
    }

    async fn connect(&self) -> io::Result<Ends> {
        let connect = async {
            match self {
                Self::Abstract(name) => {
                    let (reader, writer) = UnixStream::connect(format!("\0{name}")).await?.into_split();
                    Ok((Box::new(reader) as Reader, Box::new(writer) as Writer))
                }
                Self::Port(port) => Ok(split(TcpStream::connect(("127.0.0.1", *port)).await?)),
            }
        };
        timeout(CONNECT_TIMEOUT, connect).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl fmt::Display for LocalPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Abstract(name) => formatter.write_str(name),
            Self::Port(port) => write!(formatter, "127.0.0.1:{port}"),
        }
    }
}

/// Settings of either end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalSettings {
    /// Where the instance is.
    pub place: LocalPlace,
    /// For a client, time between attempts to reach it; longer after a minute of failures.
    pub reconnect_interval: Duration,
    /// For a client, how long an instance that was not there before is left alone.
    pub settle_time: Duration,
}

impl LocalSettings {
    /// The usual settings for a place.
    pub fn new(place: LocalPlace) -> Self {
        Self { place, reconnect_interval: RECONNECT_INTERVAL, settle_time: SETTLE_TIME }
    }
}

type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;
type Ends = (Reader, Writer);

/// A bound socket of either kind.
pub(crate) enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    /// Binds. The address is taken if another instance runs there.
    pub(crate) async fn bind(place: &LocalPlace) -> Result<Self, StartError> {
        let bound = match place {
            LocalPlace::Abstract(name) => UnixListener::bind(format!("\0{name}")).map(Self::Unix),
            LocalPlace::Port(port) => TcpListener::bind(("127.0.0.1", *port)).await.map(Self::Tcp),
        };
        bound.map_err(|error| StartError::bind(&place.to_string(), error))
    }

    /// The next program.
    pub(crate) async fn accept(&self) -> Ends {
        loop {
            let accepted = match self {
                Self::Unix(listener) => listener.accept().await.map(|(stream, _)| {
                    let (reader, writer) = stream.into_split();
                    (Box::new(reader) as Reader, Box::new(writer) as Writer)
                }),
                Self::Tcp(listener) => listener.accept().await.map(|(stream, _)| split(stream)),
            };
            match accepted {
                Ok(ends) => return ends,
                Err(error) => {
                    tracing::debug!(%error, "accept failed");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

fn split(stream: TcpStream) -> Ends {
    // Without it a small packet would wait for the one before to be confirmed; the loopback does well either way.
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    (Box::new(reader), Box::new(writer))
}

/// Binds, then serves programs until the handle is dropped.
pub(crate) async fn start_server(
    interface: usize,
    settings: LocalSettings,
    notices: mpsc::Sender<Notice>,
) -> Result<InterfaceHandle, StartError> {
    let listener = Listener::bind(&settings.place).await?;
    let refused = Arc::new(AtomicU64::new(0));
    let task = tokio::spawn(serve(interface, settings.place, listener, Arc::clone(&refused), notices));
    Ok(InterfaceHandle { task: task.abort_handle(), local_address: None, refused })
}

/// Connects and reconnects until the handle is dropped.
pub(crate) fn start_client(
    interface: usize,
    settings: LocalSettings,
    notices: mpsc::Sender<Notice>,
) -> InterfaceHandle {
    let settle_time = settings.settle_time;
    let client = Client {
        settle_time,
        is_new: false,
        interface,
        target: format!("shared instance {}", settings.place),
        place: settings.place,
    };
    let task = tokio::spawn(keep_open(interface, settings.reconnect_interval, client, notices));
    InterfaceHandle::new(task.abort_handle())
}

async fn serve(
    interface: usize,
    place: LocalPlace,
    listener: Listener,
    refused: Arc<AtomicU64>,
    notices: mpsc::Sender<Notice>,
) {
    let seats = Arc::new(Semaphore::new(PROGRAMS_MAX));
    // Dropped with this future, and then the connections end too.
    let mut programs = JoinSet::new();
    for number in 1_u64.. {
        let ends = tokio::select! {
            ends = listener.accept() => ends,
            () = notices.closed() => return,
        };
        while programs.try_join_next().is_some() {}
        let Ok(seat) = Arc::clone(&seats).try_acquire_owned() else {
            refused.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        let label = format!("program {number} at {place}");
        let notices = notices.clone();
        programs.spawn(async move {
            // Neither end is news to a server: the notices tell the node, and a node that is gone needs no telling.
            _ = carry(ends, interface, label, &notices).await;
            drop(seat);
        });
    }
}

struct Client {
    interface: usize,
    place: LocalPlace,
    target: String,
    settle_time: Duration,
    /// Whether the instance was away when we last looked.
    is_new: bool,
}

impl Session for Client {
    fn target(&self) -> &str {
        &self.target
    }

    async fn run(&mut self, notices: &mpsc::Sender<Notice>) -> Result<Ended, NodeGone> {
        match self.place.connect().await {
            Ok(ends) => {
                if std::mem::replace(&mut self.is_new, true) {
                    sleep(self.settle_time).await;
                }
                carry(ends, self.interface, self.target.clone(), notices).await.map(Ended::Closed)
            }
            Err(error) => {
                self.is_new = true;
                Ok(Ended::NotOpened(error.to_string()))
            }
        }
    }
}

async fn carry(
    (reader, writer): Ends,
    interface: usize,
    label: String,
    notices: &mpsc::Sender<Notice>,
) -> Result<String, NodeGone> {
    let medium = Medium { interface, label, properties: PROPERTIES, inter_byte_timeout: None };
    let writer = StreamWriter::new(writer, hdlc::Encoder);
    stream::run(reader, hdlc::Decoder::new(HW_MTU), writer, medium, notices).await
}

const PROPERTIES: Properties = Properties {
    bitrate_bps: BITRATE_BPS,
    hw_mtu: HW_MTU,
    mtu_capable: true,
    shared_medium: false,
    ifac_size_default: IFAC_SIZE,
    batch_bytes: FRAME_BATCH_BYTES,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FrameBatch;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A place that no other test or program uses.
    fn place(name: &str) -> LocalPlace {
        LocalPlace::instance(&format!("test-{name}-{}", std::process::id()))
    }

    async fn opened(notices: &mut mpsc::Receiver<Notice>) -> (usize, mpsc::Sender<FrameBatch>) {
        loop {
            let notice = timeout(PATIENCE, notices.recv()).await.expect("in time").expect("it runs");
            if let Notice::Opened { interface, frames, properties, .. } = notice {
                assert_eq!((properties.hw_mtu, properties.bitrate_bps), (262_144, 1_000_000_000));
                return (interface, frames);
            }
        }
    }

    #[tokio::test]
    async fn frames_pass_both_ways_and_programs_come_and_go() {
        let place = place("pass");
        let (sender, mut notices) = mpsc::channel(64);
        assert!(!place.is_taken().await);
        let server = start_server(0, LocalSettings::new(place.clone()), sender.clone()).await.unwrap();
        let second = start_server(0, LocalSettings::new(place.clone()), sender.clone()).await;
        assert!(matches!(second, Err(StartError::AddressInUse { .. })), "one instance of a name");
        let settings =
            LocalSettings { reconnect_interval: Duration::from_millis(10), ..LocalSettings::new(place) };
        let client = start_client(1, settings, sender);
        let ends = [opened(&mut notices).await, opened(&mut notices).await];
        for (_, frames) in &ends {
            let mut batch = FrameBatch::new();
            batch.push(&[0x7e; 40]);
            frames.send(batch).await.unwrap();
        }
        let mut heard = 0;
        while heard < 2 {
            if let Notice::Frames { batch, .. } = timeout(PATIENCE, notices.recv()).await.unwrap().unwrap() {
                assert!(batch.iter().all(|frame| frame == [0x7e; 40]));
                heard += batch.len();
            }
        }
        drop(server);
        let mut waits = false;
        while !waits {
            let notice = timeout(PATIENCE, notices.recv()).await.unwrap().unwrap();
            waits = matches!(notice, Notice::Waiting { interface: 1, .. });
        }
        drop(client);
    }
}
