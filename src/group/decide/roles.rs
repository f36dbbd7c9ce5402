//! Who may do what: giving roles, granting single permissions, making roles.
//!
//! The rules, for everybody but the operator: one acts only on those who stand lower; one gives no more than one has;
//! nobody raises themselves; and a group that has an owner keeps one.

use std::sync::Arc;

use reticulum::time::UnixTime;

use crate::group::nick::clean_name;
use crate::group::who::find_member;
use crate::group::{
    Caller, CustomRole, EventKind, Group, Member, MemberId, Notice, Outcome, Permission, Permissions,
    ROLE_NAME_CHARS_MAX, Rank, Refusal, Role, RoleRef, Roles, Who, text,
};

impl Group {
    pub(super) fn assign_role(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        who: &Who,
        role: &RoleRef,
    ) -> Result<Outcome, Refusal> {
        let target = find_member(&self.state.roster, who)?;
        let role = self.new_role(caller, target, role)?;
        let actor = self.member_of(caller).map(|member| member.id);
        let (member, reply) = (
            target.id,
            text::role_given(self.language_of(caller), &target.nick, self.state.roles.name(role)),
        );
        let assigned = self.record(now, actor, EventKind::RoleAssigned { member, role });
        let notices = if actor == Some(member) { Vec::new() } else { self.told_of_role(member) };
        Ok(Outcome { notices, ..Outcome::happened(vec![assigned], reply) })
    }

    /// The role that the caller may give a member.
    pub(super) fn new_role(&self, caller: &Caller, target: &Member, role: &RoleRef) -> Result<Role, Refusal> {
        let role = find_role(&self.state.roles, role)?;
        if self.member_of(caller).map(|member| member.id) == Some(target.id) {
            self.require_lower_for_oneself(target, role)?;
        } else {
            self.authorize(caller, Permission::ManageRoles)?;
            self.require_rank_above(caller, target.id)?;
            self.require_may_name(caller, role)?;
            let more = self.state.roles.permissions(role).without(self.permissions_of(target));
            self.require_has(caller, more)?;
        }
        if target.role == role {
            return Err(Refusal::Already);
        }
        if role != Role::Owner && !matches!(caller, Caller::Operator) {
            self.require_not_last_owner(target.id)?;
        }
        Ok(role)
    }

    /// What a member may do beside their role from now on, granted and revoked, if the caller may have it so.
    pub(super) fn new_permissions(
        &self,
        caller: &Caller,
        target: &Member,
        [grant, revoke, reset]: [Permissions; 3],
    ) -> Result<[Permissions; 2], Refusal> {
        self.authorize(caller, Permission::ManageRoles)?;
        self.require_rank_above(caller, target.id)?;
        let granted = target.granted.with(grant).without(revoke).without(reset);
        let revoked = target.revoked.without(grant).with(revoke).without(reset);
        if (granted, revoked) == (target.granted, target.revoked) {
            return Err(Refusal::Already);
        }
        // What is no longer taken from somebody is given to them.
        let given = granted.without(target.granted).with(target.revoked.without(revoked));
        self.require_has(caller, given)?;
        Ok([granted, revoked])
    }

    pub(super) fn change_permissions(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        who: &Who,
        changes: [Permissions; 3],
    ) -> Result<Outcome, Refusal> {
        let target = find_member(&self.state.roster, who)?;
        let [granted, revoked] = self.new_permissions(caller, target, changes)?;
        let (member, nick) = (target.id, target.nick.clone());
        let actor = self.member_of(caller).map(|member| member.id);
        let changed = self.record(now, actor, EventKind::PermissionsChanged { member, granted, revoked });
        let may = self.state.roster.by_id(member).map(|member| self.permissions_of(member));
        let reply = text::may_now(self.language_of(caller), &nick, may.unwrap_or_default());
        let notices = self.told_of_permissions(member);
        Ok(Outcome { notices, ..Outcome::happened(vec![changed], reply) })
    }

    pub(super) fn define_role(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        existing: Option<&RoleRef>,
        role: CustomRole,
    ) -> Result<Outcome, Refusal> {
        let roles = &self.state.roles;
        let existing = existing.map(|role| find_role(roles, role)).transpose()?;
        let number = match existing {
            None => {
                roles.free_number().ok_or(Refusal::Full { max: super::super::CUSTOM_ROLES_MAX.into() })?
            }
            Some(Role::Custom(number)) => number,
            // What the built-in roles may do is the same in every group.
            Some(_) => return Err(Refusal::NoPermission),
        };
        if role.name.is_empty() {
            return Err(Refusal::Empty);
        }
        if !(Rank(1)..Role::Owner.rank()).contains(&role.rank) {
            return Err(Refusal::NoPermission);
        }
        if roles.by_name(&role.name).is_some_and(|named| Some(named) != existing) {
            return Err(Refusal::NickTaken);
        }
        let before = existing.map_or(Permissions::NONE, |role| roles.permissions(role));
        let highest = existing.map_or(role.rank, |existing| roles.rank(existing).max(role.rank));
        self.require_stands_above(caller, highest)?;
        self.require_has(caller, role.permissions.without(before))?;
        if roles.custom(number) == Some(&role) {
            return Err(Refusal::Already);
        }
        let reply = text::role_defined(self.language_of(caller), &role.name, role.permissions);
        let actor = self.member_of(caller).map(|member| member.id);
        let defined = self.record(now, actor, EventKind::RoleDefined { number, role });
        Ok(Outcome::happened(vec![defined], reply))
    }

    pub(super) fn delete_role(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        role: &RoleRef,
    ) -> Result<Outcome, Refusal> {
        let roles = &self.state.roles;
        let role = find_role(roles, role)?;
        let Role::Custom(number) = role else { return Err(Refusal::NoPermission) };
        self.require_stands_above(caller, roles.rank(role))?;
        let fallback = if roles.rank(role) < Role::Member.rank() { Role::Reader } else { Role::Member };
        self.require_has(caller, fallback.permissions().without(roles.permissions(role)))?;
        let reply = text::role_deleted(self.language_of(caller), roles.name(role), fallback.name());
        let actor = self.member_of(caller).map(|member| member.id);
        let deleted = self.record(now, actor, EventKind::RoleDeleted { number, fallback });
        Ok(Outcome::happened(vec![deleted], reply))
    }

    /// Word to somebody who has another role.
    pub(super) fn told_of_role(&self, member: MemberId) -> Vec<Notice> {
        let word = |member: &Member| {
            let language = self.language_for(member.identity.hash());
            let role = self.state.roles.name(member.role);
            let text = text::you_have_role(language, &self.state.settings.name, role);
            Notice { to: Arc::clone(&member.identity), text }
        };
        self.state.roster.by_id(member).map(word).into_iter().collect()
    }

    /// Word to somebody who may do other things than before.
    pub(super) fn told_of_permissions(&self, member: MemberId) -> Vec<Notice> {
        let word = |member: &Member| {
            let language = self.language_for(member.identity.hash());
            let may = self.permissions_of(member);
            let text = text::you_may_now(language, &self.state.settings.name, may);
            Notice { to: Arc::clone(&member.identity), text }
        };
        self.state.roster.by_id(member).map(word).into_iter().collect()
    }

    /// How high a member stands.
    pub(in crate::group) fn rank_of(&self, member: &Member) -> Rank {
        self.state.roles.rank(member.role)
    }

    /// A group with an owner keeps one, as far as its members are concerned.
    pub(in crate::group) fn require_not_last_owner(&self, member: MemberId) -> Result<(), Refusal> {
        let is_owner = |member: &&Member| member.role == Role::Owner;
        let mut owners = self.state.roster.iter().filter(is_owner).map(|owner| owner.id);
        match (owners.next(), owners.next()) {
            (Some(only), None) if only == member => Err(Refusal::LastOwner),
            _ => Ok(()),
        }
    }

    /// Nobody acts upon somebody of their own rank or above; the operator stands above all.
    pub(super) fn require_rank_above(&self, caller: &Caller, target: MemberId) -> Result<(), Refusal> {
        match self.state.roster.by_id(target) {
            Some(target) => self.require_stands_above(caller, self.rank_of(target)),
            None => Ok(()),
        }
    }

    fn require_stands_above(&self, caller: &Caller, rank: Rank) -> Result<(), Refusal> {
        match caller {
            Caller::Operator => Ok(()),
            _ if rank < self.rank_of(self.require_member(caller)?) => Ok(()),
            _ => Err(Refusal::NoPermission),
        }
    }

    /// One names others to what stands below oneself; owners also name owners.
    fn require_may_name(&self, caller: &Caller, role: Role) -> Result<(), Refusal> {
        let Some(member) = self.member_of(caller) else { return Ok(()) };
        let is_allowed = self.state.roles.rank(role) < self.rank_of(member) || member.role == Role::Owner;
        if is_allowed { Ok(()) } else { Err(Refusal::NoPermission) }
    }

    /// Stepping down is everybody's right, if it gives them nothing that they do not have.
    fn require_lower_for_oneself(&self, member: &Member, role: Role) -> Result<(), Refusal> {
        let roles = &self.state.roles;
        let is_lower = roles.rank(role) < self.rank_of(member) || role == member.role;
        let has_no_more =
            self.permissions_of(member).includes(roles.permissions(role).without(member.revoked));
        if is_lower && has_no_more { Ok(()) } else { Err(Refusal::NoPermission) }
    }

    /// Nobody gives what they do not have.
    fn require_has(&self, caller: &Caller, permissions: Permissions) -> Result<(), Refusal> {
        match caller {
            Caller::Operator => Ok(()),
            _ if self.permissions_of(self.require_member(caller)?).includes(permissions) => Ok(()),
            _ => Err(Refusal::NoPermission),
        }
    }
}

/// A name that can stand in a command as one word.
pub(super) fn clean_role_name(name: &str) -> String {
    clean_name(name, ROLE_NAME_CHARS_MAX).replace(' ', "-")
}

fn find_role(roles: &Roles, role: &RoleRef) -> Result<Role, Refusal> {
    match role {
        RoleRef::Role(role) if roles.exists(*role) => Ok(*role),
        RoleRef::Role(_) => Err(Refusal::NotFound),
        RoleRef::Name(name) => roles.by_name(name.trim()).ok_or(Refusal::NotFound),
    }
}
