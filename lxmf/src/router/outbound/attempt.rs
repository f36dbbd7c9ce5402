//! One attempt to deliver: how the message travels, and when the next attempt is due (`spec/lxmf.md` 8.1 to 8.4).
//!
//! Where the reference looks at its queue every few seconds, here each wait is a timer of its own, and a path that
//! appears or a peer that is heard ends it.

use std::time::Duration;

use reticulum::hash::{DestinationHash, LinkId};
use reticulum::node::{LinkError, Node, ResourceOptions, SendError, Sending};
use reticulum::time::Instant;

use super::{Failure, Outbound, Send, SendId, State};
use crate::app_data::AppData;
use crate::message::{Method, Packed};
use crate::propagation::CONTAINER_PACKET_MAX;
use crate::router::{self, Context, Output};

/// Attempts before a send fails; the fifth link is not asked for any more. Fewer where each takes long.
const ATTEMPTS_MAX: u32 = 5;
/// Fewest attempts, however slow the medium is.
const ATTEMPTS_MIN: u32 = 3;
/// What a round trip is taken to cost beside the air time of its first hop.
const RTT_MARGIN: Duration = Duration::from_secs(6);
/// From one attempt to the next.
const RETRY_WAIT: Duration = Duration::from_secs(10);
/// From a path request to the next attempt, unless the path is found before; also the least time between two.
pub(super) const PATH_WAIT: Duration = Duration::from_secs(7);
/// A path over which two packets went unanswered is asked for anew.
const REDISCOVER_AFTER: u32 = 2;
/// When the node or the link has too much under way.
const BUSY_WAIT: Duration = Duration::from_secs(1);
/// Hearing a peer repeats what went unanswered for this long: before, its proof may be on the way.
const HEARD_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How long to wait, and how often to try, on the medium that leads to a peer (`spec/lxmf.md` 8.1, "medium awareness").
struct Patience {
    retry: Duration,
    path: Duration,
    attempts_max: u32,
}

impl Patience {
    fn with(cx: &Context<'_>, remote: &DestinationHash) -> Self {
        let first_hop = cx.node.first_hop_timeout(remote).unwrap_or(RTT_MARGIN);
        // The engine's figure has a margin of its own in it.
        let rtt = 2 * first_hop.saturating_sub(RTT_MARGIN) + RTT_MARGIN;
        // Each hop contends for the air anew.
        let hops = cx.node.path(remote).map_or(1, |path| u32::from(path.hops.max(1)));
        let whole = 2 * hops * first_hop.saturating_sub(RTT_MARGIN) + RTT_MARGIN;
        let attempts_max = if rtt <= RETRY_WAIT {
            ATTEMPTS_MAX
        } else {
            ((50.0 / rtt.as_secs_f64()).round() as u32).max(ATTEMPTS_MIN)
        };
        Self { retry: RETRY_WAIT.max(whole), path: PATH_WAIT.max(rtt), attempts_max }
    }
}

/// How a message travels.
enum Route {
    Link(LinkId),
    Packet,
    NewLink,
}

impl Send {
    /// An open link costs nothing to reuse; a packet costs less than a handshake.
    fn route(&self, active: Option<LinkId>) -> Route {
        if self.by_node.is_some() {
            return active.map_or(Route::NewLink, Route::Link);
        }
        let fits = self.packed.as_ref().is_some_and(Packed::fits_opportunistic);
        match (self.method, active) {
            (Some(Method::Opportunistic), _) if fits => Route::Packet,
            (_, Some(link)) => Route::Link(link),
            (None, None) if fits => Route::Packet,
            _ => Route::NewLink,
        }
    }

    pub(super) fn may_go_when_heard(&self, now: Instant, node: &Node) -> bool {
        match self.state {
            State::Waiting { for_path: true } => true,
            // Over a slow medium its timer knows better, when the proof can be expected.
            State::Waiting { for_path: false } => {
                self.sending(node).is_none() && now.since(self.tried_at) >= HEARD_AGAIN_AFTER
            }
            _ => false,
        }
    }

    /// How far the newest packet has come, if it goes over a slow medium and may still be proven.
    fn sending(&self, node: &Node) -> Option<Sending> {
        self.receipts.last().and_then(|receipt| node.sending(*receipt))
    }

    fn packed(&self) -> &Packed {
        self.packed.as_ref().expect("a send is attempted once it is signed")
    }
}

impl Outbound {
    /// The time of a send is over. It is not, if its packet waited for a slow medium: the time for the proof begins when it
    /// leaves, and another packet would only stand behind it.
    pub(super) fn wait_ended(&mut self, cx: &mut Context<'_>, id: SendId) {
        let Some(send) = self.sends.get(&id) else { return };
        let retry = Patience::with(cx, &send.pair.remote).retry;
        let until = match send.sending(cx.node) {
            Some(Sending::Queued) => cx.now + retry,
            Some(Sending::Sent { at }) => at + retry,
            None => cx.now,
        };
        if until > cx.now && send.state == (State::Waiting { for_path: false }) {
            return self.wait(id, until, false);
        }
        self.attempt(cx, id);
    }

    /// Tries a send that is under way in its lane. It then waits, is on a link, or has failed.
    pub(super) fn attempt(&mut self, cx: &mut Context<'_>, id: SendId) {
        self.take_way(cx, id);
        self.tell_attempted(cx, id);
    }

    /// Tells how far a send has come, unless it has ended.
    pub(super) fn tell_attempted(&self, cx: &mut Context<'_>, id: SendId) {
        let Some(send) = self.sends.get(&id).filter(|send| send.by_node.is_none()) else { return };
        let route = match send.state {
            State::OnLink(_) => Some(router::Route::LinkPacket),
            State::Transfer(..) => Some(router::Route::Resource),
            State::Waiting { for_path: false } if !send.receipts.is_empty() => Some(router::Route::Packet),
            _ => None,
        };
        cx.outputs.push_back(Output::Attempted { send: id, route });
    }

    fn take_way(&mut self, cx: &mut Context<'_>, id: SendId) {
        let Some(send) = self.sends.get_mut(&id) else { return };
        self.timers.cancel(&id);
        if send.state == State::AwaitingNode {
            return self.fail(cx, id, Failure::NoPath);
        }
        send.tried_at = cx.now;
        match send.route(cx.links.active(&send.pair)) {
            Route::Link(link) => self.attempt_on_link(cx, id, link),
            Route::Packet => self.attempt_packet(cx, id),
            Route::NewLink => self.attempt_new_link(cx, id),
        }
    }

    fn attempt_on_link(&mut self, cx: &mut Context<'_>, id: SendId, link: LinkId) {
        let Some(send) = self.sends.get_mut(&id) else { return };
        let patience = Patience::with(cx, &send.pair.remote);
        if send.link_sends >= patience.attempts_max {
            return self.fail(cx, id, Failure::NoAnswer);
        }
        match hand_to_link(cx, send, link) {
            Ok(state) => {
                send.link_sends += 1;
                send.state = state;
                if let State::Transfer(link, resource) = state {
                    self.transfers.insert((link, resource), id);
                }
                self.receipts.extend(send.receipts.last().map(|receipt| (*receipt, id)));
            }
            Err(LinkError::Busy) => self.wait(id, cx.now + BUSY_WAIT, false),
            Err(_) => {
                // It is about to close; what is on it will learn so from the event.
                cx.links.deactivate(link);
                self.take_way(cx, id);
            }
        }
    }

    fn attempt_packet(&mut self, cx: &mut Context<'_>, id: SendId) {
        let Some(send) = self.sends.get_mut(&id) else { return };
        let remote = send.pair.remote;
        let path_known = cx.node.path(&remote).is_some();
        let patience = Patience::with(cx, &remote);
        if send.attempts > patience.attempts_max {
            let reason = if path_known { Failure::NoAnswer } else { Failure::NoPath };
            return self.fail(cx, id, reason);
        }
        let asked = send.state == State::Waiting { for_path: true };
        if send.attempts == 0 && !path_known && !asked {
            return self.wait_for_path(cx, id);
        }
        let rediscover = send.attempts == REDISCOVER_AFTER && send.went_by_path;
        send.attempts += 1;
        if path_known && rediscover {
            cx.node.drop_path(&remote);
            return self.wait_for_path(cx, id);
        }
        if !path_known && send.attempts > 1 {
            return self.wait_for_path(cx, id);
        }
        // The first attempt goes even without a path: the peer may be within earshot.
        send.went_by_path = path_known;
        let plaintext = send.packed().opportunistic_body().to_vec();
        match cx.node.send_packet(cx.now, remote, plaintext, send.priority) {
            Ok(receipt) => {
                send.receipts.push(receipt);
                self.receipts.insert(receipt, id);
                self.wait(id, cx.now + patience.retry, false);
            }
            Err(SendError::Busy) => {
                send.attempts -= 1;
                self.wait(id, cx.now + BUSY_WAIT, false);
            }
            Err(SendError::UnknownPeer) => self.wait_for_path(cx, id),
            Err(SendError::TooLong { .. }) => {
                send.method = Some(Method::Direct);
                self.take_way(cx, id);
            }
        }
    }

    fn attempt_new_link(&mut self, cx: &mut Context<'_>, id: SendId) {
        let Some(send) = self.sends.get_mut(&id) else { return };
        let pair = send.pair;
        send.attempts += 1;
        if send.attempts >= Patience::with(cx, &pair.remote).attempts_max {
            let path_known = cx.node.path(&pair.remote).is_some();
            let reason = if path_known { Failure::NoAnswer } else { Failure::NoPath };
            return self.fail(cx, id, reason);
        }
        let lane = self.lanes.entry(pair).or_default();
        if lane.opening.is_none() {
            match cx.node.open_link(cx.now, pair.remote) {
                Ok(link) => {
                    cx.links.initiate(cx.now, link, pair);
                    lane.opening = Some(link);
                }
                Err(_) => return self.wait_for_path(cx, id),
            }
        }
        send.state = State::Linking;
    }

    /// Waits for the answer to a path request, which is made unless one was made a moment ago.
    pub(super) fn wait_for_path(&mut self, cx: &mut Context<'_>, id: SendId) {
        let patience = self.ask_for_path(cx, id);
        self.wait(id, cx.now + patience.path, true);
    }

    /// Waits after a link that did not open. The path may be stale, so a new one is asked for meanwhile.
    pub(super) fn wait_after_no_link(&mut self, cx: &mut Context<'_>, id: SendId) {
        let patience = self.ask_for_path(cx, id);
        self.wait(id, cx.now + patience.retry, false);
    }

    fn ask_for_path(&mut self, cx: &mut Context<'_>, id: SendId) -> Patience {
        let remote = self.sends.get(&id).map(|send| send.pair);
        let patience = Patience::with(cx, &remote.map_or(DestinationHash::new([0; 16]), |pair| pair.remote));
        if let Some(pair) = remote {
            let lane = self.lanes.entry(pair).or_default();
            if lane.asked_at.is_none_or(|at| cx.now.since(at) >= patience.path) {
                lane.asked_at = Some(cx.now);
                cx.node.request_path(cx.now, pair.remote);
            }
        }
        patience
    }

    fn wait(&mut self, id: SendId, until: Instant, for_path: bool) {
        if let Some(send) = self.sends.get_mut(&id) {
            send.state = State::Waiting { for_path };
            self.timers.set(id, until);
        }
    }
}

/// A node proves an upload once it has checked its stamp, which takes a stock one up to seconds. Who gave up before that
/// would upload the same again, and never hear that its stamp was refused.
const UPLOAD_PROOF_WAIT: Duration = Duration::from_secs(20);

/// As a packet if it fits one by the field's arithmetic, however large the link's packets are; else as a resource.
fn hand_to_link(cx: &mut Context<'_>, send: &mut Send, link: LinkId) -> Result<State, LinkError> {
    let (data, fits) = match &send.by_node {
        Some(by_node) => (by_node.container.clone(), by_node.container.len() <= CONTAINER_PACKET_MAX),
        None => (send.packed().as_bytes().to_vec(), send.packed().fits_link_packet()),
    };
    if fits {
        if send.by_node.is_some() {
            cx.node.set_proof_wait(link, UPLOAD_PROOF_WAIT)?;
        }
        let receipt = cx.node.send_on_link(cx.now, link, data, send.priority)?;
        send.receipts.push(receipt);
        return Ok(State::OnLink(link));
    }
    let peer = cx.node.peer(&send.pair.remote);
    let app_data = peer.and_then(|peer| peer.app_data.as_deref()).unwrap_or_default();
    // A node's announce says nothing of compression, and nodes are known to take it.
    let compress = send.by_node.is_some() || AppData::parse(app_data).compression;
    let resource = cx.node.send_resource(cx.now, link, data, ResourceOptions { metadata: None, compress })?;
    Ok(State::Transfer(link, resource))
}
