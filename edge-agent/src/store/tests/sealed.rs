//! What the store promises of an outage that outgrows sled: sealed parts.

use super::*;
use std::path::PathBuf;

/// Sled's share is so small that a few thousand records make dozens of parts.
fn small(folder: &Path) -> StoreConfig {
    StoreConfig { head_bytes: 1 << 16, ..config(folder) }
}

fn parts_path(config: &StoreConfig) -> PathBuf {
    config.path.with_extension("parts")
}

/// Names of the sealed parts of `stream`, oldest first.
fn parts(config: &StoreConfig, stream: Stream) -> Vec<PathBuf> {
    let entries = fs::read_dir(parts_path(config)).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_of = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(stream.name()) && path.extension().is_some_and(|kind| kind == "part")
    };
    let mut parts: Vec<_> = entries.filter(is_of).collect();
    parts.sort();
    parts
}

/// Appends `record(number)` for all of `numbers`, in groups, and waits until they are on disk.
fn append_all(store: &Store, numbers: std::ops::Range<u64>, record: impl Fn(u64) -> Record) {
    let numbers: Vec<u64> = numbers.collect();
    for group in numbers.chunks(100) {
        let receipts: Vec<_> = group.iter().map(|number| store.append(&record(*number)).unwrap()).collect();
        for receipt in receipts {
            receipt.wait().unwrap();
        }
    }
}

fn numbered(numbers: std::ops::Range<u64>, record: impl Fn(u64) -> Record) -> Vec<(u64, Record)> {
    numbers.map(|number| (number, record(number))).collect()
}

#[test]
fn an_outage_is_sealed_read_in_order_and_gone_when_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let config = small(folder.path());
    let store = Store::open(&config).unwrap();
    let epoch = store.epoch();
    for round in 0..40 {
        append_all(&store, round * 100..(round + 1) * 100, event);
        append_all(&store, round * 100..(round + 1) * 100, telemetry);
    }
    let sealed = parts(&config, Stream::Telemetry).len();
    assert!(sealed > 10, "{sealed} parts");
    let check = |store: &Store, first: u64| {
        assert_eq!(all(store, Stream::Events), numbered(first..4_000, event));
        assert_eq!(all(store, Stream::Telemetry), numbered(0..4_000, telemetry));
    };
    check(&store, 0);
    let held_bytes = store.stats().streams.map(|stream| stream.bytes);
    drop(store);

    let store = Store::open(&config).unwrap();
    assert_eq!((store.epoch(), store.stats().streams.map(|stream| stream.bytes)), (epoch, held_bytes));
    check(&store, 0);
    // In the middle of a part, and of what is in sled.
    for first in [777, 3_999] {
        store.forget_below(Stream::Events, first).unwrap();
        append_all(&store, 0..1, tracks);
        check(&store, first);
    }
    let aside = folder.path().join("aside");
    fs::create_dir(&aside).unwrap();
    for part in parts(&config, Stream::Telemetry) {
        fs::copy(&part, aside.join(part.file_name().unwrap())).unwrap();
    }
    store.forget_below(Stream::Telemetry, 4_000).unwrap();
    append_all(&store, 1..2, tracks);
    assert_eq!(parts(&config, Stream::Telemetry), Vec::<PathBuf>::new());
    assert_eq!(store.stats().streams[Stream::Telemetry as usize].bytes, 0);
    drop(store);
    // A power cut may bring files back that were removed.
    for item in fs::read_dir(&aside).unwrap().flatten() {
        fs::copy(item.path(), parts_path(&config).join(item.file_name())).unwrap();
    }
    let store = Store::open(&config).unwrap();
    assert_eq!(all(&store, Stream::Telemetry), Vec::new());
    assert_eq!(parts(&config, Stream::Telemetry), Vec::<PathBuf>::new());
    assert_eq!(store.append_and_wait(&telemetry(4_000)).unwrap(), 4_000);
}

#[test]
fn a_harmed_part_costs_what_cannot_be_read_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = small(folder.path());
    let store = Store::open(&config).unwrap();
    append_all(&store, 0..4_000, telemetry);
    drop(store);
    let sealed = parts(&config, Stream::Telemetry);
    let flip = |path: &PathBuf, at: usize| {
        let mut bytes = fs::read(path).unwrap();
        bytes[at] ^= 0x10;
        fs::write(path, bytes).unwrap();
    };
    flip(&sealed[0], 0);
    flip(&sealed[1], 1_000);
    let cut = fs::read(&sealed[2]).unwrap();
    fs::write(&sealed[2], &cut[..cut.len() / 2]).unwrap();
    fs::remove_file(&sealed[4]).unwrap();
    let store = Store::open(&config).unwrap();
    let (mut whole, mut lost) = (0, 0);
    for (sequence, record) in all(&store, Stream::Telemetry) {
        match record {
            Record::Lost(loss) => lost += loss.to - loss.from + 1,
            record => {
                assert_eq!(record, telemetry(sequence));
                whole += 1;
            }
        }
    }
    assert_eq!(whole + lost, 4_000);
    // What sled's file still has of the part that is gone is found again.
    assert!((20..300).contains(&lost), "{lost} lost");
    drop(store);
    // Told once, it is told the same again.
    let store = Store::open(&config).unwrap();
    assert_eq!(
        all(&store, Stream::Telemetry).iter().filter(|(_, record)| !matches!(record, Record::Lost(_))).count(),
        whole as usize
    );
}

#[test]
fn sealed_telemetry_goes_before_sealed_tracks_and_events_stay() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig { bytes_max: 600_000, ..small(folder.path()) };
    let store = Store::open(&config).unwrap();
    append_all(&store, 0..1_000, event);
    append_all(&store, 0..2_000, telemetry);
    let lost = |store: &Store| store.stats().streams.map(|stream| stream.lost);
    let mut number = 0;
    while lost(&store)[Stream::Tracks as usize] == 0 {
        assert_eq!(lost(&store)[Stream::Events as usize], 0);
        append_all(&store, number..number + 100, tracks);
        number += 100;
        assert!(number < 100_000, "never full");
        assert!(store.stats().streams.iter().map(|stream| stream.bytes).sum::<u64>() <= 600_000);
    }
    assert_eq!(lost(&store)[Stream::Telemetry as usize], 2_000, "telemetry goes before tracks");
    append_all(&store, number..number + 5_000, tracks);
    assert_eq!(all(&store, Stream::Events), numbered(0..1_000, event), "events stay");
    let kept = all(&store, Stream::Tracks);
    assert!(matches!(&kept[0], (0, Record::Lost(loss)) if loss.to > 1_000), "{:?}", kept[0]);
    assert_eq!(kept.iter().filter(|(_, record)| matches!(record, Record::Lost(_))).count(), 1, "one loss tells all");
    drop(store);
    assert_eq!(all(&Store::open(&config).unwrap(), Stream::Tracks), kept, "the same after a restart");
}

#[test]
fn sealed_parts_survive_the_loss_of_everything_else() {
    let folder = tempfile::tempdir().unwrap();
    let config = small(folder.path());
    let store = Store::open(&config).unwrap();
    let epoch = store.epoch();
    append_all(&store, 0..4_000, telemetry);
    drop(store);
    fs::remove_dir_all(&config.path).unwrap();
    let store = Store::open(&config).unwrap();
    assert_eq!(store.epoch(), epoch);
    let kept = all(&store, Stream::Telemetry);
    let whole = kept.len() as u64 - 1;
    assert!(whole > 2_000, "{whole}");
    assert_eq!(kept[..whole as usize], numbered(0..whole, telemetry));
    assert!(matches!(&kept[whole as usize], (from, Record::Lost(_)) if *from == whole));
    assert!(store.append_and_wait(&telemetry(0)).unwrap() > 4_000, "no number is used twice");
}

#[test]
fn sealed_parts_move_behind_what_the_hub_holds() {
    let folder = tempfile::tempdir().unwrap();
    let config = small(folder.path());
    let store = Store::open(&config).unwrap();
    append_all(&store, 0..1_000, telemetry);
    drop(store);
    let store = Store::open(&config).unwrap();
    append_all(&store, 1_000..3_000, telemetry);
    store.follow_hub(Stream::Telemetry, 1_234).unwrap().wait().unwrap();
    let expected: Vec<_> = (1_000..3_000).map(|number| (number + 234, telemetry(number))).collect();
    assert_eq!(all(&store, Stream::Telemetry), expected);
    append_all(&store, 0..100, event);
    drop(store);
    assert_eq!(all(&Store::open(&config).unwrap(), Stream::Telemetry), expected, "the same after a restart");
}
