//! Any byte stream, cut anywhere (the first byte says where), gives the same frames as in one piece, and they survive
//! being encoded again.
#![no_main]

use interfaces::FrameBatch;
use interfaces::framing::{Decode, Encode, FRAME_LEN_MIN, hdlc};
use libfuzzer_sys::fuzz_target;

const FRAME_LEN_MAX: usize = 200;

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> FrameBatch {
    let (mut decoder, mut frames) = (hdlc::Decoder::new(FRAME_LEN_MAX), FrameBatch::new());
    pieces.into_iter().for_each(|piece| decoder.decode(piece, &mut frames));
    frames
}

fuzz_target!(|input: &[u8]| {
    let Some((&cut, wire)) = input.split_first() else { return };
    let frames = decode([wire]);
    assert_eq!(decode(wire.chunks(1 + usize::from(cut))), frames);
    let mut again = Vec::new();
    for frame in frames.iter() {
        assert!((FRAME_LEN_MIN..=FRAME_LEN_MAX).contains(&frame.len()));
        hdlc::Encoder.encode(frame, &mut again);
    }
    assert!(decode([&again[..]]).iter().eq(frames.iter()));
});
