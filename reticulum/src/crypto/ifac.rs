//! Interface access codes: who does not know a network's name and passphrase neither reads nor writes it (spec 10).
//!
//! Works on whole frames, before parsing and after emitting. A code is the tail of a deterministic signature, so
//! checking one is signing again.

use std::fmt;

use thiserror::Error;

use super::SigningKey;
use super::hkdf::{HmacSha256, expand, extract, hkdf, keyed};
use crate::hash::{sha256, sha256_of};

/// Fixed salt of the key derivation (spec 10.1).
const SALT: [u8; 32] = [
    0xad, 0xf5, 0x4d, 0x88, 0x2c, 0x9a, 0x9b, 0x80, 0x77, 0x1e, 0xb4, 0x99, 0x5d, 0x70, 0x2d, 0x4a, 0x3e,
    0x73, 0x33, 0x91, 0xb2, 0xa0, 0xf5, 0x3f, 0x41, 0x6d, 0x9f, 0x90, 0x7e, 0x55, 0xcf, 0xf8,
];

/// Bit 7 of a frame's first byte: an access code is present.
const FLAG: u8 = 0x80;

/// The code sits behind the flags and the hop count, the only bytes that every frame has.
const CODE_OFFSET: usize = 2;

/// Longest code, in bytes: a whole signature.
const SIZE_MAX: usize = 64;

/// Why a frame was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IfacError {
    /// The frame carries no access code.
    #[error("frame without an access code")]
    Missing,
    /// The frame is too short for the code and a packet.
    #[error("frame too short for its access code")]
    Truncated,
    /// The code is not this network's.
    #[error("access code does not match")]
    Forged,
}

/// The access code of one network, at one size.
pub struct Ifac {
    signer: SigningKey,
    mask: HmacSha256,
    size: usize,
    fingerprint: [u8; 64],
}

impl Ifac {
    /// Derives the keys. `size` is the length of the code in bytes. `None` if neither a name nor a passphrase is set
    /// (empty, and the word `None`, count as not set), or if `size` is not in 1..=64.
    pub fn new(network_name: Option<&str>, passphrase: Option<&str>, size: usize) -> Option<Self> {
        let is_set = |text: &&str| !text.is_empty() && *text != "None";
        let parts: Vec<[u8; 32]> = [network_name, passphrase]
            .into_iter()
            .flatten()
            .filter(is_set)
            .map(|t| sha256(t.as_bytes()))
            .collect();
        if parts.is_empty() || !(1..=SIZE_MAX).contains(&size) {
            return None;
        }
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_slice()).collect();
        let mut key = zeroize::Zeroizing::new([0; 64]);
        hkdf(&sha256_of(&parts), &SALT, &mut *key);
        let seed = key.last_chunk().expect("a half of 64 bytes");
        let signer = SigningKey::from_bytes(seed);
        let fingerprint = signer.sign(&sha256(&*key));
        Some(Self { signer, mask: keyed(&*key), size, fingerprint })
    }

    /// Length of the code in bytes: what a frame grows by.
    pub fn size(&self) -> usize {
        self.size
    }

    /// By what people tell whether two interfaces have the same network name and passphrase, without telling either: the
    /// signature of the hash of the key (`docs/protocol-notes.md`).
    pub fn fingerprint(&self) -> &[u8; 64] {
        &self.fingerprint
    }

    /// Appends `packet` to `out` with its code, masked. One signature, and one HMAC for each 32 bytes.
    ///
    /// `packet` has at least a header; shorter ones are appended as they are, and nobody accepts them.
    pub fn seal(&self, packet: &[u8], out: &mut Vec<u8>) {
        let Some((head, rest)) = packet.split_first_chunk::<CODE_OFFSET>() else {
            return out.extend_from_slice(packet);
        };
        let signature = self.signer.sign(packet);
        let code = self.code(&signature);
        let start = out.len();
        out.extend_from_slice(head);
        out.extend_from_slice(code);
        out.extend_from_slice(rest);
        self.apply_mask(code, &mut out[start..]);
        out[start] |= FLAG;
    }

    /// Checks the code of `frame`, and appends the packet without it to `out`.
    pub fn open(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), IfacError> {
        if frame.first().is_none_or(|flags| flags & FLAG == 0) {
            return Err(IfacError::Missing);
        }
        if frame.len() <= CODE_OFFSET + self.size {
            return Err(IfacError::Truncated);
        }
        let code = &frame[CODE_OFFSET..CODE_OFFSET + self.size];
        let start = out.len();
        out.extend_from_slice(frame);
        self.apply_mask(code, &mut out[start..]);
        out[start] &= !FLAG;
        out.drain(start + CODE_OFFSET..start + CODE_OFFSET + self.size);
        if !same(self.code(&self.signer.sign(&out[start..])), code) {
            out.truncate(start);
            return Err(IfacError::Forged);
        }
        Ok(())
    }

    fn code<'a>(&self, signature: &'a [u8; 64]) -> &'a [u8] {
        &signature[SIZE_MAX - self.size..]
    }

    /// Masks or unmasks a whole frame in place, all but the code itself. The mask bytes under the code are skipped.
    fn apply_mask(&self, code: &[u8], frame: &mut [u8]) {
        let mask = expand(extract(self.mask.clone(), code));
        for (chunk, block) in frame.chunks_mut(32).zip(mask) {
            for (byte, mask) in chunk.iter_mut().zip(&block) {
                *byte ^= mask;
            }
        }
        frame[CODE_OFFSET..CODE_OFFSET + self.size].copy_from_slice(code);
    }
}

impl fmt::Debug for Ifac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ifac({} B, [redacted])", self.size)
    }
}

/// Compares without leaving early, so that the time taken does not tell how far a guess was right.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}
