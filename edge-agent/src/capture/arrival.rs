//! When a live picture was taken, from when it arrived and what the camera's own clock says.
//!
//! Comes in: arrival by the box's clock, and the source's own stamp (RTP, driver), which runs evenly from an unknown
//! zero. Goes out: a [`Stamp`] that runs as evenly as the source and lies on the earliest arrivals: queueing only
//! ever makes a picture late. Without a source's stamp the arrival is all there is. Never asks the time.

use crate::time::{Stamp, TimeSource};

/// The zero creeps up this much for each second, so that a source whose clock runs slow is followed: 100 ppm is
/// twice what a cheap crystal is off.
const DRIFT_US_PER_S: f64 = 100.0;

/// A source whose stamps jump against arrival by more than this has begun anew.
const JUMP_US: i64 = 2_000_000;

/// What an unstamped arrival may be off: decoding and one frame of buffer.
const HOST_UNCERTAINTY_US: u32 = 110_000;

/// The running estimate of a source's zero.
#[derive(Debug, Default)]
pub struct Arrivals {
    zero_us: Option<i64>,
    last_us: i64,
}

impl Arrivals {
    /// The stamp of a picture that arrived at `arrival_us` and says `source_us` of itself.
    pub fn stamp(&mut self, arrival_us: i64, source_us: Option<i64>) -> Stamp {
        let Some(source_us) = source_us else {
            return Stamp { utc_us: arrival_us, source: TimeSource::HostArrival, uncertainty_us: HOST_UNCERTAINTY_US };
        };
        let seen_us = arrival_us - source_us;
        let zero_us = match self.zero_us {
            Some(zero_us) if (seen_us - zero_us).abs() < JUMP_US => {
                let crept_us = (arrival_us - self.last_us).max(0) as f64 * 1e-6 * DRIFT_US_PER_S;
                seen_us.min(zero_us + crept_us.ceil() as i64)
            }
            _ => seen_us,
        };
        self.zero_us = Some(zero_us);
        self.last_us = arrival_us;
        let late_us = (seen_us - zero_us).clamp(0, i64::from(HOST_UNCERTAINTY_US)) as u32;
        Stamp { utc_us: zero_us + source_us, source: TimeSource::Source, uncertainty_us: late_us.max(1_000) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_of_arrival_is_taken_out() {
        let mut arrivals = Arrivals::default();
        let late_us = [5_000, 0, 17_000, 9_000, 31_000, 2_000];
        let stamps: Vec<i64> = (0..60)
            .map(|n: i64| arrivals.stamp(1_000_000 + n * 33_333 + late_us[n as usize % 6], Some(n * 33_333)).utc_us)
            .collect();
        for pair in stamps[6..].windows(2) {
            assert!((pair[1] - pair[0] - 33_333).abs() <= 25, "{pair:?}");
        }
        assert!((stamps[59] - (1_000_000 + 59 * 33_333)).abs() < 100, "{}", stamps[59]);
    }

    #[test]
    fn a_camera_that_restarts_its_clock_is_followed_at_once() {
        let mut arrivals = Arrivals::default();
        arrivals.stamp(50_000_000, Some(40_000_000));
        assert_eq!(arrivals.stamp(50_033_000, Some(0)).utc_us, 50_033_000);
    }

    #[test]
    fn without_a_stamp_the_arrival_is_said_to_be_one() {
        let stamp = Arrivals::default().stamp(7, None);
        assert_eq!((stamp.utc_us, stamp.source), (7, TimeSource::HostArrival));
    }
}
