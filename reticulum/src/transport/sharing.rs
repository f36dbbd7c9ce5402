//! The network that programs on this machine have through us (`spec/reticulum.md` 5.11): who they are, and the plain packets
//! that pass to and from them. What else they get is in `spreading`, and `node::forwarding` carries their packets.

use super::Transport;
use crate::hash::DestinationHash;
use crate::node::{Counters, InterfaceId, Priority};
use crate::time::Instant;

impl Transport {
    /// Whether an interface leads to a program that shares this node.
    pub(crate) fn is_local_client(&self, id: InterfaceId) -> bool {
        self.interfaces.has_local_clients()
            && self.interfaces.up(id).is_some_and(|interface| interface.config.is_local_client)
    }

    /// Whether the path to a destination does.
    pub(crate) fn leads_to_local_client(&self, destination: &DestinationHash) -> bool {
        self.interfaces.has_local_clients()
            && self.paths.path(destination).is_some_and(|path| self.is_local_client(path.interface))
    }

    /// Passes a plain packet on as it came: what a program sends to everywhere else, what the network sends to all
    /// programs. Whether it is either.
    pub(crate) fn share_plain(
        &mut self,
        now: Instant,
        from: InterfaceId,
        frame: &[u8],
        counters: &mut Counters,
    ) -> bool {
        if !self.interfaces.has_local_clients() {
            return false;
        }
        let everywhere = self.is_local_client(from);
        let targets = self
            .interfaces
            .all_up()
            .filter(|(id, interface)| *id != from && (everywhere || interface.config.is_local_client));
        let targets: Vec<InterfaceId> = targets.map(|(id, _)| id).collect();
        for id in targets {
            self.interfaces.push(now, id, frame.to_vec(), Priority::Message, counters);
        }
        true
    }
}
