//! What whoever has the puck does with it: carry, pass, shoot, dump, clear, or lose it.

use super::{
    Game, Vector,
    bench::G,
    flight::{Fate, Motion, REACH_M},
    game::{Aim, Place},
};
use firmware_protocol::network::{EventKind, Role, Side};

/// Chance that a shot at the goalie from the slot goes in.
const FINISH: f64 = 0.23;

impl Game {
    /// The carrier's choice in this step.
    pub(super) fn carrier_decides(&mut self) {
        let Some(who) = self.puck.carrier() else { return };
        let Some(side) = self.people[who].side else { return };
        if self.people[who].place != Place::Ice {
            self.puck.motion = Motion::Loose;
            return;
        }
        if self.is_stripped(who) {
            return;
        }
        let held_s = (self.time_us - self.carried_since_us) as f64 / 1e6;
        let (_, gap) = self.nearest_opponent(who).unwrap_or((who, 99.0));
        if self.people[who].role == Role::Goalie {
            self.goalie_plays(who, side, gap, held_s);
            return;
        }
        let here = self.framed(side, self.people[who].position);
        self.carry_aim(who, side, here);
        if held_s < 0.35 {
            return;
        }
        let pressed = gap < 2.6;
        let blue = self.setup.rink.blue_line_m;
        if here.x > blue {
            self.in_offensive_zone(who, side, here, pressed);
        } else if here.x > -blue {
            self.in_neutral_zone(who, side, here, pressed);
        } else {
            self.in_own_zone(who, side, here, pressed);
        }
    }

    fn in_own_zone(&mut self, who: usize, side: Side, here: Vector, pressed: bool) {
        let held_s = (self.time_us - self.carried_since_us) as f64 / 1e6;
        let set = pressed || held_s > 3.2;
        if self.chance.rate(if pressed {
            1.3
        } else if set {
            0.6
        } else {
            0.2
        }) && self.pass_ahead(who, side, here, 0.0)
        {
            return;
        }
        if pressed && self.chance.rate(0.15) {
            self.clear(who, side, here);
        }
    }

    fn in_neutral_zone(&mut self, who: usize, side: Side, here: Vector, pressed: bool) {
        let blue = self.setup.rink.blue_line_m;
        if self.is_early(who, side) && !self.carrying_in {
            // Somebody is over the line already: wait for them, and mostly remember to.
            self.carrying_in = self.chance.rate(0.03);
            if pressed && self.chance.rate(0.5) {
                self.pass_ahead(who, side, here, -0.3);
            }
            return;
        }
        let at_line = here.x > blue - 5.0;
        if at_line && !self.carrying_in {
            // Decide once: carry it in, or dump it when somebody stands in the way or a line is tired.
            self.carrying_in = true;
            if self.chance.hit(if pressed || self.is_covered(who, side) { 0.28 } else { 0.1 }) {
                self.dump(who, side);
                return;
            }
        }
        if here.x > 0.5 && pressed && self.chance.rate(0.1) {
            self.dump(who, side);
        } else if self.chance.rate(if pressed { 1.2 } else { 0.6 }) {
            self.pass_ahead(who, side, here, -0.1);
        }
    }

    fn in_offensive_zone(&mut self, who: usize, side: Side, here: Vector, pressed: bool) {
        let rink = self.setup.rink;
        let goal = Vector::new(rink.goal_line_m, 0.0);
        let distance = (goal - here).norm();
        let slant = (goal.x - here.x) / distance.max(0.1);
        let good = if slant < 0.15 { 0.0 } else { slant * (1.0 - distance / 27.0).max(0.07) };
        let rate = 0.44 * good * if pressed { 1.2 } else { 1.0 } * self.shot_bias(side);
        if self.chance.rate(rate) {
            self.shoot(who, side, here, distance);
        } else if self.chance.rate(if pressed { 1.1 } else { 0.65 }) {
            self.pass_ahead(who, side, here, -0.2);
        }
    }

    /// A power play shoots a little more.
    fn shot_bias(&self, side: Side) -> f64 {
        if self.team(side.other()).penalty.is_some() { 1.25 } else { 1.0 }
    }

    /// Whether a teammate waits beyond the line the puck has yet to cross.
    fn is_early(&self, who: usize, side: Side) -> bool {
        let line = self.setup.rink.blue_line_m + 0.3;
        self.team(side).on[..G].iter().flatten().any(|&mate| {
            mate != who
                && self.people[mate].place == Place::Ice
                && self.framed(side, self.people[mate].position).x > line
        })
    }

    /// Whether an opponent stands between the carrier and the line.
    fn is_covered(&self, who: usize, side: Side) -> bool {
        let here = self.framed(side, self.people[who].position);
        self.opponents(side).any(|other| {
            let there = self.framed(side, self.people[other].position);
            (0.0..7.0).contains(&(there.x - here.x)) && (there.y - here.y).abs() < 2.5
        })
    }

    fn opponents(&self, side: Side) -> impl Iterator<Item = usize> {
        self.team(side.other()).on[..G].iter().flatten().copied()
    }

    /// An opponent's stick takes the puck or knocks it away.
    fn is_stripped(&mut self, who: usize) -> bool {
        for position in 0..self.on_ice.len() {
            let other = self.on_ice[position];
            let person = &self.people[other];
            if person.side.is_none() || person.side == self.people[who].side || person.place != Place::Ice {
                continue;
            }
            let gap = (person.position - self.puck.position).norm();
            if gap > REACH_M || person.beaten_until_us > self.time_us || person.role == Role::Goalie && gap > 1.0 {
                continue;
            }
            let blue = self.setup.rink.blue_line_m;
            let along = self.people[who].side.map_or(0.0, |side| self.framed(side, self.puck.position).x);
            // Forecheckers come with speed at a carrier who must turn; attackers shield it along the wall.
            let rate = if along < -blue {
                1.05
            } else if along > blue {
                0.2
            } else {
                0.34
            };
            if self.chance.rate(rate) {
                self.people[who].beaten_until_us = self.time_us + 700_000;
                if self.chance.hit(0.45) {
                    self.take(other);
                } else {
                    let angle = self.chance.between(0.0, std::f64::consts::TAU);
                    self.puck.velocity = Vector::new(angle.cos(), angle.sin()) * self.chance.between(3.0, 6.5);
                    self.puck.motion = Motion::Loose;
                    self.puck.sent = None;
                }
                return true;
            }
        }
        false
    }

    /// The goalie freezes it under pressure, and otherwise moves it on.
    fn goalie_plays(&mut self, who: usize, side: Side, gap: f64, held_s: f64) {
        let here = self.framed(side, self.people[who].position);
        if gap < 1.9 && held_s > 0.3 {
            self.puck.motion = Motion::Held(who);
            self.freeze(900_000);
        } else if held_s > 0.7 && !self.pass_ahead(who, side, here, 0.2) && held_s > 2.0 {
            self.clear(who, side, here);
        }
    }

    /// Where the carrier skates.
    fn carry_aim(&mut self, who: usize, side: Side, here: Vector) {
        let rink = self.setup.rink;
        let (goal, half) = (rink.goal_line_m, rink.width_m / 2.0);
        let mut target = if here.x < -rink.blue_line_m {
            // Out of the own end, away from the net, by the side it is on.
            let wait = (self.time_us - self.carried_since_us) < 3_500_000 && here.x < -goal + 9.0;
            Vector::new(
                here.x + if wait { -2.5 } else { 7.0 },
                if here.x < -goal + 2.0 { here.y.signum() * 5.5 } else { here.y * 1.05 },
            )
        } else if here.x < rink.blue_line_m {
            if self.is_early(who, side) && !self.carrying_in && here.x > 0.0 {
                Vector::new(here.x - 4.0, here.y - 6.0 * here.y.signum())
            } else {
                Vector::new(here.x + 8.0, here.y)
            }
        } else if here.x < goal - 8.0 {
            Vector::new(here.x + 6.0, here.y * 0.85)
        } else {
            // Down low: along the wall and round, or out toward the slot.
            let turn = (self.time_us as f64 / 1e6 * 0.35 + who as f64).sin();
            Vector::new(goal - 4.0 - 3.5 * turn, here.y.signum() * (half - 4.0 - 4.0 * turn.abs()))
        };
        // Step around whoever is in the way.
        for other in self.opponents(side) {
            let there = self.framed(side, self.people[other].position);
            let way = there - here;
            let distance = way.norm();
            if distance < 4.5 && way.dot(&(target - here)) > 0.0 {
                let aside = if way.y > 0.0 { -1.0 } else { 1.0 };
                target.y += aside * (4.5 - distance) * 1.2;
                target.x -= (4.5 - distance) * 0.5;
            }
        }
        let (long, wide) = (rink.length_m / 2.0 - 1.2, half - 1.2);
        let target = Vector::new(target.x.clamp(-long, long), target.y.clamp(-wide, wide));
        let target = target * self.attack(side);
        // Slow behind the own net while the others find their places, fast through the middle.
        let speed = if here.x.abs() < rink.blue_line_m {
            6.6
        } else if here.x < -goal + 9.0 {
            3.0
        } else {
            3.6
        };
        self.people[who].aim = Aim { target, speed, watch: target, backward: false };
    }

    /// Passes to the best open teammate; `forward` says how much ground gained is worth. False when none is open.
    fn pass_ahead(&mut self, who: usize, side: Side, here: Vector, forward: f64) -> bool {
        let rink = self.setup.rink;
        let mut best: Option<(f64, usize, Vector, f64)> = None;
        for slot in 0..G {
            let Some(to) = self.team(side).on[slot] else { continue };
            let mate = &self.people[to];
            if to == who || mate.place != Place::Ice {
                continue;
            }
            let distance = (mate.position - self.puck.position).norm();
            // Out of the own end only by short passes: long ones get picked off.
            let longest = if here.x < -rink.blue_line_m { 17.0 } else { 28.0 };
            if !(3.0..longest).contains(&distance) {
                continue;
            }
            let speed = (9.5 + 0.4 * distance).min(19.0);
            let lead = mate.position + mate.velocity * (distance / speed).min(0.9);
            let there = self.framed(side, lead);
            // Never to a teammate who is offside, nor through the own slot.
            let line = rink.blue_line_m;
            let mate_at = self.framed(side, mate.position).x;
            let mate_runs = self.framed(side, mate.velocity).x.max(0.1);
            let arrives = (line - here.x) / ((there.x - here.x).max(0.1) / distance * speed);
            let late = mate_at < line - 0.3 && (line - mate_at) / mate_runs > arrives + 0.1;
            let offside = here.x < line && there.x > line - 0.2 && !late;
            if offside || !rink.contains([lead.x, lead.y], -0.7) {
                continue;
            }
            let clear = self.lane(side, self.puck.position, lead);
            if clear < 1.1 {
                continue;
            }
            let worth =
                clear.min(4.0) + forward * (there.x - here.x) * 0.35 - 0.06 * distance + self.chance.normal(0.8);
            if best.is_none_or(|(so_far, ..)| worth > so_far) {
                best = Some((worth, to, lead, speed));
            }
        }
        let Some((_, to, lead, speed)) = best else { return false };
        // The longer, the less exact.
        let distance = (lead - self.puck.position).norm();
        let miss = 0.03 * distance;
        let lead = lead + Vector::new(self.chance.normal(miss), self.chance.normal(miss));
        let rise = if self.chance.hit(0.1) { 1.6 } else { 0.0 };
        let start = self.puck.position;
        self.puck.send(who, lead, speed, rise, Motion::Passed { from: who, to, start });
        true
    }

    /// Distance from the way of a pass to the nearest opponent, metres.
    fn lane(&self, side: Side, from: Vector, to: Vector) -> f64 {
        let way = to - from;
        let length = way.norm().max(0.1);
        let mut clear = f64::MAX;
        for other in self.opponents(side) {
            let rel = self.people[other].position - from;
            let along = (rel.dot(&way) / length).clamp(0.0, length);
            clear = clear.min((rel - way * (along / length)).norm());
        }
        clear
    }

    /// Out of the own end, hard along the boards or off the glass.
    fn clear(&mut self, who: usize, side: Side, here: Vector) {
        let half = self.setup.rink.width_m / 2.0;
        let wall = if here.y >= 0.0 { half } else { -half };
        let target = Vector::new(here.x + self.chance.between(11.0, 20.0), wall) * self.attack(side);
        let (speed, rise) = (self.chance.between(9.0, 19.0), self.chance.between(0.0, 4.0));
        self.puck.send(who, target, speed, rise, Motion::Sent { by: who });
        self.people[who].beaten_until_us = self.time_us + 500_000;
    }

    /// Deep into the other end: around the boards or into a corner.
    fn dump(&mut self, who: usize, side: Side) {
        let rink = self.setup.rink;
        let here = self.framed(side, self.puck.position);
        let wall = if here.y >= 0.0 { 1.0 } else { -1.0 } * if self.chance.hit(0.4) { -1.0 } else { 1.0 };
        let target = Vector::new(rink.goal_line_m - self.chance.between(-1.0, 6.0), wall * (rink.width_m / 2.0 - 0.5));
        let (speed, rise) = (self.chance.between(15.0, 22.0), self.chance.between(0.0, 2.5));
        self.puck.send(who, target * self.attack(side), speed, rise, Motion::Sent { by: who });
        self.people[who].beaten_until_us = self.time_us + 500_000;
    }

    /// At the goal; how it will end is drawn now.
    fn shoot(&mut self, who: usize, side: Side, here: Vector, distance: f64) {
        let rink = self.setup.rink;
        let end = self.attack(side);
        let goal = Vector::new(rink.goal_line_m * end, 0.0);
        let from = self.puck.position;
        let blocker = self.opponents(side).find(|&other| {
            let rel = self.people[other].position - from;
            let way = goal - from;
            let along = rel.dot(&way) / way.norm();
            (1.5..way.norm() - 2.0).contains(&along) && (rel - way * (along / way.norm())).norm() < 0.9
        });
        let slant = ((rink.goal_line_m - here.x) / distance.max(0.1)).clamp(0.2, 1.0);
        let finish = FINISH * slant * (1.15 - distance / 22.0).max(0.12);
        let fate = match blocker {
            Some(blocker) if self.chance.hit(0.65) => Fate::Blocked(blocker),
            _ if self.chance.hit(0.27) => Fate::Missed,
            _ if self.chance.hit(finish) => Fate::Goal,
            _ => Fate::Saved,
        };
        let post = rink.goal_width_m / 2.0;
        let (aim_y, aim_z) = match fate {
            Fate::Goal => (self.chance.sign() * self.chance.between(0.45, post - 0.15), self.chance.between(0.0, 1.0)),
            Fate::Missed if self.chance.hit(0.3) => (self.chance.between(-post, post), self.chance.between(1.5, 2.2)),
            Fate::Missed => {
                (self.chance.sign() * (post + self.chance.between(0.2, 1.6)), self.chance.between(0.0, 1.3))
            }
            Fate::Saved => (self.chance.between(-0.7, 0.7), self.chance.between(0.0, 1.0)),
            Fate::Blocked(_) => (self.chance.between(-0.3, 0.3), self.chance.between(0.0, 0.4)),
        };
        let slap = distance > 13.0 && self.chance.hit(0.5);
        let speed = if slap { self.chance.between(33.0, 44.0) } else { self.chance.between(25.0, 35.0) };
        let target = Vector::new(goal.x, aim_y);
        let seconds = (target - from).norm() / speed;
        // Rise that brings it to the height it is aimed at.
        let rise = if aim_z < 0.1 { 0.0 } else { aim_z / seconds + 0.5 * 9.81 * seconds };
        self.puck.send(who, target, speed, rise, Motion::Shot { by: who, fate, end });
        self.people[who].beaten_until_us = self.time_us + 500_000;
        let on_goal = Some(matches!(fate, Fate::Goal | Fate::Saved));
        let kind = EventKind::Shot { speed_mps: speed as f32, distance_m: distance as f32, on_goal };
        self.announce(Some(side), Some(who), Some(from), kind);
    }
}
