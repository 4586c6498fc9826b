//! What staff at the rink see of a running box: those stages on the board that cannot write there themselves, and the
//! picture of the moment for the box's page.

use crate::{
    config::Config,
    health::{Health, State},
    ids::CameraId,
    sensors,
    store::Store,
    uplink::UplinkState,
    web::{self, Picture, Waiting},
};
use firmware_protocol::network::Stream;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// Share of the newest interval in the mean of a camera's rate: about a second at 30 frames/s.
const RATE_SHARE: f64 = 0.05;

/// What the vision thread has made of each camera.
#[derive(Debug, Clone, Default)]
pub struct Looks(Arc<Mutex<Vec<Look>>>);

/// One camera.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    last_us: u64,
    frames_per_second: f64,
    tracks: usize,
}

impl Looks {
    /// A frame of `camera` was looked at, and it has so many tracks.
    pub fn note(&self, camera: CameraId, tracks: usize, now_us: u64) {
        let mut cameras = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = usize::from(camera.0);
        if cameras.len() <= index {
            cameras.resize_with(index + 1, Look::default);
        }
        let look = &mut cameras[index];
        let interval_us = now_us.saturating_sub(look.last_us).max(1);
        if look.last_us > 0 {
            look.frames_per_second += (1e6 / interval_us as f64 - look.frames_per_second) * RATE_SHARE;
        }
        (look.last_us, look.tracks) = (now_us, tracks);
    }

    fn of(&self, index: usize) -> Look {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(index).copied().unwrap_or_default()
    }
}

/// Draws the moment for the box's page.
pub fn picture(
    config: &Config,
    looks: Looks,
    lines: sensors::Status,
    store: Arc<Store>,
) -> impl Fn() -> Picture + Send + Sync + use<> {
    let cameras: Vec<String> = config.capture.cameras.iter().map(|camera| camera.name.clone()).collect();
    let (edge, game) = (config.uplink.edge.clone(), config.game.id);
    move || Picture {
        edge: edge.clone(),
        game: Some(game),
        cameras: cameras
            .iter()
            .enumerate()
            .map(|(index, source)| {
                let Look { frames_per_second, tracks, .. } = looks.of(index);
                web::Camera { source: source.clone(), frames_per_second, tracks }
            })
            .collect(),
        tags: lines.tags(),
        queue: Stream::ALL
            .into_iter()
            .zip(store.stats().streams)
            .map(|(stream, held)| Waiting {
                stream: stream.name().to_owned(),
                records: held.next_sequence - held.first_sequence,
            })
            .collect(),
    }
}

/// Looks once a second at uplink, store and lines, and says on the board how they are. Never ends.
pub async fn watch_others(
    uplink: watch::Receiver<UplinkState>,
    lines: sensors::Status,
    store: Arc<Store>,
    health: Health,
) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        let state = uplink.borrow().clone();
        if let Some(connected) = state.connected {
            let reason = state.error.unwrap_or_else(|| "the hub did not answer".to_owned());
            let cure = "records wait in the store; check the network, uplink.hub and uplink.authority";
            health.report("uplink", if connected { State::Ok } else { State::degraded(reason, cure) });
        }
        let store = match store.stats().fault {
            None => State::Ok,
            Some(reason) => State::down(reason, "free space on the disk; live goes on meanwhile"),
        };
        health.report("store", store);
        for line in lines.lines() {
            health.report(&format!("sensors {}", line.path), State::from(line.state));
        }
    }
}
