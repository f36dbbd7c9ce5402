//! The bare cryptography of one opportunistic LXMF message at its receiver: what no implementation can do without.
//! X25519, HKDF, AES-CBC and HMAC to open it, Ed25519 to verify it, Ed25519 to prove it. Prints one JSON line.

use std::hint::black_box;
use std::time::Instant;

use reticulum::crypto::{Identity, Rng};

const ROUNDS: u32 = 5_000;

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
    let started = Instant::now();
    (0..ROUNDS).for_each(|_| round());
    println!("{{\"bare_us\":{:.2}}}", started.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS));
}
