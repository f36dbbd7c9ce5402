//! What waits to be transmitted on one interface.
//!
//! Ordered by [`Priority`], then by age. Bounded in frames and bytes: the newest of the least urgent frames makes
//! room, which may be the one that comes in. A frame that waited too long is dropped when its turn comes. An announce
//! replaces one of the same destination and kind that still waits; an answer to a path request does not replace an
//! ordinary announce, since nobody would pass it on. Where frames wait for long, `merging` tells what else stands for each
//! other, and what goes when its link does.
//!
//! Of packets that wait for a proof it is told when they left, so that the wait does not begin before.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::merging::{Key, link_of};
use crate::hash::{DestinationHash, LinkId, ProofAddress};
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
    /// What waits already stands for it.
    Merged,
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
    Key(Key),
    /// Something is told when it leaves.
    Proven(ProofAddress),
}

#[derive(Debug)]
struct Frame {
    packet: Vec<u8>,
    since: Instant,
    expires: Instant,
    tag: Tag,
    /// The link that it belongs to, where that counts.
    link: Option<LinkId>,
}

type Place = (Priority, u64);

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue {
    frames: BTreeMap<Place, Frame>,
    keys: HashMap<Key, Place>,
    /// Frames of each link, where that counts.
    links: BTreeSet<(LinkId, Place)>,
    /// Whether frames wait for long, so that it pays to compare them.
    is_slow: bool,
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
    /// An empty queue with its bounds. In that of a slow medium frames are compared.
    pub(crate) fn new(frames_max: usize, bytes_max: usize, is_slow: bool) -> Self {
        Self {
            frames: BTreeMap::new(),
            keys: HashMap::new(),
            links: BTreeSet::new(),
            is_slow,
            left: Vec::new(),
            bytes: 0,
            turn: 0,
            frames_max,
            bytes_max,
            lost: (0, 0),
        }
    }

    /// Adds a packet.
    pub(crate) fn push(&mut self, now: Instant, packet: Vec<u8>, priority: Priority) -> Queued {
        if !self.is_slow {
            return self.insert(now, packet, priority, Tag::None);
        }
        let key = Key::of(&packet);
        let waiting = self.keys.get(&key).and_then(|place| Some((place, self.frames.get_mut(place)?)));
        if let Some((place, frame)) = waiting {
            frame.expires = now + lifetime(place.0);
            return Queued::Merged;
        }
        self.insert(now, packet, priority, Tag::Key(key))
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
        let tag = Key::Announce(key);
        let old = self.keys.get(&tag).copied();
        let replaced = old.is_some_and(|place| self.take(place).is_some());
        let priority = if key.path_response { Priority::Reply } else { Priority::Announce };
        match self.insert(now, packet, priority, Tag::Key(tag)) {
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

    /// A link is no more: drops what waits of it; returns how many frames that were. Its close stays.
    pub(crate) fn drop_link(&mut self, link: &LinkId) -> usize {
        let of_link = (*link, (Priority::Link, 0))..=(*link, (Priority::Announce, u64::MAX));
        let places: Vec<Place> = self.links.range(of_link).map(|(_, place)| *place).collect();
        places.iter().filter(|place| self.lose(**place)).count()
    }

    /// A path is known: drops the request for it that waits; whether there was one.
    pub(crate) fn drop_path_request(&mut self, destination: &DestinationHash) -> bool {
        let place = self.keys.get(&Key::PathRequest(*destination)).copied();
        place.is_some_and(|place| self.lose(place))
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
        if let Tag::Key(key) = tag {
            self.keys.insert(key, place);
        }
        let link = self.is_slow.then(|| link_of(&packet)).flatten();
        self.links.extend(link.map(|link| (link, place)));
        self.frames.insert(place, Frame { packet, since: now, expires: now + lifetime(priority), tag, link });
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
        if let Tag::Key(key) = frame.tag {
            self.keys.remove(&key);
        }
        if let Some(link) = frame.link {
            self.links.remove(&(link, place));
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
        let mut queue = Queue::new(10, 1000, false);
        queue.push(NOW, vec![1], Priority::History);
        queue.push(NOW, vec![2], Priority::Message);
        queue.push_announce(NOW, vec![3], announce(0, false));
        queue.push(NOW, vec![4], Priority::Message);
        queue.push(NOW, vec![5], Priority::Link);
        assert_eq!(drain(&mut queue, NOW), (vec![vec![5], vec![2], vec![4], vec![1], vec![3]], 0));
    }

    #[test]
    fn stale_frames_are_dropped() {
        let mut queue = Queue::new(10, 1000, false);
        queue.push(NOW, vec![1], Priority::Link);
        queue.push(NOW, vec![2], Priority::Message);
        assert_eq!(drain(&mut queue, NOW + SESSION_LIFETIME), (vec![vec![2]], 1));
    }

    #[test]
    fn it_is_told_when_what_waits_for_a_proof_leaves_and_how() {
        let address = |n| ProofAddress::new([n; 16]);
        let mut queue = Queue::new(2, 1000, false);
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
        let mut queue = Queue::new(10, 100, false);
        assert_eq!(queue.push(NOW, vec![1; 40], Priority::History), Queued::Yes);
        assert_eq!(queue.push(NOW, vec![2; 40], Priority::History), Queued::Yes);
        assert_eq!(queue.push(NOW, vec![3; 40], Priority::History), Queued::No);
        assert_eq!(queue.push(NOW, vec![4; 40], Priority::Message), Queued::Dropping(1));
        assert_eq!(drain(&mut queue, NOW).0, vec![vec![4; 40], vec![1; 40]]);
        assert_eq!(queue.bytes, 0);

        let mut queue = Queue::new(2, 100, false);
        for n in 0..5 {
            queue.push(NOW, vec![n], Priority::Message);
        }
        assert_eq!(drain(&mut queue, NOW).0, vec![vec![0], vec![1]]);
    }

    #[test]
    fn announces_are_merged_per_destination() {
        let mut queue = Queue::new(10, 100, false);
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

    use crate::hash::IdentityHash;
    use crate::wire::{Context, Packet, PacketType};

    fn frame(packet: Packet<'_>) -> Vec<u8> {
        let mut frame = Vec::new();
        packet.emit(&mut frame);
        frame
    }

    fn path_request(to: u8, tag: u8) -> Vec<u8> {
        let own = IdentityHash::new([9; 16]);
        let (destination, tag) = (DestinationHash::new([to; 16]), [tag; 16]);
        let body = super::super::PathRequest { destination, requester: Some(own), tag: &tag }.body();
        frame(Packet::plain(super::super::path_request_destination(), Context::NONE, &body))
    }

    fn on_link(link: u8, context: Context, body: &[u8]) -> Vec<u8> {
        frame(Packet::link(LinkId::new([link; 16]), context, body))
    }

    fn proof_on_link(link: u8, body: &[u8]) -> Vec<u8> {
        let mut packet = Packet::link(LinkId::new([link; 16]), Context::NONE, body);
        packet.header.packet_type = PacketType::Proof;
        frame(packet)
    }

    #[test]
    fn on_a_slow_medium_one_frame_stands_for_those_that_say_the_same() {
        let single = |body| frame(Packet::single(DestinationHash::new([1; 16]), Context::NONE, &[body; 40]));
        let part = |body| on_link(1, Context::RESOURCE, &[body; 40]);
        let rows = [
            ("path requests of two tags", path_request(1, 1), path_request(1, 2), true),
            ("path requests for two destinations", path_request(1, 1), path_request(2, 1), false),
            (
                "keep-alives",
                on_link(1, Context::KEEPALIVE, &[0xff]),
                on_link(1, Context::KEEPALIVE, &[0xff]),
                true,
            ),
            (
                "a keep-alive and its answer, relayed",
                on_link(1, Context::KEEPALIVE, &[0xff]),
                on_link(1, Context::KEEPALIVE, &[0xfe]),
                false,
            ),
            (
                "keep-alives of two links",
                on_link(1, Context::KEEPALIVE, &[0xff]),
                on_link(2, Context::KEEPALIVE, &[0xff]),
                false,
            ),
            (
                "proofs of a packet that came twice",
                proof_on_link(1, &[5; 96]),
                proof_on_link(1, &[5; 96]),
                true,
            ),
            ("proofs of two packets", proof_on_link(1, &[5; 96]), proof_on_link(1, &[6; 96]), false),
            ("a part that was asked for twice", part(1), part(1), true),
            ("two parts", part(1), part(2), false),
            ("two packets for one destination", single(1), single(2), false),
        ];
        for (what, first, second, one_for_both) in rows {
            for is_slow in [true, false] {
                let mut queue = Queue::new(10, 1000, is_slow);
                assert_eq!(queue.push(NOW, first.clone(), Priority::Link), Queued::Yes);
                let expected = if one_for_both && is_slow { Queued::Merged } else { Queued::Yes };
                assert_eq!(
                    queue.push(NOW, second.clone(), Priority::Link),
                    expected,
                    "{what}, slow: {is_slow}"
                );
                assert_eq!(queue.pop(NOW, &mut 0), Some(first.clone()), "the first keeps its place");
                assert_eq!(queue.len(), usize::from(expected == Queued::Yes));
            }
        }
    }

    #[test]
    fn what_stands_for_a_newer_frame_waits_as_long_as_that_would() {
        let mut queue = Queue::new(10, 1000, true);
        queue.push(NOW, path_request(1, 1), Priority::Link);
        let later = NOW + SESSION_LIFETIME / 2;
        assert_eq!(queue.push(later, path_request(1, 2), Priority::Link), Queued::Merged);
        let (frames, stale) = drain(&mut queue, NOW + SESSION_LIFETIME);
        assert_eq!((frames, stale), (vec![path_request(1, 1)], 0));
        assert_eq!(queue.push(later, path_request(1, 2), Priority::Link), Queued::Yes, "none waits any more");
    }

    #[test]
    fn what_waits_of_a_link_that_is_no_more_goes_except_its_close() {
        let mut queue = Queue::new(10, 2000, true);
        let mut request = Packet::single(DestinationHash::new([3; 16]), Context::NONE, &[1; 64]);
        request.header.packet_type = PacketType::LinkRequest;
        let link = request.link_id_of_request().expect("it is a request");
        let of_link =
            |context, body| frame(Packet { header: Packet::link(link, context, body).header, data: body });
        let close = of_link(Context::LINK_CLOSE, &[7; 40]);
        let other = on_link(8, Context::NONE, &[1; 40]);
        let frames = [
            frame(request),
            of_link(Context::NONE, &[2; 40]),
            of_link(Context::KEEPALIVE, &[0xff]),
            close.clone(),
            other.clone(),
        ];
        for (frame, priority) in frames.into_iter().zip([
            Priority::Link,
            Priority::History,
            Priority::Link,
            Priority::Link,
            Priority::Message,
        ]) {
            queue.push(NOW, frame, priority);
        }
        assert_eq!(queue.drop_link(&link), 3);
        assert_eq!(queue.drop_link(&link), 0);
        assert_eq!(drain(&mut queue, NOW), (vec![close, other], 0));
        assert_eq!((queue.links.len(), queue.keys.len(), queue.bytes), (0, 0, 0));
    }

    #[test]
    fn a_path_request_goes_when_the_path_is_known() {
        let mut queue = Queue::new(10, 1000, true);
        queue.push(NOW, path_request(1, 1), Priority::Link);
        queue.push(NOW, path_request(2, 1), Priority::Link);
        assert!(queue.drop_path_request(&DestinationHash::new([1; 16])));
        assert!(!queue.drop_path_request(&DestinationHash::new([1; 16])));
        assert_eq!(drain(&mut queue, NOW), (vec![path_request(2, 1)], 0));
    }
}
