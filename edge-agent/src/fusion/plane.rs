//! Something that moves in the plane of the ice: a Kalman filter of constant velocity with drag.
//!
//! Comes in: measured places with covariance and time. Goes out: place, velocity and their covariance at any later
//! time. Never looks back: a measurement from before the filter's time is carried forward by the velocity and trusted
//! less. Never fails: the covariance is kept symmetric.

use nalgebra::{Matrix2, Matrix2x4, Matrix4, Vector2, Vector4};

/// How it moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Manner {
    /// Density of random acceleration, m²/s³.
    pub acceleration_density: f64,
    /// Share of speed lost in a second, 1/s.
    pub drag_per_s: f64,
}

/// State of one moving thing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plane {
    /// When it is so, microseconds.
    pub at_us: i64,
    /// x, y, metres; then their speeds, m/s.
    state: Vector4<f64>,
    covariance: Matrix4<f64>,
}

impl Plane {
    /// Known place, unknown velocity.
    pub fn start(at_us: i64, place_m: [f64; 2], noise: &Matrix2<f64>, speed_sigma_mps: f64) -> Self {
        let mut covariance = Matrix4::identity() * speed_sigma_mps.powi(2);
        covariance.fixed_view_mut::<2, 2>(0, 0).copy_from(noise);
        Self { at_us, state: Vector4::new(place_m[0], place_m[1], 0.0, 0.0), covariance }
    }

    /// The same at `at_us`; an earlier moment changes nothing.
    #[must_use]
    pub fn at(&self, at_us: i64, manner: Manner) -> Self {
        let dt = (at_us - self.at_us) as f64 * 1e-6;
        if dt <= 0.0 {
            return *self;
        }
        let keep = (-manner.drag_per_s * dt).exp();
        let reach = if manner.drag_per_s > 1e-6 { (1.0 - keep) / manner.drag_per_s } else { dt };
        let mut step = Matrix4::identity();
        (step[(0, 2)], step[(1, 3)], step[(2, 2)], step[(3, 3)]) = (reach, reach, keep, keep);
        let mut covariance = step * self.covariance * step.transpose();
        let q = manner.acceleration_density;
        let (place, mixed, speed) = (q * dt * dt * dt / 3.0, q * dt * dt / 2.0, q * dt);
        for axis in 0..2 {
            covariance[(axis, axis)] += place;
            covariance[(axis, axis + 2)] += mixed;
            covariance[(axis + 2, axis)] += mixed;
            covariance[(axis + 2, axis + 2)] += speed;
        }
        Self { at_us, state: step * self.state, covariance }
    }

    /// Innovation of a measured place, and its covariance.
    fn innovation(&self, place_m: [f64; 2], noise: &Matrix2<f64>) -> (Vector2<f64>, Matrix2<f64>) {
        (Vector2::from(place_m) - self.state.fixed_rows::<2>(0), self.covariance.fixed_view::<2, 2>(0, 0) + noise)
    }

    /// How far off a measured place is, squared standard deviations.
    pub fn squared_sigmas(&self, place_m: [f64; 2], noise: &Matrix2<f64>) -> f64 {
        let (innovation, variance) = self.innovation(place_m, noise);
        let Some(inverse) = variance.try_inverse() else { return f64::INFINITY };
        (innovation.transpose() * inverse * innovation)[0]
    }

    /// Takes in a measured place at the filter's own time.
    pub fn update(&mut self, place_m: [f64; 2], noise: &Matrix2<f64>) {
        let (innovation, variance) = self.innovation(place_m, noise);
        let Some(inverse) = variance.try_inverse() else { return };
        let rows: Matrix2x4<f64> = self.covariance.fixed_rows::<2>(0).into_owned();
        let gain = rows.transpose() * inverse;
        self.state += gain * innovation;
        self.covariance -= gain * rows;
        self.covariance = (self.covariance + self.covariance.transpose()) * 0.5;
    }

    /// Place, metres.
    pub fn position_m(&self) -> [f64; 2] {
        [self.state[0], self.state[1]]
    }

    /// Velocity, m/s.
    pub fn velocity_mps(&self) -> [f64; 2] {
        [self.state[2], self.state[3]]
    }

    /// Covariance of the place, m²: xx, xy, yy.
    pub fn covariance_m2(&self) -> [f64; 3] {
        [self.covariance[(0, 0)], self.covariance[(0, 1)], self.covariance[(1, 1)]]
    }

    /// A measured place from `earlier_us` as it would be now, were the velocity right.
    pub fn carried(&self, place_m: [f64; 2], earlier_us: i64) -> [f64; 2] {
        let late_s = ((self.at_us - earlier_us) as f64 * 1e-6).max(0.0);
        [place_m[0] + self.state[2] * late_s, place_m[1] + self.state[3] * late_s]
    }

    /// The velocity may have changed by anything: a blow.
    pub fn struck(&mut self, speed_sigma_mps: f64) {
        for axis in 2..4 {
            self.covariance[(axis, axis)] += speed_sigma_mps.powi(2);
        }
    }

    /// Sets the velocity, as sure as `sigma_mps`.
    pub fn set_velocity(&mut self, velocity_mps: [f64; 2], sigma_mps: f64) {
        for (axis, speed_mps) in velocity_mps.into_iter().enumerate() {
            self.state[axis + 2] = speed_mps;
            for other in 0..4 {
                self.covariance[(axis + 2, other)] = 0.0;
                self.covariance[(other, axis + 2)] = 0.0;
            }
            self.covariance[(axis + 2, axis + 2)] = sigma_mps.powi(2);
        }
    }
}

/// Covariance xx, xy, yy as a matrix.
pub fn matrix(covariance_m2: [f64; 3]) -> Matrix2<f64> {
    Matrix2::new(covariance_m2[0], covariance_m2[1], covariance_m2[1], covariance_m2[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANNER: Manner = Manner { acceleration_density: 1.0, drag_per_s: 0.0 };

    #[test]
    fn learns_velocity_from_places() {
        let noise = Matrix2::identity() * 0.01;
        let mut plane = Plane::start(0, [0.0, 0.0], &noise, 5.0);
        for step in 1..=40 {
            plane = plane.at(step * 50_000, MANNER);
            plane.update([0.3 * step as f64, -0.1 * step as f64], &noise);
        }
        let [vx, vy] = plane.velocity_mps();
        assert!((vx - 6.0).abs() < 0.05 && (vy + 2.0).abs() < 0.05, "{vx} {vy}");
        assert!(plane.covariance_m2()[0] < 0.01);
        assert!(plane.squared_sigmas([12.0, -4.0], &noise) < 0.5);
        assert!(plane.squared_sigmas([14.0, -4.0], &noise) > 100.0);
    }

    #[test]
    fn drag_stops_it() {
        let mut plane = Plane::start(0, [0.0, 0.0], &Matrix2::identity(), 1.0);
        plane.set_velocity([10.0, 0.0], 1.0);
        let later = plane.at(60_000_000, Manner { drag_per_s: 1.0, ..MANNER });
        assert!((later.position_m()[0] - 10.0).abs() < 1e-6);
        assert_eq!(plane.at(-5, MANNER), plane, "time does not run backwards");
    }
}
