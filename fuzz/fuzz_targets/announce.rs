//! Any announce either is refused or has fields that give its data again; verifying it does not panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reticulum::wire::{Announce, Packet};

fuzz_target!(|frame: &[u8]| {
    let Ok(packet) = Packet::parse(frame) else { return };
    if let Ok(announce) = Announce::parse(&packet) {
        assert_eq!(announce.data(), packet.data);
        let _ = (announce.verify(), announce.emission_secs());
    }
});
