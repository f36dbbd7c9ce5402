//! Requests and responses on a link (spec 7). What they carry is one MessagePack value, kept as raw bytes.

use super::msgpack::{self, ReadError, Reader};
use crate::hash::{PathHash, RequestId};

/// A request: `[time, path hash, data]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Request<'a> {
    /// When it was made, in unix seconds by the requester's clock.
    pub requested_at_secs: f64,
    /// What is asked for.
    pub path: PathHash,
    /// One MessagePack value.
    pub data: &'a [u8],
}

impl<'a> Request<'a> {
    /// Reads a packed request; what follows it is ignored.
    pub fn parse(packed: &'a [u8]) -> Result<Self, ReadError> {
        let mut reader = Reader::new(packed);
        read_tuple(&mut reader, 3)?;
        Ok(Self {
            requested_at_secs: reader.read_f64()?,
            path: PathHash::new(reader.read_bin_array()?),
            data: reader.raw()?,
        })
    }

    /// Appends the packed request to `out`. `data` must be exactly one value.
    pub fn emit(&self, out: &mut Vec<u8>) {
        msgpack::write_array_len(out, 3);
        msgpack::write_f64(out, self.requested_at_secs);
        msgpack::write_bin(out, self.path.as_ref());
        out.extend_from_slice(self.data);
    }

    /// The id of a request that travels as a resource. One in a packet is named by its packet hash instead.
    pub fn id_as_resource(packed: &[u8]) -> RequestId {
        RequestId::of(&[packed])
    }
}

/// A response: `[request id, value]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The request that it answers.
    pub id: RequestId,
    /// One MessagePack value.
    pub value: &'a [u8],
}

impl<'a> Response<'a> {
    /// Reads a packed response; what follows it is ignored.
    pub fn parse(packed: &'a [u8]) -> Result<Self, ReadError> {
        let mut reader = Reader::new(packed);
        read_tuple(&mut reader, 2)?;
        Ok(Self { id: RequestId::new(reader.read_bin_array()?), value: reader.raw()? })
    }

    /// Appends the packed response to `out`. `value` must be exactly one value.
    pub fn emit(&self, out: &mut Vec<u8>) {
        msgpack::write_array_len(out, 2);
        msgpack::write_bin(out, self.id.as_ref());
        out.extend_from_slice(self.value);
    }
}

fn read_tuple(reader: &mut Reader<'_>, len: usize) -> Result<(), ReadError> {
    if reader.read_array_len()? == len { Ok(()) } else { Err(ReadError::Range) }
}
