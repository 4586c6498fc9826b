//! A box at work: every stage on its own thread or task, until it is told to stop.
//!
//! Comes in: a [`Config`] and a stop. Goes out: the live lane, the journal, the durable lane. Ends early only when the
//! journal cannot be opened at all; a missing camera, line, model or hub is said in health, and the rest goes on.

use super::{
    Outlet, Said,
    board::{self, Looks},
    detectors,
    looking::{self, Desk, Line, Looked, Turn},
    observation, seeing,
    seeing::Seeing,
    standing::Standing,
    telemetry, understanding,
    understanding::{STEP_US, Understanding},
    wire::fill_live,
};
use crate::{
    capture::{self, Frame, Pace, Sight, Start},
    config::Config,
    fusion::Observation,
    health::{self, Health, State},
    ids::CameraId,
    inference::Detector,
    queue::{self, Overflow, Receiver, Sender},
    sensors::{self, Reading},
    store::Store,
    time,
    uplink::{
        self, Identity, UplinkConfig, UplinkState,
        enrolment::{EnrolError, keep_renewed},
        zenoh::ZenohLink,
    },
    web,
};
use anyhow::{Context, Result};
use firmware_protocol::network::{LiveState, Record};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Frames waiting for the model, a camera. Two: one being read, one fresh; older is worthless.
const FRAMES_MAX: usize = 2;
/// Observations waiting for the next step: a second of six full cameras.
const OBSERVATIONS_MAX: usize = 8_192;
/// Readings waiting for the next step: four seconds of a full game.
const READINGS_MAX: usize = 4_096;
/// A truth thread that has not come round for this long hangs, and systemd restarts the box.
const HANGING_US: u64 = 10_000_000;

/// Runs the box until `stop`.
pub async fn run(config: Config, annotate: Option<&Path>, stop: CancellationToken) -> Result<()> {
    let health = Health::new();
    let metrics = health::Metrics::install()?;
    let store = Arc::new(Store::open(&config.store)?);
    let start = Start::now();
    let halt = Arc::new(AtomicBool::new(false));
    let (live, newest) = watch::channel(None);
    let (uplink_state, uplink_seen) = watch::channel(UplinkState::default());
    let (frames, pictures) =
        queue::bounded("frames", FRAMES_MAX * config.capture.cameras.len().max(1), Overflow::DropOldest);
    let (observations, observed) = queue::bounded("observations", OBSERVATIONS_MAX, Overflow::DropOldest);
    let (readings, read) = queue::bounded("readings", READINGS_MAX, Overflow::DropOldest);
    let lines = sensors::Status::new();
    let looks = Looks::default();

    let (desk, line) = looking::open(working_detectors(&config, &health), config.inference.every_nth)?;
    let eyes = seeing(&config, annotate, Overflow::DropOldest)?;
    let mut threads = cameras(&config, start, &frames, &health, &halt)?;
    drop(frames);
    let (noted, standing) = (looks.clone(), Standing::new(&config, health.clone()));
    threads.push(spawn("inference-desk", move || hand_in(&pictures, desk))?);
    threads.push(spawn("vision", move || look(line, eyes, standing, &observations, &noted))?);
    let ways = Ways {
        live,
        edge: config.uplink.edge.clone(),
        game: config.game.id,
        store: store.clone(),
        beat_us: Arc::new(AtomicU64::new(time::monotonic_us())),
    };
    let beat_us = ways.beat_us.clone();
    let (understanding, lag_us, stopping) =
        (understanding(&config), i64::from(config.fusion.lag_ms) * 1_000, halt.clone());
    threads.push(spawn("truth", move || know(&observed, &read, understanding, ways, lag_us, &stopping))?);

    let picture = board::picture(&config, looks, lines.clone(), store.clone());
    let page = web::Page { health: health.clone(), metrics, picture: Arc::new(picture) };
    let (page_address, page) = web::start(&config.web, page, stop.clone()).await?;
    let page = tokio::spawn(page);
    tracing::info!(
        page = %page_address,
        edge = config.uplink.edge,
        game = config.game.id,
        start_us = start.utc_us,
        "box at work"
    );
    let started_us = start.monotonic_us as i64;
    let play =
        config.is_simulated().then(|| sensors::simulated::Play { config: config.simulation.clone(), started_us });
    let telemetry_store = store.clone();
    let watched = board::watch_others(uplink_seen, lines.clone(), store.clone(), health.clone());
    tokio::select! {
        done = sensors::run(config.sensors.clone(), play, readings, lines, stop.clone()) => done?,
        () = ship(&config, store.clone(), newest, uplink_state, &health, stop.clone()) => {}
        () = watched => {}
        done = health::run(
            config.health.clone(),
            health.clone(),
            move |samples| samples.into_iter().for_each(|sample| keep(&telemetry_store, &Record::Telemetry(sample))),
            move || time::monotonic_us().saturating_sub(beat_us.load(Ordering::Relaxed)) < HANGING_US,
            stop.clone(),
        ) => done?,
    }
    stop.cancel();
    halt.store(true, Ordering::Relaxed);
    tokio::task::spawn_blocking(move || threads.into_iter().try_for_each(JoinHandle::join))
        .await?
        .map_err(|_| anyhow::anyhow!("a stage panicked: see the log"))?;
    page.await?;
    tracing::info!("box stopped");
    Ok(())
}

/// The detectors; health says why there are none.
fn working_detectors(config: &Config, health: &Health) -> Vec<Detector> {
    match detectors(config) {
        Ok(detectors) => {
            if let Some(detector) = detectors.first() {
                let (model, workers) = (&config.inference.model, detectors.len());
                tracing::info!(model, backend = detector.backend(), workers, "model ready");
                health.report("inference", State::Ok);
            }
            detectors
        }
        Err(fault) => {
            health.report("inference", State::down(fault.to_string(), "cameras run without it; mend it and restart"));
            Vec::new()
        }
    }
}

fn cameras(
    config: &Config,
    start: Start,
    frames: &Sender<Frame>,
    health: &Health,
    halt: &Arc<AtomicBool>,
) -> Result<Vec<JoinHandle<()>>> {
    let game = config.simulation.setup();
    let spawn_one = |(index, camera): (usize, &capture::config::CameraConfig)| {
        let (camera, frames, health, halt) = (camera.clone(), frames.clone(), health.clone(), halt.clone());
        spawn(&format!("camera-{index}"), move || {
            let task =
                capture::Task { camera: CameraId(index as u8), config: &camera, pace: Pace::Live, start, stop: &halt };
            let stage = format!("capture {}", camera.name);
            let mut report = |sight| {
                let state = match sight {
                    Sight::Seeing => State::Ok,
                    Sight::Blind { reason, .. } => State::down(reason, "it is opened again by itself"),
                    Sight::Ended => State::degraded("the film is over", "start the box again, or set `repeat`"),
                };
                health.report(&stage, state);
            };
            if let Err(fault) = capture::run(&task, &mut || capture::open(&task, &game), &frames, &mut report) {
                health.report(&stage, State::down(fault.to_string(), "start the box again"));
            }
        })
    };
    config.capture.cameras.iter().enumerate().map(spawn_one).collect()
}

/// The desk's thread: frames to whichever worker's turn it is.
fn hand_in(pictures: &Receiver<Frame>, mut desk: Desk<()>) {
    while let Some(frame) = pictures.receive() {
        if desk.wants(&frame) && !desk.look(frame) {
            break;
        }
    }
}

/// The vision thread: detections to observations.
fn look(
    mut line: Line<()>,
    mut eyes: Seeing,
    mut standing: Standing,
    observations: &Sender<Observation>,
    looks: &Looks,
) {
    let latency = metrics::histogram!("vision_latency_seconds");
    let mut seen = Vec::with_capacity(64);
    while let Some(turn) = line.next() {
        let Turn::Looked(Looked { frame, found }) = turn else { continue };
        match found {
            Ok(found) => {
                let tracks = eyes.see(&frame, &found.detections, &found.looked, &mut seen);
                line.give_back(found);
                looks.note(frame.camera, tracks, time::monotonic_us());
            }
            Err(fault) => tracing::warn!(camera = frame.camera.0, %fault, "frame not understood"),
        }
        latency.record((time::utc_us() - frame.stamp.utc_us) as f64 * 1e-6);
        standing.look(&frame, eyes.calibrated(frame.camera));
        // Nobody listens only while the box stops.
        if !seen.drain(..).all(|observation| observations.send(observation).is_ok()) {
            break;
        }
    }
    eyes.finish();
}

/// What the truth thread says to.
struct Ways {
    live: watch::Sender<Option<LiveState>>,
    edge: String,
    game: u64,
    store: Arc<Store>,
    beat_us: Arc<AtomicU64>,
}

impl Outlet for Ways {
    fn say(&mut self, said: Said) {
        match said {
            Said::State(..) => {}
            Said::Newest(snapshot, tick) => self.live.send_modify(|newest| {
                let live = newest.get_or_insert_with(|| LiveState {
                    edge: self.edge.clone(),
                    game: self.game,
                    tick,
                    captured_us: 0,
                    clock: snapshot.clock,
                    puck: None,
                    players: Vec::with_capacity(32),
                });
                fill_live(snapshot, tick, live);
            }),
            Said::Event(event) => {
                metrics::counter!("events_recognised_total", "kind" => event.kind.name()).increment(1);
                tracing::info!(kind = event.kind.name(), side = ?event.side, number = event.number, "event");
                keep(&self.store, &Record::Event(event.clone()));
            }
            Said::Chunk(chunk) => keep(&self.store, &Record::Tracks(chunk)),
        }
    }
}

/// The truth thread: fifty times a second, everything that came since.
fn know(
    observed: &Receiver<Observation>,
    read: &Receiver<Reading>,
    mut understanding: Understanding,
    mut ways: Ways,
    lag_us: i64,
    halt: &AtomicBool,
) {
    while !halt.load(Ordering::Relaxed) {
        let step_us = STEP_US as u64;
        thread::sleep(Duration::from_micros(step_us - time::monotonic_us() % step_us));
        ways.beat_us.store(time::monotonic_us(), Ordering::Relaxed);
        while let Some(reading) = read.try_receive() {
            if let Some(observation) = observation(&reading) {
                understanding.observe(observation);
            } else if let Some(kept) = telemetry(&reading) {
                keep(&ways.store, &Record::Telemetry(kept));
            }
        }
        while let Some(observation) = observed.try_receive() {
            understanding.observe(observation);
        }
        let now_us = time::utc_us();
        understanding.look_ahead(now_us, &mut |said| ways.say(said));
        understanding.advance(now_us - lag_us, &mut |said| ways.say(said));
    }
    understanding.finish(&mut |said| ways.say(said));
}

fn keep(store: &Store, record: &Record) {
    if let Err(fault) = store.append(record) {
        metrics::counter!("store_refused_total", "stream" => record.stream().name()).increment(1);
        tracing::error!(%fault, stream = record.stream().name(), "record not kept");
    }
}

/// Both lanes to the hub; without a hub, only the stop.
async fn ship(
    config: &Config,
    store: Arc<Store>,
    newest: watch::Receiver<Option<LiveState>>,
    state: watch::Sender<UplinkState>,
    health: &Health,
    stop: CancellationToken,
) {
    if config.uplink.hub.is_empty() {
        stop.cancelled().await;
        return;
    }
    let link = ZenohLink::open(&config.uplink);
    let anew = link.reopener();
    let lanes = uplink::run(config.uplink.clone(), link, store, newest, state, stop);
    tokio::select! {
        () = lanes => {}
        () = stay_certified(&config.uplink, health, || anew.notify_one()) => {}
    }
}

/// Renews the certificate of an enrolled box in time, and says on the board when it cannot. Never ends.
async fn stay_certified(config: &UplinkConfig, health: &Health, renewed: impl Fn()) {
    let Ok(Some(identity)) = Identity::load(&config.identity) else { return std::future::pending().await };
    let told = |outcome: Result<&Identity, &EnrolError>| match outcome {
        Ok(_) => {
            health.report("certificate", State::Ok);
            renewed();
        }
        Err(error) => {
            let cure = "the box goes on until its certificate ends; then enrol it again (edge-agent enrol)";
            health.report("certificate", State::degraded(error.to_string(), cure));
        }
    };
    keep_renewed(identity, told).await;
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(work).with_context(|| format!("thread {name}"))
}
