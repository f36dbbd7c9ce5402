//! KISS framing of TNCs and RNodes (interfaces.md section 3.2): `c0` command data `c0`, escape `db`, no checksum.
//!
//! [`Splitter`] finds frames and leaves their command byte alone, as RNodes need it; [`Decoder`] and [`Encoder`] are
//! what a TNC speaks, where the upper half of the command byte is a port number and only data frames carry packets.

use memchr::{memchr, memchr2};

use super::{Decode, Encode, FRAME_LEN_MIN};
use crate::FrameBatch;

const FEND: u8 = 0xc0;
const FESC: u8 = 0xdb;
const TFEND: u8 = 0xdc;
const TFESC: u8 = 0xdd;

/// Command of a frame that carries a packet.
pub const DATA: u8 = 0x00;
/// Command by which a TNC says that it takes the next packet.
pub const READY: u8 = 0x0f;

/// TNCs have the port in the upper half of the command byte.
const COMMAND_MASK: u8 = 0x0f;

/// Appends a frame of any command.
pub fn encode(command: u8, data: &[u8], wire: &mut Vec<u8>) {
    begin(command, wire);
    escape(data, wire);
    wire.push(FEND);
}

fn begin(command: u8, wire: &mut Vec<u8>) {
    wire.extend_from_slice(&[FEND, command]);
}

fn escape(data: &[u8], wire: &mut Vec<u8>) {
    let mut rest = data;
    while let Some(at) = memchr2(FEND, FESC, rest) {
        wire.extend_from_slice(&rest[..at]);
        wire.extend_from_slice(&[FESC, if rest[at] == FEND { TFEND } else { TFESC }]);
        rest = &rest[at + 1..];
    }
    wire.extend_from_slice(rest);
}

/// Finds frames in a byte stream. Keeps at most one, of `data_len_max` bytes and the command.
#[derive(Debug)]
pub struct Splitter {
    len_max: usize,
    state: State,
    /// Command and unescaped data of the frame that has begun.
    body: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Skipping to the next FEND: at the very start, and after a frame was given up.
    Hunting,
    /// After a FEND, which may be the end of the frame before.
    Inside,
    /// After an escape byte.
    Escaped,
}

impl Splitter {
    /// A splitter that drops frames with more than `data_len_max` bytes of data.
    pub const fn new(data_len_max: usize) -> Self {
        Self { len_max: data_len_max + 1, state: State::Hunting, body: Vec::new() }
    }

    /// Takes the next bytes of the stream and calls `on_frame` with command and data of each frame that they complete.
    /// Returns how many frames were dropped: too long, or wrongly escaped.
    pub fn split(&mut self, mut chunk: &[u8], mut on_frame: impl FnMut(u8, &[u8])) -> u32 {
        let mut violations = 0;
        while let Some((&first, after)) = chunk.split_first() {
            chunk = match (self.state, first) {
                (State::Hunting, _) => match memchr(FEND, chunk) {
                    None => &[],
                    Some(at) => {
                        self.state = State::Inside;
                        &chunk[at + 1..]
                    }
                },
                (State::Inside, FEND) => {
                    if let Some((&command, data)) = self.body.split_first() {
                        on_frame(command, data);
                    }
                    self.body.clear();
                    after
                }
                (State::Inside, FESC) => {
                    self.state = State::Escaped;
                    after
                }
                (State::Inside, _) => {
                    let plain = memchr2(FEND, FESC, chunk).unwrap_or(chunk.len());
                    violations += self.append(&chunk[..plain]);
                    &chunk[plain..]
                }
                (State::Escaped, _) => {
                    violations += self.escaped(first);
                    after
                }
            };
        }
        violations
    }

    /// Whether a frame has begun and not ended.
    pub fn is_inside(&self) -> bool {
        self.state == State::Escaped || !self.body.is_empty()
    }

    /// Gives up the frame that has begun.
    pub fn abandon(&mut self) {
        self.body.clear();
        self.state = State::Hunting;
    }

    fn escaped(&mut self, byte: u8) -> u32 {
        self.state = State::Inside;
        match byte {
            TFEND => self.append(&[FEND]),
            TFESC => self.append(&[FESC]),
            // A frame was cut off, and this is the beginning of the next.
            FEND => {
                self.body.clear();
                1
            }
            _ => {
                self.abandon();
                1
            }
        }
    }

    fn append(&mut self, bytes: &[u8]) -> u32 {
        if self.body.len() + bytes.len() > self.len_max {
            self.abandon();
            return 1;
        }
        self.body.extend_from_slice(bytes);
        0
    }
}

/// The packets that a TNC received.
#[derive(Debug)]
pub struct Decoder {
    splitter: Splitter,
    header_len: usize,
    ready: bool,
}

impl Decoder {
    /// A decoder for packets of at most `frame_len_max` bytes, behind `header_len` bytes of addresses (AX.25) that it
    /// strips unseen.
    pub const fn new(frame_len_max: usize, header_len: usize) -> Self {
        Self { splitter: Splitter::new(frame_len_max + header_len), header_len, ready: false }
    }

    /// Whether the TNC said since the last call that it takes the next packet.
    pub fn take_ready(&mut self) -> bool {
        std::mem::take(&mut self.ready)
    }
}

impl Decode for Decoder {
    fn decode(&mut self, chunk: &[u8], frames: &mut FrameBatch) {
        let Self { splitter, header_len, ready } = self;
        let violations = splitter.split(chunk, |command, data| match command & COMMAND_MASK {
            DATA => match data.get(*header_len..) {
                Some(frame) if frame.len() >= FRAME_LEN_MIN => frames.push(frame),
                _ => frames.add_violation(),
            },
            READY => *ready = true,
            _ => {} // no other answer of a TNC means anything to us
        });
        (0..violations).for_each(|_| frames.add_violation());
    }

    fn is_inside(&self) -> bool {
        self.splitter.is_inside()
    }

    fn abandon(&mut self) {
        self.splitter.abandon();
    }
}

/// Lays packets in data frames, behind a header if the TNC wants one.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    /// Put before every packet: the AX.25 addresses, or nothing.
    pub header: Vec<u8>,
}

impl Encode for Encoder {
    fn encode(&self, frame: &[u8], wire: &mut Vec<u8>) {
        begin(DATA, wire);
        escape(&self.header, wire);
        escape(frame, wire);
        wire.push(FEND);
    }
}

#[cfg(test)]
mod tests;
