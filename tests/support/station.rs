//! A whole group node and a plain client as stations of the simulator.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use lxmf::fields::{Field, Fields};
use lxmf::router::{DeliveryConfig, Outgoing, Output as RouterOutput, Router, SendId};
use meshgroup::group::delivery::Gap;
use meshgroup::group::{
    Audited, Event, EventKind, FoundingRules, GroupId, Known, Listed, MemberId, Needs, Piece, PieceRequest,
    Seq, Settings, Viewer,
};
use meshgroup::host::{CallId, FIRST_GROUP, Host, HostConfig, Output, Query, Rows};
use meshgroup::store::{Entry, Page, ReadCopy, Relayed, Restored, Write, WrittenCopy};
use reticulum::crypto::{Identity, Rng};
use reticulum::hash::{DestinationHash, IdentityHash, LinkId, RequestId};
use reticulum::node::{
    Event as EngineEvent, InterfaceConfig, InterfaceId, Node, NodeConfig, Output as EngineOutput, Priority,
    RequestFailure,
};
use reticulum::time::{Instant, UnixTime};

use super::disk::Disk;
use super::sim::Station;

/// What the wall clock shows when virtual time starts.
pub(crate) const START: UnixTime = UnixTime::from_secs(1_780_000_000);

/// How long the modelled disk takes for a commit.
const COMMIT: Duration = Duration::from_millis(30);

/// Between two announces over a radio.
const RADIO_ANNOUNCE_INTERVAL: Duration = Duration::from_secs(6 * 3600);

/// Either kind of station, so that one simulation holds both.
pub(crate) enum Participant {
    /// A node that hosts a group.
    Group(Box<GroupStation>),
    /// A person with a plain client.
    Person(Box<Person>),
}

impl Participant {
    /// The group, if it is one.
    pub(crate) fn group(&mut self) -> &mut GroupStation {
        match self {
            Self::Group(group) => group,
            Self::Person(_) => panic!("this station is a person"),
        }
    }

    /// The person, if it is one.
    pub(crate) fn person(&mut self) -> &mut Person {
        match self {
            Self::Person(person) => person,
            Self::Group(_) => panic!("this station is a group"),
        }
    }
}

impl Station for Participant {
    fn handle_frame(&mut self, now: Instant, port: usize, frame: &[u8]) {
        match self {
            Self::Group(group) => group.host.handle_frame(now, group.ports[port], frame),
            Self::Person(person) if person.is_away => {}
            Self::Person(person) => person.node.handle_frame(now, person.ports[port], frame),
        }
        self.drain(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Group(group) => group.handle_timeout(now),
            Self::Person(person) => {
                person.node.handle_timeout(now);
                person.router.handle_timeout(now, &mut person.node);
            }
        }
        self.drain(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Group(group) => group.host.poll_timeout().into_iter().chain(group.next_commit()).min(),
            Self::Person(person) => {
                person.node.poll_timeout().into_iter().chain(person.router.poll_timeout()).min()
            }
        }
    }

    fn poll_transmit(&mut self, now: Instant, takes: &dyn Fn(usize) -> bool) -> Option<(usize, Vec<u8>)> {
        self.drain(now);
        let mut frame = Vec::new();
        let (ports, pending): (_, Vec<_>) = match self {
            Self::Group(group) => (group.ports.clone(), group.host.transmit_pending().collect()),
            Self::Person(person) => (person.ports.clone(), person.node.transmit_pending().collect()),
        };
        for interface in pending {
            let Some(port) = ports.iter().position(|port| *port == interface).filter(|port| takes(*port))
            else {
                continue;
            };
            let sent = match self {
                Self::Group(group) => group.host.poll_transmit(now, interface, &mut frame),
                Self::Person(person) => person.node.poll_transmit(now, interface, &mut frame),
            };
            if sent {
                return Some((port, frame));
            }
        }
        None
    }
}

impl Participant {
    fn drain(&mut self, now: Instant) {
        match self {
            Self::Group(group) => group.drain(now),
            Self::Person(person) => person.drain(now),
        }
    }
}

/// A [`Host`] with a modelled disk: a commit takes time, and what is committed survives.
pub(crate) struct GroupStation {
    /// The node.
    pub(crate) host: Host,
    /// The committed log of each group.
    pub(crate) log: BTreeMap<GroupId, Vec<Event>>,
    /// What cursors passed over.
    pub(crate) gaps: Vec<(GroupId, Gap)>,
    /// Copies that were written down.
    pub(crate) outbox: BTreeMap<(GroupId, MemberId, Seq), WrittenCopy>,
    /// Answers to the operator's calls.
    pub(crate) answers: Vec<Vec<u8>>,
    ports: Vec<InterfaceId>,
    committing: VecDeque<(Instant, Write)>,
    committed: u64,
    /// Answers for the past, where the tests need more of it than the log.
    disk: Option<Disk>,
    config: Box<dyn Fn() -> HostConfig>,
    /// Of its last port, if that is a radio.
    radio: Option<Box<dyn Fn() -> InterfaceConfig>>,
    /// The identities that are on the disk.
    pub(crate) identities: BTreeMap<GroupId, Arc<Identity>>,
}

impl GroupStation {
    /// A new group with one interface.
    pub(crate) fn new(seed: u8, now: Instant) -> Self {
        Self::with(seed, now, 1, FoundingRules::default())
    }

    /// A new group with one more interface, at port 1.
    pub(crate) fn and_radio(mut self, now: Instant, config: impl Fn() -> InterfaceConfig + 'static) -> Self {
        self.ports.push(self.host.handle_interface_up(now, config(), RADIO_ANNOUNCE_INTERVAL));
        self.radio = Some(Box::new(config));
        self
    }

    /// With a real store, which answers whatever is asked of the past.
    pub(crate) fn on_disk(self) -> Self {
        assert_eq!(self.committed, 0, "the store begins with the log");
        Self { disk: Some(Disk::new()), ..self }
    }

    /// Asks the past.
    pub(crate) fn ask(&self, query: &Query) -> Rows {
        self.rows(query)
    }

    /// What is wrong with the store's tables.
    pub(crate) fn findings(&self) -> Vec<String> {
        self.disk.as_ref().expect("it has a store").findings()
    }

    /// A new group with as many interfaces as `ports`, and the rules about further groups.
    pub(crate) fn with(seed: u8, now: Instant, ports: usize, founding: FoundingRules) -> Self {
        let config = move || HostConfig {
            identities: BTreeMap::from([(
                FIRST_GROUP,
                Arc::new(Identity::generate(&mut Rng::from_seed([seed; 32]))),
            )]),
            settings: Settings { name: "Harbour chat (group)".to_owned(), ..Settings::default() },
            founding: founding.clone(),
            transport: None,
            stamps: Default::default(),
            mail: Default::default(),
            propagation: None,
            ignored: Default::default(),
            messages_per_minute: 0,
            message_size_max: lxmf::router::RESOURCE_SIZE_MAX,
            blackhole: Vec::new(),
            seed: [seed; 32],
        };
        let identities = config().identities;
        let (mut host, _) = Host::new(config(), Restored::default(), now, START);
        let up = |_| host.handle_interface_up(now, InterfaceConfig::default(), Duration::from_secs(3600));
        let ports = (0..ports).map(up).collect();
        let (log, answers, committing) = (BTreeMap::new(), Vec::new(), VecDeque::new());
        let (gaps, outbox, config) = (Vec::new(), BTreeMap::new(), Box::new(config));
        let (committed, disk, radio) = (0, None, None);
        Self {
            host,
            log,
            gaps,
            outbox,
            answers,
            ports,
            committing,
            committed,
            disk,
            config,
            radio,
            identities,
        }
    }

    /// The process is killed and started again: what was not committed is lost, and the interfaces are new.
    pub(crate) fn crash(&mut self, now: Instant, unix: UnixTime) {
        let restored = self.disk.as_mut().expect("it has a disk").restart(unix);
        self.committing.clear();
        self.committed = 0;
        let config = HostConfig { identities: self.identities.clone(), ..(self.config)() };
        let (mut host, _) = Host::new(config, restored, now, unix);
        let wires = self.ports.len() - usize::from(self.radio.is_some());
        let up = |_| host.handle_interface_up(now, InterfaceConfig::default(), Duration::from_secs(3600));
        self.ports = (0..wires).map(up).collect();
        if let Some(radio) = &self.radio {
            self.ports.push(host.handle_interface_up(now, radio(), RADIO_ANNOUNCE_INTERVAL));
        }
        self.host = host;
    }

    /// A call of the operator for the group of this name; empty is the first one.
    pub(crate) fn call(&mut self, now: Instant, group: &str, path: &str, body: &[u8]) {
        self.host.handle_call(now, CallId(0), group, path, body);
    }

    /// The texts in the committed history of the first group.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let posts = self.log_of(FIRST_GROUP).iter().filter_map(|event| match &event.kind {
            EventKind::Posted(post) => Some(post.text.as_str()),
            _ => None,
        });
        posts.collect()
    }

    /// The number of the post with this text, in the first group.
    pub(crate) fn number_of(&self, text: &str) -> u64 {
        let is_it = |event: &&Event| matches!(&event.kind, EventKind::Posted(post) if post.text == text);
        self.log_of(FIRST_GROUP).iter().find(is_it).expect("it was posted").seq.0
    }

    fn log_of(&self, group: GroupId) -> &[Event] {
        self.log.get(&group).map_or(&[], Vec::as_slice)
    }

    fn next_commit(&self) -> Option<Instant> {
        self.committing.front().map(|(at, _)| *at)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.host.handle_timeout(now);
        while self.next_commit().is_some_and(|at| at <= now) {
            let (_, write) = self.committing.pop_front().expect("it was just seen");
            self.commit(write);
            self.committed += 1;
            self.host.handle_committed(now, self.committed, COMMIT);
        }
    }

    fn commit(&mut self, write: Write) {
        if let Write::Decision { group, events, .. } = &write {
            self.log.entry(*group).or_default().extend(events.iter().cloned());
        }
        if let Some(disk) = &self.disk {
            return disk.commit(write);
        }
        match write {
            Write::Gap { group, gap } => self.gaps.push((group, gap)),
            Write::Outbox { group, member, fixed, copy } => {
                self.outbox.insert((group, member, fixed.last), copy);
            }
            Write::Confirmed { group, gap } => {
                let is_other = |one: &Gap| (one.member, one.last) != (gap.member, gap.last);
                self.gaps.retain(|(of, one)| *of != group || is_other(one));
            }
            _ => {}
        }
    }

    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.host.poll_output(now) {
            match output {
                Output::Job(job) => self.host.handle_job_done(now, job.run()),
                Output::Write(write) => self.committing.push_back((now + COMMIT, write)),
                Output::Query(id, query) => {
                    let rows = self.rows(&query);
                    self.host.handle_rows(now, id, rows);
                }
                Output::Export(id, group) => {
                    let none = || Rows::Exported("export".to_owned());
                    let rows = self.disk.as_ref().map_or_else(none, |disk| disk.export(group));
                    self.host.handle_rows(now, id, rows);
                }
                Output::CallDone(_, answer) => self.answers.push(answer),
                Output::KeepIdentity { group, identity } => drop(self.identities.insert(group, identity)),
                Output::EraseIdentity(group) => drop(self.identities.remove(&group)),
                Output::Status(_) => {}
            }
        }
    }

    fn rows(&self, query: &Query) -> Rows {
        if let Some(disk) = &self.disk {
            return disk.rows(query);
        }
        match query {
            Query::History { group, page } => Rows::History(Page {
                entries: self
                    .log_of(*group)
                    .iter()
                    .filter(|event| page.after.is_none_or(|after| event.seq > after))
                    .cloned()
                    .map(Entry::from)
                    .collect(),
                authors: Vec::new(),
                head: self.log_of(*group).last().map(|event| event.seq).unwrap_or_default(),
            }),
            Query::Relayed { group, seq, .. } => Rows::Relayed(self.relayed(*group, *seq).map(Box::new)),
            Query::RelayedTogether { group, seqs, .. } => {
                Rows::RelayedTogether(seqs.iter().filter_map(|seq| self.relayed(*group, *seq)).collect())
            }
            Query::Written { group, member, last } => {
                let copy = self.outbox.get(&(*group, *member, *last)).cloned();
                Rows::Written(copy.map(|copy| Box::new(ReadCopy { copy, attachments: Vec::new() })))
            }
            Query::Mail(_) | Query::Stretch { .. } => Rows::Failed,
            Query::Attached { group, seq } => {
                let event = self.log_of(*group).iter().find(|event| event.seq == *seq);
                Rows::Attached(match event.map(|event| &event.kind) {
                    Some(EventKind::Posted(post)) => post.attachments.clone(),
                    _ => Vec::new(),
                })
            }
            Query::Known { group, needs, .. } => Rows::Known(Box::new(self.known(*group, needs))),
            Query::Gaps { group, seq } => {
                let at = |(of, gap): &&(GroupId, Gap)| of == group && gap.first <= *seq && *seq <= gap.last;
                Rows::Gaps(self.gaps.iter().filter(at).map(|(_, gap)| *gap).collect())
            }
            Query::Missed { group, viewer, more } => Rows::Missed(self.missed(*group, *viewer, *more)),
        }
    }

    /// As the store would tell it to a client that knows no references.
    fn relayed(&self, group: GroupId, seq: Seq) -> Option<Relayed> {
        let event = self.log_of(group).iter().find(|event| event.seq == seq)?;
        let (nick, is_as_posted) = match &event.kind {
            EventKind::Posted(post) => {
                let refers = post.reply_to.is_some() || !post.attachments.is_empty();
                (post.nick.clone(), !refers)
            }
            _ => (None, false),
        };
        Some(Relayed { is_as_posted, ..Relayed::plain(event.clone(), nick) })
    }

    fn missed(&self, group: GroupId, viewer: Viewer, more: Option<(Seq, Seq)>) -> Vec<Listed> {
        let gaps = self.gaps.iter().filter(|(of, gap)| *of == group && Some(gap.member) == viewer.member);
        let ranges: Vec<(u64, u64)> = gaps
            .map(|(_, gap)| (gap.first.0, gap.last.0))
            .chain(more.map(|(after, last)| (after.0 + 1, last.0)))
            .collect();
        let is_missed = |event: &&Event| {
            event.actor != viewer.member
                && ranges.iter().any(|(first, last)| (*first..=*last).contains(&event.seq.0))
        };
        let listed = |event: &Event| match &event.kind {
            EventKind::Posted(post) => {
                Some(Listed { seq: event.seq, time: event.time, nick: post.nick.clone(), post: post.clone() })
            }
            _ => None,
        };
        self.log_of(group).iter().rev().filter(is_missed).filter_map(listed).collect()
    }

    /// What the store would find, as far as these tests need it.
    fn known(&self, group: GroupId, needs: &Needs) -> Known {
        let log = self.log_of(group);
        let mut known = Known::default();
        if let Some(request) = &needs.acts {
            let is_wanted = |event: &&Event| {
                let is_audited = match event.kind.audited() {
                    Audited::UnlessSelf(member) => event.actor != Some(member),
                    audited => audited == Audited::Yes,
                };
                is_audited && request.before.is_none_or(|before| event.seq < before)
            };
            known.acts = log.iter().rev().filter(is_wanted).take(request.acts_max).cloned().collect();
        }
        if let Some(what) = &needs.matching {
            let fits = |event: &&Event| match &event.kind {
                EventKind::Posted(post) => {
                    what.author.is_none_or(|author| event.actor == Some(author))
                        && what.before.is_none_or(|before| event.time < before)
                        && what.since.is_none_or(|since| event.time >= since)
                        && what.bytes_min.is_none_or(|bytes| post.text.len() >= bytes as usize)
                        && what.after.is_none_or(|after| event.seq > after)
                }
                _ => false,
            };
            let oldest = what.oldest.map_or(usize::MAX, |oldest| oldest as usize);
            let fitting = log.iter().filter(fits).take(oldest);
            known.matching = fitting.map(|event| (event.seq, event.actor)).collect();
        }
        known.piece = needs.piece.as_deref().and_then(|request| piece(log, request));
        known
    }
}

/// A piece of an attachment out of a log in which all bytes are kept.
fn piece(log: &[Event], request: &PieceRequest) -> Option<Piece> {
    let event = log.iter().find(|event| event.seq == request.seq)?;
    let attachments = match &event.kind {
        EventKind::Posted(post) => &post.attachments,
        EventKind::Held { post, .. } => &post.attachments,
        _ => return None,
    };
    let of = attachments.get(usize::from(request.place))?;
    let data = of.data.0.as_ref().map(|data| {
        let first = (request.offset as usize).min(data.len());
        data[first..].iter().copied().take(request.bytes_max as usize).collect()
    });
    Some(Piece { of: of.without_data(), data })
}

/// A plain LXMF client that can also open a link and ask.
pub(crate) struct Person {
    node: Node,
    router: Router,
    identity: Arc<Identity>,
    address: DestinationHash,
    ports: Vec<InterfaceId>,
    /// Texts of messages that came.
    pub(crate) inbox: Vec<String>,
    /// When they came.
    times: Vec<Instant>,
    /// Where they came from.
    pub(crate) senders: Vec<DestinationHash>,
    /// Their ids: a client shows each only once.
    pub(crate) ids: Vec<[u8; 32]>,
    /// Nothing that comes is proven, as if all proofs got lost.
    pub(crate) is_mute: bool,
    /// Icons that came with them.
    pub(crate) icons: Vec<String>,
    /// Messages of ours that were proven.
    pub(crate) delivered: usize,
    /// Messages under way.
    sends: HashMap<SendId, Outgoing>,
    /// Open links.
    pub(crate) links: Vec<LinkId>,
    /// Answers to requests.
    pub(crate) answers: Vec<(RequestId, Vec<u8>)>,
    /// Hears nothing.
    pub(crate) is_away: bool,
    /// Answers that were files, with their metadata.
    pub(crate) files: Vec<(RequestId, Vec<u8>, Vec<u8>)>,
    /// Requests that failed.
    pub(crate) failures: Vec<(RequestId, RequestFailure)>,
    /// Fields of the messages that came.
    pub(crate) fields: Vec<Fields>,
    /// What came as packets on links.
    pub(crate) pushed: Vec<Vec<u8>>,
    /// Somebody who passes on what one of these people writes to all others of them, as simple group bots do.
    pub(crate) passes_on_to: Vec<DestinationHash>,
}

impl Person {
    /// A client with one interface, who has announced themselves.
    pub(crate) fn new(seed: u8, name: &str, now: Instant) -> Self {
        Self::on(seed, name, now, InterfaceConfig::default())
    }

    /// The same on an interface like this.
    pub(crate) fn on(seed: u8, name: &str, now: Instant, medium: InterfaceConfig) -> Self {
        let mut rng = Rng::from_seed([seed; 32]);
        let identity = Arc::new(Identity::generate(&mut rng));
        let config = NodeConfig::new(Arc::new(Identity::generate(&mut rng)));
        let mut node = Node::new(config, rng.bytes(), now, START);
        let mut router = Router::new();
        let delivery = DeliveryConfig {
            identity: Arc::clone(&identity),
            display_name: name.to_owned(),
            stamp_cost: None,
            ratchets: Vec::new(),
            resource_size_max: 1_000_000,
        };
        let address = router.add_delivery(&mut node, delivery).expect("the node is new");
        let port = node.add_interface(now, medium);
        node.handle_interface_up(now, port);
        node.announce(now, address, None).expect("it is ours");
        Self {
            node,
            router,
            identity,
            address,
            ports: vec![port],
            passes_on_to: Vec::new(),
            inbox: Vec::new(),
            times: Vec::new(),
            senders: Vec::new(),
            ids: Vec::new(),
            is_mute: false,
            icons: Vec::new(),
            delivered: 0,
            sends: HashMap::new(),
            links: Vec::new(),
            is_away: false,
            answers: Vec::new(),
            files: Vec::new(),
            failures: Vec::new(),
            fields: Vec::new(),
            pushed: Vec::new(),
        }
    }

    /// Who they are.
    pub(crate) fn identity_hash(&self) -> IdentityHash {
        self.identity.hash()
    }

    /// The id of the message with this text.
    pub(crate) fn id_of(&self, text: &str) -> [u8; 32] {
        let index = self.inbox.iter().position(|one| one == text);
        index.and_then(|index| self.ids.get(index).copied()).expect("it came")
    }

    /// How often a message with this text came, and under how many ids.
    pub(crate) fn copies_of(&self, text: &str) -> (usize, usize) {
        let same = self.inbox.iter().zip(&self.ids).filter(|(one, _)| *one == text);
        let ids: Vec<_> = same.map(|(_, id)| id).collect();
        (ids.len(), ids.iter().collect::<std::collections::BTreeSet<_>>().len())
    }

    /// The texts that came from `sender`, oldest first.
    pub(crate) fn heard_from(&self, sender: DestinationHash) -> Vec<&str> {
        let all = self.senders.iter().zip(&self.inbox);
        all.filter(|(from, _)| **from == sender).map(|(_, text)| text.as_str()).collect()
    }

    /// The messages that came from `sender`, oldest first, each time that it came.
    pub(crate) fn messages_from(&self, sender: DestinationHash) -> Vec<([u8; 32], &str)> {
        let all = self.senders.iter().zip(&self.ids).zip(&self.inbox);
        let theirs = all.filter(|((from, _), _)| **from == sender);
        theirs.map(|((_, id), text)| (*id, text.as_str())).collect()
    }

    /// When messages came from `sender` that contain `text`.
    pub(crate) fn heard_at(&self, sender: DestinationHash, text: &str) -> Vec<Instant> {
        let all = self.senders.iter().zip(&self.inbox).zip(&self.times);
        all.filter(|((from, heard), _)| **from == sender && heard.contains(text)).map(|(_, at)| *at).collect()
    }

    /// Sends a message.
    pub(crate) fn say(&mut self, now: Instant, to: DestinationHash, text: &str) {
        self.say_with(now, to, text, Fields::default());
    }

    /// Where they are written to.
    pub(crate) fn address(&self) -> DestinationHash {
        self.address
    }

    fn pass_on(&mut self, now: Instant, from: DestinationHash, text: &str) {
        let others = self.passes_on_to.iter().filter(|to| **to != from);
        for to in others.copied().collect::<Vec<_>>() {
            self.say(now, to, text);
        }
    }

    /// Sends a message with fields.
    pub(crate) fn say_with(&mut self, now: Instant, to: DestinationHash, text: &str, fields: Fields) {
        let outgoing = Outgoing {
            from: self.address,
            to,
            timestamp: self.node.unix_time(now),
            title: Vec::new(),
            content: text.as_bytes().to_vec(),
            fields,
            method: None,
            priority: Priority::Message,
            ticket: false,
            fallback: false,
        };
        self.send(now, outgoing);
    }

    fn send(&mut self, now: Instant, outgoing: Outgoing) {
        let send = self.router.send(now, &mut self.node, outgoing.clone()).expect("there is room for it");
        self.sends.insert(send, outgoing);
    }

    /// Announces themselves again, and asks for the paths to these destinations.
    pub(crate) fn look_for(&mut self, now: Instant, destinations: &[DestinationHash]) {
        self.node.announce(now, self.address, None).expect("it is ours");
        destinations.iter().for_each(|destination| self.node.request_path(now, *destination));
    }

    /// Whether the keys of and a path to `destination` are known.
    pub(crate) fn knows(&self, destination: &DestinationHash) -> bool {
        self.node.peer(destination).is_some() && self.node.path(destination).is_some()
    }

    /// Opens a link and asks nothing yet.
    pub(crate) fn open_link(&mut self, now: Instant, to: DestinationHash) {
        self.node.open_link(now, to).expect("keys and path are known");
    }

    /// Identifies on the newest link and asks.
    pub(crate) fn ask(&mut self, now: Instant, path: &str, body: &[u8]) -> RequestId {
        let link = *self.links.last().expect("a link is open");
        self.node.identify(now, link, &self.identity).expect("the link is active");
        self.node
            .request(now, link, path, &meshgroup::api::response_value(body), None)
            .expect("the link is active")
    }

    fn drain(&mut self, now: Instant) {
        loop {
            if let Some(output) = self.node.poll_output() {
                self.node_output(now, output);
            } else if let Some(output) = self.router.poll_output() {
                self.router_output(now, output);
            } else {
                return;
            }
        }
    }

    fn node_output(&mut self, now: Instant, output: EngineOutput) {
        match output {
            EngineOutput::Work(work) => self.node.handle_work_done(now, work.run()),
            EngineOutput::Persist(persist) => {
                persist.id().into_iter().for_each(|id| self.node.handle_persisted(now, id));
            }
            EngineOutput::Event(event) => match self.router.handle_event(now, &mut self.node, event) {
                Some(EngineEvent::LinkOpened { link, .. }) => self.links.push(link),
                Some(EngineEvent::LinkPacket { data, .. }) => self.pushed.push(data),
                Some(EngineEvent::LinkClosed { link, .. }) => self.links.retain(|open| *open != link),
                Some(EngineEvent::Response { request, value, metadata: Some(metadata), .. }) => {
                    self.files.push((request, value, metadata));
                }
                Some(EngineEvent::Response { request, value, .. }) => self.answers.push((request, value)),
                Some(EngineEvent::RequestFailed { request, reason, .. }) => {
                    self.failures.push((request, reason));
                }
                _ => {}
            },
        }
    }

    fn router_output(&mut self, now: Instant, output: RouterOutput) {
        match output {
            RouterOutput::Work(work) => self.router.handle_work_done(now, &mut self.node, work.run()),
            RouterOutput::Received(received) => {
                self.senders.push(received.message.source);
                self.ids.push(*received.message.id.as_bytes());
                let icons = received.message.fields.typed().filter_map(|field| match field {
                    Field::Icon { name, .. } => Some(name.to_owned()),
                    _ => None,
                });
                self.icons.extend(icons);
                self.fields.push(received.message.fields.clone());
                self.times.push(now);
                let text = String::from_utf8_lossy(&received.message.content).into_owned();
                if !self.inbox.contains(&text) {
                    self.pass_on(now, received.message.source, &text);
                }
                self.inbox.push(text);
                if let Some(ticket) = received.ticket {
                    self.router.accept_ticket(self.address, received.message.source, ticket);
                }
                if !self.is_mute {
                    self.router.acknowledge(now, &mut self.node, received.ack);
                }
            }
            RouterOutput::Delivered { send, .. } => {
                self.sends.remove(&send);
                self.delivered += 1;
            }
            // A person presses "send again": the same message once more.
            RouterOutput::Failed { send, .. } => {
                let outgoing = self.sends.remove(&send).expect("a send ends once");
                self.send(now, outgoing);
            }
            // Clients of people use the tickets that they are given, and check no stamps.
            _ => {}
        }
    }
}
