//! The protocol's cryptography, thin over RustCrypto and dalek: keys, tokens, key derivation, access codes.
//!
//! Owns no policy: which ratchets are kept, when a token is opened and on which thread is decided above. Nothing
//! here draws randomness but [`Rng`], which is seeded by the driver, so a run can be repeated. Secrets are wiped
//! when dropped, and print as `[redacted]`.
//!
//! | module | spec | content |
//! |---|---|---|
//! | [`Rng`] | – | the one source of randomness |
//! | [`keys`](self) | 2.1, 2.6 | [`EphemeralX25519`], [`SigningKey`], [`verify_ed25519`] |
//! | [`batch`](self) | 2.6 | [`verify_all`]: many signatures at once |
//! | [`identity`](self) | 2.1, 2.5 | [`Identity`], [`PublicIdentity`] |
//! | [`ratchet`](self) | 2.7 | [`RatchetSecret`], [`RatchetPublic`] |
//! | [`hkdf()`] | 2.3 | key derivation with a counter that wraps |
//! | [`token`](self) | 2.4 | [`Token`]: AES-256-CBC, then HMAC-SHA-256 |
//! | [`ifac`](self) | 10 | [`Ifac`]: interface access codes |

mod batch;
mod hkdf;
mod identity;
mod ifac;
mod keys;
mod ratchet;
mod rng;
mod token;

pub use batch::{Claim, Vouched, verify_all};
pub use hkdf::hkdf;
pub(crate) use identity::halves;
pub use identity::{Identity, OpenError, Opened, PublicIdentity};
pub use ifac::{Ifac, IfacError};
pub use keys::{EphemeralX25519, SigningKey, verify_ed25519};
pub use ratchet::{RatchetPublic, RatchetSecret};
pub use rng::Rng;
pub use token::{TOKEN_OVERHEAD, Token, TokenError};

#[cfg(test)]
mod tests;
