//! Triangles to pixels. Comes in: corners in picture pixels with nearness, texture place and light. Goes out: a canvas
//! of colour, nearness and tag. Never: fails; what lies outside the canvas is cut.
//!
//! Texture places are interpolated without perspective: every triangle here is small beside its distance.

use super::{texture::Texture, vector::Vector, view::View};

/// Blue, green, red, cover; the colours are already multiplied by the cover.
pub type Pixel = [u8; 4];

/// One corner of a triangle.
#[derive(Debug, Clone, Copy, Default)]
pub struct Corner {
    /// Picture column, pixels.
    pub x: f32,
    /// Picture row, pixels.
    pub y: f32,
    /// One over the distance along the optical axis, 1/m.
    pub near: f32,
    /// Place across the texture, 0 to 1, repeating.
    pub u: f32,
    /// Place down the texture, 0 to 1, repeating.
    pub v: f32,
    /// How brightly lit; 1 is the texture's own colour.
    pub light: f32,
}

/// Whether the side of a triangle that looks away is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Faces {
    /// Only what looks at the camera: closed bodies.
    Front,
    /// Both: sheets.
    Both,
}

/// A rectangle of the picture that is being drawn, perhaps finer than the picture.
#[derive(Debug, Default)]
pub struct Canvas {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Picture column of the left edge, pixels.
    pub left: f32,
    /// Picture row of the upper edge, pixels.
    pub top: f32,
    /// Canvas pixels a picture pixel.
    pub scale: f32,
    /// Colour and cover, row by row.
    pub pixels: Vec<Pixel>,
    /// One over the distance of what was drawn, 0 for nothing.
    pub near: Vec<f32>,
    /// What was drawn, as the caller tagged it.
    pub tags: Vec<u8>,
}

impl Canvas {
    /// Makes it empty, of this size and place; keeps its memory.
    pub fn reset(&mut self, width: usize, height: usize, left: f32, top: f32, scale: f32) {
        (self.width, self.height, self.left, self.top, self.scale) = (width, height, left, top, scale);
        let count = width * height;
        self.pixels.clear();
        self.pixels.resize(count, [0; 4]);
        self.near.clear();
        self.near.resize(count, 0.0);
        self.tags.clear();
        self.tags.resize(count, 0);
    }

    /// A flat four-cornered sheet, given in order around it, cut into `across` × 1 pieces.
    pub fn sheet(
        &mut self,
        view: &View,
        corners: [Vector; 4],
        uv: [f32; 4],
        light: f32,
        texture: &Texture,
        across: usize,
    ) {
        let place = |p: Vector, u: f32, v: f32| view.project(p).map(|[x, y, near]| Corner { x, y, near, u, v, light });
        let [u0, v0, u1, v1] = uv;
        for i in 0..across {
            let (a, b) = (i as f32 / across as f32, (i + 1) as f32 / across as f32);
            let (ua, ub) = (u0 + (u1 - u0) * a, u0 + (u1 - u0) * b);
            let upper = [super::vector::mix(corners[0], corners[1], a), super::vector::mix(corners[0], corners[1], b)];
            let lower = [super::vector::mix(corners[3], corners[2], a), super::vector::mix(corners[3], corners[2], b)];
            let (Some(p), Some(q), Some(r), Some(s)) =
                (place(upper[0], ua, v0), place(upper[1], ub, v0), place(lower[1], ub, v1), place(lower[0], ua, v1))
            else {
                continue;
            };
            self.triangle([p, q, r], texture, 0, Faces::Both);
            self.triangle([p, r, s], texture, 0, Faces::Both);
        }
    }

    /// Draws one triangle where it is nearer than what stands there.
    pub fn triangle(&mut self, corners: [Corner; 3], texture: &Texture, tag: u8, faces: Faces) {
        let s = self.scale;
        let mut p = corners.map(|c| [(c.x - self.left) * s, (c.y - self.top) * s]);
        let mut c = corners;
        let mut area = (p[1][0] - p[0][0]) * (p[2][1] - p[0][1]) - (p[1][1] - p[0][1]) * (p[2][0] - p[0][0]);
        if area >= 0.0 {
            if faces == Faces::Front || area == 0.0 {
                return;
            }
            p.swap(1, 2);
            c.swap(1, 2);
            area = -area;
        }
        let low = p[0][1].min(p[1][1]).min(p[2][1]);
        let high = p[0][1].max(p[1][1]).max(p[2][1]);
        let first_row = (low - 0.5).ceil().max(0.0) as usize;
        let last_row = ((high - 0.5).ceil().max(0.0) as usize).min(self.height);
        if first_row >= last_row {
            return;
        }
        let (ex, ey) = ([p[1][0] - p[0][0], p[2][0] - p[0][0]], [p[1][1] - p[0][1], p[2][1] - p[0][1]]);
        let slope = |f: [f32; 3]| {
            let (d1, d2) = (f[1] - f[0], f[2] - f[0]);
            [(d1 * ey[1] - d2 * ey[0]) / area, (d2 * ex[0] - d1 * ex[1]) / area]
        };
        let level = {
            let (du, dv) = (slope([c[0].u, c[1].u, c[2].u]), slope([c[0].v, c[1].v, c[2].v]));
            texture.level(du[0].abs().max(du[1].abs()), dv[0].abs().max(dv[1].abs()))
        };
        let (wide, tall) = (level.width as f32, level.height as f32);
        // Texture places in texels, 16.16, so that the innermost loop only adds, shifts and masks.
        let fixed = |f: f32| (f * 65536.0) as i64 as i32;
        let [near, u, v, light] = [
            [c[0].near, c[1].near, c[2].near],
            [c[0].u * wide, c[1].u * wide, c[2].u * wide],
            [c[0].v * tall, c[1].v * tall, c[2].v * tall],
            [c[0].light * 256.0, c[1].light * 256.0, c[2].light * 256.0],
        ]
        .map(|f| (f[0], slope(f)));
        let (mask_u, mask_v) = (level.width - 1, level.height - 1);
        for row in first_row..last_row {
            let y = row as f32 + 0.5;
            let (mut from, mut to) = (0.0f32, self.width as f32);
            for i in 0..3 {
                let (a, b) = (p[i], p[(i + 1) % 3]);
                let rise = b[1] - a[1];
                if rise == 0.0 {
                    continue;
                }
                let x = a[0] + (y - a[1]) * (b[0] - a[0]) / rise - 0.5;
                if rise > 0.0 { from = from.max(x.ceil()) } else { to = to.min(x.ceil()) }
            }
            if from >= to {
                continue;
            }
            let (first, last) = (from as usize, to as usize);
            let (dx, dy) = (from + 0.5 - p[0][0], y - p[0][1]);
            let start = |(f, d): (f32, [f32; 2])| f + d[0] * dx + d[1] * dy;
            let (mut n, mut tu, mut tv, mut l) =
                (start(near), fixed(start(u)), fixed(start(v)), (start(light) * 256.0) as i32);
            let (step_u, step_v, step_l) = (fixed(u.1[0]), fixed(v.1[0]), (light.1[0] * 256.0) as i32);
            let cells = row * self.width + first..row * self.width + last;
            let pixels = &mut self.pixels[cells.clone()];
            let nears = &mut self.near[cells.clone()];
            let tags = &mut self.tags[cells];
            for ((pixel, old), mark) in pixels.iter_mut().zip(nears).zip(tags) {
                if n > *old {
                    let texel =
                        level.pixels[((tv >> 16) as usize & mask_v) * level.width + ((tu >> 16) as usize & mask_u)];
                    let lit = (l >> 8).clamp(0, 1023) as u32;
                    let [b, g, r] = [texel[0], texel[1], texel[2]].map(|f| ((u32::from(f) * lit) >> 8).min(255) as u8);
                    if texel[3] == 255 {
                        (*pixel, *old, *mark) = ([b, g, r, 255], n, tag);
                    } else if texel[3] > 0 {
                        let rest = 255 - u32::from(texel[3]);
                        let over = |new: u8, under: u8| {
                            (u32::from(new) + (u32::from(under) * rest + 127) / 255).min(255) as u8
                        };
                        *pixel = [over(b, pixel[0]), over(g, pixel[1]), over(r, pixel[2]), over(texel[3], pixel[3])];
                    }
                }
                n += near.1[0];
                tu = tu.wrapping_add(step_u);
                tv = tv.wrapping_add(step_v);
                l += step_l;
            }
        }
    }
}
