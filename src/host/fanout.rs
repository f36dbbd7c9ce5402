//! Copies of posts on their way to members: from the number of a post to the line that a member reads.

use std::collections::VecDeque;

use reticulum::node::Priority;
use reticulum::time::{Instant, UnixTime};

use super::queries::{PostRow, Quoted};
use super::{Asked, Host, Query, Rows, Sent};
use crate::group::delivery::Dispatch;
use crate::group::{GroupId, MemberId, Post, PostKind, Seq, deed_line, post_line};
use crate::store::Write;

/// A post as members read it. Its time is that of the post, so that it is the same message each time it is sent.
#[derive(Clone, Debug)]
struct Line {
    time: UnixTime,
    text: String,
}

impl Line {
    /// A post of the operator has no nick in front of it. A reply has the beginning of what it answers above it.
    fn new(time: UnixTime, post: &Post, quote: Option<&Quoted>) -> Self {
        let line = match (&post.nick, post.kind) {
            (Some(nick), PostKind::Deed) => deed_line(nick, &post.text),
            (Some(nick), _) => post_line(nick, &post.text),
            (None, _) => post.text.clone(),
        };
        match quote {
            Some(Quoted { nick, text }) => {
                Self { time, text: format!("> {}\n{line}", post_line(nick, text)) }
            }
            None => Self { time, text: line },
        }
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
    /// The member is not to get it.
    Skipped,
}

impl Host {
    /// Sends a copy, or asks the store for its text first.
    pub(super) fn dispatch(&mut self, now: Instant, group: GroupId, dispatch: Dispatch) {
        let Some(hosted) = self.groups.get_mut(group) else { return };
        let seq = dispatch.seq;
        if let Some((event, post)) = hosted.tail.post(seq) {
            let line = Line::new(event.time, post, None);
            return self.send_copy(now, group, dispatch, line);
        }
        let asked_already = hosted.waiting_copies.iter().any(|other| other.seq == seq);
        hosted.waiting_copies.push_back(dispatch);
        if !asked_already {
            self.query(Query::Post { group, seq }, Asked::Line(group, seq));
        }
    }

    /// The store gave the text of an older post, or knows that it was deleted.
    pub(super) fn line_found(&mut self, now: Instant, group: GroupId, seq: Seq, rows: Rows) {
        let Some(hosted) = self.groups.stir(group) else { return };
        let row = match rows {
            Rows::Post(row) => row,
            _ => None,
        };
        let (due, rest): (VecDeque<_>, _) =
            std::mem::take(&mut hosted.waiting_copies).into_iter().partition(|dispatch| dispatch.seq == seq);
        hosted.waiting_copies = rest;
        let Some(row) = row else {
            due.into_iter().for_each(|copy| self.copy_ended(now, group, copy, CopyEnd::Refused));
            return;
        };
        let line = Line::new(row.time, &row.post, row.quote.as_ref());
        for dispatch in due {
            match self.may_read(group, dispatch.member, &row) {
                true => self.send_copy(now, group, dispatch, line.clone()),
                false => self.copy_ended(now, group, dispatch, CopyEnd::Skipped),
            }
        }
    }

    fn may_read(&self, group: GroupId, member: MemberId, row: &PostRow) -> bool {
        let Some(hosted) = self.groups.get(group) else { return false };
        let member = hosted.group.state().roster.by_id(member);
        member.is_some_and(|member| hosted.group.viewer_of(member).sees(row.author, &row.post.audience))
    }

    fn send_copy(&mut self, now: Instant, group: GroupId, dispatch: Dispatch, line: Line) {
        let Some(hosted) = self.groups.get(group) else { return };
        let Some(member) = hosted.group.state().roster.by_id(dispatch.member) else { return };
        let (from, to) = (hosted.addresses.lxmf, member.address);
        match self.send(now, from, to, line.time, line.text.into_bytes(), Priority::Message, true) {
            Some(send) => {
                let Dispatch { member, seq } = dispatch;
                self.sent.insert(send, Sent::Copy { group, member, seq });
            }
            None => self.copy_ended(now, group, dispatch, CopyEnd::Failed),
        }
    }

    pub(super) fn copy_ended(&mut self, now: Instant, group: GroupId, copy: Dispatch, end: CopyEnd) {
        let Some(hosted) = self.groups.stir(group) else { return };
        let Dispatch { member, seq } = copy;
        let cursor = match end {
            CopyEnd::Delivered => hosted.delivery.on_delivered(member, seq),
            CopyEnd::Refused => hosted.delivery.on_refused(member, seq),
            CopyEnd::Skipped => hosted.delivery.on_skipped(member, seq),
            CopyEnd::Failed => return hosted.delivery.on_failed(now, member, seq),
        };
        if let Some(cursor) = cursor {
            self.write(Write::Delivered { group, cursor });
        }
    }
}
