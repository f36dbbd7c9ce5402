//! How full the tables are that others can fill, for whoever wants to see the bounds kept; the fuzz target `node` does.

use super::Node;

/// A table with its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableUse {
    /// What stands in it.
    pub name: &'static str,
    /// How much of it there is.
    pub used: usize,
    /// The most that there may be.
    pub bound: usize,
}

impl Node {
    /// Every table that a remote can fill. What the application asked to retain does not count.
    pub fn tables(&self) -> impl Iterator<Item = TableUse> + use<> {
        let (limits, transport) = (self.transport.limits(), &self.transport);
        let [announces, answers, capped, discoveries, gates, tunnels, dormant] = transport.waiting();
        [
            ("peers", transport.peers.evictable(), limits.peers),
            ("receipts", self.receipts.len(), limits.receipts),
            // What a peer sends is refused beyond the limit; our announces and links do not wait for that.
            ("work", self.outstanding, limits.work + self.destinations.len() + self.links.len()),
            ("links", self.links.len(), limits.links + limits.half_open_links),
            ("queued_bytes", transport.interfaces.queued_bytes(), limits.queue_bytes_total),
            ("reverse", transport.reverse.len(), limits.reverse),
            ("relays", transport.relays.len(), limits.relays),
            ("rebroadcasts", announces, limits.rebroadcasts),
            ("answers", answers, limits.rebroadcasts),
            ("capped_announces", capped, limits.capped_announces_total),
            ("discoveries", discoveries, limits.discoveries),
            ("discovery_gates", gates, limits.discoveries),
            ("tunnels", tunnels, limits.tunnels),
            ("dormant_paths", dormant, limits.dormant_paths),
        ]
        .map(|(name, used, bound)| TableUse { name, used, bound })
        .into_iter()
    }
}
