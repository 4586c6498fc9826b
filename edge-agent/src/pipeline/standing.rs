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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        capture::Picture,
        ids::CameraId,
        simulation::render::{Look, Renderer},
        simulation::{Game, Setup},
        time::{Stamp, TimeSource},
    };
    use nalgebra::{Rotation3, Vector3};
    use opencv::{
        core::{CV_8UC3, Mat, Scalar},
        prelude::*,
    };

    const CONFIG: &str =
        "[[capture.cameras]]\nname = \"stand\"\nsource = \"synthetic\"\ncalibration = \"stand.toml\"\n";

    fn camera() -> Camera {
        Camera::looking_at(960, 540, 70.0, [2.0, -34.0, 12.0], [2.0, -2.0, 0.0])
    }

    /// The same camera, half a degree to the side.
    fn bumped() -> Camera {
        let turn = Rotation3::new(Vector3::new(0.0, 0.5f64.to_radians(), 0.0));
        let camera = camera();
        let matrix = turn.matrix() * nalgebra::Matrix3::from_fn(|r, c| camera.rotation[r][c]);
        Camera { rotation: [0, 1, 2].map(|r| [0, 1, 2].map(|c| matrix[(r, c)])), ..camera }
    }

    /// What health says of the camera's calibration each second of a simulated game, bumped at 20 s; on a film's
    /// camera when `is_film`.
    fn said(config: &str) -> Vec<Option<State>> {
        let config = Config::parse(config).unwrap();
        let health = Health::new();
        let mut standing = Standing::new(&config, health.clone());
        let mut game = Game::new(Setup { seed: 3, rink: Rink::NHL, game: 1 });
        let mut eyes = [camera(), bumped()].map(|camera| Renderer::new(&camera, Rink::NHL, Look::standard(3)));
        (0..40u64)
            .step_by(2)
            .map(|second| {
                let utc_us = second as i64 * 1_000_000;
                game.step_to(utc_us, |_| {});
                let mut image = Mat::new_rows_cols_with_default(540, 960, CV_8UC3, Scalar::all(0.0)).unwrap();
                eyes[usize::from(second >= 20)].render(game.truth(), image.data_bytes_mut().unwrap());
                let stamp = Stamp { utc_us, source: TimeSource::Source, uncertainty_us: 0 };
                let frame =
                    Frame { camera: CameraId(0), sequence: second, stamp, image: Picture::from(image), journey: None };
                standing.look(&frame, Some(&camera()));
                let stages = health.stages();
                stages.into_iter().find(|stage| stage.stage == "calibration stand").map(|stage| stage.state)
            })
            .collect()
    }

    #[test]
    fn a_bumped_camera_is_degraded_in_health_within_thirty_seconds_with_its_new_error() {
        let said = said(CONFIG);
        assert!(said[..10].iter().all(|state| *state == Some(State::Ok)), "{said:?}");
        let first = said.iter().position(|state| matches!(state, Some(State::Degraded { .. }))).unwrap();
        println!("told {} s after the bump: {:?}", 2 * first - 20, said[first]);
        assert!(2 * first - 20 <= 30);
        let Some(State::Degraded { reason, cure }) = &said[first] else { unreachable!() };
        assert!(reason.starts_with("moved by 0.") && reason.contains("error on the ice now") && reason.contains(" cm"));
        assert!(cure.contains("calibrate it again"));
        assert!(said[first..].iter().all(|state| matches!(state, Some(State::Degraded { .. }))), "it stays so");
    }

    #[test]
    fn a_film_is_not_watched() {
        let film = CONFIG.replace("\"synthetic\"", "{ file = \"game.mp4\" }");
        assert!(said(&film).iter().all(Option::is_none));
    }
}
