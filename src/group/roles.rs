//! The roles that a group made itself, beside those that every group has.

use std::collections::BTreeMap;

use super::member::Member;
use super::nick::nick_key;
use super::role::{Permissions, Rank, Role};

/// The lowest number of a custom role; below are those that every group has.
pub const CUSTOM_ROLES_FIRST: u8 = 16;
/// Custom roles that a group can have at a time; then one has to be deleted first.
pub const CUSTOM_ROLES_MAX: u8 = 32;
/// Longest name of a role, in characters; longer ones are cut.
pub const ROLE_NAME_CHARS_MAX: usize = 24;

/// A role that a group made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomRole {
    /// Its name: unlike that of any other role, and without blanks.
    pub name: String,
    /// What it may do.
    pub permissions: Permissions,
    /// How high it stands: above nobody ([`Rank`] 0) and below the owner.
    pub rank: Rank,
    /// Whether those who have it get nothing pushed; they read when they want to.
    pub quiet: bool,
}

/// The custom roles of a group, and what every role means in it. At most [`CUSTOM_ROLES_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    custom: BTreeMap<u8, CustomRole>,
}

impl Roles {
    /// Makes or replaces a custom role.
    pub fn define(&mut self, number: u8, role: CustomRole) {
        self.custom.insert(number, role);
    }

    /// Removes a custom role.
    pub fn remove(&mut self, number: u8) {
        self.custom.remove(&number);
    }

    /// A custom role.
    pub fn custom(&self, number: u8) -> Option<&CustomRole> {
        self.custom.get(&number)
    }

    /// All roles: the built-in ones, lowest first, then the custom ones by number.
    pub fn iter(&self) -> impl Iterator<Item = Role> {
        Role::BUILT_IN.into_iter().chain(self.custom.keys().map(|number| Role::Custom(*number)))
    }

    /// Whether there is such a role.
    pub fn exists(&self, role: Role) -> bool {
        !matches!(role, Role::Custom(number) if !self.custom.contains_key(&number))
    }

    /// The role of this name, in either case.
    pub fn by_name(&self, name: &str) -> Option<Role> {
        let key = nick_key(name);
        self.iter().find(|role| nick_key(self.name(*role)) == key)
    }

    /// The name of a role.
    pub fn name(&self, role: Role) -> &str {
        self.of(role).map_or(role.name(), |custom| &custom.name)
    }

    /// What a role may do.
    pub fn permissions(&self, role: Role) -> Permissions {
        self.of(role).map_or(role.permissions(), |custom| custom.permissions)
    }

    /// How high a role stands.
    pub fn rank(&self, role: Role) -> Rank {
        self.of(role).map_or(role.rank(), |custom| custom.rank)
    }

    /// Whether those who have it get nothing pushed.
    pub fn is_quiet(&self, role: Role) -> bool {
        self.of(role).is_some_and(|custom| custom.quiet)
    }

    /// What a member may do: what their role may, with what was granted to them alone and without what was taken from
    /// them alone.
    pub fn permissions_of(&self, member: &Member) -> Permissions {
        self.permissions(member.role).with(member.granted).without(member.revoked)
    }

    /// The lowest number that is free, if there is room for one more.
    pub fn free_number(&self) -> Option<u8> {
        (CUSTOM_ROLES_FIRST..CUSTOM_ROLES_FIRST + CUSTOM_ROLES_MAX)
            .find(|number| !self.custom.contains_key(number))
    }

    fn of(&self, role: Role) -> Option<&CustomRole> {
        match role {
            Role::Custom(number) => self.custom.get(&number),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::Permission;

    #[test]
    fn a_custom_role_means_what_it_was_defined_as_and_nothing_once_it_is_gone() {
        let mut roles = Roles::default();
        let helper = CustomRole {
            name: "Helper".into(),
            permissions: Permissions::of(&[Permission::Kick]),
            rank: Rank(40),
            quiet: true,
        };
        roles.define(16, helper);
        let role = Role::Custom(16);
        assert_eq!((roles.name(role), roles.rank(role), roles.is_quiet(role)), ("Helper", Rank(40), true));
        assert_eq!((roles.by_name("HELPER"), roles.by_name("admin")), (Some(role), Some(Role::Admin)));
        assert_eq!((roles.free_number(), roles.iter().count()), (Some(17), 6));
        roles.remove(16);
        assert!(!roles.exists(role) && roles.permissions(role).is_empty());
        assert_eq!((roles.rank(role), roles.by_name("helper")), (Rank(0), None));
    }
}
