//! TCP server and client (interfaces.md section 4): HDLC frames over TCP.
//!
//! A server has a medium for every accepted connection. A client keeps one connection and, when it ends, tries again
//! every 5 s (see `retry.rs` for the exact policy). Who may connect to a server is the matter of `seats`.

mod seats;

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

pub use self::seats::FlapLimit;
use self::seats::{Admission, Seat, Seats};

use crate::address::resolve;
use crate::framing::{IFAC_SIZE_MAX, hdlc, kiss};
use crate::retry::{self, Ended, Session, keep_open};
use crate::stream::{self, Medium, NodeGone, StreamWriter};
use crate::{FRAME_BATCH_BYTES, InterfaceHandle, Notice, Properties, StartError, hw_mtu_of_bitrate};

/// interfaces.md section 1.2.
const BITRATE_BPS: u64 = 10_000_000;
/// The MTU of every Reticulum network, and the least that `fixed_mtu` may be (interfaces.md section 4).
const MTU_MIN: usize = 500;
/// The greatest that follows from any bitrate (interfaces.md section 1.1); it bounds what a connection may buffer.
const MTU_MAX: usize = 524_288;
const IFAC_SIZE: usize = 16;

// interfaces.md section 4: a dead peer is noticed after 5 + 12 · 2 s of silence, or 24 s of unacknowledged data.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_RETRIES: u32 = 12;
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(24);

/// Pause after a failed accept, which is most often a shortage of file descriptors that only time mends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Settings of a TCP server (interfaces.md section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpServerSettings {
    /// `host:port` to listen on; port 0 takes a free one, see
    /// [`InterfaceHandle::local_address`](crate::InterfaceHandle::local_address).
    pub listen: String,
    /// Connections in all. A further one is closed at once and counted, unless it comes from an address that has fewer
    /// than another: then the oldest of who has most makes room, and that is counted.
    pub connections_max: usize,
    /// Connections from one address, which is an IPv4 address or the 64-bit prefix of an IPv6 one. Above it they are
    /// closed at once and counted.
    pub connections_per_address_max: usize,
    /// Blocks who comes and goes too often.
    pub flap_limit: Option<FlapLimit>,
    /// Bits per second to assume of each connection, if not the usual 10 Mbit/s.
    pub bitrate_bps: Option<u64>,
}

impl TcpServerSettings {
    /// Connections that a server accepts unless told otherwise. An idle one costs about 5 kB.
    pub const CONNECTIONS_MAX: usize = 256;
    /// Of those, from one address: half, so that one alone never takes all, and many behind one address have room.
    pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 128;

    /// The usual settings for an address.
    pub fn new(listen: impl Into<String>) -> Self {
        Self {
            listen: listen.into(),
            connections_max: Self::CONNECTIONS_MAX,
            connections_per_address_max: Self::CONNECTIONS_PER_ADDRESS_MAX,
            flap_limit: None,
            bitrate_bps: None,
        }
    }
}

/// Settings of a TCP client (interfaces.md section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpClientSettings {
    /// `host:port` to connect to; a name is resolved at every attempt.
    pub target: String,
    /// Time for an attempt, name resolution included.
    pub connect_timeout: Duration,
    /// Time between attempts; longer after a minute of failures.
    pub reconnect_interval: Duration,
    /// Bits per second to assume, if not the usual 10 Mbit/s.
    pub bitrate_bps: Option<u64>,
    /// Packet size to use instead of the one that follows from the bitrate; 500 to 524288 bytes.
    pub fixed_mtu: Option<usize>,
    /// KISS frames instead of HDLC, for a TNC behind TCP.
    pub kiss_framing: bool,
}

impl TcpClientSettings {
    /// interfaces.md section 4.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

    /// The usual settings for a target.
    pub fn new(target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            connect_timeout: Self::CONNECT_TIMEOUT,
            reconnect_interval: retry::INTERVAL,
            bitrate_bps: None,
            fixed_mtu: None,
            kiss_framing: false,
        }
    }

    /// Whether target and MTU can be.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        check_target(&self.target)?;
        match self.fixed_mtu.filter(|mtu| !(MTU_MIN..=MTU_MAX).contains(mtu)) {
            Some(mtu) => Err(StartError::OutOfRange {
                setting: "fixed_mtu",
                value: mtu.to_string(),
                range: "500 to 524288 bytes",
            }),
            None => Ok(()),
        }
    }
}

/// Binds, then accepts connections until the handle is dropped.
pub(crate) async fn start_server(
    interface: usize,
    settings: TcpServerSettings,
    notices: mpsc::Sender<Notice>,
) -> Result<InterfaceHandle, StartError> {
    let listener = bind(&settings.listen).await?;
    let local_address = listener.local_addr().ok();
    let refused = Arc::new(AtomicU64::new(0));
    let server = Server { interface, settings, notices, refused: refused.clone() };
    let task = tokio::spawn(server.accept_all(listener)).abort_handle();
    Ok(InterfaceHandle { task, local_address, refused })
}

/// Connects and reconnects until the handle is dropped.
pub(crate) fn start_client(
    interface: usize,
    settings: TcpClientSettings,
    notices: mpsc::Sender<Notice>,
) -> Result<InterfaceHandle, StartError> {
    settings.check()?;
    let interval = settings.reconnect_interval;
    let client = Client { interface, settings };
    Ok(InterfaceHandle::new(tokio::spawn(keep_open(interface, interval, client, notices)).abort_handle()))
}

async fn bind(listen: &str) -> Result<TcpListener, StartError> {
    let addresses = resolve(listen).await?;
    TcpListener::bind(&addresses[..]).await.map_err(|error| StartError::bind(listen, error))
}

/// A target that can never be connected to is the operator's to mend; one that does not answer now is not.
fn check_target(target: &str) -> Result<(), StartError> {
    let bad = |reason: &str| StartError::BadAddress { address: target.to_owned(), reason: reason.to_owned() };
    let (host, port) = target.rsplit_once(':').ok_or_else(|| bad("the port is missing"))?;
    if host.is_empty() {
        return Err(bad("the host is missing"));
    }
    match port.parse::<u16>() {
        Ok(0) | Err(_) => Err(bad("the port is not a number from 1 to 65535")),
        Ok(_) => Ok(()),
    }
}

struct Server {
    interface: usize,
    settings: TcpServerSettings,
    notices: mpsc::Sender<Notice>,
    refused: Arc<AtomicU64>,
}

impl Server {
    async fn accept_all(self, listener: TcpListener) {
        let TcpServerSettings { connections_max, connections_per_address_max, flap_limit, .. } =
            self.settings;
        let mut seats = Seats::new(connections_max, connections_per_address_max, flap_limit);
        let mut evictions = HashMap::new();
        // Dropped with this future, and then the connections end too.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let admission = seats.come(Instant::now(), peer.ip());
                        if let Admission::SeatedFor(_, displaced) = admission {
                            evictions.remove(&displaced);
                        }
                        if !matches!(admission, Admission::Seated(_)) {
                            self.refused.fetch_add(1, Ordering::Relaxed);
                        }
                        if let Admission::Seated(seat) | Admission::SeatedFor(seat, _) = admission {
                            let (eviction, evicted) = oneshot::channel();
                            evictions.insert(seat, eviction);
                            connections.spawn(self.serve(stream, peer, seat, evicted));
                        }
                    }
                    Err(error) => {
                        tracing::debug!(%error, "accept failed");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(ended) = connections.join_next() => if let Ok((peer, seat)) = ended {
                    evictions.remove(&seat);
                    seats.leave(Instant::now(), peer, seat);
                },
                () = self.notices.closed() => return,
            }
        }
    }

    /// Serves one connection until it ends, or until the other end of `evicted` is dropped.
    fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        seat: Seat,
        evicted: oneshot::Receiver<()>,
    ) -> impl Future<Output = (IpAddr, Seat)> + use<> {
        let medium = Medium {
            interface: self.interface,
            label: peer.to_string(),
            properties: properties(self.settings.bitrate_bps, None),
            inter_byte_timeout: None,
        };
        let notices = self.notices.clone();
        async move {
            // Neither end is news to a server: the notices tell the node, and a node that is gone needs no telling.
            if tune(&stream).is_ok() {
                let stop = async {
                    _ = evicted.await;
                    "it made room for another address".to_owned()
                };
                _ = carry(stream, false, medium, stop, &notices).await;
            }
            (peer.ip(), seat)
        }
    }
}

struct Client {
    interface: usize,
    settings: TcpClientSettings,
}

impl Session for Client {
    fn target(&self) -> &str {
        &self.settings.target
    }

    async fn run(&mut self, notices: &mpsc::Sender<Notice>) -> Result<Ended, NodeGone> {
        let stream = match connect(&self.settings.target, self.settings.connect_timeout).await {
            Ok(stream) => stream,
            Err(reason) => return Ok(Ended::NotOpened(reason)),
        };
        let medium = Medium {
            interface: self.interface,
            label: self.settings.target.clone(),
            properties: properties(self.settings.bitrate_bps, self.settings.fixed_mtu),
            inter_byte_timeout: None,
        };
        carry(stream, self.settings.kiss_framing, medium, pending(), notices).await.map(Ended::Closed)
    }
}

/// Connects, and sets the options of this field. The error is for people.
pub(crate) async fn connect(target: &str, patience: Duration) -> Result<TcpStream, String> {
    match timeout(patience, TcpStream::connect(target)).await {
        Ok(Ok(stream)) => tune(&stream).map(|()| stream).map_err(|error| error.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", patience.as_secs())),
    }
}

async fn carry(
    mut stream: TcpStream,
    kiss_framing: bool,
    medium: Medium,
    stop: impl Future<Output = String>,
    notices: &mpsc::Sender<Notice>,
) -> Result<String, NodeGone> {
    let frame_len_max = medium.properties.hw_mtu + IFAC_SIZE_MAX;
    let (reader, writer) = stream.split();
    if kiss_framing {
        let writer = StreamWriter::new(writer, kiss::Encoder::default());
        stream::run_until(reader, kiss::Decoder::new(frame_len_max, 0), writer, medium, stop, notices).await
    } else {
        let writer = StreamWriter::new(writer, hdlc::Encoder);
        stream::run_until(reader, hdlc::Decoder::new(frame_len_max), writer, medium, stop, notices).await
    }
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    Ok(())
}

fn properties(bitrate_bps: Option<u64>, fixed_mtu: Option<usize>) -> Properties {
    let bitrate_bps = bitrate_bps.unwrap_or(BITRATE_BPS);
    Properties {
        bitrate_bps,
        hw_mtu: fixed_mtu.or_else(|| hw_mtu_of_bitrate(bitrate_bps)).unwrap_or(MTU_MIN),
        mtu_capable: true,
        shared_medium: false,
        ifac_size_default: IFAC_SIZE,
        batch_bytes: FRAME_BATCH_BYTES,
    }
}

#[cfg(test)]
mod tests;
