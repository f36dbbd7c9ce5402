//! What clients list, fetch and delete (`spec/lxmf.md` 9.2).

use reticulum::hash::{DestinationHash, IdentityHash};

use super::values::{Answer, Ask, Asker, Change};
use super::{Asked as AnyAsked, PropagationNode};
use crate::propagation::bodies::{self, Code, GetBody};
use crate::propagation::{LISTED_MAX, TransientId};
use crate::router::DELIVERY_NAME_HASH;
use crate::stamp::STAMP_LEN;

/// Most that one answer carries, in bytes, whatever its client asks for: four times what clients usually do.
const FETCHED_LEN_MAX: u64 = 4_000_000;

/// A client that waits for the store.
#[derive(Debug)]
pub(super) enum Asked {
    List(Asker),
    Fetch(Asker),
}

impl PropagationNode {
    pub(super) fn handle_get(&mut self, asker: Asker, identity: IdentityHash, body: &[u8]) {
        let destination = DestinationHash::of_single(*DELIVERY_NAME_HASH, identity);
        if !self.serves(&destination) {
            self.counters.no_access += 1;
            return self.refuse(asker, Code::NoAccess);
        }
        // Without an answer, as everywhere: the client sees that it takes too long.
        match GetBody::parse(body) {
            Err(_) => self.counters.malformed += 1,
            Ok(GetBody::List) => {
                let ask = Ask::List { destination, count_max: LISTED_MAX };
                self.ask_for_client(asker, ask, Asked::List(asker));
            }
            Ok(GetBody::Fetch { wants, haves, bytes_max }) => {
                self.fetch(asker, destination, wants, haves, bytes_max);
            }
        }
    }

    fn fetch(
        &mut self,
        asker: Asker,
        destination: DestinationHash,
        mut ids: Vec<TransientId>,
        haves: Vec<TransientId>,
        bytes_max: Option<u64>,
    ) {
        // What is deleted first is not there to be sent.
        ids.retain(|id| !haves.contains(id));
        if !haves.is_empty() {
            self.counters.purged += haves.len() as u64;
            self.change(Change::Delete { destination, ids: haves });
        }
        if ids.is_empty() {
            return self.respond(asker, bodies::blobs(&[]));
        }
        let bytes_max = bytes_max.unwrap_or(FETCHED_LEN_MAX).min(FETCHED_LEN_MAX);
        self.ask_for_client(asker, Ask::Fetch { destination, ids, bytes_max }, Asked::Fetch(asker));
    }

    fn ask_for_client(&mut self, asker: Asker, ask: Ask, asked: Asked) {
        if self.ask(ask, AnyAsked::Get(asked)).is_err() {
            self.refuse(asker, Code::Throttled);
        }
    }

    pub(super) fn got(&mut self, asked: Asked, answer: Answer) {
        match (asked, answer) {
            (Asked::List(asker), Answer::Ids(ids)) => self.respond(asker, bodies::list(&ids)),
            (Asked::Fetch(asker), Answer::Messages(mut messages)) => {
                self.counters.served += messages.len() as u64;
                messages
                    .iter_mut()
                    .for_each(|message| message.truncate(message.len().saturating_sub(STAMP_LEN)));
                self.respond(asker, bodies::blobs(&messages));
            }
            (Asked::List(asker) | Asked::Fetch(asker), _) => self.refuse(asker, Code::Throttled),
        }
    }
}
