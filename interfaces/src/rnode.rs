//! RNodes (interfaces.md section 10), on a serial line or behind TCP: start-up, and what becomes of an RNode that
//! cannot be used. `device` keeps what it has said of itself, `traffic` carries packets once it is on line.
//!
//! The waits of the start-up end with the last expected answer, not with a fixed time. A device that fails in any way
//! (absent, pulled out, restarted, wrong firmware, parameters that it cannot do) is tried again, and the node told why.

mod device;
mod traffic;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

use self::device::Device;
use self::traffic::{RnodeReader, RnodeWriter};
use crate::framing::kiss::Splitter;
use crate::framing::rnode::{DATA_LEN_MAX, DETECT_SEQUENCE, Message, PACKET_LEN_MAX, Request};
use crate::retry::{self, Ended, Session, keep_open};
use crate::stream::{self, Medium, NodeGone, write_all};
use crate::{Beacon, InterfaceHandle, LoraSettings, Notice, Properties, SerialLine, StartError, serial, tcp};

/// interfaces.md section 10.1.
const SERIAL_SPEED: u32 = 115_200;
/// interfaces.md section 10.1.
const TCP_PORT: u16 = 7633;
const IFAC_SIZE: usize = 8;
/// interfaces.md section 10.5.
const CALLSIGN_LEN_MAX: usize = 32;

/// How the byte stream to a device behaves (interfaces.md sections 10.1 and 10.3). The device answers much sooner.
#[derive(Clone, Copy, Debug)]
struct Timing {
    /// A device that was reset by opening it boots for this long.
    settling: Duration,
    detection: Duration,
    configuration: Duration,
    inter_byte: Duration,
    /// Something must be written this often, or the device hangs up.
    keepalive: Option<Duration>,
}

const SERIAL_TIMING: Timing = Timing {
    settling: Duration::from_secs(2),
    detection: Duration::from_secs(1),
    configuration: Duration::from_secs(1),
    inter_byte: serial::INTER_BYTE_TIMEOUT,
    keepalive: None,
};

const TCP_TIMING: Timing = Timing {
    settling: Duration::ZERO,
    detection: Duration::from_secs(5),
    configuration: Duration::from_secs(3),
    inter_byte: Duration::from_millis(1500),
    keepalive: Some(Duration::from_millis(3500)),
};

/// Settings of an RNode.
#[derive(Clone, Debug, PartialEq)]
pub struct RnodeSettings {
    /// Device path, `usb:` and a USB serial number, or `tcp://host[:port]`.
    pub port: String,
    /// The radio's parameters.
    pub lora: LoraSettings,
    /// The device sends no more than this share of 15 seconds.
    pub airtime_limit_short_percent: Option<f32>,
    /// The device sends no more than this share of an hour.
    pub airtime_limit_long_percent: Option<f32>,
    /// Ask the device before each packet whether its queue has room.
    pub flow_control: bool,
    /// Identify the station while it transmits; at most 32 bytes.
    pub beacon: Option<Beacon>,
    /// Time between attempts; longer after a minute of failures.
    pub reconnect_interval: Duration,
}

impl RnodeSettings {
    /// The usual settings for a port and a channel.
    pub fn new(port: impl Into<String>, lora: LoraSettings) -> Self {
        Self {
            port: port.into(),
            lora,
            airtime_limit_short_percent: None,
            airtime_limit_long_percent: None,
            flow_control: false,
            beacon: None,
            reconnect_interval: retry::INTERVAL,
        }
    }

    /// Whether every setting is in its range.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let out = |setting, value: &dyn ToString, range| {
            Err(StartError::OutOfRange { setting, value: value.to_string(), range })
        };
        self.lora.check()?;
        for (setting, limit) in [
            ("airtime_limit_short", self.airtime_limit_short_percent),
            ("airtime_limit_long", self.airtime_limit_long_percent),
        ] {
            if let Some(percent) = limit.filter(|percent| !(0.0..=100.0).contains(percent)) {
                return out(setting, &percent, "0 to 100 percent");
            }
        }
        if let Some(beacon) = &self.beacon
            && !(1..=CALLSIGN_LEN_MAX).contains(&beacon.callsign.len())
        {
            return out("callsign", &beacon.callsign, "1 to 32 bytes");
        }
        if self.port.starts_with("ble://") {
            return out(
                "port",
                &self.port,
                "a device path, usb:SERIAL or tcp://host[:port]; Bluetooth is not supported",
            );
        }
        Ok(())
    }

    /// What the device is told when it has been detected, in the order of interfaces.md section 10.3.
    fn configuration(&self) -> Vec<u8> {
        let LoraSettings { frequency_hz, bandwidth_hz, tx_power_dbm, spreading_factor, coding_rate } =
            self.lora;
        let hundredths = |percent: f32| (percent * 100.0).round() as u16;
        let requests = [
            Some(Request::Frequency(frequency_hz)),
            Some(Request::Bandwidth(bandwidth_hz)),
            Some(Request::TxPower(tx_power_dbm)),
            Some(Request::SpreadingFactor(spreading_factor)),
            Some(Request::CodingRate(coding_rate)),
            self.airtime_limit_short_percent.map(|percent| Request::AirtimeLimitShort(hundredths(percent))),
            self.airtime_limit_long_percent.map(|percent| Request::AirtimeLimitLong(hundredths(percent))),
            Some(Request::Radio(true)),
        ];
        let mut wire = Vec::new();
        requests.into_iter().flatten().for_each(|request| request.encode(&mut wire));
        wire
    }
}

/// Opens the device and keeps it open until the handle is dropped. Dropping the frame channel first switches the radio
/// off properly.
pub(crate) fn start(
    interface: usize,
    settings: RnodeSettings,
    notices: mpsc::Sender<Notice>,
) -> Result<InterfaceHandle, StartError> {
    settings.check()?;
    let interval = settings.reconnect_interval;
    let rnode = Rnode { interface, settings };
    Ok(InterfaceHandle::new(tokio::spawn(keep_open(interface, interval, rnode, notices)).abort_handle()))
}

/// One session with an RNode at the other end of a stream that the caller opened, such as a serial line: start-up, traffic
/// until either ends. Returns why it ended, for people; none if the receiver of `notices` is gone. Reads the time of tokio,
/// which a test may stop.
pub async fn run_rnode(
    interface: usize,
    settings: RnodeSettings,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    notices: &mpsc::Sender<Notice>,
) -> Option<String> {
    match (Rnode { interface, settings }).carry(stream, SERIAL_TIMING, notices).await {
        Ok(Ended::NotOpened(reason) | Ended::Closed(reason)) => Some(reason),
        Err(NodeGone) => None,
    }
}

struct Rnode {
    interface: usize,
    settings: RnodeSettings,
}

impl Session for Rnode {
    fn target(&self) -> &str {
        &self.settings.port
    }

    async fn run(&mut self, notices: &mpsc::Sender<Notice>) -> Result<Ended, NodeGone> {
        if let Some(host) = self.settings.port.strip_prefix("tcp://") {
            match tcp::connect(&with_port(host), TCP_TIMING.detection).await {
                Ok(stream) => self.carry(stream, TCP_TIMING, notices).await,
                Err(reason) => Ok(Ended::NotOpened(reason)),
            }
        } else {
            let line = SerialLine { speed: SERIAL_SPEED, ..SerialLine::new(&self.settings.port) };
            match line.open() {
                Ok(stream) => self.carry(stream, SERIAL_TIMING, notices).await,
                Err(reason) => Ok(Ended::NotOpened(reason)),
            }
        }
    }
}

impl Rnode {
    async fn carry(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        timing: Timing,
        notices: &mpsc::Sender<Notice>,
    ) -> Result<Ended, NodeGone> {
        let device = match start_up(&mut stream, &self.settings, timing).await {
            Ok(device) => device,
            Err(reason) => return Ok(Ended::NotOpened(reason)),
        };
        let medium = Medium {
            interface: self.interface,
            label: self.settings.port.clone(),
            properties: Properties {
                bitrate_bps: self.settings.lora.modulation().bitrate_bps() as u64,
                hw_mtu: PACKET_LEN_MAX,
                mtu_capable: false,
                shared_medium: true,
                ifac_size_default: IFAC_SIZE,
                batch_bytes: 1,
            },
            inter_byte_timeout: Some(timing.inter_byte),
        };
        let (reader, writer) = tokio::io::split(stream);
        let (from_device, to_writer) = traffic::signals();
        let inbound = RnodeReader::new(&self.settings, &device, from_device);
        let outbound = RnodeWriter::new(writer, &self.settings, &device, timing.keepalive, to_writer);
        stream::run(reader, inbound, outbound, medium, notices).await.map(Ended::Closed)
    }
}

fn with_port(host: &str) -> String {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { host.to_owned() } else { format!("{host}:{TCP_PORT}") }
}

/// Detects the device, sets it up and checks that it did as told. The error is for people.
async fn start_up(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    settings: &RnodeSettings,
    timing: Timing,
) -> Result<Device, String> {
    sleep(timing.settling).await;
    let mut talk = Talk { stream, splitter: Splitter::new(DATA_LEN_MAX), device: Device::default() };
    talk.tell(&DETECT_SEQUENCE).await?;
    talk.listen(timing.detection, Device::is_known).await?;
    talk.device.check_firmware()?;
    talk.tell(&settings.configuration()).await?;
    talk.listen(timing.configuration, Device::is_configured).await?;
    talk.device.check_parameters(&settings.lora)?;
    Ok(talk.device)
}

/// A conversation before there are packets.
struct Talk<'a, S> {
    stream: &'a mut S,
    splitter: Splitter,
    device: Device,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<'_, S> {
    async fn tell(&mut self, bytes: &[u8]) -> Result<(), String> {
        write_all(self.stream, bytes).await.map_err(|error| error.to_string())
    }

    /// Takes what the device says until `enough` or for at most `patience`; whether it was enough shows in the device.
    async fn listen(&mut self, patience: Duration, enough: fn(&Device) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + patience;
        let mut bytes = [0; 256];
        while !enough(&self.device) {
            let Ok(read) = timeout_at(deadline, self.stream.read(&mut bytes)).await else { return Ok(()) };
            let read = read.map_err(|error| error.to_string())?;
            if read == 0 {
                return Err("the device hung up".to_owned());
            }
            let Self { splitter, device, .. } = self;
            splitter.split(&bytes[..read], |command, data| {
                if let Some(message) = Message::parse(command, data) {
                    device.learn(message);
                }
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
