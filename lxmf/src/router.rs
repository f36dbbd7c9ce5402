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
//! | `nodes` | which propagation nodes there are, and which is to be used |
//! | `sync` | fetching what they keep for us |
//! | `stamping` | proof of work on its way to the threads, and what it may cost |
//! | `terms` | tickets and propagation nodes of single peers |
//! | `work` | signing, verifying and proof of work, as values |
//!
//! It acknowledges nothing itself: an output carries the right to, and the application uses it once what it made of the
//! message is durable.

mod counters;
mod hold;
mod inbound;
mod links;
mod nodes;
mod outbound;
mod rate;
mod stamping;
mod sync;
mod terms;
#[cfg(test)]
mod tests;
mod work;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, LazyLock};

pub use counters::Counters;
pub use nodes::NodePolicy;
pub use outbound::{Failure, Outgoing, Route, SendError, SendId};
use reticulum::crypto::{Identity, PublicIdentity, RatchetSecret};
use reticulum::hash::{DestinationHash, LinkId, NameHash};
use reticulum::node::{
    AddDestinationError, AnnounceError, DestinationConfig, Event, LinkRole, Node, PendingProof, ProofPolicy,
    ResourcePolicy,
};
use reticulum::time::Instant;
pub use stamping::StampPolicy;
pub use sync::{SyncFailure, Synced};
pub use terms::{Offer, Terms};
use thiserror::Error;
pub use work::{Work, WorkDone};

use self::inbound::{Arrival, Inbound};
use self::links::{Links, Pair};
use self::nodes::Nodes;
use self::outbound::Outbound;
use self::rate::Rates;
use self::stamping::{Check, Stamping};
use self::sync::{Fetched, Syncs};
use self::terms::AllTerms;
use self::work::{Done, Origin};
use crate::app_data::{self, AppData};
use crate::message::{Message, MessageId, Method, UnpackError};
use crate::paper;
use crate::propagation::{PROPAGATION_NAME_HASH, is_stamp_refusal, split_stored};
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
        /// To be handed to [`Router::acknowledge`].
        ack: Ack,
    },
    /// A send that takes its way now, or waits for something that is not here: told of each attempt, so that whoever sends
    /// to many knows that this one takes no more of the processor's time.
    Attempted {
        /// Which.
        send: SendId,
        /// How it went; `None` while it waits for a path, a link, a stamp or a node.
        route: Option<Route>,
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
    /// A send is on a propagation node. That is the last that is ever heard of it.
    Stored {
        /// Which.
        send: SendId,
        /// The id of the message, which is the recipient's too.
        message: MessageId,
        /// Where.
        node: DestinationHash,
    },
    /// A sync ended.
    Synced(Synced),
    /// A message was put on paper, as asked for by [`Outgoing::method`].
    Paper {
        /// Which.
        send: SendId,
        /// The id of the message.
        message: MessageId,
        /// To be shown as text or as a QR code.
        uri: String,
    },
    /// A send ended without a proof.
    Failed {
        /// Which.
        send: SendId,
        /// Why.
        reason: Failure,
    },
    /// A propagation node announced itself.
    NodeHeard {
        /// Which.
        node: DestinationHash,
        /// Whether it did so because somebody asked for a path to it.
        path_response: bool,
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
    /// To be handed to [`Router::acknowledge`] once what the message causes is durable.
    pub ack: Ack,
}

/// The right to tell that one message arrived: to prove it to its sender, or to delete it on the node that kept it.
/// Dropping it means that nobody is ever told.
#[derive(Clone, Debug)]
pub struct Ack(AckKind);

#[derive(Clone, Debug)]
enum AckKind {
    None,
    Proof(PendingProof),
    Fetched(Fetched),
}

impl Ack {
    /// Tells nobody.
    pub const fn none() -> Self {
        Self(AckKind::None)
    }

    fn of_proof(proof: PendingProof) -> Self {
        Self(AckKind::Proof(proof))
    }
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
    /// Its source is on the list of those who are ignored.
    #[error("the sender is ignored")]
    Ignored,
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
    nodes: Nodes,
    syncs: Syncs,
    ignored: HashSet<DestinationHash>,
    rates: Rates,
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
    nodes: &'a mut Nodes,
    ignored: &'a HashSet<DestinationHash>,
    rates: &'a mut Rates,
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
        let (mut cx, _, outbound, _) = self.split(now, node);
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
        let (mut cx, inbound, outbound, syncs) = self.split(now, node);
        let cx = &mut cx;
        match event {
            Event::Announce { destination, name_hash, app_data, path_response, .. }
                if name_hash == *PROPAGATION_NAME_HASH =>
            {
                cx.nodes.hear(now, destination, app_data.as_deref().unwrap_or_default());
                outbound.handle_heard(cx, destination);
                outbound.handle_node(cx, destination);
                syncs.handle_path(cx, destination);
                cx.outputs.push_back(Output::NodeHeard { node: destination, path_response });
            }
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
            Event::LinkPacket { link, data, .. } if outbound.is_to_node(cx, link) => {
                if is_stamp_refusal(&data) {
                    outbound.handle_stamp_refused(cx, link);
                }
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
                outbound.handle_node(cx, destination);
                syncs.handle_path(cx, destination);
                return Some(Event::PathFound { destination, hops });
            }
            event => return self.handle_link_event(now, node, event),
        }
        None
    }

    /// What became of links and of what we sent on them.
    fn handle_link_event(&mut self, now: Instant, node: &mut Node, event: Event) -> Option<Event> {
        let (mut cx, inbound, outbound, syncs) = self.split(now, node);
        let cx = &mut cx;
        match event {
            Event::LinkOpened { link, .. } if syncs.owns(link) => syncs.handle_link_opened(cx, link),
            Event::LinkClosed { link, .. } if syncs.owns(link) => syncs.handle_link_closed(cx, link),
            Event::Response { link, request, value, .. } if syncs.owns(link) => {
                syncs.handle_response(cx, link, request, &value);
            }
            Event::RequestFailed { link, reason, .. } if syncs.owns(link) => {
                syncs.handle_request_failed(cx, link, reason);
            }
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
        let (mut cx, inbound, outbound, syncs) = self.split(now, node);
        let cx = &mut cx;
        match done.0 {
            Done::Sealed { send, stored } => outbound.handle_sealed(cx, send, stored),
            Done::Opened { origin, destination, body } => {
                let (method, ack) = match origin {
                    Origin::Fetched(fetched) => {
                        syncs.handle_opened(cx, fetched, body.is_some());
                        (Method::Propagated, Ack(AckKind::Fetched(fetched)))
                    }
                    Origin::Stored(proof) => (Method::Propagated, Ack::of_proof(proof)),
                    Origin::Paper => (Method::Paper, Ack::none()),
                };
                match body {
                    Some(body) => {
                        inbound.handle_arrival(cx, Arrival::opened(destination, body, method, ack));
                    }
                    // What was fetched is told to its node, and to nobody else.
                    None if matches!(ack.0, AckKind::Fetched(_)) => {}
                    None => cx.outputs.push_back(Output::Refused { reason: Refusal::NotOurs, ack }),
                }
            }
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
            Done::Searched { send, cost, before, searched } => {
                outbound.handle_searched(cx, send, cost, before, *searched);
            }
        }
        self.start_stamping(now);
    }

    /// To be called when [`Self::poll_timeout`] is due; harmless at any other time.
    pub fn handle_timeout(&mut self, now: Instant, node: &mut Node) {
        let (mut cx, inbound, outbound, syncs) = self.split(now, node);
        let cx = &mut cx;
        inbound.handle_timeout(cx);
        syncs.handle_timeout(cx);
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
            self.syncs.poll_timeout(),
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
        let (mut cx, _, outbound, _) = self.split(now, node);
        let cx = &mut cx;
        outbound.send(cx, outgoing)
    }

    /// Tells that what a message caused is durable: its sender gets its proof, or its node deletes it.
    pub fn acknowledge(&mut self, now: Instant, node: &mut Node, ack: Ack) {
        match ack.0 {
            AckKind::None => {}
            AckKind::Proof(proof) => node.prove(now, proof),
            AckKind::Fetched(fetched) => {
                let (mut cx, _, _, syncs) = self.split(now, node);
                syncs.acknowledge(&mut cx, fetched);
            }
        }
    }

    /// Which propagation nodes are to be used.
    pub fn set_node_policy(&mut self, policy: NodePolicy) {
        self.nodes.policy = policy;
    }

    /// Whose messages are dropped, as delivery destinations. They are proven nevertheless, as is usual in the field.
    pub fn set_ignored(&mut self, ignored: HashSet<DestinationHash>) {
        self.ignored = ignored;
    }

    /// How many messages one sender may send and one link carry within a minute; 0 is no limit. What is beyond is
    /// dropped without a proof.
    pub fn set_rate(&mut self, messages_per_minute: u32) {
        self.rates.per_minute = messages_per_minute;
    }

    /// The propagation nodes that would be used for `remote` now, the first choice first.
    pub fn nodes_for(
        &self,
        node: &Node,
        local: DestinationHash,
        remote: DestinationHash,
    ) -> Vec<DestinationHash> {
        self.nodes.candidates(node, self.terms.of(&Pair { local, remote }).node)
    }

    /// The propagation nodes on which our own messages may wait: those pinned, or the best that was heard.
    pub fn own_nodes(&self, node: &Node) -> Vec<DestinationHash> {
        let pinned = self.nodes.policy.pinned.len();
        let mut candidates = self.nodes.candidates(node, None);
        candidates.truncate(pinned.max(1));
        candidates
    }

    /// Fetches what a propagation node keeps for one of ours. [`Output::Synced`] tells when that is done. False if it is
    /// under way already, or too many syncs are.
    pub fn sync(
        &mut self,
        now: Instant,
        node: &mut Node,
        local: DestinationHash,
        from: DestinationHash,
    ) -> bool {
        let (mut cx, _, _, syncs) = self.split(now, node);
        syncs.start(&mut cx, local, from)
    }

    /// Whether messages for one of ours are being fetched from a node.
    pub fn is_syncing(&self, local: DestinationHash, from: DestinationHash) -> bool {
        self.syncs.is_running(local, from)
    }

    /// How many more syncs may run at present.
    pub fn sync_room(&self) -> usize {
        self.syncs.room()
    }

    /// Takes a message from paper: a `lxm://` address of one of ours. It then comes like any other.
    pub fn handle_paper(&mut self, node: &mut Node, uri: &str) -> Result<(), paper::PaperError> {
        let (destination, sealed) = paper::decode(uri)?;
        let delivery = self.deliveries.get(&destination).ok_or(paper::PaperError::NotOurs)?;
        let ratchets = node.ratchets(&destination);
        let identity = delivery.identity.clone();
        self.work_outstanding += 1;
        let job = work::OpenJob { origin: Origin::Paper, destination, identity, ratchets, sealed };
        self.outputs.push_back(Output::Work(Work::open(job)));
        Ok(())
    }

    /// Takes a message as propagation nodes keep it, for one of ours, from our own node. It then comes like any other, and
    /// `proof` is what acknowledging it proves. False if it is for nobody here.
    pub fn handle_stored(&mut self, node: &mut Node, stored: &[u8], proof: PendingProof) -> bool {
        let of = split_stored(stored);
        let Some((destination, sealed)) = of else { return false };
        let Some(delivery) = self.deliveries.get(&destination) else { return false };
        let (ratchets, identity) = (node.ratchets(&destination), delivery.identity.clone());
        self.work_outstanding += 1;
        let origin = Origin::Stored(proof);
        let job = work::OpenJob { origin, destination, identity, ratchets, sealed: sealed.to_vec() };
        self.outputs.push_back(Output::Work(Work::open(job)));
        true
    }

    /// Gives a send up; it ends as [`Failure::Cancelled`]. What is on its way may arrive nevertheless. False if it
    /// has ended already.
    pub fn cancel(&mut self, now: Instant, node: &mut Node, send: SendId) -> bool {
        let (mut cx, _, outbound, _) = self.split(now, node);
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
    ) -> (Context<'a>, &'a mut Inbound, &'a mut Outbound, &'a mut Syncs) {
        let cx = Context {
            now,
            node,
            deliveries: &self.deliveries,
            links: &mut self.links,
            stamping: &mut self.stamping,
            terms: &mut self.terms,
            nodes: &mut self.nodes,
            ignored: &self.ignored,
            rates: &mut self.rates,
            outputs: &mut self.outputs,
            work_outstanding: &mut self.work_outstanding,
            counters: &mut self.counters,
        };
        (cx, &mut self.inbound, &mut self.outbound, &mut self.syncs)
    }
}
