//! Tracks of one camera to places on the ice.
//!
//! Comes in: the tracks of one frame and the calibrated camera (of the same picture size). Goes out: observations of
//! people at their skates and of the puck at its middle, each with its covariance. Left out: tracks not believed or
//! not seen in this frame, places off the ice (bench, crowd) and places too unsure to help. Never fails.

use super::{Observation, Seen, config::Projection};
use crate::{
    geometry::Camera,
    ids::CameraId,
    inference::Class,
    rink::Rink,
    tracking::{Life, Track},
};

/// Appends what `camera` saw at `captured_us` to `observations`.
pub fn project(
    camera_id: CameraId,
    camera: &Camera,
    rink: &Rink,
    config: &Projection,
    captured_us: i64,
    tracks: &[Track],
    observations: &mut Vec<Observation>,
) {
    let seen = tracks.iter().filter(|track| track.life == Life::Confirmed);
    observations.extend(seen.filter_map(|track| {
        let rect = &track.rect;
        let pixel = match track.class {
            Class::Puck => [f64::from(rect.x + rect.w * 0.5), f64::from(rect.y + rect.h * 0.5)],
            _ => rect.foot(),
        };
        let position_m = camera.to_ice(pixel)?;
        if !rink.contains(position_m, config.margin_m) {
            return None;
        }
        let sigma_px = track.sigma_px[0].max(track.sigma_px[1]).hypot(config.foot_sigma * rect.h);
        let covariance = camera.ice_covariance(pixel, f64::from(sigma_px))?;
        let covariance_m2 = [covariance[(0, 0)], covariance[(0, 1)], covariance[(1, 1)]];
        if covariance.trace() > 2.0 * config.sigma_m_max.powi(2) {
            return None;
        }
        let seen = match track.class {
            Class::Puck => Seen::PuckSeen { camera: camera_id, position_m, covariance_m2 },
            class => {
                let Track { id: track, side, number, .. } = *track;
                Seen::Person { camera: camera_id, track, class, position_m, covariance_m2, side, number }
            }
        };
        Some(Observation { captured_us, seen })
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{geometry::Rect, ids::TrackId};

    fn track(camera: &Camera, place: [f64; 2], life: Life) -> Track {
        let [x, y] = camera.project([place[0], place[1], 0.0]).unwrap().map(|pixel| pixel as f32);
        Track {
            id: TrackId(1),
            rect: Rect { x: x - 20.0, y: y - 80.0, w: 40.0, h: 80.0 },
            velocity_px: [0.0; 2],
            sigma_px: [2.0; 2],
            class: Class::Skater,
            score: 0.9,
            life,
            joined: None,
            side: None,
            number: None,
        }
    }

    fn seen(place: [f64; 2], life: Life) -> Option<Observation> {
        let camera = Camera::looking_at(1920, 1080, 80.0, [0.0, -30.0, 12.0], [0.0, 2.0, 0.0]);
        let mut observations = Vec::new();
        let tracks = [track(&camera, place, life)];
        project(CameraId(0), &camera, &Rink::NHL, &Projection::default(), 5, &tracks, &mut observations);
        observations.pop()
    }

    #[test]
    fn skates_meet_the_ice_where_they_stand() {
        let observation = seen([3.0, 4.0], Life::Confirmed).unwrap();
        let Seen::Person { position_m: [x, y], covariance_m2: [xx, _, yy], .. } = observation.seen else {
            panic!("{observation:?}")
        };
        assert!((x - 3.0).hypot(y - 4.0) < 1e-3, "{observation:?}");
        assert!(xx > 0.0 && yy > xx, "away from the camera is less sure: {observation:?}");
    }

    #[test]
    fn bench_and_unseen_are_left_out() {
        assert_eq!(seen([3.0, 14.5], Life::Confirmed), None);
        assert_eq!(seen([3.0, 4.0], Life::Lost), None);
        assert_eq!(seen([3.0, 4.0], Life::Tentative), None);
    }
}
