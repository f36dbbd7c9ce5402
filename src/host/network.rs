//! What the staff asks of the network: that the group is announced, and how a member is reached.

use reticulum::hash::DestinationHash;
use reticulum::time::Instant;

use super::{Asking, Host};
use crate::api::{self, NetworkCall};
use crate::group::{Asks, GroupId, MemberId, Way};

impl Host {
    /// Does what a text asked of the node, or tells what only the node knows.
    pub(super) fn ask_node(&mut self, now: Instant, group: GroupId, to: DestinationHash, asks: Asks) {
        let language = |host: &Self| {
            let person = host.engine.peer(&to).map(|peer| peer.identity.hash());
            let hosted = host.groups.get(group)?;
            Some(person.map_or(hosted.group.settings().language, |person| hosted.group.language_for(person)))
        };
        let Some(language) = language(self) else { return };
        let text = match asks {
            Asks::Announce => {
                self.announce_group(now, group);
                self.groups.get(group).map(|hosted| hosted.group.announced_text(language))
            }
            Asks::Path(member) => {
                let way = self.way_to_member(now, group, member).unwrap_or_default();
                self.groups.get(group).map(|hosted| hosted.group.path_text(language, member, &way))
            }
            Asks::Delivery(_) | Asks::Missed => return self.ask_ledger(group, to, asks),
        };
        if let Some(text) = text {
            self.tell(now, group, to, text);
        }
    }

    /// As [`Self::ask_node`], for a call.
    pub(super) fn network_call(&mut self, now: Instant, asking: &Asking, call: NetworkCall) {
        let Asking { asker, group, .. } = *asking;
        let answer = match call {
            NetworkCall::Announce => api::announced(self.announce_group(now, group)),
            NetworkCall::Path(member) => {
                api::path(&self.way_to_member(now, group, member).unwrap_or_default())
            }
        };
        self.answer_after_commit(now, asker, answer);
    }

    /// Has a group announced, now or as soon as that may be again. Not one that is not to be: then it is false.
    fn announce_group(&mut self, now: Instant, group: GroupId) -> bool {
        let is_announced = self.groups.get(group).is_some_and(|hosted| hosted.group.settings().announced);
        if is_announced {
            self.announces.news(now, group);
        }
        is_announced
    }

    /// How a member is reached; without a path, one is asked for.
    fn way_to_member(&mut self, now: Instant, group: GroupId, member: MemberId) -> Option<Way> {
        let roster = &self.groups.get(group)?.group.state().roster;
        let address = roster.by_id(member)?.address;
        let way = self.way_to(&address);
        if way.hops.is_none() {
            self.engine.request_path(now, address);
        }
        Some(way)
    }

    /// How somebody is reached, as far as it is known.
    pub(super) fn way_to(&self, address: &DestinationHash) -> Way {
        let Some(path) = self.engine.path(address) else { return Way::default() };
        let interface = self.engine.interface_config(path.interface).map(|config| config.name.clone());
        Way { hops: Some(path.hops), interface: interface.unwrap_or_default() }
    }
}
