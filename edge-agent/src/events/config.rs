//! The `[events]` section: what counts as what.

use serde::{Deserialize, Serialize};

/// Limits of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whoever has the puck has it within this of where their stick is likely to be, metres.
    pub stick_m: f64,
    /// Puck and player move together when their velocities differ by less, m/s.
    pub together_mps: f64,
    /// How long both must hold before it is possession, milliseconds.
    pub control_ms: u32,
    /// Slowest puck that is a shot, m/s.
    pub shot_mps: f64,
    /// A shot's way meets the goal line at most this far from the goal's middle, metres.
    pub shot_wide_m: f64,
    /// Shortest pass, metres.
    pub pass_m: f64,
    /// Slowest pass on the whole way, m/s.
    pub pass_mps: f64,
    /// How long a player near the boards is unseen before the shift is over, milliseconds.
    pub gone_ms: u32,
    /// The same for a player in the open, whom a camera may have lost, milliseconds.
    pub lost_ms: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            stick_m: 1.35,
            together_mps: 5.0,
            control_ms: 100,
            shot_mps: 20.5,
            shot_wide_m: 3.5,
            pass_m: 2.5,
            pass_mps: 6.0,
            gone_ms: 1500,
            lost_ms: 8000,
        }
    }
}

impl Config {
    /// Values out of range, each with its limit.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut within = |key: &str, value: f64, low: f64, high: f64| {
            if !(low..=high).contains(&value) {
                faults.push(format!("events.{key} is {value}: use {low} to {high}"));
            }
        };
        within("stick_m", self.stick_m, 0.5, 3.0);
        within("together_mps", self.together_mps, 1.0, 15.0);
        within("control_ms", f64::from(self.control_ms), 20.0, 1000.0);
        within("shot_mps", self.shot_mps, 8.0, 40.0);
        within("shot_wide_m", self.shot_wide_m, 1.0, 10.0);
        within("pass_m", self.pass_m, 1.0, 10.0);
        within("pass_mps", self.pass_mps, 1.0, 20.0);
        within("gone_ms", f64::from(self.gone_ms), 100.0, 60_000.0);
        within("lost_ms", f64::from(self.lost_ms), 100.0, 60_000.0);
        faults
    }
}
