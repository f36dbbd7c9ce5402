//! HDLC-style framing of TCP, serial lines and pipes (interfaces.md section 3.1): flag `7e`, escape `7d`, no checksum.
//!
//! The receivers of this field come in two kinds: one lets a closing flag open the next frame, one does not. The
//! encoder writes both flags of every frame, which suits both; the decoder shares flags, which loses the least when a
//! line drops bytes.

use memchr::{memchr, memchr2};

use super::{Decode, Encode, FRAME_LEN_MIN};
use crate::FrameBatch;

const FLAG: u8 = 0x7e;
const ESCAPE: u8 = 0x7d;
const MASK: u8 = 0x20;

/// The encoder, which has no state.
#[derive(Clone, Copy, Debug)]
pub struct Encoder;

impl Encode for Encoder {
    fn encode(&self, frame: &[u8], wire: &mut Vec<u8>) {
        wire.reserve(frame.len() + frame.len() / 32 + 2);
        wire.push(FLAG);
        let mut rest = frame;
        while let Some(at) = memchr2(FLAG, ESCAPE, rest) {
            wire.extend_from_slice(&rest[..at]);
            wire.extend_from_slice(&[ESCAPE, rest[at] ^ MASK]);
            rest = &rest[at + 1..];
        }
        wire.extend_from_slice(rest);
        wire.push(FLAG);
    }
}

/// A streaming decoder. Keeps at most one frame of `frame_len_max` bytes.
#[derive(Debug)]
pub struct Decoder {
    frame_len_max: usize,
    state: State,
    /// The unescaped beginning of a frame whose end has not arrived.
    partial: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Skipping to the next flag: at the very start, and after a frame was given up.
    Hunting,
    /// After a flag.
    Inside,
    /// After an escape byte.
    Escaped,
}

/// Why a frame is dropped.
struct Violation;

impl Decoder {
    /// A decoder that drops frames above `frame_len_max` bytes, and those below [`FRAME_LEN_MIN`] that are not empty.
    pub const fn new(frame_len_max: usize) -> Self {
        Self { frame_len_max, state: State::Hunting, partial: Vec::new() }
    }

    /// Takes bytes up to a flag, or all if there is none, and returns the rest.
    fn inside<'a>(&mut self, chunk: &'a [u8], frames: &mut FrameBatch) -> &'a [u8] {
        let Some(end) = memchr(FLAG, chunk) else {
            match unescape(chunk, &mut self.partial, self.frame_len_max) {
                Ok(Ending::Clean) => {}
                Ok(Ending::Escape) => self.state = State::Escaped,
                Err(Violation) => self.give_up(frames),
            }
            return &[];
        };
        if self.partial.is_empty() {
            self.whole(&chunk[..end], frames);
        } else {
            self.last_part(&chunk[..end], frames);
        }
        &chunk[end + 1..]
    }

    /// A frame that lies in one piece goes straight into the batch.
    fn whole(&self, body: &[u8], frames: &mut FrameBatch) {
        if body.is_empty() {
            return; // two flags in a row, or a keep-alive
        }
        let accepted = frames.push_with(|out| {
            let start = out.len();
            let ending = unescape(body, out, start + self.frame_len_max);
            matches!(ending, Ok(Ending::Clean)) && out.len() - start >= FRAME_LEN_MIN
        });
        if !accepted {
            frames.add_violation();
        }
    }

    fn last_part(&mut self, body: &[u8], frames: &mut FrameBatch) {
        let ending = unescape(body, &mut self.partial, self.frame_len_max);
        if matches!(ending, Ok(Ending::Clean)) && self.partial.len() >= FRAME_LEN_MIN {
            frames.push(&self.partial);
        } else {
            frames.add_violation();
        }
        self.partial.clear();
    }

    /// The first byte after an escape.
    fn escaped(&mut self, byte: u8, frames: &mut FrameBatch) {
        let unescaped = byte ^ MASK;
        if byte == FLAG {
            self.give_up(frames);
            self.state = State::Inside;
        } else if !is_special(unescaped) || self.partial.len() >= self.frame_len_max {
            self.give_up(frames);
        } else {
            self.partial.push(unescaped);
            self.state = State::Inside;
        }
    }

    fn give_up(&mut self, frames: &mut FrameBatch) {
        frames.add_violation();
        self.abandon();
    }
}

impl Decode for Decoder {
    fn decode(&mut self, mut chunk: &[u8], frames: &mut FrameBatch) {
        frames.reserve(self.partial.len() + chunk.len());
        while let Some((&first, after)) = chunk.split_first() {
            chunk = match self.state {
                State::Inside => self.inside(chunk, frames),
                State::Escaped => {
                    self.escaped(first, frames);
                    after
                }
                State::Hunting => match memchr(FLAG, chunk) {
                    Some(at) => {
                        self.state = State::Inside;
                        &chunk[at + 1..]
                    }
                    None => return,
                },
            };
        }
    }

    fn is_inside(&self) -> bool {
        self.state == State::Escaped || !self.partial.is_empty()
    }

    fn abandon(&mut self) {
        self.partial.clear();
        self.state = State::Hunting;
    }
}

/// How a piece of a frame ended.
enum Ending {
    Clean,
    /// With an escape byte whose second half is not in the piece.
    Escape,
}

/// Appends `piece`, which has no flag in it, to `out`, which must not grow beyond `len_max`.
fn unescape(piece: &[u8], out: &mut Vec<u8>, len_max: usize) -> Result<Ending, Violation> {
    let mut rest = piece;
    while let Some(at) = memchr(ESCAPE, rest) {
        append(&rest[..at], out, len_max)?;
        let Some(unescaped) = rest.get(at + 1).map(|byte| byte ^ MASK) else { return Ok(Ending::Escape) };
        // No sender of this field escapes any other byte: the line is corrupt.
        if !is_special(unescaped) {
            return Err(Violation);
        }
        append(&[unescaped], out, len_max)?;
        rest = &rest[at + 2..];
    }
    append(rest, out, len_max)?;
    Ok(Ending::Clean)
}

fn append(bytes: &[u8], out: &mut Vec<u8>, len_max: usize) -> Result<(), Violation> {
    if out.len() + bytes.len() > len_max {
        return Err(Violation);
    }
    out.extend_from_slice(bytes);
    Ok(())
}

fn is_special(byte: u8) -> bool {
    byte == FLAG || byte == ESCAPE
}

#[cfg(test)]
mod tests;
