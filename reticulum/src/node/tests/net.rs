//! A few nodes, wired together, with latency, loss and reordering from one seed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::crypto::{Identity, Rng};
use crate::hash::DestinationHash;
use crate::node::*;
use crate::time::{Instant, UnixTime};

/// The wall clock when virtual time starts.
pub(super) const EPOCH: UnixTime = UnixTime::from_secs(1_700_000_000);

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What happens to frames on the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Medium {
    pub(super) latency: Duration,
    /// Up to this much is added, so that frames overtake each other.
    pub(super) jitter: Duration,
    pub(super) loss_percent: u64,
}

pub(super) const CLEAN: Medium =
    Medium { latency: Duration::from_millis(10), jitter: Duration::ZERO, loss_percent: 0 };

pub(super) struct Host {
    pub(super) node: Node,
    pub(super) events: Vec<Event>,
    pub(super) persists: Vec<Persist>,
    /// Confirm what is to be persisted at once.
    pub(super) persists_at_once: bool,
    /// Run work at once; otherwise it gathers.
    pub(super) works_at_once: bool,
    pub(super) work: Vec<Work>,
    /// Frames that left, with their interface.
    pub(super) sent: Vec<(InterfaceId, Vec<u8>)>,
}

pub(super) struct Net {
    pub(super) now: Instant,
    pub(super) hosts: Vec<Host>,
    pub(super) medium: Medium,
    wires: BTreeMap<(usize, InterfaceId), (usize, InterfaceId)>,
    flying: BTreeMap<(Instant, u64), (usize, InterfaceId, Vec<u8>)>,
    turn: u64,
    rng: Rng,
}

pub(super) fn identity(n: u8) -> Arc<Identity> {
    Arc::new(Identity::generate(&mut Rng::from_seed([n; 32])))
}

pub(super) fn fast() -> InterfaceConfig {
    InterfaceConfig { hw_mtu: 16384, mtu_capable: true, ..InterfaceConfig::default() }
}

/// A destination that does everything.
pub(super) fn busy(n: u8, name: &str) -> DestinationConfig {
    DestinationConfig {
        app_data: format!("app {n}").into_bytes(),
        accept_links: true,
        proofs: ProofPolicy::All,
        resources: ResourcePolicy::All,
        resource_size_max: 8 << 20,
        ..DestinationConfig::new(identity(n), name)
    }
}

impl Net {
    pub(super) fn new(hosts: u8) -> Self {
        Self::with_limits(hosts, Limits::default())
    }

    pub(super) fn with_limits(hosts: u8, limits: Limits) -> Self {
        Self::with(hosts, |_, config| NodeConfig { limits, ..config })
    }

    /// Nodes of which some forward for others.
    pub(super) fn with_transports(hosts: u8, forwards: impl Fn(u8) -> bool) -> Self {
        Self::with(hosts, |n, config| NodeConfig { transport: forwards(n), ..config })
    }

    /// Hosts in a row with a fast wire between neighbours. All but the two ends forward for others.
    pub(super) fn row(hosts: u8) -> Self {
        let inner = |n| n > 0 && n + 1 < hosts;
        let mut net = Self::with_transports(hosts, inner);
        for n in 1..usize::from(hosts) {
            net.wire(n - 1, n, fast);
        }
        net
    }

    /// Hosts whose settings are as `config` makes them of the usual ones.
    pub(super) fn with(hosts: u8, config: impl Fn(u8, NodeConfig) -> NodeConfig) -> Self {
        let host = |n| {
            let config = config(n, NodeConfig::new(identity(100 + n)));
            Host {
                node: Node::new(config, [n; 32], Instant::ZERO, EPOCH),
                events: Vec::new(),
                persists: Vec::new(),
                persists_at_once: true,
                works_at_once: true,
                work: Vec::new(),
                sent: Vec::new(),
            }
        };
        Self {
            now: Instant::ZERO,
            hosts: (0..hosts).map(host).collect(),
            medium: CLEAN,
            wires: BTreeMap::new(),
            flying: BTreeMap::new(),
            turn: 0,
            rng: Rng::from_seed([77; 32]),
        }
    }

    /// Two nodes with one fast wire between them.
    pub(super) fn pair() -> Self {
        let mut net = Self::new(2);
        net.wire(0, 1, fast);
        net
    }

    pub(super) fn wire(
        &mut self,
        a: usize,
        b: usize,
        config: impl Fn() -> InterfaceConfig,
    ) -> (InterfaceId, InterfaceId) {
        let now = self.now;
        let end_a = self.hosts[a].node.add_interface(now, config());
        let end_b = self.hosts[b].node.add_interface(now, config());
        self.wires.insert((a, end_a), (b, end_b));
        self.wires.insert((b, end_b), (a, end_a));
        (end_a, end_b)
    }

    /// Joins two interfaces that exist.
    pub(super) fn join(&mut self, a: (usize, InterfaceId), b: (usize, InterfaceId)) {
        self.wires.insert(a, b);
        self.wires.insert(b, a);
    }

    /// Announces a destination of `host` and lets everybody hear it.
    pub(super) fn announced(&mut self, host: usize, config: DestinationConfig) -> DestinationHash {
        let destination = self.hosts[host].node.add_destination(config).unwrap();
        self.hosts[host].node.announce(self.now, destination, None).unwrap();
        self.run(ms(100));
        destination
    }

    /// Lets `duration` pass, with all that happens in it.
    pub(super) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.drain();
            let flying = self.flying.first_key_value().map(|((at, _), _)| *at);
            let timers = self.hosts.iter().filter_map(|host| host.node.poll_timeout());
            let Some(next) = timers.chain(flying).min().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (host, interface, frame) = entry.remove();
                self.hosts[host].node.handle_frame(self.now, interface, &frame);
            }
            for host in &mut self.hosts {
                host.node.handle_timeout(self.now);
            }
        }
        self.now = end;
    }

    /// Collects what the nodes want done, until they want no more.
    pub(super) fn drain(&mut self) {
        for n in 0..self.hosts.len() {
            self.hosts[n].drain(self.now);
            let host = &mut self.hosts[n];
            let pending: Vec<InterfaceId> = host.node.transmit_pending().collect();
            for interface in pending {
                let mut frame = Vec::new();
                while host.node.poll_transmit(self.now, interface, &mut frame) {
                    let frame = std::mem::take(&mut frame);
                    host.sent.push((interface, frame.clone()));
                    let Some(&(to, end)) = self.wires.get(&(n, interface)) else { continue };
                    if self.rng.below(100) < self.medium.loss_percent {
                        continue;
                    }
                    let at = self.now + self.medium.latency + self.rng.duration_below(self.medium.jitter);
                    self.turn += 1;
                    self.flying.insert((at, self.turn), (to, end, frame));
                }
            }
        }
    }

    /// Takes the events of a host so far.
    pub(super) fn events(&mut self, host: usize) -> Vec<Event> {
        std::mem::take(&mut self.hosts[host].events)
    }
}

impl Host {
    pub(super) fn drain(&mut self, now: Instant) {
        while let Some(output) = self.node.poll_output() {
            match output {
                Output::Event(event) => self.events.push(event),
                Output::Work(work) if self.works_at_once => self.node.handle_work_done(now, work.run()),
                Output::Work(work) => self.work.push(work),
                Output::Persist(persist) => {
                    if let (Some(id), true) = (persist.id(), self.persists_at_once) {
                        self.node.handle_persisted(now, id);
                    }
                    self.persists.push(persist);
                }
            }
        }
    }

    pub(super) fn work(&mut self, now: Instant) {
        for work in std::mem::take(&mut self.work) {
            self.node.handle_work_done(now, work.run());
        }
    }
}
