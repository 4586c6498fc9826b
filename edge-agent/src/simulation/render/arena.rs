//! Everything around the ice that does not move: boards, glass, stands, crowd, benches. Comes in: a look and a view.
//! Goes out: triangles on two canvases, what stands beyond the ice and what stands between camera and ice.

mod people;

use super::{
    look::Look,
    raster::Canvas,
    texture::{Colour, Sheet, Texture, blend, shade, speckle},
    vector::Vector,
    view::View,
};
use crate::rink::Rink;

/// Height of the boards, metres.
pub const BOARDS_M: f32 = 1.07;

const WORDS: [&str; 16] = [
    "NORDIC AIR",
    "Baker & Sons",
    "CITY BANK",
    "ENGINEERS",
    "Ice Cream",
    "POLAR OIL",
    "FANE",
    "hockey.example",
    "RIVER TRAILS",
    "MOTORS",
    "Pizza 24",
    "INSURE",
    "SPRAY FOAM",
    "COFFEE",
    "ARENA TV",
    "Dental",
];

/// A run of boards: both ends, how far around the rink it begins, which way is out.
#[derive(Debug, Clone, Copy)]
struct Run {
    a: [f32; 2],
    b: [f32; 2],
    out: [f32; 2],
    index: i32,
}

/// The hall around one rink.
pub struct Arena<'a> {
    look: &'a Look,
    view: &'a View,
    runs: Vec<Run>,
    rink: Rink,
}

/// The two layers still things fall into.
pub struct Layers<'a> {
    /// Beyond the ice.
    pub far: &'a mut Canvas,
    /// Between the camera and the ice.
    pub near: &'a mut Canvas,
}

fn raised(p: [f32; 2], out: [f32; 2], d: f32, z: f32) -> Vector {
    [p[0] + out[0] * d, p[1] + out[1] * d, z]
}

impl<'a> Arena<'a> {
    /// Cuts the boards into runs as long as a pane of glass.
    pub fn new(rink: Rink, look: &'a Look, view: &'a View) -> Self {
        let outline = rink.boards_outline(48);
        let mut runs = Vec::new();
        for (i, from) in outline.iter().enumerate() {
            let to = outline[(i + 1) % outline.len()];
            let long = (to[0] - from[0]).hypot(to[1] - from[1]);
            let pieces = (long / f64::from(look.arena.panel_m)).round().max(1.0) as usize;
            for k in 0..pieces {
                let at = |k: usize| -> [f32; 2] {
                    let t = k as f64 / pieces as f64;
                    [0, 1].map(|j| (from[j] + (to[j] - from[j]) * t) as f32)
                };
                let (a, b) = (at(k), at(k + 1));
                let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
                let l = dx.hypot(dy).max(1e-6);
                // Counter-clockwise around the ice: outside is to the right of the way.
                runs.push(Run { a, b, out: [dy / l, -dx / l], index: runs.len() as i32 });
            }
        }
        Self { look, view, runs, rink }
    }

    fn is_near(&self, run: &Run) -> bool {
        let [x, y, _] = self.view.position;
        (x - run.a[0]) * run.out[0] + (y - run.a[1]) * run.out[1] > 0.0
    }

    fn roll(&self, i: i32, k: i32) -> f32 {
        speckle(i, k, self.look.seed as u32 ^ 0xA3E)
    }

    /// Draws it all.
    pub fn draw(&self, layers: &mut Layers) {
        self.stands(layers);
        if self.look.arena.bystanders {
            self.bystanders(layers);
        }
        self.boards(layers);
        self.glass(layers);
        self.heads(layers.near);
    }

    fn wall(&self, canvas: &mut Canvas, run: &Run, d: f32, [low, high]: [f32; 2], texture: &Texture, light: f32) {
        let corners = [
            raised(run.a, run.out, d, high),
            raised(run.b, run.out, d, high),
            raised(run.b, run.out, d, low),
            raised(run.a, run.out, d, low),
        ];
        canvas.sheet(self.view, corners, [0.0, 0.0, 1.0, 1.0], light, texture, 1);
    }

    fn floor(&self, canvas: &mut Canvas, run: &Run, [d0, d1]: [f32; 2], z: f32, texture: &Texture, light: f32) {
        let corners = [
            raised(run.a, run.out, d1, z),
            raised(run.b, run.out, d1, z),
            raised(run.b, run.out, d0, z),
            raised(run.a, run.out, d0, z),
        ];
        canvas.sheet(self.view, corners, [0.0, 0.0, 1.0, 1.0], light, texture, 1);
    }

    fn advert(&self, i: i32) -> Texture {
        let roll = |k: i32| self.roll(i, k);
        let any = |k: i32| -> Colour { std::array::from_fn(|c| (20.0 + 215.0 * roll(k + c as i32)) as u8) };
        let white = self.look.arena.boards;
        let ground = if roll(20) < 0.5 { blend(white, [240; 3], 0.5) } else { any(30) };
        let mut sheet = Sheet::new(256, 64, white);
        let margin = 0.06 + 0.1 * roll(21);
        sheet.paint(ground, |u, v| f32::from(u > margin && u < 1.0 - margin && v > 0.08 && v < 0.92));
        let ink = {
            let dark = ground.iter().map(|c| u32::from(*c)).sum::<u32>() > 380;
            if dark { shade(any(40), 0.55) } else { blend(any(40), [245; 3], 0.7) }
        };
        let second = any(50);
        if roll(22) < 0.5 {
            let (cx, r) = (0.2 + 0.6 * f32::from(roll(23) > 0.5), 0.28 + 0.12 * roll(24));
            sheet.paint(second, |u, v| {
                f32::from(
                    ((u - cx) * 4.0).hypot(v - 0.5) < r
                        && speckle((u * 24.0) as i32, (v * 6.0) as i32, i as u32) > 0.25,
                )
            });
        }
        let font = (roll(25) * 7.99) as i32;
        sheet.write(WORDS[(roll(26) * 15.99) as usize], [128.0, 28.0], 40.0, 190.0, font, 0.2, ink);
        if roll(27) < 0.5 {
            sheet.write(WORDS[(roll(28) * 15.99) as usize], [128.0, 52.0], 13.0, 120.0, 0, 0.12, second);
        }
        Texture::new(sheet)
    }

    fn boards(&self, layers: &mut Layers) {
        let arena = &self.look.arena;
        let mut scuffed = Sheet::new(64, 64, arena.boards);
        scuffed.wrinkle(6.0, 3.0, 0.06, 3);
        let (plain, kick, cap) = (Texture::new(scuffed), Texture::plain(arena.kick), Texture::plain(arena.cap));
        let outside = Texture::plain([34, 32, 32]);
        for run in &self.runs {
            if self.is_near(run) {
                self.wall(layers.near, run, 0.12, [0.0, BOARDS_M], &outside, 0.8);
                self.floor(layers.near, run, [0.0, 0.14], BOARDS_M + 0.02, &cap, 0.8);
                continue;
            }
            let light = 0.84 + 0.1 * (run.out[0] * 0.6 - run.out[1] * 0.4);
            self.wall(layers.far, run, 0.0, [0.2, BOARDS_M], &plain, light);
            self.wall(layers.far, run, -0.01, [0.0, 0.2], &kick, light);
            self.wall(layers.far, run, -0.01, [BOARDS_M - 0.02, BOARDS_M + 0.05], &cap, light);
        }
        // Adverts span two panes.
        for pair in self.runs.chunks(2) {
            let (first, last) = (pair[0], pair[pair.len() - 1]);
            if self.roll(first.index, 1) > arena.adverts || self.is_near(&first) || self.is_near(&last) {
                continue;
            }
            let visible = pair.iter().any(|run| {
                self.view.project(raised(run.a, run.out, 0.0, 0.6)).is_some_and(|[x, y, _]| {
                    x > -600.0
                        && y > -400.0
                        && x < self.view.size[0] as f32 + 600.0
                        && y < self.view.size[1] as f32 + 400.0
                })
            });
            if !visible {
                continue;
            }
            let texture = self.advert(first.index);
            for (i, run) in pair.iter().enumerate() {
                let light = 0.84 + 0.1 * (run.out[0] * 0.6 - run.out[1] * 0.4);
                let share = pair.len() as f32;
                // Seen from the ice, counter-clockwise runs to the left.
                let (u0, u1) = (1.0 - i as f32 / share, 1.0 - (i as f32 + 1.0) / share);
                let corners = [
                    raised(run.a, run.out, -0.015, 1.03),
                    raised(run.b, run.out, -0.015, 1.03),
                    raised(run.b, run.out, -0.015, 0.22),
                    raised(run.a, run.out, -0.015, 0.22),
                ];
                layers.far.sheet(self.view, corners, [u0, 0.0, u1, 0.999], light, &texture, 2);
            }
        }
    }

    fn glass(&self, layers: &mut Layers) {
        let arena = &self.look.arena;
        if arena.glass_m <= 0.0 {
            return;
        }
        let pane = Texture::clear(blend([176, 182, 178], arena.wall, 0.3), (arena.haze * 255.0) as u8);
        let near_pane = Texture::clear([196, 206, 202], (arena.haze * 150.0) as u8);
        let (post, edge, bracket) = (
            Texture::plain(arena.stanchion),
            Texture::clear([232, 236, 236], 150),
            Texture::plain(blend(arena.stanchion, [200, 200, 200], 0.5)),
        );
        let top = BOARDS_M + arena.glass_m;
        for run in &self.runs {
            let near = self.is_near(run);
            if near && !arena.near_glass {
                continue;
            }
            // Lower along the benches' side, as in most halls.
            let canvas = if near { &mut *layers.near } else { &mut *layers.far };
            self.wall(canvas, run, 0.05, [BOARDS_M, top], if near { &near_pane } else { &pane }, 1.0);
            self.wall(canvas, run, 0.05, [top - 0.012, top + 0.012], &edge, 1.0);
            let along = [run.b[0] - run.a[0], run.b[1] - run.a[1]];
            let part = |wide: f32| {
                let t = wide / along[0].hypot(along[1]).max(0.1);
                Run { b: [run.a[0] + along[0] * t, run.a[1] + along[1] * t], ..*run }
            };
            self.wall(canvas, &part(arena.stanchion_m), 0.04, [BOARDS_M, top - 0.02], &post, 0.9);
            if arena.stanchion_m < 0.05 {
                self.wall(canvas, &part(0.2), 0.03, [top - 0.13, top + 0.02], &bracket, 0.95);
            }
        }
    }

    fn stands(&self, layers: &mut Layers) {
        let arena = &self.look.arena;
        let bright = arena.stands_light;
        let (concrete, dark) = (Texture::plain(arena.wall), Texture::plain(shade(arena.wall, 0.55)));
        let steps = Texture::plain(blend(arena.wall, [200, 200, 200], 0.5));
        let seats = arena.seats.map(|colour| {
            let mut sheet = Sheet::new(32, 32, shade(arena.wall, 0.35));
            sheet.paint(colour, |u, v| f32::from(((u * 2.0).fract() - 0.5).abs() < 0.44 && v < 0.62));
            sheet.paint(shade(colour, 1.35), |u, v| 0.7 * f32::from(((u * 2.0).fract() - 0.5).abs() < 0.40 && v < 0.1));
            sheet.paint(shade(colour, 0.6), |u, v| {
                f32::from(((u * 2.0).fract() - 0.5).abs() < 0.44 && (0.62..0.9).contains(&v))
            });
            Texture::new(sheet)
        });
        let crowd: Vec<Texture> = (0..10).map(|i| self.spectator(i)).collect();
        let first = 2.2f32;
        let per_section = (9.0 / arena.panel_m).round() as i32;
        for run in &self.runs {
            let near = self.is_near(run);
            let canvas = if near { &mut *layers.near } else { &mut *layers.far };
            let [x, y, height] = self.view.position;
            let away = (x - run.a[0]) * run.out[0] + (y - run.a[1]) * run.out[1];
            // Rows before the camera end where they would hide the ice: people film from above other heads.
            let hides =
                |d: f32, z: f32| near && (d + 2.0 > away || z + 1.4 > BOARDS_M + (height - BOARDS_M) * d / away);
            if near && (away < first || height < 3.0) {
                continue;
            }
            self.floor(canvas, run, [0.14, first], 0.0, &dark, bright * 0.8);
            let stairs = run.index.rem_euclid(per_section) == 0;
            let block = (run.index / (per_section * 2)).rem_euclid(2) as usize;
            self.wall(canvas, run, first, [0.0, 0.9], &concrete, bright);
            for row in 0..arena.rows {
                let (d, z) = (first + 0.85 * row as f32, 0.9 + 0.42 * row as f32);
                if hides(d, z) {
                    break;
                }
                let lit = bright * (0.85 + 0.15 * self.roll(run.index, row as i32 + 60)) * (1.0 - 0.012 * row as f32);
                let tread = if stairs { &steps } else { &dark };
                self.floor(canvas, run, [d, d + 0.85], z, tread, lit);
                self.wall(canvas, run, d + 0.85, [z, z + 0.42], if stairs { &concrete } else { &dark }, lit);
                if stairs {
                    self.wall(canvas, run, d + 0.42, [z, z + 0.2], &steps, lit * 0.9);
                    self.floor(canvas, run, [d + 0.42, d + 0.85], z + 0.2, &steps, lit);
                    continue;
                }
                self.wall(canvas, run, d + 0.6, [z + 0.15, z + 0.85], &seats[block], lit);
                for seat in 0..2 {
                    let key = run.index * 2 + seat;
                    if self.roll(key, row as i32 + 100) < arena.crowd {
                        let t = seat as f32 * 0.5 + 0.25;
                        let at: [f32; 2] = [0, 1].map(|j| run.a[j] + (run.b[j] - run.a[j]) * t);
                        let way = [-run.out[1] * 0.3, run.out[0] * 0.3];
                        let part =
                            Run { a: [at[0] - way[0], at[1] - way[1]], b: [at[0] + way[0], at[1] + way[1]], ..*run };
                        let tall = 0.95 + 0.5 * f32::from(self.roll(key, row as i32 + 400) < 0.1);
                        let who = (self.roll(key, row as i32 + 200) * crowd.len() as f32) as usize;
                        self.wall(
                            canvas,
                            &part,
                            d + 0.45,
                            [z + 0.25, z + 0.25 + tall],
                            &crowd[who.min(crowd.len() - 1)],
                            lit * 1.05,
                        );
                    }
                }
            }
            if near {
                continue;
            }
            let (d, z) = (first + 0.85 * arena.rows as f32, 0.9 + 0.42 * arena.rows as f32);
            self.wall(canvas, run, d, [z, z + 8.0], if stairs { &dark } else { &concrete }, bright * 0.55);
        }
    }
}
