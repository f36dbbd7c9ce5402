//! Paths that outlive their interface: joins `paths`, `tunnels` and `dormant` (`spec/reticulum.md` 5.10).

use super::paths::SavedPath;
use super::{Heard, Place, Transport, TunnelId};
use crate::hash::DestinationHash;
use crate::node::InterfaceId;
use crate::time::Instant;

impl Transport {
    /// An interface was attached: what is remembered of one with its name leads over it again.
    pub(crate) fn wake_interface(&mut self, now: Instant, id: InterfaceId) {
        if let Some(place) = self.place(id) {
            self.wake(now, place, id);
        }
    }

    /// A tunnel leads over an interface now: what is remembered of it does, too, and what led over another interface.
    pub(crate) fn bind_tunnel(&mut self, now: Instant, tunnel: TunnelId, id: InterfaceId) {
        let place = Place::Tunnel(tunnel);
        if let Some(before) = self.tunnels.bind(now, tunnel, id) {
            let moved = self.paths.remove_interface(before);
            self.dormant.keep(now, place, moved);
        }
        self.wake(now, place, id);
    }

    /// Remembers the paths over an interface that goes away.
    pub(super) fn put_to_sleep(&mut self, now: Instant, id: InterfaceId) {
        let place = self.place(id);
        self.tunnels.remove_interface(id);
        let paths = self.paths.remove_interface(id);
        if let Some(place) = place {
            self.dormant.keep(now, place, paths);
        }
    }

    /// Remembers a path of before the start, until its place is there.
    pub(crate) fn add_dormant(
        &mut self,
        now: Instant,
        place: Place,
        destination: DestinationHash,
        path: SavedPath,
    ) {
        self.dormant.keep(now, place, [(destination, path)]);
    }

    /// All paths, also those whose interface is away, with where they lead.
    pub(crate) fn saved_paths(&self) -> impl Iterator<Item = (DestinationHash, Place, SavedPath)> {
        let awake = self.paths.saved();
        let awake = awake.filter_map(|(destination, id, path)| Some((destination, self.place(id)?, path)));
        awake.chain(
            self.dormant.iter().map(|(place, (destination, path))| (*destination, place, path.clone())),
        )
    }

    fn wake(&mut self, now: Instant, place: Place, id: InterfaceId) {
        let Some(interface) = self.interfaces.interface(id) else { return };
        let (mode, gravity) = (interface.config.mode, interface.config.rules.gravity);
        for (destination, path) in self.dormant.wake(place) {
            let Some(blob) = path.blobs.last().copied() else { continue };
            let heard = Heard {
                hops: path.hops,
                interface: id,
                next_hop: path.next_hop,
                blob,
                gravity,
                lifetime: mode.path_lifetime(),
            };
            let retained = self.peers.is_retained(&destination);
            self.paths.restore(now, destination, path, &heard, retained);
        }
    }

    /// Where paths over an interface lead. Those to and through programs on this machine end with the connection: who
    /// comes back tells them anew, and the shared instance may be another one then (`spec/reticulum.md` 5.11).
    fn place(&self, id: InterfaceId) -> Option<Place> {
        let config = &self.interfaces.interface(id)?.config;
        if config.is_on_this_machine() {
            return None;
        }
        let name = &config.name;
        Some(self.tunnels.tunnel(id).map_or_else(|| Place::of_interface(name), Place::Tunnel))
    }
}
