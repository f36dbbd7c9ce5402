//! Any frame either is refused or is emitted as it came.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reticulum::wire::Packet;

fuzz_target!(|frame: &[u8]| {
    if let Ok(packet) = Packet::parse(frame) {
        let mut emitted = Vec::new();
        packet.emit(&mut emitted);
        assert_eq!(emitted, frame);
        assert_eq!(packet.frame_len(), frame.len());
        let _ = (packet.hash(), packet.link_id_of_request());
    }
});
