//! Who may connect to a server: so many in all, so many from one address, and nobody who keeps coming and going.
//!
//! Pure: times are arguments. An address is an IPv4 address or the 64-bit prefix of an IPv6 one, which is what one
//! subscriber has.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use tokio::time::Instant;

/// Addresses whose comings and goings are remembered; the one heard of longest ago makes room.
const FLAPPERS_MAX: usize = 1024;

/// Blocks who comes and goes too often (interfaces.md section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlapLimit {
    /// A connection that ends sooner is a flap.
    pub threshold: Duration,
    /// Flaps that an address may make; with the next it is blocked.
    pub grace: u32,
    /// For how long.
    pub block_time: Duration,
}

impl Default for FlapLimit {
    fn default() -> Self {
        Self { threshold: Duration::from_secs(20), grace: 5, block_time: Duration::from_secs(720 * 60) }
    }
}

/// One accepted connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Seat(u64);

/// What becomes of a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Serve it; it is told of in [`Seats::leave`].
    Seated(Seat),
    /// Serve it after closing another one.
    SeatedFor(Seat, Seat),
    /// Close it.
    Refused,
}

/// The connections of one server.
#[derive(Debug)]
pub(crate) struct Seats {
    max: usize,
    max_each: usize,
    flaps: Option<Flaps>,
    taken: usize,
    last: u64,
    /// By address, oldest first.
    by_address: HashMap<IpAddr, VecDeque<(Seat, Instant)>>,
}

impl Seats {
    pub(crate) fn new(max: usize, max_each: usize, flaps: Option<FlapLimit>) -> Self {
        let flaps = flaps.map(|limit| Flaps { limit, by_address: HashMap::new() });
        Self { max, max_each, flaps, taken: 0, last: 0, by_address: HashMap::new() }
    }

    /// Somebody connected. If all places are taken, one who holds fewer than another takes the oldest place of who holds
    /// most: so nobody keeps others out.
    pub(crate) fn come(&mut self, now: Instant, from: IpAddr) -> Admission {
        let from = subscriber(from);
        let held = self.by_address.get(&from).map_or(0, VecDeque::len);
        let blocked = self.flaps.as_ref().is_some_and(|flaps| flaps.is_blocked(now, from));
        if blocked || held >= self.max_each {
            return Admission::Refused;
        }
        let mut displaced = None;
        if self.taken >= self.max {
            let greediest =
                self.by_address.values_mut().max_by_key(|seats| (seats.len(), seats.front().map(|s| s.0.0)));
            displaced = greediest.filter(|seats| seats.len() > held + 1).and_then(VecDeque::pop_front);
            if displaced.is_none() {
                return Admission::Refused;
            }
            self.taken -= 1;
        }
        self.last += 1;
        self.taken += 1;
        let seat = Seat(self.last);
        self.by_address.entry(from).or_default().push_back((seat, now));
        match displaced {
            Some((displaced, _)) => Admission::SeatedFor(seat, displaced),
            None => Admission::Seated(seat),
        }
    }

    /// A connection ended, or was displaced and has ended.
    pub(crate) fn leave(&mut self, now: Instant, from: IpAddr, seat: Seat) {
        let from = subscriber(from);
        let Some(seats) = self.by_address.get_mut(&from) else { return };
        if let Some(at) = seats.iter().position(|(held, _)| *held == seat) {
            let (_, since) = seats.remove(at).expect("an index just found");
            self.taken -= 1;
            if let Some(flaps) = &mut self.flaps {
                flaps.ended(now, from, now - since);
            }
        }
        if seats.is_empty() {
            self.by_address.remove(&from);
        }
    }
}

/// Who comes and goes.
#[derive(Debug)]
struct Flaps {
    limit: FlapLimit,
    by_address: HashMap<IpAddr, Flapper>,
}

#[derive(Debug)]
struct Flapper {
    flaps: u32,
    heard_at: Instant,
    blocked_until: Option<Instant>,
}

impl Flaps {
    fn is_blocked(&self, now: Instant, from: IpAddr) -> bool {
        self.by_address.get(&from).and_then(|flapper| flapper.blocked_until).is_some_and(|until| now < until)
    }

    fn ended(&mut self, now: Instant, from: IpAddr, lasted: Duration) {
        if lasted >= self.limit.threshold {
            self.by_address.remove(&from);
            return;
        }
        if self.by_address.len() >= FLAPPERS_MAX && !self.by_address.contains_key(&from) {
            let oldest = self.by_address.iter().min_by_key(|(_, flapper)| flapper.heard_at);
            if let Some(oldest) = oldest.map(|(address, _)| *address) {
                self.by_address.remove(&oldest);
            }
        }
        let fresh = Flapper { flaps: 0, heard_at: now, blocked_until: None };
        let flapper = self.by_address.entry(from).or_insert(fresh);
        flapper.heard_at = now;
        flapper.flaps += 1;
        if flapper.flaps > self.limit.grace {
            (flapper.flaps, flapper.blocked_until) = (0, Some(now + self.limit.block_time));
        }
    }
}

/// The address that one subscriber has, whatever part of it they connect from.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn seated(seats: &mut Seats, from: &str) -> Seat {
        match seats.come(Instant::now(), ip(from)) {
            Admission::Seated(seat) => seat,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_address_gets_no_more_than_its_share() {
        let mut seats = Seats::new(10, 2, None);
        let now = Instant::now();
        let first = seated(&mut seats, "192.0.2.1");
        seated(&mut seats, "::ffff:192.0.2.1");
        assert_eq!(seats.come(now, ip("192.0.2.1")), Admission::Refused);
        seated(&mut seats, "192.0.2.2");
        seats.leave(now, ip("192.0.2.1"), first);
        seated(&mut seats, "192.0.2.1");
        seated(&mut seats, "2001:db8::1");
        seated(&mut seats, "2001:db8::ffff:1");
        assert_eq!(seats.come(now, ip("2001:db8:0:0:5::1")), Admission::Refused, "the same 64 bits");
        seated(&mut seats, "2001:db8:0:1::1");
    }

    #[test]
    fn when_all_places_are_taken_who_holds_most_makes_room_for_who_holds_fewer() {
        let mut seats = Seats::new(4, 4, None);
        let now = Instant::now();
        let oldest = seated(&mut seats, "192.0.2.1");
        for from in ["192.0.2.1", "192.0.2.1", "192.0.2.2"] {
            seated(&mut seats, from);
        }
        assert_eq!(seats.come(now, ip("192.0.2.1")), Admission::Refused, "it would displace itself");
        let Admission::SeatedFor(third, displaced) = seats.come(now, ip("192.0.2.3")) else { panic!() };
        assert_eq!(displaced, oldest);
        seats.leave(now, ip("192.0.2.1"), displaced);
        assert_eq!(seats.taken, 4, "it had left already");
        assert_eq!(
            seats.come(now, ip("192.0.2.3")),
            Admission::Refused,
            "two against one would be two against one"
        );
        seats.leave(now, ip("192.0.2.3"), third);
        assert!(matches!(seats.come(now, ip("192.0.2.2")), Admission::Seated(_)));
    }

    #[test]
    fn who_comes_and_goes_more_than_five_times_is_blocked_for_twelve_hours() {
        let limit = FlapLimit::default();
        let mut seats = Seats::new(10, 10, Some(limit));
        let mut now = Instant::now();
        let from = ip("192.0.2.1");
        for flap in 1..=6 {
            let Admission::Seated(seat) = seats.come(now, from) else { panic!("flap {flap}") };
            now += Duration::from_secs(19);
            seats.leave(now, from, seat);
        }
        assert_eq!(seats.come(now, from), Admission::Refused);
        assert_eq!(seats.come(now + limit.block_time - Duration::from_secs(1), from), Admission::Refused);
        assert!(matches!(seats.come(now, ip("192.0.2.2")), Admission::Seated(_)), "others are not");
        assert!(matches!(seats.come(now + limit.block_time, from), Admission::Seated(_)));
    }

    #[test]
    fn a_connection_that_lasts_makes_up_for_flaps() {
        let mut seats = Seats::new(10, 10, Some(FlapLimit::default()));
        let mut now = Instant::now();
        let from = ip("192.0.2.1");
        for lasts_s in [1, 1, 1, 1, 1, 20, 1, 1, 1, 1, 1] {
            let Admission::Seated(seat) = seats.come(now, from) else { panic!() };
            now += Duration::from_secs(lasts_s);
            seats.leave(now, from, seat);
        }
        assert!(matches!(seats.come(now, from), Admission::Seated(_)));
    }

    #[test]
    fn what_is_remembered_of_flappers_is_bounded() {
        let mut flaps = Flaps { limit: FlapLimit::default(), by_address: HashMap::new() };
        let start = Instant::now();
        for n in 0..2 * FLAPPERS_MAX as u32 {
            let from = std::net::Ipv4Addr::from(n).into();
            flaps.ended(start + Duration::from_millis(n.into()), from, Duration::ZERO);
        }
        assert_eq!(flaps.by_address.len(), FLAPPERS_MAX);
        assert!(flaps.by_address.contains_key(&std::net::Ipv4Addr::from(2 * FLAPPERS_MAX as u32 - 1).into()));
    }
}
