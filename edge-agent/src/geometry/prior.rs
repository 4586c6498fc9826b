//! What is known of cameras in arenas before any point is clicked, as residuals beside the points'.
//!
//! Comes in: a [`Camera`]. Goes out: [`KNOWN`] residuals in standard deviations, and the price of each [`Arena`]. The
//! numbers are broadcast geometry, not fits: cameras hang level, above the ice, and their lenses are neither
//! microscopes nor fish eyes. The main camera of nearly every rink stands on the red line, behind the lower stand;
//! any other may stand anywhere. Both are tried and the likelier one is taken. With few points, or all in one corner
//! of the picture, this knowledge is what holds the far end.

use super::Camera;

/// Cameras hang level to about one degree.
const ROLL_RAD: f64 = 0.0175;
/// Focal length ÷ width: 1.5 (37°), give or take a factor of two.
const FOCAL: (f64, f64) = (1.5, 0.7);
/// How far a lens moves the picture's left and right edge, as a share of their distance from the middle. Five in a
/// hundred is what lenses of cameras are sold with, at any focal length.
const BEND: f64 = 0.05;

/// How many residuals [`Arena::residuals`] gives.
pub const KNOWN: usize = 6;

/// One kind of place for a camera, as a normal distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arena {
    /// Share of cameras at such places.
    share: f64,
    /// Along the length: mean and deviation, metres.
    along_m: (f64, f64),
    /// Across: mean and deviation, metres.
    across_m: (f64, f64),
    /// Height over the ice, metres, and its deviation as a logarithm.
    height_m: (f64, f64),
}

/// Behind one of the two long sides, on the red line: 36 m from centre ice is 23 m behind the boards, 13 m is the
/// height of the press level.
const MAIN: Arena = Arena { share: 0.25, along_m: (0.0, 3.0), across_m: (36.0, 10.0), height_m: (13.0, 0.35) };

/// Every kind of place: anywhere in an arena, or the main camera's on either side.
pub const ARENAS: [Arena; 3] = [
    Arena { share: 0.5, along_m: (0.0, 40.0), across_m: (0.0, 40.0), height_m: (12.0, 0.7) },
    MAIN,
    Arena { across_m: (-36.0, 10.0), ..MAIN },
];

/// The kind of place that `camera` most probably stands at.
pub fn likeliest(camera: &Camera) -> &'static Arena {
    let cost = |arena: &Arena| arena.price() + arena.residuals(camera).iter().map(|r| r * r).sum::<f64>();
    ARENAS.iter().min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(&MAIN)
}

impl Arena {
    /// Within two metres of a place: for trying that place.
    pub fn about([x, y, z]: [f64; 3]) -> Self {
        Self { share: 1.0, along_m: (x, 2.0), across_m: (y, 2.0), height_m: (z, 0.2) }
    }

    /// How far the camera is from what is expected, in deviations.
    pub fn residuals(&self, camera: &Camera) -> [f64; KNOWN] {
        let [x, y, z] = camera.position_m;
        let width = f64::from(camera.width);
        let edge = width / 2.0 / camera.focal_px;
        [
            // The right-hand axis' rise: zero when level.
            camera.rotation[0][2] / ROLL_RAD,
            (camera.focal_px / width / FOCAL.0).ln() / FOCAL.1,
            (z.max(1e-3) / self.height_m.0).ln() / self.height_m.1,
            (x - self.along_m.0) / self.along_m.1,
            (y - self.across_m.0) / self.across_m.1,
            camera.distortion[0] * edge * edge / BEND,
        ]
    }

    /// What it costs to be one of these at all, as twice a negative logarithm: wide ones promise less.
    pub fn price(&self) -> f64 {
        2.0 * (self.along_m.1 * self.across_m.1 * self.height_m.1 / self.share).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_camera_on_the_red_line_is_expected_and_one_on_its_side_is_not() {
        let camera = Camera::looking_at(1920, 1080, 37.0, [0.0, -36.0, 13.0], [0.0, 0.0, 0.0]);
        let cost = |camera: &Camera| {
            let cost = |arena: &Arena| arena.price() + arena.residuals(camera).iter().map(|r| r * r).sum::<f64>();
            ARENAS.map(|arena| cost(&arena))
        };
        let [anywhere, far_side, near_side] = cost(&camera);
        assert!(near_side < anywhere && anywhere < far_side, "{anywhere} {far_side} {near_side}");
        let mut tilted = camera.clone();
        tilted.rotation = [camera.rotation[1], camera.rotation[0].map(|part| -part), camera.rotation[2]];
        assert!(cost(&tilted)[2] > near_side + 1000.0);
    }
}
