//! Our own destinations: their settings, ratchets, and where each one's announce stands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::config::DestinationConfig;
use super::events::AddDestinationError;
use super::ids::{InterfaceId, PersistId};
use super::ratchets::Ratchets;
use crate::hash::{DestinationHash, NameHash};
use crate::time::Instant;
use crate::wire::{APP_DATA_MAX, APP_DATA_MAX_WITH_RATCHET};

/// One of our destinations.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) config: DestinationConfig,
    pub(super) name_hash: NameHash,
    pub(super) ratchets: Option<Ratchets>,
    pub(super) announcing: Announcing,
}

impl Destination {
    /// Most bytes of app_data that survive a transport (`spec/reticulum.md` 4.1).
    pub(super) fn app_data_max(&self) -> usize {
        if self.ratchets.is_some() { APP_DATA_MAX_WITH_RATCHET } else { APP_DATA_MAX }
    }
}

/// Where a destination's announce stands. It goes through at most one at a time; what is wanted meanwhile waits.
#[derive(Debug, Default)]
pub(super) struct Announcing {
    pub(super) stage: Stage,
    pub(super) wanted: Targets,
    /// The newest announce, which answers path requests until the next may be made.
    pub(super) latest: Option<Latest>,
}

/// What the announce in the making waits for.
#[derive(Debug, Default)]
pub(super) enum Stage {
    /// There is none.
    #[default]
    Idle,
    /// The rotated ratchet to be durable.
    Persisting(PersistId),
    /// Its signature.
    Signing(Targets),
}

/// Where an announce goes.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// Everywhere that announces of ours may go.
    pub(super) all: bool,
    /// Single interfaces.
    pub(super) on: BTreeSet<InterfaceId>,
    /// Interfaces on which somebody asked for the path.
    pub(super) answers: BTreeSet<InterfaceId>,
}

impl Targets {
    /// Whether anybody is to hear a new announce.
    pub(super) fn wants_new(&self) -> bool {
        self.all || !self.on.is_empty()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        !self.wants_new() && self.answers.is_empty()
    }
}

/// An announce that was made.
#[derive(Debug)]
pub(super) struct Latest {
    pub(super) data: Arc<[u8]>,
    pub(super) made_at: Instant,
    pub(super) emitted_s: u64,
    /// Whether it says what the destination's settings say now.
    pub(super) current: bool,
}

/// Our destinations. Only the application adds to them.
#[derive(Debug, Default)]
pub(super) struct Destinations {
    destinations: BTreeMap<DestinationHash, Destination>,
}

impl Destinations {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.destinations.len()
    }

    /// Adds a destination.
    pub(super) fn add(
        &mut self,
        mut config: DestinationConfig,
    ) -> Result<DestinationHash, AddDestinationError> {
        let name_hash = NameHash::of_name(&config.name);
        let hash = DestinationHash::of_single(name_hash, config.identity.hash());
        if self.destinations.contains_key(&hash) {
            return Err(AddDestinationError::Exists);
        }
        let ratchets = config.ratchets.take().map(Ratchets::new);
        let destination = Destination { config, name_hash, ratchets, announcing: Announcing::default() };
        let max = destination.app_data_max();
        if destination.config.app_data.len() > max {
            return Err(AddDestinationError::AppDataTooLong { max });
        }
        self.destinations.insert(hash, destination);
        Ok(hash)
    }

    /// Removes a destination.
    pub(super) fn remove(&mut self, hash: &DestinationHash) {
        self.destinations.remove(hash);
    }

    /// Whether `hash` is ours.
    pub(super) fn contains(&self, hash: &DestinationHash) -> bool {
        self.destinations.contains_key(hash)
    }

    /// All of ours, in order.
    pub(super) fn hashes(&self) -> Vec<DestinationHash> {
        self.destinations.keys().copied().collect()
    }

    /// One of ours.
    pub(super) fn of(&self, hash: &DestinationHash) -> Option<&Destination> {
        self.destinations.get(hash)
    }

    /// One of ours.
    pub(super) fn of_mut(&mut self, hash: &DestinationHash) -> Option<&mut Destination> {
        self.destinations.get_mut(hash)
    }

    /// The destination whose announce waits for `id` to be durable.
    pub(super) fn persisting(&self, id: PersistId) -> Option<DestinationHash> {
        let waits = |destination: &Destination| matches!(destination.announcing.stage, Stage::Persisting(waiting) if waiting == id);
        self.destinations.iter().find(|(_, destination)| waits(destination)).map(|(hash, _)| *hash)
    }
}
