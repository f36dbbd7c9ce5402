use std::path::Path;

use interfaces::{Parity, Settings, TcpClientSettings};
use reticulum::hash::IdentityHash;
use reticulum::node::Mode;

use super::{Config, ConfigError, Durability, InstanceType, Interface, NodeOptions, Visibility, not_opened};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/d/meshgroup.toml"))
}

fn complaint(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

/// The one interface of a file with this table, which says no name.
fn interface(table: &str) -> Interface {
    parse(&format!("[[interface]]\nname = \"a\"\n{table}")).unwrap().interfaces.remove(0)
}

/// The template with each option in force, but of those that only some types of interface have.
fn uncommented() -> String {
    let template = Config::template();
    let options = template.split("\n\n").filter(|option| {
        let types = option.trim_start_matches("# ").split(": ").next().unwrap_or_default();
        let types: Vec<_> = types.split(", ").collect();
        types.contains(&"tcp-server") || !types.iter().any(|word| TYPES.contains(word))
    });
    let lines = options.flat_map(|option| option.lines().chain([""]));
    let bare = lines.map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line));
    let secrets = ["network_name", "passphrase", "ifac_size"];
    bare.filter(|line| !secrets.iter().any(|key| line.starts_with(key)))
        .map(|line| format!("{line}\n"))
        .collect()
}

const TYPES: [&str; 12] = [
    "tcp-server",
    "tcp-client",
    "backbone",
    "auto",
    "udp",
    "local",
    "i2p",
    "pipe",
    "serial",
    "kiss",
    "ax25-kiss",
    "rnode",
];

/// What the file of a first run says: one interface, for programs on the same machine, and all else by default.
fn first_written() -> Config {
    let settings = Settings::TcpServer(interfaces::TcpServerSettings::new("127.0.0.1:4242"));
    let interfaces = vec![Interface::usual("local", settings)];
    Config { interfaces, chooses_interface: false, ..Config::default() }
}

#[test]
fn a_node_without_interfaces_joins_the_instance_that_runs_or_looks_for_neighbours() {
    assert!(parse("").unwrap().chooses_interface, "nothing said");
    for said in ["interface = []\n", "[[interface]]\nname = \"a\"\ntype = \"auto\"\nenabled = false\n"] {
        assert!(!parse(said).unwrap().chooses_interface, "{said}");
    }
    let node = parse("[node]\ninstance_name = \"pier\"\n").unwrap().node;
    let joined = node.usual_interface(true);
    let Settings::LocalClient(local) = &joined.settings else { panic!("{joined:?}") };
    assert_eq!((local.place.to_string().as_str(), joined.ingress_control), ("rns/pier", false));
    assert!(matches!(node.usual_interface(false).settings, Settings::Auto(_)));
    let shares = NodeOptions { share_instance: true, ..node };
    assert!(matches!(shares.usual_interface(true).settings, Settings::Auto(_)), "not its own client");
}

#[test]
fn the_shared_instance_has_a_place_by_name_or_by_port_and_its_key_is_not_shown() {
    let node = parse("[node]\nshare_instance = true\ninstance_name = \"pier\"\nrpc_key = \"C0ffee\"\n")
        .unwrap()
        .node;
    assert_eq!(node.control_place().to_string(), "rns/pier/rpc");
    assert_eq!(node.rpc_key.as_ref().unwrap().0, [0xc0, 0xff, 0xee]);
    assert!(format!("{node:?}").contains("rpc_key: Some([redacted])"));
    let shared = node.shared().unwrap();
    assert!(
        matches!(&shared.settings, Settings::LocalServer(local) if local.place.to_string() == "rns/pier")
    );
    let node = NodeOptions { shared_instance_type: InstanceType::Tcp, ..node };
    let places = [node.instance_place(), node.control_place()].map(|place| place.to_string());
    assert_eq!(places, ["127.0.0.1:37428", "127.0.0.1:37429"]);
    assert!(parse("").unwrap().node.shared().is_none());
    let wrong = complaint("[node]\nrpc_key = \"c0ffe\"\n");
    assert!(wrong.contains("an even number of hexadecimal digits") && !wrong.contains("c0ffe\""), "{wrong}");
    assert!(complaint("[node]\ninstance_name = \"\"\n").contains("1 to 90 bytes"));
}

#[test]
fn a_client_of_the_shared_instance_names_it_or_its_port() {
    let place = |more: &str| match interface(&format!("type = \"local\"\n{more}")).settings {
        Settings::LocalClient(local) => local.place.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(place("instance_name = \"pier\"\n"), "rns/pier");
    assert_eq!(place("shared_instance_port = 5000\n"), "127.0.0.1:5000");
    assert_eq!(place(""), interfaces::LocalPlace::usual().to_string());
}

#[test]
fn the_template_means_the_defaults_commented_and_uncommented() {
    let first = parse(&Config::template()).unwrap();
    assert_eq!(first, first_written());
    let text = uncommented();
    assert!(text.contains("\n[[interface]]\n") && text.contains("\nposts_per_minute = 60\n"), "{text}");
    let mut config = parse(&text).unwrap();
    let Settings::TcpServer(server) = &mut config.interfaces[0].settings else { panic!("{text}") };
    assert_eq!(server.bitrate_bps.take(), Some(10_000_000), "what the driver assumes anyway");
    config.interfaces[0].name = "local".to_owned();
    config.interfaces.remove(1);
    config.node.rpc_key = None;
    assert_eq!(config, first);
}

#[test]
fn the_template_documents_each_option_on_lines_that_fit_a_terminal() {
    let template = Config::template();
    let options: Vec<_> = template
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_once(" = "))
        .collect();
    assert_eq!(options.len(), 119, "{options:?}");
    for (option, _) in options {
        let (prose, _) = template.split_once(&format!("\n#{option} = ")).unwrap();
        assert!(prose.lines().last().unwrap().starts_with("# "), "{option}");
    }
    assert!(template.contains("\n\n# Messages that one member may post in a minute"));
    assert!(template.contains(" which spares a slow\n# disk.\n#durability = "), "{template}");
    assert!(template.lines().all(|line| line.len() <= 120));
}

#[test]
fn the_example_of_the_issue_is_understood() {
    let config = parse(
        "[group]\nname = \"Harbour chat (group)\"\nvisibility = \"private\"\n\
         [limits]\nposts_per_minute = 0\n[store]\ndurability = \"crash\"\n\
         [[interface]]\nname = \"local\"\ntype = \"tcp-server\"\nlisten = \"127.0.0.1:4242\"\n\
         [[interface]]\nname = \"up\"\ntype = \"tcp-client\"\ntarget = \"mesh.example:4965\"\nannounce_interval = 15\n",
    )
    .unwrap();
    assert_eq!(config.group.name, "Harbour chat (group)");
    assert_eq!(config.group.visibility, Visibility::Private);
    assert_eq!((config.limits.posts_per_minute, config.limits.message_length_max), (0, 131_072));
    assert_eq!(config.store.durability, Durability::Crash);
    assert_eq!(config.interfaces.len(), 2);
    assert_eq!(
        config.interfaces[1].settings,
        Settings::TcpClient(TcpClientSettings::new("mesh.example:4965"))
    );
    assert_eq!(config.interfaces[1].announce_interval_min, 15);
}

#[test]
fn what_the_node_does_for_others_is_said_in_its_own_table() {
    assert!(!parse("").unwrap().node.transport);
    let hash = "0123456789abcdef0123456789ABCDEF";
    let text = format!("[node]\ntransport = true\nrespond_to_probes = true\nblackhole = [\"{hash}\"]\n");
    let node = parse(&text).unwrap().node;
    assert!(node.transport && node.respond_to_probes);
    assert_eq!(node.blackhole, [IdentityHash::from_hex(hash).unwrap()]);
    assert!(
        complaint("[node]\nblackhole = [\"0123\"]\n")
            .contains("line 2, [node] blackhole: an identity's hash has 32 hexadecimal digits, not \"0123\"")
    );
    assert!(complaint("[node]\ntransprot = true\n").contains("line 2, [node] transprot: unknown field"));
}

#[test]
fn no_interface_at_all_can_be_asked_for() {
    assert!(parse("interface = []\n").unwrap().interfaces.is_empty());
}

#[test]
fn errors_name_file_line_key_and_remedy() {
    let cases = [
        (
            "[limits]\nposts_per_minut = 1\n",
            "/d/meshgroup.toml: line 2, [limits] posts_per_minut: unknown field `posts_per_minut`",
        ),
        (
            "\n[limits]\nposts_per_minute = \"many\"\n",
            "line 3, [limits] posts_per_minute: invalid type: string",
        ),
        (
            "[limits]\nposts_per_minute = -1\n",
            "line 2, [limits] posts_per_minute: invalid value: integer `-1`",
        ),
        (
            "[limits]\nmessage_length_max = 0\n",
            "line 2, [limits] message_length_max: expected a number from 1",
        ),
        ("[group]\nname = \" \"\n", "line 2, [group] name: a name has 1 to 64 characters"),
        ("[group]\nvisibility = \"secret\"\n", "line 2, [group] visibility: unknown variant `secret`"),
        ("[grup]\n", "line 1, [grup]: unknown field `grup`"),
        ("[group\n", "line 1, [group"),
        ("[[interface]]\ntype = \"tcp-server\"\n", "line 1, [[interface]]: an [[interface]] needs `name`"),
        ("[[interface]]\nname = \"a\"\n", "interface \"a\": it needs `type`: \"tcp-server\", "),
        (
            "[[interface]]\nname = \"a\"\ntype = \"tcp\"\n",
            "line 3, [[interface]] type: \"tcp\" is none of \"tcp-server\", ",
        ),
        ("[[interface]]\nname = \"a\"\ntype = \"tcp-client\"\n", "interface \"a\": it needs `target`"),
        (
            "[[interface]]\nname = \"a\"\ntype = \"tcp-server\"\nlisten = \"4242\"\n",
            "interface \"a\": `listen` = \"4242\" is not \"host:port\"",
        ),
        (
            "[[interface]]\nname = \"a\"\ntype = \"tcp-server\"\nlisten = \"h:1\"\ntarget = \"h:1\"\n",
            "interface \"a\": tcp-server has no `target`; it belongs to tcp-client",
        ),
    ];
    for (text, expected) in cases {
        let message = complaint(text);
        assert!(message.contains(expected), "{message}\nlacks {expected}");
        assert!(
            message.starts_with("/d/meshgroup.toml: line ") && message.contains("\n  remedy: "),
            "{message}"
        );
    }
}

#[test]
fn two_interfaces_of_one_name_are_refused() {
    let table = "[[interface]]\nname = \"a\"\ntype = \"tcp-client\"\ntarget = \"h:1\"\n";
    assert!(complaint(&format!("{table}{table}")).contains("two interfaces are named \"a\""));
}

#[test]
fn a_port_in_use_names_interface_key_and_remedy() {
    let interface = &first_written().interfaces[0];
    let error = interfaces::StartError::AddressInUse { address: "127.0.0.1:4242".to_owned() };
    let message = not_opened(Path::new("/d/meshgroup.toml"), interface, &error).to_string();
    assert!(message.starts_with("/d/meshgroup.toml: [[interface]] \"local\", listen = \"127.0.0.1:4242\": "));
    assert!(message.ends_with("stop that program or choose another port"), "{message}");
}

#[test]
fn the_first_load_writes_the_template_and_the_second_reads_it() {
    let folder = std::env::temp_dir().join(format!("meshgroup-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    assert_eq!(Config::load_or_create(&folder).unwrap(), first_written());
    let written = std::fs::read_to_string(folder.join(super::FILE_NAME)).unwrap();
    assert_eq!(written, Config::template());
    assert_eq!(Config::load_or_create(&folder).unwrap(), first_written());
    std::fs::remove_dir_all(&folder).unwrap();
}

const RNODE: &str = "type = \"rnode\"\nport = \"/dev/ttyUSB0\"\nfrequency = 867200000\nbandwidth = 125000\n\
                     spreading_factor = 8\ncoding_rate = 5\ntx_power = 7\n";

#[test]
fn the_radio_of_the_issue_is_understood() {
    let radio = interface(&format!(
        "{RNODE}airtime_limit_long = 10.0\nmode = \"gateway\"\nnetwork_name = \"harbour\"\npassphrase = \"fish\"\n\
         announce_interval = 360\ningress_control = true\n"
    ));
    assert_eq!((radio.mode, radio.ingress_control, radio.announce_interval_min), (Mode::Gateway, true, 360));
    assert_eq!(radio.access.as_ref().unwrap().ifac(8).size(), 8);
    let Settings::Rnode(rnode) = &radio.settings else { panic!("{radio:?}") };
    assert_eq!((rnode.port.as_str(), rnode.airtime_limit_long_percent), ("/dev/ttyUSB0", Some(10.0)));
    assert_eq!((rnode.lora.frequency_hz, rnode.lora.tx_power_dbm), (867_200_000, 7));
    assert!(format!("{radio:?}").contains("[redacted]") && !format!("{radio:?}").contains("fish"));
}

#[test]
fn each_type_is_understood_with_its_own_keys() {
    let Settings::Udp(udp) =
        interface("type = \"udp\"\nforward = \"10.0.0.255:4242\"\nbitrate = 9600\n").settings
    else {
        panic!("no udp")
    };
    assert_eq!(
        (udp.listen, udp.forward.as_deref(), udp.bitrate_bps),
        (None, Some("10.0.0.255:4242"), Some(9600))
    );

    let Settings::Pipe(pipe) =
        interface("type = \"pipe\"\ncommand = \"nc -u h 1\"\nrespawn_delay = 2\n").settings
    else {
        panic!("no pipe")
    };
    assert_eq!((pipe.command.as_str(), pipe.respawn_delay.as_secs()), ("nc -u h 1", 2));

    let serial = "port = \"usb:0001\"\nspeed = 115200\ndata_bits = 7\nparity = \"even\"\nstop_bits = 2\n";
    let Settings::Serial(settings) = interface(&format!("type = \"serial\"\n{serial}")).settings else {
        panic!("no serial")
    };
    let line = settings.line;
    assert_eq!((line.port.as_str(), line.speed, line.data_bits), ("usb:0001", 115_200, 7));
    assert_eq!((line.parity, line.stop_bits), (Parity::Even, 2));

    let tnc = "preamble = 500\ntx_tail = 30\npersistence = 200\nslot_time = 100\nflow_control = true\n";
    let beacon = "callsign = \"N0CALL\"\nid_interval = 600\n";
    let Settings::Kiss(kiss) = interface(&format!("type = \"kiss\"\n{serial}{tnc}{beacon}")).settings else {
        panic!("no kiss")
    };
    assert_eq!((kiss.line.speed, kiss.preamble.as_millis(), kiss.tx_tail.as_millis()), (115_200, 500, 30));
    assert_eq!((kiss.persistence, kiss.slot_time.as_millis(), kiss.flow_control), (200, 100, true));
    assert_eq!(kiss.beacon.unwrap().interval.as_secs(), 600);

    let ax25 = interface(&format!("type = \"ax25-kiss\"\n{serial}{tnc}callsign = \"NO1CLR\"\nssid = 3\n"));
    assert_eq!(ax25.type_name(), "ax25-kiss");
    let Settings::Kiss(kiss) = ax25.settings else { panic!("no ax25-kiss") };
    assert_eq!(kiss.ax25.unwrap().ssid, 3);
}

#[test]
fn slow_and_shared_media_announce_rarely_and_need_no_ingress_control() {
    let rows = [
        ("type = \"udp\"\nlisten = \"h:1\"\n", 60, true),
        ("type = \"pipe\"\ncommand = \"cat\"\n", 60, true),
        ("type = \"serial\"\nport = \"p\"\n", 60, false),
        ("type = \"kiss\"\nport = \"p\"\n", 360, false),
        ("type = \"ax25-kiss\"\nport = \"p\"\ncallsign = \"N0CALL\"\n", 360, false),
        (RNODE, 360, false),
    ];
    for (table, interval, ingress_control) in rows {
        let interface = interface(table);
        assert_eq!(
            (interface.announce_interval_min, interface.ingress_control),
            (interval, ingress_control),
            "{table}"
        );
    }
}

#[test]
fn an_interface_that_is_not_enabled_is_checked_and_left_out() {
    let table = "[[interface]]\nname = \"a\"\nenabled = false\ntype = \"pipe\"\n";
    assert!(complaint(table).contains("it needs `command`"));
    assert_eq!(parse(&format!("{table}command = \"cat\"\n")).unwrap().interfaces, []);
}

#[test]
fn what_an_interface_cannot_be_is_told_by_key() {
    let rnode = |from: &str, to: &str| RNODE.replace(from, to);
    let cases = [
        (
            "type = \"tcp-server\"\nlisten = \"h:1\"\nconnections_per_address = 0\n".to_owned(),
            "lets nobody connect",
        ),
        ("type = \"backbone\"\n".to_owned(), "it needs either `listen` or `target`"),
        (
            "type = \"backbone\"\nlisten = \"h:1\"\ntarget = \"h:1\"\n".to_owned(),
            "it needs either `listen` or `target`",
        ),
        (
            "type = \"auto\"\ndiscovery_scope = \"village\"\n".to_owned(),
            "\"village\" is none of \"link\", \"admin\"",
        ),
        (
            "type = \"auto\"\ndiscovery_port = 5\ndata_port = 6\n".to_owned(),
            "data_port = 6 is out of range: neither discovery_port",
        ),
        ("type = \"i2p\"\n".to_owned(), "needs `peers`, or `connectable = true`"),
        ("type = \"i2p\"\npeers = [\"x\"]\n".to_owned(), "neither a name that ends in .i2p nor"),
        ("type = \"udp\"\n".to_owned(), "needs `listen`, `forward` or both"),
        ("type = \"udp\"\nforward = \"h\"\n".to_owned(), "`forward` = \"h\" is not \"host:port\""),
        (
            "type = \"udp\"\nlisten = \"h:1\"\nbitrate = 4\n".to_owned(),
            "`bitrate` = 4 is out of range: at least 5",
        ),
        ("type = \"pipe\"\ncommand = \"cat 'x\"\n".to_owned(), "a quote is not closed"),
        (
            "type = \"serial\"\nport = \"p\"\ndata_bits = 9\n".to_owned(),
            "data_bits = 9 is out of range: 5 to 8",
        ),
        (
            "type = \"serial\"\nport = \"p\"\nparity = \"N\"\n".to_owned(),
            "\"N\" is none of \"none\", \"even\", \"odd\"",
        ),
        (
            "type = \"serial\"\nport = \"p\"\nssid = 1\n".to_owned(),
            "serial has no `ssid`; it belongs to ax25-kiss",
        ),
        (
            "type = \"kiss\"\nport = \"p\"\npreamble = 2551\n".to_owned(),
            "preamble = 2551 is out of range: 0 to 2550 ms",
        ),
        (
            "type = \"kiss\"\nport = \"p\"\ncallsign = \"N0CALL\"\n".to_owned(),
            "`callsign` and `id_interval` need each other",
        ),
        ("type = \"ax25-kiss\"\nport = \"p\"\n".to_owned(), "it needs `callsign`"),
        (
            "type = \"ax25-kiss\"\nport = \"p\"\ncallsign = \"AB\"\n".to_owned(),
            "a callsign has 3 to 6 letters",
        ),
        (
            "type = \"tcp-client\"\ntarget = \"h:1\"\nfixed_mtu = 499\n".to_owned(),
            "fixed_mtu = 499 is out of range",
        ),
        (rnode("tx_power = 7\n", ""), "it needs `tx_power`"),
        (rnode("frequency = 867200000", "frequency = 867"), "frequency = 867 is out of range: 137000000 to"),
        (
            rnode("spreading_factor = 8", "spreading_factor = 13"),
            "spreading_factor = 13 is out of range: 5 to 12",
        ),
        (rnode("tx_power = 7", "tx_power = 38"), "tx_power = 38 is out of range: 0 to 37 dBm"),
        (
            format!("{RNODE}airtime_limit_short = 101\n"),
            "airtime_limit_short = 101 is out of range: 0 to 100",
        ),
        (
            format!("{RNODE}listen = \"h:1\"\n"),
            "rnode has no `listen`; it belongs to tcp-server, backbone, udp",
        ),
        (format!("{RNODE}mode = \"ap\"\n"), "\"ap\" is none of \"full\", "),
        (format!("{RNODE}ifac_size = 64\n"), "`ifac_size` needs `network_name` or `passphrase`"),
        (format!("{RNODE}passphrase = \"x\"\nifac_size = 60\n"), "`ifac_size` = 60 is not a multiple of 8"),
        (format!("{RNODE}passphrase = \"x\"\nifac_size = 520\n"), "`ifac_size` = 520 is not a multiple of 8"),
        (format!("{RNODE}network_name = \"None\"\n"), "`network_name` is empty or \"None\""),
        (format!("{RNODE}network_name = \"x\"\npassphrase = \"\"\n"), "`passphrase` is empty or \"None\""),
        (format!("{RNODE}passphrase = 1234\n"), "[[interface]] passphrase: expected a text in quotes"),
    ];
    for (table, expected) in cases {
        let message = complaint(&format!("[[interface]]\nname = \"a\"\n{table}"));
        assert!(message.contains(expected), "{message}\nlacks {expected}");
        assert!(message.contains("\n  remedy: "), "{message}");
    }
}
