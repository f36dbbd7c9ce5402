//! What travels inside of packets: link handshake, requests, resources. The first byte chooses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reticulum::wire::link::{Identify, LinkProof, LinkRequest, decode_rtt};
use reticulum::wire::request::{Request, Response};
use reticulum::wire::resource::{Advertisement, HashmapUpdate, PartRequest, ResourceProof, split_metadata};

/// What is emitted for an accepted body is accepted again, and is the same.
macro_rules! check {
    ($type:ident, $body:expr) => {
        if let Ok(parsed) = $type::parse($body) {
            let mut emitted = Vec::new();
            parsed.emit(&mut emitted);
            assert_eq!($type::parse(&emitted), Ok(parsed));
        }
    };
}

/// Accepted bodies of a fixed layout are emitted as they came.
macro_rules! check_exact {
    ($type:ident, $body:expr) => {
        if let Some(parsed) = $type::parse($body) {
            let mut emitted = Vec::new();
            parsed.emit(&mut emitted);
            assert_eq!(emitted, $body);
        }
    };
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, body)) = bytes.split_first() else { return };
    match choice {
        0 => check!(Advertisement, body),
        1 => check!(PartRequest, body),
        2 => check!(HashmapUpdate, body),
        3 => check!(Response, body),
        // A not-a-number time is accepted here and refused above, and does not equal itself.
        4 => drop(Request::parse(body)),
        5 => check_exact!(LinkRequest, body),
        6 => check_exact!(LinkProof, body),
        7 => check_exact!(ResourceProof, body),
        8 => drop(Identify::parse(body)),
        9 => drop(decode_rtt(body)),
        _ => drop(split_metadata(body)),
    }
});
