//! A group of twenty on one LoRa channel at SF8: sixty posts in an hour through a real host, and what they cost.

use std::time::Duration;

use lora_channel::Terrain;
use reticulum::node::AirtimeLimits;
use reticulum::time::Instant;

use super::GROUP;
use crate::support::air::{Air, modulation, radio_config};
use crate::support::sim::Sim;
use crate::support::station::{GroupStation, Participant, Person};

const MEMBERS: usize = 20;
const POSTS: usize = 60;

#[test]
#[ignore = "measures, and prints the line of a table"]
fn sixty_posts_in_an_hour_to_twenty_members_on_one_channel() {
    let (now, lora) = (Instant::from_micros(1_000_000), modulation(8));
    let config = || radio_config(lora, AirtimeLimits::default());
    let group = GroupStation::new(1, now).and_radio(now, config());
    let mut stations = vec![Participant::Group(Box::new(group))];
    for n in 0..MEMBERS {
        let person = Person::on(2 + n as u8, &format!("Member {n}"), now, config());
        stations.push(Participant::Person(Box::new(person)));
    }
    let ports = (0..=MEMBERS).map(|n| (n, usize::from(n == GROUP))).collect();
    let terrain = Terrain::even(MEMBERS + 1, lora_channel::Signal { rssi_dbm: -100, loss_permille: 0 });
    let mut sim = Sim::new(1, now, stations, Vec::new());
    sim.air = Some(Air::new(terrain, ports, lora, 1));
    let to = sim.stations[GROUP].group().host.addresses().lxmf;
    for n in 1..=MEMBERS {
        let now = sim.now();
        sim.stations[n].person().look_for(now, &[to]);
        sim.run_for(Duration::from_secs(30));
        let now = sim.now();
        sim.stations[n].person().say(now, to, &format!("/join Member{n}"));
        sim.run_for(Duration::from_secs(30));
    }
    sim.run_for(Duration::from_secs(600));
    let before = sim.air.as_ref().expect("it has air").airtime();
    for post in 0..POSTS {
        let now = sim.now();
        sim.stations[1 + post % MEMBERS].person().say(now, to, &format!("post {post} of sixty in an hour"));
        sim.run_for(Duration::from_secs(60));
    }
    let used = sim.air.as_ref().expect("it has air").airtime() - before;
    sim.run_for(Duration::from_secs(1800));
    let mut copies = 0;
    for n in 1..=MEMBERS {
        let heard = sim.stations[n].person().heard_from(to).join("\n");
        let others = (0..POSTS).filter(|post| 1 + post % MEMBERS != n);
        copies += others.filter(|post| heard.contains(&format!("post {post} of sixty"))).count();
    }
    let wanted = POSTS * (MEMBERS - 1);
    println!("{copies} of {wanted} copies, {used:?} of air in the hour");
    assert!(copies > 0);
}
