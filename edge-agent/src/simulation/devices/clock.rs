//! A device's own clock: it started at some moment, and runs a little fast or slow.

use crate::simulation::chance::Chance;

/// A free-running clock and the packet counter beside it.
#[derive(Debug, Clone)]
pub(super) struct DeviceClock {
    offset_us: u64,
    drift_ppm: f64,
    sequence: u16,
}

impl DeviceClock {
    /// Started up to an hour ago, drifting within `drift_ppm` either way.
    pub(super) fn draw(chance: &mut Chance, drift_ppm: f64) -> Self {
        Self {
            offset_us: chance.between(1e6, 3.6e9) as u64,
            drift_ppm: chance.between(-drift_ppm, drift_ppm),
            sequence: chance.under(1000) as u16,
        }
    }

    /// The next packet's number and stamp, measured at `time_us` of the simulation.
    pub(super) fn stamp(&mut self, time_us: i64) -> (u16, u64) {
        self.sequence = self.sequence.wrapping_add(1);
        let own_us = time_us as f64 * (1.0 + self.drift_ppm * 1e-6);
        (self.sequence, self.offset_us + own_us as u64)
    }
}
