//! Copies of posts on their way to members: from the number of a post to the line that a member reads.

use std::collections::{BTreeMap, VecDeque};

use reticulum::node::Priority;
use reticulum::time::{Instant, UnixTime};

use super::{Asked, GROUP, Host, Query, Rows, Sent};
use crate::group::delivery::{Cursor, Dispatch};
use crate::group::{MemberId, Seq, post_line};
use crate::store::Write;

/// Lines that are kept because they are about to be sent, or were lately; the oldest post goes first.
const LINES_MAX: usize = 256;
/// Bytes of them.
const LINE_BYTES_MAX: usize = 1 << 20;

/// A post as members read it. Its time is that of the post, so that it is the same message each time it is sent.
#[derive(Clone, Debug)]
pub(super) struct Line {
    time: UnixTime,
    text: String,
}

impl Line {
    /// A post of the operator has no nick in front of it.
    pub(super) fn new(time: UnixTime, nick: Option<&str>, text: &str) -> Self {
        let text = match nick {
            Some(nick) => post_line(nick, text),
            None => text.to_owned(),
        };
        Self { time, text }
    }
}

/// How sending a copy ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum CopyEnd {
    /// The member proved it.
    Delivered,
    /// The member will never take it.
    Refused,
    /// The member was not reached.
    Failed,
}

/// The newest lines, and those that older copies wait for.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: BTreeMap<Seq, Line>,
    bytes: usize,
    /// Copies that wait until the store has given their line.
    waiting: VecDeque<Dispatch>,
}

impl Lines {
    pub(super) fn insert(&mut self, seq: Seq, line: Line) {
        self.bytes += line.text.len();
        self.lines.insert(seq, line);
        while self.lines.len() > LINES_MAX || (self.bytes > LINE_BYTES_MAX && self.lines.len() > 1) {
            if let Some((_, line)) = self.lines.pop_first() {
                self.bytes -= line.text.len();
            }
        }
    }

    pub(super) fn remove(&mut self, seq: Seq) {
        if let Some(line) = self.lines.remove(&seq) {
            self.bytes -= line.text.len();
        }
    }
}

impl Host {
    /// Sends a copy, or asks the store for its text first.
    pub(super) fn dispatch(&mut self, now: Instant, dispatch: Dispatch) {
        if let Some(line) = self.lines.lines.get(&dispatch.seq).cloned() {
            return self.send_copy(now, dispatch, line);
        }
        let asked_already = self.lines.waiting.iter().any(|other| other.seq == dispatch.seq);
        self.lines.waiting.push_back(dispatch);
        if !asked_already {
            self.query(Query::Post { group: GROUP, seq: dispatch.seq }, Asked::Line(dispatch.seq));
        }
    }

    /// The store gave the text of an older post, or knows that it was deleted.
    pub(super) fn line_found(&mut self, now: Instant, seq: Seq, rows: Rows) {
        let line = match rows {
            Rows::Post(post) => post.map(|post| Line::new(post.time, post.nick.as_deref(), &post.text)),
            _ => None,
        };
        let (due, rest): (VecDeque<_>, _) =
            std::mem::take(&mut self.lines.waiting).into_iter().partition(|dispatch| dispatch.seq == seq);
        self.lines.waiting = rest;
        for dispatch in due {
            match &line {
                Some(line) => self.send_copy(now, dispatch, line.clone()),
                None => {
                    let cursor = self.delivery.on_refused(dispatch.member, seq);
                    self.store_cursor(cursor);
                }
            }
        }
    }

    fn send_copy(&mut self, now: Instant, dispatch: Dispatch, line: Line) {
        let Some(member) = self.group.state().roster.by_id(dispatch.member) else { return };
        match self.send(now, member.address, line.time, line.text.into_bytes(), Priority::Message) {
            Some(send) => {
                self.sent.insert(send, Sent::Copy { member: dispatch.member, seq: dispatch.seq });
            }
            None => self.delivery.on_failed(now, dispatch.member, dispatch.seq),
        }
    }

    pub(super) fn copy_ended(&mut self, now: Instant, member: MemberId, seq: Seq, end: CopyEnd) {
        let cursor = match end {
            CopyEnd::Delivered => self.delivery.on_delivered(member, seq),
            CopyEnd::Refused => self.delivery.on_refused(member, seq),
            CopyEnd::Failed => return self.delivery.on_failed(now, member, seq),
        };
        self.store_cursor(cursor);
    }

    fn store_cursor(&mut self, cursor: Option<Cursor>) {
        if let Some(cursor) = cursor {
            self.write(Write::Delivered { group: GROUP, cursor });
        }
    }
}
