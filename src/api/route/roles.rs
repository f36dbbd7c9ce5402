//! The calls about roles and permissions.

use proto::v1::{self, Error};

use super::members::person;
use super::{Call, answer, decide, required};
use crate::api::Plan;
use crate::api::error::{invalid, missing, of_refusal};
use crate::api::page::{PAGE_ITEMS_MAX, bytes_max, fit};
use crate::api::reply::{self, Reply, permission_numbers};
use crate::group::{Action, MemberUpdate, Permission, Permissions, Refusal, Role, RoleRef};

/// The highest rank that a role can be given; the owner's is above.
const RANK_MAX: u32 = 99;

pub(super) fn roles(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::RolesRequest = call.read()?;
    let (roles, roster) = (&call.group.state().roles, &call.group.state().roster);
    let infos = roles.iter().skip(request.skip as usize).map(|role| v1::RoleInfo {
        role: reply::role(role),
        name: roles.name(role).to_owned(),
        rank: roles.rank(role).0.into(),
        permissions: permission_numbers(roles.permissions(role)),
        quiet: roles.is_quiet(role),
        members: u32::try_from(roster.iter().filter(|member| member.role == role).count())
            .unwrap_or(u32::MAX),
    });
    let (roles, more) = fit(infos, PAGE_ITEMS_MAX as usize, bytes_max(request.max_bytes))?;
    answer(&v1::RolesResponse { roles, more, error: None })
}

pub(super) fn create(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::RoleCreateRequest { name, rank, permissions, quiet } = call.read()?;
    define(
        None,
        v1::RoleInfo { name, rank, permissions, quiet, ..v1::RoleInfo::default() },
        Reply::RoleCreate,
    )
}

pub(super) fn change(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::RoleChangeRequest { role, to } = call.read()?;
    define(Some(custom(role)?), to.ok_or_else(|| missing("to"))?, Reply::RoleChange)
}

pub(super) fn delete(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::RoleDeleteRequest { role } = call.read()?;
    decide(Action::DeleteRole { role: custom(role)? }, Reply::RoleDelete)
}

pub(super) fn assign(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::RoleAssignRequest { who, role } = call.read()?;
    decide(Action::AssignRole { who: person(who)?, role: role_ref(role)? }, Reply::RoleAssign)
}

pub(super) fn permissions(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::PermissionsRequest { who, grant, revoke, reset } = call.read()?;
    let sets = [set("grant", &grant)?, set("revoke", &revoke)?, set("reset", &reset)?];
    if sets.iter().all(|set| set.is_empty()) {
        let member = match who {
            Some(_) => call.group.find(&person(who)?),
            None => call.group.member_of(call.caller).ok_or(Refusal::NotIdentified),
        };
        return answer(&reply::permissions(member.map_err(|refusal| of_refusal(&refusal))?, 0, call.group));
    }
    let [grant, revoke, reset] = sets;
    let who = person(who)?;
    let target = call.group.find(&who).map_err(|refusal| of_refusal(&refusal))?.id;
    decide(Action::ChangePermissions { who, grant, revoke, reset }, Reply::Permissions(target))
}

pub(super) fn update(call: &Call<'_>) -> Result<Plan, Error> {
    let v1::MemberUpdateRequest { who, nick, role, grant, revoke, reset } = call.read()?;
    let who = person(who)?;
    let update = MemberUpdate {
        nick: Some(nick).filter(|nick| !nick.is_empty()),
        role: role.map(role_ref).transpose()?,
        grant: set("grant", &grant)?,
        revoke: set("revoke", &revoke)?,
        reset: set("reset", &reset)?,
    };
    if update == MemberUpdate::default() {
        return Err(missing("nick"));
    }
    // That one may not is told before whether there is such a member.
    let action = Action::UpdateMember { who: who.clone(), update };
    call.group.require(call.caller, action.need()).map_err(|refusal| of_refusal(&refusal))?;
    let target = call.group.find(&who).map_err(|refusal| of_refusal(&refusal))?.id;
    decide(action, Reply::MemberUpdate(target))
}

fn define(role: Option<RoleRef>, to: v1::RoleInfo, reply: Reply) -> Result<Plan, Error> {
    let name = required("name", to.name)?;
    let rank = match to.rank {
        0 => return Err(missing("rank")),
        rank @ 1..=RANK_MAX => rank as u8,
        _ => return Err(invalid("rank", "1 to 99 are expected")),
    };
    let permissions = set("permissions", &to.permissions)?;
    decide(Action::DefineRole { role, name, permissions, rank, quiet: to.quiet }, reply)
}

/// A role that the group made.
fn custom(number: i32) -> Result<RoleRef, Error> {
    if number == 0 {
        return Err(missing("role"));
    }
    match role_ref(number)? {
        RoleRef::Role(Role::Custom(number)) => Ok(RoleRef::Role(Role::Custom(number))),
        _ => Err(invalid("role", "every group has it as it is")),
    }
}

fn role_ref(number: i32) -> Result<RoleRef, Error> {
    let role = u8::try_from(number).ok().and_then(Role::from_number);
    role.map(RoleRef::Role).ok_or_else(|| invalid("role", "there is no such role"))
}

fn set(field: &str, numbers: &[i32]) -> Result<Permissions, Error> {
    let permission = |number: &i32| u8::try_from(*number).ok().and_then(Permission::from_number);
    let set = numbers.iter().map(permission).collect::<Option<Permissions>>();
    set.ok_or_else(|| invalid(field, "there is no such permission"))
}
