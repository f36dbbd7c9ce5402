//! Single key pairs: X25519 for agreement, Ed25519 for signatures (spec 2.1, 2.6).

use std::fmt;

use ed25519_dalek::{Signature, Signer, VerifyingKey};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// An X25519 private key, used for one link or one packet, or held by an identity.
pub struct EphemeralX25519(StaticSecret);

impl EphemeralX25519 {
    /// Takes 32 random bytes; they are clamped at use.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(StaticSecret::from(bytes))
    }

    /// The public key. One fixed-base multiplication.
    pub fn public(&self) -> [u8; 32] {
        PublicKey::from(&self.0).to_bytes()
    }

    /// The secret that both ends arrive at. All zero if `peer` is one of the few points of low order; whoever sends
    /// such a key only gives up secrecy of what is sent to themselves.
    pub fn shared(&self, peer: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.diffie_hellman(&PublicKey::from(*peer)).to_bytes())
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for EphemeralX25519 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EphemeralX25519([redacted])")
    }
}

/// An Ed25519 private key with its public key beside it, so that signing never computes that again.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Takes a 32-byte seed. One fixed-base multiplication.
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.0.as_ref().to_bytes()
    }

    /// Signs. Deterministic (RFC 8032): the same message always gets the same signature.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey([redacted])")
    }
}

/// Whether `signature` over `message` is valid under the Ed25519 key `public`; false too if that is no key.
pub fn verify_ed25519(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    use ed25519_dalek::Verifier;
    VerifyingKey::from_bytes(public)
        .is_ok_and(|key| key.verify(message, &Signature::from_bytes(signature)).is_ok())
}

/// Whether `public` is the encoding of a point, without which no signature can be valid.
pub(super) fn is_ed25519_public(public: &[u8; 32]) -> bool {
    VerifyingKey::from_bytes(public).is_ok()
}
