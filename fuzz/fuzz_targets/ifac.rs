//! Frames of an interface with an access code: what was sealed is opened again, whole, and only by the same code; of
//! anything else nothing is taken.
//!
//! Input: the size of the code, a byte that is flipped, where it stands, then the packet.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use reticulum::crypto::Ifac;

/// Making the keys is slow, so every size has its own once.
static CODES: LazyLock<Vec<Ifac>> = LazyLock::new(|| {
    (1..=64).map(|size| Ifac::new(Some("net"), Some("pass"), size).expect("a size that there is")).collect()
});
static OTHER: LazyLock<Ifac> = LazyLock::new(|| Ifac::new(Some("net"), None, 64).expect("a size that there is"));

fuzz_target!(|input: &[u8]| {
    let [size, flip, place, packet @ ..] = input else { return };
    let code = &CODES[usize::from(*size) % CODES.len()];
    let mut taken = b"before".to_vec();
    if code.open(packet, &mut taken).is_err() {
        assert_eq!(taken, b"before", "nothing is taken of what is refused");
    }
    if packet.len() < 2 {
        return;
    }
    let mut plain = packet.to_vec();
    plain[0] &= 0x7f; // the flag of the code is not the sender's to set
    let mut frame = Vec::new();
    code.seal(&plain, &mut frame);
    assert_eq!(frame.len(), plain.len() + code.size());
    let mut opened = Vec::new();
    if plain.len() > 2 {
        assert_eq!(code.open(&frame, &mut opened), Ok(()));
        assert_eq!(opened, plain);
        assert!(OTHER.open(&frame, &mut opened).is_err(), "another network took it");
    }
    // A short code may be hit by chance; from eight bytes on it is not.
    if *flip != 0 && code.size() >= 8 {
        let at = usize::from(*place) % frame.len();
        frame[at] ^= flip;
        assert!(code.open(&frame, &mut opened).is_err(), "byte {at} does not count");
    }
});
