//! A group whose members are all on one LoRa channel, as the group's node is: what posts to all of them cost, and what
//! arrives how late.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use lora_channel::{Signal, Terrain};
use reticulum::node::AirtimeLimits;
use reticulum::time::Instant;

use super::air::{Air, Share, modulation, radio_config};
use super::sim::Sim;
use super::station::{GroupStation, Participant, Person};

/// The group's station; members are those after it.
const GROUP: usize = 0;
/// After the last post, until what arrived is counted.
const REST: Duration = Duration::from_secs(1800);

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circle {
    /// Members beside the group's node.
    pub(crate) members: usize,
    /// Posts within an hour, evenly spread, by one member after the other.
    pub(crate) posts: usize,
    /// Of the air.
    pub(crate) spreading_factor: u8,
    /// Of 1,000 frames that would be heard, so many are not.
    pub(crate) loss_permille: u16,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Measured {
    circle: Circle,
    /// Copies that arrived.
    pub(crate) copies: usize,
    /// From the writing of a post to its arrival at a member, in order of length.
    pub(crate) delays: Vec<Duration>,
    /// Copies that came once more, because their proof got lost; clients drop them.
    pub(crate) repeats: usize,
    /// All that was on the air within the hour.
    pub(crate) airtime: Duration,
    /// The same by kind, until the end.
    pub(crate) census: BTreeMap<&'static str, Share>,
    pub(crate) missed: [u64; 3],
}

impl Circle {
    /// How many copies there are to be.
    pub(crate) fn wanted(&self) -> usize {
        self.posts * (self.members - 1)
    }

    fn build(&self, seed: u64) -> Sim<Participant> {
        let (now, lora) = (Instant::from_micros(1_000_000), modulation(self.spreading_factor));
        let config = || radio_config(lora, AirtimeLimits::default());
        let group = GroupStation::new(1, now).and_radio(now, config());
        let mut stations = vec![Participant::Group(Box::new(group))];
        for n in 1..=self.members {
            let person = Person::on(1 + n as u8, &format!("Member {n}"), now, config());
            stations.push(Participant::Person(Box::new(person)));
        }
        let ports = (0..=self.members).map(|n| (n, usize::from(n == GROUP))).collect();
        let signal = Signal { rssi_dbm: -100, loss_permille: self.loss_permille };
        let mut sim = Sim::new(seed, now, stations, Vec::new());
        sim.air = Some(Air::new(Terrain::even(self.members + 1, signal), ports, lora, seed));
        sim
    }

    /// Lets all join, post and wait.
    pub(crate) fn measure(self, seed: u64) -> Measured {
        let mut sim = self.build(seed);
        let to = sim.stations[GROUP].group().host.addresses().lxmf;
        for n in 1..=self.members {
            let now = sim.now();
            sim.stations[n].person().look_for(now, &[to]);
            sim.run_for(Duration::from_secs(30));
            let now = sim.now();
            sim.stations[n].person().say(now, to, &format!("/join Member{n}"));
            sim.run_for(Duration::from_secs(30));
        }
        sim.run_for(Duration::from_secs(600));
        let air = sim.air.as_mut().expect("it has air");
        air.census.clear();
        let before = air.airtime();
        let mut written = Vec::new();
        for post in 0..self.posts {
            let now = sim.now();
            written.push(now);
            let text = format!("post {post} of {} in an hour", self.posts);
            sim.stations[1 + post % self.members].person().say(now, to, &text);
            sim.run_for(Duration::from_secs(3600) / self.posts as u32);
        }
        let airtime = sim.air.as_ref().expect("it has air").airtime() - before;
        sim.run_for(REST);
        let (mut delays, mut repeats) = (Vec::new(), 0);
        for n in 1..=self.members {
            for (post, at) in written.iter().enumerate().filter(|(post, _)| 1 + post % self.members != n) {
                let text = format!("post {post} of ");
                let heard = sim.stations[n].person().heard_at(to, &text);
                repeats += heard.len().saturating_sub(1);
                delays.extend(heard.first().map(|heard| heard.since(*at)));
            }
        }
        delays.sort_unstable();
        let air = sim.air.as_ref().expect("it has air");
        let (census, missed) = (air.census.clone(), air.missed);
        Measured { circle: self, copies: delays.len(), delays, repeats, airtime, census, missed }
    }
}

impl Measured {
    /// The delay that so many percent of what arrived had at most.
    pub(crate) fn delay(&self, percent: usize) -> Duration {
        let index = self.delays.len().saturating_sub(1) * percent / 100;
        self.delays.get(index).copied().unwrap_or_default()
    }

    /// Of all copies, in percent.
    pub(crate) fn arrived_percent(&self) -> f64 {
        100.0 * self.copies as f64 / self.circle.wanted() as f64
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Circle { members, posts, spreading_factor, loss_permille } = self.circle;
        let (loss, wanted) = (f64::from(loss_permille) / 10.0, self.circle.wanted());
        write!(f, "| {members} | {posts} | {spreading_factor} | {loss} % | {} of {wanted} ", self.copies)?;
        write!(f, "| {:.1} % ", self.arrived_percent())?;
        write!(f, "| {:.0} s | {:.0} s ", self.delay(50).as_secs_f64(), self.delay(95).as_secs_f64())?;
        write!(f, "| {:.0} s | {:.1} % |", self.airtime.as_secs_f64(), self.airtime.as_secs_f64() / 36.0)
    }
}
