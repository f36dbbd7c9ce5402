//! Paths: which interface and next hop lead to a destination, and when an announce may change that.
//!
//! Owns the timebase rule (`spec/reticulum.md` 4.3) and the lifetime of paths, which counts from their last use. At
//! most `max` paths are known; the one longest neither heard nor used makes room, but those of retained peers never.

use std::collections::HashMap;
use std::time::Duration;

use super::rate::Rate;
use super::recency::Recency;
use crate::hash::{DestinationHash, IdentityHash};
use crate::node::InterfaceId;
use crate::time::{Instant, TimerQueue};
use crate::wire::{self, emission_secs};

/// Blobs kept with a path (`spec/reticulum.md` 1.3).
const BLOBS_MAX: usize = 64;

/// The random blob of an announce: 5 random bytes, then the emission time.
pub(crate) type Blob = [u8; 10];

/// What an announce says about the way to its destination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    /// Hops including the last one.
    pub(crate) hops: u8,
    /// Where it was heard.
    pub(crate) interface: InterfaceId,
    /// The transport that passed it on; none for a direct neighbour.
    pub(crate) next_hop: Option<IdentityHash>,
    /// Its random blob.
    pub(crate) blob: Blob,
    /// Preference of the interface among equals.
    pub(crate) gravity: i32,
    /// How long a path over the interface lives.
    pub(crate) lifetime: Duration,
}

/// Whether the last use of a path worked, as far as we know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PathState {
    /// Not tried.
    #[default]
    Unknown,
    /// A link over it was not answered.
    Unresponsive,
}

/// One path.
#[derive(Debug)]
pub(crate) struct Path {
    /// Hops to the destination.
    pub(crate) hops: u8,
    /// Where it leads out.
    pub(crate) interface: InterfaceId,
    /// The transport in between; none for a direct neighbour.
    pub(crate) next_hop: Option<IdentityHash>,
    /// How often its announces are passed on.
    pub(crate) rate: Rate,
    state: PathState,
    gravity: i32,
    lifetime: Duration,
    /// Only decides whether a longer path may replace this one; removal counts from the last use.
    expires: Instant,
    /// Oldest first.
    blobs: Vec<Blob>,
}

impl Path {
    fn new(now: Instant, heard: &Heard) -> Self {
        Self {
            hops: heard.hops,
            interface: heard.interface,
            next_hop: heard.next_hop,
            rate: Rate::default(),
            state: PathState::Unknown,
            gravity: heard.gravity,
            lifetime: heard.lifetime,
            expires: now + heard.lifetime,
            blobs: vec![heard.blob],
        }
    }

    /// Whether a link over it was not answered.
    #[cfg(test)]
    pub(crate) fn is_unresponsive(&self) -> bool {
        self.state == PathState::Unresponsive
    }

    /// The timebase rule for a known path.
    fn yields_to(&self, now: Instant, heard: &Heard) -> bool {
        let unseen = !self.blobs.contains(&heard.blob);
        let emitted = emission_secs(&heard.blob);
        let newest = self.blobs.iter().map(emission_secs).max().unwrap_or(0);
        if heard.hops <= self.hops {
            return unseen && emitted > newest || emitted == newest && heard.gravity > self.gravity;
        }
        if now > self.expires || emitted > newest {
            return unseen;
        }
        emitted == newest && self.state == PathState::Unresponsive
    }

    fn follow(&mut self, now: Instant, heard: &Heard) {
        let mut blobs = std::mem::take(&mut self.blobs);
        if !blobs.contains(&heard.blob) {
            blobs.push(heard.blob);
        }
        let excess = blobs.len().saturating_sub(BLOBS_MAX);
        blobs.drain(..excess);
        *self = Self { blobs, rate: self.rate, ..Self::new(now, heard) };
    }
}

/// The path table.
#[derive(Debug)]
pub(crate) struct Paths {
    paths: HashMap<DestinationHash, Path>,
    evictable: Recency<DestinationHash>,
    expiry: TimerQueue<DestinationHash>,
    max: usize,
}

impl Paths {
    /// A table of at most `max` paths.
    pub(crate) fn new(max: usize) -> Self {
        Self { paths: HashMap::new(), evictable: Recency::default(), expiry: TimerQueue::default(), max }
    }

    /// Whether an announce may set the path to `destination`.
    pub(crate) fn accepts(&self, now: Instant, destination: &DestinationHash, heard: &Heard) -> bool {
        heard.hops <= wire::HOPS_MAX
            && self.paths.get(destination).is_none_or(|path| path.yields_to(now, heard))
    }

    /// Whether an announce with this blob was heard before and could change nothing any more.
    pub(crate) fn is_settled(&self, destination: &DestinationHash, blob: &Blob) -> bool {
        self.paths
            .get(destination)
            .is_some_and(|path| path.state != PathState::Unresponsive && path.blobs.contains(blob))
    }

    /// Sets the path of an accepted announce. Returns whether another path had to make room.
    pub(crate) fn learn(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        heard: &Heard,
        retained: bool,
    ) -> bool {
        let evicted = !self.paths.contains_key(&destination) && self.paths.len() >= self.max && self.evict();
        self.paths
            .entry(destination)
            .and_modify(|path| path.follow(now, heard))
            .or_insert_with(|| Path::new(now, heard));
        self.expiry.set(destination, now + heard.lifetime);
        if !retained {
            self.evictable.touch(destination);
        }
        evicted
    }

    /// The path to `destination`.
    pub(crate) fn path(&self, destination: &DestinationHash) -> Option<&Path> {
        self.paths.get(destination)
    }

    /// The same, to be changed.
    pub(crate) fn path_mut(&mut self, destination: &DestinationHash) -> Option<&mut Path> {
        self.paths.get_mut(destination)
    }

    /// Notes that the path to `destination` was used.
    pub(crate) fn touch(&mut self, now: Instant, destination: &DestinationHash) {
        let Some(path) = self.paths.get(destination) else { return };
        self.expiry.set(*destination, now + path.lifetime);
        if self.evictable.contains(destination) {
            self.evictable.touch(*destination);
        }
    }

    /// Keeps the path to `destination` from making room for others, or lets it.
    pub(crate) fn retain(&mut self, destination: &DestinationHash, retain: bool) {
        if retain {
            self.evictable.remove(destination);
        } else if self.paths.contains_key(destination) {
            self.evictable.touch(*destination);
        }
    }

    /// Adopts the hop count that a valid link proof came with (`spec/reticulum.md` 5.8).
    pub(crate) fn set_hops(&mut self, destination: &DestinationHash, hops: u8) {
        if let Some(path) = self.paths.get_mut(destination) {
            path.hops = hops;
        }
    }

    /// Notes that nobody answered over the path to `destination`, so a longer one of the same age may replace it.
    pub(crate) fn set_unresponsive(&mut self, destination: &DestinationHash) {
        if let Some(path) = self.paths.get_mut(destination) {
            path.state = PathState::Unresponsive;
        }
    }

    /// Forgets the path to `destination`.
    pub(crate) fn remove(&mut self, destination: &DestinationHash) {
        self.paths.remove(destination);
        self.evictable.remove(destination);
        self.expiry.cancel(destination);
    }

    /// Forgets all paths over `interface`.
    pub(crate) fn remove_interface(&mut self, interface: InterfaceId) {
        let over = |(destination, path): (&DestinationHash, &Path)| {
            (path.interface == interface).then_some(*destination)
        };
        let gone: Vec<_> = self.paths.iter().filter_map(over).collect();
        gone.iter().for_each(|destination| self.remove(destination));
    }

    /// Forgets what was not used for its lifetime.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(destination) = self.expiry.pop_due(now) {
            self.remove(&destination);
        }
    }

    /// When the next path expires.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.expiry.next_deadline()
    }

    fn evict(&mut self) -> bool {
        let Some(destination) = self.evictable.oldest() else { return false };
        self.remove(&destination);
        true
    }
}

#[cfg(test)]
#[path = "paths/tests.rs"]
mod tests;
