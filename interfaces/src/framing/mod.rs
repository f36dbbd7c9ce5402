//! Frames in byte streams: codecs that do no input or output.

pub mod ax25;
pub mod hdlc;
pub mod kiss;
pub mod rnode;

use crate::FrameBatch;

/// Longest interface access code in bytes (a whole Ed25519 signature); frames may exceed the hardware MTU by it.
pub const IFAC_SIZE_MAX: usize = 64;

/// A packet is at least two header bytes, an address, a context and one byte of data (reticulum.md section 1.2), so
/// anything shorter is noise.
pub const FRAME_LEN_MIN: usize = 20;

/// Finds the frames in a byte stream.
pub trait Decode {
    /// Takes the next bytes of the stream, in pieces of any size, and appends the frames that they complete. What
    /// breaks the framing is dropped and counted in `frames`.
    fn decode(&mut self, chunk: &[u8], frames: &mut FrameBatch);

    /// Whether a frame has begun and not ended.
    fn is_inside(&self) -> bool;

    /// Gives up the frame that has begun.
    fn abandon(&mut self);
}

/// Lays frames in a byte stream.
pub trait Encode {
    /// Appends `frame` to `wire` as it travels.
    fn encode(&self, frame: &[u8], wire: &mut Vec<u8>);
}
