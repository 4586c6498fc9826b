//! One camera's pictures: what stands still is kept, what moves is drawn over a copy of it.

use super::{
    Class, Label,
    arena::{Arena, Layers},
    figure::{BODY, Figure, Outfit},
    film::{Film, defocus, smear},
    goal::Goal,
    ice::Ice,
    kit::Wardrobe,
    look::Look,
    paint_figure,
    raster::{Canvas, Pixel},
    skeleton::Skeleton,
    view::View,
};
use crate::{
    geometry::{Camera, Rect},
    rink::Rink,
    simulation::{Person, Puck, Truth},
};
use firmware_protocol::network::{Role, Side};
use std::collections::HashMap;

/// A rectangle of finished pixels that lies somewhere in the picture.
#[derive(Debug, Default)]
struct Patch {
    left: i32,
    top: i32,
    width: usize,
    height: usize,
    pixels: Vec<Pixel>,
    /// 1 where the thing itself is, apart from its stick.
    solid: Vec<u8>,
}

/// What is drawn in order of distance.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Item {
    Person(usize),
    Puck,
    Goal(usize),
}

/// Draws what one camera sees.
pub struct Renderer {
    view: View,
    look: Look,
    film: Film,
    background: Vec<u8>,
    /// What stands before the camera, premultiplied; empty when nothing does.
    foreground: Vec<Pixel>,
    goals: Vec<(f32, Patch)>,
    clothes: HashMap<(u32, Role, Option<Side>, u8), Wardrobe>,
    figure: Figure,
    canvas: Canvas,
    patch: Patch,
    scratch: Vec<Pixel>,
    /// For each pixel who is in front: index among the people plus one; 255 is the puck, 0 nobody.
    owner: Vec<u8>,
    order: Vec<(f32, Item)>,
    labels: Vec<Label>,
    /// For each label the owner's mark and how many pixels it would have, seen whole.
    sizes: Vec<(u8, u32)>,
}

const PUCK: u8 = 255;

impl Renderer {
    /// Draws everything that stands still.
    pub fn new(camera: &Camera, rink: Rink, look: Look) -> Self {
        let view = View::new(camera);
        let [w, h] = view.size;
        let seed = look.seed as u32;
        let film = Film::new(&look.film, seed);
        let (mut far, mut near) = (Canvas::default(), Canvas::default());
        far.reset(w, h, 0.0, 0.0, 1.0);
        near.reset(w, h, 0.0, 0.0, 1.0);
        let [b, g, r] = super::texture::shade(look.arena.wall, 0.3 * look.arena.stands_light);
        far.pixels.fill([b, g, r, 255]);
        Arena::new(rink, &look, &view).draw(&mut Layers { far: &mut far, near: &mut near });
        Ice::new(rink, &look).draw(&mut far, &view, 1.0, 0);

        let mut renderer = Self {
            film,
            background: vec![0; w * h * 3],
            foreground: Vec::new(),
            goals: Vec::new(),
            clothes: HashMap::new(),
            figure: Figure::default(),
            canvas: Canvas::default(),
            patch: Patch::default(),
            scratch: Vec::with_capacity(w.max(h)),
            owner: vec![0; w * h],
            order: Vec::with_capacity(64),
            labels: Vec::with_capacity(64),
            sizes: Vec::with_capacity(64),
            view,
            look,
        };
        let before_camera = near.pixels.iter().any(|p| p[3] > 0);
        renderer.develop(&mut far.pixels);
        if before_camera {
            renderer.develop(&mut near.pixels);
            for (under, over) in far.pixels.iter_mut().zip(&near.pixels) {
                let rest = 255 - u32::from(over[3]);
                *under = std::array::from_fn(|k| {
                    (u32::from(over[k]) + (u32::from(under[k]) * rest + 127) / 255).min(255) as u8
                });
            }
            renderer.foreground = near.pixels;
        }
        for (out, pixel) in renderer.background.chunks_exact_mut(3).zip(&far.pixels) {
            out.copy_from_slice(&pixel[..3]);
        }
        for end in [-1.0, 1.0] {
            renderer.place_goal(&Goal::new(&rink, end));
        }
        renderer
    }

    /// The picture of the whole camera as its sensor writes it.
    fn develop(&mut self, pixels: &mut [Pixel]) {
        let [w, h] = self.view.size;
        for (i, pixel) in pixels.iter_mut().enumerate() {
            if pixel[3] > 0 {
                let dim = self.vignette((i % w) as f32, (i / w) as f32);
                *pixel = dimmed(graded(&self.film, *pixel), dim);
            }
        }
        defocus(pixels, &mut self.scratch, w, h, self.look.film.blur_px);
        smear(pixels, &mut self.scratch, w, h, self.look.film.pan_px);
    }

    fn vignette(&self, x: f32, y: f32) -> u32 {
        let [w, h] = self.view.size.map(|s| s as f32);
        let (dx, dy) = (x / w - 0.5, y / h - 0.5);
        ((1.0 - self.look.film.vignette * 2.0 * (dx * dx + dy * dy)).clamp(0.0, 1.0) * 256.0) as u32
    }

    fn place_goal(&mut self, goal: &Goal) {
        let mut bounds: Option<[f32; 4]> = None;
        for corner in goal.corners() {
            let Some([x, y, _]) = self.view.project(corner) else { return };
            let [l, t, r, b] = bounds.unwrap_or([x, y, x, y]);
            bounds = Some([l.min(x), t.min(y), r.max(x), b.max(y)]);
        }
        let Some(bounds) = bounds else { return };
        if !self.lay_canvas(bounds, 2.0, 0.0) {
            return;
        }
        goal.draw(&mut self.canvas, &self.view);
        let mut patch = Patch::default();
        std::mem::swap(&mut patch, &mut self.patch);
        self.resolve(&mut patch, [0.0; 2]);
        self.goals.push((self.distance(goal.middle()), patch));
    }

    fn distance(&self, place: [f32; 3]) -> f32 {
        super::vector::length(super::vector::subtract(place, self.view.position))
    }

    /// Makes the canvas ready for something within `bounds` (left, top, right, bottom); `false` when out of sight.
    fn lay_canvas(&mut self, bounds: [f32; 4], scale: f32, smear_px: f32) -> bool {
        let [w, h] = self.view.size.map(|s| s as f32);
        let room = 3.0 + self.look.film.blur_px * 3.0 + smear_px;
        let [left, top, right, bottom] = [bounds[0] - room, bounds[1] - room, bounds[2] + room, bounds[3] + room];
        if right < 0.0 || bottom < 0.0 || left > w || top > h {
            return false;
        }
        // Outside the picture only as far as it matters for the share that is seen.
        let (left, top) = (left.max(-w / 2.0).floor(), top.max(-h / 2.0).floor());
        let (right, bottom) = (right.min(w * 1.5).ceil(), bottom.min(h * 1.5).ceil());
        let (wide, tall) = ((right - left) as usize, (bottom - top) as usize);
        (self.patch.left, self.patch.top, self.patch.width, self.patch.height) = (left as i32, top as i32, wide, tall);
        let s = scale as usize;
        self.canvas.reset(wide * s, tall * s, left, top, scale);
        true
    }

    /// Averages the canvas into the patch and develops it.
    fn resolve(&mut self, patch: &mut Patch, moved_px: [f32; 2]) {
        let s = self.canvas.scale as usize;
        let dim =
            self.vignette(patch.left as f32 + patch.width as f32 / 2.0, patch.top as f32 + patch.height as f32 / 2.0);
        patch.pixels.clear();
        patch.solid.clear();
        let whole = (s * s) as u32;
        for y in 0..patch.height {
            for x in 0..patch.width {
                let (mut sum, mut solid) = ([0u32; 4], 0);
                for j in 0..s {
                    let start = (y * s + j) * self.canvas.width + x * s;
                    for i in start..start + s {
                        let p = self.canvas.pixels[i];
                        if p[3] > 0 {
                            (0..4).for_each(|k| sum[k] += u32::from(p[k]));
                            solid += u32::from(self.canvas.tags[i] == BODY);
                        }
                    }
                }
                patch.solid.push(u8::from(solid * 2 >= whole && solid > 0));
                patch.pixels.push(if sum[3] == 0 {
                    [0; 4]
                } else {
                    dimmed(graded(&self.film, sum.map(|c| (c / whole) as u8)), dim)
                });
            }
        }
        let film = &self.look.film;
        defocus(&mut patch.pixels, &mut self.scratch, patch.width, patch.height, film.blur_px);
        smear(
            &mut patch.pixels,
            &mut self.scratch,
            patch.width,
            patch.height,
            [film.pan_px[0] + moved_px[0], film.pan_px[1] + moved_px[1]],
        );
    }

    /// Draws the instant into `picture`, height × width × 3 bytes.
    pub fn render(&mut self, truth: &Truth, picture: &mut [u8]) {
        let [w, _] = self.view.size;
        picture.copy_from_slice(&self.background);
        self.owner.fill(0);
        self.labels.clear();
        self.sizes.clear();
        self.order.clear();
        for (i, person) in truth.people.iter().enumerate() {
            let place = [person.position_m[0] as f32, person.position_m[1] as f32, 0.5];
            self.order.push((self.distance(place), Item::Person(i)));
            self.shade(person, picture);
        }
        for (i, (distance, _)) in self.goals.iter().enumerate() {
            self.order.push((*distance, Item::Goal(i)));
        }
        // A hand's width nearer: a puck on a stick lies before its carrier's skates.
        self.order.push((self.distance(truth.puck.position_m.map(|f| f as f32)) - 0.1, Item::Puck));
        self.order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        for i in 0..self.order.len() {
            match self.order[i].1 {
                Item::Person(k) => self.draw_person(&truth.people[k], k as u8 + 1, picture),
                Item::Puck => self.draw_puck(&truth.puck, picture),
                Item::Goal(k) => {
                    let (distance, patch) = std::mem::take(&mut self.goals[k]);
                    self.compose(&patch, 0, picture);
                    self.goals[k] = (distance, patch);
                }
            }
        }
        self.measure();
        self.film.grain(picture, w, truth.time_us as u64);
    }

    /// Who was seen in the last picture, without noise or guess.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// Bytes and places of the buffers that a frame reuses.
    #[cfg(test)]
    pub(super) fn memory(&self) -> [usize; 6] {
        [
            self.figure.points.capacity(),
            self.figure.triangles.capacity(),
            self.canvas.pixels.capacity(),
            self.patch.pixels.capacity(),
            self.scratch.capacity(),
            self.labels.capacity() + self.sizes.capacity() + self.order.capacity(),
        ]
    }

    fn draw_person(&mut self, person: &Person, mark: u8, picture: &mut [u8]) {
        let seed = self.look.seed as u32;
        let mut skeleton = Skeleton::of(person, seed);
        if !self.look.sticks {
            skeleton.stick = None;
        }
        let outfit = match person.role {
            Role::Skater => Outfit::Skater,
            Role::Goalie => Outfit::Goalie,
            Role::Official => Outfit::Official,
        };
        let (Some(low), Some(high)) = (self.view.project(skeleton.ankle[0]), self.view.project(skeleton.head)) else {
            return;
        };
        let tall = (high[1] - low[1]).hypot(high[0] - low[0]);
        self.figure.dress(&skeleton, outfit, &self.look.light);
        self.figure.project(&self.view);
        let mut bounds = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
        for &[x, y, near] in &self.figure.projected {
            if near > 0.0 {
                bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
            }
        }
        if bounds[0] > bounds[2] {
            return;
        }
        let moved = self.moved(
            [person.position_m[0], person.position_m[1], 1.0],
            [person.velocity_mps[0], person.velocity_mps[1], 0.0],
        );
        // Fine enough that the smallest still have limbs.
        let scale = if tall < 45.0 {
            4.0
        } else if tall < 110.0 {
            3.0
        } else if tall < 330.0 {
            2.0
        } else {
            1.0
        };
        if !self.lay_canvas(bounds, scale, moved[0].hypot(moved[1])) {
            return;
        }
        let look = &self.look;
        let clothes = self
            .clothes
            .entry((person.id, person.role, person.side, person.number))
            .or_insert_with(|| Wardrobe::new(look, person.role, person.side, person.number, person.id));
        paint_figure(&mut self.canvas, &self.view, &mut self.figure, clothes);
        let mut patch = std::mem::take(&mut self.patch);
        self.resolve(&mut patch, moved);
        self.mirror(&patch, low[1].max(self.view.project(skeleton.ankle[1]).map_or(low[1], |p| p[1])), picture);
        self.compose(&patch, mark, picture);
        let class = match person.role {
            Role::Skater => Class::Skater,
            Role::Goalie => Class::Goalie,
            Role::Official => Class::Official,
        };
        self.note(
            &patch,
            mark,
            Label {
                id: person.id,
                class,
                rect: Rect::default(),
                whole: Rect::default(),
                visible: 0.0,
                side: person.side,
                number: person.number,
            },
        );
        self.patch = patch;
    }

    /// How far something smears while the shutter is open, pixels.
    fn moved(&self, place: [f64; 3], velocity: [f64; 3]) -> [f32; 2] {
        let shutter = f64::from(self.look.film.shutter_s);
        let at = |t: f64| self.view.project(std::array::from_fn(|k| (place[k] + velocity[k] * t) as f32));
        match (at(-shutter / 2.0), at(shutter / 2.0)) {
            (Some(a), Some(b)) => [(b[0] - a[0]).clamp(-60.0, 60.0), (b[1] - a[1]).clamp(-60.0, 60.0)],
            _ => [0.0; 2],
        }
    }

    fn draw_puck(&mut self, puck: &Puck, picture: &mut [u8]) {
        let place = puck.position_m.map(|f| f as f32);
        let Some([x, y, near]) = self.view.project([place[0], place[1], place[2] + 0.0127]) else { return };
        let wide = 0.038 * self.view.focal * near;
        let sink = ((self.view.position[2] - place[2]) / self.distance(place)).clamp(0.0, 1.0);
        let tall = wide * sink + 0.0127 * self.view.focal * near * (1.0 - sink * sink).sqrt();
        if !self.lay_canvas([x - wide, y - tall, x + wide, y + tall], 1.0, 0.0) {
            return;
        }
        let moved = self.moved(puck.position_m, puck.velocity_mps);
        let mut patch = std::mem::take(&mut self.patch);
        patch.pixels.clear();
        patch.solid.clear();
        let [b, g, r, _] = self.film.grade([26, 24, 24, 255]);
        for j in 0..patch.height {
            for i in 0..patch.width {
                let inside = (0..16).filter(|k| {
                    let (dx, dy) = (
                        patch.left as f32 + i as f32 + ((k % 4) as f32 + 0.5) / 4.0 - x,
                        patch.top as f32 + j as f32 + ((k / 4) as f32 + 0.5) / 4.0 - y,
                    );
                    (dx / wide).hypot(dy / tall.max(0.05)) < 1.0
                });
                let cover = inside.count() as u32 * 255 / 16;
                patch.solid.push(u8::from(cover > 100));
                patch.pixels.push([b, g, r, 255].map(|c| (u32::from(c) * cover / 255) as u8));
            }
        }
        let film = &self.look.film;
        defocus(&mut patch.pixels, &mut self.scratch, patch.width, patch.height, film.blur_px);
        smear(
            &mut patch.pixels,
            &mut self.scratch,
            patch.width,
            patch.height,
            [film.pan_px[0] + moved[0], film.pan_px[1] + moved[1]],
        );
        self.compose(&patch, PUCK, picture);
        self.note(
            &patch,
            PUCK,
            Label {
                id: 0,
                class: Class::Puck,
                rect: Rect::default(),
                whole: Rect::default(),
                visible: 0.0,
                side: None,
                number: 0,
            },
        );
        self.patch = patch;
    }

    /// Lays a patch over the picture and under what stands before the camera.
    fn compose(&mut self, patch: &Patch, mark: u8, picture: &mut [u8]) {
        let [w, h] = self.view.size;
        let Some((columns, rows)) = clip(patch, w, h) else { return };
        for y in rows {
            let from = y as usize * w;
            let line = (y - patch.top) as usize * patch.width;
            for x in columns.clone() {
                let cell = line + (x - patch.left) as usize;
                let p = patch.pixels[cell];
                if p[3] == 0 {
                    continue;
                }
                let at = from + x as usize;
                let veil = self.foreground.get(at).copied().unwrap_or_default();
                let (rest, clear) = (255 - u32::from(p[3]), 255 - u32::from(veil[3]));
                for k in 0..3 {
                    let shown = u32::from(p[k]) * clear + u32::from(veil[k]) * u32::from(p[3]);
                    let old = &mut picture[at * 3 + k];
                    *old = ((u32::from(*old) * rest + shown + 127) / 255).min(255) as u8;
                }
                if patch.solid[cell] == 1 && mark > 0 {
                    self.owner[at] = if veil[3] < 140 { mark } else { 0 };
                } else if p[3] > 150 {
                    self.owner[at] = 0;
                }
            }
        }
    }

    /// The faint image of somebody in the ice below their skates.
    fn mirror(&self, patch: &Patch, ground: f32, picture: &mut [u8]) {
        let strength = self.look.light.mirror;
        let [w, h] = self.view.size;
        let (ground, reach) = (ground.round() as i32 + 2, (patch.height as f32 * 0.3) as i32);
        if strength <= 0.0 {
            return;
        }
        for y in ground.max(0)..(ground + reach).min(h as i32) {
            // Rough ice: the image loses its shape within half a leg.
            let from = 2 * ground - y - patch.top;
            if from < 0 || from >= patch.height as i32 {
                continue;
            }
            let fade = (strength * 256.0 * (1.0 - (y - ground) as f32 / reach as f32)) as u32;
            for x in patch.left.max(0)..(patch.left + patch.width as i32).min(w as i32) {
                let p = patch.pixels[from as usize * patch.width + (x - patch.left) as usize];
                let at = y as usize * w + x as usize;
                let clear = 255 - u32::from(self.foreground.get(at).map_or(0, |v| v[3]));
                for k in 0..3 {
                    let old = &mut picture[at * 3 + k];
                    let gone = (u32::from(*old) * u32::from(p[3]) / 255).saturating_sub(u32::from(p[k])) * fade / 256
                        * clear
                        / 255;
                    *old = (u32::from(*old) - gone.min(u32::from(*old))) as u8;
                }
            }
        }
    }

    /// Soft darkness on the ice around the skates.
    fn shade(&self, person: &Person, picture: &mut [u8]) {
        let strength = self.look.light.shadow;
        let [w, h] = self.view.size;
        let place = person.position_m.map(|f| f as f32);
        let Some([x, y, near]) = self.view.project([place[0], place[1], 0.0]) else { return };
        if strength <= 0.0 {
            return;
        }
        let wide = 0.55 * self.view.focal * near;
        let tall = (wide * self.view.position[2] * near).clamp(1.0, wide.max(1.0));
        let (left, right) = ((x - wide).max(0.0) as usize, (x + wide).clamp(0.0, w as f32) as usize);
        let (top, bottom) = ((y - tall).max(0.0) as usize, (y + tall).clamp(0.0, h as f32) as usize);
        for j in top..bottom {
            for i in left..right {
                let (dx, dy) = ((i as f32 - x) / wide, (j as f32 - y) / tall);
                let r2 = dx * dx + dy * dy;
                if r2 < 1.0 {
                    let at = j * w + i;
                    let clear = 255 - u32::from(self.foreground.get(at).map_or(0, |v| v[3]));
                    let keep = 256 - ((strength * (1.0 - r2) * (1.0 - r2) * clear as f32) as u32).min(256);
                    for c in &mut picture[at * 3..at * 3 + 3] {
                        *c = (u32::from(*c) * keep >> 8) as u8;
                    }
                }
            }
        }
    }

    /// Remembers how large something is, seen whole.
    fn note(&mut self, patch: &Patch, mark: u8, mut label: Label) {
        let [w, h] = self.view.size;
        let count = patch.solid.iter().map(|s| u32::from(*s)).sum();
        let Some((columns, rows)) = clip(patch, w, h) else { return };
        label.whole = extent(columns, rows, |x, y| {
            patch.solid[(y - patch.top) as usize * patch.width + (x - patch.left) as usize] == 1
        })
        .map_or(Rect::default(), |(rect, _)| rect);
        if label.whole.w > 0.0 {
            self.labels.push(label);
            self.sizes.push((mark, count));
        }
    }

    /// Finds what is left of everybody once all are drawn.
    fn measure(&mut self) {
        let w = self.view.size[0];
        let mut kept = 0;
        for i in 0..self.labels.len() {
            let mut label = self.labels[i];
            let (mark, count) = self.sizes[i];
            let r = label.whole;
            let (x, y) = (r.x as i32, r.y as i32);
            let owner = &self.owner;
            let seen = extent(x..x + r.w as i32, y..y + r.h as i32, |x, y| owner[y as usize * w + x as usize] == mark);
            if let Some((rect, pixels)) = seen {
                label.rect = rect;
                label.visible = pixels as f32 / count.max(1) as f32;
                self.labels[kept] = label;
                kept += 1;
            }
        }
        self.labels.truncate(kept);
    }
}

/// The smallest rectangle around the cells that are `inside`, and how many they are.
fn extent(
    columns: std::ops::Range<i32>,
    rows: std::ops::Range<i32>,
    inside: impl Fn(i32, i32) -> bool,
) -> Option<(Rect, u32)> {
    let (mut l, mut t, mut r, mut b, mut count) = (i32::MAX, i32::MAX, i32::MIN, i32::MIN, 0);
    for y in rows {
        for x in columns.clone() {
            if inside(x, y) {
                (l, t, r, b) = (l.min(x), t.min(y), r.max(x), b.max(y));
                count += 1;
            }
        }
    }
    (count > 0).then(|| (Rect { x: l as f32, y: t as f32, w: (r - l + 1) as f32, h: (b - t + 1) as f32 }, count))
}

fn clip(patch: &Patch, w: usize, h: usize) -> Option<(std::ops::Range<i32>, std::ops::Range<i32>)> {
    let columns = patch.left.max(0)..(patch.left + patch.width as i32).min(w as i32);
    let rows = patch.top.max(0)..(patch.top + patch.height as i32).min(h as i32);
    (!columns.is_empty() && !rows.is_empty()).then_some((columns, rows))
}

/// Colour as the camera sees it, of a pixel that is multiplied by its cover.
fn graded(film: &Film, pixel: Pixel) -> Pixel {
    let cover = u32::from(pixel[3]);
    if cover == 255 {
        return film.grade(pixel);
    }
    let full = [pixel[0], pixel[1], pixel[2]].map(|c| (u32::from(c) * 255 / cover.max(1)).min(255) as u8);
    let [b, g, r, _] = film.grade([full[0], full[1], full[2], 255]);
    let back = |c: u8| (u32::from(c) * cover / 255) as u8;
    [back(b), back(g), back(r), pixel[3]]
}

fn dimmed(pixel: Pixel, by: u32) -> Pixel {
    let dim = |c: u8| ((u32::from(c) * by) >> 8).min(255) as u8;
    [dim(pixel[0]), dim(pixel[1]), dim(pixel[2]), pixel[3]]
}
