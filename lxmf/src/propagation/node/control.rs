//! What the operator's tools ask, as `lxmd --status` and its like do (`spec/lxmf.md` 12).

use reticulum::crypto::PublicIdentity;
use reticulum::hash::{DestinationHash, PathHash};
use reticulum::node::Node;
use reticulum::time::{Instant, UnixTime};
use reticulum::wire::msgpack::{self, Reader};

use super::peers::{Peer, info};
use super::syncs::Stage;
use super::values::{Answer, Ask, Asker, Totals};
use super::{Asked as AnyAsked, PropagationNode};
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
pub(super) struct Asked(Asker);

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
            if self.ask(Ask::Totals, AnyAsked::Stats(Asked(asker))).is_err() {
                self.refuse(asker, Code::Throttled);
            }
            return;
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

    pub(super) fn stats_known(&mut self, now: Instant, node: &Node, asked: &Asked, answer: &Answer) {
        let Answer::Totals(totals) = answer else { return self.refuse(asked.0, Code::Throttled) };
        let stats = self.stats(now, node, *totals);
        self.respond(asked.0, stats);
    }

    fn stats(&self, now: Instant, node: &Node, totals: Totals) -> Vec<u8> {
        let config = &self.config;
        let named = self.peers.all.values().filter(|peer| peer.is_static).count() as u64;
        let peers = self.peers.len() as u64;
        let mut map = Map::new(21);
        map.bin("identity_hash", config.identity.hash().as_ref());
        map.bin("destination_hash", self.address.as_ref());
        map.float("uptime", now.since(self.control.started).as_secs_f64());
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
        map.uint("count", totals.count);
        map.uint("bytes", totals.bytes);
        map.uint("limit", config.stored_len_max);
        map.map("clients", 2);
        map.uint("client_propagation_messages_received", self.counters.uploaded);
        map.uint("client_propagation_messages_served", self.counters.served);
        map.uint("unpeered_propagation_incoming", self.counters.uploaded);
        map.uint("unpeered_propagation_rx_bytes", self.counters.unpeered_bytes);
        map.uint("static_peers", named);
        map.uint("discovered_peers", peers - named);
        map.uint("total_peers", peers);
        map.uint("max_peers", config.peers_max as u64);
        map.map("peers", self.peers.len());
        for (destination, peer) in &self.peers.all {
            msgpack::write_bin(&mut map.out, destination.as_ref());
            self.peer_stats(now, node, destination, peer, &mut map);
        }
        map.out
    }

    fn peer_stats(
        &self,
        now: Instant,
        node: &Node,
        destination: &DestinationHash,
        peer: &Peer,
        map: &mut Map,
    ) {
        let info = info(node, destination);
        let seconds = |time: UnixTime| time.as_secs_f64();
        let record = &peer.record;
        let next =
            self.timers.deadline(&super::Timer::Peer(*destination)).filter(|_| peer.stage == Stage::Idle);
        let next = next.map_or(0.0, |at| seconds(node.unix_time(now) + at.since(now)));
        msgpack::write_map_len(&mut map.out, 22);
        map.text("type", if peer.is_static { "static" } else { "discovered" });
        map.uint("state", peer.stage.code());
        map.bool("alive", peer.failures == 0 && info.is_some());
        map.text_or_nil("name", info.as_ref().and_then(|info| info.name.as_deref()));
        map.uint("last_heard", record.heard.as_secs());
        map.float("next_sync_attempt", next);
        map.float("last_sync_attempt", peer.tried_at.map_or(0.0, seconds));
        map.uint("sync_backoff", peer.backoff().as_secs());
        map.uint("peering_timebase", info.as_ref().map_or(0, |info| info.timebase));
        map.uint("ler", 0);
        map.uint("str", 0);
        let kb = |bytes: u64| bytes as f64 / 1_000.0;
        map.float("transfer_limit", info.as_ref().map_or(0.0, |info| kb(info.message_len_max)));
        map.float("sync_limit", info.as_ref().map_or(0.0, |info| kb(info.transfer_len_max)));
        map.uint("target_stamp_cost", info.as_ref().map_or(0, |info| info.stamp_cost.into()));
        map.uint("stamp_cost_flexibility", info.as_ref().map_or(0, |info| info.flexibility.into()));
        map.uint("peering_cost", info.as_ref().map_or(0, |info| info.peering_cost.into()));
        match record.key {
            Some((_, value)) => map.uint("peering_key", value.into()),
            None => map.nil("peering_key"),
        }
        map.uint("network_distance", node.path(destination).map_or(255, |path| path.hops.into()));
        map.uint("rx_bytes", peer.rx_bytes);
        map.uint("tx_bytes", peer.tx_bytes);
        let rate = if peer.offered == 0 { 0.0 } else { peer.outgoing as f64 / peer.offered as f64 };
        map.float("acceptance_rate", rate);
        map.map("messages", 4);
        map.uint("offered", peer.offered);
        map.uint("outgoing", peer.outgoing);
        map.uint("incoming", peer.incoming);
        map.uint("unhandled", peer.has_news.into());
    }
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
