//! The links that LXMF uses: who is behind each, which one leads to whom, and when one has been idle for long.
//!
//! Owns no link: the node does. As many entries as the node has links for delivery destinations, which it bounds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use reticulum::crypto::PublicIdentity;
use reticulum::hash::{DestinationHash, LinkId};
use reticulum::node::LinkRole;
use reticulum::time::{Instant, TimerQueue};

use super::rate::Bucket;

/// A link of our making is closed after this long without a message (`spec/lxmf.md` 8.1). The peer's are its own.
const IDLE_MAX: Duration = Duration::from_secs(600);

/// One of ours, and one of the others: what a link connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Pair {
    pub(super) local: DestinationHash,
    pub(super) remote: DestinationHash,
}

/// The links in use.
#[derive(Debug, Default)]
pub(super) struct Links {
    by_id: HashMap<LinkId, Link>,
    /// The newest active link of each pair, in either direction.
    by_pair: HashMap<Pair, LinkId>,
    idle: TimerQueue<LinkId>,
}

#[derive(Debug)]
struct Link {
    local: DestinationHash,
    remote: Option<DestinationHash>,
    /// The initiator, as it identified itself.
    identity: Option<Arc<PublicIdentity>>,
    role: LinkRole,
    /// We told the responder who we are, so it can answer here.
    identified: bool,
    used_at: Instant,
    /// Messages that may come on it.
    bucket: Bucket,
}

impl Links {
    /// A link that we asked for.
    pub(super) fn initiate(&mut self, now: Instant, id: LinkId, pair: Pair) {
        let remote = Some(pair.remote);
        let role = LinkRole::Initiator;
        self.by_id.insert(
            id,
            Link {
                local: pair.local,
                remote,
                identity: None,
                role,
                identified: false,
                used_at: now,
                bucket: Bucket::default(),
            },
        );
    }

    /// A link that we asked for is active.
    pub(super) fn activate(&mut self, now: Instant, id: LinkId) {
        if let Some(pair) = self.pair(id) {
            self.by_pair.insert(pair, id);
            self.idle.set(id, now + IDLE_MAX);
        }
    }

    /// A link that a peer opened to `local`.
    pub(super) fn accept(&mut self, id: LinkId, local: DestinationHash) {
        let role = LinkRole::Responder;
        let link = Link {
            local,
            remote: None,
            identity: None,
            role,
            identified: false,
            used_at: Instant::ZERO,
            bucket: Bucket::default(),
        };
        self.by_id.insert(id, link);
    }

    /// The links of one of our destinations, in a settled order.
    pub(super) fn of(&self, local: &DestinationHash) -> Vec<LinkId> {
        let theirs = self.by_id.iter().filter(|(_, link)| link.local == *local);
        let mut links: Vec<LinkId> = theirs.map(|(id, _)| *id).collect();
        links.sort_unstable();
        links
    }

    /// The initiator of a link told who it is; from now on the link leads back to it.
    pub(super) fn identify(&mut self, id: LinkId, remote: DestinationHash, identity: Arc<PublicIdentity>) {
        if let Some(link) = self.by_id.get_mut(&id).filter(|link| link.role == LinkRole::Responder) {
            link.remote = Some(remote);
            link.identity = Some(identity);
            self.by_pair.insert(Pair { local: link.local, remote }, id);
        }
    }

    /// It no longer leads to anybody, though it has not closed yet.
    pub(super) fn deactivate(&mut self, id: LinkId) {
        if let Some(pair) = self.pair(id).filter(|pair| self.by_pair.get(pair) == Some(&id)) {
            self.by_pair.remove(&pair);
        }
    }

    /// Forgets a link; whom it led to, if known.
    pub(super) fn remove(&mut self, id: LinkId) -> Option<Pair> {
        self.deactivate(id);
        let pair = self.pair(id);
        self.by_id.remove(&id);
        self.idle.cancel(&id);
        pair
    }

    /// Whether one more message that came on it is within the rate.
    pub(super) fn admit(&mut self, now: Instant, id: LinkId, per_minute: u32) -> bool {
        self.by_id.get_mut(&id).is_none_or(|link| link.bucket.take(now, per_minute))
    }

    /// A message travelled on it.
    pub(super) fn touch(&mut self, now: Instant, id: LinkId) {
        if let Some(link) = self.by_id.get_mut(&id) {
            link.used_at = now;
        }
    }

    /// Whether the responder should be told who we are, which is then taken as done.
    pub(super) fn take_unidentified(&mut self, id: LinkId) -> bool {
        let unidentified = |link: &&mut Link| link.role == LinkRole::Initiator && !link.identified;
        self.by_id.get_mut(&id).filter(unidentified).map(|link| link.identified = true).is_some()
    }

    /// A link of our making that has been idle for too long; each comes out once.
    pub(super) fn pop_idle(&mut self, now: Instant) -> Option<LinkId> {
        while let Some(id) = self.idle.pop_due(now) {
            // Use does not move the timer, which would cost more than to look once more when it fires.
            let until = self.by_id.get(&id)?.used_at + IDLE_MAX;
            if until <= now {
                return Some(id);
            }
            self.idle.set(id, until);
        }
        None
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.idle.next_deadline()
    }

    pub(super) fn contains(&self, id: LinkId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// The active link that leads from one of ours to a peer.
    pub(super) fn active(&self, pair: &Pair) -> Option<LinkId> {
        self.by_pair.get(pair).copied()
    }

    /// Which of our destinations it belongs to.
    pub(super) fn local(&self, id: LinkId) -> Option<DestinationHash> {
        self.by_id.get(&id).map(|link| link.local)
    }

    /// What it connects, if the peer is known.
    pub(super) fn pair(&self, id: LinkId) -> Option<Pair> {
        let link = self.by_id.get(&id)?;
        Some(Pair { local: link.local, remote: link.remote? })
    }

    /// The keys of `source`, if it is who identified on the link.
    pub(super) fn identity(&self, id: LinkId, source: &DestinationHash) -> Option<&Arc<PublicIdentity>> {
        self.by_id.get(&id).filter(|link| link.remote.as_ref() == Some(source))?.identity.as_ref()
    }
}
