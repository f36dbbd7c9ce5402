//! From a message to its proof.
//!
//! Each pair of one of ours and a peer has a lane: sends enter it in order, and a few of them at a time, its window,
//! are under way. `attempt` decides how one travels and what follows if nothing comes back; this module owns the
//! tables and turns events into the next step. Sends to a peer that does not answer fail together.
//!
//! A send that goes by a propagation node moves into the lane to that node (`by_node`), at once if its recipient was not
//! reached a while ago (`away`).
//!
//! A message that its recipient wants stamped gets its ticket or its proof of work between being signed and its turn
//! in the lane.

mod attempt;
mod away;
mod by_node;
mod lane;

use std::collections::{HashMap, VecDeque};

use reticulum::hash::{DestinationHash, LinkId};
use reticulum::node::{Node, Priority, ReceiptId, ResourceId};
use reticulum::time::{Instant, TimerQueue, UnixTime};
use thiserror::Error;

use self::away::Away;
use self::by_node::ByNode;
use self::lane::Lane;
use super::links::Pair;
use super::stamping::NoStamp;
use super::work::{PackJob, Work};
use super::{Context, Output};
use crate::app_data::AppData;
use crate::fields::{Fields, key};
use crate::message::{Method, Packed};
use crate::stamp::{Purpose, Searched};

/// Sends that have not ended, in total.
const SENDS_MAX: usize = 16_384;
/// Sends to one peer that have not ended.
const LANE_SENDS_MAX: usize = 256;
/// Bytes of all sends that have not ended.
const BYTES_MAX: usize = 16 << 20;

/// Names a send within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendId(pub(super) u64);

/// A message to send.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// One of our delivery destinations.
    pub from: DestinationHash,
    /// Somebody's delivery destination.
    pub to: DestinationHash,
    /// Part of the message; see [`Draft::timestamp`](crate::message::Draft::timestamp).
    pub timestamp: UnixTime,
    /// UTF-8.
    pub title: Vec<u8>,
    /// UTF-8.
    pub content: Vec<u8>,
    /// Any.
    pub fields: Fields,
    /// How it must travel; by itself it takes an open link, or a packet if it fits one, or a new link. One that
    /// cannot be opportunistic because of its size is direct. On paper, it ends as [`Output::Paper`].
    pub method: Option<Method>,
    /// Whether it may go by a propagation node once its recipient was not reached otherwise: first by the one that the
    /// recipient named, see [`Router::set_node`](super::Router::set_node).
    pub fallback: bool,
    /// Its place in the queues of slow interfaces.
    pub priority: Priority,
    /// Whether it is to offer a ticket, if one is due and we ask for stamps; the ticket becomes one of its fields.
    pub ticket: bool,
}

/// How a message went that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// As a single packet.
    Packet,
    /// As a packet on a link.
    LinkPacket,
    /// As a resource.
    Resource,
}

/// Why a send was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// The sender is not one of our destinations.
    #[error("the sender is not a delivery destination of ours")]
    UnknownSender,
    /// This peer has too many already; try again when one of them has ended.
    #[error("too many messages wait for this peer")]
    LaneFull,
    /// There are too many in total, or too large ones; try again when some have ended.
    #[error("too many messages wait to be sent")]
    Full,
}

/// Why a send ended without a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// Nobody answered for the path to the peer.
    #[error("no path to the recipient")]
    NoPath,
    /// There is a path, but nothing came back over it.
    #[error("the recipient does not answer")]
    NoAnswer,
    /// The peer does not want a message of this size.
    #[error("the recipient rejected the message")]
    Rejected,
    /// Given up by the application.
    #[error("cancelled")]
    Cancelled,
    /// A message to the peer costs more than [`StampPolicy::cost_max`](super::StampPolicy::cost_max).
    #[error("the recipient asks for a stamp of cost {cost}, which is more than we pay")]
    StampTooDear {
        /// What it asks for.
        cost: u8,
    },
    /// There is no propagation node to use.
    #[error("no propagation node is known")]
    NoNode,
    /// It is too large for the propagation node, or for paper.
    #[error("the message is too large for this way")]
    TooLarge,
    /// The propagation node turned the stamp away.
    #[error("the propagation node refused the stamp")]
    StampRefused,
    /// There is no budget left for the stamp that the peer asks for.
    #[error("the budget for stamps is spent")]
    StampBudget,
}

/// Messages on their way out.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    sends: HashMap<SendId, Send>,
    lanes: HashMap<Pair, Lane>,
    receipts: HashMap<ReceiptId, SendId>,
    transfers: HashMap<(LinkId, ResourceId), SendId>,
    timers: TimerQueue<SendId>,
    away: Away,
    /// Lanes in which something changed, so that more may be sent. Empty between calls.
    ready: VecDeque<Pair>,
    bytes: usize,
    last_id: u64,
}

#[derive(Debug)]
struct Send {
    /// Its lane: to its recipient or to a propagation node.
    pair: Pair,
    /// Its recipient.
    to: DestinationHash,
    fallback: bool,
    /// What there is of it for propagation nodes, once it is to go by one.
    by_node: Option<Box<ByNode>>,
    priority: Priority,
    method: Option<Method>,
    packed: Option<Packed>,
    bytes: usize,
    state: State,
    /// Packets sent, links asked for and path requests made on its behalf.
    attempts: u32,
    /// Times that it was handed to an active link.
    link_sends: u32,
    /// When it was last tried.
    tried_at: Instant,
    /// The last packet went along a known path.
    went_by_path: bool,
    /// Of packets whose proof may still come; one for each attempt at most.
    receipts: Vec<ReceiptId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Being signed.
    Packing,
    /// Until a stamp of this cost is found.
    Stamping { cost: u8 },
    /// Being sealed, for a propagation node or for paper.
    Sealing,
    /// Until its propagation node is heard, so that its price is known.
    AwaitingNode,
    /// Signed, in its lane behind others.
    Queued,
    /// Between two attempts; the timer or the peer starts the next one.
    Waiting { for_path: bool },
    /// Until its lane's link opens or does not.
    Linking,
    /// Until the link proves it or closes.
    OnLink(LinkId),
    /// Until the resource ends.
    Transfer(LinkId, ResourceId),
}

impl Outbound {
    pub(super) fn send(&mut self, cx: &mut Context<'_>, outgoing: Outgoing) -> Result<SendId, SendError> {
        let delivery = cx.deliveries.get(&outgoing.from).ok_or(SendError::UnknownSender)?;
        let bytes = outgoing.title.len() + outgoing.content.len() + outgoing.fields.as_raw().len();
        if self.sends.len() >= SENDS_MAX || self.bytes + bytes > BYTES_MAX {
            return Err(SendError::Full);
        }
        let pair = Pair { local: outgoing.from, remote: outgoing.to };
        let lane = self.lanes.entry(pair).or_default();
        if lane.len() >= LANE_SENDS_MAX {
            return Err(SendError::LaneFull);
        }
        self.last_id += 1;
        let id = SendId(self.last_id);
        lane.push(id);
        self.bytes += bytes;
        self.sends.insert(id, Send::new(pair, &outgoing, bytes, cx.now));
        let fields = if outgoing.ticket { with_ticket(cx, pair, &outgoing) } else { None };
        cx.work(Work::pack(PackJob {
            send: id,
            identity: delivery.identity.clone(),
            destination: outgoing.to,
            source: outgoing.from,
            timestamp: outgoing.timestamp.as_secs_f64(),
            title: outgoing.title,
            content: outgoing.content,
            fields: fields.unwrap_or(outgoing.fields),
        }));
        Ok(id)
    }

    pub(super) fn cancel(&mut self, cx: &mut Context<'_>, id: SendId) -> bool {
        let Some(send) = self.sends.get(&id) else { return false };
        if let State::Transfer(link, resource) = send.state {
            // If the link has gone meanwhile, so has the resource.
            let _ = cx.node.cancel_resource(cx.now, link, resource);
        }
        self.end(cx, id, Failure::Cancelled);
        self.settle(cx);
        true
    }

    /// Cancels all that one of our destinations has to send.
    pub(super) fn cancel_from(&mut self, cx: &mut Context<'_>, local: &DestinationHash) {
        let theirs = self.sends.iter().filter(|(_, send)| send.pair.local == *local);
        let mut ids: Vec<SendId> = theirs.map(|(id, _)| *id).collect();
        ids.sort_unstable();
        for id in ids {
            self.cancel(cx, id);
        }
    }

    pub(super) fn handle_packed(&mut self, cx: &mut Context<'_>, id: SendId, packed: Packed) {
        // It may have been cancelled.
        let Some(send) = self.sends.get_mut(&id) else { return };
        send.packed = Some(packed);
        match send.method {
            Some(Method::Paper) => self.seal(cx, id),
            _ => self.stamp(cx, id),
        }
        self.settle(cx);
    }

    /// A slice of the search for a stamp ended.
    pub(super) fn handle_searched(
        &mut self,
        cx: &mut Context<'_>,
        id: SendId,
        cost: u8,
        before: u64,
        searched: Searched,
    ) {
        let wanted = self.wants_stamp(id);
        let Some(stamp) = cx.stamping.searched(cx.now, id, before, searched, wanted) else { return };
        let Some(send) = self.sends.get_mut(&id).filter(|_| wanted) else { return };
        match (&mut send.by_node, &mut send.packed) {
            (Some(by_node), _) => {
                by_node.pay(cost, stamp);
                self.upload(cx, id);
            }
            (None, Some(packed)) => {
                cx.stamping.keep(packed.id().as_bytes(), cost, stamp);
                packed.add_stamp(&stamp);
                self.start(cx, id);
            }
            (None, None) => {}
        }
        self.settle(cx);
    }

    /// Whether a send still waits for its stamp.
    pub(super) fn wants_stamp(&self, id: SendId) -> bool {
        self.sends.get(&id).is_some_and(|send| matches!(send.state, State::Stamping { .. }))
    }

    /// Stamps a signed message as its recipient wants it (`spec/lxmf.md` 5.4): with a ticket if there is one, whatever
    /// is asked for, or with proof of work if the newest announce asks for it. Then it takes its turn.
    fn stamp(&mut self, cx: &mut Context<'_>, id: SendId) {
        let Some(send) = self.sends.get_mut(&id) else { return };
        let Some(packed) = &mut send.packed else { return };
        if let Some(ticket) = cx.terms.ticket(&send.pair, cx.node.unix_time(cx.now)) {
            packed.add_stamp(&ticket.stamp(&packed.id()));
            return self.start(cx, id);
        }
        let app_data = cx.node.peer(&send.to).and_then(|peer| peer.app_data.as_deref());
        let Some(cost) = app_data.and_then(|app_data| AppData::parse(app_data).stamp_cost) else {
            return self.start(cx, id);
        };
        let material = *packed.id().as_bytes();
        if let Some(stamp) = cx.stamping.found(&material, cost) {
            packed.add_stamp(&stamp);
            return self.start(cx, id);
        }
        send.state = State::Stamping { cost };
        let queued = cx.stamping.search(cx.now, id, Purpose::Message, material, cost);
        let reason = match queued {
            Ok(()) => return self.tell_attempted(cx, id),
            Err(NoStamp::TooDear) => Failure::StampTooDear { cost },
            Err(NoStamp::Budget) => Failure::StampBudget,
        };
        cx.counters.send_stamp_refused += 1;
        self.fail(cx, id, reason);
    }

    /// The message is as its recipient wants it.
    fn start(&mut self, cx: &mut Context<'_>, id: SendId) {
        let Some(send) = self.sends.get(&id) else { return };
        let may_go_by_node = send.fallback && send.method.is_none();
        if send.method == Some(Method::Propagated) {
            self.go_by_node(cx, id, Failure::NoNode);
        } else if may_go_by_node && self.away.contains(cx.now, &send.pair) {
            self.go_by_node(cx, id, Failure::NoPath);
        } else {
            self.enqueue(id);
        }
    }

    /// It goes when its lane lets it.
    fn enqueue(&mut self, id: SendId) {
        if let Some(send) = self.sends.get_mut(&id) {
            send.state = State::Queued;
            self.ready.push_back(send.pair);
        }
    }

    /// Whether the receipt is of something that is still to be proven.
    pub(super) fn owns(&self, receipt: ReceiptId) -> bool {
        self.receipts.contains_key(&receipt)
    }

    pub(super) fn handle_proof(&mut self, cx: &mut Context<'_>, receipt: ReceiptId) {
        if let Some(id) = self.receipts.remove(&receipt) {
            self.deliver(cx, id);
            self.settle(cx);
        }
    }

    pub(super) fn handle_no_proof(&mut self, cx: &mut Context<'_>, receipt: ReceiptId) {
        let Some(id) = self.receipts.remove(&receipt) else { return };
        let Some(send) = self.sends.get_mut(&id) else { return };
        send.receipts.retain(|one| *one != receipt);
        let (pair, state) = (send.pair, send.state);
        if let Some(lane) = self.lanes.get_mut(&pair) {
            lane.shrink();
        }
        if let State::OnLink(link) = state {
            // A link on which proofs do not come is of no use to the messages behind, either (spec/lxmf.md 8.4).
            cx.node.close_link(cx.now, link);
            cx.links.deactivate(link);
            self.wait_for_path(cx, id);
        }
        self.settle(cx);
    }

    pub(super) fn handle_resource_sent(&mut self, cx: &mut Context<'_>, link: LinkId, resource: ResourceId) {
        if let Some(id) = self.transfers.remove(&(link, resource)) {
            self.deliver(cx, id);
            self.settle(cx);
        }
    }

    pub(super) fn handle_resource_rejected(
        &mut self,
        cx: &mut Context<'_>,
        link: LinkId,
        resource: ResourceId,
    ) {
        if let Some(id) = self.transfers.remove(&(link, resource)) {
            cx.counters.send_rejected += 1;
            self.fail(cx, id, Failure::Rejected);
            self.settle(cx);
        }
    }

    pub(super) fn handle_resource_failed(
        &mut self,
        cx: &mut Context<'_>,
        link: LinkId,
        resource: ResourceId,
    ) {
        if let Some(id) = self.transfers.remove(&(link, resource)) {
            cx.node.close_link(cx.now, link);
            cx.links.deactivate(link);
            self.wait_for_path(cx, id);
            self.settle(cx);
        }
    }

    pub(super) fn handle_link_opened(&mut self, cx: &mut Context<'_>, link: LinkId) {
        cx.links.activate(cx.now, link);
        let Some(pair) = cx.links.pair(link) else { return };
        if let Some(lane) = self.lanes.get_mut(&pair) {
            lane.link_answered(link);
        }
        self.attempt_those(cx, pair, |send, _| send.state == State::Linking);
        self.settle(cx);
    }

    pub(super) fn handle_link_closed(&mut self, cx: &mut Context<'_>, link: LinkId) {
        let Some(pair) = cx.links.remove(link) else { return };
        let was_opening = self.lanes.get_mut(&pair).is_some_and(|lane| lane.link_answered(link));
        for id in self.active_of(&pair) {
            let Some(send) = self.sends.get(&id) else { continue };
            match send.state {
                State::Linking if was_opening => self.wait_after_no_link(cx, id),
                State::OnLink(on) | State::Transfer(on, _) if on == link => self.wait_for_path(cx, id),
                _ => {}
            }
        }
        self.settle(cx);
    }

    /// A peer is there: what waits for it goes at once, unless it went a moment ago.
    pub(super) fn handle_heard(&mut self, cx: &mut Context<'_>, remote: DestinationHash) {
        cx.deliveries.keys().for_each(|local| self.away.forget(&Pair { local: *local, remote }));
        for pair in self.lanes_to(cx, remote) {
            let reachable = cx.node.path(&remote).is_some() || cx.links.active(&pair).is_some();
            let now = cx.now;
            self.attempt_those(cx, pair, |send, node| reachable && send.may_go_when_heard(now, node));
        }
        self.settle(cx);
    }

    /// A path is known now: what waits for it goes at once.
    pub(super) fn handle_path(&mut self, cx: &mut Context<'_>, remote: DestinationHash) {
        for pair in self.lanes_to(cx, remote) {
            self.attempt_those(cx, pair, |send, _| send.state == State::Waiting { for_path: true });
        }
        self.settle(cx);
    }

    pub(super) fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        while let Some(id) = self.timers.pop_due(cx.now) {
            self.wait_ended(cx, id);
        }
        self.settle(cx);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// Whether nothing is left of any send.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        let tables =
            [self.sends.len(), self.lanes.len(), self.receipts.len(), self.transfers.len(), self.bytes];
        tables == [0; 5] && self.timers.is_empty()
    }

    /// The lanes to a peer, in the order of our destinations.
    fn lanes_to(&self, cx: &Context<'_>, remote: DestinationHash) -> Vec<Pair> {
        if self.lanes.is_empty() {
            return Vec::new();
        }
        let pairs = cx.deliveries.keys().map(|local| Pair { local: *local, remote });
        pairs.filter(|pair| self.lanes.contains_key(pair)).collect()
    }

    fn attempt_those(&mut self, cx: &mut Context<'_>, pair: Pair, wanted: impl Fn(&Send, &Node) -> bool) {
        for id in self.active_of(&pair) {
            if self.sends.get(&id).is_some_and(|send| wanted(send, cx.node)) {
                self.attempt(cx, id);
            }
        }
    }

    /// Starts what the windows of changed lanes allow, and forgets lanes that ran empty.
    fn settle(&mut self, cx: &mut Context<'_>) {
        while let Some(pair) = self.ready.pop_front() {
            while let Some(id) = self.next_of(pair) {
                self.attempt(cx, id);
            }
            if self.lanes.get(&pair).is_some_and(Lane::is_empty) {
                self.lanes.remove(&pair);
            }
        }
    }

    fn next_of(&mut self, pair: Pair) -> Option<SendId> {
        let sends = &self.sends;
        let signed = |id: SendId| sends.get(&id).is_some_and(|send| send.state == State::Queued);
        self.lanes.get_mut(&pair)?.start_next(signed)
    }

    fn deliver(&mut self, cx: &mut Context<'_>, id: SendId) {
        let Some(send) = self.finish(id) else { return };
        if let State::OnLink(link) | State::Transfer(link, _) = send.state {
            cx.links.touch(cx.now, link);
        }
        let message = send.packed.as_ref().map(Packed::id).expect("what was proven had been signed");
        if send.by_node.is_some() {
            // One at a time: a node that turns a stamp away does not say whose.
            cx.outputs.push_back(Output::Stored { send: id, message, node: send.pair.remote });
            return;
        }
        if let State::OnLink(link) | State::Transfer(link, _) = send.state {
            let delivery = cx.deliveries.get(&send.pair.local);
            if let Some(delivery) = delivery.filter(|_| cx.links.take_unidentified(link)) {
                // Now the peer can answer on this link (spec/lxmf.md 8.6). If it has just closed, it cannot.
                let _ = cx.node.identify(cx.now, link, &delivery.identity);
            }
        }
        if let Some(lane) = self.lanes.get_mut(&send.pair) {
            lane.grow(cx.now.since(send.tried_at));
        }
        let route = match send.state {
            State::OnLink(_) => Route::LinkPacket,
            State::Transfer(..) => Route::Resource,
            _ => Route::Packet,
        };
        cx.outputs.push_back(Output::Delivered { send: id, message, route });
    }

    /// A send did not arrive on the way that it took: it takes the next one, or ends.
    fn fail(&mut self, cx: &mut Context<'_>, id: SendId, reason: Failure) {
        let Some(pair) = self.sends.get(&id).map(|send| send.pair) else { return };
        let unreachable = matches!(reason, Failure::NoPath | Failure::NoAnswer);
        // What waits behind it would learn the same, a minute later each.
        let behind = self.lanes.get_mut(&pair).filter(|_| unreachable).map(Lane::take_waiting);
        // It may itself have been waiting, for its propagation node to be heard.
        let behind = behind.unwrap_or_default().into_iter().filter(|one| *one != id);
        for id in std::iter::once(id).chain(behind) {
            cx.counters.send_unreachable += u64::from(unreachable);
            match self.sends.get(&id).is_some_and(|send| send.has_other_way(reason)) {
                true => {
                    self.note_away(cx, id);
                    self.go_by_node(cx, id, reason);
                }
                false => self.end(cx, id, reason),
            }
        }
    }

    /// A send leaves the direct way.
    fn note_away(&mut self, cx: &Context<'_>, id: SendId) {
        if let Some(send) = self.sends.get(&id).filter(|send| send.by_node.is_none()) {
            self.away.note(cx.now, send.pair);
        }
    }

    fn end(&mut self, cx: &mut Context<'_>, id: SendId, reason: Failure) {
        if self.finish(id).is_some() {
            cx.outputs.push_back(Output::Failed { send: id, reason });
        }
    }

    /// Forgets a send, wherever it is entered.
    fn finish(&mut self, id: SendId) -> Option<Send> {
        self.detach(id);
        let send = self.sends.remove(&id)?;
        self.bytes -= send.bytes;
        Some(send)
    }

    /// Takes a send out of its lane and of all that waits for something on its behalf.
    fn detach(&mut self, id: SendId) {
        let Some(send) = self.sends.get_mut(&id) else { return };
        self.timers.cancel(&id);
        for receipt in send.receipts.drain(..) {
            self.receipts.remove(&receipt);
        }
        if let State::Transfer(link, resource) = send.state {
            self.transfers.remove(&(link, resource));
        }
        if let Some(lane) = self.lanes.get_mut(&send.pair) {
            lane.remove(id);
        }
        self.ready.push_back(send.pair);
    }

    fn active_of(&self, pair: &Pair) -> Vec<SendId> {
        self.lanes.get(pair).map(Lane::active).unwrap_or_default()
    }
}

impl Send {
    fn new(pair: Pair, outgoing: &Outgoing, bytes: usize, now: Instant) -> Self {
        Self {
            pair,
            to: pair.remote,
            fallback: outgoing.fallback,
            by_node: None,
            priority: outgoing.priority,
            method: outgoing.method,
            packed: None,
            bytes,
            state: State::Packing,
            attempts: 0,
            link_sends: 0,
            tried_at: now,
            went_by_path: false,
            receipts: Vec::new(),
        }
    }
}

/// The fields of a message with a ticket among them, if one is due and we ask for stamps. The ticket is that of the
/// message's own time, so that the same message always carries the same one.
fn with_ticket(cx: &mut Context<'_>, pair: Pair, outgoing: &Outgoing) -> Option<Fields> {
    let delivery = cx.deliveries.get(&pair.local).filter(|delivery| delivery.stamp_cost.is_some())?;
    let mut terms = cx.terms.of(&pair);
    if !terms.offer(outgoing.timestamp, cx.node.unix_time(cx.now)) {
        return None;
    }
    if cx.terms.set(terms) {
        cx.outputs.push_back(Output::Terms(terms));
    }
    let ticket = delivery.tickets.issue(&pair.remote, outgoing.timestamp).to_field();
    Some(outgoing.fields.with(key::TICKET, &ticket))
}
