//! The rule book: clock, whistles, offside, icing, goals, penalties, periods; and blue-line crossings as events.

use super::{
    Game, STEP_US, Vector,
    flight::Motion,
    game::{INTERMISSION_US, PERIOD_MS, Phase, Place},
};
use firmware_protocol::network::{
    EventKind, Role, Side,
    event::{Crossing, StoppageReason},
};

/// Width of a blue line, metres: a puck is out of a zone when past all of it.
const LINE_WIDTH_M: f64 = 0.305;
/// Penalties called per second of play: about six in sixty minutes.
const PENALTY_RATE: f64 = 0.0028;
/// Length of a minor penalty, seconds.
const MINOR_S: u16 = 120;

/// A whistle about to be blown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whistle {
    at_us: i64,
    reason: StoppageReason,
    spot: Vector,
    against: Option<Side>,
    who: Option<usize>,
}

impl Game {
    /// The game clock, one step.
    pub(super) fn run_clock(&mut self) {
        if !self.clock.running {
            return;
        }
        self.clock.remaining_ms = self.clock.remaining_ms.saturating_sub((STEP_US / 1000) as u32);
        if self.clock.remaining_ms == 0 {
            self.end_period();
        }
    }

    /// What officials see in this step.
    pub(super) fn referee(&mut self) {
        match self.phase {
            Phase::SetUp(set_up) => self.set_up_step(set_up),
            Phase::Play => {
                self.watch_lines();
                self.watch_icing();
                self.watch_fouls();
                if let Some(whistle) = self.whistle
                    && self.time_us >= whistle.at_us
                {
                    self.stop(whistle);
                }
            }
            Phase::Intermission { until_us } => {
                self.fetch();
                if self.time_us >= until_us {
                    self.clock.period += 1;
                    self.clock.remaining_ms = PERIOD_MS;
                    self.set_up(Vector::zeros(), 16.0);
                    self.fill_ice();
                }
            }
            Phase::Over => self.fetch(),
        }
    }

    fn blow(&mut self, reason: StoppageReason, spot: Vector, against: Option<Side>, who: Option<usize>, delay_us: i64) {
        if self.whistle.is_none() {
            self.whistle = Some(Whistle { at_us: self.time_us + delay_us, reason, spot, against, who });
        }
    }

    /// The goalie holds it.
    pub(super) fn freeze(&mut self, delay_us: i64) {
        let spot = self.end_spot(self.puck.position.x.signum());
        self.blow(StoppageReason::Frozen, spot, None, None, delay_us);
    }

    /// Play stops.
    fn stop(&mut self, whistle: Whistle) {
        self.clock.running = false;
        let place = self.puck.position;
        if !matches!(self.puck.motion, Motion::Held(_) | Motion::InNet) {
            self.puck.motion = Motion::Loose;
        }
        self.announce(whistle.against, None, Some(place), EventKind::Stoppage { reason: whistle.reason });
        if let Some(who) = whistle.who
            && whistle.reason == StoppageReason::Penalty
        {
            let (side, place) = (self.people[who].side, self.people[who].position);
            self.announce(side, Some(who), Some(place), EventKind::Penalty { length_s: MINOR_S });
            self.penalise(who, MINOR_S);
        }
        let goal = whistle.reason == StoppageReason::Goal;
        for side in [Side::Home, Side::Away] {
            // The team that iced the puck may not change.
            if whistle.reason != StoppageReason::Icing || whistle.against != Some(side) {
                self.order_at_whistle(side, goal || whistle.reason == StoppageReason::Penalty);
            }
        }
        let seconds = if goal { self.chance.between(21.0, 25.0) } else { self.chance.between(15.0, 19.0) };
        self.set_up(whistle.spot, seconds);
    }

    /// A goal by `by`.
    pub(super) fn score(&mut self, by: usize) {
        self.puck.motion = Motion::InNet;
        self.puck.sent = None;
        let Some(side) = self.people[by].side else { return };
        match side {
            Side::Home => self.clock.home_score += 1,
            Side::Away => self.clock.away_score += 1,
        }
        self.announce(Some(side), Some(by), Some(self.puck.position), EventKind::Goal);
        if let Some(penalty) = self.teams[side.other() as usize].penalty.as_mut() {
            penalty.remaining_ms = 0;
        }
        self.whistle = None;
        self.blow(StoppageReason::Goal, Vector::zeros(), None, None, 0);
    }

    fn end_period(&mut self) {
        self.clock.running = false;
        self.whistle = None;
        let place = self.puck.position;
        self.announce(None, None, Some(place), EventKind::Stoppage { reason: StoppageReason::PeriodEnd });
        self.announce(None, None, None, EventKind::PeriodEnd);
        if !matches!(self.puck.motion, Motion::Held(_)) {
            self.puck.motion = Motion::Loose;
        }
        self.empty_ice();
        self.phase = if self.clock.period >= 3 {
            Phase::Over
        } else {
            Phase::Intermission { until_us: self.time_us + INTERMISSION_US }
        };
    }

    fn end_spot(&mut self, end: f64) -> Vector {
        let rink = &self.setup.rink;
        let across = if self.puck.position.y >= 0.0 { rink.spot_across_m } else { -rink.spot_across_m };
        Vector::new(end * rink.end_spot_m, across)
    }

    /// Blue lines: entries, exits and offsides.
    fn watch_lines(&mut self) {
        let blue = self.setup.rink.blue_line_m;
        let x = self.puck.position.x;
        let was = self.puck_zone;
        let now = if x.abs() > blue {
            x.signum() as i8
        } else if x.abs() < blue - LINE_WIDTH_M || f64::from(was) * x < 0.0 {
            0
        } else {
            was
        };
        if now == was {
            return;
        }
        self.puck_zone = now;
        let Some(last) = self.last_carrier else { return };
        let Some(side) = self.people[last].side else { return };
        if self.whistle.is_some() {
            return;
        }
        let crossing = match self.puck.motion {
            Motion::Carried(_) => Crossing::Carry,
            Motion::Passed { .. } => Crossing::Pass,
            _ => Crossing::Dump,
        };
        let attack = self.attack(side);
        let place = Some(self.puck.position);
        if now != 0 && f64::from(now) == attack {
            if self.is_offside(side, last) {
                let rink = &self.setup.rink;
                let across = if self.puck.position.y >= 0.0 { rink.spot_across_m } else { -rink.spot_across_m };
                let spot = Vector::new(attack * rink.neutral_spot_m, across);
                self.blow(StoppageReason::Offside, spot, Some(side), None, 350_000);
                return;
            }
            self.announce(Some(side), Some(last), place, EventKind::ZoneEntry { crossing });
        } else if now == 0 && f64::from(was) == -attack {
            self.announce(Some(side), Some(last), place, EventKind::ZoneExit { crossing });
        }
    }

    /// Whether a teammate of `carrier` is over the blue line already.
    fn is_offside(&self, side: Side, carrier: usize) -> bool {
        let line = self.setup.rink.blue_line_m + 0.35;
        self.on_ice.iter().any(|&index| {
            let who = &self.people[index];
            let carries = self.puck.carrier() == Some(carrier) && index == carrier;
            who.side == Some(side)
                && who.place == Place::Ice
                && who.role == Role::Skater
                && !carries
                && self.framed(side, who.position).x > line
        })
    }

    /// Sent from behind centre, past the far goal line, touched by nobody.
    fn watch_icing(&mut self) {
        let Some((by, from)) = self.puck.sent else { return };
        let Some(side) = self.people[by].side else { return };
        let rink = &self.setup.rink;
        let short = self.team(side).penalty.is_some() && self.team(side.other()).penalty.is_none();
        if short
            || self.framed(side, from).x > -0.2
            || self.framed(side, self.puck.position).x < rink.goal_line_m + 0.05
        {
            return;
        }
        self.puck.sent = None;
        let own = -self.attack(side);
        let spot = self.end_spot(own);
        self.blow(StoppageReason::Icing, spot, Some(side), None, 300_000);
    }

    /// Now and then a defender near the puck takes a penalty.
    fn watch_fouls(&mut self) {
        if self.whistle.is_some() || !self.chance.rate(PENALTY_RATE) {
            return;
        }
        let Some(carrier) = self.puck.carrier() else { return };
        let Some((who, _)) = self.nearest_opponent(carrier) else { return };
        let Some(side) = self.people[who].side else { return };
        if self.team(side).penalty.is_some() {
            return;
        }
        let spot = self.end_spot(-self.attack(side));
        self.blow(StoppageReason::Penalty, spot, Some(side), Some(who), 400_000);
    }
}
