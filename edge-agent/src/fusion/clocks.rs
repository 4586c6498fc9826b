//! How far each camera's clock is off, told by who skates where.
//!
//! A camera whose stamps are `d` late shows everybody where they were `d` ago: its places are `velocity × d` behind what
//! tags and other cameras say. Over many people who skate every way, least squares of that residual on velocity gives
//! `d`; errors of calibration have no part in it, they do not turn with the skater.
//!
//! Comes in: residuals of sightings of people whom somebody else places too. Goes out: microseconds to take from a
//! camera's stamps. A camera is set by tags and by cameras before it in the configuration, so the first camera keeps
//! its clock where there are no tags. Never: reads a clock, allocates. Changes in steps, seldom: stamps of one frame
//! stay equal.

use crate::ids::CameraId;

/// Cameras told apart; the rest keep their clocks.
const CAMERAS: usize = 16;
/// Slower people say little of time and much of noise, m/s.
const SPEED_MIN_MPS: f64 = 1.5;
/// Sum of squared speeds that is enough for a step, m²/s²: with residuals of 0.25 m a clock is then known to 5 ms.
const ENOUGH: f64 = 2_500.0;
/// Share of what is left that one step takes away: the state it is measured against leans to the camera itself.
const STEP: f64 = 0.8;
/// What is left below this is left as it is, microseconds.
const STEP_US_MIN: f64 = 3_000.0;
/// Largest correction, microseconds: clocks farther off are not the same time at all.
const OFFSET_US_MAX: f64 = 500_000.0;

#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    offset_us: f64,
    /// Σ residual · velocity, m²/s.
    products: f64,
    /// Σ velocity², m²/s².
    squares: f64,
}

/// All cameras' clocks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clocks([Clock; CAMERAS]);

impl Clocks {
    /// What to take from a camera's stamps, microseconds.
    pub(super) fn offset_us(&self, camera: CameraId) -> i64 {
        self.0.get(usize::from(camera.0)).map_or(0, |clock| clock.offset_us as i64)
    }

    /// Somebody of this velocity was seen by `camera` this far from where others place them.
    pub(super) fn saw(&mut self, camera: CameraId, residual_m: [f64; 2], velocity_mps: [f64; 2]) {
        let Some(clock) = self.0.get_mut(usize::from(camera.0)) else { return };
        let squared = velocity_mps[0].powi(2) + velocity_mps[1].powi(2);
        if squared < SPEED_MIN_MPS.powi(2) {
            return;
        }
        clock.products += residual_m[0] * velocity_mps[0] + residual_m[1] * velocity_mps[1];
        clock.squares += squared;
        if clock.squares < ENOUGH {
            return;
        }
        let left_us = -clock.products / clock.squares * 1e6;
        (clock.products, clock.squares) = (0.0, 0.0);
        if left_us.abs() >= STEP_US_MIN {
            clock.offset_us = (clock.offset_us + STEP * left_us).clamp(-OFFSET_US_MAX, OFFSET_US_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_clock_is_found_and_a_constant_error_is_not_a_clock() {
        let mut clocks = Clocks::default();
        for step in 0..8_000_i32 {
            let angle = f64::from(step) * 0.7;
            let velocity = [5.0 * angle.cos(), 5.0 * angle.sin()];
            let left_s = 0.08 - clocks.offset_us(CameraId(1)) as f64 * 1e-6;
            // Half a metre of calibration error besides.
            clocks.saw(CameraId(1), [0.5 - velocity[0] * left_s, -velocity[1] * left_s], velocity);
        }
        assert!((clocks.offset_us(CameraId(1)) - 80_000).abs() < 4_000, "{:?}", clocks.offset_us(CameraId(1)));
        assert_eq!(clocks.offset_us(CameraId(0)), 0);
    }

    #[test]
    fn who_stands_still_says_nothing_and_nonsense_has_an_end() {
        let mut clocks = Clocks::default();
        (0..100_000).for_each(|_| clocks.saw(CameraId(0), [3.0, 0.0], [1.0, 0.0]));
        assert_eq!(clocks.offset_us(CameraId(0)), 0);
        (0..100_000).for_each(|_| clocks.saw(CameraId(0), [-30.0, 0.0], [5.0, 0.0]));
        assert_eq!(clocks.offset_us(CameraId(0)), 500_000);
    }
}
