//! Answers to calls that changed something, made from what the group decided.

use prost::Message;
use proto::v1;

use super::route::{people, settings};
use crate::group::{
    Caller, EventKind, Group, Member, MemberId, Outcome, Pending, PendingId, Permissions, RecentPost, Role,
    Seq,
};
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
    /// To `/api/v1/messages/edit`.
    Edit,
    /// To `/api/v1/messages/react`.
    React,
    /// To `/api/v1/messages/pin`.
    Pin,
    /// To `/api/v1/members/kick`.
    Kick,
    /// To `/api/v1/members/ban`.
    Ban,
    /// To `/api/v1/members/unban`.
    Unban,
    /// To `/api/v1/members/approve`.
    MemberApprove,
    /// To `/api/v1/members/reject`.
    MemberReject,
    /// To `/api/v1/members/invite`.
    Invite,
    /// To `/api/v1/members/mute`.
    Mute,
    /// To `/api/v1/members/unmute`.
    Unmute,
    /// To `/api/v1/preferences`.
    Preferences,
    /// To `/api/v1/settings`.
    Settings,
    /// To `/api/v1/display-name/update`.
    Rename,
    /// To `/api/v1/messages/held/approve`.
    HeldApprove,
    /// To `/api/v1/messages/held/reject`.
    HeldReject,
    /// To `/api/v1/messages/cleanup`.
    Cleanup,
    /// To `/api/v1/report`.
    Report,
    /// To `/api/v1/roles/create`.
    RoleCreate,
    /// To `/api/v1/roles/change`.
    RoleChange,
    /// To `/api/v1/roles/delete`.
    RoleDelete,
    /// To `/api/v1/roles/assign`.
    RoleAssign,
    /// To `/api/v1/members/permissions`, about this member.
    Permissions(MemberId),
    /// To `/api/v1/members/update`, about this member.
    MemberUpdate(MemberId),
}

impl Reply {
    /// The encoded answer. To be made right after the decision, while the group is as the caller's act left it, and sent
    /// once the outcome's events are durable.
    pub fn done(self, outcome: &Outcome, group: &Group, caller: &Caller) -> Vec<u8> {
        let seq = outcome.seq().unwrap_or_default().0;
        let you = group.member_of(caller);
        match self {
            Self::Join => {
                let waiting = match outcome.events.last().map(|event| &event.kind) {
                    Some(EventKind::JoinRequested { number, .. }) => number.0,
                    _ => 0,
                };
                v1::JoinResponse { you: you.map(membership), waiting, seq, error: None }.encode_to_vec()
            }
            Self::MemberApprove => v1::MemberApproveResponse { seq, error: None }.encode_to_vec(),
            Self::MemberReject => v1::MemberRejectResponse { seq, error: None }.encode_to_vec(),
            Self::Claim => v1::ClaimResponse { you: you.map(membership), seq, error: None }.encode_to_vec(),
            Self::Leave => v1::LeaveResponse { seq, error: None }.encode_to_vec(),
            Self::Delete => v1::DeleteResponse { seq, error: None }.encode_to_vec(),
            Self::Edit => v1::EditResponse { seq, error: None }.encode_to_vec(),
            Self::React => v1::ReactResponse { seq, error: None }.encode_to_vec(),
            Self::Pin => v1::PinResponse { seq, error: None }.encode_to_vec(),
            Self::Kick => v1::KickResponse { seq, error: None }.encode_to_vec(),
            Self::Ban => v1::BanResponse { seq, error: None }.encode_to_vec(),
            Self::Unban => v1::UnbanResponse { seq, error: None }.encode_to_vec(),
            Self::Invite => {
                let code = outcome.code.as_ref().map(ToString::to_string).unwrap_or_default();
                v1::InviteResponse { code, seq, error: None }.encode_to_vec()
            }
            Self::Preferences => people::chosen(you, seq),
            Self::Settings => {
                let keys: Vec<_> =
                    outcome.events.iter().filter_map(|event| event.kind.setting_key()).collect();
                settings::changed(&keys, seq, group, caller)
            }
            Self::Mute => v1::MuteResponse { seq, error: None }.encode_to_vec(),
            Self::Unmute => v1::UnmuteResponse { seq, error: None }.encode_to_vec(),
            Self::Rename => {
                let nick = you.map(|you| you.nick.clone()).unwrap_or_default();
                v1::DisplayNameUpdateResponse { seq, nick, error: None }.encode_to_vec()
            }
            Self::Send => {
                let Some(event) = outcome.events.last() else { return sent(Seq(seq), UnixTime::default()) };
                match &event.kind {
                    EventKind::Held { number, .. } => held(*number, event.time),
                    _ => sent(Seq(seq), event.time),
                }
            }
            Self::Cleanup => {
                let deletions =
                    outcome.events.iter().filter(|event| matches!(event.kind, EventKind::Deleted { .. }));
                let deleted = u32::try_from(deletions.count()).unwrap_or(u32::MAX);
                v1::CleanupResponse { deleted, seq, error: None }.encode_to_vec()
            }
            Self::Report => v1::ReportResponse { seq, error: None }.encode_to_vec(),
            Self::HeldApprove => v1::HeldApproveResponse { seq, error: None }.encode_to_vec(),
            Self::HeldReject => v1::HeldRejectResponse { seq, error: None }.encode_to_vec(),
            Self::RoleCreate => {
                let role = match outcome.events.last().map(|event| &event.kind) {
                    Some(EventKind::RoleDefined { number, .. }) => i32::from(*number),
                    _ => 0,
                };
                v1::RoleCreateResponse { role, seq, error: None }.encode_to_vec()
            }
            Self::RoleChange => v1::RoleChangeResponse { seq, error: None }.encode_to_vec(),
            Self::RoleDelete => v1::RoleDeleteResponse { seq, error: None }.encode_to_vec(),
            Self::RoleAssign => v1::RoleAssignResponse { seq, error: None }.encode_to_vec(),
            Self::MemberUpdate(member) => {
                let member = group.state().roster.by_id(member).map(present);
                v1::MemberUpdateResponse { member, seq, error: None }.encode_to_vec()
            }
            Self::Permissions(member) => {
                let member = group.state().roster.by_id(member);
                member.map(|member| permissions(member, seq, group)).unwrap_or_default().encode_to_vec()
            }
        }
    }
}

/// The answer to a repeated post: the same as the first one had.
pub(super) fn sent_before(post: &RecentPost) -> Vec<u8> {
    sent(post.seq, post.time)
}

/// The answer to a repeated post that still waits.
pub(super) fn held_before(number: PendingId, pending: &Pending) -> Vec<u8> {
    held(number, pending.since)
}

fn sent(seq: Seq, time: UnixTime) -> Vec<u8> {
    v1::SendResponse { seq: seq.0, time_s: time.as_secs(), held: 0, error: None }.encode_to_vec()
}

fn held(number: PendingId, time: UnixTime) -> Vec<u8> {
    v1::SendResponse { seq: 0, time_s: time.as_secs(), held: number.0, error: None }.encode_to_vec()
}

/// What a member may do.
pub(super) fn permissions(member: &Member, seq: u64, group: &Group) -> v1::PermissionsResponse {
    v1::PermissionsResponse {
        member: member.id.0,
        role: role(member.role),
        permissions: permission_numbers(group.permissions_of(member)),
        granted: permission_numbers(member.granted),
        revoked: permission_numbers(member.revoked),
        seq,
        error: None,
    }
}

/// A set of permissions on the wire.
pub(super) fn permission_numbers(permissions: Permissions) -> Vec<i32> {
    permissions.iter().map(|permission| permission.number().into()).collect()
}

pub(super) fn membership(member: &Member) -> v1::Membership {
    v1::Membership {
        member: member.id.0,
        nick: member.nick.clone(),
        role: role(member.role),
        ..v1::Membership::default()
    }
}

/// A present member as lists tell them.
pub(super) fn present(member: &Member) -> v1::Member {
    v1::Member {
        member: member.id.0,
        nick: member.nick.clone(),
        identity_hash: member.identity.hash().as_bytes().to_vec(),
        role: role(member.role),
        former: false,
    }
}

/// The number of a role on the wire. Those that the group made itself are beyond what `v1::Role` names.
pub(super) fn role(role: Role) -> i32 {
    i32::from(role.number())
}
