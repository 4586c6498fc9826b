//! Pictures to detections: one trait, ONNX Runtime and tract behind it.
//!
//! Comes in: a BGR picture. Goes out: [`Detection`]s in pixels of that picture. ONNX Runtime is used when its library
//! is found, tract otherwise. Never: time stamps, tracks, the rink. What does not fit (a truncated file, a wrong
//! shape, another checksum) is refused when it is opened, with the cure; a picture never fails for it.

pub mod config;
pub mod registry;
pub mod onnx_runtime;
#[cfg(feature = "tract")]
pub mod tract;
pub mod prepare;
pub mod decode;
pub mod attention;
pub mod detector;
pub mod jersey;

use crate::geometry::Rect;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

pub use config::Config;
pub use detector::{Detector, Spent};

/// What a detection is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Forward or defender.
    Skater,
    /// Goaltender.
    Goalie,
    /// Referee or linesperson.
    Official,
    /// The puck.
    Puck,
}

/// One box in one frame.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Where, pixels.
    #[serde(flatten)]
    pub rect: Rect,
    /// Of what.
    pub class: Class,
    /// How sure, 0 to 1.
    pub score: f32,
}

/// A network, opened and ready.
pub trait Model: Send {
    /// Runs it once: `input` is 1 × 3 × height × width; `output` is filled with boxes × values, which are returned.
    fn infer(&mut self, input: &[f32], output: &mut Vec<f32>) -> Result<[usize; 2], InferenceError>;

    /// What runs it: `onnx_runtime` or `tract`.
    fn backend(&self) -> &'static str;
}

/// Boxes and values for each of an answer's shape; no boxes when it is not 1 × boxes × values.
fn rows_and_values(shape: &[usize]) -> [usize; 2] {
    match *shape {
        [1, rows, values] => [rows, values],
        _ => [0, 0],
    }
}

/// Why there are no detections.
#[derive(Debug, thiserror::Error)]
pub enum InferenceError {
    /// The list of models is not there.
    #[error("no model list at {path}: set `inference.registry` to the file models/registry.toml of this release")]
    RegistryMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The list of models does not read.
    #[error("{path}: {fault}")]
    RegistryUnreadable {
        /// Which file.
        path: PathBuf,
        /// Line and reason.
        fault: String,
    },
    /// No such model in the list.
    #[error("no model `{model}` in {path} (it has: {known}): set `inference.model` to one of them or add an entry")]
    ModelUnknown {
        /// What was asked for.
        model: String,
        /// The list.
        path: PathBuf,
        /// What it holds.
        known: String,
    },
    /// The weights are not there.
    #[error("no weights at {path}: copy the file there, or make it again with models/training")]
    ModelMissing {
        /// Where they were looked for.
        path: PathBuf,
    },
    /// The weights are not the ones the list speaks of.
    #[error(
        "{path} has sha256 {found}, the model list says {wanted}: it was cut short or changed ({bytes} bytes); copy it again"
    )]
    ModelChanged {
        /// Which file.
        path: PathBuf,
        /// Its checksum.
        found: String,
        /// The list's.
        wanted: String,
        /// Its length.
        bytes: usize,
    },
    /// The weights do not load.
    #[error(
        "{path} does not load in {backend}: {fault}; the file is not a whole ONNX model or uses what {backend} lacks"
    )]
    ModelUnreadable {
        /// Which file.
        path: PathBuf,
        /// Who tried.
        backend: &'static str,
        /// Why not.
        fault: String,
    },
    /// The network cannot be fed pictures of the size asked for.
    #[error("model `{model}` cannot be fed {fault}: correct `inference.input_px`")]
    SizeUnfit {
        /// Which model.
        model: String,
        /// The size asked for and those allowed.
        fault: String,
    },
    /// The network is of another shape than its entry says.
    #[error(
        "model `{model}`: {what} is {found}, its entry in the model list says {wanted}: correct the entry or the export"
    )]
    ShapeWrong {
        /// Which model.
        model: String,
        /// Input or output.
        what: &'static str,
        /// What the network has.
        found: String,
        /// What the entry says.
        wanted: String,
    },
    /// ONNX Runtime was asked for and is not to be had.
    #[error(
        "ONNX Runtime: {fault}; set `inference.library` to libonnxruntime.so 1.20 or newer, or `inference.backend` to \"tract\""
    )]
    LibraryUnusable {
        /// Why not.
        fault: String,
    },
    /// This build has no such backend.
    #[error("this build has no tract: install ONNX Runtime (`inference.library`) or build with the feature `tract`")]
    NoTract,
    /// A run failed.
    #[error("{backend}: {fault}")]
    Run {
        /// Who ran it.
        backend: &'static str,
        /// Why it failed.
        fault: String,
    },
    /// A picture that is none.
    #[error("a picture of {width}×{height} with {channels} channels: 8-bit BGR of at least 16×16 is needed")]
    PictureUnfit {
        /// Columns.
        width: i32,
        /// Rows.
        height: i32,
        /// Channels.
        channels: i32,
    },
    /// OpenCV refused.
    #[error("OpenCV: {0}")]
    OpenCv(#[from] opencv::Error),
}
