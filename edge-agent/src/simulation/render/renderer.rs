//! One camera's pictures: what stands still is kept, what moves is drawn over a copy of it.

mod ground;
mod labels;
mod patch;

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
    texture::speckle,
    view::View,
};
use crate::{
    geometry::{Camera, Rect},
    rink::Rink,
    simulation::{Person, Puck, Truth},
};
use firmware_protocol::network::{Role, Side};
use patch::{clip, dimmed, graded};
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
    /// The background with noise on it, a few times over, each made when first needed: noise for a whole picture
    /// costs more than all the people in it.
    grainy: [Vec<u8>; GRAINS],
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
    /// Chooses the noise of this picture.
    turn: usize,
    labels: Vec<Label>,
    /// For each label the owner's mark and how many pixels it would have, seen whole.
    sizes: Vec<(u8, u32)>,
}

const PUCK: u8 = 255;
/// Different noises of a background. Four do not look frozen.
const GRAINS: usize = 4;

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
            grainy: Default::default(),
            turn: 0,
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

    /// Draws the instant into `picture`, height × width × 3 bytes.
    pub fn render(&mut self, truth: &Truth, picture: &mut [u8]) {
        let [w, _] = self.view.size;
        self.turn = (speckle((truth.time_us / 1000) as i32, (truth.time_us >> 36) as i32, 5) * 65535.0) as usize;
        let grainy = &mut self.grainy[self.turn % GRAINS];
        if grainy.is_empty() {
            grainy.extend_from_slice(&self.background);
            self.film.grain(grainy, w, (self.turn % GRAINS) as u64);
        }
        picture.copy_from_slice(grainy);
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
        let scale = if tall < 60.0 {
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
}
