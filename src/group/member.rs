//! Who is in a group: the roster and its indexes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use reticulum::crypto::PublicIdentity;
use reticulum::hash::{DestinationHash, IdentityHash, NameHash};
use reticulum::time::UnixTime;

use super::ids::{MemberId, Seq};
use super::nick::nick_key;
use super::preference::{Preference, Preferences};
use super::role::{Permissions, Role};

/// The destination at which every LXMF client receives (`spec/lxmf.md` section 1).
const DELIVERY_NAME: &str = "lxmf.delivery";

/// Posts of a member that are counted; whoever has as many is no newcomer in any group.
pub const POSTS_COUNTED_MAX: u8 = 100;

/// Somebody who is in the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The number of this membership.
    pub id: MemberId,
    /// Who it is.
    pub identity: Arc<PublicIdentity>,
    /// Where they receive LXMF.
    pub address: DestinationHash,
    /// Their name in this group.
    pub nick: String,
    /// What they are.
    pub role: Role,
    /// What they may do beside what their role may.
    pub granted: Permissions,
    /// What they may not do although their role may.
    pub revoked: Permissions,
    /// Messages that they have posted since they joined, up to [`POSTS_COUNTED_MAX`]: who is a newcomer.
    pub posts: u8,
    /// When they joined.
    pub joined: UnixTime,
    /// What they chose for themselves.
    pub preferences: Preferences,
    /// Who invited them, or issued their code; `None` is nobody, or the operator.
    pub invited_by: Option<MemberId>,
    /// The event by which they joined: nothing older is sent to them.
    pub joined_seq: Seq,
}

impl Member {
    /// A member as they are when they join.
    pub fn new(
        id: MemberId,
        identity: Arc<PublicIdentity>,
        nick: String,
        joined: UnixTime,
        joined_seq: Seq,
    ) -> Self {
        let address = DestinationHash::of_single(NameHash::of_name(DELIVERY_NAME), identity.hash());
        let (granted, revoked) = (Permissions::NONE, Permissions::NONE);
        Self {
            id,
            identity,
            address,
            nick,
            role: Role::Member,
            granted,
            revoked,
            posts: 0,
            joined,
            joined_seq,
            invited_by: None,
            preferences: Preferences::default(),
        }
    }
}

/// A member, present or former, as far as readers of old messages need them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Their number.
    pub member: MemberId,
    /// Their present or last nick.
    pub nick: String,
    /// Who they are.
    pub identity: IdentityHash,
    /// Their present or last role.
    pub role: Role,
    /// Whether they are no longer in.
    pub former: bool,
}

/// The members of a group, found by number, by identity and by nick. Bounded by the group's capacity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    members: BTreeMap<MemberId, Member>,
    by_identity: HashMap<IdentityHash, MemberId>,
    by_nick: HashMap<String, MemberId>,
}

impl Roster {
    /// Adds a member whose number, identity and nick are all new.
    pub fn insert(&mut self, member: Member) {
        self.by_identity.insert(member.identity.hash(), member.id);
        self.by_nick.insert(nick_key(&member.nick), member.id);
        self.members.insert(member.id, member);
    }

    /// Takes a member out.
    pub fn remove(&mut self, id: MemberId) -> Option<Member> {
        let member = self.members.remove(&id)?;
        self.by_identity.remove(&member.identity.hash());
        self.by_nick.remove(&nick_key(&member.nick));
        Some(member)
    }

    /// Gives a member another nick.
    pub fn rename(&mut self, id: MemberId, nick: &str) {
        if let Some(member) = self.members.get_mut(&id) {
            self.by_nick.remove(&nick_key(&member.nick));
            self.by_nick.insert(nick_key(nick), id);
            nick.clone_into(&mut member.nick);
        }
    }

    /// Notes that a member has posted.
    pub fn count_post(&mut self, author: Option<MemberId>) {
        if let Some(member) = author.and_then(|author| self.members.get_mut(&author)) {
            member.posts = (member.posts + 1).min(POSTS_COUNTED_MAX);
        }
    }

    /// Takes over what a member chose.
    pub fn choose(&mut self, id: MemberId, preference: Preference) {
        if let Some(member) = self.members.get_mut(&id) {
            member.preferences.apply(preference);
        }
    }

    /// Gives a member another role.
    pub fn set_role(&mut self, id: MemberId, role: Role) {
        if let Some(member) = self.members.get_mut(&id) {
            member.role = role;
        }
    }

    /// Gives a member other permissions beside those of their role.
    pub fn set_permissions(&mut self, id: MemberId, granted: Permissions, revoked: Permissions) {
        if let Some(member) = self.members.get_mut(&id) {
            (member.granted, member.revoked) = (granted, revoked);
        }
    }

    /// Gives everybody who has role `from` the role `to`.
    pub fn replace_role(&mut self, from: Role, to: Role) {
        for member in self.members.values_mut().filter(|member| member.role == from) {
            member.role = to;
        }
    }

    /// The member with this number.
    pub fn by_id(&self, id: MemberId) -> Option<&Member> {
        self.members.get(&id)
    }

    /// The member who is this identity.
    pub fn by_identity(&self, identity: IdentityHash) -> Option<&Member> {
        self.by_id(*self.by_identity.get(&identity)?)
    }

    /// The member with this nick, in either case.
    pub fn by_nick(&self, nick: &str) -> Option<&Member> {
        self.by_id(*self.by_nick.get(&nick_key(nick))?)
    }

    /// All members, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// Members from a number on, in order.
    pub fn iter_from(&self, first: MemberId) -> impl Iterator<Item = &Member> {
        self.members.range(first..).map(|(_, member)| member)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is in.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
