//! One message: how it is packed, named, signed, read and verified (`spec/lxmf.md` 1).
//!
//! [`Unverified`] is what arrived, borrowed; only [`Unverified::verify`] makes a [`Message`] of it, so whoever holds
//! a [`Message`] knows that its source signed it. Owns no delivery: that is the router's.

mod pack;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

pub use pack::{Draft, Packed};
pub use parse::{UnpackError, Unverified};
use reticulum::hash::DestinationHash;

use crate::fields::Fields;

/// Destination hash, source hash and signature in front of the payload.
pub const HEADER_LEN: usize = 96;
/// The smallest message: empty title, content and fields (`spec/lxmf.md` 1.1).
pub const MESSAGE_LEN_MIN: usize = 111;
/// Longest payload of a message in one single packet (`spec/lxmf.md` 3); older senders go 8 bytes beyond.
pub const OPPORTUNISTIC_PAYLOAD_MAX: usize = 303;
/// Longest payload of a message in one packet on a link, whatever MTU the link has (`spec/lxmf.md` 3).
pub const LINK_PACKET_PAYLOAD_MAX: usize = 335;

/// Names a message: SHA-256 over destination, source and payload without stamp. It never travels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId([u8; 32]);

impl MessageId {
    /// Wraps raw bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({self})")
    }
}

/// A message whose signature is its source's.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Names it, together with whom it went to.
    pub id: MessageId,
    /// The recipient's `lxmf.delivery`.
    pub destination: DestinationHash,
    /// The sender's `lxmf.delivery`.
    pub source: DestinationHash,
    /// By the sender's identity.
    pub signature: [u8; 64],
    /// Unix seconds of the sender's clock; any number, so not to be trusted for order.
    pub timestamp: f64,
    /// UTF-8, if the sender is honest.
    pub title: Vec<u8>,
    /// UTF-8, if the sender is honest.
    pub content: Vec<u8>,
    /// All of them, known or not.
    pub fields: Fields,
    /// Proof of work (32 bytes) or ticket (16), unchecked, of any length.
    pub stamp: Option<Vec<u8>>,
}

/// How a message travels or travelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// One single packet, sealed to the destination.
    Opportunistic,
    /// On a link, as a packet or as a resource.
    Direct,
    /// By a propagation node, which keeps it until the recipient asks for it.
    Propagated,
    /// As a text that a person carries: see [`paper`](crate::paper).
    Paper,
}
