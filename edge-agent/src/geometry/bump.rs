//! Notices that a camera was turned: by how much, and what that costs on the ice.
//!
//! Comes in: every second or two the [`Shift`]s of patches of background against a picture from when the camera was
//! well. Goes out: a [`Verdict`]. Players, crowds and changing adverts move patches too, each its own way; a bumped
//! camera moves all of them as one turn would. So one turn is fitted to the shifts and what does not follow it is
//! weighed down. Never allocates once made; knows no pictures and no clock.

use super::Camera;
use nalgebra::{Matrix3, Rotation3, Vector3};

/// Most patches heard at once.
pub const SHIFTS_MAX: usize = 96;
/// Fewest patches that have to follow one turn. Six are twice what determines it.
const FOLLOWING_MIN: usize = 6;
/// Least share of the patches that have to follow it.
const SHARE_MIN: f64 = 0.3;
/// A patch follows within this, as a share of the picture's width: four pixels of 1920.
const FOLLOWS: f64 = 0.002;
/// A turn from here on is a bump, degrees. Wind and a slamming door stay below; half a degree is twice as much.
const BUMP_DEG: f64 = 0.25;
/// Readings kept, and how many of them have to agree on a bump: one wrong reading neither raises an alarm nor ends
/// one. All of them have to be of no use before the picture is called lost: people stand before a camera for a while.
const READINGS: usize = 5;
const AGREEING: usize = 3;

/// How far one patch of background has moved.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Shift {
    /// Its middle when the camera was well, pixels of the calibration's picture.
    pub pixel: [f64; 2],
    /// By how much it has moved, the same pixels.
    pub by_px: [f64; 2],
}

/// A turned camera.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bump {
    /// By how much, degrees.
    pub turn_deg: f64,
    /// Error of its places on the ice now: the median over the ice it sees, metres.
    pub error_m: f64,
    /// Nine in ten of them are nearer than this, metres.
    pub error_p90_m: f64,
}

/// How the camera stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// As it was, or too early to tell.
    Still,
    /// Turned.
    Bumped(Bump),
    /// Nothing of the picture is where it was, nor turned: dark, covered, or turned far away.
    Lost,
}

impl std::fmt::Display for Bump {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [median_cm, p90_cm] = [self.error_m, self.error_p90_m].map(|error_m| error_m * 100.0);
        write!(
            f,
            "moved by {:.1}°, error on the ice now {median_cm:.0} cm, {p90_cm:.0} cm at the far end",
            self.turn_deg
        )
    }
}

/// Watches one camera.
#[derive(Debug, Clone)]
pub struct Watch {
    camera: Camera,
    /// Places on the ice that the camera saw when it was well.
    places_m: Vec<[f64; 2]>,
    errors_m: Vec<f64>,
    /// The newest readings in a ring: a turn, or nothing that fits.
    readings: [Option<Vector3<f64>>; READINGS],
    heard: usize,
}

impl Watch {
    /// Watches `camera` as it was calibrated. Errors are told over those of the places on the ice that it sees.
    pub fn new(camera: Camera, places_m: impl IntoIterator<Item = [f64; 2]>) -> Self {
        let inside = |pixel: [f64; 2]| {
            (0.0..f64::from(camera.width)).contains(&pixel[0]) && (0.0..f64::from(camera.height)).contains(&pixel[1])
        };
        let places_m: Vec<[f64; 2]> = places_m
            .into_iter()
            .filter(|place| camera.project([place[0], place[1], 0.0]).is_some_and(inside))
            .collect();
        let errors_m = Vec::with_capacity(places_m.len());
        Self { camera, places_m, errors_m, readings: [None; READINGS], heard: 0 }
    }

    /// Hears one reading of at most [`SHIFTS_MAX`] shifts out of `patches` that were looked for.
    pub fn hear(&mut self, shifts: &[Shift], patches: usize) -> Verdict {
        self.readings[self.heard % READINGS] = turn(&self.camera, shifts, patches);
        self.heard += 1;
        let mut bumped = (0, Vector3::zeros());
        let mut lost = 0;
        // Oldest first, so that the newest bump is what is told.
        for back in (0..READINGS.min(self.heard)).rev() {
            match self.readings[(self.heard - 1 - back) % READINGS] {
                Some(turn) if turn.norm().to_degrees() >= BUMP_DEG => bumped = (bumped.0 + 1, turn),
                Some(_) => {}
                None => lost += 1,
            }
        }
        if bumped.0 >= AGREEING {
            return Verdict::Bumped(self.cost_of(bumped.1));
        }
        if lost == READINGS { Verdict::Lost } else { Verdict::Still }
    }

    /// What a turn costs: where places of the ice are seen now, read with the camera as it was.
    fn cost_of(&mut self, turn: Vector3<f64>) -> Bump {
        let rotation = Rotation3::new(turn) * Rotation3::from_matrix_unchecked(self.camera.rotation_matrix());
        let stand = Vector3::from(self.camera.position_m);
        self.errors_m.clear();
        for place in &self.places_m {
            let pixel = self.camera.seen(rotation * (Vector3::new(place[0], place[1], 0.0) - stand));
            if let Some(read) = pixel.and_then(|pixel| self.camera.to_ice(pixel)) {
                self.errors_m.push((read[0] - place[0]).hypot(read[1] - place[1]));
            }
        }
        self.errors_m.sort_unstable_by(f64::total_cmp);
        let part = |part: f64| {
            let rank = (part * self.errors_m.len() as f64).ceil() as usize;
            self.errors_m.get(rank.max(1) - 1).copied().unwrap_or(f64::INFINITY)
        };
        Bump { turn_deg: turn.norm().to_degrees(), error_m: part(0.5), error_p90_m: part(0.9) }
    }
}

/// The turn, radians about the camera's axes, that most of the shifts follow; `None` when they follow none.
fn turn(camera: &Camera, shifts: &[Shift], patches: usize) -> Option<Vector3<f64>> {
    let shifts = &shifts[..shifts.len().min(SHIFTS_MAX)];
    let needed = ((patches as f64 * SHARE_MIN).ceil() as usize).max(FOLLOWING_MIN);
    if shifts.len() < needed {
        return None;
    }
    // Near the middle a turn moves everything alike, so the medians are where to begin.
    let mut sorted = [0.0; SHIFTS_MAX];
    let mut median = |axis: usize| {
        for (out, shift) in sorted.iter_mut().zip(shifts) {
            *out = shift.by_px[axis];
        }
        let (_, middle, _) = sorted[..shifts.len()].select_nth_unstable_by(shifts.len() / 2, f64::total_cmp);
        *middle / camera.focal_px
    };
    let mut turn = Vector3::new(-median(1), median(0), 0.0);
    let follows_px = FOLLOWS * f64::from(camera.width);
    for _ in 0..12 {
        let (mut normal, mut slope) = (Matrix3::<f64>::identity() * 1e-6, Vector3::zeros());
        for shift in shifts {
            let Some(off) = off_px(camera, shift, turn) else { continue };
            let square = (off[0] * off[0] + off[1] * off[1]) / (follows_px * follows_px);
            // Geman–McClure: what is far off has no say at all.
            let weight = 1.0 / (1.0 + square).powi(2);
            let columns: [[f64; 2]; 3] = std::array::from_fn(|axis| {
                let mut step = turn;
                step[axis] += 1e-6;
                off_px(camera, shift, step)
                    .map_or([0.0; 2], |there| [0, 1].map(|side| (there[side] - off[side]) / 1e-6))
            });
            for side in 0..2 {
                let row = Vector3::new(columns[0][side], columns[1][side], columns[2][side]);
                normal += weight * row * row.transpose();
                slope += weight * off[side] * row;
            }
        }
        turn -= normal.cholesky()?.solve(&slope);
    }
    let following = shifts
        .iter()
        .filter_map(|shift| off_px(camera, shift, turn))
        .filter(|off| off[0].hypot(off[1]) < follows_px)
        .count();
    (following >= needed).then_some(turn)
}

/// How far from where it is seen the turn would put a patch, pixels.
fn off_px(camera: &Camera, shift: &Shift, turn: Vector3<f64>) -> Option<[f64; 2]> {
    let put = camera.seen(Rotation3::new(turn) * camera.direction(shift.pixel))?;
    Some([0, 1].map(|axis| put[axis] - shift.pixel[axis] - shift.by_px[axis]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera() -> Camera {
        Camera::looking_at(1920, 1080, 62.0, [0.0, -36.0, 13.0], [0.0, 0.0, 0.0])
    }

    fn ice() -> impl Iterator<Item = [f64; 2]> {
        (-14..=14).flat_map(|x| (-6..=6).map(move |y| [f64::from(x) * 2.0, f64::from(y) * 2.0]))
    }

    /// Patches all over the picture after a turn; every third moves its own way.
    fn shifts(camera: &Camera, turn_deg: [f64; 3]) -> Vec<Shift> {
        let turn = Rotation3::new(Vector3::from(turn_deg.map(f64::to_radians)));
        (0..40)
            .map(|index| {
                let pixel = [100.0 + f64::from(index % 8) * 240.0, 100.0 + f64::from(index / 8) * 220.0];
                let seen = camera.seen(turn * camera.direction(pixel)).unwrap();
                let own = if index % 3 == 0 { f64::from(index) - 20.0 } else { 0.0 };
                Shift { pixel, by_px: [seen[0] - pixel[0] + own, seen[1] - pixel[1] - own] }
            })
            .collect()
    }

    fn after(turn_deg: [f64; 3], readings: usize) -> Verdict {
        let mut watch = Watch::new(camera(), ice());
        let shifts = shifts(&camera(), turn_deg);
        (0..readings).fold(Verdict::Still, |_, _| watch.hear(&shifts, shifts.len()))
    }

    #[test]
    fn half_a_degree_any_way_is_a_bump_after_three_readings_and_not_before() {
        for turn_deg in [[0.5, 0.0, 0.0], [0.0, -0.5, 0.0], [0.0, 0.0, 0.5], [0.3, 0.3, -0.26]] {
            assert_eq!(after(turn_deg, 2), Verdict::Still);
            let Verdict::Bumped(bump) = after(turn_deg, 3) else { panic!("{turn_deg:?}") };
            assert!((bump.turn_deg - 0.5).abs() < 0.02, "{bump:?}");
            assert!(bump.error_m > 0.05 && bump.error_p90_m >= bump.error_m, "{bump:?}");
        }
    }

    #[test]
    fn the_error_on_the_ice_is_that_of_the_turned_camera() {
        // Half a degree sideways at 36 m is 31 cm.
        let Verdict::Bumped(bump) = after([0.0, 0.5, 0.0], 3) else { panic!() };
        assert!((0.25..0.45).contains(&bump.error_m), "{bump}");
        assert!(bump.to_string().starts_with("moved by 0.5°, error on the ice now 3"), "{bump}");
    }

    #[test]
    fn a_door_that_slams_is_no_bump_and_darkness_is_told() {
        assert_eq!(after([0.05, 0.05, 0.05], 9), Verdict::Still);
        let mut watch = Watch::new(camera(), ice());
        let still = shifts(&camera(), [0.0; 3]);
        let away = shifts(&camera(), [0.0, 1.0, 0.0]);
        for reading in [&still, &away, &still, &still, &away, &still, &still] {
            assert_eq!(watch.hear(reading, 40), Verdict::Still);
        }
        let dark: Vec<Verdict> = (0..5).map(|_| watch.hear(&[], 40)).collect();
        assert_eq!(dark[3..], [Verdict::Still, Verdict::Lost]);
    }
}
