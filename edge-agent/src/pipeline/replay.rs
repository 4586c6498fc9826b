//! A recording, as fast as this machine can: the same in, the same out, byte for byte.
//!
//! Films and sensor pieces are merged by their own times, never by when they happen to be ready, and nothing is
//! dropped: queues wait. The clock of this machine is not asked.

use super::{
    Outlet,
    looking::{self, Looked, Turn},
    observation,
    seeing::Seeing,
    understanding::Understanding,
};
use crate::{
    capture::{self, Frame, Pace, Sight, Start},
    config::Config,
    fusion::Observation,
    ids::CameraId,
    inference::Detector,
    queue::{self, Overflow, Receiver},
    sensors::{Reading, recorded},
};
use anyhow::{Context, Result};
use std::{path::Path, sync::atomic::AtomicBool, thread};

/// When a film that does not say so was taken: 2026-01-01T00:00:00Z, so that a replay does not depend on today.
pub const REPLAY_START_US: i64 = 1_767_225_600_000_000;

/// Frames between decoding and detection: decoding goes on while the network runs.
const FRAMES_MAX: usize = 4;

/// Readings decoded ahead.
const READINGS_MAX: usize = 1_024;

/// Something of a recording, at its time.
enum Next {
    Frame(Frame),
    Reading(Reading),
}

/// Plays everything `config` names to its end.
pub fn run(
    config: &Config,
    sensors: Option<&Path>,
    detectors: Vec<Detector>,
    mut seeing: Seeing,
    mut understanding: Understanding,
    outlet: &mut dyn Outlet,
) -> Result<()> {
    let stop = AtomicBool::new(false);
    let lag_us = i64::from(config.fusion.lag_ms) * 1_000;
    let game = config.simulation.setup();
    let (mut desk, mut line) = looking::open(detectors, config.inference.every_nth)?;
    thread::scope(|scope| {
        let mut cameras = Vec::new();
        let mut threads = Vec::new();
        for (index, camera) in config.capture.cameras.iter().enumerate() {
            let (sender, receiver) = queue::bounded("replay", FRAMES_MAX, Overflow::Wait);
            let task = capture::Task {
                camera: CameraId(index as u8),
                config: camera,
                pace: Pace::Replay,
                start: Start { utc_us: REPLAY_START_US, monotonic_us: 0 },
                stop: &stop,
            };
            threads.push(scope.spawn(move || {
                let mut open = || capture::open(&task, &game);
                capture::run(&task, &mut open, &sender, &mut |sight: Sight| tracing::debug!(?sight, "camera"))
                    .with_context(|| format!("camera {}", task.config.name))
            }));
            cameras.push(receiver);
        }
        let readings = match sensors {
            Some(path) => {
                let (sender, receiver) = queue::bounded("replay_readings", READINGS_MAX, Overflow::Wait);
                let recording = recorded::Reader::open(path)?;
                threads.push(scope.spawn(move || {
                    let send = |reading| {
                        // Nobody receives any more: the run ended early, and its fault is told elsewhere.
                        if sender.send(reading).is_err() {
                            tracing::debug!("reading of an ended replay");
                        }
                    };
                    recorded::replay(recording, send).context("sensors")
                }));
                Some(receiver)
            }
            None => None,
        };
        let mut observations: Vec<Observation> = Vec::with_capacity(64);
        let mut merge = Merge::new(cameras, readings);
        threads.push(scope.spawn(move || {
            while let Some(next) = merge.next() {
                let open = match next {
                    Next::Frame(frame) if desk.wants(&frame) => desk.look(frame),
                    passed => desk.pass(passed),
                };
                // Nobody waits any more: the run ended early, and its fault is told elsewhere.
                if !open {
                    break;
                }
            }
            Ok(())
        }));
        let mut pictures = 0_u64;
        while let Some(turn) = line.next() {
            let utc_us = match turn {
                Turn::Looked(Looked { frame, found }) => {
                    let found = found?;
                    seeing.see(&frame, &found, &mut observations);
                    line.give_back(found);
                    observations.drain(..).for_each(|observation| understanding.observe(observation));
                    pictures += 1;
                    if pictures.is_multiple_of(300) {
                        tracing::info!(pictures, "replaying");
                    }
                    frame.stamp.utc_us
                }
                Turn::Passed(Next::Frame(frame)) => frame.stamp.utc_us,
                Turn::Passed(Next::Reading(reading)) => {
                    if let Some(observation) = observation(&reading) {
                        understanding.observe(observation);
                    }
                    reading.stamp.utc_us
                }
            };
            understanding.advance(utc_us - lag_us, &mut |said| outlet.say(said));
        }
        // Whatever waits at a queue hears of the end.
        drop(line);
        for thread in threads {
            thread.join().expect("a camera's thread does not panic")?;
        }
        Ok(())
    })
    .map(|()| {
        understanding.finish(&mut |said| outlet.say(said));
        seeing.finish();
    })
}

/// Merges cameras and readings by time; of equals, readings before pictures, the lower camera first.
struct Merge {
    cameras: Vec<(Receiver<Frame>, Option<Frame>)>,
    readings: Option<Receiver<Reading>>,
    reading: Option<Reading>,
}

impl Merge {
    fn new(cameras: Vec<Receiver<Frame>>, readings: Option<Receiver<Reading>>) -> Self {
        Self { cameras: cameras.into_iter().map(|receiver| (receiver, None)).collect(), readings, reading: None }
    }

    fn next(&mut self) -> Option<Next> {
        for (receiver, waiting) in &mut self.cameras {
            if waiting.is_none() {
                *waiting = receiver.receive();
            }
        }
        if self.reading.is_none() {
            self.reading = self.readings.as_ref().and_then(Receiver::receive);
        }
        let waiting = self.cameras.iter_mut().map(|(_, waiting)| waiting).filter(|waiting| waiting.is_some());
        let earliest = waiting.min_by_key(|waiting| waiting.as_ref().map(|frame| frame.stamp.utc_us));
        let picture_us = earliest.as_ref().and_then(|waiting| waiting.as_ref()).map(|frame| frame.stamp.utc_us);
        match (self.reading, picture_us) {
            (Some(reading), picture_us) if picture_us.is_none_or(|us| reading.stamp.utc_us <= us) => {
                self.reading = None;
                Some(Next::Reading(reading))
            }
            _ => earliest.and_then(Option::take).map(Next::Frame),
        }
    }
}
