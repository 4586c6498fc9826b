//! How long to wait before trying again: doubling, jittered, capped. Takes its randomness from a seed, never sleeps.

use rand::{Rng, SeedableRng, rngs::StdRng};

/// Waits between tries.
#[derive(Debug)]
pub struct Backoff {
    first_ms: u64,
    max_ms: u64,
    tries: u32,
    random: StdRng,
}

impl Backoff {
    /// Waits of about `first_ms`, doubling, at most `max_ms`.
    pub fn new(first_ms: u64, max_ms: u64, seed: u64) -> Self {
        Self { first_ms: first_ms.max(1), max_ms: max_ms.max(1), tries: 0, random: StdRng::seed_from_u64(seed) }
    }

    /// The next wait, milliseconds: between half of the full wait and all of it, so that boxes do not march in step.
    pub fn next_ms(&mut self) -> u64 {
        let full = self.first_ms.saturating_mul(1 << self.tries.min(20)).min(self.max_ms);
        self.tries = self.tries.saturating_add(1);
        self.random.random_range(full.div_ceil(2)..=full)
    }

    /// How many waits were given since the last success.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// It worked: start small again.
    pub fn succeeded(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_its_limit_and_starts_again() {
        let mut backoff = Backoff::new(100, 5_000, 1);
        let waits: Vec<u64> = (0..10).map(|_| backoff.next_ms()).collect();
        assert!((50..=100).contains(&waits[0]), "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= 5_000), "{waits:?}");
        assert!(waits[9] >= 2_500, "{waits:?}");
        backoff.succeeded();
        assert!(backoff.next_ms() <= 100);
    }
}
