//! Any byte stream, cut anywhere (the first byte says where), gives the same KISS frames as in one piece; a TNC's and
//! an RNode's reading of them does not panic.
#![no_main]

use interfaces::FrameBatch;
use interfaces::framing::rnode::Message;
use interfaces::framing::{Decode, kiss};
use libfuzzer_sys::fuzz_target;

const DATA_LEN_MAX: usize = 200;

fn split<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<(u8, Vec<u8>)>, u32) {
    let (mut splitter, mut frames, mut violations) = (kiss::Splitter::new(DATA_LEN_MAX), Vec::new(), 0);
    for piece in pieces {
        violations += splitter.split(piece, |command, data| frames.push((command, data.to_vec())));
    }
    (frames, violations)
}

fuzz_target!(|input: &[u8]| {
    let Some((&cut, wire)) = input.split_first() else { return };
    let (frames, violations) = split([wire]);
    assert_eq!(split(wire.chunks(1 + usize::from(cut))), (frames.clone(), violations));
    for (command, data) in &frames {
        assert!(data.len() <= DATA_LEN_MAX);
        let _ = Message::parse(*command, data);
    }
    // With its header a TNC's frame is as long as those above, so it finds the same ones.
    let header_len = usize::from(cut % 17);
    let (mut tnc, mut packets) =
        (kiss::Decoder::new(DATA_LEN_MAX - header_len, header_len), FrameBatch::new());
    tnc.decode(wire, &mut packets);
    assert!(packets.len() <= frames.len());
});
