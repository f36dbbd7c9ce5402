//! Preparing and assembling one segment: the work that leaves for a pool thread (`spec/reticulum.md` 8.1, 8.9).
//!
//! Owns what a segment is made of: the plain body, its compression, the token around it, its hashes. Knows nothing of
//! packets or time.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use bzip2::Compression;
use sha2::{Digest, Sha256};

use crate::crypto::{Rng, Token};
use crate::hash::ResourceHash;
use crate::wire::resource::{SEGMENT_MAX, metadata_prefix, split_metadata};

use super::hashmap::Hashmap;
use super::{COMPRESSIBLE_LEN_MAX, Failure, METADATA_LEN_MAX, Proof};

/// Length of the random prefix inside the stream, which nobody reads.
pub(super) const STREAM_PREFIX_LEN: usize = 4;
/// Random values tried for a hashmap without collisions. One fails once in 8000 at MTU 500 and more rarely above.
const RANDOM_TRIES_MAX: usize = 64;

/// Heavy work on one segment.
pub(crate) struct Job(Task);

/// What a [`Job`] came to.
pub(crate) struct JobDone(pub(super) Outcome);

enum Task {
    Prepare(Prepare),
    Assemble(Assemble),
}

pub(super) enum Outcome {
    Prepared(Prepared),
    Assembled(Result<Assembled, Failure>),
}

impl Job {
    /// Does it: milliseconds per megabyte, a hundred where bz2 runs.
    pub(crate) fn run(self) -> JobDone {
        JobDone(match self.0 {
            Task::Prepare(task) => Outcome::Prepared(task.run()),
            Task::Assemble(task) => Outcome::Assembled(task.run()),
        })
    }
}

impl From<Prepare> for Job {
    fn from(task: Prepare) -> Self {
        Self(Task::Prepare(task))
    }
}

impl From<Assemble> for Job {
    fn from(task: Assemble) -> Self {
        Self(Task::Assemble(task))
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}

impl fmt::Debug for JobDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobDone").finish_non_exhaustive()
    }
}

/// The whole plain content of a resource, cut into segments.
pub(super) struct Source {
    /// Length and packed metadata; empty without.
    metadata: Vec<u8>,
    data: Vec<u8>,
    compress: bool,
}

impl Source {
    /// `None` if the metadata is longer than [`METADATA_LEN_MAX`].
    pub(super) fn new(data: Vec<u8>, metadata: Option<&[u8]>, compress: bool) -> Option<Self> {
        let metadata = match metadata {
            Some(packed) if packed.len() <= METADATA_LEN_MAX => {
                [&metadata_prefix(packed.len())?, packed].concat()
            }
            Some(_) => return None,
            None => Vec::new(),
        };
        let compress = compress && data.len() as u64 <= COMPRESSIBLE_LEN_MAX;
        Some(Self { metadata, data, compress })
    }

    /// Bytes of all segments, metadata included (`d` of the advertisement).
    pub(super) fn len(&self) -> u64 {
        self.metadata.len() as u64 + self.data.len() as u64
    }

    /// Number of segments (`l`).
    pub(super) fn segments(&self) -> u32 {
        segment_count(self.len())
    }

    pub(super) fn has_metadata(&self) -> bool {
        !self.metadata.is_empty()
    }

    /// The plain body of the segment with this index, counted from one, in two pieces.
    fn body(&self, index: u32) -> [&[u8]; 2] {
        let cut = |position: usize| position.saturating_sub(self.metadata.len()).min(self.data.len());
        let start = (index as usize - 1) * SEGMENT_MAX;
        let metadata: &[u8] = if index == 1 { &self.metadata } else { &[] };
        [metadata, &self.data[cut(start)..cut(start + SEGMENT_MAX)]]
    }
}

/// Number of segments of a resource of `size` bytes, metadata included; an empty one travels as one segment.
pub(super) fn segment_count(size: u64) -> u32 {
    size.div_ceil(SEGMENT_MAX as u64).clamp(1, u64::from(u32::MAX)) as u32
}

/// Makes a segment ready to travel.
pub(super) struct Prepare {
    pub(super) source: Arc<Source>,
    /// Counted from one.
    pub(super) index: u32,
    pub(super) token: Arc<Token>,
    pub(super) sdu: usize,
    /// Of the random values that go into stream and hashes.
    pub(super) seed: [u8; 32],
}

/// A segment ready to travel.
pub(super) struct Prepared {
    pub(super) index: u32,
    pub(super) stream: Vec<u8>,
    pub(super) compressed: bool,
    pub(super) hashmap: Hashmap,
    pub(super) random: [u8; 4],
    pub(super) proof: Proof,
}

impl Prepare {
    fn run(self) -> Prepared {
        let mut rng = Rng::from_seed(self.seed);
        let body = self.source.body(self.index);
        let packed = if self.source.compress { compress(body) } else { None };
        let prefix: [u8; STREAM_PREFIX_LEN] = rng.bytes();
        let iv = rng.bytes();
        let mut stream = Vec::new();
        match &packed {
            Some(packed) => self.token.seal_parts_into(iv, &[&prefix, packed], &mut stream),
            None => self.token.seal_parts_into(iv, &[&prefix, body[0], body[1]], &mut stream),
        }
        let randoms = std::iter::repeat_with(|| rng.bytes());
        let (random, hashmap) = map_without_collisions(&stream, self.sdu, randoms);
        let proof = BodyDigest::of(&body).proof(&random);
        Prepared { index: self.index, stream, compressed: packed.is_some(), hashmap, random, proof }
    }
}

/// The first of `randoms` that gives parts of one window different map hashes, and those.
pub(super) fn map_without_collisions(
    stream: &[u8],
    sdu: usize,
    mut randoms: impl Iterator<Item = [u8; 4]>,
) -> ([u8; 4], Hashmap) {
    let mut candidate = || {
        let random = randoms.next().unwrap_or_default();
        (random, Hashmap::of_stream(stream, sdu, &random))
    };
    for _ in 1..RANDOM_TRIES_MAX {
        let (random, hashmap) = candidate();
        if !hashmap.collides() {
            return (random, hashmap);
        }
    }
    candidate()
}

/// Makes plain data of a segment whose parts are all here.
pub(super) struct Assemble {
    pub(super) token: Arc<Token>,
    pub(super) stream: Vec<u8>,
    pub(super) compressed: bool,
    pub(super) random: [u8; 4],
    pub(super) hash: ResourceHash,
    /// What the advertisement promised: the body is never inflated beyond it.
    pub(super) body_len_max: usize,
    /// Whether the body starts with metadata.
    pub(super) has_metadata: bool,
    /// Data of the segments before this one.
    pub(super) data: Vec<u8>,
}

/// The data up to and including a segment.
pub(super) struct Assembled {
    pub(super) data: Vec<u8>,
    pub(super) metadata: Option<Vec<u8>>,
    pub(super) proof: Proof,
}

impl Assemble {
    fn run(self) -> Result<Assembled, Failure> {
        let plain = self.token.open(&self.stream).map_err(|_| Failure::Corrupt)?;
        drop(self.stream);
        let packed = plain.get(STREAM_PREFIX_LEN..).ok_or(Failure::Corrupt)?;
        let inflated;
        let body = if self.compressed {
            inflated = inflate(packed, self.body_len_max)?;
            &inflated
        } else {
            packed
        };
        let proof = BodyDigest::of(&[body]).proof(&self.random);
        if proof.hash() != self.hash {
            return Err(Failure::Corrupt);
        }
        let (metadata, content) = if self.has_metadata {
            let (metadata, content) = split_metadata(body).ok_or(Failure::Corrupt)?;
            (Some(metadata.to_vec()), content)
        } else {
            (None, body)
        };
        let mut data = self.data;
        data.extend_from_slice(content);
        Ok(Assembled { data, metadata, proof })
    }
}

/// The digest of a plain body so far: hash and proof both start with it, so the body is hashed once.
struct BodyDigest(Sha256);

impl BodyDigest {
    fn of(pieces: &[&[u8]]) -> Self {
        Self(pieces.iter().fold(Sha256::new(), |digest, piece| digest.chain_update(piece)))
    }

    /// Segment hash `H(B ‖ r)` and proof `H(B ‖ h)`.
    fn proof(self, random: &[u8; 4]) -> Proof {
        let hash: [u8; 32] = self.0.clone().chain_update(random).finalize().into();
        let proof = self.0.chain_update(hash).finalize().into();
        Proof { hash: ResourceHash::new(hash), proof }
    }
}

/// The body in bz2, if that is smaller.
pub(crate) fn compress(body: [&[u8]; 2]) -> Option<Vec<u8>> {
    let len = body[0].len() + body[1].len();
    if body.iter().max_by_key(|piece| piece.len()).is_some_and(|longest| looks_random(longest)) {
        return None;
    }
    // A level is the block length in units of 100 kB: what fits one block gains nothing from a larger one.
    let level = Compression::new((len / 100_000 + 1).min(9) as u32);
    let mut encoder = bzip2::write::BzEncoder::new(Vec::with_capacity(len / 2), level);
    let packed = body.iter().try_for_each(|piece| encoder.write_all(piece)).and_then(|()| encoder.finish());
    packed.ok().filter(|packed| packed.len() < len)
}

/// Inflates bz2 to at most `len_max` bytes, and never holds more than that.
pub(crate) fn inflate(packed: &[u8], len_max: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    let mut limited = bzip2::bufread::BzDecoder::new(packed).take(len_max as u64 + 1);
    let inflated: io::Result<usize> = limited.read_to_end(&mut body);
    match inflated {
        _ if body.len() > len_max => Err(Failure::Bomb),
        Ok(_) => Ok(body),
        Err(_) => Err(Failure::Corrupt),
    }
}

/// Whether a sample of `data` is as good as random: ciphertext, media, archives. bz2 takes 100 ms to find that out
/// for a megabyte, this takes microseconds.
fn looks_random(data: &[u8]) -> bool {
    const PIECES: usize = 64;
    const PIECE_LEN: usize = 256;
    /// Bits per byte. Random samples of this size have 7.989; JPEG has 7.95, base64 of anything 6.
    const RANDOM_ENTROPY: f64 = 7.9;
    if data.len() < PIECES * PIECE_LEN {
        return false; // Too little for statistics, and cheap to try.
    }
    let stride = data.len() / PIECES;
    let mut counts = [0u32; 256];
    for byte in data.chunks(stride).take(PIECES).flat_map(|piece| &piece[..PIECE_LEN]) {
        counts[usize::from(*byte)] += 1;
    }
    let total = (PIECES * PIECE_LEN) as f64;
    let entropy: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum();
    entropy > RANDOM_ENTROPY
}
