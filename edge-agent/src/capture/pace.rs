//! How fast films are played: as they were taken, or as fast as the next stage takes them.
//!
//! Comes in: the instant everything started and a picture's stamp. Goes out: how long to wait. Never sleeps itself.

use crate::time;

/// One instant by both clocks. All films, simulated cameras and simulated devices of a box share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Microseconds UTC.
    pub utc_us: i64,
    /// The same instant, as [`time::monotonic_us`].
    pub monotonic_us: u64,
}

impl Start {
    /// This instant.
    pub fn now() -> Self {
        Self { utc_us: time::utc_us(), monotonic_us: time::monotonic_us() }
    }

    /// How long until `utc_us`, when `monotonic_us` is now; 0 when it is past.
    pub fn wait_us(&self, utc_us: i64, monotonic_us: u64) -> u64 {
        let due_us = utc_us.saturating_sub(self.utc_us).max(0) as u64;
        due_us.saturating_sub(monotonic_us.saturating_sub(self.monotonic_us))
    }

    /// UTC when `monotonic_us` is now: steps of the wall clock after the start do not show.
    pub fn utc_at(&self, monotonic_us: u64) -> i64 {
        self.utc_us.saturating_add(monotonic_us.saturating_sub(self.monotonic_us) as i64)
    }
}

/// How films are played. Cameras are always live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At their own speed.
    Live,
    /// As fast as the next stage takes them: no frame is dropped, and a fault ends the run.
    Replay,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_until_due_and_not_longer() {
        let start = Start { utc_us: 1_000_000, monotonic_us: 50 };
        assert_eq!(start.wait_us(1_100_000, 50), 100_000);
        assert_eq!(start.wait_us(1_100_000, 60_050), 40_000);
        assert_eq!(start.wait_us(1_100_000, 200_050), 0);
        assert_eq!(start.wait_us(0, 50), 0);
        assert_eq!(start.utc_at(60_050), 1_060_000);
    }
}
