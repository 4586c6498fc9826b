//! One row a player and game: ice time, shifts, and what they did with the puck.
//!
//! A player is a side and a jersey number. What somebody did whose number was not read counts for the side only.

use firmware_protocol::network::{Event, EventKind, Side};
use serde::{Deserialize, Serialize};

/// Name of this projection's rows.
pub const PROJECTION: &str = "players";

/// What one player has done in one game.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Player {
    /// The game, as the league numbers it.
    pub game: u64,
    /// The team.
    pub side: Side,
    /// Jersey number.
    pub number: u8,
    /// Capture time of the newest event, microseconds UTC.
    pub updated_us: i64,
    /// Time on the ice in shifts that have ended, milliseconds.
    pub ice_time_ms: u64,
    /// Shifts begun.
    pub shifts: u32,
    /// When the shift under way began, microseconds UTC; `None` on the bench.
    pub shift_started_us: Option<i64>,
    /// Longest shift that has ended, milliseconds.
    pub longest_shift_ms: u32,
    /// Goals.
    pub goals: u32,
    /// Attempts at goal.
    pub attempts: u32,
    /// Attempts that goalie or net stopped.
    pub on_goal: u32,
    /// Passes that reached a stick.
    pub passes: u32,
    /// Passes taken.
    pub passes_received: u32,
    /// Entries into the offensive zone.
    pub entries: u32,
    /// Of those, with the puck on a stick or passed.
    pub entries_controlled: u32,
    /// Exits from the defensive zone.
    pub exits: u32,
    /// Face-offs won.
    pub face_offs_won: u32,
    /// Penalties.
    pub penalties: u32,
}

impl Player {
    /// Somebody who has done nothing yet.
    pub fn new(game: u64, side: Side, number: u8) -> Self {
        Self {
            game,
            side,
            number,
            updated_us: i64::MIN,
            ice_time_ms: 0,
            shifts: 0,
            shift_started_us: None,
            longest_shift_ms: 0,
            goals: 0,
            attempts: 0,
            on_goal: 0,
            passes: 0,
            passes_received: 0,
            entries: 0,
            entries_controlled: 0,
            exits: 0,
            face_offs_won: 0,
            penalties: 0,
        }
    }

    /// The row's name within the game.
    pub fn subject(side: Side, number: u8) -> String {
        match side {
            Side::Home => format!("home:{number}"),
            Side::Away => format!("away:{number}"),
        }
    }

    /// Whom `event` is about: who did it, then who received.
    pub fn concerned(event: &Event) -> [Option<(Side, u8)>; 2] {
        let receiver = match event.kind {
            EventKind::Pass { receiver, .. } => receiver,
            _ => None,
        };
        let of_side = |number: Option<u8>| event.side.zip(number);
        let who = of_side(event.number);
        [who, of_side(receiver).filter(|receiver| Some(*receiver) != who)]
    }

    /// Counts an event this player is concerned by.
    pub fn fold(&mut self, event: &Event) {
        use firmware_protocol::network::event::Crossing;
        self.updated_us = self.updated_us.max(event.captured_us);
        if event.number != Some(self.number) {
            self.passes_received += 1;
            return;
        }
        match event.kind {
            EventKind::ShiftStart => {
                self.shifts += 1;
                self.shift_started_us = Some(event.captured_us);
            }
            EventKind::ShiftEnd { length_ms } => {
                self.ice_time_ms += u64::from(length_ms);
                self.longest_shift_ms = self.longest_shift_ms.max(length_ms);
                self.shift_started_us = None;
            }
            EventKind::Goal => self.goals += 1,
            EventKind::Shot { on_goal, .. } => {
                self.attempts += 1;
                self.on_goal += u32::from(on_goal == Some(true));
            }
            EventKind::Pass { .. } => self.passes += 1,
            EventKind::ZoneEntry { crossing } => {
                self.entries += 1;
                self.entries_controlled += u32::from(crossing != Crossing::Dump);
            }
            EventKind::ZoneExit { .. } => self.exits += 1,
            EventKind::FaceOff { .. } => self.face_offs_won += 1,
            EventKind::Penalty { .. } => self.penalties += 1,
            EventKind::Stoppage { .. }
            | EventKind::PlayStart
            | EventKind::PeriodStart
            | EventKind::PeriodEnd
            | EventKind::Note { .. } => {}
        }
    }
}
