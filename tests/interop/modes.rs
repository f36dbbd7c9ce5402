//! Interface modes and the announce cap on the wire: the same announces through a node of ours and through the stock daemon,
//! in front of observers that speak bare Reticulum. What passes is what the table of interfaces.md section 1.4 says, for both.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use interfaces::{Settings, TcpClientSettings};
use reticulum::crypto::{Identity, Rng};
use reticulum::hash::DestinationHash;
use reticulum::node::{DestinationConfig, Event};

use super::families::wait_for;
use crate::support::host::Host;
use crate::support::process::{Folder, Meshgroup, free_port};
use crate::support::python::interpreter;

/// Each mode in our words and in theirs.
const MODES: [(&str, &str); 7] = [
    ("full", "full"),
    ("point-to-point", "pointtopoint"),
    ("access-point", "access_point"),
    ("roaming", "roaming"),
    ("boundary", "boundary"),
    ("gateway", "gateway"),
    ("internal", "internal"),
];

/// How long everything that passes may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// One try; then others are announced, for what was lost before all were connected.
const ROUND: Duration = Duration::from_secs(6);
/// What does not pass gets this much longer than what does: an announce goes out on all interfaces at once.
const SETTLING: Duration = Duration::from_secs(2);

/// Whether an announce that came in on an interface of mode `from` goes out on one of mode `to`.
fn passes(from: &str, to: &str) -> bool {
    match to {
        "access-point" => false,
        "internal" => from != "boundary",
        "roaming" => from != "roaming" && from != "boundary",
        "boundary" => from != "roaming",
        _ => true,
    }
}

/// The stock daemon as a transport node with these interfaces.
struct Daemon(Child);

impl Daemon {
    fn start(folder: &Folder, interfaces: &str) -> Self {
        let dir = folder.path().join("daemon");
        std::fs::create_dir_all(&dir).expect("target/ is writable");
        let config = format!(
            "[reticulum]\nenable_transport = Yes\nshare_instance = No\npanic_on_interface_error = No\n\
             [logging]\nloglevel = 1\n[interfaces]\n{interfaces}"
        );
        std::fs::write(dir.join("config"), config).expect("target/ is writable");
        let mut command = Command::new(interpreter().with_file_name("rnsd"));
        command.arg("--config").arg(dir).stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().expect("the stock daemon runs"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A node of ours that forwards between these interfaces.
fn forwarding(folder: &Folder, interfaces: &str) -> Meshgroup {
    let dir = folder.path().join("node");
    std::fs::create_dir_all(&dir).expect("target/ is writable");
    let config = format!("[node]\ntransport = true\n{interfaces}");
    std::fs::write(dir.join("meshgroup.toml"), config).expect("target/ is writable");
    Meshgroup::restart_on(&dir, 0)
}

fn our_server(name: &str, port: u16, more: &str) -> String {
    format!(
        "[[interface]]\nname = \"{name}\"\ntype = \"tcp-server\"\nlisten = \"127.0.0.1:{port}\"\n\
         ingress_control = false\n{more}\n"
    )
}

fn their_server(name: &str, port: u16, more: &str) -> String {
    format!(
        "[[{name}]]\ntype = TCPServerInterface\nenabled = Yes\nlisten_ip = 127.0.0.1\nlisten_port = {port}\n\
         ingress_control = No\n{more}\n"
    )
}

fn observers(ports: &[u16]) -> Vec<Host> {
    let observer = |(seed, port): (usize, &u16)| {
        let settings = TcpClientSettings::new(format!("127.0.0.1:{port}"));
        Host::start(Settings::TcpClient(settings), 40 + seed as u8)
    };
    ports.iter().enumerate().map(observer).collect()
}

/// Lets `host` announce something that nobody has heard of.
fn announce_new(host: &Host, number: u8) -> DestinationHash {
    host.with(move |node, now| {
        let identity = Arc::new(Identity::generate(&mut Rng::from_seed([number; 32])));
        let config = DestinationConfig::new(identity, "interop.modes");
        let destination = node.add_destination(config).expect("it is new");
        node.announce(now, destination, None).expect("it is ours");
        destination
    })
}

/// Takes what was announced to `host` meanwhile.
fn heard(host: &Host, patience: Duration) -> Vec<DestinationHash> {
    let mut all = Vec::new();
    let end = Instant::now() + patience;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let announce = host.wait_within(left, |event| match event {
            Event::Announce { destination, .. } => Some(*destination),
            _ => None,
        });
        match announce {
            Some(destination) => all.push(destination),
            None => return all,
        }
    }
}

/// Which observer's announces reach which other.
fn matrix(hosts: &[Host], expected: &BTreeSet<(usize, usize)>) -> BTreeSet<(usize, usize)> {
    let (mut sources, mut seen) = (BTreeMap::new(), BTreeSet::new());
    let end = Instant::now() + PATIENCE;
    let mut number = 0;
    while !expected.is_subset(&seen) {
        assert!(Instant::now() < end, "not heard: {:?}", expected.difference(&seen).collect::<Vec<_>>());
        for (source, host) in hosts.iter().enumerate() {
            number += 1;
            sources.insert(announce_new(host, number), source);
        }
        let round = Instant::now() + ROUND;
        while Instant::now() < round && !expected.is_subset(&seen) {
            gather(hosts, &sources, &mut seen, Duration::from_millis(50));
        }
    }
    gather(hosts, &sources, &mut seen, SETTLING / hosts.len() as u32);
    gather(hosts, &sources, &mut seen, Duration::from_millis(50));
    seen
}

fn gather(
    hosts: &[Host],
    sources: &BTreeMap<DestinationHash, usize>,
    seen: &mut BTreeSet<(usize, usize)>,
    patience: Duration,
) {
    for (observer, host) in hosts.iter().enumerate() {
        let known = heard(host, patience);
        seen.extend(known.iter().filter_map(|destination| Some((*sources.get(destination)?, observer))));
    }
}

/// All pairs of modes between which announces pass.
fn expected() -> BTreeSet<(usize, usize)> {
    let pairs = (0..MODES.len()).flat_map(|from| (0..MODES.len()).map(move |to| (from, to)));
    pairs.filter(|(from, to)| from != to && passes(MODES[*from].0, MODES[*to].0)).collect()
}

fn assert_matrix(hosts: &[Host], who: &str) {
    let expected = expected();
    let found = matrix(hosts, &expected);
    let name = |(from, to): &(usize, usize)| format!("{} to {}", MODES[*from].0, MODES[*to].0);
    let surplus: Vec<_> = found.difference(&expected).map(name).collect();
    assert!(surplus.is_empty(), "{who} passed announces from {surplus:?}");
}

#[test]
fn announces_pass_a_node_of_ours_as_the_modes_of_its_interfaces_say() {
    let folder = Folder::new("modes-ours");
    let ports = MODES.map(|_| free_port());
    let table: String = MODES
        .iter()
        .zip(ports)
        .map(|((mode, _), port)| our_server(mode, port, &format!("mode = \"{mode}\"")))
        .collect();
    let node = forwarding(&folder, &table);
    let hosts = observers(&ports);
    wait_for(&node, "all observers", |status| {
        (0..MODES.len()).all(|index| status["interfaces"][index]["media"] == 1)
    });
    // Its own announces reach all but who is behind the access point.
    let own = DestinationHash::from_hex(&node.group("address")).expect("an address");
    for (host, (mode, _)) in hosts.iter().zip(MODES).filter(|(_, (mode, _))| *mode != "access-point") {
        host.wait(&format!("our announce on {mode}"), |event| match event {
            Event::Announce { destination, .. } => (*destination == own).then_some(()),
            _ => None,
        });
    }
    let access_point = MODES.iter().position(|(mode, _)| *mode == "access-point").expect("it is one of them");
    assert!(!heard(&hosts[access_point], SETTLING).contains(&own), "an access point stays silent");
    assert_matrix(&hosts, "our node");
}

#[test]
fn announces_pass_the_stock_daemon_as_they_pass_ours() {
    let folder = Folder::new("modes-stock");
    let ports = MODES.map(|_| free_port());
    let interfaces: String = MODES
        .iter()
        .zip(ports)
        .map(|((_, mode), port)| their_server(mode, port, &format!("mode = {mode}")))
        .collect();
    let _daemon = Daemon::start(&folder, &interfaces);
    assert_matrix(&observers(&ports), "the stock daemon");
}

/// Bits a second of an interface whose announces are to be told apart by the cap: with 2 %, an announce of 167 bytes pauses
/// the next for 3.3 s.
const SLOW_BPS: u32 = 20_000;
const PAUSE: Duration = Duration::from_millis(8 * 167 * 1000 / (SLOW_BPS as u64 / 50));
const ANNOUNCES: u8 = 4;

/// How long it takes until the last of some announces made at once is through, after the first.
fn through_a_slow_interface(hosts: &[Host]) -> Duration {
    let [source, slow] = hosts else { panic!("a source and who is behind the slow interface") };
    let end = Instant::now() + PATIENCE;
    let mut number = 100;
    // The way is there once one is heard.
    loop {
        number += 1;
        let probe = announce_new(source, number);
        if heard(slow, ROUND).contains(&probe) {
            break;
        }
        assert!(Instant::now() < end, "nothing comes through");
    }
    std::thread::sleep(2 * PAUSE); // whatever else there was to announce is over, and its pause
    let wanted: BTreeSet<_> = (0..ANNOUNCES).map(|one| announce_new(source, 200 + one)).collect();
    let (mut missing, mut first) = (wanted.clone(), None);
    while !missing.is_empty() {
        assert!(Instant::now() < end + PATIENCE, "{} are missing", missing.len());
        for destination in heard(slow, Duration::from_millis(50)) {
            if missing.remove(&destination) {
                first.get_or_insert_with(Instant::now);
            }
        }
    }
    first.expect("one was the first").elapsed()
}

/// The least that the cap makes of it, less one pause for a first that was noted late.
fn assert_capped(took: Duration, who: &str) {
    let least = PAUSE * u32::from(ANNOUNCES - 2);
    assert!(
        took >= least,
        "{who}: {ANNOUNCES} announces came within {took:?}, and the cap is {PAUSE:?} for each"
    );
}

#[test]
fn the_announce_cap_paces_a_node_of_ours_and_the_stock_daemon_alike() {
    let folder = Folder::new("modes-cap");
    let ports = [free_port(), free_port()];
    let slow = format!("bitrate = {SLOW_BPS}\nannounce_cap = 2.0");
    let node =
        forwarding(&folder, &(our_server("fast", ports[0], "") + &our_server("slow", ports[1], &slow)));
    let hosts = observers(&ports);
    wait_for(&node, "both", |status| (0..2).all(|index| status["interfaces"][index]["media"] == 1));
    assert_capped(through_a_slow_interface(&hosts), "our node");
    drop((hosts, node));

    let ports = [free_port(), free_port()];
    let slow = format!("bitrate = {SLOW_BPS}\nannounce_cap = 2");
    let _daemon = Daemon::start(
        &folder,
        &(their_server("fast", ports[0], "") + &their_server("slow", ports[1], &slow)),
    );
    assert_capped(through_a_slow_interface(&observers(&ports)), "the stock daemon");
}
