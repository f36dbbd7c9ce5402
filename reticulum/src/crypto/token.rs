//! Tokens: AES-256-CBC with PKCS#7 padding, then HMAC-SHA-256 over IV and ciphertext (spec 2.4).
//!
//! Layout: IV (16) ‖ ciphertext (16·k, k ≥ 1) ‖ HMAC (32). A key is 64 bytes: HMAC key first, AES key second. The
//! 32-byte AES-128 variant is legacy and only reachable through group destinations, which this node does not use.

use std::fmt;

use aes::Aes256;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
use hmac::Mac;
use thiserror::Error;
use zeroize::Zeroizing;

use super::hkdf::{HmacSha256, hkdf, keyed};

const IV_LEN: usize = 16;
const BLOCK_LEN: usize = 16;
const MAC_LEN: usize = 32;

/// Bytes that a token adds to its plaintext, before padding.
pub const TOKEN_OVERHEAD: usize = IV_LEN + MAC_LEN;

/// Why a token was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// The length is none that a token can have.
    #[error("token of impossible length")]
    Length,
    /// The HMAC differs: another key, or tampered with.
    #[error("token authentication failed")]
    Forged,
    /// The holder of the key padded it wrongly.
    #[error("token padding is invalid")]
    Padding,
}

/// An expanded token key. Expansion costs about a microsecond; use one value for many tokens.
#[derive(Clone)]
pub struct Token {
    mac: HmacSha256,
    cipher: Aes256,
}

impl Token {
    /// Expands a key: bytes 0..32 authenticate, 32..64 encrypt.
    pub fn new(key: &[u8; 64]) -> Self {
        let (mac_key, cipher_key) = key.split_at(32);
        let cipher = Aes256::new_from_slice(cipher_key).expect("the second half is 32 bytes");
        Self { mac: keyed(mac_key), cipher }
    }

    /// The token key that both ends derive from an X25519 shared secret. `salt` is the link id on a link (spec 6.5),
    /// the recipient's identity hash in a single packet (spec 2.5).
    pub fn derive(shared_secret: &[u8; 32], salt: &[u8]) -> Self {
        let mut key = Zeroizing::new([0; 64]);
        hkdf(shared_secret, salt, &mut *key);
        Self::new(&key)
    }

    /// Length of the token of `plaintext_len` bytes.
    pub const fn sealed_len(plaintext_len: usize) -> usize {
        TOKEN_OVERHEAD + BLOCK_LEN * (plaintext_len / BLOCK_LEN + 1)
    }

    /// Encrypts under a random `iv`, which must never repeat.
    pub fn seal(&self, iv: [u8; 16], plaintext: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::sealed_len(plaintext.len()));
        self.seal_into(iv, plaintext, &mut out);
        out
    }

    /// As [`Self::seal`], appending to `out`.
    pub fn seal_into(&self, iv: [u8; 16], plaintext: &[u8], out: &mut Vec<u8>) {
        self.seal_parts_into(iv, &[plaintext], out);
    }

    /// As [`Self::seal_into`] for a plaintext in several pieces, which need not be joined first.
    pub fn seal_parts_into(&self, iv: [u8; 16], plaintext: &[&[u8]], out: &mut Vec<u8>) {
        let plaintext_len = plaintext.iter().map(|part| part.len()).sum();
        let start = out.len();
        out.reserve(Self::sealed_len(plaintext_len));
        out.extend_from_slice(&iv);
        for part in plaintext {
            out.extend_from_slice(part);
        }
        out.resize(start + Self::sealed_len(plaintext_len) - MAC_LEN, 0);
        cbc::Encryptor::inner_iv_init(self.cipher.clone(), &iv.into())
            .encrypt_padded::<Pkcs7>(&mut out[start + IV_LEN..], plaintext_len)
            .expect("the buffer has room for the padding");
        let code = self.mac.clone().chain_update(&out[start..]).finalize().into_bytes();
        out.extend_from_slice(&code);
    }

    /// Checks and decrypts.
    pub fn open(&self, token: &[u8]) -> Result<Vec<u8>, TokenError> {
        let (sealed, code) = token.split_last_chunk::<MAC_LEN>().ok_or(TokenError::Length)?;
        let (iv, ciphertext) = sealed.split_first_chunk::<IV_LEN>().ok_or(TokenError::Length)?;
        if ciphertext.is_empty() || ciphertext.len() % BLOCK_LEN != 0 {
            return Err(TokenError::Length);
        }
        let mac = self.mac.clone().chain_update(sealed);
        mac.verify(code.into()).map_err(|_| TokenError::Forged)?;
        cbc::Decryptor::inner_iv_init(self.cipher.clone(), iv.into())
            .decrypt_padded_vec::<Pkcs7>(ciphertext)
            .map_err(|_| TokenError::Padding)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([redacted])")
    }
}
