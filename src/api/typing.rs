//! Typing as it travels: the answer to a call, and the packet that tells others.

use prost::Message;
use proto::v1::{self, push::What};

use crate::group::MemberId;

/// The encoded answer to a call about typing.
pub fn who_types(members: &[MemberId]) -> Vec<u8> {
    let members = members.iter().map(|member| member.0).collect();
    v1::TypingResponse { members, error: None }.encode_to_vec()
}

/// What links are sent that asked to be told.
pub fn typing_push(member: MemberId, stopped: bool) -> Vec<u8> {
    let what = What::Typing(v1::TypingNotice { member: member.0, stopped });
    v1::Push { what: Some(what) }.encode_to_vec()
}
