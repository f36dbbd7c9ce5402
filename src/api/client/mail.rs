//! What the operator asks about propagation nodes and paper, as plain values: the JSON of the command line.

use proto::v1;
use reticulum::hash::DestinationHash;
use serde::Serialize;

use super::operate::named;
use super::{Client, ClientError, accept};
use crate::api::status::as_hex;

/// The propagation nodes around a node. Field names are those of `propagation status --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Propagation {
    /// Those that are used, the first choice first.
    pub nodes: Vec<ListedNode>,
    /// What the node is as one, if it is.
    pub served: Option<ServedMail>,
}

/// A propagation node that is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedNode {
    /// Its `lxmf.propagation` destination.
    #[serde(serialize_with = "as_hex")]
    pub address: DestinationHash,
    /// What it calls itself.
    pub name: String,
    /// Hops to it, if a path is known.
    pub hops: Option<u32>,
    /// Bits of work that a message on it costs, if it was heard.
    pub stamp_cost: Option<u32>,
    /// When messages were last looked for there, in seconds since 1970 UTC.
    pub synced: Option<u64>,
    /// How many that brought.
    pub fetched: u32,
    /// Why the last look failed, if it did.
    pub failure: Option<String>,
}

/// A propagation node's own state. What is counted is counted since it started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServedMail {
    /// Its `lxmf.propagation` destination.
    #[serde(serialize_with = "as_hex")]
    pub address: DestinationHash,
    /// Messages that it keeps.
    pub kept: u64,
    /// Bytes of them.
    pub kept_bytes: u64,
    /// Messages that clients uploaded.
    pub uploaded: u64,
    /// Messages that clients fetched.
    pub served: u64,
    /// Messages that peers brought.
    pub from_peers: u64,
    /// Messages that were brought to peers.
    pub to_peers: u64,
    /// Messages and requests that were turned away.
    pub refused: u64,
    /// Those it exchanges messages with. Field names are those of `propagation peers --json`.
    pub peers: Vec<ListedPeer>,
}

/// A peer of a propagation node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedPeer {
    /// Its `lxmf.propagation` destination.
    #[serde(serialize_with = "as_hex")]
    pub address: DestinationHash,
    /// What it calls itself.
    pub name: String,
    /// Whether it is named in the configuration.
    pub named: bool,
    /// Whether it is known, and the last sync with it succeeded, if there was one.
    pub alive: bool,
    /// Whether it is synced just now.
    pub syncing: bool,
    /// Hops to it, if a path is known.
    pub hops: Option<u32>,
    /// When it was last heard, in seconds since 1970 UTC.
    pub heard: Option<u64>,
    /// When the last sync began, in seconds since 1970 UTC.
    pub synced: Option<u64>,
    /// When the next one begins, in seconds since 1970 UTC; `None` is when there is something to bring.
    pub next: Option<u64>,
    /// Messages that it was offered.
    pub offered: u64,
    /// Messages that it took.
    pub outgoing: u64,
    /// Messages that it brought.
    pub incoming: u64,
    /// Messages that it has not been offered.
    pub unhandled: u64,
    /// Bytes that it brought.
    pub rx_bytes: u64,
    /// Bytes that were brought to it.
    pub tx_bytes: u64,
}

/// What a look for messages came to. Field names are those of `propagation sync --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyncedMail {
    /// For each group and node that is done.
    pub nodes: Vec<SyncedNode>,
    /// How many looks are not done yet.
    pub waiting: u32,
    /// Peers whose sync begins.
    pub peers: u32,
}

/// A node that messages were looked for on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyncedNode {
    /// Its `lxmf.propagation` destination.
    #[serde(serialize_with = "as_hex")]
    pub address: DestinationHash,
    /// The group's `lxmf.delivery` destination.
    #[serde(serialize_with = "as_hex")]
    pub group_address: DestinationHash,
    /// Messages that it had.
    pub fetched: u32,
    /// Why it failed, if it did.
    pub failure: Option<String>,
}

impl Client {
    /// The propagation nodes that are used, and the own one.
    pub fn propagation(&mut self) -> Result<Propagation, ClientError> {
        let found: v1::PropagationResponse =
            self.call("/control/v1/propagation", &v1::PropagationRequest {})?;
        accept(found.error.as_ref())?;
        Ok(Propagation {
            nodes: found.nodes.into_iter().map(used).collect::<Result<_, _>>()?,
            served: found.served.map(served).transpose()?,
        })
    }

    /// Looks for messages on propagation nodes, and syncs peers: all of them, or this one.
    pub fn sync_mail(&mut self, address: Option<DestinationHash>) -> Result<SyncedMail, ClientError> {
        let address = address.map_or_else(Vec::new, |address| address.as_bytes().to_vec());
        let done: v1::PropagationSyncResponse =
            self.call("/control/v1/propagation/sync", &v1::PropagationSyncRequest { address })?;
        accept(done.error.as_ref())?;
        let nodes = done.nodes.into_iter().map(|node| {
            Ok(SyncedNode {
                address: hash(&node.address)?,
                group_address: hash(&node.group_address)?,
                fetched: node.fetched,
                failure: some_text(node.failure),
            })
        });
        let nodes = nodes.collect::<Result<_, ClientError>>()?;
        Ok(SyncedMail { nodes, waiting: done.waiting, peers: done.peers })
    }

    /// A message as a member would get it, as `lxm://…`.
    pub fn paper(&mut self, seq: u64, to: &str) -> Result<String, ClientError> {
        let made: v1::PaperResponse =
            self.call("/control/v1/paper", &v1::PaperRequest { seq, to: named(to) })?;
        accept(made.error.as_ref())?;
        Ok(made.uri)
    }

    /// Hands in a message from paper.
    pub fn import_paper(&mut self, uri: &str) -> Result<(), ClientError> {
        let request = v1::PaperImportRequest { uri: uri.to_owned() };
        let taken: v1::PaperImportResponse = self.call("/control/v1/paper/import", &request)?;
        accept(taken.error.as_ref())
    }
}

fn hash(bytes: &[u8]) -> Result<DestinationHash, ClientError> {
    DestinationHash::from_slice(bytes).ok_or(ClientError::Malformed)
}

fn some_text(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn some_time(time: u64) -> Option<u64> {
    Some(time).filter(|time| *time > 0)
}

fn used(node: v1::UsedNode) -> Result<ListedNode, ClientError> {
    Ok(ListedNode {
        address: hash(&node.address)?,
        name: node.name,
        hops: node.hops,
        stamp_cost: node.stamp_cost,
        synced: some_time(node.synced_s),
        fetched: node.fetched,
        failure: some_text(node.failure),
    })
}

fn served(mail: v1::ServedMail) -> Result<ServedMail, ClientError> {
    Ok(ServedMail {
        address: hash(&mail.address)?,
        kept: mail.kept,
        kept_bytes: mail.kept_bytes,
        uploaded: mail.uploaded,
        served: mail.served,
        from_peers: mail.from_peers,
        to_peers: mail.to_peers,
        refused: mail.refused,
        peers: mail.peers.into_iter().map(peer).collect::<Result<_, _>>()?,
    })
}

fn peer(peer: v1::MailPeer) -> Result<ListedPeer, ClientError> {
    Ok(ListedPeer {
        address: hash(&peer.address)?,
        name: peer.name,
        named: peer.named,
        alive: peer.alive,
        syncing: peer.syncing,
        hops: peer.hops,
        heard: some_time(peer.heard_s),
        synced: some_time(peer.synced_s),
        next: some_time(peer.next_s),
        offered: peer.offered,
        outgoing: peer.outgoing,
        incoming: peer.incoming,
        unhandled: peer.unhandled,
        rx_bytes: peer.rx_bytes,
        tx_bytes: peer.tx_bytes,
    })
}
