//! Sends that go by a propagation node (`spec/lxmf.md` 3.3, 8.5, 9.1): sealed once, paid for, uploaded.
//!
//! The recipient's own node is tried first, then the others, each as a lane of its own. Nodes want a stamp on the sealed
//! message, whose price is in their announce.

use std::collections::VecDeque;

use reticulum::hash::{DestinationHash, LinkId};
use reticulum::time::UnixTime;

use super::{Failure, Outbound, Send, SendId, State};
use crate::message::Method;
use crate::propagation::{self, TransientId};
use crate::router::links::Pair;
use crate::router::nodes;
use crate::router::stamping::NoStamp;
use crate::router::work::{SealJob, Work};
use crate::router::{Context, Output};
use crate::stamp::{Purpose, STAMP_LEN};
use crate::{paper, router};

/// A message as it is for propagation nodes.
#[derive(Debug)]
pub(super) struct ByNode {
    /// Nodes that were not tried yet, best first.
    candidates: VecDeque<DestinationHash>,
    /// Destination and ciphertext. Sealed once: another ciphertext would be another message to the nodes.
    stored: Option<Vec<u8>>,
    /// The stamp that was found, and its price.
    stamp: Option<(u8, [u8; STAMP_LEN])>,
    /// What is uploaded.
    pub(super) container: Vec<u8>,
}

impl ByNode {
    /// Takes a stamp that was found.
    pub(super) fn pay(&mut self, cost: u8, stamp: [u8; STAMP_LEN]) {
        self.stamp = Some((cost, stamp));
    }
}

impl Send {
    /// Whether a failure on one way leaves another to try.
    pub(super) fn has_other_way(&self, reason: Failure) -> bool {
        match (&self.by_node, reason) {
            (_, Failure::Cancelled) => false,
            (Some(by_node), _) => !by_node.candidates.is_empty(),
            (None, Failure::NoPath | Failure::NoAnswer) => {
                let is_ready = !matches!(self.state, State::Packing | State::Stamping { .. });
                self.fallback && self.method.is_none() && is_ready
            }
            (None, _) => false,
        }
    }
}

impl Outbound {
    /// Moves a send into the lane to the next propagation node. If there is none, it fails for this reason.
    pub(super) fn go_by_node(&mut self, cx: &mut Context<'_>, id: SendId, reason: Failure) {
        self.detach(id);
        let Some(send) = self.sends.get_mut(&id) else { return };
        let Pair { local, .. } = send.pair;
        let named = cx.terms.of(&Pair { local, remote: send.to }).node;
        let by_node = send.by_node.get_or_insert_with(|| {
            let candidates = cx.nodes.candidates(cx.node, named).into();
            Box::new(ByNode { candidates, stored: None, stamp: None, container: Vec::new() })
        });
        let Some(node) = by_node.candidates.pop_front() else {
            self.away.forget(&Pair { local, remote: send.to });
            return self.end(cx, id, reason);
        };
        let is_sealed = by_node.stored.is_some();
        // It comes back, and only one ciphertext of a message may exist.
        let is_being_sealed = send.state == State::Sealing;
        send.pair = Pair { local, remote: node };
        (send.attempts, send.link_sends) = (0, 0);
        self.lanes.entry(send.pair).or_default().push(id);
        match (is_sealed, is_being_sealed) {
            (true, _) => self.upload(cx, id),
            (false, true) => {}
            (false, false) => self.seal(cx, id),
        }
    }

    /// Seals a message to its recipient, for a node or for paper.
    pub(super) fn seal(&mut self, cx: &mut Context<'_>, id: SendId) {
        let Some(send) = self.sends.get_mut(&id) else { return };
        let Some(peer) = cx.node.peer(&send.to) else { return self.end(cx, id, Failure::NoPath) };
        let (recipient, ratchet) = (peer.identity.clone(), peer.ratchet_at(cx.node.unix_time(cx.now)));
        let body = send.packed.as_ref().map(|packed| packed.opportunistic_body().to_vec());
        send.state = State::Sealing;
        let job = SealJob {
            send: id,
            destination: send.to,
            recipient,
            ratchet,
            entropy: cx.node.random_bytes(),
            body: body.unwrap_or_default(),
        };
        cx.work(Work::seal(job));
    }

    pub(in crate::router) fn handle_sealed(&mut self, cx: &mut Context<'_>, id: SendId, stored: Vec<u8>) {
        let Some(send) = self.sends.get_mut(&id) else { return };
        if send.method == Some(Method::Paper) {
            self.put_on_paper(cx, id, &stored);
        } else if let Some(by_node) = &mut send.by_node {
            send.bytes += stored.len();
            self.bytes += stored.len();
            by_node.stored = Some(stored);
            self.upload(cx, id);
        }
        self.settle(cx);
    }

    /// Pays what the node asks for, and lets the upload take its turn.
    pub(super) fn upload(&mut self, cx: &mut Context<'_>, id: SendId) {
        let Some(send) = self.sends.get_mut(&id) else { return };
        let node = send.pair.remote;
        let Some(by_node) = &mut send.by_node else { return };
        let Some(stored) = &by_node.stored else { return };
        let Some(info) = nodes::info(cx.node, &node) else { return self.await_node(cx, id) };
        let len = (stored.len() + STAMP_LEN) as u64;
        if len > info.message_len_max.min(info.transfer_len_max) {
            return self.fail(cx, id, Failure::TooLarge);
        }
        let cost = info.stamp_cost;
        let id_on_nodes = TransientId::of(stored);
        if let Some((_, stamp)) = by_node.stamp.filter(|(paid, _)| *paid >= cost) {
            let now: UnixTime = cx.node.unix_time(cx.now);
            by_node.container = propagation::container(now, stored, &stamp);
            return self.enqueue(id);
        }
        send.state = State::Stamping { cost };
        let material = *id_on_nodes.as_bytes();
        match cx.stamping.search(cx.now, id, Purpose::Propagation, material, cost) {
            Ok(()) => {}
            Err(NoStamp::TooDear) => self.fail(cx, id, Failure::StampTooDear { cost }),
            Err(NoStamp::Budget) => self.fail(cx, id, Failure::StampBudget),
        }
    }

    /// A node was heard, or a path to it found: those that wait for its price go on.
    pub(in crate::router) fn handle_node(&mut self, cx: &mut Context<'_>, node: DestinationHash) {
        for pair in self.lanes_to(cx, node) {
            let all = self.lanes.get(&pair).map(super::Lane::all).unwrap_or_default();
            for id in all {
                if self.sends.get(&id).is_some_and(|send| send.state == State::AwaitingNode) {
                    self.timers.cancel(&id);
                    self.upload(cx, id);
                }
            }
        }
        self.settle(cx);
    }

    /// Whether a link is one of ours to a propagation node.
    pub(in crate::router) fn is_to_node(&self, cx: &Context<'_>, link: LinkId) -> bool {
        let of_node = |id: &SendId| self.sends.get(id).is_some_and(|send| send.by_node.is_some());
        cx.links.pair(link).is_some_and(|pair| self.active_of(&pair).iter().any(of_node))
    }

    /// A node turned the stamp of what was uploaded last away. Uploads go one at a time, so that is known.
    pub(in crate::router) fn handle_stamp_refused(&mut self, cx: &mut Context<'_>, link: LinkId) {
        let Some(pair) = cx.links.pair(link) else { return };
        let is_on =
            |send: &Send| matches!(send.state, State::OnLink(on) | State::Transfer(on, _) if on == link);
        let on_link = self.active_of(&pair).into_iter().find(|id| self.sends.get(id).is_some_and(is_on));
        if let Some(id) = on_link {
            cx.counters.upload_refused += 1;
            self.fail(cx, id, Failure::StampRefused);
            self.settle(cx);
        }
    }

    fn await_node(&mut self, cx: &mut Context<'_>, id: SendId) {
        let Some(send) = self.sends.get_mut(&id) else { return };
        send.state = State::AwaitingNode;
        cx.node.request_path(cx.now, send.pair.remote);
        self.timers.set(id, cx.now + super::attempt::PATH_WAIT);
    }

    fn put_on_paper(&mut self, cx: &mut Context<'_>, id: SendId, stored: &[u8]) {
        let Some(uri) = paper::encode(stored) else { return self.end(cx, id, router::Failure::TooLarge) };
        let message = self.finish(id).and_then(|send| send.packed).map(|packed| packed.id());
        if let Some(message) = message {
            cx.outputs.push_back(Output::Paper { send: id, message, uri });
        }
    }
}
