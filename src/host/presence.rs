//! Signs of life: who was heard when, and whose links are open.

use reticulum::hash::{IdentityHash, LinkId};
use reticulum::time::Instant;

use super::Host;
use crate::group::{GroupId, MemberId};
use crate::store::Write;

impl Host {
    /// A member gave a sign of life.
    pub(super) fn note_heard(&mut self, now: Instant, group: GroupId, member: MemberId) {
        let at = self.engine.unix_time(now);
        if self.groups.get_mut(group).is_some_and(|hosted| hosted.group.note_heard(at, member)) {
            self.write(Write::Heard { group, member, at });
        }
    }

    /// The other end of a link said who it is.
    pub(super) fn link_opened(&mut self, link: LinkId, person: IdentityHash) {
        if self.open_links.insert(link, person).is_none() {
            self.note_link(person, true);
        }
    }

    /// A link is gone. Whoever was there is heard until now.
    pub(super) fn link_closed(&mut self, now: Instant, link: LinkId) {
        self.listeners.remove(link);
        let Some(person) = self.open_links.remove(&link) else { return };
        self.note_link(person, false);
        let groups: Vec<_> = self.people.groups_of(person).collect();
        groups.into_iter().for_each(|(group, member)| self.note_heard(now, group, member));
    }

    fn note_link(&mut self, person: IdentityHash, is_open: bool) {
        for (group, member) in self.people.groups_of(person) {
            if let Some(hosted) = self.groups.get_mut(group) {
                hosted.group.note_link(member, is_open);
            }
        }
    }
}
