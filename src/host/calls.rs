//! Requests on `meshchat.group` and calls on the control socket. Both are the same calls; only the caller differs.

use std::sync::Arc;

use reticulum::crypto::PublicIdentity;
use reticulum::hash::PathHash;
use reticulum::time::Instant;

use super::{After, Asked, Asker, CallId, GROUP, Host, Output, Query, Rows};
use crate::api::{self, Plan, Reply};
use crate::group::{Action, Caller, Seq};
use crate::store::PageRequest;

/// A call that waits for the store.
#[derive(Debug)]
pub(super) enum PendingCall {
    /// A page of the history.
    History(PageRequest),
    /// A deletion, which depends on whose message it is.
    Delete { caller: Caller, target: Seq, reply: Reply },
}

impl Host {
    /// Takes a call of the local operator. It is answered by [`Output::CallDone`] or [`Output::Status`].
    pub fn handle_call(&mut self, now: Instant, call: CallId, path: &str, body: &[u8]) {
        self.call(now, Asker::Control(call), PathHash::of_path(path), body, Caller::Operator);
    }

    pub(super) fn request(
        &mut self,
        now: Instant,
        asker: Asker,
        path: PathHash,
        data: &[u8],
        remote: Option<Arc<PublicIdentity>>,
    ) {
        let caller = match remote {
            Some(identity) => {
                self.heard(&identity);
                self.caller(identity)
            }
            None => Caller::Unidentified,
        };
        match api::request_body(data) {
            Some(body) => self.call(now, asker, path, body, caller),
            None => self.refuse(now, asker, api::malformed()),
        }
    }

    fn call(&mut self, now: Instant, asker: Asker, path: PathHash, body: &[u8], caller: Caller) {
        self.counters.calls += 1;
        match api::plan(path, body, &caller, &self.group) {
            Plan::Answer(answer) => self.after_commit(now, After::Answer(asker, answer)),
            Plan::Decide { action: Action::Delete { target, .. }, reply } => {
                let pending = PendingCall::Delete { caller, target, reply };
                self.query(Query::StoredPost { group: GROUP, seq: target }, Asked::Call(asker, pending));
            }
            Plan::Decide { action, reply } => self.decide(now, asker, &caller, action, reply),
            Plan::Read(page) => {
                self.query(
                    Query::History { group: GROUP, page },
                    Asked::Call(asker, PendingCall::History(page)),
                );
            }
            Plan::Status => {
                if let Asker::Control(call) = asker {
                    self.outputs.push_back(Output::Status(call));
                }
            }
        }
    }

    pub(super) fn finish_call(&mut self, now: Instant, asker: Asker, pending: PendingCall, rows: Rows) {
        match (pending, rows) {
            (PendingCall::History(request), Rows::History(page)) => {
                let answer = api::history(&request, page);
                self.after_commit(now, After::Answer(asker, answer));
            }
            (PendingCall::Delete { caller, target, reply }, Rows::StoredPost(stored)) => {
                self.decide(now, asker, &caller, Action::Delete { target, stored }, reply);
            }
            _ => self.refuse(now, asker, api::internal()),
        }
    }

    fn decide(&mut self, now: Instant, asker: Asker, caller: &Caller, action: Action, reply: Reply) {
        match self.group.decide(self.engine.unix_time(now), caller, action) {
            Ok(mut outcome) => {
                let answer = reply.done(&outcome, &self.group, caller);
                let events = std::mem::take(&mut outcome.events);
                self.record(now, events, None);
                self.after_commit(now, After::Answer(asker, answer));
                self.tell_all(now, outcome, None);
            }
            Err(refusal) => self.refuse(now, asker, api::refused(&refusal)),
        }
    }

    fn refuse(&mut self, now: Instant, asker: Asker, answer: Vec<u8>) {
        self.counters.calls_refused += 1;
        self.after_commit(now, After::Answer(asker, answer));
    }

    pub(super) fn answer(&mut self, now: Instant, asker: Asker, answer: Vec<u8>) {
        match asker {
            Asker::Control(call) => self.outputs.push_back(Output::CallDone(call, answer)),
            Asker::Link { link, request } => {
                // A link that is gone by now has nobody who waits.
                let _ = self.engine.respond(now, link, request, &api::response_value(&answer));
            }
        }
    }
}
