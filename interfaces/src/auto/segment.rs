//! One network interface at work (interfaces.md section 12): tells every 1.6 s that we are there, hears others, carries
//! packets to and from each, and gives up who is silent.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::Device;
use super::address::{Token, token};
use super::shared::Shared;
use super::sockets::Sockets;
use crate::framing::{FRAME_LEN_MIN, IFAC_SIZE_MAX};
use crate::stream::{FrameWriter, NodeGone, write_frames};
use crate::{CREDITS, FrameBatch, MediumId, Notice, Properties};

/// interfaces.md section 1.2.
const BITRATE_BPS: u64 = 10_000_000;
/// Longest packet (interfaces.md section 12).
const HW_MTU: usize = 1196;
const IFAC_SIZE: usize = 16;
/// As for the `udp` type: nothing slows a sender of datagrams down.
const BATCH_BYTES: usize = 16 * 1024;
/// Datagrams read in one turn, so that a flood leaves other tasks their turns.
const DATAGRAMS_PER_TURN: usize = 256;

/// Between two multicasts of ours.
const ANNOUNCE_INTERVAL: Duration = Duration::from_millis(1_600);
/// Between two tokens to one neighbour alone.
const REVERSE_INTERVAL: Duration = Duration::from_millis(5_200);
/// A neighbour who is silent for this long is gone.
const PEER_TIMEOUT: Duration = Duration::from_secs(22);
/// Our own multicasts come back within this time, or the network interface carries none.
const ECHO_TIMEOUT: Duration = Duration::from_millis(6_500);
/// A neighbour hears packets only of those whom it has heard of, and stock ones hear nothing in their first 1.92 s. Until
/// one says something to us alone, and so knows us, it is given this long, or our first announce to it would be lost.
const KNOWS_US_AFTER: Duration = Duration::from_millis(2_500);

/// See the module.
pub(crate) struct Segment {
    device: Device,
    sockets: Sockets,
    shared: Arc<Shared>,
    token: Token,
    peers: HashMap<Ipv6Addr, Peer>,
    /// Tasks that send to neighbours; each ends when the node closes its medium.
    writers: JoinSet<Ipv6Addr>,
    announce_at: Instant,
    heard_ourselves_at: Instant,
    /// No later than anything that is due.
    wake_at: Instant,
}

struct Peer {
    first_heard_at: Instant,
    heard_at: Instant,
    reverse_at: Instant,
    /// Once it is open.
    medium: Option<(MediumId, AbortHandle)>,
}

impl Segment {
    pub(crate) fn new(device: Device, sockets: Sockets, shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        Self {
            token: token(&shared.settings.group_id, device.address),
            device,
            sockets,
            shared,
            peers: HashMap::new(),
            writers: JoinSet::new(),
            announce_at: now,
            heard_ourselves_at: now,
            wake_at: now,
        }
    }

    /// Works until `stopped` is dropped or fires.
    pub(crate) async fn run(mut self, mut stopped: oneshot::Receiver<()>) -> Result<(), NodeGone> {
        let reason = loop {
            tokio::select! {
                _ = &mut stopped => break format!("{} is gone or has another address", self.device.name),
                () = sleep_until(self.wake_at) => self.do_due().await?,
                readable = self.sockets.multicast.readable() => match readable {
                    Ok(()) => self.hear_tokens(false).await?,
                    Err(error) => break error.to_string(),
                },
                readable = self.sockets.unicast.readable() => match readable {
                    Ok(()) => self.hear_tokens(true).await?,
                    Err(error) => break error.to_string(),
                },
                readable = self.sockets.data.readable() => match readable {
                    Ok(()) => self.receive().await?,
                    Err(error) => break error.to_string(),
                },
                Some(Ok(closed)) = self.writers.join_next() => self.drop_peer(closed, "closed by this node").await?,
            }
        };
        self.shared.set_deaf(self.device.index, &self.device.name, false);
        let peers: Vec<Ipv6Addr> = self.peers.keys().copied().collect();
        for peer in peers {
            self.drop_peer(peer, &reason).await?;
        }
        Ok(())
    }

    async fn do_due(&mut self) -> Result<(), NodeGone> {
        let now = Instant::now();
        if now >= self.announce_at {
            self.announce_at = now + ANNOUNCE_INTERVAL;
            self.say(self.sockets.group).await;
            let deaf = now >= self.heard_ourselves_at + ECHO_TIMEOUT;
            self.shared.set_deaf(self.device.index, &self.device.name, deaf);
        }
        let peers: Vec<Ipv6Addr> = self.peers.keys().copied().collect();
        for address in peers {
            let Some(peer) = self.peers.get_mut(&address) else { continue };
            if now >= peer.heard_at + PEER_TIMEOUT {
                self.drop_peer(address, "it has not been heard for 22 s").await?;
                continue;
            }
            if now >= peer.reverse_at {
                peer.reverse_at = now + REVERSE_INTERVAL;
                self.answer(address).await;
            }
            if self.peers[&address].is_due_to_open(now) {
                self.open(address).await?;
            }
        }
        let deadlines = self.peers.values().map(Peer::deadline);
        self.wake_at = deadlines.chain([self.announce_at]).min().unwrap_or(self.announce_at);
        Ok(())
    }

    /// Tells a neighbour alone that we are there.
    async fn answer(&self, address: Ipv6Addr) {
        let port = self.shared.settings.discovery_port + 1;
        self.say(SocketAddrV6::new(address, port, 0, self.device.index).into()).await;
    }

    async fn say(&self, to: SocketAddr) {
        if let Err(error) = self.sockets.sender.send_to(&self.token, to).await {
            tracing::debug!(%error, %to, "a token was not sent");
        }
    }

    async fn hear_tokens(&mut self, to_us_alone: bool) -> Result<(), NodeGone> {
        let mut said = [0; size_of::<Token>() + 1];
        for _ in 0..DATAGRAMS_PER_TURN {
            let socket = if to_us_alone { &self.sockets.unicast } else { &self.sockets.multicast };
            let (length, from) = match socket.try_recv_from(&mut said) {
                Ok((length, SocketAddr::V6(from))) => (length, *from.ip()),
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => {
                    tracing::debug!(%error, "receiving a token failed");
                    return Ok(());
                }
            };
            if said[..length] == token(&self.shared.settings.group_id, from) {
                self.hear(from, to_us_alone).await?;
            }
        }
        Ok(())
    }

    /// A neighbour is there.
    async fn hear(&mut self, address: Ipv6Addr, knows_us: bool) -> Result<(), NodeGone> {
        let now = Instant::now();
        if address == self.device.address {
            self.heard_ourselves_at = now;
            return Ok(());
        }
        if self.shared.is_own(address) || !self.shared.claim(address, self.device.index) {
            return Ok(());
        }
        if !self.peers.contains_key(&address) {
            self.answer(address).await;
        }
        let peer = self.peers.entry(address).or_insert(Peer {
            first_heard_at: now,
            heard_at: now,
            reverse_at: now + REVERSE_INTERVAL,
            medium: None,
        });
        peer.heard_at = now;
        self.wake_at = self.wake_at.min(peer.deadline());
        match knows_us && peer.medium.is_none() {
            true => self.open(address).await,
            false => Ok(()),
        }
    }

    async fn open(&mut self, address: Ipv6Addr) -> Result<(), NodeGone> {
        let shared = Arc::clone(&self.shared);
        let (interface, settings) = (shared.interface, &shared.settings);
        let Some(peer) = self.peers.get_mut(&address) else { return Ok(()) };
        let (frames, outgoing) = mpsc::channel(CREDITS);
        let medium = MediumId::next();
        let to = SocketAddrV6::new(address, settings.data_port, 0, self.device.index).into();
        let writer = Writer { socket: Arc::clone(&self.sockets.sender), to };
        let notices = shared.notices.clone();
        let task = self.writers.spawn(async move {
            _ = write_frames(writer, medium, outgoing, &notices).await;
            address
        });
        peer.medium = Some((medium, task));
        let label = format!("{}/{address}", self.device.name);
        let properties = Properties {
            bitrate_bps: settings.bitrate_bps.unwrap_or(BITRATE_BPS),
            hw_mtu: HW_MTU,
            mtu_capable: true,
            shared_medium: false,
            ifac_size_default: IFAC_SIZE,
            batch_bytes: BATCH_BYTES,
        };
        shared.notices.send(Notice::Opened { medium, interface, label, properties, frames }).await?;
        Ok(())
    }

    async fn drop_peer(&mut self, address: Ipv6Addr, reason: &str) -> Result<(), NodeGone> {
        let Some(peer) = self.peers.remove(&address) else { return Ok(()) };
        self.shared.release(address);
        if let Some((medium, task)) = peer.medium {
            task.abort();
            self.shared.notices.send(Notice::Closed { medium, reason: reason.to_owned() }).await?;
        }
        Ok(())
    }

    /// Takes packets of known neighbours; who has not told that it is there is not listened to.
    async fn receive(&mut self) -> Result<(), NodeGone> {
        // One byte more than the longest frame, so that what is longer shows.
        let mut datagram = [0; HW_MTU + IFAC_SIZE_MAX + 1];
        let now = Instant::now();
        let mut batches: Vec<(Ipv6Addr, FrameBatch)> = Vec::new();
        for _ in 0..DATAGRAMS_PER_TURN {
            let (length, from) = match self.sockets.data.try_recv_from(&mut datagram) {
                Ok((length, SocketAddr::V6(from))) => (length, *from.ip()),
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    tracing::debug!(%error, "receiving a datagram failed");
                    break;
                }
            };
            let Some(peer) = self.peers.get_mut(&from) else { continue };
            if self.shared.is_repeated(now, self.device.index, &datagram[..length]) {
                continue;
            }
            peer.heard_at = now;
            let at = batches.iter().position(|(of, _)| *of == from).unwrap_or_else(|| {
                batches.push((from, FrameBatch::new()));
                batches.len() - 1
            });
            match (FRAME_LEN_MIN..datagram.len()).contains(&length) {
                true => batches[at].1.push(&datagram[..length]),
                false => batches[at].1.add_violation(),
            }
        }
        for (from, batch) in batches {
            if self.peers.get(&from).is_some_and(|peer| peer.medium.is_none()) {
                self.open(from).await?;
            }
            if let Some((medium, _)) = self.peers.get(&from).and_then(|peer| peer.medium.as_ref()) {
                self.shared.notices.send(Notice::Frames { medium: *medium, batch }).await?;
            }
        }
        Ok(())
    }
}

impl Peer {
    fn is_due_to_open(&self, now: Instant) -> bool {
        self.medium.is_none() && now >= self.first_heard_at + KNOWS_US_AFTER
    }

    /// When the segment has to look at it again.
    fn deadline(&self) -> Instant {
        let deadline = self.reverse_at.min(self.heard_at + PEER_TIMEOUT);
        match self.medium {
            None => deadline.min(self.first_heard_at + KNOWS_US_AFTER),
            Some(_) => deadline,
        }
    }
}

/// Sends to one neighbour.
struct Writer {
    socket: Arc<UdpSocket>,
    to: SocketAddr,
}

impl FrameWriter for Writer {
    /// A datagram that cannot be sent is lost like any other.
    async fn write(&mut self, frames: &FrameBatch) -> io::Result<()> {
        for frame in frames.iter() {
            if let Err(error) = self.socket.send_to(frame, self.to).await {
                tracing::debug!(%error, to = %self.to, "a datagram was not sent");
            }
        }
        Ok(())
    }
}
