//! Links of others that pass through us: the link table (`spec/reticulum.md` 5.4, 5.5, 5.8, 5.9).
//!
//! A link is established once its proof has come back and was found valid; until then nothing passes on it. At most
//! `max` links are kept, about 250 bytes each. Those that are not established have bounds of their own, see
//! [`HalfOpen`]; of the others one that was silent for long makes room.

use std::collections::HashMap;
use std::time::Duration;

use super::half_open::HalfOpen;
use crate::hash::{DestinationHash, LinkId};
use crate::node::InterfaceId;
use crate::time::{Instant, TimerQueue};

/// How long an established link may be silent (`spec/reticulum.md` 1.3).
const LIFETIME: Duration = Duration::from_secs(900);
/// Proofs of one link that are verified at a time: a forger must not lock the true one out, nor cost much.
const VERIFYING_MAX: u8 = 4;
/// Links that are looked at to find one that was silent for long.
const EVICTION_TRIES: usize = 8;

/// A link request that is forwarded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkWay {
    /// The destination at the responder's end.
    pub(crate) destination: DestinationHash,
    /// Where the responder is.
    pub(crate) ahead: InterfaceId,
    /// How many hops it is away.
    pub(crate) ahead_hops: u8,
    /// Where the initiator is.
    pub(crate) back: InterfaceId,
    /// How many hops it is away.
    pub(crate) back_hops: u8,
    /// Until when its proof must have come.
    pub(crate) proof_until: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Relay {
    way: LinkWay,
    established: bool,
    verifying: u8,
    /// When it is given up. The timer may be earlier: it is set anew when it comes.
    until: Instant,
}

/// Why nothing passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RelayRefusal {
    /// No such link passes through us.
    Unknown,
    /// Its proof has not come.
    NotEstablished,
    /// From an interface, or from so many hops away, that it cannot be one of its ends.
    WrongWay,
    /// Enough proofs of this link are being verified.
    Busy,
}

/// A valid proof, and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Established {
    /// Where the initiator is.
    pub(crate) back: InterfaceId,
    /// Whose path has another number of hops than we knew.
    pub(crate) moved: Option<DestinationHash>,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Relays {
    relays: HashMap<LinkId, Relay>,
    half_open: HalfOpen,
    timers: TimerQueue<LinkId>,
    max: usize,
}

impl Relays {
    /// A table of at most `max` links, of which `half_open_max` are not established, and `half_open_max_on` of these came
    /// from one interface.
    pub(crate) fn new(max: usize, half_open_max: usize, half_open_max_on: usize) -> Self {
        Self {
            relays: HashMap::new(),
            half_open: HalfOpen::new(half_open_max, half_open_max_on),
            timers: TimerQueue::default(),
            max: max.max(1),
        }
    }

    /// Whether a link passes through us.
    pub(crate) fn contains(&self, link: &LinkId) -> bool {
        self.relays.contains_key(link)
    }

    /// Adds a link whose request is forwarded, and which is not in the table. Returns how many made room.
    pub(crate) fn insert(&mut self, link: LinkId, way: LinkWay) -> u32 {
        let mut evicted = 0;
        if self.relays.len() >= self.max {
            self.evict();
            evicted += 1;
        }
        self.timers.set(link, way.proof_until);
        self.relays.insert(link, Relay { way, established: false, verifying: 0, until: way.proof_until });
        if let Some(oldest) = self.half_open.insert(way.back, link) {
            self.remove(&oldest);
            evicted += 1;
        }
        evicted
    }

    /// Where a packet on a link goes that came from `interface` with `hops` (`spec/reticulum.md` 5.5).
    pub(crate) fn way(
        &self,
        link: &LinkId,
        interface: InterfaceId,
        hops: u8,
    ) -> Result<InterfaceId, RelayRefusal> {
        let Relay { way, established, .. } = self.relays.get(link).ok_or(RelayRefusal::Unknown)?;
        if !established {
            return Err(RelayRefusal::NotEstablished);
        }
        if interface == way.ahead && hops == way.ahead_hops {
            Ok(way.back)
        } else if interface == way.back && hops == way.back_hops {
            Ok(way.ahead)
        } else {
            Err(RelayRefusal::WrongWay)
        }
    }

    /// Notes that a packet was relayed.
    pub(crate) fn touch(&mut self, now: Instant, link: &LinkId) {
        if let Some(relay) = self.relays.get_mut(link) {
            relay.until = now + LIFETIME;
        }
    }

    /// Whose signature the proof of a link must have, if it may come from `interface` with `hops`.
    pub(crate) fn signer(
        &self,
        link: &LinkId,
        interface: InterfaceId,
        hops: u8,
    ) -> Result<DestinationHash, RelayRefusal> {
        let relay = self.relays.get(link).ok_or(RelayRefusal::Unknown)?;
        if relay.accepts_proof(interface, hops) {
            Ok(relay.way.destination)
        } else {
            Err(RelayRefusal::WrongWay)
        }
    }

    /// Counts a proof that is being verified. Each one must come back to [`Self::finish_proof`].
    pub(crate) fn begin_proof(&mut self, link: &LinkId) -> Result<(), RelayRefusal> {
        let relay = self.relays.get_mut(link).ok_or(RelayRefusal::Unknown)?;
        if relay.verifying >= VERIFYING_MAX {
            return Err(RelayRefusal::Busy);
        }
        relay.verifying += 1;
        Ok(())
    }

    /// Takes the verdict on the proof of a link.
    pub(crate) fn finish_proof(
        &mut self,
        now: Instant,
        link: &LinkId,
        interface: InterfaceId,
        hops: u8,
        valid: bool,
    ) -> Option<Established> {
        let relay = self.relays.get_mut(link)?;
        relay.verifying = relay.verifying.saturating_sub(1);
        // Another proof may have come first.
        if !valid || !relay.accepts_proof(interface, hops) {
            return None;
        }
        let moved = (hops != relay.way.ahead_hops).then_some(relay.way.destination);
        relay.way.ahead_hops = hops;
        relay.until = now + LIFETIME;
        let back = relay.way.back;
        if !relay.established {
            relay.established = true;
            self.half_open.remove(back, link);
            self.timers.set(*link, now + LIFETIME);
        }
        Some(Established { back, moved })
    }

    /// Forgets the links over an interface that is gone.
    pub(crate) fn remove_interface(&mut self, interface: InterfaceId) {
        self.remove_if(|way| way.ahead == interface || way.back == interface);
    }

    /// Forgets the links to a destination.
    pub(crate) fn remove_destination(&mut self, destination: &DestinationHash) {
        self.remove_if(|way| way.destination == *destination);
    }

    /// Forgets what has ended. Returns the next link whose request nobody answered.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<LinkWay> {
        while let Some(link) = self.timers.pop_due(now) {
            let Some(relay) = self.relays.get(&link) else { continue };
            if relay.until > now {
                self.timers.set(link, relay.until);
                continue;
            }
            let (way, established) = (relay.way, relay.established);
            self.remove(&link);
            if !established {
                return Some(way);
            }
        }
        None
    }

    /// When the next link may have ended.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// How many of them are established.
    pub(crate) fn established(&self) -> usize {
        self.relays.values().filter(|relay| relay.established).count()
    }

    /// Number of links.
    pub(crate) fn len(&self) -> usize {
        self.relays.len()
    }

    fn remove_if(&mut self, goes: impl Fn(&LinkWay) -> bool) {
        let gone = self.relays.iter().filter(|(_, relay)| goes(&relay.way));
        let gone: Vec<LinkId> = gone.map(|(link, _)| *link).collect();
        gone.iter().for_each(|link| self.remove(link));
    }

    fn remove(&mut self, link: &LinkId) {
        if let Some(relay) = self.relays.remove(link) {
            self.half_open.remove(relay.way.back, link);
            self.timers.cancel(link);
        }
    }

    /// Removes the link that ends first, as far as a few looks tell: timers are not moved for each packet.
    fn evict(&mut self) {
        for tries_left in (0..EVICTION_TRIES).rev() {
            let Some(link) = self.timers.pop_due(Instant::from_micros(u64::MAX)) else { return };
            match self.relays.get(&link).map(|relay| relay.until) {
                Some(until)
                    if tries_left > 0 && self.timers.next_deadline().is_some_and(|next| until > next) =>
                {
                    self.timers.set(link, until);
                }
                _ => return self.remove(&link),
            }
        }
    }
}

impl Relay {
    /// From where the responder is; from another distance than we knew only as long as that can be corrected.
    fn accepts_proof(&self, interface: InterfaceId, hops: u8) -> bool {
        interface == self.way.ahead && (hops == self.way.ahead_hops || !self.established)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: DestinationHash = DestinationHash::new([9; 16]);
    const BACK: InterfaceId = InterfaceId(1);
    const AHEAD: InterfaceId = InterfaceId(2);
    const ELSEWHERE: InterfaceId = InterfaceId(3);

    fn at(s: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(s)
    }

    fn link(n: u16) -> LinkId {
        LinkId::of(&[&n.to_be_bytes()])
    }

    fn way() -> LinkWay {
        LinkWay {
            destination: TO,
            ahead: AHEAD,
            ahead_hops: 2,
            back: BACK,
            back_hops: 3,
            proof_until: at(12),
        }
    }

    fn table() -> Relays {
        Relays::new(100, 50, 20)
    }

    fn established(relays: &mut Relays, n: u16, way: LinkWay) {
        relays.insert(link(n), way);
        relays.begin_proof(&link(n)).unwrap();
        relays.finish_proof(at(1), &link(n), way.ahead, way.ahead_hops, true).unwrap();
    }

    #[test]
    fn nothing_passes_before_the_proof() {
        let mut relays = table();
        relays.insert(link(1), way());
        assert_eq!(relays.way(&link(1), BACK, 3), Err(RelayRefusal::NotEstablished));
        assert_eq!(relays.way(&link(2), BACK, 3), Err(RelayRefusal::Unknown));
        relays.begin_proof(&link(1)).unwrap();
        assert_eq!(relays.finish_proof(at(1), &link(1), AHEAD, 2, false), None, "forged");
        assert_eq!(relays.way(&link(1), BACK, 3), Err(RelayRefusal::NotEstablished));
    }

    #[test]
    fn between_two_interfaces_each_end_keeps_to_its_own_and_to_its_distance() {
        let mut relays = table();
        established(&mut relays, 1, way());
        assert_eq!(relays.way(&link(1), BACK, 3), Ok(AHEAD));
        assert_eq!(relays.way(&link(1), AHEAD, 2), Ok(BACK));
        for (interface, hops) in
            [(BACK, 2), (AHEAD, 3), (BACK, 4), (AHEAD, 1), (ELSEWHERE, 2), (ELSEWHERE, 3)]
        {
            assert_eq!(
                relays.way(&link(1), interface, hops),
                Err(RelayRefusal::WrongWay),
                "{interface} {hops}"
            );
        }
    }

    #[test]
    fn on_one_interface_either_distance_passes() {
        let mut relays = table();
        established(&mut relays, 1, LinkWay { ahead: BACK, ..way() });
        assert_eq!(relays.way(&link(1), BACK, 2), Ok(BACK));
        assert_eq!(relays.way(&link(1), BACK, 3), Ok(BACK));
        assert_eq!(relays.way(&link(1), BACK, 4), Err(RelayRefusal::WrongWay));
    }

    #[test]
    fn a_proof_from_another_distance_moves_the_path_until_the_link_is_established() {
        let mut relays = table();
        relays.insert(link(1), way());
        assert_eq!(relays.signer(&link(1), BACK, 2), Err(RelayRefusal::WrongWay));
        assert_eq!(relays.signer(&link(1), AHEAD, 5), Ok(TO));
        relays.begin_proof(&link(1)).unwrap();
        let moved = relays.finish_proof(at(1), &link(1), AHEAD, 5, true);
        assert_eq!(moved, Some(Established { back: BACK, moved: Some(TO) }));
        assert_eq!(relays.way(&link(1), AHEAD, 5), Ok(BACK));
        assert_eq!(relays.signer(&link(1), AHEAD, 2), Err(RelayRefusal::WrongWay), "settled by now");
        assert_eq!(relays.signer(&link(1), AHEAD, 5), Ok(TO));
        relays.begin_proof(&link(1)).unwrap();
        let again = relays.finish_proof(at(1), &link(1), AHEAD, 5, true);
        assert_eq!(again, Some(Established { back: BACK, moved: None }));
    }

    #[test]
    fn of_two_proofs_under_verification_the_first_valid_one_decides() {
        let mut relays = table();
        relays.insert(link(1), way());
        relays.begin_proof(&link(1)).unwrap();
        relays.begin_proof(&link(1)).unwrap();
        assert!(relays.finish_proof(at(1), &link(1), AHEAD, 5, true).is_some());
        assert_eq!(relays.finish_proof(at(1), &link(1), AHEAD, 4, true), None);
    }

    #[test]
    fn few_proofs_of_a_link_are_verified_at_a_time() {
        let mut relays = table();
        relays.insert(link(1), way());
        for _ in 0..VERIFYING_MAX {
            relays.begin_proof(&link(1)).unwrap();
        }
        assert_eq!(relays.begin_proof(&link(1)), Err(RelayRefusal::Busy));
        relays.finish_proof(at(1), &link(1), AHEAD, 2, false);
        assert!(relays.begin_proof(&link(1)).is_ok());
    }

    #[test]
    fn an_unanswered_request_ends_at_its_deadline_and_is_told() {
        let mut relays = table();
        relays.insert(link(1), way());
        assert_eq!(relays.poll_timeout(), Some(at(12)));
        assert!(relays.handle_timeout(at(11)).is_none());
        assert_eq!(relays.handle_timeout(at(12)).map(|way| way.destination), Some(TO));
        assert_eq!((relays.len(), relays.poll_timeout()), (0, None));
    }

    #[test]
    fn an_established_link_ends_after_900_silent_seconds() {
        let mut relays = table();
        established(&mut relays, 1, way());
        relays.touch(at(500), &link(1));
        assert_eq!(relays.poll_timeout(), Some(at(901)), "the timer is not moved for each packet");
        assert!(relays.handle_timeout(at(901)).is_none());
        assert!(relays.contains(&link(1)));
        assert_eq!(relays.poll_timeout(), Some(at(1400)));
        assert!(relays.handle_timeout(at(1400)).is_none(), "it was answered");
        assert_eq!(relays.len(), 0);
    }

    #[test]
    fn the_links_of_an_interface_go_with_it() {
        let mut relays = table();
        established(&mut relays, 1, way());
        established(&mut relays, 2, LinkWay { ahead: ELSEWHERE, ..way() });
        relays.insert(link(3), LinkWay { back: ELSEWHERE, ..way() });
        relays.remove_interface(AHEAD);
        assert!(!relays.contains(&link(1)) && relays.contains(&link(2)) && !relays.contains(&link(3)));
        relays.remove_interface(BACK);
        assert_eq!((relays.len(), relays.poll_timeout()), (0, None));
    }

    #[test]
    fn a_flood_of_requests_displaces_only_itself() {
        let mut relays = table();
        for n in 0..10 {
            established(&mut relays, n, way());
        }
        relays.insert(link(10), LinkWay { back: ELSEWHERE, ..way() });
        let evicted: u32 = (100..1000).map(|n| relays.insert(link(n), way())).sum();
        assert_eq!((evicted, relays.len()), (880, 31));
        assert!((0..11).all(|n| relays.contains(&link(n))));
    }

    #[test]
    fn of_established_links_one_that_was_silent_makes_room() {
        let mut relays = Relays::new(10, 10, 10);
        for n in 0..10 {
            established(&mut relays, n, way());
        }
        for n in (0..10).filter(|n| *n != 7) {
            relays.touch(at(400), &link(n));
        }
        established(&mut relays, 100, way());
        assert_eq!(relays.len(), 10);
        assert!(!relays.contains(&link(7)) && relays.contains(&link(100)));
        established(&mut relays, 101, way());
        assert_eq!((relays.len(), relays.timers.len()), (10, 10));
        assert!(relays.contains(&link(101)));
    }
}
