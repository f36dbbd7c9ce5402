//! The driver against a small SAM bridge, which joins the sessions that it is asked for and speaks as the specification
//! of SAM 3.1 has it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::*;
use crate::FrameBatch;

const PATIENCE: Duration = Duration::from_secs(10);

/// What the bridge knows.
#[derive(Default)]
struct Network {
    /// Private keys that sessions came with, none for those that wanted a new one.
    keys: Vec<Option<String>>,
    /// Public destination by session.
    destinations: HashMap<String, String>,
    /// Who waits for a stream, by public destination.
    acceptors: HashMap<String, Vec<oneshot::Sender<Connecting>>>,
}

/// A stream that connects, and whose it is.
type Connecting = (BufReader<TcpStream>, String);

struct Bridge {
    address: SocketAddr,
    network: Arc<Mutex<Network>>,
    task: JoinHandle<()>,
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Bridge {
    async fn start(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let network = Arc::new(Mutex::new(Network::default()));
        let shared = Arc::clone(&network);
        let task = tokio::spawn(async move {
            let mut served = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let network = Arc::clone(&shared);
                served.spawn(async move { _ = serve(stream, network).await });
            }
        });
        Self { address, network, task }
    }
}

fn value<'a>(line: &'a str, key: &str) -> &'a str {
    let pair = line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    pair.unwrap_or_else(|| panic!("{line} lacks {key}"))
}

/// The public half of a made-up private key, long enough to be one.
fn public_of(key: &str) -> String {
    let letters: String = key.bytes().filter(u8::is_ascii_alphanumeric).map(char::from).collect();
    format!("{letters}{}", "A".repeat(516 - letters.len()))
}

#[allow(clippy::too_many_lines, reason = "one arm a command")]
async fn serve(stream: TcpStream, network: Arc<Mutex<Network>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut mine = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        let answer = if line.starts_with("HELLO VERSION") {
            "HELLO REPLY RESULT=OK VERSION=3.1".to_owned()
        } else if line.starts_with("SESSION CREATE STYLE=STREAM") {
            let asked = value(line, "DESTINATION");
            let mut network = network.lock().unwrap();
            let key =
                if asked == "TRANSIENT" { format!("key{}", network.keys.len()) } else { asked.to_owned() };
            network.keys.push((asked != "TRANSIENT").then(|| key.clone()));
            mine = public_of(&key);
            network.destinations.insert(value(line, "ID").to_owned(), mine.clone());
            format!("SESSION STATUS RESULT=OK DESTINATION={key}")
        } else if line == "NAMING LOOKUP NAME=ME" {
            format!("NAMING REPLY RESULT=OK NAME=ME VALUE={mine}")
        } else if line.starts_with("NAMING LOOKUP") {
            let name = value(line, "NAME");
            let network = network.lock().unwrap();
            let found = network.destinations.values().find(|of| sam::address_of(of).as_deref() == Some(name));
            found.map_or(format!("NAMING REPLY RESULT=KEY_NOT_FOUND NAME={name}"), |found| {
                format!("NAMING REPLY RESULT=OK NAME={name} VALUE={found}")
            })
        } else if line.starts_with("STREAM ACCEPT") {
            stream.write_all(b"STREAM STATUS RESULT=OK\n").await.ok()?;
            let (sender, connected) = oneshot::channel::<Connecting>();
            {
                let mut network = network.lock().unwrap();
                let destination = network.destinations[value(line, "ID")].clone();
                network.acceptors.entry(destination).or_default().push(sender);
            }
            let (mut other, from) = connected.await.ok()?;
            stream.write_all(format!("{from} FROM_PORT=0 TO_PORT=0\n").as_bytes()).await.ok()?;
            copy_bidirectional(&mut other, &mut stream).await.ok()?;
            return None;
        } else if line.starts_with("STREAM CONNECT") {
            let from = network.lock().unwrap().destinations[value(line, "ID")].clone();
            let to = value(line, "DESTINATION").to_owned();
            let acceptor = network.lock().unwrap().acceptors.get_mut(&to).and_then(Vec::pop);
            match acceptor {
                None => "STREAM STATUS RESULT=CANT_REACH_PEER MESSAGE=\"it sleeps\"".to_owned(),
                Some(acceptor) => {
                    stream.write_all(b"STREAM STATUS RESULT=OK\n").await.ok()?;
                    let _ = acceptor.send((stream, from));
                    return None;
                }
            }
        } else {
            panic!("no bridge knows {line:?}");
        };
        stream.write_all(format!("{answer}\n").as_bytes()).await.ok()?;
    }
}

async fn next(notices: &mut mpsc::Receiver<Notice>) -> Notice {
    timeout(PATIENCE, notices.recv()).await.expect("a notice in time").unwrap()
}

/// The next medium, whatever is told before it.
async fn opened(notices: &mut mpsc::Receiver<Notice>) -> (crate::MediumId, mpsc::Sender<FrameBatch>, String) {
    loop {
        if let Notice::Opened { medium, frames, label, properties, .. } = next(notices).await {
            assert_eq!((properties.hw_mtu, properties.mtu_capable), (1064, false));
            return (medium, frames, label);
        }
    }
}

fn settings(bridge: &Bridge, peers: &[&str], connectable: bool) -> I2pSettings {
    let peers = peers.iter().map(|peer| (*peer).to_owned()).collect();
    I2pSettings {
        bridge: Some(bridge.address.to_string()),
        retry_interval: Duration::from_millis(20),
        ..I2pSettings::new(peers, connectable)
    }
}

fn a_batch() -> FrameBatch {
    let mut batch = FrameBatch::new();
    (0..20).for_each(|number| batch.push(&[number ^ 0x7e; 500]));
    batch
}

#[tokio::test]
async fn frames_go_both_ways_between_a_connectable_node_and_its_peer() {
    let bridge = Bridge::start("127.0.0.1:0").await;
    let (sender, mut ours) = mpsc::channel(16);
    let _server = start(0, settings(&bridge, &[], true), sender).unwrap();
    assert!(matches!(next(&mut ours).await, Notice::Ready { interface: 0 }));
    let address = sam::address_of(&public_of("key0")).unwrap();
    let (sender, mut theirs) = mpsc::channel(16);
    let _client = start(1, settings(&bridge, &[&address], false), sender).unwrap();
    let (_, to_server, label) = opened(&mut theirs).await;
    assert_eq!(label, address);
    let (_, to_client, label) = opened(&mut ours).await;
    assert_eq!(Some(label), sam::address_of(&public_of("key1")), "a stream is named after who opened it");
    for (to, from) in [(&to_server, &mut ours), (&to_client, &mut theirs)] {
        to.send(a_batch()).await.unwrap();
        let mut got = FrameBatch::new();
        while got.len() < 20 {
            if let Notice::Frames { batch, .. } = next(from).await {
                batch.iter().for_each(|frame| got.push(frame));
            }
        }
        assert_eq!(got, a_batch());
    }
}

#[tokio::test]
async fn an_address_outlives_the_run() {
    let bridge = Bridge::start("127.0.0.1:0").await;
    let folder = std::env::temp_dir().join(format!("meshgroup-i2p-{}", std::process::id()));
    let file = folder.join("keys").join("lan.key");
    for _ in 0..2 {
        let (sender, mut notices) = mpsc::channel(16);
        let settings = I2pSettings { key_file: Some(file.clone()), ..settings(&bridge, &[], true) };
        let _server = start(0, settings, sender).unwrap();
        assert!(matches!(next(&mut notices).await, Notice::Ready { .. }));
    }
    assert_eq!(bridge.network.lock().unwrap().keys, [None, Some("key0".to_owned())]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "key0");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&fs::metadata(&file).unwrap()) & 0o777, 0o600);
    fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_waited_for_and_told_of() {
    let bridge = Bridge::start("127.0.0.1:0").await;
    let unknown = format!("{}.b32.i2p", "a".repeat(52));
    let asleep = public_of("key7");
    for (peer, why) in [(&unknown, "KEY_NOT_FOUND"), (&asleep, "CANT_REACH_PEER: it sleeps")] {
        let (sender, mut notices) = mpsc::channel(16);
        let _client = start(0, settings(&bridge, &[peer], false), sender).unwrap();
        assert!(matches!(next(&mut notices).await, Notice::Ready { .. }));
        let Notice::Waiting { reason, .. } = next(&mut notices).await else { panic!() };
        assert!(reason.contains(why) && reason.contains("next attempt"), "{reason}");
    }
}

#[tokio::test]
async fn a_router_that_is_away_is_waited_for_and_streams_come_back_with_it() {
    let bridge = Bridge::start("127.0.0.1:0").await;
    let (first, address) = (settings(&bridge, &[], true), bridge.address.to_string());
    let peer = sam::address_of(&public_of("key0")).unwrap();
    let second = settings(&bridge, &[&peer], false);
    drop(bridge);

    let (sender, mut ours) = mpsc::channel(64);
    let _server = start(0, first, sender).unwrap();
    let Notice::Waiting { reason, .. } = next(&mut ours).await else { panic!() };
    assert!(
        reason.contains(&format!("I2P router at {address}: ")) && reason.contains("next attempt"),
        "{reason}"
    );

    let bridge = Bridge::start(&address).await;
    while !matches!(next(&mut ours).await, Notice::Ready { .. }) {}
    let (sender, mut theirs) = mpsc::channel(64);
    let _client = start(1, second, sender).unwrap();
    let (medium, _to_server, _) = opened(&mut theirs).await;

    drop(bridge);
    loop {
        if let Notice::Closed { medium: closed, .. } = next(&mut theirs).await {
            assert_eq!(closed, medium);
            break;
        }
    }
    while !matches!(next(&mut theirs).await, Notice::Waiting { .. }) {}
}

#[test]
fn an_interface_with_nothing_to_do_or_with_a_bad_peer_is_refused() {
    for (peers, connectable, good) in [
        (vec![], false, false),
        (vec![], true, true),
        (vec!["x.i2p"], false, true),
        (vec!["x"], false, false),
    ] {
        let peers = peers.into_iter().map(str::to_owned).collect();
        assert_eq!(I2pSettings::new(peers, connectable).check().is_ok(), good);
    }
}
