//! The calls about who comes in: invitations, and requests that wait for approval.

use std::time::Duration;

use proto::v1::invite_request::Invite;
use proto::v1::{self, Error};
use reticulum::hash::IdentityHash;

use super::moderation::pending;
use super::{Call, Plan, answer, decide};
use crate::api::error::{invalid, missing};
use crate::api::page::{bytes_max, fit, items_max};
use crate::api::reply::Reply;
use crate::group::{Action, PendingId, Seq, Waiting};

pub(super) fn invite(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::InviteRequest = call.read()?;
    let action = match request.invite.ok_or_else(|| missing("invite"))? {
        Invite::IdentityHash(hash) => Action::Invite { identity: identity(&hash, "identity_hash")? },
        Invite::Uninvite(hash) => Action::Uninvite { identity: identity(&hash, "uninvite")? },
        Invite::RevokeCode(number) => Action::RevokeCode { number: Seq(number) },
        Invite::NewCode(v1::NewCode { uses, lasts_s }) => {
            let lasts = (lasts_s != 0).then(|| Duration::from_secs(lasts_s.into()));
            Action::IssueCode { uses: uses.max(1), lasts }
        }
    };
    decide(action, Reply::Invite)
}

pub(super) fn requests(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::MemberRequestsRequest = call.read()?;
    let pending = call.group.state().pending.iter_after(PendingId(request.after));
    let applicants = pending.filter_map(|(number, pending)| match &pending.what {
        Waiting::Join { identity, nick } => Some(v1::Applicant {
            number: number.0,
            identity_hash: identity.hash().as_bytes().to_vec(),
            nick: nick.clone(),
            time_s: pending.since.as_secs(),
        }),
        Waiting::Post { .. } => None,
    });
    let (applicants, more) = fit(applicants, items_max(request.limit), bytes_max(request.max_bytes))?;
    answer(&v1::MemberRequestsResponse { applicants, more, error: None })
}

pub(super) fn approve(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::MemberApproveRequest { number } = call.read()?;
    decide(Action::Approve { number: pending(number)? }, Reply::MemberApprove)
}

pub(super) fn reject(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::MemberRejectRequest { number, reason } = call.read()?;
    decide(Action::Reject { number: pending(number)?, reason }, Reply::MemberReject)
}

fn identity(hash: &[u8], field: &str) -> Result<IdentityHash, Error> {
    IdentityHash::from_slice(hash).ok_or_else(|| invalid(field, "16 bytes are expected"))
}
