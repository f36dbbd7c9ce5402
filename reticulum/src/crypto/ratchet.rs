//! Ratchets: rotating X25519 keys that a destination announces for forward secrecy (spec 2.7).

use std::fmt;
use std::sync::OnceLock;

use super::{EphemeralX25519, Rng};
use crate::hash::RatchetId;

/// The private half. Kept by its destination until it is rotated out.
pub struct RatchetSecret {
    key: EphemeralX25519,
    /// Computed when first asked for: a node keeps hundreds of ratchets and opens packets with one or two of them, but
    /// with those it opens thousands, and the public key is a fixed-base multiplication.
    public: OnceLock<RatchetPublic>,
}

impl RatchetSecret {
    /// Takes 32 random bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self { key: EphemeralX25519::from_bytes(bytes), public: OnceLock::new() }
    }

    /// Draws a new key.
    pub fn generate(rng: &mut Rng) -> Self {
        Self::from_bytes(rng.bytes())
    }

    /// The private bytes, to be persisted.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The half that is announced.
    pub fn public(&self) -> RatchetPublic {
        *self.public.get_or_init(|| RatchetPublic(self.key.public()))
    }

    /// The name of this ratchet in local bookkeeping.
    pub fn id(&self) -> RatchetId {
        self.public().id()
    }

    pub(super) fn key(&self) -> &EphemeralX25519 {
        &self.key
    }
}

impl Clone for RatchetSecret {
    fn clone(&self) -> Self {
        Self { key: EphemeralX25519::from_bytes(*self.as_bytes()), public: self.public.clone() }
    }
}

impl fmt::Debug for RatchetSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RatchetSecret([redacted])")
    }
}

/// The public half, as a peer announced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RatchetPublic([u8; 32]);

impl RatchetPublic {
    /// Wraps the bytes of an announce.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The name of this ratchet in local bookkeeping.
    pub fn id(&self) -> RatchetId {
        RatchetId::of(&[&self.0])
    }
}
