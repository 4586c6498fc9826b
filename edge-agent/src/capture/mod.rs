//! Pictures in: from a file, a network camera, a device, or the simulation.
//!
//! Comes in: a [`config::Origin`]. Goes out: [`Frame`]s in capture order. When a source fails it is opened again with
//! backoff and the failure is said to the caller as [`Sight`]; a missing camera never stops the box. Only a replay,
//! which is a command and not a box, ends with the fault.

pub mod config;
pub mod picture;
pub mod pace;
pub mod arrival;
pub mod file;
pub mod device;
pub mod rtsp;
pub mod v4l2;
pub mod synthetic;
pub mod run;
pub mod annotate;
pub mod bump;
pub mod motion;
pub mod paint;

use crate::{ids::CameraId, time::Stamp, traces::Journey};
use opencv::core::Mat;
use std::path::PathBuf;

pub use config::Config;
pub use motion::CameraStep;
pub use pace::{Pace, Start};
pub use picture::Picture;
pub use run::{Sight, Task, open, run};
pub use synthetic::Scene;

/// One picture.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Which camera.
    pub camera: CameraId,
    /// Counts up by one a picture from 0 since the source was opened.
    pub sequence: u64,
    /// When the shutter closed.
    pub stamp: Stamp,
    /// Rows × columns × 3, 8 bit, BGR; its memory goes back to the camera when it is dropped.
    pub image: Picture,
    /// Where its time goes; `None` for most.
    pub journey: Option<Journey>,
}

/// One way of getting pictures.
pub trait Source: Send {
    /// The next picture into `image` and when it was taken; `None` at the end of a film.
    fn read(&mut self, image: &mut Mat) -> Result<Option<Stamp>, CaptureError>;

    /// Pictures from before this time are of no use: a source that makes its pictures need not make them.
    fn skip_before(&mut self, _utc_us: i64) {}

    /// Whether pictures come as fast as they are asked for, so that [`run`] has to hold them to their stamps.
    fn is_film(&self) -> bool;
}

/// Why there are no pictures.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The film is not there.
    #[error("no film at {path}: put it there or change `source.file`")]
    FileMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The film is there and does not decode.
    #[error(
        "{path} does not open as a film: it is cut short, not a film, or of a codec OpenCV was built without (try `ffmpeg -i`)"
    )]
    FileUnreadable {
        /// Which file.
        path: PathBuf,
    },
    /// The film does not say how fast it runs.
    #[error("{path} does not say its frames per second: set `fps` for this camera")]
    RateUnknown {
        /// Which file.
        path: PathBuf,
    },
    /// A network camera does not answer.
    #[error(
        "no answer from {address} within {timeout_ms} ms: check the cable, its power, its address and its password"
    )]
    NoAnswer {
        /// Its address, without a password.
        address: String,
        /// How long was waited.
        timeout_ms: u64,
    },
    /// A device is not there.
    #[error("no camera at {device}: plug it in, or give the box's user the group `video`")]
    DeviceMissing {
        /// Its path.
        device: String,
    },
    /// Pictures stopped.
    #[error("no frame from {address} for {limit_ms} ms: the camera or its network stopped; opening it again")]
    Stalled {
        /// Which camera.
        address: String,
        /// How long is allowed.
        limit_ms: u64,
    },
    /// The stream ended by itself.
    #[error("{address} ended its stream; opening it again")]
    Ended {
        /// Which camera.
        address: String,
    },
    /// A calibration file does not read.
    #[error("{path} is no camera file: {fault}; make it with `edge-agent calibrate --out`")]
    CalibrationUnreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        fault: String,
    },
    /// A film cannot be written.
    #[error("cannot write a film to {path}: check that the folder exists, has room, and that the name ends in .mp4")]
    Unwritable {
        /// Where to.
        path: PathBuf,
    },
    /// OpenCV refused.
    #[error("OpenCV: {0}")]
    OpenCv(#[from] opencv::Error),
}
