//! What is said to and by propagation nodes: announces, uploads, `/get` (`spec/lxmf.md` 3.3, 4.3, 9).
//!
//! Owns the layouts, from the side of a client. Which node is used, and when, is decided in [`router`](crate::router).
//!
//! | module | owns |
//! |---|---|
//! | [`bodies`] | the layouts from the side of a node |
//! | [`node`] | being a propagation node |

pub mod bodies;
pub mod node;

use std::sync::LazyLock;

use reticulum::hash::{DestinationHash, NameHash, sha256};
use reticulum::time::UnixTime;
use reticulum::wire::msgpack::{self, Item, Reader};
use thiserror::Error;

use crate::stamp::STAMP_LEN;

/// Full name of the destinations of propagation nodes.
pub const PROPAGATION_NAME: &str = "lxmf.propagation";
/// Hash of [`PROPAGATION_NAME`].
pub static PROPAGATION_NAME_HASH: LazyLock<NameHash> = LazyLock::new(|| NameHash::of_name(PROPAGATION_NAME));
/// The request that lists, fetches and deletes.
pub const GET_PATH: &str = "/get";
/// Longest container that travels as one packet on a link (`spec/lxmf.md` 3.3).
pub const CONTAINER_PACKET_MAX: usize = 319;
/// The smallest message on a node: destination and an empty message, sealed (`spec/lxmf.md` 9.2).
pub const STORED_LEN_MIN: usize = 112;
/// Ids that one answer to a listing may hold; a node with more for us is asked again.
pub const LISTED_MAX: usize = 4_096;
/// Code of a node that turns a stamp away.
const INVALID_STAMP: u64 = 0xf5;

/// Names a message on propagation nodes: SHA-256 over destination and ciphertext, without the stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransientId([u8; 32]);

impl TransientId {
    /// Wraps raw bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Of a message as nodes keep it, its stamp removed.
    pub fn of(stored: &[u8]) -> Self {
        Self(sha256(stored))
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Why an announce is not that of a usable node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not the announce of a propagation node")]
pub struct NotANode;

/// What a propagation node announces.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeInfo {
    /// Its clock when it announced, unix seconds.
    pub timebase: u64,
    /// Whether it takes messages from anybody at present.
    pub enabled: bool,
    /// Largest message that it takes, in bytes.
    pub message_len_max: u64,
    /// Most that it takes at a time, in bytes.
    pub transfer_len_max: u64,
    /// What a message costs, in bits.
    pub stamp_cost: u8,
    /// Bits by which a stamp may be worth less.
    pub flexibility: u8,
    /// What peering with it costs, in bits.
    pub peering_cost: u8,
    /// Its name, if it has one.
    pub name: Option<String>,
}

impl NodeInfo {
    /// Reads the app_data of an announce; shorter forms, of older nodes, are none.
    pub fn parse(app_data: &[u8]) -> Result<Self, NotANode> {
        let mut reader = Reader::new(app_data);
        let len = reader.read_array_len().map_err(|_| NotANode)?;
        if len < 7 {
            return Err(NotANode);
        }
        reader.skip().map_err(|_| NotANode)?;
        let timebase = number(&mut reader)?;
        let enabled = match reader.read_item().map_err(|_| NotANode)? {
            Item::Bool(enabled) => enabled,
            Item::Uint(bit @ 0..=1) => bit == 1,
            _ => return Err(NotANode),
        };
        let (message_kb, transfer_kb) = (number(&mut reader)?, number(&mut reader)?);
        if reader.read_array_len() != Ok(3) {
            return Err(NotANode);
        }
        let stamp_cost = number(&mut reader)?;
        let (flexibility, peering_cost) = (number(&mut reader)?, number(&mut reader)?);
        let bits = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
        let name = name(&mut reader)?;
        Ok(Self {
            timebase,
            enabled,
            message_len_max: message_kb.saturating_mul(1_000),
            transfer_len_max: transfer_kb.saturating_mul(1_000),
            stamp_cost: bits(stamp_cost),
            flexibility: bits(flexibility),
            peering_cost: bits(peering_cost),
            name,
        })
    }
}

/// A number that Python's `int()` takes: whole or not, and not negative.
fn number(reader: &mut Reader<'_>) -> Result<u64, NotANode> {
    let number = reader.read_f64().map_err(|_| NotANode)?;
    if number.is_finite() && number >= 0.0 { Ok(number as u64) } else { Err(NotANode) }
}

/// The map of metadata; only the name in it is read.
fn name(reader: &mut Reader<'_>) -> Result<Option<String>, NotANode> {
    const NAME: u64 = 1;
    let mut name = None;
    for _ in 0..reader.read_map_len().map_err(|_| NotANode)? {
        let key = reader.raw().map_err(|_| NotANode)?;
        let value = reader.raw().map_err(|_| NotANode)?;
        if Reader::new(key).read_uint() == Ok(NAME) {
            let bytes = Reader::new(value).read_bin().unwrap_or_default();
            name = std::str::from_utf8(bytes).ok().map(|name| name.trim().to_owned());
        }
    }
    Ok(name.filter(|name| !name.is_empty()))
}

/// A message as it is uploaded: `[now, [message ‖ stamp]]`.
pub fn container(now: UnixTime, stored: &[u8], stamp: &[u8; STAMP_LEN]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + 9 + 1 + 5 + stored.len() + STAMP_LEN);
    msgpack::write_array_len(&mut out, 2);
    msgpack::write_f64(&mut out, now.as_secs_f64());
    msgpack::write_array_len(&mut out, 1);
    msgpack::write_bin(&mut out, &[stored, stamp].concat());
    out
}

/// Whether what a node sent on a link turns the stamp of an upload away.
pub fn is_stamp_refusal(data: &[u8]) -> bool {
    let mut reader = Reader::new(data);
    reader.read_array_len().is_ok_and(|len| len >= 1) && reader.read_uint() == Ok(INVALID_STAMP)
}

/// The body of `/get` that asks what there is.
pub fn list_request() -> Vec<u8> {
    get_request(None, None, None)
}

/// The body of `/get` that fetches `wants`, up to `limit_kb`, and deletes `haves`.
pub fn fetch_request(wants: &[TransientId], haves: &[TransientId], limit_kb: u64) -> Vec<u8> {
    get_request(Some(wants), Some(haves), Some(limit_kb))
}

/// The body of `/get` that deletes.
pub fn purge_request(haves: &[TransientId]) -> Vec<u8> {
    get_request(None, Some(haves), None)
}

fn get_request(wants: Option<&[TransientId]>, haves: Option<&[TransientId]>, limit: Option<u64>) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::write_array_len(&mut out, if limit.is_some() { 3 } else { 2 });
    for ids in [wants, haves] {
        match ids {
            Some(ids) => {
                msgpack::write_array_len(&mut out, ids.len());
                ids.iter().for_each(|id| msgpack::write_bin(&mut out, &id.0));
            }
            None => msgpack::write_nil(&mut out),
        }
    }
    if let Some(limit) = limit {
        msgpack::write_uint(&mut out, limit);
    }
    out
}

/// Why a node does not answer a `/get` with what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GetError {
    /// It does not know who asks (0xf0).
    #[error("the node does not know who we are")]
    NotIdentified,
    /// It does not serve us (0xf1).
    #[error("the node does not serve us")]
    NoAccess,
    /// It asks us to come back later (0xf6).
    #[error("the node asks us to wait")]
    Throttled,
    /// Another code.
    #[error("the node answered with code {0:#04x}")]
    Code(u64),
    /// The answer is none.
    #[error("the node's answer is malformed")]
    Malformed,
}

/// The answer to [`list_request`]: ids, the smallest message first. What is beyond [`LISTED_MAX`] is left for later.
pub fn parse_list(answer: &[u8]) -> Result<Vec<TransientId>, GetError> {
    let (len, mut reader) = answer_array(answer)?;
    (0..len.min(LISTED_MAX))
        .map(|_| reader.read_bin_array().map(TransientId).map_err(|_| GetError::Malformed))
        .collect()
}

/// The answer to [`fetch_request`]: messages as nodes keep them, without stamps.
pub fn parse_messages(answer: &[u8]) -> Result<Vec<&[u8]>, GetError> {
    let (len, mut reader) = answer_array(answer)?;
    (0..len.min(LISTED_MAX)).map(|_| reader.read_bin().map_err(|_| GetError::Malformed)).collect()
}

fn answer_array(answer: &[u8]) -> Result<(usize, Reader<'_>), GetError> {
    let mut reader = Reader::new(answer);
    match reader.peek() {
        Ok(Item::Uint(0xf0)) => Err(GetError::NotIdentified),
        Ok(Item::Uint(0xf1)) => Err(GetError::NoAccess),
        Ok(Item::Uint(0xf6)) => Err(GetError::Throttled),
        Ok(Item::Uint(code)) => Err(GetError::Code(code)),
        _ => Ok((reader.read_array_len().map_err(|_| GetError::Malformed)?, reader)),
    }
}

/// A message as nodes keep it: whom it is for, and what is sealed. `None` if it is too short to be one.
pub fn split_stored(stored: &[u8]) -> Option<(DestinationHash, &[u8])> {
    let (destination, sealed) = stored.split_first_chunk().filter(|_| stored.len() >= STORED_LEN_MIN)?;
    Some((DestinationHash::new(*destination), sealed))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample of `spec/lxmf.md` 4.3.
    const SAMPLE: &[u8] =
        b"\x97\xc2\xce\x65\x53\xf1\x00\xc3\xcd\x01\x00\xcd\x28\x00\x93\x10\x03\x12\x83\xcc\xfe\xa4lxmd\x00\xa51.2.1\x01\xc4\x03PN1";

    #[test]
    fn the_sample_announce_is_read() {
        let info = NodeInfo::parse(SAMPLE).unwrap();
        assert_eq!((info.timebase, info.enabled, info.stamp_cost), (1_700_000_000, true, 16));
        assert_eq!((info.message_len_max, info.transfer_len_max), (256_000, 10_240_000));
        assert_eq!(info.name.as_deref(), Some("PN1"));
    }

    #[test]
    fn announces_are_judged_row_by_row() {
        let with = |old: &[u8], new: &[u8]| {
            let at = SAMPLE.windows(old.len()).position(|window| window == old).unwrap();
            [&SAMPLE[..at], new, &SAMPLE[at + old.len()..]].concat()
        };
        let parse = |bytes: &[u8]| NodeInfo::parse(bytes);
        assert!(!parse(&with(b"\xc3\xcd", b"\xc2\xcd")).unwrap().enabled);
        assert!(parse(&with(b"\xc3\xcd", b"\x01\xcd")).unwrap().enabled);
        assert!(parse(&with(b"\xc3\xcd", b"\x02\xcd")).is_err());
        assert_eq!(parse(&with(b"\xcd\x01\x00", b"\xca\x3f\x00\x00\x00")).unwrap().message_len_max, 0);
        assert!(parse(&with(b"\xcd\x01\x00", b"\xa1x")).is_err());
        assert!(parse(&with(b"\x93\x10\x03\x12", b"\x92\x10\x03")).is_err());
        assert!(parse(&with(b"\x93\x10\x03\x12", b"\x10")).is_err());
        assert!(parse(&with(b"\x97", b"\x96")).is_err());
        let extra = [&with(b"\x97", b"\x98")[..], b"\xc0"].concat();
        assert!(parse(&extra).is_ok());
        for bad in [&b""[..], b"\x93\xc3\x01\x02", b"plain", &SAMPLE[..20]] {
            assert_eq!(parse(bad), Err(NotANode), "{bad:02x?}");
        }
    }

    #[test]
    fn requests_are_as_the_field_writes_them() {
        let (a, b) = (TransientId([1; 32]), TransientId([2; 32]));
        assert_eq!(list_request(), [0x92, 0xc0, 0xc0]);
        assert_eq!(purge_request(&[a])[..5], [0x92, 0xc0, 0x91, 0xc4, 32]);
        let fetch = fetch_request(&[a, b], &[], 1_000);
        assert_eq!(
            (fetch[0], fetch[1], &fetch[fetch.len() - 4..]),
            (0x93, 0x92, &[0x90, 0xcd, 0x03, 0xe8][..])
        );
    }

    #[test]
    fn answers_are_arrays_or_codes() {
        assert_eq!(parse_list(&[0x90]), Ok(vec![]));
        let one = [&[0x91, 0xc4, 32][..], &[7; 32]].concat();
        assert_eq!(parse_list(&one), Ok(vec![TransientId([7; 32])]));
        assert_eq!(parse_messages(&one), Ok(vec![&[7_u8; 32][..]]));
        assert_eq!(parse_list(&[0xcc, 0xf0]), Err(GetError::NotIdentified));
        assert_eq!(parse_messages(&[0xcc, 0xf1]), Err(GetError::NoAccess));
        assert_eq!(parse_list(&[0xcc, 0xf6]), Err(GetError::Throttled));
        assert_eq!(parse_list(&[0xcc, 0xfd]), Err(GetError::Code(0xfd)));
        for bad in
            [&[0xc0][..], &[], &[0x91], &[0x91, 0xc4, 31], &[0x81, 1, 1], &[0xdd, 0xff, 0xff, 0xff, 0xff]]
        {
            assert_eq!(parse_list(bad), Err(GetError::Malformed), "{bad:02x?}");
        }
    }

    #[test]
    fn a_container_holds_one_message_and_its_stamp() {
        let packed = container(UnixTime::from_secs(1_700_000_000), &[5; 200], &[6; 32]);
        assert_eq!(packed[..2], [0x92, 0xcb]);
        assert_eq!(packed[10..13], [0x91, 0xc4, 232]);
        assert_eq!((packed[13], packed.len(), packed[packed.len() - 1]), (5, 13 + 232, 6));
    }

    #[test]
    fn a_refusal_of_a_stamp_is_recognised() {
        assert!(is_stamp_refusal(&[0x91, 0xcc, 0xf5]));
        for other in [&[0x91, 0xcc, 0xf4][..], &[0xcc, 0xf5], &[0x90], &[]] {
            assert!(!is_stamp_refusal(other));
        }
    }
}
