//! One camera's life: open, read, open again.
//!
//! Comes in: a [`Task`]. Goes out: [`Frame`]s into a queue, and [`Sight`] to whoever reports health. Runs on a thread
//! of its own until it is stopped, nobody listens, or a film ends.

use super::{
    CaptureError, Frame, Pace, Source, Start,
    config::{CameraConfig, Origin},
    file::File,
    picture::Shelf,
    rtsp,
    synthetic::{Scene, Synthetic},
    v4l2,
};
use crate::{backoff::Backoff, ids::CameraId, queue::Sender, simulation::Setup, time};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// Longest sleep between looks at the stop flag.
const NAP_US: u64 = 50_000;

/// What one camera is to do.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// Its number.
    pub camera: CameraId,
    /// Its part of the configuration.
    pub config: &'a CameraConfig,
    /// How films are played.
    pub pace: Pace,
    /// The instant everything started.
    pub start: Start,
    /// Set to end it.
    pub stop: &'a AtomicBool,
}

/// How a camera is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// Pictures come.
    Seeing,
    /// None come; it is opened again in `retry_ms`.
    Blind {
        /// The fault and its cure.
        reason: String,
        /// How often it was tried since the last picture.
        tries: u32,
        /// Wait until the next try, milliseconds.
        retry_ms: u64,
    },
    /// The film is over.
    Ended,
}

/// Opens what the configuration names; a synthetic camera looks at `game`, from where its calibration file says.
pub fn open(task: &Task, game: &Setup) -> Result<Box<dyn Source>, CaptureError> {
    let config = task.config;
    Ok(match &config.source {
        Origin::File(path) => Box::new(File::open(path, config, task.start.utc_us)?),
        Origin::Rtsp(address) => Box::new(rtsp::open(address, config)?),
        Origin::V4l2(device) => Box::new(v4l2::open(device, config)?),
        Origin::Synthetic => {
            let camera = match config.read_calibration()? {
                Some(camera) => camera.scaled_to(config.size_px[0], config.size_px[1]),
                None => Scene::hang(game, 0, 1, config.size_px),
            };
            let scene = Scene { setup: *game, camera, look_seed: game.seed };
            Box::new(Synthetic::new(&scene, config.fps, task.start.utc_us + config.offset_us))
        }
    })
}

/// Runs one camera; `report` hears every change. An error only in [`Pace::Replay`].
pub fn run(
    task: &Task,
    open: &mut dyn FnMut() -> Result<Box<dyn Source>, CaptureError>,
    frames: &Sender<Frame>,
    report: &mut dyn FnMut(Sight),
) -> Result<(), CaptureError> {
    let config = task.config;
    let mut backoff = Backoff::new(config.retry_ms, config.retry_max_ms, u64::from(task.camera.0));
    let shelf = Shelf::default();
    while !task.stop.load(Ordering::Relaxed) {
        let played = open().and_then(|mut source| {
            play(task, &mut *source, &shelf, frames, &mut || {
                backoff.succeeded();
                report(Sight::Seeing);
            })
        });
        match played {
            Ok(Played::Stopped) => break,
            Ok(Played::Over) => {
                report(Sight::Ended);
                break;
            }
            Err(fault) if task.pace == Pace::Replay => return Err(fault),
            Err(fault) => {
                metrics::counter!("capture_faults_total", "camera" => config.name.clone()).increment(1);
                let retry_ms = backoff.next_ms();
                let reason = format!("camera {}: {fault}", config.name);
                report(Sight::Blind { reason, tries: backoff.tries(), retry_ms });
                wait(retry_ms * 1_000, task.stop);
            }
        }
    }
    Ok(())
}

enum Played {
    Over,
    Stopped,
}

fn play(
    task: &Task,
    source: &mut dyn Source,
    shelf: &Shelf,
    frames: &Sender<Frame>,
    seeing: &mut dyn FnMut(),
) -> Result<Played, CaptureError> {
    let counter = metrics::counter!("capture_frames_total", "camera" => task.config.name.clone());
    let live_film = source.is_film() && task.pace == Pace::Live;
    let mut sequence = 0;
    while !task.stop.load(Ordering::Relaxed) {
        if live_film {
            source.skip_before(task.start.utc_at(time::monotonic_us()));
        }
        let mut image = shelf.take();
        let Some(stamp) = source.read(&mut image)? else { return Ok(Played::Over) };
        if sequence == 0 {
            seeing();
        }
        if live_film {
            wait(task.start.wait_us(stamp.utc_us, time::monotonic_us()), task.stop);
        }
        counter.increment(1);
        if frames.send(Frame { camera: task.camera, sequence, stamp, image, journey: None }).is_err() {
            return Ok(Played::Stopped);
        }
        sequence += 1;
    }
    Ok(Played::Stopped)
}

/// Sleeps in naps, so that stopping takes a nap at most.
fn wait(mut left_us: u64, stop: &AtomicBool) {
    while left_us > 0 && !stop.load(Ordering::Relaxed) {
        let nap_us = left_us.min(NAP_US);
        thread::sleep(Duration::from_micros(nap_us));
        left_us -= nap_us;
    }
}
