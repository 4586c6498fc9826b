//! Where everybody wants to be: positions by role, by who has the puck, and by where it is.
//!
//! Thinks in the frame of the team: `u` toward the opponent's goal, `v` to its left. The carrier's own choices are in
//! [`carrier`](super::carrier).

use super::{
    Game, STEP_US, Vector,
    bench::{C, G, LD, LW, RD, RW},
    flight::Motion,
    game::{Aim, Phase, Place},
};
use firmware_protocol::network::{Role, Side};

impl Game {
    /// Everybody's aim, at 20 Hz.
    pub(super) fn aim_everybody(&mut self) {
        match self.phase {
            Phase::SetUp(set_up) => self.aim_at_marks(set_up.spot, set_up.dropped),
            Phase::Intermission { .. } | Phase::Over => self.aim_officials_aside(),
            Phase::Play => {
                for side in [Side::Home, Side::Away] {
                    self.aim_team(side);
                }
                self.aim_officials();
            }
        }
    }

    /// One team in play: chasers first, the others by position.
    fn aim_team(&mut self, side: Side) {
        let ours = self.has_puck(side);
        let chaser = self.chaser(side, ours);
        let second = if ours { None } else { self.presser(side, chaser) };
        let forecheck = self.forecheckers(side);
        for slot in 0..6 {
            let Some(who) = self.team(side).on[slot] else { continue };
            if self.people[who].place != Place::Ice {
                continue;
            }
            self.wander(who);
            let aim = if slot == G {
                self.goalie_aim(who, side)
            } else if Some(who) == self.puck.carrier() {
                continue;
            } else if self.receives(who) || Some(who) == chaser {
                self.chase_aim(who)
            } else if Some(who) == second {
                self.press_aim(who, side)
            } else {
                self.position_aim(who, side, slot, ours, forecheck)
            };
            self.people[who].aim = aim;
        }
    }

    /// Whether a team has, or last had, the puck.
    fn has_puck(&self, side: Side) -> bool {
        self.last_carrier.is_some_and(|who| self.people[who].side == Some(side))
    }

    fn receives(&self, who: usize) -> bool {
        matches!(self.puck.motion, Motion::Passed { to, .. } if to == who)
    }

    /// Whoever of the team reaches a free puck first.
    fn chaser(&self, side: Side, ours: bool) -> Option<usize> {
        let free = match self.puck.motion {
            Motion::Loose | Motion::Shot { .. } | Motion::Sent { .. } => true,
            // The receiver has it; opponents may try to step in.
            Motion::Passed { .. } => !ours,
            _ => false,
        };
        let skaters = self.team(side).on[..G].iter().flatten().copied();
        let fit = skaters.filter(|&who| self.people[who].place == Place::Ice);
        free.then(|| fit.min_by(|&a, &b| self.time_to_puck(a).total_cmp(&self.time_to_puck(b)))).flatten()
    }

    fn time_to_puck(&self, who: usize) -> f64 {
        (self.meeting(who) - self.people[who].position).norm() / 7.0
            + if self.people[who].beaten_until_us > self.time_us { 0.5 } else { 0.0 }
    }

    /// Where somebody can meet the moving puck.
    fn meeting(&self, who: usize) -> Vector {
        let mut place = self.puck.position;
        for _ in 0..3 {
            let time = (place - self.people[who].position).norm() / 7.0;
            place = self.puck_after(time);
        }
        place
    }

    /// Where the puck will be, boards apart.
    pub(super) fn puck_after(&self, seconds: f64) -> Vector {
        let speed = self.puck.velocity.norm();
        let seconds = seconds.min(speed).min(2.0);
        let place = self.puck.position + self.puck.velocity * (seconds * (1.0 - 0.5 * seconds / speed.max(1.0)));
        let rink = &self.setup.rink;
        let (x, y) = (rink.length_m / 2.0 - 0.6, rink.width_m / 2.0 - 0.6);
        Vector::new(place.x.clamp(-x, x), place.y.clamp(-y, y))
    }

    /// Whoever of the team without the puck goes at the carrier.
    fn presser(&self, side: Side, chaser: Option<usize>) -> Option<usize> {
        if chaser.is_some() {
            return None;
        }
        let puck = self.framed(side, self.puck.position).x;
        let blue = self.setup.rink.blue_line_m;
        // Defenders do not leave the middle for a puck far up ice; in their own end everybody near may go.
        let slots: &[usize] = if puck < -blue { &[LD, RD, C, LW, RW] } else { &[LW, C, RW] };
        let gap = |who: usize| (self.people[who].position - self.puck.position).norm();
        let on = slots.iter().filter_map(|&slot| self.team(side).on[slot]);
        let fit = on.filter(|&who| self.people[who].place == Place::Ice);
        fit.min_by(|&a, &b| gap(a).total_cmp(&gap(b)))
    }

    /// Forwards of a team in order of nearness to the puck, as ranks by slot.
    fn forecheckers(&self, side: Side) -> [usize; 3] {
        let gap = |slot: usize| {
            self.team(side).on[slot].map_or(f64::MAX, |who| (self.people[who].position - self.puck.position).norm())
        };
        let gaps = [gap(LW), gap(C), gap(RW)];
        [0, 1, 2].map(|slot| (0..3).filter(|&other| gaps[other] < gaps[slot]).count())
    }

    fn chase_aim(&self, who: usize) -> Aim {
        let target = self.meeting(who);
        // Through the puck, not to a stop at it.
        let way = target - self.people[who].position;
        let beyond = way * (1.2 / way.norm().max(0.5));
        Aim { target: target + beyond, speed: 9.5, watch: self.puck.position, backward: false }
    }

    fn press_aim(&self, who: usize, side: Side) -> Aim {
        let rink = &self.setup.rink;
        let goal = Vector::new(-rink.goal_line_m, 0.0) * self.attack(side);
        let to_goal = goal - self.puck.position;
        // Come from the goal's side, and lead the carrier.
        let target = self.puck_after(0.3) + to_goal * (0.8 / to_goal.norm().max(1.0));
        let gap = (target - self.people[who].position).norm();
        Aim { target, speed: if gap > 6.0 { 8.2 } else { 6.5 }, watch: self.puck.position, backward: false }
    }

    /// By role and situation.
    fn position_aim(&self, who: usize, side: Side, slot: usize, ours: bool, ranks: [usize; 3]) -> Aim {
        let puck = self.framed(side, self.puck.position);
        let place = if ours { self.with_puck(slot, puck) } else { self.without_puck(slot, puck, ranks) };
        let rink = &self.setup.rink;
        let half = rink.width_m / 2.0 - 1.0;
        let drift = self.people[who].drift;
        let mut place = place + drift;
        // Stay onside: not over the blue line before the puck; a few misjudge it.
        let line = rink.blue_line_m - 0.5;
        let early = drift.norm() > 3.7;
        if puck.x < rink.blue_line_m && !early {
            let here = self.framed(side, self.people[who].position);
            let run = self.framed(side, self.people[who].velocity).x.max(0.0);
            place.x = place.x.min(line - 0.25 * run);
            if here.x > line {
                place.x = line - 2.0;
            }
        }
        place.x = place.x.clamp(-rink.length_m / 2.0 + 1.0, rink.length_m / 2.0 - 1.0);
        place.y = place.y.clamp(-half, half);
        let target = place * self.attack(side);
        let gap = (target - self.people[who].position).norm();
        let backward = slot >= LD && !ours && gap < 8.0;
        Aim { target, speed: (2.0 + 0.75 * gap).min(8.6), watch: self.puck.position, backward }
    }

    /// A team in possession: breakout, rush, cycle.
    fn with_puck(&self, slot: usize, puck: Vector) -> Vector {
        let rink = &self.setup.rink;
        let (goal, blue, half) = (rink.goal_line_m, rink.blue_line_m, rink.width_m / 2.0);
        let strong = if puck.y >= 0.0 { 1.0 } else { -1.0 };
        let lane = if slot == LW || slot == LD { 1.0 } else { -1.0 };
        if puck.x < -blue {
            return match slot {
                LW | RW => Vector::new((puck.x + 8.0).clamp(-goal + 8.5, -blue + 3.0), lane * (half - 2.2)),
                C => Vector::new((puck.x + 5.5).clamp(-goal + 5.0, -blue + 1.0), -strong * 2.0 + puck.y * 0.3),
                _ if lane == strong => Vector::new(puck.x - 1.5, (puck.y - strong * 6.0).clamp(-6.0, 6.0)),
                _ => Vector::new((puck.x - 1.0).max(-goal + 1.5), lane * 6.5),
            };
        }
        if puck.x < blue {
            let ahead = puck.x + 6.5;
            return match slot {
                LW | RW => Vector::new(ahead, lane * (half - 4.0)),
                C => Vector::new(puck.x + 3.5, -puck.y * 0.4 - strong * 1.5),
                LD => Vector::new(puck.x - 6.5, 5.0),
                _ => Vector::new(puck.x - 8.0, -5.0),
            };
        }
        match slot {
            LD | RD if lane == strong => Vector::new(blue + 1.6, strong * 7.5),
            LD | RD => Vector::new(blue + 2.2, -strong * 2.5),
            _ => {
                // Forwards rotate through three places: corner support, net front, high slot.
                let turn = (self.time_us / (450 * STEP_US)) as usize;
                match (slot + turn) % 3 {
                    0 => Vector::new(goal - 4.0, strong * (half - 3.5)),
                    1 => Vector::new(goal - 2.6, -strong * 1.4),
                    _ => Vector::new(goal - 9.5, -strong * 4.0),
                }
            }
        }
    }

    /// A team without it: forecheck, neutral-zone stand, defence of its end.
    fn without_puck(&self, slot: usize, puck: Vector, ranks: [usize; 3]) -> Vector {
        let rink = &self.setup.rink;
        let (goal, blue) = (rink.goal_line_m, rink.blue_line_m);
        let strong = if puck.y >= 0.0 { 1.0 } else { -1.0 };
        let lane = if slot == LW || slot == LD { 1.0 } else { -1.0 };
        if puck.x > blue {
            return match slot {
                LD | RD => Vector::new((puck.x - 14.0).clamp(-2.0, blue + 0.8), lane * 4.5),
                _ => match ranks[slot] {
                    0 | 1 => Vector::new(puck.x - 5.0, puck.y * 0.55 + strong),
                    _ => Vector::new((puck.x - 11.0).max(2.0), -strong * 2.5),
                },
            };
        }
        if puck.x > -blue {
            return match slot {
                LD | RD => Vector::new((puck.x - 8.5).max(-goal + 7.0), lane * 3.8 + puck.y * 0.2),
                C => Vector::new(puck.x - 3.5, puck.y * 0.4),
                _ => Vector::new(puck.x - 4.0, lane * 6.5),
            };
        }
        let point = Vector::new(-blue - 4.0, lane * 6.0);
        match slot {
            LD | RD if lane == strong => Vector::new((puck.x - 1.0).max(-goal + 1.0), strong * 3.2 + puck.y * 0.25),
            LD | RD => Vector::new(-goal + 2.4, -strong * 1.5),
            C => Vector::new(-goal + 6.0, puck.y * 0.4),
            _ if lane == strong => point + Vector::new(-1.0, 0.0),
            _ => Vector::new(-blue - 7.0, lane * 3.0),
        }
    }

    /// On the line from the goal to the puck, inside the crease.
    fn goalie_aim(&self, who: usize, side: Side) -> Aim {
        let rink = &self.setup.rink;
        let puck = self.framed(side, self.puck.position) + Vector::new(rink.goal_line_m, 0.0);
        let target = if puck.x < 0.2 {
            // Behind the line: hug the post.
            Vector::new(0.35, 0.75 * puck.y.clamp(-1.0, 1.0))
        } else {
            let depth = if puck.norm() < 25.0 { 1.15 } else { 0.8 };
            puck * (depth / puck.norm().max(1.2)) + Vector::new(0.2, 0.0)
        };
        let target = Vector::new(target.x.max(0.35) - rink.goal_line_m, target.y.clamp(-1.2, 1.2)) * self.attack(side);
        let gap = (target - self.people[who].position).norm();
        Aim { target, speed: if gap > 3.0 { 5.0 } else { 3.6 }, watch: self.puck.position, backward: true }
    }

    /// A slow drift around the aim; forwards near the blue line sometimes drift far enough to be offside.
    fn wander(&mut self, who: usize) {
        let (x, y) = (self.chance.normal(0.24), self.chance.normal(0.24));
        let drift = &mut self.people[who].drift;
        *drift = *drift * 0.975 + Vector::new(x, y);
    }

    /// Referees trail and lead; linespersons keep the blue lines.
    fn aim_officials(&mut self) {
        let rink = self.setup.rink;
        let (puck, half) = (self.puck.position, rink.width_m / 2.0 - 1.0);
        for position in 0..self.on_ice.len() {
            let who = self.on_ice[position];
            if self.people[who].role != Role::Official {
                continue;
            }
            let number = self.people[who].slot;
            let target = match number {
                0 => Vector::new((puck.x + 9.0).clamp(-8.0, rink.goal_line_m), half - 0.4),
                1 => Vector::new((puck.x - 9.0).clamp(-rink.goal_line_m, 8.0), -half + 1.6),
                2 => Vector::new((puck.x * 0.5).clamp(0.0, rink.blue_line_m + 0.2), -half + 0.6),
                _ => Vector::new((puck.x * 0.5).clamp(-rink.blue_line_m - 0.2, 0.0), half - 0.2),
            };
            // Out of the way of the puck.
            let near = (target - puck).norm() < 3.0;
            let target =
                if near { target + Vector::new(if puck.x > target.x { -3.0 } else { 3.0 }, 0.0) } else { target };
            let gap = (target - self.people[who].position).norm();
            self.people[who].aim = Aim { target, speed: (1.0 + 0.8 * gap).min(7.0), watch: puck, backward: gap < 4.0 };
        }
    }

    fn aim_officials_aside(&mut self) {
        let aside = self.setup.rink.width_m / 2.0 - 2.0;
        let puck = self.puck.position;
        for position in 0..self.on_ice.len() {
            let who = self.on_ice[position];
            if self.people[who].role == Role::Official {
                let number = self.people[who].slot;
                let fetch = number == 2 && !matches!(self.puck.motion, Motion::Held(_));
                let target = if fetch { puck } else { Vector::new(number as f64 * 1.8 - 2.7, aside) };
                self.people[who].aim = Aim { target, speed: 3.5, watch: Vector::zeros(), backward: false };
            }
        }
    }
}
