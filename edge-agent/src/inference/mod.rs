//! Pictures to detections: one trait, ONNX Runtime and tract behind it.
//!
//! Comes in: a BGR picture. Goes out: [`Detection`]s in pixels of that picture. ONNX Runtime is used when its library
//! is found, tract otherwise. Never: time stamps, tracks, the rink. What does not fit (a truncated file, a wrong
//! shape, another checksum) is refused when it is opened, with the cure; a picture never fails for it.

pub mod config;
pub mod output;
pub mod registry;
pub mod providers;
pub mod onnx_runtime;
#[cfg(feature = "tract")]
pub mod tract;
pub mod prepare;
pub mod decode;
pub mod attention;
pub mod fit;
pub mod detector;
pub mod jersey;
pub mod numbers;

use crate::geometry::Rect;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

pub use config::{Config, Provider};
pub use detector::{Detector, Spent};
pub use numbers::NumberReader;

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

/// One tensor of a network's answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// Its sides.
    pub shape: Vec<usize>,
    /// Its numbers, the last side running fastest; whole numbers as floats, exact to 2²⁴.
    pub values: Vec<f32>,
}

impl Answer {
    /// Takes the place of what was in it, in the memory that was in it.
    fn fill(&mut self, shape: impl Iterator<Item = usize>, values: impl Iterator<Item = f32>) {
        self.shape.clear();
        self.shape.extend(shape);
        self.values.clear();
        self.values.extend(values);
    }
}

/// A network, opened and ready.
pub trait Model: Send {
    /// Runs it once: `input` has the entry's [`shape`](registry::Input::shape); `answers` become the tensors its output
    /// names, in [that order](output::Output::tensors).
    fn infer(&mut self, input: &[f32], answers: &mut Vec<Answer>) -> Result<(), InferenceError>;

    /// What runs it: `onnx_runtime` or `tract`.
    fn backend(&self) -> &'static str;

    /// What it runs on.
    fn provider(&self) -> Provider;
}

/// Where a network's inputs stand among those it has.
struct Inputs {
    picture: usize,
    sizes: Option<usize>,
}

/// Where the entry's inputs stand among `names`; a fault when any is missing or one is left without a value.
fn inputs(model: &registry::Verified, names: &[&str]) -> Result<Inputs, InferenceError> {
    let input = &model.entry.input;
    let at = |wanted: &str| names.iter().position(|name| *name == wanted);
    let wanted: Vec<&str> = std::iter::once(input.name.as_str()).chain(input.sizes.as_deref()).collect();
    match (at(&input.name), input.sizes.as_deref().map(at)) {
        (Some(picture), None) if names.len() == 1 => Ok(Inputs { picture, sizes: None }),
        (Some(picture), Some(Some(sizes))) if names.len() == 2 => Ok(Inputs { picture, sizes: Some(sizes) }),
        _ => Err(model.wrong("input", names.join(", "), wanted.join(", "))),
    }
}

/// Where the entry's outputs stand among `names`; a fault when any is missing.
fn outputs(model: &registry::Verified, names: &[&str]) -> Result<Vec<usize>, InferenceError> {
    let tensors = model.entry.output.tensors();
    let places: Option<Vec<usize>> =
        tensors.iter().map(|wanted| names.iter().position(|name| name == wanted)).collect();
    places.ok_or_else(|| model.wrong("output", names.join(", "), tensors.join(", ")))
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
    #[error(
        "no model `{model}` in {path} (it has: {known}): set `inference.model` or `inference.numbers` to one of them, or add an entry"
    )]
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
    /// The model is for something else.
    #[error("model `{model}` is for `{found}`, `{key}` needs one for `{wanted}`: name another of the model list")]
    TaskWrong {
        /// Which model.
        model: String,
        /// What it is for.
        found: &'static str,
        /// What it would have to be for.
        wanted: &'static str,
        /// The key that names it.
        key: &'static str,
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
    /// None of the execution providers asked for works here.
    #[error("no execution provider of `inference.providers` works here: {tried}; or add \"cpu\" to the list")]
    ProviderMissing {
        /// Each with why not and what it needs.
        tried: String,
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
