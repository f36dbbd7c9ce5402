//! How a host begins: on nothing, or on what the store restored.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use lxmf::router::{DELIVERY_NAME_HASH, DeliveryConfig, RESOURCE_SIZE_MAX, Router};
use reticulum::crypto::{Identity, Rng};
use reticulum::hash::DestinationHash;
use reticulum::node::{DestinationConfig, Node, NodeConfig, ProofPolicy};
use reticulum::time::{Instant, UnixTime};

use super::announces::Announces;
use super::gate::Gate;
use super::tail::Tail;
use super::values::{Addresses, HostConfig, HostCounters};
use super::{GROUP, Host, UNDER_WAY_MAX};
use crate::api;
use crate::group::{ClaimCode, Dedup, Delivery, Event, Group, Seq};
use crate::store::{Restored, RestoredGroup, Write};

/// The destination of group-aware clients.
const API_NAME: &str = "meshchat.group";

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
        for identity in &config.blackhole {
            engine.blackhole(*identity, true);
        }
        let mut router = Router::new();
        let saved = restored.groups.into_iter().find(|group| group.id == GROUP);
        let delivery = match &saved {
            Some(saved) => {
                Delivery::restore(now, unix, saved.cursors.iter().copied(), saved.waiting.iter().copied())
            }
            None => Delivery::default(),
        };
        let (group, created) = open_group(&config, saved, &mut rng, unix);
        // Of a new group, all of the history is here.
        let tail = Tail::new(if created.is_some() { Seq::default() } else { group.state().head });
        let lxmf = DestinationHash::of_single(*DELIVERY_NAME_HASH, config.identity.hash());
        let delivery_config = DeliveryConfig {
            identity: Arc::clone(&config.identity),
            display_name: api::public_name(group.state()).to_owned(),
            stamp_cost: None,
            ratchets: restored
                .ratchets
                .into_iter()
                .find(|(of, _)| *of == lxmf)
                .map(|(_, all)| all)
                .unwrap_or_default(),
            resource_size_max: RESOURCE_SIZE_MAX,
        };
        let lxmf = router
            .add_delivery(&mut engine, delivery_config)
            .expect("the engine is new and names are bounded");
        let api = engine
            .add_destination(DestinationConfig {
                app_data: api::announce(group.state()),
                accept_links: true,
                proofs: ProofPolicy::All,
                ..DestinationConfig::new(Arc::clone(&config.identity), API_NAME)
            })
            .expect("the engine is new and the body is bounded");
        for peer in restored.peers {
            engine.add_peer(peer);
        }
        let mut host = Self {
            engine,
            router,
            group,
            addresses: Addresses { lxmf, api },
            identity: config.identity,
            dedup: Dedup::restore(restored.seen),
            delivery,
            tail,
            waiting_copies: VecDeque::new(),
            announces: Announces::default(),
            gate: Gate::default(),
            sent: HashMap::new(),
            asked: HashMap::new(),
            next_query: 0,
            outputs: VecDeque::new(),
            answer_bytes: 0,
            replies: 0,
            kept: HashMap::new(),
            counters: HostCounters::default(),
        };
        let roster = &host.group.state().roster;
        let members: Vec<_> = roster.iter().map(|member| (member.id, Arc::clone(&member.identity))).collect();
        members.iter().for_each(|(member, identity)| host.keep_peer(*member, identity));
        let code = created.map(|(code, event)| {
            host.write(Write::Decision { group: GROUP, events: vec![event], seen: None });
            code
        });
        (host, code)
    }
}

fn open_group(
    config: &HostConfig,
    saved: Option<RestoredGroup>,
    rng: &mut Rng,
    unix: UnixTime,
) -> (Group, Option<(ClaimCode, Event)>) {
    match saved {
        Some(saved) => (Group::restore(saved.state, saved.recent, config.limits.clone()), None),
        None => {
            let code = ClaimCode::from_random(rng.bytes());
            let (group, event) = Group::create(
                unix,
                &config.name,
                config.visibility,
                Some(code.hash()),
                config.limits.clone(),
            );
            (group, Some((code, event)))
        }
    }
}
