//! Which propagation nodes there are, and which of them is to be used.
//!
//! Those that are pinned come first, in their order, and what a peer named for itself before them. Nodes that were only
//! heard are used where that is allowed, the nearest first.

use std::collections::BTreeMap;

use reticulum::hash::DestinationHash;
use reticulum::node::Node;
use reticulum::time::Instant;

use crate::propagation::NodeInfo;

/// Nodes heard that are remembered; the one heard longest ago makes room.
const HEARD_MAX: usize = 64;
/// Nodes that one message is offered to, one after the other.
const CANDIDATES_MAX: usize = 3;
/// Nodes farther away than this are not used unless somebody names them.
const HOPS_MAX: u8 = 4;

/// The nodes to use, from the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodePolicy {
    /// Always the first choice, in this order.
    pub pinned: Vec<DestinationHash>,
    /// Whether nodes that were heard are used too.
    pub discover: bool,
}

/// What is known of nodes. Their announces are kept by the engine.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    pub(super) policy: NodePolicy,
    heard: BTreeMap<DestinationHash, Instant>,
}

impl Nodes {
    /// A node announced itself.
    pub(super) fn hear(&mut self, now: Instant, node: DestinationHash, app_data: &[u8]) {
        if NodeInfo::parse(app_data).is_err() {
            self.heard.remove(&node);
            return;
        }
        self.heard.insert(node, now);
        if self.heard.len() > HEARD_MAX
            && let Some(oldest) = self.heard.iter().min_by_key(|(_, at)| **at).map(|(node, _)| *node)
        {
            self.heard.remove(&oldest);
        }
    }

    /// The nodes to try, best first. `named` is the peer's own.
    pub(super) fn candidates(&self, engine: &Node, named: Option<DestinationHash>) -> Vec<DestinationHash> {
        let mut candidates: Vec<DestinationHash> = Vec::new();
        let first = named.into_iter().chain(self.policy.pinned.iter().copied());
        for node in first.chain(self.ranked(engine)) {
            if !candidates.contains(&node) && candidates.len() < CANDIDATES_MAX {
                candidates.push(node);
            }
        }
        candidates
    }

    /// The nodes that were heard and may be used: the nearest, then the cheapest, then the one heard last.
    fn ranked(&self, engine: &Node) -> Vec<DestinationHash> {
        if !self.policy.discover {
            return Vec::new();
        }
        let rank = |(node, heard): (&DestinationHash, &Instant)| {
            let hops = engine.path(node)?.hops;
            let info = info(engine, node).filter(|info| info.enabled && hops <= HOPS_MAX)?;
            Some((hops, info.stamp_cost, std::cmp::Reverse(*heard), *node))
        };
        let mut ranked: Vec<_> = self.heard.iter().filter_map(rank).collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(.., node)| node).collect()
    }
}

/// What a node announced last, if it was heard.
pub(super) fn info(engine: &Node, node: &DestinationHash) -> Option<NodeInfo> {
    NodeInfo::parse(engine.peer(node)?.app_data.as_deref()?).ok()
}
