//! Bodies of the link handshake (spec 6.1, 6.4, 6.8) and the sizes that follow from a link's MTU.

use std::time::Duration;

use super::{HEADER_MAX, HEADER_MIN, IFAC_MIN, MTU, msgpack};
use crate::crypto::{Identity, PublicIdentity, TOKEN_OVERHEAD};
use crate::hash::LinkId;

/// The only link mode that is enabled: AES-256-CBC (spec 6.1).
pub const MODE_AES_256_CBC: u8 = 1;
/// MTU of a link whose request or proof carries no signalling.
pub const MTU_UNSIGNALLED: u32 = MTU as u32;
/// Largest MTU that signalling can express: 21 bits.
pub const MTU_MAX: u32 = 0x1F_FFFF;
/// Keepalive sent by the initiator.
pub const KEEPALIVE_PROBE: u8 = 0xFF;
/// Keepalive with which the responder answers.
pub const KEEPALIVE_ANSWER: u8 = 0xFE;

const BLOCK_LEN: usize = 16;

/// Most application bytes of one packet on a link of this MTU (spec 1.2): 431 at 500.
pub const fn mdu(mtu: u32) -> usize {
    let room = (mtu as usize).saturating_sub(IFAC_MIN + HEADER_MIN + TOKEN_OVERHEAD);
    (room / BLOCK_LEN).saturating_mul(BLOCK_LEN).saturating_sub(1)
}

/// Bytes in each part of a resource on a link of this MTU (spec 1.2): 464 at 500.
pub const fn resource_sdu(mtu: u32) -> usize {
    (mtu as usize).saturating_sub(HEADER_MAX + IFAC_MIN)
}

/// Mode and MTU of a link, in three bytes: three bits and 21.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signalling {
    /// See [`MODE_AES_256_CBC`]; others parse, and are then dropped.
    pub mode: u8,
    /// In bytes, at most [`MTU_MAX`]. Covers a frame from flags to data.
    pub mtu: u32,
}

impl Signalling {
    /// Length on the wire.
    pub const LEN: usize = 3;

    /// What a missing signalling stands for.
    pub const ABSENT: Self = Self { mode: MODE_AES_256_CBC, mtu: MTU_UNSIGNALLED };

    /// Reads the wire form.
    pub const fn from_bytes([high, middle, low]: [u8; 3]) -> Self {
        Self { mode: high >> 5, mtu: u32::from_be_bytes([0, high & 0x1F, middle, low]) }
    }

    /// The wire form; excess bits are cut.
    pub const fn to_bytes(self) -> [u8; 3] {
        let [_, high, middle, low] = (self.mtu & MTU_MAX).to_be_bytes();
        [self.mode << 5 | high, middle, low]
    }

    /// Reads the tail of a body: nothing, or exactly three bytes.
    fn parse_tail(tail: &[u8]) -> Option<Option<Self>> {
        if tail.is_empty() {
            return Some(None);
        }
        tail.try_into().ok().map(|bytes| Some(Self::from_bytes(bytes)))
    }

    fn emit_tail(tail: Option<Self>, out: &mut Vec<u8>) {
        if let Some(signalling) = tail {
            out.extend_from_slice(&signalling.to_bytes());
        }
    }
}

/// Data of a link request (spec 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkRequest {
    /// The initiator's ephemeral agreement key.
    pub x25519: [u8; 32],
    /// The initiator's ephemeral signing key, which proves packets on the link.
    pub ed25519: [u8; 32],
    /// Wanted mode and MTU; always sent, and stripped by some transport nodes.
    pub signalling: Option<Signalling>,
}

impl LinkRequest {
    /// Takes exactly 64 or 67 bytes.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let (x25519, rest) = data.split_first_chunk()?;
        let (ed25519, tail) = rest.split_first_chunk()?;
        Some(Self { x25519: *x25519, ed25519: *ed25519, signalling: Signalling::parse_tail(tail)? })
    }

    /// Appends the data to `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.x25519);
        out.extend_from_slice(&self.ed25519);
        Signalling::emit_tail(self.signalling, out);
    }
}

/// Data of the proof that answers a link request (spec 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkProof {
    /// By the responder's identity, over link id, ephemeral key, identity key and signalling.
    pub signature: [u8; 64],
    /// The responder's ephemeral agreement key.
    pub x25519: [u8; 32],
    /// Confirmed mode and MTU.
    pub signalling: Option<Signalling>,
}

impl LinkProof {
    /// Takes exactly 96 or 99 bytes.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let (signature, rest) = data.split_first_chunk()?;
        let (x25519, tail) = rest.split_first_chunk()?;
        Some(Self { signature: *signature, x25519: *x25519, signalling: Signalling::parse_tail(tail)? })
    }

    /// Appends the data to `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.signature);
        out.extend_from_slice(&self.x25519);
        Signalling::emit_tail(self.signalling, out);
    }

    /// The proof of `identity` for a link whose ephemeral key at our end is `x25519`. One signature.
    pub fn build(
        identity: &Identity,
        link: LinkId,
        x25519: [u8; 32],
        signalling: Option<Signalling>,
    ) -> Self {
        let mut proof = Self { signature: [0; 64], x25519, signalling };
        proof.signature = identity.sign(&proof.signed_message(link, identity.public().ed25519()));
        proof
    }

    /// Whether `peer` made this proof, for this link. One verification.
    pub fn verify(&self, peer: &PublicIdentity, link: LinkId) -> bool {
        peer.verify(&self.signed_message(link, peer.ed25519()), &self.signature)
    }

    /// The identity's signing key counts, though it is not in the packet.
    fn signed_message(&self, link: LinkId, identity_ed25519: &[u8; 32]) -> Vec<u8> {
        let mut message = [link.as_ref(), &self.x25519, identity_ed25519].concat();
        Signalling::emit_tail(self.signalling, &mut message);
        message
    }
}

/// Plaintext of an identify packet (spec 6.8): the initiator tells who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identify<'a> {
    /// The identity's public form.
    pub identity: &'a [u8; 64],
    /// Over link id ‖ public form.
    pub signature: &'a [u8; 64],
}

impl<'a> Identify<'a> {
    /// Takes exactly 128 bytes.
    pub fn parse(plaintext: &'a [u8]) -> Option<Self> {
        let (identity, signature) = plaintext.split_first_chunk()?;
        Some(Self { identity, signature: signature.try_into().ok()? })
    }

    /// The plaintext with which `identity` names itself on a link. One signature.
    pub fn build(identity: &Identity, link: LinkId) -> Vec<u8> {
        let public = identity.public().to_bytes();
        let signature = identity.sign(&[link.as_ref(), &public].concat());
        [public, signature].concat()
    }

    /// The identity, if its signature holds. One verification.
    pub fn verify(&self, link: LinkId) -> Option<PublicIdentity> {
        let identity = PublicIdentity::from_bytes(self.identity)?;
        let message = [link.as_ref(), self.identity].concat();
        identity.verify(&message, self.signature).then_some(identity)
    }
}

/// Plaintext of the packet that completes a handshake: the initiator's round-trip time in seconds.
pub fn encode_rtt(rtt: Duration) -> Vec<u8> {
    let mut out = Vec::with_capacity(9);
    msgpack::write_f64(&mut out, rtt.as_secs_f64());
    out
}

/// Reads a round-trip time; `None` if it is not a number, negative, or beyond all measure.
pub fn decode_rtt(plaintext: &[u8]) -> Option<Duration> {
    let secs = msgpack::Reader::new(plaintext).read_f64().ok()?;
    Duration::try_from_secs_f64(secs).ok()
}
