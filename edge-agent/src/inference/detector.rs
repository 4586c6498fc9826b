//! The stage: one picture in, its detections out, looked at whole, in tiles, or both.
//!
//! Comes in: a BGR picture and the camera it is of. Goes out: [`Detection`]s, where was looked, and how long each step
//! took. Opens everything, and runs the
//! network once on grey, before the first picture: what is wrong with a model is known at the start.

use super::{
    Answer, Class, Detection, InferenceError, Model,
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

/// Times a picture is looked at again, each time closer.
const CLOSER_TIMES: usize = 2;
/// Fewer people than this say nothing of how large people are.
const FEW: usize = 3;
/// A picture shrunk more than this may hide everybody.
const FAR_SCALE: f32 = 0.3;
/// Least and most that one closer look enlarges people whose size is known.
const ENLARGE_MIN: f32 = 1.5;
const ENLARGE_MAX: f32 = 2.5;
/// Most columns and most rows when looking closer.
const CLOSER_TILES_MAX: u32 = 8;
/// A person higher than this share of a tile is left to looking at the whole.
const TILE_SHARE_MAX: f32 = 0.5;

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
    /// Parts of this picture looked at so far.
    looked_at: usize,
    /// Of people found so far, pixels of the input.
    heights: Vec<f32>,
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
            looked_at: 0,
            heights: Vec::new(),
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
        self.look(image, found, &mut spent)?;
        for _ in 0..CLOSER_TIMES {
            if !self.come_closer(image, found) {
                break;
            }
            self.look(image, found, &mut spent)?;
        }
        let begun_us = time::monotonic_us();
        // Neighbouring tiles see one player twice, whatever the network did.
        if self.nms || self.looked_at > 1 {
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

    /// Looks at all of `parts`.
    fn look(&mut self, image: &Mat, found: &mut Vec<Detection>, spent: &mut Spent) -> Result<(), InferenceError> {
        for part in &self.parts {
            let begun_us = time::monotonic_us();
            let (tensor, view) = self.preparer.prepare(image, *part)?;
            let prepared_us = time::monotonic_us();
            self.model.infer(tensor, &mut self.answers)?;
            let inferred_us = time::monotonic_us();
            let first = found.len();
            self.decoder.collect(&self.answers, &view, self.score_min, found);
            if self.looked_at > 0 {
                // Whoever fills a tile is seen better whole; what fills one is seldom anybody.
                let most = part.height as f32 * TILE_SHARE_MAX;
                let mut index = 0;
                found.retain(|detection| {
                    index += 1;
                    index <= first || detection.rect.h <= most
                });
            }
            spent.prepare_us += prepared_us - begun_us;
            spent.infer_us += inferred_us - prepared_us;
            spent.decode_us += time::monotonic_us() - inferred_us;
        }
        self.looked_at += self.parts.len();
        Ok(())
    }

    /// Sets `parts` to tiles that enlarge the people found so far, when they are small; whether there is need.
    fn come_closer(&mut self, image: &Mat, found: &[Detection]) -> bool {
        if self.config.closer_px == 0 || self.config.looks > 0 {
            return false;
        }
        let part = self.parts[0];
        let scale = self.preparer.scale(part);
        self.heights.clear();
        self.heights.extend(found.iter().filter(|seen| seen.class != Class::Puck).map(|seen| seen.rect.h * scale));
        self.heights.sort_unstable_by(f32::total_cmp);
        let wanted = self.config.closer_px as f32;
        let enlarge = match self.heights.get(self.heights.len() / 2) {
            Some(median) if self.heights.len() >= FEW => (wanted / median).min(ENLARGE_MAX),
            // So few may be all there are, or all that can be seen from here: then pixel by pixel.
            _ if scale < FAR_SCALE => 1.0 / scale,
            _ => return false,
        };
        if enlarge <= 1.0 || scale >= 1.0 {
            return false;
        }
        let enlarge = enlarge.max(ENLARGE_MIN);
        let tiles = |length: i32, tile: i32| {
            let times = (length as f32 / tile as f32 * enlarge).ceil();
            (times as u32).clamp(2, CLOSER_TILES_MAX)
        };
        let grid = [tiles(image.cols(), part.width), tiles(image.rows(), part.height)];
        divide(grid, self.config.tile_overlap, image.cols(), image.rows(), &mut self.parts);
        true
    }

    /// The parts this picture is looked at by.
    fn choose(&mut self, of: CameraId, image: &Mat) -> Result<(), InferenceError> {
        let (width, height) = (image.cols(), image.rows());
        self.parts.clear();
        self.looked.clear();
        self.looked_at = 0;
        if self.config.whole {
            self.parts.push(Area::new(0, 0, width, height));
        }
        divide(self.config.tiles, self.config.tile_overlap, width, height, &mut self.tiles);
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

/// All tiles of a picture, row by row; neighbours share `overlap` of their length.
fn divide(grid: [u32; 2], overlap: f32, width: i32, height: i32, tiles: &mut Vec<Area>) {
    tiles.clear();
    let [columns, rows] = grid.map(|n| n as i32);
    // `count` tiles of one length, each overlapping the next by the configured share.
    let span = |length: i32, count: i32, index: i32| {
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
