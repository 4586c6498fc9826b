//! How fast the tracker is, beside the fastest of its peers from `PyPI` on the same boxes: rows in `target/bench.json`.
//!
//! Thirteen skaters cross each other for a minute of 60 frames a second; boxes are dropped, jittered and made up as in
//! the tracking tests. Ours is timed over the minute again and again on one core; each peer over it once, by
//! `peers/tracking.py speed`, at its best settings. Without Python's packages our row stands without a ratio.

mod rows;

use edge_agent::{
    geometry::Rect,
    inference::{Class, Detection},
    tracking::{
        Config, Tracker,
        evaluation::{
            degrade::{Degrading, degrade},
            mot_text::{self, Row as Seen},
        },
    },
};
use rows::{Row, report};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

const FRAMES: i64 = 3_600;
const SKATERS: i64 = 13;
/// Minutes tracked in one run, and runs: the best counts, the machine has other work.
const MINUTES: u32 = 10;
const RUNS: usize = 5;

fn main() {
    // Test runners only ask what there is to run; `cargo bench` says so.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let boxes = degrade(&skaters(), Degrading::default(), 11);
    let frames: Vec<Vec<Detection>> = boxes
        .chunk_by(|a, b| a.frame == b.frame)
        .map(|rows| {
            rows.iter().map(|row| Detection { rect: row.rect, class: Class::Skater, score: row.score }).collect()
        })
        .collect();
    let ours = (0..RUNS).map(|_| rate(&frames)).fold(0.0, f64::max);
    let conditions =
        format!("{SKATERS} skaters, 60 fps, 15 % dropped, 5 % jitter, 5 % false, one core, best of {RUNS}");
    let mut row = Row::new("tracker core", ours, "frames/s", conditions);
    if let Some((name, rate)) = fastest_peer(&boxes) {
        println!("fastest peer: {name}, {rate:.0} frames/s");
        row.peer = Some(("fastest of trackers, bytetracker, ocsort from PyPI", rate));
    }
    report(&[
        row,
        Row {
            peer: Some(("bar", 50_000.0)),
            ..Row::new("tracker core, against its bar", ours, "frames/s", "the same run")
        },
    ]);
}

/// True boxes of skaters on ellipses of their own.
fn skaters() -> Vec<Seen> {
    (0..FRAMES)
        .flat_map(|frame| (0..SKATERS).map(move |id| (frame, id)))
        .map(|(frame, id)| {
            let angle = frame as f32 / 60.0 * (0.4 + 0.05 * id as f32) + id as f32;
            let (x, y) =
                (960.0 + (150.0 + 50.0 * id as f32) * angle.cos(), 540.0 + (60.0 + 20.0 * id as f32) * angle.sin());
            Seen { frame, id, rect: Rect { x: x - 25.0, y: y - 60.0, w: 50.0, h: 120.0 }, score: 1.0 }
        })
        .collect()
}

/// Frames per second.
fn rate(frames: &[Vec<Detection>]) -> f64 {
    let began = Instant::now();
    let mut told = 0;
    for _ in 0..MINUTES {
        let mut tracker = Tracker::new(Config::default());
        for (index, detections) in frames.iter().enumerate() {
            told += tracker.update(index as i64 * 1_000_000 / 60, detections, None).len();
        }
    }
    assert!(told > frames.len(), "tracks were found");
    (frames.len() * MINUTES as usize) as f64 / began.elapsed().as_secs_f64()
}

/// The fastest peer and its frames per second; `None`, said, when none is to be had.
fn fastest_peer(boxes: &[Seen]) -> Option<(String, f64)> {
    let python = std::env::var_os("RINKSIDE_PEERS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/setup/tracking-peers/bin/python"),
        PathBuf::from,
    );
    if !python.is_file() {
        println!("no peers to compare with: `make peers` installs them ({} is not there)", python.display());
        return None;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("detections.txt");
    let mut text = String::new();
    for row in boxes {
        mot_text::write_row(&mut text, row);
    }
    std::fs::write(&path, text).expect("a writable folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/tracking.py");
    let mut command = Command::new(python);
    command.arg(script).args(["speed", "--fps", "60", "--detections"]).arg(&path).stderr(Stdio::inherit());
    let answer = command.output().expect("the peers start");
    assert!(answer.status.success(), "the peers failed: {}", answer.status);
    let rates: std::collections::BTreeMap<String, f64> =
        serde_json::from_slice(&answer.stdout).expect("one line of JSON");
    rates.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))
}
