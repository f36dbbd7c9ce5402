//! Transport nodes, ours and Python's, in a row between two ends on loopback: paths, links with their MTU, resources,
//! messages and proofs across them.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use interfaces::{Settings, TcpClientSettings};
use reticulum::crypto::{Identity, Rng};
use reticulum::hash::DestinationHash;
use reticulum::node::{
    DestinationConfig, Event, LinkRole, Priority, ProofPolicy, ResourceOptions, ResourcePolicy,
};
use serde_json::json;

use crate::support::host::Host;
use crate::support::process::{Folder, Meshgroup, free_port};
use crate::support::python::{Medium, Peer, interpreter, text};

const MEGABYTE: usize = 1_000_000;
const PATIENCE: Duration = Duration::from_secs(12);

/// A node of ours that forwards between its own server and what `interface` says.
fn forwarding(folder: &Folder, interface: &str) -> Meshgroup {
    let more = format!(
        "[node]\ntransport = true\nrespond_to_probes = true\n[[interface]]\nname = \"second\"\n{interface}\ningress_control = false\n"
    );
    Meshgroup::start(folder.path(), &more)
}

fn server(port: u16) -> String {
    format!("type = \"tcp-server\"\nlisten = \"127.0.0.1:{port}\"")
}

fn client(port: u16) -> String {
    format!("type = \"tcp-client\"\ntarget = \"127.0.0.1:{port}\"")
}

pub(super) fn counter(node: &Meshgroup, name: &str) -> u64 {
    node.status()["counters"][name].as_u64().unwrap_or_else(|| panic!("no counter {name}"))
}

/// Times that something is tried: on a busy machine a stock peer now and then sends nothing at all of what it was told
/// to send, which its socket's counters show.
const ATTEMPTS: usize = 4;

/// Lets `to` announce itself until `from` has heard of both its destinations.
pub(super) fn introduce(from: &mut Peer, to: &mut Peer) {
    let mut unheard = vec![to.delivery.clone(), to.service.clone()];
    for _ in 0..ATTEMPTS {
        to.tell(json!({"do": "announce"}));
        to.tell(json!({"do": "announce_service"}));
        unheard.retain(|destination| {
            from.try_wait(PATIENCE, "announce", |event| event["destination"] == *destination).is_none()
        });
        if unheard.is_empty() {
            return;
        }
    }
    panic!("never heard of {unheard:?}");
}

/// Everything that `from` can do with `to`, which is `hops` away.
pub(super) fn carry_everything(from: &mut Peer, to: &mut Peer, hops: u64) {
    let forgotten = json!({"do": "path", "to": to.service, "forget": true});
    let path = from.ask(forgotten, "path");
    assert_eq!((path["found"].as_bool(), path["hops"].as_u64()), (Some(true), Some(hops)), "{path}");

    let packet = json!({"do": "packet", "to": to.service, "name": "interop.service", "data": "68656c6c6f"});
    from.ask(packet, "proven");
    assert_eq!(text(&to.wait("packet", |_| true), "data"), "68656c6c6f");

    for method in ["opportunistic", "direct"] {
        let send = json!({"do": "send", "to": to.delivery, "text": format!("by {method}"), "method": method});
        let sent = from.ask(send, "sent");
        assert_eq!(sent["state"], "delivered", "{sent}");
        let message = to.wait("message", |message| message["text"] == format!("by {method}"));
        assert_eq!(message["valid"], true, "{message}");
    }

    let link = from.ask(json!({"do": "link", "to": to.service, "name": "interop.service"}), "link");
    assert_eq!(link["mtu"], 16384, "all of the way is TCP");
    let link = text(&link, "link");
    to.wait("link_in", |event| event["link"] == link);
    let echoed =
        from.ask(json!({"do": "request", "link": link, "path": "/echo", "data": "cafe"}), "response");
    assert_eq!(text(&echoed, "value"), "cafe");
    let resource = json!({"do": "resource", "link": link, "size": MEGABYTE, "kind": "random"});
    let tag = from.tell_tagged(resource);
    let started = from.wait_tag("resource_started", tag);
    let received = to.wait("resource_received", |event| event["link"] == link);
    assert_eq!(received["ok"], true);
    assert_eq!((&received["hash"], received["size"].as_u64()), (&started["hash"], Some(MEGABYTE as u64)));
    assert_eq!(from.wait_tag("resource_sent", tag)["ok"], true);
    from.tell(json!({"do": "close", "link": link}));
    to.wait("link_closed", |event| event["link"] == link);
}

/// What a relay must not have had to refuse.
fn assert_clean(node: &Meshgroup) {
    assert!(counter(node, "forwarded") > 100);
    for refused in ["relay_proof_forged", "relay_wrong_way", "forward_no_path", "forward_too_long"] {
        assert_eq!(counter(node, refused), 0, "{refused}");
    }
}

#[test]
fn python_ours_python() {
    let folder = Folder::new("transport-one");
    let port = free_port();
    let node = forwarding(&folder, &server(port));
    let mut left = Peer::start(folder.path(), "Left", Medium::Connect(node.port));
    let mut right = Peer::start(folder.path(), "Right", Medium::Connect(port));
    introduce(&mut left, &mut right);
    introduce(&mut right, &mut left);
    carry_everything(&mut left, &mut right, 2);
    carry_everything(&mut right, &mut left, 2);
    assert_clean(&node);
}

#[test]
fn python_ours_ours_python() {
    let folder = Folder::new("transport-two");
    let (first, second) = (Folder::new("transport-two-a"), Folder::new("transport-two-b"));
    let between = free_port();
    let first = forwarding(&first, &server(between));
    let second = forwarding(&second, &client(between));
    let mut left = Peer::start(folder.path(), "Left", Medium::Connect(first.port));
    let mut right = Peer::start(folder.path(), "Right", Medium::Connect(second.port));
    introduce(&mut left, &mut right);
    introduce(&mut right, &mut left);
    carry_everything(&mut left, &mut right, 3);
    carry_everything(&mut right, &mut left, 3);
    assert_clean(&first);
    assert_clean(&second);
}

#[test]
fn the_mtu_of_a_link_is_the_least_of_the_way() {
    for (name, more, expected) in [("clamped", "fixed_mtu = 2000", 2000), ("stripped", "", 500)] {
        let folder = Folder::new(&format!("transport-{name}"));
        let (far, near) = (free_port(), free_port());
        // Links do not negotiate over UDP, but over a TCP connection whose packets are held to 2000 bytes.
        let (interface, medium) = if expected == 500 {
            let udp = format!("type = \"udp\"\nlisten = \"127.0.0.1:{near}\"\nforward = \"127.0.0.1:{far}\"");
            let lines = format!(
                "    type = UDPInterface\n    listen_ip = 127.0.0.1\n    listen_port = {far}\n    \
                 forward_ip = 127.0.0.1\n    forward_port = {near}\n"
            );
            (udp, Medium::Lines(lines))
        } else {
            (client(far), Medium::Listen(far))
        };
        let mut right = Peer::start(folder.path(), "Right", medium);
        let node = forwarding(&folder, &format!("{interface}\n{more}"));
        let mut left = Peer::start(folder.path(), "Left", Medium::Connect(node.port));
        introduce(&mut left, &mut right);
        introduce(&mut right, &mut left);
        for inward in [false, true] {
            let (from, to) = if inward { (&mut right, &mut left) } else { (&mut left, &mut right) };
            let link = json!({"do": "link", "to": to.service, "name": "interop.service"});
            let link = from.ask(link, "link");
            assert_eq!(link["mtu"], expected, "{name} {inward}");
            let link = text(&link, "link");
            to.wait("link_in", |event| event["link"] == link);
            let resource = json!({"do": "resource", "link": link, "size": 50_000, "kind": "random"});
            let tag = from.tell_tagged(resource);
            assert_eq!(to.wait("resource_received", |event| event["link"] == link)["ok"], true);
            assert_eq!(from.wait_tag("resource_sent", tag)["ok"], true);
        }
        assert_eq!(counter(&node, "forward_too_long"), 0);
    }
}

#[test]
fn a_late_comer_asks_for_the_way_and_gets_it() {
    let folder = Folder::new("transport-late");
    let port = free_port();
    let node = forwarding(&folder, &server(port));
    let mut left = Peer::start(folder.path(), "Left", Medium::Connect(node.port));
    let mut witness = Peer::start(folder.path(), "Witness", Medium::Connect(port));
    introduce(&mut witness, &mut left);
    let mut late = Peer::start(folder.path(), "Late", Medium::Connect(port));
    let path = late.ask(json!({"do": "path", "to": left.service}), "path");
    assert_eq!((path["found"].as_bool(), path["hops"].as_u64()), (Some(true), Some(2)), "{path}");
    let packet = json!({"do": "packet", "to": left.service, "name": "interop.service", "data": "00"});
    late.ask(packet, "proven");
}

#[test]
fn after_a_restart_the_transport_node_is_the_same_to_its_neighbours() {
    let folder = Folder::new("transport-restart");
    let port = free_port();
    let mut node = forwarding(&folder, &server(port));
    let identity = std::fs::read(node.dir().join("transport_identity")).expect("it has one");
    assert_eq!(identity.len(), 64);
    node.terminate();
    let node = Meshgroup::restart_on(node.dir(), node.port);
    assert_eq!(std::fs::read(node.dir().join("transport_identity")).expect("it has one"), identity);
}

#[test]
fn paths_survive_a_restart_and_come_back_with_the_tunnels_of_who_connects_again() {
    let folder = Folder::new("transport-tunnel");
    let port = free_port();
    let mut node = forwarding(&folder, &server(port));
    let mut left = Peer::start(folder.path(), "Left", Medium::Connect(node.port));
    let mut witness = Peer::start(folder.path(), "Witness", Medium::Connect(port));
    introduce(&mut witness, &mut left);
    node.terminate();
    let node = Meshgroup::restart_on(node.dir(), node.port);

    // The connections have other names now, and Left does not announce itself again.
    let mut late = Peer::start(folder.path(), "Late", Medium::Connect(port));
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let path = late.ask(json!({"do": "path", "to": left.service}), "path");
        if path["found"] == true {
            assert_eq!(path["hops"].as_u64(), Some(2), "{path}");
            break;
        }
        assert!(Instant::now() < deadline, "{:?}", node.status());
    }
    let packet = json!({"do": "packet", "to": left.service, "name": "interop.service", "data": "00"});
    late.ask(packet, "proven");
    assert_eq!(counter(&node, "tunnel_forged"), 0);
}

#[test]
fn the_stock_probe_tool_reaches_a_transport_node_and_what_is_behind_it() {
    let folder = Folder::new("transport-probe");
    let port = free_port();
    let node = forwarding(&folder, &server(port));
    let mut behind = Peer::start(folder.path(), "Behind", Medium::Connect(node.port));
    let mut witness = Peer::start(folder.path(), "Witness", Medium::Connect(port));
    introduce(&mut witness, &mut behind);
    let output = node.output();
    let line = output.lines().find(|line| line.contains("answering probes")).expect("it says where");
    let address = line.rsplit("address=").next().expect("the address is told").trim();
    for (name, address, hops) in
        [("rnstransport.probe", address, 1), ("interop.service", &*behind.service, 2)]
    {
        let config = folder.path().join(format!("probe-{hops}"));
        std::fs::create_dir_all(&config).expect("target/ is writable");
        let text = format!(
            "[reticulum]\nshare_instance = No\n[interfaces]\n[[way]]\ntype = TCPClientInterface\nenabled = Yes\n\
             target_host = 127.0.0.1\ntarget_port = {port}\n"
        );
        std::fs::write(config.join("config"), text).expect("target/ is writable");
        let probe = interpreter().with_file_name("rnprobe");
        let probed = Command::new(probe)
            .arg("--config")
            .arg(&config)
            .args(["-t", "20", name, address])
            .output()
            .expect("the stock tool runs");
        let said = String::from_utf8_lossy(&probed.stdout);
        assert!(probed.status.success() && said.contains("Valid reply"), "{name}: {said}");
        assert!(said.contains(&format!("over {hops} hop")), "{name}: {said}");
    }
}

/// A bare node of ours that connects to `port`, with a destination that takes everything.
fn end(port: u16, seed: u8) -> (Host, DestinationHash) {
    let host = Host::start(Settings::TcpClient(TcpClientSettings::new(format!("127.0.0.1:{port}"))), seed);
    let destination = host.with(move |node, _| {
        let config = DestinationConfig {
            accept_links: true,
            proofs: ProofPolicy::All,
            resources: ResourcePolicy::All,
            resource_size_max: 8 << 20,
            ..DestinationConfig::new(
                Arc::new(Identity::generate(&mut Rng::from_seed([seed; 32]))),
                "interop.end",
            )
        };
        node.add_destination(config).expect("a new destination")
    });
    (host, destination)
}

#[test]
fn ours_python_ours() {
    let folder = Folder::new("transport-between");
    let port = free_port();
    let _between = Peer::start_with(folder.path(), "Between", Medium::Listen(port), &["--transport"]);
    let ((left, _), (right, destination)) = (end(port, 61), end(port, 62));
    // Both are connected once each has heard the other through Python; an announce into nothing is lost.
    let hops = loop {
        right.with(move |node, now| node.announce(now, destination, None)).expect("ours");
        let patience = Duration::from_secs(4);
        let heard = left.wait_within(patience, |event| match event {
            Event::Announce { destination: heard, hops, .. } if *heard == destination => Some(*hops),
            _ => None,
        });
        if let Some(hops) = heard {
            break hops;
        }
    };
    assert_eq!(hops, 2);

    let receipt = left
        .with(move |node, now| node.send_packet(now, destination, b"hello".to_vec(), Priority::Message))
        .expect("the keys are known");
    let plaintext = right.wait("packet", |event| match event {
        Event::Packet { plaintext, .. } => Some(plaintext.clone()),
        _ => None,
    });
    assert_eq!(plaintext, b"hello");
    left.wait("proof", |event| match event {
        Event::Delivered { receipt: delivered } if *delivered == receipt => Some(()),
        Event::TimedOut { .. } => panic!("the proof did not come back"),
        _ => None,
    });

    let link = left.with(move |node, now| node.open_link(now, destination)).expect("the path is known");
    left.wait("link", |event| match event {
        Event::LinkOpened { role: LinkRole::Initiator, .. } => Some(()),
        Event::LinkClosed { reason, .. } => panic!("{reason:?}"),
        _ => None,
    });
    assert_eq!(left.with(move |node, _| node.link(link).expect("open").mtu), 16384);
    let mut data = vec![0; MEGABYTE];
    Rng::from_seed([63; 32]).fill(&mut data);
    let sent = data.clone();
    left.with(move |node, now| node.send_resource(now, link, sent, ResourceOptions::default()))
        .expect("the link is active");
    let received = right.wait("resource", |event| match event {
        Event::ResourceReceived { data, .. } => Some(data.clone()),
        Event::ResourceFailed { reason, .. } => panic!("{reason:?}"),
        _ => None,
    });
    assert!(received == data);
    left.wait("its proof", |event| matches!(event, Event::ResourceSent { .. }).then_some(()));
}
