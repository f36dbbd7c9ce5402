//! LXMF messages to the group, and what the group tells people in private.

use std::sync::Arc;
use std::time::Duration;

use lxmf::app_data::AppData;
use lxmf::fields::{Builder, Fields};
use lxmf::message::Method;
use lxmf::router::{
    Ack, DELIVERY_NAME_HASH, Failure, Outgoing, Output as RouterOutput, Received, SendId, Stamped,
};
use reticulum::crypto::PublicIdentity;
use reticulum::hash::{DestinationHash, IdentityHash};
use reticulum::node::Priority;
use reticulum::time::{Instant, UnixTime};

use super::fanout::CopyEnd;
use super::inbound::{self, Brought};
use super::ledger;
use super::{After, Asked, Host, Job, Query, REPLIES_MAX, Rows, Sent};
use crate::api;
use crate::group::{
    Caller, Event, EventKind, GroupId, Incoming, Known, MemberId, MessageId, Needs, Outcome, Probe, Way,
    receipt_text,
};
use crate::store::{Seen, Write};

/// What a ticket is worth (`spec/lxmf.md` 6).
const TICKET_BITS: u32 = 256;
/// Questions to the store under way at which no more messages are taken that need one. Calls have a lower bound.
const UNDECIDED_MAX: usize = 2_048;
/// From the start until members are taken to have proven once more what they proved right before it: clients connect again
/// within 5 s and are asked for their paths every 7 s, and one who is put off tries again for 46 s (`spec/lxmf.md` 8.3).
const COPIES_NAMED_AFTER: Duration = Duration::from_secs(30);

/// A message that paid what the group asks for. It may have to wait for the store.
#[derive(Debug)]
pub(super) struct PendingMessage {
    pub(super) group: GroupId,
    pub(super) id: MessageId,
    pub(super) source: DestinationHash,
    pub(super) caller: Caller,
    pub(super) brought: Brought,
    pub(super) method: Method,
    /// What it paid to come in, in bits.
    pub(super) paid_bits: u32,
    /// It is held until it is decided about, and was proven before.
    pub(super) is_held: bool,
    pub(super) ack: Ack,
}

impl PendingMessage {
    fn incoming(&self, way: Way) -> Incoming<'_> {
        let commands = &self.brought.commands;
        let probe = (!commands.is_empty()).then(|| Probe { commands: commands.clone(), way });
        Incoming {
            probe,
            text: &self.brought.text,
            message_id: self.id,
            authorship: None,
            reference: self.brought.reference.clone(),
            fields: self.brought.fields.as_deref(),
            attachments: &self.brought.attachments,
            paid_bits: self.paid_bits,
        }
    }
}

impl Host {
    pub(super) fn router_output(&mut self, now: Instant, output: RouterOutput) {
        match output {
            RouterOutput::Work(work) => self.job(Job::Router(work)),
            RouterOutput::Received(received) => self.received(now, *received),
            RouterOutput::Refused { ack, .. } => {
                self.counters.messages_refused += 1;
                self.after_commit(now, After::Prove(ack));
            }
            RouterOutput::Heard { identity, .. } => self.heard(now, &identity),
            RouterOutput::Attempted { send, route } => self.copy_attempted(send, route),
            RouterOutput::Delivered { send, message, .. } => {
                self.sent(now, send, CopyEnd::Delivered(MessageId(*message.as_bytes())));
            }
            RouterOutput::Stored { send, message, .. } => {
                self.sent(now, send, CopyEnd::Stored(MessageId(*message.as_bytes())));
            }
            RouterOutput::NodeHeard { node, path_response } => self.node_heard(now, node, path_response),
            RouterOutput::Synced(synced) => self.synced(now, synced),
            RouterOutput::Paper { send, uri, .. } => {
                if let Some(Sent::Paper(asker)) = self.sent.remove(&send) {
                    self.answer_after_commit(now, asker, api::paper(uri));
                }
            }
            RouterOutput::Failed { send, reason } => self.send_failed(now, send, reason),
            RouterOutput::StampChecked { message, valid, .. } => self.stamp_checked(now, message, valid),
            RouterOutput::Terms(terms) => self.write(Write::Terms(terms)),
        }
    }

    /// A message whose signature is good. It is proven once what came of it is durable, a copy too.
    fn received(&mut self, now: Instant, mut received: Received) {
        let id = MessageId(*received.message.id.as_bytes());
        let Some(group) = self.groups.at(&received.message.destination) else { return };
        if self.groups.get(group).is_none_or(|hosted| hosted.is_closed) {
            return;
        }
        match received.method {
            // It says nothing of where its sender is now.
            Method::Propagated | Method::Paper => self.tell_invited(now, &received.identity),
            Method::Opportunistic | Method::Direct => self.heard(now, &received.identity),
        }
        let (local, source) = (received.message.destination, received.message.source);
        if let Some(ticket) = received.ticket.filter(|_| self.is_present(group, &received.identity)) {
            self.router.accept_ticket(local, source, ticket);
        }
        if self.dedup.contains(&id) {
            self.counters.messages_repeated += 1;
            self.after_commit(now, After::Prove(received.ack));
            return;
        }
        if self.undecided.contains(&id) {
            // The first copy is to be proven, once it is decided about.
            self.counters.messages_repeated += 1;
            return;
        }
        if !self.has_paid(now, group, &mut received) {
            return;
        }
        self.release_held(now, group, source);
        self.take(
            now,
            PendingMessage {
                group,
                id,
                source,
                caller: self.caller(received.identity),
                brought: inbound::read(&received.message),
                method: received.method,
                paid_bits: if received.stamped == Stamped::Ticket { TICKET_BITS } else { 0 },
                is_held: false,
                ack: received.ack,
            },
        );
    }

    /// Lets a group decide about a message that paid what the group asks for.
    pub(super) fn take(&mut self, now: Instant, message: PendingMessage) {
        if self.dedup.contains(&message.id) {
            self.counters.messages_repeated += 1;
            self.after_commit(now, After::Prove(message.ack));
            return;
        }
        let unix = self.engine.unix_time(now);
        if self.dedup.contains_content(message.brought.content, unix) {
            return self.take_again(now, message);
        }
        self.counters.messages_taken += 1;
        let Some(hosted) = self.groups.get(message.group) else { return };
        let needs = hosted.group.needs_of_text(unix, &message.caller, &message.incoming(Way::default()));
        if needs.is_empty() {
            return self.take_in(now, message, &Known::default());
        }
        if self.asked.len().max(self.undecided.len()) >= UNDECIDED_MAX && !message.is_held {
            // Not proven, so its sender tries again.
            self.counters.messages_busy += 1;
            return;
        }
        let member = hosted.group.member_of(&message.caller).map(|member| member.id);
        self.undecided.insert(message.id);
        let (needs, message) = (Box::new(needs), Box::new(message));
        // Who answers the moment a copy comes is faster than the commit of what that copy is called.
        match needs.reference {
            Some(_) => self.after_commit(now, After::Look { member, needs, message }),
            None => self.look_up(member, needs, message),
        }
    }

    /// Asks the store for what the decision about a message needs.
    pub(super) fn look_up(
        &mut self,
        member: Option<MemberId>,
        needs: Box<Needs>,
        message: Box<PendingMessage>,
    ) {
        self.query(Query::Known { group: message.group, member, needs }, Asked::Message(message));
    }

    /// A message that was posted before under another id: some clients send once more what seems to have failed. It is
    /// proven like the first one, and remembered, but not posted.
    fn take_again(&mut self, now: Instant, message: PendingMessage) {
        self.counters.messages_repeated += 1;
        self.dedup.insert(&message.id);
        self.record(now, message.group, Vec::new(), Some(message.id.into()));
        if message.is_held {
            self.write(Write::DropHeld(message.id));
        }
        self.after_commit(now, After::Prove(message.ack));
    }

    /// The store told what a message is about.
    pub(super) fn message_known(&mut self, now: Instant, message: PendingMessage, rows: Rows) {
        self.undecided.remove(&message.id);
        let Rows::Known(known) = rows else { return };
        if self.may_be_known_soon(now, &message, &known) {
            // Not proven, so its sender tries again.
            self.counters.messages_early += 1;
            return;
        }
        // The same message under another id may have been decided about meanwhile.
        match self.dedup.contains_content(message.brought.content, self.engine.unix_time(now)) {
            true => self.take_again(now, message),
            false => self.take_in(now, message, &known),
        }
    }

    /// Whether a message refers to a copy that we do not know, although we may have sent it: what a member calls a copy is only
    /// noted once they proved it, so after a crash they can be ahead of us until they prove it once more.
    fn may_be_known_soon(&self, now: Instant, message: &PendingMessage, known: &Known) -> bool {
        let is_unknown = message.brought.reference.is_some() && known.reference.is_none();
        let comes_again = message.method != Method::Propagated && !message.is_held;
        if !is_unknown || !comes_again || now.since(self.started_at) >= COPIES_NAMED_AFTER {
            return false;
        }
        let Some(hosted) = self.groups.get(message.group) else { return false };
        let member = hosted.group.member_of(&message.caller).map(|member| member.id);
        member.is_some_and(|member| hosted.delivery.is_behind(member))
    }

    /// Only messages of members, and those that changed something, are remembered: strangers could otherwise have every
    /// message written, and push those of members out of the window in which copies are recognised.
    fn take_in(&mut self, now: Instant, message: PendingMessage, known: &Known) {
        let unix = self.engine.unix_time(now);
        let way = match message.brought.commands.is_empty() {
            true => Way::default(),
            false => self.way_to(&message.source),
        };
        let Some(hosted) = self.groups.get_mut(message.group).filter(|hosted| !hosted.is_closed) else {
            return;
        };
        let is_member = hosted.group.member_of(&message.caller).is_some();
        let language = hosted.group.language_of(&message.caller);
        let mut outcome = hosted.group.handle_text(unix, &message.caller, message.incoming(way), known);
        let events = std::mem::take(&mut outcome.events);
        if let (Method::Propagated, Some(event)) = (message.method, events.first())
            && matches!(event.kind, EventKind::Posted(_))
        {
            // That way has no proof, so the author would never know.
            let language = hosted.group.language_of(&message.caller);
            outcome.reply.get_or_insert(receipt_text(language, event.seq));
        }
        let seen = self.remember(unix, &message, &events, is_member);
        self.note_client(&message, &events);
        self.note_seen(&message, &events);
        self.record(now, message.group, events, seen);
        if message.is_held {
            self.write(Write::DropHeld(message.id));
        }
        self.after_commit(now, After::Prove(message.ack));
        if let Some(node) = outcome.node {
            self.set_member_node(message.group, &message.caller, node);
        }
        if let Some(asks) = outcome.asks.take() {
            self.ask_node(now, message.group, message.source, asks);
        }
        if let Some(fetch) = outcome.fetch {
            self.fetch(message.group, message.source, language, fetch);
        }
        self.tell_all(now, message.group, outcome, Some(message.source));
    }

    fn remember(
        &mut self,
        unix: UnixTime,
        message: &PendingMessage,
        events: &[Event],
        is_member: bool,
    ) -> Option<Seen> {
        if !is_member && events.is_empty() {
            return None;
        }
        self.dedup.insert(&message.id);
        // A reaction that was typed is about the message that is the newest at the moment, and does nothing twice.
        let is_reaction = message.brought.reference.is_some();
        let is_post = |event: &Event| match event.kind {
            EventKind::Posted(_) | EventKind::Held { .. } => true,
            EventKind::Reacted { .. } => is_reaction,
            _ => false,
        };
        let content = events.iter().any(is_post).then_some((message.brought.content, unix));
        if let Some((content, unix)) = content {
            self.dedup.insert_content(content, unix);
        }
        Some(Seen { message: message.id, content })
    }

    /// Notes that a member's client knows replies and reactions, so that it is sent some.
    fn note_client(&mut self, message: &PendingMessage, events: &[Event]) {
        if events.is_empty() || !message.brought.is_of_knowing_client() {
            return;
        }
        let Some(hosted) = self.groups.get_mut(message.group) else { return };
        let Some(member) = hosted.group.member_of(&message.caller).map(|member| member.id) else { return };
        if hosted.understanding.insert(member) {
            self.write(Write::Understands { group: message.group, member });
        }
    }

    /// Whoever refers to a message by its id has it.
    fn note_seen(&mut self, message: &PendingMessage, events: &[Event]) {
        if !message.brought.is_of_knowing_client() {
            return;
        }
        let Some(hosted) = self.groups.get(message.group) else { return };
        let Some(member) = hosted.group.member_of(&message.caller).map(|member| member.id) else { return };
        for event in events.iter().filter(|event| event.actor == Some(member)) {
            let target = match &event.kind {
                EventKind::Posted(post) => post.reply_to,
                EventKind::Reacted { target, .. } | EventKind::Unreacted { target, .. } => Some(*target),
                _ => None,
            };
            if let Some(target) = target {
                self.post_seen(message.group, member, target);
            }
        }
    }

    /// Sends the reply and the notices of an outcome, once its events are durable.
    pub(super) fn tell_all(
        &mut self,
        now: Instant,
        from: GroupId,
        outcome: Outcome,
        asker: Option<DestinationHash>,
    ) {
        if let (Some(to), Some(text)) = (asker, outcome.reply) {
            self.after_commit(now, After::Tell { from, to, text });
        }
        for notice in outcome.notices {
            let to = delivery_address(notice.to.hash());
            self.after_commit(now, After::Tell { from, to, text: notice.text });
        }
    }

    /// Sends a private message. It is not worth keeping: whoever misses it asks again.
    pub(super) fn tell(&mut self, now: Instant, from: GroupId, to: DestinationHash, text: String) {
        self.tell_with(now, from, to, text, Fields::default());
    }

    /// As [`Self::tell`], with fields.
    pub(super) fn tell_with(
        &mut self,
        now: Instant,
        from: GroupId,
        to: DestinationHash,
        text: String,
        fields: Fields,
    ) {
        let person = self.engine.peer(&to).map(|peer| Arc::clone(&peer.identity));
        let is_member = person.as_ref().is_some_and(|person| self.is_present(from, person));
        let fields = match person.filter(|_| fields.is_empty()) {
            Some(person) => self.shown_first(from, person.hash()),
            None => fields,
        };
        let Some(from) = self.groups.get(from).map(|hosted| hosted.addresses.lxmf) else { return };
        if self.replies >= REPLIES_MAX {
            self.counters.replies_dropped += 1;
            return;
        }
        if let Some(send) = self.send(now, from, to, text.into_bytes(), fields, is_member) {
            self.sent.insert(send, Sent::Reply);
            self.replies += 1;
        }
    }

    /// What the first message to somebody who came in has besides its text: the group's icon, once.
    fn shown_first(&mut self, group: GroupId, person: IdentityHash) -> Fields {
        let Some(hosted) = self.groups.get_mut(group) else { return Fields::default() };
        let Some(member) = hosted.group.member_by_identity(person).map(|member| member.id) else {
            return Fields::default();
        };
        let icon = &hosted.group.settings().icon;
        if !hosted.newcomers.remove(&member) || icon.name.is_empty() {
            return Fields::default();
        }
        Builder::default().icon(&icon.name, icon.foreground, icon.background).build()
    }

    /// Sends a private message of this moment. A member may be offered a ticket with it, and gets it by a propagation node
    /// if there is no other way; for anybody else that would be work for strangers.
    pub(super) fn send(
        &mut self,
        now: Instant,
        from: DestinationHash,
        to: DestinationHash,
        content: Vec<u8>,
        fields: Fields,
        is_member: bool,
    ) -> Option<SendId> {
        let outgoing = Outgoing {
            from,
            to,
            timestamp: self.engine.unix_time(now),
            title: Vec::new(),
            content,
            fields,
            method: None,
            priority: Priority::Reply,
            ticket: is_member,
            fallback: is_member && self.mail.fallback,
        };
        self.router.send(now, &mut self.engine, outgoing).ok()
    }

    fn send_failed(&mut self, now: Instant, send: SendId, reason: Failure) {
        match (self.sent.get(&send), reason) {
            (Some(&Sent::Paper(asker)), _) => {
                self.sent.remove(&send);
                self.paper_failed(now, asker, reason);
            }
            (_, Failure::Rejected) => self.sent(now, send, CopyEnd::Refused),
            _ => self.sent(now, send, CopyEnd::Failed(ledger::why(reason))),
        }
    }

    fn sent(&mut self, now: Instant, send: SendId, end: CopyEnd) {
        match self.sent.remove(&send) {
            Some(Sent::Copy { group, member, seq }) => {
                self.copy_ended(now, group, member, seq, end);
            }
            Some(Sent::Reply) => self.replies -= 1,
            Some(Sent::Invitation { group, person }) => {
                let arrived = matches!(end, CopyEnd::Delivered(_));
                self.invitation_ended(now, group, person, arrived);
            }
            // Answered where it comes out.
            Some(Sent::Paper(_)) | None => {}
        }
    }

    /// Somebody gave a sign of life: what they lack goes out at once.
    pub(super) fn heard(&mut self, now: Instant, identity: &Arc<PublicIdentity>) {
        self.tell_invited(now, identity);
        let at = self.engine.unix_time(now);
        let mut stored = Vec::new();
        for (group, member) in self.people.groups_of(identity.hash()) {
            if let Some(hosted) = self.groups.stir(group) {
                hosted.delivery.on_heard(now, member);
                if hosted.group.note_heard(at, member) {
                    stored.push(Write::Heard { group, member, at });
                }
            }
        }
        stored.into_iter().for_each(|write| self.write(write));
    }

    /// A person, with the name that they announce.
    pub(super) fn caller(&self, identity: Arc<PublicIdentity>) -> Caller {
        let peer = self.engine.peer(&delivery_address(identity.hash()));
        let announced_name = peer
            .and_then(|peer| peer.app_data.as_deref())
            .and_then(|app_data| AppData::parse(app_data).display_name);
        Caller::Identity { identity, announced_name }
    }
}

/// Where a person receives messages.
pub(super) fn delivery_address(person: IdentityHash) -> DestinationHash {
    DestinationHash::of_single(*DELIVERY_NAME_HASH, person)
}
