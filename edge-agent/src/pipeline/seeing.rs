//! Detections to observations: tracking and the way onto the ice, one eye a camera.
//!
//! Comes in: frames with what was found in them, in order of time. Goes out: observations for fusion, and annotated
//! films where asked for. Cameras agree on the teams: the first to learn them names them for the others.

use super::looking::Found;
use crate::{
    capture::{
        CameraStep, Frame,
        annotate::{Annotator, COLOURS, Mark},
    },
    fusion::{Observation, config::Projection, project},
    geometry::{Affine, Camera, Rect},
    ids::CameraId,
    inference::{Class, Detection, NumberReader, numbers},
    rink::Rink,
    tracking::{self, Life, Numbers, Teams, Track, Tracker, palette::Palette, teams::Worn},
};
use firmware_protocol::network::Side;
use opencv::prelude::MatTraitConst;

/// One camera's memory.
struct Eye {
    tracker: Tracker,
    teams: Teams,
    numbers: Numbers,
    /// What a camera does that is not calibrated, and so may turn.
    step: CameraStep,
    /// Boxes of the picture before.
    people: Vec<Rect>,
    calibration: Option<Camera>,
    /// The calibration at the size of this camera's pictures, once one came.
    fitted: Option<Camera>,
    annotator: Option<Annotator>,
}

impl Eye {
    /// What the camera did since the picture before; `None` when there is no saying.
    fn camera_step(&mut self, frame: &Frame, detections: &[Detection]) -> Option<Affine> {
        let step = self.step.step(&frame.image, &self.people);
        self.people.clear();
        self.people.extend(detections.iter().map(|detection| detection.rect));
        step.unwrap_or_else(|fault| {
            tracing::debug!(camera = frame.camera.0, %fault, "no camera motion");
            None
        })
    }
}

/// What numbers are read with.
#[derive(Default)]
pub struct Reading {
    /// Who reads them, if anybody.
    pub reader: Option<NumberReader>,
    /// Numbers somebody has, one bit each; `None` without a roster.
    pub roster: Option<u128>,
}

/// All cameras' eyes.
pub struct Seeing {
    rink: Rink,
    projection: Projection,
    /// What the teams are known to wear.
    worn: Worn,
    reading: Reading,
    /// The teams' colours in the first camera that learned them.
    palette: Option<Palette>,
    eyes: Vec<Eye>,
}

impl Seeing {
    /// Eyes without cameras yet.
    pub fn new(rink: Rink, projection: Projection, worn: Worn, reading: Reading) -> Self {
        Self { rink, projection, worn, reading, palette: None, eyes: Vec::new() }
    }

    /// Adds the next camera, in the order of the configuration.
    pub fn add_camera(
        &mut self,
        tracking: &tracking::Config,
        calibration: Option<Camera>,
        annotator: Option<Annotator>,
    ) {
        self.eyes.push(Eye {
            tracker: Tracker::new(tracking.clone()),
            teams: Teams::new(self.worn),
            numbers: Numbers::new(self.reading.roster),
            step: CameraStep::default(),
            people: Vec::with_capacity(tracking.detections_max),
            calibration,
            fitted: None,
            annotator,
        });
    }

    /// Takes one frame and what was found in it; what is seen on the ice is added to `observations`. Gives the number of
    /// tracks.
    pub fn see(&mut self, frame: &Frame, found: &Found, observations: &mut Vec<Observation>) -> usize {
        let Some(eye) = self.eyes.get_mut(usize::from(frame.camera.0)) else { return 0 };
        let (detections, utc_us) = (&found.detections, frame.stamp.utc_us);
        let step = if eye.calibration.is_none() { eye.camera_step(frame, detections) } else { None };
        let count = eye.tracker.update_looked(utc_us, detections, step.as_ref(), &found.looked).len();
        let tracks = eye.tracker.tracks_mut();
        eye.teams.see(utc_us, detections, &found.jerseys, tracks, self.palette.as_ref());
        if self.palette.is_none() {
            self.palette = eye.teams.palette().copied();
        }
        if let Some(reader) = &mut self.reading.reader {
            read(reader, &mut eye.numbers, frame, detections, tracks);
        }
        fit(&mut eye.fitted, eye.calibration.as_ref(), frame);
        if let Some(camera) = &eye.fitted {
            project(frame.camera, camera, &self.rink, &self.projection, utc_us, tracks, observations);
        }
        if let Some(annotator) = &eye.annotator {
            let marks = tracks.iter().filter(|track| matches!(track.life, Life::Confirmed | Life::Coasting));
            annotator.add(frame.clone(), marks.map(|track| mark(track, eye.fitted.as_ref())).collect());
        }
        count
    }

    /// The calibration of a camera at the size of its pictures, once one came.
    pub fn calibrated(&self, camera: CameraId) -> Option<&Camera> {
        self.eyes.get(usize::from(camera.0))?.fitted.as_ref()
    }

    /// Ends the annotated films: their last frames are written.
    pub fn finish(&mut self) {
        for (index, eye) in self.eyes.iter_mut().enumerate() {
            let Some(annotator) = eye.annotator.take() else { continue };
            match annotator.finish() {
                Ok(frames) => tracing::info!(camera = index, frames, "annotated film written"),
                Err(fault) => tracing::error!(camera = index, %fault, "annotated film not finished"),
            }
        }
    }
}

/// Looks at those whose turn it is, and says everybody's number.
fn read(
    reader: &mut NumberReader,
    numbers: &mut Numbers,
    frame: &Frame,
    detections: &[Detection],
    tracks: &mut [Track],
) {
    let now_us = frame.stamp.utc_us;
    let mut asked = [None; 8];
    for (place, index) in asked.iter_mut().zip(numbers.ask(now_us, tracks, numbers::HEIGHT_MIN_PX)) {
        *place = Some(*index);
    }
    for index in asked.into_iter().flatten() {
        let rect = tracks[index].joined.and_then(|joined| detections.get(usize::from(joined))).map(|found| found.rect);
        let reading = rect.map_or(Ok(None), |rect| reader.read(&frame.image, &rect)).unwrap_or_else(|fault| {
            tracing::debug!(camera = frame.camera.0, %fault, "number not read");
            None
        });
        numbers.vote(now_us, index, reading);
    }
    numbers.tell(tracks);
}

/// The calibration at the size of this frame.
fn fit(fitted: &mut Option<Camera>, calibration: Option<&Camera>, frame: &Frame) {
    let (width, height) = (frame.image.cols() as u32, frame.image.rows() as u32);
    if fitted.as_ref().is_none_or(|camera| (camera.width, camera.height) != (width, height)) {
        *fitted = calibration.map(|camera| camera.scaled_to(width, height));
    }
}

fn mark(track: &Track, camera: Option<&Camera>) -> Mark {
    let (side, colour) = match track.side {
        Some(Side::Home) => (" home", COLOURS[0]),
        Some(Side::Away) => (" away", COLOURS[1]),
        None if track.class == Class::Official => ("", COLOURS[2]),
        None => ("", COLOURS[3]),
    };
    let word = match track.class {
        // Most are skaters: the side says enough.
        Class::Skater if track.side.is_some() => "",
        Class::Skater => " skater",
        Class::Goalie => " goalie",
        Class::Official => " official",
        Class::Puck => " puck",
    };
    let number = track.number.map(|number| format!(" #{number}")).unwrap_or_default();
    Mark {
        rect: track.rect,
        label: format!("{}{side}{word}{number}", track.id.0),
        colour,
        place_m: camera.and_then(|camera| camera.to_ice(track.rect.foot())),
    }
}
