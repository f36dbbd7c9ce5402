//! What a driver tells the node, and what the node needs to know of a medium: [`Notice`], [`Properties`].

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use crate::FrameBatch;
use crate::framing::rnode::{BatteryReport, ChannelReport, PhysicalReport};

/// Batches that may be under way to one medium. Each [`Notice::Sent`] gives one of these credits back. Two, so that
/// the next batch is ready when the driver has written one; more would only take frames out of the node's reach, where
/// they can still be re-ordered and dropped.
pub const CREDITS: usize = 2;

/// One open medium: a TCP connection, an open serial port. Not the configured interface: a server has a medium for
/// every connection, a client that reconnects has a new one. Never used twice within a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediumId(u64);

impl MediumId {
    /// The next unused id.
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The id as a number, for logs and for media that something else than this crate opened.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// What a medium is like (interfaces.md sections 1.1 and 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Properties {
    /// Bits per second, assumed or computed; drives announce caps and time-outs.
    pub bitrate_bps: u64,
    /// Longest packet, in bytes, without the interface access code.
    pub hw_mtu: usize,
    /// Whether links over this medium may negotiate an MTU above 500.
    pub mtu_capable: bool,
    /// Whether several stations hear each other on it.
    pub shared_medium: bool,
    /// Length of the interface access code in bytes, unless configured.
    pub ifac_size_default: usize,
    /// The node stops filling a batch for this medium once it holds this many bytes. On a slow medium that is one
    /// frame, so that what is urgent overtakes what waits.
    pub batch_bytes: usize,
}

/// What a radio says of itself and of the air, as far as it has said it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RadioReport {
    /// Firmware version, major and minor.
    pub firmware: Option<(u8, u8)>,
    /// Strength of the last packet, in decibel over a milliwatt.
    pub rssi_dbm: Option<i16>,
    /// Signal over noise of the last packet, in decibel.
    pub snr_db: Option<f32>,
    /// The last packet's margin above what the modem can still read.
    pub quality_percent: Option<f32>,
    /// Use of the channel.
    pub channel: Option<ChannelReport>,
    /// What the modem makes of its parameters.
    pub physical: Option<PhysicalReport>,
    /// The battery.
    pub battery: Option<BatteryReport>,
    /// Temperature of the device.
    pub temperature_celsius: Option<i16>,
    /// Packets that the device dropped because its queue was full.
    pub queue_overflows: u32,
    /// Other complaints that it got over by itself.
    pub complaints: u32,
}

/// What happened in a driver. All drivers of a node share one bounded channel of notices: while it is full they
/// neither read nor write, so a node that is behind pushes back on its peers and needs no queue of its own.
#[derive(Debug)]
pub enum Notice {
    /// A medium is ready for traffic.
    Opened {
        /// Its id, in all later notices.
        medium: MediumId,
        /// Index of the configured interface it belongs to, as given to [`start`](crate::start).
        interface: usize,
        /// For people: the remote address, the device path.
        label: String,
        /// What it is like.
        properties: Properties,
        /// Where frames for it go; holds [`CREDITS`] batches. Dropping it closes the medium after what it holds.
        frames: mpsc::Sender<FrameBatch>,
    },
    /// Frames arrived, or were refused (see [`FrameBatch::violations`]).
    Frames {
        /// Where.
        medium: MediumId,
        /// The frames.
        batch: FrameBatch,
    },
    /// News of a radio; comes before the frames that it was received with.
    Radio {
        /// Where.
        medium: MediumId,
        /// What is known by now.
        report: RadioReport,
    },
    /// A batch was written: one credit back.
    Sent {
        /// Where.
        medium: MediumId,
        /// The batch, emptied, for reuse.
        batch: FrameBatch,
    },
    /// A medium is gone, and so are the credits under way.
    Closed {
        /// Which.
        medium: MediumId,
        /// Why, for people.
        reason: String,
    },
    /// The interface works, though it may have no medium yet: it waits for others.
    Ready {
        /// Index of the configured interface.
        interface: usize,
    },
    /// The interface is offline and tries again by itself.
    Waiting {
        /// Index of the configured interface.
        interface: usize,
        /// Why, and when the next attempt is, for people.
        reason: String,
    },
}

/// The packet size that a bitrate is good for (interfaces.md section 1.1); below the last row only the standard 500.
pub fn hw_mtu_of_bitrate(bitrate_bps: u64) -> Option<usize> {
    const TABLE: [(u64, usize); 10] = [
        (1_000_000_000, 524_288),
        (750_000_000, 262_144),
        (400_000_000, 131_072),
        (200_000_000, 65_536),
        (100_000_000, 32_768),
        (10_000_000, 16_384),
        (5_000_000, 8_192),
        (2_000_000, 4_096),
        (1_000_000, 2_048),
        (62_500, 1_024),
    ];
    TABLE.iter().find(|(at_least, _)| bitrate_bps >= *at_least).map(|&(_, hw_mtu)| hw_mtu)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mtu_follows_the_bitrate_table() {
        let rows = [
            (2_000_000_000, Some(524_288)),
            (1_000_000_000, Some(524_288)),
            (750_000_000, Some(262_144)),
            (400_000_000, Some(131_072)),
            (200_000_000, Some(65_536)),
            (100_000_000, Some(32_768)),
            (10_000_000, Some(16_384)),
            (5_000_000, Some(8_192)),
            (2_000_000, Some(4_096)),
            (1_000_000, Some(2_048)),
            (62_500, Some(1_024)),
            (62_499, None),
        ];
        for (bitrate_bps, hw_mtu) in rows {
            assert_eq!(hw_mtu_of_bitrate(bitrate_bps), hw_mtu, "{bitrate_bps}");
        }
    }
}
