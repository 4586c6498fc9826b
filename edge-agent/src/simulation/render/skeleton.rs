//! Where a person's joints are. Comes in: place, heading, speed, stride and a habit of standing. Goes out: joints in
//! the world, metres. Continuous in time, so that films move.

use super::{
    texture::speckle,
    vector::{UP, Vector, add, along, cross, dot, length, scale, subtract, unit},
};
use crate::simulation::Person;
use firmware_protocol::network::Role;

/// Joints of one person, metres; index 0 is left, 1 right.
#[derive(Debug, Clone, Copy)]
pub struct Skeleton {
    /// Size beside a person of 1.80 m.
    pub size: f32,
    /// Girth beside a usual person.
    pub girth: f32,
    /// Left, forward of the chest.
    pub left: Vector,
    pub forward: Vector,
    pub hips: Vector,
    /// From hips to neck, length one.
    pub spine: Vector,
    pub neck: Vector,
    pub head: Vector,
    /// Where the face points and the crown of the head.
    pub face: Vector,
    pub crown: Vector,
    pub hip: [Vector; 2],
    pub knee: [Vector; 2],
    pub ankle: [Vector; 2],
    /// Where toes point.
    pub toe: [Vector; 2],
    pub shoulder: [Vector; 2],
    pub elbow: [Vector; 2],
    pub hand: [Vector; 2],
    /// Top of the shaft, heel of the blade and tip of the blade.
    pub stick: Option<[Vector; 3]>,
}

/// How somebody carries themselves.
#[derive(Debug, Clone, Copy)]
pub struct Stance {
    /// 0 upright, 1 deep.
    pub crouch: f32,
    /// Lean of the back, radians.
    pub lean: f32,
    /// How hard they push, 0 gliding to 1.
    pub effort: f32,
    /// What the hands do.
    pub hands: Hands,
}

/// What the hands do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hands {
    /// Both on the stick, blade on the ice in front.
    Ready,
    /// One hand on the stick, blade on the ice.
    OneHand,
    /// Stick across the body.
    Across,
    /// Stick upright or over the shoulder.
    Upright,
    /// Arms at the sides.
    Hanging,
    /// Hands on the hips or behind the back.
    Hips,
    /// One arm up: a referee's signal, a goal.
    Raised,
    /// Goalie: catcher and blocker in front.
    Goal,
}

/// The middle joint of a limb of two bones, bent towards `pole`.
fn bend(from: Vector, to: Vector, upper: f32, lower: f32, pole: Vector) -> (Vector, Vector) {
    let reach = subtract(to, from);
    let distance = length(reach).clamp(0.05, (upper + lower) * 0.999);
    let way = unit(reach);
    let a = (upper * upper - lower * lower + distance * distance) / (2.0 * distance);
    let rise = (upper * upper - a * a).max(0.0).sqrt();
    let side = unit(subtract(pole, scale(way, dot(pole, way))));
    (along(along(from, way, a), side, rise), along(from, way, distance))
}

impl Stance {
    /// What a person does now. `seed` chooses habits that stay theirs.
    pub fn of(person: &Person, seed: u32) -> Self {
        let roll = |i: i32| speckle(i, person.id as i32, seed);
        let speed = (person.velocity_mps[0].hypot(person.velocity_mps[1])) as f32;
        let pace = (speed / 6.0).clamp(0.0, 1.0);
        let effort = (speed / 4.0).clamp(0.0, 1.0);
        match person.role {
            Role::Goalie => {
                let deep = if roll(1) < 0.7 { 0.55 + 0.3 * roll(2) } else { 0.1 };
                Self { crouch: deep, lean: 0.25 + 0.5 * deep, effort: effort * 0.3, hands: Hands::Goal }
            }
            Role::Official => Self {
                crouch: 0.05 + 0.3 * pace,
                lean: 0.06 + 0.45 * pace,
                effort,
                hands: match (roll(1) * 8.0) as u32 {
                    0 => Hands::Hips,
                    3 => Hands::Raised,
                    _ => Hands::Hanging,
                },
            },
            Role::Skater => {
                let eager = roll(2);
                let idle = (1.0 - speed / 1.5).clamp(0.0, 1.0);
                let crouch = (0.10 + 0.35 * eager + 0.35 * pace) * (1.0 - 0.6 * idle * (1.0 - eager));
                let hands = match (roll(1) * 20.0) as u32 {
                    0..=10 => Hands::Ready,
                    11..=14 => Hands::OneHand,
                    15 | 16 => Hands::Across,
                    17 => Hands::Upright,
                    18 => Hands::Hanging,
                    _ => Hands::Raised,
                };
                // At speed nobody carries a stick upright.
                let hands = if speed > 3.0 && !matches!(hands, Hands::OneHand) { Hands::Ready } else { hands };
                Self { crouch, lean: 0.12 + 1.05 * crouch + 0.15 * roll(3), effort, hands }
            }
        }
    }
}

impl Skeleton {
    /// Of a person on the ice.
    pub fn of(person: &Person, seed: u32) -> Self {
        Self::posed(person, Stance::of(person, seed), seed, 0.0)
    }

    /// In a given stance, with the skates `floor_m` above the ice.
    pub fn posed(person: &Person, stance: Stance, seed: u32, floor_m: f32) -> Self {
        let roll = |i: i32| speckle(i, person.id as i32, seed ^ 0x55);
        let size = 0.94 + 0.12 * roll(1) + if person.role == Role::Goalie { 0.03 } else { 0.0 };
        let girth = 0.93 + 0.16 * roll(2);
        let phase = person.stride as f32 * std::f32::consts::TAU;
        let (crouch, effort) = (stance.crouch, stance.effort);
        let heading = person.heading_rad as f32;
        let forward = [heading.cos(), heading.sin(), 0.0];
        let left = [-forward[1], forward[0], 0.0];
        let ground = [person.position_m[0] as f32, person.position_m[1] as f32, floor_m];
        // Body frame: forward, left, up, for a person of 1.80 m.
        let local =
            |f: f32, l: f32, u: f32| add(along(along(ground, forward, f * size), left, l * size), scale(UP, u * size));
        let push = [phase.sin().max(0.0) * effort, (-phase.sin()).max(0.0) * effort];
        let sway = 0.06 * effort * phase.sin();
        let hips = local(-0.20 * crouch, -sway, 1.0 - 0.30 * crouch - 0.04 * effort);
        let goalie = person.role == Role::Goalie;
        let wide = if goalie { 0.17 + 0.16 * crouch } else { 0.12 + 0.13 * crouch * roll(3) + 0.05 * roll(6) };
        let stagger = (roll(4) - 0.5) * 0.3 * (1.0 - effort);

        let turn = 0.14 * effort * phase.sin() + (roll(5) - 0.5) * 0.4;
        let chest_forward = unit(along(forward, left, turn));
        let chest_left = cross(UP, chest_forward);
        let spine = unit(along(scale(UP, stance.lean.cos()), chest_forward, stance.lean.sin()));
        let neck = along(hips, spine, 0.53 * size);
        let look =
            unit(along(along(chest_forward, chest_left, (roll(7) - 0.5) * 1.1), UP, -0.12 - 0.25 * crouch * roll(8)));
        let crown = unit(subtract(UP, scale(look, dot(UP, look))));
        let tilted = unit(add(scale(crown, 1.0), scale(look, 0.15)));
        let head = along(along(neck, tilted, 0.165 * size), look, 0.03 * size + 0.05 * stance.lean);

        let mut skeleton = Self {
            size,
            girth,
            left: chest_left,
            forward: unit(cross(chest_left, spine)),
            hips,
            spine,
            neck,
            head,
            face: look,
            crown,
            hip: [hips; 2],
            knee: [hips; 2],
            ankle: [hips; 2],
            toe: [forward; 2],
            shoulder: [neck; 2],
            elbow: [neck; 2],
            hand: [neck; 2],
            stick: None,
        };
        for i in 0..2 {
            let out = if i == 0 { 1.0 } else { -1.0 };
            let p = push[i];
            let other = push[1 - i];
            let lift = 0.09 * p * (-(phase.cos()) * out).max(0.0);
            let foot = local(
                -0.50 * p + 0.18 * other + stagger * out,
                out * (wide + 0.22 * p - 0.09 * other),
                0.115 + lift + 0.03 * p,
            );
            skeleton.hip[i] = along(along(hips, left, out * 0.095 * size), UP, -0.02);
            let pole = along(forward, left, out * (0.25 + if goalie { -0.5 * crouch } else { 0.1 }));
            let (knee, ankle) = bend(skeleton.hip[i], foot, 0.43 * size, 0.44 * size, pole);
            (skeleton.knee[i], skeleton.ankle[i]) = (knee, ankle);
            skeleton.toe[i] = unit(along(along(forward, left, out * (0.12 + 0.7 * p)), UP, -0.25 * p));
            skeleton.shoulder[i] =
                along(along(neck, chest_left, out * 0.185 * size * girth.sqrt()), skeleton.spine, -0.055 * size);
        }
        skeleton.place_hands(person, stance, &roll, &local, floor_m);
        skeleton
    }

    fn place_hands(
        &mut self,
        person: &Person,
        stance: Stance,
        roll: &impl Fn(i32) -> f32,
        local: &impl Fn(f32, f32, f32) -> Vector,
        floor_m: f32,
    ) {
        // Left-handed shots hold the top of the stick in the right hand: a little more than half of all players.
        let low = usize::from(roll(9) > 0.6);
        let top = 1 - low;
        let side = if low == 0 { 1.0 } else { -1.0 };
        let swing = (person.stride as f32 * std::f32::consts::TAU).sin() * stance.effort;
        let hip_height = 0.95 - 0.30 * stance.crouch;
        let chest = |f: f32, l: f32, u: f32| {
            along(
                along(along(self.hips, self.forward, f * self.size), self.left, l * self.size),
                self.spine,
                u * self.size,
            )
        };
        let blade_on_ice = |from: Vector, angle: f32| -> [Vector; 3] {
            let shaft = 1.40 * self.size;
            let drop = (from[2] - floor_m - 0.02).clamp(0.1, shaft * 0.98);
            let flat = (shaft * shaft - drop * drop).sqrt();
            let heading = self.flat_forward();
            let way = unit(along(scale(heading, angle.cos()), cross(UP, heading), angle.sin()));
            let heel = add(along(from, way, flat), [0.0, 0.0, -drop]);
            [from, heel, along(along(heel, heading, 0.22), cross(UP, heading), side * 0.14)]
        };
        let mut hands = [chest(0.1, 0.3, 0.0), chest(0.1, -0.3, 0.0)];
        match stance.hands {
            Hands::Ready => {
                hands[top] = chest(0.30 + 0.05 * swing, -side * (0.12 + 0.1 * roll(10)), 0.08 + 0.06 * swing);
                let stick = blade_on_ice(hands[top], side * (0.15 + 0.75 * roll(11)) + 0.15 * swing);
                hands[low] =
                    along(hands[top], unit(subtract(stick[1], stick[0])), (0.32 + 0.22 * roll(12)) * self.size);
                self.stick = Some(stick);
            }
            Hands::OneHand => {
                hands[top] = chest(0.34 + 0.08 * swing, -side * (0.22 - 0.12 * swing), 0.10);
                hands[low] = local(0.05 - 0.3 * swing, side * 0.34, hip_height - 0.05 + 0.1 * swing.abs());
                self.stick = Some(blade_on_ice(hands[top], side * (roll(11) * 1.3 - 0.9)));
            }
            Hands::Across => {
                let height = hip_height + 0.04 - 0.1 * roll(13);
                hands[top] = local(0.24, -side * 0.26, height);
                hands[low] = local(0.26, side * 0.22, height - 0.03);
                let way = unit(subtract(hands[low], hands[top]));
                let start = along(hands[top], way, -0.12);
                let heel = along(start, way, 1.40 * self.size);
                self.stick = Some([start, heel, along(along(heel, way, 0.1), UP, 0.24)]);
            }
            Hands::Upright => {
                hands[low] = local(0.28, side * 0.26, hip_height + 0.15);
                hands[top] = local(0.24, -side * 0.22, hip_height - 0.12 + 0.1 * roll(13));
                let way =
                    unit(along(along(UP, self.left, side * (0.1 + 0.5 * roll(14))), self.forward, 0.3 * roll(15)));
                let start = along(hands[low], way, -0.62);
                let heel = along(start, way, 1.40 * self.size);
                self.stick = Some([start, heel, along(along(heel, self.left, side * 0.2), way, 0.1)]);
            }
            Hands::Hanging => {
                for (i, out) in [(0, 1.0), (1, -1.0)] {
                    hands[i] =
                        local(0.04 + out * 0.22 * swing - 0.1 * stance.crouch + 0.1, out * 0.31, hip_height - 0.12);
                }
                if person.role == Role::Skater {
                    self.stick = Some(blade_on_ice(hands[top], -side * 0.5));
                }
            }
            Hands::Hips => {
                let behind = roll(10) < 0.35;
                for (i, out) in [(0, 1.0), (1, -1.0)] {
                    hands[i] = if behind { chest(-0.2, out * 0.06, 0.0) } else { chest(0.04, out * 0.22, 0.1) };
                }
            }
            Hands::Raised => {
                hands[low] = chest(0.1, side * 0.32, 1.05);
                hands[top] = local(0.12 - 0.2 * swing, -side * 0.3, hip_height - 0.05);
                if person.role == Role::Skater {
                    self.stick = Some(blade_on_ice(hands[top], -side * 0.3));
                }
            }
            Hands::Goal => {
                hands[0] = local(0.30, 0.40 + 0.1 * roll(10), hip_height - 0.02 + 0.1 * roll(11));
                hands[1] = local(0.32, -0.30, hip_height - 0.12);
                self.stick = Some(blade_on_ice(along(hands[1], UP, 0.25), 0.45));
            }
        }
        for (i, hand) in hands.into_iter().enumerate() {
            let out = if i == 0 { 1.0 } else { -1.0 };
            let pole = along(along(scale(UP, -0.7), self.left, out * 0.9), self.forward, -0.55);
            (self.elbow[i], self.hand[i]) = bend(self.shoulder[i], hand, 0.30 * self.size, 0.30 * self.size, pole);
        }
    }

    fn flat_forward(&self) -> Vector {
        unit(cross(self.left, UP))
    }
}
