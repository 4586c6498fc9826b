//! The game itself: its state, and one step of it.
//!
//! Comes in: a [`Setup`]. Goes out: a [`Truth`] every 10 ms. Never: clocks, IO, or memory taken per step once the
//! first seconds have passed. All places inside are building-fixed; tactics think in the attacking team's frame,
//! where `u` runs toward the opponent's goal and `v` to the left of it.

use super::{
    Person, Puck, RosterEntry, STEP_US, Setup, Truth, Vector,
    bench::Team,
    chance::Chance,
    faceoff::SetUp,
    flight::{Motion, PuckBody},
    roster,
    rules::Whistle,
};
use firmware_protocol::network::{Event, EventKind, GameClock, Role, Side};

/// Length of a period, milliseconds.
pub(super) const PERIOD_MS: u32 = 20 * 60 * 1000;
/// Length of an intermission in the simulation, microseconds: long enough to empty and fill the ice.
pub(super) const INTERMISSION_US: i64 = 60_000_000;

/// Where somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On the bench, or a second goalie.
    Bench,
    /// Playing.
    Ice,
    /// On the ice, skating to the bench or the penalty box.
    Leaving,
    /// In the penalty box.
    Box,
}

/// What a skater is trying to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aim {
    /// Where to.
    pub(super) target: Vector,
    /// How fast at most, m/s.
    pub(super) speed: f64,
    /// What to look at.
    pub(super) watch: Vector,
    /// Whether to skate backward, looking at `watch`.
    pub(super) backward: bool,
}

/// One person, on the ice or not.
#[derive(Debug, Clone)]
pub(super) struct Skater {
    pub(super) role: Role,
    pub(super) side: Option<Side>,
    pub(super) number: u8,
    pub(super) position: Vector,
    pub(super) velocity: Vector,
    pub(super) heading: f64,
    pub(super) stride: f64,
    pub(super) top_mps: f64,
    pub(super) place: Place,
    /// Position played; see [`bench`](super::bench).
    pub(super) slot: usize,
    pub(super) aim: Aim,
    /// Wish to keep clear of others, m/s².
    pub(super) crowding: Vector,
    /// Slow drift around the aim, so that nobody stands like a post.
    pub(super) drift: Vector,
    /// Cannot take the puck before then, microseconds.
    pub(super) beaten_until_us: i64,
    /// Came on then, microseconds.
    pub(super) on_since_us: i64,
    /// Where they leave the ice.
    pub(super) gate: Vector,
}

/// What the game is doing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Phase {
    /// The clock runs.
    Play,
    /// Between a whistle and the drop.
    SetUp(SetUp),
    /// Between periods, until then.
    Intermission { until_us: i64 },
    /// After the last period.
    Over,
}

/// A hockey game, one step at a time.
#[derive(Debug, Clone)]
pub struct Game {
    pub(super) setup: Setup,
    pub(super) chance: Chance,
    pub(super) time_us: i64,
    pub(super) clock: GameClock,
    pub(super) phase: Phase,
    pub(super) whistle: Option<Whistle>,
    pub(super) people: Vec<Skater>,
    /// Indices of `people` on the ice, in order.
    pub(super) on_ice: Vec<usize>,
    pub(super) teams: [Team; 2],
    pub(super) puck: PuckBody,
    /// Who last had the puck under control.
    pub(super) last_carrier: Option<usize>,
    /// Which end the puck is in: -1, 0 or 1 along x.
    pub(super) puck_zone: i8,
    /// When the carrier got it, microseconds.
    pub(super) carried_since_us: i64,
    /// What the carrier decided at the blue line: carry on.
    pub(super) carrying_in: bool,
    roster: Vec<RosterEntry>,
    pub(super) truth: Truth,
}

impl Game {
    /// A game about to begin: players stand for the opening face-off, which drops within five seconds.
    pub fn new(setup: Setup) -> Self {
        let mut chance = Chance::new(setup.seed, 0);
        let roster = roster::draw(&mut chance);
        let people = roster.iter().map(|entry| skater(entry, &mut chance)).collect();
        let teams = [Team::new(Side::Home, &mut chance), Team::new(Side::Away, &mut chance)];
        let mut game = Self {
            setup,
            chance,
            time_us: 0,
            clock: GameClock { period: 1, remaining_ms: PERIOD_MS, ..GameClock::default() },
            phase: Phase::Over,
            whistle: None,
            people,
            on_ice: Vec::with_capacity(roster::EVERYBODY),
            teams,
            puck: PuckBody::at(Vector::new(0.0, -1.2)),
            last_carrier: None,
            puck_zone: 0,
            carried_since_us: 0,
            carrying_in: false,
            roster,
            truth: Truth {
                time_us: 0,
                clock: GameClock::default(),
                penalties_s: [[0; 2]; 2],
                people: Vec::with_capacity(roster::EVERYBODY),
                puck: Puck { position_m: [0.0; 3], velocity_mps: [0.0; 3], carrier: None },
                events: Vec::with_capacity(64),
            },
        };
        game.line_up();
        game.publish();
        game
    }

    /// What is true now.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// Everybody who may come on the ice.
    pub fn roster(&self) -> &[RosterEntry] {
        &self.roster
    }

    /// Whether the last period has ended; stepping goes on, and nothing more happens.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Ten milliseconds later.
    pub fn step(&mut self) -> &Truth {
        self.time_us += STEP_US;
        self.truth.events.clear();
        self.run_clock();
        self.run_benches();
        // Skaters think at 20 Hz and skate at 100.
        if self.time_us % (5 * STEP_US) == 0 {
            self.aim_everybody();
        }
        if matches!(self.phase, Phase::Play) && self.whistle.is_none() {
            self.carrier_decides();
        }
        self.skate();
        self.move_puck();
        self.referee();
        self.publish();
        &self.truth
    }

    /// Steps until `time_us`, showing each instant.
    pub fn step_to(&mut self, time_us: i64, mut see: impl FnMut(&Truth)) {
        while self.time_us + STEP_US <= time_us {
            see(self.step());
        }
    }

    /// +1 when a team attacks toward +x: the home team does in odd periods.
    pub(super) fn attack(&self, side: Side) -> f64 {
        let home = if self.clock.period % 2 == 1 { 1.0 } else { -1.0 };
        if side == Side::Home { home } else { -home }
    }

    /// A place in the frame of a team that attacks toward `u`.
    pub(super) fn framed(&self, side: Side, place: Vector) -> Vector {
        place * self.attack(side)
    }

    pub(super) fn team(&self, side: Side) -> &Team {
        &self.teams[side as usize]
    }

    /// Writes an event into the truth.
    pub(super) fn announce(&mut self, side: Option<Side>, who: Option<usize>, place: Option<Vector>, kind: EventKind) {
        self.truth.events.push(Event {
            game: self.setup.game,
            captured_us: self.time_us,
            uncertainty_us: 0,
            clock: self.clock,
            side,
            number: who.map(|index| self.people[index].number),
            position_m: place.map(|place| [place.x as f32, place.y as f32]),
            kind,
        });
    }

    /// Who stands on the ice, after somebody came or went.
    pub(super) fn count_ice(&mut self) {
        self.on_ice.clear();
        let on = self.people.iter().enumerate().filter(|(_, who)| matches!(who.place, Place::Ice | Place::Leaving));
        self.on_ice.extend(on.map(|(index, _)| index));
    }

    fn publish(&mut self) {
        self.truth.time_us = self.time_us;
        self.truth.clock = self.clock;
        self.truth.penalties_s = self.penalties_s();
        self.truth.people.clear();
        for &index in &self.on_ice {
            let who = &self.people[index];
            self.truth.people.push(Person {
                id: index as u32 + 1,
                role: who.role,
                side: who.side,
                number: who.number,
                position_m: who.position.into(),
                velocity_mps: who.velocity.into(),
                heading_rad: who.heading,
                stride: who.stride,
            });
        }
        let (puck, carrier) = (&self.puck, self.puck.carrier());
        self.truth.puck = Puck {
            position_m: [puck.position.x, puck.position.y, puck.height],
            velocity_mps: [puck.velocity.x, puck.velocity.y, puck.rise],
            carrier: carrier.map(|index| index as u32 + 1),
        };
        debug_assert!(!matches!(self.puck.motion, Motion::Carried(who) if self.people[who].place != Place::Ice));
    }
}

fn skater(entry: &RosterEntry, chance: &mut Chance) -> Skater {
    let top_mps = match entry.role {
        Role::Skater => chance.between(8.6, 10.4),
        Role::Goalie => 5.0,
        Role::Official => 7.5,
    };
    Skater {
        role: entry.role,
        side: entry.side,
        number: entry.number,
        position: Vector::zeros(),
        velocity: Vector::zeros(),
        heading: 0.0,
        stride: chance.between(0.0, 1.0),
        top_mps,
        place: Place::Bench,
        slot: 0,
        aim: Aim { target: Vector::zeros(), speed: 0.0, watch: Vector::zeros(), backward: false },
        crowding: Vector::zeros(),
        drift: Vector::zeros(),
        beaten_until_us: 0,
        on_since_us: 0,
        gate: Vector::zeros(),
    }
}
