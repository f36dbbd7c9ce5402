//! The context byte: what a packet's body is (spec 3.2). Unknown values travel on unchanged.

/// A context byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Context(pub u8);

impl Context {
    /// Application data, or none in particular.
    pub const NONE: Self = Self(0x00);
    /// One part of a resource: a raw slice of an encrypted stream.
    pub const RESOURCE: Self = Self(0x01);
    /// Resource advertisement.
    pub const RESOURCE_ADV: Self = Self(0x02);
    /// Request for parts of a resource.
    pub const RESOURCE_REQ: Self = Self(0x03);
    /// More map hashes of a resource.
    pub const RESOURCE_HMU: Self = Self(0x04);
    /// Proof that a resource arrived.
    pub const RESOURCE_PRF: Self = Self(0x05);
    /// The sender of a resource gives up.
    pub const RESOURCE_ICL: Self = Self(0x06);
    /// The receiver of a resource declines or gives up.
    pub const RESOURCE_RCL: Self = Self(0x07);
    /// Asks for a packet by its hash.
    pub const CACHE_REQUEST: Self = Self(0x08);
    /// Request on a link.
    pub const REQUEST: Self = Self(0x09);
    /// Response to one.
    pub const RESPONSE: Self = Self(0x0A);
    /// An announce that answers a path request.
    pub const PATH_RESPONSE: Self = Self(0x0B);
    /// Reserved.
    pub const COMMAND: Self = Self(0x0C);
    /// Reserved.
    pub const COMMAND_STATUS: Self = Self(0x0D);
    /// Channel envelope.
    pub const CHANNEL: Self = Self(0x0E);
    /// Keepalive probe or answer, one byte in the clear.
    pub const KEEPALIVE: Self = Self(0xFA);
    /// The initiator of a link tells who it is.
    pub const LINK_IDENTIFY: Self = Self(0xFB);
    /// A link ends.
    pub const LINK_CLOSE: Self = Self(0xFC);
    /// Defined and never sent: proofs of link packets carry [`Self::NONE`].
    pub const LINK_PROOF: Self = Self(0xFD);
    /// The initiator's round-trip time, which completes a handshake.
    pub const LINK_RTT: Self = Self(0xFE);
    /// Answer to a link request.
    pub const LINK_REQUEST_PROOF: Self = Self(0xFF);

    /// Whether the value has a name above.
    pub const fn is_known(self) -> bool {
        matches!(self.0, 0x00..=0x0E | 0xFA..=0xFF)
    }

    /// Whether packets of this context are legitimately repeated byte for byte, so that the duplicate filter must let
    /// them pass.
    pub const fn skips_duplicate_filter(self) -> bool {
        matches!(
            self,
            Self::RESOURCE
                | Self::RESOURCE_REQ
                | Self::RESOURCE_PRF
                | Self::CACHE_REQUEST
                | Self::CHANNEL
                | Self::KEEPALIVE
        )
    }

    /// Whether the sender of a data packet waits for its proof (spec 3.5).
    pub const fn gets_receipt(self) -> bool {
        !matches!(self.0, 0x01..=0x07 | 0xFA..=0xFF)
    }
}
