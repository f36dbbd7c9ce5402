//! The calls about the groups of the node, which no single group can answer.

use proto::v1::{self, Error};

use super::group::shown;
use super::{Call, required};
use crate::api::directory::DirectoryRequest;
use crate::api::page::{bytes_max, items_max};
use crate::api::{NewGroup, NodeCall, Plan};
use crate::group::Visibility;

pub(super) fn groups(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::GroupsRequest { search, mine, after, limit, max_bytes } = call.read()?;
    Ok(Plan::Node(NodeCall::Groups(DirectoryRequest {
        search: search.to_lowercase(),
        mine,
        after,
        limit: items_max(limit),
        bytes_max: bytes_max(max_bytes),
    })))
}

pub(super) fn create(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::CreateGroupRequest = call.read()?;
    let visibility = match request.visibility() {
        v1::Visibility::Public => Visibility::Public,
        v1::Visibility::Private => Visibility::Private,
    };
    let v1::CreateGroupRequest { name, nick, stamp, stamp_day, .. } = request;
    Ok(Plan::Node(NodeCall::CreateGroup(NewGroup {
        name: required("name", name)?,
        visibility,
        nick: Some(nick).filter(|nick| !nick.is_empty()),
        stamp: shown(stamp, stamp_day)?,
    })))
}

pub(super) fn new_claim(call: &Call<'_>) -> Result<Plan, Error> {
    call.read::<v1::NewClaimRequest>()?;
    Ok(Plan::Node(NodeCall::NewClaim))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::DeleteGroupRequest { confirm } = call.read()?;
    Ok(Plan::Node(NodeCall::DeleteGroup { confirm: required("confirm", confirm)? }))
}
