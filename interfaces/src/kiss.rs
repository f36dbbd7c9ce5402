//! KISS TNCs on a serial line (interfaces.md sections 8 and 9), with or without AX.25 addresses.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWrite, WriteHalf};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_serial::SerialStream;

use crate::framing::{Decode, Encode, IFAC_SIZE_MAX, ax25, kiss};
use crate::pace::{Pace, airtime};
use crate::retry::{self, Ended, Session, keep_open};
use crate::serial::{HW_MTU, IFAC_SIZE, INTER_BYTE_TIMEOUT};
use crate::stream::{self, FrameWriter, Medium, NodeGone, write_all};
use crate::{FrameBatch, InterfaceHandle, Notice, Properties, SerialLine, StartError};

/// interfaces.md section 1.2.
const BITRATE_BPS: u64 = 1200;

/// Opening the port resets many TNCs; they need this long before they listen (interfaces.md section 8).
const SETTLING: Duration = Duration::from_secs(2);

/// A TNC that has not said "ready" for this long is asked no more (interfaces.md section 8).
const READY_TIMEOUT: Duration = Duration::from_secs(5);

/// A beacon is padded with zeros to this length (interfaces.md section 8).
const BEACON_LEN_MIN: usize = 15;

/// A TNC is told times in a byte of tens of milliseconds.
const TIME_MAX: Duration = Duration::from_millis(2550);

// Commands, with one byte of data each (interfaces.md section 8).
const TX_DELAY: u8 = 0x01;
const PERSISTENCE: u8 = 0x02;
const SLOT_TIME: u8 = 0x03;
const TX_TAIL: u8 = 0x04;

/// Settings of a TNC. Defaults: interfaces.md section 2.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KissSettings {
    /// The serial line to the TNC.
    pub line: SerialLine,
    /// Time between keying the transmitter and data, in steps of 10 ms up to 2.55 s.
    pub preamble: Duration,
    /// Time between data and releasing the transmitter, in the same steps.
    pub tx_tail: Duration,
    /// Probability of sending in a free slot: (p + 1) / 256.
    pub persistence: u8,
    /// Length of a slot, in the same steps.
    pub slot_time: Duration,
    /// Wait for the TNC's word before each frame, at most 5 s.
    pub flow_control: bool,
    /// Identify the station while it transmits.
    pub beacon: Option<Beacon>,
    /// Put AX.25 addresses before each packet.
    pub ax25: Option<Ax25Station>,
    /// Bits per second on the air, if not 1200.
    pub bitrate_bps: Option<u64>,
    /// Time between attempts to open the line; longer after a minute of failures.
    pub reconnect_interval: Duration,
}

/// A station's identification, sent `interval` after its first transmission since the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// What is sent.
    pub callsign: String,
    /// When.
    pub interval: Duration,
}

/// An AX.25 address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ax25Station {
    /// 3 to 6 letters and digits.
    pub callsign: String,
    /// 0 to 15.
    pub ssid: u8,
}

impl KissSettings {
    /// The usual settings for a port.
    pub fn new(port: impl Into<String>) -> Self {
        Self {
            line: SerialLine::new(port),
            preamble: Duration::from_millis(350),
            tx_tail: Duration::from_millis(20),
            persistence: 64,
            slot_time: Duration::from_millis(20),
            flow_control: false,
            beacon: None,
            ax25: None,
            bitrate_bps: None,
            reconnect_interval: retry::INTERVAL,
        }
    }

    /// What goes before each packet, if every setting is in its range.
    pub(crate) fn header(&self) -> Result<Vec<u8>, StartError> {
        self.line.check()?;
        let times = [("preamble", self.preamble), ("tx_tail", self.tx_tail), ("slot_time", self.slot_time)];
        for (setting, time) in times {
            if time > TIME_MAX {
                let value = time.as_millis().to_string();
                return Err(StartError::OutOfRange { setting, value, range: "0 to 2550 ms" });
            }
        }
        match &self.ax25 {
            Some(station) => Ok(ax25::header(&station.callsign, station.ssid)?.to_vec()),
            None => Ok(Vec::new()),
        }
    }

    /// What a TNC is told when it has come up.
    fn start_up(&self) -> Vec<u8> {
        let tens_of_ms = |time: Duration| u8::try_from(time.as_millis() / 10).unwrap_or(u8::MAX);
        let mut wire = Vec::new();
        for (command, value) in [
            (TX_DELAY, tens_of_ms(self.preamble)),
            (TX_TAIL, tens_of_ms(self.tx_tail)),
            (PERSISTENCE, self.persistence),
            (SLOT_TIME, tens_of_ms(self.slot_time)),
            (kiss::READY, 1),
        ] {
            kiss::encode(command, &[value], &mut wire);
        }
        wire
    }
}

/// Opens the line and keeps it open until the handle is dropped.
pub(crate) fn start(
    interface: usize,
    settings: KissSettings,
    notices: mpsc::Sender<Notice>,
) -> Result<InterfaceHandle, StartError> {
    let header = settings.header()?;
    let interval = settings.reconnect_interval;
    let tnc = Tnc { interface, settings, header };
    Ok(InterfaceHandle::new(tokio::spawn(keep_open(interface, interval, tnc, notices)).abort_handle()))
}

struct Tnc {
    interface: usize,
    settings: KissSettings,
    header: Vec<u8>,
}

impl Session for Tnc {
    fn target(&self) -> &str {
        &self.settings.line.port
    }

    async fn run(&mut self, notices: &mpsc::Sender<Notice>) -> Result<Ended, NodeGone> {
        let stream = match self.settings.line.open() {
            Ok(stream) => stream,
            Err(reason) => return Ok(Ended::NotOpened(reason)),
        };
        sleep(SETTLING).await;
        let (reader, mut writer) = tokio::io::split(stream);
        if let Err(error) = write_all(&mut writer, &self.settings.start_up()).await {
            return Ok(Ended::NotOpened(error.to_string()));
        }
        let ready = Arc::new(Notify::new());
        let decoder = TncDecoder {
            inner: kiss::Decoder::new(HW_MTU + IFAC_SIZE_MAX, self.header.len()),
            ready: ready.clone(),
        };
        let writer = self.writer(writer, ready);
        stream::run(reader, decoder, writer, self.medium(), notices).await.map(Ended::Closed)
    }
}

impl Tnc {
    fn bitrate_bps(&self) -> u64 {
        self.settings.bitrate_bps.unwrap_or(BITRATE_BPS)
    }

    fn medium(&self) -> Medium {
        Medium {
            interface: self.interface,
            label: self.settings.line.port.clone(),
            properties: Properties {
                bitrate_bps: self.bitrate_bps(),
                hw_mtu: HW_MTU,
                mtu_capable: false,
                shared_medium: true,
                ifac_size_default: IFAC_SIZE,
                batch_bytes: 1,
            },
            inter_byte_timeout: Some(INTER_BYTE_TIMEOUT),
        }
    }

    fn writer(
        &self,
        stream: WriteHalf<SerialStream>,
        ready: Arc<Notify>,
    ) -> TncWriter<WriteHalf<SerialStream>> {
        TncWriter {
            stream,
            encoder: kiss::Encoder { header: self.header.clone() },
            wire: Vec::new(),
            bitrate_bps: self.bitrate_bps(),
            pace: Pace::new(),
            flow: self.settings.flow_control.then_some(Flow { ready, locked: false }),
            beacon: self.settings.beacon.clone(),
            beacon_at: None,
        }
    }
}

/// Tells the writer when the TNC is ready.
struct TncDecoder {
    inner: kiss::Decoder,
    ready: Arc<Notify>,
}

impl Decode for TncDecoder {
    fn decode(&mut self, chunk: &[u8], frames: &mut FrameBatch) {
        self.inner.decode(chunk, frames);
        if self.inner.take_ready() {
            self.ready.notify_one();
        }
    }

    fn is_inside(&self) -> bool {
        self.inner.is_inside()
    }

    fn abandon(&mut self) {
        self.inner.abandon();
    }
}

/// Gives the TNC one frame at a time, when the air is free and the TNC willing.
struct TncWriter<W> {
    stream: W,
    encoder: kiss::Encoder,
    wire: Vec<u8>,
    bitrate_bps: u64,
    pace: Pace,
    flow: Option<Flow>,
    beacon: Option<Beacon>,
    beacon_at: Option<Instant>,
}

struct Flow {
    ready: Arc<Notify>,
    locked: bool,
}

impl<W: AsyncWrite + Unpin> FrameWriter for TncWriter<W> {
    async fn write(&mut self, frames: &FrameBatch) -> io::Result<()> {
        for frame in frames.iter() {
            self.write_frame(frame).await?;
            if let Some(beacon) = &self.beacon {
                self.beacon_at.get_or_insert_with(|| Instant::now() + beacon.interval);
            }
        }
        Ok(())
    }

    fn chore_at(&self) -> Option<Instant> {
        self.beacon_at
    }

    async fn do_chore(&mut self) -> io::Result<()> {
        self.beacon_at = None;
        let Some(beacon) = &self.beacon else { return Ok(()) };
        let mut callsign = beacon.callsign.clone().into_bytes();
        callsign.resize(callsign.len().max(BEACON_LEN_MIN), 0);
        self.write_frame(&callsign).await
    }
}

impl<W: AsyncWrite + Unpin> TncWriter<W> {
    async fn write_frame(&mut self, frame: &[u8]) -> io::Result<()> {
        sleep_until(self.pace.free_at()).await;
        if let Some(Flow { ready, locked }) = &mut self.flow {
            if *locked && timeout(READY_TIMEOUT, ready.notified()).await.is_err() {
                tracing::debug!("the TNC did not say that it is ready; sending anyway");
            }
            *locked = true;
        }
        self.wire.clear();
        self.encoder.encode(frame, &mut self.wire);
        write_all(&mut self.stream, &self.wire).await?;
        self.pace.sent(airtime(frame.len(), self.bitrate_bps));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
