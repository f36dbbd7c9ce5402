//! Answers to what `rnstatus`, `rnpath`, `rnprobe` and programs that share the node ask (interfaces.md section 13.2), in the
//! names of that protocol. Asking and the key are the matter of `interfaces::start_rpc`.

mod rows;
mod value;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use interfaces::{InterfaceHandle, RpcCall, RpcRequest, SignalPart};
use reticulum::crypto::Rng;
use reticulum::hash::sha256;
use reticulum::node::{Blackholed, InterfaceId, InterfaceStats, Node, PathEntry, Pressure};
use reticulum::time::Instant;
use tokio::sync::mpsc;

use self::rows::{COUNTS, Traffic};
use self::value::Value;
use super::media::Media;
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

/// Whose speed it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum SpeedOf {
    /// A configured interface, by its number.
    Row(usize),
    /// One of its media.
    Medium(InterfaceId),
}

/// What was carried when somebody last asked, and how fast that grew.
#[derive(Clone, Copy, Debug)]
struct Speed {
    at: Instant,
    counts: [u64; COUNTS],
    per_second: [f64; COUNTS],
}

/// Answers; it remembers only what speeds need, of what there is now.
#[derive(Debug, Default)]
pub(super) struct Answers {
    speeds: HashMap<SpeedOf, Speed>,
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
        let value = match request {
            RpcRequest::InterfaceStats => self.interface_stats(asked),
            _ => answer(asked, request),
        };
        value.write(&mut out);
        out
    }

    fn interface_stats(&mut self, asked: &Asked<'_>) -> Value {
        let (mut rows, mut media) = (Vec::new(), Vec::new());
        let (mut all, mut all_pressure, mut all_speed) =
            (InterfaceStats::default(), Pressure::default(), [0.0; COUNTS]);
        let mut told = HashMap::new();
        for (index, row) in asked.media.rows().enumerate() {
            let mut total = row.closed;
            let mut pressure = Pressure::default();
            for id in &row.interfaces {
                let stats = asked.node.interface_stats(asked.now, *id).unwrap_or_default();
                let pressing = asked.node.pressure(asked.now, *id).unwrap_or_default();
                if row.has_rows_of_media() {
                    let of = SpeedOf::Medium(*id);
                    let speed = self.speed(of, asked.now, &stats, &mut told);
                    let traffic = Traffic { total: &stats, pressure: &pressing, speed };
                    media.push(rows::medium(asked, &row, *id, traffic));
                }
                rows::add(&mut total, &mut pressure, (stats, pressing));
            }
            let speed = self.speed(SpeedOf::Row(index), asked.now, &total, &mut told);
            rows.push(rows::interface(asked, &row, Traffic { total: &total, pressure: &pressure, speed }));
            // What programs on this machine say among themselves does not count as traffic of the network.
            if !row.interface.is_for_programs() {
                rows::add(&mut all, &mut all_pressure, (total, pressure));
                (0..COUNTS).for_each(|of| all_speed[of] += speed[of]);
            }
        }
        self.speeds = told;
        rows.extend(media);
        let mut pairs = vec![("interfaces".into(), Value::List(rows))];
        pairs.extend(rows::flows(&all, all_speed));
        pairs.extend(queues(asked, &all, &all_pressure));
        pairs.extend(identity_of(asked));
        Value::Map(pairs)
    }

    /// Bits and packets per second since somebody asked before.
    fn speed(
        &mut self,
        of: SpeedOf,
        now: Instant,
        total: &InterfaceStats,
        told: &mut HashMap<SpeedOf, Speed>,
    ) -> [f64; COUNTS] {
        let counts = rows::counts(total);
        let mut speed =
            self.speeds.remove(&of).unwrap_or(Speed { at: now, counts, per_second: [0.0; COUNTS] });
        let span = now.since(speed.at);
        if span >= SPEED_SPAN_MIN {
            let grown = |of: usize| counts[of].saturating_sub(speed.counts[of]) as f64 / span.as_secs_f64();
            // The last two count packets, the others bytes, of which speeds tell the bits.
            let per_second =
                std::array::from_fn(|of| if of + 2 < COUNTS { 8.0 * grown(of) } else { grown(of) });
            speed = Speed { at: now, counts, per_second };
        }
        told.insert(of, speed);
        speed.per_second
    }
}

/// The answer to everything that needs no memory of what was asked before.
fn answer(asked: &mut Asked<'_>, request: &RpcRequest) -> Value {
    let Asked { now, ref mut node, media, .. } = *asked;
    match request {
        RpcRequest::PathTable { max_hops } => {
            let near = |path: &PathEntry| max_hops.is_none_or(|max| u64::from(path.hops) <= max);
            let paths = node.paths(now).into_iter().filter(near);
            Value::List(paths.map(|path| rows::path(&path, node, media)).collect())
        }
        RpcRequest::RateTable => Value::List(node.announce_rates(now).iter().map(rows::rate).collect()),
        RpcRequest::NextHop(to) => node.next_hop(to).as_ref().map(|hop| &hop[..]).into(),
        RpcRequest::NextHopInterface(to) => {
            node.path(to).map(|path| rows::name(media, path.interface)).into()
        }
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
        RpcRequest::PacketSignal(part, packet) => {
            let signal = node.packet_signal(packet).unwrap_or_default();
            let value = match part {
                SignalPart::Rssi => signal.rssi_dbm.map(f64::from),
                SignalPart::Snr => signal.snr_db.map(f64::from),
                SignalPart::Quality => signal.quality_percent.map(f64::from),
            };
            value.map_or(Value::Nil, Value::Float)
        }
        RpcRequest::InterfaceStats | RpcRequest::Profiling | RpcRequest::Manage => Value::Nil,
        RpcRequest::Blackholed => rows::blackholed(node, now),
        RpcRequest::IsBlackholed(identity) => Value::Bool(node.is_blackholed(identity)),
        RpcRequest::DropPath(to) => {
            let known = node.next_hop(to).is_some();
            node.drop_path(to);
            Value::Bool(known)
        }
        RpcRequest::DropVia(next_hop) => Value::Bool(node.drop_paths_via(next_hop) > 0),
        RpcRequest::DropAnnounceQueues => node.drop_capped_announces().into(),
        // Nothing tells the tool that it was so before.
        RpcRequest::Blackhole { identity, .. } if node.is_blackholed(identity) => Value::Nil,
        RpcRequest::Blackhole { identity, until, reason } => {
            let entry = Blackholed { identity: *identity, until: *until, reason: reason.clone() };
            Value::Bool(node.blackhole_and_persist(now, entry))
        }
        RpcRequest::Unblackhole(identity) if !node.is_blackholed(identity) => Value::Nil,
        RpcRequest::Unblackhole(identity) => Value::Bool(node.unblackhole(identity)),
        // What programs use and keep they keep themselves; here it ages like all that is heard.
        RpcRequest::DestinationData { destination, .. } => Value::Bool(node.peer(destination).is_some()),
        RpcRequest::RetainIdentity(_) => Value::Bool(true),
    }
}

/// What waits: work on what came in, announces that ingress control holds, and frames to be sent. What the node is too busy
/// for it does not read, so nothing else waits inside.
fn queues(asked: &Asked<'_>, all: &InterfaceStats, pressure: &Pressure) -> Vec<(Value, Value)> {
    let counters = asked.node.counters();
    let (working, held) = (asked.node.work_outstanding(), pressure.announces_held);
    let (refused, dropped) = (counters.work_full, counters.announce_held_dropped);
    let counts = [
        ("rxqd", working as u64),
        ("rxqa", 0),
        ("rxqp", 0),
        ("rxqi", 0),
        ("rxqil", held as u64),
        ("rxqt", (working + held) as u64),
        ("rxqdd", refused),
        ("rxqad", 0),
        ("rxqpd", 0),
        ("rxqild", dropped),
        ("rxqtd", refused + dropped),
        ("txq", all.queue_len as u64),
        ("rss", asked.rss_bytes),
    ];
    let pressures = ["tqpressure", "dqpressure", "aqpressure", "pqpressure", "ilqpressure", "pressure"];
    let rates = [
        ("arxf", pressure.announces_in_hz),
        ("atxf", pressure.announces_out_hz),
        ("prxf", pressure.requests_in_hz),
        ("ptxf", pressure.requests_out_hz),
    ];
    let counts = counts.into_iter().map(|(key, count)| (key.into(), Value::Int(count)));
    let rates = rates.into_iter().map(|(key, rate)| (key.into(), Value::Float(rate)));
    let pressures = pressures.into_iter().map(|key| (key.into(), Value::Float(0.0)));
    counts.chain(rates).chain(pressures).collect()
}

/// Who the node is, if it forwards.
fn identity_of(asked: &Asked<'_>) -> Vec<(Value, Value)> {
    if !asked.node.forwards() {
        return Vec::new();
    }
    let probes = asked.probe_responder.as_ref().map(|address| &address[..]);
    vec![
        ("transport_id".into(), asked.node.transport_id().as_bytes()[..].into()),
        ("network_id".into(), Value::Nil),
        ("transport_uptime".into(), Value::Float(asked.uptime.as_secs_f64())),
        ("probe_responder".into(), probes.into()),
    ]
}
