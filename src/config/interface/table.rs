//! The `[[interface]]` table as people write it: one flat list of keys, declared once, and which of them belong to which
//! type. What the values mean together is the matter of the module above.

use interfaces::{AddressLife, Parity, Scope, Settings};
use reticulum::node::Mode;
use serde::{Deserialize, Deserializer};

use super::Secret;
use crate::config::{Table, options};

options! {
    /// An `[[interface]]` table as written. The keys of all types are here; [`InterfaceType::keys`] says whose they are.
    pub(in crate::config) struct InterfaceTable {
        /// Name of the interface in `meshgroup status`. Required.
        name: Option<String> = None => "\"lan\"",
        /// What it is; the keys below it say which types they belong to. "tcp-server" waits for connections,
        /// "tcp-client" makes one, "backbone" does either for fast networks. "auto" finds neighbours on local networks.
        /// "udp" sends each packet as a datagram. "i2p" connects through an I2P router on this machine. "pipe" runs a
        /// program. "serial" is a line to another node. "kiss" is a TNC on a serial line, "ax25-kiss" one that wants
        /// AX.25 addresses. "rnode" is a LoRa radio with RNode firmware. "local" is the shared instance of this machine, of
        /// which the node is a client; [node] share_instance makes it one. Required.
        #[serde(deserialize_with = "interface_type")]
        r#type: Option<InterfaceType> = None => "\"tcp-server\"",
        /// Whether the node is to use it.
        enabled: bool = true,
        /// Minutes between two announces of the group on this interface; without it 60, and 360 on kiss, ax25-kiss and
        /// rnode. 0 = only when the node starts.
        announce_interval: Option<u32> = None => "60",
        /// What announces go out here and how long paths live: "full", "point-to-point", "access-point" (none go out,
        /// paths live a day), "roaming" (paths live 6 hours), "boundary", "gateway" or "internal".
        #[serde(deserialize_with = "mode")]
        mode: Option<Mode> = None => "\"full\"",
        /// Whether bursts of announces of strangers are held back; without it only on fast media.
        ingress_control: Option<bool> = None => "true",

        /// With transport in [node], the percentage of the bitrate that announces of others may take here, above 0.
        announce_cap: Option<f32> = None => "2.0",
        /// With transport, seconds between two announces of one destination, heard here, that are both passed on; 0 = any.
        announce_rate_target: Option<u32> = None => "3600",
        /// How many announces may come too soon before announce_rate_target is enforced.
        announce_rate_grace: Option<u32> = None => "5",
        /// Seconds by which a destination that announces too often waits longer.
        announce_rate_penalty: Option<u32> = None => "0",
        /// Of two paths that are as good, the one over the interface with more gravity is used.
        gravity: Option<i32> = None => "0",
        /// With transport, look for unknown paths for who asks here, as the modes access-point, roaming, gateway and
        /// internal do anyway.
        recursive_prs: Option<bool> = None => "false",
        /// Let announces out here that were heard on an interface of mode internal.
        announces_from_internal: Option<bool> = None => "true",
        /// On a boundary: let what was heard here out on interfaces of mode internal.
        announces_to_internal: Option<bool> = None => "false",
        /// Whether path requests of others leave here at no more than ec_pr_freq a second.
        egress_control: Option<bool> = None => "false",
        /// See egress_control.
        ec_pr_freq: Option<f32> = None => "5.0",
        /// How many announces ingress_control holds back at most.
        ic_max_held_announces: Option<usize> = None => "256",
        /// Seconds that a burst lasts at least, and must have been over.
        ic_burst_hold: Option<u32> = None => "15",
        /// Announces a second of unknown destinations that are a burst.
        ic_burst_freq: Option<f32> = None => "10.0",
        /// The same while the interface is new.
        ic_burst_freq_new: Option<f32> = None => "3.0",
        /// Path requests a second that are a burst; those of a burst are not passed on.
        ic_pr_burst_freq: Option<f32> = None => "8.0",
        /// The same while the interface is new.
        ic_pr_burst_freq_new: Option<f32> = None => "3.0",
        /// Seconds for which an interface is new.
        ic_new_time: Option<u32> = None => "7200",
        /// Seconds from the beginning of a burst until the first announce that was held back is released.
        ic_burst_penalty: Option<u32> = None => "15",
        /// Seconds between two of those, at least 1.
        ic_held_release_interval: Option<u32> = None => "5",

        /// With network_name or passphrase, or both, the interface carries only what others with the same ones send.
        network_name: Option<String> = None => "\"harbour\"",
        /// See network_name.
        passphrase: Option<Secret> = None => "\"as long as you can\"",
        /// Bits of the access code that network_name and passphrase put into each packet, 8 to 512, the same for all;
        /// without it 128, and 64 on pipe, serial, kiss, ax25-kiss and rnode.
        ifac_size: Option<usize> = None => "128",

        /// tcp-server, backbone, udp: host and port to listen on. 0.0.0.0 as host lets other machines connect.
        listen: Option<String> = None => "\"127.0.0.1:4242\"",
        /// tcp-server, tcp-client, backbone, auto, udp, kiss, ax25-kiss: bits per second to assume, if not 10000000, or
        /// 100000000 for a backbone, or 1200 for a TNC.
        bitrate: Option<u64> = None => "10000000",

        /// tcp-server, backbone: connections that one address may have, of 256 in all.
        connections_per_address: Option<usize> = None => "128",

        /// tcp-client, backbone: host and port to connect to.
        target: Option<String> = None => "\"host:port\"",
        /// tcp-client: longest packet, 500 to 524288 bytes, in the place of what follows from the bitrate.
        fixed_mtu: Option<usize> = None => "16384",
        /// tcp-client: KISS frames, for a TNC behind TCP.
        kiss_framing: Option<bool> = None => "false",

        /// backbone: with listen, whether addresses are blocked that come and go too often.
        block_fast_flapping: Option<bool> = None => "true",
        /// backbone: a connection of fewer seconds than this counts.
        fast_flapping_threshold: Option<u32> = None => "20",
        /// backbone: so many of them are forgiven.
        fast_flapping_grace: Option<u32> = None => "5",
        /// backbone: minutes for which an address is blocked.
        fast_flapping_block_time: Option<u32> = None => "720",

        /// auto: only nodes with the same one find each other.
        group_id: Option<String> = None => "\"reticulum\"",
        /// auto: how far a node makes itself heard: "link" (this network), "admin", "site", "organisation" or "global".
        #[serde(deserialize_with = "scope")]
        discovery_scope: Option<Scope> = None => "\"link\"",
        /// auto: "temporary" or "permanent", the same for all.
        #[serde(deserialize_with = "address_life")]
        multicast_address_type: Option<AddressLife> = None => "\"temporary\"",
        /// auto: UDP port on which nodes hear of each other, and with it the next one.
        discovery_port: Option<u16> = None => "29716",
        /// auto: UDP port of packets.
        data_port: Option<u16> = None => "42671",
        /// auto: the network interfaces of the machine to use; without it all that have IPv6.
        devices: Option<Vec<String>> = None => "[\"eth0\", \"wlan0\"]",
        /// auto: the network interfaces of the machine not to use.
        ignored_devices: Option<Vec<String>> = None => "[\"docker0\"]",

        /// local: the name of the shared instance, if not "default".
        instance_name: Option<String> = None => "\"default\"",
        /// local: its port, if it has one in place of a name.
        shared_instance_port: Option<u16> = None => "37428",

        /// udp: host and port to send to, most often a broadcast address.
        forward: Option<String> = None => "\"192.168.1.255:4242\"",

        /// i2p: destinations to connect to, "....b32.i2p" or in base64.
        peers: Option<Vec<String>> = None => "[\"name.b32.i2p\"]",
        /// i2p: whether others may connect to this node. Its address is in the log; its key is kept in i2p/ beside this
        /// file.
        connectable: Option<bool> = None => "false",
        /// i2p: host and port of the router's SAM bridge; without it what I2P_SAM_ADDRESS says, or 127.0.0.1:7656.
        bridge: Option<String> = None => "\"127.0.0.1:7656\"",

        /// pipe: program and arguments; it takes and gives packets in HDLC frames. No shell runs it.
        command: Option<String> = None => "\"program --argument\"",
        /// pipe: seconds between the end of the program and its next start.
        respawn_delay: Option<u32> = None => "5",

        /// serial, kiss, ax25-kiss, rnode: the device, "/dev/..." or "usb:" and the serial number of its USB plug; for an
        /// rnode also "tcp://host:port". The node waits for a device that is not there.
        port: Option<String> = None => "\"/dev/ttyUSB0\"",
        /// serial, kiss, ax25-kiss: bits per second on the line.
        speed: Option<u32> = None => "9600",
        /// serial, kiss, ax25-kiss: 5 to 8.
        data_bits: Option<u8> = None => "8",
        /// serial, kiss, ax25-kiss: "none", "even" or "odd".
        #[serde(deserialize_with = "parity")]
        parity: Option<Parity> = None => "\"none\"",
        /// serial, kiss, ax25-kiss: 1 or 2.
        stop_bits: Option<u8> = None => "1",

        /// kiss, ax25-kiss: milliseconds between keying the transmitter and data.
        preamble: Option<u16> = None => "350",
        /// kiss, ax25-kiss: milliseconds between data and releasing the transmitter.
        tx_tail: Option<u16> = None => "20",
        /// kiss, ax25-kiss: the probability of sending in a free slot is this and one, of 256.
        persistence: Option<u8> = None => "64",
        /// kiss, ax25-kiss: milliseconds of a slot.
        slot_time: Option<u16> = None => "20",
        /// kiss, ax25-kiss, rnode: wait for the device's word before each packet.
        flow_control: Option<bool> = None => "false",
        /// kiss, rnode: sent in clear id_interval after the first packet, as the law wants of some stations. ax25-kiss:
        /// the sender's address in each packet, 3 to 6 letters and digits.
        callsign: Option<String> = None => "\"N0CALL\"",
        /// kiss, rnode: seconds; see callsign.
        id_interval: Option<u32> = None => "600",
        /// ax25-kiss: secondary station id beside the callsign, 0 to 15.
        ssid: Option<u8> = None => "0",

        /// rnode: middle of the channel in Hz, 137000000 to 3000000000. It and the next four are required, and all but
        /// tx_power are the same on all radios of a mesh.
        frequency: Option<u32> = None => "867200000",
        /// rnode: width of the channel in Hz, 7800 to 1625000.
        bandwidth: Option<u32> = None => "125000",
        /// rnode: 5 to 12; each step reaches farther and halves the speed.
        spreading_factor: Option<u8> = None => "8",
        /// rnode: 5 to 8; each step bears more noise and is slower.
        coding_rate: Option<u8> = None => "5",
        /// rnode: dBm, 0 to 37. A radio that cannot do it is refused.
        tx_power: Option<u8> = None => "7",
        /// serial, kiss, ax25-kiss, rnode: it sends in no more than this percentage of any 15 seconds.
        airtime_limit_short: Option<f32> = None => "33.0",
        /// serial, kiss, ax25-kiss, rnode: it sends in no more than this percentage of any hour. Mind the law of your region.
        airtime_limit_long: Option<f32> = None => "10.0",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum InterfaceType {
    TcpServer,
    TcpClient,
    Backbone,
    Auto,
    Udp,
    Local,
    I2p,
    Pipe,
    Serial,
    Kiss,
    Ax25Kiss,
    Rnode,
}

const TYPES: [(&str, InterfaceType); 12] = [
    ("tcp-server", InterfaceType::TcpServer),
    ("tcp-client", InterfaceType::TcpClient),
    ("backbone", InterfaceType::Backbone),
    ("auto", InterfaceType::Auto),
    ("udp", InterfaceType::Udp),
    ("local", InterfaceType::Local),
    ("i2p", InterfaceType::I2p),
    ("pipe", InterfaceType::Pipe),
    ("serial", InterfaceType::Serial),
    ("kiss", InterfaceType::Kiss),
    ("ax25-kiss", InterfaceType::Ax25Kiss),
    ("rnode", InterfaceType::Rnode),
];

/// The values of `mode`.
pub(in crate::config) const MODES: [(&str, Mode); 7] = [
    ("full", Mode::Full),
    ("point-to-point", Mode::PointToPoint),
    ("access-point", Mode::AccessPoint),
    ("roaming", Mode::Roaming),
    ("boundary", Mode::Boundary),
    ("gateway", Mode::Gateway),
    ("internal", Mode::Internal),
];

/// The values of `parity`.
pub(in crate::config) const PARITIES: [(&str, Parity); 3] =
    [("none", Parity::None), ("even", Parity::Even), ("odd", Parity::Odd)];

/// The values of `discovery_scope`.
pub(in crate::config) const SCOPES: [(&str, Scope); 5] = [
    ("link", Scope::Link),
    ("admin", Scope::Admin),
    ("site", Scope::Site),
    ("organisation", Scope::Organisation),
    ("global", Scope::Global),
];

/// The values of `multicast_address_type`.
pub(in crate::config) const ADDRESS_LIVES: [(&str, AddressLife); 2] =
    [("temporary", AddressLife::Temporary), ("permanent", AddressLife::Permanent)];

/// The keys that every interface has.
const COMMON: [&str; 28] = [
    "name",
    "type",
    "enabled",
    "announce_interval",
    "mode",
    "ingress_control",
    "network_name",
    "passphrase",
    "ifac_size",
    "announce_cap",
    "announce_rate_target",
    "announce_rate_grace",
    "announce_rate_penalty",
    "gravity",
    "recursive_prs",
    "announces_from_internal",
    "announces_to_internal",
    "egress_control",
    "ec_pr_freq",
    "ic_max_held_announces",
    "ic_burst_hold",
    "ic_burst_freq",
    "ic_burst_freq_new",
    "ic_pr_burst_freq",
    "ic_pr_burst_freq_new",
    "ic_new_time",
    "ic_burst_penalty",
    "ic_held_release_interval",
];

impl InterfaceType {
    /// The keys that it has beside those of every interface.
    #[rustfmt::skip]
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::TcpServer => &["listen", "bitrate", "connections_per_address"],
            Self::TcpClient => &["target", "bitrate", "fixed_mtu", "kiss_framing"],
            Self::Backbone => &[
                "listen", "target", "bitrate", "connections_per_address", "block_fast_flapping", "fast_flapping_threshold",
                "fast_flapping_grace", "fast_flapping_block_time",
            ],
            Self::Auto => &[
                "bitrate", "group_id", "discovery_scope", "multicast_address_type", "discovery_port", "data_port",
                "devices", "ignored_devices",
            ],
            Self::Udp => &["listen", "forward", "bitrate"],
            Self::Local => &["instance_name", "shared_instance_port"],
            Self::I2p => &["peers", "connectable", "bridge"],
            Self::Pipe => &["command", "respawn_delay"],
            Self::Serial => &[
                "port", "speed", "data_bits", "parity", "stop_bits", "airtime_limit_short",
                "airtime_limit_long",
            ],
            Self::Kiss => &[
                "port", "speed", "data_bits", "parity", "stop_bits", "preamble", "tx_tail", "persistence",
                "slot_time", "flow_control", "bitrate", "airtime_limit_short", "airtime_limit_long",
                "callsign", "id_interval",
            ],
            Self::Ax25Kiss => &[
                "port", "speed", "data_bits", "parity", "stop_bits", "preamble", "tx_tail", "persistence",
                "slot_time", "flow_control", "bitrate", "airtime_limit_short", "airtime_limit_long",
                "callsign", "ssid",
            ],
            Self::Rnode => &[
                "port", "frequency", "bandwidth", "spreading_factor", "coding_rate", "tx_power",
                "airtime_limit_short", "airtime_limit_long", "flow_control", "callsign", "id_interval",
            ],
        }
    }

    /// The type of an interface with these settings.
    pub(super) fn of(settings: &Settings) -> Self {
        match settings {
            Settings::TcpServer(_) => Self::TcpServer,
            Settings::TcpClient(_) => Self::TcpClient,
            Settings::Backbone(_) => Self::Backbone,
            Settings::Auto(_) => Self::Auto,
            Settings::Udp(_) => Self::Udp,
            Settings::LocalServer(_) | Settings::LocalClient(_) => Self::Local,
            Settings::I2p(_) => Self::I2p,
            Settings::Pipe(_) => Self::Pipe,
            Settings::Serial(_) => Self::Serial,
            Settings::Kiss(kiss) if kiss.ax25.is_some() => Self::Ax25Kiss,
            Settings::Kiss(_) => Self::Kiss,
            Settings::Rnode(_) => Self::Rnode,
        }
    }

    pub(super) fn name(self) -> &'static str {
        word_of(&TYPES, self)
    }
}

impl InterfaceTable {
    pub(in crate::config) fn template(out: &mut String) {
        out.push_str(
            "\n# The media that the node uses: one [[interface]] table each, as many as you like, with these keys. Before the\n\
             # documentation of a key stand the types that have it; where none stand, all have it. A key that the type does\n\
             # not have is an error.\n#[[interface]]\n",
        );
        Self::describe(out);
        out.push_str(
            "\n# The first one: programs on this machine can connect, nobody else. With no [[interface]] at all in this file the\n\
             # node joins the shared instance of this machine if one runs, and otherwise looks for neighbours on local\n\
             # networks, as programs of this field do.\n\
             [[interface]]\nname = \"local\"\ntype = \"tcp-server\"\nlisten = \"127.0.0.1:4242\"\n",
        );
    }

    /// The type, if all keys of the table belong to it.
    pub(super) fn checked_type(&self) -> Result<InterfaceType, String> {
        let kind = self.r#type.ok_or_else(|| format!("it needs `type`: {}", listed(&TYPES)))?;
        for key in self.given() {
            if !COMMON.contains(&key) && !kind.keys().contains(&key) {
                let owners = TYPES.iter().filter(|(_, kind)| kind.keys().contains(&key));
                let owners: Vec<_> = owners.map(|(name, _)| *name).collect();
                return Err(format!("{} has no `{key}`; it belongs to {}", kind.name(), owners.join(", ")));
            }
        }
        Ok(kind)
    }
}

/// The word for a value that the table is sure to have.
pub(in crate::config) fn word_of<T: PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, each)| *each == value).map(|(word, _)| *word).unwrap_or_default()
}

fn listed<T>(words: &[(&str, T)]) -> String {
    let words: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    words.join(", ")
}

fn word<'de, D: Deserializer<'de>, T: Copy>(
    deserializer: D,
    words: &[(&str, T)],
) -> Result<Option<T>, D::Error> {
    let given = String::deserialize(deserializer)?;
    match words.iter().find(|(word, _)| *word == given) {
        Some((_, value)) => Ok(Some(*value)),
        None => Err(serde::de::Error::custom(format!("\"{given}\" is none of {}", listed(words)))),
    }
}

fn interface_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<InterfaceType>, D::Error> {
    word(deserializer, &TYPES)
}

fn mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Mode>, D::Error> {
    word(deserializer, &MODES)
}

fn scope<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Scope>, D::Error> {
    word(deserializer, &SCOPES)
}

fn address_life<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<AddressLife>, D::Error> {
    word(deserializer, &ADDRESS_LIVES)
}

fn parity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Parity>, D::Error> {
    word(deserializer, &PARITIES)
}

impl<'de> Deserialize<'de> for Secret {
    /// As a `String`, but the error does not repeat what it found.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => Ok(Self(text)),
            _ => Err(serde::de::Error::custom("expected a text in quotes")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_belongs_to_all_types_or_to_named_ones_as_its_documentation_says() {
        let mut template = String::new();
        InterfaceTable::describe(&mut template);
        let mut keys = 0;
        for option in template.split("\n\n") {
            let (prose, shown) = option.trim().rsplit_once('\n').unwrap();
            let key = shown.trim_start_matches('#').split(' ').next().unwrap();
            let prose = prose.replace("\n#", "");
            let owners: Vec<_> =
                TYPES.iter().filter(|(_, kind)| kind.keys().contains(&key)).map(|(name, _)| *name).collect();
            assert_ne!(COMMON.contains(&key), !owners.is_empty(), "{key}");
            if !owners.is_empty() {
                let named = TYPES.iter().filter(|(name, _)| documented_types(&prose).contains(name));
                let named: Vec<_> = named.map(|(name, _)| *name).collect();
                assert_eq!(named, owners, "{key}");
            }
            keys += 1;
        }
        let mut known: Vec<_> = TYPES.iter().flat_map(|(_, kind)| kind.keys()).chain(&COMMON).collect();
        known.sort();
        known.dedup();
        assert_eq!(keys, known.len());
    }

    /// The words before a colon, at the beginning of a sentence: `# kiss, rnode: …. ax25-kiss: …`.
    fn documented_types(prose: &str) -> Vec<&str> {
        let heads =
            prose.trim_start_matches("# ").split(". ").filter_map(|sentence| sentence.split_once(": "));
        heads.flat_map(|(head, _)| head.split(", ")).collect()
    }
}
