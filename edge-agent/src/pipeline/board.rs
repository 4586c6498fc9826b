//! What staff at the rink see of a running box: those stages on the board that cannot write there themselves, and the
//! picture of the moment for the box's page.

use crate::{
    config::Config,
    health::{Health, State},
    ids::CameraId,
    sensors,
    store::Store,
    uplink::{Transport, UplinkConfig, UplinkState},
    web::{self, Picture, Waiting},
};
use firmware_protocol::network::Stream;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// Share of the newest interval in a camera's mean: about a second at 30 frames/s.
const RATE_SHARE: f64 = 0.05;

/// What the vision thread has made of each camera.
#[derive(Debug, Clone, Default)]
pub struct Looks(Arc<Mutex<Vec<Look>>>);

/// One camera.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    last_us: u64,
    /// Mean time from one frame to the next: frames looked at side by side come in bursts, of which a mean of rates
    /// would make thousands a second.
    interval_us: f64,
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
        if look.last_us > 0 {
            let interval_us = now_us.saturating_sub(look.last_us) as f64;
            let share = if look.interval_us > 0.0 { RATE_SHARE } else { 1.0 };
            look.interval_us += (interval_us - look.interval_us) * share;
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
    uplink: watch::Receiver<UplinkState>,
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
                let Look { interval_us, tracks, .. } = looks.of(index);
                let frames_per_second = if interval_us > 0.0 { 1e6 / interval_us } else { 0.0 };
                web::Camera { source: source.clone(), frames_per_second, tracks }
            })
            .collect(),
        tags: lines.tags(),
        carrier: uplink.borrow().carrier,
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
    config: &UplinkConfig,
    uplink: watch::Receiver<UplinkState>,
    lines: sensors::Status,
    store: Arc<Store>,
    health: Health,
) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        let state = uplink.borrow().clone();
        if config.is_enrolled() {
            health.report("certificate", certificate_state(state.not_renewed.clone()));
        }
        if let Some(connected) = state.connected {
            health.report("uplink", uplink_state(config, connected, state));
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

fn certificate_state(not_renewed: Option<String>) -> State {
    let cure = "the box goes on until its certificate ends; then enrol it again (edge-agent enrol)";
    not_renewed.map_or(State::Ok, |reason| State::degraded(reason, cure))
}

fn uplink_state(config: &UplinkConfig, connected: bool, state: UplinkState) -> State {
    if !connected {
        let reason = state.error.unwrap_or_else(|| "the hub did not answer".to_owned());
        let to_check = match config.transport {
            Transport::Zenoh => "uplink.hub",
            Transport::Mqtt => "uplink.mqtt",
            Transport::Both => "uplink.hub, uplink.mqtt",
        };
        let cure = format!("records wait in the store; check the network, {to_check} and uplink.authority");
        return State::degraded(reason, cure);
    }
    if config.transport == Transport::Both && state.carrier == "mqtt" {
        let cure = "nothing is lost; check the network's UDP and uplink.hub, it is asked again by itself";
        return State::degraded("mqtt carries: the hub does not answer over zenoh", cure);
    }
    State::Ok
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_says_which_way_carries() {
        let config = UplinkConfig { transport: Transport::Both, ..UplinkConfig::default() };
        let said = |carrier, connected: bool| {
            let state = UplinkState { carrier, error: (!connected).then(|| "away".into()), ..UplinkState::default() };
            uplink_state(&config, connected, state)
        };
        assert_eq!(said("zenoh", true), State::Ok);
        let State::Degraded { reason, .. } = said("mqtt", true) else { panic!("the better way is away") };
        assert!(reason.contains("mqtt carries"), "{reason}");
        let State::Degraded { reason, cure } = said("mqtt", false) else { panic!("nobody carries") };
        assert!(reason == "away" && cure.contains("uplink.mqtt"), "{reason} {cure}");
    }

    #[test]
    fn frames_that_come_in_bursts_keep_their_rate() {
        let looks = Looks::default();
        for pair in 1..200_u64 {
            for at_us in [pair * 66_667, pair * 66_667 + 50] {
                looks.note(CameraId(0), 3, at_us);
            }
        }
        let rate = 1e6 / looks.of(0).interval_us;
        assert!((rate - 30.0).abs() < 3.0, "{rate} frames/s");
    }
}
