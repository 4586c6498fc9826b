//! What happens in hockey, in the field's own words.

use alloc::string::String;
use serde::{Deserialize, Serialize};

/// A team by where its bench is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The home team.
    Home,
    /// The away team.
    Away,
}

impl Side {
    /// The opponent.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Home => Self::Away,
            Self::Away => Self::Home,
        }
    }
}

/// What a person on the ice is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Forward or defender.
    Skater,
    /// Goaltender.
    Goalie,
    /// Referee or linesperson.
    Official,
}

/// A third of the ice, seen from the team the event belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// Own end.
    Defensive,
    /// Between the blue lines.
    Neutral,
    /// The opponent's end.
    Offensive,
}

/// The scoreboard's state at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GameClock {
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

/// Something that happened in hockey.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The game, as the league numbers it.
    pub game: u64,
    /// When, microseconds UTC, at capture.
    pub captured_us: i64,
    /// How far `captured_us` may be off, microseconds.
    pub uncertainty_us: u32,
    /// The scoreboard then.
    pub clock: GameClock,
    /// The team it is counted for.
    pub side: Option<Side>,
    /// Jersey number of who did it.
    pub number: Option<u8>,
    /// Where on the ice, metres from centre (x along, y across), building-fixed.
    pub position_m: Option<[f32; 2]>,
    /// What.
    pub kind: EventKind,
}

/// How the puck crossed a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Crossing {
    /// On a stick.
    Carry,
    /// From stick to stick across the line.
    Pass,
    /// Sent ahead with nobody of its team to take it.
    Dump,
}

/// Why play stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoppageReason {
    /// Puck held by the goalie or under bodies.
    Frozen,
    /// Attacker over the blue line before the puck.
    Offside,
    /// Puck from behind centre past the goal line untouched.
    Icing,
    /// A goal was scored.
    Goal,
    /// A penalty was called.
    Penalty,
    /// The period ran out.
    PeriodEnd,
    /// Not known from what was seen.
    Unknown,
}

/// What happened. Order of variants is the wire format: append only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The puck entered the offensive zone.
    ZoneEntry {
        /// How.
        crossing: Crossing,
    },
    /// The puck left the defensive zone.
    ZoneExit {
        /// How.
        crossing: Crossing,
    },
    /// A shot at goal.
    Shot {
        /// Puck speed off the stick, m/s.
        speed_mps: f32,
        /// Distance to the middle of the goal line between the posts, metres.
        distance_m: f32,
        /// Whether a goalie or the net stopped it; unknown until it ends.
        on_goal: Option<bool>,
    },
    /// A goal.
    Goal,
    /// A face-off was dropped.
    FaceOff {
        /// Zone of the side that won it.
        zone: Zone,
    },
    /// Play stopped.
    Stoppage {
        /// Why.
        reason: StoppageReason,
    },
    /// Play goes on.
    PlayStart,
    /// A player came on.
    ShiftStart,
    /// A player went off.
    ShiftEnd {
        /// Time on the ice, milliseconds.
        length_ms: u32,
    },
    /// A pass that was received.
    Pass {
        /// Jersey number of the receiver.
        receiver: Option<u8>,
        /// From stick to stick, metres.
        length_m: f32,
    },
    /// A penalty showed on the scoreboard.
    Penalty {
        /// Length, seconds.
        length_s: u16,
    },
    /// A period began.
    PeriodStart,
    /// A period ended.
    PeriodEnd,
    /// A note by staff.
    Note {
        /// What they wrote.
        text: String,
    },
}

impl EventKind {
    /// The word for this kind in URLs, tables and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ZoneEntry { .. } => "zone_entry",
            Self::ZoneExit { .. } => "zone_exit",
            Self::Shot { .. } => "shot",
            Self::Goal => "goal",
            Self::FaceOff { .. } => "face_off",
            Self::Stoppage { .. } => "stoppage",
            Self::PlayStart => "play_start",
            Self::ShiftStart => "shift_start",
            Self::ShiftEnd { .. } => "shift_end",
            Self::Pass { .. } => "pass",
            Self::Penalty { .. } => "penalty",
            Self::PeriodStart => "period_start",
            Self::PeriodEnd => "period_end",
            Self::Note { .. } => "note",
        }
    }
}
