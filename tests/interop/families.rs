//! Each family of interfaces against the same one of the reference implementation, with and without access codes.

use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};

use meshgroup::config::Config;
use reticulum::hash::DestinationHash;
use reticulum::node::Event;
use serde_json::json;

use super::delivery::texts;
use crate::support::host::Host;
use crate::support::namespace::Neighbour;
use crate::support::process::{Folder, Meshgroup, free_port};
use crate::support::pty::Cable;
use crate::support::python::{Medium, Peer};
use crate::support::radios::{Radios, STOCK_SETTINGS};

const PATIENCE: Duration = Duration::from_secs(20);

/// What lays the two ends of a family's medium.
type Family = fn(&Folder) -> Ends;

/// The two ends of one medium, as each program's configuration has them.
pub(super) struct Ends {
    ours: String,
    theirs: String,
    /// Where their end is, if not beside ours.
    neighbour: Option<Neighbour>,
    /// Ours connects to theirs, which therefore starts first.
    theirs_first: bool,
    _cable: Option<Cable>,
    _radios: Option<Radios>,
}

impl Ends {
    fn new(ours: String, theirs: String) -> Self {
        Self { ours, theirs, neighbour: None, theirs_first: false, _cable: None, _radios: None }
    }

    /// Their end is in another network namespace.
    pub(super) fn across(neighbour: Neighbour, ours: String, theirs: String) -> Self {
        Self { neighbour: Some(neighbour), ..Self::new(ours, theirs) }
    }

    /// We connect to them.
    fn to_them(ours: String, theirs: String) -> Self {
        Self { theirs_first: true, ..Self::new(ours, theirs) }
    }

    fn on_a_cable(our_type: &str, ours: &str, their_type: &str, theirs: &str) -> Self {
        let cable = Cable::new();
        let [our_end, their_end] = &cable.ends;
        Self {
            ours: format!("type = \"{our_type}\"\nport = \"{our_end}\"\n{ours}"),
            theirs: format!("    type = {their_type}\n    port = {their_end}\n{theirs}"),
            _cable: Some(cable),
            ..Self::new(String::new(), String::new())
        }
    }

    pub(super) fn with(mut self, ours: &str, theirs: &str) -> Self {
        self.ours.push_str(ours);
        self.theirs.push_str(theirs);
        self
    }

    /// Our table, named "medium".
    fn table(&self) -> String {
        format!("[[interface]]\nname = \"medium\"\n{}", self.ours)
    }

    /// A node of ours and a stock peer, in the order that the medium wants.
    fn start(&self, folder: &Folder, name: &str) -> (Meshgroup, Peer) {
        let early = self.theirs_first.then(|| self.peer(folder, name));
        let node = Meshgroup::start(folder.path(), &self.table());
        wait_for(&node, "the interface to be online", |status| status["interfaces"][0]["online"] == true);
        (node, early.unwrap_or_else(|| self.peer(folder, name)))
    }

    fn peer(&self, folder: &Folder, name: &str) -> Peer {
        let prefix = self.neighbour.as_ref().map(Neighbour::prefix).unwrap_or_default();
        Peer::start_behind(&prefix, folder.path(), name, Medium::Lines(self.theirs.clone()), &[])
    }
}

fn tcp(_: &Folder) -> Ends {
    let port = free_port();
    Ends::new(
        format!("type = \"tcp-server\"\nlisten = \"127.0.0.1:{port}\"\n"),
        format!("    type = TCPClientInterface\n    target_host = 127.0.0.1\n    target_port = {port}\n"),
    )
}

fn backbone_listener(_: &Folder) -> Ends {
    let port = free_port();
    Ends::new(
        format!("type = \"backbone\"\nlisten = \"127.0.0.1:{port}\"\n"),
        format!(
            "    type = BackboneClientInterface\n    target_host = 127.0.0.1\n    target_port = {port}\n"
        ),
    )
}

fn backbone_client(_: &Folder) -> Ends {
    let port = free_port();
    Ends::to_them(
        format!("type = \"backbone\"\ntarget = \"127.0.0.1:{port}\"\n"),
        format!("    type = BackboneInterface\n    listen_ip = 127.0.0.1\n    listen_port = {port}\n"),
    )
}

fn tcp_client(_: &Folder) -> Ends {
    let port = free_port();
    Ends::to_them(
        format!("type = \"tcp-client\"\ntarget = \"127.0.0.1:{port}\"\n"),
        format!("    type = TCPServerInterface\n    listen_ip = 127.0.0.1\n    listen_port = {port}\n"),
    )
}

/// Real time at SF8 and 125 kHz: 3125 bits per second.
fn rnode(_: &Folder) -> Ends {
    let radios = Radios::start(2);
    let [ours, theirs] = [&radios.ports[0], &radios.ports[1]];
    let settings =
        "frequency = 867200000\nbandwidth = 125000\nspreading_factor = 8\ncoding_rate = 5\ntx_power = 7\n";
    Ends {
        ours: format!("type = \"rnode\"\nport = \"{ours}\"\n{settings}"),
        theirs: format!("    type = RNodeInterface\n    port = {theirs}\n{STOCK_SETTINGS}"),
        _radios: Some(radios),
        ..Ends::new(String::new(), String::new())
    }
}

fn udp(_: &Folder) -> Ends {
    let sockets = [(); 2].map(|()| UdpSocket::bind(("127.0.0.1", 0)).expect("loopback has a free port"));
    let [ours, theirs] = sockets.map(|socket| socket.local_addr().expect("bound").port());
    Ends::new(
        format!("type = \"udp\"\nlisten = \"127.0.0.1:{ours}\"\nforward = \"127.0.0.1:{theirs}\"\n"),
        format!(
            "    type = UDPInterface\n    listen_ip = 127.0.0.1\n    listen_port = {theirs}\n    \
             forward_ip = 127.0.0.1\n    forward_port = {ours}\n"
        ),
    )
}

fn serial(_: &Folder) -> Ends {
    Ends::on_a_cable("serial", "speed = 115200\n", "SerialInterface", "    speed = 115200\n")
}

/// A TNC at each end, faster than the usual 1200 bit/s, or the test would take minutes.
fn kiss(_: &Folder) -> Ends {
    let ours = "speed = 115200\nbitrate = 100000\ncallsign = \"N0CALL\"\nid_interval = 1\n";
    Ends::on_a_cable("kiss", ours, "KISSInterface", "    speed = 115200\n    bitrate = 100000\n")
}

fn ax25_kiss(_: &Folder) -> Ends {
    let ours = "speed = 115200\nbitrate = 100000\ncallsign = \"N0CALL\"\nssid = 1\n";
    let theirs = "    speed = 115200\n    bitrate = 100000\n    callsign = N1CALL\n    ssid = 2\n";
    Ends::on_a_cable("ax25-kiss", ours, "AX25KISSInterface", theirs)
}

/// Two scripts that are joined by two named pipes.
fn pipe(folder: &Folder) -> Ends {
    let [to_us, to_them] = ["to-us", "to-them"].map(|name| folder.path().join(name));
    let made = std::process::Command::new("mkfifo").args([&to_us, &to_them]).status().expect("mkfifo runs");
    assert!(made.success());
    let script = |name: &str, from: &Path, to: &Path| {
        let path = folder.path().join(name);
        let text = format!("cat '{}' &\nexec cat > '{}'\n", from.display(), to.display());
        std::fs::write(&path, text).expect("target/ is writable");
        path.display().to_string()
    };
    Ends::new(
        format!("type = \"pipe\"\ncommand = \"sh '{}'\"\n", script("ours.sh", &to_us, &to_them)),
        format!("    type = PipeInterface\n    command = sh {}\n", script("theirs.sh", &to_them, &to_us)),
    )
}

pub(super) fn wait_for(node: &Meshgroup, what: &str, mut reached: impl FnMut(&serde_json::Value) -> bool) {
    let end = Instant::now() + PATIENCE;
    loop {
        let status = node.status();
        if reached(&status) {
            return;
        }
        assert!(Instant::now() < end, "waiting for {what}: {status:#}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Messages go both ways between a group and a stock client, and a request of the client is answered.
pub(super) fn messages_pass(folder: &Folder, ends: &Ends) {
    let (node, mut alice) = ends.start(folder, "Alice");
    alice.tell(json!({"do": "announce"}));
    let group = node.group("address");
    assert_eq!(alice.deliver(&group, "opportunistic", "/join")["state"], "delivered");
    alice.message_with("Harbour chat");
    let sent = alice.deliver(&group, "direct", "by hook or by crook");
    assert_eq!((&sent["state"], &sent["method"]), (&json!("delivered"), &json!("direct")), "{sent}");
    assert_eq!(texts(&node), ["by hook or by crook"]);

    let to = node.group("api_address");
    let link = alice.ask(json!({"do": "link", "to": to, "name": "meshchat.group"}), "link");
    let request = json!({"do": "request", "link": link["link"], "path": "/api/v1/info", "timeout": 30});
    let answer = alice.ask(request, "response");
    assert!(answer["value"].as_str().is_some_and(|value| !value.is_empty()), "{answer}");

    let medium = &node.status()["interfaces"][0];
    assert_eq!((&medium["name"], &medium["media"]), (&json!("medium"), &json!(1)));
    for key in ["rx_packets", "tx_packets", "rx_bytes", "tx_bytes"] {
        assert!(medium[key].as_u64() > Some(0), "{key}: {medium}");
    }
}

/// A request of ours is answered by the reference implementation.
pub(super) fn our_request_is_answered(folder: &Folder, ends: &Ends) {
    let config = Config::parse(&ends.table(), Path::new("test.toml")).expect("a good table");
    let mut peer = ends.theirs_first.then(|| ends.peer(folder, "Service"));
    let host = Host::start(config.interfaces[0].settings.clone(), 1);
    let peer = peer.get_or_insert_with(|| ends.peer(folder, "Service"));
    let theirs = DestinationHash::from_hex(&peer.service).expect("an address");
    // Either may have opened its end later than the other, so both call until one hears the other.
    let end = Instant::now() + PATIENCE;
    let mut said = None::<Instant>;
    while !host.with(move |node, _| node.peer(&theirs).is_some() && node.path(&theirs).is_some()) {
        assert!(Instant::now() < end, "the service was not found");
        if said.is_none_or(|at| at.elapsed() > Duration::from_secs(3)) {
            peer.tell(json!({"do": "announce_service"}));
            said = Some(Instant::now());
        }
        host.with(move |node, now| node.request_path(now, theirs));
        std::thread::sleep(Duration::from_millis(100));
    }
    let link = host.with(move |node, now| node.open_link(now, theirs)).expect("keys and path are known");
    host.wait("link", |event| match event {
        Event::LinkOpened { link: opened, .. } if *opened == link => Some(()),
        _ => None,
    });
    let question = b"\xc4\x05hello"; // MessagePack: five bytes
    let request = host
        .with(move |node, now| node.request(now, link, "/echo", question, None))
        .expect("the link is active");
    let echoed = host.wait("response", |event| match event {
        Event::Response { request: answered, value, .. } if *answered == request => Some(value.clone()),
        Event::RequestFailed { reason, .. } => panic!("{reason:?}"),
        _ => None,
    });
    assert_eq!(echoed, question);
}

fn both_ways(name: &str, ends: Family) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let folder = Folder::new(&format!("{name}-in"));
            messages_pass(&folder, &ends(&folder));
        });
        let folder = Folder::new(&format!("{name}-out"));
        our_request_is_answered(&folder, &ends(&folder));
    });
}

#[test]
fn tcp_carries_messages_and_requests_both_ways_from_either_end() {
    both_ways("tcp-server", tcp);
    both_ways("tcp-client", tcp_client);
}

#[test]
fn backbone_carries_messages_and_requests_both_ways_from_either_end() {
    both_ways("backbone-listener", backbone_listener);
    both_ways("backbone-client", backbone_client);
}

#[test]
fn udp_carries_messages_and_requests_both_ways() {
    both_ways("udp", udp);
}

#[test]
fn a_serial_line_carries_messages_and_requests_both_ways() {
    both_ways("serial", serial);
}

#[test]
fn a_kiss_tnc_carries_messages_and_requests_both_ways() {
    both_ways("kiss", kiss);
}

#[test]
fn an_ax25_kiss_tnc_carries_messages_and_requests_both_ways() {
    both_ways("ax25-kiss", ax25_kiss);
}

#[test]
fn an_rnode_carries_messages_and_requests_both_ways() {
    both_ways("rnode", rnode);
}

#[test]
fn a_pipe_carries_messages_and_requests_both_ways() {
    both_ways("pipe", pipe);
}

/// With one passphrase at both ends messages pass; with another at theirs nothing does, in either direction.
pub(super) fn access_codes_decide(name: &str, ends: impl Fn(&Folder) -> Ends) {
    let keys = |passphrase: &str| {
        (
            format!("network_name = \"harbour\"\npassphrase = \"{passphrase}\"\n"),
            format!("    network_name = harbour\n    passphrase = {passphrase}\n"),
        )
    };
    let folder = Folder::new(&format!("{name}-ifac"));
    let (ours, theirs) = keys("low tide");
    messages_pass(&folder, &ends(&folder).with(&ours, &theirs));

    let folder = Folder::new(&format!("{name}-ifac-wrong"));
    let ends = ends(&folder).with(&ours, &keys("high tide").1);
    let (node, mut eve) = ends.start(&folder, "Eve");
    // On some media the two ends have to find each other first.
    let mut said = None::<Instant>;
    wait_for(&node, "a frame to be counted", |status| {
        if said.is_none_or(|at| at.elapsed() > Duration::from_secs(1)) {
            eve.tell(json!({"do": "announce"}));
            said = Some(Instant::now());
        }
        status["counters"]["frame_access_code"].as_u64() > Some(0)
    });
    let found = eve.ask(json!({"do": "path", "to": node.group("address"), "within": 3}), "path");
    assert_eq!(found["found"], false, "{found}");
    assert!(eve.take("announce").is_empty(), "our announces mean nothing to a stranger");
    let counted = node.status()["counters"]["frame_access_code"].as_u64();
    assert!(counted > Some(1), "the path request too: {counted:?}");
}

/// Most of what these tests do is wait, so families wait together.
fn access_codes_decide_on(families: &[(&str, Family)]) {
    std::thread::scope(|scope| {
        for (name, ends) in families {
            scope.spawn(move || access_codes_decide(name, ends));
        }
    });
}

#[test]
fn on_networks_the_access_code_decides_who_is_heard() {
    access_codes_decide_on(&[("tcp", tcp), ("backbone", backbone_listener), ("udp", udp), ("pipe", pipe)]);
}

#[test]
fn on_lines_and_radios_the_access_code_decides_who_is_heard() {
    access_codes_decide_on(&[("serial", serial), ("kiss", kiss), ("ax25-kiss", ax25_kiss), ("rnode", rnode)]);
}

#[test]
fn a_device_that_is_not_there_keeps_nobody_from_running() {
    let folder = Folder::new("absent");
    let radio = "port = \"/nonexistent/ttyUSB0\"\nfrequency = 867200000\nbandwidth = 125000\n\
                 spreading_factor = 8\ncoding_rate = 5\ntx_power = 7\n";
    let more = format!(
        "[[interface]]\nname = \"radio\"\ntype = \"rnode\"\n{radio}\
         [[interface]]\nname = \"hidden\"\ntype = \"i2p\"\nconnectable = true\nbridge = \"127.0.0.1:9\"\n\
         [[interface]]\nname = \"gone\"\ntype = \"pipe\"\ncommand = \"/nonexistent/program\"\n"
    );
    let node = Meshgroup::start(folder.path(), &more);
    wait_for(&node, "the reasons", |status| {
        let waits = |index: usize, why: &str| {
            let interface = &status["interfaces"][index];
            interface["online"] == false
                && interface["waiting"].as_str().is_some_and(|reason| reason.contains(why))
        };
        waits(0, "/nonexistent/ttyUSB0: the device is not plugged in; next attempt in 5 s")
            && waits(1, "I2P router at 127.0.0.1:9: ")
            && waits(2, "No such file")
    });
    let mut alice = Peer::start(folder.path(), "Alice", Medium::Connect(node.port));
    assert_eq!(alice.deliver(&node.group("address"), "opportunistic", "/join")["state"], "delivered");
}
