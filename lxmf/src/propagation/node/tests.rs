//! Propagation nodes among each other and with clients, by the rows of `spec/lxmf.md` 9 to 12, on virtual time.

mod control;
mod gets;
mod net;
mod offers;
mod peers;
mod shelf;
mod syncs;
mod uploads;

use std::time::Duration;

use reticulum::hash::IdentityHash;

use self::net::Net;
use super::*;
use crate::propagation::TransientId;
use crate::propagation::bodies::OfferBody;
use crate::stamp::{Purpose, STAMP_LEN, Workblock};

/// What a message costs at the nodes here, by how much less its stamp may be worth, and what peering costs.
const COST: u8 = 6;
const FLEXIBILITY: u8 = 2;
const PEERING_COST: u8 = 4;
/// Limits of the nodes here, in bytes.
const MESSAGE_LEN_MAX: u64 = 10_000;
const TRANSFER_LEN_MAX: u64 = 50_000;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A message as nodes keep it, without a stamp: for `to`, `len` bytes long, told apart by `mark`.
fn stored(to: DestinationHash, mark: u8, len: usize) -> Vec<u8> {
    let mut out = to.as_ref().to_vec();
    out.resize(len, mark);
    out
}

/// The stamp of a message that is worth exactly so many bits.
fn stamp_worth(stored: &[u8], bits: u32) -> [u8; STAMP_LEN] {
    let block = Workblock::new(Purpose::Propagation, TransientId::of(stored).as_bytes());
    first_stamp(|stamp| block.value(stamp) == bits)
}

fn first_stamp(fits: impl Fn(&[u8; STAMP_LEN]) -> bool) -> [u8; STAMP_LEN] {
    let nth = |counter: u64| {
        let mut stamp = [0; STAMP_LEN];
        stamp[24..].copy_from_slice(&counter.to_be_bytes());
        stamp
    };
    (0..).map(nth).find(fits).expect("there are many")
}

/// A message of 200 bytes with a stamp that is worth what it costs.
fn paid(to: DestinationHash, mark: u8) -> Vec<u8> {
    worth(to, mark, 200, u32::from(COST))
}

fn worth(to: DestinationHash, mark: u8, len: usize, bits: u32) -> Vec<u8> {
    let stored = stored(to, mark, len);
    let stamp = stamp_worth(&stored, bits);
    [&stored[..], &stamp].concat()
}

/// Names a message that carries a stamp.
fn id_of(stamped: &[u8]) -> TransientId {
    TransientId::of(&stamped[..stamped.len() - STAMP_LEN])
}

/// The stamp that peering costs, worth exactly so many bits.
fn key_worth(receiver: IdentityHash, offering: IdentityHash, bits: u32) -> [u8; STAMP_LEN] {
    let block = Workblock::new(Purpose::Peering, &work::key_material(receiver, offering));
    first_stamp(|stamp| block.value(stamp) == bits)
}

fn offer(key: [u8; STAMP_LEN], ids: &[TransientId]) -> Vec<u8> {
    OfferBody { key, ids: ids.to_vec() }.encode()
}
