//! The game's only source of randomness.
//!
//! Comes in: a seed. Goes out: draws that are the same on every machine. Never the system's own entropy.

use super::STEP_S;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// A stream of draws.
#[derive(Debug, Clone)]
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    /// Streams of one seed differ by `stream`, so that devices do not disturb the game.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Self(generator)
    }

    /// Evenly between two values.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// True `probability` of the time.
    pub(super) fn hit(&mut self, probability: f64) -> bool {
        self.0.random::<f64>() < probability
    }

    /// Whether something that happens `per_s` times a second happens in this step.
    pub(super) fn rate(&mut self, per_s: f64) -> bool {
        self.hit(per_s * STEP_S)
    }

    /// A normal draw around zero.
    pub(super) fn normal(&mut self, sigma: f64) -> f64 {
        sigma * self.0.sample::<f64, _>(StandardNormal)
    }

    /// A whole number under `below`.
    pub(super) fn under(&mut self, below: usize) -> usize {
        self.0.random_range(0..below as u32) as usize
    }

    /// Plus or minus one.
    pub(super) fn sign(&mut self) -> f64 {
        if self.hit(0.5) { 1.0 } else { -1.0 }
    }
}
