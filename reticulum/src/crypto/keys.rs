//! Single key pairs: X25519 for agreement, Ed25519 for signatures (spec 2.1, 2.6).

use std::fmt;

use curve25519_dalek::montgomery::MontgomeryPoint;
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
        // The usual ladder has no vectors; where the processor does, the curve's other form is a third faster. Which way is
        // taken depends on the peer's key only, which is public; each takes the same time for any secret.
        let vectors = cfg!(target_arch = "x86_64").then_some(MontgomeryPoint(*peer));
        // Half of all numbers are on the curve's twist, where only the ladder goes. No honest key is one of them.
        Zeroizing::new(match vectors.and_then(|point| point.to_edwards(0)) {
            Some(point) => point.mul_clamped(self.0.to_bytes()).to_montgomery().to_bytes(),
            None => self.0.diffie_hellman(&PublicKey::from(*peer)).to_bytes(),
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Rng;

    #[test]
    fn the_secret_is_the_ladders_for_every_peer_on_the_curve_on_its_twist_and_of_low_order() {
        let mut rng = Rng::from_seed([1; 32]);
        let key = EphemeralX25519::from_bytes(rng.bytes());
        // 0, 1, and -1, which the other form has no point for; then a number above the prime.
        let minus_one = std::array::from_fn(|at| {
            if at == 0 {
                0xec
            } else if at == 31 {
                0x7f
            } else {
                0xff
            }
        });
        let one = std::array::from_fn(|at| u8::from(at == 0));
        let mut peers = vec![[0; 32], one, minus_one, [0xff; 32]];
        peers.extend((0..40).map(|_| rng.bytes::<32>()));
        let on_twist = |peer: &[u8; 32]| MontgomeryPoint(*peer).to_edwards(0).is_none();
        assert!(peers.iter().any(on_twist) && !peers.iter().all(on_twist));
        for peer in peers {
            let ladder = key.0.diffie_hellman(&PublicKey::from(peer));
            assert_eq!(*key.shared(&peer), ladder.to_bytes(), "{peer:?}");
        }
    }
}
