//! What an RNode and its host say to each other (interfaces.md sections 10.2 to 10.7), in the frames of
//! [`kiss`]. Here the command byte is not masked, and numbers are big-endian.

use self::command::*;
use super::kiss;

/// An RNode takes packets of at most this length: two LoRa frames of 255 bytes with a byte of header each.
pub const PACKET_LEN_MAX: usize = 508;

/// The longest data that a host has to understand; what is longer (pictures of the display) it never asks for.
pub const DATA_LEN_MAX: usize = 564;

/// Asks who is there: detect, firmware version, platform and processor, in one write with shared FENDs.
pub const DETECT_SEQUENCE: [u8; 13] =
    [0xc0, DETECT, 0x73, 0xc0, FIRMWARE, 0x00, 0xc0, PLATFORM, 0x00, 0xc0, MCU, 0x00, 0xc0];

/// What a device answers when it is asked whether it is an RNode.
pub const DETECT_ANSWER: u8 = 0x46;
const RESET_BYTE: u8 = 0xf8;
/// A strength travels as one byte that is this much above its decibel over a milliwatt.
pub const RSSI_OFFSET: i16 = 157;
const TEMPERATURE_OFFSET: i16 = 120;
const NO_INTERFERENCE: u8 = 0xff;

/// Commands (interfaces.md section 10.2), for whoever is at the other end of the line. Packets and readiness have those of
/// [`kiss`].
pub mod command {
    /// Frequency in hertz, four bytes.
    pub const FREQUENCY: u8 = 0x01;
    /// Bandwidth in hertz, four bytes.
    pub const BANDWIDTH: u8 = 0x02;
    /// Transmit power in decibel over a milliwatt.
    pub const TX_POWER: u8 = 0x03;
    /// Spreading factor.
    pub const SPREADING_FACTOR: u8 = 0x04;
    /// Coding rate.
    pub const CODING_RATE: u8 = 0x05;
    /// Radio off or on.
    pub const RADIO_STATE: u8 = 0x06;
    /// Is there an RNode?
    pub const DETECT: u8 = 0x08;
    /// The host is going.
    pub const LEAVE: u8 = 0x0a;
    /// Share of 15 seconds, in hundredths of a percent.
    pub const AIRTIME_LIMIT_SHORT: u8 = 0x0b;
    /// Share of an hour, in hundredths of a percent.
    pub const AIRTIME_LIMIT_LONG: u8 = 0x0c;
    /// Strength of the packet that follows.
    pub const RSSI: u8 = 0x23;
    /// Signal over noise of the packet that follows.
    pub const SNR: u8 = 0x24;
    /// Use of the channel, eleven bytes.
    pub const CHANNEL: u8 = 0x25;
    /// What the modem makes of the parameters, twelve bytes.
    pub const PHYSICAL: u8 = 0x26;
    /// The battery.
    pub const BATTERY: u8 = 0x27;
    /// Contention.
    pub const CSMA: u8 = 0x28;
    /// Temperature.
    pub const TEMPERATURE: u8 = 0x29;
    /// Who draws on the display.
    pub const EXTERNAL_FRAMEBUFFER: u8 = 0x41;
    /// Kind of hardware.
    pub const PLATFORM: u8 = 0x48;
    /// Processor.
    pub const MCU: u8 = 0x49;
    /// Version of the firmware.
    pub const FIRMWARE: u8 = 0x50;
    /// The device restarts, or has.
    pub const RESET: u8 = 0x55;
    /// A complaint.
    pub const ERROR: u8 = 0x90;
}

/// What a host tells an RNode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Hertz.
    Frequency(u32),
    /// Hertz.
    Bandwidth(u32),
    /// Decibel over a milliwatt.
    TxPower(u8),
    /// 5 to 12.
    SpreadingFactor(u8),
    /// 5 to 8, the denominator of 4/x.
    CodingRate(u8),
    /// Share of the last 15 seconds, in hundredths of a percent.
    AirtimeLimitShort(u16),
    /// Share of the last hour, in hundredths of a percent.
    AirtimeLimitLong(u16),
    /// Switches the radio.
    Radio(bool),
    /// Asks whether the queue has room.
    Ready,
    /// Gives the display back to the device.
    ReleaseDisplay,
    /// The host is going.
    Leave,
}

impl Request {
    /// Appends the request as it travels.
    pub fn encode(self, wire: &mut Vec<u8>) {
        let mut frame = |command, data: &[u8]| kiss::encode(command, data, wire);
        match self {
            Self::Frequency(hz) => frame(FREQUENCY, &hz.to_be_bytes()),
            Self::Bandwidth(hz) => frame(BANDWIDTH, &hz.to_be_bytes()),
            Self::TxPower(dbm) => frame(TX_POWER, &[dbm]),
            Self::SpreadingFactor(factor) => frame(SPREADING_FACTOR, &[factor]),
            Self::CodingRate(denominator) => frame(CODING_RATE, &[denominator]),
            Self::AirtimeLimitShort(limit) => frame(AIRTIME_LIMIT_SHORT, &limit.to_be_bytes()),
            Self::AirtimeLimitLong(limit) => frame(AIRTIME_LIMIT_LONG, &limit.to_be_bytes()),
            Self::Radio(on) => frame(RADIO_STATE, &[u8::from(on)]),
            Self::Ready => frame(kiss::READY, &[0x01]),
            Self::ReleaseDisplay => frame(EXTERNAL_FRAMEBUFFER, &[0x00]),
            Self::Leave => frame(LEAVE, &[0xff]),
        }
    }
}

/// What an RNode tells its host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Message<'a> {
    /// A packet from the air.
    Packet(&'a [u8]),
    /// The answer to the detect sequence.
    Detected,
    /// Firmware version, major and minor.
    Firmware(u8, u8),
    /// The kind of hardware.
    Platform(Platform),
    /// Hertz, as set in the modem.
    Frequency(u32),
    /// Hertz.
    Bandwidth(u32),
    /// Decibel over a milliwatt, after the device's own limit.
    TxPower(u8),
    /// 5 to 12.
    SpreadingFactor(u8),
    /// 5 to 8.
    CodingRate(u8),
    /// Whether the radio is on.
    Radio(bool),
    /// Whether the queue has room.
    Ready(bool),
    /// Strength of the packet that follows, in decibel over a milliwatt.
    Rssi(i16),
    /// Signal over noise of the packet that follows, in decibel.
    Snr(f32),
    /// Use of the channel, about once a second.
    Channel(ChannelReport),
    /// What the modem makes of the parameters.
    Physical(PhysicalReport),
    /// The battery.
    Battery(BatteryReport),
    /// Contention: band, and bounds of the contention window.
    Csma {
        /// Priority band.
        band: u8,
        /// Least number of slots.
        window_min: u8,
        /// Greatest number of slots.
        window_max: u8,
    },
    /// Degrees Celsius.
    Temperature(i16),
    /// The device has just started.
    Reset,
    /// Something went wrong.
    Error(DeviceError),
}

/// The kind of hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// AVR, without display.
    Avr,
    /// ESP32.
    Esp32,
    /// nRF52.
    Nrf52,
    /// Another.
    Other(u8),
}

/// Use of the channel (interfaces.md section 10.6). Shares in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ChannelReport {
    /// Our sending, in the last 15 seconds.
    pub airtime_short_percent: f32,
    /// Our sending, in the last hour.
    pub airtime_long_percent: f32,
    /// Everybody's, in the last 15 seconds.
    pub load_short_percent: f32,
    /// Everybody's, in the last hour.
    pub load_long_percent: f32,
    /// Strength now, in decibel over a milliwatt.
    pub rssi_dbm: i16,
    /// Strength while nobody sends.
    pub noise_floor_dbm: i16,
    /// Strength of what is no LoRa, if anything.
    pub interference_dbm: Option<i16>,
}

/// What the modem makes of the parameters (interfaces.md section 10.6).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PhysicalReport {
    /// Length of a symbol.
    pub symbol_us: u32,
    /// Symbols a second.
    pub symbol_rate_baud: u16,
    /// Symbols of preamble.
    pub preamble_symbols: u16,
    /// Length of the preamble.
    pub preamble_ms: u16,
    /// Slot of the contention scheme.
    pub csma_slot_ms: u16,
    /// Silence before contention.
    pub difs_ms: u16,
}

/// The battery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatteryReport {
    /// 0 unknown, 1 discharging, 2 charging, 3 charged.
    pub state: u8,
    /// Charge.
    pub percent: u8,
}

/// What an RNode complains about (interfaces.md section 10.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceError {
    /// The radio did not start.
    RadioInit,
    /// A transmission failed.
    Transmit,
    /// The configuration memory is locked.
    EepromLocked,
    /// The queue was full and a packet is lost.
    QueueFull,
    /// Memory is low.
    MemoryLow,
    /// The modem did not answer in time.
    ModemTimeout,
    /// Another.
    Other(u8),
}

impl<'a> Message<'a> {
    /// What a frame says, if anything that a host needs: unknown commands, and known ones of the wrong length (older
    /// firmware sends shorter reports), mean nothing.
    pub fn parse(command: u8, data: &'a [u8]) -> Option<Self> {
        Some(match (command, data) {
            (kiss::DATA, packet) => Self::Packet(packet),
            (DETECT, [DETECT_ANSWER]) => Self::Detected,
            (FIRMWARE, &[major, minor]) => Self::Firmware(major, minor),
            (PLATFORM, &[platform]) => Self::Platform(Platform::from_byte(platform)),
            (FREQUENCY, &[a, b, c, d]) => Self::Frequency(u32::from_be_bytes([a, b, c, d])),
            (BANDWIDTH, &[a, b, c, d]) => Self::Bandwidth(u32::from_be_bytes([a, b, c, d])),
            (TX_POWER, &[dbm]) => Self::TxPower(dbm),
            (SPREADING_FACTOR, &[factor]) => Self::SpreadingFactor(factor),
            (CODING_RATE, &[denominator]) => Self::CodingRate(denominator),
            (RADIO_STATE, &[state]) => Self::Radio(state == 1),
            (kiss::READY, &[room]) => Self::Ready(room == 1),
            (RSSI, &[value]) => Self::Rssi(dbm(value)),
            (SNR, &[value]) => Self::Snr(f32::from(value.cast_signed()) / 4.0),
            (CHANNEL, data) => Self::Channel(ChannelReport::parse(data.try_into().ok()?)),
            (PHYSICAL, data) => Self::Physical(PhysicalReport::parse(data.try_into().ok()?)),
            (BATTERY, &[state, percent]) => Self::Battery(BatteryReport { state, percent }),
            (CSMA, &[band, window_min, window_max]) => Self::Csma { band, window_min, window_max },
            (TEMPERATURE, &[value]) => Self::Temperature(celsius(value)?),
            (RESET, [RESET_BYTE]) => Self::Reset,
            (ERROR, &[code]) => Self::Error(DeviceError::from_byte(code)),
            _ => return None,
        })
    }
}

impl Platform {
    fn from_byte(byte: u8) -> Self {
        match byte {
            0x90 => Self::Avr,
            0x80 => Self::Esp32,
            0x70 => Self::Nrf52,
            other => Self::Other(other),
        }
    }

    /// Whether it may have a display that a host must give back.
    pub fn has_display(self) -> bool {
        matches!(self, Self::Esp32 | Self::Nrf52)
    }
}

impl ChannelReport {
    fn parse(data: [u8; 11]) -> Self {
        let [a, b, c, d, e, f, g, h, rssi, noise_floor, interference] = data;
        let percent = |high, low| f32::from(u16::from_be_bytes([high, low])) / 100.0;
        Self {
            airtime_short_percent: percent(a, b),
            airtime_long_percent: percent(c, d),
            load_short_percent: percent(e, f),
            load_long_percent: percent(g, h),
            rssi_dbm: dbm(rssi),
            noise_floor_dbm: dbm(noise_floor),
            interference_dbm: (interference != NO_INTERFERENCE).then(|| dbm(interference)),
        }
    }
}

impl PhysicalReport {
    fn parse(data: [u8; 12]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = data;
        let number = |high, low| u16::from_be_bytes([high, low]);
        Self {
            symbol_us: u32::from(number(a, b)),
            symbol_rate_baud: number(c, d),
            preamble_symbols: number(e, f),
            preamble_ms: number(g, h),
            csma_slot_ms: number(i, j),
            difs_ms: number(k, l),
        }
    }
}

impl DeviceError {
    fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::RadioInit,
            2 => Self::Transmit,
            3 => Self::EepromLocked,
            4 => Self::QueueFull,
            5 => Self::MemoryLow,
            6 => Self::ModemTimeout,
            other => Self::Other(other),
        }
    }
}

fn dbm(value: u8) -> i16 {
    i16::from(value) - RSSI_OFFSET
}

/// A sensor's nonsense is left out (interfaces.md section 10.2).
fn celsius(value: u8) -> Option<i16> {
    Some(i16::from(value) - TEMPERATURE_OFFSET).filter(|celsius| (-30..=90).contains(celsius))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Option<Message<'_>> {
        Message::parse(bytes[0], &bytes[1..])
    }

    #[test]
    fn requests_are_the_verified_bytes() {
        let rows: [(Request, &[u8]); 11] = [
            (Request::Frequency(867_200_000), &[0x01, 0x33, 0xb0, 0x6c, 0x00]),
            (Request::Bandwidth(125_000), &[0x02, 0x00, 0x01, 0xe8, 0x48]),
            (Request::TxPower(7), &[0x03, 0x07]),
            (Request::SpreadingFactor(8), &[0x04, 0x08]),
            (Request::CodingRate(5), &[0x05, 0x05]),
            (Request::AirtimeLimitShort(3300), &[0x0b, 0x0c, 0xe4]),
            (Request::AirtimeLimitLong(150), &[0x0c, 0x00, 0x96]),
            (Request::Radio(true), &[0x06, 0x01]),
            (Request::Radio(false), &[0x06, 0x00]),
            (Request::ReleaseDisplay, &[0x41, 0x00]),
            (Request::Leave, &[0x0a, 0xff]),
        ];
        for (request, expected) in rows {
            let mut wire = Vec::new();
            request.encode(&mut wire);
            assert_eq!(wire, [&[0xc0], expected, &[0xc0]].concat(), "{request:?}");
        }
    }

    #[test]
    fn the_detect_sequence_is_the_verified_bytes() {
        let expected = [0xc0, 0x08, 0x73, 0xc0, 0x50, 0, 0xc0, 0x48, 0, 0xc0, 0x49, 0, 0xc0];
        assert_eq!(DETECT_SEQUENCE, expected);
    }

    #[test]
    fn a_channel_report_is_read_as_verified() {
        let report = ChannelReport {
            airtime_short_percent: 0.1,
            airtime_long_percent: 0.2,
            load_short_percent: 0.3,
            load_long_percent: 0.4,
            rssi_dbm: -100,
            noise_floor_dbm: -110,
            interference_dbm: None,
        };
        let mut bytes = [0x25, 0x00, 0x0a, 0x00, 0x14, 0x00, 0x1e, 0x00, 0x28, 0x39, 0x2f, 0xff];
        assert_eq!(parse(&bytes), Some(Message::Channel(report)));
        bytes[11] = 0x57;
        let interference_dbm = Some(-70);
        assert_eq!(parse(&bytes), Some(Message::Channel(ChannelReport { interference_dbm, ..report })));
        assert_eq!(parse(&bytes[..9]), None, "older firmware sends eight bytes");
    }

    #[test]
    fn a_physical_report_is_read_as_verified() {
        let bytes = [0x26, 0x10, 0x00, 0x00, 0xf4, 0x00, 0x12, 0x00, 0x4a, 0x00, 0x31, 0x00, 0x62];
        let report = PhysicalReport {
            symbol_us: 4096,
            symbol_rate_baud: 244,
            preamble_symbols: 18,
            preamble_ms: 74,
            csma_slot_ms: 49,
            difs_ms: 98,
        };
        assert_eq!(parse(&bytes), Some(Message::Physical(report)));
        assert_eq!(parse(&bytes[..11]), None, "older firmware sends ten bytes");
    }

    #[test]
    fn answers_are_read_by_the_command_table() {
        let rows: [(&[u8], Option<Message<'_>>); 20] = [
            (&[0x00, 1, 2], Some(Message::Packet(&[1, 2]))),
            (&[0x08, 0x46], Some(Message::Detected)),
            (&[0x08, 0x47], None),
            (&[0x50, 1, 0x34], Some(Message::Firmware(1, 52))),
            (&[0x48, 0x90], Some(Message::Platform(Platform::Avr))),
            (&[0x48, 0x80], Some(Message::Platform(Platform::Esp32))),
            (&[0x48, 0x70], Some(Message::Platform(Platform::Nrf52))),
            (&[0x01, 0x33, 0xb0, 0x6c, 0x00], Some(Message::Frequency(867_200_000))),
            (&[0x01, 0x33], None),
            (&[0x06, 0x00], Some(Message::Radio(false))),
            (&[0x0f, 0x00], Some(Message::Ready(false))),
            (&[0x23, 57], Some(Message::Rssi(-100))),
            (&[0x24, 0xc0], Some(Message::Snr(-16.0))),
            (&[0x27, 2, 80], Some(Message::Battery(BatteryReport { state: 2, percent: 80 }))),
            (&[0x29, 145], Some(Message::Temperature(25))),
            (&[0x29, 255], None),
            (&[0x55, 0xf8], Some(Message::Reset)),
            (&[0x90, 0x04], Some(Message::Error(DeviceError::QueueFull))),
            (&[0x90, 0x77], Some(Message::Error(DeviceError::Other(0x77)))),
            (&[0x77, 1], None),
        ];
        for (bytes, message) in rows {
            assert_eq!(parse(bytes), message, "{bytes:02x?}");
        }
    }
}
