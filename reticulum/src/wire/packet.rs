//! The packet: flags, hops, addresses, context, data (spec 3.1, 3.3).
//!
//! A frame is taken after its access code was removed, and emitted before one is added.

use thiserror::Error;

use super::{Context, HEADER_MAX, HEADER_MIN, HOPS_MAX};
use crate::hash::{DestinationHash, IdentityHash, LinkId, PacketHash, ProofAddress};

const FLAG_IFAC: u8 = 0x80;
const FLAG_HEADER_2: u8 = 0x40;
const FLAG_CONTEXT: u8 = 0x20;
const FLAG_TRANSPORT: u8 = 0x10;

/// The bits of the flags that are the same on every hop: destination type and packet type.
pub(super) const FLAGS_STABLE: u8 = 0x0F;

/// How many leading data bytes of a link request count for the link id: its two public keys.
const LINK_ID_DATA: usize = 64;

/// Whether a packet is flooded or follows a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportType {
    /// To whoever hears it.
    Broadcast,
    /// Along a path.
    Transport,
}

/// What the destination field names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationType {
    /// A destination of one identity; also the address of a proof.
    Single,
    /// A destination with a shared key.
    Group,
    /// A destination without encryption.
    Plain,
    /// A link.
    Link,
}

/// What a packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketType {
    /// Data.
    Data,
    /// Announce of a destination.
    Announce,
    /// Request to open a link.
    LinkRequest,
    /// Proof of a packet, a link request or a resource.
    Proof,
}

/// Why a frame is not a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PacketError {
    /// Shorter than its header.
    #[error("frame shorter than its header")]
    Truncated,
    /// No data follows the header.
    #[error("packet without data")]
    Empty,
    /// The hop count is 128 or more.
    #[error("hop count out of range")]
    Hops,
    /// It carries an access code, which an interface without one does not accept.
    #[error("unexpected access code")]
    AccessCode,
}

/// Everything in front of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Announces: a ratchet is included. Lost at the last hop of other packets.
    pub context_flag: bool,
    /// Flooded, or along a path.
    pub transport_type: TransportType,
    /// What `destination` names.
    pub destination_type: DestinationType,
    /// What the packet is for.
    pub packet_type: PacketType,
    /// Hops so far, as on the wire.
    pub hops: u8,
    /// The transport node that is to forward it. With one, the header has type 2 and 35 bytes; without, type 1 and 19.
    pub transport_id: Option<IdentityHash>,
    /// The raw destination field; see the typed accessors.
    pub destination: [u8; 16],
    /// What the data is.
    pub context: Context,
}

impl Header {
    fn new(packet_type: PacketType, destination_type: DestinationType, destination: [u8; 16]) -> Self {
        Self {
            context_flag: false,
            transport_type: TransportType::Broadcast,
            destination_type,
            packet_type,
            hops: 0,
            transport_id: None,
            destination,
            context: Context::NONE,
        }
    }

    /// Splits a frame into its header and what follows.
    fn parse(frame: &[u8]) -> Result<(Self, &[u8]), PacketError> {
        let (&[flags, hops], rest) = frame.split_first_chunk().ok_or(PacketError::Truncated)?;
        if flags & FLAG_IFAC != 0 {
            return Err(PacketError::AccessCode);
        }
        if hops >= HOPS_MAX {
            return Err(PacketError::Hops);
        }
        let (transport_id, rest) = if flags & FLAG_HEADER_2 == 0 {
            (None, rest)
        } else {
            let (id, rest) = rest.split_first_chunk().ok_or(PacketError::Truncated)?;
            (Some(IdentityHash::new(*id)), rest)
        };
        let (destination, rest) = rest.split_first_chunk().ok_or(PacketError::Truncated)?;
        let (context, data) = rest.split_first().ok_or(PacketError::Truncated)?;
        let header = Self {
            context_flag: flags & FLAG_CONTEXT != 0,
            transport_type: match flags & FLAG_TRANSPORT {
                0 => TransportType::Broadcast,
                _ => TransportType::Transport,
            },
            destination_type: match flags >> 2 & 0b11 {
                0 => DestinationType::Single,
                1 => DestinationType::Group,
                2 => DestinationType::Plain,
                _ => DestinationType::Link,
            },
            packet_type: match flags & 0b11 {
                0 => PacketType::Data,
                1 => PacketType::Announce,
                2 => PacketType::LinkRequest,
                _ => PacketType::Proof,
            },
            hops,
            transport_id,
            destination: *destination,
            context: Context(*context),
        };
        Ok((header, data))
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.flags(), self.hops]);
        if let Some(id) = &self.transport_id {
            out.extend_from_slice(id.as_ref());
        }
        out.extend_from_slice(&self.destination);
        out.push(self.context.0);
    }

    /// The flags byte, without the access code bit.
    pub const fn flags(&self) -> u8 {
        let header = if self.transport_id.is_some() { FLAG_HEADER_2 } else { 0 };
        let context = if self.context_flag { FLAG_CONTEXT } else { 0 };
        let transport = match self.transport_type {
            TransportType::Broadcast => 0,
            TransportType::Transport => FLAG_TRANSPORT,
        };
        header | context | transport | (self.destination_type as u8) << 2 | self.packet_type as u8
    }

    /// Length in bytes: 19 or 35.
    pub const fn frame_len(&self) -> usize {
        if self.transport_id.is_some() { HEADER_MAX } else { HEADER_MIN }
    }

    /// The destination field of packets to a destination, announces and link requests.
    pub const fn destination_hash(&self) -> DestinationHash {
        DestinationHash::new(self.destination)
    }

    /// The destination field of packets on a link.
    pub const fn link_id(&self) -> LinkId {
        LinkId::new(self.destination)
    }

    /// The destination field of proofs of single packets.
    pub const fn proof_address(&self) -> ProofAddress {
        ProofAddress::new(self.destination)
    }
}

/// A header and the data behind it, which is never empty in a parsed packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Everything in front of the data.
    pub header: Header,
    /// The body.
    pub data: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Parses a whole frame. Contexts are not judged.
    pub fn parse(frame: &'a [u8]) -> Result<Self, PacketError> {
        let (header, data) = Header::parse(frame)?;
        if data.is_empty() {
            return Err(PacketError::Empty);
        }
        Ok(Self { header, data })
    }

    /// Data to a destination of an identity; `data` is sealed already.
    pub fn single(destination: DestinationHash, context: Context, data: &'a [u8]) -> Self {
        Self::new(PacketType::Data, DestinationType::Single, *destination.as_bytes(), context, data)
    }

    /// Data to a plain destination.
    pub fn plain(destination: DestinationHash, context: Context, data: &'a [u8]) -> Self {
        Self::new(PacketType::Data, DestinationType::Plain, *destination.as_bytes(), context, data)
    }

    /// Data on a link; `data` is encrypted already where the context wants it.
    pub fn link(link: LinkId, context: Context, data: &'a [u8]) -> Self {
        Self::new(PacketType::Data, DestinationType::Link, *link.as_bytes(), context, data)
    }

    /// Request to open a link to a destination.
    pub fn link_request(destination: DestinationHash, data: &'a [u8]) -> Self {
        let destination = *destination.as_bytes();
        Self::new(PacketType::LinkRequest, DestinationType::Single, destination, Context::NONE, data)
    }

    /// Proof on a link: of its request, of a packet or of a resource, by context.
    pub fn link_proof(link: LinkId, context: Context, data: &'a [u8]) -> Self {
        Self::new(PacketType::Proof, DestinationType::Link, *link.as_bytes(), context, data)
    }

    /// Proof of a single packet.
    pub fn proof(address: ProofAddress, data: &'a [u8]) -> Self {
        Self::new(PacketType::Proof, DestinationType::Single, *address.as_bytes(), Context::NONE, data)
    }

    /// Announce, with [`Context::NONE`] or [`Context::PATH_RESPONSE`]. `has_ratchet` must tell the layout of `data`.
    pub fn announce(
        destination: DestinationHash,
        context: Context,
        has_ratchet: bool,
        data: &'a [u8],
    ) -> Self {
        let destination = *destination.as_bytes();
        let mut packet = Self::new(PacketType::Announce, DestinationType::Single, destination, context, data);
        packet.header.context_flag = has_ratchet;
        packet
    }

    fn new(
        packet_type: PacketType,
        destination_type: DestinationType,
        destination: [u8; 16],
        context: Context,
        data: &'a [u8],
    ) -> Self {
        Self { header: Header { context, ..Header::new(packet_type, destination_type, destination) }, data }
    }

    /// The same packet, to be forwarded by the transport node `next_hop`.
    #[must_use]
    pub fn via(mut self, next_hop: IdentityHash) -> Self {
        self.header.transport_id = Some(next_hop);
        self.header.transport_type = TransportType::Transport;
        self
    }

    /// The same packet with another hop count.
    #[must_use]
    pub fn with_hops(mut self, hops: u8) -> Self {
        self.header.hops = hops;
        self
    }

    /// Appends the frame to `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.reserve(self.frame_len());
        self.header.emit(out);
        out.extend_from_slice(self.data);
    }

    /// Length of the frame in bytes.
    pub fn frame_len(&self) -> usize {
        self.header.frame_len().saturating_add(self.data.len())
    }

    /// The hash that stays the same on every hop. Covers context and data as sent, so the ciphertext.
    pub fn hash(&self) -> PacketHash {
        self.stable_hash(self.data, PacketHash::of)
    }

    /// The id of the link that a link request asks for. `None` for other packets, and if the keys are missing.
    ///
    /// Signalling is left out, since transport nodes may rewrite or strip it.
    pub fn link_id_of_request(&self) -> Option<LinkId> {
        let keys = self.data.get(..LINK_ID_DATA)?;
        (self.header.packet_type == PacketType::LinkRequest).then(|| self.stable_hash(keys, LinkId::of))
    }

    fn stable_hash<H>(&self, data: &[u8], hash: fn(&[&[u8]]) -> H) -> H {
        let flags = self.header.flags() & FLAGS_STABLE;
        hash(&[&[flags], &self.header.destination, &[self.header.context.0], data])
    }
}
