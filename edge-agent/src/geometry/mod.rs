//! Cameras and the ice: from pixels to metres and back.
//!
//! World: metres, origin at centre ice, x along the length, y across, z up. Camera: OpenCV's axes (x right, y down,
//! z forward), pinhole with two radial distortion terms (Brown–Conrady, as OpenCV's `k1`, `k2`).

pub mod plane;
pub mod prior;
pub mod pose;
pub mod solve;
pub mod lines;
pub mod trace;
pub mod candidates;
pub mod search;
pub mod bump;

use nalgebra::{Matrix2, Matrix3, Vector2, Vector3};
use serde::{Deserialize, Serialize};

/// A calibrated camera. This is also the calibration file, as TOML.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Camera {
    /// Picture width the calibration was made at, pixels.
    pub width: u32,
    /// Picture height the calibration was made at, pixels.
    pub height: u32,
    /// Focal length, pixels.
    pub focal_px: f64,
    /// Where the optical axis meets the picture, pixels.
    pub centre_px: [f64; 2],
    /// Radial distortion `k1`, `k2`.
    #[serde(default)]
    pub distortion: [f64; 2],
    /// Where the camera stands, metres.
    pub position_m: [f64; 3],
    /// World to camera rotation, row by row.
    pub rotation: [[f64; 3]; 3],
    /// Error over the ice found at calibration, metres; 0 for a simulated camera.
    #[serde(default)]
    pub error_m: f64,
}

/// Where a point of one picture is in another: `[a b c; d e f]`, x' = a x + b y + c, pixels.
pub type Affine = [[f32; 3]; 2];

/// A rectangle in a picture, pixels: left, top, width, height.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
}

impl Rect {
    /// Area, square pixels.
    pub fn area(&self) -> f32 {
        self.w * self.h
    }

    /// Where a standing person's skates meet the ice: the middle of the lower edge.
    pub fn foot(&self) -> [f64; 2] {
        [f64::from(self.x + self.w * 0.5), f64::from(self.y + self.h)]
    }

    /// Whether a point lies in it.
    pub fn contains(&self, x: f32, y: f32) -> bool {
        (self.x..self.x + self.w).contains(&x) && (self.y..self.y + self.h).contains(&y)
    }

    /// Intersection over union, 0 to 1.
    pub fn iou(&self, other: &Self) -> f32 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        if w <= 0.0 || h <= 0.0 {
            return 0.0;
        }
        let shared = w * h;
        shared / (self.area() + other.area() - shared)
    }
}

impl Camera {
    /// A camera at `position_m` that looks at `target_m`, horizon level, without distortion.
    ///
    /// `field_deg` is the horizontal angle of view.
    pub fn looking_at(width: u32, height: u32, field_deg: f64, position_m: [f64; 3], target_m: [f64; 3]) -> Self {
        let forward = (Vector3::from(target_m) - Vector3::from(position_m)).normalize();
        let right = forward.cross(&Vector3::z()).normalize();
        let down = forward.cross(&right);
        let row = |v: Vector3<f64>| [v.x, v.y, v.z];
        Self {
            width,
            height,
            focal_px: f64::from(width) / 2.0 / (field_deg.to_radians() / 2.0).tan(),
            centre_px: [f64::from(width) / 2.0, f64::from(height) / 2.0],
            distortion: [0.0; 2],
            position_m,
            rotation: [row(right), row(down), row(forward)],
            error_m: 0.0,
        }
    }

    pub(crate) fn rotation_matrix(&self) -> Matrix3<f64> {
        Matrix3::from_fn(|r, c| self.rotation[r][c])
    }

    /// The same camera for a picture of another size.
    #[must_use]
    pub fn scaled_to(&self, width: u32, height: u32) -> Self {
        let (sx, sy) = (f64::from(width) / f64::from(self.width), f64::from(height) / f64::from(self.height));
        Self {
            width,
            height,
            focal_px: self.focal_px * sx,
            centre_px: [self.centre_px[0] * sx, self.centre_px[1] * sy],
            ..self.clone()
        }
    }

    /// World point to pixel; `None` when it is behind the camera.
    pub fn project(&self, point_m: [f64; 3]) -> Option<[f64; 2]> {
        self.seen(self.rotation_matrix() * (Vector3::from(point_m) - Vector3::from(self.position_m)))
    }

    /// A direction in the camera's own axes to its pixel.
    pub(crate) fn seen(&self, direction: Vector3<f64>) -> Option<[f64; 2]> {
        if direction.z <= 1e-3 {
            return None;
        }
        let (x, y) = (direction.x / direction.z, direction.y / direction.z);
        let r2 = x * x + y * y;
        let bend = 1.0 + self.distortion[0] * r2 + self.distortion[1] * r2 * r2;
        Some([self.centre_px[0] + self.focal_px * x * bend, self.centre_px[1] + self.focal_px * y * bend])
    }

    /// A pixel's direction in the camera's own axes, one unit deep.
    pub(crate) fn direction(&self, pixel: [f64; 2]) -> Vector3<f64> {
        let (xd, yd) = ((pixel[0] - self.centre_px[0]) / self.focal_px, (pixel[1] - self.centre_px[1]) / self.focal_px);
        // Fixed-point inversion of the radial terms: OpenCV's undistortPoints does the same.
        let (mut x, mut y) = (xd, yd);
        for _ in 0..8 {
            let r2 = x * x + y * y;
            let bend = 1.0 + self.distortion[0] * r2 + self.distortion[1] * r2 * r2;
            (x, y) = (xd / bend, yd / bend);
        }
        Vector3::new(x, y, 1.0)
    }

    /// Pixel to the place on the plane `z = height_m`; `None` when the ray does not go down to it.
    pub fn to_plane(&self, pixel: [f64; 2], height_m: f64) -> Option<[f64; 2]> {
        let ray = self.rotation_matrix().transpose() * self.direction(pixel);
        let steps = (height_m - self.position_m[2]) / ray.z;
        (steps.is_finite() && steps > 0.0)
            .then(|| [self.position_m[0] + steps * ray.x, self.position_m[1] + steps * ray.y])
    }

    /// Pixel to the ice, metres.
    pub fn to_ice(&self, pixel: [f64; 2]) -> Option<[f64; 2]> {
        self.to_plane(pixel, 0.0)
    }

    /// Covariance on the ice, m², of a pixel known to `sigma_px` in both directions (first-order propagation).
    pub fn ice_covariance(&self, pixel: [f64; 2], sigma_px: f64) -> Option<Matrix2<f64>> {
        let at = Vector2::from(self.to_ice(pixel)?);
        let dx = (Vector2::from(self.to_ice([pixel[0] + 1.0, pixel[1]])?) - at) * sigma_px;
        let dy = (Vector2::from(self.to_ice([pixel[0], pixel[1] + 1.0])?) - at) * sigma_px;
        Some(dx * dx.transpose() + dy * dy.transpose() + Matrix2::identity() * self.error_m.powi(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_round_trip(camera: &Camera, place: [f64; 2]) {
        let pixel = camera.project([place[0], place[1], 0.0]).unwrap();
        let back = camera.to_ice(pixel).unwrap();
        assert!((back[0] - place[0]).hypot(back[1] - place[1]) < 1e-6, "{place:?} came back as {back:?}");
    }

    #[test]
    fn ice_to_pixel_and_back() {
        let mut camera = Camera::looking_at(1920, 1080, 70.0, [0.0, -28.0, 12.0], [0.0, 2.0, 0.0]);
        check_round_trip(&camera, [0.0, 0.0]);
        check_round_trip(&camera, [-20.0, 9.0]);
        camera.distortion = [-0.12, 0.02];
        check_round_trip(&camera, [12.0, -4.0]);
    }

    #[test]
    fn x_right_and_far_is_up() {
        let camera = Camera::looking_at(1920, 1080, 70.0, [0.0, -28.0, 12.0], [0.0, 0.0, 0.0]);
        let [left, near, far] =
            [[-5.0, 0.0, 0.0], [0.0, -5.0, 0.0], [0.0, 5.0, 0.0]].map(|p| camera.project(p).unwrap());
        assert!(left[0] < 960.0);
        assert!(far[1] < near[1]);
    }

    #[test]
    fn sky_is_not_ice() {
        let camera = Camera::looking_at(1920, 1080, 70.0, [0.0, -28.0, 12.0], [0.0, 2.0, 0.0]);
        assert_eq!(camera.to_ice([960.0, -3000.0]), None);
    }

    #[test]
    fn iou_of_halves() {
        let a = Rect { x: 0.0, y: 0.0, w: 2.0, h: 1.0 };
        let b = Rect { x: 1.0, y: 0.0, w: 2.0, h: 1.0 };
        assert!((a.iou(&b) - 1.0 / 3.0).abs() < 1e-6);
    }
}
