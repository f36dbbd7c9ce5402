//! Whom we have heard: keys, app_data and ratchet of each announced destination.
//!
//! At most `max` peers are remembered; the one longest neither heard nor used makes room. Peers that the application
//! retains are beside that bound and never make room: only the application adds to them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::aged::Aged;
use crate::crypto::{PublicIdentity, RatchetPublic};
use crate::hash::{DestinationHash, IdentityHash, NameHash};
use crate::node::PeerRecord;
use crate::time::UnixTime;
use crate::wire::{Announce, Context, Header, Packet};

/// The lines of the table.
const EVICTABLE: u8 = 0;
const RETAINED: u8 = 1;
/// A ratchet is not used longer than this after we heard it (`spec/reticulum.md` 2.7).
const RATCHET_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// A destination that announced itself.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its keys.
    pub identity: Arc<PublicIdentity>,
    /// The application's part of its newest announce.
    pub app_data: Option<Vec<u8>>,
    /// Its newest ratchet, and when we heard it.
    pub ratchet: Option<(RatchetPublic, UnixTime)>,
    /// When it was last heard.
    pub heard: UnixTime,
    /// Emission time of its newest announce, unix seconds of its clock.
    pub emitted_s: u64,
    /// What its newest announce has beside all that, if we pass announces on.
    signed: Option<Box<Signed>>,
}

/// What an announce has that is of use only to pass it on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed {
    pub(crate) name_hash: NameHash,
    pub(crate) random_blob: [u8; 10],
    pub(crate) signature: [u8; 64],
    pub(crate) has_ratchet: bool,
}

impl Peer {
    /// The ratchet to seal to, if there is one that has not expired.
    pub fn ratchet_at(&self, now: UnixTime) -> Option<RatchetPublic> {
        self.ratchet.filter(|(_, heard)| now.since(*heard) <= RATCHET_LIFETIME).map(|(ratchet, _)| ratchet)
    }

    /// Whether its newest announce can be passed on.
    pub(crate) fn keeps_announce(&self) -> bool {
        self.signed.is_some()
    }

    /// Appends its newest announce as a frame, under the header that `adapt` makes. False if it is not kept.
    pub(crate) fn emit_announce(
        &self,
        destination: DestinationHash,
        adapt: impl FnOnce(Packet<'_>) -> Header,
        frame: &mut Vec<u8>,
    ) -> bool {
        let Some(signed) = &self.signed else { return false };
        let ratchet = self.ratchet.as_ref().map(|(ratchet, _)| *ratchet).filter(|_| signed.has_ratchet);
        let data = Announce {
            destination,
            identity: &self.identity.to_bytes(),
            name_hash: signed.name_hash,
            random_blob: signed.random_blob,
            ratchet,
            signature: &signed.signature,
            app_data: self.app_data.as_deref(),
        }
        .data();
        let packet = Packet::announce(destination, Context::NONE, signed.has_ratchet, &data);
        Packet { header: adapt(packet), ..packet }.emit(frame);
        true
    }

    fn record(&self, destination: DestinationHash) -> PeerRecord {
        PeerRecord {
            destination,
            identity: self.identity.to_bytes(),
            app_data: self.app_data.clone(),
            ratchet: self.ratchet.map(|(ratchet, heard)| (*ratchet.as_bytes(), heard)),
            heard: self.heard,
            emitted_s: self.emitted_s,
        }
    }
}

/// What a valid announce says about its destination.
#[derive(Clone, Debug)]
pub(crate) struct Introduction {
    pub(crate) identity: Arc<PublicIdentity>,
    pub(crate) app_data: Option<Vec<u8>>,
    pub(crate) ratchet: Option<RatchetPublic>,
    pub(crate) emitted_s: u64,
    pub(crate) signed: Signed,
}

/// What became of an [`Introduction`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Learned {
    /// Remembered.
    Yes,
    /// Remembered, and another peer made room.
    Evicting,
    /// Older than what we know; nothing was taken from it.
    Older,
}

/// The table of peers.
#[derive(Debug)]
pub(crate) struct Peers {
    peers: Aged<Peer>,
    retained: HashSet<DestinationHash>,
    keeps_announces: bool,
    max: usize,
}

impl Peers {
    /// A table of at most `max` peers, beside those retained.
    pub(crate) fn new(max: usize) -> Self {
        Self { peers: Aged::default(), retained: HashSet::new(), keeps_announces: false, max: max.max(1) }
    }

    /// Keeps from now on what it takes to pass announces on.
    pub(crate) fn keep_announces(&mut self) {
        self.keeps_announces = true;
    }

    /// The peer at `destination`.
    pub(crate) fn peer(&self, destination: &DestinationHash) -> Option<&Peer> {
        self.peers.get(destination)
    }

    /// Whether `destination` is known with another key.
    pub(crate) fn contradicts(&self, destination: &DestinationHash, identity: &[u8; 64]) -> bool {
        self.peers.get(destination).is_some_and(|peer| peer.identity.to_bytes() != *identity)
    }

    /// Remembers what an announce says, unless it is older than what we know (a replay must not roll back a
    /// ratchet). An announce without a ratchet does not clear the one we know.
    pub(crate) fn learn(
        &mut self,
        unix: UnixTime,
        destination: DestinationHash,
        new: Introduction,
    ) -> Learned {
        let known = self.peers.get(&destination);
        if known.is_some_and(|peer| new.emitted_s < peer.emitted_s) {
            self.touch(&destination);
            return Learned::Older;
        }
        let ratchet = new.ratchet.map(|ratchet| (ratchet, unix)).or(known.and_then(|peer| peer.ratchet));
        // One allocation a peer: keep sharing the keys that we have.
        let identity = known.map_or(new.identity, |peer| Arc::clone(&peer.identity));
        let Introduction { app_data, emitted_s, signed, .. } = new;
        let signed = self.keeps_announces.then(|| Box::new(signed));
        self.insert(destination, Peer { identity, app_data, ratchet, heard: unix, emitted_s, signed })
    }

    /// Restores what was persisted. False if its key is none, or it contradicts or is older than what we know.
    pub(crate) fn restore(&mut self, record: PeerRecord) -> bool {
        let Some(identity) = PublicIdentity::from_bytes(&record.identity) else { return false };
        let known = self.peers.get(&record.destination);
        if known.is_some_and(|peer| *peer.identity != identity || record.emitted_s < peer.emitted_s) {
            return false;
        }
        let ratchet = record.ratchet.map(|(ratchet, heard)| (RatchetPublic::from_bytes(ratchet), heard));
        let PeerRecord { destination, app_data, heard, emitted_s, .. } = record;
        let identity = Arc::new(identity);
        self.insert(destination, Peer { identity, app_data, ratchet, heard, emitted_s, signed: None });
        true
    }

    /// The destinations of an identity, in order. A scan of the table.
    pub(crate) fn of_identity(&self, identity: &IdentityHash) -> Vec<DestinationHash> {
        let theirs = self.peers.iter().filter(|(_, peer)| peer.identity.hash() == *identity);
        let mut destinations: Vec<_> = theirs.map(|(destination, _)| destination).collect();
        destinations.sort_unstable();
        destinations
    }

    /// Forgets a peer, unless it is retained.
    pub(crate) fn forget(&mut self, destination: &DestinationHash) {
        if !self.is_retained(destination) {
            self.peers.remove(destination);
        }
    }

    /// Notes that a peer was used.
    pub(crate) fn touch(&mut self, destination: &DestinationHash) {
        self.peers.touch(destination);
    }

    /// Keeps `destination` from making room for others, also if it is heard only later, or lets it.
    pub(crate) fn retain(&mut self, destination: DestinationHash, retain: bool) {
        if retain {
            self.retained.insert(destination);
            self.peers.set_line(&destination, RETAINED);
        } else if self.retained.remove(&destination) {
            self.peers.set_line(&destination, EVICTABLE);
            self.make_room();
        }
    }

    /// Number of peers that may have to make room.
    pub(crate) fn evictable(&self) -> usize {
        self.peers.line_len(EVICTABLE)
    }

    /// Whether `destination` is retained.
    pub(crate) fn is_retained(&self, destination: &DestinationHash) -> bool {
        self.retained.contains(destination)
    }

    /// What to persist of a retained peer; none of others.
    pub(crate) fn record(&self, destination: &DestinationHash) -> Option<PeerRecord> {
        let peer = self.peers.get(destination).filter(|_| self.is_retained(destination))?;
        Some(peer.record(*destination))
    }

    fn insert(&mut self, destination: DestinationHash, peer: Peer) -> Learned {
        let line = if self.is_retained(&destination) { RETAINED } else { EVICTABLE };
        self.peers.insert(destination, line, peer);
        self.make_room()
    }

    fn make_room(&mut self) -> Learned {
        if self.peers.line_len(EVICTABLE) <= self.max {
            return Learned::Yes;
        }
        if let Some((oldest, _)) = self.peers.oldest(EVICTABLE) {
            self.peers.remove(&oldest);
        }
        Learned::Evicting
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Identity, Rng};

    const DESTINATION: DestinationHash = DestinationHash::new([1; 16]);

    fn introduction(emitted_s: u64, app_data: &[u8], ratchet: Option<u8>) -> Introduction {
        let identity = Identity::generate(&mut Rng::from_seed([1; 32])).public().clone();
        let ratchet = ratchet.map(|n| RatchetPublic::from_bytes([n; 32]));
        let signed = Signed {
            name_hash: NameHash::new([1; 10]),
            random_blob: [2; 10],
            signature: [3; 64],
            has_ratchet: ratchet.is_some(),
        };
        let app_data = Some(app_data.to_vec());
        Introduction { identity: Arc::new(identity), app_data, ratchet, emitted_s, signed }
    }

    #[test]
    fn a_replay_rolls_nothing_back() {
        let mut peers = Peers::new(10);
        let at = UnixTime::from_secs;
        assert_eq!(peers.learn(at(1), DESTINATION, introduction(100, b"new", Some(2))), Learned::Yes);
        assert_eq!(peers.learn(at(2), DESTINATION, introduction(99, b"old", Some(1))), Learned::Older);
        let peer = peers.peer(&DESTINATION).unwrap();
        assert_eq!(peer.app_data.as_deref(), Some(&b"new"[..]));
        assert_eq!(peer.ratchet, Some((RatchetPublic::from_bytes([2; 32]), at(1))));
    }

    #[test]
    fn a_ratchet_is_sticky_and_expires() {
        let mut peers = Peers::new(10);
        peers.learn(UnixTime::from_secs(1), DESTINATION, introduction(100, b"", Some(2)));
        peers.learn(UnixTime::from_secs(50), DESTINATION, introduction(101, b"", None));
        let peer = peers.peer(&DESTINATION).unwrap();
        let end = UnixTime::from_secs(1) + RATCHET_LIFETIME;
        assert!(peer.ratchet_at(end).is_some());
        assert!(peer.ratchet_at(end + Duration::from_micros(1)).is_none());
    }

    #[test]
    fn the_least_recent_peer_makes_room_and_a_retained_one_never() {
        let mut peers = Peers::new(3);
        let to = |n| DestinationHash::new([n; 16]);
        peers.retain(to(0), true);
        for n in 0..4 {
            assert_eq!(peers.learn(UnixTime::default(), to(n), introduction(1, b"", None)), Learned::Yes);
        }
        peers.touch(&to(1));
        assert_eq!(peers.learn(UnixTime::default(), to(4), introduction(1, b"", None)), Learned::Evicting);
        assert!(peers.peer(&to(2)).is_none());
        for n in 5..100 {
            peers.learn(UnixTime::default(), to(n), introduction(1, b"", None));
        }
        assert!(peers.peer(&to(0)).is_some());
        assert_eq!(peers.peers.len(), 4);
        peers.retain(to(0), false);
        assert_eq!(peers.peers.len(), 3, "no longer retained, it counts and another makes room");
    }

    #[test]
    fn a_record_survives_the_round_trip_and_contradictions_are_seen() {
        let mut peers = Peers::new(3);
        peers.retain(DESTINATION, true);
        peers.learn(UnixTime::from_secs(9), DESTINATION, introduction(100, b"hello", Some(2)));
        let record = peers.record(&DESTINATION).unwrap();
        let mut restored = Peers::new(3);
        assert!(restored.restore(record.clone()));
        restored.retain(DESTINATION, true);
        assert_eq!(restored.record(&DESTINATION), Some(record.clone()));
        assert!(!restored.restore(PeerRecord { emitted_s: 99, ..record.clone() }), "older");
        assert!(!restored.contradicts(&DESTINATION, &record.identity));
        assert!(restored.contradicts(&DESTINATION, &[3; 64]));
        assert!(!restored.contradicts(&DestinationHash::new([5; 16]), &[3; 64]));
    }
}
