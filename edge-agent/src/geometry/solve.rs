//! Calibration: clicked landmarks to a [`Camera`], its error over the ice, or the reason why not.
//!
//! Comes in: points with their places on the ice. Goes out: [`Calibration`]. The error is leave-one-out: each point in
//! turn is placed by a camera solved without it. Its likely error elsewhere comes from the solution's own covariance.
//! Refuses what cannot be right: too few points, points on a line, a
//! mirror image, points that contradict each other.

use super::{
    Camera, plane,
    pose::{self, Covariance, Pose},
};

/// Points nearer than this to the line through two others are on it, metres.
const LINE_M: f64 = 0.5;
/// Share of the picture's width that points may contradict each other by (root mean square).
const CONTRADICTION_MAX: f64 = 0.02;

/// One landmark seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// What it is called.
    pub name: String,
    /// Where it is on the ice, metres.
    pub place_m: [f64; 2],
    /// Where it is seen, pixels.
    pub pixel: [f64; 2],
    /// Which way the boards face outward, for a landmark at their foot.
    pub wall: Option<[f64; 2]>,
}

/// How far off one landmark is.
#[derive(Debug, Clone, PartialEq)]
pub struct Miss {
    /// Which landmark.
    pub name: String,
    /// Between its place and where the camera puts its pixel, metres; infinite when that is not on the ice.
    pub error_m: f64,
}

/// A solved camera and how good it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// The camera; its `error_m` is the median of `left_out`.
    pub camera: Camera,
    /// Each point's error with itself among the points, metres.
    pub refit: Vec<Miss>,
    /// Each point's error when it is left out. Of four points three are left: what is known of arenas does the rest.
    pub left_out: Vec<Miss>,
    /// Root mean square of the points' errors in the picture, pixels.
    pub residual_px: f64,
    pub(super) covariance: Covariance,
}

impl Calibration {
    /// The likely error, metres (one standard deviation, both directions together), of what is seen at a place on the
    /// ice; `None` when the picture does not show it.
    pub fn likely_error_m(&self, place_m: [f64; 2]) -> Option<f64> {
        let pixel = self.camera.project([place_m[0], place_m[1], 0.0])?;
        let inside = |axis: usize, size: u32| (0.0..f64::from(size)).contains(&pixel[axis]);
        if !inside(0, self.camera.width) || !inside(1, self.camera.height) {
            return None;
        }
        pose::likely_error_m(&self.camera, &self.covariance, pixel)
    }
}

/// Why points do not make a camera.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SolveError {
    /// Too few points.
    #[error("{found} landmarks (at least 4): click more")]
    TooFew {
        /// How many there are.
        found: usize,
    },
    /// The same place or pixel twice.
    #[error("landmarks {first} and {second} are the same point: click each once")]
    Same {
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// No four of the points with no three on a line.
    #[error("the {found} landmarks lie on a line, or all but one do: click points to the left and right of it as well")]
    OnALine {
        /// How many there are.
        found: usize,
    },
    /// The ice would be seen from below.
    #[error(
        "the landmarks are a mirror image: the ice would be seen from below; the names' east and west (or north and south) are swapped for some or all of them"
    )]
    Mirrored,
    /// No camera explains them.
    #[error(
        "the landmarks contradict each other by {residual_px:.0} px (limit {limit_px:.0}); farthest off is {worst}: check its name and place"
    )]
    Contradiction {
        /// Root mean square, pixels.
        residual_px: f64,
        /// How much is allowed.
        limit_px: f64,
        /// The point that is farthest off.
        worst: String,
    },
    /// A pixel that is no number or far outside.
    #[error("landmark {name} is at ({x:.0}, {y:.0}), outside of a picture of {width}×{height}: check `--size`")]
    Outside {
        /// Which landmark.
        name: String,
        /// Column.
        x: f64,
        /// Row.
        y: f64,
        /// Width of the picture.
        width: u32,
        /// Height of the picture.
        height: u32,
    },
}

/// Solves a camera of `width` × `height` pixels.
pub fn solve(points: &[Point], width: u32, height: u32) -> Result<Calibration, SolveError> {
    check(points, width, height)?;
    let limit_px = CONTRADICTION_MAX * f64::from(width);
    let Some(Pose { mut camera, covariance, .. }) = pose::solve(points, width, height) else {
        let worst = points[0].name.clone();
        return Err(SolveError::Contradiction { residual_px: f64::from(width), limit_px, worst });
    };
    let square_px = |point: &Point| residual_px(&camera, point).powi(2);
    let residual_px = (points.iter().map(square_px).sum::<f64>() / points.len() as f64).sqrt();
    if residual_px > limit_px {
        return Err(SolveError::Contradiction { residual_px, limit_px, worst: farthest(&camera, points) });
    }
    let refit: Vec<Miss> = points.iter().map(|point| miss(&camera, point)).collect();
    let left_out: Vec<Miss> = (0..points.len())
        .map(|index| {
            let mut others = points.to_vec();
            let left = others.remove(index);
            // A point without which there is no camera is lost, not left away.
            pose::solve(&others, width, height).map_or_else(
                || Miss { name: left.name.clone(), error_m: f64::INFINITY },
                |pose| miss(&pose.camera, &left),
            )
        })
        .collect();
    camera.error_m = quantile(&left_out, 0.5);
    Ok(Calibration { camera, refit, left_out, residual_px, covariance })
}

/// The value below which the share `part` of the errors lies (nearest rank), metres.
pub fn quantile(misses: &[Miss], part: f64) -> f64 {
    let mut errors: Vec<f64> = misses.iter().map(|miss| miss.error_m).collect();
    errors.sort_by(f64::total_cmp);
    let rank = (part * errors.len() as f64).ceil() as usize;
    errors.get(rank.max(1) - 1).copied().unwrap_or(0.0)
}

pub(super) fn miss(camera: &Camera, point: &Point) -> Miss {
    let error_m = camera
        .to_ice(point.pixel)
        .map_or(f64::INFINITY, |place| (place[0] - point.place_m[0]).hypot(place[1] - point.place_m[1]));
    Miss { name: point.name.clone(), error_m }
}

pub(super) fn residual_px(camera: &Camera, point: &Point) -> f64 {
    camera
        .project(pose::clicked(camera, point).unwrap_or([point.place_m[0], point.place_m[1], 0.0]))
        .map_or(f64::from(camera.width), |seen| (seen[0] - point.pixel[0]).hypot(seen[1] - point.pixel[1]))
}

fn farthest(camera: &Camera, points: &[Point]) -> String {
    points
        .iter()
        .max_by(|a, b| residual_px(camera, a).total_cmp(&residual_px(camera, b)))
        .map_or_else(String::new, |point| point.name.clone())
}

fn check(points: &[Point], width: u32, height: u32) -> Result<(), SolveError> {
    let (w, h) = (f64::from(width), f64::from(height));
    for point in points {
        let [x, y] = point.pixel;
        // A landmark just outside can be told from the lines that lead to it.
        if !((-0.5 * w..=1.5 * w).contains(&x) && (-0.5 * h..=1.5 * h).contains(&y)) {
            return Err(SolveError::Outside { name: point.name.clone(), x, y, width, height });
        }
    }
    for (index, second) in points.iter().enumerate() {
        if let Some(first) = points[..index]
            .iter()
            .find(|first| distance(first.place_m, second.place_m) < LINE_M || distance(first.pixel, second.pixel) < 1.0)
        {
            return Err(SolveError::Same { first: first.name.clone(), second: second.name.clone() });
        }
    }
    if points.len() < 4 {
        return Err(SolveError::TooFew { found: points.len() });
    }
    if !spans(&points.iter().map(|point| point.place_m).collect::<Vec<_>>(), LINE_M)
        || !spans(&points.iter().map(|point| point.pixel).collect::<Vec<_>>(), w * 0.002)
    {
        return Err(SolveError::OnALine { found: points.len() });
    }
    if is_mirrored(points) {
        return Err(SolveError::Mirrored);
    }
    Ok(())
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Whether some four of the points have no three on a line.
fn spans(points: &[[f64; 2]], slack: f64) -> bool {
    let off_line = |a: usize, b: usize, c: usize| {
        let [p, q, r] = [points[a], points[b], points[c]];
        let area = ((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])).abs();
        area > slack * distance(p, q).max(distance(q, r)).max(distance(p, r))
    };
    let count = points.len();
    (0..count).any(|a| {
        (a + 1..count).any(|b| {
            (b + 1..count).any(|c| {
                off_line(a, b, c) && (c + 1..count).any(|d| off_line(a, b, d) && off_line(a, c, d) && off_line(b, c, d))
            })
        })
    })
}

/// Seen from above, a triangle that runs counter-clockwise on the ice runs clockwise in a picture whose rows count
/// downwards... and does so for every point in front of the camera. The homography's determinant, with the points in
/// front, tells which it is.
fn is_mirrored(points: &[Point]) -> bool {
    let Some(matrix) = plane::homography(points) else { return false };
    let in_front: f64 = points.iter().map(|point| plane::apply(&matrix, point.place_m).1.signum()).sum();
    // Ice seen from above by a picture whose rows count downwards turns round: a negative determinant.
    matrix.determinant() * in_front.signum() > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: [(&str, [f64; 2]); 9] = [
        ("dotEZ_E_N", [21.03, 6.7]),
        ("dotEZ_E_S", [21.03, -6.7]),
        ("post_E_N", [27.13, 0.91]),
        ("post_E_S", [27.13, -0.91]),
        ("goalBrd_E_N", [27.13, 11.2]),
        ("blue_E_N", [7.62, 12.95]),
        ("blue_E_S", [7.62, -12.95]),
        ("dotNZ_E_N", [6.1, 6.7]),
        ("center", [0.0, 0.0]),
    ];

    fn seen_by(camera: &Camera, count: usize) -> Vec<Point> {
        PLACES[..count]
            .iter()
            .map(|(name, place_m)| {
                let pixel = camera.project([place_m[0], place_m[1], 0.0]).unwrap();
                Point { name: (*name).into(), place_m: *place_m, pixel, wall: None }
            })
            .collect()
    }

    fn stand() -> Camera {
        Camera::looking_at(1920, 1080, 62.0, [3.0, -30.0, 11.0], [16.0, 0.0, 0.0])
    }

    fn refusal(points: &[Point]) -> String {
        solve(points, 1920, 1080).unwrap_err().to_string()
    }

    #[test]
    fn exact_points_give_the_camera_back() {
        let found = solve(&seen_by(&stand(), 9), 1920, 1080).unwrap();
        // What is known of arenas pulls a little, so not to the last digit.
        assert!(quantile(&found.left_out, 1.0) < 0.1, "{:?}", found.left_out);
        assert!((found.camera.position_m[2] - 11.0).abs() < 0.5, "{:?}", found.camera);
        assert!((found.camera.focal_px / stand().focal_px - 1.0).abs() < 0.05);
    }

    #[test]
    fn a_bent_lens_is_found_out() {
        let mut camera = stand();
        camera.distortion = [-0.25, 0.0];
        let found = solve(&seen_by(&camera, 9), 1920, 1080).unwrap();
        assert!((found.camera.distortion[0] + 0.25).abs() < 0.1, "{:?}", found.camera.distortion);
        assert!(found.camera.error_m < 0.05, "{}", found.camera.error_m);
    }

    #[test]
    fn four_points_are_enough() {
        let points = seen_by(&stand(), 9);
        let four = [&points[0], &points[1], &points[5], &points[6]].map(Clone::clone);
        let found = solve(&four, 1920, 1080).unwrap();
        assert!(quantile(&found.left_out, 0.5) < 1.0, "{:?}", found.left_out);
        assert!(found.residual_px < 5.0, "{}", found.residual_px);
    }

    #[test]
    fn what_cannot_be_right_is_refused_with_the_reason() {
        let points = seen_by(&stand(), 9);
        assert!(refusal(&points[..3]).contains("3 landmarks (at least 4)"));
        let line = [&points[2], &points[3], &points[4], &points[0]].map(Clone::clone);
        assert!(refusal(&line).contains("lie on a line"), "{}", refusal(&line));
        let mut mirrored = points.clone();
        for point in &mut mirrored {
            point.place_m[0] = -point.place_m[0];
        }
        assert!(refusal(&mirrored).contains("mirror image"), "{}", refusal(&mirrored));
        let mut twice = points.clone();
        twice.push(points[0].clone());
        assert!(refusal(&twice).contains("are the same point"));
        let mut swapped = points.clone();
        (swapped[1].pixel, swapped[5].pixel) = (points[5].pixel, points[1].pixel);
        assert!(solve(&swapped, 1920, 1080).is_err());
        let mut outside = points;
        outside[0].pixel[0] = 9_000.0;
        assert!(refusal(&outside).contains("check `--size`"));
    }
}
