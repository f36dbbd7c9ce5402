//! Pieces of streams: what compresses and inflates them, as work that runs elsewhere (`spec/reticulum.md` 9.4).

use crate::resource::{compress, inflate};
use crate::wire::channel::STREAM_CHUNK_MAX;

/// Finds out how many of the next bytes of a stream one message carries.
#[derive(Debug)]
pub(crate) struct PackJob {
    /// The next bytes, at most [`Self::LEN_MAX`].
    pub(crate) bytes: Vec<u8>,
    /// Most bytes of the piece.
    pub(crate) len_max: usize,
}

/// What a [`PackJob`] came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Bytes of the stream that it carries.
    pub(crate) taken: usize,
    /// What travels.
    pub(crate) data: Vec<u8>,
    /// `data` is bz2.
    pub(crate) compressed: bool,
}

impl PackJob {
    /// Fewer bytes are never worth trying (section 9.4).
    pub(crate) const LEN_MIN: usize = 33;
    /// Most bytes at a time.
    pub(crate) const LEN_MAX: usize = STREAM_CHUNK_MAX;

    /// Tries all the bytes, half and a third of them; if none fits and shrinks, as many as fit travel plain.
    pub(crate) fn run(self) -> Packed {
        for parts in 1..=3 {
            let part = &self.bytes[..self.bytes.len() / parts];
            match compress([part, &[]]) {
                Some(data) if data.len() <= self.len_max => {
                    return Packed { taken: part.len(), data, compressed: true };
                }
                _ => {}
            }
        }
        let mut data = self.bytes;
        data.truncate(self.len_max);
        Packed { taken: data.len(), data, compressed: false }
    }
}

/// Inflates a piece. The bytes of one packet can make bz2 sort a megabyte, so this is not done in place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnpackJob {
    /// The stream that it belongs to.
    pub(crate) stream: u16,
    /// Nothing follows it.
    pub(crate) end: bool,
    /// What travelled.
    pub(crate) data: Vec<u8>,
}

impl UnpackJob {
    /// The plain bytes. None if it is not bz2, or of more than [`STREAM_CHUNK_MAX`] bytes.
    pub(crate) fn run(self) -> Option<Vec<u8>> {
        inflate(&self.data, STREAM_CHUNK_MAX).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Rng;

    fn noise(len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        Rng::from_seed([5; 32]).fill(&mut bytes);
        bytes
    }

    fn unpack(packed: Packed) -> Vec<u8> {
        match packed.compressed {
            true => UnpackJob { stream: 0, end: false, data: packed.data }.run().unwrap(),
            false => packed.data,
        }
    }

    #[test]
    fn what_shrinks_enough_travels_whole() {
        let bytes = b"the net is up again on the hill ".repeat(400);
        let packed = PackJob { bytes: bytes.clone(), len_max: 423 }.run();
        assert!(packed.compressed && packed.taken == bytes.len() && packed.data.len() <= 423);
        assert_eq!(unpack(packed), bytes);
    }

    #[test]
    fn half_or_a_third_is_taken_if_only_that_fits() {
        for (random, parts) in [(400, 2), (260, 3)] {
            // Noise at both ends of something long that shrinks to nothing.
            let bytes = [noise(random), vec![b'a'; 3_000], noise(random)].concat();
            let packed = PackJob { bytes: bytes.clone(), len_max: random + 230 }.run();
            let whole = compress([&bytes, &[]]).unwrap().len();
            if whole > random + 230 {
                assert!(packed.compressed, "{parts}");
                assert!(packed.taken < bytes.len() && packed.taken >= bytes.len() / 3);
                assert_eq!(unpack(packed), bytes[..bytes.len() / 2]);
            } else {
                assert_eq!(packed.taken, bytes.len());
            }
        }
    }

    #[test]
    fn what_does_not_shrink_travels_plain_as_far_as_it_fits() {
        for (len, len_max, taken) in [(1_000, 423, 423), (100, 423, 100)] {
            let bytes = noise(len);
            let packed = PackJob { bytes: bytes.clone(), len_max }.run();
            assert_eq!(packed, Packed { taken, data: bytes[..taken].to_vec(), compressed: false });
        }
    }

    #[test]
    fn a_piece_that_inflates_beyond_the_bound_is_an_error() {
        for (len, fits) in [(STREAM_CHUNK_MAX, true), (STREAM_CHUNK_MAX + 1, false), (5_000_000, false)] {
            let data = compress([&vec![7; len], &[]]).unwrap();
            assert_eq!(UnpackJob { stream: 0, end: false, data }.run().is_some(), fits, "{len}");
        }
        assert_eq!(UnpackJob { stream: 0, end: false, data: vec![1, 2, 3] }.run(), None);
    }
}
