//! Packing and signing. The same draft by the same identity always gives the same bytes, on any route, at any time.

use reticulum::crypto::Identity;
use reticulum::hash::{DestinationHash, sha256_of};
use reticulum::wire::msgpack;

use super::{HEADER_LEN, LINK_PACKET_PAYLOAD_MAX, MessageId, OPPORTUNISTIC_PAYLOAD_MAX};
use crate::fields::Fields;

/// What there is to say, and between whom.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// The recipient's `lxmf.delivery`.
    pub destination: DestinationHash,
    /// The sender's `lxmf.delivery`; the identity that signs must be its owner's.
    pub source: DestinationHash,
    /// Unix seconds. Two messages that agree in everything else need different ones, or they are the same message.
    pub timestamp: f64,
    /// UTF-8.
    pub title: &'a [u8],
    /// UTF-8.
    pub content: &'a [u8],
    /// Any.
    pub fields: &'a Fields,
}

/// A signed message, ready to travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    bytes: Vec<u8>,
    id: MessageId,
}

/// What the fixed parts of a payload take at most: headers of array, timestamp, title and content, and a ticket or
/// stamp that may come later.
const PAYLOAD_FIXED_MAX: usize = 1 + 9 + 5 + 5 + 34;

impl Draft<'_> {
    /// Packs and signs: one Ed25519 signature.
    pub fn pack(&self, identity: &Identity) -> Packed {
        let body = self.title.len() + self.content.len() + self.fields.as_raw().len();
        let mut bytes = Vec::with_capacity(HEADER_LEN + PAYLOAD_FIXED_MAX + body);
        bytes.extend_from_slice(self.destination.as_ref());
        bytes.extend_from_slice(self.source.as_ref());
        self.write_payload(&mut bytes);
        let id = MessageId(sha256_of(&[&bytes]));
        // The bytes so far and the id are just what is signed; then the signature takes its place in front.
        let unsigned_len = bytes.len();
        bytes.extend_from_slice(id.as_bytes());
        let signature = identity.sign(&bytes);
        bytes.truncate(unsigned_len);
        bytes.splice(HEADER_LEN - signature.len()..HEADER_LEN - signature.len(), signature);
        Packed { bytes, id }
    }

    fn write_payload(&self, out: &mut Vec<u8>) {
        msgpack::write_array_len(out, 4);
        msgpack::write_f64(out, self.timestamp);
        msgpack::write_bin(out, self.title);
        msgpack::write_bin(out, self.content);
        out.extend_from_slice(self.fields.as_raw());
    }
}

impl Packed {
    /// Names the message.
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// All of it, as it travels on links.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All but the destination hash, as it travels in a single packet.
    pub fn opportunistic_body(&self) -> &[u8] {
        &self.bytes[DestinationHash::LEN..]
    }

    /// Length of the payload, with a stamp if there is one.
    pub fn payload_len(&self) -> usize {
        self.bytes.len() - HEADER_LEN
    }

    /// Whether one single packet carries it.
    pub fn fits_opportunistic(&self) -> bool {
        self.payload_len() <= OPPORTUNISTIC_PAYLOAD_MAX
    }

    /// Whether one packet on a link carries it; a resource must otherwise.
    pub fn fits_link_packet(&self) -> bool {
        self.payload_len() <= LINK_PACKET_PAYLOAD_MAX
    }

    /// Adds a stamp (32 bytes) or ticket stamp (16). Neither id nor signature change. To be called at most once.
    pub fn add_stamp(&mut self, stamp: &[u8]) {
        debug_assert_eq!(self.bytes[HEADER_LEN], FOUR_ELEMENTS, "a message has one stamp");
        self.bytes[HEADER_LEN] = FOUR_ELEMENTS + 1;
        msgpack::write_bin(&mut self.bytes, stamp);
    }
}

/// First byte of a payload without stamp.
pub(super) const FOUR_ELEMENTS: u8 = 0x94;
