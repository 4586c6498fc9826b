//! The puck: carried, passed, shot, off boards and nets, held, and taken.
//!
//! Ice costs it about 1 m/s each second (friction 0.1); boards give back 0.6 of the speed across them and 0.97 of
//! that along, so a hard rim follows the corner; a bounce on ice gives back 0.35.

use super::{
    Game, STEP_S, Vector,
    game::{Phase, Place},
    skating::{NET_DEPTH_M, boards_normal},
};
use firmware_protocol::network::{EventKind, Role};

const GRAVITY: f64 = 9.81;
const FRICTION: f64 = 1.0;
const BOARDS_RETURN: f64 = 0.6;
const BOARDS_KEEP: f64 = 0.97;
const ICE_RETURN: f64 = 0.35;
/// How far from a body its stick reaches, metres.
pub(super) const REACH_M: f64 = 1.5;
/// Height of a goal, metres.
const GOAL_HEIGHT_M: f64 = 1.22;
/// Half a puck, metres.
const RADIUS_M: f64 = 0.04;

/// How a shot will end, drawn when it is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fate {
    /// Past the goalie.
    Goal,
    /// Stopped by the goalie.
    Saved,
    /// Wide or high.
    Missed,
    /// Into that body.
    Blocked(usize),
}

/// What the puck is doing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Motion {
    /// On that stick.
    Carried(usize),
    /// On its way to a teammate.
    Passed { from: usize, to: usize, start: Vector },
    /// On its way to the goal at that end of x.
    Shot { by: usize, fate: Fate, end: f64 },
    /// Sent away by that skater, for nobody.
    Sent { by: usize },
    /// Nobody's.
    Loose,
    /// In the hands of an official or under a goalie.
    Held(usize),
    /// In the net.
    InNet,
    /// Falling from the official's hand at a face-off.
    Dropped,
}

/// The puck as a body.
#[derive(Debug, Clone)]
pub(super) struct PuckBody {
    pub(super) position: Vector,
    pub(super) velocity: Vector,
    pub(super) height: f64,
    pub(super) rise: f64,
    pub(super) motion: Motion,
    /// Where it was last played from, and by whom: for icing. Cleared by any touch.
    pub(super) sent: Option<(usize, Vector)>,
}

impl PuckBody {
    pub(super) fn at(position: Vector) -> Self {
        Self { position, velocity: Vector::zeros(), height: 0.0, rise: 0.0, motion: Motion::Loose, sent: None }
    }

    pub(super) fn carrier(&self) -> Option<usize> {
        match self.motion {
            Motion::Carried(who) => Some(who),
            _ => None,
        }
    }

    /// Sends it along the ice.
    pub(super) fn send(&mut self, by: usize, toward: Vector, speed: f64, rise: f64, motion: Motion) {
        let way = toward - self.position;
        self.velocity = way * (speed / way.norm().max(1e-6));
        self.rise = rise;
        self.motion = motion;
        self.sent = Some((by, self.position));
    }
}

impl Game {
    /// One step of the puck.
    pub(super) fn move_puck(&mut self) {
        match self.puck.motion {
            Motion::Carried(who) => {
                let person = &self.people[who];
                let sway = (self.time_us as f64 / 1e6 * 7.0).sin() * 0.2;
                let ahead = Vector::new(person.heading.cos(), person.heading.sin());
                let spot = person.position + ahead * 1.05 + Vector::new(-ahead.y, ahead.x) * (0.15 + sway);
                self.pull_puck(spot, 0.0, 14.0);
            }
            Motion::Held(who) => {
                let person = &self.people[who];
                let ahead = Vector::new(person.heading.cos(), person.heading.sin()) * 0.35;
                let height = if person.role == Role::Official { 1.0 } else { 0.1 };
                self.pull_puck(person.position + ahead, height, 9.0);
            }
            Motion::InNet => {
                self.puck.velocity *= 0.9;
                self.fly();
                self.stay_in_net();
            }
            Motion::Dropped => self.fly(),
            Motion::Passed { .. } | Motion::Shot { .. } | Motion::Sent { .. } | Motion::Loose => {
                let before = self.puck.position;
                self.fly();
                if !self.meet_goal(before) {
                    self.meet_net(before);
                    let bounced = self.meet_boards();
                    self.spend(bounced);
                    self.meet_people();
                }
            }
        }
    }

    /// The puck follows a stick or hand, no faster than `most_mps` against it.
    fn pull_puck(&mut self, spot: Vector, height: f64, most_mps: f64) {
        let rink = self.setup.rink;
        let over = rink.boards_distance([spot.x, spot.y]) + 0.1;
        let spot = if over > 0.0 { spot - boards_normal(&rink, spot) * over } else { spot };
        let puck = &mut self.puck;
        let wish = (spot - puck.position) / 0.04;
        let speed = wish.norm();
        let wish = if speed > most_mps { wish * (most_mps / speed) } else { wish };
        let before = puck.position;
        puck.position += wish * STEP_S;
        puck.velocity = wish;
        puck.height += (height - puck.height) * 0.1;
        puck.rise = 0.0;
        self.meet_net(before);
    }

    fn fly(&mut self) {
        let puck = &mut self.puck;
        puck.position += puck.velocity * STEP_S;
        puck.height += puck.rise * STEP_S;
        if puck.height > 0.0 {
            puck.rise -= GRAVITY * STEP_S;
        } else {
            puck.height = 0.0;
            puck.rise = if puck.rise < -0.8 { -puck.rise * ICE_RETURN } else { 0.0 };
            let speed = puck.velocity.norm();
            let left = (speed - FRICTION * STEP_S).max(0.0);
            puck.velocity *= left / speed.max(1e-9);
        }
    }

    /// A shot that hit the boards, or a pass that nobody came for, is anybody's puck.
    fn spend(&mut self, bounced: bool) {
        let spent = match self.puck.motion {
            Motion::Shot { .. } => bounced || self.puck.velocity.norm() < 12.0,
            Motion::Passed { .. } => self.puck.velocity.norm() < 5.0,
            _ => false,
        };
        if spent {
            self.puck.motion = Motion::Loose;
        }
    }

    /// True when it bounced.
    fn meet_boards(&mut self) -> bool {
        let rink = &self.setup.rink;
        let over = rink.boards_distance([self.puck.position.x, self.puck.position.y]) + RADIUS_M;
        if over > 0.0 {
            let outward = boards_normal(rink, self.puck.position);
            self.puck.position -= outward * over;
            let into = self.puck.velocity.dot(&outward);
            if into > 0.0 {
                let along = self.puck.velocity - outward * into;
                self.puck.velocity = along * BOARDS_KEEP - outward * (into * BOARDS_RETURN);
            }
        }
        // Glass and netting: it never leaves the building.
        if self.puck.height > 2.2 {
            self.puck.rise = self.puck.rise.min(0.0);
        }
        over > 0.0
    }

    /// The frame and mesh from outside: sides and back.
    fn meet_net(&mut self, before: Vector) {
        let rink = &self.setup.rink;
        let half = rink.goal_width_m / 2.0 + 0.05;
        let (near, far) = (rink.goal_line_m, rink.goal_line_m + NET_DEPTH_M);
        let puck = &mut self.puck;
        let end = puck.position.x.signum();
        let (x, y) = (puck.position.x * end, puck.position.y);
        if puck.height > GOAL_HEIGHT_M || x <= near || x >= far || y.abs() >= half {
            return;
        }
        let was = before.x * end;
        if was >= far {
            puck.position.x = far * end;
            puck.velocity.x *= -0.4;
        } else if before.y.abs() >= half {
            puck.position.y = half * before.y.signum();
            puck.velocity.y *= -0.4;
        } else {
            puck.position.x = (near - 0.02) * end;
            puck.velocity.x *= -0.4;
        }
    }

    fn stay_in_net(&mut self) {
        let rink = &self.setup.rink;
        let puck = &mut self.puck;
        let end = puck.position.x.signum();
        let x = (puck.position.x * end).clamp(rink.goal_line_m + 0.1, rink.goal_line_m + NET_DEPTH_M - 0.1);
        puck.position.x = x * end;
        let half = rink.goal_width_m / 2.0 - 0.1;
        puck.position.y = puck.position.y.clamp(-half, half);
    }

    /// The goalie's work and the goal line. True when the puck's way ended here.
    fn meet_goal(&mut self, before: Vector) -> bool {
        let rink = self.setup.rink;
        let end = self.puck.position.x.signum();
        let (was, now) = (before.x * end, self.puck.position.x * end);
        let depth = rink.goal_line_m - now;
        if now < was || !(-0.5..2.2).contains(&depth) || !matches!(self.phase, Phase::Play) {
            return false;
        }
        let fate = match self.puck.motion {
            Motion::Shot { fate, .. } => fate,
            _ => Fate::Saved,
        };
        // Where it will cross the line.
        let reach = if now > was { (rink.goal_line_m - now) / (now - was) } else { 0.0 };
        let crossing = self.puck.position.y + (self.puck.position.y - before.y) * reach;
        let inside = crossing.abs() < rink.goal_width_m / 2.0 - RADIUS_M && self.puck.height < GOAL_HEIGHT_M;
        if !inside {
            return false;
        }
        match fate {
            Fate::Goal if depth < 0.0 => {
                if let Motion::Shot { by, .. } = self.puck.motion {
                    self.score(by);
                }
                true
            }
            Fate::Goal => false,
            _ => {
                let Some(goalie) = self.goalie_at(end) else { return false };
                let gap = (self.people[goalie].position - self.puck.position).norm();
                if gap > 0.75 && depth > 0.25 {
                    return false;
                }
                self.save(goalie, end);
                true
            }
        }
    }

    fn goalie_at(&self, end: f64) -> Option<usize> {
        self.on_ice.iter().copied().find(|&index| {
            let who = &self.people[index];
            who.role == Role::Goalie && who.side.is_some_and(|side| self.attack(side) != end)
        })
    }

    fn save(&mut self, goalie: usize, end: f64) {
        self.puck.sent = None;
        let calm = self.nearest_opponent(goalie).is_none_or(|(_, gap)| gap > 6.0);
        if self.chance.hit(if calm { 0.2 } else { 0.36 }) {
            self.puck.motion = Motion::Held(goalie);
            let delay_us = (self.chance.between(0.9, 1.6) * 1e6) as i64;
            self.freeze(delay_us);
            return;
        }
        let place = self.people[goalie].position;
        let low = self.chance.hit(0.5);
        // A rebound in front, or steered to a corner.
        let (angle, speed) = if low {
            (self.chance.between(-0.9, 0.9), self.chance.between(3.0, 8.0))
        } else {
            (self.chance.sign() * self.chance.between(1.15, 1.5), self.chance.between(7.0, 12.0))
        };
        // Off the pads; a goalie caught out of place has only a stick to put in the way.
        if (place - self.puck.position).norm() < 1.2 {
            self.puck.position = place + Vector::new(-end * 0.5, 0.0);
        } else {
            self.puck.position.x = (self.setup.rink.goal_line_m - 0.1) * end;
        }
        self.puck.velocity = Vector::new(-end * angle.cos(), angle.sin()) * speed;
        self.puck.rise = 0.0;
        self.puck.motion = Motion::Loose;
    }

    /// Sticks and bodies near a free puck.
    fn meet_people(&mut self) {
        if !matches!(self.phase, Phase::Play) || self.whistle.is_some() {
            return;
        }
        for position in 0..self.on_ice.len() {
            let index = self.on_ice[position];
            let person = &self.people[index];
            let gap = (person.position - self.puck.position).norm();
            if gap > REACH_M + 0.2 || person.role == Role::Official || person.place != Place::Ice {
                continue;
            }
            if self.puck.height > 0.9 || person.beaten_until_us > self.time_us {
                continue;
            }
            let against = (self.puck.velocity - person.velocity).norm();
            let near = gap < REACH_M;
            let (take, touch) = match self.puck.motion {
                Motion::Passed { from, .. } if from == index => (0.0, 0.0),
                Motion::Passed { to, .. } if to == index => (if near { 40.0 } else { 0.0 }, 0.4),
                Motion::Passed { from, .. } if self.people[from].side == person.side => (1.5, 0.2),
                Motion::Passed { .. } => (if near { 3.4 } else { 0.0 }, 1.6),
                Motion::Shot { fate: Fate::Blocked(by), .. } if by == index && gap < 0.9 => {
                    self.deflect(index, 0.25);
                    return;
                }
                Motion::Shot { .. } => (0.0, 0.0),
                Motion::Sent { by } if by == index => (0.0, 0.0),
                _ => (if near { 14.0 * (1.0 - against / 22.0).max(0.05) } else { 0.0 }, 0.3),
            };
            if take > 0.0 && self.chance.rate(take) {
                self.take(index);
                return;
            }
            if gap < 1.2 && self.chance.rate(touch) {
                self.deflect(index, 0.5);
                return;
            }
        }
    }

    /// A touch that is not control.
    fn deflect(&mut self, by: usize, keep: f64) {
        let turn = self.chance.normal(0.9);
        let (sine, cosine) = turn.sin_cos();
        let v = self.puck.velocity * keep;
        self.puck.velocity = Vector::new(v.x * cosine - v.y * sine, v.x * sine + v.y * cosine);
        self.puck.rise = 0.0;
        self.puck.motion = Motion::Loose;
        self.puck.sent = None;
        self.people[by].beaten_until_us = self.time_us + 300_000;
    }

    /// The puck comes under somebody's control.
    pub(super) fn take(&mut self, who: usize) {
        if let Motion::Passed { from, start, .. } = self.puck.motion
            && self.people[from].side == self.people[who].side
        {
            let length_m = (self.puck.position - start).norm() as f32;
            let receiver = Some(self.people[who].number);
            self.announce(self.people[from].side, Some(from), Some(start), EventKind::Pass { receiver, length_m });
        }
        self.puck.motion = Motion::Carried(who);
        self.puck.sent = None;
        self.puck.rise = 0.0;
        self.last_carrier = Some(who);
        self.carried_since_us = self.time_us;
        self.carrying_in = false;
    }

    /// The nearest opponent on the ice, and how far.
    pub(super) fn nearest_opponent(&self, who: usize) -> Option<(usize, f64)> {
        let person = &self.people[who];
        self.on_ice
            .iter()
            .filter(|&&other| {
                let other = &self.people[other];
                other.side.is_some()
                    && other.side != person.side
                    && other.place == Place::Ice
                    && other.role == Role::Skater
            })
            .map(|&other| (other, (self.people[other].position - person.position).norm()))
            .min_by(|a, b| a.1.total_cmp(&b.1))
    }
}
