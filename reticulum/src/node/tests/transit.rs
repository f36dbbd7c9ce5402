//! A transport node alone, with frames as its neighbours would send them: what the tests of forwarding share.

use super::net::*;
use crate::hash::{DestinationHash, IdentityHash, NameHash};
use crate::node::*;
use crate::time::Instant;
use crate::wire::{self, Announce, Context, Packet, PacketType};

/// The transport node with an interface on either side and a third one.
pub(super) struct Transit {
    pub(super) net: Net,
    /// Where senders are.
    pub(super) near: InterfaceId,
    /// Where destinations are.
    pub(super) far: InterfaceId,
    /// Where nobody is.
    pub(super) aside: InterfaceId,
}

/// The next hop to destinations that are not neighbours.
pub(super) const NEXT: IdentityHash = IdentityHash::new([0xcc; 16]);

pub(super) fn frame(packet: Packet<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    packet.emit(&mut frame);
    frame
}

impl Transit {
    pub(super) fn new() -> Self {
        Self::with(|_, config| NodeConfig { transport: true, ..config }, [fast(), fast(), fast()])
    }

    pub(super) fn with(
        config: impl Fn(u8, NodeConfig) -> NodeConfig,
        [near, far, aside]: [InterfaceConfig; 3],
    ) -> Self {
        let mut net = Net::with(1, config);
        let now = net.now;
        let node = &mut net.hosts[0].node;
        let near = node.add_interface(now, near);
        let far = node.add_interface(now, far);
        let aside = node.add_interface(now, aside);
        Self { net, near, far, aside }
    }

    pub(super) fn node(&mut self) -> &mut Node {
        &mut self.net.hosts[0].node
    }

    pub(super) fn now(&self) -> Instant {
        self.net.now
    }

    /// Who the node is on the network.
    pub(super) fn own(&self) -> IdentityHash {
        identity(100).hash()
    }

    /// A packet that names the node as next hop.
    pub(super) fn addressed<'a>(&self, packet: Packet<'a>) -> Packet<'a> {
        packet.via(self.own())
    }

    /// Lets the node hear of destination number `n`, which is `hops` away on the far side.
    pub(super) fn destination(&mut self, n: u8, hops: u8) -> DestinationHash {
        let identity = identity(n);
        let name = NameHash::of_name("test.far");
        let destination = DestinationHash::of_single(name, identity.hash());
        let blob = wire::random_blob([n; 5], self.net.hosts[0].node.unix_time(self.net.now));
        let data = Announce::build(&identity, destination, name, blob, None, b"");
        let announce = Packet::announce(destination, Context::NONE, false, &data).with_hops(hops - 1);
        let announce = if hops > 1 { announce.via(NEXT) } else { announce };
        self.feed(self.far, &frame(announce));
        assert_eq!(self.node().path(&destination).map(|path| path.hops), Some(hops));
        destination
    }

    /// Gives the node a frame, and returns all but announces and path requests that it sends because of it.
    pub(super) fn feed(&mut self, interface: InterfaceId, frame: &[u8]) -> Vec<(InterfaceId, Vec<u8>)> {
        let now = self.net.now;
        self.node().handle_frame(now, interface, frame);
        self.sent()
    }

    /// What the node sends, without announces and path requests.
    pub(super) fn sent(&mut self) -> Vec<(InterfaceId, Vec<u8>)> {
        self.net.drain();
        let sent = std::mem::take(&mut self.net.hosts[0].sent);
        let passed = |frame: &[u8]| {
            let header = Packet::parse(frame).expect("it sends packets").header;
            header.packet_type != PacketType::Announce
                && header.destination_hash() != crate::transport::path_request_destination()
        };
        sent.into_iter().filter(|(_, frame)| passed(frame)).collect()
    }

    /// Path requests that the node sends while time passes: where, and for which destination.
    pub(super) fn requests(&mut self, duration: std::time::Duration) -> Vec<(InterfaceId, DestinationHash)> {
        self.net.run(duration);
        let sent = std::mem::take(&mut self.net.hosts[0].sent);
        let wanted = |frame: &[u8]| {
            let packet = Packet::parse(frame).expect("it sends packets");
            let asks = packet.header.destination_hash() == crate::transport::path_request_destination();
            asks.then(|| DestinationHash::from_slice(&packet.data[..16]).expect("16 bytes"))
        };
        sent.iter().filter_map(|(interface, frame)| Some((*interface, wanted(frame)?))).collect()
    }

    pub(super) fn counters(&self) -> Counters {
        *self.net.hosts[0].node.counters()
    }
}
