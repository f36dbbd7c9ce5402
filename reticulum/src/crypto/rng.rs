//! The one source of randomness of a core: ChaCha20, seeded once by the driver.

use std::fmt;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};

/// A deterministic generator: the same seed and the same calls give the same bytes.
pub struct Rng(ChaCha20Rng);

impl Rng {
    /// Starts from 32 bytes that must be secret and, outside of simulation, fresh from the operating system.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// Splits off an independent generator.
    pub fn fork(&mut self) -> Self {
        Self::from_seed(self.bytes())
    }

    /// Overwrites `out` with random bytes.
    pub fn fill(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }

    /// An array of random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// Uniform in `0..n`; zero if `n` is zero. The bias of one part in 2^64 / `n` is of no consequence for jitter.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// Uniform in `0..max` at a resolution of one microsecond; zero if `max` is.
    pub fn duration_below(&mut self, max: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(max.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rng([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_repeats_and_a_fork_differs() {
        let (mut a, mut b) = (Rng::from_seed([1; 32]), Rng::from_seed([1; 32]));
        assert_eq!(a.bytes::<40>(), b.bytes::<40>());
        assert_ne!(a.fork().bytes::<32>(), a.bytes::<32>());
    }

    #[test]
    fn bounds_hold() {
        let mut rng = Rng::from_seed([2; 32]);
        let seen: std::collections::BTreeSet<u64> = (0..200).map(|_| rng.below(5)).collect();
        assert_eq!(seen, (0..5).collect());
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.below(1), 0);
        let max = Duration::from_micros(500);
        assert!((0..200).all(|_| rng.duration_below(max) < max));
        assert_eq!(rng.duration_below(Duration::ZERO), Duration::ZERO);
    }
}
