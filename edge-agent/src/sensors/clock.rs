//! Where a device's clock stands against the box's. Pure: the caller says when a packet arrived.
//!
//! A packet carries the device's own time of measuring, and arrives later by a delay that is never less than the
//! fastest way through air, gateway, USB and scheduler, and often much more. So of the differences *arrival − device
//! time* the smallest ones tell offset and drift, and the rest is queueing. One smallest difference is kept for each
//! second of device time, for the last minute or so; the estimate is the straight line below all of them that comes
//! closest to them all. That line is an edge of their lower convex hull, the one over their mean time (Moon, Skelly
//! and Towsley, "Estimation and removal of clock skew from network delay measurements", INFOCOM 1999).
//!
//! What no such estimate can see is the fastest delay itself: stamps are late by it (about a millisecond), and
//! [`Captured::uncertainty_us`] has it in.

use std::collections::VecDeque;

/// Device time over which only the fastest packet counts, microseconds.
const SPAN_US: i64 = 1_000_000;

/// Spans kept. A crystal's drift changes with its temperature over minutes, so older ones mislead.
const SPANS_MAX: usize = 64;

/// Device time that must be seen before drift is told from jitter, microseconds.
const DRIFT_AFTER_US: i64 = 10_000_000;

/// Fastest drift believed. Crystals are good to 100 ppm over any temperature in a rink; twice that is another fault.
const DRIFT_MAX: f64 = 200e-6;

/// A device clock further ahead of, or behind, itself than this was set anew by a restart, microseconds.
const RESTART_US: i64 = 1_000_000;

/// The delay that is always there and cannot be seen, microseconds.
const UNSEEN_US: u32 = 1_000;

/// What may be wrong before a few seconds were seen: a USB adapter that gathers bytes for 16 ms, and a little.
const FIRST_US: u32 = 20_000;

/// When a packet was measured, on the box's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Captured {
    /// Microseconds of the clock that arrivals are given in.
    pub at_us: i64,
    /// How far that may be off, microseconds.
    pub uncertainty_us: u32,
}

/// The fastest packet of a span.
#[derive(Debug, Clone, Copy)]
struct Fastest {
    device_us: i64,
    /// Arrival minus device time.
    delay_us: i64,
}

/// The estimate for one device.
#[derive(Debug, Clone)]
pub struct DeviceClock {
    fastest: VecDeque<Fastest>,
    /// Corners of the lower hull, kept to spare an allocation.
    hull: Vec<Fastest>,
    newest_us: i64,
    origin_us: i64,
    offset_us: f64,
    drift: f64,
    uncertainty_us: u32,
    restarts: u32,
}

impl DeviceClock {
    /// A clock nothing is known of.
    pub fn new() -> Self {
        Self {
            fastest: VecDeque::with_capacity(SPANS_MAX + 1),
            hull: Vec::with_capacity(SPANS_MAX + 1),
            newest_us: 0,
            origin_us: 0,
            offset_us: 0.0,
            drift: 0.0,
            uncertainty_us: FIRST_US,
            restarts: 0,
        }
    }

    /// When something measured at `device_us` by the device, that arrived at `arrival_us`, was measured by the box's
    /// clock: never after it arrived.
    pub fn captured(&mut self, device_us: u64, arrival_us: i64) -> Captured {
        let device_us = i64::try_from(device_us).unwrap_or(i64::MAX);
        let delay_us = arrival_us.saturating_sub(device_us);
        let restarted = device_us.saturating_add(RESTART_US) < self.newest_us
            || delay_us.saturating_add(RESTART_US) < self.delay_at(device_us) as i64;
        if restarted && !self.fastest.is_empty() {
            *self = Self {
                restarts: self.restarts + 1,
                fastest: std::mem::take(&mut self.fastest),
                hull: std::mem::take(&mut self.hull),
                ..Self::new()
            };
            self.fastest.clear();
        }
        self.newest_us = self.newest_us.max(device_us);
        if self.keep(Fastest { device_us, delay_us }) {
            self.fit();
        }
        let at_us = device_us.saturating_add(self.delay_at(device_us) as i64).min(arrival_us);
        Captured { at_us, uncertainty_us: self.uncertainty_us }
    }

    /// Drift of the device's clock, parts per million; positive when it runs slow.
    pub fn drift_ppm(&self) -> f64 {
        self.drift * 1e6
    }

    /// How often the device's clock began anew.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    fn delay_at(&self, device_us: i64) -> f64 {
        self.offset_us + self.drift * device_us.saturating_sub(self.origin_us) as f64
    }

    /// Keeps a packet if it is the fastest of the newest span; whether it was.
    fn keep(&mut self, packet: Fastest) -> bool {
        let span = packet.device_us.div_euclid(SPAN_US);
        match self.fastest.back_mut() {
            Some(newest) if newest.device_us.div_euclid(SPAN_US) == span => {
                let faster = packet.delay_us < newest.delay_us;
                if faster {
                    *newest = packet;
                }
                return faster;
            }
            Some(newest) if newest.device_us.div_euclid(SPAN_US) > span => return false,
            _ => {}
        }
        if self.fastest.len() == SPANS_MAX {
            self.fastest.pop_front();
        }
        self.fastest.push_back(packet);
        true
    }

    fn fit(&mut self) {
        let (Some(first), Some(last)) = (self.fastest.front(), self.fastest.back()) else { return };
        self.origin_us = first.device_us;
        let origin_us = self.origin_us;
        self.drift = 0.0;
        if last.device_us - first.device_us >= DRIFT_AFTER_US {
            self.drift = self.hull_slope().clamp(-DRIFT_MAX, DRIFT_MAX);
        }
        let above =
            |packet: &Fastest, drift: f64| packet.delay_us as f64 - drift * (packet.device_us - origin_us) as f64;
        self.offset_us = self.fastest.iter().map(|packet| above(packet, self.drift)).fold(f64::INFINITY, f64::min);

        let count = self.fastest.len();
        let mean_above_us =
            self.fastest.iter().map(|packet| above(packet, self.drift) - self.offset_us).sum::<f64>() / count as f64;
        self.uncertainty_us = if count < 3 { FIRST_US } else { UNSEEN_US.saturating_add(mean_above_us as u32) };
    }

    /// Slope of the lower hull's edge over the mean time.
    fn hull_slope(&mut self) -> f64 {
        let origin_us = self.origin_us;
        let point = |packet: &Fastest| ((packet.device_us - origin_us) as f64, packet.delay_us as f64);
        self.hull.clear();
        for packet in &self.fastest {
            while let [.., a, b] = self.hull[..] {
                let ((ax, ay), (bx, by), (cx, cy)) = (point(&a), point(&b), point(packet));
                if (bx - ax) * (cy - ay) > (by - ay) * (cx - ax) {
                    break;
                }
                self.hull.pop();
            }
            self.hull.push(*packet);
        }
        let mean = self.fastest.iter().map(|packet| point(packet).0).sum::<f64>() / self.fastest.len() as f64;
        let edge = self.hull.windows(2).find(|edge| point(&edge[1]).0 >= mean);
        edge.map_or(0.0, |edge| {
            let ((ax, ay), (bx, by)) = (point(&edge[0]), point(&edge[1]));
            (by - ay) / (bx - ax)
        })
    }
}

impl Default for DeviceClock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    /// Twenty packets a second for `seconds` from a clock `drift_ppm` slow, switched on 500 s before; delays of 1 ms
    /// and an exponential tail. The largest error after the first 20 s, microseconds.
    fn check(drift_ppm: f64, tail_us: f64, seconds: u32, error_max_us: i64) {
        let seed = 7;
        let mut random = StdRng::seed_from_u64(seed);
        let mut clock = DeviceClock::new();
        let mut worst_us = 0;
        for packet in 0..seconds * 20 {
            let true_us = 5_000_000_000 + i64::from(packet) * 50_000;
            let device_us = (500e6 + f64::from(packet) * 50_000.0 * (1.0 - drift_ppm * 1e-6)) as u64;
            let tail = -random.random_range(f64::EPSILON..1.0).ln() * tail_us;
            let captured = clock.captured(device_us, true_us + 1_000 + tail as i64);
            if packet > 400 {
                let error_us = (captured.at_us - true_us).abs();
                assert!(
                    error_us <= i64::from(captured.uncertainty_us) + error_max_us / 2,
                    "packet {packet}: {error_us}"
                );
                worst_us = worst_us.max(error_us);
            }
        }
        assert!(worst_us <= error_max_us, "seed {seed}, {drift_ppm} ppm: {worst_us} µs (at most {error_max_us})");
        assert!((clock.drift_ppm() - drift_ppm).abs() < 10.0, "{} for {drift_ppm} ppm", clock.drift_ppm());
    }

    #[test]
    fn offset_and_drift_are_found_under_jitter() {
        for drift_ppm in [-80.0, 0.0, 60.0] {
            check(drift_ppm, 4_000.0, 300, 2_500);
        }
    }

    #[test]
    fn heavy_queueing_hurts_little() {
        check(30.0, 30_000.0, 300, 9_000);
    }

    #[test]
    fn a_stalled_line_does_not_move_the_clock() {
        let mut clock = DeviceClock::new();
        for second in 0..30 {
            clock.captured(second * 1_000_000, second as i64 * 1_000_000 + 7_000);
        }
        let late = clock.captured(30_000_000, 34_000_000);
        assert!((late.at_us - 30_007_000).abs() < 10, "{late:?}");
        assert_eq!(clock.restarts(), 0);
    }

    #[test]
    fn a_restart_begins_anew() {
        let mut clock = DeviceClock::new();
        for second in 0..30 {
            clock.captured(900_000_000 + second * 1_000_000, second as i64 * 1_000_000);
        }
        let reborn = clock.captured(50_000, 31_000_000);
        assert_eq!(reborn, Captured { at_us: 31_000_000, uncertainty_us: FIRST_US });
        let jumped = clock.captured(500_000_000, 31_100_000);
        assert_eq!(jumped.at_us, 31_100_000);
        assert_eq!(clock.restarts(), 2);
    }

    #[test]
    fn any_clock_is_survived() {
        let mut clock = DeviceClock::new();
        for device_us in [0, u64::MAX, 1, u64::MAX / 2, i64::MAX as u64, 3] {
            for arrival_us in [i64::MIN, -1, 0, 5, i64::MAX] {
                assert!(clock.captured(device_us, arrival_us).at_us <= arrival_us);
            }
        }
    }
}
