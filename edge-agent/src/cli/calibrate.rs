//! `edge-agent calibrate`: clicked landmarks to a camera file.
//!
//! Comes in: JSON, `{"post_E_N": [x, y], …}` in pixels, or several pictures as `{"picture": {…}, …}`. Goes out: the
//! pose and its error over the ice in centimetres, one JSON object a picture, and the camera file. Refuses what
//! cannot be right and says why; the exit code is then 1.

use crate::{
    geometry::{
        plane,
        solve::{self, Calibration, Miss, Point, quantile},
    },
    rink::Rink,
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
    /// Width and height of the picture the landmarks were clicked in.
    #[arg(long, value_name = "WxH", default_value = "1920x1080", value_parser = size)]
    pub size: [u32; 2],
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
    if args.out.is_some() && pictures.len() != 1 {
        bail!("--out writes one camera; {} holds {} pictures", path.display(), pictures.len());
    }
    let mut refused = 0;
    for (picture, landmarks) in &pictures {
        let solved = points(landmarks, &rink)
            .and_then(|points| Ok((solve::solve(&points, args.size[0], args.size[1])?, plain(&points))));
        match solved {
            Ok((calibration, plain)) => {
                tell(args, picture, &calibration, &plain);
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
            let place_m = rink
                .landmark(name)
                .with_context(|| format!("no landmark `{name}`: see `edge-agent calibrate --names`"))?;
            let pixel = serde_json::from_value(value.clone())
                .with_context(|| format!("landmark `{name}` is {value}, not [x, y] in pixels"))?;
            Ok(Point { name: name.clone(), place_m, pixel })
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

fn tell(args: &Calibrate, picture: &str, calibration: &Calibration, plain: &[Miss]) {
    let spread = |misses: &[Miss]| {
        let cm = |part| (quantile(misses, part) * 1000.0).round() / 10.0;
        let each: Vec<Named> = misses
            .iter()
            .map(|miss| Named { name: miss.name.clone(), cm: (miss.error_m * 1000.0).round() / 10.0 })
            .collect();
        json!({ "median": cm(0.5), "p90": cm(0.9), "max": cm(1.0), "each": each })
    };
    if args.json {
        let left_out = (!calibration.left_out.is_empty()).then(|| spread(&calibration.left_out));
        println!(
            "{}",
            json!({
                "file": picture,
                "camera": calibration.camera,
                "landmarks": calibration.refit.len(),
                "residual_px": (calibration.residual_px * 100.0).round() / 100.0,
                "refit_cm": spread(&calibration.refit),
                "leave_one_out_cm": left_out,
                "plain_leave_one_out_cm": (plain.len() == calibration.refit.len()).then(|| spread(plain)),
            })
        );
        return;
    }
    let [x, y, z] = calibration.camera.position_m;
    println!(
        "{picture}: camera at ({x:.1}, {y:.1}, {z:.1}) m, focal length {:.0} px; {} landmarks agree to {:.1} px; off by {:.0} cm in the median over the ice{}",
        calibration.camera.focal_px,
        calibration.refit.len(),
        calibration.residual_px,
        calibration.camera.error_m * 100.0,
        if calibration.left_out.is_empty() { " (click a fifth landmark to have this checked)" } else { "" },
    );
}
