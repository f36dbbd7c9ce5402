//! Tickets: secrets that let a peer write to us without proof of work (`spec/lxmf.md` 6).
//!
//! Those that we issue are not random and not kept: each is derived from the identity of the destination, the peer and
//! the day on which it expires. So every ticket is known again after a restart, in a backup and on a second node of
//! the same group, and ten thousand members cost no memory. Expiries are a week apart: at any time three tickets of a
//! peer are valid, and the newest always has more than the 14 days left below which the field issues another one.

use std::fmt;
use std::time::Duration;

use reticulum::crypto::{Identity, hkdf};
use reticulum::hash::{DestinationHash, sha256_of};
use reticulum::time::UnixTime;
use reticulum::wire::msgpack::{self, Reader};

use crate::fields::{Fields, key};
use crate::message::MessageId;

/// Length of a ticket, and of the stamp that it makes, in bytes.
pub const TICKET_LEN: usize = 16;
/// A ticket is valid for at most this long from its issue.
pub const VALIDITY: Duration = Duration::from_secs(21 * DAY_S);
/// Expiries are multiples of this, so a new ticket is valid for two to three weeks.
const PERIOD_S: u64 = 7 * DAY_S;
const DAY_S: u64 = 86_400;
/// A ticket that claims to be valid for longer than this is kept for this long: clocks differ, peers come and go.
const KEPT_FOR_MAX: Duration = Duration::from_secs(90 * DAY_S);

/// A ticket, ours or a peer's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// When it stops being accepted.
    pub expires: UnixTime,
    /// Secret between whoever issued it and whom it was issued to.
    pub secret: [u8; TICKET_LEN],
}

impl Ticket {
    /// The ticket that a message offers, if it offers a usable one: `[expires, secret]`, not expired.
    pub fn offered(fields: &Fields, now: UnixTime) -> Option<Self> {
        let mut reader = Reader::new(fields.value(key::TICKET)?);
        if reader.read_array_len().ok()? < 2 {
            return None;
        }
        let expires = UnixTime::from_secs_f64(reader.read_f64().ok()?);
        let secret = reader.read_bin_array().ok()?;
        (expires > now).then(|| Self { expires: expires.min(now + KEPT_FOR_MAX), secret })
    }

    /// The packed value of [`key::TICKET`].
    pub fn to_field(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 + 9 + TICKET_LEN + 1);
        msgpack::write_array_len(&mut out, 2);
        msgpack::write_f64(&mut out, self.expires.as_secs_f64());
        msgpack::write_bin(&mut out, &self.secret);
        out
    }

    /// What stands in place of a proof of work on `message`.
    pub fn stamp(&self, message: &MessageId) -> [u8; TICKET_LEN] {
        let hash = sha256_of(&[&self.secret, message.as_bytes()]);
        *hash.first_chunk().expect("a hash is longer than a ticket")
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket(until {}, [redacted])", self.expires.as_secs())
    }
}

/// Issues the tickets of one destination of ours, and knows them again.
#[derive(Clone)]
pub struct Issuer([u8; 32]);

impl Issuer {
    /// For the destination of `identity`.
    pub fn new(identity: &Identity) -> Self {
        let mut key = [0; 32];
        hkdf(&*identity.to_bytes(), b"meshgroup lxmf tickets", &mut key);
        Self(key)
    }

    /// The ticket that `peer` is given at `now`.
    pub fn issue(&self, peer: &DestinationHash, now: UnixTime) -> Ticket {
        let period = (now + VALIDITY).as_secs() / PERIOD_S;
        self.ticket(peer, period)
    }

    /// Whether `stamp` was made with a ticket that was given to `peer` and has not expired. The field honours no grace
    /// beyond that.
    pub fn accepts(&self, peer: &DestinationHash, message: &MessageId, stamp: &[u8], now: UnixTime) -> bool {
        if stamp.len() != TICKET_LEN {
            return false;
        }
        let newest = (now + VALIDITY).as_secs() / PERIOD_S;
        (0..=VALIDITY.as_secs() / PERIOD_S)
            .filter_map(|age| newest.checked_sub(age))
            .map(|period| self.ticket(peer, period))
            .any(|ticket| ticket.expires > now && ticket.stamp(message) == *stamp)
    }

    fn ticket(&self, peer: &DestinationHash, period: u64) -> Ticket {
        let mut secret = [0; TICKET_LEN];
        let mut of = [0; DestinationHash::LEN + 8];
        of[..DestinationHash::LEN].copy_from_slice(peer.as_ref());
        of[DestinationHash::LEN..].copy_from_slice(&period.to_be_bytes());
        hkdf(&self.0, &of, &mut secret);
        Ticket { expires: UnixTime::from_secs(period * PERIOD_S), secret }
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issuer([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(DAY_S);
    const ID: MessageId = MessageId::new([7; 32]);

    fn peer(number: u8) -> DestinationHash {
        DestinationHash::new([number; 16])
    }

    fn issuer(number: u8) -> Issuer {
        Issuer::new(&Identity::from_bytes(&[number; 64]))
    }

    fn days(days: u64) -> UnixTime {
        UnixTime::from_secs(1_760_000_000 + days * DAY_S)
    }

    #[test]
    fn a_ticket_is_valid_from_14_to_21_days_and_then_not_a_moment_longer() {
        for day in 0..30 {
            let ticket = issuer(1).issue(&peer(1), days(day));
            let left = ticket.expires.since(days(day));
            assert!(left > 14 * DAY && left <= VALIDITY, "{left:?}");
            let stamp = ticket.stamp(&ID);
            assert!(issuer(1).accepts(&peer(1), &ID, &stamp, days(day)));
            let last = UnixTime::from_micros(ticket.expires.as_micros() - 1);
            assert!(issuer(1).accepts(&peer(1), &ID, &stamp, last));
            assert!(!issuer(1).accepts(&peer(1), &ID, &stamp, ticket.expires));
        }
    }

    #[test]
    fn the_same_ticket_is_given_again_until_it_is_renewed() {
        let tickets: Vec<Ticket> = (0..28).map(|day| issuer(1).issue(&peer(1), days(day))).collect();
        let mut different = tickets.clone();
        different.dedup();
        assert!((4..=5).contains(&different.len()), "one a week: {}", different.len());
    }

    #[test]
    fn a_ticket_of_another_peer_of_another_group_or_on_another_message_is_refused() {
        let stamp = issuer(1).issue(&peer(1), days(0)).stamp(&ID);
        assert!(!issuer(1).accepts(&peer(2), &ID, &stamp, days(0)));
        assert!(!issuer(2).accepts(&peer(1), &ID, &stamp, days(0)));
        assert!(!issuer(1).accepts(&peer(1), &MessageId::new([8; 32]), &stamp, days(0)));
        assert!(!issuer(1).accepts(&peer(1), &ID, &stamp[..15], days(0)));
        let made_up = Ticket { expires: days(9), secret: [9; 16] }.stamp(&ID);
        assert!(!issuer(1).accepts(&peer(1), &ID, &made_up, days(0)));
    }

    #[test]
    fn an_offer_is_read_as_it_was_written_and_a_malformed_one_is_none() {
        let ticket = issuer(1).issue(&peer(1), days(0));
        let offer = |value: &[u8]| Ticket::offered(&Fields::from_entries(&[(key::TICKET, value)]), days(0));
        assert_eq!(offer(&ticket.to_field()), Some(ticket));
        let with_more = [&[0x93], &ticket.to_field()[1..], &[0xc0]].concat();
        assert_eq!(offer(&with_more), Some(ticket));
        let whole_seconds = [&[0x92, 0xce, 0x7f, 0, 0, 0, 0xc4, 16][..], &[1; 16]].concat();
        assert_eq!(offer(&whole_seconds).unwrap().expires, days(0) + KEPT_FOR_MAX);
        assert_eq!(Ticket::offered(&Fields::default(), days(0)), None);
        let expired = Ticket { expires: days(0), ..ticket }.to_field();
        let text_expiry = [&[0x92, 0xa1, b'x', 0xc4, 16][..], &[1; 16]].concat();
        let short = [&[0x92, 0xce, 0x7f, 0, 0, 0, 0xc4, 15][..], &[1; 15]].concat();
        for bad in [&[0xc0][..], &[0x90], &[0x91, 1], &[0x80], &expired, &text_expiry, &short] {
            assert_eq!(offer(bad), None, "{bad:02x?}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let ticket = Ticket { expires: days(0), secret: [0xab; 16] };
        assert!(!format!("{ticket:?} {:?}", issuer(1)).contains("ab"), "{ticket:?}");
    }
}
