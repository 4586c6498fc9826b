//! What the camera does: motion that all boxes of a frame share, told apart from what each does by itself.
//!
//! Comes in: seconds passed, and by how much each box was found beside where it should be (innovations). Goes out: the
//! shift all boxes have in common, and its speed. A pan is seen by everybody at once, so the middle innovation knows
//! it several times better than any single box; a filter of constant velocity keeps jitter out of it. A box's own
//! speed is then relative to the camera's. Where pictures are there, [`Affine`](crate::geometry::Affine) says the camera's step outright.

use super::{config::Motion, motion::Axis};

/// Boxes needed before what they have in common is believed to be the camera's.
const BOXES_MIN: usize = 7;
/// Spread of a median of normal numbers, against that of their mean: variance times π / 2.
const MEDIAN_VARIANCE: f32 = std::f32::consts::FRAC_PI_2;
/// Median absolute deviation to one standard deviation.
const DEVIATION_SIGMA: f32 = 1.4826;

/// The camera's motion across and down.
#[derive(Debug, Clone)]
pub struct CameraMotion {
    axes: [Axis; 2],
    innovations: [Vec<f32>; 2],
    deviations: Vec<f32>,
}

impl CameraMotion {
    /// A camera that rests; room for `boxes_max` boxes a frame.
    pub fn new(boxes_max: usize) -> Self {
        Self {
            axes: [Axis::start(0.0, 0.0, 0.0); 2],
            innovations: std::array::from_fn(|_| Vec::with_capacity(boxes_max)),
            deviations: Vec::with_capacity(boxes_max),
        }
    }

    /// On by `dt_s` seconds; answers the expected shift, pixels. `height` is a usual box's.
    pub fn predict(&mut self, dt_s: f32, height: f32, config: &Motion) -> [f32; 2] {
        let density = config.camera_density * height * height;
        self.innovations.iter_mut().for_each(Vec::clear);
        self.axes.each_mut().map(|axis| {
            axis.at = 0.0;
            axis.predict(dt_s, density);
            axis.at
        })
    }

    /// The pictures told its speed, pixels per second: what to expect when they next do not.
    pub fn told(&mut self, speed: [f32; 2]) {
        for (axis, speed) in self.axes.iter_mut().zip(speed) {
            *axis = Axis::start(0.0, 0.0, 0.0);
            axis.speed = speed;
        }
    }

    /// One box was found this far beside where it should be.
    pub fn saw(&mut self, innovation: [f32; 2]) {
        for (kept, value) in self.innovations.iter_mut().zip(innovation) {
            kept.push(value);
        }
    }

    /// What all boxes must be moved by, pixels; nothing when too few were seen.
    pub fn settle(&mut self) -> [f32; 2] {
        let mut shift = [0.0; 2];
        if self.innovations[0].len() < BOXES_MIN {
            return shift;
        }
        for ((axis, innovations), shift) in self.axes.iter_mut().zip(&mut self.innovations).zip(&mut shift) {
            let common = median(innovations);
            self.deviations.clear();
            self.deviations.extend(innovations.iter().map(|value| (value - common).abs()));
            let sigma = DEVIATION_SIGMA * median(&mut self.deviations);
            let noise = MEDIAN_VARIANCE * sigma * sigma / innovations.len() as f32;
            let before = axis.at;
            axis.update(before + common, noise.max(1e-4));
            *shift = axis.at - before;
        }
        shift
    }

    /// Gives up a share of the speed; answers what every box must take on instead.
    ///
    /// Only the sum of both is ever seen, so the share is free: without this it would wander off.
    pub fn give_up(&mut self, share: f32) -> [f32; 2] {
        self.axes.each_mut().map(|axis| {
            let given = axis.speed * share;
            axis.speed -= given;
            given
        })
    }

    /// Pixels per second.
    pub fn speed(&self) -> [f32; 2] {
        self.axes.map(|axis| axis.speed)
    }
}

/// The middle one; reorders. Not of nothing.
fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A steady pan of `true_px_s`, seen by nine boxes of which two are somebody else's.
    fn pan(true_px_s: f32) -> CameraMotion {
        let (config, dt_s) = (Motion::default(), 1.0 / 30.0);
        let mut camera = CameraMotion::new(16);
        for _ in 0..30 {
            let expected = camera.predict(dt_s, 100.0, &config);
            for box_number in 0..9 {
                let stray = if box_number < 2 { 80.0 } else { (box_number as f32 - 5.0) * 0.5 };
                camera.saw([true_px_s * dt_s - expected[0] + stray, stray * 0.1 - expected[1]]);
            }
            camera.settle();
        }
        camera
    }

    #[test]
    fn a_pan_is_learned_from_what_boxes_share() {
        let camera = pan(300.0);
        assert!((camera.speed()[0] - 300.0).abs() < 30.0, "{:?}", camera.speed());
        assert!(camera.speed()[1].abs() < 5.0, "{:?}", camera.speed());
    }

    #[test]
    fn a_few_boxes_say_nothing() {
        let mut camera = CameraMotion::new(16);
        camera.predict(0.03, 100.0, &Motion::default());
        (0..3).for_each(|_| camera.saw([50.0, 0.0]));
        assert_eq!(camera.settle(), [0.0; 2]);
    }
}
