//! TCP server and client (interfaces.md section 4): HDLC frames over TCP.
//!
//! A server has a medium for every accepted connection. A client keeps one connection and tries again when it ends:
//! after [`reconnect_interval`](TcpClientSettings::reconnect_interval) (5 s as everywhere in this field, so that a
//! restarted server is soon whole again), plus up to a tenth of it at random, so that its clients do not all come in the
//! same instant. After every twelve failures in a row (a minute) the wait grows by one interval, to six of them: a
//! target that is gone for days costs two attempts a minute.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::framing::{IFAC_SIZE_MAX, hdlc};
use crate::stream::{self, Medium, NodeGone};
use crate::{
    FRAME_BATCH_BYTES, InterfaceHandle, Notice, Properties, StartError, TcpClientSettings, TcpServerSettings,
    hw_mtu_of_bitrate,
};

/// interfaces.md section 1.2.
const BITRATE_BPS: u64 = 10_000_000;
/// The MTU of every Reticulum network, and the least that `fixed_mtu` may be (interfaces.md section 4).
const MTU_MIN: usize = 500;
const IFAC_SIZE: usize = 16;

// interfaces.md section 4: a dead peer is noticed after 5 + 12 · 2 s of silence, or 24 s of unacknowledged data.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_RETRIES: u32 = 12;
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(24);

/// Pause after a failed accept, which is most often a shortage of file descriptors that only time mends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The wait grows by an interval after this many failures in a row, to at most `WAIT_INTERVALS_MAX` intervals.
const FAILURES_PER_STEP: u32 = 12;
const WAIT_INTERVALS_MAX: u32 = 6;

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
    check_target(&settings.target)?;
    if let Some(mtu) = settings.fixed_mtu.filter(|mtu| *mtu < MTU_MIN) {
        return Err(StartError::OutOfRange {
            setting: "fixed_mtu",
            value: mtu.to_string(),
            range: "at least 500 bytes, the packet size of every network",
        });
    }
    Ok(InterfaceHandle::new(tokio::spawn(keep_connected(interface, settings, notices)).abort_handle()))
}

async fn bind(listen: &str) -> Result<TcpListener, StartError> {
    let address = || listen.to_owned();
    let addresses: Vec<SocketAddr> = lookup_host(listen)
        .await
        .map_err(|error| StartError::BadAddress { address: address(), reason: error.to_string() })?
        .collect();
    TcpListener::bind(&addresses[..]).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressInUse { address: address() },
        io::ErrorKind::AddrNotAvailable => StartError::AddressNotLocal { address: address() },
        io::ErrorKind::PermissionDenied => StartError::NotPermitted { address: address() },
        _ => StartError::Io { address: address(), source },
    })
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
        // Dropped with this future, and then the connections end too.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) if connections.len() < self.settings.connections_max => {
                        connections.spawn(self.serve(stream, peer));
                    }
                    Ok(_) => {
                        self.refused.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(error) => {
                        tracing::debug!(%error, "accept failed");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
                () = self.notices.closed() => return,
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr) -> impl Future<Output = ()> + use<> {
        let medium = Medium {
            interface: self.interface,
            label: peer.to_string(),
            properties: properties(self.settings.bitrate_bps, None),
            inter_byte_timeout: None,
        };
        let notices = self.notices.clone();
        async move {
            // Neither end is news to a server: the notices tell the node, and a node that is gone needs no telling.
            _ = run(stream, medium, &notices).await;
        }
    }
}

async fn keep_connected(interface: usize, settings: TcpClientSettings, notices: mpsc::Sender<Notice>) {
    let mut failures = 0;
    loop {
        let ended = match connect(&settings).await {
            Ok(stream) => {
                failures = 0;
                let medium = Medium {
                    interface,
                    label: settings.target.clone(),
                    properties: properties(settings.bitrate_bps, settings.fixed_mtu),
                    inter_byte_timeout: None,
                };
                run(stream, medium, &notices).await
            }
            Err(reason) => {
                failures += 1;
                Ok(reason)
            }
        };
        let Ok(reason) = ended else { return };
        let wait = reconnect_wait(settings.reconnect_interval, failures);
        let reason = format!("{}: {reason}; next attempt in {} s", settings.target, wait.as_secs());
        if notices.send(Notice::Waiting { interface, reason }).await.is_err() {
            return;
        }
        sleep(wait + jitter(settings.reconnect_interval / 10)).await;
    }
}

async fn connect(settings: &TcpClientSettings) -> Result<TcpStream, String> {
    match timeout(settings.connect_timeout, TcpStream::connect(&settings.target)).await {
        Ok(connected) => connected.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", settings.connect_timeout.as_secs())),
    }
}

fn reconnect_wait(interval: Duration, failures: u32) -> Duration {
    interval * (1 + failures / FAILURES_PER_STEP).min(WAIT_INTERVALS_MAX)
}

/// Below `max`, from the randomness that the standard library seeds its hash maps with.
fn jitter(max: Duration) -> Duration {
    let random = RandomState::new().hash_one(0_u8) as u32;
    max.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

async fn run(
    mut stream: TcpStream,
    medium: Medium,
    notices: &mpsc::Sender<Notice>,
) -> Result<String, NodeGone> {
    if let Err(error) = tune(&stream) {
        return Ok(error.to_string());
    }
    let decoder = hdlc::Decoder::new(medium.properties.hw_mtu + IFAC_SIZE_MAX);
    let (reader, writer) = stream.split();
    stream::run((reader, decoder), (writer, hdlc::Encoder), medium, notices).await
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
