//! Older parts of the history that somebody reads at the moment, in memory: a page out of them costs no thread and no query.
//!
//! The history of a group is cut into stretches of so many numbers. One that had to be asked for twice is fetched as a whole
//! and put on the shelf, where it stays until the room is needed or an event changes what it says. The newest events are
//! [`Tail`](super::tail::Tail)'s.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::tail::{Taking, authors};
use crate::group::{Event, EventKind, GroupId, Roster, Seq};
use crate::store::{Filter, Page, PageRequest, Stretch, StretchId};

/// Bytes on the shelf, about; the stretch that was not read for longest goes first.
const BYTES_MAX: usize = 4 << 20;
/// Stretches that are remembered to have been asked for; the first goes first.
const MISSED_MAX: usize = 128;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    stretches: BTreeMap<(GroupId, StretchId), Shelved>,
    bytes: usize,
    /// Counts what is read, to tell what was not.
    reads: u64,
    missed: VecDeque<(GroupId, StretchId)>,
    /// The newest event of each group that changed what older ones say. Bounded as the groups are.
    disturbed: HashMap<GroupId, Seq>,
}

#[derive(Debug)]
struct Shelved {
    stretch: Stretch,
    last_read: u64,
}

impl Shelf {
    /// The page that the store would give, if all of it is here. As with the tail, `head` may be ahead of what is durable.
    pub(super) fn page(
        &mut self,
        group: GroupId,
        request: &PageRequest,
        roster: &Roster,
        head: Seq,
    ) -> Option<Page> {
        if request.filter != Filter::All || self.stretches.is_empty() {
            return None;
        }
        let (after, before) =
            (request.after.unwrap_or_default(), request.before.unwrap_or(Seq(head.0.saturating_add(1))));
        let forward = request.after.is_some();
        let mut taking = Taking::new(request);
        let (mut entries, mut read) = (Vec::new(), Vec::new());
        let mut next = Some(if forward {
            StretchId::of(Seq(after.0.saturating_add(1)))
        } else {
            StretchId::of(Seq(before.0.saturating_sub(1)))
        });
        while let Some(id) = next.filter(|id| taking.has_room() && id.first() < before && id.last() > after) {
            let shelved = self.stretches.get(&(group, id))?;
            read.push(id);
            let within = shelved.stretch.entries.iter().filter(|kept| {
                let seq = kept.entry.event.seq;
                after < seq && seq < before
            });
            let order: &mut dyn Iterator<Item = _> =
                if forward { &mut within.into_iter() } else { &mut within.rev() };
            for kept in order.take_while(|kept| taking.take(&kept.entry.event)) {
                if kept.depends_on_reader {
                    return None;
                }
                entries.push(kept.entry.clone());
            }
            next = if forward { Some(id.next()) } else { id.previous() };
        }
        if !forward {
            entries.reverse();
        }
        let authors = if request.with_authors { authors(&entries, roster)? } else { Vec::new() };
        self.reads += 1;
        for id in read {
            if let Some(shelved) = self.stretches.get_mut(&(group, id)) {
                shelved.last_read = self.reads;
            }
        }
        Some(Page { entries, authors, head })
    }

    /// Notes that a page had to be asked for. Returns the stretch that is worth being fetched for the next one.
    pub(super) fn miss(&mut self, group: GroupId, request: &PageRequest, head: Seq) -> Option<StretchId> {
        if request.filter != Filter::All {
            return None;
        }
        let begins = match (request.after, request.before) {
            (Some(after), _) => Seq(after.0.saturating_add(1)),
            (None, Some(before)) => Seq(before.0.saturating_sub(1)),
            (None, None) => return None,
        };
        let first = StretchId::of(begins);
        // A page that begins near the end of a stretch goes on in another.
        let beside = if request.after.is_some() { Some(first.next()) } else { first.previous() };
        let id = [Some(first), beside]
            .into_iter()
            .flatten()
            .find(|id| !self.stretches.contains_key(&(group, *id)))?;
        // The newest one is not complete.
        if id.last() > head {
            return None;
        }
        if let Some(at) = self.missed.iter().position(|missed| *missed == (group, id)) {
            self.missed.remove(at);
            return Some(id);
        }
        if self.missed.len() >= MISSED_MAX {
            self.missed.pop_front();
        }
        self.missed.push_back((group, id));
        None
    }

    /// Puts a stretch on the shelf, unless it is older than what changed it.
    pub(super) fn put(&mut self, group: GroupId, id: StretchId, stretch: Stretch) {
        let is_outdated = self.disturbed.get(&group).is_some_and(|seq| *seq > stretch.head);
        if is_outdated || stretch.head < id.last() || stretch.bytes > BYTES_MAX {
            return;
        }
        self.take(group, id);
        self.bytes += stretch.bytes;
        self.stretches.insert((group, id), Shelved { stretch, last_read: self.reads });
        while self.bytes > BYTES_MAX {
            let oldest = self.stretches.iter().min_by_key(|(_, shelved)| shelved.last_read);
            let Some((&(group, id), _)) = oldest else { return };
            self.take(group, id);
        }
    }

    /// An event happened. What it changes of older ones is read anew.
    pub(super) fn note(&mut self, group: GroupId, event: &Event) {
        match &event.kind {
            // Replies anywhere begin with what the message said.
            EventKind::Edited { .. } | EventKind::Deleted { .. } => self.clear(group),
            EventKind::Reacted { target, .. } | EventKind::Unreacted { target, .. } => {
                self.take(group, StretchId::of(*target));
            }
            _ => return,
        }
        self.disturbed.insert(group, event.seq);
    }

    /// A group is no more.
    pub(super) fn forget(&mut self, group: GroupId) {
        self.clear(group);
        self.disturbed.remove(&group);
    }

    fn clear(&mut self, group: GroupId) {
        let of_group = self.stretches.extract_if(.., |(of, _), _| *of == group);
        self.bytes -= of_group.map(|(_, shelved)| shelved.stretch.bytes).sum::<usize>();
    }

    fn take(&mut self, group: GroupId, id: StretchId) {
        if let Some(shelved) = self.stretches.remove(&(group, id)) {
            self.bytes -= shelved.stretch.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use reticulum::time::UnixTime;

    use super::*;
    use crate::group::{Post, Viewer};
    use crate::host::tail::Tail;
    use crate::store::{Entry, Stretched};

    const GROUP: GroupId = GroupId(1);
    const HEAD: Seq = Seq(400);

    fn post(seq: u64) -> Event {
        let post = Post { text: "0123456789".to_owned(), ..Post::default() };
        Event { seq: Seq(seq), time: UnixTime::from_secs(seq), actor: None, kind: EventKind::Posted(post) }
    }

    /// Without every fifth number, which is of an event that is no part of the history.
    fn posts(first: u64, last: u64) -> impl Iterator<Item = Event> {
        (first..=last).filter(|seq| seq % 5 != 0).map(post)
    }

    fn stretch(id: StretchId, head: Seq) -> Stretch {
        let entries = posts(id.first().0, id.last().0).map(Entry::from);
        let entries = entries.map(|entry| Stretched { entry, depends_on_reader: false }).collect();
        Stretch { entries, head, bytes: 40_000 }
    }

    /// The stretches that begin the history: numbers 1 to 384.
    fn shelf() -> Shelf {
        let mut shelf = Shelf::default();
        for seq in [1, 129, 257] {
            let id = StretchId::of(Seq(seq));
            shelf.put(GROUP, id, stretch(id, HEAD));
        }
        shelf
    }

    fn request(
        after: Option<u64>,
        before: Option<u64>,
        rows_max: usize,
        text_bytes_max: usize,
    ) -> PageRequest {
        PageRequest {
            after: after.map(Seq),
            before: before.map(Seq),
            filter: Filter::All,
            rows_max,
            text_bytes_max,
            with_authors: false,
            viewer: Viewer::default(),
        }
    }

    fn has_page(shelf: &mut Shelf, request: &PageRequest) -> bool {
        shelf.page(GROUP, request, &Roster::default(), HEAD).is_some()
    }

    #[test]
    fn a_page_is_the_one_that_memory_of_everything_would_give() {
        let (mut shelf, roster) = (shelf(), Roster::default());
        let mut tail = Tail::new(Seq(0));
        posts(1, 400).for_each(|event| tail.push(&event));
        let numbers =
            [None, Some(0), Some(1), Some(100), Some(128), Some(129), Some(250), Some(380), Some(384)];
        let mut pages = 0;
        for (after, before) in numbers.into_iter().flat_map(|after| numbers.map(|before| (after, before))) {
            for (rows, bytes) in [(1, 1_000), (7, 1_000), (500, 95), (500, 1_500), (500, 100_000)] {
                let request = request(after, before, rows, bytes);
                let expected = tail.page(&request, &roster, HEAD);
                let page = shelf.page(GROUP, &request, &roster, HEAD);
                assert!(page.is_none() || page == expected, "{request:?} {page:?} {expected:?}");
                pages += usize::from(page.is_some());
                let ends_here = before.is_some_and(|before| before <= 385);
                assert!(!ends_here || page.is_some(), "all of {request:?} is here");
            }
        }
        assert!(pages > 300);
        assert!(!has_page(&mut shelf, &request(None, None, 5, 1_000)), "the newest are not here");
        assert!(!has_page(&mut shelf, &request(Some(380), None, 10, 1_000)), "some of it is not here");
        let words =
            PageRequest { filter: Filter::Words("0123".to_owned()), ..request(Some(1), None, 5, 1_000) };
        assert!(!has_page(&mut shelf, &words));
    }

    #[test]
    fn a_stretch_is_fetched_when_it_was_asked_for_twice() {
        let mut shelf = Shelf::default();
        let (there, far) = (request(Some(200), None, 5, 1_000), request(Some(10), None, 5, 1_000));
        assert_eq!([shelf.miss(GROUP, &there, HEAD), shelf.miss(GROUP, &far, HEAD)], [None, None]);
        let id = StretchId::of(Seq(200));
        assert_eq!(shelf.miss(GROUP, &there, HEAD), Some(id));
        shelf.put(GROUP, id, stretch(id, HEAD));
        assert!(has_page(&mut shelf, &there) && !has_page(&mut shelf, &far));
        // A page that goes on in the next one.
        let across = request(Some(250), None, 50, 1_000);
        assert!(!has_page(&mut shelf, &across));
        assert_eq!(shelf.miss(GROUP, &across, HEAD), None);
        assert_eq!(shelf.miss(GROUP, &across, HEAD), Some(id.next()));
        // The newest stretch changes with every event, so it is never fetched.
        let newest = request(Some(390), None, 5, 1_000);
        assert_eq!([(); 3].map(|()| shelf.miss(GROUP, &newest, HEAD)), [None; 3]);
    }

    #[test]
    fn what_an_event_changes_is_not_read_from_here_and_does_not_come_back_with_an_older_answer() {
        let react =
            |target| EventKind::Reacted { target, reaction: crate::group::Reaction::parse("👍").unwrap() };
        let delete = |target| EventKind::Deleted { target, in_clean_up: false };
        let at = |seq: u64, kind| Event { kind, ..post(seq) };
        let (first, second) = (request(Some(10), None, 5, 1_000), request(Some(200), None, 5, 1_000));

        let mut shelf = shelf();
        shelf.note(GROUP, &post(401));
        shelf.note(GroupId(2), &at(50, delete(Seq(20))));
        assert!(has_page(&mut shelf, &first) && has_page(&mut shelf, &second));
        shelf.note(GROUP, &at(402, react(Seq(20))));
        assert!(!has_page(&mut shelf, &first) && has_page(&mut shelf, &second));
        shelf.note(GROUP, &at(403, delete(Seq(20))));
        assert!(!has_page(&mut shelf, &second), "a reply may begin with what was deleted");

        let id = StretchId::of(Seq(200));
        shelf.put(GROUP, id, stretch(id, Seq(402)));
        assert!(!has_page(&mut shelf, &second), "it was read before the deletion");
        shelf.put(GROUP, id, stretch(id, Seq(403)));
        assert!(has_page(&mut shelf, &second));
        shelf.forget(GROUP);
        assert!(!has_page(&mut shelf, &second) && shelf.bytes == 0);
    }

    #[test]
    fn a_page_with_what_others_may_read_otherwise_is_left_to_the_store() {
        let id = StretchId::of(Seq(1));
        let mut some = stretch(id, HEAD);
        some.entries[20].depends_on_reader = true;
        let mut shelf = Shelf::default();
        shelf.put(GROUP, id, some);
        assert!(has_page(&mut shelf, &request(Some(1), None, 5, 1_000)));
        assert!(!has_page(&mut shelf, &request(Some(20), None, 5, 1_000)));
    }

    #[test]
    fn what_was_not_read_for_longest_makes_room() {
        let mut shelf = Shelf::default();
        let count = BYTES_MAX as u64 / 40_000;
        let nth = |n: u64| StretchId::of(Seq(1 + 128 * n));
        let head = Seq(1_000_000);
        let within = |n: u64| request(Some(128 * n + 1), None, 5, 1_000);
        (0..count).for_each(|n| shelf.put(GROUP, nth(n), stretch(nth(n), head)));
        assert!(has_page(&mut shelf, &within(0)));
        shelf.put(GROUP, nth(count), stretch(nth(count), head));
        assert!(has_page(&mut shelf, &within(0)) && !has_page(&mut shelf, &within(1)));
        assert!(shelf.bytes <= BYTES_MAX && shelf.stretches.len() as u64 == count);
        let too_large = Stretch { bytes: BYTES_MAX + 1, ..stretch(nth(0), head) };
        shelf.put(GROUP, nth(0), too_large);
        assert!(has_page(&mut shelf, &within(0)), "it changed nothing");
    }
}
