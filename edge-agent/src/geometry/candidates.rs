//! Cameras worth laying over a picture's lines: on a grid of places, directions and lenses, or through clicked points.
//!
//! Comes in: the sheet of dabs, the lines' pieces, a [`Side`] or points. Goes out: cameras, the most promising first and
//! no two alike. Promises only: which of them is right is for [`search`](super::search) to say.

use super::{
    Camera,
    lines::{Piece, Sheet, View},
    pose,
    prior::Arena,
    solve::{self, Point, SolveError},
};

/// Candidates kept.
const ROUGH: usize = 500;
/// What each pixel of an expected line costs: where a third of them is found chance is at work.
pub(super) const PRICE: f64 = 0.35;
/// How far off a line may be to be a hint, pixels of a 1920 wide picture.
const HINT_PX: f64 = 60.0;
/// Cameras that place what they see nearer to each other than this are one, metres.
pub(super) const SAME_M: f64 = 1.5;

/// Pixels to compare cameras at, shares of the picture's width and height: where ice is, if it is anywhere.
pub(super) const PIXELS: [[f64; 2]; 5] = [[0.2, 0.45], [0.8, 0.45], [0.5, 0.6], [0.15, 0.85], [0.85, 0.85]];

/// On which side of the rink a camera stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Behind the east goal, +x.
    East,
    /// Behind the west goal, −x.
    West,
    /// Along the north boards, +y.
    North,
    /// Along the south boards, −y.
    South,
}

/// As [`gain`], by distance alone and the more the nearer: a hint of the way for a camera that is metres off.
fn promise(camera: &Camera, pieces: &[Piece], sheet: &Sheet) -> f64 {
    let (view, reach_px) = (View::new(camera), HINT_PX * f64::from(camera.width) / 1920.0);
    let worth = |piece: &Piece| {
        view.see(piece).map_or(0.0, |sight| {
            let near = 1.0 - (sheet.distance_px(piece.paint, sight.pixel) / reach_px).min(1.0);
            sight.length_px * (near - PRICE)
        })
    };
    pieces.iter().map(worth).sum()
}

/// The most promising cameras of a side.
pub(super) fn on_grid(pieces: &[Piece], sheet: &Sheet, side: Side, width: u32, height: u32) -> Vec<(f64, Camera)> {
    let mut all = Vec::new();
    for place in side.places() {
        for target in targets() {
            for zoom in 0..9 {
                let mut camera = Camera::looking_at(width, height, 60.0, place, target);
                camera.focal_px = 0.5 * 1.27f64.powi(zoom) * f64::from(width);
                all.push((promise(&camera, pieces, sheet), camera));
            }
        }
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    unlike(all, ROUGH)
}

/// Cameras all around the rink that see the clicked points where they were clicked.
pub(super) fn through(
    clicks: &[Point],
    pieces: &[Piece],
    sheet: &Sheet,
    width: u32,
    height: u32,
) -> Result<Vec<(f64, Camera)>, SolveError> {
    let mut all = Vec::new();
    match solve::solve(clicks, width, height) {
        Ok(solved) => all.push((f64::INFINITY, solved.camera)),
        // Lines help where points are too few; they cannot help points that are wrong.
        Err(SolveError::TooFew { .. } | SolveError::OnALine { .. }) => {}
        Err(fault) => return Err(fault),
    }
    let count = clicks.len() as f64;
    let middle = clicks
        .iter()
        .fold([0.0; 3], |sum, click| [sum[0] + click.place_m[0] / count, sum[1] + click.place_m[1] / count, 0.0]);
    let sides = [Side::East, Side::West, Side::North, Side::South];
    for place in sides.into_iter().flat_map(Side::places) {
        let camera = Camera::looking_at(width, height, 40.0, place, middle);
        if let Some(pose) = pose::descend(camera, clicks, &[], &Arena::about(place), pose::STEPS_MAX) {
            // A camera that does not see the points where they are is none.
            let off = clicks.iter().map(|click| solve::residual_px(&pose.camera, click)).sum::<f64>() / count;
            if off < 0.03 * f64::from(width) {
                all.push((promise(&pose.camera, pieces, sheet), pose.camera));
            }
        }
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    Ok(unlike(all, ROUGH))
}

/// At most `count` of the cameras, best first, no two of them alike.
pub(super) fn unlike(sorted: Vec<(f64, Camera)>, count: usize) -> Vec<(f64, Camera)> {
    let mut kept: Vec<(f64, Camera)> = Vec::new();
    for (score, camera) in sorted {
        if kept.len() == count {
            break;
        }
        if kept.iter().all(|(_, other)| apart_m(other, &camera) > SAME_M) {
            kept.push((score, camera));
        }
    }
    kept
}

/// How differently two cameras place what they see on the ice, metres: the mean over a few pixels, at most 50.
pub(super) fn apart_m(one: &Camera, other: &Camera) -> f64 {
    let [w, h] = [f64::from(one.width), f64::from(one.height)];
    let apart = |[x, y]: [f64; 2]| match (one.to_ice([x * w, y * h]), other.to_ice([x * w, y * h])) {
        (Some(a), Some(b)) => (a[0] - b[0]).hypot(a[1] - b[1]).min(50.0),
        (None, None) => 0.0,
        _ => 50.0,
    };
    PIXELS.map(apart).iter().sum::<f64>() / PIXELS.len() as f64
}

/// What a camera may look at: every few metres of the ice.
fn targets() -> impl Iterator<Item = [f64; 3]> {
    (-8..=8).flat_map(|x| (-2..=3).map(move |y| [3.2 * f64::from(x), 3.6 * f64::from(y) - 1.8, 0.0]))
}

impl Side {
    /// Whether that place is on this side.
    pub(super) fn holds(self, [x, y, _]: [f64; 3]) -> bool {
        match self {
            Self::East => x > 0.0,
            Self::West => x < 0.0,
            Self::North => y > 0.0,
            Self::South => y < 0.0,
        }
    }

    /// Places to try: from just behind the boards to the back of the stands, from a scaffold to the roof.
    fn places(self) -> Vec<[f64; 3]> {
        let (boards, along, out) = match self {
            Self::East | Self::West => (30.5, [-10.0, 0.0, 10.0].as_slice(), self == Self::East),
            Self::North | Self::South => {
                (13.5, [-24.0, -16.0, -8.0, 0.0, 8.0, 16.0, 24.0].as_slice(), self == Self::North)
            }
        };
        let sign = if out { 1.0 } else { -1.0 };
        let mut all = Vec::new();
        for &along in along {
            for (behind, heights) in [(4.0, [4.0, 7.0, 11.0]), (12.0, [5.0, 9.0, 14.0]), (24.0, [8.0, 13.0, 19.0])] {
                for height in heights {
                    let away = sign * (boards + behind);
                    all.push(match self {
                        Self::East | Self::West => [away, along, height],
                        Self::North | Self::South => [along, away, height],
                    });
                }
            }
        }
        all
    }
}
