//! Reading what a peer sent, as tolerant as the field is (`spec/lxmf.md` 1.4).

use reticulum::crypto::{Claim, PublicIdentity, Vouched};
use reticulum::hash::{DestinationHash, sha256_of};
use reticulum::wire::msgpack::{Item, Reader};
use thiserror::Error;

use super::pack::FOUR_ELEMENTS;
use super::{HEADER_LEN, Message, MessageId};
use crate::fields::{self, Fields};

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnpackError {
    /// Shorter than the fixed header.
    #[error("shorter than the header of a message")]
    Truncated,
    /// The payload is not an array of at least four elements, or is cut off or nested too deep.
    #[error("the payload is not an array of at least four MessagePack values")]
    Payload,
    /// The timestamp is not a number.
    #[error("the timestamp is not a number")]
    Timestamp,
    /// Title or content are neither bytes nor text nor nil.
    #[error("title or content is neither bytes nor text")]
    Text,
    /// The fields are neither a map nor nil.
    #[error("the fields are not a map")]
    Fields,
}

/// A message as it arrived: well-formed, borrowed, of unproven origin.
#[derive(Clone, Copy, Debug)]
pub struct Unverified<'a> {
    destination: DestinationHash,
    source: DestinationHash,
    signature: [u8; 64],
    timestamp: f64,
    title: &'a [u8],
    content: &'a [u8],
    fields: &'a [u8],
    stamp: Option<&'a [u8]>,
    signed: Signed<'a>,
}

/// Which bytes the sender hashed.
#[derive(Clone, Copy, Debug)]
enum Signed<'a> {
    /// The payload, just as it travelled.
    Verbatim(&'a [u8]),
    /// These four values as an array of their own: what followed them was added later.
    Elements(&'a [u8]),
}

impl<'a> Unverified<'a> {
    /// Reads a message as it travels on links.
    pub fn parse(packed: &'a [u8]) -> Result<Self, UnpackError> {
        let (destination, body) = packed.split_first_chunk().ok_or(UnpackError::Truncated)?;
        Self::parse_body(DestinationHash::new(*destination), body)
    }

    /// Reads a message as it travels in a single packet for `destination`: without the destination hash.
    pub fn parse_body(destination: DestinationHash, body: &'a [u8]) -> Result<Self, UnpackError> {
        let (source, rest) = body.split_first_chunk().ok_or(UnpackError::Truncated)?;
        let (&signature, payload) = rest.split_first_chunk().ok_or(UnpackError::Truncated)?;
        let mut reader = Reader::new(payload);
        let len = reader.read_array_len().map_err(|_| UnpackError::Payload)?;
        if len < 4 {
            return Err(UnpackError::Payload);
        }
        let elements = reader.rest();
        let timestamp = element(&mut reader)?;
        let title = element(&mut reader)?;
        let content = element(&mut reader)?;
        let fields = element(&mut reader)?;
        let elements = &elements[..elements.len() - reader.rest().len()];
        let (stamp, signed) = if len == 4 {
            (None, Signed::Verbatim(payload))
        } else {
            (stamp(element(&mut reader)?), Signed::Elements(elements))
        };
        Ok(Self {
            destination,
            source: DestinationHash::new(*source),
            signature,
            timestamp: Reader::new(timestamp).read_f64().map_err(|_| UnpackError::Timestamp)?,
            title: text(title).ok_or(UnpackError::Text)?,
            content: text(content).ok_or(UnpackError::Text)?,
            fields: fields::check(fields).map(|()| fields).map_err(|_| UnpackError::Fields)?,
            stamp,
            signed,
        })
    }

    /// Whom it is for.
    pub fn destination(&self) -> DestinationHash {
        self.destination
    }

    /// Whom it claims to be from.
    pub fn source(&self) -> DestinationHash {
        self.source
    }

    /// The message, if `identity` signed it. Costs one Ed25519 verification; two for a stamped message that is not
    /// canonical, because its signer may have hashed either form (`spec/lxmf.md` 1.3).
    pub fn verify(&self, identity: &PublicIdentity) -> Option<Message> {
        let (id, claim) = self.claim(identity);
        if claim.verify() {
            return Some(self.message(id));
        }
        let Signed::Elements(elements) = self.signed else { return None };
        let (id, claim) = self.claim_over(identity, &[&canonical_payload(elements)?]);
        claim.verify().then(|| self.message(id))
    }

    /// The message, if somebody vouches that what [`claim`](Self::claim) said is true; else as [`verify`](Self::verify).
    pub(crate) fn verify_unless(
        &self,
        vouched: Option<Vouched>,
        identity: &PublicIdentity,
    ) -> Option<Message> {
        match vouched {
            Some(_) => Some(self.message(self.claim(identity).0)),
            None => self.verify(identity),
        }
    }

    /// Its name, and that `identity` signed it as it travelled.
    pub(crate) fn claim(&self, identity: &PublicIdentity) -> (MessageId, Claim) {
        match self.signed {
            Signed::Verbatim(payload) => self.claim_over(identity, &[payload]),
            Signed::Elements(elements) => self.claim_over(identity, &[&[FOUR_ELEMENTS], elements]),
        }
    }

    fn message(&self, id: MessageId) -> Message {
        Message {
            id,
            destination: self.destination,
            source: self.source,
            signature: self.signature,
            timestamp: self.timestamp,
            title: self.title.to_vec(),
            content: self.content.to_vec(),
            fields: Fields::from_raw(self.fields).expect("checked when it was parsed"),
            stamp: self.stamp.map(<[u8]>::to_vec),
        }
    }

    fn claim_over(&self, identity: &PublicIdentity, payload: &[&[u8]]) -> (MessageId, Claim) {
        let len = 2 * DestinationHash::LEN + payload.iter().map(|part| part.len()).sum::<usize>();
        let mut signed = Vec::with_capacity(len + 32);
        signed.extend_from_slice(self.destination.as_ref());
        signed.extend_from_slice(self.source.as_ref());
        payload.iter().for_each(|part| signed.extend_from_slice(part));
        let id = MessageId(sha256_of(&[&signed]));
        signed.extend_from_slice(id.as_bytes());
        (id, Claim::new(*identity.ed25519(), signed, self.signature))
    }
}

/// The four elements as their canonical encoder writes them; `None` if they are in that form already.
fn canonical_payload(elements: &[u8]) -> Option<Vec<u8>> {
    let mut canonical = Vec::with_capacity(1 + elements.len());
    canonical.push(FOUR_ELEMENTS);
    let mut reader = Reader::new(elements);
    while !reader.is_empty() {
        reader.recode(&mut canonical).ok()?;
    }
    (canonical[1..] != *elements).then_some(canonical)
}

fn element<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], UnpackError> {
    reader.raw().map_err(|_| UnpackError::Payload)
}

/// Bytes, or text as bytes; nil, which the field tolerates as a title, is empty.
fn text(raw: &[u8]) -> Option<&[u8]> {
    match Reader::new(raw).read_item() {
        Ok(Item::Bin(bytes) | Item::Str(bytes)) => Some(bytes),
        Ok(Item::Nil) => Some(&[]),
        _ => None,
    }
}

/// A stamp of another type than bytes is as good as none: no check would accept it.
fn stamp(raw: &[u8]) -> Option<&[u8]> {
    Reader::new(raw).read_bin().ok()
}

// The header is what precedes the payload in `parse`, in one piece.
const _: () = assert!(HEADER_LEN == 2 * DestinationHash::LEN + 64);
