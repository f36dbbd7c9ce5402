//! Answers to calls that changed something, made from what the group decided.

use prost::Message;
use proto::v1;

use super::route::settings;
use crate::group::{Caller, Group, Member, Outcome, RecentPost, Role, Seq};
use reticulum::time::UnixTime;

/// How the answer to a decided call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To `/api/v1/join`.
    Join,
    /// To `/api/v1/leave`.
    Leave,
    /// To `/api/v1/claim`.
    Claim,
    /// To `/api/v1/messages/send`.
    Send,
    /// To `/api/v1/messages/delete`.
    Delete,
    /// To `/api/v1/members/kick`.
    Kick,
    /// To `/api/v1/members/ban`.
    Ban,
    /// To `/api/v1/members/unban`.
    Unban,
    /// To `/api/v1/settings`.
    Settings,
    /// To `/api/v1/display-name/update`.
    Rename,
}

impl Reply {
    /// The encoded answer. To be made right after the decision, while the group is as the caller's act left it, and sent
    /// once the outcome's events are durable.
    pub fn done(self, outcome: &Outcome, group: &Group, caller: &Caller) -> Vec<u8> {
        let seq = outcome.seq().unwrap_or_default().0;
        let you = group.member_of(caller);
        match self {
            Self::Join => v1::JoinResponse { you: you.map(membership), seq, error: None }.encode_to_vec(),
            Self::Claim => v1::ClaimResponse { you: you.map(membership), seq, error: None }.encode_to_vec(),
            Self::Leave => v1::LeaveResponse { seq, error: None }.encode_to_vec(),
            Self::Delete => v1::DeleteResponse { seq, error: None }.encode_to_vec(),
            Self::Kick => v1::KickResponse { seq, error: None }.encode_to_vec(),
            Self::Ban => v1::BanResponse { seq, error: None }.encode_to_vec(),
            Self::Unban => v1::UnbanResponse { seq, error: None }.encode_to_vec(),
            Self::Settings => {
                let keys: Vec<_> =
                    outcome.events.iter().filter_map(|event| event.kind.setting_key()).collect();
                settings::changed(&keys, seq, group, caller)
            }
            Self::Rename => {
                let nick = you.map(|you| you.nick.clone()).unwrap_or_default();
                v1::DisplayNameUpdateResponse { seq, nick, error: None }.encode_to_vec()
            }
            Self::Send => {
                let time = outcome.events.last().map(|event| event.time).unwrap_or_default();
                sent(Seq(seq), time)
            }
        }
    }
}

/// The answer to a repeated post: the same as the first one had.
pub(super) fn sent_before(post: &RecentPost) -> Vec<u8> {
    sent(post.seq, post.time)
}

fn sent(seq: Seq, time: UnixTime) -> Vec<u8> {
    v1::SendResponse { seq: seq.0, time_s: time.as_secs(), error: None }.encode_to_vec()
}

pub(super) fn membership(member: &Member) -> v1::Membership {
    v1::Membership { member: member.id.0, nick: member.nick.clone(), role: role(member.role) }
}

/// The number of a role on the wire. Those that the group made itself are beyond what `v1::Role` names.
pub(super) fn role(role: Role) -> i32 {
    i32::from(role.number())
}
