//! The puck: fast, struck, and often out of sight.
//!
//! Comes in: readings of its tag and sightings by cameras. Goes out: where it is, or nothing when it was unseen for
//! too long. One reading that cannot be is held back; the next one tells whether it was a bounce (they agree: start
//! again there) or a wrong reading (forgotten). A blow told by the tag opens the velocity at once. Never fails.

use super::{
    PuckState, config,
    plane::{Manner, Plane},
};
use crate::rink::Rink;
use nalgebra::Matrix2;

/// Fastest a puck goes, m/s: the hardest shots measured are near 50.
const SPEED_MAX_MPS: f64 = 55.0;
/// Radius of a puck, metres: its middle comes no nearer to the boards.
const RADIUS_M: f64 = 0.038;

/// The puck's filter.
#[derive(Debug, Clone)]
pub(super) struct Puck {
    plane: Option<Plane>,
    seen_us: i64,
    height_m: f64,
    suspect: Option<(i64, [f64; 2])>,
}

/// One measured place of the puck.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sighting {
    pub(super) at_us: i64,
    pub(super) place_m: [f64; 2],
    pub(super) noise: Matrix2<f64>,
    /// Height over the ice, when measured, metres.
    pub(super) height_m: Option<f64>,
    /// Largest specific force since the last sighting, g.
    pub(super) peak_g: f64,
}

impl Puck {
    pub(super) fn new() -> Self {
        Self { plane: None, seen_us: i64::MIN, height_m: 0.0, suspect: None }
    }

    pub(super) fn see(&mut self, sighting: &Sighting, config: &config::Puck) {
        let manner = manner(config);
        let known = self.plane.filter(|_| sighting.at_us - self.seen_us <= i64::from(config.held_ms_max) * 1_000);
        let Some(plane) = known else {
            self.start(sighting, config);
            return;
        };
        let mut plane = plane.at(sighting.at_us, manner);
        if sighting.peak_g >= config.blow_g {
            plane.struck(config.blow_sigma_mps);
        }
        let place_m = plane.carried(sighting.place_m, sighting.at_us);
        if plane.squared_sigmas(place_m, &sighting.noise) > config.gate_sigmas.powi(2) {
            self.doubt(sighting, config);
            return;
        }
        plane.update(place_m, &sighting.noise);
        self.believe(plane, sighting);
    }

    /// A place out of reach: a bounce when the next one agrees with it, else a wrong reading.
    fn doubt(&mut self, sighting: &Sighting, config: &config::Puck) {
        let agreed = self.suspect.take().and_then(|(at_us, place_m)| {
            let dt = (sighting.at_us - at_us) as f64 * 1e-6;
            let velocity = [0, 1].map(|axis| (sighting.place_m[axis] - place_m[axis]) / dt.max(1e-3));
            let fast = velocity[0].hypot(velocity[1]) > SPEED_MAX_MPS;
            (dt > 0.0 && dt < 0.2 && !fast).then_some((velocity, dt))
        });
        match agreed {
            None => self.suspect = Some((sighting.at_us, sighting.place_m)),
            Some((velocity, dt)) => {
                self.start(sighting, config);
                let sigma = (2.0 * sighting.noise.trace() / 2.0).sqrt() / dt;
                if let Some(plane) = &mut self.plane {
                    plane.set_velocity(velocity, sigma.min(config.blow_sigma_mps));
                }
            }
        }
    }

    fn start(&mut self, sighting: &Sighting, config: &config::Puck) {
        let plane = Plane::start(sighting.at_us, sighting.place_m, &sighting.noise, config.blow_sigma_mps);
        self.believe(plane, sighting);
    }

    fn believe(&mut self, plane: Plane, sighting: &Sighting) {
        self.plane = Some(plane);
        self.suspect = None;
        self.seen_us = self.seen_us.max(sighting.at_us);
        self.height_m = sighting.height_m.unwrap_or(self.height_m).max(0.0);
    }

    /// The puck at `now_us`, unless unseen for too long.
    pub(super) fn at(&self, now_us: i64, config: &config::Puck, rink: &Rink) -> Option<PuckState> {
        let plane = self.plane?;
        if now_us - self.seen_us > i64::from(config.held_ms_max) * 1_000 {
            return None;
        }
        let now = plane.at(now_us, manner(config));
        let [xx, _, yy] = now.covariance_m2();
        let [x, y] = within(rink, now.position_m(), -RADIUS_M);
        Some(PuckState {
            position_m: [x, y, self.height_m],
            velocity_mps: now.velocity_mps(),
            sigma_m: f64::midpoint(xx, yy).sqrt(),
        })
    }
}

fn manner(config: &config::Puck) -> Manner {
    Manner { acceleration_density: config.acceleration_density, drag_per_s: config.drag_per_s }
}

/// The place itself, or when it is more than `beyond_m` outside the boards the nearest there along the boards' slope.
pub(super) fn within(rink: &Rink, place_m: [f64; 2], beyond_m: f64) -> [f64; 2] {
    let over = rink.boards_distance(place_m) - beyond_m;
    if over <= 0.0 {
        return place_m;
    }
    // Slope of the distance by differences: it is smooth but for the straight parts' middle lines, far from boards.
    let step = 1e-4;
    let slope = [
        (rink.boards_distance([place_m[0] + step, place_m[1]]) - over - beyond_m) / step,
        (rink.boards_distance([place_m[0], place_m[1] + step]) - over - beyond_m) / step,
    ];
    [place_m[0] - over * slope[0], place_m[1] - over * slope[1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(at_ms: i64, x: f64) -> Sighting {
        let noise = Matrix2::identity() * 0.01;
        Sighting { at_us: at_ms * 1_000, place_m: [x, 0.0], noise, height_m: Some(0.0), peak_g: 0.0 }
    }

    /// Slides at 10 m/s from -10 m, seen every 20 ms until `until_ms`.
    fn sliding(until_ms: i64) -> (Puck, config::Puck) {
        let config = config::Puck::default();
        let mut puck = Puck::new();
        for at_ms in (0..=until_ms).step_by(20) {
            puck.see(&sighting(at_ms, -10.0 + at_ms as f64 * 0.01), &config);
        }
        (puck, config)
    }

    fn x(puck: &Puck, at_ms: i64) -> f64 {
        puck.at(at_ms * 1_000, &config::Puck::default(), &Rink::NHL).unwrap().position_m[0]
    }

    #[test]
    fn glides_on_for_a_while_then_is_unknown() {
        let (puck, config) = sliding(400);
        assert!((x(&puck, 500) + 5.0).abs() < 0.2, "{}", x(&puck, 500));
        assert_eq!(puck.at(900_000, &config, &Rink::NHL), None);
    }

    #[test]
    fn one_wrong_reading_is_forgotten_a_bounce_is_not() {
        let (mut puck, config) = sliding(400);
        puck.see(&sighting(420, 20.0), &config);
        assert!((x(&puck, 420) + 5.8).abs() < 0.2);
        puck.see(&sighting(440, -5.6), &config);
        assert!((x(&puck, 440) + 5.6).abs() < 0.2);
        // Bounced: goes back fast from where it was.
        for at_ms in [460, 480, 500, 520] {
            puck.see(&sighting(at_ms, -5.6 - (at_ms - 440) as f64 * 0.03), &config);
        }
        assert!((x(&puck, 520) + 8.0).abs() < 0.3, "{}", x(&puck, 520));
    }

    #[test]
    fn stays_inside_the_boards() {
        let rink = Rink::NHL;
        for place in [[40.0, 0.0], [0.0, -20.0], [31.0, 14.0], [-31.0, 14.0]] {
            let kept = within(&rink, place, -RADIUS_M);
            assert!((rink.boards_distance(kept) + RADIUS_M).abs() < 1e-3, "{place:?} became {kept:?}");
        }
        assert_eq!(within(&rink, [3.0, 4.0], -RADIUS_M), [3.0, 4.0]);
    }
}
