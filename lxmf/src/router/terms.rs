//! What is agreed with single peers and has to outlive the process: tickets, and the propagation node of each.
//!
//! Owns the bound. Only the application adds peers, so that no stranger fills the table; at the bound whoever changed
//! longest ago makes room.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use reticulum::hash::DestinationHash;
use reticulum::time::UnixTime;

use super::links::Pair;
use crate::ticket::Ticket;

/// Peers with terms, at about 150 bytes.
const PEERS_MAX: usize = 32_768;
/// A peer is offered a ticket no more often than this (`spec/lxmf.md` 6).
const OFFER_INTERVAL: Duration = Duration::from_secs(24 * 3_600);

/// What is agreed between one of ours and a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// One of our delivery destinations.
    pub local: DestinationHash,
    /// The peer's delivery destination.
    pub remote: DestinationHash,
    /// The ticket that the peer gave us.
    pub ticket: Option<Ticket>,
    /// The last offer of a ticket to the peer.
    pub offered: Option<Offer>,
    /// The propagation node on which the peer looks for messages.
    pub node: Option<DestinationHash>,
}

/// A ticket that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The timestamp of the message that carries it: it has to carry it each time that it is sent.
    pub message: UnixTime,
    /// When it was first sent.
    pub at: UnixTime,
}

/// The terms of all peers.
#[derive(Debug, Default)]
pub(super) struct AllTerms {
    by_pair: HashMap<Pair, (u64, Terms)>,
    /// The same pairs, those that changed longest ago first.
    by_change: BTreeMap<u64, Pair>,
    changes: u64,
}

impl AllTerms {
    /// The terms with a peer; empty ones if there are none.
    pub(super) fn of(&self, pair: &Pair) -> Terms {
        let none = Terms { local: pair.local, remote: pair.remote, ticket: None, offered: None, node: None };
        self.by_pair.get(pair).map_or(none, |(_, terms)| *terms)
    }

    /// Takes new terms in place of what was agreed before. False if nothing changed.
    pub(super) fn set(&mut self, terms: Terms) -> bool {
        let pair = Pair { local: terms.local, remote: terms.remote };
        if self.of(&pair) == terms {
            return false;
        }
        self.remove(&pair);
        if self.by_pair.len() >= PEERS_MAX
            && let Some((_, oldest)) = self.by_change.pop_first()
        {
            self.by_pair.remove(&oldest);
        }
        self.changes += 1;
        self.by_change.insert(self.changes, pair);
        self.by_pair.insert(pair, (self.changes, terms));
        true
    }

    pub(super) fn remove(&mut self, pair: &Pair) {
        if let Some((change, _)) = self.by_pair.remove(pair) {
            self.by_change.remove(&change);
        }
    }

    /// The ticket to use with a peer.
    pub(super) fn ticket(&self, pair: &Pair, now: UnixTime) -> Option<Ticket> {
        self.by_pair.get(pair)?.1.ticket.filter(|ticket| ticket.expires > now)
    }
}

impl Terms {
    /// Whether the message with this timestamp carries a ticket, by what was offered before; if this is the first time,
    /// the offer is noted. The answer for one message stays the same, so that it stays the same message.
    pub(super) fn offer(&mut self, message: UnixTime, now: UnixTime) -> bool {
        match self.offered {
            Some(offer) if offer.message == message => true,
            Some(offer) if offer.at <= now && now.since(offer.at) < OFFER_INTERVAL => false,
            _ => {
                self.offered = Some(Offer { message, at: now });
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(number: u32) -> Pair {
        let mut remote = [0; 16];
        remote[..4].copy_from_slice(&number.to_be_bytes());
        Pair { local: DestinationHash::new([1; 16]), remote: DestinationHash::new(remote) }
    }

    fn at(hours: u64) -> UnixTime {
        UnixTime::from_secs(1_760_000_000 + 3_600 * hours)
    }

    #[test]
    fn a_ticket_is_offered_once_a_day_and_by_the_same_message_each_time_it_is_sent() {
        let mut terms = AllTerms::default().of(&pair(1));
        assert!(terms.offer(at(0), at(0)));
        assert!(!terms.offer(at(1), at(1)));
        assert!(terms.offer(at(0), at(2)), "sent again");
        assert!(!terms.offer(at(23), at(23)));
        assert!(terms.offer(at(24), at(24)));
        assert!(!terms.offer(at(25), at(25)));
        assert!(terms.offer(at(3), at(3)), "a clock that was set back does not stop it for ever");
    }

    #[test]
    fn a_ticket_is_used_until_it_expires() {
        let mut all = AllTerms::default();
        let ticket = Ticket { expires: at(5), secret: [3; 16] };
        assert!(all.set(Terms { ticket: Some(ticket), ..all.of(&pair(1)) }));
        assert!(!all.set(Terms { ticket: Some(ticket), ..all.of(&pair(1)) }));
        assert_eq!(all.ticket(&pair(1), at(4)), Some(ticket));
        assert_eq!(all.ticket(&pair(1), at(5)), None);
        assert_eq!(all.ticket(&pair(2), at(4)), None);
    }

    #[test]
    fn the_table_is_bounded_and_whoever_changed_longest_ago_makes_room() {
        let mut all = AllTerms::default();
        let node = Some(DestinationHash::new([2; 16]));
        for number in 0..PEERS_MAX as u32 {
            all.set(Terms { node, ..all.of(&pair(number)) });
        }
        all.set(Terms { offered: Some(Offer { message: at(0), at: at(0) }), ..all.of(&pair(0)) });
        all.set(Terms { node, ..all.of(&pair(u32::MAX)) });
        assert_eq!((all.by_pair.len(), all.by_change.len()), (PEERS_MAX, PEERS_MAX));
        assert_eq!(all.of(&pair(0)).node, node);
        assert_eq!(all.of(&pair(1)).node, None);
    }
}
