//! The ice: what is painted under it and what it mirrors. Comes in: a view and the rink's measures. Goes out: the
//! colour of every pixel that sees ice. Lines are drawn by distance, with soft edges as wide as a pixel is there.

use super::{
    look::{IceLook, Look},
    raster::Canvas,
    texture::{Colour, Sheet, Texture, blend, bumps, speckle},
    view::View,
};
use crate::rink::Rink;

const RED: Colour = [58, 38, 186];
const BLUE: Colour = [150, 66, 34];
const CREASE: Colour = [226, 170, 96];
/// Columns and rows between exactly computed rays.
const GRID: usize = 8;
/// Side of the tile of scratches, a power of two.
const SCRATCH_SIDE: usize = 512;

/// An advertisement or crest under the ice: texture, middle and half size, metres.
struct Print {
    texture: Texture,
    middle: [f32; 2],
    half: [f32; 2],
}

/// The ice sheet of one rink.
pub struct Ice {
    rink: Rink,
    look: IceLook,
    prints: Vec<Print>,
    scratches: Vec<u8>,
    seed: u32,
}

const WORDS: [&str; 10] =
    ["NORTHERN", "HOCKEY", "GLACIER", "CITY BANK", "FALCONS", "POLAR CUP", "RIVERSIDE", "MOTORS", "COLLEGE", "TIGERS"];

impl Ice {
    /// Paints the ice of `rink`.
    pub fn new(rink: Rink, look: &Look) -> Self {
        let seed = look.seed as u32;
        let mut prints = Vec::new();
        if look.ice.logos {
            let mut crest = Sheet::empty(256, 256);
            let colours = [look.kits[0].crest, look.kits[1].jersey, look.kits[0].pants];
            for (inner, outer, colour) in [(0.92, 0.97, colours[2]), (0.66, 0.70, colours[2]), (0.0, 0.5, colours[0])] {
                crest.paint(colour, |u, v| {
                    let r = ((u - 0.5) * 2.0).hypot((v - 0.5) * 2.0);
                    f32::from(r >= inner && r < outer && (inner > 0.0 || bumps(u * 9.0, v * 9.0, seed) > 0.35))
                });
            }
            crest.write("ATHLETICS", [128.0, 32.0], 26.0, 110.0, 3, 0.14, colours[2]);
            crest.write("1926", [128.0, 224.0], 26.0, 70.0, 3, 0.14, colours[2]);
            prints.push(Print { texture: Texture::new(crest), middle: [0.0; 2], half: [4.1; 2] });
            for (i, (x, y)) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)].into_iter().enumerate() {
                let roll = |k: i32| speckle(i as i32, k, seed);
                if roll(0) < 0.25 {
                    continue;
                }
                let mut sheet = Sheet::empty(256, 64);
                let colour = [[60, 60, 70], RED, BLUE, [60, 90, 40]][(roll(1) * 3.99) as usize];
                sheet.write(
                    WORDS[(roll(2) * 9.99) as usize],
                    [128.0, 32.0],
                    56.0,
                    250.0,
                    (roll(3) * 4.99) as i32,
                    0.2,
                    colour,
                );
                let across =
                    rink.neutral_spot_m as f32 * x * (0.5 + 0.4 * roll(4)) + if roll(5) > 0.7 { x * 7.0 } else { 0.0 };
                prints.push(Print {
                    texture: Texture::new(sheet),
                    middle: [across, y * (rink.spot_across_m as f32 * 0.62 + 1.5 * roll(6))],
                    half: [2.6, 0.75],
                });
            }
        }
        let mut scratches = vec![128u8; SCRATCH_SIDE * SCRATCH_SIDE];
        for i in 0..700 {
            let roll = |k: i32| speckle(i, k, seed ^ 0x1CE);
            let (mut x, mut y) = (roll(0) * SCRATCH_SIDE as f32, roll(1) * SCRATCH_SIDE as f32);
            let (mut angle, turn) = (roll(2) * std::f32::consts::TAU, (roll(3) - 0.5) * 0.03);
            for _ in 0..(roll(4) * 220.0) as usize {
                (x, y, angle) = (x + angle.cos(), y + angle.sin(), angle + turn);
                let cell =
                    (y as i32 as usize & (SCRATCH_SIDE - 1)) * SCRATCH_SIDE + (x as i32 as usize & (SCRATCH_SIDE - 1));
                scratches[cell] = scratches[cell].saturating_add(10 + (roll(5) * 16.0) as u8);
            }
        }
        Self { rink, look: look.ice.clone(), prints, scratches, seed }
    }

    /// Paints every pixel of `canvas` (the whole picture, one to one) that sees the ice. Marks them with `tag`.
    pub fn draw(&self, canvas: &mut Canvas, view: &View, light: f32, tag: u8) {
        let (w, h) = (canvas.width, canvas.height);
        let columns = w / GRID + 2;
        let row_of = |y: usize| -> Vec<[f32; 2]> {
            (0..columns).map(|i| view.straighten([(i * GRID) as f32 + 0.5, y as f32 + 0.5])).collect()
        };
        let (mut upper, mut lower) = (row_of(0), row_of(GRID));
        let [right, down, forward] = view.axes;
        let height = view.position[2];
        for y in 0..h {
            if y > 0 && y % GRID == 0 {
                std::mem::swap(&mut upper, &mut lower);
                lower = row_of(y + GRID);
            }
            let t = (y % GRID) as f32 / GRID as f32;
            for x in 0..w {
                let (i, s) = (x / GRID, (x % GRID) as f32 / GRID as f32);
                let at = |k: usize| {
                    let a = upper[i][k] + (upper[i + 1][k] - upper[i][k]) * s;
                    let b = lower[i][k] + (lower[i + 1][k] - lower[i][k]) * s;
                    a + (b - a) * t
                };
                let (xn, yn) = (at(0), at(1));
                let ray: [f32; 3] = std::array::from_fn(|k| right[k] * xn + down[k] * yn + forward[k]);
                if ray[2] >= -1e-4 {
                    continue;
                }
                let reach = -height / ray[2];
                let place = [view.position[0] + ray[0] * reach, view.position[1] + ray[1] * reach];
                let edge = self.rink.boards_distance(place.map(f64::from)) as f32;
                if edge > 0.0 {
                    continue;
                }
                // How far the place moves when the pixel does.
                let per = reach / view.focal;
                let spread = |k: usize| {
                    per * ((right[k] - ray[k] * right[2] / ray[2]).abs() + (down[k] - ray[k] * down[2] / ray[2]).abs())
                };
                let colour = self.colour(place, [spread(0), spread(1)], ray, edge, light);
                let cell = y * w + x;
                canvas.pixels[cell] = [colour[0], colour[1], colour[2], 255];
                canvas.near[cell] = 1.0 / reach;
                canvas.tags[cell] = tag;
            }
        }
    }

    fn colour(&self, [x, y]: [f32; 2], foot: [f32; 2], ray: [f32; 3], edge: f32, light: f32) -> Colour {
        let r = &self.rink;
        let (ax, ay) = (x.abs(), y.abs());
        let mut paint: (Colour, f32) = (self.look.tint, 0.0);
        // A stroke `half` metres to each side of distance 0.
        let stroke = |distance: f32, half: f32, foot: f32| {
            ((half - distance.abs()) / foot + 0.5).clamp(0.0, 1.0) * (2.0 * half / foot).min(1.0)
        };
        let mut lay = |colour: Colour, cover: f32| {
            if cover > 0.0 {
                paint = (if paint.1 > 0.0 { blend(paint.0, colour, cover) } else { colour }, paint.1.max(cover));
            }
        };
        let foot_r = |dx: f32, dy: f32, d: f32| (foot[0] * dx.abs() + foot[1] * dy.abs()) / d.max(0.05);
        let goal = r.goal_line_m as f32;
        for print in &self.prints {
            let (u, v) = ((x - print.middle[0]) / print.half[0], (y - print.middle[1]) / print.half[1]);
            if u.abs() < 1.0 && v.abs() < 1.0 {
                let level = print.texture.level(foot[0] / print.half[0] / 2.0, foot[1] / print.half[1] / 2.0);
                let (tx, ty) = ((u * 0.5 + 0.5) * level.width as f32, (0.5 - v * 0.5) * level.height as f32);
                let texel = level.pixels
                    [(ty as usize).min(level.height - 1) * level.width + (tx as usize).min(level.width - 1)];
                if texel[3] > 0 {
                    let back = 255.0 / f32::from(texel[3]);
                    lay(
                        [texel[0], texel[1], texel[2]].map(|c| (f32::from(c) * back).min(255.0) as u8),
                        f32::from(texel[3]) / 255.0 * 0.7,
                    );
                }
            }
        }
        if ax < 1.0 {
            lay(RED, stroke(x, 0.152, foot[0]));
        }
        lay(BLUE, stroke(ax - r.blue_line_m as f32 + 0.152, 0.152, foot[0]));
        lay(RED, stroke(ax - goal, 0.026, foot[0]));
        let circle = r.circle_m as f32;
        let centre = x.hypot(y);
        if centre < circle + 1.0 {
            lay(BLUE, stroke(centre - circle, 0.028, foot_r(x, y, centre)));
            lay(BLUE, stroke(centre, 0.15, foot[0].max(foot[1])));
        }
        let (dx, dy) = (ax - r.end_spot_m as f32, ay - r.spot_across_m as f32);
        let d = dx.hypot(dy);
        if d < circle + 1.2 {
            lay(RED, stroke(d - circle, 0.028, foot_r(dx, dy, d)));
            lay(RED, stroke(d, 0.305, foot[0].max(foot[1])));
            let (hx, hy) = (dx.abs(), dy.abs());
            // The L marks beside the spot, and the two short lines outside the circle.
            lay(RED, stroke(hy - 0.23, 0.026, foot[1]).min(stroke(hx - 1.2, 0.6, foot[0])));
            lay(RED, stroke(hx - 0.61, 0.026, foot[0]).min(stroke(hy - 0.65, 0.45, foot[1])));
            lay(RED, stroke(hx - 0.85, 0.026, foot[0]).min(stroke(hy - circle - 0.3, 0.3, foot[1])));
        }
        let (nx, n) = (ax - r.neutral_spot_m as f32, (ax - r.neutral_spot_m as f32).hypot(dy));
        if nx.abs() < 1.0 {
            lay(RED, stroke(n, 0.305, foot[0].max(foot[1])));
        }
        let crease = r.crease_m as f32;
        let (cx, c) = (goal - ax, (goal - ax).hypot(y));
        if cx > 0.0 && c < crease + 0.3 {
            lay(CREASE, f32::from(c < crease) * 0.75);
            lay(RED, stroke(c - crease, 0.028, foot_r(cx, y, c)));
        }
        let (colour, cover) = paint;
        let mut lit = blend(self.look.tint, colour, cover * self.look.paint).map(f32::from);

        let wear = self.look.wear;
        let cloud = bumps(x * 0.35, y * 0.35, self.seed) - 0.5 + (bumps(x * 1.4, y * 1.4, self.seed ^ 3) - 0.5) * 0.6;
        let fine = foot[0].max(foot[1]);
        let scratch = if fine < 0.12 {
            let cell = ((y * 36.0) as i32 as usize & (SCRATCH_SIDE - 1)) * SCRATCH_SIDE
                + ((x * 36.0) as i32 as usize & (SCRATCH_SIDE - 1));
            (f32::from(self.scratches[cell]) - 134.0) / 255.0 * (1.0 - fine / 0.12)
        } else {
            0.0
        };
        let snow = wear * (cloud * 9.0 + scratch * 34.0);
        // What the ice mirrors: rows of lamps twelve metres up, softened by the scratches, and the boards close by.
        let away = 12.0 / -ray[2];
        let (lx, ly) = (x + ray[0] * away, y + ray[1] * away);
        let lamp = ((lx * 0.55).sin() * 0.5 + 0.5).powi(3) * ((ly * 0.42).cos() * 0.5 + 0.5).powi(2);
        let flat = 1.0 + ray[2] / (ray[0] * ray[0] + ray[1] * ray[1] + ray[2] * ray[2]).sqrt();
        let shine = self.look.shine * (lamp * 26.0 * flat + (flat - 0.5) * 10.0);
        let rim = (1.0 + edge / 1.6).max(0.0) * -14.0 * self.look.shine;
        for c in &mut lit {
            *c = (*c + snow + shine + rim) * light;
        }
        lit.map(|c| c.clamp(0.0, 255.0) as u8)
    }
}
