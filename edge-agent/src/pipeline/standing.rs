//! Whether each camera still stands as it was calibrated, said in health.
//!
//! Comes in: live frames and the calibration at their size. Goes out: a health stage `calibration NAME` a camera. A
//! picture that cannot be compared is logged, and the next one is tried. A film is not watched: its camera may pan, and
//! nobody can set it right.

use crate::{
    capture::{Frame, bump::Watch, config::Origin},
    config::Config,
    geometry::{Camera, bump::Verdict},
    health::{Health, State},
    rink::Rink,
};

/// One camera.
struct Stand {
    stage: String,
    is_film: bool,
    watch: Option<Watch>,
    said: Option<Verdict>,
}

/// All cameras.
pub struct Standing {
    rink: Rink,
    health: Health,
    stands: Vec<Stand>,
}

impl Standing {
    /// Nothing seen yet.
    pub fn new(config: &Config, health: Health) -> Self {
        let stand = |camera: &crate::capture::config::CameraConfig| Stand {
            stage: format!("calibration {}", camera.name),
            is_film: matches!(camera.source, Origin::File(_)),
            watch: None,
            said: None,
        };
        Self { rink: config.rink(), health, stands: config.capture.cameras.iter().map(stand).collect() }
    }

    /// Looks at one frame of a camera calibrated as `camera`.
    pub fn look(&mut self, frame: &Frame, camera: Option<&Camera>) {
        let (Some(stand), Some(camera)) = (self.stands.get_mut(usize::from(frame.camera.0)), camera) else { return };
        if stand.is_film {
            return;
        }
        let watch = stand.watch.get_or_insert_with(|| Watch::new(camera.clone(), &self.rink));
        let verdict = match watch.look(&frame.image, frame.stamp.utc_us) {
            Ok(verdict) => verdict,
            Err(fault) => {
                tracing::warn!(stage = stand.stage, %fault, "picture not compared");
                return;
            }
        };
        let same = stand.said.is_some_and(|said| std::mem::discriminant(&said) == std::mem::discriminant(&verdict));
        if same {
            return;
        }
        stand.said = Some(verdict);
        let state = match verdict {
            Verdict::Still => State::Ok,
            Verdict::Bumped(bump) => State::degraded(bump.to_string(), "set the camera right, or calibrate it again"),
            Verdict::Lost => State::degraded(
                "the camera no longer shows what it showed when the box started",
                "look whether it is covered or turned; calibrate it again",
            ),
        };
        self.health.report(&stand.stage, state);
    }
}
