//! Announces of our own destinations, and answers to those who ask for the path to them (`spec/reticulum.md` 4, 5.6).
//!
//! Receivers take two announces of the same second for one, so those of a destination are at least a second apart:
//! what comes too early is deferred. Path requests are answered at once, within that second with the announce just
//! made, so that asking often costs us no more than one signature a second.

use std::sync::Arc;
use std::time::Duration;

use super::destinations::{Latest, Stage, Targets};
use super::events::{AnnounceError, Output, Persist};
use super::ids::{InterfaceId, PersistId};
use super::work::{AnnounceJob, Job};
use super::{Node, Timer};
use crate::hash::DestinationHash;
use crate::time::{Instant, UnixTime};
use crate::transport::{AnnounceKey, Origin, Outgoing, outgoing};
use crate::wire::{self, Context, Packet};

/// Shortest time between announces of a destination (`spec/reticulum.md` 4.3).
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(1);
/// From the connection to the shared instance (`spec/reticulum.md` 5.11).
const REGISTER_AGAIN_AFTER: Duration = Duration::from_secs(10);

impl Node {
    /// Changes what `destination` announces from its next announce on.
    pub fn set_app_data(
        &mut self,
        destination: &DestinationHash,
        app_data: Vec<u8>,
    ) -> Result<(), AnnounceError> {
        let destination = self.destinations.of_mut(destination).ok_or(AnnounceError::UnknownDestination)?;
        let max = destination.app_data_max();
        if app_data.len() > max {
            return Err(AnnounceError::AppDataTooLong { max });
        }
        destination.config.app_data = app_data;
        if let Some(latest) = &mut destination.announcing.latest {
            latest.current = false;
        }
        Ok(())
    }

    /// Announces `destination` on one interface or on all, of those that let announces of ours out. It leaves once a rotated
    /// ratchet is durable and a second has passed since the one before; announces asked for meanwhile become one.
    pub fn announce(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        on: Option<InterfaceId>,
    ) -> Result<(), AnnounceError> {
        let entry = self.destinations.of_mut(&destination).ok_or(AnnounceError::UnknownDestination)?;
        match on {
            Some(interface) => drop(entry.announcing.wanted.on.insert(interface)),
            None => entry.announcing.wanted.all = true,
        }
        self.advance_announce(now, destination);
        Ok(())
    }

    /// Announces `destination` on one interface as if somebody there had asked for the path: nobody passes that on. It is at
    /// once, and within a second of the announce before it is that one again.
    pub fn announce_to(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        interface: InterfaceId,
    ) -> Result<(), AnnounceError> {
        if self.destinations.of_mut(&destination).is_none() {
            return Err(AnnounceError::UnknownDestination);
        }
        self.answer_path_request(now, destination, interface);
        Ok(())
    }

    /// What was handed out as [`Persist`] with this id is durable.
    pub fn handle_persisted(&mut self, now: Instant, id: PersistId) {
        if let Some(interface) = self.reserving.remove(&id) {
            self.transport.interfaces.finish_reserve(interface);
        } else if let Some(destination) = self.destinations.persisting(id) {
            self.sign_announce(now, destination);
        }
    }

    /// Announces `destination` to those who asked for it on `interface`.
    pub(super) fn answer_path_request(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        interface: InterfaceId,
    ) {
        if let Some(entry) = self.destinations.of_mut(&destination) {
            entry.announcing.wanted.answers.insert(interface);
            self.advance_announce(now, destination);
        }
    }

    /// The shared instance is there: tells it our destinations, as its clients do, so that it knows the way to them. It does
    /// not pass that on (`spec/reticulum.md` 5.11).
    pub(super) fn register_with_instance(&mut self, now: Instant, interface: InterfaceId) {
        let config = self.transport.interfaces.up(interface).map(|interface| &interface.config);
        if config.is_some_and(|config| config.is_shared_instance) {
            self.register(now, interface);
            // It may not have been ready yet; its other clients wait as long.
            self.timers.set(Timer::Register(interface), now + REGISTER_AGAIN_AFTER);
        }
    }

    pub(super) fn register(&mut self, now: Instant, interface: InterfaceId) {
        for destination in self.destinations.hashes() {
            self.answer_path_request(now, destination, interface);
        }
    }

    /// Takes the next step towards the announces that are wanted.
    pub(super) fn advance_announce(&mut self, now: Instant, destination: DestinationHash) {
        let Some(entry) = self.destinations.of_mut(&destination) else { return };
        let announcing = &mut entry.announcing;
        if !matches!(announcing.stage, Stage::Idle) || announcing.wanted.is_empty() {
            return;
        }
        if let Some(latest) = &announcing.latest {
            let next_at = latest.made_at + ANNOUNCE_INTERVAL;
            if now < next_at {
                let (data, current) = (Arc::clone(&latest.data), latest.current);
                let answers =
                    if current { std::mem::take(&mut announcing.wanted.answers) } else { Default::default() };
                if !announcing.wanted.is_empty() {
                    self.timers.set(Timer::Announce(destination), next_at);
                }
                let targets = Targets { answers, ..Targets::default() };
                return self.transmit_announce(now, destination, &data, &targets);
            }
        }
        let rotated = entry.ratchets.as_mut().and_then(|ratchets| ratchets.rotate(now, &mut self.rng));
        let Some(secrets) = rotated else { return self.sign_announce(now, destination) };
        self.persist_id += 1;
        let id = PersistId(self.persist_id);
        announcing.stage = Stage::Persisting(id);
        self.outputs.push_back(Output::Persist(Persist::Ratchets { id, destination, secrets }));
    }

    /// An announce of ours is signed.
    pub(super) fn finish_announce(&mut self, now: Instant, destination: DestinationHash, data: Vec<u8>) {
        let Some(entry) = self.destinations.of_mut(&destination) else { return };
        let Stage::Signing(targets) = std::mem::take(&mut entry.announcing.stage) else { return };
        let data: Arc<[u8]> = data.into();
        if let Some(latest) = &mut entry.announcing.latest {
            latest.data = Arc::clone(&data);
        }
        self.transmit_announce(now, destination, &data, &targets);
        self.advance_announce(now, destination);
    }

    fn sign_announce(&mut self, now: Instant, destination: DestinationHash) {
        let unix = self.unix_time(now);
        let Some(entry) = self.destinations.of_mut(&destination) else { return };
        // A clock that was set back must not make us unreachable, so this clock never goes back.
        let after_latest = entry.announcing.latest.as_ref().map_or(0, |latest| latest.emitted_s + 1);
        let emitted_s = unix.as_secs().max(after_latest);
        let job = AnnounceJob {
            identity: Arc::clone(&entry.config.identity),
            destination,
            name_hash: entry.name_hash,
            random_blob: wire::random_blob(self.rng.bytes(), UnixTime::from_secs(emitted_s)),
            ratchet: entry.ratchets.as_ref().and_then(super::ratchets::Ratchets::newest),
            app_data: entry.config.app_data.clone(),
        };
        let announcing = &mut entry.announcing;
        announcing.stage = Stage::Signing(std::mem::take(&mut announcing.wanted));
        announcing.latest = Some(Latest { data: Arc::new([]), made_at: now, emitted_s, current: true });
        self.submit(Job::Announce(job));
    }

    fn transmit_announce(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        data: &[u8],
        targets: &Targets,
    ) {
        let Some(entry) = self.destinations.of(&destination) else { return };
        let has_ratchet = entry.ratchets.is_some();
        let frame = |context| {
            let mut frame = Vec::new();
            Packet::announce(destination, context, has_ratchet, data).emit(&mut frame);
            frame
        };
        let open = |(id, interface): (InterfaceId, &crate::transport::Interface)| {
            let passes = outgoing(&interface.config, Origin::Own, 0) != Outgoing::Block;
            (passes && (targets.all || targets.on.contains(&id))).then_some(id)
        };
        let interfaces = &mut self.transport.interfaces;
        let live: Vec<InterfaceId> = interfaces.all_up().filter_map(open).collect();
        for id in live {
            let key = AnnounceKey { destination, path_response: false };
            interfaces.push_announce(now, id, frame(Context::NONE), key, &mut self.counters);
        }
        for id in &targets.answers {
            let key = AnnounceKey { destination, path_response: true };
            interfaces.push_announce(now, *id, frame(Context::PATH_RESPONSE), key, &mut self.counters);
        }
    }
}
