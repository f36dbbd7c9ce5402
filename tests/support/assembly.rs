//! Runs drawn from a seed: a group's node and its members, over wires of their own or one radio channel, while loss comes in
//! bursts, some members are cut off, the node is killed and started again from its store, its clock steps, and somebody is
//! banned. Then all heals, and everybody must have every post once, in the order of the log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lora_channel::{Bursts, Signal, Terrain};
use meshgroup::group::{EventKind, FoundingRules, Seq};
use meshgroup::host::{FIRST_GROUP, Query, Rows};
use prost::Message;
use proto::v1;
use reticulum::crypto::Rng;
use reticulum::hash::DestinationHash;
use reticulum::node::AirtimeLimits;
use reticulum::time::Instant;

use super::air::{Air, modulation, radio_config};
use super::sim::{Sim, Wire};
use super::station::{GroupStation, Participant, Person, START};

/// The group's station; members are those after it.
const GROUP: usize = 0;
/// Within which all must be well when nothing hinders any more.
const HEALED_WITHIN: Duration = Duration::from_secs(4 * 3600);
/// How far the node's clock is set wrong at most.
const CLOCK_STEP_S: u64 = 120;

/// What a seed draws.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    members: usize,
    /// The spreading factor of the air, or wires if there is none.
    spreading_factor: Option<u8>,
    loss_permille: u64,
    jitter: Duration,
    bursts: bool,
    /// Who is cut off for the time of trouble.
    cut: Vec<usize>,
    crashes: usize,
    clock_steps: usize,
    /// Who is banned after how many posts.
    ban: Option<(usize, usize)>,
    posts: usize,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What was drawn.
    pub(crate) options: Options,
    /// Everything that happened.
    pub(crate) trace: [u8; 32],
    /// How long it took to heal.
    pub(crate) healed_after: Duration,
}

impl Options {
    fn draw(rng: &mut Rng) -> Self {
        let radio = rng.below(2) == 0;
        let members = 3 + rng.below(4) as usize;
        let often = |rng: &mut Rng| rng.below(3) > 0;
        let posts = 5 + rng.below(10) as usize;
        let cut = if often(rng) { (1..=members).filter(|_| rng.below(3) == 0).collect() } else { Vec::new() };
        Self {
            members,
            spreading_factor: radio.then(|| 7 + rng.below(2) as u8),
            loss_permille: rng.below(80),
            jitter: Duration::from_millis(rng.below(200)),
            bursts: often(rng),
            cut,
            crashes: rng.below(4) as usize,
            clock_steps: rng.below(3) as usize,
            ban: often(rng).then(|| (1 + rng.below(members as u64) as usize, 1 + rng.below(4) as usize)),
            posts,
        }
    }
}

/// A run under way.
struct Run {
    seed: u64,
    options: Options,
    rng: Rng,
    sim: Sim<Participant>,
    to: DestinationHash,
    /// Who wrote what that is to be in the log.
    written: Vec<(usize, String)>,
    /// What somebody wrote who was no longer in.
    unwanted: Vec<String>,
    /// How far the node's clock is ahead, in seconds.
    ahead_s: i64,
    banned: Option<usize>,
}

/// Runs what `seed` draws; panics, naming the seed, if anything is as it must not be.
pub(crate) fn run(seed: u64) -> Outcome {
    let mut bytes = [0xa5; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let mut rng = Rng::from_seed(bytes);
    let options = Options::draw(&mut rng);
    let mut sim = build(&options, seed);
    let to = sim.stations[GROUP].group().host.addresses().lxmf;
    let (written, unwanted) = (Vec::new(), Vec::new());
    let mut run = Run { seed, options, rng, sim, to, written, unwanted, ahead_s: 0, banned: None };
    run.gather();
    run.trouble();
    let healed_after = run.heal();
    run.check();
    Outcome { options: run.options, trace: run.sim.trace(), healed_after }
}

fn build(options: &Options, seed: u64) -> Sim<Participant> {
    let now = Instant::from_micros(1_000_000);
    let lora = options.spreading_factor.map(modulation);
    let wires = if lora.is_some() { 1 } else { options.members };
    let mut group = GroupStation::with(1, now, wires, FoundingRules::default()).on_disk();
    if let Some(lora) = lora {
        group = group.and_radio(now, move || radio_config(lora, AirtimeLimits::default()));
    }
    let mut stations = vec![Participant::Group(Box::new(group))];
    for n in 1..=options.members {
        let (seed, name) = (10 + n as u8, format!("Member {n}"));
        let person = match lora {
            Some(lora) => Person::on(seed, &name, now, radio_config(lora, AirtimeLimits::default())),
            None => Person::new(seed, &name, now),
        };
        stations.push(Participant::Person(Box::new(person)));
    }
    let wire = |n| Wire {
        a: (GROUP, n - 1),
        b: (n, 0),
        latency: Duration::from_millis(20),
        jitter: options.jitter,
        loss_permille: options.loss_permille,
    };
    let wires = if lora.is_some() { Vec::new() } else { (1..=options.members).map(wire).collect() };
    let mut sim = Sim::new(seed, now, stations, wires);
    if let Some(lora) = lora {
        let ports = (0..=options.members).map(|n| (n, usize::from(n == GROUP))).collect();
        let signal = Signal { rssi_dbm: -100, loss_permille: options.loss_permille as u16 };
        sim.air = Some(Air::new(Terrain::even(options.members + 1, signal), ports, lora, seed));
    }
    sim
}

impl Run {
    /// All join, and know that they are in.
    fn gather(&mut self) {
        let to = self.to;
        for n in 1..=self.options.members {
            let now = self.sim.now();
            self.person(n).look_for(now, &[to]);
            self.sim.run_for(Duration::from_secs(20));
            let now = self.sim.now();
            self.person(n).say(now, to, &format!("/join Member{n}"));
            self.sim.run_for(Duration::from_secs(20));
        }
        let members = self.options.members;
        for _ in 0..60 {
            if self.sim.stations[GROUP].group().host.group().state().roster.len() == members {
                return;
            }
            for n in 1..=members {
                let now = self.sim.now();
                self.person(n).look_for(now, &[to]);
                self.sim.run_for(Duration::from_secs(30));
            }
        }
        panic!("seed {}: not all came in. {:?}", self.seed, self.options);
    }

    fn trouble(&mut self) {
        self.set_bursts(true);
        self.cut(true);
        for n in 0..self.options.posts {
            self.post(n);
            if self.options.ban.is_some_and(|(_, after)| after == n) {
                self.ban();
            }
            if n < self.options.crashes {
                let soon = Duration::from_millis(self.rng.below(4000));
                self.sim.run_for(soon);
                self.crash();
            }
            if n < self.options.clock_steps {
                self.ahead_s = self.rng.below(2 * CLOCK_STEP_S) as i64 - CLOCK_STEP_S as i64;
                self.set_clock();
            }
            let pause = Duration::from_secs(5 + self.rng.below(90));
            self.sim.run_for(pause);
        }
    }

    fn post(&mut self, n: usize) {
        let from = 1 + self.rng.below(self.options.members as u64) as usize;
        let text = format!("[{n}] by {from}");
        let (now, to) = (self.sim.now(), self.to);
        self.person(from).say(now, to, &text);
        if self.banned == Some(from) { self.unwanted.push(text) } else { self.written.push((from, text)) }
    }

    /// The operator bans somebody. What they wrote that has not come yet is not taken any more.
    fn ban(&mut self) {
        let Some((who, _)) = self.options.ban else { return };
        let name = Some(v1::Who { who: Some(v1::who::Who::Name(format!("Member{who}"))) });
        let request = v1::BanRequest { who: name, reason: String::new(), lasts_s: 0 };
        let now = self.sim.now();
        let group = self.sim.stations[GROUP].group();
        group.call(now, "", "/api/v1/members/ban", &request.encode_to_vec());
        self.sim.run_for(Duration::from_secs(1));
        let answer = self.sim.stations[GROUP].group().answers.pop().expect("the operator has an answer");
        let answer = v1::BanResponse::decode(&answer[..]).expect("an answer");
        assert_eq!(answer.error, None, "seed {}", self.seed);
        self.banned = Some(who);
    }

    /// The node is killed, is away for a while, and starts again.
    fn crash(&mut self) {
        let away = Duration::from_secs(self.rng.below(120));
        let now = self.sim.now();
        if let Some(air) = &mut self.sim.air {
            air.switch(now, GROUP, false);
        }
        let losses: Vec<u64> = self.sim.wires.iter().map(|wire| wire.loss_permille).collect();
        self.sim.wires.iter_mut().for_each(|wire| wire.loss_permille = 1000);
        let unix = START + now.since(Instant::ZERO);
        self.sim.stations[GROUP].group().crash(now, unix);
        self.sim.run_for(away);
        self.sim.wires.iter_mut().zip(losses).for_each(|(wire, loss)| wire.loss_permille = loss);
        let now = self.sim.now();
        if let Some(air) = &mut self.sim.air {
            air.switch(now, GROUP, true);
        }
        self.set_clock();
    }

    fn set_clock(&mut self) {
        let now = self.sim.now();
        let (clock, step) =
            (START + now.since(Instant::ZERO), Duration::from_secs(self.ahead_s.unsigned_abs()));
        let unix = if self.ahead_s < 0 { clock - step } else { clock + step };
        self.sim.stations[GROUP].group().host.set_unix_time(now, unix);
    }

    fn set_bursts(&mut self, on: bool) {
        let on = on && self.options.bursts;
        if let Some(air) = &mut self.sim.air {
            let bursts = Bursts { begin_permille: 30, end_permille: 200, loss_permille: 900 };
            air.set_bursts(on.then_some(bursts));
        }
        for wire in &mut self.sim.wires {
            wire.loss_permille = self.options.loss_permille + if on { self.rng.below(300) } else { 0 };
        }
    }

    fn cut(&mut self, apart: bool) {
        let now = self.sim.now();
        for n in self.options.cut.clone() {
            if let Some(air) = &mut self.sim.air {
                air.switch(now, n, !apart);
            } else if apart {
                self.sim.wires[n - 1].loss_permille = 1000;
            }
        }
    }

    /// Ends all trouble, and waits until all is well; returns how long that took.
    fn heal(&mut self) -> Duration {
        self.set_bursts(false);
        self.cut(false);
        self.ahead_s = 0;
        self.set_clock();
        let began = self.sim.now();
        while let Some(lacking) = self.lacking() {
            let healing = self.sim.now().since(began);
            let (seed, options) = (self.seed, &self.options);
            assert!(healing < HEALED_WITHIN, "seed {seed}: after {healing:?} {lacking}. {options:?}");
            // People announce themselves again from time to time, as programs do.
            let person = 1 + (healing.as_secs() / 300) as usize % self.options.members;
            let (now, to) = (self.sim.now(), self.to);
            self.person(person).look_for(now, &[to]);
            self.sim.run_for(Duration::from_secs(300));
        }
        self.sim.now().since(began)
    }

    /// What is still missing, if anything is.
    fn lacking(&mut self) -> Option<String> {
        let (banned, to) = (self.banned, self.to);
        let texts: BTreeSet<String> = self.log().into_iter().map(|(_, text)| text).collect();
        let in_time = |from: usize| Some(from) != banned;
        let missing = self.written.iter().find(|(from, text)| in_time(*from) && !texts.contains(text));
        if let Some((_, text)) = missing {
            return Some(format!("{text:?} is not in the log"));
        }
        for n in (1..=self.options.members).filter(|n| Some(*n) != banned) {
            for text in texts.iter().filter(|text| !text.ends_with(&format!("by {n}"))) {
                if self.person(n).heard_at(to, text).is_empty() {
                    return Some(format!("{n} lacks {text:?}"));
                }
            }
        }
        let pending = self.sim.stations[GROUP].group().host.counters()["copies_pending"];
        (pending > 0).then(|| format!("{pending} copies wait"))
    }

    /// Everybody has every post of others once and in order; who was banned nothing after that; the tables are what the log
    /// gives, and the ledger says the same.
    fn check(&mut self) {
        let (seed, log) = (self.seed, self.log());
        let texts: BTreeSet<&String> = log.iter().map(|(_, text)| text).collect();
        assert_eq!(texts.len(), log.len(), "seed {seed}: something was posted twice: {log:?}");
        for text in &self.unwanted {
            assert!(!texts.contains(text), "seed {seed}: {text:?} came from somebody who was banned");
        }
        let banned_at = self.banned_at();
        for n in 1..=self.options.members {
            let is_out = Some(n) == self.banned;
            let others = log.iter().filter(|(_, text)| !text.ends_with(&format!("by {n}")));
            let mut places = Vec::new();
            for (seq, text) in others {
                let places_of = self.places(n, text);
                if is_out {
                    let copies_max = usize::from(banned_at.is_none_or(|at| *seq < at));
                    assert!(places_of.len() <= copies_max, "seed {seed}: {text:?} at {n}, who is banned");
                    continue;
                }
                assert_eq!(places_of.len(), 1, "seed {seed}: {text:?} at {n}. {:?}", self.options);
                places.extend(places_of);
            }
            assert!(places.is_sorted(), "seed {seed}: {n} has it in another order: {places:?} {log:?}");
        }
        self.check_store();
    }

    fn check_store(&mut self) {
        let (seed, log) = (self.seed, self.log());
        let group = self.sim.stations[GROUP].group();
        assert_eq!(group.findings(), Vec::<String>::new(), "seed {seed}");
        for (seq, text) in log {
            let Rows::Gaps(gaps) = group.ask(&Query::Gaps { group: FIRST_GROUP, seq }) else { panic!() };
            assert!(gaps.is_empty(), "seed {seed}: of {text:?} the ledger says {gaps:?}");
        }
    }

    /// Where somebody finds a text: the number of the message, and the place in it, for each message of its own id.
    fn places(&mut self, n: usize, text: &str) -> Vec<(usize, usize)> {
        let to = self.to;
        let mut first = BTreeMap::new();
        for (index, (id, heard)) in self.person(n).messages_from(to).into_iter().enumerate() {
            if let Some(place) = heard.find(text) {
                first.entry(id).or_insert((index, place));
            }
        }
        first.into_values().collect()
    }

    /// The committed posts.
    fn log(&mut self) -> Vec<(Seq, String)> {
        let events = &self.sim.stations[GROUP].group().log[&FIRST_GROUP];
        let posts = events.iter().filter_map(|event| match &event.kind {
            EventKind::Posted(post) => Some((event.seq, post.text.clone())),
            _ => None,
        });
        posts.filter(|(_, text)| text.starts_with('[')).collect()
    }

    fn banned_at(&mut self) -> Option<Seq> {
        let events = &self.sim.stations[GROUP].group().log[&FIRST_GROUP];
        events.iter().find(|event| matches!(event.kind, EventKind::Banned { .. })).map(|event| event.seq)
    }

    fn person(&mut self, n: usize) -> &mut Person {
        self.sim.stations[n].person()
    }
}
