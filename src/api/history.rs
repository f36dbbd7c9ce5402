//! A page of the history: how the rows that the store read become an answer that fits.

use std::collections::BTreeMap;

use prost::Message;
use proto::v1::{self, Error, history_event::Body};

use super::error;
use super::page::{item_len, too_small};
use super::reply::role;
use crate::group::{Author, Event, EventKind, Seq};
use crate::store::{Page, PageRequest};

/// The encoded answer to a call whose plan was to read `request`, of which the store made `page`. It is never longer than
/// the request's `text_bytes_max`, unless it is an error.
pub fn history(request: &PageRequest, page: Page) -> Vec<u8> {
    match fit(request, page) {
        Ok(response) => response.encode_to_vec(),
        Err(error) => error::encode(error),
    }
}

fn fit(request: &PageRequest, page: Page) -> Result<v1::MessagesResponse, Error> {
    let rows = rows(&page.events);
    let authors = page.authors.iter().map(|author| (author.member.0, author_message(author))).collect();
    let left = request.text_bytes_max.saturating_sub(head_len(&page));
    let mut fitting = Fitting { left, authors, wanted: BTreeMap::new() };
    // The page grows away from the end at which it was asked for.
    let forward = request.after.is_some();
    let order: &mut dyn Iterator<Item = &Row> =
        if forward { &mut rows.iter() } else { &mut rows.iter().rev() };
    // One row more was asked for than the page may hold, by which it is seen that there are more.
    let fitting_rows = order.take(request.rows_max - 1).take_while(|row| fitting.take(&row.event));
    let mut events: Vec<Row> = fitting_rows.cloned().collect();
    if events.is_empty() {
        let row = if forward { rows.first() } else { rows.last() };
        events.extend(row.map(|row| fitting.cut(row)).transpose()?);
    }
    let more = events.len() < rows.len();
    if !forward {
        events.reverse();
    }
    Ok(response(events, more, page.head, fitting.wanted))
}

/// An event of the page with its absolute number and time.
#[derive(Clone, Debug)]
struct Row {
    seq: u64,
    time_s: u64,
    event: v1::HistoryEvent,
}

/// The events as they travel, each told as the difference from the one before. The first one's is dropped if it comes to
/// stand first in the answer, which only makes that shorter.
fn rows(events: &[Event]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(events.len());
    for event in events {
        let (seq, time_s) = (event.seq.0, event.time.as_secs());
        let Some(body) = body(event) else { continue };
        let (skip, delta_s) = match rows.last() {
            Some(last) => ((seq - last.seq).saturating_sub(1), time_s.saturating_sub(last.time_s)),
            None => (0, 0),
        };
        let author = event.actor.map_or(0, |member| member.0);
        rows.push(Row {
            seq,
            time_s,
            event: v1::HistoryEvent { skip, delta_s, author, cut: false, body: Some(body) },
        });
    }
    rows
}

fn body(event: &Event) -> Option<Body> {
    match &event.kind {
        // The log holds no empty post: the text of this one was erased.
        EventKind::Posted(post) if post.text.is_empty() => Some(Body::Deleted(true)),
        EventKind::Posted(post) => Some(Body::Text(post.text.clone())),
        EventKind::Deleted { target } => Some(Body::Deletes(event.seq.0.saturating_sub(target.0))),
        _ => None,
    }
}

/// Counts what still fits.
struct Fitting {
    left: usize,
    /// Authors that can be sent, by number; empty if they were not asked for.
    authors: BTreeMap<u32, v1::Member>,
    /// Those that the page needs.
    wanted: BTreeMap<u32, v1::Member>,
}

impl Fitting {
    /// Whether `event`, with its author if they are new to the page, fits; if so it is counted.
    fn take(&mut self, event: &v1::HistoryEvent) -> bool {
        let author = self.new_author(event);
        let length = item_len(event) + author.map_or(0, item_len);
        if length > self.left {
            return false;
        }
        let author = author.cloned();
        self.left -= length;
        self.wanted.extend(author.map(|author| (author.member, author)));
        true
    }

    /// The row with as much of its text as fits, so that a page that is asked for is never empty.
    fn cut(&mut self, row: &Row) -> Result<Row, Error> {
        let mut row = row.clone();
        let Some(Body::Text(text)) = row.event.body.take() else { return Err(too_small()) };
        row.event.cut = true;
        let around = row.event.encoded_len() + self.new_author(&row.event).map_or(0, item_len);
        // A tag and a length, of the text and of the event around it.
        let room = self.left.checked_sub(around + 2 * (1 + prost::length_delimiter_len(self.left)));
        let cut = &text[..text.floor_char_boundary(room.ok_or_else(too_small)?)];
        row.event.body = Some(Body::Text(cut.to_owned()));
        if cut.is_empty() || !self.take(&row.event) {
            return Err(too_small());
        }
        Ok(row)
    }

    fn new_author(&self, event: &v1::HistoryEvent) -> Option<&v1::Member> {
        if self.wanted.contains_key(&event.author) { None } else { self.authors.get(&event.author) }
    }
}

/// The most that the fields of an answer take which are no list.
fn head_len(page: &Page) -> usize {
    let longest = v1::MessagesResponse {
        first_seq: page.head.0,
        first_time_s: page.events.last().map_or(0, |event| event.time.as_secs()),
        more: true,
        head: page.head.0,
        ..v1::MessagesResponse::default()
    };
    longest.encoded_len()
}

fn response(
    rows: Vec<Row>,
    more: bool,
    head: Seq,
    authors: BTreeMap<u32, v1::Member>,
) -> v1::MessagesResponse {
    let first = rows.first().map(|row| (row.seq, row.time_s)).unwrap_or_default();
    let mut events: Vec<_> = rows.into_iter().map(|row| row.event).collect();
    if let Some(first) = events.first_mut() {
        (first.skip, first.delta_s) = (0, 0);
    }
    v1::MessagesResponse {
        first_seq: first.0,
        first_time_s: first.1,
        events,
        more,
        head: head.0,
        authors: authors.into_values().collect(),
        error: None,
    }
}

fn author_message(author: &Author) -> v1::Member {
    v1::Member {
        member: author.member.0,
        nick: author.nick.clone(),
        identity_hash: author.identity.as_bytes().to_vec(),
        role: role(author.role),
        former: author.former,
    }
}
