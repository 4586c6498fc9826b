//! An event as HTTP and the WebSocket show it.
//!
//! Comes in: an [`Event`] with the offset the event store gave it. Goes out: flat JSON in hockey's words. What a kind
//! does not have is left out of `detail`. Never loses a field of an event.

use super::corrections::{CorrectionAction, CorrectionChanges};
use crate::event_store::Corrections;
use firmware_protocol::network::{self, Event, EventKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A team by where its bench is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The home team.
    Home,
    /// The away team.
    Away,
}

impl From<network::Side> for Side {
    fn from(side: network::Side) -> Self {
        match side {
            network::Side::Home => Self::Home,
            network::Side::Away => Self::Away,
        }
    }
}

impl From<Side> for network::Side {
    fn from(side: Side) -> Self {
        match side {
            Side::Home => Self::Home,
            Side::Away => Self::Away,
        }
    }
}

/// The scoreboard at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Clock {
    /// 1–3, 4 and on for overtime, 0 before the game.
    pub period: u8,
    /// Time left in the period, milliseconds.
    pub remaining_ms: u32,
    /// Whether the clock runs.
    pub running: bool,
    /// Goals of the home team.
    pub home_score: u8,
    /// Goals of the away team.
    pub away_score: u8,
}

impl From<network::GameClock> for Clock {
    fn from(clock: network::GameClock) -> Self {
        let network::GameClock { period, remaining_ms, running, home_score, away_score } = clock;
        Self { period, remaining_ms, running, home_score, away_score }
    }
}

/// Something that happened in hockey.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventView {
    /// Its place in the event store; later events have greater ones.
    pub offset: u64,
    /// The game, as the league numbers it.
    pub game: u64,
    /// When, microseconds UTC, at capture.
    pub captured_us: i64,
    /// How far `captured_us` may be off, microseconds.
    pub uncertainty_us: u32,
    /// The scoreboard then.
    pub clock: Clock,
    /// The team it is counted for.
    pub side: Option<Side>,
    /// Jersey number of who did it.
    pub number: Option<u8>,
    /// Where on the ice, metres from centre, along and across.
    pub position_m: Option<[f32; 2]>,
    /// `zone_entry`, `zone_exit`, `shot`, `goal`, `face_off`, `stoppage`, `play_start`, `shift_start`, `shift_end`,
    /// `pass`, `penalty`, `period_start`, `period_end` or `note`.
    pub kind: String,
    /// What this kind has beside.
    pub detail: Detail,
    /// What staff said of it since; the rest is as the box told. Left out when nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<EventCorrection>,
}

/// The correction of an event that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventCorrection {
    /// What was done with it: `withdraw` or `change`.
    pub action: CorrectionAction,
    /// What was otherwise.
    pub changes: CorrectionChanges,
    /// Why.
    pub reason: String,
}

/// What only some kinds have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Detail {
    /// Zone entry and exit: `carry`, `pass` or `dump`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crossing: Option<String>,
    /// Shot: speed of the puck off the stick, m/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed_mps: Option<f32>,
    /// Shot: distance to the goal, metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance_m: Option<f32>,
    /// Shot: whether a goalie or the net stopped it; left out while not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_goal: Option<bool>,
    /// Face-off: `defensive`, `neutral` or `offensive`, seen from the side that won.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Stoppage: `frozen`, `offside`, `icing`, `goal`, `penalty`, `period_end` or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Shift end: time on the ice, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length_ms: Option<u32>,
    /// Pass: jersey number of the receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiver: Option<u8>,
    /// Pass: from stick to stick, metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length_m: Option<f32>,
    /// Penalty: length, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length_s: Option<u16>,
    /// Note: what staff wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl EventView {
    /// `event` as the event store holds it at `offset`.
    pub fn new(offset: u64, event: &Event) -> Self {
        Self {
            offset,
            game: event.game,
            captured_us: event.captured_us,
            uncertainty_us: event.uncertainty_us,
            clock: event.clock.into(),
            side: event.side.map(Into::into),
            number: event.number,
            position_m: event.position_m,
            kind: event.kind.name().to_owned(),
            detail: Detail::of(&event.kind),
            correction: None,
        }
    }

    /// The same, with what `corrections` of its game say of it.
    #[must_use]
    pub fn corrected(mut self, corrections: &Corrections) -> Self {
        self.correction = corrections.of(self.offset).map(|correction| EventCorrection {
            action: correction.action.into(),
            changes: correction.changes.into(),
            reason: correction.reason.clone(),
        });
        self
    }
}

impl Detail {
    fn of(kind: &EventKind) -> Self {
        let nothing = Self::default();
        match *kind {
            EventKind::ZoneEntry { crossing } | EventKind::ZoneExit { crossing } => {
                let word = match crossing {
                    network::event::Crossing::Carry => "carry",
                    network::event::Crossing::Pass => "pass",
                    network::event::Crossing::Dump => "dump",
                };
                Self { crossing: Some(word.to_owned()), ..nothing }
            }
            EventKind::Shot { speed_mps, distance_m, on_goal } => {
                Self { speed_mps: Some(speed_mps), distance_m: Some(distance_m), on_goal, ..nothing }
            }
            EventKind::FaceOff { zone } => {
                let word = match zone {
                    network::Zone::Defensive => "defensive",
                    network::Zone::Neutral => "neutral",
                    network::Zone::Offensive => "offensive",
                };
                Self { zone: Some(word.to_owned()), ..nothing }
            }
            EventKind::Stoppage { reason } => {
                use network::event::StoppageReason as Reason;
                let word = match reason {
                    Reason::Frozen => "frozen",
                    Reason::Offside => "offside",
                    Reason::Icing => "icing",
                    Reason::Goal => "goal",
                    Reason::Penalty => "penalty",
                    Reason::PeriodEnd => "period_end",
                    Reason::Unknown => "unknown",
                };
                Self { reason: Some(word.to_owned()), ..nothing }
            }
            EventKind::ShiftEnd { length_ms } => Self { length_ms: Some(length_ms), ..nothing },
            EventKind::Pass { receiver, length_m } => Self { receiver, length_m: Some(length_m), ..nothing },
            EventKind::Penalty { length_s } => Self { length_s: Some(length_s), ..nothing },
            EventKind::Note { ref text } => Self { text: Some(text.clone()), ..nothing },
            EventKind::Goal
            | EventKind::PlayStart
            | EventKind::ShiftStart
            | EventKind::PeriodStart
            | EventKind::PeriodEnd => nothing,
        }
    }
}
