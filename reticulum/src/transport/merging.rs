//! What a frame that waits for a slow medium has in common with another, so that one stands for both, and which link it
//! belongs to, so that it goes when the link does.
//!
//! | waits already | comes in | what becomes of it |
//! |---|---|---|
//! | an announce | a newer one of the destination and kind | replaces it (`queue`) |
//! | a path request | one for the same destination, of whatever tag | the first stands for both: they have one answer |
//! | a path request | the path, by another interface | the request goes |
//! | a keep-alive, a proof, a part of a resource, a request for parts | the same bytes | the first stands for both |
//! | anything of a link | the other end closed the link, or it timed out | goes, except what tells the other end so |
//! | anything | its time is over | goes (`queue`) |
//!
//! Packets that are sealed anew each time are never the same, and what waits for a proof is the sender's to repeat.

use super::{AnnounceKey, PathRequest, path_request_destination};
use crate::hash::{DestinationHash, LinkId, sha256};
use crate::wire::{Context, DestinationType, Packet, PacketType};

/// Frames of one key stand for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// Announces of one destination and kind.
    Announce(AnnounceKey),
    /// Requests for the path to one destination.
    PathRequest(DestinationHash),
    /// Frames with this hash.
    Same([u8; 16]),
}

impl Key {
    /// That of a frame that is no announce and waits for no proof.
    pub(crate) fn of(frame: &[u8]) -> Self {
        let request = Packet::parse(frame).ok().and_then(|packet| asked_path(&packet));
        request.map_or_else(|| Self::Same(shortened(sha256(frame))), Self::PathRequest)
    }
}

/// The link whose end makes a frame pointless. Not that of a close, which is to reach the other end.
pub(crate) fn link_of(frame: &[u8]) -> Option<LinkId> {
    let packet = Packet::parse(frame).ok()?;
    match (packet.header.packet_type, packet.header.destination_type) {
        (PacketType::LinkRequest, _) => packet.link_id_of_request(),
        (_, DestinationType::Link) if packet.header.context != Context::LINK_CLOSE => {
            Some(packet.header.link_id())
        }
        _ => None,
    }
}

fn asked_path(packet: &Packet<'_>) -> Option<DestinationHash> {
    let asks = packet.header.destination_type == DestinationType::Plain
        && packet.header.destination_hash() == path_request_destination();
    asks.then(|| PathRequest::parse(packet.data)).flatten().map(|request| request.destination)
}

fn shortened(hash: [u8; 32]) -> [u8; 16] {
    *hash.first_chunk().expect("32 is more than 16")
}
