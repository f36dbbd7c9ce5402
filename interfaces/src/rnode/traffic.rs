//! Packets to and from an RNode that is on line (interfaces.md sections 10.5 to 10.7).
//!
//! The device queues what it is given and drops silently what is too much, so a packet stays here, and the next ones in
//! the node, until the one before it can be off the air and the device is not held back by an air-time limit.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use lora_channel::{Modulation, PREAMBLE_SYMBOLS};
use reticulum::node::Signal;
use tokio::io::AsyncWrite;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::RnodeSettings;
use super::device::Device;
use crate::framing::FRAME_LEN_MIN;
use crate::framing::kiss::{self, Splitter};
use crate::framing::rnode::{
    ChannelReport, DATA_LEN_MAX, DETECT_SEQUENCE, DeviceError, Message, PACKET_LEN_MAX, Request,
};
use crate::pace::Pace;
use crate::stream::{FrameReader, FrameWriter, write_all};
use crate::{Beacon, FrameBatch, RadioReport};

/// The device reports on the channel about once a second; a report that it is at its air-time limit holds for this
/// long, so that a device that falls silent does not hold us for ever.
const LIMIT_HOLDS: Duration = Duration::from_secs(3);
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// With flow control the device is asked this often whether it has room, and then gets the packet anyway: firmware that
/// never answers would otherwise stop the interface.
const READY_ASKED_EVERY: Duration = Duration::from_millis(500);
const READY_ATTEMPTS: u32 = 10;

/// What the reader has to tell the writer: that the queue has room, and until when an air-time limit holds.
pub(super) struct FromDevice {
    ready: Arc<Notify>,
    held_until: watch::Sender<Option<Instant>>,
}

/// The other end of [`FromDevice`].
pub(super) struct ToWriter {
    ready: Arc<Notify>,
    held_until: watch::Receiver<Option<Instant>>,
}

pub(super) fn signals() -> (FromDevice, ToWriter) {
    let ready = Arc::new(Notify::new());
    let (sender, receiver) = watch::channel(None);
    (FromDevice { ready: ready.clone(), held_until: sender }, ToWriter { ready, held_until: receiver })
}

/// Takes packets, reports and complaints.
pub(super) struct RnodeReader {
    splitter: Splitter,
    inbound: Inbound,
}

/// Apart from the splitter, so that a frame in its buffer can be handled here.
struct Inbound {
    spreading_factor: u8,
    airtime_limits: [Option<f32>; 2],
    signals: FromDevice,
    report: RadioReport,
    /// Set by packets, channel reports (one a second) and complaints, which carry the quieter news with them.
    report_is_new: bool,
    fault: Option<String>,
}

impl RnodeReader {
    pub(super) fn new(settings: &RnodeSettings, device: &Device, signals: FromDevice) -> Self {
        let inbound = Inbound {
            spreading_factor: settings.lora.spreading_factor,
            // Zero switches a limit off.
            airtime_limits: [settings.airtime_limit_short_percent, settings.airtime_limit_long_percent]
                .map(|limit| limit.filter(|percent| *percent > 0.0)),
            signals,
            report: RadioReport { firmware: device.firmware(), ..RadioReport::default() },
            report_is_new: true,
            fault: None,
        };
        Self { splitter: Splitter::new(DATA_LEN_MAX), inbound }
    }
}

impl FrameReader for RnodeReader {
    fn take(&mut self, bytes: &[u8], frames: &mut FrameBatch) {
        let Self { splitter, inbound } = self;
        let violations = splitter.split(bytes, |command, data| match Message::parse(command, data) {
            Some(Message::Packet(packet)) => inbound.packet(packet, frames),
            Some(message) => inbound.news(message),
            None => {}
        });
        (0..violations).for_each(|_| frames.add_violation());
    }

    fn is_inside(&self) -> bool {
        self.splitter.is_inside()
    }

    fn abandon(&mut self) {
        self.splitter.abandon();
    }

    fn take_report(&mut self) -> Option<RadioReport> {
        std::mem::take(&mut self.inbound.report_is_new).then_some(self.inbound.report)
    }

    fn fault(&self) -> Option<String> {
        self.inbound.fault.clone()
    }
}

impl Inbound {
    fn packet(&mut self, packet: &[u8], frames: &mut FrameBatch) {
        self.report.quality_percent = self.report.snr_db.map(|snr_db| quality(snr_db, self.spreading_factor));
        if (FRAME_LEN_MIN..=PACKET_LEN_MAX).contains(&packet.len()) {
            let RadioReport { rssi_dbm, snr_db, quality_percent, .. } = self.report;
            frames.push_heard(packet, Signal { rssi_dbm, snr_db, quality_percent });
        } else {
            frames.add_violation(); // another station's beacon, most likely
        }
        self.report_is_new = true;
    }

    fn news(&mut self, message: Message<'_>) {
        let report = &mut self.report;
        match message {
            Message::Rssi(dbm) => report.rssi_dbm = Some(dbm),
            Message::Snr(db) => report.snr_db = Some(db),
            Message::Channel(channel) => {
                report.channel = Some(channel);
                self.report_is_new = true;
                self.hold_at_limit(&channel);
            }
            Message::Physical(physical) => report.physical = Some(physical),
            Message::Battery(battery) => report.battery = Some(battery),
            Message::Temperature(celsius) => report.temperature_celsius = Some(celsius),
            Message::Ready(true) => self.signals.ready.notify_one(),
            Message::Reset => self.fault = Some("the device restarted".to_owned()),
            Message::Radio(false) => self.fault = Some("the device switched its radio off".to_owned()),
            Message::Error(error) => self.complaint(error),
            _ => {} // answers to our keep-alive, and what only the start-up needs
        }
    }

    fn hold_at_limit(&self, channel: &ChannelReport) {
        let used = [channel.airtime_short_percent, channel.airtime_long_percent];
        let at_limit = used
            .iter()
            .zip(self.airtime_limits)
            .any(|(used, limit)| limit.is_some_and(|limit| *used >= limit));
        self.signals.held_until.send_replace(at_limit.then(|| Instant::now() + LIMIT_HOLDS));
    }

    /// What a restart can mend is a fault; a lost packet or a slow modem is not.
    fn complaint(&mut self, error: DeviceError) {
        self.report_is_new = true;
        let fault = match error {
            DeviceError::QueueFull => {
                self.report.queue_overflows = self.report.queue_overflows.saturating_add(1);
                return;
            }
            DeviceError::MemoryLow | DeviceError::ModemTimeout => {
                self.report.complaints = self.report.complaints.saturating_add(1);
                return;
            }
            DeviceError::RadioInit => "the device could not start its radio".to_owned(),
            DeviceError::Transmit => "the device failed to transmit".to_owned(),
            DeviceError::EepromLocked => "the device's configuration memory is locked".to_owned(),
            DeviceError::Other(code) => format!("the device reports error {code:#04x}"),
        };
        self.fault = Some(fault);
    }
}

/// Margin above the weakest signal that the spreading factor can read (interfaces.md section 10.5), in percent.
fn quality(snr_db: f32, spreading_factor: u8) -> f32 {
    let least_db = -9.0 - 2.0 * (f32::from(spreading_factor) - 7.0);
    ((snr_db - least_db) / (6.0 - least_db)).clamp(0.0, 1.0) * 100.0
}

/// Gives the device one packet at a time.
pub(super) struct RnodeWriter<W> {
    stream: W,
    wire: Vec<u8>,
    modulation: Modulation,
    pace: Pace,
    signals: ToWriter,
    flow_control: bool,
    has_display: bool,
    beacon: Option<Beacon>,
    beacon_at: Option<Instant>,
    keepalive: Option<Duration>,
    written_at: Instant,
}

impl<W: AsyncWrite + Unpin> RnodeWriter<W> {
    pub(super) fn new(
        stream: W,
        settings: &RnodeSettings,
        device: &Device,
        keepalive: Option<Duration>,
        signals: ToWriter,
    ) -> Self {
        Self {
            stream,
            wire: Vec::new(),
            modulation: settings.lora.modulation(),
            pace: Pace::new(),
            signals,
            flow_control: settings.flow_control,
            has_display: device.has_display(),
            beacon: settings.beacon.clone(),
            beacon_at: None,
            keepalive,
            written_at: Instant::now(),
        }
    }

    async fn write_packet(&mut self, packet: &[u8]) -> io::Result<()> {
        self.wait_until(self.pace.free_at()).await?;
        self.below_airtime_limit().await?;
        if self.flow_control {
            self.room_in_queue().await?;
        }
        kiss::encode(kiss::DATA, packet, &mut self.wire);
        self.flush().await?;
        self.pace.sent(self.modulation.packet_airtime(packet.len(), PREAMBLE_SYMBOLS));
        Ok(())
    }

    /// Looks again at every report, since each may end or prolong the hold.
    async fn below_airtime_limit(&mut self) -> io::Result<()> {
        loop {
            let now = Instant::now();
            let held_until = *self.signals.held_until.borrow();
            let Some(held_until) = held_until.filter(|until| *until > now) else { return Ok(()) };
            self.wait_until(held_until.min(now + REPORT_EVERY)).await?;
        }
    }

    /// Waits, and keeps the connection alive meanwhile: a long packet at a low speed takes longer than the device has
    /// patience.
    async fn wait_until(&mut self, at: Instant) -> io::Result<()> {
        while Instant::now() < at {
            sleep_until(self.keepalive_at().map_or(at, |keepalive_at| keepalive_at.min(at))).await;
            self.keep_alive().await?;
        }
        Ok(())
    }

    async fn keep_alive(&mut self) -> io::Result<()> {
        if self.keepalive_at().is_some_and(|at| at <= Instant::now()) {
            self.wire.extend_from_slice(&DETECT_SEQUENCE);
            self.flush().await?;
        }
        Ok(())
    }

    async fn room_in_queue(&mut self) -> io::Result<()> {
        for _ in 0..READY_ATTEMPTS {
            Request::Ready.encode(&mut self.wire);
            self.flush().await?;
            if timeout(READY_ASKED_EVERY, self.signals.ready.notified()).await.is_ok() {
                return Ok(());
            }
        }
        tracing::debug!("the device did not say that it has room; sending anyway");
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        write_all(&mut self.stream, &self.wire).await?;
        self.wire.clear();
        self.written_at = Instant::now();
        Ok(())
    }

    fn keepalive_at(&self) -> Option<Instant> {
        self.keepalive.map(|every| self.written_at + every)
    }
}

impl<W: AsyncWrite + Unpin> FrameWriter for RnodeWriter<W> {
    async fn write(&mut self, frames: &FrameBatch) -> io::Result<()> {
        for packet in frames.iter() {
            if packet.len() > PACKET_LEN_MAX {
                tracing::debug!(length = packet.len(), "a packet is too long for an RNode");
                continue;
            }
            self.write_packet(packet).await?;
            if let Some(beacon) = &self.beacon {
                self.beacon_at.get_or_insert_with(|| Instant::now() + beacon.interval);
            }
        }
        Ok(())
    }

    fn chore_at(&self) -> Option<Instant> {
        [self.beacon_at, self.keepalive_at()].into_iter().flatten().min()
    }

    async fn do_chore(&mut self) -> io::Result<()> {
        if self.beacon_at.is_some_and(|at| at <= Instant::now()) {
            self.beacon_at = None;
            if let Some(beacon) = self.beacon.clone() {
                self.write_packet(beacon.callsign.as_bytes()).await?;
            }
        }
        self.keep_alive().await
    }

    async fn finish(&mut self) -> io::Result<()> {
        if self.has_display {
            Request::ReleaseDisplay.encode(&mut self.wire);
        }
        Request::Radio(false).encode(&mut self.wire);
        Request::Leave.encode(&mut self.wire);
        self.flush().await
    }
}
