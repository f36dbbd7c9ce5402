//! Messages that have not paid for themselves yet: those whose stamp is being checked, and those that came without.
//!
//! Each is durable before its proof leaves, so that a proof stays a promise although a check takes milliseconds and a
//! sender on a link does not wait for it. A message that paid is taken like any other. One that did not waits until its
//! sender sends one that did; its sender is told once. Strangers' messages without a stamp are not kept.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use lxmf::message::{Message, Method, Unverified};
use lxmf::router::{Ack, Received, Stamped};
use lxmf::stamp::STAMP_LEN;
use reticulum::crypto::PublicIdentity;
use reticulum::hash::DestinationHash;
use reticulum::time::{Instant, UnixTime};

use super::inbound;
use super::messages::PendingMessage;
use super::{After, Host};
use crate::group::{GroupId, Limiter, MessageId, Unstamped, unstamped_text};
use crate::store::{HeldMessage, Write};

/// Messages held, of all senders. The oldest that is not being checked makes room.
const HELD_MAX: usize = 512;
/// Bytes held. The same rule.
const HELD_BYTES_MAX: usize = 4 << 20;
/// Messages held of one sender. The same rule, among the sender's own.
const HELD_PER_SENDER_MAX: usize = 16;
/// How long a message waits for its sender to pay.
const HELD_FOR: Duration = Duration::from_secs(3 * 24 * 3_600);
/// How often one sender is told what is missing.
const TELL_PERIOD: Duration = Duration::from_secs(24 * 3_600);

/// The table of held messages, oldest first.
#[derive(Debug)]
pub(super) struct Held {
    messages: VecDeque<Waiting>,
    bytes: usize,
    tell: Limiter,
}

#[derive(Debug)]
struct Waiting {
    id: MessageId,
    group: GroupId,
    source: DestinationHash,
    identity: Arc<PublicIdentity>,
    packed: Vec<u8>,
    until: Instant,
    checking: bool,
    /// What its stamp was to be worth, if it was looked at.
    price: u8,
}

impl Default for Held {
    fn default() -> Self {
        Self { messages: VecDeque::new(), bytes: 0, tell: Limiter::new(1, TELL_PERIOD) }
    }
}

impl Held {
    fn find(&mut self, id: &MessageId) -> Option<usize> {
        self.messages.iter().position(|waiting| waiting.id == *id)
    }

    fn remove(&mut self, at: usize) -> Option<Waiting> {
        let waiting = self.messages.remove(at)?;
        self.bytes -= waiting.packed.len();
        Some(waiting)
    }

    /// Takes one in; tells which made room, or that there is none.
    fn push(&mut self, waiting: Waiting) -> Result<Vec<MessageId>, ()> {
        let mut gone = Vec::new();
        let of_sender = self.messages.iter().filter(|other| other.source == waiting.source).count();
        if of_sender >= HELD_PER_SENDER_MAX {
            let source = waiting.source;
            gone.push(self.evict(|other| other.source == source)?);
        }
        while self.messages.len() >= HELD_MAX
            || !self.messages.is_empty() && self.bytes + waiting.packed.len() > HELD_BYTES_MAX
        {
            gone.push(self.evict(|_| true)?);
        }
        self.bytes += waiting.packed.len();
        self.messages.push_back(waiting);
        Ok(gone)
    }

    fn evict(&mut self, of: impl Fn(&Waiting) -> bool) -> Result<MessageId, ()> {
        let at = self.messages.iter().position(|waiting| !waiting.checking && of(waiting)).ok_or(())?;
        self.remove(at).map(|waiting| waiting.id).ok_or(())
    }

    /// The next message that waited for too long.
    fn pop_expired(&mut self, now: Instant) -> Option<MessageId> {
        let at = self.messages.iter().position(|waiting| !waiting.checking && waiting.until <= now)?;
        self.remove(at).map(|waiting| waiting.id)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.messages.iter().filter(|waiting| !waiting.checking).map(|waiting| waiting.until).min()
    }
}

impl Waiting {
    /// The message once more. It was verified before it was held.
    fn message(&self) -> Option<Message> {
        Unverified::parse(&self.packed).ok()?.verify(&self.identity)
    }
}

impl Host {
    /// Whether a message paid, or need not. If not, it is held or turned away here, and proven.
    pub(super) fn has_paid(&mut self, now: Instant, group: GroupId, received: &mut Received) -> bool {
        let rule = self.groups.get(group).map(|hosted| hosted.group.settings().unstamped);
        let (cost, is_join) = self.price(now, group, &received.identity.clone(), &received.message.content);
        let checkable = match received.stamped {
            Stamped::Free | Stamped::Ticket => return true,
            _ if cost == 0 || (rule == Some(Unstamped::Accept) && !is_join) => return true,
            Stamped::Unchecked { .. } => true,
            Stamped::Missing { .. } => false,
        };
        let keep = rule == Some(Unstamped::Hold) && self.is_present(group, &received.identity);
        if checkable || keep {
            self.hold(now, group, received, checkable.then_some(cost));
        } else {
            self.after_commit(now, After::Prove(received.ack.clone()));
        }
        if !checkable {
            self.tell_unpaid(now, group, received.message.source, &received.identity.clone(), cost, keep);
        }
        false
    }

    /// Makes a message durable as one that has not paid, has its stamp checked if there is one, and proves it. If there
    /// is no room it stays unproven: its sender tries again.
    fn hold(&mut self, now: Instant, group: GroupId, received: &mut Received, check: Option<u8>) {
        let id = MessageId(*received.message.id.as_bytes());
        let known = self.held.find(&id);
        // The same message once more, while it is being checked or with nothing new about it.
        if known.is_some_and(|at| self.held.messages[at].checking || check.is_none()) {
            return self.after_commit(now, After::Prove(received.ack.clone()));
        }
        if let Some(at) = known {
            self.held.remove(at);
        }
        let waiting = Waiting {
            id,
            group,
            source: received.message.source,
            identity: Arc::clone(&received.identity),
            packed: received.raw.clone().into_packed(),
            until: now + HELD_FOR,
            checking: check.is_some(),
            price: check.unwrap_or_default(),
        };
        let row = HeldMessage {
            message: id,
            group,
            received: self.engine.unix_time(now),
            identity: Arc::clone(&waiting.identity),
            packed: waiting.packed.clone(),
        };
        let Ok(gone) = self.held.push(waiting) else {
            self.counters.unpaid_no_room += 1;
            return;
        };
        self.counters.unpaid_held += 1;
        self.drop_held(gone);
        self.write(Write::Hold(row));
        self.after_commit(now, After::Prove(received.ack.clone()));
        if let (Some(cost), Some(stamp)) = (check, received.message.stamp.take()) {
            self.check(now, id, stamp, cost);
        }
    }

    fn check(&mut self, now: Instant, id: MessageId, stamp: Vec<u8>, cost: u8) {
        // There is room for more checks than messages are held, so this one is taken.
        self.router.check_stamp(now, lxmf::message::MessageId::new(id.0), stamp, cost);
    }

    /// The stamp of a held message was checked.
    pub(super) fn stamp_checked(&mut self, now: Instant, message: lxmf::message::MessageId, valid: bool) {
        let Some(at) = self.held.find(&MessageId(*message.as_bytes())) else { return };
        if valid {
            let Some(waiting) = self.held.remove(at) else { return };
            self.release_held(now, waiting.group, waiting.source);
            return self.take_held(now, waiting);
        }
        self.counters.stamps_bad += 1;
        let Waiting { group, source, ref identity, price, .. } = self.held.messages[at];
        let identity = Arc::clone(identity);
        let rule = self.groups.get(group).map_or(Unstamped::Refuse, |one| one.group.settings().unstamped);
        let keep = rule == Unstamped::Hold && self.is_present(group, &identity);
        if keep {
            self.held.messages[at].checking = false;
        } else if let Some(waiting) = self.held.remove(at) {
            self.drop_held(vec![waiting.id]);
        }
        self.tell_unpaid(now, group, source, &identity, price, keep);
    }

    /// Takes what a sender sent before without paying, in its order: they have paid now.
    pub(super) fn release_held(&mut self, now: Instant, group: GroupId, source: DestinationHash) {
        let is_due =
            |waiting: &Waiting| !waiting.checking && (waiting.group, waiting.source) == (group, source);
        while let Some(at) = self.held.messages.iter().position(is_due) {
            if let Some(waiting) = self.held.remove(at) {
                self.take_held(now, waiting);
            }
        }
    }

    fn take_held(&mut self, now: Instant, waiting: Waiting) {
        self.counters.unpaid_taken += 1;
        match waiting.message() {
            Some(message) if !self.dedup.contains(&waiting.id) => {
                let message = PendingMessage {
                    group: waiting.group,
                    id: waiting.id,
                    source: waiting.source,
                    caller: self.caller(waiting.identity),
                    brought: inbound::read(&message),
                    method: Method::Direct,
                    paid_bits: if waiting.checking { waiting.price.into() } else { 0 },
                    is_held: true,
                    ack: Ack::none(),
                };
                self.take(now, message);
            }
            _ => self.drop_held(vec![waiting.id]),
        }
    }

    fn drop_held(&mut self, gone: Vec<MessageId>) {
        gone.into_iter().for_each(|id| self.write(Write::DropHeld(id)));
    }

    /// Lets those go that waited for too long.
    pub(super) fn expire_held(&mut self, now: Instant) {
        while let Some(id) = self.held.pop_expired(now) {
            self.counters.unpaid_expired += 1;
            self.drop_held(vec![id]);
        }
    }

    /// Goes on with what was held in an earlier run.
    pub(super) fn restore_held(&mut self, now: Instant, unix: UnixTime, rows: Vec<HeldMessage>) {
        for row in rows {
            let HeldMessage { message: id, group, received, identity, packed } = row;
            let age = unix.since(received).min(HELD_FOR);
            let Ok(parsed) = Unverified::parse(&packed) else { continue };
            let source = parsed.source();
            let waiting = Waiting {
                id,
                group,
                source,
                identity,
                packed,
                until: now + (HELD_FOR - age),
                checking: false,
                price: 0,
            };
            let Some(message) = waiting.message().filter(|_| self.groups.get(group).is_some()) else {
                self.drop_held(vec![id]);
                continue;
            };
            let (cost, _) = self.price(now, group, &waiting.identity, &message.content);
            let stamp = message.stamp;
            if cost == 0 {
                self.take_held(now, waiting);
                continue;
            }
            let stamp = stamp.filter(|stamp| stamp.len() == STAMP_LEN);
            let waiting = Waiting { checking: stamp.is_some(), price: cost, ..waiting };
            if self.held.push(waiting).is_err() {
                self.drop_held(vec![id]);
            } else if let Some(stamp) = stamp {
                self.check(now, id, stamp, cost);
            }
        }
    }

    fn tell_unpaid(
        &mut self,
        now: Instant,
        from: GroupId,
        to: DestinationHash,
        identity: &PublicIdentity,
        cost: u8,
        kept: bool,
    ) {
        self.counters.unpaid += 1;
        self.tell_price(now, from, &to);
        if self.held.tell.take(identity.hash(), self.engine.unix_time(now)).is_ok() {
            let language = self.groups.get(from).map(|hosted| hosted.group.language_for(identity.hash()));
            let text = unstamped_text(language.unwrap_or_default(), cost, kept);
            self.after_commit(now, After::Tell { from, to, text });
        }
    }

    /// Whether a person is a member of this group at present.
    pub(super) fn is_present(&self, group: GroupId, identity: &PublicIdentity) -> bool {
        self.people.groups_of(identity.hash()).any(|(of, _)| of == group)
    }
}

#[cfg(test)]
mod tests {
    use reticulum::crypto::Identity;

    use super::*;

    fn waiting(sender: u8, number: u16, checking: bool) -> Waiting {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&number.to_be_bytes());
        Waiting {
            id: MessageId(id),
            group: GroupId(1),
            source: DestinationHash::new([sender; 16]),
            identity: Arc::new(Identity::from_bytes(&[1; 64]).public().clone()),
            packed: vec![0; 100],
            until: Instant::from_micros(u64::from(number)),
            checking,
            price: 0,
        }
    }

    #[test]
    fn a_senders_oldest_makes_room_for_their_own() {
        let mut held = Held::default();
        held.push(waiting(2, 0, false)).unwrap();
        for number in 1..=HELD_PER_SENDER_MAX as u16 {
            assert_eq!(held.push(waiting(1, number, false)), Ok(vec![]));
        }
        assert_eq!(held.push(waiting(1, 99, false)), Ok(vec![waiting(1, 1, false).id]));
        assert_eq!(held.messages.len(), 1 + HELD_PER_SENDER_MAX);
    }

    #[test]
    fn what_is_being_checked_makes_room_for_nobody() {
        let mut held = Held::default();
        for number in 0..HELD_PER_SENDER_MAX as u16 {
            held.push(waiting(1, number, true)).unwrap();
        }
        assert_eq!(held.push(waiting(1, 99, false)), Err(()));
        held.push(waiting(2, 100, false)).unwrap();
        assert_eq!(held.pop_expired(Instant::from_micros(99)), None);
        assert_eq!(held.pop_expired(Instant::from_micros(100)), Some(waiting(2, 100, false).id));
        assert_eq!(held.poll_timeout(), None);
    }

    #[test]
    fn number_and_bytes_are_bounded() {
        let mut held = Held::default();
        let gone: usize =
            (0..2_000).map(|n| held.push(waiting((n % 200) as u8, n, false)).unwrap().len()).sum();
        assert_eq!((held.messages.len(), gone), (HELD_MAX, 2_000 - HELD_MAX));
        let large = Waiting { packed: vec![0; HELD_BYTES_MAX], ..waiting(7, 9_999, false) };
        assert_eq!(held.push(large).unwrap().len(), HELD_MAX);
        assert_eq!(held.bytes, HELD_BYTES_MAX);
    }
}
