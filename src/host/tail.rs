//! The newest part of the history, in memory: what fan-out sends, and what most callers ask for. A page out of it costs
//! no thread and no query.

use std::collections::VecDeque;

use crate::group::{Audience, Author, Event, EventKind, Post, Roster, Seq};
use crate::store::{Entry, Filter, Page, PageRequest};

/// Events that are kept; the oldest goes first.
const EVENTS_MAX: usize = 512;
/// Bytes of their texts. One longer post is kept alone.
const TEXT_BYTES_MAX: usize = 256 << 10;

/// An event of the history.
#[derive(Debug)]
struct Kept {
    event: Event,
    /// Whether a reader needs more than is here: what it quotes, what became of it, who may read it. The store knows.
    needs_store: bool,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Tail {
    entries: VecDeque<Kept>,
    text_bytes: usize,
    /// Everything in the history after this number is here.
    complete_after: Seq,
}

impl Tail {
    /// Begins after `head`: what came before is the store's.
    pub(super) fn new(head: Seq) -> Self {
        Self { entries: VecDeque::new(), text_bytes: 0, complete_after: head }
    }

    /// Begins with the newest events of the log, which ends with `head`.
    pub(super) fn restore(head: Seq, newest: &[Event]) -> Self {
        let mut tail = Self::new(newest.first().map_or(head, |first| Seq(first.seq.0.saturating_sub(1))));
        newest.iter().for_each(|event| tail.push(event));
        tail
    }

    /// Takes the next event in; one that is not part of the history is passed over.
    pub(super) fn push(&mut self, event: &Event) {
        let needs_store = match &event.kind {
            EventKind::Posted(post) => {
                self.text_bytes += post.text.len();
                let is_attached = !post.attachments.is_empty();
                post.reply_to.is_some() || post.audience != Audience::Everyone || is_attached
            }
            EventKind::Deleted { target, .. } => self.erase(*target),
            EventKind::Edited { target, .. }
            | EventKind::Reacted { target, .. }
            | EventKind::Unreacted { target, .. } => {
                self.leave_to_store(*target);
                true
            }
            EventKind::Pinned { .. } | EventKind::Unpinned { .. } => true,
            kind if kind.is_system() => {
                self.text_bytes += kind.text_len();
                false
            }
            _ => return,
        };
        self.entries.push_back(Kept { event: without_signature(event), needs_store });
        while self.entries.len() > EVENTS_MAX || (self.text_bytes > TEXT_BYTES_MAX && self.entries.len() > 1)
        {
            if let Some(oldest) = self.entries.pop_front() {
                self.text_bytes -= oldest.event.kind.text_len();
                self.complete_after = oldest.event.seq;
            }
        }
    }

    /// A post, if all that members are sent of it is here.
    pub(super) fn post(&self, seq: Seq) -> Option<(&Event, &Post)> {
        let index = self.entries.binary_search_by_key(&seq, |kept| kept.event.seq).ok()?;
        match self.entries.get(index)? {
            Kept { event, needs_store: false } => match &event.kind {
                EventKind::Posted(post) if !post.text.is_empty() => Some((event, post)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The page that the store would give once everything so far is durable, if all of it is here.
    pub(super) fn page(&self, request: &PageRequest, roster: &Roster, head: Seq) -> Option<Page> {
        if request.filter != Filter::All {
            return None;
        }
        let first =
            self.entries.partition_point(|kept| request.after.is_some_and(|after| kept.event.seq <= after));
        let end = self
            .entries
            .partition_point(|kept| request.before.is_none_or(|before| kept.event.seq < before))
            .max(first);
        let mut taking = Taking::new(request);
        let range = self.entries.range(first..end);
        let kept: Vec<&Kept> = match request.after {
            Some(after) if after < self.complete_after => return None,
            Some(_) => range.take_while(|kept| taking.take(&kept.event)).collect(),
            None => {
                let mut kept: Vec<&Kept> = range.rev().take_while(|kept| taking.take(&kept.event)).collect();
                // A page that ran out of events here may go on in the store.
                if taking.has_room() && self.complete_after > Seq::default() {
                    return None;
                }
                kept.reverse();
                kept
            }
        };
        if kept.iter().any(|kept| kept.needs_store) {
            return None;
        }
        let entries: Vec<Entry> = kept.into_iter().map(|kept| Entry::from(kept.event.clone())).collect();
        let authors = if request.with_authors { authors(&entries, roster)? } else { Vec::new() };
        Some(Page { entries, authors, head })
    }

    /// Erases the text of a deleted post. Returns whether only the store knows who may learn of that.
    fn erase(&mut self, target: Seq) -> bool {
        let Some(Kept { event, needs_store }) = self.kept_mut(target) else { return true };
        let EventKind::Posted(post) = &mut event.kind else { return true };
        let erased = std::mem::take(&mut post.text).len();
        let needs_store = *needs_store;
        self.text_bytes -= erased;
        needs_store
    }

    fn leave_to_store(&mut self, target: Seq) {
        if let Some(kept) = self.kept_mut(target) {
            kept.needs_store = true;
        }
    }

    fn kept_mut(&mut self, seq: Seq) -> Option<&mut Kept> {
        let index = self.entries.binary_search_by_key(&seq, |kept| kept.event.seq).ok()?;
        self.entries.get_mut(index)
    }
}

/// The bounds of a page, as the store counts them: the event that passes the bound on text is the last one taken.
pub(super) struct Taking {
    rows_left: usize,
    text_bytes_left: Option<usize>,
}

impl Taking {
    pub(super) fn new(request: &PageRequest) -> Self {
        Self { rows_left: request.rows_max, text_bytes_left: Some(request.text_bytes_max) }
    }

    pub(super) fn has_room(&self) -> bool {
        self.rows_left > 0 && self.text_bytes_left.is_some()
    }

    pub(super) fn take(&mut self, event: &Event) -> bool {
        if !self.has_room() {
            return false;
        }
        self.rows_left -= 1;
        self.text_bytes_left = self.text_bytes_left.and_then(|left| left.checked_sub(event.kind.text_len()));
        true
    }
}

/// The authors by number, if all of them are members still.
pub(super) fn authors(entries: &[Entry], roster: &Roster) -> Option<Vec<Author>> {
    let mut numbers: Vec<_> = entries.iter().filter_map(|entry| entry.event.actor).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
        .into_iter()
        .map(|member| {
            let found = roster.by_id(member)?;
            let (nick, identity) = (found.nick.clone(), found.identity.hash());
            Some(Author { member, nick, identity, role: found.role, former: false })
        })
        .collect()
}

fn without_signature(event: &Event) -> Event {
    let mut event = event.clone();
    match &mut event.kind {
        EventKind::Posted(post) => {
            post.authorship = None;
            post.drop_data();
        }
        // The store is asked for it.
        EventKind::Edited { text, .. } => text.clear(),
        _ => {}
    }
    event
}

#[cfg(test)]
mod tests {
    use reticulum::time::UnixTime;

    use super::*;
    use crate::group::Viewer;

    fn post(seq: u64, text: &str) -> Event {
        let post = Post { text: text.to_owned(), ..Post::default() };
        Event { seq: Seq(seq), time: UnixTime::from_secs(seq), actor: None, kind: EventKind::Posted(post) }
    }

    fn tail(head: u64, posts: std::ops::RangeInclusive<u64>) -> Tail {
        let mut tail = Tail::new(Seq(head));
        posts.for_each(|seq| tail.push(&post(seq, "0123456789")));
        tail
    }

    fn page(
        tail: &Tail,
        after: Option<u64>,
        before: Option<u64>,
        rows_max: usize,
        bytes: usize,
    ) -> Option<Vec<u64>> {
        let (after, before) = (after.map(Seq), before.map(Seq));
        let request = PageRequest {
            after,
            before,
            filter: Filter::All,
            rows_max,
            text_bytes_max: bytes,
            with_authors: false,
            viewer: Viewer::default(),
        };
        let page = tail.page(&request, &Roster::default(), Seq(99))?;
        assert_eq!(page.head, Seq(99));
        Some(page.entries.iter().map(|entry| entry.event.seq.0).collect())
    }

    #[test]
    fn a_page_comes_from_here_only_if_all_of_it_is_here() {
        let tail = tail(10, 11..=20);
        // after, before, rows, bytes, what is expected
        let rows = [
            (Some(10), None, 3, 1000, Some(vec![11, 12, 13])),
            (Some(9), None, 3, 1000, None),
            (Some(18), None, 9, 1000, Some(vec![19, 20])),
            (Some(20), None, 9, 1000, Some(vec![])),
            (Some(12), Some(15), 9, 1000, Some(vec![13, 14])),
            (Some(15), Some(12), 9, 1000, Some(vec![])),
            (None, None, 3, 1000, Some(vec![18, 19, 20])),
            (None, Some(15), 2, 1000, Some(vec![13, 14])),
            (None, Some(13), 3, 1000, None),
            (None, None, 100, 1000, None),
            (None, None, 100, 25, Some(vec![18, 19, 20])),
            (Some(10), None, 100, 25, Some(vec![11, 12, 13])),
        ];
        for (after, before, rows_max, bytes, expected) in rows {
            assert_eq!(
                page(&tail, after, before, rows_max, bytes),
                expected,
                "{after:?} {before:?} {rows_max} {bytes}"
            );
        }
        let whole = self::tail(0, 1..=3);
        assert_eq!(
            page(&whole, None, None, 100, 1000),
            Some(vec![1, 2, 3]),
            "there is nothing older in the store"
        );
    }

    #[test]
    fn a_deleted_post_loses_its_text_and_the_oldest_make_room() {
        let mut tail = tail(0, 1..=2);
        let deletion = EventKind::Deleted { target: Seq(1), in_clean_up: false };
        tail.push(&Event { kind: deletion, ..post(3, "") });
        assert_eq!(tail.post(Seq(1)), None);
        assert_eq!(tail.text_bytes, 10);
        for seq in 4..=600 {
            tail.push(&post(seq, "0123456789"));
        }
        assert_eq!((tail.entries.len(), tail.complete_after), (EVENTS_MAX, Seq(600 - EVENTS_MAX as u64)));
        tail.push(&post(601, &"x".repeat(TEXT_BYTES_MAX + 1)));
        assert_eq!((tail.entries.len(), tail.complete_after), (1, Seq(600)));
    }

    #[test]
    fn a_restored_tail_gives_the_pages_that_the_old_one_gave() {
        let mut tail = tail(0, 1..=20);
        let deletion =
            Event { kind: EventKind::Deleted { target: Seq(15), in_clean_up: false }, ..post(21, "") };
        tail.push(&deletion);
        // The log holds no text of what was deleted.
        let log = |seq| match seq {
            15 => post(15, ""),
            21 => deletion.clone(),
            _ => post(seq, "0123456789"),
        };
        let newest: Vec<Event> = (12..=21).map(log).collect();
        let restored = Tail::restore(Seq(21), &newest);
        for (after, before) in
            [(None, None), (Some(11), None), (Some(14), Some(17)), (None, Some(19)), (Some(21), None)]
        {
            let pages = [&restored, &tail].map(|tail| page(tail, after, before, 5, 1000));
            assert!(pages[0].is_some() && pages[0] == pages[1], "{after:?} {before:?} {pages:?}");
        }
        assert_eq!(page(&restored, Some(10), None, 5, 1000), None, "the store has to be asked");
        assert_eq!((restored.text_bytes, restored.complete_after), (80, Seq(11)));
        assert_eq!(Tail::restore(Seq(7), &[]).complete_after, Seq(7));
    }
}
