//! `edge-agent calibrate`: clicked landmarks to a camera file.
//!
//! Comes in: JSON, `{"post_E_N": [x, y], …}` in pixels, or several pictures as `{"picture": {…}, …}`. Goes out: the
//! pose and its error over the ice in centimetres, one JSON object a picture, the camera file and a picture to check it
//! by. Refuses what cannot be right and says why; the exit code is then 1.

pub mod overlay;

use crate::{
    geometry::{
        plane,
        solve::{self, Calibration, Miss, Point, quantile},
    },
    rink::{FOOT_M, Rink},
};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Finds a camera's pose from landmarks of the rink.
#[derive(Debug, Args)]
pub struct Calibrate {
    /// JSON with the landmarks' pixels: `{"center": [961, 540], "post_E_N": [x, y], ...}`.
    #[arg(long, value_name = "FILE", required_unless_present = "names")]
    pub landmarks: Option<PathBuf>,
    /// Width and height of the picture the landmarks were clicked in [default: the picture's, or 1920x1080].
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub size: Option<[u32; 2]>,
    /// The picture the landmarks were clicked in.
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
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
    /// 60 × 30 metres.
    Iihf,
}

fn size(text: &str) -> Result<[u32; 2], String> {
    let parsed = text.split_once('x').and_then(|(w, h)| Some([w.parse().ok()?, h.parse().ok()?]));
    parsed.filter(|size: &[u32; 2]| size.iter().all(|side| *side >= 64)).ok_or_else(|| "such as 1920x1080".to_owned())
}

#[derive(Serialize)]
struct Named {
    name: String,
    cm: f64,
}

/// Runs the command.
pub fn run(args: &Calibrate) -> anyhow::Result<()> {
    let rink = match args.rink {
        Rules::Nhl => Rink::NHL,
        Rules::Iihf => Rink::IIHF,
    };
    if args.names {
        for (name, [x, y]) in rink.landmarks() {
            println!("{name:<12} x {x:7.2} m  y {y:7.2} m");
        }
        return Ok(());
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
                tell(args, picture, &calibration, &plain(&points), &rink);
                few += usize::from(points.len() == 4);
                left_out.extend_from_slice(&calibration.left_out);
                if let (Some(out), Some(canvas)) = (&args.overlay, &canvas) {
                    overlay::write(out, canvas.clone(), &calibration.camera, &points, &rink)?;
                }
                if let Some(out) = &args.out {
                    let text = toml::to_string(&calibration.camera)?;
                    std::fs::write(out, text).with_context(|| format!("cannot write {}", out.display()))?;
                }
            }
            Err(fault) => {
                refused += 1;
                if args.json {
                    println!("{}", json!({ "file": picture, "refused": format!("{fault:#}") }));
                } else {
                    println!("{picture}: refused: {fault:#}");
                }
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

fn tell(args: &Calibrate, picture: &str, calibration: &Calibration, plain: &[Miss], rink: &Rink) {
    let spread = |misses: &[Miss]| {
        let cm = |part| (quantile(misses, part) * 1000.0).round() / 10.0;
        let each: Vec<Named> = misses
            .iter()
            .map(|miss| Named { name: miss.name.clone(), cm: (miss.error_m * 1000.0).round() / 10.0 })
            .collect();
        json!({ "median": cm(0.5), "p90": cm(0.9), "max": cm(1.0), "each": each })
    };
    let likely = likely(calibration, rink);
    let [median_cm, p90_cm] = [0.5, 0.9].map(|part| (quantile(&likely, part) * 1000.0).round() / 10.0);
    if args.json {
        let feet = |part| (quantile(&calibration.left_out, part) / FOOT_M * 100.0).round() / 100.0;
        println!(
            "{}",
            json!({
                "file": picture,
                "camera": calibration.camera,
                "landmarks": calibration.refit.len(),
                "residual_px": (calibration.residual_px * 100.0).round() / 100.0,
                "refit_cm": spread(&calibration.refit),
                "leave_one_out_cm": spread(&calibration.left_out),
                "leave_one_out_ft": { "median": feet(0.5), "p90": feet(0.9), "max": feet(1.0) },
                "likely_over_ice_cm": { "median": median_cm, "p90": p90_cm, "square_metres_seen": 4 * likely.len() },
                "plain_leave_one_out_cm": (plain.len() == calibration.refit.len()).then(|| spread(plain)),
            })
        );
        return;
    }
    let [x, y, z] = calibration.camera.position_m;
    println!(
        "{picture}: camera at ({x:.1}, {y:.1}, {z:.1}) m, focal length {:.0} px; {} landmarks agree to {:.1} px; each left out is off by {:.0} cm in the median; over all the ice it sees {median_cm:.0} cm are likely, {p90_cm:.0} cm at the far end",
        calibration.camera.focal_px,
        calibration.refit.len(),
        calibration.residual_px,
        calibration.camera.error_m * 100.0,
    );
}

/// The likely error of every second metre of the ice that the picture shows.
fn likely(calibration: &Calibration, rink: &Rink) -> Vec<Miss> {
    rink.places()
        .filter_map(|place_m| calibration.likely_error_m(place_m))
        .map(|error_m| Miss { name: String::new(), error_m })
        .collect()
}
