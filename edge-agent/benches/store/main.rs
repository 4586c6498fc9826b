//! The journal beside other engines on the same disk: a table, and rows in `target/bench.json`.
//!
//! Comes in: nothing. Goes out, for our store, bare sled, SQLite (WAL, synchronous=FULL), redb, fjall and a bare file
//! with `fdatasync`: records appended in groups, each group on disk before the next; how long a group takes; and, with a
//! journal filled, its writer killed in the middle of it: how long opening takes, and what memory it costs. Every engine
//! gets the same records in the same groups and the same memory for its cache, one after the other, each in processes of
//! its own pinned to one core; after the kill, what was acknowledged must be there.
//!
//! ```text
//! cargo bench --workspace --bench store        RINKSIDE_STORE_GB=5 for the whole of it (1 by default)
//!                                              RINKSIDE_STORE_ENGINES=ours,sled for some only
//! ```

mod child;
mod engine;
mod fjall;
mod load;
mod ours;
mod plain;
mod redb;
#[path = "../rows/mod.rs"]
mod rows;
mod sled;
mod sqlite;

use child::{Opened, Rate};
use rows::{Row, report};
use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// Groups a writer goes on with once it has filled its share, before it is killed.
const GROUPS_BEFORE_KILL: usize = 20;
/// Who is measured, ours first, and the name a reader knows.
const ENGINES: [(&str, &str); 6] = [
    ("ours", "our store"),
    ("sled", "bare sled"),
    ("sqlite", "SQLite (WAL, synchronous=FULL)"),
    ("redb", "redb"),
    ("fjall", "fjall"),
    ("plain", "a bare file, fdatasync"),
];

/// What one engine did; times in milliseconds, memory in MiB.
struct Found {
    name: &'static str,
    rate: Rate,
    /// Not for the bare file: it has nothing to open.
    opened: Option<(f64, Opened)>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, engine, what, folder, gigabytes] = arguments.as_slice()
        && word == child::WORD
    {
        return child::run(engine, what, Path::new(folder), gigabytes.parse().expect("gigabytes are a number"));
    }
    // Test runners only ask what there is to run; `cargo bench` says so.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let gigabytes: f64 = std::env::var("RINKSIDE_STORE_GB").ok().and_then(|text| text.parse().ok()).unwrap_or(1.0);
    let wanted = std::env::var("RINKSIDE_STORE_ENGINES").unwrap_or_default();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.split(',').any(|word| word == name);
    let mut found = Vec::new();
    for (engine, name) in ENGINES.into_iter().filter(|(engine, _)| is_wanted(engine)) {
        let rate = rate(engine);
        println!("{name}: {rate:?}");
        let opened = (engine != "plain").then(|| opened(engine, gigabytes));
        println!("{name}: {opened:?}");
        found.push(Found { name, rate, opened });
    }
    report(&table(&found, gigabytes));
}

/// Where the journals stand: on the disk that holds `target/`, one at a time.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder below target/")
}

fn rate(engine: &str) -> Rate {
    let folder = folder();
    let mut child = start(engine, "rate", folder.path(), 0.0);
    let last = said(&mut child).last().expect("the child says what it found");
    assert!(child.wait().is_ok_and(|status| status.success()), "{engine} failed");
    serde_json::from_str(&last).expect("one line of JSON")
}

/// Fills a journal, kills its writer, opens it: bytes on the disk in GiB, and what opening took.
fn opened(engine: &str, gigabytes: f64) -> (f64, Opened) {
    let folder = folder();
    let mut writer = start(engine, "fill", folder.path(), gigabytes);
    let mut acknowledged = 0u64;
    for (groups, line) in said(&mut writer).enumerate() {
        acknowledged = line.parse().expect("a number of records");
        if groups == GROUPS_BEFORE_KILL {
            writer.kill().expect("a child of ours can be killed");
        }
    }
    writer.wait().expect("it was killed");
    let on_disk = bytes_below(folder.path()) as f64 / f64::from(1 << 30);
    let mut reader = start(engine, "open", folder.path(), 0.0);
    let last = said(&mut reader).last().expect("the child says what it found");
    assert!(reader.wait().is_ok_and(|status| status.success()), "{engine} does not open after a kill");
    let opened: Opened = serde_json::from_str(&last).expect("one line of JSON");
    assert!(opened.tracks >= acknowledged, "{engine}: {acknowledged} acknowledged, {} there", opened.tracks);
    (on_disk, opened)
}

/// This program again, as a writer or reader of one engine, on one core where `taskset` is to be had.
fn start(engine: &str, what: &str, folder: &Path, gigabytes: f64) -> Child {
    let own = std::env::current_exe().expect("a running program has a path");
    let mut command = if is_pinned() {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", "0"]).arg(own);
        command
    } else {
        Command::new(own)
    };
    command.args([child::WORD, engine, what]).arg(folder).arg(gigabytes.to_string());
    command.stdout(Stdio::piped()).spawn().expect("this program starts again")
}

fn is_pinned() -> bool {
    Command::new("taskset").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn said(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().expect("it was piped")).lines().map_while(Result::ok)
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Ours beside its bars, then beside each other engine. Below one is better for times and memory.
fn table(found: &[Found], gigabytes: f64) -> Vec<Row> {
    let core = if is_pinned() { "one core" } else { "all cores" };
    let groups = format!(
        "groups of {} chunks and {} events, each on disk before the next, {core}, {} s",
        load::CHUNKS,
        load::EVENTS,
        load::SECONDS
    );
    let after = format!("{gigabytes} GB of records, writer killed with SIGKILL, file cache warm, {core}");
    println!(
        "\n{:<32} {:>12} {:>10} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8}",
        "engine", "positions/s", "events/s", "p50 ms", "p99 ms", "max ms", "open s", "open MiB", "peak MiB", "GiB disk"
    );
    for Found { name, rate, opened } in found {
        let (seconds, open, peak, disk) = opened
            .as_ref()
            .map_or((f64::NAN, f64::NAN, f64::NAN, f64::NAN), |(disk, o)| (o.seconds, o.open_mib, o.peak_mib, *disk));
        println!(
            "{name:<32} {:>12.0} {:>10.0} {:>8.2} {:>8.2} {:>8.2} {seconds:>8.2} {open:>9.1} {peak:>9.1} {disk:>8.2}",
            rate.positions, rate.events, rate.p50_ms, rate.p99_ms, rate.max_ms
        );
    }
    let Some(ours) = found.iter().find(|found| found.name == ENGINES[0].1) else { return Vec::new() };
    type Measure = (&'static str, &'static str, Option<f64>, fn(&Found) -> Option<f64>);
    let measures: [Measure; 6] = [
        ("store positions appended and on disk", "1/s", Some(500_000.0), |found| Some(found.rate.positions)),
        ("store events among them", "1/s", Some(10_000.0), |found| Some(found.rate.events)),
        ("store group on disk p50", "ms", None, |found| Some(found.rate.p50_ms)),
        ("store group on disk p99", "ms", Some(10.0), |found| Some(found.rate.p99_ms)),
        ("store opening after a kill", "s", Some(5.0), |found| Some(found.opened.as_ref()?.1.seconds)),
        ("store memory, most of it", "MiB", Some(64.0), |found| Some(found.opened.as_ref()?.1.peak_mib)),
    ];
    let mut rows = Vec::new();
    for (name, unit, bar, measure) in measures {
        let Some(value) = measure(ours) else { continue };
        let conditions = if matches!(unit, "s" | "MiB") { &after } else { &groups };
        if let Some(bar) = bar {
            rows.push(Row { peer: Some(("bar", bar)), ..Row::new(name, value, unit, conditions) });
        }
        for other in found.iter().filter(|other| other.name != ours.name) {
            let Some(theirs) = measure(other) else { continue };
            let name = format!("{name}, beside {}", other.name);
            rows.push(Row { peer: Some((other.name, theirs)), ..Row::new(name, value, unit, conditions) });
        }
    }
    rows
}
