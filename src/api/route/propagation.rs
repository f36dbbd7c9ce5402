//! The operator's calls about propagation nodes and paper.

use proto::v1::{self, Error};
use reticulum::hash::DestinationHash;

use super::moderation::member;
use super::{Call, required};
use crate::api::error::invalid;
use crate::api::{NodeCall, Plan};
use crate::group::Seq;

pub(super) fn status(call: &Call<'_>) -> Result<Plan, Error> {
    call.read::<v1::PropagationRequest>()?;
    Ok(Plan::Node(NodeCall::MailStatus))
}

pub(super) fn sync(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::PropagationSyncRequest { address } = call.read()?;
    let address = match address.is_empty() {
        true => None,
        false => {
            Some(DestinationHash::from_slice(&address).ok_or_else(|| invalid("address", "it has 16 bytes"))?)
        }
    };
    Ok(Plan::Node(NodeCall::SyncMail(address)))
}

pub(super) fn paper(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::PaperRequest { seq, to } = call.read()?;
    let seq = (seq > 0).then_some(Seq(seq)).ok_or_else(|| invalid("seq", "it is the number of a message"))?;
    Ok(Plan::Node(NodeCall::Paper { seq, member: member(call, to)? }))
}

pub(super) fn import(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::PaperImportRequest { uri } = call.read()?;
    Ok(Plan::Node(NodeCall::ImportPaper(required("uri", uri)?)))
}
