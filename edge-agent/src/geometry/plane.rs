//! The plain answer: a homography between the ice and the picture, by the normalised direct linear transform
//! (Hartley & Zisserman, *Multiple View Geometry*, 2nd ed., algorithm 4.2).
//!
//! Comes in: places on the ice and their pixels. Goes out: the matrix from ice to pixels. Knows no lens and no pose:
//! it is where [`pose`](super::pose) starts, and what it is measured against.

use super::solve::Point;
use nalgebra::{DMatrix, Matrix3, Vector3};

/// Ice (metres) to pixels, from at least four points; `None` when they do not determine it.
pub fn homography(points: &[Point]) -> Option<Matrix3<f64>> {
    if points.len() < 4 {
        return None;
    }
    let places = normaliser(points.iter().map(|point| point.place_m));
    let pixels = normaliser(points.iter().map(|point| point.pixel));
    let mut rows = DMatrix::<f64>::zeros((2 * points.len()).max(9), 9);
    for (index, point) in points.iter().enumerate() {
        let world = places * Vector3::new(point.place_m[0], point.place_m[1], 1.0);
        let seen = pixels * Vector3::new(point.pixel[0], point.pixel[1], 1.0);
        for axis in 0..3 {
            rows[(2 * index, axis)] = world[axis];
            rows[(2 * index, 6 + axis)] = -seen.x * world[axis];
            rows[(2 * index + 1, 3 + axis)] = world[axis];
            rows[(2 * index + 1, 6 + axis)] = -seen.y * world[axis];
        }
    }
    let decomposed = rows.svd(false, true);
    let smallest = decomposed.singular_values.imin();
    let solution = decomposed.v_t?.row(smallest).into_owned();
    let normalised = Matrix3::from_fn(|r, c| solution[3 * r + c]);
    Some(pixels.try_inverse()? * normalised * places)
}

/// Where `matrix` puts a point, and its third coordinate: the sign tells in front from behind.
pub fn apply(matrix: &Matrix3<f64>, point: [f64; 2]) -> ([f64; 2], f64) {
    let seen = matrix * Vector3::new(point[0], point[1], 1.0);
    ([seen.x / seen.z, seen.y / seen.z], seen.z)
}

/// Moves points to their centre and scales them to a mean distance of √2.
fn normaliser(points: impl Iterator<Item = [f64; 2]> + Clone) -> Matrix3<f64> {
    let count = points.clone().count() as f64;
    let [sx, sy] = points.clone().fold([0.0, 0.0], |sum, point| [sum[0] + point[0], sum[1] + point[1]]);
    let (cx, cy) = (sx / count, sy / count);
    let spread = points.map(|point| (point[0] - cx).hypot(point[1] - cy)).sum::<f64>() / count;
    let scale = std::f64::consts::SQRT_2 / spread.max(1e-9);
    Matrix3::new(scale, 0.0, -scale * cx, 0.0, scale, -scale * cy, 0.0, 0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_corners_give_their_map_back() {
        let truth = Matrix3::new(30.0, 4.0, 900.0, -2.0, 14.0, 500.0, 0.001, 0.01, 1.0);
        let points: Vec<Point> = [[0.0, 0.0], [20.0, 0.0], [20.0, 10.0], [-5.0, 12.0]]
            .iter()
            .map(|place| Point { name: String::new(), place_m: *place, pixel: apply(&truth, *place).0, wall: None })
            .collect();
        let (seen, _) = apply(&homography(&points).unwrap(), [7.0, 3.0]);
        let (expected, _) = apply(&truth, [7.0, 3.0]);
        assert!((seen[0] - expected[0]).hypot(seen[1] - expected[1]) < 1e-6, "{seen:?} {expected:?}");
    }
}
