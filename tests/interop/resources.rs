//! Resources of every size between a bare node of ours and a stock Python peer, in both directions.

use interfaces::{Settings, TcpServerSettings};
use reticulum::crypto::{Identity, Rng};
use reticulum::hash::{DestinationHash, LinkId, sha256};
use reticulum::node::{DestinationConfig, Event, ProofPolicy, ResourceOptions, ResourcePolicy};
use serde_json::json;
use std::sync::Arc;

use crate::support::host::Host;
use crate::support::process::{Folder, free_port};
use crate::support::python::{Medium, Peer, text};

/// The sizes of the issue: one byte, one part exactly, several parts, two segments, ten of them.
const SIZES: [usize; 5] = [1, 464, 35_000, 1_200_000, 10_000_000];

struct Pair {
    host: Host,
    peer: Peer,
    ours: DestinationHash,
    _folder: Folder,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pair(name: &str) -> Pair {
    pair_with_mtu(name, usize::MAX)
}

fn pair_with_mtu(name: &str, mtu_max: usize) -> Pair {
    let folder = Folder::new(name);
    let port = free_port();
    let settings = Settings::TcpServer(TcpServerSettings::new(format!("127.0.0.1:{port}")));
    let host = Host::start_with_mtu(settings, 1, mtu_max);
    let ours = host.with(|node, _| {
        let identity = Arc::new(Identity::generate(&mut Rng::from_seed([9; 32])));
        node.add_destination(DestinationConfig {
            accept_links: true,
            proofs: ProofPolicy::All,
            resources: ResourcePolicy::All,
            resource_size_max: 32 << 20,
            ..DestinationConfig::new(identity, "interop.ours")
        })
        .expect("a new destination")
    });
    let peer = Peer::start(folder.path(), "Peer", Medium::Connect(port));
    Pair { host, peer, ours, _folder: folder }
}

impl Pair {
    /// A link that Python opens to us.
    fn inward(&mut self) -> String {
        let to = self.ours.to_string();
        let link = self.peer.ask(json!({"do": "link", "to": to, "name": "interop.ours"}), "link");
        self.host.wait("link", |event| matches!(event, Event::LinkOpened { .. }).then_some(()));
        text(&link, "link")
    }

    /// A link that we open to Python.
    fn outward(&mut self) -> LinkId {
        self.peer.tell(json!({"do": "announce_service"}));
        let theirs = DestinationHash::from_hex(&self.peer.service).expect("an address");
        self.host.wait("announce", |event| match event {
            Event::Announce { destination, .. } if *destination == theirs => Some(()),
            _ => None,
        });
        let link =
            self.host.with(move |node, now| node.open_link(now, theirs)).expect("keys and path are known");
        self.host.wait("link", |event| match event {
            Event::LinkOpened { link: opened, .. } if *opened == link => Some(()),
            _ => None,
        });
        link
    }
}

#[test]
fn python_sends_resources_of_every_size() {
    let mut pair = pair("resources-in");
    let link = pair.inward();
    for size in SIZES {
        for kind in ["random", "text"] {
            let tag =
                pair.peer.tell_tagged(json!({"do": "resource", "link": link, "size": size, "kind": kind}));
            let started = pair.peer.wait_tag("resource_started", tag);
            let digest = pair.host.wait("resource", |event| match event {
                Event::ResourceReceived { data, .. } => Some(hex(&sha256(data))),
                Event::ResourceFailed { reason, .. } => panic!("{size} {kind}: {reason:?}"),
                _ => None,
            });
            assert_eq!(digest, text(&started, "hash"), "{size} {kind}");
            let sent = pair.peer.wait_tag("resource_sent", tag);
            assert_eq!(sent["ok"], true, "{size} {kind}: {sent}");
        }
    }
}

/// Sends a resource of each size and waits until Python has it.
fn send_to_python(mut pair: Pair, fill: impl Fn(&mut [u8])) {
    let link = pair.outward();
    for size in SIZES {
        let mut data = vec![b'a'; size];
        fill(&mut data);
        let digest = hex(&sha256(&data));
        let options = ResourceOptions { metadata: None, compress: true };
        pair.host
            .with(move |node, now| node.send_resource(now, link, data, options))
            .expect("the link is active");
        let received = pair.peer.wait("resource_received", |_| true);
        assert_eq!((received["ok"].as_bool(), received["size"].as_u64()), (Some(true), Some(size as u64)));
        assert_eq!(text(&received, "hash"), digest);
        pair.host.wait("proof of the resource", |event| match event {
            Event::ResourceSent { .. } => Some(()),
            Event::ResourceFailed { reason, .. } => panic!("{size}: {reason:?}"),
            _ => None,
        });
    }
}

#[test]
fn python_receives_resources_of_every_size() {
    send_to_python(pair("resources-out"), |data| Rng::from_seed([3; 32]).fill(data));
}

#[test]
fn python_receives_compressed_resources_over_a_link_of_500_bytes() {
    let pair = pair_with_mtu("resources-small", 500);
    send_to_python(pair, |_| ());
}

#[test]
fn metadata_travels_with_a_resource() {
    let mut pair = pair("metadata");
    let link = pair.inward();
    pair.peer.tell_tagged(
        json!({"do": "resource", "link": link, "size": 5000, "kind": "text", "metadata": {"name": "map.png"}}),
    );
    let metadata = pair.host.wait("resource", |event| match event {
        Event::ResourceReceived { metadata, data, .. } => {
            assert_eq!(data.len(), 5000);
            Some(metadata.clone())
        }
        _ => None,
    });
    assert_eq!(metadata.expect("there was some"), b"\x81\xa4name\xa7map.png");
}
