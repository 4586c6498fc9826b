//! The stage: one picture in, its detections out, looked at whole, in tiles, or both.
//!
//! Comes in: a BGR picture and the camera it is of. Goes out: [`Detection`]s, where was looked, and how long each step
//! took. Opens everything, and runs the
//! network once on grey, before the first picture: what is wrong with a model is known at the start.

use super::{
    Answer, Detection, InferenceError, Model,
    attention::Attention,
    config::{Backend, Config, Provider},
    decode::{self, Decoder},
    fit,
    onnx_runtime::{self, OnnxRuntime},
    prepare::Preparer,
    registry::{self, Task, Verified},
};
use crate::{
    geometry::{Camera, Rect},
    ids::CameraId,
    rink::Rink,
    time,
};
use opencv::{
    core::{CV_8UC3, Mat, Rect as Area, Scalar},
    prelude::*,
};

/// Where one picture's time went, microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Scaling and planes.
    pub prepare_us: u64,
    /// The network.
    pub infer_us: u64,
    /// Boxes.
    pub decode_us: u64,
}

/// A detector, opened.
pub struct Detector {
    model: Box<dyn Model>,
    preparer: Preparer,
    decoder: Decoder,
    nms: bool,
    score_min: f32,
    overlap_max: f32,
    config: Config,
    answers: Vec<Answer>,
    /// What the picture is looked at by.
    parts: Vec<Area>,
    tiles: Vec<Area>,
    /// Of each camera, where tiles are chosen.
    attentions: Vec<Attention>,
    looked: Vec<Rect>,
}

impl Detector {
    /// Opens what the configuration names.
    pub fn open(config: &Config) -> Result<Self, InferenceError> {
        let mut verified = registry::find(&config.registry, &config.model)?;
        verified.is_for(Task::Detection, "inference.model")?;
        verified.entry.input = verified
            .entry
            .input
            .resized(config.input_px)
            .map_err(|fault| InferenceError::SizeUnfit { model: verified.entry.name.clone(), fault })?;
        let model = open_model(config, &verified)?;
        let mut detector = Self {
            preparer: Preparer::new(&verified.entry.input),
            decoder: Decoder::new(&verified.entry),
            nms: verified.entry.output.nms(),
            score_min: config.score_min.unwrap_or(verified.entry.output.score_min),
            overlap_max: config.overlap_max.unwrap_or(verified.entry.output.overlap_max),
            config: config.clone(),
            answers: Vec::new(),
            parts: Vec::new(),
            tiles: Vec::new(),
            attentions: Vec::new(),
            looked: Vec::new(),
            model,
        };
        detector.try_once(&verified)?;
        Ok(detector)
    }

    /// What runs the network: `onnx_runtime` or `tract`.
    pub fn backend(&self) -> &'static str {
        self.model.backend()
    }

    /// What runs the network and what it runs on, such as `onnx_runtime, cpu`.
    pub fn engine(&self) -> String {
        format!("{}, {}", self.model.backend(), self.model.provider().name())
    }

    /// Says where the ice is in a camera's pictures: where tiles are chosen, no other is searched.
    pub fn set_ice(&mut self, of: CameraId, camera: &Camera, rink: &Rink) {
        self.attention(of).set_ice(camera.clone(), *rink);
    }

    /// Where the picture before was looked at, pixels; empty when that was everywhere.
    pub fn looked(&self) -> &[Rect] {
        &self.looked
    }

    /// Finds people and the puck in `image`, a picture of the camera `of`; `found` is emptied first.
    pub fn detect(&mut self, of: CameraId, image: &Mat, found: &mut Vec<Detection>) -> Result<Spent, InferenceError> {
        found.clear();
        if image.typ() != CV_8UC3 || image.cols() < 16 || image.rows() < 16 {
            let (width, height, channels) = (image.cols(), image.rows(), image.channels());
            return Err(InferenceError::PictureUnfit { width, height, channels });
        }
        let mut spent = Spent::default();
        self.choose(of, image)?;
        for part in &self.parts {
            let begun_us = time::monotonic_us();
            let (tensor, view) = self.preparer.prepare(image, *part)?;
            let prepared_us = time::monotonic_us();
            self.model.infer(tensor, &mut self.answers)?;
            let inferred_us = time::monotonic_us();
            self.decoder.collect(&self.answers, &view, self.score_min, found);
            spent.prepare_us += prepared_us - begun_us;
            spent.infer_us += inferred_us - prepared_us;
            spent.decode_us += time::monotonic_us() - inferred_us;
        }
        let begun_us = time::monotonic_us();
        // Neighbouring tiles see one player twice, whatever the network did.
        if self.nms || self.parts.len() > 1 {
            decode::suppress(found, self.overlap_max);
        } else {
            decode::rank(found);
        }
        if self.config.looks > 0 {
            self.attentions[usize::from(of.0)].learn(&self.parts, found);
        }
        spent.decode_us += time::monotonic_us() - begun_us;
        metrics::histogram!("inference_run_seconds").record(spent.infer_us as f64 * 1e-6);
        Ok(spent)
    }

    /// The parts this picture is looked at by.
    fn choose(&mut self, of: CameraId, image: &Mat) -> Result<(), InferenceError> {
        let (width, height) = (image.cols(), image.rows());
        self.parts.clear();
        self.looked.clear();
        if self.config.whole {
            self.parts.push(Area::new(0, 0, width, height));
        }
        divide(&self.config, width, height, &mut self.tiles);
        if self.config.looks == 0 {
            self.parts.extend_from_slice(&self.tiles);
            return Ok(());
        }
        self.attention(of);
        self.attentions[usize::from(of.0)].plan(image, &self.tiles, &mut self.parts)?;
        if !self.config.whole {
            let rect =
                |part: &Area| Rect { x: part.x as f32, y: part.y as f32, w: part.width as f32, h: part.height as f32 };
            self.looked.extend(self.parts.iter().map(rect));
        }
        Ok(())
    }

    fn attention(&mut self, of: CameraId) -> &mut Attention {
        let (index, looks) = (usize::from(of.0), self.config.looks as usize);
        while self.attentions.len() <= index {
            self.attentions.push(Attention::new(looks));
        }
        &mut self.attentions[index]
    }

    fn try_once(&mut self, verified: &Verified) -> Result<(), InferenceError> {
        let grey = Mat::new_rows_cols_with_default(64, 64, CV_8UC3, Scalar::all(114.0))?;
        let (tensor, _) = self.preparer.prepare(&grey, Area::new(0, 0, 64, 64))?;
        self.model.infer(tensor, &mut self.answers)?;
        fit::check(&verified.entry, &self.answers)
    }
}

/// All tiles of a picture, row by row.
fn divide(config: &Config, width: i32, height: i32, tiles: &mut Vec<Area>) {
    tiles.clear();
    let [columns, rows] = config.tiles.map(|n| n as i32);
    // `count` tiles of one length, each overlapping the next by the configured share.
    let span = |length: i32, count: i32, index: i32| {
        let overlap = config.tile_overlap;
        let tile = (length as f32 / (count as f32 - (count - 1) as f32 * overlap)).ceil().min(length as f32);
        let from = (index as f32 * tile * (1.0 - overlap)) as i32;
        (from.min(length - tile as i32), tile as i32)
    };
    for row in 0..rows {
        for column in 0..columns {
            let ((x, w), (y, h)) = (span(width, columns, column), span(height, rows, row));
            tiles.push(Area::new(x, y, w, h));
        }
    }
}

/// A network in the backend that is configured.
pub(super) fn open_model(config: &Config, verified: &Verified) -> Result<Box<dyn Model>, InferenceError> {
    let onnx_runtime = || -> Result<Box<dyn Model>, InferenceError> {
        let library = onnx_runtime::find_library(&config.library)?;
        Ok(Box::new(OnnxRuntime::open(verified, &library, config.threads, &config.providers)?))
    };
    match config.backend {
        Backend::OnnxRuntime => onnx_runtime(),
        Backend::Tract => open_tract(verified),
        Backend::Auto => match onnx_runtime() {
            // The library's fault, not the model's: tract may do, where the processor may.
            Err(fault @ InferenceError::LibraryUnusable { .. }) if config.providers.contains(&Provider::Cpu) => {
                tracing::warn!(target: "inference", "{fault}; using tract, which is slower");
                open_tract(verified)
            }
            opened => opened,
        },
    }
}

#[cfg(feature = "tract")]
fn open_tract(verified: &Verified) -> Result<Box<dyn Model>, InferenceError> {
    Ok(Box::new(super::tract::Tract::open(verified)?))
}

#[cfg(not(feature = "tract"))]
fn open_tract(_verified: &Verified) -> Result<Box<dyn Model>, InferenceError> {
    Err(InferenceError::NoTract)
}
