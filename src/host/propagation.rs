//! Being a propagation node: joins `lxmf`'s to the store, to the members of the groups and to the groups' own mail.

use std::collections::BTreeMap;
use std::time::Duration;

use lxmf::propagation::NodeInfo;
use lxmf::propagation::bodies::Code;
use lxmf::propagation::node::{
    Answer, AskId, NodeConfig, Output, PeerRecord, PropagationNode, Status, StatusId,
};
use reticulum::hash::{DestinationHash, LinkId, RequestId};
use reticulum::node::{Event as EngineEvent, InterfaceId, Node, PendingProof};
use reticulum::time::Instant;

use super::calls::BUSY_FOR_S;
use super::{ANSWER_BYTES_MAX, After, Asked, Asker, Host, Job, Query, Rows};
use crate::api::{self, UsedNode};
use crate::store::Write;

/// How a host is a propagation node.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// The node's own settings.
    pub node: NodeConfig,
    /// How often it is announced; zero is only on interfaces that come up.
    pub announce_interval: Duration,
}

/// The node, and when it is announced next.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) node: PropagationNode,
    announce_interval: Duration,
    announce_at: Option<Instant>,
    /// Who waits to be told how it is. Bounded as connections to the control socket are.
    asked: BTreeMap<u64, Asker>,
    next_status: u64,
}

/// What waits for a commit.
#[derive(Debug)]
pub(super) enum MailAfter {
    Respond { link: LinkId, request: RequestId, answer: Vec<u8> },
    Prove(PendingProof),
}

impl MailAfter {
    pub(super) fn answer_len(&self) -> usize {
        if let Self::Respond { answer, .. } = self { answer.len() } else { 0 }
    }
}

impl Serving {
    pub(super) fn start(
        config: ServeConfig,
        peers: Vec<PeerRecord>,
        now: Instant,
        engine: &mut Node,
    ) -> Self {
        let ServeConfig { node, announce_interval } = config;
        let node = PropagationNode::new(node, peers, now, engine).expect("the engine is new");
        let announce_at = (!announce_interval.is_zero()).then(|| now + announce_interval);
        Self { node, announce_interval, announce_at, asked: BTreeMap::new(), next_status: 0 }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        [self.node.poll_timeout(), self.announce_at].into_iter().flatten().min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, engine: &mut Node) {
        self.node.handle_timeout(now, engine);
        if self.announce_at.is_some_and(|at| at <= now) {
            self.announce_at = Some(now + self.announce_interval);
            self.node.announce(now, engine, None);
        }
    }
}

impl Host {
    /// Where messages are kept for others, if they are: the node's `lxmf.propagation` destination.
    pub fn propagation_address(&self) -> Option<DestinationHash> {
        self.serving.as_ref().map(|serving| serving.node.address())
    }

    /// The operator asks which propagation nodes are used, and how ours is.
    pub(super) fn mail_status(&mut self, now: Instant, asker: Asker) {
        let Some(serving) = &mut self.serving else {
            let answer = api::mail_status(&self.used_nodes(), None);
            return self.answer_after_commit(now, asker, answer);
        };
        serving.next_status += 1;
        let id = StatusId(serving.next_status);
        serving.asked.insert(id.0, asker);
        serving.node.ask_status(id);
    }

    fn mail_status_known(&mut self, now: Instant, id: StatusId, status: Option<&Status>) {
        let Some(serving) = &mut self.serving else { return };
        let Some(asker) = serving.asked.remove(&id.0) else { return };
        let address = serving.node.address();
        match status {
            Some(status) => {
                let answer = api::mail_status(&self.used_nodes(), Some((address, status)));
                self.answer_after_commit(now, asker, answer);
            }
            None => self.refuse(now, asker, api::busy(BUSY_FOR_S)),
        }
    }

    fn used_nodes(&self) -> Vec<UsedNode> {
        let node = |address: DestinationHash| UsedNode {
            address,
            info: self
                .engine
                .peer(&address)
                .and_then(|peer| NodeInfo::parse(peer.app_data.as_deref().unwrap_or_default()).ok()),
            hops: self.engine.path(&address).map(|path| path.hops),
            last: self.mail.last(&address).map(|last| (last.at, last.synced)),
        };
        self.router.own_nodes(&self.engine).into_iter().map(node).collect()
    }

    /// Syncs the peers of our own node, or one of them; returns how many.
    pub(super) fn sync_peers(&mut self, now: Instant, peer: Option<DestinationHash>) -> usize {
        let Some(serving) = &mut self.serving else { return 0 };
        let is_known = serving.node.sync_peers(now, peer);
        if peer.is_none() { serving.node.peer_count() } else { is_known.into() }
    }

    /// Lets the node take an event that the router has no use for.
    pub(super) fn mail_event(&mut self, now: Instant, event: EngineEvent) -> Option<EngineEvent> {
        match &mut self.serving {
            Some(serving) => serving.node.handle_event(now, &mut self.engine, event),
            None => Some(event),
        }
    }

    pub(super) fn announce_propagation(&mut self, now: Instant, on: InterfaceId) {
        if let Some(serving) = &mut self.serving {
            serving.node.announce(now, &mut self.engine, Some(on));
        }
    }

    /// Another propagation node announced itself.
    pub(super) fn peer_node_heard(&mut self, now: Instant, node: DestinationHash, path_response: bool) {
        if let Some(serving) = &mut self.serving {
            serving.node.handle_node_heard(now, &mut self.engine, node, path_response);
        }
    }

    pub(super) fn poll_mail(&mut self) -> Option<Output> {
        self.serving.as_mut()?.node.poll_output()
    }

    pub(super) fn mail_output(&mut self, now: Instant, output: Output) {
        match output {
            Output::Change(change) => self.write(Write::Mail(change)),
            Output::Ask(id, ask) => self.query(Query::Mail(ask), Asked::Mail(id)),
            Output::Respond { link, request, answer } => {
                let has_room = self.answer_bytes + answer.len() <= ANSWER_BYTES_MAX;
                let answer = if has_room { answer } else { Code::Throttled.answer() };
                self.after_commit(now, After::Mail(MailAfter::Respond { link, request, answer }));
            }
            Output::Prove(proof) => self.after_commit(now, After::Mail(MailAfter::Prove(proof))),
            Output::Ours { stored, proof } => {
                // A group that is gone by now has no use for it.
                let _ = self.router.handle_stored(&mut self.engine, &stored, proof);
            }
            Output::Work(work) => self.job(Job::Mail(work)),
            Output::Status(id, status) => self.mail_status_known(now, id, status.as_deref()),
        }
    }

    pub(super) fn mail_answered(&mut self, now: Instant, id: AskId, rows: Rows) {
        let answer = if let Rows::Mail(answer) = rows { answer } else { Answer::Failed };
        if let Some(serving) = &mut self.serving {
            serving.node.handle_answer(now, &mut self.engine, id, answer);
        }
    }

    pub(super) fn mail_durable(&mut self, now: Instant, after: MailAfter) {
        match after {
            // A link that is gone by now has nobody who waits.
            MailAfter::Respond { link, request, answer } => {
                let _ = self.engine.respond(now, link, request, &answer);
            }
            MailAfter::Prove(proof) => self.engine.prove(now, proof),
        }
    }
}
