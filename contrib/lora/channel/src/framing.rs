//! What an RNode makes of a packet on the air (interfaces.md section 10.5): one or two LoRa frames, each behind a byte
//! with a random sequence number in its upper half and the split flag in its lowest bit.

use crate::modulation::FRAME_PAYLOAD_LEN_MAX;

const SPLIT: u8 = 0x01;

/// The one or two frames of a packet of at most [`crate::PACKET_LEN_MAX`] bytes. Of `sequence` the upper half counts.
pub(crate) fn frames_of(packet: &[u8], sequence: u8) -> impl Iterator<Item = Vec<u8>> {
    let split = packet.len() > FRAME_PAYLOAD_LEN_MAX;
    let header = (sequence & 0xf0) | if split { SPLIT } else { 0 };
    packet.chunks(FRAME_PAYLOAD_LEN_MAX).map(move |part| [&[header], part].concat())
}

/// The receiving side: puts halves together. It keeps at most one half.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    half: Option<(u8, Vec<u8>)>,
}

impl Joiner {
    /// Takes a frame; returns the packet that it completes.
    pub(crate) fn take(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let (&header, payload) = frame.split_first()?;
        let half = self.half.take();
        if header & SPLIT == 0 {
            return Some(payload.to_vec());
        }
        match half {
            Some((other, mut packet)) if other == header => {
                packet.extend_from_slice(payload);
                Some(packet)
            }
            _ => {
                self.half = Some((header, payload.to_vec()));
                None
            }
        }
    }

    /// Forgets the half that it has.
    pub(crate) fn clear(&mut self) {
        self.half = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(len: usize) -> Vec<u8> {
        (0..len).map(|index| index as u8).collect()
    }

    fn frames(len: usize, sequence: u8) -> Vec<Vec<u8>> {
        frames_of(&packet(len), sequence).collect()
    }

    #[test]
    fn a_packet_is_split_at_254_bytes_and_joined_again() {
        for (len, lens) in [(1, &[2][..]), (254, &[255]), (255, &[255, 2]), (508, &[255, 255])] {
            let frames = frames(len, 0xa7);
            assert_eq!(frames.iter().map(Vec::len).collect::<Vec<_>>(), lens);
            assert!(frames.iter().all(|frame| frame[0] == if lens.len() == 2 { 0xa1 } else { 0xa0 }));
            let mut joiner = Joiner::default();
            let joined: Vec<_> = frames.iter().filter_map(|frame| joiner.take(frame)).collect();
            assert_eq!(joined, [packet(len)]);
        }
    }

    #[test]
    fn halves_of_different_sequences_are_not_joined() {
        let mut joiner = Joiner::default();
        assert_eq!(joiner.take(&frames(300, 0x10)[0]), None);
        assert_eq!(joiner.take(&frames(300, 0x20)[0]), None);
        assert_eq!(joiner.take(&frames(300, 0x20)[1]), Some(packet(300)));
    }

    #[test]
    fn a_frame_that_is_not_split_discards_a_half() {
        let mut joiner = Joiner::default();
        assert_eq!(joiner.take(&frames(300, 0x10)[0]), None);
        assert_eq!(joiner.take(&frames(9, 0x10)[0]), Some(packet(9)));
        assert_eq!(joiner.take(&frames(300, 0x10)[1]), None);
    }
}
