//! Between a whistle and the drop: officials fetch the puck, players change and glide to their places.

use super::{
    Game, Vector,
    bench::{C, G, LD, LW, RD, RW},
    flight::Motion,
    game::{Aim, Phase, Place},
    roster::TEAM,
};
use firmware_protocol::network::{EventKind, Role, Side, Zone};

/// A face-off being set up.
#[derive(Debug, Clone, Copy)]
pub(super) struct SetUp {
    pub(super) spot: Vector,
    pub(super) since_us: i64,
    /// Not before then, microseconds.
    pub(super) drop_after_us: i64,
    /// Dropped, and falling.
    pub(super) dropped: bool,
}

/// The linesperson who drops the puck.
const DROPS: usize = 2 * TEAM + 2;
/// Longest set-up; then it drops whoever is missing, microseconds.
const LONGEST_US: i64 = 32_000_000;

impl Game {
    /// Before the first drop: everybody stands in place.
    pub(super) fn line_up(&mut self) {
        self.set_up(Vector::zeros(), 3.0);
        for side in [Side::Home, Side::Away] {
            let first = side as usize * TEAM;
            for (slot, who) in [(LW, 0), (C, 1), (RW, 2), (LD, 12), (RD, 13), (G, 18)] {
                let who = first + who;
                self.people[who].place = Place::Ice;
                self.people[who].slot = slot;
                self.people[who].position = self.mark(side, slot, Vector::zeros());
                self.teams[side as usize].on[slot] = Some(who);
            }
        }
        for (number, who) in (2 * TEAM..2 * TEAM + 4).enumerate() {
            self.people[who].place = Place::Ice;
            self.people[who].slot = number;
            self.people[who].position = self.official_mark(number, Vector::zeros());
        }
        self.count_ice();
        for position in 0..self.on_ice.len() {
            let who = self.on_ice[position];
            self.starts_shift(who);
            let toward = -self.people[who].position;
            self.people[who].heading = toward.y.atan2(toward.x);
            self.people[who].aim.target = self.people[who].position;
        }
        self.puck.motion = Motion::Held(DROPS);
        self.puck.position = self.people[DROPS].position;
    }

    /// Begins a set-up at `spot` that lasts at least `seconds`.
    pub(super) fn set_up(&mut self, spot: Vector, seconds: f64) {
        self.whistle = None;
        self.phase = Phase::SetUp(SetUp {
            spot,
            since_us: self.time_us,
            drop_after_us: self.time_us + (seconds * 1e6) as i64,
            dropped: false,
        });
    }

    /// Where somebody stands for a face-off at `spot`.
    pub(super) fn mark(&self, side: Side, slot: usize, spot: Vector) -> Vector {
        let rink = &self.setup.rink;
        let at = self.framed(side, spot);
        let place = match slot {
            LW => at + Vector::new(-1.1, 5.0),
            C => at + Vector::new(-0.95, 0.0),
            RW => at + Vector::new(-1.1, -5.0),
            LD => at + Vector::new(-5.2, 2.4),
            RD => at + Vector::new(-5.6, -2.6),
            _ => Vector::new(-rink.goal_line_m + 1.0, 0.0),
        };
        let half = rink.width_m / 2.0 - 1.2;
        let place = Vector::new(
            place.x.max(-rink.goal_line_m + 1.6 - if slot == G { 0.8 } else { 0.0 }),
            place.y.clamp(-half, half),
        );
        place * self.attack(side)
    }

    /// Where an official stands for a face-off at `spot`.
    pub(super) fn official_mark(&self, number: usize, spot: Vector) -> Vector {
        let rink = &self.setup.rink;
        let (half, side) = (rink.width_m / 2.0, if spot.y > 0.0 { 1.0 } else { -1.0 });
        match number {
            0 => Vector::new(spot.x * 0.6 + 7.5, -side * (half - 1.2)),
            1 => Vector::new(spot.x * 0.6 - 7.5, side * (half - 1.2)),
            2 => spot + Vector::new(0.0, side * 1.15),
            _ => Vector::new(if spot.x > 1.0 { rink.blue_line_m } else { -rink.blue_line_m }, -side * (half - 1.0)),
        }
    }

    /// One step of a set-up.
    pub(super) fn set_up_step(&mut self, set_up: SetUp) {
        if set_up.dropped {
            if self.puck.height <= 0.02 {
                self.draw(set_up.spot);
            }
            return;
        }
        self.fetch();
        let now = self.time_us;
        if now >= set_up.drop_after_us && (self.is_ready(set_up.spot) || now - set_up.since_us > LONGEST_US) {
            let puck = &mut self.puck;
            puck.motion = Motion::Dropped;
            puck.position = set_up.spot;
            puck.velocity = Vector::zeros();
            puck.rise = 0.0;
            self.phase = Phase::SetUp(SetUp { dropped: true, ..set_up });
        }
    }

    /// The linesperson takes the puck when near enough.
    pub(super) fn fetch(&mut self) {
        let gap = (self.people[DROPS].position - self.puck.position).norm();
        let reach = if self.puck.motion == Motion::InNet { 2.6 } else { 1.7 };
        if self.puck.motion != Motion::Held(DROPS) && gap < reach {
            self.puck.motion = Motion::Held(DROPS);
        } else if matches!(self.puck.motion, Motion::Carried(_)) {
            self.puck.motion = Motion::Loose;
        }
    }

    fn is_ready(&self, spot: Vector) -> bool {
        let near = |who: usize, mark: Vector, gap: f64| (self.people[who].position - mark).norm() < gap;
        let official = self.puck.motion == Motion::Held(DROPS) && near(DROPS, self.official_mark(2, spot), 0.5);
        official
            && self.people.iter().all(|who| who.place != Place::Leaving)
            && self.teams.iter().all(|team| {
                team.next.iter().all(Option::is_none)
                    && (0..6).all(|slot| {
                        let gap = if slot == C { 0.35 } else { 1.5 };
                        team.on[slot].is_none_or(|who| near(who, self.mark(team.side, slot, spot), gap))
                    })
            })
    }

    /// The puck is on the ice: one centre wins it and draws it back.
    fn draw(&mut self, spot: Vector) {
        let winner = if self.chance.hit(0.5) { Side::Home } else { Side::Away };
        let Some(centre) = self.team(winner).on[C].or(self.team(winner).on[LW]) else { return };
        let slot = if self.chance.hit(0.5) { LD } else { RD };
        let back = self.mark(winner, slot, spot);
        let back = back + Vector::new(self.chance.normal(1.0), self.chance.normal(1.0));
        let speed = self.chance.between(5.5, 9.0);
        let to = self.team(winner).on[LD].unwrap_or(centre);
        self.puck.send(centre, back, speed, 0.0, Motion::Passed { from: centre, to, start: spot });
        // A draw is no pass: the first to reach it has it.
        self.puck.motion = Motion::Loose;
        self.puck.sent = None;
        self.last_carrier = Some(centre);
        for side in [Side::Home, Side::Away] {
            if let Some(centre) = self.team(side).on[C] {
                self.people[centre].beaten_until_us = self.time_us + 900_000;
            }
        }
        self.phase = Phase::Play;
        self.clock.running = true;
        let u = self.framed(winner, spot).x;
        let blue = self.setup.rink.blue_line_m;
        self.puck_zone = if spot.x > blue {
            1
        } else if spot.x < -blue {
            -1
        } else {
            0
        };
        let zone = if u > blue {
            Zone::Offensive
        } else if u < -blue {
            Zone::Defensive
        } else {
            Zone::Neutral
        };
        if self.clock.remaining_ms == super::game::PERIOD_MS {
            self.announce(None, None, None, EventKind::PeriodStart);
        }
        self.announce(Some(winner), Some(centre), Some(spot), EventKind::FaceOff { zone });
    }

    /// Aims while the clock stands.
    pub(super) fn aim_at_marks(&mut self, spot: Vector, dropped: bool) {
        let held = self.puck.motion == Motion::Held(DROPS);
        for position in 0..self.on_ice.len() {
            let who = self.on_ice[position];
            if self.people[who].place != Place::Ice {
                continue;
            }
            let slot = self.people[who].slot;
            let mut target = match self.people[who].side {
                Some(side) => self.mark(side, slot, spot),
                None => self.official_mark(slot, spot),
            };
            if who == DROPS && !held && !dropped {
                target = self.puck.position;
            }
            let gap = (target - self.people[who].position).norm();
            let hurry = self.people[who].role == Role::Official;
            let speed = if hurry { 5.5 } else { (1.2 + 0.35 * gap).min(4.5) };
            self.people[who].aim = Aim { target, speed, watch: spot, backward: false };
        }
    }
}
