//! Which path does what, and who may call it. A call is read, then its caller is checked, then its fields: so a stranger
//! learns that they are one, not what a moderator's request would have to look like.

use std::sync::LazyLock;

use prost::Message;
use proto::v1::{self, Error, ErrorCode};
use reticulum::hash::{IdentityHash, PathHash, sha256_of};

use super::Plan;
use super::announce::{API_VERSION, public_name, visibility};
use super::error::{self, error, invalid, missing, of_refusal};
use super::page::{bytes_max, fit, items_max};
use super::reply::{Reply, membership, role, sent_before};
use crate::group::{Action, Caller, Group, MemberId, MessageId, Permission, Refusal, Seq, Who};
use crate::store::PageRequest;

/// The longest id that a client may choose for a post.
const CLIENT_ID_BYTES_MAX: usize = 32;

/// Keeps the ids that clients choose from being ids of LXMF messages.
const CLIENT_ID_DOMAIN: &[u8] = b"meshgroup client id";

/// Says what has to be done to answer the call of `path` with the protobuf bytes `body`.
pub fn plan(path: PathHash, body: &[u8], caller: &Caller, group: &Group) -> Plan {
    let route = ROUTES.iter().find(|(hash, _)| *hash == path).map(|(_, route)| *route);
    let visible = |route: &&Route| route.access != Access::Operator || matches!(caller, Caller::Operator);
    let planned = match route.filter(visible) {
        Some(route) => (route.handler)(&Call { body, caller, group, access: route.access }),
        None => Err(error(ErrorCode::UnknownPath, "No such path.")),
    };
    planned.unwrap_or_else(|error| Plan::Answer(error::encode(error)))
}

/// All paths that are served on a link.
pub const PATHS: [&str; 13] = {
    let mut paths = [""; 13];
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

/// The paths; the operator's come last.
const TABLE: [Route; 14] = [
    route("/api/v1/info", Access::Anyone, info),
    route("/api/v1/join", Access::Identified, join),
    route("/api/v1/leave", Access::Member, leave),
    route("/api/v1/claim", Access::Identified, claim),
    route("/api/v1/display-name/update", Access::Member, rename),
    route("/api/v1/members", Access::Member, members),
    route("/api/v1/members/kick", Access::May(Permission::Kick), kick),
    route("/api/v1/members/ban", Access::May(Permission::Ban), ban),
    route("/api/v1/members/unban", Access::May(Permission::Ban), unban),
    route("/api/v1/bans", Access::May(Permission::Ban), bans),
    route("/api/v1/messages", Access::Member, messages),
    route("/api/v1/messages/send", Access::May(Permission::Post), send),
    route("/api/v1/messages/delete", Access::Member, delete),
    route("/control/v1/status", Access::Operator, status),
];

static ROUTES: LazyLock<Vec<(PathHash, &'static Route)>> =
    LazyLock::new(|| const { &TABLE }.iter().map(|route| (PathHash::of_path(route.path), route)).collect());

/// A call on its way.
struct Call<'a> {
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

fn info(call: &Call<'_>) -> Result<Plan, Error> {
    call.read::<v1::InfoRequest>()?;
    let (state, limits) = (call.group.state(), call.group.limits());
    let inside = call.group.authorize_read(call.caller).is_ok();
    answer(&v1::InfoResponse {
        name: if inside { &state.name } else { public_name(state) }.to_owned(),
        visibility: visibility(state.visibility).into(),
        join: v1::JoinPolicy::Open.into(),
        members: u32::try_from(state.roster.len()).unwrap_or(u32::MAX),
        messages: state.messages,
        head: state.head.0,
        head_time_s: state.head_time.as_secs(),
        message_length_max: u32::try_from(limits.post_chars_max).unwrap_or(u32::MAX),
        posts_per_minute: limits.posts_per_minute,
        you: call.group.member_of(call.caller).map(membership),
        software: env!("CARGO_PKG_VERSION").to_owned(),
        version: API_VERSION,
        error: None,
    })
}

fn join(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::JoinRequest { nick } = call.read()?;
    decide(Action::Join { nick: Some(nick).filter(|nick| !nick.is_empty()) }, Reply::Join)
}

fn leave(call: &Call<'_>) -> Result<Plan, Error> {
    call.read::<v1::LeaveRequest>()?;
    decide(Action::Leave, Reply::Leave)
}

fn claim(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::ClaimRequest { code } = call.read()?;
    decide(Action::Claim { code: required("code", code)? }, Reply::Claim)
}

fn rename(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::DisplayNameUpdateRequest { nick } = call.read()?;
    decide(Action::Rename { nick: required("nick", nick)? }, Reply::Rename)
}

fn members(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::MembersRequest = call.read()?;
    let roster = &call.group.state().roster;
    let after = roster.iter_from(MemberId(request.after).next()).map(|member| v1::Member {
        member: member.id.0,
        nick: member.nick.clone(),
        identity_hash: member.identity.hash().as_bytes().to_vec(),
        role: role(member.role).into(),
        former: false,
    });
    let (members, more) = fit(after, items_max(request.limit), bytes_max(request.max_bytes))?;
    answer(&v1::MembersResponse { members, more, error: None })
}

fn kick(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::KickRequest { who, reason } = call.read()?;
    decide(Action::Kick { who: person(who)?, reason }, Reply::Kick)
}

fn ban(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::BanRequest { who, reason } = call.read()?;
    decide(Action::Ban { who: person(who)?, reason }, Reply::Ban)
}

fn unban(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::UnbanRequest { who } = call.read()?;
    decide(Action::Unban { who: person(who)? }, Reply::Unban)
}

fn bans(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::BansRequest = call.read()?;
    let after = call.group.state().bans.iter().skip(request.skip as usize).map(|(identity, ban)| v1::Ban {
        identity_hash: identity.as_bytes().to_vec(),
        member: ban.member.map_or(0, |member| member.0),
        reason: ban.reason.clone(),
    });
    let (bans, more) = fit(after, items_max(request.limit), bytes_max(request.max_bytes))?;
    answer(&v1::BansResponse { bans, more, error: None })
}

fn messages(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::MessagesRequest = call.read()?;
    Ok(Plan::Read(PageRequest {
        after: request.after.map(Seq),
        before: request.before.map(Seq),
        rows_max: items_max(request.limit) + 1,
        text_bytes_max: bytes_max(request.max_bytes),
        with_authors: request.with_authors,
    }))
}

fn send(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::SendRequest { text, client_id } = call.read()?;
    let text = required("text", text)?;
    if client_id.len() > CLIENT_ID_BYTES_MAX {
        return Err(invalid("client_id", "longer than 32 bytes"));
    }
    let member = call.group.member_of(call.caller).filter(|_| !client_id.is_empty());
    let message_id = member.map(|member| {
        // Under the author's identity, so that nobody can answer for another.
        MessageId(sha256_of(&[CLIENT_ID_DOMAIN, member.identity.hash().as_ref(), &client_id]))
    });
    match message_id.as_ref().and_then(|id| call.group.posted_as(id)) {
        Some(post) => Ok(Plan::Answer(sent_before(post))),
        None => decide(Action::Post { text, message_id, authorship: None }, Reply::Send),
    }
}

fn delete(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::DeleteRequest { seq } = call.read()?;
    if seq == 0 {
        return Err(missing("seq"));
    }
    decide(Action::Delete { target: Seq(seq), stored: None }, Reply::Delete)
}

fn status(call: &Call<'_>) -> Result<Plan, Error> {
    call.read::<v1::StatusRequest>()?;
    Ok(Plan::Status)
}

fn required(field: &str, value: String) -> Result<String, Error> {
    if value.is_empty() { Err(missing(field)) } else { Ok(value) }
}

fn person(who: Option<v1::Who>) -> Result<Who, Error> {
    use v1::who::Who as Wire;
    match who.and_then(|who| who.who).ok_or_else(|| missing("who"))? {
        Wire::Member(number) => Ok(Who::Member(MemberId(number))),
        Wire::IdentityHash(bytes) => IdentityHash::from_slice(&bytes)
            .map(Who::Identity)
            .ok_or_else(|| invalid("who.identity_hash", "16 bytes are expected")),
        Wire::Name(name) => Ok(Who::Text(required("who.name", name)?)),
    }
}
