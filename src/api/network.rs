//! Answers to what the staff asks of the network.

use prost::Message;
use proto::v1;

use crate::group::Way;

/// The encoded answer to a call for an announce.
pub fn announced(announced: bool) -> Vec<u8> {
    v1::AnnounceResponse { announced, error: None }.encode_to_vec()
}

/// The encoded answer to a call for the way to a member.
pub fn path(way: &Way) -> Vec<u8> {
    let Way { hops, interface } = way;
    v1::PathResponse { hops: hops.unwrap_or(0).into(), interface: interface.clone(), error: None }
        .encode_to_vec()
}
