//! Computes how long a packet is on the air of LoRa, and how many fit in an hour. The formula is `lora_channel`'s.

use std::io::{self, Write};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use lora_channel::{Modulation, PACKET_LEN_MAX, PREAMBLE_SYMBOLS};
use serde::Serialize;

use super::Output;

const HOUR_S: f64 = 3600.0;

/// What was asked.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Airtime {
    /// Spreading factor, 5 to 12
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(5..=12))]
    sf: u8,
    /// Bandwidth in Hz
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(7_800..=1_625_000))]
    bw: u32,
    /// Coding rate, 5 to 8: the denominator of 4/x
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(5..=8))]
    cr: u8,
    /// Length of the packet, 1 to 508 bytes
    #[arg(
        long, value_name = "N",
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=PACKET_LEN_MAX as u64)
    )]
    bytes: usize,
    /// Symbols of preamble before each frame
    #[arg(long, value_name = "N", default_value_t = PREAMBLE_SYMBOLS)]
    preamble: u16,
    /// Share of an hour in percent that one station may send
    #[arg(long, value_name = "PERCENT", default_value_t = 100.0, value_parser = percent)]
    duty_cycle: f64,
    #[command(flatten)]
    output: Output,
}

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse::<f64>().ok().filter(|percent| *percent > 0.0 && *percent <= 100.0);
    percent.ok_or_else(|| "more than 0 and at most 100".to_owned())
}

/// What came out.
#[derive(Clone, Copy, Debug, Serialize)]
struct Answer {
    airtime_ms: f64,
    frames: u8,
    bitrate_bps: f64,
    duty_cycle_percent: f64,
    packets_per_hour: u64,
    bytes_per_hour: u64,
}

impl Airtime {
    /// Prints the answer.
    pub(super) fn print(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let answer = self.answer();
        if self.output.json {
            serde_json::to_writer_pretty(&mut *out, &answer).map_err(io::Error::from)?;
            writeln!(out)?;
            return Ok(());
        }
        let Answer { airtime_ms, frames, bitrate_bps, packets_per_hour, bytes_per_hour, .. } = answer;
        let in_frames = if frames == 1 { "in one frame" } else { "in two frames" };
        writeln!(out, "air time      {airtime_ms:.1} ms, {in_frames}")?;
        writeln!(out, "bitrate       {bitrate_bps:.0} bit/s on the air")?;
        writeln!(
            out,
            "per hour      {packets_per_hour} packets, {bytes_per_hour} bytes at a duty cycle of {} %",
            self.duty_cycle
        )?;
        Ok(())
    }

    fn answer(&self) -> Answer {
        let modulation =
            Modulation { spreading_factor: self.sf, bandwidth_hz: self.bw, coding_rate: self.cr };
        let airtime_s = modulation.packet_airtime(self.bytes, self.preamble).as_secs_f64();
        let packets_per_hour = (HOUR_S * self.duty_cycle / 100.0 / airtime_s) as u64;
        Answer {
            airtime_ms: airtime_s * 1e3,
            frames: Modulation::frames(self.bytes),
            bitrate_bps: modulation.bitrate_bps(),
            duty_cycle_percent: self.duty_cycle,
            packets_per_hour,
            bytes_per_hour: packets_per_hour * self.bytes as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::Value;

    use crate::cli::{Arguments, Command};

    fn asked(line: &str) -> Result<String, clap::Error> {
        match Arguments::try_parse_from(line.split_whitespace())?.command {
            Some(Command::Airtime(question)) => {
                let mut out = Vec::new();
                question.print(&mut out).unwrap();
                Ok(String::from_utf8(out).unwrap())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn people_read_air_time_bitrate_and_capacity() {
        // 181 bytes with the RNode's own: 46 blocks, 18 + 4.25 + 8 + 230 symbols of 2.048 ms.
        let text = asked("meshgroup airtime --sf 8 --bw 125000 --cr 5 --bytes 180 --duty-cycle 10").unwrap();
        let expected = "air time      533.0 ms, in one frame\nbitrate       3125 bit/s on the air\n\
                        per hour      675 packets, 121500 bytes at a duty cycle of 10 %\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn programs_read_json() {
        let text = asked("meshgroup airtime --sf 8 --bw 125000 --bytes 300 --json").unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["frames"], 2);
        assert_eq!(answer["bitrate_bps"], 3125.0);
        assert_eq!(answer["duty_cycle_percent"], 100.0);
        let (airtime_ms, packets) = (answer["airtime_ms"].as_f64().unwrap(), &answer["packets_per_hour"]);
        assert_eq!(packets.as_f64().unwrap(), (3.6e6 / airtime_ms).floor());
    }

    #[test]
    fn what_no_radio_can_do_is_refused() {
        for rest in [
            "--sf 13 --bw 125000 --bytes 10",
            "--sf 8 --bw 1 --bytes 10",
            "--sf 8 --bw 125000 --cr 9 --bytes 10",
            "--sf 8 --bw 125000 --bytes 509",
            "--sf 8 --bw 125000 --bytes 0",
            "--sf 8 --bw 125000 --bytes 10 --duty-cycle 0",
        ] {
            assert!(asked(&format!("meshgroup airtime {rest}")).is_err(), "{rest}");
        }
    }
}
