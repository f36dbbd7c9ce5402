//! Bodies of channel packets: the envelope of a message, and the header of a piece of a stream (spec 9.1, 9.4).

/// First message type that is the system's; those below are the application's (spec 9.1).
pub const SYSTEM_TYPES: u16 = 0xF000;
/// Message type of a piece of a stream (spec 9.4).
pub const STREAM: u16 = 0xFF00;
/// Largest id of a stream: 14 bits.
pub const STREAM_ID_MAX: u16 = 0x3FFF;
/// Most plain bytes in one piece of a stream, before and after compression (spec 1.2).
pub const STREAM_CHUNK_MAX: usize = 16_384;

const END: u16 = 0x8000;
const COMPRESSED: u16 = 0x4000;

/// One message of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// What it is: see [`SYSTEM_TYPES`].
    pub kind: u16,
    /// Its place; counts from 0 in each direction and wraps.
    pub sequence: u16,
    /// What it says.
    pub payload: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Length of what precedes the payload.
    pub const OVERHEAD: usize = 6;

    /// Reads a decrypted body. The length that it tells is ignored: the payload is the rest (spec 9.1).
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let ([k0, k1, s0, s1, _, _], payload) = body.split_first_chunk()?;
        let (kind, sequence) = (u16::from_be_bytes([*k0, *k1]), u16::from_be_bytes([*s0, *s1]));
        Some(Self { kind, sequence, payload })
    }

    /// Appends the body. The payload has at most 65535 bytes.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.kind.to_be_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&u16::try_from(self.payload.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(self.payload);
    }
}

/// One piece of a stream: the payload of a message of type [`STREAM`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPiece<'a> {
    /// The stream, as its reader names it; at most [`STREAM_ID_MAX`].
    pub stream: u16,
    /// Nothing follows.
    pub end: bool,
    /// `data` is bz2.
    pub compressed: bool,
    /// What it carries.
    pub data: &'a [u8],
}

impl<'a> StreamPiece<'a> {
    /// Length of what precedes the data.
    pub const OVERHEAD: usize = 2;

    /// Reads a payload.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let (header, data) = payload.split_first_chunk::<2>()?;
        let header = u16::from_be_bytes(*header);
        Some(Self {
            stream: header & STREAM_ID_MAX,
            end: header & END != 0,
            compressed: header & COMPRESSED != 0,
            data,
        })
    }

    /// Appends the payload.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let flag = |set: bool, bit: u16| if set { bit } else { 0 };
        let header = self.stream & STREAM_ID_MAX | flag(self.end, END) | flag(self.compressed, COMPRESSED);
        out.extend_from_slice(&header.to_be_bytes());
        out.extend_from_slice(self.data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_has_type_sequence_length_and_payload() {
        let mut body = Vec::new();
        Envelope { kind: 0x0102, sequence: 0xFFFE, payload: b"abc" }.emit(&mut body);
        assert_eq!(body, [0x01, 0x02, 0xFF, 0xFE, 0, 3, b'a', b'b', b'c']);
        assert_eq!(
            Envelope::parse(&body),
            Some(Envelope { kind: 0x0102, sequence: 0xFFFE, payload: b"abc" })
        );
    }

    #[test]
    fn the_length_of_an_envelope_is_ignored_and_a_short_one_is_none() {
        assert_eq!(Envelope::parse(&[0, 1, 0, 0, 0, 99, 7]).unwrap().payload, [7]);
        for len in 0..6 {
            assert_eq!(Envelope::parse(&[0; 6][..len]), None);
        }
    }

    #[test]
    fn a_piece_of_a_stream_has_two_flags_and_fourteen_bits_of_id() {
        for (stream, end, compressed, header) in [
            (0, false, false, [0x00, 0x00]),
            (STREAM_ID_MAX, false, false, [0x3F, 0xFF]),
            (5, true, false, [0x80, 0x05]),
            (5, false, true, [0x40, 0x05]),
            (STREAM_ID_MAX, true, true, [0xFF, 0xFF]),
        ] {
            let piece = StreamPiece { stream, end, compressed, data: b"x" };
            let mut payload = Vec::new();
            piece.emit(&mut payload);
            assert_eq!(payload, [&header[..], b"x"].concat());
            assert_eq!(StreamPiece::parse(&payload), Some(piece));
        }
        assert_eq!(StreamPiece::parse(&[0x80]), None);
    }
}
