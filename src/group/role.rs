//! Roles, permissions, and the one table that joins them.
//!
//! A permission is added here when the first action needs it; every action asks [`Permissions::contains`], none asks
//! for a role by name.

/// What a member is in a group, lowest first: nobody acts on somebody of their own rank or above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads and posts.
    #[default]
    Member,
    /// Does everything.
    Owner,
}

/// One thing that somebody may or may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Post messages.
    Post,
    /// Withdraw a message of one's own.
    DeleteOwn,
    /// Withdraw anybody's message.
    DeleteAny,
    /// Put a member out.
    Kick,
    /// Bar an identity, and lift that.
    Ban,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Post, Self::DeleteOwn, Self::DeleteAny, Self::Kick, Self::Ban];

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions(u32);

impl Permissions {
    const fn of(list: &[Permission]) -> Self {
        let (mut bits, mut next) = (0, 0);
        while next < list.len() {
            bits |= list[next].bit();
            next += 1;
        }
        Self(bits)
    }

    /// Whether `permission` is among them.
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }
}

impl Role {
    /// All of them, lowest first.
    pub const ALL: [Self; 2] = [Self::Member, Self::Owner];

    /// What the role may do: the table.
    pub const fn permissions(self) -> Permissions {
        use Permission::{DeleteOwn, Post};
        match self {
            Self::Member => Permissions::of(&[Post, DeleteOwn]),
            Self::Owner => Permissions::of(&Permission::ALL),
        }
    }

    /// Its name in commands and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Owner => "owner",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_role_may_do_all_that_a_lower_one_may() {
        for pair in Role::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
            for permission in Permission::ALL {
                assert!(
                    !pair[0].permissions().contains(permission) || pair[1].permissions().contains(permission)
                );
            }
        }
        assert!(!Role::Member.permissions().contains(Permission::Kick));
    }
}
