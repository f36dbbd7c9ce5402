//! What the operator asks about messages that are kept or carried for others: propagation nodes and paper.

use lxmf::paper::PaperError;
use lxmf::propagation::NodeInfo;
use lxmf::propagation::node::{PeerStatus, Status};
use lxmf::router::{Failure, SyncFailure, Synced};
use prost::Message;
use proto::v1::{self, ErrorCode};
use reticulum::hash::DestinationHash;
use reticulum::time::UnixTime;

use super::error::{encode, error, invalid};

/// A propagation node that is used.
#[derive(Clone, Debug)]
pub struct UsedNode {
    /// Its `lxmf.propagation` destination.
    pub address: DestinationHash,
    /// What it announced, if it was heard.
    pub info: Option<NodeInfo>,
    /// Hops to it, if a path is known.
    pub hops: Option<u8>,
    /// How the last look for messages went, and when it ended.
    pub last: Option<(UnixTime, Synced)>,
}

/// The encoded answer to the question which propagation nodes are used, and how our own one is, if there is one.
pub fn mail_status(nodes: &[UsedNode], served: Option<(DestinationHash, &Status)>) -> Vec<u8> {
    v1::PropagationResponse {
        nodes: nodes.iter().map(used).collect(),
        served: served.map(|(address, status)| served_mail(address, status)),
        error: None,
    }
    .encode_to_vec()
}

/// The encoded answer to the wish to look for messages now.
pub fn mail_synced(done: &[Synced], waiting: usize, peers: usize) -> Vec<u8> {
    let node = |synced: &Synced| v1::SyncedNode {
        address: synced.node.as_bytes().to_vec(),
        group_address: synced.local.as_bytes().to_vec(),
        fetched: synced.fetched,
        failure: failure(synced.result),
    };
    v1::PropagationSyncResponse {
        nodes: done.iter().map(node).collect(),
        waiting: count(waiting),
        peers: count(peers),
        error: None,
    }
    .encode_to_vec()
}

/// The encoded answer to the wish for a message on paper.
pub fn paper(uri: String) -> Vec<u8> {
    v1::PaperResponse { uri, error: None }.encode_to_vec()
}

/// The response where a message cannot be put on paper.
pub fn not_on_paper(reason: Failure) -> Vec<u8> {
    encode(match reason {
        Failure::TooLarge => error(ErrorCode::TooLong, "The message is too long for paper."),
        Failure::NoPath => {
            error(ErrorCode::NotFound, "The member's keys are not known: they have not announced them.")
        }
        other => error(ErrorCode::Internal, &format!("The message is not on paper: {other}.")),
    })
}

/// The encoded answer to a message from paper that is taken in.
pub fn paper_taken() -> Vec<u8> {
    v1::PaperImportResponse { error: None }.encode_to_vec()
}

/// The response to what is no message on paper for one of the groups.
pub fn not_from_paper(reason: PaperError) -> Vec<u8> {
    encode(invalid("uri", &reason.to_string()))
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn failure(result: Result<(), SyncFailure>) -> String {
    result.map_or_else(|failure| failure.to_string(), |()| String::new())
}

fn name(info: Option<&NodeInfo>) -> String {
    info.and_then(|info| info.name.clone()).unwrap_or_default()
}

fn used(node: &UsedNode) -> v1::UsedNode {
    v1::UsedNode {
        address: node.address.as_bytes().to_vec(),
        name: name(node.info.as_ref()),
        hops: node.hops.map(Into::into),
        stamp_cost: node.info.as_ref().map(|info| info.stamp_cost.into()),
        synced_s: node.last.map_or(0, |(at, _)| at.as_secs()),
        fetched: node.last.map_or(0, |(_, synced)| synced.fetched),
        failure: node.last.map_or_else(String::new, |(_, synced)| failure(synced.result)),
    }
}

fn served_mail(address: DestinationHash, status: &Status) -> v1::ServedMail {
    let counters = &status.counters;
    v1::ServedMail {
        address: address.as_bytes().to_vec(),
        kept: status.totals.count,
        kept_bytes: status.totals.bytes,
        uploaded: counters.uploaded,
        served: counters.served,
        from_peers: counters.from_peers,
        to_peers: counters.to_peers,
        refused: counters.refused(),
        peers: status.peers.iter().map(peer).collect(),
    }
}

fn peer(peer: &PeerStatus) -> v1::MailPeer {
    let seconds = |time: Option<UnixTime>| time.map_or(0, UnixTime::as_secs);
    v1::MailPeer {
        address: peer.destination.as_bytes().to_vec(),
        name: name(peer.info.as_ref()),
        named: peer.is_static,
        alive: peer.is_alive,
        syncing: peer.stage != 0,
        hops: peer.hops.map(Into::into),
        heard_s: peer.heard.as_secs(),
        synced_s: seconds(peer.tried_at),
        next_s: seconds(peer.next_at),
        offered: peer.offered,
        outgoing: peer.outgoing,
        incoming: peer.incoming,
        unhandled: peer.unhandled,
        rx_bytes: peer.rx_bytes,
        tx_bytes: peer.tx_bytes,
    }
}
