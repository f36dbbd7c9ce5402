//! What the operator's tools ask, as `lxmd --status` and its like do (`spec/lxmf.md` 12).

use reticulum::crypto::PublicIdentity;
use reticulum::hash::{DestinationHash, PathHash};
use reticulum::node::Node;
use reticulum::time::{Instant, UnixTime};
use reticulum::wire::msgpack::{self, Reader};

use super::peers::{Peer, info};
use super::syncs::Stage;
use super::values::{Answer, Ask, Asker, Output, PeerStatus, Status, StatusId, Totals};
use super::{Asked as AnyAsked, PropagationNode};
use crate::propagation::NodeInfo;
use crate::propagation::bodies::Code;

/// The request for everything that there is to know.
const STATS_PATH: &str = "/pn/get/stats";
/// The request to sync a peer now.
const SYNC_PATH: &str = "/pn/peer/sync";
/// The request to drop a peer.
const UNPEER_PATH: &str = "/pn/peer/unpeer";

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Control {
    started: Instant,
}

/// Somebody who waits for the totals.
#[derive(Debug)]
pub(super) enum Asked {
    /// A tool on a link.
    Tool(Asker),
    /// The application.
    Application(StatusId),
}

impl Control {
    pub(super) fn new(now: Instant) -> Self {
        Self { started: now }
    }
}

impl PropagationNode {
    /// Whoever is not on the list gets no answer, as everywhere.
    pub(super) fn handle_control(
        &mut self,
        now: Instant,
        node: &mut Node,
        asker: Asker,
        path: PathHash,
        data: &[u8],
        remote: Option<&PublicIdentity>,
    ) {
        let may = remote.is_some_and(|remote| {
            remote.hash() == self.config.identity.hash() || self.config.controllers.contains(&remote.hash())
        });
        if !may {
            self.counters.no_access += 1;
            return;
        }
        if path == PathHash::of_path(STATS_PATH) {
            return self.ask_totals(Asked::Tool(asker));
        }
        let is_sync = path == PathHash::of_path(SYNC_PATH);
        if !is_sync && path != PathHash::of_path(UNPEER_PATH) {
            return;
        }
        let Ok(peer) = Reader::new(data).read_bin_array().map(DestinationHash::new) else {
            return self.refuse(asker, Code::InvalidData);
        };
        let is_known = if is_sync { self.sync_now(now, peer) } else { self.unpeer(now, node, peer) };
        match is_known {
            true => self.respond(asker, vec![0xc3]),
            false => self.refuse(asker, Code::NotFound),
        }
    }

    fn unpeer(&mut self, now: Instant, node: &mut Node, peer: DestinationHash) -> bool {
        let is_known = self.peers.all.contains_key(&peer);
        if is_known {
            self.drop_peer(now, node, peer);
        }
        is_known
    }

    /// Syncs a peer now, as far as nothing is under way with it; false if there is no such peer. Without a peer, all of
    /// them.
    pub fn sync_peers(&mut self, now: Instant, peer: Option<DestinationHash>) -> bool {
        match peer {
            Some(peer) => self.sync_now(now, peer),
            None => {
                let all: Vec<_> = self.peers.all.keys().copied().collect();
                all.into_iter().all(|peer| self.sync_now(now, peer))
            }
        }
    }

    /// Asks how the node is; [`Output::Status`] will tell.
    pub fn ask_status(&mut self, id: StatusId) {
        self.ask_totals(Asked::Application(id));
    }

    fn ask_totals(&mut self, asked: Asked) {
        let behind = self.peers.all.iter().map(|(peer, known)| (*peer, known.record.through)).collect();
        if let Err(AnyAsked::Stats(asked)) = self.ask(Ask::Totals { behind }, AnyAsked::Stats(asked)) {
            self.no_stats(asked);
        }
    }

    fn no_stats(&mut self, asked: Asked) {
        match asked {
            Asked::Tool(asker) => self.refuse(asker, Code::Throttled),
            Asked::Application(id) => self.outputs.push_back(Output::Status(id, None)),
        }
    }

    pub(super) fn stats_known(&mut self, now: Instant, node: &Node, asked: Asked, answer: &Answer) {
        let Answer::Totals(totals, behind) = answer else { return self.no_stats(asked) };
        let status = self.status(now, node, *totals, behind);
        match asked {
            Asked::Tool(asker) => {
                let stats = self.stats(&status);
                self.respond(asker, stats);
            }
            Asked::Application(id) => self.outputs.push_back(Output::Status(id, Some(Box::new(status)))),
        }
    }

    /// `behind` is in the order of the peers; one that came meanwhile is behind by nothing that is known.
    fn status(&self, now: Instant, node: &Node, totals: Totals, behind: &[u64]) -> Status {
        let behind = behind.iter().copied().chain(std::iter::repeat(0));
        let peers = self.peers.all.iter().zip(behind);
        Status {
            uptime: now.since(self.control.started),
            totals,
            counters: self.counters,
            peers: peers.map(|((to, peer), behind)| self.peer_status(now, node, *to, peer, behind)).collect(),
        }
    }

    fn peer_status(
        &self,
        now: Instant,
        node: &Node,
        destination: DestinationHash,
        peer: &Peer,
        unhandled: u64,
    ) -> PeerStatus {
        let info = info(node, &destination);
        let timer = self.timers.deadline(&super::Timer::Peer(destination));
        PeerStatus {
            destination,
            is_static: peer.is_static,
            is_alive: peer.failures == 0 && info.is_some(),
            stage: peer.stage.code(),
            info,
            hops: node.path(&destination).map(|path| path.hops),
            key_value: peer.record.key.map(|(_, value)| value),
            heard: peer.record.heard,
            tried_at: peer.tried_at,
            next_at: timer
                .filter(|_| peer.stage == Stage::Idle)
                .map(|at| node.unix_time(now) + at.since(now)),
            backoff: peer.backoff(),
            link_rate_bps: peer.link_rate_bps,
            transfer_rate_bps: peer.transfer_rate_bps,
            offered: peer.offered,
            outgoing: peer.outgoing,
            incoming: peer.incoming,
            unhandled,
            rx_bytes: peer.rx_bytes,
            tx_bytes: peer.tx_bytes,
        }
    }

    /// As the operator's tools read it.
    fn stats(&self, status: &Status) -> Vec<u8> {
        let (config, counters) = (&self.config, &status.counters);
        let named = status.peers.iter().filter(|peer| peer.is_static).count() as u64;
        let peers = status.peers.len() as u64;
        let mut map = Map::new(21);
        map.bin("identity_hash", config.identity.hash().as_ref());
        map.bin("destination_hash", self.address.as_ref());
        map.float("uptime", status.uptime.as_secs_f64());
        map.float("delivery_limit", 1_000.0);
        map.float("propagation_limit", config.message_len_max as f64 / 1_000.0);
        map.float("sync_limit", config.transfer_len_max as f64 / 1_000.0);
        map.uint("target_stamp_cost", config.stamp_cost.into());
        map.uint("stamp_cost_flexibility", config.flexibility.into());
        map.uint("peering_cost", config.peering_cost.into());
        map.uint("max_peering_cost", config.peering_cost_paid_max.into());
        map.uint("autopeer_maxdepth", config.autopeer_hops_max.into());
        map.bool("from_static_only", config.members_only);
        map.map("messagestore", 3);
        map.uint("count", status.totals.count);
        map.uint("bytes", status.totals.bytes);
        map.uint("limit", config.stored_len_max);
        map.map("clients", 2);
        map.uint("client_propagation_messages_received", counters.uploaded);
        map.uint("client_propagation_messages_served", counters.served);
        map.uint("unpeered_propagation_incoming", counters.unpeered);
        map.uint("unpeered_propagation_rx_bytes", counters.unpeered_bytes);
        map.uint("static_peers", named);
        map.uint("discovered_peers", peers - named);
        map.uint("total_peers", peers);
        map.uint("max_peers", config.peers_max as u64);
        map.map("peers", status.peers.len());
        status.peers.iter().for_each(|peer| write_peer(peer, &mut map));
        map.out
    }
}

fn write_peer(peer: &PeerStatus, map: &mut Map) {
    let seconds = |time: Option<UnixTime>| time.map_or(0.0, UnixTime::as_secs_f64);
    let info = peer.info.as_ref();
    let kb = |bytes: fn(&NodeInfo) -> u64| info.map_or(0.0, |info| bytes(info) as f64 / 1_000.0);
    let bits = |bits: fn(&NodeInfo) -> u8| info.map_or(0, |info| bits(info).into());
    msgpack::write_bin(&mut map.out, peer.destination.as_ref());
    msgpack::write_map_len(&mut map.out, 22);
    map.text("type", if peer.is_static { "static" } else { "discovered" });
    map.uint("state", peer.stage);
    map.bool("alive", peer.is_alive);
    map.text_or_nil("name", info.and_then(|info| info.name.as_deref()));
    map.uint("last_heard", peer.heard.as_secs());
    map.float("next_sync_attempt", seconds(peer.next_at));
    map.float("last_sync_attempt", seconds(peer.tried_at));
    map.uint("sync_backoff", peer.backoff.as_secs());
    map.uint("peering_timebase", info.map_or(0, |info| info.timebase));
    map.uint("ler", peer.link_rate_bps);
    map.uint("str", peer.transfer_rate_bps);
    map.float("transfer_limit", kb(|info| info.message_len_max));
    map.float("sync_limit", kb(|info| info.transfer_len_max));
    map.uint("target_stamp_cost", bits(|info| info.stamp_cost));
    map.uint("stamp_cost_flexibility", bits(|info| info.flexibility));
    map.uint("peering_cost", bits(|info| info.peering_cost));
    match peer.key_value {
        Some(value) => map.uint("peering_key", value.into()),
        None => map.nil("peering_key"),
    }
    map.uint("network_distance", peer.hops.map_or(255, u64::from));
    map.uint("rx_bytes", peer.rx_bytes);
    map.uint("tx_bytes", peer.tx_bytes);
    let rate = if peer.offered == 0 { 0.0 } else { peer.outgoing as f64 / peer.offered as f64 };
    map.float("acceptance_rate", rate);
    map.map("messages", 4);
    map.uint("offered", peer.offered);
    map.uint("outgoing", peer.outgoing);
    map.uint("incoming", peer.incoming);
    map.uint("unhandled", peer.unhandled);
}

/// A MessagePack map with text keys, in the making.
struct Map {
    out: Vec<u8>,
}

impl Map {
    fn new(len: usize) -> Self {
        let mut out = Vec::new();
        msgpack::write_map_len(&mut out, len);
        Self { out }
    }

    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        msgpack::write_str(&mut self.out, key);
        &mut self.out
    }

    fn map(&mut self, key: &str, len: usize) {
        msgpack::write_map_len(self.key(key), len);
    }

    fn bin(&mut self, key: &str, value: &[u8]) {
        msgpack::write_bin(self.key(key), value);
    }

    fn float(&mut self, key: &str, value: f64) {
        msgpack::write_f64(self.key(key), value);
    }

    fn uint(&mut self, key: &str, value: u64) {
        msgpack::write_uint(self.key(key), value);
    }

    fn bool(&mut self, key: &str, value: bool) {
        msgpack::write_bool(self.key(key), value);
    }

    fn nil(&mut self, key: &str) {
        msgpack::write_nil(self.key(key));
    }

    fn text(&mut self, key: &str, value: &str) {
        msgpack::write_str(self.key(key), value);
    }

    fn text_or_nil(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(key, value),
            None => self.nil(key),
        }
    }
}
