//! Roles and permissions: what each is, and the one table that joins them for the roles that every group has.
//!
//! Every action names what it needs ([`super::Action::need`]); none asks for a role by name. Roles that a group made
//! itself are in [`super::Roles`].

use std::fmt;

/// One thing that somebody may or may not do. The numbers are stored and travel: they are only added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Permission {
    /// Post messages.
    Post = 1,
    /// Send attachments.
    Attach = 2,
    /// React to messages.
    React = 3,
    /// Change a message of one's own.
    EditOwn = 4,
    /// Change anybody's message.
    EditAny = 5,
    /// Withdraw a message of one's own.
    DeleteOwn = 6,
    /// Withdraw anybody's message, and many at once.
    DeleteAny = 7,
    /// Pin messages.
    Pin = 8,
    /// Invite somebody.
    Invite = 9,
    /// Let in who asks, and let through what is held.
    Approve = 10,
    /// Put a member out.
    Kick = 11,
    /// Bar an identity, and lift that.
    Ban = 12,
    /// Silence a member, slow the group down or silence it, and lift that.
    Mute = 13,
    /// Change name, topic and description of the group.
    ChangeName = 14,
    /// Change the group's settings.
    ChangeSettings = 15,
    /// Make roles, give them to members, and grant permissions.
    ManageRoles = 16,
    /// Delete the group.
    DeleteGroup = 17,
    /// Be told what is for the staff: its messages, and reports.
    HearStaff = 18,
    /// Read who did what to whom.
    ReadAudit = 19,
}

impl Permission {
    /// All of them, by number.
    pub const ALL: [Self; 19] = [
        Self::Post,
        Self::Attach,
        Self::React,
        Self::EditOwn,
        Self::EditAny,
        Self::DeleteOwn,
        Self::DeleteAny,
        Self::Pin,
        Self::Invite,
        Self::Approve,
        Self::Kick,
        Self::Ban,
        Self::Mute,
        Self::ChangeName,
        Self::ChangeSettings,
        Self::ManageRoles,
        Self::DeleteGroup,
        Self::HearStaff,
        Self::ReadAudit,
    ];

    /// Its number, from 1.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The permission with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.number() == number)
    }

    /// Its name in commands and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Attach => "attach",
            Self::React => "react",
            Self::EditOwn => "edit-own",
            Self::EditAny => "edit-any",
            Self::DeleteOwn => "delete-own",
            Self::DeleteAny => "delete-any",
            Self::Pin => "pin",
            Self::Invite => "invite",
            Self::Approve => "approve",
            Self::Kick => "kick",
            Self::Ban => "ban",
            Self::Mute => "mute",
            Self::ChangeName => "name",
            Self::ChangeSettings => "settings",
            Self::ManageRoles => "roles",
            Self::DeleteGroup => "delete-group",
            Self::HearStaff => "staff",
            Self::ReadAudit => "audit",
        }
    }

    /// The permission of this name, in either case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.name().eq_ignore_ascii_case(name))
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Permissions(u32);

impl Permissions {
    /// None.
    pub const NONE: Self = Self(0);
    /// All that there are.
    pub const ALL: Self = Self::of(&Permission::ALL);

    /// Those of a list.
    pub const fn of(list: &[Permission]) -> Self {
        let (mut bits, mut next) = (0, 0);
        while next < list.len() {
            bits |= list[next].bit();
            next += 1;
        }
        Self(bits)
    }

    /// The set as it is stored: bit n is the permission with number n. Bits that mean nothing to this program are
    /// dropped.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// See [`Self::from_bits`].
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether `permission` is among them.
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether all of `other` are among them.
    pub const fn includes(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Those of either set.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its members, by number.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.contains(*permission))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<T: IntoIterator<Item = Permission>>(list: T) -> Self {
        Self(list.into_iter().fold(0, |bits, permission| bits | permission.bit()))
    }
}

/// How high a role stands. Nobody acts on somebody of their own rank or above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(pub u8);

/// What a member is in a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Reads, and takes back what they once wrote.
    Reader,
    /// Reads and posts.
    #[default]
    Member,
    /// Keeps order among members.
    Moderator,
    /// Runs the group.
    Admin,
    /// Does everything.
    Owner,
    /// One that the group made, by its number; see [`super::Roles`].
    Custom(u8),
}

impl Role {
    /// The roles that every group has, lowest first.
    pub const BUILT_IN: [Self; 5] = [Self::Reader, Self::Member, Self::Moderator, Self::Admin, Self::Owner];

    /// What a built-in role may do: the table. What a custom one may do stands with its group.
    pub const fn permissions(self) -> Permissions {
        use Permission::{
            Approve, Attach, Ban, ChangeName, ChangeSettings, DeleteAny, DeleteOwn, EditOwn, HearStaff,
            Invite, Kick, ManageRoles, Mute, Pin, Post, React, ReadAudit,
        };
        const READER: Permissions = Permissions::of(&[DeleteOwn]);
        const MEMBER: Permissions = READER.with(Permissions::of(&[Post, Attach, React, EditOwn]));
        const MODERATOR: Permissions =
            MEMBER.with(Permissions::of(&[DeleteAny, Pin, Invite, Approve, Kick, Ban, Mute, HearStaff]));
        const ADMIN: Permissions = MODERATOR.with(Permissions::of(&[
            Permission::EditAny,
            ChangeName,
            ChangeSettings,
            ManageRoles,
            ReadAudit,
        ]));
        match self {
            Self::Reader => READER,
            Self::Member => MEMBER,
            Self::Moderator => MODERATOR,
            Self::Admin => ADMIN,
            Self::Owner => Permissions::ALL,
            Self::Custom(_) => Permissions::NONE,
        }
    }

    /// How high a built-in role stands; a custom one's rank stands with its group.
    pub const fn rank(self) -> Rank {
        Rank(match self {
            Self::Custom(_) => 0,
            Self::Reader => 10,
            Self::Member => 30,
            Self::Moderator => 50,
            Self::Admin => 70,
            Self::Owner => 100,
        })
    }

    /// The name of a built-in role in commands and in JSON; a custom one's name stands with its group.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
            Self::Owner => "owner",
            Self::Custom(_) => "custom",
        }
    }

    /// The number under which it is stored and travels. Numbers are only added; custom roles have those from
    /// [`super::CUSTOM_ROLES_FIRST`] on.
    pub const fn number(self) -> u8 {
        match self {
            Self::Member => 0,
            Self::Owner => 1,
            Self::Reader => 2,
            Self::Moderator => 3,
            Self::Admin => 4,
            Self::Custom(number) => number,
        }
    }

    /// The role with this number. Whether a custom one exists is not looked at.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            super::CUSTOM_ROLES_FIRST.. => Some(Self::Custom(number)),
            _ => Self::BUILT_IN.into_iter().find(|role| role.number() == number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_role_may_do_all_that_a_lower_one_may() {
        for pair in Role::BUILT_IN.windows(2) {
            assert!(pair[0].rank() < pair[1].rank());
            assert!(pair[1].permissions().includes(pair[0].permissions()), "{pair:?}");
        }
        assert!(!Role::Member.permissions().contains(Permission::Kick));
        assert!(!Role::Admin.permissions().contains(Permission::DeleteGroup));
    }

    #[test]
    fn numbers_and_names_lead_back() {
        for (index, permission) in Permission::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(permission.number()), index + 1, "numbers have no gap");
            assert_eq!(Permission::from_number(permission.number()), Some(permission));
            assert_eq!(Permission::from_name(&permission.name().to_uppercase()), Some(permission));
        }
        assert_eq!((Permission::from_number(0), Permission::from_number(20)), (None, None));
        for role in Role::BUILT_IN.into_iter().chain([Role::Custom(16), Role::Custom(255)]) {
            assert_eq!(Role::from_number(role.number()), Some(role));
        }
        assert_eq!(Role::from_number(15), None);
        assert_eq!((Role::Member.number(), Role::Owner.number()), (0, 1), "as the first release stored them");
    }

    #[test]
    fn a_set_keeps_what_was_put_in() {
        let set: Permissions = [Permission::Kick, Permission::Post].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Permission::Post, Permission::Kick]);
        assert_eq!(Permissions::from_bits(set.bits()), set);
        assert_eq!(Permissions::from_bits(u32::MAX), Permissions::ALL);
        assert_eq!(set.without(Permissions::of(&[Permission::Post])), Permissions::of(&[Permission::Kick]));
        assert!(
            Permissions::ALL.includes(set) && !set.includes(Permissions::ALL) && Permissions::NONE.is_empty()
        );
    }
}
