//! The calls about the groups of the node, which no single group can answer.

use proto::v1::{self, Error};

use super::group::shown;
use super::{Call, required};
use crate::api::directory::DirectoryRequest;
use crate::api::error::invalid;
use crate::api::page::{bytes_max, items_max};
use crate::api::{NewGroup, NodeCall, Plan};
use crate::group::{Caller, Kind, Visibility};

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
    let kind = match request.kind() {
        v1::GroupKind::Group => Kind::Group,
        v1::GroupKind::Channel => Kind::Channel,
        v1::GroupKind::Direct => Kind::Direct,
    };
    let v1::CreateGroupRequest { name, nick, stamp, stamp_day, with, .. } = request;
    Ok(Plan::Node(NodeCall::CreateGroup(NewGroup {
        name: if kind == Kind::Direct { name } else { required("name", name)? },
        kind,
        with: two(call.caller, kind, with)?,
        visibility,
        nick: Some(nick).filter(|nick| !nick.is_empty()),
        stamp: shown(stamp, stamp_day)?,
    })))
}

/// Who is named for a conversation of two, whose caller is one of them unless it is the operator.
fn two(caller: &Caller, kind: Kind, with: Vec<Vec<u8>>) -> Result<Vec<[u8; 16]>, Error> {
    let (wanted, why) = match (kind, caller) {
        (Kind::Group | Kind::Channel, _) => (0, "only a conversation of two has it"),
        (Kind::Direct, Caller::Operator) => (2, "two are expected"),
        (Kind::Direct, _) => (1, "one is expected"),
    };
    if with.len() != wanted {
        return Err(invalid("with", why));
    }
    let each =
        with.into_iter().map(|hash| hash.try_into().map_err(|_| invalid("with", "16 bytes are expected")));
    each.collect()
}

pub(super) fn new_claim(call: &Call<'_>) -> Result<Plan, Error> {
    call.read::<v1::NewClaimRequest>()?;
    Ok(Plan::Node(NodeCall::NewClaim))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::DeleteGroupRequest { confirm } = call.read()?;
    Ok(Plan::Node(NodeCall::DeleteGroup { confirm: required("confirm", confirm)? }))
}
