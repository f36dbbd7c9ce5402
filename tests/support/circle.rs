//! A group whose members are all on one LoRa channel, as the group's node is: what posts to all of them cost, and what
//! arrives how late.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
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
    /// Who brings a post to all others.
    pub(crate) fanout: Fanout,
}

/// Who brings a post to all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fanout {
    /// Our node.
    Group,
    /// A bot over our router: as soon as a post comes, one message for each member.
    Naive,
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
}

impl Circle {
    /// How many copies there are to be.
    pub(crate) fn wanted(&self) -> usize {
        self.posts * (self.members - 1)
    }

    fn build(&self, seed: u64) -> Sim<Participant> {
        let (now, lora) = (Instant::from_micros(1_000_000), modulation(self.spreading_factor));
        let config = move || radio_config(lora, AirtimeLimits::default());
        let group = match self.fanout {
            Fanout::Group => Participant::Group(Box::new(GroupStation::new(1, now).and_radio(now, config))),
            Fanout::Naive => Participant::Person(Box::new(Person::on(1, "Harbour chat", now, config()))),
        };
        let mut stations = vec![group];
        for n in 1..=self.members {
            let person = Person::on(1 + n as u8, &format!("Member {n}"), now, config());
            stations.push(Participant::Person(Box::new(person)));
        }
        let ports = (0..=self.members)
            .map(|n| (n, usize::from(n == GROUP && self.fanout == Fanout::Group)))
            .collect();
        let signal = Signal { rssi_dbm: -100, loss_permille: self.loss_permille };
        let mut sim = Sim::new(seed, now, stations, Vec::new());
        sim.air = Some(Air::new(Terrain::even(self.members + 1, signal), ports, lora, seed));
        sim
    }

    /// Lets all join, post and wait.
    pub(crate) fn measure(self, seed: u64) -> Measured {
        let mut sim = self.build(seed);
        let to = match &sim.stations[GROUP] {
            Participant::Group(group) => group.host.addresses().lxmf,
            Participant::Person(bot) => bot.address(),
        };
        for n in 1..=self.members {
            let now = sim.now();
            sim.stations[n].person().look_for(now, &[to]);
            sim.run_for(Duration::from_secs(30));
            let (now, address) = (sim.now(), sim.stations[n].person().address());
            if let Participant::Person(bot) = &mut sim.stations[GROUP] {
                bot.passes_on_to.push(address);
            } else {
                sim.stations[n].person().say(now, to, &format!("/join Member{n}"));
            }
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
        let census = air.census.clone();
        Measured { circle: self, copies: delays.len(), delays, repeats, airtime, census }
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

    fn packets(&self, kind: &str) -> u64 {
        self.census.get(kind).map_or(0, |share| share.packets)
    }
}

/// A line of the table: the same circle with several seeds.
#[derive(Debug)]
pub(crate) struct Line {
    circle: Circle,
    /// The least of all seeds, in percent.
    pub(crate) arrived_percent: f64,
    /// The median of the seeds, as all that follows.
    p50: Duration,
    pub(crate) p95: Duration,
    messages: u64,
    repeats: usize,
    pub(crate) airtime: Duration,
}

impl Line {
    /// Measures with each of these seeds.
    pub(crate) fn measure(circle: Circle, seeds: Range<u64>) -> Self {
        let runs: Vec<Measured> = seeds.map(|seed| circle.measure(seed)).collect();
        Self {
            circle,
            arrived_percent: runs.iter().map(Measured::arrived_percent).fold(100.0, f64::min),
            p50: median(runs.iter().map(|run| run.delay(50))),
            p95: median(runs.iter().map(|run| run.delay(95))),
            messages: median(runs.iter().map(|run| run.packets("message"))),
            repeats: median(runs.iter().map(|run| run.repeats)),
            airtime: median(runs.iter().map(|run| run.airtime)),
        }
    }
}

fn median<T: Ord>(all: impl Iterator<Item = T>) -> T {
    let mut all: Vec<T> = all.collect();
    all.sort_unstable();
    all.swap_remove(all.len() / 2)
}

/// The lines of the committed table.
pub(crate) fn circles() -> Vec<Circle> {
    let mut all = Vec::new();
    for (spreading_factor, loss_permille) in [(7, 0), (8, 0), (8, 50), (8, 100), (9, 0), (10, 0)] {
        for fanout in [Fanout::Naive, Fanout::Group] {
            all.push(Circle { members: 20, posts: 60, spreading_factor, loss_permille, fanout });
        }
    }
    all
}

/// Seeds behind each line of the committed table.
pub(crate) const SEEDS: Range<u64> = 1..4;

/// What the table is about.
pub(crate) const TITLE: &str = "\
# A group on one LoRa channel, simulated

Written by `cargo run --profile search --example swarm -- --circle tests/sim/snapshots/circle.md`; the tests measure the lines of the
group again. All members and the group's node hear each other on one channel of 125 kHz and 4/5. One member after the other posts, a
post a minute for an hour; half an hour later it is counted what has arrived. *Naive* is a bot over the same router and engine that writes
one message to each member as soon as a post comes; *group* is our node. Each line is three seeds: the least that arrived, and the
median of all else. *Messages* counts the packets with messages of the whole run, those to the group included; *repeats* are copies
that came once more because their proof got lost, which clients drop; *air* is the time in that hour in which anybody sent.
";

/// Above the lines.
pub(crate) const HEAD: &str = "\
| members | posts | SF | loss | fan-out | arrived | p50 | p95 | messages | repeats | air |
|---|---|---|---|---|---|---|---|---|---|---|";

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Circle { members, posts, spreading_factor, loss_permille, fanout } = self.circle;
        let loss = f64::from(loss_permille) / 10.0;
        let fanout = if fanout == Fanout::Group { "group" } else { "naive" };
        write!(f, "| {members} | {posts} | {spreading_factor} | {loss} % | {fanout} ")?;
        write!(f, "| {:.1} % ", self.arrived_percent)?;
        write!(f, "| {:.0} s | {:.0} s ", self.p50.as_secs_f64(), self.p95.as_secs_f64())?;
        write!(f, "| {} | {} | {:.0} s |", self.messages, self.repeats, self.airtime.as_secs_f64())
    }
}
