//! Identities: an X25519 and an Ed25519 key pair, and encryption to one (spec 2.1, 2.5).
//!
//! Both halves are 64 bytes, X25519 first. The identity hash is the truncated hash of the public half.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use super::keys::is_ed25519_public;
use super::{
    EphemeralX25519, RatchetPublic, RatchetSecret, Rng, SigningKey, Token, TokenError, verify_ed25519,
};
use crate::hash::{IdentityHash, RatchetId};

/// Length of the ephemeral public key in front of the token of a sealed packet.
const EPHEMERAL_LEN: usize = 32;

/// Why nothing was decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// Shorter than an ephemeral key and the smallest token.
    #[error("sealed payload too short")]
    Truncated,
    /// None of our keys fits.
    #[error("no key opens the payload")]
    NoKey,
    /// A key fits, so its sender made it, but what it authenticates is not a token.
    #[error("malformed token in a sealed payload")]
    Malformed,
}

/// What [`Identity::open`] found.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    /// The decrypted bytes.
    pub plaintext: Vec<u8>,
    /// The ratchet that opened it; `None` if the identity's own key did.
    pub ratchet: Option<RatchetId>,
}

/// Private keys. Wiped when dropped.
pub struct Identity {
    x25519: EphemeralX25519,
    ed25519: SigningKey,
    public: PublicIdentity,
}

impl Identity {
    /// Takes the private form: X25519 scalar (32) ‖ Ed25519 seed (32).
    pub fn from_bytes(bytes: &[u8; 64]) -> Self {
        let (x25519, ed25519) = halves(bytes);
        let x25519 = EphemeralX25519::from_bytes(x25519);
        let ed25519 = SigningKey::from_bytes(&ed25519);
        let public = PublicIdentity::from_halves(x25519.public(), ed25519.public());
        Self { x25519, ed25519, public }
    }

    /// Draws new keys.
    pub fn generate(rng: &mut Rng) -> Self {
        Self::from_bytes(&Zeroizing::new(rng.bytes()))
    }

    /// The private form, to be persisted.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 64]> {
        Zeroizing::new(join(self.x25519.as_bytes(), self.ed25519.as_bytes()))
    }

    /// The public half.
    pub fn public(&self) -> &PublicIdentity {
        &self.public
    }

    /// The identity's name.
    pub fn hash(&self) -> IdentityHash {
        self.public.hash
    }

    /// Signs with the Ed25519 key.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.ed25519.sign(message)
    }

    /// Opens ephemeral public key (32) ‖ token. Tries `ratchets` in the order given, which should be newest first,
    /// then the identity's key unless `enforce_ratchets`. Costs one X25519 agreement a key tried.
    pub fn open(
        &self,
        ratchets: &[RatchetSecret],
        payload: &[u8],
        enforce_ratchets: bool,
    ) -> Result<Opened, OpenError> {
        let (ephemeral, token) = payload.split_first_chunk::<EPHEMERAL_LEN>().ok_or(OpenError::Truncated)?;
        if token.len() < Token::sealed_len(0) {
            return Err(OpenError::Truncated);
        }
        let own = (!enforce_ratchets).then_some((None, &self.x25519));
        for (ratchet, key) in ratchets.iter().map(|ratchet| (Some(ratchet), ratchet.key())).chain(own) {
            match Token::derive(&key.shared(ephemeral), self.public.hash.as_ref()).open(token) {
                Ok(plaintext) => return Ok(Opened { plaintext, ratchet: ratchet.map(RatchetSecret::id) }),
                Err(TokenError::Forged) => {}
                Err(TokenError::Length | TokenError::Padding) => return Err(OpenError::Malformed),
            }
        }
        Err(OpenError::NoKey)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, [redacted])", self.public.hash)
    }
}

/// Public keys, and their hash beside them. 80 bytes: a busy node knows very many. The price is that the Edwards
/// point is decompressed at each verification, a tenth of its cost.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicIdentity {
    x25519: [u8; 32],
    ed25519: [u8; 32],
    hash: IdentityHash,
}

impl PublicIdentity {
    /// Takes the public form: X25519 (32) ‖ Ed25519 (32). `None` if the second is not a point on the curve, and so
    /// could never verify anything.
    pub fn from_bytes(bytes: &[u8; 64]) -> Option<Self> {
        let (x25519, ed25519) = halves(bytes);
        is_ed25519_public(&ed25519).then(|| Self::from_halves(x25519, ed25519))
    }

    /// For keys that are known to be good: our own, or one that has just verified a signature.
    pub(crate) fn from_halves(x25519: [u8; 32], ed25519: [u8; 32]) -> Self {
        Self { x25519, ed25519, hash: IdentityHash::of(&[&x25519, &ed25519]) }
    }

    /// The public form.
    pub fn to_bytes(&self) -> [u8; 64] {
        join(&self.x25519, &self.ed25519)
    }

    /// The identity's name.
    pub fn hash(&self) -> IdentityHash {
        self.hash
    }

    /// The key that encrypts to this identity.
    pub fn x25519(&self) -> &[u8; 32] {
        &self.x25519
    }

    /// The key that verifies its signatures.
    pub fn ed25519(&self) -> &[u8; 32] {
        &self.ed25519
    }

    /// Whether `signature` over `message` is this identity's.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        verify_ed25519(&self.ed25519, message, signature)
    }

    /// Encrypts to `ratchet`, or to the identity's own key without one: ephemeral public key (32) ‖ token. `entropy`
    /// is fresh: the ephemeral scalar (32), then the IV (16).
    pub fn seal(&self, ratchet: Option<&RatchetPublic>, entropy: &[u8; 48], plaintext: &[u8]) -> Vec<u8> {
        let (scalar, iv) = entropy.split_first_chunk::<EPHEMERAL_LEN>().expect("48 is more than 32");
        let iv = iv.try_into().expect("16 bytes remain");
        let ephemeral = EphemeralX25519::from_bytes(*scalar);
        let target = ratchet.map_or(&self.x25519, RatchetPublic::as_bytes);
        let mut out = Vec::with_capacity(EPHEMERAL_LEN + Token::sealed_len(plaintext.len()));
        out.extend_from_slice(&ephemeral.public());
        // The salt is the identity hash even when the key is a ratchet (spec 13, 3).
        Token::derive(&ephemeral.shared(target), self.hash.as_ref()).seal_into(iv, plaintext, &mut out);
        out
    }
}

impl fmt::Debug for PublicIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicIdentity({})", self.hash)
    }
}

pub(crate) fn halves(bytes: &[u8; 64]) -> ([u8; 32], [u8; 32]) {
    let (first, second) = bytes.split_at(32);
    (first.try_into().expect("half of 64"), second.try_into().expect("half of 64"))
}

fn join(first: &[u8; 32], second: &[u8; 32]) -> [u8; 64] {
    let mut out = [0; 64];
    out[..32].copy_from_slice(first);
    out[32..].copy_from_slice(second);
    out
}
