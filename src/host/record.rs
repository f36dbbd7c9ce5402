//! What follows from the events of a decision: a write, the tail, fan-out, and whose keys the engine keeps.

use reticulum::crypto::PublicIdentity;
use reticulum::hash::{DestinationHash, IdentityHash};
use reticulum::node::PeerRecord;
use reticulum::time::{Instant, UnixTime};

use super::messages::delivery_address;
use super::{After, Host};
use crate::group::delivery::Cursor;
use crate::group::{Event, EventKind, GroupId, JoinPolicy, Key, MemberId, Push, Settings, is_told};
use crate::store::{OutboxRow, Seen, Write};

impl Host {
    /// Sends a decision to the store, and to everybody whom it concerns once it is durable.
    pub(super) fn record(&mut self, now: Instant, group: GroupId, events: Vec<Event>, seen: Option<Seen>) {
        if events.is_empty() && seen.is_none() {
            return;
        }
        // A group that is no more has had its last event.
        let is_last = events.last().is_some_and(|event| event.kind == EventKind::Dissolved);
        if !is_last && self.groups.get(group).is_some_and(|hosted| !hosted.is_open()) {
            return;
        }
        let after: Vec<After> = events.iter().flat_map(|event| self.project(group, event)).collect();
        let ends_otherwise = events.iter().any(|event| event.kind.changes_restrictions());
        let keeps_otherwise = events
            .iter()
            .any(|event| matches!(event.kind.setting_key(), Some(Key::KeepDays | Key::KeepMessages)));
        let roles_otherwise = events.iter().any(|event| event.kind.changes_roles());
        self.write(Write::Decision { group, events, seen });
        if ends_otherwise {
            self.groups.arm(group, now, self.engine.unix_time(now));
        }
        if keeps_otherwise {
            self.arm_retention(now, group);
        } else {
            self.note_growth(now, group);
        }
        if roles_otherwise {
            let cursors = self.sync_quiet(group);
            cursors.into_iter().for_each(|cursor| {
                self.write(Write::Delivered { group, cursor, copy: None, row: OutboxRow::None })
            });
        }
        after.into_iter().for_each(|after| self.after_commit(now, after));
    }

    /// Lets an event take effect outside of the group's own state.
    fn project(&mut self, group: GroupId, event: &Event) -> Vec<After> {
        self.shelf.note(group, event);
        self.note_invited(group, &event.kind);
        let Some(hosted) = self.groups.stir(group) else { return Vec::new() };
        hosted.tail.push(event);
        let told = is_told(&event.kind, &hosted.group.state().settings);
        match &event.kind {
            EventKind::Joined { member, identity, .. } => {
                hosted.delivery.on_joined(*member, event.seq);
                hosted.newcomers.insert(*member);
                self.keep_peer(group, *member, identity);
            }
            EventKind::Left { member }
            | EventKind::Kicked { member, .. }
            | EventKind::Banned { member: Some(member), .. } => {
                hosted.delivery.on_removed(*member);
                hosted.understanding.remove(member);
                hosted.newcomers.remove(member);
                self.release_peer(group, *member);
            }
            _ => {}
        }
        let is_announced = event.kind.setting_key().is_some_and(Key::is_announced);
        let fan_out = told.then_some(After::FanOut { group, seq: event.seq, author: event.actor });
        is_announced.then_some(After::Announce(group)).into_iter().chain(fan_out).collect()
    }

    /// Lets end what ends by itself in a group, and tells whom it concerns.
    pub(super) fn end_in_group(&mut self, now: Instant, group: GroupId) {
        let unix = self.engine.unix_time(now);
        let Some(hosted) = self.groups.get_mut(group) else { return };
        let mut outcome = hosted.group.handle_timeout(unix);
        let events = std::mem::take(&mut outcome.events);
        self.record(now, group, events, None);
        self.tell_all(now, group, outcome, None);
        self.groups.arm(group, now, unix);
    }

    /// Pushes nothing to those whose role is quiet. Returns the cursors of those who were quiet until now, and get what
    /// is posted from now on.
    pub(super) fn sync_quiet(&mut self, group: GroupId) -> Vec<Cursor> {
        let Some(hosted) = self.groups.stir(group) else { return Vec::new() };
        let state = hosted.group.state();
        let mut begun = Vec::new();
        for member in state.roster.iter() {
            let is_quiet = state.roles.is_quiet(member.role) || member.preferences.push == Push::Nothing;
            match (is_quiet, hosted.delivery.serves(member.id)) {
                (true, true) => hosted.delivery.on_removed(member.id),
                (false, false) => {
                    hosted.delivery.on_joined(member.id, state.head);
                    begun.push(Cursor { member: member.id, through: state.head });
                }
                _ => {}
            }
            hosted.delivery.prefer_digests(member.id, member.preferences.push == Push::Digest);
        }
        begun
    }

    /// Makes sure that the engine knows a member's keys and does not forget them.
    pub(super) fn keep_peer(&mut self, group: GroupId, member: MemberId, identity: &PublicIdentity) {
        let Some(hosted) = self.groups.get_mut(group) else { return };
        hosted.present.insert(member, identity.hash());
        self.people.add(identity.hash(), group, member);
        let address = delivery_address(identity.hash());
        if let Some(serving) = &mut self.serving {
            serving.node.add_member(address);
        }
        if self.engine.peer(&address).is_none() {
            self.engine.add_peer(PeerRecord {
                destination: address,
                identity: identity.to_bytes(),
                app_data: None,
                ratchet: None,
                heard: UnixTime::default(),
                emitted_s: 0,
            });
        }
        self.engine.retain_peer(address, true);
    }

    /// Lets the engine forget whoever is no member of any group any more, or coming and going would fill its memory.
    fn release_peer(&mut self, group: GroupId, member: MemberId) {
        let Some(hosted) = self.groups.get_mut(group) else { return };
        let (local, gone) = (hosted.addresses.lxmf, hosted.present.remove(&member));
        if let Some(person) = gone {
            self.release_person(person, group, local);
        }
    }

    /// Forgets what only mattered while a person was in the group whose `lxmf.delivery` destination is `local`.
    pub(super) fn release_person(&mut self, person: IdentityHash, group: GroupId, local: DestinationHash) {
        let remote = delivery_address(person);
        self.router.forget_terms(local, remote);
        self.write(Write::ForgetTerms { local, remote });
        if self.people.remove(person, group) {
            if let Some(serving) = &mut self.serving {
                serving.node.remove_member(&remote);
            }
            self.engine.retain_peer(remote, false);
            self.write(Write::ForgetPeer(remote));
        }
    }
}

/// What the group's `lxmf.delivery` announces as the cost of a message. Most clients stamp what they send by it, so it is
/// what joining costs where that is more; of members only the cost of sending is asked.
pub(super) fn stamp_cost(settings: &Settings) -> Option<u8> {
    let join_cost = if settings.join == JoinPolicy::Closed { 0 } else { settings.join_cost };
    u8::try_from(settings.send_cost.max(join_cost)).ok().filter(|cost| *cost > 0)
}
