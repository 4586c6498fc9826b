//! `edge-agent detect`: the detector alone, on anyone's pictures and films.
//!
//! Comes in: pictures and films. Goes out: one JSON object a picture (`file`, `frame`, `boxes` in pixels), an
//! annotated copy where asked for, and on the error stream where the time went. A file that does not open ends it.

use crate::{
    capture::{
        Frame, Pace, Source, Start, Task,
        annotate::{self, Annotator, COLOURS, Mark},
        config::{CameraConfig, Origin, read_calibration},
        file::File,
        run as capture,
    },
    geometry::Camera,
    ids::CameraId,
    inference::{Class, Detection, Detector, NumberReader, Provider, Spent, config::Config, numbers::Reading},
    queue::{self, Overflow},
    rink::Rink,
    time,
};
use anyhow::bail;
use clap::Args;
use opencv::{
    core::Mat,
    imgcodecs::{IMREAD_COLOR, imread, imwrite_def},
    prelude::*,
};
use serde::Serialize;
use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    thread,
};

/// Finds people and the puck in pictures and films.
#[derive(Debug, Args)]
pub struct Detect {
    /// Pictures (png, jpg, bmp) and films.
    #[arg(required = true, value_name = "IMAGE|VIDEO")]
    pub files: Vec<PathBuf>,
    /// A model's name in the list, or its file.
    #[arg(long)]
    pub model: Option<String>,
    /// The list of models.
    #[arg(long, value_name = "FILE")]
    pub registry: Option<PathBuf>,
    /// Who runs it: auto, `onnx_runtime`, tract.
    #[arg(long, value_parser = backend)]
    pub backend: Option<crate::inference::config::Backend>,
    /// What ONNX Runtime runs it on, the first that works here: tensorrt, cuda, openvino, cpu.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = provider)]
    pub providers: Option<Vec<Provider>>,
    /// Threads of the network.
    #[arg(long)]
    pub threads: Option<usize>,
    /// Width and height the network is fed, such as 960x544.
    #[arg(long, value_name = "WxH", value_parser = pair)]
    pub input: Option<[u32; 2]>,
    /// Columns and rows of tiles looked at besides the whole picture, such as 3x2.
    #[arg(long, value_name = "CxR", value_parser = pair)]
    pub tiles: Option<[u32; 2]>,
    /// Look again, closer, where people are lower than this many pixels of the network's input; 0 never.
    #[arg(long, value_name = "PIXELS", default_value_t = 34)]
    pub closer: u32,
    /// Look only at this many parts of a tile's size in each picture, where people are and things move; films.
    #[arg(long, requires = "tiles")]
    pub looks: Option<u32>,
    /// Leave out boxes of a lower score.
    #[arg(long)]
    pub score_min: Option<f32>,
    /// Read jersey numbers too; with the name of a model in the list, by that one.
    #[arg(long, value_name = "MODEL", num_args = 0..=1, require_equals = true, default_missing_value = "number-reader")]
    pub numbers: Option<String>,
    /// A camera file: boxes whose feet are off the ice are left out.
    #[arg(long, value_name = "FILE")]
    pub calibration: Option<PathBuf>,
    /// Where to write a copy with boxes: .mp4 for a film, .png or .jpg for a picture.
    #[arg(long, value_name = "FILE")]
    pub annotate: Option<PathBuf>,
    /// One JSON object a picture instead of a sentence.
    #[arg(long)]
    pub json: bool,
}

fn pair(text: &str) -> Result<[u32; 2], String> {
    text.split_once('x')
        .and_then(|(a, b)| Some([a.parse().ok()?, b.parse().ok()?]))
        .ok_or_else(|| "two numbers with an x between, such as 3x2".to_owned())
}

fn backend(text: &str) -> Result<crate::inference::config::Backend, String> {
    serde_json::from_value(text.into()).map_err(|_| "auto, onnx_runtime or tract".to_owned())
}

fn provider(text: &str) -> Result<Provider, String> {
    serde_json::from_value(text.into()).map_err(|_| "tensorrt, cuda, openvino or cpu".to_owned())
}

#[derive(Serialize)]
struct Seen<'a> {
    file: &'a Path,
    frame: u64,
    boxes: Vec<Boxed>,
}

/// A box and what was read in it.
#[derive(Serialize)]
struct Boxed {
    #[serde(flatten)]
    detection: Detection,
    /// Jersey number, when it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u8>,
    /// How likely it is that there is a number to read, when it was looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    legibility: Option<f32>,
}

/// One run's tools and sums.
struct Run<'a> {
    args: &'a Detect,
    detector: Detector,
    reader: Option<NumberReader>,
    camera: Option<Camera>,
    found: Vec<Detection>,
    /// What was read in each of them.
    readings: Vec<Option<Reading>>,
    read_us: u64,
    reads: u64,
    spent: Spent,
    frames: u64,
}

/// Runs the command.
pub fn run(args: &Detect) -> anyhow::Result<()> {
    let mut config = Config::default();
    config.model = args.model.clone().unwrap_or(config.model);
    config.registry = args.registry.clone().unwrap_or(config.registry);
    config.backend = args.backend.unwrap_or(config.backend);
    config.providers = args.providers.clone().unwrap_or(config.providers);
    config.threads = args.threads.unwrap_or(config.threads);
    config.input_px = args.input.unwrap_or(config.input_px);
    config.tiles = args.tiles.unwrap_or(config.tiles);
    config.closer_px = if args.tiles.is_some() { 0 } else { args.closer };
    if let Some(looks) = args.looks {
        (config.looks, config.whole) = (looks, looks == 0);
    }
    config.score_min = args.score_min.or(config.score_min);
    config.numbers = args.numbers.clone().unwrap_or_default();
    if let Some(fault) = config.faults().first() {
        bail!("{fault}");
    }
    if args.annotate.is_some() && args.files.len() != 1 {
        bail!("--annotate writes one copy; {} files were given", args.files.len());
    }
    let camera = args.calibration.as_deref().map(read_calibration).transpose()?;
    let mut detector = Detector::open(&config)?;
    if let Some(camera) = &camera {
        detector.set_ice(CameraId(0), camera, &Rink::NHL);
    }
    let reader = NumberReader::open(&config)?;
    let mut run = Run {
        args,
        detector,
        reader,
        camera,
        found: Vec::new(),
        readings: Vec::new(),
        read_us: 0,
        reads: 0,
        spent: Spent::default(),
        frames: 0,
    };
    let begun_us = time::monotonic_us();
    for file in &args.files {
        if is_picture(file) { run.picture(file)? } else { run.film(file)? }
    }
    let (each, taken_us) = (run.frames.max(1), time::monotonic_us() - begun_us);
    let ms = |us: u64| us as f64 / 1e3 / each as f64;
    eprintln!(
        "{} pictures in {:.2} s: {:.1} a second with {}; each {:.2} ms to prepare, {:.2} ms in the network, {:.2} ms for boxes",
        run.frames,
        taken_us as f64 / 1e6,
        run.frames as f64 * 1e6 / taken_us.max(1) as f64,
        run.detector.engine(),
        ms(run.spent.prepare_us),
        ms(run.spent.infer_us),
        ms(run.spent.decode_us),
    );
    if run.reads > 0 {
        let each_ms = run.read_us as f64 / 1e3 / run.reads as f64;
        eprintln!("{} looks for a number, {each_ms:.2} ms each", run.reads);
    }
    Ok(())
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ["png", "jpg", "jpeg", "bmp", "webp", "tif", "tiff"].contains(&ending.as_str()))
}

impl Run<'_> {
    fn picture(&mut self, path: &Path) -> anyhow::Result<()> {
        if !path.is_file() {
            bail!("no picture at {}", path.display());
        }
        let mut image = imread(path, IMREAD_COLOR)?;
        if image.empty() {
            bail!("{} does not decode as a picture: cut short, or not one", path.display());
        }
        self.look(path, 0, &image)?;
        if let Some(out) = &self.args.annotate {
            annotate::draw(&mut image, &self.marks(), &Rink::NHL)?;
            if !imwrite_def(out, &image)? {
                bail!("cannot write {}", out.display());
            }
        }
        Ok(())
    }

    fn film(&mut self, path: &Path) -> anyhow::Result<()> {
        let config = CameraConfig::new("film", Origin::File(path.to_owned()));
        let film = File::open(path, &config, 0)?;
        let annotator = match &self.args.annotate {
            Some(out) => Some(Annotator::open(out, film.fps(), Rink::NHL, Overflow::Wait)?),
            None => None,
        };
        let (sender, frames) = queue::bounded::<Frame>("detect", 4, Overflow::Wait);
        let stop = AtomicBool::new(false);
        let task = Task {
            camera: CameraId(0),
            config: &config,
            pace: Pace::Replay,
            start: Start { utc_us: 0, monotonic_us: 0 },
            stop: &stop,
        };
        let mut film: Option<Box<dyn Source>> = Some(Box::new(film));
        thread::scope(|scope| {
            // Gone with this closure, so that a fault here does not leave the reader waiting at a full queue.
            let frames = frames;
            let decoding = scope.spawn(move || {
                let mut open = || Ok(film.take().expect("a replay opens its film once"));
                capture::run(&task, &mut open, &sender, &mut |_| {})
            });
            while let Some(frame) = frames.receive() {
                self.look(path, frame.sequence, &frame.image)?;
                if let Some(annotator) = &annotator {
                    annotator.add(frame, self.marks());
                }
            }
            decoding.join().expect("reading a film does not panic")?;
            anyhow::Ok(())
        })?;
        if let Some(annotator) = annotator {
            annotator.finish()?;
        }
        Ok(())
    }

    fn look(&mut self, file: &Path, frame: u64, image: &Mat) -> anyhow::Result<()> {
        let spent = self.detector.detect(CameraId(0), image, &mut self.found)?;
        if let Some(camera) = &self.camera {
            let camera = camera.scaled_to(image.cols() as u32, image.rows() as u32);
            // A metre: a skater at the boards, and the error of a box's lower edge.
            self.found.retain(|d| camera.to_ice(d.rect.foot()).is_some_and(|place| Rink::NHL.contains(place, 1.0)));
        }
        self.read(image)?;
        self.spent.prepare_us += spent.prepare_us;
        self.spent.infer_us += spent.infer_us;
        self.spent.decode_us += spent.decode_us;
        self.frames += 1;
        if self.args.json {
            writeln!(io::stdout(), "{}", serde_json::to_string(&Seen { file, frame, boxes: self.boxes() })?)?;
        } else {
            let pucks = self.found.iter().filter(|d| d.class == Class::Puck).count();
            let people = self.found.len() - pucks;
            writeln!(io::stdout(), "{} frame {frame}: {people} people, {pucks} puck(s)", file.display())?;
        }
        Ok(())
    }

    /// Reads everybody's number, when asked to.
    fn read(&mut self, image: &Mat) -> anyhow::Result<()> {
        self.readings.clear();
        self.readings.resize(self.found.len(), None);
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let begun_us = time::monotonic_us();
        for (detection, reading) in self.found.iter().zip(&mut self.readings) {
            if matches!(detection.class, Class::Skater | Class::Goalie) {
                *reading = reader.read(image, &detection.rect)?;
                self.reads += u64::from(reading.is_some());
            }
        }
        self.read_us += time::monotonic_us() - begun_us;
        Ok(())
    }

    fn boxes(&self) -> Vec<Boxed> {
        let boxed = |(detection, reading): (&Detection, &Option<Reading>)| Boxed {
            detection: *detection,
            number: reading.and_then(|reading| reading.number),
            legibility: reading.map(|reading| reading.legibility),
        };
        self.found.iter().zip(&self.readings).map(boxed).collect()
    }

    fn marks(&self) -> Vec<Mark> {
        self.found
            .iter()
            .zip(&self.readings)
            .map(|(d, reading)| {
                let (word, colour) = match d.class {
                    Class::Skater => ("skater", COLOURS[0]),
                    Class::Goalie => ("goalie", COLOURS[1]),
                    Class::Official => ("official", COLOURS[2]),
                    Class::Puck => ("puck", COLOURS[3]),
                };
                let place_m = self.camera.as_ref().and_then(|camera| camera.to_ice(d.rect.foot()));
                let number = reading.and_then(|reading| reading.number).map(|number| format!(" #{number}"));
                let label = format!("{word} {:.2}{}", d.score, number.unwrap_or_default());
                Mark { rect: d.rect, label, colour, place_m }
            })
            .collect()
    }
}
