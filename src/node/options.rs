//! What the configuration says, in the words of groups.

use std::sync::Arc;
use std::time::Duration;

use lxmf::propagation::node::NodeConfig;
use lxmf::router::{NodePolicy, StampPolicy};
use reticulum::crypto::Identity;

use crate::config::{self, Config, Creation, Interface};
use crate::group::{Founders, FoundingRules, Settings, Visibility};
use crate::host::{MailConfig, ServeConfig};

/// The interfaces that the node is to open: those of the file, or what it chooses without any, and the one for programs on
/// this machine.
pub(super) async fn interfaces(config: &Config) -> Vec<Interface> {
    let mut interfaces = config.interfaces.clone();
    if config.chooses_interface {
        let runs = config.node.instance_place().is_taken().await;
        let chosen = config.node.usual_interface(runs);
        tracing::info!(interface = chosen.type_name(), "no [[interface]] in the file");
        interfaces.push(chosen);
    }
    interfaces.extend(config.node.shared());
    interfaces
}

/// What the group is when it is first created.
pub(super) fn settings(config: &Config) -> Settings {
    Settings {
        name: config.group.name.clone(),
        visibility: match config.group.visibility {
            config::Visibility::Public => Visibility::Public,
            config::Visibility::Private => Visibility::Private,
        },
        posts_per_minute: config.limits.posts_per_minute,
        post_chars_max: config.limits.message_length_max,
        send_cost: config.limits.stamp_cost,
        ..Settings::default()
    }
}

/// What the node pays for messages of its own.
pub(super) fn stamps(config: &Config) -> StampPolicy {
    StampPolicy {
        cost_max: config.limits.stamp_cost_paid_max,
        trials_per_s: config.limits.stamp_trials_per_second.into(),
    }
}

/// How the node uses propagation nodes.
pub(super) fn mail(config: &Config) -> MailConfig {
    let options = &config.propagation;
    MailConfig {
        nodes: NodePolicy { pinned: options.node.clone(), discover: options.discover },
        sync_interval: Duration::from_secs(60 * u64::from(options.sync_interval)),
        fallback: options.fallback,
    }
}

/// How the node is a propagation node, if it is.
pub(super) fn serving(config: &Config, identity: Arc<Identity>) -> ServeConfig {
    const KB: u64 = 1_000;
    let options = &config.propagation;
    let node = NodeConfig {
        identity,
        name: Some(options.node_name.clone()).filter(|name| !name.is_empty()),
        members_only: options.members_only,
        stamp_cost: options.stamp_cost,
        flexibility: options.stamp_flexibility,
        peering_cost: options.peering_cost,
        peering_cost_paid_max: options.peering_cost_paid_max,
        message_len_max: KB * u64::from(options.message_kb_max),
        transfer_len_max: KB * u64::from(options.sync_kb_max.max(options.message_kb_max)),
        stored_len_max: mail_bytes_max(config),
        peers: options.peers.clone(),
        autopeer: options.autopeer,
        autopeer_hops_max: options.autopeer_maxdepth,
        peers_max: options.max_peers as usize,
        controllers: options.control.clone(),
    };
    ServeConfig { node, announce_interval: Duration::from_secs(60 * u64::from(options.announce_interval)) }
}

/// What the node keeps for others at most.
pub(super) fn mail_bytes_max(config: &Config) -> u64 {
    1_000_000 * u64::from(config.propagation.storage_mb)
}

/// Who may create groups by request.
pub(super) fn founding(config: &Config) -> FoundingRules {
    let options = &config.groups;
    FoundingRules {
        founders: match options.create {
            Creation::Nobody => Founders::Nobody,
            Creation::Listed => Founders::Listed(options.creators.clone()),
            Creation::Anyone => Founders::Anyone,
        },
        groups_per_founder_max: options.per_creator_max as usize,
        groups_max: options.groups_max as usize,
        stamp_cost: options.stamp_cost,
    }
}
