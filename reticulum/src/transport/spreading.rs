//! Announces of others on their way on, and the search for paths on behalf of others (`spec/reticulum.md` 4.4 to 4.7 and
//! 5.6): joins the tables `rebroadcast`, `modes`, `rate`, `cap` and `discovery`.
//!
//! All that leaves here names us as the next hop, and is made of the newest announce of its destination that we know.

use std::time::Duration;

use super::burst::BurstRule;
use super::cap::Offered;
use super::modes::{Origin, Outgoing, outgoing, searches};
use super::rebroadcast::{Due, Source};
use super::{AnnounceKey, Heard, PathRequest, Transport, emitted, path_request_destination};
use crate::hash::DestinationHash;
use crate::node::{Airtime, Counters, InterfaceConfig, InterfaceId, Mode, Priority};
use crate::time::Instant;
use crate::wire::{self, Context, Packet};

/// Before a path request of the network is answered, so that who is nearer can be first (`spec/reticulum.md` 5.6).
const ANSWER_GRACE: Duration = Duration::from_millis(400);
/// The same on a roaming interface, in addition.
const ROAMING_GRACE: Duration = Duration::from_millis(1500);
/// A path is looked for on behalf of others at least this long.
const PATIENCE_MIN: Duration = Duration::from_secs(15);
/// Slower interfaces count as this slow (`spec/reticulum.md` 5.6, medium).
const BITRATE_MIN_BPS: u64 = 5;

impl Transport {
    /// Takes an announce that was accepted, and is in the tables: passes it on, and tells who waits for the path.
    pub(crate) fn spread(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        heard: &Heard,
        path_response: bool,
        jitter: Duration,
        counters: &mut Counters,
    ) {
        let from_local = self.is_local_client(heard.interface);
        let askers = self.discoveries.found(&destination);
        // A program's answer to a question of the network is passed on like an announce, so that it is not needed twice.
        let answered = path_response && from_local && askers.iter().any(|id| !self.is_local_client(*id));
        for asker in askers {
            if !(answered && self.lets_out(asker, heard.interface)) {
                self.send_announce(now, destination, asker, heard.hops, Context::PATH_RESPONSE, counters);
            }
        }
        let Some(interface) = self.interfaces.up(heard.interface) else { return };
        let rule = interface.config.rules.announce_rate;
        let locals: Vec<InterfaceId> = self.local_clients().filter(|id| *id != heard.interface).collect();
        for local in locals {
            self.send_announce(now, destination, local, heard.hops, Context::NONE, counters);
        }
        if path_response && !answered || !(self.forwards() || from_local) {
            return;
        }
        let source = if from_local { Source::LocalClient } else { Source::Network(jitter) };
        let blocked = rule.filter(|_| !from_local).is_some_and(|rule| {
            self.paths.path_mut(&destination).is_some_and(|path| !path.rate.admit(now, &rule))
        });
        if blocked {
            counters.announce_rate_blocked += 1;
        } else if self.rebroadcasts.add(now, destination, heard.hops, heard.blob, source) {
            counters.announce_spread_dropped += 1;
        }
    }

    /// Hears another transport pass on an announce that may wait here.
    pub(crate) fn overhear(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        hops: u8,
        blob: &[u8; 10],
        counters: &mut Counters,
    ) {
        let destination = packet.header.destination_hash();
        if packet.header.transport_id.is_some() && self.rebroadcasts.overheard(now, &destination, hops, blob)
        {
            counters.announce_spread_by_others += 1;
        }
    }

    /// Somebody asks on `interface` for a path to a destination that is not ours.
    pub(crate) fn path_asked(
        &mut self,
        now: Instant,
        id: InterfaceId,
        request: &PathRequest<'_>,
        counters: &mut Counters,
    ) {
        let to_local = self.leads_to_local_client(&request.destination);
        // What we know of the network is for those who share this node, unless we forward for all.
        let tells = self.forwards() || self.is_local_client(id) || to_local;
        if !tells && !self.interfaces.has_local_clients() {
            counters.path_request_unknown += 1;
            return;
        }
        let Some(interface) = self.interfaces.up_mut(id) else { return };
        let config = &interface.config;
        interface.asked.sample(now);
        let rule = BurstRule::requests(&config.rules.ingress);
        let bursting = interface.asked.evaluate(now, &rule).0 && config.ingress_control;
        let (asker_mode, from_local) = (config.mode, config.is_local_client);
        let Some((route, next_hop)) = self.known_path(&request.destination).filter(|_| tells) else {
            return self.search(now, id, request, bursting, counters);
        };
        let same_roaming = asker_mode == Mode::Roaming && route == id;
        if same_roaming || request.requester.is_some() && request.requester == next_hop {
            counters.path_request_from_the_way += 1;
            return;
        }
        let grace = match asker_mode {
            _ if from_local || to_local => Duration::ZERO,
            Mode::Roaming => ANSWER_GRACE + ROAMING_GRACE,
            _ => ANSWER_GRACE,
        };
        if !self.rebroadcasts.answer(request.destination, id, now + grace) {
            counters.announce_spread_dropped += 1;
        }
    }

    /// Sends what is due, and ends what is too old.
    pub(crate) fn handle_spreading(&mut self, now: Instant, counters: &mut Counters) {
        self.discoveries.handle_timeout(now);
        for due in self.rebroadcasts.take_due(now) {
            match due {
                Due::Rebroadcast { destination, hops } => {
                    self.rebroadcast(now, destination, hops, counters);
                }
                Due::Answer { destination, interface } => {
                    if let Some(hops) = self.paths.path(&destination).map(|path| path.hops) {
                        let context = Context::PATH_RESPONSE;
                        self.send_announce(now, destination, interface, hops, context, counters);
                    }
                }
            }
        }
        while let Some(id) = self.pauses.pop_due(now) {
            self.send_capped(now, id, counters);
        }
    }

    /// When [`Self::handle_spreading`] has something to do.
    pub(super) fn poll_spreading(&self) -> Option<Instant> {
        let deadlines =
            [self.discoveries.poll_timeout(), self.rebroadcasts.poll_timeout(), self.pauses.next_deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Forgets an interface that is gone.
    pub(super) fn stop_spreading_on(&mut self, id: InterfaceId) {
        self.discoveries.remove_interface(id);
        self.pauses.cancel(&id);
    }

    /// How much waits: announces to pass on, answers, capped announces, paths looked for, gates, tunnels, sleeping paths.
    pub(crate) fn waiting(&self) -> [usize; 7] {
        let (announces, answers) = self.rebroadcasts.len();
        let (wanted, gates) = self.discoveries.len();
        let capped = self.interfaces.all_up().map(|(_, interface)| interface.cap.len()).sum();
        [announces, answers, capped, wanted, gates, self.tunnels.len(), self.dormant.len()]
    }

    /// Passes an announce on where the modes let it.
    fn rebroadcast(&mut self, now: Instant, destination: DestinationHash, hops: u8, counters: &mut Counters) {
        let Some(emitted_s) = self.peers.peer(&destination).map(|peer| peer.emitted_s) else { return };
        let from = self.paths.path(&destination).map(|path| path.interface);
        let from = from.and_then(|id| self.interfaces.interface(id)).map(|interface| &interface.config);
        let verdict = |(id, interface): (InterfaceId, &super::Interface)| {
            (id, outgoing(&interface.config, Origin::Heard(from), hops))
        };
        // Programs on this machine were told when it was heard.
        let others = self.interfaces.all_up().filter(|(_, interface)| !interface.config.is_local_client);
        let verdicts: Vec<(InterfaceId, Outgoing)> = others.map(verdict).collect();
        for (id, verdict) in verdicts {
            match verdict {
                Outgoing::Block => {}
                Outgoing::Pass => self.send_announce(now, destination, id, hops, Context::NONE, counters),
                Outgoing::Capped => self.offer(now, destination, id, hops, emitted_s, counters),
            }
        }
    }

    /// Passes an announce on within the cap of an interface.
    fn offer(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        id: InterfaceId,
        hops: u8,
        emitted_s: u64,
        counters: &mut Counters,
    ) {
        let share = self.limits().capped_announces_total / self.interfaces.len().max(1);
        let max = self.limits().capped_announces.min(share);
        let Some(interface) = self.interfaces.up_mut(id) else { return };
        match interface.cap.offer(now, destination, hops, emitted_s, max) {
            Offered::Send => self.send_under_cap(now, destination, id, hops, counters),
            Offered::Waits => {}
            Offered::Dropped => counters.announce_capped_dropped += 1,
        }
        self.plan_capped(id);
    }

    /// The pause of an interface is over.
    fn send_capped(&mut self, now: Instant, id: InterfaceId, counters: &mut Counters) {
        let Some(interface) = self.interfaces.up_mut(id) else { return };
        if let Some((destination, hops)) = interface.cap.next(now, &mut counters.announce_capped_dropped) {
            self.send_under_cap(now, destination, id, hops, counters);
        }
        self.plan_capped(id);
    }

    fn send_under_cap(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        id: InterfaceId,
        hops: u8,
        counters: &mut Counters,
    ) {
        let Some(frame) = self.announce_frame(destination, hops, Context::NONE, counters) else { return };
        let Some(interface) = self.interfaces.up_mut(id) else { return };
        let percent = interface.config.rules.announce_cap_percent;
        interface.cap.spend(now, interface.airtime(frame.len()), percent);
        let key = AnnounceKey { destination, path_response: false };
        self.interfaces.push_announce(now, id, frame, key, counters);
    }

    fn plan_capped(&mut self, id: InterfaceId) {
        if let Some(at) = self.interfaces.up(id).and_then(|interface| interface.cap.poll_timeout()) {
            self.pauses.set(id, at);
        }
    }

    /// Sends an announce of another on one interface, whatever its mode and cap.
    fn send_announce(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        id: InterfaceId,
        hops: u8,
        context: Context,
        counters: &mut Counters,
    ) {
        if let Some(frame) = self.announce_frame(destination, hops, context, counters) {
            let key = AnnounceKey { destination, path_response: context == Context::PATH_RESPONSE };
            self.interfaces.push_announce(now, id, frame, key, counters);
        }
    }

    fn announce_frame(
        &self,
        destination: DestinationHash,
        hops: u8,
        context: Context,
        counters: &mut Counters,
    ) -> Option<Vec<u8>> {
        let mut frame = Vec::new();
        let header = |packet: Packet<'_>| {
            let packet = packet.via(*self.own()).with_hops(hops);
            wire::Header { context, ..packet.header }
        };
        if !self.peers.peer(&destination)?.emit_announce(destination, header, &mut frame) {
            return None;
        }
        if frame.len() > wire::MTU || hops >= wire::HOPS_MAX {
            counters.announce_unspreadable += 1;
            return None;
        }
        Some(frame)
    }

    /// Looks for a path on behalf of who asks on `id`.
    fn search(
        &mut self,
        now: Instant,
        id: InterfaceId,
        request: &PathRequest<'_>,
        bursting: bool,
        counters: &mut Counters,
    ) {
        let Some(asked) = self.interfaces.up(id).map(|interface| &interface.config) else { return };
        let others = self.interfaces.all_up().filter(|(other, _)| *other != id);
        let targets: Vec<InterfaceId> =
            others.filter(|(_, out)| self.is_searched(asked, &out.config)).map(|(other, _)| other).collect();
        if targets.is_empty() {
            counters.path_request_unknown += 1;
            return;
        }
        let patience = self.medium_timeout().max(PATIENCE_MIN);
        if !self.discoveries.ask(now, request.destination, id, patience, bursting) {
            counters.path_request_not_searched += 1;
            return;
        }
        let requester = Some(*self.own()).filter(|_| self.forwards());
        let body = PathRequest { requester, ..*request }.body();
        let frame = emitted(&Packet::plain(path_request_destination(), Context::NONE, &body));
        for target in targets {
            self.pass_request_on(now, target, &frame, counters);
        }
    }

    /// Sends a path request of others on an interface, if that has room for it.
    fn pass_request_on(&mut self, now: Instant, id: InterfaceId, frame: &[u8], counters: &mut Counters) {
        let Some(interface) = self.interfaces.up_mut(id) else { return };
        let rules = interface.config.rules;
        let over = rules.egress_hz.is_some_and(|hz| interface.asking.rate_hz(now) > f64::from(hz));
        if over || !interface.cap.is_free(now) {
            counters.path_request_egress_limited += 1;
            return;
        }
        let airtime = interface.airtime(frame.len());
        interface.asking.sample(now);
        interface.cap.spend(now, airtime, rules.announce_cap_percent);
        self.interfaces.push(now, id, frame.to_vec(), Priority::Reply, counters);
    }

    /// The interface and next hop of a path that can be used and told.
    fn known_path(
        &self,
        destination: &DestinationHash,
    ) -> Option<(InterfaceId, Option<crate::hash::IdentityHash>)> {
        let path = self.paths.path(destination)?;
        self.interfaces.up(path.interface)?;
        self.peers.peer(destination).filter(|peer| peer.keeps_announce())?;
        Some((path.interface, path.next_hop))
    }

    /// Whether looking for a path on behalf of who asks on one interface leads to another.
    fn is_searched(&self, asked: &InterfaceConfig, out: &InterfaceConfig) -> bool {
        let shares = asked.is_local_client || out.is_local_client;
        (shares || self.forwards()) && searches(asked, out)
    }

    /// Whether an interface lets out at once what a program on this machine announces.
    fn lets_out(&self, id: InterfaceId, from: InterfaceId) -> bool {
        let from = self.interfaces.interface(from).map(|interface| &interface.config);
        let out = self.interfaces.up(id).filter(|interface| !interface.config.is_local_client);
        out.is_some_and(|out| outgoing(&out.config, Origin::Heard(from), 0) == Outgoing::Pass)
    }

    fn local_clients(&self) -> impl Iterator<Item = InterfaceId> + '_ {
        self.interfaces.all_up().filter(|(_, interface)| interface.config.is_local_client).map(|(id, _)| id)
    }

    /// Forgets what waits for the caps of all interfaces; how much that was.
    pub(crate) fn drop_capped(&mut self) -> usize {
        let waits: Vec<InterfaceId> = self.interfaces.all_up().map(|(id, _)| id).collect();
        let mut dropped = 0;
        for id in waits {
            if let Some(interface) = self.interfaces.up_mut(id) {
                dropped += interface.cap.len();
                interface.cap.clear();
            }
            self.pauses.cancel(&id);
        }
        dropped
    }

    /// How long a question and its answer take over the slowest interface.
    pub(crate) fn medium_timeout(&self) -> Duration {
        let known = |(_, interface): (InterfaceId, &super::Interface)| {
            Some(interface.config.bitrate_bps).filter(|bps| *bps > 0)
        };
        let lowest = self.interfaces.all_up().filter_map(known).min();
        lowest.map_or(Duration::ZERO, |bps| {
            2 * Airtime::Bitrate.of(wire::MTU, bps.max(BITRATE_MIN_BPS)) + super::PER_HOP_TIMEOUT
        })
    }
}
