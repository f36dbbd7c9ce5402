//! Air time and paths across restarts: what a node that forwards for others has saved now and then, and how it gets that back.
//!
//! All paths are written as a whole, 15 minutes after the first of them was learned and then at most every 6 hours, if
//! anything changed; and once more when the node is told to. So at most [`Limits::paths`](super::Limits::paths) rows of
//! at most 900 bytes are written four times a day; `docs/transport.md` says what that means for a card. What is lost by a
//! crash comes back by announces and path requests.

use std::time::Duration;

use super::{AirtimeRecord, InterfaceId, Node, Output, Persist, PersistId, Timer};
use crate::crypto::PublicIdentity;
use crate::hash::{DestinationHash, IdentityHash};
use crate::time::{Instant, UnixTime};
use crate::transport::{AirtimeUse, Budget, Introduction, Place, SavedPath, Signed};
use crate::wire::{Announce, Packet};

const FIRST_AFTER: Duration = Duration::from_secs(15 * 60);
const INTERVAL: Duration = Duration::from_secs(6 * 3600);
/// Records handed out in one turn.
const CHUNK: usize = 256;
/// Random blobs saved with a path, the newest (`spec/reticulum.md` 1.3).
const BLOBS_SAVED_MAX: usize = 32;
/// Longer unused, a path is not restored (`spec/reticulum.md` 4.3).
const UNUSED_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// What is kept of a path across restarts; see [`Node::add_path`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRecord {
    /// To whom.
    pub destination: DestinationHash,
    /// Where it leads.
    pub place: Place,
    /// Hops to the destination.
    pub hops: u8,
    /// The transport in between; none for a direct neighbour.
    pub next_hop: Option<IdentityHash>,
    /// Its last use.
    pub used: UnixTime,
    /// Until when a longer path that is not newer does not replace it.
    pub expires: UnixTime,
    /// Random blobs of its announces, oldest first, 10 bytes each.
    pub blobs: Vec<[u8; 10]>,
    /// The newest announce of the destination, as a frame.
    pub announce: Vec<u8>,
}

type PathToSave = (DestinationHash, Place, SavedPath);

/// How far saving has come.
#[derive(Debug, Default)]
pub(super) struct Saving {
    /// Still to be handed out.
    rest: std::vec::IntoIter<PathToSave>,
    /// Whether the next chunk is the first.
    first: bool,
    /// When saving last began.
    last: Option<Instant>,
}

/// A path as a table of them shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathEntry {
    /// To whom.
    pub destination: DestinationHash,
    /// Hops to the destination; 1 is a direct neighbour, 0 a program on this machine.
    pub hops: u8,
    /// The transport in between; none for a direct neighbour.
    pub next_hop: Option<IdentityHash>,
    /// The interface that leads there, which may be down.
    pub interface: InterfaceId,
    /// Its last use.
    pub used: UnixTime,
    /// Until when a longer path that is not newer does not replace it.
    pub expires: UnixTime,
}

impl Node {
    /// All paths that are known, in order of their destinations. A scan of the table.
    pub fn paths(&self, now: Instant) -> Vec<PathEntry> {
        let unix = self.unix_time(now);
        let entry = |(destination, interface, path): (DestinationHash, InterfaceId, SavedPath)| {
            let SavedPath { hops, next_hop, used, expires, .. } = path;
            let (used, expires) = (unix - now.since(used), unix + expires.since(now));
            PathEntry { destination, hops, next_hop, interface, used, expires }
        };
        let mut paths: Vec<PathEntry> = self.transport.paths.saved().map(entry).collect();
        paths.sort_unstable_by_key(|path| path.destination);
        paths
    }

    /// Takes back what an interface used of its air time before the start, for when it is attached. What was used longer than
    /// an hour ago, by the wall clock, does not count; if the clock went back, all does.
    pub fn add_airtime(&mut self, now: Instant, record: AirtimeRecord) {
        let AirtimeRecord { interface, at, used_us, reserved } = record;
        let age = self.unix_time(now).since(at);
        let budget = Budget::restore(now, age, &used_us, reserved);
        self.transport.interfaces.rest(interface, Box::new(budget));
    }

    /// The next interface's use of its air time, to be made durable before it sends on.
    pub(super) fn reserve_airtime(&mut self) -> Option<Output> {
        let (interface, at, used) = self.transport.interfaces.begin_reserve()?;
        let AirtimeUse { name, used_us, reserved } = used;
        let at = self.clock + at.since(self.clock_at);
        let record = AirtimeRecord { interface: name.to_owned(), at, used_us, reserved };
        self.persist_id += 1;
        let id = PersistId(self.persist_id);
        self.reserving.insert(id, interface);
        Some(Output::Persist(Persist::Airtime { id, record }))
    }

    /// Takes back a path of before the start: with its interface, once that is attached, or with its tunnel. False if it is
    /// malformed, contradicts what is known, or was not used for a week.
    pub fn add_path(&mut self, now: Instant, record: PathRecord) -> bool {
        let unix = self.unix_time(now);
        let Some(introduction) = introduction(&record.announce, record.destination) else { return false };
        let keys = introduction.identity.to_bytes();
        if record.blobs.is_empty()
            || unix.since(record.used) > UNUSED_MAX
            || self.destinations.contains(&record.destination)
            || self.transport.blackhole.contains_key(&keys)
            || self.transport.peers.contradicts(&record.destination, &keys)
        {
            return false;
        }
        let PathRecord { destination, place, hops, next_hop, used, expires, blobs, .. } = record;
        self.transport.peers.learn(used.min(unix), destination, introduction);
        let path = SavedPath {
            hops,
            next_hop,
            used: now - unix.since(used),
            expires: now + expires.since(unix),
            blobs,
        };
        self.transport.add_dormant(now, place, destination, path);
        true
    }

    /// Hands out all paths to be saved, as when the node ends. Does nothing if it does not forward for others.
    pub fn save_paths(&mut self, now: Instant) {
        if self.transport.forwards() {
            self.begin_saving(now);
            while self.save_chunk(now) {}
            self.timers.cancel(&Timer::SavePaths);
        }
    }

    /// A path changed: it is to be saved in a while.
    pub(super) fn plan_saving(&mut self, now: Instant) {
        if self.transport.forwards() && self.timers.deadline(&Timer::SavePaths).is_none() {
            let at = self.saving.last.map_or(now + FIRST_AFTER, |last| (last + INTERVAL).max(now));
            self.timers.set(Timer::SavePaths, at);
        }
    }

    /// It is time to save, or to go on with it.
    pub(super) fn advance_saving(&mut self, now: Instant) {
        if self.saving.rest.len() == 0 {
            self.begin_saving(now);
        }
        if self.save_chunk(now) {
            self.timers.set(Timer::SavePaths, now);
        }
    }

    fn begin_saving(&mut self, now: Instant) {
        let paths: Vec<_> = self.transport.saved_paths().collect();
        self.saving = Saving { rest: paths.into_iter(), first: true, last: Some(now) };
    }

    /// Hands out the next records; whether there are more.
    fn save_chunk(&mut self, now: Instant) -> bool {
        let paths: Vec<_> = self.saving.rest.by_ref().take(CHUNK).collect();
        let records = paths.into_iter().filter_map(|path| self.path_record(now, path)).collect();
        let first = std::mem::take(&mut self.saving.first);
        self.outputs.push_back(Output::Persist(Persist::Paths { first, records }));
        let more = self.saving.rest.len() > 0;
        if !more {
            self.saving.rest = Vec::new().into_iter();
        }
        more
    }

    /// None if the announce was forgotten.
    fn path_record(&self, now: Instant, (destination, place, path): PathToSave) -> Option<PathRecord> {
        let unix = self.unix_time(now);
        let mut announce = Vec::new();
        let peer = self.transport.peers.peer(&destination)?;
        let SavedPath { hops, next_hop, used, expires, mut blobs } = path;
        blobs.drain(..blobs.len().saturating_sub(BLOBS_SAVED_MAX));
        let (used, expires) = (unix - now.since(used), unix + expires.since(now));
        peer.emit_announce(destination, |packet| packet.header, &mut announce).then_some(PathRecord {
            destination,
            place,
            hops,
            next_hop,
            used,
            expires,
            blobs,
            announce,
        })
    }
}

/// What an announce that we saved says. It was believed once, so its signature is not checked again.
fn introduction(frame: &[u8], destination: DestinationHash) -> Option<Introduction> {
    let packet = Packet::parse(frame).ok()?;
    let announce = Announce::parse(&packet).ok().filter(|announce| announce.destination == destination)?;
    Some(Introduction {
        identity: PublicIdentity::from_bytes(announce.identity)?.into(),
        app_data: announce.app_data.map(<[u8]>::to_vec),
        ratchet: announce.ratchet,
        emitted_s: announce.emission_secs(),
        signed: Signed {
            name_hash: announce.name_hash,
            random_blob: announce.random_blob,
            signature: *announce.signature,
            has_ratchet: announce.ratchet.is_some(),
        },
    })
}
