//! What an RNode says, cut anywhere (the first byte says where): the same in pieces as whole, no packet longer than an
//! RNode can carry, and every request that a host can make is understood as such.
#![no_main]

use interfaces::framing::kiss;
use interfaces::framing::rnode::{DATA_LEN_MAX, Message, PACKET_LEN_MAX};
use libfuzzer_sys::fuzz_target;

/// What was said, as text: messages borrow from the line.
fn heard<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut parser = kiss::Splitter::new(DATA_LEN_MAX);
    let mut heard = Vec::new();
    for piece in pieces {
        parser.split(piece, |command, data| {
            assert!(data.len() <= DATA_LEN_MAX, "longer than the bound");
            if let Some(message) = Message::parse(command, data) {
                if let Message::Packet(packet) = message {
                    assert!(packet.len() <= DATA_LEN_MAX.max(PACKET_LEN_MAX));
                }
                heard.push(format!("{message:?}"));
            }
        });
    }
    heard
}

fuzz_target!(|input: &[u8]| {
    let Some((&cut, line)) = input.split_first() else { return };
    assert_eq!(heard(line.chunks(1 + usize::from(cut))), heard([line]));
});
