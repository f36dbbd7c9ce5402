//! What the network interfaces of one automatic interface know of each other: which addresses are ours, which of them
//! carries which neighbour, and which packets came in on another one a moment ago (interfaces.md section 12).

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::Ipv6Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::AutoSettings;
use crate::Notice;

/// Neighbours of one automatic interface; a further one is refused and counted. Addresses cost a stranger nothing.
pub(crate) const PEERS_MAX: usize = 256;
/// A packet that comes in on two network interfaces within this time is taken once …
const REPEAT_WITHIN: Duration = Duration::from_millis(750);
/// … if no more than this many others came between.
const RECENT_MAX: usize = 48;

/// See the module.
pub(crate) struct Shared {
    pub(crate) interface: usize,
    pub(crate) settings: AutoSettings,
    pub(crate) notices: mpsc::Sender<Notice>,
    refused: Arc<AtomicU64>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    own: HashSet<Ipv6Addr>,
    /// The network interface that carries each neighbour.
    carriers: HashMap<Ipv6Addr, u32>,
    /// Network interfaces on which our own multicasts are not heard.
    deaf: HashMap<u32, String>,
    recent: Recent,
}

impl Shared {
    pub(crate) fn new(
        interface: usize,
        settings: AutoSettings,
        notices: mpsc::Sender<Notice>,
        refused: Arc<AtomicU64>,
    ) -> Self {
        Self { interface, settings, notices, refused, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each use leaves the state whole, so a thread that panicked elsewhere did no harm.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells which addresses the machine has.
    pub(crate) fn set_own(&self, own: HashSet<Ipv6Addr>) {
        self.state().own = own;
    }

    pub(crate) fn is_own(&self, address: Ipv6Addr) -> bool {
        self.state().own.contains(&address)
    }

    /// Whether the network interface `index` may carry this neighbour: no other does, and there is room.
    pub(crate) fn claim(&self, address: Ipv6Addr, index: u32) -> bool {
        let mut state = self.state();
        let full = state.carriers.len() >= PEERS_MAX;
        match state.carriers.get(&address) {
            Some(carrier) => *carrier == index,
            None if full => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                false
            }
            None => {
                state.carriers.insert(address, index);
                true
            }
        }
    }

    /// A neighbour is gone.
    pub(crate) fn release(&self, address: Ipv6Addr) {
        self.state().carriers.remove(&address);
    }

    /// Tells whether our own multicasts are heard on a network interface.
    pub(crate) fn set_deaf(&self, index: u32, name: &str, deaf: bool) {
        let mut state = self.state();
        match deaf {
            true => drop(state.deaf.insert(index, name.to_owned())),
            false => drop(state.deaf.remove(&index)),
        }
    }

    /// A network interface on which nothing is heard, unless neighbours are.
    pub(crate) fn deaf(&self) -> Option<String> {
        let state = self.state();
        state.deaf.values().next().filter(|_| state.carriers.is_empty()).cloned()
    }

    /// Whether this packet came in on another network interface a moment ago.
    pub(crate) fn is_repeated(&self, now: Instant, index: u32, packet: &[u8]) -> bool {
        let mut state = self.state();
        state.own.len() > 1 && state.recent.is_repeated(now, index, packet)
    }
}

/// The latest packets.
#[derive(Default)]
struct Recent {
    hasher: RandomState,
    packets: VecDeque<(u64, u32, Instant)>,
}

impl Recent {
    fn is_repeated(&mut self, now: Instant, index: u32, packet: &[u8]) -> bool {
        let hash = self.hasher.hash_one(packet);
        let mut alike =
            self.packets.iter().filter(|(seen, _, at)| *seen == hash && now < *at + REPEAT_WITHIN);
        if alike.any(|(_, on, _)| *on != index) {
            return true;
        }
        if self.packets.len() == RECENT_MAX {
            self.packets.pop_front();
        }
        self.packets.push_back((hash, index, now));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared() -> Shared {
        Shared::new(0, AutoSettings::default(), mpsc::channel(1).0, Arc::default())
    }

    #[test]
    fn a_neighbour_is_carried_by_one_network_interface() {
        let shared = shared();
        let address = "fe80::1".parse().unwrap();
        assert!(shared.claim(address, 2) && shared.claim(address, 2) && !shared.claim(address, 3));
        shared.release(address);
        assert!(shared.claim(address, 3));
    }

    #[test]
    fn neighbours_beyond_the_bound_are_refused_and_counted() {
        let shared = shared();
        let address = |n: usize| Ipv6Addr::from((0xfe80 << 112) + n as u128);
        assert!((0..PEERS_MAX).all(|n| shared.claim(address(n), 2)));
        assert!(!shared.claim(address(PEERS_MAX), 2) && shared.claim(address(0), 2));
        assert_eq!(shared.refused.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_packet_counts_once_on_two_network_interfaces_and_twice_on_one() {
        let now = Instant::now();
        let late = now + REPEAT_WITHIN;
        let mut recent = Recent::default();
        assert!(!recent.is_repeated(now, 2, b"a"));
        assert!(!recent.is_repeated(now, 2, b"a"), "a sender that says it twice means it");
        assert!(recent.is_repeated(now, 3, b"a"));
        assert!(!recent.is_repeated(now, 3, b"b"));
        assert!(!recent.is_repeated(late, 3, b"a"), "long ago");
        (0..RECENT_MAX as u8).for_each(|n| assert!(!recent.is_repeated(late, 2, &[n])));
        assert!(!recent.is_repeated(late, 2, b"a") && recent.packets.len() == RECENT_MAX);
    }
}
