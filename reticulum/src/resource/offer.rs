//! What an advertisement promises, once it is known to be consistent and within limits (`spec/reticulum.md` 8.2).

use std::sync::Arc;

use crate::crypto::Token;
use crate::hash::ResourceHash;
use crate::wire::resource::{Advertisement, Flags, SEGMENT_MAX};

use super::Purpose;
use super::hashmap::Hashmap;
use super::segment::{Assemble, STREAM_PREFIX_LEN, segment_count};

/// An advertisement that is consistent and within the limit. Holds no more than the advertisement did.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    hash: ResourceHash,
    original: ResourceHash,
    random: [u8; 4],
    size: u64,
    index: u32,
    segments: u32,
    body_len_max: usize,
    stream_len: usize,
    parts: usize,
    hashmap: Hashmap,
    compressed: bool,
    has_metadata: bool,
    purpose: Purpose,
}

/// Why an advertisement is refused. Answer each with a [`super::rejection`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Larger than the limit.
    #[error("larger than accepted here")]
    TooLarge,
    /// Sizes, parts, segments or hashes contradict each other.
    #[error("contradicts itself")]
    Inconsistent,
    /// A later segment of something that is not being received.
    #[error("not the first segment")]
    NotFirst,
}

impl Offer {
    /// Checks the advertisement of a first segment. `size_max` bounds the uncompressed size of the whole resource,
    /// `sdu` is the link's.
    pub(crate) fn check(
        advertisement: &Advertisement<'_>,
        sdu: usize,
        size_max: u64,
    ) -> Result<Self, Refusal> {
        if advertisement.data_size > size_max {
            return Err(Refusal::TooLarge);
        }
        if advertisement.segment != 1 {
            return Err(Refusal::NotFirst);
        }
        let offer = Self::consistent(advertisement, sdu).ok_or(Refusal::Inconsistent)?;
        if offer.original == offer.hash { Ok(offer) } else { Err(Refusal::Inconsistent) }
    }

    /// Checks the advertisement of the segment after this one.
    pub(super) fn check_next(&self, advertisement: &Advertisement<'_>, sdu: usize) -> Result<Self, Refusal> {
        let next = Self::consistent(advertisement, sdu).ok_or(Refusal::Inconsistent)?;
        let follows = next.index == self.index + 1
            && (next.original, next.size, next.purpose) == (self.original, self.size, self.purpose);
        if follows { Ok(next) } else { Err(Refusal::Inconsistent) }
    }

    /// Hash of the segment: what a [`super::rejection`] names. That of the first segment, which is all that anyone
    /// but the receiver sees, also names the whole resource.
    pub(crate) fn hash(&self) -> ResourceHash {
        self.hash
    }

    /// Uncompressed bytes, metadata included.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Number of segments.
    pub(crate) fn segments(&self) -> u32 {
        self.segments
    }

    /// Whether it is a request, a response or the application's.
    pub(crate) fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Which segment it is, counted from one.
    pub(super) fn index(&self) -> u32 {
        self.index
    }

    pub(super) fn is_last(&self) -> bool {
        self.index == self.segments
    }

    pub(super) fn stream_len(&self) -> usize {
        self.stream_len
    }

    pub(super) fn parts(&self) -> usize {
        self.parts
    }

    pub(super) fn random(&self) -> [u8; 4] {
        self.random
    }

    /// The map hashes that came with it.
    pub(super) fn hashmap(&self) -> &Hashmap {
        &self.hashmap
    }

    /// The job that turns all its parts into data, after `data` of the segments before.
    pub(super) fn assemble(&self, token: Arc<Token>, stream: Vec<u8>, data: Vec<u8>) -> Assemble {
        Assemble {
            token,
            stream,
            compressed: self.compressed,
            random: self.random,
            hash: self.hash,
            body_len_max: self.body_len_max,
            has_metadata: self.has_metadata && self.index == 1,
            data,
        }
    }

    /// `None` if `t`, `d`, `n`, `i`, `l` and `m` do not fit each other and the link, or what must be set is not.
    fn consistent(advertisement: &Advertisement<'_>, sdu: usize) -> Option<Self> {
        let size = advertisement.data_size;
        let segments = segment_count(size);
        let index =
            u32::try_from(advertisement.segment).ok().filter(|index| (1..=segments).contains(index))?;
        let before = u64::from(index - 1) * SEGMENT_MAX as u64;
        let body_len_max = size.checked_sub(before)?.min(SEGMENT_MAX as u64) as usize;
        let stream_len = usize::try_from(advertisement.transfer_size).ok()?;
        let stream_len_max = Token::sealed_len(STREAM_PREFIX_LEN + body_len_max);
        let parts = stream_len.div_ceil(sdu);
        let fits = advertisement.flags.has(Flags::ENCRYPTED)
            && advertisement.segments == u64::from(segments)
            && (1..=stream_len_max).contains(&stream_len)
            && advertisement.parts == parts as u64;
        if !fits {
            return None;
        }
        let mut hashmap = Hashmap::default();
        hashmap.extend(0, advertisement.map_hashes, parts).ok()?;
        let purpose = match advertisement.request {
            Some(id) if advertisement.flags.has(Flags::REQUEST) => Purpose::Request(id),
            Some(id) if advertisement.flags.has(Flags::RESPONSE) => Purpose::Response(id),
            _ => Purpose::Plain,
        };
        Some(Self {
            hash: advertisement.hash,
            original: advertisement.original_hash,
            random: advertisement.random,
            size,
            index,
            segments,
            body_len_max,
            stream_len,
            parts,
            hashmap,
            compressed: advertisement.flags.has(Flags::COMPRESSED),
            has_metadata: advertisement.flags.has(Flags::METADATA),
            purpose,
        })
    }
}
