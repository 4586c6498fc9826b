//! How a box moves: a Kalman filter of constant velocity across and down, and slowly changing width and height.
//!
//! Comes in: seconds passed, measured boxes. Goes out: where the box should be and how sure that is. The axes are
//! independent, so each is a 2×2 filter written out: no matrices, a few dozen multiplications a box. All noise is in
//! box heights, which makes near and far players, 720p and 4K alike. Never fails: covariances stay positive.

use super::config::Motion;
use crate::geometry::{Affine, Rect};

/// A coordinate and its speed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    /// Place, pixels.
    pub at: f32,
    /// Pixels per second.
    pub speed: f32,
    /// Variance of the place, px².
    pub variance: f32,
    covariance: f32,
    speed_variance: f32,
}

impl Axis {
    pub(super) fn start(at: f32, sigma: f32, speed_sigma: f32) -> Self {
        Self { at, speed: 0.0, variance: sigma * sigma, covariance: 0.0, speed_variance: speed_sigma * speed_sigma }
    }

    /// White-noise acceleration of density `q`, px²/s³.
    pub(super) fn predict(&mut self, dt_s: f32, q: f32) {
        self.at += self.speed * dt_s;
        self.variance +=
            dt_s * (2.0 * self.covariance + dt_s * self.speed_variance) + q * dt_s * dt_s * dt_s * (1.0 / 3.0);
        self.covariance += dt_s * self.speed_variance + q * dt_s * dt_s * 0.5;
        self.speed_variance += q * dt_s;
    }

    pub(super) fn update(&mut self, measured: f32, noise: f32) {
        let inverse = 1.0 / (self.variance + noise);
        let (gain, speed_gain) = (self.variance * inverse, self.covariance * inverse);
        let innovation = measured - self.at;
        self.at += gain * innovation;
        self.speed += speed_gain * innovation;
        self.speed_variance -= speed_gain * self.covariance;
        self.covariance *= 1.0 - gain;
        self.variance *= 1.0 - gain;
    }
}

/// A length that changes slowly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent {
    /// Pixels.
    pub at: f32,
    /// px².
    pub variance: f32,
}

impl Extent {
    fn update(&mut self, measured: f32, noise: f32) {
        let gain = self.variance / (self.variance + noise);
        self.at += gain * (measured - self.at);
        self.variance *= 1.0 - gain;
    }
}

/// A moving box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moving {
    /// Centre across.
    pub x: Axis,
    /// Centre down.
    pub y: Axis,
    /// Width.
    pub w: Extent,
    /// Height.
    pub h: Extent,
}

impl Moving {
    /// First sight of a box: place known as well as one detection, speed not at all.
    pub fn start(rect: &Rect, config: &Motion) -> Self {
        let (sigma, speed) = (config.place_sigma * rect.h, config.first_speed_sigma * rect.h);
        let extent = (config.size_sigma * rect.h).powi(2);
        Self {
            x: Axis::start(rect.x + rect.w * 0.5, sigma, speed),
            y: Axis::start(rect.y + rect.h * 0.5, sigma, speed),
            w: Extent { at: rect.w, variance: extent },
            h: Extent { at: rect.h, variance: extent },
        }
    }

    /// First sight through a camera that pans at `pan`, pixels per second: it may be following this one, who then stays
    /// where it is in the picture, or this one may stand on the ice. Halfway, and unsure by as much.
    pub fn start_beside(&mut self, pan: [f32; 2]) {
        for (axis, pan) in [&mut self.x, &mut self.y].into_iter().zip(pan) {
            axis.speed = -0.5 * pan;
            axis.speed_variance += 0.25 * pan * pan;
        }
    }

    /// On to a moment `dt_s` seconds later.
    pub fn predict(&mut self, dt_s: f32, config: &Motion) {
        let kept = 1.0 / (1.0 + dt_s * 1e3 / config.speed_memory_ms);
        self.x.speed *= kept;
        self.y.speed *= kept;
        let square = self.h.at * self.h.at;
        self.x.predict(dt_s, config.acceleration_density * square);
        // Filmed from the side, the ice is foreshortened: up and down is calmer than across.
        self.y.predict(dt_s, config.acceleration_density * config.down_ratio * square);
        let growth = config.size_density * square * dt_s;
        self.w.variance += growth;
        self.h.variance += growth;
    }

    /// Takes in a measured box; `score` says how exact it is.
    pub fn update(&mut self, rect: &Rect, score: f32, config: &Motion) {
        let doubt = (1.0 + config.doubt_sigma * (1.0 - score.clamp(0.0, 1.0))).powi(2);
        let place = self.place_noise(config).map(|noise| noise * doubt);
        let size = (config.size_sigma * self.h.at).powi(2) * doubt;
        self.x.update(rect.x + rect.w * 0.5, place[0]);
        self.y.update(rect.y + rect.h * 0.5, place[1]);
        self.w.update(rect.w, size);
        self.h.update(rect.h, size);
    }

    /// Moves the centre by so many pixels.
    pub fn shift(&mut self, by: [f32; 2]) {
        self.x.at += by[0];
        self.y.at += by[1];
    }

    /// Adds to the speed, pixels per second.
    pub fn hasten(&mut self, by: [f32; 2]) {
        self.x.speed += by[0];
        self.y.speed += by[1];
    }

    /// Goes where the camera's step takes it: place, speed and size.
    pub fn carry(&mut self, [[a, b, c], [d, e, f]]: &Affine) {
        let turned = |x: f32, y: f32| [a * x + b * y, d * x + e * y];
        let (at, speed) = (turned(self.x.at, self.y.at), turned(self.x.speed, self.y.speed));
        (self.x.at, self.y.at) = (at[0] + c, at[1] + f);
        (self.x.speed, self.y.speed) = (speed[0], speed[1]);
        let scale = (a * e - b * d).abs().sqrt();
        self.w.at *= scale;
        self.h.at *= scale;
    }

    /// Variances a measured centre has, across and down, px².
    pub fn place_noise(&self, config: &Motion) -> [f32; 2] {
        [
            (config.place_sigma * self.w.at).powi(2) + (config.across_sigma * self.h.at).powi(2),
            (config.place_sigma * self.h.at).powi(2),
        ]
    }

    /// The box.
    pub fn rect(&self) -> Rect {
        let (w, h) = (self.w.at.max(1.0), self.h.at.max(1.0));
        Rect { x: self.x.at - w * 0.5, y: self.y.at - h * 0.5, w, h }
    }

    /// One standard deviation of the foot point, pixels.
    pub fn foot_sigma(&self) -> [f32; 2] {
        [self.x.variance.sqrt(), (self.y.variance + 0.25 * self.h.variance).sqrt()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: f32) -> Rect {
        Rect { x, y: 100.0, w: 40.0, h: 100.0 }
    }

    /// Frame rate must not matter: the same motion gives the same speed at 30 and at 60 frames a second.
    fn check_speed(fps: f32) {
        let config = Motion::default();
        let mut moving = Moving::start(&rect(0.0), &config);
        for frame in 1..=(fps as i32 * 2) {
            moving.predict(1.0 / fps, &config);
            moving.update(&rect(150.0 * frame as f32 / fps), 1.0, &config);
        }
        assert!((moving.x.speed - 150.0).abs() < 3.0, "{} px/s at {fps} frames/s", moving.x.speed);
        assert!(moving.y.speed.abs() < 1.0);
    }

    #[test]
    fn learns_speed_at_any_frame_rate() {
        check_speed(30.0);
        check_speed(60.0);
        check_speed(12.5);
    }

    #[test]
    fn grows_unsure_while_unseen() {
        let config = Motion::default();
        let mut moving = Moving::start(&rect(0.0), &config);
        moving.update(&rect(0.0), 1.0, &config);
        let before = moving.foot_sigma();
        moving.predict(0.5, &config);
        assert!(moving.foot_sigma()[0] > 2.0 * before[0]);
        assert!(moving.foot_sigma()[1] > before[1]);
    }
}
