//! The bare cryptography of one opportunistic LXMF message, done alone. Prints one JSON line. A node that has several to verify
//! does that at once (`reticulum::crypto::verify_all`), so it can stay below this.
//!
//! * `bare_us`, at its receiver: X25519, HKDF, AES-CBC and HMAC to open it, Ed25519 to verify it, Ed25519 to prove it.
//! * `copy_us`, at the sender of one copy of a post: SHA-256 and Ed25519 to sign it, an ephemeral X25519 key pair, X25519,
//!   HKDF, AES-CBC and HMAC to seal it.
//! * `proof_us`: Ed25519 to verify the proof of that copy.

use reticulum::crypto::{Identity, Rng};
use reticulum::hash::sha256;
use std::hint::black_box;

const ROUNDS: u32 = 5_000;

/// Time that this process has spent on a core, in nanoseconds: what others do on the machine does not count.
fn on_core_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").expect("Linux tells");
    stat.split_whitespace().next().and_then(|ns| ns.parse().ok()).expect("its first field")
}

/// Microseconds on a core that one round takes.
fn measure(mut round: impl FnMut()) -> f64 {
    (0..ROUNDS / 10).for_each(|_| round());
    let started_ns = on_core_ns();
    (0..ROUNDS).for_each(|_| round());
    (on_core_ns() - started_ns) as f64 / 1e3 / f64::from(ROUNDS)
}

fn main() {
    let mut rng = Rng::from_seed([1; 32]);
    let (sender, receiver) = (Identity::generate(&mut rng), Identity::generate(&mut rng));
    let message = vec![7; 240];
    let signature = sender.sign(&message);
    let sealed = receiver.public().seal(None, &rng.bytes(), &message);
    let bare_us = measure(|| {
        let opened = receiver.open(&[], &sealed, false).expect("it was sealed to this key");
        assert!(sender.public().verify(&opened.plaintext, &signature));
        black_box(receiver.sign(&opened.plaintext[..32]));
    });
    let copy_us = measure(|| {
        let id = sha256(black_box(&message));
        black_box(sender.sign(&[&message[..], &id].concat()));
        black_box(receiver.public().seal(None, &rng.bytes(), &message));
    });
    let proof = receiver.sign(&message[..32]);
    let proof_us = measure(|| assert!(receiver.public().verify(black_box(&message[..32]), &proof)));
    println!("{{\"bare_us\":{bare_us:.2},\"copy_us\":{copy_us:.2},\"proof_us\":{proof_us:.2}}}");
}
