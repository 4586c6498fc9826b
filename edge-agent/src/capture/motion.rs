//! What the camera did between two pictures, by following points of the background.
//!
//! Comes in: pictures in order of time, and boxes of people, whose points are not the background's. Goes out: where a
//! point of the picture before is in this one, as an [`Affine`] of turn, zoom and shift, in pixels of the picture as it
//! came; `None` when there is no saying: the first picture, a cut, or nothing to hold on to. Works on a grey copy
//! 480 wide, in two to three milliseconds of one core. The tracker takes the answer as an argument.

use crate::geometry::{Affine, Rect};
use opencv::{
    calib3d::{RANSAC, estimate_affine_partial_2d},
    core::{Mat, Point2f, Scalar, Size, TermCriteria, TermCriteria_COUNT, TermCriteria_EPS, Vector},
    imgproc::{COLOR_BGR2GRAY, INTER_AREA, INTER_NEAREST, cvt_color_def, good_features_to_track, rectangle, resize},
    prelude::*,
    video::calc_optical_flow_pyr_lk,
};

/// Width of the copy points are followed in: boards and faces still have corners there, noise has none.
const WIDTH_PX: i32 = 480;
/// Points followed: some fall on people, some are lost, and a dozen are enough.
const POINTS_MAX: i32 = 120;
/// Points that must agree before they are believed, and the share of those followed.
const AGREEING_MIN: usize = 12;
const AGREEING_SHARE_MIN: f64 = 0.4;
/// How far a point may be off the common motion, pixels of the copy.
const OFF_PX_MAX: f64 = 1.0;

/// Follows one camera.
#[derive(Debug, Default)]
pub struct CameraStep {
    small: Mat,
    grey: Mat,
    before: Mat,
    mask: Mat,
    points: Vector<Point2f>,
}

impl CameraStep {
    /// From the picture before to this one. `people` are boxes found in the picture before.
    pub fn step(&mut self, image: &Mat, people: &[Rect]) -> opencv::Result<Option<Affine>> {
        std::mem::swap(&mut self.before, &mut self.grey);
        let scale = f64::from(WIDTH_PX) / f64::from(image.cols().max(1));
        let height = (f64::from(image.rows()) * scale).round().max(1.0) as i32;
        // Every n-th pixel first: averaging two million of them would cost more than all the rest.
        let coarse = Size::new(WIDTH_PX * 2, height * 2);
        if image.cols() > coarse.width {
            let mut nearest = Mat::default();
            resize(image, &mut nearest, coarse, 0.0, 0.0, INTER_NEAREST)?;
            resize(&nearest, &mut self.small, Size::new(WIDTH_PX, height), 0.0, 0.0, INTER_AREA)?;
        } else {
            resize(image, &mut self.small, Size::new(WIDTH_PX, height), 0.0, 0.0, INTER_AREA)?;
        }
        cvt_color_def(&self.small, &mut self.grey, COLOR_BGR2GRAY)?;
        if self.before.size()? != self.grey.size()? {
            return Ok(None);
        }
        self.corners(people, scale as f32)?;
        if self.points.len() < AGREEING_MIN {
            return Ok(None);
        }
        self.follow(scale)
    }

    /// Corners of the picture before that are not on people.
    fn corners(&mut self, people: &[Rect], scale: f32) -> opencv::Result<()> {
        self.mask = Mat::new_size_with_default(self.before.size()?, opencv::core::CV_8UC1, Scalar::all(255.0))?;
        for rect in people {
            let [x, y, w, h] = [rect.x, rect.y, rect.w, rect.h].map(|length| (length * scale) as i32);
            let hidden = opencv::core::Rect::new(x - 2, y - 2, w + 4, h + 4);
            rectangle(&mut self.mask, hidden, Scalar::all(0.0), -1, 8, 0)?;
        }
        good_features_to_track(&self.before, &mut self.points, POINTS_MAX, 0.01, 12.0, &self.mask, 3, false, 0.04)
    }

    fn follow(&self, scale: f64) -> opencv::Result<Option<Affine>> {
        let (mut found, mut status, mut errors) = (Vector::<Point2f>::new(), Vector::<u8>::new(), Vector::<f32>::new());
        let enough = TermCriteria::new(TermCriteria_COUNT + TermCriteria_EPS, 15, 0.03)?;
        let window = Size::new(15, 15);
        calc_optical_flow_pyr_lk(
            &self.before,
            &self.grey,
            &self.points,
            &mut found,
            &mut status,
            &mut errors,
            window,
            3,
            enough,
            0,
            1e-4,
        )?;
        let (mut from, mut to) = (Vector::<Point2f>::new(), Vector::<Point2f>::new());
        for ((a, b), _) in self.points.iter().zip(&found).zip(&status).filter(|(_, status)| *status == 1) {
            from.push(a);
            to.push(b);
        }
        if from.len() < AGREEING_MIN {
            return Ok(None);
        }
        let mut agreeing = Vector::<u8>::new();
        let matrix = estimate_affine_partial_2d(&from, &to, &mut agreeing, RANSAC, OFF_PX_MAX, 500, 0.99, 5)?;
        let believed = agreeing.iter().filter(|agrees| *agrees != 0).count();
        if matrix.empty() || believed < AGREEING_MIN || (believed as f64) < AGREEING_SHARE_MIN * from.len() as f64 {
            return Ok(None);
        }
        let at = |row: i32, column: i32| matrix.at_2d::<f64>(row, column).map(|value| *value as f32);
        let back = 1.0 / scale as f32;
        Ok(Some([[at(0, 0)?, at(0, 1)?, at(0, 2)? * back], [at(1, 0)?, at(1, 1)?, at(1, 2)? * back]]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencv::{
        core::{BORDER_REFLECT, CV_8UC3},
        imgproc::{INTER_LINEAR, gaussian_blur_def, warp_affine},
    };
    use rand::{Rng, SeedableRng};

    fn noise() -> Mat {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let mut small = Mat::new_rows_cols_with_default(54, 96, CV_8UC3, Scalar::all(0.0)).unwrap();
        small.data_bytes_mut().unwrap().iter_mut().for_each(|value| *value = random.random());
        let (mut large, mut soft) = (Mat::default(), Mat::default());
        resize(&small, &mut large, Size::new(1920, 1080), 0.0, 0.0, INTER_LINEAR).unwrap();
        gaussian_blur_def(&large, &mut soft, Size::new(5, 5), 1.0).unwrap();
        soft
    }

    #[test]
    fn a_pan_with_zoom_is_told_and_a_cut_is_not() {
        let before = noise();
        let truth: Affine = [[1.01, 0.005, 17.0], [-0.005, 1.01, -6.0]];
        let matrix = Mat::from_slice_2d(&truth).unwrap();
        let mut after = Mat::default();
        warp_affine(
            &before,
            &mut after,
            &matrix,
            before.size().unwrap(),
            INTER_LINEAR,
            BORDER_REFLECT,
            Scalar::default(),
        )
        .unwrap();
        let mut camera = CameraStep::default();
        let people = [Rect { x: 300.0, y: 300.0, w: 100.0, h: 250.0 }];
        assert_eq!(camera.step(&before, &people).unwrap(), None);
        let found = camera.step(&after, &people).unwrap().unwrap();
        for (x, y) in [(0.0, 0.0), (1920.0, 0.0), (960.0, 1080.0)] {
            for (row, true_row) in found.iter().zip(&truth) {
                let off = (row[0] - true_row[0]) * x + (row[1] - true_row[1]) * y + row[2] - true_row[2];
                assert!(off.abs() < 1.5, "{off} px at {x} {y}: {found:?}");
            }
        }
        let other = Mat::new_rows_cols_with_default(1080, 1920, CV_8UC3, Scalar::all(90.0)).unwrap();
        assert_eq!(camera.step(&other, &people).unwrap(), None);
    }
}
