//! The live lane: the newest state of one game, fifty times a second.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use super::event::{GameClock, Role, Side};

/// Everything on the ice at one instant. Newest wins: a receiver drops one whose `tick` is not greater.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveState {
    /// The box that saw it.
    pub edge: String,
    /// The game, as the league numbers it.
    pub game: u64,
    /// Counts up by one a state since the box started.
    pub tick: u64,
    /// When it was so, microseconds UTC, at capture.
    pub captured_us: i64,
    /// The scoreboard then.
    pub clock: GameClock,
    /// The puck, when its place is known.
    pub puck: Option<LivePuck>,
    /// Everybody on the ice.
    pub players: Vec<LivePlayer>,
}

/// A person on the ice. Centimetres hold ±327 m: any rink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LivePlayer {
    /// The same number for the same person for as long as the box can tell.
    pub entity: u16,
    /// What they are there for.
    pub role: Role,
    /// Team, when known; officials have none.
    pub side: Option<Side>,
    /// Jersey number, when known.
    pub number: Option<u8>,
    /// Along the length from centre ice, centimetres.
    pub x_cm: i16,
    /// Across, centimetres.
    pub y_cm: i16,
    /// Velocity along, centimetres per second.
    pub vx_cms: i16,
    /// Velocity across, centimetres per second.
    pub vy_cms: i16,
    /// One standard deviation of the place, centimetres, 255 for more.
    pub sigma_cm: u8,
}

/// The puck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LivePuck {
    /// Along the length from centre ice, centimetres.
    pub x_cm: i16,
    /// Across, centimetres.
    pub y_cm: i16,
    /// Height over the ice, centimetres.
    pub z_cm: i16,
    /// Velocity along, centimetres per second.
    pub vx_cms: i16,
    /// Velocity across, centimetres per second.
    pub vy_cms: i16,
}
