//! A camera's pose, focal length and bend from points on the ice, by Levenberg–Marquardt from several starts.
//!
//! Comes in: points. Goes out: a [`Camera`] and what it costs. Every minimum is weighed with what is known of cameras
//! in arenas before any point is clicked: they hang level, above the ice, and their lenses are neither microscopes
//! nor fish eyes. With few points, or all in one corner of the picture, that knowledge is what holds the far end.

use super::{Camera, plane, solve::Point};
use nalgebra::{Matrix3, Rotation3, SMatrix, SVector, Vector3};

/// Turn (3), place (3), logarithm of the focal length, `k1`.
const PARAMETERS: usize = 8;
type Change = SVector<f64, PARAMETERS>;
type Normal = SMatrix<f64, PARAMETERS, PARAMETERS>;

/// One standard deviation of a click, pixels of a 1920 wide picture.
const CLICK_PX: f64 = 3.0;
/// Residuals beyond this many deviations count linearly (Huber), so that one wrong click does not turn the camera.
const HUBER: f64 = 2.0;
/// Cameras hang level to about two degrees.
const ROLL_RAD: f64 = 0.035;
/// Focal length ÷ width: 1.5 (37°), give or take a factor of two.
const FOCAL: (f64, f64) = (1.5, 0.7);
/// Height over the ice: 12 m, give or take a factor of two.
const HEIGHT_M: (f64, f64) = (12.0, 0.7);
/// From centre ice to the camera, metres: an arena's size.
const DISTANCE_M: f64 = 40.0;
/// `k1` of lenses sold for cameras.
const BEND: f64 = 0.1;

/// A solved pose.
#[derive(Debug, Clone)]
pub struct Pose {
    /// The camera.
    pub camera: Camera,
    /// Sum of squares, in deviations, with what is known beforehand.
    pub cost: f64,
    /// Inverse of the normal matrix: covariance of the parameters.
    pub covariance: Normal,
}

/// The pose that explains `points` best, `None` when no start leads anywhere. `bend` frees `k1`.
pub fn solve(points: &[Point], width: u32, height: u32, bend: bool, start: Option<&Camera>) -> Option<Pose> {
    let mut best: Option<Pose> = None;
    let begin = start.cloned().map_or_else(|| starts(points, width, height), |camera| vec![camera]);
    for camera in begin {
        if let Some(pose) = descend(camera, points, bend)
            && best.as_ref().is_none_or(|best| pose.cost < best.cost)
        {
            best = Some(pose);
        }
    }
    best
}

/// What the plain homography suggests at several focal lengths, and cameras along all four sides for when it is wild.
fn starts(points: &[Point], width: u32, height: u32) -> Vec<Camera> {
    let count = points.len() as f64;
    let middle = points
        .iter()
        .fold([0.0; 2], |sum, point| [sum[0] + point.place_m[0] / count, sum[1] + point.place_m[1] / count]);
    let matrix = plane::homography(points);
    let mut cameras: Vec<Camera> = [0.7, 1.2, 2.0, 3.5]
        .iter()
        .filter_map(|focal| decompose(&matrix?, middle, focal * f64::from(width), width, height))
        .collect();
    for place in [[0.0, -32.0], [0.0, 32.0], [48.0, 0.0], [-48.0, 0.0], [30.0, -28.0], [-30.0, -28.0]] {
        let target = [middle[0], middle[1], 0.0];
        cameras.push(Camera::looking_at(width, height, 40.0, [place[0], place[1], 12.0], target));
    }
    cameras
}

/// The camera of focal length `focal_px` whose first two axes come nearest to the homography's.
fn decompose(matrix: &Matrix3<f64>, middle: [f64; 2], focal_px: f64, width: u32, height: u32) -> Option<Camera> {
    let centre_px = [f64::from(width) / 2.0, f64::from(height) / 2.0];
    let lens = Matrix3::new(focal_px, 0.0, centre_px[0], 0.0, focal_px, centre_px[1], 0.0, 0.0, 1.0);
    let axes = lens.try_inverse()? * matrix;
    let length = 0.5 * (axes.column(0).norm() + axes.column(1).norm());
    let in_front = plane::apply(matrix, middle).1.signum();
    let axes = axes * (in_front / length);
    let (along, across) = (axes.column(0).into_owned(), axes.column(1).into_owned());
    let near = Matrix3::from_columns(&[along, across, along.cross(&across)]).svd(true, true);
    let turn = near.u? * near.v_t?;
    let place = -(turn.transpose() * axes.column(2));
    Some(Camera {
        width,
        height,
        focal_px,
        centre_px,
        distortion: [0.0; 2],
        position_m: [place.x, place.y, place.z],
        rotation: std::array::from_fn(|r| std::array::from_fn(|c| turn[(r, c)])),
        error_m: 0.0,
    })
}

fn descend(mut camera: Camera, points: &[Point], bend: bool) -> Option<Pose> {
    let click_px = CLICK_PX * f64::from(camera.width) / 1920.0;
    let mut damping = 1e-2;
    let (mut cost, mut normal, mut slope) = linearise(&camera, points, click_px, bend)?;
    for _ in 0..120 {
        let mut damped = normal;
        for axis in 0..PARAMETERS {
            damped[(axis, axis)] *= 1.0 + damping;
        }
        let change: Change = damped.cholesky()?.solve(&(-slope));
        let next = moved(&camera, &change);
        match linearise(&next, points, click_px, bend) {
            Some((lower, next_normal, next_slope)) if lower < cost => {
                let gained = cost - lower;
                (camera, cost, normal, slope) = (next, lower, next_normal, next_slope);
                damping = (damping * 0.3).max(1e-9);
                if gained < 1e-9 * cost {
                    break;
                }
            }
            _ => {
                damping *= 5.0;
                if damping > 1e9 {
                    break;
                }
            }
        }
    }
    let covariance = normal.try_inverse()?;
    Some(Pose { camera, cost, covariance })
}

/// The camera after a small change; turns are about the camera's own axes.
pub fn moved(camera: &Camera, change: &Change) -> Camera {
    let turn = Rotation3::new(Vector3::new(change[0], change[1], change[2])).matrix() * camera.rotation_matrix();
    // Rounding of hundreds of products: a rotation is kept one.
    let turn = Rotation3::from_matrix_eps(&turn, 1e-12, 10, Rotation3::from_matrix_unchecked(turn));
    let matrix = turn.matrix();
    Camera {
        rotation: std::array::from_fn(|r| std::array::from_fn(|c| matrix[(r, c)])),
        position_m: std::array::from_fn(|axis| camera.position_m[axis] + change[3 + axis]),
        focal_px: camera.focal_px * change[6].clamp(-1.0, 1.0).exp(),
        distortion: [camera.distortion[0] + change[7], 0.0],
        ..camera.clone()
    }
}

/// Cost, normal matrix and slope there; `None` when a point is behind the camera or the camera under the ice.
fn linearise(camera: &Camera, points: &[Point], click_px: f64, bend: bool) -> Option<(f64, Normal, Change)> {
    let (mut cost, mut normal, mut slope) = (0.0, Normal::zeros(), Change::zeros());
    let mut add = |residual: f64, row: &Change, huber: bool| {
        let weight = if huber && residual.abs() > HUBER { HUBER / residual.abs() } else { 1.0 };
        cost += if weight < 1.0 { 2.0 * HUBER * residual.abs() - HUBER * HUBER } else { residual * residual };
        normal += weight * row * row.transpose();
        slope += weight * residual * row;
    };
    let steps: [(Camera, f64); PARAMETERS] = std::array::from_fn(|axis| {
        let step = if axis < 3 { 1e-6 } else { 1e-5 };
        let mut change = Change::zeros();
        change[axis] = step;
        (moved(camera, &change), step)
    });
    for point in points {
        let at = [point.place_m[0], point.place_m[1], 0.0];
        let seen = camera.project(at)?;
        let mut rows = [Change::zeros(), Change::zeros()];
        for (axis, (stepped, step)) in steps.iter().enumerate() {
            if axis == 7 && !bend {
                continue;
            }
            let shifted = stepped.project(at)?;
            for side in 0..2 {
                rows[side][axis] = (shifted[side] - seen[side]) / step / click_px;
            }
        }
        for side in 0..2 {
            add((seen[side] - point.pixel[side]) / click_px, &rows[side], true);
        }
    }
    if camera.position_m[2] <= 0.1 {
        return None;
    }
    let known = |camera: &Camera| {
        [
            // The right-hand axis' rise: zero when level.
            camera.rotation[0][2] / ROLL_RAD,
            (camera.focal_px / f64::from(camera.width) / FOCAL.0).ln() / FOCAL.1,
            (camera.position_m[2] / HEIGHT_M.0).ln() / HEIGHT_M.1,
            camera.position_m[0] / DISTANCE_M,
            camera.position_m[1] / DISTANCE_M,
            camera.distortion[0] / BEND,
        ]
    };
    let here = known(camera);
    for (index, residual) in here.iter().enumerate() {
        let mut row = Change::zeros();
        for (axis, (stepped, step)) in steps.iter().enumerate() {
            row[axis] = (known(stepped)[index] - residual) / step;
        }
        add(*residual, &row, false);
    }
    if !bend {
        // Held so firmly that it does not move.
        normal[(7, 7)] += 1e12;
    }
    Some((cost, normal, slope))
}
