//! Tunnels (`spec/reticulum.md` 5.10): we tell who we are on interfaces that we connect with, and remember who told us.

use std::sync::Arc;

use super::work::{Job, TellTunnelJob};
use super::{InterfaceId, Node, Priority};
use crate::hash::sha256;
use crate::time::Instant;
use crate::transport::{TunnelId, tunnel_destination};
use crate::wire::{Context, Packet};

impl Node {
    /// An interface is attached, or up again: tells our tunnel over it, if that is one of those that do.
    pub(super) fn tell_tunnel(&mut self, id: InterfaceId) {
        let Some(interface) = self.transport.interfaces.up(id) else { return };
        if interface.config.tells_tunnel {
            let hash = sha256(interface.config.name.as_bytes());
            let (identity, random) = (Arc::clone(&self.identity), self.rng.bytes());
            self.submit(Job::TellTunnel(TellTunnelJob { identity, interface: id, hash, random }));
        }
    }

    /// What tells our tunnel is signed.
    pub(super) fn finish_tell_tunnel(&mut self, now: Instant, id: InterfaceId, body: &[u8]) {
        let packet = Packet::plain(tunnel_destination(), Context::NONE, body);
        self.transport.transmit_on(now, id, packet, Priority::Link, &mut self.counters);
    }

    /// Somebody tells a tunnel. Only who forwards for others has use for it.
    pub(super) fn hear_tunnel(&mut self, id: InterfaceId, body: &[u8]) {
        if !self.transport.forwards() {
            self.counters.tunnel_ignored += 1;
        } else {
            self.submit(Job::HearTunnel(id, body.to_vec()));
        }
    }

    /// A tunnel that somebody told was checked.
    pub(super) fn finish_hear_tunnel(&mut self, now: Instant, id: InterfaceId, tunnel: Option<TunnelId>) {
        match tunnel {
            Some(tunnel) if self.transport.interfaces.interface(id).is_some() => {
                self.transport.bind_tunnel(now, tunnel, id);
            }
            Some(_) => self.counters.frame_interface_down += 1,
            None => self.counters.tunnel_forged += 1,
        }
    }
}
