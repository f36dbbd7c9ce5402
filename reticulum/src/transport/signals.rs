//! How well packets were received: the last of them that came by radio, for programs that share the node and ask by the
//! packet's hash (`spec/interfaces.md` 13.1).

use std::collections::VecDeque;

use crate::hash::PacketHash;

/// Packets remembered, at 48 bytes; the oldest makes room. A program asks as soon as it has the packet.
const SIGNALS_MAX: usize = 512;

/// How well a packet was received, as far as the radio tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Signal {
    /// Strength, in decibel over a milliwatt.
    pub rssi_dbm: Option<i16>,
    /// Signal over noise, in decibel.
    pub snr_db: Option<f32>,
    /// Margin above what the modem can still read.
    pub quality_percent: Option<f32>,
}

/// The last packets heard by radio. Adding costs no search; looking up does, which only happens when somebody asks.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    heard: VecDeque<(PacketHash, Signal)>,
}

impl Signals {
    /// A packet was received this well.
    pub(crate) fn note(&mut self, packet: PacketHash, signal: Signal) {
        if self.heard.len() == SIGNALS_MAX {
            self.heard.pop_front();
        }
        self.heard.push_back((packet, signal));
    }

    /// How well a packet was received when it came last.
    pub(crate) fn of(&self, packet: &PacketHash) -> Option<Signal> {
        self.heard.iter().rev().find(|(heard, _)| heard == packet).map(|(_, signal)| *signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_packets_are_remembered_and_no_more() {
        let hash = |n: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            PacketHash::new(bytes)
        };
        let signal = |dbm| Signal { rssi_dbm: Some(dbm), ..Signal::default() };
        let mut signals = Signals::default();
        (0..SIGNALS_MAX + 3).for_each(|n| signals.note(hash(n), signal(n as i16)));
        assert_eq!(signals.of(&hash(2)), None);
        assert_eq!(signals.of(&hash(3)), Some(signal(3)));
        signals.note(hash(3), signal(-90));
        assert_eq!(signals.of(&hash(3)), Some(signal(-90)), "heard again, by another way");
        assert_eq!(signals.heard.len(), SIGNALS_MAX);
    }
}
