//! Paths: which interface and next hop lead to a destination, and when an announce may change that.
//!
//! Owns the timebase rule (`spec/reticulum.md` 4.3) and the lifetime of paths, which counts from their last use. At
//! most `max` paths are known; the one longest neither heard nor used makes room, but those of retained peers never.

use std::time::Duration;

use super::aged::Aged;
use super::rate::Rate;
use crate::hash::{DestinationHash, IdentityHash};
use crate::node::InterfaceId;
use crate::time::Instant;
use crate::wire::{self, emission_secs};

/// Blobs kept with a path (`spec/reticulum.md` 1.3).
const BLOBS_MAX: usize = 64;

/// Of two lines with the same lifetime, the one that never makes room.
const RETAINED: u8 = 1;

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
    /// Only decides whether a longer path may replace this one; removal counts from the last use.
    expires: Instant,
    used: Instant,
    newest: Blob,
    /// The others, oldest first.
    older: Box<[Blob]>,
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
            expires: now + heard.lifetime,
            used: now,
            newest: heard.blob,
            older: Box::default(),
        }
    }

    /// Whether a link over it was not answered.
    #[cfg(test)]
    pub(crate) fn is_unresponsive(&self) -> bool {
        self.state == PathState::Unresponsive
    }

    /// The timebase rule for a known path.
    fn yields_to(&self, now: Instant, heard: &Heard) -> bool {
        let unseen = !self.knows(&heard.blob);
        let emitted = emission_secs(&heard.blob);
        let newest = self.blobs().map(emission_secs).max().unwrap_or(0);
        if heard.hops <= self.hops {
            return unseen && emitted > newest || emitted == newest && heard.gravity > self.gravity;
        }
        if now > self.expires || emitted > newest {
            return unseen;
        }
        emitted == newest && self.state == PathState::Unresponsive
    }

    fn follow(&mut self, now: Instant, heard: &Heard) {
        let older = match self.knows(&heard.blob) {
            true => self.blobs().filter(|blob| **blob != heard.blob).copied().collect(),
            false => {
                let excess = (self.older.len() + 2).saturating_sub(BLOBS_MAX);
                self.blobs().skip(excess).copied().collect()
            }
        };
        *self = Self { older, rate: self.rate, ..Self::new(now, heard) };
    }

    fn save(&self) -> SavedPath {
        let Self { hops, next_hop, used, expires, .. } = *self;
        SavedPath { hops, next_hop, used, expires, blobs: self.blobs().copied().collect() }
    }

    fn knows(&self, blob: &Blob) -> bool {
        self.newest == *blob || self.older.contains(blob)
    }

    fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.older.iter().chain([&self.newest])
    }
}

/// A path without its interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SavedPath {
    pub(crate) hops: u8,
    pub(crate) next_hop: Option<IdentityHash>,
    pub(crate) used: Instant,
    pub(crate) expires: Instant,
    /// Oldest first, at least one.
    pub(crate) blobs: Vec<Blob>,
}

impl SavedPath {
    #[cfg(test)]
    pub(crate) fn for_test(n: u8) -> Self {
        let blobs = vec![[n; 10]];
        Self { hops: n, next_hop: None, used: Instant::ZERO, expires: Instant::from_micros(1), blobs }
    }
}

/// The path table.
#[derive(Debug)]
pub(crate) struct Paths {
    /// A line for the evictable and one for the retained paths of each lifetime, in the order of their last use, and so
    /// of their expiry.
    paths: Aged<Path>,
    /// Lifetimes that there are: one for each kind of mode.
    lifetimes: Vec<Duration>,
    /// The last use of any path.
    latest: Instant,
    max: usize,
}

impl Paths {
    /// A table of at most `max` paths.
    pub(crate) fn new(max: usize) -> Self {
        Self { paths: Aged::default(), lifetimes: Vec::new(), latest: Instant::ZERO, max }
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
            .is_some_and(|path| path.state != PathState::Unresponsive && path.knows(blob))
    }

    /// Sets the path of an accepted announce. Returns whether another path had to make room.
    pub(crate) fn learn(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        heard: &Heard,
        retained: bool,
    ) -> bool {
        self.latest = now;
        let line = self.line(heard.lifetime, retained);
        if let Some(path) = self.paths.get_mut(&destination) {
            path.follow(now, heard);
            self.paths.set_line(&destination, line);
            return false;
        }
        let evicted = self.paths.len() >= self.max && self.evict();
        self.paths.insert(destination, line, Path::new(now, heard));
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
        if let Some(path) = self.paths.get_mut(destination) {
            path.used = now;
            self.latest = now;
            self.paths.touch(destination);
        }
    }

    /// Keeps the path to `destination` from making room for others, or lets it. Counts as a use.
    pub(crate) fn retain(&mut self, destination: &DestinationHash, retain: bool) {
        if let Some(line) = self.paths.line(destination) {
            self.touch(self.latest, destination);
            self.paths.set_line(destination, line & !RETAINED | if retain { RETAINED } else { 0 });
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
    }

    /// Forgets all paths over `interface`, and returns them. A scan of the table.
    pub(crate) fn remove_interface(&mut self, interface: InterfaceId) -> Vec<(DestinationHash, SavedPath)> {
        let over = self.paths.iter().filter(|(_, path)| path.interface == interface);
        let gone: Vec<_> = over.map(|(destination, path)| (destination, path.save())).collect();
        gone.iter().for_each(|(destination, _)| self.remove(destination));
        gone
    }

    /// Takes back a path whose interface is there again, as `heard` says, if it is still good: no path is known, or a
    /// longer or expired one that is not newer (`spec/reticulum.md` 5.10). Whether it was.
    pub(crate) fn restore(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        saved: SavedPath,
        heard: &Heard,
        retained: bool,
    ) -> bool {
        let newest = |blobs: &[Blob]| blobs.iter().map(emission_secs).max().unwrap_or(0);
        let better = self.paths.get(&destination).is_none_or(|path| {
            let current = path.blobs().map(emission_secs).max().unwrap_or(0);
            (saved.hops <= path.hops || now > path.expires) && newest(&saved.blobs) >= current
        });
        if !better || now > saved.used + heard.lifetime {
            return false;
        }
        let rate = self.paths.get(&destination).map_or(Rate::default(), |path| path.rate);
        self.learn(now, destination, heard, retained);
        if let Some(path) = self.paths.get_mut(&destination) {
            let blobs = saved.blobs.strip_suffix(&[heard.blob]).unwrap_or_default();
            path.older = blobs[blobs.len().saturating_sub(BLOBS_MAX - 1)..].into();
            path.rate = rate;
            path.expires = saved.expires;
        }
        true
    }

    /// All paths, in no order that means anything, with what is to be saved of each.
    pub(crate) fn saved(&self) -> impl Iterator<Item = (DestinationHash, InterfaceId, SavedPath)> {
        self.paths.iter().map(|(destination, path)| (destination, path.interface, path.save()))
    }

    /// The record of how often each destination is announced, with the interface that leads there.
    pub(crate) fn rates(&self) -> impl Iterator<Item = (DestinationHash, InterfaceId, Rate)> {
        self.paths.iter().map(|(destination, path)| (destination, path.interface, path.rate))
    }

    /// Forgets what was not used for its lifetime.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, destination)) = self.next_expiry().filter(|(at, _)| *at <= now) {
            self.remove(&destination);
        }
    }

    /// When the next path expires.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.next_expiry().map(|(at, _)| at)
    }

    fn next_expiry(&self) -> Option<(Instant, DestinationHash)> {
        let oldest = |(n, lifetime): (usize, &Duration)| {
            [2 * n as u8, 2 * n as u8 + RETAINED].map(|line| {
                self.paths.oldest(line).map(|(destination, path)| (path.used + *lifetime, destination))
            })
        };
        self.lifetimes.iter().enumerate().flat_map(oldest).flatten().min()
    }

    /// The line of paths with this lifetime.
    fn line(&mut self, lifetime: Duration, retained: bool) -> u8 {
        let known = self.lifetimes.iter().position(|known| *known == lifetime);
        let n = known.unwrap_or_else(|| {
            self.lifetimes.push(lifetime);
            self.lifetimes.len() - 1
        });
        2 * n as u8 + if retained { RETAINED } else { 0 }
    }

    fn evict(&mut self) -> bool {
        let oldest = |n: usize| self.paths.oldest(2 * n as u8).map(|(to, path)| (path.used, n, to));
        let Some((.., oldest)) = (0..self.lifetimes.len()).filter_map(oldest).min() else { return false };
        self.remove(&oldest);
        true
    }
}

#[cfg(test)]
#[path = "paths/tests.rs"]
mod tests;
