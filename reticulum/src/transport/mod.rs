//! The network's view of the node: interfaces, paths, peers, and the filter in front of them.

mod peers;

pub use peers::{Peer, RATCHET_LIFETIME};

use crate::node::InterfaceId;

/// A path as the application sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathInfo {
    /// Hops to the destination; 1 is a direct neighbour.
    pub hops: u8,
    /// The interface that leads there.
    pub interface: InterfaceId,
}

/// What an interface carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceStats {
    /// Bytes received, with access codes.
    pub rx_bytes: u64,
    /// Bytes handed out to transmit, with access codes.
    pub tx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Packets handed out to transmit.
    pub tx_packets: u64,
    /// Frames that wait to be transmitted.
    pub queue_len: usize,
    /// Whether it is up.
    pub up: bool,
}
