//! Answers to what `rnstatus`, `rnpath`, `rnprobe` and programs that share the node ask (interfaces.md section 13.2), in the
//! names of that protocol. Asking and the key are the matter of `interfaces::start_rpc`.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use interfaces::{InterfaceHandle, RpcCall, RpcRequest};
use reticulum::crypto::Rng;
use reticulum::hash::sha256;
use reticulum::node::{InterfaceId, InterfaceStats, Mode, Node, PathEntry, Pressure, RateEntry};
use reticulum::time::{Instant, UnixTime};
use reticulum::wire::msgpack;
use tokio::sync::mpsc;

use super::media::{Media, Row};
use super::{RunError, identity};
use crate::config::{self, Config};

/// Questions that may wait for the loop.
const CALLS_MAX: usize = 16;
/// Speeds are over at least this time, or they would say more of the moment of asking than of the traffic.
const SPEED_SPAN_MIN: Duration = Duration::from_secs(1);

/// What is asked, if the node is the shared instance of its machine.
pub(super) async fn start(
    folder: &Path,
    config: &Config,
    rng: &mut Rng,
) -> Result<Option<(mpsc::Receiver<RpcCall>, InterfaceHandle)>, RunError> {
    let Some(shared) = config.node.shared() else { return Ok(None) };
    let key = match &config.node.rpc_key {
        Some(key) => key.0.clone(),
        None => {
            let identity = identity::load_or_create(folder, identity::TRANSPORT, rng)?;
            sha256(&identity.to_bytes()[..]).to_vec()
        }
    };
    let (sender, calls) = mpsc::channel(CALLS_MAX);
    let handle = interfaces::start_rpc(&config.node.control_place(), key, sender).await;
    let file = folder.join(config::FILE_NAME);
    let handle = handle.map_err(|error| config::not_opened(&file, &shared, &error))?;
    Ok(Some((calls, handle)))
}

/// A value of MessagePack.
enum Value {
    Nil,
    Bool(bool),
    Int(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    Bin(Vec<u8>),
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
}

impl Value {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nil => msgpack::write_nil(out),
            Self::Bool(value) => msgpack::write_bool(out, *value),
            Self::Int(value) => msgpack::write_uint(out, *value),
            Self::Signed(value) => msgpack::write_int(out, *value),
            Self::Float(value) => msgpack::write_f64(out, *value),
            Self::Text(text) => msgpack::write_str(out, text),
            Self::Bin(bytes) => msgpack::write_bin(out, bytes),
            Self::List(values) => {
                msgpack::write_array_len(out, values.len());
                values.iter().for_each(|value| value.write(out));
            }
            Self::Map(pairs) => {
                msgpack::write_map_len(out, pairs.len());
                for (key, value) in pairs {
                    key.write(out);
                    value.write(out);
                }
            }
        }
    }

    fn map<const N: usize>(pairs: [(&str, Value); N]) -> Self {
        Self::Map(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Int(number as u64)
    }
}

impl<T> From<Option<T>> for Value
where
    Value: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nil, Into::into)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bin(bytes.to_vec())
    }
}

/// What one interface carried when somebody last asked, and how fast that grew.
#[derive(Clone, Copy, Debug)]
struct Speed {
    at: Instant,
    bytes: [u64; 2],
    bps: [f64; 2],
}

/// Answers; it remembers only what speeds need.
#[derive(Debug, Default)]
pub(super) struct Answers {
    speeds: HashMap<usize, Speed>,
}

/// What there is to ask about.
pub(super) struct Asked<'a> {
    pub(super) now: Instant,
    pub(super) uptime: Duration,
    pub(super) node: &'a mut Node,
    pub(super) media: &'a Media,
    pub(super) probe_responder: Option<[u8; 16]>,
    pub(super) rss_bytes: u64,
}

impl Answers {
    /// The answer as MessagePack.
    pub(super) fn answer(&mut self, asked: &mut Asked<'_>, request: &RpcRequest) -> Vec<u8> {
        let mut out = Vec::new();
        self.value(asked, request).write(&mut out);
        out
    }

    fn value(&mut self, asked: &mut Asked<'_>, request: &RpcRequest) -> Value {
        let Asked { now, ref mut node, media, .. } = *asked;
        match request {
            RpcRequest::InterfaceStats => self.interface_stats(asked),
            RpcRequest::PathTable { max_hops } => {
                let near = |path: &PathEntry| max_hops.is_none_or(|max| u64::from(path.hops) <= max);
                let paths = node.paths(now).into_iter().filter(near);
                Value::List(paths.map(|path| path_row(&path, node, media)).collect())
            }
            RpcRequest::RateTable => Value::List(node.announce_rates(now).iter().map(rate_row).collect()),
            RpcRequest::NextHop(to) => node.next_hop(to).as_ref().map(|hop| &hop[..]).into(),
            RpcRequest::NextHopInterface(to) => node.path(to).map(|path| name(media, path.interface)).into(),
            RpcRequest::FirstHopTimeout(to) => {
                Value::Float(node.first_hop_timeout(to).map_or(6.0, |timeout| timeout.as_secs_f64()))
            }
            RpcRequest::LowestBitrate => {
                let rates = media.interfaces().filter_map(|id| node.interface_config(id));
                rates.map(|config| config.bitrate_bps as usize).filter(|bps| *bps > 0).min().into()
            }
            RpcRequest::MediumTimeout => Value::Float(node.medium_timeout().as_secs_f64()),
            RpcRequest::LinkCount => node.relayed_links().0.into(),
            RpcRequest::ActiveLinkCount => node.relayed_links().1.into(),
            RpcRequest::Profiling | RpcRequest::PacketSignal | RpcRequest::Manage => Value::Nil,
            RpcRequest::Blackholed => Value::Map(blackholed(node)),
            RpcRequest::IsBlackholed(identity) => Value::Bool(node.blackholed().contains(identity)),
            RpcRequest::DropPath(to) => {
                let known = node.next_hop(to).is_some();
                node.drop_path(to);
                Value::Bool(known)
            }
            RpcRequest::DropVia(transport) => node.drop_paths_via(transport).into(),
            RpcRequest::DropAnnounceQueues => node.drop_capped_announces().into(),
            RpcRequest::Blackhole(identity) => Value::Bool(node.blackhole(now, *identity)),
            RpcRequest::Unblackhole(identity) => Value::Bool(node.unblackhole(identity)),
            // What programs use and keep they keep themselves; here it ages like all that is heard.
            RpcRequest::DestinationData { destination, .. } => Value::Bool(node.peer(destination).is_some()),
            RpcRequest::RetainIdentity(_) => Value::Bool(true),
        }
    }

    fn interface_stats(&mut self, asked: &Asked<'_>) -> Value {
        let mut rows = Vec::new();
        let (mut bytes, mut bps) = ([0; 2], [0.0; 2]);
        for (index, row) in asked.media.rows().enumerate() {
            let mut total = row.closed;
            let mut pressure = Pressure::default();
            for id in &row.interfaces {
                add(&mut total, asked.node.interface_stats(asked.now, *id));
                add_pressure(&mut pressure, asked.node.pressure(asked.now, *id));
            }
            let speed = self.speed(index, asked.now, &total);
            for way in 0..2 {
                bytes[way] += [total.rx_bytes, total.tx_bytes][way];
                bps[way] += speed[way];
            }
            rows.push(interface_row(asked, &row, &total, &pressure, speed));
        }
        let mut pairs: Vec<(Value, Value)> = vec![
            ("interfaces".into(), Value::List(rows)),
            ("rxb".into(), Value::Int(bytes[0])),
            ("txb".into(), Value::Int(bytes[1])),
            ("rxs".into(), Value::Float(bps[0])),
            ("txs".into(), Value::Float(bps[1])),
            ("rss".into(), Value::Int(asked.rss_bytes)),
        ];
        pairs.extend(TOTALS_NOT_COUNTED.iter().map(|key| ((*key).into(), Value::Int(0))));
        if asked.node.forwards() {
            let id = asked.node.transport_id();
            pairs.push(("transport_id".into(), id.as_bytes()[..].into()));
            pairs.push(("network_id".into(), Value::Nil));
            pairs.push(("transport_uptime".into(), Value::Float(asked.uptime.as_secs_f64())));
            let probes = asked.probe_responder.as_ref().map(|address| &address[..]);
            pairs.push(("probe_responder".into(), probes.into()));
        }
        Value::Map(pairs)
    }

    /// Bits per second since somebody asked before, in and out.
    fn speed(&mut self, row: usize, now: Instant, total: &InterfaceStats) -> [f64; 2] {
        let bytes = [total.rx_bytes, total.tx_bytes];
        let speed = self.speeds.entry(row).or_insert(Speed { at: now, bytes, bps: [0.0; 2] });
        let span = now.since(speed.at);
        if span >= SPEED_SPAN_MIN {
            let grown = |way: usize| bytes[way].saturating_sub(speed.bytes[way]) as f64;
            let bps = [0, 1].map(|way| 8.0 * grown(way) / span.as_secs_f64());
            *speed = Speed { at: now, bytes, bps };
        }
        speed.bps
    }
}

/// Sums that the tools expect, of what this node does not count apart.
#[rustfmt::skip]
const TOTALS_NOT_COUNTED: [&str; 32] = [
    "arxf", "atxf", "prxf", "ptxf", "arxb", "atxb", "arxs", "atxs", "prxb", "ptxb",
    "prxs", "ptxs", "rxpps", "txpps", "rxqd", "rxqa", "rxqp", "rxqi", "rxqil", "rxqt",
    "rxqdd", "rxqad", "rxqpd", "rxqild", "rxqtd", "dqpressure", "aqpressure", "pqpressure", "ilqpressure", "tqpressure",
    "txq", "pressure",
];

/// The same of an interface.
const NOT_COUNTED: [&str; 26] = [
    "arxb",
    "atxb",
    "arxs",
    "atxs",
    "arxc",
    "atxc",
    "prxb",
    "ptxb",
    "prxs",
    "ptxs",
    "prxc",
    "ptxc",
    "txdrp",
    "txdrb",
    "txbuffered",
    "burst_activated",
    "burst_count",
    "pr_burst_activated",
    "pr_burst_count",
    "protocol_violations",
    "ifac_violations",
    "packet_filter_hits",
    "announce_rate_penalty",
    "announce_rate_grace",
    "rxpps",
    "txpps",
];

fn interface_row(
    asked: &Asked<'_>,
    row: &Row<'_>,
    total: &InterfaceStats,
    pressure: &Pressure,
    speed: [f64; 2],
) -> Value {
    let config = row.interfaces.first().and_then(|id| asked.node.interface_config(*id));
    let access = row.access_code_bytes(config);
    let rules = row.interface.rules;
    let rate = rules.announce_rate.filter(|_| asked.node.forwards());
    let text = row.text();
    let Value::Map(mut pairs) = Value::map([
        ("name", text.as_str().into()),
        ("short_name", row.interface.name.as_str().into()),
        ("hash", sha256(text.as_bytes())[..].into()),
        ("type", row.kind().into()),
        ("status", Value::Bool(row.online)),
        ("mode", Value::Int(mode_code(row.interface.mode))),
        ("clients", row.accepts().then_some(row.interfaces.len()).into()),
        ("bitrate", config.map(|config| config.bitrate_bps as usize).into()),
        ("mtu", config.map_or(500, |config| config.hw_mtu).into()),
        ("rxb", Value::Int(total.rx_bytes)),
        ("txb", Value::Int(total.tx_bytes)),
        ("rxs", Value::Float(speed[0])),
        ("txs", Value::Float(speed[1])),
        ("txstalled", Value::Bool(false)),
        ("incoming_announce_frequency", Value::Float(pressure.announces_in_hz)),
        ("outgoing_announce_frequency", Value::Float(pressure.announces_out_hz)),
        ("incoming_pr_frequency", Value::Float(pressure.requests_in_hz)),
        ("outgoing_pr_frequency", Value::Float(pressure.requests_out_hz)),
        ("announce_rate_target", rate.map(|rate| rate.target.as_secs() as usize).into()),
        ("held_announces", pressure.announces_held.into()),
        ("announce_queue", pressure.announces_capped.into()),
        ("burst_active", Value::Bool(pressure.announces_burst)),
        ("pr_burst_active", Value::Bool(pressure.requests_burst)),
        ("ifac_signature", Value::Nil),
        ("ifac_size", access.into()),
        ("ifac_netname", Value::Nil),
        ("autoconnect_source", Value::Nil),
        ("gravity", Value::Signed(rules.gravity.into())),
        ("announces_to_internal", Value::Bool(rules.announces_to_internal)),
    ]) else {
        return Value::Nil;
    };
    if row.interface.type_name() == "auto" {
        pairs.push(("peers".into(), row.interfaces.len().into()));
    }
    pairs.extend(row.radio());
    pairs.extend(NOT_COUNTED.iter().map(|key| ((*key).into(), Value::Int(0))));
    Value::Map(pairs)
}

impl Row<'_> {
    /// The type in the words of the tools.
    fn kind(&self) -> &'static str {
        match self.interface.type_name() {
            "tcp-server" => "TCPServerInterface",
            "tcp-client" => "TCPInterface",
            "backbone" => "BackboneInterface",
            "auto" => "AutoInterface",
            "udp" => "UDPInterface",
            "local" if self.accepts() => "LocalServerInterface",
            "local" => "LocalInterface",
            "i2p" => "I2PInterface",
            "pipe" => "PipeInterface",
            "serial" => "SerialInterface",
            "kiss" => "KISSInterface",
            "ax25-kiss" => "AX25KISSInterface",
            "rnode" => "RNodeInterface",
            _ => "Interface",
        }
    }

    /// The interface as the tools write it.
    fn text(&self) -> String {
        let place = self.interface.place().1;
        match self.kind() {
            "LocalServerInterface" => format!("Shared Instance[{place}]"),
            "LocalInterface" => format!("LocalInterface[{place}]"),
            kind => format!("{kind}[{}/{place}]", self.interface.name),
        }
    }

    fn accepts(&self) -> bool {
        self.interface.listens()
    }

    fn access_code_bytes(&self, config: Option<&reticulum::node::InterfaceConfig>) -> Option<usize> {
        let ifac = config.and_then(|config| config.ifac.as_ref());
        ifac.map(reticulum::crypto::Ifac::size)
    }

    /// What a radio says of itself.
    fn radio(&self) -> Vec<(Value, Value)> {
        let Some(radio) = self.radio else { return Vec::new() };
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
}

fn path_row(path: &PathEntry, node: &Node, media: &Media) -> Value {
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

fn rate_row(rate: &RateEntry) -> Value {
    let times = rate.heard.iter().map(|time| Value::Float(time.as_secs_f64()));
    Value::map([
        ("hash", rate.destination.as_bytes()[..].into()),
        ("last", Value::Float(rate.last.as_secs_f64())),
        ("rate_violations", Value::Int(rate.violations.into())),
        ("blocked_until", Value::Float(rate.blocked_until.map_or(0.0, UnixTime::as_secs_f64))),
        ("timestamps", Value::List(times.collect())),
    ])
}

fn blackholed(node: &Node) -> Vec<(Value, Value)> {
    let source = node.transport_id();
    let row = |identity: reticulum::hash::IdentityHash| {
        let source = source.as_bytes()[..].into();
        let about = Value::map([("source", source), ("until", Value::Nil), ("reason", Value::Nil)]);
        (identity.as_bytes()[..].into(), about)
    };
    node.blackholed().into_iter().map(row).collect()
}

/// The name of one of the engine's interfaces, as the tools write it.
fn name(media: &Media, id: InterfaceId) -> String {
    let Some((row, label)) = media.of(id) else { return "an interface that is gone".to_owned() };
    match row.kind() {
        "TCPServerInterface" => format!("TCPInterface[Client on {}/{label}]", row.interface.name),
        "BackboneInterface" if row.accepts() => {
            format!("BackboneInterface[Client on {}/{label}]", row.interface.name)
        }
        "LocalServerInterface" => format!("LocalInterface[{}]", row.interface.place().1),
        "AutoInterface" => format!("AutoInterfacePeer[{}/{label}]", row.interface.name),
        _ => row.text(),
    }
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

fn add(total: &mut InterfaceStats, more: Option<InterfaceStats>) {
    if let Some(more) = more {
        super::media::add(total, &more);
    }
}

fn add_pressure(total: &mut Pressure, more: Option<Pressure>) {
    let Some(more) = more else { return };
    total.announces_in_hz += more.announces_in_hz;
    total.announces_out_hz += more.announces_out_hz;
    total.requests_in_hz += more.requests_in_hz;
    total.requests_out_hz += more.requests_out_hz;
    total.announces_held += more.announces_held;
    total.announces_capped += more.announces_capped;
    total.announces_burst |= more.announces_burst;
    total.requests_burst |= more.requests_burst;
}
