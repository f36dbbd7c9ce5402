//! Map hashes: the four bytes by which a part is asked for and recognised (`spec/reticulum.md` sections 8.1, 8.5).
//!
//! Both sides use [`Hashmap`]: the sender's is whole from the start, the receiver's grows by one update at a time.

use std::ops::Range;

use crate::hash::sha256_of;
use crate::wire::resource::{HASHMAP_SEGMENT_LEN, MapHash};

use super::COLLISION_GUARD;

/// The map hash of `part`, with the random value of its advertisement.
pub(super) fn map_hash(part: &[u8], random: &[u8; 4]) -> MapHash {
    let [a, b, c, d, ..] = sha256_of(&[part, random]);
    [a, b, c, d]
}

/// Known map hashes of a segment, from the first part on without a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hashmap {
    known: Vec<MapHash>,
}

/// An update that no honest sender makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadUpdate;

impl Hashmap {
    /// All map hashes of a stream that is cut into parts of `sdu` bytes.
    pub(super) fn of_stream(stream: &[u8], sdu: usize, random: &[u8; 4]) -> Self {
        Self { known: stream.chunks(sdu).map(|part| map_hash(part, random)).collect() }
    }

    /// Appends the hashes of the next `HASHMAP_SEGMENT_LEN` parts of `parts` (fewer only at the end). An update that was
    /// applied before changes nothing.
    pub(super) fn extend(&mut self, segment: usize, hashes: &[u8], parts: usize) -> Result<(), BadUpdate> {
        let start = segment.saturating_mul(HASHMAP_SEGMENT_LEN);
        if start < self.known.len() && !hashes.is_empty() {
            return Ok(());
        }
        let (entries, rest) = hashes.as_chunks::<4>();
        let due = parts.saturating_sub(self.known.len()).min(HASHMAP_SEGMENT_LEN);
        if start != self.known.len() || entries.is_empty() || entries.len() != due || !rest.is_empty() {
            return Err(BadUpdate);
        }
        self.known.extend_from_slice(entries);
        Ok(())
    }

    /// Number of parts whose hash is known.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// The hash of the part at `index`.
    pub(super) fn get(&self, index: usize) -> Option<MapHash> {
        self.known.get(index).copied()
    }

    /// The hash of the highest known part.
    pub(super) fn last(&self) -> Option<MapHash> {
        self.known.last().copied()
    }

    /// The part among `range` that has this hash.
    pub(super) fn find(&self, range: Range<usize>, hash: MapHash) -> Option<usize> {
        let end = range.end.min(self.known.len());
        let start = range.start.min(end);
        self.known[start..end].iter().position(|known| *known == hash).map(|offset| start + offset)
    }

    /// The hashes of one advertisement or update, concatenated; empty past the end.
    pub(super) fn chunk(&self, segment: usize) -> &[u8] {
        let start = segment.saturating_mul(HASHMAP_SEGMENT_LEN).min(self.known.len());
        let end = (start + HASHMAP_SEGMENT_LEN).min(self.known.len());
        self.known[start..end].as_flattened()
    }

    /// Whether two parts of one window of [`COLLISION_GUARD`] have the same hash.
    pub(super) fn collides(&self) -> bool {
        // Equal hashes become neighbours, by index, when hash and index are sorted as one number.
        let mut keys: Vec<u64> = (0u64..)
            .zip(&self.known)
            .map(|(index, hash)| u64::from(u32::from_be_bytes(*hash)) << 32 | index)
            .collect();
        keys.sort_unstable();
        keys.windows(2).any(|pair| {
            let same_hash = pair[0] >> 32 == pair[1] >> 32;
            same_hash && pair[1] - pair[0] < COLLISION_GUARD as u64
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map of `len` different hashes.
    fn numbered(len: u32) -> Hashmap {
        Hashmap { known: (0..len).map(u32::to_be_bytes).collect() }
    }

    #[test]
    fn updates_rebuild_the_map_in_steps_of_74() {
        for parts in [1, 73, 74, 75, 148, 149, 2260] {
            let whole = numbered(parts);
            let mut built = Hashmap::default();
            for segment in 0..parts.div_ceil(74) as usize {
                built.extend(segment, whole.chunk(segment), parts as usize).unwrap();
            }
            assert_eq!(built, whole);
            assert_eq!(whole.chunk(parts.div_ceil(74) as usize), b"");
        }
    }

    #[test]
    fn an_update_out_of_turn_is_refused_and_a_repeated_one_ignored() {
        let whole = numbered(149);
        let mut map = Hashmap::default();
        map.extend(0, whole.chunk(0), 149).unwrap();
        map.extend(0, whole.chunk(0), 149).unwrap();
        assert_eq!(map.len(), 74);
        assert_eq!(map.extend(2, whole.chunk(2), 149), Err(BadUpdate), "beyond the next");
        assert_eq!(map.extend(usize::MAX, whole.chunk(1), 149), Err(BadUpdate), "far beyond");
        assert_eq!(map.extend(1, &whole.chunk(1)[4..], 149), Err(BadUpdate), "short");
        assert_eq!(map.extend(1, &whole.chunk(1)[1..], 149), Err(BadUpdate), "ragged");
        assert_eq!(map.extend(1, b"", 149), Err(BadUpdate), "empty");
        assert_eq!(map.extend(1, whole.chunk(1), 100), Err(BadUpdate), "more than there are parts");
        assert_eq!(map.len(), 74);
    }

    #[test]
    fn a_part_is_found_only_inside_the_range() {
        let map = numbered(10);
        assert_eq!(map.find(2..6, 5u32.to_be_bytes()), Some(5));
        assert_eq!(map.find(2..5, 5u32.to_be_bytes()), None);
        assert_eq!(map.find(2..500, 9u32.to_be_bytes()), Some(9));
        assert_eq!(map.find(600..700, 9u32.to_be_bytes()), None);
    }

    #[test]
    fn hashes_collide_only_within_224_parts() {
        let mut map = numbered(500);
        assert!(!map.collides());
        map.known[30] = map.known[30 + 224];
        assert!(!map.collides(), "224 apart is outside every window of 224");
        map.known[31] = map.known[31 + 223];
        assert!(map.collides());
    }
}
