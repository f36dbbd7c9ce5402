//! Deleting a group: it is closed, exported, and only then erased. Until the export is on disk it can still be opened again.

use reticulum::time::Instant;

use super::{After, Asked, Asking, Host, Output, QueryId, Rows};
use crate::api;
use crate::group::GroupId;
use crate::store::Write;

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
        self.erase_group(now, asking.group);
        self.answer_after_commit(now, asking.asker, api::group_deleted(&asking.caller, &file));
    }

    fn erase_group(&mut self, now: Instant, group: GroupId) {
        let Some(hosted) = self.groups.remove(group) else { return };
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
