//! `edge-agent track`: detections in MOT text to tracks in MOT text, by the tracker that runs in the box.
//!
//! Comes in: `frame,id,left,top,width,height,score` lines of one camera. Goes out: the same with identities. Here the
//! whole film is known, so a track's first frames, and gaps after which it was found again, are written too;
//! `--live` writes only what the box knew at each frame. Fails when a file cannot be read, understood or written.

use crate::{
    geometry::Rect,
    inference::{Class, Detection},
    tracking::{
        Config, Life, Tracker,
        evaluation::mot_text::{self, Row},
    },
};
use anyhow::{Context, ensure};
use std::{collections::BTreeMap, path::PathBuf};

/// Join detections of one camera to tracks (MOT text in and out)
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Detections: frame,id,left,top,width,height,score a line
    #[arg(long, value_name = "FILE")]
    pub detections: PathBuf,
    /// Frames per second of the film
    #[arg(long)]
    pub fps: f64,
    /// Where to write the tracks
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Settings: a TOML file with the keys of `[tracking]`; what ships when absent
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Write only what was known at each frame: no first frames of a track written afterwards, no gaps filled
    #[arg(long)]
    pub live: bool,
}

/// Runs it.
pub fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(args.fps.is_finite() && args.fps > 0.0, "--fps {}: must be more than 0", args.fps);
    let text = std::fs::read_to_string(&args.detections)
        .with_context(|| format!("cannot read {}", args.detections.display()))?;
    let rows = mot_text::parse(&text).with_context(|| args.detections.display().to_string())?;
    let config = match &args.settings {
        None => Config::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            toml::from_str(&text).with_context(|| path.display().to_string())?
        }
    };
    let faults = config.faults();
    ensure!(faults.is_empty(), "settings: {}", faults.join("; "));
    let mut tracks = String::new();
    for row in track(&rows, args.fps, config, args.live) {
        mot_text::write_row(&mut tracks, &row);
    }
    std::fs::write(&args.out, tracks).with_context(|| format!("cannot write {}", args.out.display()))
}

/// Tracks `rows` (in order of frame); answers rows in order of frame, then identity.
pub fn track(rows: &[Row], fps: f64, config: Config, live: bool) -> Vec<Row> {
    let mut tracker = Tracker::new(config);
    let mut lines: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    let mut believed: BTreeMap<i64, bool> = BTreeMap::new();
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Vec::new() };
    let mut frames = rows.chunk_by(|a, b| a.frame == b.frame).peekable();
    let mut detections = Vec::new();
    for frame in first.frame..=last.frame {
        detections.clear();
        if let Some(rows) = frames.next_if(|rows| rows[0].frame == frame) {
            detections.extend(rows.iter().map(|row| Detection {
                rect: row.rect,
                class: Class::Skater,
                score: row.score,
            }));
        }
        let captured_us = ((frame - first.frame) as f64 * 1e6 / fps).round() as i64;
        for track in tracker.update(captured_us, &detections, None) {
            let id = i64::from(track.id.0);
            let known = *believed
                .entry(id)
                .and_modify(|known| *known |= track.life != Life::Tentative)
                .or_insert(track.life != Life::Tentative);
            let write = match track.life {
                Life::Confirmed => true,
                Life::Tentative => !live,
                Life::Coasting => live,
                Life::Lost => false,
            };
            if write && (known || !live) {
                lines.entry(id).or_default().push(Row { frame, id, rect: track.rect, score: track.score });
            }
        }
    }
    lines.retain(|id, _| believed[id]);
    let mut rows: Vec<Row> = lines.into_values().flat_map(|line| if live { line } else { filled(&line) }).collect();
    rows.sort_by_key(|row| (row.frame, row.id));
    rows
}

/// A track's rows with straight lines through its gaps.
fn filled(line: &[Row]) -> Vec<Row> {
    let mut rows = Vec::with_capacity(line.len());
    for (index, row) in line.iter().enumerate() {
        if let Some(before) = index.checked_sub(1).map(|index| line[index]) {
            for frame in before.frame + 1..row.frame {
                let share = (frame - before.frame) as f32 / (row.frame - before.frame) as f32;
                let between = |a: f32, b: f32| a + (b - a) * share;
                let (a, b) = (before.rect, row.rect);
                let rect =
                    Rect { x: between(a.x, b.x), y: between(a.y, b.y), w: between(a.w, b.w), h: between(a.h, b.h) };
                rows.push(Row { frame, rect, ..before });
            }
        }
        rows.push(*row);
    }
    rows
}
