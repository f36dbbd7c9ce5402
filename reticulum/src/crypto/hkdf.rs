//! HKDF-SHA-256 (RFC 5869) with an empty `info` and a block counter that wraps (spec 2.3).
//!
//! The generic crate refuses outputs above 255 blocks, but the mask of an access code is as long as the frame, which
//! on TCP is up to 16 kB: hence this one.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub(super) type HmacSha256 = Hmac<Sha256>;

/// HMAC state for a key of any length, so that the key's two compressions are paid once.
pub(super) fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// Derives `out.len()` bytes from `ikm`. The RFC's bound of 8160 bytes does not apply: the counter wraps.
pub fn hkdf(ikm: &[u8], salt: &[u8], out: &mut [u8]) {
    let blocks = expand(extract(keyed(salt), ikm));
    for (chunk, block) in out.chunks_mut(32).zip(blocks) {
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
}

/// The first half: state keyed by the pseudo-random key; `salt` is consumed state keyed by the salt.
pub(super) fn extract(salt: HmacSha256, ikm: &[u8]) -> HmacSha256 {
    keyed(&salt.chain_update(ikm).finalize().into_bytes())
}

/// The second half: an endless run of 32-byte blocks.
pub(super) fn expand(prk: HmacSha256) -> impl Iterator<Item = [u8; 32]> {
    let mut counter = 0u8;
    let mut last: Option<[u8; 32]> = None;
    std::iter::repeat_with(move || {
        counter = counter.wrapping_add(1);
        let mut mac = prk.clone();
        if let Some(last) = &last {
            mac.update(last);
        }
        mac.update(&[counter]);
        *last.insert(mac.finalize().into_bytes().into())
    })
}
