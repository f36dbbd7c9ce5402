//! Proof of work: the workblock of a message, what a stamp on it is worth, and the search for one (`spec/lxmf.md` 5.1
//! to 5.3).
//!
//! Owns the arithmetic. Who asks for stamps, what they cost and when one is looked for is decided elsewhere. Building
//! a workblock takes milliseconds, so it belongs on a worker thread, and so does each slice of a [`Search`].

use reticulum::crypto::hkdf;
use reticulum::hash::sha256_of;
use reticulum::wire::msgpack;
use sha2::block_api::compress256;

mod search;

pub use search::{SLICE_TRIALS, Search, Searched};

/// Length of a stamp in bytes.
pub const STAMP_LEN: usize = 32;

/// What a workblock is for, which decides how much work building it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A message; the material is its id.
    Message,
    /// A message on a propagation node; the material is its transient id.
    Propagation,
    /// Peering of propagation nodes; the material is both identity hashes, the receiver's first.
    Peering,
}

impl Purpose {
    const fn rounds(self) -> u16 {
        match self {
            Self::Message => 3000,
            Self::Propagation => 1000,
            Self::Peering => 25,
        }
    }
}

/// Bytes of the workblock that one round makes.
const ROUND_LEN: usize = 256;

/// Bytes of a block of SHA-256.
const BLOCK_LEN: usize = 64;
/// The longest stamp that its padding shares a block with; no valid one is longer.
const SHORT_STAMP_MAX: usize = BLOCK_LEN - 9;
/// The state that SHA-256 starts from (FIPS 180-4, 5.3.3).
const INITIAL_STATE: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A workblock, as far as stamps need it: the SHA-256 state behind it. It is a whole number of hash blocks, so each
/// trial costs one compression instead of three quarters of a megabyte.
#[derive(Clone)]
pub struct Workblock {
    state: [u32; 8],
    len: u64,
}

impl Workblock {
    /// Builds the workblock of `material`: 10 HMACs a round.
    pub fn new(purpose: Purpose, material: &[u8]) -> Self {
        Self::of_rounds(purpose.rounds(), material)
    }

    /// The value of a stamp: the leading zero bits of its digest, 0 to 256.
    pub fn value(&self, stamp: &[u8]) -> u32 {
        leading_zeros(&self.digest(stamp))
    }

    /// Whether a stamp is worth `cost`. The one digest 2^(256 - cost) is accepted with one leading zero bit too few.
    pub fn is_valid(&self, stamp: &[u8], cost: u8) -> bool {
        meets(&self.digest(stamp), cost)
    }

    fn of_rounds(rounds: u16, material: &[u8]) -> Self {
        let mut state = INITIAL_STATE;
        let mut number = Vec::with_capacity(3);
        let mut round_bytes = [0; ROUND_LEN];
        for round in 0..rounds {
            number.clear();
            msgpack::write_uint(&mut number, u64::from(round));
            hkdf(material, &sha256_of(&[material, &number]), &mut round_bytes);
            compress256(&mut state, round_bytes.as_chunks().0);
        }
        Self { state, len: u64::from(rounds) * ROUND_LEN as u64 }
    }

    fn digest(&self, stamp: &[u8]) -> [u8; 32] {
        // Nobody's stamp is that long, and this way none is worth anything.
        if stamp.len() > SHORT_STAMP_MAX {
            return [0xff; 32];
        }
        let mut state = self.state;
        compress256(&mut state, &[self.last_block(stamp)]);
        let mut digest = [0; 32];
        for (out, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
            *out = word.to_be_bytes();
        }
        digest
    }

    /// The stamp with SHA-256's padding: all that is hashed behind the workblock.
    fn last_block(&self, stamp: &[u8]) -> [u8; BLOCK_LEN] {
        let mut block = [0; BLOCK_LEN];
        block[..stamp.len()].copy_from_slice(stamp);
        block[stamp.len()] = 0x80;
        let bits = 8 * (self.len + stamp.len() as u64);
        block[BLOCK_LEN - 8..].copy_from_slice(&bits.to_be_bytes());
        block
    }
}

impl std::fmt::Debug for Workblock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Workblock")
    }
}

fn leading_zeros(digest: &[u8; 32]) -> u32 {
    let zeros = digest.iter().take_while(|byte| **byte == 0).count();
    8 * zeros as u32 + digest.get(zeros).map_or(0, |byte| byte.leading_zeros())
}

/// Whether the digest, as a number, is at most 2^(256 - cost).
fn meets(digest: &[u8; 32], cost: u8) -> bool {
    let missing = u32::from(cost).saturating_sub(leading_zeros(digest));
    missing == 0 || missing == 1 && digest.iter().map(|byte| byte.count_ones()).sum::<u32>() == 1
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    static MATERIAL: LazyLock<[u8; 32]> = LazyLock::new(|| std::array::from_fn(|i| i as u8));
    static BLOCK: LazyLock<Workblock> = LazyLock::new(|| Workblock::new(Purpose::Message, &*MATERIAL));

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn vector_3_workblocks_hash_as_published() {
        let rows = [
            (20, "7c06f15571960ba62e26a1d51bc4f9c86ebc44810701d232af0fe9a6c10f9e61"),
            (25, "8bec91b3b6dc978311349ef2b3fbf9bec4af2dba9b0970530a5932825c728899"),
            (300, "e04de8f738cafc206ebeed7be8adecc20b27ce4901c1bb6e0a0b9e092ff15bc4"),
            (1000, "36224067c2ebd1a40b0dc8908bd34dc4b7cd84be57f68a765dbaf3298bcd9719"),
            (3000, "72bb933a8e51a6b01069d59927c412d706913d2c89fa36fd24d1e1b2d03d6031"),
        ];
        for (rounds, digest) in rows {
            assert_eq!(hex(&Workblock::of_rounds(rounds, &*MATERIAL).digest(&[])), digest, "{rounds} rounds");
        }
    }

    #[test]
    fn vector_4_the_first_counter_that_meets_each_cost() {
        let stamp = |counter: u64| -> [u8; STAMP_LEN] {
            let mut stamp = [0; STAMP_LEN];
            stamp[24..].copy_from_slice(&counter.to_be_bytes());
            stamp
        };
        let rows = [
            (4, 4, "0b3433f3", 4),
            (8, 259, "0050aa0d", 9),
            (12, 3928, "00081068", 12),
            (16, 53470, "0000530c", 17),
        ];
        for (cost, counter, prefix, value) in rows {
            let first = (0..).find(|counter| BLOCK.is_valid(&stamp(*counter), cost));
            assert_eq!(first, Some(counter));
            assert_eq!(&hex(&BLOCK.digest(&stamp(counter)))[..8], prefix);
            assert_eq!(BLOCK.value(&stamp(counter)), value);
            assert!(!BLOCK.is_valid(&stamp(counter), value as u8 + 1));
        }
    }

    #[test]
    fn equality_with_the_bound_passes_and_one_more_does_not() {
        let with_bit = |bit: usize| -> [u8; 32] {
            let mut digest = [0; 32];
            digest[bit / 8] = 0x80 >> (bit % 8);
            digest
        };
        // Bit 7 from the top is 2^(256 - 8): worth 7, and accepted at a cost of 8.
        let mut digest = with_bit(7);
        assert_eq!(leading_zeros(&digest), 7);
        assert!(meets(&digest, 7) && meets(&digest, 8) && !meets(&digest, 9));
        digest[31] = 1;
        assert!(meets(&digest, 7) && !meets(&digest, 8));
        assert!(meets(&with_bit(8), 8));
        assert_eq!(leading_zeros(&[0; 32]), 256);
        assert!(meets(&[0; 32], 254) && meets(&[0xff; 32], 0));
    }
}
