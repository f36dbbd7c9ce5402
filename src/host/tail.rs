//! The newest part of the history, in memory: what fan-out sends, and what most callers ask for. A page out of it costs
//! no thread and no query.

use std::collections::VecDeque;

use crate::group::{Author, Event, EventKind, Post, Roster, Seq};
use crate::store::{Page, PageRequest};

/// Posts and deletions that are kept; the oldest goes first.
const EVENTS_MAX: usize = 512;
/// Bytes of their texts. One longer post is kept alone.
const TEXT_BYTES_MAX: usize = 256 << 10;

/// A post or deletion, and the nick that its author had then.
#[derive(Debug)]
struct Entry {
    event: Event,
    nick: Option<String>,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Tail {
    entries: VecDeque<Entry>,
    text_bytes: usize,
    /// Everything in the history after this number is here.
    complete_after: Seq,
}

impl Tail {
    /// Begins after `head`: what came before is the store's.
    pub(super) fn new(head: Seq) -> Self {
        Self { entries: VecDeque::new(), text_bytes: 0, complete_after: head }
    }

    /// Takes the next event in; one that is not part of the history is passed over.
    pub(super) fn push(&mut self, event: &Event, roster: &Roster) {
        match &event.kind {
            EventKind::Posted(post) => self.text_bytes += post.text.len(),
            EventKind::Deleted { target } => self.erase(*target),
            _ => return,
        }
        let nick = event.actor.and_then(|id| roster.by_id(id)).map(|member| member.nick.clone());
        self.entries.push_back(Entry { event: without_signature(event), nick });
        while self.entries.len() > EVENTS_MAX || (self.text_bytes > TEXT_BYTES_MAX && self.entries.len() > 1)
        {
            if let Some(oldest) = self.entries.pop_front() {
                self.text_bytes -= text_len(&oldest.event);
                self.complete_after = oldest.event.seq;
            }
        }
    }

    /// A post with its author's nick, if it is here. One that was deleted since has no text.
    pub(super) fn post(&self, seq: Seq) -> Option<(&Event, &Post, Option<&str>)> {
        let index = self.entries.binary_search_by_key(&seq, |entry| entry.event.seq).ok()?;
        let Entry { event, nick } = self.entries.get(index)?;
        match &event.kind {
            EventKind::Posted(post) => Some((event, post, nick.as_deref())),
            _ => None,
        }
    }

    /// The page that the store would give once everything so far is durable, if all of it is here.
    pub(super) fn page(&self, request: &PageRequest, roster: &Roster, head: Seq) -> Option<Page> {
        let first =
            self.entries.partition_point(|entry| request.after.is_some_and(|after| entry.event.seq <= after));
        let end = self
            .entries
            .partition_point(|entry| request.before.is_none_or(|before| entry.event.seq < before))
            .max(first);
        let mut taking =
            Taking { rows_left: request.rows_max, text_bytes_left: Some(request.text_bytes_max) };
        let range = self.entries.range(first..end).map(|entry| &entry.event);
        let events: Vec<Event> = match request.after {
            Some(after) if after < self.complete_after => return None,
            Some(_) => range.take_while(|event| taking.take(event)).cloned().collect(),
            None => {
                let mut events: Vec<Event> =
                    range.rev().take_while(|event| taking.take(event)).cloned().collect();
                // A page that ran out of events here may go on in the store.
                if taking.has_room() && self.complete_after > Seq::default() {
                    return None;
                }
                events.reverse();
                events
            }
        };
        let authors = if request.with_authors { authors(&events, roster)? } else { Vec::new() };
        Some(Page { events, authors, head })
    }

    fn erase(&mut self, target: Seq) {
        let Ok(index) = self.entries.binary_search_by_key(&target, |entry| entry.event.seq) else { return };
        if let Some(EventKind::Posted(post)) = self.entries.get_mut(index).map(|entry| &mut entry.event.kind)
        {
            self.text_bytes -= post.text.len();
            post.text.clear();
        }
    }
}

/// The bounds of a page, as the store counts them: the event that passes the bound on text is the last one taken.
struct Taking {
    rows_left: usize,
    text_bytes_left: Option<usize>,
}

impl Taking {
    fn has_room(&self) -> bool {
        self.rows_left > 0 && self.text_bytes_left.is_some()
    }

    fn take(&mut self, event: &Event) -> bool {
        if !self.has_room() {
            return false;
        }
        self.rows_left -= 1;
        self.text_bytes_left = self.text_bytes_left.and_then(|left| left.checked_sub(text_len(event)));
        true
    }
}

/// The authors by number, if all of them are members still.
fn authors(events: &[Event], roster: &Roster) -> Option<Vec<Author>> {
    let mut numbers: Vec<_> = events.iter().filter_map(|event| event.actor).collect();
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

fn text_len(event: &Event) -> usize {
    match &event.kind {
        EventKind::Posted(post) => post.text.len(),
        _ => 0,
    }
}

fn without_signature(event: &Event) -> Event {
    let mut event = event.clone();
    if let EventKind::Posted(post) = &mut event.kind {
        post.authorship = None;
    }
    event
}

#[cfg(test)]
mod tests {
    use reticulum::time::UnixTime;

    use super::*;

    fn post(seq: u64, text: &str) -> Event {
        let post = Post { text: text.to_owned(), message_id: None, authorship: None };
        Event { seq: Seq(seq), time: UnixTime::from_secs(seq), actor: None, kind: EventKind::Posted(post) }
    }

    fn tail(head: u64, posts: std::ops::RangeInclusive<u64>) -> Tail {
        let mut tail = Tail::new(Seq(head));
        posts.for_each(|seq| tail.push(&post(seq, "0123456789"), &Roster::default()));
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
        let request = PageRequest { after, before, rows_max, text_bytes_max: bytes, with_authors: false };
        let page = tail.page(&request, &Roster::default(), Seq(99))?;
        assert_eq!(page.head, Seq(99));
        Some(page.events.iter().map(|event| event.seq.0).collect())
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
        let deletion = EventKind::Deleted { target: Seq(1) };
        tail.push(&Event { kind: deletion, ..post(3, "") }, &Roster::default());
        assert_eq!(tail.post(Seq(1)).map(|(_, post, _)| post.text.as_str()), Some(""));
        assert_eq!(tail.text_bytes, 10);
        for seq in 4..=600 {
            tail.push(&post(seq, "0123456789"), &Roster::default());
        }
        assert_eq!((tail.entries.len(), tail.complete_after), (EVENTS_MAX, Seq(600 - EVENTS_MAX as u64)));
        tail.push(&post(601, &"x".repeat(TEXT_BYTES_MAX + 1)), &Roster::default());
        assert_eq!((tail.entries.len(), tail.complete_after), (1, Seq(600)));
    }
}
