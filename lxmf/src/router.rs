//! Delivery of messages in both directions, on the packets and links of a [`Node`] that is handed in with each call.
//!
//! Feed it [`Router::handle_event`] with every event of the node (what is not LXMF's comes back), time, and results
//! of work; then drain [`Router::poll_output`] and ask [`Router::poll_timeout`]. Each message that arrives ends in
//! exactly one [`Output`], [`Output::Received`] or [`Output::Refused`], unless its source stays unknown; each send
//! ends in exactly one of [`Output::Delivered`] and [`Output::Failed`].
//!
//! | module | owns |
//! |---|---|
//! | `inbound` | from arrival to a verified message; `hold` keeps those of unknown sources |
//! | `outbound` | from a send to its proof: lanes, attempts, choice of the route |
//! | `links` | which links are LXMF's, who is behind them, when they are idle |
//! | `stamping` | proof of work on its way to the threads, and what it may cost |
//! | `terms` | tickets and propagation nodes of single peers |
//! | `work` | signing, verifying and proof of work, as values |
//!
//! It proves nothing itself: an output carries the right to prove, and the application uses it once what it made of
//! the message is durable.

mod counters;
mod hold;
mod inbound;
mod links;
mod outbound;
mod stamping;
mod terms;
#[cfg(test)]
mod tests;
mod work;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, LazyLock};

pub use counters::Counters;
pub use outbound::{Failure, Outgoing, Route, SendError, SendId};
use reticulum::crypto::{Identity, PublicIdentity, RatchetSecret};
use reticulum::hash::{DestinationHash, LinkId, NameHash};
use reticulum::node::{
    AddDestinationError, AnnounceError, DestinationConfig, Event, LinkRole, Node, PendingProof, ProofPolicy,
    ResourcePolicy,
};
use reticulum::time::Instant;
pub use stamping::StampPolicy;
pub use terms::{Offer, Terms};
use thiserror::Error;
pub use work::{Work, WorkDone};

use self::inbound::{Arrival, Inbound};
use self::links::{Links, Pair};
use self::outbound::Outbound;
use self::stamping::{Check, Stamping};
use self::terms::AllTerms;
use self::work::Done;
use crate::app_data::{self, AppData};
use crate::message::{Message, MessageId, Method, UnpackError};
use crate::ticket::{Issuer, Ticket};

/// Full name of the destinations that receive messages.
pub const DELIVERY_NAME: &str = "lxmf.delivery";

/// Hash of [`DELIVERY_NAME`].
pub static DELIVERY_NAME_HASH: LazyLock<NameHash> = LazyLock::new(|| NameHash::of_name(DELIVERY_NAME));

/// Largest resource that a delivery destination usually accepts, in bytes uncompressed (`spec/lxmf.md` 7).
pub const RESOURCE_SIZE_MAX: u64 = 1_000_000;

/// A destination of our own that receives and sends messages.
#[derive(Clone, Debug)]
pub struct DeliveryConfig {
    /// Whose it is.
    pub identity: Arc<Identity>,
    /// Announced as its name.
    pub display_name: String,
    /// Announced as the price of a message, 1 to 254. What becomes of a message without is for the application to say.
    pub stamp_cost: Option<u8>,
    /// Restored ratchets, newest first; possibly none yet.
    pub ratchets: Vec<RatchetSecret>,
    /// Larger resources are rejected before they travel; usually [`RESOURCE_SIZE_MAX`].
    pub resource_size_max: u64,
}

/// What [`Router::poll_output`] yields.
#[derive(Debug)]
pub enum Output {
    /// A message came, and its signature is its source's. Whether it came before is for the application to know.
    Received(Box<Received>),
    /// Something came that is no message of anybody's. To be proven like one, or its sender repeats it.
    Refused {
        /// What is wrong with it.
        reason: Refusal,
        /// To be handed to [`Node::prove`].
        proof: PendingProof,
    },
    /// A send arrived: its recipient proved it.
    Delivered {
        /// Which.
        send: SendId,
        /// The id of the message, which is the recipient's too.
        message: MessageId,
        /// How it went.
        route: Route,
    },
    /// A send ended without a proof.
    Failed {
        /// Which.
        send: SendId,
        /// Why.
        reason: Failure,
    },
    /// Asked for by [`Router::check_stamp`].
    StampChecked {
        /// Of which message.
        message: MessageId,
        /// The stamp that was checked.
        stamp: Vec<u8>,
        /// Whether it is worth its price.
        valid: bool,
    },
    /// What is agreed with a peer changed. To be kept in place of what was, and given back by
    /// [`Router::restore_terms`]; nothing waits for it.
    Terms(Terms),
    /// A delivery destination announced itself, by itself or in answer to a path request.
    Heard {
        /// Which.
        destination: DestinationHash,
        /// Its keys.
        identity: Arc<PublicIdentity>,
        /// What it says about itself.
        app_data: AppData,
        /// Whether it answered a path request, which is not news to a person.
        path_response: bool,
    },
    /// To be run on any thread and brought back through [`Router::handle_work_done`], in the order of submission.
    Work(Work),
}

/// A message that came.
#[derive(Debug)]
pub struct Received {
    /// Verified.
    pub message: Message,
    /// How it travelled.
    pub method: Method,
    /// The link that it came on.
    pub link: Option<LinkId>,
    /// Whose signature it bears.
    pub identity: Arc<PublicIdentity>,
    /// Whether it paid what the destination asks for.
    pub stamped: Stamped,
    /// The ticket that it offers. It is used once [`Router::accept_ticket`] has been told so.
    pub ticket: Option<Ticket>,
    /// The message as it travelled.
    pub raw: RawMessage,
    /// To be handed to [`Node::prove`] once what the message causes is durable.
    pub proof: PendingProof,
}

/// The bytes of a message that came.
#[derive(Clone, Debug)]
pub struct RawMessage {
    /// Where a single packet was addressed to, which it does not say itself.
    destination: Option<DestinationHash>,
    bytes: Vec<u8>,
}

impl RawMessage {
    /// All of it, its destination in front: [`Unverified::parse`](crate::message::Unverified::parse) reads it again.
    pub fn into_packed(self) -> Vec<u8> {
        match self.destination {
            Some(destination) => [destination.as_ref(), &self.bytes].concat(),
            None => self.bytes,
        }
    }
}

/// Whether a message paid what its destination asks for (`spec/lxmf.md` 7, step 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamped {
    /// Nothing is asked for, so nothing was looked at.
    Free,
    /// With a ticket of ours.
    Ticket,
    /// There is a stamp. To find out what it is worth takes milliseconds: [`Router::check_stamp`] does. The proof need
    /// not wait for that, once the message is durable.
    Unchecked {
        /// What is asked for.
        cost: u8,
    },
    /// There is nothing that could be a stamp or a ticket of ours.
    Missing {
        /// What is asked for.
        cost: u8,
    },
}

/// Why something that came is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It does not parse.
    #[error("malformed message: {0}")]
    Malformed(UnpackError),
    /// It is for a destination that is not ours.
    #[error("a message for somebody else")]
    NotOurs,
    /// Its source did not sign it.
    #[error("bad signature")]
    BadSignature,
}

/// Delivers messages. See the module's documentation for how to drive it.
#[derive(Debug, Default)]
pub struct Router {
    deliveries: BTreeMap<DestinationHash, Delivery>,
    links: Links,
    inbound: Inbound,
    outbound: Outbound,
    stamping: Stamping,
    terms: AllTerms,
    outputs: VecDeque<Output>,
    work_outstanding: usize,
    counters: Counters,
}

#[derive(Debug)]
struct Delivery {
    identity: Arc<Identity>,
    /// The public half once more, to be shared with what verifies.
    public: Arc<PublicIdentity>,
    tickets: Issuer,
    display_name: String,
    stamp_cost: Option<u8>,
    resource_size_max: u64,
}

/// What the two directions need of everything else while they handle one input.
struct Context<'a> {
    now: Instant,
    node: &'a mut Node,
    deliveries: &'a BTreeMap<DestinationHash, Delivery>,
    links: &'a mut Links,
    stamping: &'a mut Stamping,
    terms: &'a mut AllTerms,
    outputs: &'a mut VecDeque<Output>,
    work_outstanding: &'a mut usize,
    counters: &'a mut Counters,
}

impl Context<'_> {
    fn work(&mut self, work: Work) {
        *self.work_outstanding += 1;
        self.outputs.push_back(Output::Work(work));
    }
}

impl Router {
    /// A router without destinations.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a destination of our own. It is announced when the application asks the node to.
    pub fn add_delivery(
        &mut self,
        node: &mut Node,
        config: DeliveryConfig,
    ) -> Result<DestinationHash, AddDestinationError> {
        let mut destination = DestinationConfig::new(config.identity.clone(), DELIVERY_NAME);
        destination.app_data = app_data::encode(&config.display_name, config.stamp_cost);
        destination.ratchets = Some(config.ratchets);
        destination.accept_links = true;
        destination.proofs = ProofPolicy::Application;
        destination.resources = ResourcePolicy::Application;
        destination.resource_size_max = config.resource_size_max;
        let hash = node.add_destination(destination)?;
        let delivery = Delivery {
            public: Arc::new(config.identity.public().clone()),
            tickets: Issuer::new(&config.identity),
            identity: config.identity,
            display_name: config.display_name,
            stamp_cost: config.stamp_cost,
            resource_size_max: config.resource_size_max,
        };
        self.deliveries.insert(hash, delivery);
        Ok(hash)
    }

    /// Removes a destination of our own: what it has to send is cancelled, its links are closed.
    pub fn remove_delivery(&mut self, now: Instant, node: &mut Node, destination: &DestinationHash) {
        let (mut cx, _, outbound) = self.split(now, node);
        let cx = &mut cx;
        outbound.cancel_from(cx, destination);
        for link in cx.links.of(destination) {
            cx.node.close_link(now, link);
        }
        cx.node.remove_destination(destination);
        self.deliveries.remove(destination);
    }

    /// Changes the name that `destination` announces from its next announce on.
    pub fn set_display_name(
        &mut self,
        node: &mut Node,
        destination: &DestinationHash,
        name: &str,
    ) -> Result<(), AnnounceError> {
        let delivery = self.deliveries.get_mut(destination).ok_or(AnnounceError::UnknownDestination)?;
        name.clone_into(&mut delivery.display_name);
        node.set_app_data(destination, app_data::encode(name, delivery.stamp_cost))
    }

    /// Changes what a message to `destination` costs, from its next announce on; messages are judged by it at once.
    pub fn set_stamp_cost(
        &mut self,
        node: &mut Node,
        destination: &DestinationHash,
        cost: Option<u8>,
    ) -> Result<(), AnnounceError> {
        let delivery = self.deliveries.get_mut(destination).ok_or(AnnounceError::UnknownDestination)?;
        delivery.stamp_cost = cost;
        node.set_app_data(destination, app_data::encode(&delivery.display_name, cost))
    }

    /// What we are willing to pay for messages of ours.
    pub fn set_stamp_policy(&mut self, policy: StampPolicy) {
        self.stamping.policy = policy;
    }

    /// Finds out what the stamp of a message is worth, on another thread; [`Output::StampChecked`] tells. False if too
    /// many checks wait. Anybody with an identity can cause one, so the application bounds them by sender.
    pub fn check_stamp(&mut self, now: Instant, message: MessageId, stamp: Vec<u8>, cost: u8) -> bool {
        let taken = self.stamping.check(Check { message, stamp, cost });
        self.start_stamping(now);
        taken
    }

    /// Takes back what [`Output::Terms`] told in an earlier run.
    pub fn restore_terms(&mut self, terms: Terms) {
        self.terms.set(terms);
    }

    /// Uses the ticket that `remote` offered, from now on and until it expires.
    pub fn accept_ticket(&mut self, local: DestinationHash, remote: DestinationHash, ticket: Ticket) {
        let terms = self.terms.of(&Pair { local, remote });
        self.change_terms(Terms { ticket: Some(ticket), ..terms });
    }

    /// Remembers on which propagation node `remote` looks for messages.
    pub fn set_node(
        &mut self,
        local: DestinationHash,
        remote: DestinationHash,
        node: Option<DestinationHash>,
    ) {
        let terms = self.terms.of(&Pair { local, remote });
        self.change_terms(Terms { node, ..terms });
    }

    /// What is agreed with a peer.
    pub fn terms(&self, local: DestinationHash, remote: DestinationHash) -> Terms {
        self.terms.of(&Pair { local, remote })
    }

    /// Forgets what was agreed with a peer. Its tickets of ours stay valid until they expire.
    pub fn forget_terms(&mut self, local: DestinationHash, remote: DestinationHash) {
        self.terms.remove(&Pair { local, remote });
    }

    fn change_terms(&mut self, terms: Terms) {
        if self.terms.set(terms) {
            self.outputs.push_back(Output::Terms(terms));
        }
    }

    /// Takes what the node yielded; gives back what is not LXMF's. That can be the late proof of a send which has
    /// ended, since nothing is kept of those.
    pub fn handle_event(&mut self, now: Instant, node: &mut Node, event: Event) -> Option<Event> {
        let (mut cx, inbound, outbound) = self.split(now, node);
        let cx = &mut cx;
        match event {
            Event::Announce { destination, identity, name_hash, app_data, path_response, .. }
                if name_hash == *DELIVERY_NAME_HASH =>
            {
                inbound.handle_identity(cx, destination, &identity);
                outbound.handle_heard(cx, destination);
                let app_data = AppData::parse(app_data.as_deref().unwrap_or_default());
                cx.outputs.push_back(Output::Heard { destination, identity, app_data, path_response });
            }
            Event::Packet { destination, plaintext, proof, .. }
                if cx.deliveries.contains_key(&destination) =>
            {
                inbound.handle_arrival(cx, Arrival::packet(destination, plaintext, proof));
            }
            Event::LinkPacket { link, data, proof } if cx.links.contains(link) => {
                inbound.handle_arrival(cx, Arrival::link(link, data, proof));
            }
            Event::ResourceReceived { link, data, proof, .. } if cx.links.contains(link) => {
                inbound.handle_arrival(cx, Arrival::link(link, data, proof));
            }
            Event::ResourceOffered { link, resource, size, .. } if cx.links.contains(link) => {
                inbound.handle_offer(cx, link, resource, size);
            }
            Event::PathFound { destination, hops } => {
                outbound.handle_path(cx, destination);
                return Some(Event::PathFound { destination, hops });
            }
            event => return self.handle_link_event(now, node, event),
        }
        None
    }

    /// What became of links and of what we sent on them.
    fn handle_link_event(&mut self, now: Instant, node: &mut Node, event: Event) -> Option<Event> {
        let (mut cx, inbound, outbound) = self.split(now, node);
        let cx = &mut cx;
        match event {
            Event::Delivered { receipt } if outbound.owns(receipt) => outbound.handle_proof(cx, receipt),
            Event::TimedOut { receipt } if outbound.owns(receipt) => outbound.handle_no_proof(cx, receipt),
            Event::LinkOpened { link, destination, role: LinkRole::Responder, .. }
                if cx.deliveries.contains_key(&destination) =>
            {
                cx.links.accept(link, destination);
            }
            Event::LinkOpened { link, role: LinkRole::Initiator, .. } if cx.links.contains(link) => {
                outbound.handle_link_opened(cx, link);
            }
            Event::LinkIdentified { link, identity } if cx.links.contains(link) => {
                let remote = DestinationHash::of_single(*DELIVERY_NAME_HASH, identity.hash());
                cx.links.identify(link, remote, identity.clone());
                inbound.handle_identity(cx, remote, &identity);
                outbound.handle_heard(cx, remote);
            }
            Event::LinkClosed { link, .. } if cx.links.contains(link) => {
                outbound.handle_link_closed(cx, link)
            }
            Event::ResourceSent { link, resource } if cx.links.contains(link) => {
                outbound.handle_resource_sent(cx, link, resource);
            }
            Event::ResourceRejected { link, resource } if cx.links.contains(link) => {
                outbound.handle_resource_rejected(cx, link, resource);
            }
            Event::ResourceFailed { link, resource, .. } if cx.links.contains(link) => {
                outbound.handle_resource_failed(cx, link, resource);
            }
            event => return Some(event),
        }
        None
    }

    /// Takes back the result of a [`Work`].
    pub fn handle_work_done(&mut self, now: Instant, node: &mut Node, done: WorkDone) {
        self.work_outstanding = self.work_outstanding.saturating_sub(1);
        let (mut cx, inbound, outbound) = self.split(now, node);
        let cx = &mut cx;
        match done.0 {
            Done::Verified(verified) => {
                // Only now: anybody could write a peer's address on a message and use up our attempts to reach it.
                if let Some(source) = inbound.handle_verified(cx, *verified) {
                    outbound.handle_heard(cx, source);
                }
            }
            Done::Packed { send, packed } => outbound.handle_packed(cx, send, packed),
            Done::Checked { check, valid } => {
                cx.stamping.check_done();
                let Check { message, stamp, .. } = check;
                cx.outputs.push_back(Output::StampChecked { message, stamp, valid });
            }
            Done::Searched { send, before, searched } => {
                outbound.handle_searched(cx, send, before, *searched);
            }
        }
        self.start_stamping(now);
    }

    /// To be called when [`Self::poll_timeout`] is due; harmless at any other time.
    pub fn handle_timeout(&mut self, now: Instant, node: &mut Node) {
        let (mut cx, inbound, outbound) = self.split(now, node);
        let cx = &mut cx;
        inbound.handle_timeout(cx);
        outbound.handle_timeout(cx);
        while let Some(link) = cx.links.pop_idle(now) {
            cx.node.close_link(now, link);
        }
        self.start_stamping(now);
    }

    /// When to call [`Self::handle_timeout`] next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = [
            self.inbound.poll_timeout(),
            self.outbound.poll_timeout(),
            self.links.poll_timeout(),
            self.stamping.poll_timeout(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// The next output, if any.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Signs a message and delivers it, by whatever route suits. The same [`Outgoing`] is always the same message,
    /// with the same id, so it may be sent again after it failed or after a restart.
    pub fn send(&mut self, now: Instant, node: &mut Node, outgoing: Outgoing) -> Result<SendId, SendError> {
        let (mut cx, _, outbound) = self.split(now, node);
        let cx = &mut cx;
        outbound.send(cx, outgoing)
    }

    /// Gives a send up; it ends as [`Failure::Cancelled`]. What is on its way may arrive nevertheless. False if it
    /// has ended already.
    pub fn cancel(&mut self, now: Instant, node: &mut Node, send: SendId) -> bool {
        let (mut cx, _, outbound) = self.split(now, node);
        let cx = &mut cx;
        outbound.cancel(cx, send)
    }

    /// Work that was handed out and has not come back. A driver reads no more frames above a bound of its own.
    pub fn work_outstanding(&self) -> usize {
        self.work_outstanding
    }

    /// What was refused or dropped, and why.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Hands out the proof of work that may run now.
    fn start_stamping(&mut self, now: Instant) {
        let outbound = &self.outbound;
        while let Some(work) = self.stamping.poll(now, |send| outbound.wants_stamp(send)) {
            self.work_outstanding += 1;
            self.outputs.push_back(Output::Work(work));
        }
    }

    /// The two directions, and what both need while one input is handled.
    fn split<'a>(
        &'a mut self,
        now: Instant,
        node: &'a mut Node,
    ) -> (Context<'a>, &'a mut Inbound, &'a mut Outbound) {
        let cx = Context {
            now,
            node,
            deliveries: &self.deliveries,
            links: &mut self.links,
            stamping: &mut self.stamping,
            terms: &mut self.terms,
            outputs: &mut self.outputs,
            work_outstanding: &mut self.work_outstanding,
            counters: &mut self.counters,
        };
        (cx, &mut self.inbound, &mut self.outbound)
    }
}
