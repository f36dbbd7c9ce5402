//! Pages of the history: that they fit, and that nothing is lost between them.

use reticulum::hash::IdentityHash;

use super::*;
use crate::api::{self, ONE_PACKET_BYTES, response_value};
use crate::group::{Author, Event, EventKind, Post, Role, Seq};
use crate::store::{Entry, Page, PageRequest};

/// A store of posts and deletions by three members: event n at n minutes, every 7th a deletion, every 11th an event of
/// a kind that is no part of the history.
struct Log(Vec<Event>, Scene);

impl Log {
    fn new(events: u64, text: impl Fn(u64) -> String) -> Self {
        let event = |n: u64| Event {
            seq: Seq(n),
            time: UnixTime::from_secs(1_800_000_000 + 60 * n),
            actor: Some(MemberId((n % 3 + 1) as u32)),
            kind: match n {
                _ if n.is_multiple_of(11) => {
                    EventKind::ClaimIssued { claim: crate::group::ClaimHash([0; 32]) }
                }
                _ if n.is_multiple_of(7) => EventKind::Deleted { target: Seq(n - 2), in_clean_up: false },
                _ => EventKind::Posted(Post { text: text(n), ..Post::default() }),
            },
        };
        Self((1..=events).map(event).collect(), Scene::new(Visibility::Public))
    }

    fn read(&self, query: &PageRequest) -> Page {
        let within = |event: &&Event| {
            query.after.is_none_or(|after| event.seq > after)
                && query.before.is_none_or(|before| event.seq < before)
                && matches!(event.kind, EventKind::Posted(_) | EventKind::Deleted { .. })
        };
        let mut events: Vec<Event> = self.0.iter().filter(within).cloned().collect();
        if query.after.is_none() {
            events.reverse();
        }
        events.truncate(query.rows_max);
        if query.after.is_none() {
            events.reverse();
        }
        let author = |n| Author {
            member: MemberId(n),
            nick: format!("P{n}"),
            identity: IdentityHash::new([n as u8; 16]),
            role: Role::Member,
            former: n == 3,
        };
        let authors = if query.with_authors { (1..=3).map(author).collect() } else { Vec::new() };
        Page {
            entries: events.into_iter().map(Entry::from).collect(),
            authors,
            head: self.0.last().map(|event| event.seq).unwrap_or_default(),
        }
    }

    fn page_bytes(&self, request: &v1::MessagesRequest) -> Vec<u8> {
        let path = PathHash::of_path("/api/v1/messages");
        match plan(UnixTime::default(), path, &request.encode_to_vec(), &Caller::Operator, &self.1.group) {
            Plan::Read(request) => api::history(&request, self.read(&request)),
            other => panic!("{other:?}"),
        }
    }

    fn page(&self, request: &v1::MessagesRequest) -> v1::MessagesResponse {
        v1::MessagesResponse::decode(&self.page_bytes(request)[..]).unwrap()
    }

    fn numbers(&self) -> Vec<u64> {
        self.0.iter().map(|event| event.seq.0).filter(|n| n % 11 != 0).collect()
    }
}

/// Numbers and times of a page, as a client adds them up.
fn positions(page: &v1::MessagesResponse) -> Vec<(u64, u64)> {
    let (mut seq, mut time) = (page.first_seq, page.first_time_s);
    let mut positions = Vec::new();
    for (index, event) in page.events.iter().enumerate() {
        if index > 0 {
            (seq, time) = (seq + event.skip + 1, time + event.delta_s);
        }
        positions.push((seq, time));
    }
    positions
}

fn seqs(page: &v1::MessagesResponse) -> Vec<u64> {
    positions(page).into_iter().map(|(seq, _)| seq).collect()
}

#[test]
fn pages_of_any_size_add_up_to_the_history_in_both_directions() {
    let log = Log::new(150, |n| format!("message {n}"));
    for with_authors in [false, true] {
        for (limit, max_bytes) in [(0, 0), (1, 0), (9, 0), (0, 80), (0, 409), (5, 200)] {
            let request =
                v1::MessagesRequest { limit, max_bytes, with_authors, after: Some(0), ..Default::default() };
            let (mut forward, mut after) = (Vec::new(), 0);
            loop {
                let page = log.page(&v1::MessagesRequest { after: Some(after), ..request });
                forward.extend(seqs(&page));
                after = *forward.last().unwrap();
                if !page.more {
                    break;
                }
            }
            assert_eq!(forward, log.numbers(), "{limit} {max_bytes}");

            let (mut backward, mut before) = (Vec::new(), None);
            loop {
                let page = log.page(&v1::MessagesRequest { after: None, before, ..request });
                backward.splice(0..0, seqs(&page));
                before = backward.first().copied();
                if !page.more {
                    break;
                }
            }
            assert_eq!(backward, log.numbers(), "{limit} {max_bytes}");
        }
    }
}

#[test]
fn no_page_exceeds_the_bytes_that_it_was_given() {
    for length in [1, 3, 40, 200, 5_000] {
        let log = Log::new(40, |n| "ü🌊".repeat(length + n as usize % 5));
        for max_bytes in (1..600).chain([1_000, 4_099, 16_000]) {
            for (after, with_authors) in [(Some(0), false), (None, false), (Some(17), true), (None, true)] {
                let request = v1::MessagesRequest { after, max_bytes, with_authors, ..Default::default() };
                let bytes = log.page_bytes(&request);
                let page = v1::MessagesResponse::decode(&bytes[..]).unwrap();
                match page.error {
                    None => assert!(bytes.len() <= max_bytes as usize && !page.events.is_empty()),
                    Some(error) => {
                        assert_eq!(error.field, "max_bytes");
                        assert!(max_bytes < 70, "{max_bytes} bytes hold the beginning of any message");
                    }
                }
            }
        }
    }
}

#[test]
fn a_message_longer_than_the_page_is_cut_between_characters_and_says_so() {
    let log = Log::new(3, |_| "🌊".repeat(1_000));
    let page = log.page(&v1::MessagesRequest { max_bytes: 409, ..Default::default() });
    assert_eq!(seqs(&page), [3]);
    assert!(page.more && page.events[0].cut);
    let Some(v1::history_event::Body::Text(text)) = &page.events[0].body else { panic!("no text") };
    assert!(text.chars().all(|c| c == '🌊') && text.len() > 370, "{} bytes", text.len());
}

#[test]
fn one_packet_holds_a_page_and_the_costs_are_those_of_the_documentation() {
    let log = Log::new(100, |_| "See you at the harbour at eight".into());
    let bytes =
        log.page_bytes(&v1::MessagesRequest { max_bytes: ONE_PACKET_BYTES as u32, ..Default::default() });
    assert!(response_value(&bytes).len() + 19 <= 431);
    let page = v1::MessagesResponse::decode(&bytes[..]).unwrap();
    assert_eq!(page.events.iter().filter(|event| event.body.is_some()).count(), 11);
    let post = page.events.iter().find(|e| e.skip == 0 && e.delta_s == 60).unwrap();
    assert_eq!(post.encoded_len(), 31 + 2 + 2 + 2, "text with tag and length, author, time");
}

#[test]
fn a_page_tells_times_deletions_and_the_authors_that_it_needs() {
    let mut log = Log::new(8, |n| format!("m{n}"));
    if let EventKind::Posted(post) = &mut log.0[4].kind {
        post.text.clear();
    }
    let request =
        v1::MessagesRequest { after: Some(4), before: Some(8), with_authors: true, ..Default::default() };
    let page = log.page(&request);
    let at = |n: u64| (n, 1_800_000_000 + 60 * n);
    assert_eq!(positions(&page), [at(5), at(6), at(7)]);
    use v1::history_event::Body;
    let bodies: Vec<_> = page.events.iter().map(|event| event.body.clone().unwrap()).collect();
    assert_eq!(bodies, [Body::Deleted(true), Body::Text("m6".into()), Body::Deletes(2)]);
    assert_eq!(page.authors.iter().map(|author| author.member).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(page.authors[2].former);
    assert_eq!((page.more, page.head), (false, 8));

    let one = log.page(&v1::MessagesRequest { limit: 1, with_authors: true, ..Default::default() });
    assert_eq!((one.authors.len(), one.more), (1, true));
}

#[test]
fn an_empty_page_still_tells_the_head() {
    let log = Log::new(11, |_| "x".into());
    let page = log.page(&v1::MessagesRequest { after: Some(10), ..Default::default() });
    assert_eq!((page.events.len(), page.more, page.head), (0, false, 11));
}
