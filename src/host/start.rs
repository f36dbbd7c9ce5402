//! How a host begins: on nothing, or on what the store restored.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use lxmf::router::{DeliveryConfig, Router};
use reticulum::crypto::{Identity, RatchetSecret, Rng};
use reticulum::hash::IdentityHash;
use reticulum::node::{Blackholed, DestinationConfig, Node, NodeConfig, ProofPolicy};
use reticulum::time::{Instant, UnixTime};

use super::announces::Announces;
use super::closing::Farewells;
use super::founding::FOUNDER;
use super::gate::Gate;
use super::held::Held;
use super::hosted::{Groups, Hosted};
use super::joining::{JoinChecks, Untold};
use super::mail::Mail;
use super::messages::delivery_address;
use super::people::People;
use super::probes::Probes;
use super::propagation::Serving;
use super::record::stamp_cost;
use super::retention::Retention;
use super::shelf::Shelf;
use super::tail::Tail;
use super::values::{Addresses, HostConfig, HostCounters};
use super::{Host, UNDER_WAY_MAX};
use crate::api;
use crate::group::{ClaimCode, Dedup, Delivery, Founding, Group, GroupId, Seq};
use crate::store::{Restored, RestoredGroup, Write};

/// The destination of group-aware clients.
const API_NAME: &str = "meshchat.group";

/// The group that a first start creates.
pub const FIRST_GROUP: GroupId = GroupId(1);

impl Host {
    /// Starts on what the store restored. A group that is created now comes with its claim code.
    pub fn new(
        config: HostConfig,
        restored: Restored,
        now: Instant,
        unix: UnixTime,
    ) -> (Self, Option<ClaimCode>) {
        let mut rng = Rng::from_seed(config.seed);
        let transport_identity = match &config.transport {
            Some(transport) => Arc::clone(&transport.identity),
            None => Arc::new(Identity::generate(&mut rng)),
        };
        let mut node_config = NodeConfig::new(transport_identity);
        node_config.transport = config.transport.is_some();
        node_config.limits.work = 2 * UNDER_WAY_MAX;
        let mut engine = Node::new(node_config, rng.bytes(), now, unix);
        let probing = config.transport.as_ref().filter(|transport| transport.respond_to_probes);
        let probes = probing.map(|transport| Probes::start(&mut engine, now, &transport.identity));
        let peers = restored.mail_peers;
        let serving = config.propagation.map(|serving| Serving::start(serving, peers, now, &mut engine));
        let configured = config.blackhole.iter();
        let configured =
            configured.map(|identity| Blackholed { identity: *identity, until: None, reason: None });
        for entry in restored.blackholed.into_iter().chain(configured) {
            engine.blackhole(now, &entry);
        }
        restored.airtime.into_iter().for_each(|record| engine.add_airtime(now, record));
        let mut dedup = Dedup::restore(restored.seen);
        dedup.restore_contents(restored.contents);
        let mut host = Self {
            engine,
            router: Router::new(),
            groups: Groups::default(),
            people: People::default(),
            founding: Founding::new(config.founding),
            settings: config.settings,
            rng,
            join_checks: JoinChecks::default(),
            untold: Untold::new(),
            retention: Retention::default(),
            shelf: Shelf::default(),
            farewells: Farewells::default(),
            open_links: HashMap::new(),
            listeners: Default::default(),
            dedup,
            announces: Announces::default(),
            probes,
            held: Held::default(),
            mail: Mail::new(now, &config.mail),
            serving,
            message_size_max: config.message_size_max,
            gate: Gate::default(),
            sent: HashMap::new(),
            asked: HashMap::new(),
            undecided: HashSet::new(),
            started_at: now,
            next_query: 0,
            outputs: VecDeque::new(),
            answer_bytes: 0,
            replies: 0,
            counters: HostCounters::default(),
        };
        for peer in restored.peers {
            host.engine.add_peer(peer);
        }
        host.router.set_stamp_policy(config.stamps);
        host.router.set_node_policy(config.mail.nodes);
        host.router.set_ignored(config.ignored);
        host.router.set_rate(config.messages_per_minute);
        restored.terms.into_iter().for_each(|terms| host.router.restore_terms(terms));
        if config.transport.is_some() {
            for path in restored.paths {
                host.engine.add_path(now, path);
            }
        }
        let mut ratchets: HashMap<_, _> = restored.ratchets.into_iter().collect();
        let is_first_start = restored.groups.is_empty();
        for saved in restored.groups {
            let identity = config.identities.get(&saved.id).expect("there is an identity for each group");
            let ratchets = ratchets.remove(&delivery_address(identity.hash())).unwrap_or_default();
            host.restore_group(saved, identity, ratchets, now, unix);
        }
        restored.deleted.into_iter().for_each(|id| host.groups.take_id(id));
        for (group, founder) in founders(restored.settings) {
            if let Some(hosted) = host.groups.get_mut(group) {
                hosted.founder = Some(founder);
            }
        }
        let code = is_first_start.then(|| {
            let identity = config.identities.get(&FIRST_GROUP).expect("there is one for the first group");
            host.create_first(identity, unix)
        });
        host.restore_held(now, unix, restored.held);
        (host, code)
    }

    fn restore_group(
        &mut self,
        saved: RestoredGroup,
        identity: &Arc<Identity>,
        ratchets: Vec<RatchetSecret>,
        now: Instant,
        unix: UnixTime,
    ) {
        let delivery = Delivery::restore(now, unix, saved.delivery);
        let group = Group::restore(saved.state, saved.recent).with_activity(saved.heard);
        let tail = Tail::restore(group.state().head, &saved.newest);
        self.host_group(saved.id, group, identity, ratchets, delivery, tail);
        if let Some(hosted) = self.groups.get_mut(saved.id) {
            hosted.understanding = saved.understanding.into_iter().collect();
        }
        self.groups.arm(saved.id, now, unix);
        self.arm_retention(now, saved.id);
        let _ = self.sync_quiet(saved.id);
        self.resume_farewell(now, saved.id);
    }

    fn create_first(&mut self, identity: &Arc<Identity>, unix: UnixTime) -> ClaimCode {
        let code = ClaimCode::from_random(self.rng.bytes());
        let (group, created) = Group::create(unix, &self.settings, Some(code.hash()));
        // All of its history is here.
        let tail = Tail::new(Seq::default());
        self.host_group(FIRST_GROUP, group, identity, Vec::new(), Delivery::default(), tail);
        self.write(Write::Decision { group: FIRST_GROUP, events: created, seen: None });
        code
    }

    /// Gives a group its two destinations and its place among the others.
    pub(super) fn host_group(
        &mut self,
        id: GroupId,
        group: Group,
        identity: &Arc<Identity>,
        ratchets: Vec<RatchetSecret>,
        delivery: Delivery,
        tail: Tail,
    ) {
        let addresses = self.add_destinations(&group, identity, ratchets);
        let roster = &group.state().roster;
        let invited = group.state().invitations.people.iter().filter(|(_, invitation)| !invitation.told);
        self.untold.extend(invited.map(|(person, _)| (*person, id)));
        let members: Vec<_> = roster.iter().map(|member| (member.id, Arc::clone(&member.identity))).collect();
        self.groups.insert(Hosted {
            id,
            group: group.with_seed(self.rng.bytes()),
            addresses,
            identity: Arc::clone(identity),
            delivery,
            tail,
            waiting_copies: VecDeque::new(),
            is_closed: false,
            farewell_until: Instant::ZERO,
            understanding: BTreeSet::new(),
            newcomers: BTreeSet::new(),
            founder: None,
            present: HashMap::new(),
        });
        members.iter().for_each(|(member, identity)| self.keep_peer(id, *member, identity));
    }

    fn add_destinations(
        &mut self,
        group: &Group,
        identity: &Arc<Identity>,
        ratchets: Vec<RatchetSecret>,
    ) -> Addresses {
        let delivery = DeliveryConfig {
            identity: Arc::clone(identity),
            display_name: api::public_name(group.state()).to_owned(),
            stamp_cost: stamp_cost(group.settings()),
            ratchets,
            resource_size_max: self.message_size_max,
        };
        let lxmf = self
            .router
            .add_delivery(&mut self.engine, delivery)
            .expect("identities differ, groups and names are bounded");
        let api = DestinationConfig {
            app_data: api::announce(group.state()),
            accept_links: true,
            proofs: ProofPolicy::All,
            ..DestinationConfig::new(Arc::clone(identity), API_NAME)
        };
        let api = self.engine.add_destination(api).expect("identities differ, groups and bodies are bounded");
        if let Some(serving) = &mut self.serving {
            serving.node.add_ours(lxmf);
        }
        Addresses { lxmf, api }
    }
}

/// Who founded which group, out of the settings.
fn founders(
    settings: Vec<(Option<GroupId>, String, Vec<u8>)>,
) -> impl Iterator<Item = (GroupId, IdentityHash)> {
    settings
        .into_iter()
        .filter(|(_, key, _)| key == FOUNDER)
        .filter_map(|(group, _, value)| Some((group?, IdentityHash::from_slice(&value)?)))
}
