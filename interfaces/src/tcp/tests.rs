//! Over real loopback sockets, against raw peers and against ourselves.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::Receiver;

use super::*;
use crate::framing::Encode;
use crate::{CREDITS, FrameBatch, MediumId, Settings, start};

/// Far longer than anything here takes, so that a failure ends.
const PATIENCE: Duration = Duration::from_secs(10);

struct Driver {
    handle: InterfaceHandle,
    notices: Receiver<Notice>,
}

struct Opened {
    medium: MediumId,
    frames: mpsc::Sender<FrameBatch>,
}

impl Driver {
    async fn start(settings: Settings, notices_max: usize) -> Self {
        let (sender, notices) = mpsc::channel(notices_max);
        Self { handle: start(7, settings, sender).await.unwrap(), notices }
    }

    async fn server() -> Self {
        Self::start(Settings::TcpServer(TcpServerSettings::new("127.0.0.1:0")), 16).await
    }

    async fn client(target: SocketAddr) -> Self {
        let settings = TcpClientSettings {
            reconnect_interval: Duration::from_millis(10),
            ..TcpClientSettings::new(target.to_string())
        };
        Self::start(Settings::TcpClient(settings), 16).await
    }

    fn address(&self) -> SocketAddr {
        self.handle.local_address().unwrap()
    }

    async fn peer(&self) -> TcpStream {
        let peer = TcpStream::connect(self.address()).await.unwrap();
        peer.set_nodelay(true).unwrap();
        peer
    }

    async fn next(&mut self) -> Notice {
        timeout(PATIENCE, self.notices.recv()).await.expect("a notice in time").unwrap()
    }

    async fn opened(&mut self) -> Opened {
        match self.next().await {
            Notice::Opened { medium, interface: 7, frames, properties, .. } => {
                assert_eq!((properties.hw_mtu, properties.mtu_capable), (16_384, true));
                Opened { medium, frames }
            }
            other => panic!("expected Opened, got {other:?}"),
        }
    }

    async fn frames(&mut self, from: &Opened) -> FrameBatch {
        match self.next().await {
            Notice::Frames { medium, batch } if medium == from.medium => batch,
            other => panic!("expected Frames, got {other:?}"),
        }
    }

    async fn sent(&mut self, to: &Opened) {
        match self.next().await {
            Notice::Sent { medium, batch } if medium == to.medium => assert!(batch.is_empty()),
            other => panic!("expected Sent, got {other:?}"),
        }
    }

    async fn closed(&mut self, which: &Opened) {
        match self.next().await {
            Notice::Closed { medium, .. } if medium == which.medium => {}
            other => panic!("expected Closed, got {other:?}"),
        }
    }
}

/// Frames that differ, with flags and escapes in them.
fn frame(number: usize) -> Vec<u8> {
    let mut frame = (number as u64).to_be_bytes().to_vec();
    frame.extend([0x7e, 0x7d, 0x5e]);
    frame.resize(20 + number % 300, number as u8);
    frame
}

fn batch(numbers: std::ops::Range<usize>) -> FrameBatch {
    let mut batch = FrameBatch::new();
    numbers.for_each(|number| batch.push(&frame(number)));
    batch
}

fn wire(numbers: std::ops::Range<usize>) -> Vec<u8> {
    let mut wire = Vec::new();
    numbers.for_each(|number| hdlc::Encoder.encode(&frame(number), &mut wire));
    wire
}

#[tokio::test]
async fn batches_travel_both_ways_between_client_and_server() {
    let mut server = Driver::server().await;
    let mut client = Driver::client(server.address()).await;
    let (at_server, at_client) = (server.opened().await, client.opened().await);
    at_client.frames.send(batch(0..300)).await.unwrap();
    at_server.frames.send(batch(300..301)).await.unwrap();
    client_got(&mut client, &at_client).await;

    let mut received = 0;
    while received < 300 {
        match server.next().await {
            Notice::Frames { batch, .. } => {
                for got in batch.iter() {
                    assert_eq!(got, frame(received));
                    received += 1;
                }
            }
            Notice::Sent { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

/// One frame and one credit, in either order.
async fn client_got(client: &mut Driver, at_client: &Opened) {
    let (mut frames, mut credits) = (0, 0);
    while frames < 1 || credits < 1 {
        match client.next().await {
            Notice::Frames { medium, batch } if medium == at_client.medium => {
                assert_eq!(batch.iter().collect::<Vec<_>>(), [frame(300)]);
                frames += 1;
            }
            Notice::Sent { .. } => credits += 1,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_frame_that_arrives_byte_by_byte_comes_out_whole() {
    let mut server = Driver::server().await;
    let mut peer = server.peer().await;
    let opened = server.opened().await;
    for byte in wire(5..6) {
        peer.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(server.frames(&opened).await, batch(5..6));
}

#[tokio::test]
async fn thousands_of_frames_in_one_write_come_in_few_batches() {
    let mut server = Driver::server().await;
    let mut peer = server.peer().await;
    let opened = server.opened().await;
    let sending = tokio::spawn(async move {
        peer.write_all(&wire(0..5000)).await.unwrap();
        peer
    });
    let (mut frames, mut batches) = (0, 0);
    while frames < 5000 {
        let batch = server.frames(&opened).await;
        batches += 1;
        for got in batch.iter() {
            assert_eq!(got, frame(frames));
            frames += 1;
        }
    }
    assert!(batches < 500, "{batches} batches");
    drop(sending.await.unwrap());
    server.closed(&opened).await;
}

#[tokio::test]
async fn broken_framing_is_reported_and_the_connection_lives_on() {
    let mut server = Driver::server().await;
    let mut peer = server.peer().await;
    let opened = server.opened().await;
    peer.write_all(b"\x7etoo short\x7e").await.unwrap();
    let refused = server.frames(&opened).await;
    assert_eq!((refused.len(), refused.violations()), (0, 1));
    peer.write_all(&wire(1..2)).await.unwrap();
    assert_eq!(server.frames(&opened).await, batch(1..2));
}

#[tokio::test]
async fn a_client_comes_back_after_its_server_went_away() {
    let listener = bind("127.0.0.1:0").await.unwrap();
    let mut client = Driver::client(listener.local_addr().unwrap()).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (peer, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        let opened = client.opened().await;
        assert!(!seen.contains(&opened.medium));
        drop(peer);
        client.closed(&opened).await;
        assert!(matches!(client.next().await, Notice::Waiting { interface: 7, .. }));
        seen.push(opened.medium);
    }
}

#[tokio::test]
async fn a_client_speaks_kiss_to_a_tnc() {
    let listener = bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let settings = TcpClientSettings { kiss_framing: true, ..TcpClientSettings::new(target) };
    let mut client = Driver::start(Settings::TcpClient(settings), 16).await;
    let (mut tnc, _) = listener.accept().await.unwrap();
    let opened = client.opened().await;
    opened.frames.send(batch(0..1)).await.unwrap();
    let mut wire = Vec::new();
    kiss::Encoder::default().encode(&frame(0), &mut wire);
    let mut got = vec![0; wire.len()];
    timeout(PATIENCE, tnc.read_exact(&mut got)).await.unwrap().unwrap();
    assert_eq!(got, wire);
    client.sent(&opened).await;
    tnc.write_all(&wire).await.unwrap();
    assert_eq!(client.frames(&opened).await, batch(0..1));
}

#[tokio::test]
async fn an_mtu_out_of_range_is_refused_at_start() {
    for fixed_mtu in [0, 499, 524_289] {
        let settings = TcpClientSettings { fixed_mtu: Some(fixed_mtu), ..TcpClientSettings::new("host:1") };
        let (notices, _) = mpsc::channel(1);
        assert!(
            matches!(start_client(0, settings, notices), Err(StartError::OutOfRange { .. })),
            "{fixed_mtu}"
        );
    }
}

#[tokio::test]
async fn a_client_waits_for_a_server_that_is_not_there_yet() {
    let address = bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut client = Driver::client(address).await;
    let Notice::Waiting { reason, .. } = client.next().await else { panic!("a connection to nobody") };
    assert!(reason.contains(&address.to_string()) && reason.contains("next attempt"), "{reason}");
    let listener = bind(&address.to_string()).await.unwrap();
    timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    while !matches!(client.next().await, Notice::Opened { .. }) {}
}

#[tokio::test]
async fn a_peer_that_never_reads_keeps_its_credits_and_blocks_nobody() {
    let mut server = Driver::server().await;
    let deaf = server.peer().await;
    let at_deaf = server.opened().await;
    let mut filler = FrameBatch::new();
    while !filler.is_full() {
        filler.push(&[1; 500]);
    }
    // Fill the kernel's buffers until no credit comes back.
    let mut under_way = 0;
    loop {
        while under_way < CREDITS && at_deaf.frames.try_send(filler.clone()).is_ok() {
            under_way += 1;
        }
        match timeout(Duration::from_millis(200), server.notices.recv()).await {
            Ok(Some(Notice::Sent { .. })) => under_way -= 1,
            Ok(other) => panic!("{other:?}"),
            Err(_) => break,
        }
    }
    assert_eq!(under_way, CREDITS);

    let mut other = server.peer().await;
    let at_other = server.opened().await;
    at_other.frames.try_send(batch(0..1)).unwrap();
    server.sent(&at_other).await;
    let mut got = vec![0; wire(0..1).len()];
    timeout(PATIENCE, other.read_exact(&mut got)).await.unwrap().unwrap();
    assert_eq!(got, wire(0..1));

    drop(deaf);
    server.closed(&at_deaf).await;
}

#[tokio::test]
async fn a_node_that_does_not_take_notices_slows_its_peers_and_loses_nothing() {
    const FRAMES: usize = 100_000;
    let mut server = Driver::start(Settings::TcpServer(TcpServerSettings::new("127.0.0.1:0")), 1).await;
    let mut peer = server.peer().await;
    let opened = server.opened().await;
    let mut sending = tokio::spawn(async move { peer.write_all(&wire(0..FRAMES)).await.map(|()| peer) });
    assert!(timeout(Duration::from_millis(300), &mut sending).await.is_err(), "17 MB fit no kernel buffer");
    let mut frames = 0;
    while frames < FRAMES {
        for got in server.frames(&opened).await.iter() {
            assert_eq!(got, frame(frames));
            frames += 1;
        }
    }
    sending.await.unwrap().unwrap();
}

#[tokio::test]
async fn connections_above_the_limit_are_closed_and_counted() {
    let settings = TcpServerSettings { connections_max: 1, ..TcpServerSettings::new("127.0.0.1:0") };
    let mut server = Driver::start(Settings::TcpServer(settings), 16).await;
    let first = server.peer().await;
    let opened = server.opened().await;
    let mut second = server.peer().await;
    assert_eq!(timeout(PATIENCE, second.read(&mut [0])).await.unwrap().unwrap_or(0), 0);
    assert_eq!(server.handle.connections_refused(), 1);
    drop(first);
    server.closed(&opened).await;
    let _third = server.peer().await;
    server.opened().await;
}

#[tokio::test]
async fn who_holds_most_connections_makes_room_for_another_address() {
    let settings = TcpServerSettings { connections_max: 3, ..TcpServerSettings::new("127.0.0.1:0") };
    let mut server = Driver::start(Settings::TcpServer(settings), 16).await;
    let _greedy = [server.peer().await, server.peer().await, server.peer().await];
    let oldest = server.opened().await;
    let _others = [server.opened().await, server.opened().await];
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let _newcomer = socket.connect(server.address()).await.unwrap();
    let (mut seen, mut kept) = (Vec::new(), Vec::new());
    while seen.len() < 2 {
        match timeout(PATIENCE, server.notices.recv()).await.unwrap().unwrap() {
            Notice::Opened { label, frames, .. } => {
                seen.push(label.starts_with("127.0.0.2").to_string());
                kept.push(frames);
            }
            Notice::Closed { medium, reason } if medium == oldest.medium => seen.push(reason),
            other => panic!("{other:?}"),
        }
    }
    seen.sort();
    assert_eq!(seen, ["it made room for another address", "true"]);
    assert_eq!(server.handle.connections_refused(), 1);
}

#[tokio::test]
async fn dropping_the_handle_closes_connections_and_frees_the_port() {
    let mut server = Driver::server().await;
    let address = server.address();
    let mut peer = server.peer().await;
    let opened = server.opened().await;
    drop(server.handle);
    assert_eq!(timeout(PATIENCE, peer.read(&mut [0])).await.unwrap().unwrap_or(0), 0);
    timeout(PATIENCE, opened.frames.closed()).await.unwrap();
    bind(&address.to_string()).await.unwrap();
}

#[tokio::test]
async fn dropping_the_frame_channel_closes_a_medium_after_what_it_carried() {
    let mut server = Driver::server().await;
    let mut peer = server.peer().await;
    let opened = server.opened().await;
    opened.frames.try_send(batch(0..10)).unwrap();
    let medium = opened.medium;
    drop(opened.frames);
    let mut got = Vec::new();
    timeout(PATIENCE, peer.read_to_end(&mut got)).await.unwrap().unwrap();
    assert_eq!(got, wire(0..10));
    assert!(matches!(server.next().await, Notice::Sent { .. }));
    assert!(matches!(server.next().await, Notice::Closed { medium: closed, .. } if closed == medium));
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_remedy() {
    let taken = bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let holder = bind(&taken.to_string()).await.unwrap();
    let error = bind(&taken.to_string()).await.unwrap_err();
    assert!(matches!(&error, StartError::AddressInUse { address } if *address == taken.to_string()));
    assert!(error.to_string().contains("choose another port"), "{error}");
    drop(holder);
}

#[tokio::test]
async fn addresses_that_cannot_work_are_refused_at_start() {
    for listen in ["127.0.0.1", "127.0.0.1:port", ":70000"] {
        assert!(matches!(bind(listen).await, Err(StartError::BadAddress { .. })), "{listen}");
    }
    assert!(matches!(bind("192.0.2.1:4242").await, Err(StartError::AddressNotLocal { .. })));
    for target in ["host", "host:", ":4242", "host:0", "host:65536"] {
        assert!(matches!(check_target(target), Err(StartError::BadAddress { .. })), "{target}");
    }
    for target in ["host:1", "127.0.0.1:65535", "[::1]:4242"] {
        assert!(check_target(target).is_ok(), "{target}");
    }
}

#[tokio::test]
async fn sockets_carry_the_options_of_the_specification() {
    let server = Driver::server().await;
    let peer = server.peer().await;
    tune(&peer).unwrap();
    let socket = SockRef::from(&peer);
    assert!(peer.nodelay().unwrap() && socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(5));
    assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(2));
    assert_eq!(socket.tcp_keepalive_retries().unwrap(), 12);
    #[cfg(target_os = "linux")]
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(24)));
}

#[test]
fn the_mtu_follows_settings_and_bitrate() {
    let rows = [
        (None, None, 16_384),
        (Some(100_000_000), None, 32_768),
        (Some(9_600), None, 500),
        (None, Some(1_064), 1_064),
    ];
    for (bitrate_bps, fixed_mtu, hw_mtu) in rows {
        assert_eq!(properties(bitrate_bps, fixed_mtu).hw_mtu, hw_mtu);
    }
}
