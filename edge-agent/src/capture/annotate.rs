//! An annotated copy of what a camera saw: boxes, labels and a small map of the rink, written as a film.
//!
//! Comes in: frames with [`Mark`]s. Goes out: an mp4. Drawing and encoding happen on a thread of their own; the
//! caller only pays for a queue. A film that cannot be written says so when it is opened, not frame by frame.

use super::{CaptureError, Frame};
use crate::{
    geometry::Rect,
    queue::{self, Overflow, Sender},
    rink::Rink,
};
use opencv::{
    core::{Mat, Point, Rect as Area, Scalar, Size},
    imgproc::{FILLED, FONT_HERSHEY_SIMPLEX, LINE_8, LINE_AA, circle, get_text_size, line, put_text, rectangle},
    prelude::*,
    videoio::{VideoWriter, VideoWriterTrait},
};
use std::{
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
};

/// Frames waiting to be drawn.
const QUEUE_MAX: usize = 8;

/// One thing to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The box, pixels.
    pub rect: Rect,
    /// What is written over it.
    pub label: String,
    /// Blue, green, red.
    pub colour: [u8; 3],
    /// Where it stands on the ice, metres, when the camera is calibrated.
    pub place_m: Option<[f64; 2]>,
}

/// Blue, green, red of home, away, officials, and the puck or unknown.
pub const COLOURS: [[u8; 3]; 4] = [[60, 60, 230], [230, 140, 30], [40, 200, 240], [60, 220, 60]];

/// Writes one annotated film.
pub struct Annotator {
    frames: Option<Sender<(Frame, Vec<Mark>)>>,
    thread: Option<JoinHandle<Result<u64, CaptureError>>>,
}

impl Annotator {
    /// Begins the film `path` of `fps` frames per second; its size is the first frame's.
    ///
    /// With [`Overflow::Wait`] every frame is in it; with [`Overflow::DropOldest`] the caller never waits.
    pub fn open(path: &Path, fps: f64, rink: Rink, overflow: Overflow) -> Result<Self, CaptureError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() || path.extension().is_none_or(|ending| ending != "mp4") {
            return Err(CaptureError::Unwritable { path: path.to_owned() });
        }
        let (sender, receiver) = queue::bounded::<(Frame, Vec<Mark>)>("annotate", QUEUE_MAX, overflow);
        let path = path.to_owned();
        let thread = thread::spawn(move || {
            let mut film: Option<VideoWriter> = None;
            let mut written = 0;
            while let Some((mut frame, marks)) = receiver.receive() {
                let writer = match &mut film {
                    Some(writer) => writer,
                    None => film.insert(begin(&path, fps, frame.image.size()?)?),
                };
                draw(&mut frame.image, &marks, &rink)?;
                writer.write(&*frame.image)?;
                written += 1;
            }
            if let Some(mut writer) = film {
                writer.release()?;
            }
            Ok(written)
        });
        Ok(Self { frames: Some(sender), thread: Some(thread) })
    }

    /// Adds one frame; the copy is the caller's to make.
    pub fn add(&self, frame: Frame, marks: Vec<Mark>) {
        if let Some(frames) = &self.frames {
            // A writer that failed says why in `finish`; until then its frames go nowhere.
            let _ = frames.send((frame, marks));
        }
    }

    /// Writes what waits and closes the film; how many frames it holds.
    pub fn finish(mut self) -> Result<u64, CaptureError> {
        self.frames = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(written)) => written,
            _ => Err(opencv::Error::new(opencv::core::StsError, "the drawing thread panicked").into()),
        }
    }
}

fn begin(path: &PathBuf, fps: f64, size: Size) -> Result<VideoWriter, CaptureError> {
    let fourcc = VideoWriter::fourcc('m', 'p', '4', 'v')?;
    let writer = VideoWriter::new(path, fourcc, fps, size, true)?;
    if writer.is_opened()? { Ok(writer) } else { Err(CaptureError::Unwritable { path: path.clone() }) }
}

fn scalar(colour: [u8; 3]) -> Scalar {
    Scalar::new(f64::from(colour[0]), f64::from(colour[1]), f64::from(colour[2]), 0.0)
}

/// Draws marks, and the map when any mark has a place.
pub fn draw(image: &mut Mat, marks: &[Mark], rink: &Rink) -> Result<(), CaptureError> {
    // A label as tall as a fortieth of the picture is read on a phone and hides nobody.
    let scale = (f64::from(image.rows()) / 1080.0).max(0.4) * 0.6;
    for mark in marks {
        let (x, y) = (mark.rect.x.round() as i32, mark.rect.y.round() as i32);
        let area = Area::new(x, y, mark.rect.w.round().max(1.0) as i32, mark.rect.h.round().max(1.0) as i32);
        rectangle(image, area, scalar(mark.colour), 2, LINE_8, 0)?;
        if mark.label.is_empty() {
            continue;
        }
        let mut below = 0;
        let text = get_text_size(&mark.label, FONT_HERSHEY_SIMPLEX, scale, 1, &mut below)?;
        let top = (y - text.height - below - 2).max(0);
        let plate = Area::new(x, top, text.width + 4, text.height + below + 2);
        rectangle(image, plate, scalar(mark.colour), FILLED, LINE_8, 0)?;
        let at = Point::new(x + 2, top + text.height + 1);
        put_text(image, &mark.label, at, FONT_HERSHEY_SIMPLEX, scale, Scalar::all(0.0), 1, LINE_AA, false)?;
    }
    if marks.iter().any(|mark| mark.place_m.is_some()) {
        draw_map(image, marks, rink)?;
    }
    Ok(())
}

/// A quarter of the picture's width, in its lower right corner.
fn draw_map(image: &mut Mat, marks: &[Mark], rink: &Rink) -> Result<(), CaptureError> {
    let width = image.cols() / 4;
    let per_metre = f64::from(width) / rink.length_m;
    let height = (rink.width_m * per_metre) as i32;
    let (left, top) = (image.cols() - width - 12, image.rows() - height - 12);
    let at = |place_m: [f64; 2]| {
        let x = (place_m[0] + rink.length_m / 2.0) * per_metre;
        // Across grows away from the usual camera, so up.
        let y = (rink.width_m / 2.0 - place_m[1]) * per_metre;
        Point::new(left + x as i32, top + y as i32)
    };
    let sheet = Area::new(left - 4, top - 4, width + 8, height + 8);
    rectangle(image, sheet, Scalar::new(245.0, 240.0, 235.0, 0.0), FILLED, LINE_8, 0)?;
    let boards = rink.boards_outline(48);
    for (from, to) in boards.iter().zip(boards.iter().cycle().skip(1)) {
        line(image, at(*from), at(*to), Scalar::all(40.0), 1, LINE_AA, 0)?;
    }
    let half = rink.width_m / 2.0;
    let (red, blue) = (Scalar::new(60.0, 60.0, 220.0, 0.0), Scalar::new(220.0, 90.0, 30.0, 0.0));
    for (x_m, reach_m, colour) in [
        (0.0, half, red),
        (rink.blue_line_m, half, blue),
        (-rink.blue_line_m, half, blue),
        (rink.goal_line_m, half * 0.86, red),
        (-rink.goal_line_m, half * 0.86, red),
    ] {
        line(image, at([x_m, -reach_m]), at([x_m, reach_m]), colour, 1, LINE_AA, 0)?;
    }
    for mark in marks {
        if let Some(place_m) = mark.place_m.filter(|place_m| rink.contains(*place_m, 2.0)) {
            circle(image, at(place_m), 5, scalar(mark.colour), FILLED, LINE_AA, 0)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        capture::{
            Source,
            config::{CameraConfig, Origin},
            file::File,
        },
        ids::CameraId,
        time::{Stamp, TimeSource},
    };
    use opencv::core::CV_8UC3;

    fn frame(sequence: u64) -> Frame {
        let image = Mat::new_rows_cols_with_default(180, 320, CV_8UC3, Scalar::all(200.0)).unwrap();
        let stamp = Stamp { utc_us: 0, source: TimeSource::Source, uncertainty_us: 0 };
        Frame { camera: CameraId(0), sequence, stamp, image: image.into(), journey: None }
    }

    #[test]
    fn every_frame_is_in_the_film_and_the_marks_are_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.mp4");
        let annotator = Annotator::open(&path, 25.0, Rink::NHL, Overflow::Wait).unwrap();
        for sequence in 0..12 {
            let rect = Rect { x: 40.0, y: 50.0, w: 30.0, h: 60.0 };
            let mark = Mark { rect, label: "7".into(), colour: COLOURS[0], place_m: Some([3.0, 4.0]) };
            annotator.add(frame(sequence), vec![mark]);
        }
        assert_eq!(annotator.finish().unwrap(), 12);
        let mut film = File::open(&path, &CameraConfig::new("a", Origin::File(path.clone())), 0).unwrap();
        let mut image = Mat::default();
        let mut frames = 0;
        while film.read(&mut image).unwrap().is_some() {
            frames += 1;
            let edge = image.at_2d::<opencv::core::Vec3b>(80, 40).unwrap();
            assert!(edge[2] > edge[0].saturating_add(40), "the box's edge is red: {edge:?}");
        }
        assert_eq!(frames, 12);
    }

    #[test]
    fn a_film_that_cannot_be_written_is_refused_at_once() {
        let fault = Annotator::open(Path::new("/no/such/folder/a.mp4"), 25.0, Rink::NHL, Overflow::Wait);
        assert!(fault.err().unwrap().to_string().contains("cannot write a film to /no/such/folder/a.mp4"));
    }
}
