//! Corrections: staff withdraw an event a box told, or say what it was.
//!
//! Comes in: corrections of one game, oldest first. Goes out: for each event of that game what counts of it now. Of two
//! corrections of one event the later counts. Never: changes the event itself; it stays, and is shown as corrected.

use firmware_protocol::network::{Event, EventKind, Side, Zone, event::Crossing};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What became of an attempt at goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Goalie or net stopped it.
    OnGoal,
    /// It went wide.
    Missed,
    /// A skater stopped it on the way.
    Blocked,
}

/// What is to be done with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It did not happen.
    Withdraw,
    /// It happened as [`Changes`] say.
    Change,
    /// It happened as the box told.
    Restore,
}

/// What was otherwise. `None`: as the box told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Changes {
    /// The team it is counted for.
    pub side: Option<Side>,
    /// Jersey number of who did it.
    pub number: Option<u8>,
    /// A pass: who received it.
    pub receiver: Option<u8>,
    /// A shot: what became of it.
    pub outcome: Option<Outcome>,
    /// A face-off: zone of the side that won it.
    pub zone: Option<Zone>,
    /// A zone entry or exit: how.
    pub crossing: Option<Crossing>,
}

/// One correction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The game.
    pub game: u64,
    /// Offset of the event.
    pub event: u64,
    /// What is to be done.
    pub action: Action,
    /// What was otherwise.
    #[serde(default)]
    pub changes: Changes,
    /// Why.
    pub reason: String,
}

/// An event as it counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// What happened.
    pub event: Event,
    /// What became of an attempt, when somebody knows.
    pub outcome: Option<Outcome>,
}

impl Changes {
    /// Whether they fit an event of `kind`; else the field that does not.
    pub fn misfit(self, kind: &EventKind) -> Option<&'static str> {
        let shot = matches!(kind, EventKind::Shot { .. });
        let crossed = matches!(kind, EventKind::ZoneEntry { .. } | EventKind::ZoneExit { .. });
        [
            ("receiver", self.receiver.is_some() && !matches!(kind, EventKind::Pass { .. })),
            ("outcome", self.outcome.is_some() && !shot),
            ("zone", self.zone.is_some() && !matches!(kind, EventKind::FaceOff { .. })),
            ("crossing", self.crossing.is_some() && !crossed),
        ]
        .into_iter()
        .find_map(|(field, wrong)| wrong.then_some(field))
    }

    fn apply(self, event: &mut Event) {
        event.side = self.side.or(event.side);
        event.number = self.number.or(event.number);
        match &mut event.kind {
            EventKind::Pass { receiver, .. } => *receiver = self.receiver.or(*receiver),
            EventKind::Shot { on_goal, .. } => {
                *on_goal = self.outcome.map(|outcome| outcome == Outcome::OnGoal).or(*on_goal);
            }
            EventKind::FaceOff { zone } => *zone = self.zone.unwrap_or(*zone),
            EventKind::ZoneEntry { crossing } | EventKind::ZoneExit { crossing } => {
                *crossing = self.crossing.unwrap_or(*crossing);
            }
            _ => {}
        }
    }
}

/// The corrections of one game that are in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Corrections {
    by_event: HashMap<u64, Correction>,
}

impl Corrections {
    /// Of `corrections`, oldest first, those in force.
    pub fn new(corrections: impl IntoIterator<Item = Correction>) -> Self {
        let mut by_event = HashMap::new();
        for correction in corrections {
            if correction.action == Action::Restore {
                by_event.remove(&correction.event);
            } else {
                by_event.insert(correction.event, correction);
            }
        }
        Self { by_event }
    }

    /// The correction of the event at `offset`.
    pub fn of(&self, offset: u64) -> Option<&Correction> {
        self.by_event.get(&offset)
    }

    /// What counts of `event`, which stands at `offset`; nothing of a withdrawn one.
    pub fn count(&self, offset: u64, event: &Event) -> Option<Counted> {
        let mut event = event.clone();
        let mut settled = None;
        if let Some(correction) = self.of(offset) {
            if correction.action == Action::Withdraw {
                return None;
            }
            correction.changes.apply(&mut event);
            settled = correction.changes.outcome;
        }
        let seen = match event.kind {
            EventKind::Shot { on_goal: Some(true), .. } => Some(Outcome::OnGoal),
            _ => None,
        };
        Some(Counted { event, outcome: settled.or(seen) })
    }
}
