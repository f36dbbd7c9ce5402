//! LoRa parameters: what is allowed, how fast they are, and how long a packet is on the air.

use std::time::Duration;

use crate::StartError;

/// How a LoRa modem is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoraSettings {
    /// Middle of the channel, 137 MHz to 3 GHz.
    pub frequency_hz: u32,
    /// Width of the channel, 7800 Hz to 1.625 MHz.
    pub bandwidth_hz: u32,
    /// Decibel over a milliwatt, 0 to 37; a device that cannot do it is refused.
    pub tx_power_dbm: u8,
    /// 5 to 12; one more halves the speed.
    pub spreading_factor: u8,
    /// 5 to 8, the denominator of 4/x.
    pub coding_rate: u8,
}

/// RNodes put a byte of their own before each LoRa frame, and split a packet that is longer than this into two frames
/// (interfaces.md section 10.5).
const FRAME_PAYLOAD_MAX: usize = 254;

/// A modem must send its symbols in the low-data-rate form when they are longer than this.
const LONG_SYMBOL: Duration = Duration::from_millis(16);

impl LoraSettings {
    /// Whether these parameters are in the ranges of interfaces.md section 10.4.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let rows = [
            ("frequency", self.frequency_hz, 137_000_000, 3_000_000_000, "137000000 to 3000000000 Hz"),
            ("bandwidth", self.bandwidth_hz, 7_800, 1_625_000, "7800 to 1625000 Hz"),
            ("tx_power", u32::from(self.tx_power_dbm), 0, 37, "0 to 37 dBm"),
            ("spreading_factor", u32::from(self.spreading_factor), 5, 12, "5 to 12"),
            ("coding_rate", u32::from(self.coding_rate), 5, 8, "5 to 8"),
        ];
        for (setting, value, min, max, range) in rows {
            if !(min..=max).contains(&value) {
                return Err(StartError::OutOfRange { setting, value: value.to_string(), range });
            }
        }
        Ok(())
    }

    /// Bits per second of payload on the air (interfaces.md section 10.5).
    pub fn bitrate_bps(&self) -> f64 {
        let symbols_per_second = f64::from(self.bandwidth_hz) / f64::from(1_u32 << self.spreading_factor);
        f64::from(self.spreading_factor) * symbols_per_second * 4.0 / f64::from(self.coding_rate)
    }

    /// Time that a packet is on the air, in the one or two LoRa frames that an RNode makes of it, each behind
    /// `preamble_symbols`. Neither contention nor air-time limits are in it.
    pub fn airtime(&self, packet_len: usize, preamble_symbols: u16) -> Duration {
        let first = packet_len.min(FRAME_PAYLOAD_MAX);
        let second = packet_len - first;
        let frame = |payload_len: usize| self.frame_airtime(payload_len + 1, preamble_symbols);
        frame(first) + if second > 0 { frame(second) } else { Duration::ZERO }
    }

    /// Semtech's formula (SX1276 data sheet, section 4.1.1.7), with explicit header and CRC.
    fn frame_airtime(&self, payload_len: usize, preamble_symbols: u16) -> Duration {
        let symbol = Duration::from_secs_f64(
            f64::from(1_u32 << self.spreading_factor) / f64::from(self.bandwidth_hz.max(1)),
        );
        let factor = i64::from(self.spreading_factor);
        let bits = 8 * payload_len as i64 - 4 * factor + 28 + 16;
        let bits_per_block = 4 * (factor - if symbol > LONG_SYMBOL { 2 } else { 0 });
        let blocks = (bits.max(0) + bits_per_block - 1) / bits_per_block;
        let payload_symbols = 8 + blocks * i64::from(self.coding_rate);
        symbol.mul_f64(f64::from(preamble_symbols) + 4.25 + payload_symbols as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: LoraSettings = LoraSettings {
        frequency_hz: 867_200_000,
        bandwidth_hz: 125_000,
        tx_power_dbm: 7,
        spreading_factor: 8,
        coding_rate: 5,
    };

    fn settings(spreading_factor: u8, bandwidth_hz: u32, coding_rate: u8) -> LoraSettings {
        LoraSettings { spreading_factor, bandwidth_hz, coding_rate, ..USUAL }
    }

    #[test]
    fn bitrates_are_the_verified_ones() {
        let rows = [
            (8, 125_000, 5, 3125.0),
            (7, 250_000, 5, 10937.5),
            (12, 125_000, 8, 183.1),
            (10, 62_500, 6, 406.9),
        ];
        for (factor, bandwidth_hz, rate, bitrate_bps) in rows {
            let computed = settings(factor, bandwidth_hz, rate).bitrate_bps();
            assert!((computed - bitrate_bps).abs() < 0.05, "SF{factor}: {computed}");
        }
    }

    #[test]
    fn air_times_are_those_of_the_usual_calculators() {
        // SF, bandwidth, CR, bytes on the air, preamble 8: milliseconds from Semtech's formula by hand.
        let rows =
            [(7, 125_000, 5, 51, 102.656), (12, 125_000, 5, 51, 2465.792), (8, 125_000, 5, 20, 102.912)];
        for (factor, bandwidth_hz, rate, bytes, ms) in rows {
            let computed = settings(factor, bandwidth_hz, rate).frame_airtime(bytes, 8).as_secs_f64() * 1e3;
            assert!((computed - ms).abs() < 0.01, "SF{factor}: {computed}");
        }
    }

    #[test]
    fn a_packet_above_254_bytes_takes_two_frames() {
        let frame = |payload_len| USUAL.frame_airtime(payload_len, 18);
        assert_eq!(USUAL.airtime(254, 18), frame(255));
        assert_eq!(USUAL.airtime(255, 18), frame(255) + frame(2));
        assert_eq!(USUAL.airtime(508, 18), frame(255) + frame(255));
    }

    #[test]
    fn parameters_out_of_range_are_named() {
        assert!(USUAL.check().is_ok());
        let rows = [
            (LoraSettings { frequency_hz: 136_999_999, ..USUAL }, "frequency"),
            (LoraSettings { frequency_hz: 3_000_000_001, ..USUAL }, "frequency"),
            (LoraSettings { bandwidth_hz: 7_799, ..USUAL }, "bandwidth"),
            (LoraSettings { bandwidth_hz: 1_625_001, ..USUAL }, "bandwidth"),
            (LoraSettings { tx_power_dbm: 38, ..USUAL }, "tx_power"),
            (settings(4, 125_000, 5), "spreading_factor"),
            (settings(13, 125_000, 5), "spreading_factor"),
            (settings(8, 125_000, 4), "coding_rate"),
            (settings(8, 125_000, 9), "coding_rate"),
        ];
        for (settings, name) in rows {
            let error = settings.check().unwrap_err();
            assert!(
                matches!(error, StartError::OutOfRange { setting, .. } if setting == name),
                "{settings:?}"
            );
        }
    }
}
