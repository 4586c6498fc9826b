//! Tracks of all cameras, tag positions, puck and scoreboard to one truth. Pure: no IO, no clock; time is an argument.
//!
//! Comes in: [`Observation`]s, each with its capture time, a little out of order. Goes out: [`Snapshot`]s at capture
//! time: every person and the puck with position, velocity, identity and covariance. Tags give identity.

pub mod config;
pub mod plane;
mod puck;
mod scoreboard;
mod worn;
mod clocks;
mod people;
mod joining;
mod merge;
mod project;

pub use config::Config;
pub use merge::Fusion;
pub use project::project;

use crate::{
    ids::{CameraId, EntityId, TagId, TrackId},
    inference::Class,
};
use firmware_protocol::network::{GameClock, Role, Side};

/// One thing seen, in rink coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// When it was so, microseconds UTC.
    pub captured_us: i64,
    /// What was seen.
    pub seen: Seen,
}

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Seen {
    /// A person by a camera.
    Person {
        /// Which camera.
        camera: CameraId,
        /// Its track there.
        track: TrackId,
        /// Skater, goalie or official.
        class: Class,
        /// Where, metres.
        position_m: [f64; 2],
        /// Covariance of the place, m²: xx, xy, yy.
        covariance_m2: [f64; 3],
        /// Whose jersey it seems to wear, when that can be told.
        side: Option<Side>,
        /// Jersey number, when it was read.
        number: Option<u8>,
    },
    /// The puck by a camera.
    PuckSeen {
        /// Which camera.
        camera: CameraId,
        /// Where on the ice, metres.
        position_m: [f64; 2],
        /// Covariance of the place, m²: xx, xy, yy.
        covariance_m2: [f64; 3],
    },
    /// A person by the tag they wear.
    Tag {
        /// Which tag.
        tag: TagId,
        /// Where, metres.
        position_m: [f64; 2],
        /// One standard deviation, metres.
        sigma_m: f64,
    },
    /// The puck by its own tag.
    PuckTag {
        /// Where, metres, with height.
        position_m: [f64; 3],
        /// One standard deviation in the plane, metres.
        sigma_m: f64,
        /// Largest specific force since the last packet, g.
        peak_g: f64,
    },
    /// The scoreboard.
    Scoreboard {
        /// What it shows.
        clock: GameClock,
        /// Seconds left of penalties, home then away, 0 for none.
        penalties_s: [[u16; 2]; 2],
    },
}

/// Who wears a tag.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// The tag.
    pub tag: TagId,
    /// What its wearer is there for.
    pub role: Role,
    /// Team; officials have none.
    pub side: Option<Side>,
    /// Jersey number; `None` for officials.
    pub number: Option<u8>,
}

/// A person: the fused truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlayerState {
    /// The same for the same person for as long as can be told.
    pub entity: EntityId,
    /// What they are there for.
    pub role: Role,
    /// Team, when known.
    pub side: Option<Side>,
    /// Jersey number, when known.
    pub number: Option<u8>,
    /// Where, metres.
    pub position_m: [f64; 2],
    /// How fast, m/s.
    pub velocity_mps: [f64; 2],
    /// Covariance of the place, m²: xx, xy, yy.
    pub covariance_m2: [f64; 3],
}

/// The puck: the fused truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PuckState {
    /// Where, metres, with height.
    pub position_m: [f64; 3],
    /// How fast, m/s, in the plane.
    pub velocity_mps: [f64; 2],
    /// One standard deviation in the plane, metres.
    pub sigma_m: f64,
}

/// Everything on the ice at one instant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// When it was so, microseconds UTC.
    pub captured_us: i64,
    /// The scoreboard.
    pub clock: GameClock,
    /// Seconds left of penalties, home then away, 0 for none.
    pub penalties_s: [[u16; 2]; 2],
    /// The puck, when its place is known.
    pub puck: Option<PuckState>,
    /// Everybody on the ice, in order of entity.
    pub players: Vec<PlayerState>,
}

/// What was left out since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Observations that came too late.
    pub late: u64,
    /// Observations that are not numbers, or surer than can be.
    pub nonsense: u64,
    /// Observations for which there was no room.
    pub overflow: u64,
    /// Tag readings that could not be.
    pub disbelieved: u64,
}

#[cfg(test)]
mod tests;
