//! Which packets are for us at all, by their header alone (`spec/reticulum.md` 5.3, filter table).

use crate::hash::IdentityHash;
use crate::wire::{DestinationType, Header, PacketType};

/// What the filter says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Process it, also if it was seen before.
    Pass,
    /// Process it unless it was seen before.
    PassOnce,
    /// In transport to another node.
    NotOurs,
    /// Plain or group: announced, or from too far away.
    OutOfScope,
}

/// Applies the filter table; hops are those on the wire. The first row that matches wins.
pub(crate) fn filter(header: &Header, own: &IdentityHash) -> Verdict {
    let announce = header.packet_type == PacketType::Announce;
    if !announce && header.transport_id.is_some_and(|id| id != *own) {
        return Verdict::NotOurs;
    }
    if header.context.skips_duplicate_filter() {
        return Verdict::Pass;
    }
    match header.destination_type {
        DestinationType::Plain | DestinationType::Group if announce || header.hops > 1 => Verdict::OutOfScope,
        DestinationType::Plain | DestinationType::Group => Verdict::Pass,
        DestinationType::Single if announce => Verdict::Pass,
        DestinationType::Single | DestinationType::Link => Verdict::PassOnce,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{DestinationHash, LinkId};
    use crate::wire::{Context, Packet};

    const OWN: IdentityHash = IdentityHash::new([1; 16]);
    const OTHER: IdentityHash = IdentityHash::new([2; 16]);
    const TO: DestinationHash = DestinationHash::new([3; 16]);

    fn verdict(packet: Packet<'_>) -> Verdict {
        filter(&packet.header, &OWN)
    }

    #[test]
    fn row_1_in_transport_to_another() {
        let packet = Packet::single(TO, Context::NONE, &[0]);
        assert_eq!(verdict(packet.via(OTHER)), Verdict::NotOurs);
        assert_eq!(verdict(packet.via(OWN)), Verdict::PassOnce);
        assert_eq!(verdict(Packet::announce(TO, Context::NONE, false, &[0]).via(OTHER)), Verdict::Pass);
        let resource = Packet::link(LinkId::new([4; 16]), Context::RESOURCE, &[0]);
        assert_eq!(verdict(resource.via(OTHER)), Verdict::NotOurs, "row 1 comes before row 2");
    }

    #[test]
    fn row_2_contexts_that_repeat() {
        let link = LinkId::new([4; 16]);
        for context in 0..=255 {
            let context = Context(context);
            let repeats = [
                Context::KEEPALIVE,
                Context::RESOURCE_REQ,
                Context::RESOURCE_PRF,
                Context::RESOURCE,
                Context::CACHE_REQUEST,
                Context::CHANNEL,
            ]
            .contains(&context);
            let expected = if repeats { Verdict::Pass } else { Verdict::PassOnce };
            assert_eq!(verdict(Packet::link(link, context, &[0])), expected, "{context:?}");
        }
    }

    #[test]
    fn rows_3_and_4_plain_and_group() {
        for destination_type in [DestinationType::Plain, DestinationType::Group] {
            let with = |packet_type, hops| {
                let mut packet = Packet::plain(TO, Context::NONE, &[0]).with_hops(hops);
                packet.header.destination_type = destination_type;
                packet.header.packet_type = packet_type;
                verdict(packet)
            };
            assert_eq!(with(PacketType::Announce, 0), Verdict::OutOfScope);
            assert_eq!(with(PacketType::Data, 0), Verdict::Pass);
            assert_eq!(with(PacketType::Data, 1), Verdict::Pass);
            assert_eq!(with(PacketType::Data, 2), Verdict::OutOfScope);
        }
    }

    #[test]
    fn rows_5_to_7_duplicates() {
        assert_eq!(verdict(Packet::announce(TO, Context::NONE, false, &[0])), Verdict::Pass);
        assert_eq!(verdict(Packet::announce(TO, Context::PATH_RESPONSE, false, &[0])), Verdict::Pass);
        assert_eq!(verdict(Packet::single(TO, Context::NONE, &[0])), Verdict::PassOnce);
        assert_eq!(verdict(Packet::link_request(TO, &[0])), Verdict::PassOnce);
        let mut link_announce = Packet::announce(TO, Context::NONE, false, &[0]);
        link_announce.header.destination_type = DestinationType::Link;
        assert_eq!(verdict(link_announce), Verdict::PassOnce);
    }
}
