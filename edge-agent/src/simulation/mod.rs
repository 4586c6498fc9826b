//! A whole hockey game as truth, and what fake cameras and fake devices observe of it.
//!
//! [`Game`] is deterministic in its seed: two observers that each own one and step it to the same instant see the
//! same game, so a fake camera and a fake tag need not share anything.

mod chance;
mod roster;
mod skating;
mod flight;
mod bench;
mod tactics;
mod carrier;
mod rules;
mod faceoff;
mod game;
pub mod devices;
pub mod truth_file;
mod config;
pub mod render;

pub use config::{Config, RinkName};
pub use game::Game;

use crate::rink::Rink;
use firmware_protocol::network::{Event, GameClock, Role, Side};
use serde::{Deserialize, Serialize};

/// Length of one step of the game, microseconds: 100 Hz.
pub const STEP_US: i64 = 10_000;
/// Length of one step of the game, seconds.
const STEP_S: f64 = 0.01;

/// A place or velocity on the ice.
type Vector = nalgebra::Vector2<f64>;

/// Everything true at one instant.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Truth {
    /// Since the simulation began, microseconds.
    pub time_us: i64,
    /// The scoreboard.
    pub clock: GameClock,
    /// Seconds left of penalties, home then away, 0 for none.
    pub penalties_s: [[u16; 2]; 2],
    /// Everybody on the ice, in order of `id`.
    pub people: Vec<Person>,
    /// The puck.
    pub puck: Puck,
    /// What happened in the step that ended at `time_us`; `Event::captured_us` is `time_us`.
    pub events: Vec<Event>,
}

/// A person on the ice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// The same for the same person all game; also the number of the tag they wear.
    pub id: u32,
    /// What they are there for.
    pub role: Role,
    /// Team; officials have none.
    pub side: Option<Side>,
    /// Jersey number; 0 for officials.
    pub number: u8,
    /// Place on the ice, metres.
    pub position_m: [f64; 2],
    /// Velocity, m/s.
    pub velocity_mps: [f64; 2],
    /// Where the chest points, radians from +x, counter-clockwise.
    pub heading_rad: f64,
    /// Where in the stride, 0 to 1: for drawing.
    pub stride: f64,
}

/// The puck.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Puck {
    /// Place, metres.
    pub position_m: [f64; 3],
    /// Velocity, m/s.
    pub velocity_mps: [f64; 3],
    /// Who has it on the stick.
    pub carrier: Option<u32>,
}

/// One person of a game's roster.
#[derive(Debug, Clone, PartialEq)]
pub struct RosterEntry {
    /// Person and tag number.
    pub id: u32,
    /// What they are there for.
    pub role: Role,
    /// Team; officials have none.
    pub side: Option<Side>,
    /// Jersey number; 0 for officials.
    pub number: u8,
    /// A made-up name.
    pub name: String,
}

/// A rink's measures and a seed: enough to play the same game again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setup {
    /// All randomness comes from here.
    pub seed: u64,
    /// The ice.
    pub rink: Rink,
    /// The league's number of the game, put into events.
    pub game: u64,
}
