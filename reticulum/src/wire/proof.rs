//! Proofs of packets (spec 3.4, 6.8).

use crate::hash::PacketHash;

/// The data of a packet's proof, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof<'a> {
    /// Only a signature; the packet is known by the proof's address. Not valid on links.
    Implicit {
        /// Over the packet hash.
        signature: &'a [u8; 64],
    },
    /// Packet hash and signature.
    Explicit {
        /// The proven packet.
        hash: PacketHash,
        /// Over the packet hash.
        signature: &'a [u8; 64],
    },
}

impl<'a> Proof<'a> {
    /// Takes exactly 64 bytes as implicit, 96 as explicit.
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        if let Ok(signature) = data.try_into() {
            return Some(Self::Implicit { signature });
        }
        let (hash, signature) = data.split_first_chunk()?;
        Some(Self::Explicit { hash: PacketHash::new(*hash), signature: signature.try_into().ok()? })
    }

    /// Appends the data to `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        match self {
            Self::Implicit { signature } => out.extend_from_slice(*signature),
            Self::Explicit { hash, signature } => {
                out.extend_from_slice(hash.as_ref());
                out.extend_from_slice(*signature);
            }
        }
    }

    /// The signature of either form.
    pub const fn signature(&self) -> &'a [u8; 64] {
        match self {
            Self::Implicit { signature } | Self::Explicit { signature, .. } => signature,
        }
    }
}
