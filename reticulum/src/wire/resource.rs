//! Bodies of resource packets (spec 8.2, 8.4, 8.5, 8.9). All but the proof travel encrypted; this is their plaintext.

use thiserror::Error;

use super::msgpack::{self, ReadError, Reader};
use crate::hash::{RequestId, ResourceHash};

/// Names one part within a resource: the first bytes of a hash over part and random value.
pub type MapHash = [u8; 4];

/// Length of a map hash.
pub const MAP_HASH_LEN: usize = 4;
/// Most map hashes in an advertisement or an update, whatever the MTU of the link (spec 1.2).
pub const HASHMAP_SEGMENT_LEN: usize = 74;
/// Most uncompressed bytes in one segment, metadata included (spec 1.2).
pub const SEGMENT_MAX: usize = 1_048_575;
/// Largest transfer size of a segment that is believed (spec 8.2).
pub const TRANSFER_SIZE_MAX: u64 = 3 * SEGMENT_MAX as u64;
/// Largest packed metadata: its length travels in three bytes (spec 8.1).
pub const METADATA_MAX: usize = 0xFF_FFFF;
/// Length of the prefix that tells the length of the metadata.
pub const METADATA_PREFIX_LEN: usize = 3;

/// Why a body is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ResourceError {
    /// It is not the MessagePack that it should be.
    #[error("malformed resource body: {0}")]
    MessagePack(#[from] ReadError),
    /// A key of the advertisement is missing.
    #[error("advertisement lacks a key")]
    MissingKey,
    /// A size or a count lies outside of what the protocol allows.
    #[error("resource size out of range")]
    Range,
    /// A field is cut off, or a list of map hashes is not a whole number of them.
    #[error("resource body of impossible length")]
    Length,
}

/// What a resource is for, and how its stream is made (spec 8.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u64);

impl Flags {
    /// The stream is encrypted: always set.
    pub const ENCRYPTED: Self = Self(1);
    /// The body is compressed.
    pub const COMPRESSED: Self = Self(1 << 1);
    /// There is more than one segment.
    pub const SPLIT: Self = Self(1 << 2);
    /// It is a request; only with a request id.
    pub const REQUEST: Self = Self(1 << 3);
    /// It is a response; only with a request id.
    pub const RESPONSE: Self = Self(1 << 4);
    /// The resource has metadata, which segment 1 carries; set on all segments.
    pub const METADATA: Self = Self(1 << 5);

    /// Both sets of flags.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Offer of one segment (spec 8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertisement<'a> {
    /// `t`: bytes in this segment's encrypted stream.
    pub transfer_size: u64,
    /// `d`: uncompressed bytes in all segments, metadata included.
    pub data_size: u64,
    /// `n`: parts of this segment, as the sender counts them. The receiver counts itself, from the link's MTU.
    pub parts: u64,
    /// `h`: hash of this segment.
    pub hash: ResourceHash,
    /// `r`: goes into the hash and the map hashes.
    pub random: [u8; 4],
    /// `o`: hash of the first segment.
    pub original_hash: ResourceHash,
    /// `i`: which segment this is, from 1.
    pub segment: u64,
    /// `l`: how many there are.
    pub segments: u64,
    /// `q`: the request that this is, or answers.
    pub request: Option<RequestId>,
    /// `f`.
    pub flags: Flags,
    /// `m`: the first map hashes, concatenated; at most [`HASHMAP_SEGMENT_LEN`].
    pub map_hashes: &'a [u8],
}

impl<'a> Advertisement<'a> {
    /// Reads an advertisement. Keys may come in any order; unknown ones are passed over.
    pub fn parse(plaintext: &'a [u8]) -> Result<Self, ResourceError> {
        let mut reader = Reader::new(plaintext);
        let mut fields = Fields::default();
        for _ in 0..reader.read_map_len()? {
            fields.read_pair(&mut reader)?;
        }
        let advertisement = fields.complete().ok_or(ResourceError::MissingKey)?;
        advertisement.check()?;
        Ok(advertisement)
    }

    fn check(&self) -> Result<(), ResourceError> {
        let in_range = self.transfer_size <= TRANSFER_SIZE_MAX && (1..=self.segments).contains(&self.segment);
        if !in_range || self.map_hashes.len() > HASHMAP_SEGMENT_LEN.saturating_mul(MAP_HASH_LEN) {
            return Err(ResourceError::Range);
        }
        check_map_hashes(self.map_hashes)
    }

    /// Appends the plaintext to `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let uint = |out: &mut Vec<u8>, key, value| {
            msgpack::write_str(out, key);
            msgpack::write_uint(out, value);
        };
        let bin = |out: &mut Vec<u8>, key, value: &[u8]| {
            msgpack::write_str(out, key);
            msgpack::write_bin(out, value);
        };
        msgpack::write_map_len(out, 11);
        uint(out, "t", self.transfer_size);
        uint(out, "d", self.data_size);
        uint(out, "n", self.parts);
        bin(out, "h", self.hash.as_ref());
        bin(out, "r", &self.random);
        bin(out, "o", self.original_hash.as_ref());
        uint(out, "i", self.segment);
        uint(out, "l", self.segments);
        match &self.request {
            Some(id) => bin(out, "q", id.as_ref()),
            None => {
                msgpack::write_str(out, "q");
                msgpack::write_nil(out);
            }
        }
        uint(out, "f", self.flags.0);
        bin(out, "m", self.map_hashes);
    }
}

/// The fields that have been read so far.
#[derive(Default)]
struct Fields<'a> {
    t: Option<u64>,
    d: Option<u64>,
    n: Option<u64>,
    h: Option<[u8; 32]>,
    r: Option<[u8; 4]>,
    o: Option<[u8; 32]>,
    i: Option<u64>,
    l: Option<u64>,
    q: Option<Option<[u8; 16]>>,
    f: Option<u64>,
    m: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn read_pair(&mut self, reader: &mut Reader<'a>) -> Result<(), ReadError> {
        let key = reader.raw()?;
        match Reader::new(key).read_str() {
            Ok("t") => self.t = Some(reader.read_uint()?),
            Ok("d") => self.d = Some(reader.read_uint()?),
            Ok("n") => self.n = Some(reader.read_uint()?),
            Ok("h") => self.h = Some(reader.read_bin_array()?),
            Ok("r") => self.r = Some(reader.read_bin_array()?),
            Ok("o") => self.o = Some(reader.read_bin_array()?),
            Ok("i") => self.i = Some(reader.read_uint()?),
            Ok("l") => self.l = Some(reader.read_uint()?),
            Ok("q") => self.q = Some(read_request_id(reader)?),
            Ok("f") => self.f = Some(reader.read_uint()?),
            Ok("m") => self.m = Some(reader.read_bin()?),
            _ => reader.skip()?,
        }
        Ok(())
    }

    fn complete(self) -> Option<Advertisement<'a>> {
        Some(Advertisement {
            transfer_size: self.t?,
            data_size: self.d?,
            parts: self.n?,
            hash: ResourceHash::new(self.h?),
            random: self.r?,
            original_hash: ResourceHash::new(self.o?),
            segment: self.i?,
            segments: self.l?,
            request: self.q?.map(RequestId::new),
            flags: Flags(self.f?),
            map_hashes: self.m?,
        })
    }
}

fn read_request_id(reader: &mut Reader<'_>) -> Result<Option<[u8; 16]>, ReadError> {
    if reader.peek()? == msgpack::Item::Nil {
        return reader.read_nil().map(|()| None);
    }
    reader.read_bin_array().map(Some)
}

/// The single hashes of a list whose length has been checked.
pub fn map_hashes(list: &[u8]) -> impl ExactSizeIterator<Item = MapHash> + '_ {
    list.as_chunks().0.iter().copied()
}

fn check_map_hashes(list: &[u8]) -> Result<(), ResourceError> {
    if list.len().is_multiple_of(MAP_HASH_LEN) { Ok(()) } else { Err(ResourceError::Length) }
}

/// Request for parts (spec 8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartRequest<'a> {
    /// The last map hash that the receiver knows, if it needs more of them.
    pub exhausted: Option<MapHash>,
    /// The segment.
    pub hash: ResourceHash,
    /// The wanted parts, concatenated; see [`map_hashes`].
    pub map_hashes: &'a [u8],
}

impl<'a> PartRequest<'a> {
    const NORMAL: u8 = 0x00;
    const EXHAUSTED: u8 = 0xFF;

    /// Reads a request. First bytes other than `FF` mean the normal form.
    pub fn parse(plaintext: &'a [u8]) -> Result<Self, ResourceError> {
        let (form, rest) = plaintext.split_first().ok_or(ResourceError::Length)?;
        let (exhausted, rest) = if *form == Self::EXHAUSTED {
            let (last, rest) = rest.split_first_chunk().ok_or(ResourceError::Length)?;
            (Some(*last), rest)
        } else {
            (None, rest)
        };
        let (hash, map_hashes) = rest.split_first_chunk().ok_or(ResourceError::Length)?;
        check_map_hashes(map_hashes)?;
        Ok(Self { exhausted, hash: ResourceHash::new(*hash), map_hashes })
    }

    /// Appends the plaintext to `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        match &self.exhausted {
            None => out.push(Self::NORMAL),
            Some(last) => {
                out.push(Self::EXHAUSTED);
                out.extend_from_slice(last);
            }
        }
        out.extend_from_slice(self.hash.as_ref());
        out.extend_from_slice(self.map_hashes);
    }
}

/// More map hashes (spec 8.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashmapUpdate<'a> {
    /// The segment of the resource.
    pub hash: ResourceHash,
    /// Which run of [`HASHMAP_SEGMENT_LEN`] map hashes this is, from 0.
    pub index: u64,
    /// The map hashes, concatenated; see [`map_hashes`].
    pub map_hashes: &'a [u8],
}

impl<'a> HashmapUpdate<'a> {
    /// Reads an update.
    pub fn parse(plaintext: &'a [u8]) -> Result<Self, ResourceError> {
        let (hash, rest) = plaintext.split_first_chunk().ok_or(ResourceError::Length)?;
        let mut reader = Reader::new(rest);
        if reader.read_array_len()? != 2 {
            return Err(ResourceError::Length);
        }
        let (index, map_hashes) = (reader.read_uint()?, reader.read_bin()?);
        if map_hashes.len() > HASHMAP_SEGMENT_LEN.saturating_mul(MAP_HASH_LEN) {
            return Err(ResourceError::Range);
        }
        check_map_hashes(map_hashes)?;
        Ok(Self { hash: ResourceHash::new(*hash), index, map_hashes })
    }

    /// Appends the plaintext to `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.hash.as_ref());
        msgpack::write_array_len(out, 2);
        msgpack::write_uint(out, self.index);
        msgpack::write_bin(out, self.map_hashes);
    }
}

/// Proof that a segment arrived whole (spec 8.9). Not encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceProof {
    /// The segment.
    pub hash: ResourceHash,
    /// Hash of body and segment hash, which only who has the body can tell.
    pub proof: [u8; 32],
}

impl ResourceProof {
    /// Takes exactly 64 bytes.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let (hash, proof) = data.split_first_chunk()?;
        Some(Self { hash: ResourceHash::new(*hash), proof: proof.try_into().ok()? })
    }

    /// Appends the data to `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.hash.as_ref());
        out.extend_from_slice(&self.proof);
    }
}

/// The prefix of packed metadata of `len` bytes, at most [`METADATA_MAX`].
pub fn metadata_prefix(len: usize) -> Option<[u8; METADATA_PREFIX_LEN]> {
    match u32::try_from(len).ok()?.to_be_bytes() {
        [0, prefix @ ..] => Some(prefix),
        _ => None,
    }
}

/// Splits the body of a first segment with metadata into the packed metadata and the data.
pub fn split_metadata(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[high, middle, low], rest) = body.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes([0, high, middle, low])).ok()?)
}
