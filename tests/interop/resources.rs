//! Resources of every size between a bare node of ours and a stock Python peer, in both directions.

use reticulum::crypto::Rng;
use reticulum::hash::sha256;
use reticulum::node::{Event, ResourceOptions};
use serde_json::json;

use super::pair::Pair;
use crate::support::python::text;

/// The sizes of the issue: one byte, one part exactly, several parts, two segments, ten of them.
const SIZES: [usize; 5] = [1, 464, 35_000, 1_200_000, 10_000_000];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn python_sends_resources_of_every_size() {
    let mut pair = Pair::start("resources-in");
    let (link, _) = pair.inward();
    let link = text(&link, "link");
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
    send_to_python(Pair::start("resources-out"), |data| Rng::from_seed([3; 32]).fill(data));
}

#[test]
fn python_receives_compressed_resources_over_a_link_of_500_bytes() {
    let pair = Pair::start_with_mtu("resources-small", 500);
    send_to_python(pair, |_| ());
}

#[test]
fn metadata_travels_with_a_resource() {
    let mut pair = Pair::start("metadata");
    let (link, _) = pair.inward();
    let link = text(&link, "link");
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
