//! `edge-agent evaluate`: how good tracks or detections are against truth, as a table or JSON.
//!
//! Comes in: MOT text, or JSON lines `{file, frame, boxes: [{x, y, w, h, class, score}]}` as `edge-agent detect --json`
//! writes them. Goes out: the measures on standard output. Fails when a file cannot be read or understood.

use crate::{
    geometry::Rect,
    inference::Class,
    inference::Detection,
    tracking::evaluation::{
        self,
        degrade::{self, Degrading},
        detection::{Picture, score},
        mot_text,
    },
};
use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Score tracks or detections against truth
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// HOTA with its parts, IDF1, MOTA and switches of tracks (MOT text)
    Tracking {
        #[command(flatten)]
        files: Files,
        /// Somebody away for this many frames counts as somebody new
        #[arg(long, value_name = "FRAMES")]
        tracklet_gap: Option<i64>,
    },
    /// AP50, recall and precision of detections (JSON lines)
    Detection {
        #[command(flatten)]
        files: Files,
        /// Score from which a box counts for recall and precision
        #[arg(long, default_value_t = 0.5)]
        score_min: f32,
    },
    /// Make detections of truth as a poor detector would: dropped, jittered, false boxes (MOT text)
    Degrade {
        /// Truth
        #[arg(long, value_name = "FILE")]
        truth: PathBuf,
        /// Where to write the detections
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// All randomness comes from here
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

#[derive(Debug, clap::Args)]
struct Files {
    /// What is true
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    /// What was found
    #[arg(long, value_name = "FILE")]
    predicted: PathBuf,
    /// Answer as one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(args: &Args) -> anyhow::Result<()> {
    match &args.what {
        What::Tracking { files, tracklet_gap } => {
            let mut truth = mot_text::frames(&mot_rows(&files.truth)?);
            if let Some(gap) = tracklet_gap {
                ensure!(*gap > 0, "--tracklet-gap {gap}: must be more than 0");
                truth = degrade::split_after(&truth, *gap);
            }
            let predicted = mot_text::frames(&mot_rows(&files.predicted)?);
            say(&evaluation::tracking(&truth, &predicted), files.json)
        }
        What::Detection { files, score_min } => say(&detections(files, *score_min)?, files.json),
        What::Degrade { truth, out, seed } => {
            let mut text = String::new();
            for row in degrade::degrade(&mot_rows(truth)?, Degrading::default(), *seed) {
                mot_text::write_row(&mut text, &row);
            }
            std::fs::write(out, text).with_context(|| format!("cannot write {}", out.display()))
        }
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn mot_rows(path: &Path) -> anyhow::Result<Vec<mot_text::Row>> {
    mot_text::parse(&read(path)?).with_context(|| path.display().to_string())
}

/// One JSON object, or a line for each measure.
fn say(score: &impl Serialize, json: bool) -> anyhow::Result<()> {
    let value = serde_json::to_value(score)?;
    if json {
        println!("{value}");
        return Ok(());
    }
    let mut lines = Vec::new();
    flatten("", &value, &mut lines);
    for (name, value) in lines {
        println!("{name:<24}{value:>12}");
    }
    Ok(())
}

fn flatten(prefix: &str, value: &serde_json::Value, lines: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&name, value, lines);
            }
        }
        serde_json::Value::Number(number) if number.is_f64() => {
            lines.push((prefix.to_owned(), format!("{:.4}", number.as_f64().unwrap_or_default())));
        }
        other => lines.push((prefix.to_owned(), other.to_string())),
    }
}

/// One line of `edge-agent detect --json`; truth needs no score.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(default)]
    file: String,
    #[serde(default)]
    frame: i64,
    boxes: Vec<LineBox>,
}

#[derive(Debug, Deserialize)]
struct LineBox {
    x: f32,
    y: f32,
    w: f32,
    h: f32,
    class: Class,
    #[serde(default = "certain")]
    score: f32,
}

fn certain() -> f32 {
    1.0
}

type Pictures = BTreeMap<(String, i64), Vec<Detection>>;

fn pictures(path: &Path) -> anyhow::Result<Pictures> {
    let mut pictures = Pictures::new();
    for (index, line) in read(path)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line =
            serde_json::from_str(line).with_context(|| format!("{} line {}", path.display(), index + 1))?;
        // Truth and prediction may have been made in different folders.
        let name = Path::new(&line.file).file_name().map(|name| name.to_string_lossy().into_owned());
        let boxes = line.boxes.into_iter().map(|found| Detection {
            rect: Rect { x: found.x, y: found.y, w: found.w, h: found.h },
            class: found.class,
            score: found.score,
        });
        pictures.entry((name.unwrap_or_default(), line.frame)).or_default().extend(boxes);
    }
    Ok(pictures)
}

fn detections(files: &Files, score_min: f32) -> anyhow::Result<serde_json::Value> {
    let (truth, predicted) = (pictures(&files.truth)?, pictures(&files.predicted)?);
    let keys: BTreeSet<_> = truth.keys().chain(predicted.keys()).collect();
    let pictures: Vec<Picture> = keys
        .into_iter()
        .map(|key| Picture {
            truth: truth.get(key).map_or(&[], Vec::as_slice),
            predicted: predicted.get(key).map_or(&[], Vec::as_slice),
        })
        .collect();
    let [people, puck] = score(&pictures, score_min);
    Ok(serde_json::json!({ "pictures": pictures.len(), "score_min": score_min, "people": people, "puck": puck }))
}
