//! Copies of posts on their way to members: whose turn it is, how a copy leaves, and what follows from how it ended. What it
//! says is `compose.rs`'s.

use std::time::Duration;

use lxmf::router::{Outgoing, Route, SendId};
use reticulum::hash::DestinationHash;
use reticulum::node::{Node, Priority};
use reticulum::time::Instant;

use super::messages::delivery_address;
use super::relay::Copy;
use super::{Host, Sent};
use crate::group::delivery::{Dispatch, Gap, GapFate, Proven, Reach, Settled, Via, Why};
use crate::group::{GroupId, MemberId, MessageId, Seq};
use crate::store::{OutboxRow, Write};

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
    Skipped(GapFate),
}

/// A member is slow to reach if a full packet is half a second in the air on the first hop, at about 8 kbit/s; the engine's
/// figure has a margin of 6 s in it.
const SLOW_FROM: Duration = Duration::from_millis(6_500);
/// Frames that wait at a slow medium, announces not counted, at which it gets no more copies: they wait with us instead,
/// where what is posted meanwhile joins them in one message.
const BUSY_FROM: usize = 2;

impl Host {
    /// The next copy to send, those who are cheap to reach first.
    pub(super) fn next_copy(&mut self) -> Option<(GroupId, Dispatch)> {
        let engine = &self.engine;
        self.groups.poll_copy(|person| reach(engine, &delivery_address(person)))
    }

    pub(super) fn reach(&self, address: &DestinationHash) -> Reach {
        reach(&self.engine, address)
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

    /// Hands a copy to the router. Whatever has to be durable before is.
    pub(super) fn launch(&mut self, now: Instant, group: GroupId, dispatch: Dispatch, copy: Copy) {
        let Some(hosted) = self.groups.get(group) else { return };
        let Dispatch { member, seq, again, .. } = dispatch;
        // They may have left while it was written down.
        if !hosted.delivery.is_under_way(member, seq) {
            return;
        }
        let Some(to) = hosted.group.state().roster.by_id(member).map(|member| member.address) else { return };
        let outgoing = Outgoing {
            from: hosted.addresses.lxmf,
            to,
            timestamp: copy.time,
            title: Vec::new(),
            content: copy.content.into_bytes(),
            fields: copy.fields,
            method: None,
            priority: Priority::Message,
            ticket: true,
            fallback: self.mail.fallback && !again,
        };
        match self.router.send(now, &mut self.engine, outgoing) {
            Ok(send) => {
                self.sent.insert(send, Sent::Copy { group, member, seq });
            }
            Err(_) => self.copy_ended(now, group, member, seq, CopyEnd::Failed(Why::Busy)),
        }
    }

    pub(super) fn copy_ended(
        &mut self,
        now: Instant,
        group: GroupId,
        member: MemberId,
        seq: Seq,
        end: CopyEnd,
    ) {
        let Some(hosted) = self.groups.stir(group) else { return };
        let delivery = &mut hosted.delivery;
        let (settled, id) = match end {
            CopyEnd::Delivered(id) => match delivery.on_delivered(member, seq) {
                Some(Proven::Next(settled)) => (Some(settled), Some(id)),
                Some(Proven::Stored(gap)) => return self.write(Write::Confirmed { group, gap }),
                None => (None, None),
            },
            CopyEnd::Stored(id) => (delivery.on_stored(now, member, seq), Some(id)),
            CopyEnd::Refused => (delivery.on_refused(member, seq), None),
            CopyEnd::Skipped(fate) => (delivery.on_skipped(member, seq, fate), None),
            CopyEnd::Failed(why) => {
                if let Some(tried) = delivery.on_failed(now, member, seq, why) {
                    self.write(Write::Tried { group, tried });
                }
                return;
            }
        };
        if let Some(Settled { cursor, has_row }) = settled {
            let row = match (has_row, end) {
                (false, _) => OutboxRow::None,
                (true, CopyEnd::Stored(_)) => OutboxRow::Keep,
                (true, _) => OutboxRow::Drop,
            };
            self.write(Write::Delivered { group, cursor, copy: id, row });
        }
        self.write_gaps(group);
        self.note_told(now, group);
    }

    /// Has stored what was passed over.
    pub(super) fn write_gaps(&mut self, group: GroupId) {
        let Some(hosted) = self.groups.get_mut(group) else { return };
        let gaps: Vec<Gap> = std::iter::from_fn(|| hosted.delivery.poll_gap()).collect();
        gaps.into_iter().for_each(|gap| self.write(Write::Gap { group, gap }));
    }

    /// A member refers to a post by the id that it has on their client: so they have it, even if it went by a propagation
    /// node.
    pub(super) fn post_seen(&mut self, group: GroupId, member: MemberId, seq: Seq) {
        let gap = self.groups.get_mut(group).and_then(|hosted| hosted.delivery.on_seen(member, seq));
        if let Some(gap) = gap {
            self.write(Write::Confirmed { group, gap });
        }
    }

    /// A member says how far they read.
    pub(super) fn posts_read(&mut self, group: GroupId, member: MemberId, through: Seq) {
        let Some(hosted) = self.groups.get_mut(group) else { return };
        let gaps: Vec<Gap> = std::iter::from_fn(|| hosted.delivery.on_read(member, through)).collect();
        gaps.into_iter().for_each(|gap| self.write(Write::Confirmed { group, gap }));
    }
}

fn reach(engine: &Node, address: &DestinationHash) -> Reach {
    match engine.first_hop_timeout(address) {
        Some(timeout) if timeout < SLOW_FROM => Reach::Fast,
        None => Reach::Fast,
        Some(_) if engine.path(address).is_none() => Reach::Unknown,
        Some(_) if engine.first_hop_backlog(address) >= BUSY_FROM => Reach::Busy,
        Some(_) => Reach::Slow,
    }
}
