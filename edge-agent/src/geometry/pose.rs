//! A camera's pose, focal length and bend from points on the ice, by Levenberg–Marquardt from several starts.
//!
//! Comes in: points, and places on painted lines if such were found. Goes out: a [`Camera`], what it costs and how sure it is. The minimum is the most probable camera:
//! points are weighed by Student's t, so that one wrong click does not turn the camera, and [`prior`](super::prior)
//! says what is known of cameras in arenas before any point is clicked.

use super::{
    Camera, plane,
    prior::{ARENAS, Arena},
    solve::Point,
};
use nalgebra::{Matrix3, Rotation3, SMatrix, SVector, Vector3};

/// Turn (3), place (3), logarithm of the focal length, `k1`.
const PARAMETERS: usize = 8;
type Change = SVector<f64, PARAMETERS>;
type Normal = SMatrix<f64, PARAMETERS, PARAMETERS>;
/// How sure the parameters are: turn, place, logarithm of the focal length, `k1`.
pub type Covariance = Normal;

/// One standard deviation of a click, pixels of a 1920 wide picture.
const CLICK_PX: f64 = 3.0;
/// Degrees of freedom of the clicks' distribution: four leaves a point ten deviations off a seventeenth of its say.
const FREEDOM: f64 = 4.0;
/// One standard deviation of a painted line's middle, pixels of a 1920 wide picture: found to half of one, painted to
/// within a few centimetres of where the rule book has it.
const EDGE_PX: f64 = 2.0;
/// How far each parameter is moved to see what it does: far above rounding, far below the bend of any curve here.
const STEP: f64 = 1e-6;
/// Most steps downhill: far more than any start here takes.
pub(super) const STEPS_MAX: usize = 120;
/// Height of the boards, metres (NHL rule 1.3: 42 inches): their foot is hidden from a camera behind them.
const BOARDS_M: f64 = 1.07;

/// A solved pose.
#[derive(Debug, Clone)]
pub struct Pose {
    /// The camera.
    pub camera: Camera,
    /// Twice the negative logarithm of the evidence, up to a constant.
    pub cost: f64,
    /// Inverse of the normal matrix: covariance of the parameters.
    pub covariance: Covariance,
}

/// One place of a painted line and where that line is seen nearby. Only the distance across the line counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// On the line, metres.
    pub place_m: [f64; 2],
    /// On the line as it is seen, pixels.
    pub pixel: [f64; 2],
    /// Across the line in the picture, of length one.
    pub normal: [f64; 2],
    /// How many independent readings it is worth.
    pub worth: f64,
}

/// The pose that explains `points` best, `None` when no start leads anywhere.
pub fn solve(points: &[Point], width: u32, height: u32) -> Option<Pose> {
    let mut best: Option<Pose> = None;
    let begin = starts(points, width, height);
    for arena in &ARENAS {
        for camera in &begin {
            if let Some(pose) = descend(camera.clone(), points, &[], arena, STEPS_MAX)
                && best.as_ref().is_none_or(|best| pose.cost < best.cost)
            {
                best = Some(pose);
            }
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

/// Goes downhill from `camera` for at most `steps_max` steps; `None` when there is no way.
pub(super) fn descend(
    mut camera: Camera,
    points: &[Point],
    edges: &[Edge],
    arena: &Arena,
    steps_max: usize,
) -> Option<Pose> {
    let click_px = CLICK_PX * f64::from(camera.width) / 1920.0;
    let mut damping = 1e-2;
    let (mut cost, mut normal, mut slope) = linearise(&camera, points, edges, click_px, arena)?;
    for _ in 0..steps_max {
        let mut damped = normal;
        for axis in 0..PARAMETERS {
            damped[(axis, axis)] *= 1.0 + damping;
        }
        let change: Change = damped.cholesky()?.solve(&(-slope));
        let next = moved(&camera, &change);
        match linearise(&next, points, edges, click_px, arena) {
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
    // The evidence for this arena (Laplace): the minimum, its width, and the arena's own price.
    let width = normal.cholesky()?.determinant().ln();
    Some(Pose { camera, cost: cost + width + arena.price(), covariance })
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

/// How far off the ice seen at `pixel` is likely to be, metres (one standard deviation, both directions together);
/// `None` when no ice is seen there.
pub fn likely_error_m(camera: &Camera, covariance: &Covariance, pixel: [f64; 2]) -> Option<f64> {
    let at = camera.to_ice(pixel)?;
    let mut rows = [Change::zeros(), Change::zeros()];
    for axis in 0..PARAMETERS {
        let mut change = Change::zeros();
        change[axis] = STEP;
        let there = moved(camera, &change).to_ice(pixel)?;
        for side in 0..2 {
            rows[side][axis] = (there[side] - at[side]) / STEP;
        }
    }
    Some(rows.iter().map(|row| (row.transpose() * covariance * row)[(0, 0)]).sum::<f64>().sqrt())
}

/// Cost, normal matrix and slope there; `None` when a point is behind the camera or the camera under the ice.
fn linearise(
    camera: &Camera,
    points: &[Point],
    edges: &[Edge],
    click_px: f64,
    arena: &Arena,
) -> Option<(f64, Normal, Change)> {
    if camera.position_m[2] <= 0.1 {
        return None;
    }
    let (mut cost, mut normal, mut slope) = (0.0, Normal::zeros(), Change::zeros());
    let stepped: [Camera; PARAMETERS] = std::array::from_fn(|axis| {
        let mut change = Change::zeros();
        change[axis] = STEP;
        moved(camera, &change)
    });
    for point in points {
        let at = clicked(camera, point)?;
        let seen = camera.project(at)?;
        let mut rows = [Change::zeros(), Change::zeros()];
        for (axis, stepped) in stepped.iter().enumerate() {
            let shifted = stepped.project(at)?;
            for side in 0..2 {
                rows[side][axis] = (shifted[side] - seen[side]) / STEP / click_px;
            }
        }
        let off = [0, 1].map(|side| (seen[side] - point.pixel[side]) / click_px);
        let (price, weight) = robust(off[0] * off[0] + off[1] * off[1]);
        cost += price;
        for (residual, row) in off.iter().zip(&rows) {
            normal += weight * row * row.transpose();
            slope += weight * *residual * row;
        }
    }
    let edge_px = click_px * EDGE_PX / CLICK_PX;
    for edge in edges {
        let at = [edge.place_m[0], edge.place_m[1], 0.0];
        let across = |pixel: [f64; 2]| {
            ((pixel[0] - edge.pixel[0]) * edge.normal[0] + (pixel[1] - edge.pixel[1]) * edge.normal[1]) / edge_px
        };
        let off = across(camera.project(at)?);
        let mut row = Change::zeros();
        for (axis, stepped) in stepped.iter().enumerate() {
            row[axis] = (across(stepped.project(at)?) - off) / STEP;
        }
        // Student's t again, in one dimension.
        let square = off * off;
        cost += edge.worth * (FREEDOM + 1.0) * (square / FREEDOM).ln_1p();
        let weight = edge.worth * (FREEDOM + 1.0) / (FREEDOM + square);
        normal += weight * row * row.transpose();
        slope += weight * off * row;
    }
    let here = arena.residuals(camera);
    for (index, residual) in here.iter().enumerate() {
        let mut row = Change::zeros();
        for (axis, stepped) in stepped.iter().enumerate() {
            row[axis] = (arena.residuals(stepped)[index] - residual) / STEP;
        }
        cost += residual * residual;
        normal += row * row.transpose();
        slope += *residual * row;
    }
    Some((cost, normal, slope))
}

/// Price and weight of a squared distance in deviations: Student's t in two dimensions.
fn robust(square: f64) -> (f64, f64) {
    ((FREEDOM + 2.0) * (square / FREEDOM).ln_1p(), (FREEDOM + 2.0) / (FREEDOM + square))
}

/// Where the point was clicked: at its place on the ice, or, for a camera behind the boards there, at their upper edge
/// if that fits better. `None` when it is behind the camera.
pub fn clicked(camera: &Camera, point: &Point) -> Option<[f64; 3]> {
    let [x, y] = point.place_m;
    let foot = [x, y, 0.0];
    let Some(out) = point.wall else { return Some(foot) };
    if (camera.position_m[0] - x) * out[0] + (camera.position_m[1] - y) * out[1] <= 0.0 {
        return Some(foot);
    }
    let off = |at: [f64; 3]| camera.project(at).map(|seen| (seen[0] - point.pixel[0]).hypot(seen[1] - point.pixel[1]));
    let edge = [x, y, BOARDS_M];
    Some(if off(edge)? < off(foot)? { edge } else { foot })
}
