//! What peers offer us (`spec/lxmf.md` 11.1).

use reticulum::hash::IdentityHash;
use reticulum::node::Node;
use reticulum::time::Instant;

use super::values::{Answer, Ask, Asker};
use super::work::{Job, Work, key_material};
use super::{Asked as AnyAsked, PropagationNode, node_address};
use crate::propagation::TransientId;
use crate::propagation::bodies::{Code, OfferAnswer, OfferBody};

/// Keys under check; who shows one more is told to come back.
const CHECKS_MAX: usize = 64;

/// An offer that waits, for its key or for the store.
#[derive(Debug)]
pub(super) struct Asked {
    asker: Asker,
    ids: Vec<TransientId>,
}

impl PropagationNode {
    pub(super) fn handle_offer(
        &mut self,
        now: Instant,
        _node: &mut Node,
        asker: Asker,
        identity: IdentityHash,
        body: &[u8],
    ) {
        if self.config.members_only && !self.config.peers.contains(&node_address(identity)) {
            self.counters.no_access += 1;
            return self.refuse(asker, Code::NoAccess);
        }
        if self.uploads.is_punished(now, identity) || self.work_outstanding >= CHECKS_MAX {
            self.counters.throttled += 1;
            return self.refuse(asker, Code::Throttled);
        }
        let Ok(OfferBody { key, ids }) = OfferBody::parse(body) else {
            self.counters.malformed += 1;
            return self.refuse(asker, Code::InvalidData);
        };
        let material = key_material(self.config.identity.hash(), identity);
        let (asked, cost) = (Box::new(Asked { asker, ids }), self.config.peering_cost);
        self.work(Work(Job::Key { asked, material, key, cost }));
    }

    pub(super) fn key_checked(&mut self, now: Instant, asked: Asked, is_valid: bool) {
        let Asked { asker, ids } = asked;
        let Some(link) = self.links.get_mut(&asker.link) else { return };
        if !is_valid {
            self.counters.bad_key += 1;
            return self.refuse(asker, Code::InvalidKey);
        }
        link.is_peer = true;
        if !self.uploads.expect(now, asker.link) {
            self.counters.throttled += 1;
            return self.refuse(asker, Code::Throttled);
        }
        let ask = Ask::Unknown(ids.clone());
        if self.ask(ask, AnyAsked::Offer(Asked { asker, ids })).is_err() {
            self.refuse(asker, Code::Throttled);
        }
    }

    pub(super) fn offer_known(&mut self, _now: Instant, asked: Asked, answer: Answer) {
        let Asked { asker, ids } = asked;
        let Answer::Ids(unknown) = answer else { return self.refuse(asker, Code::Throttled) };
        if unknown.is_empty() {
            self.uploads.transfer_failed(asker.link);
        }
        self.respond(asker, OfferAnswer::of(ids.len(), unknown).encode());
    }
}
