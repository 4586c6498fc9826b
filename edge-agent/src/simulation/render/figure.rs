//! A clothed body around a skeleton: tubes of elliptic rings. Comes in: joints. Goes out: a mesh of lit triangles in
//! the world, each part with the surface it is cut from. Keeps its memory from one person to the next.

mod limbs;

use super::{
    kit::Surface,
    look::Light,
    skeleton::Skeleton,
    vector::{UP, Vector, add, along, cross, dot, length, mix, scale, subtract, unit},
    view::View,
};

/// Tag of everything that belongs to the person.
pub const BODY: u8 = 1;
/// Tag of the stick.
pub const STICK: u8 = 2;

/// A point of the mesh.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// Where, metres.
    pub place: Vector,
    /// Texture place.
    pub uv: [f32; 2],
    /// How brightly lit.
    pub light: f32,
}

/// A run of triangles with one surface.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// What it is cut from.
    pub surface: Surface,
    /// [`BODY`] or [`STICK`].
    pub tag: u8,
    /// First and one past the last triangle.
    pub triangles: [usize; 2],
}

/// A ring of a tube: an ellipse around `centre`.
#[derive(Debug, Clone, Copy)]
struct Ring {
    centre: Vector,
    left: Vector,
    back: Vector,
    v: f32,
}

/// Triangles of one person.
#[derive(Debug, Default)]
pub struct Figure {
    /// Points.
    pub points: Vec<Point>,
    /// Three points each, counter-clockwise from outside.
    pub triangles: Vec<[u32; 3]>,
    /// Runs of triangles.
    pub parts: Vec<Part>,
    /// Each point's column, row and one over its distance, once projected; a distance of 0 is behind the camera.
    pub projected: Vec<[f32; 3]>,
}

/// What of hockey's equipment is worn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outfit {
    /// Short trousers, socks, gloves.
    Skater,
    /// Pads, blocker, catcher.
    Goalie,
    /// Long trousers, bare hands.
    Official,
}

/// Two directions across `way`: as near to `left` and to back as can be.
fn across(way: Vector, left: Vector) -> (Vector, Vector) {
    let l = unit(subtract(left, scale(way, dot(left, way))));
    // `way` points down the limb, left × down = back.
    (l, unit(cross(l, way)))
}

impl Figure {
    /// Looks at it from a camera.
    pub fn project(&mut self, view: &View) {
        self.projected.clear();
        self.projected.extend(self.points.iter().map(|point| view.project(point.place).unwrap_or_default()));
    }

    fn tube(&mut self, rings: &[Ring], sides: usize, surface: Surface, tag: u8, light: &Light) {
        let first_point = self.points.len() as u32;
        let first = self.triangles.len();
        let side = [light.side_rad.cos(), light.side_rad.sin(), 0.25];
        for (i, ring) in rings.iter().enumerate() {
            let before = &rings[i.saturating_sub(1)];
            let after = &rings[(i + 1).min(rings.len() - 1)];
            let way = subtract(after.centre, before.centre);
            let reach = length(way).max(1e-4);
            let girth = |r: &Ring| (length(r.left) + length(r.back)) * 0.5;
            let taper = ((girth(after) - girth(before)) / reach).clamp(-3.0, 3.0);
            let (ll, bb) = (dot(ring.left, ring.left).max(1e-8), dot(ring.back, ring.back).max(1e-8));
            for k in 0..=sides {
                let u = k as f32 / sides as f32;
                let (sin, cos) = (u * std::f32::consts::TAU).sin_cos();
                let place = add(ring.centre, add(scale(ring.left, cos), scale(ring.back, sin)));
                let radial = unit(add(scale(ring.left, cos / ll), scale(ring.back, sin / bb)));
                let normal = unit(along(radial, way, -taper / reach));
                // White ice lights from below almost as much as lamps from above: undersides are never black.
                let up = normal[2];
                let lit = light.ambient * (0.92 + 0.08 * up)
                    + light.above * (0.22 + 0.78 * up).max(0.06 + 0.05 * -up)
                    + light.side * dot(normal, side).max(0.0);
                self.points.push(Point { place, uv: [u, ring.v], light: lit });
            }
        }
        let handed = {
            let down = subtract(rings[rings.len() - 1].centre, rings[0].centre);
            dot(cross(rings[0].back, down), rings[0].left) > 0.0
        };
        let row = sides as u32 + 1;
        for i in 0..rings.len() as u32 - 1 {
            for k in 0..sides as u32 {
                let a = first_point + i * row + k;
                let (b, c, d) = (a + 1, a + row, a + row + 1);
                if handed {
                    self.triangles.extend([[a, b, c], [b, d, c]]);
                } else {
                    self.triangles.extend([[a, c, b], [b, c, d]]);
                }
            }
        }
        self.parts.push(Part { surface, tag, triangles: [first, self.triangles.len()] });
    }

    /// A limb from `a` to `b`; `shape` is (place along, half width, half depth, texture row).
    fn limb(
        &mut self,
        a: Vector,
        b: Vector,
        left: Vector,
        shape: &[(f32, f32, f32, f32)],
        surface: Surface,
        light: &Light,
    ) {
        let (l, back) = across(unit(subtract(b, a)), left);
        let mut rings = [Ring { centre: a, left: l, back, v: 0.0 }; 12];
        for (ring, &(t, wide, deep, v)) in rings.iter_mut().zip(shape) {
            *ring = Ring { centre: mix(a, b, t), left: scale(l, wide), back: scale(back, deep), v };
        }
        self.tube(&rings[..shape.len()], 10, surface, BODY, light);
    }

    /// Makes this the figure of `s`.
    pub fn dress(&mut self, s: &Skeleton, outfit: Outfit, light: &Light) {
        self.points.clear();
        self.triangles.clear();
        self.parts.clear();
        let (z, g) = (
            s.size,
            s.size
                * s.girth
                * if outfit == Outfit::Goalie {
                    1.1
                } else if outfit == Outfit::Official {
                    0.94
                } else {
                    1.0
                },
        );
        self.torso(s, g, light);
        for i in 0..2 {
            self.leg(s, i, z, g, outfit, light);
            self.arm(s, i, z, g, outfit, light);
        }
        self.skull(s, z, outfit, light);
        if let Some(stick) = s.stick {
            self.stick(s, stick, outfit, light);
        }
    }

    fn torso(&mut self, s: &Skeleton, g: f32, light: &Light) {
        let back = scale(s.forward, -1.0);
        // (metres below the neck, half width, half depth, forward, texture row)
        const SHAPE: [(f32, f32, f32, f32, f32); 9] = [
            (-0.035, 0.055, 0.055, 0.0, 0.0),
            (-0.01, 0.115, 0.085, 0.0, 0.04),
            (0.04, 0.195, 0.120, 0.0, 0.12),
            (0.12, 0.232, 0.150, 0.01, 0.24),
            (0.25, 0.222, 0.158, 0.012, 0.44),
            (0.38, 0.208, 0.150, 0.0, 0.64),
            (0.50, 0.214, 0.156, -0.01, 0.82),
            (0.615, 0.232, 0.178, -0.012, 1.0),
            (0.600, 0.10, 0.08, 0.0, 1.0),
        ];
        let rings = SHAPE.map(|(below, wide, deep, forward, v)| {
            // Below the hips cloth hangs down instead of following the back.
            let hang = ((below - 0.40) / 0.25).clamp(0.0, 1.0) * 0.6;
            let straight = along(s.neck, s.spine, -below * s.size);
            let hanging = along(along(s.neck, s.spine, -0.40 * s.size), UP, -(below - 0.40) * s.size);
            Ring {
                centre: along(mix(straight, hanging, hang), s.forward, forward * s.size),
                left: scale(s.left, wide * g),
                back: scale(back, deep * g),
                v: v * 0.995,
            }
        });
        self.tube(&rings, 16, Surface::Jersey, BODY, light);
    }

    fn skull(&mut self, s: &Skeleton, z: f32, outfit: Outfit, light: &Light) {
        let ear = unit(cross(s.crown, s.face));
        self.limb(
            along(s.head, s.crown, -0.05),
            along(s.neck, s.spine, -0.03),
            s.left,
            &[(0.0, 0.062 * z, 0.066 * z, 0.0), (1.0, 0.068 * z, 0.074 * z, 1.0)],
            Surface::Skin,
            light,
        );
        let back = scale(s.face, -1.0);
        let bulk = z * if outfit == Outfit::Goalie { 1.08 } else { 1.0 };
        // (above the middle of the head, half width, half depth, forward, texture row)
        let rings = [
            (0.138, 0.02, 0.02, -0.01, 0.0),
            (0.130, 0.062, 0.078, -0.01, 0.08),
            (0.105, 0.095, 0.116, -0.008, 0.2),
            (0.06, 0.113, 0.138, -0.006, 0.34),
            (0.01, 0.115, 0.140, -0.004, 0.46),
            (-0.03, 0.108, 0.132, 0.0, 0.56),
            (-0.08, 0.094, 0.114, 0.008, 0.72),
            (-0.12, 0.07, 0.088, 0.02, 0.88),
            (-0.14, 0.03, 0.04, 0.03, 0.99),
        ]
        .map(|(up, wide, deep, forward, v)| Ring {
            centre: along(along(s.head, s.crown, up * bulk), s.face, forward * bulk),
            left: scale(ear, wide * bulk),
            back: scale(back, deep * bulk),
            v,
        });
        self.tube(&rings, 12, Surface::Head, BODY, light);
    }
}
