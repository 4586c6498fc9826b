//! Observations in, everything that is said out: the fused state fifty times a second, events, chunks.
//!
//! The truth waits a fixed lag for whatever comes late; what is known already is said at once by a second fusion, a copy
//! that runs ahead of the truth to the present moment and is thrown away each time.
//!
//! Used the same way by a live box and by a replay, so both understand a game alike. Never asks the time: whoever
//! calls says how far the truth may go.

use super::wire::Chunker;
use crate::{
    events::Recogniser,
    fusion::{Fusion, Observation, Snapshot},
    ids::CameraId,
};
use firmware_protocol::network::{Event, TrackChunk};

/// Length of a step of the fused state, microseconds: 50 Hz.
pub const STEP_US: i64 = 20_000;

/// Cameras whose clocks are told.
const CAMERAS_TOLD: u8 = 16;

/// A pause longer than this is stepped over, not through: the box slept, or the clock was set.
const PAUSE_MAX_US: i64 = 10_000_000;

/// Something the box has to say.
#[derive(Debug)]
pub enum Said<'a> {
    /// The state of everybody, and how many states there were before.
    State(&'a Snapshot, u64),
    /// The same at the present moment, from what came so far, and how many of these there were before.
    Newest(&'a Snapshot, u64),
    /// Something happened.
    Event(&'a Event),
    /// A second of states for the store.
    Chunk(TrackChunk),
}

/// Fusion, the recogniser, and what lies between.
pub struct Understanding {
    fusion: Fusion,
    ahead: Fusion,
    recogniser: Recogniser,
    chunker: Chunker,
    snapshot: Snapshot,
    newest: Snapshot,
    newest_tick: u64,
    events: Vec<Event>,
    tick: u64,
    next_us: Option<i64>,
}

impl Understanding {
    /// Begins with nothing seen.
    pub fn new(fusion: Fusion, recogniser: Recogniser, game: u64) -> Self {
        Self {
            ahead: fusion.clone(),
            fusion,
            recogniser,
            chunker: Chunker::new(game, STEP_US as u32),
            snapshot: Snapshot::default(),
            newest: Snapshot::default(),
            newest_tick: 0,
            events: Vec::with_capacity(16),
            tick: 0,
            next_us: None,
        }
    }

    /// Takes one observation.
    pub fn observe(&mut self, observation: Observation) {
        if self.next_us.is_none() {
            self.next_us = Some(first_step(observation.captured_us));
        }
        self.fusion.observe(observation);
    }

    /// Says everything up to `until_us`.
    pub fn advance(&mut self, until_us: i64, say: &mut dyn FnMut(Said)) {
        let Some(mut next_us) = self.next_us else { return };
        if until_us - next_us > PAUSE_MAX_US {
            self.finish(say);
            next_us = first_step(until_us);
        }
        while next_us <= until_us {
            self.fusion.advance(next_us, &mut self.snapshot);
            say(Said::State(&self.snapshot, self.tick));
            self.recogniser.observe(&self.snapshot, &mut self.events);
            for event in self.events.drain(..) {
                say(Said::Event(&event));
            }
            if let Some(chunk) = self.chunker.push(&self.snapshot) {
                self.tell_clocks();
                say(Said::Chunk(chunk));
            }
            self.tick += 1;
            next_us += STEP_US;
        }
        self.next_us = Some(next_us);
    }

    /// Says what is already known at `now_us`, ahead of the truth; changes nothing of it.
    pub fn look_ahead(&mut self, now_us: i64, say: &mut dyn FnMut(Said)) {
        if self.next_us.is_none() {
            return;
        }
        self.ahead.copy(&self.fusion);
        self.ahead.advance(now_us, &mut self.newest);
        say(Said::Newest(&self.newest, self.newest_tick));
        self.newest_tick += 1;
    }

    /// How late cameras' stamps were found to be, of those that are not right.
    fn tell_clocks(&self) {
        for camera in 0..CAMERAS_TOLD {
            let offset_us = self.fusion.clock_offset_us(CameraId(camera));
            if offset_us != 0 {
                let gauge = metrics::gauge!("camera_clock_late_seconds", "camera" => camera.to_string());
                gauge.set(offset_us as f64 * 1e-6);
            }
        }
    }

    /// Says what is still being gathered: before a stop.
    pub fn finish(&mut self, say: &mut dyn FnMut(Said)) {
        if let Some(chunk) = self.chunker.take() {
            say(Said::Chunk(chunk));
        }
    }
}

/// The first step at or after `utc_us`: steps of all boxes fall on the same instants.
fn first_step(utc_us: i64) -> i64 {
    (utc_us + STEP_US - 1).div_euclid(STEP_US) * STEP_US
}
