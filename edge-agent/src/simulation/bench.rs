//! Lines, pairs, shifts and penalties served: who comes on and who goes off.
//!
//! A team dresses four forward lines, three defence pairs and two goalies. A line stays on 35 to 55 s, then changes
//! when the puck is deep at the other end or at a whistle; each skater leaves by a gate of their own, and the next
//! one steps on when they are nearly there, so that for a moment six skaters are on.

use super::{
    Game, STEP_US, Vector,
    chance::Chance,
    game::{Aim, Phase, Place},
    roster::TEAM,
};
use firmware_protocol::network::{EventKind, Side};

/// Positions: left wing, centre, right wing, left and right defence, goal.
pub(super) const LW: usize = 0;
pub(super) const C: usize = 1;
pub(super) const RW: usize = 2;
pub(super) const LD: usize = 3;
pub(super) const RD: usize = 4;
pub(super) const G: usize = 5;
const LINES: usize = 4;
const PAIRS: usize = 3;
/// How near the bench somebody must be before the next steps on, metres.
const HANDOVER_M: f64 = 4.0;

/// A penalty being served.
#[derive(Debug, Clone, Copy)]
pub(super) struct Penalty {
    pub(super) who: usize,
    pub(super) remaining_ms: u32,
}

/// One team's bench.
#[derive(Debug, Clone)]
pub(super) struct Team {
    pub(super) side: Side,
    /// Who plays each position; `None` when short-handed.
    pub(super) on: [Option<usize>; 6],
    /// Who waits to replace them.
    pub(super) next: [Option<usize>; 6],
    line: usize,
    pair: usize,
    line_until_us: i64,
    pair_until_us: i64,
    pub(super) penalty: Option<Penalty>,
}

impl Team {
    pub(super) fn new(side: Side, chance: &mut Chance) -> Self {
        let mut team = Self {
            side,
            on: [None; 6],
            next: [None; 6],
            line: 0,
            pair: 0,
            line_until_us: 0,
            pair_until_us: 0,
            penalty: None,
        };
        team.rest(0, chance);
        team
    }

    fn first(&self) -> usize {
        self.side as usize * TEAM
    }

    /// Who plays `slot` in line or pair `number`.
    fn member(&self, slot: usize, number: usize) -> usize {
        self.first()
            + match slot {
                LW | C | RW => (number % LINES) * 3 + slot,
                LD | RD => 12 + (number % PAIRS) * 2 + (slot - LD),
                _ => 18,
            }
    }

    /// Draws how long the fresh line and pair stay.
    fn rest(&mut self, now_us: i64, chance: &mut Chance) {
        self.line_until_us = now_us + (chance.between(35.0, 50.0) * 1e6) as i64;
        self.pair_until_us = now_us + (chance.between(38.0, 55.0) * 1e6) as i64;
    }
}

impl Game {
    /// Penalties left, as the scoreboard shows them.
    pub(super) fn penalties_s(&self) -> [[u16; 2]; 2] {
        let left = |team: &Team| [team.penalty.map_or(0, |penalty| penalty.remaining_ms.div_ceil(1000) as u16), 0];
        [left(&self.teams[0]), left(&self.teams[1])]
    }

    /// Where somebody of `side` who plays `slot` comes and goes.
    pub(super) fn gate(&self, side: Side, slot: usize) -> Vector {
        let along = 2.6 + 1.35 * slot as f64;
        let across = self.setup.rink.width_m / 2.0 - 0.6;
        Vector::new(if side == Side::Home { -along } else { along }, -across)
    }

    fn box_gate(&self, side: Side) -> Vector {
        Vector::new(if side == Side::Home { -3.0 } else { 3.0 }, self.setup.rink.width_m / 2.0 - 0.6)
    }

    /// Both teams' benches and penalty boxes, one step.
    pub(super) fn run_benches(&mut self) {
        for side in [Side::Home, Side::Away] {
            if matches!(self.phase, Phase::Play) && self.whistle.is_none() {
                self.change_on_the_fly(side);
            }
            for slot in 0..6 {
                self.change_slot(side, slot);
            }
            self.serve(side);
        }
        self.leave();
    }

    /// Tired lines go when the puck is deep in the other end, or at last wherever it is not in their own.
    fn change_on_the_fly(&mut self, side: Side) {
        let puck = self.framed(side, self.puck.position).x;
        let blue = self.setup.rink.blue_line_m;
        let ours = self.last_carrier.is_some_and(|who| self.people[who].side == Some(side));
        let deep = puck > blue + 8.0 && !matches!(self.puck.motion, super::flight::Motion::Shot { .. });
        let calm = ours && puck > -2.0 && puck < blue;
        let now = self.time_us;
        let team = self.team(side);
        if team.next.iter().any(Option::is_some) {
            return;
        }
        let late_line = now - team.line_until_us;
        let late_pair = now - team.pair_until_us;
        if late_line > 0 && (deep && !ours || calm || late_line > 12_000_000 && puck > -blue) {
            self.order_forwards(side);
        } else if late_pair > 0 && (deep || late_pair > 14_000_000 && puck > -blue) {
            self.order_defence(side);
        }
    }

    /// The next forward line waits at the gates.
    pub(super) fn order_forwards(&mut self, side: Side) {
        self.teams[side as usize].line += 1;
        self.teams[side as usize].line_until_us = self.time_us + (self.chance.between(38.0, 52.0) * 1e6) as i64;
        for slot in [LW, C, RW] {
            self.order(side, slot);
        }
    }

    /// The next defence pair waits at the gates.
    pub(super) fn order_defence(&mut self, side: Side) {
        self.teams[side as usize].pair += 1;
        self.teams[side as usize].pair_until_us = self.time_us + (self.chance.between(40.0, 55.0) * 1e6) as i64;
        for slot in [LD, RD] {
            self.order(side, slot);
        }
    }

    /// At a whistle the tired change, and everybody does when `all`.
    pub(super) fn order_at_whistle(&mut self, side: Side, all: bool) {
        let now = self.time_us;
        let team = self.team(side);
        let (tired_line, tired_pair) = (now > team.line_until_us - 22_000_000, now > team.pair_until_us - 22_000_000);
        if all || tired_line {
            self.order_forwards(side);
        }
        if all || tired_pair {
            self.order_defence(side);
        }
    }

    fn order(&mut self, side: Side, slot: usize) {
        let team = self.team(side);
        if slot == RW && team.penalty.is_some() {
            return;
        }
        let number = if slot < LD { team.line } else { team.pair };
        let wanted = team.member(slot, number);
        let free = |who: usize| self.people[who].place == Place::Bench && !team.next.contains(&Some(who));
        // Forwards for forwards, defenders for defenders; anybody of the bench when theirs is busy.
        let (first, last) = if slot < LD { (0, 12) } else { (12, 18) };
        let next = Some(wanted)
            .filter(|&who| free(who))
            .or_else(|| (team.first() + first..team.first() + last).find(|&who| free(who)));
        self.teams[side as usize].next[slot] = next;
    }

    /// One position's change, when one is ordered.
    fn change_slot(&mut self, side: Side, slot: usize) {
        let team = &self.teams[side as usize];
        let Some(next) = team.next[slot] else { return };
        let gate = self.gate(side, slot);
        if let Some(current) = team.on[slot] {
            let person = &self.people[current];
            let gap = (person.position - gate).norm();
            if person.place == Place::Ice {
                let busy = self.puck.carrier() == Some(current)
                    || matches!(self.puck.motion, super::flight::Motion::Passed { to, .. } if to == current);
                let close = (person.position - self.puck.position).norm() < 4.0;
                if matches!(self.phase, Phase::Play) && (busy || close) {
                    return;
                }
                self.send_off(current, gate);
                return;
            }
            if gap > if matches!(self.phase, Phase::Play) { HANDOVER_M } else { 9.0 } {
                return;
            }
        }
        if self.bring_on(next, slot, gate) {
            self.teams[side as usize].next[slot] = None;
            self.teams[side as usize].on[slot] = Some(next);
        }
    }

    /// Tells somebody to skate off by `gate`.
    pub(super) fn send_off(&mut self, who: usize, gate: Vector) {
        let person = &mut self.people[who];
        person.place = Place::Leaving;
        person.gate = gate;
        person.aim = Aim { target: gate, speed: 7.0, watch: gate, backward: false };
    }

    /// Somebody steps on, unless another body stands there.
    fn bring_on(&mut self, who: usize, slot: usize, gate: Vector) -> bool {
        let side = self.people[who].side;
        let many = self.on_ice.iter().filter(|&&other| self.people[other].side == side).count() > 6;
        if many || self.on_ice.iter().any(|&other| (self.people[other].position - gate).norm() < 0.9) {
            return false;
        }
        let inward = Vector::new(0.0, -gate.y.signum());
        let person = &mut self.people[who];
        person.place = Place::Ice;
        person.slot = slot;
        person.position = gate;
        person.velocity = inward;
        person.heading = inward.y.atan2(inward.x);
        person.aim = Aim { target: gate + inward * 4.0, speed: 4.0, watch: self.puck.position, backward: false };
        person.drift = Vector::zeros();
        person.beaten_until_us = 0;
        self.starts_shift(who);
        true
    }

    /// Counts somebody as on the ice from now.
    pub(super) fn starts_shift(&mut self, who: usize) {
        self.people[who].on_since_us = self.time_us;
        self.count_ice();
        let (side, place) = (self.people[who].side, self.people[who].position);
        if side.is_some() {
            self.announce(side, Some(who), Some(place), EventKind::ShiftStart);
        }
    }

    /// Those who reached their gate are off.
    fn leave(&mut self) {
        let mut position = 0;
        while position < self.on_ice.len() {
            let who = self.on_ice[position];
            position += 1;
            let person = &self.people[who];
            let beside =
                person.position.y.abs() > person.gate.y.abs() - 0.4 && (person.position.x - person.gate.x).abs() < 1.5;
            if person.place != Place::Leaving || !(beside || (person.position - person.gate).norm() < 0.7) {
                continue;
            }
            let (side, place) = (person.side, person.position);
            let length_ms = ((self.time_us - person.on_since_us) / 1000) as u32;
            let boxed = side.is_some_and(|side| self.team(side).penalty.is_some_and(|penalty| penalty.who == who));
            self.people[who].place = if boxed { Place::Box } else { Place::Bench };
            self.count_ice();
            position = position.saturating_sub(1);
            if let Some(side) = side {
                for slot in &mut self.teams[side as usize].on {
                    if *slot == Some(who) {
                        *slot = None;
                    }
                }
                self.announce(Some(side), Some(who), Some(place), EventKind::ShiftEnd { length_ms });
            }
        }
    }

    /// A penalised team plays without its right wing until the time is over.
    fn serve(&mut self, side: Side) {
        let Some(penalty) = self.teams[side as usize].penalty.as_mut() else { return };
        if self.clock.running {
            penalty.remaining_ms = penalty.remaining_ms.saturating_sub((STEP_US / 1000) as u32);
        }
        let penalty = *penalty;
        if penalty.remaining_ms == 0 && self.people[penalty.who].place == Place::Box {
            if matches!(self.phase, Phase::Intermission { .. } | Phase::Over) {
                self.people[penalty.who].place = Place::Bench;
                self.teams[side as usize].penalty = None;
            } else if self.bring_on(penalty.who, RW, self.box_gate(side)) {
                self.teams[side as usize].penalty = None;
                self.teams[side as usize].on[RW] = Some(penalty.who);
                self.teams[side as usize].next[RW] = None;
            }
        }
    }

    /// Sends a skater to the box; the right wing takes the place left.
    pub(super) fn penalise(&mut self, who: usize, length_s: u16) {
        let Some(side) = self.people[who].side else { return };
        let gate = self.box_gate(side);
        let team = &mut self.teams[side as usize];
        team.penalty = Some(Penalty { who, remaining_ms: u32::from(length_s) * 1000 });
        team.next = [None; 6];
        let slot = self.people[who].slot;
        if team.on[slot] == Some(who) {
            team.on[slot] = None;
        }
        let mover = team.on[RW].take();
        if let Some(mover) = mover.filter(|&mover| mover != who) {
            team.on[slot] = Some(mover);
            self.people[mover].slot = slot;
        }
        self.send_off(who, gate);
    }

    /// Clears the ice of players: each goes to the nearest gate of theirs.
    pub(super) fn empty_ice(&mut self) {
        for side in [Side::Home, Side::Away] {
            self.teams[side as usize].next = [None; 6];
            for slot in 0..6 {
                if let Some(who) = self.teams[side as usize].on[slot] {
                    let gate = self.gate(side, slot);
                    self.send_off(who, gate);
                }
            }
        }
    }

    /// Orders a full side onto empty ice.
    pub(super) fn fill_ice(&mut self) {
        for side in [Side::Home, Side::Away] {
            self.order_at_whistle(side, true);
            let team = &mut self.teams[side as usize];
            team.next[G] = Some(team.member(G, 0));
        }
    }
}
