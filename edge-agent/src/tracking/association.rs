//! How dear it would be to join a detection to a track: 0 for a perfect fit, infinite for what cannot be.
//!
//! Comes in: a predicted box with its certainty, and a detection. Goes out: a cost in 0 to 1, plus prices. Overlap of
//! widened boxes tells neighbours apart; distance in standard deviations still speaks when a fast skater has left the
//! old box altogether. Never looks at more than one pair; never fails.

use super::{config::Association, motion::Moving};
use crate::{
    geometry::Rect,
    inference::{Class, Detection},
};

/// A track as far as joining is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// Where it should be now.
    pub rect: Rect,
    /// Variance of centre plus a detection's, across and down, as factors: 1/px².
    pub inverse_variance: [f32; 2],
    /// Of what.
    pub class: Class,
    /// What must be paid whatever the detection.
    pub price: f32,
}

impl Candidate {
    /// A track not seen for `unseen_s` seconds; `noise` a detection's variances, across and down, px².
    pub fn new(moving: &Moving, class: Class, unseen_s: f32, noise: [f32; 2], config: &Association) -> Self {
        Self {
            rect: moving.rect(),
            inverse_variance: [1.0 / (moving.x.variance + noise[0]), 1.0 / (moving.y.variance + noise[1])],
            class,
            price: config.unseen_price * (1.0 - (-unseen_s * 1e3 / config.unseen_ms).exp()),
        }
    }

    /// Cost of joining `detection`, infinite when it cannot be.
    pub fn cost(&self, detection: &Detection, config: &Association) -> f64 {
        let (a, b) = (&self.rect, &detection.rect);
        if (self.class == Class::Puck) != (detection.class == Class::Puck) {
            return f64::INFINITY;
        }
        let across = (b.x + b.w * 0.5) - (a.x + a.w * 0.5);
        let down = (b.y + b.h * 0.5) - (a.y + a.h * 0.5);
        let squared = across * across * self.inverse_variance[0] + down * down * self.inverse_variance[1];
        let gate = config.gate_sigmas * config.gate_sigmas;
        if squared > gate || a.h > b.h * config.height_ratio_max || b.h > a.h * config.height_ratio_max {
            return f64::INFINITY;
        }
        let overlap = widened(a, config.buffer).iou(&widened(b, config.buffer));
        let distance = (squared / gate).sqrt();
        let fit = config.overlap_weight * (1.0 - overlap) + (1.0 - config.overlap_weight) * distance;
        let kind = if self.class == detection.class { 0.0 } else { config.class_price };
        f64::from(fit + kind + self.price)
    }
}

/// A box made larger by `share` of its width and height on each side.
fn widened(rect: &Rect, share: f32) -> Rect {
    let (dx, dy) = (rect.w * share, rect.h * share);
    Rect { x: rect.x - dx, y: rect.y - dy, w: rect.w + 2.0 * dx, h: rect.h + 2.0 * dy }
}

#[cfg(test)]
mod tests {
    use super::super::config::Motion;
    use super::*;

    fn cost(across: f32, class: Class) -> f64 {
        let (motion, config) = (Motion::default(), Association::default());
        let rect = Rect { x: 100.0, y: 100.0, w: 40.0, h: 100.0 };
        let mut moving = Moving::start(&rect, &motion);
        moving.predict(1.0 / 30.0, &motion);
        let seen = Detection { rect: Rect { x: 100.0 + across, ..rect }, class, score: 0.9 };
        Candidate::new(&moving, Class::Skater, 0.0, moving.place_noise(&motion), &config).cost(&seen, &config)
    }

    #[test]
    fn nearer_is_cheaper() {
        assert!(cost(0.0, Class::Skater) < 1e-3);
        assert!(cost(5.0, Class::Skater) < cost(15.0, Class::Skater));
        assert!(cost(0.0, Class::Official) > cost(0.0, Class::Skater));
    }

    #[test]
    fn what_cannot_be_is_never_joined() {
        assert_eq!(cost(500.0, Class::Skater), f64::INFINITY);
        assert_eq!(cost(0.0, Class::Puck), f64::INFINITY);
    }
}
