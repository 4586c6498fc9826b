//! One row a game: who was on the ice when, and what happened there, short enough to be counted in any way.
//!
//! Comes in: events as they count, in any order of their capture times. Goes out: what [`statistics`](super::statistics)
//! are made from. Statistics need what came before and after each moment, and boxes tell a shift's end seconds after a
//! goal within it: so this keeps moments, and counting waits until somebody asks. Never: more than [`ENTRIES_MAX`]
//! moments; beyond, the row says that it is not complete.

use crate::event_store::correction::{Counted, Outcome};
use firmware_protocol::network::{EventKind, Side, Zone, event::Crossing};
use serde::{Deserialize, Serialize};

/// Name of this projection's rows.
pub const PROJECTION: &str = "ledger";
/// Moments kept of one game: ten times what a long one has.
pub const ENTRIES_MAX: usize = 30_000;

/// Everything counted of one game.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Capture time of the newest event, microseconds UTC.
    pub newest_us: i64,
    /// Moments that found no room.
    pub dropped: u64,
    /// Shifts that have ended.
    pub shifts: Vec<Shift>,
    /// Beginnings of shifts.
    pub starts: Vec<Start>,
    /// Play began (true) or stopped, and when.
    pub plays: Vec<(i64, bool)>,
    /// Attempts at goal.
    pub attempts: Vec<Attempt>,
    /// Goals.
    pub goals: Vec<Deed>,
    /// Face-offs.
    pub face_offs: Vec<FaceOff>,
    /// Passes that reached a stick.
    pub passes: Vec<Pass>,
    /// Blue lines crossed by the puck.
    pub crossings: Vec<Crossed>,
    /// Penalties, and their seconds.
    pub penalties: Vec<(Deed, u16)>,
}

/// Somebody did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "DeedRow", into = "DeedRow")]
pub struct Deed {
    /// When, microseconds UTC.
    pub at_us: i64,
    /// For which team.
    pub side: Side,
    /// Jersey number, when it was read.
    pub number: Option<u8>,
}

/// Time on the ice that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ShiftRow", into = "ShiftRow")]
pub struct Shift {
    /// From, microseconds UTC.
    pub from_us: i64,
    /// To, microseconds UTC.
    pub to_us: i64,
    /// The team.
    pub side: Side,
    /// Jersey number, when it was read.
    pub number: Option<u8>,
}

/// Somebody came on.
pub type Start = Deed;

/// An attempt at goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "AttemptRow", into = "AttemptRow")]
pub struct Attempt {
    /// When it left the stick, and whose.
    pub deed: Deed,
    /// What became of it; `None`: missed or blocked, which the box cannot tell apart, or not seen to the end.
    pub outcome: Option<Outcome>,
}

/// A face-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaceOff {
    /// When, microseconds UTC.
    pub at_us: i64,
    /// Who won, when it was seen.
    pub winner: Option<(Side, Zone)>,
    /// Who took it for the winner.
    pub number: Option<u8>,
}

/// A pass that reached a stick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PassRow", into = "PassRow")]
pub struct Pass {
    /// When it was received, and who gave it.
    pub deed: Deed,
    /// Who received it.
    pub receiver: Option<u8>,
}

/// The puck crossed a blue line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "CrossedRow", into = "CrossedRow")]
pub struct Crossed {
    /// When, and whose puck it was.
    pub deed: Deed,
    /// Into the offensive zone; else out of the defensive one.
    pub entry: bool,
    /// How.
    pub crossing: Crossing,
}

// Rows are written at every event of a live game: moments stand in them without names.
type DeedRow = (i64, u8, Option<u8>);
type ShiftRow = (i64, i64, u8, Option<u8>);
type AttemptRow = (Deed, Option<Outcome>);
type PassRow = (Deed, Option<u8>);
type CrossedRow = (Deed, bool, Crossing);

/// 0 is home.
fn side_of(code: u8) -> Side {
    if code == 0 { Side::Home } else { Side::Away }
}

impl From<DeedRow> for Deed {
    fn from((at_us, side, number): DeedRow) -> Self {
        Self { at_us, side: side_of(side), number }
    }
}

impl From<Deed> for DeedRow {
    fn from(Deed { at_us, side, number }: Deed) -> Self {
        (at_us, u8::from(side == Side::Away), number)
    }
}

impl From<ShiftRow> for Shift {
    fn from((from_us, to_us, side, number): ShiftRow) -> Self {
        Self { from_us, to_us, side: side_of(side), number }
    }
}

impl From<Shift> for ShiftRow {
    fn from(Shift { from_us, to_us, side, number }: Shift) -> Self {
        (from_us, to_us, u8::from(side == Side::Away), number)
    }
}

impl From<AttemptRow> for Attempt {
    fn from((deed, outcome): AttemptRow) -> Self {
        Self { deed, outcome }
    }
}

impl From<Attempt> for AttemptRow {
    fn from(Attempt { deed, outcome }: Attempt) -> Self {
        (deed, outcome)
    }
}

impl From<PassRow> for Pass {
    fn from((deed, receiver): PassRow) -> Self {
        Self { deed, receiver }
    }
}

impl From<Pass> for PassRow {
    fn from(Pass { deed, receiver }: Pass) -> Self {
        (deed, receiver)
    }
}

impl From<CrossedRow> for Crossed {
    fn from((deed, entry, crossing): CrossedRow) -> Self {
        Self { deed, entry, crossing }
    }
}

impl From<Crossed> for CrossedRow {
    fn from(Crossed { deed, entry, crossing }: Crossed) -> Self {
        (deed, entry, crossing)
    }
}

impl Ledger {
    /// Writes down one event.
    pub fn fold(&mut self, counted: &Counted) {
        let Counted { event, outcome } = counted;
        self.newest_us = if self.entries() == 0 { event.captured_us } else { self.newest_us.max(event.captured_us) };
        if self.entries() >= ENTRIES_MAX {
            self.dropped += 1;
            return;
        }
        let at_us = event.captured_us;
        match event.kind {
            EventKind::FaceOff { zone } => {
                self.plays.push((at_us, true));
                let winner = event.side.map(|side| (side, zone));
                self.face_offs.push(FaceOff { at_us, winner, number: event.number });
            }
            EventKind::PlayStart => self.plays.push((at_us, true)),
            EventKind::Stoppage { .. } | EventKind::PeriodEnd => self.plays.push((at_us, false)),
            _ => {}
        }
        let Some(side) = event.side else { return };
        let deed = Deed { at_us, side, number: event.number };
        match event.kind {
            EventKind::ShiftStart => self.starts.push(deed),
            EventKind::ShiftEnd { length_ms } => {
                let from_us = at_us.saturating_sub(i64::from(length_ms) * 1_000);
                self.shifts.push(Shift { from_us, to_us: at_us, side, number: event.number });
            }
            EventKind::Shot { .. } => self.attempts.push(Attempt { deed, outcome: *outcome }),
            EventKind::Goal => self.goals.push(deed),
            EventKind::Pass { receiver, .. } => self.passes.push(Pass { deed, receiver }),
            EventKind::ZoneEntry { crossing } => self.crossings.push(Crossed { deed, entry: true, crossing }),
            EventKind::ZoneExit { crossing } => self.crossings.push(Crossed { deed, entry: false, crossing }),
            EventKind::Penalty { length_s } => self.penalties.push((deed, length_s)),
            EventKind::FaceOff { .. }
            | EventKind::Stoppage { .. }
            | EventKind::PlayStart
            | EventKind::PeriodStart
            | EventKind::PeriodEnd
            | EventKind::Note { .. } => {}
        }
    }

    fn entries(&self) -> usize {
        self.shifts.len()
            + self.starts.len()
            + self.plays.len()
            + self.attempts.len()
            + self.goals.len()
            + self.passes.len()
            + self.crossings.len()
            + self.penalties.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_and_is_short() {
        let deed = Deed { at_us: 1_790_000_000_000_000, side: Side::Away, number: Some(19) };
        let Deed { at_us, side, number } = deed;
        let ledger = Ledger {
            newest_us: at_us,
            shifts: vec![Shift { from_us: at_us, to_us: at_us + 45_000_000, side, number: None }],
            starts: vec![Deed { side: Side::Home, ..deed }],
            attempts: vec![Attempt { deed, outcome: Some(Outcome::Missed) }],
            passes: vec![Pass { deed, receiver: Some(7) }],
            crossings: vec![Crossed { deed, entry: true, crossing: Crossing::Dump }],
            penalties: vec![(deed, 120)],
            goals: vec![deed],
            plays: vec![(at_us, true)],
            face_offs: vec![FaceOff { at_us, winner: Some((side, Zone::Neutral)), number }],
            dropped: 3,
        };
        let text = serde_json::to_string(&ledger).unwrap();
        assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger);
        assert!(text.contains("\"starts\":[[1790000000000000,0,19]]"), "{text}");
    }
}
