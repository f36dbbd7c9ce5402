//! Copies of posts on their way to members: from the number of a post to the line that a member reads.

use std::collections::VecDeque;
use std::time::Duration;

use lxmf::router::{Outgoing, Route, SendId};
use reticulum::hash::DestinationHash;
use reticulum::node::Priority;
use reticulum::time::Instant;

use super::messages::delivery_address;
use super::{Asked, Host, Query, Rows, Sent, relay};
use crate::group::delivery::{Dispatch, Gap, Reach, Via, Why};
use crate::group::{Event, GroupId, MessageId, Post, Seq};
use crate::store::{Relayed, Write};

/// How sending a copy ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum CopyEnd {
    /// The member proved it, and knows it by this id.
    Delivered(MessageId),
    /// It is on a propagation node, on which the member looks or should, and will be known by this id. There is never a
    /// proof from there.
    Stored(MessageId),
    /// The member will never take it.
    Refused,
    /// The member was not reached.
    Failed(Why),
    /// The member is not to get it.
    Skipped,
}

/// A member is slow to reach if a full packet is half a second in the air on the first hop, at about 8 kbit/s; the engine's
/// figure has a margin of 6 s in it.
const SLOW_FROM: Duration = Duration::from_millis(6_500);

impl Host {
    /// The next copy to send, those who are cheap to reach first.
    pub(super) fn next_copy(&mut self) -> Option<(GroupId, Dispatch)> {
        let engine = &self.engine;
        self.groups.poll_copy(|person| {
            let first_hop = engine.first_hop_timeout(&delivery_address(person));
            if first_hop.is_some_and(|timeout| timeout >= SLOW_FROM) { Reach::Slow } else { Reach::Fast }
        })
    }

    fn reach(&self, address: &DestinationHash) -> Reach {
        let first_hop = self.engine.first_hop_timeout(address);
        if first_hop.is_some_and(|timeout| timeout >= SLOW_FROM) { Reach::Slow } else { Reach::Fast }
    }

    /// A copy takes its way, so that the next one may be made.
    pub(super) fn copy_attempted(&mut self, send: SendId, route: Option<Route>) {
        if let Some(Sent::Copy { group, member, seq }) = self.sent.get(&send)
            && let Some(hosted) = self.groups.stir(*group)
        {
            let via = route.map(|route| match route {
                Route::Packet => Via::Packet,
                Route::LinkPacket => Via::LinkPacket,
                Route::Resource => Via::Resource,
            });
            hosted.delivery.on_sent(*member, *seq, via);
        }
    }

    /// Sends a copy, or asks the store for its text first.
    pub(super) fn dispatch(&mut self, now: Instant, group: GroupId, dispatch: Dispatch) {
        let Some(hosted) = self.groups.get_mut(group) else { return };
        let seq = dispatch.seq;
        // A post of before nicks were kept has none, although it has an author.
        let is_complete = |(event, post): &(&Event, &Post)| event.actor.is_none() || post.nick.is_some();
        if let Some((event, post)) = hosted.tail.post(seq).filter(is_complete) {
            let row = Relayed::plain(event.clone(), post.nick.clone());
            return self.send_copy(now, group, dispatch, &row);
        }
        let asked_already = hosted.waiting_copies.iter().any(|other| other.seq == seq);
        hosted.waiting_copies.push_back(dispatch);
        if !asked_already {
            let members = hosted.understanding.iter().copied().collect();
            self.query(Query::Relayed { group, seq, members }, Asked::Line(group, seq));
        }
    }

    /// The store gave an older event, or knows that there is nothing to tell any more.
    pub(super) fn line_found(&mut self, now: Instant, group: GroupId, seq: Seq, rows: Rows) {
        let Some(hosted) = self.groups.stir(group) else { return };
        let (due, rest): (VecDeque<_>, _) =
            std::mem::take(&mut hosted.waiting_copies).into_iter().partition(|dispatch| dispatch.seq == seq);
        hosted.waiting_copies = rest;
        let Rows::Relayed(Some(row)) = rows else {
            due.into_iter().for_each(|copy| self.copy_ended(now, group, copy, CopyEnd::Skipped));
            return;
        };
        for dispatch in due {
            self.send_copy(now, group, dispatch, &row);
        }
    }

    fn send_copy(&mut self, now: Instant, group: GroupId, dispatch: Dispatch, row: &Relayed) {
        let Some(hosted) = self.groups.get(group) else { return };
        let roster = &hosted.group.state().roster;
        let Some(member) = roster.by_id(dispatch.member) else { return };
        let actor = row.event.actor.and_then(|actor| roster.by_id(actor)).map(|actor| actor.address);
        let may_read = row.is_for(&hosted.group.viewer_of(member));
        let push_bytes_max = match self.reach(&member.address) {
            Reach::Fast => u64::from(hosted.group.settings().push_kb_max) * 1_000,
            Reach::Slow => 0,
        };
        let language = hosted.group.language_for(member.identity.hash());
        let about = row.target.as_ref().and_then(|target| target.author);
        let is_wanted = member.preferences.push.wants(member.id, &row.event.kind, about);
        let id = row.ids.get(&member.id).copied();
        let is_news = row.subject_id != Some(member.id) || !row.event.kind.is_told_in_private();
        let roles = &hosted.group.state().roles;
        let copy = relay::copy(language, row, id, actor, push_bytes_max, roles)
            .filter(|_| may_read && is_wanted && is_news);
        let Some(copy) = copy else { return self.copy_ended(now, group, dispatch, CopyEnd::Skipped) };
        let outgoing = Outgoing {
            from: hosted.addresses.lxmf,
            to: member.address,
            timestamp: copy.time,
            title: Vec::new(),
            content: copy.content.into_bytes(),
            fields: copy.fields,
            method: None,
            priority: Priority::Message,
            ticket: true,
            fallback: self.mail.fallback,
        };
        match self.router.send(now, &mut self.engine, outgoing) {
            Ok(send) => {
                let Dispatch { member, seq } = dispatch;
                self.sent.insert(send, Sent::Copy { group, member, seq });
            }
            Err(_) => self.copy_ended(now, group, dispatch, CopyEnd::Failed(Why::Busy)),
        }
    }

    pub(super) fn copy_ended(&mut self, now: Instant, group: GroupId, copy: Dispatch, end: CopyEnd) {
        let Some(hosted) = self.groups.stir(group) else { return };
        let Dispatch { member, seq } = copy;
        let copy = if let CopyEnd::Delivered(id) | CopyEnd::Stored(id) = end { Some(id) } else { None };
        let cursor = match end {
            CopyEnd::Delivered(_) => hosted.delivery.on_delivered(member, seq),
            CopyEnd::Stored(_) => hosted.delivery.on_stored(member, seq),
            CopyEnd::Refused => hosted.delivery.on_refused(member, seq),
            CopyEnd::Skipped => hosted.delivery.on_skipped(member, seq),
            CopyEnd::Failed(why) => return hosted.delivery.on_failed(now, member, seq, why),
        };
        let gaps: Vec<Gap> = std::iter::from_fn(|| hosted.delivery.poll_gap()).collect();
        if let Some(cursor) = cursor {
            self.write(Write::Delivered { group, cursor, copy });
        }
        gaps.into_iter().for_each(|gap| self.write(Write::Gap { group, gap }));
    }
}
