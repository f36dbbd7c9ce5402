//! Deleting a group: it is closed, exported, its members are told, and only then it is erased. Until the export is on disk it
//! can still be opened again; from then on the group's last event says that it is no more, also after a restart.

use std::time::Duration;

use reticulum::time::{Instant, TimerQueue};

use super::{After, Asked, Asking, Host, Output, QueryId, Rows};
use crate::api;
use crate::group::{GroupId, Member, Notice, Outcome};
use crate::store::Write;

/// How long members can be told that the group is no more; whoever was not reached by then never hears of it.
const FAREWELL_MAX: Duration = Duration::from_secs(600);
/// How long private words take that are not followed up.
const FAREWELL_IN_PRIVATE: Duration = Duration::from_secs(30);

/// When groups are erased that are no more. Bounded as the groups are.
pub(super) type Farewells = TimerQueue<GroupId>;

impl Host {
    /// Closes a group: from now on nothing happens in it. The caller was found to be allowed to.
    pub(super) fn close_group(&mut self, now: Instant, asking: Asking, confirm: &str) {
        let is_last = self.groups.len() == 1;
        let Some(hosted) = self.groups.get_mut(asking.group) else { return };
        if hosted.group.settings().name != confirm {
            return self.refuse(now, asking.asker, api::not_confirmed());
        }
        if is_last {
            return self.refuse(now, asking.asker, api::last_group());
        }
        hosted.is_closed = true;
        // What was decided before has to be in the store, or it would not be in the export.
        self.after_commit(now, After::Export(asking));
    }

    pub(super) fn export_group(&mut self, asking: Asking) {
        let (id, group) = (QueryId(self.next_query), asking.group);
        self.next_query += 1;
        self.asked.insert(id, Asked::Export(asking));
        self.outputs.push_back(Output::Export(id, group));
    }

    /// The export is on disk, or failed.
    pub(super) fn group_exported(&mut self, now: Instant, asking: &Asking, rows: Rows) {
        let Rows::Exported(file) = rows else {
            if let Some(hosted) = self.groups.get_mut(asking.group) {
                hosted.is_closed = false;
            }
            return self.refuse(now, asking.asker, api::internal());
        };
        if self.has_others(asking) {
            self.dissolve(now, asking)
        } else {
            self.erase_group(now, asking.group)
        }
        self.answer_after_commit(now, asking.asker, api::group_deleted(&asking.caller, &file));
    }

    /// Whether there is anybody to be told besides the caller.
    fn has_others(&self, asking: &Asking) -> bool {
        let Some(hosted) = self.groups.get(asking.group) else { return false };
        let own = hosted.group.member_of(&asking.caller).map(|member| member.id);
        hosted.group.state().roster.iter().any(|member| Some(member.id) != own)
    }

    /// The group is no more from now on; its members are told.
    fn dissolve(&mut self, now: Instant, asking: &Asking) {
        let unix = self.engine.unix_time(now);
        let Some(hosted) = self.groups.get_mut(asking.group) else { return };
        let event = hosted.group.dissolve(unix, &asking.caller);
        let by = event.actor;
        let is_unserved = |member: &&Member| Some(member.id) != by && !hosted.delivery.serves(member.id);
        let roster = hosted.group.state().roster.iter();
        let notices: Vec<Notice> =
            roster.filter(is_unserved).map(|member| hosted.group.farewell(member, by)).collect();
        let patience = if notices.is_empty() { Duration::ZERO } else { FAREWELL_IN_PRIVATE };
        hosted.farewell_until = now + patience;
        self.farewells.set(asking.group, now + FAREWELL_MAX);
        self.record(now, asking.group, vec![event], None);
        self.tell_all(now, asking.group, Outcome { notices, ..Outcome::default() }, None);
    }

    /// A group that was no more when the node ended goes on telling its members.
    pub(super) fn resume_farewell(&mut self, now: Instant, group: GroupId) {
        let Some(hosted) = self.groups.get_mut(group).filter(|hosted| !hosted.is_open()) else { return };
        hosted.is_closed = true;
        self.farewells.set(group, now + FAREWELL_MAX);
        self.note_told(now, group);
    }

    /// A copy has ended: if it was the last one of a group that is no more, that is erased soon.
    pub(super) fn note_told(&mut self, now: Instant, group: GroupId) {
        let Some(hosted) = self.groups.get(group).filter(|hosted| !hosted.is_open()) else { return };
        if hosted.delivery.pending() == 0 {
            self.farewells.set(group, now.max(hosted.farewell_until));
        }
    }

    /// Erases the groups of which everybody knows that they are no more, or whose time for that is over.
    pub(super) fn erase_due(&mut self, now: Instant) {
        while let Some(group) = self.farewells.pop_due(now) {
            self.erase_group(now, group);
        }
    }

    fn erase_group(&mut self, now: Instant, group: GroupId) {
        let Some(hosted) = self.groups.remove(group) else { return };
        self.farewells.cancel(&group);
        self.announces.forget(group);
        self.retention.forget(group);
        self.shelf.forget(group);
        self.untold.retain(|(_, of)| *of != group);
        let addresses = hosted.addresses;
        for person in hosted.present.into_values() {
            self.release_person(person, group, addresses.lxmf);
        }
        if let Some(serving) = &mut self.serving {
            serving.node.remove_ours(&addresses.lxmf);
        }
        self.router.remove_delivery(now, &mut self.engine, &addresses.lxmf);
        self.engine.remove_destination(&addresses.api);
        self.write(Write::DeleteGroup { group, delivery: addresses.lxmf });
        self.after_commit(now, After::EraseIdentity(group));
    }
}
