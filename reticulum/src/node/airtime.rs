//! What a driver tells of the time on the air: how long a frame takes its medium, and how much of the time may be used.

use std::sync::Arc;
use std::time::Duration;

use crate::time::UnixTime;

/// How long a frame is on the air.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Airtime {
    /// As long as its bits take at the bitrate of the interface; no time if that is unknown.
    #[default]
    Bitrate,
    /// In microseconds, by length in bytes with the access code: for media whose frames take more than their bits, such as
    /// LoRa. A longer frame counts as the longest of the table.
    Table(Arc<[u32]>),
}

impl Airtime {
    /// Time that a frame of `len` bytes is on the air of an interface of `bitrate_bps`, 0 if unknown.
    pub fn of(&self, len: usize, bitrate_bps: u64) -> Duration {
        match self {
            Self::Table(table) => {
                let micros = table.get(len).or(table.last()).copied();
                Duration::from_micros(micros.unwrap_or(0).into())
            }
            Self::Bitrate => {
                let micros = (len as u64 * 8 * 1_000_000).checked_div(bitrate_bps);
                Duration::from_micros(micros.unwrap_or(0))
            }
        }
    }
}

/// How much of the time an interface may send, in percent (`spec/interfaces.md` 10.2). What is not above 0 and below 100
/// limits nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AirtimeLimits {
    /// Of any 15 seconds.
    pub short_percent: Option<f32>,
    /// Of any hour.
    pub long_percent: Option<f32>,
}

/// What is kept of the air time of an interface with a limit of the hour, so that a node that crashes and starts again
/// stays within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AirtimeRecord {
    /// Name of the interface.
    pub interface: String,
    /// When this was so.
    pub at: UnixTime,
    /// Used by then in each minute of the hour before, in microseconds, the running minute first.
    pub used_us: Vec<u32>,
    /// What it may use beyond that before it writes again. It counts as used after a restart, since nobody knows.
    pub reserved: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn airtime_follows_the_bitrate_or_the_table() {
        assert_eq!(Airtime::Bitrate.of(500, 1000), Duration::from_secs(4));
        assert_eq!(Airtime::Bitrate.of(500, 0), Duration::ZERO);
        let table = Airtime::Table([10, 20, 30].into());
        let micros = [0, 1, 2, 3, 500].map(|len| table.of(len, 1000).as_micros());
        assert_eq!(micros, [10, 20, 30, 30, 30]);
    }
}
