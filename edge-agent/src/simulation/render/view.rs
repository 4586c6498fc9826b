//! A camera in single precision, for the drawing loops.

use super::vector::{Vector, dot, subtract};
use crate::geometry::Camera;

/// Nearest thing drawn, metres along the optical axis.
const NEAREST_M: f32 = 0.25;

/// What drawing asks of a camera.
#[derive(Debug, Clone)]
pub struct View {
    /// Picture size, pixels.
    pub size: [usize; 2],
    /// Where the camera stands.
    pub position: Vector,
    /// Right, down and forward in the world.
    pub axes: [Vector; 3],
    /// Focal length, pixels.
    pub focal: f32,
    centre: [f32; 2],
    distortion: [f32; 2],
}

impl View {
    /// Of a camera.
    pub fn new(camera: &Camera) -> Self {
        Self {
            size: [camera.width as usize, camera.height as usize],
            position: camera.position_m.map(|f| f as f32),
            axes: camera.rotation.map(|row| row.map(|f| f as f32)),
            focal: camera.focal_px as f32,
            centre: camera.centre_px.map(|f| f as f32),
            distortion: camera.distortion.map(|f| f as f32),
        }
    }

    /// World point to column, row and one over its distance; `None` when behind or too near.
    pub fn project(&self, point: Vector) -> Option<[f32; 3]> {
        let d = subtract(point, self.position);
        let z = dot(d, self.axes[2]);
        if z < NEAREST_M {
            return None;
        }
        let (x, y) = (dot(d, self.axes[0]) / z, dot(d, self.axes[1]) / z);
        let r2 = x * x + y * y;
        // Past this the radial polynomial is far outside what it was fitted for and may fold back into the picture.
        if r2 > 6.0 {
            return None;
        }
        let bend = 1.0 + self.distortion[0] * r2 + self.distortion[1] * r2 * r2;
        Some([self.centre[0] + self.focal * x * bend, self.centre[1] + self.focal * y * bend, 1.0 / z])
    }

    /// Where a pixel looks, on the plane one metre in front of the camera: right and down.
    pub fn straighten(&self, pixel: [f32; 2]) -> [f32; 2] {
        let (xd, yd) = ((pixel[0] - self.centre[0]) / self.focal, (pixel[1] - self.centre[1]) / self.focal);
        if self.distortion == [0.0; 2] {
            return [xd, yd];
        }
        let (mut x, mut y) = (xd, yd);
        for _ in 0..8 {
            let r2 = x * x + y * y;
            let bend = 1.0 + self.distortion[0] * r2 + self.distortion[1] * r2 * r2;
            (x, y) = (xd / bend, yd / bend);
        }
        [x, y]
    }
}
