//! A page of the history: how the rows that the store read become an answer that fits. What one event looks like stands
//! in `happening.rs`.

use std::collections::BTreeMap;

use prost::Message;
use proto::v1::{self, Error, history_event::Body};

use super::error;
use super::happening::happening;
use super::page::{item_len, too_small};
use super::reply::role;
use crate::group::{Author, Seq};
use crate::store::{Entry, Page, PageRequest};

/// Bytes that a cut event keeps for its text: where its attachments leave less, they are not told.
const CUT_TEXT_MIN: usize = 64;

/// The encoded answer to a call whose plan was to read `request`, of which the store made `page`. It is never longer than
/// the request's `text_bytes_max`, unless it is an error.
pub fn history(request: &PageRequest, page: Page) -> Vec<u8> {
    match fit(request, page) {
        Ok(response) => response.encode_to_vec(),
        Err(error) => error::encode(error),
    }
}

fn fit(request: &PageRequest, page: Page) -> Result<v1::MessagesResponse, Error> {
    let rows = rows(&page.entries);
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
fn rows(entries: &[Entry]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(entries.len());
    for entry in entries {
        let (seq, time_s) = (entry.event.seq.0, entry.event.time.as_secs());
        let Some(mut event) = happening(entry) else { continue };
        if let Some(last) = rows.last() {
            event.skip = (seq - last.seq).saturating_sub(1);
            event.delta_s = time_s.saturating_sub(last.time_s);
        }
        rows.push(Row { seq, time_s, event });
    }
    rows
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
        let text = text_mut(&mut row.event).map(std::mem::take).ok_or_else(too_small)?;
        row.event.cut = true;
        if row.event.encoded_len() + CUT_TEXT_MIN > self.left
            && let Some(details) = &mut row.event.details
        {
            details.attachments.clear();
        }
        let around = row.event.encoded_len() + self.new_author(&row.event).map_or(0, item_len);
        // A tag and a length, of the text, of the event around it, and of what is between them.
        let levels = if matches!(row.event.body, Some(Body::System(_))) { 4 } else { 3 };
        let room = self.left.checked_sub(around + levels * (1 + prost::length_delimiter_len(self.left)));
        let cut = &text[..text.floor_char_boundary(room.ok_or_else(too_small)?)];
        if cut.is_empty() {
            return Err(too_small());
        }
        if let Some(text) = text_mut(&mut row.event) {
            cut.clone_into(text);
        }
        if self.take(&row.event) { Ok(row) } else { Err(too_small()) }
    }

    fn new_author(&self, event: &v1::HistoryEvent) -> Option<&v1::Member> {
        if self.wanted.contains_key(&event.author) { None } else { self.authors.get(&event.author) }
    }
}

/// The text that an event brings, if it does.
fn text_mut(event: &mut v1::HistoryEvent) -> Option<&mut String> {
    match event.body.as_mut()? {
        Body::Text(text) => Some(text),
        Body::Change(v1::Change { what: Some(v1::change::What::Edit(text)), .. }) => Some(text),
        Body::System(v1::System {
            setting: Some(v1::Setting { value: Some(v1::setting::Value::Text(text)), .. }),
            ..
        }) => Some(text),
        _ => None,
    }
}

/// The most that the fields of an answer take which are no list.
fn head_len(page: &Page) -> usize {
    let longest = v1::MessagesResponse {
        first_seq: page.head.0,
        first_time_s: page.entries.last().map_or(0, |entry| entry.event.time.as_secs()),
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
