//! What an interface carried, by kind of packet, and what became of the rest. Only counts; for people and their tools.

use std::time::Duration;

use super::path_request_destination;

/// What went in and out, of one kind or of all kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Bytes received, with access codes.
    pub rx_bytes: u64,
    /// Bytes handed out to transmit, with access codes.
    pub tx_bytes: u64,
    /// Frames received.
    pub rx_packets: u64,
    /// Frames handed out to transmit.
    pub tx_packets: u64,
}

/// What an interface carried.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct InterfaceStats {
    /// Bytes received, with access codes.
    pub rx_bytes: u64,
    /// Bytes handed out to transmit, with access codes.
    pub tx_bytes: u64,
    /// Frames received.
    pub rx_packets: u64,
    /// Frames handed out to transmit.
    pub tx_packets: u64,
    /// Announces among them.
    pub announces: Flow,
    /// Path requests among them.
    pub path_requests: Flow,
    /// Frames that were dropped before they were transmitted: the queue was full, they waited too long, or the interface went
    /// down.
    pub dropped_packets: u64,
    /// Their bytes, without access codes.
    pub dropped_bytes: u64,
    /// Received frames that are no packets, too short or too long; those that the driver refused among them.
    pub malformed: u64,
    /// Received frames with a wrong or missing access code, or with one where none is expected.
    pub access_refused: u64,
    /// Received packets that are not for us: in transport to another, or seen before.
    pub filtered: u64,
    /// Frames that wait to be transmitted.
    pub queue_len: usize,
    /// Their bytes, without access codes.
    pub queue_bytes: usize,
    /// How long the oldest of them waits, announces left out.
    pub queue_delay: Duration,
    /// What part of the last 15 seconds and of the last hour was sent in, in percent; only of a slow medium, or one with a
    /// limit.
    pub airtime_used_percent: Option<[f32; 2]>,
    /// Whether it is up.
    pub up: bool,
}

impl InterfaceStats {
    /// A frame came in.
    pub(crate) fn count_received(&mut self, len: usize) {
        self.rx_bytes += len as u64;
        self.rx_packets += 1;
    }

    /// A frame that came in, of `len` bytes, turned out to be `packet`.
    pub(crate) fn count_heard(&mut self, packet: &[u8], len: usize) {
        if let Some(flow) = self.flow_of(packet) {
            flow.rx_bytes += len as u64;
            flow.rx_packets += 1;
        }
    }

    /// `packet` goes out in a frame of `len` bytes.
    pub(crate) fn count_sent(&mut self, packet: &[u8], len: usize) {
        self.tx_bytes += len as u64;
        self.tx_packets += 1;
        if let Some(flow) = self.flow_of(packet) {
            flow.tx_bytes += len as u64;
            flow.tx_packets += 1;
        }
    }

    /// None for what is neither announce nor path request. The header's first byte and the destination tell
    /// (`spec/reticulum.md` 3.1); whether the rest is sound does not matter to a count.
    fn flow_of(&mut self, packet: &[u8]) -> Option<&mut Flow> {
        const ANNOUNCE: u8 = 0b01;
        const PLAIN_DATA: u8 = 0b1000;
        let flags = *packet.first()?;
        if flags & 0b11 == ANNOUNCE {
            Some(&mut self.announces)
        } else if flags & 0b1111 == PLAIN_DATA && packet.get(2..18)? == path_request_destination().as_bytes()
        {
            Some(&mut self.path_requests)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{DestinationHash, IdentityHash};
    use crate::wire::{Context, Packet};

    #[test]
    fn announces_and_path_requests_are_counted_apart() {
        let to = DestinationHash::new([7; 16]);
        let frame = |packet: Packet<'_>| {
            let mut frame = Vec::new();
            packet.emit(&mut frame);
            frame
        };
        let announce = frame(Packet::announce(to, Context::NONE, true, &[1; 150]));
        let passed_on =
            frame(Packet::announce(to, Context::NONE, true, &[1; 150]).via(IdentityHash::new([2; 16])));
        let request = frame(Packet::plain(path_request_destination(), Context::NONE, &[3; 32]));
        let plain = frame(Packet::plain(to, Context::NONE, &[3; 32]));
        let single = frame(Packet::single(to, Context::NONE, &[3; 32]));
        let mut stats = InterfaceStats::default();
        for packet in [&announce, &passed_on, &request, &plain, &single] {
            stats.count_sent(packet, packet.len() + 8);
            stats.count_heard(packet, packet.len());
        }
        stats.count_heard(&[], 0);
        stats.count_heard(&[0b1000, 0, 1], 3);
        let announced = (announce.len() + passed_on.len()) as u64;
        assert_eq!((stats.announces.rx_bytes, stats.announces.rx_packets), (announced, 2));
        assert_eq!((stats.announces.tx_bytes, stats.announces.tx_packets), (announced + 16, 2));
        let asked = request.len() as u64;
        assert_eq!((stats.path_requests.rx_bytes, stats.path_requests.tx_bytes), (asked, asked + 8));
        assert_eq!(stats.tx_packets, 5);
    }
}
