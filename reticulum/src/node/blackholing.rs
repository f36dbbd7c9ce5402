//! Identities whose traffic the operator does not want (`spec/reticulum.md` 4.9).

use super::{CloseReason, Node, Output, Persist};
use crate::hash::{IdentityHash, LinkId};
use crate::time::{Instant, UnixTime};

/// One whose traffic is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blackholed {
    /// Who.
    pub identity: IdentityHash,
    /// Until when; for good without it.
    pub until: Option<UnixTime>,
    /// Why, for people; at most 128 bytes are kept.
    pub reason: Option<String>,
}

impl Node {
    /// Drops and counts from now on what an identity announces and what is meant for its destinations, forgets the ways
    /// to them, and closes its links to us. False if the list has no room. Nothing is persisted: it is for what the
    /// configuration says, and what was persisted.
    pub fn blackhole(&mut self, now: Instant, entry: &Blackholed) -> bool {
        let identity = entry.identity;
        let unix = self.unix_time(now);
        let until = entry.until.map(|until| now + until.since(unix));
        if !self.transport.blackhole.insert(identity, until, entry.reason.as_deref()) {
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

    /// The same for what the operator says while the node runs: it is persisted.
    pub fn blackhole_and_persist(&mut self, now: Instant, entry: Blackholed) -> bool {
        let fits = self.blackhole(now, &entry);
        if fits {
            self.outputs.push_back(Output::Persist(Persist::Blackholed(entry)));
        }
        fits
    }

    /// Takes an identity off the list; whether it was on it. Its next announce is heard again.
    pub fn unblackhole(&mut self, identity: &IdentityHash) -> bool {
        let was = self.transport.blackhole.remove(identity);
        if was {
            self.outputs.push_back(Output::Persist(Persist::Unblackholed(*identity)));
        }
        was
    }

    /// Lets those be heard again whose time on the list is over.
    pub(super) fn end_blackholing(&mut self, now: Instant) {
        while let Some(identity) = self.transport.blackhole.handle_timeout(now) {
            self.outputs.push_back(Output::Persist(Persist::Unblackholed(identity)));
        }
    }

    /// Whether an identity is on the list.
    pub fn is_blackholed(&self, identity: &IdentityHash) -> bool {
        self.transport.blackhole.contains(identity)
    }

    /// Who is on the list, in order of the identities.
    pub fn blackholed(&self, now: Instant) -> Vec<Blackholed> {
        let unix = self.unix_time(now);
        let entry = |(identity, until, reason): (IdentityHash, Option<Instant>, Option<&str>)| {
            let until = until.map(|until| unix + until.since(now));
            Blackholed { identity, until, reason: reason.map(str::to_owned) }
        };
        self.transport.blackhole.list().into_iter().map(entry).collect()
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
