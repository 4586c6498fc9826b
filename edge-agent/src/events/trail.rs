//! Where the puck has been in the last two and a half seconds.

use crate::fusion::Snapshot;

/// Samples kept: 2.5 s at 50 Hz, as long as the longest pass.
const KEPT: usize = 128;
/// A longer gap begins a new trail, microseconds.
const GAP_US: i64 = 150_000;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sample {
    pub(super) at_us: i64,
    pub(super) place: [f64; 3],
}

/// A ring of the puck's places.
#[derive(Debug, Clone)]
pub(super) struct Trail {
    ring: [Sample; KEPT],
    next: usize,
    filled: usize,
}

impl Default for Trail {
    fn default() -> Self {
        Self { ring: [Sample::default(); KEPT], next: 0, filled: 0 }
    }
}

impl Trail {
    /// Adds the snapshot's puck, when it has one.
    pub(super) fn update(&mut self, snapshot: &Snapshot) {
        let Some(puck) = snapshot.puck else { return };
        if self.last().is_some_and(|last| snapshot.captured_us - last.at_us > GAP_US) {
            self.filled = 0;
        }
        self.ring[self.next] = Sample { at_us: snapshot.captured_us, place: puck.position_m };
        self.next = (self.next + 1) % KEPT;
        self.filled = (self.filled + 1).min(KEPT);
    }

    /// `back` samples ago, 0 for the newest.
    fn ago(&self, back: usize) -> Option<&Sample> {
        (back < self.filled).then(|| &self.ring[(self.next + KEPT - 1 - back) % KEPT])
    }

    pub(super) fn last(&self) -> Option<&Sample> {
        self.ago(0)
    }

    /// Mean place of the newest `count` samples.
    pub(super) fn mean(&self, count: usize) -> Option<[f64; 3]> {
        let count = count.min(self.filled);
        let sum = (0..count).filter_map(|back| self.ago(back)).fold([0.0; 3], |sum, sample| {
            [sum[0] + sample.place[0], sum[1] + sample.place[1], sum[2] + sample.place[2]]
        });
        (count > 0).then(|| sum.map(|value| value / count as f64))
    }

    /// Velocity in the plane: least squares over the newest `count` samples; `None` with fewer.
    pub(super) fn velocity(&self, count: usize) -> Option<[f64; 2]> {
        if self.filled < count || count < 2 {
            return None;
        }
        let newest = self.last()?.at_us;
        let (mut t, mut tt, mut x, mut y, mut tx, mut ty) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        for back in 0..count {
            let sample = self.ago(back)?;
            let seconds = (sample.at_us - newest) as f64 / 1e6;
            t += seconds;
            tt += seconds * seconds;
            x += sample.place[0];
            y += sample.place[1];
            tx += seconds * sample.place[0];
            ty += seconds * sample.place[1];
        }
        let n = count as f64;
        let spread = n * tt - t * t;
        (spread > 1e-12).then(|| [(n * tx - t * x) / spread, (n * ty - t * y) / spread])
    }

    /// The sample nearest to a time.
    pub(super) fn at(&self, time_us: i64) -> Option<&Sample> {
        (0..self.filled).filter_map(|back| self.ago(back)).min_by_key(|sample| (sample.at_us - time_us).abs())
    }
}
