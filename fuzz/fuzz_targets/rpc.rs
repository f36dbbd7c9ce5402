//! Whatever comes to the RPC of a shared instance: no request before the key is proven, nothing kept beyond its bound, and
//! how the bytes are cut does not matter. What would be a request behind the key is read on its own.
#![no_main]

use interfaces::{RpcRequest, Session};
use libfuzzer_sys::fuzz_target;

/// Takes the bytes in chunks until it refuses them; what it answered, and whether it refused.
fn feed(data: &[u8], chunk: usize) -> (Vec<u8>, bool) {
    let mut session = Session::new(b"a key that the fuzzer does not guess", [3; 40]);
    for bytes in data.chunks(chunk) {
        match session.handle_bytes(bytes) {
            Ok(None) => {}
            Ok(Some(_)) => panic!("a request without the key"),
            Err(_) => return (session.take_output(), true),
        }
    }
    (session.take_output(), false)
}

fuzz_target!(|data: &[u8]| {
    let (whole, cut) = (feed(data, usize::MAX), feed(data, 1));
    assert_eq!(whole, cut);
    assert!(whole.0.len() < 200, "the challenge and one word");
    let _ = RpcRequest::parse(data);
});
