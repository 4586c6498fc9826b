//! Watches whether a camera still stands as it was calibrated, by its own pictures.
//!
//! Comes in: frames, of which one every [`EVERY_US`] is looked at. Goes out: [`Verdict`]s of [`bump::Watch`]. The first
//! frame is kept, small and grey; in each later one its patches are looked for by normalised correlation, which heeds
//! neither brightness nor contrast (phase correlation would follow the sensor's fixed noise instead). Patches without
//! texture, such as bare ice, are left out. OpenCV keeps its own buffers; nothing else is allocated after the first
//! frame. A picture OpenCV refuses is passed on as its fault.

use crate::{
    geometry::{
        Camera,
        bump::{self, SHIFTS_MAX, Shift, Verdict},
    },
    rink::Rink,
};
use opencv::{
    core::{Mat, Point, Rect, Scalar, Size, mean_std_dev_def, min_max_loc, no_array},
    imgproc::{COLOR_BGR2GRAY, INTER_AREA, TM_CCOEFF_NORMED, cvt_color_def, match_template_def, resize},
    prelude::*,
};

/// One frame in two seconds: with three readings that agree, a bump is told six seconds after it, and watching costs a
/// hundredth of a core.
const EVERY_US: i64 = 2_000_000;
/// Width of the small picture. Half a degree is four pixels of it for a camera that sees the whole rink.
const WIDTH_PX: i32 = 480;
/// Side of a patch, and how far to each side it is looked for: two degrees for a camera that sees the whole rink.
/// What is turned farther is told as lost.
const PATCH_PX: i32 = 32;
const REACH_PX: i32 = 14;
/// From one patch to the next: sixty of them in a wide picture.
const PATCH_SPACING_PX: usize = 46;
/// Least spread of a patch's grey values (of 255) to be looked for.
const TEXTURE_MIN: f64 = 5.0;
/// Least correlation, of 1, to be found.
const LIKENESS_MIN: f64 = 0.6;

/// Watches one camera.
pub struct Watch {
    turns: bump::Watch,
    /// Pixels of the calibration's picture to one of the small picture.
    scale: f64,
    small_size: Size,
    kept: Option<Mat>,
    patches: Vec<Rect>,
    shifts: Vec<Shift>,
    shrunk: Mat,
    small: Mat,
    likeness: Mat,
    due_us: i64,
    verdict: Verdict,
}

impl Watch {
    /// Watches a camera that is now as it was calibrated.
    pub fn new(camera: Camera, rink: &Rink) -> Self {
        let scale = f64::from(camera.width) / f64::from(WIDTH_PX);
        let small_size = Size::new(WIDTH_PX, (f64::from(camera.height) / scale).round() as i32);
        Self {
            turns: bump::Watch::new(camera, rink.places()),
            scale,
            small_size,
            kept: None,
            patches: Vec::with_capacity(SHIFTS_MAX),
            shifts: Vec::with_capacity(SHIFTS_MAX),
            shrunk: Mat::default(),
            small: Mat::default(),
            likeness: Mat::default(),
            due_us: i64::MIN,
            verdict: Verdict::Still,
        }
    }

    /// Looks at a frame of `utc_us`, blue green red, when one is due. Gives how the camera stands.
    pub fn look(&mut self, image: &Mat, utc_us: i64) -> Result<Verdict, opencv::Error> {
        if utc_us < self.due_us {
            return Ok(self.verdict);
        }
        self.due_us = utc_us + EVERY_US;
        resize(image, &mut self.shrunk, self.small_size, 0.0, 0.0, INTER_AREA)?;
        cvt_color_def(&self.shrunk, &mut self.small, COLOR_BGR2GRAY)?;
        if self.kept.is_none() {
            choose(&self.small, &mut self.patches)?;
            self.kept = Some(self.small.clone());
            return Ok(self.verdict);
        }
        self.find()?;
        self.verdict = self.turns.hear(&self.shifts, self.patches.len());
        Ok(self.verdict)
    }

    /// Looks for the kept patches near where they were; those that are found become `shifts`.
    fn find(&mut self) -> Result<(), opencv::Error> {
        self.shifts.clear();
        let Some(kept) = &self.kept else { return Ok(()) };
        for patch in &self.patches {
            let side = PATCH_PX + 2 * REACH_PX;
            let area = Rect::new(patch.x - REACH_PX, patch.y - REACH_PX, side, side);
            let area = area & Rect::new(0, 0, self.small.cols(), self.small.rows());
            if area.width < PATCH_PX + 3 || area.height < PATCH_PX + 3 {
                continue;
            }
            let (at, like) = matched(&kept.roi(*patch)?, &self.small.roi(area)?, &mut self.likeness)?;
            if like < LIKENESS_MIN {
                continue;
            }
            let Some([x, y]) = between(&self.likeness, at)? else { continue };
            let half = f64::from(PATCH_PX) / 2.0;
            self.shifts.push(Shift {
                pixel: [f64::from(patch.x) + half, f64::from(patch.y) + half].map(|at| at * self.scale),
                by_px: [x + f64::from(area.x - patch.x), y + f64::from(area.y - patch.y)].map(|by| by * self.scale),
            });
        }
        Ok(())
    }
}

/// The patches with texture, at most [`SHIFTS_MAX`].
fn choose(small: &Mat, patches: &mut Vec<Rect>) -> Result<(), opencv::Error> {
    patches.clear();
    for top in (0..=small.rows() - PATCH_PX).step_by(PATCH_SPACING_PX) {
        for left in (0..=small.cols() - PATCH_PX).step_by(PATCH_SPACING_PX) {
            let rect = Rect::new(left, top, PATCH_PX, PATCH_PX);
            let (mut mean, mut spread) = (Scalar::default(), Scalar::default());
            mean_std_dev_def(&small.roi(rect)?, &mut mean, &mut spread)?;
            if spread[0] >= TEXTURE_MIN && patches.len() < SHIFTS_MAX {
                patches.push(rect);
            }
        }
    }
    Ok(())
}

/// Where in `area` the template is seen best, and how like it that is.
fn matched(
    template: &impl opencv::core::ToInputArray,
    area: &impl opencv::core::ToInputArray,
    likeness: &mut Mat,
) -> Result<(Point, f64), opencv::Error> {
    match_template_def(area, template, likeness, TM_CCOEFF_NORMED)?;
    let (mut like, mut at) = (0.0, Point::default());
    min_max_loc(likeness, None, Some(&mut like), None, Some(&mut at), &no_array())?;
    Ok((at, like))
}

/// The peak between whole pixels: a parabola through it and its neighbours. `None` at the edge, where it may be higher
/// outside.
fn between(likeness: &Mat, at: Point) -> Result<Option<[f64; 2]>, opencv::Error> {
    if at.x < 1 || at.y < 1 || at.x >= likeness.cols() - 1 || at.y >= likeness.rows() - 1 {
        return Ok(None);
    }
    let there = |dx: i32, dy: i32| likeness.at_2d::<f32>(at.y + dy, at.x + dx).map(|like| f64::from(*like));
    let top = there(0, 0)?;
    let past = |before: f64, after: f64| {
        let bend = before - 2.0 * top + after;
        if bend < -1e-9 { (0.5 * (before - after) / bend).clamp(-0.5, 0.5) } else { 0.0 }
    };
    let (x, y) = (past(there(-1, 0)?, there(1, 0)?), past(there(0, -1)?, there(0, 1)?));
    Ok(Some([f64::from(at.x) + x, f64::from(at.y) + y]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::{
        Game, Setup,
        render::{Look, Renderer},
    };
    use nalgebra::{Rotation3, Vector3};
    use opencv::core::CV_8UC3;

    const SEEDS: [u64; 3] = [3, 8, 21];

    fn camera() -> Camera {
        Camera::looking_at(960, 540, 70.0, [2.0, -34.0, 12.0], [2.0, -2.0, 0.0])
    }

    fn turned(turn_deg: [f64; 3]) -> Camera {
        let camera = camera();
        let turn = Rotation3::new(Vector3::from(turn_deg.map(f64::to_radians))).matrix() * camera.rotation_matrix();
        Camera { rotation: std::array::from_fn(|r| std::array::from_fn(|c| turn[(r, c)])), ..camera }
    }

    /// What is said of a film of `seconds` from 20 seconds before `bumped_s`; brightness and contrast are `light` at
    /// each second.
    fn film(seed: u64, turn_deg: [f64; 3], bumped_s: i64, light: impl Fn(i64) -> [f64; 2]) -> Vec<(i64, Verdict)> {
        let setup = Setup { seed, rink: Rink::NHL, game: 1 };
        let mut game = Game::new(setup);
        let mut eyes = [camera(), turned(turn_deg)].map(|c| Renderer::new(&c, Rink::NHL, Look::standard(seed)));
        let mut watch = Watch::new(camera(), &Rink::NHL);
        let mut drawn = Mat::new_rows_cols_with_default(540, 960, CV_8UC3, Scalar::all(0.0)).unwrap();
        let mut lit = Mat::default();
        (0..40)
            .step_by(2)
            .map(|second| {
                game.step_to(second * 1_000_000, |_| {});
                eyes[usize::from(second >= bumped_s)].render(game.truth(), drawn.data_bytes_mut().unwrap());
                let [contrast, brightness] = light(second);
                drawn.convert_to(&mut lit, CV_8UC3, contrast, brightness).unwrap();
                (second, watch.look(&lit, second * 1_000_000).unwrap())
            })
            .collect()
    }

    #[test]
    fn half_a_degree_is_noticed_within_thirty_seconds_with_its_error() {
        for (seed, turn_deg) in SEEDS.into_iter().zip([[0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.3, -0.3, 0.26]]) {
            let said = film(seed, turn_deg, 20, |_| [1.0, 0.0]);
            assert!(said.iter().filter(|(second, _)| *second < 20).all(|(_, v)| *v == Verdict::Still), "{said:?}");
            let first = said.iter().find_map(|(second, verdict)| match verdict {
                Verdict::Bumped(bump) => Some((*second, *bump)),
                _ => None,
            });
            let (second, bump) = first.unwrap_or_else(|| panic!("seed {seed}: {said:?}"));
            println!("seed {seed}, {turn_deg:?}: {} s after, {bump}", second - 20);
            assert!(second - 20 <= 30 && (bump.turn_deg - 0.5).abs() < 0.12, "{second} {bump:?}");
        }
    }

    #[test]
    fn a_turn_beyond_reach_is_told_as_lost() {
        let said = film(5, [0.0, 8.0, 0.0], 10, |_| [1.0, 0.0]);
        assert_eq!(said.last(), Some(&(38, Verdict::Lost)), "{said:?}");
    }

    #[test]
    fn lights_that_change_are_no_bump() {
        for seed in SEEDS {
            let flicker = |second: i64| [1.0 - 0.012 * second as f64, 3.0 * f64::from((second % 8) as u8) - 10.0];
            for (second, verdict) in film(seed, [0.0; 3], 100, flicker) {
                assert_eq!(verdict, Verdict::Still, "seed {seed} at {second} s");
            }
        }
    }
}
