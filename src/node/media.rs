//! The interfaces of a running node: which medium is which of the engine's interfaces, and what may be sent to it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use interfaces::{BackboneEnd, CREDITS, FrameBatch, MediumId, Properties, RadioReport, Settings};
use lora_channel::{PACKET_LEN_MAX, PREAMBLE_SYMBOLS};
use reticulum::node::{Airtime, Flow, InterfaceConfig, InterfaceId, InterfaceStats};
use tokio::sync::mpsc;

use crate::api::{InterfaceStatus, RadioStatus};
use crate::config::Interface;

const MINUTE: Duration = Duration::from_secs(60);

/// A `[[interface]]` of the configuration, as it stands.
#[derive(Debug)]
struct Configured {
    interface: Interface,
    /// Why it is not online.
    waiting: Option<String>,
    /// It waits for others, and said so.
    ready: bool,
    /// Traffic of media that are gone.
    closed: InterfaceStats,
}

#[derive(Debug)]
struct Medium {
    interface: InterfaceId,
    configured: usize,
    /// Whom it leads to, for people.
    label: String,
    frames: mpsc::Sender<FrameBatch>,
    credits: usize,
    batch_bytes: usize,
    spare: Vec<FrameBatch>,
    radio: Option<RadioReport>,
}

/// A configured interface as it stands.
pub(crate) struct Row<'a> {
    pub(crate) interface: &'a Interface,
    pub(crate) online: bool,
    /// The engine's interfaces for its media.
    pub(crate) interfaces: Vec<InterfaceId>,
    /// Traffic of media that are gone.
    pub(crate) closed: InterfaceStats,
    pub(crate) radio: Option<&'a RadioReport>,
}

/// All configured interfaces and their open media.
#[derive(Debug, Default)]
pub(crate) struct Media {
    configured: Vec<Configured>,
    by_medium: HashMap<MediumId, Medium>,
    by_interface: BTreeMap<InterfaceId, MediumId>,
}

impl Media {
    pub(crate) fn new(interfaces: Vec<Interface>) -> Self {
        let offline = |interface| Configured {
            interface,
            waiting: None,
            ready: false,
            closed: InterfaceStats::default(),
        };
        Self { configured: interfaces.into_iter().map(offline).collect(), ..Self::default() }
    }

    /// What the engine is told of a medium of a configured interface, and how often we announce there.
    pub(crate) fn engine_config(
        &self,
        configured: usize,
        label: String,
        properties: &Properties,
    ) -> (InterfaceConfig, Duration) {
        let Interface {
            announce_interval_min,
            mode,
            ingress_control,
            rules,
            airtime_limits,
            access,
            settings,
            ..
        } = &self.configured[configured].interface;
        let config = InterfaceConfig {
            name: label,
            mode: *mode,
            bitrate_bps: properties.bitrate_bps,
            airtime: airtime(settings),
            airtime_limits: *airtime_limits,
            hw_mtu: properties.hw_mtu,
            mtu_capable: properties.mtu_capable,
            ifac: access.as_ref().map(|access| access.ifac(properties.ifac_size_default)),
            shared_medium: properties.shared_medium,
            ingress_control: *ingress_control,
            tells_tunnel: tells_tunnel(settings),
            rules: *rules,
            is_local_client: matches!(settings, Settings::LocalServer(_)),
            is_shared_instance: matches!(settings, Settings::LocalClient(_)),
        };
        (config, MINUTE * *announce_interval_min)
    }

    pub(crate) fn opened(
        &mut self,
        medium: MediumId,
        configured: usize,
        interface: InterfaceId,
        label: String,
        properties: &Properties,
        frames: mpsc::Sender<FrameBatch>,
    ) {
        self.configured[configured].waiting = None;
        self.by_interface.insert(interface, medium);
        let batch_bytes = properties.batch_bytes;
        self.by_medium.insert(
            medium,
            Medium {
                interface,
                configured,
                label,
                frames,
                credits: CREDITS,
                batch_bytes,
                spare: Vec::new(),
                radio: None,
            },
        );
    }

    /// Forgets a medium, keeps what it carried, and returns the engine's interface that it was.
    pub(crate) fn closed(
        &mut self,
        medium: MediumId,
        stats: impl FnOnce(InterfaceId) -> Option<InterfaceStats>,
    ) -> Option<InterfaceId> {
        let gone = self.by_medium.remove(&medium)?;
        self.by_interface.remove(&gone.interface);
        if let Some(stats) = stats(gone.interface) {
            // What waited is gone, and air time is of what is open.
            let carried = InterfaceStats {
                queue_len: 0,
                queue_bytes: 0,
                queue_delay: Duration::ZERO,
                airtime_used_percent: None,
                ..stats
            };
            add(&mut self.configured[gone.configured].closed, &carried);
        }
        Some(gone.interface)
    }

    pub(crate) fn ready(&mut self, configured: usize) {
        let configured = &mut self.configured[configured];
        (configured.ready, configured.waiting) = (true, None);
    }

    pub(crate) fn waiting(&mut self, configured: usize, reason: String) {
        self.configured[configured].waiting = Some(reason);
    }

    /// Takes a written batch back: one credit.
    pub(crate) fn sent(&mut self, medium: MediumId, batch: FrameBatch) {
        if let Some(medium) = self.by_medium.get_mut(&medium) {
            medium.credits += 1;
            medium.spare.push(batch);
        }
    }

    pub(crate) fn interface(&self, medium: MediumId) -> Option<InterfaceId> {
        self.by_medium.get(&medium).map(|medium| medium.interface)
    }

    /// Sends what `pull` yields for `interface` while the medium has credits. `pull` appends one frame or returns false.
    pub(crate) fn transmit(&mut self, interface: InterfaceId, mut pull: impl FnMut(&mut Vec<u8>) -> bool) {
        let Some(medium) = self.by_interface.get(&interface).and_then(|id| self.by_medium.get_mut(id)) else {
            return;
        };
        while medium.credits > 0 {
            let mut batch = medium.spare.pop().unwrap_or_default();
            while batch.byte_len() < medium.batch_bytes && batch.push_with(&mut pull) {}
            if batch.is_empty() {
                medium.spare.push(batch);
                return;
            }
            medium.credits -= 1;
            // A medium that is closing no longer reads; its `Closed` notice is on the way.
            let _ = medium.frames.try_send(batch);
        }
    }

    /// Takes the news of a radio.
    pub(crate) fn radio(&mut self, medium: MediumId, report: RadioReport) {
        if let Some(medium) = self.by_medium.get_mut(&medium) {
            medium.radio = Some(report);
        }
    }

    /// Whether frames are still being written somewhere.
    pub(crate) fn is_busy(&self) -> bool {
        self.by_medium.values().any(|medium| medium.credits < CREDITS)
    }

    /// Each configured interface as it stands.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.configured.len()).map(|configured| self.row(configured))
    }

    /// The configured interface that one of the engine's belongs to, and whom that one leads to.
    pub(crate) fn of(&self, id: InterfaceId) -> Option<(Row<'_>, &str)> {
        let medium = self.by_medium.get(self.by_interface.get(&id)?)?;
        Some((self.row(medium.configured), &medium.label))
    }

    /// The engine's interfaces, in order.
    pub(crate) fn interfaces(&self) -> impl Iterator<Item = InterfaceId> + '_ {
        self.by_interface.keys().copied()
    }

    fn row(&self, configured: usize) -> Row<'_> {
        let media = self.by_interface.values().filter_map(|medium| self.by_medium.get(medium));
        let media: Vec<&Medium> = media.filter(|medium| medium.configured == configured).collect();
        let Configured { interface, closed, .. } = &self.configured[configured];
        Row {
            interface,
            online: self.configured[configured].is_online() || !media.is_empty(),
            interfaces: media.iter().map(|medium| medium.interface).collect(),
            closed: *closed,
            radio: media.iter().find_map(|medium| medium.radio.as_ref()),
        }
    }

    /// Each configured interface, with all its traffic.
    pub(crate) fn report(
        &self,
        stats: impl Fn(InterfaceId) -> Option<InterfaceStats>,
    ) -> Vec<InterfaceStatus> {
        let mut rows: Vec<_> =
            self.configured.iter().map(|configured| (configured.status(), configured.closed)).collect();
        for medium in self.by_medium.values() {
            let (status, total) = &mut rows[medium.configured];
            status.online = true;
            status.media += 1;
            status.radio = medium.radio.as_ref().map(radio_status);
            if let Some(stats) = stats(medium.interface) {
                add(total, &stats);
            }
        }
        rows.into_iter()
            .map(|(status, total)| InterfaceStatus {
                rx_bytes: total.rx_bytes,
                tx_bytes: total.tx_bytes,
                rx_packets: total.rx_packets,
                tx_packets: total.tx_packets,
                queue_len: total.queue_len as u64,
                queue_delay_ms: total.queue_delay.as_millis() as u64,
                airtime_used_percent: total.airtime_used_percent.map(|[_, long]| long),
                ..status
            })
            .collect()
    }
}

impl Configured {
    /// Whether it is of use without a medium.
    fn is_online(&self) -> bool {
        (self.ready || self.interface.listens()) && self.waiting.is_none()
    }

    /// How it is without a medium, and without traffic.
    fn status(&self) -> InterfaceStatus {
        InterfaceStatus {
            name: self.interface.name.clone(),
            r#type: self.interface.type_name().to_owned(),
            online: self.is_online(),
            waiting: self.waiting.clone().unwrap_or_default(),
            ..InterfaceStatus::default()
        }
    }
}

/// A radio's frames take more than their bits: each has a preamble, and is filled up to whole symbols.
fn airtime(settings: &Settings) -> Airtime {
    let Settings::Rnode(rnode) = settings else { return Airtime::Bitrate };
    let modulation = rnode.lora.modulation();
    let micros = |len| modulation.packet_airtime(len, PREAMBLE_SYMBOLS).as_micros() as u32;
    Airtime::Table((0..=PACKET_LEN_MAX).map(micros).collect())
}

/// Whether it connects by itself, with frames that only a node reads (`spec/interfaces.md` 4).
fn tells_tunnel(settings: &Settings) -> bool {
    match settings {
        Settings::TcpClient(client) => !client.kiss_framing,
        Settings::Backbone(backbone) => matches!(backbone.end, BackboneEnd::Client { .. }),
        _ => false,
    }
}

fn radio_status(report: &RadioReport) -> RadioStatus {
    let channel = report.channel;
    RadioStatus {
        firmware: report.firmware.map(|(major, minor)| format!("{major}.{minor}")),
        rssi_dbm: report.rssi_dbm.map(i32::from),
        snr_db: report.snr_db,
        quality_percent: report.quality_percent,
        airtime_short_percent: channel.map(|channel| channel.airtime_short_percent),
        airtime_long_percent: channel.map(|channel| channel.airtime_long_percent),
        load_short_percent: channel.map(|channel| channel.load_short_percent),
        load_long_percent: channel.map(|channel| channel.load_long_percent),
        channel_dbm: channel.map(|channel| channel.rssi_dbm.into()),
        noise_floor_dbm: channel.map(|channel| channel.noise_floor_dbm.into()),
        interference_dbm: channel.and_then(|channel| channel.interference_dbm).map(i32::from),
        battery_percent: report.battery.map(|battery| battery.percent.into()),
        temperature_celsius: report.temperature_celsius.map(i32::from),
        queue_overflows: report.queue_overflows,
        complaints: report.complaints,
    }
}

pub(super) fn add(total: &mut InterfaceStats, more: &InterfaceStats) {
    total.rx_bytes += more.rx_bytes;
    total.tx_bytes += more.tx_bytes;
    total.rx_packets += more.rx_packets;
    total.tx_packets += more.tx_packets;
    add_flow(&mut total.announces, &more.announces);
    add_flow(&mut total.path_requests, &more.path_requests);
    total.dropped_packets += more.dropped_packets;
    total.dropped_bytes += more.dropped_bytes;
    total.malformed += more.malformed;
    total.access_refused += more.access_refused;
    total.filtered += more.filtered;
    total.queue_bytes += more.queue_bytes;
    total.queue_len += more.queue_len;
    total.queue_delay = total.queue_delay.max(more.queue_delay);
    if let Some([short, long]) = more.airtime_used_percent {
        let most = total.airtime_used_percent.unwrap_or_default();
        total.airtime_used_percent = Some([short.max(most[0]), long.max(most[1])]);
    }
}

fn add_flow(total: &mut Flow, more: &Flow) {
    total.rx_bytes += more.rx_bytes;
    total.tx_bytes += more.tx_bytes;
    total.rx_packets += more.rx_packets;
    total.tx_packets += more.tx_packets;
}
