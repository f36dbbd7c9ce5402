//! A node that hosts groups, without sockets, threads, disk or clock: engine, router and groups joined together.
//!
//! Data goes one way: frame → packet → link or message → group → event → commit → fan-out → frame. The event loop
//! (`crate::node`) feeds it and carries out what it yields; the simulator does the same on virtual time. What leaves
//! because of a change waits in the `Gate` until the change is durable.
//!
//! | file | owns |
//! |---|---|
//! | `hosted.rs` | the groups: what each of them owns, and how one is found |
//! | `people.rs` | who is a member of which groups |
//! | `messages.rs` | LXMF messages to a group, and what the group tells people |
//! | `record.rs` | what follows from the events of a decision |
//! | `inbound.rs` | what a message brings besides its text |
//! | `fanout.rs` | copies of posts on their way to members |
//! | `compose.rs` | what copies say, and that they say the same each time |
//! | `ledger.rs` | what became of copies, for those who ask |
//! | `attached.rs` | attachments on their way to members |
//! | `pieces.rs` | attachments by request: which come in, and pieces that go out |
//! | `presence.rs` | who was heard when, and whose links are open |
//! | `relay.rs` | what a member is sent of an event |
//! | `founding.rs` | calls about the groups of the node: the directory, new groups |
//! | `network.rs` | announces and paths that the staff asks for |
//! | `pairs.rs` | conversations of two |
//! | `paper.rs` | messages on paper, out and in |
//! | `closing.rs` | deleting a group |
//! | `calls.rs` | requests on `meshchat.group` and calls on the control socket |
//! | `announces.rs` | when the groups' destinations are announced, and where |
//! | `held.rs` | messages that have not paid for themselves yet |
//! | `joining.rs` | stamps and invitations of those who come in |
//! | `mail.rs` | when messages are fetched from propagation nodes, and whose node is which |
//! | `gate.rs` | what waits for a commit |
//! | `propagation.rs` | being a propagation node for others |
//! | `probes.rs` | the destination that answers probes |
//! | `queries.rs` | what is asked of the store |
//! | `tail.rs` | the newest part of the history, in memory |
//! | `shelf.rs` | older parts of the history that are being read, in memory |
//! | `start.rs` | how a host begins |
//! | `typing.rs` | who is told that somebody types |
//! | `values.rs` | what goes in and out, as values |

mod announces;
mod attached;
mod calls;
mod closing;
mod compose;
mod fanout;
mod founding;
mod gate;
mod held;
mod hosted;
mod inbound;
mod joining;
mod ledger;
mod mail;
mod messages;
mod network;
mod pairs;
mod paper;
mod people;
mod pieces;
mod presence;
mod probes;
mod propagation;
mod queries;
mod record;
mod relay;
mod retention;
mod shelf;
mod start;
mod tail;
mod typing;
mod values;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use lxmf::router::{Router, SendId};
use reticulum::crypto::{Identity, Rng};
use reticulum::hash::{DestinationHash, IdentityHash, LinkId};
use reticulum::node::{
    Event as EngineEvent, InterfaceConfig, InterfaceId, InterfaceStats, Node, Output as EngineOutput,
    Persist, Signal,
};
use reticulum::time::{Instant, UnixTime};

use self::announces::Announces;
use self::closing::Farewells;
use self::fanout::CopyEnd;
use self::gate::Gate;
use self::held::Held;
use self::hosted::Groups;
use self::joining::{JoinChecks, Untold};
use self::mail::Mail;
use self::people::People;
use self::probes::Probes;
use self::propagation::Serving;
use self::retention::Retention;
use self::shelf::Shelf;
use self::typing::Listeners;
use crate::api::{self, Listing};
use crate::group::{Dedup, Founding, Group, MessageId, Settings};
use crate::store::Write;

pub use self::joining::{JoinWork, JoinWorkDone};
pub use self::propagation::ServeConfig;
pub use self::queries::{Query, Rows};
pub use self::start::FIRST_GROUP;
pub use self::values::{
    Addresses, CallId, HostConfig, HostCounters, Job, JobDone, MailConfig, Output, QueryId, TransportConfig,
};
use self::values::{After, Asked, Asker, Asking, Sent};

/// Work, messages and writes under way above which no more frames are to be read: TCP pushes back, nothing is lost.
const UNDER_WAY_MAX: usize = 4_096;
/// Questions to the store under way, those for copies of posts included; a further call is told that the node is busy.
const ASKED_MAX: usize = 1_024;
/// Bytes of answers that wait for a commit; an answer beyond becomes word that the node is busy.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// Private messages under way; a further one is not sent. Strangers cause them, and copies of posts need the room.
const REPLIES_MAX: usize = 1_024;

/// See the module's documentation.
pub struct Host {
    engine: Node,
    router: Router,
    groups: Groups,
    people: People,
    founding: Founding,
    /// Of groups that are created later.
    settings: Settings,
    rng: Rng,
    join_checks: JoinChecks,
    untold: Untold,
    retention: Retention,
    shelf: Shelf,
    farewells: Farewells,
    /// Who is at the other end of links that were identified. Bounded as the engine's links are.
    open_links: HashMap<LinkId, IdentityHash>,
    listeners: Listeners,
    /// Of all groups: the id of a message covers its destination.
    dedup: Dedup,
    announces: Announces,
    probes: Option<Probes>,
    held: Held,
    mail: Mail,
    serving: Option<Serving>,
    /// The largest message that is let in, in bytes.
    message_size_max: u64,
    gate: Gate<After>,
    sent: HashMap<SendId, Sent>,
    asked: HashMap<QueryId, Asked>,
    /// Messages that wait for the store.
    undecided: HashSet<MessageId>,
    started_at: Instant,
    next_query: u64,
    outputs: VecDeque<Output>,
    /// Bytes of answers that wait in the gate.
    answer_bytes: usize,
    /// Private messages under way.
    replies: usize,
    counters: HostCounters,
}

impl Host {
    /// Attaches an interface that is up, and announces the groups on it, in a moment and every `announce_interval`.
    pub fn handle_interface_up(
        &mut self,
        now: Instant,
        config: InterfaceConfig,
        announce_interval: Duration,
    ) -> InterfaceId {
        let interface = self.engine.add_interface(now, config);
        self.engine.handle_interface_up(now, interface);
        self.announces.start(now, interface, announce_interval);
        interface
    }

    /// Detaches an interface.
    pub fn handle_interface_gone(&mut self, now: Instant, interface: InterfaceId) {
        self.announces.stop(interface);
        self.engine.remove_interface(now, interface);
    }

    /// Takes one frame.
    pub fn handle_frame(&mut self, now: Instant, interface: InterfaceId, frame: &[u8]) {
        self.engine.handle_frame(now, interface, frame);
        if let Some(link) = self.engine.identified_now() {
            self.bound_requests(link);
        }
    }

    /// Takes one frame that a radio received this well.
    pub fn handle_radio_frame(&mut self, now: Instant, interface: InterfaceId, frame: &[u8], signal: Signal) {
        self.engine.handle_radio_frame(now, interface, frame, signal);
    }

    /// Takes a finished job back.
    pub fn handle_job_done(&mut self, now: Instant, done: JobDone) {
        match done {
            JobDone::Engine(done) => self.engine.handle_work_done(now, done),
            JobDone::JoinStamp(done) => self.join_stamp_checked(now, done),
            JobDone::Mail(done) => {
                if let Some(serving) = &mut self.serving {
                    serving.node.handle_work_done(now, &mut self.engine, done);
                }
            }
            JobDone::Router(done) => self.router.handle_work_done(now, &mut self.engine, done),
        }
    }

    /// Notes that the first `writes` of all writes so far are durable, and that such a commit now takes
    /// `commit_time`: link requests are answered so late that their initiators allow for it.
    pub fn handle_committed(&mut self, now: Instant, writes: u64, commit_time: Duration) {
        self.gate.commit(writes);
        self.engine.set_answer_delay(answer_delay(commit_time));
        while let Some(after) = self.gate.release() {
            self.answer_bytes -= after.answer_len();
            self.carry_out(now, after);
        }
    }

    /// Takes the store's answer.
    pub fn handle_rows(&mut self, now: Instant, query: QueryId, rows: Rows) {
        match self.asked.remove(&query) {
            Some(Asked::Call(asking, pending)) => self.finish_call(now, asking, pending, rows),
            Some(Asked::Message(message)) => self.message_known(now, *message, rows),
            Some(Asked::Export(asking)) => self.group_exported(now, &asking, rows),
            Some(Asked::Expired(group, action)) => self.texts_expired(now, group, *action, rows),
            Some(Asked::Mail(id)) => self.mail_answered(now, id, rows),
            Some(Asked::Fetch(group, to, language, fetch)) => {
                self.attachments_found(now, group, to, language, fetch, rows);
            }
            Some(Asked::Line(group, seq, as_posted)) => self.line_found(now, group, seq, as_posted, rows),
            Some(Asked::Together(group, copy)) => self.together_found(now, group, copy, rows),
            Some(Asked::Written(group, copy)) => self.written_found(now, group, copy, rows),
            Some(Asked::Delivery(group, to, post)) => self.gaps_found(now, group, to, &post, rows),
            Some(Asked::Missed(group, to)) => self.missed_found(now, group, to, rows),
            Some(Asked::Paper(asker, group, member)) => self.paper_found(now, asker, group, member, rows),
            Some(Asked::Stretch(group, id)) => {
                if let Rows::Stretch(Some(stretch)) = rows {
                    self.shelf.put(group, id, stretch);
                }
            }
            None => {}
        }
    }

    /// Lets everything happen whose time has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.engine.handle_timeout(now);
        self.router.handle_timeout(now, &mut self.engine);
        self.groups.handle_timeout(now);
        self.expire_held(now);
        self.expire_texts(now);
        self.erase_due(now);
        self.sync_due(now);
        while let Some(group) = self.groups.pop_end(now) {
            self.end_in_group(now, group);
        }
        self.announce_due(now);
        if let Some(serving) = &mut self.serving {
            serving.handle_timeout(now, &mut self.engine);
        }
        if let Some(probes) = &mut self.probes {
            probes.handle_timeout(now, &mut self.engine);
        }
    }

    /// When [`Self::handle_timeout`] is to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [
            self.engine.poll_timeout(),
            self.router.poll_timeout(),
            self.groups.poll_timeout(),
            self.retention.next_deadline(),
            self.farewells.next_deadline(),
            self.held.poll_timeout(),
            self.mail.poll_timeout(),
            self.announces.poll_timeout(),
            self.probes.as_ref().map(Probes::poll_timeout),
            self.serving.as_ref().and_then(Serving::poll_timeout),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The next thing to carry out. Drain it before transmitting.
    pub fn poll_output(&mut self, now: Instant) -> Option<Output> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            if let Some(output) = self.engine.poll_output() {
                self.engine_output(now, output);
            } else if let Some(output) = self.router.poll_output() {
                self.router_output(now, output);
            } else if let Some(output) = self.poll_mail() {
                self.mail_output(now, output);
            } else if let Some((group, dispatch)) = self.next_copy() {
                self.dispatch(now, group, dispatch);
            } else {
                return None;
            }
        }
    }

    /// Interfaces with something to send.
    pub fn transmit_pending(&self) -> impl Iterator<Item = InterfaceId> + '_ {
        self.engine.transmit_pending()
    }

    /// Appends the next frame for `interface`, if there is one.
    pub fn poll_transmit(&mut self, now: Instant, interface: InterfaceId, out: &mut Vec<u8>) -> bool {
        let sent = self.engine.poll_transmit(now, interface, out);
        if sent {
            self.groups.stir_blocked();
        }
        sent
    }

    /// Whether so much is under way that no more frames should be read for now.
    pub fn is_saturated(&self) -> bool {
        self.under_way().max(self.gate.len()) > UNDER_WAY_MAX
    }

    /// Whether nothing waits for a commit.
    pub fn is_settled(&self) -> bool {
        self.gate.is_settled() && self.under_way() == 0 && self.join_checks.len() == 0
    }

    /// Tells all peers that the node ends, and has the paths of others saved.
    pub fn close_links(&mut self, now: Instant) {
        self.engine.close_links(now);
        self.engine.save_paths(now);
    }

    /// Takes the wall clock over, which may have been set.
    pub fn set_unix_time(&mut self, now: Instant, unix: UnixTime) {
        self.engine.set_unix_time(now, unix);
        let groups: Vec<_> = self.groups.iter().map(|hosted| hosted.id).collect();
        groups.into_iter().for_each(|group| self.groups.arm(group, now, unix));
    }

    /// The first group.
    pub fn group(&self) -> &Group {
        &self.groups.first().group
    }

    /// The first group's addresses.
    pub fn addresses(&self) -> Addresses {
        self.groups.first().addresses
    }

    /// The first group's identity.
    pub fn identity(&self) -> &Identity {
        &self.groups.first().identity
    }

    /// All groups with their identities, the first one first.
    pub fn groups(&self) -> impl Iterator<Item = (Listing<'_>, &Identity)> {
        self.groups.iter().map(|hosted| (hosted.listing(), &*hosted.identity))
    }

    /// Where probes are answered, if they are.
    pub fn probe_address(&self) -> Option<DestinationHash> {
        self.probes.as_ref().map(|probes| probes.address)
    }

    /// The network, for what the operator's tools ask of it and do to it.
    pub fn network(&mut self) -> &mut Node {
        &mut self.engine
    }

    /// What an interface carried.
    pub fn interface_stats(&self, now: Instant, interface: InterfaceId) -> Option<InterfaceStats> {
        self.engine.interface_stats(now, interface)
    }

    /// Every count of something done or refused, by name.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        let HostCounters {
            messages_taken,
            messages_repeated,
            messages_refused,
            messages_busy,
            messages_early,
            calls,
            calls_refused,
            calls_busy,
            replies_dropped,
            unpaid,
            unpaid_held,
            unpaid_taken,
            unpaid_expired,
            unpaid_no_room,
            stamps_bad,
        } = self.counters;
        let delivery = self.groups.delivery_counters();
        let own = [
            ("messages_taken", messages_taken),
            ("messages_repeated", messages_repeated),
            ("messages_refused", messages_refused),
            ("messages_busy", messages_busy),
            ("messages_early", messages_early),
            ("calls", calls),
            ("calls_refused", calls_refused),
            ("calls_busy", calls_busy),
            ("replies_dropped", replies_dropped),
            ("unpaid", unpaid),
            ("unpaid_held", unpaid_held),
            ("unpaid_taken", unpaid_taken),
            ("unpaid_expired", unpaid_expired),
            ("unpaid_no_room", unpaid_no_room),
            ("stamps_bad", stamps_bad),
            ("copies_delivered", delivery.delivered),
            ("copies_stored", delivery.stored),
            ("copies_refused", delivery.refused),
            ("copies_expired", delivery.expired),
            ("copies_pending", self.groups.copies_pending() as u64),
        ];
        let engine = self.engine.counters().iter().chain(self.router.counters().iter());
        let serving = self.serving.iter().flat_map(|serving| serving.node.counters().iter());
        own.into_iter().chain(engine).chain(serving).map(|(name, count)| (name.to_owned(), count)).collect()
    }

    fn engine_output(&mut self, now: Instant, output: EngineOutput) {
        match output {
            EngineOutput::Work(work) => self.job(Job::Engine(work)),
            EngineOutput::Persist(Persist::Ratchets { id, destination, secrets }) => {
                self.write(Write::Ratchets { destination, secrets });
                self.after_commit(now, After::Persisted(id));
            }
            EngineOutput::Persist(Persist::Peer(record)) => self.write(Write::Peer(record)),
            EngineOutput::Persist(Persist::Paths { first, records }) => {
                self.write(Write::Paths { first, records });
            }
            EngineOutput::Persist(Persist::Airtime { id, record }) => {
                self.write(Write::Airtime(record));
                self.after_commit(now, After::Persisted(id));
            }
            EngineOutput::Persist(Persist::Blackholed(entry)) => self.write(Write::Blackholed(entry)),
            EngineOutput::Persist(Persist::Unblackholed(identity)) => {
                self.write(Write::Unblackholed(identity));
            }
            EngineOutput::Event(event) => {
                let event = self.router.handle_event(now, &mut self.engine, event);
                if let Some(event) = event.and_then(|event| self.mail_event(now, event)) {
                    self.engine_event(now, event);
                }
            }
        }
    }

    fn engine_event(&mut self, now: Instant, event: EngineEvent) {
        match event {
            EngineEvent::Request { link, destination, request, path, data, remote, .. } => {
                let asker = Asker::Link { link, request };
                if let Some(group) = self.groups.of_api(&destination) {
                    self.request(now, asker, group, path, &data, remote);
                } else if self.groups.at(&destination).is_none() {
                    self.refuse(now, asker, api::group_is_gone());
                }
            }
            EngineEvent::LinkIdentified { link, identity } => {
                self.link_opened(link, identity.hash());
                self.heard(now, &identity);
            }
            EngineEvent::LinkClosed { link, .. } => self.link_closed(now, link),
            _ => {}
        }
    }

    fn job(&mut self, job: Job) {
        self.outputs.push_back(Output::Job(job));
    }

    fn write(&mut self, write: Write) {
        self.gate.submit();
        self.outputs.push_back(Output::Write(write));
    }

    fn query(&mut self, query: Query, asked: Asked) {
        let id = QueryId(self.next_query);
        self.next_query += 1;
        self.asked.insert(id, asked);
        self.outputs.push_back(Output::Query(id, query));
    }

    fn after_commit(&mut self, now: Instant, after: After) {
        let answer_len = after.answer_len();
        match self.gate.hold(after) {
            Some(after) => self.carry_out(now, after),
            None => self.answer_bytes += answer_len,
        }
    }

    /// Jobs that were handed out, or soon will be, and are not back.
    fn under_way(&self) -> usize {
        let serving = self.serving.as_ref().map_or(0, |serving| serving.node.work_outstanding());
        self.engine.work_outstanding() + self.router.work_outstanding() + serving
    }

    fn carry_out(&mut self, now: Instant, after: After) {
        match after {
            After::Prove(ack) => self.router.acknowledge(now, &mut self.engine, ack),
            After::Persisted(id) => self.engine.handle_persisted(now, id),
            After::FanOut { group, seq, author } => {
                if let Some(hosted) = self.groups.stir(group) {
                    hosted.delivery.on_posted(now, seq, author);
                }
                self.note_told(now, group);
            }
            After::Launch { group, dispatch, copy } => self.launch(now, group, dispatch, *copy),
            After::Tell { from, to, text } => self.tell(now, from, to, text),
            After::Export(asking) => self.export_group(asking),
            After::EraseIdentity(group) => self.outputs.push_back(Output::EraseIdentity(group)),
            After::Announce(group) => self.renew_announce(now, group),
            After::Look { member, needs, message } => self.look_up(member, needs, message),
            After::Mail(after) => self.mail_durable(now, after),
            After::Answer(asker, body) => self.answer(now, asker, body),
        }
    }
}

/// How long a link request waits for its answer. Its initiator gives each packet six times the round-trip time that it
/// measured to be proven: that has to cover the commit that is under way when the packet comes, the one that carries
/// it, and some time to get there.
fn answer_delay(commit_time: Duration) -> Duration {
    const MARGIN: Duration = Duration::from_millis(8);
    const LONGEST: Duration = Duration::from_secs(1);
    ((2 * commit_time + MARGIN) / 5).min(LONGEST)
}
