//! Which path does what, and who may call it. A call is read, then its caller is checked, then its fields: so a stranger
//! learns that they are one, not what a moderator's request would have to look like.

mod group;
mod groups;
mod invite;
mod members;
mod messages;
mod moderation;
mod network;
pub(super) mod people;
mod propagation;
mod roles;
pub(super) mod settings;

use std::sync::LazyLock;

use prost::Message;
use proto::v1::{self, Error, ErrorCode};
use reticulum::hash::PathHash;
use reticulum::time::UnixTime;

use super::Plan;
use super::error::{self, error, missing, of_refusal};
use super::reply::Reply;
use crate::group::{Action, Caller, Group, Permission, Refusal};

/// Says what has to be done to answer the call of `path` with the protobuf bytes `body`.
pub fn plan(now: UnixTime, path: PathHash, body: &[u8], caller: &Caller, group: &Group) -> Plan {
    let route = ROUTES.iter().find(|(hash, _)| *hash == path).map(|(_, route)| *route);
    let visible = |route: &&Route| route.access != Access::Operator || matches!(caller, Caller::Operator);
    let planned = match route.filter(visible) {
        Some(route) => (route.handler)(&Call { now, body, caller, group, access: route.access }),
        None => Err(error(ErrorCode::UnknownPath, "No such path.")),
    };
    planned.unwrap_or_else(|error| Plan::Answer(error::encode(error)))
}

/// All paths that are served on a link.
pub const PATHS: [&str; TABLE.len() - OPERATORS] = {
    let mut paths = [""; TABLE.len() - OPERATORS];
    let mut index = 0;
    while index < paths.len() {
        paths[index] = TABLE[index].path;
        index += 1;
    }
    paths
};

struct Route {
    path: &'static str,
    access: Access,
    handler: fn(&Call<'_>) -> Result<Plan, Error>,
}

/// Who may call a path at all. What the call then does may need more, which is the group's to decide.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Anybody.
    Anyone,
    /// Somebody who said who they are, in whatever standing with this group.
    Known,
    /// Somebody who said who they are, and is not banned.
    Identified,
    /// Members.
    Member,
    /// Members with a permission.
    May(Permission),
    /// The operator, on the control socket; to others the path does not exist.
    Operator,
}

const fn route(path: &'static str, access: Access, handler: fn(&Call<'_>) -> Result<Plan, Error>) -> Route {
    Route { path, access, handler }
}

/// How many of the paths are the operator's.
const OPERATORS: usize = 6;

/// The paths; the operator's come last.
const TABLE: &[Route] = &[
    route("/api/v1/info", Access::Anyone, group::info),
    route("/api/v1/groups", Access::Anyone, groups::groups),
    route("/api/v1/groups/create", Access::Known, groups::create),
    route("/api/v1/groups/delete", Access::May(Permission::DeleteGroup), groups::delete),
    route("/api/v1/join", Access::Identified, group::join),
    route("/api/v1/leave", Access::Member, group::leave),
    route("/api/v1/claim", Access::Identified, group::claim),
    route("/api/v1/display-name/update", Access::Member, members::rename),
    route("/api/v1/members", Access::Member, members::members),
    route("/api/v1/members/update", Access::Member, roles::update),
    route("/api/v1/members/kick", Access::May(Permission::Kick), members::kick),
    route("/api/v1/members/ban", Access::May(Permission::Ban), members::ban),
    route("/api/v1/members/unban", Access::May(Permission::Ban), members::unban),
    route("/api/v1/members/mute", Access::May(Permission::Mute), members::mute),
    route("/api/v1/members/unmute", Access::May(Permission::Mute), members::unmute),
    route("/api/v1/bans", Access::May(Permission::Ban), members::bans),
    route("/api/v1/members/invite", Access::May(Permission::Invite), invite::invite),
    route("/api/v1/members/requests", Access::May(Permission::Approve), invite::requests),
    route("/api/v1/members/approve", Access::May(Permission::Approve), invite::approve),
    route("/api/v1/members/reject", Access::May(Permission::Approve), invite::reject),
    route("/api/v1/profile", Access::Member, people::profile),
    route("/api/v1/presence", Access::Member, people::presence),
    route("/api/v1/preferences", Access::Member, people::preferences),
    route("/api/v1/typing", Access::Member, people::typing),
    route("/api/v1/settings", Access::Member, settings::settings),
    route("/api/v1/messages", Access::Member, messages::messages),
    route("/api/v1/messages/send", Access::May(Permission::Post), messages::send),
    route("/api/v1/messages/attachment", Access::Member, messages::attachment),
    route("/api/v1/messages/delete", Access::Member, messages::delete),
    route("/api/v1/messages/held", Access::May(Permission::Approve), moderation::held),
    route("/api/v1/messages/held/approve", Access::May(Permission::Approve), moderation::approve),
    route("/api/v1/messages/held/reject", Access::May(Permission::Approve), moderation::reject),
    route("/api/v1/messages/edit", Access::Member, messages::edit),
    route("/api/v1/messages/react", Access::May(Permission::React), messages::react),
    route("/api/v1/messages/pin", Access::May(Permission::Pin), messages::pin),
    route("/api/v1/messages/search", Access::Member, messages::search),
    route("/api/v1/messages/read", Access::Member, messages::read),
    route("/api/v1/messages/edits", Access::Member, messages::edits),
    route("/api/v1/delivery", Access::Member, messages::delivery),
    route("/api/v1/messages/cleanup", Access::May(Permission::DeleteAny), moderation::cleanup),
    route("/api/v1/report", Access::Member, moderation::report),
    route("/api/v1/audit", Access::May(Permission::ReadAudit), moderation::audit),
    route("/api/v1/announce", Access::May(Permission::HearStaff), network::announce),
    route("/api/v1/members/path", Access::May(Permission::HearStaff), network::path),
    route("/api/v1/stats", Access::May(Permission::HearStaff), network::stats),
    route("/api/v1/roles", Access::Member, roles::roles),
    route("/api/v1/roles/create", Access::May(Permission::ManageRoles), roles::create),
    route("/api/v1/roles/change", Access::May(Permission::ManageRoles), roles::change),
    route("/api/v1/roles/delete", Access::May(Permission::ManageRoles), roles::delete),
    route("/api/v1/roles/assign", Access::Member, roles::assign),
    route("/api/v1/members/permissions", Access::Member, roles::permissions),
    route("/control/v1/status", Access::Operator, status),
    route("/control/v1/claim", Access::Operator, groups::new_claim),
    route("/control/v1/propagation", Access::Operator, propagation::status),
    route("/control/v1/propagation/sync", Access::Operator, propagation::sync),
    route("/control/v1/paper", Access::Operator, propagation::paper),
    route("/control/v1/paper/import", Access::Operator, propagation::import),
];

static ROUTES: LazyLock<Vec<(PathHash, &'static Route)>> =
    LazyLock::new(|| TABLE.iter().map(|route| (PathHash::of_path(route.path), route)).collect());

/// A call on its way.
struct Call<'a> {
    now: UnixTime,
    body: &'a [u8],
    caller: &'a Caller,
    group: &'a Group,
    access: Access,
}

impl Call<'_> {
    /// The request message, from a caller who may send it.
    fn read<M: Message + Default>(&self) -> Result<M, Error> {
        let request = M::decode(self.body).map_err(|_| {
            error(ErrorCode::Malformed, "The bytes are not the message that this path takes.")
        })?;
        self.admit().map_err(|refusal| of_refusal(&refusal))?;
        Ok(request)
    }

    fn admit(&self) -> Result<(), Refusal> {
        match self.access {
            Access::Anyone | Access::Operator => Ok(()),
            Access::Known if matches!(self.caller, Caller::Unidentified) => Err(Refusal::NotIdentified),
            Access::Known => Ok(()),
            Access::Identified => identified(self.caller, self.group),
            Access::Member => self.group.authorize_read(self.caller),
            Access::May(permission) => self.group.authorize(self.caller, permission),
        }
    }
}

fn identified(caller: &Caller, group: &Group) -> Result<(), Refusal> {
    match caller {
        Caller::Operator => Ok(()),
        Caller::Unidentified => Err(Refusal::NotIdentified),
        Caller::Identity { identity, .. } => match group.state().bans.get(&identity.hash()) {
            Some(ban) => Err(Refusal::Banned { reason: ban.reason.clone() }),
            None => Ok(()),
        },
    }
}

fn decide(action: Action, reply: Reply) -> Result<Plan, Error> {
    Ok(Plan::Decide { action, reply })
}

fn answer(response: &impl Message) -> Result<Plan, Error> {
    Ok(Plan::Answer(response.encode_to_vec()))
}

fn status(call: &Call<'_>) -> Result<Plan, Error> {
    call.read::<v1::StatusRequest>()?;
    Ok(Plan::Status)
}

fn required(field: &str, value: String) -> Result<String, Error> {
    if value.is_empty() { Err(missing(field)) } else { Ok(value) }
}

#[cfg(test)]
mod tests;
