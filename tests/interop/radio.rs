//! The virtual radio under drivers that know nothing of it: the reference implementation's, and ours.

use std::sync::Arc;

use interfaces::{LoraSettings, RnodeSettings, Settings};
use reticulum::crypto::{Identity, Rng};
use reticulum::hash::DestinationHash;
use reticulum::node::{DestinationConfig, Event, Priority, ProofPolicy};
use serde_json::json;

use crate::support::host::Host;
use crate::support::process::Folder;
use crate::support::python::{Medium, Peer, text};
use crate::support::radios::{Radios, STOCK_SETTINGS};

const LORA: LoraSettings = LoraSettings {
    frequency_hz: 867_200_000,
    bandwidth_hz: 125_000,
    tx_power_dbm: 7,
    spreading_factor: 8,
    coding_rate: 5,
};

fn stock(folder: &Folder, name: &str, port: &str) -> Peer {
    let lines = format!("    type = RNodeInterface\n    port = {port}\n{STOCK_SETTINGS}");
    Peer::start(folder.path(), name, Medium::Lines(lines))
}

#[test]
fn stock_drivers_exchange_an_announce_and_a_proven_packet_over_virtual_radios() {
    let radios = Radios::start(2);
    let folder = Folder::new("radio-stock");
    let mut alice = stock(&folder, "Alice", &radios.ports[0]);
    let mut bob = stock(&folder, "Bob", &radios.ports[1]);
    alice.tell(json!({"do": "announce_service"}));
    let service = alice.service.clone();
    bob.wait("announce", |event| event["destination"] == service);
    // 383 bytes of plain text make a packet of almost 500, which travels in two LoRa frames.
    for data in ["68656c6c6f".to_owned(), "ab".repeat(383)] {
        let packet = json!({"do": "packet", "to": service, "name": "interop.service", "data": data});
        let tag = bob.tell_tagged(packet);
        assert_eq!(text(&alice.wait("packet", |_| true), "data"), data);
        let proven = bob.wait_tag("proven", tag);
        assert!(proven["rtt"].as_f64() > Some(0.3), "the air takes its time: {proven}");
    }
}

#[test]
fn our_driver_and_the_stock_one_prove_each_others_packets_over_virtual_radios() {
    let radios = Radios::start(2);
    let folder = Folder::new("radio-ours");
    let host = Host::start(Settings::Rnode(RnodeSettings::new(&radios.ports[0], LORA)), 1);
    let mut peer = stock(&folder, "Peer", &radios.ports[1]);
    let ours = host.with(|node, _| {
        let identity = Arc::new(Identity::generate(&mut Rng::from_seed([9; 32])));
        let config = DestinationConfig {
            proofs: ProofPolicy::All,
            ..DestinationConfig::new(identity, "interop.ours")
        };
        node.add_destination(config).expect("a new destination")
    });
    let to = ours.to_string();
    let packet = json!({"do": "packet", "to": to, "name": "interop.ours", "data": "68656c6c6f"});
    let tag = peer.tell_tagged(packet);
    let plaintext = host.wait("packet", |event| match event {
        Event::Packet { plaintext, .. } => Some(plaintext.clone()),
        _ => None,
    });
    assert_eq!(plaintext, b"hello");
    peer.wait_tag("proven", tag);

    peer.tell(json!({"do": "announce_service"}));
    let theirs = DestinationHash::from_hex(&peer.service).expect("an address");
    host.wait("announce", |event| match event {
        Event::Announce { destination, .. } if *destination == theirs => Some(()),
        _ => None,
    });
    let receipt = host
        .with(move |node, now| node.send_packet(now, theirs, vec![7; 383], Priority::Message))
        .expect("the keys are known");
    assert_eq!(text(&peer.wait("packet", |_| true), "data"), "07".repeat(383));
    host.wait("proof", |event| match event {
        Event::Delivered { receipt: delivered } if *delivered == receipt => Some(()),
        Event::TimedOut { .. } => panic!("the proof did not count"),
        _ => None,
    });
}
