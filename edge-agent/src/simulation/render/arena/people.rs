//! People who are not on the ice: crowd, benches, staff, heads before the camera. Never labelled: a detector has to
//! learn that they do not play.

use super::{Arena, Layers};
use crate::simulation::{
    Person,
    render::{
        figure::{Figure, Outfit},
        kit::Wardrobe,
        paint_figure,
        raster::Canvas,
        skeleton::{Hands, Skeleton, Stance},
        texture::{Colour, Sheet, Texture, blend, shade},
    },
};
use firmware_protocol::network::{Role, Side};

impl Arena<'_> {
    pub(super) fn spectator(&self, i: i32) -> Texture {
        let roll = |k: i32| self.roll(i, k + 500);
        let mut sheet = Sheet::empty(32, 64);
        let coat: Colour = if roll(0) < 0.35 {
            self.look.kits[0].jersey
        } else {
            std::array::from_fn(|c| (15.0 + 190.0 * roll(1 + c as i32) * roll(5)) as u8)
        };
        let skin = blend([150, 176, 220], [60, 80, 120], roll(6));
        let hair = blend([20, 22, 26], [110, 140, 170], roll(7) * roll(7));
        sheet.paint(coat, |u, v| f32::from(v > 0.34 && (u - 0.5).abs() < 0.26 + 0.2 * ((v - 0.34) * 3.0).min(1.0)));
        sheet.paint(shade(coat, 0.6), |u, v| f32::from(v > 0.7 && (u - 0.5).abs() < 0.36));
        sheet.paint(skin, |u, v| f32::from(((u - 0.5) / 0.2).hypot((v - 0.2) / 0.14) < 1.0));
        sheet.paint(hair, |u, v| {
            f32::from(((u - 0.5) / 0.22).hypot((v - 0.17) / 0.14) < 1.0 && v < 0.17 + 0.05 * roll(8))
        });
        Texture::new(sheet)
    }

    /// People beside the ice. Never labelled: a detector has to learn that they are not on it.
    pub(super) fn bystanders(&self, layers: &mut Layers) {
        let mut figure = Figure::default();
        let half = self.rink.width_m as f32 / 2.0;
        let mut person = Person {
            id: 9000,
            role: Role::Skater,
            side: Some(Side::Home),
            number: 1,
            position_m: [0.0; 2],
            velocity_mps: [0.0; 2],
            heading_rad: 0.0,
            stride: 0.0,
        };
        for bench in [Side::Home, Side::Away] {
            let sign = if bench == Side::Home { -1.0 } else { 1.0 };
            for i in 0..11 {
                let key = 700 + i + if bench == Side::Home { 0 } else { 40 };
                if self.roll(key, 0) < 0.3 {
                    continue;
                }
                let number = (self.roll(key, 1) * 96.0) as u8 + 2;
                let staff = i % 5 == 4;
                let (x, d) = (sign * (2.5 + 0.8 * i as f32), if staff { 1.7 } else { 0.75 });
                person.position_m = [f64::from(x), f64::from(half + d)];
                person.heading_rad = -std::f64::consts::FRAC_PI_2 + f64::from(self.roll(key, 2) - 0.5) * 1.5;
                (person.id, person.side, person.number) = (9000 + key as u32, Some(bench), number);
                let clothes = if staff {
                    self.coat(key)
                } else {
                    Wardrobe::new(self.look, Role::Skater, Some(bench), number, person.id)
                };
                let stance = Stance {
                    crouch: if staff { 0.0 } else { 0.5 * self.roll(key, 3) },
                    lean: 0.5 * self.roll(key, 4),
                    effort: 0.0,
                    hands: Hands::Hanging,
                };
                self.stand(
                    layers,
                    &mut figure,
                    &person,
                    stance,
                    &clothes,
                    if staff { Outfit::Official } else { Outfit::Skater },
                );
            }
        }
        for run in &self.runs {
            if self.roll(run.index, 10) > 0.08 {
                continue;
            }
            let d = f64::from(0.6 + 1.2 * self.roll(run.index, 11));
            person.position_m = [0, 1].map(|j| f64::from(run.a[j]) + f64::from(run.out[j]) * d);
            person.heading_rad = f64::from((-run.out[1]).atan2(-run.out[0]) + (self.roll(run.index, 12) - 0.5) * 3.0);
            (person.id, person.side) = (9500 + run.index as u32, None);
            let stance = Stance {
                crouch: 0.0,
                lean: 0.08,
                effort: 0.0,
                hands: if self.roll(run.index, 13) < 0.4 { Hands::Hips } else { Hands::Hanging },
            };
            self.stand(
                layers,
                &mut figure,
                &Person { role: Role::Official, ..person },
                stance,
                &self.coat(run.index),
                Outfit::Official,
            );
        }
    }

    pub(super) fn coat(&self, key: i32) -> Wardrobe {
        let roll = |k: i32| self.roll(key, k + 20);
        let coat = std::array::from_fn(|c| (18.0 + 170.0 * roll(c as i32) * roll(4)) as u8);
        Wardrobe::bystander(coat, shade([70, 60, 56], 0.3 + roll(5)), key as u32)
    }

    pub(super) fn stand(
        &self,
        layers: &mut Layers,
        figure: &mut Figure,
        person: &Person,
        stance: Stance,
        clothes: &Wardrobe,
        outfit: Outfit,
    ) {
        let [x, y] = person.position_m.map(|f| f as f32);
        let near = self.runs.iter().filter(|run| self.is_near(run)).any(|run| (x - run.a[0]).hypot(y - run.a[1]) < 3.0);
        if near && self.roll(1, 77) < 0.5 {
            return;
        }
        let mut skeleton = Skeleton::posed(person, stance, self.look.seed as u32, 0.05);
        skeleton.stick = None;
        figure.dress(&skeleton, outfit, &self.look.light);
        let canvas = if near { &mut *layers.near } else { &mut *layers.far };
        paint_figure(canvas, self.view, figure, clothes);
    }

    /// Backs of heads and shoulders of people who sit before the camera.
    pub(super) fn heads(&self, canvas: &mut Canvas) {
        let mut figure = Figure::default();
        let [x, y, z] = self.view.position;
        if z < 2.5 {
            return;
        }
        let f = self.view.axes[2];
        let (fx, fy) = {
            let l = f[0].hypot(f[1]).max(1e-3);
            (f[0] / l, f[1] / l)
        };
        for i in 0..self.look.arena.near_heads as i32 {
            let (away, aside) = (3.0 + 5.0 * self.roll(i, 40), (self.roll(i, 41) - 0.5) * 9.0);
            let place = [x + fx * away - fy * aside, y + fy * away + fx * aside];
            if self.rink.boards_distance(place.map(f64::from)) < 1.0 {
                continue;
            }
            let person = Person {
                id: i as u32 + 9900,
                role: Role::Official,
                side: None,
                number: 0,
                position_m: place.map(f64::from),
                velocity_mps: [0.0; 2],
                heading_rad: f64::from(fy.atan2(fx)),
                stride: 0.0,
            };
            let stance = Stance { crouch: 0.3, lean: 0.1, effort: 0.0, hands: Hands::Hanging };
            let skeleton = Skeleton::posed(
                &person,
                stance,
                self.look.seed as u32,
                z - 2.6 - away * (0.30 + 0.2 * self.roll(i, 42)),
            );
            figure.dress(&skeleton, Outfit::Official, &self.look.light);
            paint_figure(canvas, self.view, &mut figure, &self.coat(i + 300));
        }
    }
}
