//! Tunnels: which interface leads to whom, told by who connects to us (`spec/reticulum.md` 5.10).
//!
//! Owns the layout of the packet and the binding of tunnels to interfaces; the paths that come back are in `dormant`. At
//! most `max` tunnels, for 8 hours each; the one that ends first makes room.

use std::collections::HashMap;
use std::time::Duration;

use crate::crypto::{Identity, PublicIdentity, halves, verify_ed25519};
use crate::hash::{DestinationHash, sha256_of};
use crate::node::InterfaceId;
use crate::time::{Instant, TimerQueue};

/// How long a tunnel is known without being told again (`spec/reticulum.md` 1.3).
const LIFETIME: Duration = Duration::from_secs(8 * 3600);
/// Public key, hash of the interface, random bytes; the signature follows.
const SIGNED_LEN: usize = 64 + 32 + 16;

/// Names a tunnel.
pub(crate) type TunnelId = [u8; 32];

/// The plain destination to which tunnels are told (`spec/reticulum.md` 2.2).
pub(crate) fn tunnel_destination() -> DestinationHash {
    const HASH: [u8; 16] = 0x91bf_0910_267b_59b0_e864_e0d4_c916_02ca_u128.to_be_bytes();
    DestinationHash::new(HASH)
}

/// The body of the packet that tells a tunnel over the interface with the hash `interface`.
pub(crate) fn tell(identity: &Identity, interface: &[u8; 32], random: &[u8; 16]) -> Vec<u8> {
    let signed = [&identity.public().to_bytes()[..], interface, random].concat();
    let signature = identity.sign(&signed);
    [&signed[..], &signature].concat()
}

/// The tunnel that a body tells; none if it has another length, or a signature that is not its key's.
pub(crate) fn verify(body: &[u8]) -> Option<TunnelId> {
    let (signed, signature) = body.split_at_checked(SIGNED_LEN)?;
    let (public, rest) = signed.split_first_chunk::<64>()?;
    let (interface, _) = rest.split_first_chunk::<32>()?;
    let (x25519, ed25519) = halves(public);
    let valid = verify_ed25519(&ed25519, signed, signature.try_into().ok()?);
    valid.then(|| {
        let identity = PublicIdentity::from_halves(x25519, ed25519);
        sha256_of(&[&identity.to_bytes(), interface])
    })
}

/// The table.
#[derive(Debug)]
pub(crate) struct Tunnels {
    by_id: HashMap<TunnelId, InterfaceId>,
    by_interface: HashMap<InterfaceId, TunnelId>,
    ends: TimerQueue<TunnelId>,
    max: usize,
}

impl Tunnels {
    /// At most `max` tunnels.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            by_id: HashMap::new(),
            by_interface: HashMap::new(),
            ends: TimerQueue::default(),
            max: max.max(1),
        }
    }

    /// A tunnel leads over `interface` now; where it led before, if that is another one.
    pub(crate) fn bind(
        &mut self,
        now: Instant,
        tunnel: TunnelId,
        interface: InterfaceId,
    ) -> Option<InterfaceId> {
        if !self.by_id.contains_key(&tunnel)
            && self.by_id.len() >= self.max
            && let Some(first) = self.ends.pop_due(Instant::from_micros(u64::MAX))
        {
            self.forget(&first);
        }
        if let Some(other) = self.by_interface.insert(interface, tunnel).filter(|other| *other != tunnel) {
            self.by_id.remove(&other);
            self.ends.cancel(&other);
        }
        self.ends.set(tunnel, now + LIFETIME);
        let before = self.by_id.insert(tunnel, interface).filter(|before| *before != interface);
        if let Some(before) = before {
            self.by_interface.remove(&before);
        }
        before
    }

    /// The tunnel over `interface`.
    pub(crate) fn tunnel(&self, interface: InterfaceId) -> Option<TunnelId> {
        self.by_interface.get(&interface).copied()
    }

    /// An interface is gone; which tunnel led over it.
    pub(crate) fn remove_interface(&mut self, interface: InterfaceId) -> Option<TunnelId> {
        let tunnel = self.by_interface.remove(&interface)?;
        self.by_id.remove(&tunnel);
        self.ends.cancel(&tunnel);
        Some(tunnel)
    }

    /// Forgets what was not told again.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(tunnel) = self.ends.pop_due(now) {
            self.forget(&tunnel);
        }
    }

    /// When the next tunnel ends.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.ends.next_deadline()
    }

    /// Number of tunnels.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    fn forget(&mut self, tunnel: &TunnelId) {
        if let Some(interface) = self.by_id.remove(tunnel) {
            self.by_interface.remove(&interface);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Rng;
    use crate::hash::NameHash;

    const A: InterfaceId = InterfaceId(1);
    const B: InterfaceId = InterfaceId(2);

    #[test]
    fn the_destination_is_the_one_of_its_name() {
        let name = NameHash::of_name("rnstransport.tunnel.synthesize");
        assert_eq!(tunnel_destination(), DestinationHash::of_plain(name));
    }

    #[test]
    fn what_is_told_is_believed_if_nothing_was_changed() {
        let identity = Identity::generate(&mut Rng::from_seed([1; 32]));
        let body = tell(&identity, &[2; 32], &[3; 16]);
        assert_eq!(body.len(), 176);
        let expected = sha256_of(&[&identity.public().to_bytes(), &[2; 32]]);
        assert_eq!(verify(&body), Some(expected));
        assert_eq!(verify(&tell(&identity, &[2; 32], &[4; 16])), Some(expected), "the same tunnel");
        for at in [0, 63, 64, 95, 96, 111, 112, 175] {
            let mut changed = body.clone();
            changed[at] ^= 1;
            assert_eq!(verify(&changed), None, "byte {at}");
        }
        for len in [0, 111, 112, 175] {
            assert_eq!(verify(&body[..len]), None);
        }
        assert_eq!(verify(&[&body[..], &[0]].concat()), None);
    }

    #[test]
    fn a_tunnel_moves_and_an_interface_has_one() {
        let mut tunnels = Tunnels::new(10);
        assert_eq!(tunnels.bind(Instant::ZERO, [1; 32], A), None);
        assert_eq!(tunnels.bind(Instant::ZERO, [1; 32], A), None, "told again");
        assert_eq!(tunnels.bind(Instant::ZERO, [1; 32], B), Some(A));
        assert_eq!((tunnels.tunnel(A), tunnels.tunnel(B)), (None, Some([1; 32])));
        tunnels.bind(Instant::ZERO, [2; 32], B);
        assert_eq!(tunnels.tunnel(B), Some([2; 32]));
        assert_eq!((tunnels.by_id.len(), tunnels.ends.len()), (1, 1));
        assert_eq!(tunnels.remove_interface(B), Some([2; 32]));
        assert_eq!((tunnels.by_id.len(), tunnels.by_interface.len(), tunnels.ends.len()), (0, 0, 0));
    }

    #[test]
    fn tunnels_end_and_are_bounded() {
        let mut tunnels = Tunnels::new(3);
        for n in 0..20 {
            tunnels.bind(Instant::from_micros(n), [n as u8; 32], InterfaceId(n as u32));
        }
        assert_eq!((tunnels.by_id.len(), tunnels.by_interface.len(), tunnels.ends.len()), (3, 3, 3));
        assert_eq!(tunnels.tunnel(InterfaceId(19)), Some([19; 32]));
        tunnels.handle_timeout(Instant::from_micros(19) + LIFETIME);
        assert_eq!((tunnels.by_id.len(), tunnels.by_interface.len()), (0, 0));
        assert_eq!(tunnels.poll_timeout(), None);
    }
}
