//! How fast a LoRa modem is and how long what it sends is on the air. It knows neither frequency nor power.

use std::time::Duration;

/// RNodes put a byte of their own before each LoRa frame, and split a packet that is longer than this into two frames
/// (interfaces.md section 10.5).
pub const FRAME_PAYLOAD_LEN_MAX: usize = 254;

/// An RNode takes packets of at most this length: two full frames (interfaces.md section 10.5).
pub const PACKET_LEN_MAX: usize = 2 * FRAME_PAYLOAD_LEN_MAX;

/// Symbols of preamble that RNodes report (interfaces.md section 10.6).
pub const PREAMBLE_SYMBOLS: u16 = 18;

/// A modem must send its symbols in the low-data-rate form when they are longer than this.
const LONG_SYMBOL: Duration = Duration::from_millis(16);

/// What decides the speed of a LoRa modem. Two modems hear each other only at the same spreading factor and bandwidth; the
/// coding rate travels in each frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modulation {
    /// 5 to 12; one more halves the speed.
    pub spreading_factor: u8,
    /// Width of the channel in hertz, 7800 to 1625000.
    pub bandwidth_hz: u32,
    /// 5 to 8, the denominator of 4/x.
    pub coding_rate: u8,
}

impl Modulation {
    /// Length of one symbol.
    pub fn symbol(&self) -> Duration {
        self.quarter_symbols(4)
    }

    /// Bits per second of payload on the air (interfaces.md section 10.5).
    pub fn bitrate_bps(&self) -> f64 {
        let symbols_per_second = f64::from(self.bandwidth_hz) / f64::from(1_u32 << self.spreading_factor);
        f64::from(self.spreading_factor) * symbols_per_second * 4.0 / f64::from(self.coding_rate)
    }

    /// LoRa frames that an RNode makes of a packet: one or two.
    pub fn frames(packet_len: usize) -> u8 {
        if packet_len > FRAME_PAYLOAD_LEN_MAX { 2 } else { 1 }
    }

    /// Time that a packet is on the air, in the one or two LoRa frames that an RNode makes of it, each behind
    /// `preamble_symbols`. Neither contention nor air-time limits are in it.
    pub fn packet_airtime(&self, packet_len: usize, preamble_symbols: u16) -> Duration {
        let first = packet_len.min(FRAME_PAYLOAD_LEN_MAX);
        let second = packet_len - first;
        let frame = |payload_len: usize| self.frame_airtime(payload_len + 1, preamble_symbols);
        frame(first) + if second > 0 { frame(second) } else { Duration::ZERO }
    }

    /// Time that one LoRa frame of `frame_len` bytes is on the air, with explicit header and CRC: Semtech's formula
    /// (SX1276 data sheet, section 4.1.1.7; for SF5 and SF6 SX1261/2 data sheet, section 6.1.4).
    pub fn frame_airtime(&self, frame_len: usize, preamble_symbols: u16) -> Duration {
        let factor = i64::from(self.spreading_factor);
        let (sync_quarters, header_bits) = if factor < 7 { (25, 20) } else { (17, 28) };
        let bits = 8 * frame_len as i64 - 4 * factor + header_bits + 16;
        let bits_per_block = 4 * (factor - if self.symbol() > LONG_SYMBOL { 2 } else { 0 });
        let blocks = (bits.max(0) + bits_per_block - 1) / bits_per_block;
        let payload_symbols = 8 + blocks * i64::from(self.coding_rate);
        self.quarter_symbols(
            4 * u64::from(preamble_symbols) + sync_quarters + 4 * payload_symbols.unsigned_abs(),
        )
    }

    /// Slot of the contention scheme, in whole milliseconds as devices report it: twelve symbols (from the example in
    /// interfaces.md section 10.6).
    pub fn csma_slot(&self) -> Duration {
        Duration::from_millis((12 * self.symbol()).as_millis().max(1) as u64)
    }

    /// Silence before contention: two slots (from the example in interfaces.md section 10.6).
    pub fn difs(&self) -> Duration {
        2 * self.csma_slot()
    }

    /// Strength of the noise in this bandwidth, in decibel over a milliwatt: thermal, and 6 dB of the receiver.
    pub fn noise_floor_dbm(&self) -> f64 {
        -174.0 + 10.0 * f64::from(self.bandwidth_hz).log10() + 6.0
    }

    /// The least signal over noise that a modem can read, in decibel (SX1276 data sheet, table 13): -7.5 at SF7, and
    /// 2.5 less for each step.
    pub fn snr_min_db(&self) -> f64 {
        -7.5 - 2.5 * (f64::from(self.spreading_factor) - 7.0)
    }

    /// Whole numbers all the way, so that every machine computes the same instant.
    fn quarter_symbols(&self, count: u64) -> Duration {
        let quarter_second_chips = u64::from(self.bandwidth_hz.max(1)) * 4;
        let nanos = u128::from(count) * 1_000_000_000 * (1_u128 << self.spreading_factor);
        Duration::from_nanos((nanos / u128::from(quarter_second_chips)) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modulation(spreading_factor: u8, bandwidth_hz: u32, coding_rate: u8) -> Modulation {
        Modulation { spreading_factor, bandwidth_hz, coding_rate }
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
            let computed = modulation(factor, bandwidth_hz, rate).bitrate_bps();
            assert!((computed - bitrate_bps).abs() < 0.05, "SF{factor}: {computed}");
        }
    }

    #[test]
    fn air_times_are_those_of_the_formula_by_hand() {
        // SF, bandwidth, CR, bytes on the air, preamble: blocks, and microseconds. With SF8 and 20 bytes, for example:
        // 8·20 − 4·8 + 44 = 172 bits in blocks of 32 are 6, so 8 + 6·5 = 38 symbols behind 8 + 4.25, of 2.048 ms each.
        let rows = [
            (5, 125_000, 5, 20, 8, 9, 17_216),
            (6, 125_000, 5, 20, 8, 8, 31_872),
            (7, 125_000, 5, 20, 8, 7, 56_576),
            (8, 125_000, 5, 20, 8, 6, 102_912),
            (9, 125_000, 5, 20, 8, 5, 185_344),
            (10, 125_000, 5, 20, 8, 5, 370_688),
            (11, 125_000, 5, 20, 8, 5, 741_376),
            (12, 125_000, 5, 20, 8, 4, 1_318_912),
            (7, 125_000, 5, 51, 8, 16, 102_656),
            (12, 125_000, 5, 51, 8, 11, 2_465_792),
            (8, 125_000, 5, 181, 18, 46, 532_992),
            (8, 250_000, 8, 181, 18, 46, 407_808),
            (7, 125_000, 5, 0, 8, 1, 25_856),
        ];
        for (factor, bandwidth_hz, rate, bytes, preamble, blocks, micros) in rows {
            let modulation = modulation(factor, bandwidth_hz, rate);
            let sync = if factor < 7 { 6.25 } else { 4.25 };
            let symbols = f64::from(preamble) + sync + 8.0 + f64::from(blocks) * f64::from(rate);
            let by_blocks = modulation.symbol().as_secs_f64() * symbols * 1e6;
            let computed = modulation.frame_airtime(bytes, preamble);
            assert!(
                (by_blocks - f64::from(micros)).abs() < 0.5,
                "SF{factor}, {bytes} bytes: row {by_blocks}"
            );
            assert_eq!(computed, Duration::from_micros(micros as u64), "SF{factor}, {bytes} bytes");
        }
    }

    #[test]
    fn contention_times_are_those_of_the_verified_report() {
        let reported = modulation(9, 125_000, 5);
        assert_eq!(reported.symbol(), Duration::from_micros(4096));
        assert_eq!((reported.csma_slot().as_millis(), reported.difs().as_millis()), (49, 98));
    }

    #[test]
    fn sensitivity_is_near_that_of_the_data_sheet() {
        // SX1276, table 10, 125 kHz: what the receiver still reads, in decibel over a milliwatt.
        for (factor, dbm) in [(7, -123.0), (8, -126.0), (9, -129.0), (10, -132.0), (11, -133.0), (12, -136.0)]
        {
            let modulation = modulation(factor, 125_000, 5);
            let computed = modulation.noise_floor_dbm() + modulation.snr_min_db();
            assert!((computed - dbm).abs() < 2.0, "SF{factor}: {computed}");
        }
    }

    #[test]
    fn a_packet_above_254_bytes_takes_two_frames() {
        let usual = modulation(8, 125_000, 5);
        let frame = |frame_len| usual.frame_airtime(frame_len, 18);
        assert_eq!(usual.packet_airtime(254, 18), frame(255));
        assert_eq!(usual.packet_airtime(255, 18), frame(255) + frame(2));
        assert_eq!(usual.packet_airtime(508, 18), frame(255) + frame(255));
        assert_eq!([0, 254, 255, 508].map(Modulation::frames), [1, 1, 2, 2]);
    }
}
