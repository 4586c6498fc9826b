//! `edge-agent calibrate`: clicked landmarks, or the lines a picture shows, to a camera file.
//!
//! Comes in: JSON, `{"post_E_N": [x, y], …}` in pixels, or several pictures as `{"picture": {…}, …}`. Goes out: the
//! pose and its error over the ice in centimetres, one JSON object a picture, the camera file and a picture to check it
//! by. Refuses what cannot be right and says why; the exit code is then 1.

pub mod overlay;
pub mod tell;
pub mod lines;

use crate::{
    geometry::{
        Camera, plane,
        solve::{self, Miss, Point, quantile},
    },
    rink::{FOOT_M, Rink},
};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// Finds a camera's pose from landmarks of the rink.
#[derive(Debug, Args)]
pub struct Calibrate {
    /// JSON with the landmarks' pixels: `{"center": [961, 540], "post_E_N": [x, y], ...}`.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["names", "lines"])]
    pub landmarks: Option<PathBuf>,
    /// Width and height of the picture the landmarks were clicked in [default: the picture's, or 1920x1080].
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub size: Option<[u32; 2]>,
    /// The picture the landmarks were clicked in.
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
    /// Look for painted lines in the picture: with two landmarks or more, or with none and `--side`.
    #[arg(long, requires = "picture")]
    pub lines: bool,
    /// On which side of the rink the camera stands, for `--lines` without landmarks: a rink looks the same after half
    /// a turn.
    #[arg(long, value_enum, requires = "lines")]
    pub side: Option<lines::Stand>,
    /// Where to write that picture with the rink's lines as this camera sees them, to check by eye.
    #[arg(long, value_name = "FILE", requires = "picture")]
    pub overlay: Option<PathBuf>,
    /// Which rules the ice is painted by.
    #[arg(long, value_enum, default_value_t = Rules::Nhl)]
    pub rink: Rules,
    /// Where to write the camera file, for `calibration` in the configuration.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// One JSON object a picture instead of a sentence.
    #[arg(long)]
    pub json: bool,
    /// List the names of all landmarks with their places, and stop.
    #[arg(long)]
    pub names: bool,
}

/// Whose rink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rules {
    /// 200 × 85 feet.
    Nhl,
    /// The same size with goal lines 13 feet from the end, as until 2005 and in many college rinks.
    #[value(name = "nhl1998")]
    Nhl1998,
    /// 60 × 30 metres.
    Iihf,
}

fn size(text: &str) -> Result<[u32; 2], String> {
    let parsed = text.split_once('x').and_then(|(w, h)| Some([w.parse().ok()?, h.parse().ok()?]));
    parsed.filter(|size: &[u32; 2]| size.iter().all(|side| *side >= 64)).ok_or_else(|| "such as 1920x1080".to_owned())
}

/// Runs the command.
pub fn run(args: &Calibrate) -> anyhow::Result<()> {
    let rink = match args.rink {
        Rules::Nhl => Rink::NHL,
        Rules::Nhl1998 => Rink::NHL_1998,
        Rules::Iihf => Rink::IIHF,
    };
    if args.names {
        for (name, [x, y]) in rink.landmarks() {
            println!("{name:<12} x {x:7.2} m  y {y:7.2} m");
        }
        return Ok(());
    }
    if args.lines {
        return from_lines(args, &rink);
    }
    let path = args.landmarks.as_ref().context("no --landmarks FILE")?;
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let pictures = pictures(&text).with_context(|| format!("{}", path.display()))?;
    if (args.out.is_some() || args.picture.is_some()) && pictures.len() != 1 {
        bail!("--out and --picture are for one camera; {} holds {} pictures", path.display(), pictures.len());
    }
    let (canvas, size) = match &args.picture {
        Some(path) => {
            let (canvas, size) = overlay::read(path)?;
            if args.size.is_some_and(|said| said != size) {
                bail!("{} is {}x{}: leave --size away", path.display(), size[0], size[1]);
            }
            (Some(canvas), size)
        }
        None => (None, args.size.unwrap_or([1920, 1080])),
    };
    let (mut refused, mut left_out, mut few) = (0, Vec::new(), 0);
    for (picture, landmarks) in &pictures {
        let solved = points(landmarks, &rink).and_then(|points| Ok((solve::solve(&points, size[0], size[1])?, points)));
        match solved {
            Ok((calibration, points)) => {
                tell::tell(args, picture, &calibration, &plain(&points), None, &rink);
                few += usize::from(points.len() == 4);
                left_out.extend_from_slice(&calibration.left_out);
                if let (Some(out), Some(canvas)) = (&args.overlay, &canvas) {
                    overlay::write(out, canvas.clone(), &calibration.camera, &points, &rink)?;
                }
                keep(args, &calibration.camera)?;
            }
            Err(fault) => {
                refused += 1;
                tell::refused(args, picture, &fault);
            }
        }
    }
    if pictures.len() > 1 && !left_out.is_empty() {
        let [median, tail] = [0.5, 0.9].map(|part| quantile(&left_out, part));
        eprintln!(
            "leave-one-out over {} points of {} pictures ({few} of them with four points, so placed by three): median {:.0} cm ({:.2} ft), nine in ten within {:.0} cm ({:.2} ft)",
            left_out.len(),
            pictures.len() - refused,
            median * 100.0,
            median / FOOT_M,
            tail * 100.0,
            tail / FOOT_M
        );
    }
    if refused > 0 {
        bail!("{refused} of {} pictures refused", pictures.len());
    }
    Ok(())
}

/// One picture, by its lines.
fn from_lines(args: &Calibrate, rink: &Rink) -> anyhow::Result<()> {
    let mut clicks = Vec::new();
    if let Some(path) = &args.landmarks {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let pictures = pictures(&text).with_context(|| format!("{}", path.display()))?;
        let [(_, landmarks)] = pictures.as_slice() else {
            bail!("--lines is for one camera; {} holds {} pictures", path.display(), pictures.len());
        };
        clicks = points(landmarks, rink)?;
    }
    match lines::run(args, &clicks, rink) {
        Ok(camera) => keep(args, &camera),
        Err(fault) => {
            let name = args.picture.as_ref().map_or_else(String::new, |path| path.display().to_string());
            tell::refused(args, &name, &fault);
            bail!("{name} refused")
        }
    }
}

/// Writes the camera file, if one is wanted.
fn keep(args: &Calibrate, camera: &Camera) -> anyhow::Result<()> {
    let Some(out) = &args.out else { return Ok(()) };
    std::fs::write(out, toml::to_string(camera)?).with_context(|| format!("cannot write {}", out.display()))
}

fn pictures(text: &str) -> anyhow::Result<Vec<(String, Map<String, Value>)>> {
    let whole: Map<String, Value> = serde_json::from_str(text).context("not a JSON object of landmarks")?;
    if whole.values().all(Value::is_object) && !whole.is_empty() {
        return Ok(whole
            .into_iter()
            .filter_map(|(name, landmarks)| match landmarks {
                Value::Object(landmarks) => Some((name, landmarks)),
                _ => None,
            })
            .collect());
    }
    Ok(vec![("landmarks".to_owned(), whole)])
}

fn points(landmarks: &Map<String, Value>, rink: &Rink) -> anyhow::Result<Vec<Point>> {
    landmarks
        .iter()
        .map(|(name, value)| {
            let place_m = rink.landmark(name).with_context(|| {
                let like = rink.landmarks_like(name, 3).join(", ");
                format!("no landmark `{name}`: nearest are {like}; all are in `edge-agent calibrate --names`")
            })?;
            let pixel = serde_json::from_value(value.clone())
                .with_context(|| format!("landmark `{name}` is {value}, not [x, y] in pixels"))?;
            Ok(Point { name: name.clone(), place_m, pixel, wall: rink.landmark_wall(name) })
        })
        .collect()
}

/// Leave-one-out of the plain homography: what the pose is measured against.
fn plain(points: &[Point]) -> Vec<Miss> {
    (0..points.len())
        .filter_map(|index| {
            let mut others = points.to_vec();
            let left = others.remove(index);
            let back = plane::homography(&others)?.try_inverse()?;
            let (place, _) = plane::apply(&back, left.pixel);
            let error_m = (place[0] - left.place_m[0]).hypot(place[1] - left.place_m[1]);
            Some(Miss { name: left.name, error_m })
        })
        .collect()
}
