//! Who was in a group and left, so that whoever comes back is the author of their old messages again.

use std::collections::{BTreeMap, HashMap};

use reticulum::hash::IdentityHash;

use super::ids::{MemberId, Seq};

/// Former members that are remembered. Who left first is forgotten first, and gets a new number on return.
pub const FORMER_MEMBERS_MAX: usize = 16_384;

/// The numbers of former members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Former {
    by_identity: HashMap<IdentityHash, (MemberId, Seq)>,
    by_leaving: BTreeMap<Seq, IdentityHash>,
}

impl Former {
    /// Remembers who left by event `left`.
    pub fn insert(&mut self, identity: IdentityHash, member: MemberId, left: Seq) {
        self.remove(identity);
        self.by_identity.insert(identity, (member, left));
        self.by_leaving.insert(left, identity);
        if self.by_leaving.len() > FORMER_MEMBERS_MAX
            && let Some((_, earliest)) = self.by_leaving.pop_first()
        {
            self.by_identity.remove(&earliest);
        }
    }

    /// Forgets who came back.
    pub fn remove(&mut self, identity: IdentityHash) {
        if let Some((_, left)) = self.by_identity.remove(&identity) {
            self.by_leaving.remove(&left);
        }
    }

    /// Everybody who is remembered.
    pub fn identities(&self) -> impl Iterator<Item = IdentityHash> {
        self.by_identity.keys().copied()
    }

    /// The number that this identity had.
    pub fn member(&self, identity: IdentityHash) -> Option<MemberId> {
        self.by_identity.get(&identity).map(|(member, _)| *member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_left_first_is_forgotten_first() {
        let identity = |n: u64| IdentityHash::of(&[&n.to_be_bytes()]);
        let mut former = Former::default();
        let last = FORMER_MEMBERS_MAX as u64 + 1;
        for n in 1..=last {
            former.insert(identity(n), MemberId(n as u32), Seq(n));
        }
        assert_eq!(former.member(identity(1)), None);
        assert_eq!(former.member(identity(2)), Some(MemberId(2)));
        former.insert(identity(2), MemberId(2), Seq(last + 1));
        former.insert(identity(1), MemberId(1), Seq(last + 2));
        assert_eq!(former.member(identity(3)), None, "leaving again counts as the later leaving");
        assert_eq!(former.member(identity(2)), Some(MemberId(2)));
        assert_eq!(former.by_identity.len(), FORMER_MEMBERS_MAX);
    }
}
