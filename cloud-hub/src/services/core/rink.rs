//! The ice that pages draw, told to each in its `hello`.
//!
//! Comes in: the `[core.rink]` section. Goes out: measures in metres. The hub never computes with them; boxes have
//! their own, surveyed rink.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One rink's measures, metres; symmetric about both axes. Default: NHL rule book 2024-25, section 1,
/// 200 × 85 ft.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rink {
    /// Inside length.
    pub length_m: f64,
    /// Inside width.
    pub width_m: f64,
    /// Corner radius.
    pub corner_m: f64,
    /// From centre ice to the middle of a goal line.
    pub goal_line_m: f64,
    /// From centre ice to the edge of a blue line nearest the goal.
    pub blue_line_m: f64,
    /// From centre ice to an end-zone face-off spot, along.
    pub end_spot_m: f64,
    /// From centre ice to a neutral-zone face-off spot, along.
    pub neutral_spot_m: f64,
    /// From the centre line to face-off spots, across.
    pub spot_across_m: f64,
    /// Radius of face-off circles.
    pub circle_m: f64,
    /// Inside width of a goal.
    pub goal_width_m: f64,
    /// Radius of the goal crease.
    pub crease_m: f64,
}

impl Default for Rink {
    fn default() -> Self {
        Self {
            length_m: 60.96,
            width_m: 25.908,
            corner_m: 8.5344,
            goal_line_m: 27.1272,
            blue_line_m: 7.62,
            end_spot_m: 21.0312,
            neutral_spot_m: 6.096,
            spot_across_m: 6.7056,
            circle_m: 4.572,
            goal_width_m: 1.8288,
            crease_m: 1.8288,
        }
    }
}

impl Rink {
    /// What is wrong with these measures.
    pub fn faults(&self) -> Vec<String> {
        let half = (self.length_m / 2.0, self.width_m / 2.0);
        let mut faults = Vec::new();
        for (key, value, lowest, highest) in [
            ("length_m", self.length_m, 20.0, 100.0),
            ("width_m", self.width_m, 10.0, 60.0),
            ("corner_m", self.corner_m, 0.0, half.1),
            ("goal_line_m", self.goal_line_m, 0.0, half.0),
            ("blue_line_m", self.blue_line_m, 0.0, half.0),
            ("end_spot_m", self.end_spot_m, 0.0, half.0),
            ("neutral_spot_m", self.neutral_spot_m, 0.0, half.0),
            ("spot_across_m", self.spot_across_m, 0.0, half.1),
            ("circle_m", self.circle_m, 0.0, half.1),
            ("goal_width_m", self.goal_width_m, 0.5, half.1),
            ("crease_m", self.crease_m, 0.0, half.1),
        ] {
            if !(lowest..=highest).contains(&value) {
                faults.push(format!("core.rink.{key} {value} ({lowest} to {highest})"));
            }
        }
        faults
    }
}
