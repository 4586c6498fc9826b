//! The goals: red posts, white mesh. Comes in: a rink and which end. Goes out: triangles on a canvas that already lies
//! where the goal is; mesh first, back to front, then the solid frame.

use super::{
    raster::{Canvas, Corner, Faces},
    texture::{Sheet, Texture},
    vector::{UP, Vector, add, cross, length, scale, subtract, unit},
    view::View,
};
use crate::rink::Rink;

/// Inside height of a goal, metres.
const HEIGHT_M: f32 = 1.22;
/// Depth on the ice and under the crossbar, metres.
const DEPTH_M: [f32; 2] = [1.05, 0.55];

/// Posts and mesh of one goal.
pub struct Goal {
    /// −1 or 1: the end of the rink.
    end: f32,
    line: f32,
    half: f32,
    mesh: Texture,
    red: Texture,
    white: Texture,
}

impl Goal {
    /// The goal at one end, −1 or 1.
    pub fn new(rink: &Rink, end: f32) -> Self {
        let mut mesh = Sheet::empty(64, 64);
        mesh.paint([168, 178, 182], |u, v| {
            let line = |t: f32| f32::from(((t * 8.0).fract() - 0.5).abs() < 0.14);
            line(u).max(line(v)) * 0.95
        });
        Self {
            end,
            line: rink.goal_line_m as f32,
            half: rink.goal_width_m as f32 / 2.0,
            mesh: Texture::new(mesh),
            red: Texture::plain([62, 40, 176]),
            white: Texture::plain([180, 194, 200]),
        }
    }

    fn place(&self, behind: f32, across: f32, up: f32) -> Vector {
        [self.end * (self.line + behind), across, up]
    }

    /// Middle of the goal on the ice.
    pub fn middle(&self) -> Vector {
        self.place(0.3, 0.0, 0.0)
    }

    /// Corners that hold all of it.
    pub fn corners(&self) -> [Vector; 8] {
        let (h, d) = (self.half + 0.15, DEPTH_M[0] + 0.15);
        [
            (-0.1, -h, 0.0),
            (-0.1, h, 0.0),
            (d, -h, 0.0),
            (d, h, 0.0),
            (-0.1, -h, 1.3),
            (-0.1, h, 1.3),
            (d, -h, 1.3),
            (d, h, 1.3),
        ]
        .map(|(b, a, u)| self.place(b, a, u))
    }

    fn bar(canvas: &mut Canvas, view: &View, a: Vector, b: Vector, radius: f32, texture: &Texture) {
        let way = unit(subtract(b, a));
        let side = unit(cross(way, if way[2].abs() > 0.8 { [1.0, 0.0, 0.0] } else { UP }));
        let up = cross(side, way);
        let spoke = |k: usize| {
            let (sin, cos) = (k as f32 / 6.0 * std::f32::consts::TAU).sin_cos();
            (add(scale(side, cos * radius), scale(up, sin * radius)), 0.85 + 0.25 * sin * up[2] + 0.1 * cos * side[0])
        };
        for k in 0..6 {
            let ((p, l), (q, m)) = (spoke(k), spoke(k + 1));
            let corner = |place: Vector, light: f32| {
                view.project(place).map(|[x, y, near]| Corner { x, y, near, u: 0.5, v: 0.5, light })
            };
            let (Some(c0), Some(c1), Some(c2), Some(c3)) =
                (corner(add(a, p), l), corner(add(a, q), m), corner(add(b, q), m), corner(add(b, p), l))
            else {
                continue;
            };
            canvas.triangle([c0, c1, c2], texture, 1, Faces::Both);
            canvas.triangle([c0, c2, c3], texture, 1, Faces::Both);
        }
    }

    /// Draws it.
    pub fn draw(&self, canvas: &mut Canvas, view: &View) {
        let (h, [d, t]) = (self.half, DEPTH_M);
        let p = |b, a, u| self.place(b, a, u);
        // Each sheet with how many metres it is across and down.
        let sheets = [
            [p(t, -h, HEIGHT_M), p(t, h, HEIGHT_M), p(d, h, 0.0), p(d, -h, 0.0)],
            [p(0.0, -h, HEIGHT_M), p(t, -h, HEIGHT_M), p(d, -h, 0.0), p(0.0, -h, 0.0)],
            [p(0.0, h, HEIGHT_M), p(t, h, HEIGHT_M), p(d, h, 0.0), p(0.0, h, 0.0)],
            [p(0.0, -h, HEIGHT_M), p(0.0, h, HEIGHT_M), p(t, h, HEIGHT_M), p(t, -h, HEIGHT_M)],
        ];
        for corners in sheets {
            let (wide, tall) = (length(subtract(corners[1], corners[0])), length(subtract(corners[3], corners[0])));
            canvas.sheet(view, corners, [0.0, 0.0, wide / 0.36, tall / 0.36], 1.0, &self.mesh, 6);
        }
        for a in [-h, h] {
            Self::bar(canvas, view, p(0.0, a, 0.06), p(d, a * 0.96, 0.06), 0.05, &self.white);
            Self::bar(canvas, view, p(t, a, HEIGHT_M), p(d, a * 0.96, 0.05), 0.02, &self.white);
            Self::bar(canvas, view, p(0.0, a, HEIGHT_M), p(t, a, HEIGHT_M), 0.02, &self.white);
        }
        Self::bar(canvas, view, p(d, -h * 0.96, 0.06), p(d, h * 0.96, 0.06), 0.06, &self.white);
        Self::bar(canvas, view, p(t, -h, HEIGHT_M), p(t, h, HEIGHT_M), 0.02, &self.white);
        for a in [-h - 0.03, h + 0.03] {
            Self::bar(canvas, view, p(0.0, a, 0.0), p(0.0, a, HEIGHT_M + 0.03), 0.032, &self.red);
        }
        Self::bar(
            canvas,
            view,
            p(0.0, -h - 0.05, HEIGHT_M + 0.03),
            p(0.0, h + 0.05, HEIGHT_M + 0.03),
            0.032,
            &self.red,
        );
    }
}
