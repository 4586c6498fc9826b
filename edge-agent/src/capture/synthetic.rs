//! A camera in the simulated arena.
//!
//! Comes in: which game, and where the camera hangs. Goes out: drawn pictures, stamped with the game's time on top of
//! the box's start. Plays its own copy of the game, so that nothing is shared with the fake tags but the seed. Live,
//! it leaves out pictures it has no time to draw, as a camera would.

use super::{CaptureError, Source};
use crate::{
    geometry::Camera,
    simulation::{
        Game, Setup,
        render::{Look, Renderer},
    },
    time::{Stamp, TimeSource},
};
use opencv::{
    core::{CV_8UC3, Mat},
    prelude::*,
};

/// What a simulated camera looks at.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Which game.
    pub setup: Setup,
    /// From where; its width and height are the picture's.
    pub camera: Camera,
    /// Look of the arena and the teams: the same for all cameras of a game.
    pub look_seed: u64,
}

impl Scene {
    /// Where camera `index` of `count` hangs when nothing else is said: side by side along the stand, so that
    /// together they see all of the ice.
    pub fn hang(setup: &Setup, index: usize, count: usize, [width, height]: [u32; 2]) -> Camera {
        let (share_m, half_m) = (setup.rink.length_m / count.max(1) as f64, setup.rink.width_m / 2.0);
        let x_m = (index as f64 + 0.5) * share_m - setup.rink.length_m / 2.0;
        // The more one camera has to see, the farther back and the higher it hangs.
        let place_m = [x_m, -half_m - 8.0 - 0.4 * share_m, 9.0 + 0.12 * share_m];
        let corners = [-1.0, 1.0].map(|x| [-1.0, 1.0].map(|y| [x_m + x * share_m / 2.0, y * half_m, 0.0]));
        let sees = |camera: &Camera| {
            corners.as_flattened().iter().all(|corner| {
                camera
                    .project(*corner)
                    .is_some_and(|[x, y]| (0.0..f64::from(width)).contains(&x) && (0.0..f64::from(height)).contains(&y))
            })
        };
        (20..120)
            .map(|field_deg| {
                Camera::looking_at(width, height, f64::from(field_deg), place_m, [x_m, -half_m * 0.3, 0.0])
            })
            .find(sees)
            .unwrap_or_else(|| Camera::looking_at(width, height, 120.0, place_m, [x_m, 0.0, 0.0]))
    }
}

/// A simulated camera.
pub struct Synthetic {
    game: Game,
    renderer: Renderer,
    size_px: [u32; 2],
    fps: f64,
    start_us: i64,
    index: u64,
}

impl Synthetic {
    /// A camera that gives `fps` pictures a second from `start_us` UTC.
    pub fn new(scene: &Scene, fps: f64, start_us: i64) -> Self {
        let renderer = Renderer::new(&scene.camera, scene.setup.rink, Look::standard(scene.look_seed));
        let size_px = [scene.camera.width, scene.camera.height];
        Self { game: Game::new(scene.setup), renderer, size_px, fps, start_us, index: 0 }
    }
}

impl Source for Synthetic {
    fn read(&mut self, image: &mut Mat) -> Result<Option<Stamp>, CaptureError> {
        if self.game.is_over() {
            return Ok(None);
        }
        let due_us = (self.index as f64 * 1e6 / self.fps).round() as i64;
        self.index += 1;
        self.game.step_to(due_us, |_| {});
        let [width, height] = self.size_px.map(|side| side as i32);
        if image.rows() != height || image.cols() != width || image.typ() != CV_8UC3 {
            *image = Mat::new_rows_cols_with_default(height, width, CV_8UC3, opencv::core::Scalar::all(0.0))?;
        }
        let truth = self.game.truth();
        self.renderer.render(truth, image.data_bytes_mut()?);
        // The game's own instant, up to a step before the due one: the picture shows no other.
        let utc_us = self.start_us + truth.time_us;
        Ok(Some(Stamp { utc_us, source: TimeSource::Source, uncertainty_us: 0 }))
    }

    fn skip_before(&mut self, utc_us: i64) {
        let due = ((utc_us - self.start_us) as f64 * self.fps / 1e6).floor().max(0.0) as u64;
        self.index = self.index.max(due);
    }

    fn is_film(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rink::Rink;

    fn scene() -> Scene {
        let setup = Setup { seed: 5, rink: Rink::NHL, game: 1 };
        Scene { setup, camera: Scene::hang(&setup, 0, 1, [320, 180]), look_seed: 1 }
    }

    #[test]
    fn the_same_seed_is_the_same_film() {
        let film = || {
            let mut camera = Synthetic::new(&scene(), 30.0, 1_000);
            let mut image = Mat::default();
            let mut last = Vec::new();
            let stamps: Vec<i64> = (0..4).map(|_| camera.read(&mut image).unwrap().unwrap().utc_us).collect();
            last.extend_from_slice(image.data_bytes().unwrap());
            (stamps, last)
        };
        let (stamps, picture) = film();
        assert_eq!(stamps, [1_000, 31_000, 61_000, 101_000], "30 a second, each at a step of the game");
        assert!(picture.iter().any(|byte| *byte != picture[0]), "something is drawn");
        assert_eq!(film(), (stamps, picture));
    }

    #[test]
    fn pictures_there_is_no_time_for_are_left_out() {
        let mut camera = Synthetic::new(&scene(), 25.0, 0);
        let mut image = Mat::default();
        camera.read(&mut image).unwrap();
        camera.skip_before(1_000_000);
        assert_eq!(camera.read(&mut image).unwrap().unwrap().utc_us, 1_000_000);
    }

    #[test]
    fn together_the_cameras_see_all_of_the_ice() {
        let setup = Setup { seed: 1, rink: Rink::NHL, game: 1 };
        for count in 1..=4 {
            let cameras: Vec<Camera> = (0..count).map(|i| Scene::hang(&setup, i, count, [1920, 1080])).collect();
            for place in Rink::NHL.boards_outline(32).into_iter().chain(Rink::NHL.spots()) {
                let seen = cameras.iter().any(|camera| {
                    camera
                        .project([place[0], place[1], 0.0])
                        .is_some_and(|[x, y]| (0.0..1920.0).contains(&x) && (0.0..1080.0).contains(&y))
                });
                assert!(seen, "{count} cameras: {place:?} is seen by none");
            }
        }
    }
}
