//! One row a game: the scoreboard, and what each side has done.
//!
//! Attempts are Corsi, as the [`ledger`](super::ledger) has them: shots, and goals that came without one. An attempt that
//! neither goalie nor net stopped went wide or was blocked; boxes cannot tell these apart, so Fenwick is known only
//! where staff said what became of each (`Outcome` of a correction).

use super::statistics::Attempts;
use firmware_protocol::network::{Event, EventKind, GameClock, Side, event::Crossing};
use serde::{Deserialize, Serialize};

/// Name of this projection's rows.
pub const PROJECTION: &str = "games";

/// What has happened in one game.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Game {
    /// The game, as the league numbers it.
    pub game: u64,
    /// The arena it is played in.
    pub venue: String,
    /// The scoreboard at the newest event.
    pub clock: GameClock,
    /// Capture time of the oldest event, microseconds UTC.
    pub started_us: i64,
    /// Capture time of the newest event, microseconds UTC.
    pub updated_us: i64,
    /// Events of this game.
    pub events: u64,
    /// Stoppages of play.
    pub stoppages: u32,
    /// What the home team has done.
    pub home: Tally,
    /// What the away team has done.
    pub away: Tally,
}

/// What one side has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Goals that were seen; the scoreboard is in the clock.
    pub goals: u32,
    /// Attempts at goal: Corsi for.
    pub attempts: u32,
    /// Attempts known to be blocked.
    pub blocked: u32,
    /// Attempts of which nobody told whether they missed or were blocked.
    pub unsettled: u32,
    /// Attempts that goalie or net stopped.
    pub on_goal: u32,
    /// Face-offs won.
    pub face_offs_won: u32,
    /// Entries into the offensive zone.
    pub entries: Crossings,
    /// Exits from the defensive zone.
    pub exits: Crossings,
    /// Passes received.
    pub passes: u32,
    /// Penalties.
    pub penalties: u32,
    /// Seconds of them.
    pub penalty_s: u32,
}

/// Line crossings by the way the puck went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossings {
    /// On a stick.
    pub carry: u32,
    /// From stick to stick.
    pub pass: u32,
    /// Dumped in or out.
    pub dump: u32,
}

impl Crossings {
    /// All of them.
    pub fn total(self) -> u32 {
        self.carry + self.pass + self.dump
    }

    pub(super) fn add(&mut self, crossing: Crossing) {
        *match crossing {
            Crossing::Carry => &mut self.carry,
            Crossing::Pass => &mut self.pass,
            Crossing::Dump => &mut self.dump,
        } += 1;
    }
}

impl Game {
    /// A game of which nothing is known but `event`, which is not counted yet.
    pub fn new(venue: &str, event: &Event) -> Self {
        Self {
            game: event.game,
            venue: venue.to_owned(),
            clock: event.clock,
            started_us: event.captured_us,
            updated_us: event.captured_us,
            events: 0,
            stoppages: 0,
            home: Tally::default(),
            away: Tally::default(),
        }
    }

    /// Counts one event. Events may come late: the scoreboard is that of the latest captured.
    pub fn fold(&mut self, event: &Event) {
        self.events += 1;
        self.started_us = self.started_us.min(event.captured_us);
        if event.captured_us >= self.updated_us {
            self.updated_us = event.captured_us;
            self.clock = event.clock;
        }
        if matches!(event.kind, EventKind::Stoppage { .. }) {
            self.stoppages += 1;
        }
        match event.side {
            Some(Side::Home) => self.home.fold(&event.kind),
            Some(Side::Away) => self.away.fold(&event.kind),
            None => {}
        }
    }
}

impl Tally {
    /// Attempts that were not blocked: Fenwick for. `None` while the fate of one is not known.
    pub fn fenwick(&self) -> Option<u32> {
        (self.unsettled == 0).then(|| self.attempts - self.blocked)
    }

    /// Takes over what the ledger says of attempts.
    pub(super) fn attempt(&mut self, attempts: &Attempts) {
        let Attempts { corsi, blocked, unsettled, on_goal, goals } = *attempts;
        (self.attempts, self.blocked, self.unsettled, self.on_goal) = (corsi, blocked, unsettled, on_goal);
        self.goals = goals;
    }

    fn fold(&mut self, kind: &EventKind) {
        match *kind {
            EventKind::FaceOff { .. } => self.face_offs_won += 1,
            EventKind::ZoneEntry { crossing } => self.entries.add(crossing),
            EventKind::ZoneExit { crossing } => self.exits.add(crossing),
            EventKind::Pass { .. } => self.passes += 1,
            EventKind::Penalty { length_s } => {
                self.penalties += 1;
                self.penalty_s += u32::from(length_s);
            }
            EventKind::Goal
            | EventKind::Shot { .. }
            | EventKind::Stoppage { .. }
            | EventKind::PlayStart
            | EventKind::ShiftStart
            | EventKind::ShiftEnd { .. }
            | EventKind::PeriodStart
            | EventKind::PeriodEnd
            | EventKind::Note { .. } => {}
        }
    }
}
