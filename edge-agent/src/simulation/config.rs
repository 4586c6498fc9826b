//! The `[simulation]` section: which game is played, and how its fake devices err.

use super::{Setup, devices::DevicesConfig};
use crate::rink::Rink;
use serde::{Deserialize, Serialize};

/// Which game is played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// All randomness comes from here: the same seed is the same game.
    pub seed: u64,
    /// The ice; that of the box, where a box plays it.
    #[serde(skip)]
    pub rink: RinkName,
    /// The league's number of the game; that of the box, where a box plays it.
    #[serde(skip)]
    pub game: u64,
    /// The fake tags, puck and scoreboard.
    pub devices: DevicesConfig,
}

/// A rink by its league.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RinkName {
    /// 200 × 85 ft.
    #[default]
    Nhl,
    /// 60 × 30 m.
    Iihf,
}

impl RinkName {
    /// Its measures.
    pub fn rink(self) -> Rink {
        match self {
            Self::Nhl => Rink::NHL,
            Self::Iihf => Rink::IIHF,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self { seed: 1, rink: RinkName::Nhl, game: 1, devices: DevicesConfig::default() }
    }
}

impl Config {
    /// What a [`Game`](super::Game) is made from.
    pub fn setup(&self) -> Setup {
        Setup { seed: self.seed, rink: self.rink.rink(), game: self.game }
    }

    /// Values out of range, each with its limit.
    pub fn faults(&self) -> Vec<String> {
        self.devices.faults().into_iter().map(|fault| format!("simulation.devices.{fault}")).collect()
    }
}
