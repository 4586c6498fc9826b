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
    shipping::{self, Ended},
    standing::Standing,
    telemetry, understanding,
    understanding::{STEP_US, Understanding},
    wire::fill_live,
};
use crate::{
    capture::{self, Frame, Pace, Sight, Start},
    config::Config,
    downlink::{self, Downlink, Ledger, Surroundings},
    fusion::Observation,
    health::{self, Health, State},
    ids::CameraId,
    inference::{Detector, NumberReader},
    queue::{self, Overflow, Receiver, Sender},
    sensors::{self, Reading},
    store::Store,
    time,
    traces::{Handed, Traces, Traveller},
    uplink::{Newest, UplinkState},
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
/// Between games nothing is said or kept but telemetry.
const NO_GAME: u64 = 0;
/// A truth thread that has not come round for this long hangs, and systemd restarts the box.
const HANGING_US: u64 = 10_000_000;

/// Runs the box until `stop`, or until an order of the hub needs it to start anew. `check` says whether settings with
/// what the hub has said laid over them are sound.
pub async fn run(
    config: Config,
    annotate: Option<&Path>,
    (ledger, check): (Ledger, downlink::Check),
    stop: CancellationToken,
) -> Result<Ended> {
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
    let traces = Traces::open(&config.traces, &config.uplink.edge)?;
    let (seen, understood) = (Handed::default(), Handed::default());

    let (desk, line) = looking::open(working_detectors(&config, &health), config.inference.every_nth)?;
    let eyes = seeing(&config, working_reader(&config, &health), annotate, Overflow::DropOldest)?;
    let mut threads = cameras(&config, start, &frames, &health, &halt)?;
    drop(frames);
    let (noted, standing) = (looks.clone(), Standing::new(&config, health.clone()));
    let (begun, left) = (traces.clone(), seen.clone());
    threads.push(spawn("inference-desk", move || hand_in(&pictures, desk, &begun))?);
    threads.push(spawn("vision", move || look(line, eyes, standing, &observations, (&noted, &left)))?);
    let ways = Ways {
        live,
        edge: config.uplink.edge.clone(),
        game: config.game.id,
        store: store.clone(),
        beat_us: Arc::new(AtomicU64::new(time::monotonic_us())),
        traces: traces.clone(),
        seen,
        understood: understood.clone(),
    };
    let beat_us = ways.beat_us.clone();
    let (understanding, lag_us, stopping) =
        (understanding(&config), i64::from(config.fusion.lag_ms) * 1_000, halt.clone());
    threads.push(spawn("truth", move || know(&observed, &read, understanding, ways, lag_us, &stopping))?);

    let picture = board::picture(&config, looks, lines.clone(), store.clone(), uplink_seen.clone());
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
    let watched =
        board::watch_others(&config.uplink, uplink_seen.clone(), lines.clone(), store.clone(), health.clone());
    let around = Surroundings {
        check,
        newest: newest.clone(),
        health: health.clone(),
        diagnostics: Box::new(shipping::diagnostics(&health, &store, &uplink_seen)),
    };
    let states = Newest { states: newest, journeys: understood };
    let downlink = Downlink::new(config.downlink.clone(), config.uplink.clone(), ledger, around);
    let ended = tokio::select! {
        done = sensors::run(config.sensors.clone(), play, readings, lines, stop.clone()) => done.map(|()| Ended::Stopped)?,
        ended = shipping::ship(&config, store.clone(), states, uplink_state, downlink, stop.clone()) => ended,
        () = watched => Ended::Stopped,
        done = health::run(
            config.health.clone(),
            health.clone(),
            move |samples| samples.into_iter().for_each(|sample| keep(&telemetry_store, &Record::Telemetry(sample))),
            move || time::monotonic_us().saturating_sub(beat_us.load(Ordering::Relaxed)) < HANGING_US,
            stop.clone(),
        ) => done.map(|()| Ended::Stopped)?,
    };
    stop.cancel();
    halt.store(true, Ordering::Relaxed);
    tokio::task::spawn_blocking(move || threads.into_iter().try_for_each(JoinHandle::join))
        .await?
        .map_err(|_| anyhow::anyhow!("a stage panicked: see the log"))?;
    page.await?;
    tokio::task::spawn_blocking(move || traces.close()).await?;
    tracing::info!("box stopped");
    Ok(ended)
}

/// The detectors; health says why there are none.
fn working_detectors(config: &Config, health: &Health) -> Vec<Detector> {
    match detectors(config) {
        Ok(detectors) => {
            if let Some(detector) = detectors.first() {
                let (model, workers, engine) = (&config.inference.model, detectors.len(), detector.engine());
                tracing::info!(model, engine, workers, "model ready");
                health.report("inference", State::Ok);
                health.note("inference", engine);
            }
            detectors
        }
        Err(fault) => {
            health.report("inference", State::down(fault.to_string(), "cameras run without it; mend it and restart"));
            Vec::new()
        }
    }
}

/// The reader of numbers; health says why there is none.
fn working_reader(config: &Config, health: &Health) -> Option<NumberReader> {
    let reader = super::reader(config).unwrap_or_else(|fault| {
        let cure = "everything else goes on; mend it and restart, or set `inference.numbers` to \"\"";
        health.report("numbers", State::down(fault.to_string(), cure));
        None
    });
    if let Some(reader) = &reader {
        tracing::info!(model = config.inference.numbers, backend = reader.backend(), "number reader ready");
        health.report("numbers", State::Ok);
    }
    reader
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
fn hand_in(pictures: &Receiver<Frame>, mut desk: Desk<()>, traces: &Traces) {
    while let Some(mut frame) = pictures.receive() {
        if !desk.wants(&frame) {
            continue;
        }
        let of = Traveller::Frame { camera: frame.camera.0, sequence: frame.sequence };
        frame.journey = traces.begin(of, frame.stamp.utc_us, time::utc_us());
        if !desk.look(frame) {
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
    (looks, left): (&Looks, &Handed),
) {
    let latency = metrics::histogram!("vision_latency_seconds");
    let mut seen = Vec::with_capacity(64);
    while let Some(turn) = line.next() {
        let Turn::Looked(Looked { mut frame, found }) = turn else { continue };
        match found {
            Ok(found) => {
                let tracks = eyes.see(&frame, &found, &mut seen);
                line.give_back(found);
                looks.note(frame.camera, tracks, time::monotonic_us());
            }
            Err(fault) => tracing::warn!(camera = frame.camera.0, %fault, "frame not understood"),
        }
        latency.record((time::utc_us() - frame.stamp.utc_us) as f64 * 1e-6);
        standing.look(&frame, eyes.calibrated(frame.camera));
        let journey = frame.journey.take();
        // Nobody listens only while the box stops.
        if !seen.drain(..).all(|observation| observations.send(observation).is_ok()) {
            break;
        }
        if let Some(mut journey) = journey {
            journey.stage("tracking", time::utc_us());
            left.leave(journey);
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
    traces: Traces,
    seen: Handed,
    understood: Handed,
}

impl Outlet for Ways {
    fn say(&mut self, said: Said) {
        if self.game == NO_GAME {
            return;
        }
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
        // Taken first: what was seen on its frame is among the observations then.
        let mut journey = ways.seen.take();
        while let Some(reading) = read.try_receive() {
            if let Some(observation) = observation(&reading) {
                let captured_us = observation.captured_us;
                journey = journey.or_else(|| ways.traces.begin(Traveller::Reading, captured_us, time::utc_us()));
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
        if let Some(mut journey) = journey {
            journey.stage("fusion", time::utc_us());
            ways.understood.leave(journey);
        }
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

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(work).with_context(|| format!("thread {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::{Provider, config::Backend};

    #[test]
    fn health_says_what_runs_the_model_and_on_what() {
        let mut config = Config::parse("[[capture.cameras]]\nname = \"a\"\nsource = \"synthetic\"\n").unwrap();
        config.inference.registry = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/registry.toml");
        config.inference.providers = vec![Provider::Cpu];
        config.inference.workers = 1;
        let health = Health::new();
        let engine = working_detectors(&config, &health)[0].engine();
        let note = health.stages()[0].note.clone();
        assert_eq!(note.as_deref(), Some(engine.as_str()));
        assert!(engine.ends_with(", cpu"), "{engine}");
        config.inference.backend = Backend::OnnxRuntime;
        config.inference.library = "/no/such.so".into();
        assert!(working_detectors(&config, &health).is_empty());
        assert!(matches!(&health.stages()[0].state, State::Down { reason, .. } if reason.contains("/no/such.so")));
    }
}
