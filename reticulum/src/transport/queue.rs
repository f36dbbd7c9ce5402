//! What waits to be transmitted on one interface.
//!
//! Ordered by [`Priority`], then by age. Bounded in frames and bytes: the newest of the least urgent frames makes
//! room, which may be the one that comes in. A frame that waited too long is dropped when its turn comes. An announce
//! replaces one of the same destination and kind that still waits; an answer to a path request does not replace an
//! ordinary announce, since nobody would pass it on.
//!
//! Of packets that wait for a proof it is told when they left, so that the wait does not begin before.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::hash::{DestinationHash, ProofAddress};
use crate::node::Priority;
use crate::time::Instant;

/// Beyond this, a frame of a session only confuses: its other end has given up or repeated it.
const SESSION_LIFETIME: Duration = Duration::from_secs(60);
/// The same for messages and bulk, whose senders wait for minutes on slow media.
const DATA_LIFETIME: Duration = Duration::from_secs(600);
/// The same for announces (`spec/reticulum.md` 1.3).
const ANNOUNCE_LIFETIME: Duration = Duration::from_secs(3 * 3600);

/// Which announces replace each other: those of one destination, if both or neither answer a path request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AnnounceKey {
    pub(crate) destination: DestinationHash,
    pub(crate) path_response: bool,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queued {
    /// It waits.
    Yes,
    /// It waits in place of an older announce of its destination.
    Replacing,
    /// It waits, and this many others were dropped.
    Dropping(u32),
    /// There was no room.
    No,
}

/// A packet that waits for a proof is no longer in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// What its proof is addressed to.
    pub(crate) address: ProofAddress,
    /// Whether it was handed to the medium; otherwise it was dropped.
    pub(crate) sent: bool,
}

/// What a frame is known by while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    None,
    Announce(AnnounceKey),
    /// Something is told when it leaves.
    Proven(ProofAddress),
}

#[derive(Debug)]
struct Frame {
    packet: Vec<u8>,
    since: Instant,
    expires: Instant,
    tag: Tag,
}

type Place = (Priority, u64);

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue {
    frames: BTreeMap<Place, Frame>,
    announces: HashMap<AnnounceKey, Place>,
    /// As many as there can be frames; drained after every call.
    left: Vec<Left>,
    bytes: usize,
    turn: u64,
    frames_max: usize,
    bytes_max: usize,
    /// Frames and bytes that were dropped for want of room or time.
    lost: (u64, u64),
}

impl Queue {
    /// An empty queue with its bounds.
    pub(crate) fn new(frames_max: usize, bytes_max: usize) -> Self {
        let (frames, announces, left) = (BTreeMap::new(), HashMap::new(), Vec::new());
        Self { frames, announces, left, bytes: 0, turn: 0, frames_max, bytes_max, lost: (0, 0) }
    }

    /// Adds a packet.
    pub(crate) fn push(&mut self, now: Instant, packet: Vec<u8>, priority: Priority) -> Queued {
        self.insert(now, packet, priority, Tag::None)
    }

    /// Adds a packet that waits for a proof to this address.
    pub(crate) fn push_proven(
        &mut self,
        now: Instant,
        packet: Vec<u8>,
        priority: Priority,
        address: ProofAddress,
    ) -> Queued {
        self.insert(now, packet, priority, Tag::Proven(address))
    }

    /// What proves the packet that was taken last, if [`Self::take_left`] has not told yet that it left.
    pub(crate) fn sent_now(&self) -> Option<ProofAddress> {
        self.left.last().filter(|left| left.sent).map(|left| left.address)
    }

    /// Takes what left since the last call, of what waits for proofs.
    pub(crate) fn take_left(&mut self) -> impl Iterator<Item = Left> + '_ {
        self.left.drain(..)
    }

    /// Adds an announce in place of one that still waits. Whoever asked for a path waits to speak, so answers are more
    /// urgent.
    pub(crate) fn push_announce(&mut self, now: Instant, packet: Vec<u8>, key: AnnounceKey) -> Queued {
        let old = self.announces.get(&key).copied();
        let replaced = old.is_some_and(|place| self.take(place).is_some());
        let priority = if key.path_response { Priority::Reply } else { Priority::Announce };
        match self.insert(now, packet, priority, Tag::Announce(key)) {
            Queued::Yes if replaced => Queued::Replacing,
            queued => queued,
        }
    }

    /// Priority and length of the next packet; drops those that waited too long, and counts them in `stale`.
    pub(crate) fn next(&mut self, now: Instant, stale: &mut u64) -> Option<(Priority, usize)> {
        while let Some((&place, frame)) = self.frames.first_key_value() {
            if frame.expires > now {
                return Some((place.0, frame.packet.len()));
            }
            self.lose(place);
            *stale += 1;
        }
        None
    }

    /// Length of the next packet, as far as it did not wait too long.
    pub(crate) fn first_len(&self) -> Option<usize> {
        self.frames.first_key_value().map(|(_, frame)| frame.packet.len())
    }

    /// Takes the next packet; counts in `stale` those that waited too long.
    pub(crate) fn pop(&mut self, now: Instant, stale: &mut u64) -> Option<Vec<u8>> {
        self.next(now, stale)?;
        let (&place, _) = self.frames.first_key_value()?;
        let frame = self.take(place)?;
        if let Tag::Proven(_) = frame.tag
            && let Some(left) = self.left.last_mut()
        {
            left.sent = true;
        }
        Some(frame.packet)
    }

    /// Since when the oldest frame waits that is no announce: those are meant to wait.
    pub(crate) fn oldest_since(&self) -> Option<Instant> {
        let classes = [Priority::Link, Priority::Message, Priority::Reply, Priority::History];
        let firsts = classes.map(|class| self.frames.range((class, 0)..=(class, u64::MAX)).next());
        firsts.into_iter().flatten().map(|(_, frame)| frame.since).min()
    }

    /// Frames that are as urgent as a message or more, counted up to a few: it is asked often.
    pub(crate) fn urgent_len(&self) -> usize {
        const COUNTED_MAX: usize = 16;
        self.frames.range(..=(Priority::Message, u64::MAX)).take(COUNTED_MAX).count()
    }

    /// Drops everything; returns how many frames that were.
    pub(crate) fn clear(&mut self) -> usize {
        let dropped = self.frames.len();
        while self.drop_last() {}
        dropped
    }

    /// Drops the newest of the least urgent frames; `false` if none waits.
    pub(crate) fn drop_last(&mut self) -> bool {
        let last = self.frames.last_key_value().map(|(&last, _)| last);
        last.is_some_and(|last| self.lose(last))
    }

    /// Frames and bytes that were dropped for want of room or time.
    pub(crate) fn lost(&self) -> (u64, u64) {
        self.lost
    }

    /// Bytes that wait.
    pub(crate) fn byte_len(&self) -> usize {
        self.bytes
    }

    /// Number of frames that wait.
    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    fn insert(&mut self, now: Instant, packet: Vec<u8>, priority: Priority, tag: Tag) -> Queued {
        self.turn += 1;
        let place = (priority, self.turn);
        let mut dropped = 0;
        while self.frames.len() >= self.frames_max || self.bytes + packet.len() > self.bytes_max {
            match self.frames.last_key_value() {
                Some((&last, _)) if last > place => self.lose(last),
                _ => {
                    self.note_left(tag);
                    self.count_lost(packet.len());
                    return Queued::No;
                }
            };
            dropped += 1;
        }
        self.bytes += packet.len();
        if let Tag::Announce(key) = tag {
            self.announces.insert(key, place);
        }
        self.frames.insert(place, Frame { packet, since: now, expires: now + lifetime(priority), tag });
        if dropped == 0 { Queued::Yes } else { Queued::Dropping(dropped) }
    }

    /// Drops a frame that was not sent; whether it was there.
    fn lose(&mut self, place: Place) -> bool {
        let frame = self.take(place);
        if let Some(frame) = &frame {
            self.count_lost(frame.packet.len());
        }
        frame.is_some()
    }

    fn count_lost(&mut self, len: usize) {
        self.lost.0 += 1;
        self.lost.1 += len as u64;
    }

    fn take(&mut self, place: Place) -> Option<Frame> {
        let frame = self.frames.remove(&place)?;
        self.bytes -= frame.packet.len();
        if let Tag::Announce(key) = frame.tag {
            self.announces.remove(&key);
        }
        self.note_left(frame.tag);
        Some(frame)
    }

    fn note_left(&mut self, tag: Tag) {
        if let Tag::Proven(address) = tag {
            self.left.push(Left { address, sent: false });
        }
    }
}

fn lifetime(priority: Priority) -> Duration {
    match priority {
        Priority::Link => SESSION_LIFETIME,
        Priority::Message | Priority::Reply | Priority::History => DATA_LIFETIME,
        Priority::Announce => ANNOUNCE_LIFETIME,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::ZERO;

    fn announce(n: u8, path_response: bool) -> AnnounceKey {
        AnnounceKey { destination: DestinationHash::new([n; 16]), path_response }
    }

    fn drain(queue: &mut Queue, now: Instant) -> (Vec<Vec<u8>>, u64) {
        let mut stale = 0;
        let frames = std::iter::from_fn(|| queue.pop(now, &mut stale)).collect();
        (frames, stale)
    }

    #[test]
    fn urgent_frames_go_first_and_equals_in_order() {
        let mut queue = Queue::new(10, 1000);
        queue.push(NOW, vec![1], Priority::History);
        queue.push(NOW, vec![2], Priority::Message);
        queue.push_announce(NOW, vec![3], announce(0, false));
        queue.push(NOW, vec![4], Priority::Message);
        queue.push(NOW, vec![5], Priority::Link);
        assert_eq!(drain(&mut queue, NOW), (vec![vec![5], vec![2], vec![4], vec![1], vec![3]], 0));
    }

    #[test]
    fn stale_frames_are_dropped() {
        let mut queue = Queue::new(10, 1000);
        queue.push(NOW, vec![1], Priority::Link);
        queue.push(NOW, vec![2], Priority::Message);
        assert_eq!(drain(&mut queue, NOW + SESSION_LIFETIME), (vec![vec![2]], 1));
    }

    #[test]
    fn it_is_told_when_what_waits_for_a_proof_leaves_and_how() {
        let address = |n| ProofAddress::new([n; 16]);
        let mut queue = Queue::new(2, 1000);
        queue.push_proven(NOW, vec![1], Priority::Message, address(1));
        queue.push_proven(NOW, vec![2], Priority::Message, address(2));
        assert_eq!(queue.take_left().count(), 0, "both wait");
        queue.pop(NOW, &mut 0);
        assert_eq!(queue.take_left().collect::<Vec<_>>(), [Left { address: address(1), sent: true }]);
        queue.push_proven(NOW, vec![3], Priority::Message, address(3));
        queue.push_proven(NOW, vec![4], Priority::Message, address(4));
        let dropped = |n| Left { address: address(n), sent: false };
        assert_eq!(queue.take_left().collect::<Vec<_>>(), [dropped(4)], "there was no room");
        queue.pop(NOW + DATA_LIFETIME, &mut 0);
        assert_eq!(queue.take_left().collect::<Vec<_>>(), [dropped(2), dropped(3)], "they went stale");
        queue.push_proven(NOW, vec![5], Priority::Message, address(5));
        queue.clear();
        assert_eq!(queue.take_left().collect::<Vec<_>>(), [dropped(5)]);
    }

    #[test]
    fn the_newest_of_the_least_urgent_makes_room() {
        let mut queue = Queue::new(10, 100);
        assert_eq!(queue.push(NOW, vec![1; 40], Priority::History), Queued::Yes);
        assert_eq!(queue.push(NOW, vec![2; 40], Priority::History), Queued::Yes);
        assert_eq!(queue.push(NOW, vec![3; 40], Priority::History), Queued::No);
        assert_eq!(queue.push(NOW, vec![4; 40], Priority::Message), Queued::Dropping(1));
        assert_eq!(drain(&mut queue, NOW).0, vec![vec![4; 40], vec![1; 40]]);
        assert_eq!(queue.bytes, 0);

        let mut queue = Queue::new(2, 100);
        for n in 0..5 {
            queue.push(NOW, vec![n], Priority::Message);
        }
        assert_eq!(drain(&mut queue, NOW).0, vec![vec![0], vec![1]]);
    }

    #[test]
    fn announces_are_merged_per_destination() {
        let mut queue = Queue::new(10, 100);
        let to = |n| announce(n, false);
        queue.push_announce(NOW, vec![1], to(1));
        queue.push_announce(NOW, vec![2], to(2));
        assert_eq!(queue.push_announce(NOW, vec![3], to(1)), Queued::Replacing);
        assert_eq!(drain(&mut queue, NOW).0, vec![vec![2], vec![3]]);
        assert_eq!(queue.push_announce(NOW, vec![4], to(1)), Queued::Yes, "nothing waits any more");
        assert_eq!(
            queue.push_announce(NOW, vec![6], announce(1, true)),
            Queued::Yes,
            "an answer is of another kind"
        );
        assert_eq!(queue.pop(NOW, &mut 0), Some(vec![6]), "and more urgent");
        assert_eq!(queue.clear(), 1);
        assert_eq!(queue.push_announce(NOW, vec![5], to(1)), Queued::Yes);
    }
}
