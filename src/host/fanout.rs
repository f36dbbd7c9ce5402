//! Copies of posts on their way to members: from the number of a post to the line that a member reads.

use std::collections::VecDeque;

use reticulum::node::Priority;
use reticulum::time::{Instant, UnixTime};

use super::{Asked, GROUP, Host, Query, Rows, Sent};
use crate::group::delivery::{Cursor, Dispatch};
use crate::group::{MemberId, Seq, post_line};
use crate::store::Write;

/// A post as members read it. Its time is that of the post, so that it is the same message each time it is sent.
#[derive(Clone, Debug)]
struct Line {
    time: UnixTime,
    text: String,
}

impl Line {
    /// A post of the operator has no nick in front of it.
    fn new(time: UnixTime, nick: Option<&str>, text: &str) -> Self {
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

impl Host {
    /// Sends a copy, or asks the store for its text first.
    pub(super) fn dispatch(&mut self, now: Instant, dispatch: Dispatch) {
        if let Some((event, post, nick)) =
            self.tail.post(dispatch.seq).filter(|(_, post, _)| !post.text.is_empty())
        {
            let line = Line::new(event.time, nick, &post.text);
            return self.send_copy(now, dispatch, line);
        }
        let asked_already = self.waiting_copies.iter().any(|other| other.seq == dispatch.seq);
        self.waiting_copies.push_back(dispatch);
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
            std::mem::take(&mut self.waiting_copies).into_iter().partition(|dispatch| dispatch.seq == seq);
        self.waiting_copies = rest;
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
