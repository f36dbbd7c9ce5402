//! A bare node of ours and a stock Python peer, joined by one TCP connection.

use std::sync::Arc;

use interfaces::{Settings, TcpServerSettings};
use reticulum::crypto::{Identity, Rng};
use reticulum::hash::{DestinationHash, LinkId};
use reticulum::node::{DestinationConfig, Event, ProofPolicy, ResourcePolicy};
use serde_json::{Value, json};

use crate::support::host::Host;
use crate::support::process::{Folder, free_port};
use crate::support::python::{Medium, Peer};

/// Both ends. Ours accepts links, requests and resources, and proves everything.
pub(super) struct Pair {
    pub(super) host: Host,
    pub(super) peer: Peer,
    /// Our destination, `interop.ours`.
    pub(super) ours: DestinationHash,
    _folder: Folder,
}

impl Pair {
    /// Starts both ends.
    pub(super) fn start(name: &str) -> Self {
        Self::start_with_mtu(name, usize::MAX)
    }

    /// The same, with packets of at most `mtu_max` bytes at our end, as on a radio.
    pub(super) fn start_with_mtu(name: &str, mtu_max: usize) -> Self {
        let folder = Folder::new(name);
        let port = free_port();
        let settings = Settings::TcpServer(TcpServerSettings::new(format!("127.0.0.1:{port}")));
        let host = Host::start_with_mtu(settings, 1, mtu_max);
        let ours = host.with(|node, _| {
            let config = DestinationConfig {
                accept_links: true,
                proofs: ProofPolicy::All,
                resources: ResourcePolicy::All,
                resource_size_max: 32 << 20,
                request_size_max: 1 << 20,
                ..DestinationConfig::new(Arc::new(our_identity()), "interop.ours")
            };
            node.add_destination(config).expect("a new destination")
        });
        let peer = Peer::start(folder.path(), "Peer", Medium::Connect(port));
        Self { host, peer, ours, _folder: folder }
    }

    /// A link that Python opens to us: as Python tells of it, and as we name it.
    pub(super) fn inward(&mut self) -> (Value, LinkId) {
        let to = self.ours.to_string();
        let link = self.peer.ask(json!({"do": "link", "to": to, "name": "interop.ours"}), "link");
        let id = self.host.wait("link", |event| match event {
            Event::LinkOpened { link, .. } => Some(*link),
            _ => None,
        });
        (link, id)
    }

    /// A link that we open to Python.
    pub(super) fn outward(&mut self) -> LinkId {
        let theirs = self.hear_service();
        let link =
            self.host.with(move |node, now| node.open_link(now, theirs)).expect("keys and path are known");
        self.host.wait("link", |event| match event {
            Event::LinkOpened { link: opened, .. } if *opened == link => Some(()),
            _ => None,
        });
        link
    }

    /// Python's destination, once it is heard.
    pub(super) fn hear_service(&mut self) -> DestinationHash {
        self.peer.tell(json!({"do": "announce_service"}));
        let theirs = DestinationHash::from_hex(&self.peer.service).expect("an address");
        self.host.wait("announce", |event| match event {
            Event::Announce { destination, .. } if *destination == theirs => Some(()),
            _ => None,
        });
        theirs
    }
}

/// Whose our destination is.
pub(super) fn our_identity() -> Identity {
    Identity::generate(&mut Rng::from_seed([9; 32]))
}
