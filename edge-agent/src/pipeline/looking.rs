//! Frames to detections on several threads, handed on in the order they came.
//!
//! ```text
//!           ┌─► worker 0 ─┐
//!  Desk ────┼─► worker 1 ─┼────► Line
//!    └──────┴── places ───┴───────┘
//! ```
//!
//! Comes in: frames, and whatever else must keep its place among them. Goes out: the same, in the same order, each
//! frame with its detections. Workers take turns, each with a network of its own: two frames on two cores are done
//! sooner than one frame by two threads, and the order of results never depends on who was faster. Nothing is dropped
//! here: a worker that is busy holds the desk back, and the queue before it says what goes.

use crate::{
    capture::Frame,
    geometry::Rect,
    inference::{
        Detection, Detector, InferenceError,
        jersey::{self, Jersey},
    },
    time,
};
use anyhow::{Context, Result};
use std::{
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    thread,
};

/// Places in line: the readings of a second between two frames of a replay.
const PLACES_MAX: usize = 1_024;
/// Boxes a frame has room for before its list grows: a crowded rink twice over.
const DETECTIONS_ROOM: usize = 64;

/// What stands at a place in line.
enum Place<T> {
    AtWorker(usize),
    Passed(T),
}

/// What a look gives.
pub struct Found {
    /// People and pucks.
    pub detections: Vec<Detection>,
    /// What each of them wears, in the same order.
    pub jerseys: Vec<Option<Jersey>>,
    /// Where was looked, pixels; empty for everywhere.
    pub looked: Vec<Rect>,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            detections: Vec::with_capacity(DETECTIONS_ROOM),
            jerseys: Vec::with_capacity(DETECTIONS_ROOM),
            looked: Vec::new(),
        }
    }
}

/// One frame looked at.
pub struct Looked {
    /// The frame.
    pub frame: Frame,
    /// What was found in it, or why nothing could be.
    pub found: Result<Found, InferenceError>,
}

/// What comes out of the line.
pub enum Turn<T> {
    /// A frame, looked at.
    Looked(Looked),
    /// Something that only kept its place.
    Passed(T),
}

/// Where frames are handed in.
pub struct Desk<T> {
    workers: Vec<SyncSender<(Frame, Found)>>,
    places: SyncSender<Place<T>>,
    returned: Receiver<Found>,
    next: usize,
    every_nth: u64,
}

/// Where they come out.
pub struct Line<T> {
    workers: Vec<Receiver<Looked>>,
    places: Receiver<Place<T>>,
    returned: Sender<Found>,
}

/// Starts a worker for each of `detectors`; every `every_nth` frame of a camera is looked at.
pub fn open<T>(detectors: Vec<Detector>, every_nth: u32) -> Result<(Desk<T>, Line<T>)> {
    let (places, stand) = sync_channel(PLACES_MAX);
    let (back, returned) = channel();
    let mut desk = Desk { workers: Vec::new(), places, returned, next: 0, every_nth: u64::from(every_nth.max(1)) };
    let mut line = Line { workers: Vec::new(), places: stand, returned: back };
    for (index, mut detector) in detectors.into_iter().enumerate() {
        // No frame waits inside: it would only grow old there.
        let (frames, work) = sync_channel::<(Frame, Found)>(0);
        let (done, results) = sync_channel(1);
        let look = move || {
            for (mut frame, mut found) in work {
                let found = detector.detect(frame.camera, &frame.image, &mut found.detections).map(|_| {
                    jersey::measure(&frame.image, &found.detections, &mut found.jerseys);
                    found.looked.clear();
                    found.looked.extend_from_slice(detector.looked());
                    found
                });
                if let Some(journey) = &mut frame.journey {
                    journey.stage("inference", time::utc_us());
                }
                if done.send(Looked { frame, found }).is_err() {
                    break;
                }
            }
        };
        thread::Builder::new().name(format!("inference-{index}")).spawn(look).context("thread for inference")?;
        desk.workers.push(frames);
        line.workers.push(results);
    }
    Ok((desk, line))
}

impl<T> Desk<T> {
    /// Whether this frame is to be looked at at all.
    pub fn wants(&self, frame: &Frame) -> bool {
        !self.workers.is_empty() && frame.sequence.is_multiple_of(self.every_nth)
    }

    /// Hands in a frame to be looked at; false once nobody waits at the line.
    pub fn look(&mut self, frame: Frame) -> bool {
        let worker = self.next;
        self.next = (worker + 1) % self.workers.len();
        let found = self.returned.try_recv().unwrap_or_default();
        self.workers[worker].send((frame, found)).is_ok() && self.places.send(Place::AtWorker(worker)).is_ok()
    }

    /// Hands in what only keeps its place; false once nobody waits at the line.
    pub fn pass(&mut self, passed: T) -> bool {
        self.places.send(Place::Passed(passed)).is_ok()
    }
}

impl<T> Line<T> {
    /// The next in line; waits for it. `None` once the desk is closed and the line is empty.
    pub fn next(&mut self) -> Option<Turn<T>> {
        match self.places.recv().ok()? {
            Place::Passed(passed) => Some(Turn::Passed(passed)),
            Place::AtWorker(worker) => self.workers[worker].recv().ok().map(Turn::Looked),
        }
    }

    /// Takes lists back to be filled again.
    pub fn give_back(&self, found: Found) {
        // The desk is closed: the lists just go.
        let _ = self.returned.send(found);
    }
}
