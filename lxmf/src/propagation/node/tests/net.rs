//! The harness: stations on one wire. Each has an engine; some are propagation nodes, others say what a test has them say.

use reticulum::crypto::Identity;
use reticulum::node::{
    InterfaceConfig, InterfaceId, NodeConfig as EngineConfig, Output as EngineOutput, ResourceOptions,
};
use reticulum::time::UnixTime;

use super::shelf::Shelf;
use super::*;
use crate::propagation::bodies;
use crate::router::DELIVERY_NAME_HASH;

/// From one station to all others.
const LATENCY: Duration = Duration::from_millis(10);
/// When the clock starts, unix seconds.
const START_S: u64 = 1_760_000_000;

pub(super) struct Station {
    pub(super) node: Node,
    pub(super) identity: Arc<Identity>,
    pub(super) mail: Option<PropagationNode>,
    pub(super) shelf: Shelf,
    interface: InterfaceId,
    /// What its propagation node, if it has one, made nothing of.
    pub(super) events: Vec<Event>,
    /// What was uploaded for the node's own users.
    pub(super) ours: Vec<Vec<u8>>,
    /// It neither hears nor is heard.
    pub(super) is_away: bool,
    /// What it answers as a node that a test made up, one after the other; nothing once there is no more.
    pub(super) answers: VecDeque<Option<Vec<u8>>>,
    /// What it was asked as such.
    pub(super) asked: Vec<Vec<u8>>,
    /// What the application asked for last.
    pub(super) status: Option<Box<Status>>,
    /// What was brought to it as such.
    pub(super) brought: Vec<Vec<u8>>,
}

/// What became of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Upload {
    pub(super) is_proven: bool,
    /// The code that the node sent.
    pub(super) signal: Option<u8>,
    pub(super) is_closed: bool,
}

pub(super) struct Net {
    pub(super) now: Instant,
    pub(super) stations: Vec<Station>,
    under_way: VecDeque<(Instant, usize, Vec<u8>)>,
}

/// Settings as the tests have them: open to all, and cheap.
pub(super) fn config(identity: &Arc<Identity>) -> NodeConfig {
    NodeConfig {
        identity: Arc::clone(identity),
        name: Some("Harbour".to_owned()),
        members_only: false,
        stamp_cost: COST,
        flexibility: FLEXIBILITY,
        peering_cost: PEERING_COST,
        peering_cost_paid_max: 8,
        message_len_max: MESSAGE_LEN_MAX,
        transfer_len_max: TRANSFER_LEN_MAX,
        stored_len_max: 1_000_000,
        peers: Vec::new(),
        autopeer: true,
        autopeer_hops_max: 4,
        peers_max: 3,
        controllers: Vec::new(),
    }
}

impl Net {
    /// Stations without a propagation node.
    pub(super) fn new(count: usize) -> Self {
        let now = Instant::from_micros(1);
        let stations = (0..count).map(|who| Station::new(now, who)).collect();
        Self { now, stations, under_way: VecDeque::new() }
    }

    /// Makes a station a propagation node.
    pub(super) fn serve(&mut self, who: usize, change: impl FnOnce(&mut NodeConfig)) -> DestinationHash {
        let station = &mut self.stations[who];
        let mut config = config(&station.identity);
        change(&mut config);
        let records = station.shelf.peers.values().cloned().collect();
        let mail = PropagationNode::new(config, records, self.now, &mut station.node).unwrap();
        let address = mail.address();
        station.mail = Some(mail);
        address
    }

    /// A station's propagation node announces itself, and all others hear it.
    pub(super) fn announce(&mut self, who: usize) {
        let Station { mail, node, .. } = &mut self.stations[who];
        mail.as_mut().unwrap().announce(self.now, node, None);
        self.run_for(secs(1));
    }

    /// A station announces what a node announces, and answers offers as its `answers` say.
    pub(super) fn mimic(&mut self, who: usize, change: impl FnOnce(&mut NodeInfo)) -> DestinationHash {
        let address = self.address(who);
        let Station { node, identity, .. } = &mut self.stations[who];
        let mut info = NodeInfo {
            timebase: node.unix_time(self.now).as_secs(),
            enabled: true,
            message_len_max: MESSAGE_LEN_MAX,
            transfer_len_max: TRANSFER_LEN_MAX,
            stamp_cost: COST,
            flexibility: FLEXIBILITY,
            peering_cost: PEERING_COST,
            name: Some(format!("Peer {who}")),
        };
        change(&mut info);
        let mut config = DestinationConfig::new(Arc::clone(identity), PROPAGATION_NAME);
        config.accept_links = true;
        config.proofs = ProofPolicy::Application;
        config.resources = ResourcePolicy::All;
        config.resource_size_max = 1_000_000;
        config.request_size_max = REQUEST_LEN_MAX;
        // It is there already from the second time on.
        let _ = node.add_destination(config);
        node.set_app_data(&address, info.encode()).unwrap();
        node.announce(self.now, address, None).unwrap();
        self.run_for(secs(1));
        address
    }

    /// The last station uploads to a station's node, which takes three seconds.
    pub(super) fn keep(&mut self, who: usize, stamped: &[Vec<u8>]) {
        let client = self.stations.len() - 1;
        let link = self.link(client, who);
        for stamped in stamped {
            let body = bodies::transfer(UnixTime::from_secs(START_S), std::slice::from_ref(stamped));
            let node = &mut self.stations[client].node;
            node.send_resource(self.now, link, body, ResourceOptions::default()).unwrap();
        }
        self.run_for(secs(2));
        self.stations[client].node.close_link(self.now, link);
        self.run_for(secs(1));
    }

    pub(super) fn status(&mut self, who: usize) -> Status {
        self.mail(who).ask_status(StatusId(1));
        self.run_for(Duration::ZERO);
        *self.stations[who].status.take().expect("it is told at once")
    }

    pub(super) fn mail(&mut self, who: usize) -> &mut PropagationNode {
        self.stations[who].mail.as_mut().unwrap()
    }

    /// Where a station's messages go.
    pub(super) fn delivery(&self, who: usize) -> DestinationHash {
        DestinationHash::of_single(*DELIVERY_NAME_HASH, self.stations[who].identity.hash())
    }

    /// Where a station's propagation node is, or would be.
    pub(super) fn address(&self, who: usize) -> DestinationHash {
        node_address(self.stations[who].identity.hash())
    }

    /// Opens a link to a station's propagation node.
    pub(super) fn link(&mut self, from: usize, to: usize) -> LinkId {
        let address = self.address(to);
        self.link_to(from, address)
    }

    pub(super) fn link_to(&mut self, from: usize, to: DestinationHash) -> LinkId {
        let link = self.stations[from].node.open_link(self.now, to).expect("it was heard");
        let is_open = |event: &Event| matches!(event, Event::LinkOpened { link: of, .. } if *of == link);
        self.run_until("a link", |net| net.stations[from].events.iter().any(is_open));
        link
    }

    /// The same, and tells who asks.
    pub(super) fn known_link(&mut self, from: usize, to: usize) -> LinkId {
        let link = self.link(from, to);
        self.identify(from, link);
        link
    }

    pub(super) fn identify(&mut self, from: usize, link: LinkId) {
        let Station { node, identity, .. } = &mut self.stations[from];
        node.identify(self.now, link, identity).unwrap();
        self.run_for(secs(1));
    }

    /// Asks, and returns the answer, if there is one.
    pub(super) fn ask(&mut self, from: usize, link: LinkId, path: &str, body: &[u8]) -> Option<Vec<u8>> {
        let request = self.stations[from].node.request(self.now, link, path, body, None).unwrap();
        let answer = move |event: &Event| match event {
            Event::Response { request: of, value, .. } if *of == request => Some(Some(value.clone())),
            Event::RequestFailed { request: of, .. } if *of == request => Some(None),
            _ => None,
        };
        self.run_until("an answer", |net| {
            net.stations[from].events.iter().any(|event| answer(event).is_some())
        });
        self.stations[from].events.iter().find_map(answer).flatten()
    }

    /// Uploads in one packet, on a link of its own unless there is one.
    pub(super) fn upload_packet(&mut self, from: usize, link: LinkId, body: Vec<u8>) -> Upload {
        let node = &mut self.stations[from].node;
        let receipt = node.send_on_link(self.now, link, body, Priority::Message).unwrap();
        self.run_for(secs(5));
        let of = |event: &Event| matches!(event, Event::Delivered { receipt: of } if *of == receipt);
        self.uploaded(from, link, of)
    }

    /// Uploads as a resource.
    pub(super) fn upload_resource(&mut self, from: usize, link: LinkId, body: Vec<u8>) -> Upload {
        let node = &mut self.stations[from].node;
        let resource = node.send_resource(self.now, link, body, ResourceOptions::default()).unwrap();
        self.run_for(secs(20));
        let of = |event: &Event| matches!(event, Event::ResourceSent { resource: of, .. } if *of == resource);
        self.uploaded(from, link, of)
    }

    fn uploaded(&self, from: usize, link: LinkId, is_proof: impl Fn(&Event) -> bool) -> Upload {
        let events = &self.stations[from].events;
        let signal = events.iter().find_map(|event| match event {
            Event::LinkPacket { link: of, data, .. } if *of == link => Some(data[data.len() - 1]),
            _ => None,
        });
        let is_close = |event: &Event| matches!(event, Event::LinkClosed { link: of, .. } if *of == link);
        Upload { is_proven: events.iter().any(is_proof), signal, is_closed: events.iter().any(is_close) }
    }

    /// Runs until nothing is due within `time`, and sets the clock there.
    pub(super) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        self.drain();
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
    }

    /// Runs until `done`, which must be within an hour.
    pub(super) fn run_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = self.now + secs(3_600);
        self.drain();
        while !done(self) {
            let next = self.next().filter(|next| *next <= end);
            self.now = self.now.max(next.unwrap_or_else(|| panic!("never: {what}")));
            self.step();
        }
    }

    fn next(&self) -> Option<Instant> {
        let arrival = self.under_way.front().map(|(at, ..)| *at);
        let timers = self.stations.iter().flat_map(|station| {
            [station.node.poll_timeout(), station.mail.as_ref().and_then(PropagationNode::poll_timeout)]
        });
        timers.chain([arrival]).flatten().min()
    }

    fn step(&mut self) {
        let now = self.now;
        while self.under_way.front().is_some_and(|(at, ..)| *at <= now) {
            let (_, to, frame) = self.under_way.pop_front().unwrap();
            let station = &mut self.stations[to];
            if !station.is_away {
                station.node.handle_frame(now, station.interface, &frame);
            }
        }
        for Station { node, mail, .. } in &mut self.stations {
            node.handle_timeout(now);
            if let Some(mail) = mail {
                mail.handle_timeout(now, node);
            }
        }
        self.drain();
    }

    fn drain(&mut self) {
        for who in 0..self.stations.len() {
            self.stations[who].drain(self.now);
            for frame in self.stations[who].frames(self.now) {
                for to in (0..self.stations.len()).filter(|to| *to != who && !self.stations[who].is_away) {
                    self.under_way.push_back((self.now + LATENCY, to, frame.clone()));
                }
            }
        }
    }
}

impl Station {
    fn new(now: Instant, who: usize) -> Self {
        let key = |salt: u8| std::array::from_fn(|i| salt.wrapping_add(16 * who as u8).wrapping_add(i as u8));
        let identity = Arc::new(Identity::from_bytes(&key(0)));
        let transport = Arc::new(Identity::from_bytes(&key(0x80)));
        let seed = [who as u8; 32];
        let mut node = Node::new(EngineConfig::new(transport), seed, now, UnixTime::from_secs(START_S));
        let interface = node.add_interface(now, InterfaceConfig::default());
        node.handle_interface_up(now, interface);
        Self {
            node,
            identity,
            mail: None,
            shelf: Shelf::default(),
            interface,
            events: Vec::new(),
            ours: Vec::new(),
            is_away: false,
            answers: VecDeque::new(),
            asked: Vec::new(),
            status: None,
            brought: Vec::new(),
        }
    }

    fn drain(&mut self, now: Instant) {
        loop {
            if let Some(output) = self.node.poll_output() {
                match output {
                    EngineOutput::Event(event) => self.event(now, event),
                    EngineOutput::Work(work) => self.node.handle_work_done(now, work.run()),
                    EngineOutput::Persist(persist) => {
                        persist.id().into_iter().for_each(|id| self.node.handle_persisted(now, id));
                    }
                }
            } else if let Some(output) = self.mail.as_mut().and_then(PropagationNode::poll_output) {
                self.output(now, output);
            } else {
                return;
            }
        }
    }

    fn event(&mut self, now: Instant, event: Event) {
        let Some(mail) = &mut self.mail else {
            let event = self.act(now, event);
            return self.events.extend(event);
        };
        if let Event::Announce { destination, name_hash, path_response, .. } = &event
            && *name_hash == *PROPAGATION_NAME_HASH
        {
            mail.handle_node_heard(now, &mut self.node, *destination, *path_response);
        }
        self.events.extend(mail.handle_event(now, &mut self.node, event));
    }

    /// What a node does that a test made up.
    fn act(&mut self, now: Instant, event: Event) -> Option<Event> {
        match event {
            Event::Request { link, request, data, .. } => {
                self.asked.push(data);
                if let Some(answer) = self.answers.pop_front().flatten() {
                    self.node.respond(now, link, request, &answer).unwrap();
                }
            }
            Event::ResourceReceived { data, proof, .. } => {
                self.brought.push(data);
                self.node.prove(now, proof);
            }
            event => return Some(event),
        }
        None
    }

    fn output(&mut self, now: Instant, output: Output) {
        let mail = self.mail.as_mut().unwrap();
        match output {
            Output::Change(change) => self.shelf.apply(change),
            Output::Ask(id, ask) => mail.handle_answer(now, &mut self.node, id, self.shelf.answer(ask)),
            // Its link may be closed by now.
            Output::Respond { link, request, answer } => drop(self.node.respond(now, link, request, &answer)),
            Output::Prove(proof) => self.node.prove(now, proof),
            Output::Ours { stored, proof } => {
                self.ours.push(stored);
                self.node.prove(now, proof);
            }
            Output::Work(work) => mail.handle_work_done(now, &mut self.node, work.run()),
            Output::Status(_, status) => self.status = status,
        }
    }

    fn frames(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let pending: Vec<InterfaceId> = self.node.transmit_pending().collect();
        let mut frames = Vec::new();
        for interface in pending {
            let mut frame = Vec::new();
            while self.node.poll_transmit(now, interface, &mut frame) {
                frames.push(std::mem::take(&mut frame));
            }
        }
        frames
    }
}
