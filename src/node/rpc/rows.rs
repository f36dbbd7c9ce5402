//! The rows of `rnstatus` and `rnpath`: interfaces, the media of those that accept or find others, paths and rates, with the
//! keys that the tools look for.

use reticulum::crypto::Ifac;
use reticulum::hash::sha256;
use reticulum::node::{
    Blackholed, Flow, InterfaceConfig, InterfaceId, InterfaceStats, Mode, Node, PathEntry, Pressure,
    RateEntry,
};
use reticulum::time::{Instant, UnixTime};

use super::Asked;
use super::value::Value;
use crate::node::media::{self, Media, Row};

/// What speeds are told of: bytes in and out of all packets, of announces and of path requests; packets in and out.
pub(super) const COUNTS: usize = 8;

/// How much it carried, in the order of [`COUNTS`].
pub(super) fn counts(total: &InterfaceStats) -> [u64; COUNTS] {
    let Flow { rx_bytes: announced_in, tx_bytes: announced_out, .. } = total.announces;
    let Flow { rx_bytes: asked_in, tx_bytes: asked_out, .. } = total.path_requests;
    [
        total.rx_bytes,
        total.tx_bytes,
        announced_in,
        announced_out,
        asked_in,
        asked_out,
        total.rx_packets,
        total.tx_packets,
    ]
}

/// Traffic of one row.
#[derive(Clone, Copy)]
pub(super) struct Traffic<'a> {
    pub(super) total: &'a InterfaceStats,
    pub(super) pressure: &'a Pressure,
    /// Bits a second, and packets a second, in the order of [`COUNTS`].
    pub(super) speed: [f64; COUNTS],
}

/// A configured interface.
pub(super) fn interface(asked: &Asked<'_>, row: &Row<'_>, traffic: Traffic<'_>) -> Value {
    let config = row.interfaces.first().and_then(|id| asked.node.interface_config(*id));
    let text = row.text();
    let mut pairs = described(&text, &row.interface.name, row.type_name());
    pairs.push(("clients".into(), row.accepts().then_some(row.interfaces.len()).into()));
    if row.interface.type_name() == "auto" {
        pairs.push(("peers".into(), row.interfaces.len().into()));
    }
    pairs.push(("status".into(), Value::Bool(row.online)));
    pairs.extend(settings(row, config, asked.node.forwards()));
    pairs.extend(carried(asked, traffic));
    pairs.extend(radio(row));
    Value::Map(pairs)
}

/// One of the media of an interface that has several.
pub(super) fn medium(asked: &Asked<'_>, row: &Row<'_>, id: InterfaceId, traffic: Traffic<'_>) -> Value {
    let config = asked.node.interface_config(id);
    let text = name(asked.media, id);
    let mut pairs = described(&text, &format!("Client on {}", row.interface.name), row.type_name_of_medium());
    let parent = row.text();
    pairs.push(("parent_interface_hash".into(), sha256(parent.as_bytes())[..].into()));
    pairs.push(("parent_interface_name".into(), parent.into()));
    pairs.push(("clients".into(), Value::Nil));
    pairs.push(("status".into(), Value::Bool(true)));
    pairs.extend(settings(row, config, asked.node.forwards()));
    pairs.extend(carried(asked, traffic));
    Value::Map(pairs)
}

fn described(text: &str, short: &str, kind: &str) -> Vec<(Value, Value)> {
    vec![
        ("name".into(), text.into()),
        ("short_name".into(), short.into()),
        ("hash".into(), sha256(text.as_bytes())[..].into()),
        ("type".into(), kind.into()),
    ]
}

fn settings(row: &Row<'_>, config: Option<&InterfaceConfig>, forwards: bool) -> Vec<(Value, Value)> {
    let rules = row.interface.rules;
    let rate = rules.announce_rate.filter(|_| forwards);
    let usual = row.usual();
    let made = row.interface.access.as_ref().filter(|_| config.is_none());
    let made = made.map(|access| access.ifac(usual.ifac_bytes));
    let access = config.map_or(made.as_ref(), |config| config.ifac.as_ref());
    let network = row.interface.access.as_ref().and_then(|access| access.network_name());
    vec![
        ("mode".into(), Value::Int(mode_code(row.interface.mode))),
        ("bitrate".into(), config.map_or(usual.bitrate_bps, |config| config.bitrate_bps as usize).into()),
        ("mtu".into(), config.map_or(usual.mtu, |config| config.hw_mtu).into()),
        ("announce_rate_target".into(), rate.map(|rate| rate.target.as_secs() as usize).into()),
        ("announce_rate_penalty".into(), rate.map(|rate| rate.penalty.as_secs() as usize).into()),
        ("announce_rate_grace".into(), rate.map(|rate| rate.grace as usize).into()),
        ("ifac_signature".into(), access.map(|access| &access.fingerprint()[..]).into()),
        ("ifac_size".into(), access.map(Ifac::size).into()),
        ("ifac_netname".into(), network.into()),
        ("autoconnect_source".into(), Value::Nil),
        ("gravity".into(), Value::Signed(rules.gravity.into())),
        ("announces_to_internal".into(), Value::Bool(rules.announces_to_internal)),
    ]
}

fn carried(asked: &Asked<'_>, traffic: Traffic<'_>) -> Vec<(Value, Value)> {
    let Traffic { total, pressure, speed } = traffic;
    let mut pairs = flows(total, speed);
    let began = |at: Option<Instant>| {
        let unix = asked.node.unix_time(asked.now);
        Value::Float(at.map_or(0.0, |at| (unix - asked.now.since(at)).as_secs_f64()))
    };
    let (announces, requests) = (total.announces, total.path_requests);
    pairs.extend([
        ("arxc".into(), Value::Int(announces.rx_packets)),
        ("atxc".into(), Value::Int(announces.tx_packets)),
        ("prxc".into(), Value::Int(requests.rx_packets)),
        ("ptxc".into(), Value::Int(requests.tx_packets)),
        ("txdrp".into(), Value::Int(total.dropped_packets)),
        ("txdrb".into(), Value::Int(total.dropped_bytes)),
        ("txstalled".into(), Value::Bool(false)),
        ("txbuffered".into(), total.queue_bytes.into()),
        ("incoming_announce_frequency".into(), Value::Float(pressure.announces_in_hz)),
        ("outgoing_announce_frequency".into(), Value::Float(pressure.announces_out_hz)),
        ("incoming_pr_frequency".into(), Value::Float(pressure.requests_in_hz)),
        ("outgoing_pr_frequency".into(), Value::Float(pressure.requests_out_hz)),
        ("held_announces".into(), pressure.announces_held.into()),
        ("announce_queue".into(), pressure.announces_capped.into()),
        ("burst_active".into(), Value::Bool(pressure.announces_burst)),
        ("burst_activated".into(), began(pressure.announces_burst_began)),
        ("burst_count".into(), Value::Int(pressure.announces_bursts)),
        ("pr_burst_active".into(), Value::Bool(pressure.requests_burst)),
        ("pr_burst_activated".into(), began(pressure.requests_burst_began)),
        ("pr_burst_count".into(), Value::Int(pressure.requests_bursts)),
        ("protocol_violations".into(), Value::Int(total.malformed)),
        ("ifac_violations".into(), Value::Int(total.access_refused)),
        ("packet_filter_hits".into(), Value::Int(total.filtered)),
    ]);
    pairs
}

/// Bytes and speeds, which a row has as well as the sum of all.
pub(super) fn flows(total: &InterfaceStats, speed: [f64; COUNTS]) -> Vec<(Value, Value)> {
    const BYTES: [&str; 6] = ["rxb", "txb", "arxb", "atxb", "prxb", "ptxb"];
    const SPEEDS: [&str; COUNTS] = ["rxs", "txs", "arxs", "atxs", "prxs", "ptxs", "rxpps", "txpps"];
    let bytes = BYTES.into_iter().zip(counts(total)).map(|(key, bytes)| (key.into(), Value::Int(bytes)));
    let speeds = SPEEDS.into_iter().zip(speed).map(|(key, speed)| (key.into(), Value::Float(speed)));
    bytes.chain(speeds).collect()
}

/// What a radio says of itself.
fn radio(row: &Row<'_>) -> Vec<(Value, Value)> {
    let Some(radio) = row.radio else { return Vec::new() };
    let mut pairs = Vec::new();
    let mut push = |key: &str, value: f64| pairs.push((key.into(), Value::Float(value)));
    if let Some(channel) = radio.channel {
        push("airtime_short", channel.airtime_short_percent.into());
        push("airtime_long", channel.airtime_long_percent.into());
        push("channel_load_short", channel.load_short_percent.into());
        push("channel_load_long", channel.load_long_percent.into());
        push("noise_floor", channel.noise_floor_dbm.into());
    }
    if let Some(battery) = radio.battery {
        push("battery_percent", battery.percent.into());
    }
    if let Some(temperature) = radio.temperature_celsius {
        push("cpu_temp", temperature.into());
    }
    pairs
}

/// What an interface is told to be while none of its media is open (interfaces.md section 1.2).
struct Usual {
    bitrate_bps: usize,
    mtu: usize,
    ifac_bytes: usize,
}

impl Row<'_> {
    fn usual(&self) -> Usual {
        let (bitrate_bps, mtu, ifac_bytes) = match self.interface.type_name() {
            "tcp-server" | "tcp-client" => (10_000_000, 16_384, 16),
            "backbone" => (100_000_000, 32_768, 16),
            "auto" => (10_000_000, 1_196, 16),
            "udp" => (10_000_000, 1_064, 16),
            "i2p" => (256_000, 1_064, 16),
            "local" => (1_000_000_000, 262_144, 16),
            "pipe" => (1_000_000, 1_064, 8),
            "serial" => (9_600, 564, 8),
            "rnode" => (0, 508, 8),
            _ => (1_200, 564, 8),
        };
        Usual { bitrate_bps, mtu, ifac_bytes }
    }

    /// The type in the words of the tools.
    fn type_name(&self) -> &'static str {
        match self.interface.type_name() {
            "tcp-server" => "TCPServerInterface",
            "tcp-client" => "TCPClientInterface",
            "backbone" if self.accepts() => "BackboneInterface",
            "backbone" => "BackboneClientInterface",
            "auto" => "AutoInterface",
            "udp" => "UDPInterface",
            "local" if self.accepts() => "LocalServerInterface",
            "local" => "LocalClientInterface",
            "i2p" => "I2PInterface",
            "pipe" => "PipeInterface",
            "serial" => "SerialInterface",
            "kiss" => "KISSInterface",
            "ax25-kiss" => "AX25KISSInterface",
            "rnode" => "RNodeInterface",
            _ => "Interface",
        }
    }

    /// That of a medium of an interface that has several.
    fn type_name_of_medium(&self) -> &'static str {
        match self.type_name() {
            "TCPServerInterface" => "TCPClientInterface",
            "BackboneInterface" => "BackboneClientInterface",
            "LocalServerInterface" => "LocalClientInterface",
            "AutoInterface" => "AutoInterfacePeer",
            "I2PInterface" => "I2PInterfacePeer",
            same => same,
        }
    }

    /// The interface as the tools write it.
    pub(super) fn text(&self) -> String {
        let place = self.interface.place().1;
        match self.type_name() {
            "LocalServerInterface" => format!("Shared Instance[{place}]"),
            "LocalClientInterface" => format!("LocalInterface[{place}]"),
            "TCPClientInterface" => format!("TCPInterface[{}/{place}]", self.interface.name),
            "BackboneClientInterface" => format!("BackboneInterface[{}/{place}]", self.interface.name),
            kind => format!("{kind}[{}/{place}]", self.interface.name),
        }
    }

    fn accepts(&self) -> bool {
        self.interface.listens()
    }

    /// Whether each of its media has a row of its own.
    pub(super) fn has_rows_of_media(&self) -> bool {
        self.accepts() || matches!(self.interface.type_name(), "auto" | "i2p")
    }
}

/// The name of one of the engine's interfaces, as the tools write it.
pub(super) fn name(media: &Media, id: InterfaceId) -> String {
    let Some((row, label)) = media.of(id) else { return "an interface that is gone".to_owned() };
    let name = &row.interface.name;
    match row.type_name() {
        "TCPServerInterface" => format!("TCPInterface[Client on {name}/{label}]"),
        "BackboneInterface" => format!("BackboneInterface[Client on {name}/{label}]"),
        "LocalServerInterface" => format!("LocalInterface[{}]", row.interface.place().1),
        "AutoInterface" => format!("AutoInterfacePeer[{name}/{label}]"),
        "I2PInterface" => format!("I2PInterfacePeer[{name}/{label}]"),
        _ => row.text(),
    }
}

pub(super) fn path(path: &PathEntry, node: &Node, media: &Media) -> Value {
    let via = node.next_hop(&path.destination).unwrap_or(*path.destination.as_bytes());
    Value::map([
        ("hash", path.destination.as_bytes()[..].into()),
        ("timestamp", Value::Float(path.used.as_secs_f64())),
        ("via", via[..].into()),
        ("hops", Value::Int(path.hops.into())),
        ("expires", Value::Float(path.expires.as_secs_f64())),
        ("interface", name(media, path.interface).into()),
    ])
}

pub(super) fn rate(rate: &RateEntry) -> Value {
    let times = rate.heard.iter().map(|time| Value::Float(time.as_secs_f64()));
    Value::map([
        ("hash", rate.destination.as_bytes()[..].into()),
        ("last", Value::Float(rate.last.as_secs_f64())),
        ("rate_violations", Value::Int(rate.violations.into())),
        ("blocked_until", Value::Float(rate.blocked_until.map_or(0.0, UnixTime::as_secs_f64))),
        ("timestamps", Value::List(times.collect())),
    ])
}

pub(super) fn blackholed(node: &Node, now: Instant) -> Value {
    let source = node.transport_id();
    let row = |entry: Blackholed| {
        let about = Value::map([
            ("source", source.as_bytes()[..].into()),
            ("until", entry.until.map(|until| Value::Float(until.as_secs_f64())).unwrap_or(Value::Nil)),
            ("reason", entry.reason.into()),
        ]);
        (entry.identity.as_bytes()[..].into(), about)
    };
    Value::Map(node.blackholed(now).into_iter().map(row).collect())
}

/// interfaces.md section 1.4.
fn mode_code(mode: Mode) -> u64 {
    match mode {
        Mode::Full => 1,
        Mode::PointToPoint => 2,
        Mode::AccessPoint => 3,
        Mode::Roaming => 4,
        Mode::Boundary => 5,
        Mode::Gateway => 6,
        Mode::Internal => 7,
    }
}

/// Adds what another medium carried.
pub(super) fn add(total: &mut InterfaceStats, pressure: &mut Pressure, more: (InterfaceStats, Pressure)) {
    let (stats, more) = more;
    media::add(total, &stats);
    pressure.announces_in_hz += more.announces_in_hz;
    pressure.announces_out_hz += more.announces_out_hz;
    pressure.requests_in_hz += more.requests_in_hz;
    pressure.requests_out_hz += more.requests_out_hz;
    pressure.announces_held += more.announces_held;
    pressure.announces_capped += more.announces_capped;
    pressure.announces_burst |= more.announces_burst;
    pressure.requests_burst |= more.requests_burst;
    pressure.announces_burst_began = pressure.announces_burst_began.max(more.announces_burst_began);
    pressure.requests_burst_began = pressure.requests_burst_began.max(more.requests_burst_began);
    pressure.announces_bursts += more.announces_bursts;
    pressure.requests_bursts += more.requests_bursts;
}
