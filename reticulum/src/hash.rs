//! One newtype per kind of hash, so that a link id can never be looked up as a destination.
//!
//! Shapes and derivations: `spec/reticulum.md` sections 1.1 and 2.2.

use std::fmt;

use sha2::{Digest, Sha256};

/// SHA-256 of `data`.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    Sha256::digest(data).into()
}

/// SHA-256 of the concatenation of `parts`, without joining them first.
pub fn sha256_of(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The first `N` bytes of a SHA-256 digest.
fn truncate<const N: usize>(digest: [u8; 32]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&digest[..N]);
    out
}

macro_rules! hash_type {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Wraps raw bytes.
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Takes the bytes of a slice of exactly [`Self::LEN`] bytes.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// The leading bytes of the SHA-256 digest of the concatenated `parts`.
            pub fn of(parts: &[&[u8]]) -> Self {
                Self(truncate(sha256_of(parts)))
            }

            /// Parses hexadecimal digits in either case.
            pub fn from_hex(text: &str) -> Option<Self> {
                let digits = text.as_bytes();
                if digits.len() != 2 * $len {
                    return None;
                }
                let mut bytes = [0; $len];
                for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                    let high = char::from(pair[0]).to_digit(16)?;
                    let low = char::from(pair[1]).to_digit(16)?;
                    *byte = (high << 4 | low) as u8;
                }
                Some(Self(bytes))
            }

            /// The raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

hash_type!(
    /// Names an identity: the truncated hash of its 64-byte public key.
    IdentityHash,
    16
);
hash_type!(
    /// Names an addressable end point: name hash and identity hash, hashed.
    DestinationHash,
    16
);
hash_type!(
    /// Names a link: the truncated hash of its request without signalling.
    LinkId,
    16
);
hash_type!(
    /// Names a request on a link.
    RequestId,
    16
);
hash_type!(
    /// The truncated hash of a request path such as `/api/v1/info`.
    PathHash,
    16
);
hash_type!(
    /// The hash of a destination's name, without its identity.
    NameHash,
    10
);
hash_type!(
    /// Names a ratchet key in local bookkeeping.
    RatchetId,
    10
);
hash_type!(
    /// The end-to-end stable hash of a packet.
    PacketHash,
    32
);
hash_type!(
    /// The truncated packet hash to which a proof is addressed.
    ProofAddress,
    16
);
hash_type!(
    /// The hash of one resource segment's uncompressed body.
    ResourceHash,
    32
);

impl PacketHash {
    /// Where a proof of this packet is sent.
    pub fn proof_address(&self) -> ProofAddress {
        ProofAddress(truncate(self.0))
    }
}

impl PathHash {
    /// The hash under which a request handler for `path` is looked up.
    pub fn of_path(path: &str) -> Self {
        Self::of(&[path.as_bytes()])
    }
}

impl NameHash {
    /// The hash of a full name such as `lxmf.delivery`.
    pub fn of_name(name: &str) -> Self {
        Self::of(&[name.as_bytes()])
    }
}

impl DestinationHash {
    /// The hash of a destination that belongs to an identity.
    pub fn of_single(name: NameHash, identity: IdentityHash) -> Self {
        Self::of(&[name.as_ref(), identity.as_ref()])
    }

    /// The hash of a plain destination, which belongs to nobody.
    pub fn of_plain(name: NameHash) -> Self {
        Self::of(&[name.as_ref()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_round_trips_and_other_text_is_refused() {
        let hash = NameHash::new([0, 1, 0x2A, 0xBC, 0xFF, 5, 6, 7, 8, 9]);
        assert_eq!(hash.to_string(), "00012abcff0506070809");
        assert_eq!(NameHash::from_hex(&hash.to_string().to_uppercase()), Some(hash));
        for text in [
            "",
            "00012abcff05060708",
            "00012abcff050607080900",
            "00012abcff05060708g9",
            "00012abcff05060708é",
        ] {
            assert_eq!(NameHash::from_hex(text), None, "{text}");
        }
        assert_eq!(NameHash::from_slice(&[0; 9]), None);
    }

    #[test]
    fn hashing_parts_is_hashing_their_concatenation() {
        assert_eq!(sha256_of(&[b"ab", b"", b"c"]), sha256(b"abc"));
        assert_eq!(LinkId::of(&[b"abc"]).as_bytes(), &sha256(b"abc")[..16]);
    }
}
