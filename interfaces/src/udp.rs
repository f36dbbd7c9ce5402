//! UDP (interfaces.md section 6): one packet a datagram, no framing, to one address or to a whole network by broadcast.
//! There are no peers and no connection: the medium opens at start and stays. Our own broadcasts come back; the node's
//! duplicate filter drops them.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::address::resolve;
use crate::framing::{FRAME_LEN_MIN, IFAC_SIZE_MAX};
use crate::stream::{FrameWriter, NodeGone, write_frames};
use crate::{CREDITS, FrameBatch, InterfaceHandle, MediumId, Notice, Properties, StartError};

/// interfaces.md section 1.2.
const BITRATE_BPS: u64 = 10_000_000;
/// interfaces.md section 1.2.
const HW_MTU: usize = 1064;
const IFAC_SIZE: usize = 16;

/// Nothing slows a sender of datagrams down, so it gets less at once than a stream does: what a receiver with the usual
/// 200 kB of buffer takes without loss.
const BATCH_BYTES: usize = 16 * 1024;

/// Datagrams read in one turn, so that a flood leaves other tasks their turns.
const DATAGRAMS_PER_TURN: usize = 256;

/// Asked of the kernel, which may give less: room for what arrives while the node is busy.
const RECEIVE_BUFFER_BYTES: usize = 1024 * 1024;

/// Settings of a UDP interface. At least one of the two addresses is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpSettings {
    /// `host:port` to receive at.
    pub listen: Option<String>,
    /// `host:port` to send to; may be a broadcast address.
    pub forward: Option<String>,
    /// Bits per second to assume, if not the usual 10 Mbit/s.
    pub bitrate_bps: Option<u64>,
}

impl UdpSettings {
    /// Whether there is an address at all.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        match (&self.listen, &self.forward) {
            (None, None) => Err(StartError::OutOfRange {
                setting: "listen",
                value: "\"\"".to_owned(),
                range: "needs `listen`, `forward` or both",
            }),
            _ => Ok(()),
        }
    }
}

/// Binds, then carries datagrams until the handle is dropped.
pub(crate) async fn start(
    interface: usize,
    settings: UdpSettings,
    notices: mpsc::Sender<Notice>,
) -> Result<InterfaceHandle, StartError> {
    settings.check()?;
    let receiver = match &settings.listen {
        Some(listen) => Some(bind(listen).await?),
        None => None,
    };
    let local_address = receiver.as_ref().and_then(|socket| socket.local_addr().ok());
    let sender = match &settings.forward {
        Some(forward) => Some(Sender::new(forward).await?),
        None => None,
    };
    let label = settings.listen.or(settings.forward).unwrap_or_default();
    let bitrate_bps = settings.bitrate_bps.unwrap_or(BITRATE_BPS);
    let task = tokio::spawn(async move {
        // The notices tell the node how it ended, and a node that is gone needs no telling.
        _ = run(interface, label, bitrate_bps, receiver, sender, notices).await;
    });
    Ok(InterfaceHandle { task: task.abort_handle(), local_address, refused: Arc::default() })
}

async fn bind(listen: &str) -> Result<UdpSocket, StartError> {
    let addresses = resolve(listen).await?;
    let socket = UdpSocket::bind(&addresses[..]).await.map_err(|error| StartError::bind(listen, error))?;
    if let Err(error) = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER_BYTES) {
        tracing::debug!(%error, "the receive buffer stays at its default size");
    }
    Ok(socket)
}

async fn run(
    interface: usize,
    label: String,
    bitrate_bps: u64,
    receiver: Option<UdpSocket>,
    sender: Option<Sender>,
    notices: mpsc::Sender<Notice>,
) -> Result<(), NodeGone> {
    let medium = MediumId::next();
    let (frames, outgoing) = mpsc::channel(CREDITS);
    let properties = Properties {
        bitrate_bps,
        hw_mtu: HW_MTU,
        mtu_capable: false,
        shared_medium: true,
        ifac_size_default: IFAC_SIZE,
        batch_bytes: BATCH_BYTES,
    };
    notices.send(Notice::Opened { medium, interface, label, properties, frames }).await?;
    let reason = tokio::select! {
        reason = receive(receiver, medium, &notices) => reason,
        reason = write_frames(sender, medium, outgoing, &notices) => reason,
    }?;
    notices.send(Notice::Closed { medium, reason }).await?;
    Ok(())
}

async fn receive(
    socket: Option<UdpSocket>,
    medium: MediumId,
    notices: &mpsc::Sender<Notice>,
) -> Result<String, NodeGone> {
    let Some(socket) = socket else { return std::future::pending().await };
    // One byte more than the longest frame, so that what is longer shows.
    let mut datagram = vec![0; HW_MTU + IFAC_SIZE_MAX + 1];
    loop {
        if let Err(error) = socket.readable().await {
            return Ok(error.to_string());
        }
        let mut batch = FrameBatch::new();
        for _ in 0..DATAGRAMS_PER_TURN {
            match socket.try_recv_from(&mut datagram) {
                Ok((length, _)) if (FRAME_LEN_MIN..datagram.len()).contains(&length) => {
                    batch.push(&datagram[..length]);
                }
                Ok(_) => batch.add_violation(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    tracing::debug!(%error, "receiving a datagram failed");
                    break;
                }
            }
        }
        if !batch.is_empty() || batch.violations() > 0 {
            notices.send(Notice::Frames { medium, batch }).await?;
        }
    }
}

/// Sends from a socket of its own, because one bound to a loopback address reaches no other network.
struct Sender {
    socket: UdpSocket,
    forward: SocketAddr,
}

impl Sender {
    async fn new(forward: &str) -> Result<Self, StartError> {
        let address = resolve(forward).await?.remove(0);
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let failed = |source| StartError::Io { address: forward.to_owned(), source };
        let socket = UdpSocket::bind(any).await.map_err(failed)?;
        socket.set_broadcast(true).map_err(failed)?;
        Ok(Self { socket, forward: address })
    }
}

impl FrameWriter for Option<Sender> {
    /// A datagram that cannot be sent (no network, no route) is lost like any other.
    async fn write(&mut self, frames: &FrameBatch) -> io::Result<()> {
        let Some(Sender { socket, forward }) = self else { return Ok(()) };
        for frame in frames.iter() {
            if let Err(error) = socket.send_to(frame, *forward).await {
                tracing::debug!(%error, %forward, "a datagram was not sent");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    async fn next(notices: &mut mpsc::Receiver<Notice>) -> Notice {
        timeout(PATIENCE, notices.recv()).await.expect("a notice in time").unwrap()
    }

    async fn open(
        listen: Option<&str>,
        forward: Option<SocketAddr>,
    ) -> (InterfaceHandle, mpsc::Receiver<Notice>, mpsc::Sender<FrameBatch>) {
        let settings = UdpSettings {
            listen: listen.map(str::to_owned),
            forward: forward.map(|address| address.to_string()),
            bitrate_bps: None,
        };
        let (sender, mut notices) = mpsc::channel(16);
        let handle = start(3, settings, sender).await.unwrap();
        let Notice::Opened { frames, interface: 3, .. } = next(&mut notices).await else {
            panic!("not opened")
        };
        (handle, notices, frames)
    }

    #[tokio::test]
    async fn frames_travel_one_a_datagram_and_in_batches() {
        let (receiver, mut received, _frames) = open(Some("127.0.0.1:0"), None).await;
        let (_sender, mut sent, frames) = open(None, receiver.local_address()).await;
        let mut batch = FrameBatch::new();
        (0..50).for_each(|number| batch.push(&[number; 100]));
        frames.send(batch.clone()).await.unwrap();
        assert!(matches!(next(&mut sent).await, Notice::Sent { batch, .. } if batch.is_empty()));
        let mut got = FrameBatch::new();
        while got.len() < 50 {
            let Notice::Frames { batch, .. } = next(&mut received).await else { panic!("no frames") };
            batch.iter().for_each(|frame| got.push(frame));
        }
        assert_eq!(got, batch);
    }

    #[tokio::test]
    async fn datagrams_that_can_be_no_packet_are_counted() {
        let (receiver, mut received, _frames) = open(Some("127.0.0.1:0"), None).await;
        let address = receiver.local_address().unwrap();
        let raw = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for length in [0, 19, HW_MTU + IFAC_SIZE_MAX + 1, 4000, 20, HW_MTU + IFAC_SIZE_MAX] {
            raw.send_to(&vec![1; length], address).await.unwrap();
        }
        let (mut frames, mut violations) = (0, 0);
        while frames + violations < 6 {
            let Notice::Frames { batch, .. } = next(&mut received).await else { panic!("no frames") };
            frames += batch.len();
            violations += batch.violations() as usize;
        }
        assert_eq!((frames, violations), (2, 4));
    }

    #[tokio::test]
    async fn a_receiver_only_gives_credits_back_for_nothing() {
        let (_receiver, mut notices, frames) = open(Some("127.0.0.1:0"), None).await;
        let mut batch = FrameBatch::new();
        batch.push(&[1; 100]);
        frames.send(batch).await.unwrap();
        assert!(matches!(next(&mut notices).await, Notice::Sent { .. }));
    }

    #[tokio::test]
    async fn a_port_in_use_and_no_address_at_all_are_start_errors() {
        let (receiver, _notices, _frames) = open(Some("127.0.0.1:0"), None).await;
        let settings = |listen| UdpSettings { listen, forward: None, bitrate_bps: None };
        let (sender, _) = mpsc::channel(1);
        let address = receiver.local_address().unwrap().to_string();
        let taken = start(0, settings(Some(address)), sender.clone()).await;
        assert!(matches!(taken, Err(StartError::AddressInUse { .. })));
        assert!(matches!(start(0, settings(None), sender).await, Err(StartError::OutOfRange { .. })));
    }
}
