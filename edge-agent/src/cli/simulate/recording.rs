//! A recording folder: what a box with cameras and tags would have seen of a made-up game, and what was true.
//!
//! Comes in: a seed, cameras, a length. Goes out: for each camera N `calibration-N.toml`, `labels-N.jsonl` (one line a
//! frame) and, with `--video`, `camera-N.mp4`; with `--truth` `truth.jsonl`; with `--sensors` `sensors.bin`, the bytes
//! the receiver sends and when, as `run --replay --sensors` reads them. Never: overwrites the game by its cameras; the same seed is the same game however it is filmed.
//! Fails when a file cannot be written.

use super::Boxed;
use crate::{
    geometry::Camera,
    pipeline::REPLAY_START_US,
    sensors::{Arrival, recorded},
    simulation::{
        Config, Game,
        devices::Devices,
        render::{Look, Renderer},
        truth_file::TruthWriter,
    },
    time,
};
use anyhow::{Context, Result, ensure};
use clap::Args;
use firmware_protocol::{
    packet::{self, PACKET_BYTES_MAX},
    serial::SerialPacket,
};
use opencv::{
    core::{CV_8UC3, Mat, Size},
    prelude::*,
    videoio::VideoWriter,
};
use serde::Serialize;
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// What to record.
#[derive(Debug, Args)]
pub struct Recording {
    /// Chooses the game and the look of the hall.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder to write to.
    #[arg(long)]
    out: PathBuf,
    /// Length, seconds.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Where in the game to begin, seconds.
    #[arg(long, default_value_t = 0.0)]
    from: f64,
    /// Calibration file of a camera; repeat for more. Without any: one camera in the stands, 1920 × 1080.
    #[arg(long = "camera", value_name = "FILE")]
    cameras: Vec<PathBuf>,
    /// Frames per second.
    #[arg(long, default_value_t = 30.0)]
    fps: f64,
    /// Write what was true, 50 times a second.
    #[arg(long)]
    truth: bool,
    /// Write films.
    #[arg(long)]
    video: bool,
    /// Write what the tags, the puck and the scoreboard sent.
    #[arg(long)]
    sensors: bool,
}

/// One line of `labels-N.jsonl`.
#[derive(Serialize)]
struct Line<'a> {
    frame: u64,
    time_us: i64,
    boxes: &'a [Boxed],
}

/// Where a film goes: H.264 where ffmpeg is installed, else what OpenCV can write anywhere.
enum Film {
    Ffmpeg(Child),
    OpenCv(VideoWriter),
}

impl Film {
    fn open(path: &Path, camera: &Camera, fps: f64) -> Result<Self> {
        let size = format!("{}x{}", camera.width, camera.height);
        let child = Command::new("ffmpeg")
            .args([
                "-v",
                "error",
                "-y",
                "-f",
                "rawvideo",
                "-pix_fmt",
                "bgr24",
                "-s",
                &size,
                "-r",
                &fps.to_string(),
                "-i",
                "-",
            ])
            .args(["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p"])
            .arg(path)
            .stdin(Stdio::piped())
            .spawn();
        if let Ok(child) = child {
            return Ok(Self::Ffmpeg(child));
        }
        let name = path.to_str().with_context(|| format!("{} is not valid UTF-8", path.display()))?;
        let code = VideoWriter::fourcc('m', 'p', '4', 'v')?;
        let writer = VideoWriter::new(name, code, fps, Size::new(camera.width as i32, camera.height as i32), true)?;
        ensure!(writer.is_opened()?, "cannot write {name}: neither ffmpeg nor OpenCV's writer works");
        Ok(Self::OpenCv(writer))
    }

    fn write(&mut self, picture: &Mat) -> Result<()> {
        match self {
            Self::Ffmpeg(child) => {
                let pipe = child.stdin.as_mut().expect("the pipe was asked for");
                pipe.write_all(picture.data_bytes()?).context("ffmpeg stopped")
            }
            Self::OpenCv(writer) => Ok(writer.write(picture)?),
        }
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Ffmpeg(mut child) => {
                drop(child.stdin.take());
                let status = child.wait()?;
                ensure!(status.success(), "ffmpeg ended with {status}");
                Ok(())
            }
            Self::OpenCv(mut writer) => Ok(writer.release()?),
        }
    }
}

/// One camera at work.
struct Shot {
    renderer: Renderer,
    picture: Mat,
    film: Option<Film>,
    labels: BufWriter<File>,
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    Ok(BufWriter::new(File::create(path).with_context(|| format!("cannot write {}", path.display()))?))
}

fn cameras(args: &Recording) -> Result<Vec<Camera>> {
    if args.cameras.is_empty() {
        return Ok(vec![Camera::looking_at(1920, 1080, 75.0, [0.0, -30.0, 13.0], [0.0, -1.0, 0.0])]);
    }
    let read = |path: &PathBuf| -> Result<Camera> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is not a calibration", path.display()))
    };
    args.cameras.iter().map(read).collect()
}

/// Records it.
pub fn run(args: &Recording) -> Result<()> {
    ensure!((1.0..=240.0).contains(&args.fps), "--fps {} (use 1 to 240)", args.fps);
    fs::create_dir_all(&args.out).with_context(|| format!("cannot make folder {}", args.out.display()))?;
    let config = Config { seed: args.seed, ..Config::default() };
    let setup = config.setup();
    let mut game = Game::new(setup);
    let mut devices = args.sensors.then(|| Devices::new(&setup, config.devices.clone()));
    let mut truths =
        args.truth.then(|| create(&args.out.join("truth.jsonl"))).transpose()?.map(|to| TruthWriter::new(to, 50.0));
    let pieces = args.sensors.then(|| create(&args.out.join("sensors.bin"))).transpose()?;
    let mut pieces = pieces.map(recorded::Writer::new).transpose()?;
    let mut shots = Vec::new();
    for (i, camera) in cameras(args)?.iter().enumerate() {
        let n = i + 1;
        fs::write(args.out.join(format!("calibration-{n}.toml")), toml::to_string(camera)?)?;
        shots.push(Shot {
            renderer: Renderer::new(camera, setup.rink, Look::standard(args.seed)),
            picture: Mat::new_rows_cols_with_default(camera.height as i32, camera.width as i32, CV_8UC3, 0.0.into())?,
            film: args
                .video
                .then(|| Film::open(&args.out.join(format!("camera-{n}.mp4")), camera, args.fps))
                .transpose()?,
            labels: create(&args.out.join(format!("labels-{n}.jsonl")))?,
        });
    }
    let start_us = (args.from * 1e6) as i64;
    game.step_to(start_us, |_| {});
    let frames = (args.seconds * args.fps).round() as u64;
    let (mut packets, mut spent_us) = (Vec::new(), 0);
    for frame in 0..frames {
        let mut failed = None;
        game.step_to(start_us + (frame as f64 * 1e6 / args.fps) as i64, |truth| {
            let mut see = || -> Result<()> {
                if let Some(truths) = &mut truths {
                    truths.write(truth)?;
                }
                if let (Some(devices), Some(pieces)) = (&mut devices, &mut pieces) {
                    packets.clear();
                    devices.observe(truth, &mut packets);
                    pieces.write(&piece(&packets, truth.time_us - start_us)?)?;
                }
                Ok(())
            };
            if let Err(error) = see() {
                failed.get_or_insert(error);
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        for shot in &mut shots {
            let began_us = time::monotonic_us();
            shot.renderer.render(game.truth(), shot.picture.data_bytes_mut()?);
            spent_us += time::monotonic_us() - began_us;
            let boxes: Vec<Boxed> = shot.renderer.labels().iter().map(Boxed::from).collect();
            let line = Line { frame, time_us: game.truth().time_us, boxes: &boxes };
            writeln!(shot.labels, "{}", serde_json::to_string(&line)?)?;
            if let Some(film) = &mut shot.film {
                film.write(&shot.picture)?;
            }
        }
        if (frame + 1) % 150 == 0 || frame + 1 == frames {
            let each_ms = spent_us as f64 / 1000.0 / (frame + 1) as f64 / shots.len() as f64;
            eprintln!("{} of {frames} frames, {each_ms:.2} ms to draw each", frame + 1);
        }
    }
    for shot in &mut shots {
        shot.labels.flush()?;
        shot.film.take().map_or(Ok(()), Film::finish)?;
    }
    truths.map_or(Ok(()), |t| t.finish().map(drop))?;
    pieces.map_or(Ok(()), |mut pieces| pieces.flush())?;
    Ok(())
}

/// How long bytes take from a device to the box, microseconds.
const ON_THE_WAY_US: i64 = 2_000;

/// What the receiver sends of one instant, `time_us` after the films begin.
fn piece(packets: &[SerialPacket], time_us: i64) -> Result<recorded::Piece> {
    let mut bytes = Vec::new();
    let mut room = [0; PACKET_BYTES_MAX];
    for packet in packets {
        bytes.extend_from_slice(packet::encode(packet, &mut room)?);
    }
    let heard_us = time_us + ON_THE_WAY_US;
    let arrival = Arrival { monotonic_us: heard_us.max(0) as u64, utc_us: REPLAY_START_US + heard_us };
    Ok(recorded::Piece { line: 0, arrival, bytes })
}
