//! Serial lines: opening them, for every driver that has one, and the driver of HDLC frames on a bare line
//! (interfaces.md section 7). A device that is absent or was pulled out is waited for.

use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_serial::{
    DataBits, ErrorKind, FlowControl, SerialPortBuilderExt, SerialPortType, SerialStream, StopBits,
};

use crate::framing::{IFAC_SIZE_MAX, hdlc};
use crate::retry::{self, Ended, Session, keep_open};
use crate::stream::{self, Medium, NodeGone, StreamWriter};
use crate::{InterfaceHandle, Notice, Properties, StartError};

/// interfaces.md section 1.2.
pub(crate) const HW_MTU: usize = 564;
pub(crate) const IFAC_SIZE: usize = 8;

/// A frame whose bytes stop for longer is given up (interfaces.md section 7).
pub(crate) const INTER_BYTE_TIMEOUT: Duration = Duration::from_millis(100);

/// Opening a port resets some devices; they need this long before they listen (interfaces.md section 7).
const SETTLING: Duration = Duration::from_millis(500);

/// Names a port by the serial number of its USB device instead of its path.
const USB_PREFIX: &str = "usb:";

/// One batch holds at most what the line carries in this part of a second.
const BATCHES_PER_SECOND: u64 = 10;

/// A serial port and its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialLine {
    /// Device path, or `usb:` and the serial number of a USB device.
    pub port: String,
    /// Bits per second.
    pub speed: u32,
    /// 5 to 8.
    pub data_bits: u8,
    /// Parity bit.
    pub parity: Parity,
    /// 1 or 2.
    pub stop_bits: u8,
}

/// The parity bit of a serial line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parity {
    /// No parity bit.
    #[default]
    None,
    /// Makes the number of ones even.
    Even,
    /// Makes the number of ones odd.
    Odd,
}

/// Settings of an HDLC serial interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialSettings {
    /// The line.
    pub line: SerialLine,
    /// Time between attempts to open it; longer after a minute of failures.
    pub reconnect_interval: Duration,
}

impl SerialSettings {
    /// The usual settings for a port.
    pub fn new(port: impl Into<String>) -> Self {
        Self { line: SerialLine::new(port), reconnect_interval: retry::INTERVAL }
    }
}

impl SerialLine {
    /// interfaces.md section 2.4.
    pub const SPEED: u32 = 9600;

    /// The usual parameters (9600 8N1) for a port.
    pub fn new(port: impl Into<String>) -> Self {
        Self { port: port.into(), speed: Self::SPEED, data_bits: 8, parity: Parity::None, stop_bits: 1 }
    }

    /// Whether such a line can exist.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let out = |setting, value: u32, range| {
            Err(StartError::OutOfRange { setting, value: value.to_string(), range })
        };
        match self {
            Self { speed: 0, .. } => out("speed", 0, "bits per second, for example 9600 or 115200"),
            Self { data_bits, .. } if !(5..=8).contains(data_bits) => {
                out("data_bits", u32::from(*data_bits), "5 to 8")
            }
            Self { stop_bits, .. } if !(1..=2).contains(stop_bits) => {
                out("stop_bits", u32::from(*stop_bits), "1 or 2")
            }
            _ => Ok(()),
        }
    }

    /// Opens the port. The error is for people, and says what to do.
    pub(crate) fn open(&self) -> Result<SerialStream, String> {
        let path = match self.port.strip_prefix(USB_PREFIX) {
            Some(serial_number) => path_of_usb_device(serial_number)
                .ok_or_else(|| format!("no USB device with serial number {serial_number} is plugged in"))?,
            None => self.port.clone(),
        };
        tokio_serial::new(path.as_str(), self.speed)
            .data_bits(match self.data_bits {
                5 => DataBits::Five,
                6 => DataBits::Six,
                7 => DataBits::Seven,
                _ => DataBits::Eight,
            })
            .parity(match self.parity {
                Parity::None => tokio_serial::Parity::None,
                Parity::Even => tokio_serial::Parity::Even,
                Parity::Odd => tokio_serial::Parity::Odd,
            })
            .stop_bits(if self.stop_bits == 2 { StopBits::Two } else { StopBits::One })
            .flow_control(FlowControl::None)
            .open_native_async()
            .map_err(|error| explain(&path, &error))
    }
}

fn explain(path: &str, error: &tokio_serial::Error) -> String {
    use std::io::ErrorKind as Io;
    match error.kind {
        _ if !Path::new(path).exists() => "the device is not plugged in".to_owned(),
        ErrorKind::Io(Io::PermissionDenied) => {
            "no permission; add the user to the group that owns the device, often `dialout`".to_owned()
        }
        ErrorKind::Io(Io::WouldBlock | Io::ResourceBusy) => "another program has the device open".to_owned(),
        _ => error.to_string(),
    }
}

fn path_of_usb_device(serial_number: &str) -> Option<String> {
    // The library takes it for granted that Linux has this folder, and a container may not.
    if cfg!(target_os = "linux") && !Path::new("/sys/class/tty").exists() {
        return None;
    }
    let is_it = |port: &tokio_serial::SerialPortInfo| match &port.port_type {
        SerialPortType::UsbPort(usb) => usb.serial_number.as_deref() == Some(serial_number),
        _ => false,
    };
    tokio_serial::available_ports().ok()?.into_iter().find(is_it).map(|port| port.port_name)
}

/// Opens the line and keeps it open until the handle is dropped.
pub(crate) fn start(
    interface: usize,
    settings: SerialSettings,
    notices: mpsc::Sender<Notice>,
) -> Result<InterfaceHandle, StartError> {
    settings.line.check()?;
    let interval = settings.reconnect_interval;
    let serial = Serial { interface, line: settings.line };
    Ok(InterfaceHandle::new(tokio::spawn(keep_open(interface, interval, serial, notices)).abort_handle()))
}

struct Serial {
    interface: usize,
    line: SerialLine,
}

impl Session for Serial {
    fn target(&self) -> &str {
        &self.line.port
    }

    async fn run(&mut self, notices: &mpsc::Sender<Notice>) -> Result<Ended, NodeGone> {
        let stream = match self.line.open() {
            Ok(stream) => stream,
            Err(reason) => return Ok(Ended::NotOpened(reason)),
        };
        sleep(SETTLING).await;
        let bitrate_bps = u64::from(self.line.speed);
        let medium = Medium {
            interface: self.interface,
            label: self.line.port.clone(),
            properties: Properties {
                bitrate_bps,
                hw_mtu: HW_MTU,
                mtu_capable: false,
                shared_medium: true,
                ifac_size_default: IFAC_SIZE,
                batch_bytes: (bitrate_bps / 8 / BATCHES_PER_SECOND) as usize,
            },
            inter_byte_timeout: Some(INTER_BYTE_TIMEOUT),
        };
        let (reader, writer) = tokio::io::split(stream);
        let decoder = hdlc::Decoder::new(HW_MTU + IFAC_SIZE_MAX);
        let writer = StreamWriter::new(writer, hdlc::Encoder);
        stream::run(reader, decoder, writer, medium, notices).await.map(Ended::Closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FrameBatch;
    use crate::framing::Encode;
    use crate::pty::{Desk, next, opened};

    fn open(desk: &Desk) -> (InterfaceHandle, mpsc::Receiver<Notice>) {
        let settings = SerialSettings {
            reconnect_interval: Duration::from_millis(10),
            ..SerialSettings::new(desk.port())
        };
        let (sender, notices) = mpsc::channel(16);
        (start(4, settings, sender).unwrap(), notices)
    }

    fn wire(frame: &[u8]) -> Vec<u8> {
        let mut wire = Vec::new();
        hdlc::Encoder.encode(frame, &mut wire);
        wire
    }

    #[tokio::test]
    async fn frames_travel_both_ways_over_a_pseudo_terminal() {
        let mut desk = Desk::new();
        desk.plug_in();
        let (_handle, mut notices) = open(&desk);
        let Notice::Opened { frames, properties, .. } = next(&mut notices).await else {
            panic!("not opened")
        };
        assert_eq!((properties.bitrate_bps, properties.hw_mtu, properties.batch_bytes), (9600, 564, 120));
        let nasty: Vec<u8> = (0..=255).collect();
        let mut batch = FrameBatch::new();
        batch.push(&nasty);
        frames.send(batch.clone()).await.unwrap();
        assert_eq!(desk.read(wire(&nasty).len()).await, wire(&nasty));
        assert!(matches!(next(&mut notices).await, Notice::Sent { .. }));
        desk.write(&wire(&nasty)).await;
        let mut got = FrameBatch::new();
        while got.is_empty() {
            let Notice::Frames { batch, .. } = next(&mut notices).await else { panic!("no frames") };
            batch.iter().for_each(|frame| got.push(frame));
        }
        assert_eq!(got, batch);
    }

    #[tokio::test]
    async fn a_frame_whose_bytes_stop_is_given_up() {
        let mut desk = Desk::new();
        desk.plug_in();
        let (_handle, mut notices) = open(&desk);
        let Notice::Opened { frames: _frames, .. } = next(&mut notices).await else { panic!("not opened") };
        desk.write(&[0x7e, 1, 2, 3]).await;
        let Notice::Frames { batch, .. } = next(&mut notices).await else { panic!("no violation") };
        assert_eq!((batch.len(), batch.violations()), (0, 1));
        desk.write(&wire(&[5; 30])).await;
        let Notice::Frames { batch, .. } = next(&mut notices).await else { panic!("no frames") };
        assert_eq!((batch.iter().next().unwrap(), batch.violations()), (&[5; 30][..], 0));
    }

    #[tokio::test]
    async fn a_device_may_be_absent_at_start_and_pulled_out_later() {
        let mut desk = Desk::new();
        let (_handle, mut notices) = open(&desk);
        let Notice::Waiting { reason, interface: 4 } = next(&mut notices).await else {
            panic!("not waiting")
        };
        assert!(reason.contains("not plugged in"), "{reason}");
        for _ in 0..2 {
            desk.plug_in();
            let frames = opened(&mut notices).await;
            desk.pull_out();
            assert!(matches!(next(&mut notices).await, Notice::Closed { .. }));
            drop(frames);
        }
    }

    #[tokio::test]
    async fn lines_that_cannot_exist_are_start_errors() {
        let line = SerialLine::new("/dev/null");
        let lines = [
            SerialLine { speed: 0, ..line.clone() },
            SerialLine { data_bits: 9, ..line.clone() },
            SerialLine { data_bits: 4, ..line.clone() },
            SerialLine { stop_bits: 0, ..line.clone() },
        ];
        for line in lines {
            assert!(matches!(line.check(), Err(StartError::OutOfRange { .. })), "{line:?}");
        }
        assert!(line.check().is_ok());
    }

    #[test]
    fn a_usb_device_that_is_not_there_is_named() {
        let error = SerialLine::new("usb:NOSUCHSERIAL").open().unwrap_err();
        assert!(error.contains("NOSUCHSERIAL"), "{error}");
    }
}
