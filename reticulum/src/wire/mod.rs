//! What travels: borrowed parsing of frames and bodies, and emission into a `Vec<u8>`.
//!
//! Owns the layouts of spec sections 3, 4.1, 6 to 9 and 11, and nothing that happens because of them: no tables, no
//! timers, no keys but those that sign or verify a layout. Every parser takes any bytes without panicking, allocates
//! nothing that its input does not pay for, and does not recurse. What is unknown (contexts, link modes, map keys)
//! is kept or skipped, never refused. The lints below hold for the whole module.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod announce;
mod context;
mod packet;
mod proof;
mod transit;

pub mod channel;
pub mod link;
pub mod msgpack;
pub mod request;
pub mod resource;

pub use announce::{Announce, AnnounceError, emission_secs, random_blob};
pub use context::Context;
pub use packet::{DestinationType, Header, Packet, PacketError, PacketType, TransportType};
pub use proof::Proof;
pub use transit::{Clamp, Rewrite, onward, with_hops};

/// Base packet size in bytes, header to data, without access code and framing (spec 1.2).
pub const MTU: usize = 500;
/// Smallest header: flags, hops, destination, context (spec 1.2).
pub const HEADER_MIN: usize = 19;
/// Header of a packet in transport: the next hop's identity hash on top (spec 1.2).
pub const HEADER_MAX: usize = 35;
/// Bytes reserved for an access code wherever a payload size is derived, even if the code is longer (spec 1.2).
pub const IFAC_MIN: usize = 1;
/// Most data bytes of a plain packet (spec 1.2).
pub const MDU: usize = 464;
/// Most plaintext bytes of a packet that is encrypted to an identity (spec 1.2).
pub const ENCRYPTED_MDU: usize = 383;
/// First hop count that is malformed on the wire (spec 1.3).
pub const HOPS_MAX: u8 = 128;
/// Most application data of an announce without a ratchet that still fits once in transport (spec 4.1).
pub const APP_DATA_MAX: usize = 317;
/// Most application data of an announce with a ratchet that still fits once in transport (spec 4.1).
pub const APP_DATA_MAX_WITH_RATCHET: usize = 285;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests;
