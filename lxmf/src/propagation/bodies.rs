//! What a propagation node reads and answers: the same layouts as a client's, from the other side (`spec/lxmf.md` 9 to 11).
//!
//! Owns parsing that bounds what it takes in, and the codes. What is answered is decided in [`node`](super::node).

use reticulum::time::UnixTime;
use reticulum::wire::msgpack::{self, Item, Reader};
use thiserror::Error;

use super::{LISTED_MAX, NodeInfo, TransientId};
use crate::stamp::STAMP_LEN;

/// The request by which nodes offer each other messages.
pub const OFFER_PATH: &str = "/offer";
/// Ids of one offer at most; a longer one is malformed. A body of 256 kB holds fewer.
pub const OFFERED_MAX: usize = 8_192;
/// Messages of one transfer at most; more are malformed. They are the ids of one offer.
pub const TRANSFERRED_MAX: usize = OFFERED_MAX;
/// A message with its stamp is longer than this (`spec/lxmf.md` 10.3).
const STAMPED_LEN_OVER: usize = 144;

/// What a node answers in place of what was asked for (`spec/lxmf.md` 9.2, 11.1, 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Tell who you are first.
    NotIdentified = 0xf0,
    /// Not for you.
    NoAccess = 0xf1,
    /// The peering key is not worth what it costs.
    InvalidKey = 0xf3,
    /// The body is malformed.
    InvalidData = 0xf4,
    /// A stamp is not worth what it costs.
    InvalidStamp = 0xf5,
    /// Come back later.
    Throttled = 0xf6,
    /// There is no such peer.
    NotFound = 0xfd,
}

impl Code {
    /// As an answer to a request.
    pub fn answer(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2);
        msgpack::write_uint(&mut out, self as u64);
        out
    }

    /// As a packet on a link that something was uploaded on.
    pub fn signal(self) -> Vec<u8> {
        let mut out = vec![0x91];
        msgpack::write_uint(&mut out, self as u64);
        out
    }
}

/// Why a body is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("malformed body")]
pub struct Malformed;

/// The body of `/get`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GetBody {
    /// What is there?
    List,
    /// Delete `haves`, then send `wants`.
    Fetch {
        /// To be sent, in this order.
        wants: Vec<TransientId>,
        /// To be deleted.
        haves: Vec<TransientId>,
        /// Most that may come back, in bytes; none is said by old clients and by those that only delete.
        bytes_max: Option<u64>,
    },
}

impl GetBody {
    /// Reads it. Lists longer than [`LISTED_MAX`], which no node hands out, are malformed.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let len = reader.read_array_len().map_err(|_| Malformed)?;
        if len < 2 {
            return Err(Malformed);
        }
        let (wants, haves) = (ids_or_nil(&mut reader)?, ids_or_nil(&mut reader)?);
        if wants.is_none() && haves.is_none() {
            return Ok(Self::List);
        }
        let bytes_max = match len {
            2 => None,
            _ => match reader.peek().map_err(|_| Malformed)? {
                Item::Nil => None,
                _ => Some(kilobytes(&mut reader)?),
            },
        };
        Ok(Self::Fetch { wants: wants.unwrap_or_default(), haves: haves.unwrap_or_default(), bytes_max })
    }
}

/// The body of `/offer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferBody {
    /// The stamp on both identities that peering costs.
    pub key: [u8; STAMP_LEN],
    /// What there is to have.
    pub ids: Vec<TransientId>,
}

impl OfferBody {
    /// Reads it.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        if reader.read_array_len().map_err(|_| Malformed)? < 2 {
            return Err(Malformed);
        }
        let key = reader.read_bin_array().map_err(|_| Malformed)?;
        Ok(Self { key, ids: ids(&mut reader, OFFERED_MAX)? })
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![0x92];
        msgpack::write_bin(&mut out, &self.key);
        write_ids(&mut out, &self.ids);
        out
    }
}

/// What a peer wants of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfferAnswer {
    /// Nothing.
    Nothing,
    /// All of it.
    All,
    /// Only these.
    Some(Vec<TransientId>),
    /// A [`Code`], or another number.
    Code(u64),
}

impl OfferAnswer {
    /// What to answer to `offered`, of which `wanted` are not here.
    pub fn of(offered: usize, wanted: Vec<TransientId>) -> Self {
        match wanted.len() {
            0 => Self::Nothing,
            len if len == offered => Self::All,
            _ => Self::Some(wanted),
        }
    }

    /// Reads it.
    pub fn parse(answer: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(answer);
        Ok(match reader.peek().map_err(|_| Malformed)? {
            Item::Bool(false) => Self::Nothing,
            Item::Bool(true) => Self::All,
            Item::Uint(code) => Self::Code(code),
            _ => Self::Some(ids(&mut reader, OFFERED_MAX)?),
        })
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Nothing => msgpack::write_bool(&mut out, false),
            Self::All => msgpack::write_bool(&mut out, true),
            Self::Some(ids) => write_ids(&mut out, ids),
            Self::Code(code) => msgpack::write_uint(&mut out, *code),
        }
        out
    }
}

/// Reads a transfer, `[time, [message ‖ stamp, …]]`.
pub fn parse_transfer(transfer: &[u8]) -> Result<Vec<&[u8]>, Malformed> {
    let mut reader = Reader::new(transfer);
    if reader.read_array_len().map_err(|_| Malformed)? < 2 {
        return Err(Malformed);
    }
    reader.read_f64().map_err(|_| Malformed)?;
    let len = reader.read_array_len().map_err(|_| Malformed)?;
    if len > TRANSFERRED_MAX {
        return Err(Malformed);
    }
    (0..len).map(|_| reader.read_bin().map_err(|_| Malformed)).collect()
}

/// Writes a transfer of messages with their stamps.
pub fn transfer(now: UnixTime, stamped: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![0x92];
    msgpack::write_f64(&mut out, now.as_secs_f64());
    out.extend(blobs(stamped));
    out
}

/// A message and its stamp apart; `None` if it is too short for either.
pub fn split_stamp(stamped: &[u8]) -> Option<(&[u8], &[u8; STAMP_LEN])> {
    stamped.split_last_chunk().filter(|_| stamped.len() > STAMPED_LEN_OVER)
}

/// The answer to a listing.
pub fn list(ids: &[TransientId]) -> Vec<u8> {
    let mut out = Vec::new();
    write_ids(&mut out, ids);
    out
}

/// The answer to a fetch: messages without their stamps.
pub fn blobs(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + messages.iter().map(|message| message.len() + 5).sum::<usize>());
    msgpack::write_array_len(&mut out, messages.len());
    messages.iter().for_each(|message| msgpack::write_bin(&mut out, message));
    out
}

impl NodeInfo {
    /// As it is announced, with the program's version in place of the reference's (`spec/lxmf.md` 4.3).
    pub fn encode(&self) -> Vec<u8> {
        const VERSION: u64 = 0;
        const NAME: u64 = 1;
        const IMPLEMENTATION: u64 = 0xfe;
        let mut out = vec![0x97, 0xc2];
        msgpack::write_uint(&mut out, self.timebase);
        msgpack::write_bool(&mut out, self.enabled);
        msgpack::write_uint(&mut out, self.message_len_max / 1_000);
        msgpack::write_uint(&mut out, self.transfer_len_max / 1_000);
        out.push(0x93);
        [self.stamp_cost, self.flexibility, self.peering_cost]
            .iter()
            .for_each(|cost| msgpack::write_uint(&mut out, (*cost).into()));
        msgpack::write_map_len(&mut out, if self.name.is_some() { 3 } else { 2 });
        msgpack::write_uint(&mut out, IMPLEMENTATION);
        msgpack::write_str(&mut out, "meshgroup");
        msgpack::write_uint(&mut out, VERSION);
        msgpack::write_str(&mut out, env!("CARGO_PKG_VERSION"));
        if let Some(name) = &self.name {
            msgpack::write_uint(&mut out, NAME);
            msgpack::write_bin(&mut out, name.as_bytes());
        }
        out
    }
}

/// A limit in kilobytes, which need not be a whole number of them, in bytes.
fn kilobytes(reader: &mut Reader<'_>) -> Result<u64, Malformed> {
    let number = reader.read_f64().map_err(|_| Malformed)?;
    if number.is_finite() && number >= 0.0 { Ok((1_000.0 * number) as u64) } else { Err(Malformed) }
}

fn ids_or_nil(reader: &mut Reader<'_>) -> Result<Option<Vec<TransientId>>, Malformed> {
    match reader.peek().map_err(|_| Malformed)? {
        Item::Nil => reader.read_nil().map(|()| None).map_err(|_| Malformed),
        _ => ids(reader, LISTED_MAX).map(Some),
    }
}

fn ids(reader: &mut Reader<'_>, max: usize) -> Result<Vec<TransientId>, Malformed> {
    let len = reader.read_array_len().map_err(|_| Malformed)?;
    if len > max {
        return Err(Malformed);
    }
    (0..len).map(|_| reader.read_bin_array().map(TransientId::new).map_err(|_| Malformed)).collect()
}

fn write_ids(out: &mut Vec<u8>, ids: &[TransientId]) {
    msgpack::write_array_len(out, ids.len());
    ids.iter().for_each(|id| msgpack::write_bin(out, id.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::super::{fetch_request, list_request, purge_request};
    use super::*;

    const fn id(byte: u8) -> TransientId {
        TransientId::new([byte; 32])
    }

    #[test]
    fn what_a_client_asks_is_what_a_node_reads() {
        assert_eq!(GetBody::parse(&list_request()), Ok(GetBody::List));
        let fetch = GetBody::parse(&fetch_request(&[id(1)], &[id(2)], 1_000));
        let (wants, haves) = (vec![id(1)], vec![id(2)]);
        assert_eq!(fetch, Ok(GetBody::Fetch { wants, haves, bytes_max: Some(1_000_000) }));
        let purge = GetBody::parse(&purge_request(&[id(3)]));
        assert_eq!(purge, Ok(GetBody::Fetch { wants: vec![], haves: vec![id(3)], bytes_max: None }));
        let neither = GetBody::Fetch { wants: vec![], haves: vec![], bytes_max: None };
        assert_eq!(GetBody::parse(&[0x92, 0x90, 0x90]), Ok(neither));
        for bad in [&[0xc0][..], &[], &[0x90], &[0x91, 0xc0], &[0x92, 0x91, 0xc4], &[0x92, 1, 2]] {
            assert_eq!(GetBody::parse(bad), Err(Malformed), "{bad:02x?}");
        }
    }

    #[test]
    fn offers_and_their_answers_read_back() {
        let offer = OfferBody { key: [9; 32], ids: vec![id(1), id(2)] };
        assert_eq!(OfferBody::parse(&offer.encode()), Ok(offer));
        for bad in [&[0xc0][..], &[0x92, 0xc0, 0x90], &[0x91, 0xc4, 0], &[]] {
            assert_eq!(OfferBody::parse(bad), Err(Malformed), "{bad:02x?}");
        }
        assert_eq!(OfferAnswer::of(2, vec![]).encode(), [0xc2]);
        assert_eq!(OfferAnswer::of(2, vec![id(1), id(2)]).encode(), [0xc3]);
        let some = OfferAnswer::of(2, vec![id(1)]);
        assert_eq!(OfferAnswer::parse(&some.encode()), Ok(some));
        assert_eq!(OfferAnswer::parse(&Code::Throttled.answer()), Ok(OfferAnswer::Code(0xf6)));
        assert_eq!(OfferAnswer::parse(&[]), Err(Malformed));
    }

    #[test]
    fn a_transfer_of_a_client_and_of_a_peer_is_read() {
        let now = UnixTime::from_secs(1_700_000_000);
        let one = super::super::container(now, &[5; 200], &[6; 32]);
        let stamped = [&[5; 200][..], &[6; 32]].concat();
        assert_eq!(parse_transfer(&one), Ok(vec![&stamped[..]]));
        assert_eq!(split_stamp(&stamped), Some((&[5; 200][..], &[6; 32])));
        assert_eq!((split_stamp(&[0; 144]), split_stamp(&[0; 145]).is_some()), (None, true));
        let two = transfer(now, &[stamped.clone(), stamped.clone()]);
        assert_eq!(parse_transfer(&two), Ok(vec![&stamped[..], &stamped]));
        for bad in
            [&[0xc0][..], &[], &[0x92, 1], &[0x92, 0xc0, 0x90], &[0x92, 1, 0xdd, 0xff, 0xff, 0xff, 0xff]]
        {
            assert_eq!(parse_transfer(bad), Err(Malformed), "{bad:02x?}");
        }
    }

    #[test]
    fn what_we_announce_reads_back() {
        let info = NodeInfo {
            timebase: 1_700_000_000,
            enabled: true,
            message_len_max: 256_000,
            transfer_len_max: 10_240_000,
            stamp_cost: 16,
            flexibility: 3,
            peering_cost: 18,
            name: Some("Harbour".to_owned()),
        };
        assert_eq!(NodeInfo::parse(&info.encode()), Ok(info));
    }

    #[test]
    fn codes_are_numbers_or_signals() {
        assert_eq!(Code::NotIdentified.answer(), [0xcc, 0xf0]);
        assert!(super::super::is_stamp_refusal(&Code::InvalidStamp.signal()));
    }
}
