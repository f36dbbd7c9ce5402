//! The shared instance of a machine: ours serves stock programs and the stock tools, and is a client of the stock `rnsd`.
//! Each test has an instance name of its own, and sockets in the abstract namespace, so that nothing else is joined.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::delivery::texts;
use super::families::wait_for;
use super::transport::{carry_everything, counter, introduce};
use crate::support::namespace::{Neighbour, run_alone};
use crate::support::process::{Folder, Meshgroup, free_port};
use crate::support::python::{Medium, Peer, interpreter};
use crate::support::radios::{Radios, STOCK_SETTINGS};

const KEY: &str = "00112233445566778899aabbccddeeff";

fn instance(name: &str) -> String {
    format!("meshgroup-{name}-{}", std::process::id())
}

/// A node of ours that is the shared instance of this name, with a TCP server beside it.
fn sharing(folder: &Folder, name: &str, more: &str) -> Meshgroup {
    let table =
        format!("[node]\nshare_instance = true\ninstance_name = \"{name}\"\nrpc_key = \"{KEY}\"\n{more}");
    Meshgroup::start(folder.path(), &table)
}

fn program(folder: &Folder, name: &str, instance: &str) -> Peer {
    Peer::start(folder.path(), name, Medium::Instance(instance.to_owned(), KEY))
}

/// A folder for the stock tools that says which instance to ask.
fn tools(folder: &Folder, instance: &str, key: &str) -> PathBuf {
    let dir = folder.path().join("tools");
    std::fs::create_dir_all(&dir).expect("target/ is writable");
    let config = format!(
        "[reticulum]\nshare_instance = Yes\ninstance_name = {instance}\nrpc_key = {key}\n[logging]\nloglevel = 1\n\
         [interfaces]\n"
    );
    std::fs::write(dir.join("config"), config).expect("target/ is writable");
    dir
}

fn tool(config: &Path, name: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(interpreter().with_file_name(name));
    let output = command.arg("--config").arg(config).args(arguments).output().expect("the stock tool runs");
    [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
}

#[track_caller]
fn assert_says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "no {part:?} in:\n{said}");
    }
}

#[test]
fn programs_reach_the_network_and_are_reached_through_our_instance() {
    let folder = Folder::new("shared-ours");
    let name = instance("ours");
    let node = sharing(&folder, &name, "");
    let mut far = Peer::start(folder.path(), "Far", Medium::Connect(node.port));
    let mut near = program(&folder, "Near", &name);
    introduce(&mut near, &mut far);
    introduce(&mut far, &mut near);
    carry_everything(&mut near, &mut far, 1);
    carry_everything(&mut far, &mut near, 1);
    for refused in ["relay_proof_forged", "relay_wrong_way", "forward_too_long"] {
        assert_eq!(counter(&node, refused), 0, "{refused}");
    }
}

#[test]
fn two_programs_reach_each_other_and_the_group_and_may_come_and_go() {
    let folder = Folder::new("shared-two");
    let name = instance("two");
    let node = sharing(&folder, &name, "");
    let mut first = program(&folder, "First", &name);
    let mut second = program(&folder, "Second", &name);
    introduce(&mut first, &mut second);
    assert_eq!(first.deliver(&second.delivery, "direct", "next door")["state"], "delivered");
    second.message("next door");

    let group = node.group("address");
    assert_eq!(first.deliver(&group, "opportunistic", "/join")["state"], "delivered");
    first.message_with("Harbour chat");
    assert_eq!(first.deliver(&group, "direct", "aboard")["state"], "delivered");
    assert_eq!(texts(&node), ["aboard"]);

    // The one that goes is forgotten, the same one that comes again is found.
    let address = second.delivery.clone();
    drop(second);
    let mut second = program(&folder, "Second", &name);
    assert_eq!(second.delivery, address);
    introduce(&mut first, &mut second);
    assert_eq!(first.deliver(&address, "opportunistic", "there again")["state"], "delivered");
    second.message("there again");
}

#[test]
fn the_stock_tools_see_our_instance_and_what_it_knows() {
    let folder = Folder::new("shared-tools");
    let name = instance("tools");
    let node = sharing(&folder, &name, "transport = true\nrespond_to_probes = true\n");
    let mut far = Peer::start(folder.path(), "Far", Medium::Connect(node.port));
    let mut near = program(&folder, "Near", &name);
    introduce(&mut near, &mut far);
    let config = tools(&folder, &name, KEY);

    let server = format!("TCPServerInterface[local/127.0.0.1:{}]", node.port);
    let status = tool(&config, "rnstatus", &[]);
    let shared = format!("Shared Instance[rns/{name}]");
    assert_says(
        &status,
        &[&server, "Status    : Up", "Clients   : 1", &shared, "Rate      : 1.00 Gbps", "Mode      : Full"],
    );
    assert_says(&status, &["Traffic   : ↑", "Transport Instance <", "running", "Probe responder at <"]);
    assert_says(
        &tool(&config, "rnstatus", &["-a", "-A", "-P", "-l", "-t", "-p", "-q"]),
        &["Announces", "entries in link table"],
    );
    // Announces are passed on a moment after they are heard.
    let ask =
        || -> serde_json::Value { serde_json::from_str(&tool(&config, "rnstatus", &["-j"])).expect("JSON") };
    let end = Instant::now() + Duration::from_secs(45);
    let mut json = ask();
    while json["interfaces"][0]["atxc"] == 0 && Instant::now() < end {
        json = ask();
    }
    let types: Vec<_> =
        json["interfaces"].as_array().expect("a list").iter().map(|row| &row["type"]).collect();
    let server_and_instance = ["TCPServerInterface", "LocalServerInterface"];
    // Whoever is connected has a row too: the peer, the program and the tool itself.
    let connected = ["TCPClientInterface", "LocalClientInterface", "LocalClientInterface"];
    assert_eq!(types, [&server_and_instance[..], &connected].concat(), "{json}");
    for key in ["arxb", "atxb"] {
        assert!(json[key].as_u64() > Some(0), "{key}: {json}");
    }
    for key in ["arxc", "atxc"] {
        assert!(json["interfaces"][0][key].as_u64() > Some(0), "{key}: {json}");
    }

    let service = &far.service.clone();
    let paths = tool(&config, "rnpath", &["-t"]);
    assert_says(
        &paths,
        &[&format!("<{service}> is 1 hop  away via <{service}> on TCPInterface[Client on local/")],
    );
    assert_says(&tool(&config, "rnpath", &["-r"]), &[&format!("<{service}> last heard"), "announces/hour"]);
    assert_says(
        &tool(&config, "rnpath", &[service]),
        &["Path found", "1 hop away", "TCPInterface[Client on local/"],
    );
    let probed = tool(&config, "rnprobe", &["-t", "20", "interop.service", service]);
    assert_says(&probed, &["Valid reply from", "over 1 hop"]);

    assert_says(&tool(&config, "rnpath", &["-d", service]), &["Dropped path to"]);
    assert!(!tool(&config, "rnpath", &["-t"]).contains(service));
    introduce(&mut near, &mut far);
    assert_says(&tool(&config, "rnpath", &["-t"]), &[service]);
    tool(&config, "rnpath", &["-D"]);

    let identity = far.identity.clone();
    assert_says(&tool(&config, "rnpath", &["-B", &identity]), &["lackholed"]);
    assert!(!tool(&config, "rnpath", &["-t"]).contains(service), "what is blackholed has no path");
    assert_says(&tool(&config, "rnpath", &["-b"]), &[&identity]);
    tool(&config, "rnpath", &["-U", &identity]);
    assert!(!tool(&config, "rnpath", &["-b"]).contains(&identity));
}

/// What a tool says, and how it ends.
fn run_tool(config: &Path, name: &str, arguments: &[&str]) -> (String, Option<i32>) {
    let mut command = Command::new(interpreter().with_file_name(name));
    let output = command.arg("--config").arg(config).args(arguments).output().expect("the stock tool runs");
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (said, output.status.code())
}

/// Each option that the tools have for a local instance, with what they say and return in front of a stock daemon.
#[test]
fn each_option_of_the_stock_tools_does_what_it_does_with_a_stock_daemon() {
    let folder = Folder::new("shared-options");
    let name = instance("options");
    let closed = "[[interface]]\nname = \"closed\"\ntype = \"tcp-server\"\nlisten = \"127.0.0.1:0\"\n\
                  network_name = \"mynet\"\npassphrase = \"secret\"\n";
    let node = sharing(&folder, &name, &format!("transport = true\nrespond_to_probes = true\n{closed}"));
    let mut far = Peer::start(folder.path(), "Far", Medium::Connect(node.port));
    let mut near = program(&folder, "Near", &name);
    introduce(&mut near, &mut far);
    let config = tools(&folder, &name, KEY);
    let (service, identity) = (far.service.clone(), far.identity.clone());
    let nobody = "0123456789abcdef0123456789abcdef";
    let unknown = format!("Unable to drop path to <{nobody}>. Does it exist?");
    let rows: &[(&str, &[&str], &[&str], i32)] = &[
        ("rnstatus", &["closed"], &["Network   : mynet", "Access    : 128-bit IFAC by <…bbf0bd7203>"], 0),
        ("rnstatus", &["-a"], &["LocalInterface[", "TCPInterface[Client on local/"], 0),
        ("rnstatus", &["-A"], &["Announces : ", "of flow"], 0),
        ("rnstatus", &["-P"], &["Path Rqs. : ", "of flow"], 0),
        ("rnstatus", &["-l"], &["entries in link table"], 0),
        ("rnstatus", &["-B"], &["Transport Instance <"], 0),
        ("rnstatus", &["-b"], &["Shared Instance["], 0),
        ("rnstatus", &["-t", "-p"], &["Totals       : ↑", "pps"], 0),
        ("rnstatus", &["-q"], &["Qu. Pressure : 0.0% total, "], 0),
        ("rnstatus", &["-z"], &["Shared Instance["], 0),
        ("rnstatus", &["-d"], &["Last Heard"], 0),
        ("rnstatus", &["-s", "arxc", "-r"], &["Shared Instance["], 0),
        ("rnstatus", &["-s", "flt"], &["Shared Instance["], 0),
        ("rnstatus", &["-v"], &["Probe responder at <"], 0),
        ("rnpath", &["-t", "-m", "1"], &[&service], 0),
        ("rnpath", &["-t", "-j"], &["\"hops\": 1", &service], 0),
        ("rnpath", &["-t", &service], &[&service], 0),
        ("rnpath", &["-r", "-j"], &["\"rate_violations\": 0", &service], 0),
        ("rnpath", &["-r", &service], &["last heard", "announces/hour"], 0),
        ("rnpath", &["-d", nobody], &[&unknown], 1),
        ("rnpath", &["-x", nobody], &["Does the transport instance exist?"], 1),
        ("rnpath", &["-x", &service], &["Dropped all paths via"], 0),
        ("rnpath", &["-w", "20", &service], &["Path found"], 0),
        ("rnpath", &["-D"], &["Dropping announce queues"], 0),
        ("rnpath", &["-w", "1", nobody], &["Path not found"], 1),
        (
            "rnprobe",
            &["-n", "2", "-s", "32", "-t", "20", "-v", "interop.service", &service],
            &["packet loss 0.0%"],
            0,
        ),
        ("rnprobe", &["-t", "1", "-w", "0", "interop.service", nobody], &["Path request timed out"], 1),
        ("rnpath", &["-b"], &["No blackholed identity data available"], 20),
        ("rnpath", &["-B", &identity, "--duration", "1", "--reason", "spam"], &["Blackholed identity"], 0),
        ("rnpath", &["-B", &identity], &["already blackholed"], 0),
        ("rnpath", &["-b"], &["blackholed for 59m", "(spam) by <"], 0),
        ("rnpath", &["-b", "spam"], &["(spam)"], 0),
        ("rnpath", &["-U", &identity], &["Lifted blackhole"], 0),
        ("rnpath", &["-U", &identity], &["not blackholed"], 0),
    ];
    for (tool, arguments, parts, code) in rows {
        let (said, ended) = run_tool(&config, tool, arguments);
        let what = format!("{tool} {arguments:?} said, and returned {ended:?}:\n{said}");
        assert!(parts.iter().all(|part| said.contains(part)), "not {parts:?}: {what}");
        // What fails ends now with its code, now with 0, with a stock daemon too.
        assert!(ended == Some(*code) || *code > 0, "{what}");
    }
}

#[test]
fn who_was_blackholed_stays_so_over_a_restart() {
    let folder = Folder::new("shared-blackhole");
    let name = instance("blackhole");
    let mut node = sharing(&folder, &name, "transport = true\n");
    let config = tools(&folder, &name, KEY);
    let [long, brief] = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"];
    tool(&config, "rnpath", &["-B", long, "--reason", "spam"]);
    tool(&config, "rnpath", &["-B", brief]);
    tool(&config, "rnpath", &["-U", brief]);
    node.terminate();
    let node = Meshgroup::restart_on(node.dir(), node.port);
    let listed = tool(&config, "rnpath", &["-b"]);
    assert_says(&listed, &[long, "indefinitely (spam)"]);
    assert!(!listed.contains(brief), "{listed}");
    drop(node);
}

#[test]
fn programs_learn_how_well_a_radio_received_their_packets() {
    let radios = Radios::start(2);
    let folder = Folder::new("shared-signal");
    let name = instance("signal");
    let table = format!(
        "[node]\nshare_instance = true\ninstance_name = \"{name}\"\nrpc_key = \"{KEY}\"\n[[interface]]\n\
         name = \"radio\"\ntype = \"rnode\"\nport = \"{}\"\nfrequency = 867200000\nbandwidth = 125000\n\
         tx_power = 7\nspreading_factor = 8\ncoding_rate = 5\n",
        radios.ports[0]
    );
    let node = node_with(&folder, &table);
    let lines = format!("    type = RNodeInterface\n    port = {}\n{STOCK_SETTINGS}", radios.ports[1]);
    let far = Peer::start(folder.path(), "Far", Medium::Lines(lines));
    wait_for(&node, "the radio", |status| status["interfaces"][0]["online"] == true);
    let config = tools(&folder, &name, KEY);
    let probe = || tool(&config, "rnprobe", &["-t", "30", "interop.service", &far.service]);
    // A packet on the air may meet another: the node announces itself there too.
    let probed =
        (0..4).map(|_| probe()).find(|said| said.contains("Valid reply")).expect("one of four comes through");
    assert_says(&probed, &["[RSSI -90", "[SNR ", "[Link Quality "]);
}

#[test]
fn a_tool_with_another_key_learns_nothing() {
    let folder = Folder::new("shared-key");
    let name = instance("key");
    let _node = sharing(&folder, &name, "");
    let right = tools(&folder, &name, KEY);
    assert_says(&tool(&right, "rnstatus", &[]), &["Shared Instance"]);
    let wrong = tools(&folder, &name, "ffeeddccbbaa99887766554433221100");
    let said = tool(&wrong, "rnstatus", &[]);
    assert!(!said.contains("Shared Instance["), "{said}");
}

/// The stock daemon as the shared instance, with a TCP server.
struct Rnsd(Child);

impl Rnsd {
    fn start(folder: &Folder, instance: &str, port: u16) -> Self {
        let dir = folder.path().join("rnsd");
        std::fs::create_dir_all(&dir).expect("target/ is writable");
        let config = format!(
            "[reticulum]\nenable_transport = No\nshare_instance = Yes\ninstance_name = {instance}\nrpc_key = {KEY}\n\
             [logging]\nloglevel = 1\n[interfaces]\n[[way]]\ntype = TCPServerInterface\nenabled = Yes\n\
             ingress_control = No\nlisten_ip = 127.0.0.1\nlisten_port = {port}\n"
        );
        std::fs::write(dir.join("config"), config).expect("target/ is writable");
        let mut command = Command::new(interpreter().with_file_name("rnsd"));
        command.arg("--config").arg(dir).stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().expect("the stock daemon runs"))
    }
}

impl Drop for Rnsd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A node of ours with this configuration and nothing else.
fn node_with(folder: &Folder, config: &str) -> Meshgroup {
    let dir = folder.path().join("node");
    std::fs::create_dir_all(&dir).expect("target/ is writable");
    let config = format!("[group]\nname = \"Harbour chat (group)\"\n{config}");
    std::fs::write(dir.join("meshgroup.toml"), config).expect("target/ is writable");
    Meshgroup::restart_on(&dir, 0)
}

fn online(node: &Meshgroup, online: bool) {
    // The next attempt to connect, and what the instance is given to set itself up.
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let interface = node.status()["interfaces"][0].clone();
        assert_eq!(interface["type"], "local");
        if interface["online"] == online {
            return;
        }
        assert!(Instant::now() < end, "{interface}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Looks for the way until it is found: on a busy machine a stock peer now and then sends nothing of what it is told to.
fn find(peer: &mut Peer, to: &str) {
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        let path = peer.ask(json!({"do": "path", "to": to}), "path");
        if path["found"] == true {
            assert_eq!(path["hops"].as_u64(), Some(1), "{path}");
            return;
        }
        assert!(Instant::now() < end, "{path}");
    }
}

fn talk(node: &Meshgroup, peer: &mut Peer, text: &str) {
    let group = node.group("address");
    peer.tell(json!({"do": "announce"}));
    find(peer, &group);
    assert_eq!(peer.deliver(&group, "opportunistic", "/join")["state"], "delivered");
    peer.message_with("Harbour chat");
    assert_eq!(peer.deliver(&group, "direct", text)["state"], "delivered");
    assert_eq!(texts(node).last().map(String::as_str), Some(text));
    let to = node.group("api_address");
    find(peer, &to);
    let link = peer.ask(json!({"do": "link", "to": to, "name": "meshchat.group"}), "link");
    let request = json!({"do": "request", "link": link["link"], "path": "/api/v1/info", "timeout": 30});
    let answer = peer.ask(request, "response");
    assert!(answer["value"].as_str().is_some_and(|value| !value.is_empty()), "{answer}");
}

#[test]
fn we_are_a_client_of_the_stock_daemon_and_come_back_when_it_does() {
    let folder = Folder::new("shared-theirs");
    let (name, port) = (instance("theirs"), free_port());
    let table = format!("[[interface]]\nname = \"rnsd\"\ntype = \"local\"\ninstance_name = \"{name}\"\n");
    let node = node_with(&folder, &table);
    online(&node, false);
    let rnsd = Rnsd::start(&folder, &name, port);
    online(&node, true);
    let mut far = Peer::start(folder.path(), "Far", Medium::Connect(port));
    talk(&node, &mut far, "through the daemon");
    drop(rnsd);
    online(&node, false);
    let _rnsd = Rnsd::start(&folder, &name, port);
    online(&node, true);
    drop(far);
    let mut far = Peer::start(folder.path(), "Later", Medium::Connect(port));
    talk(&node, &mut far, "and again");
}

/// The lines of an instance that is found by its ports, in the ecosystem's words.
fn by_ports([data, control]: [u16; 2]) -> String {
    format!("shared_instance_type = tcp\nshared_instance_port = {data}\ninstance_control_port = {control}")
}

#[test]
fn programs_and_tools_find_our_instance_by_its_ports() {
    let folder = Folder::new("shared-ports");
    let ports @ [data, control] = [free_port(), free_port()];
    let table = format!(
        "[node]\nshare_instance = true\nshared_instance_type = \"tcp\"\nshared_instance_port = {data}\n\
         instance_control_port = {control}\nrpc_key = \"{KEY}\"\n"
    );
    let node = Meshgroup::start(folder.path(), &table);
    let mut far = Peer::start(folder.path(), "Far", Medium::Connect(node.port));
    let mut near = Peer::start(folder.path(), "Near", Medium::InstancePorts(ports, KEY));
    introduce(&mut near, &mut far);
    introduce(&mut far, &mut near);
    carry_everything(&mut near, &mut far, 1);
    carry_everything(&mut far, &mut near, 1);
    let config = tools(&folder, &format!("unused\n{}", by_ports(ports)), KEY);
    assert_says(
        &tool(&config, "rnstatus", &[]),
        &[&format!("Shared Instance[127.0.0.1:{data}]"), "Clients   : 1"],
    );
    assert_says(&tool(&config, "rnpath", &["-t"]), &[&far.service]);
}

#[test]
fn we_find_the_stock_daemon_by_its_port() {
    let folder = Folder::new("shared-port");
    let (ports, port) = ([free_port(), free_port()], free_port());
    let table =
        format!("[[interface]]\nname = \"rnsd\"\ntype = \"local\"\nshared_instance_port = {}\n", ports[0]);
    let _rnsd = Rnsd::start(&folder, &format!("unused\n{}", by_ports(ports)), port);
    let node = node_with(&folder, &table);
    online(&node, true);
    let mut far = Peer::start(folder.path(), "Far", Medium::Connect(port));
    talk(&node, &mut far, "by port");
}

#[test]
fn without_interfaces_we_join_the_instance_that_runs() {
    let folder = Folder::new("shared-joined");
    let (name, port) = (instance("joined"), free_port());
    let _rnsd = Rnsd::start(&folder, &name, port);
    let end = Instant::now() + Duration::from_secs(60);
    // No stock tool may look: one that comes too early takes the daemon's place.
    let sockets = || std::fs::read_to_string("/proc/net/unix").expect("Linux tells");
    while !sockets().lines().any(|line| line.ends_with(&format!("@rns/{name}"))) {
        assert!(Instant::now() < end, "the daemon did not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    let node = node_with(&folder, &format!("[node]\ninstance_name = \"{name}\"\n"));
    online(&node, true);
}

/// A node of ours with no interface in its file, and its folder.
fn node_without_interfaces(place: &str, prefix: &[String], options: &str) -> (Meshgroup, Folder) {
    let folder = Folder::new(&format!("shared-none-{place}"));
    let config = format!(
        "[group]\nname = \"Harbour chat (group)\"\n[node]\ninstance_name = \"{}\"\n{options}",
        instance(place)
    );
    std::fs::write(folder.path().join("meshgroup.toml"), config).expect("target/ is writable");
    (Meshgroup::restart_behind(prefix, folder.path(), 0), folder)
}

fn has_neighbours(node: &Meshgroup) {
    wait_for(node, "a neighbour", |status| {
        let interface = &status["interfaces"][0];
        interface["type"] == "auto" && interface["online"] == true && interface["media"].as_u64() > Some(0)
    });
}

#[test]
fn nodes_without_interfaces_find_each_other_and_stock_programs() {
    run_alone("interop::shared::nobody_configured_an_interface");
}

#[test]
#[ignore = "runs in a network namespace that nodes_without_interfaces_find_each_other_and_stock_programs makes"]
fn nobody_configured_an_interface() {
    let folder = Folder::new("shared-nobody");
    let neighbour = Neighbour::new();
    let (here, _here) = node_without_interfaces("here", &[], "");
    let options = format!("share_instance = true\nrpc_key = \"{KEY}\"\n");
    let (there, _there) = node_without_interfaces("there", &neighbour.prefix(), &options);
    has_neighbours(&here);
    has_neighbours(&there);
    // Somebody who has their network through the node there writes to the group of the node here.
    let medium = Medium::Instance(instance("there"), KEY);
    let mut person = Peer::start_behind(&neighbour.prefix(), folder.path(), "Person", medium, &[]);
    talk(&here, &mut person, "across the cable");
    drop((person, there));

    // The stock AutoInterface takes the place of that node.
    let lines = Medium::Lines("    type = AutoInterface\n    devices = right\n".to_owned());
    let mut stock = Peer::start_behind(&neighbour.prefix(), folder.path(), "Stock", lines, &[]);
    talk(&here, &mut stock, "from a stock program");
}

#[test]
fn without_interfaces_and_instance_we_look_for_neighbours() {
    run_alone("interop::shared::the_default_in_a_namespace");
}

#[test]
#[ignore = "runs in a network namespace that without_interfaces_and_instance_we_look_for_neighbours makes"]
fn the_default_in_a_namespace() {
    let folder = Folder::new("shared-none");
    let _neighbour = Neighbour::new();
    let node = node_with(&folder, &format!("[node]\ninstance_name = \"{}\"\n", instance("none")));
    wait_for(&node, "the network", |status| {
        status["interfaces"][0]["type"] == "auto" && status["interfaces"][0]["online"] == true
    });
}
