//! `[downlink]`: how the hub's commands are carried out.

use serde::Deserialize;
use std::path::PathBuf;

/// How the hub's commands are carried out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// File of what the hub has said so far: the game, the roster, settings over this box's own.
    pub path: PathBuf,
    /// Between two questions for commands, milliseconds.
    pub ask_every_ms: u64,
    /// How long the box must stay well with new settings, milliseconds; else it takes them back.
    pub trial_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { path: "data/downlink.json".into(), ask_every_ms: 1_000, trial_ms: 20_000 }
    }
}

impl Config {
    /// What is wrong with these values, each with the values allowed.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !(100..=3_600_000).contains(&self.ask_every_ms) {
            faults.push(format!("downlink.ask_every_ms {} (100 to 3600000)", self.ask_every_ms));
        }
        if !(1_000..=600_000).contains(&self.trial_ms) {
            faults.push(format!("downlink.trial_ms {} (1000 to 600000)", self.trial_ms));
        }
        faults
    }
}
