//! Identities whose traffic the operator does not want (`spec/reticulum.md` 4.9).

use super::{CloseReason, Node};
use crate::hash::{IdentityHash, LinkId};
use crate::time::Instant;

impl Node {
    /// Drops and counts from now on what an identity announces and what is meant for its destinations, forgets the ways
    /// to them, and closes its links to us. False if the list has no room.
    pub fn blackhole(&mut self, now: Instant, identity: IdentityHash) -> bool {
        if !self.transport.blackhole.insert(identity) {
            return false;
        }
        // Without a path nothing leads there, so that no packet has to be looked up in the list.
        for destination in self.transport.peers.of_identity(&identity) {
            self.transport.paths.remove(&destination);
            self.transport.relays.remove_destination(&destination);
            self.transport.peers.forget(&destination);
        }
        for link in self.links_of(&identity) {
            self.close_link_for(now, link, CloseReason::Local);
        }
        true
    }

    /// Takes an identity off the list; whether it was on it. Its next announce is heard again.
    pub fn unblackhole(&mut self, identity: &IdentityHash) -> bool {
        self.transport.blackhole.remove(identity)
    }

    /// The identities on the list, in order.
    pub fn blackholed(&self) -> Vec<IdentityHash> {
        self.transport.blackhole.list()
    }

    /// Links whose other end told that it is `identity`, or whose responder is, in order.
    fn links_of(&self, identity: &IdentityHash) -> Vec<LinkId> {
        let theirs =
            |link: &crate::link::Link| link.info().remote.is_some_and(|remote| remote.hash() == *identity);
        let links = self.links.links.iter().filter(|(_, entry)| theirs(&entry.link));
        let mut links: Vec<LinkId> = links.map(|(id, _)| *id).collect();
        links.sort_unstable();
        links
    }
}
