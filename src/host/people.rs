//! Who is a member of which groups of this node: a sign of life of a person concerns all of them, and the engine keeps a
//! person's keys for as long as there is one.

use std::collections::BTreeMap;

use reticulum::hash::IdentityHash;

use crate::group::{GroupId, MemberId};

/// The present members of all groups, by person. Bounded by the groups' own bounds.
#[derive(Debug, Default)]
pub(super) struct People {
    memberships: BTreeMap<(IdentityHash, GroupId), MemberId>,
}

impl People {
    /// Notes that a person is in a group.
    pub(super) fn add(&mut self, person: IdentityHash, group: GroupId, member: MemberId) {
        self.memberships.insert((person, group), member);
    }

    /// Notes that a person is no longer in a group. Returns whether they are in none now.
    pub(super) fn remove(&mut self, person: IdentityHash, group: GroupId) -> bool {
        self.memberships.remove(&(person, group));
        self.groups_of(person).next().is_none()
    }

    /// The groups that a person is in, and their number in each.
    pub(super) fn groups_of(&self, person: IdentityHash) -> impl Iterator<Item = (GroupId, MemberId)> {
        let all = (person, GroupId(0))..=(person, GroupId(u32::MAX));
        self.memberships.range(all).map(|(&(_, group), &member)| (group, member))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_gone_when_they_left_their_last_group() {
        let (alice, bob) = (IdentityHash::new([1; 16]), IdentityHash::new([2; 16]));
        let mut people = People::default();
        people.add(alice, GroupId(1), MemberId(7));
        people.add(alice, GroupId(4), MemberId(1));
        people.add(bob, GroupId(1), MemberId(8));
        let of_alice: Vec<_> = people.groups_of(alice).collect();
        assert_eq!(of_alice, [(GroupId(1), MemberId(7)), (GroupId(4), MemberId(1))]);
        assert!(!people.remove(alice, GroupId(1)));
        assert!(people.remove(alice, GroupId(4)));
        assert_eq!(people.groups_of(bob).count(), 1);
    }
}
