//! The bare cryptography of one opportunistic LXMF message at its receiver: what no implementation can do without.
//! X25519, HKDF, AES-CBC and HMAC to open it, Ed25519 to verify it, Ed25519 to prove it. Prints one JSON line.

use reticulum::crypto::{Identity, Rng};
use std::hint::black_box;

const ROUNDS: u32 = 5_000;

/// Time that this process has spent on a core, in nanoseconds: what others do on the machine does not count.
fn on_core_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").expect("Linux tells");
    stat.split_whitespace().next().and_then(|ns| ns.parse().ok()).expect("its first field")
}

fn main() {
    let mut rng = Rng::from_seed([1; 32]);
    let (sender, receiver) = (Identity::generate(&mut rng), Identity::generate(&mut rng));
    let message = vec![7; 240];
    let signature = sender.sign(&message);
    let sealed = receiver.public().seal(None, &rng.bytes(), &message);
    let round = || {
        let opened = receiver.open(&[], &sealed, false).expect("it was sealed to this key");
        assert!(sender.public().verify(&opened.plaintext, &signature));
        black_box(receiver.sign(&opened.plaintext[..32]));
    };
    (0..ROUNDS / 10).for_each(|_| round());
    let started_ns = on_core_ns();
    (0..ROUNDS).for_each(|_| round());
    println!("{{\"bare_us\":{:.2}}}", (on_core_ns() - started_ns) as f64 / 1e3 / f64::from(ROUNDS));
}
