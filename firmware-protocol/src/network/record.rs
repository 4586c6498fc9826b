//! What the store keeps and the uplink ships.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use super::{
    batch::Stream,
    event::{Event, Role, Side},
};

/// One record of the journal. Order of variants is the wire format: append only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// Something that happened in hockey (stream `events`).
    Event(Event),
    /// About a second of player states (stream `tracks`).
    Tracks(TrackChunk),
    /// Health and readings (stream `telemetry`).
    Telemetry(Telemetry),
    /// Sequence numbers that will never come, and why (any stream).
    Lost(Loss),
}

impl Record {
    /// The stream this record belongs to.
    pub fn stream(&self) -> Stream {
        match self {
            Self::Event(_) => Stream::Events,
            Self::Tracks(_) => Stream::Tracks,
            Self::Telemetry(_) => Stream::Telemetry,
            Self::Lost(loss) => loss.stream,
        }
    }
}

/// Records that were shed or could not be salvaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Which stream lost them.
    pub stream: Stream,
    /// First lost sequence.
    pub from: u64,
    /// Last lost sequence.
    pub to: u64,
    /// Why.
    pub reason: String,
}

impl Loss {
    /// The reason of numbers that a salvaged journal skipped: never given to a record, but for those its torn end held.
    pub const SKIPPED: &str = "the journal was corrupt: how many of these its torn end held is not known";
}

/// Player states of one span, one column a person, steps of `step_us`.
///
/// Values are differences of consecutive centimetres, the first from zero, so that at 50 Hz a position costs two to
/// four bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackChunk {
    /// The game, as the league numbers it.
    pub game: u64,
    /// Capture time of step 0, microseconds UTC.
    pub start_us: i64,
    /// Length of a step, microseconds.
    pub step_us: u32,
    /// One for each person, and one for the puck (`entity` 0).
    pub columns: Vec<Column>,
}

/// One person's places over a chunk, without gaps: a gap begins another column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The entity of [`LivePlayer`](super::LivePlayer); 0 is the puck.
    pub entity: u16,
    /// What they are there for; `None` for the puck.
    pub role: Option<Role>,
    /// Team, when known.
    pub side: Option<Side>,
    /// Jersey number, when known.
    pub number: Option<u8>,
    /// Step of the first value.
    pub first_step: u16,
    /// Differences along the length, centimetres.
    pub dx_cm: Vec<i16>,
    /// Differences across, centimetres.
    pub dy_cm: Vec<i16>,
}

/// Health of the box, and device readings that are not places.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Telemetry {
    /// When, microseconds UTC.
    pub captured_us: i64,
    /// What is measured, as the metric is named.
    pub name: String,
    /// Which device, camera or tag; empty for the box.
    pub subject: String,
    /// How much.
    pub value: f64,
}
