//! A clothed body around a skeleton: tubes of elliptic rings. Comes in: joints. Goes out: a mesh of lit triangles in
//! the world, each part with the surface it is cut from. Keeps its memory from one person to the next.

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
                    0.86
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

    fn leg(&mut self, s: &Skeleton, i: usize, z: f32, g: f32, outfit: Outfit, light: &Light) {
        let left = cross(UP, s.toe[i]);
        let (hip, knee, ankle) = (s.hip[i], s.knee[i], s.ankle[i]);
        if outfit == Outfit::Official {
            self.limb(
                along(hip, UP, 0.1),
                knee,
                s.left,
                &[
                    (-0.05, 0.10 * g, 0.12 * g, 0.0),
                    (0.2, 0.125 * g, 0.145 * g, 0.2),
                    (0.6, 0.108 * g, 0.12 * g, 0.6),
                    (1.0, 0.088 * g, 0.095 * g, 1.0),
                    (1.04, 0.07 * g, 0.07 * g, 1.0),
                ],
                Surface::Pants,
                light,
            );
            self.limb(
                knee,
                ankle,
                left,
                &[
                    (-0.08, 0.06 * g, 0.06 * g, 0.0),
                    (0.0, 0.088 * g, 0.092 * g, 0.1),
                    (0.5, 0.086 * g, 0.09 * g, 0.5),
                    (0.96, 0.082 * g, 0.085 * g, 1.0),
                    (0.97, 0.05 * g, 0.05 * g, 1.0),
                ],
                Surface::Sock,
                light,
            );
        } else {
            self.limb(
                along(hip, UP, 0.10 * z),
                knee,
                s.left,
                &[
                    (-0.06, 0.09 * g, 0.11 * g, 0.0),
                    (0.08, 0.128 * g, 0.158 * g, 0.1),
                    (0.35, 0.140 * g, 0.160 * g, 0.35),
                    (0.65, 0.128 * g, 0.142 * g, 0.65),
                    (0.93, 0.118 * g, 0.126 * g, 0.98),
                    (0.925, 0.05 * g, 0.05 * g, 0.99),
                ],
                Surface::Pants,
                light,
            );
            self.limb(
                knee,
                ankle,
                left,
                &[
                    (-0.16, 0.05 * g, 0.05 * g, 0.0),
                    (-0.08, 0.082 * g, 0.086 * g, 0.02),
                    (0.06, 0.088 * g, 0.094 * g, 0.08),
                    (0.28, 0.084 * g, 0.098 * g, 0.3),
                    (0.55, 0.078 * g, 0.088 * g, 0.58),
                    (0.85, 0.064 * g, 0.066 * g, 0.9),
                    (1.0, 0.056 * g, 0.06 * g, 1.0),
                ],
                Surface::Sock,
                light,
            );
        }
        if outfit == Outfit::Goalie {
            let front = unit(subtract(s.toe[i], scale(UP, dot(s.toe[i], UP))));
            let (a, b) = (
                along(along(knee, subtract(hip, knee), 0.45), front, 0.09),
                along(along(ankle, front, 0.1), UP, -0.10),
            );
            self.limb(
                a,
                b,
                left,
                &[
                    (-0.01, 0.05, 0.02, 0.0),
                    (0.0, 0.135, 0.05, 0.01),
                    (0.3, 0.150, 0.075, 0.3),
                    (0.5, 0.15, 0.085, 0.5),
                    (0.8, 0.145, 0.07, 0.8),
                    (0.99, 0.135, 0.06, 0.99),
                    (1.0, 0.05, 0.03, 0.995),
                ],
                Surface::Pad,
                light,
            );
        }
        // Boot from heel to toe, then the blade below it.
        let toe = s.toe[i];
        let sole = along(ankle, UP, -0.035 * z);
        self.limb(
            along(sole, toe, -0.085 * z),
            along(sole, toe, 0.195 * z),
            left,
            &[
                (0.0, 0.02, 0.03, 0.0),
                (0.04, 0.042 * z, 0.055 * z, 0.1),
                (0.3, 0.046 * z, 0.066 * z, 0.3),
                (0.6, 0.046 * z, 0.050 * z, 0.6),
                (0.9, 0.044 * z, 0.04 * z, 0.9),
                (1.0, 0.02, 0.018, 1.0),
            ],
            Surface::Skate,
            light,
        );
        self.limb(
            along(ankle, UP, 0.09 * z),
            along(ankle, UP, -0.05 * z),
            left,
            &[(0.0, 0.060 * z, 0.064 * z, 0.0), (1.0, 0.048 * z, 0.06 * z, 1.0)],
            Surface::Skate,
            light,
        );
        let edge = along(ankle, UP, -0.094 * z);
        self.limb(
            along(edge, toe, -0.09 * z),
            along(edge, toe, 0.185 * z),
            left,
            &[(0.0, 0.006, 0.008, 0.0), (0.05, 0.009, 0.021, 0.1), (0.95, 0.009, 0.021, 0.9), (1.0, 0.006, 0.008, 1.0)],
            Surface::Blade,
            light,
        );
    }

    fn arm(&mut self, s: &Skeleton, i: usize, z: f32, g: f32, outfit: Outfit, light: &Light) {
        let (shoulder, elbow, hand) = (s.shoulder[i], s.elbow[i], s.hand[i]);
        let way = unit(subtract(hand, elbow));
        let cuff = along(elbow, subtract(hand, elbow), 0.82);
        let outward = scale(s.left, if i == 0 { 1.0 } else { -1.0 });
        let (l, _) = across(unit(subtract(elbow, shoulder)), scale(s.forward, -1.0));
        let (l2, _) = across(way, scale(s.forward, -1.0));
        let rings = [
            (along(shoulder, outward, -0.06 * z), 0.075, l, 0.0),
            (along(shoulder, outward, 0.0), 0.098, l, 0.06),
            (mix(shoulder, elbow, 0.3), 0.098, l, 0.2),
            (mix(shoulder, elbow, 0.7), 0.092, l, 0.4),
            (elbow, 0.088, unit(add(l, l2)), 0.52),
            (mix(elbow, cuff, 0.35), 0.090, l2, 0.68),
            (mix(elbow, cuff, 0.8), 0.078, l2, 0.88),
            (cuff, 0.074, l2, 0.99),
            (along(cuff, way, -0.01), 0.03, l2, 0.995),
        ]
        .map(|(centre, radius, left, v)| {
            let back = unit(cross(left, if v < 0.5 { unit(subtract(elbow, shoulder)) } else { way }));
            Ring { centre, left: scale(left, radius * g), back: scale(back, radius * g), v }
        });
        self.tube(&rings, 10, Surface::Sleeve, BODY, light);
        let knuckles = along(hand, way, 0.09 * z);
        match outfit {
            Outfit::Official => self.limb(
                cuff,
                knuckles,
                s.left,
                &[
                    (0.0, 0.034, 0.034, 0.0),
                    (0.5, 0.042, 0.034, 0.5),
                    (0.9, 0.038, 0.03, 0.9),
                    (1.0, 0.012, 0.012, 1.0),
                ],
                Surface::Glove,
                light,
            ),
            Outfit::Skater => self.limb(
                cuff,
                knuckles,
                s.left,
                &[
                    (-0.12, 0.05, 0.05, 0.0),
                    (0.0, 0.072, 0.07, 0.1),
                    (0.3, 0.066, 0.064, 0.35),
                    (0.7, 0.07, 0.062, 0.7),
                    (0.92, 0.056, 0.05, 0.9),
                    (1.0, 0.02, 0.02, 1.0),
                ],
                Surface::Glove,
                light,
            ),
            Outfit::Goalie => {
                let (wide, deep) = if i == 0 { (0.135, 0.09) } else { (0.11, 0.04) };
                self.limb(
                    along(hand, UP, 0.19),
                    along(hand, UP, -0.17),
                    s.left,
                    &[
                        (0.0, 0.04, 0.02, 0.0),
                        (0.06, wide * 0.9, deep, 0.05),
                        (0.5, wide, deep * 1.1, 0.5),
                        (0.94, wide * 0.85, deep, 0.95),
                        (1.0, 0.04, 0.02, 1.0),
                    ],
                    if i == 0 { Surface::Glove } else { Surface::Pad },
                    light,
                );
            }
        }
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

    fn stick(&mut self, s: &Skeleton, [top, heel, tip]: [Vector; 3], outfit: Outfit, light: &Light) {
        let ring = |centre: Vector, way: Vector, wide: f32, deep: f32, v: f32| {
            let (l, b) = across(way, s.left);
            Ring { centre, left: scale(l, wide), back: scale(b, deep), v }
        };
        let way = unit(subtract(heel, top));
        let goalie = outfit == Outfit::Goalie;
        let low = if goalie { 0.045 } else { 0.014 };
        let knee = if goalie { 0.5 } else { 0.9 };
        self.tube(
            &[
                ring(top, way, 0.016, 0.016, 0.0),
                ring(mix(top, heel, knee), way, 0.014, 0.014, 0.7),
                ring(mix(top, heel, knee + 0.06), way, low, low, 0.8),
                ring(heel, way, low, low, 0.86),
            ],
            5,
            Surface::Stick,
            STICK,
            light,
        );
        let blade = unit(subtract(tip, heel));
        let tall = if goalie { 0.05 } else { 0.036 };
        // The blade stands across the shaft's plane: thin one way, tall the other.
        let high = unit(subtract(scale(way, -1.0), scale(blade, dot(scale(way, -1.0), blade))));
        let thin = unit(cross(blade, high));
        let rings = [(0.0, 0.8, 0.88), (0.5, 1.0, 0.94), (0.92, 0.9, 0.97), (1.0, 0.4, 1.0)].map(|(t, h, v)| Ring {
            centre: along(mix(heel, tip, t), high, tall * 0.6),
            left: scale(thin, 0.008),
            back: scale(high, tall * h),
            v,
        });
        self.tube(&rings, 6, Surface::Stick, STICK, light);
    }
}
