use super::*;

/// The table that an `[[a]]` with these lines becomes, without its name, and what is said before it.
fn imported(lines: &str) -> String {
    let out = import(&format!("[interfaces]\n[[a]]\n{lines}")).unwrap();
    assert!(Config::parse(&out, Path::new("")).is_ok(), "{out}");
    out.trim_start().replace("[[interface]]\nname = \"a\"\n", "---\n")
}

const RNODE: &str = "type = RNodeInterface\nenabled = yes\nport = /dev/ttyUSB0\nfrequency = 867_200_000\n\
                     bandwidth = 125000\ntxpower = 7\nspreadingfactor = 8\ncodingrate = 5\n";

#[test]
fn each_type_has_its_equivalent() {
    let rows = [
        (
            "type = TCPClientInterface\nenabled = yes\ntarget_host = mesh.example\ntarget_port = 4965\nfixed_mtu = 1000\n",
            "---\ntype = \"tcp-client\"\ntarget = \"mesh.example:4965\"\nfixed_mtu = 1000\n",
        ),
        (
            "type = TCPServerInterface\nenabled = True\nlisten_ip = ::1\nlisten_port = 4242\n",
            "---\ntype = \"tcp-server\"\nlisten = \"[::1]:4242\"\n",
        ),
        (
            "type = BackboneInterface\nenabled = on\nlisten_on = 0.0.0.0\nport = 4242\nblock_fast_flapping = no\n",
            "---\ntype = \"backbone\"\nlisten = \"0.0.0.0:4242\"\nblock_fast_flapping = false\n",
        ),
        (
            "type = BackboneInterface\nenabled = on\nremote = h\ntarget_port = 1\nbitrate = 5\n",
            "---\ntype = \"backbone\"\ntarget = \"h:1\"\nbitrate = 5\n",
        ),
        (
            "type = I2PInterface\nenabled = yes\nconnectable = yes\npeers = a.b32.i2p, b.b32.i2p\n",
            "---\ntype = \"i2p\"\nconnectable = true\npeers = [\"a.b32.i2p\", \"b.b32.i2p\"]\n",
        ),
        ("type = AutoInterface\nenabled = yes\n", "---\ntype = \"auto\"\n"),
        (
            "type = AutoInterface\nenabled = yes\ngroup_id = harbour\ndiscovery_scope = Site\ndiscovery_port = 5000\n\
             data_port = 5002\nmulticast_address_type = permanent\ndevices = eth0\nignored_devices = a, b\n",
            "---\ntype = \"auto\"\ngroup_id = \"harbour\"\ndiscovery_port = 5000\ndata_port = 5002\n\
             discovery_scope = \"site\"\nmulticast_address_type = \"permanent\"\ndevices = [\"eth0\"]\n\
             ignored_devices = [\"a\", \"b\"]\n",
        ),
        (
            "type = UDPInterface\nenabled = 1\nlisten_ip = 0.0.0.0\nport = 4242\nforward_ip = 10.0.0.255\nforward_port = 1\n",
            "---\ntype = \"udp\"\nlisten = \"0.0.0.0:4242\"\nforward = \"10.0.0.255:1\"\n",
        ),
        (
            "type = SerialInterface\nenabled = yes\nport = /dev/ttyS0\nspeed = 115200\ndatabits = 7\nparity = E\nstopbits = 2\n",
            "---\ntype = \"serial\"\nport = \"/dev/ttyS0\"\nspeed = 115200\ndata_bits = 7\nparity = \"even\"\nstop_bits = 2\n",
        ),
        (
            "type = KISSInterface\nenabled = yes\nport = p\npreamble = 150\ntxtail = 10\nslottime = 20\nflow_control = no\n\
             id_callsign = N0CALL\nid_interval = 600\n",
            "---\ntype = \"kiss\"\nport = \"p\"\npreamble = 150\ntx_tail = 10\nslot_time = 20\nflow_control = false\n\
             callsign = \"N0CALL\"\nid_interval = 600\n",
        ),
        (
            "type = AX25KISSInterface\nenabled = yes\nport = p\ncallsign = NO1CLR\nssid = 3\n",
            "---\ntype = \"ax25-kiss\"\nport = \"p\"\ncallsign = \"NO1CLR\"\nssid = 3\n",
        ),
        (
            "type = PipeInterface\nenabled = yes\ncommand = nc -u \"h\" 1\nrespawn_delay = 5\n",
            "---\ntype = \"pipe\"\ncommand = 'nc -u \"h\" 1'\nrespawn_delay = 5\n",
        ),
        (
            &format!("{RNODE}airtime_limit_long = 1.5\n"),
            "---\ntype = \"rnode\"\nport = \"/dev/ttyUSB0\"\nfrequency = 867200000\nbandwidth = 125000\n\
             spreading_factor = 8\ncoding_rate = 5\ntx_power = 7\nairtime_limit_long = 1.5\n",
        ),
    ];
    for (lines, table) in rows {
        assert_eq!(imported(lines), table, "{lines}");
    }
}

#[test]
fn what_every_interface_has_keeps_its_meaning() {
    const PIPE: &str = "type = PipeInterface\ncommand = cat\n";
    let usual = "---\ntype = \"pipe\"\ncommand = \"cat\"\n";
    let rows = [
        ("enabled = yes\n", ""),
        ("interface_enabled = TRUE\n", ""),
        ("", "enabled = false\n"),
        ("enabled = no\n", "enabled = false\n"),
        ("enabled = yes\nmode = ap\n", "mode = \"access-point\"\n"),
        ("enabled = yes\ninterface_mode = gateway\n", "mode = \"gateway\"\n"),
        ("enabled = yes\nmode = ptp\noutgoing = yes\n", "mode = \"point-to-point\"\n"),
        ("enabled = yes\ningress_control = off\n", "ingress_control = false\n"),
        ("enabled = yes\nannounce_cap = 2.5\n", "announce_cap = 2.5\n"),
        ("enabled = yes\nannounce_rate_target = 60\n", "announce_rate_target = 60\n"),
        ("enabled = yes\ngravity = 3\nrecursive_prs = yes\n", "gravity = 3\nrecursive_prs = true\n"),
        ("enabled = yes\nic_burst_hold = 7.5\n", "ic_burst_hold = 8\n"),
        ("enabled = yes\nic_burst_freq_new = 2\n", "ic_burst_freq_new = 2.0\n"),
        ("enabled = yes\nannounces_from_internal = no\n", "announces_from_internal = false\n"),
        (
            "enabled = yes\negress_control = yes\nec_pr_freq = 2\n",
            "egress_control = true\nec_pr_freq = 2.0\n",
        ),
        ("enabled = yes\nnetworkname = harbour\n", "network_name = \"harbour\"\n"),
        ("enabled = yes\nnetwork_name = None\npassphrase = 'a, b'\n", "passphrase = \"a, b\"\n"),
        ("enabled = yes\npass_phrase = x\nifac_size = 130\n", "passphrase = \"x\"\nifac_size = 128\n"),
        ("enabled = yes\npassphrase = %(pw)s\npw = y\n", "passphrase = \"y\"\n"),
    ];
    for (lines, rest) in rows {
        let out = imported(&format!("{PIPE}{lines}"));
        assert_eq!(
            out.split_once("---").unwrap().1,
            format!("{usual}{rest}").split_once("---").unwrap().1,
            "{lines}"
        );
    }
}

#[test]
fn a_key_without_equivalent_is_told() {
    let out =
        imported(&format!("{RNODE}bootstrap_only = no\ngroup = a, b\nid_callsign = N0CALL\n[[[sub]]]\n"));
    let (remarks, _) = out.split_once("---").unwrap();
    assert_eq!(
        remarks,
        "# a: bootstrap_only = no has no equivalent\n# a: group = a, b has no equivalent\n\
         # a: id_callsign = N0CALL has no equivalent\n# a: [[[sub]]] has no equivalent\n"
    );
}

#[test]
fn what_would_not_be_the_same_is_commented_out_with_its_reason() {
    let rows = [
        ("type = WeaveInterface\nenabled = yes\n".to_owned(), "meshgroup has no WeaveInterface"),
        (
            "type = AutoInterface\nenabled = yes\ndiscovery_scope = village\n".to_owned(),
            "discovery_scope = village is no known word",
        ),
        ("enabled = yes\n".to_owned(), "it has no type"),
        (format!("{RNODE}outgoing = no\n"), "only receives"),
        (format!("{RNODE}mode = odd\n"), "there is no mode \"odd\""),
        (format!("{RNODE}passphrase = a, b\n"), "passphrase is a list; put it in quotes"),
        (format!("{RNODE}passphrase = %(pw)s\n"), "passphrase: it names a key that neither"),
        (format!("{RNODE}flow_control = maybe\n"), "flow_control = maybe is no yes or no"),
        (RNODE.replace("enabled = yes", "enabled ="), "enabled =  is no yes or no"),
        (RNODE.replace("txpower = 7", "txpower = full"), "txpower = full is no whole number"),
        (RNODE.replace("txpower = 7", "txpower = 99"), "tx_power = 99 is out of range"),
        (RNODE.replace("/dev/ttyUSB0", "ble://"), "Bluetooth is not supported"),
        (
            "type = UDPInterface\nenabled = yes\ndevice = eth0\nport = 1\n".to_owned(),
            "the address of its `device`",
        ),
        (
            "type = TCPServerInterface\nenabled = yes\ndevice = eth0\nport = 1\n".to_owned(),
            "the address of its `device`",
        ),
        (
            "type = TCPClientInterface\nenabled = yes\ntarget_host = h\ntarget_port = x\n".to_owned(),
            "\"h:x\" is not",
        ),
    ];
    for (lines, reason) in rows {
        let out = imported(&lines);
        assert!(out.starts_with("# [[a]] has no equivalent: ") && out.contains(reason), "{out}");
        assert!(out.lines().all(|line| line.starts_with('#')), "{out}");
    }
}

/// Pieces of which files are made, the ones that matter here among them.
const PIECES: [&str; 34] = [
    "\n",
    "\n",
    "\n",
    "\n[interfaces]\n",
    "\n[[a]]\n",
    "\n[[b]]\n",
    "[[[",
    "]",
    " = ",
    "=",
    ",",
    "#",
    "'",
    "\"",
    "'''",
    "%(k)s",
    "k",
    "type = RNodeInterface",
    "type = TCPClientInterface",
    "type = UDPInterface",
    "type = PipeInterface",
    "target_host",
    "target_port",
    "port = 1",
    "command",
    "enabled = yes",
    "passphrase",
    "ifac_size",
    "mode",
    "x",
    "-1",
    "\r",
    "\u{7f}",
    "ä",
];

proptest::proptest! {
    #[test]
    fn whatever_is_imported_our_own_reader_takes(
        pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..60),
    ) {
        let text = format!("[interfaces]\n[[z]]\n{}", pieces.concat());
        if let Ok(out) = import(&text) {
            proptest::prop_assert!(Config::parse(&out, Path::new("")).is_ok(), "{}", out);
        }
    }
}

#[test]
fn how_an_instance_was_shared_is_told() {
    let said = import(
        "[reticulum]\nshare_instance = Yes\ninstance_name = pier\nshared_instance_port = 5000\nrpc_key = c0ffee\n",
    );
    assert_eq!(
        said.unwrap(),
        "# This instance was shared with the programs of its machine. To share ours, set in [node]:\n\
         #   share_instance = true\n#   instance_name = \"pier\"\n#   rpc_key = \"c0ffee\"\n\
         #   shared_instance_port = 5000\n# No interface was configured.\n"
    );
    assert_eq!(import("[reticulum]\nshare_instance = No\n").unwrap(), "# No interface was configured.\n");
}

#[test]
fn a_whole_file_becomes_tables_in_its_order() {
    let text = "[reticulum]\n  enable_transport = Yes\n[logging]\nloglevel = 4\n[interfaces]\n\
                [[Default Interface]]\ntype = AutoInterface\nenabled = Yes\n\
                [[TCP \"home\"]]\ntype = TCPClientInterface\nenabled = yes\ntarget_host = h\ntarget_port = 1\n";
    let out = import(text).unwrap();
    assert!(out.starts_with("# This instance was a transport node"), "{out}");
    assert!(out.contains("set in [node]:\n#   share_instance = true\n"), "{out}");
    let config = Config::parse(&out, Path::new("")).unwrap();
    let names: Vec<_> = config.interfaces.iter().map(|interface| &interface.name[..]).collect();
    assert_eq!(names, ["Default Interface", "TCP \"home\""]);
    assert_eq!(import("").unwrap(), "# No interface was configured.\n");
    assert_eq!(import("[interfaces]\n").unwrap(), "# No interface was configured.\n");
    assert_eq!(
        import("[interfaces]\nx\n").unwrap_err().to_string(),
        "line 2: neither a [section] nor key = value"
    );
}
