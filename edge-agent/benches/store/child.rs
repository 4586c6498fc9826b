//! What a process of its own does with one engine: measure the rate, fill until killed, or open what a killed one left.

use crate::{engine, load};
use firmware_protocol::network::{Record, Stream};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::{
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

/// The first argument of such a process.
pub const WORD: &str = "store-child";
/// Groups appended before the rate counts.
const WARM_GROUPS: usize = 100;
/// What is done with an opened journal before its memory is read: batches read, then groups appended.
const BATCHES: u64 = 200;
const BATCH_RECORDS: usize = 512;
const GROUPS: usize = 200;

/// How fast groups went.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rate {
    pub positions: f64,
    pub events: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// Processor seconds used in a second.
    pub processor: f64,
}

/// How opening went. Memory is what came on top of the process before it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Opened {
    pub seconds: f64,
    pub open_mib: f64,
    pub peak_mib: f64,
    /// Records of the stream `tracks` found.
    pub tracks: u64,
}

/// Does `what`, and says what it found on standard output.
pub fn run(name: &str, what: &str, folder: &Path, gigabytes: f64) {
    match what {
        "rate" => say(&rate(name, folder)),
        "fill" => fill(name, folder, gigabytes),
        "open" => say(&open(name, folder)),
        _ => panic!("no such work: {what}"),
    }
}

fn say<T: Serialize>(found: &T) {
    println!("{}", serde_json::to_string(found).expect("figures are plain JSON"));
}

fn rate(name: &str, folder: &Path) -> Rate {
    let mut engine = engine::open(name, folder);
    let group = load::group();
    (0..WARM_GROUPS).for_each(|_| engine.append(&group));
    let mut taken_us = Histogram::<u64>::new(3).expect("three digits are allowed");
    let (began, used, mut groups) = (Instant::now(), processor_seconds(), 0u32);
    while began.elapsed() < Duration::from_secs(load::SECONDS) {
        let asked = Instant::now();
        engine.append(&group);
        taken_us.record(asked.elapsed().as_micros() as u64).expect("it grows as it must");
        groups += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    let each = f64::from(groups) / seconds;
    let milliseconds = |quantile| taken_us.value_at_quantile(quantile) as f64 / 1e3;
    Rate {
        positions: each * (load::CHUNKS * load::POSITIONS) as f64,
        events: each * load::EVENTS as f64,
        p50_ms: milliseconds(0.5),
        p99_ms: milliseconds(0.99),
        max_ms: milliseconds(1.0),
        processor: (processor_seconds() - used) / seconds,
    }
}

/// Fills until so much is kept, then says after each group how many chunks are acknowledged, until it is killed.
fn fill(name: &str, folder: &Path, gigabytes: f64) {
    let mut engine = engine::open(name, folder);
    let group = load::filling();
    let bytes: usize = group.iter().map(|record| firmware_protocol::network::encode(record).len()).sum();
    let chunks = group.iter().filter(|record| matches!(record, Record::Tracks(_))).count();
    let wanted = (gigabytes * 1e9 / bytes as f64).ceil() as usize;
    for groups in 1usize.. {
        engine.append(&group);
        if groups >= wanted {
            println!("{}", groups * chunks);
            if std::io::stdout().flush().is_err() {
                return;
            }
        }
    }
}

fn open(name: &str, folder: &Path) -> Opened {
    let before = memory_mib("VmRSS:");
    let began = Instant::now();
    let mut engine = engine::open(name, folder);
    let tracks = engine.next(Stream::Tracks);
    let seconds = began.elapsed().as_secs_f64();
    let opened = memory_mib("VmRSS:");
    let step = (tracks / BATCHES).max(1);
    for batch in 0..BATCHES {
        assert!(engine.read(Stream::Tracks, batch * step, BATCH_RECORDS) > 0, "nothing at {}", batch * step);
    }
    let group = load::group();
    (0..GROUPS).for_each(|_| engine.append(&group));
    Opened { seconds, open_mib: opened - before, peak_mib: memory_mib("VmHWM:") - before, tracks }
}

/// A line of this process's status, in MiB.
fn memory_mib(line: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status.lines().find_map(|found| found.strip_prefix(line)?.trim().strip_suffix(" kB")?.parse().ok());
    kilobytes.unwrap_or(f64::NAN) / 1024.0
}

/// Processor time of this process. Linux counts it in hundredths for everyone to see.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}
