//! Requests on `meshchat.group` and calls on the control socket. Both are the same calls; only the caller differs.

use std::sync::Arc;

use reticulum::crypto::PublicIdentity;
use reticulum::hash::PathHash;
use reticulum::node::LinkError;
use reticulum::time::Instant;

use super::hosted::NamedError;
use super::{ANSWER_BYTES_MAX, ASKED_MAX, After, Asked, Asker, Asking, CallId, Host, Output, Query, Rows};
use crate::api::{self, Counting, DeliveryPage, Plan, Reply};
use crate::group::{
    Action, ActsRequest, Caller, Group, GroupId, Known, Needs, Outcome, Pass, PieceRequest, ReadingRequest,
    Seq,
};
use crate::store::{PageRequest, Write};

/// When a caller that found the node busy may try again.
pub(super) const BUSY_FOR_S: u32 = 2;

/// A call that waits for the store.
#[derive(Debug)]
pub(super) enum PendingCall {
    /// A page of the history.
    History(PageRequest),
    /// How far the caller has read.
    Reading,
    /// How far somebody has read, as a part of this answer.
    Count(Counting),
    /// All that a message said.
    EarlierTexts { seq: Seq, bytes_max: usize },
    /// What became of the copies of a message.
    Delivery { seq: Seq, page: DeliveryPage },
    /// An act that depends on what is known of the past.
    Decide { action: Action, reply: Reply },
    /// A piece of an attachment.
    Piece { request: PieceRequest, as_file: bool },
    /// A part of the audit log.
    Acts { request: ActsRequest, bytes_max: usize },
}

impl Host {
    /// Takes a call of the local operator for the group that goes by the name `group`, or for the first one where that
    /// is empty. It is answered by [`Output::CallDone`] or [`Output::Status`].
    pub fn handle_call(&mut self, now: Instant, call: CallId, group: &str, path: &str, body: &[u8]) {
        let asker = Asker::Control(call);
        let found = if group.is_empty() { Ok(self.groups.first().id) } else { self.groups.named(group) };
        let group = match found {
            Ok(group) => group,
            Err(NamedError::Unknown) => return self.refuse(now, asker, api::no_group(group)),
            Err(NamedError::Ambiguous) => return self.refuse(now, asker, api::ambiguous_group(group)),
        };
        let asking = Asking { asker, group, caller: Caller::Operator };
        self.call(now, asking, PathHash::of_path(path), body);
    }

    pub(super) fn request(
        &mut self,
        now: Instant,
        asker: Asker,
        group: GroupId,
        path: PathHash,
        data: &[u8],
        remote: Option<Arc<PublicIdentity>>,
    ) {
        let caller = match remote {
            Some(identity) => {
                self.heard(now, &identity);
                self.caller(identity)
            }
            None => Caller::Unidentified,
        };
        match api::request_body(data) {
            Some(body) => self.call(now, Asking { asker, group, caller }, path, body),
            None => self.refuse(now, asker, api::malformed()),
        }
    }

    fn call(&mut self, now: Instant, asking: Asking, path: PathHash, body: &[u8]) {
        self.counters.calls += 1;
        let asker = asking.asker;
        // The operator's own calls are few: the control socket sees to that.
        if self.asked.len() >= ASKED_MAX && matches!(asker, Asker::Link { .. }) {
            return self.busy(now, asker);
        }
        let Some(hosted) = self.groups.get(asking.group) else {
            return self.refuse(now, asker, api::internal());
        };
        if hosted.is_closed {
            return self.busy(now, asker);
        }
        match api::plan(self.engine.unix_time(now), path, body, &asking.caller, &hosted.group) {
            Plan::Answer(answer) => self.answer_after_commit(now, asker, answer),
            Plan::Decide { action: Action::Join { nick, pass: Pass::Stamp(stamp) }, reply } => {
                self.join_with_stamp(now, asking, nick, stamp, reply);
            }
            Plan::Decide { action, reply } => {
                let needs = action.needs();
                if needs.is_empty() {
                    return self.decide(now, &asking, action, reply, &Known::default());
                }
                let member = hosted.group.member_of(&asking.caller).map(|member| member.id);
                let query = Query::Known { group: asking.group, member, needs: Box::new(needs) };
                self.query(query, Asked::Call(asking, PendingCall::Decide { action, reply }));
            }
            Plan::Read(request) => self.read(now, asking, request),
            Plan::Acts { request, bytes_max } => {
                let needs = Needs { acts: Some(request), ..Needs::default() };
                let query = Query::Known { group: asking.group, member: None, needs: Box::new(needs) };
                self.query(query, Asked::Call(asking, PendingCall::Acts { request, bytes_max }));
            }
            Plan::Count { viewer, into } => {
                let reading = Some(ReadingRequest { viewer, at_least: Seq::default() });
                let needs = Needs { reading, ..Needs::default() };
                let (group, needs) = (asking.group, Box::new(needs));
                let query = Query::Known { group, member: viewer.member, needs };
                self.query(query, Asked::Call(asking, PendingCall::Count(into)));
            }
            Plan::Mark(seq) => self.mark(asking, seq),
            Plan::Delivery { seq, page } => {
                let needs = Box::new(Needs { posts: vec![seq], gaps: true, ..Needs::default() });
                let query = Query::Known { group: asking.group, member: None, needs };
                self.query(query, Asked::Call(asking, PendingCall::Delivery { seq, page }));
            }
            Plan::EarlierTexts { seq, bytes_max } => {
                let needs = Needs { posts: vec![seq], texts: Some(seq), ..Needs::default() };
                let query = Query::Known { group: asking.group, member: None, needs: Box::new(needs) };
                self.query(query, Asked::Call(asking, PendingCall::EarlierTexts { seq, bytes_max }));
            }
            Plan::Piece { request, as_file } => self.ask_piece(asking, request, as_file),
            Plan::Typing(call) => self.typing(now, &asking, call),
            Plan::Network(call) => self.network_call(now, &asking, call),
            Plan::Node(call) => self.node_call(now, asking, call),
            Plan::Status => {
                if let Asker::Control(call) = asker {
                    self.outputs.push_back(Output::Status(call));
                }
            }
        }
    }

    /// Notes how far a member has read. That is no event: nobody else is concerned.
    fn mark(&mut self, asking: Asking, seq: Seq) {
        let Some(hosted) = self.groups.get(asking.group) else { return };
        let viewer = hosted.group.viewer(&asking.caller);
        if let Some(member) = viewer.member.filter(|_| seq > Seq::default()) {
            self.posts_read(asking.group, member, seq);
            self.write(Write::Read { group: asking.group, member, through: seq });
        }
        let reading = Some(ReadingRequest { viewer, at_least: seq });
        let needs = Needs { reading, ..Needs::default() };
        let query = Query::Known { group: asking.group, member: viewer.member, needs: Box::new(needs) };
        self.query(query, Asked::Call(asking, PendingCall::Reading));
    }

    fn earlier_texts(&mut self, now: Instant, asking: &Asking, seq: Seq, bytes_max: usize, known: &Known) {
        let Some(hosted) = self.groups.get(asking.group) else { return };
        match hosted.group.authorize_earlier_texts(&asking.caller, seq, known) {
            Ok(()) => {
                self.answer_after_commit(now, asking.asker, api::earlier_texts(&known.texts, bytes_max));
            }
            Err(refusal) => self.refuse(now, asking.asker, api::refused(&refusal)),
        }
    }

    fn read(&mut self, now: Instant, asking: Asking, request: PageRequest) {
        let Some(hosted) = self.groups.get(asking.group) else { return };
        let (group, state) = (asking.group, hosted.group.state());
        let (roster, head) = (&state.roster, state.head);
        let page = hosted.tail.page(&request, roster, head);
        if let Some(page) = page.or_else(|| self.shelf.page(group, &request, roster, head)) {
            return self.answer_after_commit(now, asking.asker, api::history(&request, page));
        }
        let fetched = self.shelf.miss(group, &request, head);
        let query = Query::History { group, page: request.clone() };
        self.query(query, Asked::Call(asking, PendingCall::History(request)));
        // After the page, so that nobody waits for it.
        if let Some(id) = fetched {
            self.query(Query::Stretch { group, id }, Asked::Stretch(group, id));
        }
    }

    pub(super) fn finish_call(&mut self, now: Instant, asking: Asking, pending: PendingCall, rows: Rows) {
        let asker = asking.asker;
        match (pending, rows) {
            (PendingCall::History(request), Rows::History(page)) => {
                let answer = api::history(&request, page);
                self.answer_after_commit(now, asker, answer);
            }
            (PendingCall::Decide { action, reply }, Rows::Known(known)) => {
                self.decide(now, &asking, action, reply, &known);
            }
            (PendingCall::Reading, Rows::Known(known)) => {
                self.answer_after_commit(now, asker, api::reading(&known.reading));
            }
            (PendingCall::Count(into), Rows::Known(known)) => {
                self.answer_after_commit(now, asker, api::counted(into, &known.reading));
            }
            (PendingCall::EarlierTexts { seq, bytes_max }, Rows::Known(known)) => {
                self.earlier_texts(now, &asking, seq, bytes_max, &known);
            }
            (PendingCall::Delivery { seq, page }, Rows::Known(known)) => {
                self.delivery_found(now, &asking, seq, &page, &known);
            }
            (PendingCall::Piece { request, as_file }, Rows::Known(known)) => {
                self.piece_found(now, &asking, &request, as_file, &known);
            }
            (PendingCall::Acts { request, bytes_max }, Rows::Known(known)) => {
                self.answer_after_commit(now, asker, api::acts(&request, bytes_max, &known.acts));
            }
            _ => self.refuse(now, asker, api::internal()),
        }
    }

    pub(super) fn decide(
        &mut self,
        now: Instant,
        asking: &Asking,
        action: Action,
        reply: Reply,
        known: &Known,
    ) {
        self.decide_with(now, asking, action, known, |outcome, group| {
            reply.done(outcome, group, &asking.caller)
        });
    }

    /// Lets the group decide; `answer` makes the answer of what it decided.
    pub(super) fn decide_with(
        &mut self,
        now: Instant,
        asking: &Asking,
        action: Action,
        known: &Known,
        answer: impl FnOnce(&Outcome, &Group) -> Vec<u8>,
    ) {
        let Asking { asker, group, caller } = asking;
        let Some(hosted) = self.groups.get_mut(*group) else {
            return self.refuse(now, *asker, api::internal());
        };
        if hosted.is_closed {
            return self.busy(now, *asker);
        }
        match hosted.group.decide_knowing(self.engine.unix_time(now), caller, action, known) {
            Ok(mut outcome) => {
                let answer = answer(&outcome, &hosted.group);
                let events = std::mem::take(&mut outcome.events);
                self.record(now, *group, events, None);
                self.answer_after_commit(now, *asker, answer);
                self.tell_all(now, *group, outcome, None);
            }
            Err(refusal) => self.refuse(now, *asker, api::refused(&refusal)),
        }
    }

    pub(super) fn refuse(&mut self, now: Instant, asker: Asker, answer: Vec<u8>) {
        self.counters.calls_refused += 1;
        self.answer_after_commit(now, asker, answer);
    }

    pub(super) fn answer_after_commit(&mut self, now: Instant, asker: Asker, answer: Vec<u8>) {
        if self.answer_bytes + answer.len() > ANSWER_BYTES_MAX {
            return self.busy(now, asker);
        }
        self.after_commit(now, After::Answer(asker, answer));
    }

    /// A few bytes at once instead of an answer that would have to wait somewhere.
    fn busy(&mut self, now: Instant, asker: Asker) {
        self.counters.calls_busy += 1;
        self.answer(now, asker, api::busy(BUSY_FOR_S));
    }

    pub(super) fn answer(&mut self, now: Instant, asker: Asker, answer: Vec<u8>) {
        match asker {
            Asker::Control(call) => self.outputs.push_back(Output::CallDone(call, answer)),
            Asker::Link { link, request } => {
                // What the caller may send can be otherwise after what this answers.
                self.bound_requests(link);
                let sent = self.engine.respond(now, link, request, &api::response_value(&answer));
                // A link that is gone by now has nobody who waits; one with too many answers under way is told so.
                if sent == Err(LinkError::Busy) {
                    self.counters.calls_busy += 1;
                    let busy = api::response_value(&api::busy(BUSY_FOR_S));
                    let _ = self.engine.respond(now, link, request, &busy);
                }
            }
        }
    }
}
