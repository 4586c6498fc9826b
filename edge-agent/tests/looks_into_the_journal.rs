//! Promise: `edge-agent store` tells what a journal holds without changing it, exports every record, and finds every
//! harm; pointed at the wrong place it says so and leaves nothing there.
//!
//! Shown by the program that ships, on a journal with events, tracks and telemetry, some of it in sealed parts.

use edge_agent::store::{Store, StoreConfig};
use firmware_protocol::network::{Event, EventKind, GameClock, Record, Telemetry, TrackChunk};
use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

const RECORDS: u64 = 1_000;

fn records(number: u64) -> [Record; 3] {
    let captured_us = number as i64;
    let (clock, kind) = (GameClock::default(), EventKind::Goal);
    let (side, player, position_m) = (None, None, None);
    [
        Record::Event(Event { game: 7, captured_us, uncertainty_us: 0, clock, side, number: player, position_m, kind }),
        Record::Tracks(TrackChunk { game: 7, start_us: captured_us, step_us: 20_000, columns: Vec::new() }),
        Record::Telemetry(Telemetry { captured_us, name: "temperature".into(), subject: String::new(), value: 0.5 }),
    ]
}

fn config(folder: &Path) -> StoreConfig {
    StoreConfig { path: folder.join("store"), head_bytes: 1 << 16, disk_reserve_bytes: 0, ..StoreConfig::default() }
}

fn look(words: &[&str], path: &Path) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_edge-agent"));
    program.arg("store").args(words).arg("--path").arg(path).output().unwrap()
}

fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_journal_is_told_exported_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config).unwrap();
    for number in 0..RECORDS {
        let receipts = records(number).map(|record| store.append(&record).unwrap());
        for receipt in receipts {
            assert_eq!(receipt.wait().unwrap(), number);
        }
    }
    let held = store.stats();
    // While the box runs, nobody else looks into its journal.
    let refused = look(&["stats"], &config.path);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is another edge-agent running"), "{refused:?}");
    drop(store);
    assert!(fs::read_dir(config.path.with_extension("parts")).unwrap().count() > 0, "nothing is sealed");

    let told: Value = serde_json::from_str(&lines(&look(&["stats"], &config.path)).join("\n")).unwrap();
    assert_eq!(told, serde_json::to_value(&held).unwrap());
    let exported = lines(&look(&["export"], &config.path));
    assert_eq!(exported.len() as u64, 3 * RECORDS);
    let events = lines(&look(&["export", "--stream", "events"], &config.path));
    for (number, line) in (0..).zip(&events) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!((line["stream"].as_str(), line["sequence"].as_u64()), (Some("events"), Some(number)));
        assert_eq!(line["record"], serde_json::to_value(&records(number)[0]).unwrap());
    }
    assert_eq!(events.len() as u64, RECORDS);
    let found = lines(&look(&["fsck"], &config.path));
    assert_eq!(
        found.last().unwrap(),
        &format!("epoch {:016x}: 0 sequence numbers lost, 0 of them found now", held.epoch)
    );
    assert_eq!(Store::open(&config).unwrap().stats(), held, "to look changes nothing");
}

#[test]
fn harm_is_told_with_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config).unwrap();
    for number in 0..RECORDS {
        for record in records(number) {
            store.append_and_wait(&record).unwrap();
        }
    }
    drop(store);
    let parts = fs::read_dir(config.path.with_extension("parts")).unwrap();
    let part = parts.map(|entry| entry.unwrap().path()).min().unwrap();
    let mut bytes = fs::read(&part).unwrap();
    bytes[40] ^= 1;
    fs::write(&part, bytes).unwrap();
    let found = lines(&look(&["fsck"], &config.path));
    assert!(found.iter().any(|line| line.contains(": lost (unreadable on disk)")), "{found:?}");
    assert!(found.last().unwrap().contains(": 1 sequence numbers lost"), "{found:?}");
}

#[test]
fn a_place_without_a_journal_stays_without_one() {
    let folder = tempfile::tempdir().unwrap();
    for words in [&["stats"][..], &["export"], &["fsck"]] {
        let refused = look(words, folder.path());
        assert!(!refused.status.success());
        assert!(String::from_utf8_lossy(&refused.stderr).contains("holds no journal"), "{refused:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let refused = look(&["export", "--stream", "everything"], folder.path());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("events, tracks, telemetry"), "{refused:?}");
}
