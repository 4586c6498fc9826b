//! `[tracking]`: how detections become tracks. Lengths are in box heights, so one setting suits every camera.
//!
//! The defaults were searched for on every other sequence of the `McGill` hockey set (broadcast, panning) with boxes
//! dropped, jittered and made up, and on the pedestrians of TUD-Campus together; `tests/tracks_real_film.rs` holds the
//! hockey sequences left out.

use serde::{Deserialize, Serialize};

/// How detections become tracks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Score from which a detection may start a track and is matched first, 0 to 1.
    pub high_score: f32,
    /// Score below which a detection is not looked at; between the two it can only keep a track alive, 0 to 1.
    pub low_score: f32,
    /// Detections looked at in one frame, best first come; more are dropped.
    pub detections_max: usize,
    /// Tracks alive at once; more are not started.
    pub tracks_max: usize,
    /// How boxes move.
    pub motion: Motion,
    /// What may be joined to what.
    pub association: Association,
    /// How tracks are born and die.
    pub lifecycle: Lifecycle,
}

/// How boxes move. Heights are heights of the box.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Motion {
    /// One standard deviation of a detection's centre, widths across and heights down.
    pub place_sigma: f32,
    /// One standard deviation of a detection's width and height, heights.
    pub size_sigma: f32,
    /// By how much a detection of score 0 is less exact than one of score 1, times.
    pub doubt_sigma: f32,
    /// One standard deviation of the speed of something just seen for the first time, heights per second.
    pub first_speed_sigma: f32,
    /// Density of random acceleration across, heights²/s³.
    pub acceleration_density: f32,
    /// Density of random acceleration down, as a share of that across.
    pub down_ratio: f32,
    /// What limbs and sticks add to that across, heights.
    pub across_sigma: f32,
    /// Density of random acceleration of the camera, heights²/s³.
    pub camera_density: f32,
    /// How long before two thirds of the camera's speed are taken to be the boxes' own, milliseconds.
    pub camera_memory_ms: f32,
    /// How long before a speed nobody confirms has faded to a third, milliseconds.
    pub speed_memory_ms: f32,
    /// Density of random change of width and height, heights²/s.
    pub size_density: f32,
}

/// What may be joined to what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Association {
    /// Largest distance of centres, standard deviations of what the motion allows.
    pub gate_sigmas: f32,
    /// Largest ratio of heights.
    pub height_ratio_max: f32,
    /// By how much boxes are widened on each side before their overlap is taken, widths and heights.
    pub buffer: f32,
    /// Worth of overlap in the cost of a pair; the rest is distance.
    pub overlap_weight: f32,
    /// Price of a pair of different kinds of people, of 1 for the dearest pair.
    pub class_price: f32,
    /// Price of a track not yet believed, of 1 for the dearest pair.
    pub tentative_price: f32,
    /// Price of a track that was not seen for long, of 1 for the dearest pair,
    pub unseen_price: f32,
    /// of which it pays about two thirds after this long, milliseconds.
    pub unseen_ms: f32,
    /// Dearest pair of the first pass, 0 to 1.
    pub first_cost_max: f32,
    /// Dearest pair of the second pass (low scores), 0 to 1.
    pub second_cost_max: f32,
}

/// How tracks are born and die.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lifecycle {
    /// Detections a track needs before it is believed.
    pub confirm_hits: u32,
    /// Summed scores it needs besides: two sure sights, or more doubtful ones.
    pub confirm_score: f32,
    /// How long a track not yet believed may go unseen, milliseconds.
    pub tentative_ms_max: u32,
    /// How long a believed track is looked for at most, milliseconds.
    pub lost_ms_max: u32,
    /// How long a believed track that is not seen is still shown where it should be, milliseconds,
    pub coast_ms_max: u32,
    /// and as a share of how long it was followed.
    pub coast_per_age: f32,
    /// How long it is looked for as a share of how long it was followed: what was seen briefly may never have been.
    pub lost_per_age: f32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            high_score: 0.52,
            low_score: 0.1,
            detections_max: 256,
            tracks_max: 256,
            motion: Motion::default(),
            association: Association::default(),
            lifecycle: Lifecycle::default(),
        }
    }
}

impl Default for Motion {
    fn default() -> Self {
        Self {
            place_sigma: 0.058,
            size_sigma: 0.071,
            doubt_sigma: 0.9,
            first_speed_sigma: 2.5,
            acceleration_density: 10.0,
            down_ratio: 0.3,
            across_sigma: 0.053,
            camera_density: 11.0,
            camera_memory_ms: 325.0,
            speed_memory_ms: 5_400.0,
            size_density: 0.03,
        }
    }
}

impl Default for Association {
    fn default() -> Self {
        Self {
            gate_sigmas: 6.2,
            height_ratio_max: 1.65,
            buffer: 0.34,
            overlap_weight: 0.9,
            class_price: 0.1,
            tentative_price: 0.3,
            unseen_price: 0.29,
            unseen_ms: 200.0,
            first_cost_max: 0.8,
            second_cost_max: 0.4,
        }
    }
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            confirm_hits: 2,
            confirm_score: 1.3,
            tentative_ms_max: 100,
            lost_ms_max: 850,
            coast_ms_max: 70,
            coast_per_age: 0.2,
            lost_per_age: 7.0,
        }
    }
}

impl Config {
    /// What is out of range, each as `key: value (allowed)`.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut within = |key: &str, value: f64, low: f64, high: f64| {
            if !(low..=high).contains(&value) {
                faults.push(format!("tracking.{key}: {value} (allowed {low} to {high})"));
            }
        };
        within("high_score", self.high_score.into(), 0.0, 1.0);
        within("low_score", self.low_score.into(), 0.0, self.high_score.into());
        within("detections_max", self.detections_max as f64, 1.0, 4096.0);
        within("tracks_max", self.tracks_max as f64, 1.0, 4096.0);
        let motion = &self.motion;
        within("motion.place_sigma", motion.place_sigma.into(), 0.001, 1.0);
        within("motion.size_sigma", motion.size_sigma.into(), 0.001, 1.0);
        within("motion.across_sigma", motion.across_sigma.into(), 0.0, 1.0);
        within("motion.doubt_sigma", motion.doubt_sigma.into(), 0.0, 100.0);
        within("motion.camera_density", motion.camera_density.into(), 0.0, 10_000.0);
        within("motion.camera_memory_ms", motion.camera_memory_ms.into(), 1.0, 600_000.0);
        within("motion.speed_memory_ms", motion.speed_memory_ms.into(), 1.0, 600_000.0);
        within("motion.first_speed_sigma", motion.first_speed_sigma.into(), 0.0, 100.0);
        within("motion.acceleration_density", motion.acceleration_density.into(), 0.0, 10_000.0);
        within("motion.down_ratio", motion.down_ratio.into(), 0.0, 10.0);
        within("motion.size_density", motion.size_density.into(), 0.0, 100.0);
        let association = &self.association;
        within("association.gate_sigmas", association.gate_sigmas.into(), 0.5, 100.0);
        within("association.height_ratio_max", association.height_ratio_max.into(), 1.0, 100.0);
        within("association.buffer", association.buffer.into(), 0.0, 5.0);
        within("association.overlap_weight", association.overlap_weight.into(), 0.0, 1.0);
        within("association.class_price", association.class_price.into(), 0.0, 10.0);
        within("association.tentative_price", association.tentative_price.into(), 0.0, 10.0);
        within("association.unseen_price", association.unseen_price.into(), 0.0, 10.0);
        within("association.unseen_ms", association.unseen_ms.into(), 1.0, 60_000.0);
        within("association.first_cost_max", association.first_cost_max.into(), 0.0, 1.0);
        within("association.second_cost_max", association.second_cost_max.into(), 0.0, 1.0);
        let life = &self.lifecycle;
        within("lifecycle.confirm_hits", life.confirm_hits.into(), 1.0, 1_000.0);
        within("lifecycle.confirm_score", life.confirm_score.into(), 0.0, 1_000.0);
        within("lifecycle.coast_ms_max", life.coast_ms_max.into(), 0.0, 60_000.0);
        within("lifecycle.coast_per_age", life.coast_per_age.into(), 0.0, 1_000.0);
        within("lifecycle.tentative_ms_max", life.tentative_ms_max.into(), 0.0, 10_000.0);
        within("lifecycle.lost_ms_max", life.lost_ms_max.into(), 0.0, 60_000.0);
        within("lifecycle.lost_per_age", life.lost_per_age.into(), 0.0, 1_000.0);
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_settings_are_within_their_own_limits() {
        assert_eq!(Config::default().faults(), Vec::<String>::new());
    }

    #[test]
    fn all_faults_are_said_at_once() {
        let mut config = Config { high_score: 2.0, ..Config::default() };
        config.association.buffer = f32::NAN;
        let faults = config.faults();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("high_score: 2 (allowed 0 to 1)"), "{faults:?}");
    }
}
